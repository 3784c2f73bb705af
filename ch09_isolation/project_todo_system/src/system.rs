//! The whole: the course's `Todo.System`.

use std::path::PathBuf;

use runtime::prelude::*;
use runtime::{StartError, SupervisorRef, SupervisorServer};

use crate::process_registry::ProcessRegistry;
use crate::{cache, database, store};

/// The name of the system's supervisor.
pub static TODO_SYSTEM: Name<SupervisorServer> = Name::new("Todo.System");

/// Starts the system with its lists in the folder `persist`, linked to the caller.
///
/// # Errors
/// It runs already, or a part of it does not start.
pub async fn start_link() -> Result<SupervisorRef, StartError> {
    start_link_in(PathBuf::from("persist")).await
}

/// Starts the system with its lists in this folder, under its name, linked to the caller. Its three
/// children are the registry, the database and the cache; what needs a crashed child is restarted
/// with it.
///
/// # Errors
/// As [`start_link`].
pub async fn start_link_in(folder: PathBuf) -> Result<SupervisorRef, StartError> {
    let prepared = store::prepare(&folder, 1..=database::WORKERS).await;
    prepared.map_err(|error| StartError::Failed(ExitReason::error(error)))?;
    // EXERCISE 6: three children, in the order in which they need each other.
    Supervisor::rest_for_one()
        .child(ProcessRegistry::child_spec())
        .child(database::child_spec(folder))
        .child(cache::child_spec())
        .start_link()
        .name(&TODO_SYSTEM)
        .await
    // END
}
