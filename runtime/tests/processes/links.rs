//! Links and exit signals.

use std::future::pending;

use crate::common::{Log, NOBODY, NOTHING, Shared, assert_panic, drain, ms, on_wake, received_by};
use runtime::testing::{Schedule, run_on, scenario, settle};
use runtime::{
    ExitReason, Message, NoProc, Pid, Process, SpawnOptions, assert_trace, attempt, exit, spawn,
};
use tokio::time::sleep;

/// A process that waits ten milliseconds, so that others can link to it, and then ends.
async fn ends_later(reason: ExitReason) -> ExitReason {
    sleep(ms(10)).await;
    reason
}

fn oops() -> ExitReason {
    ExitReason::other("oops")
}

// --- The end of a linked process.

/// A process that does not trap exits ends with the reason of its linked child.
///
/// Oracle: LNK-01
#[test]
fn a_parent_that_does_not_trap_ends_with_the_reason_of_its_child() {
    scenario(|mut me: Process| async move {
        let (parent, _) = me.spawn_monitor(|me: Process| async move {
            me.spawn_link(async { exit(oops()) });
            pending::<()>().await;
        });
        assert_eq!(drain(&mut me, &[("parent", parent.pid())]).await, [r#"DOWN parent "oops""#]);
    });
}

/// A panic travels along a link whole: with its message and its place.
///
/// Oracle: LNK-02
#[test]
fn a_parent_ends_with_the_panic_of_its_child() {
    scenario(|mut me: Process| async move {
        let (parent, _) = me.spawn_monitor(|me: Process| async move {
            me.spawn_link(async { panic!("crash") });
            pending::<()>().await;
        });
        let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
        assert_eq!(down.target, parent);
        assert_panic(&down.reason, "crash", file!());
    });
}

/// A process that traps exits gets the exit of its linked child as a message.
///
/// Covers: RT-PROC-13
/// Oracle: LNK-03
#[test]
fn a_trapping_parent_gets_the_exit_of_its_child_as_a_message() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let child = me.spawn_link(async { exit(oops()) });
        assert_eq!(drain(&mut me, &[("child", child.pid())]).await, [r#"EXIT child "oops""#]);
    });
}

/// A normal end ends nobody: a process that does not trap hears nothing, one that does gets a
/// message.
///
/// Oracle: LNK-04
#[test]
fn a_normal_end_of_a_child_is_only_a_message_and_only_to_a_trapping_parent() {
    scenario(|mut me: Process| async move {
        me.spawn_link(async {});
        assert_eq!(drain(&mut me, &[]).await, NOTHING);

        me.trap_exit(true);
        let child = me.spawn_link(async {});
        assert_eq!(drain(&mut me, &[("child", child.pid())]).await, ["EXIT child normal"]);
    });
}

/// An abnormal end runs along a chain of links, with the first reason.
///
/// Covers: RT-LINK-01
/// Oracle: LNK-05
#[test]
fn an_exit_runs_along_a_chain_of_links() {
    scenario(|mut me: Process| async move {
        let linked_to = |next: Pid| {
            move |me: Process| async move {
                me.link(next).unwrap();
                pending::<()>().await;
            }
        };
        let (c, _) = me.spawn_monitor(ends_later(ExitReason::other("bang")));
        let (b, _) = me.spawn_monitor(linked_to(c.pid()));
        let (a, _) = me.spawn_monitor(linked_to(b.pid()));
        let who = [("A", a.pid()), ("B", b.pid()), ("C", c.pid())];
        let mailbox = drain(&mut me, &who).await;
        assert_eq!(mailbox, [r#"DOWN C "bang""#, r#"DOWN B "bang""#, r#"DOWN A "bang""#]);
    });
}

/// Those who are linked to a killed process see `killed`, which is not the untrappable `kill`.
///
/// Covers: RT-PROC-12
/// Oracle: LNK-06
#[test]
fn a_killed_process_is_seen_as_killed() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let (a, _) = me.spawn_monitor(pending::<()>());
        let target = a.pid();
        let (b, _) = me.spawn_monitor(move |me: Process| async move {
            me.link(target).unwrap();
            pending::<()>().await;
        });
        me.link(&a).unwrap();
        settle().await;
        a.kill();
        let mailbox = drain(&mut me, &[("A", a.pid()), ("B", b.pid())]).await;
        assert_eq!(mailbox, ["EXIT A killed", "DOWN A killed", "DOWN B killed"]);
    });
}

