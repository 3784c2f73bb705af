//! Bringing a workbook up to date without losing a word of the learner's.
//!
//! A copy of each file that the course has put into a workbook lies in `.given/`. With it, what the
//! learner has changed can be told from what the course has changed since.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use diffy::{Line, create_patch};

use crate::files;

/// The copies' folder, below the workbook.
const GIVEN: &str = ".given";

/// Whose file it is, once it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The course's version counts; a changed one is kept under another name.
    Course,
    /// What the learner has changed stays.
    Learner,
}

/// A file that belongs into the workbook, relative to it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) owner: Owner,
}

/// What happened to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// It was not there.
    New,
    /// It was as the course had given it, and is as the course gives it now.
    Updated,
    /// The course has dropped it, and the learner had not changed it.
    Removed,
    /// The learner had changed the course's file; it is kept under this name.
    Kept(String),
    /// New lines of the course were added to the learner's; the file from before has this name.
    Grown(String),
    /// The learner's stays, the course's lies beside it under this name.
    Beside(String),
}

/// A file that is not as it was, relative to the workbook.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: PathBuf,
    pub(crate) what: What,
}

/// What is to be done with a file.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Leave,
    Write,
    KeepAndWrite,
    Grow(String),
    WriteBeside,
}

/// Decides from what the course gave before, what is there now, and what the course gives now.
fn step(owner: Owner, given: Option<&[u8]>, there: Option<&[u8]>, new: &[u8]) -> Step {
    match (owner, given, there) {
        (_, _, Some(there)) if there == new => Step::Leave,
        (Owner::Course, _, None) | (Owner::Learner, None, None) => Step::Write,
        (_, Some(given), Some(there)) if there == given => Step::Write,
        (Owner::Course, _, Some(_)) => Step::KeepAndWrite,
        // Whoever changes, moves or deletes an answer knows why.
        (Owner::Learner, Some(given), _) if given == new => Step::Leave,
        (Owner::Learner, Some(given), Some(there)) => {
            grown(given, there, new).map_or(Step::WriteBeside, Step::Grow)
        }
        (Owner::Learner, _, _) => Step::WriteBeside,
    }
}

/// The learner's text with what the course has added to its own, if every line of the learner's is
/// still there.
fn grown(given: &[u8], there: &[u8], new: &[u8]) -> Option<String> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (given, there, new) = (text(given)?, text(there)?, text(new)?);
    let merged = diffy::merge(given, there, new).ok()?;
    only_adds(there, &merged).then_some(merged)
}

fn only_adds(from: &str, to: &str) -> bool {
    let patch = create_patch(from, to);
    let lines = patch.hunks().iter().flat_map(diffy::Hunk::lines);
    !lines.into_iter().any(|line| matches!(line, Line::Delete(_)))
}

/// Brings `wanted` into the workbook, and says what has changed; `scope` is the folder, relative to
/// the workbook, in which files that are wanted no more are removed.
pub(crate) fn apply(
    workbook: &Path,
    scope: Option<&Path>,
    wanted: &[Wanted],
) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for file in wanted {
        if let Some(what) = put(workbook, file)? {
            changes.push(Change { path: file.path.clone(), what });
        }
    }
    if let Some(scope) = scope {
        let dropped = files::below(&workbook.join(GIVEN).join(scope))?
            .into_iter()
            .map(|path| scope.join(path))
            .filter(|path| !wanted.iter().any(|file| file.path == *path));
        for path in dropped {
            if let Some(what) = drop_one(workbook, &path)? {
                changes.push(Change { path, what });
            }
        }
    }
    Ok(changes)
}

