//! The tests of the whole chapter in one binary; each drill also runs its own in its own package.

#[path = "../drill_01_error_types/tests/drill.rs"]
mod drill_01_error_types;
#[path = "../drill_02_try_catch/tests/drill.rs"]
mod drill_02_try_catch;
#[path = "../drill_03_links/tests/drill.rs"]
mod drill_03_links;
#[path = "../drill_04_monitors/tests/drill.rs"]
mod drill_04_monitors;
#[path = "../drill_05_supervisor/tests/drill.rs"]
mod drill_05_supervisor;
#[path = "../drill_06_child_specs/tests/drill.rs"]
mod drill_06_child_specs;
#[path = "../exercise_01_todo_server/tests/exercise.rs"]
mod exercise_01_todo_server;
#[path = "../exercise_02_worker_pool/tests/exercise.rs"]
mod exercise_02_worker_pool;
#[path = "../project_supervised_todo/tests/project.rs"]
mod project_supervised_todo;
#[path = "../warmup_01_boom/tests/warmup.rs"]
mod warmup_01_boom;
#[path = "../warmup_02_trapping_exits/tests/warmup.rs"]
mod warmup_02_trapping_exits;
#[path = "../warmup_03_child_spec/tests/warmup.rs"]
mod warmup_03_child_spec;
