//! Asking: from questions and typed lines to answers. Knows no terminal.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};

use super::{Form, Question};
use crate::style::{self, paint};

/// What a session does besides reading and writing.
pub(super) trait Around {
    /// Remembers that a question was answered.
    fn record(&mut self, question: &Question, right: bool) -> anyhow::Result<()>;
    /// Draws what the question's proof shows.
    fn draw(&mut self, question: &Question) -> anyhow::Result<()>;
}

/// How a session went.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Score {
    /// Questions that were answered right at the first try.
    pub(super) right: usize,
    /// Questions that were answered at all.
    pub(super) asked: usize,
}

/// What a learner types.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Typed {
    Line(String),
    Quit,
}

/// Asks each question; those that were answered wrong come again at the end, until all is right.
pub(super) fn run(
    questions: &[&Question],
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    around: &mut dyn Around,
    width: usize,
) -> anyhow::Result<Score> {
    let mut score = Score::default();
    let mut left: VecDeque<(usize, bool)> = (0..questions.len()).map(|at| (at, true)).collect();
    while let Some((at, first)) = left.pop_front() {
        let question = questions[at];
        let place = if first {
            format!("{} of {}", at + 1, questions.len())
        } else {
            "once more".to_owned()
        };
        writeln!(out, "\n{}", paint(style::TITLE, &format!("{} ({place})", question.id)))?;
        let Some(right) = ask(question, input, out, width)? else { break };
        around.record(question, right)?;
        if first {
            score.asked += 1;
            score.right += usize::from(right);
        }
        if !right {
            left.push_back((at, false));
        }
        if !afterwards(question, input, out, around)? {
            break;
        }
    }
    Ok(score)
}

/// Whether the answer was right; None to stop.
fn ask(
    question: &Question,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    width: usize,
) -> anyhow::Result<Option<bool>> {
    write!(out, "{}", fit(&put(question), width))?;
    let right = loop {
        write!(out, "{} ", paint(style::ACTION, &prompt(question)))?;
        out.flush()?;
        let Typed::Line(line) = read(input)? else { return Ok(None) };
        if line.is_empty() && question.kind != Form::Open {
            break Some(false);
        }
        match judge(question, &line) {
            Ok(right) => break right,
            Err(expected) => writeln!(out, "  {expected}")?,
        }
    };
    match right {
        Some(true) => writeln!(out, "{} Right.", style::FULL)?,
        Some(false) => writeln!(out, "{} Not quite: {}", style::NONE, solution(question))?,
        None => {}
    }
    write!(out, "{}", fit(question.answer.trim(), width))?;
    match right {
        Some(right) => Ok(Some(right)),
        None => own_verdict(input, out),
    }
}

/// The same lines, broken between words where they are too long.
fn fit(text: &str, width: usize) -> String {
    let mut fitted = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        for part in style::wrap(line.trim_start(), width.saturating_sub(indent).max(8)) {
            let _ = writeln!(fitted, "{:indent$}{part}", "");
        }
    }
    fitted
}

/// An open question: the learner compares.
fn own_verdict(input: &mut dyn BufRead, out: &mut dyn Write) -> anyhow::Result<Option<bool>> {
    loop {
        write!(out, "{} ", paint(style::ACTION, "Is that what you said? [y/n]"))?;
        out.flush()?;
        match read(input)? {
            Typed::Quit => return Ok(None),
            Typed::Line(line) => match line.to_lowercase().as_str() {
                "y" | "yes" => return Ok(Some(true)),
                "n" | "no" => return Ok(Some(false)),
                _ => writeln!(out, "  expected `y` or `n`")?,
            },
        }
    }
}

