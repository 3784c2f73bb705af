//! The project of chapter 9, the to-do system as a tree.
//!
//! The test runs as the process `main`, which traps exits. Names, titles and who is killed are drawn
//! from the seed of the run; each run has a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use ch09_project_todo_system::cache::{self, CACHE, server_process};
use ch09_project_todo_system::client;
use ch09_project_todo_system::database::{self, DATABASE, WORKERS, choose_worker};
use ch09_project_todo_system::database_worker::{DatabaseWorker, worker};
use ch09_project_todo_system::error::TodoError;
use ch09_project_todo_system::list::{Date, Entry, TodoList};
use ch09_project_todo_system::process_registry::{Key, PROCESS_REGISTRY, ProcessRegistry};
use ch09_project_todo_system::server::{self, IDLE, TodoServer, add_entry, entries};
use ch09_project_todo_system::store::{self, StoreError};
use ch09_project_todo_system::system::{TODO_SYSTEM, start_link_in};
use runtime::prelude::*;
use runtime::testing::{
    Schedule, eventually, kill_and_wait, one_of, restarted, run_on, scenario, scenario_with, settle,
};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildCount, ChildError, ChildKind, StartError, SupervisorRef, System, Task, ViaError,
    assert_timeline, self_pid, sys, trap_exit,
};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const DAY: Date = Date::new(2023, 1, 1);
const SECOND: Duration = Duration::from_secs(1);
const NUMBERS: [u32; 3] = [1, 2, 3];

/// The registry runs under its name, also below a supervisor, and its names are looked up at each use.
///
/// Exercise: 1
/// Covers: CH9-P-S1.1, CH9-P-S1.2, CH9-WSUM-11
#[test]
fn the_registry_is_a_supervisors_child_and_its_names_are_looked_up_at_each_use() {
    scenario_with(|seed| async move {
        watched();
        let number = one_of(seed, NUMBERS);
        let name = ProcessRegistry::via::<DatabaseWorker>(Key::DatabaseWorker(number));
        let nowhere = name.resolve().map(|it| it.pid());
        assert!(matches!(nowhere, Err(ViaError::Registry(_))), "there is no registry: {nowhere:?}");
        let alone = ProcessRegistry::start_link().await.expect("nothing keeps it from starting");
        assert_eq!(PROCESS_REGISTRY.whereis().map(|it| it.pid()), Some(alone.pid()));
        assert!(links().contains(&alone.pid()), "it is linked (see hint 1 of exercise 1)");
        alone.stop().await.expect("it stops when it is asked to");
        let child = ProcessRegistry::child_spec();
        assert_eq!(&**child.id(), "Todo.ProcessRegistry", "(see hint 2 of exercise 1)");
        Supervisor::one_for_one().child(child).start_link().await?;
        let old = PROCESS_REGISTRY.whereis().expect("it runs").pid();
        kill_and_wait(old).await;
        let back = async move {
            while name.resolve().map(drop) != Err(ViaError::NotRegistered) {
                settle().await;
            }
        };
        let back = timeout(SECOND, back).await;
        assert_eq!(back, Ok(()), "it is back, and nobody is in it (see hint 2 of exercise 1)");
        Ok::<_, Crash>(())
    });
}

/// A key says of which kind a process is, so the list `1` and the worker 1 have two.
///
/// Exercise: 1
/// Covers: PH3-SUM-18, PH3-SUM-19
#[test]
fn a_list_may_be_called_as_a_worker_is() {
    scenario(|_: Process| async move {
        watched();
        ProcessRegistry::start_link().await?;
        PROCESS_REGISTRY.register(Key::DatabaseWorker(1), ()).expect("nobody has the key");
        let list = ProcessRegistry::via::<TodoServer>(Key::TodoServer("1".to_owned()));
        let worker = ProcessRegistry::via::<DatabaseWorker>(Key::DatabaseWorker(1));
        assert_eq!(list.resolve().map(|it| it.pid()), Err(ViaError::NotRegistered));
        assert_eq!(
            worker.resolve().map(|it| it.pid()),
            Err(ViaError::WrongType(self_pid().expect("the test is a process"))),
            "the key leads to whoever has it, which is no worker now (see hint 1 of exercise 1)"
        );
        Ok::<_, Crash>(())
    });
}

