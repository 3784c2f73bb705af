//! What the course consists of, read from its folders.
//!
//! A folder `chNN_*` that holds a `Cargo.toml` is a chapter; a folder `kind_NN_*` inside of it is an
//! item. Nothing here knows the name of a single drill.

pub(crate) mod id;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use regex_lite::Regex;

use crate::{fault, files};

/// Points of one exercise, in tenths, so that sums stay exact.
pub(crate) const EXERCISE_TENTHS: u32 = 100;

/// The whole course, chapters and items in the order in which they are learned.
#[derive(Debug)]
pub(crate) struct Course {
    /// The folder that holds everything.
    pub(crate) root: PathBuf,
    /// Chapters by number.
    pub(crate) chapters: Vec<Chapter>,
}

/// One chapter: a package that runs the tests of all of its items.
#[derive(Debug, Clone)]
pub(crate) struct Chapter {
    /// Folder and package name.
    pub(crate) folder: String,
    /// The number in the folder's name.
    pub(crate) number: u32,
    /// Items by kind, then by number.
    pub(crate) items: Vec<Item>,
}

/// One warm-up, drill, integration exercise, project or practice drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Number of the chapter.
    pub(crate) chapter: u32,
    /// Folder of the chapter.
    pub(crate) chapter_folder: String,
    /// What sort of item it is.
    pub(crate) kind: Kind,
    /// Its number among its kind; a chapter's only project has none.
    pub(crate) number: Option<u32>,
    /// Folder inside the chapter.
    pub(crate) folder: String,
}

/// The sorts of items, in the order in which a chapter presents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Two or three lines to get one's hands warm.
    Warmup,
    /// One idea.
    Drill,
    /// Several ideas at once.
    Exercise,
    /// A small system.
    Project,
    /// Repetition, later on.
    Practice,
}

impl Kind {
    /// All kinds, in order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Warmup, Self::Drill, Self::Exercise, Self::Project, Self::Practice];

    /// The word in folder names, which also names the test file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Drill => "drill",
            Self::Exercise => "exercise",
            Self::Project => "project",
            Self::Practice => "practice",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Warmup => "warm-up",
            Self::Drill => "drill",
            Self::Exercise => "integration exercise",
            Self::Project => "project",
            Self::Practice => "practice drill",
        }
    }
}

impl Item {
    /// The short id, for instance `ch08/drill_03_links`.
    pub(crate) fn id(&self) -> String {
        format!("ch{:02}/{}", self.chapter, self.folder)
    }

    /// The package name, for instance `ch08_drill_03_links`.
    pub(crate) fn package(&self) -> String {
        format!("ch{:02}_{}", self.chapter, self.folder)
    }

    /// How the course speaks of it, for instance `drill 8.3`.
    pub(crate) fn label(&self) -> String {
        match self.number {
            Some(number) => format!("{} {}.{number}", self.kind.title(), self.chapter),
            None => format!("{} {}", self.kind.title(), self.chapter),
        }
    }

    /// The folder, relative to the root of the course or of a workbook.
    pub(crate) fn dir(&self) -> PathBuf {
        Path::new(&self.chapter_folder).join(&self.folder)
    }

