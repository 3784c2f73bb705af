//! Warm-up 8.1: boom. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::time::Duration;

use runtime::{ExitReason, Message, Process, note, spawn};
use tokio::time::sleep;

/// What the child is sent: the course's `{:boom, reason}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Boom(pub ExitReason);

/// The body of the child: takes the label `child`, waits for a [`Boom`], and ends with the reason
/// that stands in it.
///
/// Whatever else it is sent does not end it.
pub async fn wait_for_boom(mut me: Process<Boom>) -> ExitReason {
    // EXERCISE 1: wait for a boom, and end with exactly the reason that it brings.
    me.set_label("child");
    loop {
        if let Message::User(Boom(reason)) = me.receive().await {
            return reason;
        }
    }
    // END
}

/// The course's session, run by a process that stands in for the shell and does not trap exits.
///
/// Starts the child, linked from its first moment, sends it a [`Boom`] with this reason a second
/// later, and another second later notes `still here`, if it still is.
pub async fn shell(me: &Process, reason: ExitReason) {
    // EXERCISE 2: link a child, send it the boom, and see what becomes of you.
    let child = me.spawn_link(wait_for_boom);
    sleep(Duration::from_secs(1)).await;
    child.send(Boom(reason));
    sleep(Duration::from_secs(1)).await;
    note("still here");
    // END
}

/// Runs [`shell`] in a process of its own, labelled `shell`, waits for its end and tells its reason.
///
/// Whatever becomes of the shell, the caller lives.
pub async fn post_mortem(reason: ExitReason) -> ExitReason {
    // EXERCISE 3: look at the end of the shell from outside, where its crash does not reach you.
    let session = spawn(|me: Process| async move {
        me.set_label("shell");
        shell(&me, reason).await;
    });
    session.join().await
    // END
}
