//! Integration exercise 8.2: a pool of workers under a supervisor. What it is about stands in
//! `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    ChildState, Start, StartError, SupervisorModule, SupervisorRef, SupervisorServer, Task,
    TaskError, note,
};

/// A worker of the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolWorker {
    /// Which worker it is, beginning with 1; the same in every life.
    pub id: usize,
    /// How many jobs it has brought to their end, in this life.
    pub tasks_completed: u64,
}

/// A job with all that belongs to it, whatever its result: what a worker runs. Its own result says
/// whether the job came to its end.
pub type Work = Pin<Box<dyn Future<Output = bool> + Send>>;

/// What a worker is asked.
pub enum Call {
    /// To run this; whoever waits for the job's value is answered by the work itself.
    Work(Work),
    /// To tell its state.
    State(Reply<PoolWorker>),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Work(_) => "Work",
            Self::State(_) => "State",
        })
    }
}

/// What became of a job that gave no value.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkError {
    /// No worker runs: the pool is empty, or the one that was asked for is down.
    NoWorker,
    /// The pool, or the worker, could not be asked, or ended before it answered.
    Lost(CallError),
    /// The job ended without a value, with this reason.
    Failed(ExitReason),
    /// The job did not end in its time, and was ended.
    TooLong,
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorker => f.write_str("there is no such worker"),
            Self::Lost(error) => write!(f, "the worker was lost: {error}"),
            Self::Failed(reason) => write!(f, "the job failed: {reason}"),
            Self::TooLong => f.write_str("the job did not end in its time"),
        }
    }
}

impl std::error::Error for WorkError {}

impl From<CallError> for WorkError {
    fn from(error: CallError) -> Self {
        Self::Lost(error)
    }
}