/// The database is a supervisor now, of three workers with keys of their own.
///
/// Exercise: 2
/// Covers: CH9-P-S2.1, CH9-P-S2.2, CH9-P-S2.4, CH9-P-CHK1
/// Oracle: C9-29
#[test]
fn the_database_is_a_supervisor_of_three_workers() {
    scenario(|_: Process| async move {
        let (_scratch, folder) = folder().await;
        let history = watched();
        ProcessRegistry::start_link().await?;
        let database = database::start_link(&folder).await.expect("the files are there");
        assert_eq!(DATABASE.whereis().as_ref(), Some(&database), "(see hint 1 of exercise 2)");
        let children = database.which_children().await?;
        let ids: Vec<_> = children.iter().rev().map(|child| &*child.id).collect();
        assert_eq!(
            ids,
            ["database worker 1", "database worker 2", "database worker 3"],
            "each has an id of its own (see hint 1 of exercise 2)"
        );
        assert_eq!(
            notes(&history),
            NUMBERS.map(|number| format!("Starting database worker {number}")),
            "each says that it starts (see hint 2 of exercise 2)"
        );
        for (number, child) in NUMBERS.into_iter().zip(children.iter().rev()) {
            let found = PROCESS_REGISTRY.lookup(&Key::DatabaseWorker(number));
            let running = found.expect("the registry runs").map(|(pid, ())| pid);
            assert_eq!(
                Some(child.state),
                running.map(runtime::ChildState::Running),
                "worker {number} is found by its key (see hint 2 of exercise 2)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// `Ok` means that it is on the disk; each list is one worker's.
///
/// Exercise: 2
/// Covers: CH9-P-S2.2
#[test]
fn what_was_added_is_on_the_disk_and_each_list_is_another_one() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let names: Vec<_> = (0..7).map(|nth| format!("list {}", seed.wrapping_add(nth))).collect();
        for (nth, name) in (1_u32..).zip(&names) {
            let title = format!("of {name}, größer\n' \" ;");
            let added = database::add(name, nth.into(), Entry::new(DAY, title.clone())).await;
            assert_eq!(added, Ok(()), "(see hint 3 of exercise 2)");
            let sql = "SELECT title FROM entries WHERE list = ?1 AND id = ?2";
            assert_eq!(
                disk(&folder, name).query_row(sql, (name, nth), |row| row.get(0)),
                Ok(title),
                "`Ok` was said, so it is on the disk of its worker (see hint 3 of exercise 2)"
            );
        }
        for (nth, name) in (1_u32..).zip(&names) {
            let got = database::get(name).await.map(|list| (list.next_id(), list.entries(DAY)));
            let title = format!("of {name}, größer\n' \" ;");
            assert_eq!(
                got,
                Ok((u64::from(nth) + 1, vec![Entry::new(DAY, title)])),
                "and nobody else's"
            );
        }
        assert_eq!(database::get("never stored").await, Ok(TodoList::new()));
    });
}

/// One worker is killed: it is back, and the others have not noticed.
///
/// Exercise: 2
/// Covers: CH9-P-S2.3, CH9-WSUM-08
/// Oracle: C9-30
#[test]
fn a_killed_worker_is_back_and_the_others_never_knew() {
    scenario_with(|seed| async move {
        let (_scratch, _) = database().await;
        let pool = DATABASE.whereis();
        let number = one_of(seed, NUMBERS);
        let before = workers();
        let old = worker(number).whereis().expect("it runs");
        kill_and_wait(&old).await;
        timeout(SECOND, restarted(&worker(number), &old)).await.expect("it is permanent");
        let now = workers();
        let new: Vec<_> = (1..).zip(before).zip(now).filter(|((_, old), new)| old != new).collect();
        assert_eq!(
            new.iter().map(|((number, _), _)| *number).collect::<Vec<u32>>(),
            [number],
            "one for one (see hint 1 of exercise 2)"
        );
        assert_eq!(DATABASE.whereis(), pool);
        for name in ["Alice", "Bob", "Carol", "Dan", "Eve"] {
            assert_eq!(database::get(name).await, Ok(TodoList::new()), "all of them answer");
        }
    });
}

/// Nobody there, nothing to be read, and a broken connection: only the last one is a crash.
///
/// Exercise: 2
/// Covers: CH9-P-CHK4
#[test]
fn a_worker_crashes_for_a_broken_connection_and_not_for_a_broken_list() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let name = one_of(seed, ["Alice", "Bob", "1"]);
        let number = choose_worker(name);
        let before = workers();
        spoil(&folder, name);
        let got = database::get(name).await;
        let Err(TodoError::Store(StoreError::Corrupt { list, found, .. })) = &got else {
            panic!("the entry has no date, and this gave {got:?} (see hint 3 of exercise 2)");
        };
        assert_eq!((&**list, &**found), (name, "\"tomorrow\""), "it says what is wrong, and where");
        assert_eq!(workers(), before, "a restart mends no list (see hint 2 of exercise 2)");
        fs::remove_file(store::file(&folder, number)).expect("it is there");
        let added = database::add(name, 2, entry("Milk")).await;
        assert!(
            matches!(&added, Err(TodoError::Database(CallError::Down(_)))),
            "the file is gone, and this gave {added:?} (see hint 2 of exercise 2)"
        );
        eventually(|| DATABASE.whereis().is_none()).await;
        assert_eq!(
            database::get(name).await,
            Err(TodoError::Database(CallError::NoProc)),
            "no restart brings the file back, so the database ends (see hint 3 of exercise 2)"
        );
    });
}

/// What a list has taken, the next process of the list finds.
///
/// Exercise: 3
/// Covers: CH9-WSUM-12, CH9-P-S3.4
#[test]
fn a_list_begins_with_what_is_on_the_disk() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let history = watched();
        let name = one_of(seed, ["Alice", "a/b", "Ünal"]);
        let mut expected = vec![];
        for id in 1..4 {
            let list = server::start_link(name).await.expect("nothing keeps it from starting");
            let key = PROCESS_REGISTRY.lookup(&Key::TodoServer(name.to_owned()));
            assert_eq!(
                key.map(|it| it.map(|(pid, ())| pid)),
                Ok(Some(list.pid())),
                "it is registered under its name (see hint 1 of exercise 3)"
            );
            assert!(links().contains(&list.pid()), "and linked (see hint 1 of exercise 3)");
            let title = format!("{} {id}", one_of(seed, ["Audit", "Milk", "two\nlines"]));
            assert_eq!(
                add_entry(&list, entry(&title)).await,
                Ok(id),
                "the ids go on where the last process ended (see hint 2 of exercise 3)"
            );
            expected.push(title);
            assert_eq!(
                on_disk(&folder, name),
                expected,
                "`Ok` was said (see hint 2 of exercise 3)"
            );
            kill_and_wait(&list).await;
        }
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(titles(&list).await, Ok(expected), "(see hint 1 of exercise 3)");
        let starting = format!("Starting to-do server for {name}");
        assert_eq!(notes(&history).iter().filter(|note| **note == starting).count(), 4);
    });
}

