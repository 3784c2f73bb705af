//! The counter on this repository's runtime.

use runtime::prelude::*;

struct Counter(u64);

enum Call {
    Add(u64, Reply<u64>),
    Get(Reply<u64>),
}

static COUNTER: Name<Counter> = Name::new("counter");

impl CallServer for Counter {
    type Call = Call;

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Add(n, reply) => {
                self.0 = self.0.checked_add(n).expect("the counter overflows");
                reply.go(self.0)
            }
            Call::Get(reply) => reply.go(self.0),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Three restarts in five seconds is the default.
    let supervisor = Supervisor::one_for_one().child(COUNTER.child(|| Counter(1))).start().await?;

    println!("1 + 2 = {}", COUNTER.call(|reply| Call::Add(2, reply)).await?);
    let crash = COUNTER.call(|reply| Call::Add(u64::MAX, reply)).await;
    println!("crashed: {}", crash.is_err());
    eprintln!("the caller got {crash:?}");

    println!("again: {}", COUNTER.up().await?.call(Call::Get).await?);
    Ok(supervisor.stop().await?)
}
