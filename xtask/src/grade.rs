//! `grade`: from an answer to a report.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::assembly::Assembly;
use crate::bench::{Examined, Rules, examine};
use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::mutants::Catcher;
use crate::plan::{self, Plan};
use crate::progress::Progress;
use crate::recognise::{Symptoms, recognise};
use crate::report::{
    ExerciseReport, Graded, ItemReport, Report, State, TestReport, TestResult, json, terminal,
};
use crate::{fault, files, workbook};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Which items; all of them if there is none.
    pub(crate) id: Option<String>,
    /// Grade the course's own answers.
    pub(crate) reference: bool,
    /// Grade this workbook.
    pub(crate) workbook: Option<PathBuf>,
    /// Write the report here as well; `-` is the standard output.
    pub(crate) json: Option<PathBuf>,
    /// How tests are run.
    pub(crate) rules: Rules,
}

/// Grades, prints, writes `target/grade/report.json`.
pub(crate) fn run(course: &Course, request: &Request) -> anyhow::Result<Verdict> {
    let items = course.select(request.id.as_deref())?;
    let answers = Answers::find(course, request, &items)?;
    let Rules { seed, runs, .. } = request.rules;
    let mut report = Report { graded: answers.graded.clone(), seed, runs, items: Vec::new() };
    let to_stdout = request.json.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        anstream::print!("{}", terminal::headline(&report));
    }
    let assembly = Assembly::open(course, "grade")?;
    let progress = Progress::over(items.len());
    for item in items {
        progress.step(&format!("grading {item}"));
        report.items.push(grade_item(course, &assembly, item, &answers, request.rules)?);
    }
    drop(progress);
    let text = json::render(&report).context("cannot write the report as JSON")?;
    files::write(&course.root.join("target/grade/report.json"), &text)?;
    match &request.json {
        Some(_) if to_stdout => anstream::print!("{text}"),
        Some(file) => files::write(file, &text)?,
        None => {}
    }
    if !to_stdout {
        anstream::print!("{}", terminal::render(&report));
    }
    Ok(if report.score() == report.max_score() { Verdict::Full } else { Verdict::MarksLost })
}

/// Where the answers lie.
#[derive(Debug)]
struct Answers {
    graded: Graded,
    dir: PathBuf,
}

impl Answers {
    /// The workbook that is asked for, else the learner's, else the course's own answers.
    fn find(course: &Course, request: &Request, items: &[&Item]) -> anyhow::Result<Self> {
        let own = course.root.join(workbook::FOLDER);
        let reference = Self { graded: Graded::Reference, dir: course.root.clone() };
        let (dir, shown) = match &request.workbook {
            _ if request.reference => return Ok(reference),
            Some(dir) => (dir.clone(), files::slashed(dir)),
            None if own.is_dir() => (own, workbook::FOLDER.to_owned()),
            None => {
                anstream::eprintln!("There is no workbook yet: `cargo xtask start` makes one.");
                return Ok(reference);
            }
        };
        if !dir.is_dir() {
            return Err(fault::input(format!("there is no workbook at {shown}")));
        }
        let answers = Self { graded: Graded::Workbook(shown.clone()), dir };
        if items.iter().all(|item| answers.folder(item).is_none()) {
            let id = request.id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
            return Err(fault::input(format!(
                "{shown}/ holds nothing of that yet: `cargo xtask start{id}` puts it there"
            )));
        }
        Ok(answers)
    }

    /// The folder of an item's answer, if it has been started.
    fn folder(&self, item: &Item) -> Option<PathBuf> {
        Some(self.dir.join(item.dir())).filter(|folder| folder.join("src").is_dir())
    }

    /// The same folder as a person would type it.
    fn shown(&self, item: &Item) -> String {
        match &self.graded {
            Graded::Reference => item.shown(""),
            Graded::Workbook(shown) => format!("{shown}/{}", item.shown("")),
        }
    }

