//! Exercise 8.1: a to-do server that survives its crashes. What it is about stands in `README.md`,
//! which opens these pages.
#![doc = include_str!("../README.md")]

pub mod disk;
pub mod kept_server;
pub mod todo_list;
pub mod todo_server;
pub mod todo_supervisor;
pub mod todo_system;
