//! Reading and writing files, with errors that name the file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file of a tree: its path, relative to the tree's folder, and what it holds.
pub(crate) type TreeFile = (PathBuf, Vec<u8>);

/// All files of a folder.
pub(crate) type Tree = Vec<TreeFile>;

/// The text of a file.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a file, and the folders above it, unless it already holds exactly this text.
///
/// A file that did not change keeps its time stamp, so cargo does not build it again.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    write_bytes(path, text.as_bytes())
}

/// As [`write()`], for a file that may not be text.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Every regular file below `dir`, relative to it, sorted.
///
/// Hidden entries, `target` folders and symbolic links are left out; a folder that does not exist
/// holds nothing.
pub(crate) fn below(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fn visit(dir: &Path, prefix: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
        let context = || format!("cannot list the folder {}", dir.display());
        for entry in fs::read_dir(dir).with_context(context)? {
            let entry = entry.with_context(context)?;
            let name = entry.file_name();
            let kind = entry.file_type().with_context(context)?;
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if name != "target" {
                    visit(&entry.path(), &prefix.join(&name), found)?;
                }
            } else if kind.is_file() {
                found.push(prefix.join(&name));
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    if dir.is_dir() {
        visit(dir, Path::new(""), &mut found)?;
    }
    found.sort();
    Ok(found)
}

/// The names of the folders directly inside `dir`, sorted.
pub(crate) fn folders_in(dir: &Path) -> anyhow::Result<Vec<String>> {
    let context = || format!("cannot list the folder {}", dir.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Makes `to` hold exactly `files`, which are paths relative to it with their bytes.
pub(crate) fn replace_tree(to: &Path, files: &[TreeFile]) -> anyhow::Result<()> {
    for old in below(to)? {
        if !files.iter().any(|(path, _)| *path == old) {
            let stale = to.join(&old);
            fs::remove_file(&stale)
                .with_context(|| format!("cannot remove {}", stale.display()))?;
        }
    }
    for (path, bytes) in files {
        write_bytes(&to.join(path), bytes)?;
    }
    Ok(())
}

/// The files below `dir` with their bytes.
pub(crate) fn load_tree(dir: &Path) -> anyhow::Result<Tree> {
    below(dir)?
        .into_iter()
        .map(|path| {
            let full = dir.join(&path);
            let bytes =
                fs::read(&full).with_context(|| format!("cannot read {}", full.display()))?;
            Ok((path, bytes))
        })
        .collect()
}

/// A path with forward slashes, as messages, links and reports spell it.
pub(crate) fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Turns an error of the TOML reader into `file:line: what was expected`.
pub(crate) fn toml_fault(file: &str, text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    format!("{file}:{line}: {message}")
}

/// The line in which an offset lies, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_replaced_whole_and_unchanged_files_keep_their_time() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.rs"), "a").unwrap();
        write(&dir.path().join("old/b.rs"), "b").unwrap();
        let before = fs::metadata(dir.path().join("a.rs")).unwrap().modified().unwrap();
        replace_tree(
            dir.path(),
            &[("a.rs".into(), b"a".to_vec()), ("new/c.rs".into(), b"c".to_vec())],
        )
        .unwrap();
        assert_eq!(below(dir.path()).unwrap(), [Path::new("a.rs"), Path::new("new/c.rs")]);
        let after = fs::metadata(dir.path().join("a.rs")).unwrap().modified().unwrap();
        assert_eq!(before, after);
    }

    #[test]
    fn a_toml_error_names_file_and_line() {
        let text = "a = 1\nb = \n";
        let error = toml::from_str::<toml::Table>(text).unwrap_err();
        assert!(toml_fault("x.toml", text, &error).starts_with("x.toml:2: "));
    }
}
