//! What keeps points from being had without work.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use support::{ANSWER, Course};

#[test]
fn an_answer_cannot_take_in_the_courses_tests_or_its_own_answer() {
    let course = Course::started();
    let theirs = course.path(ANSWER);
    for (file, shown) in [
        ("../tests/drill.rs".to_owned(), "src/ takes in tests/drill.rs"),
        (theirs.display().to_string(), "src/ takes in ch01_demo/drill_01_demo/src/lib.rs"),
    ] {
        let answer = format!("workbook/{ANSWER}");
        let stub = course.read(&answer);
        let spy = format!("const SPIED: &str = include_str!(\"{file}\");");
        course.write(&answer, &format!("{}\n{spy}\n", course.read(ANSWER)));
        // Once when it is built, and once when it is there already.
        for _ in 0..2 {
            course.run(&["grade", "demo"]).assert(1, &["it does not compile", shown]);
            course.assert_score(0.0);
        }
        course.write(&answer, &stub);
    }
}

#[test]
fn an_answer_may_consist_of_several_files() {
    let course = Course::started();
    let folder = "workbook/ch01_demo/drill_01_demo/src";
    let answer = course.read(ANSWER);
    course.write(&format!("{folder}/words.txt"), "Both functions, and a text.");
    course.write(
        &format!("workbook/{ANSWER}"),
        &format!("{answer}\nmod more;\nconst _: &str = include_str!(\"words.txt\");\n"),
    );
    course.write(&format!("{folder}/more.rs"), "//! More.\n");
    course.run(&["grade", "demo"]).assert(0, &["20 of 20 points"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_grows_without_end_is_stopped_and_told_why() {
    let course = Course::started();
    course.answer("{ let mut all = Vec::new(); loop { all.push(vec![a * b; 1 << 20]); } }");
    course
        .run(&["grade", "demo", "--memory", "128", "--deadline", "60"])
        .assert(1, &["it needs more memory than a test may have"]);
    course.assert_score(0.0);
}

#[test]
fn a_panic_hook_hides_no_failure() {
    let course = Course::started();
    course.answer(
        "{ std::panic::set_hook(Box::new(|_| std::process::exit(0))); panic!(\"{a}{b}\") }",
    );
    course.run(&["grade", "demo"]).assert(1, &["the whole test process ended with exit code 0"]);
    course.assert_score(0.0);
}

#[test]
fn what_an_answer_writes_over_the_report_does_not_last() {
    let course = Course::started();
    course.answer(
        "{ std::fs::write(\"../report.json\", \"{\\\"score\\\": 30}\").unwrap(); Ok(a + b) }",
    );
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    course.assert_score(0.0);
}

#[test]
fn a_package_beside_the_answer_is_not_built() {
    let course = Course::started();
    let folder = "workbook/ch01_demo/drill_01_demo";
    course.write(&format!("{folder}/build.rs"), "fn main() { panic!(\"it was built\") }");
    let manifest = course.read(&format!("{folder}/Cargo.toml"));
    let spy = "\n[dependencies]\nspy = { path = \"spy\" }\n";
    course.write(&format!("{folder}/Cargo.toml"), &format!("{manifest}{spy}"));
    course.write(&format!("workbook/{ANSWER}"), &course.read(ANSWER));
    course.run(&["grade", "demo"]).assert(0, &["20 of 20 points"]);
}
