//! Exercise 9.1: a pool of workers that are found through a registry. What it is about stands in
//! `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    Child, ChildKind, Registry, Start, StartError, SupervisorRef, SupervisorServer, Via, note,
};
use tokio::time::sleep;

/// How many workers there are; they are called 1 to 5.
pub const POOL_SIZE: usize = 5;

/// How long a worker takes for a task.
pub const WORK: Duration = Duration::from_millis(100);

/// How long [`process_task_retrying`] waits before it tries again.
pub const PAUSE: Duration = Duration::from_millis(100);

/// A key says of which type a server is, and which of them: the course's `{:worker, id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The worker with this id.
    Worker(usize),
}

/// Where the workers are found.
pub static POOL_REGISTRY: Registry<Key> = Registry::unique("WorkerPool.Registry");

/// The name of the supervisor of the workers.
pub static POOL_SUPERVISOR: Name<SupervisorServer> = Name::new("PoolSupervisor");

/// The name of the whole.
pub static WORKER_POOL: Name<SupervisorServer> = Name::new("WorkerPool");

/// A worker of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWorker {
    /// Which worker it is.
    pub id: usize,
    /// How many tasks it has completed in this life.
    pub tasks_processed: u64,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To process a task, and to say so.
    Process(String, Reply<String>),
    /// To tell its state.
    Status(Reply<PoolWorker>),
}

impl GenServer for PoolWorker {
    type Args = usize;
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;

    /// Notes `Worker 1 started`.
    async fn init(id: usize, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker that is found by its key: note the start, and begin with nothing done.
        note(format!("Worker {id} started"));
        Ok(Init::Ok(PoolWorker { id, tasks_processed: 0 }))
        // END
    }

    /// Answers `Worker 1 processed: sweep`, after [`WORK`].
    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: take the time that a task takes, count it, and answer; or tell the state.
        match call {
            Call::Process(task, reply) => {
                sleep(WORK).await;
                self.tasks_processed += 1;
                reply.go(format!("Worker {} processed: {task}", self.id))
            }
            Call::Status(reply) => reply.go(*self),
        }
        // END
    }
}

/// Whoever is worker `id` now: the course's `via_tuple`.
pub fn worker(id: usize) -> Via<PoolWorker, Key> {
    // EXERCISE 1: a name made of a key.
    POOL_REGISTRY.via(Key::Worker(id))
    // END
}

/// Starts worker `id` under its name, linked to the caller.
pub fn start_worker(id: usize) -> Start<PoolWorker> {
    // EXERCISE 1: start it under the name by which it is found.
    PoolWorker::start_link(id).name(worker(id))
    // END
}

/// Has worker `id` process a task; waits five seconds.
///
/// # Errors
/// There is no such worker now, it ended before it answered, or it has too much to do.
pub async fn process(id: usize, task: &str) -> Result<String, CallError> {
    // EXERCISE 1: ask whoever has the name now.
    worker(id).call(|reply| Call::Process(task.to_owned(), reply)).await
    // END
}

/// How many tasks worker `id` has completed in this life.
///
/// # Errors
/// As [`process`].
pub async fn tasks_processed(id: usize) -> Result<u64, CallError> {
    // EXERCISE 1: ask whoever has the name now.
    Ok(worker(id).call(Call::Status).await?.tasks_processed)
    // END
}

/// Worker `id` as a child, found under its name; its own id would be that of all workers, so this
/// one is `worker 1`.
pub fn worker_child(id: usize) -> Child<PoolWorker> {
    // EXERCISE 2: five workers under a supervisor: how one is started, and its id.
    PoolWorker::child(move || id).name(worker(id)).id(format!("worker {id}"))
    // END
}

/// Starts [`POOL_SUPERVISOR`] with all workers, in the order of their ids, linked to the caller.
pub fn start_pool_supervisor() -> Start<SupervisorServer> {
    // EXERCISE 2: five workers that do not concern one another.
    Supervisor::one_for_one()
        .children((1..=POOL_SIZE).map(|id| worker_child(id).into()))
        .start_link()
        .name(&POOL_SUPERVISOR)
    // END
}

