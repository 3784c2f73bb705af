//! The workers under a supervisor, and who of them has which list: the course's `Todo.Database`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use runtime::prelude::*;
use runtime::{ChildKind, Start, SupervisorServer};

use crate::database_worker::{Call, DatabaseWorker, worker};
use crate::error::TodoError;
use crate::list::{Entry, TodoList};

/// How many workers there are, each with a file of its own.
pub const WORKERS: u32 = 3;

/// The name of the database, which is a supervisor.
pub static DATABASE: Name<SupervisorServer> = Name::new("Todo.Database");

/// Starts the database under its name, linked to the caller: the workers 1 to [`WORKERS`], one for
/// one, with the ids `database worker 1` and so on.
pub fn start_link(folder: &Path) -> Start<SupervisorServer> {
    // EXERCISE 2: a supervisor of three workers that do not concern each other.
    let workers = (1..=WORKERS).map(|number| {
        let folder = folder.to_owned();
        DatabaseWorker::child(move || (folder.clone(), number))
            .name(worker(number))
            .id(format!("database worker {number}"))
            .into()
    });
    Supervisor::one_for_one().children(workers).start_link().name(&DATABASE)
    // END
}

/// The database as a supervisor's child, with its name as its id.
pub fn child_spec(folder: PathBuf) -> ChildSpec {
    let start = move || {
        let start = start_link(&folder);
        async move { Ok(start.await?.pid()) }
    };
    ChildSpec::new(DATABASE.as_str(), start)
        .kind(ChildKind::Supervisor)
        .shutdown(Shutdown::Infinity)
}

/// The number of the worker that has the list `name`: always the same.
pub fn choose_worker(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let at = hasher.finish() % u64::from(WORKERS);
    1 + u32::try_from(at).unwrap_or_default()
}

/// The list `name`, as it is on the disk; an empty one if nothing was ever added to it.
///
/// # Errors
/// See [`TodoError`].
pub async fn get(name: &str) -> Result<TodoList, TodoError> {
    // EXERCISE 2: ask the worker that has it, and tell its absence from what it says.
    let worker = worker(choose_worker(name));
    let asked = worker.call(|reply| Call::Get(name.to_owned(), reply)).await;
    Ok(asked.map_err(TodoError::Database)??)
    // END
}

/// Adds an entry to the list `name`. When this is `Ok`, it is on the disk.
///
/// # Errors
/// See [`TodoError`].
pub async fn add(name: &str, id: u64, entry: Entry) -> Result<(), TodoError> {
    // EXERCISE 2: the same way.
    let worker = worker(choose_worker(name));
    let asked = worker.call(|reply| Call::Add(name.to_owned(), id, entry, reply)).await;
    Ok(asked.map_err(TodoError::Database)??)
    // END
}
