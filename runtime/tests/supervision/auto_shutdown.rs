//! Significant children: when their ends end the supervisor.

use crate::support::{Begin, Log, NOTHING, Tell, ms, one_for_one, word};
use runtime::AutoShutdown::{AllSignificant, AnySignificant};
use runtime::ExitReason::Normal;
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    AutoShutdown, ChildError, ChildId, Process, Server, SpecError, StartError, Strategy,
    Supervision, Supervisor,
};
use tokio::time::sleep;

// --- Any.

/// Any: the normal end of one significant child stops the others and ends the supervisor, with
/// `shutdown`.
///
/// Oracle: SUP-57
#[test]
fn any_ends_with_the_normal_end_of_a_significant_child() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().auto_shutdown(AnySignificant).child(log.w("a"));
        let sup = sup.child(log.w("x").transient().significant()).child(log.w("c"));
        log.start(sup).await;
        log.tell("x", Tell::Stop(Normal)).await;
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init x.1",
                "init c.1",
                "terminate x.1 normal",
                "terminate c.1 shutdown",
                "terminate a.1 shutdown"
            ]
        );
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
    });
}

/// A significant child that is restarted has not ended for good: the supervisor goes on.
///
/// Oracle: SUP-58
#[test]
fn a_significant_child_that_is_restarted_ends_nobody() {
    for auto in [AnySignificant, AllSignificant] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().auto_shutdown(auto);
            let sup = log.start(sup.child(log.w("x").transient().significant())).await;
            log.kill("x").await;
            assert!(sup.is_alive());
            assert_eq!(log.children(&sup).await, ["x x.2"]);
        });
    }
}

/// Any: a temporary significant child ends the supervisor however it ends.
///
/// Oracle: SUP-59
#[test]
fn any_ends_with_any_end_of_a_temporary_significant_child() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().auto_shutdown(AnySignificant).child(log.w("a"));
        log.start(sup.child(log.w("x").temporary().significant())).await;
        log.kill("x").await;
        assert_eq!(log.take(), ["init a.1", "init x.1", "terminate a.1 shutdown"]);
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
    });
}

/// The end of a child that is not significant ends nobody.
#[test]
fn the_end_of_a_child_that_is_not_significant_ends_nobody() {
    for auto in [AnySignificant, AllSignificant] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().auto_shutdown(auto).child(log.w("a").temporary());
            let sup = sup.child(log.w("b").transient());
            let sup = log.start(sup.child(log.w("x").temporary().significant())).await;
            log.kill("a").await;
            log.tell("b", Tell::Stop(Normal)).await;
            assert_eq!(log.children(&sup).await, ["x x.1", "b stopped"]);
        });
    }
}

// --- All.

/// All: the supervisor ends with the last of its significant children, not with the first.
///
/// Oracle: SUP-60
#[test]
fn all_ends_with_the_last_significant_child() {
    for (first, second) in [("x", "y"), ("y", "x")] {
        scenario(move |mut me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().auto_shutdown(AllSignificant).child(log.w("a"));
            let sup = sup.child(log.w("x").transient().significant());
            let sup = log.start(sup.child(log.w("y").temporary().significant())).await;
            log.tell(first, Tell::Stop(Normal)).await;
            assert!(sup.is_alive());
            log.tell(second, Tell::Stop(Normal)).await;
            assert!(!sup.is_alive());
            assert_eq!(log.take().last().unwrap(), "terminate a.1 shutdown");
            assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
        });
    }
}

/// All: a significant child that waits for the next attempt to restart it has not ended, so the end
/// of the others is not the last.
#[test]
fn all_waits_for_a_significant_child_that_is_restarting() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let x = log.w("x").init_takes(ms(100)).starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
        let sup = one_for_one().auto_shutdown(AllSignificant);
        let sup = sup.child(x.transient().significant());
        let sup = log.start(sup.child(log.w("y").transient().significant())).await;
        kill_and_wait(&log.server("x")).await;
        sleep(ms(50)).await;
        // The supervisor learns of this when the first attempt has failed, before the second.
        log.server("y").cast(Tell::Stop(Normal));
        sleep(ms(1000)).await;
        assert!(sup.is_alive());
        assert_eq!(log.children(&sup).await, ["y stopped", "x x.3"]);
        log.tell("x", Tell::Stop(Normal)).await;
        assert!(!sup.is_alive());
    });
}

