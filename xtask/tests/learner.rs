//! `hint`, `status`, `solution`, `reset`, and what `grade` writes into the notebook.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::process::Command;

use support::{ANSWER, Course, Run};

const MINE: &str = "workbook/ch01_demo/drill_01_demo/src/lib.rs";
const NOTEBOOK: &str = "workbook/progress.toml";

/// Writes the reference answer into the workbook.
fn solve(course: &Course) {
    course.write(MINE, &course.read(ANSWER));
}

fn in_columns(course: &Course, columns: &str, arguments: &[&str]) -> Run {
    Run::of(course.command(arguments).env("COLUMNS", columns))
}

#[test]
fn each_hint_says_more_is_counted_and_can_be_read_again() {
    let course = Course::started();
    course.run(&["hint", "demo", "1", "--print"]).assert(0, &["You have taken no hint"]);
    for (level, says) in [("1", "Look at the type."), ("2", "Ask before"), ("3", "`if b == 0")] {
        let headline = format!("drill 1.1, exercise 1: hint {level} of 3\n");
        let run = course.run(&["hint", "demo"]);
        run.assert(0, &[&headline, "an expected failure is a value", says]);
        assert!(course.read(NOTEBOOK).contains(&format!("hints = {{ 1 = {level} }}")));
    }
    course.run(&["hint", "demo", "2"]).assert(0, &["exercise 2: hint 1 of 3", "cannot crash"]);
    let counted = course.read(NOTEBOOK);
    assert!(counted.contains("hints = { 1 = 3, 2 = 1 }"), "{counted}");
    let again = course.run(&["hint", "demo", "1", "--print"]);
    again.assert(0, &["hint 1 of 3", "Look at the type.", "hint 2 of 3", "hint 3 of 3", "`if b"]);
    assert!(!again.stdout.contains("exercise 2"), "{}", again.stdout);
    let all = course.run(&["hint", "demo", "--print"]);
    all.assert(0, &["exercise 1: hint 3 of 3", "exercise 2: hint 1 of 3", "cannot crash"]);
    assert!(!all.stdout.contains("exercise 2: hint 2"), "{}", all.stdout);
    course.run(&["hint", "demo", "1"]).assert(0, &["hint 3 of 3", "You had this one before."]);
    assert_eq!(course.read(NOTEBOOK), counted);
}

#[test]
fn a_hint_is_for_the_first_exercise_that_lacks_points() {
    let course = Course::started();
    course.answer("Ok(a / b)");
    course.run(&["hint", "demo"]).assert(0, &["exercise 2: hint 1 of 3"]);
    course.run(&["grade", "demo"]).assert(1, &[" 5 / 10  1. "]);
    course.run(&["hint", "demo"]).assert(0, &["exercise 1: hint 1 of 3"]);
    let mut here = Command::new(env!("CARGO_BIN_EXE_xtask"));
    here.args(["hint", ".", "--course"])
        .arg(course.dir.path())
        .current_dir(course.path("workbook/ch01_demo/drill_01_demo/src"));
    Run::of(&mut here).assert(0, &["exercise 1: hint 2 of 3"]);
}

#[test]
fn hints_that_do_not_exist_are_told_in_words() {
    let course = Course::new();
    course.run(&["hint", "demo"]).assert(2, &["there is no workbook yet: `cargo xtask start`"]);
    assert_eq!(course.run(&["start", "demo"]).code, 0);
    course
        .run(&["hint", "demo", "3"])
        .assert(2, &["has no exercise 3; expected a number from 1 to 2"]);
    course.run(&["hint", "ch01"]).assert(2, &["is more than one item", "  ch01/drill_01_demo"]);
    course.run(&["hint", "dmo"]).assert(2, &["no item `dmo`; did you mean `ch01/drill_01_demo`?"]);
    assert!(!course.path(NOTEBOOK).exists());
}

#[test]
fn grade_writes_the_points_down_for_ones_own_workbook_only() {
    let course = Course::started();
    course.run(&["grade", "--reference"]).assert(0, &["30 of 30"]);
    assert!(!course.path(NOTEBOOK).exists());
    course.answer("Ok(a / b)");
    assert_eq!(course.run(&["grade"]).code, 1);
    let half = "[item.\"ch01/drill_01_demo\"]\nlast = 5\nbest = 5\nof = 20\nopen = [1, 2]\n";
    assert!(course.read(NOTEBOOK).ends_with(half), "{}", course.read(NOTEBOOK));
    solve(&course);
    assert_eq!(course.run(&["grade", "demo", "--workbook", "workbook/"]).code, 0);
    let full = "[item.\"ch01/drill_01_demo\"]\ndone = true\nlast = 20\nbest = 20\nof = 20\n";
    assert!(course.read(NOTEBOOK).ends_with(full), "{}", course.read(NOTEBOOK));
    fs::create_dir_all(course.path("ada/ch01_demo/drill_01_demo/src")).unwrap();
    course.write("ada/ch01_demo/drill_01_demo/src/lib.rs", "");
    assert_eq!(course.run(&["grade", "demo", "--workbook", "ada"]).code, 1);
    assert!(course.read(NOTEBOOK).ends_with(full));
    assert!(!course.path("ada/progress.toml").exists());
}

