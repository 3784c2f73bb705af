//! An event manager: a process that tells every event to its handlers, which come and go.
//!
//! ```text
//!   anybody                    the manager's process             its handlers
//!   -------                    ---------------------             ------------
//!   add(&LOG, args)         ─▶ in front of the list ───────────▶ init
//!   notify(event)           ─▶ mailbox ──┬─ the newest ────────▶ handle_event
//!                                        └─ then the next ─────▶ handle_event ✗ crashes
//!                              out of the list, reported ──────▶ terminate
//!   call_handler(&LOG, ..)  ─▶ mailbox ────────────────────────▶ handle_call
//!   delete(&LOG)            ─▶ out of the list ────────────────▶ terminate
//! ```
//!
//! A handler is a type with a state of its own, as a server is; but it has no process. All of one
//! manager run in the manager, one after the other, the newest first. A handler that crashes is
//! removed, and nobody else notices: the manager and the other handlers go on.
//!
//! ```
//! use runtime::gen_event::{EventManager, EventNext, EventHandled, Events, GenEvent, Handler};
//! use runtime::prelude::*;
//!
//! enum Alarm {
//!     Raised(&'static str),
//!     Cleared,
//! }
//!
//! /// Counts the alarms that stand.
//! struct Standing(u32);
//!
//! struct HowMany(Reply<u32>);
//!
//! impl GenEvent for Standing {
//!     type Event = Alarm;
//!     type Args = ();
//!     type Call = HowMany;
//!     type Last = u32;
//!
//!     async fn init((): (), _: &mut Cx<EventManager<Alarm>>) -> Result<Self, Crash> {
//!         Ok(Standing(0))
//!     }
//!
//!     async fn handle_event(
//!         &mut self,
//!         event: &Alarm,
//!         _: &mut Cx<EventManager<Alarm>>,
//!     ) -> EventHandled<Self> {
//!         match event {
//!             Alarm::Raised(_) => self.0 += 1,
//!             Alarm::Cleared => self.0 = self.0.checked_sub(1).expect("nothing to clear"),
//!         }
//!         Ok(EventNext::Go)
//!     }
//!
//!     async fn handle_call(
//!         &mut self,
//!         HowMany(reply): HowMany,
//!         _: &mut Cx<EventManager<Alarm>>,
//!     ) -> EventHandled<Self> {
//!         reply.send(self.0);
//!         Ok(EventNext::Go)
//!     }
//! }
//!
//! static ALARMS: Name<EventManager<Alarm>> = Name::new("alarms");
//! const STANDING: Handler<Standing> = Handler::new();
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! EventManager::start().name(&ALARMS).await?;
//! ALARMS.add(&STANDING, ()).await?;
//! ALARMS.notify(Alarm::Raised("door open"));
//! assert_eq!(ALARMS.call_handler(&STANDING, HowMany).await?, 1);
//!
//! ALARMS.notify(Alarm::Cleared);
//! ALARMS.sync_notify(Alarm::Cleared).await?;
//! assert!(ALARMS.which_handlers().await?.is_empty(), "it has crashed; the manager has not");
//! ALARMS.stop().await?;
//! # Ok(()) }
//! ```
//!
//! # Who is told of a handler's end
//!
//! Nobody, unless it was added with [`add_sup`](Events::add_sup): then the process that did so gets a
//! [`HandlerExit`], and the handler is removed when that process ends.
//!
//! | the handler | [`terminate`](GenEvent::terminate) gets | its owner gets the reason |
//! |---|---|---|
//! | crashes | [`Leaving::Error`] | that of the crash |
//! | asks for it: [`EventNext::Remove`] | [`Leaving::Removed`] | `Normal` |
//! | is [deleted](Events::delete) | [`Leaving::Deleted`] | `Normal` |
//! | is [swapped](Events::swap) | [`Leaving::Swapped`] | [`Swapped`], as `Other` |
//! | has lost its owner | [`Leaving::OwnerExit`] | |
//! | is in a manager that ends | [`Leaving::Stop`] | `Shutdown` |
//!
//! # To keep a handler
//!
//! A manager restarts nobody. Where a handler is to come back, a server owns it, ends with it, and is
//! restarted by its supervisor:
//!
//! ```
//! use runtime::gen_event::{EventManager, EventHandled, EventNext, Events, GenEvent, Handler};
//! use runtime::gen_event::HandlerExit;
//! use runtime::prelude::*;
//!
//! # struct Divide;
//! # impl GenEvent for Divide {
//! #     type Event = u32;
//! #     type Args = ();
//! #     type Call = Reply<()>;
//! #     type Last = ();
//! #     async fn init((): (), _: &mut Cx<EventManager<u32>>) -> Result<Self, Crash> {
//! #         Ok(Divide)
//! #     }
//! #     async fn handle_event(
//! #         &mut self,
//! #         n: &u32,
//! #         _: &mut Cx<EventManager<u32>>,
//! #     ) -> EventHandled<Self> {
//! #         println!("{}", 100_u32.checked_div(*n).expect("not by zero"));
//! #         Ok(EventNext::Go)
//! #     }
//! # }
//! static NUMBERS: Name<EventManager<u32>> = Name::new("numbers");
//! static KEEPER: Name<Keeper> = Name::new("keeper");
//! const DIVIDE: Handler<Divide> = Handler::new();
//!
//! struct Keeper;
//!
//! impl GenServer for Keeper {
//!     type Args = ();
//!     type Call = ();
//!     type Cast = ();
//!     type Info = HandlerExit;
//!
//!     async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
//!         NUMBERS.add_sup(&DIVIDE, ()).await?;
//!         Ok(Init::Ok(Keeper))
//!     }
//!
//!     async fn handle_info(&mut self, info: Info<HandlerExit>, _: &mut Cx<Self>) -> Handled<Self> {
//!         match info {
//!             Info::User(exit) => Err(exit.reason)?,
//!             _ => Ok(Next::Go),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! // If the manager falls, its keepers have to add their handlers again: they are restarted with it.
//! let supervisor = Supervisor::new(Strategy::RestForOne)
//!     .child(EventManager::child().name(&NUMBERS))
//!     .child(KEEPER.child(|| ()));
//! let supervisor = supervisor.start().await?;
//! let keeper = KEEPER.up().await?;
//! NUMBERS.sync_notify(0).await?;
//! keeper.pid().join().await;
//! KEEPER.up().await?;
//! assert_eq!(NUMBERS.which_handlers().await?, [DIVIDE], "it is back");
//! # supervisor.stop().await?;
//! # Ok(()) }
//! ```
//!
//! Source: OTP `gen_event`.

