//! Every interleaving of the steps that decide about a process, tried by loom.
//!
//! Runs with `--cfg otp_loom`; see CONTRIBUTING.md. What is tried are the control block and the
//! protocols of [`relations`](crate::relations), with threads in the place of processes.

use std::any::TypeId;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::OnceLock;
use std::task::{Poll, Wake, Waker};

use loom::future::block_on;
use loom::model;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::arrivals::Arrivals;
use crate::exit_reason::ExitReason;
use crate::join::Waiter;
use crate::message::{Message, Target};
use crate::pcb::{AnyPcb, Head, Life, Pcb, Watcher};
use crate::pid::{MonitorRef, Pid};
use crate::relations::{announce, demonitor, link, monitor, unlink};
use crate::rt::{Engine, Handle};
use crate::signal::Origin;
use crate::sync::Arc;
use crate::system::SystemInner;

/// How often a waker was called.
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self(AtomicUsize::new(0)));
        (count.clone(), Waker::from(count))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A process on paper: never run, but sent to, linked and ended.
type Paper = Arc<Pcb<u32>>;

fn handle() -> Handle {
    static TOKIO: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let tokio = TOKIO.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread().build().expect("tokio makes a runtime")
    });
    tokio.handle().clone()
}

fn papers<const N: usize>() -> [Paper; N] {
    let system = SystemInner::new(Engine::Tasks, handle());
    std::array::from_fn(|at| {
        let serial = at as u64 + 1;
        Arc::new(Pcb::new(Head::new(Pid::new(serial, 1), serial, Pid::OUTSIDE, system.clone())))
    })
}

fn pid(paper: &Paper) -> Pid {
    paper.head.pid
}

/// The steps of a process's end, in the order of the driver.
fn end(paper: &Paper, reason: &ExitReason, others: &[Paper]) {
    let (doom, ..) = paper.close();
    let reason = doom.map_or_else(|| reason.clone(), |doom| doom.reason);
    while paper.has_undelivered() {
        paper.drop_one();
    }
    let estate = paper.bury();
    announce(pid(paper), &reason, estate, |wanted| {
        let other = others.iter().find(|other| pid(other) == wanted)?;
        Some(other.clone() as Arc<dyn AnyPcb>)
    });
}

fn links(paper: &Paper) -> Vec<Pid> {
    let mut links = Vec::new();
    paper.control(&mut |control, _| links = control.links.to_vec());
    links
}

/// The reason of the signal that doomed it, if one did.
fn doom(paper: &Paper) -> Option<ExitReason> {
    (paper.head.life() == Life::Doomed).then(|| paper.close().0.map(|doom| doom.reason)).flatten()
}

/// The kinds of the messages in the mailbox.
fn mailbox(paper: &Paper) -> Vec<String> {
    let mut found = Vec::new();
    let mut batch = VecDeque::new();
    loop {
        match paper.take(&mut batch, None) {
            Some(message) => {
                for message in std::iter::once(message).chain(batch.drain(..)) {
                    found.push(match message {
                        Message::User(n) => n.to_string(),
                        Message::Exit(exit) => format!("exit {}", exit.reason),
                        Message::Down(down) => format!("down {}", down.reason),
                        _ => "other".to_owned(),
                    });
                }
            }
            None => return found,
        }
    }
}

/// The next message, waiting as a process does: woken for messages and for its doom.
fn receive(paper: &Paper) -> Option<u32> {
    let mut batch = VecDeque::new();
    let mut waiting = VecDeque::new();
    block_on(poll_fn(|cx| {
        paper.set_task(cx.waker());
        if paper.head.life() != Life::Running {
            return Poll::Ready(None);
        }
        if let Some(message) = waiting.pop_front() {
            return Poll::Ready(Some(message));
        }
        match paper.take(&mut batch, Some(cx.waker())) {
            Some(Message::User(n)) => {
                waiting.append(&mut batch);
                assert!(waiting.is_empty(), "this model sends one message at a time");
                Poll::Ready(Some(Message::User(n)))
            }
            Some(_) => unreachable!("only numbers are sent"),
            None => Poll::Pending,
        }
    }))
    .map(|message| message.into_user().expect("only numbers are sent"))
}

