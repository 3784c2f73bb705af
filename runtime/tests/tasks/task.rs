//! Tasks: their values, their crashes, and what becomes of those who wait for them.

use std::fmt::Debug;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::testing::{in_process, kill_and_wait, scenario, settle};
use runtime::{
    ChildCount, ChildError, DynamicSupervision, Exit, ExitReason, Message, NoCatch, Pid, Process,
    Restart, Server, Shutdown, Strategy, Supervision, Supervisor, Task, TaskError, TaskSupervisor,
    Term, exit, raise, spawn, throw, trap_exit,
};
use tokio::time::{Instant, sleep};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn reason(word: &'static str) -> ExitReason {
    ExitReason::other(word)
}

fn ended<T>(word: &'static str) -> Result<T, TaskError> {
    Err(TaskError::Exit(reason(word)))
}

/// Everything that is in the mailbox, or comes within a minute.
async fn mailbox<M: Debug + Send + 'static>(me: &mut Process<M>) -> Vec<Message<M>> {
    let mut messages = Vec::new();
    while let Ok(message) = me.receive().timeout(Duration::from_mins(1)).await {
        messages.push(message);
    }
    messages
}

/// The trapped exits of a process that gets nothing else.
async fn exits(me: &mut Process) -> Vec<(Pid, ExitReason)> {
    let exit = |message| match message {
        Message::Exit(exit) => (exit.from, exit.reason),
        other => panic!("not an exit: {other:?}"),
    };
    mailbox(me).await.into_iter().map(exit).collect()
}

fn panic_message(reason: &ExitReason) -> &str {
    reason.as_panic().map_or("no panic", |panic| panic.message())
}

async fn after<T>(millis: u64, value: T) -> T {
    sleep(ms(millis)).await;
    value
}

/// Panics when it is dropped.
#[derive(Debug, PartialEq)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("bang");
    }
}

// --- Await.

/// Oracle: TSK-01
#[test]
fn an_awaited_task_gives_its_value_and_leaves_nothing_in_the_mailbox() {
    scenario(|mut me: Process| async move {
        let task = Task::async_(async { 1 + 1 });
        assert_eq!(task.await, Ok(2));
        assert!(mailbox(&mut me).await.is_empty());
    });
}

/// Oracle: TSK-02
#[test]
fn an_owner_that_does_not_trap_ends_with_its_tasks_crash() {
    scenario(|_: Process| async {
        let owner = in_process("owner", |_: Process| async {
            let task: Task<()> = Task::async_(async { panic!("boom") });
            task.await
        });
        let reason = owner.await.expect_err("it does not come to look at the result");
        assert_eq!(panic_message(&reason), "boom");
    });
}

/// Oracle: TSK-03
#[test]
fn an_owner_that_traps_sees_the_crash_in_the_result_and_in_the_mailbox() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let task: Task<()> = Task::async_(async { exit(reason("why")) });
        let pid = task.pid();
        assert_eq!(task.await, ended("why"));
        assert_eq!(exits(&mut me).await, [(pid, reason("why"))]);
    });
}

/// As in OTP, a linked task's end as `Normal` is a message for an owner that traps exits.
#[test]
fn an_owner_that_traps_hears_of_the_normal_end_of_its_task() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let task = Task::async_(async { 1 });
        let pid = task.pid();
        assert_eq!(task.await, Ok(1));
        assert_eq!(exits(&mut me).await, [(pid, ExitReason::Normal)]);
    });
}

/// Oracle: TSK-04
#[test]
fn a_task_that_is_not_ready_in_time_goes_on_and_its_late_value_reaches_nobody() {
    scenario(|mut me: Process| async move {
        let task = Task::async_(after(100, "late"));
        let pid = task.pid();
        assert_eq!(task.timeout(ms(30)).await, Err(TaskError::Timeout));
        assert!(pid.is_alive());
        assert!(mailbox(&mut me).await.is_empty());
        assert!(!pid.is_alive());
    });
}

