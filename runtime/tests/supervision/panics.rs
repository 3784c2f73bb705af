//! Panics in every place of a supervisor's where a user can put one: none of them takes it down, and
//! none makes it hang.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Begin, Fault, Log, NOTHING, Tell, W, brief, ms, one_for_one, timed, word};
use runtime::testing::{scenario, settle};
use runtime::{
    ChildError, ChildSpec, ExitReason, FailedToStart, GenServer, NoCatch, Process, Server,
    Shutdown, StartError, Strategy, Supervision, Supervisor, SupervisorModule, Term, exit, raise,
    spawn_link, throw,
};

/// Where a child's start goes wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// The function that makes a server's arguments panics.
    Factory,
    /// The start function panics before it gives its future.
    Function,
    /// The start function's future panics.
    Future,
    /// It leaves with an exit.
    Exits,
    /// It leaves with a throw.
    Throws,
    /// It leaves with an error.
    Raises,
    /// The server's `init` panics.
    Init,
    /// The function that makes a process's body panics.
    Body,
}

const WRONG: [Wrong; 8] = [
    Wrong::Factory,
    Wrong::Function,
    Wrong::Future,
    Wrong::Exits,
    Wrong::Throws,
    Wrong::Raises,
    Wrong::Init,
    Wrong::Body,
];

impl Wrong {
    /// The reason of the failed start.
    fn reason(self) -> String {
        match self {
            Self::Exits => word("no").to_string(),
            Self::Throws => ExitReason::other(NoCatch(Term::new("no"))).to_string(),
            Self::Raises => ExitReason::error(std::fmt::Error).to_string(),
            _ => "panic: no".to_owned(),
        }
    }

    /// A child `w` that goes wrong from its `from`th start on.
    fn child(self, log: &Log, from: u32) -> ChildSpec {
        let starts = AtomicU32::new(0);
        let log = log.clone();
        let part = log.w("w");
        let goes_wrong = move || starts.fetch_add(1, Ordering::Relaxed) + 1 >= from;
        let start = |part| W::start_link(part);
        match self {
            Self::Init => {
                let mut begins = vec![Begin::Run; from as usize - 1];
                begins.push(Begin::Panic);
                part.starts(begins).into()
            }
            Self::Factory => {
                let child = W::child(move || {
                    assert!(!goes_wrong(), "no");
                    part.clone()
                });
                child.id("w").into()
            }
            Self::Function => ChildSpec::new("w", move || {
                assert!(!goes_wrong(), "no");
                let start = start(part.clone());
                async move { Ok(start.await?.pid()) }
            }),
            Self::Future | Self::Exits | Self::Throws | Self::Raises => {
                ChildSpec::new("w", move || {
                    let (wrong, start) = (goes_wrong(), start(part.clone()));
                    async move {
                        match self {
                            Self::Future => assert!(!wrong, "no"),
                            Self::Exits if wrong => exit(word("no")),
                            Self::Throws if wrong => throw("no"),
                            Self::Raises if wrong => raise(std::fmt::Error),
                            _ => {}
                        }
                        Ok(start.await?.pid())
                    }
                })
            }
            Self::Body => ChildSpec::process("w", move || {
                assert!(!goes_wrong(), "no");
                let log = log.clone();
                move |me: Process| {
                    log.know("w", me.pid());
                    pending::<()>()
                }
            }),
        }
    }

    async fn kill(self, log: &Log) {
        match self {
            Self::Body => log.pid("w").kill(),
            _ => log.pid("w.1").kill(),
        }
        settle().await;
    }
}

// --- A start.

/// A panic on the way to a child's start is a failed start: of the supervisor, as the first one.
#[test]
fn a_panic_in_a_first_start_fails_the_start() {
    for wrong in WRONG {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().child(log.w("a")).child(wrong.child(&log, 1));
            let started = sup.start_link().await;
            let Err(StartError::Failed(reason)) = started else { panic!("it starts") };
            let failure = reason.downcast_ref::<FailedToStart>().unwrap();
            let StartError::Failed(reason) = &failure.error else { panic!("{failure:?}") };
            assert_eq!((&*failure.id, brief(reason)), ("w", wrong.reason()), "{wrong:?}");
            assert!(log.take().ends_with(&["terminate a.1 shutdown".to_owned()]));
        });
    }
}

