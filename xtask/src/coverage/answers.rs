//! The marks in the tree that say which item is answered there.

use std::path::Path;

use super::FILE;
use crate::course::Course;
use crate::sources::{self, Source};
use crate::{files, marks, quiz};

/// A place in the tree that answers an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) label: String,
    pub(super) id: String,
}

impl Mark {
    /// A link, seen from `docs/`.
    pub(super) fn link(&self) -> String {
        let way = match self.file.strip_prefix("docs/") {
            Some(beside) => beside.to_owned(),
            None => format!("../{}", self.file),
        };
        format!("[{}]({way})", self.label)
    }
}

/// All marks of the tree, sorted, and those that stand where nothing runs.
pub(super) fn collect(course: &Course) -> anyhow::Result<(Vec<Mark>, Vec<String>)> {
    let mut marks = Vec::new();
    let mut problems = Vec::new();
    for Source { file, text } in sources::rust(&course.root)? {
        for documented in marks::documented(&text) {
            let runs = sources::runs(&file, &documented);
            for (line, id) in documented.covers() {
                if runs {
                    let label = match documented.name.as_str() {
                        "" => "examples".to_owned(),
                        name => format!("`{name}`"),
                    };
                    marks.push(Mark { file: file.clone(), line, label, id });
                } else {
                    problems.push(format!("{file}:{line}: `Covers:` belongs to a test"));
                }
            }
        }
    }
    for item in course.items() {
        let file = item.shown("quiz.toml");
        let path = course.root.join(&file);
        // A quiz that cannot be read is told by the check of the quiz itself.
        let Ok(quiz) = files::read(&path).map(|text| quiz::parse(&file, &text)) else { continue };
        for (index, question) in quiz.iter().flat_map(|quiz| &quiz.questions).enumerate() {
            for id in &question.covers {
                let label = format!("question {}", question.id);
                marks.push(Mark { file: file.clone(), line: index, label, id: id.clone() });
            }
        }
    }
    for Source { file, text } in sources::documents(&course.root)? {
        if file != FILE {
            marks.extend(comments(&file, &text));
        }
    }
    marks.sort();
    Ok((marks, problems))
}

/// `<!-- covers: ID, ID -->` outside of code.
fn comments(file: &str, text: &str) -> Vec<Mark> {
    let label = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned());
    let mut marks = Vec::new();
    for (line, content) in sources::outside_code(text) {
        for part in content.split("<!-- covers:").skip(1) {
            let ids = part.split("-->").next().unwrap_or_default();
            marks.extend(marks::id_list(ids).into_iter().map(|id| Mark {
                file: file.to_owned(),
                line,
                label: label.clone().unwrap_or_default(),
                id,
            }));
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_in_documents_are_marks() {
        let text =
            "a <!-- covers: A-1, A-2 -->\n```\n<!-- covers: X -->\n```\n`<!-- covers: ID -->`\n";
        let ids: Vec<_> = comments("docs/X.md", text).into_iter().map(|mark| mark.id).collect();
        assert_eq!(ids, ["A-1", "A-2"]);
        let found = &comments("docs/X.md", text)[0];
        assert_eq!(found.link(), "[X.md](X.md)");
    }
}
