//! `solution`: the learner's answer beside the reference answer, once it is earned.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::notebook::{Entry, Notebook};
use crate::report::points;
use crate::style::{self, paint};
use crate::{fault, files, plan, stub, workbook};

mod beside;

/// Shows both answers, if the item has full marks or the learner wants it all the same.
pub(crate) fn run(course: &Course, id: &str, spoil: bool) -> anyhow::Result<Verdict> {
    let item = course.select_one(id)?;
    let root = course.root.join(workbook::FOLDER);
    let entry = Notebook::load(&root)?.item(&item.id());
    if !entry.done {
        if !spoil {
            return Err(fault::input(refusal(item, &entry)));
        }
        Notebook::change(&root, |notebook| notebook.spoiled(&item.id()))?;
        anstream::eprintln!("Written down in {}/progress.toml: spoiled.\n", workbook::FOLDER);
    }
    let reference: files::Tree = plan::reference(course, item)?
        .into_iter()
        .map(|(path, bytes)| {
            let text = stub::without_ends(&String::from_utf8_lossy(&bytes));
            (path, text.into_bytes())
        })
        .collect();
    let mine = mine(course, item)?;
    let paths: BTreeSet<&PathBuf> = reference.iter().chain(&mine).map(|(path, _)| path).collect();
    let mut same = true;
    for path in paths {
        let (mine, reference) = (text_of(&mine, path), text_of(&reference, path));
        if mine != reference {
            same = false;
            let file = item.shown(path);
            anstream::println!("{}", paint(style::TITLE, &file));
            anstream::println!("{}", beside::render(&mine, &reference, style::columns()));
        }
    }
    if same {
        anstream::println!("Your answer is the reference answer, word for word.");
    }
    Ok(Verdict::Full)
}

fn refusal(item: &Item, entry: &Entry) -> String {
    let so_far = match (entry.last, entry.of) {
        (Some(last), Some(of)) => {
            format!("{item} has {} of {} points so far", points(last), points(of))
        }
        _ => format!("{item} has not been graded yet"),
    };
    format!(
        "{so_far}; the reference answer is shown once it has full marks.\n  \
         See your points:  cargo xtask grade {item}\n  \
         Get a hint:       cargo xtask hint {item}\n  \
         See it anyway:    cargo xtask solution {item} --spoil  (this is written down)"
    )
}

/// What the learner has written, or the stub if nothing is there.
fn mine(course: &Course, item: &Item) -> anyhow::Result<files::Tree> {
    let folder = course.root.join(workbook::FOLDER).join(item.dir()).join("src");
    let mut tree = files::load_tree(&folder)?;
    if tree.is_empty() {
        return plan::stub(course, item);
    }
    tree.retain(|(path, _)| path.extension().is_some_and(|ending| ending == "rs"));
    Ok(tree.into_iter().map(|(path, bytes)| (PathBuf::from("src").join(path), bytes)).collect())
}

fn text_of(tree: &files::Tree, path: &PathBuf) -> String {
    let found = tree.iter().find(|(name, _)| name == path);
    found.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
