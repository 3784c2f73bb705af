//! How servers end: by themselves, by a stop, by a signal; and when `terminate` runs.

use crate::support::{
    Call, Dropped, Log, Tell, W, assert_panic, dead_server, down, ms, run, run_async, tell, word,
};
use runtime::testing::{scenario, settle};
use runtime::{
    CallError, ExitReason, GenServer, Init, Name, Next, Process, Reply, Server, StopError, spawn,
};
use tokio::time::{Instant, sleep};

static NOBODY: Name<W> = Name::new("nobody");

// --- Signals.

/// A server that does not trap exits ends by an exit signal without `terminate`.
///
/// Oracle: GS-22
#[test]
fn an_exit_signal_ends_a_server_that_does_not_trap_without_terminate() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        s.pid().exit(ExitReason::Shutdown);
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 shutdown"]);
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// To a server that traps exits, the signal of anybody but its parent is a message.
///
/// Oracle: GS-23
#[test]
fn an_exit_signal_of_a_stranger_is_a_message_to_a_trapping_server() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").trap()).await.unwrap();
        s.pid().exit(ExitReason::Shutdown);
        settle().await;
        assert!(s.is_alive());
        assert_eq!(log.lines(), ["init s.1", "info s.1 EXIT main shutdown"]);
    });
}

/// To a server that traps exits, the end of its parent is an order to end, with the same reason.
///
/// Oracle: GS-24
#[test]
fn the_end_of_the_parent_ends_a_trapping_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        spawn(async move {
            W::start_link(lines.server("s.1").trap()).await.unwrap();
            sleep(ms(10)).await;
            word("parent_gone")
        });
        settle().await;
        me.monitor(log.pid("s.1"));
        assert_eq!(log.mailbox(&mut me).await, [r#"DOWN s.1 "parent_gone""#]);
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "parent_gone""#]);
    });
}

/// So is a normal end of the parent; a server that does not trap takes no notice of that.
///
/// Oracle: GS-25
#[test]
fn a_normal_end_of_the_parent_ends_a_server_only_if_it_traps() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        spawn(async move {
            W::start_link(lines.server("trap.1").trap()).await.unwrap();
            W::start_link(lines.server("plain.1")).await.unwrap();
            sleep(ms(10)).await;
        });
        settle().await;
        me.monitor(log.pid("trap.1"));
        me.monitor(log.pid("plain.1"));
        assert_eq!(log.mailbox(&mut me).await, ["DOWN trap.1 normal"]);
        assert_eq!(log.lines(), ["init trap.1", "init plain.1", "terminate trap.1 normal"]);
        assert!(log.pid("plain.1").is_alive());
    });
}

/// A signal that the parent sends while it lives is such an order as well.
#[test]
fn a_signal_of_the_parent_is_an_order_to_a_trapping_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let s = W::start_link(log.server("s.1").trap()).await.unwrap();
        s.cast(Tell::Word("before"));
        s.pid().exit(ExitReason::Shutdown);
        s.cast(Tell::Word("after"));
        assert_eq!(log.mailbox(&mut me).await, ["EXIT s.1 shutdown"]);
        assert_eq!(log.lines(), ["init s.1", "cast s.1 before", "terminate s.1 shutdown"]);
    });
}

/// A killed server ends at once, whether it traps or not, and `terminate` does not run; its state
/// is dropped.
///
/// Oracle: GS-26
#[test]
fn a_killed_server_does_not_terminate() {
    scenario(|mut me: Process| async move {
        for trap in [false, true] {
            let log = Log::of(&me);
            let args = log.server("s.1").holding(Dropped(log.clone(), "state dropped"));
            let s = W::start(if trap { args.trap() } else { args }).await.unwrap();
            me.monitor(&s);
            s.pid().kill();
            assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 killed"]);
            assert_eq!(log.lines(), ["init s.1", "state dropped"]);
        }
    });
}

/// A trapping server that is linked to another process learns of its end, and goes on.
///
/// Oracle: GS-51
#[test]
fn the_end_of_a_linked_process_is_a_message_to_a_trapping_server() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").trap()).await.unwrap();
        let peer = spawn(async {
            sleep(ms(10)).await;
            word("peer")
        });
        log.know("peer", &peer);
        let link = run(move |reply: Reply<_>, _, cx| {
            reply.send(cx.link(&peer));
            Ok(Next::Go)
        });
        assert_eq!(s.call(link).await, Ok(Ok(())));
        sleep(ms(20)).await;
        assert_eq!(log.lines(), ["init s.1", r#"info s.1 EXIT peer "peer""#]);
        assert!(s.is_alive());
    });
}

/// The crash of a linked server ends a caller that does not trap, before the call returns.
///
/// Oracle: GS-50
#[test]
fn the_crash_of_a_linked_server_ends_its_parent_in_the_call() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        me.spawn_monitor(async move {
            let s = W::start_link(lines.server("s.1")).await.unwrap();
            let call = s.call(run::<()>(|_, _, _| runtime::exit(word("inside")))).await;
            lines.add(format!("not reached: {call:?}"));
        });
        assert_eq!(down(&mut me).await, word("inside"));
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "inside""#]);
    });
}

