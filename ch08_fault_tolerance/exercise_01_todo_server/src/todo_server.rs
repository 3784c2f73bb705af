//! A list in a process, found by its name: the course's `TodoServer`.

use runtime::prelude::*;
use runtime::{Registry, Start, Via, note};

use crate::todo_list::{Date, Entry, TodoList};

/// Where the lists are found by their names.
pub static TODO_REGISTRY: Registry<String> = Registry::unique("TodoRegistry");

/// Whoever keeps the list of this name now: the course's `via_tuple`.
pub fn via(name: &str) -> Via<TodoServer, String> {
    TODO_REGISTRY.via(name.to_owned())
}

/// A list, and its name.
#[derive(Debug)]
pub struct TodoServer {
    name: String,
    list: TodoList,
}

/// What a list is asked.
#[derive(Debug)]
pub enum Call {
    /// The entries of a day.
    Entries(Date, Reply<Vec<Entry>>),
}

/// What a list is told.
#[derive(Debug)]
pub enum Cast {
    /// To add an entry.
    AddEntry(Entry),
}

impl GenServer for TodoServer {
    type Args = String;
    type Call = Call;
    type Cast = Cast;
    type Info = ();

    /// Notes `Starting TodoServer for: shopping`, and begins with an empty list.
    async fn init(name: String, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: a server that begins with an empty list.
        note(format!("Starting TodoServer for: {name}"));
        Ok(Init::Ok(TodoServer { name, list: TodoList::new() }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: answer with the entries of the day.
        let Call::Entries(date, reply) = call;
        reply.go(self.list.entries(date))
        // END
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: add the entry; nobody waits for an answer.
        let Cast::AddEntry(entry) = cast;
        self.list.add_entry(entry);
        Ok(Next::Go)
        // END
    }
}

impl TodoServer {
    /// The name of the list.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Starts the list `name`, registered under its name, linked to the caller.
pub fn start_link(name: &str) -> Start<TodoServer> {
    // EXERCISE 2: start it under its name in the registry.
    TodoServer::start_link(name.to_owned()).name(via(name))
    // END
}

/// Tells the list `name` to add an entry, and does not wait: if there is no such list, the entry is
/// lost, and nobody is told.
pub fn add_entry(name: &str, entry: Entry) {
    // EXERCISE 2: tell whoever has the name now.
    via(name).cast(Cast::AddEntry(entry));
    // END
}

/// The entries of a day in the list `name`.
///
/// # Errors
/// There is no such list, or it ended before it answered.
pub async fn entries(name: &str, date: Date) -> Result<Vec<Entry>, CallError> {
    // EXERCISE 2: ask whoever has the name now.
    via(name).call(|reply| Call::Entries(date, reply)).await
    // END
}
