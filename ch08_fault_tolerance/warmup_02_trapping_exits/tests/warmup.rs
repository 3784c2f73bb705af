//! Warm-up 8.2, trapping exits.
//!
//! The shell runs in a process of its own, and the test watches it from `main`, which is linked to
//! nobody. The reason of the boom is drawn from the seed of the run.

use std::future::pending;
use std::panic::resume_unwind;
use std::time::Duration;

use ch08_warmup_02_trapping_exits::{End, end_of, share_end_of, shell};
use runtime::testing::{in_process, one_of, scenario, scenario_with};
use runtime::{Exit, ExitReason, Message, Process, System, assert_timeline, assert_trace, spawn};
use tokio::task::JoinHandle;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// The course's `:oops`, and another reason for each seed.
#[derive(Clone, Debug, PartialEq)]
enum Why {
    Oops,
    Number(u64),
}

/// The boom of warm-up 1, seen by somebody who traps exits: a message, with pid and reason.
///
/// Exercise: 1
/// Covers: CH8-W2-T, CH8-W2-E1, CH8-W2-O1
/// Oracle: LNK-03
#[test]
fn a_trapping_shell_gets_the_boom_as_a_message_and_lives() {
    scenario_with(|seed| async move {
        let reason = one_of(
            seed,
            [
                ExitReason::other(Why::Number(seed)),
                ExitReason::other(Why::Oops),
                ExitReason::Shutdown,
            ],
        );
        let history = System::current().record();
        let given = reason.clone();
        let (child, exit) =
            in_process("shell", |mut me: Process| async move { shell(&mut me, given).await })
                .await
                .expect(
                    "who traps exits gets a message instead of ending (see hint 1 of exercise 1)",
                );
        assert_eq!(
            exit,
            Exit { from: child, reason: reason.clone() },
            "the exit says whose it is, and why (see hint 2 of exercise 1)"
        );
        assert_trace!(
            history.trace(),
            [
                "0ms shell spawned by main",
                "0ms child spawned and linked by shell",
                &format!("1s child exited: {reason}"),
                &format!("1s shell notes: EXIT {reason}"),
                "1s shell exited: normal",
            ],
            "the message is there at once, and is printed; afterwards the shell is alive, and is \
             done in peace (see hint 3 of exercise 1)"
        );
    });
}

/// Who traps exits is told of every end, also of one that is no misfortune.
///
/// Exercise: 1
/// Covers: CH8-W2-E1
/// Oracle: LNK-04
#[test]
fn a_trapping_shell_is_told_of_a_normal_end_as_well() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        in_process(
            "shell",
            |mut me: Process| async move { shell(&mut me, ExitReason::Normal).await },
        )
        .await
        .expect("a normal end is a message like any other (see hint 1 of exercise 1)");
        assert_timeline!(
            history.trace(),
            r#"
       0ms       1s
shell  ├─────────■   "EXIT normal"; normal
child  ├─────────■   normal
"#,
            "the child is done, and the shell says what it heard (see hint 3 of exercise 1)"
        );
    });
}

/// The first message of a mailbox need not be the child's exit: the pid tells.
///
/// Exercise: 1
/// Covers: CH8-W2-O1
/// Oracle: LNK-20
#[test]
fn the_exit_of_a_stranger_is_not_the_childs() {
    scenario_with(|seed| async move {
        let heard = in_process("shell", move |mut me: Process| async move {
            let pid = me.pid();
            spawn(async move {
                sleep(SECOND / 2).await;
                pid.exit(ExitReason::other(Why::Number(seed)));
            });
            let (child, exit) = shell(&mut me, ExitReason::other(Why::Oops)).await;
            let left = match me.receive().timeout(Duration::ZERO).await {
                Ok(Message::Exit(exit)) => Some(exit.reason),
                _ => None,
            };
            (exit.from == child, exit.reason, left)
        });
        assert_eq!(
            heard.await,
            Ok((true, ExitReason::other(Why::Oops), Some(ExitReason::other(Why::Number(seed))))),
            "a stranger's exit signal came half a second before the child's, and is to be left in \
             the mailbox (see hint 3 of exercise 1)"
        );
    });
}

/// What a task returned is a value to whoever holds its handle, be it a success or an error.
///
/// Exercise: 2
#[test]
fn what_a_task_returned_is_a_value() {
    scenario_with(|seed| async move {
        assert_eq!(
            end_of(tokio::spawn(async { Ok(()) })).await,
            End::Done,
            "a task that returns `Ok` is done (see hint 1 of exercise 2)"
        );
        let failed = tokio::spawn(async move { Err(format!("oops {seed}")) });
        assert_eq!(
            end_of(failed).await,
            End::Failed(format!("oops {seed}")),
            "a task that returns an error has failed with it (see hint 1 of exercise 2)"
        );
    });
}

/// A task that did not come to its end panicked or was aborted, and the handle knows which.
///
/// Exercise: 2
#[test]
fn the_end_of_a_task_that_was_cut_short_is_a_value() {
    scenario_with(|seed| async move {
        assert_eq!(
            end_of(panics_with(format!("boom {seed}"))).await,
            End::Panicked,
            "a panic stays in its task; the handle tells of it (see hint 2 of exercise 2)"
        );
        let waits = tokio::spawn(pending());
        waits.abort();
        assert_eq!(
            end_of(waits).await,
            End::Aborted,
            "a task that was aborted has not panicked (see hint 2 of exercise 2)"
        );
    });
}

/// The opposite of trapping: what the task came to, whoever waits for it comes to as well.
///
/// Exercise: 3
#[test]
fn what_a_task_returned_goes_on_to_whoever_waits() {
    scenario_with(|seed| async move {
        let done = in_process("waits", |_: Process| share_end_of(tokio::spawn(async { Ok(()) })));
        assert_eq!(
            done.await,
            Ok(Ok(())),
            "a task that is done is no misfortune (see hint 1 of exercise 3)"
        );
        let fails = in_process("waits", move |_: Process| {
            share_end_of(tokio::spawn(async move { Err(format!("oops {seed}")) }))
        });
        assert_eq!(
            fails.await,
            Ok(Err(format!("oops {seed}"))),
            "an error is handed on as it is (see hint 1 of exercise 3)"
        );
    });
}

/// A panic goes on as the same panic, and an abort, which is nobody's mistake, as an error.
///
/// Exercise: 3
#[test]
fn a_panic_goes_on_and_an_abort_is_an_error() {
    scenario_with(|seed| async move {
        let aborted = in_process("waits", |_: Process| {
            let waits = tokio::spawn(pending());
            waits.abort();
            share_end_of(waits)
        });
        assert!(
            matches!(aborted.await, Ok(Err(_))),
            "an aborted task has not panicked, so nothing is to panic (see hint 3 of exercise 3)"
        );
        let panics = in_process("waits", move |_: Process| {
            share_end_of(panics_with(format!("boom {seed}")))
        });
        let reason = panics.await.expect_err(
            "a panic of the task is one of whoever shares its end (see hint 2 of exercise 3)",
        );
        assert_eq!(
            reason.as_panic().map(|panic| panic.message().to_owned()),
            Some(format!("boom {seed}")),
            "the panic goes on with its own message (see hint 2 of exercise 3)"
        );
    });
}

/// A task that panics, past the panic hook: this one is no news to a log.
fn panics_with(message: String) -> JoinHandle<Result<(), String>> {
    tokio::spawn(async { resume_unwind(Box::new(message)) })
}
