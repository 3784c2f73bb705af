//! A list in a process, found by its name: the course's `TodoServer`.

use std::convert::Infallible;
use std::fmt;

use runtime::prelude::*;
use runtime::{Child, ChildError, Registry, Start, Via, note};

use crate::todo_cache::server_process;
use crate::todo_list::{Date, Entry, TodoList};

/// A key says of which type a server is, and which of them: the course's `{__MODULE__, list_name}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The [`TodoServer`] of a list.
    TodoServer(String),
    /// A calendar; the tests have some.
    Calendar(String),
}

/// Where the lists are found.
pub static TODO_REGISTRY: Registry<Key> = Registry::unique("TodoSystem.Registry");

/// A list, and its name.
#[derive(Debug)]
pub struct TodoServer {
    /// The name of the list.
    pub list_name: String,
    /// What is on it.
    pub list: TodoList,
}

/// What a list is asked.
#[derive(Debug)]
pub enum Call {
    /// To add an entry, and to say how many there are now.
    AddEntry(Entry, Reply<usize>),
    /// For the entries of a day.
    Entries(Date, Reply<Vec<Entry>>),
}

/// What a list is told.
#[derive(Debug)]
pub enum Cast {
    /// To add an entry; nobody waits for an answer.
    AddEntry(Entry),
}

/// Why something could not be done with a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListError {
    /// Its server could not be started: the cache or the registry is not there. Ask again later.
    NotStarted(ChildError),
    /// Its server ended before it answered. What was asked may have been done, and what was done
    /// is lost.
    Lost(CallError),
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "the list's server was not started: {error}"),
            Self::Lost(error) => write!(f, "the list's server was lost: {error}"),
        }
    }
}

impl std::error::Error for ListError {}

impl From<CallError> for ListError {
    fn from(error: CallError) -> Self {
        Self::Lost(error)
    }
}

impl GenServer for TodoServer {
    type Args = String;
    type Call = Call;
    type Cast = Cast;
    type Info = Infallible;
    // EXERCISE 1 (items): a list in a process, which nobody starts again: say so by the constant `RESTART`.
    const RESTART: Restart = Restart::Temporary;
    // END

    /// Notes `Starting TodoServer for Bob's list`, and begins with an empty list.
    async fn init(list_name: String, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: note whose list it is, and begin with nothing on it.
        note(format!("Starting TodoServer for {list_name}"));
        Ok(Init::Ok(TodoServer { list_name, list: TodoList::new() }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: add, or answer with the entries of the day.
        match call {
            Call::AddEntry(entry, reply) => reply.go(self.list.add_entry(entry)),
            Call::Entries(date, reply) => reply.go(self.list.entries(date)),
        }
        // END
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: add the entry; nobody waits for an answer.
        let Cast::AddEntry(entry) = cast;
        self.list.add_entry(entry);
        Ok(Next::Go)
        // END
    }
}

/// Whoever keeps the list of this name now: the course's `via_tuple`.
pub fn via(list_name: &str) -> Via<TodoServer, Key> {
    // EXERCISE 1: a name made of a key that no other kind of server has.
    TODO_REGISTRY.via(Key::TodoServer(list_name.to_owned()))
    // END
}

/// Starts the server of a list under its name, linked to the caller.
pub fn start_link(list_name: &str) -> Start<TodoServer> {
    // EXERCISE 1: start it under the name by which it is found.
    TodoServer::start_link(list_name.to_owned()).name(via(list_name))
    // END
}

/// The server of a list as a child, found under its name, with the list's name as its id.
pub fn child(list_name: &str) -> Child<TodoServer> {
    // EXERCISE 1: say how a supervisor starts it.
    let args = list_name.to_owned();
    TodoServer::child(move || args.clone()).name(via(list_name)).id(list_name)
    // END
}

/// The course's `add_entry`: tells whoever keeps the list, and does not wait.
pub fn add_entry_as_written(list_name: &str, entry: Entry) {
    // EXERCISE 4: tell whoever has the name now, as the course does, and see who hears it.
    via(list_name).cast(Cast::AddEntry(entry));
    // END
}

/// Adds an entry to a list, which is made if there is none, and says how many it has then. The entry
/// is on the list when this returns `Ok`.
///
/// # Errors
/// [`ListError::Lost`] when the server ended before it answered; the entry is lost then, together
/// with the list.
pub async fn add_entry(list_name: &str, entry: Entry) -> Result<usize, ListError> {
    // EXERCISE 4: make sure of the server, then ask it, and wait for its word.
    server_process(list_name).await?;
    Ok(via(list_name).call(|reply| Call::AddEntry(entry, reply)).await?)
    // END
}

/// The course's `entries`: those of a day in a list, which is made if there is none.
///
/// # Errors
/// [`ListError::Lost`] when the server ended before it answered.
pub async fn entries_as_written(list_name: &str, date: Date) -> Result<Vec<Entry>, ListError> {
    // EXERCISE 4: make sure of the server, then ask it.
    server_process(list_name).await?;
    Ok(via(list_name).call(|reply| Call::Entries(date, reply)).await?)
    // END
}

/// As [`entries_as_written`], but a question that was lost with the server is asked once more.
///
/// # Errors
/// [`ListError::Lost`] when the second server ended as well, or when the first one did not answer
/// in time.
pub async fn entries(list_name: &str, date: Date) -> Result<Vec<Entry>, ListError> {
    // EXERCISE 5: who asks may ask twice, if whom he asked is gone.
    match entries_as_written(list_name, date).await {
        Err(ListError::Lost(CallError::NoProc | CallError::Down(_))) => {
            entries_as_written(list_name, date).await
        }
        answer => answer,
    }
    // END
}
