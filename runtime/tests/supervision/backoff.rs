//! Restarts that wait.

use std::future::{IntoFuture, pending};
use std::time::Duration;

use crate::support::{Begin, Log, NOTHING, Tell, ms, one_for_one, timed, word};
use runtime::testing::{Schedule, kill_and_wait, run_on, scenario, scenario_with, settle};
use runtime::{
    AutoShutdown, Backoff, ChildError, ChildSpec, ChildState, DynamicSupervision,
    DynamicSupervisor, DynamicSupervisorRef, Pid, Process, Server, Strategy, Supervision,
    Supervisor, SupervisorRef, System,
};
use tokio::time::{Instant, sleep, sleep_until};

/// 100 ms, 200, 400, 800, 1000, 1000, ...; anew after ten seconds.
const SLOW: Backoff =
    Backoff::new(ms(100), Duration::from_secs(1)).jitter(0).stable_after(Duration::from_secs(10));

/// How long a worker that is killed now is away, in milliseconds, by a timed log.
async fn away(log: &Log, tag: &str) -> u64 {
    let before = log.starts(tag);
    log.take();
    log.add("killed");
    kill_and_wait(&log.server(tag)).await;
    while log.starts(tag) == before {
        settle().await;
    }
    let lines = log.take();
    let time = |line: &String| line.split(' ').next().and_then(|time| time.parse::<u64>().ok());
    let times: Vec<_> = lines.iter().filter_map(time).collect();
    let [killed, begun] = times[..] else { panic!("more happened: {lines:?}") };
    begun - killed
}

/// The names and states of children, sorted; of a dynamic supervisor's.
async fn states(sup: &DynamicSupervisorRef) -> Vec<String> {
    let children = sup.which_children().await.expect("it answers");
    let mut states: Vec<_> = children
        .iter()
        .map(|child| match child.state {
            ChildState::Running(_) => format!("{} runs", child.id),
            ChildState::Restarting => format!("{} restarting", child.id),
            ChildState::Stopped => format!("{} stopped", child.id),
        })
        .collect();
    states.sort();
    states
}

// --- How long.

/// Each restart waits twice as long as the one before, up to the cap.
///
/// Covers: RT-SUP-18
#[test]
fn restarts_in_a_row_wait_longer_and_longer_up_to_the_cap() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = one_for_one().intensity(9, ms(60_000)).backoff(SLOW);
        log.start(sup.child(log.w("a"))).await;
        for wait in [100, 200, 400, 800, 1000, 1000] {
            assert_eq!(away(&log, "a").await, wait);
        }
    });
}

#[test]
fn a_child_that_has_been_stable_begins_anew() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        log.start(one_for_one().intensity(9, ms(60_000)).backoff(SLOW).child(log.w("a"))).await;
        assert_eq!(away(&log, "a").await, 100);
        sleep(ms(9_990)).await;
        assert_eq!(away(&log, "a").await, 200, "not stable yet");
        sleep(ms(10_000)).await;
        assert_eq!(away(&log, "a").await, 100);
        assert_eq!(away(&log, "a").await, 200);
    });
}

/// Unless told otherwise, a wait is up to half of it shorter, and not every time the same.
#[test]
fn a_wait_is_shorter_by_chance() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = one_for_one().intensity(100, ms(60_000));
        let backoff = Backoff::new(ms(1000), ms(1000));
        log.start(sup.backoff(backoff).child(log.w("a"))).await;
        let mut waits = Vec::new();
        for _ in 0..20 {
            waits.push(away(&log, "a").await);
        }
        assert!(waits.iter().all(|wait| (500..=1000).contains(wait)), "{waits:?}");
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 5, "{waits:?}");
    });
}

/// As without waiting: a start that fails is a failed restart, and the next one waits longer.
#[test]
fn a_restart_that_fails_waits_again_and_longer() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let starts = [Begin::Run, Begin::Fail("no"), Begin::Panic, Begin::Run];
        log.start(one_for_one().backoff(SLOW).child(log.w("a").starts(starts))).await;
        log.kill("a").await;
        sleep(ms(5000)).await;
        assert_eq!(log.take(), ["0 init a.1", "100 init a.2", "300 init a.3", "700 init a.4"]);
    });
}

