//! Drill 9.2, servers by via names.
//!
//! The test runs as the process `main`, which survives what it starts. Which worker it is about, how
//! many tasks there are and who asks at once is drawn from the seed of the run.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use ch09_drill_02_via_names::{
    Key, SYSTEM, TaskWorker, WORKER_REGISTRY, WorkerRegistry, ensure_started, get_status,
    process_task, start_link, start_system, worker,
};
use runtime::prelude::*;
use runtime::testing::{
    eventually, in_process, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::{
    ChildKind, RegistryError, StartError, SupervisorRef, System, Task, ViaError, assert_timeline,
    assert_trace, spawn, trap_exit, whereis,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [u32; 3] = [1, 2, 3];

/// A via name is made of the registry and a key; to make one needs neither of them to be there.
///
/// Exercise: 1
/// Covers: CH9-D2-T, CH9-D2-S2, CH9-D2-O2, CH9-CHK-03
/// Oracle: GS-49, REG-09
#[test]
fn a_via_name_is_a_registry_and_a_key() {
    scenario_with(|seed| async move {
        let key = one_of(seed, [Key::TaskWorker(1), Key::TaskWorker(7), Key::Printer(1)]);
        let name = WorkerRegistry::via_tuple::<TaskWorker>(key);
        assert_eq!(name.key(), &key, "the key is part of the name (see hint 2 of exercise 1)");
        let nowhere = name.resolve().map(|server| server.pid());
        registry().await;
        let nobody = name.resolve().map(|server| server.pid());
        assert_eq!(
            (nowhere, nobody),
            (
                Err(ViaError::Registry(RegistryError::NoRegistry("WorkerRegistry"))),
                Err(ViaError::NotRegistered)
            ),
            "it is looked up at each use: first there is no registry, then nobody in it (see hint \
             1 of exercise 1)"
        );
        WORKER_REGISTRY.register(key, ()).expect("nobody has the key");
        assert!(
            matches!(name.resolve(), Err(ViaError::WrongType(_))),
            "it leads to whoever has the key in `WORKER_REGISTRY`, and that is no worker now (see \
             hint 2 of exercise 1)"
        );
    });
}

/// The registry runs under its own name, once, and is linked to who started it.
///
/// Exercise: 1
/// Covers: CH9-D2-S1
/// Oracle: REG-17
#[test]
fn the_registry_is_named_after_its_module() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        let starter = spawn(|mut me: Process| async move {
            WorkerRegistry::start_link().await?;
            me.receive().await;
            Ok::<(), StartError>(())
        });
        settle().await;
        let first = whereis("WorkerRegistry").expect("it has its name (see hint 1 of exercise 1)");
        assert_eq!(
            WorkerRegistry::start_link().await.map(|registry| registry.pid()),
            Err(StartError::AlreadyStarted(first)),
            "a second one under the same name is refused (see hint 1 of exercise 1)"
        );
        let end = first.join();
        kill_and_wait(starter.pid()).await;
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Killed),
            "`start_link` links it to its starter, which was killed (see hint 1 of exercise 1)"
        );
    });
}

/// A specification tells a supervisor how to start the registry, and start it again.
///
/// Exercise: 1
/// Covers: CH9-D2-S3
/// Oracle: C9-03
#[test]
fn the_registry_can_stand_in_a_supervisor() {
    scenario(|_: Process| async move {
        let spec = WorkerRegistry::child_spec();
        assert_eq!(
            (&**spec.id(), WORKER_REGISTRY.count()),
            ("WorkerRegistry", Err(RegistryError::NoRegistry("WorkerRegistry"))),
            "its id is said, and nothing is started yet (see hint 3 of exercise 1)"
        );
        let supervisor = Supervisor::one_for_one().child(spec).start_link().await;
        supervisor.expect("the specification starts the registry (see hint 3 of exercise 1)");
        let old = WORKER_REGISTRY.whereis().expect("it runs under its name");
        kill_and_wait(&old).await;
        let new = restarted(&WORKER_REGISTRY, &old).await;
        assert_ne!(new, old, "a permanent child is started again (see hint 3 of exercise 1)");
    });
}

