//! What is drawn of a system, and the examples that show it.

mod drawn;
mod from_elixir;
mod mermaid;
mod readme;
