//! The manifests of the workspaces that xtask makes: the workbook's and the grader's.
//!
//! They inherit what the course's own workspace says (versions, profiles, package fields), so that
//! the manifest of an item works in all of them as it stands.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use crate::files;

/// A workspace made from the course's.
#[derive(Debug)]
pub(crate) struct Derived<'a> {
    /// Text of the course's root manifest.
    pub(crate) course: &'a str,
    /// The way from the new workspace to the root of the course, for instance `..`.
    pub(crate) way_back: &'a str,
    /// Folders of the members, relative to the new workspace.
    pub(crate) members: Vec<String>,
    /// Goes into the version, see [`workspace`].
    pub(crate) tag: &'a str,
}

/// The manifest of a derived workspace.
///
/// The version carries a tag: cargo tells packages of different workspaces apart by name, version
/// and *relative* path only, and would take one's build for the other's in the shared target
/// folder.
pub(crate) fn workspace(derived: &Derived<'_>) -> Result<String, String> {
    let course: Table = toml::from_str(derived.course)
        .map_err(|error| files::toml_fault("Cargo.toml", derived.course, &error))?;
    let old = course.get("workspace").and_then(Value::as_table).cloned().unwrap_or_default();
    let mut new = Table::new();
    new.insert("resolver".to_owned(), old.get("resolver").cloned().unwrap_or("3".into()));
    let members = derived.members.iter().cloned().map(Value::String).collect();
    new.insert("members".to_owned(), Value::Array(members));
    let mut package = old.get("package").and_then(Value::as_table).cloned().unwrap_or_default();
    let version = package.get("version").and_then(Value::as_str).unwrap_or("0.0.0");
    package.insert("version".to_owned(), format!("{version}-{}", derived.tag).into());
    new.insert("package".to_owned(), Value::Table(package));
    if let Some(Value::Table(dependencies)) = old.get("dependencies") {
        let moved = moved(dependencies, derived.way_back);
        new.insert("dependencies".to_owned(), Value::Table(moved));
    }
    new.insert("lints".to_owned(), Value::Table(learners_lints(&old)));
    let mut manifest = Table::new();
    manifest.insert("workspace".to_owned(), Value::Table(new));
    if let Some(profile) = course.get("profile") {
        manifest.insert("profile".to_owned(), profile.clone());
    }
    toml::to_string_pretty(&manifest).map_err(|error| error.to_string())
}

/// Path dependencies, seen from the new workspace.
fn moved(dependencies: &Table, way_back: &str) -> Table {
    let mut moved = dependencies.clone();
    for (_, dependency) in &mut moved {
        if let Some(Value::String(path)) = dependency.get_mut("path")
            && Path::new(path.as_str()).is_relative()
        {
            *path = format!("{way_back}/{path}");
        }
    }
    moved
}

/// A stub has arguments and imports that nobody uses yet; what matters later stays a warning.
fn learners_lints(workspace: &Table) -> Table {
    let course = workspace.get("lints").and_then(|lints| lints.get("rust"));
    let mut rust = Table::new();
    for name in [
        "unused_imports",
        "unused_variables",
        "unused_mut",
        "unused_assignments",
        "dead_code",
        "unreachable_code",
    ] {
        rust.insert(name.to_owned(), "allow".into());
    }
    for name in ["unsafe_code", "unexpected_cfgs"] {
        if let Some(level) = course.and_then(|rust| rust.get(name)) {
            rust.insert(name.to_owned(), level.clone());
        }
    }
    let clippy = Table::from_iter([("todo".to_owned(), Value::from("allow"))]);
    Table::from_iter([("rust".to_owned(), rust.into()), ("clippy".to_owned(), clippy.into())])
}

/// A chapter's manifest without its dependencies on items that are not in the workbook yet.
pub(crate) fn chapter(
    file: &str,
    text: &str,
    absent_items: &BTreeSet<String>,
) -> Result<String, String> {
    let mut manifest: Table =
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))?;
    for section in ["dependencies", "dev-dependencies"] {
        if let Some(Value::Table(dependencies)) = manifest.get_mut(section) {
            dependencies.retain(|_, dependency| {
                let path = dependency.get("path").and_then(Value::as_str);
                !path.is_some_and(|path| absent_items.contains(path.trim_end_matches('/')))
            });
        }
    }
    toml::to_string_pretty(&manifest).map_err(|error| error.to_string())
}

/// The manifest of an item under another package name; its library keeps the old one.
pub(crate) fn renamed(file: &str, text: &str, name: &str) -> Result<String, String> {
    let fault = |error: &toml::de::Error| files::toml_fault(file, text, error);
    let mut manifest: Table = toml::from_str(text).map_err(|error| fault(&error))?;
    let package = manifest.get_mut("package").and_then(Value::as_table_mut);
    let old = package.and_then(|package| package.insert("name".to_owned(), name.into()));
    let old = old.ok_or_else(|| format!("{file}:1: expected `[package]` with a `name`"))?;
    if let Value::Table(lib) = manifest.entry("lib").or_insert_with(|| Table::new().into()) {
        lib.entry("name").or_insert(old);
    }
    toml::to_string_pretty(&manifest).map_err(|error| error.to_string())
}

