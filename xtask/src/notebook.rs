//! `workbook/progress.toml`: what the learner has done so far.
//!
//! ```toml
//! [item."ch08/drill_03_links"]
//! done = true
//! last = 30
//! best = 30
//! of = 30
//! hints = { 1 = 2 }
//!
//! [quiz]
//! "8.3.1" = { right = 1, wrong = 2 }
//! ```
//!
//! No clock time, in a fixed order, one fact per line: a person can read it, and compare two of them.

mod file;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Everything that is remembered of a learner.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notebook {
    /// Item id to what was reached.
    #[serde(rename = "item", default)]
    items: BTreeMap<String, Entry>,
    /// Question id to what was answered.
    #[serde(default)]
    quiz: BTreeMap<String, Answers>,
}

/// What is remembered of one item. Points are in tenths.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// It had full marks, and was not reset since.
    #[serde(default)]
    pub(crate) done: bool,
    /// Points of the last grade, if there was one since the last reset.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) last: Option<u32>,
    /// The most points that it ever had.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) best: Option<u32>,
    /// The points that could be had in the last grade.
    #[serde(default, deserialize_with = "tenths")]
    pub(crate) of: Option<u32>,
    /// The exercises that lacked points in the last grade.
    #[serde(default)]
    pub(crate) open: Vec<u32>,
    /// The reference answer was shown before it was done.
    #[serde(default)]
    pub(crate) spoiled: bool,
    /// Exercise to the number of hints taken.
    #[serde(default)]
    hints: BTreeMap<Number, u32>,
}

/// How often a question was answered.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answers {
    /// Times that the answer was right.
    #[serde(default)]
    pub(crate) right: u32,
    /// Times that it was wrong.
    #[serde(default)]
    pub(crate) wrong: u32,
}

/// The number of an exercise; TOML's keys are strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Number(u32);

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        key.parse()
            .map(Self)
            .map_err(|_| format!("`{key}`: expected the number of an exercise, for instance 1"))
    }
}

/// Points with at most one decimal, as tenths.
fn tenths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let points = f64::deserialize(deserializer)?;
    let tenths = (points * 10.0).round();
    if tenths < 0.0 || tenths > f64::from(u32::MAX) || (points * 10.0 - tenths).abs() > 1e-6 {
        return Err(serde::de::Error::custom("expected points, for instance 10 or 6.7"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let tenths = tenths as u32;
    Ok(Some(tenths))
}

impl Notebook {
    /// What is remembered of an item.
    pub(crate) fn item(&self, id: &str) -> Entry {
        self.items.get(id).cloned().unwrap_or_default()
    }

    fn entry(&mut self, id: &str) -> &mut Entry {
        self.items.entry(id.to_owned()).or_default()
    }

    /// How often a question was answered.
    pub(crate) fn answers(&self, question_id: &str) -> Answers {
        self.quiz.get(question_id).copied().unwrap_or_default()
    }

    /// A question was answered.
    pub(crate) fn answered(&mut self, question_id: &str, right: bool) {
        let answers = self.quiz.entry(question_id.to_owned()).or_default();
        let count = if right { &mut answers.right } else { &mut answers.wrong };
        *count = count.saturating_add(1);
    }

    /// An item was graded: so many tenths of so many, and these exercises lack points.
    pub(crate) fn graded(&mut self, id: &str, score: u32, of: u32, open: Vec<u32>) {
        let entry = self.entry(id);
        let same_course = entry.of == Some(of);
        entry.done = score == of || (entry.done && same_course);
        entry.best = entry.best.max(Some(score));
        entry.last = Some(score);
        entry.of = Some(of);
        entry.open = open;
    }

    /// Writes down that hints up to `level` were taken for an exercise.
    pub(crate) fn hinted(&mut self, id: &str, exercise: u32, level: u32) {
        let taken = self.entry(id).hints.entry(Number(exercise)).or_default();
        *taken = level.max(*taken);
    }

    /// The reference answer of an item was shown before it was done.
    pub(crate) fn spoiled(&mut self, id: &str) {
        self.entry(id).spoiled = true;
    }

    /// An item is a stub again; hints and the best score stay.
    pub(crate) fn reset(&mut self, id: &str) {
        if let Some(entry) = self.items.get_mut(id) {
            entry.done = false;
            entry.last = None;
            entry.open.clear();
        }
    }
}

impl Entry {
    /// How many hints were taken for an exercise.
    pub(crate) fn hints_for(&self, exercise: u32) -> u32 {
        self.hints.get(&Number(exercise)).copied().unwrap_or_default()
    }

    /// How many hints were taken for all exercises.
    pub(crate) fn hints(&self) -> u32 {
        self.hints.values().sum()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ID: &str = "ch08/drill_03_links";

    pub(crate) fn example() -> Notebook {
        let mut notebook = Notebook::default();
        notebook.graded("ch09/drill_01_x", 67, 300, vec![2, 3]);
        notebook.graded(ID, 300, 300, vec![]);
        notebook.hinted(ID, 2, 1);
        notebook.hinted(ID, 1, 3);
        notebook.spoiled(ID);
        notebook.answered("8.3.2", false);
        notebook.answered("8.3.1", true);
        notebook.answered("8.3.1", true);
        notebook
    }

    #[test]
    fn an_item_is_done_until_it_is_reset_or_has_grown() {
        let mut notebook = example();
        notebook.graded(ID, 200, 300, vec![2]);
        let entry = notebook.item(ID);
        assert!(entry.done, "it was done once");
        assert_eq!(entry.open, [2]);
        assert_eq!((entry.last, entry.best), (Some(200), Some(300)));
        notebook.graded(ID, 300, 400, vec![4]);
        assert!(!notebook.item(ID).done, "there is a new exercise");
        notebook.graded(ID, 400, 400, vec![]);
        notebook.reset(ID);
        let entry = notebook.item(ID);
        assert_eq!((entry.done, entry.last, entry.best), (false, None, Some(400)));
        assert_eq!(entry.open, [0; 0]);
        assert_eq!((entry.hints(), entry.spoiled), (4, true));
    }

    #[test]
    fn hints_are_counted_by_the_highest_level() {
        let mut notebook = Notebook::default();
        for level in [1, 2, 1] {
            notebook.hinted(ID, 1, level);
        }
        let entry = notebook.item(ID);
        assert_eq!((entry.hints_for(1), entry.hints_for(2), entry.hints()), (2, 0, 2));
        assert_eq!(example().answers("8.3.1"), Answers { right: 2, wrong: 0 });
        assert_eq!(example().answers("none"), Answers::default());
    }
}
