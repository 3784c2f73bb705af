#![doc = include_str!("../README.md")]

pub use ch08_drill_01_error_types as drill_01_error_types;
pub use ch08_drill_02_try_catch as drill_02_try_catch;
pub use ch08_drill_03_links as drill_03_links;
pub use ch08_drill_04_monitors as drill_04_monitors;
pub use ch08_drill_05_supervisor as drill_05_supervisor;
pub use ch08_drill_06_child_specs as drill_06_child_specs;
pub use ch08_exercise_01_todo_server as exercise_01_todo_server;
pub use ch08_exercise_02_worker_pool as exercise_02_worker_pool;
pub use ch08_project_supervised_todo as project_supervised_todo;
pub use ch08_warmup_01_boom as warmup_01_boom;
pub use ch08_warmup_02_trapping_exits as warmup_02_trapping_exits;
pub use ch08_warmup_03_child_spec as warmup_03_child_spec;
