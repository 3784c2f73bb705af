//! Dynamic supervisors: children come and go by pid, are restarted one for one, and are stopped all
//! at once.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Begin, Log, NOTHING, Tell, W, brief, ms, one_for_one, timed, word, workers};
use runtime::testing::{eventually, kill_and_wait, scenario, settle};
use runtime::{
    CallError, ChildCount, ChildError, ChildKind, ChildSpec, ChildState, DynamicSupervision,
    DynamicSupervisor, DynamicSupervisorRef, DynamicSupervisorServer, ExitReason, GenServer,
    Message, Name, Pid, Process, Restart, Server, Shutdown, SpecError, StartError, StopError,
    Supervision, System, Target, exit, raise, spawn, spawn_link, throw,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

static DYN: Name<DynamicSupervisorServer> = Name::new("dyn");
static NAME: Name<W> = Name::new("name");

/// More restarts than any test needs.
const MANY: usize = 1_000_000;

/// Far longer than a slow machine needs.
const HANGS: Duration = Duration::from_secs(30);

/// Of three restarts in five seconds, for any number of children.
fn new() -> DynamicSupervisor {
    DynamicSupervisor::new()
}

/// Starts one that goes by the word `dyn`, linked to the test.
async fn start(log: &Log, supervisor: DynamicSupervisor) -> DynamicSupervisorRef {
    let supervisor = supervisor.start_link().await.expect("it starts");
    log.know("dyn", &supervisor);
    supervisor
}

/// Starts a child that runs.
async fn add(supervisor: &impl DynamicSupervision, child: impl Into<ChildSpec>) -> Pid {
    let started = supervisor.start_child(child).await.expect("it starts");
    started.expect("it runs")
}

/// Starts a child that runs and goes by this word.
async fn add_as(log: &Log, word: &str, supervisor: &DynamicSupervisorRef, child: ChildSpec) -> Pid {
    let pid = add(supervisor, child).await;
    log.know(word, pid);
    pid
}

async fn count(supervisor: &impl DynamicSupervision) -> ChildCount {
    supervisor.count_children().await.expect("the supervisor answers")
}

/// The children, sorted: `b b.2`, `d restarting`.
async fn children(log: &Log, supervisor: &impl DynamicSupervision) -> Vec<String> {
    let children = supervisor.which_children().await.expect("the supervisor answers");
    let mut lines: Vec<_> = children.iter().map(|child| log.child(child)).collect();
    lines.sort();
    lines
}

/// Ends the supervisor as its parent may, and hears the ends of those that are watched: `50ms DOWN
/// slow.1 killed`. What happens at the same time is sorted.
async fn shut_down(log: &Log, me: &mut Process, supervisor: &DynamicSupervisorRef) -> Vec<String> {
    let begun = Instant::now();
    supervisor.pid().exit(ExitReason::Shutdown);
    let mut heard = Vec::new();
    loop {
        let (line, last) = match me.receive().await {
            Message::Exit(exit) => (
                format!("EXIT {} {}", log.word(exit.from), brief(&exit.reason)),
                exit.from == supervisor.pid(),
            ),
            Message::Down(down) => {
                let Target::Pid(pid) = down.target else { panic!("not watched by pid") };
                (format!("DOWN {} {}", log.word(pid), brief(&down.reason)), false)
            }
            other => panic!("{other:?}"),
        };
        heard.push((begun.elapsed(), line));
        if last {
            break;
        }
    }
    heard.sort();
    heard.into_iter().map(|(at, line)| format!("{}ms {line}", at.as_millis())).collect()
}

/// A child that traps exits, and ends with this reason when it is asked to end.
fn stubborn(id: &str, reason: ExitReason) -> ChildSpec {
    ChildSpec::process(id, move || {
        let reason = reason.clone();
        move |mut me: Process| async move {
            me.trap_exit(true);
            me.receive().await;
            reason
        }
    })
}

/// A worker that is told this undoes its link to its supervisor.
fn unlink() -> Tell {
    Tell::Do(Box::new(|cx| cx.unlink(cx.parent().expect("it was linked"))))
}

/// A child that never ends by itself and does not trap exits.
fn sleepy(id: &str) -> ChildSpec {
    ChildSpec::process(id, pending::<()>)
}

/// A child whose start does `how`, at each start with its number, and has nothing to do otherwise.
fn starting(how: impl Fn(u32) + Send + Sync + 'static) -> ChildSpec {
    let starts = AtomicU32::new(0);
    ChildSpec::new("starting", move || {
        how(starts.fetch_add(1, Ordering::Relaxed) + 1);
        let pid = spawn_link(pending::<()>()).expect("a supervisor is a process");
        ready(Ok(pid.pid()))
    })
}

// --- Starting and seeing children.

/// Children are listed with their pid, and counted.
///
/// Covers: RT-DYN-01, RT-DYN-06
/// Oracle: DSUP-01
#[test]
fn children_are_listed_and_counted() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        assert_eq!((children(&log, &sup).await, count(&sup).await), (vec![], workers(0, 0)));
        let a = add(&sup, log.w("a")).await;
        assert_eq!(a, log.pid("a.1"));
        add(&sup, log.w("b")).await;
        assert_eq!(children(&log, &sup).await, ["a a.1", "b b.1"]);
        assert_eq!(count(&sup).await, workers(2, 2));
        for child in sup.which_children().await.unwrap() {
            assert_eq!(child.kind, ChildKind::Worker);
            assert_eq!(child.module, std::any::type_name::<W>());
        }
        assert_eq!(me.info().links, [sup.pid()], "the children are the supervisor's");
    });
}

/// Unlike in other supervisors, an id is only a word.
///
/// Oracle: DSUP-02
#[test]
fn children_may_have_the_same_id() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for n in 1..=3 {
            assert_eq!(add(&sup, log.w("same")).await, log.pid(&format!("same.{n}")));
        }
        assert_eq!(children(&log, &sup).await, ["same same.1", "same same.2", "same same.3"]);
        assert_eq!(count(&sup).await, workers(3, 3));
    });
}

/// A child that is a supervisor is counted as one, and falls with its own children.
#[test]
fn a_child_may_be_a_supervisor() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let inner = one_for_one().children(log.all(["a", "b"])).into_child("inner");
        add_as(&log, "inner", &sup, inner).await;
        add(&sup, log.w("w")).await;
        let counted = ChildCount { specs: 2, active: 2, supervisors: 1, workers: 1 };
        assert_eq!(count(&sup).await, counted);
        log.watch(&me, &["a.1", "b.1", "inner", "w.1"]);
        let expected = ["DOWN a.1 shutdown", "DOWN b.1 shutdown", "DOWN inner shutdown"];
        let heard = shut_down(&log, &mut me, &sup).await;
        assert_eq!(heard[..3], expected.map(|line| format!("0ms {line}")));
        assert_eq!(heard[3..], ["0ms DOWN w.1 shutdown", "0ms EXIT dyn shutdown"]);
    });
}

