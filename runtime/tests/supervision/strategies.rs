//! Who else is restarted when a child ends, and in which order.

use crate::support::{Begin, Fault, Log, NOTHING, Tell, ms, one_for_one};
use runtime::ExitReason::Normal;
use runtime::Strategy::{OneForAll, OneForOne, RestForOne};
use runtime::testing::{scenario, settle};
use runtime::{Process, Restart, Strategy, Supervision, Supervisor};
use tokio::time::sleep;

// --- The three strategies.

/// One for one: only the child that ended is started again.
///
/// Covers: RT-SUP-02
/// Oracle: SUP-02
#[test]
fn one_for_one_restarts_only_the_child_that_ended() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b", "c"]))).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("b").await;
        assert_eq!(log.take(), ["init b.2"]);
        assert_eq!(log.children(&sup).await, ["c c.1", "b b.2", "a a.1"]);
    });
}

/// One for all: the others are stopped, the newest first; then all are started, the oldest first.
///
/// Covers: RT-SUP-03
/// Oracle: SUP-03
#[test]
fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(Supervisor::new(OneForAll).children(log.all(["a", "b", "c"]))).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.watch(&me, &["a.1", "b.1", "c.1"]);
        log.kill("b").await;
        assert_eq!(
            log.take(),
            [
                "terminate c.1 shutdown",
                "terminate a.1 shutdown",
                "init a.2",
                "init b.2",
                "init c.2"
            ]
        );
        assert_eq!(
            log.mailbox(&mut me).await,
            ["DOWN b.1 killed", "DOWN c.1 shutdown", "DOWN a.1 shutdown"]
        );
        assert_eq!(log.children(&sup).await, ["c c.2", "b b.2", "a a.2"]);
    });
}

/// Rest for one: those started after it are stopped and started with it; those before are not
/// touched.
///
/// Covers: RT-SUP-04
/// Oracle: SUP-04
#[test]
fn rest_for_one_restarts_the_child_and_those_started_after_it() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let children = log.all(["a", "b", "c", "d"]);
        log.start(Supervisor::new(RestForOne).children(children)).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1", "init d.1"]);

        log.kill("b").await;
        assert_eq!(
            log.take(),
            [
                "terminate d.1 shutdown",
                "terminate c.1 shutdown",
                "init b.2",
                "init c.2",
                "init d.2"
            ]
        );
        log.kill("d").await;
        assert_eq!(log.take(), ["init d.3"]);
        log.kill("a").await;
        assert_eq!(
            log.take(),
            [
                "terminate d.3 shutdown",
                "terminate c.2 shutdown",
                "terminate b.2 shutdown",
                "init a.2",
                "init b.3",
                "init c.3",
                "init d.4"
            ]
        );
    });
}

/// One for one is the strategy unless another one is named.
#[test]
fn the_default_strategy_is_one_for_one() {
    assert_eq!(Strategy::default(), OneForOne);
}

// --- Children of a group that do not run, or shall not run again.

/// A temporary child is stopped with its group and leaves the list: it is not started again.
///
/// Oracle: SUP-42
#[test]
fn one_for_all_does_not_start_a_temporary_child_again() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(OneForAll).child(log.w("a")).child(log.w("b").temporary());
        let sup = log.start(sup.child(log.w("c"))).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("a").await;
        assert_eq!(
            log.take(),
            ["terminate c.1 shutdown", "terminate b.1 shutdown", "init a.2", "init c.2"]
        );
        assert_eq!(log.children(&sup).await, ["c c.2", "a a.2"]);
    });
}

/// The crash of a temporary child concerns nobody else: it is not restarted, so no group is.
///
/// Oracle: SUP-43
#[test]
fn the_crash_of_a_temporary_child_restarts_no_group() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(OneForAll).child(log.w("a")).child(log.w("b").temporary());
        let sup = log.start(sup.child(log.w("c"))).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("b").await;
        assert_eq!(log.take(), NOTHING);
        assert_eq!(log.children(&sup).await, ["c c.1", "a a.1"]);
    });
}

/// Nor does the normal end of a transient child.
#[test]
fn the_normal_end_of_a_transient_child_restarts_no_group() {
    for strategy in [OneForAll, RestForOne] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(strategy).child(log.w("a").transient()).child(log.w("b"));
            let sup = log.start(sup).await;
            log.tell("a", Tell::Stop(Normal)).await;
            assert_eq!(log.take(), ["init a.1", "init b.1", "terminate a.1 normal"]);
            assert_eq!(log.children(&sup).await, ["b b.1", "a stopped"]);
        });
    }
}

