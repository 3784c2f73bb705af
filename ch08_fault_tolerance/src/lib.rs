#![doc = include_str!("../README.md")]

pub use ch08_drill_02_try_catch as drill_02_try_catch;
pub use ch08_drill_03_links as drill_03_links;
pub use ch08_drill_04_monitors as drill_04_monitors;
pub use ch08_drill_05_supervisor as drill_05_supervisor;
