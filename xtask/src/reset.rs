//! `reset`: an item is a stub again, and what was written is kept beside it.

use std::path::{Path, PathBuf};

use crate::course::{Course, Item};
use crate::fault::Verdict;
use crate::notebook::Notebook;
use crate::style::{self, paint};
use crate::{fault, files, workbook};

/// Takes the items that `id` names, or all of them, back to the stub.
pub(crate) fn run(course: &Course, id: Option<&str>) -> anyhow::Result<Verdict> {
    let root = course.root.join(workbook::FOLDER);
    let items = course.select(id)?;
    let started: Vec<&Item> =
        items.into_iter().filter(|item| workbook::started(&root, item)).collect();
    if started.is_empty() {
        let id = id.map(|id| format!(" {id}")).unwrap_or_default();
        return Err(fault::input(format!(
            "nothing of that is in your workbook: `cargo xtask start{id}` puts it there"
        )));
    }
    // A notebook that cannot be read stops the command before it has changed anything.
    Notebook::load(&root)?;
    anstream::println!("{}", paint(style::TITLE, "Back to the stub:"));
    for item in &started {
        let kept = to_the_stub(course, &root, item)?;
        Notebook::change(&root, |notebook| notebook.reset(&item.id()))?;
        if kept.is_empty() {
            anstream::println!(
                "  {} {item}  {}",
                style::OPEN,
                paint(style::FAINT, "is one already")
            );
            continue;
        }
        anstream::println!("  {} {item}", style::FULL);
        for (path, copy) in kept {
            let folder = format!("{}/{}", workbook::FOLDER, item.shown(&path));
            let copy = Path::new(&folder).with_file_name(copy);
            anstream::println!("      what you wrote is in {}", files::slashed(&copy));
        }
    }
    Ok(Verdict::Full)
}

/// Puts the stub back; says which files were kept, and under which names.
fn to_the_stub(
    course: &Course,
    root: &Path,
    item: &Item,
) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let stub = workbook::stub(course, item)?;
    let folder = item.dir();
    let mut kept = Vec::new();
    for file in &stub {
        if let Some(copy) = workbook::put_back(root, file)? {
            kept.push((file.path.clone(), copy));
        }
    }
    // A source of the learner's own would be compiled with the stub.
    for path in files::below(&root.join(&folder).join("src"))? {
        let path = folder.join("src").join(path);
        let is_source = path.extension().is_some_and(|ending| ending == "rs");
        if is_source && !stub.iter().any(|file| file.path == path) {
            kept.push((path.clone(), files::keep(&root.join(&path))?));
            files::remove(&root.join(&path))?;
        }
    }
    for (path, _) in &mut kept {
        if let Ok(below) = path.strip_prefix(&folder) {
            *path = below.to_owned();
        }
    }
    Ok(kept)
}
