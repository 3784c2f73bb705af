//! A new item in a small course.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::process::Command;

use support::Course;

const NAME: &str = "ch01/drill_02_more";
const DIR: &str = "ch01_demo/drill_02_more";

#[test]
fn a_new_item_compiles_and_check_lists_what_is_still_to_be_written() {
    let course = Course::new();
    course.run(&["new", "drill", NAME]).assert(
        0,
        &["ch01/drill_02_more is made:", "  ch01_demo/drill_02_more/src/lib.rs\n", "check --quick"],
    );
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--package", "ch01_demo", "--package", "ch01_drill_02_more"])
        .current_dir(course.dir.path())
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("test drill_02_more::the_answer_is_right ... ok"), "{said}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("warning"));

    let at = |place: &str| format!("{DIR}/{place}");
    let check = course.run(&["check", "--quick"]);
    let gaps = [
        "Cargo.toml:3: still to be written: chapter, kind, number and topic\n",
        "README.md:1: still to be written: the title\n",
        "README.md:5: still to be written: what the learner can do afterwards, in one sentence.\n",
        "src/lib.rs:5: still to be written: what exercise 1 asks for, in one sentence.\n",
        "tests/drill.rs:5: still to be written: what the test shows, as a sentence",
        "hints.md:15: still to be written: nearly the answer.\n",
        "quiz.toml:3: still to be written: a question; xtask/README.md has the kinds.\n",
        "mutants/answers_something_else.patch:1: still to be written: a mistake",
        "mutants: expected at least 3 mutants, found 1\n",
    ]
    .map(at);
    check.assert(3, &gaps.each_ref().map(String::as_str));
    check.assert(
        3,
        &[
            "✓ ch01_demo: chapter  3 items",
            "✓ ch01/drill_02_more: exercises and tests  1 exercise, 1 test",
            "✓ ch01/drill_02_more: hints",
            "✓ ch01/drill_02_more: quiz  1 question",
        ],
    );
}

#[test]
fn what_is_written_is_no_gap_any_more() {
    let course = Course::new();
    assert_eq!(course.run(&["new", "warmup", "ch01_demo/warmup_02_again"]).code, 0);
    let dir = course.path("ch01_demo/warmup_02_again");
    let files = ["Cargo.toml", "README.md", "src/lib.rs", "tests/warmup.rs", "hints.md"];
    let more = ["quiz.toml", "mutants/answers_something_else.patch"];
    for file in files.iter().chain(&more) {
        let path = dir.join(file);
        let text = std::fs::read_to_string(&path).unwrap().replace("TO WRITE: ", "");
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(course.run(&["check", "--write"]).code, 0);
    course.run(&["grade", "--reference"]).assert(0, &["40 of 40 points"]);
}

#[test]
fn nothing_is_overwritten_and_wrong_names_are_refused_whole() {
    let course = Course::new();
    let before = ["Cargo.toml", "ch01_demo/Cargo.toml", "ch01_demo/tests/chapter.rs"]
        .map(|file| (file, course.read(file)));
    let refused = |kind: &str, name: &str, words: &[&str]| {
        course.run(&["new", kind, name]).assert(2, words);
    };
    refused("drill", "ch01/drill_01_demo", &["there is ch01/drill_01_demo already"]);
    refused("drill", "ch01/drill_01_other", &["there is ch01/drill_01_demo already"]);
    refused("riddle", NAME, &["expected one of: warmup, drill, exercise, project, practice"]);
    refused("warmup", NAME, &["no name for a new warmup", "ch08/warmup_04_topic"]);
    refused("drill", "ch01/drill_more", &["no name for a new drill"]);
    refused("drill", "ch01/drill_02_../../x", &["no name for a new drill"]);
    refused("drill", "drill_02_more", &["no name for a new drill"]);
    refused("drill", "ch07/drill_02_more", &["there is no chapter `ch07`", "ch01_demo"]);
    std::fs::create_dir(course.path("ch01_demo/exercise_01_x")).unwrap();
    refused("exercise", "ch01/exercise_01_x", &["already; nothing was written"]);
    course.edit("ch01_demo/Cargo.toml", "[dependencies]", "[dev-dependencies]");
    course.run(&["new", "drill", NAME]).assert(
        3,
        &["ch01_demo/Cargo.toml: there is no place to enter the item", "nothing was written"],
    );
    course.edit("ch01_demo/Cargo.toml", "[dev-dependencies]", "[dependencies]");
    assert!(!course.path(DIR).exists());
    for (file, text) in before {
        assert_eq!(course.read(file), text);
    }
}
