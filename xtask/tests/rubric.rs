//! Grading by a rubric, and the learner's own tests.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use support::{Course, Run};

const PROJECT: &str = "ch01_pool/project_stack";
const SOURCE: &str = "workbook/ch01_pool/project_stack/src/lib.rs";
const MINE: &str = "workbook/ch01_pool/project_stack/tests/mine.rs";
const FULL: [(&str, f64); 6] = [
    ("room", 6.0),
    ("order", 4.0),
    ("depth", 4.0),
    ("own-tests", 4.0),
    ("lints", 2.0),
    ("reading", 0.0),
];

/// A workbook that holds the course's own answer, with its tests.
fn solved() -> Course {
    let course = Course::of("rubric");
    assert_eq!(course.run(&["start"]).code, 0);
    course.write(SOURCE, &course.read(&format!("{PROJECT}/src/lib.rs")));
    course.write(MINE, &course.read(&format!("{PROJECT}/tests/mine.rs")));
    course
}

/// The points of the rubric's items, and the whole report's.
fn scores(course: &Course) -> (BTreeMap<String, f64>, f64) {
    let report = course.report();
    let areas = report["items"][0]["areas"].as_array().unwrap();
    let entries = areas.iter().flat_map(|area| area["items"].as_array().unwrap());
    let points = entries
        .map(|entry| (entry["id"].as_str().unwrap().to_owned(), entry["score"].as_f64().unwrap()));
    (points.collect(), report["score"].as_f64().unwrap())
}

/// Grades, and expects full points but for these items.
#[track_caller]
fn assert_lost(course: &Course, lost: &[(&str, f64)]) -> Run {
    let run = course.run(&["grade"]);
    let mut expected: BTreeMap<String, f64> =
        FULL.iter().map(|(id, points)| ((*id).to_owned(), *points)).collect();
    expected.extend(lost.iter().map(|(id, points)| ((*id).to_owned(), *points)));
    let said = format!("{}{}", run.stdout, run.stderr);
    let (found, score) = scores(course);
    assert_eq!(found, expected, "{said}");
    assert!((score - expected.values().sum::<f64>()).abs() < 1e-9, "{said}");
    run
}

#[test]
fn the_reference_has_all_points_and_the_stub_none() {
    let course = Course::of("rubric");
    course.run(&["grade", "--reference"]).assert(
        0,
        &[
            "A small stack",
            "6 / 6   There is room",
            "The stack is as deep as it is full (shape of the tree)",
            "2 of 2 wrong answers are noticed",
            "everything is described (proxy)",
            "look  It reads well",
            "[ ] Do the names say what they mean?",
            "20 of 20 points",
        ],
    );
    assert_eq!(course.run(&["start"]).code, 0);
    assert!(!course.path(MINE).exists(), "the course's own are no gift");
    course.run(&["grade"]).assert(
        1,
        &[
            "0 of 20 points",
            "there is no tests/mine.rs",
            "counts only once the behaviour of its area reaches half",
        ],
    );
    assert!(scores(&course).0.values().all(|points| points.abs() < 1e-9));
}

#[test]
fn check_holds_a_rubric_to_the_same_rules() {
    let course = Course::of("rubric");
    course.run(&["check"]).assert(
        0,
        &["a rubric of 6 items, 4 tests", "4 mutants", "4 of 4 caught", "all 11 checks pass"],
    );
    course.run(&["check"]).assert(0, &["full marks  proved before", "4 of them before"]);
    course.edit(&format!("{PROJECT}/rubric.toml"), "name = \"Code\"", "name = \"Style\"");
    let run = course.run(&["check"]);
    assert!(run.code == 0 && !run.stdout.contains("before"), "{}", run.stdout);
    course.edit(&format!("{PROJECT}/mutants/queue.patch"), "rubric order", "rubric room");
    fs::remove_file(course.path(&format!("{PROJECT}/tests/mine.rs"))).unwrap();
    course.run(&["check"]).assert(
        3,
        &[
            "mutants/queue.patch: expected `# caught by: rubric order`, found rubric room",
            "own-tests: 0 of 4 points\n      there is no tests/mine.rs",
            "queue.patch: missed: the tests of rubric room let it through",
        ],
    );
}

#[test]
fn each_mistake_costs_its_own_items_points() {
    let no_limit = "            return Err(value);\n";
    let (depth, end) = ("self.values.len()\n        // END", "self.limit\n        // END");
    let own_room = "self.values.len() == self.limit";
    for (from, to, lost) in [
        (no_limit, "", &[("room", 3.0)][..]),
        // Without room there is no order either, and not half of the behaviour.
        (
            own_room,
            "self.values.len() + 1 == self.limit",
            &[("room", 0.0), ("order", 0.0), ("lints", 0.0)],
        ),
        (own_room, "self.values.len() == 2", &[("room", 3.0)]),
        (depth, end, &[("depth", 0.0)]),
    ] {
        let course = solved();
        course.edit(SOURCE, from, to);
        assert_lost(&course, lost);
    }
}

