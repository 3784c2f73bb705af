//! Event managers: who is told, in which order, and what becomes of a handler that crashes.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Once;
use std::time::Duration;

use crate::common::{Log, NOTHING, brief, ms};
use crate::support::word;
use runtime::gen_event::{
    EventHandled, EventManager, EventNext, Events, GenEvent, Handler, HandlerError, HandlerExit,
    HandlerId, Leaving, Swapped,
};
use runtime::prelude::*;
use runtime::testing::{restarted, scenario, settle};
use runtime::{System, Unhandled, sys};
use tokio::time::{Instant, sleep};

/// What happens; the second word is the id of the handler that is meant.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "some of it is only printed")]
enum Ev {
    Say(&'static str),
    Panic(&'static str),
    Fail(&'static str),
    Unspeakable(&'static str),
    Remove(&'static str),
    /// It makes room for this one.
    Swap(&'static str, &'static Handler<H>, Begin),
    /// It says this in a while, to the manager.
    Later(&'static str, &'static str),
}

/// A handler that writes down what happens to it.
struct H {
    id: &'static str,
    log: Log,
    takes: Duration,
    bad_end: bool,
    kept: Vec<Reply<&'static str>>,
}

struct Args {
    id: &'static str,
    log: Log,
    takes: Duration,
    begin: Begin,
    bad_end: bool,
}

#[derive(Clone, Copy, Debug)]
enum Begin {
    Well,
    Fails,
    Panics,
}

fn args(id: &'static str, log: &Log) -> Args {
    let log = log.clone();
    Args { id, log, takes: Duration::ZERO, begin: Begin::Well, bad_end: false }
}

enum Ask {
    Echo(&'static str, Reply<(&'static str, &'static str)>),
    Panic(#[allow(dead_code, reason = "nobody answers it")] Reply<()>),
    Silent(Reply<()>),
    Remove(Reply<&'static str>),
    /// Answered at the next event.
    Keep(Reply<&'static str>),
}

type Bus = EventManager<Ev>;

impl GenEvent for H {
    type Event = Ev;
    type Args = Args;
    type Call = Ask;
    type Last = Option<&'static str>;

    async fn init(args: Args, _: &mut Cx<Bus>) -> Result<Self, Crash> {
        match args.begin {
            Begin::Well => {}
            Begin::Fails => Err(word("init_failed"))?,
            Begin::Panics => panic!("init"),
        }
        let Args { id, log, takes, bad_end, .. } = args;
        Ok(Self { id, log, takes, bad_end, kept: Vec::new() })
    }

    async fn handle_event(&mut self, event: &Ev, cx: &mut Cx<Bus>) -> EventHandled<Self> {
        sleep(self.takes).await;
        for reply in self.kept.drain(..) {
            reply.send("late");
        }
        match *event {
            Ev::Panic(id) if id == self.id => panic!("{id} broken"),
            Ev::Fail(id) if id == self.id => Err(word("nonsense"))?,
            Ev::Unspeakable(id) if id == self.id => Err(Unspeakable)?,
            Ev::Remove(id) if id == self.id => return Ok(EventNext::Remove),
            Ev::Swap(id, to, begin) if id == self.id => {
                let log = self.log.clone();
                return Ok(EventNext::swap(to, move |last: Option<Option<&str>>| {
                    log.add(format!("swapped for what {last:?} left"));
                    Args { begin, ..args("s", &log) }
                }));
            }
            Ev::Later(id, what) if id == self.id => {
                cx.send_after(ms(10), Ev::Say(what));
            }
            event => self.log.add(format!("{} got {event:?}", self.id)),
        }
        Ok(EventNext::Go)
    }

    async fn handle_call(&mut self, ask: Ask, cx: &mut Cx<Bus>) -> EventHandled<Self> {
        match ask {
            Ask::Echo(what, reply) => {
                assert_eq!(cx.caller(), reply.caller());
                reply.send((self.id, what));
            }
            Ask::Panic(_) => panic!("call"),
            Ask::Silent(reply) => drop(reply),
            Ask::Keep(reply) => self.kept.push(reply),
            Ask::Remove(reply) => {
                reply.send("bye");
                return Ok(EventNext::Remove);
            }
        }
        Ok(EventNext::Go)
    }

    async fn handle_info(&mut self, info: &mut Info<Ev>, _: &mut Cx<Bus>) -> EventHandled<Self> {
        let what = match info {
            Info::User(event) => format!("{event:?}"),
            Info::Exit(exit) => format!("EXIT {}", brief(&exit.reason)),
            other => format!("{other:?}"),
        };
        self.log.add(format!("{} info {what}", self.id));
        Ok(EventNext::Go)
    }

    async fn terminate(self, why: &Leaving, _: &mut Cx<Bus>) -> Option<&'static str> {
        let why = match why {
            Leaving::Error(reason) => format!("error {}", brief(reason)),
            Leaving::OwnerExit(reason) => format!("stop {}", brief(reason)),
            other => format!("{other:?}"),
        };
        self.log.add(format!("{} terminate {why}", self.id));
        assert!(!self.bad_end, "bad end");
        Some(self.id)
    }
}

thread_local! {
    /// Where this thread's test reads what is logged.
    static READS: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// Writes down what is logged, for the test that runs on the same thread.
struct Logs;

impl tracing::Subscriber for Logs {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Said(Vec<String>);
        impl tracing::field::Visit for Said {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                if field.name() != "manager" {
                    self.0.push(format!("{value:?}"));
                }
            }
        }
        let Some(log) = READS.with_borrow(Clone::clone) else { return };
        let mut said = Said(Vec::new());
        event.record(&mut said);
        log.add(said.0.join(", "));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// What is logged on this thread from now on. One listener for all, since what a place in the code
/// knows of listeners is kept, whichever thread was the first there.
pub(crate) fn reports() -> Log {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        tracing::subscriber::set_global_default(Logs).expect("nobody else listens");
    });
    let log = Log::default();
    READS.set(Some(log.clone()));
    log
}

/// An error that panics when somebody wants to read it.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("unspeakable")
    }
}

impl std::error::Error for Unspeakable {}

/// A handler that implements no more than it must.
struct Plain;

impl GenEvent for Plain {
    type Event = Ev;
    type Args = ();
    type Call = Reply<()>;
    type Last = ();

    async fn init((): (), _: &mut Cx<Bus>) -> Result<Self, Crash> {
        Ok(Plain)
    }

    async fn handle_event(&mut self, _: &Ev, _: &mut Cx<Bus>) -> EventHandled<Self> {
        Ok(EventNext::Go)
    }
}

static A: Handler<H> = Handler::with_id("a");
static B: Handler<H> = Handler::with_id("b");
static C: Handler<H> = Handler::with_id("c");
static S: Handler<H> = Handler::with_id("s");
const PLAIN: Handler<Plain> = Handler::new();
static BUS: Name<Bus> = Name::new("bus");

/// A manager with the handlers a, b, c, added in this order.
async fn three(log: &Log) -> ServerRef<Bus> {
    let bus = Bus::start().await.expect("init does nothing");
    for (handler, id) in [(&A, "a"), (&B, "b"), (&C, "c")] {
        bus.add(handler, args(id, log)).await.expect("init does nothing");
    }
    bus
}

/// The reason of the next message, which tells of this handler's end.
async fn told(me: &mut Process<HandlerExit>, bus: &ServerRef<Bus>, of: &Handler<H>) -> ExitReason {
    let Message::User(exit) = me.receive().await else { panic!("not of a handler") };
    assert_eq!(exit.manager, bus.pid());
    assert_eq!(exit.handler, *of);
    exit.reason
}

/// All handlers get an event, the newest first.
///
/// Covers: RT-EVT-01
/// Oracle: EVT-02
#[test]
fn handlers_are_told_the_newest_first() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = three(&log).await;
        bus.sync_notify(Ev::Say("e")).await.unwrap();
        assert_eq!(log.lines(), [r#"c got Say("e")"#, r#"b got Say("e")"#, r#"a got Say("e")"#]);
        assert_eq!(bus.which_handlers().await, Ok([&C, &B, &A].map(HandlerId::from).into()));
    });
}

/// A handler that crashes is removed; the others get the event, and the manager lives.
///
/// Covers: RT-EVT-01
/// Oracle: EVT-01
#[test]
fn a_handler_that_crashes_is_removed_and_nobody_else_notices() {
    scenario(|_: Process| async {
        for (event, why) in [(Ev::Panic("b"), "panic: b broken"), (Ev::Fail("b"), r#""nonsense""#)]
        {
            let log = Log::default();
            let bus = three(&log).await;
            bus.sync_notify(event).await.unwrap();
            let told = |id| format!("{id} got {event:?}");
            assert_eq!(log.lines(), [told("c"), format!("b terminate error {why}"), told("a")]);
            bus.sync_notify(Ev::Say("next")).await.unwrap();
            assert_eq!(log.lines()[3..], [r#"c got Say("next")"#, r#"a got Say("next")"#]);
            assert_eq!(bus.which_handlers().await, Ok([&C, &A].map(HandlerId::from).into()));
            assert!(bus.is_alive());
        }
    });
}

/// The owner of a handler is told of its end: a crash, its own wish, an error, a deletion.
///
/// Oracle: EVT-03
#[test]
fn the_owner_of_a_handler_is_told_of_its_end() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.notify(Ev::Panic("b"));
        assert_eq!(brief(&told(&mut me, &bus, &B).await), "panic: b broken");

        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.notify(Ev::Remove("b"));
        assert_eq!(told(&mut me, &bus, &B).await, ExitReason::Normal);

        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.notify(Ev::Fail("b"));
        assert_eq!(told(&mut me, &bus, &B).await, word("nonsense"));

        bus.add_sup(&B, args("b", &log)).await.unwrap();
        assert_eq!(bus.delete(&B).await, Ok(Some("b")));
        assert_eq!(told(&mut me, &bus, &B).await, ExitReason::Normal);
        let ends = [
            "b terminate error panic: b broken",
            "b terminate Removed",
            r#"b terminate error "nonsense""#,
            "b terminate Deleted",
        ];
        assert_eq!(log.lines(), ends);

        // Whoever is not asked for it is told nothing.
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.notify(Ev::Panic("a"));
        assert!(me.receive().timeout(ms(1000)).await.is_err());
    });
}

/// A handler is removed when its owner ends; the others learn of it as of any exit.
///
/// Oracle: EVT-04
#[test]
fn a_handler_is_removed_when_its_owner_ends() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        let (its, owners) = (bus.clone(), log.clone());
        let owner = runtime::spawn(async move {
            its.add_sup(&B, args("b", &owners)).await.unwrap();
            its.add_sup(&C, args("c", &owners)).await.unwrap();
            word("owner")
        });
        owner.join().await;
        settle().await;
        assert_eq!(bus.which_handlers().await, Ok(vec![]));
        let ends = [r#"c terminate stop "owner""#, r#"b terminate stop "owner""#];
        assert_eq!(log.lines(), ends);

        bus.add(&A, args("a", &log)).await.unwrap();
        bus.pid().exit(word("stranger"));
        settle().await;
        assert_eq!(log.lines()[2..], [r#"a info EXIT "stranger""#]);
        assert!(bus.is_alive());
    });
}

/// A second handler of the same id is no error; who has none, or a bad one, gets one.
///
/// Covers: RT-EVT-01
/// Oracle: EVT-05
#[test]
fn adding_deleting_and_calling_handlers() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        assert_eq!(bus.add(&A, args("first", &log)).await, Ok(()));
        assert_eq!(bus.add(&A, args("a", &log)).await, Ok(()));
        let fails = Args { begin: Begin::Fails, ..args("b", &log) };
        assert_eq!(bus.add(&B, fails).await, Err(HandlerError::Failed(word("init_failed"))));
        let panics = Args { begin: Begin::Panics, ..args("b", &log) };
        let Err(HandlerError::Failed(reason)) = bus.add(&B, panics).await else { panic!("added") };
        assert_eq!(brief(&reason), "panic: init");

        assert_eq!(bus.delete(&B).await, Err(HandlerError::NotFound));
        let echo = |reply| Ask::Echo("q", reply);
        assert_eq!(bus.call_handler(&A, echo).await, Ok(("a", "q")));
        assert_eq!(bus.call_handler(&B, echo).await, Err(HandlerError::NotFound));
        let crash = bus.call_handler(&A, Ask::Panic).await;
        let Err(HandlerError::Failed(reason)) = crash else { panic!("answered: {crash:?}") };
        assert_eq!(brief(&reason), "panic: call");
        assert_eq!(log.lines(), ["a terminate error panic: call"]);
        // The older one of the two is left, and is meant now.
        assert_eq!(bus.which_handlers().await, Ok(vec![HandlerId::from(&A)]));
        assert_eq!(bus.call_handler(&A, echo).await, Ok(("first", "q")));

        // To delete takes the newest away, and no other.
        bus.add(&A, args("again", &log)).await.unwrap();
        assert_eq!(bus.delete(&A).await, Ok(Some("again")));
        assert_eq!(bus.call_handler(&A, echo).await, Ok(("first", "q")));
    });
}

/// A manager that is stopped ends its handlers first, in the order in which they are told.
///
/// Covers: RT-EVT-01
/// Oracle: EVT-06
#[test]
fn a_manager_that_stops_ends_its_handlers() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.add(&B, args("b", &log)).await.unwrap();
        assert_eq!(bus.stop().await, Ok(()));
        assert_eq!(log.lines(), ["b terminate Stop", "a terminate Stop"]);
    });
}

