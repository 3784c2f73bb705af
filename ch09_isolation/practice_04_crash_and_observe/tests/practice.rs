//! Practice 9.4, crash and observe.
//!
//! The test runs as the process `main`. Who crashes when, and under which strategy, is drawn from the
//! seed of the run.

use std::time::Duration;

use ch09_practice_04_crash_and_observe::{
    A, Ask, B, Eager, Ended, FIRST, KvServer, LONGEST, Line, Log, Patient, Restarted, TREE, Tell,
    delay, difference, fatal_crash, observe, tree,
};
use runtime::prelude::*;
use runtime::testing::{kill_and_wait, one_of, restarted, scenario_with};
use runtime::trace::What;
use runtime::{ChildId, ChildState, PanicInfo, SupervisorServer, System, assert_timeline};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
static EAGER_TREE: Name<SupervisorServer> = Name::new("eager_tree");
static PATIENT_TREE: Name<SupervisorServer> = Name::new("patient_tree");

const BOTH: [Strategy; 2] = [Strategy::OneForOne, Strategy::RestForOne];

/// The crash path crashes, for the reason that it says, and nothing else does.
///
/// Exercise: 1
/// Covers: PH3-E4-T, PH3-E4-S1, PH3-E4-V2
/// Oracle: P3-04
#[test]
fn the_crash_cast_divides_by_zero() {
    scenario_with(|seed| async move {
        let store = KvServer::start(()).await?;
        store.cast(Tell::Put("key".into(), seed));
        let kept = store.call(|reply| Ask::Get("key".into(), reply)).await;
        assert_eq!(kept, Ok(Some(seed)), "what is put is no crash");
        let end = store.pid().join();
        store.cast(Tell::Crash);
        let reason = timeout(SECOND, end).await.expect("it ends (see hint 1 of exercise 1)");
        assert_eq!(
            reason.as_panic().map(PanicInfo::message),
            Some("attempt to divide by zero"),
            "the text's crash is a division by zero; this one was: {reason} (see hint 2 of exercise 1)"
        );
        Ok::<_, Crash>(())
    });
}