#[test]
fn a_task_is_waited_for_five_seconds_unless_told_otherwise() {
    scenario(|_: Process| async {
        let begin = Instant::now();
        assert_eq!(Task::async_(pending::<()>()).await, Err(TaskError::Timeout));
        assert_eq!(begin.elapsed(), Duration::from_secs(5));
        assert_eq!(Task::async_(after(3_600_000, 1)).infinity().await, Ok(1));
    });
}

#[test]
fn a_timeout_that_is_not_handled_ends_the_owner_and_so_the_task() {
    scenario(|mut me: Process<Pid>| async move {
        let main = me.address();
        let owner = spawn(async move {
            let task = Task::async_(pending::<()>());
            main.send(task.pid());
            task.timeout(ms(30)).await
        });
        let task = me.receive().await.into_user().unwrap().join();
        assert_eq!(owner.join().await, ExitReason::other(TaskError::Timeout));
        assert_eq!(task.await, ExitReason::other(TaskError::Timeout));
    });
}

#[test]
fn a_task_that_timed_out_can_be_asked_again_by_reference() {
    scenario(|_: Process| async {
        let mut task = Task::async_(after(100, 7)).timeout(ms(60));
        assert_eq!((&mut task).await, Err(TaskError::Timeout));
        assert_eq!((&mut task).await, Ok(7));
    });
}

/// Awaiting a `Task` takes it, so a second await of the same one does not compile; see the example at
/// [`Task`]. By reference, it is told at once that there is nothing to wait for.
///
/// Oracle (by type): TSK-09
#[test]
fn a_result_is_given_out_once() {
    scenario(|_: Process| async {
        let mut task = Task::async_(async { 1 });
        assert_eq!((&mut task).await, Ok(1));
        let begin = Instant::now();
        assert_eq!((&mut task).await, Err(TaskError::Taken));
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert_eq!(task.shutdown(Shutdown::default()).await, Some(Err(TaskError::Taken)));

        let mut task = Task::async_(async { 1 });
        assert_eq!((&mut task).await, Ok(1));
        assert_eq!(task.ignore(), Some(Err(TaskError::Taken)));
    });
}

/// Oracle: TSK-08
#[test]
fn only_the_owner_may_ask_for_the_value() {
    scenario(|_: Process| async {
        let mut task = Task::async_(async { 1 });
        let mut others = Task::async_(pending::<()>());
        let other = in_process("other", move |_: Process| async move {
            let asked = (&mut task).await;
            let yielded = task.yield_(ms(10)).await;
            assert_eq!(others.yield_(ms(10)).await, Some(Err(TaskError::NotOwner)));
            let pid = others.pid();
            assert_eq!(
                Task::await_many([Task::async_(async {}), others]).await,
                Err(TaskError::NotOwner)
            );
            assert!(pid.is_alive(), "it cannot be ended either");
            (asked, yielded, task)
        });
        let (asked, yielded, task) = other.await.unwrap();
        assert_eq!(asked, Err(TaskError::NotOwner));
        assert_eq!(yielded, Some(Err(TaskError::NotOwner)));
        assert_eq!(task.await, Ok(1), "nothing was lost by that");

        let task = Task::async_(pending::<()>());
        let pid = task.pid();
        let other = in_process("other", move |_: Process| task.shutdown(Shutdown::BrutalKill));
        assert_eq!(other.await, Ok(Some(Err(TaskError::NotOwner))));
        let task = Task::async_(pending::<()>());
        let other = in_process("other", move |_: Process| async { task.ignore() });
        assert_eq!(other.await, Ok(Some(Err(TaskError::NotOwner))));
        assert!(pid.is_alive());
    });
}

#[test]
fn a_plain_tokio_task_is_not_the_owner() {
    scenario(|_: Process| async {
        let task = Task::async_(async { 1 });
        assert_eq!(tokio::spawn(task).await.unwrap(), Err(TaskError::NotOwner));
    });
}

