//! What concerns two processes: links, monitors, exit signals.
//!
//! Each step locks one process and lets go before the next, so there is no order of locks to get
//! wrong. What holds the two sides together is that each side's entry is checked when a signal
//! arrives: a link exit counts only while the receiver still has the link, a DOWN only while it
//! still has the monitor.
//!
//! Source: OTP Reference Manual, Processes, "Links" and "Monitors".

use crate::call::CallError;
use crate::exit_reason::ExitReason;
use crate::message::{Down, Exit, Target};
use crate::pcb::{AnyPcb, Estate, Life, Watcher};
use crate::pid::{MonitorRef, Pid};
use crate::signal::{Origin, Verdict};
use crate::sync::Arc;
use crate::table;

/// The link found nobody at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("noproc: no such process")]
pub struct NoProc;

/// Links `me` and `peer`, which was found under `pid` or not at all.
///
/// # Errors
/// [`NoProc`] when there is no such process and `me` does not trap exits; if it does, it gets an
/// `Exit` message instead.
pub(crate) fn link(me: &dyn AnyPcb, pid: Pid, peer: Option<&dyn AnyPcb>) -> Result<(), NoProc> {
    let own = me.head().pid;
    if own == pid {
        return Ok(());
    }
    // Own side first: a peer that dies right after it took the link finds it here.
    let mut alive = false;
    me.control(&mut |control, _| {
        alive = control.life() != Life::Dead;
        if alive {
            control.links.insert(pid);
        }
    });
    if !alive {
        return Err(NoProc);
    }
    let mut linked = false;
    if let Some(peer) = peer {
        peer.control(&mut |control, _| {
            linked = control.life() != Life::Dead;
            if linked {
                control.links.insert(own);
            }
        });
    }
    let mut result = Ok(());
    let mut stale = false;
    me.control(&mut |control, sink| {
        if linked {
            // Somebody else used this process's handle after it ended: its half is gone.
            stale = control.life() == Life::Dead;
        } else if control.links.remove(pid) {
            if control.trap_exit {
                sink.exit(Exit { from: pid, reason: ExitReason::NoProc });
            } else {
                result = Err(NoProc);
            }
        }
    });
    if let (true, Some(peer)) = (stale, peer) {
        peer.control(&mut |control, _| {
            control.links.remove(own);
        });
        return Err(NoProc);
    }
    result
}

/// As [`link`], for a peer that is there: without a word to anybody if it is not any more.
///
/// `None` when the peer has ended, and otherwise whether there was no link before.
pub(crate) fn tie(me: &dyn AnyPcb, peer: &dyn AnyPcb) -> Option<bool> {
    let (own, pid) = (me.head().pid, peer.head().pid);
    let mut new = false;
    me.control(&mut |control, _| new = control.links.insert(pid));
    let mut tied = false;
    peer.control(&mut |control, _| {
        tied = control.life() != Life::Dead;
        if tied {
            control.links.insert(own);
        }
    });
    if new && !tied {
        me.control(&mut |control, _| {
            control.links.remove(pid);
        });
    }
    tied.then_some(new)
}

/// Undoes a link: from here on neither side's end reaches the other.
pub(crate) fn unlink(me: &dyn AnyPcb, pid: Pid, peer: Option<&dyn AnyPcb>) {
    let own = me.head().pid;
    let mut was_linked = false;
    me.control(&mut |control, _| was_linked = control.links.remove(pid));
    if let (true, Some(peer)) = (was_linked, peer) {
        peer.control(&mut |control, _| {
            control.links.remove(own);
        });
    }
}

/// Lets `me` watch `peer`, which was found under `target` or not at all.
pub(crate) fn monitor(
    me: &dyn AnyPcb,
    mref: MonitorRef,
    target: Target,
    peer: Option<&dyn AnyPcb>,
) {
    let own = me.head().pid;
    let pid = peer.map_or(Pid::OUTSIDE, |peer| peer.head().pid);
    if pid == own {
        return;
    }
    me.control(&mut |control, _| {
        if control.life() != Life::Dead {
            control.watch(mref, pid);
        }
    });
    let mut watched = false;
    if let Some(peer) = peer {
        peer.control(&mut |control, _| {
            let me = Watcher::Process { pid: own, target: target.clone() };
            watched = control.add_watcher(mref, me).is_ok();
        });
    }
    if watched {
        let mut stale = false;
        me.control(&mut |control, _| stale = control.life() == Life::Dead);
        if let (true, Some(peer)) = (stale, peer) {
            peer.control(&mut |control, _| control.remove_watcher(mref));
        }
    } else {
        me.down_signal(Down { mref, target, reason: ExitReason::NoProc });
    }
}

/// Withdraws a monitor. Says whether it was still on, that is: no DOWN was sent, and none will be.
pub(crate) fn demonitor(
    me: &dyn AnyPcb,
    mref: MonitorRef,
    find: impl Fn(Pid) -> Option<Arc<dyn AnyPcb>>,
) -> bool {
    let mut watched = None;
    me.control(&mut |control, _| watched = control.unwatch(mref));
    let Some(pid) = watched else { return false };
    if let Some(peer) = find(pid) {
        peer.control(&mut |control, _| control.remove_watcher(mref));
    }
    true
}

/// Sends an exit signal. Says what became of it; nothing, when there is no such process.
pub(crate) fn exit(from: Pid, to: Pid, reason: ExitReason) -> Verdict {
    let origin = if from == to { Origin::Oneself } else { Origin::Other };
    table::find(to).map_or(Verdict::Ignore, |pcb| pcb.exit_signal(from, reason, origin))
}

/// Tells everybody who has to know that `pid` ended.
///
/// Source: OTP `erl_process.c`, the order of `erts_continue_exit_process`: names and tables first,
/// then links and monitors.
pub(crate) fn announce(
    pid: Pid,
    reason: &ExitReason,
    estate: Estate,
    find: impl Fn(Pid) -> Option<Arc<dyn AnyPcb>>,
) {
    for peer in estate.links {
        if let Some(peer) = find(peer) {
            peer.exit_signal(pid, reason.clone(), Origin::Link);
        }
    }
    for (mref, watcher) in estate.watched_by {
        match watcher {
            Watcher::Process { pid, target } => {
                if let Some(watcher) = find(pid) {
                    watcher.down_signal(Down { mref, target, reason: reason.clone() });
                }
            }
            Watcher::Waiter(waiter) => waiter.ended(reason.clone()),
        }
    }
    for call in estate.unanswered {
        call.fail(CallError::Down(reason.clone()));
    }
    for (mref, watched) in estate.watching {
        if let Some(watched) = find(watched) {
            watched.control(&mut |control, _| control.remove_watcher(mref));
        }
    }
}
