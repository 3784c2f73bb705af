//! `new`: the seven parts of an item, for an author to fill.
//!
//! What is still to be written says so by [`MARK`], and `check` lists each such place.

use std::path::PathBuf;

use crate::course::{Chapter, Course, Item, Kind, parse_item};
use crate::fault::Verdict;
use crate::style::{self, paint};
use crate::{fault, files};

/// Stands before a sentence that says what is to be written in its place.
pub(crate) const MARK: &str = "TO WRITE:";

/// The places of a text that are still to be written, as `line: what`.
pub(crate) fn unwritten(text: &str) -> Vec<String> {
    let found = |(index, line): (usize, &str)| {
        let (_, what) = line.split_once(MARK)?;
        let what = what.trim().trim_end_matches("-->").trim_end_matches(['"', ',', ' ']);
        Some(format!("{}: still to be written: {what}", index + 1))
    };
    text.lines().enumerate().filter_map(found).collect()
}

/// Makes the item, and enters it in the workspace and in its chapter.
pub(crate) fn run(course: &Course, kind: &str, name: &str) -> anyhow::Result<Verdict> {
    let (chapter, item) = named(course, kind, name)?;
    let root = files::read(&course.root.join("Cargo.toml"))?;
    let mut files: Vec<(PathBuf, String)> = parts(&item, &root)?
        .into_iter()
        .map(|(file, text)| (item.dir().join(file), text))
        .collect();
    // All that could be refused is refused before anything is written.
    files.extend(entries(course, chapter, &item)?);
    for (file, text) in &files {
        files::write(&course.root.join(file), text)?;
    }
    anstream::println!("{}", paint(style::TITLE, &format!("{item} is made:")));
    for (file, _) in &files {
        anstream::println!("  {}", files::slashed(file));
    }
    anstream::println!(
        "It compiles and its test passes. What is still to be written: cargo xtask check --quick"
    );
    Ok(Verdict::Full)
}

/// The chapter and the item that are meant; the item must not be there yet.
fn named<'a>(course: &'a Course, kind: &str, name: &str) -> anyhow::Result<(&'a Chapter, Item)> {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    let Some(kind) = Kind::ALL.into_iter().find(|known| known.word() == kind) else {
        return Err(fault::input(format!(
            "`{kind}` is no kind of item; expected one of: {}",
            kinds.join(", ")
        )));
    };
    let expected = || {
        let word = kind.word();
        fault::input(format!(
            "`{name}` is no name for a new {word}; expected a chapter and a folder, for instance \
             ch08/{word}_04_topic"
        ))
    };
    let (chapter, folder) = name.trim_end_matches('/').split_once('/').ok_or_else(expected)?;
    let found = course
        .chapters
        .iter()
        .find(|known| known.folder == chapter || chapter == format!("ch{:02}", known.number));
    let Some(known) = found else {
        let all: Vec<&str> = course.chapters.iter().map(|known| known.folder.as_str()).collect();
        return Err(fault::input(format!(
            "there is no chapter `{chapter}`; expected one of: {}",
            all.join(", ")
        )));
    };
    let plain = folder.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let item = parse_item(known.number, &known.folder, folder)
        .filter(|item| {
            item.kind == kind && plain && (item.number.is_some() || kind == Kind::Project)
        })
        .ok_or_else(expected)?;
    let taken = known.items.iter().find(|old| {
        old.folder == item.folder || (old.kind == item.kind && old.number == item.number)
    });
    if let Some(old) = taken {
        return Err(fault::input(format!("there is {old} already; nothing was written")));
    }
    if course.root.join(item.dir()).exists() {
        return Err(fault::input(format!(
            "there is a folder {} already; nothing was written",
            item.shown("")
        )));
    }
    Ok((known, item))
}

