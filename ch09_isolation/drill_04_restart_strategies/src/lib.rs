//! Drill 9.4: restart strategies. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::ops::RangeInclusive;

use runtime::prelude::*;
use runtime::{Start, StartError, SupervisorRef, SupervisorServer, note};

/// The name of the demo's supervisor, whatever its strategy.
pub static DEMO: Name<SupervisorServer> = Name::new("demo");

/// The name of the worker `id`: `worker_1`.
pub fn name(id: u32) -> Name<DemoWorker> {
    Name::of(format!("worker_{id}"))
}

/// Who has the names of the workers 1, 2 and 3 now.
pub fn pids() -> [Option<Pid>; 3] {
    [1, 2, 3].map(|id| name(id).whereis().map(|worker| worker.pid()))
}

/// A worker that can do nothing but crash.
#[derive(Debug)]
pub struct DemoWorker {
    /// Which worker it is.
    pub id: u32,
}

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To crash. There is no value that it could answer with.
    Crash(Reply<Infallible>),
}

impl GenServer for DemoWorker {
    type Args = u32;
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;

    /// Notes `Worker 1 starting`.
    async fn init(id: u32, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker with a name of its own, that says when a life of it begins.
        note(format!("Worker {id} starting"));
        Ok(Init::Ok(DemoWorker { id }))
        // END
    }

    /// Panics with `Intentional crash!`.
    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: a request to crash, and a caller that survives it.
        let Call::Crash(_reply) = call;
        panic!("Intentional crash!");
        // END
    }
}

/// Starts the worker `id` under its name, linked to the caller.
pub fn start_link(id: u32) -> Start<DemoWorker> {
    // EXERCISE 1: start it under its name.
    DemoWorker::start_link(id).name(&name(id))
    // END
}

/// Asks the worker `id` to crash, and says what came instead of an answer.
pub async fn crash(id: u32) -> CallError {
    // EXERCISE 2: call it, and live on: the end of the worker is a value.
    let Err(error) = name(id).call(Call::Crash).await;
    error
    // END
}

/// Starts a supervisor with this strategy, named [`DEMO`] and linked to the caller, of the workers
/// 1, 2 and 3. All are permanent; three restarts in five seconds.
///
/// # Errors
/// A name is taken: another demo runs.
pub async fn start_demo(strategy: Strategy) -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: three workers under one supervisor, with the strategy that you are given.
    let workers = [1, 2, 3].map(|id| name(id).child(move || id).into());
    Supervisor::new(strategy).children(workers).start_link().name(&DEMO).await
    // END
}

/// One experiment: starts the demo, crashes the victims one after the other, and says for each of
/// these crashes which workers are another process afterwards. Leaves nobody behind.
///
/// Three victims at most: a fourth crash would be one too many.
///
/// # Errors
/// The demo did not start, or ended by itself.
pub async fn experiment(strategy: Strategy, victims: &[u32]) -> Result<Vec<Vec<u32>>, Crash> {
    // EXERCISE 4: crash one worker after the other, see who is new, and clear away the demo.
    let demo = start_demo(strategy).await?;
    let mut restarted = Vec::new();
    for &victim in victims {
        let before = pids();
        crash(victim).await;
        name(victim).up().await?;
        // The supervisor answers when the whole group is up, and not before.
        demo.count_children().await?;
        let new = before.iter().zip(pids()).map(|(before, now)| *before != now);
        restarted.push((1..).zip(new).filter_map(|(id, new)| new.then_some(id)).collect());
    }
    demo.stop().await?;
    Ok(restarted)
    // END
}

/// Which children get a new process when the child at the place `victim` crashes. The children
/// stand at the places 1 to `count`, in the order of their start.
pub fn who_restarts(strategy: Strategy, victim: u32, count: u32) -> RangeInclusive<u32> {
    // EXERCISE 5: say beforehand who is started again.
    match strategy {
        Strategy::OneForOne => victim..=victim,
        Strategy::OneForAll => 1..=count,
        Strategy::RestForOne => victim..=count,
    }
    // END
}

/// Where the tickets come from.
pub static PRINTER: Name<Printer> = Name::new("printer");

/// Where the tickets are sold.
pub static DESK: Name<Desk> = Name::new("desk");

/// Prints tickets: each has the next number. It knows the last one.
#[derive(Debug, Default)]
pub struct Printer(u64);

/// What the printer is asked.
#[derive(Debug)]
pub enum Print {
    /// To print one ticket, and tell its number.
    Ticket(Reply<u64>),
    /// To crash.
    Jam(Reply<Infallible>),
}

impl CallServer for Printer {
    type Call = Print;

    async fn handle_call(&mut self, call: Print, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Print::Ticket(reply) => {
                self.0 += 1;
                reply.go(self.0)
            }
            Print::Jam(_) => panic!("paper jam"),
        }
    }
}

/// Sells tickets. It looks the printer up when it starts, and keeps the reference.
#[derive(Debug)]
pub struct Desk(ServerRef<Printer>);

/// What the desk is asked.
#[derive(Debug)]
pub enum Sell {
    /// To sell one ticket, and tell its number, or why there is none.
    Ticket(Reply<Result<u64, CallError>>),
    /// To crash.
    Fall(Reply<Infallible>),
}

impl GenServer for Desk {
    type Args = ();
    type Call = Sell;
    type Cast = Infallible;
    type Info = Infallible;

    /// Fails with `NoProc` when there is no printer.
    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let printer = PRINTER.whereis().ok_or(CallError::NoProc)?;
        Ok(Init::Ok(Desk(printer)))
    }

    async fn handle_call(&mut self, call: Sell, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Sell::Ticket(reply) => reply.go(self.0.call(Print::Ticket).await),
            Sell::Fall(_) => panic!("the desk fell over"),
        }
    }
}

/// Starts a box office: a supervisor, linked to the caller, of [`PRINTER`] and [`DESK`].
///
/// The desk must never hold a printer that is no more, and no two tickets may have one number
/// because a desk fell over. Neither server is to be changed.
///
/// # Errors
/// A name is taken.
pub async fn start_box_office() -> Result<SupervisorRef, StartError> {
    // EXERCISE 6: choose strategy and order for two servers of which one needs the other.
    Supervisor::rest_for_one()
        .child(PRINTER.child(Printer::default))
        .child(DESK.child(|| ()))
        .start_link()
        .await
    // END
}