/// An empty list in the place of one that cannot be read would be believed.
///
/// Exercise: 3
/// Covers: CH9-WSUM-12
/// Oracle: C9-31
#[test]
fn a_list_that_cannot_be_loaded_does_not_start() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let name = one_of(seed, ["Alice", "Bob", "Carol"]);
        let corrupt = seed % 2 == 0;
        if corrupt {
            spoil(&folder, name);
        } else {
            let child = format!("database worker {}", choose_worker(name));
            DATABASE.terminate_child(&child).await.expect("it is a child");
        }
        let started = server::start_link(name).await.map(|it| it.pid());
        let Err(StartError::Failed(reason)) = &started else {
            panic!("{started:?}, but nobody knows its entries (see hint 1 of exercise 3)");
        };
        let own = TodoError::of_reason(reason);
        assert!(
            match own {
                Some(TodoError::Store(StoreError::Corrupt { .. })) => corrupt,
                Some(TodoError::Database(CallError::NoProc)) => !corrupt,
                _ => false,
            },
            "the reason is what the database came to, and was {reason} (see hint 1 of exercise 3)"
        );
        assert!(server::via(name).whereis().is_none(), "and the key is free");
    });
}

/// What is certainly not on the disk is not in the list either, which goes on.
///
/// Exercise: 3
/// Covers: CH9-WSUM-12
#[test]
fn an_entry_that_nobody_took_is_not_in_the_list() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let name = one_of(seed, ["Alice", "Bob", "Carol"]);
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(add_entry(&list, entry("Audit")).await, Ok(1));
        let child = format!("database worker {}", choose_worker(name));
        DATABASE.terminate_child(&child).await.expect("it is a child");
        assert_eq!(
            add_entry(&list, entry("Milk")).await,
            Err(TodoError::Database(CallError::NoProc)),
            "there was no worker to take it (see hint 2 of exercise 3)"
        );
        assert_eq!(
            (titles(&list).await, list.is_alive()),
            (Ok(vec!["Audit".to_owned()]), true),
            "nothing was done, and the list knows it (see hints 2 and 3 of exercise 3)"
        );
        DATABASE.restart_child(&child).await.expect("it starts");
        assert_eq!(add_entry(&list, entry("Bread")).await, Ok(2), "the id is still free");
        assert_eq!(on_disk(&folder, name), ["Audit", "Bread"]);
    });
}

/// When nobody knows whether it was stored, the list ends, and the next one reads what is true.
///
/// Exercise: 3
/// Covers: CH9-WSUM-12, CH9-SUM-1
#[test]
fn a_list_that_does_not_know_what_is_on_the_disk_ends() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = database().await;
        let name = one_of(seed, ["Alice", "Bob", "Carol"]);
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(add_entry(&list, entry("Audit")).await, Ok(1));
        let (added, expected) = if seed % 2 == 0 {
            let worker = worker(choose_worker(name)).whereis().expect("it runs");
            sys::suspend(&worker).await.expect("it runs");
            let asked = list.clone();
            let added = Task::async_(async move { add_entry(&asked, entry("Milk")).await });
            settle().await;
            kill_and_wait(&worker).await;
            (added.await.expect("the caller lives on"), vec!["Audit"])
        } else {
            // Somebody else has added one.
            let sql = "INSERT INTO entries VALUES (?1, 2, '2023-01-01', 'Bread')";
            disk(&folder, name).execute(sql, [name]).expect("nobody has the lock");
            (add_entry(&list, entry("Milk")).await, vec!["Audit", "Bread"])
        };
        assert!(
            matches!(
                added,
                Err(TodoError::Database(CallError::Down(_))
                    | TodoError::Store(StoreError::Taken { .. }))
            ),
            "the caller is told, and got {added:?} (see hint 3 of exercise 3)"
        );
        eventually(|| worker(choose_worker(name)).whereis().is_some()).await;
        assert!(
            !list.is_alive(),
            "what it has in memory is perhaps another list than on the disk (see hint 3 of \
             exercise 3)"
        );
        let next = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(titles(&next).await, Ok(expected.into_iter().map(str::to_owned).collect()));
        assert_eq!(titles(&next).await, Ok(on_disk(&folder, name)), "what is on the disk is true");
    });
}

/// Which failures leave a doubt.
///
/// Exercise: 3
/// Covers: CH9-WSUM-12
#[test]
fn a_doubt_is_left_where_the_worker_had_the_request() {
    let file = PathBuf::from("lists-1.db");
    let taken = StoreError::Taken { file: file.clone(), list: "Alice".to_owned(), id: 2 };
    let full = StoreError::NotNow { file, reason: "full".to_owned() };
    for (error, uncertain) in [
        (TodoError::Database(CallError::NoProc), false),
        (TodoError::Database(CallError::Down(ExitReason::Killed)), true),
        (TodoError::Database(CallError::Timeout), true),
        (TodoError::Store(taken), true),
        (TodoError::Store(full), false),
    ] {
        assert_eq!(error.is_uncertain(), uncertain, "{error} (see hint 3 of exercise 3)");
    }
}

