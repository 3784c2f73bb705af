//! What the drawings have in common: a document that stands alone, in the reader's colours.

use std::fmt::Write as _;

use crate::plain;

/// The document's edge, and the height of a line of text.
pub(crate) const EDGE: usize = 20;
pub(crate) const LINE: usize = 20;

/// Longer descriptions are cut, in characters.
const DESCRIPTION: usize = 8000;

/// Plain classes instead of variables: programs that know no `var()` or `@media` draw it light.
///
/// Every selector begins with `.otp`, so that it changes nothing in the page around it.
const STYLE: &str = "\
.otp{color-scheme:light dark;color:#1f2328;font:13px ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',\
'Liberation Mono',monospace}
.otp text{fill:currentColor;white-space:pre}
.otp .paper{fill:#fff}
.otp .rule{stroke:#e1e6eb;fill:none}
.otp .edge{stroke:#8c959f;fill:none;stroke-width:1.5}
.otp .loose{stroke-dasharray:2 4}
.otp .small{font-size:11px}
.otp .strong{font-weight:600}
.otp .dim,.otp text.dim{fill:#59636e}
.otp .supervisor{fill:#7446c9;stroke:#7446c9}
.otp .worker{fill:#2563c4;stroke:#2563c4}
.otp .process{fill:#66707b;stroke:#66707b}
.otp .box{fill-opacity:.1;stroke-width:1.5}
.otp .absent{fill-opacity:0;stroke-dasharray:5 4}
.otp text.on{fill:#fff;font-size:10px;font-weight:600}
.otp .crash{fill:#cf222e}
.otp .fall{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:2 3;fill:none}
.otp .cross{stroke:#fff;stroke-width:2;fill:none}
.otp .stop{fill:#424a53}
.otp .note{fill:#fff;stroke:#1f2328;stroke-width:1.5}
@media (prefers-color-scheme:dark){
.otp{color:#e6edf3}
.otp .paper{fill:#0d1117}
.otp .rule{stroke:#262c34}
.otp .edge{stroke:#768390}
.otp .dim,.otp text.dim{fill:#9aa4af}
.otp .supervisor{fill:#b68cff;stroke:#b68cff}
.otp .worker{fill:#6ea8fe;stroke:#6ea8fe}
.otp .process{fill:#8b949e;stroke:#8b949e}
.otp .box{fill-opacity:.14}
.otp .absent{fill-opacity:0}
.otp text.on{fill:#0d1117}
.otp .crash{fill:#ff6b66}
.otp .fall{stroke:#ff6b66}
.otp .cross{stroke:#0d1117}
.otp .stop{fill:#c3ccd5}
.otp .note{fill:#0d1117;stroke:#e6edf3}
}
";

/// A document of this size, in pixels.
pub(crate) fn document(
    title: &str,
    description: &str,
    width: usize,
    height: usize,
    body: &str,
) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"otp\" role=\"img\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n"
    );
    let description: String = description.chars().take(DESCRIPTION).collect();
    let (title, description) = (escape(title), escape(&description));
    let _ = writeln!(out, "<title>{title}</title>\n<desc>{description}</desc>");
    let _ = writeln!(out, "<style>\n{STYLE}</style>");
    let _ = writeln!(
        out,
        "<rect class=\"paper\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{body}</svg>"
    );
    out
}

/// Text at a place: the left end of its base line.
pub(crate) fn text(x: usize, y: usize, class: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>\n", escape(text))
}

/// Text of the user's, harmless between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(c),
            c if plain::is_hostile(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

/// The width of a text in pixels, in letters of this size: what a fixed-width font takes.
pub(crate) fn width(text: &str, size: usize) -> usize {
    (plain::cells(text) * size * 61).div_ceil(100)
}

/// Breaks a text into lines of at most so many pixels, between words where it can.
pub(crate) fn wrap(text: &str, size: usize, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && width(line, size) + width(word, size) + size > limit {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_harmless() {
        assert_eq!(
            escape("<a href='x'>&\"</a>"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;"
        );
        assert_eq!(escape("\u{0}\u{1b}[2J\u{202e}"), "\u{fffd}\u{fffd}[2J\u{fffd}");
    }

    #[test]
    fn lines_break_between_words() {
        let words = |limit| wrap("one two three", 10, limit);
        assert_eq!(words(1000), ["one two three"]);
        assert_eq!(words(60), ["one two", "three"]);
        assert_eq!(words(1), ["one", "two", "three"]);
    }
}
