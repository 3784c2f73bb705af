//! Integration exercise 9.3, a pool of database connections.
//!
//! The test runs as the process `main`, which traps exits. Which worker it is about and what is asked
//! is drawn from the seed of the run; each run has a file of its own.

use std::fmt::Write as _;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use ch09_exercise_03_database_pool::connection;
use ch09_exercise_03_database_pool::error::{Fault, PoolError, SqlError, fault_of};
use ch09_exercise_03_database_pool::pool::{
    self, DATABASE_POOL, POOL_SIZE, ask, ask_again, choose_worker,
};
use ch09_exercise_03_database_pool::query::Query;
use ch09_exercise_03_database_pool::system::{self, DATABASE_SYSTEM};
use ch09_exercise_03_database_pool::worker::{self, Call, DB_REGISTRY, Key, worker};
use runtime::prelude::*;
use runtime::testing::{kill_and_wait, one_of, restarted, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::{ChildKind, SupervisorRef, System, Task, assert_timeline, self_pid, sys, trap_exit};
use rusqlite::ffi;
use rusqlite::types::Value;
use tempfile::TempDir;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const IDS: [u32; 3] = [1, 2, 3];
const SCHEMA: &str = "CREATE TABLE users (name TEXT NOT NULL UNIQUE);
    CREATE TABLE posts (title TEXT);
    INSERT INTO users VALUES ('Ann'), ('Bob');";
const USERS: &str = "SELECT name FROM users ORDER BY name";

/// Statements that no connection can run.
const MISTAKES: [&str; 5] = [
    "SELEKT name FROM users",
    "SELECT name FROM nobody",
    "INSERT INTO users VALUES ('Ann')",
    "INSERT INTO users VALUES (NULL)",
    "SELECT 1; SELECT 2",
];

/// Reads, and never comes to an end.
const ENDLESS_READ: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
     SELECT count(*) FROM n";

/// Has the lock of a writer, and never comes to an end.
const ENDLESS_WRITE: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
     INSERT INTO users SELECT 'nobody' FROM n WHERE x < 0";

/// A worker says that it connects, is found by its key, and answers with what stands in the file.
///
/// Exercise: 1
/// Covers: CH9-X3-S4, CH9-X3-S5, CH9-X3-R2
/// Oracle: C9-17
#[test]
fn a_worker_connects_when_it_starts_and_answers_queries() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        let history = watched();
        let id = one_of(seed, [2, 1, 7]);
        DB_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        let started = worker::start_link(id, file).await.expect("the file is there");
        let found = DB_REGISTRY.lookup(&Key::DbWorker(id));
        assert_eq!(
            found.map(|entry| entry.map(|(pid, ())| pid)),
            Ok(Some(started.pid())),
            "worker {id} is found by its key (see hint 2 of exercise 1)"
        );
        let links = self_pid().ok().and_then(Pid::info).map(|it| it.links).unwrap_or_default();
        assert!(
            links.contains(&started.pid()),
            "it is linked to its starter (see hint 2 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [format!("DB Worker {id} connecting...")],
            "it says so before it connects (see hint 1 of exercise 1)"
        );
        for nth in 1..=1 + seed % 3 {
            let answer = worker::query(id, USERS).await.expect("the statement is right");
            assert_eq!(
                (answer.to_string(), names_in(&answer.rows)),
                (format!("Result for: {USERS}"), vec!["Ann".to_owned(), "Bob".to_owned()]),
                "the answer is what the database says (see hint 3 of exercise 1)"
            );
            assert_eq!(
                worker(id).call(Call::QueryCount).await,
                Ok((id, nth)),
                "each query that was answered counts (see hint 2 of exercise 1)"
            );
        }
    });
}

/// A failed statement is the worker's end, and its reason is what the database said.
///
/// Exercise: 1
/// Covers: CH9-X3-R4, CH9-X3-S6
#[test]
fn a_failed_query_crashes_its_worker_with_what_the_database_said() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        let history = watched();
        DB_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        let started = worker::start_link(2, file).await.expect("the file is there");
        let end = started.pid().join();
        let asked = worker::query(2, one_of(seed, MISTAKES)).await;
        let Err(CallError::Down(reason)) = asked else {
            panic!("the worker is to crash, and said {asked:?} (see hint 3 of exercise 1)");
        };
        let said = said_by(&reason);
        let said = said.unwrap_or_else(|| {
            panic!("it crashes with the error that it got, not {reason} (see hint 3 of exercise 1)")
        });
        assert_eq!(end.await, reason, "who calls and who is linked learn the same");
        assert_eq!(
            notes(&history).last(),
            Some(&format!("Query failed: {said}")),
            "it is noted before the crash (see hint 2 of exercise 1)"
        );
    });
}

