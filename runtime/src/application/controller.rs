//! The processes behind a release: the controller, and a master for each application.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::course::{Action, Course, Event};
use super::{Cause, Ended, Hook, Mode, Prepared, ReleaseError, StartIt, Why};
use crate::call::{CallError, Reply};
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{
    Cx, GenServer, Handled, Info, Init, Name, Next, Server, ServerRef, StartError,
};
use crate::join::Join;
use crate::pid::Pid;
use crate::rt::{Instant, timeout_at};
use crate::system::System;

/// How long the killed have to reach their next `.await`.
const GRACE: Duration = Duration::from_secs(1);

/// The one who starts and stops applications, by the name that OTP gives it.
static CONTROLLER: Name<Controller> = Name::new("application_controller");

/// An application as [`which_applications`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplicationInfo {
    /// Its name.
    pub name: &'static str,
    /// Which end of it ends the release.
    pub mode: Mode,
    /// Its master, to which its tree is linked.
    pub master: Pid,
}

/// The applications of this system that are up, in the order in which they were started.
///
/// # Errors
/// No release runs here, or it did not answer within five seconds.
///
/// Source: OTP `application:which_applications/0`.
pub async fn which_applications() -> Result<Vec<ApplicationInfo>, CallError> {
    CONTROLLER.call(Call::Which).await
}

/// Asks the release of this system to stop its applications, and then to end with this code.
///
/// Does nothing where no release runs, or where it stops already: the first code counts. Returns at
/// once, so that a process of an application can call it.
///
/// Source: Elixir `System.stop/1`.
pub fn stop(code: u8) {
    CONTROLLER.cast(Cast::Stop(Why::Asked(code)));
}

/// A release that has been started.
#[derive(Debug)]
pub struct Running {
    controller: ServerRef<Controller>,
    /// Set before the controller ends.
    ended: Arc<OnceLock<Ended>>,
}

impl Running {
    /// Waits until every application is up.
    ///
    /// # Errors
    /// How the release ended instead.
    pub async fn up(&self) -> Result<(), Ended> {
        match self.controller.call(Call::Ready).infinity().await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.wait().await),
        }
    }

    /// Waits until the release has ended.
    ///
    /// Cancellation: nothing is lost, it can be waited for again.
    pub async fn wait(&self) -> Ended {
        let reason = self.controller.pid().join().await;
        let unasked = || Ended { cause: Cause::Controller(reason), forced: false, unstopped: 0 };
        self.ended.get().cloned().unwrap_or_else(unasked)
    }

    /// Asks it to stop, as [`stop`] does.
    pub fn stop(&self, code: u8) {
        self.controller.cast(Cast::Stop(Why::Asked(code)));
    }

    /// Kills what has not ended, if it is being stopped.
    pub fn force(&self) {
        self.controller.cast(Cast::Force);
    }

    /// Stops at a signal, and kills at the second one.
    #[cfg(feature = "signals")]
    pub(super) fn obey(&self, signals: super::signals::Signals) {
        self.controller.cast(Cast::Obey(signals));
    }
}

pub(super) async fn start(
    applications: Vec<Prepared>,
    within: Duration,
) -> Result<Running, ReleaseError> {
    let ended = Arc::new(OnceLock::new());
    let begun = Controller::start((applications, within, ended.clone())).name(&CONTROLLER).await;
    match begun {
        Ok(controller) => Ok(Running { controller, ended }),
        Err(StartError::AlreadyStarted(pid)) => Err(ReleaseError::AlreadyRunning(pid)),
        Err(error) => Err(ReleaseError::Controller(Crash::from(error).into_reason())),
    }
}

/// Carries out the [`Course`].
struct Controller {
    applications: Vec<Slot>,
    course: Course,
    within: Duration,
    ready: bool,
    /// Who waits until all is up.
    waiting: Vec<Reply<()>>,
    /// The ends of what was killed.
    killed: Vec<Join>,
    ended: Arc<OnceLock<Ended>>,
}

/// What the controller knows of one application.
struct Slot {
    name: &'static str,
    mode: Mode,
    /// Until it is started.
    plan: Option<(StartIt, Option<Hook>)>,
    master: Option<ServerRef<Master>>,
}

enum Call {
    Which(Reply<Vec<ApplicationInfo>>),
    Ready(Reply<()>),
}

