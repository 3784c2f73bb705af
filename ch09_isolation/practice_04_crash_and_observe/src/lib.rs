//! TO WRITE: what this practice is about, in one line.

/// TO WRITE: what the function does, its errors and its panics.
pub fn answer() -> u32 {
    // EXERCISE 1: TO WRITE: what exercise 1 asks for, in one sentence.
    42
    // END
}
