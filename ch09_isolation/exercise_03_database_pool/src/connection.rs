//! A connection to an `SQLite` file, off the runtime's threads. Nothing is to be written here.
//!
//! `SQLite` is no server but a library: whoever calls it waits for the disk and for the computing.
//! So each query goes to a thread that may wait, with the connection, which comes back with the
//! answer. A thread cannot be killed; but `SQLite` asks every thousand steps whether the answer is
//! still wanted, and it is not when the [`Connection`] was dropped, as it is when its process ends.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{OpenFlags, Statement};
use tokio::task::spawn_blocking;

use crate::error::SqlError;
use crate::query::{Answer, Query};

/// Does what waits on a thread that may wait.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Makes a new database in `file`, and runs these statements in it.
///
/// # Errors
/// What `SQLite` says.
pub async fn create(file: &Path, sql: &'static str) -> Result<(), SqlError> {
    let file = file.to_owned();
    on_a_thread(move || Ok(rusqlite::Connection::open(file)?.execute_batch(sql)?)).await
}

/// A connection. Its end closes it, which rolls back what was not committed.
#[derive(Debug)]
pub struct Connection {
    /// Absent while a query runs: then its thread has it.
    sqlite: Option<rusqlite::Connection>,
    unwanted: Arc<AtomicBool>,
}

impl Connection {
    /// Opens a database that exists, and looks into it.
    ///
    /// # Errors
    /// There is no such file, or it is no database.
    pub async fn open(file: PathBuf) -> Result<Self, SqlError> {
        let unwanted = Arc::new(AtomicBool::new(false));
        let asked = unwanted.clone();
        let open = move || {
            // Not to be created: an empty database in the place of a lost one would hide the loss.
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut sqlite = rusqlite::Connection::open_with_flags(file, flags)?;
            // Who waits for another's lock waits at the edge, in tokio's time, and not in here.
            sqlite.busy_timeout(Duration::ZERO)?;
            sqlite.progress_handler(1000, Some(move || asked.load(Ordering::Relaxed)))?;
            sqlite.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
            Ok::<_, SqlError>(sqlite)
        };
        Ok(Self { sqlite: Some(on_a_thread(open).await?), unwanted })
    }

    /// Runs one statement, whatever it is.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub async fn run(&mut self, sql: &str) -> Result<Answer, SqlError> {
        let sql = sql.to_owned();
        self.on_its_thread(move |sqlite| {
            let before = sqlite.total_changes();
            let rows = rows(&mut sqlite.prepare(&sql)?)?;
            Ok(Answer { sql, rows, changed: sqlite.total_changes() - before })
        })
        .await
    }

    /// Runs a query: all of it, or nothing, and the connection is as before. What would change the
    /// connection for others (`BEGIN`, `ATTACH`, `PRAGMA`) is not authorized.
    ///
    /// # Errors
    /// What `SQLite` says; [`SqlError::NotARead`] for a read that would write.
    pub async fn ask(&mut self, query: Query) -> Result<Answer, SqlError> {
        self.on_its_thread(move |sqlite| {
            let sql = query.sql();
            if !query.writes {
                let rows = guarded(sqlite, &query)?;
                return Ok(Answer { sql, rows, changed: 0 });
            }
            let before = sqlite.total_changes();
            sqlite.execute_batch("BEGIN IMMEDIATE")?;
            let done = guarded(sqlite, &query)
                .and_then(|rows| Ok(sqlite.execute_batch("COMMIT").map(|()| rows)?));
            if done.is_err() && !sqlite.is_autocommit() {
                sqlite.execute_batch("ROLLBACK")?;
            }
            Ok(Answer { sql, rows: done?, changed: sqlite.total_changes() - before })
        })
        .await
    }

    async fn on_its_thread<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut rusqlite::Connection) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, SqlError> {
        let mut sqlite = self.sqlite.take().ok_or(SqlError::Gone)?;
        let work = move || {
            let done = work(&mut sqlite);
            (sqlite, done)
        };
        let (sqlite, done) = on_a_thread(work).await;
        self.sqlite = Some(sqlite);
        done
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.unwanted.store(true, Ordering::Relaxed);
    }
}

type Rows = Vec<Vec<rusqlite::types::Value>>;

/// All rows of a statement; whether it gives any or not, it is run to its end.
fn rows(statement: &mut Statement<'_>) -> Result<Rows, SqlError> {
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((0..columns).map(|at| row.get(at)).collect::<Result<_, _>>()?);
    }
    Ok(all)
}

/// What the last statement gives. The guard is there while they run, and no longer.
fn guarded(sqlite: &mut rusqlite::Connection, query: &Query) -> Result<Rows, SqlError> {
    sqlite.authorizer(Some(|asked: AuthContext<'_>| match asked.action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }))?;
    let run = || {
        let mut last = Vec::new();
        for sql in &query.statements {
            let mut statement = sqlite.prepare(sql)?;
            if !query.writes && !statement.readonly() {
                return Err(SqlError::NotARead(sql.clone()));
            }
            last = rows(&mut statement)?;
        }
        Ok(last)
    };
    let done = run();
    sqlite.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    done
}
