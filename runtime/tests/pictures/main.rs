//! What is drawn of a system, and the examples that show it.

mod drawn;
mod mermaid;
mod readme;
