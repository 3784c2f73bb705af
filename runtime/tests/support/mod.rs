//! What the tests of this folder share.

#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::fmt::Debug;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use runtime::{ExitReason, Message, Pid, Process, Target};

/// Nothing came for this long on a paused clock: nothing will.
const QUIET: Duration = Duration::from_secs(1);

/// An empty mailbox, or log.
pub(crate) const NOTHING: [&str; 0] = [];

/// No links, or monitors.
pub(crate) const NOBODY: [Pid; 0] = [];

/// Virtual milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Receives until a virtual second has passed without a message.
pub(crate) async fn receive_all<M: Send + 'static>(me: &mut Process<M>) -> Vec<Message<M>> {
    let mut all = Vec::new();
    while let Ok(message) = me.receive().timeout(QUIET).await {
        all.push(message);
    }
    all
}

/// The whole mailbox, one line per message, with these words for these pids.
pub(crate) async fn drain<M>(me: &mut Process<M>, who: &[(&str, Pid)]) -> Vec<String>
where
    M: Debug + Send + 'static,
{
    receive_all(me).await.iter().map(|message| show(message, who)).collect()
}

/// `EXIT child "oops"`, `DOWN child killed`, `timeout "tick"`; a user message is its own `Debug`.
pub(crate) fn show<M: Debug>(message: &Message<M>, who: &[(&str, Pid)]) -> String {
    let word = |pid: Pid| {
        let known = who.iter().find(|(_, known)| *known == pid);
        known.map_or_else(|| pid.to_string(), |(word, _)| (*word).to_owned())
    };
    match message {
        Message::User(message) => format!("{message:?}"),
        Message::Exit(exit) => format!("EXIT {} {}", word(exit.from), brief(&exit.reason)),
        Message::Down(down) => {
            let target = match &down.target {
                Target::Pid(pid) => word(*pid),
                Target::Name(name) => format!("the name {name}"),
            };
            format!("DOWN {target} {}", brief(&down.reason))
        }
        Message::Timeout(timeout) => format!("timeout {:?}", timeout.message),
        Message::TimerCancelled(answer) => format!("cancelled with {:?} left", answer.left),
        Message::Unknown(message) => format!("unknown {}", message.type_name()),
    }
}

/// The reason without the place of a panic.
pub(crate) fn brief(reason: &ExitReason) -> String {
    match reason.as_panic() {
        Some(info) => format!("panic: {}", info.message()),
        None => reason.to_string(),
    }
}

/// Asserts that the process panicked with this message, in this file of tests.
#[track_caller]
pub(crate) fn assert_panic(reason: &ExitReason, message: &str, file: &str) {
    let Some(info) = reason.as_panic() else { panic!("not a panic: {reason}") };
    assert_eq!(info.message(), message);
    assert_eq!(info.place().map(|place| place.file.as_str()), Some(file), "{reason}");
}

/// What happened, in order, written by several processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes a line when it is dropped.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) Log, pub(crate) &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// The handle of a process, in other hands than its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Option<Process>>>);

impl Shared {
    pub(crate) fn put(&self, me: Process) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(me);
    }

    pub(crate) fn with<R>(&self, work: impl FnOnce(&Process) -> R) -> R {
        let handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*handle {
            Some(me) => work(me),
            None => panic!("nobody has put a handle here"),
        }
    }
}

/// Code that runs at the very moment at which somebody is woken.
pub(crate) fn on_wake(work: impl Fn() + Send + Sync + 'static) -> Waker {
    struct OnWake<F>(F);

    impl<F: Fn() + Send + Sync + 'static> Wake for OnWake<F> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }

    Waker::from(Arc::new(OnWake(work)))
}

/// Lets a message wake `waker` instead of the process that waits for it, for ever.
pub(crate) async fn received_by(me: &mut Process, waker: Waker) {
    let mut receive = me.receive();
    let parked = Pin::new(&mut receive).poll(&mut Context::from_waker(&waker));
    assert!(parked.is_pending(), "there was a message already");
    pending::<()>().await;
}

/// Fails, instead of hanging, when `work` does not end. The limit is for a hang only: it is far
/// beyond what a slow machine needs.
#[track_caller]
pub(crate) fn ends(work: impl FnOnce() + Send + 'static) {
    let (alive, ended) = channel::<()>();
    let worker = thread::spawn(move || {
        let _alive = alive;
        work();
    });
    // The sender is never used: the channel closes when the work has ended, by a panic too.
    match ended.recv_timeout(Duration::from_mins(1)) {
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {}
    }
    if let Err(panic) = worker.join() {
        resume_unwind(panic);
    }
}
