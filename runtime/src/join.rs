//! Waiting for the end of a process, inside or outside of processes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::exit_reason::ExitReason;
use crate::pcb::{AnyPcb, Watcher};
use crate::pid::{MonitorRef, Pid};
use crate::sync::{Arc, Mutex};
use crate::table;

#[derive(Debug, Default)]
struct Slot {
    reason: Option<ExitReason>,
    waker: Option<Waker>,
}

/// The dying process's end of a [`Join`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiter(Arc<Mutex<Slot>>);

impl Waiter {
    pub(crate) fn ended(&self, reason: ExitReason) {
        let waker = {
            let mut slot = self.0.lock();
            slot.reason = Some(reason);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The reason, or the promise to wake.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<ExitReason> {
        let mut slot = self.0.lock();
        let replaced = if slot.reason.is_none() { slot.waker.replace(waker.clone()) } else { None };
        let reason = slot.reason.clone();
        drop(slot);
        drop(replaced);
        reason
    }
}

/// Resolves to the reason with which a process ended; see [`Pid::join`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Join {
    waiter: Waiter,
    watched: Option<(Pid, MonitorRef)>,
}

impl Join {
    pub(crate) fn new(pid: Pid) -> Self {
        match table::find(pid).and_then(|pcb| Self::of(&*pcb)) {
            Some(join) => join,
            None => {
                let waiter = Waiter::default();
                waiter.ended(ExitReason::NoProc);
                Self { waiter, watched: None }
            }
        }
    }

    /// Of a process that is at hand; `None` when it has ended.
    pub(crate) fn of(pcb: &dyn AnyPcb) -> Option<Self> {
        let (waiter, mref) = (Waiter::default(), MonitorRef::next());
        let mut added = false;
        pcb.control(&mut |control, _| {
            added = control.add_watcher(mref, Watcher::Waiter(waiter.clone())).is_ok();
        });
        added.then(|| Self { waiter, watched: Some((pcb.head().pid, mref)) })
    }
}

impl Future for Join {
    type Output = ExitReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ExitReason> {
        self.waiter.poll(cx.waker()).map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Join {
    fn drop(&mut self) {
        let ended = self.waiter.0.lock().reason.is_some();
        if let (Some((pid, mref)), false) = (self.watched, ended)
            && let Some(pcb) = table::find(pid)
        {
            pcb.control(&mut |control, _| control.remove_watcher(mref));
        }
    }
}
