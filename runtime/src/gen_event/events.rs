//! What can be done with an event manager from outside.

use std::future::Future;

use super::boxed::{Candidate, Thing};
use super::manager::{Ask, EventCall, EventManager, Verdict};
use super::{GenEvent, Handler, HandlerError, HandlerId};
use crate::call::{CallError, Reply};
use crate::gen_server::Server;

/// What can be done with an event manager: by its reference, its name, or a [`Via`](crate::Via).
///
/// Everything that is asked, and not only told, waits for as long as the manager takes, except
/// [`call_handler`](Self::call_handler).
///
/// Source: OTP `gen_event`.
pub trait Events<E: Send + Sync + 'static>: Server<Type = EventManager<E>> {
    /// Tells an event, and does not wait. Goes nowhere when there is no such manager.
    ///
    /// The same as a [`cast`](Server::cast).
    ///
    /// Source: OTP `gen_event:notify/2`.
    fn notify(&self, event: E) {
        self.cast(event);
    }

    /// Tells an event, and waits until all handlers have had it.
    ///
    /// # Errors
    /// The manager is not there, or ended meanwhile.
    ///
    /// Source: OTP `gen_event:sync_notify/2`.
    fn sync_notify(&self, event: E) -> impl Future<Output = Result<(), CallError>> + Send {
        let call = self.call(|reply| EventCall(Ask::Event(event, reply))).infinity();
        async move { call.await }
    }

    /// Adds a handler, in front of the others. Also when there is one of the same id: both get the
    /// events.
    ///
    /// # Errors
    /// [`HandlerError::Failed`]: its `init` crashed, and it was not added.
    ///
    /// Source: OTP `gen_event:add_handler/3`.
    fn add<H: GenEvent<Event = E>>(
        &self,
        handler: &Handler<H>,
        args: H::Args,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let candidate = Candidate::new(handler, args);
        let call = self.call(|reply| EventCall(Ask::Add(candidate, false, reply))).infinity();
        async move { call.await? }
    }

    /// As [`add`](Self::add), for a handler that the current process owns: the two are linked, the
    /// process is told of the handler's end by a [`HandlerExit`](super::HandlerExit), and the handler
    /// is removed when the process ends.
    ///
    /// The link stays when the handler is gone.
    ///
    /// # Errors
    /// As [`add`](Self::add), and [`HandlerError::NotInProcess`].
    ///
    /// Source: OTP `gen_event:add_sup_handler/3`.
    fn add_sup<H: GenEvent<Event = E>>(
        &self,
        handler: &Handler<H>,
        args: H::Args,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let candidate = Candidate::new(handler, args);
        let call = self.call(|reply| EventCall(Ask::Add(candidate, true, reply))).infinity();
        async move { call.await? }
    }

    /// Removes a handler, and gives what it left behind.
    ///
    /// # Errors
    /// [`HandlerError::NotFound`]; [`HandlerError::Failed`]: its `terminate` crashed. It is gone in
    /// any case.
    ///
    /// Source: OTP `gen_event:delete_handler/3`.
    fn delete<H: GenEvent<Event = E>>(
        &self,
        handler: &Handler<H>,
    ) -> impl Future<Output = Result<H::Last, HandlerError>> + Send {
        let id = HandlerId::from(handler);
        let call = self.call(|reply| EventCall(Ask::Delete(id, reply))).infinity();
        async move {
            let last: Thing = call.await??;
            // Its id says its type.
            last.downcast().map(|last| *last).map_err(|_| HandlerError::NotFound)
        }
    }

    /// Puts a handler in the place of another one, with its owner, and in front of the others.
    /// `args` makes its arguments of what the old one left behind: `None`, if there was no such
    /// handler or its `terminate` crashed.
    ///
    /// # Errors
    /// [`HandlerError::Failed`]: the new one's `init` crashed. The old one is gone in any case.
    ///
    /// Source: OTP `gen_event:swap_handler/3`.
    fn swap<Old: GenEvent<Event = E>, New: GenEvent<Event = E>>(
        &self,
        old: &Handler<Old>,
        new: &Handler<New>,
        args: impl FnOnce(Option<Old::Last>) -> New::Args + Send + 'static,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let (id, candidate) = (old.into(), Candidate::after::<Old, New>(new, args));
        let call = self.call(|reply| EventCall(Ask::Swap(id, candidate, false, reply))).infinity();
        async move { call.await? }
    }

    /// As [`swap`](Self::swap); the new handler's owner is the current process.
    ///
    /// # Errors
    /// As [`swap`](Self::swap), and [`HandlerError::NotInProcess`].
    ///
    /// Source: OTP `gen_event:swap_sup_handler/3`.
    fn swap_sup<Old: GenEvent<Event = E>, New: GenEvent<Event = E>>(
        &self,
        old: &Handler<Old>,
        new: &Handler<New>,
        args: impl FnOnce(Option<Old::Last>) -> New::Args + Send + 'static,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send {
        let (id, candidate) = (old.into(), Candidate::after::<Old, New>(new, args));
        let call = self.call(|reply| EventCall(Ask::Swap(id, candidate, true, reply))).infinity();
        async move { call.await? }
    }

    /// Asks one handler, and waits five seconds.
    ///
    /// # Errors
    /// [`HandlerError::NotFound`]; [`HandlerError::Failed`]: the call crashed the handler, which is
    /// gone now.
    ///
    /// Source: OTP `gen_event:call/3`.
    fn call_handler<H: GenEvent<Event = E>, T: Send + 'static>(
        &self,
        handler: &Handler<H>,
        make: impl FnOnce(Reply<T>) -> H::Call + Send,
    ) -> impl Future<Output = Result<T, HandlerError>> + Send {
        let (id, verdict) = (HandlerId::from(handler), Verdict::default());
        let tells = verdict.clone();
        let call = self.call(|reply| EventCall(Ask::Handler(id, Box::new(make(reply)), tells)));
        async move {
            call.await.map_err(|error| match (&error, verdict.lock().take()) {
                (CallError::NoReply, Some(why)) => why,
                _ => error.into(),
            })
        }
    }

    /// The handlers, in the order in which they are told: the newest first.
    ///
    /// # Errors
    /// The manager is not there.
    ///
    /// Source: OTP `gen_event:which_handlers/1`.
    fn which_handlers(&self) -> impl Future<Output = Result<Vec<HandlerId>, CallError>> + Send {
        let call = self.call(|reply| EventCall(Ask::Which(reply))).infinity();
        async move { call.await }
    }
}

impl<E: Send + Sync + 'static, N: Server<Type = EventManager<E>>> Events<E> for N {}
