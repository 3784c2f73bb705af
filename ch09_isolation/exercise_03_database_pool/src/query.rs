//! What can be asked of a database, and what it answers: values only. Nothing is to be written here.

use std::fmt;

use rusqlite::types::Value;

/// Statements of SQL, and whether they change something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(crate) statements: Vec<String>,
    pub(crate) writes: bool,
}

impl Query {
    /// One statement that only reads. It is a mistake if it writes.
    pub fn read(sql: impl Into<String>) -> Self {
        Self { statements: vec![sql.into()], writes: false }
    }

    /// One statement that may write.
    pub fn write(sql: impl Into<String>) -> Self {
        Self::transaction([sql])
    }

    /// Statements that may write, all of them or none.
    pub fn transaction<T: Into<String>>(statements: impl IntoIterator<Item = T>) -> Self {
        Self { statements: statements.into_iter().map(Into::into).collect(), writes: true }
    }

    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Its statements as one text.
    pub fn sql(&self) -> String {
        self.statements.join("; ")
    }
}

/// What the database answered. Prints as the course's `Result for: SELECT * FROM users`.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The query.
    pub sql: String,
    /// What its last statement gave.
    pub rows: Vec<Vec<Value>>,
    /// How many rows it added, changed or deleted.
    pub changed: u64,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Result for: {}", self.sql)
    }
}
