//! The whole: the course's `DatabaseSystem`.

use std::path::PathBuf;

use runtime::prelude::*;
use runtime::{ChildKind, Start, SupervisorServer};

use crate::pool;
use crate::worker::DB_REGISTRY;

/// The name of the system's supervisor.
pub static DATABASE_SYSTEM: Name<SupervisorServer> = Name::new("DatabaseSystem");

/// Starts the system under its name, linked to the caller: the registry, `DB.Registry`, and then the
/// pool, `DatabasePool`, which is started again when the registry is.
///
/// The file has to exist; see [`connection::create`](crate::connection::create).
pub fn start_link(file: PathBuf) -> Start<SupervisorServer> {
    // EXERCISE 3: a registry, a pool that needs it, and the strategy that says so.
    let pool = ChildSpec::new("DatabasePool", move || {
        let start = pool::start_link(&file);
        async move { Ok(start.await?.pid()) }
    });
    Supervisor::rest_for_one()
        .child(DB_REGISTRY.child())
        .child(pool.kind(ChildKind::Supervisor).shutdown(Shutdown::Infinity))
        .start_link()
        .name(&DATABASE_SYSTEM)
    // END
}
