//! Messages that come later.
//!
//! The timers of a system stand in one ordered map, and one task sleeps until the earliest of them.
//! A timer belongs to nobody: it survives whoever set it, and a name is looked up when it expires.
//!
//! Source: Erlang `erlang:send_after/3`, `erlang:start_timer/3`; `timer:send_interval/2`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::ambient::{self, NotInProcess, catch, discard};
use crate::message::{Dest, Message, Timeout, TimerCancelled};
use crate::process::Address;
use crate::rt::{self, Instant, sleep_until};
use crate::sync::{Arc, Mutex};
use crate::system::{System, SystemInner};

/// One timer of one system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerRef {
    /// What the map is ordered by: the time, then the order in which timers were set.
    at: Instant,
    number: u64,
}

impl fmt::Debug for TimerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#Timer<{}>", self.number)
    }
}

/// Does its work and says after how long it wants to do it again.
type Fire = Box<dyn FnMut() -> Option<Duration> + Send>;

#[derive(Default)]
struct State {
    entries: BTreeMap<TimerRef, Fire>,
    /// Intervals move along the map; this is where they are now.
    moved: BTreeMap<u64, TimerRef>,
    last: u64,
    running: bool,
    stopped: bool,
    waker: Option<Waker>,
}

/// Drops a message that nobody gets, in nobody's turn: its `Drop` is the user's and may panic.
fn forget(fire: Fire) {
    if let Err(payload) = catch(|| drop(fire)) {
        discard(payload);
    }
}

/// The timers of a system.
#[derive(Clone, Default)]
pub(crate) struct Timers(Arc<Mutex<State>>);

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timers({})", self.count())
    }
}

impl Timers {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().entries.len()
    }

    pub(crate) fn stop(&self) {
        let (entries, waker) = {
            let mut state = self.0.lock();
            state.stopped = true;
            (std::mem::take(&mut state.entries), state.waker.take())
        };
        for fire in entries.into_values() {
            forget(fire);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn start(
        &self,
        system: &SystemInner,
        delay: Duration,
        make: impl FnOnce(TimerRef) -> Fire,
    ) -> TimerRef {
        let mut state = self.0.lock();
        state.last += 1;
        let now = Instant::now();
        // Beyond tokio's range is as good as never.
        let at = now.checked_add(delay).unwrap_or(now + Duration::from_hours(24 * 365 * 30));
        let timer = TimerRef { at, number: state.last };
        if state.stopped {
            return timer;
        }
        let earliest = state.entries.first_key_value().is_none_or(|(first, _)| timer < *first);
        state.entries.insert(timer, make(timer));
        let waker = earliest.then(|| state.waker.take()).flatten();
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        if start {
            rt::spawn_service(&system.handle, self.clone().run());
        }
        timer
    }

    fn place(state: &State, timer: TimerRef) -> TimerRef {
        state.moved.get(&timer.number).copied().unwrap_or(timer)
    }

    fn cancel(&self, timer: TimerRef) -> Option<Duration> {
        let (fire, left) = {
            let mut state = self.0.lock();
            let place = Self::place(&state, timer);
            state.moved.remove(&timer.number);
            let fire = state.entries.remove(&place)?;
            (fire, place.at.saturating_duration_since(Instant::now()))
        };
        // In the caller's turn: if the message's `Drop` panics, that is the caller's panic.
        drop(fire);
        Some(left)
    }

    fn read(&self, timer: TimerRef) -> Option<Duration> {
        let state = self.0.lock();
        let place = Self::place(&state, timer);
        state
            .entries
            .contains_key(&place)
            .then(|| place.at.saturating_duration_since(Instant::now()))
    }

    async fn run(self) {
        loop {
            let next = self.0.lock().entries.first_key_value().map(|(timer, _)| timer.at);
            let mut sleep = pin!(next.map(sleep_until));
            let expired = poll_fn(|cx| {
                let mut state = self.0.lock();
                let first = state.entries.first_key_value().map(|(timer, _)| timer.at);
                if state.stopped || first != next {
                    return Poll::Ready(false);
                }
                state.waker = Some(cx.waker().clone());
                drop(state);
                match sleep.as_mut().as_pin_mut() {
                    Some(sleep) => sleep.poll(cx).map(|()| true),
                    None => Poll::Pending,
                }
            })
            .await;
            if expired {
                self.expire(Instant::now());
            }
            if self.0.lock().stopped {
                return;
            }
        }
    }

    fn expire(&self, now: Instant) {
        loop {
            let due = {
                let mut state = self.0.lock();
                match state.entries.first_entry() {
                    Some(first) if first.key().at <= now => Some(first.remove_entry()),
                    _ => None,
                }
            };
            let Some((timer, mut fire)) = due else { return };
            // A message that nobody takes is dropped here, and its `Drop` is the user's.
            let again = catch(&mut fire).unwrap_or_else(|payload| {
                discard(payload);
                None
            });
            let mut state = self.0.lock();
            match again {
                Some(period) if !state.stopped => {
                    let next = TimerRef { at: timer.at + period, number: timer.number };
                    state.moved.insert(timer.number, next);
                    state.entries.insert(next, fire);
                }
                _ => {
                    state.moved.remove(&timer.number);
                    drop(state);
                    forget(fire);
                }
            }
        }
    }
}

/// Sends `message` after `delay`, also when the caller has ended by then.
///
/// A name is looked up when the time has come; a message for nobody is dropped. Timers that expire
/// at the same time are delivered in the order in which they were set. The grain is tokio's: one
/// millisecond, rounded up.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: `erlang:send_after/3`.
#[track_caller]
pub fn send_after<M: Send + 'static>(
    delay: Duration,
    dest: impl Into<Dest<M>>,
    message: M,
) -> TimerRef {
    let (dest, mut message) = (dest.into(), Some(message));
    let system = System::current();
    let names = system.clone();
    system.inner().timers.start(system.inner(), delay, |_| {
        Box::new(move || {
            if let Some(message) = message.take() {
                deliver(&names, &dest, message);
            }
            None
        })
    })
}

