//! What a request can come to instead of an answer.

use runtime::prelude::*;
use runtime::{ChildError, StartError};

use crate::store::StoreError;

/// A request that came to nothing, or of which nobody knows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TodoError {
    /// The list's process is not there (`NoProc`: then nothing was done), or gave no answer.
    #[error("the list: {0}")]
    List(CallError),
    /// The database's worker is not there (`NoProc`: then nothing was done), or gave no answer.
    #[error("the database: {0}")]
    Database(CallError),
    /// The disk said no, and nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list's process could not be started, for no reason of its own.
    #[error("the list was not started: {0}")]
    NotStarted(ChildError),
}

impl TodoError {
    /// Whether an entry that was to be added may be on the disk all the same, or the disk has one
    /// that the list does not know: then the list in memory is not to be trusted any more.
    pub fn is_uncertain(&self) -> bool {
        // EXERCISE 3: a list that knows what is on the disk, or ends: say after which failures it does not.
        match self {
            Self::Database(CallError::NoProc) => false,
            Self::Database(_) | Self::Store(StoreError::Taken { .. }) => true,
            Self::List(_) | Self::Store(_) | Self::NotStarted(_) => false,
        }
        // END
    }

    /// Whether the request found no list, or one that ended in peace and had not taken it: then
    /// nothing was done, and the next list will take it.
    pub fn reached_nobody(&self) -> bool {
        // EXERCISE 7: nobody there, or somebody who has just stopped because nobody seemed to need it.
        matches!(self, Self::List(CallError::NoProc | CallError::Down(ExitReason::Normal)))
        // END
    }

    /// What kept a list's process from starting, or ended it: the error that is its exit reason.
    pub fn of_reason(reason: &ExitReason) -> Option<&Self> {
        reason.as_error()?.downcast_ref()
    }
}

/// What a call of a list comes to. If the list has ended with a [`TodoError`], it is that.
impl From<CallError> for TodoError {
    fn from(error: CallError) -> Self {
        let own = match &error {
            CallError::Down(reason) => Self::of_reason(reason).cloned(),
            _ => None,
        };
        own.unwrap_or(Self::List(error))
    }
}

/// What the start of a list comes to. If its `init` has failed with a [`TodoError`], it is that.
impl From<ChildError> for TodoError {
    fn from(error: ChildError) -> Self {
        // EXERCISE 4: the list's own error, if it has one, and otherwise what the cache said.
        let own = match &error {
            ChildError::Start(StartError::Failed(reason)) => Self::of_reason(reason).cloned(),
            _ => None,
        };
        own.unwrap_or(Self::NotStarted(error))
        // END
    }
}
