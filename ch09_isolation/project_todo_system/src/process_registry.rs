//! Who is who: the course's `Todo.ProcessRegistry`.

use runtime::prelude::*;
use runtime::{Registry, RegistryServer, Start, Via};

/// What a process is known by: of which kind it is, and which of them. So a list may be called `1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A worker of the database, by its number.
    DatabaseWorker(u32),
    /// A list, by its name.
    TodoServer(String),
}

/// The table behind [`ProcessRegistry`].
pub static PROCESS_REGISTRY: Registry<Key> = Registry::unique("Todo.ProcessRegistry");

/// How the registry is started, and how names in it are made.
#[derive(Debug)]
pub struct ProcessRegistry;

impl ProcessRegistry {
    /// Starts the registry, linked to the caller.
    pub fn start_link() -> Start<RegistryServer> {
        // EXERCISE 1: start the registry.
        PROCESS_REGISTRY.start_link()
        // END
    }

    /// The name of the server of type `S` that has this key, whoever that is at each use.
    pub fn via<S: GenServer>(key: Key) -> Via<S, Key> {
        // EXERCISE 1: a name that is looked up at each use.
        PROCESS_REGISTRY.via(key)
        // END
    }

    /// The registry as a supervisor's child, with the id `Todo.ProcessRegistry`.
    pub fn child_spec() -> ChildSpec {
        // EXERCISE 1: say how a supervisor starts it.
        PROCESS_REGISTRY.child().into()
        // END
    }
}
