//! State machines and event managers, and what is logged of crashes.

#[path = "../support/mod.rs"]
mod common;
mod event;
mod reports;
mod statem;
mod support;
