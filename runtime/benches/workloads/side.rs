//! What is compared, and where it runs.

use std::fmt;

use tokio::runtime::{Builder, Runtime};

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Processes of this crate.
    Ours,
    /// Tasks and channels of tokio.
    Tokio,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Tokio => "tokio",
        })
    }
}

/// The runtime that both sides run on: two workers.
pub(crate) fn two_workers() -> Runtime {
    match Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("tokio makes no runtime: {error}"),
    }
}