// --- Meanwhile.

#[test]
fn the_supervisor_answers_and_restarts_others_while_a_restart_waits() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = log.start(one_for_one().backoff(SLOW).children(log.all(["a", "b"]))).await;
        log.kill("a").await;
        let (shown, time) = timed(log.children(&sup)).await;
        assert_eq!((shown, time), (vec!["b b.1".to_owned(), "a restarting".to_owned()], ms(0)));
        assert_eq!(sup.count_children().await.expect("it answers").active, 1);
        sleep(ms(49)).await;
        log.kill("b").await;
        sup.start_child(log.w("c")).await.expect("it starts");
        sleep(ms(500)).await;
        let lines = ["0 init a.1", "0 init b.1", "51 init c.1", "100 init a.2", "150 init b.2"];
        assert_eq!(log.take(), lines);
        assert_eq!(log.children(&sup).await, ["c c.1", "b b.2", "a a.2"]);
    });
}

#[test]
fn a_child_that_waits_can_be_terminated_and_nothing_else() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().backoff(SLOW).child(log.w("a"))).await;
        log.kill("a").await;
        assert_eq!(sup.restart_child("a").await, Err(ChildError::Restarting));
        assert_eq!(sup.delete_child("a").await, Err(ChildError::Restarting));
        let again = sup.start_child(log.w("a")).await;
        assert_eq!(again, Err(ChildError::AlreadyPresent));
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(log.children(&sup).await, ["a stopped"]);
    });
}

// --- What was scheduled reaches nobody else.

#[test]
fn a_child_that_was_terminated_while_it_waited_is_not_revived() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().backoff(SLOW).child(log.w("a"))).await;
        log.kill("a").await;
        sup.terminate_child("a").await.expect("it waits");
        assert_eq!(System::current().timer_count(), 0, "nothing is scheduled any more");
        sleep(ms(5000)).await;
        assert_eq!(log.take(), ["init a.1"]);
        assert_eq!(log.children(&sup).await, ["a stopped"]);
        sup.restart_child("a").await.expect("it is stopped");
        assert_eq!(log.take(), ["init a.2"]);
    });
}

/// Also not when the other one waits itself.
#[test]
fn a_child_that_was_added_again_under_its_id_keeps_its_own_time() {
    scenario_with(|seed| {
        // The second child's crash, from before the first one's time until after it.
        let pause = 20 + seed % 4 * 40;
        move |me: Process| async move {
            let log = Log::of(&me).timed();
            let sup = log.start(one_for_one().backoff(SLOW).child(log.w("a"))).await;
            log.kill("a").await;
            sup.terminate_child("a").await.expect("it waits");
            sup.delete_child("a").await.expect("it is stopped");
            sup.start_child(log.w("a")).await.expect("the id is free");
            sleep(ms(pause)).await;
            assert_eq!(log.starts("a"), 2, "nothing was due");
            assert_eq!(away(&log, "a").await, 100, "of its own");
            sleep(ms(5000)).await;
            assert_eq!(log.take(), NOTHING);
            assert_eq!(log.children(&sup).await, ["a a.3"]);
        }
    });
}

// --- Groups.

#[test]
fn under_rest_for_one_those_after_it_stop_at_once_and_wait_with_it() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = Supervisor::new(Strategy::RestForOne).backoff(SLOW);
        let sup = log.start(sup.children(log.all(["a", "b", "c", "d"]))).await;
        log.take();
        log.kill("b").await;
        assert_eq!(log.take(), ["0 terminate d.1 shutdown", "0 terminate c.1 shutdown"]);
        let waiting = ["d restarting", "c restarting", "b restarting", "a a.1"];
        assert_eq!(log.children(&sup).await, waiting);
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["100 init b.2", "100 init c.2", "100 init d.2"]);
    });
}

