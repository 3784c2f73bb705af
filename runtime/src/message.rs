//! What arrives in a mailbox.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::exit_reason::ExitReason;
use crate::pid::{MonitorRef, Pid};
use crate::process::Address;
use crate::timer::TimerRef;

/// One message in the mailbox of a process whose own messages are of type `M`.
///
/// Messages, trapped exits, DOWNs and expired timers stand in one queue, in the order in which they
/// came; what one process sent to another is never overtaken by its death.
///
/// Source: OTP Reference Manual, Processes, "Delivery of Signals".
#[derive(Debug)]
pub enum Message<M> {
    /// A message of the process's own protocol.
    User(M),
    /// An exit signal that this process trapped: OTP's `{'EXIT', From, Reason}`.
    Exit(Box<Exit>),
    /// A monitored process ended: OTP's `{'DOWN', Ref, process, Target, Reason}`.
    Down(Box<Down>),
    /// A timer of [`start_timer`](crate::start_timer) expired: OTP's `{timeout, TimerRef, Msg}`.
    Timeout(Box<Timeout<M>>),
    /// The answer to [`cancel_timer_async`](crate::cancel_timer_async).
    TimerCancelled(Box<TimerCancelled>),
    /// Something of another type than `M`, sent by pid or by name.
    Unknown(Box<AnyMessage>),
}

impl<M> Message<M> {
    /// The user message, or the message itself if it is of another kind.
    ///
    /// # Errors
    /// Hands the message back when it is not a [`User`](Self::User) one.
    pub fn into_user(self) -> Result<M, Self> {
        match self {
            Self::User(message) => Ok(message),
            other => Err(other),
        }
    }
}

/// A trapped exit signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// Who ended, or who sent the signal.
    pub from: Pid,
    /// Why.
    pub reason: ExitReason,
}

/// The end of a monitored process.
#[derive(Clone, Debug, PartialEq)]
pub struct Down {
    /// The monitor that this answers.
    pub mref: MonitorRef,
    /// What was monitored, as it was named to [`monitor`](crate::monitor).
    pub target: Target,
    /// Why it ended; [`NoProc`](ExitReason::NoProc) when there was no such process.
    pub reason: ExitReason,
}

/// An expired timer.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeout<M> {
    /// The timer.
    pub timer: TimerRef,
    /// The message that was given to it.
    pub message: M,
}

/// A timer was cancelled, or had expired before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerCancelled {
    /// The timer.
    pub timer: TimerRef,
    /// The time that was left; `None` when there was no such timer any more.
    pub left: Option<Duration>,
}

/// A message of unexpected type.
pub struct AnyMessage {
    value: Box<dyn Any + Send>,
    type_name: &'static str,
}

impl AnyMessage {
    pub(crate) fn new<T: Send + 'static>(value: T) -> Self {
        Self { value: Box::new(value), type_name: std::any::type_name::<T>() }
    }

    /// The name of the message's type, for a log.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The message, if it is a `T`.
    ///
    /// # Errors
    /// Hands itself back when it is of another type.
    pub fn downcast<T: 'static>(self) -> Result<T, Self> {
        let Self { value, type_name } = self;
        match value.downcast() {
            Ok(value) => Ok(*value),
            Err(value) => Err(Self { value, type_name }),
        }
    }
}

impl fmt::Debug for AnyMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyMessage({})", self.type_name)
    }
}

/// What a monitor watches: a process by its pid, or whoever holds a name now.
///
/// Compares with pids, addresses and names:
///
/// ```
/// use runtime::Target;
///
/// assert!(Target::from("database") == *"database");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One process.
    Pid(Pid),
    /// The process that held this name when the monitor was made.
    Name(Arc<str>),
}

impl PartialEq<Pid> for Target {
    fn eq(&self, pid: &Pid) -> bool {
        matches!(self, Self::Pid(own) if own == pid)
    }
}

impl<M> PartialEq<Address<M>> for Target {
    fn eq(&self, address: &Address<M>) -> bool {
        *self == address.pid()
    }
}

impl PartialEq<str> for Target {
    fn eq(&self, name: &str) -> bool {
        matches!(self, Self::Name(own) if **own == *name)
    }
}

impl From<Pid> for Target {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl From<&str> for Target {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl<M> From<&Address<M>> for Target {
    fn from(address: &Address<M>) -> Self {
        Self::Pid(address.pid())
    }
}

/// Where a message goes: an address, a pid, or a name that is resolved when it is used.
#[derive(Debug)]
pub enum Dest<M> {
    /// A typed address: no look-up.
    Address(Address<M>),
    /// A pid; a message that is not of the receiver's type arrives as [`Message::Unknown`].
    Pid(Pid),
    /// A name in the current system.
    Name(Arc<str>),
}

impl<M> Clone for Dest<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Address(address) => Self::Address(address.clone()),
            Self::Pid(pid) => Self::Pid(*pid),
            Self::Name(name) => Self::Name(name.clone()),
        }
    }
}

impl<M> From<Address<M>> for Dest<M> {
    fn from(address: Address<M>) -> Self {
        Self::Address(address)
    }
}

impl<M> From<&Address<M>> for Dest<M> {
    fn from(address: &Address<M>) -> Self {
        Self::Address(address.clone())
    }
}

impl<M> From<Pid> for Dest<M> {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

impl<M> From<&str> for Dest<M> {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}
