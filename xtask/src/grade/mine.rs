//! The learner's own tests, in `tests/mine.rs`.

use std::path::Path;

use anyhow::Context as _;

use super::Ground;
use crate::assembly::{Build, Suite};
use crate::bench::{Bench, in_parallel};
use crate::fault;
use crate::files::{Tree, TreeFile};
use crate::harness::Outcome;
use crate::mutants::Mutant;
use crate::plan;
use crate::report::{Mine, TestReport, TestResult};

/// Which mutants the learner's tests killed; the error says why none of them counts.
pub(super) type Kills = Result<Vec<(String, bool)>, String>;

/// Whether an answer holds tests of its own.
fn own(answer: &[TreeFile]) -> Option<&TreeFile> {
    answer.iter().find(|(path, _)| path == Path::new(plan::MINE))
}

impl Ground<'_> {
    /// Runs the learner's tests on the learner's answer.
    pub(super) fn mine(&self, answer: &[TreeFile]) -> anyhow::Result<Mine> {
        if own(answer).is_none() {
            return Ok(Mine::Absent);
        }
        let built = match self.assembly.build(self.item, Suite::Mine, answer)? {
            Build::Broken(said) => return Ok(Mine::Broken(said)),
            Build::Ready(built) => built,
        };
        let bench = Bench::new(self.assembly, self.item, &built, self.rules);
        let run =
            |name: &String| Ok(TestReport { name: name.clone(), result: bench.repeat(name)? });
        Ok(Mine::Ran(in_parallel(&bench.names()?, run)?))
    }

    /// Tries the learner's tests on mutants of the reference answer.
    ///
    /// They count only if they all pass on the reference answer itself, and on a copy of it in
    /// which nothing but lines and comments have moved: a test is about what code does, not about
    /// how it is spelt.
    pub(super) fn kills(&self, answer: &[TreeFile], mutants: &[&Mutant]) -> anyhow::Result<Kills> {
        let Some(mine) = own(answer) else {
            return Ok(Err(format!("there is no {}", plan::MINE)));
        };
        let reference = plan::reference(self.course, self.item)?;
        let with_mine = |mut sources: Tree| {
            sources.push(mine.clone());
            sources
        };
        let names = match self.right(&with_mine(reference.clone()), "the reference answer")? {
            Err(why) => return Ok(Err(why)),
            Ok(names) => names,
        };
        let elsewhere = "the reference answer when its lines have moved";
        if let Err(why) = self.right(&with_mine(moved(&reference)), elsewhere)? {
            return Ok(Err(why));
        }
        let mut wrong = Vec::new();
        for mutant in mutants {
            let sources = mutant.apply(&reference).map_err(|stale| {
                let file = self.item.shown(format!("mutants/{}.patch", mutant.name));
                fault::course(format!("{file}: {stale}"))
            })?;
            wrong.push(with_mine(sources));
        }
        let killed = self.assembly.each(self.item, Suite::Mine, &wrong, |index, build| {
            match build {
                // What does not compile was not killed by a test.
                Build::Broken(_) => Ok(false),
                Build::Ready(built) => {
                    let bench = Bench::new(self.assembly, self.item, built, self.rules);
                    self.kill(&bench, &names, mutants[index])
                }
            }
        })?;
        Ok(Ok(mutants.iter().map(|mutant| mutant.what.clone()).zip(killed).collect()))
    }

    /// The names of the tests, all of which pass on an answer that is right; or what is wrong.
    fn right(&self, answer: &Tree, whom: &str) -> anyhow::Result<Result<Vec<String>, String>> {
        let mine = plan::MINE;
        let try_it = |_: usize, build: &Build| {
            let built = match build {
                Build::Broken(said) => {
                    return Ok(Err(format!("{mine} does not fit {whom}:\n{said}")));
                }
                Build::Ready(built) => built,
            };
            let bench = Bench::new(self.assembly, self.item, built, self.rules);
            let names = bench.names()?;
            if names.is_empty() {
                return Ok(Err(format!("{mine} holds no test")));
            }
            let results = in_parallel(&names, |name| bench.repeat(name))?;
            let failing = names.iter().zip(results).find_map(|(name, result)| match result {
                TestResult::Failed(failed) => {
                    Some(format!("{name} fails on {whom}: {}", failed.message))
                }
                TestResult::Passed | TestResult::NotRun => None,
            });
            Ok(failing.map_or(Ok(names), Err))
        };
        let answers = std::slice::from_ref(answer);
        let mut tried = self.assembly.each(self.item, Suite::Mine, answers, try_it)?;
        tried.pop().context("nothing was built")
    }

    fn kill(&self, bench: &Bench<'_>, names: &[String], mutant: &Mutant) -> anyhow::Result<bool> {
        for seed in self.rules.seeds() {
            for name in names {
                match bench.once(name, seed)? {
                    Outcome::Passed => {}
                    Outcome::Failed(_) => return Ok(true),
                    Outcome::TimedOut => return Ok(mutant.hang),
                }
            }
        }
        Ok(false)
    }
}

/// The same code with each line in another place.
fn moved(reference: &[TreeFile]) -> Tree {
    let shifted = |(path, bytes): &TreeFile| {
        let mut text = bytes.clone();
        if path.extension().is_some_and(|ending| ending == "rs") {
            text.splice(0..0, *b"// Moved.\n\n");
            text.extend_from_slice(b"\n// Moved.\n");
        }
        (path.clone(), text)
    };
    reference.iter().map(shifted).collect()
}
