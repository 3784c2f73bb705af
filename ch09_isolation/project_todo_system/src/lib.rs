//! The project of chapter 9: the to-do system as a tree. What it is about stands in `README.md`,
//! which opens these pages.
#![doc = include_str!("../README.md")]

pub mod cache;
pub mod client;
pub mod database;
pub mod database_worker;
pub mod error;
pub mod list;
pub mod process_registry;
pub mod server;
pub mod store;
pub mod system;
