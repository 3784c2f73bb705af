//! Practice 9.2: an idle timeout. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Address, ChildCount, SupervisorServer, note};
use tokio::time::timeout;

/// What either store is asked.
#[derive(Debug)]
pub enum Ask {
    /// For the number under a key.
    Get(String, Reply<Option<u64>>),
}

/// What either store is told.
#[derive(Debug)]
pub enum Tell {
    /// To keep a number under a key.
    Put(String, u64),
}

/// The text's store, as it stands: only `init` arms the timeout, and the time of the last request
/// is kept in the user's own map.
#[derive(Debug)]
pub struct AsWritten(BTreeMap<String, u64>);

impl GenServer for AsWritten {
    /// How long it may be idle.
    type Args = Duration;
    type Call = Ask;
    type Cast = Tell;
    type Info = Infallible;

    async fn init(idle: Duration, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: the text's server as it stands, to see what it does.
        let mut store = AsWritten(BTreeMap::new());
        store.touch(cx);
        Ok(Init::Then(store, Next::Idle(idle)))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: the text's server as it stands, to see what it does.
        self.touch(cx);
        let Ask::Get(key, reply) = ask;
        reply.go(self.0.get(&key).copied())
        // END
    }

    async fn handle_cast(&mut self, tell: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: the text's server as it stands, to see what it does.
        self.touch(cx);
        let Tell::Put(key, number) = tell;
        self.0.insert(key, number);
        Ok(Next::Go)
        // END
    }

    async fn handle_info(&mut self, info: Info<Infallible>, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: the text's server as it stands, to see what it does.
        match info {
            Info::Idle => Ok(Next::Stop(ExitReason::Normal)),
            _ => Ok(Next::Go),
        }
        // END
    }
}

impl AsWritten {
    /// Puts the time, in whole milliseconds, under `touched_at`.
    fn touch(&mut self, cx: &Cx<Self>) {
        let now = now(cx).as_millis();
        self.0.insert("touched_at".to_owned(), u64::try_from(now).unwrap_or(u64::MAX));
    }
}

/// The time on the monotonic clock of the server's system.
fn now<S: GenServer>(cx: &Cx<S>) -> Duration {
    cx.system().monotonic_time()
}

/// A store that ends when nobody has asked or told it anything for so long.
///
/// It has started a log, a process that is linked to it and takes a line for each `Put`.
#[derive(Debug)]
pub struct IdleServer {
    /// When it was last asked or told something, or started.
    pub touched_at: Duration,
    /// How long it may be idle.
    idle: Duration,
    values: BTreeMap<String, u64>,
    log: Address<String>,
}

/// The log: it writes down what it is sent, and never ends by itself.
async fn log(mut me: Process<String>) {
    me.set_label("log");
    loop {
        if let Message::User(line) = me.receive().await {
            note(line);
        }
    }
}

impl GenServer for IdleServer {
    /// How long it may be idle.
    type Args = Duration;
    type Call = Ask;
    type Cast = Tell;
    type Info = Infallible;

    async fn init(idle: Duration, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let log = cx.spawn_link(log);
        // EXERCISE 2: a server that ends when it was idle for so long, and not before.
        let server = IdleServer { touched_at: now(cx), idle, values: BTreeMap::new(), log };
        Ok(Init::Then(server, Next::Idle(idle)))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: a server that ends when it was idle for so long, and not before.
        self.touched_at = now(cx);
        let Ask::Get(key, reply) = ask;
        reply.send(self.values.get(&key).copied());
        Ok(Next::Idle(self.idle))
        // END
    }

    async fn handle_cast(&mut self, tell: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: a server that ends when it was idle for so long, and not before.
        self.touched_at = now(cx);
        let Tell::Put(key, number) = tell;
        self.log.send(format!("put {key}"));
        self.values.insert(key, number);
        Ok(Next::Idle(self.idle))
        // END
    }

    /// A message that nobody asked for is no request: it does not end the wait, nor prolong it.
    async fn handle_info(&mut self, info: Info<Infallible>, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: a server that ends when it was idle for so long, and not before.
        match info {
            Info::Idle => Ok(Next::Stop(ExitReason::Normal)),
            _ => {
                let quiet = now(cx).saturating_sub(self.touched_at);
                Ok(Next::Idle(self.idle.saturating_sub(quiet)))
            }
        }
        // END
    }

    /// Ends the log, and waits until it has ended.
    async fn terminate(&mut self, _: &ExitReason, cx: &mut Cx<Self>) {
        // EXERCISE 3: leave nobody behind: a link does not pass on a normal end.
        let end = self.log.join();
        // Without this its exit would come back along the link, before the server has ended.
        cx.unlink(&self.log);
        self.log.exit(ExitReason::Shutdown);
        end.await;
        // END
    }
}

/// The name of the supervisor of exercise 4.
pub static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

/// What became of a supervisor whose only child is an [`IdleServer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It ended, with this reason.
    Ended(ExitReason),
    /// It runs, and has these children.
    Runs(ChildCount),
}

/// Starts [`SUPERVISOR`], linked to nobody, with the defaults of OTP and one child: an
/// [`IdleServer`] with the id `idle_server`, of this restart type, that may be idle for so long. Says
/// what has become of the supervisor after the time `watched`. Leaves nobody behind.
///
/// # Errors
/// The supervisor did not start, or did not answer.
pub async fn fate(restart: Restart, idle: Duration, watched: Duration) -> Result<Fate, Crash> {
    // EXERCISE 4: a supervisor for a child that ends by itself, under each restart type.
    let child = IdleServer::child(move || idle).id("idle_server").restart(restart);
    let supervisor = Supervisor::one_for_one().child(child).start().name(&SUPERVISOR).await?;
    if let Ok(reason) = timeout(watched, supervisor.pid().join()).await {
        return Ok(Fate::Ended(reason));
    }
    let count = supervisor.count_children().await?;
    supervisor.stop().await?;
    Ok(Fate::Runs(count))
    // END
}

/// How a [`Rotator`] comes to its next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The text's way: it returns a timeout with the new state.
    Timeout,
    /// A timer sends it the next tick.
    Timer,
}

/// The message that makes a [`Rotator`] rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick;

/// Three players, of whom the first one has the turn; at each tick it goes to the next one.
///
/// Neither way sends the first tick: `rotator.info(Tick)` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotator {
    by: By,
    period: Duration,
    /// The players; the first one has the turn.
    pub players: VecDeque<char>,
    /// How many ticks came.
    pub ticks: u32,
    /// How often it was told that it is idle instead.
    pub idle: u32,
}

impl GenServer for Rotator {
    type Args = (By, Duration);
    /// For a copy of the state.
    type Call = Reply<Rotator>;
    type Cast = Infallible;
    type Info = Tick;

    async fn init((by, period): (By, Duration), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let players = VecDeque::from(['a', 'b', 'c']);
        Ok(Init::Ok(Rotator { by, period, players, ticks: 0, idle: 0 }))
    }

    async fn handle_call(&mut self, reply: Reply<Rotator>, _: &mut Cx<Self>) -> Handled<Self> {
        reply.go(self.clone())
    }

    async fn handle_info(&mut self, info: Info<Tick>, cx: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 5: periodic work by a returned timeout, as the text has it, and by a timer.
        match info {
            Info::User(Tick) => {
                self.players.rotate_left(1);
                self.ticks += 1;
                match self.by {
                    By::Timeout => return Ok(Next::Idle(self.period)),
                    By::Timer => drop(cx.send_after(self.period, Tick)),
                }
            }
            Info::Idle => self.idle += 1,
            _ => {}
        }
        Ok(Next::Go)
        // END
    }
}
