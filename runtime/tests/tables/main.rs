//! What processes share: groups, and tables.

mod groups;
mod support;
mod tables;
