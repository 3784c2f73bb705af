//! The tree: the registry, and beside it the cache.

use runtime::prelude::*;
use runtime::{StartError, SupervisorRef, SupervisorServer};

use crate::todo_cache::TODO_CACHE;
use crate::todo_server::TODO_REGISTRY;

/// The name of the whole.
pub static TODO_SYSTEM: Name<SupervisorServer> = Name::new("TodoSystem");

/// Starts [`TODO_SYSTEM`], linked to the caller: [`TODO_REGISTRY`], then [`TODO_CACHE`], one for one.
///
/// # Errors
/// A name is taken.
pub async fn start_link() -> Result<SupervisorRef, StartError> {
    // EXERCISE 2: the registry, then the supervisor of those who register.
    Supervisor::one_for_one()
        .child(TODO_REGISTRY.child())
        .child(DynamicSupervisor::new().into_child(&TODO_CACHE))
        .start_link()
        .name(&TODO_SYSTEM)
        .await
    // END
}