#[test]
fn the_errors_of_tasks_become_the_exit_reasons_that_elixir_gives() {
    fn crash(error: TaskError) -> ExitReason {
        runtime::Crash::from(error).into_reason()
    }
    assert_eq!(crash(TaskError::Exit(reason("why"))), reason("why"));
    assert_eq!(crash(TaskError::Timeout), ExitReason::other(TaskError::Timeout));
    assert!(crash(TaskError::NotOwner).as_error().is_some(), "a mistake, and reported as one");
    assert_eq!(ExitReason::from(TaskError::Exit(ExitReason::Shutdown)), ExitReason::Shutdown);
}

#[test]
fn tasks_can_be_joined_and_selected() {
    scenario(|_: Process| async {
        let begin = Instant::now();
        let (a, b) = tokio::join!(Task::async_(after(50, 1)), Task::async_(after(70, 2)));
        assert_eq!((a, b), (Ok(1), Ok(2)));
        assert_eq!(begin.elapsed(), ms(70), "side by side");

        let (mut slow, mut fast) =
            (Task::async_(after(50, "slow")), Task::async_(after(10, "fast")));
        let first = tokio::select! {
            word = &mut slow => word,
            word = &mut fast => word,
        };
        assert_eq!(first, Ok("fast"));
        assert_eq!(slow.await, Ok("slow"), "the other one is still there");
    });
}

// --- How a body ends.

/// A throw. An undefined function, the row's other half, does not compile in Rust.
///
/// Oracle: TSK-22
#[test]
fn the_reason_of_a_body_that_throws_is_the_throw_that_nobody_caught() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let task: Task<()> = Task::async_(async { throw("ball") });
        let nocatch = ExitReason::other(NoCatch(Term::new("ball")));
        assert_eq!(task.await, Err(TaskError::Exit(nocatch)));
    });
}

#[test]
fn the_reason_of_a_body_that_panics_raises_or_exits_is_just_that() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let result = Task::<()>::async_(async { panic!("boom") }).await;
        let Err(TaskError::Exit(reason)) = result else { panic!("{result:?}") };
        assert_eq!(panic_message(&reason), "boom");

        let result = Task::<()>::async_(async { raise(std::fmt::Error) }).await;
        let Err(TaskError::Exit(reason)) = result else { panic!("{result:?}") };
        assert!(reason.as_error().unwrap().is::<std::fmt::Error>());

        let result = Task::<()>::async_(async { exit(ExitReason::Normal) }).await;
        assert_eq!(result, Err(TaskError::Exit(ExitReason::Normal)), "no value is no value");
    });
}

#[test]
fn an_error_that_the_body_returns_is_its_value() {
    scenario(|_: Process| async {
        let task = Task::async_(async { "x".parse::<u32>() });
        assert!(matches!(task.await, Ok(Err(_))));
    });
}

#[test]
fn a_task_that_is_killed_gives_that_as_its_reason_also_before_it_ran() {
    scenario(|_: Process| async {
        for wait in [false, true] {
            let task = Task::async_nolink(pending::<()>());
            if wait {
                settle().await;
            }
            task.pid().kill();
            assert_eq!(task.await, Err(TaskError::Exit(ExitReason::Killed)));
        }
    });
}

#[test]
fn a_panic_while_the_body_is_dropped_is_the_tasks_reason() {
    scenario(|_: Process| async {
        // Before its first turn, in the middle, and at its end.
        let task = Task::async_nolink(async {
            let _bomb = Bomb;
            1
        });
        let Err(TaskError::Exit(reason)) = task.await else { panic!("it has a value") };
        assert_eq!(panic_message(&reason), "bang");

        for wait in [false, true] {
            let bomb = Bomb;
            let task = Task::async_nolink(async move {
                pending::<()>().await;
                drop(bomb);
            });
            if wait {
                settle().await;
            }
            task.pid().exit(ExitReason::Shutdown);
            let Err(TaskError::Exit(reason)) = task.await else { panic!("it has a value") };
            assert_eq!(panic_message(&reason), "bang");
        }
    });
}

