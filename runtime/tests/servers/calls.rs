//! Calls and casts: who is answered, with what, in which order.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crate::support::{
    Call, Dropped, Log, NOTHING, Tell, W, assert_panic, dead_server, down, ms, run, run_async,
    slow, tell, word,
};
use runtime::testing::{scenario, settle};
use runtime::{
    CALL_TIMEOUT, CallError, ExitReason, GenServer, Name, Next, Pid, Process, Reply, Server, spawn,
};
use tokio::time::{Instant, sleep};

static NOBODY: Name<W> = Name::new("nobody");

// --- Nobody there.

/// A call to a server that has ended fails with `noproc`.
///
/// Oracle: GS-01
#[test]
fn a_call_to_a_dead_server_fails_with_noproc() {
    scenario(|_: Process| async {
        let call = dead_server().await.call(Call::Echo).await;
        assert_eq!(call, Err(CallError::NoProc));
    });
}

/// A call to a name that nobody has fails with `noproc`.
///
/// Covers: RT-GS-08
/// Oracle: GS-02
#[test]
fn a_call_to_a_name_that_nobody_has_fails_with_noproc() {
    scenario(|_: Process| async {
        assert_eq!(NOBODY.call(Call::Echo).await, Err(CallError::NoProc));
        assert_eq!(Name::<W>::of("nobody").call(Call::Echo).await, Err(CallError::NoProc));
    });
}

/// A cast never fails: to a dead server, or to a name that nobody has, it goes nowhere.
///
/// Covers: RT-GS-06
/// Oracle: GS-03
#[test]
fn a_cast_never_fails() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let dead = dead_server().await;
        for (server, line) in [(true, "to the dead"), (false, "to nobody")] {
            let held = Dropped(log.clone(), line);
            let cast = tell(move |_, _| {
                drop(held);
                panic!("nobody runs this")
            });
            if server { dead.cast(cast) } else { NOBODY.cast(cast) }
        }
        assert_eq!(log.lines(), ["to the dead", "to nobody"]);
    });
}

// --- Time.

/// A call that is not answered in time fails with `timeout`; its late answer never shows up, and
/// the server goes on.
///
/// Oracle: GS-04
#[test]
fn a_late_answer_is_never_seen() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let begun = Instant::now();
        assert_eq!(s.call(slow(ms(150))).timeout(ms(50)).await, Err(CallError::Timeout));
        assert_eq!(begun.elapsed(), ms(50));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// Calls that wait at the same time share one alarm of their process, and each ends at its own
/// limit, also those that are polled by something with a waker of its own.
#[test]
fn calls_at_the_same_time_end_each_at_its_own_limit() {
    /// Polls a future with a waker that is not the process's, as a `FuturesUnordered` does.
    async fn apart<F: Future>(future: F) -> F::Output {
        struct Passes(Waker);
        impl Wake for Passes {
            fn wake(self: Arc<Self>) {
                self.0.wake_by_ref();
            }
        }
        let mut future = pin!(future);
        poll_fn(|cx| {
            let waker = Waker::from(Arc::new(Passes(cx.waker().clone())));
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
        .await
    }

    scenario(|me: Process| async move {
        let busy = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        let ends = async |limit| {
            assert_eq!(busy.call(slow(ms(500))).timeout(limit).await, Err(CallError::Timeout));
            begun.elapsed()
        };
        let (a, b, c, d) =
            tokio::join!(ends(ms(30)), apart(ends(ms(20))), ends(ms(10)), apart(ends(ms(40))));
        assert_eq!([a, b, c, d], [ms(30), ms(20), ms(10), ms(40)]);
        assert_eq!(ends(ms(15)).await, ms(55));
    });
}

/// A process that lets a timeout crash it ends with `timeout`; the server knows nothing of it.
///
/// Oracle: GS-05
#[test]
fn an_uncaught_timeout_ends_the_caller_only() {
    scenario(|mut me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let server = s.clone();
        me.spawn_monitor(async move {
            server.call(slow(ms(100))).timeout(ms(20)).await?;
            Ok::<_, CallError>(())
        });
        assert_eq!(down(&mut me).await, ExitReason::other(CallError::Timeout));
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// A call with no time at all fails when the server is busy.
///
/// Oracle: GS-57
#[test]
fn a_call_with_no_time_at_all_fails_with_timeout() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        s.cast(Tell::Do(Box::new(|_, _| {
            Box::pin(async {
                sleep(ms(100)).await;
                Ok(Next::Go)
            })
        })));
        settle().await;
        assert_eq!(s.call(Call::Echo).timeout(ms(0)).await, Err(CallError::Timeout));
    });
}

/// A call waits five seconds, unless it says otherwise.
///
/// Covers: RT-GS-05
#[test]
fn a_call_waits_five_seconds_by_default() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        assert_eq!(s.call(slow(ms(5001))).await, Err(CallError::Timeout));
        assert_eq!((begun.elapsed(), CALL_TIMEOUT), (ms(5000), ms(5000)));
        assert_eq!(s.call(slow(ms(4990))).await, Ok("slept"));
        assert_eq!(s.call(slow(ms(3_600_000))).infinity().await, Ok("slept"));
    });
}

