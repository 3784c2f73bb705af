//! What a server does between messages: continuations and idle timeouts.

use crate::support::{Call, Log, NOTHING, Tell, W, ms, run, tell, word};
use runtime::testing::{scenario, settle};
use runtime::{GenServer, Init, Next, Process, Reply, Server, sys};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

// --- Continuations.

/// A continuation of `init` runs before any message, also one that is in the mailbox already.
///
/// Oracle: GS-30
#[test]
fn a_continuation_of_init_runs_before_queued_messages() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").begin(|w, cx| {
            cx.info(Tell::Word("queued"));
            Ok(Init::Then(w, Next::Continue(Tell::Word("first"))))
        }));
        s.await.unwrap().call(Call::Echo).await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "continue s.1 first", "info s.1 queued"]);
    });
}

/// A call may be answered and continued: the answer goes out first, the continuation runs before
/// the next message.
///
/// Oracle: GS-31
#[test]
fn a_continuation_of_a_call_runs_after_the_answer_and_before_the_next_message() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let call = s.call(run(|reply, _, cx| {
            cx.info(Tell::Word("queued"));
            reply.send("r");
            Ok(Next::Continue(Tell::Do(Box::new(|w, _| {
                Box::pin(async {
                    w.log.add("continue after_call");
                    sleep(ms(10)).await;
                    w.log.add("continued");
                    Ok(Next::Go)
                })
            }))))
        }));
        assert_eq!(call.await, Ok("r"));
        log.add("call: r");
        s.call(Call::Echo).await.unwrap();
        let mut lines = log.lines();
        // Who of server and caller has its turn first is nobody's business.
        lines[1..3].sort();
        assert_eq!(
            lines,
            ["init s.1", "call: r", "continue after_call", "continued", "info s.1 queued"]
        );
    });
}

/// A continuation may continue: nothing comes between.
#[test]
fn a_continuation_may_continue() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").begin(|w, cx| {
            cx.info(Tell::Word("queued"));
            Ok(Init::Then(
                w,
                Next::Continue(tell(|w, _| {
                    w.log.add("one");
                    Ok(Next::Continue(Tell::Word("two")))
                })),
            ))
        }));
        s.await.unwrap().call(Call::Echo).await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "one", "continue s.1 two", "info s.1 queued"]);
    });
}

/// A server that goes on and on by itself leaves room for others, and can be killed.
#[test]
fn endless_continuations_leave_room_for_others() {
    /// Far beyond one turn; not for ever, so that a failure is no hang.
    const MANY: u32 = 100_000;

    fn again() -> Tell {
        tell(|w, _| {
            w.count += 1;
            Ok(if w.count < MANY {
                Next::Continue(again())
            } else {
                Next::Stop(word("never interrupted"))
            })
        })
    }

    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let args = log.server("s.1").begin(|w, _| Ok(Init::Then(w, Next::Continue(again()))));
        let s = W::start(args).await.unwrap();
        me.monitor(&s);
        yield_now().await;
        s.pid().kill();
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 killed"]);
    });
}

// --- Idle timeouts.

/// A server that is to be told when nothing has arrived in this time after its start.
fn idle_for(time: std::time::Duration, log: &Log) -> crate::support::Args {
    log.server("s.1").begin(move |w, _| Ok(Init::Then(w, Next::Idle(time))))
}

/// When nothing arrives in time the server is told so, once: the timeout is not armed again.
///
/// Oracle: GS-33
#[test]
fn an_idle_timeout_fires_once() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        W::start(idle_for(ms(50), &log)).await.unwrap();
        sleep(ms(30)).await;
        assert_eq!(log.lines(), ["init s.1"]);
        sleep(ms(19)).await;
        assert_eq!(log.lines(), ["init s.1"]);
        sleep(ms(2)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 idle"]);
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 idle"]);
    });
}

/// Any message ends the waiting, here a call that does not ask for more.
///
/// Covers: RT-GS-10
/// Oracle: GS-34
#[test]
fn any_message_ends_an_idle_timeout() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(idle_for(ms(50), &log)).await.unwrap();
        sleep(ms(30)).await;
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// Not only a call does: a cast, an exit, a DOWN, a message of an unknown type as well.
#[test]
fn every_kind_of_message_ends_an_idle_timeout() {
    scenario(|me: Process| async move {
        for kind in ["cast", "info", "exit", "down", "unknown"] {
            let log = Log::of(&me);
            let s = W::start(idle_for(ms(50), &log).trap()).await.unwrap();
            sleep(ms(30)).await;
            match kind {
                "cast" => s.cast(tell(|_, _| Ok(Next::Go))),
                "info" => s.info(tell(|_, _| Ok(Next::Go))),
                "exit" => s.pid().exit(crate::support::word("hello")),
                "unknown" => s.pid().send(7_i32),
                _ => {
                    let gone = crate::support::dead_server().await;
                    log.know("gone", &gone);
                    s.cast(tell(move |_, cx| {
                        cx.monitor(&gone);
                        Ok(Next::Idle(ms(50)))
                    }));
                }
            }
            sleep(ms(1000)).await;
            assert!(!log.lines().contains(&"info s.1 idle".to_owned()), "{kind}");
        }
    });
}