/// Of many that ask for a list at once, one starts it, and all get the same.
///
/// Exercise: 4
/// Covers: CH9-P-S3.1, CH9-P-S3.2, CH9-P-S3.3, CH9-P-S3.4, CH9-P-S1.3, CH9-P-CHK2, CH9-P-CHK3,
/// CH9-WSUM-09, PH3-SUM-20, PH3-SUM-21
/// Oracle: C9-26
#[test]
fn all_that_ask_for_a_list_get_the_same_process() {
    scenario_with(|seed| async move {
        let (_scratch, _) = parts().await;
        let name = one_of(seed, ["Alice", "1", "a/b"]);
        assert_eq!(counted().await, none(), "a cache starts empty (see hint 1 of exercise 4)");
        let askers: Vec<_> = (0..30)
            .map(|_| Task::async_(async move { server_process(name).await.map(|it| it.pid()) }))
            .collect();
        let mut answers = vec![];
        for asker in askers {
            answers.push(asker.await.expect("nobody crashes (see hint 2 of exercise 4)"));
        }
        answers.dedup();
        let registered = server::via(name).whereis().map(|it| it.pid());
        assert_eq!(
            (answers.first().cloned(), answers.len()),
            (registered.map(Ok), 1),
            "whoever was second gets the process of the first (see hint 3 of exercise 4)"
        );
        assert_eq!(
            counted().await,
            ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 },
            "it is a child of the cache (see hint 1 of exercise 4)"
        );
        let other = server_process("Zoe").await.map(|it| it.pid());
        assert_ne!(other.ok(), registered, "another name is another list");
    });
}

/// A killed list is nobody's business until somebody asks; then it is another process.
///
/// Exercise: 4
/// Covers: CH9-P-CHK4, CH9-WSUM-10, CH9-WSUM-11
#[test]
fn a_killed_list_stays_away_until_somebody_asks_for_it() {
    scenario_with(|seed| async move {
        let (_scratch, _) = parts().await;
        let old = server_process("Alice").await.expect("nothing keeps it from starting");
        assert_eq!(add_entry(&old, entry("Audit")).await, Ok(1));
        let asked = if seed % 2 == 0 {
            kill_and_wait(&old).await;
            sleep(SECOND).await;
            assert_eq!(
                counted().await,
                none(),
                "a temporary child is not started again, and not kept (see hint 1 of exercise 4)"
            );
            server_process("Alice").await
        } else {
            // It is asked for in the moment of its end.
            old.pid().kill();
            timeout(SECOND, server_process("Alice")).await.expect("its end comes at once")
        };
        let new = asked.expect("the key is free again (see hint 3 of exercise 4)");
        assert!(new.pid() != old.pid() && new.is_alive(), "a dead list is not given out");
        assert_eq!(
            (entries(&old, DAY).await, titles(&new).await),
            (Err(TodoError::List(CallError::NoProc)), Ok(vec!["Audit".to_owned()])),
            "the old pid leads to nobody for ever, the name to the new process"
        );
    });
}

/// Its worker is away: the list is not started, the caller is told why, and nobody else is concerned.
///
/// Exercise: 4
/// Covers: CH9-P-CHK4, CH9-SUM-1
/// Oracle: C9-31
#[test]
fn a_list_without_its_worker_is_not_started_and_the_cache_goes_on() {
    scenario_with(|seed| async move {
        let (_scratch, _) = parts().await;
        let cache = CACHE.whereis();
        let name = one_of(seed, ["Alice", "Bob", "Carol"]);
        let number = choose_worker(name);
        let child = format!("database worker {number}");
        DATABASE.terminate_child(&child).await.expect("it is a child");
        for _ in 0..5 {
            assert_eq!(
                server_process(name).await.map(|it| it.pid()),
                Err(TodoError::Database(CallError::NoProc)),
                "the list says why it does not start (see hint 2 of exercise 4)"
            );
        }
        let other = (0..100).map(|nth| format!("{nth}")).find(|name| choose_worker(name) != number);
        let other = server_process(&other.expect("there are three")).await;
        assert!(other.is_ok_and(|it| it.is_alive()), "the others have their workers");
        assert_eq!(CACHE.whereis(), cache, "five failed starts are no crash of the cache");
        DATABASE.restart_child(&child).await.expect("it starts");
        let now = server_process(name).await.expect("its worker is back");
        assert_eq!(titles(&now).await, Ok(vec![]));
    });
}

/// A list that cannot be read does not start, and is not tried again but when somebody asks.
///
/// Exercise: 4
/// Covers: CH9-P-CHK4, CH9-SUM-1
#[test]
fn a_corrupt_list_does_not_loop_and_concerns_nobody_else() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = parts().await;
        let history = watched();
        let before = (CACHE.whereis(), DATABASE.whereis(), workers());
        let bob = server_process("Bob").await.expect("nothing keeps it from starting");
        spoil(&folder, "Alice");
        let asked = 2 + usize::try_from(seed % 5).expect("a small number");
        for _ in 0..asked {
            let alice = server_process("Alice").await.map(|it| it.pid());
            assert!(
                matches!(alice, Err(TodoError::Store(StoreError::Corrupt { .. }))),
                "the caller learns what is wrong: {alice:?} (see hint 2 of exercise 4)"
            );
            sleep(Duration::from_millis(100)).await;
        }
        let tries = notes(&history).iter().filter(|it| it.ends_with("for Alice")).count();
        assert_eq!(tries, asked, "it is tried when somebody asks, and never else");
        assert_eq!((CACHE.whereis(), DATABASE.whereis(), workers()), before, "nobody crashed");
        assert_eq!(add_entry(&bob, entry("Milk")).await, Ok(1), "Bob has nothing to do with it");
        let sql = "UPDATE entries SET date = '2023-01-01' WHERE list = 'Alice'";
        disk(&folder, "Alice").execute(sql, []).expect("somebody mends it");
        let alice = server_process("Alice").await.expect("it can be read now");
        assert_eq!(titles(&alice).await, Ok(vec!["Audit".to_owned()]));
    });
}

