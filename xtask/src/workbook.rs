//! `start`: the learner's own copy of the course, with the answers cut out.
//!
//! What the learner writes stays; what the course owns (manifests, tests, READMEs, hints) is brought
//! up to date each time.

mod contents;
mod update;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::files;
use crate::style::{self, paint};

pub(crate) use contents::stub;
pub(crate) use update::put_back;
use update::{Change, What};

/// The workbook's folder, below the root of the course.
pub(crate) const FOLDER: &str = "workbook";

/// Makes the workbook, or adds to it, and says where to go on.
pub(crate) fn start(course: &Course, id: Option<&str>) -> anyhow::Result<Verdict> {
    let wanted = course.select(id)?;
    let root = course.root.join(FOLDER);
    let mut lines = Vec::new();
    let mut changes = Vec::new();
    for item in &wanted {
        let mark = if started(&root, item) {
            style::OPEN
        } else {
            update::forget(&root, &item.dir())?;
            let whole = contents::item(course, item)?;
            changes.extend(made_anew(update::apply(&root, None, &whole)?));
            style::FULL
        };
        let count = crate::plan::exercises(course, item)?.len();
        lines.push((mark, format!("{item}, {}", style::counted(count, "exercise"))));
    }
    changes.extend(refresh(course, &root)?);

    let new = lines.iter().filter(|(mark, _)| *mark == style::FULL).count();
    let heading = match (new, lines.len() - new) {
        (new, 0) => format!("Put into {FOLDER}/ ({new} new):"),
        (0, _) => format!("Already in {FOLDER}/:"),
        (new, old) => format!("Put into {FOLDER}/ ({new} new, {old} already there):"),
    };
    anstream::println!("{}", paint(style::TITLE, &heading));
    for (mark, line) in lines {
        anstream::println!("  {mark} {line}");
    }
    anstream::print!("{}", told(&changes));
    if contents::manifest_of_xtask(&course.root).is_none() {
        anstream::println!(
            "\nThe path of the course holds a blank: `cargo xtask` works in its root, not in {FOLDER}/."
        );
    }
    go_on(course, &root, &wanted)?;
    Ok(Verdict::Full)
}

/// Whether an item is in the workbook.
pub(crate) fn started(workbook: &Path, item: &Item) -> bool {
    workbook.join(item.dir()).join("src").is_dir()
}

/// Brings everything in the workbook up to date; says what is not as it was.
fn refresh(course: &Course, root: &Path) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut members = Vec::new();
    for chapter in &course.chapters {
        let (here, absent): (Vec<&Item>, Vec<&Item>) =
            chapter.items.iter().partition(|item| started(root, item));
        if here.is_empty() {
            continue;
        }
        let package = contents::chapter(course, chapter, &here, &absent)?;
        changes.extend(made_anew(update::apply(root, None, &package)?));
        members.push(chapter.folder.clone());
        for item in here {
            let whole = contents::item(course, item)?;
            changes.extend(update::apply(root, Some(&item.dir()), &whole)?);
            members.push(files::slashed(&item.dir()));
        }
    }
    changes.extend(made_anew(update::apply(root, None, &contents::root(course, members)?)?));
    copy_lock_file(course, root)?;
    Ok(changes)
}

/// Manifests and lists change with each item that is started: only what was lost by it is news.
fn made_anew(changes: Vec<Change>) -> impl Iterator<Item = Change> {
    changes.into_iter().filter(|change| !matches!(change.what, What::New | What::Updated))
}

/// The same versions as the course, so that nothing is built twice. Cargo takes out of the copy what
/// the workbook does not need, so the copy is made anew only when the course's own has changed.
fn copy_lock_file(course: &Course, root: &Path) -> anyhow::Result<()> {
    let name = Path::new("Cargo.lock");
    let lock = course.root.join(name);
    if !lock.is_file() {
        return Ok(());
    }
    let text = files::read(&lock)?;
    if !root.join(name).is_file() || !update::was_given(root, name, text.as_bytes())? {
        files::write(&root.join(name), &text)?;
        update::remember(root, name, text.as_bytes())?;
    }
    Ok(())
}

