//! Panics wherever a user can put one, and kills wherever a process can be: one process ends, and
//! everybody who has to know is told.

use std::fmt;
use std::future::{pending, poll_fn};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use crate::common::{Dropped, Log, NOTHING, assert_panic, brief, drain, ends, ms, receive_all};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::trace::What;
use runtime::{
    Address, Crash, ExitReason, IntoBody, Message, MonitorRef, Pid, Process, SpawnOptions, System,
    attempt, attempt_async, exit, note, raise, register, spawn, unregister,
};
use tokio::time::sleep;

/// A process under observation: its trapping parent is linked to it and monitors it.
struct Watched<M> {
    address: Address<M>,
    mref: Option<MonitorRef>,
    bystander: Pid,
}

fn watch<K: 'static, B: IntoBody<K>>(me: &Process, body: B) -> Watched<B::Message> {
    me.trap_exit(true);
    let bystander = spawn(pending::<()>()).pid();
    let options = SpawnOptions::new().label("victim").link().monitor();
    let spawned = me.spawn_with(options, body);
    Watched { address: spawned.address, mref: spawned.mref, bystander }
}

impl<M> Watched<M> {
    /// The reason that the parent saw, after it has seen that this was all there was to see.
    async fn end(self, me: &mut Process) -> ExitReason {
        let pid = self.address.pid();
        let [Message::Exit(exit), Message::Down(down)] = &receive_all(me).await[..] else {
            panic!("not one EXIT and one DOWN");
        };
        assert_eq!(exit.from, pid);
        assert_eq!((Some(down.mref), &down.target), (self.mref, &pid.into()));
        assert_eq!(exit.reason, down.reason);

        assert!(self.bystander.is_alive(), "only the one process ends");
        kill_and_wait(self.bystander).await;
        assert_only(me);
        exit.reason.clone()
    }
}

/// Asserts that nothing but this process is left in its system.
#[track_caller]
fn assert_only(me: &Process) {
    let (system, info) = (me.system(), me.info());
    assert_eq!((system.processes(), system.process_count()), (vec![me.pid()], 1));
    assert_eq!((system.registered().len(), system.timer_count()), (0, 0));
    assert_eq!((info.links, info.monitors, info.monitored_by), (vec![], vec![], vec![]));
}

/// Panics when it is dropped, unless it is dropped by a panic, which would abort.
#[derive(Debug)]
struct Bomb(&'static str, Log);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.1.add(self.0);
        assert!(std::thread::panicking(), "{}", self.0);
    }
}

// --- In the body.

/// A panic before the first await ends the process with the message and the place of the panic.
#[test]
fn a_panic_before_the_first_await_ends_the_process() {
    scenario(|mut me: Process| async move {
        let line = line!() + 1;
        let victim = watch(&me, async { panic!("boom {}", 1) });
        let reason = victim.end(&mut me).await;
        assert_panic(&reason, "boom 1", file!());
        let place = reason.as_panic().unwrap().place().unwrap().clone();
        assert_eq!(place.line, line);
    });
}

/// A panic after an await does the same.
///
/// Covers: RT-ERR-05
#[test]
fn a_panic_after_an_await_ends_the_process() {
    scenario(|mut me: Process| async move {
        let victim = watch(&me, |mut me: Process<u8>| async move {
            let _ = me.receive().timeout(ms(10)).await;
            sleep(ms(10)).await;
            panic!("later");
        });
        assert_panic(&victim.end(&mut me).await, "later", file!());
    });
}

/// The function that makes the body may panic before there is a future.
#[test]
fn a_panic_in_the_closure_before_its_future_ends_the_process() {
    scenario(|mut me: Process| async move {
        let victim = watch(&me, |me: Process<u8>| {
            assert_eq!(me.pid(), Pid::OUTSIDE, "early");
            async {}
        });
        let reason = victim.end(&mut me).await;
        assert!(
            reason
                .as_panic()
                .unwrap()
                .message()
                .ends_with("early\n  left: <0.1.1>\n right: <0.0.0>")
                || reason.as_panic().unwrap().message().contains("early")
        );
        assert_eq!(reason.as_panic().unwrap().place().unwrap().file, file!());
    });
}