/// What a start function has captured is there at every start: no need for extra arguments.
#[test]
fn a_start_function_takes_its_arguments_along() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let (extra, seen) = ("e1", log.clone());
        let child = ChildSpec::process("child", move || {
            seen.add(format!("args {extra} e2"));
            pending::<()>()
        });
        let first = add(&sup, child).await;
        assert_eq!(log.take(), ["args e1 e2"]);
        first.exit(word("oops"));
        settle().await;
        assert_eq!(log.take(), ["args e1 e2"]);
        assert_eq!(count(&sup).await, workers(1, 1));
    });
}

/// A start that is ignored, or fails, in `init` or before, adds nothing and harms nobody.
///
/// Covers: RT-DYN-03
/// Oracle: DSUP-08
#[test]
fn a_start_that_fails_adds_nothing() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let begins = |begin| log.w("w").starts([begin]);
        assert_eq!(sup.start_child(begins(Begin::Ignore)).await, Ok(None));
        let failed = |reason| Err(ChildError::Start(StartError::Failed(reason)));
        assert_eq!(sup.start_child(begins(Begin::Fail("no"))).await, failed(word("no")));
        let Err(ChildError::Start(StartError::Failed(reason))) =
            sup.start_child(begins(Begin::Panic)).await
        else {
            panic!("it starts")
        };
        assert_eq!(brief(&reason), "panic: no");
        let own = ChildSpec::new("own", || ready(Err(StartError::Failed(word("found")))));
        assert_eq!(sup.start_child(own).await, failed(word("found")));
        assert_eq!((children(&log, &sup).await, count(&sup).await), (vec![], workers(0, 0)));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert!(sup.is_alive());
    });
}

/// Whatever unwinds out of a start function is a failed start, before or while it is awaited.
///
/// Oracle: DSUP-08
#[test]
fn whatever_unwinds_out_of_a_start_function_is_a_failed_start() {
    async fn failure(sup: &DynamicSupervisorRef, how: fn()) -> [String; 2] {
        let at_once = starting(move |_| how());
        let later = ChildSpec::new("later", move || async move {
            settle().await;
            how();
            Err(StartError::Ignored)
        });
        let mut failures = [String::new(), String::new()];
        for (child, failure) in [at_once, later].into_iter().zip(&mut failures) {
            let Err(ChildError::Start(StartError::Failed(reason))) = sup.start_child(child).await
            else {
                panic!("it starts")
            };
            *failure = brief(&reason);
        }
        failures
    }

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        assert_eq!(failure(&sup, || panic!("oops")).await, ["panic: oops"; 2]);
        assert_eq!(failure(&sup, || exit(word("oops"))).await, ["\"oops\""; 2]);
        assert_eq!(failure(&sup, || throw("oops")).await, ["NoCatch(\"oops\")"; 2]);
        assert_eq!(failure(&sup, || raise(anyhow::anyhow!("oops"))).await, ["error: oops"; 2]);
        let factory = W::child(|| panic!("no arguments"));
        let Err(ChildError::Start(StartError::Failed(reason))) = sup.start_child(factory).await
        else {
            panic!("it starts")
        };
        assert_eq!(brief(&reason), "panic: no arguments");
        assert_eq!(count(&sup).await, workers(0, 0));
    });
}

/// A child whose name is taken does not start; the holder is told.
///
/// Oracle: DSUP-09
#[test]
fn a_child_with_a_taken_name_does_not_start() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let holder = add(&sup, log.w("w").name(&NAME)).await;
        let taken = sup.start_child(log.w("x").name(&NAME)).await;
        assert_eq!(taken, Err(ChildError::Start(StartError::AlreadyStarted(holder))));
        assert_eq!(log.take(), ["init w.1"]);
        assert_eq!(count(&sup).await, workers(1, 1));
    });
}

/// What is recorded of it is the same in each run: it names no pid.
#[test]
fn the_record_of_a_taken_name_holds_no_pid() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        add(&sup, log.w("w").name(&NAME)).await;
        let history = System::current().record();
        let taken = sup.start_child(ChildSpec::from(log.w("x").name(&NAME)).with_id("x")).await;
        assert!(
            matches!(taken, Err(ChildError::Start(StartError::AlreadyStarted(_)))),
            "{taken:?}"
        );
        let trace = history.trace();
        let said: Vec<_> =
            trace.events().iter().filter_map(runtime::trace::Event::sentence).collect();
        assert_eq!(said, ["x could not be started: already started"]);
    });
}

/// A child that is not up in its own time is killed, and not kept.
#[test]
fn a_child_that_starts_too_slowly_is_not_kept() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let slow = log.w("w").init_takes(ms(1000)).start_timeout(ms(30));
        let (started, took) = timed(sup.start_child(slow)).await;
        assert_eq!((started, took), (Err(ChildError::Start(StartError::Timeout)), ms(30)));
        assert!(!log.pid("w.1").is_alive());
        assert_eq!(count(&sup).await, workers(0, 0));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
    });
}

/// Children start one after another: a slow `init` holds up whoever wants another one.
///
/// Oracle: DSUP-24
#[test]
fn a_slow_start_holds_up_the_next_one() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let slow = log.w("slow").init_takes(ms(150));
        let ((_, first), (_, second), (counted, third)) = tokio::join!(
            timed(add(&sup, slow)),
            timed(add(&sup, log.w("quick"))),
            timed(count(&sup)),
        );
        assert_eq!([first, second, third], [ms(150); 3]);
        assert_eq!(counted, workers(2, 2));
        assert_eq!(log.take(), ["init slow.1", "init quick.1"]);
    });
}

/// Who gives up waiting for a start has a child nevertheless.
#[test]
fn a_start_that_nobody_waits_for_any_more_goes_on() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let slow = sup.start_child(log.w("w").init_takes(ms(100)));
        assert!(timeout(ms(10), slow).await.is_err());
        let (counted, took) = timed(count(&sup)).await;
        assert_eq!((counted, took), (workers(1, 1), ms(90)));
    });
}

