//! Who: the identity of a process, and of a watch over one.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a pid that name the slot; the rest count how often the slot was used.
const SLOT_BITS: u32 = 28;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

/// The number of slots that a pid can name.
pub(crate) const SLOTS: u64 = 1 << SLOT_BITS;
/// The last generation of a slot; a slot that reaches it is never used again.
pub(crate) const LAST_GENERATION: u64 = (1 << (64 - SLOT_BITS)) - 1;

/// The identity of one process: eight bytes, `Copy`, never used twice.
///
/// A pid names one incarnation. It stays valid after the process has ended, and then names nobody:
/// a signal sent to it does nothing, a monitor answers with [`NoProc`](crate::ExitReason::NoProc).
///
/// Prints as `<0.42.1>`: node 0, slot 42, first use of the slot.
///
/// Source: OTP Reference Manual, Processes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid(NonZeroU64);

impl Pid {
    /// The sender of signals that come from outside of any process (`main`, a plain task).
    ///
    /// It is nobody's pid: linking to it or monitoring it finds no process. Prints as `<0.0.0>`.
    pub const OUTSIDE: Pid = match NonZeroU64::new(1 << SLOT_BITS) {
        Some(bits) => Pid(bits),
        None => unreachable!(),
    };

    pub(crate) fn new(slot: u64, generation: u64) -> Self {
        debug_assert!(slot < SLOTS && (1..=LAST_GENERATION).contains(&generation));
        match NonZeroU64::new((generation << SLOT_BITS) | slot) {
            Some(bits) => Pid(bits),
            None => unreachable!("generations begin at 1"),
        }
    }

    pub(crate) fn slot(self) -> u64 {
        self.0.get() & SLOT_MASK
    }

    pub(crate) fn generation(self) -> u64 {
        self.0.get() >> SLOT_BITS
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Pid::OUTSIDE {
            return f.write_str("<0.0.0>");
        }
        write!(f, "<0.{}.{}>", self.slot(), self.generation())
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reference of one monitor, unique in the program.
///
/// Two monitors on one process have two references and give two [`Down`](crate::Down) messages.
/// References order by the time at which they were made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MonitorRef(pub(crate) u64);

impl MonitorRef {
    pub(crate) fn next() -> Self {
        // One for all systems, since one system's process may be watched from another.
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl fmt::Display for MonitorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#Ref<{}>", self.0)
    }
}

impl fmt::Debug for MonitorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_eight_bytes_also_when_optional() {
        assert_eq!(size_of::<Pid>(), 8);
        assert_eq!(size_of::<Option<Pid>>(), 8);
    }

    #[test]
    fn a_pid_keeps_slot_and_generation() {
        for (slot, generation) in [(1, 1), (42, 7), (SLOTS - 1, LAST_GENERATION)] {
            let pid = Pid::new(slot, generation);
            assert_eq!((pid.slot(), pid.generation()), (slot, generation));
        }
    }

    #[test]
    fn a_pid_prints_as_in_erlang() {
        assert_eq!(Pid::new(42, 1).to_string(), "<0.42.1>");
        assert_eq!(format!("{:?}", Pid::OUTSIDE), "<0.0.0>");
    }
}
