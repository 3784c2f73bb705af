//! What happened: the events of a system, in order, in its own time.
//!
//! Nothing is recorded until somebody asks. Then every event goes to every subscriber, in the turn
//! of the process that caused it; a [`Recorder`] keeps them as a [`Trace`].
//!
//! Processes are told apart by their number in the system (the first that was spawned is #1), which
//! is the same in every run, and by their label.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::exit_reason::ExitReason;
use crate::pcb::AnyPcb;
use crate::pid::{MonitorRef, Pid};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};
use crate::system::System;
use crate::table;
use crate::timeline;

/// A process, as an event names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its pid.
    pub pid: Pid,
    /// The how-manieth process of its system it is, beginning at 1; 0 for nobody.
    pub serial: u64,
    /// Its registered name, or else its label.
    pub label: Option<Arc<str>>,
}

impl Subject {
    pub(crate) fn of(pcb: &dyn AnyPcb) -> Self {
        let head = pcb.head();
        let mut label = None;
        pcb.control(&mut |control, _| label = control.name().or_else(|| control.label()));
        Self { pid: head.pid, serial: head.serial, label }
    }

    pub(crate) fn of_pid(pid: Pid) -> Self {
        match table::find(pid) {
            Some(pcb) => Self::of(&*pcb),
            None => Self { pid, serial: 0, label: None },
        }
    }
}

/// The label, or else the number: `parent`, `#3`, and `nobody` for a signal from outside.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.label, self.serial) {
            (Some(label), _) => f.write_str(label),
            (None, 0) => f.write_str("nobody"),
            (None, serial) => write!(f, "#{serial}"),
        }
    }
}

/// A time as events print it: `0ms`, `250ms`, `1.5s`; finer than a millisecond is cut off.
pub fn time(at: Duration) -> String {
    timeline::time(at)
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The time since the system started.
    pub at: Duration,
    /// The process that it happened to.
    pub subject: Subject,
    /// What happened.
    pub what: What,
}

/// What can happen to a process.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// It was spawned by `parent`; `linked` when by `spawn_link`.
    Spawned {
        /// Who spawned it.
        parent: Subject,
        /// Whether the two are linked.
        linked: bool,
    },
    /// It ended; `by` is who decided it: itself, or the sender of the deadly signal.
    Exited {
        /// Why.
        reason: ExitReason,
        /// Whose signal it was.
        by: Pid,
    },
    /// It linked itself to another process.
    Linked(Subject),
    /// It undid a link.
    Unlinked(Subject),
    /// It began to monitor another process.
    Monitored(Subject),
    /// It withdrew a monitor.
    Demonitored,
    /// It got a name.
    Registered(Arc<str>),
    /// It lost its name before its end.
    Unregistered(Arc<str>),
    /// It said something: [`note`].
    Note(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", timeline::time(self.at), self.subject)?;
        match &self.what {
            What::Spawned { parent, linked: false } => write!(f, "spawned by {parent}"),
            What::Spawned { parent, linked: true } => write!(f, "spawned and linked by {parent}"),
            What::Exited { reason, .. } => write!(f, "exited: {}", brief(reason)),
            What::Linked(peer) => write!(f, "linked to {peer}"),
            What::Unlinked(peer) => write!(f, "unlinked from {peer}"),
            What::Monitored(peer) => write!(f, "monitors {peer}"),
            What::Demonitored => f.write_str("withdrew a monitor"),
            What::Registered(name) => write!(f, "registered as {name}"),
            What::Unregistered(name) => write!(f, "gave up the name {name}"),
            What::Note(text) => write!(f, "notes: {text}"),
        }
    }
}

/// The reason without the place of a panic, which changes with every edit of the file.
fn brief(reason: &ExitReason) -> String {
    match reason {
        ExitReason::Panic(info) => format!("panic: {}", info.message()),
        other => other.to_string(),
    }
}