#[test]
fn a_message_wakes_a_receiver_that_is_about_to_sleep() {
    model(|| {
        let [server] = papers();
        let sender = server.clone();
        let thread = thread::spawn(move || {
            assert!(sender.push(Message::User(1)).is_ok());
        });
        assert_eq!(receive(&server), Some(1));
        thread.join().expect("the sender does not panic");
    });
}

#[test]
fn two_senders_lose_no_message_and_each_keeps_its_order() {
    model(|| {
        let [server] = papers();
        let threads = [10, 20].map(|base| {
            let sender = server.clone();
            thread::spawn(move || {
                for n in [base, base + 1] {
                    assert!(sender.push(Message::User(n)).is_ok());
                }
            })
        });
        for thread in threads {
            thread.join().expect("a sender does not panic");
        }
        let got = mailbox(&server);
        assert_eq!(got.len(), 4);
        for base in ["10", "20"] {
            let at = |n: &str| got.iter().position(|own| own == n).expect("it was sent");
            let next = (base.parse::<u32>().expect("a number") + 1).to_string();
            assert!(at(base) < at(&next));
        }
    });
}

#[test]
fn a_kill_wakes_a_receiver_that_is_about_to_sleep() {
    model(|| {
        let [server] = papers();
        let killed = server.clone();
        let thread = thread::spawn(move || {
            killed.exit_signal(Pid::OUTSIDE, ExitReason::Kill, Origin::Other);
        });
        assert_eq!(receive(&server), None);
        thread.join().expect("the killer does not panic");
        assert_eq!(doom(&server), Some(ExitReason::Killed));
    });
}

#[test]
fn a_message_to_a_dying_process_is_dropped_or_handed_back() {
    model(|| {
        let [server] = papers();
        let dying = server.clone();
        let thread = thread::spawn(move || end(&dying, &ExitReason::Normal, &[]));
        let sent = server.push(Message::User(1)).is_ok();
        thread.join().expect("the end does not panic");
        assert_eq!(mailbox(&server), Vec::<String>::new());
        if sent {
            assert!(server.push(Message::User(2)).is_err());
        }
    });
}

#[test]
fn a_link_made_while_the_peer_dies_is_never_lost() {
    model(|| {
        let [a, b] = papers();
        let (dying, other) = (b.clone(), a.clone());
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("b"), &[other]));
        let linked = link(&*a, pid(&b), Some(&*b));
        thread.join().expect("the end does not panic");
        match linked {
            Ok(()) => assert_eq!(doom(&a), Some(ExitReason::other("b"))),
            Err(_) => assert_eq!(doom(&a), None),
        }
        assert_eq!((links(&a), links(&b)), (vec![], vec![]));
    });
}

#[test]
fn an_unlink_while_the_peer_dies_lets_through_all_or_nothing() {
    model(|| {
        let [a, b] = papers();
        link(&*a, pid(&b), Some(&*b)).expect("both live");
        let (dying, other) = (b.clone(), a.clone());
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("b"), &[other]));
        unlink(&*a, pid(&b), Some(&*b));
        let decided = a.head.life();
        thread.join().expect("the end does not panic");
        assert_eq!(a.head.life(), decided, "a signal came after unlink had returned");
        assert_eq!((links(&a), links(&b)), (vec![], vec![]));
    });
}

#[test]
fn two_linked_processes_that_die_at_once_leave_nothing() {
    model(|| {
        let [a, b] = papers();
        link(&*a, pid(&b), Some(&*b)).expect("both live");
        let (dying, other) = (b.clone(), a.clone());
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("b"), &[other]));
        end(&a, &ExitReason::other("a"), std::slice::from_ref(&b));
        thread.join().expect("the end does not panic");
        assert_eq!((links(&a), links(&b)), (vec![], vec![]));
        assert_eq!((a.head.life(), b.head.life()), (Life::Dead, Life::Dead));
    });
}

