//! The servers of the lists, on demand: the course's `TodoCache`.

use runtime::prelude::*;
use runtime::{ChildError, DynamicSupervisorServer, StartError};

use crate::todo_server::{ListError, child};

/// The name of the supervisor of the lists.
pub static TODO_CACHE: Name<DynamicSupervisorServer> = Name::new("TodoCache");

/// The server of a list: the one that runs, or a new one under [`TODO_CACHE`]. Of many that ask at
/// once, all get the same. One that is about to end is none.
///
/// # Errors
/// [`ListError::NotStarted`].
pub async fn server_process(list_name: &str) -> Result<Pid, ListError> {
    // EXERCISE 3: start it, and take whoever was there before for an answer.
    loop {
        match TODO_CACHE.start_child(child(list_name)).await {
            Ok(Some(started)) => return Ok(started),
            Ok(None) => return Err(ListError::NotStarted(ChildError::Start(StartError::Ignored))),
            Err(ChildError::Start(StartError::AlreadyStarted(running))) => {
                if running.is_alive() {
                    return Ok(running);
                }
                running.join().await;
            }
            Err(error) => return Err(ListError::NotStarted(error)),
        }
    }
    // END
}
