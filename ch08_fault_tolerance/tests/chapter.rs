//! The tests of the whole chapter in one binary; each drill also runs its own in its own package.

#[path = "../drill_03_links/tests/drill.rs"]
mod drill_03_links;
#[path = "../drill_05_supervisor/tests/drill.rs"]
mod drill_05_supervisor;
#[path = "../drill_06_child_specs/tests/drill.rs"]
mod drill_06_child_specs;
#[path = "../exercise_02_worker_pool/tests/exercise.rs"]
mod exercise_02_worker_pool;