/// Where there is no database, a worker does not start, and says why; it makes no empty one.
///
/// Exercise: 1
/// Covers: CH9-X3-R2
#[test]
fn a_worker_does_not_start_without_its_file() {
    scenario_with(|seed| async move {
        let (scratch, _) = database().await;
        watched();
        DB_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        let file = scratch.path().join("other.db");
        let text = seed % 2 == 0;
        if text {
            fs::write(&file, "Dear diary, today I met a worker.").expect("there is room");
        }
        let started = worker::start_link(1, file.clone()).await.map(|it| it.pid());
        assert!(
            started.is_err(),
            "{started:?}, but this is no database (see hint 1 of exercise 1)"
        );
        assert_eq!(file.exists(), text, "nothing is made in the place of what is not there");
    });
}

/// Three children of one type: three ids, three keys, all of them permanent.
///
/// Exercise: 2
/// Covers: CH9-X3-S2, CH9-X3-R1
#[test]
fn the_pool_is_three_permanent_workers_with_ids_of_their_own() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        DB_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        let pool = pool::start_link(&file).await;
        let pool = pool.expect("three ids, three keys (see hint 1 of exercise 2)");
        assert_eq!(DATABASE_POOL.whereis().as_ref(), Some(&pool), "(see hint 3 of exercise 2)");
        let children = pool.which_children().await.expect("a supervisor answers");
        let ids: Vec<_> = children.iter().rev().map(|child| &*child.id).collect();
        assert_eq!(
            ids,
            ["db_worker 1", "db_worker 2", "db_worker 3"],
            "in the order of their start (see hint 2 of exercise 2)"
        );
        for id in IDS {
            let answered = worker(id).call(Call::QueryCount).await;
            assert_eq!(answered, Ok((id, 0)), "the key leads to the worker with this id");
        }
        let id = one_of(seed, IDS);
        let old = worker(id).whereis().expect("it runs");
        old.stop().await.expect("it stops when it is asked to");
        let back = timeout(SECOND, restarted(&worker(id), &old)).await;
        assert!(
            back.is_ok(),
            "a permanent worker is back however it ended (see hint 2 of exercise 2)"
        );
    });
}

/// The text chooses the worker: the same one for the same text, and each of the three for some.
///
/// Exercise: 2
/// Covers: CH9-X3-S3
#[test]
fn a_query_goes_to_the_worker_for_its_text() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let mut expected = [0; 3];
        for nth in 0..30 {
            let sql = format!("SELECT {}", seed.wrapping_mul(31).wrapping_add(nth));
            let id = choose_worker(&sql);
            assert!(IDS.contains(&id), "there is no worker {id} (see hint 2 of exercise 2)");
            assert_eq!(choose_worker(&sql), id, "the same text, the same worker");
            let answer = pool::query(&sql).await.expect("the statement is right");
            assert_eq!(answer.to_string(), format!("Result for: {sql}"));
            expected[id as usize - 1] += 1;
        }
        let mut counted = [0; 3];
        for id in IDS {
            counted[id as usize - 1] = worker(id).call(Call::QueryCount).await.expect("it runs").1;
        }
        assert_eq!(counted, expected, "`query` asks whom `choose_worker` chooses");
        assert!(
            expected.iter().all(|&count| count > 0),
            "{expected:?}: each has its share of thirty texts (see hint 2 of exercise 2)"
        );
    });
}

/// The registry comes first, and all have their names.
///
/// Exercise: 3
/// Covers: CH9-X3-S1, CH9-X3-T
#[test]
fn the_system_is_a_registry_and_then_a_pool() {
    scenario(|_: Process| async move {
        let (_scratch, file) = database().await;
        watched();
        let system = started(file).await;
        assert_eq!(DATABASE_SYSTEM.whereis().as_ref(), Some(&system), "(see hint 2 of exercise 3)");
        let children = system.which_children().await.expect("a supervisor answers");
        let ids: Vec<_> = children.iter().rev().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            ids,
            [("DB.Registry", ChildKind::Worker), ("DatabasePool", ChildKind::Supervisor)],
            "first the registry, in which the workers have their names (see hint 1 of exercise 3)"
        );
        let pool = DATABASE_POOL.whereis().map(|pool| pool.pid());
        assert_eq!(children[0].state, runtime::ChildState::Running(pool.expect("it has its name")));
    });
}

