//! The project of chapter 8: the supervised to-do system. What it is about stands in `README.md`,
//! which opens these pages.
#![doc = include_str!("../README.md")]

pub mod cache;
pub mod database;
pub mod database_worker;
pub mod disk;
pub mod list;
pub mod server;
pub mod system;
