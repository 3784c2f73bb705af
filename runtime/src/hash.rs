//! A hash that stays the same: which of `n` workers has this key?
//!
//! std's `DefaultHasher` may be another one in the next release of Rust, and the hash of a
//! `HashMap` is another one in each map. This one is SipHash-1-3 without a key, from the crate
//! `siphasher`, over bytes that are the same on every machine: numbers are taken in little-endian
//! order, `usize` as 64 bits. So a key goes to the same worker after a restart, an upgrade, and on
//! another machine, as long as its type's own [`Hash`] feeds the same parts.
//!
//! It is no defence against keys that are made up to collide; where strangers choose the keys and
//! that would hurt, route by something else.
//!
//! ```
//! use runtime::hash::{bucket, stable_hash};
//!
//! assert_eq!(stable_hash("alice"), 0x02c7_c124_66e2_5a60);
//! assert_eq!(bucket("alice", 4), bucket(&"alice".to_owned(), 4));
//! ```
//!
//! Source: OTP `erlang:phash2/2`, whose numbers are others.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

/// The stable hash of a key. Equal keys have equal ones, also a `String` and its `str`.
pub fn stable_hash<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = Stable(SipHasher13::new());
    key.hash(&mut hasher);
    hasher.finish()
}

/// Which of `buckets` a key falls into, from 0 on.
///
/// # Panics
/// When there are no buckets.
///
/// Source: OTP `erlang:phash2/2`.
pub fn bucket<K: Hash + ?Sized>(key: &K, buckets: usize) -> usize {
    assert!(buckets > 0, "a key falls into none of no buckets");
    nth(stable_hash(key), buckets)
}

/// A number, modulo `buckets`, which is not 0.
pub(crate) fn nth(number: u64, buckets: usize) -> usize {
    let buckets = u64::try_from(buckets).unwrap_or(u64::MAX);
    usize::try_from(number % buckets).unwrap_or(0)
}

/// Takes numbers in the same bytes on every machine.
struct Stable(SipHasher13);

impl Hasher for Stable {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn write_u16(&mut self, number: u16) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_i16(&mut self, number: i16) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_i32(&mut self, number: i32) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_i64(&mut self, number: i64) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_i128(&mut self, number: i128) {
        self.0.write(&number.to_le_bytes());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of another implementation: `hash(b"...")` of `CPython` 3.11 and later,
    /// which is SipHash-1-3, with `PYTHONHASHSEED=0`, which is no key.
    ///
    /// Covers: RT-UTIL-01
    #[test]
    fn the_hash_of_a_key_is_the_same_for_ever() {
        // A `str` ends with a byte 0xff, a slice begins with its length.
        assert_eq!(stable_hash("alice"), 0x02c7_c124_66e2_5a60);
        assert_eq!(stable_hash(&"alice".to_owned()), stable_hash("alice"));
        assert_eq!(stable_hash(""), 0x3040_6ea5_23c5_3def);
        assert_eq!(stable_hash(&1_u16), 0x91ba_6b64_3800_21f9);
        assert_eq!(stable_hash(&1_u32), 0x182e_2c74_c37b_7090);
        assert_eq!(stable_hash(&0x0102_0304_0506_0708_u64), 0x69b5_36ee_4108_fb12);
        assert_eq!(stable_hash(&1_usize), stable_hash(&1_u64));
        assert_eq!(stable_hash(&-1_isize), stable_hash(&-1_i64));
        assert_eq!(stable_hash(&-2_i64), 0xe92c_8510_479b_947c);
        assert_eq!(stable_hash(&[7_u8, 8][..]), 0x210e_a6dd_2a96_7249);
        assert_eq!(stable_hash(&(1_u8, "b")), 0x124c_fdfc_75f1_aed9);
    }

    #[test]
    fn every_key_has_a_bucket_and_every_bucket_has_keys() {
        for buckets in [1, 2, 3, 7, 100] {
            let mut filled = vec![0; buckets];
            for key in 0..10_000_u32 {
                filled[bucket(&key, buckets)] += 1;
            }
            let fair = 10_000 / buckets;
            assert!(filled.iter().all(|&keys| keys > fair / 2 && keys < fair * 2), "{filled:?}");
        }
    }

    #[test]
    #[should_panic(expected = "none of no buckets")]
    fn there_is_no_bucket_among_none() {
        bucket("alice", 0);
    }
}
