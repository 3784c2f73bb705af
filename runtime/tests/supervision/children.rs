//! What can be asked of a running supervisor: start, stop, restart, delete, list and count children.

use std::time::Duration;

use crate::support::{Begin, Log, NOTHING, Tell, W, ms, one_for_one, timed, word, workers};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    CallServer, ChildCount, ChildError, ChildInfo, ChildKind, ChildSpec, ChildState, Cx,
    ExitReason, GenServer, Handled, Name, Process, Reply, Server, ServerRef, Shutdown, StartError,
    Strategy, Supervision, Supervisor, spawn,
};
use tokio::time::sleep;

// --- Lists and counts.

/// The children are listed newest first, with pid, kind and type; they are counted by state and
/// kind.
///
/// Covers: RT-SUP-12
/// Oracle: SUP-05
#[test]
fn children_are_listed_newest_first() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b", "c"]))).await;
        let info = |id: &str, own| ChildInfo {
            id: id.into(),
            state: ChildState::Running(log.pid(own)),
            kind: ChildKind::Worker,
            module: std::any::type_name::<W>(),
        };
        let expected = vec![info("c", "c.1"), info("b", "b.1"), info("a", "a.1")];
        assert_eq!(sup.which_children().await, Ok(expected));
        assert_eq!(sup.count_children().await, Ok(workers(3, 3)));
    });
}

/// What is listed can be called, by whoever knows its type; a pid of another type, or of nobody,
/// leads nowhere.
#[test]
fn a_listed_child_can_be_called_by_its_pid() {
    struct Echo;
    impl CallServer for Echo {
        type Call = (u32, Reply<u32>);

        async fn handle_call(&mut self, (n, reply): Self::Call, _: &mut Cx<Self>) -> Handled<Self> {
            reply.go(n)
        }
    }

    scenario(|_: Process| async move {
        let plain = ChildSpec::process("plain", std::future::pending::<()>);
        let sup =
            one_for_one().child(Echo::child(|| Echo)).child(plain).start_link().await.unwrap();
        let listed = sup.which_children().await.unwrap();
        let [ChildState::Running(plain), ChildState::Running(echo)] =
            [0, 1].map(|at: usize| listed[at].state)
        else {
            panic!("both run: {listed:?}")
        };
        let server = ServerRef::<Echo>::of_pid(echo).expect("the second is an Echo");
        assert_eq!(server.pid(), echo);
        assert_eq!(server.call(|reply| (7, reply)).await, Ok(7));
        assert_eq!(ServerRef::<Echo>::of_pid(plain), None, "no server");
        echo.kill();
        assert_eq!(ServerRef::<Echo>::of_pid(echo), None, "its end is decided");
        sup.stop().await.unwrap();
    });
}

/// Kinds are counted apart, whether the child runs or not.
///
/// Covers: RT-SUP-13
#[test]
fn supervisors_and_workers_are_counted_apart() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().child(one_for_one().into_child("inner")).child(log.w("a"));
        let sup = sup.child(ChildSpec::process("p", std::future::pending::<()>));
        let sup = log.start(sup.child(log.w("idle").starts([Begin::Ignore]))).await;
        let counts = ChildCount { specs: 4, active: 3, supervisors: 1, workers: 3 };
        assert_eq!(sup.count_children().await, Ok(counts));
        sup.terminate_child("inner").await.unwrap();
        let counts = ChildCount { active: 2, ..counts };
        assert_eq!(sup.count_children().await, Ok(counts));
        let modules: Vec<_> =
            sup.which_children().await.unwrap().into_iter().map(|child| child.module).collect();
        let w = std::any::type_name::<W>();
        assert_eq!(modules, [w, "process", w, "Supervisor"]);
    });
}

/// An empty supervisor has no children to list.
#[test]
fn an_empty_supervisor_lists_nobody() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one()).await;
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(sup.count_children().await, Ok(ChildCount::default()));
    });
}

// --- Start.

/// An id is taken as long as the list has it, whether its child runs or not.
///
/// Oracle: SUP-25
#[test]
fn an_id_is_taken_whether_its_child_runs_or_not() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        let running = Err(ChildError::AlreadyStarted(log.pid("a.1")));
        assert_eq!(sup.start_child(log.w("a")).await, running);
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(sup.start_child(log.w("a")).await, Err(ChildError::AlreadyPresent));
        assert_eq!(log.children(&sup).await, ["a stopped"]);
        assert_eq!(log.starts("a"), 1);
    });
}