enum Cast {
    Up(usize),
    Stop(Why),
    Force,
    #[cfg(feature = "signals")]
    Signal(&'static str),
    #[cfg(feature = "signals")]
    Obey(super::signals::Signals),
}

/// What the controller tells itself.
enum Own {
    Begin,
    DeadlinePassed,
}

impl GenServer for Controller {
    type Args = (Vec<Prepared>, Duration, Arc<OnceLock<Ended>>);
    type Call = Call;
    type Cast = Cast;
    type Info = Own;

    async fn init(args: Self::Args, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let (plan, within, ended) = args;
        cx.trap_exit(true);
        let course = Course::new(plan.iter().map(|prepared| prepared.mode).collect());
        let slot = |Prepared { name, mode, start, stopped }| {
            let plan = Some((start, stopped));
            Slot { name, mode, plan, master: None }
        };
        let applications = plan.into_iter().map(slot).collect();
        let (waiting, killed) = (Vec::new(), Vec::new());
        let controller =
            Self { applications, course, within, ready: false, waiting, killed, ended };
        Ok(Init::Then(controller, Next::Continue(Own::Begin)))
    }

    async fn handle_continue(&mut self, _: Own, cx: &mut Cx<Self>) -> Handled<Self> {
        let actions = self.course.begin();
        self.carry_out(actions, cx).await
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Which(reply) => reply.go(self.which()),
            Call::Ready(reply) if self.ready => reply.go(()),
            Call::Ready(reply) => {
                self.waiting.push(reply);
                Ok(Next::Go)
            }
        }
    }

    async fn handle_cast(&mut self, cast: Cast, cx: &mut Cx<Self>) -> Handled<Self> {
        let event = match cast {
            Cast::Up(index) => Event::Up(index),
            Cast::Stop(why) => Event::Stop(why),
            Cast::Force => Event::Force,
            #[cfg(feature = "signals")]
            Cast::Signal(_) if self.course.outcome().0.is_some() => Event::Force,
            #[cfg(feature = "signals")]
            Cast::Signal(name) => Event::Stop(Why::Signal(name)),
            #[cfg(feature = "signals")]
            Cast::Obey(signals) => {
                cx.spawn_link(listen(signals, cx.server()));
                return Ok(Next::Go);
            }
        };
        let actions = self.course.step(event);
        self.carry_out(actions, cx).await
    }

    async fn handle_info(&mut self, info: Info<Own>, cx: &mut Cx<Self>) -> Handled<Self> {
        let event = match info {
            Info::User(_) => Event::Force,
            Info::Exit(exit) => match self.index_of(exit.from) {
                Some(index) => {
                    self.report(index, &exit.reason);
                    Event::Ended(index, exit.reason)
                }
                // The listener to signals, or somebody who linked itself to the controller.
                None => return Ok(Next::Go),
            },
            _ => return Ok(Next::Go),
        };
        let actions = self.course.step(event);
        self.carry_out(actions, cx).await
    }
}

impl Controller {
    fn which(&self) -> Vec<ApplicationInfo> {
        let up = self.applications.iter().enumerate().filter(|(at, _)| self.course.is_running(*at));
        up.filter_map(|(_, slot)| {
            let master = slot.master.as_ref()?.pid();
            Some(ApplicationInfo { name: slot.name, mode: slot.mode, master })
        })
        .collect()
    }

    fn index_of(&self, master: Pid) -> Option<usize> {
        let is = |slot: &Slot| slot.master.as_ref().is_some_and(|known| known.pid() == master);
        self.applications.iter().position(is)
    }

    /// An end that nobody asked for is worth a line.
    fn report(&self, index: usize, reason: &ExitReason) {
        if self.course.outcome().0.is_none() {
            let (application, mode) =
                (self.applications[index].name, self.applications[index].mode);
            tracing::error!(application, %reason, ?mode, "an application ended");
        }
    }

    async fn carry_out(&mut self, actions: Vec<Action>, cx: &mut Cx<Self>) -> Handled<Self> {
        for action in actions {
            match action {
                Action::Start(index) => self.start_application(index, cx).await?,
                Action::Ready => {
                    self.ready = true;
                    for waiter in self.waiting.drain(..) {
                        waiter.send(());
                    }
                }
                Action::Deadline => {
                    cx.send_after(self.within, Own::DeadlinePassed);
                }
                Action::Stop(index) => {
                    if let Some(master) = &self.applications[index].master {
                        master.pid().exit(ExitReason::Shutdown);
                    }
                }
                Action::Kill(index) => {
                    if let Some(master) = &self.applications[index].master {
                        self.killed.extend(kill_all_of(master.pid(), &cx.system()));
                    }
                }
                Action::Finish => return Ok(self.finish().await),
            }
        }
        Ok(Next::Go)
    }

