//! Two texts beside each other, or one after the other where the terminal is narrow.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};
use diffy::{DiffOptions, Line};

use crate::style::{self, paint};

/// Narrower than this, half a terminal holds no line of code.
const WIDE: usize = 100;
const CONTEXT: usize = 3;
const MINE: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
const THEIRS: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));

/// A line of the left text, of the right one, or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Same(&'a str),
    Differs(Option<&'a str>, Option<&'a str>),
    /// Lines that are the same in both were left out.
    Gap,
}

/// The places where both differ, for a terminal of `width` columns.
pub(crate) fn render(mine: &str, reference: &str, width: usize) -> String {
    let patch = DiffOptions::new().set_context_len(CONTEXT).create_patch(mine, reference);
    let hunks: Vec<&[Line<'_, str>]> = patch.hunks().iter().map(diffy::Hunk::lines).collect();
    let rows = rows(&hunks);
    if width >= WIDE { side_by_side(&rows, width) } else { unified(&hunks) }
}

/// Pairs what was deleted with what was inserted in its place.
fn rows<'a>(hunks: &[&[Line<'a, str>]]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for hunk in hunks {
        if !rows.is_empty() {
            rows.push(Row::Gap);
        }
        let mut left: Vec<&str> = Vec::new();
        let mut right: Vec<&str> = Vec::new();
        for line in *hunk {
            match line {
                Line::Delete(text) => left.push(text),
                Line::Insert(text) => right.push(text),
                Line::Context(text) => {
                    pair(&mut rows, &mut left, &mut right);
                    rows.push(Row::Same(text));
                }
            }
        }
        pair(&mut rows, &mut left, &mut right);
    }
    rows
}

fn pair<'a>(rows: &mut Vec<Row<'a>>, left: &mut Vec<&'a str>, right: &mut Vec<&'a str>) {
    for index in 0..left.len().max(right.len()) {
        rows.push(Row::Differs(left.get(index).copied(), right.get(index).copied()));
    }
    left.clear();
    right.clear();
}

fn side_by_side(rows: &[Row<'_>], width: usize) -> String {
    let half = (width - 3) / 2;
    let mut text = String::new();
    let heading = format!("{:<half$} │ reference", "yours");
    let _ = writeln!(text, "{}", paint(style::FAINT, &heading));
    for row in rows {
        let (left, right, between, styles) = match row {
            Row::Same(both) => (cells(both, half), cells(both, half), "│", None),
            Row::Differs(left, right) => {
                let of = |side: Option<&str>| side.map(|line| cells(line, half));
                let (left, right) = (of(*left).unwrap_or_default(), of(*right).unwrap_or_default());
                (left, right, "┃", Some((MINE, THEIRS)))
            }
            Row::Gap => {
                let _ = writeln!(text, "{}", paint(style::FAINT, "⋯"));
                continue;
            }
        };
        let (mine, theirs) = styles.unwrap_or_default();
        for index in 0..left.len().max(right.len()) {
            let cell = |cells: &[String]| cells.get(index).cloned().unwrap_or_default();
            let (left, right) = (format!("{:<half$}", cell(&left)), cell(&right));
            let line = format!("{} {between} {}", paint(mine, &left), paint(theirs, &right));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

/// A line of code in pieces that fit, cut anywhere: nothing of it is lost.
fn cells(line: &str, width: usize) -> Vec<String> {
    let line = line.trim_end().replace('\t', "    ");
    let letters: Vec<char> = line.chars().collect();
    if letters.is_empty() {
        return vec![String::new()];
    }
    letters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

fn unified(hunks: &[&[Line<'_, str>]]) -> String {
    let mut text = format!("{}\n", paint(style::FAINT, "- yours, + reference"));
    for (index, hunk) in hunks.iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "{}", paint(style::FAINT, "⋯"));
        }
        for line in *hunk {
            let (sign, style, line) = match line {
                Line::Context(line) => (' ', Style::new(), line),
                Line::Delete(line) => ('-', MINE, line),
                Line::Insert(line) => ('+', THEIRS, line),
            };
            let line = format!("{sign} {}", line.trim_end());
            let _ = writeln!(text, "{}", paint(style, line.trim_end()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MY_TEXT: &str = "fn f() {\n    1\n}\n";
    const REFERENCE: &str = "fn f() {\n    let two = 2;\n    two\n}\n";

    fn plain(width: usize) -> String {
        anstream::adapter::strip_str(&render(MY_TEXT, REFERENCE, width)).to_string()
    }

    #[test]
    fn on_a_wide_terminal_both_stand_side_by_side() {
        let lines: Vec<String> = plain(100).lines().map(str::to_owned).collect();
        let row = |left: &str, between: &str, right: &str| {
            format!("{left:<48} {between} {right}").trim_end().to_owned()
        };
        assert_eq!(
            lines,
            [
                row("yours", "│", "reference"),
                row("fn f() {", "│", "fn f() {"),
                row("    1", "┃", "    let two = 2;"),
                row("", "┃", "    two"),
                row("}", "│", "}"),
            ]
        );
    }

    #[test]
    fn on_a_narrow_one_they_stand_one_below_the_other() {
        assert_eq!(
            plain(99),
            "- yours, + reference\n  fn f() {\n-     1\n+     let two = 2;\n+     two\n  }\n"
        );
    }

    #[test]
    fn a_long_line_goes_on_below_and_loses_nothing() {
        let long = "x".repeat(60);
        let text = render(&format!("{long}\n"), "short\n", 100);
        let text = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines[0], format!("{} ┃ short", "x".repeat(48)));
        assert_eq!(lines[1].matches('x').count(), 12);
        assert!(text.lines().all(|line| line.chars().count() <= 100));
    }

    #[test]
    fn what_is_the_same_and_far_away_is_left_out() {
        let lines = |first: &str, last: &str| {
            let middle: Vec<String> = (0..20).map(|n| format!("same {n}")).collect();
            format!("{first}\n{}\n{last}\n", middle.join("\n"))
        };
        let (mine, reference) = (lines("a", "b"), lines("c", "d"));
        for width in [80, 120] {
            let text = render(&mine, &reference, width);
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(text.contains('⋯') && !text.contains("same 9"), "{text}");
            assert!(text.contains("same 2") && text.contains("same 17"), "{text}");
        }
    }
}
