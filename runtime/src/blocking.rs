//! Work that may keep a thread: files, a database, a long computation.

use std::any::Any;
use std::future::pending;
use std::panic::resume_unwind;

use crate::ambient::{Payload, catch, current_pid, panic_info};
use crate::attempt::Unwind;
use crate::pid::Pid;
use crate::rt;
use crate::sync::Arc;

/// Runs `work` on a thread of its own, which it may keep as long as it likes, and gives what it
/// comes to. As the body of a process, or in the middle of one.
///
/// A process shares its thread with others: whatever waits there, or computes for more than a
/// moment, keeps them waiting, and its own kill as well. This is where such work belongs.
///
/// ```
/// use runtime::{ExitReason, blocking, spawn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let lines = blocking(|| std::fs::read_to_string("Cargo.toml").map(|text| text.lines().count()));
/// assert!(lines.await.is_ok_and(|count| count > 3));
///
/// let broken = spawn(blocking(|| {
///     let nothing: [u8; 0] = [];
///     nothing.first().map(|_| ()).expect("there is one");
/// }));
/// let ExitReason::Panic(panic) = broken.join().await else { panic!("it is as in any process") };
/// assert_eq!(panic.message(), "there is one");
/// # }
/// ```
///
/// The thread is one of tokio's, which are up to 512 unless the runtime was built otherwise; more
/// work waits until one is free.
///
/// Inside of `work` there is no current process: what needs one answers
/// [`NotInProcess`](crate::NotInProcess).
///
/// # Panics
/// When `work` panics; with its message and its place. An [`exit`](crate::exit) or a
/// [`throw`](crate::throw()) in it goes on here as well.
///
/// Cancellation: whoever waits is free at once, also when its process is killed. A thread cannot be
/// stopped: `work` goes on, and what it comes to is dropped. Give it something to look at if it is
/// to end early.
///
/// Differs from OTP: the BEAM has dirty schedulers, for native code only; a process that computes is
/// preempted there.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match rt::spawn_blocking(move || catch(work).map_err(portable)).await {
        Some(Ok(value)) => value,
        Some(Err(payload)) => resume_unwind(for_here(payload)),
        // The tokio runtime is going down, and this future with it.
        None => pending().await,
    }
}

/// What unwound, with what only its own thread knows of it.
fn portable(payload: Payload) -> Payload {
    if payload.is::<Unwind>() {
        return payload;
    }
    Box::new(Unwind::Panic(Arc::new(panic_info(payload))))
}

/// Outside of processes nobody knows our own payloads: there a panic is its message.
fn for_here(payload: Payload) -> Payload {
    let in_process = current_pid() != Pid::OUTSIDE;
    let message = match payload.downcast_ref() {
        Some(Unwind::Panic(info)) if !in_process => info.message().to_owned(),
        _ => return payload,
    };
    Box::<dyn Any + Send>::from(Box::new(message))
}
