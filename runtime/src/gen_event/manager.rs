//! The server that an event manager is: it tells its handlers, and removes those that crash.

use std::fmt;

use super::boxed::{After, AnyHandler, Candidate, Thing};
use super::handlers::{Entry, Handlers};
use super::{HandlerError, HandlerExit, HandlerId, Leaving};
use crate::ambient::NotInProcess;
use crate::call::Reply;
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{Cx, GenServer, Handled, Info, Init, Next, Start, guarded};
use crate::pid::Pid;
use crate::report;
use crate::supervisor::Child;
use crate::sync::{Arc, Mutex};

/// A process that tells events of type `E` to its handlers; see [`gen_event`](super).
///
/// Start it with [`start`](Self::start) or [`start_link`](Self::start_link); what can be done with
/// it is in [`Events`](super::Events). It traps exits, as in OTP.
///
/// It is a [`GenServer`] as any other: a cast is a [`notify`](super::Events::notify), and what it is
/// sent as info goes to [`handle_info`](super::GenEvent::handle_info) of every handler.
pub struct EventManager<E: Send + Sync + 'static> {
    handlers: Handlers<AnyHandler<E>>,
}

impl<E: Send + Sync + 'static> fmt::Debug for EventManager<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.handlers.ids()).finish()
    }
}

/// What an event manager is asked, by [`Events`](super::Events).
pub struct EventCall<E: Send + Sync + 'static>(pub(super) Ask<E>);

impl<E: Send + Sync + 'static> fmt::Debug for EventCall<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventCall")
    }
}

/// Why a handler did not answer, for whoever asked.
pub(super) type Verdict = Arc<Mutex<Option<HandlerError>>>;

/// A flag says whether the caller wants to be the owner.
pub(super) enum Ask<E: Send + Sync + 'static> {
    Event(E, Reply<()>),
    Add(Candidate<E>, bool, Reply<Result<(), HandlerError>>),
    Delete(HandlerId, Reply<Result<Thing, HandlerError>>),
    Swap(HandlerId, Candidate<E>, bool, Reply<Result<(), HandlerError>>),
    Handler(HandlerId, Thing, Verdict),
    Which(Reply<Vec<HandlerId>>),
}

/// What all handlers are told.
enum Told<'a, E: Send + Sync + 'static> {
    Event(&'a E),
    Info(&'a mut Info<E>),
}

impl<E: Send + Sync + 'static> EventManager<E> {
    /// Starts a manager on its own.
    ///
    /// Source: OTP `gen_event:start/1`.
    pub fn start() -> Start<Self> {
        <Self as GenServer>::start(())
    }

    /// Starts a manager that is linked to the current process, which is its parent.
    ///
    /// Source: OTP `gen_event:start_link/1`.
    pub fn start_link() -> Start<Self> {
        <Self as GenServer>::start_link(())
    }

    /// A manager as a supervisor's child. It is restarted without handlers: whoever added them does
    /// so again.
    pub fn child() -> Child<Self> {
        <Self as GenServer>::child(|| ())
    }

    async fn tell(&mut self, mut told: Told<'_, E>, cx: &mut Cx<Self>) {
        let mut at = 0;
        while let Some(entry) = self.handlers.get_mut(at) {
            let handled = guarded(match &mut told {
                Told::Event(event) => entry.handler.event(event, cx),
                Told::Info(info) => entry.handler.info(info, cx),
            });
            let handled = handled.await;
            if self.after(at, handled, cx).await {
                at += 1;
            }
        }
    }

    /// What becomes of a handler; whether there is one in its place.
    async fn after(
        &mut self,
        at: usize,
        handled: Result<After<E>, ExitReason>,
        cx: &mut Cx<Self>,
    ) -> bool {
        let (why, successor) = match handled {
            Ok(After::Go) => return true,
            Ok(After::Remove) => (Leaving::Removed, None),
            Ok(After::Swap(successor)) => (Leaving::Swapped(successor.id.clone()), Some(successor)),
            Err(reason) => (Leaving::Error(reason), None),
        };
        let Some(entry) = self.handlers.take(at) else { return false };
        let owner = entry.owner;
        let last = end(entry, why, owner, cx).await.ok();
        let Some(successor) = successor else { return false };
        let id = successor.id.clone();
        match begin(successor, last, owner, cx).await {
            Ok(entry) => {
                self.handlers.replace(at, entry);
                true
            }
            Err(reason) => {
                report::handler(&id, cx.pid(), &reason);
                say(owner, id, reason, cx);
                false
            }
        }
    }

    async fn add(
        &mut self,
        candidate: Candidate<E>,
        last: Option<Thing>,
        owner: Option<Pid>,
        cx: &mut Cx<Self>,
    ) -> Result<(), HandlerError> {
        let entry = begin(candidate, last, owner, cx).await.map_err(HandlerError::Failed)?;
        self.handlers.add(entry);
        if let Some(owner) = owner {
            // If it has ended already, that is said by an exit, as if it ended now.
            let _ = cx.link(owner);
        }
        Ok(())
    }

    async fn delete(&mut self, id: &HandlerId, cx: &mut Cx<Self>) -> Result<Thing, HandlerError> {
        let found = self.handlers.find(id).and_then(|at| self.handlers.take(at));
        let entry = found.ok_or(HandlerError::NotFound)?;
        let owner = entry.owner;
        end(entry, Leaving::Deleted, owner, cx).await.map_err(HandlerError::Failed)
    }

    async fn swap(
        &mut self,
        old: &HandlerId,
        candidate: Candidate<E>,
        owner: Option<Pid>,
        cx: &mut Cx<Self>,
    ) -> Result<(), HandlerError> {
        let found = self.handlers.find(old).and_then(|at| self.handlers.take(at));
        let Some(entry) = found else { return self.add(candidate, None, owner, cx).await };
        let owner = owner.or(entry.owner);
        let why = Leaving::Swapped(candidate.id.clone());
        let last = end(entry, why, owner, cx).await.ok();
        self.add(candidate, last, owner, cx).await
    }

    async fn ask_handler(
        &mut self,
        id: &HandlerId,
        call: Thing,
        verdict: &Verdict,
        cx: &mut Cx<Self>,
    ) {
        let found = self.handlers.find(id);
        let Some((at, entry)) = found.and_then(|at| Some((at, self.handlers.get_mut(at)?))) else {
            *verdict.lock() = Some(HandlerError::NotFound);
            return;
        };
        let handled = guarded(entry.handler.call(call, cx)).await;
        if let Err(reason) = &handled {
            *verdict.lock() = Some(HandlerError::Failed(reason.clone()));
        }
        self.after(at, handled, cx).await;
    }

    /// Those of an owner that has ended, and then the others are told.
    async fn lost(&mut self, owner: Pid, reason: &ExitReason, cx: &mut Cx<Self>) {
        while let Some(at) = self.handlers.owned_by(owner) {
            if let Some(entry) = self.handlers.take(at) {
                let _ = end(entry, Leaving::OwnerExit(reason.clone()), Some(owner), cx).await;
            }
        }
    }
}

/// Makes a handler; the reason, if its `init` crashed.
async fn begin<E: Send + Sync + 'static>(
    Candidate { id, make }: Candidate<E>,
    last: Option<Thing>,
    owner: Option<Pid>,
    cx: &mut Cx<EventManager<E>>,
) -> Result<Entry<AnyHandler<E>>, ExitReason> {
    let handler = guarded(make(last, cx)).await?;
    Ok(Entry { id, owner, handler })
}