fn put(workbook: &Path, file: &Wanted) -> anyhow::Result<Option<What>> {
    let (path, copy) = (workbook.join(&file.path), workbook.join(GIVEN).join(&file.path));
    let (given, there) = (bytes_of(&copy)?, bytes_of(&path)?);
    let what = match step(file.owner, given.as_deref(), there.as_deref(), &file.bytes) {
        Step::Leave => None,
        Step::Write => {
            files::write_bytes(&path, &file.bytes)?;
            Some(if there.is_some() { What::Updated } else { What::New })
        }
        Step::KeepAndWrite => {
            let kept = files::keep(&path)?;
            files::write_bytes(&path, &file.bytes)?;
            Some(What::Kept(kept))
        }
        Step::Grow(text) => {
            let kept = files::keep(&path)?;
            files::write(&path, &text)?;
            Some(What::Grown(kept))
        }
        Step::WriteBeside => {
            let new = beside(&path);
            let old = bytes_of(&new)?;
            if old.is_some() && old != given && old.as_deref() != Some(&file.bytes) {
                files::keep(&new)?;
            }
            files::write_bytes(&new, &file.bytes)?;
            None
        }
    };
    files::write_bytes(&copy, &file.bytes)?;
    Ok(what.or(pending(&path, &file.bytes)?))
}

/// The course's version of a file that still waits beside the learner's.
fn pending(path: &Path, new: &[u8]) -> anyhow::Result<Option<What>> {
    let waiting = beside(path);
    match bytes_of(&waiting)? {
        None => Ok(None),
        Some(bytes) if bytes == new && bytes_of(path)?.as_deref() == Some(new) => {
            files::remove(&waiting)?;
            Ok(None)
        }
        Some(_) => Ok(Some(What::Beside(files::name(&waiting)))),
    }
}

/// A file that the course gave once and has no more.
fn drop_one(workbook: &Path, path: &Path) -> anyhow::Result<Option<What>> {
    let (there, copy) = (workbook.join(path), workbook.join(GIVEN).join(path));
    let unchanged = bytes_of(&there)? == bytes_of(&copy)?;
    if unchanged {
        files::remove(&there)?;
    }
    files::remove(&copy)?;
    Ok(unchanged.then_some(What::Removed))
}

/// Writes a stub over whatever is there, and keeps that under another name; says the name.
pub(crate) fn put_back(workbook: &Path, file: &Wanted) -> anyhow::Result<Option<String>> {
    let path = workbook.join(&file.path);
    let kept = match bytes_of(&path)? {
        Some(there) if there != file.bytes => Some(files::keep(&path)?),
        _ => None,
    };
    files::write_bytes(&path, &file.bytes)?;
    files::write_bytes(&workbook.join(GIVEN).join(&file.path), &file.bytes)?;
    pending(&path, &file.bytes)?;
    Ok(kept)
}

/// Forgets what was given into a folder, so that it is given anew.
pub(crate) fn forget(workbook: &Path, folder: &Path) -> anyhow::Result<()> {
    let copies = workbook.join(GIVEN).join(folder);
    if copies.is_dir() {
        fs::remove_dir_all(&copies)
            .with_context(|| format!("cannot remove the folder {}", copies.display()))?;
    }
    Ok(())
}

/// Whether a file lies there as the course gave it, or was never given.
pub(crate) fn was_given(workbook: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
    Ok(bytes_of(&workbook.join(GIVEN).join(path))?.as_deref() == Some(bytes))
}

/// Remembers what was given.
pub(crate) fn remember(workbook: &Path, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    files::write_bytes(&workbook.join(GIVEN).join(path), bytes)
}

/// `lib.rs` and `lib.rs.new`.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.new", files::name(path)))
}

