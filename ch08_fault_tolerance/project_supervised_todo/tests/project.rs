//! The project of chapter 8, the supervised to-do system.
//!
//! The test runs as the process `main`, which traps exits. Names, titles and who is killed are drawn
//! from the seed of the run; each run has a folder of its own.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ch08_project_supervised_todo::cache::{self, CACHE, PATIENCE, server_process};
use ch08_project_supervised_todo::database::{self, DATABASE};
use ch08_project_supervised_todo::database_worker;
use ch08_project_supervised_todo::disk::{Disk, DiskError, SHELVES, to_text};
use ch08_project_supervised_todo::list::{Date, Entry, TodoList};
use ch08_project_supervised_todo::server::{self, TodoError, TodoServer};
use ch08_project_supervised_todo::system::{
    TODO_SYSTEM, entries_in_the_end, start_link, start_link_in,
};
use runtime::prelude::*;
use runtime::testing::{
    eventually, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildCount, ChildState, StartError, SupervisorRef, System, Task, assert_timeline, sys,
    trap_exit,
};
use tempfile::TempDir;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const DAY: Date = Date::new(2023, 1, 1);
const SECOND: Duration = Duration::from_secs(1);

/// The database starts its workers, and each list has one of them.
///
/// Exercise: 1
/// Covers: CH8-P-S1.1, CH8-P-S1.2, CH8-P-CHK1
#[test]
fn the_database_starts_linked_workers_and_shares_the_lists_out() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        let database = database::start_link(disk).await.expect("nothing keeps it from starting");
        assert_eq!(
            DATABASE.whereis().map(|it| it.pid()),
            Some(database.pid()),
            "the database has its name (see hint 2 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [
                "Starting database server",
                "Starting database worker 0",
                "Starting database worker 1",
                "Starting database worker 2"
            ],
            "first the database speaks, then its {SHELVES} workers start, from 0 on (see hint 1 of \
             exercise 1)"
        );
        assert!(
            linked(database.pid(), me()) && links(database.pid()).len() == 1 + SHELVES,
            "the database is linked to its starter and to each of its workers (see hint 2 of \
             exercise 1)"
        );
        let names: Vec<_> = (0..7).map(|nth| format!("list {}", seed.wrapping_add(nth))).collect();
        for (nth, name) in names.iter().enumerate() {
            assert_eq!(database::store(name, sample(nth)).await, Ok(()), "the list {name}");
        }
        for (nth, name) in names.iter().enumerate() {
            assert_eq!(database::get(name).await, Ok(sample(nth)), "what was stored can be got");
        }
        assert_eq!(database::get("never stored").await, Ok(TodoList::new()));
    });
}

/// A crash of one of them ends all: the workers fall with the database, and it with each of them.
///
/// Exercise: 1
/// Covers: CH8-P-S1.2, CH8-P-CHK2, CH8-WSUM-10
#[test]
fn a_database_and_its_workers_fall_together() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let database = database::start_link(disk.clone()).await.expect("nothing is in the way");
        let mut all: Vec<_> =
            links(database.pid()).into_iter().filter(|pid| *pid != me()).collect();
        assert_eq!(all.len(), SHELVES, "one worker for each shelf (see hint 1 of exercise 1)");
        all.push(database.pid());
        kill_and_wait(one_of(seed, [all[0], all[1], all[2], all[3]])).await;
        settle().await;
        assert!(
            all.iter().all(|pid| !pid.is_alive()),
            "they are linked, so nobody is left without the others (see hint 2 of exercise 1)"
        );
        let worker = database_worker::start_link(disk, 1).await.expect("nothing is in the way");
        assert!(
            linked(worker.pid(), me()),
            "a worker is linked to its starter (see hint 2 of exercise 1)"
        );
    });
}

/// A thread cannot be killed, so the work of a killed worker goes on. The next keeper of its shelf
/// waits for that, or an old list would be put over a new one.
///
/// Exercise: 1
#[test]
fn a_new_database_waits_for_the_work_that_the_last_one_began() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let number = one_of(seed, [0, 1, 2]);
        let shelf = disk.shelf(number).await;
        let starting = Task::async_(async move {
            let started = database::start_link(disk).await.map(|it| it.pid());
            (started.is_ok(), System::current().monotonic_time())
        });
        sleep(SECOND).await;
        drop(shelf);
        let (started, at) = starting.await.expect("the starter lives on");
        assert!(
            started && at >= SECOND,
            "at {at:?} it had no worker for shelf {number} yet (see hint 1 of exercise 1)"
        );
    });
}

