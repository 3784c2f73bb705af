//! Checks of one item that build it: the tests are proved by what they let through.

use super::{Findings, item};
use crate::assembly::{Assembly, Build};
use crate::bench::{Bench, Examined, Rules, examine};
use crate::course::{Course, Item};
use crate::harness::Outcome;
use crate::mutants::Mutant;
use crate::plan::{self, Plan, Test};
use crate::report::TestResult;

/// The reference answer passes every test in every run.
pub(super) fn reference(
    course: &Course,
    assembly: &Assembly,
    item: &Item,
    rules: Rules,
) -> anyhow::Result<Findings> {
    let plan = Plan::read(course, item)?;
    let sources = plan::reference(course, item)?;
    let problems = match examine(assembly, item, &plan, &sources, rules)? {
        Examined::Broken(said) => vec![format!("it does not compile:\n{said}")],
        Examined::Ran(results) => {
            let failing = |(test, result): (&Test, &TestResult)| match result {
                TestResult::Failed(failed) => {
                    Some(format!("`{}` fails: {}", test.name, failed.message))
                }
                TestResult::Passed | TestResult::NotRun => None,
            };
            plan.tests.iter().zip(&results).filter_map(failing).collect()
        }
    };
    Ok(Findings::of(problems))
}

/// The stub compiles, and not one test passes on it.
pub(super) fn stub(
    course: &Course,
    assembly: &Assembly,
    item: &Item,
    rules: Rules,
) -> anyhow::Result<Findings> {
    let plan = Plan::read(course, item)?;
    let sources = plan::stub(course, item)?;
    let problems = match examine(assembly, item, &plan, &sources, Rules { runs: 1, ..rules })? {
        Examined::Broken(said) => vec![format!("it does not compile:\n{said}")],
        Examined::Ran(results) => {
            let passes = |(test, result): (&Test, &TestResult)| {
                let (name, number) = (&test.name, test.exercise);
                (*result == TestResult::Passed).then(|| {
                    format!("`{name}` (exercise {number}) passes although nothing is written")
                })
            };
            plan.tests.iter().zip(&results).filter_map(passes).collect()
        }
    };
    Ok(Findings::of(problems))
}

/// Each mutant loses points in its own exercise.
pub(super) fn mutants(
    course: &Course,
    assembly: &Assembly,
    item: &Item,
    rules: Rules,
) -> anyhow::Result<Findings> {
    let plan = Plan::read(course, item)?;
    let sources = plan::reference(course, item)?;
    let mutants = item::load_mutants(course, item)?;
    let mut problems = Vec::new();
    for mutant in &mutants {
        let complaint = match mutant.apply(&sources) {
            Err(stale) => Some(stale),
            Ok(mutated) => {
                assembly.place(item, &mutated)?;
                match assembly.compile(item)? {
                    Build::Broken(said) => Some(format!("does not compile:\n{said}")),
                    Build::Ready(binary) => {
                        let bench = Bench::new(assembly, item, &binary, rules);
                        hunt(&bench, &plan, mutant, rules)?
                    }
                }
            }
        };
        if let Some(complaint) = complaint {
            let file = item.shown(format!("mutants/{}.patch", mutant.name));
            problems.push(format!("{file}: {complaint}"));
        }
    }
    let note = format!("{} of {} caught", mutants.len() - problems.len(), mutants.len());
    Ok(Findings { note, problems, ..Findings::default() })
}

/// Runs the tests that should catch a mutant until one does; what is wrong, if none does.
fn hunt(
    bench: &Bench<'_>,
    plan: &Plan,
    mutant: &Mutant,
    rules: Rules,
) -> anyhow::Result<Option<String>> {
    let named = |test: &&Test| mutant.test.as_ref().is_none_or(|name| *name == test.name);
    let tests: Vec<&Test> = plan.tests_of(mutant.exercise).filter(named).collect();
    for seed in rules.seeds() {
        for test in &tests {
            match bench.once(test, seed)? {
                Outcome::Failed(_) => return Ok(None),
                Outcome::TimedOut if mutant.hang => return Ok(None),
                Outcome::TimedOut => {
                    return Ok(Some(format!(
                        "`{}` hangs on it; expected a failure, or a line `# hang: yes`",
                        test.name
                    )));
                }
                Outcome::Passed => {}
            }
        }
    }
    let who = match &mutant.test {
        Some(test) => format!("`{test}`"),
        None => format!("the tests of exercise {}", mutant.exercise),
    };
    Ok(Some(format!("missed: {who} let it through ({})", mutant.what)))
}
