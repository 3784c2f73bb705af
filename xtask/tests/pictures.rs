//! Pictures of scenarios: on the terminal, as files, in READMEs.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{Course, Run};

/// The fixture with a drill that uses the runtime, which is built in this test's own target folder.
fn supervised() -> Course {
    let course = Course::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    support::copy(&root.join("xtask/tests/fixtures/supervised"), course.dir.path());
    course.edit("Cargo.toml", "@ROOT@", root.to_str().unwrap());
    fs::copy(root.join("Cargo.lock"), course.path("Cargo.lock")).unwrap();
    course
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

trait Drawing {
    fn draw(&self, arguments: &[&str], columns: &str) -> Run;
}

impl Drawing for Course {
    fn draw(&self, arguments: &[&str], columns: &str) -> Run {
        let mut command = self.command(arguments);
        let output =
            command.env("CARGO_TARGET_DIR", target()).env("COLUMNS", columns).output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

const TIMELINE: &str = "         0ms       1s
#2       ╺━━━━━━━━━━━━━━▶
├─ till  ╺━━━━━━━━━╳╺━━━▶ #2  panic: stuck
└─ door  ╺━━━━━━━━━■ ╺━━▶ #2

1s  one_for_all: till was restarted because it crashed
1s  one_for_all: door was restarted because till crashed
";

#[test]
fn trace_draws_tree_and_timeline_of_the_references_scenario() {
    let course = supervised();
    let run = course.draw(&["trace", "shop", "both_are"], "100");
    run.assert(
        0,
        &[
            "both_are_started_again (the course's own answer, seed 0)",
            "└╌ #2          one_for_all supervisor, process 2, linked\n   ├─ till #2",
            TIMELINE,
        ],
    );
    let everything = course.draw(&["trace", "shop", "both_are", "--everything"], "100");
    everything.assert(0, &["main     ├"]);
    course.draw(&["trace", "shop", "both_are"], "24").assert(
        0,
        &["├─ till  ╺━━━━━━━━━╳╺━━…\n        #2  panic: stuck\n", "1s  one_for_all: till"],
    );
}

#[test]
fn trace_draws_only_the_tree_where_it_is_asked_to() {
    let course = supervised();
    let tree = ["trace", "shop", "both_are", "--tree"];
    let run = course.draw(&tree, "100");
    run.assert(0, &["When the most processes ran\n", "└╌ #2          one_for_all supervisor"]);
    assert!(!run.stdout.contains("What happened"), "{}", run.stdout);
    let run = course.draw(&[&tree[..], &["--mermaid", "--svg", "out/x.svg"]].concat(), "80");
    run.assert(0, &["The tree is in out/x.svg."]);
    assert!(run.stdout.starts_with("```mermaid\nflowchart TD\n"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("```mermaid").count(), 1, "{}", run.stdout);
    assert!(
        course.read("out/x.svg").contains("Tree of") && !course.path("out/x.tree.svg").exists()
    );
    course.run(&[&tree[..], &["--everything"]].concat()).assert(2, &["cannot be used with"]);
}

#[test]
fn trace_lists_the_scenarios_of_a_drill_and_says_what_it_does_not_find() {
    let course = supervised();
    course.run(&["trace", "shop"]).assert(
        0,
        &["both_are_started_again\n      The till breaks, and the door is opened anew with it."],
    );
    course
        .run(&["trace", "shop", "a"])
        .assert(2, &["`a` could be any of these tests of ch01/drill_02_shop:"]);
    course
        .run(&["trace", "shop", "zebra"])
        .assert(2, &["has no test `zebra`; expected one of these:\n  both_are_started_again"]);
    course
        .run(&["trace", "ch01"])
        .assert(2, &["`ch01` is more than one item", "ch01/drill_02_shop"]);
    course
        .draw(&["trace", "shop", "nothing"], "80")
        .assert(2, &["`nothing_is_drawn` runs no scenario", "there is nothing to draw"]);
}

#[test]
fn trace_draws_the_learners_answer_also_when_it_is_wrong() {
    let course = supervised();
    assert_eq!(course.run(&["start", "shop"]).code, 0);
    let stub = "workbook/ch01_demo/drill_02_shop/src/lib.rs";
    course.draw(&["trace", "shop", "both_are"], "80").assert(
        1,
        &["(your answer, seed 0)", "main  ╳", "✗ the test fails", "drill 1.2, exercise 1"],
    );
    let answer = course.read("ch01_demo/drill_02_shop/src/lib.rs").replace("ForAll", "ForOne");
    course.write(stub, &answer);
    let wrong = course.draw(&["trace", "shop", "both_are"], "80");
    wrong.assert(1, &["└─ door  ╺━━━━━━━━━━━━━▶\n", "the timeline differs"]);
    course.draw(&["trace", "shop", "both_are", "--reference"], "80").assert(0, &[TIMELINE]);
    course.write(stub, "nonsense");
    course
        .draw(&["trace", "shop", "both_are"], "80")
        .assert(1, &["does not compile", "src/lib.rs:1"]);
}

#[test]
fn trace_writes_svg_and_mermaid() {
    let course = supervised();
    let run = course.draw(&["trace", "shop", "both_are", "--mermaid", "--svg", "out/x.svg"], "80");
    run.assert(0, &["out/x.svg", "out/x.tree.svg"]);
    assert!(run.stdout.starts_with("```mermaid\nflowchart TD\n"), "{}", run.stdout);
    assert!(run.stdout.contains("```\n```mermaid\nsequenceDiagram\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("```\n"), "{}", run.stdout);
    for (file, word) in [("out/x.svg", "Timeline of"), ("out/x.tree.svg", "Tree of")] {
        let svg = course.read(file);
        assert!(svg.starts_with("<svg ") && svg.contains(word), "{svg}");
    }
}

#[test]
fn check_compares_the_pictures_in_a_readme_and_brings_them_up_to_date() {
    let course = supervised();
    let readme = "ch01_demo/drill_02_shop/README.md";
    let stale = [
        "ch01_demo/drill_02_shop/README.md:5: the picture of `both_are_started_again` is not current",
        "ch01_demo/drill_02_shop/README.md:9: the picture of `inside::it_is_quiet` is not current",
        "`cargo xtask check --write` brings it up to date",
    ];
    let check = |more: &[&str]| course.draw(&[&["check", "--runs", "1"], more].concat(), "80");
    check(&[]).assert(3, &stale);
    let before = course.read(readme);
    check(&["--write"]).assert(3, &["ch01/drill_02_shop: pictures in the README  2 pictures"]);
    let after = course.read(readme);
    let block =
        format!("timeline -->\n```text\n{TIMELINE}```\n<!-- end of picture -->\n\nIt is quiet.\n");
    assert!(after.contains(&block), "{after}");
    assert!(after.contains("tree mermaid -->\n```mermaid\nflowchart TD\n"), "{after}");
    assert!(after.ends_with("\nThe end.\n") && !after.contains("stale"), "{after}");
    assert_eq!(before.lines().next(), after.lines().next());
    let again = check(&[]);
    assert!(!again.stdout.contains("is not current"), "{}", again.stdout);
    course.edit(readme, "╳", "x");
    check(&[]).assert(3, &stale[..1]);
    course.edit(readme, "inside::it_is_quiet tree", "inside::it_is_loud tree");
    check(&["--quick"])
        .assert(3, &["README.md:18: `inside::it_is_loud` is no test that could make it"]);
}

#[test]
fn a_chapters_readme_may_hold_pictures_of_its_items() {
    let course = supervised();
    let readme = "ch01_demo/README.md";
    let marker = "<!-- picture: drill_02_shop/both_are_started_again timeline -->";
    course.write(readme, &format!("# Demo\n\n{marker}\n<!-- end of picture -->\nThe end.\n"));
    let check = |more: &[&str]| course.draw(&[&["check", "--runs", "1"], more].concat(), "80");
    check(&[]).assert(
        3,
        &["ch01_demo/README.md:3: the picture of `drill_02_shop/both_are_started_again` is not current"],
    );
    check(&["--write"]);
    let drawn = format!("{marker}\n```text\n{TIMELINE}```\n<!-- end of picture -->\nThe end.\n");
    assert_eq!(course.read(readme), format!("# Demo\n\n{drawn}"));
    assert!(!check(&[]).stdout.contains("ch01_demo/README.md"));
    course.edit(readme, "drill_02_shop/", "drill_09_shop/");
    let unknown = "ch01_demo/README.md:3: `drill_09_shop/both_are_started_again` is no test";
    check(&["--quick"]).assert(3, &[unknown]);
}

#[test]
fn check_holds_the_quiz_against_the_traces_of_its_proofs() {
    let course = supervised();
    let quiz = "ch01_demo/drill_02_shop/quiz.toml";
    let check = || course.draw(&["check", "--runs", "1"], "80");
    let whole = check();
    whole.assert(3, &["✓ ch01/drill_02_shop: quiz  2 questions", "the quiz says what its proofs"]);
    assert!(!whole.stdout.contains("quiz.toml:"), "{}", whole.stdout);
    course.edit(quiz, "id = \"door\", incarnation = 2", "id = \"door\", incarnation = 1");
    course.edit(quiz, "\"till exited: panic\"", "\"restarted door\"");
    check().assert(
        3,
        &[
            "quiz.toml:1: question `1.2.1`: its proof's trace has `restarted door` not before, but after `door exited: shutdown`",
            "quiz.toml:14: question `1.2.2`: `door` comes to incarnation 2 in its proof, not to 1",
        ],
    );
    course.edit(quiz, "kind = \"predict\"", "kind = \"open\"");
    course.edit(quiz, "proof = \"both_are_started_again\"\nseed", "seed");
    course.run(&["check", "--quick"]).assert(
        3,
        &["ch01_demo/drill_02_shop/quiz.toml:14: question `1.2.2`: only a prediction has `children`"],
    );
}

#[test]
fn quiz_prints_questions_answers_and_how_to_see_them_happen() {
    let course = supervised();
    let run = course.run(&["quiz", "ch01", "--print"]);
    run.assert(
        0,
        &[
            "1.1.1 (ch01/drill_01_demo)\nWhat is one divided by zero?\n  a) an error\n  b) a crash\n",
            "Answer: a. an error: it is expected",
            "In which order does this happen?\n  a) ",
            "Answer: 2 2. With one_for_all both",
            "cargo xtask trace ch01/drill_02_shop both_are_started_again --reference --seed 1\n",
        ],
    );
    course.run(&["quiz", "shop"]).assert(2, &["a quiz asks on a terminal", "--print"]);
    course.edit("ch01_demo/drill_02_shop/quiz.toml", "kind = \"order\"", "kind = 3");
    course.run(&["quiz", "shop", "--print"]).assert(3, &["drill_02_shop/quiz.toml:4: "]);
}