/// What the body returns is turned into a reason by code that may be the user's.
#[test]
fn a_panic_in_the_conversion_of_the_outcome_ends_the_process() {
    struct Odd;

    impl From<Odd> for anyhow::Error {
        fn from(_: Odd) -> Self {
            panic!("no reason");
        }
    }

    scenario(|mut me: Process| async move {
        let victim = watch(&me, async { Err::<(), _>(Odd) });
        assert_panic(&victim.end(&mut me).await, "no reason", file!());
    });
}

/// The function that picks a message may panic; what it held and what it had not seen is dropped.
#[test]
fn a_panic_in_the_picking_function_ends_the_process() {
    ends(|| {
        scenario(|mut me: Process| async move {
            let log = Log::default();
            let victim = watch(&me, |mut me: Process<Dropped>| async move {
                // The first is taken alone, so that the others wait in the receiver's own queue.
                drop(me.receive().await);
                me.select(|_| -> Result<(), _> { panic!("picky") }).await;
            });
            for word in ["first", "second"] {
                victim.address.send(Dropped(log.clone(), word));
            }
            assert_panic(&victim.end(&mut me).await, "picky", file!());
            assert_eq!(log.lines(), ["first", "second"]);
        });
    });
}

/// A panic whose payload is no text is a crash all the same.
#[test]
fn a_panic_with_a_payload_of_any_type_ends_the_process() {
    scenario(|mut me: Process| async move {
        let victim = watch(&me, async { panic_any(7) });
        let reason = victim.end(&mut me).await;
        assert_panic(&reason, "a panic whose payload is not text", file!());
    });
}

/// A panic's payload is the user's value; its `Drop` may panic in turn.
#[test]
fn a_panic_with_a_payload_that_panics_when_dropped_ends_the_process() {
    ends(|| {
        scenario(|mut me: Process| async move {
            let log = Log::default();
            let payload = Bomb("payload", log.clone());
            let victim = watch(&me, async move { panic_any(payload) });
            let reason = victim.end(&mut me).await;
            assert_panic(&reason, "a panic whose payload is not text", file!());
            assert_eq!(log.lines(), ["payload"]);
        });
    });
}

/// The same inside an attempt: the attempt catches it.
#[test]
fn an_attempt_catches_a_panic_whose_payload_panics_when_dropped() {
    scenario(|_: Process| async {
        let payload = Bomb("payload", Log::default());
        let caught = attempt(move || panic_any(payload)).catch(|caught| {
            assert!(caught.to_string().starts_with("error: a panic whose payload is not text"));
        });
        caught.end();
    });
}

/// The text of an error is made by the user's code, too late for anybody to catch its panic.
#[test]
fn an_error_whose_text_panics_ends_the_process() {
    #[derive(Debug, thiserror::Error)]
    struct Unspeakable;

    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("unspeakable");
        }
    }

    ends(|| {
        scenario(|mut me: Process| async move {
            me.trap_exit(true);
            let bystander = me.spawn_link(pending::<()>());
            for by_return in [true, false] {
                let victim = me.spawn_link(async move {
                    if by_return { Err(Unspeakable) } else { raise(Unspeakable) }
                });
                let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
                assert_eq!(exit.from, victim.pid());
                assert!(exit.reason.as_error().is_some_and(anyhow::Error::is::<Unspeakable>));
            }
            assert!(bystander.is_alive());
        });
    });
}

/// A panic that the process catches by itself is its own affair.
#[test]
fn a_panic_that_the_process_catches_does_not_end_it() {
    scenario(|mut me: Process| async move {
        let victim = watch(&me, async {
            let caught = catch_unwind(|| panic!("caught"));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"caught"));
            sleep(ms(1)).await;
            ExitReason::other("went on")
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("went on"));
    });
}

