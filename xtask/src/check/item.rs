//! Checks of one item that need nothing built.

use std::path::Path;

use super::Findings;
use crate::course::{Course, Item, Kind};
use crate::plan::{self, Plan};
use crate::quiz::Question;
use crate::rubric::{self, Rubric};
use crate::style::counted;
use crate::{fault, files, hints, manifest, mutants, new, quiz, readme};

const HEADINGS: [&str; 7] = [
    "Objective",
    "In Elixir",
    "In Rust",
    "Exercises",
    "What you should see",
    "Questions",
    "Going further",
];

/// A file of the item, as text; a missing one is the course's fault.
fn text(course: &Course, item: &Item, file: impl AsRef<Path>) -> anyhow::Result<String> {
    let path = course.root.join(item.dir()).join(&file);
    if !path.is_file() {
        return Err(fault::course(format!("{} is missing", item.shown(file))));
    }
    files::read(&path)
}

/// All seven parts exist, the README has its headings, the manifest can travel.
pub(super) fn parts(course: &Course, item: &Item) -> anyhow::Result<Findings> {
    let dir = course.root.join(item.dir());
    let test_file = files::slashed(&item.test_file());
    let parts = ["Cargo.toml", "README.md", "src/lib.rs", &test_file, "hints.md", "quiz.toml"];
    let missing = |part: &&&str| !dir.join(part).is_file();
    let mut problems: Vec<String> = parts
        .iter()
        .filter(missing)
        .map(|part| format!("{} is missing", item.shown(part)))
        .collect();
    if mutants::files(course, item)?.is_empty() {
        problems.push(format!("{} is missing", item.shown("mutants/*.patch")));
    }
    if let Ok(readme) = text(course, item, "README.md") {
        problems
            .extend(headings(&readme).map(|what| format!("{}: {what}", item.shown("README.md"))));
        if readme::has_pictures(&readme) {
            let documented = plan::test_docs(course, item)?;
            let tests: Vec<&str> = documented.iter().map(|test| test.name.as_str()).collect();
            let (_, wrong) = readme::places(&readme, &tests);
            problems.extend(wrong.iter().map(|what| format!("{}:{what}", item.shown("README.md"))));
        }
    }
    for (path, bytes) in files::load_tree(&dir)? {
        let places = new::unwritten(&String::from_utf8_lossy(&bytes));
        problems.extend(places.iter().map(|what| format!("{}:{what}", item.shown(&path))));
    }
    if let Ok(manifest) = text(course, item, "Cargo.toml") {
        problems.extend(manifest::problems(&item.shown("Cargo.toml"), &manifest, &item.package()));
    }
    Ok(Findings::of(problems))
}

/// Whether a trace decides what is right in the quiz.
pub(super) fn has_proofs(course: &Course, item: &Item) -> bool {
    let quiz =
        text(course, item, "quiz.toml").ok().and_then(|text| quiz::parse("quiz.toml", &text).ok());
    quiz.is_some_and(|quiz| quiz.questions.iter().any(Question::is_proved_by_events))
}

/// Whether there are pictures of tests, in the README or in the chapter's.
pub(super) fn has_pictures(course: &Course, item: &Item) -> bool {
    let chapter = course.root.join(&item.chapter_folder).join("README.md");
    let own = text(course, item, "README.md").is_ok_and(|readme| readme::has_pictures(&readme));
    own || files::read(&chapter).is_ok_and(|readme| readme::has_pictures(&readme))
}

/// What is wrong with the headings: all of them, in this order.
fn headings(readme: &str) -> Option<String> {
    let found: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let mut rest = found.iter();
    let missing = HEADINGS.iter().find(|heading| !rest.any(|found| found.trim() == **heading))?;
    Some(format!(
        "expected the heading `## {missing}`; the order is: {}",
        HEADINGS.map(|heading| format!("`{heading}`")).join(", ")
    ))
}

