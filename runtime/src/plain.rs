//! Text of the user's, made fit for one line of a drawing.

use std::borrow::Cow;

/// The first line, with a mark if there are more, and nothing in it that moves a cursor or turns
/// the direction of writing.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    let first = text.lines().next().unwrap_or_default();
    let more = text.len() > first.len() && !text[first.len()..].trim().is_empty();
    if !more && !first.contains(is_hostile) {
        return Cow::Borrowed(first);
    }
    let mut out: String = first
        .chars()
        .map(|c| if is_hostile(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if more {
        out.push('…');
    }
    Cow::Owned(out)
}

/// As [`line()`], of at most `width` characters.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    let line = line(text);
    match line.char_indices().nth(width) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(width.saturating_sub(1)).collect();
            Cow::Owned(format!("{}…", kept.trim_end()))
        }
    }
}

/// How many cells of a terminal a text takes: two for the characters of East Asia and for pictures,
/// none for the marks that go above another character.
pub(crate) fn cells(text: &str) -> usize {
    let cells = |c: char| match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1_f300..=0x1_f64f
        | 0x1_f680..=0x1_f6ff
        | 0x1_f900..=0x1_faff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    };
    text.chars().map(cells).sum()
}

/// A text with so many cells, or more if it is longer.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(cells(text))))
}

/// Control characters, marks of direction, and what no XML document may hold.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_says_that_there_were_more() {
        assert_eq!(line("one"), "one");
        assert_eq!(line("one\n"), "one");
        assert_eq!(line("one\ntwo"), "one…");
        assert_eq!(line("\u{1b}[2Jred\rblue\u{202e}"), "\u{fffd}[2Jred\u{fffd}blue\u{fffd}");
        assert_eq!(line(""), "");
    }

    #[test]
    fn cells_are_counted_as_a_terminal_shows_them() {
        assert_eq!([cells("abc"), cells("日本"), cells("e\u{301}")], [3, 4, 1]);
        assert_eq!(pad("日", 4), "日  ");
        assert_eq!(pad("abc", 2), "abc");
    }

    #[test]
    fn a_long_line_is_cut_by_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("a b c", 3), "a…");
    }
}
