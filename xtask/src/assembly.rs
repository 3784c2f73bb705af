//! The grader's own folders, where an answer meets the course's tests.
//!
//! Each item is a workspace of its own in there, so that one which does not build stops no other.
//! It is *not* the learner's workbook: manifests and tests come from the course each time, only
//! `src/` and `tests/mine.rs` come from the answer. Nothing else of a workbook is ever built.
//!
//! Several answers to one item are built side by side by one run of cargo, in as many lanes as the
//! machine has cores; a lane keeps its place from answer to answer, so that each is built upon the
//! one before it.

mod lint;
mod sources;

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use crate::cache::Cache;
use crate::course::{Course, Item};
use crate::manifest::{self, Derived};
use crate::scrub::Scrubber;
use crate::{bench, fault, files, harness, plan};

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
    Ready(Built),
    /// The compiler's words.
    Broken(String),
}

/// A test binary, and what its runs need.
#[derive(Debug)]
pub(crate) struct Built {
    /// The test binary.
    pub(crate) binary: PathBuf,
    /// The package's folder, in which its tests run.
    pub(crate) folder: PathBuf,
    /// Removes what is this machine's from texts that tests and compiler print.
    pub(crate) scrubber: Scrubber,
}

/// Which tests an answer meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The course's.
    Course,
    /// The answer's own, in `tests/mine.rs`.
    Mine,
}