/// The course's own test: a query, a kill, and queries that go on working.
///
/// Exercise: 3
/// Covers: CH9-X3-V1, CH9-X3-V2, CH9-X3-V3, CH9-X3-R3, CH9-X3-R5, CH9-CHK-14, CH8-NEXT-3
/// Oracle: C9-17
#[test]
fn a_killed_worker_is_back_with_a_fresh_connection_and_nobody_else_noticed() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        let history = watched();
        let id = one_of(seed, [2, 1, 3]);
        started(file).await;
        sleep(SECOND).await;
        let users = pool::query("SELECT * FROM users").await.expect("the statement is right");
        assert_eq!(users.rows.len(), 2);
        let entry = DB_REGISTRY.lookup(&Key::DbWorker(id)).expect("the registry runs");
        let (old, ()) = entry.expect("the worker has its key");
        old.kill();
        let asked = worker::query(id, USERS).await;
        assert!(
            matches!(asked, Ok(_) | Err(CallError::NoProc | CallError::Down(ExitReason::Killed))),
            "with no pause it is one of three, and was {asked:?}"
        );
        timeout(SECOND, restarted(&worker(id), old)).await.expect("it is permanent");
        sleep(SECOND).await;
        let posts = pool::query("SELECT * FROM posts").await;
        assert_eq!(posts.map(|answer| answer.rows), Ok(vec![]), "there are no posts yet");
        for each in IDS {
            assert!(worker::query(each, USERS).await.is_ok(), "each of them answers");
        }
        DATABASE_SYSTEM.stop().await.expect("a supervisor stops when it is asked to");
        let whole = "╺━━━━━━━━━━━━━━━━━━━■";
        let row = |name: &str, drawn: &str| format!("{name:<17}  {drawn}\n");
        let mut expected = row("", "0ms       1s        2s")
            + &row("DatabaseSystem", &format!("{whole}    normal"))
            + &row("├─ DB.Registry", whole)
            + &row("└─ DatabasePool", whole);
        for each in IDS {
            let branch = if each == 3 { "└─" } else { "├─" };
            let noted = format!("\"DB Worker {each} connecting...\"");
            let life = if each == id {
                format!("╺•━━━━━━━━╳╺•━━━━━━━■    #2  {noted} ×2; killed")
            } else {
                format!("╺•━━━━━━━━━━━━━━━━━━■    {noted}")
            };
            expected += &row(&format!("   {branch} db_worker {each}"), &life);
        }
        let _ = write!(
            expected,
            "\n1s  one_for_one: db_worker {id} was restarted because it was killed\n"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "worker {id} is killed after a second, and only that one connects again"
        );
    });
}

/// What was committed is in the file; what was not goes with the connection, and its lock as well.
///
/// Exercise: 3
/// Covers: CH9-X3-R2, CH9-X3-R5, CH9-X3-R3
#[test]
fn a_crash_rolls_back_the_open_transaction_and_nothing_else() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let id = one_of(seed, IDS);
        let other = id % POOL_SIZE + 1;
        for sql in ["INSERT INTO users VALUES ('Cid')", "BEGIN", "INSERT INTO users VALUES ('Dan')"]
        {
            worker::query(id, sql).await.expect("the statement is right");
        }
        assert_eq!(users(id).await, ["Ann", "Bob", "Cid", "Dan"], "who writes sees what it wrote");
        assert_eq!(users(other).await, ["Ann", "Bob", "Cid"], "it is another connection");
        let old = worker(id).whereis().expect("it runs");
        if seed % 2 == 0 {
            kill_and_wait(&old).await;
        } else {
            // A mistake of anybody's who uses the same worker.
            worker::query(id, MISTAKES[0]).await.expect_err("this is no statement");
        }
        timeout(SECOND, restarted(&worker(id), &old)).await.expect("it is permanent");
        for each in IDS {
            assert_eq!(users(each).await, ["Ann", "Bob", "Cid"], "nobody committed `Dan`");
        }
        let written = worker::query(other, "INSERT INTO users VALUES ('Eve')").await;
        assert!(written.is_ok(), "the lock went with the connection, and this said {written:?}");
    });
}

