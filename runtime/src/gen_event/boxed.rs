//! A handler without its type, so that a manager can hold handlers of many.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use super::{EventHandled, EventManager, EventNext, GenEvent, Handler, HandlerId, Leaving};
use crate::exit_reason::Crash;
use crate::gen_server::{Cx, Info};

pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a handler left behind, or a call to it.
pub(super) type Thing = Box<dyn Any + Send>;

/// A handler of events of type `E`.
pub(super) type AnyHandler<E> = Box<dyn Handles<E>>;

/// What becomes of a handler; as [`EventNext`].
pub(super) enum After<E: Send + Sync + 'static> {
    Go,
    Remove,
    Swap(Candidate<E>),
}

impl<E: Send + Sync + 'static, H: GenEvent<Event = E>> From<EventNext<H>> for After<E> {
    fn from(next: EventNext<H>) -> Self {
        match next {
            EventNext::Go => Self::Go,
            EventNext::Remove => Self::Remove,
            EventNext::Swap(successor) => Self::Swap(successor.0),
        }
    }
}

fn after<H: GenEvent>(handled: EventHandled<H>) -> Result<After<H::Event>, Crash> {
    handled.map(After::from)
}

pub(super) trait Handles<E: Send + Sync + 'static>: Send {
    fn event<'a>(
        &'a mut self,
        event: &'a E,
        cx: &'a mut Cx<EventManager<E>>,
    ) -> Doing<'a, Result<After<E>, Crash>>;

    fn info<'a>(
        &'a mut self,
        info: &'a mut Info<E>,
        cx: &'a mut Cx<EventManager<E>>,
    ) -> Doing<'a, Result<After<E>, Crash>>;

    /// Does nothing with a call of another type, which the type of a [`Handler`] excludes.
    fn call<'a>(
        &'a mut self,
        call: Thing,
        cx: &'a mut Cx<EventManager<E>>,
    ) -> Doing<'a, Result<After<E>, Crash>>;

    fn terminate<'a>(
        self: Box<Self>,
        why: &'a Leaving,
        cx: &'a mut Cx<EventManager<E>>,
    ) -> Doing<'a, Thing>;
}

impl<H: GenEvent> Handles<H::Event> for H {
    fn event<'a>(
        &'a mut self,
        event: &'a H::Event,
        cx: &'a mut Cx<EventManager<H::Event>>,
    ) -> Doing<'a, Result<After<H::Event>, Crash>> {
        Box::pin(async { after(self.handle_event(event, cx).await) })
    }

    fn info<'a>(
        &'a mut self,
        info: &'a mut Info<H::Event>,
        cx: &'a mut Cx<EventManager<H::Event>>,
    ) -> Doing<'a, Result<After<H::Event>, Crash>> {
        Box::pin(async { after(self.handle_info(info, cx).await) })
    }

    fn call<'a>(
        &'a mut self,
        call: Thing,
        cx: &'a mut Cx<EventManager<H::Event>>,
    ) -> Doing<'a, Result<After<H::Event>, Crash>> {
        Box::pin(async {
            match call.downcast::<H::Call>() {
                Ok(call) => after(self.handle_call(*call, cx).await),
                Err(_) => Ok(After::Go),
            }
        })
    }

    fn terminate<'a>(
        self: Box<Self>,
        why: &'a Leaving,
        cx: &'a mut Cx<EventManager<H::Event>>,
    ) -> Doing<'a, Thing> {
        Box::pin(async {
            let last: Thing = Box::new(GenEvent::terminate(*self, why, cx).await);
            last
        })
    }
}

type Make<E> = Box<
    dyn for<'a> FnOnce(
            Option<Thing>,
            &'a mut Cx<EventManager<E>>,
        ) -> Doing<'a, Result<AnyHandler<E>, Crash>>
        + Send,
>;

/// A handler that is to be, and may be given what its predecessor left behind.
pub(super) struct Candidate<E: Send + Sync + 'static> {
    pub(super) id: HandlerId,
    pub(super) make: Make<E>,
}

impl<E: Send + Sync + 'static> Candidate<E> {
    pub(super) fn new<H: GenEvent<Event = E>>(handler: &Handler<H>, args: H::Args) -> Self {
        Self::making(handler, |_| args)
    }

    /// After an `Old`.
    pub(super) fn after<Old: GenEvent<Event = E>, H: GenEvent<Event = E>>(
        handler: &Handler<H>,
        args: impl FnOnce(Option<Old::Last>) -> H::Args + Send + 'static,
    ) -> Self {
        Self::making(handler, |last| args(last.and_then(|last| last.downcast().ok()).map(|b| *b)))
    }

    fn making<H: GenEvent<Event = E>>(
        handler: &Handler<H>,
        args: impl FnOnce(Option<Thing>) -> H::Args + Send + 'static,
    ) -> Self {
        let make: Make<E> = Box::new(|last, cx| {
            Box::pin(async {
                let handler: AnyHandler<E> = Box::new(H::init(args(last), cx).await?);
                Ok(handler)
            })
        });
        Self { id: handler.into(), make }
    }
}
