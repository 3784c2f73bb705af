//! One list in a process: the course's `Todo.Server`.

use runtime::prelude::*;
use runtime::{Start, note};

use crate::database;
use crate::disk::DiskError;
use crate::list::{Date, Entry, TodoList};

/// A request that came to nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TodoError {
    /// Somebody who was needed is not there, or ended before it answered: then what was to be stored
    /// may be stored or not.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The disk said no, and nothing was changed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A list, and its name.
#[derive(Debug)]
pub struct TodoServer {
    name: String,
    /// What is on the disk; `None` until somebody asks for it.
    list: Option<TodoList>,
}

/// What a list is asked.
#[derive(Debug)]
pub enum Call {
    /// To add an entry; answered with its id when it is on the disk.
    AddEntry(Entry, Reply<Result<u64, TodoError>>),
    /// The entries of a day.
    Entries(Date, Reply<Result<Vec<Entry>, TodoError>>),
}

impl TodoServer {
    /// What is on the disk, asked for once.
    async fn list(&mut self) -> Result<&TodoList, TodoError> {
        // EXERCISE 2: ask the database when the list is needed first; a failure is an answer and no crash.
        if self.list.is_none() {
            self.list = Some(database::get(&self.name).await?);
        }
        Ok(self.list.get_or_insert_default())
        // END
    }

    /// Adds an entry, on the disk first.
    async fn add_entry(&mut self, entry: Entry) -> Result<u64, TodoError> {
        // EXERCISE 2: store the longer list, and only then believe in it.
        let mut list = self.list().await?.clone();
        let id = list.add_entry(entry);
        database::store(&self.name, list.clone()).await?;
        self.list = Some(list);
        Ok(id)
        // END
    }
}

impl GenServer for TodoServer {
    type Args = String;
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Starting to-do server for Alice`.
    async fn init(name: String, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.set_label(name.as_str());
        note(format!("Starting to-do server for {name}"));
        Ok(Init::Ok(TodoServer { name, list: None }))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::AddEntry(entry, reply) => reply.go(self.add_entry(entry).await),
            Call::Entries(date, reply) => {
                let list = self.list().await;
                reply.go(list.map(|list| list.entries(date)))
            }
        }
    }
}

/// Starts the list `name`, linked to the caller.
pub fn start_link(name: &str) -> Start<TodoServer> {
    // EXERCISE 2: linked, without a name: whoever wants it asks the cache.
    TodoServer::start_link(name.to_owned())
    // END
}

/// Adds an entry; `Ok` means that it is on the disk.
///
/// # Errors
/// See [`TodoError`].
pub async fn add_entry(server: &ServerRef<TodoServer>, entry: Entry) -> Result<u64, TodoError> {
    server.call(|reply| Call::AddEntry(entry, reply)).await?
}

/// The entries of a day.
///
/// # Errors
/// See [`TodoError`].
pub async fn entries(server: &ServerRef<TodoServer>, date: Date) -> Result<Vec<Entry>, TodoError> {
    server.call(|reply| Call::Entries(date, reply)).await?
}
