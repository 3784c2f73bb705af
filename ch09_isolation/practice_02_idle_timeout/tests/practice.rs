//! Practice 9.2, an idle timeout.
//!
//! The test runs as the process `main`. How long a server may be idle, and what it is told, is drawn
//! from the seed of the run.

use std::time::Duration;

use ch09_practice_02_idle_timeout::{
    AsWritten, Ask, By, Fate, IdleServer, Rotator, Tell, Tick, fate,
};
use runtime::prelude::*;
use runtime::testing::{one_of, scenario, scenario_with, settle};
use runtime::{ChildCount, ServerRef, System, assert_timeline, sys};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDLE: [Duration; 3] = [SECOND, Duration::from_millis(2500), Duration::from_secs(5)];

static IDLE_SERVER: Name<IdleServer> = Name::new("idle_server");

/// Left alone from the beginning, the text's server ends. After one request it never does.
///
/// Exercise: 1
/// Covers: PH3-E2-T
/// Oracle: P3-09, GS-33, GS-34
#[test]
fn as_written_it_ends_only_if_it_was_never_used() {
    scenario_with(|seed| async move {
        let idle = one_of(seed, IDLE);
        let [unused, used] = [AsWritten::start(idle).await?, AsWritten::start(idle).await?];
        let (born, end) = (Instant::now(), unused.pid().join());
        sleep(idle / 2).await;
        if seed % 2 == 0 {
            ask(&used, "a").await;
        } else {
            used.cast(Tell::Put("a".into(), seed));
        }
        assert_eq!(
            (timeout(60 * SECOND, end).await, born.elapsed()),
            (Ok(ExitReason::Normal), idle),
            "`init` arms the timeout, so a server that is never used ends (see hint 2 of exercise 1)"
        );
        sleep(60 * SECOND).await;
        assert!(
            used.is_alive(),
            "a request cancels the timeout, and as written nobody arms it again (see hint 3 of \
             exercise 1)"
        );
        Ok::<_, Crash>(())
    });
}

/// What the text's server keeps for itself, its users see, and overwrite.
///
/// Exercise: 1
/// Covers: PH3-E2-S1
/// Oracle: P3-10
#[test]
fn as_written_its_bookkeeping_is_in_the_users_map() {
    scenario_with(|seed| async move {
        let server = AsWritten::start(60 * SECOND).await?;
        sleep(one_of(seed, IDLE)).await;
        let now = u64::try_from(System::current().monotonic_time().as_millis())?;
        assert_eq!(
            ask(&server, "touched_at").await,
            Some(now),
            "each request leaves its time in the map (see hint 1 of exercise 1)"
        );
        server.cast(Tell::Put("touched_at".into(), seed));
        let held = sys::get_state(&server, |server| format!("{server:?}")).await?;
        assert!(
            held.contains(&format!("\"touched_at\": {seed}")),
            "and whoever has a key of that name destroys it: {held} (see hint 1 of exercise 1)"
        );
        Ok::<_, Crash>(())
    });
}