/// What was brought up to date, and what the learner has to look at.
fn told(changes: &[Change]) -> String {
    let mut updated = String::new();
    let mut to_look_at = String::new();
    for Change { path, what } in changes {
        let mine = matches!(what, What::Kept(_) | What::Beside(_));
        let (text, mark) =
            if mine { (&mut to_look_at, style::PART) } else { (&mut updated, style::FULL) };
        let path = format!("{FOLDER}/{}", files::slashed(path));
        let _ = writeln!(text, "  {mark} {}{}", paint(style::ACTION, &path), said_of(what));
    }
    let section = |heading: &str, lines: String| match lines.as_str() {
        "" => lines,
        _ => format!("\n{}\n{lines}", paint(style::TITLE, heading)),
    };
    section("Brought up to date from the course:", updated)
        + &section("For you to look at:", to_look_at)
}

fn said_of(what: &What) -> String {
    let below = |text: String| format!("\n      {text}");
    match what {
        What::Updated => String::new(),
        What::New => paint(style::FAINT, "  new"),
        What::Removed => paint(style::FAINT, "  no longer needed"),
        What::Grown(old) => {
            below(format!("has a new part; your answers stand, your file from before is {old}"))
        }
        What::Kept(old) => below(format!("is the course's; what you changed in it is in {old}")),
        What::Beside(new) => below(format!(
            "stands as you wrote it; the course's has changed and is beside it: {new}"
        )),
    }
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
    anstream::println!("  Stuck       {}", command(&format!("cargo xtask hint {item}")));
    anstream::println!("  Get points  {}", command(&format!("cargo xtask grade {item}")));
    Ok(())
}

/// The `todo!` of the first exercise of a stub that is still open: item, file, line and exercise.
pub(crate) fn first_open<'a>(
    root: &Path,
    item: &'a Item,
) -> anyhow::Result<Option<(&'a Item, String, usize, String)>> {
    let start = format!("todo!(\"{}, exercise ", item.label());
    let sources = files::load_tree(&root.join(item.dir()).join("src"))?;
    let sources = sources
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|(path, bytes)| (PathBuf::from("src").join(path), String::from_utf8_lossy(bytes)));
    let first = sources
        .filter_map(|(path, text)| {
            let (number, line) = first_todo(&text, &start)?;
            Some((number, files::slashed(&path), line))
        })
        .min();
    Ok(first.map(|(number, file, line)| (item, file, line, number.to_string())))
}

/// The lowest exercise whose `todo!` begins with `start`, and the line of the first of them.
fn first_todo(text: &str, start: &str) -> Option<(u32, usize)> {
    let of_line = |(index, line): (usize, &str)| {
        let (_, rest) = line.split_once(start)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((digits.parse().ok()?, index + 1))
    };
    text.lines().enumerate().filter_map(of_line).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exercises_are_done_in_the_order_of_their_numbers() {
        let text =
            "a\ntodo!(\"x, exercise 10\")\ntodo!(\"x, exercise 2\")\ntodo!(\"x, exercise 2\")";
        assert_eq!(first_todo(text, "todo!(\"x, exercise "), Some((2, 3)));
        assert_eq!(first_todo(text, "todo!(\"y, exercise "), None);
    }

    #[test]
    fn what_was_updated_stands_apart_from_what_is_to_be_looked_at() {
        let change = |path: &str, what| Change { path: path.into(), what };
        let text = told(&[
            change("a/src/lib.rs", What::Beside("lib.rs.new".to_owned())),
            change("a/tests/drill.rs", What::Updated),
            change("b/src/lib.rs", What::Grown("lib.rs.bak-1".to_owned())),
            change("b/hints.md", What::Kept("hints.md.bak-2".to_owned())),
        ]);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            text,
            "\nBrought up to date from the course:\n  \
             ✓ workbook/a/tests/drill.rs\n  \
             ✓ workbook/b/src/lib.rs\n      \
             has a new part; your answers stand, your file from before is lib.rs.bak-1\n\n\
             For you to look at:\n  \
             ◐ workbook/a/src/lib.rs\n      \
             stands as you wrote it; the course's has changed and is beside it: lib.rs.new\n  \
             ◐ workbook/b/hints.md\n      \
             is the course's; what you changed in it is in hints.md.bak-2\n"
        );
        assert_eq!(told(&[]), "");
    }
}
