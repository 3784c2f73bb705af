//! One of the processes that wait for the disk: the course's `Todo.DatabaseWorker`.

use runtime::prelude::*;
use runtime::{Start, note};

use crate::disk::{Disk, DiskError, Shelf};
use crate::list::TodoList;

/// Keeps one shelf: reads and writes its lists.
#[derive(Debug)]
pub struct DatabaseWorker {
    shelf: Shelf,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// The list of this name, as it was stored last.
    Get(String, Reply<Result<TodoList, DiskError>>),
    /// To store the list of this name; answered when it is on the disk.
    Store(String, TodoList, Reply<Result<(), DiskError>>),
}

impl GenServer for DatabaseWorker {
    type Args = (Disk, usize);
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Starting database worker 0`, and takes its shelf.
    async fn init((disk, number): (Disk, usize), cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.set_label(format!("worker {number}"));
        note(format!("Starting database worker {number}"));
        Ok(Init::Ok(DatabaseWorker { shelf: disk.shelf(number).await }))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Get(name, reply) => reply.go(self.shelf.get(&name).await),
            Call::Store(name, list, reply) => reply.go(self.shelf.store(&name, list).await),
        }
    }
}

/// Starts the worker of this shelf, linked to the caller.
pub fn start_link(disk: Disk, number: usize) -> Start<DatabaseWorker> {
    // EXERCISE 1: a worker that ends with whoever started it, and takes that along.
    DatabaseWorker::start_link((disk, number))
    // END
}
