#![doc = include_str!("../README.md")]

pub use ch09_drill_01_registry as drill_01_registry;
pub use ch09_drill_02_via_names as drill_02_via_names;
pub use ch09_drill_03_supervision_trees as drill_03_supervision_trees;
pub use ch09_drill_04_restart_strategies as drill_04_restart_strategies;
pub use ch09_drill_05_dynamic_supervision as drill_05_dynamic_supervision;
pub use ch09_drill_06_restart_types as drill_06_restart_types;
pub use ch09_drill_07_let_it_crash as drill_07_let_it_crash;
pub use ch09_exercise_01_worker_pool as exercise_01_worker_pool;
pub use ch09_exercise_02_todo_lists as exercise_02_todo_lists;
pub use ch09_exercise_03_database_pool as exercise_03_database_pool;
pub use ch09_exercise_04_pipeline as exercise_04_pipeline;
pub use ch09_practice_01_kv_server as practice_01_kv_server;
pub use ch09_practice_02_idle_timeout as practice_02_idle_timeout;
pub use ch09_practice_03_two_trees as practice_03_two_trees;
pub use ch09_practice_04_crash_and_observe as practice_04_crash_and_observe;
pub use ch09_project_todo_system as project_todo_system;
pub use ch09_warmup_01_registry_lookup as warmup_01_registry_lookup;
pub use ch09_warmup_02_via_name as warmup_02_via_name;
pub use ch09_warmup_03_match_the_strategy as warmup_03_match_the_strategy;
