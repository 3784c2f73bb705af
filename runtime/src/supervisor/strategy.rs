//! Who else is affected when a child is restarted, and in which order: pure decisions.

use std::fmt;
use std::ops::Range;

use super::child::Restart;

/// Which children are restarted when one of them has to be. Prints as OTP writes it: `rest_for_one`.
///
/// Source: OTP supervisor, "Restart Strategies".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Only the child that ended.
    #[default]
    OneForOne,
    /// All children.
    OneForAll,
    /// The child that ended, and those started after it.
    RestForOne,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneForOne => "one_for_one",
            Self::OneForAll => "one_for_all",
            Self::RestForOne => "rest_for_one",
        })
    }
}

/// The children that a restart of the one at `index` concerns, of `count` in the order of start.
pub(crate) fn affected(strategy: Strategy, index: usize, count: usize) -> Range<usize> {
    match strategy {
        Strategy::OneForOne => index..index + 1,
        Strategy::OneForAll => 0..count,
        Strategy::RestForOne => index..count,
    }
}

/// The steps of a group's restart, over the positions of its members.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Stopped in this order: the newest first.
    pub(crate) stop: Vec<usize>,
    /// Stopped, and gone from the list: temporary children are not started again.
    pub(crate) remove: Vec<usize>,
    /// Started in this order: the oldest first.
    pub(crate) start: Vec<usize>,
}

/// The restart of a group, of those members that take part.
///
/// Source: OTP supervisor, `restart_multiple_children/3`, `terminate_children/2`.
pub(crate) fn plan(
    group: Range<usize>,
    takes_part: impl Fn(usize) -> bool,
    restart: impl Fn(usize) -> Restart,
) -> Plan {
    let group: Vec<_> = group.filter(|&at| takes_part(at)).collect();
    let (remove, start) = group.iter().partition(|&&at| restart(at) == Restart::Temporary);
    Plan { stop: group.into_iter().rev().collect(), remove, start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_says_who_is_affected() {
        for index in 0..4 {
            assert_eq!(affected(Strategy::OneForOne, index, 4), index..index + 1);
            assert_eq!(affected(Strategy::OneForAll, index, 4), 0..4);
            assert_eq!(affected(Strategy::RestForOne, index, 4), index..4);
        }
    }

    #[test]
    fn a_group_stops_in_reverse_and_starts_in_order_without_its_temporary_children() {
        let restart = |at| if at == 2 { Restart::Temporary } else { Restart::Permanent };
        let plan = plan(1..4, |_| true, restart);
        assert_eq!(plan, Plan { stop: vec![3, 2, 1], remove: vec![2], start: vec![1, 3] });
    }

    #[test]
    fn who_takes_no_part_is_neither_stopped_nor_started() {
        let restart = |at| if at == 2 { Restart::Temporary } else { Restart::Permanent };
        let without = |left_out: usize| plan(1..4, move |at| at != left_out, restart);
        assert_eq!(without(1), Plan { stop: vec![3, 2], remove: vec![2], start: vec![3] });
        assert_eq!(without(2), Plan { stop: vec![3, 1], remove: vec![], start: vec![1, 3] });
    }
}