/// `Ok` means that the entry is on the disk, where the next process finds it.
///
/// Exercise: 2
/// Covers: CH8-P-S1.1, CH8-P-S1.2, CH8-P-S4.2, CH8-P-CHK1
#[test]
fn what_a_list_has_taken_the_next_process_finds_on_the_disk() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        database::start_link(disk).await.expect("nothing keeps it from starting");
        let [name, other] = names(seed);
        let mut expected = vec![];
        for id in 1..4 {
            let list = server::start_link(name).await.expect("nothing keeps it from starting");
            assert!(
                linked(list.pid(), me()),
                "a list is linked to its starter (see hint 1 of exercise 2)"
            );
            let title = format!("{} {id}", one_of(seed, ["Persist me", "Milk", "two\nlines"]));
            assert_eq!(
                server::add_entry(&list, entry(&title)).await,
                Ok(id),
                "the ids go on where the last process ended (see hint 2 of exercise 2)"
            );
            expected.push(title);
            kill_and_wait(&list).await;
        }
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        let other = server::start_link(other).await.expect("another name is another list");
        assert_eq!(
            (titles(&list).await, titles(&other).await),
            (Ok(expected), Ok(vec![])),
            "`Ok` was said, so it is on the disk (see hint 2 of exercise 2)"
        );
        let noted = notes(&history);
        let starting = format!("Starting to-do server for {name}");
        assert_eq!(noted.iter().filter(|note| **note == starting).count(), 4);
    });
}

/// A broken file, and a database that is not there, are answers: no restart mends the one, and the
/// other is not the list's to mend.
///
/// Exercise: 2
#[test]
fn a_list_that_cannot_be_read_says_so_and_is_not_written_over() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let [name, _] = names(seed);
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(
            (titles(&list).await, server::add_entry(&list, entry("Milk")).await),
            (Err(CallError::NoProc.into()), Err(CallError::NoProc.into())),
            "without a database there is no list, and nothing crashes (see hint 1 of exercise 2)"
        );
        let whole = to_text(&sample(3));
        let half = whole[..one_of(seed, [1, 30, whole.len() - 2])].to_owned();
        let file = disk.file(name);
        fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("there is room");
        fs::write(&file, &half).expect("a file that is cut off");
        database::start_link(disk).await.expect("nothing keeps it from starting");
        for asked in
            [titles(&list).await.map(drop), server::add_entry(&list, entry("Milk")).await.map(drop)]
        {
            let named = match &asked {
                Err(TodoError::Disk(DiskError::Corrupt { file, .. })) => Some(file),
                _ => None,
            };
            assert_eq!(
                named,
                Some(&file),
                "whoever asks is told which file is broken, and where; it got {asked:?} (see hint \
                 1 of exercise 2)"
            );
        }
        assert!(
            fs::read_to_string(&file).is_ok_and(|now| now == half),
            "what is left of it may be all that is left (see hint 2 of exercise 2)"
        );
        fs::write(&file, &whole).expect("somebody mends it");
        assert_eq!(
            server::entries(&list, DAY).await,
            Ok(sample(3).entries(DAY)),
            "it is looked at again at the next request (see hint 1 of exercise 2)"
        );
    });
}

/// Where the disk says no, nothing was added.
///
/// Exercise: 2
#[test]
fn what_could_not_be_stored_was_not_added() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let [name, _] = names(seed);
        database::start_link(disk.clone()).await.expect("nothing keeps it from starting");
        let list = server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(server::add_entry(&list, entry("Milk")).await, Ok(1));
        let blocked = disk.file(name).with_extension("new");
        fs::create_dir(&blocked).expect("the draft's place is taken");
        let added = server::add_entry(&list, entry("Bread")).await;
        assert!(
            matches!(added, Err(TodoError::Disk(DiskError::Io { .. }))),
            "the disk said no, and its caller has to know; it got {added:?} (see hint 2 of \
             exercise 2)"
        );
        assert_eq!(
            titles(&list).await,
            Ok(vec!["Milk".to_owned()]),
            "store first, believe then (see hint 2 of exercise 2)"
        );
    });
}

