//! What mutants are good for: they prove the tests, and they explain a learner's failure.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;

use support::{Course, TESTS};

const MUTANTS: &str = "ch01_demo/drill_01_demo/mutants";
const PRODUCT: &str = "if b == 0 { return Err(DivideError::ByZero); }\n    Ok(a * b)";

fn recognised(course: &Course) -> Vec<String> {
    let report = course.report();
    let exercises = report["items"][0]["exercises"].as_array().unwrap();
    let sentences = exercises.iter().filter_map(|exercise| exercise["recognised"].as_array());
    sentences.flatten().map(|sentence| sentence.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_known_mistake_is_named_and_the_report_is_the_same_with_a_warm_and_a_cold_cache() {
    let course = Course::started();
    course.answer(PRODUCT);
    let sentence = "This is how it fails when: It multiplies.";
    course.run(&["grade", "demo"]).assert(1, &[sentence]);
    let cold = course.read("target/grade/report.json");
    assert_eq!(recognised(&course), ["It multiplies."]);

    let records = course.path("target/grade/cache/ch01_drill_01_demo");
    assert!(records.join("record-product.json").is_file());
    fs::remove_dir_all(course.path("target/grade/ch01_drill_01_demo.lanes")).unwrap();
    course.run(&["grade", "demo"]).assert(1, &[sentence]);
    assert_eq!(course.read("target/grade/report.json"), cold);
    let built_again = course.path("target/grade/ch01_drill_01_demo.lanes");
    assert!(!built_again.exists(), "a warm cache needs no mutant built");

    fs::remove_dir_all(&records).unwrap();
    course.run(&["grade", "demo"]).assert(1, &[sentence]);
    assert_eq!(course.read("target/grade/report.json"), cold);
}

#[test]
fn an_untouched_stub_and_a_right_answer_pay_nothing_for_recognition() {
    let course = Course::started();
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    assert_eq!(course.run(&["grade", "demo", "--reference"]).code, 0);
    assert!(!course.path("target/grade/ch01_drill_01_demo.lanes").exists());
    assert!(!course.path("target/grade/cache").exists());
}

#[test]
fn a_mistake_that_nobody_made_before_is_not_named() {
    let course = Course::started();
    course.answer("if b == 0 { return Err(DivideError::ByZero); }\n    Ok(a + b)");
    let run = course.run(&["grade", "demo"]);
    run.assert(1, &["a_quotient_is_a_quotient"]);
    assert!(!run.stdout.contains("This is how it fails"), "{}", run.stdout);
    assert_eq!(recognised(&course), Vec::<String>::new());
}

#[test]
fn mistakes_that_look_alike_are_all_named_if_they_are_few_and_else_none_is() {
    let course = Course::started();
    course.answer(PRODUCT);
    let twin = course.read(&format!("{MUTANTS}/product.patch"));
    let add = |name: &str| {
        let text = twin.replace("It multiplies.", &format!("It is {name}."));
        course.write(&format!("{MUTANTS}/{name}.patch"), &text);
    };
    add("q");
    course.run(&["grade", "demo"]).assert(1, &["fails when:\n        - It multiplies.\n"]);
    assert_eq!(recognised(&course), ["It multiplies.", "It is q."]);
    add("r");
    add("s");
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    assert_eq!(recognised(&course), Vec::<String>::new());
}

#[test]
fn a_change_of_the_tests_makes_a_record_worthless() {
    let course = Course::started();
    course.answer(PRODUCT);
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    course.edit(TESTS, "divide(6, 3), Ok(2)", "divide(8, 2), Ok(4)");
    assert_eq!(course.run(&["grade", "demo"]).code, 1);
    assert_eq!(recognised(&course), ["It multiplies."]);
}

#[test]
fn check_proves_nothing_twice_before_something_changes() {
    let course = Course::new();
    course.run(&["check"]).assert(0, &["3 of 3 caught\n"]);
    course.run(&["check"]).assert(
        0,
        &[
            "full marks  proved before",
            "scores 0  proved before",
            "3 of 3 caught, 3 of them before",
        ],
    );
    course.edit(&format!("{MUTANTS}/product.patch"), "a * b", "a * b + 1");
    course.run(&["check"]).assert(0, &["3 of 3 caught, 2 of them before", "proved before"]);
    let run = course.run(&["check", "--all"]);
    run.assert(0, &["3 of 3 caught\n"]);
    assert!(!run.stdout.contains("before"), "{}", run.stdout);

    course.edit(TESTS, "assert_eq!(mean(&[]), None);", "");
    course.run(&["check"]).assert(3, &["passes although nothing is written", "3 of 3 caught\n"]);
    course.run(&["check"]).assert(3, &["passes although nothing is written", "3 of them before"]);
}

#[test]
fn a_mutant_that_does_not_compile_stops_no_other() {
    let course = Course::new();
    course.edit(&format!("{MUTANTS}/product.patch"), "a * b", "a *");
    course
        .run(&["check"])
        .assert(3, &["product.patch: it does not compile:", "--> src/lib.rs:16:", "2 of 3 caught"]);
}
