//! Drill 8.4: process monitors. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use runtime::{
    Address, Crash, Down, Exit, ExitReason, Message, MonitorRef, Process, note, set_label, spawn,
};
use tokio::time::sleep;

/// The body of a process that takes this label, lives for `lifetime`, and then ends with `reason`.
///
/// # Errors
/// The reason: an error that leaves the body of a process is its exit reason.
pub async fn mortal(
    label: &'static str,
    lifetime: Duration,
    reason: ExitReason,
) -> Result<(), Crash> {
    set_label(label)?;
    sleep(lifetime).await;
    Err(reason.into())
}

/// Spawns a [`mortal`] `target` that ends after `lifetime` with the term `"some_reason"`, and
/// monitors it.
///
/// Gives the DOWN of this monitor; others stay in the mailbox. It is not linked, nothing is trapped.
pub async fn basic_monitor(me: &mut Process, lifetime: Duration) -> Down {
    // EXERCISE 1: monitor a process, and know its DOWN by the monitor's reference.
    let target = spawn(mortal("target", lifetime, ExitReason::other("some_reason")));
    let mref = me.monitor(&target);
    let its_end = me.select(|message| match message {
        Message::Down(down) if down.mref == mref => Ok(*down),
        other => Err(other),
    });
    its_end.await
    // END
}

/// The monitor's half of the comparison: a [`mortal`] `target` ends after `lifetime` with the term
/// `"crash"`.
///
/// Gives the DOWN and notes `still alive`. It is not linked, nothing is trapped.
pub async fn compare_by_monitor(me: &mut Process, lifetime: Duration) -> Down {
    // EXERCISE 2: the same crash, heard in two ways; by a monitor there is nothing to survive.
    let (_, mref) = me.spawn_monitor(mortal("target", lifetime, ExitReason::other("crash")));
    let its_end = me.select(|message| match message {
        Message::Down(down) if down.mref == mref => Ok(*down),
        other => Err(other),
    });
    let down = its_end.await;
    note("still alive");
    down
    // END
}

/// The link's half of the comparison: the same `target`, linked.
///
/// Gives the EXIT and notes `still alive, because trapping`. Traps exits meanwhile, and leaves the
/// flag as it found it.
pub async fn compare_by_link(me: &mut Process, lifetime: Duration) -> Exit {
    // EXERCISE 2: hear of the same crash by a link: trap exits to survive it.
    let former = me.trap_exit(true);
    let target = me.spawn_link(mortal("target", lifetime, ExitReason::other("crash")));
    let its_exit = me.select(|message| match message {
        Message::Exit(exit) if exit.from == target => Ok(*exit),
        other => Err(other),
    });
    let exit = its_exit.await;
    me.trap_exit(former);
    note("still alive, because trapping");
    exit
    // END
}

/// Spawns three [`mortal`]s, `target 1` to `target 3`, with these lifetimes, and monitors all of
/// them; number `i` ends with the term `("finished", i)`, `i` being an `u64`.
///
/// Gives number and reason of each, in the order of their ends, and notes each as it comes, as
/// `1 down: ("finished", 1)`. DOWNs of other monitors stay in the mailbox.
pub async fn monitor_multiple(
    me: &mut Process,
    lifetimes: [Duration; 3],
) -> Vec<(u64, ExitReason)> {
    // EXERCISE 3: monitor many, and know by the reference which of them a DOWN is about.
    let mut watched: HashMap<MonitorRef, u64> = HashMap::new();
    for ((i, label), lifetime) in (1..).zip(["target 1", "target 2", "target 3"]).zip(lifetimes) {
        let (_, mref) =
            me.spawn_monitor(mortal(label, lifetime, ExitReason::other(("finished", i))));
        watched.insert(mref, i);
    }
    let mut ends = Vec::new();
    while !watched.is_empty() {
        let next_end = me.select(|message| match message {
            Message::Down(down) => match watched.remove(&down.mref) {
                Some(i) => Ok((i, down.reason)),
                None => Err(Message::Down(down)),
            },
            other => Err(other),
        });
        let (i, reason) = next_end.await;
        note(format!("{i} down: {reason}"));
        ends.push((i, reason));
    }
    ends
    // END
}

