//! `quiz.toml`: the course's questions with explained answers and the test that proves each.

use serde::Deserialize;

use crate::files;

/// The questions of one item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quiz {
    /// In the order in which they are asked.
    #[serde(rename = "question", default)]
    pub(crate) questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// Unique in the file, for instance `8.3.1`.
    pub(crate) id: String,
    /// The question itself.
    pub(crate) ask: String,
    /// Whether there are answers to choose from.
    pub(crate) kind: Form,
    /// The answers to choose from.
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    /// The explained answer; for a choice it begins with the right choice, word for word.
    pub(crate) answer: String,
    /// Name of the test that shows it.
    pub(crate) proof: String,
    /// Ids of the coverage list.
    #[serde(default)]
    pub(crate) covers: Vec<String>,
}

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// In the learner's own words.
    Open,
    /// One of several answers.
    Choice,
}

/// Reads a quiz; the error names file, line and what was expected.
pub(crate) fn parse(file: &str, text: &str) -> Result<Quiz, String> {
    toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))
}

/// What is wrong with a quiz, given the names of the tests that could prove its answers.
pub(crate) fn problems(quiz: &Quiz, tests: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    if quiz.questions.is_empty() {
        problems.push("holds no `[[question]]`".to_owned());
    }
    for (index, question) in quiz.questions.iter().enumerate() {
        let id = &question.id;
        let mut complain = |what: String| problems.push(format!("question `{id}`: {what}"));
        if quiz.questions[..index].iter().any(|earlier| earlier.id == *id) {
            complain("its id is used twice".to_owned());
        }
        if question.ask.trim().is_empty() || question.answer.trim().is_empty() {
            complain("`ask` and `answer` must not be empty".to_owned());
        }
        if !tests.contains(&question.proof.as_str()) {
            complain(format!("its proof `{}` is no test of this item", question.proof));
        }
        let right = question.choices.iter().filter(|choice| question.answer.starts_with(*choice));
        match question.kind {
            Form::Open if !question.choices.is_empty() => {
                complain("an open question has no `choices`".to_owned());
            }
            Form::Choice if question.choices.len() < 2 => {
                complain("expected at least two `choices`".to_owned());
            }
            Form::Choice if right.count() != 1 => {
                complain("its answer must begin with exactly one of the choices".to_owned());
            }
            _ => {}
        }
    }
    problems
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
        let missing = GOOD.replace("proof = \"adds\"\n", "");
        assert!(parse("quiz.toml", &missing).unwrap_err().contains("missing field `proof`"));
        let unknown = format!("{GOOD}author = 'me'\n");
        assert!(parse("quiz.toml", &unknown).unwrap_err().contains("author"));
    }

    #[test]
    fn what_is_wrong_with_a_question_is_said() {
        for (from, to, expected) in [
            ("\"adds\"", "\"subtracts\"", "is no test"),
            ("\"two: that", "\"four: that", "exactly one of the choices"),
            ("[\"two\", \"three\"]", "[\"two\"]", "at least two"),
            ("\"choice\"", "\"open\"", "has no `choices`"),
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
}
