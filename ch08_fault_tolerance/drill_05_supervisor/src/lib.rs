//! Drill 8.5: a basic supervisor. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::time::Duration;

use runtime::{
    CallError, Crash, Cx, ExitReason, GenServer, Handled, Init, Message, Name, Next, Process,
    ReceiveTimedOut, Registry, Reply, Server, Start, StartError, Strategy, Supervisor,
    SupervisorRef, SupervisorServer, Via, note,
};
use tokio::time::{Instant, sleep};

/// Where the workers are found by their ids. Runs before any of them is started.
pub static MY_REGISTRY: Registry<u32> = Registry::unique("MyRegistry");

/// The name of the supervisor of exercise 4.
pub static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

/// The worker that is registered under this id now: the course's `via_tuple`.
pub fn via(id: u32) -> Via<MyWorker, u32> {
    MY_REGISTRY.via(id)
}

/// A worker: what it knows is what it tells.
#[derive(Clone, Debug, PartialEq)]
pub struct MyWorker {
    /// Which worker it is; the same in every life.
    pub id: u32,
    /// When this life began, by its system's [`monotonic_time`](runtime::System::monotonic_time).
    pub started_at: Duration,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To tell its state.
    GetState(Reply<MyWorker>),
}

/// What a worker is told.
#[derive(Debug)]
pub enum Cast {
    /// To crash, with `Worker 1 crashing!`.
    Crash,
}

impl GenServer for MyWorker {
    type Args = u32;
    type Call = Call;
    type Cast = Cast;
    type Info = ();

    /// Notes `Worker 1 starting`: the trace keeps the pid beside each note.
    async fn init(id: u32, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker that is found by its id, and tells who it is and since when.
        note(format!("Worker {id} starting"));
        let started_at = cx.system().monotonic_time();
        Ok(Init::Ok(MyWorker { id, started_at }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: answer with a copy of the state, and go on.
        let Call::GetState(reply) = call;
        reply.send(self.clone());
        Ok(Next::Go)
        // END
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: a worker that crashes when it is told to, and a caller that does not wait.
        let Cast::Crash = cast;
        panic!("Worker {} crashing!", self.id);
        // END
    }
}

/// Starts the worker `id`, registered under its id, linked to the caller.
pub fn start_link(id: u32) -> Start<MyWorker> {
    // EXERCISE 1: start it under its name in the registry.
    MyWorker::start_link(id).name(via(id))
    // END
}

/// The state of the worker that is registered now.
///
/// # Errors
/// There is none, or it ended before it answered.
pub async fn get_state(id: u32) -> Result<MyWorker, CallError> {
    // EXERCISE 1: ask whoever is registered now.
    via(id).call(Call::GetState).await
    // END
}

/// Tells the worker that is registered now to crash, and does not wait for that.
pub fn crash(id: u32) {
    // EXERCISE 2: tell it, and do not wait.
    via(id).cast(Cast::Crash);
    // END
}

/// Starts the course's supervisor with its list as it stands: `{MyWorker, 1}`, `{MyWorker, 2}`,
/// `{MyWorker, 3}`. Not linked to the caller, which the refusal is not to hurt.
///
/// # Errors
/// Always.
pub async fn start_as_written() -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: start the course's list as it stands, and see it refused.
    let children = [1, 2, 3].map(|id| MyWorker::child(move || id).name(via(id)).into());
    Supervisor::new(Strategy::OneForOne).children(children).start().await
    // END
}

/// Starts a supervisor, named [`SUPERVISOR`] and linked to the caller, of three workers: `worker 1`,
/// `worker 2` and `worker 3` are their ids. One for one, three restarts in five seconds.
///
/// # Errors
/// A name is taken, or the registry does not run.
pub async fn start_supervisor() -> Result<SupervisorRef, StartError> {
    // EXERCISE 4: the same with three ids, so that it starts, and starts again what crashes.
    let children = [1, 2, 3]
        .map(|id| MyWorker::child(move || id).name(via(id)).id(format!("worker {id}")).into());
    Supervisor::new(Strategy::OneForOne).children(children).start_link().name(&SUPERVISOR).await
    // END
}

/// The state of the worker `id`, which may be between two lives: asks again, a millisecond later,
/// while there is nobody or whoever was asked ends.
///
/// # Errors
/// What the last call came to, when `patience` is over.
pub async fn ask_again(id: u32, patience: Duration) -> Result<MyWorker, CallError> {
    // EXERCISE 5: wait for the next life of a worker, and not for a time.
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match via(id).call(Call::GetState).timeout(left).await {
            Err(CallError::NoProc | CallError::Down(_)) if !left.is_zero() => {
                sleep(Duration::from_millis(1)).await;
            }
            answer => return answer,
        }
    }
    // END
}

/// Starts the supervisor, and lets worker 1 crash every `pause`, until the supervisor ends: after
/// how many crashes, and with which reason?
///
/// A `pause` is longer than a restart takes, and not so long that the supervisor never ends.
///
/// # Errors
/// The supervisor did not start.
pub async fn overdo(me: &mut Process, pause: Duration) -> Result<(u32, ExitReason), StartError> {
    // EXERCISE 6: let a worker crash until its supervisor gives up, and live to tell.
    me.trap_exit(true);
    let supervisor = start_supervisor().await?.pid();
    let mut crashes = 0;
    loop {
        let its_exit = me.select(|message| match message {
            Message::Exit(exit) if exit.from == supervisor => Ok(exit.reason),
            other => Err(other),
        });
        match its_exit.timeout(pause).await {
            Ok(reason) => return Ok((crashes, reason)),
            Err(ReceiveTimedOut) => crash(1),
        }
        crashes += 1;
    }
    // END
}
