//! Practice 9.3, two trees.
//!
//! The test runs as the process `main`, which traps exits. What the stores hold, and who crashes
//! when, is drawn from the seed of the run.

use std::time::Duration;

use ch09_practice_03_two_trees::{
    A, Ask, B, Event, FSM, KvServer, STORE, Stage, TREE_ONE_FOR_ONE, TREE_REST_FOR_ONE, Tell,
    crash_and_see, start_as_written, start_one_for_one, start_rest_for_one,
    start_store_and_machine,
};
use runtime::prelude::*;
use runtime::testing::{in_process, one_of, restarted, scenario_with};
use runtime::{
    ChildError, ChildKind, ChildState, PanicInfo, SpecError, StartError, SupervisorRef,
    SupervisorServer, System, assert_timeline, self_pid, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// The course's list has one id twice, under either strategy, and nothing of it ever runs.
///
/// Exercise: 1
/// Covers: PH3-E3-S1
/// Oracle (defect): P3-03
/// Oracle: SUP-52
#[test]
fn the_courses_list_is_refused_before_anything_starts() {
    scenario_with(|seed| async move {
        let strategy = one_of(seed, [Strategy::OneForOne, Strategy::RestForOne]);
        let history = System::current().record();
        let refused = in_process("caller", move |_: Process| start_as_written(strategy)).await;
        let refused = refused.expect(
            "without a link the refusal is a value and nothing else (see hint 3 of exercise 1)",
        );
        let Err(StartError::Failed(reason)) = &refused else {
            panic!(
                "two children with one id cannot be started, but: {refused:?} (see hint 2 of exercise 1)"
            )
        };
        assert_eq!(
            reason.downcast_ref::<SpecError>(),
            Some(&SpecError::DuplicateId("KvServer".into())),
            "both children have the module as their id; this came to: {reason} (see hint 2 of \
             exercise 1)"
        );
        let spawned =
            history.trace().lines().iter().filter(|line| line.contains("spawned")).count();
        assert_eq!(
            (spawned, A.whereis(), B.whereis()),
            (2, None, None),
            "the list is looked at before the first child starts: there were the caller and the \
             supervisor, and nobody else"
        );
    });
}

/// Both children are written down in full: id, restart type, how long they may take to stop.
///
/// Exercise: 2
/// Covers: PH3-E3-S1, PH3-SKILL-3, PH3-CRIT-3
/// Oracle: SUP-55
#[test]
fn the_children_of_the_one_for_one_tree_are_as_documented() {
    scenario_with(|_| async move {
        trap_exit(true)?;
        let tree = started(2, start_one_for_one().await);
        documented(2, &tree, &TREE_ONE_FOR_ONE).await;
        Ok::<_, Crash>(())
    });
}

/// One for one: whoever crashes is back, empty, and the other one keeps what it has.
///
/// Exercise: 2
/// Covers: PH3-E3-T, PH3-E3-S1, PH3-E3-O1, PH3-SKILL-4, PH3-SUM-16, PH3-SUM-17
/// Oracle: P3-04, SUP-02
#[test]
fn under_one_for_one_a_crash_of_a_restarts_only_a() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let history = System::current().record();
        let tree = started(2, start_one_for_one().await);
        put(&A, seed).await;
        put(&B, seed + 1).await;
        sleep(SECOND).await;
        crash(&A).await;
        assert_eq!(
            (get(&A).await, get(&B).await),
            (None, Some(seed + 1)),
            "a crashed and begins anew, and b knows what it knew (see hint 1 of exercise 2)"
        );
        put(&A, seed + 2).await;
        sleep(SECOND).await;
        crash(&B).await;
        assert_eq!(
            (get(&A).await, get(&B).await),
            (Some(seed + 2), None),
            "then b crashed, and a knows what it knew (see hint 1 of exercise 2)"
        );
        sleep(SECOND).await;
        tree.stop().await?;
        assert_timeline!(
            history.trace(),
            "
                  0ms       1s        2s        3s
tree_one_for_one  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ a              ╺━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━■    #2  panic: crashed on purpose
└─ b              ╺━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━■    #2  panic: crashed on purpose

1s  one_for_one: a was restarted because it crashed
2s  one_for_one: b was restarted because it crashed
",
            "a crashed after a second, and b after two (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// The fourth crash in five seconds ends the tree: both servers, all three names; with `Shutdown`.
///
/// Exercise: 2
/// Covers: PH3-E3-S1, PH3-SKILL-3, PH3-CRIT-3, PH3-SUM-13
/// Oracle: P3-06, SUP-10, SUP-16
#[test]
fn four_crashes_in_five_seconds_end_the_one_for_one_tree() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let pause = one_of(seed, [Duration::ZERO, Duration::from_millis(100), SECOND]);
        let tree = started(2, start_one_for_one().await);
        gives_up(2, &tree, &TREE_ONE_FOR_ONE, pause).await;
        Ok::<_, Crash>(())
    });
}

