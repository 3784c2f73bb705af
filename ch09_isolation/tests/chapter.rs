//! The tests of the whole chapter in one binary; each item also runs its own in its own package.

#[path = "../drill_01_registry/tests/drill.rs"]
mod drill_01_registry;
#[path = "../drill_02_via_names/tests/drill.rs"]
mod drill_02_via_names;
#[path = "../warmup_01_registry_lookup/tests/warmup.rs"]
mod warmup_01_registry_lookup;
#[path = "../warmup_02_via_name/tests/warmup.rs"]
mod warmup_02_via_name;
#[path = "../warmup_03_match_the_strategy/tests/warmup.rs"]
mod warmup_03_match_the_strategy;
