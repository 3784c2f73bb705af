//! How many of the scenarios that were observed on the real BEAM are answered, and how.
//!
//! `xtask/oracle.toml` holds the ids; the answers are `Oracle...:` marks in doc comments and in
//! `docs/SEMANTICS.md`, where a table between two marks of its own is kept current.

mod areas;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use areas::{Area, parse};

use crate::check::Findings;
use crate::course::Course;
use crate::marks::{self, Answer, OracleMark};
use crate::sources::{self, Source};
use crate::{fault, files};

const AREAS: &str = "xtask/oracle.toml";
const SEMANTICS: &str = "docs/SEMANTICS.md";
/// The list that the areas were made from, in the folder of the course's sources.
const ORIGIN: &str = "oracle/scenarios.json";
/// More scenarios than this may not be declared to have no meaning in Rust.
const NOT_IN_RUST_LIMIT: usize = 25;

/// Counts the marks, and compares the table with them or brings it up to date.
pub(crate) fn check(
    course: &Course,
    write: bool,
    sources: Option<&Path>,
) -> anyhow::Result<Findings> {
    let file = course.root.join(AREAS);
    if !file.is_file() {
        return Err(fault::course(format!("{AREAS} is missing")));
    }
    let areas = parse(AREAS, &files::read(&file)?).map_err(fault::course)?;
    let mut problems = Vec::new();
    if let Some(sources) = sources {
        let origin = files::read(&sources.join(ORIGIN))?;
        problems.extend(areas::compare(&areas, &origin, AREAS, ORIGIN));
    }
    let mut marks = code_marks(course, &mut problems)?;
    let semantics = course.root.join(SEMANTICS);
    let document = if semantics.is_file() { Some(files::read(&semantics)?) } else { None };
    match &document {
        Some(text) => marks.extend(document_marks(text, &mut problems)),
        None => problems.push(format!(
            "{SEMANTICS} is missing; expected a document with the lines `{}` and `{}`",
            table::BEGIN,
            table::END
        )),
    }
    let answers = answers(&areas, &marks, &mut problems);
    if let Some(text) = document {
        match table::replace(&text, &table::render(&areas, &answers)) {
            None => problems.push(format!(
                "{SEMANTICS}: expected the lines `{}` and `{}`, in this order",
                table::BEGIN,
                table::END
            )),
            Some(current) if write => files::write(&semantics, &current)?,
            Some(current) if current == text => {}
            Some(_) => problems.push(format!(
                "{SEMANTICS}: its table is not current; \
                 `cargo xtask check --write` brings it up to date"
            )),
        }
    }
    let all: usize = areas.iter().map(|area| area.ids().count()).sum();
    Ok(Findings {
        note: format!("{} of {all} scenarios answered", answers.len()),
        details: areas.iter().filter_map(|area| detail(area, &answers)).collect(),
        problems,
    })
}

type Answers = BTreeMap<String, Answer>;

/// A mark and the file that holds it.
#[derive(Debug)]
struct Placed {
    file: String,
    mark: OracleMark,
}

fn code_marks(course: &Course, problems: &mut Vec<String>) -> anyhow::Result<Vec<Placed>> {
    let mut found = Vec::new();
    for Source { file, text } in sources::rust(&course.root)? {
        if file.starts_with("xtask/") {
            continue;
        }
        for documented in marks::documented(&text) {
            for mark in documented.oracle() {
                let needs_run = matches!(mark.answer, Answer::Shown | Answer::Defect);
                if needs_run && !sources::runs(&file, &documented) {
                    problems.push(format!("{file}:{}: this mark belongs to a test", mark.line));
                } else {
                    found.push(Placed { file: file.clone(), mark });
                }
            }
        }
    }
    Ok(found)
}

fn document_marks(text: &str, problems: &mut Vec<String>) -> Vec<Placed> {
    let mut found = Vec::new();
    let generated = table::lines(text);
    for (line, content) in sources::outside_code(text) {
        if generated.contains(&line) {
            continue;
        }
        // At the beginning of a line, of a list entry or of a cell.
        for part in content.split('|') {
            let start = part.trim_start_matches([' ', '-', '*']);
            let Some(mark) = marks::oracle_mark(line, start) else { continue };
            if matches!(mark.answer, Answer::Shown | Answer::Defect) {
                problems.push(format!("{SEMANTICS}:{line}: this mark belongs to a test"));
                continue;
            }
            let after = content.split_once(start.trim_end()).map_or("", |(_, after)| after);
            let reason = format!("{} {}", mark.reason, after.trim_matches([' ', '|']));
            let mark = OracleMark { reason: reason.trim().to_owned(), ..mark };
            found.push(Placed { file: SEMANTICS.to_owned(), mark });
        }
    }
    found
}

