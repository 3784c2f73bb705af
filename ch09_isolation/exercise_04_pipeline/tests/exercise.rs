//! The tests of integration exercise 9.4.

use ch09_exercise_04_pipeline::answer;

/// TO WRITE: what the test shows, as a sentence, with `Covers:` and `Oracle:` below the exercise.
///
/// Exercise: 1
#[test]
fn the_answer_is_right() {
    assert_eq!(answer(), 42);
}
