//! Where an answer is put, and the three that hold it: who answers, who waits, and the server that
//! has accepted the call.

use std::task::{Poll, Waker};

use super::CallError;
use crate::ambient;
use crate::pid::Pid;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex};

#[derive(Debug)]
pub(super) enum Answer<T> {
    /// Whom to wake.
    Open(Option<Waker>),
    Given(T),
    Failed(CallError),
    /// Taken, or nobody waits any more.
    Closed,
}

/// Where the answer is put.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    /// Cleared under the lock, for good; read without it.
    open: AtomicBool,
    answer: Mutex<Answer<T>>,
    pub(super) server: Pid,
    pub(super) caller: Pid,
}

impl<T> Slot<T> {
    pub(super) fn new(server: Pid, caller: Pid) -> Self {
        let answer = Mutex::new(Answer::Open(None));
        Self { open: AtomicBool::new(true), answer, server, caller }
    }

    /// Answers, unless there is an answer or nobody waits for it.
    ///
    /// What comes too late is handed back, so that it is dropped with no lock held.
    pub(super) fn resolve(&self, with: Answer<T>) -> Result<(), Answer<T>> {
        let open = {
            let mut answer = self.answer.lock();
            if !matches!(*answer, Answer::Open(_)) {
                return Err(with);
            }
            self.open.store(false, Ordering::Release);
            std::mem::replace(&mut *answer, with)
        };
        if let Answer::Open(Some(waker)) = open {
            waker.wake();
        }
        Ok(())
    }
}

/// A slot whose answer's type is not known.
pub(crate) trait AnySlot: Send + Sync {
    /// Answers with an error, unless there is an answer.
    fn fail(&self, error: CallError);
    /// Whether somebody waits.
    fn is_open(&self) -> bool;
    /// Who asks.
    fn caller(&self) -> Pid;
    /// Who is asked.
    fn server(&self) -> Pid;
}

impl<T: Send> AnySlot for Slot<T> {
    fn fail(&self, error: CallError) {
        drop(self.resolve(Answer::Failed(error)));
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    fn caller(&self) -> Pid {
        self.caller
    }

    fn server(&self) -> Pid {
        self.server
    }
}

/// A call that the server has accepted and not answered: in its mailbox, in its callback, or put
/// off.
///
/// Wherever it is when the server ends, it is dropped then, in the server's process, and answered
/// with the server's reason.
pub(crate) struct Pending(pub(super) Arc<dyn AnySlot>);

impl Pending {
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    pub(crate) fn caller(&self) -> Pid {
        self.0.caller()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.0.is_open() && ambient::current_pid() == self.0.server() {
            leave_unanswered(self.0.clone());
        }
    }
}

/// Whether the current process, which is the server, goes on or ends is not known yet: decided when
/// its callback ends, or by its end.
pub(super) fn leave_unanswered(slot: Arc<dyn AnySlot>) {
    let mut slot = Some(slot);
    ambient::with_current(|pcb| {
        pcb.control(&mut |control, _| control.rare().unanswered.extend(slot.take()));
        pcb.head().note_unanswered();
    });
}

/// The caller's end of a call.
#[derive(Debug)]
pub(crate) struct Answering<T> {
    slot: Arc<Slot<T>>,
    taken: bool,
}

impl<T> Answering<T> {
    pub(super) fn new(slot: Arc<Slot<T>>) -> Self {
        Self { slot, taken: false }
    }

    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<Result<T, CallError>> {
        let mut answer = self.slot.answer.lock();
        if let Answer::Open(known) = &mut *answer {
            let replaced = match known {
                Some(known) if known.will_wake(waker) => None,
                other => other.replace(waker.clone()),
            };
            drop(answer);
            // Foreign code: not under the lock.
            drop(replaced);
            return Poll::Pending;
        }
        let taken = std::mem::replace(&mut *answer, Answer::Closed);
        drop(answer);
        self.taken = true;
        match taken {
            Answer::Given(value) => Poll::Ready(Ok(value)),
            Answer::Failed(error) => Poll::Ready(Err(error)),
            Answer::Open(_) | Answer::Closed => Poll::Pending,
        }
    }
}

impl<T> Drop for Answering<T> {
    /// A late answer finds nobody.
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let late = {
            let mut answer = self.slot.answer.lock();
            self.slot.open.store(false, Ordering::Release);
            std::mem::replace(&mut *answer, Answer::Closed)
        };
        drop(late);
    }
}

#[cfg(all(test, otp_loom))]
mod loom_tests {
    use loom::model;
    use loom::thread;

    use super::*;
    use crate::loom_tests::Count;

    fn slot() -> Arc<Slot<u32>> {
        Arc::new(Slot::new(Pid::new(1, 1), Pid::OUTSIDE))
    }

    #[test]
    fn an_answer_is_there_or_wakes_the_caller() {
        model(|| {
            let slot = slot();
            let mut answering = Answering::new(slot.clone());
            let thread = thread::spawn(move || assert!(slot.resolve(Answer::Given(1)).is_ok()));
            let (count, waker) = Count::new();
            let first = answering.poll(&waker);
            thread.join().expect("an answer does not panic");
            if first.is_pending() {
                assert_eq!(count.get(), 1, "it was answered and nobody was told");
                assert_eq!(answering.poll(&waker), Poll::Ready(Ok(1)));
            } else {
                assert_eq!(first, Poll::Ready(Ok(1)));
            }
        });
    }

    #[test]
    fn of_an_answer_and_the_servers_end_one_is_seen() {
        model(|| {
            let slot = slot();
            let mut answering = Answering::new(slot.clone());
            let answers = slot.clone();
            let thread = thread::spawn(move || answers.resolve(Answer::Given(1)).is_ok());
            slot.fail(CallError::NoProc);
            let given = thread.join().expect("an answer does not panic");
            assert!(!slot.is_open());
            let expected = if given { Ok(1) } else { Err(CallError::NoProc) };
            assert_eq!(answering.poll(Waker::noop()), Poll::Ready(expected));
        });
    }

    #[test]
    fn an_answer_that_comes_when_the_caller_gives_up_is_handed_back_or_dropped() {
        model(|| {
            let slot = slot();
            let answering = Answering::new(slot.clone());
            let thread = thread::spawn(move || drop(answering));
            let late = slot.resolve(Answer::Given(1));
            thread.join().expect("giving up does not panic");
            assert!(late.is_ok() || matches!(late, Err(Answer::Given(1))));
            assert!(!slot.is_open());
        });
    }
}
