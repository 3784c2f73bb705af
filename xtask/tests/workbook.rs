//! `start` and the workbook that it makes: always up to date, and nothing of the learner's is lost.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::process::Command;

use support::{ANSWER, Course, TESTS};

const DRILL: &str = "ch01_demo/drill_01_demo";
const MINE: &str = "workbook/ch01_demo/drill_01_demo/src/lib.rs";

/// Adds exercise 3 to the course's drill, with a test of its own.
fn add_an_exercise(course: &Course) {
    let more = "\n/// The negative number.\npub fn negative(a: i64) -> i64 {\n    \
        // EXERCISE 3: what is above zero goes below it.\n    -a\n    // END\n}\n";
    course.write(ANSWER, &format!("{}{more}", course.read(ANSWER)));
    let test = "\n/// It is on the other side.\n///\n/// Exercise: 3\n#[test]\n\
        fn a_negative_number() {\n    assert_eq!(ch01_drill_01_demo::negative(2), -2);\n}\n";
    course.write(TESTS, &format!("{}{test}", course.read(TESTS)));
}

#[test]
fn start_puts_the_whole_course_or_a_part_of_it_into_the_workbook() {
    let course = Course::new();
    let first = "Then open   workbook/ch01_demo/warmup_01_twice/src/lib.rs:6";
    course.run(&["start", "drill_01"]).assert(0, &["1 new", "drill 1.1 goes on with exercise 1"]);
    let run = course.run(&["start"]);
    run.assert(0, &["1 new, 1 already there", "warm-up 1.1 goes on", first]);
    assert!(course.read("workbook/ch01_demo/tests/chapter.rs").contains("mod warmup_01_twice;"));
    let whole = Course::new();
    whole.run(&["start"]).assert(0, &["2 new", "ch01/warmup_01_twice, 1 exercise\n", first]);
}

#[test]
fn start_makes_a_workbook_and_never_touches_what_the_learner_wrote() {
    let course = Course::new();
    course.run(&["start", "ch01/1"]).assert(
        0,
        &[
            "1 new",
            "Then open   workbook/ch01_demo/drill_01_demo/src/lib.rs:13",
            "grade ch01/drill",
        ],
    );
    let stub = course.read(&format!("workbook/{ANSWER}"));
    assert!(stub.contains("    todo!(\"drill 1.1, exercise 1\")\n}"));
    assert!(!stub.contains("fn sum"));
    assert_eq!(course.read(&format!("workbook/{TESTS}")), course.read(TESTS));
    assert!(!course.path("workbook/ch01_demo/drill_01_demo/quiz.toml").exists());

    course.answer("Ok(a / b)");
    course.write("workbook/ch01_demo/drill_01_demo/tests/mine.rs", "// Mine.\n");
    course.write(&format!("workbook/{TESTS}"), "// My notes.\n");
    course
        .run(&["start", "demo"])
        .assert(0, &["Already in workbook/:", "goes on with exercise 2", "src/lib.rs:19"]);
    assert!(course.read(&format!("workbook/{ANSWER}")).contains("Ok(a / b)"));
    assert_eq!(course.read("workbook/ch01_demo/drill_01_demo/tests/mine.rs"), "// Mine.\n");
    assert_eq!(course.read(&format!("workbook/{TESTS}")), course.read(TESTS));
    assert_eq!(course.read(&format!("workbook/{TESTS}.bak-1")), "// My notes.\n");
}

#[test]
fn the_workbook_is_a_workspace_whose_chapter_runs() {
    let course = Course::started();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--package", "ch01_demo", "--offline"])
        .current_dir(course.path("workbook"))
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("not yet implemented: drill 1.1, exercise 2"), "{said}");
    assert!(said.contains("0 passed; 4 failed"), "{said}");
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(!warnings.contains("warning"), "{warnings}");
}

#[test]
fn starting_again_changes_nothing_and_says_nothing_of_updates() {
    let course = Course::started();
    let before = course.snapshot("workbook");
    let run = course.run(&["start"]);
    run.assert(0, &["1 new, 1 already there"]);
    assert!(
        !run.stdout.contains("up to date") && !run.stdout.contains("look at"),
        "{}",
        run.stdout
    );
    let again = course.run(&["start", "drill_01"]);
    assert!(!again.stdout.contains("up to date"), "{}", again.stdout);
    for (path, bytes) in before {
        let now = fs::read(&path).unwrap();
        let made_anew = ["Cargo.toml", "Cargo.lock", "chapter.rs"];
        let listed = made_anew.iter().any(|name| path.ends_with(name));
        assert!(listed || now == bytes, "{}", path.display());
    }
}

#[test]
fn tests_and_texts_follow_the_course_and_the_update_is_told() {
    let course = Course::started();
    course.answer("Ok(a / b)");
    course.edit(&format!("{DRILL}/hints.md"), "Look at the type.", "Look at its type.");
    course.edit(TESTS, "Covers: DEMO-1", "Covers: DEMO-2");
    let run = course.run(&["start", "demo"]);
    run.assert(
        0,
        &[
            "Brought up to date from the course:",
            "✓ workbook/ch01_demo/drill_01_demo/hints.md\n",
            "✓ workbook/ch01_demo/drill_01_demo/tests/drill.rs\n",
        ],
    );
    assert!(!run.stdout.contains("lib.rs\n"), "{}", run.stdout);
    assert!(course.read(&format!("workbook/{DRILL}/hints.md")).contains("Look at its type."));
    assert!(course.read(MINE).contains("Ok(a / b)"));
    fs::remove_file(course.path(&format!("{DRILL}/hints.md"))).unwrap();
    course.run(&["start", "demo"]).assert(0, &["hints.md  no longer needed"]);
    assert!(!course.path(&format!("workbook/{DRILL}/hints.md")).exists());
}

