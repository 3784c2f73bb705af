//! A supervisor whose children come and go.
//!
//! Unlike [`Supervisor`](crate::Supervisor), it starts empty, tells its children apart by pid and
//! not by id, has one strategy (one for one), and stops all of them at once.
//!
//! ```
//! use runtime::{ChildSpec, DynamicSupervisor, DynamicSupervision};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! let jobs = DynamicSupervisor::new().max_children(100).start_link().await?;
//! let job = jobs.start_child(ChildSpec::process("job", std::future::pending::<()>)).await?;
//! assert_eq!(jobs.count_children().await?.active, 1);
//! jobs.terminate_child(job.unwrap()).await?;
//! # Ok(()) }
//! ```
//!
//! Source: Elixir `DynamicSupervisor`.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use indexmap::IndexMap;

use super::ledger::{self, Key, Step};
use super::{
    AutoShutdown, Backoff, ChildCount, ChildError, ChildId, ChildInfo, ChildKind, ChildSpec,
    ChildState, Fate, Intensity, Shutdown, SpecError, Strategy, Streak, check_child, fate, forget,
    log_failed_restart, now, start_guarded, stop_child,
};
use crate::call::{CallError, Reply};
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{
    Cx, GenServer, Handled, Info, Init, Next, Server, ServerRef, Start, StartError,
};
use crate::join::Join;
use crate::pid::Pid;
use crate::rt::{Instant, timeout_at};
use crate::timer::{TimerRef, cancel_timer};
use crate::trace::{Because, Trouble};

/// A dynamic supervisor to be: limits, and no children yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a supervisor does nothing until it is started"]
pub struct DynamicSupervisor {
    max_restarts: usize,
    window: Duration,
    max_children: usize,
    backoff: Option<Backoff>,
}

impl Default for DynamicSupervisor {
    fn default() -> Self {
        Self::new()
    }
}

impl DynamicSupervisor {
    /// Three restarts in five seconds, and as many children as there is room for.
    pub fn new() -> Self {
        let window = Duration::from_secs(5);
        Self { max_restarts: 3, window, max_children: usize::MAX, backoff: None }
    }

    /// Grants `max_restarts` restarts within any `window`; one more ends the supervisor.
    ///
    /// All children share them: one that crashes again and again takes the others along. Size it
    /// for the number of children, or give suspects a supervisor of their own.
    pub fn intensity(mut self, max_restarts: usize, window: Duration) -> Self {
        (self.max_restarts, self.window) = (max_restarts, window);
        self
    }

    /// Lets restarts wait, each child on its own; see
    /// [the supervisor's](super#restarts-that-wait).
    ///
    /// A child that waits goes by the pid that it had.
    ///
    /// Differs from OTP, which has nothing of the kind.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Refuses more children than this.
    pub fn max_children(mut self, max_children: usize) -> Self {
        self.max_children = max_children;
        self
    }

    /// Starts it on its own; see [`start_link`](Self::start_link).
    pub fn start(self) -> Start<DynamicSupervisorServer> {
        DynamicSupervisorServer::start(self)
    }

    /// Starts it, linked to the current process.
    ///
    /// Source: Elixir `DynamicSupervisor.start_link/1`.
    pub fn start_link(self) -> Start<DynamicSupervisorServer> {
        DynamicSupervisorServer::start_link(self)
    }

    /// It as a child of a supervisor, under a name: permanent, and waited for when it stops. It is
    /// empty again after a restart.
    pub fn into_child(self, name: &'static crate::Name<DynamicSupervisorServer>) -> ChildSpec {
        DynamicSupervisorServer::child(move || self.clone()).name(name).into()
    }
}

/// What can be asked of a running dynamic supervisor: a [`ServerRef`], or a
/// [`Name`](crate::Name).
///
/// All of it waits until the supervisor has time, also while it waits for a child's `init`, and
/// without limit, as in Elixir.
pub trait DynamicSupervision: Server<Type = DynamicSupervisorServer> {
    /// Starts a child. `None` when its start is ignored; then it is not kept.
    ///
    /// Ids need not differ.
    ///
    /// # Errors
    /// [`ChildError::MaxChildren`], the start failed, or the supervisor is not there.
    ///
    /// Source: Elixir `DynamicSupervisor.start_child/2`.
    fn start_child(
        &self,
        child: impl Into<ChildSpec>,
    ) -> impl Future<Output = Result<Option<Pid>, ChildError>> + Send {
        let child = child.into();
        let call = self.call(|reply| Call::Start(child, reply)).infinity();
        async move { call.await? }
    }

