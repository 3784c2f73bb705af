//! Processes: spawn, relate, signal.

use std::any::TypeId;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;

use crate::ambient::{self, NotInProcess};
use crate::attempt::Unwind;
use crate::driver::Driver;
use crate::exit_reason::{ExitReason, Outcome};
use crate::info::ProcessInfo;
use crate::join::Join;
use crate::message::{AnyMessage, Message, Target};
use crate::names::{NameRefused, Naming};
use crate::pcb::{AnyPcb, Control, Head, Life, Pcb, Watcher};
use crate::pid::{MonitorRef, Pid};
use crate::receive::{Picked, Receive, Receiver, Whatever};
use crate::relations::{self, NoProc};
use crate::signal::Verdict;
use crate::sync::Arc;
use crate::system::{System, SystemInner};
use crate::table;
use crate::trace::{Subject, What};

/// The address of a process that takes messages of type `M`.
///
/// Cheap to clone, and to send to: it needs no look-up. As a [`Pid`] it names one incarnation; the
/// restarted process has another one.
pub struct Address<M>(pub(crate) Arc<Pcb<M>>);

impl<M> Address<M> {
    /// The pid behind the address.
    pub fn pid(&self) -> Pid {
        self.0.head.pid
    }

    /// Whether the process runs; see [`Pid::is_alive`].
    pub fn is_alive(&self) -> bool {
        self.0.head.life() == Life::Running
    }
}

impl<M: Send + 'static> Address<M> {
    /// Appends a message to the mailbox. Never waits.
    ///
    /// To a process that has ended it does nothing, as in OTP; a monitor tells of its end.
    ///
    /// Source: Elixir `Kernel.send/2`.
    pub fn send(&self, message: M) {
        self.push(Message::User(message));
    }

    /// As [`send`](Self::send), but says when it came too late.
    ///
    /// # Errors
    /// Hands the message back when the process has ended. `Ok` says that it is in the mailbox, not
    /// that it will be received.
    pub fn try_send(&self, message: M) -> Result<(), SendError<M>> {
        self.0.push(Message::User(message)).map_err(|message| match message {
            Message::User(message) => SendError(message),
            _ => unreachable!("a mailbox hands back what it was given"),
        })
    }

    pub(crate) fn push(&self, message: Message<M>) {
        // A refused message is dropped here, with no lock held.
        drop(self.0.push(message));
    }

    /// See [`Pid::exit`].
    pub fn exit(&self, reason: ExitReason) {
        self.pid().exit(reason);
    }

    /// See [`Pid::kill`].
    pub fn kill(&self) {
        self.pid().kill();
    }

    /// See [`Pid::join`].
    pub fn join(&self) -> Join {
        self.pid().join()
    }
}

/// The process had ended; here is the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("noproc: the process has ended, the message was not sent")]
pub struct SendError<M>(pub M);

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pid(), f)
    }
}

impl<M> fmt::Display for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pid(), f)
    }
}

impl<M, N> PartialEq<Address<N>> for Address<M> {
    fn eq(&self, other: &Address<N>) -> bool {
        self.pid() == other.pid()
    }
}

impl<M> Eq for Address<M> {}

impl<M> PartialEq<Pid> for Address<M> {
    fn eq(&self, pid: &Pid) -> bool {
        self.pid() == *pid
    }
}

impl<M> PartialEq<Address<M>> for Pid {
    fn eq(&self, address: &Address<M>) -> bool {
        *self == address.pid()
    }
}

impl<M> From<&Address<M>> for Pid {
    fn from(address: &Address<M>) -> Self {
        address.pid()
    }
}

impl<M> From<Address<M>> for Pid {
    fn from(address: Address<M>) -> Self {
        address.pid()
    }
}