/// For each restart: which child, which life, from which process to which, why and when.
///
/// Exercise: 2
/// Covers: PH3-CRIT-4, PH3-E4-V3
/// Oracle: SUP-02
#[test]
fn the_log_says_who_came_back_as_whom_and_why() {
    scenario_with(|seed| async move {
        let recorder = System::current().record();
        let tree = tree(Strategy::OneForOne).start().await?;
        let mut expected = Vec::new();
        for nth in 0..3u32 {
            sleep(2 * SECOND).await;
            let victim = one_of(seed + u64::from(nth), [&A, &B]);
            let old = victim.up().await?;
            let reason = kill_and_wait(&old).await;
            let new = restarted(victim, &old).await;
            tree.count_children().await?;
            let earlier = expected.iter().filter(|it: &&Restarted| *it.child == *victim.as_str());
            expected.push(Restarted {
                child: ChildId::from(victim.as_str()),
                incarnation: u32::try_from(earlier.count())? + 2,
                old: old.pid(),
                new: new.pid(),
                reason,
                at: SECOND * 2 * (nth + 1),
            });
        }
        let log = Log::of(tree.pid(), recorder.trace().events());
        assert_eq!(
            log,
            Log { restarts: expected, gone: vec![], supervisor: None },
            "three were killed and came back, and the tree runs (see hint 2 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// Whoever ended and did not come back is in the log as well, and so is the supervisor.
///
/// Exercise: 2
/// Covers: PH3-CRIT-4, PH3-E4-O2
/// Oracle: SUP-10, SUP-16
#[test]
fn the_log_of_a_tree_that_gave_up_has_all_ends() {
    scenario_with(|seed| async move {
        let recorder = System::current().record();
        let tree = tree(one_of(seed, BOTH)).intensity(0, SECOND).start().await?;
        let end = tree.pid().join();
        sleep(SECOND).await;
        let (victim, other) = one_of(seed / 2, [(&A, &B), (&B, &A)]);
        kill_and_wait(&victim.up().await?).await;
        end.await;
        let ended = |reason| Ended { reason, at: SECOND };
        let gone = vec![
            (ChildId::from(victim.as_str()), ended(ExitReason::Killed)),
            (ChildId::from(other.as_str()), ended(ExitReason::Shutdown)),
        ];
        assert_eq!(
            Log::of(tree.pid(), recorder.trace().events()),
            Log { restarts: vec![], gone, supervisor: Some(ended(ExitReason::Shutdown)) },
            "{} was killed, the other one was stopped, and the tree ended (see hint 3 of exercise 2)",
            victim.as_str()
        );
        Ok::<_, Crash>(())
    });
}

/// A start may take its time: a restart is when the new process is there, an end when the old one went.
///
/// Exercise: 2
/// Covers: PH3-CRIT-4
#[test]
fn a_restart_is_noted_when_the_new_process_is_there() {
    scenario_with(|seed| async move {
        let recorder = System::current().record();
        let takes = SECOND * one_of(seed, [1, 2, 7]);
        let slow = ChildSpec::new("slow", move || async move {
            sleep(takes).await;
            Ok(KvServer::start_link(()).await?.pid())
        });
        let observed = Supervisor::one_for_one().child(slow).start().await?;
        let first = observed.which_children().await?[0].state;
        let ChildState::Running(old) = first else { panic!("it runs") };
        kill_and_wait(old).await;
        observed.which_children().await?;
        let log = Log::of(observed.pid(), recorder.trace().events());
        let seen: Vec<_> = log.restarts.iter().map(|restart| (restart.old, restart.at)).collect();
        assert_eq!(
            seen,
            [(old, 2 * takes)],
            "it was killed when it had started, and each start takes {takes:?} (see hint 2 of \
             exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// A log is about one supervisor; what others do with children of the same ids is not in it.
///
/// Exercise: 2
/// Covers: PH3-CRIT-4
#[test]
fn a_log_is_about_one_tree_only() {
    scenario_with(|_| async move {
        let recorder = System::current().record();
        let observed = tree(Strategy::OneForOne).start().await?;
        let other = Supervisor::one_for_one()
            .child(KvServer::child(|| ()).id("a"))
            .child(KvServer::child(|| ()).id("b"))
            .start()
            .await?;
        for child in other.which_children().await? {
            let ChildState::Running(pid) = child.state else { panic!("both run") };
            kill_and_wait(pid).await;
        }
        other.stop().await?;
        assert_eq!(
            Log::of(observed.pid(), recorder.trace().events()),
            Log::default(),
            "all this happened to children of another supervisor (see hint 3 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// One for one: the log names `a`, and nobody else.
///
/// Exercise: 3
/// Covers: PH3-E4-T, PH3-E4-V1, PH3-E4-V2, PH3-E4-V3, PH3-E4-O1, PH3-CRIT-4
/// Oracle: P3-04
#[test]
fn under_one_for_one_only_a_comes_back() {
    scenario_with(|_| async move {
        let history = System::current().record();
        let seen = observe(Strategy::OneForOne, &[(SECOND, &A)]).await?;
        assert_eq!(
            restarts(&seen.log),
            ["1s a #2: panic: attempt to divide by zero"],
            "a crashed after a second, and was started again (see hint 2 of exercise 3)"
        );
        assert_eq!(
            ends(&seen.log),
            ["2s b: shutdown", "2s a: shutdown", "2s tree: normal"],
            "a second later the tree is stopped, and its children with it (see hint 3 of exercise 3)"
        );
        assert_eq!(
            seen.tree,
            "\
tree: one_for_one supervisor
├─ a: permanent worker
└─ b: permanent worker
",
            "the tree as it was before the crash (see hint 3 of exercise 3)"
        );
        assert_timeline!(
            history.trace(),
            "
      0ms       1s        2s
tree  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ a  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  panic: attempt to divide by zero
└─ b  ╺━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: a was restarted because it crashed
",
            "a crashed, and b did not notice (see hint 2 of exercise 3)"
        );
        assert_eq!(seen.timeline, history.trace().timeline(), "the observer has seen all of it");
        Ok::<_, Crash>(())
    });
}

/// Rest for one: `b` is stopped, with `shutdown`, and both come back, `a` first.
///
/// Exercise: 3
/// Covers: PH3-E4-V1, PH3-E4-V2, PH3-E4-V3, PH3-E4-O1, PH3-CRIT-4
/// Oracle: P3-05, SUP-04
#[test]
fn under_rest_for_one_a_and_b_come_back() {
    scenario_with(|_| async move {
        let history = System::current().record();
        let seen = observe(Strategy::RestForOne, &[(SECOND, &A), (SECOND, &B)]).await?;
        assert_eq!(
            restarts(&seen.log),
            [
                "1s a #2: panic: attempt to divide by zero",
                "1s b #2: shutdown",
                "2s b #3: panic: attempt to divide by zero",
            ],
            "the first crash cost both a life, and only one of them crashed (see hint 2 of exercise 3)"
        );
        assert_eq!(
            TREE.whereis(),
            None,
            "a second after the last crash the tree is stopped (see hint 3 of exercise 3)"
        );
        assert_timeline!(
            history.trace(),
            "
      0ms       1s        2s        3s
tree  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ a  ╺━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━■    #2  panic: attempt to divide by zero
└─ b  ╺━━━━━━━━━■ ╺━━━━━━━╳╺━━━━━━━━■    #3  panic: attempt to divide by zero

1s  rest_for_one: a was restarted because it crashed
1s  rest_for_one: b was restarted because a, started before it, crashed
2s  rest_for_one: b was restarted because it crashed
",
            "b is downstream of a, and the tree is stopped last (see hints 2 and 3 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// At the fourth crash the tree is gone: its children, its names, and with an end that is no error.
///
/// Exercise: 3
/// Covers: PH3-E4-V4, PH3-E4-O2, PH3-CRIT-4
/// Oracle: P3-06, P3-07
#[test]
fn a_tree_that_gives_up_leaves_nobody_and_no_name() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let (strategy, rest) = one_of(seed, [(BOTH[0], false), (BOTH[1], true)]);
        let (b, again) = if rest {
            let lives = "╺━━━━━━━━━■ ╺━━━━━━━■ ╺━━━━━━━■ ╺━━━━━━━■    #4";
            (lives, "b was restarted because a, started before it, crashed")
        } else {
            ("╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■", "")
        };
        let restart = |at: u32| {
            let of_a = format!("{at}s  {strategy}: a was restarted because it crashed\n");
            if rest { format!("{of_a}{at}s  {strategy}: {again}\n") } else { of_a }
        };
        let expected = format!(
            "
      0ms       1s        2s        3s        4s
tree  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳    gave up
├─ a  ╺━━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━╳    #4  panic: attempt to divide by zero ×4
└─ b  {b}

{}4s  tree gave up because a crashed, and only 3 restarts in 5s are allowed
",
            [1, 2, 3].map(restart).concat()
        );
        let seen = timeout(60 * SECOND, observe(strategy, &[(SECOND, &A); 6])).await;
        let seen =
            seen.expect("nobody waits for a tree that is gone (see hint 3 of exercise 3)")?;
        let of_a = restarts(&seen.log).into_iter().filter(|line| line.contains(" a ")).count();
        assert_eq!(
            (of_a, seen.log.restarts.len()),
            (3, if rest { 6 } else { 3 }),
            "three restarts are granted, and that of a group counts once (see hint 2 of exercise 3)"
        );
        assert_eq!(
            ends(&seen.log),
            ["4s a: panic: attempt to divide by zero", "4s b: shutdown", "4s tree: shutdown"],
            "b is stopped, as the supervisor is; neither has crashed (see hint 2 of exercise 3)"
        );
        assert_eq!(
            (A.whereis(), B.whereis(), TREE.whereis()),
            (None, None, None),
            "all three names are free"
        );
        A.cast(Tell::Crash);
        let asked = A.call(|reply| Ask::Get("key".into(), reply)).await;
        assert_eq!(asked, Err(CallError::NoProc), "a cast to nobody is nothing, a call says so");
        assert_timeline!(
            history.trace(),
            &expected,
            "the fourth crash is fatal (see hint 2 of exercise 3)"
        );
        let again = observe(strategy, &[]).await?;
        assert_eq!(
            again.log.restarts,
            vec![],
            "and the next tree can be started (see hint 3 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// The difference between the strategies is one restart.
///
/// Exercise: 4
/// Covers: PH3-E4-V1, PH3-E4-V3, PH3-E4-O1, PH3-CRIT-4
/// Oracle: P3-04, P3-05
#[test]
fn the_strategies_differ_when_a_crashes_and_not_when_b_does() {
    scenario_with(|seed| async move {
        for victim in one_of(seed, [[&A, &B], [&B, &A]]) {
            let expected: [&[&str]; 2] =
                if victim.as_str() == "a" { [&["a"], &["a", "b"]] } else { [&["b"], &["b"]] };
            let seen = difference(victim).await.unwrap_or_else(|error| {
                panic!(
                    "the second tree has the names of the first one, which has to end before it \
                     (see hint 1 of exercise 4): {}",
                    error.reason()
                )
            });
            let seen = seen.each_ref().map(|ids| ids.iter().map(|id| &**id).collect::<Vec<_>>());
            assert_eq!(
                seen.each_ref().map(Vec::as_slice),
                expected,
                "{} crashed, under one_for_one and under rest_for_one (see hint 2 of exercise 4)",
                victim.as_str()
            );
        }
        Ok::<_, Crash>(())
    });
}

/// Three restarts within five seconds are granted: the fourth crash is fatal, if it comes in time.
///
/// Exercise: 5
/// Covers: PH3-E4-V4, PH3-E4-O2
/// Oracle: P3-06, P3-07, SUP-15
#[test]
fn the_fourth_crash_in_five_seconds_is_fatal() {
    scenario_with(|seed| async move {
        let strategy = one_of(seed, BOTH);
        let pause = one_of(seed / 2, [Duration::ZERO, SECOND, Duration::from_millis(1600)]);
        assert_eq!(
            fatal_crash(strategy, pause).await?,
            Some(4),
            "{strategy}, a crash every {pause:?} (see hint 2 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// It is the pace that counts, and not the number.
///
/// Exercise: 5
/// Covers: PH3-E4-V4
/// Oracle: P3-08, SUP-14
#[test]
fn ten_crashes_that_are_far_enough_apart_are_survived() {
    scenario_with(|seed| async move {
        let strategy = one_of(seed, BOTH);
        let pause = one_of(seed / 2, [2100, 2500, 7000].map(Duration::from_millis));
        assert_eq!(
            fatal_crash(strategy, pause).await?,
            None,
            "{strategy}, a crash every {pause:?}: a tree that you stop has not given up (see hint 3 \
             of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The pause doubles, up to a limit, however often it failed.
///
/// Exercise: 6
/// Covers: PH3-PIT-3
#[test]
fn the_pause_doubles_up_to_a_limit() {
    let pauses = [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32)];
    for (failures, factor) in pauses {
        assert_eq!(
            delay(failures),
            FIRST * factor,
            "after {failures} failures in a row (see hint 1 of exercise 6)"
        );
    }
    for failures in [7, 8, 31, 32, 33, u32::MAX] {
        assert_eq!(
            delay(failures),
            LONGEST,
            "after {failures} failures in a row (see hint 2 of exercise 6)"
        );
    }
}

/// A supervisor restarts at once, and again at once. Who waits for something outside does it itself.
///
/// Exercise: 6
/// Covers: PH3-PIT-3
/// Oracle: SUP-37
#[test]
fn who_waits_outlives_a_line_that_is_down() {
    scenario_with(|_| async move {
        let history = System::current().record();
        let line = Line { up_at: Duration::from_millis(1500) };
        let eager = Supervisor::one_for_one().child(Eager::child(move || line).id("eager"));
        let eager = eager.start().name(&EAGER_TREE).await?;
        sleep(SECOND).await;
        let trace = history.trace();
        let restarts = trace.events().iter().filter(|event| {
            event.at == Duration::ZERO && matches!(event.what, What::ChildRestarted { .. })
        });
        assert_eq!(
            (restarts.count(), eager.is_alive()),
            (3, false),
            "who crashes when the line is down has used up its restarts at once, in no time, and \
             the line is not back before another half a second"
        );
        let history = System::current().record();
        let patient = Supervisor::one_for_one().child(Patient::child(move || line).id("patient"));
        let patient = patient.start().name(&PATIENT_TREE).await?;
        sleep(SECOND).await;
        assert!(patient.is_alive(), "who waits uses up no restarts (see hint 3 of exercise 6)");
        patient.stop().await?;
        assert_timeline!(
            history.trace(),
            "
              1s        1.1s      1.3s      1.7s      2s
patient_tree  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
└─ patient    ╺•━━━━━━━━•━━━━━━━━━•━━━━━━━━━•━━━━━━━━━■    \"no line\" ×3; \"connected\"
",
            "it tries at once, and then after each pause, until the line is up (see hint 3 of \
             exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// The restarts of a log, in words.
fn restarts(log: &Log) -> Vec<String> {
    let line = |it: &Restarted| {
        let at = runtime::trace::time(it.at);
        format!("{at} {} #{}: {}", it.child, it.incarnation, said(&it.reason))
    };
    log.restarts.iter().map(line).collect()
}

/// The ends of a log, in words.
fn ends(log: &Log) -> Vec<String> {
    let children = log.gone.iter().map(|(child, end)| (&**child, end));
    let all = children.chain(log.supervisor.iter().map(|end| ("tree", end)));
    let line = |(who, end): (&str, &Ended)| {
        format!("{} {who}: {}", runtime::trace::time(end.at), said(&end.reason))
    };
    all.map(line).collect()
}

/// A reason, without the place in the source.
fn said(reason: &ExitReason) -> String {
    match reason.as_panic() {
        Some(panic) => format!("panic: {}", panic.message()),
        None => reason.to_string(),
    }
}
