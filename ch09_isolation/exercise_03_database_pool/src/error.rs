//! What can go wrong, and whose fault it is.

use std::sync::Arc;

use runtime::prelude::*;
use rusqlite::ErrorCode;

use crate::query::Query;

/// Who has to do something about an error of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The query is wrong, and will be wrong again on every connection: its writer's business.
    Mistake,
    /// Nothing is wrong; the database cannot do it now, and has done nothing of it.
    NotNow,
    /// This connection, or what is behind it, is broken: a fresh one may help.
    Broken,
}

/// Whose fault it is, by what `SQLite` says. What is not known is the connection's fault.
pub fn fault_of(error: &rusqlite::Error) -> Fault {
    // EXERCISE 4: sort the errors of the database by who has to do something about them.
    use rusqlite::Error::{MultipleStatement, SqlInputError, SqliteFailure};
    match error {
        MultipleStatement => Fault::Mistake,
        SqlInputError { error, .. } | SqliteFailure(error, _) => match error.code {
            ErrorCode::Unknown
            | ErrorCode::ConstraintViolation
            | ErrorCode::TypeMismatch
            | ErrorCode::TooBig
            | ErrorCode::AuthorizationForStatementDenied => Fault::Mistake,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull => {
                Fault::NotNow
            }
            _ => Fault::Broken,
        },
        _ => Fault::Broken,
    }
    // END
}

/// The database did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SqlError {
    /// What `SQLite` says.
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    /// It was to read only.
    #[error("{0:?} writes, and was asked as a read")]
    NotARead(String),
    /// A query before this one was cut off, and its thread has the connection.
    #[error("the connection is gone")]
    Gone,
}

impl SqlError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Sqlite(error) => fault_of(error),
            Self::NotARead(_) => Fault::Mistake,
            Self::Gone => Fault::Broken,
        }
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// A query that got no answer from the pool, and what that says of the query.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PoolError {
    /// The query is at fault. Nothing was done; ask something else.
    #[error("the query is at fault: {0}")]
    Mistake(SqlError),
    /// The database cannot do it now: another one writes, or the disk is full. Nothing was done.
    #[error("not now: {0}")]
    NotNow(SqlError),
    /// There was no worker to ask. Nothing was done.
    #[error("no worker: it is being started again, or nothing runs")]
    NoWorker,
    /// The worker ended before it answered, with this reason. It may be done or not.
    #[error("the worker was lost: {0}")]
    WorkerLost(ExitReason),
    /// No answer came in time. The worker may still be at it, or have it before it.
    #[error("no answer: {0}")]
    NoAnswer(CallError),
}

/// What was replied.
impl From<SqlError> for PoolError {
    fn from(error: SqlError) -> Self {
        // EXERCISE 5: mistakes are replies, and only a broken connection crashes: what a reply says to the caller.
        match error.fault() {
            Fault::Mistake => Self::Mistake(error),
            Fault::NotNow => Self::NotNow(error),
            Fault::Broken => Self::WorkerLost(ExitReason::error(error)),
        }
        // END
    }
}

/// What came instead of a reply.
impl From<CallError> for PoolError {
    fn from(error: CallError) -> Self {
        // EXERCISE 5: no reply: nobody had the query, or somebody had it and is no more, or is slow.
        match error {
            CallError::NoProc => Self::NoWorker,
            CallError::Down(reason) => Self::WorkerLost(reason),
            slow => Self::NoAnswer(slow),
        }
        // END
    }
}

impl PoolError {
    /// Whether the query may be asked again without doing anything twice, and with a hope.
    pub fn may_ask_again(&self, query: &Query) -> bool {
        // EXERCISE 6: ask again only what is safe: say after which error it is, and not hopeless.
        match self {
            Self::NotNow(_) | Self::NoWorker => true,
            Self::WorkerLost(_) => !query.writes(),
            Self::Mistake(_) | Self::NoAnswer(_) => false,
        }
        // END
    }
}
