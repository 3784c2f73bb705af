//! The tests of project 9.

use ch09_project_todo_system::answer;

/// TO WRITE: what the test shows, as a sentence, with `Covers:` and `Oracle:` below the exercise.
///
/// Exercise: 1
#[test]
fn the_answer_is_right() {
    assert_eq!(answer(), 42);
}
