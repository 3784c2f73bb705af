//! How a supervisor stops its children, and is stopped itself.

use std::time::Duration;

use crate::support::{Fault, Log, NOTHING, Part, Tell, ms, one_for_one, timed, word};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    ChildSpec, ExitReason, Process, Server, Shutdown, StopError, Strategy, Supervision, Supervisor,
    spawn,
};
use tokio::time::{Instant, sleep};

/// A worker that needs this long to terminate, and is given that long.
fn slow(log: &Log, tag: &'static str, needs: u64, given: u64) -> Part {
    log.w(tag).end_takes(ms(needs)).shutdown(Shutdown::After(ms(given)))
}

/// Stops a supervisor of these children: the time that it took.
async fn stopping(log: &Log, children: impl IntoIterator<Item = Part>) -> Duration {
    let children = children.into_iter().map(ChildSpec::from);
    let sup = log.start(one_for_one().children(children)).await;
    let (stopped, took) = timed(sup.stop().into_future()).await;
    assert_eq!(stopped, Ok(()));
    took
}

// --- How a child is stopped.

/// A child that has not ended in its time is killed.
///
/// Oracle: SUP-30
#[test]
fn a_child_that_takes_too_long_is_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(slow(&log, "a", 400, 100))).await;
        log.watch(&me, &["a.1"]);
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), ms(100)));
        assert_eq!(log.take(), ["init a.1", "terminate a.1 shutdown"]);
        assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 killed", "EXIT sup normal"]);
    });
}

/// Each child has its own time: they are stopped one after another, the newest first.
///
/// Oracle: SUP-31
#[test]
fn children_are_stopped_one_after_another_each_in_its_own_time() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let children = ["a", "b", "c"].map(|tag| ChildSpec::from(slow(&log, tag, 400, 100)));
        let sup = log.start(one_for_one().children(children)).await;
        log.watch(&me, &["a.1", "b.1", "c.1"]);
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), ms(300)));
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init b.1",
                "init c.1",
                "terminate c.1 shutdown",
                "terminate b.1 shutdown",
                "terminate a.1 shutdown"
            ]
        );
        assert_eq!(
            log.mailbox(&mut me).await,
            ["DOWN c.1 killed", "DOWN b.1 killed", "DOWN a.1 killed", "EXIT sup normal"]
        );
    });
}

/// A child that ends within its time is not waited for any longer; a short time of one does not
/// shorten that of another.
#[test]
fn a_supervisor_waits_no_longer_than_each_child_needs() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let children =
            [slow(&log, "a", 20, 5000), slow(&log, "b", 400, 30), slow(&log, "c", 0, 10)];
        assert_eq!(stopping(&log, children).await, ms(50));
        assert_eq!(
            log.take()[3..],
            [
                "terminate c.1 shutdown",
                "terminate b.1 shutdown",
                "terminate a.1 shutdown",
                "terminate-done a.1"
            ]
        );
    });
}

/// Brutal kill: no `terminate`, no waiting.
///
/// Covers: RT-SUP-11
/// Oracle: SUP-32
#[test]
fn a_brutally_killed_child_does_not_terminate() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let b = log.w("b").end_takes(ms(400)).shutdown(Shutdown::BrutalKill);
        let sup = log.start(one_for_one().child(log.w("a")).child(b)).await;
        log.watch(&me, &["a.1", "b.1"]);
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), Duration::ZERO));
        assert_eq!(log.take(), ["init a.1", "init b.1", "terminate a.1 shutdown"]);
        assert_eq!(
            log.mailbox(&mut me).await,
            ["DOWN b.1 killed", "DOWN a.1 shutdown", "EXIT sup normal"]
        );
    });
}

/// Infinity: the supervisor waits for as long as it takes.
///
/// Oracle: SUP-33
#[test]
fn infinity_waits_for_as_long_as_it_takes() {
    for needs in [300, 3_600_000] {
        scenario(move |mut me: Process| async move {
            let log = Log::of(&me);
            let a = log.w("a").end_takes(ms(needs)).shutdown(Shutdown::Infinity);
            let sup = log.start(one_for_one().child(a)).await;
            log.watch(&me, &["a.1"]);
            assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), ms(needs)));
            assert_eq!(log.take(), ["init a.1", "terminate a.1 shutdown", "terminate-done a.1"]);
            assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 shutdown", "EXIT sup normal"]);
        });
    }
}