/// A child that fails to start is not added; the supervisor lives, and nothing is counted.
///
/// Oracle: SUP-67
#[test]
fn a_child_that_fails_to_start_is_not_added() {
    for (begin, why) in [(Begin::Fail("nope"), r#""nope""#), (Begin::Panic, "panic: no")] {
        scenario(move |me: Process| async move {
            let log = Log::of(&me);
            let sup = log.start(one_for_one().intensity(0, ms(5000))).await;
            let bad = log.w("bad").starts([begin, Begin::Run]);
            match sup.start_child(bad.clone()).await {
                Err(ChildError::Start(StartError::Failed(reason))) => {
                    assert_eq!(crate::support::brief(&reason), why);
                }
                other => panic!("{other:?}"),
            }
            settle().await;
            assert_eq!(log.children(&sup).await, NOTHING);
            assert!(sup.is_alive());
            // Its id is free.
            assert!(sup.start_child(bad).await.is_ok());
            assert_eq!(log.children(&sup).await, ["bad bad.2"]);
        });
    }
}

/// A child whose name is taken elsewhere is not added; the error says who has the name.
///
/// Oracle: SUP-68
#[test]
fn a_child_whose_name_is_taken_is_not_added() {
    static TAKEN: Name<W> = Name::new("taken");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        W::start(log.w("other")).name(&TAKEN).await.unwrap();
        let sup = log.start(one_for_one()).await;
        let taken = StartError::AlreadyStarted(log.pid("other.1"));
        let started = sup.start_child(log.w("n").name(&TAKEN)).await;
        assert_eq!(started, Err(ChildError::Start(taken)));
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(log.take(), ["init other.1"]);
    });
}

/// A child with a limit for its `init` is killed when it needs longer, and is not added.
#[test]
fn a_child_that_needs_too_long_to_start_is_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one()).await;
        let late = log.w("late").init_takes(ms(300)).start_timeout(ms(100));
        let (started, took) = timed(sup.start_child(late)).await;
        assert_eq!(started, Err(ChildError::Start(StartError::Timeout)));
        assert_eq!(took, ms(100));
        assert!(!log.pid("late.1").is_alive());
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(sup.pid().info().unwrap().message_queue_len, 0);
    });
}

/// A start function may do anything, as long as it links the child to the supervisor.
#[test]
fn a_start_function_may_be_written_by_hand() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one()).await;
        let noted = log.clone();
        let by_hand = ChildSpec::new("by hand", move || {
            let start = W::start_link(noted.w("w"));
            async move { Ok(start.await?.pid()) }
        });
        assert_eq!(sup.start_child(by_hand).await, Ok(Some(log.pid("w.1"))));
        log.kill("w").await;
        assert_eq!(log.children(&sup).await, ["by hand w.2"]);
    });
}

// --- The whole life of a child.

/// A child is stopped, restarted and deleted by hand; each step that does not fit is refused with a
/// word on why.
///
/// Covers: RT-SUP-14
/// Oracle: SUP-26
#[test]
fn the_life_of_a_child_by_hand() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(sup.count_children().await, Ok(workers(1, 0)));
        let restarted = sup.restart_child("a").await;
        assert_eq!(restarted, Ok(Some(log.pid("a.2"))));
        assert_eq!(sup.restart_child("a").await, Err(ChildError::Running));
        assert_eq!(sup.delete_child("a").await, Err(ChildError::Running));
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(sup.delete_child("a").await, Ok(()));
        assert_eq!(sup.delete_child("a").await, Err(ChildError::NotFound));
        assert_eq!(sup.restart_child("a").await, Err(ChildError::NotFound));
        assert_eq!(sup.terminate_child("unknown").await, Err(ChildError::NotFound));
        let events = ["init a.1", "terminate a.1 shutdown", "init a.2", "terminate a.2 shutdown"];
        assert_eq!(log.take(), events);
    });
}

/// A stopped temporary child leaves the list.
///
/// Oracle: SUP-27
#[test]
fn stopping_a_temporary_child_removes_it() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a").temporary())).await;
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(log.children(&sup).await, NOTHING);
        assert_eq!(sup.restart_child("a").await, Err(ChildError::NotFound));
        // Its id is free again.
        assert!(sup.start_child(log.w("a").temporary()).await.is_ok());
    });
}

