//! The published schemas fit what is written and read.
//!
//! The validator below knows the words that these schemas use, and refuses any other word.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{ANSWER, Course};

fn schema(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let text = fs::read_to_string(folder.join(format!("{name}.schema.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What does not fit, as `place: what`.
fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    visit(schema, schema, value, "", &mut problems);
    problems
}

fn visit(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    for (word, rule) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "properties" | "additionalProperties" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix('#').unwrap();
                visit(root, root.pointer(name).unwrap(), value, at, problems);
                true
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("type {other} is not known here"),
            },
            "minimum" => value.as_f64() >= rule.as_f64(),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => {
                for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                    visit(root, rule, element, &format!("{at}/{index}"), problems);
                }
                true
            }
            other => panic!("`{other}` is not known here"),
        };
        if !fits {
            problems.push(format!("{at}: {word} {rule} does not hold for {value}"));
        }
    }
    let Some(properties) = schema.get("properties") else { return };
    for (name, inner) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(rule) => visit(root, rule, inner, &format!("{at}/{name}"), problems),
            None => problems.push(format!("{at}: `{name}` is in no schema")),
        }
    }
}

fn toml_file(path: &Path) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(&fs::read_to_string(path).unwrap()).unwrap())
        .unwrap()
}

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file)
}

#[test]
fn a_report_fits_its_schema_whatever_was_graded() {
    let schema = schema("report");
    let course = Course::started();
    course.write("workbook/ch01_demo/drill_01_demo/tests/mine.rs", "#[test]\nfn mine() {}\n");
    for answer in
        ["todo!(\"drill 1.1, exercise 1\")", "if b == 0 { Ok(b) } else { Ok(a * b) }", "Ok(a / )"]
    {
        course.edit(&format!("workbook/{ANSWER}"), "todo!(\"drill 1.1, exercise 1\")", answer);
        assert_eq!(course.run(&["grade"]).code, 1);
        assert_eq!(validate(&schema, &course.report()), [""; 0], "{answer}");
        course.edit(&format!("workbook/{ANSWER}"), answer, "todo!(\"drill 1.1, exercise 1\")");
    }

    let rubric = Course::of("rubric");
    assert_eq!(rubric.run(&["grade", "--reference"]).code, 0);
    assert_eq!(validate(&schema, &rubric.report()), [""; 0]);
    assert_eq!(rubric.run(&["start"]).code, 0);
    assert_eq!(rubric.run(&["grade"]).code, 1);
    assert_eq!(validate(&schema, &rubric.report()), [""; 0]);

    let mut report = rubric.report();
    report["items"][0]["areas"][0]["items"][0]["kind"] = "guess".into();
    report["tests"][0]["scores"] = 1.into();
    report["score"] = "much".into();
    report.as_object_mut().unwrap().remove("seed");
    assert_eq!(validate(&schema, &report).len(), 5, "{:?}", validate(&schema, &report));
}

#[test]
fn a_rubric_fits_its_schema() {
    let schema = schema("rubric");
    let mut rubric = toml_file(&fixture("rubric/ch01_pool/project_stack/rubric.toml"));
    assert_eq!(validate(&schema, &rubric), [""; 0]);
    rubric["area"][0]["item"][0]["kinds"] = "tests".into();
    rubric["points"] = "20".into();
    assert_eq!(validate(&schema, &rubric).len(), 3, "{:?}", validate(&schema, &rubric));
}

#[test]
fn every_quiz_of_the_course_fits_its_schema() {
    let schema = schema("quiz");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut quizzes = vec![fixture("course/ch01_demo/drill_01_demo/quiz.toml")];
    for chapter in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        if chapter.join("Cargo.toml").is_file() {
            let items = fs::read_dir(&chapter).unwrap().map(|entry| entry.unwrap().path());
            quizzes.extend(items.map(|item| item.join("quiz.toml")).filter(|quiz| quiz.is_file()));
        }
    }
    assert!(quizzes.len() > 1, "the course has quizzes of its own");
    for quiz in quizzes {
        assert_eq!(validate(&schema, &toml_file(&quiz)), [""; 0], "{}", quiz.display());
    }
}
