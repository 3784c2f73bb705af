//! Warm-up 9.2: a server by a via name. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use runtime::prelude::*;
use runtime::{Registry, Start, Via};

/// Who is found under which key. Runs before any worker is started; the tests start it.
pub static MY_REGISTRY: Registry<String> = Registry::unique("MyRegistry");

/// A worker: what it knows is how many requests it has had in this life.
#[derive(Debug, Default)]
pub struct Worker {
    requests: u32,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// The course's `:some_request`: how many requests is that, in this life?
    SomeRequest(Reply<u32>),
}

impl CallServer for Worker {
    type Call = Call;

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        let Call::SomeRequest(reply) = call;
        self.requests += 1;
        reply.go(self.requests)
    }
}

/// The name of whichever worker is registered under `key`: the course's
/// `{:via, Registry, {MyRegistry, key}}`.
pub fn via(key: &str) -> Via<Worker, String> {
    // EXERCISE 1: make a via name of the registry and the key; nobody is looked up here.
    MY_REGISTRY.via(key.to_owned())
    // END
}

/// Sends the request to the worker that is registered under `key` now, and waits for its answer.
///
/// # Errors
/// Nobody is there, or whoever was there ended before it answered.
pub async fn some_request(key: &str) -> Result<u32, CallError> {
    // EXERCISE 2: call through the via name.
    via(key).call(Call::SomeRequest).await
    // END
}

/// Starts a worker that is registered under `key` before it runs, linked to the caller.
pub fn start_link(key: &str) -> Start<Worker> {
    // EXERCISE 3: start a worker under the same name by which it is called.
    Worker::start_link(Worker::default()).name(via(key))
    // END
}
