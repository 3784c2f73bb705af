//! The generated table of `docs/SEMANTICS.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::Answers;
use super::areas::Area;
use crate::marks::Answer;

/// The line above the table.
pub(crate) const BEGIN: &str = "<!-- generated: oracle -->";
/// The line below it.
pub(crate) const END: &str = "<!-- /generated -->";

/// One row per area, and their sum.
pub(crate) fn render(areas: &[Area], answers: &Answers) -> String {
    let mut text = "\
| Area | Scenarios | Shown | By type | Defect | Not in Rust | Open | Open core | Which are open |
|---|---:|---:|---:|---:|---:|---:|---:|---|
"
    .to_owned();
    let mut sums = [0; 7];
    for area in areas {
        let ids: Vec<String> = area.ids().collect();
        let core: BTreeSet<String> = area.core().collect();
        let open: Vec<&str> =
            ids.iter().filter(|id| !answers.contains_key(*id)).map(String::as_str).collect();
        let count = |wanted| ids.iter().filter(|id| answers.get(*id) == Some(&wanted)).count();
        let numbers = [
            ids.len(),
            count(Answer::Shown),
            count(Answer::ByType),
            count(Answer::Defect),
            count(Answer::NotInRust),
            open.len(),
            open.iter().filter(|id| core.contains(**id)).count(),
        ];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        row(&mut text, &area.name, numbers, &compact(&open));
    }
    row(&mut text, "**all**", sums, "");
    text
}

fn row(text: &mut String, name: &str, numbers: [usize; 7], open: &str) {
    let numbers = numbers.map(|number| number.to_string()).join(" | ");
    let line = format!("| {name} | {numbers} | {open}");
    let _ = writeln!(text, "{} |", line.trim_end());
}

/// `LNK-01 to LNK-04, LNK-07`.
fn compact(ids: &[&str]) -> String {
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for id in ids {
        match parts.last_mut() {
            Some((_, last)) if follows(last, id) => *last = id,
            _ => parts.push((id, id)),
        }
    }
    let spelled = parts.iter().map(|(first, last)| {
        if first == last { (*first).to_owned() } else { format!("{first} to {last}") }
    });
    spelled.collect::<Vec<_>>().join(", ")
}

fn follows(before: &str, id: &str) -> bool {
    let parts = |id: &str| {
        let (prefix, number) = id.rsplit_once('-')?;
        Some((prefix.to_owned(), number.parse::<u32>().ok()?))
    };
    match (parts(before), parts(id)) {
        (Some((a, m)), Some((b, n))) => a == b && n == m + 1,
        _ => false,
    }
}

/// The document with a new table; nothing if it has no place for one.
pub(crate) fn replace(document: &str, table: &str) -> Option<String> {
    let lines: Vec<&str> = document.lines().collect();
    let begin = lines.iter().position(|line| line.trim() == BEGIN)?;
    let end = begin + lines[begin..].iter().position(|line| line.trim() == END)?;
    let mut text = lines[..=begin].join("\n");
    let _ = write!(text, "\n\n{table}\n{}\n", lines[end..].join("\n"));
    Some(text)
}

/// The numbers of the table's lines, from 1.
pub(crate) fn lines(document: &str) -> Range<usize> {
    let position = |wanted: &str| document.lines().position(|line| line.trim() == wanted);
    match (position(BEGIN), position(END)) {
        (Some(begin), Some(end)) if begin < end => begin + 1..end + 2,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::areas::parse;
    use super::*;

    #[test]
    fn the_table_counts_each_answer() {
        let text =
            "[[area]]\nname = \"links\"\n[area.scenarios]\nLNK = { count = 6, core = \"1-2\" }\n";
        let areas = parse("oracle.toml", text).unwrap();
        let answers = Answers::from([
            ("LNK-01".to_owned(), Answer::Shown),
            ("LNK-05".to_owned(), Answer::NotInRust),
        ]);
        let table = render(&areas, &answers);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| links | 6 | 1 | 0 | 0 | 1 | 4 | 1 | LNK-02 to LNK-04, LNK-06 |",
                "| **all** | 6 | 1 | 0 | 0 | 1 | 4 | 1 | |"
            ]
        );
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let current = replace(&document, "| t |\n").unwrap();
        assert_eq!(current, format!("a\n{BEGIN}\n\n| t |\n\n{END}\nb\n"));
        assert_eq!(replace(&current, "| t |\n").unwrap(), current);
        assert_eq!(replace("a\n", "t"), None);
        assert_eq!(lines(&document), 2..5);
    }
}