/// A caller's bad statements are no business of the others, and take everything from them.
///
/// Exercise: 3
/// Covers: CH9-X3-R4
#[test]
fn four_bad_queries_end_the_pool_and_sixteen_end_the_system() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        let system = started(file).await;
        let mut pools = vec![];
        for nth in 1..=16_usize {
            let pool = DATABASE_POOL.up().await.expect("it is started again").pid();
            if !pools.contains(&pool) {
                pools.push(pool);
            }
            assert_eq!(pools.len(), nth.div_ceil(4), "four crashes end one life of the pool");
            let id = one_of(seed + nth as u64, IDS);
            timeout(SECOND, worker(id).up()).await.expect("it is permanent").expect("it starts");
            let asked = worker::query(id, MISTAKES[nth % MISTAKES.len()]).await;
            assert!(matches!(asked, Err(CallError::Down(_))), "the worker is to crash: {asked:?}");
            settle().await;
        }
        assert!(!system.is_alive(), "sixteen bad statements of one caller in five seconds");
        assert_eq!(pool::query(USERS).await, Err(CallError::NoProc), "and nobody has a database");
    });
}

/// Whoever has the registry's names falls with it, and comes back after it; that is one restart.
///
/// Exercise: 3
/// Covers: CH9-X3-S1, CH9-CHK-14
#[test]
fn a_killed_registry_costs_one_restart_and_not_the_pool() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        let system = started(file).await;
        for _ in 0..3 {
            let registry = DB_REGISTRY.whereis().expect("the registry runs").pid();
            let old = worker(one_of(seed, IDS)).whereis().expect("it runs");
            kill_and_wait(registry).await;
            let back = timeout(SECOND, restarted(&worker(one_of(seed, IDS)), &old)).await;
            assert!(
                back.is_ok(),
                "the pool is to be started again after the registry (see hint 1 of exercise 3)"
            );
            let first = DATABASE_POOL.count_children().await.map(|it| it.active);
            assert_eq!(first, Ok(3), "with all of its workers");
        }
        assert!(system.is_alive(), "three restarts are granted (see hint 1 of exercise 3)");
    });
}

/// A file that is gone comes back by no restart: the crash goes up until somebody can do something.
///
/// Exercise: 3
/// Covers: CH9-X3-R5
#[test]
fn a_deleted_file_is_the_end_of_the_system() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        let end = started(file.clone()).await.pid().join();
        fs::remove_file(&file).expect("it is there");
        let id = one_of(seed, IDS);
        assert_eq!(
            users(id).await,
            ["Ann", "Bob"],
            "an open file can be read when its name is gone"
        );
        let written = worker::query(id, "INSERT INTO users VALUES ('Cid')").await;
        let Err(CallError::Down(reason)) = written else {
            panic!("it would have been written to nowhere, and was {written:?}");
        };
        let said = said_by(&reason);
        assert!(said.is_some(), "the reason is what the database said, and was {reason}");
        let ended = timeout(SECOND, end).await;
        assert_eq!(
            ended,
            Ok(ExitReason::Shutdown),
            "no restart brings the file back, so each supervisor gives up (see hint 3 of exercise 3)"
        );
        assert!(!file.exists(), "and no empty database hides the loss");
    });
}

/// Whose fault it is follows from the code alone.
///
/// Exercise: 4
/// Covers: CH9-X3-R4
#[test]
fn each_error_is_somebodys_fault() {
    for (codes, fault) in [
        (
            &[
                ffi::SQLITE_ERROR,
                ffi::SQLITE_CONSTRAINT_UNIQUE,
                ffi::SQLITE_CONSTRAINT_NOTNULL,
                ffi::SQLITE_MISMATCH,
                ffi::SQLITE_TOOBIG,
                ffi::SQLITE_AUTH,
            ][..],
            Fault::Mistake,
        ),
        (
            &[ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED, ffi::SQLITE_FULL],
            Fault::NotNow,
        ),
        (
            &[
                ffi::SQLITE_IOERR_READ,
                ffi::SQLITE_CORRUPT,
                ffi::SQLITE_NOTADB,
                ffi::SQLITE_CANTOPEN,
                ffi::SQLITE_READONLY_DBMOVED,
                ffi::SQLITE_NOMEM,
                ffi::SQLITE_INTERNAL,
                ffi::SQLITE_MISUSE,
                ffi::SQLITE_INTERRUPT,
            ],
            Fault::Broken,
        ),
    ] {
        for &code in codes {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(fault_of(&error), fault, "{error} (see hint 2 of exercise 4)");
        }
    }
    for (error, fault) in [
        (rusqlite::Error::MultipleStatement, Fault::Mistake),
        (rusqlite::Error::UnwindingPanic, Fault::Broken),
    ] {
        assert_eq!(fault_of(&error), fault, "{error} (see hint 3 of exercise 4)");
    }
}