/// To notify a manager that is not there is no error; to wait for it is one.
///
/// Oracle: EVT-07
#[test]
fn a_dead_manager_is_told_nothing() {
    scenario(|_: Process| async {
        let bus = Bus::start().await.unwrap();
        bus.stop().await.unwrap();
        bus.notify(Ev::Say("e"));
        assert_eq!(bus.sync_notify(Ev::Say("e")).await, Err(CallError::NoProc));
        BUS.notify(Ev::Say("e"));
        assert_eq!(BUS.sync_notify(Ev::Say("e")).await, Err(CallError::NoProc));
        let gone = Err(HandlerError::Call(CallError::NoProc));
        assert_eq!(BUS.add(&PLAIN, ()).await, gone);
        assert_eq!(BUS.call_handler(&PLAIN, |reply| reply).await, gone);

        // Whoever lets this crash it ends as by a call to nobody.
        let crashes = |error: HandlerError| Crash::from(error).into_reason();
        assert_eq!(crashes(HandlerError::Call(CallError::NoProc)), ExitReason::NoProc);
        let not_found = ExitReason::other(HandlerError::NotFound);
        assert_eq!(crashes(HandlerError::NotFound), not_found);
    });
}

/// A slow handler delays who waits for it, and nobody else.
///
/// Oracle: EVT-08
#[test]
fn a_slow_handler_delays_sync_notify_only() {
    scenario(|_: Process| async {
        let bus = Bus::start().await.unwrap();
        let slow = Args { takes: ms(80), ..args("a", &Log::default()) };
        bus.add(&A, slow).await.unwrap();
        let begun = Instant::now();
        bus.notify(Ev::Say("e"));
        assert_eq!(begun.elapsed(), ms(0));
        bus.sync_notify(Ev::Say("e")).await.unwrap();
        assert_eq!(begun.elapsed(), ms(160), "it waits for both");
    });
}

