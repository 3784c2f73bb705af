//! The tests of the whole chapter in one binary; each item also runs its own in its own package.

#[path = "../drill_01_registry/tests/drill.rs"]
mod drill_01_registry;
#[path = "../drill_02_via_names/tests/drill.rs"]
mod drill_02_via_names;
#[path = "../drill_03_supervision_trees/tests/drill.rs"]
mod drill_03_supervision_trees;
#[path = "../drill_04_restart_strategies/tests/drill.rs"]
mod drill_04_restart_strategies;
#[path = "../drill_05_dynamic_supervision/tests/drill.rs"]
mod drill_05_dynamic_supervision;
#[path = "../drill_06_restart_types/tests/drill.rs"]
mod drill_06_restart_types;
#[path = "../drill_07_let_it_crash/tests/drill.rs"]
mod drill_07_let_it_crash;
#[path = "../exercise_01_worker_pool/tests/exercise.rs"]
mod exercise_01_worker_pool;
#[path = "../exercise_02_todo_lists/tests/exercise.rs"]
mod exercise_02_todo_lists;
#[path = "../exercise_03_database_pool/tests/exercise.rs"]
mod exercise_03_database_pool;
#[path = "../exercise_04_pipeline/tests/exercise.rs"]
mod exercise_04_pipeline;
#[path = "../practice_01_kv_server/tests/practice.rs"]
mod practice_01_kv_server;
#[path = "../practice_02_idle_timeout/tests/practice.rs"]
mod practice_02_idle_timeout;
#[path = "../practice_03_two_trees/tests/practice.rs"]
mod practice_03_two_trees;
#[path = "../practice_04_crash_and_observe/tests/practice.rs"]
mod practice_04_crash_and_observe;
#[path = "../project_todo_system/tests/project.rs"]
mod project_todo_system;
#[path = "../warmup_01_registry_lookup/tests/warmup.rs"]
mod warmup_01_registry_lookup;
#[path = "../warmup_02_via_name/tests/warmup.rs"]
mod warmup_02_via_name;
#[path = "../warmup_03_match_the_strategy/tests/warmup.rs"]
mod warmup_03_match_the_strategy;