/// The cache waits while a list loads; whoever runs already is found without it.
///
/// Exercise: 4
/// Covers: CH9-P-S3.2, CH9-P-CHK3
#[test]
fn a_list_that_runs_is_found_while_the_cache_waits_for_another_one() {
    scenario(|_: Process| async move {
        let (_scratch, _) = parts().await;
        let bob = server_process("Bob").await.expect("nothing keeps it from starting");
        sys::suspend(&worker(choose_worker("Alice"))).await?;
        let alice = Task::async_(async { server_process("Alice").await.map(|it| it.pid()) });
        settle().await;
        let found = timeout(SECOND, server_process("Bob")).await;
        assert_eq!(
            found.map(|it| it.map(|it| it.pid())),
            Ok(Ok(bob.pid())),
            "look for it in the registry before you ask the cache (see hint 3 of exercise 4)"
        );
        sys::resume(&worker(choose_worker("Alice"))).await?;
        assert!(alice.await.is_ok_and(|it| it.is_ok()), "she is there in the end");
        Ok::<_, Crash>(())
    });
}

/// What the start of a list came to: its own error, or the cache's.
///
/// Exercise: 4
/// Covers: CH9-P-CHK4
#[test]
fn the_error_of_a_start_is_the_lists_own_if_it_has_one() {
    let own = TodoError::Database(CallError::Timeout);
    let failed = |reason| ChildError::Start(StartError::Failed(reason));
    for (error, expected) in [
        (failed(ExitReason::error(own.clone())), own),
        (failed(ExitReason::Killed), TodoError::NotStarted(failed(ExitReason::Killed))),
        (ChildError::MaxChildren, TodoError::NotStarted(ChildError::MaxChildren)),
        (
            ChildError::Call(CallError::NoProc),
            TodoError::NotStarted(ChildError::Call(CallError::NoProc)),
        ),
    ] {
        assert_eq!(TodoError::from(error), expected, "(see hint 2 of exercise 4)");
    }
}

/// A list that nobody has asked for in a minute ends, and is there again when somebody asks.
///
/// Exercise: 5
/// Covers: CH9-P-S3.3, CH9-P-CHK4
#[test]
fn a_list_that_nobody_needs_ends_in_peace_and_each_request_is_a_need() {
    scenario_with(|seed| async move {
        let (_scratch, _) = parts().await;
        let alice = server_process("Alice").await.expect("nothing keeps it from starting");
        let end = alice.pid().join();
        let rest = one_of(seed, [1, 100, 30_000].map(Duration::from_millis));
        let almost = IDLE.saturating_sub(rest);
        for nth in 0..4 {
            sleep(almost).await;
            match (seed + nth) % 3 {
                0 => drop(add_entry(&alice, entry("Milk")).await),
                1 => drop(titles(&alice).await),
                _ => runtime::send(alice.pid(), "a message that it does not know").unwrap_or(()),
            }
            assert!(
                alice.is_alive(),
                "somebody asked {almost:?} ago at the latest (see hints 1 and 2 of exercise 5)"
            );
        }
        sleep(almost).await;
        assert!(alice.is_alive(), "not yet");
        sleep(rest + Duration::from_millis(1)).await;
        assert!(!alice.is_alive(), "a minute is over (see hint 1 of exercise 5)");
        assert_eq!(end.await, ExitReason::Normal, "it is no crash (see hint 2 of exercise 5)");
        assert_eq!(counted().await, none(), "and the cache has forgotten it");
        let again = server_process("Alice").await.expect("nothing keeps it from starting");
        assert_eq!(
            entries(&again, DAY).await,
            database::get("Alice").await.map(|it| it.entries(DAY))
        );
    });
}

/// Ten thousand lists run at once; a minute later there are those that somebody needs.
///
/// Exercise: 5
/// Covers: CH9-WSUM-09, CH9-SUM-1
#[test]
fn ten_thousand_lists_run_and_those_that_nobody_needs_prune_themselves() {
    let run = run_on(Schedule::Tasks, |_: Process| async move {
        let (_scratch, _) = parts().await;
        for nth in 0..10_000 {
            server_process(&format!("list {nth}")).await.expect("there is room");
        }
        assert_eq!(counted().await.active, 10_000);
        for _ in 0..3 {
            sleep(IDLE / 2).await;
            for nth in (0..10_000).step_by(100) {
                let list = server_process(&format!("list {nth}")).await.expect("it runs");
                assert_eq!(titles(&list).await, Ok(vec![]));
            }
        }
        assert_eq!(counted().await.active, 100, "so many are needed (see hint 1 of exercise 5)");
        sleep(IDLE + SECOND).await;
        assert_eq!(counted().await, none(), "and now nobody (see hint 1 of exercise 5)");
    });
    assert_eq!(
        run.reason,
        Some(ExitReason::Normal),
        "{}",
        run.trace.lines().last().cloned().unwrap_or_default()
    );
}

/// Three children in the order in which they need each other; two of them are supervisors.
///
/// Exercise: 6
/// Covers: CH9-P-S4.1, CH9-P-S4.2, CH9-P-CHK1, CH9-P-CHK2, CH9-WSUM-07
/// Oracle: C9-29
#[test]
fn the_root_has_three_children_and_the_registry_is_the_first() {
    scenario(|_: Process| async move {
        let (_scratch, folder) = folder().await;
        let history = watched();
        let system = started(folder).await;
        assert_eq!(TODO_SYSTEM.whereis().as_ref(), Some(&system), "(see hint 2 of exercise 6)");
        let children = system.which_children().await?;
        let ids: Vec<_> = children.iter().rev().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            ids,
            [
                ("Todo.ProcessRegistry", ChildKind::Worker),
                ("Todo.Database", ChildKind::Supervisor),
                ("Todo.Cache", ChildKind::Supervisor),
            ],
            "whoever needs another one comes after it (see hint 1 of exercise 6)"
        );
        assert_eq!(counted().await, none(), "no list is started before somebody asks");
        assert_eq!(notes(&history), NUMBERS.map(|it| format!("Starting database worker {it}")));
        Ok::<_, Crash>(())
    });
}

