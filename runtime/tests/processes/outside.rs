//! What works outside of a process, who is nobody, and where one system ends and another begins.

use std::future::pending;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Context;
use std::thread;

use crate::common::{
    Dropped, Log, NOBODY, NOTHING, assert_panic, drain, ends, ms, on_wake, receive_all, received_by,
};
use runtime::testing::{eventually, kill_and_wait, scenario, settle};
use runtime::trace::What;
use runtime::{
    Address, Exit, ExitReason, LinkError, Message, MonitorRef, NoProc, NoSystem, NotInProcess,
    NotRegistered, Pid, Process, RegisterError, SpawnOptions, System, TimerRef, assert_trace,
    attempt, cancel_timer, cancel_timer_async, demonitor, exit, link, monitor, note, raise,
    read_timer, register, self_pid, send, send_after, set_label, spawn, spawn_link, spawn_monitor,
    throw, trap_exit, unlink, unregister, whereis,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::sleep;

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().expect("tokio makes a runtime")
}

/// What only a process can do; `target` and `mref` are somebody's, `timer` is running.
#[track_caller]
fn assert_in_no_process(target: Pid, mref: MonitorRef, timer: TimerRef) {
    let before = System::current().process_count();
    assert_eq!(self_pid(), Err(NotInProcess));
    assert_eq!(link(target), Err(LinkError::NotInProcess(NotInProcess)));
    assert_eq!(unlink(target), Err(NotInProcess));
    assert_eq!(monitor(target), Err(NotInProcess));
    assert_eq!(monitor("name"), Err(NotInProcess));
    assert_eq!(demonitor(mref), Err(NotInProcess));
    assert_eq!(trap_exit(true), Err(NotInProcess));
    assert_eq!(set_label("label"), Err(NotInProcess));
    assert_eq!(cancel_timer_async(timer), Err(NotInProcess));
    assert!(matches!(spawn_link(async {}), Err(NotInProcess)));
    assert!(matches!(spawn_monitor(async {}), Err(NotInProcess)));
    for options in [SpawnOptions::new().link(), SpawnOptions::new().monitor()] {
        assert!(matches!(options.spawn(async {}), Err(NotInProcess)));
    }
    assert_eq!(System::current().process_count(), before, "nothing was started");
}

// --- Outside of a process.

/// A process can be started, sent to, asked about, ended and waited for from anywhere.
#[tokio::test(start_paused = true)]
async fn processes_can_be_used_from_outside() {
    let system = System::current();
    let recorder = system.record();
    let (told, said) = oneshot::channel();
    let mut told = Some(told);
    let child = spawn(|mut me: Process<u8>| async move {
        let mut got = Vec::new();
        while got.len() < 4 {
            got.push(me.receive().await.into_user().unwrap());
        }
        told.take().unwrap().send(got).unwrap();
        pending::<()>().await;
    });
    assert_eq!(register("child", &child), Ok(()));
    child.send(1);
    child.pid().send(2_u8);
    assert_eq!(send("child", 3_u8), Ok(()));
    assert_eq!(child.try_send(4), Ok(()));
    assert_eq!(said.await.unwrap(), [1, 2, 3, 4]);

    assert!(child.is_alive() && child.pid().is_alive());
    assert_eq!(whereis("child"), Some(child.pid()));
    let info = child.pid().info().unwrap();
    assert_eq!((info.pid, info.parent), (child.pid(), Pid::OUTSIDE));
    assert_eq!((system.processes(), system.process_count()), (vec![child.pid()], 1));

    let end = child.join();
    child.exit(ExitReason::Shutdown);
    assert!(!child.is_alive());
    assert_eq!(end.await, ExitReason::Shutdown);
    assert_eq!(child.join().await, ExitReason::NoProc);
    assert_eq!((whereis("child"), child.pid().info()), (None, None));
    assert_eq!((system.processes(), system.process_count()), (vec![], 0));
    assert_trace!(
        recorder.trace(),
        [
            "0ms child spawned by nobody",
            "0ms child registered as child",
            "0ms child exited: shutdown",
        ]
    );
}

/// What concerns the caller as a process is refused, and changes nothing.
#[tokio::test(start_paused = true)]
async fn what_only_a_process_can_do_is_refused_outside() {
    let target = spawn(pending::<()>());
    let (told, mref) = oneshot::channel();
    let to = target.pid();
    let watcher = spawn(move |mut me: Process<u8>| async move {
        told.send(me.monitor(to)).unwrap();
        assert_eq!(me.receive().await.into_user().unwrap(), 7);
    });
    let mref = mref.await.unwrap();
    let timer = send_after(ms(10), &watcher, 7);

    assert_in_no_process(target.pid(), mref, timer);
    note("heard by nobody");

    let info = target.pid().info().unwrap();
    assert_eq!((info.links, info.monitored_by), (vec![], vec![watcher.pid()]));
    assert_eq!(read_timer(timer), Some(ms(10)));
    assert_eq!(watcher.join().await, ExitReason::Normal);
}

