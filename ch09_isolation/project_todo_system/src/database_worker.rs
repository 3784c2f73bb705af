//! One of the processes that have a file of lists: the course's `Todo.DatabaseWorker`.

use std::convert::Infallible;
use std::path::PathBuf;

use runtime::prelude::*;
use runtime::{Via, note};

use crate::list::{Entry, TodoList};
use crate::process_registry::{Key, ProcessRegistry};
use crate::store::{Store, StoreError};

/// Reads and writes the lists of one file.
#[derive(Debug)]
pub struct DatabaseWorker {
    store: Store,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// The list of this name.
    Get(String, Reply<Result<TodoList, StoreError>>),
    /// To add an entry to the list of this name; answered when it is on the disk.
    Add(String, u64, Entry, Reply<Result<(), StoreError>>),
}

impl GenServer for DatabaseWorker {
    type Args = (PathBuf, u32);
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;

    /// Notes `Starting database worker 1`, and opens its file.
    async fn init((folder, number): (PathBuf, u32), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: a worker that opens its file at each start.
        note(format!("Starting database worker {number}"));
        Ok(Init::Ok(DatabaseWorker { store: Store::open(&folder, number).await? }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Get(name, reply) => answer(reply, self.store.get(&name).await),
            Call::Add(name, id, entry, reply) => {
                answer(reply, self.store.add(&name, id, entry).await)
            }
        }
    }
}

/// Answers, and goes on; but with a broken connection the worker ends, and nobody is answered.
fn answer<T: Send + 'static>(
    reply: Reply<Result<T, StoreError>>,
    done: Result<T, StoreError>,
) -> Handled<DatabaseWorker> {
    // EXERCISE 2: crash if a fresh connection may help, and answer otherwise.
    match done {
        Err(error @ StoreError::Broken { .. }) => Err(error.into()),
        done => reply.go(done),
    }
    // END
}

/// The name of the worker with this number.
pub fn worker(number: u32) -> Via<DatabaseWorker, Key> {
    // EXERCISE 2: its key in the registry.
    ProcessRegistry::via(Key::DatabaseWorker(number))
    // END
}