/// A crash in `terminate` is as any other: the handler is gone, whoever deleted it is told, and the
/// manager lives.
#[test]
fn a_crash_in_terminate_harms_nobody() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let log = Log::default();
        let bad = |id| Args { bad_end: true, ..args(id, &log) };
        let bus = Bus::start().await.unwrap();
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.add_sup(&B, bad("b")).await.unwrap();
        let Err(HandlerError::Failed(reason)) = bus.delete(&B).await else { panic!("it ended") };
        assert_eq!(brief(&reason), "panic: bad end");
        assert_eq!(told(&mut me, &bus, &B).await, ExitReason::Normal);

        bus.add_sup(&B, bad("b")).await.unwrap();
        bus.sync_notify(Ev::Panic("b")).await.unwrap();
        assert_eq!(brief(&told(&mut me, &bus, &B).await), "panic: b broken");
        assert_eq!(bus.which_handlers().await, Ok(vec![HandlerId::from(&A)]));
        assert_eq!(log.lines()[2..], [r#"a got Panic("b")"#]);

        // The manager's own end is not disturbed either.
        bus.add(&B, bad("b")).await.unwrap();
        assert_eq!(bus.stop().await, Ok(()));
        assert_eq!(log.lines()[3..], ["b terminate Stop", "a terminate Stop"]);
    });
}

