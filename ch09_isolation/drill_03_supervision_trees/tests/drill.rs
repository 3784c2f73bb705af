//! Drill 9.3, supervision trees.
//!
//! The test runs as the process `main`, which traps exits. Which rows are asked for, and which worker
//! crashes, is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch09_drill_03_supervision_trees::{
    API, AskApi, AskCache, AskWorker, CACHE, DATABASE, REGISTRY, Row, SYSTEM, Tell, database,
    in_the_way, outline, start_as_written, start_database, start_flat, start_system, strays,
    worker,
};
use runtime::prelude::*;
use runtime::testing::{in_process, kill_and_wait, one_of, restarted, scenario_with};
use runtime::trace::{Event, Recorder, What};
use runtime::tree::{Node, Tree};
use runtime::{
    ChildCount, ChildKind, FailedToStart, RegistryError, SpawnOptions, SpecError, StartError,
    SupervisorRef, System, assert_timeline, spawn_link, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [u32; 3] = [1, 2, 3];

/// The course's list has one id three times, and nothing of it ever runs.
///
/// Exercise: 1
/// Covers: CH9-D3-S2
/// Oracle (defect): C9-05
/// Oracle: SUP-52
#[test]
fn the_courses_database_is_refused_before_anything_starts() {
    scenario_with(|_| async move {
        let history = history();
        REGISTRY.start_link().await?;
        let refused = in_process("caller", |_: Process| start_as_written()).await;
        let refused = refused.expect(
            "without a link the refusal is a value and nothing else (see hint 3 of exercise 1)",
        );
        let Err(StartError::Failed(reason)) = &refused else {
            panic!(
                "three children with one id cannot be started, but: {refused:?} (see hint 2 of \
                 exercise 1)"
            )
        };
        assert_eq!(
            reason.downcast_ref::<SpecError>(),
            Some(&SpecError::DuplicateId("DatabaseWorker".into())),
            "each child has its type as its id; this came to: {reason} (see hint 2 of exercise 1)"
        );
        assert_eq!(notes(&history), [""; 0], "the list is looked at before the first child starts");
        Ok::<_, Crash>(())
    });
}

/// With an id for each, the three run: in order, under a name, registered by their numbers.
///
/// Exercise: 2
/// Covers: CH9-D3-S2, CH9-D3-S3
/// Oracle: C9-06
#[test]
fn the_database_supervises_three_registered_workers() {
    scenario_with(|seed| async move {
        let history = history();
        REGISTRY.start_link().await?;
        let database = database_alone().await;
        assert_eq!(
            shape(&database),
            "database: one_for_one supervisor\n\
             ├─ worker 1: permanent worker\n\
             ├─ worker 2: permanent worker\n\
             └─ worker 3: permanent worker\n",
            "a supervisor under its name, and three children with ids of their own (see hint 2 of \
             exercise 2)"
        );
        assert_eq!(
            notes(&history),
            IDS.map(|id| format!("worker {id} starting")),
            "each is started when the one before it is up (see hint 2 of exercise 2)"
        );
        for id in IDS {
            let key = u32::try_from(seed % 100)?;
            let read = worker(id).call(|reply| AskWorker::Read(key, reply)).await;
            assert_eq!(
                read,
                Ok(Row { key, by: id }),
                "worker {id} is registered under its number (see hint 3 of exercise 2)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// Question 2 of the text, on the subtree alone: only the worker that crashed is another process.
///
/// Exercise: 2
/// Covers: CH9-D3-Q2, CH9-D3-I3
/// Oracle: C9-06, SUP-02
#[test]
fn a_worker_that_crashes_is_alone_with_it() {
    scenario_with(|seed| async move {
        history();
        REGISTRY.start_link().await?;
        let database = database_alone().await;
        let (victim, before) = (one_of(seed, IDS), workers());
        crash(&worker(victim)).await;
        assert!(database.is_alive(), "one crash is what a supervisor is for");
        for (id, (old, new)) in (1..).zip(before.into_iter().zip(workers())) {
            assert_eq!(
                old == new,
                id != victim,
                "worker {victim} crashed; worker {id} was {old:?}, and is {new:?} (see hint 1 of \
                 exercise 2)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// A supervisor is listed as one, and is never cut short when it stops its children.
///
/// Exercise: 3
/// Covers: CH9-D3-S2, CH8-NEXT-1
/// Oracle: SUP-55
#[test]
fn a_supervisor_is_a_child_with_endless_patience() {
    scenario_with(|_| async move {
        history();
        let expected = ChildSpec::new("database", || async { Err(StartError::Ignored) })
            .kind(ChildKind::Supervisor)
            .shutdown(Shutdown::Infinity);
        assert_eq!(
            database(),
            expected,
            "a child that is a supervisor is shown as one, and not killed after five seconds (see \
             hint 2 of exercise 3)"
        );
    });
}

/// A supervisor that is killed cannot stop its children. They end by their links, while it is being
/// started again: the new life waits for the end of the old one, and is up at the first try.
///
/// Exercise: 3
/// Covers: CH9-D3-Q3, CH9-D3-I2
/// Oracle: C9-06
#[test]
fn a_database_that_was_killed_waits_for_its_old_workers() {
    scenario_with(|_| async move {
        let history = history();
        REGISTRY.start_link().await?;
        let top = Supervisor::one_for_one().child(database()).start_link().await?;
        let (old, before) = (DATABASE.up().await?, workers());
        old.pid().kill();
        let back = timeout(SECOND, restarted(&DATABASE, &old)).await;
        back.expect("a permanent child is started again (see hint 1 of exercise 3)");
        top.count_children().await?;
        let failed = |event: &Event| matches!(&event.what, What::StartFailed { id, .. } if &**id == "database");
        assert!(
            !history.trace().events().iter().any(failed),
            "whoever restarts the database does so once: the keys of the old workers are waited for, \
             and not fought for (see hint 3 of exercise 3)"
        );
        for (old, new) in before.into_iter().zip(workers()) {
            assert!(
                new.is_some() && old != new,
                "the crash of a supervisor is the end of all its children, and all come back: {old:?} \
                 was followed by {new:?}"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// The patience has an end: a key that somebody else has, and keeps, is an error as before.
///
/// Exercise: 3
/// Covers: CH9-D3-Q3
#[test]
fn a_key_that_stays_taken_is_an_error_of_the_start() {
    scenario_with(|seed| async move {
        history();
        REGISTRY.start_link().await?;
        let id = one_of(seed, IDS);
        let squatter = spawn_link(async move {
            if REGISTRY.register(id, ()).is_ok() {
                pending::<()>().await;
            }
        })?;
        sleep(SECOND).await;
        let started = Supervisor::one_for_one().child(database()).start();
        let started = timeout(10 * SECOND, started.into_future()).await;
        let failed = started.expect("nobody waits for ever (see hint 3 of exercise 3)");
        let Err(StartError::Failed(reason)) = failed else {
            panic!("the key of worker {id} is taken, but: {failed:?} (see hint 3 of exercise 3)")
        };
        let failed = reason.downcast_ref::<FailedToStart>();
        assert_eq!(
            failed.and_then(|failed| in_the_way(&failed.error)),
            Some(squatter.pid()),
            "the error says who has the key of worker {id}: {reason}"
        );
        kill_and_wait(squatter.pid()).await;
        Ok::<_, Crash>(())
    });
}

/// As long as the patience lasts, a key is waited for; and it begins anew with each key.
///
/// Exercise: 3
/// Covers: CH9-D3-Q3
#[test]
fn two_keys_that_are_given_up_one_after_the_other_are_both_waited_for() {
    scenario_with(|seed| async move {
        history();
        REGISTRY.start_link().await?;
        let keep = one_of(seed, IDS);
        for (nth, id) in (1..).zip(IDS.into_iter().filter(|id| *id != keep)) {
            spawn_link(async move {
                REGISTRY.register(id, ())?;
                sleep(nth * 4 * SECOND).await;
                Ok::<(), RegistryError>(())
            })?;
        }
        sleep(Duration::from_millis(1)).await;
        let started = Supervisor::one_for_one().child(database()).start_link();
        let started = timeout(60 * SECOND, started.into_future()).await;
        let top = started.expect("nobody waits for ever (see hint 3 of exercise 3)");
        assert!(
            top.is_ok(),
            "two workers of the last life took four and eight seconds to end; for each of them the \
             start waits up to `PATIENCE`, and then tries again, but: {top:?} (see hint 3 of \
             exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// The drawing of question 1, and nothing that is not in it: the tree that runs has this shape, these
/// ids, kinds and strategies, and nobody is up without a supervisor.
///
/// Exercise: 4
/// Covers: CH9-D3-T, CH9-D3-S1, CH9-D3-S2, CH9-D3-S3, CH9-D3-Q1, CH9-CHK-01, CH9-CHK-07
/// Oracle: C9-06
#[test]
fn the_tree_that_runs_is_the_one_that_was_drawn() {
    scenario_with(|_| async move {
        history();
        let system = whole(start_system().await);
        assert_eq!(
            System::current().tree().shape(),
            "\
main
└╌ system: one_for_one supervisor
   ├─ registry: permanent worker
   ├─ database: permanent one_for_one supervisor
   │  ├─ worker 1: permanent worker
   │  ├─ worker 2: permanent worker
   │  └─ worker 3: permanent worker
   ├─ cache: permanent worker
   └─ api: permanent worker
",
            "this is the drawing, with nobody beside it; cargo xtask trace ch09/3 drawn --tree draws \
             yours (see hint 1 of exercise 4)"
        );
        assert_eq!(
            system.count_children().await,
            Ok(ChildCount { specs: 4, active: 4, supervisors: 1, workers: 3 }),
            "four children, one of which is a supervisor (see hint 2 of exercise 3)"
        );
        assert_eq!(
            (SYSTEM.whereis(), DATABASE.whereis().is_some()),
            (Some(system), true),
            "both supervisors have names (see hint 3 of exercise 4)"
        );
        assert!(
            System::current().tree().find("system").is_some_and(|system| system.linked),
            "the root is linked to whoever starts it: `start_link` (see hint 3 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// The parts work together: the API asks the cache, the cache asks a worker, once for each row.
///
/// Exercise: 4
/// Covers: CH9-D3-S3, CH9-D3-T
#[test]
fn the_api_answers_from_the_cache_and_the_cache_from_the_database() {
    scenario_with(|seed| async move {
        history();
        whole(start_system().await);
        let key = u32::try_from(seed % 100)?;
        for _ in 0..2 {
            assert_eq!(fetch(key).await, Ok(Row { key, by: 1 + key % 3 }));
        }
        assert_eq!((remembered().await, served().await), (1, 2));
        Ok::<_, Crash>(())
    });
}

/// Question 2: worker 2 crashes, and nobody but worker 2 is another process.
///
/// Exercise: 4
/// Covers: CH9-D3-Q2, CH9-D3-I1, CH9-D3-I3, CH9-WSUM-02, CH9-CHK-08
/// Oracle: C9-06
#[test]
fn the_crash_of_a_worker_is_felt_by_nobody_else() {
    scenario_with(|seed| async move {
        let history = history();
        let system = whole(start_system().await);
        let victim = one_of(seed, [2, 1, 3]);
        sleep(SECOND).await;
        crash(&worker(victim)).await;
        sleep(SECOND).await;
        system.stop().await?;
        let [one, two, three] = IDS.map(|id| if id == victim {
            format!("╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"worker {id} starting\" ×2; panic: crashed on purpose")
        } else {
            format!("╺•━━━━━━━━━━━━━━━━━━■    \"worker {id} starting\"")
        });
        assert_timeline!(
            history.trace(),
            &format!(
                "
                0ms       1s        2s
system          ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ registry     ╺━━━━━━━━━━━━━━━━━━━■
├─ database     ╺━━━━━━━━━━━━━━━━━━━■
│  ├─ worker 1  {one}
│  ├─ worker 2  {two}
│  └─ worker 3  {three}
├─ cache        ╺━━━━━━━━━━━━━━━━━━━■
└─ api          ╺━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: worker {victim} was restarted because it crashed
"
            ),
            "question 2: worker {victim} crashed after a second (see hint 1 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 3: the database supervisor gives up, its workers end with it and come back, and registry,
/// cache and API do not notice. It needs four crashes in five seconds for that, one more than it may
/// restart, and they cost the root one restart of its own.
///
/// Exercise: 4
/// Covers: CH9-D3-Q3, CH9-D3-Q6, CH9-D3-I1, CH9-D3-I2, CH9-WSUM-01, CH9-WSUM-02, CH9-WSUM-13, CH9-CHK-08
/// Oracle: C9-06, SUP-10, SUP-16
#[test]
fn a_database_that_gives_up_costs_nobody_else_anything() {
    scenario_with(|seed| async move {
        let history = history();
        let system = whole(start_system().await);
        let keys = 1 + u32::try_from(seed % 9)?;
        for key in 0..keys {
            fetch(key).await?;
        }
        for _ in 0..4 {
            sleep(SECOND).await;
            crash(&worker(2)).await;
        }
        system.count_children().await?;
        assert_eq!(
            (remembered().await, served().await),
            (usize::try_from(keys)?, u64::from(keys)),
            "the cache remembers its rows, and the API its requests: the fourth crash was the \
             database's affair (see hint 2 of exercise 4)"
        );
        sleep(SECOND).await;
        system.stop().await?;
        assert_timeline!(
            history.trace(),
            "
                0ms       1s        2s        3s        4s        5s
system          ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ registry     ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
├─ database     ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━■    #2  gave up
│  ├─ worker 1  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■╺•━━━━━━━■    #2  \"worker 1 starting\" ×2
│  ├─ worker 2  ╺•━━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━■    #5  \"worker 2 starting\" ×5; panic: crashed on purpose ×4
│  └─ worker 3  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■╺•━━━━━━━■    #2  \"worker 3 starting\" ×2
├─ cache        ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
└─ api          ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: worker 2 was restarted because it crashed
2s  one_for_one: worker 2 was restarted because it crashed
3s  one_for_one: worker 2 was restarted because it crashed
4s  database gave up because worker 2 crashed, and only 3 restarts in 5s are allowed
4s  one_for_one: database was restarted because it shut down, and is permanent
",
            "question 3: the database gave up after four seconds (see hint 2 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 6 in numbers: a level multiplies what the tree bears, and does not make it endless.
///
/// Exercise: 4
/// Covers: CH9-D3-Q6, CH9-WSUM-01
/// Oracle: SUP-10, SUP-16
#[test]
fn the_whole_tree_bears_fifteen_crashes_and_ends_at_the_sixteenth() {
    scenario_with(|seed| async move {
        history();
        let system = whole(start_system().await);
        let end = system.pid().join();
        let victim = one_of(seed, IDS);
        for nth in 1..=15 {
            crash(&worker(victim)).await;
            let counted = timeout(SECOND, system.count_children().into_future()).await;
            assert!(
                counted.is_ok_and(|counted| counted.is_ok()),
                "three restarts by the database, and three of the database: crash {nth} is borne \
                 (see hint 2 of exercise 4)"
            );
        }
        worker(victim).cast(Tell::Crash);
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Shutdown),
            "the fourth life of the database has given up, too (see hint 2 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 4: the cache crashes, and has forgotten everything; nobody else has.
///
/// Exercise: 4
/// Covers: CH9-D3-Q4, CH9-D3-I1, CH9-D3-I3
/// Oracle: C9-06
#[test]
fn the_crash_of_the_cache_costs_its_rows_and_nothing_else() {
    scenario_with(|seed| async move {
        let history = history();
        let system = whole(start_system().await);
        let key = u32::try_from(seed % 100)?;
        fetch(key).await?;
        sleep(SECOND).await;
        crash(&CACHE).await;
        assert_eq!(
            (remembered().await, served().await),
            (0, 1),
            "the new cache is empty, and the API counts on (see hint 1 of exercise 4)"
        );
        assert_eq!(
            fetch(key).await,
            Ok(Row { key, by: 1 + key % 3 }),
            "what a cache has lost it reads again: that is why it may be lost"
        );
        sleep(SECOND).await;
        system.stop().await?;
        assert_timeline!(
            history.trace(),
            "
                0ms       1s        2s
system          ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ registry     ╺━━━━━━━━━━━━━━━━━━━■
├─ database     ╺━━━━━━━━━━━━━━━━━━━■
│  ├─ worker 1  ╺•━━━━━━━━━━━━━━━━━━■    \"worker 1 starting\"
│  ├─ worker 2  ╺•━━━━━━━━━━━━━━━━━━■    \"worker 2 starting\"
│  └─ worker 3  ╺•━━━━━━━━━━━━━━━━━━■    \"worker 3 starting\"
├─ cache        ╺━━━━━━━━━╳╺━━━━━━━━■    #2  panic: crashed on purpose
└─ api          ╺━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: cache was restarted because it crashed
",
            "question 4: the cache crashed after a second (see hint 1 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 5: the workers register when they start, so the registry is there first; and it is still
/// there when they stop.
///
/// Exercise: 4
/// Covers: CH9-D3-Q5, CH9-D3-I4, CH9-D3-S1
/// Oracle: C9-06
#[test]
fn the_registry_is_there_before_and_after_whoever_needs_it() {
    scenario_with(|_| async move {
        let history = history();
        let system = whole(start_system().await);
        let started = history.trace();
        let started = started.events().iter().filter_map(|event| match &event.what {
            What::ChildStarted { id, .. } => Some(id.to_string()),
            _ => None,
        });
        assert_eq!(
            started.collect::<Vec<_>>(),
            ["registry", "worker 1", "worker 2", "worker 3", "database", "cache", "api"],
            "a supervisor is up when its last child is, and then comes the next one of the list (see \
             hint 1 of exercise 4)"
        );
        system.stop().await?;
        let ended = history.trace();
        let ended = ended.events().iter().filter(|event| matches!(event.what, What::Exited { .. }));
        assert_eq!(
            ended.map(|event| event.subject.to_string()).collect::<Vec<_>>(),
            ["api", "cache", "worker 3", "worker 2", "worker 1", "database", "registry", "system"],
            "the end is the beginning, backwards"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 5 from the other side: with the database first nothing starts, and the error says who.
///
/// Exercise: 3
/// Covers: CH9-D3-Q5, CH9-D3-I4
#[test]
fn a_database_before_its_registry_cannot_start() {
    scenario_with(|_| async move {
        history();
        let wrong = Supervisor::one_for_one().child(database()).child(REGISTRY.child());
        let failed = timeout(SECOND, wrong.start().into_future()).await;
        let failed = failed.expect("nobody waits for a registry that does not come");
        let Err(StartError::Failed(reason)) = failed else {
            panic!("workers that cannot register cannot start, but: {failed:?}")
        };
        let failed = reason.downcast_ref::<FailedToStart>();
        assert_eq!(
            failed.map(|failed| &*failed.id),
            Some("database"),
            "the root names the child that did not start: {reason}"
        );
    });
}

/// What the order does not say: a registry that crashes takes all who are registered along. Cache and
/// API still do not notice, but it costs the database its restarts, and perhaps its life.
///
/// Exercise: 4
/// Covers: CH9-D3-Q5, CH9-D3-I1
#[test]
fn the_crash_of_the_registry_is_the_crash_of_the_database() {
    scenario_with(|seed| async move {
        history();
        let system = whole(start_system().await);
        let key = u32::try_from(seed % 100)?;
        fetch(key).await?;
        let (tree, before) = (System::current().tree(), workers());
        let registry = tree.find("registry").and_then(Node::pid);
        kill_and_wait(registry.expect("the registry is a child with this id")).await;
        sleep(SECOND).await;
        for (id, old) in IDS.into_iter().zip(before) {
            let read = worker(id).call(|reply| AskWorker::Read(key, reply)).await;
            assert_eq!(read, Ok(Row { key, by: id }), "worker {id} is registered again");
            assert_ne!(
                workers()[id as usize - 1],
                old,
                "who is registered falls with the registry"
            );
        }
        assert!(system.is_alive(), "it cost the root two restarts at most");
        assert_eq!(
            (remembered().await, served().await),
            (1, 1),
            "who needs the registry only for a call does not fall with it"
        );
        Ok::<_, Crash>(())
    });
}

/// Question 6: without a supervisor of its own, the database spends the restarts of everybody. The
/// same four crashes end the cache, the API and the system.
///
/// Exercise: 5
/// Covers: CH9-D3-Q6, CH9-WSUM-01, CH9-CHK-07
/// Oracle: SUP-10, SUP-12
#[test]
fn in_a_flat_tree_four_crashes_of_a_worker_end_everything() {
    scenario_with(|seed| async move {
        let history = history();
        let system = whole(start_flat().await);
        assert_eq!(
            shape(&system),
            "system: one_for_one supervisor\n\
             ├─ registry: permanent worker\n\
             ├─ worker 1: permanent worker\n\
             ├─ worker 2: permanent worker\n\
             ├─ worker 3: permanent worker\n\
             ├─ cache: permanent worker\n\
             └─ api: permanent worker\n",
            "one level, in the same order (see hint 1 of exercise 5)"
        );
        let key = u32::try_from(seed % 100)?;
        fetch(key).await?;
        let end = system.pid().join();
        for _ in 0..3 {
            sleep(SECOND).await;
            crash(&worker(2)).await;
        }
        assert_eq!(remembered().await, 1, "three crashes are what the root grants");
        sleep(SECOND).await;
        worker(2).cast(Tell::Crash);
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Shutdown),
            "the fourth one is too much, and the root is nobody's child (see hint 2 of exercise 5)"
        );
        assert_eq!(
            (CACHE.whereis(), API.whereis()),
            (None, None),
            "a worker of the database has ended the cache and the API"
        );
        assert_timeline!(
            history.trace(),
            "
             0ms       1s        2s        3s        4s
system       ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳    gave up
├─ registry  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
├─ worker 1  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"worker 1 starting\"
├─ worker 2  ╺•━━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳╺•━━━━━━━╳    #4  \"worker 2 starting\" ×4; panic: crashed on purpose ×4
├─ worker 3  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"worker 3 starting\"
├─ cache     ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
└─ api       ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: worker 2 was restarted because it crashed
2s  one_for_one: worker 2 was restarted because it crashed
3s  one_for_one: worker 2 was restarted because it crashed
4s  system gave up because worker 2 crashed, and only 3 restarts in 5s are allowed
",
            "question 6: worker 2 crashes every second (see hint 2 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The drawing is made by asking, one supervisor after the other, and it is the one of the trace.
///
/// Exercise: 6
/// Covers: CH9-D3-Q1, CH9-CHK-01
/// Oracle: SUP-70
#[test]
fn whoever_asks_the_supervisors_can_draw_the_tree() {
    scenario_with(|seed| async move {
        history();
        REGISTRY.start_link().await?;
        let database = database_alone().await;
        let workers = IDS.map(|id| format!("worker {id}: worker"));
        assert_eq!(
            asked(&database).await,
            workers,
            "the oldest first, as they stand in the list (see hint 2 of exercise 6)"
        );
        // A tree that nobody has drawn: so many levels, and a worker before and after each.
        let levels = 1 + seed % 3;
        let idle = |id: String| ChildSpec::process(id, pending::<()>);
        let mut tree = Supervisor::one_for_one().child(idle("innermost".into()));
        let mut expected =
            vec![format!("{}innermost: worker", "  ".repeat(usize::try_from(levels)?))];
        for level in (0..levels).rev() {
            let indent = "  ".repeat(usize::try_from(level)?);
            tree = Supervisor::one_for_one()
                .child(idle(format!("before {level}")))
                .child(tree.into_child(format!("level {level}")))
                .child(idle(format!("after {level}")));
            expected.insert(0, format!("{indent}level {level}: supervisor"));
            expected.insert(0, format!("{indent}before {level}: worker"));
            expected.push(format!("{indent}after {level}: worker"));
        }
        let top = tree.start_link().await?;
        assert_eq!(
            asked(&top).await,
            expected,
            "a supervisor stands above its children, which are indented by two more (see hint 3 of \
             exercise 6)"
        );
        database.terminate_child("worker 2").await?;
        assert_eq!(
            asked(&database).await,
            workers,
            "a child that is stopped is still in the list (see hint 2 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// A process in no supervisor is found wherever it hangs: below a worker, or below nobody any more.
///
/// Exercise: 7
/// Covers: CH9-D3-Q1, CH9-CHK-01
#[test]
fn who_is_in_no_supervisor_is_found() {
    scenario_with(|seed| async move {
        history();
        let system = whole(start_system().await);
        let tree = || System::current().tree();
        assert_eq!(
            strays(&tree()),
            [""; 0],
            "everybody is in the drawing; main is a root, and the system a supervisor (see hint 2 of \
             exercise 7)"
        );
        let stray = SpawnOptions::new().label("stray").spawn(async {
            SpawnOptions::new().label("its own").link().spawn(pending::<()>())?;
            pending::<Result<(), Crash>>().await
        })?;
        sleep(SECOND).await;
        assert_eq!(
            strays(&tree()),
            ["stray", "its own"],
            "one was spawned by main, the other one by the first; both are in no supervisor, and a \
             link is none (see hint 2 of exercise 7)"
        );
        kill_and_wait(stray.address.pid()).await;
        let parent = one_of(seed, [1, 2, 3]);
        worker(parent).cast(Tell::SpawnHelper);
        worker(parent).call(|reply| AskWorker::Read(0, reply)).await?;
        sleep(SECOND).await;
        assert_eq!(
            strays(&tree()),
            ["helper"],
            "worker {parent} has spawned it (see hint 3 of exercise 7)"
        );
        crash(&worker(parent)).await;
        assert_eq!(
            strays(&tree()),
            ["helper"],
            "its spawner has ended, it is still there, and nobody will ever stop it (see hint 3 of \
             exercise 7)"
        );
        if let Some(helper) = tree().find("helper").and_then(Node::pid) {
            kill_and_wait(helper).await;
        }
        system.stop().await?;
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

/// The database of exercise 2; the registry runs.
async fn database_alone() -> SupervisorRef {
    let started = timeout(SECOND, start_database()).await;
    let started = started.expect("nothing keeps three workers from starting");
    started.expect("three ids and three keys (see hint 2 of exercise 2)")
}

/// A system, or the reason why there is none.
fn whole(system: Result<SupervisorRef, StartError>) -> SupervisorRef {
    system.unwrap_or_else(|error| {
        panic!(
            "who is needed at the start stands before those who need it; this came to: {error} (see \
             hint 2 of exercise 4)"
        )
    })
}

/// The shape of the tree below a process.
fn shape(top: &SupervisorRef) -> String {
    Tree::of(top).expect("it runs").shape()
}

/// The processes that are registered as workers.
fn workers() -> [Option<Pid>; 3] {
    IDS.map(|id| worker(id).whereis().map(|worker| worker.pid()))
}

/// The drawing of exercise 6.
async fn asked(top: &SupervisorRef) -> Vec<String> {
    let drawn = timeout(SECOND, outline(top)).await;
    let drawn = drawn.expect("supervisors answer at once (see hint 3 of exercise 6)");
    drawn.expect("all of them run (see hint 3 of exercise 6)")
}

/// Crashes a part of the system, and waits until another process has its name.
async fn crash<N>(part: &N)
where
    N: Server + Sync,
    N::Type: GenServer<Cast = Tell>,
{
    let old = part.whereis().expect("it runs under its name").pid();
    part.cast(Tell::Crash);
    let back = timeout(SECOND, restarted(part, old)).await;
    back.expect("it is permanent, and so is who supervises it");
}

async fn fetch(key: u32) -> Result<Row, CallError> {
    API.call(|reply| AskApi::Fetch(key, reply)).await?
}

async fn served() -> u64 {
    API.call(AskApi::Served).await.expect("the API runs under its name")
}

async fn remembered() -> usize {
    CACHE.call(AskCache::Len).await.expect("the cache runs under its name")
}
