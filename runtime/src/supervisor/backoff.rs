//! How long a restart waits: pure decisions.

use std::time::Duration;

/// How restarts are slowed: the first waits a little, each further one twice as long as the one
/// before, up to a cap; a child that has run for a while begins anew.
///
/// Given to [`Supervisor::backoff`](crate::Supervisor::backoff) or
/// [`DynamicSupervisor::backoff`](crate::DynamicSupervisor::backoff); without it, restarts do not
/// wait.
///
/// ```
/// use runtime::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10))
///     .jitter(20)
///     .stable_after(Duration::from_secs(60));
/// assert_eq!(backoff.longest(0), Duration::from_millis(100));
/// assert_eq!(backoff.longest(3), Duration::from_millis(800));
/// assert_eq!(backoff.longest(30), Duration::from_secs(10));
/// ```
///
/// | the `n`th restart in a row | waits at most | and, with a jitter of `j` percent, at least |
/// |---|---|---|
/// | 0, 1, 2, ... | `first`, 2 `first`, 4 `first`, ..., never more than `cap` | `j` percent less |
///
/// Differs from OTP, which restarts at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a back-off does nothing until it is given to a supervisor"]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    /// In percent, 0 to 100.
    jitter: u8,
    stable_after: Duration,
}

impl Backoff {
    /// The first restart waits `first`, none waits longer than `cap`.
    ///
    /// Each wait is up to half of it shorter, by chance, and a child is stable when it has run for
    /// as long as `cap`, unless told otherwise.
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, jitter: 50, stable_after: cap }
    }

    /// Each wait is shorter by up to this many percent, drawn anew each time, so that those who fell
    /// together do not rise together. More than 100 is 100; with 0, every wait is as long as it may be.
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter = if percent > 100 { 100 } else { percent };
        self
    }

    /// A child that has run for this long without a break is stable: its next restart waits `first`
    /// again.
    pub const fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// How long the restart number `attempt` in a row waits at most; the first one is number 0.
    pub fn longest(&self, attempt: u32) -> Duration {
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        let factor = 1_u32.checked_shl(attempt);
        let wait = factor.and_then(|factor| self.first.checked_mul(factor));
        wait.map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// How long it waits with this luck: any `draw` is as likely as any other.
    pub(crate) fn delay(&self, attempt: u32, draw: u64) -> Duration {
        let longest = self.longest(attempt);
        let range = longest.as_nanos() * u128::from(self.jitter) / 100;
        // A range beyond 584 years is cut, so that the product fits.
        let range = u64::try_from(range).unwrap_or(u64::MAX);
        let less = (u128::from(range) * u128::from(draw)) >> 64;
        longest.saturating_sub(Duration::from_nanos(u64::try_from(less).unwrap_or(range)))
    }
}

/// How the restarts of one child follow one another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Streak {
    /// The restarts in a row so far.
    attempts: u32,
    /// Since when it has run; `None` when its last start failed, or it was never started.
    up_since: Option<Duration>,
}