/// [`start_pool_supervisor`] as a child of another supervisor.
fn pool_supervisor_child() -> ChildSpec {
    let start = || {
        let start = start_pool_supervisor();
        async move { Ok(start.await?.pid()) }
    };
    ChildSpec::new(POOL_SUPERVISOR.as_str(), start)
        .kind(ChildKind::Supervisor)
        .shutdown(Shutdown::Infinity)
}

/// Starts [`WORKER_POOL`] as the course does, linked to the caller: the registry, then the supervisor
/// of the workers, one for one.
///
/// # Errors
/// A name is taken.
pub async fn start_as_written() -> Result<SupervisorRef, StartError> {
    // EXERCISE 2: two children, one for one.
    Supervisor::one_for_one()
        .child(POOL_REGISTRY.child())
        .child(pool_supervisor_child())
        .start_link()
        .name(&WORKER_POOL)
        .await
    // END
}

/// The course's `choose_worker`: a worker for this task, the same at each call.
pub fn choose_by_hash(task: &str) -> usize {
    // EXERCISE 3: a number made of the task, and of it a worker.
    let mut hasher = DefaultHasher::new();
    task.hash(&mut hasher);
    let size = u64::try_from(POOL_SIZE).unwrap_or(1);
    1 + usize::try_from(hasher.finish() % size).unwrap_or(0)
    // END
}

/// The course's `process_task`, which chooses by a hash and calls that round-robin.
///
/// # Errors
/// As [`process`].
pub async fn process_task_by_hash(task: &str) -> Result<String, CallError> {
    // EXERCISE 3: ask the worker that the hash has chosen.
    process(choose_by_hash(task), task).await
    // END
}

/// Whose turn it is: 1, 2, 3, 4, 5, 1 and so on, whoever asks. Who shares out tasks has one, and all
/// who share them out together have the same.
#[derive(Debug, Default)]
pub struct Rotation(AtomicUsize);

impl Rotation {
    /// Begins with worker 1.
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The worker whose turn it is. Of many that ask at once, each gets a turn of its own.
    pub fn next_worker(&self) -> usize {
        // EXERCISE 4: count, and make a worker of the number.
        1 + self.0.fetch_add(1, Ordering::Relaxed) % POOL_SIZE
        // END
    }
}

/// Has a task processed by the worker whose turn it is: round-robin.
///
/// # Errors
/// As [`process`].
pub async fn process_task(turn: &Rotation, task: &str) -> Result<String, CallError> {
    // EXERCISE 4: ask the worker whose turn it is.
    process(turn.next_worker(), task).await
    // END
}

/// As [`process_task`], but a task whose worker was lost is given to the next one, after a [`PAUSE`]:
/// up to `tries` times in all. So a task is done at least once, and perhaps twice.
///
/// # Errors
/// The last worker was lost, too; or one did not answer in time, and may still be at it.
pub async fn process_task_retrying(
    turn: &Rotation,
    task: &str,
    tries: usize,
) -> Result<String, CallError> {
    // EXERCISE 5: as often as is allowed, and only if it can help.
    let mut left = tries;
    loop {
        left = left.saturating_sub(1);
        match process_task(turn, task).await {
            Err(CallError::NoProc | CallError::Down(_)) if left > 0 => sleep(PAUSE).await,
            answer => return answer,
        }
    }
    // END
}

/// As [`start_as_written`], but the end of the registry, which is that of all workers, is one restart
/// of both.
///
/// # Errors
/// A name is taken.
pub async fn start_link() -> Result<SupervisorRef, StartError> {
    // EXERCISE 6: the same children, of which the second one stands on the first one.
    Supervisor::rest_for_one()
        .child(POOL_REGISTRY.child())
        .child(pool_supervisor_child())
        .start_link()
        .name(&WORKER_POOL)
        .await
    // END
}
