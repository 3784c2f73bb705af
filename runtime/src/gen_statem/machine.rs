//! The server that a machine is: it takes what arrives to the core, and does what the core decides.

use std::fmt;

use super::core::{Actions, Core, Effect, Kind, Moved, Next as Waits};
use super::transition::{Asked, Begins, Goes};
use super::{Event, GenStatem};
use crate::ambient;
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{Cx, GenServer, Handled, Info, Init, Next, answer_dropped};
use crate::pid::Pid;
use crate::rt::yield_now;
use crate::supervisor::{Restart, Shutdown};
use crate::timer::{TimerRef, cancel_timer, send_after};

/// The server that runs a state machine: what names and references of a machine lead to.
///
/// Made by [`GenStatem::start`] and its like. It is a [`GenServer`] as any other; in
/// [`sys::get_state`](crate::sys::get_state) it shows the state and the data.
pub struct Machine<M: GenStatem> {
    data: M,
    core: Core<M::State, Waiting<M>, M::Timeout, M::Info>,
    timers: Timers,
    /// What `init` asked for, until the machine has entered its first state.
    first: Option<Asked<M>>,
}

/// An event, and who asks if it is a call.
struct Waiting<M: GenStatem> {
    event: Event<M>,
    caller: Pid,
}

/// What a machine sends to itself.
enum Wake {
    Begin,
    Expired(u64),
}

/// The timers that run, by the core's numbers for them.
#[derive(Default)]
struct Timers(Vec<(u64, TimerRef)>);

impl Timers {
    fn carry_out(&mut self, effects: Vec<Effect>, machine: Pid) {
        for effect in effects {
            match effect {
                Effect::Start { number, after } => {
                    self.0.push((number, send_after(after, machine, Wake::Expired(number))));
                }
                Effect::Cancel { number } => {
                    if let Some(timer) = self.take(number) {
                        cancel_timer(timer);
                    }
                }
            }
        }
    }

    fn take(&mut self, number: u64) -> Option<TimerRef> {
        let at = self.0.iter().position(|(of, _)| *of == number)?;
        Some(self.0.swap_remove(at).1)
    }
}

impl Drop for Timers {
    /// A timer belongs to nobody: those of a machine that has ended would stay until they expire.
    fn drop(&mut self) {
        for (_, timer) in &self.0 {
            cancel_timer(*timer);
        }
    }
}

impl<M: GenStatem> Machine<M> {
    /// The state that it is in.
    pub fn state(&self) -> &M::State {
        self.core.state()
    }

    /// Its data.
    pub fn data(&self) -> &M {
        &self.data
    }

    /// Handles what came, and everything that is to be handled before the next message.
    async fn take(
        &mut self,
        event: Option<Event<M>>,
        caller: Pid,
        cx: &mut Cx<Self>,
    ) -> Handled<Self> {
        if let Some(asked) = self.first.take() {
            self.enter(&Moved::Repeated, asked, Pid::OUTSIDE, cx).await?;
            if let Some(reason) = self.go_on(cx).await? {
                return Ok(Next::Stop(reason));
            }
        }
        let mut end = None;
        if let Some(event) = event {
            end = self.handle(Waiting { event, caller }, cx).await?;
            if end.is_none() {
                end = self.go_on(cx).await?;
            }
        }
        Ok(end.map_or(Next::Go, Next::Stop))
    }

    /// Handles what waits inside; the reason, if the machine shall end.
    async fn go_on(&mut self, cx: &mut Cx<Self>) -> Result<Option<ExitReason>, Crash> {
        while let Some(waits) = self.core.next() {
            // As messages would: a machine that goes on and on leaves room for others.
            if !ambient::spend() {
                yield_now().await;
            }
            let waiting = match waits {
                Waits::Queued(waiting) => waiting,
                Waits::Due(kind, content) => {
                    Waiting { event: Event::due(kind, content), caller: Pid::OUTSIDE }
                }
            };
            let end = self.handle(waiting, cx).await?;
            if end.is_some() {
                return Ok(end);
            }
        }
        Ok(None)
    }

