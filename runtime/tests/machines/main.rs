//! State machines and event managers.

#[path = "../support/mod.rs"]
mod common;
mod statem;
mod support;