/// A child that does not trap exits ends at once, also in the middle of a callback, and without
/// `terminate`.
///
/// Oracle: SUP-34
#[test]
fn a_child_that_does_not_trap_ends_at_once_even_when_busy() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a").plain())).await;
        log.watch(&me, &["a.1"]);
        log.tell("a", Tell::Word(ms(500), "callback done")).await;
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), Duration::ZERO));
        assert_eq!(log.take(), ["init a.1"]);
        assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 shutdown", "EXIT sup normal"]);
    });
}

/// A child that traps exits comes to the end of its callback, and of those queued before the order,
/// and then terminates.
///
/// Oracle: SUP-35
#[test]
fn a_busy_child_that_traps_finishes_its_work_first() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        log.watch(&me, &["a.1"]);
        let begun = Instant::now();
        log.server("a").cast(Tell::Word(ms(200), "callback done"));
        log.server("a").cast(Tell::Word(Duration::ZERO, "second queued cast handled"));
        sleep(ms(50)).await;
        assert_eq!(sup.stop().await, Ok(()));
        assert_eq!(begun.elapsed(), ms(200));
        assert_eq!(
            log.take(),
            ["init a.1", "callback done", "second queued cast handled", "terminate a.1 shutdown"]
        );
        assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 shutdown", "EXIT sup normal"]);
    });
}

/// A plain process that traps exits and ignores what it gets is killed in the end.
///
/// Oracle: SUP-72
#[test]
fn a_process_that_ignores_the_order_is_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let noted = log.clone();
        let stubborn = ChildSpec::process("stubborn", move || {
            let log = noted.clone();
            move |mut me: Process| async move {
                me.trap_exit(true);
                log.know("stubborn", me.pid());
                loop {
                    if let runtime::Message::Exit(exit) = me.receive().await {
                        log.add(format!("ignored {}", exit.reason));
                    }
                }
            }
        });
        let child = stubborn.shutdown(Shutdown::After(ms(100)));
        let sup = log.start(one_for_one().child(child)).await;
        settle().await;
        log.watch(&me, &["stubborn"]);
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), ms(100)));
        assert_eq!(log.take(), ["ignored shutdown"]);
        assert_eq!(log.mailbox(&mut me).await, ["DOWN stubborn killed", "EXIT sup normal"]);
    });
}

/// No time at all is asked, and killed at once.
#[test]
fn a_child_that_is_given_no_time_is_killed_at_once() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(slow(&log, "a", 400, 0))).await;
        log.watch(&me, &["a.1"]);
        let (stopped, took) = timed(sup.stop().into_future()).await;
        assert_eq!(stopped, Ok(()));
        assert!(took <= ms(1), "the grain of the clock, not {took:?}");
        assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 killed", "EXIT sup normal"]);
    });
}

/// The limits hold when one child is stopped by hand, and when a group is restarted.
#[test]
fn the_limits_hold_however_a_child_comes_to_be_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(Strategy::OneForAll).child(log.w("a"));
        let sup = sup.child(slow(&log, "b", 400, 100)).child(slow(&log, "c", 30, 100));
        let sup = log.start(sup).await;
        assert_eq!(timed(sup.terminate_child("b")).await, (Ok(()), ms(100)));
        assert_eq!(timed(sup.restart_child("b")).await.1, Duration::ZERO);
        log.take();

        let begun = Instant::now();
        kill_and_wait(&log.server("a")).await;
        sup.count_children().await.unwrap();
        assert_eq!(begun.elapsed(), ms(130));
        assert_eq!(
            log.take(),
            [
                "terminate c.1 shutdown",
                "terminate-done c.1",
                "terminate b.2 shutdown",
                "init a.2",
                "init b.3",
                "init c.2"
            ]
        );
    });
}

/// A child whose end goes wrong does not keep the supervisor from stopping the others.
#[test]
fn a_child_whose_end_goes_wrong_does_not_stop_the_stopping() {
    for fault in [Fault::Terminate, Fault::Drop] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let children = [log.w("a"), log.w("b").fault(fault), log.w("c")];
            assert_eq!(stopping(&log, children).await, Duration::ZERO);
            assert_eq!(
                log.take()[3..],
                ["terminate c.1 shutdown", "terminate b.1 shutdown", "terminate a.1 shutdown"]
            );
        });
    }
}

// --- How a supervisor is stopped.

/// The parent's signal stops a supervisor, the newest child first; a stranger's is ignored.
///
/// Oracle: SUP-49
#[test]
fn the_parents_signal_stops_a_supervisor_a_strangers_does_not() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b"]))).await;
        let pid = sup.pid();
        spawn(async move { pid.exit(ExitReason::Shutdown) }).join().await;
        settle().await;
        assert!(sup.is_alive());
        assert_eq!(log.take(), ["init a.1", "init b.1"]);

        sup.pid().exit(ExitReason::Shutdown);
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
        assert_eq!(log.take(), ["terminate b.1 shutdown", "terminate a.1 shutdown"]);
    });
}

