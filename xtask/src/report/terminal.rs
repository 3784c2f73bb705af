//! The summary that a person reads.

use std::fmt::Write as _;

use super::{
    AreaReport, EntryReport, ExerciseReport, Failed, Graded, ItemReport, Lacking, Mine, Report,
    State, TestReport, TestResult, points,
};
use crate::course::EXERCISE_TENTHS;
use crate::plan;
use crate::rubric::Kind;
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
            item.areas.iter().for_each(|area| render_area(text, area));
            render_mine(text, &item.mine);
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
            for one in several {
                let _ = writeln!(text, "        - {one}");
            }
        }
    }
}

fn render_area(text: &mut String, area: &AreaReport) {
    let (score, of) = (area.score(), area.max_score());
    let name = format!("{:<width$}", area.name, width = TITLE_WIDTH - 2);
    let _ = writeln!(
        text,
        "  {} {}  {:>4} / {}",
        paint(style::TITLE, &name),
        style::bar(score, of, BAR),
        points(score),
        points(of)
    );
    for entry in &area.entries {
        render_entry(text, entry);
    }
}

fn render_entry(text: &mut String, entry: &EntryReport) {
    let (score, of) = (entry.score, entry.max_score);
    if entry.kind == Kind::Review {
        let _ = writeln!(text, "    {}    look  {}", style::OPEN, entry.name);
    } else {
        let label = match entry.kind {
            Kind::Tests => "",
            Kind::Shape => " (shape of the tree)",
            Kind::Kills => " (your own tests)",
            Kind::Source => " (proxy)",
            Kind::Review => " (for a person)",
        };
        let mark = style::mark(score, of);
        let label = paint(style::FAINT, label);
        let (score, of) = (points(score), points(of));
        let _ = writeln!(text, "    {mark} {score:>4} / {of:<3} {}{label}", entry.name);
    }
    for line in &entry.checklist {
        let _ = writeln!(text, "        [ ] {line}");
    }
    for note in &entry.notes {
        indent(text, note, "        ", MESSAGE_LINES);
    }
    let todo = |test: &TestReport| matches!(&test.result, TestResult::Failed(f) if f.todo);
    if !entry.tests.is_empty() && entry.tests.iter().all(todo) {
        let _ = writeln!(text, "        {}", paint(style::FAINT, "still to be written"));
        return;
    }
    for test in &entry.tests {
        if let TestResult::Failed(failed) = &test.result {
            render_failed(text, &test.name, failed);
        }
    }
    render_recognised(text, &entry.recognised);
    if let Some(hint) = entry.hint.as_ref().filter(|_| score < of) {
        let _ = writeln!(text, "      {} {hint}", paint(style::TITLE, "Try this:"));
    }
}

/// Tests that a learner wrote are shown, and give no points by themselves.
fn render_mine(text: &mut String, mine: &Mine) {
    match mine {
        Mine::Absent => {}
        Mine::Broken(said) => {
            let _ = writeln!(text, "  {} tests/mine.rs does not compile:", style::NONE);
            indent(text, said, "      ", COMPILER_LINES);
        }
        Mine::Ran(tests) => {
            let passed = tests.iter().filter(|test| test.passed()).count();
            let mark = if passed == tests.len() { style::FULL } else { style::NONE };
            let of = style::counted(tests.len(), "test");
            let _ = writeln!(text, "  {mark} your own tests: {passed} of {of} passed");
            for test in tests {
                if let TestResult::Failed(failed) = &test.result {
                    render_failed(text, &test.name, failed);
                }
            }
        }
    }
}

fn render_failed(text: &mut String, name: &str, failed: &Failed) {
    let place = failed.place.as_deref().map(|at| format!("  {at}")).unwrap_or_default();
    let _ = writeln!(text, "    {} {name}{}", style::NONE, paint(style::FAINT, &place));
    indent(text, &failed.message, "        ", MESSAGE_LINES);
}

fn render_next(text: &mut String, report: &Report) {
    let Some((item, lacking)) = report.next() else {
        let _ = writeln!(text, "Full marks.");
        return;
    };
    let id = &item.id;
    let command = |typed: String| paint(style::ACTION, &typed);
    if item.state == State::NotStarted {
        let _ = writeln!(text, "Next: {}", command(format!("cargo xtask start {id}")));
        return;
    }
    let (what, place) = match &lacking {
        Lacking::Exercise(exercise) => {
            (format!("exercise {}", exercise.number), exercise.place.as_str())
        }
        Lacking::Entry(entry) if entry.kind == Kind::Kills => (entry.name.clone(), plan::MINE),
        Lacking::Entry(entry) => (entry.name.clone(), "src/"),
    };
    let open = command(format!("{}/{place}", item.folder));
    let grade = match report.graded {
        Graded::Workbook(_) => command(format!("cargo xtask grade {id}")),
        Graded::Reference => command(format!("cargo xtask grade {id} --reference")),
    };
    let _ = writeln!(text, "Next: {what} in {open}, then {grade}");
    if let (Graded::Workbook(_), Lacking::Exercise(exercise)) = (&report.graded, &lacking) {
        let hint = command(format!("cargo xtask hint {id} {}", exercise.number));
        let _ = writeln!(text, "Stuck? {hint}");
    }
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
             cargo xtask grade ch08/drill_03_links\nStuck? cargo xtask hint ch08/drill_03_links 2\n",
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