/// An answer may come later, and one that is dropped is told at once.
#[test]
fn a_handler_may_answer_later() {
    scenario(|_: Process| async {
        let bus = three(&Log::default()).await;
        let silent = bus.call_handler(&A, Ask::Silent).await;
        assert_eq!(silent, Err(HandlerError::Call(CallError::NoReply)));
        let (late, ()) = tokio::join!(bus.call_handler(&A, Ask::Keep), async {
            settle().await;
            bus.notify(Ev::Say("e"));
        });
        assert_eq!(late, Ok("late"));
        assert_eq!(bus.call_handler(&A, Ask::Remove).await, Ok("bye"));
        assert_eq!(bus.delete(&A).await, Err(HandlerError::NotFound));
    });
}

/// A handler that has no clause for calls crashes on one; one that has none for the rest does not.
#[test]
fn what_a_handler_does_not_implement() {
    scenario(|_: Process| async {
        let bus = Bus::start().await.unwrap();
        bus.add(&PLAIN, ()).await.unwrap();
        bus.pid().exit(word("stranger"));
        bus.sync_notify(Ev::Say("e")).await.unwrap();
        assert_eq!(bus.which_handlers().await, Ok(vec![HandlerId::from(&PLAIN)]));
        let Err(HandlerError::Failed(reason)) = bus.call_handler(&PLAIN, |reply| reply).await
        else {
            panic!("it was answered")
        };
        let unhandled = reason.as_error().and_then(|error| error.downcast_ref::<Unhandled>());
        assert_eq!(unhandled, Some(&Unhandled("call")));
        bus.add(&PLAIN, ()).await.unwrap();
        assert_eq!(bus.delete(&PLAIN).await, Ok(()));
    });
}

