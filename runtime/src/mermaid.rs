//! What the drawings in Mermaid have in common: the user's text, made harmless.

use std::fmt::Write as _;

use crate::plain;

/// A text as part of a quoted label or of a message: one line, and nothing in it that Mermaid, HTML
/// or Markdown would read as theirs.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if plain::is_hostile(c) => out.push(char::REPLACEMENT_CHARACTER),
            c if c.is_alphanumeric() || !c.is_ascii() || " -_.,()/=+!?".contains(c) => out.push(c),
            // Mermaid's own entities, by number.
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_users_is_read_as_mermaid() {
        assert_eq!(escape("worker 1 (till)"), "worker 1 (till)");
        assert_eq!(escape("a\"b\";%%{x}<b>#`$"), {
            "a#34;b#34;#59;#37;#37;#123;x#125;#60;b#62;#35;#96;#36;"
        });
        assert_eq!(escape("a\nb\u{202e}ä"), "a\u{fffd}b\u{fffd}ä");
    }
}
