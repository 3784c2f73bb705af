//! A built answer and its tests: each of them several times, each time in a process of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::assembly::{Assembly, Build, Built, Suite};
use crate::course::Item;
use crate::harness::{self, Outcome};
use crate::plan::{Plan, Test};
use crate::report::{Failed, TestResult};
use crate::runner::{self, Order};
use crate::{fault, files, rubric};

/// How tests are run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The first run's seed; the n-th run adds n - 1.
    pub(crate) seed: u64,
    /// How often each test runs.
    pub(crate) runs: u32,
    /// The longest that one run may take.
    pub(crate) deadline: Duration,
    /// The most memory that one process of a run may have, in bytes.
    pub(crate) memory: u64,
}

impl Rules {
    /// One seed per run.
    pub(crate) fn seeds(&self) -> impl Iterator<Item = u64> {
        (0..u64::from(self.runs)).map(|run| self.seed.wrapping_add(run))
    }
}

/// What became of an answer.
#[derive(Debug)]
pub(crate) enum Examined {
    /// The compiler's words.
    Broken(String),
    /// One result per test of the plan, in its order.
    Ran(Vec<TestResult>),
}

/// Builds an answer with the course's tests, and runs each of them.
pub(crate) fn examine(
    assembly: &Assembly,
    item: &Item,
    plan: &Plan,
    sources: &[files::TreeFile],
    rules: Rules,
) -> anyhow::Result<Examined> {
    let built = match assembly.build(item, Suite::Course, sources)? {
        Build::Broken(said) => return Ok(Examined::Broken(said)),
        Build::Ready(built) => built,
    };
    Ok(Examined::Ran(Bench::new(assembly, item, &built, rules).examine(plan)?))
}

/// One built test binary, ready to run its tests one by one.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    built: &'a Built,
    nonce: &'a str,
    unwritten: String,
    rules: Rules,
    item: &'a Item,
}

impl<'a> Bench<'a> {
    /// A bench for the binary that `assembly` built for `item`.
    pub(crate) fn new(
        assembly: &'a Assembly,
        item: &'a Item,
        built: &'a Built,
        rules: Rules,
    ) -> Self {
        Self {
            built,
            nonce: assembly.nonce(),
            unwritten: format!("not yet implemented: {}, exercise ", item.label()),
            rules,
            item,
        }
    }

    /// Runs every test of the plan; one result for each, in its order.
    pub(crate) fn examine(&self, plan: &Plan) -> anyhow::Result<Vec<TestResult>> {
        self.compare(plan)?;
        in_parallel(&plan.tests, |test| self.repeat(&test.name))
    }

    /// Every test of the plan must be in the binary, and none may be ignored.
    fn compare(&self, plan: &Plan) -> anyhow::Result<()> {
        let all = self.list(&["--list", "--format", "terse"])?;
        let ignored = self.list(&["--list", "--format", "terse", "--ignored"])?;
        for Test { name, .. } in &plan.tests {
            let problem = if ignored.contains(name) {
                "is ignored"
            } else if all.contains(name) {
                continue;
            } else {
                "is not in the test binary"
            };
            let file = self.item.shown(self.item.test_file());
            return Err(fault::course(format!("{file}: test `{name}` {problem}")));
        }
        let counts = |name: &String| plan.tests.iter().any(|test| test.name == *name);
        match all.iter().find(|name| plan.rubric.is_some() && !counts(name)) {
            None => Ok(()),
            Some(name) => Err(fault::course(format!(
                "{}: no item lists the test `{name}`",
                self.item.shown(rubric::FILE)
            ))),
        }
    }

    /// The names of all tests that are not ignored.
    pub(crate) fn names(&self) -> anyhow::Result<Vec<String>> {
        let ignored = self.list(&["--list", "--format", "terse", "--ignored"])?;
        let mut names = self.list(&["--list", "--format", "terse"])?;
        names.retain(|name| !ignored.contains(name));
        Ok(names)
    }

    fn list(&self, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
        let ended = runner::run(&self.order(arguments, self.rules.seed))?;
        Ok(harness::listed(&ended.stdout).into_iter().map(str::to_owned).collect())
    }

    fn order<'b>(&'b self, arguments: &'b [&'b str], seed: u64) -> Order<'b> {
        Order {
            binary: &self.built.binary,
            folder: &self.built.folder,
            arguments,
            seed,
            deadline: self.rules.deadline,
            memory: self.rules.memory,
            pictures: None,
        }
    }

    /// One run of one test.
    pub(crate) fn once(&self, test: &str, seed: u64) -> anyhow::Result<Outcome> {
        let ended = runner::run(&self.order(&harness::arguments(test), seed))?;
        Ok(harness::judge(&ended, test, self.nonce))
    }

    /// All runs of one test; a run that hangs is the last one.
    pub(crate) fn repeat(&self, test: &str) -> anyhow::Result<TestResult> {
        let mut passed = 0;
        let mut first_failure = None;
        for seed in self.rules.seeds() {
            let outcome = self.once(test, seed)?;
            if outcome == Outcome::Passed {
                passed += 1;
                continue;
            }
            let hung = outcome == Outcome::TimedOut;
            first_failure.get_or_insert((seed, outcome));
            if hung {
                break;
            }
        }
        Ok(match first_failure {
            None => TestResult::Passed,
            Some((seed, outcome)) => TestResult::Failed(self.failed(outcome, seed, passed)),
        })
    }

    fn failed(&self, outcome: Outcome, seed: u64, passed: u32) -> Failed {
        let mut failed = match outcome {
            Outcome::Failed(failure) => Failed {
                todo: failure.output.contains(&self.unwritten),
                message: self.built.scrubber.scrub(&failure.message),
                place: failure.place.map(|place| self.built.scrubber.scrub(&place)),
                output: self.built.scrubber.scrub(&failure.output),
                passed,
            },
            Outcome::Passed | Outcome::TimedOut => Failed {
                message: format!(
                    "no end after {:?}: an endless loop, or a wait for what never comes",
                    self.rules.deadline
                ),
                place: None,
                output: String::new(),
                passed,
                todo: false,
            },
        };
        if passed > 0 {
            let runs = self.rules.runs;
            let flaky = format!("flaky {passed}/{runs}, failed with OTP_SEED={seed}:\n");
            failed.message.insert_str(0, &flaky);
        }
        failed
    }
}

/// How many things are done at a time.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` for each input on all cores; results come in the order of the inputs.
pub(crate) fn in_parallel<I: Sync, O: Send>(
    inputs: &[I],
    work: impl Fn(&I) -> anyhow::Result<O> + Sync,
) -> anyhow::Result<Vec<O>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores().min(inputs.len()) {
            scope.spawn(|| {
                while let Some((index, input)) = Some(next.fetch_add(1, Ordering::Relaxed))
                    .and_then(|i| Some((i, inputs.get(i)?)))
                {
                    let output = work(input);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, output));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_inputs() {
        let inputs: Vec<usize> = (0..100).collect();
        let outputs = in_parallel(&inputs, |n| Ok(n * 2)).unwrap();
        assert_eq!(outputs, inputs.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(in_parallel(&inputs, |_| -> anyhow::Result<()> { anyhow::bail!("no") }).is_err());
        assert!(in_parallel(&[] as &[u8], |_| Ok(())).unwrap().is_empty());
    }
}