/// A restart by hand that fails leaves the child stopped.
///
/// Oracle: SUP-69
#[test]
fn a_restart_by_hand_that_fails_leaves_the_child_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let w = log.w("w").starts([Begin::Run, Begin::Fail("no"), Begin::Ignore, Begin::Run]);
        let sup = log.start(one_for_one().intensity(0, ms(5000)).child(w)).await;
        sup.terminate_child("w").await.unwrap();
        let failed = ChildError::Start(StartError::Failed(word("no")));
        assert_eq!(sup.restart_child("w").await, Err(failed));
        settle().await;
        assert_eq!(log.children(&sup).await, ["w stopped"]);
        assert!(sup.is_alive());
        // Nothing to do is no failure.
        assert_eq!(sup.restart_child("w").await, Ok(None));
        assert_eq!(log.children(&sup).await, ["w stopped"]);
        assert!(sup.restart_child("w").await.is_ok());
        assert_eq!(log.children(&sup).await, ["w w.4"]);
    });
}

/// A child that is stopped by hand may crash meanwhile: it is not restarted for that.
#[test]
fn a_child_that_crashes_while_it_is_stopped_by_hand_stays_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let a = log.w("a").end_takes(ms(100));
        let sup = log.start(one_for_one().intensity(0, ms(5000)).child(a)).await;
        // It is on its way to end with another reason when the supervisor asks it to.
        log.tell("a", Tell::Stop(word("bad"))).await;
        assert_eq!(sup.terminate_child("a").await, Ok(()));
        assert_eq!(log.children(&sup).await, ["a stopped"]);
        assert_eq!(log.starts("a"), 1);
    });
}

/// A child may ask its own supervisor to stop it, if somebody else waits for the answer.
#[test]
fn a_child_may_let_itself_be_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        let asked = sup.clone();
        let ask = move |_: &runtime::Cx<W>| {
            spawn(async move { assert_eq!(asked.terminate_child("a").await, Ok(())) });
        };
        log.tell("a", Tell::Do(Box::new(ask))).await;
        assert_eq!(log.children(&sup).await, ["a stopped"]);
    });
}

// --- A child whose restart fails.

/// Between two attempts to restart it, a child is restarting: neither running nor stopped. It can be
/// stopped, and then there are no more attempts.
///
/// Oracle: SUP-70
#[test]
fn a_child_whose_restart_fails_is_restarting_until_it_is_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let w = log.w("w").init_takes(ms(100)).starts([Begin::Run, Begin::Fail("no")]);
        let sup = log.start(one_for_one().intensity(1000, ms(5000)).child(w)).await;
        kill_and_wait(&log.server("w")).await;
        // The supervisor answers between two attempts.
        assert_eq!(timed(log.children(&sup)).await, (vec!["w restarting".to_owned()], ms(100)));
        assert_eq!(timed(sup.count_children()).await, (Ok(workers(1, 0)), ms(100)));
        assert_eq!(sup.restart_child("w").await, Err(ChildError::Restarting));
        assert_eq!(sup.delete_child("w").await, Err(ChildError::Restarting));
        assert_eq!(sup.start_child(log.w("w")).await, Err(ChildError::AlreadyPresent));
        assert_eq!(sup.terminate_child("w").await, Ok(()));
        let starts = log.starts("w");
        sleep(ms(1000)).await;
        assert_eq!(log.starts("w"), starts, "no more attempts");
        assert_eq!(log.children(&sup).await, ["w stopped"]);
        assert_eq!(timed(sup.delete_child("w")).await, (Ok(()), Duration::ZERO));
    });
}

/// A restarting child is stopped with its supervisor, without another attempt.
#[test]
fn a_supervisor_stops_with_a_restarting_child() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let w = log.w("w").init_takes(ms(100)).starts([Begin::Run, Begin::Fail("no")]);
        let sup = one_for_one().intensity(1000, ms(5000)).child(log.w("a")).child(w);
        let sup = log.start(sup).await;
        kill_and_wait(&log.server("w")).await;
        assert_eq!(timed(sup.stop().into_future()).await, (Ok(()), ms(100)));
        assert_eq!(log.take(), ["init a.1", "init w.1", "init w.2", "terminate a.1 shutdown"]);
    });
}

