//! `grade`: from an answer to a report.

mod mine;
mod rubric;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::assembly::Assembly;
use crate::bench::{Examined, Rules, examine};
use crate::course::{Course, EXERCISE_TENTHS, Item};
use crate::fault::Verdict;
use crate::mutants::Catcher;
use crate::notebook::Notebook;
use crate::plan::{self, Plan};
use crate::progress::Progress;
use crate::recognise::{Symptoms, recognise};
use crate::report::{
    ExerciseReport, Graded, ItemReport, Report, State, TestReport, TestResult, json, terminal,
};
use crate::{fault, files, next, style, workbook};

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
    let graded = items.clone();
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
        let ground = Ground { course, assembly: &assembly, item, rules: request.rules };
        let plan = Plan::read(course, item)?;
        let answer = answers.of(item)?;
        report.items.push(ground.grade(&plan, answer.as_deref(), answers.shown(item))?);
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
        let width = style::told_columns().unwrap_or(usize::MAX);
        anstream::print!("{}", style::fit(&terminal::render(&report), width));
    }
    let full = report.score() == report.max_score();
    match remember(course, &answers, &report) {
        Ok(Some(notebook)) if full && !to_stdout => {
            anstream::print!("{}", next::after(course, &notebook, &graded)?);
        }
        Ok(_) => {}
        Err(error) => anstream::eprintln!("These points are not written down: {error:#}"),
    }
    Ok(if full { Verdict::Full } else { Verdict::MarksLost })
}

/// Writes points into the notebook, if it is the learner's own workbook that was graded.
fn remember(
    course: &Course,
    answers: &Answers,
    report: &Report,
) -> anyhow::Result<Option<Notebook>> {
    let own = course.root.join(workbook::FOLDER);
    let same = match (answers.dir.canonicalize(), own.canonicalize()) {
        (Ok(graded), Ok(own)) => graded == own,
        _ => false,
    };
    if answers.graded == Graded::Reference || !same {
        return Ok(None);
    }
    Notebook::change(&own, |notebook| {
        for item in report.items.iter().filter(|item| item.state != State::NotStarted) {
            let lacking = item.exercises.iter().filter(|e| e.score() < EXERCISE_TENTHS);
            let open = lacking.map(|exercise| exercise.number).collect();
            notebook.graded(&item.id, item.score(), item.max_score(), open);
        }
        Some(notebook.clone())
    })
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

    /// The files of an item's answer, relative to its folder.
    fn of(&self, item: &Item) -> anyhow::Result<Option<files::Tree>> {
        self.folder(item).map(|folder| plan::answer(&folder)).transpose()
    }
}

/// Everything that an item's grade depends on but the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// Where the tests come from.
    pub(crate) course: &'a Course,
    /// Where things are built.
    pub(crate) assembly: &'a Assembly,
    /// What is graded.
    pub(crate) item: &'a Item,
    /// How tests are run.
    pub(crate) rules: Rules,
}

impl Ground<'_> {
    /// Grades an answer, or its absence; `folder` is where the answer lies, for the reader.
    pub(crate) fn grade(
        &self,
        plan: &Plan,
        answer: Option<&[files::TreeFile]>,
        folder: String,
    ) -> anyhow::Result<ItemReport> {
        let (item, rules) = (self.item, self.rules);
        let (state, results) = match answer {
            None => (State::NotStarted, None),
            Some(sources) => match examine(self.assembly, item, plan, sources, rules)? {
                Examined::Broken(said) => (State::DoesNotCompile(said), None),
                Examined::Ran(results) => (State::Graded, Some(results)),
            },
        };
        let ran = answer.filter(|_| results.is_some());
        let results = results.unwrap_or_else(|| vec![TestResult::NotRun; plan.tests.len()]);
        let (exercises, areas) = match &plan.rubric {
            None => (self.exercises(plan, answer.unwrap_or_default(), &results)?, Vec::new()),
            Some(rubric) => (Vec::new(), self.areas(plan, rubric, ran, &results)?),
        };
        Ok(ItemReport {
            id: item.id(),
            title: match &plan.rubric {
                Some(rubric) => rubric.title.clone(),
                None => title(self.course, item),
            },
            folder,
            state,
            exercises,
            areas,
            mine: ran.map(|answer| self.mine(answer)).transpose()?.unwrap_or_default(),
        })
    }

    fn exercises(
        &self,
        plan: &Plan,
        answer: &[files::TreeFile],
        results: &[TestResult],
    ) -> anyhow::Result<Vec<ExerciseReport>> {
        let report = |exercise: &plan::Exercise| ExerciseReport {
            number: exercise.number,
            sentence: exercise.sentence.clone(),
            place: place(exercise, answer),
            tests: plan
                .tests
                .iter()
                .zip(results)
                .filter(|(test, _)| test.decides == Catcher::Exercise(exercise.number))
                .map(|(test, result)| TestReport {
                    name: test.name.clone(),
                    result: result.clone(),
                })
                .collect(),
            recognised: Vec::new(),
        };
        let mut exercises: Vec<ExerciseReport> = plan.exercises.iter().map(report).collect();
        self.recognise(exercises.iter_mut().map(|exercise| {
            let catcher = Catcher::Exercise(exercise.number);
            (catcher, exercise.tests.as_slice(), &mut exercise.recognised)
        }))?;
        Ok(exercises)
    }

    /// Puts the sentences of known mistakes where an answer fails like them.
    fn recognise<'b>(
        &self,
        groups: impl Iterator<Item = (Catcher, &'b [TestReport], &'b mut Vec<String>)>,
    ) -> anyhow::Result<()> {
        let failing = groups.filter_map(|(catcher, tests, place)| {
            let results = tests.iter().map(|test| (test.name.as_str(), &test.result));
            Some((Symptoms::of(catcher, results)?, place))
        });
        let (symptoms, places): (Vec<Symptoms>, Vec<&mut Vec<String>>) = failing.unzip();
        let sentences = recognise(self.course, self.assembly, self.item, self.rules, &symptoms)?;
        places.into_iter().zip(sentences).for_each(|(place, sentences)| *place = sentences);
        Ok(())
    }
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
