//! Exercise 9.1, a pool of workers that are found through a registry.
//!
//! The test runs as the process `main`, which traps exits. Tasks, whose worker is killed and how much
//! there is to do are drawn from the seed of the run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ch09_exercise_01_worker_pool::{
    Call, Key, PAUSE, POOL_REGISTRY, POOL_SIZE, POOL_SUPERVISOR, PoolWorker, Rotation, WORK,
    WORKER_POOL, choose_by_hash, process, process_task, process_task_by_hash,
    process_task_retrying, start_as_written, start_link, start_pool_supervisor, start_worker,
    tasks_processed, worker, worker_child,
};
use runtime::prelude::*;
use runtime::testing::{
    in_process, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::trace::{Event, Recorder, What};
use runtime::{
    ChildCount, ChildKind, StartError, SupervisorRef, System, Task, assert_timeline, self_pid,
    spawn, trap_exit,
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [usize; POOL_SIZE] = [1, 2, 3, 4, 5];

/// A worker says that it starts, and what it has processed, and counts it.
///
/// Exercise: 1
/// Covers: CH9-X1-C1, CH9-X1-S4, CH9-X1-S5, CH9-X1-R5
/// Oracle: C9-15
#[test]
fn a_worker_processes_tasks_and_counts_them() {
    scenario_with(|seed| async move {
        registry().await;
        let history = System::current().record();
        let id = one_of(seed, IDS);
        start_worker(id).await.expect("nobody has the name (see hint 2 of exercise 1)");
        assert_eq!(
            (notes(&history), tasks_processed(id).await),
            (vec![format!("Worker {id} started")], Ok(0)),
            "it notes its start, and has done nothing yet (see hint 1 of exercise 1)"
        );
        for nth in 1..=3 {
            let (task, begun) = (format!("task {nth} of {seed}"), Instant::now());
            assert_eq!(
                process(id, &task).await,
                Ok(format!("Worker {id} processed: {task}")),
                "its answer says who has done what (see hint 2 of exercise 1)"
            );
            assert_eq!(begun.elapsed(), WORK, "a task takes its time (see hint 2 of exercise 1)");
            assert_eq!(tasks_processed(id).await, Ok(nth), "and is counted");
        }
    });
}

/// A worker is found under its key, whoever has it now, and does one task after the other.
///
/// Exercise: 1
/// Covers: CH9-X1-S4, CH9-X1-S5, CH9-X1-R1
#[test]
fn a_worker_is_found_under_its_key() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, IDS);
        assert_eq!(process(id, "sweep").await, Err(CallError::NoProc), "there is no worker yet");
        let first = start_worker(id).await.expect("nobody has the name").pid();
        assert_eq!(
            POOL_REGISTRY.whereis_name(&Key::Worker(id)),
            Ok(Some(first)),
            "its id is in its key (see hint 2 of exercise 1)"
        );
        assert!(is_linked(first), "whoever starts it is linked to it (see hint 2 of exercise 1)");
        let second = in_process("second", move |_: Process| async move {
            start_worker(id).await.map(|started| started.pid())
        });
        assert_eq!(second.await, Ok(Err(StartError::AlreadyStarted(first))), "there is one of it");
        let begun = Instant::now();
        let both = [1, 2].map(|_| Task::async_(async move { process(id, "sweep").await }));
        for task in both {
            task.await.expect("nobody crashes").expect("the worker runs");
        }
        assert_eq!(begun.elapsed(), 2 * WORK, "one after the other");
        assert_eq!(worker(id).whereis().map(|found| found.pid()), Some(first), "by its name");
    });
}