/// A new cache may find the database of the last one, which is about to end. However long that
/// takes, within reason: it is waited for, and neither used nor guessed at.
///
/// Exercise: 3
/// Oracle (defect): C8-18
#[test]
fn a_database_that_is_slow_to_end_is_waited_for() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let takes = one_of(seed, [Duration::from_millis(10), SECOND, 4 * SECOND]);
        let old = database::start_link(disk.clone()).await.expect("nothing is in the way").pid();
        let begun = Instant::now();
        let new = Task::async_(async move {
            let started = cache::start_database(&disk).await;
            (started.map(|it| it.pid()), Instant::now())
        });
        sleep(takes).await;
        old.kill();
        let Ok((started, at)) = new.await else {
            panic!("the starter crashed (see hint 2 of exercise 3)")
        };
        assert!(
            started.as_ref().is_ok_and(|pid| *pid != old),
            "the old one is on its way out: wait for its end, and start another; it got \
             {started:?} (see hint 1 of exercise 3)"
        );
        assert!(
            at - begun < takes + Duration::from_millis(20),
            "it ended after {takes:?}, and was waited for {:?} (see hint 2 of exercise 3)",
            at - begun
        );
    });
}

/// One that does not end is no reason to wait for ever.
///
/// Exercise: 3
#[test]
fn a_database_that_does_not_end_is_an_error_after_some_time() {
    scenario(|_: Process| async move {
        let (_scratch, disk) = disk();
        watched();
        let old = database::start_link(disk.clone()).await.expect("nothing is in the way").pid();
        let begun = Instant::now();
        let started = timeout(60 * SECOND, cache::start_database(&disk)).await;
        let started = started.expect("nobody waits for ever (see hint 3 of exercise 3)");
        assert_eq!(
            started.map(|it| it.pid()),
            Err(StartError::AlreadyStarted(old)),
            "the last one kept the name: the error is `AlreadyStarted`, with its pid (see hint 3 of exercise 3)"
        );
        assert!(
            begun.elapsed() >= PATIENCE,
            "it was given {PATIENCE:?} (see hint 3 of exercise 3)"
        );
    });
}

/// One process for a name, however often it is asked for.
///
/// Exercise: 4
/// Covers: CH8-P-S1.1, CH8-P-S1.3, CH8-P-S1.4, CH8-P-S4.1, CH8-P-CHK1
#[test]
fn the_cache_knows_the_process_of_each_list() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        let cache = cache::start_link(disk.clone()).await.expect("nothing keeps it from starting");
        assert_eq!(
            CACHE.whereis().map(|it| it.pid()),
            Some(cache.pid()),
            "the cache has its name (see hint 1 of exercise 4)"
        );
        let [name, other] = names(seed);
        let asked = [name, other, name].map(|name| Task::async_(server_process(name)));
        let mut lists = vec![];
        for asked in asked {
            let list: Result<ServerRef<TodoServer>, _> = asked.await.expect("nobody crashes");
            lists.push(list.expect("the cache answers (see hint 2 of exercise 4)").pid());
        }
        assert!(
            lists[0] == lists[2] && lists[0] != lists[1],
            "one process for each name (see hint 2 of exercise 4)"
        );
        let noted = notes(&history);
        let starting = |what: &str| noted.iter().position(|note| note == what);
        assert!(
            starting("Starting to-do cache") == Some(0)
                && starting("Starting database server") == Some(1),
            "the cache speaks, and then starts the database; this was noted: {noted:?} (see hint 1 \
             of exercise 4)"
        );
        let spec = cache::child_spec(disk);
        assert_eq!(&**spec.id(), "Todo.Cache", "the name is the id (see hint 3 of exercise 4)");
    });
}