/// Any number of processes may ask at once.
///
/// Oracle: DSUP-23
#[test]
fn fifty_processes_start_children_at_once() {
    scenario(|mut me: Process<Pid>| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for _ in 0..50 {
            let (sup, main) = (sup.clone(), me.address());
            spawn(async move { main.send(add(&sup, sleepy("child")).await) });
        }
        let mut started = Vec::new();
        for _ in 0..50 {
            started.push(me.receive().await.into_user().unwrap());
        }
        started.sort();
        started.dedup();
        assert_eq!((started.len(), count(&sup).await), (50, workers(50, 50)));
    });
}

// --- How many children there may be.

/// As many as are allowed, whoever asks; when one is gone, there is room for another.
///
/// Covers: RT-DYN-05
/// Oracle: DSUP-04
#[test]
fn there_are_no_more_children_than_allowed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().max_children(2)).await;
        add(&sup, log.w("a").temporary()).await;
        add(&sup, log.w("b")).await;
        assert_eq!(sup.start_child(log.w("c")).await, Err(ChildError::MaxChildren));
        log.tell("a", Tell::Stop(ExitReason::Normal)).await;
        add(&sup, log.w("c")).await;
        assert_eq!(sup.start_child(log.w("d")).await, Err(ChildError::MaxChildren));
        sup.terminate_child(log.pid("b.1")).await.unwrap();
        add(&sup, log.w("d")).await;
        assert_eq!(log.starts("c") + log.starts("d"), 2, "who is refused is not started");

        let none = start(&log, new().max_children(0)).await;
        assert_eq!(none.start_child(log.w("e")).await, Err(ChildError::MaxChildren));
        assert_eq!(log.starts("e"), 0);
    });
}

/// A start that fails, or is ignored, takes no room.
#[test]
fn a_failed_start_takes_no_room() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().max_children(1)).await;
        assert!(sup.start_child(log.w("a").starts([Begin::Fail("no")])).await.is_err());
        assert_eq!(sup.start_child(log.w("b").starts([Begin::Ignore])).await, Ok(None));
        add(&sup, log.w("c")).await;
    });
}

/// Of many who ask at once, exactly as many get a child as there is room for.
#[test]
fn of_fifty_at_once_twenty_find_room() {
    scenario(|mut me: Process<Result<Option<Pid>, ChildError>>| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().max_children(20)).await;
        for _ in 0..50 {
            let (sup, main) = (sup.clone(), me.address());
            spawn(async move { main.send(sup.start_child(sleepy("child")).await) });
        }
        let mut refused = 0;
        for _ in 0..50 {
            match me.receive().await.into_user().unwrap() {
                Ok(Some(_)) => {}
                other => {
                    assert_eq!(other, Err(ChildError::MaxChildren));
                    refused += 1;
                }
            }
        }
        assert_eq!((refused, count(&sup).await), (30, workers(20, 20)));
    });
}

/// A child that was restarted has its old place.
#[test]
fn a_restarted_child_takes_no_more_room() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().max_children(1)).await;
        add(&sup, log.w("w")).await;
        log.kill("w").await;
        assert_eq!(children(&log, &sup).await, ["w w.2"]);
        assert_eq!(sup.start_child(log.w("x")).await, Err(ChildError::MaxChildren));
    });
}

/// A child whose restart failed keeps its place, is shown as restarting, and still goes by the pid
/// that it had.
///
/// Oracle: DSUP-15
#[test]
fn a_restarting_child_keeps_its_place_and_its_old_pid() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().max_children(1).intensity(MANY, ms(5000))).await;
        let old = add(&sup, log.w("w").starts([Begin::Run, Begin::Fail("no")])).await;
        // It is tried again without a pause: from here on, the clock stands still.
        kill_and_wait(old).await;
        let [child] = &sup.which_children().await.unwrap()[..] else { panic!("not one child") };
        assert_eq!((&*child.id, child.state), ("w", ChildState::Restarting));
        assert_eq!(count(&sup).await, workers(1, 0));
        assert_eq!(sup.start_child(log.w("x")).await, Err(ChildError::MaxChildren));
        assert_eq!(sup.terminate_child(old).await, Ok(()));
        assert_eq!(count(&sup).await, workers(0, 0));
        assert_eq!(sup.terminate_child(old).await, Err(ChildError::NotFound));
        // Nobody tries again.
        let starts = log.starts("w");
        settle().await;
        assert_eq!(log.starts("w"), starts);
        add(&sup, log.w("x")).await;
    });
}

// --- Restarts.

/// How a child ends, and whether a permanent, a transient and a temporary one is started again.
///
/// Oracle: DSUP-03
#[test]
fn the_restart_type_and_the_reason_say_who_is_restarted() {
    fn check(restarted: [bool; 3], end: impl Fn(&Log) + Clone + Send + Sync + 'static) {
        let types = [Restart::Permanent, Restart::Transient, Restart::Temporary];
        for (restart, again) in types.into_iter().zip(restarted) {
            let end = end.clone();
            scenario(move |me: Process| async move {
                let log = Log::of(&me);
                let sup = start(&log, new()).await;
                add(&sup, log.w("w").plain().restart(restart)).await;
                end(&log);
                settle().await;
                let left = usize::from(again);
                assert_eq!(log.starts("w"), if again { 2 } else { 1 }, "{restart:?}");
                assert_eq!(count(&sup).await, workers(left, left), "{restart:?}");
                // Only a restart counts.
                assert!(sup.is_alive());
            });
        }
    }
    fn stops(reason: ExitReason) -> impl Fn(&Log) + Clone + Send + Sync + 'static {
        move |log| log.server("w").cast(Tell::Stop(reason.clone()))
    }
    fn signalled(reason: ExitReason) -> impl Fn(&Log) + Clone + Send + Sync + 'static {
        move |log| log.server("w").pid().exit(reason.clone())
    }
    let shutdown_with = || ExitReason::shutdown_with("y");

    check([true, false, false], stops(ExitReason::Normal));
    check([true, false, false], stops(ExitReason::Shutdown));
    check([true, false, false], stops(shutdown_with()));
    check([true, true, false], stops(word("bad")));
    check([true, true, false], |log| log.server("w").cast(Tell::Panic));
    check([true, false, false], signalled(ExitReason::Shutdown));
    check([true, false, false], signalled(shutdown_with()));
    check([true, true, false], signalled(word("bad")));
    check([true, true, false], signalled(ExitReason::Kill));
}