/// Lets the current process say something in the trace: a mark for a test or a drawing.
///
/// Does nothing outside of a process, or while nobody records.
pub fn note(text: impl Into<String>) {
    if let Some(pcb) = crate::ambient::current() {
        let system = &pcb.head().system;
        if system.trace.is_on() {
            system.emit(Subject::of(&*pcb), What::Note(text.into()));
        }
    }
}

type Subscriber = Arc<dyn Fn(&Event) + Send + Sync>;

/// The subscribers of a system.
#[derive(Default)]
pub(crate) struct Hub {
    count: AtomicUsize,
    subscribers: Mutex<Vec<(u64, Subscriber)>>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({} subscribers)", self.count.load(Ordering::Relaxed))
    }
}

impl Hub {
    pub(crate) fn is_on(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn publish(&self, event: &Event) {
        let subscribers: Vec<Subscriber> =
            self.subscribers.lock().iter().map(|(_, subscriber)| subscriber.clone()).collect();
        for subscriber in subscribers {
            subscriber(event);
        }
    }

    fn add(&self, number: u64, subscriber: Subscriber) {
        let mut subscribers = self.subscribers.lock();
        subscribers.push((number, subscriber));
        self.count.store(subscribers.len(), Ordering::Relaxed);
    }

    fn remove(&self, number: u64) {
        let mut subscribers = self.subscribers.lock();
        let at = subscribers.iter().position(|(own, _)| *own == number);
        let removed = at.map(|at| subscribers.remove(at));
        self.count.store(subscribers.len(), Ordering::Relaxed);
        drop(subscribers);
        drop(removed);
    }
}

/// A subscription to a system's events; ends when dropped.
#[derive(Debug)]
#[must_use = "the subscription ends when this is dropped"]
pub struct Subscription {
    system: System,
    number: u64,
}

impl Subscription {
    /// `subscriber` sees every event, in the turn of the process that caused it, so it must be
    /// quick. If it panics, that process crashes with the panic.
    pub(crate) fn new(
        system: &System,
        subscriber: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        let number = MonitorRef::next().0;
        system.inner().trace.add(number, Arc::new(subscriber));
        Self { system: system.clone(), number }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.system.inner().trace.remove(self.number);
    }
}

/// Keeps the events of a system from the moment it was made.
#[derive(Debug)]
pub struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
    _subscription: Subscription,
}

impl Recorder {
    pub(crate) fn new(system: &System) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = events.clone();
        let subscription = Subscription::new(system, move |event| sink.lock().push(event.clone()));
        Self { events, _subscription: subscription }
    }

    /// The events so far. A process has the name or label that it has now, or had last, also in
    /// events from before it had one.
    pub fn trace(&self) -> Trace {
        let mut events = self.events.lock().clone();
        let mut last: HashMap<u64, Option<Arc<str>>> = HashMap::new();
        for Event { subject, .. } in &events {
            last.insert(subject.serial, subject.label.clone());
        }
        for Event { subject, .. } in &events {
            if let Some(pcb) = table::find(subject.pid) {
                last.insert(subject.serial, Subject::of(&*pcb).label);
            }
        }
        let relabel = |subject: &mut Subject| {
            if let Some(label) = last.get(&subject.serial) {
                subject.label.clone_from(label);
            }
        };
        for event in &mut events {
            relabel(&mut event.subject);
            match &mut event.what {
                What::Spawned { parent: peer, .. }
                | What::Linked(peer)
                | What::Unlinked(peer)
                | What::Monitored(peer) => relabel(peer),
                What::Exited { .. }
                | What::Demonitored
                | What::Registered(_)
                | What::Unregistered(_)
                | What::Note(_) => {}
            }
        }
        Trace { events }
    }
}

/// A sequence of events.
///
/// Prints one line per event: `1s child exited: normal`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    events: Vec<Event>,
}

impl Trace {
    /// The events, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// One line per event.
    pub fn lines(&self) -> Vec<String> {
        self.events.iter().map(Event::to_string).collect()
    }

    /// A drawing: one line per process, time from left to right.
    pub fn timeline(&self) -> String {
        timeline::draw(&self.lines())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        Ok(())
    }
}
