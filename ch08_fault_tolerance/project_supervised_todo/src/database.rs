//! Who knows which worker has which list: the course's `Todo.Database`.

use std::hash::{DefaultHasher, Hash, Hasher};

use runtime::prelude::*;
use runtime::{Start, note};

use crate::database_worker::{self, DatabaseWorker};
use crate::disk::{Disk, SHELVES};
use crate::list::TodoList;
use crate::server::TodoError;

/// The name of the database.
pub static DATABASE: Name<Database> = Name::new("Todo.Database");

/// The workers, one for each shelf.
#[derive(Debug)]
pub struct Database {
    workers: Vec<ServerRef<DatabaseWorker>>,
}

/// What the database is asked.
#[derive(Debug)]
pub enum Call {
    /// The worker that has the list of this name: always the same.
    Worker(String, Reply<ServerRef<DatabaseWorker>>),
}

impl GenServer for Database {
    type Args = Disk;
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Starting database server`, and starts a worker for each of the [`SHELVES`], numbered
    /// from 0.
    async fn init(disk: Disk, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a database with its workers, which fall together.
        note("Starting database server");
        let mut workers = Vec::new();
        for number in 0..SHELVES {
            workers.push(database_worker::start_link(disk.clone(), number).await?);
        }
        Ok(Init::Ok(Database { workers }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        let Call::Worker(name, reply) = call;
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let at = hasher.finish() % self.workers.len() as u64;
        reply.go(self.workers[usize::try_from(at)?].clone())
    }
}

/// Starts the database under its name, linked to the caller.
pub fn start_link(disk: Disk) -> Start<Database> {
    // EXERCISE 1: under its name, and linked.
    Database::start_link(disk).name(&DATABASE)
    // END
}

/// The list `name`, as it was stored last; an empty one if it never was.
///
/// # Errors
/// See [`TodoError`].
pub async fn get(name: &str) -> Result<TodoList, TodoError> {
    let worker = DATABASE.call(|reply| Call::Worker(name.to_owned(), reply)).await?;
    Ok(worker.call(|reply| database_worker::Call::Get(name.to_owned(), reply)).await??)
}

/// Stores the list `name`. When this is `Ok`, it is on the disk.
///
/// # Errors
/// See [`TodoError`].
pub async fn store(name: &str, list: TodoList) -> Result<(), TodoError> {
    let worker = DATABASE.call(|reply| Call::Worker(name.to_owned(), reply)).await?;
    Ok(worker.call(|reply| database_worker::Call::Store(name.to_owned(), list, reply)).await??)
}
