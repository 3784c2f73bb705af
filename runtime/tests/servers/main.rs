//! Servers: what they are started with, asked and told, and how they end.

mod call_server;
mod calls;
#[path = "../support/mod.rs"]
mod common;
mod crashes;
mod end;
mod idle;
mod replies;
mod start;
mod support;
mod sys;
mod up;
