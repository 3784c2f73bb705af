//! Doc comments, and what they say about exercises, coverage and the oracle.
//!
//! ```text
//! /// A trapping parent gets the exit as a message.
//! ///
//! /// Exercise: 2
//! /// Covers: CH8-D3-E2, CH8-D3-V2
//! /// Oracle: LNK-05, C8-04
//! ```
//!
//! Read line by line, without a parser; the sources are formatted, so this suffices.

use regex_lite::Regex;

/// A doc comment with what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Documented {
    /// Name of the function or type, with the modules of its file in front; empty for a module.
    pub(crate) name: String,
    /// Line of the item itself, from 1.
    pub(crate) line: usize,
    /// Whether an attribute makes it a test.
    pub(crate) test: bool,
    /// Whether it is a function.
    pub(crate) function: bool,
    /// Whether the test is ignored by default.
    pub(crate) ignored: bool,
    /// Lines of the comment without their slashes, with their numbers from 1.
    pub(crate) docs: Vec<(usize, String)>,
}

/// How a scenario of the oracle is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// A test shows the same outcome.
    Shown,
    /// A test shows the corrected behaviour where the course's own code was wrong.
    Defect,
    /// Rust's types make it impossible to write.
    ByType,
    /// It has no meaning in Rust.
    NotInRust,
}

/// One `Oracle...:` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OracleMark {
    /// How the scenarios are answered.
    pub(crate) answer: Answer,
    /// The scenarios, as written.
    pub(crate) ids: Vec<String>,
    /// What follows the ids.
    pub(crate) reason: String,
    /// Line of the mark, from 1.
    pub(crate) line: usize,
}

impl Documented {
    /// Whether a run of the tests runs this: a test, or an example in a doc comment.
    pub(crate) fn runs(&self) -> bool {
        self.test || self.docs.iter().any(|(_, text)| text.starts_with("```"))
    }

    /// The exercise that an `Exercise: n` line names.
    pub(crate) fn exercise(&self) -> Option<u32> {
        self.values("Exercise:").first().and_then(|(_, value)| value.parse().ok())
    }

    /// The ids of all `Covers:` lines, with their line.
    pub(crate) fn covers(&self) -> Vec<(usize, String)> {
        let split = |(line, value): (usize, String)| {
            id_list(&value).into_iter().map(move |id| (line, id)).collect::<Vec<_>>()
        };
        self.values("Covers:").into_iter().flat_map(split).collect()
    }

    /// All `Oracle...:` lines.
    pub(crate) fn oracle(&self) -> Vec<OracleMark> {
        self.joined().iter().filter_map(|(line, text)| oracle_mark(*line, text)).collect()
    }

    fn values(&self, key: &str) -> Vec<(usize, String)> {
        self.joined()
            .into_iter()
            .filter_map(|(line, text)| {
                text.strip_prefix(key).map(|value| (line, value.trim().to_owned()))
            })
            .collect()
    }

    /// A line that ends with a comma goes on in the next one.
    fn joined(&self) -> Vec<(usize, String)> {
        let mut joined: Vec<(usize, String)> = Vec::new();
        for (line, text) in &self.docs {
            match joined.last_mut() {
                Some((_, before)) if is_list(before) && before.ends_with(',') => {
                    before.push(' ');
                    before.push_str(text);
                }
                _ => joined.push((*line, text.clone())),
            }
        }
        joined
    }
}

fn is_list(text: &str) -> bool {
    text.starts_with("Covers:") || text.starts_with("Oracle")
}

/// Ids separated by commas.
pub(crate) fn id_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// Reads `Oracle: IDS`, `Oracle (by type): IDS reason` and so on from the beginning of `text`.
pub(crate) fn oracle_mark(line: usize, text: &str) -> Option<OracleMark> {
    let rest = text.trim_start().strip_prefix("Oracle")?;
    let (word, rest) = rest.split_once(':')?;
    let answer = match word.trim() {
        "" => Answer::Shown,
        "(defect)" => Answer::Defect,
        "(by type)" => Answer::ByType,
        "(not in Rust)" => Answer::NotInRust,
        _ => return None,
    };
    let id = Regex::new(r"^[\s,]*([A-Z][A-Z0-9]*-\d+)").ok()?;
    let mut ids = Vec::new();
    let mut rest = rest;
    while let Some(found) = id.captures(rest) {
        ids.push(found[1].to_owned());
        rest = &rest[found[0].len()..];
    }
    let reason = rest.trim_matches(|c: char| c.is_whitespace() || ".,:|".contains(c)).to_owned();
    Some(OracleMark { answer, ids, reason, line })
}

/// Every doc comment of a source, and every test even if it has none.
pub(crate) fn documented(source: &str) -> Vec<Documented> {
    Scanner::default().run(source)
}

#[derive(Default)]
struct Scanner {
    found: Vec<Documented>,
    /// Open modules, each with its indentation.
    modules: Vec<(usize, String)>,
    docs: Vec<(usize, String)>,
    inner: Vec<(usize, String)>,
    attributes: String,
    inside_attribute: bool,
}

impl Scanner {
    fn run(mut self, source: &str) -> Vec<Documented> {
        for (index, text) in source.lines().enumerate() {
            self.line(index + 1, text);
        }
        if !self.inner.is_empty() {
            let docs = std::mem::take(&mut self.inner);
            self.found.push(Documented {
                name: String::new(),
                line: docs[0].0,
                test: false,
                function: false,
                ignored: false,
                docs,
            });
        }
        self.found
    }

