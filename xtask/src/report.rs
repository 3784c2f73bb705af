//! What a grade consists of, and how points are counted. No input, no output.
//!
//! Points are counted in tenths, as whole numbers, so that the same work has the same sum.

pub(crate) mod json;
pub(crate) mod terminal;

use crate::course::EXERCISE_TENTHS;

/// The outcome of one `grade`.
#[derive(Debug)]
pub(crate) struct Report {
    /// Whose work it is.
    pub(crate) graded: Graded,
    /// The first seed; later runs use the numbers after it.
    pub(crate) seed: u64,
    /// How often each test ran.
    pub(crate) runs: u32,
    /// In the course's order.
    pub(crate) items: Vec<ItemReport>,
}

/// Whose work was graded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Graded {
    /// A learner's, from the workbook in this folder.
    Workbook(String),
    /// The course's own answers.
    Reference,
}

/// One item of the course.
#[derive(Debug)]
pub(crate) struct ItemReport {
    /// For instance `ch08/drill_03_links`.
    pub(crate) id: String,
    /// For instance `Drill 8.3: Links`.
    pub(crate) title: String,
    /// The folder of the answer, as a person would type it.
    pub(crate) folder: String,
    /// Whether there was anything to run.
    pub(crate) state: State,
    /// Exercise 1 first.
    pub(crate) exercises: Vec<ExerciseReport>,
}

/// Whether an item could be graded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The tests ran.
    Graded,
    /// The workbook does not hold it yet.
    NotStarted,
    /// The compiler's words.
    DoesNotCompile(String),
}

/// One exercise: ten points, shared out over its tests.
#[derive(Debug)]
pub(crate) struct ExerciseReport {
    /// From 1.
    pub(crate) number: u32,
    /// What it asks for.
    pub(crate) sentence: String,
    /// Where the answer belongs, as `src/lib.rs:12`, from the item's folder.
    pub(crate) place: String,
    /// In the order of the course's file.
    pub(crate) tests: Vec<TestReport>,
    /// Known mistakes that fail the same way, as sentences.
    pub(crate) recognised: Vec<String>,
}

/// One test.
#[derive(Debug)]
pub(crate) struct TestReport {
    /// As the harness calls it.
    pub(crate) name: String,
    /// Over all runs.
    pub(crate) result: TestResult,
}

/// How one test went, over all of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestResult {
    /// Every run passed.
    Passed,
    /// At least one run failed.
    Failed(Failed),
    /// The item did not compile, or is not there.
    NotRun,
}

/// What a failed test says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The sentence to show.
    pub(crate) message: String,
    /// Where it failed.
    pub(crate) place: Option<String>,
    /// Everything that the test printed.
    pub(crate) output: String,
    /// How many of the runs passed; more than 0 means that the answer depends on luck.
    pub(crate) passed: u32,
    /// It stopped at the stub's own `todo!`.
    pub(crate) todo: bool,
}

impl Report {
    /// Points, in tenths.
    pub(crate) fn score(&self) -> u32 {
        self.items.iter().map(ItemReport::score).sum()
    }

    /// Points that could be had, in tenths.
    pub(crate) fn max_score(&self) -> u32 {
        self.items.iter().map(ItemReport::max_score).sum()
    }

    /// The first exercise that still lacks points, with its item.
    pub(crate) fn next(&self) -> Option<(&ItemReport, &ExerciseReport)> {
        self.items.iter().find_map(|item| {
            let lacking = item.exercises.iter().find(|e| e.score() < EXERCISE_TENTHS);
            lacking.map(|exercise| (item, exercise))
        })
    }
}

impl ItemReport {
    /// Points, in tenths.
    pub(crate) fn score(&self) -> u32 {
        self.exercises.iter().map(ExerciseReport::score).sum()
    }

    /// Points that could be had, in tenths.
    pub(crate) fn max_score(&self) -> u32 {
        self.exercises.iter().map(|_| EXERCISE_TENTHS).sum()
    }
}

impl ExerciseReport {
    /// Points, in tenths: the shares of the tests that passed.
    pub(crate) fn score(&self) -> u32 {
        self.shares().filter(|(test, _)| test.passed()).map(|(_, share)| share).sum()
    }

    /// Each test with its share of the points, in tenths.
    pub(crate) fn shares(&self) -> impl Iterator<Item = (&TestReport, u32)> {
        self.tests.iter().zip(shares(EXERCISE_TENTHS, self.tests.len()))
    }

    /// Whether nothing has been written yet.
    pub(crate) fn untouched(&self) -> bool {
        let todo = |test: &TestReport| matches!(&test.result, TestResult::Failed(f) if f.todo);
        !self.tests.is_empty() && self.tests.iter().all(todo)
    }
}

impl TestReport {
    /// Whether it earns its share.
    pub(crate) fn passed(&self) -> bool {
        self.result == TestResult::Passed
    }
}

/// Shares out `whole` over `count` tests: as even as whole numbers allow, and exact in sum.
fn shares(whole: u32, count: usize) -> impl Iterator<Item = u32> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    (0..count).map(move |index| whole * (index + 1) / count - whole * index / count)
}

/// Tenths as people write them: `10`, `6.7`.
pub(crate) fn points(tenths: u32) -> String {
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn failed(message: &str) -> TestResult {
        TestResult::Failed(Failed {
            message: message.to_owned(),
            place: Some("tests/drill.rs:7".to_owned()),
            output: message.to_owned(),
            passed: 0,
            todo: false,
        })
    }

    pub(crate) fn exercise(number: u32, results: &[TestResult]) -> ExerciseReport {
        ExerciseReport {
            number,
            sentence: format!("do {number}."),
            place: format!("src/lib.rs:{number}"),
            tests: results
                .iter()
                .enumerate()
                .map(|(index, result)| TestReport {
                    name: format!("test_{index}"),
                    result: result.clone(),
                })
                .collect(),
            recognised: Vec::new(),
        }
    }

    pub(crate) fn report(exercises: Vec<ExerciseReport>) -> Report {
        Report {
            graded: Graded::Workbook("workbook".to_owned()),
            seed: 42,
            runs: 3,
            items: vec![ItemReport {
                id: "ch08/drill_03_links".to_owned(),
                title: "Drill 8.3: Links".to_owned(),
                folder: "workbook/ch08_x/drill_03_links".to_owned(),
                state: State::Graded,
                exercises,
            }],
        }
    }

    #[test]
    fn shares_are_even_and_sum_up() {
        for count in 1..=12 {
            let shares: Vec<u32> = shares(EXERCISE_TENTHS, count).collect();
            assert_eq!(shares.iter().sum::<u32>(), EXERCISE_TENTHS);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 1, "{shares:?}");
        }
        assert_eq!(shares(EXERCISE_TENTHS, 0).count(), 0);
    }

    #[test]
    fn points_are_summed_over_tests_exercises_and_items() {
        let passed = TestResult::Passed;
        let report = report(vec![
            exercise(1, &[passed.clone(), passed.clone()]),
            exercise(2, &[passed, failed("no")]),
            exercise(3, &[failed("no")]),
        ]);
        assert_eq!((report.score(), report.max_score()), (150, 300));
        assert_eq!(report.next().unwrap().1.number, 2);
    }

    #[test]
    fn tenths_are_written_as_people_do() {
        assert_eq!([points(0), points(33), points(100)], ["0", "3.3", "10"]);
    }
}
