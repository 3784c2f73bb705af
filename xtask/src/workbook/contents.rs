//! What belongs into a workbook: everything is derived from the course.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::update::{Owner, Wanted};
use crate::course::{Chapter, Course, Item};
use crate::manifest::{self, Derived};
use crate::{fault, files, plan};

/// The stub of an item: the learner's from now on.
pub(crate) fn stub(course: &Course, item: &Item) -> anyhow::Result<Vec<Wanted>> {
    let sources = plan::stub(course, item)?.into_iter();
    Ok(sources.map(|(path, bytes)| learners(item.dir().join(path), bytes)).collect())
}

/// An item whole: its stub, and all that the course owns.
///
/// Its mutants and its quiz hold answers, so they stay with the course; `tests/mine.rs` is the
/// learner's own.
pub(crate) fn item(course: &Course, item: &Item) -> anyhow::Result<Vec<Wanted>> {
    let mut wanted = stub(course, item)?;
    for (path, bytes) in files::load_tree(&course.root.join(item.dir()))? {
        let left_out = path.starts_with("src")
            || path.starts_with("mutants")
            || path == Path::new("quiz.toml")
            || path == Path::new(plan::MINE);
        if !left_out {
            wanted.push(courses(item.dir().join(path), bytes));
        }
    }
    Ok(wanted)
}

/// The chapter's package, with the items that have been started.
pub(crate) fn chapter(
    course: &Course,
    chapter: &Chapter,
    here: &[&Item],
    absent: &[&Item],
) -> anyhow::Result<Vec<Wanted>> {
    let from = course.root.join(&chapter.folder);
    let to = Path::new(&chapter.folder);
    let absent: BTreeSet<String> = absent.iter().map(|item| item.folder.clone()).collect();
    let name = format!("{}/Cargo.toml", chapter.folder);
    let manifest = manifest::chapter(&name, &files::read(&from.join("Cargo.toml"))?, &absent)
        .map_err(fault::course)?;
    let lib = format!(
        "//! Chapter {} in your workbook: its tests are those of its items.\n",
        chapter.number
    );
    let mut tests = "//! The tests of every item that you have started.\n".to_owned();
    for item in here {
        let file = files::slashed(&item.test_file());
        let _ = writeln!(tests, "\n#[path = \"../{0}/{file}\"]\nmod {0};", item.folder);
    }
    let mut wanted = vec![
        courses(to.join("Cargo.toml"), manifest),
        courses(to.join("src/lib.rs"), lib),
        courses(to.join("tests/chapter.rs"), tests),
    ];
    let readme = from.join("README.md");
    if readme.is_file() {
        wanted.push(courses(to.join("README.md"), files::read(&readme)?));
    }
    Ok(wanted)
}

/// What stands beside the chapters: the workspace, the text to begin with, the tools' settings.
pub(crate) fn root(course: &Course, members: Vec<String>) -> anyhow::Result<Vec<Wanted>> {
    let text = files::read(&course.root.join("Cargo.toml"))?;
    let manifest = manifest::workspace(&Derived {
        course: &text,
        way_back: "..",
        members,
        tag: super::FOLDER,
    })
    .map_err(fault::course)?;
    let note = "# Made by `cargo xtask start`, and made again by it: changes here do not last.\n\n";
    let mut wanted = vec![
        courses("Cargo.toml", format!("{note}{manifest}")),
        courses("README.md", include_str!("README.md")),
        courses(".cargo/config.toml", cargo_config(&course.root)),
        learners("rust-analyzer.toml".into(), include_str!("rust-analyzer.toml").into()),
    ];
    let toolchain = course.root.join("rust-toolchain.toml");
    if toolchain.is_file() {
        wanted.push(courses("rust-toolchain.toml", files::read(&toolchain)?));
    }
    Ok(wanted)
}

/// The manifest of this command, if an alias can hold it: cargo splits an alias at its blanks. An
/// alias that is a list would not help, since cargo refuses to lay a list over the course's own.
pub(crate) fn manifest_of_xtask(course: &Path) -> Option<String> {
    let path = course.join("xtask/Cargo.toml").display().to_string();
    (!path.contains(char::is_whitespace)).then_some(path)
}

/// The alias has the course's manifest as an absolute path: a relative one would be looked up from
/// wherever the command is typed.
fn cargo_config(course: &Path) -> String {
    let mut text =
        "# Made by `cargo xtask start`, and made again by it when the course has moved.\n\n\
        [build]\ntarget-dir = \"../target\"\n"
            .to_owned();
    if let Some(manifest) = manifest_of_xtask(course) {
        let alias = format!("run --quiet --manifest-path {manifest} --bin xtask --");
        let _ = writeln!(text, "\n[alias]\nxtask = {}", toml::Value::from(alias));
    }
    text
}

fn courses(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Wanted {
    Wanted { path: path.into(), bytes: bytes.into(), owner: Owner::Course }
}

fn learners(path: PathBuf, bytes: Vec<u8>) -> Wanted {
    Wanted { path, bytes, owner: Owner::Learner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_is_left_out_where_it_could_not_work() {
        assert!(cargo_config(Path::new("/a/b")).contains(
            "xtask = \"run --quiet --manifest-path /a/b/xtask/Cargo.toml --bin xtask --\""
        ));
        assert!(!cargo_config(Path::new("/a b")).contains("alias"));
    }
}
