//! The pictures that one test leaves behind: see `runtime::testing`, "Pictures".

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use crate::assembly::Built;
use crate::harness::{self, Outcome};
use crate::runner::{self, Order};
use crate::{fault, files};

/// The longest that a test which is to be drawn may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// The most memory that it may have, in bytes.
const MEMORY: u64 = 1 << 30;

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What the test compares, or else everything.
    Timeline,
    /// The whole run.
    Everything,
    /// The tree, when the most processes ran.
    Tree,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Timeline, Self::Everything, Self::Tree];

    /// The word in markers and in file names.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Everything => "everything",
            Self::Tree => "tree",
        }
    }
}

/// How a picture is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As text.
    Text,
    /// As an SVG document.
    Svg,
    /// In Mermaid.
    Mermaid,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Svg => "svg",
            Self::Mermaid => "mmd",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Event {
    /// The line of the trace.
    pub(crate) line: String,
    /// The process's number in its system.
    pub(crate) number: u64,
    /// The child that it is about.
    #[serde(default)]
    pub(crate) child: Option<String>,
    /// How often the child had been started then.
    #[serde(default)]
    pub(crate) incarnation: Option<u32>,
}

/// A test that has been run for its pictures.
#[derive(Debug)]
pub(crate) struct Shot {
    /// How it ended.
    pub(crate) outcome: Outcome,
    dir: PathBuf,
    test: String,
}

impl Shot {
    /// Runs a test of a built binary, once; `nonce` is the word of its sentinel.
    pub(crate) fn take(built: &Built, nonce: &str, test: &str, seed: u64) -> anyhow::Result<Self> {
        let dir = built.folder.with_extension("pictures");
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        let ended = runner::run(&Order {
            binary: &built.binary,
            folder: &built.folder,
            arguments: &harness::arguments(test),
            seed,
            deadline: DEADLINE,
            memory: MEMORY,
            pictures: Some(&dir),
        })?;
        let outcome = harness::judge(&ended, test, nonce);
        Ok(Self { outcome, dir, test: test.to_owned() })
    }

    /// Whether the test ran a scenario.
    pub(crate) fn has_pictures(&self) -> bool {
        self.path("events.jsonl").is_file()
    }

    /// One picture.
    pub(crate) fn picture(&self, kind: Kind, format: Format) -> anyhow::Result<String> {
        self.read(&format!("{}.{}", kind.word(), format.ending()))
    }

    /// All that happened, oldest first.
    pub(crate) fn events(&self) -> anyhow::Result<Vec<Event>> {
        let text = self.read("events.jsonl")?;
        let parse = |line: &str| {
            serde_json::from_str(line)
                .with_context(|| format!("cannot read {}", self.path("events.jsonl").display()))
        };
        text.lines().map(parse).collect()
    }

    fn read(&self, ending: &str) -> anyhow::Result<String> {
        if !self.has_pictures() {
            return Err(fault::input(format!(
                "`{}` runs no scenario of `runtime::testing`: there is nothing to draw",
                self.test
            )));
        }
        files::read(&self.path(ending))
    }

    /// Where the test's first scenario writes; the name is made as `runtime::testing` makes it.
    fn path(&self, ending: &str) -> PathBuf {
        self.dir.join(format!("{}.{ending}", self.test.replace("::", ".")))
    }
}
