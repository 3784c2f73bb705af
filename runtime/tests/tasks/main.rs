//! Tasks and agents.

mod agent;
mod stream;
mod task;
