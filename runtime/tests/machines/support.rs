//! What the tests of machines share: a machine that does what it is told.

use std::future::{Future, ready};
use std::pin::Pin;

use runtime::gen_statem::{Event, GenStatem};
use runtime::prelude::*;
use runtime::{Entered, Initial, Machine, Transition, Transitioned};

use crate::common::{Log, brief};

/// A reason with this one word.
pub(crate) fn word(word: &'static str) -> ExitReason {
    ExitReason::other(word)
}

/// The reason of the next message, which is a DOWN.
pub(crate) async fn down<M: Send + 'static>(me: &mut Process<M>) -> ExitReason {
    match me.receive().await {
        Message::Down(down) => down.reason,
        _ => panic!("not a DOWN"),
    }
}

/// A machine that does what it is told, and writes down what happens to it.
pub(crate) struct T {
    pub(crate) log: Log,
    pub(crate) count: u32,
    /// Whether it says what it enters.
    pub(crate) says: bool,
    at_entry: Option<AtEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    A,
    B,
}

type AtEntry = Box<dyn FnMut(State) -> Result<Entered<T>, Crash> + Send>;
type Begin = Box<dyn FnOnce(T, &mut Cx<Machine<T>>) -> Initial<T> + Send>;
type Working<'a> = Pin<Box<dyn Future<Output = Transitioned<T>> + Send + 'a>>;

/// Something for a machine to do.
pub(crate) type Work =
    Box<dyn for<'a> FnOnce(&'a mut T, State, &'a mut Cx<Machine<T>>) -> Working<'a> + Send>;

/// What it can be asked.
pub(crate) enum Call {
    /// Its state and its count.
    Get(Reply<(State, u32)>),
    /// Its state; in `A` it is put off.
    InB(Reply<State>),
    /// Does something, and answers or not.
    Do(Work),
    /// There is no clause for it.
    Unknown(#[allow(dead_code, reason = "nobody answers it")] Reply<()>),
}

/// What it can be told, as a cast, an info, an internal event or a timeout.
pub(crate) enum Tell {
    /// Writes it into the log, with the state.
    Word(&'static str),
    /// Put off in `A`, done in `B`.
    Job(u32),
    Do(Work),
}

/// Something to do that nobody waits for.
pub(crate) fn tell(
    work: impl FnOnce(&mut T, State, &mut Cx<Machine<T>>) -> Transition<T> + Send + 'static,
) -> Tell {
    Tell::Do(Box::new(|t, state, cx| Box::pin(ready(Ok(work(t, state, cx))))))
}

/// As [`tell`], for something that takes its time.
pub(crate) fn tell_async(
    work: impl for<'a> FnOnce(&'a mut T, State, &'a mut Cx<Machine<T>>) -> Working<'a> + Send + 'static,
) -> Tell {
    Tell::Do(Box::new(work))
}

/// A transition, whatever the state.
pub(crate) fn step(transition: impl FnOnce() -> Transition<T> + Send + 'static) -> Tell {
    tell(move |_, _, _| transition())
}

/// A call that is answered, or not, by `work` in the machine.
pub(crate) fn run<R: Send + 'static>(
    work: impl FnOnce(Reply<R>, &mut T, &mut Cx<Machine<T>>) -> Transition<T> + Send + 'static,
) -> impl FnOnce(Reply<R>) -> Call {
    |reply| Call::Do(Box::new(|t, _, cx| Box::pin(ready(Ok(work(reply, t, cx))))))
}

/// What a machine is started with.
pub(crate) struct Args {
    log: Log,
    count: u32,
    says: bool,
    at_entry: Option<AtEntry>,
    begin: Begin,
}

impl Args {
    pub(crate) fn new(log: &Log) -> Self {
        let log = log.clone();
        let begin = Box::new(|t, _: &mut Cx<_>| Initial::state(State::A, t));
        Self { log, count: 0, says: false, at_entry: None, begin }
    }

    pub(crate) fn count(self, count: u32) -> Self {
        Self { count, ..self }
    }

