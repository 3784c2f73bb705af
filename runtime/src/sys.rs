//! What can be done to any server from outside, whatever its protocol.
//!
//! A request is sent when it is made, and answered to whoever awaits what these functions return.
//!
//! Source: OTP sys.

use crate::call::{Calling, Reply};
use crate::gen_server::{GenServer, Server, Sys};

/// What it gives knows nothing of `S`: a future that held a `&S` would be `Send` for some lifetimes
/// of a key only, and no process's body.
fn request<S: Server, T: Send + 'static>(
    server: &S,
    make: impl FnOnce(Reply<T>) -> Sys<S::Type>,
) -> Calling<T> {
    Calling::of_shell(server.reach().server(), make)
}

/// Lets the server handle nothing more but requests of this module, a stop, and its parent's end,
/// until it is [resumed](resume). What arrives meanwhile waits.
///
/// # Errors
/// See [`CallError`](crate::CallError); waits five seconds.
///
/// Source: OTP `sys:suspend/1`.
pub fn suspend<S: Server>(server: &S) -> Calling<()> {
    request(server, Sys::Suspend)
}

/// Lets a suspended server go on.
///
/// # Errors
/// See [`CallError`](crate::CallError); waits five seconds.
///
/// Source: OTP `sys:resume/1`.
pub fn resume<S: Server>(server: &S) -> Calling<()> {
    request(server, Sys::Resume)
}

/// Looks at the server's state, in the server's process, between two messages.
///
/// An idle timeout that the server waits for begins anew.
///
/// # Errors
/// See [`CallError`](crate::CallError); waits five seconds.
///
/// Source: OTP `sys:get_state/1`.
pub fn get_state<S, T>(server: &S, look: impl FnOnce(&S::Type) -> T + Send + 'static) -> Calling<T>
where
    S: Server,
    S::Type: GenServer,
    T: Send + 'static,
{
    request(server, |reply| Sys::Look(Box::new(move |state| reply.send(look(state)))))
}