/// Every process of the hierarchy is linked to the one that started it: nothing was started without.
///
/// Exercise: 4
/// Covers: CH8-P-S1.2, CH8-P-S4.1, CH8-P-S4.2, CH8-P-CHK2, CH8-CHK-14, CH8-WSUM-10
#[test]
fn every_process_is_linked_to_whoever_started_it() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        cache::start_link(disk).await.expect("nothing keeps it from starting");
        let lists = [names(seed)[0], "a", "b"];
        for name in lists {
            server_process(name).await.expect("the cache answers (see hint 2 of exercise 4)");
        }
        let all: Vec<_> =
            System::current().process_infos().into_iter().filter(|it| it.pid != me()).collect();
        assert_eq!(all.len(), 2 + SHELVES + lists.len(), "cache, database, workers and lists");
        for process in &all {
            assert!(
                process.links.contains(&process.parent),
                "{:?} runs without a link to whoever started it (see hint 1 of exercise 4)",
                process.name.as_ref().or(process.label.as_ref())
            );
        }
        let of_the_cache = CACHE.whereis().expect("it runs").pid();
        kill_and_wait(one_of(seed, [all[0].pid, all[1].pid, all[3].pid, all[6].pid])).await;
        of_the_cache.join().await;
        settle().await;
        assert!(
            all.iter().all(|it| !it.pid.is_alive()),
            "whichever ends, all end (see hint 1 of exercise 4)"
        );
    });
}

/// `start_link` gives a running supervisor over one child.
///
/// Exercise: 5
/// Covers: CH8-P-T, CH8-P-S2.1, CH8-P-S2.2, CH8-P-S2.3, CH8-P-S2.4, CH8-P-CHK3
#[test]
fn start_link_gives_a_supervisor_whose_only_child_is_the_cache() {
    scenario(|_: Process| async move {
        watched();
        let system = start_link().await.expect("the system starts (see hint 1 of exercise 5)");
        assert!(
            system.is_alive() && linked(system.pid(), me()),
            "it runs, linked to its starter (see hint 2 of exercise 5)"
        );
        let children = system.which_children().await.expect("a supervisor answers");
        let cache = CACHE.whereis().expect("the cache runs").pid();
        assert_eq!(
            children.iter().map(|it| (&*it.id, it.state)).collect::<Vec<_>>(),
            [("Todo.Cache", ChildState::Running(cache))],
            "the cache, and nobody else: it starts the rest itself (see hint 1 of exercise 5)"
        );
        assert_eq!(
            start_link().await.map(|it| it.pid()),
            Err(StartError::AlreadyStarted(system.pid())),
            "the system has a name, and there is one of it (see hint 2 of exercise 5)"
        );
    });
}

/// The course's third step: kill the cache, and there is another one at once.
///
/// Exercise: 5
/// Covers: CH8-P-S3.1, CH8-P-S3.2, CH8-P-S3.3, CH8-WSUM-11, CH8-WSUM-12
#[test]
fn a_killed_cache_is_back_at_once_with_a_new_pid() {
    scenario(|_: Process| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        started(disk).await;
        let old = CACHE.whereis().expect("the cache runs").pid();
        let at = System::current().monotonic_time();
        old.kill();
        let new = restarted(&CACHE, old).await;
        assert!(new.pid() != old, "another process");
        assert_eq!(System::current().monotonic_time(), at, "at once");
        let said = notes(&history).into_iter().filter(|note| note == "Starting to-do cache");
        assert_eq!(said.count(), 2, "it says so again (see hint 1 of exercise 5)");
        assert_eq!(
            TODO_SYSTEM.count_children().await,
            Ok(ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 })
        );
    });
}

/// To take the database of the last cache for its own would be to run without one a moment later.
///
/// Exercise: 5
/// Covers: CH8-P-S4.1
/// Oracle (defect): C8-18
#[test]
fn a_killed_cache_is_followed_by_one_with_a_database_of_its_own() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        started(disk).await;
        let [name, _] = names(seed);
        for _ in 0..3 {
            let old = CACHE.whereis().expect("it runs").pid();
            server_process(name).await.expect("the cache answers");
            old.kill();
            let new = restarted(&CACHE, old).await;
            settle().await;
            let database = DATABASE.whereis().map(|it| it.pid());
            assert!(
                database.is_some_and(|pid| linked(pid, new.pid())) && new.is_alive(),
                "there is a database, and it is this cache's own (see hint 1 of exercise 3)"
            );
            sleep(2 * SECOND).await;
        }
    });
}

