//! The counter on this repository's runtime.

use runtime::testing::eventually;
use runtime::{
    Crash, Cx, GenServer, Handled, Init, Name, Next, Reply, Server, Strategy, Supervisor,
};

struct Counter(u64);

enum Call {
    Add(u64, Reply<u64>),
    Get(Reply<u64>),
}

static COUNTER: Name<Counter> = Name::new("counter");

impl GenServer for Counter {
    type Args = u64;
    type Call = Call;
    type Cast = ();
    type Info = ();

    async fn init(start: u64, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Counter(start)))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Add(n, reply) => {
                self.0 = self.0.checked_add(n).expect("the counter overflows");
                reply.send(self.0);
            }
            Call::Get(reply) => reply.send(self.0),
        }
        Ok(Next::Go)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Three restarts in five seconds is the default.
    let counter = Counter::child(|| 1).name(&COUNTER);
    let supervisor = Supervisor::new(Strategy::OneForOne).child(counter).start().await?;

    println!("1 + 2 = {}", COUNTER.call(|reply| Call::Add(2, reply)).await?);
    let crash = COUNTER.call(|reply| Call::Add(u64::MAX, reply)).await;
    println!("crashed: {}", crash.is_err());
    eprintln!("the caller got {crash:?}");

    eventually(|| COUNTER.whereis().is_some()).await;
    println!("again: {}", COUNTER.call(Call::Get).await?);
    Ok(supervisor.stop().await?)
}