mod boxed;
mod events;
mod handlers;
mod manager;

use std::fmt;
use std::future::Future;

pub use events::Events;
pub use handlers::{Handler, HandlerId, Leaving, Swapped};
pub use manager::{EventCall, EventManager};

use crate::ambient::NotInProcess;
use crate::call::CallError;
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{Cx, Info, Unhandled};
use crate::pid::Pid;
use boxed::Candidate;

/// What a type has to say to handle the events of an [`EventManager`].
///
/// Every callback runs in the manager's process, one at a time, and what takes long there keeps all
/// others waiting. An `Err`, a panic, an [`exit`](crate::exit) in one of them removes the handler,
/// after [`terminate`](Self::terminate).
///
/// Differs from OTP: all handlers of a manager take the same type of event, and see it by
/// reference; state is changed in place, so `terminate` sees it as a crash left it; an answer goes
/// out by its [`Reply`](crate::Reply), now or later.
///
/// Source: OTP `gen_event`, the callbacks of a handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event handler",
    note = "implement `GenEvent`"
)]
pub trait GenEvent: Sized + Send + 'static {
    /// What happens. Of the manager, and so the same for all of its handlers.
    type Event: Send + Sync + 'static;
    /// What [`init`](Self::init) is given.
    type Args: Send + 'static;
    /// The questions to this handler alone, each with its [`Reply`](crate::Reply).
    type Call: Send + 'static;
    /// What it leaves behind: for whoever deletes it, or for its successor. `()` as a rule.
    type Last: Default + Send + 'static;

    /// Makes the state. Whoever adds the handler waits for this.
    fn init(
        args: Self::Args,
        cx: &mut Cx<EventManager<Self::Event>>,
    ) -> impl Future<Output = Result<Self, Crash>> + Send;

    /// Takes an event.
    fn handle_event(
        &mut self,
        event: &Self::Event,
        cx: &mut Cx<EventManager<Self::Event>>,
    ) -> impl Future<Output = EventHandled<Self>> + Send;

    /// Answers a call, now or later. Without this callback a call crashes the handler.
    fn handle_call(
        &mut self,
        call: Self::Call,
        cx: &mut Cx<EventManager<Self::Event>>,
    ) -> impl Future<Output = EventHandled<Self>> + Send {
        let _ = (call, cx);
        async { Err(Unhandled("call").into()) }
    }

    /// Takes everything else that arrives at the manager: exits, DOWNs, messages. Every handler gets
    /// it. Without this callback it is dropped, with a word in the log.
    ///
    /// `info` is shared with the handlers that come after: what one takes out of it is gone.
    fn handle_info(
        &mut self,
        info: &mut Info<Self::Event>,
        cx: &mut Cx<EventManager<Self::Event>>,
    ) -> impl Future<Output = EventHandled<Self>> + Send {
        let (pid, kind) = (cx.pid(), info.kind());
        async move {
            let handler = std::any::type_name::<Self>();
            tracing::warn!(%pid, handler, kind, "unexpected message");
            Ok(EventNext::Go)
        }
    }

    /// Runs when the handler is removed, for whatever reason; not when the manager is killed.
    fn terminate(
        self,
        why: &Leaving,
        cx: &mut Cx<EventManager<Self::Event>>,
    ) -> impl Future<Output = Self::Last> + Send {
        let _ = (why, cx);
        async { Self::Last::default() }
    }
}

