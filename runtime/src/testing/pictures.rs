//! A scenario's pictures as files, where `OTP_PICTURES` names a folder.
//!
//! They leave the test's process also when it passes, so that a command, a README or a report can
//! show them. Nothing in them differs from run to run: times are virtual, processes are numbered
//! within their system.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sync::{Arc, Mutex};
use crate::system::System;
use crate::timeline;
use crate::trace::{Event, Subscription, Trace, What};
use crate::tree::{State, Tree};

/// The environment variable that names the folder.
const VARIABLE: &str = "OTP_PICTURES";

/// So many moments are looked at: each look is at every process.
const MOMENTS: usize = 1000;

thread_local! {
    /// What the test that runs on this thread has compared last, if anybody wants to know.
    static COMPARED: RefCell<Compared> = const { RefCell::new(Compared { wanted: false, trace: None }) };
    /// The test that last made pictures on this thread, and of how many scenarios.
    static ALBUM: RefCell<(String, usize)> = const { RefCell::new((String::new(), 0)) };
}

struct Compared {
    wanted: bool,
    trace: Option<Trace>,
}

/// A test compares this trace with what it expects.
pub(super) fn compared(trace: &Trace) {
    COMPARED.with_borrow_mut(|compared| {
        if compared.wanted {
            compared.trace = Some(trace.clone());
        }
    });
}

/// The trees of a run.
#[derive(Clone, Default)]
pub(super) struct Trees {
    /// At the end of each moment.
    moments: Vec<(Duration, Tree)>,
    /// The last one of those in which the most processes ran, and how many.
    fullest: (usize, Tree),
}

impl Trees {
    fn take(&mut self, at: Duration, tree: Tree) {
        let running = tree.nodes().filter(|node| node.state == State::Running).count();
        if running >= self.fullest.0 {
            self.fullest = (running, tree.clone());
        }
        match self.moments.last_mut() {
            Some((last, seen)) if *last == at => *seen = tree,
            _ => self.moments.push((at, tree)),
        }
    }
}

/// Looks at the tree of a run.
pub(super) struct Watch {
    seen: Arc<Mutex<Trees>>,
    _subscription: Subscription,
}

impl Watch {
    /// Looks after each event.
    pub(super) fn over(system: &System) -> Self {
        let seen = Arc::new(Mutex::new(Trees::default()));
        let (sink, watched) = (seen.clone(), system.clone());
        let subscription = Subscription::new(system, move |event: &Event| {
            if sink.lock().moments.len() < MOMENTS {
                let tree = watched.tree();
                sink.lock().take(event.at, tree);
            }
        });
        Self { seen, _subscription: subscription }
    }

    pub(super) fn trees(&self) -> Trees {
        self.seen.lock().clone()
    }
}

/// Where the pictures of one scenario go.
pub(super) struct Pictures {
    dir: PathBuf,
    name: String,
}

impl Pictures {
    /// The folder that the environment names, if it names one, and the test on this thread.
    pub(super) fn wanted() -> Option<Self> {
        let dir = std::env::var_os(VARIABLE).filter(|dir| !dir.is_empty())?;
        let thread = std::thread::current();
        let test = file_name(thread.name().unwrap_or("scenario"));
        let nth = ALBUM.with_borrow_mut(|(last, count)| {
            if *last != test {
                (*last, *count) = (test.clone(), 0);
            }
            *count += 1;
            *count
        });
        let name = if nth == 1 { test } else { format!("{test}-{nth}") };
        Some(Self { dir: dir.into(), name })
    }

    /// A run begins: what is compared from now on is its.
    pub(super) fn begin() {
        COMPARED.set(Compared { wanted: true, trace: None });
    }