/// A restarted child has a new pid; the old one is nobody's any more.
///
/// Oracle: DSUP-22
#[test]
fn a_restarted_child_has_a_new_pid() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let old = add(&sup, log.w("w")).await;
        kill_and_wait(old).await;
        assert_eq!(sup.terminate_child(old).await, Err(ChildError::NotFound));
        assert_eq!(children(&log, &sup).await, ["w w.2"]);
        assert_eq!(count(&sup).await, workers(1, 1));
    });
}

/// Only the child that ended is restarted.
#[test]
fn the_other_children_are_left_alone() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for tag in ["a", "b", "c"] {
            add(&sup, log.w(tag)).await;
        }
        log.kill("b").await;
        assert_eq!(children(&log, &sup).await, ["a a.1", "b b.2", "c c.1"]);
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1", "init b.2"]);
    });
}

/// A child that has nothing to do when it is started again is gone.
///
/// Oracle: DSUP-16
#[test]
fn a_restart_that_is_ignored_drops_the_child() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        add(&sup, log.w("w").starts([Begin::Run, Begin::Ignore])).await;
        log.kill("w").await;
        assert_eq!(log.starts("w"), 2);
        assert_eq!(count(&sup).await, workers(0, 0));
    });
}

/// Each restart comes to what it comes to: children that run, are gone, are tried again, side by
/// side.
#[test]
fn children_are_restarted_with_different_outcomes() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(MANY, ms(5000))).await;
        let outcomes = [
            ("a", Begin::Run),
            ("b", Begin::Ignore),
            ("c", Begin::Fail("no")),
            ("d", Begin::Panic),
        ];
        for (tag, then) in outcomes {
            add(&sup, log.w(tag).starts([Begin::Run, then])).await;
        }
        // The failing ones are tried again without a pause: from here on, the clock stands still.
        for tag in ["a", "b", "c", "d"] {
            kill_and_wait(log.pid(&format!("{tag}.1"))).await;
        }
        assert_eq!(children(&log, &sup).await, ["a a.2", "c restarting", "d restarting"]);
        assert_eq!(count(&sup).await, workers(3, 1));
    });
}

/// A restart that failed is tried again, and counts again.
#[test]
fn a_failed_restart_is_tried_again() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(2, ms(5000))).await;
        let starts = [Begin::Run, Begin::Fail("try again"), Begin::Run];
        add(&sup, log.w("w").starts(starts)).await;
        log.kill("w").await;
        assert_eq!(children(&log, &sup).await, ["w w.3"]);
        assert!(sup.is_alive());
    });
}

/// Panics in a start function at a restart are failed restarts: tried again, and counted.
#[test]
fn panics_in_a_start_function_count_as_failed_restarts() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let starts = log.clone();
        let fickle = starting(move |n| {
            starts.add(format!("start {n}"));
            assert!(![2, 3].contains(&n), "start {n} fails");
        });
        let first = add(&sup, fickle).await;
        kill_and_wait(first).await;
        settle().await;
        assert_eq!(log.take(), ["start 1", "start 2", "start 3", "start 4"]);
        assert_eq!(count(&sup).await, workers(1, 1));

        let starts = log.clone();
        let broken = starting(move |n| {
            starts.add(format!("start {n}"));
            assert!(n == 1, "start {n} fails");
        });
        let broken = add(&sup, broken).await;
        kill_and_wait(broken).await;
        // The window has room for none: the other one's three restarts are in it.
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn shutdown"]);
        assert_eq!(log.take(), ["start 1"]);
    });
}

/// While a restart is tried again and again, the supervisor can be told to stop.
#[test]
fn a_supervisor_stops_while_it_tries_again() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(MANY, ms(5000))).await;
        let old = add(&sup, log.w("w").starts([Begin::Run, Begin::Fail("no")])).await;
        add(&sup, log.w("other")).await;
        log.watch(&me, &["other.1"]);
        kill_and_wait(old).await;
        let heard = shut_down(&log, &mut me, &sup).await;
        assert_eq!(heard, ["0ms DOWN other.1 shutdown", "0ms EXIT dyn shutdown"]);
    });
}

/// Nobody is served while a restart takes its time; when it has failed, its turn comes after theirs.
#[test]
fn requests_wait_while_a_restart_takes_its_time() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let starts = AtomicU32::new(0);
        let child = ChildSpec::new("child", move || {
            let n = starts.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                if n == 2 {
                    sleep(ms(50)).await;
                    return Err(StartError::Timeout);
                }
                Ok(spawn_link(pending::<()>()).expect("a supervisor is a process").pid())
            }
        });
        kill_and_wait(add(&sup, child).await).await;
        assert_eq!(timed(count(&sup)).await, (workers(1, 0), ms(50)));
        settle().await;
        assert_eq!(count(&sup).await, workers(1, 1));
    });
}

/// Restarts are granted up to the limit; one more ends the supervisor, and with it the others.
///
/// Oracle: DSUP-12
#[test]
fn one_restart_too_many_ends_the_supervisor() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        add(&sup, log.w("other")).await;
        add(&sup, log.w("w")).await;
        for alive in [true, true, true, false] {
            log.kill("w").await;
            assert_eq!(sup.is_alive(), alive);
        }
        let all = ["init other.1", "init w.1", "init w.2", "init w.3", "init w.4"];
        assert_eq!(log.take(), [&all[..], &["terminate other.1 shutdown"]].concat());
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn shutdown"]);
    });
}

/// The children share the restarts, and a supervisor that gives up waits for those that end slowly.
#[test]
fn the_children_share_the_restarts() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(2, ms(5000))).await;
        for tag in ["a", "b", "c"] {
            add(&sup, log.w(tag)).await;
        }
        add(&sup, log.w("slow").end_takes(ms(70))).await;
        kill_and_wait(log.pid("a.1")).await;
        kill_and_wait(log.pid("b.1")).await;
        let end = sup.pid().join();
        kill_and_wait(log.pid("c.1")).await;
        assert_eq!(timed(end).await, (ExitReason::Shutdown, ms(70)));
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn shutdown"]);
        assert_eq!([log.starts("a"), log.starts("b"), log.starts("c")], [2, 2, 1]);
    });
}

/// Without any restart granted, ends that are not followed by one harm nobody.
///
/// Oracle: DSUP-13
#[test]
fn ends_without_a_restart_do_not_count() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(0, ms(5000))).await;
        for tag in ["a", "b", "c", "d"] {
            let part = log.w(tag);
            let part = if tag == "a" { part.transient() } else { part.temporary() };
            add(&sup, part).await;
        }
        log.tell("a", Tell::Stop(ExitReason::Normal)).await;
        log.tell("b", Tell::Stop(ExitReason::Normal)).await;
        log.kill("c").await;
        sup.terminate_child(log.pid("d.1")).await.unwrap();
        assert!(sup.start_child(log.w("e").starts([Begin::Fail("no")])).await.is_err());
        assert!(sup.is_alive());
        add(&sup, log.w("w")).await;
        log.kill("w").await;
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn shutdown"]);
    });
}