/// Whether to go on.
fn afterwards(
    question: &Question,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    around: &mut dyn Around,
) -> anyhow::Result<bool> {
    loop {
        let draw = if question.proof.is_some() { "d: see it happen, " } else { "" };
        write!(out, "{} ", paint(style::FAINT, &format!("[Enter: go on, {draw}q: stop]")))?;
        out.flush()?;
        match read(input)? {
            Typed::Quit => return Ok(false),
            Typed::Line(line) if line == "d" && question.proof.is_some() => {
                if let Err(error) = around.draw(question) {
                    writeln!(out, "{} {error:#}", style::NONE)?;
                }
            }
            Typed::Line(line) if line.is_empty() => return Ok(true),
            Typed::Line(_) => {}
        }
    }
}

/// The end of the input is the end of the session, and so is `q`.
fn read(input: &mut dyn BufRead) -> io::Result<Typed> {
    let mut line = String::new();
    let count = input.read_line(&mut line)?;
    let line = line.trim();
    Ok(if count == 0 || line == "q" { Typed::Quit } else { Typed::Line(line.to_owned()) })
}

/// The question as it is put, without its answer.
pub(super) fn put(question: &Question) -> String {
    let mut text = format!("{}\n", question.ask.trim());
    let choices: Vec<&str> = match question.kind {
        Form::Open | Form::Predict => Vec::new(),
        Form::Choice => mixed_choices(question),
        Form::Order => {
            shuffled(question).into_iter().map(|at| question.steps[at].say.as_str()).collect()
        }
    };
    for (letter, choice) in ('a'..).zip(choices) {
        let _ = writeln!(text, "  {letter}) {choice}");
    }
    text
}

fn prompt(question: &Question) -> String {
    match question.kind {
        Form::Open => "Your answer, or Enter to see ours:".to_owned(),
        Form::Choice => "Which?".to_owned(),
        Form::Order => "In which order? (for instance b a c)".to_owned(),
        Form::Predict => {
            let ids: Vec<&str> = question.children.iter().map(|child| child.id.as_str()).collect();
            format!("The incarnations of {}? (for instance 1 1)", ids.join(", "))
        }
    }
}