/// Callers are served in the order in which they came; the call of one that has given up is
/// handled as well.
///
/// Oracle: GS-52
#[test]
fn callers_are_served_in_the_order_in_which_they_came() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let mut callers = Vec::new();
        for n in 1..=3_u64 {
            let (server, log) = (s.clone(), log.clone());
            callers.push(spawn(async move {
                let lines = log.clone();
                let handle = run_async(move |reply: Reply<u64>, _, _| {
                    Box::pin(async move {
                        sleep(ms(50)).await;
                        lines.add(format!("handled {n}"));
                        reply.send(n);
                        Ok(Next::Go)
                    })
                });
                let limit = if n == 2 { ms(70) } else { ms(500) };
                let result = server.call(handle).timeout(limit).await;
                log.add(format!("caller {n}: {result:?}"));
            }));
            settle().await;
        }
        for caller in callers {
            caller.join().await;
        }
        assert_eq!(
            log.lines(),
            [
                "init s.1",
                "handled 1",
                "caller 1: Ok(1)",
                "caller 2: Err(Timeout)",
                "handled 2",
                "handled 3",
                "caller 3: Ok(3)",
            ]
        );
    });
}

/// What one process sends to a server is handled in the order in which it was sent.
///
/// Oracle: GS-43
#[test]
fn casts_and_calls_of_one_process_are_handled_in_order() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        for n in ["1", "2", "3"] {
            s.cast(Tell::Word(n));
        }
        s.call(Call::Echo).await.unwrap();
        log.add("call returned");
        assert_eq!(
            log.lines(),
            ["init s.1", "cast s.1 1", "cast s.1 2", "cast s.1 3", "call returned"]
        );
    });
}

// --- The server's end.

/// A panic in a callback ends the server: its caller and its watchers see the panic, and `terminate`
/// runs, although the server does not trap exits.
///
/// Oracle: GS-06
#[test]
fn a_panic_while_a_call_is_handled_is_the_callers_answer() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        let call = s.call(run::<()>(|_, _, _| panic!("boom"))).await;
        let reason = down(&mut me).await;
        assert_panic(&reason, "boom", file!());
        assert_eq!(call, Err(CallError::Down(reason)));
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 panic: boom"]);
    });
}

/// A division by zero is such a panic.
///
/// Oracle: GS-07
#[test]
fn a_division_by_zero_in_a_callback_is_a_panic() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let divide = run(|reply: Reply<i32>, _, _| {
            reply.send(1 / black_box(0));
            Ok(Next::Go)
        });
        let Err(CallError::Down(reason)) = s.call(divide).await else { panic!("not down") };
        assert_panic(&reason, "attempt to divide by zero", file!());
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 panic: attempt to divide by zero"]);
    });
}

