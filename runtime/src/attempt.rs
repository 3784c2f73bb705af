//! Protected execution: error, exit and throw, and what can be done about them.
//!
//! OTP knows three ways to leave a computation early, and a process that does not catch one ends
//! with it:
//!
//! | kind | raised by | a process that does not catch it ends with |
//! |---|---|---|
//! | error | `panic!` and its like, [`raise`] | [`Panic`](ExitReason::Panic), [`Error`](ExitReason::Error) |
//! | exit | [`exit`] | the reason itself |
//! | throw | [`throw`] | [`NoCatch`](crate::NoCatch) with the value |
//!
//! All three unwind, so `Drop` runs on the way. [`attempt`] stops the unwinding and says what came.
//!
//! An exit *signal* is something else: it comes from outside, cannot be caught by [`attempt`], and
//! no `after` runs; see [`Pid::exit`](crate::Pid::exit).
//!
//! In Rust, an expected failure is a `Result` and clean-up is a `Drop`; these functions are for the
//! edges where code that may panic is run on somebody's behalf, and for learning what OTP does.
//!
//! ```
//! use runtime::{attempt, throw};
//!
//! let found = attempt(|| {
//!     for n in 1..1000 {
//!         if n * 13 % 7 == 0 {
//!             throw(n * 13);
//!         }
//!     }
//!     0
//! })
//! .catch_throw(|n: i32| n)
//! .end();
//! assert_eq!(found, 91);
//! ```
//!
//! Source: Erlang Reference Manual, Expressions, "Try"; Elixir `Kernel.SpecialForms.try/1`.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ambient::{Payload, catch, panic_info};
use crate::exit_reason::{ExitReason, PanicInfo, Term, TermValue};
use crate::sync::Arc;

/// The payloads with which the runtime unwinds.
pub(crate) enum Unwind {
    Exit(ExitReason),
    Throw(Term),
    Raise(anyhow::Error),
    /// A caught panic on its way again, with its first place.
    Panic(Arc<PanicInfo>),
    /// The process sent itself a deadly signal. Nobody catches this.
    Doomed,
}

impl Unwind {
    /// Unwinds, past the panic hook: none of these is a bug that a log should show.
    pub(crate) fn begin(self) -> ! {
        resume_unwind(Box::new(self))
    }
}

/// Leaves with kind *exit*: a process that does not catch it ends with `reason`.
///
/// Outside of a process it unwinds like a panic.
///
/// Source: Elixir `Kernel.exit/1`.
pub fn exit(reason: ExitReason) -> ! {
    Unwind::Exit(reason).begin()
}

/// Leaves with kind *throw*: a return to a [`catch_throw`](Attempt::catch_throw) further up.
///
/// Source: Elixir `Kernel.throw/1`.
pub fn throw(value: impl TermValue) -> ! {
    Unwind::Throw(Term::new(value)).begin()
}

/// Leaves with kind *error* and a typed error, which [`rescue`](Attempt::rescue) can tell by its type.
///
/// Where the caller is expected to deal with the failure, return a `Result` instead.
///
/// Source: Elixir `Kernel.raise/1`.
pub fn raise(error: impl Into<anyhow::Error>) -> ! {
    Unwind::Raise(error.into()).begin()
}

/// What left a computation early.
#[derive(Debug)]
pub enum Caught {
    /// An error: a panic, or what [`raise`] was given.
    Error(Raised),
    /// An exit: what [`exit`] was given.
    Exit(ExitReason),
    /// A throw: what [`throw`] was given.
    Throw(Term),
}

impl Caught {
    fn from_payload(payload: Payload) -> Self {
        match payload.downcast::<Unwind>() {
            Ok(unwind) => match *unwind {
                Unwind::Exit(reason) => Self::Exit(reason),
                Unwind::Throw(term) => Self::Throw(term),
                Unwind::Raise(error) => Self::Error(Raised::Error(error)),
                Unwind::Panic(info) => Self::Error(Raised::Panic(info)),
                Unwind::Doomed => Unwind::Doomed.begin(),
            },
            Err(payload) => Self::Error(Raised::Panic(Arc::new(panic_info(payload)))),
        }
    }

