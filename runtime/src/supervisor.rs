//! A supervisor: a process that starts, stops and restarts others, and does nothing else.
//!
//! ```text
//!         application
//!          /        \
//!     database     web          started from left to right, stopped from right to left
//!                 /   \
//!            router   cache     a crash of `cache` is handled here, and nobody else notices
//! ```
//!
//! Children are started in the order of the list, each when the one before it is up, and stopped in
//! the reverse order. When one ends, its [`Restart`] says whether it is started again, the
//! [`Strategy`] says who else is, and when that happens more than [`intensity`](Supervisor::intensity)
//! allows, the supervisor stops its children and ends with `Shutdown`: then it is its own
//! supervisor's turn.
//!
//! ```
//! use runtime::prelude::*;
//!
//! struct Counter(u64);
//! enum Call { Next(Reply<u64>), Crash(Reply<()>) }
//! static COUNTER: Name<Counter> = Name::new("counter");
//!
//! impl CallServer for Counter {
//!     type Call = Call;
//!
//!     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
//!         match call {
//!             Call::Next(reply) => { self.0 += 1; reply.go(self.0) }
//!             Call::Crash(_) => panic!("the counter is broken"),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> anyhow::Result<()> {
//! let supervisor = Supervisor::one_for_one().child(COUNTER.child(|| Counter(0))).start().await?;
//! assert_eq!(COUNTER.call(Call::Next).await?, 1);
//! assert!(COUNTER.call(Call::Crash).await.is_err());
//! assert_eq!(COUNTER.up().await?.call(Call::Next).await?, 1, "a fresh state");
//! supervisor.stop().await?;
//! # Ok(()) }
//! ```
//!
//! # Restarts that wait
//!
//! OTP restarts at once, and so does a supervisor unless it is given a [`Backoff`]. Then the child
//! that has to be restarted waits, longer each time until it has been stable for a while; those
//! that fall with it are stopped at once, and wait with it. Meanwhile the supervisor answers and
//! watches the others, and [`which_children`](Supervision::which_children) shows those who wait as
//! [`Restarting`](ChildState::Restarting).
//!
//! A restart counts against the [`intensity`](Supervisor::intensity) when it happens, so a wait that
//! is long enough keeps a broken child from ending its supervisor. Who is terminated while it waits
//! is not started when its time has come, nor is another child that has got its id. A supervisor
//! that is to stop does not wait for those who do.
//!
//! Decisions are pure and apart: `decision` (restart it?), `strategy` (who else, in which order?),
//! `intensity` (too many, too fast?), `backoff` (when?).
//!
//! Source: OTP supervisor.

mod backoff;
mod child;
mod decision;
pub mod dynamic;
mod intensity;
pub(crate) mod ledger;
pub mod partition;
mod stop;
mod strategy;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use indexmap::IndexMap;

pub use backoff::Backoff;
pub(crate) use backoff::Streak;
pub(crate) use child::short;
pub use child::{Child, ChildId, ChildKind, ChildSpec, Restart, Shutdown};
pub(crate) use decision::{Fate, fate};
pub(crate) use intensity::Intensity;
use ledger::{Key, Step};
pub(crate) use stop::stop_child;
pub use strategy::Strategy;

use crate::ambient::{self, catch};
use crate::call::{CallError, Reply};
use crate::driver::reason_of;
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{
    Cx, GenServer, Handled, Info, Init, Next, Server, ServerRef, Start, StartError,
};
use crate::pid::Pid;
use crate::timer::{TimerRef, cancel_timer};
use crate::trace::{Because, Trouble};

/// Whether the end of a significant child ends the supervisor, with `Shutdown`.
///
/// Only ends that are not followed by a restart count: a transient child that ended as expected, or
/// any end of a temporary one.
///
/// Source: OTP supervisor, "Automatic Shutdown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoShutdown {
    /// It does not.
    #[default]
    Never,
    /// The first one does.
    AnySignificant,
    /// The last one does.
    AllSignificant,
}

/// A list of children, or a limit, that makes no sense. Nothing was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Two children have this id. Give each its own with `id`.
    #[error("duplicate child id {0:?}")]
    DuplicateId(ChildId),
    /// Restarts are counted in a window of no length.
    #[error("the window in which restarts are counted must be longer than zero")]
    InvalidPeriod,
    /// A permanent child never ends for good, so it cannot be significant.
    #[error("child {0:?} is permanent, and cannot be significant")]
    SignificantPermanent(ChildId),
    /// A child is significant, and the supervisor's automatic shutdown is `Never`.
    #[error("child {0:?} is significant, and the supervisor never shuts down by itself")]
    SignificantUnderNever(ChildId),
}

