//! What a supervisor is seen to do: its children, in its own control block, for whoever draws a
//! tree; its decisions, in the trace.
//!
//! The supervisor writes, in its own turn, before and after each step; a reader takes a copy under
//! the lock of that one control block, and never waits for the supervisor. The book holds ids and
//! pids, no specification, so nothing of the user's is dropped under the lock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ChildId, ChildKind, ChildSpec, Restart, Strategy};
use crate::ambient;
use crate::gen_server::StartError;
use crate::pid::Pid;
use crate::table;
use crate::trace::{Because, Subject, Trouble, What};

/// Which child; the order of the keys is that of the children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(u64);

/// How a child fares, in more detail than [`ChildState`](super::ChildState): also while its
/// supervisor waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Running,
    /// Its restart failed and will be tried again, or waits.
    Restarting,
    Stopping,
    Stopped,
}

/// What is written of a child.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: ChildId,
    pub(crate) kind: ChildKind,
    pub(crate) restart: Restart,
    pub(crate) stage: Stage,
    /// While it runs or is being stopped.
    pub(crate) pid: Option<Pid>,
    /// How often it came up.
    pub(crate) incarnation: u32,
}

/// The book of one supervisor.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    /// None for a dynamic supervisor.
    pub(crate) strategy: Option<Strategy>,
    next: u64,
    pub(crate) children: BTreeMap<Key, Record>,
}

/// A step in the life of a child, as its supervisor takes it.
pub(crate) enum Step<'a> {
    /// Its start begins.
    Starting,
    /// It is up.
    Started(Pid, Because),
    /// It is not up, and nothing is wrong.
    Ignored,
    /// It is not up; `again` when it will be tried again.
    Failed { error: &'a StartError, again: bool },
    /// It ended by itself; what follows is another step.
    Ended,
    /// It ended by itself, and that is that.
    Left(Pid),
    /// It will be started, not now: `due` on account of what, if it is not with its group, and after
    /// how long.
    Waits { due: Option<(Trouble, Duration)> },
    /// It is asked to end.
    Stopping,
    /// It has ended, as it was asked to.
    Stopped(Pid, Because),
    /// It had to be restarted once more than allowed.
    GaveUp { trouble: Trouble, limits: (usize, Duration) },
    /// Its end is the end of the supervisor.
    Significant,
}

/// Works on the book of the current process.
fn with<T>(work: impl FnOnce(&mut Ledger) -> T) -> Option<T> {
    let (mut work, mut result) = (Some(work), None);
    ambient::with_current(|pcb| {
        pcb.control(&mut |control, _| {
            let ledger = control.rare.as_mut().and_then(|rare| rare.ledger.as_mut());
            if let (Some(ledger), Some(work)) = (ledger, work.take()) {
                result = Some(work(ledger));
            }
        });
    });
    result
}

/// The current process is a supervisor from now on; without a strategy, a dynamic one.
pub(crate) fn open(strategy: Option<Strategy>) {
    if let Some(pcb) = ambient::current() {
        let ledger = Ledger { strategy, next: 0, children: BTreeMap::new() };
        let mut ledger = Some(Box::new(ledger));
        pcb.control(&mut |control, _| control.rare().ledger = ledger.take());
    }
}

/// The current process has another child, after all others, and is about to start it.
pub(crate) fn add(spec: &ChildSpec) -> Key {
    let record = Record {
        id: spec.id.clone(),
        kind: spec.kind,
        restart: spec.restart,
        stage: Stage::Stopped,
        pid: None,
        incarnation: 0,
    };
    let added = with(|ledger| {
        let key = Key(ledger.next);
        ledger.next += 1;
        ledger.children.insert(key, record);
        key
    });
    added.unwrap_or(Key(u64::MAX))
}

/// The current process has this child no more.
pub(crate) fn remove(key: Key) {
    with(|ledger| ledger.children.remove(&key));
}

/// Writes a step down, and publishes it if somebody listens.
pub(crate) fn record(key: Key, step: Step<'_>) {
    let traced = ambient::with_current(|pcb| pcb.head().system.trace.is_on()) == Some(true);
    let mut started = None;
    let noted = with(|ledger| {
        let record = ledger.children.get_mut(&key)?;
        match &step {
            Step::Starting => record.stage = Stage::Starting,
            Step::Started(pid, _) => {
                (record.stage, record.pid) = (Stage::Running, Some(*pid));
                record.incarnation = record.incarnation.saturating_add(1);
            }
            Step::Failed { again: true, .. } => record.stage = Stage::Restarting,
            Step::Waits { .. } => (record.stage, record.pid) = (Stage::Restarting, None),
            Step::Stopping => record.stage = Stage::Stopping,
            Step::Ignored
            | Step::Failed { again: false, .. }
            | Step::Ended
            | Step::Left(..)
            | Step::Stopped(..) => (record.stage, record.pid) = (Stage::Stopped, None),
            Step::GaveUp { .. } | Step::Significant => {}
        }
        if let Step::Started(pid, _) = step {
            started = Some((pid, record.id.clone()));
        }
        traced.then(|| record.clone())
    });
    if let Some((pid, id)) = started {
        label(pid, &id);
    }
    let Some(record) = noted.flatten() else { return };
    if let (Some(pcb), Some(what)) = (ambient::current(), what(step, record)) {
        pcb.head().system.emit(Subject::of(&*pcb), what);
    }
}

/// A child that says not what it is carries its id.
fn label(pid: Pid, id: &ChildId) {
    if let Some(child) = table::find(pid) {
        child.control(&mut |control, _| {
            if control.name().is_none() && control.label().is_none() {
                control.rare().label = Some(id.clone());
            }
        });
    }
}

/// The event that a step is.
fn what(step: Step<'_>, record: Record) -> Option<What> {
    let Record { id, restart, incarnation, .. } = record;
    Some(match step {
        Step::Starting | Step::Ended | Step::Stopping | Step::Waits { due: None } => return None,
        Step::Waits { due: Some((trouble, delay)) } => What::RestartDelayed { id, trouble, delay },
        Step::Started(pid, because) => {
            let child = subject(pid, &id);
            match incarnation {
                1 => What::ChildStarted { id, child, incarnation },
                _ => What::ChildRestarted { id, child, incarnation, because },
            }
        }
        Step::Ignored => What::StartIgnored { id },
        Step::Failed { error, again } => What::StartFailed { id, error: error.clone(), again },
        Step::Left(pid) => What::NotRestarted { child: subject(pid, &id), id, restart },
        Step::Stopped(pid, because) => What::ChildStopped { child: subject(pid, &id), id, because },
        Step::GaveUp { trouble, limits: (max_restarts, window) } => {
            What::GaveUp { id, trouble, max_restarts, window }
        }
        Step::Significant => What::ShutDown { id },
    })
}

/// A child in an event; one that has ended goes by its id.
fn subject(pid: Pid, id: &ChildId) -> Subject {
    match table::find(pid) {
        Some(child) => Subject::of(&*child),
        None => Subject { pid, serial: 0, label: Some(id.clone()) },
    }
}