    /// Stops a child for good.
    ///
    /// # Errors
    /// [`ChildError::NotFound`] when the pid is no child's, or not any more.
    ///
    /// Source: Elixir `DynamicSupervisor.terminate_child/2`.
    fn terminate_child(
        &self,
        child: impl Into<Pid>,
    ) -> impl Future<Output = Result<(), ChildError>> + Send {
        let pid = child.into();
        let call = self.call(move |reply| Call::Terminate(pid, reply)).infinity();
        async move { call.await? }
    }

    /// The children, in no particular order.
    ///
    /// # Errors
    /// The supervisor is not there.
    ///
    /// Source: Elixir `DynamicSupervisor.which_children/1`.
    fn which_children(&self) -> impl Future<Output = Result<Vec<ChildInfo>, CallError>> + Send {
        let call = self.call(Call::Which).infinity();
        async move { call.await }
    }

    /// How many children there are.
    ///
    /// # Errors
    /// The supervisor is not there.
    ///
    /// Source: Elixir `DynamicSupervisor.count_children/1`.
    fn count_children(&self) -> impl Future<Output = Result<ChildCount, CallError>> + Send {
        let call = self.call(Call::Count).infinity();
        async move { call.await }
    }
}

impl<T: Server<Type = DynamicSupervisorServer>> DynamicSupervision for T {}

/// One incarnation of a dynamic supervisor.
pub type DynamicSupervisorRef = ServerRef<DynamicSupervisorServer>;

/// The protocol of a dynamic supervisor; spoken through [`DynamicSupervision`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Call {
    Start(ChildSpec, Reply<Result<Option<Pid>, ChildError>>),
    Terminate(Pid, Reply<Result<(), ChildError>>),
    Which(Reply<Vec<ChildInfo>>),
    Count(Reply<ChildCount>),
}

/// What a dynamic supervisor tells itself: restart the child that had this pid, and this trouble.
///
/// No pid is given out twice, and a child that is terminated is forgotten: so nothing that was
/// scheduled reaches another one.
#[doc(hidden)]
#[derive(Debug)]
pub struct TryAgain(Pid, Trouble);

#[derive(Debug)]
struct Entry {
    spec: ChildSpec,
    /// Its restart failed, or waits.
    restarting: bool,
    streak: Streak,
    /// When it waits.
    timer: Option<TimerRef>,
    /// Its place in the book that others read.
    key: Key,
}

/// The process behind a [`DynamicSupervisor`].
#[derive(Debug)]
pub struct DynamicSupervisorServer {
    intensity: Intensity,
    max_children: usize,
    backoff: Option<Backoff>,
    /// By pid; one that is to be restarted, by the pid that it had.
    children: IndexMap<Pid, Entry>,
}

impl GenServer for DynamicSupervisorServer {
    type Args = DynamicSupervisor;
    type Call = Call;
    type Cast = Infallible;
    type Info = TryAgain;
    const SHUTDOWN: Shutdown = Shutdown::Infinity;
    const KIND: ChildKind = ChildKind::Supervisor;

    async fn init(args: DynamicSupervisor, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(true);
        if args.window.is_zero() {
            return Ok(Init::Stop(ExitReason::other(SpecError::InvalidPeriod)));
        }
        ledger::open(None);
        Ok(Init::Ok(Self {
            intensity: Intensity::new(args.max_restarts, args.window),
            max_children: args.max_children,
            backoff: args.backoff,
            children: IndexMap::new(),
        }))
    }