/// The drawback: whoever is hit, everybody pays. A worker that Bob never used is killed, and Bob's list
/// is another process.
///
/// Exercise: 5
/// Covers: CH8-P-NEXT1, CH8-P-S4.3, CH8-WSUM-10, CH8-WSUM-11, CH8-WSUM-12
/// Oracle: C8-17
#[test]
fn one_killed_worker_costs_everybody_a_restart() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        let system = started(disk).await;
        let (begun, [alice, bob]) = (Instant::now(), ["Alice", "Bob"]);
        for name in [alice, bob] {
            let list = server_process(name).await.expect("the cache answers");
            assert_eq!(server::add_entry(&list, entry("Persist me")).await, Ok(1));
        }
        let before = everybody(&system);
        sleep(SECOND).await;
        worker(one_of(seed, [0, 1, 2])).kill();
        restarted(&CACHE, before[1]).await;
        settle().await;
        assert!(
            before[1..].iter().all(|pid| !pid.is_alive()) && before[0].is_alive(),
            "only the supervisor is who it was: all others are linked to one another (see hint 1 \
             of exercise 5)"
        );
        let noted = notes(&history);
        let count = |what: &str| noted.iter().filter(|note| note.starts_with(what)).count();
        assert_eq!(
            (
                count("Starting to-do cache"),
                count("Starting database"),
                count("Starting to-do server")
            ),
            (2, 2 + 2 * SHELVES, 2),
            "the cache starts everything anew, and the lists when somebody asks for them"
        );
        sleep_until(begun + 2 * SECOND).await;
        for name in [alice, bob] {
            let list = server_process(name).await.expect("the cache answers");
            assert_eq!(titles(&list).await, Ok(vec!["Persist me".to_owned()]), "from the disk");
        }
        sleep(SECOND).await;
        system.stop().await.expect("a supervisor stops when it is asked to");
        // It waits for its child; those that hang on links alone may end a moment later.
        settle().await;
        assert_timeline!(
            history.trace(),
            r#"
               0ms       1s        2s        3s
Todo.System    ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
└─ Todo.Cache  ╺•━━━━━━━━╳╺•━━━━━━━━━━━━━━━━━■    #2  "Starting to-do cache" ×2; killed
Todo.Database  •─────────╳                        "Starting database server"; killed
worker 0       •─────────╳                        "Starting database worker 0"; killed
worker 1       •─────────╳                        "Starting database worker 1"; killed
worker 2       •─────────╳                        "Starting database worker 2"; killed
Alice          •─────────╳                        "Starting to-do server for Alice"; killed
Bob            •─────────╳                        "Starting to-do server for Bob"; killed
Todo.Database            •───────────────────■    "Starting database server"; shutdown
worker 0                 •───────────────────■    "Starting database worker 0"; shutdown
worker 1                 •───────────────────■    "Starting database worker 1"; shutdown
worker 2                 •───────────────────■    "Starting database worker 2"; shutdown
Alice                              •─────────■    "Starting to-do server for Alice"; shutdown
Bob                                •─────────■    "Starting to-do server for Bob"; shutdown

1s  one_for_one: Todo.Cache was restarted because it was killed
"#,
            "one worker was killed, and all others fell with it; the cache starts them anew"
        );
    });
}

/// Whoever crashes, it is the cache that is started again; so all crashes are counted together.
///
/// Exercise: 5
/// Covers: CH8-P-NEXT1, CH8-P-S2.4
/// Oracle: SUP-10
#[test]
fn four_crashes_in_five_seconds_anywhere_end_the_whole_system() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let system = started(disk).await;
        for nth in 0..3 {
            let victims = everybody(&system);
            let cache = CACHE.whereis().expect("it runs").pid();
            let at = usize::try_from(seed.wrapping_add(nth)).unwrap_or(0) % (victims.len() - 1);
            kill_and_wait(victims[1 + at]).await;
            restarted(&CACHE, cache).await;
            settle().await;
        }
        assert!(system.is_alive(), "three restarts are granted (see hint 2 of exercise 5)");
        let end = system.pid().join();
        CACHE.whereis().expect("it runs").pid().kill();
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Shutdown),
            "and the fourth is not (see hint 2 of exercise 5)"
        );
    });
}

