//! Checks of one item that build it: the tests are proved by what they let through.
//!
//! What was proved is remembered with a fingerprint of all that decides it, and is not proved
//! again before one of these things changes. What failed is not remembered.

use std::sync::OnceLock;

use anyhow::Context as _;

use super::Findings;
use crate::assembly::{Assembly, Build, Built, Suite};
use crate::bench::{Bench, Rules};
use crate::cache::{Cache, Fingerprint};
use crate::course::{Course, Item};
use crate::harness::Outcome;
use crate::mutants::{self, Mutant};
use crate::pictures::Shot;
use crate::plan::{self, Plan, Test};
use crate::readme::{self, Place};
use crate::report::{EntryReport, State, TestResult, points};
use crate::style::counted;
use crate::{fault, files, grade, quiz};

/// One item, and what is known of it already.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    course: &'a Course,
    assembly: &'a Assembly,
    item: &'a Item,
    rules: Rules,
    plan: Plan,
    fingerprint: Fingerprint,
    cache: Cache,
    all: bool,
    answers: OnceLock<Answers>,
}

/// What the proofs of an item share.
#[derive(Debug)]
struct Answers {
    reference: Build,
    stub: Build,
}

impl<'a> Ground<'a> {
    /// Everything is proved again if `all`.
    pub(super) fn new(
        course: &'a Course,
        assembly: &'a Assembly,
        item: &'a Item,
        rules: Rules,
        all: bool,
    ) -> anyhow::Result<Self> {
        let plan = Plan::read(course, item)?;
        let fingerprint = Fingerprint::of(course, item, &rules)?;
        let cache = assembly.cache(item);
        let answers = OnceLock::new();
        Ok(Self { course, assembly, item, rules, plan, fingerprint, cache, all, answers })
    }

    /// The reference answer and the stub, built side by side, once.
    ///
    /// The mutants are built after them in the same lanes, so none of them is built from nothing;
    /// from then on these two are gone.
    fn answers(&self) -> anyhow::Result<&Answers> {
        if let Some(answers) = self.answers.get() {
            return Ok(answers);
        }
        let both = [plan::reference(self.course, self.item)?, plan::stub(self.course, self.item)?];
        let mut builds = self.assembly.side_by_side(self.item, Suite::Course, &both)?;
        let stub = builds.pop().context("the stub was not built")?;
        let reference = builds.pop().context("the reference answer was not built")?;
        Ok(self.answers.get_or_init(|| Answers { reference, stub }))
    }

    fn bench<'b>(&'b self, built: &'b Built, rules: Rules) -> Bench<'b> {
        Bench::new(self.assembly, self.item, built, rules)
    }

    fn proved(&self, what: &str, fingerprint: &str) -> bool {
        !self.all && self.cache.get(what, fingerprint) == Some(true)
    }

