//! A server in short form: a ready state that answers calls.

use std::convert::Infallible;
use std::future::Future;

use super::{Cx, GenServer, Handled, Init};
use crate::exit_reason::Crash;

/// A [`GenServer`] in short form: it starts from a ready state, and does nothing but answer calls.
///
/// What it starts from is the state itself, so there is no `init`; a cast, or a message to itself,
/// cannot be written. Everything else is as in any server: it is started, named, called, supervised
/// and stopped in the same words. A supervisor makes a new state at each restart.
///
/// A server that needs more implements [`GenServer`] instead: `handle_call` stays as it is.
///
/// ```
/// use runtime::prelude::*;
///
/// struct Counter(u64);
///
/// enum Call {
///     Get(Reply<u64>),
///     Add(u64, Reply<u64>),
/// }
///
/// impl CallServer for Counter {
///     type Call = Call;
///
///     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
///         match call {
///             Call::Get(reply) => reply.go(self.0),
///             Call::Add(n, reply) => {
///                 self.0 += n;
///                 reply.go(self.0)
///             }
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
/// let counter = Counter::start(Counter(1)).await?;
/// assert_eq!(counter.call(|reply| Call::Add(2, reply)).await?, 3);
/// assert_eq!(counter.call(Call::Get).await?, 3);
/// # Ok(()) }
/// ```
///
/// There is no cast that it could be sent:
///
/// ```compile_fail,E0308
/// # use runtime::prelude::*;
/// # struct Clock;
/// # enum Call { Now(Reply<u64>) }
/// # impl CallServer for Clock {
/// #     type Call = Call;
/// #     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
/// #         let Call::Now(reply) = call;
/// #         reply.go(0)
/// #     }
/// # }
/// # async fn tell(clock: runtime::ServerRef<Clock>) {
/// clock.cast(());
/// # }
/// ```
///
/// Source: Elixir `GenServer`, whose `use` fills in the callbacks that a module leaves out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no server",
    note = "implement `GenServer`, or `CallServer` if it starts from a ready state and only answers calls"
)]
pub trait CallServer: Sized + Send + 'static {
    /// The questions, each with its [`Reply`](crate::Reply).
    type Call: Send + 'static;

    /// Answers a call, now or later.
    fn handle_call(
        &mut self,
        call: Self::Call,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send;
}

impl<S: CallServer> GenServer for S {
    type Args = S;
    type Call = S::Call;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(state: S, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(state))
    }

    fn handle_call(
        &mut self,
        call: S::Call,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Handled<Self>> + Send {
        CallServer::handle_call(self, call, cx)
    }
}