/// A panic that is caught while another one is on its way takes nothing from it.
#[test]
fn a_panic_keeps_its_place_when_another_one_is_caught_on_its_way() {
    struct Catches;

    impl Drop for Catches {
        fn drop(&mut self) {
            assert!(catch_unwind(|| panic!("inner")).is_err());
            attempt(|| panic!("inner")).catch(|_| ()).end();
        }
    }

    scenario(|mut me: Process| async move {
        let victim = watch(&me, async {
            let _catches = Catches;
            panic!("outer");
        });
        assert_panic(&victim.end(&mut me).await, "outer", file!());
    });
}

/// Panics of processes are told to those who watch them; all others go where the program sends
/// them.
#[test]
fn a_panic_outside_of_processes_reaches_the_hook_of_the_program() {
    const NAME: &str = "crashes::a_panic_outside_of_processes_reaches_the_hook_of_the_program";
    const INNER: &str = "OTP_TEST_INNER_HOOK";
    // The hook belongs to the whole program, so the other tests must not be in it.
    if std::env::var_os(INNER).is_none() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(INNER, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        let seen: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("hook: ")).collect();
        assert_eq!(seen, ["a plain thread", "a plain task"]);
        return;
    }
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("hook: {}", panic.payload_as_str().unwrap_or("?"));
    }));
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio.block_on(async {
        let reason = spawn(async { panic!("a process") }).join().await;
        assert_panic(&reason, "a process", file!());
        let caught = spawn(async { attempt(|| panic!("an attempt")).catch(|_| ()).end() });
        assert_eq!(caught.join().await, ExitReason::Normal);
        assert!(std::thread::spawn(|| panic!("a plain thread")).join().is_err());
        let task = spawn(async {
            let task = tokio::spawn(async { panic!("a plain task") });
            assert!(task.await.is_err());
        });
        assert_eq!(task.join().await, ExitReason::Normal);
    });
}

// --- In a `Drop`.

/// The state of a body that ends by itself is dropped before anybody learns of the end; a panic in
/// there is the reason.
#[test]
fn a_panic_in_the_drop_of_the_state_becomes_the_reason_of_a_normal_end() {
    scenario(|mut me: Process| async move {
        for reason in [ExitReason::Normal, ExitReason::Shutdown, ExitReason::other("oops")] {
            let bomb = Bomb("at the end", Log::default());
            // Unlike an async block, this holds its state until it is dropped.
            let body = poll_fn(move |_| {
                let _held = &bomb;
                Poll::Ready(reason.clone())
            });
            let victim = watch(&me, body);
            assert_panic(&victim.end(&mut me).await, "at the end", file!());
        }
    });
}

/// The same with the state of a body that an exit signal ends.
#[test]
fn a_panic_in_the_drop_of_the_state_becomes_the_reason_of_an_exit_signal() {
    scenario(|mut me: Process| async move {
        let bomb = Bomb("on the signal", Log::default());
        let victim = watch(&me, async move {
            let _held = bomb;
            pending::<()>().await;
        });
        settle().await;
        victim.address.exit(ExitReason::Shutdown);
        assert_panic(&victim.end(&mut me).await, "on the signal", file!());
    });
}

/// The same when the process was not begun: what its closure holds is dropped.
#[test]
fn a_panic_in_the_drop_of_a_body_that_never_ran_becomes_the_reason() {
    scenario(|mut me: Process| async move {
        let bomb = Bomb("unused", Log::default());
        let victim = watch(&me, move |_: Process<u8>| async move {
            let _held = bomb;
        });
        victim.address.exit(ExitReason::Shutdown);
        assert_panic(&victim.end(&mut me).await, "unused", file!());
    });
}

/// A killed process stays killed, whatever its state does when it is dropped.
#[test]
fn a_panic_in_the_drop_of_the_state_does_not_change_a_kill() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let bomb = Bomb("when killed", log.clone());
        let victim = watch(&me, async move {
            let _held = bomb;
            pending::<()>().await;
        });
        settle().await;
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["when killed"]);
    });
}

