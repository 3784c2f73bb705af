//! The workers under their supervisor: the course's `DatabasePool`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Start, SupervisorServer};
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::PoolError;
use crate::query::{Answer, Query};
use crate::worker::{self, Call, DatabaseWorker, worker};

/// How many workers there are.
pub const POOL_SIZE: u32 = 3;

/// How long [`ask_again`] waits between two attempts.
pub const PAUSE: Duration = Duration::from_millis(10);

/// The name of the pool's supervisor.
pub static DATABASE_POOL: Name<SupervisorServer> = Name::new("DatabasePool");

/// Starts the pool under its name, linked to the caller: [`POOL_SIZE`] workers, one for one, with the
/// ids `db_worker 1`, `db_worker 2`, `db_worker 3`.
pub fn start_link(file: &Path) -> Start<SupervisorServer> {
    // EXERCISE 2: three permanent children of one type, each with an id and a name of its own.
    let workers = (1..=POOL_SIZE).map(|id| {
        let file = file.to_owned();
        DatabaseWorker::child(move || (id, file.clone()))
            .name(worker(id))
            .id(format!("db_worker {id}"))
            .into()
    });
    Supervisor::one_for_one().children(workers).start_link().name(&DATABASE_POOL)
    // END
}

/// The worker for this text, 1 to [`POOL_SIZE`]: always the same.
pub fn choose_worker(sql: &str) -> u32 {
    // EXERCISE 2: choose by a hash of the text.
    let mut hasher = DefaultHasher::new();
    sql.hash(&mut hasher);
    let at = hasher.finish() % u64::from(POOL_SIZE);
    1 + u32::try_from(at).unwrap_or_default()
    // END
}

/// Runs a statement in the course's way, on the worker for its text.
///
/// # Errors
/// As [`worker::query`].
pub async fn query(sql: &str) -> Result<Answer, CallError> {
    // EXERCISE 2: ask the worker for this text.
    worker::query(choose_worker(sql), sql).await
    // END
}

/// Runs a query in the better way, on the worker for its text.
///
/// # Errors
/// See [`PoolError`]: it says whether the query is at fault, or the pool.
pub async fn ask(query: Query) -> Result<Answer, PoolError> {
    // EXERCISE 5: the worker's reply, or what came instead of one.
    let id = choose_worker(&query.sql());
    Ok(worker(id).call(|reply| Call::Ask(query, reply)).await??)
    // END
}

/// As [`ask`], and again after each [`PAUSE`] for as long as that is safe and there is a hope.
///
/// # Errors
/// What the last attempt came to, when another one would not be safe, has no hope, or would begin
/// after `patience`.
pub async fn ask_again(query: Query, patience: Duration) -> Result<Answer, PoolError> {
    // EXERCISE 6: ask again, but only what may be asked again, and not for ever.
    let deadline = Instant::now() + patience;
    loop {
        let asked = timeout_at(deadline, ask(query.clone())).await;
        match asked.unwrap_or(Err(PoolError::NoAnswer(CallError::Timeout))) {
            Err(error) if error.may_ask_again(&query) && Instant::now() + PAUSE <= deadline => {
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
    // END
}