/// The seven parts, relative to the item's folder.
fn parts(item: &Item, root: &str) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let (inherited, dependencies) = shared(root).map_err(fault::course)?;
    let fill = |text: &str| {
        text.replace("@PACKAGE@", &item.package())
            .replace("@ID@", &item.id())
            .replace("@LABEL@", &item.label())
            .replace("@TITLE@", &capital(&item.label()))
            .replace("@NUMBER@", item.label().rsplit(' ').next().unwrap_or_default())
            .replace("@KIND@", item.kind.word())
            .replace("@INHERITED@\n", &inherited)
            .replace("@DEPENDENCIES@\n", &dependencies)
    };
    Ok(vec![
        ("Cargo.toml".into(), fill(include_str!("new/Cargo.toml.txt"))),
        ("README.md".into(), fill(include_str!("new/README.md.txt"))),
        ("src/lib.rs".into(), fill(include_str!("new/lib.rs.txt"))),
        (item.test_file(), fill(include_str!("new/tests.rs.txt"))),
        ("hints.md".into(), fill(include_str!("new/hints.md.txt"))),
        ("quiz.toml".into(), fill(include_str!("new/quiz.toml.txt"))),
        ("mutants/answers_something_else.patch".into(), fill(include_str!("new/mutant.patch.txt"))),
    ])
}

/// What an item takes from the workspace, if it is there: fields of its package, dependencies.
fn shared(root: &str) -> Result<(String, String), String> {
    let manifest: toml::Table =
        toml::from_str(root).map_err(|error| files::toml_fault("Cargo.toml", root, &error))?;
    let lines = |table: &str, keys: &[&str]| {
        let known = manifest.get("workspace").and_then(|workspace| workspace.get(table));
        let here = keys.iter().filter(|key| known.is_some_and(|known| known.get(**key).is_some()));
        let lines: Vec<String> = here.map(|key| format!("{key}.workspace = true\n")).collect();
        lines.concat() + "\n"
    };
    let package = lines("package", &["edition", "rust-version", "license", "publish"]);
    Ok((package, lines("dependencies", &["runtime", "tokio"])))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// The files in which an item is entered, with the entry.
fn entries(
    course: &Course,
    chapter: &Chapter,
    item: &Item,
) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let (folder, package) = (&item.folder, item.package());
    let mut entries = Vec::new();
    let mut enter = |file: PathBuf, edit: &dyn Fn(&str) -> Option<String>, by_hand: &str| {
        let text = files::read(&course.root.join(&file))?;
        let Some(new) = edit(&text) else {
            return Err(fault::course(format!(
                "{}: there is no place to enter the item; expected {by_hand}; nothing was written",
                files::slashed(&file)
            )));
        };
        entries.push((file, new));
        anyhow::Ok(())
    };
    let own = format!("{}/{folder}", chapter.folder);
    let all = format!("{}/{}_*", chapter.folder, item.kind.word());
    enter("Cargo.toml".into(), &|text| member(text, &own, &all), "a list `members = [` in it")?;
    let dir = PathBuf::from(&chapter.folder);
    let line = format!("{package} = {{ path = \"{folder}\" }}");
    enter(dir.join("Cargo.toml"), &|text| dependency(text, &line), "a line `[dependencies]`")?;
    let path = files::slashed(&item.test_file());
    let test = format!("#[path = \"../{folder}/{path}\"]\nmod {folder};\n");
    enter(dir.join("tests/chapter.rs"), &|text| Some(appended(text, &test)), "it")?;
    let reexport = format!("pub use {package} as {folder};\n");
    enter(dir.join("src/lib.rs"), &|text| Some(appended(text, &reexport)), "it")?;
    Ok(entries)
}

