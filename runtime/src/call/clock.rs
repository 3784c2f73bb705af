//! The time limit of a call.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::ambient;
use crate::pcb::AnyPcb;
use crate::rt::{Instant, Sleep, sleep_until, unconstrained};

/// A deadline.
///
/// All calls of a process share one alarm. One that is armed for an earlier time is left alone: it
/// wakes the process, and is set anew. As calls mostly wait for the same time and end much earlier,
/// one timer operation serves thousands.
///
/// A call that is not polled by the process itself, but by a plain task or inside of something that
/// has wakers of its own, has its own alarm.
#[derive(Debug)]
pub(super) struct Clock {
    /// `None` beyond the clock's range, which is as good as never.
    deadline: Option<Instant>,
    own: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    /// Rings this long from now.
    pub(super) fn poll_from(limit: Duration, cx: &mut Context<'_>) -> (Self, Poll<()>) {
        let now = Instant::now();
        let mut clock = Self { deadline: now.checked_add(limit), own: None };
        let rings = clock.poll_at(now, cx);
        (clock, rings)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline.is_none() {
            return Poll::Pending;
        }
        self.poll_at(Instant::now(), cx)
    }

    fn poll_at(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if now >= deadline {
            return Poll::Ready(());
        }
        if self.own.is_none() {
            let shared = ambient::is_woken_by(cx.waker())
                && ambient::with_current(|pcb| set_alarm(pcb, now, deadline, cx)).is_some();
            if shared {
                return Poll::Pending;
            }
        }
        let alarm = self.own.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        alarm.as_mut().poll(cx)
    }
}

/// Sees to it that the process is woken at `deadline`, or before.
fn set_alarm(pcb: &dyn AnyPcb, now: Instant, deadline: Instant, cx: &mut Context<'_>) {
    let head = pcb.head();
    let (now, due) = (head.system.nanos_at(now), head.system.nanos_at(deadline));
    if (now + 1..=due).contains(&head.alarm()) {
        return;
    }
    let mut kept = None;
    pcb.control(&mut |control, _| {
        kept = control.rare.as_mut().and_then(|rare| rare.alarm.take());
    });
    let mut alarm = match kept {
        Some(mut alarm) => {
            alarm.as_mut().reset(deadline);
            alarm
        }
        None => Box::pin(sleep_until(deadline)),
    };
    // Out of budget, tokio would wake the process and not set the alarm.
    if pin!(unconstrained(alarm.as_mut())).poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
    let mut kept = Some(alarm);
    pcb.control(&mut |control, _| control.rare().alarm = kept.take());
    head.set_alarm(due);
}
