//! The counter on kameo 0.22.
//!
//! A name ends with the actor that has it, also when that one is restarted; an `ActorRef` does not.
//! So this program holds the reference, where the others hold the name.

use std::time::Duration;

use kameo::prelude::*;

#[derive(Actor, Clone)]
struct Counter(u64);

#[messages]
impl Counter {
    #[message]
    fn add(&mut self, n: u64) -> u64 {
        self.0 = self.0.checked_add(n).expect("the counter overflows");
        self.0
    }

    #[message]
    fn get(&self) -> u64 {
        self.0
    }
}

// Supervises: one for one is the default.
#[derive(Actor)]
struct Root;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let supervisor = Root::spawn(Root);
    let counter = Counter::supervise(&supervisor, Counter(1))
        .restart_limit(3, Duration::from_secs(5))
        .spawn()
        .await;

    println!("1 + 2 = {}", counter.ask(Add { n: 2 }).await?);
    let crash = counter.ask(Add { n: u64::MAX }).await;
    println!("crashed: {}", crash.is_err());
    eprintln!("the caller got {crash:?}");

    // What is sent meanwhile waits in the mailbox, which is the next incarnation's too.
    println!("again: {}", counter.ask(Get).await?);
    supervisor.stop_gracefully().await?;
    supervisor.wait_for_shutdown().await;
    Ok(())
}
