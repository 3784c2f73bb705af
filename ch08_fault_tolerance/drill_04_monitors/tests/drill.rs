//! Drill 8.4, process monitors.
//!
//! Each example runs in a process of its own, labelled `observer`, which the test watches from
//! `main`. How long a target lives, which one is killed and what else is in the mailbox is drawn
//! from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch08_drill_04_monitors::{
    Answer, ItsCrash, NoAnswer, Question, Tie, ask, basic_monitor, choose, compare_by_link,
    compare_by_monitor, demonitor_example, monitor_multiple, mortal,
};
use runtime::testing::{in_process, kill_and_wait, one_of, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::tree::Node;
use runtime::{
    Address, Exit, ExitReason, Message, Pid, Process, System, assert_timeline, exit, spawn,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A monitor gives one DOWN, with its own reference, the pid and the reason.
///
/// Exercise: 1
/// Covers: CH8-D4-T, CH8-D4-E1, CH8-WSUM-05, CH8-CHK-07
/// Oracle: MON-01
#[test]
fn the_end_of_a_monitored_process_is_one_message() {
    scenario_with(|seed| async move {
        let (lifetime, end) = one_of(seed, [(SECOND, "1s"), (ms(0), "0ms"), (ms(750), "750ms")]);
        let history = System::current().record();
        let seen = in_process("observer", move |mut me: Process| async move {
            let down = timeout(60 * SECOND, basic_monitor(&mut me, lifetime)).await;
            (down, mailbox(&mut me).await, me.trap_exit(false))
        })
        .await
        .expect("a monitor does nothing to who has it (see hint 2 of exercise 1)");
        let (Ok(down), left, trapping) = seen else {
            panic!(
                "the DOWN comes when the target ends, after {lifetime:?} (see hint 2 of exercise 1)"
            )
        };
        assert_eq!(
            (down.target == pid_of(&history, "target"), down.reason),
            (true, ExitReason::other("some_reason")),
            "a DOWN names who was monitored, and why it ended (see hint 2 of exercise 1)"
        );
        assert_eq!(
            (left, trapping),
            (vec![], false),
            "one monitor, one message, and nothing is trapped (see hint 1 of exercise 1)"
        );
        let ended = format!("{end} target exited: \"some_reason\"");
        assert!(
            history.trace().lines().contains(&ended),
            "expected `{ended}` (see hint 2 of exercise 1)\n{}",
            history.trace().timeline()
        );
    });
}

/// A process may have many monitors: only the reference tells whose DOWN it is.
///
/// Exercise: 1
/// Covers: CH8-D4-E1, CH8-D4-I7
#[test]
fn the_down_of_another_monitor_is_left_in_the_mailbox() {
    scenario_with(|seed| async move {
        let seen = in_process("observer", move |mut me: Process| async move {
            disturb(&me, seed);
            let down = basic_monitor(&mut me, SECOND).await;
            (down.reason, mailbox(&mut me).await)
        });
        assert_eq!(
            seen.await,
            Ok((ExitReason::other("some_reason"), vec![noise(seed)])),
            "a DOWN of another monitor came first: compare `down.mref` (see hint 3 of exercise 1)"
        );
    });
}

/// A monitor goes one way: the end of who watches is nothing to the one that is watched.
///
/// Exercise: 1
/// Covers: CH8-D4-T, CH8-WSUM-05, CH8-CHK-08
/// Oracle: MON-12
#[test]
fn the_end_of_an_observer_is_nothing_to_its_target() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let observer = spawn(|mut me: Process| async move {
            me.set_label("observer");
            basic_monitor(&mut me, SECOND).await;
        });
        sleep(ms(400)).await;
        let reason = one_of(seed, [ExitReason::Kill, ExitReason::Shutdown]);
        observer.exit(reason.clone());
        settle().await;
        sleep(SECOND).await;
        let seen = if reason == ExitReason::Kill { ExitReason::Killed } else { reason };
        assert_timeline!(
            history.trace(),
            &format!(
                "
          0ms       400ms     1s
observer  ├─────────{}             {seen}
target    ├───────────────────╳   \"some_reason\"
",
                if seen == ExitReason::Shutdown { '■' } else { '╳' }
            ),
            "the target is not linked, so it lives its second out (see hint 1 of exercise 1)"
        );
    });
}