impl GenServer for PoolWorker {
    type Args = usize;
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Worker 1 started`.
    async fn init(id: usize, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker that runs what it is given, one after the other, and counts.
        note(format!("Worker {id} started"));
        Ok(Init::Ok(PoolWorker { id, tasks_completed: 0 }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: run the work to its end and count it if it says so; or tell the state.
        match call {
            Call::Work(work) => {
                if work.await {
                    self.tasks_completed += 1;
                }
                Ok(Next::Go)
            }
            Call::State(reply) => reply.go(*self),
        }
        // END
    }
}

/// Starts the worker `id`, without a name, linked to the caller.
pub fn start_link(id: usize) -> Start<PoolWorker> {
    // EXERCISE 1: start it; it has no name.
    PoolWorker::start_link(id)
    // END
}

/// Lets `worker` run `job` as the course does, in the process of the worker. Waits five seconds.
///
/// # Errors
/// [`WorkError::Lost`], also when it was the job that failed, or was slow.
pub async fn work_as_written<T: Send + 'static>(
    worker: &ServerRef<PoolWorker>,
    job: impl Future<Output = T> + Send + 'static,
) -> Result<T, WorkError> {
    // EXERCISE 2: send a job of any type to be run in the worker, and see what it does to it.
    let answer = worker.call(|reply| {
        Call::Work(Box::pin(async move {
            reply.send(job.await);
            true
        }))
    });
    Ok(answer.await?)
    // END
}

/// The name of the pool's supervisor.
pub static POOL: Name<SupervisorServer> = Name::new("WorkerPoolSupervisor");

/// The supervisor of the pool: `worker 1`, `worker 2` and so on are the ids of its children, in
/// this order. One for one, three restarts in five seconds.
#[derive(Debug)]
pub struct WorkerPoolSupervisor;

impl SupervisorModule for WorkerPoolSupervisor {
    type Args = usize;

    fn init(pool_size: usize) -> Option<Supervisor> {
        // EXERCISE 3: as many workers as are wanted, each with an id of its own.
        let worker = |id| PoolWorker::child(move || id).id(format!("worker {id}")).into();
        Some(Supervisor::one_for_one().children((1..=pool_size).map(worker)))
        // END
    }
}

/// Starts the pool, named [`POOL`] and linked to the caller.
///
/// # Errors
/// There is a pool already.
pub async fn start_pool(pool_size: usize) -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: start the supervisor under its name.
    WorkerPoolSupervisor::start_link(pool_size).name(&POOL).await
    // END
}

/// The course's `get_worker`: the child at the position `n` of what the supervisor lists, counted
/// round and round, whatever its state.
///
/// # Errors
/// The pool is not there.
///
/// # Panics
/// When the pool is empty, as the course's does.
pub async fn get_worker_as_written(n: usize) -> Result<ChildState, CallError> {
    // EXERCISE 4: whoever stands at this position in the supervisor's list.
    let children = POOL.which_children().await?;
    Ok(children[n % children.len()].state)
    // END
}

/// The worker `id`, in its present life.
///
/// # Errors
/// [`WorkError::NoWorker`] when this worker does not run, [`WorkError::Lost`] when the pool is not
/// there.
pub async fn worker(id: usize) -> Result<ServerRef<PoolWorker>, WorkError> {
    // EXERCISE 4: the worker with this id, if it runs.
    let id = format!("worker {id}");
    let children = POOL.which_children().await?;
    let child = children.iter().find(|child| *child.id == id);
    child.and_then(|child| running(child.state)).ok_or(WorkError::NoWorker)
    // END
}

/// One of the workers that run, by its number in the order of their ids, counted from 0, round and
/// round: in a full pool of five, 0 and 5 are worker 1.
///
/// # Errors
/// [`WorkError::NoWorker`] when none runs, [`WorkError::Lost`] when the pool is not there.
pub async fn get_worker(n: usize) -> Result<ServerRef<PoolWorker>, WorkError> {
    // EXERCISE 4: the same for any number, of those that run.
    let children = POOL.which_children().await?;
    let workers: Vec<_> = children.iter().rev().filter_map(|child| running(child.state)).collect();
    let at = n.checked_rem(workers.len()).ok_or(WorkError::NoWorker)?;
    Ok(workers[at].clone())
    // END
}

/// The worker behind a child, if it runs.
fn running(state: ChildState) -> Option<ServerRef<PoolWorker>> {
    match state {
        ChildState::Running(pid) => ServerRef::of_pid(pid),
        ChildState::Restarting | ChildState::Stopped => None,
    }
}

/// Runs `job` in a process of its own, for at most `limit`. Whatever becomes of it is a value, and
/// whoever runs this goes on; when whoever runs this ends, the job ends, too.
///
/// # Errors
/// [`WorkError::Failed`], with the reason of the job's end, or [`WorkError::TooLong`].
pub async fn isolated<T: Send + 'static>(
    limit: Duration,
    job: impl Future<Output = T> + Send + 'static,
) -> Result<T, WorkError> {
    // EXERCISE 5: run a job apart, so that its end, however it comes, is a value.
    let mut task = Task::async_nolink(job);
    let _guard = KillOnDrop(task.pid());
    match task.yield_(limit).await {
        Some(Ok(value)) => Ok(value),
        Some(Err(TaskError::Exit(reason))) => Err(WorkError::Failed(reason)),
        Some(Err(error)) => Err(WorkError::Failed(error.into())),
        None => Err(WorkError::TooLong),
    }
    // END
}

/// Kills a process when it goes out of scope, also when that is because its owner was killed.
#[derive(Debug)]
pub struct KillOnDrop(pub Pid);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // EXERCISE 5: who ends, for whatever reason, drops what it holds: the place to clean up.
        self.0.kill();
        // END
    }
}

/// Lets `worker` run `job`, isolated, for at most `limit` from its beginning. Waits until it is the
/// job's turn, for as long as the jobs before it may take.
///
/// # Errors
/// Whatever became of the job or the worker; the worker goes on, unless it is [`WorkError::Lost`].
pub async fn work<T: Send + 'static>(
    worker: &ServerRef<PoolWorker>,
    limit: Duration,
    job: impl Future<Output = T> + Send + 'static,
) -> Result<T, WorkError> {
    // EXERCISE 6: the worker runs the job isolated, and its caller gets whatever became of it.
    let answer = worker.call(|reply| {
        Call::Work(Box::pin(async move {
            let result = isolated(limit, job).await;
            let done = result.is_ok();
            reply.send(result);
            done
        }))
    });
    answer.infinity().await?
    // END
}