/// A plain tokio task is no process, also when a process has spawned it; nor is a thread.
#[test]
fn a_plain_task_of_a_process_is_no_process() {
    scenario(|mut me: Process<u8>| async move {
        let target = spawn(pending::<()>());
        let mref = me.monitor(&target);
        let timer = send_after(ms(10), me.address(), 7);
        let pid = target.pid();
        tokio::spawn(async move {
            assert_in_no_process(pid, mref, timer);
            settle().await;
            assert_in_no_process(pid, mref, timer);
        })
        .await
        .unwrap();
        thread::spawn(|| assert_eq!(self_pid(), Err(NotInProcess))).join().unwrap();

        // The process itself is not touched by all this.
        assert_eq!(self_pid(), Ok(me.pid()));
        let info = target.pid().info().unwrap();
        assert_eq!((info.links, info.monitored_by), (vec![], vec![me.pid()]));
        target.kill();
        let mailbox = drain(&mut me, &[("target", pid)]).await;
        assert_eq!(mailbox, ["DOWN target killed", "7"]);
    });
}

/// The current process is the one whose turn it is, before and after every await.
///
/// Covers: RT-PROC-05
#[test]
fn a_process_knows_itself() {
    scenario(|me: Process| async move {
        let children: Vec<_> = (0..20)
            .map(|n| {
                me.spawn_link(move |me: Process| async move {
                    for _ in 0..5 {
                        assert_eq!(self_pid(), Ok(me.pid()));
                        sleep(ms(n % 3)).await;
                    }
                })
            })
            .collect();
        assert_eq!(self_pid(), Ok(me.pid()));
        for child in &children {
            child.join().await;
            assert_eq!(self_pid(), Ok(me.pid()));
        }
    });
}

/// A handle may be borrowed while something is awaited, also by a helper.
#[test]
fn the_handle_of_a_process_may_be_borrowed_across_an_await() {
    async fn later(me: &Process<u8>) -> Pid {
        settle().await;
        me.pid()
    }

    scenario(|mut me: Process<u8>| async move {
        assert_eq!(later(&me).await, me.pid());
        me.address().send(1);
        assert_eq!(drain(&mut me, &[]).await, ["1"]);
    });
}

/// A handle that outlives its process is good for nothing: what it is asked to begin is undone.
#[test]
fn a_handle_that_outlives_its_process_begins_nothing() {
    scenario(|mut main: Process| async move {
        let (told, said) = oneshot::channel();
        let gone = spawn(|me: Process<u8>| async move { told.send(me).unwrap() });
        let mut me = said.await.unwrap();
        gone.join().await;

        let peer = spawn(pending::<()>());
        assert_eq!(me.link(&peer), Err(NoProc));
        let mref = me.monitor(&peer);
        assert!(!me.demonitor_flush(mref));
        assert_eq!(me.link(me.pid()), Ok(()));
        gone.send(1);
        assert!(me.receive().timeout(ms(10)).await.is_err());
        let info = peer.pid().info().unwrap();
        assert_eq!((info.links, info.monitored_by), (vec![], vec![]));

        let child = me.spawn_link(pending::<()>());
        main.monitor(&child);
        let mailbox = drain(&mut main, &[("child", child.pid())]).await;
        assert_eq!(mailbox, ["DOWN child noproc"]);
        assert_eq!((me.info().links, me.info().monitors), (vec![], vec![]));
    });
}

/// The free functions do for the current process what the methods of its handle do.
#[test]
fn the_free_functions_act_for_the_current_process() {
    scenario(|mut me: Process| async move {
        assert_eq!((trap_exit(true), trap_exit(true)), (Ok(false), Ok(true)));
        set_label("the label").unwrap();
        let linked = spawn_link(pending::<()>()).unwrap();
        let (watched, mref) = spawn_monitor(pending::<()>()).unwrap();
        link(&watched).unwrap();
        unlink(&linked).unwrap();
        let second = monitor(&linked).unwrap();
        let info = me.info();
        assert_eq!((&*info.label.unwrap(), info.links), ("the label", vec![watched.pid()]));
        assert_eq!(info.monitors, [watched.pid(), linked.pid()]);
        assert_eq!((demonitor(mref), demonitor(mref)), (Ok(true), Ok(false)));
        assert_eq!(demonitor(second), Ok(true));
        watched.kill();
        linked.kill();
        let mailbox = drain(&mut me, &[("watched", watched.pid())]).await;
        assert_eq!(mailbox, ["EXIT watched killed"]);
    });
}