/// A restarting child that is restarted with its group runs; the attempt that was waiting is dropped.
#[test]
fn a_restarting_child_that_runs_again_with_its_group_is_not_started_twice() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let b = log.w("b").init_takes(ms(100)).starts([Begin::Run, Begin::Fail("no"), Begin::Run]);
        let sup = Supervisor::new(Strategy::OneForAll).child(log.w("a")).child(b);
        let sup = log.start(sup).await;
        kill_and_wait(&log.server("b")).await;
        sleep(ms(50)).await;
        // While b.2 is being started: a.2 ends, and its group is restarted before the attempt.
        kill_and_wait(&log.server("a")).await;
        sleep(ms(1000)).await;
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init b.1",
                "terminate a.1 shutdown",
                "init a.2",
                "init b.2",
                "init a.3",
                "init b.3"
            ]
        );
        assert_eq!(log.children(&sup).await, ["b b.3", "a a.3"]);
    });
}

// --- Odd children.

/// The end of a child that undid its link goes unnoticed: it is listed, but not counted, until it is
/// stopped by hand.
///
/// Oracle: SUP-62
#[test]
fn the_end_of_a_child_that_undid_its_link_goes_unnoticed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        let unlink = |cx: &runtime::Cx<W>| cx.unlink(cx.parent().unwrap());
        log.tell("a", Tell::Do(Box::new(unlink))).await;
        log.kill("a").await;
        assert_eq!(log.children(&sup).await, ["a a.1"]);
        assert_eq!(sup.count_children().await, Ok(workers(1, 0)));
        assert_eq!(timed(sup.terminate_child("a")).await, (Ok(()), Duration::ZERO));
        assert_eq!(log.children(&sup).await, ["a stopped"]);
    });
}

/// A child that undid its link and runs is stopped like any other.
#[test]
fn a_child_that_undid_its_link_is_stopped_like_any_other() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let a = log.w("a").end_takes(ms(400)).shutdown(Shutdown::After(ms(100)));
        let sup = log.start(one_for_one().child(a)).await;
        log.watch(&me, &["a.1"]);
        let unlink = |cx: &runtime::Cx<W>| cx.unlink(cx.parent().unwrap());
        log.tell("a", Tell::Do(Box::new(unlink))).await;
        assert_eq!(timed(sup.terminate_child("a")).await, (Ok(()), ms(100)));
        assert_eq!(log.take(), ["init a.1", "terminate a.1 shutdown"]);
        assert_eq!(log.mailbox(&mut me).await, ["DOWN a.1 killed"]);
    });
}

/// Calls to a supervisor wait while it waits for the `init` of a child.
///
/// Oracle: SUP-63
#[test]
fn a_request_waits_while_a_child_is_started() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one()).await;
        let (asked, slow) = (sup.clone(), log.w("slow").init_takes(ms(200)));
        spawn(async move { asked.start_child(slow).await.map(drop) });
        settle().await;
        assert_eq!(timed(sup.count_children()).await, (Ok(workers(1, 1)), ms(199)));
    });
}

/// The end of a linked process that is no child is ignored.
///
/// Oracle: SUP-66
#[test]
fn the_end_of_a_linked_process_that_is_no_child_is_ignored() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().intensity(0, ms(5000)).child(log.w("a"))).await;
        let pid = sup.pid();
        let stranger = spawn(async move {
            runtime::link(pid).unwrap();
            word("bad")
        });
        assert_eq!(stranger.join().await, word("bad"));
        settle().await;
        assert!(sup.is_alive());
        assert_eq!(log.children(&sup).await, ["a a.1"]);
    });
}

/// A supervisor takes no notice of a message that is not for it.
#[test]
fn a_message_that_is_not_for_it_is_dropped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        sup.pid().send("hello");
        assert_eq!(log.children(&sup).await, ["a a.1"]);
    });
}

/// A supervisor that has ended answers no request.
#[test]
fn a_request_to_a_supervisor_that_has_ended_fails() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().child(log.w("a"))).await;
        sup.stop().await.unwrap();
        let gone = ChildError::Call(runtime::CallError::NoProc);
        assert_eq!(sup.start_child(log.w("b")).await, Err(gone.clone()));
        assert_eq!(sup.terminate_child("a").await, Err(gone.clone()));
        assert_eq!(sup.restart_child("a").await, Err(gone.clone()));
        assert_eq!(sup.delete_child("a").await, Err(gone.clone()));
        assert_eq!(sup.get_childspec("a").await, Err(gone));
        assert_eq!(sup.which_children().await, Err(runtime::CallError::NoProc));
        assert_eq!(sup.count_children().await, Err(runtime::CallError::NoProc));
        assert_eq!(log.starts("b"), 0);
        assert_eq!(sup.pid().join().await, ExitReason::NoProc);
    });
}
