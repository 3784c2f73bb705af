//! Why: the reason with which a process ends.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::call::CallError;
use crate::gen_event::HandlerError;
use crate::gen_server::StopError;
use crate::task::TaskError;

/// Why a process ended, or is asked to end.
///
/// Travels along links, arrives in [`Exit`](crate::Exit) and [`Down`](crate::Down) messages, and
/// decides whether a supervisor restarts a child. Cheap to clone.
///
/// Two reasons are equal when they say the same: terms by their own `==`, panics by message and
/// place, errors by their printed chain.
///
/// ```
/// use runtime::ExitReason;
///
/// let reason = ExitReason::other(("finished", 3));
/// assert_eq!(reason, ExitReason::other(("finished", 3)));
/// assert_eq!(reason.downcast_ref::<(&str, i32)>(), Some(&("finished", 3)));
/// assert!(!reason.is_expected());
/// ```
///
/// Source: OTP Reference Manual, Errors and Error Handling, "Exit Reasons".
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum ExitReason {
    /// The process came to the end of its work.
    #[default]
    Normal,
    /// An orderly stop, as a supervisor asks for it.
    Shutdown,
    /// An orderly stop with a word on why: OTP's `{shutdown, Term}`.
    ShutdownWith(Term),
    /// The untrappable signal when sent with [`Pid::kill`](crate::Pid::kill); an ordinary reason
    /// when a process ends with it by itself.
    Kill,
    /// The process was killed: what others see of a [`Kill`](ExitReason::Kill).
    Killed,
    /// There was no such process.
    NoProc,
    /// The process panicked.
    Panic(Arc<PanicInfo>),
    /// The process ended with an error: an `Err` returned from its body, or [`raise`](crate::raise).
    Error(Arc<anyhow::Error>),
    /// Any other term.
    Other(Term),
}

impl ExitReason {
    /// A reason of one's own, from any value that can be printed and compared.
    pub fn other(term: impl TermValue) -> Self {
        Self::Other(Term::new(term))
    }

    /// An orderly stop with a word on why: OTP's `{shutdown, Term}`.
    pub fn shutdown_with(term: impl TermValue) -> Self {
        Self::ShutdownWith(Term::new(term))
    }

    /// A crash with this error as its reason.
    pub fn error(error: impl Into<anyhow::Error>) -> Self {
        Self::Error(Arc::new(error.into()))
    }

    /// Whether this is an orderly end: `Normal`, `Shutdown` or `ShutdownWith`.
    ///
    /// A transient child that ends with such a reason is not restarted.
    /// Source: OTP supervisor, "Restart types".
    pub fn is_expected(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith(_))
    }

    /// The term of an [`Other`](Self::Other) or [`ShutdownWith`](Self::ShutdownWith), if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Other(term) | Self::ShutdownWith(term) => term.downcast_ref::<T>(),
            _ => None,
        }
    }

    /// The error of an [`Error`](Self::Error).
    pub fn as_error(&self) -> Option<&anyhow::Error> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// What is known of the panic, if it was one.
    pub fn as_panic(&self) -> Option<&PanicInfo> {
        match self {
            Self::Panic(info) => Some(info),
            _ => None,
        }
    }
}

impl PartialEq for ExitReason {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Normal, Self::Normal)
            | (Self::Shutdown, Self::Shutdown)
            | (Self::Kill, Self::Kill)
            | (Self::Killed, Self::Killed)
            | (Self::NoProc, Self::NoProc) => true,
            (Self::ShutdownWith(a), Self::ShutdownWith(b)) | (Self::Other(a), Self::Other(b)) => {
                a == b
            }
            (Self::Panic(a), Self::Panic(b)) => a == b,
            (Self::Error(a), Self::Error(b)) => {
                Arc::ptr_eq(a, b) || format!("{a:#}") == format!("{b:#}")
            }
            _ => false,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::ShutdownWith(term) => write!(f, "{{shutdown, {term:?}}}"),
            Self::Kill => f.write_str("kill"),
            Self::Killed => f.write_str("killed"),
            Self::NoProc => f.write_str("noproc"),
            Self::Panic(info) => write!(f, "panic: {info}"),
            Self::Error(error) => write!(f, "error: {error:#}"),
            Self::Other(term) => write!(f, "{term:?}"),
        }
    }
}

impl fmt::Debug for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ExitReason {}

/// A value of any type that can be printed and compared, shared by everybody who sees it.
#[derive(Clone)]
pub struct Term(Arc<dyn TermValue>);

impl Term {
    /// Wraps a value. A [`Term`] is not wrapped twice.
    pub fn new(value: impl TermValue) -> Self {
        if let Some(term) = value.as_any().downcast_ref::<Term>() {
            return term.clone();
        }
        Self(Arc::new(value))
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.0.as_any().downcast_ref()
    }
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&*other.0)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be the value of a [`Term`]: everything that is `Debug`, `PartialEq`, `Send`, `Sync` and
/// owns what it holds. Implemented for all such types.
pub trait TermValue: fmt::Debug + Send + Sync + 'static {
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
    #[doc(hidden)]
    fn same(&self, other: &dyn TermValue) -> bool;
}

impl<T: fmt::Debug + PartialEq + Send + Sync + 'static> TermValue for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn same(&self, other: &dyn TermValue) -> bool {
        other.as_any().downcast_ref::<T>().is_some_and(|other| self == other)
    }
}

/// The term of a process that ended by a throw which nobody caught: OTP's `{nocatch, Value}`.
#[derive(Clone, Debug, PartialEq)]
pub struct NoCatch(pub Term);