/// Five workers under a supervisor of their own, each with its id; the registry before them.
///
/// Exercise: 2
/// Covers: CH9-X1-T, CH9-X1-S1, CH9-X1-S3, CH9-X1-R1, CH9-X1-R2, CH9-X1-R3, CH9-X1-O1, CH9-CHK-13
#[test]
fn the_pool_is_a_registry_and_a_supervisor_of_five_workers() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let pool = as_written().await;
        let children = pool.which_children().await.expect("a supervisor answers");
        let children: Vec<_> = children.iter().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            children,
            [("PoolSupervisor", ChildKind::Supervisor), ("WorkerPool.Registry", ChildKind::Worker)],
            "the newest child is listed first: the registry was started before those who are entered \
             in it (see hint 3 of exercise 2)"
        );
        let workers = POOL_SUPERVISOR.which_children().await;
        let workers = workers.expect("it has its name (see hint 2 of exercise 2)");
        let ids: Vec<_> = workers.iter().rev().map(|child| child.id.to_string()).collect();
        assert_eq!(
            ids,
            IDS.map(|id| format!("worker {id}")),
            "each has an id of its own (see hint 1 of exercise 2)"
        );
        assert_eq!(
            notes(&history),
            IDS.map(|id| format!("Worker {id} started")),
            "they are started in this order (see hint 2 of exercise 2)"
        );
        assert!(is_linked(&pool), "whoever starts the pool is linked to it");
        assert_eq!(WORKER_POOL.whereis(), Some(pool), "the pool has its name");
        for id in IDS {
            assert_eq!(process(id, "sweep").await, Ok(format!("Worker {id} processed: sweep")));
        }
    });
}

/// What all workers have in common comes from their type; what is this one's own is said over it.
///
/// Exercise: 2
/// Covers: CH9-CHK-13, CH9-X1-S3
#[test]
fn the_specifications_differ_in_their_ids_only() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, IDS);
        let child = ChildSpec::from(worker_child(id));
        assert_eq!(
            child,
            ChildSpec::from(PoolWorker::child(|| 0)).with_id(format!("worker {id}")),
            "only the id is another one than that of all workers (see hint 1 of exercise 2)"
        );
        trap_exit(true).expect("the test is a process");
        let workers = start_pool_supervisor().await.expect("nobody has the name");
        let second = start_pool_supervisor().await.map(|second| second.pid());
        assert_eq!(second, Err(StartError::AlreadyStarted(workers.pid())), "it has its name");
        let count = ChildCount { specs: 5, active: 5, supervisors: 0, workers: 5 };
        assert_eq!(workers.count_children().await, Ok(count), "five workers (see hint 2)");
    });
}

/// A worker that is killed is started again under its id and its key, with nothing done; the others
/// never knew.
///
/// Exercise: 2
/// Covers: CH9-X1-O3, CH9-X1-O4, CH9-X1-R5
/// Oracle: C9-15, SUP-02
#[test]
fn a_killed_worker_is_back_and_the_others_go_on() {
    scenario_with(|seed| async move {
        let victim = one_of(seed, [2_usize, 1, 5]);
        let history = System::current().record();
        let pool = as_written().await;
        let before = IDS.map(pid);
        sleep(SECOND).await;
        for id in IDS {
            process(id, "sweep").await.expect("all run (see hint 2 of exercise 2)");
        }
        sleep(SECOND / 2).await;
        let old = worker(victim).whereis().expect("it runs");
        kill_and_wait(&old).await;
        restarted(&worker(victim), &old).await;
        let kept: Vec<_> = IDS.iter().map(|id| pid(*id) == before[*id - 1]).collect();
        assert_eq!(
            kept,
            IDS.map(|id| id != victim),
            "worker {victim} was killed, and only it is another one now (see hint 2 of exercise 2)"
        );
        for id in IDS {
            let done = u64::from(id != victim);
            assert_eq!(tasks_processed(id).await, Ok(done), "a new life begins with nothing done");
        }
        sleep(SECOND).await;
        pool.stop().await.expect("a supervisor stops when it is asked to");
        let row = |name: &str, drawn: &str| format!("{name:<22}  {drawn}\n");
        let whole = "╺━━━━━━━━━━━━━━━━━━━■";
        let mut expected = row("", "0ms       2s        3s")
            + &row("WorkerPool", &format!("{whole}    normal"))
            + &row("├─ WorkerPool.Registry", whole)
            + &row("└─ PoolSupervisor", whole);
        for id in IDS {
            let life = if id == victim {
                format!("╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Worker {id} started\" ×2; killed")
            } else {
                format!("╺•━━━━━━━━━━━━━━━━━━■    \"Worker {id} started\"")
            };
            let branch = if id == POOL_SIZE { "└─" } else { "├─" };
            expected += &row(&format!("   {branch} worker {id}"), &life);
        }
        let why =
            format!("\n2s  one_for_one: worker {victim} was restarted because it was killed\n");
        expected += &why;
        assert_timeline!(
            history.trace(),
            &expected,
            "worker {victim} was killed, and only it was started again (see hint 2 of exercise 2)"
        );
    });
}

