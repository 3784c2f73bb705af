//! Warm-up 8.1, boom.
//!
//! The shell runs in a process of its own, and the test watches it from `main`, which is linked to
//! nobody. The reason of the boom is drawn from the seed of the run.

use std::time::Duration;

use ch08_warmup_01_boom::{Boom, post_mortem, shell, wait_for_boom};
use runtime::testing::{in_process, one_of, scenario, scenario_with, settle};
use runtime::{ExitReason, Process, System, assert_timeline, assert_trace, spawn};
use tokio::time::timeout;

const SECOND: Duration = Duration::from_secs(1);

/// The child waits, and then ends with the reason that it was given and no other.
///
/// Exercise: 1
/// Covers: CH8-W1-T
/// Oracle: ERR-06
#[test]
fn the_child_ends_with_exactly_the_reason_that_it_was_given() {
    scenario_with(|seed| async move {
        let reason = reason(seed);
        let child = spawn(wait_for_boom);
        settle().await;
        assert!(
            child.is_alive(),
            "the child waits until it is told to end (see hint 1 of exercise 1)"
        );
        assert_eq!(
            child.pid().info().and_then(|info| info.label).as_deref(),
            Some("child"),
            "the child takes the label that pictures show it by (see hint 2 of exercise 1)"
        );
        let end = child.join();
        child.send(Boom(reason.clone()));
        child.send(Boom(ExitReason::other("too late")));
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(reason),
            "what the body returns is its exit reason, and it is to be the one in the first boom \
             (see hint 2 of exercise 1)"
        );
    });
}

/// Only a boom ends the child: anybody can send it something else by its pid.
///
/// Exercise: 1
/// Covers: CH8-W1-T
#[test]
fn a_child_that_is_sent_something_else_waits_on() {
    scenario_with(|seed| async move {
        let child = spawn(wait_for_boom);
        child.pid().send(("noise", seed));
        settle().await;
        assert!(
            child.is_alive(),
            "what is no `Boom` arrives as another kind of `Message`, and is to be passed over (see \
             hint 3 of exercise 1)"
        );
    });
}

/// The question of the course: the shell is linked and does not trap exits, so it ends, too.
///
/// Exercise: 2
/// Covers: CH8-W1-E1, CH8-W1-E2, CH8-W1-Q1
/// Oracle: LNK-01
#[test]
fn the_boom_of_its_child_ends_the_shell_with_the_same_reason() {
    scenario_with(|seed| async move {
        let reason = reason(seed);
        let history = System::current().record();
        let given = reason.clone();
        let ended = in_process("shell", |me: Process| async move { shell(&me, given).await });
        assert_eq!(
            ended.await,
            Err(reason.clone()),
            "who is linked and does not trap exits ends with the reason of the other side (see \
             hint 1 of exercise 2)"
        );
        assert_trace!(
            history.trace(),
            [
                "0ms shell spawned by main",
                "0ms child spawned and linked by shell",
                &format!("1s child exited: {reason}"),
                &format!("1s shell exited: {reason}"),
            ],
            "the child, under its label `child`, is linked before it runs, and hears of its boom \
             after a second (see hint 2 of exercise 2)"
        );
    });
}

/// The exception: a child that ends with `Normal` is done, and no link tells of that.
///
/// Exercise: 2
/// Covers: CH8-W1-Q1
/// Oracle: LNK-04
#[test]
fn a_boom_with_the_reason_normal_leaves_the_shell_running() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        in_process("shell", |me: Process| async move { shell(&me, ExitReason::Normal).await })
            .await
            .expect("the normal end of a child ends nobody (see hint 1 of exercise 2)");
        assert_timeline!(
            history.trace(),
            r#"
       0ms       1s        2s
shell  ├───────────────────■   "still here"; normal
child  ├─────────■             normal
"#,
            "the shell lives on, and says so a second later; its child has the label `child` (see \
             hints 2 and 3 of exercise 2)"
        );
    });
}

/// What became of the shell can be seen from outside, by a process that is not linked to it.
///
/// Exercise: 3
/// Covers: CH8-W1-Q1
/// Oracle: LNK-01
#[test]
fn an_observer_who_is_not_linked_learns_why_the_shell_ended() {
    scenario_with(|seed| async move {
        let reason = reason(seed);
        let history = System::current().record();
        let given = reason.clone();
        let told = in_process("observer", |_: Process| post_mortem(given)).await.expect(
            "the observer is to outlive the shell: who is linked to it does not (see hint 1 of \
             exercise 3)",
        );
        assert_eq!(
            told, reason,
            "the observer learns the reason itself, if it begins to watch before the end (see hint \
             2 of exercise 3)"
        );
        assert_timeline!(
            history.trace(),
            &format!(
                "
          0ms       1s
observer  ├─────────■   normal
shell     ├─────────{}
child     ├─────────{0}
",
                end(&reason)
            ),
            "three processes: one ends because it is told to, one because it is linked, and the \
             third has only watched (see hint 3 of exercise 3)"
        );
    });
}

/// A reason for a boom: the course's, or another one.
fn reason(seed: u64) -> ExitReason {
    one_of(
        seed,
        [ExitReason::other(("oops", seed)), ExitReason::other("oops"), ExitReason::Shutdown],
    )
}

/// How the end with this reason is drawn.
fn end(reason: &ExitReason) -> String {
    format!("{}   {reason}", if reason.is_expected() { '■' } else { '╳' })
}