/// A server that stops with an answer ends with its reason, and the caller has the answer.
///
/// Covers: RT-GS-09
/// Oracle: GS-08
#[test]
fn a_stop_with_an_answer_answers() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        let stop = run(|reply, _, _| reply.stop_with(word("because"), "bye"));
        assert_eq!(s.call(stop).await, Ok("bye"));
        assert_eq!(log.mailbox(&mut me).await, [r#"DOWN s.1 "because""#]);
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "because""#]);
    });
}

/// A stop with an answer answers when `terminate` has ended, not before.
///
/// Oracle: GS-09
#[test]
fn a_stop_with_an_answer_answers_after_terminate() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").end_takes(ms(80))).await.unwrap();
        let begun = Instant::now();
        let stop = run(|reply, _, _| reply.stop_with(ExitReason::Normal, "bye"));
        let answer = s.call(stop).await.unwrap();
        log.add(format!("caller got {answer}"));
        assert_eq!(begun.elapsed(), ms(80));
        assert_eq!(
            log.lines(),
            ["init s.1", "terminate s.1 normal", "terminate-done s.1", "caller got bye"]
        );
    });
}

/// A server that stops without an answer: the caller gets the reason, `normal` too.
///
/// Oracle: GS-10
#[test]
fn a_stop_without_an_answer_is_seen_with_its_reason() {
    scenario(|me: Process| async move {
        let reasons =
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("x"), word("bad")];
        for reason in reasons {
            let s = W::start(Log::of(&me).server("s")).await.unwrap();
            let why = reason.clone();
            let call = s.call(run::<()>(|_, _, _| Ok(Next::Stop(why)))).await;
            assert_eq!(call, Err(CallError::Down(reason)));
        }
    });
}

/// A caller learns at once that the server was killed.
///
/// Oracle: GS-11
#[test]
fn a_call_in_progress_ends_when_the_server_is_killed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let begun = Instant::now();
        let (call, ()) = tokio::join!(s.call(slow(ms(1000))), async {
            settle().await;
            s.pid().kill();
        });
        assert_eq!(call, Err(CallError::Down(ExitReason::Killed)));
        assert_eq!(begun.elapsed(), ms(1));
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// What a server that stops has not handled is lost; those who wait get its reason.
///
/// Oracle: GS-44
#[test]
fn calls_in_the_mailbox_of_a_server_that_stops_get_its_reason() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        s.cast(Tell::Do(Box::new(|_, _| {
            Box::pin(async {
                sleep(ms(50)).await;
                Ok(Next::Stop(word("closing")))
            })
        })));
        settle().await;
        s.cast(Tell::Word("lost"));
        assert_eq!(s.call(Call::Echo).await, Err(CallError::Down(word("closing"))));
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "closing""#]);
    });
}

/// An exit in a callback ends the server with that reason, after `terminate`.
///
/// Oracle: GS-42
#[test]
fn an_exit_in_a_callback_ends_the_server_with_its_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        for (name, reason) in [("s.1", ExitReason::Normal), ("s.2", ExitReason::Shutdown)] {
            let s = W::start(log.server(name)).await.unwrap();
            me.monitor(&s);
            let why = reason.clone();
            let call = s.call(run::<()>(|_, _, _| runtime::exit(why))).await;
            assert_eq!(call, Err(CallError::Down(reason)));
        }
        assert_eq!(
            log.lines(),
            ["init s.1", "terminate s.1 normal", "init s.2", "terminate s.2 shutdown"]
        );
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 normal", "DOWN s.2 shutdown"]);
    });
}

/// A throw that nobody catches is a crash: what a callback returns has a type.
#[test]
fn a_throw_in_a_callback_ends_the_server() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let Err(CallError::Down(reason)) =
            s.call(run::<()>(|_, _, _| runtime::throw("thrown"))).await
        else {
            panic!("not down")
        };
        let thrown = runtime::NoCatch(runtime::Term::new("thrown"));
        assert_eq!(reason, ExitReason::other(thrown));
    });
}

