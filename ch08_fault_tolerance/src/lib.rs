#![doc = include_str!("../README.md")]

pub use ch08_drill_03_links as drill_03_links;
pub use ch08_drill_05_supervisor as drill_05_supervisor;
pub use ch08_exercise_01_todo_server as exercise_01_todo_server;
pub use ch08_project_supervised_todo as project_supervised_todo;