    /// Proves one thing, unless that was done before.
    fn once(
        &self,
        what: &str,
        prove: impl FnOnce() -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Findings> {
        self.once_of(what, "", prove)
    }

    /// Proves one thing of a text, unless that was done before.
    fn once_of(
        &self,
        what: &str,
        text: &str,
        prove: impl FnOnce() -> anyhow::Result<Vec<String>>,
    ) -> anyhow::Result<Findings> {
        // A rubric may give points for mutants that are noticed.
        let mutants = match &self.plan.rubric {
            Some(_) => mutants::load(self.course, self.item)?,
            None => Vec::new(),
        };
        let patches: Vec<&str> = mutants.iter().map(|mutant| mutant.text.as_str()).collect();
        let fingerprint = self.fingerprint.with((what, text, patches));
        if self.proved(what, &fingerprint) {
            return Ok(Findings { note: "proved before".to_owned(), ..Findings::default() });
        }
        let problems = prove()?;
        if problems.is_empty() {
            self.cache.put(what, &fingerprint, &true)?;
        }
        Ok(Findings::of(problems))
    }

    /// The reference answer passes every test in every run.
    pub(super) fn reference(&self) -> anyhow::Result<Findings> {
        let failing = |(test, result): (&Test, &TestResult)| match result {
            TestResult::Failed(failed) => {
                Some(format!("`{}` fails: {}", test.name, failed.message))
            }
            TestResult::Passed | TestResult::NotRun => None,
        };
        self.once("reference", || {
            if self.plan.rubric.is_some() {
                let answer = plan::answer(&self.course.root.join(self.item.dir()))?;
                return self.by_rubric(&answer, |score, of| score < of);
            }
            let built = match self.built_reference()? {
                Ok(built) => built,
                Err(problem) => return Ok(vec![problem]),
            };
            let results = self.bench(built, self.rules).examine(&self.plan)?;
            Ok(self.plan.tests.iter().zip(&results).filter_map(failing).collect())
        })
    }

    /// The stub compiles, and not one test passes on it.
    pub(super) fn stub(&self) -> anyhow::Result<Findings> {
        let passes = |(test, result): (&Test, &TestResult)| {
            let (name, decides) = (&test.name, &test.decides);
            (*result == TestResult::Passed)
                .then(|| format!("`{name}` ({decides}) passes although nothing is written"))
        };
        self.once("stub", || {
            if self.plan.rubric.is_some() {
                let sources = plan::stub(self.course, self.item)?;
                return self.by_rubric(&sources, |score, _| score > 0);
            }
            let rules = Rules { runs: 1, ..self.rules };
            match &self.answers()?.stub {
                Build::Broken(said) => Ok(vec![broken(said)]),
                Build::Ready(built) => {
                    let results = self.bench(built, rules).examine(&self.plan)?;
                    Ok(self.plan.tests.iter().zip(&results).filter_map(passes).collect())
                }
            }
        })
    }

    /// The items of the rubric with points that are wrong.
    fn by_rubric(
        &self,
        answer: &[files::TreeFile],
        wrong: impl Fn(u32, u32) -> bool,
    ) -> anyhow::Result<Vec<String>> {
        let (course, assembly, item, rules) = (self.course, self.assembly, self.item, self.rules);
        let ground = grade::Ground { course, assembly, item, rules };
        let report = ground.grade(&self.plan, Some(answer), String::new())?;
        if let State::DoesNotCompile(said) = &report.state {
            return Ok(vec![broken(said)]);
        }
        let entries = report.areas.iter().flat_map(|area| &area.entries);
        let complaint = |entry: &EntryReport| {
            let (score, of) = (points(entry.score), points(entry.max_score));
            let why = entry.reasons().join("\n");
            format!("{}: {score} of {of} points\n{why}", entry.id).trim_end().to_owned()
        };
        let wrong = entries.filter(|entry| wrong(entry.score, entry.max_score));
        Ok(wrong.map(complaint).collect())
    }

    /// The pictures in the README, and those of this item in the chapter's, are what the reference
    /// answer makes; `write` brings them up to date.
    pub(super) fn pictures(&self, write: bool) -> anyhow::Result<Findings> {
        let mut findings = self.pictures_in(&self.item.shown("README.md"), "", write)?;
        let chapter = format!("{}/README.md", self.item.chapter_folder);
        let more = self.pictures_in(&chapter, &format!("{}/", self.item.folder), write)?;
        findings.problems.extend(more.problems);
        Ok(findings)
    }

    /// Those of them whose test is called `prefix` and its name.
    fn pictures_in(&self, file: &str, prefix: &str, write: bool) -> anyhow::Result<Findings> {
        let path = self.course.root.join(file);
        if !path.is_file() {
            return Ok(Findings::default());
        }
        let text = files::read(&path)?;
        let step = format!("pictures in {file}");
        let fingerprint = self.fingerprint.with((&step, &text));
        if self.proved(&step, &fingerprint) {
            return Ok(Findings { note: "proved before".to_owned(), ..Findings::default() });
        }
        let called = |test: &Test| format!("{prefix}{}", test.name);
        let tests: Vec<String> = self.plan.tests.iter().map(called).collect();
        // What is wrong with the markers is said where the README is looked at.
        let (places, _) = readme::places(&text, &tests);
        if places.is_empty() {
            return Ok(Findings::default());
        }
        let built = match self.built_reference()? {
            Ok(built) => built,
            Err(problem) => return Ok(Findings::of(vec![problem])),
        };
        let mut problems = Vec::new();
        let mut pictures = Vec::new();
        for place in places {
            let name = &place.test[prefix.len()..];
            let shot = Shot::take(built, self.assembly.nonce(), name, place.seed)?;
            match shot.picture(place.kind, place.format) {
                Ok(picture) if shot.outcome == Outcome::Passed => pictures.push((place, picture)),
                Ok(_) => problems.push(format!("{file}:{}: `{}` fails", place.line, place.test)),
                Err(error) => problems.push(format!("{file}:{}: {error}", place.line)),
            }
        }
        let note = counted(pictures.len(), "picture");
        let (filled, stale) = readme::fill(&text, &pictures);
        if write && problems.is_empty() {
            files::write(&path, &filled)?;
        } else {
            problems.extend(stale.iter().map(|Place { line, test, .. }| {
                format!(
                    "{file}:{line}: the picture of `{test}` is not current; \
                     `cargo xtask check --write` brings it up to date"
                )
            }));
        }
        if problems.is_empty() {
            let fingerprint = self.fingerprint.with((&step, &filled));
            self.cache.put(&step, &fingerprint, &true)?;
        }
        Ok(Findings { note, problems, ..Findings::default() })
    }

    /// What is to be ordered or predicted in the quiz is what happens in the proof.
    pub(super) fn quiz(&self) -> anyhow::Result<Findings> {
        let file = self.item.shown("quiz.toml");
        let text = files::read(&self.course.root.join(&file))?;
        self.once_of("quiz", &text, || {
            let quiz = quiz::parse(&file, &text).map_err(fault::course)?;
            let built = match self.built_reference()? {
                Ok(built) => built,
                Err(problem) => return Ok(vec![problem]),
            };
            let mut problems = Vec::new();
            for question in quiz.questions.iter().filter(|one| one.is_proved_by_events()) {
                let (id, line) = (&question.id, question.line);
                // A missing proof is said where the quiz is looked at.
                let Some(proof) = &question.proof else { continue };
                let shot = Shot::take(built, self.assembly.nonce(), proof, question.seed)?;
                let refuted = match shot.events() {
                    Ok(events) if shot.outcome == Outcome::Passed => question.refuted(&events),
                    Ok(_) => vec![format!("its proof `{proof}` fails")],
                    Err(error) => vec![error.to_string()],
                };
                let complain = |what| format!("{file}:{line}: question `{id}`: {what}");
                problems.extend(refuted.into_iter().map(complain));
            }
            Ok(problems)
        })
    }

    /// The reference answer, built; or what is wrong with it.
    fn built_reference(&self) -> anyhow::Result<Result<&Built, String>> {
        Ok(match &self.answers()?.reference {
            Build::Ready(built) => Ok(built),
            Build::Broken(said) => Err(broken(said)),
        })
    }

    /// Each mutant loses points in its own exercise.
    pub(super) fn mutants(&self) -> anyhow::Result<Findings> {
        let mutants = mutants::load(self.course, self.item)?;
        let reference = plan::reference(self.course, self.item)?;
        let mut problems = Vec::new();
        let mut hunted = Vec::new();
        let mut answers = Vec::new();
        for mutant in &mutants {
            let proof = Proof::of(mutant, &self.fingerprint);
            if self.proved(&proof.name, &proof.fingerprint) {
                continue;
            }
            match mutant.apply(&reference) {
                Err(stale) => problems.push((mutant, stale)),
                Ok(sources) => {
                    hunted.push((mutant, proof));
                    answers.push(sources);
                }
            }
        }
        let before = mutants.len() - hunted.len() - problems.len();
        let complaints =
            self.assembly.each(self.item, Suite::Course, &answers, |index, build| {
                self.trial(hunted[index].0, build)
            })?;
        for ((mutant, proof), complaint) in hunted.iter().zip(complaints) {
            match complaint {
                Some(complaint) => problems.push((mutant, complaint)),
                None => self.cache.put(&proof.name, &proof.fingerprint, &true)?,
            }
        }
        problems.sort_by_key(|(mutant, _)| &mutant.name);
        let shown = |(mutant, what): &(&Mutant, String)| {
            format!("{}: {what}", self.item.shown(format!("mutants/{}.patch", mutant.name)))
        };
        let known = if before == 0 { String::new() } else { format!(", {before} of them before") };
        Ok(Findings {
            note: format!("{} of {} caught{known}", mutants.len() - problems.len(), mutants.len()),
            problems: problems.iter().map(shown).collect(),
            ..Findings::default()
        })
    }

    fn trial(&self, mutant: &Mutant, answer: &Build) -> anyhow::Result<Option<String>> {
        match answer {
            Build::Broken(said) => Ok(Some(broken(said))),
            Build::Ready(built) => {
                hunt(&self.bench(built, self.rules), &self.plan, mutant, self.rules)
            }
        }
    }
}

fn broken(said: &str) -> String {
    format!("it does not compile:\n{said}")
}

/// Under which name and fingerprint it is kept that a mutant was caught.
struct Proof {
    name: String,
    fingerprint: String,
}

impl Proof {
    fn of(mutant: &Mutant, item: &Fingerprint) -> Self {
        let name = format!("caught-{}", mutant.name);
        Self { fingerprint: item.with((&name, &mutant.text)), name }
    }
}

/// Runs the tests that should catch a mutant until one does; what is wrong, if none does.
fn hunt(
    bench: &Bench<'_>,
    plan: &Plan,
    mutant: &Mutant,
    rules: Rules,
) -> anyhow::Result<Option<String>> {
    let named = |test: &&Test| mutant.test.as_ref().is_none_or(|name| *name == test.name);
    let tests: Vec<&Test> = plan.tests_against(&mutant.catcher).filter(named).collect();
    for seed in rules.seeds() {
        for test in &tests {
            match bench.once(&test.name, seed)? {
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
        None => format!("the tests of {}", mutant.catcher),
    };
    Ok(Some(format!("missed: {who} let it through ({})", mutant.what)))
}
