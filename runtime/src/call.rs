//! A question and its answer: who may answer, and how long the caller waits.

mod clock;
mod slot;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::gen_server::{GenServer, Reach, ServerMessage, ServerRef, Sys};
use crate::pid::Pid;
use crate::sync::Arc;
use clock::Clock;
use slot::{Answer, leave_unanswered};
pub(crate) use slot::{Answering, AnySlot, Pending, Slot};

/// How long a call waits unless it says otherwise. Source: OTP `gen_server:call/2`.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A call that got no answer.
///
/// In a process, `?` turns it into the exit reason that OTP's `call` would exit with: the server's
/// own reason, `noproc`, or this error as a term.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such server: it has ended, or nobody has the name.
    #[error("noproc: no such server")]
    NoProc,
    /// No answer came in time. The server may still be at it; its answer will not be seen.
    #[error("timeout: no answer in time")]
    Timeout,
    /// The server ended before it answered, with this reason.
    #[error("the server ended: {0}")]
    Down(ExitReason),
    /// The server dropped the [`Reply`] and went on.
    ///
    /// Differs from OTP, where the caller waits until its timeout.
    #[error("the server did not answer and went on")]
    NoReply,
    /// A server called itself, and would wait for ever.
    #[error("calling_self: a server cannot call itself")]
    CallingSelf,
}

impl CallError {
    /// The reason with which a process ends that lets this crash it.
    pub fn into_exit_reason(self) -> ExitReason {
        match self {
            Self::NoProc => ExitReason::NoProc,
            Self::Down(reason) => reason,
            other => ExitReason::other(other),
        }
    }
}

impl From<CallError> for ExitReason {
    fn from(error: CallError) -> Self {
        error.into_exit_reason()
    }
}

/// The right, and the duty, to answer one call.
///
/// Comes inside the call's message, can be kept for later or given to another process, and is used
/// up by [`send`](Self::send). When it is dropped instead, the caller gets
/// [`CallError::NoReply`]; when the server ends first, [`CallError::Down`].
///
/// Source: OTP `gen_server:reply/2`.
#[must_use = "the caller waits for it"]
pub struct Reply<T: Send + 'static>(Option<Arc<Slot<T>>>);

impl<T: Send + 'static> Reply<T> {
    /// Answers. Does nothing when the caller has given up.
    pub fn send(mut self, value: T) {
        if let Some(slot) = self.0.take() {
            // An answer that nobody takes is dropped here, with no lock held.
            drop(slot.resolve(Answer::Given(value)));
        }
    }

    /// Who asks: a process, or [`Pid::OUTSIDE`].
    pub fn caller(&self) -> Pid {
        self.0.as_ref().map_or(Pid::OUTSIDE, |slot| slot.caller)
    }
}

impl<T: Send + 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply(to {})", self.caller())
    }
}

impl<T: Send + 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        let Some(slot) = self.0.take() else { return };
        if ambient::current_pid() == slot.server {
            leave_unanswered(slot);
        } else if slot.server.is_alive() {
            slot.fail(CallError::NoReply);
        }
        // Otherwise the server's end is decided, and answers with its reason.
    }
}

/// A call that is ready to go: set its time limit, await it.
///
/// Without [`timeout`](Self::timeout) it waits five seconds, as in OTP. A name was looked up when
/// this was made; the message is sent when this becomes a future: by `.await`, in a `join!`, as an
/// argument of tokio's `timeout`.
///
/// Cancellation: dropping the future gives up waiting; the server still handles the call.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<'a, S: GenServer, T, F> {
    server: Reach<'a, S>,
    make: F,
    limit: Option<Duration>,
    answer: PhantomData<fn() -> T>,
}

impl<S: GenServer, T, F> fmt::Debug for Call<'_, S, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("server", &self.server)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<'a, S: GenServer, T, F> Call<'a, S, T, F> {
    pub(crate) fn new(server: Reach<'a, S>, make: F) -> Self {
        Self { server, make, limit: Some(CALL_TIMEOUT), answer: PhantomData }
    }

    /// Waits this long for the answer.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Waits for as long as it takes. The server's end still ends the wait.
    pub fn infinity(mut self) -> Self {
        self.limit = None;
        self
    }
}

impl<S, T, F> IntoFuture for Call<'_, S, T, F>
where
    S: GenServer,
    T: Send + 'static,
    F: FnOnce(Reply<T>) -> S::Call,
{
    type Output = Result<T, CallError>;
    type IntoFuture = Calling<T>;

    // Sends here and not at the first poll: a future that held the function over an `.await` would
    // not be `Send` in the eyes of the compiler (rust-lang/rust#102211).
    fn into_future(self) -> Calling<T> {
        let make = self.make;
        Calling::ask(self.server.server(), self.limit, |reply, pending| {
            ServerMessage::Call(make(reply), pending)
        })
    }
}

/// A call that was sent and waits for its answer.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Calling<T> {
    waits: Waits<T>,
    limit: Option<Duration>,
    clock: Option<Clock>,
}

enum Waits<T> {
    For(Answering<T>),
    /// It was not sent.
    Failed(CallError),
}

impl<T> fmt::Debug for Calling<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calling").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<T> Calling<T> {
    fn failed(error: CallError) -> Self {
        Self { waits: Waits::Failed(error), limit: None, clock: None }
    }
}

impl<T: Send + 'static> Calling<T> {
    /// Asks the shell of a server, which answers whatever the server's protocol.
    pub(crate) fn of_shell<S: GenServer>(
        server: Option<&ServerRef<S>>,
        make: impl FnOnce(Reply<T>) -> Sys<S>,
    ) -> Self {
        Self::ask(server, Some(CALL_TIMEOUT), |reply, _| ServerMessage::Sys(make(reply)))
    }

    fn ask<S: GenServer>(
        server: Option<&ServerRef<S>>,
        limit: Option<Duration>,
        make: impl FnOnce(Reply<T>, Pending) -> ServerMessage<S>,
    ) -> Self {
        let Some(server) = server else { return Self::failed(CallError::NoProc) };
        let caller = ambient::current_pid();
        if caller == server.pid() {
            return Self::failed(CallError::CallingSelf);
        }
        let slot = Arc::new(Slot::new(server.pid(), caller));
        let message = make(Reply(Some(slot.clone())), Pending(slot.clone()));
        let waits = Waits::For(Answering::new(slot));
        match server.send(message) {
            Ok(()) => Self { waits, limit, clock: None },
            Err(()) => Self::failed(CallError::NoProc),
        }
    }
}

impl<T> Future for Calling<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match &mut this.waits {
            Waits::Failed(error) => return Poll::Ready(Err(error.clone())),
            Waits::For(answering) => {
                if let Poll::Ready(answer) = answering.poll(cx.waker()) {
                    return Poll::Ready(answer);
                }
            }
        }
        let Some(limit) = this.limit else { return Poll::Pending };
        let rings = match &mut this.clock {
            Some(clock) => clock.poll(cx),
            None => {
                let (clock, rings) = Clock::poll_from(limit, cx);
                this.clock = Some(clock);
                rings
            }
        };
        rings.map(|()| Err(CallError::Timeout))
    }
}

// Nothing in it is pinned.
impl<T> Unpin for Calling<T> {}
