//! `check`: the authors' gate. One line per check, one verdict.

mod item;
mod proof;

use std::path::Path;
use std::rc::Rc;

use crate::assembly::Assembly;
use crate::bench::Rules;
use crate::course::{Chapter, Course, Item};
use crate::fault::Verdict;
use crate::plan::Plan;
use crate::style::{self, paint};
use crate::{coverage, files, manifest, oracle, readme};

/// What the command line asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The items to look at; all of them and the docs, if none is named.
    pub(crate) ids: &'a [String],
    /// Leave out everything that has to be built.
    pub(crate) quick: bool,
    /// Prove again what is proved already.
    pub(crate) all: bool,
    /// Bring generated parts of the docs up to date.
    pub(crate) write: bool,
    /// Where the lists lie that items and scenarios were taken from.
    pub(crate) sources: Option<&'a Path>,
    /// How tests are run.
    pub(crate) rules: Rules,
}

/// What one check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// A word on what was seen, for instance a count.
    pub(crate) note: String,
    /// Lines worth reading even when all is well.
    pub(crate) details: Vec<String>,
    /// What is wrong; nothing, if all is well.
    pub(crate) problems: Vec<String>,
}

impl Findings {
    /// Nothing but problems, or their absence.
    pub(crate) fn of(problems: Vec<String>) -> Self {
        Self { problems, ..Self::default() }
    }
}

struct Step<'a> {
    name: String,
    run: Box<dyn FnOnce() -> anyhow::Result<Findings> + 'a>,
}