/// A worker is killed at its work, with two callers waiting behind the first: all three are told, and
/// none of their tasks is done.
///
/// Exercise: 2
/// Covers: CH9-X1-O3, CH9-X1-S2
/// Oracle: C9-15
#[test]
fn the_calls_that_wait_for_a_killed_worker_end_as_errors() {
    scenario_with(|seed| async move {
        as_written().await;
        let id = one_of(seed, IDS);
        let waiting = 1 + usize::try_from(seed % 4).expect("a small number");
        let callers: Vec<_> = (0..=waiting)
            .map(|_| Task::async_(async move { process(id, "sweep").await }))
            .collect();
        sleep(WORK / 2).await;
        let old = worker(id).whereis().expect("it runs");
        kill_and_wait(&old).await;
        for caller in callers {
            assert_eq!(
                caller.await,
                Ok(Err(CallError::Down(ExitReason::Killed))),
                "running or waiting: whom the worker has not answered is told of its end (see hint 2 \
                 of exercise 1)"
            );
        }
        restarted(&worker(id), &old).await;
        assert_eq!(process(id, "again").await, Ok(format!("Worker {id} processed: again")));
        assert_eq!(tasks_processed(id).await, Ok(1), "nobody has kept the tasks of the old one");
    });
}

/// As the course writes it, the registry is a sibling of the pool. Its end is that of all workers:
/// five crashes at once, and the pool's supervisor grants three restarts.
///
/// Exercise: 2
/// Covers: CH9-X1-S1
/// Oracle: C9-16
#[test]
fn as_written_the_end_of_the_registry_ends_the_pool_supervisor() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        as_written().await;
        let ends = IDS.map(|id| pid(id).join());
        let pool = POOL_SUPERVISOR.whereis().expect("it runs").pid();
        let pool_ends = pool.join();
        kill_and_wait(POOL_REGISTRY.whereis().expect("it runs").pid()).await;
        for end in ends {
            assert_eq!(end.await, ExitReason::Killed, "who has a key is linked to the registry");
        }
        assert_eq!(
            timeout(SECOND, pool_ends).await,
            Ok(ExitReason::Shutdown),
            "five workers ended at once, and three restarts are granted (see hint 2 of exercise 2)"
        );
        let trace = history.trace();
        let said: Vec<_> = trace.events().iter().filter_map(Event::sentence).collect();
        assert!(
            said.iter().any(|said| said.starts_with("PoolSupervisor gave up")),
            "it was not stopped from above, it gave up, though no worker had done anything wrong (see \
             hint 3 of exercise 2): {said:?}"
        );
    });
}

/// The same task always goes to the same worker, in each run of the program.
///
/// Exercise: 3
/// Covers: CH9-X1-R4
/// Oracle: C9-14
#[test]
fn a_hash_sends_the_same_task_to_the_same_worker() {
    scenario_with(|seed| async move {
        let mut chosen = BTreeMap::<_, usize>::new();
        for nth in 0..200 {
            let task = format!("task {nth} of {seed}");
            let id = choose_by_hash(&task);
            assert!(IDS.contains(&id), "worker {id} was chosen, and there are five (see hint 2)");
            for _ in 0..3 {
                let again = choose_by_hash(&task);
                assert_eq!(again, id, "the same task, the same worker (see hint 2 of exercise 3)");
            }
            *chosen.entry(id).or_default() += 1;
        }
        assert_eq!(
            chosen.keys().copied().collect::<Vec<_>>(),
            IDS,
            "of two hundred tasks everybody gets some (see hint 2 of exercise 3): {chosen:?}"
        );
    });
}