/// At a restart, it is an attempt that failed, and is tried again until the restarts are used up.
#[test]
fn a_panic_in_a_restart_is_an_attempt_that_failed() {
    for wrong in WRONG {
        scenario(move |mut me: Process| async move {
            let log = Log::of(&me);
            let sup = one_for_one().intensity(3, ms(5000)).child(log.w("a"));
            log.start(sup.child(wrong.child(&log, 2))).await;
            settle().await;
            wrong.kill(&log).await;
            assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"], "{wrong:?}");
            assert_eq!(log.take().last().unwrap(), "terminate a.1 shutdown");
        });
    }
}

/// By hand, it is the answer of `start_child` or `restart_child`; the supervisor goes on.
#[test]
fn a_panic_in_a_start_by_hand_is_the_answer() {
    for wrong in WRONG {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = log.start(one_for_one().intensity(0, ms(5000)).child(log.w("a"))).await;
            let failed = |started| match started {
                Err(ChildError::Start(StartError::Failed(reason))) => brief(&reason),
                other => panic!("{wrong:?}: {other:?}"),
            };
            assert_eq!(failed(sup.start_child(wrong.child(&log, 1)).await), wrong.reason());
            assert_eq!(log.children(&sup).await, ["a a.1"]);

            let again = Log::of(&me);
            sup.start_child(wrong.child(&again, 2)).await.unwrap();
            sup.terminate_child("w").await.unwrap();
            assert_eq!(failed(sup.restart_child("w").await), wrong.reason());
            assert_eq!(log.children(&sup).await, ["w stopped", "a a.1"]);
        });
    }
}

/// A start function that panics when its child runs already has failed; the child, linked as it is,
/// ends with the supervisor, and is nobody's before that.
#[test]
fn a_start_that_fails_with_its_child_running_leaves_it_to_its_link() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().intensity(0, ms(5000))).await;
        let w = log.w("w");
        let late = ChildSpec::new("late", move || {
            let start = W::start_link(w.clone());
            async move {
                start.await?;
                panic!("too late")
            }
        });
        assert!(matches!(sup.start_child(late).await, Err(ChildError::Start(_))));
        assert_eq!(log.children(&sup).await, NOTHING);
        assert!(log.pid("w.1").is_alive());
        log.watch(&me, &["w.1"]);
        assert_eq!(sup.stop().reason(word("bye")).await, Ok(()));
        let mailbox = log.mailbox(&mut me).await;
        assert_eq!(mailbox, [r#"EXIT sup "bye""#, r#"DOWN w.1 "bye""#]);
    });
}

// --- An end.

/// A child whose `terminate` or whose state's `Drop` panics has ended with that panic: a crash, to
/// which its restart type applies.
#[test]
fn a_panic_at_a_childs_end_is_its_reason() {
    for fault in [Fault::Terminate, Fault::Drop] {
        scenario(move |mut me: Process| async move {
            let log = Log::of(&me);
            let w = log.w("w").transient().fault(fault);
            let sup = log.start(one_for_one().child(w)).await;
            log.watch(&me, &["w.1"]);
            log.tell("w", Tell::Stop(ExitReason::Normal)).await;
            assert_eq!(log.children(&sup).await, ["w w.2"]);
            let word = format!("{fault:?}").to_lowercase();
            let mailbox = log.mailbox(&mut me).await;
            assert_eq!(mailbox.len(), 1);
            assert!(mailbox[0].starts_with("DOWN w.1 panic: ") && mailbox[0].contains(&word));
        });
    }
}

/// Whoever stops such a child, by hand, with its group or with the supervisor, is not kept up.
#[test]
fn a_panic_at_a_childs_end_keeps_nobody_up() {
    for fault in [Fault::Terminate, Fault::Drop] {
        scenario(move |mut me: Process| async move {
            let log = Log::of(&me);
            let sup = Supervisor::new(Strategy::OneForAll).intensity(1, ms(5000));
            let sup = sup.child(log.w("a")).child(log.w("w").fault(fault));
            let sup = log.start(sup).await;
            assert_eq!(timed(sup.terminate_child("w")).await, (Ok(()), ms(0)));
            sup.restart_child("w").await.unwrap();
            log.kill("a").await;
            assert_eq!(log.children(&sup).await, ["w w.3", "a a.2"]);
            log.kill("a").await;
            assert!(!sup.is_alive());
            assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
            assert_eq!(log.take().last().unwrap(), "terminate w.3 shutdown");
        });
    }
}

/// Panics when it is dropped, unless it is dropped by a panic, which would abort.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "bomb");
    }
}