impl Streak {
    /// It runs, from `now` on.
    pub(crate) fn up(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// It runs no more, from `now` on.
    pub(crate) fn down(&mut self, backoff: &Backoff, now: Duration) {
        let ran = self.up_since.take().map(|since| now.saturating_sub(since));
        if ran.is_some_and(|ran| ran >= backoff.stable_after) {
            self.attempts = 0;
        }
    }

    /// It has to be restarted, at `now`. The number of this restart in its row.
    pub(crate) fn next(&mut self, backoff: &Backoff, now: Duration) -> u32 {
        self.down(backoff, now);
        let attempt = self.attempts;
        self.attempts = attempt.saturating_add(1);
        attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn plain(first: u64, cap: u64) -> Backoff {
        Backoff::new(MS(first), MS(cap)).jitter(0)
    }

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_the_cap() {
        let rows = [
            (plain(100, 1000), vec![100, 200, 400, 800, 1000, 1000]),
            (plain(100, 100), vec![100, 100, 100]),
            (plain(100, 50), vec![50, 50]),
            (plain(0, 1000), vec![0, 0, 0]),
            (plain(300, 1500), vec![300, 600, 1200, 1500]),
        ];
        for (backoff, expected) in rows {
            for (attempt, expected) in (0..).zip(expected) {
                assert_eq!(backoff.delay(attempt, u64::MAX), MS(expected), "{backoff:?} {attempt}");
            }
        }
    }

    #[test]
    fn no_number_of_restarts_is_too_large() {
        for attempt in [31, 32, 63, 64, u32::MAX] {
            assert_eq!(plain(1, 5000).delay(attempt, 0), MS(5000));
            assert_eq!(plain(0, 5000).delay(attempt, 0), Duration::ZERO);
        }
        let endless = Backoff::new(Duration::MAX, Duration::MAX).jitter(100);
        assert_eq!(endless.delay(7, 0), Duration::MAX);
        assert!(endless.delay(7, u64::MAX) < Duration::MAX);
    }

    #[test]
    fn the_draw_shortens_a_wait_by_up_to_the_jitter() {
        let half = Backoff::new(MS(1000), MS(9000));
        let rows = [
            (half, 0, 1000),
            (half, 1 << 63, 750),
            (half.jitter(20), 1 << 63, 900),
            (half.jitter(100), 1 << 63, 500),
            (half.jitter(200), 1 << 63, 500),
            (half.jitter(0), 1 << 63, 1000),
        ];
        for (backoff, draw, expected) in rows {
            assert_eq!(backoff.delay(0, draw), MS(expected), "{backoff:?} {draw}");
        }
    }

    #[test]
    fn restarts_are_in_a_row_until_the_child_has_been_stable() {
        let backoff = plain(100, 800).stable_after(MS(5000));
        let mut streak = Streak::default();
        // When it came up, if it did, when it had to be restarted, and which restart that was.
        let rows = [
            (Some(0), 10, 0),
            (Some(100), 200, 1),
            (None, 300, 2),
            (None, 9000, 3),
            (Some(10_000), 14_999, 4),
            (Some(15_000), 20_000, 0),
            (Some(20_100), 20_200, 1),
        ];
        for (up, end, attempt) in rows {
            if let Some(up) = up {
                streak.up(MS(up));
            }
            assert_eq!(streak.next(&backoff, MS(end)), attempt, "at {end}");
        }
    }

    /// Not by its own doing: when its group is restarted.
    #[test]
    fn a_child_that_was_stopped_is_judged_by_how_long_it_ran_until_then() {
        let backoff = plain(100, 800).stable_after(MS(5000));
        for (stopped, attempt) in [(4999, 1), (5000, 0)] {
            let mut streak = Streak::default();
            streak.next(&backoff, MS(0));
            streak.up(MS(0));
            streak.down(&backoff, MS(stopped));
            assert_eq!(streak.next(&backoff, MS(9000)), attempt, "stopped at {stopped}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_wait_lies_between_its_bounds(
            first in 0..10_000_u64, cap in 0..100_000_u64, jitter in 0..=100_u8, attempt: u32, draw: u64,
        ) {
            let backoff = Backoff::new(MS(first), MS(cap)).jitter(jitter);
            let longest = backoff.longest(attempt);
            let shortest = longest * u32::from(100 - jitter) / 100;
            let delay = backoff.delay(attempt, draw);
            prop_assert!(longest <= MS(cap));
            prop_assert!(shortest <= delay && delay <= longest, "{shortest:?} {delay:?} {longest:?}");
        }

        #[test]
        fn waits_grow_with_the_attempt_and_shrink_with_the_draw(
            first in 0..10_000_u64, cap in 0..100_000_u64, jitter in 0..=100_u8,
            attempt in 0..100_u32, draw: u64, other: u64,
        ) {
            let backoff = Backoff::new(MS(first), MS(cap)).jitter(jitter);
            prop_assert!(backoff.delay(attempt, draw) <= backoff.delay(attempt + 1, draw));
            let (less, more) = (draw.min(other), draw.max(other));
            prop_assert!(backoff.delay(attempt, more) <= backoff.delay(attempt, less));
        }
    }
}
