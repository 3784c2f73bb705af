//! State machines and event managers.

#[path = "../support/mod.rs"]
mod common;
mod event;
mod statem;
mod support;
