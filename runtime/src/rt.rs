//! The only door to tokio's tasks and time, and the only place that knows how a process is polled.
//!
//! A process comes to an [`Engine`] as a future that ends when the process has ended, and that is
//! woken through its waker; an engine knows nothing else about it.
//! Everything about a process is in its control block, and nothing in it depends on being a tokio
//! task: nobody outside of this module asks for a task's id, holds a join handle, or aborts.

mod seeded;

use std::future::Future;
use std::hash::{BuildHasher, RandomState};

use crate::sync::Arc;
pub(crate) use seeded::Seeded;
pub(crate) use tokio::runtime::Handle;
pub(crate) use tokio::task::coop::unconstrained;
pub(crate) use tokio::task::yield_now;
pub(crate) use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

/// How many messages a process may take in one turn before it goes to the back of the queue.
///
/// The mailbox is ours, so tokio's own budget does not see it.
const TURN_BUDGET: u32 = 128;

/// What runs the processes of a system.
#[derive(Debug)]
pub(crate) enum Engine {
    /// One tokio task per process.
    Tasks,
    /// One queue, the next process drawn by a seed: for tests.
    Seeded(Arc<Seeded>),
}

impl Engine {
    /// Takes a process in; it is runnable at once.
    pub(crate) fn adopt(
        &self,
        handle: &Handle,
        process: impl Future<Output = ()> + Send + 'static,
    ) {
        match self {
            Self::Tasks => {
                handle.spawn(process);
            }
            Self::Seeded(seeded) => seeded.adopt(process),
        }
    }

    /// How many messages the process may take in the turn that begins.
    pub(crate) fn turn_budget(&self) -> u32 {
        match self {
            Self::Tasks => TURN_BUDGET,
            Self::Seeded(seeded) => seeded.turn_budget(),
        }
    }

    /// A number by chance: any of them is as likely as any other. A seed gives the same ones.
    pub(crate) fn draw(&self) -> u64 {
        match self {
            Self::Tasks => RandomState::new().hash_one(()),
            Self::Seeded(seeded) => seeded.number(),
        }
    }

    /// Starts what the engine needs besides the processes.
    pub(crate) fn start(&self, handle: &Handle) {
        if let Self::Seeded(seeded) = self {
            handle.spawn(Seeded::drive(seeded.clone()));
        }
    }

    /// Drops every process that the engine holds: the system is going down.
    pub(crate) fn shutdown(&self) {
        if let Self::Seeded(seeded) = self {
            seeded.shutdown();
        }
    }
}

/// Runs a service of the runtime's own beside the processes.
pub(crate) fn spawn_service(handle: &Handle, service: impl Future<Output = ()> + Send + 'static) {
    handle.spawn(service);
}

/// Runs work on a thread that may wait; nothing if the tokio runtime goes down before it begins.
///
/// # Panics
/// Outside of a tokio runtime.
pub(crate) async fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    // What panics is caught in the work itself.
    tokio::task::spawn_blocking(work).await.ok()
}