/// Restarts that fail are tried again at once until the limit is reached.
///
/// Oracle: DSUP-14
#[test]
fn failing_restarts_exceed_the_limit_at_once() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        for (limit, tag, starts) in [(3, "three", 4), (1, "one", 2), (10, "ten", 11)] {
            let sup = start(&log, new().intensity(limit, ms(5000))).await;
            let failing = log.w(tag).starts([Begin::Run, Begin::Fail("no")]);
            let child = add(&sup, failing).await;
            let (end, begun) = (sup.pid().join(), Instant::now());
            child.kill();
            assert_eq!(end.await, ExitReason::Shutdown);
            assert_eq!((log.starts(tag), begun.elapsed()), (starts, ms(0)));
            assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn shutdown"]);
        }
    });
}

/// The window is exact: a restart that is one window old counts, one that is a millisecond older
/// does not, wherever in a second of the clock they fall.
///
/// Differs from OTP: Elixir, too, counts in whole seconds of the clock, so that a window of one
/// second may last nearly two.
///
/// Oracle: DSUP-25
#[test]
fn the_window_is_exact_wherever_in_a_second_it_begins() {
    for (first, second, survives) in [
        // The BEAM's two cases: there the first is fatal.
        (100, 1300, true),
        (900, 2100, true),
        (100, 1100, false),
        (900, 1900, false),
        (100, 1101, true),
        (900, 1901, true),
    ] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = start(&log, new().intensity(1, ms(1000))).await;
            add(&sup, log.w("w")).await;
            let begun = Instant::now();
            for (at, alive) in [(first, true), (second, survives)] {
                sleep_until(begun + ms(at)).await;
                log.kill("w").await;
                assert_eq!(sup.is_alive(), alive);
            }
        });
    }
}

// --- Stopping one child.

/// A child is stopped by its pid, once; strangers are not.
///
/// Covers: RT-DYN-04
/// Oracle: DSUP-06
#[test]
fn a_child_is_stopped_by_its_pid() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let child = add(&sup, log.w("w")).await;
        assert_eq!(sup.terminate_child(child).await, Ok(()));
        assert!(!child.is_alive());
        assert_eq!(log.take(), ["init w.1", "terminate w.1 shutdown"]);
        assert_eq!(sup.terminate_child(child).await, Err(ChildError::NotFound));
        for stranger in [me.pid(), sup.pid(), Pid::OUTSIDE] {
            assert_eq!(sup.terminate_child(stranger).await, Err(ChildError::NotFound));
        }
        assert_eq!(count(&sup).await, workers(0, 0));
    });
}

/// Stopping a child is no crash, whatever its restart type.
///
/// Oracle: DSUP-07
#[test]
fn a_stopped_child_is_not_restarted() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(0, ms(5000))).await;
        for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            let child = add(&sup, log.w("w").restart(restart)).await;
            assert_eq!(sup.terminate_child(child).await, Ok(()));
            settle().await;
            assert_eq!(count(&sup).await, workers(0, 0));
        }
        assert_eq!(log.starts("w"), 3);
        assert!(sup.is_alive());
    });
}

/// A child is stopped as its specification says, and the caller waits until it has ended.
#[test]
fn a_child_is_stopped_as_its_specification_says() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let brutal = log.w("brutal").shutdown(Shutdown::BrutalKill).end_takes(ms(500));
        let patient = log.w("patient").shutdown(Shutdown::Infinity).end_takes(ms(60_000));
        let enough = log.w("enough").shutdown(Shutdown::After(ms(100))).end_takes(ms(99));
        let late = log.w("late").shutdown(Shutdown::After(ms(100))).end_takes(ms(101));
        let never = log.w("never").shutdown(Shutdown::After(Duration::MAX)).end_takes(ms(7));
        let plain = log.w("plain").plain().shutdown(Shutdown::After(ms(1)));
        for (part, word, reason, time) in [
            (brutal, "brutal.1", "killed", ms(0)),
            (patient, "patient.1", "shutdown", ms(60_000)),
            (enough, "enough.1", "shutdown", ms(99)),
            (late, "late.1", "killed", ms(100)),
            (never, "never.1", "shutdown", ms(7)),
            (plain, "plain.1", "shutdown", ms(0)),
        ] {
            let pid = add(&sup, part).await;
            log.watch(&me, &[word]);
            assert_eq!(timed(sup.terminate_child(pid)).await, (Ok(()), time), "{word}");
            assert_eq!(log.mailbox(&mut me).await, [format!("DOWN {word} {reason}")]);
            assert_eq!(sup.terminate_child(pid).await, Err(ChildError::NotFound));
        }
        assert_eq!(count(&sup).await, workers(0, 0));
    });
}

/// A child that ends otherwise when it is stopped is stopped.
#[test]
fn a_child_may_end_with_another_reason_when_it_is_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(0, ms(5000))).await;
        for reason in [ExitReason::Normal, ExitReason::shutdown_with("oops"), word("bad")] {
            let child = add(&sup, stubborn("child", reason.clone())).await;
            settle().await;
            let end = child.join();
            assert_eq!(sup.terminate_child(child).await, Ok(()));
            assert_eq!(end.await, reason);
            assert_eq!(count(&sup).await, workers(0, 0));
        }
    });
}

/// A child that is stopped at the moment of its own crash is stopped: it does not come back, and
/// nothing is counted.
#[test]
fn a_child_that_crashes_while_it_is_stopped_does_not_come_back() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(0, ms(5000))).await;
        let slow = add(&sup, log.w("slow").init_takes(ms(10))).await;
        let w = add(&sup, log.w("w").end_takes(ms(50))).await;
        let (stopped, _) = tokio::join!(timed(sup.terminate_child(w)), async {
            settle().await;
            kill_and_wait(w).await
        });
        assert_eq!(stopped, (Ok(()), ms(1)));
        assert_eq!(children(&log, &sup).await, ["slow slow.1"]);
        assert!(slow.is_alive() && sup.is_alive());
    });
}

// --- Children that undid their link.

