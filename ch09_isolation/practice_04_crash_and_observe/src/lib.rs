//! Practice 9.4: crash, and observe. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::time::Duration;

use runtime::prelude::*;
use runtime::trace::{Event, What};
use runtime::tree::Tree;
use runtime::{ChildId, SupervisorServer, System, note};
use tokio::time::sleep;

/// The upstream server.
pub static A: Name<KvServer> = Name::new("a");

/// The downstream server.
pub static B: Name<KvServer> = Name::new("b");

/// The supervisor of both.
pub static TREE: Name<SupervisorServer> = Name::new("tree");

/// A store of numbers by key: the one of practice 1, with a crash path.
#[derive(Debug, Default)]
pub struct KvServer(BTreeMap<String, u64>);

/// What a store is asked.
#[derive(Debug)]
pub enum Ask {
    /// For the number under a key.
    Get(String, Reply<Option<u64>>),
}

/// What a store is told.
#[derive(Debug)]
pub enum Tell {
    /// To keep a number under a key.
    Put(String, u64),
    /// To keep the hundredth part of nothing under `crash`, which cannot be computed.
    Crash,
}

impl GenServer for KvServer {
    type Args = ();
    type Call = Ask;
    type Cast = Tell;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(KvServer::default()))
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        let Ask::Get(key, reply) = ask;
        reply.go(self.0.get(&key).copied())
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        match tell {
            Tell::Put(key, number) => drop(self.0.insert(key, number)),
            Tell::Crash => {
                // EXERCISE 1: a crash on purpose: a division by zero, which the compiler must not see.
                self.0.insert("crash".to_owned(), 100 / black_box(0));
                // END
            }
        }
        Ok(Next::Go)
    }
}

/// The tree of practice 3: [`A`] and [`B`], permanent, with at most three restarts in five seconds.
pub fn tree(strategy: Strategy) -> Supervisor {
    Supervisor::new(strategy)
        .intensity(3, Duration::from_secs(5))
        .child(A.child(|| ()))
        .child(B.child(|| ()))
}

/// A restart, as it was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Restarted {
    /// Which child.
    pub child: ChildId,
    /// Which life began: 2 at the first restart.
    pub incarnation: u32,
    /// The process that it was.
    pub old: Pid,
    /// The process that it is.
    pub new: Pid,
    /// Why the old one ended.
    pub reason: ExitReason,
    /// When the new one was there, since the system's start.
    pub at: Duration,
}

/// An end, as it was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// Why.
    pub reason: ExitReason,
    /// When, since the system's start.
    pub at: Duration,
}

/// What was observed of one supervisor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// The restarts of its children, in their order.
    pub restarts: Vec<Restarted>,
    /// The children that ended and were not started again, in the order of their ends.
    pub gone: Vec<(ChildId, Ended)>,
    /// Its own end.
    pub supervisor: Option<Ended>,
}

impl Log {
    /// What the events say of the supervisor `tree`, and of nobody else. They begin before its start.
    pub fn of(tree: Pid, events: &[Event]) -> Self {
        // EXERCISE 2: make a typed log of what happened.
        let mut log = Log::default();
        let mut running: HashMap<Pid, ChildId> = HashMap::new();
        let mut ends: Vec<(Pid, ChildId, Ended)> = Vec::new();
        for Event { at, subject, what } in events {
            match what {
                What::Exited { reason, .. } => {
                    let ended = Ended { reason: reason.clone(), at: *at };
                    if subject.pid == tree {
                        log.supervisor = Some(ended);
                    } else if let Some(child) = running.remove(&subject.pid) {
                        ends.push((subject.pid, child, ended));
                    }
                }
                What::ChildStarted { id, child, .. } if subject.pid == tree => {
                    running.insert(child.pid, id.clone());
                }
                What::ChildRestarted { id, child, incarnation, .. } if subject.pid == tree => {
                    running.insert(child.pid, id.clone());
                    if let Some(last) = ends.iter().position(|(_, ended, _)| ended == id) {
                        let (old, child_id, Ended { reason, .. }) = ends.remove(last);
                        log.restarts.push(Restarted {
                            child: child_id,
                            incarnation: *incarnation,
                            old,
                            new: child.pid,
                            reason,
                            at: *at,
                        });
                    }
                }
                _ => {}
            }
        }
        log.gone = ends.into_iter().map(|(_, child, ended)| (child, ended)).collect();
        log
        // END
    }
}

/// What came of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What was observed, as data.
    pub log: Log,
    /// The tree when it was up, as [`Tree::shape`] draws it.
    pub tree: String,
    /// What happened, as [`Trace::timeline`](runtime::trace::Trace::timeline) draws it.
    pub timeline: String,
}

