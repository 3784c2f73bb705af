//! Entries by the hash of their key: a map that never looks at a key.
//!
//! To compare two keys is to run the user's code, and that does not happen under a lock. So a
//! bucket is the set of entries whose keys have one hash; who wants one key's gets them all and
//! compares for itself.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::sync::Arc;

/// A hash of 64 good bits needs no second one.
#[derive(Debug, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The entries with one hash, by number: most keys have one.
#[derive(Debug)]
enum Bucket<E> {
    One(u64, Arc<E>),
    Many(BTreeMap<u64, Arc<E>>),
}

/// What a bucket held at one moment, oldest first.
#[derive(Debug)]
pub(crate) struct Seen<E> {
    first: Option<(u64, Arc<E>)>,
    rest: Vec<(u64, Arc<E>)>,
}

impl<E> Seen<E> {
    pub(crate) const NOTHING: Self = Self { first: None, rest: Vec::new() };

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<E>> {
        self.first.iter().chain(&self.rest).map(|(_, entry)| entry)
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Arc<E>> {
        self.first.into_iter().chain(self.rest).map(|(_, entry)| entry)
    }

    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.first.iter().chain(&self.rest).map(|(number, _)| *number)
    }
}

/// The entries of one partition. An entry is known by its hash and its number.
#[derive(Debug)]
pub(crate) struct Buckets<E> {
    map: HashMap<u64, Bucket<E>, BuildHasherDefault<AsItIs>>,
    len: usize,
}

impl<E> Default for Buckets<E> {
    fn default() -> Self {
        Self { map: HashMap::default(), len: 0 }
    }
}

impl<E> Buckets<E> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn see(&self, hash: u64) -> Seen<E> {
        match self.map.get(&hash) {
            None => Seen::NOTHING,
            Some(Bucket::One(number, entry)) => {
                Seen { first: Some((*number, entry.clone())), rest: Vec::new() }
            }
            Some(Bucket::Many(many)) => {
                let rest = many.iter().map(|(number, entry)| (*number, entry.clone())).collect();
                Seen { first: None, rest }
            }
        }
    }

    pub(crate) fn get(&self, hash: u64, number: u64) -> Option<&Arc<E>> {
        match self.map.get(&hash)? {
            Bucket::One(own, entry) => (*own == number).then_some(entry),
            Bucket::Many(many) => many.get(&number),
        }
    }

    /// Whether the bucket holds what was seen in it, and nothing else.
    pub(crate) fn is_as_seen(&self, hash: u64, seen: &Seen<E>) -> bool {
        match self.map.get(&hash) {
            None => seen.numbers().next().is_none(),
            Some(Bucket::One(number, _)) => seen.numbers().eq([*number]),
            Some(Bucket::Many(many)) => seen.numbers().eq(many.keys().copied()),
        }
    }

    pub(crate) fn insert(&mut self, hash: u64, number: u64, entry: Arc<E>) {
        self.len += 1;
        let bucket = match self.map.remove(&hash) {
            None => Bucket::One(number, entry),
            Some(Bucket::One(other, old)) => {
                Bucket::Many(BTreeMap::from([(other, old), (number, entry)]))
            }
            Some(Bucket::Many(mut many)) => {
                many.insert(number, entry);
                Bucket::Many(many)
            }
        };
        self.map.insert(hash, bucket);
    }

    /// Puts another entry in the place of one; gives the old one back, or the new one if there was
    /// none.
    pub(crate) fn replace(
        &mut self,
        hash: u64,
        number: u64,
        entry: Arc<E>,
    ) -> Result<Arc<E>, Arc<E>> {
        let place = match self.map.get_mut(&hash) {
            Some(Bucket::One(own, old)) if *own == number => old,
            Some(Bucket::Many(many)) => match many.get_mut(&number) {
                Some(old) => old,
                None => return Err(entry),
            },
            _ => return Err(entry),
        };
        Ok(std::mem::replace(place, entry))
    }

    pub(crate) fn remove(&mut self, hash: u64, number: u64) -> Option<Arc<E>> {
        let bucket = self.map.get_mut(&hash)?;
        let removed = match bucket {
            Bucket::One(own, _) if *own != number => return None,
            Bucket::One(..) => match self.map.remove(&hash) {
                Some(Bucket::One(_, entry)) => entry,
                _ => return None,
            },
            Bucket::Many(many) => {
                let removed = many.remove(&number)?;
                if let (1, Some((number, last))) = (many.len(), many.first_key_value()) {
                    *bucket = Bucket::One(*number, last.clone());
                }
                removed
            }
        };
        self.len -= 1;
        Some(removed)
    }

    /// Every entry, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<E>> {
        self.map.values().flat_map(|bucket| {
            let (one, many) = match bucket {
                Bucket::One(_, entry) => (Some(entry), None),
                Bucket::Many(many) => (None, Some(many.values())),
            };
            one.into_iter().chain(many.into_iter().flatten())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(numbers: &[u64]) -> Buckets<u64> {
        let mut buckets = Buckets::default();
        for number in numbers {
            buckets.insert(7, *number, Arc::new(*number));
        }
        buckets
    }

    fn values(buckets: &Buckets<u64>) -> Vec<u64> {
        buckets.see(7).iter().map(|entry| **entry).collect()
    }

    #[test]
    fn the_entries_of_a_bucket_are_seen_in_the_order_of_their_numbers() {
        assert_eq!(values(&filled(&[])), []);
        assert_eq!(values(&filled(&[3])), [3]);
        assert_eq!(values(&filled(&[3, 1, 2])), [1, 2, 3]);
        assert!(filled(&[1, 2]).see(8).iter().next().is_none(), "another hash");
    }

    #[test]
    fn what_was_seen_is_compared_by_number() {
        let mut buckets = filled(&[1]);
        let seen = buckets.see(7);
        assert!(buckets.is_as_seen(7, &seen));
        assert!(!buckets.is_as_seen(7, &Seen::NOTHING));
        assert!(buckets.is_as_seen(8, &Seen::NOTHING));
        buckets.insert(7, 2, Arc::new(2));
        assert!(!buckets.is_as_seen(7, &seen));
        buckets.remove(7, 1);
        assert!(!buckets.is_as_seen(7, &seen), "as many, but not the same");
    }

    #[test]
    fn entries_are_removed_and_replaced_by_number_and_counted() {
        let mut buckets = filled(&[1, 2, 3]);
        assert_eq!(buckets.get(7, 3), Some(&Arc::new(3)));
        assert_eq!((buckets.get(7, 4), buckets.get(8, 3)), (None, None));
        assert_eq!(buckets.remove(7, 4), None);
        assert_eq!(buckets.remove(8, 1), None);
        assert_eq!(buckets.replace(7, 2, Arc::new(20)), Ok(Arc::new(2)));
        assert_eq!(buckets.replace(7, 4, Arc::new(40)), Err(Arc::new(40)));
        assert_eq!(buckets.remove(7, 1), Some(Arc::new(1)));
        assert_eq!(buckets.remove(7, 3), Some(Arc::new(3)));
        assert_eq!((values(&buckets), buckets.len()), (vec![20], 1));
        assert_eq!(buckets.replace(7, 1, Arc::new(10)), Err(Arc::new(10)));
        assert_eq!(buckets.remove(7, 1), None);
        assert_eq!(buckets.remove(7, 2), Some(Arc::new(20)));
        assert_eq!((buckets.len(), buckets.all().count()), (0, 0));
    }
}
