//! The tests of drill 9.3.

use ch09_drill_03_supervision_trees::answer;

/// TO WRITE: what the test shows, as a sentence, with `Covers:` and `Oracle:` below the exercise.
///
/// Exercise: 1
#[test]
fn the_answer_is_right() {
    assert_eq!(answer(), 42);
}
