//! `trace`: runs one scenario, and draws what happened in it.

pub(crate) mod draw;

use std::path::{Path, PathBuf};

use crate::assembly::{Assembly, Build, Built, Suite};
use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::harness::Outcome;
use crate::marks::Documented;
use crate::pictures::{DEADLINE, Format, Kind, Shot};
use crate::style::{self, paint};
use crate::{fault, files, plan, workbook};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// The item.
    pub(crate) id: String,
    /// The test, or a part of its name that no other test has.
    pub(crate) test: Option<String>,
    /// Draw the course's own answer, even if there is a workbook.
    pub(crate) reference: bool,
    /// What is drawn.
    pub(crate) scope: Scope,
    /// What the scenario draws its values from.
    pub(crate) seed: u64,
    /// Write the timeline here as SVG, and the tree beside it; or the tree here, if it is all.
    pub(crate) svg: Option<PathBuf>,
    /// Print Mermaid instead of text.
    pub(crate) mermaid: bool,
}

/// How much of a run is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The tree, and what the test compares.
    Compared,
    /// The tree, and the whole run.
    Everything,
    /// The tree, and nothing else.
    Tree,
}

impl Scope {
    /// What the command line's flags ask for; it allows one of them.
    pub(crate) fn new(everything: bool, tree: bool) -> Self {
        match (everything, tree) {
            (_, true) => Self::Tree,
            (true, false) => Self::Everything,
            (false, false) => Self::Compared,
        }
    }

    /// The pictures, from top to bottom.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Compared => &[Kind::Tree, Kind::Timeline],
            Self::Everything => &[Kind::Tree, Kind::Everything],
            Self::Tree => &[Kind::Tree],
        }
    }
}

/// Runs the scenario and draws it, or lists the scenarios that there are.
pub(crate) fn run(course: &Course, request: &Request) -> anyhow::Result<Verdict> {
    let item = course.select_one(&request.id)?;
    let tests = plan::test_docs(course, item)?;
    let test = match (&request.test, tests.as_slice()) {
        (Some(name), tests) => find(item, tests, name)?,
        (None, [only]) => only,
        (None, tests) => {
            list(item, tests);
            return Ok(Verdict::Full);
        }
    };
    let answer = Answer::find(course, item, request.reference);
    let assembly = Assembly::open(course, "trace")?;
    let built = match assembly.build(item, Suite::Course, &answer.sources(course, item)?)? {
        Build::Ready(built) => built,
        Build::Broken(said) => {
            anstream::println!("{} {item} does not compile:\n{said}", style::NONE);
            return Ok(Verdict::MarksLost);
        }
    };
    let shot = Shot::take(&built, assembly.nonce(), &test.name, request.seed)?;
    let verdict = verdict(&shot.outcome, &built);
    if !shot.has_pictures()
        && let (Verdict::MarksLost, said) = &verdict
    {
        anstream::println!("{said}");
        return Ok(Verdict::MarksLost);
    }
    let kinds = request.scope.kinds();
    if request.mermaid {
        for kind in kinds {
            anstream::println!("```mermaid\n{}```", shot.picture(*kind, Format::Mermaid)?);
        }
    } else {
        let heading = format!("{} ({}, seed {})", test.name, answer.words(), request.seed);
        anstream::println!("{}\n", paint(style::TITLE, &heading));
        print(&shot, kinds)?;
    }
    if let Some(file) = &request.svg {
        for &kind in kinds.iter().rev() {
            let file = if kind == Kind::Tree && request.scope != Scope::Tree {
                beside(file)
            } else {
                file.clone()
            };
            files::write(&file, &shot.picture(kind, Format::Svg)?)?;
            anstream::eprintln!("The {} is in {}.", kind.word(), file.display());
        }
    }
    let (verdict, said) = verdict;
    if verdict != Verdict::Full {
        anstream::eprintln!("{said}");
    }
    Ok(verdict)
}

/// Draws the pictures of a proof, made with the course's own answer.
pub(crate) fn proof(course: &Course, item: &Item, test: &str, seed: u64) -> anyhow::Result<()> {
    let assembly = Assembly::open(course, "trace")?;
    match assembly.build(item, Suite::Course, &plan::reference(course, item)?)? {
        Build::Ready(built) => {
            let shot = Shot::take(&built, assembly.nonce(), test, seed)?;
            print(&shot, Scope::Compared.kinds())
        }
        Build::Broken(said) => Err(fault::course(format!("{item} does not compile:\n{said}"))),
    }
}