/// A crash keeps its first cause: the mailbox is dropped after it.
#[test]
fn a_panic_in_the_drop_of_a_message_does_not_change_a_crash() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let victim = watch(&me, |_: Process<Bomb>| async {
            sleep(ms(1)).await;
            panic!("first");
        });
        victim.address.send(Bomb("second", log.clone()));
        assert_panic(&victim.end(&mut me).await, "first", file!());
        assert_eq!(log.lines(), ["second"]);
    });
}

/// An exit signal that a process sends to itself in a `Drop` at its end is the reason, as anywhere.
#[test]
fn an_exit_to_oneself_in_a_drop_is_the_reason() {
    struct Leaves(Pid);

    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.exit(ExitReason::other("left"));
        }
    }

    scenario(|mut me: Process| async move {
        let victim = watch(&me, |me: Process<u8>| async move {
            let leaves = Leaves(me.pid());
            sleep(ms(1)).await;
            drop(leaves);
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("left"));

        let victim = watch(&me, |me: Process<u8>| {
            let leaves = Leaves(me.pid());
            poll_fn(move |_| {
                let _held = &leaves;
                Poll::Ready(())
            })
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("left"));
    });
}

/// What leaves a `Drop` by [`exit`] at the end of a body is the reason.
#[test]
fn an_exit_raised_in_a_drop_is_the_reason() {
    struct Exits;

    impl Drop for Exits {
        fn drop(&mut self) {
            exit(ExitReason::other("raised"));
        }
    }

    scenario(|mut me: Process| async move {
        let exits = Exits;
        let victim = watch(
            &me,
            poll_fn(move |_| {
                let _held = &exits;
                Poll::Ready(())
            }),
        );
        assert_eq!(victim.end(&mut me).await, ExitReason::other("raised"));
    });
}

/// A message that was never received is dropped with its process, and may panic.
#[test]
fn a_panic_in_the_drop_of_an_undelivered_message_becomes_the_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let victim = watch(&me, |_: Process<Bomb>| async {
            sleep(ms(1)).await;
        });
        victim.address.send(Bomb("undelivered", log.clone()));
        assert_panic(&victim.end(&mut me).await, "undelivered", file!());
        assert_eq!(log.lines(), ["undelivered"]);
    });
}

/// Several of them: each is dropped, and the first panic is the reason. It makes no difference
/// whether a message was refused, not looked at, or came later.
#[test]
fn panics_in_the_drops_of_several_undelivered_messages_leave_none_behind() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let victim = watch(&me, |mut me: Process<Bomb>| async move {
            sleep(ms(1)).await;
            let taken = me
                .select(|message| match message {
                    Message::User(Bomb("wanted", _)) => Ok(message),
                    other => Err(other),
                })
                .await;
            // Dropping it here would be a panic of the body.
            let _taken = ManuallyDrop::new(taken);
            sleep(ms(10)).await;
        });
        for word in ["refused 1", "refused 2", "wanted", "unseen 1", "unseen 2"] {
            victim.address.send(Bomb(word, log.clone()));
        }
        sleep(ms(5)).await;
        victim.address.send(Bomb("late", log.clone()));
        assert_panic(&victim.end(&mut me).await, "refused 1", file!());
        assert_eq!(log.lines(), ["refused 1", "refused 2", "unseen 1", "unseen 2", "late"]);
    });
}

/// A killed process stays killed, whatever its mailbox does.
#[test]
fn panics_in_the_drops_of_undelivered_messages_do_not_change_a_kill() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let victim = watch(&me, |_: Process<Bomb>| pending::<()>());
        victim.address.send(Bomb("one", log.clone()));
        victim.address.pid().send(Bomb("two", log.clone()));
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["one", "two"]);
    });
}

