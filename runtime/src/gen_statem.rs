//! A state machine: a process with a state that decides what an event means.
//!
//! ```text
//!   caller                     the machine's process              your type
//!   ------                     ---------------------              ---------
//!   Door::start_link(code)  ─▶ spawned, named, linked ──────────▶ init
//!                           ◀─ started                            state_enter
//!   call(Call::State)       ─▶ mailbox ─────────────────────────▶ handle_event(state, Call)
//!   cast(Cast::Push)        ─▶ mailbox ─────────────────────────▶ handle_event(state, Cast)
//!                              exits, DOWNs, the rest ──────────▶ handle_event(state, Info)
//!                              timeouts, internal events ───────▶ handle_event(state, ..)
//!                                      ◀─ Transition ◀──────────  next state, timeouts, postpone
//!   stop()                  ─▶ mailbox ─────────────────────────▶ terminate
//! ```
//!
//! Everything that happens is an [`Event`]; [`handle_event`](GenStatem::handle_event) takes it
//! together with the state, and says in a [`Transition`] what follows: one `match` over both is the
//! drawing of the machine, and the compiler sees what is missing in it.
//!
//! ```
//! use runtime::gen_statem::{Event, GenStatem, Initial, Machine, Transition, Transitioned};
//! use runtime::prelude::*;
//! use std::time::Duration;
//!
//! /// A turnstile: a coin lets one person through, within five seconds.
//! struct Turnstile {
//!     coins: u32,
//! }
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Eq)]
//! enum State {
//!     Locked,
//!     Open,
//! }
//!
//! enum Call {
//!     Push(Reply<bool>),
//!     Coins(Reply<u32>),
//! }
//!
//! struct Coin;
//!
//! impl GenStatem for Turnstile {
//!     type Args = ();
//!     type State = State;
//!     type Call = Call;
//!     type Cast = Coin;
//!     type Info = ();
//!     type Timeout = ();
//!
//!     async fn init((): (), _: &mut Cx<Machine<Self>>) -> Result<Initial<Self>, Crash> {
//!         Ok(Initial::state(State::Locked, Turnstile { coins: 0 }))
//!     }
//!
//!     async fn handle_event(
//!         &mut self,
//!         state: &State,
//!         event: Event<Self>,
//!         _: &mut Cx<Machine<Self>>,
//!     ) -> Transitioned<Self> {
//!         Ok(match (state, event) {
//!             (State::Locked, Event::Cast(Coin)) => {
//!                 self.coins += 1;
//!                 Transition::next_state(State::Open).state_timeout(Duration::from_secs(5), ())
//!             }
//!             (State::Locked, Event::Call(Call::Push(reply))) => {
//!                 Transition::keep_state().reply(reply, false)
//!             }
//!             // One coin, one person: the next coin counts when this one is through.
//!             (State::Open, coin @ Event::Cast(Coin)) => Transition::keep_state().postpone(coin),
//!             (State::Open, Event::Call(Call::Push(reply))) => {
//!                 Transition::next_state(State::Locked).reply(reply, true)
//!             }
//!             (State::Open, Event::StateTimeout(())) => Transition::next_state(State::Locked),
//!             (_, Event::Call(Call::Coins(reply))) => {
//!                 Transition::keep_state().reply(reply, self.coins)
//!             }
//!             (_, event) => return event.unhandled(state),
//!         })
//!     }
//! }
//!
//! static GATE: Name<Machine<Turnstile>> = Name::new("gate");
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! Turnstile::start(()).name(&GATE).await?;
//! assert!(!GATE.call(Call::Push).await?, "it is locked");
//! GATE.cast(Coin);
//! GATE.cast(Coin);
//! assert!(GATE.call(Call::Push).await?);
//! assert!(GATE.call(Call::Push).await?, "the second coin was not lost");
//! assert_eq!(GATE.call(Call::Coins).await?, 2);
//! GATE.stop().await?;
//! # Ok(()) }
//! ```
//!
//! # Which event is next
//!
//! 1. Events that a callback [inserted](Transition::next_event), in the order in which it did.
//! 2. After a change of state: the postponed ones, the oldest first.
//! 3. What else waits inside, then timeouts of zero.
//! 4. The mailbox, in which timeouts arrive as they expire.
//!
//! | this | cancels the event timeout | the state timeout | a named timeout | retries what is postponed |
//! |---|---|---|---|---|
//! | any event | yes | no | no | no |
//! | a change of state | yes | yes | no | yes |
//! | `next_state` to the same state, `keep_state`, `repeat_state` | yes | no | no | no |
//!
//! # State functions
//!
//! OTP has a second form, with one function for each state. Here that is a `match` on the state that
//! calls methods, which may then be as many `async fn(&mut self, Event<Self>)` as there are states:
//!
//! ```
//! # use runtime::gen_statem::{Event, GenStatem, Initial, Machine, Transition, Transitioned};
//! # use runtime::prelude::*;
//! # struct Lamp;
//! # #[derive(Debug, PartialEq, Eq)]
//! # enum State { Off, On }
//! # struct Press;
//! # impl GenStatem for Lamp {
//! #     type Args = ();
//! #     type State = State;
//! #     type Call = ();
//! #     type Cast = Press;
//! #     type Info = ();
//! #     type Timeout = ();
//! #     async fn init((): (), _: &mut Cx<Machine<Self>>) -> Result<Initial<Self>, Crash> {
//! #         Ok(Initial::state(State::Off, Lamp))
//! #     }
//! async fn handle_event(
//!     &mut self,
//!     state: &State,
//!     event: Event<Self>,
//!     _: &mut Cx<Machine<Self>>,
//! ) -> Transitioned<Self> {
//!     match state {
//!         State::Off => self.off(event),
//!         State::On => self.on(event),
//!     }
//! }
//! # }
//! # impl Lamp {
//! #     fn off(&mut self, _: Event<Self>) -> Transitioned<Self> {
//! #         Ok(Transition::next_state(State::On))
//! #     }
//! #     fn on(&mut self, _: Event<Self>) -> Transitioned<Self> {
//! #         Ok(Transition::next_state(State::Off))
//! #     }
//! # }
//! ```
//!
//! Source: OTP `gen_statem`, callback mode `handle_event_function`.