/// The course's own test: Alice is killed, comes back with her data, and nothing else was restarted.
///
/// Exercise: 6
/// Covers: CH9-P-S5.1, CH9-P-S5.2, CH9-P-S5.3, CH9-P-S5.4, CH9-P-USE1, CH9-P-USE2, CH9-P-T
/// Oracle: C9-29
#[test]
fn alice_comes_back_with_her_data_and_the_database_is_not_restarted() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        let history = watched();
        started(folder).await;
        let before = (DATABASE.whereis(), workers());
        let [alice, bob] = ["Alice", "Bob"].map(|name| async move {
            server_process(name).await.expect("nothing keeps it from starting")
        });
        let (alice, bob) = (alice.await, bob.await);
        let title = one_of(seed, ["Audit", "Milk", "Dentist"]);
        assert_eq!(add_entry(&alice, entry(title)).await, Ok(1));
        sleep(SECOND).await;
        kill_and_wait(&alice).await;
        sleep(SECOND).await;
        let new = server_process("Alice").await.expect("the key is free again");
        assert_ne!(new.pid(), alice.pid(), "it is another process");
        assert_eq!(titles(&new).await, Ok(vec![title.to_owned()]), "her data was on the disk");
        assert_eq!((DATABASE.whereis(), workers()), before, "the database did not notice");
        assert!(bob.is_alive(), "nor did Bob");
        sleep(SECOND).await;
        TODO_SYSTEM.stop().await.expect("a supervisor stops when it is asked to");
        assert_timeline!(
            history.trace(),
            r#"
                         0ms       1s        2s        3s
Todo.System              ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ Todo.ProcessRegistry  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
├─ Todo.Database         ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
│  ├─ database worker 1  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    "Starting database worker 1"
│  ├─ database worker 2  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    "Starting database worker 2"
│  └─ database worker 3  ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    "Starting database worker 3"
└─ Todo.Cache            ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
   ├─ Alice              ╺•━━━━━━━━╳                        "Starting to-do server for Alice"; killed
   ├─ Bob                ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    "Starting to-do server for Bob"
   └─ Alice                                  ╺•━━━━━━━━■    "Starting to-do server for Alice"

1s  Alice was not restarted because it is temporary
"#,
            "after a second Alice is killed, after two somebody asks for her"
        );
    });
}

/// A worker is killed: it is restarted alone, Alice keeps her process, and can write and read again.
///
/// Exercise: 6
/// Covers: CH9-P-S5.4, CH9-WSUM-08, CH9-SUM-1
/// Oracle: C9-30
#[test]
fn a_killed_worker_costs_no_list_its_process() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        let history = watched();
        started(folder.clone()).await;
        let alice = server_process("Alice").await.expect("nothing keeps it from starting");
        assert_eq!(add_entry(&alice, entry("Audit")).await, Ok(1));
        let number = one_of(seed, [choose_worker("Alice"), 1, 2, 3]);
        let old = worker(number).whereis().expect("it runs");
        kill_and_wait(&old).await;
        timeout(SECOND, restarted(&worker(number), &old)).await.expect("it is permanent");
        assert_eq!(
            notes(&history).last(),
            Some(&format!("Starting database worker {number}")),
            "nobody else was started (see hint 1 of exercise 6)"
        );
        assert_eq!(
            server_process("Alice").await.map(|it| it.pid()),
            Ok(alice.pid()),
            "she has her process (see hint 1 of exercise 6)"
        );
        assert_eq!(add_entry(&alice, entry("Milk")).await, Ok(2));
        assert_eq!(on_disk(&folder, "Alice"), ["Audit", "Milk"]);
    });
}

/// The README's table: who is another process, or none any more, when one part was killed.
///
/// Exercise: 6
/// Covers: CH9-P-T, CH9-P-S5.4, CH9-WSUM-07, CH9-WSUM-08, CH9-SUM-1
/// Oracle: C9-29, C9-30
#[test]
fn a_kill_costs_those_who_rely_on_the_killed_part() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        watched();
        started(folder).await;
        for name in ["Alice", "Bob"] {
            server_process(name).await.expect("nothing keeps it from starting");
        }
        let (victim, expected) = one_of(
            seed,
            [
                ("Alice", &["Alice"][..]),
                ("worker 2", &["worker 2"]),
                ("cache", &["cache", "Alice", "Bob"]),
                (
                    "database",
                    &["database", "worker 1", "worker 2", "worker 3", "cache", "Alice", "Bob"],
                ),
                (
                    "registry",
                    &[
                        "registry", "database", "worker 1", "worker 2", "worker 3", "cache",
                        "Alice", "Bob",
                    ],
                ),
            ],
        );
        let before = everybody();
        let found = before.iter().find(|(name, _)| *name == victim);
        let old = found.and_then(|(_, pid)| *pid).expect("it runs");
        kill_and_wait(old).await;
        let back = eventually(move || {
            let mut now = everybody().into_iter();
            now.all(|(name, pid)| {
                ["Alice", "Bob"].contains(&name) || pid.is_some_and(|it| it != old)
            })
        });
        let back = timeout(SECOND, back).await;
        assert!(
            back.is_ok(),
            "{victim} was killed, and not all is back (see hint 1 of exercise 6)"
        );
        settle().await;
        let changed = before.into_iter().zip(everybody()).filter(|(before, now)| before != now);
        let changed: Vec<_> = changed.map(|((name, _), _)| name).collect();
        assert_eq!(changed, expected, "{victim} was killed (see hint 1 of exercise 6)");
    });
}

