//! Integration exercise 8.2, a pool of workers.
//!
//! The test runs as the process `main`, which traps exits. How large the pool is, which worker is
//! asked, what its jobs come to and how long they take is drawn from the seed of the run.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ch08_exercise_02_worker_pool::{
    Call, POOL, PoolWorker, WorkError, get_worker, get_worker_as_written, isolated, start_link,
    start_pool, work, work_as_written, worker,
};
use runtime::prelude::*;
use runtime::testing::{in_process, kill_and_wait, one_of, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildState, NoCatch, PanicInfo, StartError, SupervisorRef, System, assert_timeline, exit, note,
    raise, self_pid, set_label, spawn, throw, trap_exit,
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A worker says that it starts, has no name, and has done nothing yet.
///
/// Exercise: 1
/// Covers: CH8-X2-R1
#[test]
fn a_worker_begins_with_its_id_and_no_job_done() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let id = one_of(seed, [1, 2, 42]);
        let worker = start_link(id).await.expect("nothing keeps a worker from starting");
        assert_eq!(
            worker.call(Call::State).await,
            Ok(PoolWorker { id, tasks_completed: 0 }),
            "a worker knows its id, and has done nothing yet (see hint 1 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [format!("Worker {id} started")],
            "a worker notes its start (see hint 2 of exercise 1)"
        );
        assert_eq!(System::current().registered(), [], "no worker has a name");
    });
}

/// Work is run in the order in which it came, one after the other; what came to its end is counted.
///
/// Exercise: 1
/// Covers: CH8-X2-R3
#[test]
fn a_worker_does_one_thing_after_the_other_and_counts_what_is_done() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let worker = start_link(1).await.expect("nothing keeps a worker from starting");
        let done = [seed, seed / 2, seed / 4].map(|bits| bits % 2 == 0);
        let callers: Vec<_> = [3, 2, 1]
            .into_iter()
            .zip(done)
            .map(|(seconds, done)| {
                let worker = worker.clone();
                spawn(async move {
                    let work = worker.call(|reply| {
                        Call::Work(Box::pin(async move {
                            sleep(seconds * SECOND).await;
                            note(format!("{seconds} s are over"));
                            Reply::send(reply, ());
                            done
                        }))
                    });
                    work.infinity().await
                })
                .join()
            })
            .collect();
        for caller in callers {
            let end = timeout(60 * SECOND, caller).await;
            assert_eq!(
                end,
                Ok(ExitReason::Normal),
                "the work answers its caller itself, and has to be run to its end (see hint 2 of \
                 exercise 1)"
            );
        }
        let count = u64::try_from(done.into_iter().filter(|done| *done).count()).expect("a few");
        assert_eq!(
            worker.call(Call::State).await,
            Ok(PoolWorker { id: 1, tasks_completed: count }),
            "work that says `true` was done, and is counted: {done:?} (see hint 2 of exercise 1)"
        );
        assert_eq!(notes(&history).len(), 4, "each piece of work is run once, and to its end");
        let took = System::current().monotonic_time();
        assert_eq!(took, 6 * SECOND, "a worker does one thing at a time");
    });
}

/// A job is any future, and its caller gets the value, of whatever type.
///
/// Exercise: 2
/// Covers: CH8-X2-R2, CH8-X2-R3
#[test]
fn the_value_of_a_job_comes_back_to_its_caller() {
    scenario_with(|seed| async move {
        let worker = start_link(1).await.expect("nothing keeps a worker from starting");
        assert_eq!(
            work_as_written(&worker, async move { seed + 1 }).await,
            Ok(seed + 1),
            "a number comes back (see hint 2 of exercise 2)"
        );
        let text = work_as_written(&worker, async { "a text".to_owned() }).await;
        assert_eq!(text.as_deref(), Ok("a text"), "a text comes back");
        let state = worker.call(Call::State).await;
        assert_eq!(
            state,
            Ok(PoolWorker { id: 1, tasks_completed: 2 }),
            "both were done (see hint 2 of exercise 2)"
        );
    });
}

