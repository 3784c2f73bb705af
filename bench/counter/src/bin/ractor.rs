//! The counter on ractor 0.16 and ractor-supervisor 0.2.

use std::time::Duration;

use ractor::concurrency::sleep;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, call_t};
use ractor_supervisor::{
    ChildSpec, Restart, SpawnFn, Supervisor, SupervisorArguments, SupervisorOptions,
    SupervisorStrategy,
};

const NAME: &str = "counter";

struct Counter;

enum CounterMessage {
    Add(u64, RpcReplyPort<u64>),
    Get(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = CounterMessage;
    type State = u64;
    type Arguments = u64;

    async fn pre_start(
        &self,
        _: ActorRef<Self::Msg>,
        start: u64,
    ) -> Result<u64, ActorProcessingErr> {
        Ok(start)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        message: Self::Msg,
        value: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CounterMessage::Add(n, reply) => {
                *value = value.checked_add(n).expect("the counter overflows");
                reply.send(*value)?;
            }
            CounterMessage::Get(reply) => reply.send(*value)?,
        }
        Ok(())
    }
}

async fn spawn_counter(supervisor: ActorCell, id: String) -> Result<ActorCell, SpawnErr> {
    let (counter, _) = Supervisor::spawn_linked(id, Counter, 1, supervisor).await?;
    Ok(counter.get_cell())
}

/// Waits for the name: the supervisor starts its children after it is up itself.
async fn counter() -> ActorRef<CounterMessage> {
    loop {
        if let Some(counter) = ActorRef::where_is(NAME) {
            return counter;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let child = ChildSpec {
        id: NAME.into(),
        restart: Restart::Permanent,
        spawn_fn: SpawnFn::new(spawn_counter),
        backoff_fn: None,
        reset_after: None,
    };
    let options = SupervisorOptions {
        strategy: SupervisorStrategy::OneForOne,
        max_restarts: 3,
        max_window: Duration::from_secs(5),
        reset_after: None,
    };
    let arguments = SupervisorArguments { child_specs: vec![child], options };
    let (supervisor, stopped) = Supervisor::spawn("supervisor".into(), arguments).await?;

    let first = counter().await;
    println!("1 + 2 = {}", call_t!(first, CounterMessage::Add, 5000, 2)?);
    let crash = call_t!(first, CounterMessage::Add, 5000, u64::MAX);
    println!("crashed: {}", crash.is_err());
    eprintln!("the caller got {crash:?}");

    // The caller learns of the crash before the name is free.
    first.wait(None).await?;
    println!("again: {}", call_t!(counter().await, CounterMessage::Get, 5000)?);
    supervisor.stop(None);
    Ok(stopped.await?)
}