/// A message to the dead is dropped by its sender, so its panic is the sender's.
#[test]
fn a_panic_in_the_drop_of_a_message_to_the_dead_ends_the_sender() {
    scenario(|mut me: Process| async move {
        let dead = spawn(|_: Process<Bomb>| async {});
        assert_eq!(dead.join().await, ExitReason::Normal);
        let victim = watch(&me, async move { dead.send(Bomb("returned", Log::default())) });
        assert_panic(&victim.end(&mut me).await, "returned", file!());
    });
}

/// A `Drop` that runs at the end of a process may use the runtime as that process: nothing of the
/// runtime's is locked while it runs.
#[test]
fn a_drop_at_the_end_of_a_process_may_use_the_runtime() {
    #[derive(Debug)]
    struct Uses(Pid, Log);

    impl Drop for Uses {
        fn drop(&mut self) {
            assert_eq!(runtime::self_pid(), Ok(self.0));
            assert!(self.0.info().is_some());
            self.0.send("to oneself");
            let child = spawn(async {});
            runtime::link(&child).unwrap();
            runtime::monitor(&child).unwrap();
            self.1.add("used");
        }
    }

    ends(|| {
        scenario(|mut me: Process| async move {
            let log = Log::default();
            let held = log.clone();
            let victim = watch(&me, |me: Process<Uses>| {
                let uses = Uses(me.pid(), held);
                async move {
                    let _held = uses;
                    sleep(ms(1)).await;
                }
            });
            let pid = victim.address.pid();
            victim.address.send(Uses(pid, log.clone()));
            assert_eq!(victim.end(&mut me).await, ExitReason::Normal);
            assert_eq!(log.lines(), ["used", "used"]);
        });
    });
}

/// The term of a reason is the user's: when a signal comes too late, it is dropped while nothing of
/// the runtime's is locked.
#[test]
fn a_reason_that_comes_too_late_may_use_the_runtime_when_it_is_dropped() {
    #[derive(Debug, PartialEq)]
    struct Asks(Pid);

    impl Drop for Asks {
        fn drop(&mut self) {
            assert!(self.0.info().is_some_and(|info| info.exiting));
        }
    }

    ends(|| {
        scenario(|me: Process| async move {
            let doomed = me.spawn_with(SpawnOptions::new(), pending::<()>()).address.pid();
            doomed.kill();
            doomed.exit(ExitReason::other(Asks(doomed)));
            assert_eq!(doomed.join().await, ExitReason::Killed);
        });
    });
}

/// Nor does a term that panics when it is dropped reach anybody but the process that drops it; the
/// last to hold it may be the end of a process.
#[test]
fn a_reason_that_panics_when_it_is_dropped_ends_nobody_else() {
    #[derive(Debug, PartialEq)]
    struct Fragile;

    impl Drop for Fragile {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }

    for seeded in [false, true] {
        scenario(move |_: Process| async move {
            // A system of its own, of which no trace keeps the reason.
            let system = if seeded { System::start_seeded(1) } else { System::start() };
            let bystander = system.spawn(pending::<()>());
            let unwatched = system.spawn(async { ExitReason::other(Fragile) });
            settle().await;
            assert_eq!((unwatched.is_alive(), bystander.is_alive()), (false, true));

            // Here it is the one who receives it.
            let receiver = system.spawn(|mut me: Process<u8>| async move {
                me.spawn_monitor(async { exit(ExitReason::other(Fragile)) });
                settle().await;
                me.receive().await;
            });
            assert_panic(&receiver.join().await, "dropped", file!());
            assert_eq!((system.processes(), system.process_count()), (vec![bystander.pid()], 1));
        });
    }
}

// --- In a subscriber of the trace.

/// Which event of the victim's the subscriber does not like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Linked,
    Unlinked,
    Monitored,
    Demonitored,
    Registered,
    Unregistered,
    Note,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Linked,
        Self::Unlinked,
        Self::Monitored,
        Self::Demonitored,
        Self::Registered,
        Self::Unregistered,
        Self::Note,
    ];

    fn of(what: &What) -> Option<Self> {
        Some(match what {
            What::Linked(_) => Self::Linked,
            What::Unlinked(_) => Self::Unlinked,
            What::Monitored(_) => Self::Monitored,
            What::Demonitored => Self::Demonitored,
            What::Registered(_) => Self::Registered,
            What::Unregistered(_) => Self::Unregistered,
            What::Note(_) => Self::Note,
            _ => return None,
        })
    }
}