/// A kill cannot be trapped: the process ends, and gets no message.
///
/// Oracle: LNK-07
#[test]
fn a_kill_cannot_be_trapped() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (t, _) = me.spawn_monitor(|mut me: Process| async move {
            me.trap_exit(true);
            let message = me.receive().await;
            lines.add(format!("{message:?}"));
        });
        settle().await;
        t.kill();
        assert_eq!(drain(&mut me, &[("T", t.pid())]).await, ["DOWN T killed"]);
        assert_eq!(log.lines(), NOTHING);
    });
}

/// A process that ends by itself with the reason `kill` sends just that along its links, where it
/// can be trapped.
///
/// Oracle: LNK-08
#[test]
fn an_own_end_with_kill_is_seen_as_kill_and_can_be_trapped() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let child = me.spawn_link(async {
            sleep(ms(10)).await;
            exit(ExitReason::Kill)
        });
        let target = child.pid();
        let (b, _) = me.spawn_monitor(move |me: Process| async move {
            me.link(target).unwrap();
            pending::<()>().await;
        });
        let mailbox = drain(&mut me, &[("child", child.pid()), ("B", b.pid())]).await;
        assert_eq!(mailbox, ["EXIT child kill", "DOWN B kill"]);
    });
}

/// A link has two ends: the end of either process reaches the other, whoever made the link.
///
/// Covers: RT-PROC-04
/// Oracle: LNK-18
#[test]
fn a_link_works_both_ways() {
    scenario(|mut me: Process| async move {
        for first in [true, false] {
            let (a, _) = me.spawn_monitor(pending::<()>());
            let target = a.pid();
            let (b, _) = me.spawn_monitor(move |me: Process| async move {
                me.link(target).unwrap();
                pending::<()>().await;
            });
            settle().await;
            assert_eq!(a.pid().info().unwrap().links, [b.pid()]);
            assert_eq!(b.pid().info().unwrap().links, [a.pid()]);
            let (hit, other) = if first { (a.pid(), b.pid()) } else { (b.pid(), a.pid()) };
            hit.exit(ExitReason::other("zap"));
            let mailbox = drain(&mut me, &[("hit", hit), ("other", other)]).await;
            assert_eq!(mailbox, [r#"DOWN hit "zap""#, r#"DOWN other "zap""#]);
        }
    });
}

/// A parent that ends normally leaves its child alive; a trapping child gets a message.
///
/// Oracle: LNK-19
#[test]
fn a_parent_that_ends_normally_leaves_its_child_alive() {
    scenario(|mut me: Process<Pid>| async move {
        let to = me.address();
        let parent = spawn(|me: Process| async move {
            to.send(me.spawn_link(pending::<()>()).pid());
        });
        let child = me.receive().await.into_user().unwrap();
        parent.join().await;
        settle().await;
        assert!(child.is_alive());
        assert_eq!(child.info().unwrap().links, NOBODY);

        let log = Log::default();
        let lines = log.clone();
        let parent = spawn(|me: Process| async move {
            let own = me.pid();
            me.spawn_link(move |mut me: Process| async move {
                me.trap_exit(true);
                for line in drain(&mut me, &[("parent", own)]).await {
                    lines.add(line);
                }
            });
            sleep(ms(10)).await;
        });
        parent.join().await;
        sleep(ms(5000)).await;
        assert_eq!(log.lines(), ["EXIT parent normal"]);
    });
}

/// Three children of one trapping parent: the first is killed, the others do not notice.
///
/// Covers: RT-PROC-01
/// Oracle: LNK-22
#[test]
fn the_children_of_a_trapping_parent_do_not_feel_each_others_end() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let children = [(); 3].map(|()| me.spawn_link(pending::<()>()).pid());
        sleep(ms(100)).await;
        children[0].kill();
        assert_eq!(drain(&mut me, &[("p1", children[0])]).await, ["EXIT p1 killed"]);
        assert_eq!(children.map(Pid::is_alive), [false, true, true]);
    });
}

// --- Exit signals that somebody sends.

/// A normal exit signal from another process does nothing to a process that does not trap.
///
/// Oracle: LNK-09
#[test]
fn a_normal_exit_signal_from_another_process_is_ignored() {
    scenario(|mut me: Process| async move {
        let (other, _) = me.spawn_monitor(pending::<()>());
        settle().await;
        other.exit(ExitReason::Normal);
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
        assert!(other.is_alive());
    });
}