fn print(shot: &Shot, kinds: &[Kind]) -> anyhow::Result<()> {
    let width = style::told_columns().unwrap_or(usize::MAX);
    for &kind in kinds {
        let title = match kind {
            Kind::Tree => "When the most processes ran",
            Kind::Timeline | Kind::Everything => "What happened",
        };
        anstream::println!("{}", paint(style::FAINT, title));
        for line in draw::fit(&shot.picture(kind, Format::Text)?, width) {
            anstream::println!("{}", draw::colour(&line));
        }
        anstream::println!();
    }
    Ok(())
}

/// `x.svg` as `x.tree.svg`.
fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.tree.svg"))
}

fn verdict(outcome: &Outcome, built: &Built) -> (Verdict, String) {
    let said = match outcome {
        Outcome::Passed => return (Verdict::Full, String::new()),
        Outcome::Failed(failure) => built.scrubber.scrub(&failure.message),
        Outcome::TimedOut => format!("no end after {DEADLINE:?}"),
    };
    (Verdict::MarksLost, format!("{} the test fails: {said}", style::NONE))
}

/// Whose answer is drawn.
enum Answer {
    Reference,
    Workbook(PathBuf),
}

impl Answer {
    fn find(course: &Course, item: &Item, reference: bool) -> Self {
        let folder = course.root.join(workbook::FOLDER).join(item.dir());
        if folder.join("src").is_dir() && !reference {
            Self::Workbook(folder)
        } else {
            Self::Reference
        }
    }

    fn sources(&self, course: &Course, item: &Item) -> anyhow::Result<files::Tree> {
        let Self::Workbook(folder) = self else { return plan::reference(course, item) };
        let sources = files::load_tree(&folder.join("src"))?;
        Ok(sources.into_iter().map(|(path, text)| (Path::new("src").join(path), text)).collect())
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Reference => "the course's own answer",
            Self::Workbook(_) => "your answer",
        }
    }
}

/// The test of this name, or the only one whose name holds this.
fn find<'a>(item: &Item, tests: &'a [Documented], name: &str) -> anyhow::Result<&'a Documented> {
    if let Some(test) = tests.iter().find(|test| test.name == name) {
        return Ok(test);
    }
    let all: Vec<&Documented> = tests.iter().filter(|test| test.name.contains(name)).collect();
    let names = |tests: &[&Documented]| {
        let lines: Vec<String> = tests.iter().map(|test| format!("\n  {}", test.name)).collect();
        lines.concat()
    };
    match all.as_slice() {
        [test] => Ok(test),
        [] => Err(fault::input(format!(
            "{item} has no test `{name}`; expected one of these:{}",
            names(&tests.iter().collect::<Vec<_>>())
        ))),
        several => Err(fault::input(format!(
            "`{name}` could be any of these tests of {item}:{}",
            names(several)
        ))),
    }
}

fn list(item: &Item, tests: &[Documented]) {
    anstream::println!("{}", paint(style::TITLE, &format!("The scenarios of {item}")));
    for test in tests {
        anstream::println!("  {}", paint(style::ACTION, &test.name));
        let sentence = test.docs.iter().map(|(_, line)| line.trim());
        let sentence: Vec<&str> = sentence.take_while(|line| !line.is_empty()).collect();
        anstream::println!("      {}", paint(style::FAINT, &sentence.join(" ")));
    }
    anstream::println!("\nDraw one of them: cargo xtask trace {item} NAME");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks;

    #[test]
    fn a_test_is_found_by_a_part_of_its_name_that_is_its_own() {
        let source =
            "#[test]\nfn a_crash() {}\n#[test]\nfn a_crash_again() {}\n#[test]\nfn b() {}\n";
        let tests = marks::documented(source);
        let courses =
            Course::open(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
        let item = courses.items().next().unwrap();
        let found = |name| find(item, &tests, name).map(|test| test.name.clone());
        assert_eq!(found("a_crash").unwrap(), "a_crash");
        assert_eq!(found("again").unwrap(), "a_crash_again");
        assert!(found("crash").unwrap_err().to_string().contains("could be any of"));
        assert!(found("c_").unwrap_err().to_string().contains("has no test `c_`"));
    }

    #[test]
    fn the_tree_lies_beside_the_timeline() {
        assert_eq!(beside(Path::new("out/x.svg")), Path::new("out/x.tree.svg"));
        assert_eq!(beside(Path::new("x")), Path::new("x.tree.svg"));
    }
}
