//! Who waits until a server is up, and how they learn of it.
//!
//! They are kept by the type of the server, not by its name: so it makes no difference whether the
//! name is a local one or a key in a registry. Whoever is woken looks again.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::task::Waker;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// Those who wait in one system.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// How many wait. Read without the lock by every server that comes up.
    waiting: AtomicUsize,
    parked: Mutex<Parked>,
}

#[derive(Debug, Default)]
struct Parked {
    next: u64,
    wakers: HashMap<TypeId, BTreeMap<u64, Waker>>,
}

/// The place of one that waits; at most one waker stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    kind: TypeId,
    number: u64,
}

impl Arrivals {
    /// A place for somebody who waits for servers of this type.
    pub(crate) fn place(&self, kind: TypeId) -> Place {
        let mut parked = self.parked.lock();
        parked.next += 1;
        Place { kind, number: parked.next }
    }

    /// Wakes `waker` at the next arrival. The caller looks again after this.
    pub(crate) fn park(&self, place: Place, waker: &Waker) {
        let waker = waker.clone();
        let replaced = {
            let mut parked = self.parked.lock();
            let wakers = parked.wakers.entry(place.kind).or_default();
            let replaced = wakers.insert(place.number, waker);
            if replaced.is_none() {
                self.waiting.fetch_add(1, Ordering::Relaxed);
            }
            replaced
        };
        drop(replaced);
        // With the fence of whoever tells: one of the two sees what the other one wrote.
        fence(Ordering::SeqCst);
    }

    /// Nobody waits at this place any more.
    pub(crate) fn leave(&self, place: Place) {
        let left = {
            let mut parked = self.parked.lock();
            let Some(wakers) = parked.wakers.get_mut(&place.kind) else { return };
            let left = wakers.remove(&place.number);
            if wakers.is_empty() {
                parked.wakers.remove(&place.kind);
            }
            if left.is_some() {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            left
        };
        drop(left);
    }

    /// A server of this type is up.
    pub(crate) fn tell(&self, kind: TypeId) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let woken = {
            let mut parked = self.parked.lock();
            let woken = parked.wakers.remove(&kind).unwrap_or_default();
            self.waiting.fetch_sub(woken.len(), Ordering::Relaxed);
            woken
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// A process has another name, or the system has ended: everybody looks again.
    pub(crate) fn tell_all(&self) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let woken = {
            let mut parked = self.parked.lock();
            self.waiting.store(0, Ordering::Relaxed);
            std::mem::take(&mut parked.wakers)
        };
        woken.into_values().flat_map(BTreeMap::into_values).for_each(Waker::wake);
    }

    #[cfg(all(test, not(otp_loom)))]
    pub(crate) fn count(&self) -> usize {
        self.parked.lock().wakers.values().map(BTreeMap::len).sum()
    }
}

#[cfg(all(test, not(otp_loom)))]
mod tests {
    use super::*;

    struct A;
    struct B;

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let arrivals = Arrivals::default();
        let place = arrivals.place(TypeId::of::<A>());
        arrivals.park(place, Waker::noop());
        arrivals.park(place, Waker::noop());
        assert_eq!((arrivals.count(), arrivals.waiting.load(Ordering::Relaxed)), (1, 1));
        arrivals.leave(place);
        arrivals.leave(place);
        assert_eq!((arrivals.count(), arrivals.waiting.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn an_arrival_wakes_those_who_wait_for_its_type() {
        let arrivals = Arrivals::default();
        let (a, b) = (arrivals.place(TypeId::of::<A>()), arrivals.place(TypeId::of::<B>()));
        arrivals.park(a, Waker::noop());
        arrivals.park(b, Waker::noop());
        arrivals.tell(TypeId::of::<A>());
        assert_eq!((arrivals.count(), arrivals.waiting.load(Ordering::Relaxed)), (1, 1));
        // It was woken, and leaves without harm to the count.
        arrivals.leave(a);
        arrivals.tell_all();
        assert_eq!((arrivals.count(), arrivals.waiting.load(Ordering::Relaxed)), (0, 0));
    }
}
