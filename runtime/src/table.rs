//! The table of living processes: from a pid to its control block.
//!
//! One table serves every [`System`](crate::System) of the program, so that a pid means the same
//! everywhere; what a system shows is filtered by system.
//! Slots are made once and never freed. A slot counts its uses, so that an old pid finds nobody; one
//! whose count is used up is retired.

use std::collections::VecDeque;

use crate::pcb::AnyPcb;
use crate::pid::{LAST_GENERATION, Pid, SLOTS};
use crate::sync::Arc;
use crate::sync::global::{Mutex, OnceLock};

/// The first segment holds `1 << FIRST` slots, each further one as many as all before it.
const FIRST: u32 = 10;
const SEGMENTS: usize = 19;

/// A freed slot rests until this many others are free: then pids do not repeat their slot at once,
/// which is kinder to whoever reads a log, and a stale pid meets a stranger later.
const RESTING: usize = 1024;

struct Entry {
    generation: u64,
    pcb: Option<Arc<dyn AnyPcb>>,
}

type Slot = Mutex<Entry>;

static SLOTS_BY_SEGMENT: [OnceLock<Box<[Slot]>>; SEGMENTS] = [const { OnceLock::new() }; SEGMENTS];

struct Free {
    /// The next pids of freed slots, the one that rested longest first.
    slots: VecDeque<Pid>,
    /// The first slot that was never used. Slot 0 belongs to nobody.
    next: u64,
}

static FREE: Mutex<Free> = Mutex::new(Free { slots: VecDeque::new(), next: 1 });

fn segment_of(slot: u64) -> (usize, usize) {
    let shifted = slot + (1 << FIRST);
    let segment = shifted.ilog2() - FIRST;
    let start = 1_u64 << (segment + FIRST);
    // Both are below 2^28 by the width of a slot number.
    #[allow(clippy::cast_possible_truncation)]
    (segment as usize, (shifted - start) as usize)
}

fn slot(slot: u64) -> Option<&'static Slot> {
    let (segment, index) = segment_of(slot);
    SLOTS_BY_SEGMENT.get(segment)?.get()?.get(index)
}

fn slot_or_new(slot: u64) -> &'static Slot {
    let (segment, index) = segment_of(slot);
    let slots = SLOTS_BY_SEGMENT[segment].get_or_init(|| {
        (0..1_usize << (segment + FIRST as usize))
            .map(|_| Slot::new(Entry { generation: 0, pcb: None }))
            .collect()
    });
    &slots[index]
}

/// Lets a slot be used again, unless its count is used up.
fn free(pid: Pid) {
    if pid.generation() < LAST_GENERATION {
        FREE.lock().slots.push_back(Pid::new(pid.slot(), pid.generation() + 1));
    }
}

/// A pid that nobody has yet. Given back when dropped without [`install`](Reserved::install).
#[derive(Debug)]
pub(crate) struct Reserved(Option<Pid>);

/// Takes a free slot.
///
/// # Panics
/// When all 2^28 slots are in use, as OTP's `system_limit`.
pub(crate) fn reserve() -> Reserved {
    let pid = {
        let mut free = FREE.lock();
        if free.slots.len() > RESTING || free.next + 1 == SLOTS {
            free.slots.pop_front()
        } else {
            free.next += 1;
            Some(Pid::new(free.next - 1, 1))
        }
    };
    let pid = pid.expect("system_limit: all 2^28 slots of the process table are in use");
    Reserved(Some(pid))
}

impl Reserved {
    pub(crate) fn pid(&self) -> Pid {
        self.0.unwrap_or(Pid::OUTSIDE)
    }

    /// From here on the pid finds the process.
    pub(crate) fn install(mut self, pcb: Arc<dyn AnyPcb>) {
        if let Some(pid) = self.0.take() {
            let mut entry = slot_or_new(pid.slot()).lock();
            *entry = Entry { generation: pid.generation(), pcb: Some(pcb) };
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            free(pid);
        }
    }
}

/// From here on the pid finds nobody, for ever.
pub(crate) fn release(pid: Pid) {
    let Some(slot) = slot(pid.slot()) else { return };
    let removed = {
        let mut entry = slot.lock();
        if entry.generation != pid.generation() {
            return;
        }
        entry.pcb.take()
    };
    // Dropping the last reference frees messages of the user's: not under a lock.
    if removed.is_some() {
        drop(removed);
        free(pid);
    }
}

/// The control block of a process that has not ended.
pub(crate) fn find(pid: Pid) -> Option<Arc<dyn AnyPcb>> {
    let entry = slot(pid.slot())?.lock();
    if entry.generation != pid.generation() {
        return None;
    }
    entry.pcb.clone()
}

/// Every process of one system, in the order in which they were spawned.
pub(crate) fn all_of(system: u64) -> Vec<Arc<dyn AnyPcb>> {
    let end = FREE.lock().next;
    let mut all: Vec<_> = (1..end)
        .filter_map(|number| slot(number)?.lock().pcb.clone())
        .filter(|pcb| pcb.head().system.id() == system)
        .collect();
    all.sort_by_key(|pcb| pcb.head().serial);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_fill_segments_without_gap() {
        assert_eq!(segment_of(0), (0, 0));
        assert_eq!(segment_of(1023), (0, 1023));
        assert_eq!(segment_of(1024), (1, 0));
        assert_eq!(segment_of(3071), (1, 2047));
        assert_eq!(segment_of(3072), (2, 0));
        assert!(segment_of(SLOTS - 1).0 < SEGMENTS);
    }

    #[test]
    fn a_pid_that_was_given_back_is_never_given_out_again() {
        let first = reserve();
        let pid = first.pid();
        drop(first);
        let later: Vec<_> = (0..3 * RESTING).map(|_| reserve()).collect();
        assert!(later.iter().all(|reserved| reserved.pid() != pid));
    }

    #[test]
    fn nobody_is_found_under_a_pid_of_nobody() {
        assert!(find(Pid::OUTSIDE).is_none());
        assert!(find(Pid::new(SLOTS - 1, 1)).is_none());
        assert!(find(reserve().pid()).is_none());
    }
}