/// An attempt works anywhere, and what nobody catches unwinds as a panic does.
#[test]
fn an_attempt_works_outside_of_a_process() {
    let text = |body: fn()| attempt(body).result().unwrap_err().to_string();
    assert!(text(|| panic!("boom")).starts_with("error: boom, at "));
    assert_eq!(text(|| exit(ExitReason::Shutdown)), "exit: shutdown");
    assert_eq!(text(|| throw(7)), "throw: 7");
    assert_eq!(text(|| raise(NoProc)), "error: noproc: no such process");
    assert_panic(
        &attempt(|| panic!("boom")).result().unwrap_err().into_exit_reason(),
        "boom",
        file!(),
    );
    assert!(thread::spawn(|| exit(ExitReason::Normal)).join().is_err());
}

/// Outside of a tokio runtime there is no system.
#[test]
fn outside_of_a_tokio_runtime_there_is_no_system() {
    assert!(matches!(System::try_current(), Err(NoSystem)));
    assert_eq!(whereis("name"), None);
    assert_eq!(send("name", 1), Err(NotRegistered("name".to_owned())));
    assert_eq!(self_pid(), Err(NotInProcess));
}

/// Nothing can be spawned there.
#[test]
#[should_panic(expected = "no system: this works only inside a process or inside a tokio runtime")]
fn a_spawn_outside_of_a_tokio_runtime_panics() {
    spawn(async {});
}

/// Nor can a system be started there.
#[test]
#[should_panic(expected = "there is no reactor running")]
fn a_system_cannot_be_started_outside_of_a_tokio_runtime() {
    let _system = System::start();
}

/// A thread that has entered a runtime is inside of it.
#[test]
fn a_thread_that_entered_a_tokio_runtime_has_its_system() {
    let tokio = paused();
    let entered = tokio.enter();
    let child = spawn(async {});
    assert_eq!(System::current().processes(), [child.pid()]);
    drop(entered);
    assert!(matches!(System::try_current(), Err(NoSystem)));
    // The child runs when the runtime does, and ended with nobody's help.
    assert_eq!(tokio.block_on(child.join()), ExitReason::Normal);
}

// --- Nobody.

/// A signal from outside comes from nobody; it is trapped like any other.
#[tokio::test(start_paused = true)]
async fn a_signal_from_outside_comes_from_nobody() {
    let (told, said) = oneshot::channel();
    let mut told = Some(told);
    let trapper = spawn(|mut me: Process| async move {
        me.trap_exit(true);
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        told.take().unwrap().send(*exit).unwrap();
        pending::<()>().await;
    });
    settle().await;
    trapper.exit(ExitReason::other("please"));
    let expected = Exit { from: Pid::OUTSIDE, reason: ExitReason::other("please") };
    assert_eq!(said.await.unwrap(), expected);
    trapper.exit(ExitReason::Normal);
    settle().await;
    assert!(trapper.is_alive());
    assert_eq!(kill_and_wait(&trapper).await, ExitReason::Killed);
}

/// From outside, a normal exit signal is from somebody else: it is ignored.
#[tokio::test(start_paused = true)]
async fn a_normal_signal_from_outside_is_ignored() {
    let child = spawn(pending::<()>());
    settle().await;
    child.exit(ExitReason::Normal);
    settle().await;
    assert!(child.is_alive());
}

/// Nobody has a pid, to which anything can be sent.
#[test]
fn what_is_sent_to_nobody_does_nothing() {
    fn send_to_nobody() {
        let nobody = Pid::OUTSIDE;
        nobody.send("message");
        nobody.exit(ExitReason::other("reason"));
        nobody.exit(ExitReason::Normal);
        nobody.kill();
        assert!(!nobody.is_alive());
        assert_eq!(nobody.info(), None);
    }

    send_to_nobody();
    scenario(|mut me: Process| async move {
        send_to_nobody();
        tokio::spawn(async { send_to_nobody() }).await.unwrap();
        assert_eq!(Pid::OUTSIDE.join().await, ExitReason::NoProc);
        assert_eq!(me.link(Pid::OUTSIDE), Err(NoProc));
        me.unlink(Pid::OUTSIDE);
        me.monitor(Pid::OUTSIDE);
        assert_eq!(drain(&mut me, &[("nobody", Pid::OUTSIDE)]).await, ["DOWN nobody noproc"]);
        assert_eq!((me.info().links, me.info().monitors), (vec![], vec![]));
        assert_eq!(register("name", Pid::OUTSIDE), Err(RegisterError::NoProc(Pid::OUTSIDE)));
    });
}

