//! What can be asked about a process.

use crate::pcb::{AnyPcb, Life, Watcher};
use crate::pid::Pid;
use crate::sync::Arc;

/// A snapshot of one process.
///
/// Source: Elixir `Process.info/1`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// The process.
    pub pid: Pid,
    /// The how-manieth process of its system it is, beginning at 1.
    pub serial: u64,
    /// Its registered name.
    pub name: Option<Arc<str>>,
    /// What it says it is.
    pub label: Option<Arc<str>>,
    /// Who spawned it; [`Pid::OUTSIDE`] when no process did.
    pub parent: Pid,
    /// Whether it turns exit signals into messages.
    pub trap_exit: bool,
    /// The processes that it is linked to.
    pub links: Vec<Pid>,
    /// The processes that it monitors, once for each monitor.
    pub monitors: Vec<Pid>,
    /// The processes that monitor it, once for each monitor.
    pub monitored_by: Vec<Pid>,
    /// The messages that it has not received.
    pub message_queue_len: usize,
    /// Whether a signal has decided its end.
    pub exiting: bool,
}

impl ProcessInfo {
    pub(crate) fn of(pcb: &dyn AnyPcb) -> Self {
        let head = pcb.head();
        let mut info = Self {
            pid: head.pid,
            serial: head.serial,
            name: None,
            label: None,
            parent: head.parent,
            trap_exit: false,
            links: Vec::new(),
            monitors: Vec::new(),
            monitored_by: Vec::new(),
            message_queue_len: pcb.queue_len(),
            exiting: false,
        };
        pcb.control(&mut |control, _| {
            info.name = control.name();
            info.label = control.label();
            info.trap_exit = control.trap_exit;
            info.links = control.links.to_vec();
            info.monitors = control.watching.iter().flat_map(|all| all.values()).copied().collect();
            info.monitored_by = control
                .watched_by
                .iter()
                .flat_map(|all| all.values())
                .filter_map(|watcher| match watcher {
                    Watcher::Process { pid, .. } => Some(*pid),
                    Watcher::Waiter(_) => None,
                })
                .collect();
            info.exiting = control.life() != Life::Running;
        });
        info
    }
}