/// Starts [`TREE`] with this strategy, linked to nobody; crashes one store after the other, each
/// after a pause, and waits until the tree has dealt with that; a second later stops the tree. A
/// tree that has given up is left alone.
///
/// Leaves nobody behind, so that the next experiment can have the same names.
///
/// # Errors
/// The tree did not start, or did not stop.
pub async fn observe(
    strategy: Strategy,
    crashes: &[(Duration, &'static Name<KvServer>)],
) -> Result<Observation, Crash> {
    // EXERCISE 3: the experiment: start a tree, crash its children, record what happens.
    let recorder = System::current().record();
    let tree = tree(strategy).start().name(&TREE).await?;
    let drawn = Tree::of(&tree).map(|tree| tree.shape()).unwrap_or_default();
    for (pause, victim) in crashes {
        sleep(*pause).await;
        let Some(old) = victim.whereis() else { break };
        let end = old.pid().join();
        old.cast(Tell::Crash);
        end.await;
        // The exit is in the tree's mailbox by now, and this question stands behind it.
        if tree.count_children().await.is_err() {
            break;
        }
    }
    if tree.is_alive() {
        sleep(Duration::from_secs(1)).await;
        tree.stop().await?;
    }
    let trace = recorder.trace();
    let log = Log::of(tree.pid(), trace.events());
    Ok(Observation { log, tree: drawn, timeline: trace.timeline() })
    // END
}

/// Crashes `victim` once under each strategy, `one_for_one` first, and says which children were
/// started again, in the order of their restarts.
///
/// # Errors
/// As [`observe`].
pub async fn difference(victim: &'static Name<KvServer>) -> Result<[Vec<ChildId>; 2], Crash> {
    // EXERCISE 4: the same crash under both strategies, one after the other.
    let crash = [(Duration::from_secs(1), victim)];
    let restarted = |seen: Observation| {
        seen.log.restarts.into_iter().map(|restart| restart.child).collect::<Vec<_>>()
    };
    let one_for_one = observe(Strategy::OneForOne, &crash).await?;
    let rest_for_one = observe(Strategy::RestForOne, &crash).await?;
    Ok([restarted(one_for_one), restarted(rest_for_one)])
    // END
}

/// Crashes [`A`] ten times, with this pause before each, and says which crash ended the tree; `None`
/// when none did.
///
/// # Errors
/// As [`observe`].
pub async fn fatal_crash(strategy: Strategy, pause: Duration) -> Result<Option<usize>, Crash> {
    // EXERCISE 5: read from the log which crash was one too many.
    let Log { restarts, supervisor, .. } = observe(strategy, &[(pause, &A); 10]).await?.log;
    let survived = restarts.iter().filter(|restart| *restart.child == *A.as_str()).count();
    let gave_up = supervisor.is_some_and(|end| end.reason == ExitReason::Shutdown);
    Ok(gave_up.then_some(survived + 1))
    // END
}

/// A line to somewhere else. Nothing in this system can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// From when on one can connect, since the system's start.
    pub up_at: Duration,
}

impl Line {
    /// Connects, or fails because the line is down.
    ///
    /// # Errors
    /// `ConnectionRefused`, before its time.
    pub fn connect(self, now: Duration) -> io::Result<()> {
        if now < self.up_at { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
    }
}

/// The message to oneself that it is time to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect;

/// It connects when it runs, and crashes when it cannot.
#[derive(Debug)]
pub struct Eager(Line);

impl GenServer for Eager {
    type Args = Line;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Connect;

    async fn init(line: Line, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Then(Eager(line), Next::Continue(Connect)))
    }

    async fn handle_continue(&mut self, Connect: Connect, cx: &mut Cx<Self>) -> Handled<Self> {
        self.0.connect(cx.system().monotonic_time())?;
        note("connected");
        Ok(Next::Go)
    }
}

/// The first pause of [`delay`].
pub const FIRST: Duration = Duration::from_millis(100);

/// The longest pause of [`delay`].
pub const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait after so many failures in a row, of which there is at least one: [`FIRST`], and
/// twice as long after each further one, but never longer than [`LONGEST`].
pub fn delay(failures: u32) -> Duration {
    // EXERCISE 6: a pause between two tries, which a supervisor does not make.
    let factor = 2u32.saturating_pow(failures.saturating_sub(1));
    FIRST.saturating_mul(factor).min(LONGEST)
    // END
}

/// It connects when it runs, and tries again after a pause when it cannot.
#[derive(Debug)]
pub struct Patient {
    line: Line,
    failures: u32,
}

impl GenServer for Patient {
    type Args = Line;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Connect;

    async fn init(line: Line, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Then(Patient { line, failures: 0 }, Next::Continue(Connect)))
    }

    async fn handle_continue(&mut self, Connect: Connect, cx: &mut Cx<Self>) -> Handled<Self> {
        self.connect(cx);
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, _: Info<Connect>, cx: &mut Cx<Self>) -> Handled<Self> {
        self.connect(cx);
        Ok(Next::Go)
    }
}

impl Patient {
    /// Notes `connected`, or else `no line` and tries again after the [`delay`].
    fn connect(&mut self, cx: &Cx<Self>) {
        // EXERCISE 6: a pause between two tries, which a supervisor does not make.
        if self.line.connect(cx.system().monotonic_time()).is_ok() {
            note("connected");
        } else {
            note("no line");
            self.failures += 1;
            cx.send_after(delay(self.failures), Connect);
        }
        // END
    }
}