/// A pid is never given out again: what is sent to the dead does nothing to a later process.
#[test]
fn signals_to_the_dead_do_not_reach_the_living() {
    scenario(|_: Process| async move {
        let dead = spawn(|_: Process<u8>| async {});
        assert_eq!(dead.join().await, ExitReason::Normal);
        let later: Vec<_> = (0..3000).map(|_| spawn(|_: Process<u8>| pending::<()>())).collect();
        dead.send(1);
        dead.pid().send(1_u8);
        dead.exit(ExitReason::Shutdown);
        dead.kill();
        settle().await;
        assert!(!dead.is_alive());
        assert_eq!((dead.pid().info(), dead.join().await), (None, ExitReason::NoProc));
        for process in &later {
            assert_ne!(*process, dead);
            assert!(process.is_alive());
            assert_eq!(process.pid().info().unwrap().message_queue_len, 0);
        }
    });
}

/// A process may send to itself, in order, whatever way it takes.
#[test]
fn a_process_may_send_to_itself() {
    scenario(|mut me: Process<u8>| async move {
        register("me", me.pid()).unwrap();
        me.address().send(1);
        me.pid().send(2_u8);
        send("me", 3_u8).unwrap();
        send(me.pid(), 4_u8).unwrap();
        assert_eq!(drain(&mut me, &[]).await, ["1", "2", "3", "4"]);
        unregister("me").unwrap();
    });
}

/// A message of a type that the receiver does not expect arrives, as unknown, and in order.
#[test]
fn a_message_of_an_unexpected_type_arrives_as_unknown() {
    scenario(|mut me: Process<u8>| async move {
        me.pid().send("text");
        me.address().send(1);
        send(me.pid(), 300_u16).unwrap();
        let mut mailbox = receive_all(&mut me).await.into_iter();
        let Some(Message::Unknown(text)) = mailbox.next() else { panic!("not unknown") };
        assert_eq!((text.type_name(), text.downcast::<&str>().unwrap()), ("&str", "text"));
        assert!(matches!(mailbox.next(), Some(Message::User(1))));
        let Some(Message::Unknown(number)) = mailbox.next() else { panic!("not unknown") };
        let number = number.downcast::<u8>().unwrap_err();
        assert_eq!(number.downcast::<u16>().unwrap(), 300);
        assert!(mailbox.next().is_none());

        // A process that receives nothing of its own can still be sent to.
        let (typeless, _) = me.spawn_monitor(|mut me: Process| async move {
            assert!(matches!(me.receive().await, Message::Unknown(_)));
        });
        typeless.pid().send(1);
        let who = [("typeless", typeless.pid())];
        assert_eq!(drain(&mut me, &who).await, ["DOWN typeless normal"]);
    });
}

// --- What is known of a process.

/// The information about a process holds all that others can know of it.
#[test]
fn a_process_can_be_asked_what_it_is() {
    scenario(|me: Process<u8>| async move {
        assert_eq!(me.info().serial, 1);
        assert_eq!((&*me.info().label.unwrap(), me.info().parent), ("main", Pid::OUTSIDE));

        let (friend, watched) = (spawn(pending::<()>()), spawn(pending::<()>()));
        let others = (friend.pid(), watched.pid());
        let child = me.spawn_with(SpawnOptions::new().label("child").link().monitor(), {
            move |me: Process<u8>| async move {
                me.trap_exit(true);
                me.link(others.0).unwrap();
                me.monitor(others.1);
                me.monitor(others.1);
                register("its name", me.pid()).unwrap();
                pending::<()>().await;
            }
        });
        for n in 0..3 {
            child.address.send(n);
        }
        settle().await;
        let pid = child.address.pid();
        let info = pid.info().unwrap();
        assert_eq!((info.pid, info.serial, info.parent), (pid, 4, me.pid()));
        assert_eq!(
            (info.name.as_deref(), info.label.as_deref()),
            (Some("its name"), Some("child"))
        );
        assert!(info.trap_exit && !info.exiting);
        assert_eq!(info.links, [me.pid(), friend.pid()]);
        assert_eq!(info.monitors, [watched.pid(); 2]);
        assert_eq!((info.monitored_by, info.message_queue_len), (vec![me.pid()], 3));
        assert_eq!(watched.pid().info().unwrap().monitored_by, [pid; 2]);
        assert_eq!(friend.pid().info().unwrap().links, [pid]);

        // A name that is given up is gone, a label can be changed, and all of it ends.
        unregister("its name").unwrap();
        assert_eq!(pid.info().unwrap().name, None);
        me.set_label("changed");
        assert_eq!(me.info().label.as_deref(), Some("changed"));
        me.unlink(pid);
        child.address.kill();
        assert!(pid.info().is_some_and(|info| info.exiting));
        pid.join().await;
        assert_eq!(pid.info(), None);
        assert_eq!(watched.pid().info().unwrap().monitored_by, NOBODY);
        assert_eq!(me.info().links, NOBODY);
        settle().await;
        assert!(!friend.is_alive(), "it was linked to the child");
    });
}

