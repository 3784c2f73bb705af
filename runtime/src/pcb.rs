//! The control block of one process: everything about it, under one lock.
//!
//! A [`Pcb`] knows its mailbox, its relations and whether it lives; it knows no other process and
//! no engine.
//! What concerns two processes is in [`relations`](crate::relations), which never holds two locks
//! at once.

use std::any::Any;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Weak;
use std::task::Waker;

use indexmap::{IndexMap, IndexSet};

use crate::call::AnySlot;
use crate::exit_reason::ExitReason;
use crate::join::Waiter;
use crate::message::{AnyMessage, Down, Exit, Message, Target, TimerCancelled};
use crate::pid::{MonitorRef, Pid};
use crate::rt::Sleep;
use crate::signal::{Origin, Verdict, on_exit};
use crate::supervisor::ledger::Ledger;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};
use crate::system::SystemInner;

/// How far a process is on its way to the end. Changes under the lock, is read anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    /// It runs.
    Running,
    /// A signal, or its own end, has decided that it ends; it takes no more messages.
    Doomed,
    /// It is gone: no name, no links, no monitors.
    Dead,
}

/// The end that a signal has decided.
#[derive(Debug)]
pub(crate) struct Doom {
    pub(crate) reason: ExitReason,
    /// Who sent the signal.
    pub(crate) by: Pid,
}

/// Who learns of the end of a process.
#[derive(Debug)]
pub(crate) enum Watcher {
    /// A process with a monitor; what it named.
    Process { pid: Pid, target: Target },
    /// Somebody who waits, inside or outside of a process.
    Waiter(Waiter),
}

/// The linked processes. Most have one link, a supervisor has many.
#[derive(Debug, Default)]
pub(crate) enum Links {
    #[default]
    None,
    One(Pid),
    Many(Box<IndexSet<Pid>>),
}

impl Links {
    /// Adds a link; says whether it is new.
    pub(crate) fn insert(&mut self, pid: Pid) -> bool {
        match self {
            Self::None => *self = Self::One(pid),
            Self::One(only) if *only == pid => return false,
            Self::One(only) => *self = Self::Many(Box::new(IndexSet::from([*only, pid]))),
            Self::Many(many) => return many.insert(pid),
        }
        true
    }