/// The supervisor of a child that undid its link does not learn of its end; it can still stop it,
/// and drop it.
#[test]
fn a_child_that_undid_its_link_can_be_stopped() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for tag in ["stopped", "gone", "left"] {
            add(&sup, log.w(tag).end_takes(ms(20))).await;
            log.tell(tag, unlink()).await;
        }
        log.watch(&me, &["stopped.1", "left.1"]);
        let (stopped, gone) = (log.pid("stopped.1"), log.pid("gone.1"));
        assert_eq!(timed(sup.terminate_child(stopped)).await, (Ok(()), ms(20)));

        log.kill("gone").await;
        assert_eq!(children(&log, &sup).await, ["gone gone.1", "left left.1"]);
        assert_eq!(timed(sup.terminate_child(gone)).await, (Ok(()), ms(0)));
        assert_eq!(sup.terminate_child(gone).await, Err(ChildError::NotFound));

        let heard = shut_down(&log, &mut me, &sup).await;
        let expected = ["20ms DOWN left.1 shutdown", "20ms EXIT dyn shutdown"];
        assert_eq!(heard[1..], expected, "{heard:?}");
        assert_eq!([log.starts("stopped"), log.starts("gone"), log.starts("left")], [1; 3]);
    });
}

/// Who ended unseen is not waited for at the end.
#[test]
fn a_child_that_ended_unseen_does_not_hold_up_the_end() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for shutdown in [Shutdown::BrutalKill, Shutdown::After(ms(100)), Shutdown::Infinity] {
            add(&sup, log.w("w").shutdown(shutdown)).await;
            log.tell("w", unlink()).await;
            log.kill("w").await;
        }
        // Its word is taken for it that it runs.
        assert_eq!(count(&sup).await, workers(3, 3));
        assert_eq!(shut_down(&log, &mut me, &sup).await, ["0ms EXIT dyn shutdown"]);
    });
}

// --- Stopping all of them.

/// All children are told at once, and end together.
///
/// Oracle: DSUP-17
#[test]
fn the_children_end_at_the_same_time() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for tag in ["w1", "w2", "w3"] {
            add(&sup, log.w(tag).end_takes(ms(200))).await;
        }
        log.watch(&me, &["w1.1", "w2.1", "w3.1"]);
        let heard = shut_down(&log, &mut me, &sup).await;
        let downs = ["w1.1", "w2.1", "w3.1"].map(|word| format!("200ms DOWN {word} shutdown"));
        assert_eq!(heard[..3], downs);
        assert_eq!(heard[3..], ["200ms EXIT dyn shutdown"]);
        let lines = log.take();
        assert!(lines[3..6].iter().all(|line| line.ends_with("shutdown")), "{lines:?}");
        assert!(lines[6..].iter().all(|line| line.starts_with("terminate-done")), "{lines:?}");
    });
}

/// Each child is stopped as its specification says, and has its own time.
///
/// Oracle: DSUP-18
#[test]
fn each_child_has_its_own_time_to_end() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let slow = ms(60_000);
        add(&sup, log.w("inf").shutdown(Shutdown::Infinity).end_takes(ms(100))).await;
        add(&sup, log.w("slow").shutdown(Shutdown::After(ms(50))).end_takes(slow)).await;
        add(&sup, log.w("brutal").shutdown(Shutdown::BrutalKill).end_takes(slow)).await;
        add(&sup, log.w("plain").plain()).await;
        log.watch(&me, &["inf.1", "slow.1", "brutal.1", "plain.1"]);
        let expected = [
            "0ms DOWN brutal.1 killed",
            "0ms DOWN plain.1 shutdown",
            "50ms DOWN slow.1 killed",
            "100ms DOWN inf.1 shutdown",
            "100ms EXIT dyn shutdown",
        ];
        assert_eq!(shut_down(&log, &mut me, &sup).await, expected);
    });
}

/// Those who do not end in time are killed each at its own time, in whatever order they were started.
#[test]
fn each_child_is_killed_on_time() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let slow = ms(60_000);
        add(&sup, log.w("inf").shutdown(Shutdown::Infinity).end_takes(ms(40))).await;
        for (tag, limit) in [("c", 30), ("a", 10), ("zero", 0), ("d", 70), ("b", 20)] {
            add(&sup, log.w(tag).shutdown(Shutdown::After(ms(limit))).end_takes(slow)).await;
        }
        log.watch(&me, &["inf.1", "a.1", "b.1", "c.1", "d.1"]);
        let expected = [
            "10ms DOWN a.1 killed",
            "20ms DOWN b.1 killed",
            "30ms DOWN c.1 killed",
            "40ms DOWN inf.1 shutdown",
            "70ms DOWN d.1 killed",
            "70ms EXIT dyn shutdown",
        ];
        assert_eq!(shut_down(&log, &mut me, &sup).await, expected);
    });
}

/// Whatever the children end with when they are told to, and however they are told, the supervisor
/// ends with its own reason.
#[test]
fn the_children_may_end_with_other_reasons() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let shutdowns = [Shutdown::BrutalKill, Shutdown::Infinity, Shutdown::After(ms(1000))];
        let reasons = [ExitReason::Normal, ExitReason::shutdown_with("oops"), word("bad")];
        for (shutdown, reason) in
            shutdowns.into_iter().flat_map(|shutdown| reasons.clone().map(|r| (shutdown, r)))
        {
            let sup = start(&log, new().intensity(0, ms(5000))).await;
            for id in ["a", "b", "c"] {
                let child = stubborn(id, reason.clone()).shutdown(shutdown);
                add_as(&log, id, &sup, child).await;
            }
            settle().await;
            log.watch(&me, &["a", "b", "c"]);
            let seen = if shutdown == Shutdown::BrutalKill { &ExitReason::Killed } else { &reason };
            let heard = shut_down(&log, &mut me, &sup).await;
            assert_eq!(heard[..3], ["a", "b", "c"].map(|id| format!("0ms DOWN {id} {seen}")));
            assert_eq!(heard[3..], ["0ms EXIT dyn shutdown"]);
        }
    });
}

/// A supervisor can be stopped as any server, with any reason, and stops its children first.
#[test]
fn a_supervisor_is_stopped_as_any_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        for reason in [ExitReason::Normal, ExitReason::Shutdown, word("enough")] {
            let sup = start(&log, new()).await;
            add(&sup, log.w("w").end_takes(ms(30))).await;
            let stopped = timed(async { sup.stop().reason(reason.clone()).await });
            assert_eq!(stopped.await, (Ok(()), ms(30)));
            assert_eq!(log.mailbox(&mut me).await, [format!("EXIT dyn {reason}")]);
            assert_eq!(sup.stop().await, Err(StopError::NoProc));
        }
    });
}