/// A successor begins with what its predecessor left behind, in front of the others, and has its
/// owner, who is told.
#[test]
fn a_successor_takes_over_what_was_left_and_the_owner() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let log = Log::default();
        let bus = three(&log).await;
        bus.delete(&A).await.unwrap();
        bus.add_sup(&A, args("a", &log)).await.unwrap();
        let before = log.lines().len();
        let (new, heir) = (log.clone(), me.pid());
        let swap = bus.swap(&A, &S, move |last: Option<Option<&'static str>>| {
            assert_eq!(last, Some(Some("a")));
            args("s", &new)
        });
        assert_eq!(swap.await, Ok(()));
        let reason = told(&mut me, &bus, &A).await;
        let swapped = Swapped { by: HandlerId::from(&S), owner: Some(heir) };
        assert_eq!(reason.downcast_ref::<Swapped>(), Some(&swapped));
        assert_eq!(log.lines()[before..], ["a terminate Swapped(H/s)"]);
        assert_eq!(bus.which_handlers().await, Ok([&S, &C, &B].map(HandlerId::from).into()));
        bus.notify(Ev::Panic("s"));
        assert_eq!(brief(&told(&mut me, &bus, &S).await), "panic: s broken");

        // Of b, which nobody owned, and of one that is not there.
        let new = log.clone();
        bus.swap_sup(&B, &S, move |_| args("s", &new)).await.unwrap();
        bus.notify(Ev::Remove("s"));
        assert_eq!(told(&mut me, &bus, &S).await, ExitReason::Normal);
        let new = log.clone();
        let nobody = bus.swap(&B, &S, move |last| {
            assert_eq!(last, None);
            args("s", &new)
        });
        assert_eq!(nobody.await, Ok(()));
        assert_eq!(bus.which_handlers().await, Ok([&S, &C].map(HandlerId::from).into()));
    });
}

/// A successor that cannot begin is none: the old handler is gone all the same.
#[test]
fn a_successor_that_cannot_begin_is_none() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = three(&log).await;
        let fails = Args { begin: Begin::Fails, ..args("s", &log) };
        let swap = bus.swap(&B, &S, |_| fails).await;
        assert_eq!(swap, Err(HandlerError::Failed(word("init_failed"))));
        let swap = bus.swap(&C, &S, |_| panic!("no arguments")).await;
        let Err(HandlerError::Failed(reason)) = swap else { panic!("it has begun") };
        assert_eq!(brief(&reason), "panic: no arguments");
        assert_eq!(bus.which_handlers().await, Ok(vec![HandlerId::from(&A)]));
    });
}

