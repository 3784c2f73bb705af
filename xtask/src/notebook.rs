//! `workbook/progress.toml`: what the learner has done so far.
//!
//! ```toml
//! [item."ch08/drill_03_links"]
//! done = true
//! last = 30
//! best = 30
//! of = 30
//! hints = { 1 = 2 }
//!
//! [quiz]
//! "8.3.1" = { right = 1, wrong = 2 }
//! ```
//!
//! No clock time, in a fixed order, one fact per line: a person can read it, and compare two of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Deserializer};

use crate::report::points;
use crate::{fault, files};

/// The file, below the workbook's folder.
pub(crate) const FILE: &str = "progress.toml";
const LOCK: &str = ".progress.lock";
const NOTE: &str = "# What you have done so far. `cargo xtask` keeps this file, and \
    `cargo xtask status` shows it.\n";

/// Everything that is remembered of a learner.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notebook {
    /// Item id to what was reached.
    #[serde(rename = "item", default)]
    items: BTreeMap<String, Entry>,
    /// Question id to what was answered.
    #[serde(default)]
    quiz: BTreeMap<String, Answers>,
}

/// What is remembered of one item. Points are in tenths.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// It had full marks, and was not reset since.
    #[serde(default)]
    pub(crate) done: bool,
    /// Points of the last grade, if there was one since the last reset.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) last: Option<u32>,
    /// The most points that it ever had.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) best: Option<u32>,
    /// The points that could be had in the last grade.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) of: Option<u32>,
    /// The reference answer was shown before it was done.
    #[serde(default)]
    pub(crate) spoiled: bool,
    /// Exercise to the number of hints taken.
    #[serde(default)]
    hints: BTreeMap<Number, u32>,
}

/// How often a question was answered.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// Times that the answer was right.
    #[serde(default)]
    pub(crate) right: u32,
    /// Times that it was wrong.
    #[serde(default)]
    pub(crate) wrong: u32,
}

/// The number of an exercise; TOML's keys are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Number(u32);

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        key.parse()
            .map(Self)
            .map_err(|_| format!("`{key}`: expected the number of an exercise, for instance 1"))
    }
}