/// Three workers are started and asked by their ids alone; nobody keeps a pid.
///
/// Exercise: 2
/// Covers: CH9-D2-T, CH9-D2-S4, CH9-D2-S5, CH9-D2-E1, CH9-D2-E3, CH9-D2-O1, CH9-CHK-03
/// Oracle: C9-04
#[test]
fn workers_are_found_by_their_ids() {
    scenario_with(|seed| async move {
        registry().await;
        for id in IDS {
            // Another module may use the same number: it has other keys.
            let printer = Printer::start(Printer).name(WorkerRegistry::via_tuple(Key::Printer(id)));
            printer.await.expect("printer keys are not workers' keys (see hint 3 of exercise 2)");
            start_link(id).await.expect("nobody has the name (see hint 3 of exercise 2)");
        }
        let id = one_of(seed, IDS);
        let registered = WORKER_REGISTRY.whereis_name(&Key::TaskWorker(id));
        let found = worker(id).whereis().map(|server| server.pid());
        assert_eq!(
            (registered, get_status(id).await),
            (Ok(found), Ok(fresh(id))),
            "worker {id} is registered under its type and its id, and has done nothing (see hints \
             2 and 3 of exercise 2)"
        );
        assert!(found.is_some(), "worker {id} was started (see hint 3 of exercise 2)");
    });
}

/// A second worker with the same id is refused, the error says who has the id, and nobody is harmed.
///
/// Exercise: 2
/// Covers: CH9-D2-E5, CH9-D2-O4
/// Oracle: C9-04, GS-15
#[test]
fn an_id_that_is_taken_is_an_error_with_the_pid_of_its_holder() {
    scenario_with(|seed| async move {
        let id = one_of(seed, IDS);
        let early = start_link(id).await.map(|started| started.pid());
        registry().await;
        let first = start_link(id).await.expect("nobody has the name").pid();
        let before = System::current().process_count();
        let second = in_process("second", move |_: Process| async move {
            start_link(id).await.map(|started| started.pid())
        });
        assert_eq!(
            (early, second.await),
            (
                Err(StartError::Registry(RegistryError::NoRegistry("WorkerRegistry"))),
                Ok(Err(StartError::AlreadyStarted(first)))
            ),
            "first there was no registry, then worker {id} ran already: the start says both (see \
             hint 3 of exercise 2)"
        );
        assert_eq!(
            (first.is_alive(), System::current().process_count()),
            (true, before),
            "the second one never came to be (see hint 3 of exercise 2)"
        );
    });
}

/// A worker that is killed and started again is another process with a fresh state, and the same id.
///
/// Exercise: 2
/// Covers: CH9-D2-E4, CH9-D2-O3
/// Oracle: C9-04
#[test]
fn an_id_reaches_the_worker_that_was_started_again() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, IDS);
        let starter = in_process("starter", move |_: Process| async move {
            let first = start_link(id).await.map(|started| started.pid());
            (first, get_status(id).await)
        });
        let (first, status) = starter.await.expect("nothing crashes (see hint 3 of exercise 2)");
        let first = first.expect("nobody has the name");
        assert_eq!(status, Ok(fresh(id)), "the first life (see hint 2 of exercise 2)");
        kill_and_wait(first).await;
        assert_eq!(
            get_status(id).await,
            Err(CallError::NoProc),
            "nobody starts it again by itself (see hint 2 of exercise 2)"
        );
        let second = start_link(id).await.expect("the id is free again").pid();
        assert_ne!(first, second, "a pid is never used twice");
        assert_eq!(
            get_status(id).await,
            Ok(fresh(id)),
            "the id leads to the new process: ask by name, and keep nothing (see hint 2 of \
             exercise 2)"
        );
    });
}

/// A worker is linked to who started it: otherwise no supervisor would learn of its end.
///
/// Exercise: 2
/// Covers: CH9-D2-S4
/// Oracle: REG-14
#[test]
fn a_worker_falls_with_its_starter_and_with_its_registry() {
    scenario_with(|seed| async move {
        let registry = registry().await;
        let starter = spawn(async {
            start_link(1).await?;
            pending::<Result<(), StartError>>().await
        });
        settle().await;
        let end = worker(1).whereis().expect("it runs (see hint 3 of exercise 2)").pid().join();
        kill_and_wait(one_of(seed, [registry, starter.pid()])).await;
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Killed),
            "`start_link` links to the starter, a name in a registry links to the registry (see \
             hint 3 of exercise 2)"
        );
    });
}

