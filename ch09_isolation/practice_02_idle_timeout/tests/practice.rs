//! The tests of practice drill 9.2.

use ch09_practice_02_idle_timeout::answer;

/// TO WRITE: what the test shows, as a sentence, with `Covers:` and `Oracle:` below the exercise.
///
/// Exercise: 1
#[test]
fn the_answer_is_right() {
    assert_eq!(answer(), 42);
}
