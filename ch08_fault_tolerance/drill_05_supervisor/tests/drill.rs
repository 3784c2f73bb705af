//! Drill 8.5, a basic supervisor.
//!
//! The test runs as the process `main`, and a process that may die of what it starts runs beside
//! it. Which worker crashes, when, and how long a restart takes is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch08_drill_05_supervisor::{
    MY_REGISTRY, MyWorker, SUPERVISOR, ask_again, crash, get_state, overdo, start_as_written,
    start_link, start_supervisor, via,
};
use runtime::testing::{eventually, in_process, one_of, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::{
    CallError, ChildCount, ChildSpec, ChildState, ExitReason, PanicInfo, Pid, Process,
    RegistryError, Server, SpecError, StartError, Strategy, Supervision, Supervisor, SupervisorRef,
    System, assert_timeline, spawn, sys, trap_exit,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [u32; 3] = [1, 2, 3];

/// A worker is reached by its id alone, and knows who it is and since when.
///
/// Exercise: 1
/// Covers: CH8-D5-E2, CH8-D5-E3, CH8-D5-E5
#[test]
fn a_worker_is_found_by_its_id_and_tells_its_state() {
    scenario_with(|seed| async move {
        let (id, age) = (one_of(seed, [1, 2, 42]), ms(seed % 1000));
        let history = registry().await;
        sleep(age).await;
        let worker = start_link(id).await.expect("nothing keeps a worker from starting").pid();
        assert_eq!(
            (pid_of(id), get_state(id).await),
            (Some(worker), Ok(MyWorker { id, started_at: age })),
            "a worker is registered when it is started, and tells its id, and when that was (see \
             hint 2 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [(worker, format!("Worker {id} starting"))],
            "a worker notes its start, once (see hint 2 of exercise 1)"
        );
    });
}

/// A registry has one process for an id, and is free for the next when that ends.
///
/// Exercise: 1
/// Covers: CH8-D5-E1, CH8-D5-E2
/// Oracle: GS-15, GS-46
#[test]
fn an_id_leads_to_one_worker_at_a_time() {
    scenario_with(|seed| async move {
        let id = one_of(seed, IDS);
        let started = start_link(id).await.map(|worker| worker.pid());
        assert_eq!(
            started,
            Err(StartError::Registry(RegistryError::NoRegistry("MyRegistry"))),
            "no worker starts before its registry (see hint 3 of exercise 1)"
        );
        let history = registry().await;
        let first = start_link(id).await.expect("nothing keeps a worker from starting");
        let second = start_link(id).await.map(|worker| worker.pid());
        assert_eq!(
            (second, notes(&history).len()),
            (Err(StartError::AlreadyStarted(first.pid())), 1),
            "an id has one worker, and the second never runs (see hint 3 of exercise 1)"
        );
        first.stop().await.expect("a worker stops when it is asked to");
        start_link(id).await.expect("an id is free again when its worker has ended");
    });
}

/// Who tells a worker to crash goes on; who waits for its answer learns why there is none.
///
/// Exercise: 2
/// Covers: CH8-D5-E4
/// Oracle: C8-07, GS-02, GS-03
#[test]
fn who_calls_after_the_crash_learns_why_or_finds_nobody() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, [1, 2, 42]);
        let worker = start_link(id).await.expect("nothing keeps a worker from starting");
        crash(id);
        assert!(worker.is_alive(), "nobody waits for a cast (see hint 1 of exercise 2)");
        let at_once = get_state(id).await;
        let panic = match &at_once {
            Err(CallError::Down(reason)) => reason.as_panic().map(PanicInfo::message),
            _ => None,
        };
        assert_eq!(
            panic,
            Some(&*format!("Worker {id} crashing!")),
            "the call waited behind the crash, so it is answered with `Down` and the panic; it \
             got {at_once:?} (see hint 2 of exercise 2)"
        );
        crash(id);
        assert_eq!(
            get_state(id).await,
            Err(CallError::NoProc),
            "nobody starts this one again, so its id leads nowhere (see hint 2 of exercise 2)"
        );
    });
}