/// Why a supervisor did not start: OTP's `{failed_to_start_child, Id, Reason}`, in the
/// [`ShutdownWith`](ExitReason::ShutdownWith) of its exit reason.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedToStart {
    /// The child that failed. Those before it have been stopped, those after it never started.
    pub id: ChildId,
    /// What its start came to.
    pub error: StartError,
}

/// A supervisor to be: a strategy, limits, children. Start it, or make it a child of another one.
#[derive(Clone, Debug)]
#[must_use = "a supervisor does nothing until it is started"]
pub struct Supervisor {
    strategy: Strategy,
    max_restarts: usize,
    window: Duration,
    auto_shutdown: AutoShutdown,
    backoff: Option<Backoff>,
    children: Vec<ChildSpec>,
}

impl Supervisor {
    /// Without children; three restarts in five seconds, no automatic shutdown.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            max_restarts: 3,
            window: Duration::from_secs(5),
            auto_shutdown: AutoShutdown::Never,
            backoff: None,
            children: Vec::new(),
        }
    }

    /// Restarts only the child that ended: [`Strategy::OneForOne`].
    pub fn one_for_one() -> Self {
        Self::new(Strategy::OneForOne)
    }

    /// Restarts all children: [`Strategy::OneForAll`].
    pub fn one_for_all() -> Self {
        Self::new(Strategy::OneForAll)
    }

    /// Restarts the child that ended and those after it: [`Strategy::RestForOne`].
    pub fn rest_for_one() -> Self {
        Self::new(Strategy::RestForOne)
    }

    /// Grants `max_restarts` restarts within any `window`; one more ends the supervisor.
    ///
    /// The children share them, and a group's restart counts once. Zero restarts make the first
    /// crash fatal.
    pub fn intensity(mut self, max_restarts: usize, window: Duration) -> Self {
        (self.max_restarts, self.window) = (max_restarts, window);
        self
    }

    /// Lets restarts wait; see [the module](self#restarts-that-wait).
    ///
    /// ```
    /// use runtime::prelude::*;
    /// use runtime::testing::{kill_and_wait, scenario};
    /// use runtime::{Backoff, ChildState};
    /// use std::time::Duration;
    ///
    /// scenario(|_: Process| async move {
    ///     let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    ///     let worker = ChildSpec::process("worker", std::future::pending::<()>);
    ///     let supervisor = Supervisor::one_for_one().backoff(backoff).child(worker).start_link().await?;
    ///     let state = async || supervisor.which_children().await.map(|all| all[0].state);
    ///
    ///     let ChildState::Running(worker) = state().await? else { panic!("it runs") };
    ///     kill_and_wait(worker).await;
    ///     assert_eq!(state().await?, ChildState::Restarting);
    ///     tokio::time::sleep(Duration::from_secs(1)).await;
    ///     assert!(matches!(state().await?, ChildState::Running(_)));
    ///     anyhow::Ok(())
    /// });
    /// ```
    ///
    /// Differs from OTP, which has nothing of the kind.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Ends with its significant children.
    pub fn auto_shutdown(mut self, auto: AutoShutdown) -> Self {
        self.auto_shutdown = auto;
        self
    }

    /// Adds a child, started after those before it.
    pub fn child(mut self, child: impl Into<ChildSpec>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Adds children, in order.
    pub fn children(mut self, children: impl IntoIterator<Item = ChildSpec>) -> Self {
        self.children.extend(children);
        self
    }

    /// Starts it on its own; see [`start_link`](Self::start_link).
    pub fn start(self) -> Start<SupervisorServer> {
        SupervisorServer::start(Plan::Value(self))
    }

    /// Starts it, linked to the current process; resolves when all children are up.
    ///
    /// When a child fails to start, those before it are stopped in reverse order, and the error is
    /// [`StartError::Failed`] with a [`FailedToStart`] in its reason. A list that makes no sense
    /// fails with a [`SpecError`] as its reason, before anything starts.
    ///
    /// Source: OTP `supervisor:start_link/2`.
    pub fn start_link(self) -> Start<SupervisorServer> {
        SupervisorServer::start_link(Plan::Value(self))
    }

    /// This supervisor as a child of another one: permanent, and waited for when it stops.
    pub fn into_child(self, id: impl Into<ChildId>) -> ChildSpec {
        let start = move |id: &ChildId| {
            let start = self.clone().start_link().label(id.clone());
            async move { Ok(start.await?.pid()) }
        };
        ChildSpec { module: "Supervisor", ..ChildSpec::labelled(id, start) }
            .kind(ChildKind::Supervisor)
            .shutdown(Shutdown::Infinity)
    }

    fn check(&self) -> Result<(), SpecError> {
        if self.window.is_zero() {
            return Err(SpecError::InvalidPeriod);
        }
        let mut ids = HashSet::new();
        for child in &self.children {
            check_child(child, self.auto_shutdown)?;
            if !ids.insert(&child.id) {
                return Err(SpecError::DuplicateId(child.id.clone()));
            }
        }
        Ok(())
    }
}