/// What a statement that nobody can run comes to, from the database itself.
///
/// Exercise: 4
/// Covers: CH9-X3-R4
#[test]
fn every_mistake_is_recognized() {
    let sqlite = rusqlite::Connection::open_in_memory().expect("there is room");
    sqlite.execute_batch(SCHEMA).expect("the schema is right");
    for sql in MISTAKES.into_iter().chain(["SELECT '\0'"]) {
        let run = || sqlite.prepare(sql)?.raw_query().next().map(drop);
        let error = run().expect_err("it cannot be run");
        assert_eq!(
            fault_of(&error),
            Fault::Mistake,
            "{sql:?} is wrong on every connection, which says {error:?} (see hint 3 of exercise 4)"
        );
    }
}

/// A mistake is answered, to whoever made it, and nobody else learns of it.
///
/// Exercise: 5
/// Covers: CH9-X3-R3, CH9-CHK-14
#[test]
fn a_callers_mistake_is_a_reply_and_nobody_crashes() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let before = pids();
        for nth in 0..16 {
            let sql = one_of(seed + nth, MISTAKES);
            let asked = ask(if nth < 8 { Query::write(sql) } else { Query::read(sql) }).await;
            assert!(
                matches!(asked, Err(PoolError::Mistake(_))),
                "{sql:?} is at fault, and not its worker, which gave {asked:?} (see hint 1 of \
                 exercise 5)"
            );
        }
        assert_eq!(pids(), before, "sixteen mistakes, and no crash (see hint 1 of exercise 5)");
        let right = on(one_of(seed, IDS), USERS);
        let answer = ask(Query::read(right.clone())).await.expect("the statement is right");
        assert_eq!(answer.to_string(), format!("Result for: {right}"));
        let mut counts = 0;
        for id in IDS {
            counts += worker(id).call(Call::QueryCount).await.expect("it runs").1;
        }
        assert_eq!(counts, 1, "what got an answer is counted (see hint 2 of exercise 5)");
    });
}

/// A transaction is one request, and nothing of it stays behind in a connection that is shared.
///
/// Exercise: 5
/// Covers: CH9-X3-R2
#[test]
fn a_transaction_is_done_as_a_whole_or_not_at_all() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let before = pids();
        let cid = "INSERT INTO users VALUES ('Cid')";
        let wrong = [MISTAKES[2], "COMMIT", "ROLLBACK", "BEGIN", "PRAGMA user_version = 7"];
        for last in wrong {
            let asked = ask(Query::transaction([cid, last])).await;
            assert!(matches!(asked, Err(PoolError::Mistake(_))), "{last}: {asked:?}");
        }
        for sql in [cid, "BEGIN", "ATTACH ':memory:' AS other"] {
            let asked = ask(Query::read(on(one_of(seed, IDS), sql))).await;
            assert!(matches!(asked, Err(PoolError::Mistake(_))), "{sql} is no read: {asked:?}");
        }
        for id in IDS {
            assert_eq!(users(id).await, ["Ann", "Bob"], "all of it or nothing");
        }
        let eve = "INSERT INTO users VALUES ('Eve')";
        let done = ask(Query::transaction([cid, eve])).await;
        assert_eq!(done.map(|answer| answer.changed), Ok(2), "both are right");
        assert_eq!(users(1).await, ["Ann", "Bob", "Cid", "Eve"]);
        assert_eq!(pids(), before);
    });
}

/// Another program has the lock: nobody's fault, nothing was done, and who only reads goes on.
///
/// Exercise: 5
/// Covers: CH9-X3-R3
#[test]
fn a_locked_database_is_said_at_once_and_crashes_nobody() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file.clone()).await;
        let before = pids();
        let cid = Query::write(on(one_of(seed, IDS), "INSERT INTO users VALUES ('Cid')"));
        let other = rusqlite::Connection::open(&file).expect("another program");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody has the lock");
        for _ in 0..5 {
            let asked = ask(cid.clone()).await;
            assert!(
                matches!(asked, Err(PoolError::NotNow(_))),
                "another one writes, and this gave {asked:?} (see hint 1 of exercise 5)"
            );
        }
        assert_eq!(users(one_of(seed, IDS)).await, ["Ann", "Bob"], "to read needs no such lock");
        other.execute_batch("ROLLBACK").expect("it has the lock");
        assert_eq!(ask(cid).await.map(|answer| answer.changed), Ok(1), "the lock is free");
        assert_eq!(pids(), before, "nobody crashed (see hint 1 of exercise 5)");
    });
}

