//! What a machine's callbacks come to: the first state, a transition, the entry into a state.

use std::fmt;
use std::time::Duration;

use super::core::{Actions, Kind, Setting, To};
use super::{Event, GenStatem};
use crate::call::Reply;
use crate::exit_reason::ExitReason;

pub(super) type Asked<M> = Actions<Event<M>, <M as GenStatem>::Timeout, <M as GenStatem>::Info>;

/// What `init` came to: the machine's first state and its data.
///
/// Source: OTP `gen_statem`, `init_result()`.
#[must_use = "a machine starts with what `init` returns"]
pub struct Initial<M: GenStatem>(pub(super) Begins<M>);

pub(super) enum Begins<M: GenStatem> {
    In(M::State, M, Asked<M>),
    Ignore,
    Stop(ExitReason),
}

impl<M: GenStatem> Initial<M> {
    /// The machine starts in `state`, with `data`.
    pub fn state(state: M::State, data: M) -> Self {
        Self(Begins::In(state, data, Actions::default()))
    }

    /// There is nothing to do here; not an error. The process ends `Normal`.
    pub fn ignore() -> Self {
        Self(Begins::Ignore)
    }

    /// The machine cannot run.
    pub fn stop(reason: ExitReason) -> Self {
        Self(Begins::Stop(reason))
    }

    fn asked(&mut self) -> Option<&mut Asked<M>> {
        match &mut self.0 {
            Begins::In(_, _, asked) => Some(asked),
            Begins::Ignore | Begins::Stop(_) => None,
        }
    }
}

impl<M: GenStatem> fmt::Debug for Initial<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Begins::In(state, ..) => write!(f, "Initial({state:?})"),
            Begins::Ignore => f.write_str("Ignore"),
            Begins::Stop(reason) => write!(f, "Stop({reason})"),
        }
    }
}

/// What a machine does after an event: which state it is in, and what else is to be done.
///
/// Source: OTP `gen_statem`, `event_handler_result()`, `action()`.
#[must_use = "a machine does what its callback returns"]
pub struct Transition<M: GenStatem>(pub(super) Goes<M>);

pub(super) enum Goes<M: GenStatem> {
    To(To<M::State>, Asked<M>),
    Stop(ExitReason),
}

impl<M: GenStatem> Transition<M> {
    /// Goes to this state. If that is another one than now: the state timeout is cancelled, the
    /// postponed events come again, and [`state_enter`](GenStatem::state_enter) is called. If it is
    /// the same, this is [`keep_state`](Self::keep_state).
    pub fn next_state(state: M::State) -> Self {
        Self(Goes::To(To::Next(state), Actions::default()))
    }

    /// Stays in its state.
    pub fn keep_state() -> Self {
        Self(Goes::To(To::Keep, Actions::default()))
    }

    /// Stays in its state, and calls [`state_enter`](GenStatem::state_enter) as if it came there
    /// from itself. Neither are postponed events retried nor is the state timeout cancelled.
    pub fn repeat_state() -> Self {
        Self(Goes::To(To::Repeat, Actions::default()))
    }

    /// Ends with this reason, after [`terminate`](GenStatem::terminate). What else it is asked to do
    /// is not done; whoever waits for the answer to a postponed call gets the reason.
    pub fn stop(reason: ExitReason) -> Self {
        Self(Goes::Stop(reason))
    }

    /// Answers, at once: as [`Reply::send`], where it reads better.
    ///
    /// After [`stop`](Self::stop) it is OTP's `stop_and_reply`: the caller has its answer before
    /// `terminate` runs.
    pub fn reply<T: Send + 'static>(self, reply: Reply<T>, value: T) -> Self {
        reply.send(value);
        self
    }

    /// Puts the event off: it comes again after the next change of state, in its old order, and
    /// before anything newer.
    ///
    /// Differs from OTP, where it is a flag: an event is moved into its handler, so it is given back.
    /// Of several the last one is kept.
    pub fn postpone(mut self, event: Event<M>) -> Self {
        if let Some(asked) = self.asked() {
            asked.postpone = Some(event);
        }
        self
    }

    fn asked(&mut self) -> Option<&mut Asked<M>> {
        match &mut self.0 {
            Goes::To(_, asked) => Some(asked),
            Goes::Stop(_) => None,
        }
    }
}