fn check_child(child: &ChildSpec, auto: AutoShutdown) -> Result<(), SpecError> {
    match (child.significant, child.restart, auto) {
        (false, ..) => Ok(()),
        (true, Restart::Permanent, _) => Err(SpecError::SignificantPermanent(child.id.clone())),
        (true, _, AutoShutdown::Never) => Err(SpecError::SignificantUnderNever(child.id.clone())),
        (true, ..) => Ok(()),
    }
}

/// A supervisor as a type: its children follow from its arguments, anew at each restart.
///
/// ```
/// use runtime::{ChildSpec, Strategy, Supervisor, SupervisorModule};
///
/// struct Workers;
///
/// impl SupervisorModule for Workers {
///     type Args = usize;
///
///     fn init(count: usize) -> Option<Supervisor> {
///         let worker = |n| ChildSpec::process(format!("worker {n}"), std::future::pending::<()>);
///         Some(Supervisor::new(Strategy::OneForOne).children((0..count).map(worker)))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
/// use runtime::Supervision;
/// let workers = Workers::start_link(3).await?;
/// assert_eq!(workers.count_children().await?.active, 3);
/// # Ok(()) }
/// ```
///
/// Source: Elixir `Supervisor`, "Module-based supervisors".
pub trait SupervisorModule: 'static {
    /// What [`init`](Self::init) is given.
    type Args: Send + 'static;

    /// The supervisor to be; `None` when there is nothing to supervise.
    fn init(args: Self::Args) -> Option<Supervisor>;

    /// Starts it; see [`Supervisor::start_link`].
    fn start_link(args: Self::Args) -> Start<SupervisorServer> {
        SupervisorServer::start_link(Plan::Module(Box::new(move || Self::init(args))))
    }

    /// It as a child of another one: permanent, and waited for when it stops.
    fn child(
        id: impl Into<ChildId>,
        make: impl Fn() -> Self::Args + Send + Sync + 'static,
    ) -> ChildSpec {
        let start = move |id: &ChildId| {
            let start = Self::start_link(make()).label(id.clone());
            async move { Ok(start.await?.pid()) }
        };
        ChildSpec { module: std::any::type_name::<Self>(), ..ChildSpec::labelled(id, start) }
            .kind(ChildKind::Supervisor)
            .shutdown(Shutdown::Infinity)
    }
}

/// What a supervisor's process begins with.
#[doc(hidden)]
pub enum Plan {
    #[doc(hidden)]
    Value(Supervisor),
    #[doc(hidden)]
    Module(Box<dyn FnOnce() -> Option<Supervisor> + Send>),
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(supervisor) => supervisor.fmt(f),
            Self::Module(_) => f.write_str("Module"),
        }
    }
}

/// How a child fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// It runs.
    Running(Pid),
    /// Its restart failed and will be tried again, or waits; see [`Backoff`].
    Restarting,
    /// It is stopped.
    Stopped,
}

/// A child, as [`which_children`](Supervision::which_children) lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildInfo {
    /// Its id.
    pub id: ChildId,
    /// How it fares.
    pub state: ChildState,
    /// Whether it is a supervisor.
    pub kind: ChildKind,
    /// The type behind it.
    pub module: &'static str,
}

/// How many children a supervisor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildCount {
    /// Children in the list, running or not.
    pub specs: usize,
    /// Children that run.
    pub active: usize,
    /// Children in the list that are supervisors.
    pub supervisors: usize,
    /// Children in the list that are not.
    pub workers: usize,
}

/// A request to a supervisor that it refused, or that did not reach it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// There is no child with this id.
    #[error("not found: no child has this id")]
    NotFound,
    /// The child runs; stop it first.
    #[error("the child is running")]
    Running,
    /// The child's restart failed and will be tried again, or waits; stop it first.
    #[error("the child is restarting")]
    Restarting,
    /// A child with this id runs already.
    #[error("already started: {0}")]
    AlreadyStarted(Pid),
    /// A child with this id is in the list, stopped: restart or delete it.
    #[error("already present: a stopped child has this id")]
    AlreadyPresent,
    /// The specification makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The child did not start.
    #[error("the child did not start: {0}")]
    Start(StartError),
    /// There are as many children as there may be.
    #[error("max_children: the supervisor has as many children as it may have")]
    MaxChildren,
    /// The supervisor was not there, or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// What can be asked of a running supervisor: a [`ServerRef`], or a [`Name`](crate::Name).
