//! The tests of the whole chapter in one binary; each drill also runs its own in its own package.

#[path = "../drill_03_links/tests/drill.rs"]
mod drill_03_links;
#[path = "../drill_05_supervisor/tests/drill.rs"]
mod drill_05_supervisor;
#[path = "../exercise_01_todo_server/tests/exercise.rs"]
mod exercise_01_todo_server;
#[path = "../project_supervised_todo/tests/project.rs"]
mod project_supervised_todo;
