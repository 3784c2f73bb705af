//! `start`: the learner's own copy of the course, with the answers cut out.
//!
//! What the learner writes (`src/`, `tests/mine.rs`) is made once and never touched again; what the
//! course owns (manifests, tests, READMEs, hints) is brought up to date each time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::course::{Chapter, Course, Item};
use crate::fault::Verdict;
use crate::manifest::{self, Derived};
use crate::style::{self, paint};
use crate::{fault, files, plan};

/// The workbook's folder, below the root of the course.
pub(crate) const FOLDER: &str = "workbook";

/// Makes the workbook, or adds to it, and says where to go on.
pub(crate) fn start(course: &Course, id: Option<&str>) -> anyhow::Result<Verdict> {
    let wanted = course.select(id)?;
    let root = course.root.join(FOLDER);
    let mut lines = Vec::new();
    for item in &wanted {
        let src = root.join(item.dir());
        let mark = if src.join("src").is_dir() {
            style::OPEN
        } else {
            for (path, bytes) in plan::stub(course, item)? {
                files::write_bytes(&src.join(path), &bytes)?;
            }
            style::FULL
        };
        let count = plan::exercises(course, item)?.len();
        lines.push((mark, format!("{item}, {}", style::counted(count, "exercise"))));
    }
    refresh(course, &root)?;

    let new = lines.iter().filter(|(mark, _)| *mark == style::FULL).count();
    let heading = match (new, lines.len() - new) {
        (new, 0) => format!("Put into {FOLDER}/ ({new} new):"),
        (0, _) => format!("Already in {FOLDER}/; nothing of yours was touched:"),
        (new, old) => format!("Put into {FOLDER}/ ({new} new, {old} already there and untouched):"),
    };
    anstream::println!("{}", paint(style::TITLE, &heading));
    for (mark, line) in lines {
        anstream::println!("  {mark} {line}");
    }
    go_on(course, &root, &wanted)?;
    Ok(Verdict::Full)
}

/// Brings everything that the course owns up to date.
fn refresh(course: &Course, root: &Path) -> anyhow::Result<()> {
    let started = |item: &Item| root.join(item.dir()).join("src").is_dir();
    let mut members = Vec::new();
    for chapter in &course.chapters {
        let (here, absent): (Vec<&Item>, Vec<&Item>) =
            chapter.items.iter().partition(|item| started(item));
        if here.is_empty() {
            continue;
        }
        refresh_chapter(course, root, chapter, &here, &absent)?;
        members.push(chapter.folder.clone());
        for item in here {
            refresh_item(course, root, item)?;
            members.push(files::slashed(&item.dir()));
        }
    }
    let text = files::read(&course.root.join("Cargo.toml"))?;
    let manifest =
        manifest::workspace(&Derived { course: &text, way_back: "..", members, tag: FOLDER })
            .map_err(fault::course)?;
    let note = "# Made by `cargo xtask start`, and made again by it: changes here do not last.\n\n";
    files::write(&root.join("Cargo.toml"), &format!("{note}{manifest}"))?;
    let lock = course.root.join("Cargo.lock");
    if lock.is_file() {
        files::write(&root.join("Cargo.lock"), &files::read(&lock)?)?;
    }
    files::write(&root.join("README.md"), include_str!("workbook/README.md"))?;
    files::write(&root.join("AGENTS.md"), include_str!("workbook/AGENTS.md"))?;
    files::write(&root.join("rust-analyzer.toml"), include_str!("workbook/rust-analyzer.toml"))?;
    files::write(&root.join(".cargo/config.toml"), &cargo_config(&course.root))
}

/// The alias has the course's manifest as an absolute path: a relative one would be looked up from
/// wherever the command is typed.
fn cargo_config(course: &Path) -> String {
    let manifest = course.join("xtask/Cargo.toml").display().to_string();
    let mut text =
        "# Made by `cargo xtask start`.\n\n[build]\ntarget-dir = \"../target\"\n".to_owned();
    if manifest.contains(char::is_whitespace) {
        // Cargo splits an alias at its blanks and knows no quotes.
        anstream::eprintln!(
            "The path of the course holds a blank: call `cargo xtask` from the course's root only."
        );
    } else {
        let alias = format!("run --quiet --manifest-path {manifest} --bin xtask --");
        let _ = writeln!(text, "\n[alias]\nxtask = {}", toml::Value::from(alias));
    }
    text
}