/// As the course writes it, the job runs in the worker: its failure is the worker's, and its caller
/// sees a worker that is gone.
///
/// Exercise: 2
/// Covers: CH8-X2-R2
/// Oracle: C8-15
#[test]
fn as_written_a_job_that_fails_takes_its_worker_along() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let worker = start_link(1).await.expect("nothing keeps a worker from starting");
        let how = one_of(seed, [Bad::Panics, Bad::Exits, Bad::Throws]);
        let lost = work_as_written(&worker, how.job()).await;
        let Err(WorkError::Lost(CallError::Down(reason))) = &lost else {
            panic!(
                "the worker ends before it answers, which is `Down`; it was {lost:?} (see hint 1 \
                 of exercise 2)"
            )
        };
        assert_eq!(how.seen_in(reason), Ok(()), "the worker ends with what ended the job");
        assert!(!worker.is_alive(), "the job ran in the worker, which has ended with it");
    });
}

/// As the course writes it, a caller waits five seconds, and a slow job runs on for nobody.
///
/// Exercise: 2
/// Oracle: C8-16
#[test]
fn as_written_a_slow_job_goes_on_after_its_caller_gave_up() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let worker = start_link(1).await.expect("nothing keeps a worker from starting");
        let takes = one_of(seed, [6, 7, 60]) * SECOND;
        let job = async move {
            sleep(takes).await;
            note("done, for nobody");
        };
        assert_eq!(
            work_as_written(&worker, job).await,
            Err(WorkError::Lost(CallError::Timeout)),
            "a call waits for five seconds, unless told otherwise (see hint 3 of exercise 2)"
        );
        assert_eq!(System::current().monotonic_time(), 5 * SECOND, "five seconds, and no longer");
        let state = worker.call(Call::State).infinity().await;
        assert_eq!(
            (state, notes(&history).last().map(String::as_str)),
            (Ok(PoolWorker { id: 1, tasks_completed: 1 }), Some("done, for nobody")),
            "nobody told the job that its caller had gone"
        );
    });
}

/// So many workers, each with an id of its own, in their order.
///
/// Exercise: 3
/// Covers: CH8-X2-T, CH8-X2-C1, CH8-X2-R4, CH8-X2-R5
/// Oracle: C8-14
#[test]
fn a_pool_has_as_many_workers_as_asked_for_each_with_its_id() {
    scenario_with(|seed| async move {
        let size = one_of(seed, [1, 2, 5, 0]);
        let history = System::current().record();
        pool(size).await;
        let listed = POOL.which_children().await.expect("the pool has a name (see hint 3)");
        let ids: Vec<_> = listed.iter().rev().map(|child| child.id.to_string()).collect();
        let expected =
            |text: &'static str| (1..=size).map(move |id| text.replace('#', &id.to_string()));
        assert_eq!(
            ids,
            expected("worker #").collect::<Vec<_>>(),
            "the children's ids, in the order of their start (see hint 2 of exercise 3)"
        );
        assert_eq!(
            notes(&history),
            expected("Worker # started").collect::<Vec<_>>(),
            "each worker is started with its own number (see hint 2 of exercise 3)"
        );
        assert_eq!(System::current().registered(), ["WorkerPoolSupervisor".into()]);
        let second = start_pool(size).await.map(|pool| pool.pid());
        let first = POOL.whereis().expect("the pool has a name").pid();
        assert_eq!(second, Err(StartError::AlreadyStarted(first)), "there is one pool");
    });
}

/// A worker that is killed is started again under its id, with nothing done, and the others go on.
///
/// Exercise: 3
/// Covers: CH8-X2-O1, CH8-X2-R4
/// Oracle: C8-14, SUP-02
#[test]
fn a_killed_worker_is_replaced_and_the_others_go_on() {
    scenario_with(|seed| async move {
        let victim = one_of(seed, [1_usize, 2, 3]);
        let history = System::current().record();
        let pool = pool(3).await;
        let before = pids().await;
        sleep(SECOND).await;
        kill_and_wait(before[victim - 1]).await;
        let after = pids().await;
        let kept: Vec<_> = before.iter().zip(&after).map(|(old, new)| old == new).collect();
        assert_eq!(
            kept,
            [1, 2, 3].map(|id| id != victim),
            "worker {victim} was killed, and only it is another one now (see hint 1 of exercise 3)"
        );
        sleep(SECOND).await;
        pool.stop().await.expect("a pool stops when it is asked to");
        let [one, two, three] = [1, 2, 3].map(|id| {
            if id == victim {
                format!("╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker {id} started\" ×2; killed")
            } else {
                format!("╺•━━━━━━━━━━━━━━━━━━■    \"Worker {id} started\"")
            }
        });
        let expected = format!(
            "
                      0ms       1s        2s
WorkerPoolSupervisor  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ worker 1           {one}
├─ worker 2           {two}
└─ worker 3           {three}

1s  one_for_one: worker {victim} was restarted because it was killed
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "worker {victim} was killed, and only it was started again (see hint 1 of exercise 3)"
        );
    });
}

