//! The only door to locks and atomics.
//!
//! Under `--cfg otp_loom` the primitives that decide about a process come from loom, which tries
//! every interleaving of them.
//! `Arc` stays the standard one: loom's cannot hold a trait object.

#[cfg(otp_loom)]
pub(crate) use loom::sync::atomic;
#[cfg(not(otp_loom))]
pub(crate) use std::sync::atomic;

#[cfg(otp_loom)]
use loom::sync as imp;
#[cfg(not(otp_loom))]
use std::sync as imp;

pub(crate) use imp::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
pub(crate) use std::sync::Arc;

/// A lock that does not poison: nothing of the user's runs while one is held, so a panic cannot
/// leave what it guards half changed.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(imp::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// As [`Mutex`], for what is read much more often than it is written.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(imp::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What lives in statics: always the standard primitives, since no loom model reaches a static.
pub(crate) mod global {
    pub(crate) use std::sync::{Once, OnceLock};

    /// As [`super::Mutex`], usable in a static.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}
