//! `report.json`: for machines.
//!
//! The fields `score`, `max_score` and `tests` with `name`, `score`, `max_score`, `output` and
//! `visibility` are Gradescope's; `version`, `status` (`pass`, `fail`, `error`), `message` and
//! `task_id` are those of version 3 of Exercism's test runners.
//! There is no time, path or process id in it: the same work gives the same bytes.

use serde::Serialize;

use super::{ExerciseReport, Graded, ItemReport, Report, State, TestReport, TestResult};
use crate::course::EXERCISE_TENTHS;

/// Version of this format; it changes when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;
/// Version of Exercism's format that the report can be read as.
const EXERCISM: u32 = 3;
/// Longest `output` of a test, in characters.
const OUTPUT_LIMIT: usize = 2000;

#[derive(Serialize)]
struct Root {
    schema: u32,
    version: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    graded: &'static str,
    seed: u64,
    runs: u32,
    score: f64,
    max_score: f64,
    items: Vec<Item>,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    name: String,
    status: &'static str,
    score: f64,
    max_score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    exercises: Vec<Exercise>,
}

#[derive(Serialize)]
struct Exercise {
    number: u32,
    name: String,
    status: &'static str,
    score: f64,
    max_score: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recognised: Vec<String>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    item: String,
    task_id: u32,
    status: &'static str,
    score: f64,
    max_score: f64,
    visibility: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    output: String,
}

/// The report as JSON, with a line break at its end.
pub(crate) fn render(report: &Report) -> serde_json::Result<String> {
    let items: Vec<Item> = report.items.iter().map(item).collect();
    // One broken item is one item's error; only if nothing at all ran is it the whole report's.
    let broken = items.iter().all(|item| item.status == "error");
    let root = Root {
        schema: SCHEMA,
        version: EXERCISM,
        status: if broken { "error" } else { status(report.score(), report.max_score()) },
        message: items.iter().find_map(|item| item.message.clone()).filter(|_| broken),
        graded: match report.graded {
            Graded::Workbook(_) => "workbook",
            Graded::Reference => "reference",
        },
        seed: report.seed,
        runs: report.runs,
        score: number(report.score()),
        max_score: number(report.max_score()),
        tests: report.items.iter().flat_map(tests).collect(),
        items,
    };
    let mut text = serde_json::to_string_pretty(&root)?;
    text.push('\n');
    Ok(text)
}

fn item(item: &ItemReport) -> Item {
    let (status, message) = match &item.state {
        State::Graded => (status(item.score(), item.max_score()), None),
        State::NotStarted => ("fail", Some("not started yet".to_owned())),
        State::DoesNotCompile(said) => ("error", Some(said.clone())),
    };
    Item {
        id: item.id.clone(),
        name: item.title.clone(),
        status,
        score: number(item.score()),
        max_score: number(item.max_score()),
        message,
        exercises: item.exercises.iter().map(exercise).collect(),
    }
}

fn exercise(exercise: &ExerciseReport) -> Exercise {
    Exercise {
        number: exercise.number,
        name: exercise.sentence.clone(),
        status: status(exercise.score(), EXERCISE_TENTHS),
        score: number(exercise.score()),
        max_score: number(EXERCISE_TENTHS),
        recognised: exercise.recognised.clone(),
    }
}

fn tests(item: &ItemReport) -> impl Iterator<Item = Test> {
    item.exercises.iter().flat_map(move |exercise| {
        exercise.shares().map(move |(one, share)| test(item, exercise, one, share))
    })
}

fn test(item: &ItemReport, exercise: &ExerciseReport, test: &TestReport, share: u32) -> Test {
    let (status, score, message, output) = match &test.result {
        TestResult::Passed => ("pass", share, None, String::new()),
        TestResult::Failed(failed) => {
            ("fail", 0, Some(failed.message.clone()), shortened(&failed.output))
        }
        TestResult::NotRun => match &item.state {
            State::DoesNotCompile(_) => ("error", 0, None, "it does not compile".to_owned()),
            _ => ("fail", 0, None, "not started yet".to_owned()),
        },
    };
    Test {
        name: format!("{}: {}", item.id, test.name),
        item: item.id.clone(),
        task_id: exercise.number,
        status,
        score: number(score),
        max_score: number(share),
        visibility: "visible",
        message,
        output,
    }
}

fn status(score: u32, of: u32) -> &'static str {
    if score == of { "pass" } else { "fail" }
}

fn number(tenths: u32) -> f64 {
    f64::from(tenths) / 10.0
}

fn shortened(output: &str) -> String {
    match output.char_indices().nth(OUTPUT_LIMIT) {
        None => output.to_owned(),
        Some((end, _)) => format!("{}\n[the rest is left out]", &output[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::{exercise, failed, report};
    use super::*;

    #[test]
    fn the_fields_of_gradescope_and_exercism_are_there() {
        let passed = TestResult::Passed;
        let report = report(vec![
            exercise(1, &[passed.clone(), passed.clone(), failed("left: 1")]),
            exercise(2, &[passed]),
        ]);
        let json: Value = serde_json::from_str(&render(&report).unwrap()).unwrap();
        assert_eq!((json["schema"].as_u64(), json["version"].as_u64()), (Some(1), Some(3)));
        assert_eq!(
            (json["status"].as_str(), json["graded"].as_str()),
            (Some("fail"), Some("workbook"))
        );
        assert_eq!((json["score"].as_f64(), json["max_score"].as_f64()), (Some(16.6), Some(20.0)));
        let third = &json["tests"][2];
        assert_eq!(third["name"], "ch08/drill_03_links: test_2");
        assert_eq!(third["status"], "fail");
        assert_eq!(third["task_id"], 1);
        assert_eq!(third["score"].as_f64(), Some(0.0));
        assert_eq!(third["max_score"].as_f64(), Some(3.4));
        assert_eq!(third["message"], "left: 1");
        assert_eq!(third["visibility"], "visible");
        let sum: f64 =
            json["tests"].as_array().unwrap().iter().filter_map(|t| t["score"].as_f64()).sum();
        assert!((sum - 16.6).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_compile_is_an_error_with_the_compilers_words() {
        let mut report = report(vec![exercise(1, &[TestResult::NotRun])]);
        report.items[0].state = State::DoesNotCompile("error: expected `;`".to_owned());
        let json: Value = serde_json::from_str(&render(&report).unwrap()).unwrap();
        assert_eq!(json["status"], "error");
        assert_eq!(json["message"], "error: expected `;`");
        assert_eq!(json["tests"][0]["status"], "error");
        assert_eq!(json["score"].as_f64(), Some(0.0));
    }

    #[test]
    fn long_output_is_shortened() {
        assert_eq!(shortened("short"), "short");
        assert!(shortened(&"x".repeat(OUTPUT_LIMIT + 1)).ends_with("left out]"));
    }
}
