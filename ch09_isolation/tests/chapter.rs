//! The tests of the whole chapter in one binary; each item also runs its own in its own package.

#[path = "../drill_01_registry/tests/drill.rs"]
mod drill_01_registry;
#[path = "../drill_02_via_names/tests/drill.rs"]
mod drill_02_via_names;
#[path = "../drill_04_restart_strategies/tests/drill.rs"]
mod drill_04_restart_strategies;
#[path = "../drill_06_restart_types/tests/drill.rs"]
mod drill_06_restart_types;
#[path = "../practice_03_two_trees/tests/practice.rs"]
mod practice_03_two_trees;
#[path = "../warmup_01_registry_lookup/tests/warmup.rs"]
mod warmup_01_registry_lookup;
#[path = "../warmup_02_via_name/tests/warmup.rs"]
mod warmup_02_via_name;
#[path = "../warmup_03_match_the_strategy/tests/warmup.rs"]
mod warmup_03_match_the_strategy;