/// A subscriber runs in the turn of the process that caused the event: that process crashes, and
/// what it had just begun is undone by its end.
#[test]
fn a_subscriber_that_panics_ends_the_process_that_caused_the_event() {
    scenario(|mut me: Process| async move {
        for kind in Kind::ALL {
            let subscription = me.system().subscribe(move |event| {
                assert!(Kind::of(&event.what) != Some(kind), "did not like {kind:?}");
            });
            let peer = spawn(|mut me: Process| async move {
                me.trap_exit(true);
                while let Message::Exit(_) = me.receive().await {}
            });
            let other = peer.pid();
            settle().await;
            let victim = watch(&me, move |me: Process<u8>| async move {
                me.link(other).unwrap();
                me.unlink(other);
                let mref = me.monitor(other);
                me.demonitor(mref);
                register("victim", me.pid()).unwrap();
                unregister("victim").unwrap();
                note("all done");
            });
            settle().await;
            let info = peer.pid().info().unwrap();
            assert_eq!((info.links, info.monitored_by), (vec![], vec![]), "{kind:?}");
            kill_and_wait(&peer).await;
            let reason = victim.end(&mut me).await;
            assert_eq!(brief(&reason), format!("panic: did not like {kind:?}"));
            drop(subscription);
        }
    });
}

/// A spawn that a subscriber refuses by a panic is no spawn: the spawner crashes, and of the new
/// process nothing is left.
#[test]
fn a_subscriber_that_panics_at_a_spawn_ends_the_spawner_and_leaves_nothing() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let _subscription = me.system().subscribe(|event| {
            let What::Spawned { parent, .. } = &event.what else { return };
            assert_ne!(parent.label.as_deref(), Some("victim"), "no children");
        });
        let held = Dropped(log.clone(), "the body was dropped");
        let victim = watch(&me, |me: Process<u8>| async move {
            me.spawn_with(SpawnOptions::new().link().monitor(), async move {
                held.0.add("the body ran");
                drop(held);
            });
        });
        let reason = victim.end(&mut me).await;
        assert!(brief(&reason).contains("no children"), "{reason}");
        assert_eq!(log.lines(), ["the body was dropped"]);
    });
}

/// A subscriber that panics at an exit gives the process that ends its last reason, unless it was
/// killed or had crashed.
#[test]
fn a_subscriber_that_panics_at_an_exit_becomes_the_reason() {
    scenario(|mut me: Process| async move {
        let _subscription = me.system().subscribe(|event| {
            let exited = matches!(event.what, What::Exited { .. });
            assert!(!exited || event.subject.label.as_deref() != Some("victim"), "stay");
        });
        let victim = watch(&me, async {});
        assert_panic(&victim.end(&mut me).await, "stay", file!());

        let victim = watch(&me, pending::<()>());
        victim.address.exit(ExitReason::Shutdown);
        assert_panic(&victim.end(&mut me).await, "stay", file!());

        let victim = watch(&me, pending::<()>());
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);

        let victim = watch(&me, async { panic!("first") });
        assert_panic(&victim.end(&mut me).await, "first", file!());
    });
}

// --- Kills.

/// A process that sleeps ends at once when it is killed, and its state is dropped before anybody
/// learns of it.
///
/// Covers: RT-PROC-09
#[test]
fn a_process_that_sleeps_can_be_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let held = Dropped(log.clone(), "dropped");
        let victim = watch(&me, async move {
            sleep(ms(3_600_000)).await;
            held.0.add("woke up");
        });
        settle().await;
        let before = me.system().monotonic_time();
        assert_eq!(kill_and_wait(&victim.address).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["dropped"]);
        assert_eq!(me.system().monotonic_time(), before);
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
    });
}

