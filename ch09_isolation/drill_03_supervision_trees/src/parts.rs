//! What runs in the tree. Nothing is to be written here.

use std::collections::BTreeMap;

use runtime::note;
use runtime::prelude::*;

use crate::{CACHE, worker};

/// What the database holds under a key, and which worker has read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: u32,
    /// The id of the worker.
    pub by: u32,
}

/// What every part of the system can be told.
#[derive(Debug)]
pub enum Tell {
    /// To crash, with `crashed on purpose`.
    Crash,
    /// To start a process `helper` that nobody supervises, and that stays: what a server should not
    /// do.
    SpawnHelper,
}

fn obey(tell: &Tell) {
    match tell {
        Tell::Crash => panic!("crashed on purpose"),
        Tell::SpawnHelper => {
            runtime::spawn(async {
                runtime::set_label("helper").ok();
                std::future::pending::<()>().await;
            });
        }
    }
}

/// Reads rows: the course's `MyApp.DatabaseWorker`.
#[derive(Debug)]
pub struct DatabaseWorker {
    id: u32,
}

/// What a database worker is asked.
#[derive(Debug)]
pub enum AskWorker {
    /// For the row under a key.
    Read(u32, Reply<Row>),
}

impl GenServer for DatabaseWorker {
    type Args = u32;
    type Call = AskWorker;
    type Cast = Tell;
    type Info = ();

    /// Notes `worker 1 starting`.
    async fn init(id: u32, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        note(format!("worker {id} starting"));
        Ok(Init::Ok(DatabaseWorker { id }))
    }

    async fn handle_call(&mut self, ask: AskWorker, _: &mut Cx<Self>) -> Handled<Self> {
        let AskWorker::Read(key, reply) = ask;
        reply.go(Row { key, by: self.id })
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        obey(&tell);
        Ok(Next::Go)
    }
}

/// Remembers rows: the course's `MyApp.Cache`. What it does not have it reads from the database: the
/// key 7 from worker 2, since there are three of them, and so on.
#[derive(Debug, Default)]
pub struct Cache(BTreeMap<u32, Row>);

/// What the cache is asked.
#[derive(Debug)]
pub enum AskCache {
    /// For the row under a key, or why there is none.
    Get(u32, Reply<Result<Row, CallError>>),
    /// How many rows it remembers.
    Len(Reply<usize>),
}

impl GenServer for Cache {
    type Args = Cache;
    type Call = AskCache;
    type Cast = Tell;
    type Info = ();

    async fn init(empty: Cache, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(empty))
    }

    async fn handle_call(&mut self, ask: AskCache, _: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            AskCache::Len(reply) => reply.go(self.0.len()),
            AskCache::Get(key, reply) => match self.0.get(&key) {
                Some(row) => reply.go(Ok(row.clone())),
                None => {
                    let read = worker(1 + key % 3).call(|reply| AskWorker::Read(key, reply)).await;
                    if let Ok(row) = &read {
                        self.0.insert(key, row.clone());
                    }
                    reply.go(read)
                }
            },
        }
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        obey(&tell);
        Ok(Next::Go)
    }
}

/// What others ask: the course's `MyApp.API`. It counts what it has answered since it began.
#[derive(Debug, Default)]
pub struct Api(u64);

/// What the API is asked.
#[derive(Debug)]
pub enum AskApi {
    /// For the row under a key, or why there is none.
    Fetch(u32, Reply<Result<Row, CallError>>),
    /// How many rows it was asked for.
    Served(Reply<u64>),
}

impl GenServer for Api {
    type Args = Api;
    type Call = AskApi;
    type Cast = Tell;
    type Info = ();

    async fn init(new: Api, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(new))
    }

    async fn handle_call(&mut self, ask: AskApi, _: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            AskApi::Served(reply) => reply.go(self.0),
            AskApi::Fetch(key, reply) => {
                self.0 += 1;
                let row = CACHE.call(|reply| AskCache::Get(key, reply)).await;
                reply.go(row.and_then(|row| row))
            }
        }
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        obey(&tell);
        Ok(Next::Go)
    }
}