#[test]
fn under_one_for_all_everybody_waits_together_and_temporary_children_leave() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = Supervisor::new(Strategy::OneForAll).backoff(SLOW);
        let sup = sup.child(log.w("a")).child(log.w("t").temporary()).child(log.w("b"));
        let sup = log.start(sup).await;
        log.take();
        log.kill("b").await;
        assert_eq!(log.take(), ["0 terminate t.1 shutdown", "0 terminate a.1 shutdown"]);
        assert_eq!(log.children(&sup).await, ["b restarting", "a restarting"]);
        sleep(ms(200)).await;
        assert_eq!(log.take(), ["100 init a.2", "100 init b.2"]);
    });
}

/// Whoever of a group is terminated, also the child that led to it, the others start in time.
#[test]
fn who_is_terminated_while_its_group_waits_stays_stopped_and_the_rest_starts() {
    for (gone, rest) in [
        ("b", ["100 init a.2", "100 init c.2"]),
        ("c", ["100 init a.2", "100 init b.2"]),
        ("a", ["100 init b.2", "100 init c.2"]),
    ] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me).timed();
            let sup = Supervisor::new(Strategy::OneForAll).backoff(SLOW);
            let sup = log.start(sup.children(log.all(["a", "b", "c"]))).await;
            log.kill("b").await;
            sup.terminate_child(gone).await.expect("it waits");
            log.take();
            sleep(ms(5000)).await;
            assert_eq!(log.take(), rest, "without {gone}");
            assert_eq!(sup.restart_child(gone).await.map(|pid| pid.is_some()), Ok(true));
        });
    }
}

/// The new one stands after the others, and falls with them as any that was started later.
#[test]
fn a_group_starts_in_time_when_the_child_that_led_to_it_was_replaced() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = Supervisor::new(Strategy::RestForOne).backoff(SLOW);
        let sup = log.start(sup.children(log.all(["a", "b", "c"]))).await;
        log.kill("b").await;
        sup.terminate_child("b").await.expect("it waits");
        sup.delete_child("b").await.expect("it is stopped");
        sup.start_child(log.w("b")).await.expect("the id is free");
        log.take();
        sleep(ms(5000)).await;
        assert_eq!(log.take(), ["100 terminate b.2 shutdown", "100 init c.2", "100 init b.3"]);
        assert_eq!(log.children(&sup).await, ["b b.3", "c c.2", "a a.1"]);
    });
}

#[test]
fn who_was_terminated_is_not_revived_by_a_restart_that_fails_either() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Supervisor::new(Strategy::OneForAll).backoff(SLOW).child(log.w("a"));
        let starts = [Begin::Run, Begin::Fail("no"), Begin::Run];
        let sup = log.start(sup.child(log.w("b").starts(starts)).child(log.w("c"))).await;
        log.kill("b").await;
        sup.terminate_child("c").await.expect("it waits");
        log.take();
        sleep(ms(5000)).await;
        let lines = ["init a.2", "init b.2", "terminate a.2 shutdown", "init a.3", "init b.3"];
        assert_eq!(log.take(), lines);
        assert_eq!(log.children(&sup).await, ["c stopped", "b b.3", "a a.3"]);
    });
}

#[test]
fn a_crash_before_those_who_wait_takes_them_into_its_own_wait() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let sup = Supervisor::new(Strategy::RestForOne).intensity(9, ms(5000)).backoff(SLOW);
        let sup = log.start(sup.children(log.all(["a", "b", "c"]))).await;
        log.kill("b").await;
        sleep(ms(49)).await;
        log.kill("a").await;
        assert_eq!(log.children(&sup).await, ["c restarting", "b restarting", "a restarting"]);
        assert_eq!(System::current().timer_count(), 1, "one wait for all");
        log.take();
        sleep(ms(5000)).await;
        assert_eq!(log.take(), ["150 init a.2", "150 init b.2", "150 init c.2"]);
    });
}

// --- Limits.