/// All: a significant child that is started again by hand has to end again.
#[test]
fn all_waits_for_a_significant_child_that_was_restarted_by_hand() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().auto_shutdown(AllSignificant);
        let sup = sup.child(log.w("x").transient().significant());
        let sup = log.start(sup.child(log.w("y").transient().significant())).await;
        log.tell("x", Tell::Stop(Normal)).await;
        sup.restart_child("x").await.unwrap();
        log.tell("y", Tell::Stop(Normal)).await;
        assert!(sup.is_alive());
        log.tell("x", Tell::Stop(Normal)).await;
        assert!(!sup.is_alive());
    });
}

/// All: a child that had nothing to do, or was stopped by hand, does not keep the supervisor up.
#[test]
fn all_does_not_wait_for_a_significant_child_that_does_not_run() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let significant = |tag| log.w(tag).transient().significant();
        let sup = one_for_one().auto_shutdown(AllSignificant).child(significant("x"));
        let sup = sup.child(significant("idle").starts([Begin::Ignore]));
        let sup = log.start(sup.child(significant("stopped"))).await;
        sup.terminate_child("stopped").await.unwrap();
        assert!(sup.is_alive());
        log.tell("x", Tell::Stop(Normal)).await;
        assert!(!sup.is_alive());
    });
}

// --- By hand, and with a group.

/// A significant child that is stopped by hand ends nobody. A permanent child cannot be significant,
/// nor any child of a supervisor that never shuts down by itself.
///
/// Oracle: SUP-61
#[test]
fn a_significant_child_that_is_stopped_by_hand_ends_nobody() {
    for auto in [AnySignificant, AllSignificant] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().auto_shutdown(auto);
            let sup = log.start(sup.child(log.w("x").transient().significant())).await;
            assert_eq!(sup.terminate_child("x").await, Ok(()));
            settle().await;
            assert!(sup.is_alive());

            let permanent = SpecError::SignificantPermanent(ChildId::from("p"));
            let started = sup.start_child(log.w("p").significant()).await;
            assert_eq!(started, Err(ChildError::Spec(permanent.clone())));
            let started = one_for_one().auto_shutdown(auto).child(log.w("p").significant());
            assert_eq!(spec_error(started).await, permanent);

            let never = SpecError::SignificantUnderNever(ChildId::from("n"));
            let n = log.w("n").transient().significant();
            let sup = one_for_one().start_link().await.unwrap();
            assert_eq!(sup.start_child(n.clone()).await, Err(ChildError::Spec(never.clone())));
            assert_eq!(spec_error(one_for_one().child(n)).await, never);
            assert_eq!(log.take(), ["init x.1", "terminate x.1 shutdown"]);
        });
    }
}

async fn spec_error(supervisor: Supervisor) -> SpecError {
    match supervisor.start_link().await {
        Err(StartError::Failed(reason)) => reason.downcast_ref::<SpecError>().cloned(),
        _ => None,
    }
    .expect("a SpecError")
}

/// Significant children that are stopped with their group, for good or not, end nobody.
#[test]
fn significant_children_that_are_stopped_with_their_group_end_nobody() {
    for auto in [AnySignificant, AllSignificant] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(Strategy::OneForAll).auto_shutdown(auto).child(log.w("a"));
            let sup = sup.child(log.w("x").temporary().significant());
            let sup = log.start(sup.child(log.w("y").transient().significant())).await;
            log.kill("a").await;
            assert!(sup.is_alive());
            assert_eq!(log.children(&sup).await, ["y y.2", "a a.2"]);
        });
    }
}

/// A supervisor that stops children because of a significant one is not restarted by a parent that
/// holds it for transient, and is by one that holds it for permanent.
#[test]
fn an_automatic_shutdown_is_an_orderly_end_to_the_parent() {
    use runtime::Restart::{Permanent, Transient};

    for (restart, starts) in [(Transient, 1), (Permanent, 2)] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let inner = one_for_one().auto_shutdown(AnySignificant);
            let inner = inner.child(log.w("x").transient().significant()).into_child("inner");
            let sup = log.start(one_for_one().child(inner.restart(restart))).await;
            log.tell("x", Tell::Stop(Normal)).await;
            assert_eq!(log.starts("x"), starts);
            assert!(sup.is_alive());
        });
    }
}

/// Never is the default.
#[test]
fn never_is_the_default() {
    assert_eq!(AutoShutdown::default(), AutoShutdown::Never);
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("x").temporary())).await;
        log.tell("x", Tell::Stop(word("bad"))).await;
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert!(sup.stop().await.is_ok());
    });
}
