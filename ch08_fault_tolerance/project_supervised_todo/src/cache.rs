//! Who knows the process of each list, and starts everything else: the course's `Todo.Cache`.

use std::collections::HashMap;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Start, StartError, note};
use tokio::time::timeout;

use crate::database::{self, Database};
use crate::disk::Disk;
use crate::server::{self, TodoServer};

/// The name of the cache.
pub static CACHE: Name<Cache> = Name::new("Todo.Cache");

/// How long a new cache waits for the end of the last one's database.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The lists that run, by their names.
#[derive(Debug)]
pub struct Cache {
    servers: HashMap<String, ServerRef<TodoServer>>,
}

/// What the cache is asked.
#[derive(Debug)]
pub enum Call {
    /// The process of the list of this name, which is started if there is none.
    ServerProcess(String, Reply<ServerRef<TodoServer>>),
}

/// Starts the database, linked to the caller. The one of the last cache may not have ended yet: then
/// waits for that, but no longer than [`PATIENCE`].
///
/// # Errors
/// `AlreadyStarted` when the last one keeps the name; otherwise what kept the new one from starting.
pub async fn start_database(disk: &Disk) -> Result<ServerRef<Database>, StartError> {
    // EXERCISE 3: start the database, and never take a dying one for it.
    loop {
        match database::start_link(disk.clone()).await {
            Err(StartError::AlreadyStarted(old)) => {
                let ended = timeout(PATIENCE, old.join()).await;
                ended.map_err(|_| StartError::AlreadyStarted(old))?;
            }
            started => return started,
        }
    }
    // END
}

impl GenServer for Cache {
    type Args = Disk;
    type Call = Call;
    type Cast = ();
    type Info = ();

    /// Notes `Starting to-do cache`, and starts the database.
    async fn init(disk: Disk, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 4: a cache without lists, and the database linked to it.
        note("Starting to-do cache");
        start_database(&disk).await?;
        Ok(Init::Ok(Cache { servers: HashMap::new() }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 4: the list that runs, or a new one, linked to the cache.
        let Call::ServerProcess(name, reply) = call;
        let server = match self.servers.get(&name) {
            Some(server) => server.clone(),
            None => {
                let server = server::start_link(&name).await?;
                self.servers.insert(name, server.clone());
                server
            }
        };
        reply.go(server)
        // END
    }
}

/// Starts the cache under its name, linked to the caller.
pub fn start_link(disk: Disk) -> Start<Cache> {
    // EXERCISE 4: under its name, and linked.
    Cache::start_link(disk).name(&CACHE)
    // END
}

/// The cache as a supervisor's child, under its name, which is its id as well.
pub fn child_spec(disk: Disk) -> ChildSpec {
    // EXERCISE 4: what a supervisor has to know, to start it as `start_link` does.
    CACHE.child(move || disk.clone()).into()
    // END
}

/// The process of the list `name`, which is started if there is none.
///
/// # Errors
/// There is no cache, or it ended before it answered.
pub async fn server_process(name: &str) -> Result<ServerRef<TodoServer>, CallError> {
    CACHE.call(|reply| Call::ServerProcess(name.to_owned(), reply)).await
}