/// A trapping process gets a normal exit signal as a message.
///
/// Oracle: LNK-10
#[test]
fn a_normal_exit_signal_to_a_trapping_process_is_a_message() {
    scenario(|me: Process| async move {
        let log = Log::default();
        let t = spawn(trapper(log.clone(), me.pid()));
        settle().await;
        t.exit(ExitReason::Normal);
        settle().await;
        assert!(t.is_alive());
        assert_eq!(log.lines(), ["EXIT main normal"]);
    });
}

/// A process that traps exits and writes down what it receives.
fn trapper(
    log: Log,
    main: Pid,
) -> impl FnOnce(Process) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send {
    move |mut me: Process| {
        Box::pin(async move {
            me.trap_exit(true);
            loop {
                log.add(crate::common::show(&me.receive().await, &[("main", main)]));
            }
        })
    }
}

/// A normal exit signal to oneself is fatal.
///
/// Oracle: LNK-11
#[test]
fn a_normal_exit_signal_to_oneself_ends_the_process() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (other, _) = me.spawn_monitor(|me: Process| async move {
            me.pid().exit(ExitReason::Normal);
            lines.add("went on");
            ExitReason::other("not normal")
        });
        assert_eq!(drain(&mut me, &[("it", other.pid())]).await, ["DOWN it normal"]);
        assert_eq!(log.lines(), NOTHING);
    });
}

/// A trapping process gets its own exit signals as messages.
///
/// Oracle: LNK-12
#[test]
fn a_trapping_process_gets_its_own_exit_signals_as_messages() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        me.pid().exit(ExitReason::Normal);
        me.pid().exit(ExitReason::other("bye"));
        let own = me.pid();
        let mailbox = drain(&mut me, &[("main", own)]).await;
        assert_eq!(mailbox, ["EXIT main normal", r#"EXIT main "bye""#]);
    });
}

/// An exit signal needs no link: it ends a process that does not trap, and tells one that does who
/// sent it.
///
/// Covers: RT-PROC-02, RT-PROC-11
/// Oracle: LNK-20
#[test]
fn an_exit_signal_needs_no_link_and_names_its_sender() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let (other, _) = me.spawn_monitor(pending::<()>());
        let t = spawn(trapper(log.clone(), me.pid()));
        settle().await;
        other.exit(ExitReason::other("custom"));
        t.exit(ExitReason::other("custom"));
        assert_eq!(drain(&mut me, &[("it", other.pid())]).await, [r#"DOWN it "custom""#]);
        assert!(t.is_alive());
        assert_eq!(log.lines(), [r#"EXIT main "custom""#]);
    });
}

/// Of two exit signals to a process that does not trap, the first decides; a signal to a process
/// that has ended is sent to nobody.
///
/// Oracle: LNK-23
#[test]
fn the_first_of_two_exit_signals_decides() {
    scenario(|mut me: Process| async move {
        let (other, _) = me.spawn_monitor(pending::<()>());
        settle().await;
        other.exit(ExitReason::other("first"));
        other.exit(ExitReason::other("second"));
        assert_eq!(drain(&mut me, &[("it", other.pid())]).await, [r#"DOWN it "first""#]);
        other.exit(ExitReason::other("third"));
        other.kill();
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// The reason `killed` is an ordinary one when somebody sends it: it can be trapped.
///
/// Oracle: LNK-24
#[test]
fn the_reason_killed_can_be_trapped() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let t = spawn(trapper(log.clone(), me.pid()));
        let (other, _) = me.spawn_monitor(pending::<()>());
        settle().await;
        t.exit(ExitReason::Killed);
        other.exit(ExitReason::Killed);
        assert_eq!(drain(&mut me, &[("it", other.pid())]).await, ["DOWN it killed"]);
        assert!(t.is_alive());
        assert_eq!(log.lines(), ["EXIT main killed"]);
    });
}

// --- Trapping.

/// Setting the trap gives its former position.
///
/// Oracle: LNK-21
#[test]
fn trapping_exits_gives_the_former_setting() {
    scenario(|me: Process| async move {
        let former = [me.trap_exit(true), me.trap_exit(true), me.trap_exit(false)];
        assert_eq!(former, [false, true, true]);
        assert!(!me.info().trap_exit);
    });
}

/// The trap counts at the moment of the signal, not of the link.
///
/// Oracle: LNK-25
#[test]
fn trapping_may_be_turned_on_and_off_while_linked() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (it, _) = me.spawn_monitor(|mut me: Process| async move {
            let x = me.spawn_link(ends_later(ExitReason::other("one")));
            me.trap_exit(true);
            for line in drain(&mut me, &[("x", x.pid())]).await {
                lines.add(format!("got {line}"));
            }
            me.spawn_link(ends_later(ExitReason::other("two")));
            me.trap_exit(false);
            pending::<()>().await;
        });
        it.join().await;
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, [r#"DOWN it "two""#]);
        assert_eq!(log.lines(), [r#"got EXIT x "one""#]);
    });
}

// --- Linking and unlinking.

/// A trapping process that links to a process that has ended gets an exit message.
///
/// Oracle: LNK-13
#[test]
fn a_link_to_the_dead_is_an_exit_message_to_a_trapping_process() {
    scenario(|mut me: Process| async move {
        let dead = dead().await;
        me.trap_exit(true);
        assert_eq!(me.link(dead), Ok(()));
        assert_eq!(drain(&mut me, &[("dead", dead)]).await, ["EXIT dead noproc"]);
        assert_eq!(me.info().links, NOBODY);
    });
}

async fn dead() -> Pid {
    let dead = spawn(async {});
    dead.join().await;
    dead.pid()
}

/// A process that does not trap gets an error, and goes on if it likes.
///
/// Oracle: LNK-14
#[test]
fn a_link_to_the_dead_is_an_error_to_a_process_that_does_not_trap() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let dead = dead().await;
        let (it, _) = me.spawn_monitor(move |mut me: Process| async move {
            assert_eq!(me.link(dead), Err(NoProc));
            // With `?` or `unwrap` it is an error that an attempt can catch.
            let link = attempt(|| me.link(dead).unwrap()).catch(|caught| {
                assert!(caught.to_string().contains("NoProc"), "{caught}");
                lines.add("link: an error");
            });
            link.end();
            assert_eq!(drain(&mut me, &[]).await, NOTHING);
            lines.add("still running");
        });
        it.join().await;
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, ["DOWN it normal"]);
        assert_eq!(log.lines(), ["link: an error", "still running"]);
    });
}

