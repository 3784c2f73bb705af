//! Drill 9.6, restart types.
//!
//! The test runs as the process `main`, which traps exits. How a worker ends is drawn from the seed
//! of the run.

use std::fmt::Write as _;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ch09_drill_06_restart_types::{
    After, Ending, PERMANENT, TEMPORARY, TRANSIENT, Worker, end_and_see, permanent_worker, rule,
    service, temporary_worker, transient_worker,
};
use runtime::prelude::*;
use runtime::testing::{one_of, restarted, scenario, scenario_with, settle};
use runtime::{
    ChildCount, ChildError, ChildKind, ChildState, StartError, SupervisorRef, SupervisorServer,
    System, assert_timeline, spawn, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

const ORDERLY: [Ending; 3] = [Ending::Normal, Ending::Shutdown, Ending::ShutdownWith("idle")];
const CRASHES: [Ending; 4] = [Ending::Other("error"), Ending::Error, Ending::Panic, Ending::Kill];

/// Three ends are orderly and four are not, and each has its reason.
///
/// Exercise: 1
/// Covers: CH9-D6-T
#[test]
fn a_worker_ends_in_the_way_that_it_is_told() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let why = one_of(seed, ["idle", "upgrade", "moved"]);
        let endings = [
            (Ending::Normal, "normal".to_owned()),
            (Ending::Shutdown, "shutdown".to_owned()),
            (Ending::ShutdownWith(why), format!("{{shutdown, {why:?}}}")),
            (Ending::Other(why), format!("{why:?}")),
            (Ending::Error, "error: invalid digit found in string".to_owned()),
            (Ending::Panic, "panic: broken".to_owned()),
            (Ending::Kill, "killed".to_owned()),
        ];
        for (ending, expected) in endings {
            let worker = Worker::start(()).await.expect("nothing keeps a worker from starting");
            let end = worker.pid().join();
            worker.cast(ending);
            let reason = timeout(SECOND, end).await;
            let reason =
                reason.expect("a worker that is told to end does (see hint 1 of exercise 1)");
            assert_eq!(
                said(&reason),
                expected,
                "the worker was told {ending:?} (see hint 2 of exercise 1)"
            );
        }
    });
}

/// The three specifications say the same, but for the name and for what is restarted.
///
/// Exercise: 2
/// Covers: CH9-D6-T, CH9-CHK-05, CH9-CHK-12
/// Oracle: SUP-55
#[test]
fn the_three_specifications_differ_in_name_and_restart_type_only() {
    let permanent = permanent_worker();
    let same =
        |name: &Name<Worker>, restart| permanent.clone().with_id(name.as_str()).restart(restart);
    assert_eq!(
        [permanent_worker(), transient_worker(), temporary_worker()],
        [
            same(&PERMANENT, Restart::Permanent),
            same(&TRANSIENT, Restart::Transient),
            same(&TEMPORARY, Restart::Temporary),
        ],
        "a child has its name as its id, and its restart type; nothing else is said (see hint 2 of \
         exercise 2)"
    );
    assert_eq!(
        permanent,
        permanent.clone().shutdown(Shutdown::After(5 * SECOND)).kind(ChildKind::Worker),
        "what is not said is as in OTP: five seconds to stop, and a worker (see hint 1 of exercise 2)"
    );
}

/// An orderly end: the permanent worker is started again, the transient one rests, the temporary
/// one is forgotten.
///
/// Exercise: 2
/// Covers: CH9-D6-T, CH9-D6-E1, CH9-D6-E3, CH9-D6-E5, CH9-CHK-05
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn after_an_orderly_end_only_the_permanent_worker_is_started_again() {
    scenario_with(|seed| async move {
        let ending = one_of(seed, ORDERLY);
        let (reason, why) = match ending {
            Ending::Normal => ("normal", "ended"),
            Ending::Shutdown => ("shutdown", "shut down"),
            _ => ("{shutdown, \"idle\"}", "shut down"),
        };
        let expected = format!(
            "
                     0ms       1s        2s
supervisor           ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ permanent_worker  ╺━━━━━━━━━■╺━━━━━━━━■    #2  {reason}
├─ transient_worker  ╺━━━━━━━━━■              {reason}
└─ temporary_worker  ╺━━━━━━━━━■              {reason}

1s  one_for_one: permanent_worker was restarted because it {why}, and is permanent
1s  transient_worker was not restarted because it is transient, and ended as expected
1s  temporary_worker was not restarted because it is temporary
"
        );
        let counts = demonstrates(ending, &expected).await;
        assert_eq!(
            counts,
            ChildCount { specs: 2, active: 1, supervisors: 0, workers: 2 },
            "the transient worker rests in the list, and the temporary one has left it (see hint 1 \
             of exercise 2)"
        );
    });
}