/// What is known of a panic: its message and its place.
///
/// Prints as `message, at file:line:column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicInfo {
    message: String,
    place: Option<Place>,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line, beginning at 1.
    pub line: u32,
    /// The column, beginning at 1.
    pub column: u32,
}

impl PanicInfo {
    pub(crate) fn new(message: String, place: Option<Place>) -> Self {
        Self { message, place }
    }

    /// The panic's message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it panicked; unknown when the payload was sent on by `resume_unwind`.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }
}

impl fmt::Display for PanicInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}, at {place}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for PanicInfo {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How a body or a callback says "this is the end of me": made from any error by `?`.
///
/// The error becomes the exit reason. An [`ExitReason`] stays what it is, a [`CallError`],
/// [`StopError`], [`TaskError`] or [`HandlerError`] becomes what OTP's call would exit with, and
/// every other error becomes [`ExitReason::Error`].
///
/// ```
/// use runtime::{Crash, ExitReason};
///
/// fn parse(text: &str) -> Result<u32, Crash> {
///     Ok(text.parse::<u32>()?)
/// }
///
/// assert!(matches!(parse("x").unwrap_err().reason(), ExitReason::Error(_)));
/// assert_eq!(*Crash::from(ExitReason::Shutdown).reason(), ExitReason::Shutdown);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Crash(ExitReason);

impl Crash {
    /// The reason with which the process will end.
    pub fn reason(&self) -> &ExitReason {
        &self.0
    }

    /// The reason with which the process will end.
    pub fn into_reason(self) -> ExitReason {
        self.0
    }
}

impl<E: Into<anyhow::Error>> From<E> for Crash {
    fn from(error: E) -> Self {
        let error: anyhow::Error = error.into();
        Self(if let Some(reason) = error.downcast_ref::<ExitReason>() {
            reason.clone()
        } else if let Some(call) = error.downcast_ref::<CallError>() {
            call.clone().into_exit_reason()
        } else if let Some(stop) = error.downcast_ref::<StopError>() {
            stop.clone().into_exit_reason()
        } else if let Some(task) = error.downcast_ref::<TaskError>() {
            task.clone().into_exit_reason()
        } else if let Some(handler) = error.downcast_ref::<HandlerError>() {
            handler.clone().into_exit_reason()
        } else {
            ExitReason::Error(Arc::new(error))
        })
    }
}

/// What the body of a process may come to, and the exit reason that this stands for.
///
/// | the body returns | the process ends with |
/// |---|---|
/// | `()`, `Ok(())` | [`Normal`](ExitReason::Normal) |
/// | an [`ExitReason`] | that reason |
/// | `Err(error)` | the error, see [`Crash`] |
/// | never (`loop {}`) | - |
///
/// Sealed: whatever else a body knows is said by an [`ExitReason`].
pub trait Outcome: sealed::Sealed {
    /// The exit reason.
    fn into_exit_reason(self) -> ExitReason;
}

impl Outcome for () {
    fn into_exit_reason(self) -> ExitReason {
        ExitReason::Normal
    }
}

impl Outcome for ExitReason {
    fn into_exit_reason(self) -> ExitReason {
        self
    }
}

impl<E: Into<Crash>> Outcome for Result<(), E> {
    fn into_exit_reason(self) -> ExitReason {
        self.map_or_else(|error| error.into().into_reason(), |()| ExitReason::Normal)
    }
}

mod sealed {
    use super::{Crash, ExitReason, never};

    pub trait Sealed {}

    impl Sealed for () {}
    impl Sealed for ExitReason {}
    impl<E: Into<Crash>> Sealed for Result<(), E> {}
    impl Sealed for never::Never {}
}

/// Names the type `!`, which stable Rust has but does not let one write: a body that never returns
/// (`loop {}`, `panic!()`) has it as its output.
#[allow(unreachable_pub)]
mod never {
    pub trait Returns {
        type Output;
    }

    impl<T> Returns for fn() -> T {
        type Output = T;
    }

    pub type Never = <fn() -> ! as Returns>::Output;
}

impl Outcome for never::Never {
    fn into_exit_reason(self) -> ExitReason {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_reasons_are_the_orderly_ones() {
        for reason in
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("upgrade")]
        {
            assert!(reason.is_expected(), "{reason}");
        }
        let crash = ExitReason::Panic(Arc::new(PanicInfo::new("boom".into(), None)));
        for reason in [ExitReason::Kill, ExitReason::Killed, ExitReason::other("x"), crash] {
            assert!(!reason.is_expected(), "{reason}");
        }
    }

    #[test]
    fn terms_compare_by_value_and_type() {
        assert_eq!(ExitReason::other("oops"), ExitReason::other("oops"));
        assert_ne!(ExitReason::other("oops"), ExitReason::other("other"));
        assert_ne!(ExitReason::other(1_i32), ExitReason::other(1_u32));
        assert_ne!(ExitReason::other("shutdown"), ExitReason::Shutdown);
        assert_ne!(ExitReason::other("x"), ExitReason::shutdown_with("x"));
    }

    #[test]
    fn a_term_is_not_wrapped_twice() {
        let term = Term::new(7);
        assert_eq!(Term::new(term.clone()).downcast_ref::<i32>(), Some(&7));
    }

    #[test]
    fn an_exit_reason_survives_the_question_mark() {
        fn stop() -> Result<(), Crash> {
            Err(ExitReason::other("why"))?;
            Ok(())
        }
        assert_eq!(stop().into_exit_reason(), ExitReason::other("why"));
    }

    #[test]
    fn an_anyhow_error_becomes_the_reason() {
        let outcome: anyhow::Result<()> = Err(anyhow::anyhow!("disk full").context("saving"));
        assert_eq!(outcome.into_exit_reason().to_string(), "error: saving: disk full");
    }
}