/// Three children of one type have one id, unless they are given others: no child is started.
///
/// Exercise: 3
/// Covers: CH8-D5-E6
/// Oracle (defect): C8-05
/// Oracle: SUP-52
#[test]
fn three_children_with_one_id_are_refused_before_any_starts() {
    scenario(|_: Process| async move {
        let history = registry().await;
        let refused = in_process("caller", |_: Process| start_as_written()).await.expect(
            "without a link the refusal is a value and nothing else (see hint 3 of exercise 3)",
        );
        let Err(StartError::Failed(reason)) = &refused else {
            panic!(
                "three children with one id cannot be started, but: {refused:?} (see hint 2 of \
                 exercise 3)"
            )
        };
        assert_eq!(
            (reason.downcast_ref::<SpecError>(), notes(&history)),
            (Some(&SpecError::DuplicateId("MyWorker".into())), vec![]),
            "the child id of each is the name of its type, and that is seen before any child is \
             started; this came to: {reason} (see hint 2 of exercise 3)"
        );
    });
}

/// One for one: whoever crashed is back under its id, in a new life, and the others never knew.
///
/// Exercise: 4
/// Covers: CH8-D5-T, CH8-D5-E6, CH8-D5-O1, CH8-D5-O2, CH8-WSUM-07, CH8-CHK-11, CH8-SUM-3
/// Oracle: C8-06, SUP-02
#[test]
fn only_the_crashed_worker_is_started_again_with_a_fresh_state() {
    scenario_with(|seed| async move {
        let (victim, end) = (one_of(seed, IDS), Instant::now() + 2 * SECOND);
        let history = registry().await;
        let supervisor = started().await;
        sleep(SECOND).await;
        crash_and_wait(victim).await;
        for (id, started_at) in IDS.map(|id| (id, if id == victim { SECOND } else { ms(0) })) {
            assert_eq!(
                get_state(id).await,
                Ok(MyWorker { id, started_at }),
                "worker {victim} crashed after a second: `init` makes its state anew, and the \
                 others keep theirs (see hint 1 of exercise 4)"
            );
        }
        sleep_until(end).await;
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        let [one, two, three] = IDS.map(|id| {
            if id == victim {
                format!("╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker {id} starting\" ×2; panic: Worker {id} crashing!")
            } else {
                format!("╺•━━━━━━━━━━━━━━━━━━■    \"Worker {id} starting\"")
            }
        });
        let expected = format!(
            "
             0ms       1s        2s
supervisor   ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ worker 1  {one}
├─ worker 2  {two}
└─ worker 3  {three}

1s  one_for_one: worker {victim} was restarted because it crashed
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "worker {victim} crashed, and only it was started again (see hint 1 of exercise 4)"
        );
    });
}

/// A supervisor knows its children, does nothing else, and stops them in the reverse order.
///
/// Exercise: 4
/// Covers: CH8-WSUM-06, CH8-CHK-09
/// Oracle: SUP-01, SUP-05, SUP-06
#[test]
fn a_supervisor_lists_its_children_and_stops_the_newest_first() {
    scenario_with(|seed| async move {
        registry().await;
        let supervisor = started().await;
        crash_and_wait(one_of(seed, IDS)).await;
        let [one, two, three] = IDS.map(|id| pid_of(id).expect("each worker is registered"));
        let listed = supervisor.which_children().await.expect("a supervisor answers");
        assert_eq!(
            listed.iter().map(|child| child.state).collect::<Vec<_>>(),
            [three, two, one].map(ChildState::Running),
            "the newest child is listed first, and a restart changes no place (see hint 1 of \
             exercise 4)"
        );
        assert_eq!(
            SUPERVISOR.count_children().await,
            Ok(ChildCount { specs: 3, active: 3, supervisors: 0, workers: 3 }),
            "the supervisor has three workers, and a name (see hint 3 of exercise 4)"
        );
        let history = System::current().record();
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        assert_eq!(
            ends(&history),
            [three, two, one, supervisor.pid()],
            "a child may need those that were started before it, so it is stopped before them"
        );
    });
}