    /// Leaves again, with the same kind, value and place.
    ///
    /// Source: Elixir `Kernel.reraise/2`.
    pub fn reraise(self) -> ! {
        match self {
            Self::Error(Raised::Error(error)) => Unwind::Raise(error),
            Self::Error(Raised::Panic(info)) => Unwind::Panic(info),
            Self::Exit(reason) => Unwind::Exit(reason),
            Self::Throw(term) => Unwind::Throw(term),
        }
        .begin()
    }

    /// The exit reason of a process that does not catch this.
    pub fn into_exit_reason(self) -> ExitReason {
        match self {
            Self::Error(Raised::Error(error)) => ExitReason::error(error),
            Self::Error(Raised::Panic(info)) => ExitReason::Panic(info),
            Self::Exit(reason) => reason,
            Self::Throw(term) => ExitReason::other(crate::exit_reason::NoCatch(term)),
        }
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "error: {error}"),
            Self::Exit(reason) => write!(f, "exit: {reason}"),
            Self::Throw(term) => write!(f, "throw: {term:?}"),
        }
    }
}

/// An error as it was raised.
#[derive(Debug)]
pub enum Raised {
    /// A panic: division by zero, an index out of bounds, `unwrap` on the wrong variant, `panic!`.
    Panic(Arc<PanicInfo>),
    /// A typed error, from [`raise`].
    Error(anyhow::Error),
}

impl Raised {
    /// The error, if it is an `E`. A panic is a [`PanicInfo`] and nothing else.
    ///
    /// # Errors
    /// Hands itself back when it is of another type.
    pub fn downcast<E>(self) -> Result<E, Self>
    where
        E: fmt::Display + fmt::Debug + Send + Sync + 'static,
    {
        match self {
            Self::Error(error) => error.downcast::<E>().map_err(Self::Error),
            Self::Panic(info) => {
                let boxed: Box<dyn Any> = Box::new(PanicInfo::clone(&info));
                boxed.downcast::<E>().map(|info| *info).map_err(|_| Self::Panic(info))
            }
        }
    }

    /// The message: what Elixir's `Exception.message/1` gives.
    pub fn message(&self) -> String {
        match self {
            Self::Panic(info) => info.message().to_owned(),
            Self::Error(error) => error.to_string(),
        }
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(info) => info.fmt(f),
            Self::Error(error) => write!(f, "{error:#}"),
        }
    }
}

/// A computation that was attempted, and the clauses that follow it.
///
/// The clauses come in the order of a `try`: [`otherwise`](Self::otherwise) or
/// [`rescue`](Self::rescue) and the `catch`es, then [`after`](Self::after), then
/// [`end`](Self::end) or [`result`](Self::result). The first clause that fits is taken; what is
/// raised inside a clause is not caught by its neighbours.
#[derive(Debug)]
#[must_use = "what was caught is lost: finish with `end` or `result`"]
pub struct Attempt<T> {
    outcome: Result<T, Caught>,
    /// A clause has been taken: the others are passed over.
    settled: bool,
}

/// Runs `body` and stops what leaves it early.
///
/// What `body` changed before it left stays changed: think twice before using a value that it
/// was about to change.
pub fn attempt<T>(body: impl FnOnce() -> T) -> Attempt<T> {
    Attempt { outcome: protect(body), settled: false }
}

fn protect<T>(body: impl FnOnce() -> T) -> Result<T, Caught> {
    catch(body).map_err(Caught::from_payload)
}

impl<T> Attempt<T> {
    fn clause(mut self, outcome: Result<T, Caught>) -> Self {
        self.outcome = outcome;
        self.settled = true;
        self
    }