/// A killed supervisor stops nobody: its children get its end through their links.
///
/// Oracle: SUP-50
#[test]
fn a_killed_supervisor_takes_its_children_along_by_their_links() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        log.watch(&me, &["a.1"]);
        let pid = sup.pid();
        spawn(async move { pid.exit(ExitReason::Normal) }).join().await;
        settle().await;
        assert!(sup.is_alive());
        spawn(async move { pid.kill() }).join().await;
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup killed", "DOWN a.1 killed"]);
        assert_eq!(log.take(), ["init a.1", "terminate a.1 killed"]);
    });
}

/// A supervisor that is stopped with a reason ends with it; its children get `shutdown`.
///
/// Oracle: SUP-64
#[test]
fn a_stopped_supervisor_ends_with_the_reason_and_its_children_with_shutdown() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        assert_eq!(sup.stop().reason(word("oops")).await, Ok(()));
        assert_eq!(log.take(), ["init a.1", "terminate a.1 shutdown"]);
        assert_eq!(sup.stop().await, Err(StopError::NoProc));
        assert_eq!(log.mailbox(&mut me).await, [r#"EXIT sup "oops""#]);
    });
}

/// The end of the parent is the end of the supervisor, whatever its reason.
#[test]
fn the_end_of_the_parent_ends_a_supervisor() {
    for reason in [ExitReason::Normal, word("bad")] {
        scenario(move |me: Process| {
            let reason = reason.clone();
            async move {
                let log = Log::of(&me);
                let (parts, why) = (log.all(["a", "b"]), reason.clone());
                let parent = spawn(async move {
                    one_for_one().children(parts).start_link().await.unwrap();
                    why
                });
                assert_eq!(parent.join().await, reason);
                settle().await;
                assert_eq!(
                    log.take(),
                    ["init a.1", "init b.1", "terminate b.1 shutdown", "terminate a.1 shutdown"]
                );
            }
        });
    }
}

/// A supervisor that was started on its own has no parent, and ends when it is stopped.
#[test]
fn a_supervisor_on_its_own_survives_who_started_it() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let (parts, slot) = (log.all(["a"]), log.clone());
        let starter = spawn(async move {
            slot.know("sup", one_for_one().children(parts).start().await.unwrap());
        });
        assert_eq!(starter.join().await, ExitReason::Normal);
        settle().await;
        assert!(log.pid("sup").is_alive());
        log.pid("sup").exit(ExitReason::Shutdown);
        settle().await;
        assert!(log.pid("sup").is_alive(), "a stranger's signal is ignored");
        log.watch(&me, &["sup"]);
        log.pid("sup").kill();
        assert_eq!(log.mailbox(&mut me).await, ["DOWN sup killed"]);
    });
}

/// While a supervisor stops its children, it answers nobody; who asks learns that it has ended.
#[test]
fn a_supervisor_that_stops_answers_nobody() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(slow(&log, "a", 200, 5000))).await;
        sup.pid().exit(ExitReason::Shutdown);
        sleep(ms(50)).await;
        let (answer, took) = timed(sup.which_children()).await;
        assert_eq!(answer, Err(runtime::CallError::Down(ExitReason::Shutdown)));
        assert_eq!(took, ms(150));
    });
}

/// A supervisor without children ends at once.
#[test]
fn an_empty_supervisor_ends_at_once() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        assert_eq!(stopping(&log, []).await, Duration::ZERO);
        assert_eq!(log.take(), NOTHING);
    });
}

/// The name of a stopped child is free for its successor, however it was stopped.
#[test]
fn the_name_of_a_stopped_child_is_free_for_its_successor() {
    static NAMED: runtime::Name<crate::support::W> = runtime::Name::new("named");

    for shutdown in [Shutdown::BrutalKill, Shutdown::After(ms(100)), Shutdown::Infinity] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let named = log.w("named").name(&NAMED).shutdown(shutdown).end_takes(ms(50));
            let sup = Supervisor::new(Strategy::OneForAll).child(log.w("a")).child(named);
            let sup = log.start(sup).await;
            log.kill("a").await;
            sup.terminate_child("named").await.unwrap();
            sup.restart_child("named").await.unwrap();
            assert_eq!(NAMED.whereis().map(|server| server.pid()), Some(log.pid("named.3")));
        });
    }
}