#[test]
fn a_value_that_nobody_takes_is_dropped_in_the_task() {
    scenario(|_: Process| async {
        let task = Task::async_nolink(after(10, Bomb));
        let end = task.pid().join();
        drop(task);
        assert_eq!(panic_message(&end.await), "bang");
    });
}

// --- Yield.

/// Oracle: TSK-05
#[test]
fn a_yield_gives_nothing_until_there_is_a_value_and_nothing_after_it() {
    scenario(|_: Process| async {
        let mut task = Task::async_(after(50, "v"));
        assert_eq!(task.yield_(ms(10)).await, None);
        assert_eq!(task.yield_(ms(100)).await, Some(Ok("v")));
        assert_eq!(task.yield_(ms(100)).await, None);
    });
}

/// Oracle: TSK-06
#[test]
fn a_yield_on_a_crashed_task_gives_the_reason_to_an_owner_that_traps() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let mut task: Task<()> = Task::async_(async { exit(reason("bad")) });
        assert_eq!(task.yield_(ms(100)).await, Some(ended("bad")));
        assert_eq!(task.yield_(ms(100)).await, None);
    });
}

#[test]
fn a_yield_without_time_looks_and_does_not_wait() {
    scenario(|_: Process| async {
        let mut task = Task::async_(async { 1 });
        assert_eq!(task.yield_(Duration::ZERO).await, None, "it has had no turn");
        settle().await;
        assert_eq!(task.yield_(Duration::ZERO).await, Some(Ok(1)));
    });
}

#[test]
fn a_yield_that_is_dropped_loses_nothing() {
    scenario(|_: Process| async {
        let mut task = Task::async_(after(50, 1));
        tokio::select! {
            biased;
            result = task.yield_(ms(100)) => panic!("too early: {result:?}"),
            () = sleep(ms(10)) => {}
        }
        assert_eq!(task.yield_(ms(100)).await, Some(Ok(1)));
    });
}

// --- Shutdown, ignore, drop.

/// Oracle: TSK-07
#[test]
fn a_shutdown_ends_a_task_and_gives_what_it_came_to_otherwise() {
    scenario(|mut me: Process| async move {
        let running = Task::async_(pending::<()>());
        let pid = running.pid();
        settle().await;
        assert_eq!(running.shutdown(Shutdown::default()).await, None);
        assert!(!pid.is_alive());

        let running = Task::async_(pending::<()>());
        assert_eq!(running.shutdown(Shutdown::BrutalKill).await, None);

        let finished = Task::async_(async { "done" });
        settle().await;
        assert_eq!(finished.shutdown(Shutdown::default()).await, Some(Ok("done")));

        let stubborn = Task::async_(async {
            trap_exit(true).unwrap();
            pending::<()>().await;
        });
        settle().await;
        let begin = Instant::now();
        let result = stubborn.shutdown(Shutdown::After(ms(50))).await;
        assert_eq!(result, Some(Err(TaskError::Exit(ExitReason::Killed))));
        assert_eq!(begin.elapsed(), ms(50));

        assert!(mailbox(&mut me).await.is_empty());
    });
}

#[test]
fn a_shutdown_gives_the_reason_of_a_task_that_ended_otherwise() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let crashed: Task<()> = Task::async_(async { exit(reason("bad")) });
        settle().await;
        assert_eq!(crashed.shutdown(Shutdown::default()).await, Some(ended("bad")));

        // It makes use of its time.
        let tidy = Task::async_(async {
            trap_exit(true).unwrap();
            after(30, "tidied up").await
        });
        settle().await;
        assert_eq!(tidy.shutdown(Shutdown::Infinity).await, Some(Ok("tidied up")));
    });
}

#[test]
fn a_completed_task_has_its_value_from_the_start() {
    scenario(|_: Process| async {
        assert_eq!(Task::completed(5).await, Ok(5));
        assert_eq!(Task::completed(5).pid(), Pid::OUTSIDE);
        assert_eq!(Task::completed(5).yield_(Duration::ZERO).await, Some(Ok(5)));
        assert_eq!(Task::completed(5).shutdown(Shutdown::BrutalKill).await, Some(Ok(5)));
        assert_eq!(Task::completed(5).ignore(), Some(Ok(5)));
        let tasks = [Task::completed(1), Task::async_(async { 2 })];
        assert_eq!(Task::await_many(tasks).await, Ok(vec![1, 2]));
    });
}

