//! Typical wrong answers: patches that the tests of one exercise must catch.
//!
//! ```text
//! # what: The parent never sets its trap flag, so it dies with the child.
//! # caught by: exercise 2
//! # test: a_trapping_parent_survives
//! # hang: yes
//! --- a/src/lib.rs
//! +++ b/src/lib.rs
//! @@ -10,3 +10,2 @@
//! ```
//!
//! `test` and `hang` are optional.

use std::fmt;
use std::path::{Path, PathBuf};

use diffy::Patch;

use crate::course::{Course, Item};
use crate::{fault, files};

/// Who must catch a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Catcher {
    /// The tests of this exercise.
    Exercise(u32),
    /// The tests of this item of a rubric.
    Rubric(String),
}

impl fmt::Display for Catcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exercise(number) => write!(f, "exercise {number}"),
            Self::Rubric(id) => write!(f, "rubric {id}"),
        }
    }
}

impl Catcher {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ')? {
            ("exercise", number) => number.parse().ok().map(Self::Exercise),
            ("rubric", id) if !id.trim().is_empty() => Some(Self::Rubric(id.trim().to_owned())),
            _ => None,
        }
    }
}

/// One wrong answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// File name without its ending.
    pub(crate) name: String,
    /// What is wrong, said to the learner.
    pub(crate) what: String,
    /// What must lose points.
    pub(crate) catcher: Catcher,
    /// The test that must fail, if one is named.
    pub(crate) test: Option<String>,
    /// Whether a test that never ends counts as caught.
    pub(crate) hang: bool,
    /// The text of its file, which decides what it is.
    pub(crate) text: String,
    /// The patches themselves, one per file.
    patches: Vec<(PathBuf, String)>,
}

/// The item's wrong answers, by name.
pub(crate) fn load(course: &Course, item: &Item) -> anyhow::Result<Vec<Mutant>> {
    let parse_file = |file: String| {
        let path = format!("mutants/{file}");
        let text = files::read(&course.root.join(item.dir()).join(&path))?;
        parse(file.trim_end_matches(".patch"), &text)
            .map_err(|problem| fault::course(format!("{}: {problem}", item.shown(path))))
    };
    files(course, item)?.into_iter().map(parse_file).collect()
}

/// The names of their files, below `mutants/`.
pub(crate) fn files(course: &Course, item: &Item) -> anyhow::Result<Vec<String>> {
    let files = files::below(&course.root.join(item.dir()).join("mutants"))?;
    let is_patch = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "patch");
    Ok(files.iter().filter(is_patch).map(|path| files::slashed(path)).collect())
}

/// Reads a mutant; the error says what was expected.
pub(crate) fn parse(name: &str, text: &str) -> Result<Mutant, String> {
    let header = |key: &str| {
        text.lines()
            .take_while(|line| !line.starts_with("--- "))
            .find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(':'))
            .map(str::trim)
            .filter(|value| !value.is_empty())
    };
    let expected = |what: &str| format!("expected a line `# {what}` above the patch");
    let what = header("what").ok_or_else(|| expected("what: a sentence for the learner"))?;
    let catcher = header("caught by")
        .and_then(Catcher::parse)
        .ok_or_else(|| expected("caught by: exercise N` or `# caught by: rubric ID"))?;
    let hang = match header("hang") {
        None => false,
        Some("yes") => true,
        Some(_) => return Err(expected("hang: yes")),
    };
    let patches = split(text)?;
    Ok(Mutant {
        name: name.to_owned(),
        what: what.to_owned(),
        catcher,
        test: header("test").map(str::to_owned),
        hang,
        text: text.to_owned(),
        patches,
    })
}

impl Mutant {
    /// A name for a package that holds it.
    pub(crate) fn package(&self, item: &Item) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        format!("{}-{}", item.package(), self.name.chars().map(plain).collect::<String>())
    }

    /// The reference's files with the mistake made; paths are relative to the item's folder.
    pub(crate) fn apply(&self, reference: &[files::TreeFile]) -> Result<files::Tree, String> {
        let mut mutated = reference.to_vec();
        for (path, text) in &self.patches {
            let shown = path.display();
            let patch = Patch::from_str(text).map_err(|error| format!("{shown}: {error}"))?;
            let (_, bytes) = mutated
                .iter_mut()
                .find(|(file, _)| file == path)
                .ok_or_else(|| format!("{shown}: there is no such file"))?;
            let base = std::str::from_utf8(bytes).map_err(|error| format!("{shown}: {error}"))?;
            let changed = diffy::apply(base, &patch)
                .map_err(|error| format!("{shown}: does not apply: {error}"))?;
            *bytes = changed.into_bytes();
        }
        Ok(mutated)
    }
}

