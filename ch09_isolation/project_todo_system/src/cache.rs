//! The lists that run: the course's `Todo.Cache`.

use runtime::prelude::*;
use runtime::{ChildError, DynamicSupervisorServer, Start, StartError};

use crate::error::TodoError;
use crate::server::{self, TodoServer};

/// The name of the cache, which is a dynamic supervisor.
pub static CACHE: Name<DynamicSupervisorServer> = Name::new("Todo.Cache");

/// Starts the cache under its name, linked to the caller.
pub fn start_link() -> Start<DynamicSupervisorServer> {
    // EXERCISE 4: a supervisor whose children come and go.
    DynamicSupervisor::new().start_link().name(&CACHE)
    // END
}

/// The cache as a supervisor's child, with its name as its id.
pub fn child_spec() -> ChildSpec {
    // EXERCISE 4: the same as a child.
    DynamicSupervisor::new().into_child(&CACHE)
    // END
}

/// The process of the list `name`, which is started if there is none. Of many that ask at once, all
/// get the same. One that is about to end is none.
///
/// # Errors
/// Why the list does not start; see [`TodoError`].
pub async fn server_process(name: &str) -> Result<ServerRef<TodoServer>, TodoError> {
    // EXERCISE 4: whoever has the key, or a new child; and whoever was quicker.
    loop {
        if let Some(running) = server::via(name).whereis() {
            return Ok(running);
        }
        let pid = match CACHE.start_child(server::child_spec(name)).await {
            Ok(started) => started,
            Err(ChildError::Start(StartError::AlreadyStarted(other))) if other.is_alive() => {
                Some(other)
            }
            Err(ChildError::Start(StartError::AlreadyStarted(ending))) => {
                ending.join().await;
                None
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(server) = pid.and_then(ServerRef::of_pid) {
            return Ok(server);
        }
    }
    // END
}
