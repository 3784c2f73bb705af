//! Which files the compiler read for an answer, and whose they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::files;

/// The files that the compiler read for a library: cargo keeps their list beside it.
pub(super) fn read_for(library: &Path, workspace: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let stem = library.file_stem().unwrap_or_default().to_string_lossy();
    let list = library.with_file_name(format!("{}.d", stem.trim_start_matches("lib")));
    Ok(listed(&files::read(&list)?).iter().map(|file| workspace.join(file)).collect())
}

/// What stands behind the colons of a makefile; a blank in a name has a backslash before it.
fn listed(makefile: &str) -> BTreeSet<String> {
    let rules = makefile.lines().filter_map(|line| line.split_once(": "));
    let names = rules.flat_map(|(_, sources)| {
        let whole = sources.replace("\\ ", "\0");
        whole.split(' ').map(|name| name.replace('\0', " ")).collect::<Vec<_>>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// Complaints about files that are not the answer's own: the course's tests, or another's answer.
pub(super) fn foreign(sources: &[PathBuf], package: &Path) -> Vec<String> {
    let place = |source: &PathBuf| source.canonicalize().unwrap_or_else(|_| source.clone());
    let home = package.canonicalize().unwrap_or_else(|_| package.to_owned());
    let own =
        |source: &PathBuf| source.strip_prefix(&home).is_ok_and(|path| !path.starts_with("tests"));
    let others = sources.iter().map(place).filter(|source| !own(source));
    others
        .map(|source| {
            let name = source.strip_prefix(&home).unwrap_or(&source).display();
            format!("error: src/ takes in {name}; an answer consists of what is in src/")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_sources_is_read() {
        let list =
            "/t/libx.rmeta: src/lib.rs /a\\ b/c.rs\n\nsrc/lib.rs:\n/a\\ b/c.rs:\n# env-dep:X\n";
        let names: Vec<String> = listed(list).into_iter().collect();
        assert_eq!(names, ["/a b/c.rs", "src/lib.rs"]);
    }

    #[test]
    fn only_files_of_the_package_and_no_tests_are_the_answers_own() {
        let package = Path::new("/w/p");
        let said = |file: &str| foreign(&[PathBuf::from(file)], package);
        assert!(said("/w/p/src/lib.rs").is_empty() && said("/w/p/README.md").is_empty());
        assert!(said("/w/p/tests/drill.rs")[0].contains("tests/drill.rs"));
        assert!(said("/w/ch08/src/lib.rs")[0].contains("/w/ch08/src/lib.rs"));
    }
}