/// As the course writes it, what callers hand in decides over the life of the pool: four bad jobs
/// are one more than it grants restarts.
///
/// Exercise: 3
/// Covers: CH8-X2-R4
/// Oracle: C8-15, SUP-10
#[test]
fn as_written_the_fourth_bad_job_ends_the_pool() {
    scenario_with(|seed| async move {
        let pool = pool(5).await;
        for nth in 0..4 {
            assert!(pool.is_alive(), "three restarts in five seconds are granted");
            let at = usize::try_from((seed + nth) % 5).expect("less than five");
            let worker = ServerRef::<PoolWorker>::of_pid(pids().await[at]);
            let worker = worker.expect("the children are workers (see hint 2 of exercise 3)");
            let lost = work_as_written(&worker, Bad::Panics.job()).await;
            assert!(matches!(lost, Err(WorkError::Lost(_))), "{lost:?}");
            worker.pid().join().await;
        }
        let end = timeout(SECOND, pool.pid().join()).await;
        assert!(end.is_ok(), "the fourth crash in five seconds is one too many (see hint 3)");
        assert_eq!(worker(1).await, Err(WorkError::Lost(CallError::NoProc)), "nobody is left");
    });
}

/// What the supervisor lists stands newest first, so the course's worker 0 is worker 5.
///
/// Exercise: 4
/// Covers: CH8-X2-R6
/// Oracle: C8-14, SUP-05
#[test]
fn as_written_position_0_is_the_last_worker() {
    scenario(|_: Process| async move {
        pool(5).await;
        let mut ids = Vec::new();
        for n in 0..6 {
            let state = get_worker_as_written(n).await.expect("the pool is there");
            let ChildState::Running(pid) = state else { panic!("all run: {state:?}") };
            let worker = ServerRef::<PoolWorker>::of_pid(pid).expect("all are workers");
            ids.push(worker.call(Call::State).await.expect("a worker answers").id);
        }
        assert_eq!(
            ids,
            [5, 4, 3, 2, 1, 5],
            "the list begins with the newest child, and is counted round and round (see hint 1 of \
             exercise 4)"
        );
        POOL.terminate_child("worker 5").await.expect("there is a worker 5");
        assert_eq!(
            get_worker_as_written(0).await,
            Ok(ChildState::Stopped),
            "and what stands there need not be a process at all"
        );
    });
}

/// By its id a worker is found wherever it stands, and who does not run is nobody.
///
/// Exercise: 4
/// Covers: CH8-X2-R6, CH8-X2-O1
/// Oracle (defect): C8-14
#[test]
fn a_worker_is_found_by_its_id_in_each_of_its_lives() {
    scenario_with(|seed| async move {
        let id = one_of(seed, [1_usize, 3, 5]);
        assert_eq!(
            worker(id).await,
            Err(WorkError::Lost(CallError::NoProc)),
            "without a pool nobody can be asked (see hint 2 of exercise 4)"
        );
        pool(5).await;
        let first = worker(id).await.expect("it runs (see hint 2 of exercise 4)");
        let state = PoolWorker { id, tasks_completed: 0 };
        assert_eq!(first.call(Call::State).await, Ok(state), "worker {id} is worker {id}");
        kill_and_wait(&first).await;
        let second = worker(id).await.expect("it is started again");
        assert!(first != second, "another life is another process");
        assert_eq!(second.call(Call::State).await, Ok(state), "and the same worker");
        POOL.terminate_child(&format!("worker {id}")).await.expect("there is such a child");
        assert_eq!(
            (worker(id).await, worker(6).await),
            (Err(WorkError::NoWorker), Err(WorkError::NoWorker)),
            "worker {id} is stopped, and there never was a worker 6 (see hint 3 of exercise 4)"
        );
    });
}

