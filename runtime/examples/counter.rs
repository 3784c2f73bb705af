//! A supervised counter: it crashes, and comes back under the same name with a fresh state.

#![allow(clippy::print_stdout)]

use runtime::{
    Crash, Cx, GenServer, Handled, Init, Name, Next, Reply, Server, Strategy, Supervisor,
};

struct Counter(u64);

enum Call {
    Add(u64, Reply<u64>),
}

static COUNTER: Name<Counter> = Name::new("counter");

impl GenServer for Counter {
    type Args = u64;
    type Call = Call;
    type Cast = ();
    type Info = ();

    async fn init(start: u64, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        println!("counter: starting at {start}");
        Ok(Init::Ok(Counter(start)))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        let Call::Add(n, reply) = call;
        self.0 = self.0.checked_add(n).expect("the counter overflows");
        reply.send(self.0);
        Ok(Next::Go)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let counter = Counter::child(|| 1).name(&COUNTER);
    let supervisor = Supervisor::new(Strategy::OneForOne).child(counter).start().await?;
    println!("1 + 2 = {}", COUNTER.call(|reply| Call::Add(2, reply)).await?);
    println!("too much: {:?}", COUNTER.call(|reply| Call::Add(u64::MAX, reply)).await);
    runtime::testing::eventually(|| COUNTER.whereis().is_some()).await;
    println!("again: {}", COUNTER.call(|reply| Call::Add(0, reply)).await?);
    Ok(supervisor.stop().await?)
}
