//! One run queue whose next process is drawn by a seed.
//!
//! On a current-thread runtime with a paused clock, one seed gives one order of events; many seeds
//! try many.
//! Besides the order, the seed decides after how many messages a process loses its turn.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Wake, Waker};

use crate::ambient::{catch, discard};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex};

/// Turns between two looks at tokio's timers and other tasks.
const SLICE: usize = 64;

type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The seeded engine.
#[derive(Debug)]
pub(crate) struct Seeded {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: SplitMix,
    runnable: Vec<Arc<Seat>>,
    seats: HashMap<u64, Arc<Seat>>,
    next_seat: u64,
    driver: Option<Waker>,
    down: bool,
}

/// The place of one process.
struct Seat {
    number: u64,
    body: Mutex<Option<Body>>,
    queued: AtomicBool,
    engine: Weak<Seeded>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seat({})", self.number)
    }
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                random: SplitMix(seed),
                runnable: Vec::new(),
                seats: HashMap::new(),
                next_seat: 0,
                driver: None,
                down: false,
            }),
        })
    }

    pub(super) fn adopt(self: &Arc<Self>, process: impl Future<Output = ()> + Send + 'static) {
        let body: Body = Box::pin(process);
        let refused = {
            let mut state = self.state.lock();
            if state.down {
                Some(body)
            } else {
                state.next_seat += 1;
                let seat = Arc::new(Seat {
                    number: state.next_seat,
                    body: Mutex::new(Some(body)),
                    queued: AtomicBool::new(false),
                    engine: Arc::downgrade(self),
                });
                state.seats.insert(seat.number, seat.clone());
                drop(state);
                seat.wake();
                None
            }
        };
        drop(refused);
    }

    pub(super) fn turn_budget(&self) -> u32 {
        1 + self.state.lock().random.below(4)
    }

    pub(super) fn number(&self) -> u64 {
        self.state.lock().random.next()
    }

    /// Polls processes for ever, as long as there are some that can run.
    pub(super) async fn drive(engine: Arc<Self>) {
        // Also when tokio drops this future: the processes end with their runtime.
        let _down = Down(engine.clone());
        poll_fn(|cx| {
            engine.state.lock().driver = Some(cx.waker().clone());
            for _ in 0..SLICE {
                let Some(seat) = engine.draw() else {
                    return if engine.state.lock().down { Poll::Ready(()) } else { Poll::Pending };
                };
                seat.turn(&engine);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn draw(&self) -> Option<Arc<Seat>> {
        let mut state = self.state.lock();
        let count = u32::try_from(state.runnable.len()).unwrap_or(u32::MAX);
        if count == 0 {
            return None;
        }
        let at = state.random.below(count) as usize;
        Some(state.runnable.swap_remove(at))
    }

    pub(super) fn shutdown(&self) {
        let (seats, driver) = {
            let mut state = self.state.lock();
            state.down = true;
            state.runnable.clear();
            (std::mem::take(&mut state.seats), state.driver.take())
        };
        let mut seats: Vec<_> = seats.into_values().collect();
        seats.sort_by_key(|seat| seat.number);
        for seat in seats {
            let body = seat.body.lock().take();
            drop(body);
        }
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

struct Down(Arc<Seeded>);

impl Drop for Down {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl Seat {
    fn turn(self: Arc<Self>, engine: &Seeded) {
        self.queued.store(false, Ordering::Release);
        // Out of its lock while it runs: a turn may shut the engine down.
        let Some(mut body) = self.body.lock().take() else { return };
        let waker = Waker::from(self.clone());
        // As tokio does with a task: whatever leaves a process's turn takes nobody else along.
        let turn = catch(|| body.as_mut().poll(&mut Context::from_waker(&waker)));
        if !matches!(turn, Ok(Poll::Pending)) {
            let seat = engine.state.lock().seats.remove(&self.number);
            if let Err(payload) = catch(move || drop((seat, body))) {
                discard(payload);
            }
            if let Err(payload) = turn {
                discard(payload);
            }
            return;
        }
        let down = {
            let state = engine.state.lock();
            if !state.down {
                *self.body.lock() = Some(body);
                return;
            }
            body
        };
        drop(down);
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        let Some(engine) = self.engine.upgrade() else { return };
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let driver = {
            let mut state = engine.state.lock();
            if state.down {
                return;
            }
            state.runnable.push(self);
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

/// Sebastiano Vigna's `SplitMix64`: eight lines, every seed a full period.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: u32) -> u32 {
        let high = (self.next() >> 32) * u64::from(bound);
        u32::try_from(high >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut random = SplitMix(7);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[random.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let (mut one, mut two) = (SplitMix(3), SplitMix(3));
        assert!((0..100).all(|_| one.next() == two.next()));
    }
}