impl Pid {
    /// Sends an exit signal, from the current process or from [`Pid::OUTSIDE`].
    ///
    /// | the receiver | what happens |
    /// |---|---|
    /// | does not trap exits | it ends with `reason`; `Normal` is ignored |
    /// | traps exits | it gets a [`Message::Exit`] |
    /// | has ended | nothing |
    ///
    /// [`Kill`](ExitReason::Kill) ends the receiver in any case, and others see
    /// [`Killed`](ExitReason::Killed).
    ///
    /// A signal decides the end at once, and the receiver runs no further than its next `.await`:
    /// no Rust runtime can stop code that does not yield.
    /// To oneself, a deadly signal does not return: it unwinds, and neither
    /// [`attempt`](crate::attempt()) nor its `after` takes notice.
    ///
    /// To end oneself with a reason that one's own [`attempt`](crate::attempt()) may catch, use
    /// [`exit`](crate::exit).
    ///
    /// Source: `erlang:exit/2`.
    pub fn exit(self, reason: ExitReason) {
        let from = ambient::current_pid();
        let verdict = relations::exit(from, self, reason);
        if from == self && matches!(verdict, Verdict::Die(_)) && !std::thread::panicking() {
            Unwind::Doomed.begin();
        }
    }

    /// Sends the signal that nobody can trap: [`exit`](Self::exit) with [`ExitReason::Kill`].
    pub fn kill(self) {
        self.exit(ExitReason::Kill);
    }

    /// Whether the process runs. `false` from the moment at which a signal has decided its end,
    /// also when it has not yet come to notice.
    ///
    /// Source: Elixir `Process.alive?/1`.
    pub fn is_alive(self) -> bool {
        table::find(self).is_some_and(|pcb| pcb.head().life() == Life::Running)
    }

    /// Sends a message of any type.
    ///
    /// One that is not of the receiver's own type arrives as [`Message::Unknown`]. To a process that
    /// has ended it does nothing. [`Address::send`] is quicker, and checked by the compiler.
    pub fn send<M: Send + 'static>(self, message: M) {
        if let Some(pcb) = table::find(self) {
            send_any(&*pcb, message);
        }
    }

    /// Waits until the process has ended, inside or outside of a process, and gives its reason;
    /// [`NoProc`](ExitReason::NoProc) when it had ended before.
    ///
    /// When this resolves, the process's state is dropped, its name is free and its links and
    /// monitors have been told. It watches from the moment of the call, not of the first poll.
    ///
    /// Cancellation: dropping it stops the watching, nothing else.
    pub fn join(self) -> Join {
        Join::new(self)
    }

    /// What is known of the process; `None` when it has ended.
    ///
    /// Source: Elixir `Process.info/1`.
    pub fn info(self) -> Option<ProcessInfo> {
        table::find(self).map(|pcb| ProcessInfo::of(&*pcb))
    }
}

fn send_any<M: Send + 'static>(pcb: &dyn AnyPcb, message: M) {
    let mut message = Some(message);
    if !pcb.push_any(&mut message)
        && let Some(message) = message
    {
        pcb.push_unknown(AnyMessage::new(message));
    }
}

/// What a process can run: a future, or a function from its [`Process`] handle to a future.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use runtime::{Process, spawn};
///
/// // Needs no mailbox: a future.
/// spawn(async { println!("hello") });
///
/// // Receives messages of its own type: a function.
/// let echo = spawn(|mut me: Process<String>| async move {
///     let message = me.receive().await;
///     println!("{message:?}");
/// });
/// echo.send("hello".to_owned());
/// # }
/// ```
///
/// What the future returns is the exit reason; see [`Outcome`]. `Kind` is found by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the body of a process",
    label = "not a body",
    note = "a body is a `Send` future, or a closure `|me: Process<M>| async move {{ .. }}`; it returns \
            `()`, an `ExitReason`, or a `Result<(), E>`"
)]
pub trait IntoBody<Kind>: Send + 'static {
    /// What the process receives.
    type Message: Send + 'static;
    /// What it runs.
    type Future: Future<Output: Outcome> + Send + 'static;

    /// Called once, in the new process.
    fn into_body(self, process: Process<Self::Message>) -> Self::Future;
}

/// The kind of body that is a future.
#[derive(Debug)]
pub enum FutureBody {}

/// The kind of body that is a function of its [`Process`].
#[derive(Debug)]
pub struct FunctionBody<M>(std::marker::PhantomData<fn(M)>);

impl<F> IntoBody<FutureBody> for F
where
    F: Future<Output: Outcome> + Send + 'static,
{
    type Message = Infallible;
    type Future = F;

    fn into_body(self, _: Process) -> F {
        self
    }
}

