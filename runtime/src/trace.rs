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
use crate::gen_server::StartError;
use crate::pcb::AnyPcb;
use crate::pid::{MonitorRef, Pid};
use crate::plain;
use crate::supervisor::{ChildId, Restart, Strategy};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};
use crate::system::System;
use crate::table;
use crate::timeline::{self, Timeline};

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
    /// It, a supervisor, started a child.
    ChildStarted {
        /// The child's id.
        id: ChildId,
        /// The process.
        child: Subject,
        /// How often this supervisor has started a child with this id: 1.
        incarnation: u32,
    },
    /// It, a supervisor, started a child anew.
    ChildRestarted {
        /// The child's id.
        id: ChildId,
        /// The new process.
        child: Subject,
        /// How often this supervisor has started the child, with this time; failed starts are not
        /// counted.
        incarnation: u32,
        /// What led to it.
        because: Because,
    },
    /// It, a supervisor, stopped a child, which has ended now.
    ChildStopped {
        /// The child's id.
        id: ChildId,
        /// The process that it was.
        child: Subject,
        /// What led to it.
        because: Because,
    },
    /// It, a supervisor, does not start a child again that has ended.
    NotRestarted {
        /// The child's id.
        id: ChildId,
        /// The process that it was.
        child: Subject,
        /// The child's restart type, which says so.
        restart: Restart,
    },
    /// It, a supervisor, will restart a child, and waits before it does: see
    /// [`Backoff`](crate::Backoff).
    RestartDelayed {
        /// The child that has to be restarted.
        id: ChildId,
        /// What was the matter with it.
        trouble: Trouble,
        /// How long it waits.
        delay: Duration,
    },
    /// It, a supervisor, could not start a child.
    StartFailed {
        /// The child's id.
        id: ChildId,
        /// What the start came to.
        error: StartError,
        /// Whether it will be tried again.
        again: bool,
    },
    /// It, a supervisor, started a child that has nothing to do, which is no failure.
    StartIgnored {
        /// The child's id.
        id: ChildId,
    },
    /// It, a supervisor, had to restart once more than it may, and ends.
    GaveUp {
        /// The child that was to be restarted.
        id: ChildId,
        /// What was the matter with it.
        trouble: Trouble,
        /// How many restarts are granted,
        max_restarts: usize,
        /// within this time.
        window: Duration,
    },
    /// It, a supervisor, ends because a significant child did.
    ShutDown {
        /// The child's id.
        id: ChildId,
    },
}

/// Why a supervisor stopped a child, or started it anew.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Because {
    /// A child had to be restarted: this one, or one with which it falls.
    Strategy {
        /// How the supervisor restarts.
        strategy: Strategy,
        /// The child that had to be restarted.
        child: ChildId,
        /// What was the matter with it.
        trouble: Trouble,
    },
    /// Somebody asked for it.
    Request,
    /// The supervisor ends, and its children with it.
    Ending,
}

/// Why a child has to be restarted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trouble {
    /// It ended, with this reason.
    Ended(ExitReason),
    /// Its last start failed.
    NotStarted,
}

impl Trouble {
    /// The verb to a child: `crashed`.
    fn verb(&self) -> &'static str {
        match self {
            Self::Ended(ExitReason::Normal) => "ended",
            Self::Ended(ExitReason::Shutdown | ExitReason::ShutdownWith(_)) => "shut down",
            Self::Ended(ExitReason::Kill | ExitReason::Killed) => "was killed",
            Self::Ended(_) => "crashed",
            Self::NotStarted => "could not be started",
        }
    }
}

impl Because {
    /// The cause, in words, for the child `id`: `process, started before it, crashed`.
    fn cause(&self, id: &str) -> String {
        match self {
            Self::Strategy { child, trouble, .. } if **child == *id => match trouble {
                Trouble::Ended(reason) if reason.is_expected() => {
                    format!("it {}, and is permanent", trouble.verb())
                }
                Trouble::Ended(_) => format!("it {}", trouble.verb()),
                Trouble::NotStarted => "its last start failed".to_owned(),
            },
            Self::Strategy { strategy, child, trouble } => {
                let (child, verb) = (name(child), trouble.verb());
                match strategy {
                    Strategy::RestForOne => format!("{child}, started before it, {verb}"),
                    Strategy::OneForOne | Strategy::OneForAll => format!("{child} {verb}"),
                }
            }
            Self::Request => "on request".to_owned(),
            Self::Ending => "the supervisor ends".to_owned(),
        }
    }

    /// What happened to the child `id`, and why, as a sentence: `done` is `restarted`.
    fn sentence(&self, id: &str, done: &str) -> String {
        let (cause, id) = (self.cause(id), name(id));
        match self {
            Self::Strategy { strategy, .. } => {
                format!("{strategy}: {id} was {done} because {cause}")
            }
            Self::Request => format!("{id} was {done} on request"),
            Self::Ending => format!("{id} was {done} because {cause}"),
        }
    }
}