impl Suite {
    /// The name of the test target.
    pub(crate) fn target(self, item: &Item) -> &'static str {
        match self {
            Self::Course => item.test_target(),
            Self::Mine => "mine",
        }
    }
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

    /// What earlier runs found out, see [`Cache`].
    pub(crate) fn cache(&self, item: &Item) -> Cache {
        Cache::below(self.dir.join("cache").join(item.package()))
    }

    fn scrubber(&self, workspace: &Path, package: &Path) -> Scrubber {
        let mut known = vec![
            (format!("{}/", package.display()), String::new()),
            (format!("{}/", self.root.display()), String::new()),
            (self.nonce.clone(), String::new()),
        ];
        // The compiler names files from the workspace's root.
        if let Ok(below) = package.strip_prefix(workspace)
            && below != Path::new("")
        {
            known.push((format!("{}/", below.display()), String::new()));
        }
        Scrubber::new(known)
    }

    /// Lays an answer out, and builds its tests.
    ///
    /// What breaks outside of the answer's own package is the course's fault, and an error.
    pub(crate) fn build(
        &self,
        item: &Item,
        suite: Suite,
        sources: &[files::TreeFile],
    ) -> anyhow::Result<Build> {
        let folder = self.folder(item);
        let mut tree = self.layout(item, sources)?;
        let workspace = self.workspace(Vec::new())?;
        for (path, bytes) in &mut tree {
            if path == Path::new("Cargo.toml") {
                bytes.extend_from_slice(format!("\n{workspace}").as_bytes());
            }
        }
        tree.extend(self.lock_file(&folder)?.map(|lock| (PathBuf::from("Cargo.lock"), lock)));
        files::replace_tree(&folder, &tree)?;
        let mut builds = self.compile(item, suite, &folder, std::slice::from_ref(&folder))?;
        builds.pop().context("nothing was built")
    }

    /// Builds answers side by side, and does `work` with each; one that does not compile stops no
    /// other.
    ///
    /// A build is there only while `work` is done with it. Results come in the order of `answers`.
    pub(crate) fn each<T: Send>(
        &self,
        item: &Item,
        suite: Suite,
        answers: &[files::Tree],
        work: impl Fn(usize, &Build) -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<Vec<T>> {
        let lanes = bench::cores();
        let mut results = Vec::new();
        for (chunk, answers) in answers.chunks(lanes).enumerate() {
            let builds = self.side_by_side(item, suite, answers)?;
            let numbered: Vec<(usize, Build)> = (chunk * lanes..).zip(builds).collect();
            results.extend(bench::in_parallel(&numbered, |(index, build)| work(*index, build))?);
        }
        Ok(results)
    }

    /// Builds answers side by side, one to a lane.
    ///
    /// They are there until the next answers to this item are built side by side, whose builds go
    /// on from these.
    pub(crate) fn side_by_side(
        &self,
        item: &Item,
        suite: Suite,
        answers: &[files::Tree],
    ) -> anyhow::Result<Vec<Build>> {
        let workspace = self.dir.join(format!("{}.lanes", item.package()));
        let lanes: Vec<String> =
            (0..answers.len()).map(|lane| format!("{}-lane-{lane}", item.package())).collect();
        let root = self.workspace(lanes.clone())?;
        let mut tree = vec![(PathBuf::from("Cargo.toml"), root.into_bytes())];
        tree.extend(self.lock_file(&workspace)?.map(|lock| (PathBuf::from("Cargo.lock"), lock)));
        for (lane, answer) in lanes.iter().zip(answers) {
            for (path, mut bytes) in self.layout(item, answer)? {
                if path == Path::new("Cargo.toml") {
                    let text = String::from_utf8_lossy(&bytes);
                    bytes = manifest::renamed(&item.shown("Cargo.toml"), &text, lane)
                        .map_err(fault::course)?
                        .into_bytes();
                }
                tree.push((Path::new(lane).join(path), bytes));
            }
        }
        files::replace_tree(&workspace, &tree)?;
        let folders: Vec<PathBuf> = lanes.iter().map(|lane| workspace.join(lane)).collect();
        self.compile(item, suite, &workspace, &folders)
    }

    /// An item's files: everything from the course, but the answer's sources and own tests.
    fn layout(&self, item: &Item, sources: &[files::TreeFile]) -> anyhow::Result<files::Tree> {
        let course_dir = self.root.join(item.dir());
        let test_file = item.test_file();
        let mine = Path::new(plan::MINE);
        let mut tree: files::Tree = files::load_tree(&course_dir)?
            .into_iter()
            .filter(|(path, _)| {
                !path.starts_with("src") && !path.starts_with("mutants") && path != mine
            })
            .collect();
        for needed in [Path::new("Cargo.toml"), &test_file] {
            if !tree.iter().any(|(path, _)| path == needed) {
                return Err(fault::course(format!("{} is missing", item.shown(needed))));
            }
        }
        let theirs = |path: &Path| path.starts_with("src") || path == mine;
        tree.extend(sources.iter().filter(|(path, _)| theirs(path)).cloned());
        for (path, bytes) in &mut tree {
            if *path == test_file || path == mine {
                bytes.extend_from_slice(harness::sentinel(&self.nonce).as_bytes());
            }
        }
        Ok(tree)
    }

    /// What makes a package a workspace with the course's versions and profiles.
    fn workspace(&self, members: Vec<String>) -> anyhow::Result<String> {
        let course = files::read(&self.root.join("Cargo.toml"))?;
        manifest::workspace(&Derived {
            course: &course,
            way_back: "../../..",
            members,
            tag: &self.tag,
        })
        .map_err(fault::course)
    }

    /// The course's lock file, or what cargo made of it last time, if the course's is the same.
    fn lock_file(&self, workspace: &Path) -> anyhow::Result<Option<Vec<u8>>> {
        let of_course = self.root.join("Cargo.lock");
        if !of_course.is_file() {
            return Ok(None);
        }
        let locked = files::read(&of_course)?;
        let seen = workspace.join(".Cargo.lock");
        let pruned = std::fs::read(workspace.join("Cargo.lock"));
        match (files::read(&seen), pruned) {
            (Ok(old), Ok(pruned)) if old == locked => Ok(Some(pruned)),
            _ => {
                files::write(&seen, &locked)?;
                Ok(Some(locked.into_bytes()))
            }
        }
    }

    /// Builds one test binary in each of the packages' folders.
    fn compile(
        &self,
        item: &Item,
        suite: Suite,
        workspace: &Path,
        folders: &[PathBuf],
    ) -> anyhow::Result<Vec<Build>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let target = suite.target(item);
        let output = Command::new(cargo)
            .args(["build", "--keep-going", "--quiet", "--message-format=json", "--color=never"])
            .arg("--manifest-path")
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&self.target)
            .args(["--workspace", "--test", target])
            .current_dir(workspace)
            .stdin(Stdio::null())
            .output()
            .context("cannot run cargo")?;
        let mut slots: Vec<Slot> = folders.iter().map(|_| Slot::default()).collect();
        let mut other_errors = Vec::new();
        let slot_of = |source: &Path| folders.iter().position(|folder| source.starts_with(folder));
        for message in Message::parse_stream(BufReader::new(output.stdout.as_slice())) {
            match message.context("cannot read what cargo printed")? {
                Message::CompilerArtifact(artifact) if artifact.target.is_lib() => {
                    let Some(slot) = slot_of(artifact.target.src_path.as_std_path()) else {
                        continue;
                    };
                    let library = artifact.filenames.first().map(|file| file.as_std_path());
                    let read =
                        library.map(|file| sources::read_for(file, workspace)).transpose()?;
                    slots[slot]
                        .errors
                        .extend(sources::foreign(&read.unwrap_or_default(), &folders[slot]));
                }
                Message::CompilerArtifact(artifact) if artifact.target.name == target => {
                    if let Some(slot) = slot_of(artifact.target.src_path.as_std_path()) {
                        slots[slot].binary = artifact.executable.map(PathBuf::from);
                    }
                }
                Message::CompilerMessage(from) if from.message.level == DiagnosticLevel::Error => {
                    let said = from.message.rendered.unwrap_or(from.message.message);
                    match slot_of(from.target.src_path.as_std_path()) {
                        Some(slot) => slots[slot].errors.push(said),
                        None => other_errors.push(said),
                    }
                }
                _ => {}
            }
        }
        let build = |(slot, folder): (Slot, &PathBuf)| {
            let scrubber = self.scrubber(workspace, folder);
            match slot.binary {
                Some(binary) if slot.errors.is_empty() => {
                    Some(Build::Ready(Built { binary, folder: folder.clone(), scrubber }))
                }
                _ if !slot.errors.is_empty() => {
                    Some(Build::Broken(scrubber.scrub(slot.errors.join("\n").trim_end())))
                }
                _ => None,
            }
        };
        let builds: Option<Vec<Build>> = slots.into_iter().zip(folders).map(build).collect();
        builds.filter(|_| other_errors.is_empty()).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let text = format!("{}\n{said}", other_errors.join("\n"));
            fault::course(format!(
                "{item} cannot be built, and not because of the answer:\n{}",
                self.scrubber(workspace, workspace).scrub(text.trim())
            ))
        })
    }
}

/// What cargo said of one package.
#[derive(Debug, Default)]
struct Slot {
    binary: Option<PathBuf>,
    errors: Vec<String>,
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
