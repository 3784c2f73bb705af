//! A question and its answer: the slot that a caller waits on.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::gen_server::{GenServer, ServerMessage, ServerRef};
use crate::pid::Pid;
use crate::rt::{Instant, Sleep, sleep_until};
use crate::sync::{Arc, Mutex};

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

#[derive(Debug)]
enum Answer<T> {
    Open(Option<Waker>),
    Given(T),
    Failed(CallError),
    /// Taken, or nobody waits any more.
    Closed,
}

/// Where the answer is put.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    answer: Mutex<Answer<T>>,
    server: Pid,
    caller: Pid,
}

impl<T> Slot<T> {
    fn resolve(&self, with: Answer<T>) -> Result<(), Answer<T>> {
        let waker = {
            let mut answer = self.answer.lock();
            if !matches!(*answer, Answer::Open(_)) {
                return Err(with);
            }
            match std::mem::replace(&mut *answer, with) {
                Answer::Open(waker) => waker,
                _ => None,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

/// A slot whose answer's type is not known.
pub(crate) trait AnySlot: Send + Sync {
    /// Answers with an error, unless there is an answer.
    fn fail(&self, error: CallError);
    /// Whether somebody waits.
    fn is_open(&self) -> bool;
    /// Who asks.
    fn caller(&self) -> Pid;
    /// Who is asked.
    fn server(&self) -> Pid;
}

impl<T: Send> AnySlot for Slot<T> {
    fn fail(&self, error: CallError) {
        drop(self.resolve(Answer::Failed(error)));
    }

    fn is_open(&self) -> bool {
        matches!(*self.answer.lock(), Answer::Open(_))
    }

    fn caller(&self) -> Pid {
        self.caller
    }

    fn server(&self) -> Pid {
        self.server
    }
}

/// A call that the server has accepted and not answered: in its mailbox, in its callback, or put
/// off.
///
/// Wherever it is when the server ends, it is dropped then, in the server's process, and answered
/// with the server's reason.
pub(crate) struct Pending(Arc<dyn AnySlot>);

impl Pending {
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    pub(crate) fn caller(&self) -> Pid {
        self.0.caller()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if ambient::current_pid() == self.0.server() && self.0.is_open() {
            leave_unanswered(self.0.clone());
        }
    }
}

/// Whether the current process, which is the server, goes on or ends is not known yet: decided when
/// its callback ends, or by its end.
fn leave_unanswered(slot: Arc<dyn AnySlot>) {
    if let Some(pcb) = ambient::current() {
        let mut slot = Some(slot);
        pcb.control(&mut |control, _| control.rare().unanswered.extend(slot.take()));
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

/// Makes the two ends of a call.
pub(crate) fn open<T: Send + 'static>(server: Pid) -> (Reply<T>, Answering<T>) {
    let caller = ambient::current_pid();
    let answer = Mutex::new(Answer::Open(None));
    let slot = Arc::new(Slot { answer, server, caller });
    (Reply(Some(slot.clone())), Answering(slot))
}

/// The caller's end of a call.
#[derive(Debug)]
pub(crate) struct Answering<T>(pub(crate) Arc<Slot<T>>);

impl<T: Send + 'static> Answering<T> {
    fn pending(&self) -> Pending {
        Pending(self.0.clone())
    }
}

impl<T> Answering<T> {
    fn poll(&self, waker: &Waker) -> Poll<Result<T, CallError>> {
        let mut answer = self.0.answer.lock();
        match std::mem::replace(&mut *answer, Answer::Closed) {
            Answer::Given(value) => Poll::Ready(Ok(value)),
            Answer::Failed(error) => Poll::Ready(Err(error)),
            Answer::Open(known) => {
                let (keep, replaced) = match known {
                    Some(known) if known.will_wake(waker) => (known, None),
                    other => (waker.clone(), other),
                };
                *answer = Answer::Open(Some(keep));
                drop(answer);
                drop(replaced);
                Poll::Pending
            }
            Answer::Closed => Poll::Pending,
        }
    }
}

impl<T> Drop for Answering<T> {
    /// A late answer finds nobody.
    fn drop(&mut self) {
        let late = std::mem::replace(&mut *self.0.answer.lock(), Answer::Closed);
        drop(late);
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
pub struct Call<S: GenServer, T, F> {
    server: Option<ServerRef<S>>,
    make: F,
    limit: Option<Duration>,
    answer: PhantomData<fn() -> T>,
}

impl<S: GenServer, T, F> fmt::Debug for Call<S, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("server", &self.server)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<S: GenServer, T, F> Call<S, T, F> {
    pub(crate) fn new(server: Option<ServerRef<S>>, make: F) -> Self {
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

impl<S, T, F> IntoFuture for Call<S, T, F>
where
    S: GenServer,
    T: Send + 'static,
    F: FnOnce(Reply<T>) -> S::Call,
{
    type Output = Result<T, CallError>;
    type IntoFuture = Calling<T>;

    fn into_future(self) -> Calling<T> {
        let Some(server) = self.server else { return Calling::failed(CallError::NoProc) };
        if ambient::current_pid() == server.pid() {
            return Calling::failed(CallError::CallingSelf);
        }
        let (reply, answering) = open(server.pid());
        let pending = answering.pending();
        match server.send(ServerMessage::Call((self.make)(reply), pending)) {
            Ok(()) => Calling { limit: self.limit, ..Calling::waiting(answering) },
            Err(()) => Calling::failed(CallError::NoProc),
        }
    }
}

#[derive(Debug)]
enum Waiting<T> {
    For(Answering<T>),
    Failed(Option<CallError>),
}

/// A call that was sent and waits for its answer.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Calling<T> {
    state: Waiting<T>,
    limit: Option<Duration>,
    clock: Option<Clock>,
}

impl<T> Calling<T> {
    pub(crate) fn waiting(answering: Answering<T>) -> Self {
        Self { state: Waiting::For(answering), limit: Some(CALL_TIMEOUT), clock: None }
    }

    pub(crate) fn failed(error: CallError) -> Self {
        Self { state: Waiting::Failed(Some(error)), limit: None, clock: None }
    }
}

impl<T> Future for Calling<T> {
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match &mut this.state {
            Waiting::Failed(error) => {
                return Poll::Ready(Err(error.take().unwrap_or(CallError::NoProc)));
            }
            Waiting::For(answering) => {
                if let Poll::Ready(answer) = answering.poll(cx.waker()) {
                    return Poll::Ready(answer);
                }
            }
        }
        let Some(limit) = this.limit else { return Poll::Pending };
        let clock = this.clock.get_or_insert_with(|| Clock::new(limit));
        clock.poll(cx).map(|()| Err(CallError::Timeout))
    }
}

/// A deadline, told by the one alarm of the calling process if it is free.
///
/// An alarm that is armed for an earlier time is left alone and set anew when it rings. As calls
/// mostly wait for the same time and end much earlier, one timer operation serves thousands.
#[derive(Debug)]
struct Clock {
    deadline: Instant,
    /// `None` beyond the clock's range, which is as good as never.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whose alarm it is.
    owner: Pid,
}

impl Clock {
    fn new(limit: Duration) -> Self {
        let now = Instant::now();
        let Some(deadline) = now.checked_add(limit) else {
            return Self { deadline: now, alarm: None, owner: Pid::OUTSIDE };
        };
        let mut alarm = None;
        let mut owner = Pid::OUTSIDE;
        if let Some(pcb) = ambient::current() {
            owner = pcb.head().pid;
            pcb.control(&mut |control, _| {
                alarm = control.rare.as_mut().and_then(|rare| rare.alarm.take());
            });
        }
        let alarm = alarm.unwrap_or_else(|| Box::pin(sleep_until(deadline)));
        Self { deadline, alarm: Some(alarm), owner }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(alarm) = &mut self.alarm else { return Poll::Pending };
        loop {
            if alarm.is_elapsed() || alarm.deadline() > self.deadline {
                alarm.as_mut().reset(self.deadline);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        if self.owner == Pid::OUTSIDE || ambient::current_pid() != self.owner {
            return;
        }
        if let Some(pcb) = ambient::current() {
            let mut alarm = self.alarm.take();
            pcb.control(&mut |control, _| {
                let kept = &mut control.rare().alarm;
                if kept.is_none() {
                    *kept = alarm.take();
                }
            });
        }
    }
}