#[test]
fn both_sides_may_link_each_other_at_once() {
    model(|| {
        let [a, b] = papers();
        let (one, two) = (a.clone(), b.clone());
        let thread = thread::spawn(move || link(&*two, pid(&one), Some(&*one)));
        assert!(link(&*a, pid(&b), Some(&*b)).is_ok());
        assert!(thread.join().expect("a link does not panic").is_ok());
        assert_eq!((links(&a), links(&b)), (vec![pid(&b)], vec![pid(&a)]));
    });
}

#[test]
fn a_monitor_made_while_the_target_dies_gives_exactly_one_down() {
    model(|| {
        let [a, b] = papers();
        let (dying, other) = (b.clone(), a.clone());
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("b"), &[other]));
        monitor(&*a, MonitorRef(1), Target::Pid(pid(&b)), Some(&*b));
        thread.join().expect("the end does not panic");
        let got = mailbox(&a);
        assert!(got == ["down noproc"] || got == ["down \"b\""], "{got:?}");
    });
}

#[test]
fn after_a_demonitor_no_down_arrives() {
    model(|| {
        let [a, b] = papers();
        monitor(&*a, MonitorRef(1), Target::Pid(pid(&b)), Some(&*b));
        let (dying, other) = (b.clone(), a.clone());
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("b"), &[other]));
        let was_on = demonitor(&*a, MonitorRef(1), |_| Some(b.clone() as Arc<dyn AnyPcb>));
        let before = mailbox(&a).len();
        thread.join().expect("the end does not panic");
        assert_eq!(before, usize::from(!was_on));
        assert_eq!(mailbox(&a).len(), 0);
    });
}

#[test]
fn of_two_exit_signals_one_decides() {
    model(|| {
        let [a] = papers();
        let target = a.clone();
        let thread = thread::spawn(move || {
            target.exit_signal(Pid::OUTSIDE, ExitReason::other(1), Origin::Other);
        });
        a.exit_signal(Pid::OUTSIDE, ExitReason::other(2), Origin::Other);
        thread.join().expect("the signal does not panic");
        let reason = doom(&a);
        assert!(reason == Some(ExitReason::other(1)) || reason == Some(ExitReason::other(2)));
    });
}

#[test]
fn whoever_waits_for_an_end_is_woken() {
    model(|| {
        let [a] = papers();
        let waiter = Waiter::default();
        let dying = a.clone();
        let thread = thread::spawn(move || end(&dying, &ExitReason::other("a"), &[]));
        let mut added = false;
        a.control(&mut |control, _| {
            added = control.add_watcher(MonitorRef(1), Watcher::Waiter(waiter.clone())).is_ok();
        });
        let (count, waker) = Count::new();
        let before = waiter.poll(&waker);
        thread.join().expect("the end does not panic");
        let woken = count.get() > 0;
        if added {
            assert!(before.is_some() || woken, "it ended and nobody was told");
            assert_eq!(waiter.poll(&waker), Some(ExitReason::other("a")));
        } else {
            assert_eq!(before, None);
        }
    });
}

#[test]
fn whoever_waits_for_a_server_sees_it_up_or_is_woken() {
    struct Server;
    for everybody in [false, true] {
        model(move || {
            let (arrivals, up) = (Arc::new(Arrivals::default()), Arc::new(AtomicBool::new(false)));
            let (tells, comes) = (arrivals.clone(), up.clone());
            let thread = thread::spawn(move || {
                comes.store(true, Ordering::Release);
                if everybody {
                    tells.tell_all();
                } else {
                    tells.tell(TypeId::of::<Server>());
                }
            });
            let (count, waker) = Count::new();
            let place = arrivals.place(TypeId::of::<Server>());
            arrivals.park(place, &waker);
            let seen = up.load(Ordering::Acquire);
            thread.join().expect("a server does not panic");
            assert!(seen || count.get() > 0, "it came up and nobody was told");
        });
    }
}
