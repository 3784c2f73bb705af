//! A system: processes that share names, timers, a clock and a trace.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use tokio::runtime::Id;

use crate::ambient;
use crate::arrivals::Arrivals;
use crate::info::ProcessInfo;
use crate::names::Names;
use crate::pid::Pid;
use crate::process::{Address, IntoBody, SpawnOptions};
use crate::registry::Registries;
use crate::relations;
use crate::rt::{self, Engine, Handle, Instant, Seeded};
use crate::supervisor::partition::Partitions;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::global;
use crate::table;
use crate::tables::Tables;
use crate::timer::Timers;
use crate::trace::{Event, Hub, Recorder, Subject, Subscription, What};
use crate::{ExitReason, trace};

/// There is no system here: the caller is neither in a process nor in a tokio runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no system: this works only inside a process or inside a tokio runtime")]
pub struct NoSystem;

#[derive(Debug)]
pub(crate) struct SystemInner {
    id: u64,
    pub(crate) engine: Engine,
    pub(crate) handle: Handle,
    pub(crate) names: Names,
    pub(crate) arrivals: Arrivals,
    pub(crate) registries: Registries,
    pub(crate) partitions: Partitions,
    pub(crate) tables: Tables,
    pub(crate) timers: Timers,
    pub(crate) trace: Hub,
    began: Instant,
    began_wall: SystemTime,
    counters: Counters,
    /// No process lives in it any more.
    closed: AtomicBool,
}

/// What every spawn and every end writes. On cache lines of its own, since every turn reads what is
/// beside it; the alignment also keeps the reference count away from both.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counters {
    /// How many processes there have been, and how many of them have ended.
    spawned: AtomicU64,
    ended: AtomicU64,
}

impl SystemInner {
    pub(crate) fn new(engine: Engine, handle: Handle) -> Arc<Self> {
        static IDS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let inner = Arc::new(Self {
            id: IDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            engine,
            handle,
            names: Names::default(),
            arrivals: Arrivals::default(),
            registries: Registries::default(),
            partitions: Partitions::default(),
            tables: Tables::default(),
            timers: Timers::default(),
            trace: Hub::default(),
            began: Instant::now(),
            began_wall: SystemTime::now(),
            counters: Counters::default(),
            closed: AtomicBool::new(false),
        });
        inner.engine.start(&inner.handle);
        inner
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Counts a process that is being made.
    pub(crate) fn process_begins(self: &Arc<Self>) -> Begun<'_> {
        Begun { system: self, serial: self.counters.spawned.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    pub(crate) fn process_ended(&self) {
        self.counters.ended.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A point in time as nanoseconds since the system began; enough for 584 years.
    pub(crate) fn nanos_at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Publishes an event. A subscriber's panic goes through to the caller.
    pub(crate) fn emit(&self, subject: Subject, what: What) {
        self.trace.publish(&Event { at: self.elapsed(), subject, what });
    }

    /// Ends everything at once: the processes are killed, the timers forgotten.
    fn end(&self) {
        // A process that is spawned from now on sees this, an earlier one is in the table.
        self.closed.store(true, Ordering::SeqCst);
        self.arrivals.tell_all();
        self.timers.stop();
        for pcb in table::all_of(self.id) {
            relations::exit(Pid::OUTSIDE, pcb.head().pid, ExitReason::Kill);
        }
        self.engine.shutdown();
    }
}

/// The number of a process that is being made; one that does not come to be has ended.
pub(crate) struct Begun<'a> {
    system: &'a SystemInner,
    pub(crate) serial: u64,
}

impl Begun<'_> {
    /// The process is there, and will count its own end.
    pub(crate) fn keep(self) {
        let _ = std::mem::ManuallyDrop::new(self);
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.system.process_ended();
    }
}

/// The processes that belong together: they share names, timers, a clock and a trace, and end
/// together.
///
/// There is one for each tokio runtime, made when it is first needed; it ends with the runtime.
/// [`System::start`] makes another one, apart from it, which two tests in one runtime may want.
/// This handle refers to a system and does not keep it running.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use runtime::{Process, System, spawn};
///
/// let child = spawn(|mut me: Process<u32>| async move {
///     me.receive().await;
/// });
/// assert_eq!(System::current().processes(), [child.pid()]);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct System(Arc<SystemInner>);

/// Owns a system that was made by hand; ends it when dropped.
///
/// Dropping kills the processes: each ends at its next turn. [`SystemGuard::stop`] waits for that.
#[derive(Debug)]
#[must_use = "the system ends when this is dropped"]
pub struct SystemGuard(System);

/// The systems of tokio runtimes.
static BY_RUNTIME: global::Mutex<Option<HashMap<Id, Weak<SystemInner>>>> = global::Mutex::new(None);

/// Lives in a task of the tokio runtime, and is dropped with it.
struct EndOfRuntime {
    runtime: Id,
    system: Arc<SystemInner>,
}

impl Drop for EndOfRuntime {
    fn drop(&mut self) {
        if let Some(systems) = BY_RUNTIME.lock().as_mut() {
            systems.remove(&self.runtime);
        }
        self.system.end();
    }
}

impl System {
    pub(crate) fn inner(&self) -> &Arc<SystemInner> {
        &self.0
    }

    pub(crate) fn of(inner: &Arc<SystemInner>) -> Self {
        Self(inner.clone())
    }