/// A timeout that is armed again by each message fires when they stop coming.
///
/// Oracle: GS-35
#[test]
fn an_idle_timeout_that_is_armed_by_each_message_fires_when_they_stop() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(idle_for(ms(60), &log)).await.unwrap();
        for _ in 0..6 {
            sleep(ms(30)).await;
            s.cast(tell(|_, _| Ok(Next::Idle(ms(60)))));
        }
        settle().await;
        assert_eq!(log.lines(), ["init s.1"]);
        sleep(ms(58)).await;
        assert_eq!(log.lines(), ["init s.1"]);
        sleep(ms(21)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 idle"]);
    });
}

/// A timeout of zero fires when the mailbox is empty; a message that is there comes first, and ends
/// it.
///
/// Oracle: GS-36
#[test]
fn an_idle_timeout_of_zero_takes_what_is_there_first() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let begun = Instant::now();
        let s = W::start(idle_for(ms(0), &log)).await.unwrap();
        // Not a call: that might be there before the server waits.
        settle().await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 idle"]);
        assert!(begun.elapsed() <= ms(1));
        s.stop().await.unwrap();

        let log = Log::of(&me);
        W::start(log.server("s.1").begin(|w, cx| {
            cx.info(Tell::Word("queued"));
            Ok(Init::Then(w, Next::Idle(ms(0))))
        }))
        .await
        .unwrap();
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 queued"]);
    });
}

/// A look at the state does not end the waiting; it begins anew.
///
/// Oracle: GS-37
#[test]
fn a_look_at_the_state_restarts_an_idle_timeout() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(idle_for(ms(80), &log)).await.unwrap();
        sleep(ms(50)).await;
        assert_eq!(sys::get_state(&s, |w| w.word).await, Ok("s.1"));
        sleep(ms(79)).await;
        assert_eq!(log.lines(), ["init s.1"]);
        sleep(ms(2)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 idle"]);
    });
}

/// An idle timeout may follow an idle timeout, for as long as the server asks for it.
#[test]
fn an_idle_timeout_may_be_armed_again_by_hand() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").begin(|mut w, _| {
            w.idle_again = 3;
            w.idle_for = ms(10);
            Ok(Init::Then(w, Next::Idle(ms(10))))
        }));
        let s = s.await.unwrap();
        sleep(ms(35)).await;
        assert_eq!(log.lines()[1..], ["info s.1 idle"; 3]);
        sleep(ms(1000)).await;
        assert_eq!(log.lines()[1..], ["info s.1 idle"; 4]);
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// A server that is idle again and again with no time at all leaves room for others, too.
#[test]
fn endless_idle_timeouts_of_zero_leave_room_for_others() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let args = log.server("s.1").begin(|mut w, _| {
            w.idle_again = 20_000;
            w.idle_for = ms(0);
            Ok(Init::Then(w, Next::Idle(ms(0))))
        });
        let s = W::start(args).await.unwrap();
        me.monitor(&s);
        yield_now().await;
        s.pid().kill();
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 killed"]);
        assert!(log.lines().len() < 20_000, "{}", log.lines().len());
    });
}

/// Not even a timeout beyond the clock's range fires, or fails.
#[test]
fn an_idle_timeout_may_be_longer_than_time() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(idle_for(std::time::Duration::MAX, &log)).await.unwrap();
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(s.call(Call::Echo).timeout(std::time::Duration::MAX).await, Ok("echo"));
        let state = sys::get_state(&s, |w| w.count);
        assert_eq!(state.await, Ok(0));
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// Timers of a server's own arrive in their time; a cancelled one does not.
#[test]
fn a_server_can_set_and_cancel_timers() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let timers = s.call(run(|reply: Reply<_>, _, cx| {
            let kept = cx.send_after(ms(10), Tell::Word("kept"));
            let gone = cx.send_after(ms(20), Tell::Word("gone"));
            let shown = cx.start_timer(ms(30), Tell::Word("shown"));
            assert_eq!(runtime::cancel_timer(gone), Some(ms(20)));
            reply.send([kept, gone, shown]);
            Ok(Next::Go)
        }));
        let [kept, gone, shown] = timers.await.unwrap();
        assert!(kept != gone && gone != shown);
        sleep(ms(25)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 kept"]);
        assert_eq!(runtime::read_timer(shown), Some(ms(5)));
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["init s.1", "info s.1 kept", "timer s.1 shown"]);
    });
}