/// A process that waits for a message, with or without a limit, can be killed.
#[test]
fn a_process_that_waits_in_receive_can_be_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let held = Dropped(log.clone(), "receiving");
        let victim = watch(&me, |mut me: Process<u8>| async move {
            let _held = held;
            me.receive().await;
        });
        settle().await;
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);

        let held = Dropped(log.clone(), "with a limit");
        let victim = watch(&me, |mut me: Process<u8>| async move {
            let _held = held;
            let _ = me.select(Err::<(), _>).timeout(ms(3_600_000)).await;
        });
        settle().await;
        victim.address.send(1);
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["receiving", "with a limit"]);
    });
}

/// A process that had no turn yet never gets one.
#[test]
fn a_process_that_was_not_polled_yet_can_be_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let held = Dropped(log.clone(), "dropped");
        let victim = watch(&me, move |_: Process<u8>| {
            held.0.add("ran");
            async move { drop(held) }
        });
        victim.address.kill();
        assert!(!victim.address.is_alive());
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["dropped"]);
    });
}

/// A process that waits for several things at once can be killed; each of them is dropped.
#[test]
fn a_process_that_holds_futures_in_a_select_can_be_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let (one, two) = (Dropped(log.clone(), "one"), Dropped(log.clone(), "two"));
        let victim = watch(&me, |mut me: Process<u8>| async move {
            let other = async move {
                let _held = one;
                sleep(ms(3_600_000)).await;
            };
            let third = async move {
                let _held = two;
                pending::<()>().await;
            };
            tokio::select! {
                () = other => {}
                () = third => {}
                _ = me.receive() => {}
            }
        });
        settle().await;
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    });
}

/// A kill that comes while the process runs takes effect at its next await.
#[test]
fn a_killed_process_runs_no_further_than_its_next_await() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let parent = me.address();
        let victim = watch(&me, |me: Process<u8>| async move {
            let own = me.pid();
            // Another process's signal, sent from within this turn.
            let killer = std::thread::spawn(move || own.kill());
            killer.join().unwrap();
            lines.add(format!("alive: {}", own.is_alive()));
            settle().await;
            lines.add(format!("parent: {parent}"));
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), ["alive: false"]);
    });
}

/// Of a kill and an exit signal the first decides.
///
/// Covers: RT-PROC-10
#[test]
fn a_process_that_is_already_ending_keeps_its_reason() {
    scenario(|mut me: Process| async move {
        let victim = watch(&me, pending::<()>());
        victim.address.exit(ExitReason::Shutdown);
        victim.address.kill();
        assert_eq!(victim.end(&mut me).await, ExitReason::Shutdown);
    });
}

// --- Turns.