/// The length of the mailbox counts what was not received, wherever it stands.
///
/// Covers: RT-UTIL-06
#[test]
fn the_length_of_a_mailbox_counts_what_was_not_received() {
    scenario(|mut me: Process<u8>| async move {
        let length = |me: &Process<u8>| me.info().message_queue_len;
        assert_eq!(length(&me), 0);
        for n in 1..=5 {
            me.address().send(n);
        }
        assert_eq!(length(&me), 5);
        me.receive().await;
        assert_eq!(length(&me), 4);
        let wanted = me.select(|message| match message {
            Message::User(4) => Ok(()),
            other => Err(other),
        });
        wanted.await;
        assert_eq!(length(&me), 3);
        me.address().send(6);
        assert_eq!(length(&me), 4);
        assert!(me.select(Err::<(), _>).timeout(ms(0)).await.is_err());
        assert_eq!(length(&me), 4);
        assert_eq!(drain(&mut me, &[]).await, ["2", "3", "5", "6"]);
        assert_eq!(length(&me), 0);
    });
}

// --- Names.

/// One process, one name: all else is an error, and changes nothing.
///
/// Covers: RT-PROC-16
#[test]
fn a_name_is_one_process_and_a_process_has_one_name() {
    scenario(|me: Process| async move {
        let (one, two) = (spawn(pending::<()>()), spawn(pending::<()>()));
        let dead = spawn(async {});
        dead.join().await;
        let doomed = spawn(pending::<()>());
        doomed.kill();

        assert_eq!(register("taken", &one), Ok(()));
        let taken = RegisterError::Taken { name: "taken".to_owned(), holder: one.pid() };
        assert_eq!(register("taken", &two), Err(taken.clone()));
        assert_eq!(register("taken", &one), Err(taken.clone()));
        assert_eq!(taken.to_string(), format!("the name \"taken\" is taken by {one}"));
        let second = RegisterError::HasName { pid: one.pid(), name: "taken".to_owned() };
        assert_eq!(register("second", &one), Err(second));
        assert_eq!(register("free", &dead), Err(RegisterError::NoProc(dead.pid())));
        assert_eq!(register("free", &doomed), Err(RegisterError::NoProc(doomed.pid())));
        assert_eq!(unregister("free"), Err(NotRegistered("free".to_owned())));
        assert_eq!(send("free", 1), Err(NotRegistered("free".to_owned())));

        assert_eq!((whereis("taken"), whereis("second")), (Some(one.pid()), None));
        assert_eq!(*me.system().registered(), ["taken".into()]);
        assert_eq!(unregister("taken"), Ok(()));
        assert_eq!(unregister("taken"), Err(NotRegistered("taken".to_owned())));
        assert_eq!(register("taken", &two), Ok(()));
        assert_eq!(register("second", &one), Ok(()));
        assert_eq!((whereis("taken"), whereis("second")), (Some(two.pid()), Some(one.pid())));
    });
}

/// Whoever learns of the end of a process finds its name free; two hundred times.
#[test]
fn a_name_is_free_when_the_end_of_its_process_is_seen() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        for round in 0..200 {
            let options = SpawnOptions::new().link().monitor();
            let child = me.spawn_with(options, async move {
                if round % 2 == 0 {
                    pending::<()>().await;
                }
            });
            register("name", &child.address).unwrap();
            child.address.exit(ExitReason::Shutdown);
            assert_eq!(whereis("name"), None, "it was decided that it ends");
            for _ in 0..2 {
                me.receive().await;
                assert_eq!((whereis("name"), me.system().registered().len()), (None, 0));
            }
        }
    });
}

