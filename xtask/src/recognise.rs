//! A learner's failure that is a known mistake's failure, and the sentence that goes with it.
//!
//! An answer is compared with the mutants of an exercise by the exercise's own tests: the same ones
//! fail, with the same messages but for places in `src/`, and the others pass. A test that stops at
//! an unwritten `todo!` of the stub says nothing and is left out.
//!
//! What a mutant does is found out only when a comparison needs it, test by test, and is kept in
//! the cache. Whether it comes from there or from a run decides nothing but the time.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::assembly::{Assembly, Build, Suite};
use crate::bench::{Bench, Rules};
use crate::cache::Fingerprint;
use crate::course::{Course, Item};
use crate::mutants::{self, Mutant};
use crate::plan;
use crate::report::TestResult;

/// So many mistakes may look alike; if there are more, naming them would be guessing.
const SHORT_LIST: usize = 3;

/// How one test ended: its message, if it failed.
type Ending = Option<String>;

/// What is known of a mutant: how its tests ended, by name.
type Record = BTreeMap<String, Ending>;

/// How an answer fails the tests of one exercise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symptoms {
    /// The exercise, or the rubric's item, whose mutants are compared.
    pub(crate) catcher: mutants::Catcher,
    /// Tests that failed first: they tell the mutants apart soonest.
    tests: Vec<(String, Ending)>,
}

impl Symptoms {
    /// The symptoms that these results show, if any do.
    pub(crate) fn of<'a>(
        catcher: mutants::Catcher,
        results: impl IntoIterator<Item = (&'a str, &'a TestResult)>,
    ) -> Option<Self> {
        let ending = |(name, result): (&str, &TestResult)| match result {
            TestResult::Passed => Some((name.to_owned(), None)),
            TestResult::Failed(failed) if failed.todo => None,
            TestResult::Failed(failed) => Some((name.to_owned(), Some(essence(&failed.message)))),
            TestResult::NotRun => None,
        };
        let mut tests: Vec<(String, Ending)> = results.into_iter().filter_map(ending).collect();
        tests.sort_by_key(|(_, ending)| ending.is_none());
        let fails = tests.first().is_some_and(|(_, ending)| ending.is_some());
        fails.then_some(Self { catcher, tests })
    }

    /// Whether a mutant shows them too; `None` if that cannot be said without a run.
    fn shown_by(&self, record: &Record) -> Option<bool> {
        for (test, ending) in &self.tests {
            match record.get(test) {
                None => return None,
                Some(known) if known != ending => return Some(false),
                Some(_) => {}
            }
        }
        Some(true)
    }
}

/// For each of the symptoms, the sentences of the mutants that show the same.
pub(crate) fn recognise(
    course: &Course,
    assembly: &Assembly,
    item: &Item,
    rules: Rules,
    symptoms: &[Symptoms],
) -> anyhow::Result<Vec<Vec<String>>> {
    if symptoms.is_empty() {
        return Ok(Vec::new());
    }
    let mutants = mutants::load(course, item)?;
    let fingerprint = Fingerprint::of(course, item, &rules)?;
    let cache = assembly.cache(item);
    let reference = plan::reference(course, item)?;
    let mut suspects = Vec::new();
    for (index, symptoms) in symptoms.iter().enumerate() {
        for mutant in mutants.iter().filter(|mutant| mutant.catcher == symptoms.catcher) {
            let name = format!("record-{}", mutant.name);
            let fingerprint = fingerprint.with((&name, &mutant.text));
            let record: Record = cache.get(&name, &fingerprint).unwrap_or_default();
            suspects.push(Suspect { index, mutant, symptoms, name, fingerprint, record });
        }
    }
    let (mut open, mut suspects): (Vec<Suspect<'_>>, Vec<Suspect<'_>>) =
        suspects.into_iter().partition(|one| one.symptoms.shown_by(&one.record).is_none());
    let mut answers = Vec::new();
    // A patch that has gone stale is for the authors' gate to report; here it resembles nothing.
    open.retain(|suspect| {
        let answer = suspect.mutant.apply(&reference).ok();
        let fresh = answer.is_some();
        answers.extend(answer);
        fresh
    });
    let records = assembly.each(item, Suite::Course, &answers, |index, build| match build {
        Build::Broken(_) => Ok(Record::new()),
        Build::Ready(built) => open[index].examine(&Bench::new(assembly, item, built, rules)),
    })?;
    for (mut suspect, record) in open.into_iter().zip(records) {
        cache.put(&suspect.name, &suspect.fingerprint, &record)?;
        suspect.record = record;
        suspects.push(suspect);
    }
    suspects.retain(|suspect| suspect.symptoms.shown_by(&suspect.record) == Some(true));
    suspects.sort_by_key(|suspect| &suspect.mutant.name);
    let sentences = |index| {
        let alike = suspects.iter().filter(move |suspect| suspect.index == index);
        short_list(alike.map(|suspect| suspect.mutant.what.clone()).collect())
    };
    Ok((0..symptoms.len()).map(sentences).collect())
}

