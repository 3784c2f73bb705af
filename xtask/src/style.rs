//! Colours and glyphs: the only place that knows how things look.
//!
//! Colours are written always; `anstream` takes them out where they are not wanted (`NO_COLOR`,
//! pipes, dumb terminals).

use anstyle::{AnsiColor, Style};

/// All points, or nothing to complain of.
pub(crate) const FULL: Mark = Mark { glyph: "✓", style: colour(AnsiColor::Green) };
/// Some of the points.
pub(crate) const PART: Mark = Mark { glyph: "◐", style: colour(AnsiColor::Yellow) };
/// None of the points, or something to complain of.
pub(crate) const NONE: Mark = Mark { glyph: "✗", style: colour(AnsiColor::Red) };
/// Not begun, or left out.
pub(crate) const OPEN: Mark = Mark { glyph: "·", style: Style::new().dimmed() };

/// A headline.
pub(crate) const TITLE: Style = Style::new().bold();
/// What may be skipped over.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Something to type, or a file to open.
pub(crate) const ACTION: Style = colour(AnsiColor::Cyan);

/// The line of a process's life.
pub(crate) const LIFE: Style = colour(AnsiColor::Blue);
/// A note on that line.
pub(crate) const NOTE: Style = colour(AnsiColor::Yellow);
/// The crash at its end.
pub(crate) const BAD: Style = colour(AnsiColor::Red);

const BAR_FULL: &str = "█";
const BAR_REST: &str = "░";

/// A glyph with its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    glyph: &'static str,
    style: Style,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&paint(self.style, self.glyph))
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

/// A text in a style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// `1 test`, `2 tests`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// The mark for so many points of so many.
pub(crate) fn mark(points: u32, of: u32) -> Mark {
    match points {
        0 => NONE,
        _ if points < of => PART,
        _ => FULL,
    }
}

/// How wide the output may be: 80 columns if nobody says.
pub(crate) fn columns() -> usize {
    const USUAL: usize = 80;
    told_columns().unwrap_or(USUAL)
}

/// What `COLUMNS` says, else the terminal's width; a file has none.
pub(crate) fn told_columns() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    told.or_else(seen).filter(|columns| *columns > 0)
}

/// A text in lines of at most `width` characters, broken at blanks where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line.trim_end();
        while let Some((over, _)) = rest.char_indices().nth(width.max(1)) {
            // A blank right behind the last column is a good place as well.
            let end = over + rest[over..].chars().next().map_or(0, char::len_utf8);
            let blank = rest[..end].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
            let (first, more) = rest.split_at(blank.unwrap_or(over));
            lines.push(first.trim_end().to_owned());
            rest = more.trim_start();
        }
        lines.push(rest.to_owned());
    }
    lines
}

/// A page whose sentences fit into `width` columns; what is drawn, and code, stays as it is.
///
/// What continues a line stands below its first word, behind mark, points and number.
pub(crate) fn fit(page: &str, width: usize) -> String {
    page.split_inclusive('\n').map(|line| fit_line(line, width)).collect()
}

fn fit_line(line: &str, width: usize) -> String {
    let plain = anstream::adapter::strip_str(line).to_string();
    let is_drawn = plain.chars().any(|c| ('\u{2500}'..='\u{257f}').contains(&c) || c == '|');
    if is_drawn || plain.trim_end().chars().count() <= width {
        return line.to_owned();
    }
    let hang = hang(&plain);
    // A column that is nearly all indent helps nobody.
    let hang = if hang + 16 > width { hang.min(2) } else { hang };
    let mut fitted = String::new();
    let mut word = String::new();
    let (mut column, mut word_width, mut in_escape) = (0, 0, false);
    let mut end_word = |fitted: &mut String, word: &mut String, word_width: &mut usize| {
        if column + *word_width > width && column > hang {
            fitted.truncate(fitted.trim_end_matches(' ').len());
            fitted.push('\n');
            fitted.extend(std::iter::repeat_n(' ', hang));
            column = hang;
        }
        fitted.push_str(word);
        column += *word_width;
        word.clear();
        *word_width = 0;
        column
    };
    let mut begun = false;
    for c in line.chars() {
        if c == '\u{1b}' {
            in_escape = true;
        }
        if c == ' ' && !in_escape {
            let column = end_word(&mut fitted, &mut word, &mut word_width);
            // Blanks at the beginning are the line's indent; others go where a line is broken.
            if !begun || column < width {
                word.push(' ');
                word_width = 1;
                end_word(&mut fitted, &mut word, &mut word_width);
            }
            continue;
        }
        begun |= !in_escape;
        word.push(c);
        if !in_escape && c != '\n' {
            word_width += 1;
        }
        if in_escape && c.is_ascii_alphabetic() {
            in_escape = false;
        }
    }
    end_word(&mut fitted, &mut word, &mut word_width);
    fitted
}