    async fn start_application(&mut self, index: usize, cx: &Cx<Self>) -> Result<(), Crash> {
        let slot = &mut self.applications[index];
        if let Some((start, stopped)) = slot.plan.take() {
            let plan = Plan { index, start, stopped, controller: cx.server() };
            slot.master = Some(Master::start_link(plan).label(slot.name.into()).await?);
        }
        Ok(())
    }

    async fn finish(&mut self) -> Next<Self> {
        let deadline = Instant::now() + GRACE;
        let mut unstopped = 0;
        for end in self.killed.drain(..) {
            unstopped += usize::from(timeout_at(deadline, end).await.is_err());
        }
        let (why, forced) = self.course.outcome();
        let name = |index: &usize| self.applications[*index].name;
        let cause = match why {
            Some(Why::Signal(signal)) => Cause::Signal(signal),
            Some(Why::Asked(code)) => Cause::Asked(*code),
            Some(Why::Ended { index, reason }) => {
                Cause::Ended { application: name(index), reason: reason.clone() }
            }
            Some(Why::NotStarted { index, reason }) => {
                Cause::NotStarted { application: name(index), reason: reason.clone() }
            }
            None => unreachable!("a release finishes when it was stopped"),
        };
        // Nobody else sets it.
        let _ = self.ended.set(Ended { cause, forced, unstopped });
        // Not `Normal`: the listener to signals, which is linked, is to end too.
        Next::Stop(ExitReason::Shutdown)
    }
}

/// Kills a process, all that it has spawned, and all that these have; gives their ends.
///
/// All of them, and not only the top: what traps exits would outlive a killed supervisor.
fn kill_all_of(master: Pid, system: &System) -> Vec<Join> {
    let mut spawned: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for info in system.process_infos() {
        spawned.entry(info.parent).or_default().push(info.pid);
    }
    let mut doomed = vec![master];
    let mut next = 0;
    while let Some(parent) = doomed.get(next) {
        doomed.extend(spawned.remove(parent).unwrap_or_default());
        next += 1;
    }
    let ends = doomed.iter().map(|pid| pid.join()).collect();
    for pid in doomed {
        pid.kill();
    }
    ends
}

/// What a master begins with.
struct Plan {
    index: usize,
    start: StartIt,
    stopped: Option<Hook>,
    controller: ServerRef<Controller>,
}

/// Starts one application, and is what its tree is linked to.
///
/// Source: OTP application master.
struct Master {
    plan: Option<Plan>,
    top: Option<Pid>,
    stopped: Option<Hook>,
}

impl GenServer for Master {
    type Args = Plan;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = ();

    async fn init(plan: Plan, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(true);
        let master = Self { plan: Some(plan), top: None, stopped: None };
        // The controller does not wait for the tree in its own turn, so it can be asked meanwhile.
        Ok(Init::Then(master, Next::Continue(())))
    }

    async fn handle_continue(&mut self, (): (), cx: &mut Cx<Self>) -> Handled<Self> {
        if let Some(Plan { index, start, stopped, controller }) = self.plan.take() {
            let top = start().await?;
            // Not only by the link: a tree may have been started without one.
            cx.monitor(top);
            (self.top, self.stopped) = (Some(top), stopped);
            controller.cast(Cast::Up(index));
        }
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, info: Info<()>, _: &mut Cx<Self>) -> Handled<Self> {
        Ok(match info {
            // It monitors nobody but the top of its tree.
            Info::Down(down) => Next::Stop(down.reason),
            _ => Next::Go,
        })
    }

    async fn terminate(&mut self, _: &ExitReason, _: &mut Cx<Self>) {
        if let Some(top) = self.top {
            top.exit(ExitReason::Shutdown);
            top.join().await;
        }
        if let Some(stopped) = self.stopped.take() {
            stopped().await;
        }
    }
}

/// Tells the controller of each signal, as long as the controller lives.
#[cfg(feature = "signals")]
async fn listen(mut signals: super::signals::Signals, controller: ServerRef<Controller>) {
    // It is a process: the label is for those who look at the tree.
    let _ = crate::process::set_label("signals");
    loop {
        controller.cast(Cast::Signal(signals.next().await));
    }
}