/// Whoever is asked for by a number gets a worker that runs, as long as there is one.
///
/// Exercise: 4
/// Covers: CH8-X2-R6
/// Oracle (defect): C8-14
#[test]
fn who_does_not_run_is_skipped() {
    scenario_with(|seed| async move {
        pool(3).await;
        assert_eq!(ids_of(0..7).await, [1, 2, 3, 1, 2, 3, 1], "the oldest is 0 (see hint 3)");
        let clock = ChildSpec::process("clock", pending::<()>);
        POOL.start_child(clock).await.expect("a pool may have other children");
        assert_eq!(ids_of(0..4).await, [1, 2, 3, 1], "a clock is no worker (see hint 3)");
        let away = one_of(seed, [1_usize, 2, 3]);
        POOL.terminate_child(&format!("worker {away}")).await.expect("there is such a child");
        let rest: Vec<_> = [1, 2, 3].into_iter().filter(|id| *id != away).collect();
        assert_eq!(
            ids_of(0..3).await,
            [rest[0], rest[1], rest[0]],
            "worker {away} is stopped, and is skipped (see hint 3 of exercise 4)"
        );
        for id in rest {
            POOL.terminate_child(&format!("worker {id}")).await.expect("there is such a child");
        }
        let nth = usize::try_from(seed % 100).expect("less than a hundred");
        assert_eq!(
            get_worker(nth).await,
            Err(WorkError::NoWorker),
            "where nobody runs, there is nobody to be had, and no remainder by zero (see hint 3 \
             of exercise 4)"
        );
    });
}

/// The course's session, from the first job to the one after the kill.
///
/// Exercise: 4
/// Covers: CH8-X2-V1, CH8-X2-V2, CH8-X2-V3, CH8-X2-O1
/// Oracle: C8-14
#[test]
fn a_pool_goes_on_after_a_worker_was_killed() {
    scenario(|_: Process| async move {
        pool(5).await;
        let worker = get_worker(0).await.expect("all five run");
        assert_eq!(work_as_written(&worker, async { 1 + 1 }).await, Ok(2));
        kill_and_wait(&worker).await;
        let new_worker = get_worker(0).await.expect("it is back");
        assert!(new_worker != worker, "it is another process");
        assert_eq!(work_as_written(&new_worker, async { 2 + 2 }).await, Ok(4));
        assert_eq!(ids_of(0..5).await, [1, 2, 3, 4, 5], "the pool is complete");
    });
}

/// Whatever a job does, even to its own process, is a value to whoever has it run.
///
/// Exercise: 5
/// Covers: CH8-X2-T
/// Oracle (defect): C8-15
#[test]
fn however_a_job_ends_it_is_a_value() {
    scenario_with(|seed| async move {
        let how = one_of(seed, Bad::ALL);
        let result = in_process("boss", move |_: Process| async move {
            let nine = isolated(SECOND, async { 9 }).await;
            (nine, isolated(SECOND, how.job()).await)
        });
        let (nine, bad) = result.await.expect(
            "the job's end is not the end of whoever has it run (see hint 1 of exercise 5)",
        );
        assert_eq!(nine, Ok(9), "the value of a job that comes to its end");
        let Err(WorkError::Failed(reason)) = bad else {
            panic!("a job that {how:?} has failed, with a reason; it was {bad:?} (see hint 2)")
        };
        assert_eq!(how.seen_in(&reason), Ok(()), "the reason is that of the job's process");
    });
}

/// A job that hangs is ended when its time is up, and not only forgotten.
///
/// Exercise: 5
/// Covers: CH8-X2-T
/// Oracle (defect): C8-16
#[test]
fn a_job_that_takes_too_long_is_ended() {
    scenario_with(|seed| async move {
        let limit = one_of(seed, [Duration::from_millis(10), SECOND, 30 * SECOND]);
        let ended = Flag::default();
        let job = ended.clone().until_dropped();
        let begun = Instant::now();
        let hung = timeout(60 * SECOND, isolated(limit, job)).await;
        assert_eq!(hung, Ok(Err(WorkError::TooLong)), "its time is up (see hint 2 of exercise 5)");
        assert_eq!(begun.elapsed(), limit, "its time is {limit:?}");
        settle().await;
        assert!(ended.is_set(), "it is ended, and does not run on (see hint 3 of exercise 5)");
    });
}