///
/// All of it waits until the supervisor has time, also while it waits for a child's `init`, and
/// without limit, as in OTP.
pub trait Supervision: Server<Type = SupervisorServer> {
    /// Starts a child and adds it at the end. `None` when its start is ignored; the child is kept,
    /// stopped, unless it is temporary.
    ///
    /// # Errors
    /// The id is taken, the specification makes no sense, or the start failed: then nothing was
    /// added, and the supervisor goes on.
    ///
    /// Source: OTP `supervisor:start_child/2`.
    fn start_child(
        &self,
        child: impl Into<ChildSpec>,
    ) -> impl Future<Output = Result<Option<Pid>, ChildError>> + Send {
        let child = child.into();
        let call = self.call(|reply| Call::Start(child, reply)).infinity();
        async move { call.await? }
    }

    /// Stops a child, which stays in the list unless it is temporary. Not a crash: no restart.
    ///
    /// # Errors
    /// [`ChildError::NotFound`], or the supervisor is not there.
    ///
    /// Source: OTP `supervisor:terminate_child/2`.
    fn terminate_child(&self, id: &str) -> impl Future<Output = Result<(), ChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| Call::Terminate(id, reply)).infinity();
        async move { call.await? }
    }

    /// Starts a stopped child again.
    ///
    /// # Errors
    /// No such child, it is not stopped, or its start failed: then it stays stopped.
    ///
    /// Source: OTP `supervisor:restart_child/2`.
    fn restart_child(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Pid>, ChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| Call::Restart(id, reply)).infinity();
        async move { call.await? }
    }

    /// Removes a stopped child from the list.
    ///
    /// # Errors
    /// No such child, or it is not stopped.
    ///
    /// Source: OTP `supervisor:delete_child/2`.
    fn delete_child(&self, id: &str) -> impl Future<Output = Result<(), ChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| Call::Delete(id, reply)).infinity();
        async move { call.await? }
    }

    /// The children, the newest first.
    ///
    /// # Errors
    /// The supervisor is not there.
    ///
    /// Source: OTP `supervisor:which_children/1`.
    fn which_children(&self) -> impl Future<Output = Result<Vec<ChildInfo>, CallError>> + Send {
        let call = self.call(Call::Which).infinity();
        async move { call.await }
    }

    /// How many children there are.
    ///
    /// # Errors
    /// The supervisor is not there.
    ///
    /// Source: OTP `supervisor:count_children/1`.
    fn count_children(&self) -> impl Future<Output = Result<ChildCount, CallError>> + Send {
        let call = self.call(Call::Count).infinity();
        async move { call.await }
    }

    /// The specification of a child.
    ///
    /// # Errors
    /// No such child, or the supervisor is not there.
    ///
    /// Source: OTP `supervisor:get_childspec/2`.
    fn get_childspec(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<ChildSpec, ChildError>> + Send {
        let id = id.into();
        let call = self.call(|reply| Call::Spec(id, reply)).infinity();
        async move { call.await? }
    }
}

impl<T: Server<Type = SupervisorServer>> Supervision for T {}

/// One incarnation of a supervisor.
pub type SupervisorRef = ServerRef<SupervisorServer>;

/// The protocol of a supervisor; spoken through [`Supervision`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Call {
    Start(ChildSpec, Reply<Result<Option<Pid>, ChildError>>),
    Terminate(ChildId, Reply<Result<(), ChildError>>),
    Restart(ChildId, Reply<Result<Option<Pid>, ChildError>>),
    Delete(ChildId, Reply<Result<(), ChildError>>),
    Which(Reply<Vec<ChildInfo>>),
    Count(Reply<ChildCount>),
    Spec(ChildId, Reply<Result<ChildSpec, ChildError>>),
}

/// What a supervisor tells itself.
#[doc(hidden)]
#[derive(Debug)]
pub enum TryAgain {
    /// This child's restart failed, try it again.
    Now(ChildId),
    /// This wait is over.
    Due(Generation),
}

/// Which wait. A child that is terminated and added again waits no more, so nothing that was
/// scheduled for the one before it reaches it.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u64);

/// A restart that waits, with everybody whom it concerns.
#[derive(Debug)]
struct Wait {
    /// The child that has to be restarted.
    culprit: ChildId,
    trouble: Trouble,
    timer: TimerRef,
    /// How many children wait.
    members: usize,
}

#[derive(Debug)]
struct Entry {
    spec: ChildSpec,
    state: ChildState,
    streak: Streak,
    /// What it waits for, if it does.
    wait: Option<Generation>,
    /// Its place in the book that others read.
    key: Key,
}

/// The process behind a [`Supervisor`].
#[derive(Debug)]
pub struct SupervisorServer {
    strategy: Strategy,
    auto_shutdown: AutoShutdown,
    intensity: Intensity,
    backoff: Option<Backoff>,
    /// In the order of start.
    children: IndexMap<ChildId, Entry>,
    by_pid: HashMap<Pid, ChildId>,
    waits: HashMap<Generation, Wait>,
    next_wait: u64,
}

