#![doc = include_str!("../README.md")]

pub use ch09_drill_04_restart_strategies as drill_04_restart_strategies;