/// Oracle: TSK-21
#[test]
fn an_ignored_task_goes_on_and_leaves_no_message() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let (fine, bad) = (Task::async_(after(30, 1)), Task::async_(after(30, ())));
        let pids = [fine.pid(), bad.pid()];
        assert_eq!(fine.ignore(), None);
        assert_eq!(bad.ignore(), None);
        assert!(pids.iter().all(|pid| pid.is_alive()));
        pids[1].exit(reason("crash"));
        assert!(mailbox(&mut me).await.is_empty());
        assert!(!pids.iter().any(|pid| pid.is_alive()));

        let finished = Task::async_(async { "w" });
        settle().await;
        assert_eq!(finished.ignore(), Some(Ok("w")));
    });
}

/// In Elixir the reply and a `DOWN` message lie in the owner's mailbox for ever.
///
/// Oracle (not in Rust): TSK-19, a result is not a message.
#[test]
fn the_value_of_a_task_that_is_never_awaited_is_no_message() {
    scenario(|mut me: Process| async move {
        let task = Task::async_(async { "v" });
        assert!(mailbox(&mut me).await.is_empty());
        assert_eq!(task.await, Ok("v"), "it waits here");
    });
}

#[test]
fn a_task_that_is_dropped_goes_on_and_stays_linked() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let log = Arc::new(AtomicUsize::new(0));
        let count = log.clone();
        let task = Task::async_(async move {
            sleep(ms(10)).await;
            count.fetch_add(1, Ordering::Relaxed);
            exit(reason("at last"))
        });
        let pid = task.pid();
        drop::<Task<()>>(task);
        assert_eq!(exits(&mut me).await, [(pid, reason("at last"))]);
        assert_eq!(log.load(Ordering::Relaxed), 1);
    });
}

// --- Owner and task.

/// Oracle: TSK-10
#[test]
fn a_task_ends_with_its_owner_and_a_started_one_lives() {
    scenario(|mut me: Process<Pid>| async move {
        let main = me.address();
        let owner = spawn(async move {
            main.send(Task::start(pending::<()>()));
            let task = Task::async_(pending::<()>());
            main.send(task.pid());
            sleep(ms(10)).await;
            reason("owner_gone")
        });
        let started = me.receive().await.into_user().unwrap();
        let task = me.receive().await.into_user().unwrap().join();
        assert_eq!(task.await, reason("owner_gone"));
        assert!(!owner.is_alive());
        assert!(started.is_alive());
    });
}

/// Oracle: TSK-11
#[test]
fn a_task_outlives_an_owner_that_ends_normally() {
    scenario(|_: Process| async {
        let task = in_process("owner", |_: Process| async {
            let task = Task::async_(pending::<()>());
            task.pid()
        });
        let task = task.await.unwrap();
        settle().await;
        assert!(task.is_alive());
    });
}

#[test]
fn a_task_of_a_killed_owner_ends_killed() {
    scenario(|mut me: Process<Pid>| async move {
        let main = me.address();
        let owner = spawn(async move {
            let task = Task::async_(pending::<()>());
            main.send(task.pid());
            task.infinity().await
        });
        let task = me.receive().await.into_user().unwrap().join();
        assert_eq!(kill_and_wait(&owner).await, ExitReason::Killed);
        assert_eq!(task.await, ExitReason::Killed);
    });
}

#[test]
fn a_started_task_that_is_linked_crashes_with_its_starter() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let task = Task::start_link(async { Err::<(), _>(std::fmt::Error) });
        let [(from, reason)] = &exits(&mut me).await[..] else { panic!("one exit") };
        assert_eq!(*from, task);
        assert!(reason.as_error().is_some(), "an error that it returns is its reason");
    });
}