/// Twenty tasks by hash: each worker does what the hash has given it, one after the other, and the
/// whole takes as long as the busiest one.
///
/// Exercise: 3
/// Covers: CH9-X1-S2, CH9-X1-V1, CH9-X1-R4, CH9-X1-R5
/// Oracle: C9-14
#[test]
fn by_hash_the_busiest_worker_decides_how_long_it_takes() {
    scenario_with(|seed| async move {
        as_written().await;
        let tasks: Vec<_> = (1..=20).map(|nth| format!("task_{nth} of {seed}")).collect();
        let begun = Instant::now();
        let results =
            in_parallel(&tasks, |_, task| async move { process_task_by_hash(&task).await });
        for (task, result) in tasks.iter().zip(results.await) {
            assert_eq!(
                result,
                Ok(format!("Worker {} processed: {task}", choose_by_hash(task))),
                "it was processed by whom the hash has chosen (see hint 3 of exercise 3)"
            );
        }
        let took = begun.elapsed();
        let counts = counts().await;
        assert_eq!(counts.iter().sum::<u64>(), 20, "each task was done once: {counts:?}");
        let busiest = counts.iter().copied().max().and_then(|max| u32::try_from(max).ok());
        assert_eq!(Some(took), busiest.map(|busiest| WORK * busiest), "{counts:?}");
    });
}

/// Twenty times the same task is a queue before one worker, while four have nothing to do.
///
/// Exercise: 3
/// Covers: CH9-X1-R4
/// Oracle: C9-14
#[test]
fn by_hash_a_task_that_is_asked_for_often_waits_for_one_worker() {
    scenario_with(|seed| async move {
        as_written().await;
        let tasks = vec![format!("report {seed}"); 20];
        let begun = Instant::now();
        let results =
            in_parallel(&tasks, |_, task| async move { process_task_by_hash(&task).await });
        for result in results.await {
            result.expect("the worker runs, and is in time (see hint 3 of exercise 3)");
        }
        assert_eq!(begun.elapsed(), 20 * WORK, "one after the other");
        let busy: Vec<_> = counts().await.into_iter().filter(|count| *count > 0).collect();
        assert_eq!(busy, [20], "that is no round-robin (see hint 1 of exercise 3)");
    });
}

/// Each in its turn, whatever the task is, and however many ask at once.
///
/// Exercise: 4
/// Covers: CH9-X1-R4, CH9-X1-O2
/// Oracle (defect): C9-14
#[test]
fn in_a_rotation_everybody_has_a_turn() {
    let rotation = Rotation::new();
    let turns: Vec<_> = (0..12).map(|_| rotation.next_worker()).collect();
    assert_eq!(
        turns,
        [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2],
        "the first one is worker 1, and after the fifth comes the first (see hint 1 of exercise 4)"
    );
    let another = Rotation::new();
    assert_eq!(
        (another.next_worker(), rotation.next_worker()),
        (1, 3),
        "each rotation has its own turn (see hint 2 of exercise 4)"
    );
}