    /// Takes an error of type `E`. A panic is taken by `rescue::<PanicInfo>`.
    pub fn rescue<E>(mut self, clause: impl FnOnce(E) -> T) -> Self
    where
        E: fmt::Display + fmt::Debug + Send + Sync + 'static,
    {
        if self.settled {
            return self;
        }
        match self.outcome {
            Err(Caught::Error(raised)) => match raised.downcast::<E>() {
                Ok(error) => Self { outcome: protect(|| clause(error)), settled: true },
                Err(raised) => {
                    self.outcome = Err(Caught::Error(raised));
                    self
                }
            },
            outcome => Self { outcome, settled: false },
        }
    }

    /// Takes any error.
    pub fn rescue_any(self, clause: impl FnOnce(Raised) -> T) -> Self {
        match self {
            Self { outcome: Err(Caught::Error(raised)), settled: false } => {
                Self { outcome: protect(|| clause(raised)), settled: true }
            }
            other => other,
        }
    }

    /// Takes an exit.
    pub fn catch_exit(self, clause: impl FnOnce(ExitReason) -> T) -> Self {
        match self {
            Self { outcome: Err(Caught::Exit(reason)), settled: false } => {
                Self { outcome: protect(|| clause(reason)), settled: true }
            }
            other => other,
        }
    }

    /// Takes a throw of a value of type `V`.
    pub fn catch_throw<V: Clone + 'static>(self, clause: impl FnOnce(V) -> T) -> Self {
        match self {
            Self { outcome: Err(Caught::Throw(term)), settled: false } => {
                let value = term.downcast_ref::<V>().cloned();
                match value {
                    Some(value) => Self { outcome: protect(|| clause(value)), settled: true },
                    None => Self { outcome: Err(Caught::Throw(term)), settled: false },
                }
            }
            other => other,
        }
    }

    /// Takes whatever came, with its kind.
    pub fn catch(self, clause: impl FnOnce(Caught) -> T) -> Self {
        match self {
            Self { outcome: Err(caught), settled: false } => {
                Self { outcome: protect(|| clause(caught)), settled: true }
            }
            other => other,
        }
    }

    /// Goes on with the value when nothing left early: the `else` of a `try`.
    ///
    /// What is raised in here is caught by no clause of this attempt.
    pub fn otherwise(self, clause: impl FnOnce(T) -> T) -> Self {
        match self {
            Self { outcome: Ok(value), settled: false } => {
                Self { outcome: protect(|| clause(value)), settled: true }
            }
            other => other,
        }
    }

    /// Runs in every case, after the clause that was taken, before anything leaves.
    ///
    /// Its value is dropped. What is raised in here replaces what was on its way.
    pub fn after<R>(self, clause: impl FnOnce() -> R) -> Self {
        match protect(|| drop(clause())) {
            Ok(()) => self,
            Err(caught) => self.clause(Err(caught)),
        }
    }

    /// The value; or leaves again with what no clause took.
    pub fn end(self) -> T {
        match self.outcome {
            Ok(value) => value,
            Err(caught) => caught.reraise(),
        }
    }

    /// The value, or what no clause took.
    ///
    /// # Errors
    /// What left the computation, or a clause of it, early.
    pub fn result(self) -> Result<T, Caught> {
        self.outcome
    }
}

pin_project! {
    /// The future of [`attempt_async`].
    #[derive(Debug)]
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct AttemptAsync<F> {
        #[pin]
        body: F,
    }
}

/// As [`attempt`], for a future.
///
/// A process that is killed, or ended by an exit signal, while it waits in here is gone: no clause
/// runs, and no `after`. `Drop` runs.
///
/// Cancellation: dropping the future drops the body.
pub fn attempt_async<F: Future>(body: F) -> AttemptAsync<F> {
    AttemptAsync { body }
}

impl<F: Future> Future for AttemptAsync<F> {
    type Output = Attempt<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let body = self.project().body;
        let outcome = match protect(|| body.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(caught) => Err(caught),
        };
        Poll::Ready(Attempt { outcome, settled: false })
    }
}
