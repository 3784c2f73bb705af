//! The to-do system of `docs/FROM_ELIXIR.md`, which shows these lines beside the ones in Elixir.

#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{ChildError, Registry, Start, StartError, SupervisorServer, Via};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Worker(u32),
    List(String),
}

static REGISTRY: Registry<Key> = Registry::unique("todo registry");

fn worker(list: &str) -> Via<Worker, Key> {
    let sum: u32 = list.bytes().map(u32::from).sum();
    REGISTRY.via(Key::Worker(sum % 3 + 1))
}

struct Worker(HashMap<String, Vec<String>>);

enum WorkerCall {
    Put(String, Vec<String>, Reply<()>),
    Get(String, Reply<Vec<String>>),
}

impl CallServer for Worker {
    type Call = WorkerCall;

    async fn handle_call(&mut self, call: WorkerCall, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            WorkerCall::Put(key, list, reply) => {
                self.0.insert(key, list);
                reply.go(())
            }
            WorkerCall::Get(key, reply) => reply.go(self.0.get(&key).cloned().unwrap_or_default()),
        }
    }
}

fn database() -> Supervisor {
    let worker = |n| {
        let name = REGISTRY.via(Key::Worker(n));
        Worker::child(|| Worker(HashMap::new())).name(name).id(format!("worker {n}")).into()
    };
    Supervisor::one_for_one().children((1..=3).map(worker))
}

struct List {
    name: String,
    entries: Vec<String>,
}

enum ListCall {
    Add(String, Reply<()>),
    Entries(Reply<Vec<String>>),
}

impl GenServer for List {
    type Args = String;
    type Call = ListCall;
    type Cast = ();
    type Info = ();

    const RESTART: Restart = Restart::Temporary;

    async fn init(name: String, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let entries = worker(&name).call(|reply| WorkerCall::Get(name.clone(), reply)).await?;
        Ok(Init::Ok(List { name, entries }))
    }

    async fn handle_call(&mut self, call: ListCall, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            ListCall::Add(entry, reply) => {
                let mut entries = self.entries.clone();
                entries.push(entry);
                let (key, list) = (self.name.clone(), entries.clone());
                worker(&self.name).call(|reply| WorkerCall::Put(key, list, reply)).await?;
                self.entries = entries;
                reply.go(())
            }
            ListCall::Entries(reply) => reply.go(self.entries.clone()),
        }
    }
}

static CACHE: Name<runtime::DynamicSupervisorServer> = Name::new("cache");

async fn server_process(list: &str) -> Result<ServerRef<List>, ChildError> {
    let (name, via) = (list.to_owned(), REGISTRY.via(Key::List(list.to_owned())));
    let child = List::child(move || name.clone()).name(via);
    let pid = match CACHE.start_child(child).await {
        Err(ChildError::Start(StartError::AlreadyStarted(pid))) => pid,
        started => started?.expect("a list does not decline"),
    };
    Ok(ServerRef::of_pid(pid).expect("the key belongs to lists"))
}

static SYSTEM: Name<SupervisorServer> = Name::new("system");

fn system() -> Start<SupervisorServer> {
    Supervisor::rest_for_one()
        .intensity(3, Duration::from_secs(5))
        .child(REGISTRY.child())
        .child(database().into_child("database"))
        .child(DynamicSupervisor::new().into_child(&CACHE))
        .start()
        .name(&SYSTEM)
}

#[tokio::main]
pub(crate) async fn main() -> anyhow::Result<()> {
    let system = system().await?;

    let alice = server_process("Alice").await?;
    alice.call(|reply| ListCall::Add("Audit".to_owned(), reply)).await?;

    alice.pid().kill();
    alice.pid().join().await;

    let again = server_process("Alice").await?;
    assert_ne!(again.pid(), alice.pid());
    println!("{:?}", again.call(ListCall::Entries).await?);

    system.stop().await?;
    Ok(())
}