impl<F, M, R> IntoBody<FunctionBody<M>> for F
where
    F: FnOnce(Process<M>) -> R + Send + 'static,
    R: Future<Output: Outcome> + Send + 'static,
    M: Send + 'static,
{
    type Message = M;
    type Future = R;

    fn into_body(self, process: Process<M>) -> R {
        self(process)
    }
}

/// How a process is to be spawned, beyond its body: OTP's `spawn_opt`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
/// use runtime::SpawnOptions;
///
/// let worker = SpawnOptions::new().label("worker 1").spawn(async {})?;
/// # Ok(()) }
/// ```
///
/// Source: `erlang:spawn_opt/2`.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is spawned until `spawn` is called"]
#[allow(clippy::struct_excessive_bools)]
pub struct SpawnOptions {
    label: Option<Arc<str>>,
    link: bool,
    monitor: bool,
    quiet: bool,
    joined: bool,
    name: Option<Arc<dyn Naming>>,
}

impl SpawnOptions {
    /// No label, no link, no monitor.
    pub fn new() -> Self {
        Self::default()
    }

    /// A word that says what the process is, in traces, drawings and crash reports. Need not be
    /// unique. Source: Elixir `Process.set_label/1`.
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Links the process to the one that spawns it, before it runs.
    pub fn link(mut self) -> Self {
        self.link = true;
        self
    }

    /// Lets the process that spawns it monitor it, before it runs.
    pub fn monitor(mut self) -> Self {
        self.monitor = true;
        self
    }

    /// Gives the process a name before it runs.
    ///
    /// Source: OTP `gen:start`, which registers before `init`.
    pub(crate) fn name(mut self, name: Arc<dyn Naming>) -> Self {
        self.name = Some(name);
        self
    }

    /// Waits for its end from before it runs: one that ends at once is not missed.
    pub(crate) fn joined(mut self) -> Self {
        self.joined = true;
        self
    }

