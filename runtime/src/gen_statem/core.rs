//! Which event a machine handles next: pure, without clock, channel or task.
//!
//! ```text
//!   mailbox ──▶ handled ──▶ postponed ──┐ state change
//!                 ▲  │                  │
//!   queue ────────┘  └─▶ inserted ──▶ queue ◀─ (before what is newer)
//!   timeouts of 0 ─┘ only when the queue is empty
//! ```
//!
//! Source: OTP `gen_statem`, `transition_option()`, the sequence of a transition.

use std::collections::VecDeque;
use std::time::Duration;

/// One of a machine's timeouts: there is one of each at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<N> {
    State,
    Event,
    Named(N),
}

/// What becomes of a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting<C> {
    In(Duration, C),
    Update(C),
    Cancel,
}

/// Where a transition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To<S> {
    Keep,
    Repeat,
    Next(S),
}

/// What a transition did to the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved<S> {
    Kept,
    Repeated,
    Changed { from: S },
}

/// What a transition asks for besides the state.
#[derive(Debug)]
pub(super) struct Actions<E, N, C> {
    pub(super) postpone: Option<E>,
    pub(super) insert: Vec<E>,
    pub(super) timeouts: Vec<(Kind<N>, Setting<C>)>,
}

impl<E, N, C> Default for Actions<E, N, C> {
    fn default() -> Self {
        Self { postpone: None, insert: Vec::new(), timeouts: Vec::new() }
    }
}

/// What is to be done with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Start { number: u64, after: Duration },
    Cancel { number: u64 },
}

/// What is to be handled before the mailbox is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<E, N, C> {
    Queued(E),
    Due(Kind<N>, C),
}

#[derive(Debug)]
struct Running<N, C> {
    kind: Kind<N>,
    content: C,
    /// `None`: it is due already.
    number: Option<u64>,
}

/// A machine's state, the events that wait in it, and its timeouts.
#[derive(Debug)]
pub(super) struct Core<S, E, N, C> {
    state: S,
    queue: VecDeque<E>,
    /// The oldest first.
    postponed: Vec<E>,
    /// In the order in which they were set.
    running: Vec<Running<N, C>>,
    last: u64,
}

impl<S: Eq, E, N: Eq, C> Core<S, E, N, C> {
    pub(super) fn new(state: S) -> Self {
        Self { state, queue: VecDeque::new(), postponed: Vec::new(), running: Vec::new(), last: 0 }
    }

    pub(super) fn state(&self) -> &S {
        &self.state
    }

    /// The first half of a transition: the state. The state enter call comes between the halves.
    pub(super) fn go(&mut self, to: To<S>) -> Moved<S> {
        match to {
            To::Keep => Moved::Kept,
            To::Repeat => Moved::Repeated,
            To::Next(state) if state == self.state => Moved::Kept,
            To::Next(state) => Moved::Changed { from: std::mem::replace(&mut self.state, state) },
        }
    }

    /// The second half of a transition: what waits, and what is timed.
    pub(super) fn settle(&mut self, changed: bool, actions: Actions<E, N, C>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.postponed.extend(actions.postpone);
        self.cancel(&Kind::Event, &mut effects);
        if changed {
            self.cancel(&Kind::State, &mut effects);
            for event in self.postponed.drain(..).rev() {
                self.queue.push_front(event);
            }
        }
        for event in actions.insert.into_iter().rev() {
            self.queue.push_front(event);
        }
        for (kind, setting) in last_of_each(actions.timeouts) {
            self.set(kind, setting, &mut effects);
        }
        effects
    }

    fn set(&mut self, kind: Kind<N>, setting: Setting<C>, effects: &mut Vec<Effect>) {
        let (after, content) = match setting {
            Setting::Cancel => return self.cancel(&kind, effects),
            Setting::Update(content) => {
                match self.running.iter_mut().find(|running| running.kind == kind) {
                    Some(running) => return running.content = content,
                    None => (Duration::ZERO, content),
                }
            }
            Setting::In(after, content) => (after, content),
        };
        self.cancel(&kind, effects);
        let number = (!after.is_zero()).then(|| {
            self.last += 1;
            effects.push(Effect::Start { number: self.last, after });
            self.last
        });
        self.running.push(Running { kind, content, number });
    }

    fn cancel(&mut self, kind: &Kind<N>, effects: &mut Vec<Effect>) {
        let Some(at) = self.running.iter().position(|running| running.kind == *kind) else {
            return;
        };
        if let Some(number) = self.running.remove(at).number {
            effects.push(Effect::Cancel { number });
        }
    }

    /// What comes before anything in the mailbox.
    pub(super) fn next(&mut self) -> Option<Next<E, N, C>> {
        if let Some(event) = self.queue.pop_front() {
            return Some(Next::Queued(event));
        }
        let due = self.running.iter().position(|running| running.number.is_none())?;
        let Running { kind, content, .. } = self.running.remove(due);
        Some(Next::Due(kind, content))
    }

    /// What a timer stood for; nothing, if its timeout was cancelled or set anew meanwhile.
    pub(super) fn expired(&mut self, number: u64) -> Option<(Kind<N>, C)> {
        let at = self.running.iter().position(|running| running.number == Some(number))?;
        let Running { kind, content, .. } = self.running.remove(at);
        Some((kind, content))
    }
}

/// Of several settings of one timeout the last counts, and the others are as if they were not there.
fn last_of_each<N: Eq, C>(all: Vec<(Kind<N>, Setting<C>)>) -> Vec<(Kind<N>, Setting<C>)> {
    let mut last: Vec<(Kind<N>, Setting<C>)> = Vec::with_capacity(all.len());
    for (kind, setting) in all {
        last.retain(|(other, _)| *other != kind);
        last.push((kind, setting));
    }
    last
}

#[cfg(test)]
mod tests;