/// Whoever has a name falls with the registry; that is one restart, and no data.
///
/// Exercise: 6
/// Covers: CH9-P-S4.2, CH9-SUM-1
#[test]
fn a_killed_registry_costs_all_their_processes_and_nobody_their_data() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        watched();
        let system = started(folder).await;
        for nth in 1..=3 {
            let added = timeout(SECOND, client::add_entry("Alice", entry("Audit"))).await;
            assert_eq!(added, Ok(Ok(nth)), "(see hint 1 of exercise 6)");
            let cache = CACHE.whereis().expect("it runs");
            let old = worker(one_of(seed, NUMBERS)).whereis().expect("it runs");
            kill_and_wait(PROCESS_REGISTRY.whereis().expect("it runs").pid()).await;
            let back = timeout(SECOND, restarted(&worker(one_of(seed, NUMBERS)), &old)).await;
            assert!(
                back.is_ok(),
                "the workers are to come back after it (see hint 1 of exercise 6)"
            );
            timeout(SECOND, restarted(&CACHE, &cache)).await.expect("as is the cache");
        }
        assert!(system.is_alive(), "three restarts are granted (see hint 3 of exercise 6)");
        assert_eq!(
            client::entries("Alice", DAY).await.map(|it| it.len()),
            Ok(3),
            "it is on the disk"
        );
    });
}

/// Whatever is killed, when it is over everything that was acknowledged is there.
///
/// Exercise: 6
/// Covers: CH9-P-S5.3, CH9-WSUM-12, CH9-SUM-1
#[test]
fn what_was_acknowledged_is_there_whatever_was_killed() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        watched();
        let system = started(folder.clone()).await;
        let names = ["Alice", "Bob", "Carol"];
        for name in names {
            assert_eq!(client::add_entry(name, entry(name)).await, Ok(1));
        }
        let registry = PROCESS_REGISTRY.whereis().expect("it runs").pid();
        match seed % 4 {
            0 => drop(kill_and_wait(&DATABASE.whereis().expect("it runs")).await),
            1 => drop(kill_and_wait(&CACHE.whereis().expect("it runs")).await),
            2 => {
                // Four crashes of one worker: the database gives up, and is started again.
                let old = DATABASE.whereis().expect("it runs").pid();
                let mut end = std::pin::pin!(old.join());
                while timeout(Duration::ZERO, &mut end).await.is_err() {
                    if let Some(worker) = worker(1).whereis() {
                        kill_and_wait(&worker).await;
                    }
                    settle().await;
                }
            }
            _ => {
                kill_and_wait(&system).await;
                eventually(|| TODO_SYSTEM.whereis().is_none() && CACHE.whereis().is_none()).await;
                eventually(move || !registry.is_alive()).await;
                started(folder.clone()).await;
            }
        }
        let back = async {
            loop {
                let all = [
                    client::entries("Alice", DAY).await,
                    client::entries("Bob", DAY).await,
                    client::entries("Carol", DAY).await,
                ];
                if all.iter().all(Result::is_ok) {
                    return all.map(|it| it.map(|it| it.len()));
                }
                settle().await;
            }
        };
        let back = timeout(SECOND, back).await;
        assert_eq!(
            back,
            Ok([Ok(1), Ok(1), Ok(1)]),
            "it was on the disk (see hint 3 of exercise 6)"
        );
        for name in names {
            assert_eq!(on_disk(&folder, name), [name]);
        }
    });
}

/// A client knows a name; that the list has just ended because it was idle is not its business.
///
/// Exercise: 7
/// Covers: PH3-SUM-20, PH3-SUM-21, CH9-WSUM-11
#[test]
fn a_client_does_not_notice_that_a_list_ends_when_it_is_idle() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        watched();
        started(folder.clone()).await;
        for nth in 1..=5 {
            // The list ends in just this moment, before or after it is asked.
            if seed % 2 == 0 {
                let asked = client::entries("Alice", DAY).await.map(|it| it.len() as u64 + 1);
                assert_eq!(asked, Ok(nth), "there is always a list (see hint 2 of exercise 7)");
            }
            let added = client::add_entry("Alice", entry("Audit")).await;
            assert_eq!(added, Ok(nth), "there is always a list (see hint 2 of exercise 7)");
            sleep(IDLE).await;
        }
        // And in just the other one: it has the request in its mailbox, and stops.
        let alice = server_process("Alice").await.expect("nothing keeps it from starting");
        sys::suspend(&alice).await.expect("it runs");
        let asked = Task::async_(async {
            let read = Task::async_(async { client::entries("Alice", DAY).await });
            (client::add_entry("Alice", entry("Audit")).await, read.await)
        });
        settle().await;
        alice.stop().await.expect("it stops when it is asked to");
        let (added, read) = asked.await.expect("the client lives on");
        assert_eq!(added, Ok(6), "nobody had taken it (see hint 2 of exercise 7)");
        let read = read.expect("the client lives on").map(|it| it.len() >= 5);
        assert_eq!(read, Ok(true), "nor the question (see hint 2 of exercise 7)");
        assert_eq!(on_disk(&folder, "Alice").len(), 6, "each entry once");
    });
}

/// Which failures say that nobody has taken the request.
///
/// Exercise: 7
/// Covers: PH3-SUM-20
#[test]
fn only_a_request_that_reached_nobody_is_made_again() {
    for (error, again) in [
        (TodoError::List(CallError::NoProc), true),
        (TodoError::List(CallError::Down(ExitReason::Normal)), true),
        (TodoError::List(CallError::Down(ExitReason::Killed)), false),
        (TodoError::List(CallError::Timeout), false),
        (TodoError::Database(CallError::NoProc), false),
        (TodoError::NotStarted(ChildError::MaxChildren), false),
    ] {
        assert_eq!(error.reached_nobody(), again, "{error} (see hint 2 of exercise 7)");
    }
}