/// A backup is put back under a running pool: the old connection is broken, and a fresh one mends it.
///
/// Exercise: 5
/// Covers: CH9-X3-R5, CH9-X3-R3, CH9-CHK-14
#[test]
fn a_broken_connection_crashes_its_worker_and_a_fresh_one_mends_it() {
    scenario_with(|seed| async move {
        let (scratch, file) = database().await;
        let history = watched();
        started(file.clone()).await;
        let before = pids();
        let backup = scratch.path().join("backup.db");
        fs::copy(&file, &backup).expect("there is room");
        fs::rename(&backup, &file).expect("it is there");
        let id = one_of(seed, IDS);
        let cid = Query::write(on(id, "INSERT INTO users VALUES ('Cid')"));
        let asked = ask(cid.clone()).await;
        let Err(PoolError::WorkerLost(reason)) = &asked else {
            panic!(
                "it would be written to a file without a name: {asked:?} (see hint 2 of exercise 5)"
            );
        };
        assert_eq!(
            notes(&history).into_iter().find(|note| note.starts_with("Connection lost: ")),
            said_by(reason).map(|error| format!("Connection lost: {error}")),
            "it is noted before the crash, which is the error itself (see hint 3 of exercise 5)"
        );
        let old = before[id as usize - 1].expect("it ran");
        timeout(SECOND, restarted(&worker(id), old)).await.expect("it is permanent");
        assert_eq!(ask(cid).await.map(|answer| answer.changed), Ok(1), "the connection is fresh");
        let now = pids();
        let new: Vec<_> =
            IDS.into_iter().filter(|&id| before[id as usize - 1] != now[id as usize - 1]).collect();
        assert_eq!(new, [id], "the others had nothing to do with it");
        let there = rusqlite::Connection::open(&file).and_then(|sqlite| {
            sqlite.query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        });
        assert_eq!(there, Ok(3), "it is in the file that has the name");
    });
}

/// A thread cannot be killed, but a query can: with its worker ends what it was about to do.
///
/// Exercise: 5
/// Covers: CH9-X3-R3, CH9-X3-R5, CH9-CHK-14
#[test]
fn a_query_without_end_is_cut_off_with_its_worker_and_holds_up_nobody_else() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file.clone()).await;
        let id = one_of(seed, IDS);
        let old = worker(id).whereis().expect("it runs");
        let endless = Query::transaction([
            "INSERT INTO users VALUES ('Cid')",
            &on_after(id, "INSERT INTO users VALUES ('Cid'); ", ENDLESS_WRITE),
        ]);
        let endless = Task::async_(async move { ask(endless).await });
        // No sleep: a paused clock stands still while a thread works, and this one has no end.
        while !file.with_extension("db-journal").exists() {
            assert!(endless.pid().is_alive(), "it has no end (see hint 3 of exercise 5)");
            yield_now().await;
        }
        let other = id % POOL_SIZE + 1;
        let eve = Query::write(on(other, "INSERT INTO users VALUES ('Eve')"));
        let locked = ask(eve.clone()).await;
        assert!(
            matches!(locked, Err(PoolError::NotNow(_))),
            "one has the lock, and not {locked:?}"
        );
        let read = ask(Query::read(on(other, USERS))).await;
        assert!(read.is_ok(), "the others go on meanwhile, and this said {read:?}");
        assert_eq!(kill_and_wait(&old).await, ExitReason::Killed);
        assert_eq!(
            endless.await,
            Ok(Err(PoolError::WorkerLost(ExitReason::Killed))),
            "the caller learns of it (see hint 2 of exercise 5)"
        );
        timeout(SECOND, restarted(&worker(id), &old)).await.expect("it is permanent");
        while let Err(PoolError::NotNow(_)) = ask(eve.clone()).await {
            settle().await;
        }
        let now = users(id).await;
        assert!(!now.contains(&"Cid".to_owned()), "{now:?}: what was begun was rolled back");
    });
}