/// The root manifest with the item among its members, below those of its chapter; unchanged when a
/// pattern has it already.
fn member(text: &str, own: &str, all: &str) -> Option<String> {
    if [own, all].iter().any(|known| text.contains(&format!("\"{known}\""))) {
        return Some(text.to_owned());
    }
    let chapter = all.split_once('/').map_or(all, |(chapter, _)| chapter);
    let of_chapter = |line: &&str| {
        let member = line.trim().trim_start_matches('"');
        member.strip_prefix(chapter).is_some_and(|rest| rest.starts_with(['"', '/']))
    };
    if let Some(last) = text.lines().rfind(of_chapter) {
        let indent = &last[..last.len() - last.trim_start().len()];
        let comma = if last.trim_end().ends_with(',') { "" } else { "," };
        return Some(text.replacen(last, &format!("{last}{comma}\n{indent}\"{all}\","), 1));
    }
    let begin = text.find("\nmembers = [")? + "\nmembers = [".len();
    let end = begin + text[begin..].find(']')?;
    let known = text[begin..end].trim_end().trim_end_matches(',');
    let (between, after) = if known.contains('\n') { (",\n    ", ",\n") } else { (", ", "") };
    Some(format!("{}{known}{between}\"{all}\"{after}{}", &text[..begin], &text[end..]))
}

/// A manifest with one dependency more, below those on other items.
fn dependency(text: &str, line: &str) -> Option<String> {
    let begin = text.find("[dependencies]\n")? + "[dependencies]\n".len();
    let others =
        text[begin..].lines().take_while(|line| !line.trim().is_empty() && !line.starts_with('['));
    let end = begin + others.map(|line| line.len() + 1).sum::<usize>();
    let (above, below) = text.split_at(end.min(text.len()));
    let newline = if above.ends_with('\n') { "" } else { "\n" };
    Some(format!("{above}{newline}{line}\n{below}"))
}

fn appended(text: &str, more: &str) -> String {
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{newline}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_to_be_written_is_found_with_its_line() {
        let text = "# A\n\nTO WRITE: the objective.\nask = \"TO WRITE: a question.\"\n";
        assert_eq!(
            unwritten(text),
            ["3: still to be written: the objective.", "4: still to be written: a question."]
        );
        assert!(unwritten("to write is to rewrite").is_empty());
    }

    #[test]
    fn a_member_is_entered_once_in_lists_of_every_form() {
        let one = "[workspace]\nmembers = [\"a\"]\nx = 1\n";
        let entered = member(one, "c/drill_01", "c/drill_*").unwrap();
        assert_eq!(entered, "[workspace]\nmembers = [\"a\", \"c/drill_*\"]\nx = 1\n");
        assert_eq!(member(&entered, "c/drill_02", "c/drill_*").unwrap(), entered);
        let many = "[workspace]\nmembers = [\n    \"a\",\n]\n";
        let entered = member(many, "c/drill_01", "c/drill_*").unwrap();
        assert_eq!(entered, "[workspace]\nmembers = [\n    \"a\",\n    \"c/drill_*\",\n]\n");
        let chapters = "[workspace]\nmembers = [\n    \"c\",\n    \"c/a_*\",\n    \"d\",\n]\n";
        let entered = member(chapters, "c/drill_01", "c/drill_*").unwrap();
        assert_eq!(entered, chapters.replace("a_*\",", "a_*\",\n    \"c/drill_*\","));
        let last = "[workspace]\nmembers = [\n    \"x\",\n    \"c\"\n]\n";
        let entered = member(last, "c/drill_01", "c/drill_*").unwrap();
        assert_eq!(entered, last.replace("\"c\"\n", "\"c\",\n    \"c/drill_*\",\n"));
        assert_eq!(member("[package]\n", "a", "b"), None);
    }

    #[test]
    fn a_dependency_comes_below_the_others() {
        let text = "[dependencies]\na = { path = \"a\" }\n\n[lints]\n";
        assert_eq!(
            dependency(text, "b = 1").unwrap(),
            "[dependencies]\na = { path = \"a\" }\nb = 1\n\n[lints]\n"
        );
        assert_eq!(dependency("[dependencies]\n", "b = 1").unwrap(), "[dependencies]\nb = 1\n");
        assert_eq!(dependency("", "b = 1"), None);
    }
}