/// A broken file is one list's trouble: whoever asks for it is told, and nobody is started anew.
///
/// Exercise: 5
/// Covers: CH8-SUM-1
#[test]
fn a_broken_file_costs_nobody_a_restart() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        let history = watched();
        let [alice, bob] = names(seed);
        let file = disk.file(alice);
        fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("there is room");
        fs::write(&file, "to-do list\n1 2023-01-01 Persi").expect("a file that is cut off");
        started(disk).await;
        let list = server_process(bob).await.expect("the cache answers");
        assert_eq!(server::add_entry(&list, entry("Nails")).await, Ok(1));
        for nth in 0..5 {
            let broken = server_process(alice).await.expect("the cache answers");
            let asked = titles(&broken).await;
            assert!(
                matches!(asked, Err(TodoError::Disk(DiskError::Corrupt { line: 2, .. }))),
                "request {nth}: the file is cut off in line 2; it got {asked:?} (see hint 1 of \
                 exercise 2)"
            );
        }
        let starts = notes(&history).into_iter().filter(|it| it == "Starting to-do cache").count();
        assert_eq!((starts, titles(&list).await), (1, Ok(vec!["Nails".to_owned()])));
    });
}

/// The course's example: Alice's entry, a killed database, and Alice's entry.
///
/// Exercise: 6
/// Covers: CH8-P-USE1, CH8-P-USE2, CH8-P-USE3, CH8-SUM-1, CH8-WSUM-12
/// Oracle: C8-17
#[test]
fn alices_list_is_there_after_the_database_was_killed() {
    scenario(|_: Process| async move {
        let (_scratch, disk) = disk();
        watched();
        started(disk).await;
        let alice = server_process("Alice").await.expect("the cache answers");
        assert_eq!(server::add_entry(&alice, entry("Persist me")).await, Ok(1));
        sleep(SECOND).await;
        let end = alice.pid().join();
        DATABASE.whereis().expect("it runs").pid().kill();
        assert_eq!(end.await, ExitReason::Killed, "Alice's process ends with the database");
        let kept = entries_in_the_end("Alice", DAY, SECOND).await;
        assert_eq!(
            kept,
            Ok(vec![entry("Persist me")]),
            "ask again until the new system answers, from the disk (see hint 2 of exercise 6)"
        );
    });
}

/// Kill the database, kill the cache, kill a worker, kill the list, kill everything: the list is there.
///
/// Exercise: 6
/// Covers: CH8-P-USE3, CH8-SUM-1
/// Oracle: C8-17
#[test]
fn alices_list_is_there_whatever_was_killed() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        started(disk.clone()).await;
        let [alice, _] = names(seed);
        let mut expected = vec![];
        for nth in 0..5_u64 {
            let list = server_process(alice).await.expect("the cache answers");
            let title = format!("entry {nth}");
            assert_eq!(server::add_entry(&list, entry(&title)).await, Ok(nth + 1));
            expected.push(entry(&title));
            let victim = match seed.wrapping_add(nth) % 5 {
                0 => DATABASE.whereis().expect("it runs").pid(),
                1 => CACHE.whereis().expect("it runs").pid(),
                2 => worker(one_of(seed, [0, 1, 2])),
                3 => list.pid(),
                _ => {
                    let all = System::current().process_infos();
                    let all = all.into_iter().map(|it| it.pid).filter(|pid| *pid != me());
                    all.for_each(Pid::kill);
                    eventually(|| System::current().process_count() == 1).await;
                    started(disk.clone()).await;
                    list.pid()
                }
            };
            victim.kill();
            let kept = entries_in_the_end(alice, DAY, SECOND).await;
            assert_eq!(
                kept,
                Ok(expected.clone()),
                "`Ok` meant: on the disk (see hint 2 of exercise 6)"
            );
            sleep(6 * SECOND).await;
        }
    });
}