/// Nobody there, and somebody slow, are two things to a caller.
///
/// Exercise: 5
/// Covers: CH9-X3-R3
#[test]
fn a_caller_can_tell_a_worker_that_is_away_from_one_that_is_slow() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let id = one_of(seed, IDS);
        let read = Query::read(on(id, USERS));
        sys::suspend(&worker(id)).await.expect("it runs");
        assert_eq!(
            ask(read.clone()).await,
            Err(PoolError::NoAnswer(CallError::Timeout)),
            "it is there, and does not come to it (see hint 2 of exercise 5)"
        );
        let child = format!("db_worker {id}");
        DATABASE_POOL.terminate_child(&child).await.expect("it is a child");
        assert_eq!(ask(read).await, Err(PoolError::NoWorker), "(see hint 2 of exercise 5)");
        let other = ask(Query::read(on(id % POOL_SIZE + 1, USERS))).await;
        assert!(other.is_ok(), "the others are there, and this said {other:?}");
    });
}

/// To ask again is safe where nothing was done, or where it does no harm to do it twice.
///
/// Exercise: 6
/// Covers: CH9-CHK-14
#[test]
fn what_may_be_asked_again_follows_from_the_error_and_the_query() {
    let busy =
        || SqlError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
    let (read, write) = (Query::read(USERS), Query::write(MISTAKES[2]));
    for (error, again) in [
        (PoolError::Mistake(SqlError::NotARead(USERS.to_owned())), [false, false]),
        (PoolError::NotNow(busy()), [true, true]),
        (PoolError::NoWorker, [true, true]),
        (PoolError::WorkerLost(ExitReason::Killed), [true, false]),
        (PoolError::NoAnswer(CallError::Timeout), [false, false]),
    ] {
        assert_eq!(
            [error.may_ask_again(&read), error.may_ask_again(&write)],
            again,
            "a read and a write after: {error} (see hint 1 of exercise 6)"
        );
    }
}

/// A lock is waited for at the edge, in steps, and no longer than the caller has patience.
///
/// Exercise: 6
/// Covers: CH9-CHK-14
#[test]
fn a_lock_is_waited_for_with_patience() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file.clone()).await;
        let cid = Query::write(on(one_of(seed, IDS), "INSERT INTO users VALUES ('Cid')"));
        let other = rusqlite::Connection::open(&file).expect("another program");
        other.execute_batch("BEGIN IMMEDIATE").expect("nobody has the lock");
        let (asked, took) = timed(ask_again(cid.clone(), Duration::from_millis(55))).await;
        assert!(
            matches!(asked, Err(PoolError::NotNow(_))),
            "it was locked, and this said {asked:?}"
        );
        assert!(
            (Duration::from_millis(50)..=Duration::from_millis(55)).contains(&took),
            "55 ms of patience, and it took {took:?} (see hint 2 of exercise 6)"
        );
        let free_after = one_of(seed, [100, 20, 340]);
        let lock = Task::async_(async move {
            sleep(Duration::from_millis(free_after)).await;
            drop(other);
        });
        let (asked, took) = timed(ask_again(cid, SECOND)).await;
        assert_eq!(
            asked.map(|answer| answer.changed),
            Ok(1),
            "the lock was free after {free_after} ms"
        );
        let free = Duration::from_millis(free_after);
        assert!(
            (free..free + 3 * pool::PAUSE).contains(&took),
            "free after {free:?}, and it took {took:?} (see hint 2 of exercise 6)"
        );
        lock.await.expect("it is dropped");
    });
}

/// A worker that is away is waited for: who was not asked has done nothing.
///
/// Exercise: 6
/// Covers: CH9-CHK-14
#[test]
fn a_worker_that_is_away_is_waited_for() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let id = one_of(seed, IDS);
        let child = format!("db_worker {id}");
        DATABASE_POOL.terminate_child(&child).await.expect("it is a child");
        let cid = Query::write(on(id, "INSERT INTO users VALUES ('Cid')"));
        let asked = Task::async_(async move { ask_again(cid, SECOND).await });
        sleep(Duration::from_millis(200)).await;
        DATABASE_POOL.restart_child(&child).await.expect("it starts");
        let asked = asked.await.expect("nobody crashes");
        assert_eq!(asked.map(|answer| answer.changed), Ok(1), "(see hint 3 of exercise 6)");
        assert_eq!(users(id).await, ["Ann", "Bob", "Cid"]);
    });
}

