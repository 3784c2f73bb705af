//! The life of one process, from its first turn to the news of its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::ambient::{Payload, Turn, catch, discard, panic_info};
use crate::attempt::Unwind;
use crate::exit_reason::{ExitReason, NoCatch, Outcome};
use crate::pcb::{AnyPcb, Life};
use crate::pid::Pid;
use crate::process::{IntoBody, Process};
use crate::relations;
use crate::report;
use crate::sync::Arc;
use crate::table;
use crate::trace::{Subject, What};

pin_project! {
    /// The future that an engine polls: one process.
    ///
    /// A turn looks first whether a signal has decided the end; if not, it polls the body with the
    /// process as the current one. However the body ends, the end is the same few steps.
    pub(crate) struct Driver<K, B: IntoBody<K>> {
        pcb: Option<Arc<dyn AnyPcb>>,
        // Whether the control block knows how to wake it. An engine wakes a process through one and
        // the same task for its whole life.
        known: bool,
        #[pin]
        stage: Stage<B, B::Future, B::Message>,
    }

    impl<K, B: IntoBody<K>> PinnedDrop for Driver<K, B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The engine went down, or the runtime did, before the process came to its end.
            if let Some(pcb) = this.pcb.take() {
                finish(pcb, ExitReason::Killed, Pid::OUTSIDE, || this.stage.set(Stage::Gone));
            }
        }
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<B, F, M> {
        Begin { begin: Option<(B, Process<M>)> },
        Run { #[pin] body: F },
        Gone,
    }
}

impl<K, B: IntoBody<K>> Driver<K, B> {
    pub(crate) fn new(pcb: Arc<dyn AnyPcb>, body: B, process: Process<B::Message>) -> Self {
        Self { pcb: Some(pcb), known: false, stage: Stage::Begin { begin: Some((body, process)) } }
    }
}

impl<K, B: IntoBody<K>> Future for Driver<K, B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(mut pcb) = this.pcb.take() else { return Poll::Ready(()) };
        let mut own = ExitReason::Killed;
        if pcb.head().life() == Life::Running {
            let budget = pcb.head().system.engine.turn_budget();
            let turn = Turn::enter(pcb, budget, Some(cx.waker()));
            let result = catch(|| {
                if let StageProjection::Begin { begin } = this.stage.as_mut().project()
                    && let Some((body, process)) = begin.take()
                {
                    let body = body.into_body(process);
                    this.stage.set(Stage::Run { body });
                }
                match this.stage.as_mut().project() {
                    StageProjection::Run { body } => body.poll(cx).map(Outcome::into_exit_reason),
                    StageProjection::Begin { .. } | StageProjection::Gone => {
                        Poll::Ready(ExitReason::Normal)
                    }
                }
            });
            let Some(left) = turn.leave() else { return Poll::Ready(()) };
            pcb = left;
            match result {
                Ok(Poll::Pending) => {
                    // Before the last look at its life: a signal that comes later finds the waker,
                    // one that came earlier is seen. Who ends in the first turn needs none.
                    if !std::mem::replace(this.known, true) {
                        pcb.set_task(cx.waker());
                    }
                    if pcb.head().life() == Life::Running {
                        *this.pcb = Some(pcb);
                        return Poll::Pending;
                    }
                }
                Ok(Poll::Ready(reason)) => own = reason,
                Err(payload) => own = reason_of(payload),
            }
        }
        let by = pcb.head().pid;
        finish(pcb, own, by, || this.stage.set(Stage::Gone));
        Poll::Ready(())
    }
}

/// The exit reason of a body that ended by unwinding.
pub(crate) fn reason_of(payload: Payload) -> ExitReason {
    match payload.downcast::<Unwind>() {
        Ok(unwind) => match *unwind {
            Unwind::Exit(reason) => reason,
            Unwind::Throw(term) => ExitReason::other(NoCatch(term)),
            Unwind::Raise(error) => ExitReason::error(error),
            Unwind::Panic(info) => ExitReason::Panic(info),
            // The control block knows why.
            Unwind::Doomed => ExitReason::Killed,
        },
        Err(payload) => ExitReason::Panic(Arc::new(panic_info(payload))),
    }
}

