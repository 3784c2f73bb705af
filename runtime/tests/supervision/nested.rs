//! Supervisors under supervisors: a failure goes up only when it has to, a stop goes all the way down.

use crate::support::{Begin, Log, Part, Tell, ms, one_for_one, timed, word, workers};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    ChildCount, ChildSpec, ChildState, ExitReason, FailedToStart, Message, Name, Pid, Process,
    Restart, Server, Shutdown, StartError, Strategy, Supervision, Supervisor, SupervisorModule,
    SupervisorRef, SupervisorServer,
};

/// The pid of a running child.
async fn child_pid(sup: &SupervisorRef, id: &str) -> Pid {
    let children = sup.which_children().await.expect("the supervisor answers");
    let child = children.iter().find(|child| &*child.id == id).expect("no such child");
    match child.state {
        ChildState::Running(pid) => pid,
        state => panic!("{id} is {state:?}"),
    }
}

/// A supervisor that gives up is restarted by its own supervisor, with all its children: that is one
/// restart. Its siblings take no notice.
///
/// Oracle: SUP-17
#[test]
fn a_supervisor_that_gives_up_is_restarted_with_all_its_children() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let inner = one_for_one().intensity(1, ms(5000)).children(log.all(["x", "y"]));
        let outer = one_for_one().intensity(1, ms(5000)).child(inner.into_child("inner"));
        let outer = log.start(outer.child(log.w("z"))).await;
        assert_eq!(log.take(), ["init x.1", "init y.1", "init z.1"]);
        let before = child_pid(&outer, "inner").await;
        log.kill("x").await;
        assert_eq!(child_pid(&outer, "inner").await, before);
        log.kill("x").await;
        assert_ne!(child_pid(&outer, "inner").await, before);
        assert_eq!(log.take(), ["init x.2", "terminate y.1 shutdown", "init x.3", "init y.2"]);
        assert!(outer.is_alive());

        // The new one has a history of its own; the outer one has used its one restart.
        log.kill("x").await;
        assert!(outer.is_alive());
        log.kill("x").await;
        assert!(!outer.is_alive());
        assert_eq!(log.take(), ["init x.4", "terminate y.2 shutdown", "terminate z.1 shutdown"]);
    });
}

/// A supervisor that gives up ends with `shutdown`, which is an orderly end: as a transient child it
/// is not restarted.
///
/// Oracle: SUP-18
#[test]
fn a_transient_supervisor_that_gives_up_is_not_restarted() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let inner = one_for_one().intensity(0, ms(5000)).child(log.w("x")).into_child("inner");
        let outer = log.start(one_for_one().child(inner.restart(Restart::Transient))).await;
        log.kill("x").await;
        assert_eq!(log.children(&outer).await, ["inner stopped"]);
        let counts = ChildCount { specs: 1, active: 0, supervisors: 1, workers: 0 };
        assert_eq!(outer.count_children().await, Ok(counts));
        assert_eq!(log.take(), ["init x.1"]);
    });
}

/// The children of a killed supervisor end with `killed`, by their links; then its own supervisor
/// starts it again, with all of them.
///
/// Covers: RT-SUP-16
/// Oracle: SUP-36
#[test]
fn a_killed_supervisor_is_restarted_with_all_its_children() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let inner = one_for_one().child(log.w("x").plain()).child(log.w("y"));
        let outer = log.start(one_for_one().child(inner.into_child("inner"))).await;
        log.watch(&me, &["x.1", "y.1"]);
        kill_and_wait(child_pid(&outer, "inner").await).await;
        settle().await;
        let mut mailbox = log.mailbox(&mut me).await;
        // Who of them has its turn first is nobody's business, and the new ones may overtake them.
        mailbox.sort();
        assert_eq!(mailbox, ["DOWN x.1 killed", "DOWN y.1 killed"]);
        let mut events = log.take();
        events[2..].sort();
        assert_eq!(
            events,
            ["init x.1", "init y.1", "init x.2", "init y.2", "terminate y.1 killed"]
        );
    });
}

/// A stop goes down the tree, the newest first at each level; each supervisor has all the time that
/// its children need.
#[test]
fn a_stop_goes_all_the_way_down() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let slow = |tag| log.w(tag).end_takes(ms(4000)).into();
        let inner = one_for_one().children([slow("x"), slow("y")]);
        let outer = one_for_one().child(log.w("a")).child(inner.into_child("inner"));
        let outer = log.start(outer.child(log.w("z"))).await;
        assert_eq!(log.take(), ["init a.1", "init x.1", "init y.1", "init z.1"]);
        assert_eq!(timed(outer.stop().into_future()).await, (Ok(()), ms(8000)));
        assert_eq!(
            log.take(),
            [
                "terminate z.1 shutdown",
                "terminate y.1 shutdown",
                "terminate-done y.1",
                "terminate x.1 shutdown",
                "terminate-done x.1",
                "terminate a.1 shutdown"
            ]
        );
    });
}

