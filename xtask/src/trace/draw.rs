//! Text drawings on a terminal: made to fit its width, and in colours.

use crate::style::{self, paint};

/// What the lines of lives are made of.
const BAR: &str = "╺━├─•╳■▶ ";

/// The lines of a drawing, none longer than `width` characters where that can be helped.
///
/// What stands beside a line goes below it; only where the line itself is too long, its end is cut,
/// and a `…` says so.
pub(super) fn fit(drawing: &str, width: usize) -> Vec<String> {
    let margin = drawing.chars().take_while(|c| *c == ' ').count();
    let mut below = false;
    let mut fitted = Vec::new();
    for line in drawing.lines() {
        // The drawing comes first, then sentences.
        below |= line.is_empty();
        if line.chars().count() <= width {
            fitted.push(line.to_owned());
            continue;
        }
        let chars: Vec<char> = line.chars().collect();
        let end = if margin > 0 && !below {
            let bar = chars.iter().skip(margin).take_while(|c| BAR.contains(**c)).count();
            if fitted.is_empty() { chars.len() } else { margin + bar }
        } else {
            gap(&chars)
        };
        let head: String = chars[..end].iter().collect();
        let indent = match (margin > 0 && !below, end) {
            (true, _) => margin,
            (false, end) => end,
        };
        let indent = indent.min(width / 3);
        let rest: String = chars[end..].iter().collect();
        if below {
            let mut lines =
                style::wrap(&rest, width.saturating_sub(indent).max(NARROWEST)).into_iter();
            fitted.extend(lines.next().map(|first| format!("{head}{first}")));
            fitted.extend(lines.map(|line| format!("{:indent$}{line}", "")));
        } else {
            fitted.push(cut(head.trim_end(), width));
            let lines = style::wrap(&rest, width.saturating_sub(indent).max(NARROWEST));
            fitted.extend(lines.iter().map(|line| format!("{:indent$}{line}", "")));
        }
    }
    fitted
}

/// A column is never narrower.
const NARROWEST: usize = 8;

/// Where the second column begins: behind the first run of two spaces.
fn gap(chars: &[char]) -> usize {
    let begin = chars.iter().take_while(|c| BAR.contains(**c) || "│└".contains(**c)).count();
    let run = chars[begin..].windows(2).position(|pair| pair == [' ', ' ']);
    let Some(run) = run.map(|at| begin + at) else { return 0 };
    run + chars[run..].iter().take_while(|c| **c == ' ').count()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() > width {
        text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// A line in colours: lives, crashes, notes.
pub(super) fn colour(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let style = style_of(first);
        let end = rest.find(|c| style_of(c) != style).unwrap_or(rest.len());
        match style {
            Some(style) => out.push_str(&paint(style, &rest[..end])),
            None => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out
}

fn style_of(c: char) -> Option<anstyle::Style> {
    match c {
        '╺' | '━' => Some(style::LIFE),
        '╳' => Some(style::BAD),
        '•' => Some(style::NOTE),
        '├' | '└' | '│' | '─' | '╌' => Some(style::FAINT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: &str = "             0ms       1s        2s
supervisor   ╺━━━━━━━━━━━━━━━━━━━■    normal
└─ worker 1  ╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker 1 starting\" ×2; panic: crash

1s  one_for_one: worker 1 was restarted because it crashed
";

    #[test]
    fn a_drawing_that_fits_stays_as_it_is() {
        let lines: Vec<&str> = TIMELINE.lines().collect();
        assert_eq!(fit(TIMELINE, 80), lines);
    }

    #[test]
    fn in_a_narrow_terminal_remarks_stand_below_their_line() {
        let expected = [
            "             0ms       1s        2s",
            "supervisor   ╺━━━━━━━━━━━━━━━━━━━■",
            "             normal",
            "└─ worker 1  ╺•━━━━━━━━╳╺•━━━━━━━■",
            "             #2  \"Worker 1 starting\"",
            "             ×2; panic: crash",
            "",
            "1s  one_for_one: worker 1 was restarted",
            "    because it crashed",
        ];
        assert_eq!(fit(TIMELINE, 39), expected);
    }

    #[test]
    fn a_line_that_is_too_long_by_itself_says_that_it_is_cut() {
        for width in [12, 20, 30, 33] {
            let lines = fit(TIMELINE, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:#?}");
            assert!(lines[1].starts_with("supervisor") && lines[1].ends_with('…'), "{lines:#?}");
        }
    }

    #[test]
    fn a_tree_gets_its_second_column_below() {
        let tree = "main            process 1\n└╌ supervisor   one_for_one supervisor, process 3\n";
        let expected = [
            "main            process 1",
            "└╌ supervisor",
            "          one_for_one",
            "          supervisor, process 3",
        ];
        assert_eq!(fit(tree, 32), expected);
    }

    #[test]
    fn colours_change_no_character() {
        for line in TIMELINE.lines() {
            assert_eq!(anstream::adapter::strip_str(&colour(line)).to_string(), line);
        }
        assert!(colour("a ╳").contains("\u{1b}["));
    }
}
