//! Drill 8.3: process links. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::future::pending;
use std::time::Duration;

use runtime::{
    ExitReason, LinkError, Message, NoProc, Pid, Process, ReceiveTimedOut, link, note, set_label,
    spawn,
};
use tokio::time::sleep;

/// What a parent heard of its child before its patience ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The child ended, for this reason: the course's `:child_died`.
    ChildDied(ExitReason),
    /// Nothing came in time: the course's `:timeout`.
    Timeout,
}

/// A parent that does not trap exits, and a child that crashes.
///
/// The child takes the label `child`, notes `started`, sleeps for `lifetime` and panics. The parent
/// sleeps for two seconds and notes `still alive`, if it still is.
///
/// # Panics
/// The child does, with `Child crashed!`, and takes the caller along.
pub async fn linked_crash(me: &Process, lifetime: Duration) {
    // EXERCISE 1: link a crashing child from its first moment, and die with it.
    me.spawn_link(move |me: Process| async move {
        me.set_label("child");
        note("started");
        sleep(lifetime).await;
        panic!("Child crashed!");
    });
    sleep(Duration::from_secs(2)).await;
    note("still alive");
    // END
}

/// A parent that traps exits, and a linked child, labelled `child`, that panics after `lifetime`.
///
/// The parent waits for three seconds at most. It listens to the exit of this child and no other.
///
/// # Panics
/// The child does, with `Child crashed!`; the caller lives on.
pub async fn trap_exit_example(me: &mut Process, lifetime: Duration) -> Heard {
    // EXERCISE 2: trap exits, so that the crash of the child is a message and not your end.
    me.trap_exit(true);
    let child = me.spawn_link(move |me: Process| async move {
        me.set_label("child");
        sleep(lifetime).await;
        panic!("Child crashed!");
    });
    let its_exit = me.select(|message| match message {
        Message::Exit(exit) if exit.from == child => Ok(exit.reason),
        other => Err(other),
    });
    match its_exit.timeout(Duration::from_secs(3)).await {
        Ok(reason) => Heard::ChildDied(reason),
        Err(ReceiveTimedOut) => Heard::Timeout,
    }
    // END
}

/// Three children that sleep for ever, each linked to the trapping parent and to nobody else; their
/// labels are `first`, `second` and `third`.
///
/// Kills the one with the index `victim` after 100 ms, and says 100 ms later of each, in the order
/// of their start, whether it is alive. Leaves nobody behind: in the end it sends each a `Shutdown`.
pub async fn chain_reaction(me: &Process, victim: usize) -> [bool; 3] {
    // EXERCISE 3: link three children to the parent, which makes a star, and kill one.
    me.trap_exit(true);
    let pids = ["first", "second", "third"].map(|label| {
        let sleeper = move |me: Process| async move {
            me.set_label(label);
            pending::<()>().await;
        };
        me.spawn_link(sleeper).pid()
    });
    sleep(Duration::from_millis(100)).await;
    pids[victim].kill();
    sleep(Duration::from_millis(100)).await;
    let alive = pids.map(Pid::is_alive);
    for pid in pids {
        pid.exit(ExitReason::Shutdown);
    }
    alive
    // END
}

/// A chain: the first process is linked to the trapping parent, each of the others to the one
/// before it.
///
/// Labels, kills and reports as [`chain_reaction`] does.
pub async fn real_chain(me: &Process, victim: usize) -> [bool; 3] {
    // EXERCISE 4: link each process to the one before, which makes a chain, and kill one.
    async fn held_by(neighbour: Pid, label: &'static str) -> Result<(), LinkError> {
        set_label(label)?;
        link(neighbour)?;
        pending().await
    }
    me.trap_exit(true);
    let first = spawn(held_by(me.pid(), "first")).pid();
    let second = spawn(held_by(first, "second")).pid();
    let third = spawn(held_by(second, "third")).pid();
    let pids = [first, second, third];
    sleep(Duration::from_millis(100)).await;
    pids[victim].kill();
    sleep(Duration::from_millis(100)).await;
    pids.map(Pid::is_alive)
    // END
}

/// A parent that traps exits, and a linked child, labelled `child`, that is done after `lifetime`.
///
/// The parent waits for two seconds at most.
pub async fn normal_exit_link(me: &mut Process, lifetime: Duration) -> Heard {
    // EXERCISE 5: hear of a child that is simply done: who traps exits is told of that, too.
    me.trap_exit(true);
    let child = me.spawn_link(move |me: Process| async move {
        me.set_label("child");
        sleep(lifetime).await;
    });
    let its_exit = me.select(|message| match message {
        Message::Exit(exit) if exit.from == child => Ok(exit.reason),
        other => Err(other),
    });
    match its_exit.timeout(Duration::from_secs(2)).await {
        Ok(reason) => Heard::ChildDied(reason),
        Err(ReceiveTimedOut) => Heard::Timeout,
    }
    // END
}

/// The body of a process that traps nothing, and links itself to each pid that it is sent.
///
/// # Errors
/// [`NoProc`] when the pid's process has ended; the linker ends with this error.
pub async fn linker(mut me: Process<Pid>) -> Result<(), NoProc> {
    // EXERCISE 6: link two processes that run already; either of them can do it.
    loop {
        if let Message::User(peer) = me.receive().await {
            me.link(peer)?;
        }
    }
    // END
}
