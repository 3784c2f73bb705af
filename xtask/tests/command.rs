//! `grade` and `check` on a small course.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use support::{ANSWER, Course, TESTS};

/// Whether a process runs; one that is dead but not reaped does not, and dying may take a moment.
fn alive(pid: &str) -> bool {
    (0..100_000).all(|_| {
        std::thread::yield_now();
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    })
}

#[test]
fn the_reference_has_full_marks_and_the_report_is_the_same_each_time() {
    let course = Course::new();
    course.run(&["grade"]).assert(0, &["Grading the course's own answers", "30 of 30 points"]);
    let first = course.read("target/grade/report.json");
    assert_eq!(course.run(&["grade", "ch01", "--json", "copy.json"]).code, 0);
    assert_eq!(course.read("target/grade/report.json"), first);
    assert_eq!(course.read("copy.json"), first);
    let piped = course.run(&["grade", "--reference", "--json", "-"]);
    assert_eq!(piped.stdout, first);
    let here = course.dir.path().display().to_string();
    assert!(!first.contains(&here));
}

#[test]
fn a_stub_has_no_marks_and_half_an_answer_has_half() {
    let course = Course::started();
    course.run(&["grade"]).assert(
        1,
        &[
            "Grading your work in workbook/",
            "not started yet",
            "still to be written",
            "0 of 30 points\nNext: cargo xtask start ch01/warmup_01_twice",
        ],
    );
    course.assert_score(0.0);

    course.answer("Ok(a / b)");
    let run = course.run(&["grade", "1/1"]);
    run.assert(
        1,
        &[
            " 5 / 10  1. an expected failure is a value",
            "zero_divides_nothing  src/lib.rs:13",
            "attempt to divide by zero",
            "Next: exercise 1 in workbook/ch01_demo/drill_01_demo/src/lib.rs:12",
        ],
    );
    course.assert_score(5.0);
    let report = course.read("target/grade/report.json");
    assert_eq!(course.run(&["grade", "1/1"]).code, 1);
    assert_eq!(course.read("target/grade/report.json"), report);

    course.run(&["grade", "--reference"]).assert(0, &["30 of 30 points"]);
}

#[test]
fn what_does_not_compile_scores_0_and_shows_the_compilers_words() {
    let course = Course::started();
    course.answer("Ok(a / )");
    assert_eq!(course.run(&["start"]).code, 0);
    course.edit(
        "workbook/ch01_demo/warmup_01_twice/src/lib.rs",
        "todo!(\"warm-up 1.1, exercise 1\")",
        "number + number",
    );
    course.run(&["grade"]).assert(
        1,
        &["10 / 10  1. twice as much.", "it does not compile", "error: expected expression"],
    );
    let report = course.report();
    assert_eq!(report["status"], "fail");
    assert_eq!(report["items"][1]["status"], "error");
    let message = report["items"][1]["message"].as_str().unwrap();
    assert!(message.contains("--> src/lib.rs:13:12"), "{message}");
    course.assert_score(10.0);
}

#[test]
fn ending_the_process_is_no_success_whatever_it_prints() {
    let course = Course::started();
    course.answer("std::process::exit(0)");
    course.run(&["grade"]).assert(1, &["the whole test process ended with exit code 0"]);
    course.assert_score(0.0);

    course.edit(
        &format!("workbook/{ANSWER}"),
        "std::process::exit(0)",
        r#"{
        use std::io::Write as _;
        let text = "test zero_divides_nothing ... ok\n\
            test a_quotient_is_a_quotient ... ok\n\
            test zzzz_the_harness_came_to_its_end ... \nok\n\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out\n";
        std::io::stdout().write_all(text.as_bytes()).unwrap();
        std::process::exit(0)
    }"#,
    );
    assert_eq!(course.run(&["grade"]).code, 1);
    course.assert_score(0.0);
}