/// With a monitor there is nothing to survive: the crash is news.
///
/// Exercise: 2
/// Covers: CH8-D4-E2, CH8-WSUM-05, CH8-CHK-08
/// Oracle: MON-01
#[test]
fn a_monitored_crash_is_a_message_without_trapping() {
    scenario_with(|seed| async move {
        let (lifetime, end) = one_of(seed, [(ms(500), "500ms"), (ms(1), "1ms"), (SECOND, "1s")]);
        let history = System::current().record();
        let seen = in_process("observer", move |mut me: Process| async move {
            disturb(&me, seed);
            // Whoever trapped exits would survive this.
            let trapped = me.trap_exit(false);
            let down = timeout(60 * SECOND, compare_by_monitor(&mut me, lifetime)).await;
            (down.map(|down| down.reason), trapped || me.trap_exit(false), me.info().links.len())
        });
        assert_eq!(
            seen.await,
            Ok((Ok(ExitReason::other("crash")), false, 0)),
            "a monitor needs neither a link nor a trap flag (see hint 2 of exercise 2)"
        );
        assert_eq!(
            said(&history),
            [format!("{end} observer notes: still alive")],
            "the observer says so when the target has crashed (see hint 2 of exercise 2)"
        );
    });
}

/// The same crash along a link ends who does not trap it, and is an EXIT to who does.
///
/// Exercise: 2
/// Covers: CH8-D4-E3, CH8-CHK-08
/// Oracle: LNK-03
#[test]
fn a_linked_crash_is_a_message_to_who_traps_exits() {
    scenario_with(|seed| async move {
        let (lifetime, end) = one_of(seed, [(ms(500), "500ms"), (ms(1), "1ms"), (SECOND, "1s")]);
        let history = System::current().record();
        let seen = in_process("observer", move |mut me: Process| async move {
            let pid = me.pid();
            spawn(async move { pid.exit(ExitReason::Normal) });
            let exit = timeout(60 * SECOND, compare_by_link(&mut me, lifetime)).await;
            (exit, mailbox(&mut me).await)
        });
        let (exit, left) = seen.await.expect(
            "a link shares the crash, and who does not trap exits dies of it (see hint 1 of \
             exercise 2)",
        );
        let target = pid_of(&history, "target");
        assert_eq!(
            (exit, left.len()),
            (Ok(Exit { from: target, reason: ExitReason::other("crash") }), 1),
            "an EXIT has no reference: the pid tells whose it is, and a stranger's stays in the \
             mailbox (see hint 3 of exercise 2)"
        );
        assert_eq!(
            said(&history),
            [format!("{end} observer notes: still alive, because trapping")],
            "the observer says so when the target has crashed (see hint 2 of exercise 2)"
        );
    });
}

/// The trap flag belongs to the example: whoever calls it has the flag that it had.
///
/// Exercise: 2
/// Covers: CH8-D4-E3
/// Oracle (defect): LNK-25
#[test]
fn the_trap_flag_is_as_it_was_when_the_comparison_is_over() {
    scenario_with(|seed| async move {
        let before = seed % 2 == 0;
        let seen = in_process("observer", move |mut me: Process| async move {
            me.trap_exit(before);
            compare_by_link(&mut me, ms(10)).await;
            me.trap_exit(before)
        });
        assert_eq!(
            seen.await,
            Ok(before),
            "`trap_exit` gives the former setting: give it back in the end (see hint 2 of exercise \
             2)"
        );
    });
}