    /// Its crash is its result, for whoever waits for it: no report.
    #[cfg(feature = "testing")]
    pub(crate) fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Spawns.
    ///
    /// # Errors
    /// [`NotInProcess`] when a link or a monitor was asked for and the caller is no process.
    ///
    /// # Panics
    /// When called neither from a process nor from a tokio runtime.
    #[track_caller]
    pub fn spawn<K: 'static, B: IntoBody<K>>(
        self,
        body: B,
    ) -> Result<Spawned<B::Message>, NotInProcess> {
        let current = ambient::current();
        if current.is_none() && (self.link || self.monitor) {
            return Err(NotInProcess);
        }
        Ok(match &current {
            Some(pcb) => self.spawn_from(&pcb.head().system, Some(&**pcb), body),
            None => self.spawn_from(System::current().inner(), None, body),
        })
    }

    pub(crate) fn spawn_in<K: 'static, B: IntoBody<K>>(
        self,
        system: &Arc<SystemInner>,
        body: B,
    ) -> Spawned<B::Message> {
        self.spawn_from(system, None, body)
    }

    fn spawn_from<K: 'static, B: IntoBody<K>>(
        self,
        system: &Arc<SystemInner>,
        parent: Option<&dyn AnyPcb>,
        body: B,
    ) -> Spawned<B::Message> {
        debug_assert!(self.name.is_none(), "a name may be taken");
        match self.try_spawn_from(system, parent, body) {
            Ok(spawned) => spawned,
            Err(error) => unreachable!("without a name: {error}"),
        }
    }

    /// Nothing was made when the name is taken.
    pub(crate) fn try_spawn_from<K: 'static, B: IntoBody<K>>(
        self,
        system: &Arc<SystemInner>,
        parent: Option<&dyn AnyPcb>,
        body: B,
    ) -> Result<Spawned<B::Message>, NameRefused> {
        ambient::install_hook();
        let reserved = table::reserve();
        let pid = reserved.pid();
        let begun = system.process_begins();
        let parent_pid = parent.map_or(Pid::OUTSIDE, |parent| parent.head().pid);
        let head = Head::new(pid, begun.serial, parent_pid, system.clone());
        let pcb = Arc::new(Pcb::new(head));
        let name = match &self.name {
            Some(name) => {
                let process: Arc<dyn AnyPcb> = pcb.clone();
                Some(name.take(system, &process)?)
            }
            None => None,
        };
        if system.trace.is_on() {
            let name = self.name.as_ref().and_then(|name| name.label());
            let label = name.or_else(|| self.label.clone());
            let subject = Subject { pid, serial: pcb.head.serial, label };
            let parent = parent.map_or_else(|| Subject::of_pid(Pid::OUTSIDE), Subject::of);
            // A panicking subscriber unwinds from here: nothing was made yet.
            system.emit(subject, What::Spawned { parent, linked: self.link });
        }
        let mref = (self.monitor && parent.is_some()).then(MonitorRef::next);
        let link = self.link && parent.is_some();
        if link || mref.is_some() || self.label.is_some() || self.quiet {
            AnyPcb::control(&*pcb, &mut |control, _| {
                if link {
                    control.links.insert(parent_pid);
                }
                if let Some(mref) = mref {
                    let watcher = Watcher::Process { pid: parent_pid, target: Target::Pid(pid) };
                    // It cannot have ended: nobody knows it yet.
                    let _ = control.add_watcher(mref, watcher);
                }
                if let Some(label) = &self.label {
                    control.rare().label = Some(label.clone());
                }
                if self.quiet {
                    control.rare().quiet = true;
                }
            });
        }
        reserved.install(pcb.clone());
        begun.keep();
        let mut orphan = false;
        if let (Some(parent), true) = (parent, link || mref.is_some()) {
            parent.control(&mut |control, _| {
                // A handle of a process may be used after its end.
                orphan = control.life() == Life::Dead;
                if orphan {
                    return;
                }
                if link {
                    control.links.insert(pid);
                }
                if let Some(mref) = mref {
                    control.watch(mref, pid);
                }
            });
        }
        if orphan {
            pcb.exit_signal(parent_pid, ExitReason::NoProc, crate::signal::Origin::Link);
        }
        if system.is_closed() {
            pcb.exit_signal(Pid::OUTSIDE, ExitReason::Kill, crate::signal::Origin::Other);
        }
        let end = if self.joined { Join::of(&*pcb) } else { None };
        // A panic in a registry's listener is the caller's, and the process is there already.
        let told = name.map_or(Ok(()), |name| ambient::catch(|| name.keep()));
        let process = Process(Receiver::new(pcb.clone()));
        system.engine.adopt(&system.handle, Driver::new(pcb.clone(), body, process));
        if let Err(panic) = told {
            resume_unwind(panic);
        }
        Ok(Spawned { address: Address(pcb), mref, end })
    }
}

/// A process that was spawned with options.
#[derive(Debug)]
pub struct Spawned<M> {
    /// Its address.
    pub address: Address<M>,
    /// The monitor, if one was asked for.
    pub mref: Option<MonitorRef>,
    pub(crate) end: Option<Join>,
}

/// Starts a process. It runs on its own; nobody learns of its end unless linked or monitoring.
///
/// Inside a process, the new one belongs to the same system; outside, to the system of the current
/// tokio runtime.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: Elixir `Kernel.spawn/1`.
#[track_caller]
pub fn spawn<K: 'static, B: IntoBody<K>>(body: B) -> Address<B::Message> {
    match SpawnOptions::new().spawn(body) {
        Ok(spawned) => spawned.address,
        Err(NotInProcess) => unreachable!("only links and monitors need a process"),
    }
}

/// Starts a process that is linked to the current one before it runs.
///
/// # Errors
/// [`NotInProcess`]: nothing was started then.
///
/// Source: Elixir `Kernel.spawn_link/1`.
#[track_caller]
pub fn spawn_link<K: 'static, B: IntoBody<K>>(
    body: B,
) -> Result<Address<B::Message>, NotInProcess> {
    Ok(SpawnOptions::new().link().spawn(body)?.address)
}

