//! From the reference answer to the learner's stub.
//!
//! A region in the place of statements becomes a `todo!`, a region in the place of items vanishes;
//! the mark itself stays in both cases, as the sentence that says what to do.
//! Line by line and on purpose without a parser: a mark is a comment of its own line.
//!
//! ```text
//! // EXERCISE 1: an expected failure is a value, not a crash.
//! ...
//! // END
//! // EXERCISE 2 (items): a type that holds both counters.
//! ...
//! // END
//! ```

use std::fmt::{self, Write as _};

use regex_lite::Regex;

/// One marked region of the reference answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Region {
    /// Number of the exercise.
    pub(crate) exercise: u32,
    /// What the learner is asked to do.
    pub(crate) sentence: String,
    /// Line of the mark, from 1.
    pub(crate) line: usize,
    end: usize,
    items: bool,
}

/// A mark that cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MarkError {
    /// Line of the mark, from 1.
    pub(crate) line: usize,
    /// What was found, and what was expected.
    pub(crate) message: String,
}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

enum Mark {
    Start { exercise: u32, sentence: String, items: bool },
    End,
}

/// The regions of a source, in order.
pub(crate) fn regions(source: &str) -> Result<Vec<Region>, MarkError> {
    let mut regions: Vec<Region> = Vec::new();
    let mut open: Option<Region> = None;
    for (index, text) in source.lines().enumerate() {
        let line = index + 1;
        let fail = |message: String| MarkError { line, message };
        match (mark(text).map_err(fail)?, open.take()) {
            (None, still) => open = still,
            (Some(Mark::Start { exercise, sentence, items }), None) => {
                open = Some(Region { exercise, sentence, line, end: line, items });
            }
            (Some(Mark::Start { .. }), Some(outer)) => {
                return Err(fail(format!(
                    "a region starts inside exercise {} (from line {}); expected `// END` first",
                    outer.exercise, outer.line
                )));
            }
            (Some(Mark::End), Some(region)) => regions.push(Region { end: line, ..region }),
            (Some(Mark::End), None) => {
                return Err(fail(
                    "`// END` without a region; expected `// EXERCISE n: ...` above it".to_owned(),
                ));
            }
        }
    }
    match open {
        None => Ok(regions),
        Some(region) => Err(MarkError {
            line: region.line,
            message: format!("exercise {} has no end; expected `// END`", region.exercise),
        }),
    }
}

/// The stub of a source; `label` is how the course speaks of the item, for instance `drill 8.3`.
pub(crate) fn cut(source: &str, label: &str) -> Result<String, MarkError> {
    let regions = regions(source)?;
    let lines: Vec<&str> = source.lines().collect();
    let mut stub = String::with_capacity(source.len());
    let mut next = 0;
    for region in &regions {
        for line in &lines[next..region.line] {
            stub.push_str(line);
            stub.push('\n');
        }
        if !region.items {
            let mark = lines[region.line - 1];
            let indent = &mark[..mark.len() - mark.trim_start().len()];
            let stop = if closes_a_block(&lines[region.end..]) { "" } else { ";" };
            let number = region.exercise;
            let _ = writeln!(stub, "{indent}todo!(\"{label}, exercise {number}\"){stop}");
        }
        next = region.end;
    }
    for line in &lines[next..] {
        stub.push_str(line);
        stub.push('\n');
    }
    Ok(stub)
}

/// The reference answer without the marks that end a region, which no stub has.
pub(crate) fn without_ends(source: &str) -> String {
    let is_end = |line: &&str| matches!(mark(line), Ok(Some(Mark::End)));
    source.split_inclusive('\n').filter(|line| !is_end(line)).collect()
}

/// Whether the code goes on with a closing brace, so that the `todo!` is the block's value.
fn closes_a_block(rest: &[&str]) -> bool {
    rest.iter()
        .map(|line| line.trim())
        .find(|line| !line.is_empty())
        .is_some_and(|line| line.starts_with('}'))
}

fn mark(text: &str) -> Result<Option<Mark>, String> {
    let Some(comment) = text.trim_start().strip_prefix("//").map(str::trim) else {
        return Ok(None);
    };
    if comment == "END" {
        return Ok(Some(Mark::End));
    }
    if comment.split(|c: char| !c.is_ascii_alphabetic()).next() != Some("EXERCISE") {
        return Ok(None);
    }
    let expected = || {
        format!(
            "`// {comment}` is no mark; expected `// EXERCISE n: sentence` or \
             `// EXERCISE n (items): sentence`"
        )
    };
    let pattern =
        Regex::new(r"^EXERCISE ([1-9]\d*)( \(items\))?: (\S.*)$").map_err(|_| expected())?;
    let parts = pattern.captures(comment).ok_or_else(expected)?;
    let exercise = parts[1].parse().map_err(|_| expected())?;
    Ok(Some(Mark::Start { exercise, sentence: parts[3].to_owned(), items: parts.get(2).is_some() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_a_todo_and_items_vanish() {
        let source = "\
fn f() -> i32 {
    // EXERCISE 1: add them.
    let a = 1;
    a + 2
    // END
}

fn g() {
    // EXERCISE 2: greet.
    hello();
    // END
    bye();
}

// EXERCISE 3 (items): a type of your own.
struct Mine;
// END

struct Theirs;
";
        let stub = "\
fn f() -> i32 {
    // EXERCISE 1: add them.
    todo!(\"drill 8.3, exercise 1\")
}

fn g() {
    // EXERCISE 2: greet.
    todo!(\"drill 8.3, exercise 2\");
    bye();
}

// EXERCISE 3 (items): a type of your own.

struct Theirs;
";
        assert_eq!(cut(source, "drill 8.3").unwrap(), stub);
    }

    #[test]
    fn regions_know_their_exercise_and_sentence() {
        let regions =
            regions("// EXERCISE 2: b.\n// END\n  // EXERCISE 1: a.\n  // END\n").unwrap();
        let seen: Vec<_> =
            regions.iter().map(|r| (r.exercise, r.sentence.as_str(), r.line)).collect();
        assert_eq!(seen, [(2, "b.", 1), (1, "a.", 3)]);
    }

    #[test]
    fn a_source_without_marks_stays_as_it_is() {
        assert_eq!(cut("fn f() {}\n// The END.\n", "x").unwrap(), "fn f() {}\n// The END.\n");
    }

    #[test]
    fn marks_that_do_not_fit_are_refused_with_their_line() {
        for (source, line, expected) in [
            ("\n// END\n", 2, "without a region"),
            ("// EXERCISE 1: a.\n", 1, "has no end"),
            ("// EXERCISE 1: a.\n// EXERCISE 2: b.\n// END\n", 2, "inside exercise 1"),
            ("// EXERCISE: a.\n// END\n", 1, "expected `// EXERCISE n: sentence`"),
            ("// EXERCISE 0: a.\n// END\n", 1, "is no mark"),
            ("// EXERCISE 1 a\n// END\n", 1, "is no mark"),
            ("// EXERCISE 1:\n// END\n", 1, "is no mark"),
            ("// EXERCISE 1 (item): a.\n// END\n", 1, "(items)"),
        ] {
            let error = regions(source).unwrap_err();
            assert_eq!(error.line, line, "{source}");
            assert!(error.message.contains(expected), "{source}: {}", error.message);
        }
    }
}