impl Event {
    /// The event as a sentence that names its cause, if a supervisor decided it:
    /// `rest_for_one: output was restarted because process, started before it, crashed`.
    ///
    /// None for what goes without saying: first starts, what a supervisor stops at its own end, and
    /// the children that it stops in order to start them again.
    ///
    /// ```
    /// use runtime::testing::{Schedule, eventually, run_on};
    /// use runtime::{ChildSpec, Process, Strategy, Supervisor};
    ///
    /// let run = run_on(Schedule::Tasks, |_: Process| async {
    ///     let worker = ChildSpec::process("worker", std::future::pending::<()>);
    ///     Supervisor::new(Strategy::OneForOne).child(worker).start().await.unwrap();
    ///     let worker = || runtime::System::current().tree().find("worker").and_then(|node| node.pid());
    ///     let first = worker().unwrap();
    ///     first.kill();
    ///     eventually(|| worker().is_some_and(|pid| pid != first)).await;
    /// });
    /// let said: Vec<_> = run.trace.events().iter().filter_map(|event| event.sentence()).collect();
    /// assert_eq!(said, ["one_for_one: worker was restarted because it was killed"]);
    /// ```
    pub fn sentence(&self) -> Option<String> {
        let own = self.subject.to_string();
        let own = name(&own);
        Some(match &self.what {
            What::ChildRestarted { id, because, .. } => because.sentence(id, "restarted"),
            What::ChildStopped { id, because: because @ Because::Request, .. } => {
                because.sentence(id, "stopped")
            }
            What::NotRestarted { id, restart, .. } => {
                format!("{} was not restarted because {}", name(id), no_restart(*restart))
            }
            What::RestartDelayed { id, trouble, delay } => {
                let (id, delay) = (name(id), timeline::time(*delay));
                format!("{id} will be restarted in {delay} because it {}", trouble.verb())
            }
            What::StartFailed { id, error, again } => {
                let then = if *again { "; it will be tried again" } else { "" };
                format!("{} could not be started: {}{then}", name(id), said(error))
            }
            What::GaveUp { id, trouble, max_restarts, window } => {
                let reason = one_too_many(id, trouble, *max_restarts, *window);
                format!("{own} gave up because {reason}")
            }
            What::ShutDown { id } => {
                format!("{own} shut down because {}, a significant child, ended", name(id))
            }
            _ => return None,
        })
    }
}

fn no_restart(restart: Restart) -> &'static str {
    match restart {
        Restart::Temporary => "it is temporary",
        Restart::Transient => "it is transient, and ended as expected",
        Restart::Permanent => "it was stopped",
    }
}

/// What a start came to, in one line, without the place of a panic, and without a pid, which is
/// another one in each run.
fn said(error: &StartError) -> String {
    let said = match error {
        StartError::AlreadyStarted(_) => "already started".to_owned(),
        StartError::Failed(reason) => format!("init failed: {}", brief(reason)),
        other => other.to_string(),
    };
    plain::cut(&said, 160).into_owned()
}

/// An id or a name, fit for a line.
fn name(id: &str) -> std::borrow::Cow<'_, str> {
    plain::cut(id, 60)
}

/// Why a supervisor gave up: `process crashed, and only 3 restarts in 5s are allowed`.
fn one_too_many(id: &str, trouble: &Trouble, max: usize, window: Duration) -> String {
    let (id, verb, window) = (name(id), trouble.verb(), timeline::time(window));
    match max {
        0 => format!("{id} {verb}, and no restart is allowed"),
        1 => format!("{id} {verb}, and only 1 restart in {window} is allowed"),
        max => format!("{id} {verb}, and only {max} restarts in {window} are allowed"),
    }
}

/// The name of a child's process, where it is another than its id: ` as shop.till`.
fn alias(id: &str, child: &Subject) -> String {
    match &child.label {
        Some(label) if **label != *id => format!(" as {}", name(label)),
        _ => String::new(),
    }
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
            What::ChildStarted { id, child, .. } => {
                write!(f, "started {}{}", name(id), alias(id, child))
            }
            What::ChildRestarted { id, child, incarnation, because } => {
                let (own, cause, alias) = (name(id), because.cause(id), alias(id, child));
                write!(f, "restarted {own} #{incarnation}{alias}: {cause}")
            }
            What::ChildStopped { id, because, .. } => {
                write!(f, "stopped {}: {}", name(id), because.cause(id))
            }
            What::NotRestarted { id, restart, .. } => {
                write!(f, "did not restart {}: {}", name(id), no_restart(*restart))
            }
            What::RestartDelayed { id, trouble, delay } => {
                let delay = timeline::time(*delay);
                write!(f, "restarts {} in {delay}: it {}", name(id), trouble.verb())
            }
            What::StartFailed { id, error, again } => {
                let then = if *again { "; it tries again" } else { "" };
                write!(f, "could not start {}: {}{then}", name(id), said(error))
            }
            What::StartIgnored { id } => {
                write!(f, "did not start {}: it has nothing to do", name(id))
            }
            What::GaveUp { id, trouble, max_restarts, window } => {
                write!(f, "gave up: {}", one_too_many(id, trouble, *max_restarts, *window))
            }
            What::ShutDown { id } => {
                write!(f, "shuts down: {}, a significant child, ended", name(id))
            }
        }
    }
}