/// Everything is done at the very moment of the news, not only when somebody comes to read it: the
/// state is dropped, the name is free, the process is neither found nor counted.
#[test]
fn an_end_is_complete_when_it_is_announced() {
    scenario(|me: Process| async move {
        let (log, system) = (Log::default(), me.system());
        let dying = spawn(holder(&log, "dropped")).pid();
        register("name", dying).unwrap();
        let others = system.process_count() + 2;
        let look = |told: &'static str| {
            let (log, system) = (log.clone(), system.clone());
            on_wake(move || {
                assert_eq!(log.lines()[0], "dropped");
                assert_eq!((system.registered(), system.whereis("name")), (vec![], None));
                assert_eq!((dying.is_alive(), dying.info()), (false, None));
                assert_eq!(system.process_count(), others - 1);
                log.add(told);
            })
        };
        let (by_exit, by_down, by_join) = (look("EXIT"), look("DOWN"), look("join"));
        spawn(move |mut me: Process| async move {
            me.trap_exit(true);
            me.link(dying).unwrap();
            received_by(&mut me, by_exit).await;
        });
        spawn(move |mut me: Process| async move {
            me.monitor(dying);
            received_by(&mut me, by_down).await;
        });
        settle().await;
        let mut join = dying.join();
        assert!(Pin::new(&mut join).poll(&mut Context::from_waker(&by_join)).is_pending());
        kill_and_wait(dying).await;
        assert_eq!(log.lines(), ["dropped", "EXIT", "DOWN", "join"]);
    });
}

/// The same on several threads, where the end and the news of it really run beside each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_free_when_the_end_of_its_process_is_seen_on_several_threads() {
    let watcher = spawn(|mut me: Process| async move {
        for round in 0..200 {
            let (child, _) = me.spawn_monitor(|mut me: Process<()>| async move {
                register("name", me.pid()).unwrap();
                me.receive().await;
            });
            if round % 2 == 0 {
                child.send(());
            } else {
                child.kill();
            }
            me.receive().await;
            assert_eq!(whereis("name"), None);
            let next = spawn(pending::<()>());
            assert_eq!(register("name", &next), Ok(()));
            assert_eq!(kill_and_wait(&next).await, ExitReason::Killed);
        }
    });
    assert_eq!(watcher.join().await, ExitReason::Normal);
}

// --- Systems.

/// Two systems in one tokio runtime see neither each other's processes nor names.
#[test]
fn two_systems_do_not_see_each_other() {
    scenario(|me: Process| async move {
        let other = System::start();
        let there = other.spawn(|_: Process<u8>| async move {
            register("name", self_pid().unwrap()).unwrap();
            // What is spawned inside belongs to the same system.
            spawn(pending::<()>());
            pending::<()>().await;
        });
        settle().await;
        assert_eq!((other.process_count(), other.processes().len()), (2, 2));
        assert_eq!((me.system().process_count(), me.system().processes()), (1, vec![me.pid()]));
        assert_eq!((other.whereis("name"), whereis("name")), (Some(there.pid()), None));
        assert_eq!(me.system().registered().len(), 0);
        assert_eq!(send("name", 1_u8), Err(NotRegistered("name".to_owned())));
        assert_eq!(register("name", me.pid()), Ok(()));
        assert_eq!((other.whereis("name"), whereis("name")), (Some(there.pid()), Some(me.pid())));
        let serials: Vec<_> = other.process_infos().iter().map(|info| info.serial).collect();
        assert_eq!(serials, [1, 2], "each system counts for itself");

        // And end apart.
        other.stop().await;
        assert!(!there.is_alive());
        assert_eq!((whereis("name"), me.system().process_count()), (Some(me.pid()), 1));
    });
}

/// Each tokio runtime has a system of its own.
#[test]
fn two_tokio_runtimes_have_two_systems() {
    let (one, two) = (paused(), paused());
    let first = one.block_on(async {
        let child = spawn(pending::<()>());
        register("name", &child).unwrap();
        child
    });
    two.block_on(async {
        assert_eq!((whereis("name"), System::current().process_count()), (None, 0));
        let second = spawn(pending::<()>());
        assert_eq!(register("name", &second), Ok(()));
    });
    drop(two);
    one.block_on(async {
        assert_eq!(whereis("name"), Some(first.pid()));
        assert_eq!(System::current().processes(), [first.pid()]);
    });
}

/// A pid means the same everywhere: signals cross from one system to another.
#[test]
fn signals_cross_from_one_system_to_another() {
    scenario(|mut me: Process| async move {
        let other = System::start();
        me.trap_exit(true);
        let there = other.spawn(pending::<()>());
        me.link(&there).unwrap();
        me.monitor(&there);
        there.exit(ExitReason::Shutdown);
        let mailbox = drain(&mut me, &[("there", there.pid())]).await;
        assert_eq!(mailbox, ["EXIT there shutdown", "DOWN there shutdown"]);
    });
}