/// One restart in 200 ms is granted; from the third crash on they are further apart.
#[test]
fn a_restart_counts_when_it_happens() {
    scenario(|me: Process| async move {
        let log = Log::of(&me).timed();
        let slow = Backoff::new(ms(250), ms(250)).jitter(0);
        let sup =
            log.start(one_for_one().intensity(1, ms(200)).backoff(slow).child(log.w("a"))).await;
        for _ in 0..10 {
            assert_eq!(away(&log, "a").await, 250);
        }
        assert!(sup.is_alive());

        let log = Log::of(&me);
        let sup = one_for_one().intensity(1, ms(200)).backoff(SLOW).children(log.all(["a", "b"]));
        let sup = log.start(sup).await;
        log.kill("a").await;
        log.kill("b").await;
        sleep(ms(50)).await;
        assert!(sup.is_alive(), "nothing was restarted yet");
        sleep(ms(60)).await;
        assert!(!sup.is_alive(), "two within 200 ms");
    });
}

#[test]
fn with_zero_restarts_the_supervisor_gives_up_when_the_first_one_is_due() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().intensity(0, ms(5000)).backoff(SLOW).child(log.w("a"));
        let sup = log.start(sup).await;
        log.kill("a").await;
        sleep(ms(98)).await;
        assert!(sup.is_alive());
        sleep(ms(2)).await;
        assert!(!sup.is_alive());
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
    });
}

/// It has not ended for good.
#[test]
fn a_significant_child_that_waits_keeps_its_supervisor_from_shutting_down() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let part = |tag| log.w(tag).transient().significant();
        let sup = one_for_one().auto_shutdown(AutoShutdown::AllSignificant).backoff(SLOW);
        let sup = log.start(sup.child(part("a")).child(part("b"))).await;
        log.tell("a", Tell::Stop(word("bad"))).await;
        log.tell("b", Tell::Stop(runtime::ExitReason::Normal)).await;
        assert_eq!(log.children(&sup).await, ["b stopped", "a restarting"]);
        sleep(ms(100)).await;
        log.tell("a", Tell::Stop(runtime::ExitReason::Normal)).await;
        assert!(!sup.is_alive());
    });
}

// --- The end.

#[test]
fn a_supervisor_that_is_to_stop_does_not_wait_for_those_who_wait() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(strategy).backoff(SLOW).children(log.all(["a", "b"]));
            let sup = log.start(sup).await;
            log.kill("a").await;
            log.take();
            let (stopped, time) = timed(sup.stop().into_future()).await;
            assert_eq!((stopped, time), (Ok(()), ms(0)));
            assert_eq!(System::current().timer_count(), 0, "nothing is scheduled any more");
            sleep(ms(5000)).await;
            assert!(log.take().iter().all(|line| line.starts_with("terminate b.1")));
        });
    }
}

/// What is scheduled for a supervisor that was killed comes to nothing.
#[test]
fn a_killed_supervisor_restarts_nobody() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup: SupervisorRef = log.start(one_for_one().backoff(SLOW).child(log.w("a"))).await;
        log.kill("a").await;
        kill_and_wait(&sup).await;
        log.take();
        sleep(ms(5000)).await;
        assert_eq!(log.take(), NOTHING);
    });
}

// --- Dynamic supervisors.

fn job(id: &'static str) -> ChildSpec {
    ChildSpec::process(id, pending::<()>)
}

/// The pid of the child with this id, if it runs.
async fn pid_of(sup: &DynamicSupervisorRef, id: &str) -> Option<Pid> {
    let children = sup.which_children().await.expect("it answers");
    children.iter().find_map(|child| match child.state {
        ChildState::Running(pid) if *child.id == *id => Some(pid),
        _ => None,
    })
}