    /// The name of the test target: the kind's word.
    pub(crate) fn test_target(&self) -> &'static str {
        self.kind.word()
    }

    /// The course's test file, relative to the item's folder.
    pub(crate) fn test_file(&self) -> PathBuf {
        Path::new("tests").join(format!("{}.rs", self.kind.word()))
    }

    /// A file of the item as a message spells it: relative to the root of the course.
    pub(crate) fn shown(&self, file: impl AsRef<Path>) -> String {
        files::slashed(&self.dir().join(file))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

impl Course {
    /// Reads the folders below `root`.
    pub(crate) fn open(root: &Path) -> anyhow::Result<Self> {
        if !root.join("Cargo.toml").is_file() {
            return Err(fault::input(format!(
                "{} is not the root of a course: it holds no Cargo.toml",
                root.display()
            )));
        }
        let mut chapters = Vec::new();
        for folder in files::folders_in(root)? {
            let Some(number) = chapter_number(&folder) else { continue };
            if !root.join(&folder).join("Cargo.toml").is_file() {
                continue;
            }
            let inside = files::folders_in(&root.join(&folder))?;
            let mut items: Vec<Item> =
                inside.iter().filter_map(|name| parse_item(number, &folder, name)).collect();
            items.sort_by_key(|item| (item.kind, item.number, item.folder.clone()));
            chapters.push(Chapter { folder, number, items });
        }
        chapters.sort_by_key(|chapter| chapter.number);
        Ok(Self { root: root.to_owned(), chapters })
    }

    /// All items, in order.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.chapters.iter().flat_map(|chapter| &chapter.items)
    }

    /// The items that `query` names, or all of them; `.` is where the command is typed.
    pub(crate) fn select(&self, query: Option<&str>) -> anyhow::Result<Vec<&Item>> {
        let here = if query == Some(".") { self.here()? } else { None };
        let items: Vec<&Item> = match query.filter(|query| *query != ".").or(here.as_deref()) {
            None => self.items().collect(),
            Some(query) => id::select(&self.chapters, query)
                .map_err(|unknown| fault::input(unknown.to_string()))?,
        };
        if items.is_empty() {
            return Err(fault::course("the course holds no drill yet"));
        }
        Ok(items)
    }

    /// The one item that `query` names.
    pub(crate) fn select_one(&self, query: &str) -> anyhow::Result<&Item> {
        match self.select(Some(query))?.as_slice() {
            [item] => Ok(item),
            several => {
                let ids: Vec<String> = several.iter().map(|item| format!("\n  {item}")).collect();
                Err(fault::input(format!(
                    "`{query}` is more than one item; name one of them:{}",
                    ids.concat()
                )))
            }
        }
    }

    /// The chapter or item whose folder, in the course or in the workbook, is the current one.
    fn here(&self) -> anyhow::Result<Option<String>> {
        let here = std::env::current_dir()
            .and_then(|dir| dir.canonicalize())
            .context("cannot tell the current folder")?;
        let below = here.strip_prefix(&self.root).map_err(|_| {
            fault::input("the current folder is not in the course: `.` names nothing there")
        })?;
        Ok(id::of_folder(below))
    }
}

fn chapter_number(folder: &str) -> Option<u32> {
    let pattern = Regex::new(r"^ch(\d+)_\w+$").ok()?;
    pattern.captures(folder)?.get(1)?.as_str().parse().ok()
}

/// The item that a folder of this name is, in this chapter.
pub(crate) fn parse_item(chapter: u32, chapter_folder: &str, name: &str) -> Option<Item> {
    let pattern = Regex::new(r"^([a-z]+)_(?:(\d+)_)?\w+$").ok()?;
    let parts = pattern.captures(name)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == &parts[1])?;
    let number = parts.get(2).and_then(|digits| digits.as_str().parse().ok());
    Some(Item {
        chapter,
        chapter_folder: chapter_folder.to_owned(),
        kind,
        number,
        folder: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_known_by_its_folder() {
        let item = parse_item(8, "ch08_fault_tolerance", "drill_03_links").unwrap();
        assert_eq!(item.id(), "ch08/drill_03_links");
        assert_eq!(item.package(), "ch08_drill_03_links");
        assert_eq!(item.label(), "drill 8.3");
        assert_eq!(files::slashed(&item.test_file()), "tests/drill.rs");
        assert_eq!(item.shown("src/lib.rs"), "ch08_fault_tolerance/drill_03_links/src/lib.rs");
    }

    #[test]
    fn kinds_have_their_labels_and_other_folders_are_no_items() {
        let label = |name| parse_item(8, "ch08_x", name).map(|item| item.label());
        assert_eq!(label("warmup_01_boom").unwrap(), "warm-up 8.1");
        assert_eq!(label("exercise_02_pool").unwrap(), "integration exercise 8.2");
        assert_eq!(label("practice_04_x").unwrap(), "practice drill 8.4");
        assert_eq!(label("project_supervised_todo").unwrap(), "project 8");
        assert_eq!(label("src"), None);
        assert_eq!(label("drill"), None);
        assert_eq!(label("tests_01_x"), None);
    }
}