    /// Removes a link in constant time; says whether it was there.
    pub(crate) fn remove(&mut self, pid: Pid) -> bool {
        match self {
            Self::One(only) if *only == pid => {
                *self = Self::None;
                true
            }
            Self::None | Self::One(_) => false,
            Self::Many(many) => {
                let removed = many.swap_remove(&pid);
                if many.is_empty() {
                    *self = Self::None;
                }
                removed
            }
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<Pid> {
        match self {
            Self::None => Vec::new(),
            Self::One(only) => vec![*only],
            Self::Many(many) => many.iter().copied().collect(),
        }
    }
}

/// What a process has somewhere else, and what goes with it: its entries in a registry.
pub(crate) trait Held: Send + Sync {
    /// The process ends. Called as the process, with no lock held, before anybody learns of it; what
    /// a `Drop` of the user's raises may go through.
    fn owner_ended(&self, owner: &dyn AnyPcb);
}

/// Lets the end of a process reach what is held for it. Whether the process has an end before it:
/// not when that is decided already.
pub(crate) fn hold(owner: &dyn AnyPcb, held: Weak<dyn Held>) -> bool {
    let mut new = Some(held);
    let mut runs = false;
    owner.control(&mut |control, _| {
        runs = control.life() == Life::Running;
        let held = &mut control.rare().held;
        if let Some(new) = new.take_if(|new| runs && !held.iter().any(|it| it.ptr_eq(new))) {
            held.retain(|held| held.strong_count() > 0);
            held.push(new);
        }
    });
    runs
}

/// What few processes have.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) label: Option<Arc<str>>,
    /// Its crash is somebody's result, and is not reported.
    pub(crate) quiet: bool,
    /// Calls whose reply was dropped: answered when it is known whether the server goes on.
    pub(crate) unanswered: Vec<Arc<dyn AnySlot>>,
    /// The children, if it is a supervisor, for whoever draws a tree.
    pub(crate) ledger: Option<Box<Ledger>>,
    /// Who else holds something for this process, and lets go of it when it ends.
    pub(crate) held: Vec<Weak<dyn Held>>,
    /// The alarm that the calls of this process share.
    pub(crate) alarm: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for Rare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rare")
            .field("name", &self.name)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// The part of a process's state that does not depend on the type of its messages.
#[derive(Debug)]
pub(crate) struct Control {
    life: Life,
    pub(crate) trap_exit: bool,
    wake_receiver: bool,
    wake_task: bool,
    doom: Option<Box<Doom>>,
    pub(crate) links: Links,
    /// The processes that this one monitors.
    pub(crate) watching: Option<Box<IndexMap<MonitorRef, Pid>>>,
    /// Those who learn of this one's end.
    pub(crate) watched_by: Option<Box<IndexMap<MonitorRef, Watcher>>>,
    pub(crate) rare: Option<Box<Rare>>,
    /// Wakes the process, whatever it waits for.
    task: Option<Waker>,
    /// Wakes the receive that waits for a message.
    receiver: Option<Waker>,
}

impl Control {
    fn new() -> Self {
        Self {
            life: Life::Running,
            trap_exit: false,
            wake_receiver: false,
            wake_task: false,
            doom: None,
            links: Links::None,
            watching: None,
            watched_by: None,
            rare: None,
            task: None,
            receiver: None,
        }
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    /// Leaves the waker of a receive behind. The one that it replaces is dropped by the caller, after
    /// the lock is free: with it may go the last hold on a future of the user's.
    #[must_use]
    fn park(&mut self, waker: &Waker) -> Option<Waker> {
        match &self.receiver {
            Some(old) if old.will_wake(waker) => None,
            _ => self.receiver.replace(waker.clone()),
        }
    }

    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn take_unanswered(&mut self) -> Vec<Arc<dyn AnySlot>> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.unanswered)).unwrap_or_default()
    }

    pub(crate) fn label(&self) -> Option<Arc<str>> {
        self.rare.as_ref()?.label.clone()
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.rare.as_ref()?.name.clone()
    }

    /// Begins to watch `pid` under `mref`.
    pub(crate) fn watch(&mut self, mref: MonitorRef, pid: Pid) {
        self.watching.get_or_insert_default().insert(mref, pid);
    }

    /// Ends a watch; the watched pid, if the watch was on.
    pub(crate) fn unwatch(&mut self, mref: MonitorRef) -> Option<Pid> {
        let watching = self.watching.as_mut()?;
        let pid = watching.swap_remove(&mref);
        if watching.is_empty() {
            self.watching = None;
        }
        pid
    }

    /// Lets somebody learn of this process's end.
    ///
    /// # Errors
    /// Hands the watcher back when the process has ended already.
    pub(crate) fn add_watcher(
        &mut self,
        mref: MonitorRef,
        watcher: Watcher,
    ) -> Result<(), Watcher> {
        if self.life == Life::Dead {
            return Err(watcher);
        }
        self.watched_by.get_or_insert_default().insert(mref, watcher);
        Ok(())
    }

    pub(crate) fn remove_watcher(&mut self, mref: MonitorRef) {
        if let Some(watched_by) = self.watched_by.as_mut() {
            watched_by.swap_remove(&mref);
            if watched_by.is_empty() {
                self.watched_by = None;
            }
        }
    }
}

/// What a process leaves behind.
#[derive(Default)]
pub(crate) struct Estate {
    pub(crate) links: Vec<Pid>,
    pub(crate) watching: Vec<(MonitorRef, Pid)>,
    pub(crate) watched_by: Vec<(MonitorRef, Watcher)>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) unanswered: Vec<Arc<dyn AnySlot>>,
}

/// The mailbox proper: the first message inline, since most queues are that long.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    first: Option<Message<M>>,
    rest: VecDeque<Message<M>>,
}

impl<M> Inbox<M> {
    const fn new() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }

    fn push(&mut self, message: Message<M>) {
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(message);
        } else {
            self.rest.push_back(message);
        }
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }
}