/// The course's session: twenty tasks in parallel. Each worker has four of them.
///
/// Exercise: 4
/// Covers: CH9-X1-T, CH9-X1-S2, CH9-X1-V1, CH9-X1-R4, CH9-X1-R5, CH9-X1-O2
/// Oracle (defect): C9-14
#[test]
fn in_a_rotation_twenty_tasks_take_as_long_as_four() {
    scenario_with(|seed| async move {
        as_written().await;
        let same = seed % 2 == 0;
        let tasks: Vec<_> =
            (1..=20).map(|nth| format!("task_{}", if same { 1 } else { nth })).collect();
        let begun = Instant::now();
        let results =
            in_parallel(&tasks, |turn, task| async move { process_task(&turn, &task).await }).await;
        for (task, result) in tasks.iter().zip(results) {
            let result = result.expect("all run (see hint 3 of exercise 4)");
            assert!(result.ends_with(&format!(" processed: {task}")), "{result}");
        }
        assert_eq!(
            (begun.elapsed(), counts().await),
            (4 * WORK, vec![4; 5]),
            "twenty tasks, five workers, four each (see hint 3 of exercise 4)"
        );
    });
}

/// A rotation looks at nobody: a worker that is away has its turn all the same, and so does one that
/// has much to do.
///
/// Exercise: 4
/// Covers: CH9-X1-R4
#[test]
fn a_rotation_does_not_know_who_is_there() {
    scenario_with(|seed| async move {
        as_written().await;
        let away = one_of(seed, IDS);
        POOL_SUPERVISOR.terminate_child(&format!("worker {away}")).await.expect("it runs");
        let tasks = vec!["sweep".to_owned(); 20];
        let results =
            in_parallel(&tasks, |turn, task| async move { process_task(&turn, &task).await }).await;
        let refused = results.iter().filter(|result| **result == Err(CallError::NoProc)).count();
        assert_eq!(refused, 4, "worker {away} is away, and had its four turns (see hint 3)");
    });
}

/// A worker is killed with tasks before it: whoever retries has them done by the next ones.
///
/// Exercise: 5
/// Covers: CH9-X1-O3, CH9-X1-V1
/// Oracle (defect): C9-15
#[test]
fn whoever_tries_again_does_not_notice_a_killed_worker() {
    scenario_with(|seed| async move {
        as_written().await;
        let victim = worker(one_of(seed, IDS)).whereis().expect("it runs").pid();
        let at = Duration::from_millis(seed % 390);
        spawn(async move {
            sleep(at).await;
            victim.kill();
        });
        let tasks: Vec<_> = (1..=20).map(|nth| format!("task_{nth}")).collect();
        let results = in_parallel(&tasks, |turn, task| async move {
            process_task_retrying(&turn, &task, 3).await
        })
        .await;
        for (task, result) in tasks.iter().zip(results) {
            assert!(
                result.as_ref().is_ok_and(|said| said.ends_with(&format!(" processed: {task}"))),
                "a worker was killed after {at:?}, and its tasks went to others; it was {result:?} \
                 (see hint 1 of exercise 5)"
            );
        }
    });
}

/// The next try goes to the next worker, not to the one that was lost.
///
/// Exercise: 5
/// Covers: CH9-X1-O3
/// Oracle (defect): C9-15
#[test]
fn a_task_that_was_refused_is_given_to_the_next_worker() {
    scenario_with(|seed| async move {
        as_written().await;
        let away = one_of(seed, IDS);
        POOL_SUPERVISOR.terminate_child(&format!("worker {away}")).await.expect("it runs");
        let turn = Rotation::new();
        for nth in 1..=10 {
            assert_eq!(
                process_task_retrying(&turn, "sweep", 2).await.map(drop),
                Ok(()),
                "task {nth}: worker {away} is away, and the one after it is not (see hint 1 of \
                 exercise 5)"
            );
        }
    });
}

/// So often, and no more, with a pause in between: an error is told when trying has not helped.
///
/// Exercise: 5
/// Covers: CH9-X1-S2
/// Oracle (defect): C9-15
#[test]
fn who_tries_in_vain_is_told() {
    scenario_with(|seed| async move {
        let tries = 1 + usize::try_from(seed % 5).expect("a small number");
        let pool = as_written().await;
        for id in IDS {
            POOL_SUPERVISOR.terminate_child(&format!("worker {id}")).await.expect("it runs");
        }
        let begun = Instant::now();
        let answer =
            timeout(60 * SECOND, process_task_retrying(&Rotation::new(), "sweep", tries)).await;
        let pauses = u32::try_from(tries).expect("a few") - 1;
        assert_eq!(
            (answer, begun.elapsed()),
            (Ok(Err(CallError::NoProc)), PAUSE * pauses),
            "{tries} tries, and a pause between two (see hint 2 of exercise 5)"
        );
        drop(pool);
    });
}