/// A handler that makes room itself is replaced where it stands.
#[test]
fn a_handler_may_make_room_for_another_where_it_stands() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.add(&C, args("c", &log)).await.unwrap();
        bus.sync_notify(Ev::Swap("b", &S, Begin::Well)).await.unwrap();
        assert_eq!(bus.which_handlers().await, Ok([&C, &S, &A].map(HandlerId::from).into()));
        let lines = log.lines();
        assert_eq!(lines[1], "b terminate Swapped(H/s)");
        assert_eq!(lines[2], r#"swapped for what Some(Some("b")) left"#);
        // The successor does not get the event that brought it; the next in the list does.
        assert!(lines[3].starts_with("a got Swap"), "{lines:?}");
        assert_eq!(lines.len(), 4);
        told(&mut me, &bus, &B).await;
        bus.notify(Ev::Panic("s"));
        assert_eq!(brief(&told(&mut me, &bus, &S).await), "panic: s broken");
    });
}

/// If its successor cannot begin, that is reported to the owner as the successor's crash.
#[test]
fn a_handler_that_makes_room_for_one_that_cannot_begin_leaves_none() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let reports = reports();
        let log = Log::default();
        let bus = three(&log).await;
        bus.delete(&B).await.unwrap();
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.sync_notify(Ev::Swap("b", &S, Begin::Fails)).await.unwrap();
        let gone = told(&mut me, &bus, &B).await;
        assert!(gone.downcast_ref::<Swapped>().is_some(), "{gone}");
        assert_eq!(told(&mut me, &bus, &S).await, word("init_failed"));
        assert_eq!(bus.which_handlers().await, Ok([&C, &A].map(HandlerId::from).into()));
        assert_eq!(reports.lines(), [r#"event handler crashed, H/s, "init_failed""#]);
    });
}

/// A manager that ends tells the owners of its handlers, and does not take them along.
#[test]
fn a_manager_that_ends_tells_the_owners_and_leaves_them_alive() {
    scenario(|mut me: Process<HandlerExit>| async move {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        assert_eq!(bus.stop().reason(word("enough")).await, Ok(()));
        assert_eq!(told(&mut me, &bus, &B).await, ExitReason::Shutdown);
        assert!(me.receive().timeout(ms(1000)).await.is_err());

        // One that is killed cannot: the link does it.
        let bus = Bus::start().await.unwrap();
        me.trap_exit(true);
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        bus.pid().kill();
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!((exit.from, exit.reason), (bus.pid(), ExitReason::Killed));
        assert_eq!(log.lines(), ["b terminate Stop"]);

        // And one that is linked to its owner because that is its parent stays so.
        let bus = Bus::start_link().await.unwrap();
        bus.add_sup(&B, args("b", &log)).await.unwrap();
        assert_eq!(bus.stop().reason(word("enough")).await, Ok(()));
        assert_eq!(told(&mut me, &bus, &B).await, ExitReason::Shutdown);
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!((exit.from, exit.reason), (bus.pid(), word("enough")));
    });
}

/// Its parent's end is a manager's own, and that of an owner who is its parent as well.
#[test]
fn the_parents_end_is_the_managers() {
    scenario(|_: Process| async {
        let log = Log::default();
        let its = log.clone();
        let parent = runtime::spawn(async move {
            let bus = Bus::start_link().name(&BUS).await.unwrap();
            bus.add_sup(&B, args("b", &its)).await.unwrap();
            sleep(ms(10)).await;
            word("parent gone")
        });
        let bus = BUS.up().await.unwrap();
        assert_eq!(bus.pid().join().await, word("parent gone"));
        parent.join().await;
        assert_eq!(log.lines(), ["b terminate Stop"]);
    });
}

/// Only a process can own a handler, and one that has ended by then owns none for long.
#[test]
fn only_a_process_that_lives_owns_a_handler() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        let (its, logs) = (bus.clone(), log.clone());
        let outside = tokio::spawn(async move {
            let add = its.add_sup(&B, args("b", &logs)).await;
            let swap = its.swap_sup(&B, &S, move |_| args("s", &logs)).await;
            (add, swap)
        });
        let (add, swap) = outside.await.unwrap();
        assert!(matches!(add, Err(HandlerError::NotInProcess(_))), "{add:?}");
        assert!(matches!(swap, Err(HandlerError::NotInProcess(_))), "{swap:?}");
        assert_eq!(bus.which_handlers().await, Ok(vec![]));

        sys::suspend(&bus).await.unwrap();
        let (its, logs) = (bus.clone(), log.clone());
        let owner = runtime::spawn(async move {
            let _ = its.add_sup(&B, args("b", &logs)).await;
        });
        settle().await;
        runtime::testing::kill_and_wait(&owner).await;
        sys::resume(&bus).await.unwrap();
        settle().await;
        assert_eq!(bus.which_handlers().await, Ok(vec![]));
        assert_eq!(log.lines(), ["b terminate stop noproc"]);
    });
}