/// Tasks go to a worker by its id, are done in their order, and concern nobody else.
///
/// Exercise: 3
/// Covers: CH9-D2-S6, CH9-D2-E2, CH9-D2-O1
/// Oracle: C9-04, GS-43
#[test]
fn tasks_are_counted_by_the_worker_with_the_id() {
    scenario_with(|seed| async move {
        registry().await;
        for id in IDS {
            start_link(id).await.expect("nobody has the name");
        }
        let (id, count) = (one_of(seed, IDS), 1 + u32::try_from(seed % 4).expect("a small number"));
        let tasks: Vec<_> = (1..=count).map(|nth| format!("task {nth} of {seed}")).collect();
        let history = System::current().record();
        for task in &tasks {
            process_task(id, task);
        }
        assert_eq!(
            get_status(id).await,
            Ok(TaskWorker { id, tasks_completed: count, current_task: tasks.last().cloned() }),
            "worker {id} was given {count} tasks, before it was asked (see hint 2 of exercise 3)"
        );
        let expected: Vec<_> = tasks
            .iter()
            .map(|task| format!("0ms TaskWorker notes: Worker {id} processing: {task}"))
            .collect();
        assert_eq!(history.trace().lines(), expected, "each is noted (see hint 3 of exercise 3)");
        for other in IDS.into_iter().filter(|other| *other != id) {
            assert_eq!(get_status(other).await, Ok(fresh(other)), "worker {other} had no task");
        }
    });
}

/// A task for nobody is lost in silence: who casts is told nothing.
///
/// Exercise: 3
/// Covers: CH9-D2-S6
/// Oracle: C9-04, REG-09
#[test]
fn a_task_for_nobody_is_lost_in_silence() {
    scenario_with(|seed| async move {
        let id = one_of(seed, IDS);
        process_task(id, "before there is a registry");
        registry().await;
        process_task(id, "before there is a worker");
        let first = start_link(id).await.expect("nobody has the name");
        kill_and_wait(&first).await;
        process_task(id, "after its end");
        start_link(id).await.expect("the id is free again");
        assert_eq!(
            get_status(id).await,
            Ok(fresh(id)),
            "nothing keeps a task for a worker that is still to come (see hint 1 of exercise 3)"
        );
    });
}

/// Who gives a task does not wait until it is done.
///
/// Exercise: 3
/// Covers: CH9-D2-S6
#[test]
fn who_gives_a_task_does_not_wait_for_it() {
    scenario(|_: Process| async move {
        registry().await;
        start_link(1).await.expect("nobody has the name");
        let history = System::current().record();
        process_task(1, "later");
        assert_trace!(history.trace(), [], "the worker has not run yet (see hint 1 of exercise 3)");
        settle().await;
        assert_trace!(
            history.trace(),
            ["0ms TaskWorker notes: Worker 1 processing: later"],
            "now it has (see hint 3 of exercise 3)"
        );
    });
}

