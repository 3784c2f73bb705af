//! A server: a process that holds state, answers calls and takes casts.
//!
//! ```text
//!   caller                    the server's process               your type
//!   ------                    --------------------               ---------
//!   Counter::start_link(0) ─▶ spawned, named, linked ──────────▶ init
//!                          ◀─ started
//!   call(Call::Get)        ─▶ mailbox ─────────────────────────▶ handle_call
//!                          ◀─ the reply ◀──────────────────────  reply.send(..)
//!   cast(Cast::Add(1))     ─▶ mailbox ─────────────────────────▶ handle_cast
//!                             exits, DOWNs, timers, the rest ──▶ handle_info
//!   stop()                 ─▶ mailbox ─────────────────────────▶ terminate
//! ```
//!
//! The protocol is an enum whose variants carry their typed [`Reply`]; a variant with one field *is*
//! a function, so `counter.call(Call::Get)` needs no macro:
//!
//! ```
//! use runtime::prelude::*;
//!
//! struct Counter(u64);
//!
//! enum Call {
//!     Get(Reply<u64>),
//!     Add(u64, Reply<u64>),
//! }
//!
//! static COUNTER: Name<Counter> = Name::new("counter");
//!
//! impl GenServer for Counter {
//!     type Args = u64;
//!     type Call = Call;
//!     type Cast = ();
//!     type Info = ();
//!
//!     async fn init(start: u64, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
//!         Ok(Init::Ok(Counter(start)))
//!     }
//!
//!     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
//!         match call {
//!             Call::Get(reply) => reply.go(self.0),
//!             Call::Add(n, reply) => {
//!                 self.0 += n;
//!                 reply.go(self.0)
//!             }
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! Counter::start(1).name(&COUNTER).await?;
//! assert_eq!(COUNTER.call(Call::Get).await?, 1);
//! assert_eq!(COUNTER.call(|reply| Call::Add(2, reply)).await?, 3);
//! COUNTER.stop().await?;
//! # Ok(()) }
//! ```
//!
//! A server that starts from a ready state and only answers calls, as this one, has a shorter form:
//! [`CallServer`].
//!
//! Source: OTP `gen_server`; Elixir `GenServer`.

mod answer;
mod call_server;
mod cx;
mod serve;
mod server;
mod start;
mod stop;
mod up;

use std::fmt;
use std::future::Future;
use std::time::Duration;

pub use call_server::CallServer;
pub use cx::Cx;
pub(crate) use serve::{answer_dropped, guarded};
pub use server::{Name, Reach, Server, ServerRef, StartName};
pub use start::{Start, StartError};
pub use stop::{Stop, StopError};
pub use up::{NotUp, Up};

use crate::call::{Pending, Reply};
use crate::exit_reason::{Crash, ExitReason};
use crate::message::{AnyMessage, Down, Exit};
use crate::supervisor::{Child, ChildKind, Restart, Shutdown};
use crate::timer::TimerRef;

