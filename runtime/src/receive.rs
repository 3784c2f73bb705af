//! Receiving: the next message, or the first that fits, with or without a time limit.
//!
//! Begins at [`Process::receive`](crate::Process::receive) and
//! [`Process::select`](crate::Process::select).

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sync_wrapper::SyncWrapper;

use crate::ambient;
use crate::message::Message;
use crate::pcb::Pcb;
use crate::rt::{Instant, Sleep, sleep_until};
use crate::sync::Arc;

/// A mailbox's receiving end. Lives in the body of the process.
pub(crate) struct Receiver<M> {
    pub(crate) pcb: Arc<Pcb<M>>,
    /// Reached through `&mut` only, which lets a `&Process` go along over an `.await` although a
    /// message need not be `Sync`.
    buffer: SyncWrapper<Buffer<M>>,
}

/// What the receiving end has taken out of the inbox, and its timer.
struct Buffer<M> {
    /// Messages that a selective receive has refused: older than the batch. Few processes have any.
    #[allow(clippy::box_collection)]
    saved: Option<Box<VecDeque<Message<M>>>>,
    /// Messages taken out of the inbox and not looked at.
    batch: VecDeque<Message<M>>,
    /// The last look found more than one message: worth another look before sleeping, because a
    /// busy sender is then spared the wake-up.
    lingering: bool,
    /// The one timer of the process, armed again only for an earlier deadline.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<M> Buffer<M> {
    fn len(&self) -> usize {
        self.saved.as_ref().map_or(0, |saved| saved.len()) + self.batch.len()
    }

    /// The oldest message that was refused before.
    fn pop_saved(&mut self) -> Option<Message<M>> {
        let saved = self.saved.as_mut()?;
        let message = saved.pop_front();
        if saved.is_empty() {
            self.saved = None;
        }
        message
    }

    /// Everything that was refused before comes to the front of the batch again.
    fn recall(&mut self) {
        if let Some(mut saved) = self.saved.take() {
            saved.append(&mut self.batch);
            self.batch = *saved;
        }
    }
}

/// Above this many messages, the room of a queue is given back when the queue is short again.
const ROOMY: usize = 4096;

/// What a look into the mailbox gave.
enum Look<T> {
    Found(T),
    /// Nothing yet, and the process has woken itself: it will look again.
    Again,
    /// Nothing, and the process will be woken.
    Parked,
}

impl<M> Receiver<M> {
    pub(crate) fn new(pcb: Arc<Pcb<M>>) -> Self {
        let buffer = Buffer { saved: None, batch: VecDeque::new(), lingering: false, alarm: None };
        Self { pcb, buffer: SyncWrapper::new(buffer) }
    }

    fn held(&mut self) {
        let held = self.buffer.get_mut().len();
        self.pcb.head.hold(held);
    }

    /// The next message that was not refused; refills the batch from the inbox.
    fn next(&mut self, cx: &Context<'_>) -> Look<Message<M>> {
        if !ambient::spend() {
            cx.waker().wake_by_ref();
            return Look::Again;
        }
        let buffer = self.buffer.get_mut();
        if let Some(message) = buffer.batch.pop_front() {
            return Look::Found(message);
        }
        if buffer.batch.capacity() > ROOMY {
            buffer.batch = VecDeque::new();
        }
        let waker = (!buffer.lingering).then(|| cx.waker());
        match self.pcb.take(&mut buffer.batch, waker) {
            Some(message) => {
                buffer.lingering = !buffer.batch.is_empty();
                Look::Found(message)
            }
            None if buffer.lingering => {
                buffer.lingering = false;
                cx.waker().wake_by_ref();
                Look::Again
            }
            None => Look::Parked,
        }
    }

    /// Removes the first message that `matches` from everything that was not received.
    pub(crate) fn remove(&mut self, matches: impl Fn(&Message<M>) -> bool) -> Option<Message<M>> {
        let batch = {
            let buffer = self.buffer.get_mut();
            buffer.recall();
            &mut buffer.batch
        };
        let removed = batch.iter().position(&matches).and_then(|at| batch.remove(at));
        self.held();
        removed.or_else(|| self.pcb.remove(matches))
    }
}

impl<M> Drop for Receiver<M> {
    /// Gives back what was not received, so that the end of the process drops it one by one.
    fn drop(&mut self) {
        let buffer = self.buffer.get_mut();
        buffer.recall();
        self.pcb.head.hold(0);
        if !buffer.batch.is_empty() {
            self.pcb.give_back(std::mem::take(&mut buffer.batch));
        }
    }
}

/// How a receive chooses.
pub trait Pick<M> {
    /// What it makes of the message.
    type Output;
    /// Whether it takes whatever comes first.
    #[doc(hidden)]
    const ANY: bool;

    /// Takes the message, or gives it back.
    #[doc(hidden)]
    fn pick(&mut self, message: Message<M>) -> Result<Self::Output, Message<M>>;
}

