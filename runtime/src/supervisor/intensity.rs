//! Too many restarts, too fast: a pure count over a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

/// The restarts of a supervisor within its window.
///
/// Differs from OTP, which rounds the clock to whole seconds: the window is exact. A restart that is
/// exactly one window old still counts.
/// Source: OTP supervisor, `add_restart/1`.
#[derive(Clone, Debug)]
pub(crate) struct Intensity {
    max: usize,
    window: Duration,
    /// The times of the restarts that may still count, oldest first; at most `max` of them.
    history: VecDeque<Duration>,
}

impl Intensity {
    pub(crate) fn new(max: usize, window: Duration) -> Self {
        Self { max, window, history: VecDeque::new() }
    }

    /// How many restarts are granted, and within which time.
    pub(crate) fn limits(&self) -> (usize, Duration) {
        (self.max, self.window)
    }

    /// Counts a restart at `now`. `false` when it is one too many.
    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        while self.history.front().is_some_and(|&at| now.saturating_sub(at) > self.window) {
            self.history.pop_front();
        }
        if self.history.len() >= self.max {
            return false;
        }
        self.history.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(list: &[f64]) -> Vec<Duration> {
        list.iter().map(|&at| Duration::from_secs_f64(at)).collect()
    }

    fn fatal(max: usize, window: f64, restarts: &[f64]) -> Option<usize> {
        let mut intensity = Intensity::new(max, Duration::from_secs_f64(window));
        seconds(restarts).into_iter().position(|at| !intensity.allows(at))
    }

    #[test]
    fn n_restarts_are_granted_and_the_next_is_fatal() {
        assert_eq!(fatal(3, 5.0, &[0.0, 0.0, 0.0, 0.0]), Some(3));
        assert_eq!(fatal(0, 5.0, &[0.0]), Some(0));
    }

    #[test]
    fn the_window_slides() {
        assert_eq!(fatal(1, 1.0, &[0.0, 2.1, 4.2, 6.3]), None);
        assert_eq!(fatal(1, 1.0, &[0.0, 2.1, 2.3]), Some(2));
        assert_eq!(fatal(2, 5.0, &[0.0, 3.0, 5.1, 8.0]), Some(3));
    }

    #[test]
    fn a_restart_exactly_one_window_old_counts() {
        assert_eq!(fatal(1, 1.0, &[0.0, 1.0]), Some(1));
        assert_eq!(fatal(1, 1.0, &[0.0, 1.001]), None);
    }
}