/// The limit is one of pace: with two seconds between them, crashes may go on for ever.
///
/// Exercise: 2
/// Covers: PH3-SKILL-3, PH3-SUM-13
/// Oracle: P3-08, SUP-14
#[test]
fn a_crash_every_two_seconds_is_survived() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let tree = started(2, start_one_for_one().await);
        for nth in 0..10 {
            sleep(Duration::from_millis(2100)).await;
            crash(one_of(seed + nth, [&A, &B])).await;
        }
        assert!(
            tree.is_alive(),
            "no four of these crashes came within five seconds (see hint 2 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// A link between two workers goes past their supervisor: one failure becomes two, and the budget
/// of the tree is used up twice as fast.
///
/// Exercise: 2
/// Covers: PH3-SUM-15, PH3-SUM-13
/// Oracle: SUP-13
#[test]
fn workers_that_are_linked_fall_together_whatever_the_strategy() {
    scenario_with(|_| async move {
        trap_exit(true)?;
        let history = System::current().record();
        let tree = started(2, start_one_for_one().await);
        let end = tree.pid().join();
        for _ in 0..2 {
            let (a, b) = (A.up().await?, B.up().await?);
            b.cast(Tell::LinkTo(a.pid()));
            put(&b, 1).await;
            sleep(SECOND).await;
            a.cast(Tell::Crash);
            a.pid().join().await;
            b.pid().join().await;
        }
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Shutdown),
            "two crashes of a were four of the tree, since b fell with it each time (see hint 2 of \
             exercise 2)"
        );
        assert_timeline!(
            history.trace(),
            "
                  0ms       1s        2s
tree_one_for_one  ╺━━━━━━━━━━━━━━━━━━━╳      gave up
├─ a              ╺━━━━━━━━━╳╺━━━━━━━━╳╺■    #3  panic: crashed on purpose ×2
└─ b              ╺━━━━━━━━━╳╺━━━━━━━━╳      #2  panic: crashed on purpose ×2

1s  one_for_one: a was restarted because it crashed
1s  one_for_one: b was restarted because it crashed
2s  one_for_one: a was restarted because it crashed
2s  tree_one_for_one gave up because b crashed, and only 3 restarts in 5s are allowed
",
            "one for one does not help two workers that are linked (see hint 2 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// The same two children, with the same ids and limits.
///
/// Exercise: 3
/// Covers: PH3-E3-S2, PH3-SKILL-3, PH3-CRIT-3
/// Oracle: SUP-55
#[test]
fn the_children_of_the_rest_for_one_tree_are_as_documented() {
    scenario_with(|_| async move {
        trap_exit(true)?;
        let tree = started(3, start_rest_for_one().await);
        documented(3, &tree, &TREE_REST_FOR_ONE).await;
        Ok::<_, Crash>(())
    });
}

/// The pace is the same as that of the other tree, and the restart of both counts once.
///
/// Exercise: 3
/// Covers: PH3-SKILL-3, PH3-SUM-13
/// Oracle: P3-08, SUP-14
#[test]
fn the_rest_for_one_tree_survives_a_crash_every_two_seconds() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let tree = started(3, start_rest_for_one().await);
        for nth in 0..10 {
            sleep(Duration::from_millis(2100)).await;
            crash(one_of(seed + nth, [&A, &B])).await;
            tree.count_children().await?;
        }
        assert!(
            tree.is_alive(),
            "no four of these crashes came within five seconds (see hint 3 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// Rest for one: downstream falls with upstream, and comes back after it; upstream does not notice
/// what happens downstream.
///
/// Exercise: 3
/// Covers: PH3-E3-T, PH3-E3-S2, PH3-E3-O2, PH3-SKILL-4, PH3-SUM-16, PH3-SUM-17
/// Oracle: P3-05, SUP-04
#[test]
fn under_rest_for_one_a_crash_of_a_restarts_a_and_then_b() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let history = System::current().record();
        let tree = started(3, start_rest_for_one().await);
        put(&A, seed).await;
        put(&B, seed + 1).await;
        sleep(SECOND).await;
        crash(&A).await;
        tree.count_children().await?;
        assert_eq!(
            (get(&A).await, get(&B).await),
            (None, None),
            "a crashed, and b, which is downstream, began anew with it (see hint 1 of exercise 3)"
        );
        put(&A, seed + 2).await;
        sleep(SECOND).await;
        crash(&B).await;
        assert_eq!(
            (get(&A).await, get(&B).await),
            (Some(seed + 2), None),
            "then b crashed, and a, which is upstream, knows what it knew (see hint 1 of exercise 3)"
        );
        sleep(SECOND).await;
        tree.stop().await?;
        assert_timeline!(
            history.trace(),
            "
                   0ms       1s        2s        3s
tree_rest_for_one  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ a               ╺━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━■    #2  panic: crashed on purpose
└─ b               ╺━━━━━━━━━■ ╺━━━━━━━╳╺━━━━━━━━■    #3  panic: crashed on purpose

1s  rest_for_one: a was restarted because it crashed
1s  rest_for_one: b was restarted because a, started before it, crashed
2s  rest_for_one: b was restarted because it crashed
",
            "a crashed after a second, and b after two (see hint 1 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// Also here the fourth crash in five seconds is too much; a group's restart counts once.
///
/// Exercise: 3
/// Covers: PH3-E3-S2, PH3-SKILL-3, PH3-CRIT-3, PH3-SUM-13
/// Oracle: P3-07, SUP-15
#[test]
fn four_crashes_in_five_seconds_end_the_rest_for_one_tree() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let pause = one_of(seed, [Duration::ZERO, Duration::from_millis(100), SECOND]);
        let tree = started(3, start_rest_for_one().await);
        gives_up(3, &tree, &TREE_REST_FOR_ONE, pause).await;
        Ok::<_, Crash>(())
    });
}

/// A machine that came to its final state rests; one that could not go on begins again.
///
/// Exercise: 4
/// Covers: PH3-SUM-14, PH3-SUM-13, PH3-SUM-15, PH3-SKILL-3
/// Oracle: SUP-02, SUP-08
#[test]
fn a_machine_that_is_done_rests_and_one_that_crashed_begins_anew() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let tree = started(4, start_store_and_machine().await);
        assert!(is_linked(&tree), "whoever starts it is linked to it (see hint 3 of exercise 4)");
        let order = FSM.up().await?;
        order.cast(Event::Pay);
        crash(&STORE).await;
        put(&STORE, seed).await;
        assert_eq!(
            order.call(|reply| reply).await,
            Ok(Stage::Paid),
            "the store crashed, and the machine has no part in that (see hint 1 of exercise 4)"
        );
        order.cast(Event::Pay);
        let again = timeout(SECOND, restarted(&FSM, &order)).await.expect(
            "what cannot happen to an order crashes the machine, which begins anew (see hint 2 of \
             exercise 4)",
        );
        assert_eq!(again.call(|reply| reply).await, Ok(Stage::New), "with a new order");
        let end = again.pid().join();
        again.cast(Event::Pay);
        again.cast(Event::Ship);
        assert_eq!(end.await, ExitReason::Normal, "an order that is shipped is done");
        assert_eq!(
            (state_of(&tree, "fsm").await, get(&STORE).await),
            (Some(ChildState::Stopped), Some(seed)),
            "a machine that is done is not started again, and stays in the list; the store has no \
             part in all this (see hint 2 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Three restarts in ten seconds: the pace that the default of five seconds lets pass is too fast.
///
/// Exercise: 4
/// Covers: PH3-SUM-14, PH3-SUM-13, PH3-SKILL-3, PH3-CRIT-3
/// Oracle: SUP-10, SUP-14
#[test]
fn four_crashes_in_ten_seconds_end_the_tree_of_the_summary() {
    scenario_with(|_| async move {
        trap_exit(true)?;
        let tree = started(4, start_store_and_machine().await);
        for _ in 0..3 {
            crash(&STORE).await;
            sleep(3 * SECOND).await;
        }
        let end = tree.pid().join();
        STORE.cast(Tell::Crash);
        assert_eq!(
            (timeout(SECOND, end).await, STORE.whereis(), FSM.whereis()),
            (Ok(ExitReason::Shutdown), None, None),
            "the fourth crash came nine seconds after the first one (see hint 1 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// The trees differ in one answer of four.
///
/// Exercise: 5
/// Covers: PH3-E3-T, PH3-E3-O1, PH3-E3-O2, PH3-SUM-16, PH3-SUM-17
/// Oracle: P3-04, P3-05
#[test]
fn the_two_trees_differ_in_what_becomes_of_b_when_a_crashes() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let rest = one_of(seed, [false, true]);
        let tree = started(5, two_children(rest).await);
        for victim in one_of(seed / 2, [[&A, &B, &A], [&B, &A, &B]]) {
            let end = victim.whereis().expect("it runs under its name").pid().join();
            let new = timeout(SECOND, crash_and_see(&tree, victim)).await;
            let new = new.expect("a tree deals with a crash at once (see hint 2 of exercise 5)")?;
            assert_eq!(
                end.await.as_panic().map(PanicInfo::message),
                Some("crashed on purpose"),
                "it is to crash, and not to be killed (see hint 3 of exercise 5)"
            );
            let expected: &[&str] = match (victim.as_str(), rest) {
                ("a", true) => &["a", "b"],
                ("a", false) => &["a"],
                _ => &["b"],
            };
            assert_eq!(
                new.iter().map(|id| &**id).collect::<Vec<_>>(),
                expected,
                "{} crashed, {} (see hint 2 of exercise 5)",
                victim.as_str(),
                if rest { "and b is downstream of a" } else { "under one for one" }
            );
        }
        Ok::<_, Crash>(())
    });
}

/// Who asks a tree that gives up gets an error, and does not wait for ever.
///
/// Exercise: 5
/// Covers: PH3-SUM-16
/// Oracle: P3-06
#[test]
fn a_tree_that_gives_up_is_an_error_to_who_watches_it() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let tree = started(5, two_children(seed % 2 == 0).await);
        for nth in 0..4 {
            let seen = timeout(SECOND, crash_and_see(&tree, &A)).await;
            let seen =
                seen.expect("nothing is waited for that cannot come (see hint 3 of exercise 5)");
            assert_eq!(
                seen.is_ok(),
                nth < 3,
                "crash {} of a came to {seen:?}: three are granted (see hint 3 of exercise 5)",
                nth + 1
            );
        }
        Ok::<_, Crash>(())
    });
}

/// A tree that was started, or the reason why not.
fn started(exercise: u32, tree: Result<SupervisorRef, StartError>) -> SupervisorRef {
    tree.unwrap_or_else(|error| {
        panic!(
            "two children with two ids and two names can be started, but: {error} (see hint 2 of \
             exercise {exercise})"
        )
    })
}

/// The two trees, made by the test, for exercise 5.
async fn two_children(rest: bool) -> Result<SupervisorRef, StartError> {
    let tree = if rest { Supervisor::rest_for_one() } else { Supervisor::one_for_one() };
    tree.child(A.child(|| ())).child(B.child(|| ())).start_link().await
}

async fn put(store: &impl Server<Type = KvServer>, number: u64) {
    store.cast(Tell::Put("key".into(), number));
    let kept = store.call(|reply| Ask::Get("key".into(), reply)).await;
    assert_eq!(kept, Ok(Some(number)), "a store keeps what it was told before it was asked");
}

async fn get(store: &impl Server<Type = KvServer>) -> Option<u64> {
    let got = store.call(|reply| Ask::Get("key".into(), reply)).await;
    got.expect("a store runs under its name")
}

/// Whether a process is linked to the test.
fn is_linked(pid: impl Into<Pid>) -> bool {
    let own = self_pid();
    pid.into().info().is_some_and(|info| own.is_ok_and(|own| info.links.contains(&own)))
}

/// Crashes a store, and waits until another one has its name.
async fn crash(store: &Name<KvServer>) {
    let old = store.whereis().expect("a store runs under its name");
    store.cast(Tell::Crash);
    let back = timeout(SECOND, restarted(store, &old)).await;
    back.expect("a permanent store is started again, while there are restarts left");
}

/// The specifications that a tree has, beside those that are written down in the README.
async fn documented(exercise: u32, tree: &SupervisorRef, name: &Name<SupervisorServer>) {
    assert_eq!(
        name.whereis(),
        Some(tree.clone()),
        "the tree has a name of its own (see hint 3 of exercise {exercise})"
    );
    assert!(
        is_linked(tree),
        "whoever starts it is linked to it (see hint 3 of exercise {exercise})"
    );
    for child in [&A, &B] {
        let expected = ChildSpec::from(child.child(|| ()))
            .restart(Restart::Permanent)
            .shutdown(Shutdown::After(5 * SECOND))
            .kind(ChildKind::Worker);
        assert_eq!(
            tree.get_childspec(child.as_str()).await,
            Ok::<_, ChildError>(expected),
            "the child {} is as the README documents it (see hint 2 of exercise {exercise})",
            child.as_str()
        );
    }
    let children = tree.which_children().await.expect("a supervisor answers");
    assert_eq!(
        children.iter().rev().map(|child| &*child.id).collect::<Vec<_>>(),
        ["a", "b"],
        "upstream is started before downstream (see hint 2 of exercise {exercise})"
    );
}

/// How a child fares.
async fn state_of(tree: &SupervisorRef, child: &str) -> Option<ChildState> {
    let children = tree.which_children().await.expect("a supervisor answers");
    children.into_iter().find(|info| *info.id == *child).map(|info| info.state)
}

/// Crashes `a` every `pause`: the fourth time the tree ends, and leaves nobody.
async fn gives_up(
    exercise: u32,
    tree: &SupervisorRef,
    name: &Name<SupervisorServer>,
    pause: Duration,
) {
    for _ in 0..3 {
        crash(&A).await;
        sleep(pause).await;
    }
    let counted = tree.count_children().await;
    assert!(
        counted.is_ok(),
        "three restarts in five seconds are granted (see hint 2 of exercise {exercise})"
    );
    let end = tree.pid().join();
    A.cast(Tell::Crash);
    assert_eq!(
        timeout(SECOND, end).await,
        Ok(ExitReason::Shutdown),
        "the fourth crash in five seconds ends the tree, in an orderly way (see hint 2 of \
         exercise {exercise})"
    );
    A.cast(Tell::Crash);
    assert_eq!(
        (A.whereis(), B.whereis(), name.whereis()),
        (None, None, None),
        "with the tree both stores are gone, and all three names are free; a cast to nobody is none"
    );
    let asked = A.call(|reply| Ask::Get("key".into(), reply)).await;
    assert_eq!(asked, Err(CallError::NoProc), "and a call to nobody says so");
}