/// Starts a process that the current one monitors before it runs.
///
/// # Errors
/// [`NotInProcess`]: nothing was started then.
///
/// Source: Elixir `Kernel.spawn_monitor/1`.
#[track_caller]
pub fn spawn_monitor<K: 'static, B: IntoBody<K>>(
    body: B,
) -> Result<(Address<B::Message>, MonitorRef), NotInProcess> {
    let spawned = SpawnOptions::new().monitor().spawn(body)?;
    let mref = spawned.mref.ok_or(NotInProcess)?;
    Ok((spawned.address, mref))
}

/// The pid of the current process.
///
/// # Errors
/// [`NotInProcess`].
///
/// Source: Elixir `Kernel.self/0`.
pub fn self_pid() -> Result<Pid, NotInProcess> {
    ambient::current().map(|pcb| pcb.head().pid).ok_or(NotInProcess)
}

/// A link could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The caller is no process.
    #[error(transparent)]
    NotInProcess(#[from] NotInProcess),
    /// There is no process at the other end, and the caller does not trap exits.
    #[error(transparent)]
    NoProc(#[from] NoProc),
}

/// Links the current process to another one: the abnormal end of either ends the other, unless it
/// traps exits.
///
/// Linking twice is linking once; a link to oneself does nothing.
///
/// # Errors
/// [`NotInProcess`], or [`NoProc`] when the other process has ended. A process that traps exits gets
/// an [`Exit`](crate::Exit) message with [`ExitReason::NoProc`] in the latter case, and `Ok`.
///
/// Source: Elixir `Process.link/1`.
pub fn link(pid: impl Into<Pid>) -> Result<(), LinkError> {
    let me = ambient::current().ok_or(NotInProcess)?;
    Ok(link_from(&*me, pid.into())?)
}

fn link_from(me: &dyn AnyPcb, pid: Pid) -> Result<(), NoProc> {
    let peer = table::find(pid);
    relations::link(me, pid, peer.as_deref())?;
    let system = &me.head().system;
    if system.trace.is_on() {
        system.emit(Subject::of(me), What::Linked(Subject::of_pid(pid)));
    }
    Ok(())
}

/// Undoes the link between the current process and another one, if there is one.
///
/// When this returns, neither's end reaches the other any more. An [`Exit`](crate::Exit) message
/// that is in the mailbox already stays there.
///
/// # Errors
/// [`NotInProcess`].
///
/// Source: Elixir `Process.unlink/1`.
pub fn unlink(pid: impl Into<Pid>) -> Result<(), NotInProcess> {
    let me = ambient::current().ok_or(NotInProcess)?;
    unlink_from(&*me, pid.into());
    Ok(())
}

fn unlink_from(me: &dyn AnyPcb, pid: Pid) {
    let peer = table::find(pid);
    relations::unlink(me, pid, peer.as_deref());
    let system = &me.head().system;
    if system.trace.is_on() {
        system.emit(Subject::of(me), What::Unlinked(Subject::of_pid(pid)));
    }
}

/// Watches a process, by pid, address or name: its end gives one [`Down`](crate::Down) message.
///
/// Each call gives a monitor of its own. For a process that has ended, or a name that nobody holds,
/// the message comes at once, with [`ExitReason::NoProc`]. A monitor on oneself never fires.
///
/// Differs from OTP: between a deadly signal and the end that it decided, OTP answers `noproc`; here
/// the message comes when the process has ended, with its real reason.
///
/// # Errors
/// [`NotInProcess`]: outside of a process, [`Pid::join`] waits for an end.
///
/// Source: Elixir `Process.monitor/1`.
pub fn monitor(target: impl Into<Target>) -> Result<MonitorRef, NotInProcess> {
    let me = ambient::current().ok_or(NotInProcess)?;
    Ok(monitor_from(&*me, target.into()))
}

fn monitor_from(me: &dyn AnyPcb, target: Target) -> MonitorRef {
    let system = &me.head().system;
    let mref = MonitorRef::next();
    let pid = match &target {
        Target::Pid(pid) => Some(*pid),
        Target::Name(name) => system.names.whereis(name),
    };
    let peer = pid.and_then(table::find);
    relations::monitor(me, mref, target, peer.as_deref());
    if system.trace.is_on() {
        let watched = Subject::of_pid(pid.unwrap_or(Pid::OUTSIDE));
        system.emit(Subject::of(me), What::Monitored(watched));
    }
    mref
}

/// Withdraws a monitor of the current process. Says whether it was still on.
///
/// `false` means that its [`Down`](crate::Down) message may be in the mailbox, where it stays;
/// [`Process::demonitor_flush`] removes it. Somebody else's monitor is not touched.
///
/// # Errors
/// [`NotInProcess`].
///
/// Source: Elixir `Process.demonitor/2` with `:info`.
pub fn demonitor(mref: MonitorRef) -> Result<bool, NotInProcess> {
    let me = ambient::current().ok_or(NotInProcess)?;
    Ok(demonitor_from(&*me, mref))
}

fn demonitor_from(me: &dyn AnyPcb, mref: MonitorRef) -> bool {
    let was_on = relations::demonitor(me, mref, table::find);
    let system = &me.head().system;
    if was_on && system.trace.is_on() {
        system.emit(Subject::of(me), What::Demonitored);
    }
    was_on
}

/// Turns exit signals to the current process into messages, or back. Gives the former setting.
///
/// Trap only where something is done about the message: a process that collects
/// [`Exit`](crate::Exit) messages and ignores them hides crashes.
///
/// # Errors
/// [`NotInProcess`].
///
/// Source: Elixir `Process.flag(:trap_exit, value)`.
pub fn trap_exit(trap: bool) -> Result<bool, NotInProcess> {
    let me = ambient::current().ok_or(NotInProcess)?;
    Ok(trap_exit_of(&*me, trap))
}

fn trap_exit_of(me: &dyn AnyPcb, trap: bool) -> bool {
    let mut former = false;
    me.control(&mut |control, _| former = std::mem::replace(&mut control.trap_exit, trap));
    former
}

/// Says what the current process is, in traces, drawings and crash reports.
///
/// # Errors
/// [`NotInProcess`].
///
/// Source: Elixir `Process.set_label/1`.
pub fn set_label(label: impl Into<Arc<str>>) -> Result<(), NotInProcess> {
    let me = ambient::current().ok_or(NotInProcess)?;
    set_label_of(&*me, label.into());
    Ok(())
}

fn set_label_of(me: &dyn AnyPcb, label: Arc<str>) {
    let mut label = Some(label);
    me.control(&mut |control, _| control.rare().label = label.take());
}

/// A process, as its own body sees it: its mailbox and its relations.
///
/// A body that receives nothing of its own writes `Process` alone; it can still trap exits and
/// monitor.
///
/// The methods are the free functions of the same name, without their
/// [`NotInProcess`].
pub struct Process<M = Infallible>(Receiver<M>);

impl<M> fmt::Debug for Process<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.0.pcb.head.pid)
    }
}