/// Covers: RT-SUP-18
#[test]
fn each_child_of_a_dynamic_supervisor_waits_on_its_own() {
    scenario(|_: Process| async move {
        let sup = DynamicSupervisor::new().intensity(9, ms(60_000)).backoff(SLOW);
        let sup = sup.start_link().await.expect("it starts");
        let a = sup.start_child(job("a")).await.expect("it starts").expect("it runs");
        let b = sup.start_child(job("b")).await.expect("it starts").expect("it runs");
        let begun = Instant::now();
        let at = async |time| sleep_until(begun + ms(time)).await;
        kill_and_wait(a).await;
        at(50).await;
        kill_and_wait(b).await;
        assert_eq!(states(&sup).await, ["a restarting", "b restarting"]);
        let counts = sup.count_children().await.expect("it answers");
        assert_eq!((counts.specs, counts.active), (2, 0));
        at(101).await;
        assert_eq!(states(&sup).await, ["a runs", "b restarting"]);
        at(151).await;
        assert_eq!(states(&sup).await, ["a runs", "b runs"]);
        // The second time in a row.
        kill_and_wait(pid_of(&sup, "a").await.expect("it runs")).await;
        at(350).await;
        assert_eq!(states(&sup).await, ["a restarting", "b runs"]);
        at(352).await;
        assert_eq!(states(&sup).await, ["a runs", "b runs"]);
        // After it has been stable.
        at(11_000).await;
        kill_and_wait(pid_of(&sup, "a").await.expect("it runs")).await;
        at(11_099).await;
        assert_eq!(states(&sup).await, ["a restarting", "b runs"]);
        at(11_101).await;
        assert_eq!(states(&sup).await, ["a runs", "b runs"]);
    });
}

#[test]
fn a_dynamic_child_that_is_terminated_while_it_waits_is_not_revived() {
    scenario(|_: Process| async move {
        let sup = DynamicSupervisor::new().max_children(1).backoff(SLOW);
        let sup = sup.start_link().await.expect("it starts");
        let a = sup.start_child(job("a")).await.expect("it starts").expect("it runs");
        kill_and_wait(a).await;
        let full = sup.start_child(job("b")).await;
        assert_eq!(full, Err(ChildError::MaxChildren), "it has its place while it waits");
        assert_eq!(sup.terminate_child(a).await, Ok(()));
        assert_eq!(System::current().timer_count(), 0, "nothing is scheduled any more");
        assert_eq!(sup.terminate_child(a).await, Err(ChildError::NotFound));
        sup.start_child(job("a")).await.expect("there is room");
        sleep(ms(5000)).await;
        assert_eq!(states(&sup).await, ["a runs"]);
    });
}

#[test]
fn a_dynamic_supervisor_stops_at_once_and_counts_restarts_when_they_happen() {
    scenario(|_: Process| async move {
        let sup = DynamicSupervisor::new().backoff(SLOW).start_link().await.expect("it starts");
        let a = sup.start_child(job("a")).await.expect("it starts").expect("it runs");
        kill_and_wait(a).await;
        let (stopped, time) = timed(sup.stop().into_future()).await;
        assert_eq!((stopped, time), (Ok(()), ms(0)));
        assert_eq!(System::current().timer_count(), 0, "nothing is scheduled any more");

        let sup = DynamicSupervisor::new().intensity(0, ms(1)).backoff(SLOW);
        let sup = sup.start().await.expect("it starts");
        let a = sup.start_child(job("a")).await.expect("it starts").expect("it runs");
        kill_and_wait(a).await;
        sleep(ms(99)).await;
        assert!(sup.is_alive());
        sleep(ms(2)).await;
        assert!(!sup.is_alive());
    });
}

// --- In the trace.

#[test]
fn the_trace_says_how_long_a_restart_waits_and_why() {
    let run = run_on(Schedule::Tasks, |_: Process| async move {
        let starts = std::sync::atomic::AtomicU32::new(0);
        let worker = ChildSpec::process("worker", move || {
            let nth = starts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                if nth == 0 {
                    runtime::exit(word("bad"));
                }
                pending::<()>().await;
            }
        });
        let sup = one_for_one().backoff(SLOW).child(worker).start().await.expect("it starts");
        sleep(ms(150)).await;
        sup.stop().await.expect("it runs");
    });
    let said = run.trace.events().iter().filter_map(runtime::trace::Event::sentence);
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            "worker will be restarted in 100ms because it crashed",
            "one_for_one: worker was restarted because it crashed"
        ]
    );
    let lines = run.trace.lines();
    let delayed: Vec<_> = lines.iter().filter(|line| line.contains(" restarts ")).collect();
    assert_eq!(delayed, ["0ms #2 restarts worker in 100ms: it crashed"]);
}