/// Takes the signals that become messages, whatever the type of the other messages.
pub(crate) trait SignalSink {
    fn exit(&mut self, exit: Exit);
    fn down(&mut self, down: Down);
    fn timer_cancelled(&mut self, answer: TimerCancelled);
}

impl<M> SignalSink for Inbox<M> {
    fn exit(&mut self, exit: Exit) {
        self.push(Message::Exit(Box::new(exit)));
    }

    fn down(&mut self, down: Down) {
        self.push(Message::Down(Box::new(down)));
    }

    fn timer_cancelled(&mut self, answer: TimerCancelled) {
        self.push(Message::TimerCancelled(Box::new(answer)));
    }
}

#[derive(Debug)]
struct State<M> {
    control: Control,
    inbox: Inbox<M>,
}

/// What never changes about a process, and what is read without its lock.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) pid: Pid,
    /// The how-manieth process of its system this is: the same in every run, unlike the pid.
    pub(crate) serial: u64,
    pub(crate) parent: Pid,
    pub(crate) system: Arc<SystemInner>,
    life: AtomicU8,
    /// Whether a call may have been left unanswered since the last look. The process's own, so no
    /// order is needed.
    unanswered: AtomicBool,
    /// Whether it is a server whose `init` is done.
    up: AtomicBool,
    /// Messages that the receiver has taken out of the inbox and not yet looked at.
    held: AtomicUsize,
    /// For when the alarm of its calls was set last, in nanoseconds of its system. Its own as well.
    alarm: AtomicU64,
}

impl Head {
    pub(crate) fn new(pid: Pid, serial: u64, parent: Pid, system: Arc<SystemInner>) -> Self {
        Self {
            pid,
            serial,
            parent,
            system,
            life: AtomicU8::new(Life::Running as u8),
            unanswered: AtomicBool::new(false),
            up: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            alarm: AtomicU64::new(0),
        }
    }