/// Points with at most one decimal, as tenths.
fn tenths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let points = f64::deserialize(deserializer)?;
    let tenths = (points * 10.0).round();
    if tenths < 0.0 || tenths > f64::from(u32::MAX) || (points * 10.0 - tenths).abs() > 1e-6 {
        return Err(serde::de::Error::custom("expected points, for instance 10 or 6.7"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let tenths = tenths as u32;
    Ok(Some(tenths))
}

impl Notebook {
    /// Reads the notebook of a workbook; where there is none, nothing has been done yet.
    pub(crate) fn load(workbook: &Path) -> anyhow::Result<Self> {
        let path = workbook.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path.display().to_string(), &text).map_err(|error| {
                fault::input(format!(
                    "{error}\n  Mend the line, or move the file away to begin a new one."
                ))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Reads, changes and writes a notebook, while no other command does.
    ///
    /// A notebook that cannot be read is an error and stays as it is.
    pub(crate) fn change<T>(
        workbook: &Path,
        change: impl FnOnce(&mut Self) -> T,
    ) -> anyhow::Result<T> {
        if !workbook.is_dir() {
            return Err(fault::input("there is no workbook yet: `cargo xtask start` makes one"));
        }
        let lock = workbook.join(LOCK);
        let context = || format!("cannot lock {}", lock.display());
        let held = File::create(&lock).with_context(context)?;
        held.lock().with_context(context)?;
        let old = Self::load(workbook)?;
        let mut new = old.clone();
        let result = change(&mut new);
        if new != old {
            new.save(workbook)?;
        }
        Ok(result)
    }

    /// Whoever reads the file finds the old one or the new one, whole.
    fn save(&self, workbook: &Path) -> anyhow::Result<()> {
        let (path, new) = (workbook.join(FILE), workbook.join(format!("{FILE}.tmp")));
        let context = || format!("cannot write {}", path.display());
        let mut file = File::create(&new).with_context(context)?;
        file.write_all(self.print().as_bytes()).with_context(context)?;
        file.sync_all().with_context(context)?;
        fs::rename(&new, &path).with_context(context)
    }

    /// What a file says; the error names file, line and what was expected.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))
    }

    /// The text of the file.
    pub(crate) fn print(&self) -> String {
        let mut text = NOTE.to_owned();
        for (id, entry) in self.items.iter().filter(|(_, entry)| **entry != Entry::default()) {
            let _ = writeln!(text, "\n[item.{}]", quoted(id));
            entry.print(&mut text);
        }
        if !self.quiz.is_empty() {
            text.push_str("\n[quiz]\n");
        }
        for (id, Answers { right, wrong }) in &self.quiz {
            let _ = writeln!(text, "{} = {{ right = {right}, wrong = {wrong} }}", quoted(id));
        }
        text
    }

    /// What is remembered of an item.
    pub(crate) fn item(&self, id: &str) -> Entry {
        self.items.get(id).cloned().unwrap_or_default()
    }

    fn entry(&mut self, id: &str) -> &mut Entry {
        self.items.entry(id.to_owned()).or_default()
    }

    /// How often a question was answered.
    pub(crate) fn answers(&self, question_id: &str) -> Answers {
        self.quiz.get(question_id).copied().unwrap_or_default()
    }

    /// A question was answered.
    pub(crate) fn answered(&mut self, question_id: &str, right: bool) {
        let answers = self.quiz.entry(question_id.to_owned()).or_default();
        let count = if right { &mut answers.right } else { &mut answers.wrong };
        *count = count.saturating_add(1);
    }

    /// An item was graded: so many tenths of so many.
    pub(crate) fn graded(&mut self, id: &str, score: u32, of: u32) {
        let entry = self.entry(id);
        let same_course = entry.of == Some(of);
        entry.done = score == of || (entry.done && same_course);
        entry.best = entry.best.max(Some(score));
        entry.last = Some(score);
        entry.of = Some(of);
    }

    /// Writes down that hints up to `level` were taken for an exercise.
    pub(crate) fn hinted(&mut self, id: &str, exercise: u32, level: u32) {
        let taken = self.entry(id).hints.entry(Number(exercise)).or_default();
        *taken = level.max(*taken);
    }

    /// The reference answer of an item was shown before it was done.
    pub(crate) fn spoiled(&mut self, id: &str) {
        self.entry(id).spoiled = true;
    }

    /// An item is a stub again; hints and the best score stay.
    pub(crate) fn reset(&mut self, id: &str) {
        if let Some(entry) = self.items.get_mut(id) {
            entry.done = false;
            entry.last = None;
        }
    }
}

impl Entry {
    /// How many hints were taken for an exercise.
    pub(crate) fn hints_for(&self, exercise: u32) -> u32 {
        self.hints.get(&Number(exercise)).copied().unwrap_or_default()
    }

    /// How many hints were taken for all exercises.
    pub(crate) fn hints(&self) -> u32 {
        self.hints.values().sum()
    }

    fn print(&self, text: &mut String) {
        if self.done {
            text.push_str("done = true\n");
        }
        for (key, value) in [("last", self.last), ("best", self.best), ("of", self.of)] {
            if let Some(tenths) = value {
                let _ = writeln!(text, "{key} = {}", points(tenths));
            }
        }
        if self.spoiled {
            text.push_str("spoiled = true\n");
        }
        if !self.hints.is_empty() {
            let taken = self.hints.iter().map(|(Number(exercise), n)| format!("{exercise} = {n}"));
            let _ = writeln!(text, "hints = {{ {} }}", taken.collect::<Vec<_>>().join(", "));
        }
    }
}

/// A key of TOML that may hold any character.
fn quoted(key: &str) -> String {
    toml::Value::from(key).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ch08/drill_03_links";

    fn example() -> Notebook {
        let mut notebook = Notebook::default();
        notebook.graded("ch09/drill_01_x", 67, 300);
        notebook.graded(ID, 300, 300);
        notebook.hinted(ID, 2, 1);
        notebook.hinted(ID, 1, 3);
        notebook.spoiled(ID);
        notebook.answered("8.3.2", false);
        notebook.answered("8.3.1", true);
        notebook.answered("8.3.1", true);
        notebook
    }

    #[test]
    fn a_notebook_is_printed_in_a_fixed_order_and_read_again() {
        let text = example().print();
        let expected = "\n[item.\"ch08/drill_03_links\"]\ndone = true\nlast = 30\nbest = 30\nof = 30\n\
            spoiled = true\nhints = { 1 = 3, 2 = 1 }\n\n\
            [item.\"ch09/drill_01_x\"]\nlast = 6.7\nbest = 6.7\nof = 30\n\n\
            [quiz]\n\"8.3.1\" = { right = 2, wrong = 0 }\n\"8.3.2\" = { right = 0, wrong = 1 }\n";
        assert_eq!(text, format!("{NOTE}{expected}"));
        assert_eq!(Notebook::parse(FILE, &text).unwrap(), example());
        assert_eq!(Notebook::parse(FILE, "").unwrap(), Notebook::default());
    }

    #[test]
    fn an_item_is_done_until_it_is_reset_or_has_grown() {
        let mut notebook = example();
        notebook.graded(ID, 200, 300);
        let entry = notebook.item(ID);
        assert!(entry.done, "it was done once");
        assert_eq!((entry.last, entry.best), (Some(200), Some(300)));
        notebook.graded(ID, 300, 400);
        assert!(!notebook.item(ID).done, "there is a new exercise");
        notebook.graded(ID, 400, 400);
        notebook.reset(ID);
        let entry = notebook.item(ID);
        assert_eq!((entry.done, entry.last, entry.best), (false, None, Some(400)));
        assert_eq!((entry.hints(), entry.spoiled), (4, true));
    }

    #[test]
    fn hints_are_counted_by_the_highest_level() {
        let mut notebook = Notebook::default();
        for level in [1, 2, 1] {
            notebook.hinted(ID, 1, level);
        }
        let entry = notebook.item(ID);
        assert_eq!((entry.hints_for(1), entry.hints_for(2), entry.hints()), (2, 0, 2));
        assert_eq!(example().answers("8.3.1"), Answers { right: 2, wrong: 0 });
        assert_eq!(example().answers("none"), Answers::default());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_stays_as_it_is() {
        for (from, to, line, expected) in [
            ("done = true", "done = yes", 4, "progress.toml:4: "),
            ("last = 6.7", "last = 6.75", 12, "expected points"),
            ("best = 6.7", "best = -1", 13, "expected points"),
            ("spoiled = true", "spoilt = true", 8, "spoilt"),
            ("1 = 3", "one = 3", 9, "expected the number of an exercise"),
            ("right = 2", "right = -2", 17, "expected u32"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(FILE);
            let text = example().print();
            assert!(text.contains(from), "{from}");
            let broken = text.replace(from, to);
            fs::write(&path, &broken).unwrap();
            let error = Notebook::change(dir.path(), |notebook| notebook.spoiled(ID)).unwrap_err();
            let said = format!("{error:#}");
            assert!(said.contains(&format!("{FILE}:{line}: ")), "{to}: line {line}\n{said}");
            assert!(said.contains(expected), "{to}: {expected}\n{said}");
            assert_eq!(fs::read_to_string(&path).unwrap(), broken);
        }
    }

    #[test]
    fn changes_of_many_commands_at_once_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        Notebook::change(dir.path(), |notebook| notebook.answered("q", true))
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(Notebook::load(dir.path()).unwrap().answers("q").right, 160);
        let left = files::below(dir.path()).unwrap();
        assert_eq!(left, [Path::new(FILE)], "no temporary file is left behind");
    }

    #[test]
    fn without_a_workbook_nothing_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = dir.path().join("workbook");
        assert_eq!(Notebook::load(&nowhere).unwrap(), Notebook::default());
        let error = Notebook::change(&nowhere, |notebook| notebook.answered("q", true));
        assert!(error.unwrap_err().to_string().contains("cargo xtask start"));
        assert!(!nowhere.exists());
    }
}