/// Somebody adds entries all the time, and meanwhile one after another is killed, in the middle of
/// whatever is going on: each entry for which there was an `Ok` is there in the end, in its order.
///
/// Exercise: 6
/// Covers: CH8-P-USE3, CH8-SUM-1
#[test]
fn no_entry_that_was_acknowledged_is_lost_in_a_storm_of_kills() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let system = started(disk).await;
        let [alice, _] = names(seed);
        let count = Arc::new(AtomicU64::new(0));
        let counted = count.clone();
        let writer = Task::async_(async move {
            let mut acknowledged = vec![];
            for nth in 0..1000 {
                if acknowledged.len() == 9 {
                    break;
                }
                let title = format!("entry {nth}");
                let attempt = async {
                    let list = server_process(alice).await?;
                    server::add_entry(&list, entry(&title)).await
                };
                if attempt.await.is_ok() {
                    acknowledged.push(entry(&title));
                    counted.fetch_add(1, Ordering::SeqCst);
                } else {
                    yield_now().await;
                }
            }
            acknowledged
        });
        for nth in 1..4 {
            // The clock stands still while somebody works, so this is no matter of time. The writer
            // drops its counter when it is done, or crashed.
            while count.load(Ordering::SeqCst) < 2 * nth && Arc::strong_count(&count) > 1 {
                yield_now().await;
            }
            for _ in 0..seed.wrapping_add(nth) % 7 {
                yield_now().await;
            }
            let cache = CACHE.whereis().expect("the system runs").pid();
            let all = everybody(&system);
            let at = usize::try_from(seed.wrapping_add(nth) % 6).unwrap_or(0);
            kill_and_wait(all[1 + at]).await;
            restarted(&CACHE, cache).await;
        }
        let acknowledged = writer.infinity().await.expect("the writer lives on");
        assert_eq!(acknowledged.len(), 9, "the system comes back, and takes entries again");
        let kept = entries_in_the_end(alice, DAY, SECOND).await.expect("the list can be read");
        let mut left = kept.iter();
        assert!(
            acknowledged.iter().all(|entry| left.any(|it| it == entry)),
            "an `Ok` was said, and the entry is lost: {acknowledged:?} should be in {kept:?} (see \
             hint 2 of exercise 2)"
        );
    });
}

/// Who asks in the middle of it waits until the new system is up, and not longer.
///
/// Exercise: 6
/// Covers: CH8-P-USE3
#[test]
fn a_caller_waits_for_the_system_and_not_for_a_time() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let [alice, _] = names(seed);
        let comes =
            one_of(seed, [Duration::from_millis(3), Duration::from_millis(700), 9 * SECOND]);
        let asking = Task::async_(async move {
            (entries_in_the_end(alice, DAY, 10 * SECOND).await, System::current().monotonic_time())
        });
        sleep(comes).await;
        started(disk).await;
        let (answer, at) = asking.timeout(60 * SECOND).await.expect("the caller does not crash");
        assert_eq!(answer, Ok(vec![]), "the system came in time (see hint 1 of exercise 6)");
        assert!(
            at < comes + Duration::from_millis(20),
            "it came after {comes:?}, and its caller knew after {at:?} (see hint 1 of exercise 6)"
        );
    });
}

/// Patience has an end, whoever is missing, and a real answer needs none.
///
/// Exercise: 6
/// Covers: CH8-P-USE3
#[test]
fn a_caller_gives_up_when_its_patience_is_over() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        let [alice, _] = names(seed);
        let patience = one_of(seed, [Duration::from_millis(300), SECOND, 7 * SECOND]);
        let asked = timeout(60 * SECOND, entries_in_the_end(alice, DAY, patience)).await;
        let now = System::current().monotonic_time();
        assert_eq!(
            asked,
            Ok(Err(CallError::NoProc.into())),
            "nobody came (see hint 3 of exercise 6)"
        );
        assert!(
            patience <= now && now < patience + Duration::from_millis(20),
            "there was patience for {patience:?}, and it gave up after {now:?} (see hint 3 of \
             exercise 6)"
        );
        let file = disk.file(alice);
        fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("there is room");
        fs::write(&file, "to-do li").expect("a file that is cut off");
        started(disk).await;
        let before = System::current().monotonic_time();
        let asked = entries_in_the_end(alice, DAY, patience).await;
        assert!(
            matches!(asked, Err(TodoError::Disk(DiskError::Corrupt { .. }))),
            "a broken file is an answer, and not mended by asking again; it got {asked:?} (see \
             hint 2 of exercise 6)"
        );
        assert!(System::current().monotonic_time() < before + Duration::from_millis(20));
    });
}

