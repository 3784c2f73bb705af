//! Monitors.

use std::future::pending;
use std::sync::{Arc, OnceLock};

use crate::common::{
    Log, NOBODY, NOTHING, Shared, drain, ms, on_wake, receive_all, received_by, show,
};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    ExitReason, Message, MonitorRef, NotRegistered, Pid, Process, demonitor, exit, register, send,
    spawn, unregister,
};
use tokio::time::sleep;

/// The references of the DOWN messages, in order.
fn refs<M>(mailbox: &[Message<M>]) -> Vec<MonitorRef> {
    let mref = |message: &Message<M>| match message {
        Message::Down(down) => Some(down.mref),
        _ => None,
    };
    mailbox.iter().filter_map(mref).collect()
}

/// A monitor tells of the end of a process, whatever the reason, and does nothing else to its
/// owner.
///
/// Covers: RT-PROC-14
/// Oracle: MON-01
#[test]
fn a_monitor_tells_of_every_end() {
    scenario(|mut me: Process| async move {
        let (target, exited) = me.spawn_monitor(async { exit(ExitReason::other("some_reason")) });
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[("target", target.pid())]), r#"DOWN target "some_reason""#);
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![exited]));

        let (target, returned) = me.spawn_monitor(async {});
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[("target", target.pid())]), "DOWN target normal");
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![returned]));

        let target = spawn(pending::<()>());
        let killed = me.monitor(&target);
        target.kill();
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[("target", target.pid())]), "DOWN target killed");
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![killed]));
    });
}

/// A monitor on a process that has ended answers at once that there is none.
///
/// Oracle: MON-02
#[test]
fn a_monitor_on_the_dead_answers_noproc() {
    scenario(|mut me: Process| async move {
        let dead = spawn(async { ExitReason::other("forgotten") });
        dead.join().await;
        let mref = me.monitor(&dead);
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[("dead", dead.pid())]), "DOWN dead noproc");
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![mref]));
        assert_eq!(me.info().monitors, NOBODY);
    });
}

/// Every call makes a monitor of its own, and they answer in the order in which they were made.
///
/// Oracle: MON-03
#[test]
fn two_monitors_on_one_process_give_two_messages_in_order() {
    scenario(|mut me: Process| async move {
        let target = spawn(pending::<()>());
        let made = [me.monitor(&target), me.monitor(&target)];
        assert_ne!(made[0], made[1]);
        assert_eq!(target.pid().info().unwrap().monitored_by, [me.pid(); 2]);
        target.kill();
        let mailbox = receive_all(&mut me).await;
        assert_eq!((mailbox.len(), refs(&mailbox)), (2, made.to_vec()));
    });
}

/// Also when others were made and withdrawn in between.
#[test]
fn monitors_answer_in_the_order_in_which_they_were_made() {
    scenario(|mut me: Process| async move {
        let target = spawn(pending::<()>());
        let made = [(); 10].map(|()| me.monitor(&target));
        for withdrawn in [made[0], made[4], made[8]] {
            assert!(me.demonitor(withdrawn));
        }
        let last = me.monitor(&target);
        target.kill();
        let left = [made[1], made[2], made[3], made[5], made[6], made[7], made[9], last];
        assert_eq!(refs(&receive_all(&mut me).await), left);
    });
}

