//! `hints.md`: three levels of help for each exercise.
//!
//! ```text
//! ## Exercise 1
//! ### Hint 1
//! A nudge.
//! ### Hint 2
//! ### Hint 3
//! Nearly the answer.
//! ```

use std::collections::BTreeMap;

/// How many levels of help each exercise has.
pub(crate) const LEVELS: usize = 3;

/// The hints of each exercise, from a nudge to nearly the answer.
pub(crate) fn parse(text: &str) -> BTreeMap<u32, Vec<String>> {
    let mut hints: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut exercise = None;
    let mut inside_hint = false;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            exercise = heading.trim().strip_prefix("Exercise ").and_then(|n| n.parse().ok());
            inside_hint = false;
            if let Some(number) = exercise {
                hints.entry(number).or_default();
            }
        } else if let Some(levels) = exercise.and_then(|number| hints.get_mut(&number)) {
            if line.trim() == format!("### Hint {}", levels.len() + 1) {
                levels.push(String::new());
                inside_hint = true;
            } else if line.starts_with("### ") {
                inside_hint = false;
            } else if let Some(level) = levels.last_mut().filter(|_| inside_hint) {
                level.push_str(line);
                level.push('\n');
            }
        }
    }
    hints
}

/// What is missing, given how many exercises there are.
pub(crate) fn problems(hints: &BTreeMap<u32, Vec<String>>, exercises: u32) -> Vec<String> {
    let mut problems = Vec::new();
    for number in 1..=exercises {
        match hints.get(&number) {
            None => problems.push(format!("expected a heading `## Exercise {number}`")),
            Some(levels) if levels.len() != LEVELS => problems.push(format!(
                "exercise {number}: expected `### Hint 1` to `### Hint {LEVELS}` in order, found {}",
                levels.len()
            )),
            Some(levels) if levels.iter().any(|level| level.trim().is_empty()) => {
                problems.push(format!("exercise {number}: a hint says nothing"));
            }
            Some(_) => {}
        }
    }
    for number in hints.keys().filter(|number| **number > exercises || **number == 0) {
        problems.push(format!("`## Exercise {number}`: there is no such exercise"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_levels_are_read_for_each_exercise() {
        let text = "# Hints\n\n## Exercise 1\n\n### Hint 1\na\n### Hint 2\nb\n### Hint 3\nc\nd\n";
        let hints = parse(text);
        assert_eq!(hints[&1], ["a\n", "b\n", "c\nd\n"]);
        assert!(problems(&hints, 1).is_empty());
    }

    #[test]
    fn missing_levels_and_exercises_are_told() {
        for (text, expected) in [
            ("", "## Exercise 1"),
            ("## Exercise 1\n### Hint 1\na\n### Hint 3\nc\n", "found 1"),
            ("## Exercise 1\n### Hint 1\na\n### Hint 2\n\n### Hint 3\nc\n", "says nothing"),
        ] {
            assert!(problems(&parse(text), 1)[0].contains(expected), "{text}");
        }
        let one_too_many =
            "## Exercise 1\n### Hint 1\na\n### Hint 2\nb\n### Hint 3\nc\n## Exercise 2\n";
        assert!(problems(&parse(one_too_many), 1)[0].contains("no such exercise"));
    }
}