impl GenServer for SupervisorServer {
    type Args = Plan;
    type Call = Call;
    type Cast = Infallible;
    type Info = TryAgain;
    const SHUTDOWN: Shutdown = Shutdown::Infinity;
    const KIND: ChildKind = ChildKind::Supervisor;

    async fn init(plan: Plan, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(true);
        let supervisor = match plan {
            Plan::Value(supervisor) => supervisor,
            Plan::Module(init) => match init() {
                Some(supervisor) => supervisor,
                None => return Ok(Init::Ignore),
            },
        };
        if let Err(error) = supervisor.check() {
            return Ok(Init::Stop(ExitReason::other(error)));
        }
        let Supervisor { strategy, max_restarts, window, auto_shutdown, backoff, children } =
            supervisor;
        ledger::open(Some(strategy));
        let mut this = Self {
            strategy,
            auto_shutdown,
            intensity: Intensity::new(max_restarts, window),
            backoff,
            children: IndexMap::with_capacity(children.len()),
            by_pid: HashMap::with_capacity(children.len()),
            waits: HashMap::new(),
            next_wait: 0,
        };
        for spec in children {
            let id = spec.id.clone();
            if let Err(error) = this.add(spec).await {
                this.stop_all(cx).await;
                let failed = FailedToStart { id, error };
                return Ok(Init::Stop(ExitReason::shutdown_with(failed)));
            }
        }
        Ok(Init::Ok(this))
    }

    async fn handle_call(&mut self, call: Call, cx: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Start(spec, reply) => reply.send(self.start_child(spec).await),
            Call::Terminate(id, reply) => reply.send(self.terminate_child(&id, cx).await),
            Call::Restart(id, reply) => reply.send(self.restart_child(&id).await),
            Call::Delete(id, reply) => reply.send(self.delete_child(&id)),
            Call::Which(reply) => reply.send(self.which_children()),
            Call::Count(reply) => reply.send(self.count_children()),
            Call::Spec(id, reply) => {
                let entry = self.children.get(&id);
                reply.send(entry.map(|entry| entry.spec.clone()).ok_or(ChildError::NotFound));
            }
        }
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, info: Info<TryAgain>, cx: &mut Cx<Self>) -> Handled<Self> {
        match info {
            Info::Exit(exit) => match self.by_pid.remove(&exit.from) {
                Some(id) => self.ended(&id, exit.from, &exit.reason, cx).await,
                // Linked, and no child: none of its business.
                None => Ok(Next::Go),
            },
            Info::User(TryAgain::Now(id)) => match self.children.get(&id) {
                Some(Entry { state: ChildState::Restarting, .. }) => {
                    self.restart(&id, id.clone(), Trouble::NotStarted, |_| true, cx).await
                }
                // It was stopped, or restarted with its group, meanwhile.
                _ => Ok(Next::Go),
            },
            Info::User(TryAgain::Due(generation)) => self.due(generation, cx).await,
            _ => Ok(Next::Go),
        }
    }

    async fn terminate(&mut self, _: &ExitReason, cx: &mut Cx<Self>) {
        self.stop_all(cx).await;
    }
}

impl SupervisorServer {
    /// A child ended by itself.
    async fn ended(
        &mut self,
        id: &ChildId,
        pid: Pid,
        reason: &ExitReason,
        cx: &mut Cx<Self>,
    ) -> Handled<Self> {
        let Some(entry) = self.children.get_mut(id) else { return Ok(Next::Go) };
        entry.state = ChildState::Stopped;
        let (restart, significant, key) = (entry.spec.restart, entry.spec.significant, entry.key);
        ledger::record(key, Step::Ended);
        let fate = fate(restart, reason);
        if fate == Fate::Restart {
            let trouble = Trouble::Ended(reason.clone());
            let Some(backoff) = self.backoff else {
                return self.restart(id, id.clone(), trouble, |_| true, cx).await;
            };
            self.postpone(backoff, id, trouble, |_, _| true, cx).await;
            return Ok(Next::Go);
        }
        ledger::record(key, Step::Left(pid));
        // One whose restart will be tried again has not ended for good.
        let others = self
            .children
            .values()
            .filter(|entry| entry.spec.significant && !matches!(entry.state, ChildState::Stopped));
        let ends = decision::shuts_down(self.auto_shutdown, significant, others.count());
        if ends {
            ledger::record(key, Step::Significant);
        }
        if fate == Fate::Remove {
            self.remove(id);
        }
        Ok(if ends { Next::Stop(ExitReason::Shutdown) } else { Next::Go })
    }

    /// Forgets a child that does not run.
    fn remove(&mut self, id: &ChildId) {
        if let Some(entry) = self.children.shift_remove(id) {
            ledger::remove(entry.key);
            forget(entry.spec);
        }
    }

