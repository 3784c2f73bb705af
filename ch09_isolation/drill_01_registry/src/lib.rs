//! Drill 9.1: a registry of processes. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use std::fmt;
use std::time::Duration;

use runtime::{
    Address, Crash, Duplicate, Message, Process, Registry, RegistryError, RegistryRef, StartError,
    System, note, self_pid, spawn, spawn_link,
};
use tokio::sync::oneshot;

/// A key is made of data: which kind of process, and which one of them. The course's
/// `{:worker, id}` and `{:task, id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A worker.
    Worker(u32),
    /// A task.
    Task(u32),
}

/// What the process under a key is labelled: `worker 2`, `task 5`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(id) => write!(f, "worker {id}"),
            Self::Task(id) => write!(f, "task {id}"),
        }
    }
}

/// What a process registers beside its key: the course's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When it registered, by the clock of its system.
    pub started_at: Duration,
}

impl Meta {
    /// Of somebody who registers now.
    pub fn now() -> Self {
        Self { started_at: System::current().monotonic_time() }
    }
}

/// One process for a key.
pub static MY_REGISTRY: Registry<Key, Meta> = Registry::unique("my_registry");

/// Any number of processes for a key, which is the name of a room; beside it, whoever sits there.
pub static ROOMS: Registry<String, String, Duplicate> = Registry::duplicate("rooms");

/// What a worker is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The course's `{:work, data}`.
    Work(String),
    /// The course's `:stop`.
    Stop,
}

/// The life of a worker: it notes `Worker processing: ` and the data of each [`Order::Work`], and
/// returns at [`Order::Stop`].
pub async fn work(me: &mut Process<Order>) {
    // EXERCISE 1: a loop that takes one order after the other.
    loop {
        match me.receive().await {
            Message::User(Order::Work(data)) => note(format!("Worker processing: {data}")),
            Message::User(Order::Stop) => return,
            _ => {}
        }
    }
    // END
}

/// Starts a worker as the course does: spawned, linked to nobody, labelled by its key. It registers
/// itself when it comes to run, under [`Key::Worker`] and with [`Meta::now`], and works, whether it
/// was registered or not.
pub fn start_as_written(id: u32) -> Address<Order> {
    // EXERCISE 2: the course's start as it stands, so that its two gaps can be seen.
    spawn(move |mut me: Process<Order>| async move {
        let key = Key::Worker(id);
        me.set_label(key.to_string());
        // The course does not look at what this comes to.
        let _ = MY_REGISTRY.register(key, Meta::now());
        work(&mut me).await;
    })
    // END
}

/// Starts a worker that is linked to the caller, labelled by its key, and registered, with
/// [`Meta::now`], when this returns.
///
/// # Errors
/// The key is taken, or the registry does not run: then no worker is left behind, and nobody is
/// harmed.
pub async fn start_link(key: Key) -> Result<Address<Order>, RegistryError> {
    // EXERCISE 3: return when the worker has registered, and with the error if it could not.
    let (tell, told) = oneshot::channel();
    let worker = spawn_link(move |mut me: Process<Order>| async move {
        me.set_label(key.to_string());
        let registered = MY_REGISTRY.register(key, Meta::now());
        let ready = registered.is_ok();
        // If nobody waits any more, the starter has ended, and the link says so.
        let _ = tell.send(registered);
        if ready {
            work(&mut me).await;
        }
    })?;
    told.await.unwrap_or(Err(RegistryError::NoProc(worker.pid())))?;
    Ok(worker)
    // END
}

/// Starts the registry, linked to the caller, and five workers under the keys `Task(1)` to
/// `Task(5)`, in this order.
///
/// # Errors
/// One of them could not be started.
pub async fn start_five() -> Result<Vec<Address<Order>>, Crash> {
    // EXERCISE 4: a registry, and five processes in it.
    MY_REGISTRY.start_link().await?;
    let mut workers = Vec::new();
    for id in 1..=5 {
        workers.push(start_link(Key::Task(id)).await?);
    }
    Ok(workers)
    // END
}

/// Sends [`Order::Work`] to whoever is registered under `key` now, and gives what it registered
/// beside its key; `None` when nobody is there.
///
/// # Errors
/// The registry does not run.
pub fn give(key: Key, data: &str) -> Result<Option<Meta>, RegistryError> {
    // EXERCISE 5: look up pid and metadata, and send the work to the pid.
    let found = MY_REGISTRY.lookup(&key)?;
    Ok(found.map(|(pid, meta)| {
        pid.send(Order::Work(data.to_owned()));
        meta
    }))
    // END
}

/// Registers the calling process under `key`: at once if nobody has it, and otherwise when whoever
/// has it has ended, and nobody else was quicker; with [`Meta::now`] of that moment. Nothing happens
/// if the caller has it already.
///
/// # Errors
/// The registry does not run, or the caller is no process.
pub async fn stand_by(key: Key) -> Result<(), RegistryError> {
    // EXERCISE 6: take a key over in the moment in which its holder ends.
    let me = self_pid()?;
    loop {
        match MY_REGISTRY.register(key, Meta::now()) {
            Ok(_) => return Ok(()),
            Err(RegistryError::AlreadyRegistered(holder)) if holder == me => return Ok(()),
            Err(RegistryError::AlreadyRegistered(holder)) => {
                holder.join().await;
            }
            Err(error) => return Err(error),
        }
    }
    // END
}

/// Starts the registry of rooms, linked to the caller.
///
/// # Errors
/// It runs already.
pub async fn open_rooms() -> Result<RegistryRef, StartError> {
    // EXERCISE 7: many under one key: start their registry, register in it, speak to all of them.
    ROOMS.start_link().await
    // END
}

/// Registers the calling process in a room, where others may be, under its name.
///
/// # Errors
/// The rooms are not open, or the caller is no process.
pub fn enter(room: &str, name: &str) -> Result<(), RegistryError> {
    // EXERCISE 7: enter a room that others may have entered.
    ROOMS.register(room.to_owned(), name.to_owned())?;
    Ok(())
    // END
}

/// Sends [`Order::Work`] to everybody in a room, and gives their names, whoever came first first.
///
/// # Errors
/// The rooms are not open.
pub fn say(room: &str, data: &str) -> Result<Vec<String>, RegistryError> {
    // EXERCISE 7: send it to each process that is registered under the key.
    let present = ROOMS.lookup(room)?;
    Ok(present
        .into_iter()
        .map(|(pid, name)| {
            pid.send(Order::Work(data.to_owned()));
            name
        })
        .collect())
    // END
}
