//! Drill 9.6: restart types. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{ChildState, SupervisorRef};
use tokio::time::sleep;

/// The name and the child id of the worker that is always started again.
pub static PERMANENT: Name<Worker> = Name::new("permanent_worker");

/// The name and the child id of the worker that is started again when it crashed.
pub static TRANSIENT: Name<Worker> = Name::new("transient_worker");

/// The name and the child id of the worker that is never started again.
pub static TEMPORARY: Name<Worker> = Name::new("temporary_worker");

/// A worker that ends in the way that it is told.
#[derive(Debug)]
pub struct Worker;

/// The ways to end; `:error` is what the course calls the abnormal one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has come to the end of its work: `:normal`.
    Normal,
    /// It stops in an orderly way: `:shutdown`.
    Shutdown,
    /// It stops in an orderly way, and says why: `{:shutdown, "idle"}`.
    ShutdownWith(&'static str),
    /// It stops with another reason, `"error"` for instance.
    Other(&'static str),
    /// It reads a number from `seven`, and passes the error on with `?`.
    Error,
    /// It panics with `broken`.
    Panic,
    /// It sends itself the signal that nobody can trap.
    Kill,
}

impl GenServer for Worker {
    type Args = ();
    type Call = Infallible;
    type Cast = Ending;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Worker))
    }

    async fn handle_cast(&mut self, ending: Ending, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: seven ways to end, three orderly ones and four crashes.
        match ending {
            Ending::Normal => Ok(Next::Stop(ExitReason::Normal)),
            Ending::Shutdown => Ok(Next::Stop(ExitReason::Shutdown)),
            Ending::ShutdownWith(why) => Ok(Next::Stop(ExitReason::shutdown_with(why))),
            Ending::Other(why) => Ok(Next::Stop(ExitReason::other(why))),
            Ending::Error => {
                "seven".parse::<u32>()?;
                Ok(Next::Go)
            }
            Ending::Panic => panic!("broken"),
            Ending::Kill => {
                cx.pid().kill();
                Ok(Next::Go)
            }
        }
        // END
    }
}

/// The worker [`PERMANENT`] as a child that is always started again.
pub fn permanent_worker() -> ChildSpec {
    // EXERCISE 2: three specifications that differ in the restart type, and in the name.
    PERMANENT.child(|| ()).restart(Restart::Permanent).into()
    // END
}

/// The worker [`TRANSIENT`] as a child that is started again when it crashed.
pub fn transient_worker() -> ChildSpec {
    // EXERCISE 2: three specifications that differ in the restart type, and in the name.
    TRANSIENT.child(|| ()).restart(Restart::Transient).into()
    // END
}

/// The worker [`TEMPORARY`] as a child that is never started again.
pub fn temporary_worker() -> ChildSpec {
    // EXERCISE 2: three specifications that differ in the restart type, and in the name.
    TEMPORARY.child(|| ()).restart(Restart::Temporary).into()
    // END
}

/// What a supervisor did about a child that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It started the child again.
    Restarted,
    /// It keeps the child in its list, stopped.
    Stopped,
    /// It took the child from its list.
    Removed,
}

/// Ends the worker that has this name, which is its child id as well, and says what its supervisor
/// did about that.
///
/// # Errors
/// Nobody has the name, or the supervisor ended.
pub async fn end_and_see(
    supervisor: &SupervisorRef,
    name: &Name<Worker>,
    ending: Ending,
) -> Result<After, Crash> {
    // EXERCISE 3: end a worker, wait until its supervisor knows, and see what it did.
    let worker = name.whereis().ok_or(CallError::NoProc)?;
    worker.cast(ending);
    loop {
        let children = supervisor.which_children().await?;
        let child = children.into_iter().find(|child| *child.id == *name.as_str());
        match child.map(|child| child.state) {
            None => return Ok(After::Removed),
            Some(ChildState::Stopped) => return Ok(After::Stopped),
            Some(ChildState::Running(pid)) if pid != worker.pid() => return Ok(After::Restarted),
            Some(ChildState::Running(_) | ChildState::Restarting) => {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
    // END
}

/// The rule: what a supervisor does about a child of this restart type that ended with this reason.
pub fn rule(restart: Restart, reason: &ExitReason) -> After {
    // EXERCISE 4: the whole table as one expression.
    match restart {
        Restart::Permanent => After::Restarted,
        Restart::Transient if reason.is_expected() => After::Stopped,
        Restart::Transient => After::Restarted,
        Restart::Temporary => After::Removed,
    }
    // END
}

/// A service to be: the worker [`PERMANENT`], which is to be there always; a process `migration`,
/// which has to come to its end once; and a process `request`, which somebody waits for only now.
///
/// `migrate` and `handle` make the bodies of the two processes, anew at each start. The body of the
/// migration comes to `Normal` when it is done. Five restarts in five seconds are granted.
pub fn service<M, H>(
    migrate: impl Fn() -> M + Send + Sync + 'static,
    handle: impl Fn() -> H + Send + Sync + 'static,
) -> Supervisor
where
    M: Future<Output = ExitReason> + Send + 'static,
    H: Future<Output = ExitReason> + Send + 'static,
{
    // EXERCISE 5: choose the restart type of a server, of a migration, and of a request.
    Supervisor::one_for_one()
        .intensity(5, Duration::from_secs(5))
        .child(permanent_worker())
        .child(ChildSpec::process("migration", migrate).restart(Restart::Transient))
        .child(ChildSpec::process("request", handle).restart(Restart::Temporary))
    // END
}