    /// Lets a child's restart wait. Those whom the strategy says, and who take part, are stopped now
    /// and wait as well.
    async fn postpone(
        &mut self,
        backoff: Backoff,
        id: &ChildId,
        trouble: Trouble,
        takes_part: impl Fn(&ChildId, &Entry) -> bool,
        cx: &mut Cx<Self>,
    ) {
        let Some(entry) = self.children.get_mut(id) else { return };
        let attempt = entry.streak.next(&backoff, now());
        let delay = backoff.delay(attempt, cx.system().inner().engine.draw());
        let because = self.because(id.clone(), trouble.clone());
        let members = self.stop_group(id, takes_part, &because, cx).await;
        let generation = Generation(self.next_wait);
        self.next_wait += 1;
        for member in &members {
            if let Some(entry) = self.children.get_mut(member) {
                (entry.state, entry.wait) = (ChildState::Restarting, Some(generation));
                let due = (member == id).then(|| (trouble.clone(), delay));
                ledger::record(entry.key, Step::Waits { due });
            }
        }
        let timer = cx.send_after(delay, TryAgain::Due(generation));
        let wait = Wait { culprit: id.clone(), trouble, timer, members: members.len() };
        self.waits.insert(generation, wait);
    }

    /// A wait is over: restarts those who still wait, and whoever of their group runs.
    async fn due(&mut self, generation: Generation, cx: &mut Cx<Self>) -> Handled<Self> {
        // Without it, none of them waits any more.
        let Some(Wait { culprit, trouble, .. }) = self.waits.remove(&generation) else {
            return Ok(Next::Go);
        };
        let waits = |entry: &Entry| entry.wait == Some(generation);
        let first = if self.children.get(&culprit).is_some_and(waits) {
            culprit.clone()
        } else {
            // Only its group is left.
            let left = self.children.iter().find(|(_, entry)| waits(entry));
            let Some((first, _)) = left else { return Ok(Next::Go) };
            first.clone()
        };
        // Who was stopped while it waited stays stopped.
        let takes_part = |entry: &Entry| entry.state != ChildState::Stopped;
        self.restart(&first, culprit, trouble, takes_part, cx).await
    }

    /// A child waits no more.
    fn leave_wait(&mut self, id: &ChildId) {
        let Some(generation) = self.children.get_mut(id).and_then(|entry| entry.wait.take()) else {
            return;
        };
        let Some(wait) = self.waits.get_mut(&generation) else { return };
        wait.members -= 1;
        if wait.members == 0 {
            cancel_timer(wait.timer);
            self.waits.remove(&generation);
        }
    }

    fn because(&self, child: ChildId, trouble: Trouble) -> Because {
        Because::Strategy { strategy: self.strategy, child, trouble }
    }

    /// Stops whom the strategy says, of those who take part. Whom to start then, in order.
    async fn stop_group(
        &mut self,
        id: &ChildId,
        takes_part: impl Fn(&ChildId, &Entry) -> bool,
        because: &Because,
        cx: &mut Cx<Self>,
    ) -> Vec<ChildId> {
        let Some(index) = self.children.get_index_of(id) else { return Vec::new() };
        let group = strategy::affected(self.strategy, index, self.children.len());
        let takes_part =
            |at| self.children.get_index(at).is_some_and(|(id, entry)| takes_part(id, entry));
        let plan = strategy::plan(group, takes_part, |at| self.children[at].spec.restart);
        // By id: positions move when temporary children leave the list.
        let ids = |at: &usize| self.children.get_index(*at).map(|(id, _)| id.clone());
        let stop: Vec<_> = plan.stop.iter().filter_map(ids).collect();
        let remove: Vec<_> = plan.remove.iter().filter_map(ids).collect();
        let start: Vec<_> = plan.start.iter().filter_map(ids).collect();
        for id in &stop {
            let stopped = self.stop_one(id, because, cx).await;
            if let (Some(pid), true) = (stopped, remove.contains(id))
                && let Some(entry) = self.children.get(id)
            {
                ledger::record(entry.key, Step::Left(pid));
            }
        }
        for id in &remove {
            self.remove(id);
        }
        start
    }