/// A deadly signal that a server sends to itself ends it like anybody's: without `terminate`.
#[test]
fn a_signal_to_itself_ends_a_server_without_terminate() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        for reason in [ExitReason::Normal, word("bye"), ExitReason::Kill] {
            let s = W::start(log.server("s")).await.unwrap();
            let (sent, seen) = match reason {
                ExitReason::Kill => (ExitReason::Kill, ExitReason::Killed),
                other => (other.clone(), other),
            };
            let call = s.call(run::<()>(|_, _, cx| {
                cx.pid().exit(sent);
                Ok(Next::Go)
            }));
            assert_eq!(call.await, Err(CallError::Down(seen)));
        }
        assert_eq!(log.lines(), ["init s"; 3]);
    });
}

// --- A stop.

/// A stop ends a server with `normal` or the reason that it is given, trapping or not, and returns
/// when it has ended; there must be such a server.
///
/// Oracle: GS-27
#[test]
fn a_stop_ends_a_server_with_a_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        assert_eq!(s.stop().await, Ok(()));
        assert_eq!(s.stop().await, Err(StopError::NoProc));
        assert_eq!(dead_server().await.stop().await, Err(StopError::NoProc));
        assert_eq!(NOBODY.stop().await, Err(StopError::NoProc));
        let t = W::start(log.server("t.1")).await.unwrap();
        me.monitor(&t);
        assert_eq!(t.stop().reason(word("custom")).await, Ok(()));
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 normal", r#"DOWN t.1 "custom""#]);
        assert_eq!(
            log.lines(),
            ["init s.1", "terminate s.1 normal", "init t.1", r#"terminate t.1 "custom""#]
        );
    });
}

/// A stop that does not wait long enough fails; the server goes on ending.
///
/// Oracle: GS-28
#[test]
fn a_stop_that_does_not_wait_long_enough_fails() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").end_takes(ms(300))).await.unwrap();
        let begun = Instant::now();
        assert_eq!(s.stop().timeout(ms(50)).await, Err(StopError::Timeout));
        assert_eq!((begun.elapsed(), s.is_alive()), (ms(50), true));
        sleep(ms(249)).await;
        assert!(s.is_alive());
        sleep(ms(2)).await;
        assert!(!s.is_alive());
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 normal", "terminate-done s.1"]);
    });
}

/// A panic in `terminate` is the reason of the end, and the answer to whoever asked for the stop.
///
/// Covers: RT-GS-01
/// Oracle: GS-29
#[test]
fn a_panic_in_terminate_replaces_the_reason() {
    scenario(|mut me: Process| async move {
        let args = Log::of(&me).server("s.1").at_end(|_| panic!("in terminate"));
        let s = W::start(args).await.unwrap();
        me.monitor(&s);
        let stop = s.stop().await;
        let reason = down(&mut me).await;
        assert_panic(&reason, "in terminate", file!());
        assert_eq!(stop, Err(StopError::Exit(reason)));
    });
}

/// An exit in `terminate` replaces the reason as well, also that of a crash.
#[test]
fn an_exit_in_terminate_replaces_the_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let args = log.server("s.1").at_end(|_| runtime::exit(word("other")));
        let s = W::start(args).await.unwrap();
        me.monitor(&s);
        let call = s.call(run::<()>(|_, _, _| panic!("first"))).await;
        assert_eq!(call, Err(CallError::Down(word("other"))));
        assert_eq!(log.mailbox(&mut me).await, [r#"DOWN s.1 "other""#]);
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 panic: first"]);
    });
}

/// A stop waits its turn: what was sent before is handled, what was sent after is lost.
#[test]
fn a_stop_waits_its_turn() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        s.cast(Tell::Word("before"));
        let (stop, ()) = tokio::join!(async { s.stop().await }, async {
            s.cast(Tell::Word("after"));
        });
        assert_eq!(stop, Ok(()));
        assert_eq!(log.lines(), ["init s.1", "cast s.1 before", "terminate s.1 normal"]);
    });
}

/// Of two that stop one server at once, the first says why; the other learns what came of it.
#[test]
fn two_stops_of_one_server_have_one_reason() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").end_takes(ms(10))).await.unwrap();
        let (first, same, other) = tokio::join!(
            async { s.stop().reason(word("first")).await },
            async { s.stop().reason(word("first")).await },
            async { s.stop().reason(word("other")).await },
        );
        assert_eq!((first, same), (Ok(()), Ok(())));
        assert_eq!(other, Err(StopError::Exit(word("first"))));
    });
}

/// A server that crashes before the stop's turn has not ended as it was asked to.
#[test]
fn a_stop_of_a_server_that_crashes_first_gives_its_reason() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        s.cast(tell(|_, _| Ok(Next::Stop(word("crash")))));
        assert_eq!(s.stop().await, Err(StopError::Exit(word("crash"))));
    });
}