/// Monitors that were made in several systems on one process are all answered.
#[test]
fn monitors_from_several_systems_on_one_process_are_all_answered() {
    scenario(|_: Process| async move {
        let systems = [(); 3].map(|()| System::start());
        let target = systems[0].spawn(pending::<()>()).pid();
        let log = Log::default();
        for system in &systems {
            let log = log.clone();
            system.spawn(move |mut me: Process| async move {
                me.monitor(target);
                for line in drain(&mut me, &[("target", target)]).await {
                    log.add(line);
                }
            });
        }
        let joins = [target.join(), target.join(), target.join()];
        settle().await;
        target.kill();
        for join in joins {
            assert_eq!(join.await, ExitReason::Killed);
        }
        sleep(ms(10_000)).await;
        assert_eq!(log.lines(), ["DOWN target killed"; 3]);
    });
}

/// A process of another system is nobody here: it gets no name.
#[test]
fn a_name_is_given_only_to_a_process_of_its_system() {
    scenario(|me: Process| async move {
        let other = System::start();
        let there = other.spawn(pending::<()>());
        assert_eq!(register("name", &there), Err(RegisterError::NoProc(there.pid())));
        assert_eq!((me.system().registered().len(), there.pid().info().unwrap().name), (0, None));
    });
}

/// The events of a system are its own.
#[test]
fn a_recorder_hears_its_own_system() {
    scenario(|me: Process| async move {
        let other = System::start();
        let (here, there) = (me.system().record(), other.record());
        spawn(async {}).join().await;
        other.spawn(async {}).join().await;
        for (recorder, serial) in [(here, 2), (there, 1)] {
            let trace = recorder.trace();
            let [spawned, exited] = trace.events() else { panic!("not two events: {trace}") };
            assert!(matches!(spawned.what, What::Spawned { .. }));
            assert!(matches!(exited.what, What::Exited { .. }));
            assert_eq!((spawned.subject.serial, exited.subject.serial), (serial, serial));
        }
    });
}

// --- The end of a system.

