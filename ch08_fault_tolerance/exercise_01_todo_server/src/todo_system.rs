//! What others see of it: the course's `TodoSystem`.

use runtime::{ChildError, Pid, StartError, SupervisorRef};

use crate::todo_supervisor;

/// Brings the whole system up, linked to the caller.
///
/// # Errors
/// It runs already.
pub async fn start() -> Result<SupervisorRef, StartError> {
    // EXERCISE 3: start the tree.
    todo_supervisor::start_link().await
    // END
}

/// Starts the list `name`. The caller is not linked to it; its supervisor is.
///
/// # Errors
/// A list of this name runs, or the system does not.
pub async fn new_list(name: &str) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 3: start it below the supervisor of the lists.
    todo_supervisor::start_child(name).await
    // END
}

/// The list `name`: the one that runs, or a new one. Two callers at once get the same.
///
/// # Errors
/// The system does not run.
pub async fn open_list(name: &str) -> Result<Option<Pid>, ChildError> {
    // EXERCISE 4: who runs already is no error for somebody who only wants it to run.
    match new_list(name).await {
        Err(ChildError::Start(StartError::AlreadyStarted(pid))) => Ok(Some(pid)),
        started => started,
    }
    // END
}