/// The folders of the workspace's own packages that its members may depend on.
pub(crate) fn shared_folders(file: &str, text: &str) -> Result<Vec<String>, String> {
    let manifest: Table =
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))?;
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let shared = workspace.and_then(|workspace| workspace.get("dependencies")?.as_table());
    let path = |(_, dependency): (&String, &Value)| Some(dependency.get("path")?.as_str()?.into());
    Ok(shared.into_iter().flatten().filter_map(path).collect())
}

/// The names and paths of a manifest's path dependencies.
pub(crate) fn path_dependencies(file: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let manifest: Table =
        toml::from_str(text).map_err(|error| files::toml_fault(file, text, &error))?;
    let sections = ["dependencies", "dev-dependencies"];
    let tables = sections.iter().filter_map(|name| manifest.get(*name)?.as_table());
    let paths = tables.flatten().filter_map(|(name, dependency)| {
        let path = dependency.get("path")?.as_str()?;
        Some((name.clone(), path.trim_end_matches('/').to_owned()))
    });
    Ok(paths.collect())
}

/// What keeps an item's manifest from working in all workspaces.
pub(crate) fn problems(file: &str, text: &str, package: &str) -> Vec<String> {
    let manifest: Table = match toml::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![files::toml_fault(file, text, &error)],
    };
    let field = |name: &str| manifest.get("package").and_then(|package| package.get(name));
    let mut problems = Vec::new();
    if field("name").and_then(Value::as_str) != Some(package) {
        problems.push(format!("{file}: expected `name = \"{package}\"`"));
    }
    if field("version").and_then(|version| version.get("workspace")) != Some(&true.into()) {
        problems.push(format!("{file}: expected `version.workspace = true`"));
    }
    if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&true.into()) {
        problems.push(format!("{file}: expected `[lints]` with `workspace = true`"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const COURSE: &str = r#"
[workspace]
resolver = "3"
members = ["a", "b"]
[workspace.package]
version = "0.1.0"
edition = "2024"
[workspace.dependencies]
runtime = { path = "runtime" }
tokio = "1"
[workspace.lints.rust]
unsafe_code = "deny"
missing_docs = "warn"
[profile.dev]
debug = 1
"#;

    #[test]
    fn a_workspace_keeps_what_its_members_inherit() {
        let text = workspace(&Derived {
            course: COURSE,
            way_back: "..",
            members: vec!["ch01/drill_01_x".to_owned()],
            tag: "workbook",
        })
        .unwrap();
        let table: Table = toml::from_str(&text).unwrap();
        let workspace = &table["workspace"];
        assert_eq!(workspace["members"][0].as_str(), Some("ch01/drill_01_x"));
        assert_eq!(workspace["package"]["version"].as_str(), Some("0.1.0-workbook"));
        assert_eq!(workspace["package"]["edition"].as_str(), Some("2024"));
        assert_eq!(workspace["dependencies"]["runtime"]["path"].as_str(), Some("../runtime"));
        assert_eq!(workspace["dependencies"]["tokio"].as_str(), Some("1"));
        assert_eq!(workspace["lints"]["rust"]["unsafe_code"].as_str(), Some("deny"));
        assert_eq!(workspace["lints"]["rust"].get("missing_docs"), None);
        assert_eq!(table["profile"]["dev"]["debug"].as_integer(), Some(1));
    }

    #[test]
    fn a_chapter_depends_on_what_is_there() {
        let text = "[dependencies]\na = { path = \"drill_01_a\" }\nb = { path = \"drill_02_b\" }\n";
        let absent = BTreeSet::from(["drill_02_b".to_owned()]);
        let chapter = chapter("Cargo.toml", text, &absent).unwrap();
        let left = path_dependencies("Cargo.toml", &chapter).unwrap();
        assert_eq!(left, [("a".to_owned(), "drill_01_a".to_owned())]);
    }

    #[test]
    fn a_renamed_package_keeps_the_name_of_its_library() {
        let text = "[package]\nname = \"p\"\n[lib]\ntest = false\n";
        let renamed: Table = toml::from_str(&renamed("a", text, "p-1").unwrap()).unwrap();
        assert_eq!(renamed["package"]["name"].as_str(), Some("p-1"));
        assert_eq!(renamed["lib"]["name"].as_str(), Some("p"));
        assert_eq!(renamed["lib"]["test"].as_bool(), Some(false));
        assert!(super::renamed("a", "", "q").unwrap_err().starts_with("a:1: "));
    }

    #[test]
    fn shared_folders_are_the_path_dependencies_of_the_workspace() {
        assert_eq!(shared_folders("Cargo.toml", COURSE).unwrap(), ["runtime"]);
    }

    #[test]
    fn a_manifest_that_would_not_travel_is_refused() {
        let good = "[package]\nname = \"p\"\nversion.workspace = true\n[lints]\nworkspace = true\n";
        assert!(problems("Cargo.toml", good, "p").is_empty());
        assert_eq!(problems("Cargo.toml", "[package]\nname = \"q\"\n", "p").len(), 3);
        assert!(problems("Cargo.toml", "[package", "p")[0].starts_with("Cargo.toml:1: "));
    }
}