/// A plain task can stop a server.
#[test]
fn a_plain_task_can_stop_a_server() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").end_takes(ms(20))).await.unwrap();
        let stopped = tokio::spawn(async move { s.stop().await }).await.unwrap();
        assert_eq!(stopped, Ok(()));
        assert_eq!(log.lines().last().unwrap(), "terminate-done s.1");
    });
}

/// A server cannot wait for its own end: it is told so, instead of waiting for ever.
#[test]
fn a_server_that_waits_for_its_own_stop_is_told_so() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let stop = run_async(|reply: Reply<_>, _, cx| {
            Box::pin(async move {
                reply.send(cx.server().stop().await);
                Ok(Next::Go)
            })
        });
        assert_eq!(s.call(stop).await, Ok(Err(StopError::CallingSelf)));
    });
}

// --- What terminate sees.

/// After a panic, `terminate` is given the panic with its place; after a stop, the bare reason.
///
/// Oracle: GS-54
#[test]
fn terminate_is_given_the_place_of_a_panic_and_a_bare_reason_otherwise() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let t = W::start(log.server("t.1")).await.unwrap();
        let stop = s.call(run::<()>(|_, _, _| Ok(Next::Stop(word("bare"))))).await;
        assert_eq!(stop, Err(CallError::Down(word("bare"))));
        let Err(CallError::Down(reason)) = t.call(run::<()>(|_, _, _| panic!("r"))).await else {
            panic!("not down")
        };
        assert_panic(&reason, "r", file!());
        let lines = log.lines();
        assert_eq!(lines[..2], ["init s.1", "init t.1"]);
        assert_eq!(lines[2..], [r#"terminate s.1 "bare""#, "terminate t.1 panic: r"]);
    });
}

/// After a crash, `terminate` sees the state as the crash left it: what the callback had assigned
/// is there, what it had not is not.
///
/// Differs from OTP: the state is changed in place; there, `terminate` sees it as it was before the
/// callback.
#[test]
fn terminate_sees_the_state_as_the_crash_left_it() {
    struct Counter(u32, Log);

    impl GenServer for Counter {
        type Args = Log;
        type Call = (bool, Reply<()>);
        type Cast = ();
        type Info = ();

        async fn init(log: Log, _: &mut runtime::Cx<Self>) -> Result<Init<Self>, runtime::Crash> {
            Ok(Init::Ok(Self(2, log)))
        }

        async fn handle_call(
            &mut self,
            (in_place, _reply): (bool, Reply<()>),
            _: &mut runtime::Cx<Self>,
        ) -> runtime::Handled<Self> {
            let next = self.0 + 1;
            if in_place {
                self.0 = next;
            }
            Err(word("crash").into())
        }

        async fn terminate(&mut self, _: &ExitReason, _: &mut runtime::Cx<Self>) {
            self.1.add(format!("terminate with {}", self.0));
        }
    }

    scenario(|_: Process| async {
        let log = Log::default();
        for in_place in [false, true] {
            let s = Counter::start(log.clone()).await.unwrap();
            let call = s.call(|reply| (in_place, reply)).await;
            assert_eq!(call, Err(CallError::Down(word("crash"))));
        }
        assert_eq!(log.lines(), ["terminate with 2", "terminate with 3"]);
    });
}

/// A server in its `terminate` is still its own: it can call others, and others wait.
#[test]
fn a_server_can_call_others_in_terminate() {
    static OTHER: Name<W> = Name::new("other");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        W::start(log.server("other")).name(&OTHER).await.unwrap();
        let lines = log.clone();
        let s = W::start(log.server("s.1").at_end(move |cx| {
            lines.add(format!("not trapping: {}", !cx.trap_exit(false)));
            OTHER.cast(Tell::Word("goodbye"));
        }));
        s.await.unwrap().stop().await.unwrap();
        OTHER.call(Call::Echo).await.unwrap();
        assert_eq!(
            log.lines()[2..],
            ["terminate s.1 normal", "not trapping: true", "cast other goodbye"]
        );
    });
}

/// A kill during `terminate` ends it there; whoever waits for an answer sees the kill.
#[test]
fn a_kill_during_terminate_is_the_reason_that_is_seen() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").end_takes(ms(50))).await.unwrap();
        me.monitor(&s);
        let (call, ()) = tokio::join!(
            async {
                let bye = run(|reply, _, _| reply.stop_with(ExitReason::Normal, "bye"));
                s.call(bye).await
            },
            async {
                sleep(ms(10)).await;
                s.pid().kill();
            }
        );
        assert_eq!(call, Err(CallError::Down(ExitReason::Killed)));
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 killed"]);
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 normal"]);
    });
}

/// A stop with an answer answers also when `terminate` panics.
///
/// Source: OTP `gen_server.erl`, `handle_msg`: the reply stands in the `after` of `terminate`.
#[test]
fn a_stop_with_an_answer_answers_although_terminate_panics() {
    scenario(|mut me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1").at_end(|_| panic!("late"))).await.unwrap();
        me.monitor(&s);
        let bye = run(|reply, _, _| reply.stop_with(ExitReason::Normal, "bye"));
        assert_eq!(s.call(bye).await, Ok("bye"));
        assert_panic(&down(&mut me).await, "late", file!());
    });
}