    /// Restarts a child, and whom the strategy says, of those who take part; or gives up.
    ///
    /// `culprit` is the child that led to it.
    async fn restart(
        &mut self,
        id: &ChildId,
        culprit: ChildId,
        trouble: Trouble,
        takes_part: fn(&Entry) -> bool,
        cx: &mut Cx<Self>,
    ) -> Handled<Self> {
        if !self.intensity.allows(cx.system().monotonic_time()) {
            tracing::error!(supervisor = %cx.pid(), child = %id, "reached the maximum restart intensity");
            if let Some(entry) = self.children.get(id) {
                let limits = self.intensity.limits();
                ledger::record(entry.key, Step::GaveUp { trouble, limits });
            }
            return Ok(Next::Stop(ExitReason::Shutdown));
        }
        let because = self.because(culprit, trouble);
        let start = self.stop_group(id, |_, entry| takes_part(entry), &because, cx).await;
        for id in &start {
            if let Err(error) = self.run(id, because.clone()).await {
                log_failed_restart(cx.pid(), id, &error);
                if let Some(entry) = self.children.get_mut(id) {
                    entry.state = ChildState::Restarting;
                    ledger::record(entry.key, Step::Failed { error: &error, again: true });
                }
                match self.backoff {
                    Some(backoff) => {
                        // Who was left out of this restart is left out of the next one.
                        let group: HashSet<_> = start.iter().collect();
                        let takes_part = |id: &ChildId, _: &Entry| group.contains(id);
                        self.postpone(backoff, id, Trouble::NotStarted, takes_part, cx).await;
                    }
                    // Through the mailbox, so that a request to stop is heard in between.
                    None => cx.info(TryAgain::Now(id.clone())),
                }
                break;
            }
        }
        Ok(Next::Go)
    }

    /// Starts a child of the list. Whether it runs: not, when its start is ignored.
    async fn run(&mut self, id: &ChildId, because: Because) -> Result<Option<Pid>, StartError> {
        let Some(entry) = self.children.get(id) else { return Ok(None) };
        let key = entry.key;
        ledger::record(key, Step::Starting);
        let start = start_guarded(&entry.spec).await;
        let state = match &start {
            Ok(pid) => ChildState::Running(*pid),
            Err(_) => ChildState::Stopped,
        };
        if let Some(entry) = self.children.get_mut(id) {
            entry.state = state;
            if self.backoff.is_some() && start.is_ok() {
                entry.streak.up(now());
            }
        }
        match start {
            Ok(pid) => {
                self.by_pid.insert(pid, id.clone());
                ledger::record(key, Step::Started(pid, because));
                Ok(Some(pid))
            }
            Err(StartError::Ignored) => {
                ledger::record(key, Step::Ignored);
                Ok(None)
            }
            // The caller says whether it will be tried again.
            Err(error) => Err(error),
        }
    }

    /// Adds a child to the list and starts it; a failed one, and a temporary one that has nothing to
    /// do, is not kept.
    async fn add(&mut self, spec: ChildSpec) -> Result<Option<Pid>, StartError> {
        let (id, temporary) = (spec.id.clone(), spec.restart == Restart::Temporary);
        let key = ledger::add(&spec);
        let (streak, wait) = (Streak::default(), None);
        let entry = Entry { spec, state: ChildState::Stopped, streak, wait, key };
        self.children.insert(id.clone(), entry);
        let started = self.run(&id, Because::Request).await;
        if let Err(error) = &started {
            ledger::record(key, Step::Failed { error, again: false });
        }
        if started.is_err() || (temporary && matches!(started, Ok(None))) {
            self.remove(&id);
        }
        started
    }

    async fn start_child(&mut self, spec: ChildSpec) -> Result<Option<Pid>, ChildError> {
        let present = self.children.get(&spec.id).map(|entry| entry.state);
        let error = match (check_child(&spec, self.auto_shutdown), present) {
            (Err(error), _) => ChildError::Spec(error),
            (Ok(()), Some(ChildState::Running(pid))) => ChildError::AlreadyStarted(pid),
            (Ok(()), Some(_)) => ChildError::AlreadyPresent,
            (Ok(()), None) => return self.add(spec).await.map_err(ChildError::Start),
        };
        forget(spec);
        Err(error)
    }

    async fn terminate_child(&mut self, id: &ChildId, cx: &mut Cx<Self>) -> Result<(), ChildError> {
        let entry = self.children.get(id).ok_or(ChildError::NotFound)?;
        let temporary = entry.spec.restart == Restart::Temporary;
        self.stop_one(id, &Because::Request, cx).await;
        if temporary {
            self.remove(id);
        }
        Ok(())
    }

    async fn restart_child(&mut self, id: &ChildId) -> Result<Option<Pid>, ChildError> {
        match self.children.get(id).ok_or(ChildError::NotFound)?.state {
            ChildState::Running(_) => Err(ChildError::Running),
            ChildState::Restarting => Err(ChildError::Restarting),
            ChildState::Stopped => {
                let started = self.run(id, Because::Request).await;
                if let (Err(error), Some(entry)) = (&started, self.children.get(id)) {
                    ledger::record(entry.key, Step::Failed { error, again: false });
                }
                started.map_err(ChildError::Start)
            }
        }
    }

