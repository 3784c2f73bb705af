//! An answer, and what the server does after it, in one expression.

use super::{GenServer, Handled, LastWords, Next};
use crate::call::Reply;
use crate::exit_reason::ExitReason;

impl<T: Send + 'static> Reply<T> {
    /// Answers, and lets the server go on: what a callback returns.
    ///
    /// ```
    /// # use runtime::prelude::*;
    /// # struct Clock(u64);
    /// # enum Call { Now(Reply<u64>) }
    /// # impl CallServer for Clock {
    /// #     type Call = Call;
    /// async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
    ///     match call {
    ///         Call::Now(reply) => reply.go(self.0),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// None: it is always [`Next::Go`].
    ///
    /// Source: OTP `gen_server`, `{reply, Reply, NewState}`.
    pub fn go<S: GenServer>(self, value: T) -> Handled<S> {
        self.send(value);
        Ok(Next::Go)
    }

    /// Ends the server with `reason`, and answers when [`terminate`](GenServer::terminate) has
    /// ended: what a callback returns.
    ///
    /// # Errors
    /// None: it is always [`Next::StopAndReply`].
    ///
    /// Source: OTP `gen_server`, `{stop, Reason, Reply, NewState}`.
    pub fn stop_with<S: GenServer>(self, reason: ExitReason, value: T) -> Handled<S> {
        Ok(Next::StopAndReply(reason, LastWords(Box::new(move || self.send(value)))))
    }
}
