//! `docs/COVERAGE.md`: every item that the course's documents ask for, and where it is answered.
//!
//! Ids and texts live in the document itself; the last column is derived from marks in the tree:
//! `Covers:` lines in the doc comments of tests, `covers = [...]` in a quiz, and
//! `<!-- covers: ID, ID -->` in a README or a document.

mod answers;
mod origin;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use answers::Mark;

use crate::check::Findings;
use crate::course::Course;
use crate::{fault, files};

const FILE: &str = "docs/COVERAGE.md";
/// The list that the document was made from, in the folder of the course's sources.
const ORIGIN: &str = "coverage/items.json";
const OPEN: &str = "open";
/// What follows this in the last column is written by hand, and kept.
const NOTE: &str = "Note: ";
const LINE_BREAK: &str = "<br>";

/// One row of the document.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// Index of its line.
    line: usize,
    group: String,
    id: String,
    kind: String,
    text: String,
    place: String,
}

/// Compares the document with the tree, or brings it up to date.
pub(crate) fn check(
    course: &Course,
    write: bool,
    sources: Option<&Path>,
) -> anyhow::Result<Findings> {
    let path = course.root.join(FILE);
    if !path.is_file() {
        return Err(fault::course(format!("{FILE} is missing")));
    }
    let text = files::read(&path)?;
    let rows = parse(&text);
    let (marks, mut problems) = answers::collect(course)?;
    problems.extend(doubles(&rows));
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    for mark in marks.iter().filter(|mark| !known.contains(mark.id.as_str())) {
        problems.push(format!("{}:{}: `{}` is not in {FILE}", mark.file, mark.line, mark.id));
    }
    let current = render(&text, &rows, &marks);
    if write {
        files::write(&path, &current)?;
    } else if current != text {
        problems.push(format!(
            "{FILE} is not current; `cargo xtask check --write` brings it up to date"
        ));
    }
    if let Some(sources) = sources {
        problems.extend(origin::compare(&rows, &files::read(&sources.join(ORIGIN))?));
    }
    let answered: BTreeSet<&str> = marks.iter().map(|mark| mark.id.as_str()).collect();
    let count = rows.iter().filter(|row| answered.contains(row.id.as_str())).count();
    Ok(Findings {
        note: format!("{count} of {} answered", rows.len()),
        details: group_counts(&rows, &answered),
        problems,
    })
}

/// The rows of all tables below `## group` headings.
fn parse(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut group = String::new();
    for (line, content) in text.lines().enumerate() {
        if let Some(heading) = content.strip_prefix("## ") {
            heading.rsplit_once(" (").map_or(heading, |(name, _)| name).clone_into(&mut group);
        }
        let cells = cells(content);
        if let [id, kind, text, place] = cells.as_slice()
            && id != "Id"
            && !id.starts_with("--")
            && !group.is_empty()
        {
            rows.push(Row {
                line,
                group: group.clone(),
                id: id.clone(),
                kind: kind.clone(),
                text: text.clone(),
                place: place.clone(),
            });
        }
    }
    rows
}

/// The cells of a line of a table; `\|` is no border.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().replace("\\|", "\u{0}");
    let Some(inner) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
        return Vec::new();
    };
    inner.split('|').map(|cell| cell.trim().replace('\u{0}', "\\|")).collect()
}

/// The document with its last column derived from the marks.
fn render(text: &str, rows: &[Row], marks: &[Mark]) -> String {
    let mut by_id: BTreeMap<&str, Vec<&Mark>> = BTreeMap::new();
    for mark in marks {
        by_id.entry(&mark.id).or_default().push(mark);
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for row in rows {
        let mut place = match by_id.get(row.id.as_str()) {
            None => OPEN.to_owned(),
            Some(marks) => {
                let mut answers: Vec<String> = marks.iter().map(|mark| mark.link()).collect();
                answers.dedup();
                answers.join(LINE_BREAK)
            }
        };
        if let Some((_, note)) = row.place.split_once(NOTE) {
            place = format!("{place}{LINE_BREAK}{NOTE}{note}");
        }
        lines[row.line] = format!("| {} | {} | {} | {place} |", row.id, row.kind, row.text);
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn doubles(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    rows.iter()
        .filter(|row| !seen.insert(&row.id))
        .map(|row| format!("{FILE}:{}: `{}` stands there twice", row.line + 1, row.id))
        .collect()
}

/// `group: answered of all`, for groups with an answer; the others are counted.
fn group_counts(rows: &[Row], answered: &BTreeSet<&str>) -> Vec<String> {
    let mut groups: Vec<(&str, usize, usize)> = Vec::new();
    for row in rows {
        let hit = usize::from(answered.contains(row.id.as_str()));
        match groups.last_mut() {
            Some((name, done, all)) if *name == row.group => {
                *done += hit;
                *all += 1;
            }
            _ => groups.push((&row.group, hit, 1)),
        }
    }
    let mut lines: Vec<String> = groups
        .iter()
        .filter(|(_, done, _)| *done > 0)
        .map(|(name, done, all)| format!("{done:>3} of {all:>3}  {name}"))
        .collect();
    let (open, sum) = groups
        .iter()
        .filter(|(_, done, _)| *done == 0)
        .fold((0, 0), |(count, sum), (_, _, all)| (count + 1, sum + all));
    if open > 0 {
        lines.push(format!("  0 of {sum:>3}  in {open} groups that nothing answers yet"));
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const DOCUMENT: &str = "\
# Coverage

| Id | Kind | Text | Where |
|---|---|---|---|
| NO-1 | before | any group | open |

## a/drill_01 (2)

| Id | Kind | What must exist or hold | Where |
|---|---|---|---|
| A-1 | drill | One \\| two. | open |
| A-2 | rubric, 5 points | Two. | old<br>Note: differs. |
";

    fn mark(id: &str, label: &str) -> Mark {
        Mark {
            file: "a/tests/drill.rs".to_owned(),
            line: 1,
            label: label.to_owned(),
            id: id.to_owned(),
        }
    }

    #[test]
    fn rows_are_read_with_their_group() {
        let rows = parse(DOCUMENT);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].id.as_str(), rows[0].group.as_str()), ("A-1", "a/drill_01"));
        assert_eq!(rows[0].text, "One \\| two.");
    }

    #[test]
    fn the_last_column_is_derived_and_notes_stay() {
        let rows = parse(DOCUMENT);
        let same = render(DOCUMENT, &rows, &[]);
        assert!(same.contains("| A-1 | drill | One \\| two. | open |"));
        assert!(same.contains("| A-2 | rubric, 5 points | Two. | open<br>Note: differs. |"));
        let marks = [mark("A-1", "`x`"), mark("A-1", "`x`"), mark("A-1", "`y`")];
        let text = render(DOCUMENT, &rows, &marks);
        assert!(
            text.contains("[`x`](../a/tests/drill.rs)<br>[`y`](../a/tests/drill.rs) |"),
            "{text}"
        );
        assert_eq!(render(&text, &parse(&text), &marks), text);
    }

    #[test]
    fn groups_are_counted() {
        let lines = group_counts(&parse(DOCUMENT), &BTreeSet::from(["A-2"]));
        assert_eq!(lines, ["  1 of   2  a/drill_01"]);
    }
}