/// Three monitors, three messages, in the order of the ends.
///
/// Exercise: 3
/// Covers: CH8-D4-E4, CH8-D4-I6, CH8-CHK-07
/// Oracle: MON-11
#[test]
fn one_process_hears_of_the_ends_of_many() {
    scenario_with(|seed| async move {
        let [short, middle, long] = [500, 1000, 1500].map(ms);
        let (lifetimes, order) = one_of(
            seed,
            [
                ([short, middle, long], [1, 2, 3]),
                ([long, short, middle], [2, 3, 1]),
                ([middle, long, short], [3, 1, 2]),
            ],
        );
        let history = System::current().record();
        let seen = in_process("observer", move |mut me: Process| async move {
            let ends = timeout(60 * SECOND, monitor_multiple(&mut me, lifetimes)).await;
            (ends, mailbox(&mut me).await)
        });
        assert_eq!(
            seen.await,
            Ok((Ok(order.map(|i| (i, finished(i))).to_vec()), vec![])),
            "each is reported when it ends, whatever its place in the list (see hints 1 and 2 of \
             exercise 3)"
        );
        assert_eq!(
            said(&history),
            [(order[0], "500ms"), (order[1], "1s"), (order[2], "1.5s")]
                .map(|(i, at)| format!("{at} observer notes: {i} down: (\"finished\", {i})")),
            "each is noted when it ends, and not later (see hint 1 of exercise 3)"
        );
        let notes = order.map(|i| format!("\"{i} down: (\"finished\", {i})\"; ")).concat();
        let [first, second, third] = lifetimes.map(|lifetime| match lifetime.as_millis() {
            500 => "├─────────╳                    ",
            1000 => "├───────────────────╳          ",
            _ => "├─────────────────────────────╳",
        });
        let expected = format!(
            "
          0ms       500ms     1s        1.5s
observer  ├─────────•─────────•─────────■   {notes}normal
target 1  {first}   (\"finished\", 1)
target 2  {second}   (\"finished\", 2)
target 3  {third}   (\"finished\", 3)
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "each lives its own time out (see hint 2 of exercise 3)"
        );
    });
}

/// The reason may be any, and a DOWN may be anybody's: the reference knows which one it is.
///
/// Exercise: 3
/// Covers: CH8-D4-E4, CH8-D4-I6, CH8-D4-I7
/// Oracle (defect): MON-11
#[test]
fn the_reference_tells_which_of_many_has_ended() {
    scenario_with(|seed| async move {
        let (victim, label) = one_of(seed, [(1, "target 1"), (2, "target 2"), (3, "target 3")]);
        let system = System::current();
        let seen = in_process("observer", move |mut me: Process| async move {
            disturb(&me, seed);
            spawn(async move {
                sleep(ms(100)).await;
                let pid = system.tree().find(label).and_then(Node::pid);
                pid.expect("the targets run, under their labels (see hint 2 of exercise 3)").kill();
            });
            let lifetimes = [500, 1000, 1500].map(ms);
            let ends = timeout(60 * SECOND, monitor_multiple(&mut me, lifetimes)).await;
            (ends, mailbox(&mut me).await)
        });
        let mut expected = vec![(victim, ExitReason::Killed)];
        expected.extend([1, 2, 3].into_iter().filter(|i| *i != victim).map(|i| (i, finished(i))));
        assert_eq!(
            seen.await,
            Ok((Ok(expected), vec![noise(seed)])),
            "number {victim} was killed, so its reason does not say its number; and a DOWN of \
             another monitor is not to be counted (see hint 2 of exercise 3)"
        );
    });
}

/// A monitor that is withdrawn in time never answers.
///
/// Exercise: 4
/// Covers: CH8-D4-E5, CH8-D4-E6
/// Oracle: C8-04, MON-04
#[test]
fn a_monitor_that_was_withdrawn_gives_no_message() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let seen = in_process("observer", |mut me: Process| async move {
            let down = demonitor_example(&mut me).await;
            (down, mailbox(&mut me).await)
        });
        assert_eq!(
            seen.await,
            Ok((None, vec![])),
            "no DOWN comes of a monitor that was withdrawn before (see hint 2 of exercise 4)"
        );
        assert_eq!(
            said(&history),
            [
                "0ms observer notes: Monitoring...",
                "500ms observer notes: Stopped monitoring",
                "500ms observer notes: Killed target",
                "1.5s observer notes: No DOWN message received",
            ],
            "withdrawn after half a second, killed at once, waited for a second (see hint 2 of \
             exercise 4)"
        );
        assert_timeline!(
            history.trace(),
            r#"
          0ms       500ms     1.5s
observer  •─────────•─────────■   "Monitoring..."; "Stopped monitoring"; "Killed target"; "No DOWN message received"; normal
target    ├─────────╳             killed
"#,
            "the target is killed when nobody watches any more (see hint 2 of exercise 4)"
        );
    });
}

