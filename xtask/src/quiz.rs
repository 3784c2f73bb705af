//! `quiz.toml`: the course's questions with explained answers and the test that proves each.

mod command;
mod session;

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

pub(crate) use command::{Request, run};

use crate::course::{Course, Item};
use crate::pictures::Event;
use crate::{fault, files};

/// The questions of one item.
#[derive(Debug)]
pub(crate) struct Quiz {
    /// In the order in which they are asked.
    pub(crate) questions: Vec<Question>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "question", default)]
    questions: Vec<Spanned<Question>>,
}

/// One question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// Unique in the file, for instance `8.3.1`.
    pub(crate) id: String,
    /// The question itself.
    pub(crate) ask: String,
    /// How it is put.
    pub(crate) kind: Form,
    /// The answers to choose from.
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    /// What is to be brought into order: here in the right one.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// The children whose incarnations are to be predicted: here with the right ones.
    #[serde(default)]
    pub(crate) children: Vec<Child>,
    /// The explained answer; for a choice it begins with the right choice, word for word.
    pub(crate) answer: String,
    /// Name of the test that shows it; only an open question may do without.
    pub(crate) proof: Option<String>,
    /// What the proof draws its values from.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Ids of the coverage list.
    #[serde(default)]
    pub(crate) covers: Vec<String>,
    /// Its line in the file, from 1.
    #[serde(skip)]
    pub(crate) line: usize,
}

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// In the learner's own words.
    Open,
    /// One of several answers.
    Choice,
    /// Bring what happens into the right order.
    Order,
    /// Which incarnation of each child is there afterwards?
    Predict,
}

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// In words.
    pub(crate) say: String,
    /// A part of the first line of the proof's trace that shows it.
    pub(crate) shows: String,
}

/// A supervisor's child, and how often it has been started in the end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Child {
    /// The id that its supervisor knows it by.
    pub(crate) id: String,
    /// 1 for a child that was never restarted.
    pub(crate) incarnation: u32,
}

/// The ids of an item's questions; none, if it has no quiz.
pub(crate) fn ids(course: &Course, item: &Item) -> anyhow::Result<Vec<String>> {
    let path = course.root.join(item.dir()).join("quiz.toml");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let quiz = parse(&item.shown("quiz.toml"), &files::read(&path)?).map_err(fault::course)?;
    Ok(quiz.questions.into_iter().map(|question| question.id).collect())
}

/// Reads a quiz; the error names file, line and what was expected.
pub(crate) fn parse(file: &str, text: &str) -> Result<Quiz, String> {
    let parsed: File =
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))?;
    let placed = |question: Spanned<Question>| {
        let line = files::line_at(text, question.span().start);
        Question { line, ..question.into_inner() }
    };
    Ok(Quiz { questions: parsed.questions.into_iter().map(placed).collect() })
}

/// What is wrong with a quiz, as `line: what`, given the names of the tests that could prove its
/// answers.
pub(crate) fn problems(quiz: &Quiz, tests: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    if quiz.questions.is_empty() {
        problems.push("1: expected at least one `[[question]]`".to_owned());
    }
    for (index, question) in quiz.questions.iter().enumerate() {
        let Question { id, line, .. } = question;
        let mut complain = |what: &str| problems.push(format!("{line}: question `{id}`: {what}"));
        if quiz.questions[..index].iter().any(|earlier| earlier.id == *id) {
            complain("its id is used twice");
        }
        if question.ask.trim().is_empty() || question.answer.trim().is_empty() {
            complain("`ask` and `answer` must not be empty");
        }
        match &question.proof {
            Some(proof) if !tests.contains(&proof.as_str()) => {
                complain(&format!("its proof `{proof}` is no test of this item"));
            }
            None if question.kind != Form::Open => {
                complain("expected `proof`, the name of the test that shows the answer");
            }
            _ => {}
        }
        question.form_problems().into_iter().for_each(complain);
    }
    problems
}