/// Rest for one: a temporary child after the one that crashed is stopped for good, a transient one is
/// started again.
///
/// Oracle: SUP-44
#[test]
fn rest_for_one_does_not_start_a_temporary_child_again() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(RestForOne).child(log.w("a")).child(log.w("b").temporary());
        let sup = log.start(sup.child(log.w("c").transient())).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("a").await;
        assert_eq!(
            log.take(),
            ["terminate c.1 shutdown", "terminate b.1 shutdown", "init a.2", "init c.2"]
        );
        assert_eq!(log.children(&sup).await, ["c c.2", "a a.2"]);
    });
}

/// Rest for one: a temporary child before the one that crashed is not touched.
#[test]
fn rest_for_one_leaves_a_temporary_child_before_the_crashed_one_alone() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(RestForOne).child(log.w("a").temporary()).child(log.w("b"));
        let sup = log.start(sup).await;
        log.kill("b").await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init b.2"]);
        assert_eq!(log.children(&sup).await, ["b b.2", "a a.1"]);
    });
}

/// A transient child that had ended normally is started again with its group.
///
/// Oracle: SUP-45
#[test]
fn a_group_starts_a_transient_child_that_had_ended() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(OneForAll).child(log.w("a")).child(log.w("b").transient());
        let sup = log.start(sup).await;
        log.tell("b", Tell::Stop(Normal)).await;
        assert_eq!(log.children(&sup).await, ["b stopped", "a a.1"]);
        assert_eq!(log.take(), ["init a.1", "init b.1", "terminate b.1 normal"]);
        log.kill("a").await;
        assert_eq!(log.take(), ["init a.2", "init b.2"]);
        assert_eq!(log.children(&sup).await, ["b b.2", "a a.2"]);
    });
}

/// So is a child that was stopped by hand.
///
/// Oracle: SUP-46
#[test]
fn a_group_starts_a_child_that_was_stopped_by_hand() {
    for strategy in [OneForAll, RestForOne] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(strategy).children(log.all(["a", "b"]));
            let sup = log.start(sup).await;
            sup.terminate_child("b").await.unwrap();
            assert_eq!(log.take(), ["init a.1", "init b.1", "terminate b.1 shutdown"]);
            log.kill("a").await;
            assert_eq!(log.take(), ["init a.2", "init b.2"]);
            assert_eq!(log.children(&sup).await, ["b b.2", "a a.2"]);
        });
    }
}

/// One for one: a child that was stopped by hand stays stopped.
///
/// Oracle: SUP-47
#[test]
fn one_for_one_leaves_a_child_that_was_stopped_by_hand_alone() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b"]))).await;
        sup.terminate_child("b").await.unwrap();
        log.kill("a").await;
        assert_eq!(log.children(&sup).await, ["b stopped", "a a.2"]);
    });
}

/// A child that was added later counts as started after all others.
#[test]
fn a_group_counts_a_child_that_was_added_later_as_its_newest() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(Supervisor::new(RestForOne).children(log.all(["a", "b"]))).await;
        sup.start_child(log.w("c")).await.unwrap();
        log.take();
        log.kill("b").await;
        assert_eq!(log.take(), ["terminate c.1 shutdown", "init b.2", "init c.2"]);
    });
}

// --- Several crashes at once.

/// Two children that crash at the same moment are one round: the second has ended already when its
/// group is stopped.
///
/// Oracle: SUP-65
#[test]
fn two_crashes_at_the_same_moment_are_one_round() {
    // Each pair, in both orders: who ends first is drawn by the seed.
    for (first, second) in [("a", "b"), ("b", "c"), ("c", "a")] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(OneForAll).intensity(1, ms(5000));
            let sup = sup.children(["a", "b", "c"].map(|tag| log.w(tag).plain().into()));
            let sup = log.start(sup).await;
            assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
            let both = [log.server(first), log.server(second)];
            for child in both {
                child.pid().kill();
            }
            settle().await;
            assert_eq!(log.take(), ["init a.2", "init b.2", "init c.2"]);
            assert_eq!(log.children(&sup).await, ["c c.2", "b b.2", "a a.2"]);
        });
    }
}