    /// It says what it enters.
    pub(crate) fn says(self) -> Self {
        Self { says: true, ..self }
    }

    /// What comes of entering a state.
    pub(crate) fn at_entry(
        self,
        work: impl FnMut(State) -> Result<Entered<T>, Crash> + Send + 'static,
    ) -> Self {
        Self { at_entry: Some(Box::new(work)), ..self }
    }

    /// How its `init` ends.
    pub(crate) fn begin(
        self,
        begin: impl FnOnce(T, &mut Cx<Machine<T>>) -> Initial<T> + Send + 'static,
    ) -> Self {
        Self { begin: Box::new(begin), ..self }
    }
}

impl T {
    async fn told(
        &mut self,
        how: &str,
        tell: Tell,
        state: State,
        cx: &mut Cx<Machine<Self>>,
    ) -> Result<Transition<Self>, Crash> {
        match tell {
            Tell::Word(what) => self.log.add(format!("{how} {what} in {state:?}")),
            Tell::Job(n) => self.log.add(format!("{how} job {n}")),
            Tell::Do(work) => return work(self, state, cx).await,
        }
        Ok(Transition::keep_state())
    }
}

impl GenStatem for T {
    type Args = Args;
    type State = State;
    type Call = Call;
    type Cast = Tell;
    type Info = Tell;
    type Timeout = &'static str;

    async fn init(args: Args, cx: &mut Cx<Machine<Self>>) -> Result<Initial<Self>, Crash> {
        let Args { log, count, says, at_entry, begin } = args;
        Ok(begin(Self { log, count, says, at_entry }, cx))
    }

    async fn state_enter(
        &mut self,
        old: &State,
        state: &State,
        _: &mut Cx<Machine<Self>>,
    ) -> Result<Entered<Self>, Crash> {
        if self.says {
            self.log.add(format!("enter {state:?} from {old:?}"));
        }
        match &mut self.at_entry {
            Some(work) => work(*state),
            None => Ok(Entered::new()),
        }
    }

    async fn handle_event(
        &mut self,
        state: &State,
        event: Event<Self>,
        cx: &mut Cx<Machine<Self>>,
    ) -> Transitioned<Self> {
        let now = *state;
        match (state, event) {
            (_, Event::Call(Call::Get(reply))) => {
                Ok(Transition::keep_state().reply(reply, (now, self.count)))
            }
            (State::B, Event::Call(Call::InB(reply))) => {
                self.log.add(format!(
                    "asked by {}",
                    if cx.caller() == reply.caller() { "the caller" } else { "another" }
                ));
                Ok(Transition::keep_state().reply(reply, now))
            }
            (_, Event::Call(Call::Do(work))) => work(self, now, cx).await,
            (State::A, event @ (Event::Cast(Tell::Job(_)) | Event::Call(Call::InB(_)))) => {
                if let Event::Cast(Tell::Job(n)) = &event {
                    self.log.add(format!("postpone {n}"));
                }
                Ok(Transition::keep_state().postpone(event))
            }
            (_, Event::Cast(tell)) => self.told("cast", tell, now, cx).await,
            (_, Event::Info(Info::User(tell))) => self.told("info", tell, now, cx).await,
            (_, Event::Info(Info::Exit(exit))) => {
                self.log.add(format!("EXIT {}", brief(&exit.reason)));
                Ok(Transition::keep_state())
            }
            (_, Event::Internal(tell)) => self.told("internal", tell, now, cx).await,
            (_, Event::StateTimeout(tell)) => self.told("state timeout", tell, now, cx).await,
            (_, Event::EventTimeout(tell)) => self.told("event timeout", tell, now, cx).await,
            (_, Event::Timeout(name, tell)) => {
                self.told(&format!("timeout {name}"), tell, now, cx).await
            }
            (_, event) => event.unhandled(state),
        }
    }

    async fn terminate(&mut self, reason: &ExitReason, state: &State, _: &mut Cx<Machine<Self>>) {
        self.log.add(format!("terminate {} in {state:?} with {}", brief(reason), self.count));
    }
}