    async fn handle_call(&mut self, call: Call, cx: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Start(spec, reply) => reply.send(self.start_child(spec).await),
            Call::Terminate(pid, reply) => reply.send(self.terminate_child(pid, cx).await),
            Call::Which(reply) => reply.send(self.which_children()),
            Call::Count(reply) => reply.send(self.count_children()),
        }
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, info: Info<TryAgain>, cx: &mut Cx<Self>) -> Handled<Self> {
        match info {
            Info::Exit(exit) => match self.children.get(&exit.from) {
                Some(entry) => {
                    ledger::record(entry.key, Step::Ended);
                    match fate(entry.spec.restart, &exit.reason) {
                        Fate::Restart => {
                            let trouble = Trouble::Ended(exit.reason);
                            let Some(backoff) = self.backoff else {
                                return self.restart(exit.from, trouble, cx).await;
                            };
                            self.postpone(backoff, exit.from, trouble, cx);
                            Ok(Next::Go)
                        }
                        Fate::Keep | Fate::Remove => {
                            ledger::record(entry.key, Step::Left(exit.from));
                            self.remove(exit.from);
                            Ok(Next::Go)
                        }
                    }
                }
                // Linked, and no child: none of its business.
                None => Ok(Next::Go),
            },
            Info::User(TryAgain(pid, trouble)) => match self.children.get(&pid) {
                Some(Entry { restarting: true, .. }) => self.restart(pid, trouble, cx).await,
                // It was stopped meanwhile.
                _ => Ok(Next::Go),
            },
            _ => Ok(Next::Go),
        }
    }

    async fn terminate(&mut self, _: &ExitReason, cx: &mut Cx<Self>) {
        self.stop_all(cx).await;
    }
}

impl DynamicSupervisorServer {
    /// Forgets a child that does not run.
    fn remove(&mut self, pid: Pid) {
        if let Some(entry) = self.children.swap_remove(&pid) {
            ledger::remove(entry.key);
            forget(entry.spec);
        }
    }

    /// Lets a child's restart wait.
    fn postpone(&mut self, backoff: Backoff, pid: Pid, trouble: Trouble, cx: &Cx<Self>) {
        let Some(entry) = self.children.get_mut(&pid) else { return };
        let attempt = entry.streak.next(&backoff, now());
        let delay = backoff.delay(attempt, cx.system().inner().engine.draw());
        ledger::record(entry.key, Step::Waits { due: Some((trouble.clone(), delay)) });
        entry.restarting = true;
        entry.timer = Some(cx.send_after(delay, TryAgain(pid, trouble)));
    }

    async fn restart(&mut self, old: Pid, trouble: Trouble, cx: &mut Cx<Self>) -> Handled<Self> {
        if !self.intensity.allows(cx.system().monotonic_time()) {
            tracing::error!(supervisor = %cx.pid(), "reached the maximum restart intensity");
            if let Some(entry) = self.children.get(&old) {
                let limits = self.intensity.limits();
                ledger::record(entry.key, Step::GaveUp { trouble, limits });
            }
            self.remove(old);
            return Ok(Next::Stop(ExitReason::Shutdown));
        }
        let Some(entry) = self.children.get_mut(&old) else { return Ok(Next::Go) };
        let key = entry.key;
        ledger::record(key, Step::Starting);
        match start_guarded(&entry.spec).await {
            Ok(pid) => {
                let (strategy, child) = (Strategy::OneForOne, entry.spec.id.clone());
                let because = Because::Strategy { strategy, child, trouble };
                if let Some(entry) = self.children.swap_remove(&old) {
                    let mut entry = Entry { restarting: false, timer: None, ..entry };
                    if self.backoff.is_some() {
                        entry.streak.up(now());
                    }
                    self.children.insert(pid, entry);
                }
                ledger::record(key, Step::Started(pid, because));
            }
            Err(StartError::Ignored) => {
                ledger::record(key, Step::Ignored);
                self.remove(old);
            }
            Err(error) => {
                ledger::record(key, Step::Failed { error: &error, again: true });
                log_failed_restart(cx.pid(), &entry.spec.id, &error);
                entry.restarting = true;
                match self.backoff {
                    Some(backoff) => self.postpone(backoff, old, Trouble::NotStarted, cx),
                    // Through the mailbox, so that a request to stop is heard in between.
                    None => cx.info(TryAgain(old, Trouble::NotStarted)),
                }
            }
        }
        Ok(Next::Go)
    }