/// Patience is for the answer as well: a system that is there and slow gets no more of it.
///
/// Exercise: 6
#[test]
fn a_slow_answer_is_waited_for_as_long_as_there_is_patience() {
    scenario_with(|seed| async move {
        let (_scratch, disk) = disk();
        watched();
        started(disk).await;
        let [alice, _] = names(seed);
        sys::suspend(&CACHE).await.expect("it runs");
        let patience = one_of(seed, [Duration::from_millis(300), SECOND, 4 * SECOND]);
        let begun = Instant::now();
        let asked = timeout(60 * SECOND, entries_in_the_end(alice, DAY, patience)).await;
        assert_eq!(
            asked,
            Ok(Err(CallError::Timeout.into())),
            "the cache is up, and says nothing (see hint 3 of exercise 6)"
        );
        let waited = begun.elapsed();
        assert!(
            patience <= waited && waited < patience + Duration::from_millis(20),
            "there was patience for {patience:?}, and the answer was waited for {waited:?}: a call \
             has its own five seconds (see hint 3 of exercise 6)"
        );
        sys::resume(&CACHE).await.expect("it runs");
        let asked = entries_in_the_end(alice, DAY, patience).await;
        assert_eq!(asked, Ok(vec![]), "it goes on, and answers");
    });
}

fn entry(title: &str) -> Entry {
    Entry::new(DAY, title)
}

/// Two names of lists.
fn names(seed: u64) -> [&'static str; 2] {
    one_of(seed, [["Alice", "Bob"], ["a/b", ".."], ["Ünal", "alice"]])
}

/// A list with titles that are hard to write down.
fn sample(count: usize) -> TodoList {
    let titles = ["Persist me", "", "two\nlines", r"back\slash\n", " end 1 0 ", "größer"];
    let mut list = TodoList::new();
    for title in titles.into_iter().cycle().take(count) {
        list.add_entry(entry(title));
    }
    list
}

/// The titles of the day in this list.
async fn titles(list: &ServerRef<TodoServer>) -> Result<Vec<String>, TodoError> {
    let entries = server::entries(list, DAY).await?;
    Ok(entries.into_iter().map(|entry| entry.title).collect())
}

/// A disk that is gone with the test.
fn disk() -> (TempDir, Disk) {
    let scratch = tempfile::tempdir().expect("there is room for a folder");
    let disk = Disk::at(scratch.path().join("persist"));
    (scratch, disk)
}

/// What happens from now on. `main` survives all that it starts.
fn watched() -> Recorder {
    trap_exit(true).expect("the test is a process");
    System::current().record()
}

async fn started(disk: Disk) -> SupervisorRef {
    start_link_in(disk).await.expect("the system starts (see hint 1 of exercise 5)")
}

fn me() -> Pid {
    runtime::self_pid().expect("the test is a process")
}

fn links(pid: Pid) -> Vec<Pid> {
    pid.info().map(|it| it.links).unwrap_or_default()
}

fn linked(one: Pid, other: Pid) -> bool {
    links(one).contains(&other)
}

/// The process with this label: a worker.
fn worker(shelf: usize) -> Pid {
    let label = format!("worker {shelf}");
    let all = System::current().process_infos();
    let worker = all.into_iter().find(|it| it.label.as_deref() == Some(&*label));
    worker.expect("each worker says who it is").pid
}

/// The supervisor, the cache, and all others of the system; not what `main` has started itself.
fn everybody(system: &SupervisorRef) -> Vec<Pid> {
    let cache = CACHE.whereis().expect("the cache runs").pid();
    let all = System::current().process_infos().into_iter().map(|it| it.pid);
    let own = |pid: &Pid| *pid == me() || linked(*pid, me());
    let others = all.filter(|pid| *pid != cache && !own(pid));
    [system.pid(), cache].into_iter().chain(others).collect()
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