#[test]
fn tasks_can_have_tasks() {
    fn fibonacci(n: u64) -> Task<u64> {
        Task::async_(async move {
            match n {
                0 | 1 => n,
                _ => {
                    let (a, b) = (fibonacci(n - 1), fibonacci(n - 2));
                    a.await.unwrap() + b.await.unwrap()
                }
            }
        })
    }
    scenario(|_: Process| async {
        assert_eq!(fibonacci(10).await, Ok(55));
    });
}

#[test]
fn outside_of_processes_tasks_are_started_and_awaited_as_well() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    tokio.block_on(async {
        assert_eq!(Task::async_(async { 1 }).await, Ok(1));
        let mut slow = Task::async_(pending::<()>());
        assert_eq!(slow.yield_(ms(10)).await, None);
        assert_eq!(slow.shutdown(Shutdown::default()).await, None);
        let crash: Task<()> = Task::async_(async { exit(reason("bad")) });
        assert_eq!(crash.await, ended("bad"));
        let pid = Task::start_link(async {});
        assert!(matches!(pid.join().await, ExitReason::Normal | ExitReason::NoProc));
        let doubled = Task::async_stream(1..=3, |n| async move { n * 2 });
        assert_eq!(doubled.try_collect().await, Ok(vec![2, 4, 6]));
        let crashing =
            Task::async_stream(
                1..=2,
                |n| async move { if n == 1 { exit(reason("one")) } else { n } },
            );
        assert_eq!(crashing.collect().await, [ended("one"), Ok(2)]);

        // Its owner is nobody, and a process is somebody.
        let task = Task::async_(async { 1 });
        let inside = in_process("inside", |_: Process| task).await;
        assert_eq!(inside, Ok(Err(TaskError::NotOwner)));
    });
}

/// On many threads a task may be gone before its owner has its handle; its value or reason is there
/// all the same.
#[test]
fn no_end_is_missed_on_many_threads() {
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    tokio.block_on(async {
        let owner = spawn(|me: Process| async move {
            me.trap_exit(true);
            for n in 0..5_000 {
                let task = Task::async_nolink(async move {
                    if n % 2 == 0 { exit(ExitReason::other(n)) } else { n }
                });
                if n % 3 == 0 {
                    task.pid().kill();
                }
                match task.await {
                    Ok(value) => assert_eq!(value, n),
                    Err(TaskError::Exit(ExitReason::Killed)) => assert_eq!(n % 3, 0),
                    Err(error) => assert_eq!(error, TaskError::Exit(ExitReason::other(n))),
                }
            }
            let tasks = (0..5_000).map(|n| Task::async_(async move { n }));
            assert_eq!(Task::await_many(tasks).await, Ok((0..5_000).collect()));
        });
        assert_eq!(owner.join().await, ExitReason::Normal);
    });
}

// --- Several.

/// Covers: RT-TASK-01, RT-NEXT-1
/// Oracle: TSK-17
#[test]
fn several_tasks_are_awaited_or_yielded_together() {
    scenario(|_: Process| async {
        let tasks = [after(30, 1), after(10, 2), after(20, 3)].map(Task::async_);
        assert_eq!(Task::await_many(tasks).await, Ok(vec![1, 2, 3]));

        let mut tasks = [after(10, 1), after(1_000, 2)].map(Task::async_);
        let begin = Instant::now();
        assert_eq!(Task::yield_many(&mut tasks, ms(50)).await, [Some(Ok(1)), None]);
        assert_eq!(begin.elapsed(), ms(50));
        assert_eq!(Task::yield_many(&mut tasks, Duration::MAX).await, [None, Some(Ok(2))]);
        assert_eq!(
            begin.elapsed(),
            ms(1_000),
            "it waits no longer than there is something to come"
        );

        let tasks = [after(10, 1), after(1_000, 2)].map(Task::async_);
        let all = Task::await_many(tasks).timeout(ms(50)).await;
        assert_eq!(all, Err(TaskError::Timeout));
        assert_eq!(Task::<()>::await_many([]).await, Ok(vec![]));
    });
}