fn bytes_of(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::Owner::{Course, Learner};
    use super::*;

    #[test]
    fn every_meeting_of_old_new_and_changed_is_decided() {
        type Row = (Owner, Option<&'static str>, Option<&'static str>, &'static str, Step);
        let rows: &[Row] = &[
            (Course, None, None, "a", Step::Write),
            (Course, Some("a"), None, "a", Step::Write),
            (Course, Some("a"), Some("a"), "a", Step::Leave),
            (Course, Some("a"), Some("a"), "b", Step::Write),
            (Course, Some("a"), Some("mine"), "a", Step::KeepAndWrite),
            (Course, Some("a"), Some("mine"), "b", Step::KeepAndWrite),
            (Course, None, Some("mine"), "b", Step::KeepAndWrite),
            (Learner, None, None, "a", Step::Write),
            (Learner, Some("a"), Some("a"), "a", Step::Leave),
            (Learner, Some("a"), Some("a"), "b", Step::Write),
            (Learner, Some("a"), Some("mine"), "a", Step::Leave),
            (Learner, Some("a"), Some("mine"), "mine", Step::Leave),
            (Learner, Some("a"), Some("mine"), "b", Step::WriteBeside),
            (Learner, Some("a"), None, "a", Step::Leave),
            (Learner, Some("a"), None, "b", Step::WriteBeside),
            (Learner, None, Some("mine"), "a", Step::WriteBeside),
        ];
        for (owner, given, there, new, expected) in rows {
            let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
            let found = step(*owner, bytes(*given), bytes(*there), new.as_bytes());
            assert_eq!(found, *expected, "{owner:?} {given:?} {there:?} {new}");
        }
    }

    #[test]
    fn a_new_exercise_is_added_to_an_answer_and_nothing_else_is() {
        let given = "one\ntodo 1\n\ntwo\ntodo 2\n\nend\n";
        let mine = "one\nmy answer\n\ntwo\ntodo 2\n\nend\n";
        let longer = "one\ntodo 1\n\ntwo\ntodo 2\n\nthree\ntodo 3\n\nend\n";
        let grow = |there: &str, new: &str| {
            step(Learner, Some(given.as_bytes()), Some(there.as_bytes()), new.as_bytes())
        };
        let merged = "one\nmy answer\n\ntwo\ntodo 2\n\nthree\ntodo 3\n\nend\n";
        assert_eq!(grow(mine, longer), Step::Grow(merged.to_owned()));
        let renamed = longer.replace("two", "zwei");
        assert_eq!(grow(mine, &renamed), Step::WriteBeside, "the course has changed a line");
        let tangled = given.replace("todo 1", "todo 1\nmore of it");
        assert_eq!(grow(mine, &tangled), Step::WriteBeside, "both have changed the same place");
    }

    fn wanted(path: &str, text: &str, owner: Owner) -> Wanted {
        Wanted { path: path.into(), bytes: text.into(), owner }
    }

    #[test]
    fn the_new_stub_waits_beside_the_answer_until_it_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        let give = |text: &str| apply(root, None, &[wanted("a.rs", text, Learner)]).unwrap();
        assert_eq!(give("stub 1")[0].what, What::New);
        fs::write(root.join("a.rs"), "mine").unwrap();
        assert_eq!(give("stub 1"), []);
        let beside = What::Beside("a.rs.new".to_owned());
        assert_eq!(give("stub 2")[0].what, beside);
        assert_eq!(give("stub 2")[0].what, beside, "it is said until it is settled");
        fs::write(root.join("a.rs.new"), "mine as well").unwrap();
        assert_eq!(give("stub 3")[0].what, beside);
        assert_eq!(read("a.rs.new.bak-1").unwrap(), "mine as well");
        assert_eq!(
            (read("a.rs").unwrap(), read("a.rs.new").unwrap()),
            ("mine".into(), "stub 3".into())
        );
        fs::write(root.join("a.rs"), "stub 3").unwrap();
        assert_eq!(give("stub 3"), []);
        assert_eq!(read("a.rs.new"), None);
    }

    #[test]
    fn what_the_course_drops_goes_unless_the_learner_has_changed_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let both = [wanted("x/a.md", "a", Course), wanted("x/b.md", "b", Course)];
        apply(root, Some(Path::new("x")), &both).unwrap();
        fs::write(root.join("x/b.md"), "mine").unwrap();
        let changes = apply(root, Some(Path::new("x")), &[]).unwrap();
        assert_eq!(changes, [Change { path: "x/a.md".into(), what: What::Removed }]);
        assert_eq!(files::below(root).unwrap(), [Path::new("x/b.md")]);
        assert_eq!(apply(root, Some(Path::new("x")), &[]).unwrap(), []);
    }
}