impl<M> Process<M> {
    /// It is a server of this type, and its `init` is done.
    pub(crate) fn arrived(&self, kind: TypeId) {
        let head = &self.0.pcb.head;
        head.set_up();
        head.system.arrivals.tell(kind);
    }
}

impl<M: Send + 'static> Process<M> {
    /// Its own pid.
    pub fn pid(&self) -> Pid {
        self.0.pcb.head.pid
    }

    /// Its own address, to be given to those who shall send to it.
    pub fn address(&self) -> Address<M> {
        Address(self.0.pcb.clone())
    }

    /// The system that it belongs to.
    pub fn system(&self) -> System {
        System::of(&self.0.pcb.head.system)
    }

    pub(crate) fn pcb(&self) -> &dyn AnyPcb {
        &*self.0.pcb
    }

    pub(crate) fn with_control(&self, mut work: impl FnMut(&mut Control)) {
        self.pcb().control(&mut |control, _| work(control));
    }

    /// Waits for the next message of any kind.
    ///
    /// Cancellation: dropping it loses no message.
    ///
    /// Source: Erlang `receive`.
    pub fn receive(&mut self) -> Receive<'_, M, Whatever> {
        Receive::new(&mut self.0, Whatever)
    }

    /// Waits for the first message that `pick` takes; the others stay in the mailbox, in order.
    ///
    /// `pick` sees each message once, oldest first, and gives back what it does not want.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use runtime::{Message, Process, spawn};
    ///
    /// let body = |mut me: Process<u32>| async move {
    ///     me.address().send(1);
    ///     me.address().send(2);
    ///     let even = me
    ///         .select(|message| match message {
    ///             Message::User(n) if n % 2 == 0 => Ok(n),
    ///             other => Err(other),
    ///         })
    ///         .await;
    ///     assert_eq!(even, 2);
    ///     assert_eq!(me.receive().await.into_user().unwrap(), 1);
    /// };
    /// assert_eq!(spawn(body).join().await.to_string(), "normal");
    /// # }
    /// ```
    ///
    /// Cancellation: dropping it loses no message.
    ///
    /// Source: Erlang `receive` with patterns.
    pub fn select<T, F>(&mut self, pick: F) -> Receive<'_, M, Picked<F>>
    where
        F: FnMut(Message<M>) -> Result<T, Message<M>>,
    {
        Receive::new(&mut self.0, Picked(pick))
    }

    /// Starts a process that is linked to this one before it runs.
    pub fn spawn_link<K: 'static, B: IntoBody<K>>(&self, body: B) -> Address<B::Message> {
        self.spawn_with(SpawnOptions::new().link(), body).address
    }

    /// Starts a process that this one monitors before it runs.
    pub fn spawn_monitor<K: 'static, B: IntoBody<K>>(
        &self,
        body: B,
    ) -> (Address<B::Message>, MonitorRef) {
        let spawned = self.spawn_with(SpawnOptions::new().monitor(), body);
        match spawned.mref {
            Some(mref) => (spawned.address, mref),
            None => unreachable!("a monitor was asked for, and there is a process to have it"),
        }
    }

    /// Starts a process with these options.
    pub fn spawn_with<K: 'static, B: IntoBody<K>>(
        &self,
        options: SpawnOptions,
        body: B,
    ) -> Spawned<B::Message> {
        options.spawn_from(&self.0.pcb.head.system, Some(self.pcb()), body)
    }

    /// See [`link`].
    ///
    /// # Errors
    /// [`NoProc`] when the other process has ended and this one does not trap exits.
    pub fn link(&self, pid: impl Into<Pid>) -> Result<(), NoProc> {
        link_from(self.pcb(), pid.into())
    }

    /// See [`unlink`].
    pub fn unlink(&self, pid: impl Into<Pid>) {
        unlink_from(self.pcb(), pid.into());
    }

    /// As [`unlink`](Self::unlink), and removes the peer's [`Exit`](crate::Exit) message if it is in
    /// the mailbox.
    ///
    /// Source: Erlang `unlink/1`, which shows how to flush.
    pub fn unlink_flush(&mut self, pid: impl Into<Pid>) {
        let pid = pid.into();
        unlink_from(self.pcb(), pid);
        self.0.remove(|message| matches!(message, Message::Exit(exit) if exit.from == pid));
    }

    /// See [`monitor`].
    pub fn monitor(&self, target: impl Into<Target>) -> MonitorRef {
        monitor_from(self.pcb(), target.into())
    }

    /// See [`demonitor`].
    pub fn demonitor(&self, mref: MonitorRef) -> bool {
        demonitor_from(self.pcb(), mref)
    }

    /// As [`demonitor`](Self::demonitor), and removes the [`Down`](crate::Down) message if it is in
    /// the mailbox.
    ///
    /// Source: Elixir `Process.demonitor/2` with `[:flush, :info]`.
    pub fn demonitor_flush(&mut self, mref: MonitorRef) -> bool {
        let was_on = demonitor_from(self.pcb(), mref);
        if !was_on {
            self.0.remove(|message| matches!(message, Message::Down(down) if down.mref == mref));
        }
        was_on
    }

    /// See [`trap_exit`].
    pub fn trap_exit(&self, trap: bool) -> bool {
        trap_exit_of(self.pcb(), trap)
    }

    /// See [`set_label`].
    pub fn set_label(&self, label: impl Into<Arc<str>>) {
        set_label_of(self.pcb(), label.into());
    }

    /// What is known of this process.
    pub fn info(&self) -> ProcessInfo {
        ProcessInfo::of(self.pcb())
    }
}
