//! What can be done to any server from outside, whatever its protocol.
//!
//! Source: OTP sys.

use crate::call::{CallError, ask_shell};
use crate::gen_server::{GenServer, Server, Sys};

async fn request<S: Server, T: Send + 'static>(
    server: &S,
    make: impl FnOnce(crate::Reply<T>) -> Sys<S::Type>,
) -> Result<T, CallError> {
    let server = server.whereis().ok_or(CallError::NoProc)?;
    ask_shell(&server, make).await
}

/// Lets the server handle nothing more but requests of this module, a stop, and its parent's end,
/// until it is [resumed](resume). What arrives meanwhile waits.
///
/// # Errors
/// See [`CallError`]; waits five seconds.
///
/// Source: OTP `sys:suspend/1`.
pub async fn suspend<S: Server>(server: &S) -> Result<(), CallError> {
    request(server, Sys::Suspend).await
}

/// Lets a suspended server go on.
///
/// # Errors
/// See [`CallError`]; waits five seconds.
///
/// Source: OTP `sys:resume/1`.
pub async fn resume<S: Server>(server: &S) -> Result<(), CallError> {
    request(server, Sys::Resume).await
}

/// Looks at the server's state, in the server's process, between two messages.
///
/// An idle timeout that the server waits for begins anew.
///
/// # Errors
/// See [`CallError`]; waits five seconds.
///
/// Source: OTP `sys:get_state/1`.
pub async fn get_state<S, T>(
    server: &S,
    look: impl FnOnce(&S::Type) -> T + Send + 'static,
) -> Result<T, CallError>
where
    S: Server,
    S::Type: GenServer,
    T: Send + 'static,
{
    request(server, |reply| Sys::Look(Box::new(move |state| reply.send(look(state))))).await
}