/// The other direction: nobody is left to have the job run, so it ends, too.
///
/// Exercise: 5
/// Covers: CH8-X2-T
#[test]
fn a_job_ends_with_whoever_has_it_run() {
    scenario_with(|seed| async move {
        let ended = Flag::default();
        let job = ended.clone().until_dropped();
        let boss = spawn(async move {
            let _ = isolated(60 * SECOND, job).await;
        });
        sleep(Duration::from_millis(1 + seed % 1000)).await;
        assert!(!ended.is_set(), "the job runs");
        kill_and_wait(&boss).await;
        settle().await;
        assert!(
            ended.is_set(),
            "who is killed runs nothing any more, but what it holds is dropped (see hint 3 of \
             exercise 5)"
        );
    });
}

/// Isolated, jobs may fail as often as they like: the worker goes on, and the pool pays nothing.
///
/// Exercise: 6
/// Covers: CH8-X2-T, CH8-X2-R2, CH8-X2-R3, CH8-X2-O1
/// Oracle (defect): C8-15
#[test]
fn bad_jobs_cost_the_pool_nothing() {
    scenario_with(|seed| async move {
        let pool = pool(2).await;
        let at = one_of(seed, [1_usize, 2]);
        let worker = worker(at).await.expect("all run");
        for nth in 0..10 {
            let how = one_of(seed + nth, Bad::ALL);
            let bad = work(&worker, SECOND, how.job()).await;
            let Err(WorkError::Failed(reason)) = &bad else {
                panic!("a job that {how:?} has failed; it was {bad:?} (see hint 1 of exercise 6)")
            };
            assert_eq!(how.seen_in(reason), Ok(()), "the caller learns why");
        }
        let hung = work(&worker, SECOND, pending::<()>()).await;
        assert_eq!(hung, Err(WorkError::TooLong), "a job that hangs is ended");
        let good = work(&worker, SECOND, async { "well done" }).await;
        assert_eq!(good, Ok("well done"), "and the next one has its turn");
        assert_eq!(
            worker.call(Call::State).await,
            Ok(PoolWorker { id: at, tasks_completed: 1 }),
            "the same worker, in the same life, with one job brought to its end (see hint 2 of \
             exercise 6)"
        );
        assert!(pool.is_alive(), "eleven bad jobs, and no restart");
    });
}

/// A day in the pool: a value, a panic, a job that hangs, and a worker that is killed at its work.
///
/// Exercise: 6
/// Covers: CH8-X2-O1
/// Oracle (defect): C8-15
#[test]
fn only_a_worker_that_ends_is_started_again() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let pool = pool(2).await;
        let one = worker(1).await.expect("all run");
        let two = worker(2).await.expect("all run");
        sleep(SECOND).await;
        let bad = work(&one, SECOND, Bad::Panics.job()).await;
        assert!(matches!(bad, Err(WorkError::Failed(_))), "{bad:?} (see hint 1 of exercise 6)");
        let victim = two.pid();
        let caller = in_process("caller", move |_: Process| async move {
            let job = async {
                set_label("job").expect("a job is a process");
                pending::<()>().await;
            };
            work(&two, 60 * SECOND, job).await
        });
        spawn(async move {
            set_label("killer").expect("a process has a label");
            sleep(SECOND).await;
            victim.kill();
        });
        assert_eq!(
            caller.await,
            Ok(Err(WorkError::Lost(CallError::Down(ExitReason::Killed)))),
            "the caller of a job whose worker is killed learns that (see hint 3 of exercise 6)"
        );
        sleep(SECOND).await;
        pool.stop().await.expect("a pool stops when it is asked to");
        assert_timeline!(
            history.trace(),
            "
                      0ms       1s        2s        3s
WorkerPoolSupervisor  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ worker 1           ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"Worker 1 started\"
└─ worker 2           ╺•━━━━━━━━━━━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker 2 started\" ×2; killed
bad job                         ╳                        panic: bad task
killer                          ├─────────■              normal
caller                          ├─────────■              normal
job                             ├─────────╳              killed

2s  one_for_one: worker 2 was restarted because it was killed
",
            "the bad job cost nobody but itself (see hint 1 of exercise 6)"
        );
    });
}

