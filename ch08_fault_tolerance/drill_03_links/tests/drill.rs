//! Drill 8.3, process links.
//!
//! Each example runs in a process of its own, labelled `parent`. The test watches it from `main`,
//! which is linked to nobody, so that no crash arrives there. How long a child lives, who is killed
//! and for which reason is drawn from the seed of the run.

use std::time::Duration;

use ch08_drill_03_links::{
    Heard, chain_reaction, linked_crash, linker, normal_exit_link, real_chain, trap_exit_example,
};
use runtime::testing::{in_process, scenario, scenario_with, settle};
use runtime::{
    ExitReason, Message, NoProc, PanicInfo, Process, System, assert_timeline, assert_trace, spawn,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Without a trap flag, the crash of a linked child is the death of its parent.
///
/// Exercise: 1
/// Covers: CH8-D3-T, CH8-D3-E1, CH8-D3-V1, CH8-D3-I2, CH8-CHK-04, CH8-SUM-2
/// Oracle: LNK-01, LNK-02
#[test]
fn a_crashing_child_takes_its_parent_along() {
    scenario_with(|seed| async move {
        let (ms, end) = [(0, "0ms"), (1000, "1s"), (1999, "1.999s")][(seed % 3) as usize];
        let history = System::current().record();
        in_process("parent", move |me: Process| async move {
            linked_crash(&me, Duration::from_millis(ms)).await;
        })
        .await
        .expect_err("who is linked and does not trap exits dies, too (see hint 1 of exercise 1)");
        assert_trace!(
            history.trace(),
            [
                "0ms parent spawned by main",
                "0ms child spawned and linked by parent",
                "0ms child notes: started",
                &format!("{end} child exited: panic: Child crashed!"),
                &format!("{end} parent exited: panic: Child crashed!"),
            ],
            "the child is linked before it runs, and takes its label first (see hint 2 of exercise 1)"
        );
    });
}

/// A parent that is done ends normally: that is no crash, and does not concern its child.
///
/// Exercise: 1
/// Covers: CH8-D3-E1, CH8-D3-I4
/// Oracle: LNK-19
#[test]
fn a_parent_that_is_done_before_the_crash_does_not_end_its_child() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        in_process("parent", |me: Process| async move { linked_crash(&me, 3 * SECOND).await })
            .await
            .expect("nothing crashes before the parent is done (see hint 2 of exercise 1)");
        sleep(2 * SECOND).await;
        assert_trace!(
            history.trace(),
            [
                "0ms parent spawned by main",
                "0ms child spawned and linked by parent",
                "0ms child notes: started",
                "2s parent notes: still alive",
                "2s parent exited: normal",
                "3s child exited: panic: Child crashed!",
            ],
            "the normal end of one takes nobody along (see hint 2 of exercise 1)"
        );
    });
}

/// With the trap flag, the same crash is a message with pid and reason, and the parent goes on.
///
/// Exercise: 2
/// Covers: CH8-D3-E2, CH8-D3-V2, CH8-D3-I3, CH8-WSUM-04, CH8-CHK-06
/// Oracle: LNK-03
#[test]
fn a_trapping_parent_survives_and_learns_why_its_child_died() {
    scenario_with(|seed| async move {
        let (ms, end) = [(0, "0ms"), (1000, "1s"), (2999, "2.999s")][(seed % 3) as usize];
        let history = System::current().record();
        let heard = in_process("parent", move |mut me: Process| async move {
            trap_exit_example(&mut me, Duration::from_millis(ms)).await
        })
        .await
        .expect("who traps exits gets a message instead of dying (see hint 1 of exercise 2)");
        assert_eq!(
            panic_of(&heard),
            Some("Child crashed!"),
            "the parent heard {heard:?}: it has three seconds (see hint 2 of exercise 2)"
        );
        assert_trace!(
            history.trace(),
            [
                "0ms parent spawned by main",
                "0ms child spawned and linked by parent",
                &format!("{end} child exited: panic: Child crashed!"),
                &format!("{end} parent exited: normal"),
            ],
            "a trapped exit is in the mailbox at once (see hint 2 of exercise 2)"
        );
    });
}

/// Anybody can send an exit signal: only the pid tells whose exit it is.
///
/// Exercise: 2
/// Covers: CH8-D3-E2
/// Oracle: LNK-20
#[test]
fn the_exit_of_somebody_else_is_not_the_childs() {
    scenario_with(|seed| async move {
        let (heard, left) = in_process("parent", move |mut me: Process| async move {
            disturb(&me, seed);
            (trap_exit_example(&mut me, SECOND).await, exits(&mut me).await)
        })
        .await
        .expect("who traps exits survives those of strangers, too (see hint 1 of exercise 2)");
        assert_eq!(
            (panic_of(&heard), left),
            (Some("Child crashed!"), vec![ExitReason::other(("noise", seed))]),
            "a stranger's exit came before the child's, and is to be left in the mailbox: only \
             `exit.from` tells whose an exit is (see hint 3 of exercise 2)"
        );
    });
}