/// The course takes any DOWN: one of another monitor would pass for the answer.
///
/// Exercise: 4
/// Covers: CH8-D4-E6
#[test]
fn somebody_elses_down_is_no_sign_of_a_monitor_that_was_withdrawn() {
    scenario_with(|seed| async move {
        let seen = in_process("observer", move |mut me: Process| async move {
            disturb(&me, seed);
            let down = demonitor_example(&mut me).await;
            (down, mailbox(&mut me).await)
        });
        assert_eq!(
            seen.await,
            Ok((None, vec![noise(seed)])),
            "the DOWN in the mailbox is of another monitor: wait for that of your own (see hint 3 \
             of exercise 4)"
        );
    });
}

/// The answer comes before the server's end, and the DOWN that comes with it is removed.
///
/// Exercise: 5
/// Covers: CH8-D4-I4, CH8-D4-I7
/// Oracle: MON-13
/// Oracle (defect): MON-05
#[test]
fn an_answer_leaves_no_down_behind() {
    scenario_with(|seed| async move {
        let number = seed % 1000;
        let seen = in_process("observer", move |mut me: Process<Answer>| async move {
            let server = spawn(|mut me: Process<Question>| async move {
                me.set_label("server");
                answer(&mut me).await;
                // And it is gone, before anybody can withdraw a monitor.
            });
            let answer = ask(&mut me, &server, number, SECOND).await;
            server.join().await;
            (answer, mailbox(&mut me).await, me.info().monitors.len())
        });
        assert_eq!(
            seen.await,
            Ok((Ok(number * number), vec![], 0)),
            "the server ended right after its answer, so its DOWN was in the mailbox already: \
             flush it (see hint 2 of exercise 5)"
        );
    });
}

/// A server that crashes instead of answering: the caller learns why, at once.
///
/// Exercise: 5
/// Covers: CH8-D4-I4, CH8-D4-I5, CH8-D4-I7
/// Oracle: MON-01, MON-02
#[test]
fn who_asks_a_server_that_crashes_learns_why_at_once() {
    scenario_with(|seed| async move {
        let died_before = seed % 2 == 0;
        let seen = in_process("observer", move |mut me: Process<Answer>| async move {
            let server = spawn(move |mut me: Process<Question>| async move {
                me.receive().await;
                sleep(ms(10)).await;
                exit(ExitReason::other(("overheated", seed)))
            });
            if died_before {
                kill_and_wait(&server).await;
            }
            let answer = ask(&mut me, &server, 7, 60 * SECOND).await;
            (answer, mailbox(&mut me).await, me.system().monotonic_time())
        });
        let overheated = (NoAnswer::Down(ExitReason::other(("overheated", seed))), ms(10));
        let nobody = (NoAnswer::Down(ExitReason::NoProc), ms(0));
        let (error, at) = if died_before { nobody } else { overheated };
        assert_eq!(
            seen.await,
            Ok((Err(error), vec![], at)),
            "the DOWN says that no answer will come, and why; nobody waits for the patience to \
             end (see hint 2 of exercise 5)"
        );
    });
}

/// Patience ends, and with it the interest: what the server does later is nobody's news.
///
/// Exercise: 5
/// Covers: CH8-D4-E5, CH8-D4-I4
/// Oracle: MON-04
#[test]
fn who_gave_up_hears_nothing_of_the_server_any_more() {
    scenario_with(|seed| async move {
        let patience = one_of(seed, [SECOND, ms(1), ms(250)]);
        let seen = in_process("observer", move |mut me: Process<Answer>| async move {
            let server = spawn(|mut me: Process<Question>| async move {
                me.set_label("server");
                me.receive().await;
                pending::<()>().await;
            });
            let answer = ask(&mut me, &server, 7, patience).await;
            let (at, watched) = (me.system().monotonic_time(), me.info().monitors.len());
            kill_and_wait(&server).await;
            (answer, at, watched, mailbox(&mut me).await)
        });
        assert_eq!(
            seen.await,
            Ok((Err(NoAnswer::TimedOut), patience, 0, vec![])),
            "who gives up withdraws the monitor, so that the end of the server is no message \
             later on (see hint 2 of exercise 5)"
        );
    });
}