/// A trapping caller whose linked server answers and then ends has the answer first, then the exit.
///
/// Oracle: GS-56
#[test]
fn an_answer_comes_before_the_servers_exit() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let s = W::start_link(log.server("s.1")).await.unwrap();
        let call = s.call(run(|reply, _, _| {
            reply.send("reply");
            Ok(Next::Stop(word("done")))
        }));
        assert_eq!(call.await, Ok("reply"));
        assert_eq!(log.mailbox(&mut me).await, [r#"EXIT s.1 "done""#]);
    });
}

// --- Who asks whom.

/// A server that calls itself is told so, instead of waiting for ever.
///
/// Oracle: GS-12
#[test]
fn a_server_cannot_call_itself() {
    static LOOP: Name<W> = Name::new("loop");

    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).name(&LOOP).await.unwrap();
        let outer = s.call(run_async(|reply: Reply<_>, _, cx| {
            Box::pin(async move {
                let by_ref = cx.server().call(Call::Echo).await;
                let by_name = LOOP.call(Call::Echo).infinity().await;
                reply.send([by_ref, by_name]);
                Ok(Next::Go)
            })
        }));
        let inner = Err(CallError::CallingSelf);
        assert_eq!(outer.await, Ok([inner.clone(), inner]));
    });
}

/// A server may leave the answer to another process, which gives it later.
///
/// Oracle: GS-13
#[test]
fn another_process_may_answer_later() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        let call = s.call(run(|reply, _, _| {
            spawn(async move {
                sleep(ms(20)).await;
                reply.send("late");
            });
            Ok(Next::Go)
        }));
        assert_eq!(call.await, Ok("late"));
        assert_eq!(begun.elapsed(), ms(20));
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// A server knows who asks: the calling process, or nobody's pid.
///
/// Covers: RT-GS-11
#[test]
fn a_server_knows_its_caller() {
    fn who() -> impl FnOnce(Reply<(Pid, Pid)>) -> Call {
        run(|reply: Reply<(Pid, Pid)>, _, cx| {
            let callers = (cx.caller(), reply.caller());
            reply.send(callers);
            Ok(Next::Go)
        })
    }

    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        assert_eq!(s.call(who()).await, Ok((me.pid(), me.pid())));
        let outside = tokio::spawn(async move { s.call(who()).await });
        assert_eq!(outside.await.unwrap(), Ok((Pid::OUTSIDE, Pid::OUTSIDE)));
    });
}

/// Whoever called before is not the caller of what is no call.
#[test]
fn a_cast_or_an_info_has_no_caller() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        s.call(Call::Echo).await.unwrap();
        let note = || {
            tell(|w, cx| {
                w.log.add(format!("caller {}", cx.caller()));
                Ok(Next::Go)
            })
        };
        s.cast(note());
        s.info(note());
        s.call(Call::Echo).await.unwrap();
        assert_eq!(log.lines()[1..], ["caller <0.0.0>"; 2]);
    });
}

/// A plain task calls as a process does: answers, time limits and the server's end are the same.
#[test]
fn a_plain_task_can_call() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let task = tokio::spawn(async move {
            assert_eq!(s.call(Call::Echo).await, Ok("echo"));
            let begun = Instant::now();
            assert_eq!(s.call(slow(ms(9))).timeout(ms(5)).await, Err(CallError::Timeout));
            assert_eq!(begun.elapsed(), ms(5));
            let call = s.call(run::<()>(|_, _, _| Ok(Next::Stop(word("bad"))))).await;
            assert_eq!(call, Err(CallError::Down(word("bad"))));
            assert_eq!(s.call(Call::Echo).await, Err(CallError::NoProc));
        });
        task.await.unwrap();
    });
}

