//! Pictures in a README: each stands between two markers, and is what a test leaves behind.
//!
//! ```text
//! <!-- picture: a_crash_ends_both timeline seed=1 -->
//! <!-- end of picture -->
//! ```

use std::ops::Range;

use crate::pictures::{Format, Kind};

const BEGIN: &str = "<!-- picture:";
const END: &str = "<!-- end of picture -->";
const EXPECTED: &str = "expected `<!-- picture: TEST timeline -->`, with `timeline`, `everything` or \
    `tree`, then perhaps `mermaid` and `seed=N`";

/// A place for a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Line of the first marker, from 1.
    pub(crate) line: usize,
    /// The test that makes the picture.
    pub(crate) test: String,
    /// What it shows.
    pub(crate) kind: Kind,
    /// Text or Mermaid.
    pub(crate) format: Format,
    /// What the scenario draws its values from.
    pub(crate) seed: u64,
    /// The lines between the markers.
    lines: Range<usize>,
}

/// Whether there is any picture.
pub(crate) fn has_pictures(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with(BEGIN))
}

/// All places, and what is wrong with them, as `line: what`.
pub(crate) fn places(text: &str, tests: &[impl AsRef<str>]) -> (Vec<Place>, Vec<String>) {
    let mut places: Vec<Place> = Vec::new();
    let mut problems = Vec::new();
    let mut open: Option<(usize, Option<Place>)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if let Some(words) = line.trim().strip_prefix(BEGIN) {
            if let Some((begun, _)) = open.take() {
                problems.push(format!("{begun}: expected `{END}` before line {number}"));
            }
            let place = parse(words, number, tests).map_err(|what| problems.push(what)).ok();
            open = Some((number, place));
        } else if line.trim() == END {
            match open.take() {
                Some((begun, place)) => places.extend(place.map(|mut place| {
                    place.lines = begun..index;
                    place
                })),
                None => problems.push(format!("{number}: `{END}` without a beginning")),
            }
        }
    }
    if let Some((begun, _)) = open {
        problems.push(format!("{begun}: expected `{END}` below it"));
    }
    (places, problems)
}

fn parse(words: &str, line: usize, tests: &[impl AsRef<str>]) -> Result<Place, String> {
    let unclear = || format!("{line}: {EXPECTED}");
    let mut words = words.trim_end().strip_suffix("-->").ok_or_else(unclear)?.split_whitespace();
    let (test, kind) = (words.next().ok_or_else(unclear)?, words.next().ok_or_else(unclear)?);
    let kind = Kind::ALL.into_iter().find(|known| known.word() == kind).ok_or_else(unclear)?;
    let (mut format, mut seed) = (Format::Text, 0);
    for word in words {
        match (word, word.strip_prefix("seed=").map(str::parse)) {
            ("mermaid", _) => format = Format::Mermaid,
            (_, Some(Ok(number))) => seed = number,
            _ => return Err(unclear()),
        }
    }
    if !tests.iter().any(|known| known.as_ref() == test) {
        return Err(format!("{line}: `{test}` is no test that could make it"));
    }
    Ok(Place { line, test: test.to_owned(), kind, format, seed, lines: 0..0 })
}

impl Place {
    /// What stands between the markers when this is the picture.
    fn block(&self, picture: &str) -> String {
        let language = if self.format == Format::Mermaid { "mermaid" } else { "text" };
        let picture = picture.trim_end_matches('\n');
        format!("```{language}\n{picture}\n```\n")
    }
}

/// The text with these pictures in their places, and the places where others stood.
pub(crate) fn fill<'a>(text: &str, pictures: &'a [(Place, String)]) -> (String, Vec<&'a Place>) {
    let lines: Vec<&str> = text.lines().collect();
    let (mut filled, mut stale, mut next) = (String::new(), Vec::new(), 0);
    let all = |range: Range<usize>| {
        lines[range].iter().fold(String::new(), |text, line| text + line + "\n")
    };
    for (place, picture) in pictures {
        filled += &all(next..place.lines.start);
        let block = place.block(picture);
        if all(place.lines.clone()) != block {
            stale.push(place);
        }
        filled += &block;
        next = place.lines.end;
    }
    (filled + &all(next..lines.len()), stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# A\n<!-- picture: a timeline -->\nold\n\n<!-- end of picture -->\ntext\n\
        <!-- picture: m::b tree mermaid seed=3 -->\n<!-- end of picture -->\nend\n";

    #[test]
    fn pictures_are_put_between_their_markers_and_nothing_else_changes() {
        let (places, problems) = places(README, &["a", "m::b"]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!((places[0].line, places[0].kind, places[0].seed), (2, Kind::Timeline, 0));
        assert_eq!(
            (places[1].format, places[1].kind, places[1].seed),
            (Format::Mermaid, Kind::Tree, 3)
        );
        let pictures: Vec<(Place, String)> =
            places.into_iter().zip(["x\ny\n".to_owned(), "z".to_owned()]).collect();
        let (filled, stale) = fill(README, &pictures);
        assert_eq!(
            filled,
            "# A\n<!-- picture: a timeline -->\n```text\nx\ny\n```\n<!-- end of picture -->\ntext\n\
             <!-- picture: m::b tree mermaid seed=3 -->\n```mermaid\nz\n```\n\
             <!-- end of picture -->\nend\n"
        );
        assert_eq!(stale.len(), 2);
        let (again, _) = super::places(&filled, &["a", "m::b"]);
        let pictures: Vec<(Place, String)> =
            again.into_iter().zip(["x\ny\n".to_owned(), "z".to_owned()]).collect();
        assert_eq!(fill(&filled, &pictures), (filled.clone(), vec![]));
    }

    #[test]
    fn what_is_wrong_with_a_marker_is_said_with_its_line() {
        for (text, expected) in [
            ("\n<!-- picture: a timeline -->\n", "2: expected `<!-- end of picture -->` below it"),
            ("<!-- end of picture -->\n", "1: `<!-- end of picture -->` without a beginning"),
            (
                "<!-- picture: a drawing -->\n<!-- end of picture -->\n",
                "1: expected `<!-- picture: ",
            ),
            ("<!-- picture: a tree seed=x -->\n<!-- end of picture -->\n", "1: expected `<!-- "),
            ("<!-- picture: a -->\n<!-- end of picture -->\n", "1: expected `<!-- picture: "),
            (
                "<!-- picture: b tree -->\n<!-- end of picture -->\n",
                "1: `b` is no test that could make it",
            ),
            (
                "<!-- picture: a tree -->\n<!-- picture: a tree -->\n<!-- end of picture -->\n",
                "1: expected `<!-- end of picture -->` before line 2",
            ),
        ] {
            let (_, problems) = places(text, &["a"]);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        }
    }
}