    pub(crate) fn life(&self) -> Life {
        match self.life.load(Ordering::Acquire) {
            0 => Life::Running,
            1 => Life::Doomed,
            _ => Life::Dead,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(crate) fn set_up(&self) {
        self.up.store(true, Ordering::Release);
    }

    pub(crate) fn hold(&self, messages: usize) {
        self.held.store(messages, Ordering::Relaxed);
    }

    /// The process has left a call unanswered.
    pub(crate) fn note_unanswered(&self) {
        self.unanswered.store(true, Ordering::Relaxed);
    }

    /// Whether there may be unanswered calls in the control block; forgets it.
    pub(crate) fn take_unanswered(&self) -> bool {
        let noted = self.unanswered.load(Ordering::Relaxed);
        if noted {
            self.unanswered.store(false, Ordering::Relaxed);
        }
        noted
    }

    pub(crate) fn alarm(&self) -> u64 {
        self.alarm.load(Ordering::Relaxed)
    }

    pub(crate) fn set_alarm(&self, due: u64) {
        self.alarm.store(due, Ordering::Relaxed);
    }

    fn set_life(&self, control: &mut Control, life: Life) {
        control.life = life;
        self.life.store(life as u8, Ordering::Release);
    }
}

/// The control block of a process that receives messages of type `M`.
#[derive(Debug)]
pub(crate) struct Pcb<M> {
    pub(crate) head: Head,
    state: Mutex<State<M>>,
}

impl<M> Pcb<M> {
    pub(crate) fn new(head: Head) -> Self {
        Self { head, state: Mutex::new(State { control: Control::new(), inbox: Inbox::new() }) }
    }

    /// Works on the process's state under its lock, and wakes it afterwards if there is a reason.
    fn with<R>(&self, work: impl FnOnce(&mut Control, &mut Inbox<M>) -> R) -> R {
        let (result, wakers) = {
            let mut state = self.state.lock();
            let State { control, inbox } = &mut *state;
            let result = work(control, inbox);
            let receiver = std::mem::take(&mut control.wake_receiver)
                .then(|| control.receiver.take())
                .flatten();
            let task =
                std::mem::take(&mut control.wake_task).then(|| control.task.clone()).flatten();
            (result, (receiver, task))
        };
        // A waker is foreign code: it runs after the lock is free.
        let (receiver, task) = wakers;
        if let Some(waker) = receiver {
            waker.wake();
        }
        if let Some(waker) = task {
            waker.wake();
        }
        result
    }

    /// Appends a message.
    ///
    /// # Errors
    /// Hands it back when the process has ended, or is about to.
    pub(crate) fn push(&self, message: Message<M>) -> Result<(), Message<M>> {
        let receiver = {
            let mut state = self.state.lock();
            if state.control.life != Life::Running {
                return Err(message);
            }
            state.inbox.push(message);
            state.control.receiver.take()
        };
        if let Some(waker) = receiver {
            waker.wake();
        }
        Ok(())
    }

    /// Takes everything out of the inbox, or leaves the waker there.
    ///
    /// `batch`, which must be empty, gets what is behind the first message. Without a waker nothing
    /// is left behind: the caller looks again.
    pub(crate) fn take(
        &self,
        batch: &mut VecDeque<Message<M>>,
        waker: Option<&Waker>,
    ) -> Option<Message<M>> {
        debug_assert!(batch.is_empty());
        let mut state = self.state.lock();
        let State { control, inbox } = &mut *state;
        if !inbox.rest.is_empty() {
            std::mem::swap(&mut inbox.rest, batch);
        }
        let first = inbox.first.take().or_else(|| batch.pop_front());
        if first.is_none() {
            let replaced = waker.and_then(|waker| control.park(waker));
            drop(state);
            drop(replaced);
        }
        first
    }

    /// Puts messages that were taken and not received back to the front of the inbox.
    pub(crate) fn give_back(&self, mut batch: VecDeque<Message<M>>) {
        let mut state = self.state.lock();
        let inbox = &mut state.inbox;
        batch.extend(inbox.first.take());
        batch.append(&mut inbox.rest);
        inbox.rest = batch;
    }

    /// Removes the message that `matches`, wherever it stands in the inbox.
    pub(crate) fn remove(&self, matches: impl Fn(&Message<M>) -> bool) -> Option<Message<M>> {
        let mut state = self.state.lock();
        let inbox = &mut state.inbox;
        if inbox.first.as_ref().is_some_and(&matches) {
            return inbox.first.take();
        }
        let at = inbox.rest.iter().position(matches)?;
        inbox.rest.remove(at)
    }
}

/// A control block whose message type is not known: what tables and relations work with.
pub(crate) trait AnyPcb: Any + Send + Sync {
    fn head(&self) -> &Head;

    /// Works on the state under the lock; wakes the process afterwards if there is a reason.
    fn control(&self, work: &mut dyn FnMut(&mut Control, &mut dyn SignalSink));

    /// An exit signal arrives. Says what became of it.
    fn exit_signal(&self, from: Pid, reason: ExitReason, origin: Origin) -> Verdict;

    /// A monitored process has ended.
    fn down_signal(&self, down: Down);

    /// Delivers the value in `message`, which is an `Option<T>` of the sender's type, if `T` is
    /// this process's type; otherwise leaves it there and says `false`.
    fn push_any(&self, message: &mut dyn Any) -> bool;

    /// Delivers a message of another type.
    fn push_unknown(&self, message: AnyMessage);

    /// The messages that were not received yet.
    fn queue_len(&self) -> usize;

    /// Remembers how to wake the process.
    fn set_task(&self, waker: &Waker);

    /// First step of the end: takes no more messages. The reason and sender of the signal that
    /// decided it, if one did, whether there are undelivered messages, and what is held elsewhere.
    fn close(&self) -> (Option<Doom>, bool, Vec<Weak<dyn Held>>);

    /// Whether there are messages in the inbox.
    fn has_undelivered(&self) -> bool;

    /// Drops the oldest undelivered message: one at a time, because its `Drop` is the user's and
    /// may panic.
    fn drop_one(&self);

    /// Last step of the end: from here on nobody finds it alive.
    fn bury(&self) -> Estate;
}

impl<M: Send + 'static> AnyPcb for Pcb<M> {
    fn head(&self) -> &Head {
        &self.head
    }

    fn control(&self, work: &mut dyn FnMut(&mut Control, &mut dyn SignalSink)) {
        self.with(|control, inbox| {
            let before = inbox.len();
            work(control, inbox);
            control.wake_receiver |= inbox.len() > before;
        });
    }

    fn exit_signal(&self, from: Pid, reason: ExitReason, origin: Origin) -> Verdict {
        // Out here, so that a reason that comes too late is dropped after the lock is free.
        let mut reason = Some(reason);
        self.with(|control, inbox| {
            // A link that was undone in the meantime carries no signal.
            let delivered = match origin {
                Origin::Link => control.links.remove(from),
                Origin::Other | Origin::Oneself => true,
            };
            if !delivered || control.life != Life::Running {
                return Verdict::Ignore;
            }
            let Some(reason) = reason.take() else { return Verdict::Ignore };
            let verdict = on_exit(reason, origin, control.trap_exit);
            match &verdict {
                Verdict::Ignore => {}
                Verdict::Message(reason) => {
                    inbox.exit(Exit { from, reason: reason.clone() });
                    control.wake_receiver = true;
                }
                Verdict::Die(reason) => {
                    control.doom = Some(Box::new(Doom { reason: reason.clone(), by: from }));
                    self.head.set_life(control, Life::Doomed);
                    control.wake_task = true;
                }
            }
            verdict
        })
    }

    fn down_signal(&self, down: Down) {
        let (mref, mut down) = (down.mref, Some(down));
        self.with(|control, inbox| {
            if control.unwatch(mref).is_some()
                && control.life == Life::Running
                && let Some(down) = down.take()
            {
                inbox.down(down);
                control.wake_receiver = true;
            }
        });
    }

    fn push_any(&self, message: &mut dyn Any) -> bool {
        let Some(message) = message.downcast_mut::<Option<M>>() else { return false };
        if let Some(message) = message.take() {
            drop(self.push(Message::User(message)));
        }
        true
    }

    fn push_unknown(&self, message: AnyMessage) {
        drop(self.push(Message::Unknown(Box::new(message))));
    }

    fn queue_len(&self) -> usize {
        self.state.lock().inbox.len() + self.head.held.load(Ordering::Relaxed)
    }

    fn set_task(&self, waker: &Waker) {
        let replaced = self.state.lock().control.task.replace(waker.clone());
        drop(replaced);
    }

    fn close(&self) -> (Option<Doom>, bool, Vec<Weak<dyn Held>>) {
        self.with(|control, inbox| {
            if control.life == Life::Running {
                self.head.set_life(control, Life::Doomed);
            }
            let held = control.rare.as_mut().map(|rare| std::mem::take(&mut rare.held));
            (control.doom.take().map(|doom| *doom), inbox.len() > 0, held.unwrap_or_default())
        })
    }

    fn has_undelivered(&self) -> bool {
        self.state.lock().inbox.len() > 0
    }

    fn drop_one(&self) {
        let message = {
            let inbox = &mut self.state.lock().inbox;
            inbox.first.take().or_else(|| inbox.rest.pop_front())
        };
        drop(message);
    }

    fn bury(&self) -> Estate {
        let mut state = self.state.lock();
        let control = &mut state.control;
        self.head.set_life(control, Life::Dead);
        let mut watched_by: Vec<_> =
            control.watched_by.take().map(|map| map.into_iter().collect()).unwrap_or_default();
        // The order in which the monitors were made, whatever was removed in between.
        watched_by.sort_by_key(|(mref, _)| *mref);
        let estate = Estate {
            links: std::mem::take(&mut control.links).to_vec(),
            watching: control
                .watching
                .take()
                .map(|map| map.into_iter().collect())
                .unwrap_or_default(),
            watched_by,
            name: control.name(),
            unanswered: control.take_unanswered(),
        };
        // Wakers and late messages are foreign: they are dropped after the lock is free.
        let wakers = (control.task.take(), control.receiver.take());
        let alarm = control.rare.as_mut().and_then(|rare| rare.alarm.take());
        let late = std::mem::replace(&mut state.inbox, Inbox::new());
        drop(state);
        drop((wakers, alarm, late));
        estate
    }
}