/// A process that holds something, and says when it is dropped.
fn holder(log: &Log, name: &'static str) -> impl Future<Output = ()> + Send + 'static {
    let held = Dropped(log.clone(), name);
    async move {
        let _held = held;
        pending::<()>().await;
    }
}

/// Dropping the guard of a system ends its processes, those that trap exits too, and drops what
/// they hold.
#[test]
fn dropping_the_guard_of_a_system_ends_its_processes() {
    for seeded in [false, true] {
        scenario(move |_: Process| async move {
            let log = Log::default();
            let guard = if seeded { System::start_seeded(1) } else { System::start() };
            let system = System::clone(&guard);
            let begun = guard.spawn(holder(&log, "begun"));
            let trapper = guard.spawn(|mut me: Process| async move {
                me.trap_exit(true);
                loop {
                    me.receive().await;
                }
            });
            register_in(&guard, "name").await;
            settle().await;
            let fresh = guard.spawn(holder(&log, "fresh"));
            let ends = [begun.join(), trapper.join(), fresh.join()];
            drop(guard);
            assert!(!begun.is_alive() && !trapper.is_alive() && !fresh.is_alive());
            for end in ends {
                assert_eq!(end.await, ExitReason::Killed);
            }
            eventually(|| system.process_count() == 0).await;
            let mut lines = log.lines();
            lines.sort();
            assert_eq!(lines, ["begun", "fresh"]);
            assert_eq!((system.processes(), system.registered().len()), (vec![], 0));
        });
    }
}

/// Starts a process that names itself.
async fn register_in(system: &System, name: &'static str) {
    system.spawn(move |me: Process| async move {
        register(name, me.pid()).expect("the name is free");
        pending::<()>().await;
    });
    eventually(|| system.whereis(name).is_some()).await;
}

/// Stopping a system waits until every process has ended and dropped what it held.
#[test]
fn stopping_a_system_waits_for_its_processes() {
    scenario(|_: Process| async move {
        let log = Log::default();
        let guard = System::start();
        let system = System::clone(&guard);
        for _ in 0..10 {
            guard.spawn(holder(&log, "held"));
        }
        let slow = guard.spawn(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
        guard.stop().await;
        assert!(!slow.is_alive());
        assert_eq!((log.lines().len(), system.process_count()), (10, 0));
    });
}

/// A system that has ended takes no more processes: what is started in it ends before it begins.
#[test]
fn a_system_that_has_ended_runs_nothing_more() {
    for seeded in [false, true] {
        scenario(move |_: Process| async move {
            let log = Log::default();
            let guard = if seeded { System::start_seeded(1) } else { System::start() };
            let system = System::clone(&guard);
            guard.stop().await;
            let late = system.spawn(holder(&log, "dropped"));
            let end = late.join().await;
            assert!(matches!(end, ExitReason::Killed | ExitReason::NoProc), "{end}");
            assert_eq!((log.lines(), system.process_count()), (vec!["dropped".into()], 0));
        });
    }
}

/// When the tokio runtime goes, its processes go, and drop what they hold: those that wait, those
/// that were not begun, and those of a system of their own.
#[test]
fn processes_end_with_their_tokio_runtime() {
    let single = || Builder::new_current_thread().enable_all().build().unwrap();
    let multi = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for tokio in [single(), multi()] {
        let log = Log::default();
        let (children, guards) = tokio.block_on(async {
            let guards = [System::start(), System::start_seeded(1)];
            let mut children = vec![spawn(holder(&log, "default"))];
            children.push(guards[0].spawn(holder(&log, "started")));
            children.push(guards[1].spawn(holder(&log, "seeded")));
            let began = |child: &Address<_>| child.pid().info().is_some();
            assert!(children.iter().all(began));
            settle().await;
            children.push(spawn(holder(&log, "not begun")));
            (children, guards)
        });
        drop(tokio);
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, ["default", "not begun", "seeded", "started"]);
        for child in &children {
            assert!(!child.is_alive());
            assert_eq!(child.pid().info(), None);
        }
        for guard in &guards {
            assert_eq!(guard.process_count(), 0);
        }
    }
}

/// Who is told of the end by then is told the truth: the process was killed.
#[test]
fn a_join_learns_of_the_end_of_the_tokio_runtime() {
    let tokio = paused();
    let child = tokio.block_on(async { spawn(pending::<()>()) });
    let end = child.join();
    drop(tokio);
    assert_eq!(paused().block_on(end), ExitReason::Killed);
}

/// The handle of a tokio runtime that has shut down leads nowhere, and hangs nobody.
#[test]
fn a_tokio_runtime_that_has_shut_down_runs_nothing_more() {
    ends(|| {
        let log = Log::default();
        let tokio = paused();
        let handle = tokio.handle().clone();
        drop(tokio);
        let _entered = handle.enter();
        assert_eq!(whereis("name"), None);
        let late = spawn(holder(&log, "dropped"));
        assert!(!late.is_alive());
        assert_eq!((late.pid().info(), log.lines()), (None, vec!["dropped".into()]));
    });
}

/// What a plain task drops while its tokio runtime shuts down may ask for the system.
#[test]
fn a_plain_task_may_ask_for_the_system_while_its_tokio_runtime_shuts_down() {
    struct Asks(mpsc::Sender<Option<Pid>>);

    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.send(whereis("name")).unwrap();
        }
    }

    ends(|| {
        let (told, said) = mpsc::channel();
        let tokio = paused();
        tokio.block_on(async {
            let asks = Asks(told);
            tokio::spawn(async move {
                let _asks = asks;
                pending::<()>().await;
            });
            settle().await;
        });
        drop(tokio);
        assert_eq!(said.recv(), Ok(None));
    });
}

/// A system shows its time, which a paused clock governs.
///
/// Covers: RT-PROC-18
#[test]
fn the_time_of_a_system_is_tokios() {
    scenario(|me: Process| async move {
        let (system, other) = (me.system(), System::start());
        let began = system.system_time();
        sleep(ms(90_000)).await;
        assert_eq!(system.monotonic_time(), ms(90_000));
        assert_eq!(system.system_time().duration_since(began).unwrap(), ms(90_000));
        let later = System::start();
        assert_eq!((other.monotonic_time(), later.monotonic_time()), (ms(90_000), ms(0)));
    });
}

/// Timers belong to the system of whoever sets them, and can be cancelled only in there.
#[test]
fn a_timer_belongs_to_its_system() {
    scenario(|me: Process<u8>| async move {
        let timer = send_after(ms(10), me.address(), 1);
        let other = System::start();
        let (_, mine) = (other.timer_count(), me.system().timer_count());
        assert_eq!((other.timer_count(), mine), (0, 1));
        let log = Log::default();
        let lines = log.clone();
        let there = other.spawn(async move {
            lines.add(format!("{:?} {:?}", cancel_timer(timer), read_timer(timer)));
        });
        there.join().await;
        assert_eq!(log.lines(), ["None None"]);
        assert_eq!(read_timer(timer), Some(ms(10)));
        assert_eq!(cancel_timer(timer), Some(ms(10)));
        assert_ne!(log.lines(), NOTHING);
    });
}