mod core;
mod machine;
mod transition;

use std::fmt;
use std::future::Future;
use std::time::Duration;

pub use machine::Machine;
pub use transition::{Entered, Initial, Transition};

use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{Cx, GenServer, Info, Start};
use crate::supervisor::{Child, Restart, Shutdown};

/// What a type has to say to be a state machine. The type itself is the machine's data.
///
/// It runs as the server [`Machine<Self>`](Machine), so everything that leads to a server leads to a
/// machine: `Name<Machine<Door>>`, `ServerRef<Machine<Door>>`, a `Via`, a supervisor.
///
/// Every callback runs in the machine's process, one at a time. An `Err`, a panic, an
/// [`exit`](crate::exit) in one of them ends the machine with that reason, after
/// [`terminate`](Self::terminate).
///
/// Differs from OTP: data is changed in place, as the state of a [`GenServer`] is; a machine cannot
/// change its callback module, and its timeouts take a span and no point in time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no state machine",
    note = "implement `GenStatem`"
)]
pub trait GenStatem: Sized + Send + 'static {
    /// What [`init`](Self::init) is given.
    type Args: Send + 'static;
    /// The states: an enum, as a rule.
    type State: Eq + fmt::Debug + Send + Sync + 'static;
    /// The questions, each with its [`Reply`](crate::Reply).
    type Call: Send + 'static;
    /// The messages that nobody waits for.
    type Cast: Send + 'static;
    /// What the machine says to itself: messages, internal events, the content of timeouts.
    type Info: Send + 'static;
    /// The names of the timeouts that outlive a state; `()` for one without a name.
    type Timeout: Eq + Send + 'static;

    /// When it is restarted as a supervisor's child, unless the child says otherwise.
    const RESTART: Restart = Restart::Permanent;
    /// How it is stopped as a supervisor's child, unless the child says otherwise.
    const SHUTDOWN: Shutdown = Shutdown::After(Duration::from_secs(5));

    /// Makes the first state and the data. Whoever starts the machine waits for this.
    fn init(
        args: Self::Args,
        cx: &mut Cx<Machine<Self>>,
    ) -> impl Future<Output = Result<Initial<Self>, Crash>> + Send;

    /// Takes an event in a state.
    ///
    /// A last arm for all that has no business in the state is
    /// [`event.unhandled(state)`](Event::unhandled), which ends the machine.
    fn handle_event(
        &mut self,
        state: &Self::State,
        event: Event<Self>,
        cx: &mut Cx<Machine<Self>>,
    ) -> impl Future<Output = Transitioned<Self>> + Send;

    /// Called when the machine has come into `state`: after each change, after
    /// [`repeat_state`](Transition::repeat_state), and in the beginning; the last two with the state
    /// itself as the old one. Runs before any other event; the events' and timeouts' part of the
    /// transition is done afterwards.
    ///
    /// The call in the beginning is made after `init`, when whoever starts the machine need not wait
    /// any longer; it is not made when the machine is told to end before. An `Err` ends the machine.
    ///
    /// Differs from OTP: it is a callback of its own, which a machine has by writing it, and what it
    /// returns cannot ask for what OTP refuses in it.
    ///
    /// Source: OTP `gen_statem`, callback mode `state_enter`.
    fn state_enter(
        &mut self,
        old: &Self::State,
        state: &Self::State,
        cx: &mut Cx<Machine<Self>>,
    ) -> impl Future<Output = Result<Entered<Self>, Crash>> + Send {
        let _ = (old, state, cx);
        async { Ok(Entered::new()) }
    }

    /// As [`GenServer::terminate`], with the last state.
    fn terminate(
        &mut self,
        reason: &ExitReason,
        state: &Self::State,
        cx: &mut Cx<Machine<Self>>,
    ) -> impl Future<Output = ()> + Send {
        let _ = (reason, state, cx);
        async {}
    }

    /// Starts a machine on its own; await it, or set its options first.
    ///
    /// Source: OTP `gen_statem:start/4`.
    fn start(args: Self::Args) -> Start<Machine<Self>> {
        <Machine<Self> as GenServer>::start(args)
    }

    /// Starts a machine that is linked to the current process, which is its parent.
    ///
    /// Outside of a process there is nobody to be linked to, and it is [`start`](Self::start).
    ///
    /// Source: OTP `gen_statem:start_link/4`.
    fn start_link(args: Self::Args) -> Start<Machine<Self>> {
        <Machine<Self> as GenServer>::start_link(args)
    }

    /// The machine as a supervisor's child: `make` makes its arguments, anew at each restart. It is
    /// restarted in its first state.
    fn child(make: impl Fn() -> Self::Args + Send + Sync + 'static) -> Child<Machine<Self>> {
        <Machine<Self> as GenServer>::child(make)
    }
}

