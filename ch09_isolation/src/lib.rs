#![doc = include_str!("../README.md")]

pub use ch09_drill_04_restart_strategies as drill_04_restart_strategies;
pub use ch09_drill_06_restart_types as drill_06_restart_types;
pub use ch09_practice_03_two_trees as practice_03_two_trees;