/// Whoever was lost with a write in its hands may have done it; a read does no harm twice.
///
/// Exercise: 6
/// Covers: CH9-CHK-14
#[test]
fn after_a_lost_worker_a_read_is_asked_again_and_a_write_is_not() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let id = one_of(seed, IDS);
        for (query, again) in [
            (Query::read(on(id, USERS)), true),
            (Query::write(on(id, "INSERT INTO users VALUES ('Cid')")), false),
        ] {
            let old = worker(id).whereis().expect("it runs");
            sys::suspend(&old).await.expect("it runs");
            let asked = Task::async_(async move { ask_again(query, SECOND).await });
            settle().await;
            kill_and_wait(&old).await;
            let asked = asked.await.expect("nobody crashes");
            let lost = asked == Err(PoolError::WorkerLost(ExitReason::Killed));
            assert_eq!(
                (asked.is_ok(), lost),
                (again, !again),
                "it came to {asked:?} (see hint 3 of exercise 6)"
            );
            timeout(SECOND, restarted(&worker(id), &old)).await.expect("it is permanent");
        }
        assert_eq!(users(id).await, ["Ann", "Bob"], "the write was asked once, and was lost");
    });
}

/// What has no hope is not asked again: a mistake at once, and an answer that does not come in time.
///
/// Exercise: 6
/// Covers: CH9-CHK-14
#[test]
fn a_mistake_is_not_asked_again_and_a_slow_worker_is_not_waited_for_longer() {
    scenario_with(|seed| async move {
        let (_scratch, file) = database().await;
        watched();
        started(file).await;
        let (asked, took) = timed(ask_again(Query::write(one_of(seed, MISTAKES)), SECOND)).await;
        assert!(matches!(asked, Err(PoolError::Mistake(_))), "it is a mistake: {asked:?}");
        assert_eq!(took, Duration::ZERO, "it will be one again (see hint 1 of exercise 6)");
        let id = one_of(seed, IDS);
        sys::suspend(&worker(id)).await.expect("it runs");
        let (asked, took) = timed(ask_again(Query::read(on(id, ENDLESS_READ)), SECOND)).await;
        assert_eq!(asked, Err(PoolError::NoAnswer(CallError::Timeout)));
        assert!(
            (SECOND..=SECOND + pool::PAUSE).contains(&took),
            "a second of patience, and it took {took:?} (see hint 3 of exercise 6)"
        );
        worker(id).whereis().expect("it runs").pid().kill();
    });
}

/// A new database with two users, gone with the test.
async fn database() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().expect("there is room for a folder");
    let file = scratch.path().join("course.db");
    connection::create(&file, SCHEMA).await.expect("the schema is right");
    (scratch, file)
}

/// What happens from now on. `main` survives all that it starts.
fn watched() -> Recorder {
    trap_exit(true).expect("the test is a process");
    System::current().record()
}

async fn started(file: PathBuf) -> SupervisorRef {
    system::start_link(file).await.expect("the file is there (see hint 1 of exercise 3)")
}

fn pids() -> [Option<Pid>; 3] {
    IDS.map(|id| worker(id).whereis().map(|it| it.pid()))
}

/// The users, as this worker's connection sees them.
async fn users(id: u32) -> Vec<String> {
    let answer =
        worker::query(id, USERS).await.expect("the statement is right, and the worker runs");
    names_in(&answer.rows)
}

fn names_in(rows: &[Vec<Value>]) -> Vec<String> {
    let names = rows.iter().flatten().map(|value| match value {
        Value::Text(name) => name.clone(),
        other => format!("{other:?}"),
    });
    names.collect()
}

/// This statement, with a comment that makes it one for worker `id`.
fn on(id: u32, sql: &str) -> String {
    on_after(id, "", sql)
}

/// As [`on`], for the last statement of a transaction that begins with `before`.
fn on_after(id: u32, before: &str, sql: &str) -> String {
    let mut texts = (0..).map(|nth| format!("{sql} -- {nth}"));
    let fits = |text: &String| choose_worker(&format!("{before}{text}")) == id;
    let text = texts.by_ref().take(1000).find(fits);
    text.expect("each worker is chosen for some text (see hint 2 of exercise 2)")
}

/// What the database said to a worker that crashed with this reason.
fn said_by(reason: &ExitReason) -> Option<&SqlError> {
    reason.as_error()?.downcast_ref()
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (work.await, start.elapsed())
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
