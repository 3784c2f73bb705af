//! Exercise 9.2: a server for each to-do list, made on demand. What it is about stands in `README.md`,
//! which opens these pages.
#![doc = include_str!("../README.md")]

pub mod per_key_cache;
pub mod todo_cache;
pub mod todo_list;
pub mod todo_server;
pub mod todo_system;
