//! The tests of the whole chapter in one binary; each item also runs its own in its own package.

#[path = "../drill_04_restart_strategies/tests/drill.rs"]
mod drill_04_restart_strategies;
#[path = "../drill_06_restart_types/tests/drill.rs"]
mod drill_06_restart_types;
#[path = "../practice_03_two_trees/tests/practice.rs"]
mod practice_03_two_trees;
