//! Drill 9.3: supervision trees. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

mod parts;

use std::time::Duration;

use runtime::prelude::*;
use runtime::tree::{Node, Role, Tree};
use runtime::{
    ChildKind, ChildState, FailedToStart, Registry, StartError, SupervisorRef, SupervisorServer,
    Via,
};
use tokio::time::timeout;

pub use parts::{Api, AskApi, AskCache, AskWorker, Cache, DatabaseWorker, Row, Tell};

/// The root of the tree: the course's `MyApp.System`.
pub static SYSTEM: Name<SupervisorServer> = Name::new("system");

/// Where the database workers are found by their ids: the course's `MyApp.Registry`.
pub static REGISTRY: Registry<u32> = Registry::unique("registry");

/// The supervisor of the database workers: the course's `MyApp.Database`.
pub static DATABASE: Name<SupervisorServer> = Name::new("database");

/// The cache.
pub static CACHE: Name<Cache> = Name::new("cache");

/// The API, which answers from the cache.
pub static API: Name<Api> = Name::new("api");

/// The database worker that is registered under this id now.
pub fn worker(id: u32) -> Via<DatabaseWorker, u32> {
    REGISTRY.via(id)
}

/// How long a new database waits for a worker of its last life.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Who has the key that kept a worker from starting, if that is why its supervisor did not start.
pub fn in_the_way(error: &StartError) -> Option<Pid> {
    let StartError::Failed(reason) = error else { return None };
    match reason.downcast_ref::<FailedToStart>()?.error {
        StartError::AlreadyStarted(holder) => Some(holder),
        _ => None,
    }
}

/// Starts the course's `MyApp.Database` as it stands: the workers 1, 2 and 3, registered under their
/// ids, and no child id of their own. Not linked to the caller, which the refusal is not to hurt.
///
/// # Errors
/// Always.
pub async fn start_as_written() -> Result<SupervisorRef, StartError> {
    // EXERCISE 1: start the course's list of database workers as it stands, and see it refused.
    let workers = [1, 2, 3].map(|id| DatabaseWorker::child(move || id).name(worker(id)).into());
    Supervisor::one_for_one().children(workers).start().await
    // END
}

/// Starts [`DATABASE`], linked to the caller: a supervisor of the workers 1, 2 and 3, which have the
/// child ids `worker 1`, `worker 2`, `worker 3` and are registered under their numbers. One for one,
/// three restarts in five seconds.
///
/// # Errors
/// A name is taken, or the registry does not run.
pub async fn start_database() -> Result<SupervisorRef, StartError> {
    // EXERCISE 2: a supervisor of the three workers, so that their crashes are its business alone.
    Supervisor::one_for_one().children(workers()).start_link().name(&DATABASE).await
    // END
}

/// The database workers as children: with the ids `worker 1`, `worker 2`, `worker 3`, registered under
/// their numbers.
pub fn workers() -> [ChildSpec; 3] {
    // EXERCISE 2: three children with ids of their own, registered under their numbers.
    [1, 2, 3].map(|id| {
        DatabaseWorker::child(move || id).name(worker(id)).id(format!("worker {id}")).into()
    })
    // END
}

/// The whole database as a child of another supervisor, with the id `database`.
///
/// If it was killed, it could not stop its workers, and some of them may still be on their way out,
/// and have their keys, when it is started again. Then its start waits for their end, for each no
/// longer than [`PATIENCE`], and tries again. It fails as [`start_database`] does.
pub fn database() -> ChildSpec {
    // EXERCISE 3: a supervisor as a child, which has time to stop, and waits for its last life.
    let start = || async {
        loop {
            match start_database().await {
                Ok(started) => return Ok(started.pid()),
                Err(error) => {
                    let Some(old) = in_the_way(&error) else { return Err(error) };
                    timeout(PATIENCE, old.join()).await.map_err(|_| error)?;
                }
            }
        }
    };
    ChildSpec::new("database", start).kind(ChildKind::Supervisor).shutdown(Shutdown::Infinity)
    // END
}

/// Starts [`SYSTEM`], linked to the caller: registry, database, cache and API, under their names and
/// with ids of the same words. One for one, three restarts in five seconds.
///
/// # Errors
/// A name is taken.
pub async fn start_system() -> Result<SupervisorRef, StartError> {
    // EXERCISE 4: the root of the tree, with what others need to start before those that need it.
    Supervisor::one_for_one()
        .child(REGISTRY.child().id("registry"))
        .child(database())
        .child(CACHE.child(Cache::default))
        .child(API.child(Api::default))
        .start_link()
        .name(&SYSTEM)
        .await
    // END
}

/// Starts [`SYSTEM`] without a supervisor for the database: the three workers stand directly under
/// the root, where the database stood. Everything else is as in [`start_system`].
///
/// # Errors
/// A name is taken.
pub async fn start_flat() -> Result<SupervisorRef, StartError> {
    // EXERCISE 5: the same without a level in between, to see what the level is for.
    Supervisor::one_for_one()
        .child(REGISTRY.child().id("registry"))
        .children(workers())
        .child(CACHE.child(Cache::default))
        .child(API.child(Api::default))
        .start_link()
        .name(&SYSTEM)
        .await
    // END
}

/// Draws what runs below a supervisor, by asking: a line for each child, with its id and its kind,
/// such as `cache: worker`; in the order of the list, each supervisor above its own children, which
/// are indented by two spaces more.
///
/// # Errors
/// One of the supervisors does not answer.
pub async fn outline(top: &SupervisorRef) -> Result<Vec<String>, CallError> {
    // EXERCISE 6: ask each supervisor for its children, and draw what they answer.
    let mut lines = Vec::new();
    // The newest child comes first, so the oldest one is popped first.
    let mut rest: Vec<_> =
        top.which_children().await?.into_iter().map(|child| (0, child)).collect();
    while let Some((depth, child)) = rest.pop() {
        lines.push(format!("{:depth$}{}: {}", "", child.id, child.kind));
        if let (ChildKind::Supervisor, ChildState::Running(pid)) = (child.kind, child.state)
            && let Some(inner) = SupervisorRef::of_pid(pid)
        {
            let children = inner.which_children().await?.into_iter();
            rest.extend(children.map(|child| (depth + 2, child)));
        }
    }
    Ok(lines)
    // END
}

/// Who is in a tree and in no supervisor: the names of those processes, from top to bottom. The roots
/// of the tree, above which there is nobody, do not count, and a supervisor is none of them.
pub fn strays(tree: &Tree) -> Vec<String> {
    // EXERCISE 7: find the processes that no supervisor knows of.
    let is_root = |pid| tree.roots.iter().any(|root| root.pid() == pid);
    let strays = tree.nodes().filter(|node| node.role == Role::Process && !is_root(node.pid()));
    strays.map(Node::name).collect()
    // END
}