/// Takes whatever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Whatever;

impl<M> Pick<M> for Whatever {
    type Output = Message<M>;
    const ANY: bool = true;

    fn pick(&mut self, message: Message<M>) -> Result<Message<M>, Message<M>> {
        Ok(message)
    }
}

/// Takes what a function takes.
pub struct Picked<F>(pub(crate) F);

impl<F> fmt::Debug for Picked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Picked")
    }
}

impl<M, T, F: FnMut(Message<M>) -> Result<T, Message<M>>> Pick<M> for Picked<F> {
    type Output = T;
    const ANY: bool = false;

    fn pick(&mut self, message: Message<M>) -> Result<T, Message<M>> {
        (self.0)(message)
    }
}

/// Waits for a message; see [`Process::receive`](crate::Process::receive) and
/// [`Process::select`](crate::Process::select).
#[must_use = "a future does nothing unless it is awaited"]
pub struct Receive<'a, M, P> {
    receiver: &'a mut Receiver<M>,
    pick: P,
    begun: bool,
}

impl<M, P> fmt::Debug for Receive<'_, M, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receive({})", self.receiver.pcb.head.pid)
    }
}

// Nothing in it is pinned: the picking function is called, not polled.
impl<M, P> Unpin for Receive<'_, M, P> {}

impl<'a, M, P: Pick<M>> Receive<'a, M, P> {
    pub(crate) fn new(receiver: &'a mut Receiver<M>, pick: P) -> Self {
        Self { receiver, pick, begun: false }
    }

    /// Gives up after `limit`.
    ///
    /// A limit of zero takes what is in the mailbox and never waits: Erlang's `after 0`.
    pub fn timeout(self, limit: Duration) -> ReceiveTimeout<'a, M, P> {
        ReceiveTimeout { receive: self, limit, deadline: None }
    }

    fn look(&mut self, cx: &Context<'_>) -> Look<P::Output> {
        let receiver = &mut *self.receiver;
        if P::ANY {
            if let Some(message) = receiver.buffer.get_mut().pop_saved() {
                receiver.held();
                return self.take(message);
            }
            let had = !receiver.buffer.get_mut().batch.is_empty();
            let look = receiver.next(cx);
            if had || !receiver.buffer.get_mut().batch.is_empty() {
                receiver.held();
            }
            return match look {
                Look::Found(message) => self.take(message),
                Look::Again => Look::Again,
                Look::Parked => Look::Parked,
            };
        }
        if !self.begun {
            self.begun = true;
            receiver.buffer.get_mut().recall();
        }
        let look = loop {
            match receiver.next(cx) {
                Look::Found(message) => match self.pick.pick(message) {
                    Ok(output) => break Look::Found(output),
                    Err(message) => {
                        let saved = &mut receiver.buffer.get_mut().saved;
                        saved.get_or_insert_default().push_back(message);
                    }
                },
                Look::Again => break Look::Again,
                Look::Parked => break Look::Parked,
            }
        };
        receiver.held();
        look
    }

    fn take(&mut self, message: Message<M>) -> Look<P::Output> {
        match self.pick.pick(message) {
            Ok(output) => Look::Found(output),
            Err(_) => unreachable!("it takes whatever comes first"),
        }
    }
}

impl<M, P: Pick<M>> Future for Receive<'_, M, P> {
    type Output = P::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        match self.look(cx) {
            Look::Found(output) => Poll::Ready(output),
            Look::Again | Look::Parked => Poll::Pending,
        }
    }
}

/// No message came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timeout: no message came in time")]
pub struct ReceiveTimedOut;

/// Waits for a message for a limited time; see [`Receive::timeout`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReceiveTimeout<'a, M, P> {
    receive: Receive<'a, M, P>,
    limit: Duration,
    deadline: Option<Instant>,
}

impl<M, P: Pick<M>> Future for ReceiveTimeout<'_, M, P> {
    type Output = Result<P::Output, ReceiveTimedOut>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.receive.look(cx) {
            Look::Found(output) => return Poll::Ready(Ok(output)),
            Look::Again => return Poll::Pending,
            Look::Parked => {}
        }
        if this.limit.is_zero() {
            return Poll::Ready(Err(ReceiveTimedOut));
        }
        let deadline = match this.deadline {
            Some(deadline) => deadline,
            None => {
                // Beyond the clock's range is as good as never.
                let Some(deadline) = Instant::now().checked_add(this.limit) else {
                    return Poll::Pending;
                };
                *this.deadline.insert(deadline)
            }
        };
        let alarm = &mut this.receive.receiver.buffer.get_mut().alarm;
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            // An alarm that is armed for an earlier time is left alone: when it fires, it is set
            // anew. Most receives end before, and cost no timer.
            if alarm.is_elapsed() || alarm.deadline() > deadline {
                alarm.as_mut().reset(deadline);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if Instant::now() >= deadline {
                return Poll::Ready(Err(ReceiveTimedOut));
            }
        }
    }
}
