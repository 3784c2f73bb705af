//! Drill 9.5: dynamic supervision. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{
    Child, ChildCount, ChildError, DynamicSupervisorServer, Registry, Start, StartError,
    SupervisorRef, SupervisorServer, Via, note,
};

/// The name of the supervisor of the jobs.
pub static JOB_SUPERVISOR: Name<DynamicSupervisorServer> = Name::new("JobSupervisor");

/// How long a job takes.
pub const WORK: Duration = Duration::from_secs(5);

/// A job: it works for [`WORK`], and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobWorker {
    /// Which job it is.
    pub job_id: u32,
    /// What it works on.
    pub data: String,
}

/// What a job is asked.
#[derive(Debug)]
pub enum Ask {
    /// To tell which job it is.
    Job(Reply<JobWorker>),
}

/// What a job tells itself, later: the course's `:work_done`.
#[derive(Debug)]
pub struct WorkDone;

/// Starts [`JOB_SUPERVISOR`] without children, linked to the caller.
pub fn start_link() -> Start<DynamicSupervisorServer> {
    // EXERCISE 1: a dynamic supervisor under its name, with the usual limits.
    DynamicSupervisor::new().start_link().name(&JOB_SUPERVISOR)
    // END
}

impl GenServer for JobWorker {
    type Args = (u32, String);
    type Call = Ask;
    type Cast = Infallible;
    type Info = WorkDone;
    // EXERCISE 2 (items): a job that works, and ends; `const RESTART` says that none is repeated.
    const RESTART: Restart = Restart::Temporary;
    // END

    /// Notes `Job 1 started with data: clean`.
    async fn init((job_id, data): (u32, String), cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: note the start, and see to it that the end is told when the work is over.
        note(format!("Job {job_id} started with data: {data}"));
        cx.send_after(WORK, WorkDone);
        Ok(Init::Ok(JobWorker { job_id, data }))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        let Ask::Job(reply) = ask;
        reply.go(self.clone())
    }

    /// Notes `Job 1 completed!`.
    async fn handle_info(&mut self, info: Info<WorkDone>, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: when the work is over, note it and end as one who is done.
        match info {
            Info::User(WorkDone) => {
                note(format!("Job {} completed!", self.job_id));
                Ok(Next::Stop(ExitReason::Normal))
            }
            _ => Ok(Next::Go),
        }
        // END
    }
}

/// A job as a child, with the id `job 1` if it is job 1.
pub fn job_child(job_id: u32, data: &str) -> Child<JobWorker> {
    // EXERCISE 3: jobs to be started, stopped and counted: how to start one, and under which id.
    let data = data.to_owned();
    JobWorker::child(move || (job_id, data.clone())).id(format!("job {job_id}"))
    // END
}

/// Starts a job under [`JOB_SUPERVISOR`].
///
/// # Errors
/// The supervisor is not there, has as many jobs as it may have, or the job did not start.
pub async fn start_job(job_id: u32, data: &str) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 3: ask the supervisor for one child more.
    JOB_SUPERVISOR.start_child(job_child(job_id, data)).await
    // END
}

/// Stops the job with this pid, for good.
///
/// # Errors
/// [`ChildError::NotFound`] when no job has this pid, or none any more.
pub async fn stop_job(job: Pid) -> Result<(), ChildError> {
    // EXERCISE 3: ask the supervisor to stop one child.
    JOB_SUPERVISOR.terminate_child(job).await
    // END
}

/// How many jobs there are.
///
/// # Errors
/// The supervisor is not there.
pub async fn count_children() -> Result<ChildCount, CallError> {
    // EXERCISE 3: ask the supervisor how many it has.
    JOB_SUPERVISOR.count_children().await
    // END
}

/// As [`start_job`], with another restart type than the one of all jobs.
///
/// # Errors
/// As [`start_job`].
pub async fn start_job_as(
    restart: Restart,
    job_id: u32,
    data: &str,
) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 4: the same child, but for what is done about its end.
    JOB_SUPERVISOR.start_child(job_child(job_id, data).restart(restart)).await
    // END
}