/// A crash: the transient worker is started again as the permanent one is; the temporary one never.
///
/// Exercise: 2
/// Covers: CH9-D6-T, CH9-D6-E2, CH9-D6-E4, CH9-D6-E6, CH9-CHK-05
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn after_a_crash_only_the_temporary_worker_is_not_started_again() {
    scenario_with(|seed| async move {
        let ending = one_of(seed, CRASHES);
        let (reason, why) = match ending {
            Ending::Panic => ("panic: broken", "crashed"),
            Ending::Error => ("error: invalid digit found in string", "crashed"),
            Ending::Kill => ("killed", "was killed"),
            _ => ("\"error\"", "crashed"),
        };
        let expected = format!(
            "
                     0ms       1s        2s
supervisor           ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ permanent_worker  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  {reason}
├─ transient_worker  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  {reason}
└─ temporary_worker  ╺━━━━━━━━━╳              {reason}

1s  one_for_one: permanent_worker was restarted because it {why}
1s  one_for_one: transient_worker was restarted because it {why}
1s  temporary_worker was not restarted because it is temporary
"
        );
        let counts = demonstrates(ending, &expected).await;
        assert_eq!(
            counts,
            ChildCount { specs: 2, active: 2, supervisors: 0, workers: 2 },
            "a crash is a reason to start the transient worker again (see hint 1 of exercise 2)"
        );
    });
}

