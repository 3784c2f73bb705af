//! The notebook's file: read, printed, and replaced whole.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::Context as _;

use super::{Answers, Entry, Notebook, Number};
use crate::report::points;
use crate::{fault, files};

/// The file, below the workbook's folder.
const FILE: &str = "progress.toml";
const LOCK: &str = ".progress.lock";
const NOTE: &str = "# What you have done so far. `cargo xtask` keeps this file, and \
    `cargo xtask status` shows it.\n";

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
}

impl Entry {
    fn print(&self, text: &mut String) {
        if self.done {
            text.push_str("done = true\n");
        }
        for (key, value) in [("last", self.last), ("best", self.best), ("of", self.of)] {
            if let Some(tenths) = value {
                let _ = writeln!(text, "{key} = {}", points(tenths));
            }
        }
        if !self.open.is_empty() {
            let open: Vec<String> = self.open.iter().map(u32::to_string).collect();
            let _ = writeln!(text, "open = [{}]", open.join(", "));
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
    use super::super::tests::{ID, example};
    use super::*;

    #[test]
    fn a_notebook_is_printed_in_a_fixed_order_and_read_again() {
        let text = example().print();
        let expected = "\n[item.\"ch08/drill_03_links\"]\ndone = true\nlast = 30\nbest = 30\nof = 30\n\
            spoiled = true\nhints = { 1 = 3, 2 = 1 }\n\n\
            [item.\"ch09/drill_01_x\"]\nlast = 6.7\nbest = 6.7\nof = 30\nopen = [2, 3]\n\n\
            [quiz]\n\"8.3.1\" = { right = 2, wrong = 0 }\n\"8.3.2\" = { right = 0, wrong = 1 }\n";
        assert_eq!(text, format!("{NOTE}{expected}"));
        assert_eq!(Notebook::parse(FILE, &text).unwrap(), example());
        assert_eq!(Notebook::parse(FILE, "").unwrap(), Notebook::default());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_stays_as_it_is() {
        for (from, to, line, expected) in [
            ("done = true", "done = yes", 4, "progress.toml:4: "),
            ("last = 6.7", "last = 6.75", 12, "expected points"),
            ("best = 6.7", "best = -1", 13, "expected points"),
            ("spoiled = true", "spoilt = true", 8, "spoilt"),
            ("1 = 3", "one = 3", 9, "expected the number of an exercise"),
            ("right = 2", "right = -2", 18, "expected u32"),
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
