//! Practice 9.3: two trees. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{ChildId, StartError, SupervisorRef, SupervisorServer};

/// The upstream server.
pub static A: Name<KvServer> = Name::new("a");

/// The downstream server.
pub static B: Name<KvServer> = Name::new("b");

/// The name of the tree of exercise 2.
pub static TREE_ONE_FOR_ONE: Name<SupervisorServer> = Name::new("tree_one_for_one");

/// The name of the tree of exercise 3.
pub static TREE_REST_FOR_ONE: Name<SupervisorServer> = Name::new("tree_rest_for_one");

/// A store of numbers by key: the one of practice 1, with two casts that do harm.
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
    /// To crash, with `crashed on purpose`.
    Crash,
    /// To link itself to another process: what a worker should not do.
    LinkTo(Pid),
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

    async fn handle_cast(&mut self, tell: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        match tell {
            Tell::Put(key, number) => drop(self.0.insert(key, number)),
            Tell::Crash => panic!("crashed on purpose"),
            Tell::LinkTo(pid) => cx.link(pid)?,
        }
        Ok(Next::Go)
    }
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was made, and is not paid.
    New,
    /// It is paid, and not shipped.
    Paid,
}

/// What happens to an order. It ends with `Normal` when it is shipped, and crashes when something
/// happens to it that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody pays it.
    Pay,
    /// Somebody ships it.
    Ship,
}

/// A state machine: an order, from its making to its shipping.
#[derive(Debug)]
pub struct Order(Stage);

/// What an order is asked: how far it is.
pub type AskStage = Reply<Stage>;

/// The store of exercise 4.
pub static STORE: Name<KvServer> = Name::new("store");

/// The state machine of exercise 4.
pub static FSM: Name<Order> = Name::new("fsm");

impl GenServer for Order {
    type Args = ();
    type Call = AskStage;
    type Cast = Event;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Order(Stage::New)))
    }

    async fn handle_call(&mut self, reply: AskStage, _: &mut Cx<Self>) -> Handled<Self> {
        reply.go(self.0)
    }

    async fn handle_cast(&mut self, event: Event, _: &mut Cx<Self>) -> Handled<Self> {
        match (self.0, event) {
            (Stage::New, Event::Pay) => self.0 = Stage::Paid,
            (Stage::Paid, Event::Ship) => return Ok(Next::Stop(ExitReason::Normal)),
            (stage, event) => panic!("{event:?} cannot happen to an order that is {stage:?}"),
        }
        Ok(Next::Go)
    }
}

/// Starts the course's list as it stands, with the ids that Elixir gives: for [`A`] and for [`B`]
/// it is `KvServer`, the module. Not linked to the caller, which the refusal is not to hurt.
///
/// # Errors
/// Always.
pub async fn start_as_written(strategy: Strategy) -> Result<SupervisorRef, StartError> {
    // EXERCISE 1: start the course's list as Elixir reads it, and see it refused.
    Supervisor::new(strategy)
        .child(A.child(|| ()).id("KvServer"))
        .child(B.child(|| ()).id("KvServer"))
        .start()
        .await
    // END
}

/// Starts [`TREE_ONE_FOR_ONE`], linked to the caller: [`A`] and [`B`], with the ids `a` and `b`;
/// at most three restarts in five seconds.
///
/// # Errors
/// A name is taken.
pub async fn start_one_for_one() -> Result<SupervisorRef, StartError> {
    // EXERCISE 2: two servers that do not need each other.
    Supervisor::one_for_one()
        .intensity(3, Duration::from_secs(5))
        .child(A.child(|| ()))
        .child(B.child(|| ()))
        .start_link()
        .name(&TREE_ONE_FOR_ONE)
        .await
    // END
}

/// Starts [`TREE_REST_FOR_ONE`], linked to the caller: the same, but [`B`] is downstream of [`A`],
/// and falls with it.
///
/// # Errors
/// A name is taken.
pub async fn start_rest_for_one() -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: the same two servers, of which the second one needs the first one.
    Supervisor::rest_for_one()
        .intensity(3, Duration::from_secs(5))
        .child(A.child(|| ()))
        .child(B.child(|| ()))
        .start_link()
        .name(&TREE_REST_FOR_ONE)
        .await
    // END
}

/// Starts the tree of the summary, linked to the caller: [`STORE`], which is permanent, and [`FSM`],
/// which is transient, under one for one; at most three restarts in ten seconds.
///
/// # Errors
/// A name is taken.
pub async fn start_store_and_machine() -> Result<SupervisorRef, StartError> {
    // EXERCISE 4: a store that is there for ever, and a machine that may come to its end.
    Supervisor::one_for_one()
        .intensity(3, Duration::from_secs(10))
        .child(STORE.child(|| ()))
        .child(FSM.child(|| ()).restart(Restart::Transient))
        .start_link()
        .await
    // END
}

/// Crashes the store `victim`, a child of `tree`, waits until the tree has dealt with it, and gives
/// the ids of the children that are another process than before, in the order of their start.
///
/// # Errors
/// The tree has ended, or ended because of this crash.
pub async fn crash_and_see(
    tree: &SupervisorRef,
    victim: &Name<KvServer>,
) -> Result<Vec<ChildId>, Crash> {
    // EXERCISE 5: crash one of them, and say which are new.
    let before = tree.which_children().await?;
    let Some(old) = victim.whereis() else { return Err(CallError::NoProc.into()) };
    let end = old.pid().join();
    victim.cast(Tell::Crash);
    end.await;
    // The exit is in the tree's mailbox by now, and this question stands behind it.
    let after = tree.which_children().await?;
    let pairs = before.iter().zip(&after).rev();
    Ok(pairs.filter(|(old, new)| old != new).map(|(old, _)| old.id.clone()).collect())
    // END
}
