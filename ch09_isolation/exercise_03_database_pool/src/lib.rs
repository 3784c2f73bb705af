//! Integration exercise 9.3: a pool of database connections. What it is about stands in
//! `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

pub mod connection;
pub mod error;
pub mod pool;
pub mod query;
pub mod system;
pub mod worker;