/// Under a supervisor the restart comes by itself, and the same id reaches the new process.
///
/// Exercise: 4
/// Covers: CH9-D2-E4, CH9-D2-O3
/// Oracle: SUP-02
#[test]
fn a_killed_worker_is_back_under_its_id_and_the_others_never_knew() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let id = one_of(seed, [2, 1, 3]);
        let history = System::current().record();
        started().await;
        sleep(SECOND).await;
        for id in IDS {
            process_task(id, "one");
        }
        sleep(SECOND).await;
        let old = worker(id).whereis().expect("it runs (see hint 2 of exercise 4)");
        kill_and_wait(&old).await;
        restarted(&worker(id), &old).await;
        sleep(SECOND).await;
        for id in IDS {
            process_task(id, "two");
        }
        sleep(SECOND).await;
        SYSTEM.stop().await.expect("a supervisor stops when it is asked to");
        // A child that starts by a function of its own has no label, and is shown with its type.
        let drawn = history.trace().timeline();
        let kind = if drawn.contains("(TaskWorker)") { " (TaskWorker)" } else { "" };
        let width = (14 + kind.len()).max(17);
        let row = |name: &str, drawn: &str| format!("{name:<width$}  {drawn}\n");
        let whole = "╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■";
        let mut expected = row("", "0ms       1s        2s        3s        4s")
            + &row("system", &format!("{whole}    normal"))
            + &row("├─ WorkerRegistry", whole)
            + &row("└─ workers", whole);
        for each in IDS {
            let [one, two] =
                ["one", "two"].map(|task| format!("\"Worker {each} processing: {task}\""));
            let life = if each == id {
                format!("╺━━━━━━━━━•━━━━━━━━━╳╺━━━━━━━━•━━━━━━━━━■    #2  {one}; killed; {two}")
            } else {
                format!("╺━━━━━━━━━•━━━━━━━━━━━━━━━━━━━•━━━━━━━━━■    {one}; {two}")
            };
            let branch = if each == 3 { "└─" } else { "├─" };
            expected += &row(&format!("   {branch} worker {each}{kind}"), &life);
        }
        let why = format!("\n2s  one_for_one: worker {id} was restarted because it was killed\n");
        expected += &why;
        assert_timeline!(
            history.trace(),
            &expected,
            "worker {id} is killed after two seconds, and only that one is started again (see \
             hint 2 of exercise 4)"
        );
    });
}

/// The registry is the first child, so that it is there when the workers start, and is stopped last.
///
/// Exercise: 4
/// Covers: CH9-D2-E1, CH9-D2-S3
/// Oracle: SUP-01, SUP-05
#[test]
fn the_system_is_a_registry_and_a_supervisor_of_three_workers() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        started().await;
        let children = SYSTEM.which_children().await.expect("a supervisor answers");
        let ids: Vec<_> = children.iter().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            ids,
            [("workers", ChildKind::Supervisor), ("WorkerRegistry", ChildKind::Worker)],
            "the newest child is listed first: the registry was started before the workers (see \
             hint 1 of exercise 4)"
        );
        for id in IDS {
            assert_eq!(get_status(id).await, Ok(fresh(id)), "(see hint 2 of exercise 4)");
        }
        assert!(
            System::current().tree().find("system").is_some_and(|system| system.linked),
            "the supervisor is linked to whoever starts it: `start_link` (see hint 3 of exercise 4)"
        );
    });
}

/// Whoever is in a registry dies with it. That is one restart of two children, and no more.
///
/// Exercise: 4
/// Covers: CH9-D2-O3
/// Oracle: REG-14, SUP-04
#[test]
fn the_workers_fall_with_their_registry_and_come_back_after_it() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let system = started().await;
        for _ in 0..3 {
            let (old, workers) = (registry_pid(), IDS.map(|id| worker(id).whereis()));
            kill_and_wait(old).await;
            let back = eventually(move || {
                IDS.into_iter().zip(&workers).all(|(id, former)| {
                    let now = worker(id).whereis();
                    now.is_some() && now != *former
                })
            });
            timeout(SECOND, back).await.expect(
                "the workers died with their registry, and are to be started again after it (see \
                 hints 1 and 3 of exercise 4)",
            );
            sleep(Duration::from_millis(seed % 1000)).await;
        }
        assert!(
            system.is_alive(),
            "the registry crashed three times within five seconds, and three restarts are granted \
             (see hint 3 of exercise 4)"
        );
        for id in IDS {
            assert_eq!(get_status(id).await, Ok(fresh(id)), "(see hint 3 of exercise 4)");
        }
    });
}

/// The registry needs nobody: when the workers' supervisor gives up, it is not the registry's
/// business.
///
/// Exercise: 4
/// Covers: CH9-D2-O3
/// Oracle: SUP-04, SUP-16
#[test]
fn workers_that_give_up_do_not_cost_the_registry() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let system = started().await;
        let (registry, id) = (registry_pid(), one_of(seed, IDS));
        for _ in 0..4 {
            let old = worker(id).whereis().expect("it runs (see hint 2 of exercise 4)");
            kill_and_wait(&old).await;
            let back = timeout(SECOND, restarted(&worker(id), &old)).await;
            back.expect(
                "whoever falls with the workers is started again (see hint 2 of exercise 4)",
            );
        }
        assert_eq!(
            (system.is_alive(), registry_pid()),
            (true, registry),
            "worker {id} crashed four times, so the supervisor of the workers gave up and was \
             started again; the registry was there before them, and needs none of them (see hint 1 \
             of exercise 4)"
        );
    });
}