/// An answer that comes too late is not taken for the answer to the next question.
///
/// Exercise: 5
/// Covers: CH8-D4-I7
#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    scenario_with(|seed| async move {
        let seen = in_process("observer", move |mut me: Process<Answer>| async move {
            disturb(&me, seed);
            let server = spawn(|mut me: Process<Question>| async move {
                sleep(SECOND).await;
                loop {
                    answer(&mut me).await;
                }
            });
            let first = ask(&mut me, &server, 2, ms(500)).await;
            let second = ask(&mut me, &server, 3, SECOND).await;
            server.kill();
            (first, second, mailbox(&mut me).await.len())
        });
        assert_eq!(
            seen.await,
            Ok((Err(NoAnswer::TimedOut), Ok(9), 2)),
            "an answer bears the reference of its question: the late one, and a DOWN of another \
             monitor, stay in the mailbox (see hint 3 of exercise 5)"
        );
    });
}

/// What the guide says is what the runtime does: for each wish the tie is made, and either side is
/// crashed.
///
/// Exercise: 6
/// Covers: CH8-D4-T, CH8-D4-I1, CH8-D4-I2, CH8-D4-I3, CH8-D4-I4, CH8-D4-I5, CH8-CHK-08
/// Oracle: LNK-01, LNK-03, MON-01, MON-12
#[test]
fn the_guide_gives_each_wish_a_tie_that_fulfils_it() {
    scenario_with(|seed| async move {
        for (its_crash, it_falls_with_me) in wishes(seed) {
            let tie = choose(its_crash, it_falls_with_me);
            let expected = match its_crash {
                ItsCrash::Nothing => (true, false),
                ItsCrash::News => (true, true),
                ItsCrash::MyEnd => (false, false),
            };
            let (mine, told) = when_it_crashes(tie, its_crash, seed).await;
            assert_eq!(
                // What is told to nobody that listens is not told.
                (mine, told && its_crash == ItsCrash::News),
                expected,
                "`choose({its_crash:?}, {it_falls_with_me})` gave {tie:?}; is the observer alive after \
                 the other's crash, and was it told? (see hint 2 of exercise 6)"
            );
            assert_eq!(
                when_i_crash(tie).await,
                !it_falls_with_me,
                "`choose({its_crash:?}, {it_falls_with_me})` gave {tie:?}; is the other one alive after \
                 the observer's crash? (see hint 2 of exercise 6)"
            );
        }
    });
}

/// Of the ties that do, the weakest: what is not needed is not tied.
///
/// Exercise: 6
/// Covers: CH8-D4-I1, CH8-D4-I4, CH8-D4-I5, CH8-CHK-08
#[test]
fn the_guide_ties_no_more_than_is_wanted() {
    scenario_with(|seed| async move {
        for (its_crash, it_falls_with_me) in wishes(seed) {
            let fitting = match (its_crash, it_falls_with_me) {
                (ItsCrash::Nothing, false) => Tie::None,
                (_, false) => Tie::Monitor,
                (ItsCrash::MyEnd, true) => Tie::Link,
                (_, true) => Tie::TrappedLink,
            };
            assert_eq!(
                choose(its_crash, it_falls_with_me),
                fitting,
                "`choose({its_crash:?}, {it_falls_with_me})`: a stronger tie does more than is wanted \
                 (see hint 3 of exercise 6)"
            );
        }
    });
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The reason of number `i` of `monitor_multiple`.
fn finished(i: u64) -> ExitReason {
    ExitReason::other(("finished", i))
}

fn noise(seed: u64) -> ExitReason {
    ExitReason::other(("noise", seed))
}

/// Lets another monitor answer at once.
fn disturb<M: Send + 'static>(me: &Process<M>, seed: u64) {
    me.spawn_monitor(mortal("stranger", ms(0), noise(seed)));
}