/// A child that lives on is no news: the parent stops waiting, and goes on in peace.
///
/// Exercise: 2
/// Covers: CH8-D3-E3
#[test]
fn a_parent_gives_up_after_three_seconds() {
    scenario_with(|seed| async move {
        let heard_at = in_process("parent", move |mut me: Process| async move {
            disturb(&me, seed);
            let heard = trap_exit_example(&mut me, 4 * SECOND).await;
            let at = System::current().monotonic_time();
            // The child is still linked, and crashes meanwhile.
            sleep(4 * SECOND).await;
            (heard, at)
        });
        assert_eq!(
            heard_at.await,
            Ok((Heard::Timeout, 3 * SECOND)),
            "the parent waits for three seconds in all, whatever else it is sent, and must trap \
             the crash that comes after them, too (see hints 1 and 2 of exercise 2)"
        );
    });
}

/// The course calls it a chain, and it is a star: the siblings are not linked to the victim.
///
/// Exercise: 3
/// Covers: CH8-D3-E4, CH8-D3-E5, CH8-D3-V3, CH8-D3-Q1
/// Oracle: LNK-22, LNK-06
#[test]
fn killing_one_of_three_siblings_leaves_the_others_alive() {
    scenario_with(|seed| async move {
        let victim = (seed % 3) as usize;
        let history = System::current().record();
        let parent = in_process("parent", move |mut me: Process| async move {
            (chain_reaction(&me, victim).await, exits(&mut me).await.into_iter().next())
        });
        assert_eq!(
            parent.await,
            Ok(([0, 1, 2].map(|child| child != victim), Some(ExitReason::Killed))),
            "number {victim} is killed, and linked to the parent only: that traps its exit, which \
             says `killed`, and the siblings hear nothing (see hints 1 and 2 of exercise 3)"
        );
        settle().await;
        let mut lives = ["├───────────────────■   shutdown"; 3];
        lives[victim] = "├─────────╳             killed";
        let [first, second, third] = lives;
        let star = format!(
            "
        0ms       100ms     200ms
parent  ├───────────────────■   normal
first   {first}
second  {second}
third   {third}
"
        );
        assert_timeline!(history.trace(), &star, "leave nobody behind (see hint 3 of exercise 3)");
    });
}

/// In a real chain the signal runs from neighbour to neighbour, both ways, up to who traps it.
///
/// Exercise: 4
/// Covers: CH8-D3-E5, CH8-D3-V3, CH8-D3-Q1, CH8-D3-I1
/// Oracle: LNK-05, LNK-06
#[test]
fn killing_one_of_a_chain_ends_the_whole_chain() {
    scenario_with(|seed| async move {
        let victim = (seed % 3) as usize;
        let history = System::current().record();
        let parent = in_process("parent", move |mut me: Process| async move {
            (real_chain(&me, victim).await, exits(&mut me).await)
        });
        assert_eq!(
            parent.await,
            Ok(([false; 3], vec![ExitReason::Killed])),
            "number {victim} is killed, and takes its neighbours along, and they theirs; the \
             parent traps one exit, that of the first (see hints 1 and 2 of exercise 4)"
        );
        assert_timeline!(
            history.trace(),
            "
        0ms       100ms     200ms
parent  ├───────────────────■   normal
first   ├─────────╳             killed
second  ├─────────╳             killed
third   ├─────────╳             killed
",
            "the whole chain ends in the same instant (see hint 3 of exercise 4)"
        );
    });
}

/// To a parent that traps exits, the end of a child that is simply done is a message as well.
///
/// Exercise: 5
/// Covers: CH8-D3-E6, CH8-D3-V4
/// Oracle: LNK-04
#[test]
fn the_normal_end_of_a_child_is_a_message_to_a_trapping_parent() {
    scenario_with(|seed| async move {
        let (ms, end) = [(0, "0ms"), (500, "500ms"), (1999, "1.999s")][(seed % 3) as usize];
        let history = System::current().record();
        let heard = in_process("parent", move |mut me: Process| async move {
            normal_exit_link(&mut me, Duration::from_millis(ms)).await
        });
        assert_eq!(
            heard.await,
            Ok(Heard::ChildDied(ExitReason::Normal)),
            "only who traps exits gets to see a normal end (see hints 1 and 2 of exercise 5)"
        );
        assert_trace!(
            history.trace(),
            [
                "0ms parent spawned by main",
                "0ms child spawned and linked by parent",
                &format!("{end} child exited: normal"),
                &format!("{end} parent exited: normal"),
            ],
            "the end is in the mailbox at once, and nothing crashes (see hint 3 of exercise 5)"
        );
    });
}

