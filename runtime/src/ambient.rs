//! Which process runs on this thread, and the panic that it raised last.
//!
//! Set around each turn of a process, so that `self_pid()` and its like need no handle; a plain
//! tokio task, also one spawned by a process, finds nothing here.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{RawWakerVTable, Waker};

use crate::exit_reason::{PanicInfo, Place};
use crate::pcb::AnyPcb;
use crate::pid::Pid;
use crate::sync::Arc;
use crate::sync::global::Once;

/// Called outside of any process: from `main`, a plain thread or a plain tokio task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not in a process: this works only inside the body of a process")]
pub struct NotInProcess;

/// What a thread knows of the process that it runs.
struct Ambient {
    current: RefCell<Option<Arc<dyn AnyPcb>>>,
    /// The pid of that process, and what wakes it as a whole.
    pid: Cell<Pid>,
    waker: Cell<WakerId>,
    /// The messages that are left to it in this turn.
    budget: Cell<u32>,
}

thread_local! {
    static AMBIENT: Ambient = const {
        Ambient {
            current: RefCell::new(None),
            pid: Cell::new(Pid::OUTSIDE),
            waker: Cell::new(WakerId::NONE),
            budget: Cell::new(u32::MAX),
        }
    };
    static CATCHING: Cell<u32> = const { Cell::new(0) };
    /// The panics on their way, newest last; those that the user's own code caught meanwhile too.
    static PANICS: RefCell<Vec<PanicInfo>> = const { RefCell::new(Vec::new()) };
}

/// Which waker it is: two with the same wake the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct WakerId {
    data: *const (),
    vtable: *const RawWakerVTable,
}

impl WakerId {
    const NONE: Self = Self { data: std::ptr::null(), vtable: std::ptr::null() };

    fn of(waker: &Waker) -> Self {
        Self { data: waker.data(), vtable: waker.vtable() }
    }
}

/// A turn of a process on this thread, until [`leave`](Self::leave). What runs in between does not
/// unwind.
#[must_use = "a turn is left"]
pub(crate) struct Turn {
    outer: Option<Arc<dyn AnyPcb>>,
    outer_pid: Pid,
    outer_waker: WakerId,
    outer_budget: u32,
}

impl Turn {
    /// Makes `pcb` the current process, for at most `budget` messages; `waker` brings it back.
    pub(crate) fn enter(pcb: Arc<dyn AnyPcb>, budget: u32, waker: Option<&Waker>) -> Self {
        AMBIENT.with(|ambient| Self {
            outer_pid: ambient.pid.replace(pcb.head().pid),
            outer_waker: ambient.waker.replace(waker.map_or(WakerId::NONE, WakerId::of)),
            outer_budget: ambient.budget.replace(budget),
            outer: ambient.current.replace(Some(pcb)),
        })
    }

    /// Ends the turn and hands the control block back.
    pub(crate) fn leave(self) -> Option<Arc<dyn AnyPcb>> {
        AMBIENT.with(|ambient| {
            ambient.pid.set(self.outer_pid);
            ambient.waker.set(self.outer_waker);
            ambient.budget.set(self.outer_budget);
            ambient.current.replace(self.outer)
        })
    }
}

/// Takes one message from the turn's budget; `false` when it is used up.
pub(crate) fn spend() -> bool {
    AMBIENT.with(|ambient| {
        let left = ambient.budget.get();
        ambient.budget.set(left.saturating_sub(1));
        left > 0
    })
}

/// The current process.
pub(crate) fn current() -> Option<Arc<dyn AnyPcb>> {
    AMBIENT.try_with(|ambient| ambient.current.borrow().clone()).ok().flatten()
}

/// Works on the current process, if there is one. Nothing of the user's runs in `work`.
pub(crate) fn with_current<R>(work: impl FnOnce(&dyn AnyPcb) -> R) -> Option<R> {
    AMBIENT.try_with(|ambient| ambient.current.borrow().as_deref().map(work)).ok().flatten()
}

/// The pid of the current process, or [`Pid::OUTSIDE`].
pub(crate) fn current_pid() -> Pid {
    AMBIENT.try_with(|ambient| ambient.pid.get()).unwrap_or(Pid::OUTSIDE)
}

/// Whether there is a current process, and this waker makes it run again as a whole, not only a
/// part of it that has wakers of its own.
pub(crate) fn is_woken_by(waker: &Waker) -> bool {
    AMBIENT.try_with(|ambient| ambient.waker.get()) == Ok(WakerId::of(waker))
}

/// Panics on this thread are somebody's to catch while this lives.
struct Catching(());

impl Catching {
    fn begin() -> Self {
        install_hook();
        CATCHING.set(CATCHING.get() + 1);
        Self(())
    }
}

impl Drop for Catching {
    fn drop(&mut self) {
        CATCHING.set(CATCHING.get() - 1);
    }
}

/// What unwound out of a piece of code.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `work`, and stops what unwinds out of it.
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Payload> {
    let catching = Catching::begin();
    let result = catch_unwind(AssertUnwindSafe(work));
    drop(catching);
    result
}

/// Drops a payload, whose `Drop` is the user's and may panic in its turn.
pub(crate) fn discard(payload: Payload) {
    if let Err(second) = catch(|| drop(payload)) {
        // Whoever panics here as well is left alone: there is nobody to tell.
        let _leaked = ManuallyDrop::new(second);
    }
}

/// Sees every panic of the program; notes those of processes, passes all others on.
///
/// Source: `std::panic::set_hook`; a hook is the only place that knows where a panic happened.
pub(crate) fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let ours = CATCHING.try_with(Cell::get).unwrap_or(0) > 0;
            if !ours {
                return previous(panic);
            }
            let place = panic.location().map(|place| Place {
                file: place.file().to_owned(),
                line: place.line(),
                column: place.column(),
            });
            let info = PanicInfo::new(message_of(panic.payload()), place);
            // Nothing to be done about a thread that is being torn down.
            let _ = PANICS.try_with(|panics| panics.borrow_mut().push(info));
        }));
    });
}

/// What is known of the panic whose payload was just caught.
pub(crate) fn panic_info(payload: Payload) -> PanicInfo {
    let message = message_of(&*payload);
    let noted = PANICS
        .try_with(|panics| {
            let mut panics = panics.borrow_mut();
            let at = panics.iter().rposition(|info| info.message() == message)?;
            // What is above it was raised later and has been caught by somebody else.
            panics.truncate(at + 1);
            panics.pop()
        })
        .ok()
        .flatten();
    discard(payload);
    if CATCHING.get() == 0 {
        let _ = PANICS.try_with(|panics| panics.borrow_mut().clear());
    }
    noted.unwrap_or_else(|| PanicInfo::new(message, None))
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(message) = payload.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "a panic whose payload is not text".to_owned()
    }
}
