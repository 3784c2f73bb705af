//! A process that has a connection: the course's `DatabaseWorker`.

use std::convert::Infallible;
use std::path::PathBuf;

use runtime::prelude::*;
use runtime::{Registry, Start, Via, note};

use crate::connection::Connection;
use crate::error::{Fault, SqlError};
use crate::query::{Answer, Query};

/// What the registry knows a process by: of which kind it is, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The course's `{:db_worker, 2}`.
    DbWorker(u32),
}

/// Where the workers are found: the course's `DB.Registry`.
pub static DB_REGISTRY: Registry<Key> = Registry::unique("DB.Registry");

/// A connection, and how often it was of use.
#[derive(Debug)]
pub struct DatabaseWorker {
    id: u32,
    connection: Connection,
    query_count: u64,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To run a statement in the course's way: if it fails, the worker does.
    Query(String, Reply<Answer>),
    /// To run a query in the better way: only a broken connection is the worker's end.
    Ask(Query, Reply<Result<Answer, SqlError>>),
    /// Its id, and how many queries it has answered in this life.
    QueryCount(Reply<(u32, u64)>),
}

impl GenServer for DatabaseWorker {
    type Args = (u32, PathBuf);
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;

    /// Notes `DB Worker 2 connecting...`, and connects.
    async fn init((id, file): (u32, PathBuf), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker that opens a connection of its own, at each start.
        note(format!("DB Worker {id} connecting..."));
        let connection = Connection::open(file).await?;
        Ok(Init::Ok(DatabaseWorker { id, connection, query_count: 0 }))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Query(sql, reply) => {
                // EXERCISE 1: run it, count it, answer; if it fails, note `Query failed: ` and why, and crash with that.
                match self.connection.run(&sql).await {
                    Ok(answer) => {
                        self.query_count += 1;
                        reply.go(answer)
                    }
                    Err(error) => {
                        note(format!("Query failed: {error}"));
                        Err(error.into())
                    }
                }
                // END
            }
            Call::Ask(query, reply) => {
                // EXERCISE 5: run it, and reply also with what is the caller's fault or nobody's; crash when the connection is broken.
                match self.connection.ask(query).await {
                    Err(error) if error.fault() == Fault::Broken => {
                        note(format!("Connection lost: {error}"));
                        Err(error.into())
                    }
                    answer => {
                        self.query_count += u64::from(answer.is_ok());
                        reply.go(answer)
                    }
                }
                // END
            }
            Call::QueryCount(reply) => reply.go((self.id, self.query_count)),
        }
    }
}

/// The name of worker `id`: its key in [`DB_REGISTRY`].
pub fn worker(id: u32) -> Via<DatabaseWorker, Key> {
    DB_REGISTRY.via(Key::DbWorker(id))
}

/// Starts worker `id` under its name, linked to the caller; it connects to this file.
pub fn start_link(id: u32, file: PathBuf) -> Start<DatabaseWorker> {
    // EXERCISE 1: start it under its name in the registry.
    DatabaseWorker::start_link((id, file)).name(worker(id))
    // END
}

/// Runs a statement on the connection of worker `id`, in the course's way.
///
/// # Errors
/// There is no such worker, or it ended before it answered: by another's doing, or because the
/// statement failed; then the reason is that [`SqlError`].
pub async fn query(id: u32, sql: &str) -> Result<Answer, CallError> {
    // EXERCISE 1: call whoever has the name now.
    worker(id).call(|reply| Call::Query(sql.to_owned(), reply)).await
    // END
}
