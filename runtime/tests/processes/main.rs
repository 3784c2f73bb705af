//! Processes: their ends, relations, messages and timers.

mod blocking;
#[path = "../support/mod.rs"]
mod common;
mod crashes;
mod errors;
mod links;
mod model;
mod monitors;
mod outside;
mod seeds;
mod timers;
mod unwinding;
