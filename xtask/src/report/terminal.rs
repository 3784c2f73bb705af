//! The summary that a person reads.

use std::fmt::Write as _;

use super::{ExerciseReport, Failed, Graded, ItemReport, Report, State, TestResult, points};
use crate::course::EXERCISE_TENTHS;
use crate::style::{self, paint};

const BAR: u32 = 20;
const TITLE_WIDTH: usize = 44;
/// A message may draw two timelines; more lines than this hide the next test.
const MESSAGE_LINES: usize = 24;
const COMPILER_LINES: usize = 40;

/// The first line: whose work is graded, and how.
pub(crate) fn headline(report: &Report) -> String {
    let whose = match &report.graded {
        Graded::Workbook(folder) => format!("Grading your work in {folder}/"),
        Graded::Reference => "Grading the course's own answers".to_owned(),
    };
    let times = if report.runs == 1 { "once" } else { "times" };
    let runs = if report.runs == 1 { String::new() } else { format!("{} ", report.runs) };
    format!("{} (seed {}, each test {runs}{times})\n", paint(style::TITLE, &whose), report.seed)
}

/// Everything below the first line.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    for item in &report.items {
        render_item(&mut text, item);
    }
    let (score, max_score) = (report.score(), report.max_score());
    let total = format!("{} of {} points", points(score), points(max_score));
    let bar = style::bar(score, max_score, BAR);
    let _ = writeln!(text, "\n{bar}  {}", paint(style::TITLE, &total));
    render_next(&mut text, report);
    text
}

fn render_item(text: &mut String, item: &ItemReport) {
    let (score, of) = (item.score(), item.max_score());
    if item.state == State::NotStarted {
        let line = format!("{:<TITLE_WIDTH$} not started yet", item.title);
        let _ = writeln!(text, "\n{} {:>21} / {}", paint(style::FAINT, &line), 0, points(of));
        return;
    }
    let title = format!("{:<TITLE_WIDTH$}", item.title);
    let _ = writeln!(
        text,
        "\n{} {}  {:>4} / {}",
        paint(style::TITLE, &title),
        style::bar(score, of, BAR),
        points(score),
        points(of)
    );
    match &item.state {
        State::NotStarted | State::Graded => {
            item.exercises.iter().for_each(|exercise| render_exercise(text, exercise));
        }
        State::DoesNotCompile(said) => {
            let _ = writeln!(text, "  {} it does not compile:", style::NONE);
            indent(text, said, "      ", COMPILER_LINES);
        }
    }
}

fn render_exercise(text: &mut String, exercise: &ExerciseReport) {
    let score = exercise.score();
    let mark = style::mark(score, EXERCISE_TENTHS);
    let of = points(EXERCISE_TENTHS);
    let (number, sentence) = (exercise.number, &exercise.sentence);
    let _ = writeln!(text, "  {mark} {:>4} / {of}  {number}. {sentence}", points(score));
    if exercise.untouched() {
        let place = paint(style::FAINT, &format!("still to be written: {}", exercise.place));
        let _ = writeln!(text, "                {place}");
        return;
    }
    for test in &exercise.tests {
        if let TestResult::Failed(failed) = &test.result {
            render_failed(text, &test.name, failed);
        }
    }
    render_recognised(text, &exercise.recognised);
}

fn render_recognised(text: &mut String, sentences: &[String]) {
    let start = paint(style::TITLE, "This is how it fails when:");
    match sentences {
        [] => {}
        [one] => {
            let _ = writeln!(text, "      {start} {one}");
        }
        several => {
            let _ = writeln!(text, "      {start}");
            several.iter().for_each(|one| {
                let _ = writeln!(text, "        - {one}");
            });
        }
    }
}

fn render_failed(text: &mut String, name: &str, failed: &Failed) {
    let place = failed.place.as_deref().map(|at| format!("  {at}")).unwrap_or_default();
    let _ = writeln!(text, "    {} {name}{}", style::NONE, paint(style::FAINT, &place));
    indent(text, &failed.message, "        ", MESSAGE_LINES);
}

fn render_next(text: &mut String, report: &Report) {
    let Some((item, exercise)) = report.next() else {
        let _ = writeln!(text, "Full marks.");
        return;
    };
    let id = &item.id;
    let command = |typed: String| paint(style::ACTION, &typed);
    if item.state == State::NotStarted {
        let _ = writeln!(text, "Next: {}", command(format!("cargo xtask start {id}")));
        return;
    }
    let open = command(format!("{}/{}", item.folder, exercise.place));
    let grade = match report.graded {
        Graded::Workbook(_) => command(format!("cargo xtask grade {id}")),
        Graded::Reference => command(format!("cargo xtask grade {id} --reference")),
    };
    let _ = writeln!(text, "Next: exercise {} in {open}, then {grade}", exercise.number);
}

fn indent(text: &mut String, lines: &str, indent: &str, limit: usize) {
    for line in lines.lines().take(limit) {
        let _ = writeln!(text, "{}", format!("{indent}{line}").trim_end());
    }
    let more = lines.lines().count().saturating_sub(limit);
    if more > 0 {
        let _ =
            writeln!(text, "{indent}{}", paint(style::FAINT, &format!("... {more} more lines")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{exercise, failed, report};
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_failing_test_is_shown_with_its_message_and_what_to_do_next() {
        let report = report(vec![
            exercise(1, &[TestResult::Passed]),
            exercise(2, &[TestResult::Passed, failed("left: 1\nright: 2")]),
        ]);
        let text = plain(&render(&report));
        for expected in [
            "Drill 8.3: Links",
            "15 / 20",
            "10 / 10  1. do 1.",
            " 5 / 10  2. do 2.",
            " test_1  tests/drill.rs:7\n        left: 1\n        right: 2\n",
            "15 of 20 points",
            "Next: exercise 2 in workbook/ch08_x/drill_03_links/src/lib.rs:2, then \
             cargo xtask grade ch08/drill_03_links",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
    }

    #[test]
    fn a_stub_says_what_is_still_to_be_written_once() {
        let TestResult::Failed(mut stubbed) = failed("not yet implemented") else { return };
        stubbed.todo = true;
        let stubbed = TestResult::Failed(stubbed);
        let text = plain(&render(&report(vec![exercise(1, &[stubbed.clone(), stubbed])])));
        assert!(text.contains("still to be written: src/lib.rs:1"), "{text}");
        assert!(!text.contains("not yet implemented"), "{text}");
    }

    #[test]
    fn full_marks_need_no_next_step() {
        let text = plain(&render(&report(vec![exercise(1, &[TestResult::Passed])])));
        assert!(text.contains("10 of 10 points\nFull marks."), "{text}");
        assert!(plain(&headline(&report(vec![]))).contains("seed 42, each test 3 times"));
    }

    #[test]
    fn long_messages_are_cut() {
        let mut text = String::new();
        indent(&mut text, "a\nb\nc", "  ", 2);
        assert_eq!(plain(&text), "  a\n  b\n  ... 1 more lines\n");
    }
}