/// The reasons of the news in a mailbox, oldest first; a late answer has none, and counts as normal.
async fn mailbox<M: Send + 'static>(me: &mut Process<M>) -> Vec<ExitReason> {
    let mut reasons = Vec::new();
    while let Ok(message) = me.receive().timeout(Duration::ZERO).await {
        reasons.push(match message {
            Message::Down(down) => down.reason,
            Message::Exit(exit) => exit.reason,
            _ => ExitReason::Normal,
        });
    }
    reasons
}

/// Answers one question.
async fn answer(me: &mut Process<Question>) {
    if let Message::User(question) = me.receive().await {
        let Question { number, from, mref } = question;
        from.send(Answer { mref, square: number * number });
    }
}

/// The process that took this label.
fn pid_of(history: &Recorder, label: &str) -> Pid {
    let trace = history.trace();
    let its = trace.events().iter().find(|event| event.subject.label.as_deref() == Some(label));
    its.unwrap_or_else(|| panic!("no process has the label `{label}`")).subject.pid
}

/// The lines of the trace in which somebody notes something.
fn said(history: &Recorder) -> Vec<String> {
    let trace = history.trace();
    let notes = trace.events().iter().zip(trace.lines());
    let notes = notes.filter(|(event, _)| matches!(event.what, What::Note(_)));
    notes.map(|(_, line)| line).collect()
}

/// All wishes, beginning with another one in each run.
fn wishes(seed: u64) -> Vec<(ItsCrash, bool)> {
    let its = [ItsCrash::Nothing, ItsCrash::News, ItsCrash::MyEnd];
    let mut wishes: Vec<_> = its.iter().flat_map(|its| [(*its, false), (*its, true)]).collect();
    let first = usize::try_from(seed % 6).expect("less than six");
    wishes.rotate_left(first);
    wishes
}

/// An observer that has this tie to the other process, tells `main` of news, ends itself on a DOWN
/// if that is wanted, and crashes when it is told to.
fn observer(tie: Tie, wish: ItsCrash, other: Pid, main: Address<()>) -> Address<()> {
    spawn(move |mut me: Process<()>| async move {
        match tie {
            Tie::None => {}
            Tie::Monitor => {
                me.monitor(other);
            }
            Tie::Link | Tie::TrappedLink => {
                me.trap_exit(tie == Tie::TrappedLink);
                me.link(other)?;
            }
        }
        loop {
            match me.receive().await {
                Message::Down(down) if wish == ItsCrash::MyEnd => {
                    return Err(runtime::Crash::from(down.reason));
                }
                Message::Down(_) | Message::Exit(_) => main.send(()),
                _ => return Err(runtime::Crash::from(ExitReason::other("crash"))),
            }
        }
    })
}

/// Whether the observer is alive after the other's crash, and whether it was told.
async fn when_it_crashes(tie: Tie, wish: ItsCrash, seed: u64) -> (bool, bool) {
    let other = spawn(pending::<()>());
    let news = in_process("news", move |mut me: Process<()>| async move {
        let observer = observer(tie, wish, other.pid(), me.address());
        settle().await;
        other.exit(ExitReason::other(("crash", seed)));
        let told = me.receive().timeout(ms(10)).await.is_ok();
        let alive = observer.is_alive();
        kill_and_wait(&observer).await;
        (alive, told)
    });
    news.await.expect("the test's own process lives on")
}

/// Whether the other one is alive after the observer's crash.
async fn when_i_crash(tie: Tie) -> bool {
    let other = spawn(pending::<()>());
    let pid = other.pid();
    let alive = in_process("news", move |me: Process<()>| async move {
        let observer = observer(tie, ItsCrash::News, pid, me.address());
        settle().await;
        observer.send(());
        settle().await;
        pid.is_alive()
    });
    let alive = alive.await.expect("the test's own process lives on");
    kill_and_wait(pid).await;
    alive
}