impl Question {
    /// What is wrong with the parts that only some kinds have.
    fn form_problems(&self) -> Vec<&'static str> {
        let right = self.choices.iter().filter(|choice| self.answer.starts_with(*choice)).count();
        let distinct =
            |names: Vec<&str>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
        let said = distinct(self.steps.iter().map(|step| step.say.as_str()).collect());
        let named = distinct(self.children.iter().map(|child| child.id.as_str()).collect());
        let wrong = [
            (self.kind != Form::Choice && !self.choices.is_empty(), "only a choice has `choices`"),
            (self.kind != Form::Order && !self.steps.is_empty(), "only an order has `steps`"),
            (
                self.kind != Form::Predict && !self.children.is_empty(),
                "only a prediction has `children`",
            ),
            (
                self.kind == Form::Choice && self.choices.len() < 2,
                "expected at least two `choices`",
            ),
            (
                self.kind == Form::Choice && self.choices.len() >= 2 && right != 1,
                "its answer must begin with exactly one of the choices",
            ),
            (
                self.kind == Form::Order && (self.steps.len() < 2 || !said),
                "expected at least two `steps`, each with another `say`",
            ),
            (
                self.kind == Form::Predict && (self.children.is_empty() || !named),
                "expected `children`, each once, with `id` and `incarnation`",
            ),
        ];
        wrong.into_iter().filter_map(|(wrong, what)| wrong.then_some(what)).collect()
    }

    /// Whether the trace of its proof decides what is right.
    pub(crate) fn is_proved_by_events(&self) -> bool {
        matches!(self.kind, Form::Order | Form::Predict)
    }

    /// What the trace of its proof says against the answer.
    pub(crate) fn refuted(&self, events: &[Event]) -> Vec<String> {
        match self.kind {
            Form::Open | Form::Choice => Vec::new(),
            Form::Order => self.refuted_order(events),
            Form::Predict => {
                self.children.iter().filter_map(|child| refuted_child(child, events)).collect()
            }
        }
    }

    fn refuted_order(&self, events: &[Event]) -> Vec<String> {
        let mut refuted = Vec::new();
        let mut before: Option<(usize, &Step)> = None;
        for step in &self.steps {
            let Some(at) = events.iter().position(|event| event.line.contains(&step.shows)) else {
                refuted.push(format!("no line of its proof's trace holds `{}`", step.shows));
                continue;
            };
            if let Some((last, earlier)) = before
                && at <= last
            {
                refuted.push(format!(
                    "its proof's trace has `{}` not before, but after `{}`",
                    earlier.shows, step.shows
                ));
            }
            before = Some((at, step));
        }
        refuted
    }
}