/// A message without places in `src/`: the same mistake stands on another line there.
///
/// A line that was cut off ends with `…`; where it ends depends on the places in it.
fn essence(message: &str) -> String {
    let place = Regex::new(r"(?:[\w.-]+/)*src/[\w./-]+\.rs(?::\d+)*");
    let whole = |line: &str| match line.strip_suffix('…').and_then(|cut| cut.rsplit_once(" at "))
    {
        Some((before, _)) => format!("{before} at …"),
        None => line.to_owned(),
    };
    let lines: Vec<String> = message.lines().map(whole).collect();
    let text = lines.join("\n");
    place.map_or_else(|_| text.clone(), |place| place.replace_all(&text, "src/").into_owned())
}

/// All of a short list, or none.
fn short_list(mut sentences: Vec<String>) -> Vec<String> {
    if sentences.len() > SHORT_LIST {
        sentences.clear();
    }
    sentences
}

/// A mutant that may show some of the symptoms.
struct Suspect<'a> {
    index: usize,
    mutant: &'a Mutant,
    symptoms: &'a Symptoms,
    name: String,
    fingerprint: String,
    record: Record,
}

impl Suspect<'_> {
    /// Runs tests until the first one that ends otherwise.
    fn examine(&self, bench: &Bench<'_>) -> anyhow::Result<Record> {
        let mut record = self.record.clone();
        for (test, ending) in &self.symptoms.tests {
            if !record.contains_key(test) {
                let ended = match bench.repeat(test)? {
                    TestResult::Failed(failed) => Some(essence(&failed.message)),
                    TestResult::Passed | TestResult::NotRun => None,
                };
                record.insert(test.clone(), ended);
            }
            if record.get(test) != Some(ending) {
                break;
            }
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::Catcher;
    use crate::report::tests::failed;

    const ONE: Catcher = Catcher::Exercise(1);

    fn todo() -> TestResult {
        let TestResult::Failed(mut stubbed) = failed("not yet implemented") else {
            panic!("it failed")
        };
        stubbed.todo = true;
        TestResult::Failed(stubbed)
    }

    fn record(endings: &[(&str, Option<&str>)]) -> Record {
        endings.iter().map(|(name, end)| ((*name).to_owned(), end.map(str::to_owned))).collect()
    }

    #[test]
    fn what_is_unwritten_or_right_shows_no_symptoms() {
        assert_eq!(Symptoms::of(ONE, [("a", &todo()), ("b", &TestResult::Passed)]), None);
        assert_eq!(Symptoms::of(ONE, [("a", &TestResult::NotRun)]), None);
        let partly = Symptoms::of(ONE, [("a", &todo()), ("b", &failed("left: 1"))]).unwrap();
        assert_eq!(partly.tests, [("b".to_owned(), Some("left: 1".to_owned()))]);
    }

    #[test]
    fn the_same_tests_must_fail_with_the_same_messages() {
        let results = [("a", &TestResult::Passed), ("b", &failed("left: 1"))];
        let symptoms = Symptoms::of(ONE, results).unwrap();
        for (endings, expected) in [
            (&[("a", None), ("b", Some("left: 1"))][..], Some(true)),
            (&[("a", None), ("b", Some("left: 2"))], Some(false)),
            (&[("a", None), ("b", None)], Some(false)),
            (&[("a", Some("left: 1")), ("b", Some("left: 1"))], Some(false)),
            (&[("b", Some("left: 2"))], Some(false)),
            (&[("b", Some("left: 1"))], None),
            (&[], None),
        ] {
            assert_eq!(symptoms.shown_by(&record(endings)), expected, "{endings:?}");
        }
    }

    #[test]
    fn places_in_the_sources_are_no_part_of_a_symptom() {
        for (mine, known) in [
            ("no, at src/lib.rs:53:9", "no, at src/lib.rs:48:9"),
            ("no, at src/lib.rs:53", "no, at ch01_drill-lane-0/src/lib.rs:7"),
            ("a\nmain ╳ no, at src/lib.rs…\nb", "a\nmain ╳ no, at ch01_dr…\nb"),
        ] {
            assert_eq!(essence(mine), essence(known));
        }
        for (mine, known) in [
            ("left: 1", "left: 2"),
            ("no, at tests/drill.rs:5", "no, at tests/drill.rs:6"),
            ("main ╳ no, at src/lib.rs…", "main ╳ yes, at src/lib.rs…"),
        ] {
            assert_ne!(essence(mine), essence(known));
        }
    }

    #[test]
    fn all_of_a_short_list_are_named_or_none() {
        let sentences = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(short_list(sentences(3)), ["0", "1", "2"]);
        assert_eq!(short_list(sentences(4)), Vec::<String>::new());
    }
}
