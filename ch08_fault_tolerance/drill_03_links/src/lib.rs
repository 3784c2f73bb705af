//! Drill 3.