/// Idle for its whole time, the server ends; with `Normal`, since that is no failure.
///
/// Exercise: 2
/// Covers: PH3-E2-T, PH3-E2-S1, PH3-E2-S2, PH3-SKILL-5
/// Oracle (defect): P3-09
/// Oracle: GS-33
#[test]
fn it_ends_when_it_was_idle_for_its_whole_time() {
    scenario_with(|seed| async move {
        let idle = one_of(seed, IDLE);
        let server = IdleServer::start(idle).await?;
        let end = server.pid().join();
        sleep(idle / 2).await;
        if seed % 2 == 0 {
            ask(&server, "a").await;
        } else {
            server.cast(Tell::Put("a".into(), seed));
        }
        let touched = Instant::now();
        assert_eq!(
            (timeout(60 * SECOND, end).await, touched.elapsed()),
            (Ok(ExitReason::Normal), idle),
            "it was used once, and from then on it was idle: whatever callback ran last has to \
             arm the timeout again (see hint 2 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// While somebody needs it, it lives: each call and each cast counts.
///
/// Exercise: 2
/// Covers: PH3-E2-S3, PH3-E2-S2, PH3-SKILL-5
/// Oracle: P3-11, GS-35
#[test]
fn each_call_and_each_cast_arms_it_again() {
    scenario_with(|seed| async move {
        let server = IdleServer::start(SECOND).name(&IDLE_SERVER).await?;
        let end = server.pid().join();
        for nth in 0..5 {
            sleep(Duration::from_millis(600)).await;
            if (seed + nth) % 2 == 0 {
                ask(&server, "a").await;
            } else {
                server.cast(Tell::Put("a".into(), nth));
                settle().await;
            }
        }
        assert!(
            server.is_alive(),
            "no two requests were a second apart (see hint 2 of exercise 2)"
        );
        let quiet = Instant::now();
        assert_eq!(timeout(60 * SECOND, end).await, Ok(ExitReason::Normal), "then it was idle");
        let waited = quiet.elapsed().as_millis();
        assert!(
            (990..=1000).contains(&waited),
            "it may be idle for a second, and ended after {waited} ms (see hint 2 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// A message that is no request must not switch the timeout off, and must not keep the server alive.
///
/// Exercise: 2
/// Covers: PH3-E2-S3, PH3-SKILL-5
/// Oracle: GS-34
#[test]
fn noise_neither_keeps_it_alive_nor_makes_it_immortal() {
    scenario_with(|seed| async move {
        let idle = one_of(seed, IDLE);
        let server = IdleServer::start(idle).await?;
        let (born, end) = (Instant::now(), server.pid().join());
        let mut end = std::pin::pin!(end);
        let pause = one_of(seed / 3, [10, 100, 700]);
        let reason = loop {
            match timeout(Duration::from_millis(pause), &mut end).await {
                Ok(reason) => break reason,
                Err(_) => server.pid().send("noise"),
            }
            assert!(
                born.elapsed() < 60 * SECOND,
                "noise every {pause} ms is nobody who needs the server (see hint 3 of exercise 2)"
            );
        };
        assert_eq!(
            (reason, born.elapsed()),
            (ExitReason::Normal, idle),
            "after noise it waits for what is left of its time (see hint 3 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// What the server keeps for itself has a field of its own; every key is the user's.
///
/// Exercise: 2
/// Covers: PH3-E2-S1, PH3-E2-S3
/// Oracle (defect): P3-10
#[test]
fn its_bookkeeping_is_its_own() {
    scenario_with(|seed| async move {
        let server = IdleServer::start(60 * SECOND).await?;
        assert_eq!(ask(&server, "touched_at").await, None, "nobody put anything under this key");
        sleep(one_of(seed, IDLE)).await;
        server.cast(Tell::Put("touched_at".into(), seed));
        sleep(SECOND).await;
        let touched = Duration::checked_sub(System::current().monotonic_time(), SECOND);
        assert_eq!(
            sys::get_state(&server, |server| Some(server.touched_at)).await,
            Ok(touched),
            "the last request was a second ago (see hint 1 of exercise 2)"
        );
        assert_eq!(
            ask(&server, "touched_at").await,
            Some(seed),
            "what a user put, a user gets (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// Who ends by itself takes along what it had started, and ends as it said it would.
///
/// Exercise: 3
/// Covers: PH3-CRIT-2, PH3-E2-O1
#[test]
fn a_server_that_ended_leaves_nobody_behind() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let before = System::current().process_count();
        let server = IdleServer::start(SECOND).name(&IDLE_SERVER).await?;
        server.cast(Tell::Put("a".into(), seed));
        let end = server.pid().join();
        let reason = timeout(60 * SECOND, end).await;
        let left = System::current().process_count();
        settle().await;
        assert_eq!(
            (System::current().process_count(), IDLE_SERVER.whereis()),
            (before, None),
            "a normal end does not reach the log along the link: whoever started it has to end it \
             (see hint 1 of exercise 3)"
        );
        assert_eq!(
            reason,
            Ok(ExitReason::Normal),
            "the end of the log came back along the link, and became the server's own (see hint 3 \
             of exercise 3)"
        );
        assert_eq!(
            left, before,
            "the log was told to end, and nobody waited until it had: it was there after its server \
             (see hint 2 of exercise 3)"
        );
        assert_timeline!(
            history.trace(),
            "
             0ms       1s
idle_server  ├─────────■   normal
log          •─────────■   \"put a\"; shutdown
",
            "the log ends with its server (see hint 2 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// Permanent: what ended is started again, to be idle again. The fourth time is the supervisor's end.
///
/// Exercise: 4
/// Covers: PH3-E2-O1, PH3-PIT-2
/// Oracle: P3-12, SUP-48
#[test]
fn a_permanent_child_that_ends_by_itself_ends_its_supervisor() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let fate = fate(Restart::Permanent, SECOND, 60 * SECOND).await?;
        assert_eq!(
            fate,
            Fate::Ended(ExitReason::Shutdown),
            "each end of a permanent child costs a restart, also a normal one (see hint 1 of \
             exercise 4)"
        );
        settle().await;
        assert_timeline!(
            history.trace(),
            "
                0ms       1s        2s        3s        4s
supervisor      ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳    gave up
└─ idle_server  ╺━━━━━━━━━■╺━━━━━━━━■╺━━━━━━━━■╺━━━━━━━━■    #4  normal ×4
log             ├─────────■                                  shutdown
log                       ├─────────■                        shutdown
log                                 ├─────────■              shutdown
log                                           ├─────────■    shutdown

1s  one_for_one: idle_server was restarted because it ended, and is permanent
2s  one_for_one: idle_server was restarted because it ended, and is permanent
3s  one_for_one: idle_server was restarted because it ended, and is permanent
4s  supervisor gave up because idle_server ended, and only 3 restarts in 5s are allowed
",
            "three restarts within five seconds are granted (see hint 2 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Permanent, and patient: the restarts are far enough apart, and the server is there for ever,
/// which is not what it was to be.
///
/// Exercise: 4
/// Covers: PH3-E2-O1, PH3-PIT-2
/// Oracle: SUP-14
#[test]
fn with_a_long_idle_time_a_permanent_child_is_only_restarted_in_vain() {
    scenario(|_: Process| async move {
        let running = ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 };
        assert_eq!(
            fate(Restart::Permanent, 5 * SECOND, 62 * SECOND).await?,
            Fate::Runs(running),
            "a restart every five seconds is never the fourth one within five (see hint 2 of \
             exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Transient keeps its place, temporary does not; neither is started again.
///
/// Exercise: 4
/// Covers: PH3-E2-O1, PH3-PIT-2, PH3-CRIT-2
/// Oracle: P3-12
/// Oracle (defect): P3-12
#[test]
fn a_transient_child_rests_and_a_temporary_one_is_forgotten() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let (restart, kept) = one_of(seed, [(Restart::Transient, 1), (Restart::Temporary, 0)]);
        let rests = ChildCount { specs: kept, active: 0, supervisors: 0, workers: kept };
        assert_eq!(
            fate(restart, SECOND, 3 * SECOND).await?,
            Fate::Runs(rests),
            "a child that is {restart:?} and ended normally is not started again (see hint 1 of \
             exercise 4)"
        );
        let why = match restart {
            Restart::Transient => "transient, and ended as expected",
            _ => "temporary",
        };
        let expected = format!(
            "
                0ms       1s        3s
supervisor      ╺━━━━━━━━━━━━━━━━━━━■    normal
└─ idle_server  ╺━━━━━━━━━■              normal
log             ├─────────■              shutdown

1s  idle_server was not restarted because it is {why}
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "in the end nobody is left (see hint 3 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// The text's tick never comes: a timeout arrives as a timeout.
///
/// Exercise: 5
/// Covers: PH3-SUM-12
/// Oracle: P3-13
#[test]
fn a_returned_timeout_does_not_arrive_as_a_tick() {
    scenario_with(|seed| async move {
        let period = one_of(seed, IDLE);
        let rotator = Rotator::start((By::Timeout, period)).await?;
        rotator.info(Tick);
        sleep(10 * period).await;
        let seen = state(&rotator).await;
        assert_eq!(
            (seen.ticks, seen.idle, seen.players[0]),
            (1, 1, 'b'),
            "after the one tick that was sent by hand comes one `Idle`, which is no tick (see hint \
             1 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// A timer ticks, and what arrives between two ticks is no matter.
///
/// Exercise: 5
/// Covers: PH3-SUM-12
/// Oracle (defect): P3-13
/// Oracle: TIM-07
#[test]
fn a_timer_ticks_whatever_else_arrives() {
    scenario_with(|seed| async move {
        let period = one_of(seed, IDLE);
        let rotator = Rotator::start((By::Timer, period)).await?;
        rotator.info(Tick);
        let periods = u32::try_from(seed % 4 + 5)?;
        let end = Instant::now() + period * periods + period / 2;
        while Instant::now() < end {
            sleep(period / 10).await;
            rotator.pid().send("noise");
        }
        let seen = state(&rotator).await;
        assert_eq!(
            (seen.ticks, seen.idle),
            (periods + 1, 0),
            "in {periods} periods come as many ticks after the first one, whatever else arrives \
             (see hint 2 of exercise 5)"
        );
        let turn = ['a', 'b', 'c'][usize::try_from(seen.ticks % 3)?];
        assert_eq!(
            seen.players[0], turn,
            "each tick passes the turn on (see hint 1 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The same noise between the text's ticks, sent by hand: now not even `Idle` comes.
///
/// Exercise: 5
/// Covers: PH3-SUM-12
/// Oracle: TIM-07, GS-34
#[test]
fn noise_cancels_a_returned_timeout() {
    scenario_with(|seed| async move {
        let period = one_of(seed, IDLE);
        let rotator = Rotator::start((By::Timeout, period)).await?;
        rotator.info(Tick);
        for _ in 0..100 {
            sleep(period / 4).await;
            rotator.pid().send("noise");
        }
        let seen = state(&rotator).await;
        assert_eq!(
            (seen.ticks, seen.idle),
            (1, 0),
            "a message came before the period was over, and ended the wait (see hint 1 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

async fn ask<S: GenServer<Call = Ask>>(server: &ServerRef<S>, key: &str) -> Option<u64> {
    let asked = server.call(|reply| Ask::Get(key.to_owned(), reply)).await;
    asked.expect("a server that runs answers")
}

async fn state(rotator: &ServerRef<Rotator>) -> Rotator {
    rotator.call(|reply| reply).await.expect("a rotator answers")
}