#[test]
fn an_endless_loop_ends_at_its_deadline_with_all_that_it_started() {
    let course = Course::started();
    course.answer(
        r#"{
        let child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        std::fs::write(format!("pid-{}", child.id()), "").unwrap();
        loop {
            std::hint::spin_loop();
        }
    }"#,
    );
    course.run(&["grade", "--deadline", "1"]).assert(1, &["no end after 1s"]);
    course.assert_score(0.0);
    let folder = course.path("target/grade/ch01_drill_01_demo");
    let pids: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_prefix("pid-").map(str::to_owned))
        .collect();
    assert_eq!(pids.len(), 2, "one per test of exercise 1");
    assert!(pids.iter().all(|pid| !alive(pid)));
}

#[test]
fn an_interrupt_ends_the_tests_as_well() {
    let course = Course::started();
    course.answer("{ std::fs::write(\"started\", \"\").unwrap(); loop {} }");
    let mut command = course.command(&["grade", "demo", "--deadline", "600"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = course.path("target/grade/ch01_drill_01_demo");
    while !folder.join("started").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before the test ran");
        std::thread::yield_now();
    }
    let of_this_folder = |entry: &fs::DirEntry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
    };
    let tests: Vec<String> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(Result::ok)
        .filter(of_this_folder)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert!(!tests.is_empty());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(tests.iter().all(|pid| !alive(pid)));
}

#[test]
fn an_answer_that_works_only_sometimes_is_called_flaky() {
    let course = Course::started();
    course.answer("Ok(if std::env::var(\"OTP_SEED\").unwrap() == \"42\" { a / b } else { 0 })");
    course.run(&["grade"]).assert(1, &["flaky 1/3, failed with OTP_SEED=43"]);
    course.assert_score(0.0);
}

#[test]
fn the_courses_own_tests_and_manifest_count() {
    let course = Course::started();
    course.write(&format!("workbook/{TESTS}"), "#[test]\nfn a_quotient_is_a_quotient() {}\n");
    course.write("workbook/ch01_demo/drill_01_demo/Cargo.toml", "nonsense");
    course.write("workbook/ch01_demo/drill_01_demo/build.rs", "nonsense");
    assert_eq!(course.run(&["grade"]).code, 1);
    course.assert_score(0.0);

    fs::remove_dir_all(course.path("workbook/ch01_demo/drill_01_demo/tests")).unwrap();
    course.write(&format!("workbook/{ANSWER}"), &course.read(ANSWER));
    assert_eq!(course.run(&["grade", "demo"]).code, 0);
    course.assert_score(20.0);
}

#[test]
fn wrong_input_is_told_in_words() {
    let course = Course::new();
    course
        .run(&["grade", "drill_01_dmo"])
        .assert(2, &["no item `drill_01_dmo`; did you mean `ch01/drill_01_demo`?"]);
    course.run(&["start", "ch07"]).assert(2, &["no item `ch07`"]);
    course.run(&["grade", "--workbook", "nowhere"]).assert(2, &["no workbook at nowhere"]);
    course.run(&["grade", "--deadline", "0"]).assert(2, &["expected more than 0 seconds"]);
    fs::create_dir(course.path("workbook")).unwrap();
    course
        .run(&["grade", "demo"])
        .assert(2, &["workbook/ holds nothing of that yet", "cargo xtask start demo"]);
    course.run(&["grade", "--workbook", "workbook/"]).assert(2, &["holds nothing of that yet"]);
}

#[test]
fn another_workbook_can_be_graded() {
    let course = Course::started();
    fs::rename(course.path("workbook"), course.path("ada")).unwrap();
    course.write(&format!("ada/{ANSWER}"), &course.read(ANSWER));
    course
        .run(&["grade", "drill_01", "--workbook", "ada"])
        .assert(0, &["Grading your work in ada/"]);
}

#[test]
fn a_broken_course_is_not_the_learners_fault() {
    let course = Course::started();
    course.edit(TESTS, "/// Exercise: 1\n/// Covers: DEMO-1\n", "/// Covers: DEMO-1\n");
    course.run(&["grade"]).assert(
        3,
        &["ch01_demo/drill_01_demo/tests/drill.rs:9: test `a_quotient_is_a_quotient` names no"],
    );
    course.edit(ANSWER, "    // END\n}\n\n/// The mean", "}\n\n/// The mean");
    course.run(&["grade"]).assert(3, &["src/lib.rs:", "a region starts inside exercise 1"]);
}

