//! What clippy and the compiler find in an answer.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use cargo_metadata::Message;

use super::Assembly;
use crate::course::Item;
use crate::fault;

impl Assembly {
    /// What lints find in the sources of the answer that was built last, as `src/lib.rs:3: lint`.
    ///
    /// The lints count even where the answer allows them.
    pub(crate) fn lint(&self, item: &Item, lints: &[String]) -> anyhow::Result<Vec<String>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let folder = self.folder(item);
        let output = Command::new(cargo)
            .args(["clippy", "--lib", "--quiet", "--message-format=json", "--color=never"])
            .arg("--manifest-path")
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target)
            .arg("--")
            .args(lints.iter().flat_map(|lint| ["--force-warn", lint]))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .context("cannot run cargo")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(fault::course(format!("{item}: clippy does not run:\n{}", said.trim())));
        }
        let mut found = BTreeSet::new();
        for message in Message::parse_stream(BufReader::new(output.stdout.as_slice())) {
            let message = message.context("cannot read what cargo printed")?;
            let Message::CompilerMessage(from) = message else { continue };
            let code = from.message.code.map(|code| code.code).filter(|code| lints.contains(code));
            let mut spans = from.message.spans.iter();
            let span = spans.find(|span| span.is_primary && span.file_name.starts_with("src/"));
            if let (Some(code), Some(span)) = (code, span) {
                found.insert((span.file_name.clone(), span.line_start, span.column_start, code));
            }
        }
        let shown = |(file, line, _, code)| format!("{file}:{line}: {code}");
        Ok(found.into_iter().map(shown).collect())
    }
}
