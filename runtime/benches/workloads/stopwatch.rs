//! What a stretch of work takes.

use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use tokio::time::Instant;

/// Time by the clock, and by the processors: what a busy machine makes of the first leaves the
/// second nearly alone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    /// Of all threads of the program. Zero where it cannot be told.
    pub(crate) cpu: Duration,
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { time: self.time + other.time, cpu: self.cpu + other.cpu }
    }
}

impl Sum for Spent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Measures a stretch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { cpu: cpu_time(), start: Instant::now() }
    }

    pub(crate) fn stop(self) -> Spent {
        let time = self.start.elapsed();
        Spent { time, cpu: cpu_time().saturating_sub(self.cpu) }
    }
}

#[cfg(unix)]
fn cpu_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}