/// One answer per scenario: a test counts more than a word.
fn answers(areas: &[Area], marks: &[Placed], problems: &mut Vec<String>) -> Answers {
    let mut answers = Answers::new();
    for Placed { file, mark } in marks {
        let at = format!("{file}:{}", mark.line);
        if mark.ids.is_empty() {
            problems.push(format!("{at}: expected ids such as `SUP-07` behind the colon"));
        }
        if mark.answer == Answer::NotInRust && mark.reason.is_empty() {
            problems.push(format!("{at}: `not in Rust` needs a reason behind its ids"));
        }
        for id in &mark.ids {
            if !areas.iter().any(|area| area.ids().any(|known| known == *id)) {
                problems.push(format!("{at}: `{id}` is no scenario of {AREAS}"));
                continue;
            }
            let known = answers.entry(id.clone()).or_insert(mark.answer);
            if (*known == Answer::NotInRust) != (mark.answer == Answer::NotInRust) {
                problems.push(format!("{at}: `{id}` is `not in Rust`, and answered elsewhere"));
            }
            *known = mark.answer.min(*known);
        }
    }
    let foreign = answers.values().filter(|answer| **answer == Answer::NotInRust).count();
    if foreign > NOT_IN_RUST_LIMIT {
        problems.push(format!(
            "{foreign} scenarios are `not in Rust`; expected at most {NOT_IN_RUST_LIMIT}"
        ));
    }
    answers
}

fn detail(area: &Area, answers: &Answers) -> Option<String> {
    let all = area.ids().count();
    let done = area.ids().filter(|id| answers.contains_key(id)).count();
    (done > 0).then(|| format!("{done:>3} of {all:>3}  {}", area.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn areas() -> Vec<Area> {
        let text =
            "[[area]]\nname = \"links\"\n[area.scenarios]\nLNK = { count = 4, core = \"1-2\" }\n";
        parse("oracle.toml", text).unwrap()
    }

    fn placed(text: &str) -> Placed {
        Placed { file: "a.rs".to_owned(), mark: marks::oracle_mark(3, text).unwrap() }
    }

    #[test]
    fn the_best_answer_counts() {
        let mut problems = Vec::new();
        let marks =
            ["Oracle (by type): LNK-01", "Oracle: LNK-01, LNK-03", "Oracle (defect): LNK-03"];
        let answers = answers(&areas(), &marks.map(placed), &mut problems);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(answers["LNK-01"], Answer::Shown);
        assert_eq!(answers["LNK-03"], Answer::Shown);
        assert_eq!(answers.len(), 2);
    }

    #[test]
    fn marks_that_cannot_be_true_are_told() {
        for (texts, expected) in [
            (vec!["Oracle: LNK-05"], "no scenario"),
            (vec!["Oracle: all of them"], "expected ids"),
            (vec!["Oracle (not in Rust): LNK-01"], "needs a reason"),
            (vec!["Oracle (not in Rust): LNK-01 why", "Oracle: LNK-01"], "answered elsewhere"),
        ] {
            let mut problems = Vec::new();
            let marks: Vec<Placed> = texts.into_iter().map(placed).collect();
            answers(&areas(), &marks, &mut problems);
            assert!(problems[0].starts_with("a.rs:3: "), "{problems:?}");
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }

    #[test]
    fn a_document_says_what_no_test_can() {
        let text = "- Oracle (by type): LNK-01 typed.\n| Oracle (not in Rust): LNK-02 | No shell. |\n\
            The mark `Oracle (by type): LNK-03` is explained.\n\
            <!-- generated: oracle -->\n| Oracle (by type): LNK-04 |\n<!-- /generated -->\n";
        let mut problems = Vec::new();
        let found = document_marks(text, &mut problems);
        let seen: Vec<_> =
            found.iter().map(|p| (p.mark.ids.join(","), p.mark.reason.as_str())).collect();
        assert_eq!(seen, [("LNK-01".to_owned(), "typed"), ("LNK-02".to_owned(), "No shell.")]);
        assert!(problems.is_empty());
        document_marks("Oracle: LNK-01\n", &mut problems);
        assert!(problems[0].contains("belongs to a test"));
    }
}
