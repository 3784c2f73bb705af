//! The grader's own folders, where an answer meets the course's tests.
//!
//! Each item is a workspace of its own in there, so that one which does not build stops no other.
//! It is *not* the learner's workbook: manifests and tests come from the course each time, only
//! `src/` comes from the answer. Nothing that lies beside `src/` in a workbook is ever built.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use crate::course::{Course, Item};
use crate::manifest::{self, Derived};
use crate::scrub::Scrubber;
use crate::{fault, files, harness};

/// A folder below `target/` that nobody else uses while it is open.
#[derive(Debug)]
pub(crate) struct Assembly {
    root: PathBuf,
    dir: PathBuf,
    target: PathBuf,
    tag: String,
    nonce: String,
    _lock: File,
}

/// What became of a build.
#[derive(Debug)]
pub(crate) enum Build {
    /// The test binary.
    Ready(PathBuf),
    /// The compiler's words.
    Broken(String),
}

impl Assembly {
    /// Opens `target/<purpose>`; waits if another process has it open.
    pub(crate) fn open(course: &Course, purpose: &str) -> anyhow::Result<Self> {
        let root = course.root.clone();
        let dir = root.join("target").join(purpose);
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let lock = lock(&dir.join(".lock"))?;
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        let nonce = nonce(&dir.join(".nonce"))?;
        // Two clones may share one target folder; the tag keeps their builds apart.
        let mut hasher = DefaultHasher::new();
        root.hash(&mut hasher);
        let tag = format!("{purpose}.x{:x}", hasher.finish());
        Ok(Self { root, dir, target, tag, nonce, _lock: lock })
    }

    /// The folder in which an item is built and its tests run.
    pub(crate) fn folder(&self, item: &Item) -> PathBuf {
        self.dir.join(item.package())
    }

    /// The secret word that only a harness which came to its end says.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Removes what is this machine's from texts that tests and compiler print.
    pub(crate) fn scrubber(&self, item: &Item) -> Scrubber {
        Scrubber::new([
            (format!("{}/", self.folder(item).display()), String::new()),
            (format!("{}/", self.root.display()), String::new()),
            (self.nonce.clone(), String::new()),
        ])
    }

    /// Lays an item out: everything from the course, but `sources` (paths from the item's folder).
    pub(crate) fn place(&self, item: &Item, sources: &[files::TreeFile]) -> anyhow::Result<()> {
        let course_dir = self.root.join(item.dir());
        let test_file = item.test_file();
        let mut tree: files::Tree = files::load_tree(&course_dir)?
            .into_iter()
            .filter(|(path, _)| !path.starts_with("src") && !path.starts_with("mutants"))
            .collect();
        for needed in [Path::new("Cargo.toml"), &test_file] {
            if !tree.iter().any(|(path, _)| path == needed) {
                return Err(fault::course(format!("{} is missing", item.shown(needed))));
            }
        }
        let workspace = self.workspace()?;
        for (path, bytes) in &mut tree {
            if *path == test_file {
                bytes.extend_from_slice(harness::sentinel(&self.nonce).as_bytes());
            } else if path == Path::new("Cargo.toml") {
                bytes.extend_from_slice(format!("\n{workspace}").as_bytes());
            }
        }
        tree.extend(sources.iter().filter(|(path, _)| path.starts_with("src")).cloned());
        tree.extend(self.lock_file(item)?.map(|lock| (PathBuf::from("Cargo.lock"), lock)));
        files::replace_tree(&self.folder(item), &tree)
    }

    /// What makes a package a workspace with the course's versions and profiles.
    fn workspace(&self) -> anyhow::Result<String> {
        let course = files::read(&self.root.join("Cargo.toml"))?;
        manifest::workspace(&Derived {
            course: &course,
            way_back: "../../..",
            members: Vec::new(),
            tag: &self.tag,
        })
        .map_err(fault::course)
    }

    /// The course's lock file, or what cargo made of it last time, if the course's is the same.
    fn lock_file(&self, item: &Item) -> anyhow::Result<Option<Vec<u8>>> {
        let of_course = self.root.join("Cargo.lock");
        if !of_course.is_file() {
            return Ok(None);
        }
        let locked = files::read(&of_course)?;
        let seen = self.folder(item).join(".Cargo.lock");
        let pruned = std::fs::read(self.folder(item).join("Cargo.lock"));
        match (files::read(&seen), pruned) {
            (Ok(old), Ok(pruned)) if old == locked => Ok(Some(pruned)),
            _ => {
                files::write(&seen, &locked)?;
                Ok(Some(locked.into_bytes()))
            }
        }
    }

    /// Builds the test binary of an item.
    ///
    /// What breaks outside of the answer's own package is the course's fault, and an error.
    pub(crate) fn compile(&self, item: &Item) -> anyhow::Result<Build> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["test", "--no-run", "--quiet", "--message-format=json", "--color=never"])
            .arg("--manifest-path")
            .arg(self.folder(item).join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target)
            .args(["--package", &item.package(), "--test", item.test_target()])
            .current_dir(self.folder(item))
            .stdin(Stdio::null())
            .output()
            .context("cannot run cargo")?;
        let mut binary = None;
        let mut own_errors = Vec::new();
        let mut other_errors = Vec::new();
        let folder = self.folder(item);
        for message in Message::parse_stream(BufReader::new(output.stdout.as_slice())) {
            match message.context("cannot read what cargo printed")? {
                Message::CompilerArtifact(artifact)
                    if artifact.target.name == item.test_target() =>
                {
                    binary = artifact.executable.map(PathBuf::from).or(binary);
                }
                Message::CompilerMessage(from) if from.message.level == DiagnosticLevel::Error => {
                    let own = from.target.src_path.as_std_path().starts_with(&folder);
                    let list = if own { &mut own_errors } else { &mut other_errors };
                    list.push(from.message.rendered.unwrap_or(from.message.message));
                }
                _ => {}
            }
        }
        let scrubber = self.scrubber(item);
        match (output.status.success(), binary) {
            (true, Some(binary)) => Ok(Build::Ready(binary)),
            _ if other_errors.is_empty() && !own_errors.is_empty() => {
                Ok(Build::Broken(scrubber.scrub(own_errors.join("\n").trim_end())))
            }
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let text = format!("{}\n{said}", other_errors.join("\n"));
                Err(fault::course(format!(
                    "{item} cannot be built, and not because of the answer:\n{}",
                    scrubber.scrub(text.trim())
                )))
            }
        }
    }
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let context = || format!("cannot lock {}", path.display());
    let file = File::create(path).with_context(context)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            anstream::eprintln!("Waiting for another run of xtask to end ...");
            file.lock().with_context(context)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(context),
    }
    Ok(file)
}

/// Made once per folder, so that test binaries stay fresh from run to run.
fn nonce(path: &Path) -> anyhow::Result<String> {
    if let Ok(old) = files::read(path) {
        return Ok(old);
    }
    let random = || RandomState::new().hash_one(path);
    let nonce = format!("{:016x}{:016x}", random(), random());
    files::write(path, &nonce)?;
    Ok(nonce)
}
