//! The counter on hydra 0.1.

use std::time::Duration;

use hydra::{
    CallError, ChildSpec, ExitReason, From, GenServer, GenServerOptions, Process,
    SupervisionStrategy, Supervisor, SupervisorOptions,
};
use serde::{Deserialize, Serialize};

const NAME: &str = "counter";

#[derive(Debug, Serialize, Deserialize)]
enum CounterMessage {
    Add(u64),
    Get,
    Value(u64),
}

struct Counter(u64);

impl Counter {
    async fn add(n: u64) -> Result<u64, CallError> {
        match Counter::call(NAME, CounterMessage::Add(n), None).await? {
            CounterMessage::Value(value) => Ok(value),
            _ => unreachable!(),
        }
    }

    async fn get() -> Result<u64, CallError> {
        match Counter::call(NAME, CounterMessage::Get, None).await? {
            CounterMessage::Value(value) => Ok(value),
            _ => unreachable!(),
        }
    }

    fn child_spec() -> ChildSpec {
        ChildSpec::new(NAME).start(|| Counter(1).start_link(GenServerOptions::new().name(NAME)))
    }
}

impl GenServer for Counter {
    type Message = CounterMessage;

    async fn init(&mut self) -> Result<(), ExitReason> {
        Ok(())
    }

    async fn handle_call(
        &mut self,
        message: Self::Message,
        _: From,
    ) -> Result<Option<Self::Message>, ExitReason> {
        match message {
            CounterMessage::Add(n) => {
                self.0 = self.0.checked_add(n).expect("the counter overflows");
                Ok(Some(CounterMessage::Value(self.0)))
            }
            CounterMessage::Get => Ok(Some(CounterMessage::Value(self.0))),
            CounterMessage::Value(_) => unreachable!(),
        }
    }
}

#[hydra::main]
async fn main() {
    // Three restarts in five seconds is the default.
    let supervisor = Supervisor::with_children([Counter::child_spec()])
        .strategy(SupervisionStrategy::OneForOne)
        .start_link(SupervisorOptions::new())
        .await
        .expect("the supervisor starts");

    println!("1 + 2 = {}", Counter::add(2).await.expect("the counter answers"));
    let crash = Counter::add(u64::MAX).await;
    println!("crashed: {}", crash.is_err());
    eprintln!("the caller got {crash:?}");

    while Process::whereis(NAME).is_none() {
        Process::sleep(Duration::from_millis(1)).await;
    }
    println!("again: {}", Counter::get().await.expect("the counter answers again"));
    Supervisor::stop(supervisor, ExitReason::Normal, None).await.expect("the supervisor stops");
}
