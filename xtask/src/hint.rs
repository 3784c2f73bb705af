//! `hint`: one more hint for an exercise, and a count of those that were taken.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::hints::{self, LEVELS};
use crate::notebook::Notebook;
use crate::plan::{self, Exercise};
use crate::style::{self, paint};
use crate::{fault, files, workbook};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Which item.
    pub(crate) id: String,
    /// Which exercise; else the first that is still open.
    pub(crate) exercise: Option<u32>,
    /// Show those that were taken before, and count nothing.
    pub(crate) again: bool,
}

/// Shows the next hint, or the ones before it.
pub(crate) fn run(course: &Course, request: &Request) -> anyhow::Result<Verdict> {
    let item = course.select_one(&request.id)?;
    let root = course.root.join(workbook::FOLDER);
    let exercises = plan::exercises(course, item)?;
    let levels = read(course, item)?;
    let entry = Notebook::load(&root)?.item(&item.id());
    let width = style::columns();
    if request.again {
        let asked = match request.exercise {
            Some(number) => vec![find(&exercises, number, item)?],
            None => exercises.iter().collect(),
        };
        let hints_of = |number| levels.get(&number).map(Vec::as_slice).unwrap_or_default();
        let taken = asked.into_iter().map(|exercise| {
            let taken = entry.hints_for(exercise.number) as usize;
            (exercise, hints_of(exercise.number).iter().take(taken))
        });
        let hints = taken.flat_map(|(exercise, hints)| {
            hints.zip(1..).map(move |(hint, level)| shown(item, exercise, level, hint, width))
        });
        anstream::print!("{}", earlier(&hints.collect::<Vec<_>>(), request));
        return Ok(Verdict::Full);
    }
    let number = match request.exercise {
        Some(number) => number,
        None => {
            let todo = workbook::first_open(&root, item)?;
            let todo = todo.and_then(|(_, _, _, number)| number.parse().ok());
            first_open(entry.last.map(|_| entry.open.as_slice()), todo)
        }
    };
    let exercise = find(&exercises, number, item)?;
    let of_exercise = levels.get(&number).map(Vec::as_slice).unwrap_or_default();
    let taken = entry.hints_for(number) as usize;
    let level = (taken + 1).min(LEVELS);
    let Some(hint) = of_exercise.get(level - 1) else {
        let file = item.shown("hints.md");
        return Err(fault::course(format!("{file}: exercise {number} has no hint {level}")));
    };
    // Counted first: a hint that was seen and not counted would be the worse mistake.
    let counted = u32::try_from(level)?;
    Notebook::change(&root, |notebook| notebook.hinted(&item.id(), number, counted))?;
    anstream::print!("{}", shown(item, exercise, level, hint, width));
    anstream::print!("\n{}", what_next(item, number, level, taken));
    Ok(Verdict::Full)
}

fn read(course: &Course, item: &Item) -> anyhow::Result<BTreeMap<u32, Vec<String>>> {
    Ok(hints::parse(&files::read(&course.root.join(item.dir()).join("hints.md"))?))
}

/// The exercise that lacks points since the last grade; before there was one, the first `todo!`.
fn first_open(since_last_grade: Option<&[u32]>, first_todo: Option<u32>) -> u32 {
    let graded = since_last_grade.and_then(|open| open.first().copied());
    graded.or(first_todo).unwrap_or(1)
}

fn find<'a>(exercises: &'a [Exercise], number: u32, item: &Item) -> anyhow::Result<&'a Exercise> {
    exercises.iter().find(|exercise| exercise.number == number).ok_or_else(|| {
        fault::input(format!(
            "{item} has no exercise {number}; expected a number from 1 to {}",
            exercises.len()
        ))
    })
}

/// One hint with its headline.
fn shown(item: &Item, exercise: &Exercise, level: usize, hint: &str, width: usize) -> String {
    let headline =
        format!("{}, exercise {}: hint {level} of {LEVELS}", item.label(), exercise.number);
    let mut text = format!("{}\n", paint(style::TITLE, &headline));
    for line in style::wrap(&exercise.sentence, width) {
        let _ = writeln!(text, "{}", paint(style::FAINT, &line));
    }
    text.push('\n');
    text.push_str(&set(hint, width));
    text
}

/// The hints that were taken before, or how to take the first one.
fn earlier(hints: &[String], request: &Request) -> String {
    if !hints.is_empty() {
        return hints.join("\n");
    }
    let exercise = request.exercise.map(|number| format!(" {number}")).unwrap_or_default();
    let typed = format!("cargo xtask hint {}{exercise}", request.id);
    format!("You have taken no hint there yet.\nThe first one: {}\n", paint(style::ACTION, &typed))
}

fn what_next(item: &Item, number: u32, level: usize, taken: usize) -> String {
    let (what, typed) = if level < LEVELS {
        ("Still stuck?", format!("cargo xtask hint {item} {number}"))
    } else if taken < LEVELS {
        (
            "That was the last hint. The reference answer:",
            format!("cargo xtask solution {item} --spoil"),
        )
    } else {
        (
            "You had this one before. All of them:",
            format!("cargo xtask hint {item} {number} --print"),
        )
    };
    format!("{what} {}\n", paint(style::ACTION, &typed))
}

/// Prose in lines that fit; code as it stands.
fn set(markdown: &str, width: usize) -> String {
    const INDENT: &str = "    ";
    let mut text = String::new();
    let mut in_code = false;
    for line in markdown.trim().lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            let _ = writeln!(text, "{}", format!("{INDENT}{line}").trim_end());
        } else if line.trim().is_empty() {
            text.push('\n');
        } else {
            for line in style::wrap(line, width) {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_for_what_lacks_points_else_for_the_first_todo() {
        assert_eq!(first_open(None, None), 1);
        assert_eq!(first_open(None, Some(2)), 2);
        assert_eq!(first_open(Some(&[3, 4]), Some(4)), 3);
        assert_eq!(first_open(Some(&[]), None), 1);
    }

    #[test]
    fn prose_is_wrapped_and_code_is_not() {
        let markdown =
            "\nOne two three.\n\n```rust\nlet a_long_name = 1;\n\n    two();\n```\n\nEnd.\n";
        let expected = "One two\nthree.\n\n    let a_long_name = 1;\n\n        two();\n\nEnd.\n";
        assert_eq!(set(markdown, 8), expected);
    }
}