/// A supervisor that is killed while it stops its children does not leave any of them behind.
#[test]
fn a_supervisor_that_is_killed_while_it_stops_leaves_nobody_behind() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let stubborn = ChildSpec::process("stubborn", {
            let log = log.clone();
            move || {
                let log = log.clone();
                move |mut me: Process| async move {
                    me.trap_exit(true);
                    log.know("stubborn", me.pid());
                    loop {
                        if let Message::Exit(exit) = me.receive().await
                            && exit.reason == ExitReason::Killed
                        {
                            return;
                        }
                    }
                }
            }
        });
        let inner = one_for_one().child(log.w("x")).child(stubborn.shutdown(Shutdown::Infinity));
        let inner = inner.into_child("inner").shutdown(Shutdown::After(ms(100)));
        let outer = log.start(one_for_one().child(inner)).await;
        settle().await;
        assert_eq!(timed(outer.stop().into_future()).await, (Ok(()), ms(100)));
        settle().await;
        assert!(!log.pid("stubborn").is_alive());
        assert!(!log.pid("x.1").is_alive());
    });
}

/// A failed start deep in a tree undoes the whole start; the reason says where, level by level.
#[test]
fn a_failed_start_deep_in_a_tree_says_where() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let bad = log.w("bad").starts([Begin::Fail("no")]);
        let inner = one_for_one().child(log.w("x")).child(bad).into_child("inner");
        let outer = one_for_one().child(log.w("a")).child(inner);
        let Err(StartError::Failed(outer)) = outer.start_link().await else { panic!("it starts") };
        let failed = |id: &str, error| FailedToStart { id: id.into(), error };
        let inner = failed("bad", StartError::Failed(word("no")));
        let inner = ExitReason::shutdown_with(inner);
        assert_eq!(outer, ExitReason::shutdown_with(failed("inner", StartError::Failed(inner))));
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init x.1",
                "init bad.1",
                "terminate x.1 shutdown",
                "terminate a.1 shutdown"
            ]
        );
    });
}

/// A supervisor whose restart fails counts as any other child whose restart fails.
#[test]
fn a_supervisor_whose_restart_fails_is_tried_again() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let y = log.w("y").starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
        let inner = one_for_one().intensity(0, ms(5000)).child(log.w("x")).child(y);
        let outer = one_for_one().intensity(2, ms(5000)).child(inner.into_child("inner"));
        let outer = log.start(outer).await;
        log.kill("x").await;
        assert!(outer.is_alive());
        assert_eq!(
            log.take(),
            [
                "init x.1",
                "init y.1",
                "terminate y.1 shutdown",
                "init x.2",
                "init y.2",
                "terminate x.2 shutdown",
                "init x.3",
                "init y.3"
            ]
        );
    });
}

/// A group's restart stops and starts a whole subtree.
#[test]
fn a_group_restarts_a_subtree() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let inner = one_for_one().children(log.all(["x", "y"])).into_child("inner");
        let outer = Supervisor::new(Strategy::RestForOne).child(log.w("a")).child(inner);
        log.start(outer).await;
        log.take();
        log.kill("a").await;
        assert_eq!(
            log.take(),
            [
                "terminate y.1 shutdown",
                "terminate x.1 shutdown",
                "init a.2",
                "init x.2",
                "init y.2"
            ]
        );
    });
}

/// A crash that a subtree can deal with is noticed by nobody above it.
#[test]
fn a_crash_that_a_subtree_deals_with_is_noticed_by_nobody_above() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let inner = one_for_one().child(log.w("x")).into_child("inner");
        let outer = Supervisor::new(Strategy::OneForAll).intensity(0, ms(5000)).child(inner);
        let outer = log.start(outer.child(log.w("z"))).await;
        for _ in 0..3 {
            log.tell("x", Tell::Panic).await;
        }
        assert!(outer.is_alive());
        assert_eq!((log.starts("x"), log.starts("z")), (4, 1));
    });
}

struct Grown;

impl SupervisorModule for Grown {
    type Args = Vec<Part>;

    fn init(parts: Vec<Part>) -> Option<Supervisor> {
        Some(one_for_one().intensity(0, ms(1)).children(parts.into_iter().map(ChildSpec::from)))
    }
}

/// A supervisor's type is asked for its children anew at each restart: what was added by hand is
/// gone.
#[test]
fn children_that_were_added_by_hand_are_gone_after_a_restart() {
    static GROWN: Name<SupervisorServer> = Name::new("grown");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let x = log.w("x");
        let grown = ChildSpec::new("grown", move || {
            let start = Grown::start_link(vec![x.clone()]).name(&GROWN);
            async move { Ok(start.await?.pid()) }
        });
        let outer = log.start(one_for_one().child(grown.shutdown(Shutdown::Infinity))).await;
        GROWN.start_child(log.w("y")).await.unwrap();
        assert_eq!(GROWN.count_children().await, Ok(workers(2, 2)));
        log.kill("x").await;
        assert_eq!(GROWN.count_children().await, Ok(workers(1, 1)));
        assert_eq!(log.take(), ["init x.1", "init y.1", "terminate y.1 shutdown", "init x.2"]);
        assert!(outer.is_alive());
    });
}