/// A specification is dropped when its child leaves the list; a panic of what it holds is nobody's.
#[test]
fn a_panic_in_the_drop_of_a_specification_is_nobodys() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        let holding = |tag| {
            let (part, bomb) = (log.w(tag).temporary(), Arc::new(Bomb));
            let start = move || {
                let (start, _held) = (W::start_link(part.clone()), &bomb);
                async move { Ok(start.await?.pid()) }
            };
            ChildSpec::new(tag, start).restart(runtime::Restart::Temporary)
        };
        sup.start_child(holding("ends")).await.unwrap();
        log.kill("ends").await;
        assert!(sup.is_alive(), "the end of a temporary child");
        sup.start_child(holding("stopped")).await.unwrap();
        assert_eq!(sup.terminate_child("stopped").await, Ok(()));
        assert!(sup.is_alive(), "a temporary child that is stopped by hand");
        // Refused: the id is taken.
        assert!(sup.start_child(holding("a")).await.is_err());
        settle().await;
        assert!(sup.is_alive(), "a specification that is refused");
        assert_eq!(log.children(&sup).await, ["a a.1"]);
    });
}

/// A start function's future is dropped when it is done; a panic of what it holds fails the start.
#[test]
fn a_panic_in_the_drop_of_a_start_is_a_failed_start() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().intensity(0, ms(5000))).await;
        let w = log.w("w");
        let bombed = ChildSpec::new("w", move || {
            let (start, bomb) = (W::start_link(w.clone()), Bomb);
            async move {
                let pid = start.await?.pid();
                drop(bomb);
                Ok(pid)
            }
        });
        assert!(matches!(sup.start_child(bombed).await, Err(ChildError::Start(_))));
        assert!(sup.is_alive());
        assert_eq!(log.children(&sup).await, NOTHING);
    });
}

// --- A supervisor's own code.

struct Broken;

impl SupervisorModule for Broken {
    type Args = (Log, bool);

    fn init((log, broken): (Log, bool)) -> Option<Supervisor> {
        log.add("init");
        assert!(!broken, "no");
        Some(one_for_one().intensity(0, ms(5000)).child(log.w("x")))
    }
}

/// A panic in the `init` of a supervisor's type is its failed start.
#[test]
fn a_panic_in_a_supervisors_init_is_its_failed_start() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let Err(StartError::Failed(reason)) = Broken::start_link((log.clone(), true)).await else {
            panic!("it starts")
        };
        assert_eq!(brief(&reason), "panic: no");
        assert_eq!(log.mailbox(&mut me).await.len(), 1, "the exit of it");

        // Under a supervisor: the first time it starts, from then on it panics.
        let starts = AtomicU32::new(0);
        let noted = log.clone();
        let make = move || (noted.clone(), starts.fetch_add(1, Ordering::Relaxed) > 0);
        let outer = one_for_one().intensity(3, ms(5000)).child(log.w("a"));
        log.start(outer.child(Broken::child("broken", make))).await;
        log.take();
        log.kill("x").await;
        assert_eq!(log.mailbox(&mut me).await, ["EXIT sup shutdown"]);
        assert_eq!(log.take(), ["init", "init", "init", "terminate a.1 shutdown"]);
    });
}

// --- What is printed.

/// Prints everything that is traced, as a log does.
struct Prints;

impl tracing::Subscriber for Prints {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct All;
        impl tracing::field::Visit for All {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let _ = format!("{value:?}");
            }
        }
        event.record(&mut All);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// An error that panics when somebody wants to read it.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("unspeakable")
    }
}

impl std::error::Error for Unspeakable {}

/// A supervisor reports failed restarts. If the error cannot be said in words, it goes on all the
/// same.
#[test]
fn a_failed_restart_whose_error_cannot_be_said_is_still_a_failed_restart() {
    scenario(|me: Process| async move {
        let _printing = tracing::subscriber::set_default(Prints);
        let log = Log::of(&me);
        let starts = AtomicU32::new(0);
        let noted = log.clone();
        let child = ChildSpec::new("w", move || {
            if starts.fetch_add(1, Ordering::Relaxed) == 1 {
                let error = ExitReason::error(Unspeakable);
                return ready(Err(StartError::Failed(error)));
            }
            let log = noted.clone();
            let body = move |me: Process| {
                log.know("w", me.pid());
                pending::<()>()
            };
            ready(Ok(spawn_link(body).expect("in a process").pid()))
        });
        let sup = one_for_one().child(log.w("a")).child(child.shutdown(Shutdown::BrutalKill));
        let sup = log.start(sup).await;
        settle().await;
        log.pid("w").kill();
        settle().await;
        assert!(sup.is_alive());
        assert_eq!(log.children(&sup).await, ["w w", "a a.1"]);
    });
}