/// As [`send_after`], but the message arrives as a [`Message::Timeout`] that names the timer: so a
/// receiver can tell the timer it waits for from one that it cancelled too late.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: `erlang:start_timer/3`.
#[track_caller]
pub fn start_timer<M: Send + 'static>(delay: Duration, dest: &Address<M>, message: M) -> TimerRef {
    let (dest, mut message) = (dest.clone(), Some(message));
    let system = System::current();
    system.inner().timers.start(system.inner(), delay, |timer| {
        Box::new(move || {
            if let Some(message) = message.take() {
                dest.push(Message::Timeout(Box::new(Timeout { timer, message })));
            }
            None
        })
    })
}

/// Sends clones of `message` every `period`, the first after one period, until it is cancelled or
/// the receiver has ended.
///
/// Ticks are due at whole multiples of the period, so they do not drift. A period of zero counts as
/// one millisecond, tokio's grain.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: `timer:send_interval/2`.
#[track_caller]
pub fn send_interval<M: Clone + Send + 'static>(
    period: Duration,
    dest: impl Into<Dest<M>>,
    message: M,
) -> TimerRef {
    let dest = dest.into();
    let period = period.max(Duration::from_millis(1));
    let system = System::current();
    let names = system.clone();
    system.inner().timers.start(system.inner(), period, |_| {
        Box::new(move || {
            let alive = match &dest {
                Dest::Address(address) => address.is_alive(),
                Dest::Pid(pid) => pid.is_alive(),
                // Somebody may take the name later.
                Dest::Name(_) => true,
            };
            alive.then(|| {
                deliver(&names, &dest, message.clone());
                period
            })
        })
    })
}

fn deliver<M: Send + 'static>(system: &System, dest: &Dest<M>, message: M) {
    match dest {
        Dest::Address(address) => address.send(message),
        Dest::Pid(pid) => pid.send(message),
        Dest::Name(name) => {
            if let Some(pid) = system.whereis(name) {
                pid.send(message);
            }
        }
    }
}

/// Cancels a timer. The time that was left; `None` when it had expired or been cancelled before,
/// and its message may then be in the mailbox.
///
/// Source: `erlang:cancel_timer/1`.
pub fn cancel_timer(timer: TimerRef) -> Option<Duration> {
    System::try_current().ok()?.inner().timers.cancel(timer)
}

/// Cancels a timer; the answer comes to the calling process as a
/// [`TimerCancelled`](Message::TimerCancelled) message.
///
/// # Errors
/// [`NotInProcess`]: the timer is untouched then.
///
/// Source: `erlang:cancel_timer/2` with `{async, true}`.
pub fn cancel_timer_async(timer: TimerRef) -> Result<(), NotInProcess> {
    let pcb = ambient::current().ok_or(NotInProcess)?;
    let left = pcb.head().system.timers.cancel(timer);
    pcb.control(&mut |_, sink| sink.timer_cancelled(TimerCancelled { timer, left }));
    Ok(())
}

/// The time that is left; `None` when the timer has expired or been cancelled.
///
/// Source: `erlang:read_timer/1`.
pub fn read_timer(timer: TimerRef) -> Option<Duration> {
    System::try_current().ok()?.inner().timers.read(timer)
}
