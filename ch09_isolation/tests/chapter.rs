//! The tests of the whole chapter in one binary; each item also runs its own in its own package.