#[test]
fn the_first_crash_among_several_tasks_ends_the_waiting() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let begin = Instant::now();
        let slow = Task::async_(after(1_000, ()));
        let pid = slow.pid();
        let tasks = [
            slow,
            Task::async_(async {
                after(10, ()).await;
                exit(reason("bad"))
            }),
        ];
        assert_eq!(Task::await_many(tasks).await, ended("bad"));
        assert_eq!(begin.elapsed(), ms(10));
        assert!(pid.is_alive(), "the others go on");

        let mut tasks = [Task::async_(async { exit(reason("bad")) }), Task::async_(async {})];
        let results = Task::yield_many(&mut tasks, ms(100)).await;
        assert_eq!(results, [Some(ended("bad")), Some(Ok(()))]);
    });
}

#[test]
fn thousands_of_tasks_are_awaited_together() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        let tasks = (0..20_000).map(|n| Task::async_(async move { n }));
        let all = Task::await_many(tasks).infinity().await.unwrap();
        assert_eq!(all.into_iter().sum::<u64>(), 20_000 * 19_999 / 2);
    });
}

// --- Supervised.

/// Oracle: TSK-12
#[test]
fn the_crash_of_an_unlinked_task_is_a_value_for_its_owner() {
    scenario(|mut me: Process| async move {
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let bad = TaskSupervisor::async_nolink(&tasks, async { exit(reason("bad")) });
        let mut bad: Task<()> = bad.await.unwrap();
        assert_eq!(bad.yield_(ms(100)).await, Some(ended("bad")));

        // In Elixir the crash of one that is not awaited arrives as a DOWN message.
        let raised = TaskSupervisor::async_nolink(&tasks, async { panic!("r") });
        let raised: Task<()> = raised.await.unwrap();
        assert!(mailbox(&mut me).await.is_empty());
        let Err(TaskError::Exit(reason)) = raised.await else { panic!("it has a value") };
        assert_eq!(panic_message(&reason), "r");
    });
}

/// Oracle: TSK-13
#[test]
fn an_owner_that_lets_the_crash_of_an_unlinked_task_through_ends_with_its_reason() {
    scenario(|_: Process| async {
        let owner = spawn(async {
            let tasks = TaskSupervisor::new().start().await?;
            let bad = TaskSupervisor::async_nolink(&tasks, async { exit(reason("bad")) });
            let bad: Task<()> = bad.await?;
            bad.await?;
            anyhow::Ok(())
        });
        assert_eq!(owner.join().await, reason("bad"));
    });
}

#[test]
fn an_unlinked_task_needs_no_supervisor() {
    scenario(|_: Process| async {
        let task: Task<()> = Task::async_nolink(async { exit(reason("bad")) });
        assert_eq!(task.await, ended("bad"));
        let owner = spawn(async {
            let task = Task::async_nolink(pending::<()>());
            ExitReason::other(task.pid())
        });
        let crash = owner.join().await;
        let pid = crash.downcast_ref::<Pid>().unwrap();
        assert!(pid.is_alive(), "it outlives its owner's crash");
    });
}

/// Oracle: TSK-14
#[test]
fn a_supervised_task_is_not_restarted_and_is_stopped_with_its_supervisor() {
    scenario(|_: Process| async {
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let count = runs.clone();
        let crashing = async move {
            count.fetch_add(1, Ordering::Relaxed);
            reason("crash")
        };
        TaskSupervisor::start_child(&tasks, crashing).await.unwrap();
        let running = TaskSupervisor::start_child(&tasks, pending::<()>()).await.unwrap();
        settle().await;
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(TaskSupervisor::children(&tasks).await.unwrap(), [running]);

        let end = running.join();
        tasks.stop().await.unwrap();
        assert_eq!(end.await, ExitReason::Shutdown);
    });
}