/// Nobody knows whether a killed list has stored the entry, so the client is told and nothing is
/// added twice.
///
/// Exercise: 7
/// Covers: PH3-SUM-20, PH3-SUM-21
#[test]
fn a_client_never_adds_an_entry_twice() {
    scenario_with(|seed| async move {
        let (_scratch, folder) = folder().await;
        watched();
        started(folder.clone()).await;
        let alice = server_process("Alice").await.expect("nothing keeps it from starting");
        sys::suspend(&alice).await.expect("it runs");
        let asked = Task::async_(async { client::add_entry("Alice", entry("Audit")).await });
        settle().await;
        if seed % 2 == 0 {
            kill_and_wait(&alice).await;
            assert_eq!(
                asked.await,
                Ok(Err(TodoError::List(CallError::Down(ExitReason::Killed)))),
                "the client is told (see hint 2 of exercise 7)"
            );
            assert_eq!(on_disk(&folder, "Alice"), [""; 0], "it was lost, and not asked again");
        } else {
            sys::resume(&alice).await.expect("it runs");
            assert_eq!(asked.await, Ok(Ok(1)));
            assert_eq!(on_disk(&folder, "Alice"), ["Audit"]);
        }
        let child = format!("database worker {}", choose_worker("Alice"));
        DATABASE.terminate_child(&child).await.expect("it is a child");
        let asked = timeout(SECOND, client::add_entry("Alice", entry("Milk"))).await;
        assert_eq!(
            asked,
            Ok(Err(TodoError::Database(CallError::NoProc))),
            "somebody was reached who could not do it (see hint 2 of exercise 7)"
        );
    });
}

fn entry(title: &str) -> Entry {
    Entry::new(DAY, title)
}

/// The titles of the day in this list.
async fn titles(list: &ServerRef<TodoServer>) -> Result<Vec<String>, TodoError> {
    let entries = entries(list, DAY).await?;
    Ok(entries.into_iter().map(|entry| entry.title).collect())
}

/// A folder with empty files, gone with the test. They are made once, as the system makes them.
async fn folder() -> (TempDir, PathBuf) {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    let scratch = tempfile::tempdir().expect("there is room for a folder");
    let folder = scratch.path().join("persist");
    match EMPTY.get() {
        None => {
            store::prepare(&folder, 1..=WORKERS).await.expect("there is room");
            EMPTY.get_or_init(|| fs::read(store::file(&folder, 1)).expect("it was just made"));
        }
        Some(empty) => {
            fs::create_dir(&folder).expect("there is room");
            for number in NUMBERS {
                fs::write(store::file(&folder, number), empty).expect("there is room");
            }
        }
    }
    (scratch, folder)
}

/// The registry and the database, without a system.
async fn database() -> (TempDir, PathBuf) {
    let (scratch, folder) = folder().await;
    watched();
    ProcessRegistry::start_link().await.expect("nothing keeps it from starting");
    database::start_link(&folder).await.expect("the files are there (see hint 1 of exercise 2)");
    (scratch, folder)
}

/// The registry, the database and the cache, without a system.
async fn parts() -> (TempDir, PathBuf) {
    let made = database().await;
    cache::start_link().await.expect("nothing keeps it from starting");
    made
}

async fn started(folder: PathBuf) -> SupervisorRef {
    start_link_in(folder).await.expect("the system starts (see hint 1 of exercise 6)")
}

fn workers() -> [Option<Pid>; 3] {
    NUMBERS.map(|number| worker(number).whereis().map(|it| it.pid()))
}

/// All processes of a system in which Alice and Bob have asked for their lists.
fn everybody() -> [(&'static str, Option<Pid>); 8] {
    let [one, two, three] = workers();
    [
        ("registry", PROCESS_REGISTRY.whereis().map(|it| it.pid())),
        ("database", DATABASE.whereis().map(|it| it.pid())),
        ("worker 1", one),
        ("worker 2", two),
        ("worker 3", three),
        ("cache", CACHE.whereis().map(|it| it.pid())),
        ("Alice", server::via("Alice").whereis().map(|it| it.pid())),
        ("Bob", server::via("Bob").whereis().map(|it| it.pid())),
    ]
}

async fn counted() -> ChildCount {
    CACHE.count_children().await.expect("the cache runs (see hint 1 of exercise 4)")
}

fn none() -> ChildCount {
    ChildCount { specs: 0, active: 0, supervisors: 0, workers: 0 }
}

/// A connection of the test's own to the file in which this list is.
fn disk(folder: &Path, name: &str) -> rusqlite::Connection {
    let file = store::file(folder, choose_worker(name));
    rusqlite::Connection::open(file).expect("the file is there")
}

/// The titles of this list, as they are on the disk.
fn on_disk(folder: &Path, name: &str) -> Vec<String> {
    let disk = disk(folder, name);
    let sql = "SELECT title FROM entries WHERE list = ?1 ORDER BY id";
    let mut statement = disk.prepare(sql).expect("the statement is right");
    let titles = statement.query_map([name], |row| row.get(0)).expect("nobody has the lock");
    titles.collect::<Result<_, _>>().expect("they are texts")
}

/// Puts an entry into this list that has no date.
fn spoil(folder: &Path, name: &str) {
    let sql = "INSERT INTO entries VALUES (?1, 1, 'tomorrow', 'Audit')";
    disk(folder, name).execute(sql, [name]).expect("nobody has the lock");
}

fn links() -> Vec<Pid> {
    self_pid().ok().and_then(Pid::info).map(|it| it.links).unwrap_or_default()
}

/// What happens from now on. `main` survives all that it starts.
fn watched() -> Recorder {
    trap_exit(true).expect("the test is a process");
    System::current().record()
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