    fn delete_child(&mut self, id: &ChildId) -> Result<(), ChildError> {
        match self.children.get(id).ok_or(ChildError::NotFound)?.state {
            ChildState::Running(_) => Err(ChildError::Running),
            ChildState::Restarting => Err(ChildError::Restarting),
            ChildState::Stopped => {
                self.remove(id);
                Ok(())
            }
        }
    }

    fn which_children(&self) -> Vec<ChildInfo> {
        let info = |(id, entry): (&ChildId, &Entry)| ChildInfo {
            id: id.clone(),
            state: entry.state,
            kind: entry.spec.kind,
            module: entry.spec.module,
        };
        self.children.iter().rev().map(info).collect()
    }

    fn count_children(&self) -> ChildCount {
        let mut count = ChildCount { specs: self.children.len(), ..ChildCount::default() };
        for entry in self.children.values() {
            // Its word is not taken for it: a child that undid its link may have ended unseen.
            count.active +=
                usize::from(matches!(entry.state, ChildState::Running(pid) if pid.is_alive()));
            match entry.spec.kind {
                ChildKind::Supervisor => count.supervisors += 1,
                ChildKind::Worker => count.workers += 1,
            }
        }
        count
    }

    /// Stops a child, if it runs; the pid that it had. It stays in the list.
    async fn stop_one(
        &mut self,
        id: &ChildId,
        because: &Because,
        cx: &mut Cx<Self>,
    ) -> Option<Pid> {
        self.leave_wait(id);
        let entry = self.children.get_mut(id)?;
        if let Some(backoff) = &self.backoff {
            entry.streak.down(backoff, now());
        }
        let key = entry.key;
        let ChildState::Running(pid) = std::mem::replace(&mut entry.state, ChildState::Stopped)
        else {
            // It is not tried again any more.
            ledger::record(key, Step::Ended);
            return None;
        };
        let shutdown = entry.spec.shutdown;
        self.by_pid.remove(&pid);
        ledger::record(key, Step::Stopping);
        stop_child(pid, shutdown, cx).await;
        ledger::record(key, Step::Stopped(pid, because.clone()));
        Some(pid)
    }

    /// Stops the children one after another, the newest first.
    async fn stop_all(&mut self, cx: &mut Cx<Self>) {
        let ids: Vec<_> = self.children.keys().rev().cloned().collect();
        for id in ids {
            self.stop_one(&id, &Because::Ending, cx).await;
        }
    }
}

/// The time on the clock of the current process's system.
pub(crate) fn now() -> Duration {
    ambient::with_current(|pcb| pcb.head().system.elapsed()).unwrap_or_default()
}

/// Drops a specification, whose captured values are the user's: their `Drop` may panic, and that is
/// not the supervisor's end.
pub(crate) fn forget(spec: ChildSpec) {
    if let Err(payload) = catch(|| drop(spec)) {
        drop(reason_of(payload));
    }
}

/// Says the child's error in words, which are the user's; if they panic, it goes unsaid.
pub(crate) fn log_failed_restart(supervisor: Pid, child: &ChildId, error: &StartError) {
    let said = catch(|| tracing::error!(%supervisor, %child, %error, "a restart failed"));
    if let Err(payload) = said {
        drop(reason_of(payload));
    }
}

/// Starts a child; a panic in its start function is a failed start.
pub(crate) async fn start_guarded(spec: &ChildSpec) -> Result<Pid, StartError> {
    use crate::attempt::attempt_async;
    let start = spec.start.clone();
    let id = spec.id.clone();
    match attempt_async(async move { start(&id).await }).await.result() {
        Ok(started) => started,
        Err(caught) => Err(StartError::Failed(caught.into_exit_reason())),
    }
}

#[cfg(all(test, feature = "testing", not(otp_loom)))]
mod tests {
    use super::*;
    use crate::process::Process;
    use crate::sys::get_state;
    use crate::testing::scenario;

    /// Or a supervisor whose children come and go would grow.
    #[test]
    fn only_pids_of_children_that_run_are_remembered() {
        scenario(|_: Process| async move {
            let child = |id| ChildSpec::process(id, std::future::pending::<()>);
            let supervisor = Supervisor::one_for_all().children(["a", "b"].map(child));
            let supervisor = supervisor.start_link().await?;
            for _ in 0..3 {
                supervisor.terminate_child("a").await?;
                supervisor.restart_child("a").await?;
                let b = get_state(&supervisor, |this| this.children["b"].state).await?;
                let ChildState::Running(b) = b else { panic!("not running: {b:?}") };
                crate::testing::kill_and_wait(b).await;
                supervisor.count_children().await?;
            }
            let known = get_state(&supervisor, |this| this.by_pid.len()).await?;
            assert_eq!(known, 2);
            anyhow::Ok(())
        });
    }
}