/// As [`start_link`], for a supervisor that takes so many jobs at a time, and refuses more.
pub fn start_link_limited(max_children: usize) -> Start<DynamicSupervisorServer> {
    // EXERCISE 5: the same supervisor, with a limit on the number of its children.
    DynamicSupervisor::new().max_children(max_children).start_link().name(&JOB_SUPERVISOR)
    // END
}

/// Who can be found in [`MY_REGISTRY`]: each key says of which type its server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A job, by its number.
    Job(u32),
    /// A game, by its number.
    Game(u32),
}

/// The registry of exercise 6.
pub static MY_REGISTRY: Registry<Key> = Registry::unique("My.Registry");

/// The name of the dynamic supervisor of exercise 6.
pub static MY_DYNAMIC: Name<DynamicSupervisorServer> = Name::new("My.Dynamic");

/// The name of the supervisor above both.
pub static MY_SUPERVISOR: Name<SupervisorServer> = Name::new("My.Supervisor");

/// A name for one game, and for no second one.
pub static THE_GAME: Name<Game> = Name::new("the_game");

/// A game, which knows how many moves were made. It is permanent: a game has no end that it knows of.
#[derive(Debug, Default)]
pub struct Game {
    moves: u32,
}

/// What a game is asked.
#[derive(Debug)]
pub enum Play {
    /// To make a move, and to tell how many that makes.
    Move(Reply<u32>),
}

impl CallServer for Game {
    type Call = Play;

    async fn handle_call(&mut self, play: Play, _: &mut Cx<Self>) -> Handled<Self> {
        let Play::Move(reply) = play;
        self.moves += 1;
        reply.go(self.moves)
    }
}

/// Starts [`MY_SUPERVISOR`] with this strategy, linked to the caller: [`MY_REGISTRY`], then
/// [`MY_DYNAMIC`].
///
/// # Errors
/// A name is taken.
pub async fn start_app(strategy: Strategy) -> Result<SupervisorRef, StartError> {
    // EXERCISE 6: many servers of two kinds, found by keys: a registry, then those who are in it.
    Supervisor::new(strategy)
        .child(MY_REGISTRY.child())
        .child(DynamicSupervisor::new().into_child(&MY_DYNAMIC))
        .start_link()
        .name(&MY_SUPERVISOR)
        .await
    // END
}

/// Starts a game named [`THE_GAME`] under [`MY_DYNAMIC`].
///
/// # Errors
/// There is one already, or the supervisor is not there.
pub async fn start_the_game() -> Result<Option<Pid>, ChildError> {
    // EXERCISE 6: a child with a fixed name, as one is tempted to write it.
    MY_DYNAMIC.start_child(THE_GAME.child(Game::default)).await
    // END
}

/// Whoever plays game `id` now.
pub fn game(id: u32) -> Via<Game, Key> {
    // EXERCISE 6: a name made of a key.
    MY_REGISTRY.via(Key::Game(id))
    // END
}

/// Whoever does job `id` now.
pub fn job(id: u32) -> Via<JobWorker, Key> {
    // EXERCISE 6: a name made of a key.
    MY_REGISTRY.via(Key::Job(id))
    // END
}

/// Starts game `id` under [`MY_DYNAMIC`], where [`game`] finds it; `game 1` is the id of game 1.
///
/// # Errors
/// It runs already, or the supervisor is not there.
pub async fn start_game(id: u32) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 6: one of many games, found by its key.
    let child = Game::child(Game::default).name(game(id)).id(format!("game {id}"));
    MY_DYNAMIC.start_child(child).await
    // END
}

/// Starts a job under [`MY_DYNAMIC`], where [`job`] finds it.
///
/// # Errors
/// It runs already, or the supervisor is not there.
pub async fn start_keyed_job(id: u32, data: &str) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 6: the child of exercise 3, found by its key.
    MY_DYNAMIC.start_child(job_child(id, data).name(job(id))).await
    // END
}
