//! What an item asks for, and which tests decide: read from the course, never from the learner.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::course::{Course, Item};
use crate::marks::{self, Documented};
use crate::mutants::Catcher;
use crate::{fault, files, stub};

/// The learner's own tests, relative to the item's folder; the course never overwrites them.
pub(crate) const MINE: &str = "tests/mine.rs";

/// One item, ready to be graded.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Exercise 1 first.
    pub(crate) exercises: Vec<Exercise>,
    /// Every test, in the order of the file.
    pub(crate) tests: Vec<Test>,
}

/// One exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exercise {
    /// From 1.
    pub(crate) number: u32,
    /// What its first mark asks for.
    pub(crate) sentence: String,
    /// The file that holds this mark, relative to the item's folder.
    pub(crate) file: PathBuf,
}

/// One test and the exercise that it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    /// As the harness calls it.
    pub(crate) name: String,
    /// Number of the exercise.
    pub(crate) exercise: u32,
}

impl Plan {
    /// Reads reference and tests of an item.
    pub(crate) fn read(course: &Course, item: &Item) -> anyhow::Result<Self> {
        let exercises = exercises(course, item)?;
        let documented = test_docs(course, item)?;
        let (tests, problems) = tests(&documented, &exercises);
        match problems.first() {
            None => Ok(Self { exercises, tests }),
            Some(problem) => {
                Err(fault::course(format!("{}:{problem}", item.shown(item.test_file()))))
            }
        }
    }

    /// The tests that must catch a mutant.
    pub(crate) fn tests_against(&self, catcher: &Catcher) -> impl Iterator<Item = &Test> {
        self.tests.iter().filter(move |test| Catcher::Exercise(test.exercise) == *catcher)
    }
}

/// The sources of the reference answer, relative to the item's folder.
pub(crate) fn reference(course: &Course, item: &Item) -> anyhow::Result<files::Tree> {
    let src = files::load_tree(&course.root.join(item.dir()).join("src"))?;
    if src.is_empty() {
        return Err(fault::course(format!("{} is missing", item.shown("src/lib.rs"))));
    }
    Ok(src.into_iter().map(|(path, bytes)| (PathBuf::from("src").join(path), bytes)).collect())
}

/// The sources with every region cut out, relative to the item's folder.
pub(crate) fn stub(course: &Course, item: &Item) -> anyhow::Result<files::Tree> {
    let mut sources = reference(course, item)?;
    for (path, bytes) in &mut sources {
        if path.extension().is_some_and(|ending| ending == "rs") {
            let text = source_text(item, path, bytes)?;
            *bytes = stub::cut(text, &item.label())
                .map_err(|error| fault::course(format!("{}:{error}", item.shown(&*path))))?
                .into_bytes();
        }
    }
    Ok(sources)
}

/// The exercises of the reference answer; numbers run from 1 without a gap.
pub(crate) fn exercises(course: &Course, item: &Item) -> anyhow::Result<Vec<Exercise>> {
    let mut found: BTreeMap<u32, Exercise> = BTreeMap::new();
    for (path, bytes) in reference(course, item)? {
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let regions = stub::regions(source_text(item, &path, &bytes)?)
            .map_err(|error| fault::course(format!("{}:{error}", item.shown(&path))))?;
        for region in regions {
            found.entry(region.exercise).or_insert_with(|| Exercise {
                number: region.exercise,
                sentence: region.sentence,
                file: path.clone(),
            });
        }
    }
    let src = item.shown("src");
    if found.is_empty() {
        return Err(fault::course(format!("{src}: expected a mark `// EXERCISE 1: ...`")));
    }
    let gap = (1..).zip(found.keys()).find(|(expected, number)| expected != *number);
    if let Some((expected, number)) = gap {
        return Err(fault::course(format!(
            "{src}: expected exercise {expected}, found exercise {number}; \
             numbers run from 1 without a gap"
        )));
    }
    Ok(found.into_values().collect())
}

/// The doc comments of the item's test file.
pub(crate) fn test_docs(course: &Course, item: &Item) -> anyhow::Result<Vec<Documented>> {
    let path = course.root.join(item.dir()).join(item.test_file());
    if !path.is_file() {
        return Err(fault::course(format!("{} is missing", item.shown(item.test_file()))));
    }
    Ok(marks::documented(&files::read(&path)?).into_iter().filter(|docs| docs.test).collect())
}

/// Tests with their exercise, and what is wrong, as `line: message`.
pub(crate) fn tests(documented: &[Documented], exercises: &[Exercise]) -> (Vec<Test>, Vec<String>) {
    let mut tests = Vec::new();
    let mut problems = Vec::new();
    for test in documented {
        let at = format!("{}: test `{}`", test.line, test.name);
        if test.ignored {
            problems.push(format!("{at} is ignored"));
        }
        match test.exercise() {
            Some(number) if exercises.iter().any(|exercise| exercise.number == number) => {
                tests.push(Test { name: test.name.clone(), exercise: number });
            }
            Some(number) => problems.push(format!("{at} names exercise {number}, which is none")),
            None => problems.push(format!(
                "{at} names no exercise; expected a line `Exercise: n` in its doc comment"
            )),
        }
    }
    for exercise in exercises {
        let number = exercise.number;
        if problems.is_empty() && !tests.iter().any(|test| test.exercise == number) {
            problems.push(format!("1: no test decides exercise {number}"));
        }
    }
    (tests, problems)
}

fn source_text<'a>(
    item: &Item,
    path: &std::path::Path,
    bytes: &'a [u8],
) -> anyhow::Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|error| fault::course(format!("{}: {error}", item.shown(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented(source: &str) -> Vec<Documented> {
        marks::documented(source).into_iter().filter(|docs| docs.test).collect()
    }

    fn exercise(number: u32) -> Exercise {
        Exercise { number, sentence: String::new(), file: "src/lib.rs".into() }
    }

    #[test]
    fn every_test_decides_an_exercise() {
        let source = ["/// A.", "/// Exercise: 2", "#[test]", "fn a() {}"].join("\n");
        let (found, problems) = tests(&documented(&source), &[exercise(1), exercise(2)]);
        assert_eq!(found, [Test { name: "a".to_owned(), exercise: 2 }]);
        assert_eq!(problems, ["1: no test decides exercise 1"]);
    }

    #[test]
    fn a_test_that_cannot_count_is_told_with_its_line() {
        for (docs, expected) in [
            ("/// A.", "names no exercise"),
            ("/// Exercise: 3", "names exercise 3, which is none"),
            ("/// Exercise: 1\n#[ignore]", "is ignored"),
        ] {
            let source = format!("{docs}\n#[test]\nfn a() {{}}");
            let (_, problems) = tests(&documented(&source), &[exercise(1)]);
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}