/// A child whose start is under way when the supervisor is told to end is stopped with the others.
#[test]
fn a_child_that_is_starting_is_stopped_too() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        add(&sup, log.w("a")).await;
        let starter = {
            let (sup, slow) = (sup.clone(), log.w("slow").init_takes(ms(100)));
            spawn(async move { sup.start_child(slow).await.map(|_| ()) })
        };
        settle().await;
        log.watch(&me, &["a.1", "slow.1"]);
        let expected =
            ["99ms DOWN a.1 shutdown", "99ms DOWN slow.1 shutdown", "99ms EXIT dyn shutdown"];
        assert_eq!(shut_down(&log, &mut me, &sup).await, expected);
        assert_eq!(starter.join().await, ExitReason::NoProc, "it had its answer, and has ended");
    });
}

/// A killed supervisor stops nobody, but its children are linked to it and fall.
#[test]
fn a_killed_supervisor_takes_a_hundred_children_along() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let mut ends = Vec::new();
        for n in 0..100 {
            let child = match n % 3 {
                0 => log.w("trapping").into(),
                1 => log.w("plain").plain().into(),
                _ => sleepy("sleepy"),
            };
            ends.push(add(&sup, child).await.join());
        }
        assert_eq!(count(&sup).await, workers(100, 100));
        assert_eq!(kill_and_wait(&sup).await, ExitReason::Killed);
        for end in ends {
            assert_eq!(end.await, ExitReason::Killed);
        }
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn killed"]);
        assert_eq!(System::current().process_count(), 1);
        let terminated = log.take().iter().filter(|line| line.starts_with("terminate")).count();
        assert_eq!(terminated, 34, "who traps exits cleans up");
    });
}

/// A child in its `init` falls with a killed supervisor as soon as it looks around.
#[test]
fn a_starting_child_falls_with_a_killed_supervisor() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        for (tag, part) in [("trapping", log.w("trapping")), ("plain", log.w("plain").plain())] {
            let sup = sup.clone();
            spawn(async move { sup.start_child(part.init_takes(ms(100))).await.map(|_| ()) });
            // Both in turn: the first is up, the second one is starting.
            let started = log.clone();
            eventually(move || started.starts(tag) == 1).await;
        }
        let ends = ["trapping.1", "plain.1"].map(|word| log.pid(word).join());
        let begun = Instant::now();
        kill_and_wait(&sup).await;
        for end in ends {
            assert_eq!((end.await, begun.elapsed()), (ExitReason::Killed, ms(0)));
        }
    });
}

/// Signals of others than its parent, and the ends of processes that are linked to it without being
/// its children, do not concern a supervisor.
#[test]
fn the_exits_of_strangers_are_ignored() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new().intensity(0, ms(5000))).await;
        add(&sup, log.w("w")).await;
        let target = sup.pid();
        let stranger = spawn(move |stranger: Process| async move {
            stranger.link(target).expect("it is there");
            target.exit(word("go away"));
            word("crash")
        });
        stranger.join().await;
        settle().await;
        assert_eq!(children(&log, &sup).await, ["w w.1"]);
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
    });
}

// --- Children that do not yield, which nobody can kill: on real threads, and without a clock.

/// A child that blocks its thread once it has begun, until it is let go.
#[derive(Debug, Default)]
struct Blocker {
    blocks: Arc<AtomicBool>,
    let_go: Arc<AtomicBool>,
}

impl Blocker {
    fn child(&self) -> ChildSpec {
        let (blocks, let_go) = (self.blocks.clone(), self.let_go.clone());
        ChildSpec::process("blocker", move || {
            let (blocks, let_go) = (blocks.clone(), let_go.clone());
            async move {
                // In a turn of its own: nobody that it has woken waits on this thread.
                sleep(ms(1)).await;
                blocks.store(true, Ordering::Release);
                while !let_go.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                pending::<()>().await;
            }
        })
    }

    async fn blocks(&self) {
        while !self.blocks.load(Ordering::Acquire) {
            sleep(ms(1)).await;
        }
    }
}

/// Lets the child go also when the test fails: otherwise the failure would hang.
impl Drop for Blocker {
    fn drop(&mut self) {
        self.let_go.store(true, Ordering::Release);
    }
}

/// A child that a kill cannot end yet is waited for, and answers for nobody else.
#[test]
fn a_child_that_cannot_be_killed_yet_is_waited_for() {
    on_threads(async {
        let sup = new().start().await.unwrap();
        let blocker = Blocker::default();
        let child = add(&sup, blocker.child().shutdown(Shutdown::BrutalKill)).await;
        blocker.blocks().await;
        let stopping = {
            let sup = sup.clone();
            tokio::spawn(async move { sup.terminate_child(child).await })
        };
        while child.is_alive() {
            sleep(ms(1)).await;
        }
        let counting = {
            let sup = sup.clone();
            tokio::spawn(async move { sup.count_children().await })
        };
        sleep(ms(5)).await;
        assert!(!stopping.is_finished() && !counting.is_finished());
        drop(blocker);
        assert_eq!(stopping.await.unwrap(), Ok(()));
        assert_eq!(counting.await.unwrap(), Ok(workers(0, 0)));
        sup.stop().await.unwrap();
    });
}

/// A child that a kill cannot end yet does not prolong the lives of the others: they are killed on
/// time.
#[test]
fn a_child_that_cannot_be_killed_yet_does_not_save_the_others() {
    on_threads(async {
        let sup = new().start().await.unwrap();
        let blocker = Blocker::default();
        add(&sup, blocker.child().shutdown(Shutdown::After(ms(1)))).await;
        let deaf = ChildSpec::process("deaf", || {
            |mut me: Process| async move {
                me.trap_exit(true);
                loop {
                    me.receive().await;
                }
            }
        });
        let deaf = add(&sup, deaf.shutdown(Shutdown::After(ms(10)))).await;
        blocker.blocks().await;
        let end = deaf.join();
        let stopping = {
            let sup = sup.clone();
            tokio::spawn(async move { sup.stop().await })
        };
        assert_eq!(end.await, ExitReason::Killed);
        assert!(!stopping.is_finished());
        drop(blocker);
        assert_eq!(stopping.await.unwrap(), Ok(()));
    });
}

/// Runs a test in a task, on threads enough for one to be blocked. It fails when it hangs.
#[track_caller]
fn on_threads(test: impl Future<Output = ()> + Send + 'static) {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .expect("tokio makes a runtime");
    let ended = tokio.block_on(async { timeout(HANGS, tokio::spawn(test)).await });
    ended.expect("it hangs").expect("it does not panic");
}

