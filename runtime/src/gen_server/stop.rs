//! Asking a server to end.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use super::{GenServer, ServerMessage, ServerRef};
use crate::ambient;
use crate::exit_reason::ExitReason;

/// A server could not be stopped, or did not end as it was asked to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// There is no such server.
    #[error("noproc: no such server")]
    NoProc,
    /// A server would wait for its own end.
    #[error("calling_self: a server cannot wait for its own end")]
    CallingSelf,
    /// It has not ended in time. It goes on ending.
    #[error("timeout: the server has not ended in time")]
    Timeout,
    /// It ended with another reason than it was given.
    #[error("the server ended otherwise: {0}")]
    Exit(ExitReason),
}

impl StopError {
    /// The reason with which a process ends that lets this crash it.
    pub fn into_exit_reason(self) -> ExitReason {
        match self {
            Self::NoProc => ExitReason::NoProc,
            Self::Exit(reason) => reason,
            Self::Timeout | Self::CallingSelf => ExitReason::other(self),
        }
    }
}

/// A server that is to be stopped: set reason and time limit, await it.
#[derive(Debug)]
#[must_use = "a stop is sent when it is awaited"]
pub struct Stop<S: GenServer> {
    server: Option<ServerRef<S>>,
    reason: ExitReason,
    limit: Option<Duration>,
}

impl<S: GenServer> Stop<S> {
    pub(super) fn new(server: Option<ServerRef<S>>) -> Self {
        Self { server, reason: ExitReason::Normal, limit: None }
    }

    /// With this reason.
    pub fn reason(mut self, reason: ExitReason) -> Self {
        self.reason = reason;
        self
    }

    /// Waits this long for its end.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    async fn run(self) -> Result<(), StopError> {
        let server = self.server.ok_or(StopError::NoProc)?;
        if ambient::current_pid() == server.pid() {
            return Err(StopError::CallingSelf);
        }
        let end = server.0.join();
        if server.send(ServerMessage::Stop(self.reason.clone())).is_err() {
            return Err(StopError::NoProc);
        }
        let reason = match self.limit {
            Some(limit) => crate::rt::timeout(limit, end).await.map_err(|_| StopError::Timeout)?,
            None => end.await,
        };
        if reason == self.reason { Ok(()) } else { Err(StopError::Exit(reason)) }
    }
}

impl<S: GenServer> IntoFuture for Stop<S> {
    type Output = Result<(), StopError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