/// The right answer, as the learner would have typed it.
pub(super) fn solution(question: &Question) -> String {
    let letter = |at: usize| ('a'..).nth(at).unwrap_or('?').to_string();
    match question.kind {
        Form::Open => "see below".to_owned(),
        Form::Choice => {
            let is_right = |choice: &&str| question.answer.starts_with(choice);
            let shown = mixed_choices(question);
            shown.iter().position(is_right).map(letter).unwrap_or_default()
        }
        Form::Order => {
            let order = shuffled(question);
            let letters =
                (0..order.len()).filter_map(|step| order.iter().position(|at| *at == step));
            letters.map(letter).collect::<Vec<_>>().join(" ")
        }
        Form::Predict => {
            let numbers = question.children.iter().map(|child| child.incarnation.to_string());
            numbers.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Whether a typed answer is right, None for the learner to say; or what was expected instead.
fn judge(question: &Question, line: &str) -> Result<Option<bool>, String> {
    match question.kind {
        Form::Open => Ok(None),
        Form::Choice => {
            let given = letters(line, question.choices.len())?;
            match given.as_slice() {
                [one] => Ok(Some(question.answer.starts_with(mixed_choices(question)[*one]))),
                _ => Err("expected one letter".to_owned()),
            }
        }
        Form::Order => {
            let count = question.steps.len();
            let given = letters(line, count)?;
            let mut each = given.clone();
            each.sort_unstable();
            if each != (0..count).collect::<Vec<_>>() {
                return Err(format!("expected each of the {count} letters once"));
            }
            let order = shuffled(question);
            Ok(Some(given.iter().map(|at| order[*at]).eq(0..count)))
        }
        Form::Predict => {
            let count = question.children.len();
            let given: Result<Vec<u32>, _> =
                line.split([' ', ',']).filter(|word| !word.is_empty()).map(str::parse).collect();
            match given {
                Ok(given) if given.len() == count => {
                    Ok(Some(question.children.iter().map(|child| child.incarnation).eq(given)))
                }
                _ => Err(format!("expected {count} numbers, one for each child in this order")),
            }
        }
    }
}

fn letters(line: &str, count: usize) -> Result<Vec<usize>, String> {
    let last = ('a'..).nth(count.saturating_sub(1)).unwrap_or('z');
    let place = |c: char| ('a'..=last).position(|letter| letter == c.to_ascii_lowercase());
    line.chars()
        .filter(|c| !c.is_whitespace() && !",)".contains(*c))
        .map(|c| place(c).ok_or_else(|| format!("expected letters from a to {last}")))
        .collect()
}

/// The places of the steps as they are shown: mixed, and never in the right order.
fn shuffled(question: &Question) -> Vec<usize> {
    let mut order = mixed(&question.id, question.steps.len());
    if order.is_sorted() && order.len() > 1 {
        order.rotate_left(1);
    }
    order
}

/// The numbers below `count`, in an order that is the same for the same question.
fn mixed(id: &str, count: usize) -> Vec<usize> {
    let mut seed = id.bytes().fold(17_u64, |seed, byte| {
        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(u64::from(byte) + 1)
    });
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..order.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from((seed >> 33) % (last as u64 + 1)).unwrap_or(0);
        order.swap(last, other);
    }
    order
}

/// The choices as they are shown.
fn mixed_choices(question: &Question) -> Vec<&str> {
    let order = mixed(&question.id, question.choices.len());
    order.into_iter().map(|at| question.choices[at].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const QUIZ: &str = r#"
[[question]]
id = "c"
ask = "One and one?"
kind = "choice"
choices = ["three", "two"]
answer = "two: so it is."
proof = "t"

[[question]]
id = "o"
ask = "In which order?"
kind = "order"
steps = [{ say = "one", shows = "1" }, { say = "two", shows = "2" }, { say = "three", shows = "3" }]
answer = "As one counts."
proof = "t"

[[question]]
id = "p"
ask = "Who is there?"
kind = "predict"
children = [{ id = "till", incarnation = 2 }, { id = "door", incarnation = 1 }]
answer = "Only the till broke."
proof = "t"

[[question]]
id = "f"
ask = "Why?"
kind = "open"
answer = "Because."
"#;

    #[derive(Default)]
    struct Notes {
        answers: Vec<(String, bool)>,
        drawn: Vec<String>,
    }

    impl Around for Notes {
        fn record(&mut self, question: &Question, right: bool) -> anyhow::Result<()> {
            self.answers.push((question.id.clone(), right));
            Ok(())
        }

        fn draw(&mut self, question: &Question) -> anyhow::Result<()> {
            self.drawn.push(question.id.clone());
            Ok(())
        }
    }

    fn session(ids: &[&str], typed: &str) -> (Score, Notes, String) {
        let quiz = parse("quiz.toml", QUIZ).unwrap();
        let questions: Vec<&Question> =
            quiz.questions.iter().filter(|question| ids.contains(&&*question.id)).collect();
        let (mut out, mut notes) = (Vec::new(), Notes::default());
        let score = run(&questions, &mut typed.as_bytes(), &mut out, &mut notes, 40).unwrap();
        let out = String::from_utf8(out).unwrap();
        (score, notes, anstream::adapter::strip_str(&out).to_string())
    }

    fn answers(notes: &Notes) -> Vec<(&str, bool)> {
        notes.answers.iter().map(|(id, right)| (&**id, *right)).collect()
    }

    #[test]
    fn the_first_choice_of_the_file_is_not_always_the_first_that_is_shown() {
        let first: std::collections::BTreeSet<usize> =
            (1..=9).map(|number| mixed(&format!("8.3.{number}"), 3)[0]).collect();
        assert_eq!(first.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(mixed("8.3.1", 3), mixed("8.3.1", 3));
    }

    #[test]
    fn a_right_answer_is_explained_and_counts() {
        let (score, notes, out) = session(&["c"], "b\n\n");
        assert_eq!(score, Score { right: 1, asked: 1 });
        assert_eq!(answers(&notes), [("c", true)]);
        assert!(
            out.contains("a) three\n  b) two\n") && out.contains("Right.\ntwo: so it is."),
            "{out}"
        );
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = "  a) one two three four\nfive";
        assert_eq!(fit(text, 14), "  a) one two\n  three four\nfive\n");
        assert_eq!(fit(text, usize::MAX), format!("{text}\n"));
    }

    #[test]
    fn a_wrong_answer_comes_back_at_the_end_until_it_is_right() {
        let (score, notes, out) = session(&["c", "p"], "a\n\n2 1\n\na\n\nb\n\n");
        assert_eq!(score, Score { right: 1, asked: 2 });
        assert_eq!(answers(&notes), [("c", false), ("p", true), ("c", false), ("c", true)]);
        assert!(out.contains("Not quite: b\n") && out.contains("c (once more)"), "{out}");
    }

    #[test]
    fn the_proof_is_drawn_when_it_is_asked_for() {
        let (_, notes, out) = session(&["c", "f"], "b\nd\nd\n\nx\ny\nd\n\n");
        assert_eq!(notes.drawn, ["c", "c"]);
        assert_eq!(out.matches("d: see it happen").count(), 3, "{out}");
    }

    #[test]
    fn steps_are_shown_out_of_order_and_put_into_it() {
        let quiz = parse("quiz.toml", QUIZ).unwrap();
        let question = &quiz.questions[1];
        assert!(!shuffled(question).is_sorted());
        assert_eq!(shuffled(question), shuffled(question));
        assert_eq!(judge(question, &solution(question)), Ok(Some(true)));
        assert_eq!(
            judge(question, &solution(question).to_uppercase().replace(' ', "")),
            Ok(Some(true))
        );
        let all = ["a b c", "a c b", "b a c", "b c a", "c a b", "c b a"];
        let right = all.iter().filter(|order| judge(question, order) == Ok(Some(true)));
        assert_eq!(right.count(), 1);
        assert!(judge(question, "a b").unwrap_err().contains("each of the 3 letters once"));
        assert!(judge(question, "a b d").unwrap_err().contains("letters from a to c"));
    }

    #[test]
    fn a_prediction_is_one_number_for_each_child() {
        let quiz = parse("quiz.toml", QUIZ).unwrap();
        let question = &quiz.questions[2];
        assert_eq!(judge(question, "2, 1"), Ok(Some(true)));
        assert_eq!(judge(question, "1 2"), Ok(Some(false)));
        assert!(judge(question, "2").unwrap_err().contains("expected 2 numbers"));
    }

    #[test]
    fn what_cannot_be_read_is_asked_again_and_loses_nothing() {
        let (score, notes, out) = session(&["c"], "z\na b\nb\n\n");
        assert_eq!((score.right, notes.answers.len()), (1, 1));
        assert!(
            out.contains("expected letters from a to b") && out.contains("expected one letter")
        );
    }

    #[test]
    fn an_open_question_is_judged_by_who_answered_it() {
        let (score, notes, out) = session(&["f"], "since\nmaybe\nn\n\n\ny\n\n");
        assert_eq!(score, Score { right: 0, asked: 1 });
        assert_eq!(answers(&notes), [("f", false), ("f", true)]);
        assert!(out.contains("expected `y` or `n`") && out.contains("Because."), "{out}");
    }

    #[test]
    fn q_and_the_end_of_the_input_stop() {
        for typed in ["", "q\n", "b\n", "b\nq\n"] {
            let (score, ..) = session(&["c", "p"], typed);
            assert!(score.asked <= 1, "{typed:?}");
        }
        let (_, notes, _) = session(&["c"], "\n");
        assert_eq!(answers(&notes), [("c", false)], "no answer is a wrong one");
    }
}