#[test]
fn a_new_exercise_is_added_to_the_learners_answers() {
    let course = Course::started();
    course.answer("Ok(a / b)");
    let mine = course.read(MINE);
    add_an_exercise(&course);
    course
        .run(&["start", "demo"])
        .assert(0, &["has a new part; your answers stand, your file from before is lib.rs.bak-1"]);
    let now = course.read(MINE);
    assert!(now.contains("Ok(a / b)") && now.contains("todo!(\"drill 1.1, exercise 3\")"), "{now}");
    assert_eq!(course.read(&format!("{MINE}.bak-1")), mine);
    course.run(&["grade", "demo"]).assert(1, &[" 5 / 10  1. ", " 0 / 10  3. what is above zero"]);
}

#[test]
fn a_changed_stub_waits_beside_what_the_learner_wrote() {
    let course = Course::started();
    course.answer("Ok(a / b)");
    let mine = course.read(MINE);
    course.edit(ANSWER, "/// The quotient.", "/// The quotient, rounded towards zero.");
    for _ in 0..2 {
        course.run(&["start", "demo"]).assert(
            0,
            &[
                "For you to look at:",
                "stands as you wrote it",
                "beside it: lib.rs.new",
                "exercise 2:",
            ],
        );
        assert_eq!(course.read(MINE), mine);
        assert!(course.read(&format!("{MINE}.new")).contains("rounded towards zero."));
    }
    course.write(MINE, &course.read(&format!("{MINE}.new")));
    let run = course.run(&["start", "demo"]);
    assert!(!run.stdout.contains("look at"), "{}", run.stdout);
    assert!(!course.path(&format!("{MINE}.new")).exists(), "it has been taken over");
    course.edit(ANSWER, "rounded towards zero.", "rounded.");
    course.run(&["start", "demo"]).assert(0, &["✓ workbook/ch01_demo/drill_01_demo/src/lib.rs\n"]);
    assert!(course.read(MINE).contains("rounded."), "nothing was written in it");
}

#[test]
fn what_the_learner_changed_in_the_courses_files_is_kept() {
    let course = Course::started();
    course.edit("workbook/Cargo.toml", "members = [", "members = [\"my_own\", ");
    course.write("workbook/rust-analyzer.toml", "# Mine.\n");
    course.run(&["start", "demo"]).assert(
        0,
        &[ "workbook/Cargo.toml\n      is the course's; what you changed in it is in Cargo.toml.bak-1"],
    );
    assert!(course.read("workbook/Cargo.toml.bak-1").contains("my_own"));
    assert!(!course.read("workbook/Cargo.toml").contains("my_own"));
    assert_eq!(course.read("workbook/rust-analyzer.toml"), "# Mine.\n");
}

#[test]
fn an_item_that_was_deleted_is_put_there_anew() {
    let course = Course::started();
    fs::remove_dir_all(course.path(&format!("workbook/{DRILL}"))).unwrap();
    course.run(&["start", "demo"]).assert(0, &["1 new", "goes on with exercise 1"]);
    assert!(course.read(MINE).contains("exercise 1"));
}

#[test]
fn the_alias_works_at_any_depth_and_after_the_course_has_moved() {
    let course = Course::started();
    let moved = course.path("moved");
    fs::create_dir(&moved).unwrap();
    for entry in [".cargo", "Cargo.toml", "Cargo.lock", "ch01_demo", "docs", "workbook"] {
        fs::rename(course.path(entry), moved.join(entry)).unwrap();
    }
    // A stand-in for the course's own command, which says where it was called.
    let says = "fn main() { println!(\"{}\", std::env::current_dir().unwrap().display()); }\n";
    let manifest = "[package]\nname = \"xtask\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
        [workspace]\n";
    fs::create_dir_all(moved.join("xtask/src")).unwrap();
    fs::write(moved.join("xtask/src/main.rs"), says).unwrap();
    fs::write(moved.join("xtask/Cargo.toml"), manifest).unwrap();
    course.run_at(&moved, &["start", "demo"]).assert(0, &["Already in workbook/:"]);
    for below in ["workbook", "workbook/ch01_demo", "workbook/ch01_demo/drill_01_demo/src"] {
        let output = Command::new(env!("CARGO"))
            .args(["xtask", "status"])
            .current_dir(moved.join(below))
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.trim_end().ends_with(&format!("moved/{below}")), "{output:?}");
    }
    assert!(moved.join("target/debug/xtask").exists(), "the target folder is the course's");
}

#[test]
fn a_path_with_a_blank_is_told() {
    let course = Course::new();
    let blank = course.path("my course");
    fs::create_dir(&blank).unwrap();
    for entry in [".cargo", "Cargo.toml", "Cargo.lock", "ch01_demo"] {
        fs::rename(course.path(entry), blank.join(entry)).unwrap();
    }
    course
        .run_at(&blank, &["start"])
        .assert(0, &["holds a blank: `cargo xtask` works in its root"]);
    let config = fs::read_to_string(blank.join("workbook/.cargo/config.toml")).unwrap();
    assert!(config.contains("target-dir") && !config.contains("alias"), "{config}");
}