/// Of many that ask for a worker at once, one starts it, and all get the same.
///
/// Exercise: 5
/// Covers: CH9-D2-E5, CH9-D2-O4
/// Oracle: REG-20
#[test]
fn all_that_ask_for_a_worker_get_the_same_one() {
    scenario_with(|seed| async move {
        assert_eq!(
            ensure_started(1).await,
            Err(StartError::Registry(RegistryError::NoRegistry("WorkerRegistry"))),
            "not every error means that somebody was quicker (see hint 3 of exercise 5)"
        );
        registry().await;
        let before = System::current().process_count();
        let askers: Vec<_> =
            (0..5 + seed % 5).map(|_| Task::async_(async { ensure_started(1).await })).collect();
        let mut answers = Vec::new();
        for asker in askers {
            answers.push(asker.await.expect("nobody crashes (see hint 1 of exercise 5)"));
        }
        answers.dedup();
        let running = worker(1).whereis().map(|server| server.pid());
        assert_eq!(
            (answers.first().cloned(), answers.len(), System::current().process_count()),
            (running.map(Ok), 1, before + 1),
            "one worker is started, and everybody gets its pid (see hint 1 of exercise 5)"
        );
    });
}

/// A worker that was started for everybody does not end with the one who happened to ask first.
///
/// Exercise: 5
/// Covers: CH9-D2-E5
#[test]
fn a_worker_for_everybody_outlives_whoever_asked_first() {
    scenario(|_: Process| async move {
        registry().await;
        let first = spawn(async {
            ensure_started(1).await?;
            pending::<Result<(), StartError>>().await
        });
        settle().await;
        let asked = worker(1).whereis().map(|server| server.pid());
        assert!(asked.is_some(), "it was started (see hint 1 of exercise 5)");
        kill_and_wait(first.pid()).await;
        settle().await;
        assert_eq!(
            ensure_started(1).await.ok(),
            asked,
            "who asked first was killed, and the worker belongs to nobody (see hint 2 of exercise \
             5)"
        );
    });
}

/// A worker that is about to end keeps its id until it has ended: it is not to be given out.
///
/// Exercise: 5
/// Covers: CH9-D2-E4, CH9-D2-O3
#[test]
fn a_worker_that_is_about_to_end_is_not_given_out() {
    scenario_with(|seed| async move {
        registry().await;
        let old = ensure_started(1).await.expect("nobody has the name");
        if seed % 2 == 0 {
            sleep(SECOND).await;
        }
        old.kill();
        let asked = timeout(SECOND, ensure_started(1)).await;
        let new = asked.expect("its end comes at once (see hint 3 of exercise 5)");
        let new = new.expect("the id is free then (see hint 3 of exercise 5)");
        assert!(
            new != old && new.is_alive(),
            "the old worker was killed and had not ended yet: wait for that, and try again (see \
             hint 3 of exercise 5)"
        );
    });
}

/// A server of another module, which has keys of its own.
struct Printer;

impl CallServer for Printer {
    type Call = Infallible;

    async fn handle_call(&mut self, call: Infallible, _: &mut Cx<Self>) -> Handled<Self> {
        match call {}
    }
}

/// The state of a worker that has done nothing.
fn fresh(id: u32) -> TaskWorker {
    TaskWorker { id, tasks_completed: 0, current_task: None }
}

/// The registry, started first. `main` survives all that it starts.
async fn registry() -> Pid {
    trap_exit(true).expect("the test is a process");
    WORKER_REGISTRY.start_link().await.expect("nothing keeps a registry from starting").pid()
}

fn registry_pid() -> Pid {
    WORKER_REGISTRY.whereis().expect("the registry runs").pid()
}

/// The supervisor of exercise 4.
async fn started() -> SupervisorRef {
    start_system()
        .await
        .expect("the registry is started before the workers (see hint 1 of exercise 4)")
}