/// A sibling that crashes while it is being stopped is not restarted for it: that is no crash of
/// its own, and not another round.
#[test]
fn a_crash_of_a_sibling_that_is_being_stopped_does_not_count() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(OneForAll).intensity(1, ms(5000)).child(log.w("a"));
        let sup = log.start(sup.child(log.w("b").fault(Fault::Terminate))).await;
        me.monitor(log.pid("b.1"));
        log.kill("a").await;
        assert_eq!(
            log.take(),
            ["init a.1", "init b.1", "terminate b.1 shutdown", "init a.2", "init b.2"]
        );
        assert_eq!(log.children(&sup).await, ["b b.2", "a a.2"]);
        let end = log.mailbox(&mut me).await;
        assert!(end[0].starts_with("DOWN b.1 panic: "), "{end:?}");
        assert_eq!(end.len(), 1);
    });
}

/// Nothing of the ends of those who were stopped with their group is left for later.
#[test]
fn nothing_of_a_stopped_child_stays_in_the_mailbox() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let a = log.w("a").init_takes(ms(100));
        let sup = Supervisor::new(OneForAll).child(a).child(log.w("b")).child(log.w("c"));
        let sup = log.start(sup).await;
        // b has ended before it is stopped, c has not.
        for child in ["a.1", "b.1"] {
            log.pid(child).kill();
        }
        sleep(ms(50)).await;
        assert_eq!(log.take().last().unwrap(), "init a.2");
        assert_eq!(sup.pid().info().unwrap().message_queue_len, 0);
    });
}

// --- A start that fails while a group is restarted.

/// One for all: when a start fails, those that had been started are stopped, and all begins anew
/// with the first.
///
/// Oracle: SUP-39
#[test]
fn one_for_all_begins_anew_when_a_start_of_its_group_fails() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let b = log.w("b").starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
        let sup = Supervisor::new(OneForAll).child(log.w("a")).child(b).child(log.w("c"));
        let sup = log.start(sup).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("c").await;
        assert_eq!(
            log.take(),
            [
                "terminate b.1 shutdown",
                "terminate a.1 shutdown",
                "init a.2",
                "init b.2",
                "terminate a.2 shutdown",
                "init a.3",
                "init b.3",
                "init c.2"
            ]
        );
        assert_eq!(log.children(&sup).await, ["c c.2", "b b.3", "a a.3"]);
    });
}

/// Rest for one: when a start fails, it goes on from the child that failed.
///
/// Oracle: SUP-40
#[test]
fn rest_for_one_goes_on_from_the_child_whose_start_failed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let c = log.w("c").starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
        let sup = Supervisor::new(RestForOne).child(log.w("a")).child(log.w("b")).child(c);
        let sup = log.start(sup).await;
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        log.kill("b").await;
        assert_eq!(log.take(), ["terminate c.1 shutdown", "init b.2", "init c.2", "init c.3"]);
        assert_eq!(log.children(&sup).await, ["c c.3", "b b.2", "a a.1"]);
    });
}

/// Each attempt of a group is one restart, whoever's start failed.
#[test]
fn each_attempt_of_a_group_counts_once() {
    // Two attempts are one too many for one restart, and enough for two.
    for (strategy, granted, alive) in
        [(OneForAll, 1, false), (OneForAll, 2, true), (RestForOne, 1, false), (RestForOne, 2, true)]
    {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let c = log.w("c").starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
            let sup = Supervisor::new(strategy).intensity(granted, ms(5000));
            let sup = log.start(sup.child(log.w("a")).child(log.w("b")).child(c)).await;
            log.kill("a").await;
            assert_eq!(sup.is_alive(), alive, "{strategy:?}");
        });
    }
}

/// A child with nothing to do is no failure: the group goes on with the next.
#[test]
fn a_group_passes_over_a_child_that_has_nothing_to_do() {
    for restart in [Restart::Permanent, Restart::Transient] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let b = log.w("b").restart(restart).starts([Begin::Run, Begin::Ignore]);
            let sup = Supervisor::new(OneForAll).child(log.w("a")).child(b).child(log.w("c"));
            let sup = log.start(sup).await;
            log.kill("a").await;
            assert_eq!(log.children(&sup).await, ["c c.2", "b stopped", "a a.2"]);
        });
    }
}
