//! All lists in one process: the cache as it was before it had children. The tests crash it, to
//! compare.

use std::collections::BTreeMap;

use runtime::prelude::*;

use crate::todo_list::{Date, Entry, TodoList};

/// Lists by their names.
#[derive(Debug, Default)]
pub struct PerKeyCache(BTreeMap<String, TodoList>);

/// What the cache is asked.
#[derive(Debug)]
pub enum Ask {
    /// To add an entry to a list; there is none that it does not have.
    AddEntry(String, Entry, Reply<usize>),
    /// For the entries of a day in a list.
    Entries(String, Date, Reply<Vec<Entry>>),
}

impl CallServer for PerKeyCache {
    type Call = Ask;

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            Ask::AddEntry(list, entry, reply) => {
                reply.go(self.0.entry(list).or_default().add_entry(entry))
            }
            Ask::Entries(list, date, reply) => {
                reply.go(self.0.get(&list).map(|list| list.entries(date)).unwrap_or_default())
            }
        }
    }
}