    /// Writes the pictures of the run that has ended.
    ///
    /// # Panics
    /// When a file cannot be written: somebody waits for it.
    pub(super) fn write(&self, whole: &Trace, trees: &Trees) {
        let compared = COMPARED.replace(Compared { wanted: false, trace: None }).trace;
        let shown = compared.as_ref().unwrap_or(whole);
        for (kind, trace) in [("timeline", shown), ("everything", whole)] {
            self.file(&format!("{kind}.txt"), &trace.timeline());
            self.file(&format!("{kind}.svg"), &trace.to_svg());
            self.file(&format!("{kind}.mmd"), &trace.to_mermaid());
        }
        let (_, tree) = &trees.fullest;
        self.file("tree.txt", &tree.to_string());
        self.file("tree.svg", &tree.to_svg());
        self.file("tree.mmd", &tree.to_mermaid());
        self.file("trees.txt", &one_by_one(&trees.moments));
        self.file("events.jsonl", &whole.events().iter().map(json).collect::<String>());
    }

    fn file(&self, ending: &str, text: &str) {
        let path = self.dir.join(format!("{}.{ending}", self.name));
        let written = std::fs::create_dir_all(&self.dir).and_then(|()| std::fs::write(&path, text));
        if let Err(error) = written {
            panic!("{VARIABLE}: cannot write {}: {error}", Path::new(&path).display());
        }
    }
}

/// `means::the_mean` as `means.the_mean`; nothing that means something to a file system.
fn file_name(test: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "_-.".contains(c) { c } else { '.' };
    test.replace("::", ".").chars().map(plain).collect()
}

fn one_by_one(trees: &[(Duration, Tree)]) -> String {
    let mut out = String::new();
    for (at, tree) in trees {
        let _ = writeln!(out, "{}\n{tree}", timeline::time(*at));
    }
    out
}

/// An event as a line of JSON.
fn json(event: &Event) -> String {
    let Event { at, subject, what } = event;
    let mut out = format!("{{\"at_ns\":{},\"number\":{}", at.as_nanos(), subject.serial);
    let _ = write!(out, ",\"process\":{}", quoted(&subject.to_string()));
    let _ = write!(out, ",\"event\":\"{}\"", kind(what));
    let child = match what {
        What::ChildStarted { id, incarnation, .. }
        | What::ChildRestarted { id, incarnation, .. } => Some((id, Some(incarnation))),
        What::ChildStopped { id, .. }
        | What::NotRestarted { id, .. }
        | What::RestartDelayed { id, .. }
        | What::StartFailed { id, .. }
        | What::StartIgnored { id }
        | What::GaveUp { id, .. }
        | What::ShutDown { id } => Some((id, None)),
        _ => None,
    };
    if let Some((id, incarnation)) = child {
        let _ = write!(out, ",\"child\":{}", quoted(id));
        if let Some(incarnation) = incarnation {
            let _ = write!(out, ",\"incarnation\":{incarnation}");
        }
    }
    let _ = writeln!(out, ",\"line\":{}}}", quoted(&event.to_string()));
    out
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Spawned { .. } => "spawned",
        What::Exited { .. } => "exited",
        What::Linked(_) => "linked",
        What::Unlinked(_) => "unlinked",
        What::Monitored(_) => "monitored",
        What::Demonitored => "demonitored",
        What::Registered(_) => "registered",
        What::Unregistered(_) => "unregistered",
        What::Note(_) => "note",
        What::ChildStarted { .. } => "child_started",
        What::ChildRestarted { .. } => "child_restarted",
        What::ChildStopped { .. } => "child_stopped",
        What::NotRestarted { .. } => "not_restarted",
        What::RestartDelayed { .. } => "restart_delayed",
        What::StartFailed { .. } => "start_failed",
        What::StartIgnored { .. } => "start_ignored",
        What::GaveUp { .. } => "gave_up",
        What::ShutDown { .. } => "shut_down",
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_gives_its_name_to_its_files() {
        assert_eq!(file_name("means::the_mean_of_3"), "means.the_mean_of_3");
        assert_eq!(file_name("src/lib.rs - x (line 3)"), "src.lib.rs.-.x..line.3.");
    }

    #[test]
    fn text_is_quoted_for_json() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
    }
}
