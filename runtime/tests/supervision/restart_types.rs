//! Whether a child that ended is started again: the table of restart types.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Begin, Log, NOTHING, Tell, ms, one_for_one, word, workers};
use runtime::Restart::{Permanent, Temporary, Transient};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    ChildError, ChildSpec, ExitReason, Process, Restart, Server, Strategy, Supervision, Supervisor,
};

/// How the only child of a fresh supervisor ends.
#[derive(Clone, Debug)]
enum End {
    Stops(ExitReason),
    Panics,
    Killed,
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Restarted,
    Stopped,
    Gone,
}

fn check(restart: Restart, end: &End, then: Then) {
    let end = end.clone();
    scenario(move |me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("w").restart(restart))).await;
        match end.clone() {
            End::Stops(reason) => log.tell("w", Tell::Stop(reason)).await,
            End::Panics => log.tell("w", Tell::Panic).await,
            End::Killed => log.kill("w").await,
        }
        let children = log.children(&sup).await;
        let counts = sup.count_children().await.expect("the supervisor answers");
        match then {
            Then::Restarted => assert_eq!((&*children[0], counts), ("w w.2", workers(1, 1))),
            Then::Stopped => assert_eq!((&*children[0], counts), ("w stopped", workers(1, 0))),
            Then::Gone => assert_eq!((children.len(), counts), (0, workers(0, 0))),
        }
        assert_eq!(log.starts("w"), if then == Then::Restarted { 2 } else { 1 });
        assert!(sup.is_alive());
    });
}

fn orderly() -> [End; 3] {
    [ExitReason::Normal, ExitReason::Shutdown, ExitReason::shutdown_with("x")].map(End::Stops)
}

fn disorderly() -> [End; 5] {
    let reasons = [word("bad"), ExitReason::Killed, ExitReason::NoProc].map(End::Stops);
    let [bad, killed, noproc] = reasons;
    [bad, killed, noproc, End::Panics, End::Killed]
}

/// A permanent child is restarted whatever it ends with.
///
/// Oracle: SUP-07
#[test]
fn a_permanent_child_is_always_restarted() {
    for end in orderly().iter().chain(&disorderly()) {
        check(Permanent, end, Then::Restarted);
    }
}

/// A transient child is restarted when it crashes; after an orderly end it stays in the list,
/// stopped.
///
/// Covers: RT-SUP-10
/// Oracle: SUP-08
#[test]
fn a_transient_child_is_restarted_when_it_crashes() {
    for end in &orderly() {
        check(Transient, end, Then::Stopped);
    }
    for end in &disorderly() {
        check(Transient, end, Then::Restarted);
    }
}

/// A temporary child is never restarted, and leaves the list with its end.
///
/// Oracle: SUP-09
#[test]
fn a_temporary_child_is_never_restarted() {
    for end in orderly().iter().chain(&disorderly()) {
        check(Temporary, end, Then::Gone);
    }
}

/// An orderly end is told by its kind: the word "shutdown" is a crash like any other word.
#[test]
fn a_reason_that_only_reads_shutdown_is_a_crash() {
    check(Transient, &End::Stops(word("shutdown")), Then::Restarted);
    check(Transient, &End::Stops(ExitReason::other(("shutdown", "x"))), Then::Restarted);
}

/// An end that is decided by a signal counts by the signal's reason.
#[test]
fn an_exit_signal_from_outside_counts_as_its_reason() {
    for (reason, child) in [(ExitReason::Shutdown, "w stopped"), (word("bad"), "w w.2")] {
        scenario(move |me: Process| {
            let reason = reason.clone();
            async move {
                let log = Log::of(&me);
                let w = log.w("w").transient().plain();
                let sup = log.start(one_for_one().child(w)).await;
                log.pid("w.1").exit(reason);
                settle().await;
                assert_eq!(log.children(&sup).await, [child]);
            }
        });
    }
}

/// What the body of a plain process returns is the reason with which it ended.
#[test]
fn a_plain_process_counts_by_what_its_body_returns() {
    for (reason, active) in [(ExitReason::Normal, 0), (word("bad"), 1)] {
        scenario(move |me: Process| {
            let reason = reason.clone();
            async move {
                let log = Log::of(&me);
                let started = AtomicU32::new(0);
                let child = ChildSpec::process("p", move || {
                    let first = started.fetch_add(1, Ordering::Relaxed) == 0;
                    let reason = reason.clone();
                    async move {
                        if !first {
                            std::future::pending::<()>().await;
                        }
                        reason
                    }
                });
                let sup = log.start(one_for_one().child(child.restart(Transient))).await;
                settle().await;
                assert_eq!(sup.count_children().await, Ok(workers(1, active)));
            }
        });
    }
}