/// Unlike tokio's `yield_now`, which also waits for a look at the timers.
async fn go_to_the_back_of_the_queue() {
    let mut gone = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gone, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A process takes at most 128 messages before another one has its turn.
#[test]
fn a_process_that_floods_its_own_mailbox_does_not_starve_another() {
    ends(|| {
        scenario(|me: Process| async move {
            let taken = Arc::new(AtomicUsize::new(0));
            let count = taken.clone();
            let flooder = spawn(|mut me: Process<u8>| async move {
                loop {
                    me.address().send(0);
                    me.receive().await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            let other = me.spawn_link(async move {
                let mut before = taken.load(Ordering::Relaxed);
                for _ in 0..100 {
                    go_to_the_back_of_the_queue().await;
                    let now = taken.load(Ordering::Relaxed);
                    // Several turns may go by under a seed, each shorter than on tasks.
                    assert!(now - before <= 128, "{} messages in one turn", now - before);
                    before = now;
                }
                assert!(before >= 100, "the flooder had its turns too: {before}");
            });
            assert_eq!(other.join().await, ExitReason::Normal);
            kill_and_wait(&flooder).await;
        });
    });
}

// --- An exit signal to oneself.

/// A deadly signal to oneself does not return, and `Drop` runs on the way.
#[test]
fn an_exit_to_oneself_does_not_return() {
    scenario(|mut me: Process| async move {
        for reason in [ExitReason::Kill, ExitReason::Normal, ExitReason::other("bye")] {
            let log = Log::default();
            let (lines, sent) = (log.clone(), reason.clone());
            let victim = watch(&me, |me: Process<u8>| async move {
                let _held = Dropped(lines.clone(), "dropped");
                me.pid().exit(sent);
                lines.add("went on");
                settle().await;
                lines.add("went further");
            });
            let seen = if reason == ExitReason::Kill { ExitReason::Killed } else { reason };
            assert_eq!(victim.end(&mut me).await, seen);
            assert_eq!(log.lines(), ["dropped"]);
        }
    });
}

/// An attempt takes no notice of it: no clause runs, and no `after`.
#[test]
fn an_exit_to_oneself_passes_an_attempt_and_its_after() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let victim = watch(&me, |me: Process<u8>| async move {
            attempt(|| {
                attempt(|| me.pid().exit(ExitReason::other("bye")))
                    .catch(|_| lines.add("inner catch"))
                    .after(|| lines.add("inner after"))
                    .end();
            })
            .catch(|_| lines.add("catch"))
            .after(|| lines.add("after"))
            .end();
            lines.add("went on");
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("bye"));

        let lines = log.clone();
        let victim = watch(&me, |me: Process<u8>| async move {
            let own = me.pid();
            attempt_async(async move {
                settle().await;
                own.exit(ExitReason::other("later"));
            })
            .await
            .catch(|_| lines.add("catch"))
            .after(|| lines.add("after"))
            .end();
            lines.add("went on");
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("later"));
        assert_eq!(log.lines(), NOTHING);
    });
}

/// Nor does it return inside of an `after` or of another clause.
#[test]
fn an_exit_to_oneself_does_not_return_from_an_after() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let victim = watch(&me, |me: Process<u8>| async move {
            attempt(|| ())
                .after(|| {
                    me.pid().exit(ExitReason::other("in the after"));
                    lines.add("went on inside");
                })
                .result()
                .map_or_else(|_| lines.add("caught"), |()| lines.add("went on"));
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("in the after"));

        let lines = log.clone();
        let victim = watch(&me, |me: Process<u8>| async move {
            attempt(|| panic!("boom"))
                .rescue_any(|_| {
                    me.pid().kill();
                    lines.add("went on inside");
                })
                .after(|| lines.add("after"))
                .end();
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::Killed);
        assert_eq!(log.lines(), NOTHING);
    });
}

/// A process that catches even this, with `catch_unwind`, comes as far as its next await.
#[test]
fn an_exit_to_oneself_that_is_caught_by_force_ends_the_process_at_its_next_await() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let victim = watch(&me, |me: Process<u8>| async move {
            let own = AssertUnwindSafe(me.pid());
            assert!(catch_unwind(|| own.exit(ExitReason::other("bye"))).is_err());
            lines.add("went on");
            settle().await;
            lines.add("went further");
        });
        assert_eq!(victim.end(&mut me).await, ExitReason::other("bye"));
        assert_eq!(log.lines(), ["went on"]);
    });
}

/// A trapping process gets even its own signal as a message, and goes on.
#[test]
fn an_exit_to_oneself_that_is_trapped_returns() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        me.pid().exit(ExitReason::other("noted"));
        assert_eq!(drain(&mut me, &[("me", Pid::OUTSIDE)]).await.len(), 1);
    });
}

/// An error that a body returns, and one that it raises, are the reason with their whole chain.
#[test]
fn a_returned_error_and_a_raised_one_are_the_same_reason() {
    scenario(|mut me: Process| async move {
        let error = || anyhow::anyhow!("disk full").context("saving");
        let returned = watch(&me, async move { Err::<(), Crash>(error().into()) });
        let returned = returned.end(&mut me).await;
        assert_eq!(returned.to_string(), "error: saving: disk full");
        let raised = watch(&me, async move { raise(error()) });
        assert_eq!(raised.end(&mut me).await, returned);
    });
}
