//! The whole: the course's `Todo.System`.

use std::time::Duration;

use runtime::prelude::*;
use runtime::{StartError, SupervisorRef, SupervisorServer};
use tokio::time::{Instant, sleep, timeout_at};

use crate::cache::{self, CACHE};
use crate::disk::Disk;
use crate::list::{Date, Entry};
use crate::server::{self, TodoError};

/// The name of the system's supervisor.
pub static TODO_SYSTEM: Name<SupervisorServer> = Name::new("Todo.System");

/// Starts the system with the usual disk, linked to the caller.
///
/// # Errors
/// It runs already, or a part of it does not start.
pub async fn start_link() -> Result<SupervisorRef, StartError> {
    start_link_in(Disk::usual()).await
}

/// Starts the system with this disk, under its name, linked to the caller: a supervisor, one for one,
/// whose only child is the cache.
///
/// # Errors
/// As [`start_link`].
pub async fn start_link_in(disk: Disk) -> Result<SupervisorRef, StartError> {
    // EXERCISE 5: one supervisor over one child.
    Supervisor::one_for_one().child(cache::child_spec(disk)).start_link().name(&TODO_SYSTEM).await
    // END
}

/// The entries of a day in the list `name`, although everything may just be starting anew: waits for
/// the cache, and asks again when somebody ended meanwhile.
///
/// # Errors
/// `NoProc` when no cache comes in time, `Timeout` when no answer does, or the bad answer itself.
pub async fn entries_in_the_end(
    name: &str,
    date: Date,
    patience: Duration,
) -> Result<Vec<Entry>, TodoError> {
    // EXERCISE 6: wait until there is a cache, ask, and begin anew if it broke meanwhile.
    let deadline = Instant::now() + patience;
    loop {
        let Ok(Ok(_)) = timeout_at(deadline, CACHE.up()).await else {
            return Err(CallError::NoProc.into());
        };
        let asked = async {
            let server = cache::server_process(name).await?;
            server::entries(&server, date).await
        };
        match timeout_at(deadline, asked).await {
            Ok(Err(TodoError::Call(CallError::NoProc | CallError::Down(_)))) => {
                sleep(Duration::from_millis(1)).await;
            }
            Ok(answer) => return answer,
            Err(_) => return Err(CallError::Timeout.into()),
        }
    }
    // END
}