/// What a handler's callback comes to: what becomes of the handler, or its crash.
pub type EventHandled<H> = Result<EventNext<H>, Crash>;

/// What becomes of a handler after a callback.
pub enum EventNext<H: GenEvent> {
    /// It stays.
    Go,
    /// It is removed: OTP's `remove_handler`.
    Remove,
    /// It makes room for another one, in its place and with its owner; see [`EventNext::swap`].
    Swap(Successor<H>),
}

impl<H: GenEvent> EventNext<H> {
    /// Makes room for another handler, whose arguments `args` makes of what this one leaves behind:
    /// `None`, if its `terminate` crashes.
    ///
    /// If the successor's `init` fails, it is reported, and both are gone.
    ///
    /// Source: OTP `gen_event`, `swap_handler` as the value of a callback.
    pub fn swap<N: GenEvent<Event = H::Event>>(
        to: &Handler<N>,
        args: impl FnOnce(Option<H::Last>) -> N::Args + Send + 'static,
    ) -> Self {
        Self::Swap(Successor(Candidate::after::<H, N>(to, args)))
    }
}

impl<H: GenEvent> fmt::Debug for EventNext<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go => f.write_str("Go"),
            Self::Remove => f.write_str("Remove"),
            Self::Swap(successor) => write!(f, "Swap({})", successor.0.id),
        }
    }
}

/// Who comes after a handler.
pub struct Successor<H: GenEvent>(Candidate<H::Event>);

impl<H: GenEvent> fmt::Debug for Successor<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Successor({})", self.0.id)
    }
}

/// What the owner of a supervised handler is told when the handler has been removed.
///
/// It arrives as a message of this type: as [`Message::Unknown`](crate::Message::Unknown) in a
/// process with other messages, as [`Info::User`] in a server whose `Info` it is, and as
/// [`Info::Unknown`] in any other.
///
/// Source: OTP `gen_event:add_sup_handler/3`, `gen_event_EXIT`.
#[derive(Clone, Debug, PartialEq)]
pub struct HandlerExit {
    /// The manager.
    pub manager: Pid,
    /// The handler.
    pub handler: HandlerId,
    /// Why; see [the table](self#who-is-told-of-a-handlers-end).
    pub reason: ExitReason,
}

/// Something could not be done with a handler.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The manager could not be asked, or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The manager has no such handler. OTP's `module_not_found` and `bad_module`.
    #[error("no such handler")]
    NotFound,
    /// The handler's callback crashed with this reason.
    #[error("the handler failed: {0}")]
    Failed(ExitReason),
    /// Whoever wants to be told of a handler's end must be a process.
    #[error(transparent)]
    NotInProcess(#[from] NotInProcess),
}

impl HandlerError {
    /// The reason with which a process ends that lets this crash it.
    pub fn into_exit_reason(self) -> ExitReason {
        match self {
            Self::Call(error) => error.into_exit_reason(),
            other => ExitReason::other(other),
        }
    }
}
