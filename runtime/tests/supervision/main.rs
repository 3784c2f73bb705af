//! Supervisors of every kind.

mod application;
mod application_on_the_wall_clock;
mod auto_shutdown;
mod backoff;
mod children;
mod dynamic;
mod intensity;
mod model;
mod nested;
mod panics;
mod partitions;
mod random_trees;
mod restart_types;
mod shutdown;
mod start;
mod strategies;
mod support;
