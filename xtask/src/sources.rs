//! The files of the tree in which marks may stand.

use std::path::Path;

use crate::files;
use crate::marks::Documented;

/// A file with its text; `file` is relative to the root, with forward slashes.
#[derive(Debug)]
pub(crate) struct Source {
    /// For instance `runtime/tests/links.rs`.
    pub(crate) file: String,
    /// What it holds.
    pub(crate) text: String,
}

/// Every Rust source of the course.
pub(crate) fn rust(root: &Path) -> anyhow::Result<Vec<Source>> {
    ending(root, ".rs")
}

/// Every README, and every document in `docs/`.
pub(crate) fn documents(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = ending(root, ".md")?;
    let readme = root.join("README.md");
    if readme.is_file() {
        found.push(Source { file: "README.md".to_owned(), text: files::read(&readme)? });
    }
    found.retain(|source| source.file.starts_with("docs/") || source.file.ends_with("README.md"));
    Ok(found)
}

fn ending(root: &Path, ending: &str) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    for folder in files::folders_in(root)? {
        if folder.starts_with('.') || ["target", "workbook"].contains(&folder.as_str()) {
            continue;
        }
        for path in files::below(&root.join(&folder))? {
            let file = format!("{folder}/{}", files::slashed(&path));
            // A fixture is a course of its own.
            if file.ends_with(ending) && !file.contains("/fixtures/") {
                let text = files::read(&root.join(&file))?;
                found.push(Source { file, text });
            }
        }
    }
    Ok(found)
}

/// Whether a run of the tests runs what a doc comment belongs to.
///
/// In a test file every documented function counts: it may become a test through a macro.
pub(crate) fn runs(file: &str, documented: &Documented) -> bool {
    documented.runs() || (documented.function && file.contains("/tests/"))
}

/// The lines of a document outside of fenced code, numbered from 1, without code spans.
pub(crate) fn outside_code(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Every other part between backticks is code.
            let plain: String = line.split('`').step_by(2).collect();
            lines.push((index + 1, plain));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_left_out() {
        let lines = outside_code("a `b` c\n```\nd\n```\ne");
        assert_eq!(lines, [(1, "a  c".to_owned()), (5, "e".to_owned())]);
    }
}
