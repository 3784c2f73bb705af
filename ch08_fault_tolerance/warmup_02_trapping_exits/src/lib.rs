//! Warm-up 8.2: trapping exits. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::panic::resume_unwind;
use std::time::Duration;

use runtime::{Exit, ExitReason, Message, Pid, Process, note};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What the child is sent: the course's `{:boom, reason}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Boom(pub ExitReason);

/// The child of warm-up 1, ready: takes the label `child`, and ends with the reason of the boom.
pub async fn wait_for_boom(mut me: Process<Boom>) -> ExitReason {
    me.set_label("child");
    loop {
        if let Message::User(Boom(reason)) = me.receive().await {
            return reason;
        }
    }
}

/// The session of warm-up 1, run by a shell that traps exits from the beginning.
///
/// Starts the child, linked, and sends it a [`Boom`] with this reason a second later. Waits for the
/// exit of this child and leaves every other message in the mailbox, notes `EXIT` and the reason, as
/// in `EXIT normal`, and gives the child's pid and the exit.
pub async fn shell(me: &mut Process, reason: ExitReason) -> (Pid, Exit) {
    // EXERCISE 1: trap exits, send the boom, and take out of the mailbox what comes of it.
    me.trap_exit(true);
    let child = me.spawn_link(wait_for_boom);
    sleep(Duration::from_secs(1)).await;
    child.send(Boom(reason));
    let its_exit = me.select(|message| match message {
        Message::Exit(exit) if exit.from == child => Ok(*exit),
        other => Err(other),
    });
    let exit = its_exit.await;
    note(format!("EXIT {}", exit.reason));
    (child.pid(), exit)
    // END
}

/// How a task of tokio ended, as the one sees it who holds its handle.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It returned `Ok`.
    Done,
    /// It returned this error.
    Failed(String),
    /// It panicked.
    Panicked,
    /// Somebody aborted it.
    Aborted,
}

/// Waits for the end of a task, and tells it as a value: what trapping exits is without processes.
pub async fn end_of(task: JoinHandle<Result<(), String>>) -> End {
    // EXERCISE 2: tell the end of a task of tokio, which is a value from the beginning.
    match task.await {
        Ok(Ok(())) => End::Done,
        Ok(Err(error)) => End::Failed(error),
        Err(gone) if gone.is_panic() => End::Panicked,
        Err(_) => End::Aborted,
    }
    // END
}

/// Waits for the end of a task, and shares it: what a link is without processes.
///
/// # Errors
/// The task's own error, or a text that says that it was aborted.
///
/// # Panics
/// When the task panicked, with the same panic.
pub async fn share_end_of(task: JoinHandle<Result<(), String>>) -> Result<(), String> {
    // EXERCISE 3: hand the end of a task on, whatever it was, as a link does.
    match task.await {
        Ok(end) => end,
        Err(gone) if gone.is_panic() => resume_unwind(gone.into_panic()),
        Err(gone) => Err(gone.to_string()),
    }
    // END
}
