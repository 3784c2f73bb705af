//! Resident bytes of one idle process: unnamed, started, waiting for its first message, linked to
//! one parent; beside a tokio task that waits on an unbounded channel of its own.
//!
//! Each figure comes from a program of its own: this one, started again. Linux only.

#![allow(clippy::print_stdout)]

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use runtime::{Process, spawn};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::yield_now;

#[path = "workloads/side.rs"]
mod side;

use side::{Side, two_workers};

/// What a small server may be asked: 24 bytes.
#[derive(Debug)]
enum Request {
    Add(u64, u64),
    Sum(oneshot::Sender<u64>),
}

/// Tells the program that it is to measure, what, and with how many.
const ORDER: &str = "IDLE_MEMORY";

/// At a million, by the design.
const BAR: u64 = 800;

static STARTED: AtomicU64 = AtomicU64::new(0);

fn main() {
    if !cfg!(target_os = "linux") {
        println!("idle memory is read from /proc/self/status, which only Linux has");
        return;
    }
    if let Ok(order) = std::env::var(ORDER) {
        println!("{}", carry_out(&order));
        return;
    }
    // Without it this is `cargo test`: only to see that it works.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let counts = if measuring { [100_000, 1_000_000] } else { [1_000, 2_000] };
    println!("| idle processes | ours, bytes each | tokio, bytes each | ratio | bar, bytes |");
    println!("|---:|---:|---:|---:|---:|");
    for count in counts {
        let [ours, tokio] = [Side::Ours, Side::Tokio].map(|side| ask(side, count));
        let percent = ours * 100 / tokio.max(1);
        println!("| {count} | {ours} | {tokio} | {}.{:02} | {BAR} |", percent / 100, percent % 100);
    }
}

/// Lets a fresh program measure.
fn ask(side: Side, count: u64) -> u64 {
    let answer = std::env::current_exe()
        .and_then(|program| Command::new(program).env(ORDER, format!("{side} {count}")).output());
    let answer = match answer {
        Ok(answer) => String::from_utf8_lossy(&answer.stdout).trim().parse(),
        Err(error) => panic!("{side}, {count}: {error}"),
    };
    match answer {
        Ok(bytes) => bytes,
        Err(error) => panic!("{side}, {count}: {error}"),
    }
}

fn carry_out(order: &str) -> u64 {
    let Some((side, count)) = order.split_once(' ') else { panic!("{ORDER}: {order:?}") };
    let Ok(count) = count.parse() else { panic!("{ORDER}: {order:?}") };
    let runtime = two_workers();
    let bytes = if side == Side::Ours.to_string() {
        runtime.block_on(runtime.spawn(processes(count)))
    } else {
        runtime.block_on(runtime.spawn(tasks(count)))
    };
    match bytes {
        Ok(bytes) => bytes,
        Err(error) => panic!("{order}: {error}"),
    }
}

fn handle(sum: &mut u64, request: Request) {
    match request {
        Request::Add(one, other) => *sum += one + other,
        Request::Sum(reply) => {
            let _ = reply.send(*sum);
        }
    }
}

async fn processes(count: u64) -> u64 {
    let (answer, answered) = oneshot::channel();
    let parent = spawn(move |me: Process| async move {
        let before = resident_bytes();
        let mut children = Vec::new();
        for _ in 0..count {
            children.push(me.spawn_link(|mut me: Process<Request>| async move {
                STARTED.fetch_add(1, Ordering::AcqRel);
                let mut sum = 0;
                while let Ok(request) = me.receive().await.into_user() {
                    handle(&mut sum, request);
                }
            }));
        }
        everybody_has_started(count).await;
        let bytes = (resident_bytes() - before) / count;
        // One of them is asked: the compiler cannot take the others for idle for ever.
        let (reply, replied) = oneshot::channel();
        children[0].send(Request::Add(1, 2));
        children[0].send(Request::Sum(reply));
        assert_eq!(replied.await, Ok(3));
        let _ = answer.send(bytes);
    });
    let Ok(bytes) = answered.await else { panic!("the parent ended: {}", parent.join().await) };
    bytes
}

async fn tasks(count: u64) -> u64 {
    let before = resident_bytes();
    let mut children = Vec::new();
    for _ in 0..count {
        let (to_child, mut inbox) = unbounded_channel::<Request>();
        tokio::spawn(async move {
            STARTED.fetch_add(1, Ordering::AcqRel);
            let mut sum = 0;
            while let Some(request) = inbox.recv().await {
                handle(&mut sum, request);
            }
        });
        children.push(to_child);
    }
    everybody_has_started(count).await;
    let bytes = (resident_bytes() - before) / count;
    let (reply, replied) = oneshot::channel();
    for request in [Request::Add(1, 2), Request::Sum(reply)] {
        assert!(children[0].send(request).is_ok());
    }
    assert_eq!(replied.await, Ok(3));
    bytes
}

async fn everybody_has_started(count: u64) {
    while STARTED.load(Ordering::Acquire) < count {
        yield_now().await;
    }
}

fn resident_bytes() -> u64 {
    let status = match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => status,
        Err(error) => panic!("/proc/self/status: {error}"),
    };
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    match kilobytes {
        Some(kilobytes) => kilobytes * 1024,
        None => panic!("no VmRSS in {status}"),
    }
}