impl<'a> Step<'a> {
    fn new(name: String, run: impl FnOnce() -> anyhow::Result<Findings> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Runs every check, and prints what each finds.
pub(crate) fn run(course: &Course, request: Request<'_>) -> anyhow::Result<Verdict> {
    let named = named(course, request.ids)?;
    let assembly = if request.quick { None } else { Some(Assembly::open(course, "check")?) };
    let Request { write, sources, .. } = request;
    let mut steps = Vec::new();
    for chapter in &course.chapters {
        let items: Vec<&Item> = chapter.items.iter().filter(|item| named.contains(item)).collect();
        if items.is_empty() && !request.ids.is_empty() {
            continue;
        }
        steps.push(Step::new(format!("{}: chapter", chapter.folder), || {
            check_chapter(course, chapter)
        }));
        for item in items {
            item_steps(&mut steps, course, item, assembly.as_ref(), request);
        }
    }
    if request.ids.is_empty() {
        steps.push(Step::new("docs/COVERAGE.md".to_owned(), || {
            coverage::check(course, write, sources)
        }));
        steps.push(Step::new("docs/SEMANTICS.md".to_owned(), || {
            oracle::check(course, write, sources)
        }));
    }

    let count = steps.len();
    let width = count.to_string().len();
    let mut broken = 0;
    for (index, step) in steps.into_iter().enumerate() {
        let findings =
            (step.run)().unwrap_or_else(|error| Findings::of(vec![format!("{error:#}")]));
        broken += usize::from(!findings.problems.is_empty());
        print(&format!("[{:>width$}/{count}]", index + 1), &step.name, &findings);
    }
    anstream::println!();
    if broken == 0 {
        anstream::println!("{} all {count} checks pass", style::FULL);
        Ok(Verdict::Full)
    } else {
        anstream::println!("{} {broken} of {count} checks fail", style::NONE);
        Ok(Verdict::CourseBroken)
    }
}

/// The items that any of the ids names; all, if there is none. A course may still be without items.
fn named<'a>(course: &'a Course, ids: &[String]) -> anyhow::Result<Vec<&'a Item>> {
    if ids.is_empty() {
        return Ok(course.items().collect());
    }
    let each: Vec<Vec<&Item>> =
        ids.iter().map(|id| course.select(Some(id))).collect::<Result<_, _>>()?;
    Ok(each.concat())
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Ground` is for one lifetime, and `prove` wants it for all"
)]
fn item_steps<'a>(
    steps: &mut Vec<Step<'a>>,
    course: &'a Course,
    item: &'a Item,
    assembly: Option<&'a Assembly>,
    request: Request<'_>,
) {
    let mut add = |what: &str, run: Box<dyn FnOnce() -> anyhow::Result<Findings> + 'a>| {
        steps.push(Step { name: format!("{item}: {what}"), run });
    };
    add("parts", Box::new(|| item::parts(course, item)));
    add("exercises and tests", Box::new(|| item::plan(course, item)));
    add("hints", Box::new(|| item::hints(course, item)));
    add("quiz", Box::new(|| item::quiz(course, item)));
    add("list of mutants", Box::new(|| item::mutants(course, item)));
    if let Some(assembly) = assembly {
        let Request { rules, all, write, .. } = request;
        let ground = Rc::new(proof::Ground::new(course, assembly, item, rules, all));
        let mut prove = |what, proof: fn(&proof::Ground<'_>, bool) -> anyhow::Result<Findings>| {
            let ground = Rc::clone(&ground);
            add(
                what,
                Box::new(move || match &*ground {
                    Ok(ground) => proof(ground, write),
                    Err(error) => Ok(Findings::of(vec![format!("{error:#}")])),
                }),
            );
        };
        prove("the reference answer has full marks", |ground, _| ground.reference());
        if item::has_pictures(course, item) {
            prove("pictures in the README", |ground, write| ground.pictures(write));
        }
        if item::has_proofs(course, item) {
            prove("the quiz says what its proofs show", |ground, _| ground.quiz());
        }
        prove("the stub compiles and scores 0", |ground, _| ground.stub());
        prove("every mutant is caught", |ground, _| ground.mutants());
    }
}

fn print(counter: &str, name: &str, findings: &Findings) {
    let mark = if findings.problems.is_empty() { style::FULL } else { style::NONE };
    let note = match findings.note.as_str() {
        "" => String::new(),
        note => paint(style::FAINT, &format!("  {note}")),
    };
    anstream::println!("{counter} {mark} {name}{note}");
    for detail in &findings.details {
        anstream::println!("      {}", paint(style::FAINT, detail));
    }
    for problem in &findings.problems {
        for line in problem.lines() {
            anstream::println!("      {line}");
        }
    }
}

/// The chapter's one test binary must hold the tests of every item.
fn check_chapter(course: &Course, chapter: &Chapter) -> anyhow::Result<Findings> {
    let mut problems = Vec::new();
    let tests_file = format!("{}/tests/chapter.rs", chapter.folder);
    let tests = files::read(&course.root.join(&tests_file)).unwrap_or_default();
    let manifest_file = format!("{}/Cargo.toml", chapter.folder);
    let manifest = files::read(&course.root.join(&manifest_file))?;
    let dependencies = match manifest::path_dependencies(&manifest_file, &manifest) {
        Ok(dependencies) => dependencies,
        Err(problem) => return Ok(Findings::of(vec![problem])),
    };
    for item in &chapter.items {
        let folder = &item.folder;
        let path = format!("#[path = \"../{folder}/{}\"]", files::slashed(&item.test_file()));
        if !(tests.contains(&path) && tests.contains(&format!("mod {folder};"))) {
            problems.push(format!("{tests_file}: expected `{path}` above `mod {folder};`"));
        }
        if !dependencies.contains(&(item.package(), folder.clone())) {
            problems.push(format!(
                "{manifest_file}: expected `{} = {{ path = \"{folder}\" }}`",
                item.package()
            ));
        }
    }
    problems.extend(wrong_pictures(course, chapter)?);
    let note = style::counted(chapter.items.len(), "item");
    Ok(Findings { note, problems, ..Findings::default() })
}

/// What is wrong with the markers of pictures in the chapter's README, where a test is called by the
/// item's folder and its name.
fn wrong_pictures(course: &Course, chapter: &Chapter) -> anyhow::Result<Vec<String>> {
    let file = format!("{}/README.md", chapter.folder);
    let path = course.root.join(&file);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut tests = Vec::new();
    for item in &chapter.items {
        // An item whose plan is broken says so itself.
        if let Ok(plan) = Plan::read(course, item) {
            tests.extend(plan.tests.iter().map(|test| format!("{}/{}", item.folder, test.name)));
        }
    }
    let (_, wrong) = readme::places(&files::read(&path)?, &tests);
    Ok(wrong.into_iter().map(|what| format!("{file}:{what}")).collect())
}