/// After an unlink the end of neither reaches the other. Two links are undone by one unlink.
///
/// Oracle: LNK-15
#[test]
fn one_unlink_undoes_two_links() {
    scenario(|mut me: Process| async move {
        let peer = spawn(ends_later(ExitReason::other("boom")));
        me.link(&peer).unwrap();
        me.link(&peer).unwrap();
        assert_eq!(peer.pid().info().unwrap().links, [me.pid()]);
        me.unlink(&peer);
        assert_eq!((me.info().links, peer.pid().info().unwrap().links), (vec![], vec![]));
        me.unlink(&peer);
        peer.join().await;
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// Either end may undo a link, and then neither end reaches the other.
#[test]
fn an_unlink_works_both_ways() {
    scenario(|mut me: Process| async move {
        let main = me.pid();
        let (peer, _) = me.spawn_monitor(move |mut me: Process<()>| async move {
            me.unlink(main);
            me.receive().await;
            pending::<()>().await;
        });
        me.link(&peer).unwrap();
        settle().await;
        assert_eq!((me.info().links, peer.pid().info().unwrap().links), (vec![], vec![]));
        peer.exit(oops());
        assert_eq!(drain(&mut me, &[("peer", peer.pid())]).await, [r#"DOWN peer "oops""#]);
    });
}

/// When an unlink returns, it holds: also when the other process has ended and is just telling
/// everybody so.
#[test]
fn an_unlink_holds_while_the_end_of_the_other_is_announced() {
    scenario(|me: Process| async move {
        let (main, dying) = (me.pid(), spawn(pending::<()>()).pid());
        let second = Shared::default();
        let handle = second.clone();
        let first = me.spawn_link(move |mut me: Process| async move {
            me.trap_exit(true);
            me.link(dying).unwrap();
            received_by(&mut me, on_wake(move || handle.with(|me| me.unlink(dying)))).await;
        });
        settle().await;
        let handle = second.clone();
        me.spawn_link(move |me: Process| async move {
            me.trap_exit(true);
            me.link(dying).unwrap();
            handle.put(me);
            pending::<()>().await;
        });
        settle().await;
        assert_eq!(dying.info().unwrap().links, [first.pid(), second.with(Process::pid)]);

        dying.exit(ExitReason::other("zap"));
        assert_eq!(dying.join().await, ExitReason::other("zap"));
        assert_eq!(first.pid().info().unwrap().message_queue_len, 1);
        second
            .with(|me| assert_eq!((me.info().links, me.info().message_queue_len), (vec![main], 0)));
    });
}

/// Two links to one process are one: its end is one message.
///
/// Oracle: LNK-16
#[test]
fn two_links_to_one_process_give_one_message() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let peer = spawn(ends_later(ExitReason::other("boom")));
        me.link(&peer).unwrap();
        me.link(&peer).unwrap();
        assert_eq!(drain(&mut me, &[("peer", peer.pid())]).await, [r#"EXIT peer "boom""#]);
    });
}

/// An exit message that is in the mailbox stays there when the link is undone.
///
/// Oracle: LNK-17
#[test]
fn an_unlink_leaves_the_message_that_came_before() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let peer = me.spawn_link(ends_later(ExitReason::other("boom")));
        peer.join().await;
        settle().await;
        me.unlink(&peer);
        assert_eq!(drain(&mut me, &[("peer", peer.pid())]).await, [r#"EXIT peer "boom""#]);
    });
}

/// A link to oneself does nothing.
#[test]
fn a_link_to_oneself_does_nothing() {
    scenario(|mut me: Process| async move {
        assert_eq!(me.link(me.pid()), Ok(()));
        assert_eq!(me.info().links, NOBODY);
        me.unlink(me.pid());
        let (it, _) = me.spawn_monitor(|me: Process| async move {
            me.link(me.pid()).unwrap();
            oops()
        });
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, [r#"DOWN it "oops""#]);
    });
}

/// An unlink from somebody who is not linked, or has ended, does nothing.
#[test]
fn an_unlink_without_a_link_does_nothing() {
    scenario(|mut me: Process| async move {
        let stranger = spawn(pending::<()>());
        let friend = me.spawn_link(pending::<()>());
        me.unlink(&stranger);
        me.unlink(dead().await);
        me.unlink(Pid::OUTSIDE);
        assert_eq!(me.info().links, [friend.pid()]);
        me.trap_exit(true);
        friend.kill();
        assert_eq!(drain(&mut me, &[("friend", friend.pid())]).await, ["EXIT friend killed"]);
    });
}

/// A process may be linked to many: all end with it, but those whose link was undone.
#[test]
fn all_who_are_linked_to_a_process_end_with_it() {
    scenario(|mut me: Process<Vec<Pid>>| async move {
        let to = me.address();
        let (hub, _) = me.spawn_monitor(|me: Process| async move {
            let spokes: Vec<_> = (0..20).map(|_| me.spawn_link(pending::<()>()).pid()).collect();
            me.unlink(spokes[7]);
            me.unlink(spokes[12]);
            to.send(spokes);
            pending::<()>().await;
        });
        let spokes = me.receive().await.into_user().unwrap();
        hub.exit(ExitReason::Shutdown);
        assert_eq!(drain(&mut me, &[("hub", hub.pid())]).await, ["DOWN hub shutdown"]);
        let alive: Vec<_> = (0..20).filter(|n| spokes[*n].is_alive()).collect();
        assert_eq!(alive, [7, 12]);
    });
}

/// A process that is spawned with a link has it before it runs, so that no end is lost.
///
/// Covers: RT-PROC-03
#[test]
fn a_process_spawned_with_a_link_is_linked_before_it_runs() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        for _ in 0..100 {
            let child = me.spawn_link(async { oops() });
            assert_eq!(drain(&mut me, &[("child", child.pid())]).await, [r#"EXIT child "oops""#]);
        }
    });
}

/// Linked processes that end with one reason, and the time at which they do, as a trace.
#[test]
fn a_trace_shows_who_ended_and_why() {
    for schedule in [Schedule::Tasks, Schedule::Seeded(3)] {
        let run = run_on(schedule, |me: Process| async move {
            let options = SpawnOptions::new().label("parent");
            let parent = me.spawn_with(options, |me: Process| async move {
                let options = SpawnOptions::new().label("child").link();
                me.spawn_with(options, async {
                    sleep(ms(1500)).await;
                    panic!("crash");
                });
                pending::<()>().await;
            });
            parent.address.join().await;
        });
        assert_trace!(
            run.trace,
            [
                "0ms main spawned by nobody",
                "0ms parent spawned by main",
                "0ms child spawned and linked by parent",
                "1.5s child exited: panic: crash",
                "1.5s parent exited: panic: crash",
                "1.5s main exited: normal",
            ]
        );
    }
}
