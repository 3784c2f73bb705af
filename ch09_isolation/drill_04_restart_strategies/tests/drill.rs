//! Drill 9.4, restart strategies.
//!
//! The test runs as the process `main`, which traps exits. Which worker crashes, and which strategy
//! is asked for, is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch09_drill_04_restart_strategies::{
    DEMO, DESK, PRINTER, Print, Sell, crash, experiment, name, pids, start_box_office, start_demo,
    start_link, who_restarts,
};
use runtime::prelude::*;
use runtime::testing::{kill_and_wait, one_of, restarted, scenario_with};
use runtime::trace::{Recorder, What};
use runtime::tree::Tree;
use runtime::{
    ChildCount, ChildInfo, ChildState, PanicInfo, StartError, SupervisorRef, System,
    assert_timeline, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [u32; 3] = [1, 2, 3];
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

/// A worker is found under its name from its first moment, and says that it starts.
///
/// Exercise: 1
/// Covers: CH9-D4-S2
#[test]
fn a_worker_has_a_name_and_says_that_it_starts() {
    scenario_with(|seed| async move {
        let id = one_of(seed, [1, 2, 42]);
        let history = history();
        let worker = start_link(id).await.expect("nothing keeps a worker from starting");
        assert_eq!(
            name(id).whereis(),
            Some(worker.clone()),
            "a worker is started under its name (see hint 2 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [format!("Worker {id} starting")],
            "a worker notes its start, once (see hint 2 of exercise 1)"
        );
        let second = start_link(id).await.map(|second| second.pid());
        assert_eq!(
            (second, notes(&history).len()),
            (Err(StartError::AlreadyStarted(worker.pid())), 1),
            "a name has one process, and the second one never runs (see hint 3 of exercise 1)"
        );
    });
}

/// The crash ends the worker; to who called it, it is a value with the words of the panic.
///
/// Exercise: 2
/// Covers: CH9-D4-S3
/// Oracle: C9-07, GS-02, GS-06
#[test]
fn who_calls_a_worker_that_crashes_learns_why_and_lives_on() {
    scenario_with(|seed| async move {
        let id = one_of(seed, [1, 2, 42]);
        history();
        let worker = start_link(id).await.expect("nothing keeps a worker from starting");
        let error = crash(id).await;
        let panic = match &error {
            CallError::Down(reason) => reason.as_panic().map(PanicInfo::message),
            _ => None,
        };
        assert_eq!(
            panic,
            Some("Intentional crash!"),
            "the worker panics while its caller waits, who is told: {error:?} (see hint 2 of \
             exercise 2)"
        );
        assert!(!worker.is_alive(), "a panic is the end of a worker");
        assert_eq!(
            crash(id).await,
            CallError::NoProc,
            "nobody starts this one again, and a call to nobody is a value, too (see hint 3 of \
             exercise 2)"
        );
    });
}

/// `one_for_one`: nobody but the worker that crashed is another process afterwards.
///
/// Exercise: 3
/// Covers: CH9-D4-T, CH9-D4-S1, CH9-D4-E1, CH8-NEXT-2, CH9-CHK-04
/// Oracle: C9-07, SUP-02
#[test]
fn one_for_one_restarts_only_the_worker_that_crashed() {
    scenario_with(|seed| async move {
        let victim = one_of(seed, IDS);
        let [one, two, three] = IDS.map(|id| {
            if id == victim {
                format!(
                    "╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker {id} starting\" ×2; panic: Intentional crash!"
                )
            } else {
                format!("╺•━━━━━━━━━━━━━━━━━━■    \"Worker {id} starting\"")
            }
        });
        let expected = format!(
            "
             0ms       1s        2s
demo         ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ worker_1  {one}
├─ worker_2  {two}
└─ worker_3  {three}

1s  one_for_one: worker_{victim} was restarted because it crashed
"
        );
        demonstrates(Strategy::OneForOne, &[victim], &expected).await;
    });
}

/// `one_for_all`: the others are stopped first, and all get new processes, in the order of the list.
///
/// Exercise: 3
/// Covers: CH9-D4-T, CH9-D4-S1, CH9-D4-E2, CH8-NEXT-2, CH9-CHK-04
/// Oracle: C9-08, SUP-03
#[test]
fn one_for_all_restarts_all_workers() {
    scenario_with(|seed| async move {
        let victim = one_of(seed, IDS);
        let [(e1, p1), (e2, p2), (e3, p3)] = IDS
            .map(|id| if id == victim { ("╳", "; panic: Intentional crash!") } else { ("■", "") });
        let [why1, why2, why3] = IDS.map(|id| {
            if id == victim { "it crashed".to_owned() } else { format!("worker_{victim} crashed") }
        });
        let expected = format!(
            "
             0ms       1s        2s
demo         ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ worker_1  ╺•━━━━━━━━{e1}╺•━━━━━━━■    #2  \"Worker 1 starting\" ×2{p1}
├─ worker_2  ╺•━━━━━━━━{e2} ╺•━━━━━━■    #2  \"Worker 2 starting\" ×2{p2}
└─ worker_3  ╺•━━━━━━━━{e3}  ╺•━━━━━■    #2  \"Worker 3 starting\" ×2{p3}

1s  one_for_all: worker_1 was restarted because {why1}
1s  one_for_all: worker_2 was restarted because {why2}
1s  one_for_all: worker_3 was restarted because {why3}
"
        );
        demonstrates(Strategy::OneForAll, &[victim], &expected).await;
    });
}

/// `rest_for_one`: those that were started after the worker that crashed fall with it, and nobody
/// else.
///
/// Exercise: 3
/// Covers: CH9-D4-T, CH9-D4-S1, CH9-D4-E3, CH9-D4-E4, CH9-D4-Q4, CH8-NEXT-2, CH9-CHK-04
/// Oracle: C9-09, SUP-04
#[test]
fn rest_for_one_restarts_the_worker_that_crashed_and_those_after_it() {
    let first_and_third = "
             0ms       1s        2s        3s
demo         ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ worker_1  ╺•━━━━━━━━╳╺•━━━━━━━━━━━━━━━━━■    #2  \"Worker 1 starting\" ×2; panic: Intentional crash!
├─ worker_2  ╺•━━━━━━━━■ ╺•━━━━━━━━━━━━━━━━■    #2  \"Worker 2 starting\" ×2
└─ worker_3  ╺•━━━━━━━━■  ╺•━━━━━╳╺•━━━━━━━■    #3  \"Worker 3 starting\" ×3; panic: Intentional crash!

1s  rest_for_one: worker_1 was restarted because it crashed
1s  rest_for_one: worker_2 was restarted because worker_1, started before it, crashed
1s  rest_for_one: worker_3 was restarted because worker_1, started before it, crashed
2s  rest_for_one: worker_3 was restarted because it crashed
";
    let third_and_second = "
             0ms       1s        2s        3s
demo         ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ worker_1  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"Worker 1 starting\"
├─ worker_2  ╺•━━━━━━━━━━━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker 2 starting\" ×2; panic: Intentional crash!
└─ worker_3  ╺•━━━━━━━━╳╺•━━━━━━━■ ╺•━━━━━━■    #3  \"Worker 3 starting\" ×3; panic: Intentional crash!

1s  rest_for_one: worker_3 was restarted because it crashed
2s  rest_for_one: worker_2 was restarted because it crashed
2s  rest_for_one: worker_3 was restarted because worker_2, started before it, crashed
";
    scenario_with(|seed| async move {
        let cases = [([1, 3], first_and_third), ([3, 2], third_and_second)];
        let (victims, expected) = one_of(seed, cases);
        demonstrates(Strategy::RestForOne, &victims, expected).await;
    });
}

/// A group is stopped from the back and started from the front: a worker may need those before it.
///
/// Exercise: 3
/// Covers: CH9-D4-S1, CH9-D4-E2
/// Oracle: C9-08, SUP-03
#[test]
fn a_group_is_stopped_from_the_back_and_started_from_the_front() {
    scenario_with(|seed| async move {
        let history = history();
        let victim = one_of(seed, IDS);
        let demo = started(Strategy::OneForAll).await;
        crash_and_wait(victim).await;
        demo.count_children().await?;
        let (trace, own) = (history.trace(), |id: u32| format!("worker_{id}"));
        let happened = trace.events().iter().filter_map(|event| match &event.what {
            What::Exited { .. } => Some(format!("{} ends", event.subject)),
            What::ChildRestarted { id, .. } => Some(format!("{id} is back")),
            _ => None,
        });
        let others = IDS.into_iter().rev().filter(|id| *id != victim);
        let expected = [format!("{} ends", own(victim))]
            .into_iter()
            .chain(others.map(|id| format!("{} ends", own(id))))
            .chain(IDS.map(|id| format!("{} is back", own(id))));
        assert_eq!(
            happened.collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "worker {victim} crashed: the others are stopped, the newest first, and then all are \
             started in the order of the list (see hint 2 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// What counts is the crash, and not how many children it costs: a group's restart is one.
///
/// Exercise: 3
/// Covers: CH9-D4-S1
/// Oracle: SUP-10, SUP-12, SUP-15
#[test]
fn the_restart_of_a_group_counts_once_and_the_fourth_crash_is_too_much() {
    scenario_with(|seed| async move {
        history();
        let strategy = one_of(seed, STRATEGIES);
        let demo = started(strategy).await;
        for nth in 0..3 {
            crash_and_wait(one_of(seed + nth, IDS)).await;
        }
        assert_eq!(
            demo.count_children().await,
            Ok(ChildCount { specs: 3, active: 3, supervisors: 0, workers: 3 }),
            "three restarts in five seconds are granted, whatever the strategy: all three workers \
             are permanent (see hint 2 of exercise 3)"
        );
        let end = demo.pid().join();
        crash(one_of(seed + 3, IDS)).await;
        assert_eq!(
            (timeout(SECOND, end).await, pids()),
            (Ok(ExitReason::Shutdown), [None; 3]),
            "at the fourth crash in five seconds the supervisor gives up (see hint 2 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// As the course writes its experiments, one below the other, the second one never begins.
///
/// Exercise: 3
/// Covers: CH9-D4-E5, CH9-D4-S1
/// Oracle: C9-10, SUP-51
#[test]
fn a_second_demo_is_refused_while_the_first_one_runs() {
    scenario_with(|seed| async move {
        history();
        let (first, second) = (one_of(seed, STRATEGIES), one_of(seed / 3, STRATEGIES));
        let demo = started(first).await;
        let before = pids();
        assert_eq!(
            start_demo(second).await.map(|demo| demo.pid()),
            Err(StartError::AlreadyStarted(demo.pid())),
            "there is one name, and who has it keeps it, with the old strategy (see hint 3 of \
             exercise 3)"
        );
        assert!(
            System::current().tree().find("demo").is_some_and(|demo| demo.linked),
            "a demo is linked to whoever starts it: `start_link` (see hint 3 of exercise 3)"
        );
        assert_eq!(
            (DEMO.whereis(), pids()),
            (Some(demo.clone()), before),
            "the first demo does not notice the second one (see hint 3 of exercise 3)"
        );
        demo.stop().await?;
        assert_eq!(
            started(second).await.count_children().await.map(|count| count.active),
            Ok(3),
            "when the first one has ended, the names are free"
        );
        Ok::<_, Crash>(())
    });
}

/// The course's three experiments, one after the other: each says who was started again.
///
/// Exercise: 4
/// Covers: CH9-D4-T, CH9-D4-E1, CH9-D4-E2, CH9-D4-E3, CH9-D4-E4, CH9-D4-E5
/// Oracle: C9-07, C9-08, C9-09
#[test]
fn the_experiments_run_one_after_the_other() {
    scenario_with(|seed| async move {
        history();
        let experiments = [
            (Strategy::OneForOne, vec![2], vec![vec![2]]),
            (Strategy::OneForAll, vec![2], vec![vec![1, 2, 3]]),
            (Strategy::RestForOne, vec![1, 3], vec![vec![1, 2, 3], vec![3]]),
            (Strategy::RestForOne, vec![2, 2, 3], vec![vec![2, 3], vec![2, 3], vec![3]]),
        ];
        for nth in 0..4 {
            let (strategy, victims, expected) = one_of(seed + nth, experiments.clone());
            let seen = timeout(10 * SECOND, experiment(strategy, &victims)).await;
            let seen = seen.expect("an experiment ends (see hint 2 of exercise 4)");
            let seen = seen.expect("the one before it has left nobody (see hint 1 of exercise 4)");
            assert_eq!(
                seen, expected,
                "{strategy}: of {victims:?}, each in turn, one list of those that are another \
                 process than before (see hint 2 of exercise 4)"
            );
            assert_eq!(
                (DEMO.whereis(), pids()),
                (None, [None; 3]),
                "an experiment leaves nobody behind (see hint 1 of exercise 4)"
            );
        }
    });
}

/// The experiment asks the supervisor whether it is done, and does not guess how long it takes.
///
/// Exercise: 4
/// Covers: CH9-D4-E5
#[test]
fn an_experiment_waits_for_the_group_and_not_for_a_time() {
    scenario_with(|seed| async move {
        history();
        let (strategy, victim) = (one_of(seed, STRATEGIES), one_of(seed / 3, IDS));
        experiment(strategy, &[victim]).await.expect("nothing keeps a demo from starting");
        let took = System::current().monotonic_time();
        assert!(
            took < Duration::from_millis(20),
            "these workers are back at once, and the experiment took {took:?}: wait until the name \
             leads to somebody, and ask the supervisor (see hint 2 of exercise 4)"
        );
    });
}

/// The rule fits in one line for each strategy, and holds for any number of children.
///
/// Exercise: 5
/// Covers: CH9-D4-E1, CH9-D4-E2, CH9-D4-E3, CH9-D4-E4, CH9-D4-Q4, CH9-CHK-04
/// Oracle: SUP-02, SUP-03, SUP-04
#[test]
fn who_is_restarted_can_be_said_beforehand() {
    scenario_with(|seed| async move {
        history();
        let (strategy, count) = (one_of(seed, STRATEGIES), one_of(seed / 3, [1, 4, 5]));
        let child = |place: u32| ChildSpec::process(place.to_string(), pending::<()>);
        let supervisor = Supervisor::new(strategy)
            .children((1..=count).map(child))
            .intensity(5, SECOND)
            .start_link()
            .await?;
        for victim in 1..=count {
            let before = running(&supervisor).await;
            let pid = before[victim as usize - 1].expect("the child runs");
            kill_and_wait(pid).await;
            let after = running(&supervisor).await;
            let new = (1..).zip(before.iter().zip(after));
            let new: Vec<u32> =
                new.filter_map(|(id, (old, now))| (*old != now).then_some(id)).collect();
            assert_eq!(
                who_restarts(strategy, victim, count).collect::<Vec<_>>(),
                new,
                "{strategy}: of {count} children, the one at place {victim} crashed (see hint 1 of \
                 exercise 5)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// Who needs another one is started after it, and falls with it: no sale meets a dead printer.
///
/// Exercise: 6
/// Covers: CH9-D4-Q1, CH9-D4-Q2, CH9-D4-Q4, CH9-CHK-04
/// Oracle: SUP-04
#[test]
fn a_new_printer_brings_a_new_desk() {
    scenario_with(|seed| async move {
        history();
        box_office().await;
        let sold = one_of(seed, [1, 2, 7]);
        for number in 1..=sold {
            assert_eq!(sell().await, Ok(Ok(number)), "tickets are numbered from 1");
        }
        let (printer, desk) = (PRINTER.up().await?, DESK.up().await?);
        let Err(jam) = printer.call(Print::Jam).await;
        assert!(matches!(jam, CallError::Down(_)), "the printer has a paper jam");
        restarted(&PRINTER, printer.pid()).await;
        let again = timeout(SECOND, restarted(&DESK, &desk)).await.expect(
            "the desk holds a reference to the printer that is gone, and is to be started again \
             with it (see hint 1 of exercise 6)",
        );
        assert_eq!(
            again.call(Sell::Ticket).await,
            Ok(Ok(1)),
            "the new desk looked up the new printer, which begins at 1 (see hint 2 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// Who is needed does not fall with those that need it: the numbers go on.
///
/// Exercise: 6
/// Covers: CH9-D4-Q1, CH9-D4-Q2, CH9-D4-Q4, CH9-CHK-04
/// Oracle: SUP-04
#[test]
fn a_new_desk_goes_on_with_the_old_printer() {
    scenario_with(|seed| async move {
        history();
        let office = box_office().await;
        let sold = one_of(seed, [1, 2, 7]);
        for number in 1..=sold {
            assert_eq!(sell().await, Ok(Ok(number)), "tickets are numbered from 1");
        }
        assert!(
            Tree::of(Pid::from(&office)).is_some_and(|office| office.roots[0].linked),
            "the box office is linked to whoever opens it: `start_link` (see hint 3 of exercise 6)"
        );
        let (printer, desk) = (PRINTER.up().await?, DESK.up().await?);
        let Err(fall) = desk.call(Sell::Fall).await;
        assert!(matches!(fall, CallError::Down(_)), "the desk falls over");
        restarted(&DESK, &desk).await;
        assert_eq!(
            (sell().await, PRINTER.whereis()),
            (Ok(Ok(sold + 1)), Some(printer)),
            "ticket {sold} was the last one before the desk fell, and no two tickets have one number: \
             the printer has no part in this (see hint 1 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// `main` survives what it starts and what is linked to it; what happens from now on is kept.
fn history() -> Recorder {
    trap_exit(true).expect("the test is a process");
    System::current().record()
}

/// What was noted, in order.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}

/// The demo of exercise 3.
async fn started(strategy: Strategy) -> SupervisorRef {
    let started = start_demo(strategy).await;
    started.expect("nobody has the names of the demo (see hint 2 of exercise 3)")
}

/// The box office of exercise 6.
async fn box_office() -> SupervisorRef {
    let started = start_box_office().await;
    started.expect("a desk that finds no printer cannot start (see hint 1 of exercise 6)")
}

async fn sell() -> Result<Result<u64, CallError>, CallError> {
    DESK.call(Sell::Ticket).await
}

/// Crashes a worker, and waits until its whole group is up again.
async fn crash_and_wait(id: u32) {
    let old = name(id).whereis().expect("a worker has its name (see hint 2 of exercise 3)");
    crash(id).await;
    let back = timeout(SECOND, restarted(&name(id), &old)).await;
    back.expect("a permanent worker is started again (see hint 2 of exercise 3)");
    // Answered when the supervisor has done with the group.
    let counted = DEMO.count_children().await;
    counted.expect("the supervisor has a name, and three restarts (see hint 2 of exercise 3)");
}

/// The children's processes, in the order of their start.
async fn running(supervisor: &SupervisorRef) -> Vec<Option<Pid>> {
    let children = supervisor.which_children().await.expect("a supervisor answers");
    let pid = |child: &ChildInfo| match child.state {
        ChildState::Running(pid) => Some(pid),
        _ => None,
    };
    children.iter().rev().map(pid).collect()
}

/// Runs a demo, with a crash every second, and compares what happened.
async fn demonstrates(strategy: Strategy, victims: &[u32], expected: &str) {
    let history = history();
    let demo = started(strategy).await;
    for &victim in victims {
        sleep(SECOND).await;
        crash_and_wait(victim).await;
    }
    sleep(SECOND).await;
    demo.stop().await.expect("a supervisor stops when it is asked to");
    assert_timeline!(
        history.trace(),
        expected,
        "{strategy}: a crash every second, of {victims:?} (see hint 2 of exercise 3)"
    );
}
