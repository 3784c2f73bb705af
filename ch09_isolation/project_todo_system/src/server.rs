//! One list in a process: the course's `Todo.Server`.

use std::convert::Infallible;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Start, Via, note};

use crate::database;
use crate::error::TodoError;
use crate::list::{Date, Entry, TodoList};
use crate::process_registry::{Key, ProcessRegistry};

/// A list that nobody has asked for so long ends, and is started again when somebody does.
pub const IDLE: Duration = Duration::from_mins(1);

/// A list, and its name.
#[derive(Debug)]
pub struct TodoServer {
    name: String,
    /// What is on the disk.
    list: TodoList,
}

/// What a list is asked.
#[derive(Debug)]
pub enum Call {
    /// To add an entry; answered with its id when it is on the disk.
    AddEntry(Entry, Reply<Result<u64, TodoError>>),
    /// The entries of a day.
    Entries(Date, Reply<Vec<Entry>>),
}

impl TodoServer {
    /// Adds an entry, on the disk first.
    async fn add_entry(&mut self, entry: Entry) -> Result<u64, TodoError> {
        // EXERCISE 3: store it, and only then believe in it.
        let id = self.list.next_id();
        database::add(&self.name, id, entry.clone()).await?;
        self.list.insert(id, entry);
        Ok(id)
        // END
    }
}

impl GenServer for TodoServer {
    type Args = String;
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;
    const RESTART: Restart = Restart::Temporary;

    /// Notes `Starting to-do server for Alice`, and loads the list. Then waits for [`IDLE`].
    async fn init(name: String, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 3: load what is on the disk; what cannot be loaded cannot be started.
        note(format!("Starting to-do server for {name}"));
        let list = database::get(&name).await?;
        Ok(Init::Then(TodoServer { name, list }, Next::Idle(IDLE)))
        // END
    }

    /// Answers, and waits for [`IDLE`] again. A list that does not know what is on the disk answers
    /// with the error, and ends with it.
    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 3: answer; and end, rather than go on with a list that may be another one than on the disk.
        match call {
            Call::AddEntry(entry, reply) => match self.add_entry(entry).await {
                Err(error) if error.is_uncertain() => {
                    return reply.stop_with(ExitReason::error(error.clone()), Err(error));
                }
                added => reply.send(added),
            },
            Call::Entries(date, reply) => reply.send(self.list.entries(date)),
        }
        Ok(Next::Idle(IDLE))
        // END
    }

    /// Nobody has asked for [`IDLE`].
    async fn handle_info(&mut self, info: Info<Infallible>, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 5: end in peace when nobody needs the list, and go on after anything else.
        match info {
            Info::Idle => Ok(Next::Stop(ExitReason::Normal)),
            _ => Ok(Next::Idle(IDLE)),
        }
        // END
    }
}

/// The name of the list `name`.
pub fn via(name: &str) -> Via<TodoServer, Key> {
    // EXERCISE 3: its key in the registry.
    ProcessRegistry::via(Key::TodoServer(name.to_owned()))
    // END
}

/// Starts the list `name` under its key, linked to the caller.
pub fn start_link(name: &str) -> Start<TodoServer> {
    // EXERCISE 3: under its key.
    TodoServer::start_link(name.to_owned()).name(via(name))
    // END
}

/// The list `name` as a child: temporary, under its key, with its name as its id.
pub fn child_spec(name: &str) -> ChildSpec {
    // EXERCISE 4: the same as a child that is never restarted.
    let list = name.to_owned();
    TodoServer::child(move || list.clone()).name(via(name)).id(name).into()
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
    Ok(server.call(|reply| Call::Entries(date, reply)).await?)
}