#[test]
fn check_passes_on_a_course_that_is_whole() {
    let course = Course::new();
    course
        .run(&["check"])
        .assert(0, &["[19/19]", "3 of 3 caught", "1 of 1 caught", "all 19 checks pass"]);
}

#[test]
fn check_looks_at_the_items_that_are_named_and_at_no_others() {
    let course = Course::new();
    course.edit("ch01_demo/drill_01_demo/README.md", "## Questions", "## Answers");
    let run = course.run(&["check", "ch01/warmup_01"]);
    run.assert(0, &["ch01_demo: chapter", "1 of 1 caught", "all 9 checks pass"]);
    assert!(!run.stdout.contains("drill_01") && !run.stdout.contains("COVERAGE"));
    course.run(&["check", "--quick", "ch01/warmup_01", "1/1"]).assert(3, &["1 of 11 checks fail"]);
    course.run(&["check", "7/7"]).assert(2, &["7/7"]);
}

#[test]
fn check_finds_tests_that_let_something_through() {
    let course = Course::new();
    let mutants = "ch01_demo/drill_01_demo/mutants";
    course.edit(&format!("{mutants}/product.patch"), "+    Ok(a * b)", "+    Ok(b * 0 + a / b)");
    course.edit(&format!("{mutants}/first.patch"), "- ", "-   ");
    course.edit(TESTS, "assert_eq!(mean(&[]), None);", "");
    course.run(&["check"]).assert(
        3,
        &[
            "mutants/product.patch: missed: the tests of exercise 1 let it through (It multiplies.)",
            "mutants/first.patch: src/lib.rs: does not apply",
            "`means::the_mean_of_nothing_is_nothing` (exercise 2) passes although nothing is written",
            "2 of 19 checks fail",
        ],
    );
}

#[test]
fn check_names_file_and_line_of_what_is_broken() {
    let course = Course::new();
    let drill = "ch01_demo/drill_01_demo";
    course.edit(&format!("{drill}/quiz.toml"), "kind = \"open\"", "kind = \"riddle\"");
    course.edit(&format!("{drill}/hints.md"), "### Hint 3\n\n`if", "`if");
    course.edit(&format!("{drill}/README.md"), "## Questions", "## Answers");
    course.edit(TESTS, "DEMO-1", "DEMO-9");
    course.edit(TESTS, "DEM-01", "DEM-09");
    course.write("ch01_demo/tests/chapter.rs", "");
    fs::remove_file(course.path(&format!("{drill}/mutants/zero.patch"))).unwrap();
    course.run(&["check", "--quick"]).assert(
        3,
        &[
            "ch01_demo/drill_01_demo/quiz.toml:13: ",
            "expected one of `open`, `choice`, `order`, `predict`",
            "hints.md: exercise 1: expected `### Hint 1` to `### Hint 3`",
            "README.md: expected the heading `## Questions`",
            "expected at least 3 mutants, found 2",
            "tests/drill.rs:8: `DEMO-9` is not in docs/COVERAGE.md",
            "tests/drill.rs:18: `DEM-09` is no scenario of xtask/oracle.toml",
            "docs/COVERAGE.md is not current",
            "docs/SEMANTICS.md: its table is not current",
            "ch01_demo/tests/chapter.rs: expected `#[path = \"../drill_01_demo/tests/drill.rs\"]`",
        ],
    );
}

#[test]
fn check_brings_generated_documents_up_to_date() {
    let course = Course::new();
    course.edit("docs/COVERAGE.md", "| open |", "| somewhere |");
    course.edit("docs/SEMANTICS.md", "| demo | 3 |", "| demo | 4 |");
    assert_eq!(course.run(&["check", "--quick"]).code, 3);
    assert_eq!(course.run(&["check", "--quick", "--write"]).code, 0);
    assert_eq!(course.run(&["check", "--quick"]).code, 0);
    fs::remove_file(course.path("docs/SEMANTICS.md")).unwrap();
    course.run(&["check", "--quick"]).assert(3, &["docs/SEMANTICS.md is missing"]);
}