/// What a type has to say to be a server.
///
/// Every callback runs in the server's process, one at a time. An `Err`, a panic, an
/// [`exit`](crate::exit) in one of them ends the server with that reason, after
/// [`terminate`](Self::terminate).
///
/// Differs from OTP: state is changed in place, so after a crash `terminate` sees it as the crash
/// left it, not as it was before the callback; a throw is a crash, not a return value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no server",
    note = "implement `GenServer`, or `CallServer` if it starts from a ready state and only answers calls"
)]
pub trait GenServer: Sized + Send + 'static {
    /// What [`init`](Self::init) is given.
    type Args: Send + 'static;
    /// The questions, each with its [`Reply`].
    type Call: Send + 'static;
    /// The messages that nobody waits for.
    type Cast: Send + 'static;
    /// The messages that the server sends to itself: timers, continuations.
    type Info: Send + 'static;

    /// When it is restarted as a supervisor's child, unless the child says otherwise.
    const RESTART: Restart = Restart::Permanent;
    /// How it is stopped as a supervisor's child, unless the child says otherwise.
    const SHUTDOWN: Shutdown = Shutdown::After(Duration::from_secs(5));
    /// What it is shown as, as a supervisor's child.
    const KIND: ChildKind = ChildKind::Worker;

    /// Makes the state. Whoever starts the server waits for this.
    fn init(
        args: Self::Args,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Result<Init<Self>, Crash>> + Send;

    /// Answers a call, now or later. Without this callback a call crashes the server.
    fn handle_call(
        &mut self,
        call: Self::Call,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send {
        let _ = (call, cx);
        async { Err(Unhandled("call").into()) }
    }

    /// Takes a cast. Without this callback a cast crashes the server.
    fn handle_cast(
        &mut self,
        cast: Self::Cast,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send {
        let _ = (cast, cx);
        async { Err(Unhandled("cast").into()) }
    }

    /// Takes everything else that arrives. Without this callback it is logged and dropped.
    fn handle_info(
        &mut self,
        info: Info<Self::Info>,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send {
        let pid = cx.pid();
        async move {
            tracing::error!(%pid, server = Self::type_name(), kind = info.kind(), "unexpected message");
            Ok(Next::Go)
        }
    }

    /// Goes on after [`Next::Continue`], before any message. Without this callback it crashes.
    fn handle_continue(
        &mut self,
        info: Self::Info,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send {
        let _ = (info, cx);
        async { Err(Unhandled("continue").into()) }
    }

    /// Runs before the server ends by its own doing: it stopped, crashed, was asked to stop, or
    /// traps exits and its parent ended. Not when it was killed, nor when it does not trap and an
    /// exit signal ended it.
    ///
    /// A panic in here replaces the reason.
    fn terminate(
        &mut self,
        reason: &ExitReason,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = ()> + Send {
        let _ = (reason, cx);
        async {}
    }

    /// What it is called in trees, lists of children and logs, where it has no name.
    #[doc(hidden)]
    fn type_name() -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Starts a server on its own; await it, or set its options first.
    fn start(args: Self::Args) -> Start<Self> {
        Start::new(args, false)
    }

    /// Starts a server that is linked to the current process, which is its parent.
    ///
    /// Outside of a process there is nobody to be linked to, and it is [`start`](Self::start).
    fn start_link(args: Self::Args) -> Start<Self> {
        Start::new(args, true)
    }

    /// The server as a supervisor's child: `make` makes its arguments, anew at each restart.
    ///
    /// Source: Elixir `GenServer`'s `child_spec/1`.
    fn child(make: impl Fn() -> Self::Args + Send + Sync + 'static) -> Child<Self> {
        Child::new(make)
    }
}

/// What a callback comes to: what to do next, or the crash of the server.
pub type Handled<S> = Result<Next<S>, Crash>;

/// A server got a message for which it has no callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unhandled {0}: the server has no callback for it")]
pub struct Unhandled(pub &'static str);

/// What `init` came to.
pub enum Init<S: GenServer> {
    /// The server runs.
    Ok(S),
    /// The server runs, and goes on with this: [`Next::Continue`], [`Next::Idle`].
    Then(S, Next<S>),
    /// There is nothing to do here; not an error. The process ends `Normal`.
    Ignore,
    /// The server cannot run.
    Stop(ExitReason),
}

/// What a server does after a callback.
pub enum Next<S: GenServer> {
    /// Waits for the next message.
    Go,
    /// Waits for the next message; if none comes in time, [`Info::Idle`]. Any message ends this.
    Idle(Duration),
    /// Calls [`handle_continue`](GenServer::handle_continue) before it looks at any message.
    Continue(S::Info),
    /// Ends with this reason, after `terminate`.
    Stop(ExitReason),
    /// As `Stop`; the answer goes out when `terminate` has ended. See [`Reply::stop_with`].
    StopAndReply(ExitReason, LastWords),
}

/// The answer that a server gives after its end.
pub struct LastWords(Box<dyn FnOnce() + Send>);

impl fmt::Debug for LastWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastWords")
    }
}

impl<S: GenServer> fmt::Debug for Next<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go => f.write_str("Go"),
            Self::Idle(limit) => write!(f, "Idle({limit:?})"),
            Self::Continue(_) => f.write_str("Continue"),
            Self::Stop(reason) | Self::StopAndReply(reason, _) => write!(f, "Stop({reason})"),
        }
    }
}

impl<S: GenServer> fmt::Debug for Init<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(_) => f.write_str("Ok"),
            Self::Then(_, next) => write!(f, "Then({next:?})"),
            Self::Ignore => f.write_str("Ignore"),
            Self::Stop(reason) => write!(f, "Stop({reason})"),
        }
    }
}

/// What arrives at a server and is neither call nor cast.
#[derive(Debug)]
pub enum Info<I> {
    /// A message of the server's own.
    User(I),
    /// A trapped exit signal, of another process than the parent.
    Exit(Box<Exit>),
    /// A monitored process ended.
    Down(Box<Down>),
    /// No message came in the time of a [`Next::Idle`].
    Idle,
    /// A timer of [`Cx::start_timer`] expired.
    Timer(TimerRef, I),
    /// The answer to [`cancel_timer_async`](crate::cancel_timer_async).
    TimerCancelled(Box<crate::message::TimerCancelled>),
    /// A message of another type, sent by pid or name.
    Unknown(Box<AnyMessage>),
}

impl<I> Info<I> {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => std::any::type_name::<I>(),
            Self::Exit(_) => "exit",
            Self::Down(_) => "down",
            Self::Idle => "idle",
            Self::Timer(..) => "timer",
            Self::TimerCancelled(_) => "timer cancelled",
            Self::Unknown(message) => message.type_name(),
        }
    }
}

/// What the mailbox of a server holds.
pub(crate) enum ServerMessage<S: GenServer> {
    Call(S::Call, Pending),
    Cast(S::Cast),
    Info(S::Info),
    Stop(ExitReason),
    Sys(Sys<S>),
}

/// What the shell of a server handles itself.
pub(crate) enum Sys<S> {
    Suspend(Reply<()>),
    Resume(Reply<()>),
    Look(Box<dyn FnOnce(&mut S) + Send>),
}