/// Marks are balanced and numbered from 1; every test decides an exercise.
pub(super) fn plan(course: &Course, item: &Item) -> anyhow::Result<Findings> {
    let exercises = plan::exercises(course, item)?;
    if let Some(rubric) = Rubric::read(course, item)? {
        let entries = counted(rubric.entries().count(), "item");
        let tests = rubric.entries().map(|entry| entry.tests.len()).sum();
        let note = format!("a rubric of {entries}, {}", counted(tests, "test"));
        return Ok(Findings { note, ..Findings::default() });
    }
    let documented = plan::test_docs(course, item)?;
    let (tests, problems) = plan::tests(&documented, &exercises);
    let file = item.shown(item.test_file());
    Ok(Findings {
        note: [counted(exercises.len(), "exercise"), counted(tests.len(), "test")].join(", "),
        problems: problems.iter().map(|problem| format!("{file}:{problem}")).collect(),
        ..Findings::default()
    })
}

/// Three hints for every exercise.
pub(super) fn hints(course: &Course, item: &Item) -> anyhow::Result<Findings> {
    let exercises = count(plan::exercises(course, item)?.len());
    let hints = hints::parse(&text(course, item, "hints.md")?);
    Ok(problems_in(item, "hints.md", &hints::problems(&hints, exercises)))
}

/// Every answer is proved by a test of this item.
pub(super) fn quiz(course: &Course, item: &Item) -> anyhow::Result<Findings> {
    let quiz = quiz::parse(&item.shown("quiz.toml"), &text(course, item, "quiz.toml")?)
        .map_err(fault::course)?;
    let documented = plan::test_docs(course, item)?;
    let tests: Vec<&str> = documented.iter().map(|test| test.name.as_str()).collect();
    let note = counted(quiz.questions.len(), "question");
    let file = item.shown("quiz.toml");
    let problems = quiz::problems(&quiz, &tests);
    let problems = problems.iter().map(|what| format!("{file}:{what}")).collect();
    Ok(Findings { note, problems, ..Findings::default() })
}

/// Enough mutants, each for an exercise that exists.
pub(super) fn mutants(course: &Course, item: &Item) -> anyhow::Result<Findings> {
    let plan = Plan::read(course, item)?;
    let mutants = mutants::load(course, item)?;
    let exercises = count(plan.exercises.len());
    let at_least = if item.kind == Kind::Warmup { plan.exercises.len() } else { 3 };
    let mut problems = match &plan.rubric {
        Some(rubric) => rubric::disagreements(rubric, &mutants),
        None => mutants::problems(&mutants, exercises, at_least),
    };
    for mutant in &mutants {
        if let Some(test) = &mutant.test
            && !plan.tests_against(&mutant.catcher).any(|known| known.name == *test)
        {
            let (name, catcher) = (&mutant.name, &mutant.catcher);
            problems.push(format!("{name}.patch: {catcher} has no test `{test}`"));
        }
    }
    let note = counted(mutants.len(), "mutant");
    let place = if plan.rubric.is_some() { "" } else { "mutants" };
    Ok(Findings { note, ..problems_in(item, place, &problems) })
}

fn problems_in(item: &Item, file: &str, problems: &[String]) -> Findings {
    let shown = |what: &String| match file {
        "" => item.shown(what),
        file => format!("{}: {what}", item.shown(file)),
    };
    Findings::of(problems.iter().map(shown).collect())
}

fn count(exercises: usize) -> u32 {
    u32::try_from(exercises).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_all_there_and_in_order() {
        let all = HEADINGS.map(|heading| format!("## {heading}\n\ntext\n")).join("");
        assert_eq!(headings(&all), None);
        let without = all.replace("## Questions\n", "");
        assert!(headings(&without).unwrap().contains("## Questions"));
        let swapped = all
            .replace("In Rust", "X")
            .replace("In Elixir", "In Rust")
            .replace("## X", "## In Elixir");
        assert!(headings(&swapped).is_some());
    }
}
