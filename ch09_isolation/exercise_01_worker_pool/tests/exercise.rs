//! The tests of integration exercise 9.1.

use ch09_exercise_01_worker_pool::answer;

/// TO WRITE: what the test shows, as a sentence, with `Covers:` and `Oracle:` below the exercise.
///
/// Exercise: 1
#[test]
fn the_answer_is_right() {
    assert_eq!(answer(), 42);
}
