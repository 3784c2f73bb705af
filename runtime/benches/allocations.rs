//! Heap allocations per operation, counted exactly.
//!
//! On a current-thread runtime, so that nothing else allocates in between. A program of its own: the
//! counting would slow the other benches down.

#![allow(clippy::print_stdout)]

use std::alloc::System;
use std::fmt;
use std::future::Future;

use runtime::{Message, Process, spawn};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::yield_now;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Done as often before the counting: what grows only now and then has grown.
const COUNT: usize = 4096;

/// What one operation took from the heap.
struct Taken {
    hundredths: usize,
    bytes: usize,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hundredths / 100, self.hundredths % 100) {
            (whole, 0) => write!(f, "{whole} | {}", self.bytes),
            (whole, rest) => write!(f, "{whole}.{rest:02} | {}", self.bytes),
        }
    }
}

macro_rules! count {
    ($work:block) => {{
        for _ in 0..COUNT $work
        let region = Region::new(HEAP);
        for _ in 0..COUNT $work
        let change = region.change();
        Taken {
            hundredths: (change.allocations + change.reallocations) * 100 / COUNT,
            bytes: change.bytes_allocated / COUNT,
        }
    }};
}

fn main() {
    println!("| operation | ours: allocations | bytes | tokio: allocations | bytes |");
    println!("|---|---:|---:|---:|---:|");
    println!("| send 8 bytes, receive them | {} | {} |", run(send()), run(tokio_send()));
    println!("| spawn, receive one message, exit | {} | {} |", run(start()), run(tokio_start()));
    println!("| spawn_link, receive one message, exit | {} | - | - |", run(start_linked()));
    println!(
        "| spawn_monitor, receive one message, exit, DOWN | {} | - | - |",
        run(start_watched())
    );
}

fn run(work: impl Future<Output = Taken>) -> Taken {
    match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => panic!("tokio makes no runtime: {error}"),
    }
}

/// What is counted inside of a process.
async fn in_process<F>(work: impl FnOnce(Process) -> F + Send + 'static) -> Taken
where
    F: Future<Output = Taken> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let main = spawn(move |me: Process| async move {
        let _ = answer.send(work(me).await);
    });
    let Ok(taken) = answered.await else { panic!("the process ended: {}", main.join().await) };
    taken
}

async fn send() -> Taken {
    let sink = spawn(|mut me: Process<u64>| async move {
        loop {
            me.receive().await;
        }
    });
    count!({
        sink.send(1);
        yield_now().await;
    })
}

async fn tokio_send() -> Taken {
    let (sink, mut inbox) = unbounded_channel::<u64>();
    tokio::spawn(async move { while inbox.recv().await.is_some() {} });
    count!({
        assert!(sink.send(1).is_ok());
        yield_now().await;
    })
}

async fn once(mut me: Process<u64>) {
    me.receive().await;
}

async fn start() -> Taken {
    count!({
        spawn(once).send(1);
        yield_now().await;
    })
}

async fn tokio_start() -> Taken {
    count!({
        let (sink, mut inbox) = unbounded_channel::<u64>();
        tokio::spawn(async move { inbox.recv().await });
        assert!(sink.send(1).is_ok());
        yield_now().await;
    })
}

async fn start_linked() -> Taken {
    in_process(|me| async move {
        count!({
            me.spawn_link(once).send(1);
            yield_now().await;
        })
    })
    .await
}

async fn start_watched() -> Taken {
    in_process(|mut me| async move {
        count!({
            let (child, mref) = me.spawn_monitor(once);
            child.send(1);
            let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
            assert_eq!(down.mref, mref);
        })
    })
    .await
}