/// A slow job keeps its own worker from the next, who waits for his turn; the others go on.
///
/// Exercise: 6
/// Covers: CH8-X2-T
/// Oracle: C8-16
#[test]
fn a_slow_job_blocks_its_own_worker_only() {
    scenario_with(|seed| async move {
        pool(2).await;
        let (one, two) = (worker(1).await.expect("all run"), worker(2).await.expect("all run"));
        let takes = one_of(seed, [1, 4, 20]) * SECOND;
        let busy = one.clone();
        let slow = spawn(async move {
            let _ = work(&busy, 60 * SECOND, sleep(takes)).await;
        });
        settle().await;
        let begun = Instant::now();
        assert_eq!(work(&two, SECOND, async { 2 }).await, Ok(2));
        assert_eq!(begun.elapsed(), Duration::ZERO, "the other worker has nothing to do");
        assert_eq!(
            work(&one, SECOND, async { 1 }).await,
            Ok(1),
            "a job's time begins with the job, and its caller waits for its turn as long as it \
             takes (see hint 3 of exercise 6)"
        );
        let now = System::current().monotonic_time();
        assert_eq!(now, takes, "it was its turn when the slow job was done");
        slow.join().await;
    });
}

/// What a job can do to itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    Panics,
    Exits,
    Throws,
    Raises,
    KillsItself,
}

impl Bad {
    const ALL: [Self; 5] =
        [Self::Panics, Self::Exits, Self::Throws, Self::Raises, Self::KillsItself];

    /// A job that would give a number, if it came to its end.
    async fn job(self) -> u32 {
        match self {
            Self::Panics => {
                set_label("bad job").expect("a job runs in a process");
                panic!("bad task")
            }
            Self::Exits => exit(ExitReason::other("task")),
            Self::Throws => throw("ball"),
            Self::Raises => raise(std::fmt::Error),
            Self::KillsItself => {
                self_pid().expect("a job runs in a process").kill();
                pending().await
            }
        }
    }

    /// Whether this is the reason of such an end.
    fn seen_in(self, reason: &ExitReason) -> Result<(), String> {
        let seen = match self {
            Self::Panics => reason.as_panic().map(PanicInfo::message) == Some("bad task"),
            Self::Exits => *reason == ExitReason::other("task"),
            Self::Throws => reason.downcast_ref::<NoCatch>().is_some(),
            Self::Raises => reason.as_error().is_some(),
            Self::KillsItself => *reason == ExitReason::Killed,
        };
        if seen { Ok(()) } else { Err(format!("a job that {self:?}, and the reason {reason}")) }
    }
}

/// Set when the job that holds it is dropped.
#[derive(Clone, Debug, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A job that hangs.
    async fn until_dropped(self) {
        struct Held(Flag);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.0.store(true, Ordering::Relaxed);
            }
        }
        let _held = Held(self);
        pending::<()>().await;
    }
}

/// A pool, which `main` survives.
async fn pool(size: usize) -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    start_pool(size).await.expect("nothing keeps a pool from starting (see hint 3 of exercise 3)")
}

/// The pool's processes, in the order of their ids.
async fn pids() -> Vec<Pid> {
    let listed = POOL.which_children().await.expect("the pool has a name (see hint 3)");
    let pid = |state| match state {
        ChildState::Running(pid) => pid,
        other => panic!("a child does not run: {other:?}"),
    };
    listed.iter().rev().map(|child| pid(child.state)).collect()
}

/// The ids of the workers with these numbers.
async fn ids_of(numbers: std::ops::Range<usize>) -> Vec<usize> {
    let mut ids = Vec::new();
    for n in numbers {
        let worker = get_worker(n).await.expect("some run (see hint 3 of exercise 4)");
        ids.push(worker.call(Call::State).await.expect("a worker answers").id);
    }
    ids
}

/// What was noted.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}