/// What an event comes to: a transition, or the crash of the machine.
pub type Transitioned<M> = Result<Transition<M>, Crash>;

/// What happens to a machine.
///
/// Source: OTP `gen_statem`, `event_type()`.
pub enum Event<M: GenStatem> {
    /// A question.
    Call(M::Call),
    /// A message that nobody waits for.
    Cast(M::Cast),
    /// Everything else that arrives: the machine's own messages, exits, DOWNs.
    Info(Info<M::Info>),
    /// An event that a callback inserted.
    Internal(M::Info),
    /// The machine has been in its state for the time of a
    /// [`state_timeout`](Transition::state_timeout).
    StateTimeout(M::Info),
    /// No event came in the time of an [`event_timeout`](Transition::event_timeout).
    EventTimeout(M::Info),
    /// A [`timeout`](Transition::timeout) of this name expired.
    Timeout(M::Timeout, M::Info),
}

impl<M: GenStatem> Event<M> {
    /// The end of a machine that has nothing to say to this event in this state: what the last arm
    /// of a `match` returns.
    ///
    /// # Errors
    /// Always: [`FunctionClause`]. A caller gets it as the machine's reason.
    ///
    /// Source: OTP, `function_clause`.
    pub fn unhandled<T>(self, state: &M::State) -> Result<T, Crash> {
        Err(FunctionClause { event: self.kind(), state: format!("{state:?}") }.into())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Cast(_) => "cast",
            Self::Info(_) => "info",
            Self::Internal(_) => "internal",
            Self::StateTimeout(_) => "state timeout",
            Self::EventTimeout(_) => "event timeout",
            Self::Timeout(..) => "timeout",
        }
    }
}

impl<M: GenStatem> fmt::Debug for Event<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({})", self.kind())
    }
}

/// A machine got an event that it has no clause for in its state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("function_clause: no clause for this {event} in state {state}")]
pub struct FunctionClause {
    event: &'static str,
    state: String,
}

impl FunctionClause {
    /// The kind of event: `call`, `cast`, `state timeout`.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The state, as its `Debug` shows it.
    pub fn state(&self) -> &str {
        &self.state
    }
}