/// Runs a piece of the user's code, as the process, that has no business panicking; gives the
/// control block back, and the panic if it does.
fn guarded(
    pcb: Arc<dyn AnyPcb>,
    work: impl FnOnce(),
) -> (Option<Arc<dyn AnyPcb>>, Option<ExitReason>) {
    let turn = Turn::enter(pcb, 0, None);
    let unwound = catch(work).err();
    let pcb = turn.leave();
    // A signal to itself is not this code's doing: the control block has it.
    let doomed = |payload: &Payload| matches!(payload.downcast_ref(), Some(Unwind::Doomed));
    (pcb, unwound.filter(|payload| !doomed(payload)).map(reason_of))
}

/// Whether a panic on the way out becomes the reason in the place of this one.
pub(crate) fn yields_to_panic(reason: &ExitReason) -> bool {
    !matches!(reason, ExitReason::Killed | ExitReason::Panic(_) | ExitReason::Error(_))
}

/// Why a process ended, and whose doing it was.
struct End {
    reason: ExitReason,
    by: Pid,
}

impl End {
    /// Something of the process's own panicked on the way out. That becomes the reason, as an error
    /// in a `terminate` callback does; but a killed process stays killed, and a crash keeps its
    /// first cause.
    fn worsen(&mut self, pid: Pid, panic: Option<ExitReason>) {
        if let (Some(reason), true) = (panic, yields_to_panic(&self.reason)) {
            *self = Self { reason, by: pid };
        }
    }
}

/// The end of a process: what it held is dropped, then its name, then the news goes out.
fn finish(pcb: Arc<dyn AnyPcb>, reason: ExitReason, by: Pid, drop_body: impl FnOnce()) {
    let pid = pcb.head().pid;
    let mut end = End { reason, by };
    let (Some(pcb), dropped) = guarded(pcb, drop_body) else { return };
    // Only for the report: it counts what is dropped below.
    let unread = if report::is_due(&end.reason) { pcb.queue_len() } else { 0 };
    let (doom, mut undelivered, held) = pcb.close();
    if let Some(doom) = doom {
        end = End { reason: doom.reason, by: doom.by };
    }
    end.worsen(pid, dropped);
    while undelivered {
        let (_, panic) = guarded(pcb.clone(), || pcb.drop_one());
        end.worsen(pid, panic);
        undelivered = pcb.has_undelivered();
    }
    for held in held.iter().filter_map(Weak::upgrade) {
        let owner = &*pcb;
        // By value: it may be the last reference to what it refers to.
        let (_, panic) = guarded(pcb.clone(), move || held.owner_ended(owner));
        end.worsen(pid, panic);
    }
    let system = &pcb.head().system;
    if system.trace.is_on() {
        let subject = Subject::of(&*pcb);
        let event = What::Exited { reason: end.reason.clone(), by: end.by };
        let (_, panic) = guarded(pcb.clone(), || system.emit(subject, event));
        end.worsen(pid, panic);
    }
    if report::is_due(&end.reason) {
        // Says the user's error in words, which may panic as well; then it goes unsaid.
        let _ = guarded(pcb.clone(), || report::crash(&*pcb, &end.reason, unread));
    }
    let estate = pcb.bury();
    system.names.forget(estate.name.as_ref(), pid);
    table::release(pid);
    // Before the news: who waits for the end finds it counted.
    system.process_ended();
    relations::announce(pid, &end.reason, estate, table::find);
    // Perhaps the last to hold the reason, whose term is the user's.
    if let Err(payload) = catch(|| drop(end)) {
        discard(payload);
    }
}
