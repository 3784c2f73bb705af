//! Lists on a disk: an `SQLite` file for each worker, off the runtime's threads, as in exercise 9.3.
//! Nothing is to be written here.
//!
//! An entry is a row, and a row that is stored is committed: a power cut takes nothing of it away.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, params};
use tokio::task::spawn_blocking;

use crate::list::{Entry, TodoList};

/// A list could not be read or written. What was on the disk still is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What is stored is no list. Mend it; no restart will.
    #[error("{}, list {list:?}, entry {id}: expected {expected}, found {found}", file.display())]
    Corrupt {
        /// In which file.
        file: PathBuf,
        /// Which list.
        list: String,
        /// Which of its entries.
        id: String,
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: String,
    },
    /// There is an entry with this id, of which whoever adds one did not know.
    #[error("{}, list {list:?}: there is an entry {id} already", file.display())]
    Taken {
        /// In which file.
        file: PathBuf,
        /// Which list.
        list: String,
        /// Which entry.
        id: u64,
    },
    /// The disk is full, or another program has the file. Nothing was done.
    #[error("{}: not now: {reason}", file.display())]
    NotNow {
        /// Which file.
        file: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// The connection to the file is of no use any more; another one may be.
    #[error("{}: {reason}", file.display())]
    Broken {
        /// Which file.
        file: PathBuf,
        /// What the database said.
        reason: String,
    },
}

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS entries (
    list TEXT NOT NULL,
    id INTEGER NOT NULL,
    date TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (list, id)
) WITHOUT ROWID";

/// The file of the worker with this number.
pub fn file(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("lists-{number}.db"))
}

/// Makes what is missing of the folder and of the files with these numbers.
///
/// Done once, before the system starts: a file that is lost while it runs must not come back empty.
///
/// # Errors
/// The folder cannot be made, or a file is no database.
pub async fn prepare(
    folder: &Path,
    numbers: impl Iterator<Item = u32> + Send + 'static,
) -> Result<(), StoreError> {
    let folder = folder.to_owned();
    on_a_thread(move || {
        std::fs::create_dir_all(&folder).map_err(|error| {
            let reason = error.to_string();
            StoreError::Broken { file: folder.clone(), reason }
        })?;
        for number in numbers {
            let file = file(&folder, number);
            let made = Connection::open(&file).and_then(|sqlite| sqlite.execute_batch(SCHEMA));
            made.map_err(|error| broken(&file, &error))?;
        }
        Ok(())
    })
    .await
}

/// An open file of lists.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    /// Absent while a thread has it.
    sqlite: Option<Connection>,
}

impl Store {
    /// Opens the file of this number, which has to exist.
    ///
    /// # Errors
    /// [`StoreError::Broken`]: there is none, or it is no database.
    pub async fn open(folder: &Path, number: u32) -> Result<Self, StoreError> {
        let file = file(folder, number);
        let open = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let opened = Connection::open_with_flags(&file, flags).and_then(|sqlite| {
                // Each file has one worker: another one is the last one's thread, about to end.
                sqlite.busy_timeout(Duration::from_secs(5))?;
                sqlite.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
                Ok(sqlite)
            });
            match opened {
                Ok(sqlite) => Ok(Self { file, sqlite: Some(sqlite) }),
                Err(error) => Err(broken(&file, &error)),
            }
        };
        on_a_thread(open).await
    }

    /// The list `name`; an empty one if nothing was ever added to it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get(&mut self, name: &str) -> Result<TodoList, StoreError> {
        let list = name.to_owned();
        self.on_its_thread(move |sqlite, file| {
            let sql = "SELECT id, date, title FROM entries WHERE list = ?1 ORDER BY id";
            let mut statement = sqlite.prepare_cached(sql).map_err(|error| broken(file, &error))?;
            let mut rows = statement.query([&list]).map_err(|error| broken(file, &error))?;
            let mut all = TodoList::new();
            while let Some(row) = rows.next().map_err(|error| broken(file, &error))? {
                let (id, entry) = entry(file, &list, row)?;
                all.insert(id, entry);
            }
            Ok(all)
        })
        .await
    }

    /// Adds an entry to the list `name`. When this is `Ok`, it is on the disk.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn add(&mut self, name: &str, id: u64, entry: Entry) -> Result<(), StoreError> {
        let list = name.to_owned();
        self.on_its_thread(move |sqlite, file| {
            let sql = "INSERT INTO entries VALUES (?1, ?2, ?3, ?4)";
            let number = i64::try_from(id).unwrap_or(i64::MAX);
            let row = params![list, number, entry.date.to_string(), entry.title];
            let added = sqlite.prepare_cached(sql).and_then(|mut sql| sql.execute(row));
            match added {
                Ok(_) => Ok(()),
                Err(error) => match error.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => {
                        Err(StoreError::Taken { file: file.to_owned(), list, id })
                    }
                    _ => Err(broken(file, &error)),
                },
            }
        })
        .await
    }

    async fn on_its_thread<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = self.file.clone();
        let Some(sqlite) = self.sqlite.take() else {
            return Err(StoreError::Broken {
                file,
                reason: "the last work was cut off".to_owned(),
            });
        };
        let work = move || {
            let done = work(&sqlite, &file);
            (sqlite, done)
        };
        let (sqlite, done) = on_a_thread(work).await;
        self.sqlite = Some(sqlite);
        done
    }
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// The statements are ours, so whatever fails is the connection, or what is behind it.
fn broken(file: &Path, error: &rusqlite::Error) -> StoreError {
    let (file, reason) = (file.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            StoreError::NotNow { file, reason }
        }
        _ => StoreError::Broken { file, reason },
    }
}

/// What stands in a row, looked through: somebody else may have been at the file.
fn entry(file: &Path, list: &str, row: &Row<'_>) -> Result<(u64, Entry), StoreError> {
    let value = |at| row.get_ref(at).unwrap_or(ValueRef::Null);
    let wrong = |expected, at| StoreError::Corrupt {
        file: file.to_owned(),
        list: list.to_owned(),
        id: said(value(0)),
        expected,
        found: said(value(at)),
    };
    let id = value(0).as_i64().ok().and_then(|id| u64::try_from(id).ok());
    let id = id.ok_or_else(|| wrong("a number", 0))?;
    let date = value(1).as_str().ok().and_then(|date| date.parse().ok());
    let date = date.ok_or_else(|| wrong("a date like 2024-01-22", 1))?;
    let title = value(2).as_str().map_err(|_| wrong("a text", 2))?;
    Ok((id, Entry::new(date, title)))
}

fn said(value: ValueRef<'_>) -> String {
    match Value::try_from(value) {
        Ok(Value::Integer(number)) => number.to_string(),
        Ok(Value::Text(text)) => format!("{text:?}"),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}