/// The reason without the place of a panic, which changes with every edit of the file.
pub(crate) fn brief(reason: &ExitReason) -> String {
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
        // By pid: what is known of a process that has ended may be no more than that.
        let mut last: HashMap<Pid, Subject> = HashMap::new();
        for Event { subject, .. } in &events {
            last.insert(subject.pid, subject.clone());
        }
        for (pid, subject) in &mut last {
            if let Some(pcb) = table::find(*pid) {
                *subject = Subject::of(&*pcb);
            }
        }
        let relabel = |subject: &mut Subject| {
            if let Some(last) = last.get(&subject.pid) {
                subject.clone_from(last);
            }
        };
        for event in &mut events {
            relabel(&mut event.subject);
            match &mut event.what {
                What::Spawned { parent: peer, .. }
                | What::Linked(peer)
                | What::Unlinked(peer)
                | What::Monitored(peer)
                | What::ChildStarted { child: peer, .. }
                | What::ChildRestarted { child: peer, .. }
                | What::ChildStopped { child: peer, .. }
                | What::NotRestarted { child: peer, .. } => relabel(peer),
                What::Exited { .. }
                | What::Demonitored
                | What::Registered(_)
                | What::Unregistered(_)
                | What::Note(_)
                | What::RestartDelayed { .. }
                | What::StartFailed { .. }
                | What::StartIgnored { .. }
                | What::GaveUp { .. }
                | What::ShutDown { .. } => {}
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
    ///
    /// ```text
    ///              0ms       10ms      20ms
    /// pipeline     ╺━━━━━━━━━━━━━━━━━━━■  normal
    /// ├─ input     ╺━━━━━━━━━━━━━━━━━━━■
    /// ├─ process   ╺━━━━━━━━━╳╺━━━━━━━━■  #2  panic: broken
    /// └─ output    ╺━━━━━━━━━■ ╺━━━━━━━■  #2
    ///
    /// 10ms  rest_for_one: process was restarted because it crashed
    /// 10ms  rest_for_one: output was restarted because process, started before it, crashed
    /// ```
    ///
    /// A supervisor's children stand below it, in the order of their start, one line for all
    /// incarnations of a child. `╳` is a crash, `■` an orderly end, `•` a [`note`], `▶` goes on,
    /// `#2` says how many incarnations there were; what supervisors decided is said below.
    /// Labels and reasons are cut to one line.
    pub fn timeline(&self) -> String {
        Timeline::of_events(&self.events).to_string()
    }

    /// The [timeline](Self::timeline) as an SVG document of its own: without scripts, in the
    /// reader's light or dark scheme, with a description for those who do not see it.
    ///
    /// It may be saved as a file, or put into an HTML page as it is.
    ///
    /// ```
    /// use runtime::testing::{Schedule, run_on};
    ///
    /// let run = run_on(Schedule::Tasks, async { runtime::note("hello <world>") });
    /// let svg = run.trace.to_svg();
    /// assert!(svg.starts_with("<svg ") && svg.contains("hello &lt;world&gt;"));
    /// ```
    pub fn to_svg(&self) -> String {
        Timeline::of_events(&self.events).to_svg()
    }

    /// The [timeline](Self::timeline) as a sequence diagram in [Mermaid](https://mermaid.js.org),
    /// which forges draw in a README between ` ```mermaid ` and ` ``` `.
    ///
    /// Time runs from top to bottom, with one line for each line of the timeline. An arrow with a
    /// cross leads from a child that crashed to its supervisor.
    ///
    /// ```
    /// use runtime::testing::{Schedule, run_on};
    ///
    /// let run = run_on(Schedule::Tasks, async { runtime::note("hello") });
    /// assert_eq!(
    ///     run.trace.to_mermaid(),
    ///     "sequenceDiagram
    ///     participant p0 as main
    ///     Note over p0: 0ms
    ///     Note over p0: begins
    ///     Note over p0: #34;hello#34;
    ///     Note over p0: ■ normal
    /// "
    /// );
    /// ```
    pub fn to_mermaid(&self) -> String {
        Timeline::of_events(&self.events).to_mermaid()
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