/// Several calls of one process at once have each their own answer and their own time.
#[test]
fn one_process_can_wait_for_several_calls_at_once() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let begun = Instant::now();
        let servers = [
            W::start(log.server("a")).await.unwrap(),
            W::start(log.server("b")).await.unwrap(),
            W::start(log.server("c")).await.unwrap(),
            W::start(log.server("d")).await.unwrap(),
        ];
        // Before and after: the calls share what they time themselves with.
        for round in 1..=3 {
            let timed = |n: usize, takes: u64, limit: u64| {
                let (server, begun) = (servers[n].clone(), Instant::now());
                async move {
                    let result = server.call(slow(ms(takes))).timeout(ms(limit)).await;
                    (result, begun.elapsed())
                }
            };
            let all = tokio::join!(
                timed(0, 10, 40),
                timed(1, 90, 30),
                timed(2, 90, 20),
                timed(3, 50, 60)
            );
            let slow = |millis| (Err(CallError::Timeout), ms(millis));
            let done = |millis| (Ok("slept"), ms(millis));
            assert_eq!(all, (done(10), slow(30), slow(20), done(50)), "round {round}");
            assert_eq!(servers[0].call(Call::Echo).await, Ok("echo"));
            sleep(ms(100)).await;
        }
        assert_eq!(begun.elapsed(), 3 * ms(150));
    });
}

/// Calls leave no timers behind, however many: a process that has made thousands sleeps like one
/// that has made none, and the next one ends on time.
#[test]
fn thousands_of_calls_leave_no_timers() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        for _ in 0..3000 {
            s.call(Call::Echo).await.unwrap();
        }
        assert_eq!((begun.elapsed(), me.system().timer_count()), (ms(0), 0));

        // The sleeper is polled when it begins, when it ends, and for each timer that is left.
        let (mut polls, mut sleeping) = (0, std::pin::pin!(sleep(2 * CALL_TIMEOUT)));
        std::future::poll_fn(|cx| {
            polls += 1;
            sleeping.as_mut().poll(cx)
        })
        .await;
        assert!(polls <= 3, "woken {polls} times");

        let begun = Instant::now();
        assert_eq!(s.call(slow(ms(6000))).await, Err(CallError::Timeout));
        assert_eq!(begun.elapsed(), CALL_TIMEOUT);
    });
}

/// A call is sent when it becomes a future: by `.await`, or by whoever is to poll it. Before that
/// there is no call, however long it was written down.
#[test]
fn a_call_is_sent_when_it_becomes_a_future() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let line = |line| {
            run(move |reply, w: &mut W, _| {
                w.log.add(line);
                reply.send(());
                Ok(Next::Go)
            })
        };
        drop(s.call(line("never a future")));
        let second = s.call(line("second"));
        drop(tokio::time::timeout(ms(5), s.call(line("never polled"))));
        s.call(line("first")).await.unwrap();
        second.await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "never polled", "first", "second"]);
    });
}

/// A name is looked up when the call is written down: it leads to the server that has it then.
#[test]
fn a_name_is_looked_up_when_the_call_is_written_down() {
    static LATER: Name<W> = Name::new("later");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let early = LATER.call(Call::Echo);
        let first = W::start(log.server("s.1")).name(&LATER).await.unwrap();
        assert_eq!(early.await, Err(CallError::NoProc));
        let to_the_first = LATER.call(Call::Echo);
        first.stop().await.unwrap();
        W::start(log.server("s.2")).name(&LATER).await.unwrap();
        assert_eq!(to_the_first.await, Err(CallError::NoProc));
        assert_eq!(LATER.call(Call::Echo).await, Ok("echo"));
    });
}

// --- Infos.

/// A message that the server sends to itself, and one that comes by pid, are both its infos; one
/// of another type is unknown.
#[test]
fn infos_come_from_the_server_itself_or_by_pid() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        s.info(Tell::Word("by reference"));
        s.pid().send(Tell::Word("by pid"));
        s.pid().send(7_i32);
        s.cast(tell(|_, cx| {
            cx.info(Tell::Word("own"));
            cx.send_after(ms(20), Tell::Word("later"));
            cx.start_timer(ms(10), Tell::Word("sooner"));
            Ok(Next::Go)
        }));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(
            log.lines(),
            [
                "init s.1",
                "info s.1 by reference",
                "info s.1 by pid",
                "info s.1 unknown i32",
                "info s.1 own",
                "timer s.1 sooner",
                "info s.1 later",
            ]
        );
    });
}