    fn line(&mut self, number: usize, text: &str) {
        let code = text.trim();
        if self.inside_attribute || code.starts_with("#[") {
            self.attributes.push_str(code);
            self.inside_attribute = !code.ends_with(']');
        } else if let Some(doc) = code.strip_prefix("//!") {
            self.inner.push((number, doc.trim().to_owned()));
        } else if let Some(doc) = code.strip_prefix("///") {
            self.docs.push((number, doc.trim().to_owned()));
        } else if code.is_empty() || code.starts_with("//") {
            // Neither ends what belongs to the next item.
        } else {
            self.item(number, text, code);
            self.docs.clear();
            self.attributes.clear();
        }
    }

    fn item(&mut self, number: usize, text: &str, code: &str) {
        let indent = text.len() - text.trim_start().len();
        if self.modules.last().is_some_and(|(open, _)| *open == indent) && code == "}" {
            self.modules.pop();
            return;
        }
        let words = declaration(code);
        if words.first() == Some(&"mod") && code.ends_with('{') {
            let name = words.get(1).copied().unwrap_or_default().to_owned();
            self.modules.push((indent, name));
            return;
        }
        let is_test = self.attributes.split("#[").any(|attribute| {
            let path = attribute.split(['(', ']', ' ', '=']).next().unwrap_or_default();
            path.rsplit("::").next() == Some("test")
        });
        if self.docs.is_empty() && !is_test {
            return;
        }
        let modules = self.modules.iter().map(|(_, name)| name.as_str());
        let own = words.get(1).copied().unwrap_or_default();
        self.found.push(Documented {
            name: modules.chain([own]).collect::<Vec<_>>().join("::"),
            line: number,
            test: is_test,
            function: words.first() == Some(&"fn"),
            ignored: self.attributes.contains("#[ignore"),
            docs: std::mem::take(&mut self.docs),
        });
    }
}

/// The keyword and the name of a declaration: `pub(crate) async fn f(..)` gives `fn`, `f`.
fn declaration(code: &str) -> Vec<&str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .skip_while(|word| {
            matches!(
                *word,
                "pub" | "crate" | "super" | "async" | "unsafe" | "const" | "extern" | "C"
            )
        })
        .take(2)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> String {
        [
            "//! A file.",
            "",
            "/// A trapping parent gets the exit as a message.",
            "///",
            "/// Exercise: 2",
            "/// Covers: CH8-D3-E2,",
            "/// CH8-D3-V2",
            "/// Oracle: LNK-05, C8-04",
            "/// Oracle (not in Rust): GS-38, GS-40. There is no such thing.",
            "#[tokio::test(",
            "    start_paused = true",
            ")]",
            "// Why.",
            "pub(crate) async fn a_test() {",
            "    /// Not a test.",
            "    fn inner() {}",
            "}",
            "",
            "mod deeper {",
            "    #[test]",
            "    #[ignore = \"needs nginx\"]",
            "    fn another() {}",
            "}",
            "",
            "/// ```compile_fail",
            "/// ```",
            "struct Typed;",
        ]
        .join("\n")
    }

    #[test]
    fn tests_are_found_with_their_marks() {
        let found = documented(&source());
        let test = &found[0];
        assert_eq!((test.name.as_str(), test.line, test.test), ("a_test", 14, true));
        assert_eq!(test.exercise(), Some(2));
        assert_eq!(test.covers(), [(6, "CH8-D3-E2".to_owned()), (6, "CH8-D3-V2".to_owned())]);
        let oracle = test.oracle();
        assert_eq!(oracle[0].answer, Answer::Shown);
        assert_eq!(oracle[0].ids, ["LNK-05", "C8-04"]);
        assert_eq!(oracle[1].answer, Answer::NotInRust);
        assert_eq!(oracle[1].ids, ["GS-38", "GS-40"]);
        assert_eq!(oracle[1].reason, "There is no such thing");
    }

    #[test]
    fn modules_ignored_tests_and_examples_are_told_apart() {
        let found = documented(&source());
        let names: Vec<_> =
            found.iter().map(|d| (d.name.as_str(), d.test, d.ignored, d.runs())).collect();
        assert_eq!(
            names,
            [
                ("a_test", true, false, true),
                ("inner", false, false, false),
                ("deeper::another", true, true, true),
                ("Typed", false, false, true),
                ("", false, false, false),
            ]
        );
    }

    #[test]
    fn oracle_lines_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("Oracle: SUP-07", Some((Answer::Shown, 1, ""))),
            ("Oracle (defect): CAP8-10", Some((Answer::Defect, 1, ""))),
            ("Oracle (by type): GS-38 and so on", Some((Answer::ByType, 1, "and so on"))),
            ("Oracle (by type): GS-38 | A reason. |", Some((Answer::ByType, 1, "A reason"))),
            ("Oracle: nothing", Some((Answer::Shown, 0, "nothing"))),
            ("Oracle (maybe): GS-38", None),
            ("The Oracle: GS-38", None),
        ] {
            let mark = oracle_mark(1, text);
            let seen = mark.as_ref().map(|m| (m.answer, m.ids.len(), m.reason.as_str()));
            assert_eq!(seen, expected, "{text}");
        }
    }
}
