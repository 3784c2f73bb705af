#![doc = include_str!("../README.md")]

pub use ch09_drill_01_registry as drill_01_registry;
pub use ch09_drill_02_via_names as drill_02_via_names;
pub use ch09_drill_04_restart_strategies as drill_04_restart_strategies;
pub use ch09_drill_06_restart_types as drill_06_restart_types;
pub use ch09_practice_03_two_trees as practice_03_two_trees;
pub use ch09_warmup_01_registry_lookup as warmup_01_registry_lookup;
pub use ch09_warmup_02_via_name as warmup_02_via_name;
pub use ch09_warmup_03_match_the_strategy as warmup_03_match_the_strategy;
