//! Heap allocations per operation, counted exactly.
//!
//! On a current-thread runtime, so that nothing else allocates in between. A program of its own: the
//! counting would slow the other benches down.

#![allow(clippy::print_stdout)]

use std::alloc::System;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use runtime::{
    Crash, Cx, GenServer, Handled, Init, Message, Next, Process, Reply, Server, ServerRef, spawn,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

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
    println!("| cast | {} | {} |", run(cast()), run(tokio_send()));
    println!("| call | {} | {} |", run(in_process(|_| call())), run(tokio_call()));
    println!("| call from a plain task | {} | {} |", run(call()), run(tokio_call()));
    println!(
        "| call with its 5 s default | {} | {} |",
        run(in_process(|_| timed_call())),
        run(tokio_timed_call())
    );
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

/// Answers with the next number.
struct Counter;

enum Ask {
    Next(u64, Reply<u64>),
}

impl GenServer for Counter {
    type Args = ();
    type Call = Ask;
    type Cast = u64;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Self))
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        let Ask::Next(n, reply) = ask;
        reply.send(n + 1);
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, _: u64, _: &mut Cx<Self>) -> Handled<Self> {
        Ok(Next::Go)
    }
}

async fn counter() -> ServerRef<Counter> {
    match Counter::start(()).await {
        Ok(counter) => counter,
        Err(error) => panic!("{error}"),
    }
}

async fn cast() -> Taken {
    let counter = counter().await;
    count!({
        counter.cast(1);
        yield_now().await;
    })
}

async fn call() -> Taken {
    let counter = counter().await;
    count!({
        assert_eq!(counter.call(|reply| Ask::Next(1, reply)).infinity().await, Ok(2));
    })
}

async fn timed_call() -> Taken {
    let counter = counter().await;
    count!({
        assert_eq!(counter.call(|reply| Ask::Next(1, reply)).await, Ok(2));
    })
}

fn tokio_counter() -> UnboundedSender<(u64, oneshot::Sender<u64>)> {
    let (counter, mut inbox) = unbounded_channel::<(u64, oneshot::Sender<u64>)>();
    tokio::spawn(async move {
        while let Some((n, reply)) = inbox.recv().await {
            assert!(reply.send(n + 1).is_ok());
        }
    });
    counter
}

async fn tokio_call() -> Taken {
    let counter = tokio_counter();
    count!({
        let (reply, replied) = oneshot::channel();
        assert!(counter.send((1, reply)).is_ok());
        assert_eq!(replied.await, Ok(2));
    })
}

async fn tokio_timed_call() -> Taken {
    let counter = tokio_counter();
    count!({
        let (reply, replied) = oneshot::channel();
        assert!(counter.send((1, reply)).is_ok());
        assert_eq!(timeout(Duration::from_secs(5), replied).await, Ok(Ok(2)));
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