    /// An item's sources, relative to its folder.
    fn sources(&self, item: &Item) -> anyhow::Result<Option<files::Tree>> {
        let Some(folder) = self.folder(item) else { return Ok(None) };
        let sources = files::load_tree(&folder.join("src"))?;
        let below_src = |(path, bytes)| (Path::new("src").join(path), bytes);
        Ok(Some(sources.into_iter().map(below_src).collect()))
    }
}

fn grade_item(
    course: &Course,
    assembly: &Assembly,
    item: &Item,
    answers: &Answers,
    rules: Rules,
) -> anyhow::Result<ItemReport> {
    let plan = Plan::read(course, item)?;
    let answer = answers.sources(item)?;
    let (state, results) = match &answer {
        None => (State::NotStarted, None),
        Some(sources) => match examine(assembly, item, &plan, sources, rules)? {
            Examined::Broken(said) => (State::DoesNotCompile(said), None),
            Examined::Ran(results) => (State::Graded, Some(results)),
        },
    };
    let results = results.unwrap_or_else(|| vec![TestResult::NotRun; plan.tests.len()]);
    let exercise = |exercise: &plan::Exercise| ExerciseReport {
        number: exercise.number,
        sentence: exercise.sentence.clone(),
        place: place(exercise, answer.as_deref().unwrap_or_default()),
        tests: plan
            .tests
            .iter()
            .zip(&results)
            .filter(|(test, _)| test.exercise == exercise.number)
            .map(|(test, result)| TestReport { name: test.name.clone(), result: result.clone() })
            .collect(),
        recognised: Vec::new(),
    };
    let mut exercises: Vec<ExerciseReport> = plan.exercises.iter().map(exercise).collect();
    let failing = exercises.iter_mut().filter_map(|exercise| {
        let results = exercise.tests.iter().map(|test| (test.name.as_str(), &test.result));
        let symptoms = Symptoms::of(Catcher::Exercise(exercise.number), results)?;
        Some((symptoms, &mut exercise.recognised))
    });
    let (symptoms, recognised): (Vec<Symptoms>, Vec<&mut Vec<String>>) = failing.unzip();
    let sentences = recognise(course, assembly, item, rules, &symptoms)?;
    recognised.into_iter().zip(sentences).for_each(|(place, sentences)| *place = sentences);
    Ok(ItemReport {
        id: item.id(),
        title: title(course, item),
        folder: answers.shown(item),
        state,
        exercises,
    })
}

/// The README's own headline, or else the item's label.
fn title(course: &Course, item: &Item) -> String {
    let readme = files::read(&course.root.join(item.dir()).join("README.md")).unwrap_or_default();
    let headline = readme.lines().find_map(|line| line.strip_prefix("# "));
    headline.map_or_else(|| item.label(), |title| title.trim().to_owned())
}

/// Where the answer to an exercise belongs: the mark, if the learner left it in place.
fn place(exercise: &plan::Exercise, sources: &[files::TreeFile]) -> String {
    let file = files::slashed(&exercise.file);
    let source = sources.iter().find(|(path, _)| *path == exercise.file);
    let text = source.map(|(_, bytes)| String::from_utf8_lossy(bytes)).unwrap_or_default();
    let mark = format!("// EXERCISE {}", exercise.number);
    let is_mark = |line: &str| {
        line.trim_start().strip_prefix(&mark).is_some_and(|rest| rest.starts_with([':', ' ']))
    };
    match text.lines().position(is_mark) {
        Some(index) => format!("{file}:{}", index + 1),
        None => file,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_answer_is_its_mark() {
        let exercise = plan::Exercise {
            number: 1,
            sentence: String::new(),
            file: PathBuf::from("src/lib.rs"),
        };
        let source = |text: &str| [(PathBuf::from("src/lib.rs"), text.as_bytes().to_vec())];
        let marked = "// EXERCISE 10: x.\n    // EXERCISE 1 (items): y.\n";
        assert_eq!(place(&exercise, &source(marked)), "src/lib.rs:2");
        assert_eq!(place(&exercise, &source("")), "src/lib.rs");
    }
}