/// What is sent to the manager, and its own timers, come to every handler as info.
#[test]
fn messages_and_timers_come_to_every_handler() {
    scenario(|_: Process| async {
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.add(&B, args("b", &log)).await.unwrap();
        bus.info(Ev::Say("hello"));
        bus.notify(Ev::Later("b", "tick"));
        bus.pid().send(7_i32);
        sleep(ms(20)).await;
        let lines = [
            r#"b info Say("hello")"#,
            r#"a info Say("hello")"#,
            r#"a got Later("b", "tick")"#,
            "b info Unknown(AnyMessage(i32))",
            "a info Unknown(AnyMessage(i32))",
            r#"b info Say("tick")"#,
            r#"a info Say("tick")"#,
        ];
        assert_eq!(log.lines(), lines);
    });
}

/// A supervised manager comes back without handlers, and goes by its type.
///
/// Covers: RT-EVT-01
#[test]
fn a_supervised_manager_comes_back_without_handlers() {
    scenario(|_: Process| async {
        let log = Log::default();
        let supervisor =
            Supervisor::one_for_one().child(Bus::child().name(&BUS)).child(Bus::child());
        let supervisor = supervisor.start().await.unwrap();
        BUS.add(&A, args("a", &log)).await.unwrap();
        let seen = sys::get_state(&BUS, |bus| format!("{bus:?}")).await;
        assert_eq!(seen.as_deref(), Ok("[H/a]"));
        let first = BUS.whereis().unwrap();
        first.pid().kill();
        restarted(&BUS, &first).await;
        assert_eq!(BUS.which_handlers().await, Ok(vec![]));
        assert_eq!(log.lines(), NOTHING);
        let children = supervisor.which_children().await.unwrap();
        assert_eq!(&*children[0].id, "EventManager");
        assert!(System::current().tree().to_string().contains("EventManager"));
        supervisor.stop().await.unwrap();
    });
}

/// A handler's crash is reported, in whatever callback; its orderly end is not. What cannot be said
/// in words harms nobody.
///
/// Source: OTP `gen_event`, the report of a handler's crash.
#[test]
fn a_handlers_crash_is_reported() {
    scenario(|_: Process| async {
        let reports = reports();
        let log = Log::default();
        let bus = Bus::start().await.unwrap();
        for end in [false, true] {
            bus.add(&B, Args { bad_end: end, ..args("b", &log) }).await.unwrap();
            bus.sync_notify(Ev::Fail("b")).await.unwrap();
        }
        bus.add(&A, args("a", &log)).await.unwrap();
        let failed = bus.call_handler(&A, Ask::Panic).await;
        assert!(matches!(failed, Err(HandlerError::Failed(_))), "{failed:?}");
        for event in [Ev::Remove("a"), Ev::Unspeakable("a")] {
            bus.add(&A, args("a", &log)).await.unwrap();
            bus.sync_notify(event).await.unwrap();
        }
        bus.add(&A, args("a", &log)).await.unwrap();
        bus.delete(&A).await.unwrap();
        assert!(bus.is_alive());
        let reports = reports.lines();
        assert_eq!(reports.len(), 5, "{reports:?}");
        let nonsense = r#"event handler crashed, H/b, "nonsense""#;
        assert_eq!(reports[..2], [nonsense, nonsense]);
        assert!(
            reports[2].starts_with("event handler crashed, H/b, panic: bad end"),
            "{reports:?}"
        );
        assert!(reports[3].starts_with("event handler crashed, H/a, panic: call"), "{reports:?}");
        // That of the crash could not be said; this one is of `terminate`, which tried it as well.
        assert!(reports[4].contains("H/a, panic: unspeakable"), "{reports:?}");
    });
}