#[test]
fn a_report_fits_into_a_narrow_terminal() {
    let course = Course::started();
    course.answer("Ok(a / b)");
    for columns in ["60", "72"] {
        let run = in_columns(&course, columns, &["grade"]);
        let width: usize = columns.parse().unwrap();
        let long = run.stdout.lines().find(|line| line.trim_end().chars().count() > width);
        assert_eq!(long, None, "{}", run.stdout);
        assert!(run.stdout.contains("attempt to divide by zero"), "{}", run.stdout);
    }
}

#[test]
fn full_marks_lead_to_the_questions_and_to_what_is_not_done_yet() {
    let course = Course::started();
    solve(&course);
    let run = course.run(&["grade", "demo"]);
    run.assert(
        0,
        &["Full marks.\nIts questions: cargo xtask quiz ch01/drill_01_demo\n\
           Next: cargo xtask start ch01/warmup_01_twice\n"],
    );
    assert_eq!(course.run(&["start"]).code, 0);
    course.edit(
        "workbook/ch01_demo/warmup_01_twice/src/lib.rs",
        "todo!(\"warm-up 1.1, exercise 1\")",
        "number * 2",
    );
    let answered = "[quiz]\n\"1.1.1\" = { right = 1 }\n\"1.1.2\" = { right = 1 }\n\"1.w1.1\" = { right = 1 }\n";
    course.write(NOTEBOOK, &format!("{}\n{answered}", course.read(NOTEBOOK)));
    let run = course.run(&["grade"]);
    run.assert(0, &["Full marks.\nThe whole course is done: cargo xtask status\n"]);
    let reference = course.run(&["grade", "--reference"]);
    assert!(reference.stdout.ends_with("Full marks.\n"), "{}", reference.stdout);
}

#[test]
fn a_broken_notebook_is_named_with_its_line_and_never_overwritten() {
    let course = Course::started();
    let broken = "[item.\"ch01/drill_01_demo\"]\ndone = perhaps\n";
    course.write(NOTEBOOK, broken);
    for arguments in [&["status"][..], &["hint", "demo"], &["reset", "demo"], &["solution", "demo"]]
    {
        course.run(arguments).assert(2, &["workbook/progress.toml:2: ", "Mend the line"]);
    }
    course.run(&["grade"]).assert(1, &["of 30 points", "not written down", "progress.toml:2: "]);
    assert_eq!(course.read(NOTEBOOK), broken);
}

#[test]
fn status_shows_points_hints_and_questions_of_every_item() {
    let course = Course::new();
    course.run(&["status"]).assert(0, &["not started", "Begin with cargo xtask start"]);
    assert_eq!(course.run(&["start", "demo"]).code, 0);
    course.answer("Ok(a / b)");
    assert_eq!(course.run(&["grade"]).code, 1);
    assert_eq!(course.run(&["hint", "demo"]).code, 0);
    let before = course.read(NOTEBOOK);
    course.write(NOTEBOOK, &format!("{before}\n[quiz]\n\"1.1.1\" = {{ right = 1, wrong = 2 }}\n"));
    course.run(&["status"]).assert(
        0,
        &[
            "  · ch01/warmup_01_twice  not started          quiz 0/1\n",
            "  ◐ ch01/drill_01_demo         5 / 20  1 hint  quiz 1/2\n",
            "5 of 30 points\n0 of 2 items done, 1 hint, quiz 1/3\n",
        ],
    );
    course.run(&["status", "demo"]).assert(0, &["5 of 20 points"]);
    for columns in ["16", "24", "40", "80"] {
        let run = in_columns(&course, columns, &["status"]);
        let width: usize = columns.parse().unwrap();
        assert!(run.stdout.lines().all(|line| line.chars().count() <= width), "{}", run.stdout);
    }
}

#[test]
fn status_counts_the_points_of_a_rubric() {
    let course = Course::of("rubric");
    course.run(&["status"]).assert(0, &["not started", "0 of 20 points"]);
    assert_eq!(course.run(&["start"]).code, 0);
    assert_eq!(course.run(&["grade"]).code, 1);
    course.run(&["status"]).assert(0, &["0 / 20", "0 of 20 points"]);
}