/// A child that is not done in time: the parent stops waiting.
///
/// Exercise: 5
/// Covers: CH8-D3-E7
#[test]
fn a_parent_waits_two_seconds_for_a_normal_end() {
    scenario(|_: Process| async move {
        let heard = in_process("parent", |mut me: Process| async move {
            normal_exit_link(&mut me, 3 * SECOND).await
        });
        assert_eq!(
            (heard.await, System::current().monotonic_time()),
            (Ok(Heard::Timeout), 2 * SECOND),
            "the child lives for three seconds, the parent waits for two (see hint 3 of exercise 5)"
        );
    });
}

/// It does not matter who made a link: a crash at either end reaches the other one.
///
/// Exercise: 6
/// Covers: CH8-D3-T, CH8-D3-I1, CH8-D3-I2, CH8-WSUM-03, CH8-CHK-05
/// Oracle: LNK-18
#[test]
fn a_crash_on_either_side_of_a_link_ends_the_other_side() {
    scenario_with(|seed| async move {
        let (linking, linked) = (spawn(linker), spawn(linker));
        linking.send(linked.pid());
        settle().await;
        let (hit, other) = if seed % 2 == 0 { (linking, linked) } else { (linked, linking) };
        assert!(
            hit.is_alive() && other.is_alive(),
            "a linker waits for the next pid as long as it lives (see hint 2 of exercise 6)"
        );
        let end = other.join();
        hit.exit(ExitReason::other(("zap", seed)));
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::other(("zap", seed))),
            "a link has no direction: each dies of the other's crash (see hint 1 of exercise 6)"
        );
    });
}

/// A link passes on crashes, not the end of work that is done.
///
/// Exercise: 6
/// Covers: CH8-D3-I4
/// Oracle: LNK-04
#[test]
fn a_normal_end_leaves_the_other_side_of_a_link_running() {
    scenario(|_: Process| async move {
        let linking = spawn(linker);
        linking.send(spawn(sleep(SECOND)).pid());
        sleep(2 * SECOND).await;
        assert!(
            linking.is_alive(),
            "the peer's normal end takes nobody along, and the linker waits on (see hint 2 of \
             exercise 6)"
        );
    });
}

/// Anybody can send it something else by its pid; that ends nothing.
///
/// Exercise: 6
/// Covers: CH8-D3-T
#[test]
fn a_linker_that_is_sent_something_else_waits_on() {
    scenario_with(|seed| async move {
        let (linking, linked) = (spawn(linker), spawn(linker));
        linking.pid().send(("noise", seed));
        settle().await;
        assert!(
            linking.is_alive(),
            "what is no pid arrives as another kind of `Message`, and is to be passed over (see \
             hint 2 of exercise 6)"
        );
        linking.send(linked.pid());
        settle().await;
        let end = linking.join();
        linked.exit(ExitReason::other(("zap", seed)));
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::other(("zap", seed))),
            "the pid that comes after it is linked as ever (see hint 2 of exercise 6)"
        );
    });
}

/// With nobody at the other end, who does not trap exits is told so where it makes the link.
///
/// Exercise: 6
/// Covers: CH8-WSUM-03
/// Oracle: LNK-14
#[test]
fn a_link_to_a_process_that_has_ended_is_an_error() {
    scenario(|_: Process| async move {
        let (gone, linking) = (spawn(async {}), spawn(linker));
        gone.join().await;
        let end = linking.join();
        linking.send(gone.pid());
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::error(NoProc)),
            "the error that `link` gives is the linker's reason to end (see hint 3 of exercise 6)"
        );
    });
}

/// Lets a stranger send an exit signal, half a second from now.
fn disturb(me: &Process, seed: u64) {
    let pid = me.pid();
    spawn(move |me: Process| async move {
        me.set_label("stranger");
        sleep(SECOND / 2).await;
        pid.exit(ExitReason::other(("noise", seed)));
    });
}

/// The reasons of the exits that are in a mailbox, oldest first.
async fn exits(me: &mut Process) -> Vec<ExitReason> {
    let mut reasons = Vec::new();
    while let Ok(Message::Exit(exit)) = me.receive().timeout(Duration::ZERO).await {
        reasons.push(exit.reason);
    }
    reasons
}

/// The message of the panic that a child is said to have died of.
fn panic_of(heard: &Heard) -> Option<&str> {
    let Heard::ChildDied(reason) = heard else { return None };
    reason.as_panic().map(PanicInfo::message)
}
