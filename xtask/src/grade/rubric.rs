//! From an answer to the points of a rubric.

use super::Ground;
use super::mine::Kills;
use crate::files::TreeFile;
use crate::mutants::{self, Catcher, Mutant};
use crate::plan::Plan;
use crate::report::{AreaReport, EntryReport, TestReport, TestResult};
use crate::rubric::score::{Measured, behaves, tenths};
use crate::rubric::{Area, Entry, Kind, Rubric};
use crate::style::counted;

impl Ground<'_> {
    /// Points for each entry; without results, for an answer that cannot be run, there are none.
    pub(super) fn areas(
        &self,
        plan: &Plan,
        rubric: &Rubric,
        answer: Option<&[TreeFile]>,
        results: &[TestResult],
    ) -> anyhow::Result<Vec<AreaReport>> {
        let report = |area: &Area| AreaReport {
            name: area.name.clone(),
            entries: area
                .entries
                .iter()
                .map(|entry| by_tests(plan, entry.get_ref(), results))
                .collect(),
        };
        let mut areas: Vec<AreaReport> = rubric.areas.iter().map(report).collect();
        let Some(answer) = answer else { return Ok(areas) };
        let whole = areas.iter().flat_map(|area| &area.entries).map(standing);
        let whole = behaves(whole);
        let mutants = mutants::load(self.course, self.item)?;
        for (area, report) in rubric.areas.iter().zip(&mut areas) {
            let own = report.entries.iter().any(|entry| entry.kind.is_behaviour());
            let behaves = if own { behaves(report.entries.iter().map(standing)) } else { whole };
            for (entry, report) in area.entries.iter().zip(&mut report.entries) {
                self.measure(entry.get_ref(), report, answer, &mutants, behaves)?;
            }
        }
        let mut entries: Vec<&mut EntryReport> =
            areas.iter_mut().flat_map(|area| &mut area.entries).collect();
        let groups = entries.iter_mut().map(|entry| {
            (Catcher::Rubric(entry.id.clone()), entry.tests.as_slice(), &mut entry.recognised)
        });
        self.recognise(groups)?;
        Ok(areas)
    }

    fn measure(
        &self,
        entry: &Entry,
        report: &mut EntryReport,
        answer: &[TreeFile],
        mutants: &[Mutant],
        behaves: bool,
    ) -> anyhow::Result<()> {
        let measured = match entry.kind {
            Kind::Tests | Kind::Shape | Kind::Review => return Ok(()),
            Kind::Kills => {
                let listed = |mutant: &&Mutant| entry.mutants.contains(&mutant.name);
                let wrong: Vec<&Mutant> = mutants.iter().filter(listed).collect();
                of_kills(&self.kills(answer, &wrong)?, &mut report.notes)
            }
            Kind::Source if behaves => {
                let findings = self.assembly.lint(self.item, &entry.lints)?;
                let count = findings.len();
                report.notes.push(format!("{} (a proxy)", counted(count, "finding")));
                report.notes.extend(findings);
                Measured::Findings(count)
            }
            Kind::Source => {
                let why = "counts only once the behaviour of its area reaches half of its points";
                report.notes.push(why.to_owned());
                Measured::Nothing
            }
        };
        report.score = tenths(entry, &measured, behaves);
        Ok(())
    }
}

fn standing(entry: &EntryReport) -> (Kind, u32, u32) {
    (entry.kind, entry.score, entry.max_score)
}

/// What the course's tests say of an entry.
fn by_tests(plan: &Plan, entry: &Entry, results: &[TestResult]) -> EntryReport {
    let own = Catcher::Rubric(entry.id.clone());
    let tests: Vec<TestReport> = plan
        .tests
        .iter()
        .zip(results)
        .filter(|(test, _)| test.decides == own)
        .map(|(test, result)| TestReport { name: test.name.clone(), result: result.clone() })
        .collect();
    let passed = tests.iter().filter(|test| test.passed()).map(|test| test.name.clone()).collect();
    let measured =
        if entry.kind.is_behaviour() { Measured::Tests(passed) } else { Measured::Nothing };
    let shut = entry
        .gate
        .iter()
        .filter(|gate| tests.iter().any(|test| test.name == **gate && !test.passed()));
    EntryReport {
        id: entry.id.clone(),
        name: entry.name.clone(),
        kind: entry.kind,
        score: tenths(entry, &measured, false),
        max_score: entry.points * 10,
        notes: shut.map(|gate| format!("no points without `{gate}`")).collect(),
        tests,
        checklist: entry.checklist.clone(),
        hint: entry.hint.clone(),
        recognised: Vec::new(),
    }
}

fn of_kills(kills: &Kills, notes: &mut Vec<String>) -> Measured {
    match kills {
        Err(why) => {
            notes.push(why.clone());
            Measured::Nothing
        }
        Ok(kills) => {
            let killed = kills.iter().filter(|(_, killed)| *killed).count();
            notes.push(format!("{killed} of {} wrong answers are noticed", kills.len()));
            let missed = kills.iter().filter(|(_, killed)| !killed);
            notes.extend(missed.map(|(what, _)| format!("not noticed: {what}")));
            Measured::Kills(killed, kills.len())
        }
    }
}
