//! The to-do list itself, as in chapter 8: no process and no file, only values. Nothing is to be
//! written here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A day; written as in `2024-01-22`. Not looked up in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The course's `~D[2024-01-22]` is `Date::new(2024, 1, 22)`.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date like 2024-01-22")]
pub struct NoDate;

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let mut parts = text.split('-');
        let mut next = || parts.next()?.parse().ok();
        let (Some(year), Some(month), Some(day)) = (next(), next(), next()) else {
            return Err(NoDate);
        };
        let small = |number| u8::try_from(number).map_err(|_| NoDate);
        let date = Self { year, month: small(month)?, day: small(day)? };
        // One way to write a date, so that what is read is what was written.
        if date.to_string() == text { Ok(date) } else { Err(NoDate) }
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub date: Date,
    /// What.
    pub title: String,
}

impl Entry {
    /// The course's `%{date: date, title: title}`.
    pub fn new(date: Date, title: impl Into<String>) -> Self {
        Self { date, title: title.into() }
    }
}

/// Entries, each under an id that the list gave it: 1, 2, 3 and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TodoList {
    entries: BTreeMap<u64, Entry>,
}

impl TodoList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the entry that comes next: one more than the last one's.
    pub fn next_id(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(last, _)| *last) + 1
    }

    /// Puts an entry under this id.
    pub fn insert(&mut self, id: u64, entry: Entry) {
        self.entries.insert(id, entry);
    }

    /// The entries of this day, in the order in which they were added.
    pub fn entries(&self, date: Date) -> Vec<Entry> {
        self.entries.values().filter(|entry| entry.date == date).cloned().collect()
    }
}

/// From what was written down.
impl FromIterator<(u64, Entry)> for TodoList {
    fn from_iter<I: IntoIterator<Item = (u64, Entry)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}
