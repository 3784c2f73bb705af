//! Warm-up 9.3: match the strategy. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use runtime::Strategy;

/// What a supervisor of the children A, B, C and D, started in this order, does when B crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It restarts B, C and D, but not A.
    A,
    /// It restarts only B.
    B,
    /// It restarts A, B, C and D.
    C,
}

/// The strategy with which a supervisor behaves like this.
pub fn strategy_of(behaviour: Behaviour) -> Strategy {
    // EXERCISE 1: match each behaviour to its strategy.
    match behaviour {
        Behaviour::A => Strategy::RestForOne,
        Behaviour::B => Strategy::OneForOne,
        Behaviour::C => Strategy::OneForAll,
    }
    // END
}

/// Which of the `children`, which stand in the order of their start, are started again when the one
/// with the index `crashed` crashes: in the order in which that happens, the crashed one included.
pub fn started_again<'a>(strategy: Strategy, children: &[&'a str], crashed: usize) -> Vec<&'a str> {
    // EXERCISE 2: say for each strategy who is started again, and in which order.
    match strategy {
        Strategy::OneForOne => vec![children[crashed]],
        Strategy::OneForAll => children.to_vec(),
        Strategy::RestForOne => children[crashed..].to_vec(),
    }
    // END
}

/// Which of the `children` are stopped before that, though they did not crash: in the order in which
/// that happens.
pub fn stopped_before<'a>(
    strategy: Strategy,
    children: &[&'a str],
    crashed: usize,
) -> Vec<&'a str> {
    // EXERCISE 3: say who is stopped first, and in which order.
    let mut stopped = started_again(strategy, children, crashed);
    stopped.retain(|child| *child != children[crashed]);
    stopped.reverse();
    stopped
    // END
}