/// Oracle: TSK-15
#[test]
fn a_transient_task_that_always_crashes_takes_its_supervisor_along() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let runs = Arc::new(AtomicUsize::new(0));
        let count = runs.clone();
        let task = Task::child(move || {
            let count = count.clone();
            async move {
                count.fetch_add(1, Ordering::Relaxed);
                reason("crash")
            }
        });
        tasks.start_child(task.restart(Restart::Transient)).await.unwrap();
        assert_eq!(exits(&mut me).await, [(tasks.pid(), ExitReason::Shutdown)]);
        assert_eq!(runs.load(Ordering::Relaxed), 4);
    });
}

/// Oracle: TSK-18
#[test]
fn a_task_as_a_child_is_temporary_unless_told_otherwise() {
    scenario(|_: Process| async {
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(Task::child(|| after(10, ())))
            .start_link()
            .await
            .unwrap();
        let spec = supervisor.get_childspec("Task").await.unwrap();
        assert_eq!(**spec.id(), *"Task");
        assert_eq!(spec, spec.clone().restart(Restart::Temporary));
        sleep(ms(20)).await;
        assert!(Supervision::which_children(&supervisor).await.unwrap().is_empty());
    });
}

/// Oracle: TSK-20
#[test]
fn a_full_supervisor_takes_no_more_tasks() {
    scenario(|_: Process| async {
        let tasks = TaskSupervisor::new().max_children(1).start_link().await.unwrap();
        TaskSupervisor::start_child(&tasks, pending::<()>()).await.unwrap();
        let child = TaskSupervisor::start_child(&tasks, async {}).await;
        assert_eq!(child.unwrap_err(), ChildError::MaxChildren);
        let task = TaskSupervisor::async_(&tasks, async {}).await;
        assert_eq!(task.unwrap_err(), ChildError::MaxChildren);
        let task = TaskSupervisor::async_nolink(&tasks, async {}).await;
        assert_eq!(task.unwrap_err(), ChildError::MaxChildren);
        let count = tasks.count_children().await.unwrap();
        assert_eq!(count, ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 });
        assert_eq!(Task::completed(5).await, Ok(5));
    });
}

#[test]
fn a_supervised_task_is_linked_to_its_owner_before_it_runs() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let task = TaskSupervisor::async_(&tasks, async { 1 }).await.unwrap();
        let pid = task.pid();
        assert_eq!(task.await, Ok(1));
        assert_eq!(exits(&mut me).await, [(pid, ExitReason::Normal)]);

        let task = TaskSupervisor::async_(&tasks, async { exit(reason("bad")) });
        let task: Task<()> = task.await.unwrap();
        assert_eq!(task.await, ended("bad"));
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        let Exit { reason: why, .. } = *exit;
        assert_eq!(why, reason("bad"));
        assert!(tasks.is_alive());
    });
}

#[test]
fn a_supervised_task_ends_with_its_owner() {
    scenario(|mut me: Process<Pid>| async move {
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let (main, its) = (me.address(), tasks.clone());
        let owner = spawn(async move {
            let task = TaskSupervisor::async_(&its, pending::<()>()).await.unwrap();
            main.send(task.pid());
            let _ = task.infinity().await;
        });
        let task = me.receive().await.into_user().unwrap();
        settle().await;
        let end = task.join();
        owner.exit(reason("owner_gone"));
        assert_eq!(end.await, reason("owner_gone"));
        assert!(TaskSupervisor::children(&tasks).await.unwrap().is_empty());
    });
}

#[test]
fn a_supervised_task_that_is_terminated_tells_its_owner_so() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let tasks = TaskSupervisor::new().start_link().await.unwrap();
        let task = TaskSupervisor::async_nolink(&tasks, pending::<()>()).await.unwrap();
        let pid = task.pid();
        TaskSupervisor::terminate_child(&tasks, pid).await.unwrap();
        assert_eq!(task.await, Err(TaskError::Exit(ExitReason::Shutdown)));
        let again = TaskSupervisor::terminate_child(&tasks, pid).await;
        assert_eq!(again.unwrap_err(), ChildError::NotFound);
    });
}
