//! The to-do list itself: no process, only values.

use std::fmt;

/// A day; written as in `2026-01-22`. Not looked up in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The course's `~D[2026-01-22]` is `Date::new(2026, 1, 22)`.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
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

/// Entries, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TodoList {
    entries: Vec<Entry>,
}

impl TodoList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry, and says how many there are now.
    ///
    /// # Panics
    /// When the entry has no title: nobody has thought of that.
    pub fn add_entry(&mut self, entry: Entry) -> usize {
        assert!(!entry.title.is_empty(), "an entry without a title");
        self.entries.push(entry);
        self.entries.len()
    }

    /// The entries of this day, in the order in which they were added.
    pub fn entries(&self, date: Date) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.date == date).cloned().collect()
    }
}