/// What rests in the list can be started by hand; what has left it cannot.
///
/// Exercise: 2
/// Covers: CH9-CHK-12
/// Oracle: SUP-09, SUP-27, SUP-29
#[test]
fn who_rests_can_be_started_by_hand_and_who_was_removed_cannot() {
    scenario_with(|seed| async move {
        let ending = one_of(seed, ORDERLY);
        let supervisor = three_workers().await;
        for name in [&TRANSIENT, &TEMPORARY] {
            ends(name, ending).await;
            counted(&supervisor).await;
        }
        assert_eq!(
            supervisor.restart_child(TEMPORARY.as_str()).await,
            Err(ChildError::NotFound),
            "a temporary child that ended is not in the list any more (see hint 1 of exercise 2)"
        );
        let again = supervisor.restart_child(TRANSIENT.as_str()).await;
        assert_eq!(
            again.map(|pid| pid == TRANSIENT.whereis().map(|worker| worker.pid())),
            Ok(true),
            "a transient child that came to its end rests in the list (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// To a permanent child an orderly end is one restart as any other, and four are too many.
///
/// Exercise: 2
/// Covers: CH9-D6-E1, CH9-CHK-05
/// Oracle: SUP-48
#[test]
fn a_permanent_worker_that_ends_in_peace_uses_up_the_restarts() {
    scenario_with(|seed| async move {
        let supervisor = three_workers().await;
        for nth in 0..3 {
            let old = PERMANENT.up().await?;
            ends(&PERMANENT, one_of(seed + nth, ORDERLY)).await;
            timeout(SECOND, restarted(&PERMANENT, &old)).await.expect(
                "a permanent worker is started again, however it ended (see hint 1 of exercise 2)",
            );
        }
        let end = supervisor.pid().join();
        ends(&PERMANENT, one_of(seed + 3, ORDERLY)).await;
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Shutdown),
            "the fourth end in five seconds is the supervisor's, too, although nobody ever crashed \
             (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// The whole table, as it was seen: three restart types, three orderly ends, four crashes.
///
/// Exercise: 3
/// Covers: CH9-D6-T, CH9-D6-E1, CH9-D6-E2, CH9-D6-E3, CH9-D6-E4, CH9-D6-E5, CH9-D6-E6, CH9-CHK-05
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn the_table_of_the_readme_is_what_was_seen() {
    scenario(|_: Process| async move {
        let supervisor = three_workers().await;
        let mut seen =
            String::from("| the worker ends with | permanent | transient | temporary |\n");
        seen.push_str("|---|---|---|---|\n");
        for ending in ORDERLY.into_iter().chain(CRASHES) {
            let reason = reason_of(ending).await;
            let _ = write!(seen, "| `{}` |", said(&reason));
            for name in [&PERMANENT, &TRANSIENT, &TEMPORARY] {
                let after = timeout(SECOND, end_and_see(&supervisor, name, ending)).await;
                let after = after.expect("a supervisor does something (see hint 2 of exercise 3)");
                let after = after.expect("the worker runs, and its supervisor does, too");
                let word = match after {
                    After::Restarted => "started again",
                    After::Stopped => "kept, stopped",
                    After::Removed => "removed",
                };
                let _ = write!(seen, " {word} |");
                bring_back(&supervisor, name, after).await;
            }
            seen.push('\n');
            // The restarts of one row are not those of the next one.
            sleep(6 * SECOND).await;
        }
        assert!(
            include_str!("../README.md").contains(&seen),
            "the README has another table than what was seen (see hint 3 of exercise 3):\n{seen}"
        );
    });
}

/// A supervisor that is busy has not looked into its mailbox yet, and nothing is known before.
///
/// Exercise: 3
/// Covers: CH9-D6-T
/// Oracle: SUP-63
#[test]
fn a_supervisor_that_is_busy_is_waited_for() {
    scenario_with(|seed| async move {
        let ending = one_of(seed, ORDERLY);
        let takes = one_of(seed, [Duration::ZERO, Duration::from_millis(40), SECOND]);
        let supervisor = three_workers().await;
        let asked = supervisor.clone();
        let slow = spawn(async move {
            let start = move || async move {
                sleep(takes).await;
                Err(StartError::Ignored)
            };
            asked.start_child(ChildSpec::new("slow", start)).await.map(drop)
        });
        settle().await;
        let after = [
            end_and_see(&supervisor, &PERMANENT, ending).await,
            end_and_see(&supervisor, &TRANSIENT, ending).await,
            end_and_see(&supervisor, &TEMPORARY, ending).await,
        ];
        assert_eq!(
            after,
            [Ok(After::Restarted), Ok(After::Stopped), Ok(After::Removed)],
            "the supervisor was busy for {takes:?}, and answered then (see hint 2 of exercise 3)"
        );
        slow.join().await;
        let nobody = end_and_see(&supervisor, &TRANSIENT, ending).await;
        assert_eq!(
            nobody.map_err(Crash::into_reason),
            Err(ExitReason::NoProc),
            "a worker that rests cannot be ended (see hint 3 of exercise 3)"
        );
    });
}

/// The rule and the supervisor agree, for every restart type and every reason.
///
/// Exercise: 4
/// Covers: CH9-D6-E1, CH9-D6-E2, CH9-D6-E3, CH9-D6-E4, CH9-D6-E5, CH9-D6-E6, CH9-CHK-05
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn the_rule_says_what_the_supervisor_does() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let reasons = [
            ExitReason::Normal,
            ExitReason::Shutdown,
            ExitReason::shutdown_with(("idle", seed)),
            ExitReason::other(("error", seed)),
            ExitReason::other("shutdown"),
            ExitReason::error(std::fmt::Error),
            ExitReason::NoProc,
            ExitReason::Killed,
        ];
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for reason in &reasons {
                let ends_with = reason.clone();
                let starts = Arc::new(AtomicU64::new(0));
                let count = starts.clone();
                let body = move || {
                    let again = count.fetch_add(1, Ordering::Relaxed) > 0;
                    let reason = ends_with.clone();
                    async move { if again { pending().await } else { reason } }
                };
                let child = ChildSpec::process("child", body).restart(restart);
                let supervisor = Supervisor::one_for_one().child(child).start_link().await?;
                settle().await;
                let children = supervisor.which_children().await?;
                let became = match children.first().map(|child| child.state) {
                    Some(ChildState::Running(_)) => After::Restarted,
                    Some(_) => After::Stopped,
                    None => After::Removed,
                };
                assert_eq!(
                    rule(restart, reason),
                    became,
                    "a {restart} child ended with {reason} (see hint 2 of exercise 4)"
                );
            }
        }
        Ok::<_, Crash>(())
    });
}

/// A server is there for everybody and for ever: however it ends, it is started again.
///
/// Exercise: 5
/// Covers: CH9-D6-I1, CH9-CHK-05, CH9-CHK-12
/// Oracle: SUP-07
#[test]
fn a_server_comes_back_however_it_ended() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let service = service(pending, pending).start_link().await?;
        for nth in 0..3 {
            let old = PERMANENT.up().await?;
            let ending = one_of(seed + nth, [ORDERLY[0], CRASHES[0], ORDERLY[1], CRASHES[2]]);
            ends(&PERMANENT, ending).await;
            timeout(SECOND, restarted(&PERMANENT, &old)).await.expect(
                "the others of the system call the server at any time (see hint 1 of exercise 5)",
            );
        }
        let children = service.which_children().await?;
        let ids: Vec<_> = children.iter().rev().map(|child| &*child.id).collect();
        assert_eq!(
            ids,
            ["permanent_worker", "migration", "request"],
            "the children in the order of the task (see hint 3 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// Five restarts in five seconds are granted: the sixth crash ends the service, if it comes in time.
///
/// Exercise: 5
/// Covers: CH9-D6-I1
/// Oracle: SUP-10
#[test]
fn six_crashes_in_seven_seconds_are_borne_and_six_in_five_are_not() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let (pause, borne) = one_of(seed, [(1400, true), (900, false)]);
        let service = service(pending, pending).start_link().await?;
        for nth in 1..=6 {
            let server = timeout(SECOND, PERMANENT.up()).await;
            let server = server.expect("five restarts are granted (see hint 3 of exercise 5)")?;
            ends(&PERMANENT, Ending::Panic).await;
            server.pid().join().await;
            settle().await;
            if nth < 6 {
                sleep(Duration::from_millis(pause)).await;
            }
        }
        assert_eq!(
            service.is_alive(),
            borne,
            "the server crashed six times, every {pause} ms, and five restarts in five seconds are \
             granted (see hint 3 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// A migration that fails is tried again; one that is done has its place in the list, and rests.
///
/// Exercise: 5
/// Covers: CH9-D6-I3, CH9-CHK-05, CH9-CHK-12
/// Oracle: SUP-08, SUP-29
#[test]
fn a_migration_is_tried_until_it_is_done_and_then_rests() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let fails = one_of(seed, [0, 1, 5]);
        let tries = Arc::new(AtomicU64::new(0));
        let count = tries.clone();
        let migrate = move || {
            let nth = count.fetch_add(1, Ordering::Relaxed);
            async move {
                match nth {
                    nth if nth < fails && nth % 2 == 0 => panic!("the table is locked"),
                    nth if nth < fails => ExitReason::other("the table is locked"),
                    _ => ExitReason::Normal,
                }
            }
        };
        let service = service(migrate, pending).start_link().await?;
        sleep(SECOND).await;
        assert!(
            service.is_alive(),
            "the supervisor gave up: a migration that is done is not to be started again, and its \
             end costs no restart (see hint 1 of exercise 5)"
        );
        assert_eq!(
            (tries.load(Ordering::Relaxed), state_of(&service, "migration").await),
            (fails + 1, Some(ChildState::Stopped)),
            "the migration failed {fails} times, then it was done: it is not to be done twice, and \
             stays in the list (see hint 2 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// Nobody waits any more for the answer to a request that crashed: it is not tried again.
///
/// Exercise: 5
/// Covers: CH9-D6-I2, CH9-CHK-05, CH9-CHK-12
/// Oracle: SUP-09
#[test]
fn a_request_is_tried_once_and_then_forgotten() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let crashes = seed % 2 == 0;
        let tries = Arc::new(AtomicU64::new(0));
        let count = tries.clone();
        let handle = move || {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(!crashes, "a bad request");
                ExitReason::Normal
            }
        };
        let service = service(pending, handle).start_link().await?;
        sleep(SECOND).await;
        assert_eq!(
            (tries.load(Ordering::Relaxed), state_of(&service, "request").await),
            (1, None),
            "the request was handled once, well or badly, and is gone (see hint 2 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// A reason without the place of a panic.
fn said(reason: &ExitReason) -> String {
    match reason.as_panic() {
        Some(panic) => format!("panic: {}", panic.message()),
        None => reason.to_string(),
    }
}

/// The reason with which a worker of its own ends.
async fn reason_of(ending: Ending) -> ExitReason {
    let worker = Worker::start(()).await.expect("nothing keeps a worker from starting");
    let end = worker.pid().join();
    worker.cast(ending);
    end.await
}

/// Tells a worker to end, and waits until it has.
async fn ends(name: &Name<Worker>, ending: Ending) {
    let worker = name.whereis().expect("the worker runs under its name (see hint 2 of exercise 2)");
    let end = worker.pid().join();
    worker.cast(ending);
    timeout(SECOND, end).await.expect("the worker ends (see hint 1 of exercise 1)");
}

/// Waits until the supervisor has dealt with all that has ended, and says how many children it has.
async fn counted(supervisor: &SupervisorRef) -> ChildCount {
    supervisor.count_children().await.expect("a supervisor answers")
}

/// A supervisor of the three workers, with the default limits. `main` survives its end.
async fn three_workers() -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    let children = [permanent_worker(), transient_worker(), temporary_worker()];
    let started = Supervisor::one_for_one().children(children).start_link().name(&SUPERVISOR).await;
    started.expect("three children with three names (see hint 2 of exercise 2)")
}

/// The specification of the worker with this name.
fn specification(name: &Name<Worker>) -> ChildSpec {
    let all = [permanent_worker(), transient_worker(), temporary_worker()];
    let own = all.into_iter().find(|child| **child.id() == *name.as_str());
    own.expect("each worker has its name as its id (see hint 2 of exercise 2)")
}

/// Brings back a worker that was not started again.
async fn bring_back(supervisor: &SupervisorRef, name: &Name<Worker>, after: After) {
    let back = match after {
        After::Restarted => Ok(None),
        After::Stopped => supervisor.restart_child(name.as_str()).await,
        After::Removed => supervisor.start_child(specification(name)).await,
    };
    let word = if after == After::Stopped { "rests" } else { "was removed" };
    back.unwrap_or_else(|error| {
        panic!("it was said that {} {word}, but: {error} (see hint 2 of exercise 3)", name.as_str())
    });
}

/// How the child with this id fares.
async fn state_of(supervisor: &SupervisorRef, child: &str) -> Option<ChildState> {
    let children = supervisor.which_children().await.expect("a supervisor answers");
    children.into_iter().find(|info| *info.id == *child).map(|info| info.state)
}

/// Lets all three workers end in one way after a second, one after the other, and compares what
/// happened until the supervisor is stopped another second later. Says how many children it had.
async fn demonstrates(ending: Ending, expected: &str) -> ChildCount {
    trap_exit(true).expect("the test is a process");
    let history = System::current().record();
    let supervisor = three_workers().await;
    sleep(SECOND).await;
    for name in [&PERMANENT, &TRANSIENT, &TEMPORARY] {
        ends(name, ending).await;
        counted(&supervisor).await;
    }
    let count = counted(&supervisor).await;
    sleep(SECOND).await;
    supervisor.stop().await.expect("a supervisor stops when it is asked to");
    assert_timeline!(
        history.trace(),
        expected,
        "all three were told {ending:?} after a second (see hint 1 of exercise 2)"
    );
    count
}