impl<M: GenStatem> fmt::Debug for Transition<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Goes::To(To::Next(state), _) => write!(f, "NextState({state:?})"),
            Goes::To(To::Keep, _) => f.write_str("KeepState"),
            Goes::To(To::Repeat, _) => f.write_str("RepeatState"),
            Goes::Stop(reason) => write!(f, "Stop({reason})"),
        }
    }
}

/// What the entry into a state came to: it can set timeouts, and nothing else.
///
/// Source: OTP `gen_statem`, `state_enter_result()`.
#[must_use = "a machine does what its callback returns"]
pub struct Entered<M: GenStatem>(pub(super) Asked<M>);

impl<M: GenStatem> Entered<M> {
    /// The machine is in its state.
    pub fn new() -> Self {
        Self(Actions::default())
    }

    #[allow(clippy::unnecessary_wraps, reason = "as its siblings, for the macro below")]
    fn asked(&mut self) -> Option<&mut Asked<M>> {
        Some(&mut self.0)
    }
}

impl<M: GenStatem> Default for Entered<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: GenStatem> fmt::Debug for Entered<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entered")
    }
}

/// The timeouts are the same, wherever they are set.
macro_rules! timeouts {
    ($($of:ident),*) => { $(
        /// Timeouts. There is one of each at a time: setting one that runs replaces it. A timeout of
        /// zero comes before anything in the mailbox, and after the events that are waiting inside.
        /// Of several settings of one timeout in one transition the last counts alone.
        impl<M: GenStatem> $of<M> {
            fn timing(mut self, kind: Kind<M::Timeout>, setting: Setting<M::Info>) -> Self {
                if let Some(asked) = self.asked() {
                    asked.timeouts.push((kind, setting));
                }
                self
            }

            /// [`Event::StateTimeout`] after this time, unless the state changes before.
            pub fn state_timeout(self, after: Duration, content: M::Info) -> Self {
                self.timing(Kind::State, Setting::In(after, content))
            }

            /// The state timeout does not come.
            pub fn cancel_state_timeout(self) -> Self {
                self.timing(Kind::State, Setting::Cancel)
            }

            /// The state timeout comes when it would, with other content; at once, if none runs.
            pub fn update_state_timeout(self, content: M::Info) -> Self {
                self.timing(Kind::State, Setting::Update(content))
            }

            /// [`Event::EventTimeout`] after this time, unless any event comes before.
            pub fn event_timeout(self, after: Duration, content: M::Info) -> Self {
                self.timing(Kind::Event, Setting::In(after, content))
            }

            /// [`Event::Timeout`] of this name after this time, whatever comes before.
            pub fn timeout(self, name: M::Timeout, after: Duration, content: M::Info) -> Self {
                self.timing(Kind::Named(name), Setting::In(after, content))
            }

            /// The timeout of this name does not come.
            pub fn cancel_timeout(self, name: M::Timeout) -> Self {
                self.timing(Kind::Named(name), Setting::Cancel)
            }

            /// The timeout of this name comes when it would, with other content; at once, if none
            /// runs.
            pub fn update_timeout(self, name: M::Timeout, content: M::Info) -> Self {
                self.timing(Kind::Named(name), Setting::Update(content))
            }
        }
    )* };
}

timeouts!(Initial, Transition, Entered);

/// Events of the machine's own making.
macro_rules! events {
    ($($of:ident),*) => { $(
        impl<M: GenStatem> $of<M> {
            /// Handles [`Event::Internal`] next, before anything that waits. Several come in the
            /// order in which they are given here.
            pub fn next_event(self, content: M::Info) -> Self {
                self.insert(Event::Internal(content))
            }

            /// As [`next_event`](Self::next_event), with an event of any kind.
            pub fn insert(mut self, event: Event<M>) -> Self {
                if let Some(asked) = self.asked() {
                    asked.insert.push(event);
                }
                self
            }
        }
    )* };
}

events!(Initial, Transition);