fn refuted_child(child: &Child, events: &[Event]) -> Option<String> {
    let Child { id, incarnation } = child;
    let starts = || {
        events.iter().filter(|event| {
            event.incarnation.is_some() && event.child.as_deref() == Some(id.as_str())
        })
    };
    let supervisors: BTreeSet<u64> = starts().map(|event| event.number).collect();
    match (supervisors.len(), starts().next_back().and_then(|event| event.incarnation)) {
        (0 | 1, Some(last)) if last == *incarnation => None,
        (0 | 1, Some(last)) => {
            Some(format!("`{id}` comes to incarnation {last} in its proof, not to {incarnation}"))
        }
        (0, _) => Some(format!("no supervisor in its proof starts a child `{id}`")),
        _ => Some(format!("several supervisors in its proof start a child `{id}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[question]]
id = "1.1.1"
ask = "What is one and one?"
kind = "choice"
choices = ["two", "three"]
answer = "two: that is how addition is defined."
proof = "adds"
covers = ["X-1"]
"#;

    #[test]
    fn a_good_quiz_has_no_problems() {
        let quiz = parse("quiz.toml", GOOD).unwrap();
        assert_eq!(problems(&quiz, &["adds"]), Vec::<String>::new());
        assert_eq!(quiz.questions[0].covers, ["X-1"]);
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let broken = GOOD.replace("kind = \"choice\"", "kind = \"riddle\"");
        let error = parse("a/quiz.toml", &broken).unwrap_err();
        assert!(error.starts_with("a/quiz.toml:5: "), "{error}");
        assert!(error.contains("expected") && error.contains("choice"), "{error}");
        let missing = GOOD.replace("ask = \"What is one and one?\"\n", "");
        assert!(parse("quiz.toml", &missing).unwrap_err().contains("missing field `ask`"));
        let unknown = format!("{GOOD}author = 'me'\n");
        assert!(parse("quiz.toml", &unknown).unwrap_err().contains("author"));
    }

    #[test]
    fn what_is_wrong_with_a_question_is_said() {
        for (from, to, expected) in [
            ("\"adds\"", "\"subtracts\"", "is no test"),
            ("proof = \"adds\"", "", "2: question `1.1.1`: expected `proof`, the name of the test"),
            ("\"two: that", "\"four: that", "exactly one of the choices"),
            ("[\"two\", \"three\"]", "[\"two\"]", "at least two"),
            ("\"choice\"", "\"open\"", "only a choice has `choices`"),
            ("\"What is one and one?\"", "\"\"", "must not be empty"),
        ] {
            let quiz = parse("quiz.toml", &GOOD.replace(from, to)).unwrap();
            let problems = problems(&quiz, &["adds"]);
            assert!(problems[0].contains(expected), "{problems:?}");
        }
        let twice = parse("quiz.toml", &GOOD.repeat(2)).unwrap();
        assert!(problems(&twice, &["adds"])[0].contains("twice"));
        assert_eq!(problems(&parse("quiz.toml", "").unwrap(), &[]).len(), 1);
    }

    fn event(line: &str) -> Event {
        let mut event = Event { line: line.to_owned(), number: 1, child: None, incarnation: None };
        if let Some((_, start)) = line.split_once("starts ") {
            let (child, incarnation) = start.split_once(" #").unwrap();
            event.child = Some(child.to_owned());
            event.incarnation = incarnation.parse().ok();
        }
        event
    }

    const ORDER: &str = r#"
[[question]]
id = "1"
ask = "In which order?"
kind = "order"
steps = [{ say = "It crashes.", shows = "a exited" }, { say = "It is back.", shows = "a #2" }]
answer = "First the one, then the other."
proof = "t"
"#;

    const PREDICT: &str = r#"
[[question]]
id = "1"
ask = "Which is there?"
kind = "predict"
children = [{ id = "a", incarnation = 2 }]
answer = "The second."
proof = "t"
"#;

    #[test]
    fn an_order_is_right_when_the_proof_shows_it() {
        let quiz = parse("quiz.toml", ORDER).unwrap();
        assert_eq!(problems(&quiz, &["t"]), Vec::<String>::new());
        let refuted = |lines: &[&str]| {
            quiz.questions[0].refuted(&lines.iter().map(|line| event(line)).collect::<Vec<_>>())
        };
        assert!(refuted(&["1s a exited", "1s starts a #2"]).is_empty());
        assert!(refuted(&["1s starts a #2", "1s a exited"])[0].contains("but after `a #2`"));
        assert!(refuted(&["1s a exited"])[0].contains("holds `a #2`"));
    }

    #[test]
    fn a_prediction_is_right_when_the_proof_comes_to_it() {
        let quiz = parse("quiz.toml", PREDICT).unwrap();
        assert_eq!(problems(&quiz, &["t"]), Vec::<String>::new());
        let refuted = |events: &[Event]| quiz.questions[0].refuted(events);
        assert!(refuted(&[event("starts a #1"), event("starts a #2")]).is_empty());
        assert!(refuted(&[event("starts a #1")])[0].contains("comes to incarnation 1"));
        assert!(refuted(&[event("starts b #2")])[0].contains("no supervisor"));
        let other = Event { number: 2, ..event("starts a #2") };
        assert!(refuted(&[event("starts a #2"), other])[0].contains("several supervisors"));
    }

    #[test]
    fn parts_belong_to_their_kinds() {
        for (text, from, to, expected) in [
            (ORDER, "\"order\"", "\"open\"", "only an order has `steps`"),
            (ORDER, "\"It is back.\"", "\"It crashes.\"", "each with another `say`"),
            (PREDICT, "\"predict\"", "\"open\"", "only a prediction has `children`"),
            (PREDICT, "{ id = \"a\", incarnation = 2 }", "", "expected `children`"),
        ] {
            let quiz = parse("quiz.toml", &text.replace(from, to)).unwrap();
            let problems = problems(&quiz, &["t"]);
            assert!(problems[0].starts_with("2: question `1`: "), "{problems:?}");
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}