#[test]
fn the_solution_is_earned_or_spoiled() {
    let course = Course::started();
    let line = "i64::try_from(values.len())";
    course.run(&["solution", "demo"]).assert(2, &["has not been graded yet", "--spoil"]);
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    let refused = course.run(&["solution", "demo"]);
    refused.assert(2, &["has 0 of 20 points so far", "cargo xtask hint ch01/drill_01_demo"]);
    assert!(!refused.stdout.contains(line));
    assert!(!course.read(NOTEBOOK).contains("spoiled"));

    let spoiled = course.run(&["solution", "demo", "--spoil"]);
    spoiled.assert(
        0,
        &["- yours, + reference", "-     todo!", "+     let count = i64::try_from", "spoiled."],
    );
    assert!(!spoiled.stdout.contains("// END"));
    assert!(course.read(NOTEBOOK).contains("spoiled = true\n"));
    course.run(&["status"]).assert(0, &["quiz 0/2  spoiled\n"]);
}

#[test]
fn who_has_full_marks_sees_both_answers_side_by_side() {
    let course = Course::started();
    solve(&course);
    course.edit(MINE, "    Ok(a / b)", "    Ok(a.wrapping_div(b))");
    assert_eq!(course.run(&["grade", "demo"]).code, 0);
    let wide = in_columns(&course, "120", &["solution", "demo"]);
    let row = format!("{:<58} ┃     Ok(a / b)\n", "    Ok(a.wrapping_div(b))");
    wide.assert(0, &["ch01_demo/drill_01_demo/src/lib.rs\n", "yours", "│ reference", &row]);
    assert!(!wide.stdout.contains("wrapping_add") && !course.read(NOTEBOOK).contains("spoiled"));
    let narrow = in_columns(&course, "80", &["solution", "demo"]);
    narrow.assert(0, &["-     Ok(a.wrapping_div(b))\n", "+     Ok(a / b)\n"]);
    course.edit(MINE, "a.wrapping_div(b)", "a / b");
    course.edit(MINE, "    // END\n", "");
    course.edit(MINE, "// END\n", "");
    course.run(&["solution", "demo"]).assert(0, &["word for word"]);
}

#[test]
fn reset_takes_an_item_back_to_the_stub_and_keeps_what_was_written() {
    let course = Course::started();
    let stub = course.read(MINE);
    solve(&course);
    course.write("workbook/ch01_demo/drill_01_demo/src/more.rs", "// More.\n");
    course.write("workbook/ch01_demo/drill_01_demo/tests/mine.rs", "// Mine.\n");
    assert_eq!(course.run(&["grade", "demo"]).code, 0);
    assert_eq!(course.run(&["hint", "demo"]).code, 0);
    course.run(&["reset", "demo"]).assert(
        0,
        &[
            "what you wrote is in workbook/ch01_demo/drill_01_demo/src/lib.rs.bak-1",
            "src/more.rs.bak-1",
        ],
    );
    assert_eq!(course.read(MINE), stub);
    assert_eq!(course.read(&format!("{MINE}.bak-1")), course.read(ANSWER));
    assert!(!course.path("workbook/ch01_demo/drill_01_demo/src/more.rs").exists());
    assert!(course.path("workbook/ch01_demo/drill_01_demo/tests/mine.rs").exists());
    let notebook = course.read(NOTEBOOK);
    assert!(notebook.ends_with("]\nbest = 20\nof = 20\nhints = { 1 = 1 }\n"), "{notebook}");

    let before = course.snapshot("workbook");
    course.run(&["reset", "demo"]).assert(0, &["ch01/drill_01_demo  is one already"]);
    course.run(&["reset", "--all"]).assert(0, &["ch01/drill_01_demo  is one already"]);
    assert_eq!(course.snapshot("workbook"), before);
    course.answer("Ok(0)");
    course.run(&["reset", "--all"]).assert(0, &["src/lib.rs.bak-2"]);
    assert!(course.read(&format!("{MINE}.bak-1")).contains("Ok(a / b)"));
    assert!(course.read(&format!("{MINE}.bak-2")).contains("Ok(0)"));
}

#[test]
fn reset_needs_to_be_told_what() {
    let course = Course::started();
    course.run(&["reset"]).assert(2, &["required", "<ID"]);
    course.run(&["reset", "demo", "--all"]).assert(2, &["cannot be used with"]);
    course.run(&["reset", "warmup_01"]).assert(2, &["cargo xtask start warmup_01"]);
}

#[test]
fn every_command_of_the_learners_explains_itself() {
    let course = Course::new();
    for (command, says) in [
        ("start", "What you write in it is never lost"),
        ("status", "workbook/progress.toml"),
        ("hint", "There are three: a nudge, more of it, and nearly the answer"),
        ("solution", "one below the other"),
        ("reset", "lib.rs.bak-1"),
    ] {
        let run = Run::of(course.command(&[command, "--help"]).env("COLUMNS", "80"));
        run.assert(0, &["Examples:"]);
        assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
        let words: Vec<&str> = run.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(says), "{command}\n{}", run.stdout);
    }
}