/// Everything of an item but its sources, its mutants, its quiz and the learner's own tests.
fn refresh_item(course: &Course, root: &Path, item: &Item) -> anyhow::Result<()> {
    for (path, bytes) in files::load_tree(&course.root.join(item.dir()))? {
        let left_out = path.starts_with("src")
            || path.starts_with("mutants")
            || path == Path::new("quiz.toml")
            || path == Path::new(plan::MINE);
        if !left_out {
            files::write_bytes(&root.join(item.dir()).join(path), &bytes)?;
        }
    }
    Ok(())
}

/// The chapter's package, with the items that have been started.
fn refresh_chapter(
    course: &Course,
    root: &Path,
    chapter: &Chapter,
    here: &[&Item],
    absent: &[&Item],
) -> anyhow::Result<()> {
    let from = course.root.join(&chapter.folder);
    let to = root.join(&chapter.folder);
    let absent: BTreeSet<String> = absent.iter().map(|item| item.folder.clone()).collect();
    let name = format!("{}/Cargo.toml", chapter.folder);
    let manifest = manifest::chapter(&name, &files::read(&from.join("Cargo.toml"))?, &absent)
        .map_err(fault::course)?;
    files::write(&to.join("Cargo.toml"), &manifest)?;
    let readme = from.join("README.md");
    if readme.is_file() {
        files::write(&to.join("README.md"), &files::read(&readme)?)?;
    }
    let lib = format!(
        "//! Chapter {} in your workbook: its tests are those of its items.\n",
        chapter.number
    );
    files::write(&to.join("src/lib.rs"), &lib)?;
    let mut tests = "//! The tests of every item that you have started.\n".to_owned();
    for item in here {
        let file = files::slashed(&item.test_file());
        let _ = writeln!(tests, "\n#[path = \"../{0}/{file}\"]\nmod {0};", item.folder);
    }
    files::write(&to.join("tests/chapter.rs"), &tests)
}

/// Says which file to open: the first exercise that is still to be written.
fn go_on(course: &Course, root: &Path, wanted: &[&Item]) -> anyhow::Result<()> {
    let command = |typed: &str| paint(style::ACTION, typed);
    let everything: Vec<&Item> = course.items().collect();
    let mut open = None;
    for item in wanted.iter().copied().chain(everything) {
        open = first_open(root, item)?;
        if open.is_some() {
            break;
        }
    }
    let Some((item, file, line, number)) = open else {
        anstream::println!("\nNothing is left to be written there.");
        anstream::println!("  See your points:  {}", command("cargo xtask grade"));
        return Ok(());
    };
    let dir = format!("{FOLDER}/{}", item.shown(""));
    let dir = dir.trim_end_matches('/');
    anstream::println!("\n{} goes on with exercise {number}:", paint(style::TITLE, &item.label()));
    anstream::println!("  Read        {}", command(&format!("{dir}/README.md")));
    anstream::println!("  Then open   {}", command(&format!("{dir}/{file}:{line}")));
    let test = format!("cd {FOLDER} && cargo test -p {}", item.package());
    anstream::println!("  Try it      {}", command(&test));
    anstream::println!("  Get points  {}", command(&format!("cargo xtask grade {item}")));
    Ok(())
}

/// The first `todo!` of a stub that is still there: item, file, line and exercise.
fn first_open<'a>(
    root: &Path,
    item: &'a Item,
) -> anyhow::Result<Option<(&'a Item, String, usize, String)>> {
    let start = format!("todo!(\"{}, exercise ", item.label());
    for (path, bytes) in files::load_tree(&root.join(item.dir()).join("src"))? {
        let text = String::from_utf8_lossy(&bytes);
        for (index, line) in text.lines().enumerate() {
            if let Some((_, rest)) = line.split_once(&start) {
                let number = rest.chars().take_while(char::is_ascii_digit).collect();
                let file = files::slashed(&PathBuf::from("src").join(path));
                return Ok(Some((item, file, index + 1, number)));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_is_left_out_when_it_could_not_work() {
        assert!(cargo_config(Path::new("/a/b")).contains(
            "xtask = \"run --quiet --manifest-path /a/b/xtask/Cargo.toml --bin xtask --\""
        ));
        assert!(!cargo_config(Path::new("/a b")).contains("alias"));
    }
}