/// A monitor that was withdrawn in time never answers.
///
/// Covers: RT-PROC-15
/// Oracle: MON-04
#[test]
fn a_monitor_that_was_withdrawn_does_not_answer() {
    scenario(|mut me: Process| async move {
        let (target, mref) = me.spawn_monitor(pending::<()>());
        assert!(me.demonitor(mref));
        assert_eq!(me.info().monitors, NOBODY);
        assert_eq!(target.pid().info().unwrap().monitored_by, NOBODY);
        kill_and_wait(&target).await;
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// A monitor that is withdrawn too late has answered: the message stays, unless it is flushed. Both
/// say whether the monitor was still on.
///
/// Oracle: MON-05
#[test]
fn a_monitor_that_is_withdrawn_too_late_has_answered_unless_it_is_flushed() {
    scenario(|mut me: Process<u8>| async move {
        for flush in [false, true] {
            let (target, mref) = me.spawn_monitor(pending::<()>());
            me.address().send(1);
            kill_and_wait(&target).await;
            me.address().send(2);
            let was_on = if flush { me.demonitor_flush(mref) } else { me.demonitor(mref) };
            assert!(!was_on);
            let mailbox = drain(&mut me, &[("target", target.pid())]).await;
            let left: &[&str] = if flush { &["1", "2"] } else { &["1", "DOWN target killed", "2"] };
            assert_eq!(mailbox, left);
        }
    });
}

/// A flush finds the message wherever it stands in the mailbox, and takes no other.
#[test]
fn a_flush_removes_the_one_message_wherever_it_stands() {
    scenario(|mut me: Process<u8>| async move {
        for looked in [false, true] {
            let (target, first) = me.spawn_monitor(pending::<()>());
            let (second, third) = (me.monitor(&target), me.monitor(&target));
            kill_and_wait(&target).await;
            if looked {
                // A selective receive has seen the messages, and left them.
                let none = me.select(Err::<(), _>).timeout(ms(0)).await;
                assert!(none.is_err());
            }
            assert!(!me.demonitor_flush(second));
            assert_eq!(me.info().message_queue_len, 2);
            assert_eq!(refs(&receive_all(&mut me).await), [first, third]);
        }
    });
}

/// A flush of a monitor that is on withdraws it.
#[test]
fn a_flush_withdraws_a_monitor_that_is_on() {
    scenario(|mut me: Process| async move {
        let (target, mref) = me.spawn_monitor(pending::<()>());
        assert!(me.demonitor_flush(mref));
        assert!(!me.demonitor_flush(mref));
        kill_and_wait(&target).await;
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// When a demonitor returns that the monitor was on, it holds: also when the other process has
/// ended and is just telling everybody so.
#[test]
fn a_demonitor_holds_while_the_end_of_the_other_is_announced() {
    scenario(|me: Process| async move {
        let dying = spawn(pending::<()>()).pid();
        let (second, log) = (Shared::default(), Log::default());
        let (handle, lines) = (second.clone(), log.clone());
        let mref = Arc::new(OnceLock::new());
        let made = mref.clone();
        let first = me.spawn_link(move |mut me: Process| async move {
            me.monitor(dying);
            let waker = on_wake(move || {
                let was_on = handle.with(|me| me.demonitor(*made.get().unwrap()));
                lines.add(format!("was on: {was_on}"));
            });
            received_by(&mut me, waker).await;
        });
        settle().await;
        let handle = second.clone();
        me.spawn_link(move |me: Process| async move {
            mref.set(me.monitor(dying)).unwrap();
            handle.put(me);
            pending::<()>().await;
        });
        settle().await;
        assert_eq!(dying.info().unwrap().monitored_by, [first.pid(), second.with(Process::pid)]);

        assert_eq!(kill_and_wait(dying).await, ExitReason::Killed);
        assert_eq!(first.pid().info().unwrap().message_queue_len, 1);
        assert_eq!(log.lines(), ["was on: true"]);
        second.with(|me| assert_eq!(me.info().message_queue_len, 0));
    });
}

// --- Names.

/// A monitor by name answers with the name.
///
/// Oracle: MON-06
#[test]
fn a_monitor_by_name_answers_with_the_name() {
    scenario(|mut me: Process| async move {
        let target = spawn(pending::<()>());
        register("mon6", &target).unwrap();
        let mref = me.monitor("mon6");
        assert_eq!(me.info().monitors, [target.pid()]);
        target.kill();
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[]), "DOWN the name mon6 killed");
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![mref]));
    });
}

/// A monitor on a name that nobody holds answers at once, with the name.
///
/// Oracle: MON-07
#[test]
fn a_monitor_on_an_unknown_name_answers_noproc() {
    scenario(|mut me: Process| async move {
        let mref = me.monitor("mon7_none");
        let mailbox = receive_all(&mut me).await;
        assert_eq!(show(&mailbox[0], &[]), "DOWN the name mon7_none noproc");
        assert_eq!((mailbox.len(), refs(&mailbox)), (1, vec![mref]));
    });
}

/// A monitor by name stays with the process that held the name when it was made.
///
/// Oracle: MON-09
#[test]
fn a_monitor_by_name_stays_with_the_process_when_the_name_moves() {
    scenario(|mut me: Process| async move {
        let (original, other) = (spawn(pending::<()>()), spawn(pending::<()>()));
        register("mon9", &original).unwrap();
        me.monitor("mon9");
        unregister("mon9").unwrap();
        register("mon9", &other).unwrap();
        kill_and_wait(&other).await;
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
        kill_and_wait(&original).await;
        assert_eq!(drain(&mut me, &[]).await, ["DOWN the name mon9 killed"]);
    });
}

// --- Oneself, others, nobody.

/// A monitor on oneself is made, and never answers.
///
/// Oracle: MON-08
#[test]
fn a_monitor_on_oneself_never_answers() {
    scenario(|mut me: Process| async move {
        let mref = me.monitor(me.pid());
        assert_ne!(mref, me.monitor(me.pid()));
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
        assert!(!me.demonitor(mref));
        let (it, _) = me.spawn_monitor(|me: Process| async move {
            me.monitor(me.pid());
        });
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, ["DOWN it normal"]);
    });
}

/// A monitor can be withdrawn once; somebody else's cannot be withdrawn at all. Neither is an
/// error.
///
/// Oracle: MON-10
#[test]
fn a_monitor_is_withdrawn_once_and_by_its_owner_alone() {
    scenario(|mut me: Process| async move {
        let target = spawn(pending::<()>());
        let mref = me.monitor(&target);
        assert_eq!([me.demonitor(mref), me.demonitor(mref)], [true, false]);

        let mref = me.monitor(&target);
        let thief = spawn(async move { assert_eq!(demonitor(mref), Ok(false)) });
        assert_eq!(thief.join().await, ExitReason::Normal);
        target.kill();
        assert_eq!(refs(&receive_all(&mut me).await), [mref]);
    });
}

/// Each of several monitors is told apart by its reference.
///
/// Oracle: MON-11
#[test]
fn several_processes_are_told_apart_by_their_monitors() {
    scenario(|mut me: Process| async move {
        let targets = [1_u64, 2, 3].map(|i| {
            me.spawn_monitor(async move {
                sleep(ms(100 * i)).await;
                exit(ExitReason::other(("finished", i)))
            })
        });
        let mut mailbox = Vec::new();
        for (target, mref) in &targets {
            let down = me
                .select(|message| match message {
                    Message::Down(down) if down.mref == *mref => Ok(down),
                    other => Err(other),
                })
                .await;
            assert_eq!(down.target, *target);
            mailbox.push((me.system().monotonic_time(), down.reason));
        }
        let finished = |i: u64| (ms(100 * i), ExitReason::other(("finished", i)));
        assert_eq!(mailbox, [finished(1), finished(2), finished(3)]);
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// The end of a process that monitors is nothing to the process that it monitors.
///
/// Oracle: MON-12
#[test]
fn the_end_of_a_watcher_does_not_touch_its_target() {
    scenario(|_: Process| async move {
        let target = spawn(pending::<()>());
        let pid = target.pid();
        let watcher = spawn(move |me: Process| async move {
            me.monitor(pid);
            sleep(ms(10)).await;
            panic!("the watcher crashes");
        });
        settle().await;
        assert_eq!(pid.info().unwrap().monitored_by, [watcher.pid()]);
        watcher.join().await;
        settle().await;
        assert!(target.is_alive());
        assert_eq!(pid.info().unwrap().monitored_by, NOBODY);
    });
}

/// What a process sent before its end arrives before the news of its end.
///
/// Oracle: MON-13
#[test]
fn messages_of_a_process_arrive_before_its_down() {
    scenario(|mut me: Process<u8>| async move {
        let to = me.address();
        let (target, _) = me.spawn_monitor(async move {
            for n in 1..=3 {
                to.send(n);
            }
            exit(ExitReason::other("done"))
        });
        let mailbox = drain(&mut me, &[("target", target.pid())]).await;
        assert_eq!(mailbox, ["1", "2", "3", r#"DOWN target "done""#]);
    });
}

/// A link and a monitor on one process are two things: a trapping process gets both messages.
///
/// Oracle: MON-14
#[test]
fn a_link_and_a_monitor_give_a_message_each() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let (target, _) = me.spawn_monitor(pending::<()>());
        me.link(&target).unwrap();
        target.exit(ExitReason::other("gone"));
        let mut kinds = drain(&mut me, &[("target", target.pid())]).await;
        kinds.sort();
        assert_eq!(kinds, [r#"DOWN target "gone""#, r#"EXIT target "gone""#]);
    });
}

/// A message to a process that has ended is sent to nobody; a name that nobody holds is an error.
///
/// Covers: RT-PROC-06
/// Oracle: MON-15
#[test]
fn a_message_to_the_dead_is_dropped_and_to_an_unknown_name_is_an_error() {
    scenario(|_: Process| async move {
        let dead = spawn(|_: Process<u8>| async {});
        dead.join().await;
        dead.send(1);
        dead.pid().send(1_u8);
        assert_eq!(send(dead.pid(), 1_u8), Ok(()));
        assert_eq!(send(&dead, 1), Ok(()));
        assert_eq!(dead.try_send(7).unwrap_err().0, 7);
        assert_eq!(send("nobody", 1_u8), Err(NotRegistered("nobody".to_owned())));
    });
}

/// A process that is spawned with a monitor has it before it runs, so that the real reason is seen.
#[test]
fn a_process_spawned_with_a_monitor_is_monitored_before_it_runs() {
    scenario(|mut me: Process| async move {
        for n in 0..100 {
            let (_, mref) = me.spawn_monitor(async move { exit(ExitReason::other(n)) });
            let [Message::Down(down)] = &receive_all(&mut me).await[..] else {
                panic!("not one DOWN");
            };
            assert_eq!((down.mref, &down.reason), (mref, &ExitReason::other(n)));
        }
    });
}

/// Many processes may watch one; each is told once.
#[test]
fn every_watcher_of_a_process_is_told_once() {
    scenario(|mut me: Process<(Pid, String)>| async move {
        let target = spawn(pending::<()>());
        let watchers: Vec<_> = (0..50)
            .map(|_| {
                let (target, to) = (target.pid(), me.address());
                spawn(move |mut me: Process| async move {
                    me.monitor(target);
                    for line in drain(&mut me, &[("target", target)]).await {
                        to.send((me.pid(), line));
                    }
                })
            })
            .collect();
        settle().await;
        target.kill();
        let mut told = Vec::new();
        while let Ok(Message::User((pid, line))) = me.receive().timeout(ms(5000)).await {
            assert_eq!(line, "DOWN target killed");
            told.push(pid);
        }
        told.sort();
        let mut all: Vec<_> = watchers.iter().map(runtime::Address::pid).collect();
        all.sort();
        assert_eq!(told, all);
    });
}