    async fn handle(
        &mut self,
        Waiting { event, caller }: Waiting<M>,
        cx: &mut Cx<Self>,
    ) -> Result<Option<ExitReason>, Crash> {
        cx.caller = caller;
        let transition = self.data.handle_event(self.core.state(), event, cx).await;
        cx.caller = Pid::OUTSIDE;
        let (to, asked) = match transition?.0 {
            Goes::Stop(reason) => return Ok(Some(reason)),
            Goes::To(to, asked) => (to, asked),
        };
        let moved = self.core.go(to);
        self.enter(&moved, asked, caller, cx).await?;
        Ok(None)
    }

    /// The rest of a transition, which begins with the call for the state's entry.
    async fn enter(
        &mut self,
        moved: &Moved<M::State>,
        mut asked: Asked<M>,
        caller: Pid,
        cx: &mut Cx<Self>,
    ) -> Result<(), Crash> {
        let state = self.core.state();
        let old = match moved {
            Moved::Kept => None,
            Moved::Repeated => Some(state),
            Moved::Changed { from } => Some(from),
        };
        if let Some(old) = old {
            let entered = self.data.state_enter(old, state, cx).await?;
            asked.timeouts.extend(entered.0.timeouts);
        }
        let inserted = |event| Waiting { event, caller: Pid::OUTSIDE };
        let actions = Actions {
            postpone: asked.postpone.map(|event| Waiting { event, caller }),
            insert: asked.insert.into_iter().map(inserted).collect(),
            timeouts: asked.timeouts,
        };
        let changed = matches!(moved, Moved::Changed { .. });
        self.timers.carry_out(self.core.settle(changed, actions), cx.pid());
        answer_dropped(cx);
        Ok(())
    }
}

impl<M: GenStatem> Event<M> {
    fn due(kind: Kind<M::Timeout>, content: M::Info) -> Self {
        match kind {
            Kind::State => Self::StateTimeout(content),
            Kind::Event => Self::EventTimeout(content),
            Kind::Named(name) => Self::Timeout(name, content),
        }
    }
}

impl<M: GenStatem> GenServer for Machine<M> {
    type Args = M::Args;
    type Call = M::Call;
    type Cast = M::Cast;
    type Info = M::Info;

    const RESTART: Restart = M::RESTART;
    const SHUTDOWN: Shutdown = M::SHUTDOWN;

    fn type_name() -> &'static str {
        std::any::type_name::<M>()
    }

    async fn init(args: M::Args, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(match M::init(args, cx).await?.0 {
            Begins::Ignore => Init::Ignore,
            Begins::Stop(reason) => Init::Stop(reason),
            Begins::In(state, data, asked) => {
                // Whoever starts the machine does not wait for its entry into the first state. What
                // was in the mailbox before this finds the machine in its first state all the same.
                cx.pid().send(Wake::Begin);
                let timers = Timers::default();
                Init::Ok(Self { data, core: Core::new(state), timers, first: Some(asked) })
            }
        })
    }

    async fn handle_call(&mut self, call: M::Call, cx: &mut Cx<Self>) -> Handled<Self> {
        let caller = cx.caller();
        self.take(Some(Event::Call(call)), caller, cx).await
    }

    async fn handle_cast(&mut self, cast: M::Cast, cx: &mut Cx<Self>) -> Handled<Self> {
        self.take(Some(Event::Cast(cast)), Pid::OUTSIDE, cx).await
    }

    async fn handle_info(&mut self, info: Info<M::Info>, cx: &mut Cx<Self>) -> Handled<Self> {
        let event = match info {
            Info::Unknown(message) => match message.downcast::<Wake>() {
                Ok(Wake::Begin) => None,
                Ok(Wake::Expired(number)) => {
                    self.timers.take(number);
                    let Some((kind, content)) = self.core.expired(number) else {
                        return Ok(Next::Go);
                    };
                    Some(Event::due(kind, content))
                }
                Err(message) => Some(Event::Info(Info::Unknown(Box::new(message)))),
            },
            info => Some(Event::Info(info)),
        };
        self.take(event, Pid::OUTSIDE, cx).await
    }

    async fn terminate(&mut self, reason: &ExitReason, cx: &mut Cx<Self>) {
        self.data.terminate(reason, self.core.state(), cx).await;
    }
}

impl<M: GenStatem> fmt::Debug for Machine<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({:?})", self.core.state())
    }
}