    /// The system of the current process, or else of the current tokio runtime.
    ///
    /// # Panics
    /// Outside of both; [`try_current`](Self::try_current) says so instead.
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(system) => system,
            Err(error) => panic!("{error}"),
        }
    }

    /// The system of the current process, or else of the current tokio runtime.
    ///
    /// # Errors
    /// [`NoSystem`] outside of both: enter a runtime, or start a system by hand.
    pub fn try_current() -> Result<Self, NoSystem> {
        if let Some(pcb) = ambient::current() {
            return Ok(Self(pcb.head().system.clone()));
        }
        let handle = Handle::try_current().map_err(|_| NoSystem)?;
        Ok(Self(Self::of_runtime(handle)))
    }

    fn of_runtime(handle: Handle) -> Arc<SystemInner> {
        let runtime = handle.id();
        let system = {
            let mut systems = BY_RUNTIME.lock();
            let systems = systems.get_or_insert_default();
            if let Some(system) = systems.get(&runtime).and_then(Weak::upgrade) {
                return system;
            }
            let system = SystemInner::new(Engine::Tasks, handle);
            systems.insert(runtime, Arc::downgrade(&system));
            system
        };
        // After the lock is free: a runtime that is going down drops the service at once.
        let end = EndOfRuntime { runtime, system: system.clone() };
        rt::spawn_service(&system.handle, async move {
            let _end = end;
            pending::<()>().await;
        });
        system
    }

    /// Starts a system of its own in the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start() -> SystemGuard {
        Self::start_on(Engine::Tasks)
    }

    /// Starts a system whose processes run one at a time, the next one drawn by `seed`.
    ///
    /// On a current-thread runtime with a paused clock, one seed gives one order of events. For
    /// tests; [`testing`](crate::testing) tries many seeds.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start_seeded(seed: u64) -> SystemGuard {
        Self::start_on(Engine::Seeded(Seeded::new(seed)))
    }

    fn start_on(engine: Engine) -> SystemGuard {
        SystemGuard(Self(SystemInner::new(engine, Handle::current())))
    }

    /// As [`spawn`](crate::spawn), in this system.
    pub fn spawn<K: 'static, B: IntoBody<K>>(&self, body: B) -> Address<B::Message> {
        SpawnOptions::new().spawn_in(&self.0, body).address
    }

    /// The processes that have not ended, in the order in which they were spawned.
    ///
    /// Source: Elixir `Process.list/0`.
    pub fn processes(&self) -> Vec<Pid> {
        table::all_of(self.0.id).iter().map(|pcb| pcb.head().pid).collect()
    }

    /// The number of processes that have not ended.
    pub fn process_count(&self) -> usize {
        let ended = self.0.counters.ended.load(Ordering::Acquire);
        let spawned = self.0.counters.spawned.load(Ordering::Acquire);
        usize::try_from(spawned.saturating_sub(ended)).unwrap_or(usize::MAX)
    }

    /// What is known of every process.
    pub fn process_infos(&self) -> Vec<ProcessInfo> {
        table::all_of(self.0.id).iter().map(|pcb| ProcessInfo::of(&**pcb)).collect()
    }

    /// The process that holds a name.
    ///
    /// Source: Elixir `Process.whereis/1`.
    pub fn whereis(&self, name: &str) -> Option<Pid> {
        self.0.names.whereis(name)
    }

    /// The names in use.
    pub fn registered(&self) -> Vec<Arc<str>> {
        self.0.names.all()
    }

    /// The number of timers that have not expired.
    pub fn timer_count(&self) -> usize {
        self.0.timers.count()
    }

    /// Records every event from now on.
    pub fn record(&self) -> Recorder {
        Recorder::new(self)
    }

    /// Calls `subscriber` with every event from now on, in the turn of the process that caused it.
    ///
    /// It must be quick. If it panics, that process crashes with the panic.
    pub fn subscribe(
        &self,
        subscriber: impl Fn(&trace::Event) + Send + Sync + 'static,
    ) -> Subscription {
        Subscription::new(self, subscriber)
    }

    /// The time since the system started. Governed by tokio's clock, so a paused clock pauses it.
    ///
    /// Source: Elixir `System.monotonic_time/0`.
    pub fn monotonic_time(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time of day: what the machine's clock said when the system started, plus
    /// [`monotonic_time`](Self::monotonic_time).
    ///
    /// Differs from OTP: later changes of the machine's clock are not seen.
    /// Source: Elixir `System.system_time/0`.
    pub fn system_time(&self) -> SystemTime {
        self.0.began_wall + self.0.elapsed()
    }
}

impl SystemGuard {
    /// Kills every process and waits until all have ended.
    ///
    /// A process that does not yield delays this for as long; put a timeout around it if there may
    /// be one.
    ///
    /// Cancellation: the processes are killed at the first poll, whether or not this is awaited to
    /// its end.
    pub async fn stop(self) {
        let pids = self.processes();
        self.0.0.end();
        for pid in pids {
            pid.join().await;
        }
    }
}

impl std::ops::Deref for SystemGuard {
    type Target = System;

    fn deref(&self) -> &System {
        &self.0
    }
}

impl Drop for SystemGuard {
    fn drop(&mut self) {
        self.0.0.end();
    }
}