/// One patch per file: each begins with its `---` and `+++` lines.
fn split(text: &str) -> Result<Vec<(PathBuf, String)>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let starts: Vec<usize> = (0..lines.len().saturating_sub(1))
        .filter(|&i| lines[i].starts_with("--- ") && lines[i + 1].starts_with("+++ "))
        .collect();
    if starts.is_empty() {
        return Err("expected a unified diff: `--- a/src/lib.rs`, `+++ b/src/lib.rs`".to_owned());
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let target = lines[start + 1].trim_start_matches("+++ ");
            let target = target.split('\t').next().unwrap_or(target).trim();
            let path = Path::new(target.strip_prefix("b/").unwrap_or(target)).to_owned();
            if !path.starts_with("src") {
                return Err(format!("{}: a mutant changes files below src/ only", path.display()));
            }
            let gits_own = |line: &&str| line.starts_with("diff --git ");
            let end = lines[start..end].iter().position(gits_own).map_or(end, |at| start + at);
            let diff = lines[start..end].join("\n");
            Ok((path, format!("{diff}\n")))
        })
        .collect()
}

/// What is wrong with the set of mutants as a whole.
pub(crate) fn problems(mutants: &[Mutant], exercises: u32, at_least: usize) -> Vec<String> {
    let mut problems = Vec::new();
    if mutants.len() < at_least {
        problems.push(format!("expected at least {at_least} mutants, found {}", mutants.len()));
    }
    for number in 1..=exercises {
        if !mutants.iter().any(|mutant| mutant.catcher == Catcher::Exercise(number)) {
            problems.push(format!("no mutant is caught by exercise {number}"));
        }
    }
    let known = |mutant: &&Mutant| match &mutant.catcher {
        Catcher::Exercise(number) => (1..=exercises).contains(number),
        Catcher::Rubric(_) => false,
    };
    for mutant in mutants.iter().filter(|mutant| !known(mutant)) {
        problems.push(format!("{}.patch: there is no {}", mutant.name, mutant.catcher));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
# what: It subtracts.
# caught by: exercise 1
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 fn f(a: i32) -> i32 {
-    a + 1
+    a - 1
 }
";

    fn reference() -> files::Tree {
        vec![("src/lib.rs".into(), b"fn f(a: i32) -> i32 {\n    a + 1\n}\n".to_vec())]
    }

    #[test]
    fn a_patch_is_applied_to_the_reference() {
        let mutant = parse("subtracts", PATCH).unwrap();
        assert_eq!((&mutant.catcher, mutant.hang, &mutant.test), (&Catcher::Exercise(1), false, &None));
        assert_eq!(mutant.what, "It subtracts.");
        let mutated = mutant.apply(&reference()).unwrap();
        assert_eq!(mutated[0].1, b"fn f(a: i32) -> i32 {\n    a - 1\n}\n");
    }

    #[test]
    fn optional_lines_are_read() {
        let text = PATCH.replace("exercise 1\n", "exercise 1\n# test: adds\n# hang: yes\n");
        let mutant = parse("x", &text).unwrap();
        assert_eq!((mutant.hang, mutant.test.as_deref()), (true, Some("adds")));
    }

    #[test]
    fn a_patch_that_cannot_be_used_says_why() {
        for (from, to, expected) in [
            ("# what: It subtracts.\n", "", "# what: "),
            ("exercise 1", "one", "caught by: exercise N"),
            ("--- a/src/lib.rs\n", "", "unified diff"),
            ("b/src/lib.rs", "b/tests/drill.rs", "below src/ only"),
        ] {
            let error = parse("x", &PATCH.replace(from, to)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let stale = parse("x", &PATCH.replace("a + 1", "a + 7")).unwrap();
        assert!(stale.apply(&reference()).unwrap_err().contains("does not apply"));
    }

    #[test]
    fn each_exercise_needs_a_mutant() {
        let mutants = [parse("x", PATCH).unwrap()];
        assert!(problems(&mutants, 1, 1).is_empty());
        assert!(problems(&mutants, 1, 3)[0].contains("at least 3"));
        assert!(problems(&mutants, 2, 1)[0].contains("exercise 2"));
    }
}
