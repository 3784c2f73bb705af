//! What is in flight: a value that decides, and does nothing else.

use std::collections::BTreeMap;

/// How often an item is delivered at most: as often as a supervisor restarts something by default, so
/// that an item which kills whoever touches it is given up before the pipeline is.
pub const DELIVERIES: u32 = 3;

/// There are as many items in flight as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room in the pipeline; try again when something has come out")]
pub struct Full;

/// What is to be done after a restart downstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// To be delivered once more: numbers and values, the oldest first.
    pub deliver: Vec<(u64, i64)>,
    /// Not to be delivered any more, and not in flight any more: numbers, the oldest first.
    pub give_up: Vec<u64>,
}

/// The items that have entered and of which nobody knows yet what became of them.
///
/// An item is *waiting* until somebody claims it, who is about to let it out: a claim is granted once
/// for each item, and never again. `W` is who can claim, in the pipeline a `Pid`.
#[derive(Debug)]
pub struct Ledger<W> {
    /// How many items there may be.
    room: usize,
    /// The number of the newest item.
    newest: u64,
    /// The items by their numbers.
    flights: BTreeMap<u64, Flight<W>>,
}

#[derive(Debug)]
struct Flight<W> {
    value: i64,
    deliveries: u32,
    claimed_by: Option<W>,
}

impl<W: PartialEq> Ledger<W> {
    /// Without items, with room for so many.
    pub fn new(room: usize) -> Self {
        Self { room, newest: 0, flights: BTreeMap::new() }
    }

    /// How many items are in flight.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Takes an item in, which is delivered for the first time now, and gives it a number: 1, 2, 3 ..
    ///
    /// # Errors
    /// [`Full`]: then it is not taken, and no number is used up.
    pub fn accept(&mut self, value: i64) -> Result<u64, Full> {
        // EXERCISE 3: a ledger of what is in flight, which takes an item while there is room.
        if self.flights.len() >= self.room {
            return Err(Full);
        }
        self.newest += 1;
        self.flights.insert(self.newest, Flight { value, deliveries: 1, claimed_by: None });
        Ok(self.newest)
        // END
    }

    /// `who` is about to let this item out: whether it may. Once for each item, and only while the
    /// item is in flight.
    pub fn claim(&mut self, number: u64, who: W) -> bool {
        // EXERCISE 3: grant each item once, to whoever comes first.
        match self.flights.get_mut(&number) {
            Some(flight) if flight.claimed_by.is_none() => {
                flight.claimed_by = Some(who);
                true
            }
            _ => false,
        }
        // END
    }

    /// The item has come out. Whether it was in flight until now.
    pub fn done(&mut self, number: u64) -> bool {
        // EXERCISE 3: forget what has come out.
        self.flights.remove(&number).is_some()
        // END
    }

    /// `who` has ended: the items that it had claimed and that have not come out, the oldest first.
    /// Nobody knows what became of them, and they are not in flight any more.
    pub fn died(&mut self, who: &W) -> Vec<u64> {
        // EXERCISE 3: give up on what was in the hands of somebody who died.
        self.take(|flight| flight.claimed_by.as_ref() == Some(who))
        // END
    }

    /// Somebody downstream was started again, and what was on its way there may be lost. Items that
    /// wait are delivered again, [`DELIVERIES`] times in all; items that are claimed are not.
    pub fn again(&mut self) -> Again {
        // EXERCISE 3: deliver again what certainly has not come out, but not for ever.
        let give_up =
            self.take(|flight| flight.claimed_by.is_none() && flight.deliveries >= DELIVERIES);
        let waiting = self.flights.iter_mut().filter(|(_, flight)| flight.claimed_by.is_none());
        let deliver = waiting.map(|(&number, flight)| {
            flight.deliveries += 1;
            (number, flight.value)
        });
        Again { deliver: deliver.collect(), give_up }
        // END
    }

    /// Takes out of the ledger what is meant, and gives its numbers.
    fn take(&mut self, meant: impl Fn(&Flight<W>) -> bool) -> Vec<u64> {
        let taken = self.flights.extract_if(.., |_, flight| meant(flight));
        taken.map(|(number, _)| number).collect()
    }
}