    async fn start_child(&mut self, spec: ChildSpec) -> Result<Option<Pid>, ChildError> {
        let refused = match check_child(&spec, AutoShutdown::Never) {
            Err(error) => Some(ChildError::Spec(error)),
            Ok(()) => (self.children.len() >= self.max_children).then_some(ChildError::MaxChildren),
        };
        if let Some(error) = refused {
            forget(spec);
            return Err(error);
        }
        let key = ledger::add(&spec);
        ledger::record(key, Step::Starting);
        match start_guarded(&spec).await {
            Ok(pid) => {
                let mut streak = Streak::default();
                if self.backoff.is_some() {
                    streak.up(now());
                }
                let entry = Entry { spec, restarting: false, streak, timer: None, key };
                self.children.insert(pid, entry);
                ledger::record(key, Step::Started(pid, Because::Request));
                Ok(Some(pid))
            }
            Err(StartError::Ignored) => {
                ledger::record(key, Step::Ignored);
                ledger::remove(key);
                forget(spec);
                Ok(None)
            }
            Err(error) => {
                ledger::record(key, Step::Failed { error: &error, again: false });
                ledger::remove(key);
                forget(spec);
                Err(ChildError::Start(error))
            }
        }
    }

    async fn terminate_child(&mut self, pid: Pid, cx: &mut Cx<Self>) -> Result<(), ChildError> {
        let entry = self.children.swap_remove(&pid).ok_or(ChildError::NotFound)?;
        if !entry.restarting {
            ledger::record(entry.key, Step::Stopping);
            stop_child(pid, entry.spec.shutdown, cx).await;
            ledger::record(entry.key, Step::Stopped(pid, Because::Request));
        } else if let Some(timer) = entry.timer {
            cancel_timer(timer);
        }
        ledger::remove(entry.key);
        forget(entry.spec);
        Ok(())
    }

    fn which_children(&self) -> Vec<ChildInfo> {
        let info = |(pid, entry): (&Pid, &Entry)| ChildInfo {
            id: ChildId::clone(&entry.spec.id),
            state: if entry.restarting {
                ChildState::Restarting
            } else {
                ChildState::Running(*pid)
            },
            kind: entry.spec.kind,
            module: entry.spec.module,
        };
        self.children.iter().map(info).collect()
    }

    fn count_children(&self) -> ChildCount {
        let mut count = ChildCount { specs: self.children.len(), ..ChildCount::default() };
        for entry in self.children.values() {
            count.active += usize::from(!entry.restarting);
            match entry.spec.kind {
                ChildKind::Supervisor => count.supervisors += 1,
                ChildKind::Worker => count.workers += 1,
            }
        }
        count
    }

    /// Tells all children at once, and waits for all of them together, each with its own limit.
    ///
    /// Source: Elixir `DynamicSupervisor`, `terminate_children/2`.
    async fn stop_all(&mut self, cx: &mut Cx<Self>) {
        let now = Instant::now();
        let mut ending: Vec<(Option<Instant>, Pid, Join, Key)> = Vec::new();
        for (pid, entry) in std::mem::take(&mut self.children) {
            if entry.restarting {
                if let Some(timer) = entry.timer {
                    cancel_timer(timer);
                }
                ledger::remove(entry.key);
                continue;
            }
            ledger::record(entry.key, Step::Stopping);
            let end = pid.join();
            let deadline = match entry.spec.shutdown {
                Shutdown::BrutalKill => {
                    pid.kill();
                    None
                }
                Shutdown::Infinity => {
                    pid.exit(ExitReason::Shutdown);
                    None
                }
                Shutdown::After(limit) => {
                    pid.exit(ExitReason::Shutdown);
                    now.checked_add(limit)
                }
            };
            ending.push((deadline, pid, end, entry.key));
        }
        // The earliest deadline first, those without one last: so each is killed on time.
        ending.sort_by_key(|(deadline, ..)| (deadline.is_none(), *deadline));
        // One that cannot be killed yet does not save the others: its end is waited for after that.
        for (deadline, pid, end, _) in &mut ending {
            if let Some(deadline) = *deadline
                && timeout_at(deadline, end).await.is_err()
            {
                pid.kill();
            }
        }
        for (_, pid, end, key) in ending {
            end.await;
            cx.unlink_flush(pid);
            ledger::record(key, Step::Stopped(pid, Because::Ending));
            ledger::remove(key);
        }
    }
}