/// Monitors a process, labelled `target`, that sleeps for ever; withdraws the monitor 500 ms later,
/// and kills it then.
///
/// Waits one second for a DOWN of this monitor, and gives it if it comes. Notes, as the course
/// prints: `Monitoring...`, `Stopped monitoring`, `Killed target`, and in the end either
/// `Got DOWN message` or `No DOWN message received`.
pub async fn demonitor_example(me: &mut Process) -> Option<Down> {
    // EXERCISE 4: withdraw a monitor in time, and wait in vain.
    let target = spawn(|me: Process| async move {
        me.set_label("target");
        pending::<()>().await;
    });
    let mref = me.monitor(&target);
    note("Monitoring...");
    sleep(Duration::from_millis(500)).await;
    me.demonitor(mref);
    note("Stopped monitoring");
    target.kill();
    note("Killed target");
    let its_end = me.select(|message| match message {
        Message::Down(down) if down.mref == mref => Ok(*down),
        other => Err(other),
    });
    let down = its_end.timeout(Duration::from_secs(1)).await.ok();
    note(if down.is_some() { "Got DOWN message" } else { "No DOWN message received" });
    down
    // END
}

/// A question to a server: the number to be squared.
#[derive(Clone, Debug)]
pub struct Question {
    /// The number.
    pub number: u64,
    /// Who asks.
    pub from: Address<Answer>,
    /// Which question of theirs it is; goes back with the answer.
    pub mref: MonitorRef,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The question that it answers.
    pub mref: MonitorRef,
    /// The square.
    pub square: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoAnswer {
    /// The server ended before it answered, for this reason, or was not there.
    #[error("the server is down: {0}")]
    Down(ExitReason),
    /// No answer came in time.
    #[error("no answer came in time")]
    TimedOut,
}

/// Asks a server for a square, and waits for `patience` at most: a call, made by hand.
///
/// Afterwards nothing of it is left: no monitor, and no DOWN in the mailbox. What belongs to other
/// questions or other monitors is not touched.
///
/// # Errors
/// [`NoAnswer`].
pub async fn ask(
    me: &mut Process<Answer>,
    server: &Address<Question>,
    number: u64,
    patience: Duration,
) -> Result<u64, NoAnswer> {
    // EXERCISE 5: monitor, ask, wait for the answer or the DOWN, and leave nothing behind.
    let mref = me.monitor(server);
    server.send(Question { number, from: me.address(), mref });
    let answer = me.select(|message| match message {
        Message::User(answer) if answer.mref == mref => Ok(Ok(answer.square)),
        Message::Down(down) if down.mref == mref => Ok(Err(NoAnswer::Down(down.reason))),
        other => Err(other),
    });
    let answer = answer.timeout(patience).await;
    me.demonitor_flush(mref);
    answer.unwrap_or(Err(NoAnswer::TimedOut))
    // END
}

/// What the crash of another process is to be for me.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItsCrash {
    /// None of my business.
    Nothing,
    /// News: I am told with the reason, and go on.
    News,
    /// My end as well.
    MyEnd,
}

/// What ties me to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Nothing at all.
    None,
    /// I monitor it. Whoever wants to end then ends itself when the DOWN comes.
    Monitor,
    /// We are linked, and I do not trap exits.
    Link,
    /// We are linked, and I trap exits.
    TrappedLink,
}

/// The weakest tie that does what is wanted; the weakest first: none, monitor, link, trapped link.
///
/// `its_crash` says what the other's crash is to be for me; `it_falls_with_me` says whether my crash
/// is to be its end. The other process never traps exits.
pub fn choose(its_crash: ItsCrash, it_falls_with_me: bool) -> Tie {
    // EXERCISE 6: the decision guide as a function.
    match (its_crash, it_falls_with_me) {
        (ItsCrash::Nothing, false) => Tie::None,
        (ItsCrash::News | ItsCrash::MyEnd, false) => Tie::Monitor,
        (ItsCrash::MyEnd, true) => Tie::Link,
        (ItsCrash::Nothing | ItsCrash::News, true) => Tie::TrappedLink,
    }
    // END
}