/// A transient child that ended normally keeps its place in the list: it can be restarted by hand.
///
/// Oracle: SUP-29
#[test]
fn a_transient_child_that_ended_can_be_restarted_and_deleted_by_hand() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a").transient())).await;
        log.tell("a", Tell::Stop(ExitReason::Normal)).await;
        assert_eq!(log.children(&sup).await, ["a stopped"]);
        assert_eq!(sup.count_children().await, Ok(workers(1, 0)));
        assert!(sup.restart_child("a").await.unwrap().is_some());
        assert_eq!(log.children(&sup).await, ["a a.2"]);

        log.tell("a", Tell::Stop(ExitReason::Normal)).await;
        assert_eq!(sup.delete_child("a").await, Ok(()));
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(sup.restart_child("a").await, Err(ChildError::NotFound));
    });
}

/// A child that finds nothing to do when it is restarted stays in the list, stopped.
///
/// Oracle: SUP-41
#[test]
fn a_restarted_child_that_has_nothing_to_do_stays_stopped() {
    for restart in [Permanent, Transient] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let w = log.w("w").restart(restart).starts([Begin::Run, Begin::Ignore]);
            let sup = log.start(one_for_one().child(w)).await;
            log.kill("w").await;
            assert_eq!(log.children(&sup).await, ["w stopped"]);
            assert_eq!(sup.count_children().await, Ok(workers(1, 0)));
            assert!(sup.is_alive());
        });
    }
}

/// A restarted child begins with arguments of its own, and takes its place in the list.
///
/// Oracle: SUP-06
#[test]
fn a_restarted_child_keeps_its_place_in_the_list() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b"]))).await;
        log.kill("a").await;
        sup.start_child(log.w("c")).await.unwrap();
        assert_eq!(log.children(&sup).await, ["c c.1", "b b.1", "a a.2"]);
        assert_eq!(log.take(), ["init a.1", "init b.1", "init a.2", "init c.1"]);
    });
}

/// Arguments are made anew at each start; nothing of the former life is left.
#[test]
fn arguments_are_made_anew_at_each_start() {
    use runtime::{Crash, Cx, GenServer, Handled, Init, Name, Next, Reply};

    struct Numbered(u32);
    static NUMBERED: Name<Numbered> = Name::new("numbered");

    impl GenServer for Numbered {
        type Args = u32;
        type Call = Reply<u32>;
        type Cast = ();
        type Info = ();

        async fn init(number: u32, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
            Ok(Init::Ok(Self(number)))
        }
        async fn handle_call(&mut self, reply: Reply<u32>, _: &mut Cx<Self>) -> Handled<Self> {
            self.0 += 100;
            reply.send(self.0);
            Ok(Next::Go)
        }
    }

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let made = Arc::new(AtomicU32::new(0));
        let child = Numbered::child(move || made.fetch_add(1, Ordering::Relaxed) + 1);
        log.start(one_for_one().child(child.name(&NUMBERED))).await;
        assert_eq!(NUMBERED.call(|reply| reply).await, Ok(101));
        assert_eq!(NUMBERED.call(|reply| reply).await, Ok(201));
        kill_and_wait(&NUMBERED.whereis().unwrap()).await;
        settle().await;
        assert_eq!(NUMBERED.call(|reply| reply).await, Ok(102), "the name leads to the new one");
    });
}

/// Permanent is the default, and every strategy knows the same table.
#[test]
fn the_strategy_does_not_change_the_table() {
    assert_eq!(Restart::default(), Permanent);
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for (restart, reason, children) in [
            (Permanent, ExitReason::Normal, vec!["w w.2"]),
            (Transient, ExitReason::Normal, vec!["w stopped"]),
            (Transient, word("bad"), vec!["w w.2"]),
            (Temporary, word("bad"), vec![]),
        ] {
            scenario(move |me: Process| {
                let (reason, children) = (reason.clone(), children.clone());
                async move {
                    let log = Log::of(&me);
                    let sup = Supervisor::new(strategy).intensity(1, ms(1000));
                    let sup = log.start(sup.child(log.w("w").restart(restart))).await;
                    log.tell("w", Tell::Stop(reason)).await;
                    assert_eq!(log.children(&sup).await, children);
                }
            });
        }
    }
}