// --- Names, and supervisors above.

/// A supervisor under a supervisor, found by its name: when it is killed its children fall, and the
/// fresh one, under the same name, has none.
///
/// Covers: RT-DYN-02
/// Oracle: DSUP-19
#[test]
fn a_supervised_supervisor_keeps_its_name_and_begins_empty() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let above = log.start(one_for_one().child(new().max_children(2).into_child(&DYN))).await;
        let listed = above.which_children().await.unwrap();
        assert_eq!((&*listed[0].id, listed[0].kind), ("dyn", ChildKind::Supervisor));
        assert!(DYN.which_children().await.unwrap().is_empty());
        add(&DYN, log.w("a")).await;
        add(&DYN, log.w("b").plain()).await;
        log.watch(&me, &["a.1", "b.1"]);
        let first = DYN.whereis().unwrap();
        kill_and_wait(&first).await;
        // The name is free before anybody learns of the end; it is taken again by the restart.
        eventually(|| DYN.whereis().is_some()).await;
        assert_ne!(DYN.whereis(), Some(first));
        assert_eq!(count(&DYN).await, workers(0, 0));
        let mut ends = log.mailbox(&mut me).await;
        ends.sort();
        assert_eq!(ends, ["DOWN a.1 killed", "DOWN b.1 killed"]);
        // It has the limits of the first one.
        add(&DYN, log.w("c")).await;
        add(&DYN, log.w("d")).await;
        assert_eq!(DYN.start_child(log.w("e")).await, Err(ChildError::MaxChildren));
        assert!(above.is_alive());
    });
}

/// What goes wrong too often below is the supervisor's turn: it restarts the whole.
#[test]
fn a_supervisor_that_gives_up_is_restarted_by_the_one_above() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let below = new().intensity(0, ms(5000)).into_child(&DYN);
        log.start(one_for_one().child(below)).await;
        let first = DYN.whereis().unwrap();
        add(&DYN, log.w("w")).await;
        add(&DYN, log.w("other")).await;
        log.kill("w").await;
        assert!(!first.is_alive());
        assert_eq!(count(&DYN).await, workers(0, 0));
        assert_eq!(log.take(), ["init w.1", "init other.1", "terminate other.1 shutdown"]);
    });
}

/// Several of them under one supervisor are told apart by their names; a second one of the same name
/// is not started.
#[test]
fn supervised_supervisors_are_told_apart_by_name() {
    static OTHER: Name<DynamicSupervisorServer> = Name::new("other");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let both = one_for_one().child(new().into_child(&DYN)).child(new().into_child(&OTHER));
        let above = log.start(both).await;
        add(&DYN, log.w("a")).await;
        assert_eq!((count(&DYN).await, count(&OTHER).await), (workers(1, 1), workers(0, 0)));
        let known = DYN.whereis().unwrap().pid();
        let again = above.start_child(new().into_child(&DYN)).await;
        assert_eq!(again, Err(ChildError::AlreadyStarted(known)));
    });
}

/// A supervisor has a name, a link and an end as any server.
#[test]
fn a_supervisor_may_be_started_under_a_name() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = new().start_link().name(&DYN).await.unwrap();
        log.know("dyn", &sup);
        assert_eq!((DYN.whereis(), me.info().links), (Some(sup.clone()), vec![sup.pid()]));
        assert_eq!(new().start().name(&DYN).await, Err(StartError::AlreadyStarted(sup.pid())));
        let child = add(&DYN, log.w("w")).await;
        assert_eq!(DYN.terminate_child(child).await, Ok(()));
        DYN.stop().await.unwrap();
        assert_eq!(DYN.whereis(), None);
        assert_eq!(log.mailbox(&mut me).await, ["EXIT dyn normal"]);
    });
}

/// Without a supervisor there is nobody to ask.
///
/// Oracle: DSUP-20
#[test]
fn nobody_answers_for_a_supervisor_that_is_not_there() {
    scenario(|me: Process| async move {
        async fn check(sup: &impl DynamicSupervision, log: &Log) {
            let refused = Err(ChildError::Call(CallError::NoProc));
            assert_eq!(sup.start_child(log.w("w")).await, refused);
            assert_eq!(sup.terminate_child(Pid::OUTSIDE).await, Err(CallError::NoProc.into()));
            assert_eq!(sup.which_children().await, Err(CallError::NoProc));
            assert_eq!(sup.count_children().await, Err(CallError::NoProc));
        }
        let log = Log::of(&me);
        let dead = start(&log, new()).await;
        kill_and_wait(&dead).await;
        check(&dead, &log).await;
        check(&DYN, &log).await;
        assert_eq!(log.starts("w"), 0);
    });
}

/// Whoever waits for a child when the supervisor ends is told its reason.
#[test]
fn who_waits_for_a_start_is_told_of_the_supervisors_end() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let waiting = sup.start_child(log.w("w").init_takes(ms(100)));
        let killing = async {
            settle().await;
            sup.pid().kill();
        };
        let (started, ()) = tokio::join!(waiting, killing);
        assert_eq!(started, Err(ChildError::Call(CallError::Down(ExitReason::Killed))));
    });
}

/// A window of no length makes no sense: nothing is started.
#[test]
fn a_window_of_no_length_is_refused() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let reason = ExitReason::other(SpecError::InvalidPeriod);
        let refused = new().intensity(3, ms(0)).start_link().await;
        assert_eq!(refused, Err(StartError::Failed(reason)));
    });
}

/// A child cannot be significant: its supervisor never ends by itself.
#[test]
fn a_significant_child_is_refused() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = start(&log, new()).await;
        let refused = sup.start_child(log.w("w").transient().significant()).await;
        let reason = SpecError::SignificantUnderNever("w".into());
        assert_eq!(refused, Err(ChildError::Spec(reason)));
        assert_eq!((log.starts("w"), count(&sup).await), (0, workers(0, 0)));
    });
}

/// Outside of a process, too, a supervisor can be started and asked.
#[test]
fn a_plain_task_may_start_and_ask_a_supervisor() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let task = tokio::spawn(async move {
            let sup = new().start_link().await.unwrap();
            let child = add(&sup, log.w("w")).await;
            kill_and_wait(child).await;
            assert_eq!(children(&log, &sup).await, ["w w.2"]);
            sup.stop().await.unwrap();
            assert_eq!(log.take(), ["init w.1", "init w.2", "terminate w.2 shutdown"]);
        });
        task.await.unwrap();
    });
}
