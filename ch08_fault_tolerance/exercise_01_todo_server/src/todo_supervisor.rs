//! The tree: a registry, and beside it a supervisor whose children come and go.

use runtime::prelude::*;
use runtime::{ChildError, DynamicSupervisorServer, StartError, SupervisorRef, SupervisorServer};

use crate::todo_server::{TODO_REGISTRY, TodoServer, via};

/// The name of the whole.
pub static TODO_SUPERVISOR: Name<SupervisorServer> = Name::new("TodoSupervisor");

/// The name of the supervisor of the lists.
pub static TODO_DYNAMIC_SUPERVISOR: Name<DynamicSupervisorServer> =
    Name::new("TodoDynamicSupervisor");

/// The list `name` as a child: with its name as id, registered under it, permanent.
pub fn list(name: &str) -> ChildSpec {
    let (id, key) = (name.to_owned(), name.to_owned());
    TodoServer::child(move || key.clone()).name(via(name)).id(id).into()
}

/// Starts the course's tree, linked to the caller: [`TODO_SUPERVISOR`], one for one, of the registry
/// and [`TODO_DYNAMIC_SUPERVISOR`], in this order.
///
/// # Errors
/// A name is taken.
pub async fn start_link() -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: the registry, then the supervisor of the lists, one for one, as the course has it.
    Supervisor::one_for_one()
        .child(TODO_REGISTRY.child())
        .child(DynamicSupervisor::new().into_child(&TODO_DYNAMIC_SUPERVISOR))
        .start_link()
        .name(&TODO_SUPERVISOR)
        .await
    // END
}

/// Starts a list below [`TODO_DYNAMIC_SUPERVISOR`], as the course's `start_child` should have.
///
/// # Errors
/// A list of this name runs, or the tree does not.
pub async fn start_child(name: &str) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 3: ask the supervisor that takes children while it runs.
    TODO_DYNAMIC_SUPERVISOR.start_child(list(name)).await
    // END
}

/// As [`start_link`], but the death of the registry is the end of what stands on it: both are started
/// anew, the registry first.
///
/// # Errors
/// A name is taken.
pub async fn start_link_mended() -> Result<SupervisorRef, StartError> {
    // EXERCISE 4: the same children, so that none of them outlives what it relies on.
    Supervisor::rest_for_one()
        .child(TODO_REGISTRY.child())
        .child(DynamicSupervisor::new().into_child(&TODO_DYNAMIC_SUPERVISOR))
        .start_link()
        .name(&TODO_SUPERVISOR)
        .await
    // END
}
