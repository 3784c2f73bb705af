//! A list that is there again after a crash: the [`todo_server`](crate::todo_server), with a disk.

use runtime::prelude::*;
use runtime::{ChildError, StartError, Via, note};

use crate::disk::{DiskError, Folder};
use crate::todo_list::{Date, Entry, TodoList};
use crate::todo_server::TODO_REGISTRY;
use crate::todo_supervisor::TODO_DYNAMIC_SUPERVISOR;

/// Whoever keeps the list of this name now.
pub fn via(name: &str) -> Via<KeptServer, String> {
    TODO_REGISTRY.via(name.to_owned())
}

/// A list that is kept in a folder.
#[derive(Debug)]
pub struct KeptServer {
    folder: Folder,
    name: String,
    /// What is on the disk; `None` until somebody asks for it.
    list: Option<TodoList>,
}

/// What a kept list is asked.
#[derive(Debug)]
pub enum Call {
    /// To add an entry; answered with its id when it is on the disk.
    Add(Entry, Reply<Result<u64, DiskError>>),
    /// The entries of a day.
    Entries(Date, Reply<Result<Vec<Entry>, DiskError>>),
}

/// A kept list gave no answer, or a bad one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ListError {
    /// There is no such list, or it ended before it answered: then the entry may be there or not.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The disk said no, and nothing was changed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl KeptServer {
    /// What is on the disk, read once.
    async fn list(&mut self) -> Result<&TodoList, DiskError> {
        // EXERCISE 7: read it when it is needed first; a failure is an answer, and is not kept.
        if self.list.is_none() {
            self.list = Some(self.folder.load(&self.name).await?);
        }
        Ok(self.list.get_or_insert_default())
        // END
    }

    /// Adds an entry, on the disk first.
    async fn add(&mut self, entry: Entry) -> Result<u64, DiskError> {
        // EXERCISE 7: save the longer list, and only then believe in it.
        let mut list = self.list().await?.clone();
        let id = list.add_entry(entry);
        self.folder.save(&self.name, &list).await?;
        self.list = Some(list);
        Ok(id)
        // END
    }
}

impl GenServer for KeptServer {
    type Args = (Folder, String);
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Starting TodoServer for: shopping`. Touches no disk, so it cannot fail.
    async fn init((folder, name): (Folder, String), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        note(format!("Starting TodoServer for: {name}"));
        Ok(Init::Ok(KeptServer { folder, name, list: None }))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Add(entry, reply) => reply.go(self.add(entry).await),
            Call::Entries(date, reply) => {
                let list = self.list().await;
                reply.go(list.map(|list| list.entries(date)))
            }
        }
    }
}

/// The list `name`, kept in `folder`: the one that runs, or a new one below
/// [`TODO_DYNAMIC_SUPERVISOR`].
///
/// # Errors
/// The system does not run.
pub async fn open(folder: &Folder, name: &str) -> Result<Option<Pid>, ChildError> {
    let args = (folder.clone(), name.to_owned());
    let child = KeptServer::child(move || args.clone()).name(via(name)).id(name.to_owned());
    match TODO_DYNAMIC_SUPERVISOR.start_child(child).await {
        Err(ChildError::Start(StartError::AlreadyStarted(pid))) => Ok(Some(pid)),
        started => started,
    }
}

/// Adds an entry to the list `name`; `Ok` means that it is on the disk.
///
/// # Errors
/// See [`ListError`].
pub async fn add_entry(name: &str, entry: Entry) -> Result<u64, ListError> {
    // EXERCISE 7: a question, since the answer matters.
    Ok(via(name).call(|reply| Call::Add(entry, reply)).await??)
    // END
}

/// The entries of a day in the list `name`.
///
/// # Errors
/// See [`ListError`].
pub async fn entries(name: &str, date: Date) -> Result<Vec<Entry>, ListError> {
    // EXERCISE 7: a question, too.
    Ok(via(name).call(|reply| Call::Entries(date, reply)).await??)
    // END
}