/// Three restarts in five seconds are granted, whoever crashes. The fourth crash is one too many:
/// the supervisor gives up, and passes the matter on to whoever started it.
///
/// Exercise: 4
/// Covers: CH8-WSUM-08, CH8-CHK-09, CH8-CHK-13, CH8-SUM-3
/// Oracle: C8-08, SUP-10, SUP-12, SUP-13, SUP-73
#[test]
fn the_fourth_crash_in_five_seconds_ends_the_supervisor_and_its_starter() {
    scenario_with(|seed| async move {
        registry().await;
        let pause = one_of(seed, [ms(1), SECOND, ms(1600)]);
        let starter = spawn(async {
            started().await;
            pending::<()>().await;
        });
        settle().await;
        assert!(starter.is_alive(), "its supervisor did not start (see hint 2 of exercise 4)");
        for nth in 0..3 {
            crash_and_wait(one_of(seed + nth, IDS)).await;
            sleep(pause).await;
        }
        let end = starter.join();
        crash(one_of(seed + 3, IDS));
        assert_eq!(
            (timeout(SECOND, end).await, IDS.map(pid_of), get_state(1).await),
            (Ok(ExitReason::Shutdown), [None; 3], Err(CallError::NoProc)),
            "at the fourth crash within five seconds the supervisor stops its children and ends, \
             with `Shutdown`, and takes along who is linked to it (see hint 2 of exercise 4)"
        );
    });
}

/// It is the pace that counts: crashes that are far enough apart may go on for ever.
///
/// Exercise: 4
/// Covers: CH8-WSUM-08, CH8-CHK-13
/// Oracle: SUP-14
#[test]
fn a_worker_may_crash_every_two_seconds_for_ever() {
    scenario_with(|seed| async move {
        registry().await;
        let supervisor = started().await;
        for nth in 0..20 {
            sleep(2 * SECOND).await;
            crash_and_wait(one_of(seed + nth, IDS)).await;
        }
        assert!(
            supervisor.is_alive(),
            "no four of twenty crashes came within five seconds (see hint 2 of exercise 4)"
        );
    });
}

/// The course's session: read, crash, read again. How long to wait is not for the caller to guess.
///
/// Exercise: 5
/// Covers: CH8-D5-V1, CH8-D5-O1
/// Oracle: C8-06, C8-07
#[test]
fn a_caller_waits_for_the_next_life_and_not_for_a_time() {
    scenario_with(|seed| async move {
        registry().await;
        let takes = one_of(seed, [ms(0), ms(40), ms(250)]);
        let start = move || async move {
            sleep(takes).await;
            Ok(start_link(1).await?.pid())
        };
        let slow = Supervisor::new(Strategy::OneForOne).child(ChildSpec::new("slow", start));
        slow.start_link().await.expect("nothing keeps a worker from starting");
        sleep(SECOND).await;
        let before = get_state(1).await;
        crash(1);
        let after = ask_again(1, SECOND).await;
        let now = System::current().monotonic_time();
        let ready = SECOND + 2 * takes;
        assert_eq!(
            (before, after),
            (Ok(MyWorker { id: 1, started_at: takes }), Ok(MyWorker { id: 1, started_at: ready })),
            "a restart takes {takes:?} here: ask by id, and again while the answer is `Down` or \
             `NoProc` (see hint 2 of exercise 5)"
        );
        assert!(
            now < ready + ms(20),
            "the worker was back at {ready:?}, and its caller knew at {now:?}: wait for the \
             worker, and not for a time (see hint 1 of exercise 5)"
        );
    });
}

