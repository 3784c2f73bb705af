//! What earlier runs found out, kept with a fingerprint of everything that decides it.
//!
//! An entry with another fingerprint counts as absent and is overwritten, so that nothing piles up.
//! The cache can be deleted at any time: it saves time, and changes no result.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bench::Rules;
use crate::course::{Course, Item};
use crate::{fault, files, manifest};

/// Everything that decides how an item's tests end, as one number.
#[derive(Debug, Clone)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Of the item with its tests and reference answer, of all that it is built from, of the
    /// grader, and of the rules of its runs.
    pub(crate) fn of(course: &Course, item: &Item, rules: &Rules) -> anyhow::Result<Self> {
        let mut seen = Self(DefaultHasher::new());
        let root_manifest = "Cargo.toml";
        for file in [root_manifest, "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"] {
            seen.add(std::fs::read(course.root.join(file)).ok());
        }
        let text = files::read(&course.root.join(root_manifest))?;
        let shared = manifest::shared_folders(root_manifest, &text).map_err(fault::course)?;
        for folder in shared {
            seen.add_package(&course.root.join(folder))?;
        }
        seen.add_tree(&course.root.join("xtask/src"))?;
        let dir = course.root.join(item.dir());
        seen.add_package(&dir)?;
        seen.add_tree(&dir.join("tests"))?;
        seen.add((rules.seed, rules.runs, rules.deadline));
        seen.add(std::env::var_os("RUSTFLAGS"));
        Ok(seen)
    }

    /// The same, and these further things, as text.
    pub(crate) fn with(&self, further: impl Hash) -> String {
        let mut all = self.clone();
        all.add(further);
        format!("{:016x}", all.0.finish())
    }

    fn add(&mut self, what: impl Hash) {
        what.hash(&mut self.0);
    }

    fn add_package(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.add(std::fs::read(folder.join("Cargo.toml")).ok());
        self.add_tree(&folder.join("src"))
    }

    fn add_tree(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.add(files::load_tree(folder)?);
        Ok(())
    }
}

/// The entries of one item: one file for each name.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry<T> {
    fingerprint: String,
    value: T,
}

impl Cache {
    /// The entries in a folder, which need not exist yet.
    pub(crate) fn below(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// What was kept under this name, if the fingerprint is still the same.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str, fingerprint: &str) -> Option<T> {
        let bytes = std::fs::read(self.file(name)).ok()?;
        let entry: Entry<T> = serde_json::from_slice(&bytes).ok()?;
        (entry.fingerprint == fingerprint).then_some(entry.value)
    }

    /// Keeps a value under a name.
    pub(crate) fn put(
        &self,
        name: &str,
        fingerprint: &str,
        value: &impl Serialize,
    ) -> anyhow::Result<()> {
        let entry = Entry { fingerprint: fingerprint.to_owned(), value };
        files::write(&self.file(name), &serde_json::to_string(&entry)?)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_only_with_its_own_fingerprint() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::below(dir.path().join("c"));
        assert_eq!(cache.get::<u8>("a", "1"), None);
        cache.put("a", "1", &7_u8).unwrap();
        assert_eq!(cache.get("a", "1"), Some(7_u8));
        assert_eq!((cache.get::<u8>("a", "2"), cache.get::<u8>("b", "1")), (None, None));
        std::fs::write(cache.file("a"), "{").unwrap();
        assert_eq!(cache.get::<u8>("a", "1"), None);
    }

    #[test]
    fn a_fingerprint_changes_with_each_further_thing() {
        let empty = Fingerprint(DefaultHasher::new());
        assert_eq!(empty.with("a"), empty.with("a"));
        assert_ne!(empty.with("a"), empty.with("b"));
        assert_ne!(empty.with(("a", "b")), empty.with(("b", "a")));
    }
}