/// The column of a line's first word, behind a mark, points and a number.
fn hang(plain: &str) -> usize {
    let pattern = r"^ *(?:[^ \w] +[\d.]+ / [\d.]+ +(?:\d+\. )?|- )?";
    let begin = regex_lite::Regex::new(pattern).ok().and_then(|known| known.find(plain));
    begin.map_or(0, |begin| begin.as_str().chars().count())
}

/// A bar of `width` cells; it is full, or empty, only if the points are.
pub(crate) fn bar(points: u32, of: u32, width: u32) -> String {
    let cells = match (points * width).checked_div(of) {
        Some(0) if points > 0 => 1,
        Some(cells) => cells,
        None => 0,
    };
    let full = BAR_FULL.repeat(cells as usize);
    let rest = BAR_REST.repeat((width - cells) as usize);
    let style = mark(points, of).style;
    format!("{}{}", paint(style, &full), paint(FAINT, &rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_fitted_below_their_first_word_and_drawings_are_left_alone() {
        for (width, line, fitted) in [
            (30, "short\n", "short\n"),
            (
                33,
                "  ✓ 10 / 10  1. a sentence that goes on\n",
                "  ✓ 10 / 10  1. a sentence that\n                goes on\n",
            ),
            (
                30,
                "  ✓ 10 / 10  1. a sentence that goes on\n",
                "  ✓ 10 / 10  1. a sentence\n  that goes on\n",
            ),
            (30, "    one two three four five six\n", "    one two three four five\n    six\n"),
            (9, "worker ├──────╳\n", "worker ├──────╳\n"),
            (9, "7 |     let a_line = of_code;\n", "7 |     let a_line = of_code;\n"),
            (9, "too_long_a_word and\n", "too_long_a_word\nand\n"),
        ] {
            assert_eq!(fit(line, width), fitted);
        }
        let painted = format!("  {} and then some more words", paint(TITLE, "three words here"));
        let fitted = fit(&painted, 20);
        assert_eq!(
            anstream::adapter::strip_str(&fitted).to_string(),
            "  three words here\n  and then some more\n  words"
        );
        assert_eq!(fitted.replace("\n  ", " "), painted, "no colour is lost");
    }

    #[test]
    fn a_text_is_broken_at_blanks() {
        for (text, width, lines) in [
            ("", 5, vec![]),
            ("one two", 7, vec!["one two"]),
            ("one two", 6, vec!["one", "two"]),
            ("one two", 3, vec!["one", "two"]),
            ("one  two\n\nthree", 5, vec!["one", "two", "", "three"]),
            ("größere Wörter", 7, vec!["größere", "Wörter"]),
            ("  unbroken", 6, vec!["  unbr", "oken"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text} {width}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_the_points_are_many() {
        let plain = |points, of| anstream::adapter::strip_str(&bar(points, of, 4)).to_string();
        assert_eq!(plain(0, 400), "░░░░");
        assert_eq!(plain(1, 400), "█░░░");
        assert_eq!(plain(200, 400), "██░░");
        assert_eq!(plain(399, 400), "███░");
        assert_eq!(plain(400, 400), "████");
        assert_eq!(plain(0, 0), "░░░░");
    }
}