/// Where nobody comes, or nobody answers, the caller says so when its patience is over.
///
/// Exercise: 5
/// Covers: CH8-D5-V1
/// Oracle: GS-02, GS-47
#[test]
fn a_caller_gives_up_when_its_patience_is_over() {
    scenario_with(|seed| async move {
        registry().await;
        let (somebody, patience) = (seed % 2 == 0, one_of(seed, [ms(300), SECOND, 7 * SECOND]));
        if somebody {
            start_link(1).await.expect("nothing keeps a worker from starting");
            sys::suspend(&via(1)).await.expect("a worker can be suspended");
        }
        let asked = timeout(60 * SECOND, ask_again(1, patience)).await;
        let now = System::current().monotonic_time();
        assert_eq!(
            asked,
            Ok(Err(if somebody { CallError::Timeout } else { CallError::NoProc })),
            "`patience` limits the whole, also a call that nobody answers, and the last call says \
             why it was in vain (see hint 3 of exercise 5)"
        );
        assert!(
            patience <= now && now < patience + ms(20),
            "the caller had patience for {patience:?} in all, and gave up at {now:?} (see hint 3 \
             of exercise 5)"
        );
    });
}

/// Who started the supervisor and traps exits is told of its end, and may do something about it.
///
/// Exercise: 6
/// Covers: CH8-WSUM-08, CH8-CHK-13
/// Oracle: C8-08, SUP-10
#[test]
fn who_traps_exits_sees_the_supervisor_shut_down_at_the_fourth_crash() {
    scenario_with(|seed| async move {
        let fast = (ms(100), ["100ms", "200ms", "300ms", "400ms"]);
        let slow = (SECOND, ["1s", "2s", "3s", "4s"]);
        let (pause, at) = one_of(seed, [fast, slow]);
        let history = registry().await;
        let seen = in_process("starter", move |mut me: Process| async move {
            timeout(60 * SECOND, overdo(&mut me, pause)).await
        });
        assert_eq!(
            seen.await,
            Ok(Ok(Ok((4, ExitReason::Shutdown)))),
            "the fourth crash ends the supervisor, and its exit is a message to a starter that \
             traps exits (see hint 2 of exercise 6)"
        );
        let ([one, two, three, four], times) = (at, at.map(|at| format!("{at:<10}")).concat());
        let expected = format!(
            "
             0ms       {}
starter      ├───────────────────────────────────────■    normal
supervisor   ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳    gave up
├─ worker 1  ╺•━━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳    #4  \"Worker 1 starting\" ×4; panic: Worker 1 crashing! ×4
├─ worker 2  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"Worker 2 starting\"
└─ worker 3  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"Worker 3 starting\"

{one}  one_for_one: worker 1 was restarted because it crashed
{two}  one_for_one: worker 1 was restarted because it crashed
{three}  one_for_one: worker 1 was restarted because it crashed
{four}  supervisor gave up because worker 1 crashed, and only 3 restarts in 5s are allowed
",
            times.trim_end()
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "worker 1 crashes every {pause:?}, for the first time after one pause (see hint 3 of \
             exercise 6)"
        );
    });
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Who is registered under this id.
fn pid_of(id: u32) -> Option<Pid> {
    via(id).whereis().map(|worker| worker.pid())
}

/// The registry, started first, and what happens from then on. `main` survives all that it starts.
async fn registry() -> Recorder {
    trap_exit(true).expect("the test is a process");
    MY_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
    System::current().record()
}

/// The supervisor of exercise 4.
async fn started() -> SupervisorRef {
    let started = start_supervisor().await;
    started.expect("three children with three ids are not refused (see hint 2 of exercise 4)")
}

/// Lets a worker crash, and waits until another process has its id.
async fn crash_and_wait(id: u32) {
    let old = pid_of(id);
    crash(id);
    let back = timeout(SECOND, eventually(|| pid_of(id).is_some() && pid_of(id) != old)).await;
    back.expect("a worker is started again, under its id (see hint 1 of exercise 4)");
}

/// What was noted, and by whom.
fn notes(history: &Recorder) -> Vec<(Pid, String)> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some((event.subject.pid, text)),
        _ => None,
    });
    noted.collect()
}

/// Who ended, in this order.
fn ends(history: &Recorder) -> Vec<Pid> {
    let trace = history.trace();
    let ended = trace.events().iter().filter(|event| matches!(event.what, What::Exited { .. }));
    ended.map(|event| event.subject.pid).collect()
}
