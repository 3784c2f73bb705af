//! A pool of workers: each job runs in a process of its own, a few at a time, and a job that panics
//! fails alone.

#![allow(clippy::print_stdout)]

use runtime::prelude::*;
use runtime::testing::in_process;

/// What a worker tells whoever waits for it.
struct Done(u64, u64);

fn square(n: u64) -> u64 {
    assert!(n != 3, "nobody likes three");
    n * n
}

async fn pool(mut me: Process<Done>) -> anyhow::Result<u64> {
    let workers = DynamicSupervisor::new().max_children(4).start_link().await?;
    let mut watching = Vec::new();
    for n in 1..=4 {
        let boss = me.address();
        let job = move || {
            let boss = boss.clone();
            async move { boss.send(Done(n, square(n))) }
        };
        let spec = ChildSpec::process(format!("job {n}"), job).restart(Restart::Temporary);
        let worker = workers.start_child(spec).await?.expect("a process does not decline");
        watching.push(me.monitor(worker));
    }
    let mut sum = 0;
    while !watching.is_empty() {
        match me.receive().await {
            Message::User(Done(n, square)) => {
                println!("{n} squared is {square}");
                sum += square;
            }
            Message::Down(down) => watching.retain(|mref| *mref != down.mref),
            _ => {}
        }
    }
    Ok(sum)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("sum without the one that failed: {}", in_process("pool", pool).await??);
    Ok(())
}