/// Ends a handler that is no longer in the list; what it left behind, or why not. `heir` owns what
/// comes after it.
async fn end<E: Send + Sync + 'static>(
    Entry { id, owner, handler }: Entry<AnyHandler<E>>,
    why: Leaving,
    heir: Option<Pid>,
    cx: &mut Cx<EventManager<E>>,
) -> Result<Thing, ExitReason> {
    let last = guarded(async { Ok(handler.terminate(&why, cx).await) }).await;
    let crash = match &why {
        Leaving::Error(reason) => Some(reason),
        _ => None,
    };
    for reason in crash.into_iter().chain(last.as_ref().err()) {
        report::handler(&id, cx.pid(), reason);
    }
    say(owner, id, why.told(heir), cx);
    last
}

fn say<E: Send + Sync + 'static>(
    owner: Option<Pid>,
    handler: HandlerId,
    reason: ExitReason,
    cx: &Cx<EventManager<E>>,
) {
    if let Some(owner) = owner {
        owner.send(HandlerExit { manager: cx.pid(), handler, reason });
    }
}

impl<E: Send + Sync + 'static> GenServer for EventManager<E> {
    type Args = ();
    type Call = EventCall<E>;
    type Cast = E;
    type Info = E;

    async fn init((): (), cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(true);
        Ok(Init::Ok(Self { handlers: Handlers::default() }))
    }

    async fn handle_call(
        &mut self,
        EventCall(ask): EventCall<E>,
        cx: &mut Cx<Self>,
    ) -> Handled<Self> {
        let caller = Some(cx.caller()).filter(|caller| *caller != Pid::OUTSIDE);
        match ask {
            Ask::Event(event, reply) => {
                self.tell(Told::Event(&event), cx).await;
                reply.send(());
            }
            Ask::Add(_, true, reply) | Ask::Swap(_, _, true, reply) if caller.is_none() => {
                reply.send(Err(NotInProcess.into()));
            }
            Ask::Add(candidate, supervised, reply) => {
                let owner = caller.filter(|_| supervised);
                reply.send(self.add(candidate, None, owner, cx).await);
            }
            Ask::Delete(id, reply) => reply.send(self.delete(&id, cx).await),
            Ask::Swap(old, candidate, supervised, reply) => {
                let owner = caller.filter(|_| supervised);
                reply.send(self.swap(&old, candidate, owner, cx).await);
            }
            Ask::Handler(id, call, verdict) => self.ask_handler(&id, call, &verdict, cx).await,
            Ask::Which(reply) => reply.send(self.handlers.ids().cloned().collect()),
        }
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, event: E, cx: &mut Cx<Self>) -> Handled<Self> {
        self.tell(Told::Event(&event), cx).await;
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, mut info: Info<E>, cx: &mut Cx<Self>) -> Handled<Self> {
        if let Info::Exit(exit) = &info {
            let (from, reason) = (exit.from, exit.reason.clone());
            self.lost(from, &reason, cx).await;
        }
        self.tell(Told::Info(&mut info), cx).await;
        Ok(Next::Go)
    }

    async fn terminate(&mut self, _: &ExitReason, cx: &mut Cx<Self>) {
        while let Some(entry) = self.handlers.take(0) {
            let owner = entry.owner;
            let _ = end(entry, Leaving::Stop, owner, cx).await;
            // The manager's end is none of an owner's; its parent's, it is.
            if let Some(owner) = owner.filter(|owner| Some(*owner) != cx.parent()) {
                cx.unlink(owner);
            }
        }
    }
}