#[test]
fn a_mistake_that_is_known_is_named_and_the_hint_is_given() {
    let course = solved();
    course.edit(SOURCE, "self.values.pop()", "(self.depth() > 0).then(|| self.values.remove(0))");
    let run = assert_lost(&course, &[("order", 0.0)]);
    run.assert(
        1,
        &[
            "This is how it fails when: The first value comes first.",
            "Try this: Which end of a pile can you reach?",
            "your own tests: 1 of 2 tests passed",
        ],
    );
}

#[test]
fn lints_are_counted_in_the_sources_only_and_cannot_be_allowed_away() {
    let course = solved();
    course.edit(
        SOURCE,
        "self.values.pop()",
        "let top = self.values.pop();\n        if top.is_some() { Some(top.unwrap()) } else { None }",
    );
    course.edit(SOURCE, "//! A stack", "#![allow(clippy::unwrap_used)]\n//! A stack");
    course.write(MINE, &format!("{}#[test]\nfn x() {{ Some(1).unwrap(); }}\n", course.read(MINE)));
    assert_lost(&course, &[("lints", 1.0)])
        .assert(1, &["1 finding (a proxy)", "src/lib.rs:32: clippy::unwrap_used"]);
}

#[test]
fn lints_give_nothing_before_the_behaviour_reaches_half() {
    let course = solved();
    course.edit(SOURCE, "self.values.pop()", "None");
    course.edit(SOURCE, "        self.values.len()\n", "        9\n");
    assert_lost(&course, &[("order", 0.0), ("depth", 0.0), ("lints", 0.0)]);
}

#[test]
fn own_tests_are_graded_by_the_wrong_answers_that_they_notice() {
    let course = solved();
    let start = "use ch01_project_stack::Stack;\n#[test]\nfn t() {";
    let room = "let mut s = Stack::new(0); assert_eq!(s.push(1), Err(1)); }";
    for (tests, points, why) in [
        (format!("{start} {room}"), 2.0, "not noticed: The first value comes first."),
        (format!("{start} }}"), 0.0, "0 of 2 wrong answers are noticed"),
        (format!("{start} panic!(\"no\") }}"), 0.0, "t fails on the reference answer: no"),
        ("fn t() {}".to_owned(), 0.0, "tests/mine.rs holds no test"),
        ("fn t() {".to_owned(), 0.0, "tests/mine.rs does not fit the reference answer"),
        (
            format!("{start} assert_eq!(include_str!(\"../src/lib.rs\").len(), 1042); }}"),
            0.0,
            "t fails on the reference answer",
        ),
    ] {
        course.write(MINE, &tests);
        assert_lost(&course, &[("own-tests", points)]).assert(1, &[why]);
    }
    let length = course.read(&format!("{PROJECT}/src/lib.rs")).len();
    let spelling =
        format!("{start} assert_eq!(include_str!(\"../src/lib.rs\").len(), {length}); }}");
    course.write(MINE, &spelling);
    assert_lost(&course, &[("own-tests", 0.0)])
        .assert(1, &["t fails on the reference answer when its lines have moved"]);
}

#[test]
fn own_tests_of_any_item_are_run_and_shown_and_change_no_points() {
    let course = Course::started();
    let mine = "workbook/ch01_demo/drill_01_demo/tests/mine.rs";
    course.write(mine, "#[test]\nfn mine() { assert_eq!(1, 2); }\n");
    course.run(&["grade", "demo"]).assert(1, &["your own tests: 0 of 1 test passed", "left: 1"]);
    assert_eq!(course.report()["items"][0]["mine"]["tests"][0]["status"], "fail");
    course.assert_score(0.0);

    course.write(mine, "#[test]\nfn mine( { }\n");
    course.write(
        "workbook/ch01_demo/drill_01_demo/src/lib.rs",
        &course.read("ch01_demo/drill_01_demo/src/lib.rs"),
    );
    course.run(&["grade", "demo"]).assert(0, &["tests/mine.rs does not compile"]);
    assert_eq!(course.report()["items"][0]["mine"]["status"], "error");
    course.assert_score(20.0);
}

#[test]
fn a_rubric_that_does_not_fit_is_the_courses_fault() {
    let rubric = format!("{PROJECT}/rubric.toml");
    let tests = format!("{PROJECT}/tests/project.rs");
    let last = "[\"the_last_value_comes_first\"]";
    for (file, from, to, expected) in [
        (
            &rubric,
            "points = 20",
            "points = 21",
            "rubric.toml:2: the areas have 20 points, expected",
        ),
        (&rubric, last, "[\"no_such_test\"]", "test `no_such_test` is not in the test binary"),
        (&rubric, "\"push::a_full_stack_refuses\"", "", "no item lists the test `push::a_full"),
        (&rubric, "kind = \"shape\"", "kind = \"form\"", "rubric.toml:32: unknown variant `form`"),
        (&tests, "#[test]\nfn the_last", "#[test]\n#[ignore]\nfn the_last", "first` is ignored"),
    ] {
        let course = Course::of("rubric");
        course.edit(file, from, to);
        course.run(&["grade", "--reference"]).assert(3, &[expected]);
    }
}