/// A worker that is late may still do the task: to give it to another one as well would be to do it
/// twice, and to give more work to a pool that has too much.
///
/// Exercise: 5
/// Covers: CH9-X1-S2
#[test]
fn a_task_that_is_late_is_not_given_to_another_worker() {
    scenario(|_: Process| async move {
        as_written().await;
        // Each worker has work for ten seconds.
        let busy: Vec<_> = IDS
            .into_iter()
            .flat_map(|id| [id; 100])
            .map(|id| {
                Task::async_(async move {
                    worker(id)
                        .call(|reply| Call::Process("sweep".to_owned(), reply))
                        .infinity()
                        .await
                })
            })
            .collect();
        settle().await;
        let begun = Instant::now();
        let answer = process_task_retrying(&Rotation::new(), "polish", 3).await;
        assert_eq!(
            (answer, begun.elapsed()),
            (Err(CallError::Timeout), 5 * SECOND),
            "nobody was lost, so there is nothing to try again (see hint 2 of exercise 5)"
        );
        for task in busy {
            task.infinity().await.expect("nobody crashes").expect("it is done at last");
        }
        sleep(SECOND).await;
        assert_eq!(
            counts().await.iter().sum::<u64>(),
            501,
            "it was done after all, once, for nobody (see hint 2 of exercise 5)"
        );
    });
}

/// The registry is the ground on which the workers stand: when it ends, both are started anew, once.
///
/// Exercise: 6
/// Covers: CH9-X1-R1, CH9-X1-R2, CH9-X1-O4
/// Oracle (defect): C9-16
#[test]
fn the_pool_comes_back_with_its_registry() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let history = System::current().record();
        let pool = start_link().await.expect("all names are free (see hint 1 of exercise 6)");
        assert!(is_linked(&pool), "whoever starts the pool is linked to it");
        for _ in 0..3 {
            let supervisor = POOL_SUPERVISOR.whereis().expect("it runs");
            let workers = IDS.map(pid);
            kill_and_wait(POOL_REGISTRY.whereis().expect("it runs").pid()).await;
            timeout(SECOND, restarted(&POOL_SUPERVISOR, &supervisor))
                .await
                .expect("who stands on the registry is started again after it (see hint 1)");
            settle().await;
            assert!(IDS.into_iter().all(|id| !workers.contains(&pid(id))), "all are new");
            sleep(Duration::from_millis(seed % 1000)).await;
        }
        assert!(
            pool.is_alive(),
            "the registry ended three times within five seconds, and three restarts are granted (see \
             hint 1 of exercise 6)"
        );
        let said = history.trace().events().iter().filter_map(Event::sentence).collect::<Vec<_>>();
        let led_to = "PoolSupervisor was restarted because WorkerPool.Registry, started before it,";
        assert_eq!(
            said.iter().filter(|said| said.contains(led_to)).count(),
            3,
            "the end of the registry is one restart of both; a supervisor that gives up, and is started \
             again for that, is a second one (see hint 2 of exercise 6): {said:?}"
        );
        assert_eq!(
            process_task(&Rotation::new(), "sweep").await.map(drop),
            Ok(()),
            "and all is well"
        );
    });
}

