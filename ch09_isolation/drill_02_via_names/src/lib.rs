//! Drill 9.2: servers by via names. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use runtime::prelude::*;
use runtime::{
    Registry, RegistryServer, Start, StartError, SupervisorRef, SupervisorServer, Via, note,
};

/// A key says of which type a server is, and which of them: the course's `{__MODULE__, id}`. So
/// worker 1 and printer 1 do not get into each other's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A [`TaskWorker`].
    TaskWorker(u32),
    /// A printer; the tests have some.
    Printer(u32),
}

/// The table behind [`WorkerRegistry`].
pub static WORKER_REGISTRY: Registry<Key> = Registry::unique("WorkerRegistry");

/// The name of the supervisor of exercise 4.
pub static SYSTEM: Name<SupervisorServer> = Name::new("system");

/// The course's module `WorkerRegistry`: how the registry is started, and how names in it are made.
#[derive(Debug)]
pub struct WorkerRegistry;

impl WorkerRegistry {
    /// Starts the registry, linked to the caller.
    pub fn start_link() -> Start<RegistryServer> {
        // EXERCISE 1: a registry that can be started, stand in a supervisor, and give names: start it.
        WORKER_REGISTRY.start_link()
        // END
    }

    /// The name of the server of type `S` that has this key, whoever that is at each use.
    pub fn via_tuple<S: GenServer>(key: Key) -> Via<S, Key> {
        // EXERCISE 1: make a name of the registry and a key.
        WORKER_REGISTRY.via(key)
        // END
    }

    /// The registry as a supervisor's child, with the id `WorkerRegistry`.
    pub fn child_spec() -> ChildSpec {
        // EXERCISE 1: say how a supervisor starts it, and under which id.
        WORKER_REGISTRY.child().into()
        // END
    }
}

/// A worker: what it knows is what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskWorker {
    /// Which worker it is.
    pub id: u32,
    /// How many tasks it has had in this life.
    pub tasks_completed: u32,
    /// The last of them.
    pub current_task: Option<String>,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To tell its state.
    Status(Reply<TaskWorker>),
}

/// What a worker is told.
#[derive(Debug)]
pub enum Cast {
    /// To do a task.
    Task(String),
}

impl GenServer for TaskWorker {
    type Args = u32;
    type Call = Call;
    type Cast = Cast;
    type Info = ();

    async fn init(id: u32, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: workers that are started and asked by their ids: this one has done nothing yet.
        Ok(Init::Ok(TaskWorker { id, tasks_completed: 0, current_task: None }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: answer with a copy of the state, and go on.
        let Call::Status(reply) = call;
        reply.go(self.clone())
        // END
    }

    /// Notes `Worker 2 processing: ` and the task.
    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 3: note the task, count it and keep it.
        let Cast::Task(task) = cast;
        note(format!("Worker {} processing: {task}", self.id));
        self.tasks_completed += 1;
        self.current_task = Some(task);
        Ok(Next::Go)
        // END
    }
}

/// The name of worker `id`: its key in the registry is [`Key::TaskWorker`] with the id.
pub fn worker(id: u32) -> Via<TaskWorker, Key> {
    // EXERCISE 2: make the worker's name, by which it is started and called.
    WorkerRegistry::via_tuple(Key::TaskWorker(id))
    // END
}

/// Starts worker `id` under its name, linked to the caller.
pub fn start_link(id: u32) -> Start<TaskWorker> {
    // EXERCISE 2: start it under the name by which it is called.
    TaskWorker::start_link(id).name(worker(id))
    // END
}

/// The state of worker `id`.
///
/// # Errors
/// There is no such worker, or it ended before it answered.
pub async fn get_status(id: u32) -> Result<TaskWorker, CallError> {
    // EXERCISE 2: ask whoever has the name now.
    worker(id).call(Call::Status).await
    // END
}

/// Gives worker `id` a task, and does not wait until it is done.
pub fn process_task(id: u32, task: &str) {
    // EXERCISE 3: tell whoever has the name now.
    worker(id).cast(Cast::Task(task.to_owned()));
    // END
}

/// Starts a supervisor, named [`SYSTEM`] and linked to the caller, of two children: the registry,
/// and a supervisor with the id `workers`. This one has the children `worker 1`, `worker 2` and
/// `worker 3`, which do not concern each other.
///
/// When the registry crashes, the workers crash with it, and are started again after it, in the
/// order of the list; that counts as one restart. When the workers give up, they alone are started
/// again, and the registry goes on.
///
/// # Errors
/// A name is taken.
pub async fn start_system() -> Result<SupervisorRef, StartError> {
    // EXERCISE 4: a tree in which workers fall alone, and with their registry.
    let workers = [1, 2, 3]
        .map(|id| TaskWorker::child(move || id).name(worker(id)).id(format!("worker {id}")).into());
    Supervisor::rest_for_one()
        .child(WorkerRegistry::child_spec())
        .child(Supervisor::one_for_one().children(workers).into_child("workers"))
        .start_link()
        .name(&SYSTEM)
        .await
    // END
}

/// The worker `id`: the one that runs, or a new one, linked to nobody. Of many that ask at once, all
/// get the same. One that is about to end is none.
///
/// # Errors
/// The registry does not run.
pub async fn ensure_started(id: u32) -> Result<Pid, StartError> {
    // EXERCISE 5: start it, and take whoever was quicker for an answer.
    loop {
        match TaskWorker::start(id).name(worker(id)).await {
            Ok(started) => return Ok(started.pid()),
            Err(StartError::AlreadyStarted(pid)) if pid.is_alive() => return Ok(pid),
            Err(StartError::AlreadyStarted(ending)) => {
                ending.join().await;
            }
            Err(error) => return Err(error),
        }
    }
    // END
}