/// The registry ends while tasks are at work, and nobody who retries has to know.
///
/// Exercise: 6
/// Covers: CH9-X1-O3, CH9-X1-O4
/// Oracle (defect): C9-16, C9-15
#[test]
fn whoever_tries_again_does_not_notice_a_killed_registry() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        start_link().await.expect("all names are free (see hint 1 of exercise 6)");
        let registry = POOL_REGISTRY.whereis().expect("it runs").pid();
        let at = Duration::from_millis(1 + seed % 390);
        spawn(async move {
            sleep(at).await;
            registry.kill();
        });
        let tasks: Vec<_> = (1..=20).map(|nth| format!("task_{nth}")).collect();
        let results = in_parallel(&tasks, |turn, task| async move {
            process_task_retrying(&turn, &task, 3).await
        })
        .await;
        for (task, result) in tasks.iter().zip(results) {
            assert!(
                result.as_ref().is_ok_and(|said| said.ends_with(&format!(" processed: {task}"))),
                "the registry was killed after {at:?}, and was back with all workers; it was \
                 {result:?} (see hint 1 of exercise 6)"
            );
        }
    });
}

/// A worker's own end is still its own affair, and that of the supervisor of all concerns no registry.
///
/// Exercise: 6
/// Covers: CH9-X1-O3, CH9-X1-O4
/// Oracle: SUP-02
#[test]
fn what_stands_on_the_registry_may_end_without_it() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        start_link().await.expect("all names are free (see hint 1 of exercise 6)");
        let registry = POOL_REGISTRY.whereis().expect("it runs");
        let victim = one_of(seed, IDS);
        let before = IDS.map(pid);
        kill_and_wait(before[victim - 1]).await;
        restarted(&worker(victim), before[victim - 1]).await;
        assert_eq!(POOL_REGISTRY.whereis(), Some(registry), "the registry goes on");
        let new: Vec<_> = IDS.into_iter().filter(|id| pid(*id) != before[*id - 1]).collect();
        assert_eq!(new, [victim], "worker {victim} is another one (see hint 2 of exercise 6)");
        let (supervisor, registry) = (POOL_SUPERVISOR.whereis(), POOL_REGISTRY.whereis());
        let supervisor = supervisor.expect("it runs");
        // A kill would leave it no time to stop the workers, and they keep their names until they end.
        let back = restarted(&POOL_SUPERVISOR, &supervisor);
        supervisor.stop().await.expect("it stops when it is asked to");
        back.await;
        settle().await;
        assert_eq!(POOL_REGISTRY.whereis(), registry, "it stands on nothing (see hint 1)");
        assert_eq!(process(victim, "sweep").await.map(drop), Ok(()), "and all workers are back");
    });
}

/// The results of all tasks, in their order, each waited for by a process of its own; all share one
/// rotation.
async fn in_parallel<F>(
    tasks: &[String],
    process: impl Fn(Arc<Rotation>, String) -> F,
) -> Vec<Result<String, CallError>>
where
    F: Future<Output = Result<String, CallError>> + Send + 'static,
{
    let turn = Arc::new(Rotation::new());
    let start = |task: &String| Task::async_(process(turn.clone(), task.clone()));
    let tasks: Vec<_> = tasks.iter().map(start).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.infinity().await.expect("nobody crashes"));
    }
    results
}

/// How many tasks each worker has completed.
async fn counts() -> Vec<u64> {
    let mut counts = Vec::new();
    for id in IDS {
        counts.push(tasks_processed(id).await.expect("it runs (see hint 2 of exercise 1)"));
    }
    counts
}

/// The process that is worker `id` now.
fn pid(id: usize) -> Pid {
    worker(id).whereis().expect("it runs (see hint 2 of exercise 2)").pid()
}

/// The registry alone. `main` survives its end.
async fn registry() {
    trap_exit(true).expect("the test is a process");
    POOL_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
}

/// Whether a process is linked to the test.
fn is_linked(pid: impl Into<Pid>) -> bool {
    pid.into().info().is_some_and(|info| self_pid().is_ok_and(|own| info.links.contains(&own)))
}

/// The pool of exercise 2. `main` survives its end.
async fn as_written() -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    start_as_written().await.expect("all names are free (see hint 3 of exercise 2)")
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
