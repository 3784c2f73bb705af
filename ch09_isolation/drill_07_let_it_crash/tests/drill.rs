//! Drill 9.7, let it crash.
//!
//! The test runs as the process `main`. Amounts, numbers and what goes wrong are drawn from the seed
//! of the run.

use std::fs;
use std::future::pending;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use ch09_drill_07_let_it_crash::{
    Accounts, Ask, Books, CarefulJob, CarefulWorker, ERROR_KERNEL, ErrorKernel, Failed, Job, Load,
    NORMAL_WORKER, NormalWorker, NotFound, ProcessingFailed, Refused, Request, SYSTEM, Tamper,
    catch_all, isolated, start_system,
};
use runtime::prelude::*;
use runtime::testing::{kill_and_wait, one_of, restarted, scenario_with, settle};
use runtime::{
    ChildState, ServerRef, System, Task, assert_timeline, exit, link, spawn, sys, throw, trap_exit,
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Whatever leaves the processing is stopped: a panic, a throw, an exit.
///
/// Exercise: 1
/// Covers: CH9-D7-T, CH9-D7-S3
/// Oracle: C9-13
#[test]
fn nothing_gets_past_a_catch_all() {
    scenario_with(|seed| async move {
        let mut accounts = accounts(seed);
        let balance = Request::Balance("ann".into());
        assert_eq!(
            catch_all(&mut accounts, &balance),
            Ok(seed + 100),
            "where nothing leaves, the result is the result (see hint 1 of exercise 1)"
        );
        for request in failing(seed) {
            assert_eq!(
                catch_all(&mut accounts, &request),
                Err(ProcessingFailed),
                "{request:?} leaves, and is stopped (see hint 2 of exercise 1)"
            );
        }
    });
}

/// What is stopped half way has done the first half: here, the money is gone.
///
/// Exercise: 1
/// Covers: CH9-D7-T, CH9-D7-Q5
#[test]
fn what_is_caught_half_way_has_torn_the_state() {
    scenario_with(|seed| async move {
        let mut accounts = accounts(seed);
        let request = Request::Transfer("ann".into(), "nobody".into(), 50);
        let failed = catch_all(&mut accounts, &request);
        assert_eq!(failed, Err(ProcessingFailed), "there is no account to put it into");
        assert_eq!(
            (accounts["ann"], accounts["bob"]),
            (seed + 50, seed),
            "it was taken from ann, and then came the panic: in place, the catch keeps a torn state \
             (see hint 3 of exercise 1)"
        );
    });
}

/// The kernel loads its data, answers what it can, and says so when it cannot.
///
/// Exercise: 2
/// Covers: CH9-D7-S1, CH9-D7-S2, CH9-D7-S3, CH9-CHK-11
/// Oracle: C9-13
#[test]
fn the_kernel_answers_and_keeps_its_state_over_every_failure() {
    scenario_with(|seed| async move {
        let kernel = kernel(seed).await?;
        let moved = Request::Transfer("ann".into(), "bob".into(), 30);
        assert_eq!(
            processed(&kernel, moved).await,
            Ok(Ok(seed + 70)),
            "a request that can be processed is (see hint 2 of exercise 2)"
        );
        let whole = Accounts::from([("ann".into(), seed + 70), ("bob".into(), seed + 30)]);
        for request in failing(seed) {
            assert_eq!(
                processed(&kernel, request.clone()).await,
                Ok(Err(ProcessingFailed)),
                "{request:?} fails, and its caller is told so (see hint 2 of exercise 2)"
            );
            assert_eq!(
                kernel.call(Ask::Accounts).await,
                Ok(whole.clone()),
                "after {request:?} the accounts are as before, to the last coin (see hint 3 of \
                 exercise 2)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// The crash of a process that is linked to the kernel is a message to it, and no more.
///
/// Exercise: 2
/// Covers: CH9-D7-S1, CH9-CHK-11, CH9-D7-Q3, CH9-WSUM-05
/// Oracle: C9-13
#[test]
fn the_kernel_does_not_fall_with_its_neighbours() {
    scenario_with(|seed| async move {
        let kernel = kernel(seed).await?;
        let pid = kernel.pid();
        let neighbour = spawn(async move {
            link(pid)?;
            pending::<()>().await;
            Ok::<_, Crash>(())
        });
        settle().await;
        neighbour.exit(ExitReason::other(one_of(seed, ["bad disk", "bad day"])));
        settle().await;
        assert!(kernel.is_alive(), "a kernel traps exits (see hint 1 of exercise 2)");
        assert_eq!(
            kernel.call(Ask::Accounts).await,
            Ok(accounts(seed)),
            "and knows what it has loaded (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// A kernel without its data would be none: then it does not start.
///
/// Exercise: 2
/// Covers: CH9-D7-S1, CH9-D7-I4
#[test]
fn a_kernel_whose_data_cannot_be_loaded_does_not_start() {
    scenario_with(|seed| async move {
        let whole = ErrorKernel::start(Box::new(move || accounts(seed))).await;
        assert!(whole.is_ok(), "a kernel whose data is there starts (see hint 1 of exercise 2)");
        let broken: [Load; 2] = [
            Box::new(|| panic!("the disk is not there")),
            Box::new(|| exit(ExitReason::other("the disk is not there"))),
        ];
        let started = ErrorKernel::start(one_of(seed, broken)).await.map(|kernel| kernel.pid());
        assert!(
            matches!(&started, Err(error) if error.to_string().contains("the disk is not there")),
            "to load is the first thing that a kernel does, and nothing is caught there: better no \
             kernel than an empty one; this start came to {started:?} (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// The course's worker: a result, an expected error, and a crash for everything else.
///
/// Exercise: 3
/// Covers: CH9-D7-T, CH9-D7-S4, CH9-D7-S5, CH9-D7-S6, CH9-D7-I1, CH9-D7-I2
/// Oracle: C9-12
#[test]
fn the_worker_handles_what_it_expects_and_crashes_for_the_rest() {
    scenario_with(|seed| async move {
        let (quotient, divisor) = (i64::try_from(seed)?, one_of(seed, [2, 3, -7]));
        let file = TextFile::with(&format!("line {seed}"));
        let worker = NormalWorker::start(()).await?;
        assert_eq!(
            worker.call(|reply| Job::Divide(quotient * divisor, divisor, reply)).await,
            Ok(quotient),
            "what can be divided is (see hint 1 of exercise 3)"
        );
        assert_eq!(
            worker.call(|reply| Job::ReadFile(file.0.clone(), reply)).await,
            Ok(Ok(format!("line {seed}"))),
            "what can be read is (see hint 1 of exercise 3)"
        );
        assert_eq!(
            worker.call(|reply| Job::ReadFile(missing(), reply)).await,
            Ok(Err(NotFound)),
            "a missing file is expected, and a reply (see hint 2 of exercise 3)"
        );
        let crashed = worker.call(|reply| Job::Divide(quotient, 0, reply)).await;
        let Err(CallError::Down(ExitReason::Panic(panic))) = &crashed else {
            panic!(
                "nobody checks the divisor, so the division crashes; it came to {crashed:?} (see \
                 hint 1 of exercise 3)"
            )
        };
        assert_eq!(panic.message(), "attempt to divide by zero");
        Ok::<_, Crash>(())
    });
}

/// A supervisor starts it again; who had asked meanwhile has lost the answer.
///
/// Exercise: 3
/// Covers: CH9-D7-S4, CH9-D7-S7, CH9-D7-I3, CH9-D7-Q4
/// Oracle: C9-12
#[test]
fn one_callers_bad_path_costs_the_others_their_answers() {
    scenario_with(|seed| async move {
        Supervisor::one_for_one().child(NORMAL_WORKER.child(|| ())).start_link().await?;
        let worker = NORMAL_WORKER.up().await?;
        // So that both stand in its queue before it takes the first one.
        sys::suspend(&worker).await?;
        let bad_path = Task::async_(async {
            NORMAL_WORKER.call(|reply| Job::ReadFile(std::env::temp_dir(), reply)).await
        });
        settle().await;
        let innocent = Task::async_(async move {
            let number = i64::try_from(seed).unwrap_or(1);
            NORMAL_WORKER.call(|reply| Job::Divide(number, 1, reply)).await
        });
        settle().await;
        sys::resume(&worker).await?;
        let seen = bad_path.await?;
        assert!(
            matches!(&seen, Err(CallError::Down(reason)) if reason.as_error().is_some()),
            "a folder is no file, and that error is none that the worker expects, so it ends with \
             it; the caller got {seen:?} (see hint 3 of exercise 3)"
        );
        assert!(
            matches!(innocent.await?, Err(CallError::Down(_))),
            "whoever stood behind the bad path in the queue falls with the worker (see hint 3 of \
             exercise 3)"
        );
        let again = restarted(&NORMAL_WORKER, &worker).await;
        assert_eq!(again.call(|reply| Job::Divide(6, 3, reply)).await, Ok(2), "it is back");
        Ok::<_, Crash>(())
    });
}

/// What is wrong with a job is the caller's: it is told, and nobody else notices.
///
/// Exercise: 4
/// Covers: CH9-D7-I1, CH9-D7-I5, CH9-D7-Q4, CH9-CHK-10
/// Oracle (defect): C9-12
#[test]
fn what_is_wrong_with_a_job_is_told_to_its_caller_only() {
    scenario_with(|seed| async move {
        let number = i64::try_from(seed)?;
        let file = TextFile::with(&format!("line {seed}"));
        let worker = CarefulWorker::start(()).await?;
        for (dividend, divisor) in [(number, 0), (i64::MIN, -1)] {
            assert_eq!(
                worker.call(|reply| CarefulJob::Divide(dividend, divisor, reply)).await,
                Ok(Err(Refused::NoResult)),
                "{dividend} / {divisor} has no result (see hint 1 of exercise 4)"
            );
        }
        let folder = worker.call(|reply| CarefulJob::ReadFile(std::env::temp_dir(), reply)).await;
        assert!(
            matches!(folder, Ok(Err(Refused::Unreadable(kind))) if kind != ErrorKind::NotFound),
            "a folder is no file, which is told to whoever asked for it; it got {folder:?} (see \
             hint 2 of exercise 4)"
        );
        assert_eq!(
            worker.call(|reply| CarefulJob::ReadFile(missing(), reply)).await,
            Ok(Err(Refused::Unreadable(ErrorKind::NotFound))),
            "a missing file is one of the reasons (see hint 2 of exercise 4)"
        );
        assert_eq!(
            (
                worker.call(|reply| CarefulJob::Divide(number, 1, reply)).await,
                worker.call(|reply| CarefulJob::ReadFile(file.0.clone(), reply)).await,
            ),
            (Ok(Ok(number)), Ok(Ok(format!("line {seed}")))),
            "after all that the same worker goes on (see hint 1 of exercise 4)"
        );
        assert_eq!(
            worker.call(CarefulJob::Books).await,
            Ok(Books { taken: 6, done: 2, refused: 4 }),
            "each job is in the books, as done or as refused (see hint 3 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// What is wrong with its own state is nobody's fault who asks. A worker that cannot trust itself
/// crashes, and begins anew.
///
/// Exercise: 4
/// Covers: CH9-WSUM-06, CH9-D7-I2, CH9-D7-I3, CH9-CHK-10, CH9-CHK-09
#[test]
fn a_worker_whose_own_state_is_wrong_crashes_and_begins_anew() {
    static CAREFUL: Name<CarefulWorker> = Name::new("careful_worker");
    scenario_with(|seed| async move {
        Supervisor::one_for_one().child(CAREFUL.child(|| ())).start_link().await?;
        let worker = CAREFUL.up().await?;
        worker.cast(Tamper);
        let divisor = one_of(seed, [0, 1]);
        let seen = worker.call(|reply| CarefulJob::Divide(1, divisor, reply)).await;
        let panic = match &seen {
            Err(CallError::Down(ExitReason::Panic(panic))) => panic.message(),
            _ => "",
        };
        assert!(
            panic.contains("the books are wrong"),
            "its books say that more was done than taken, so nothing that it says can be trusted; \
             the caller got {seen:?} (see hint 3 of exercise 4)"
        );
        let again = restarted(&CAREFUL, &worker).await;
        assert_eq!(
            again.call(CarefulJob::Books).await,
            Ok(Books::default()),
            "a new worker has new books"
        );
        Ok::<_, Crash>(())
    });
}

/// A process of its own keeps everything in: panics, throws, exits, also a kill.
///
/// Exercise: 5
/// Covers: CH9-D7-Q1, CH9-D7-Q2, CH9-CHK-10
#[test]
fn work_that_is_isolated_can_end_as_it_likes() {
    scenario_with(|seed| async move {
        assert_eq!(
            isolated(async move { seed + 1 }, SECOND).await,
            Ok(seed + 1),
            "work that has a result gives it (see hint 1 of exercise 5)"
        );
        for how in ["panic", "throw", "exit", "kill"] {
            let work = async move {
                match how {
                    "panic" => panic!("{seed} is too much"),
                    "throw" => throw(seed),
                    "exit" => exit(ExitReason::other(seed)),
                    _ => runtime::self_pid().expect("isolated work is a process").kill(),
                }
            };
            let failed = isolated(work, SECOND).await;
            assert!(
                matches!(failed, Err(Failed::Crashed(_))),
                "isolated work ended with a {how}, and came to {failed:?} (see hint 2 of exercise 5)"
            );
        }
        Ok::<_, Crash>(())
    });
}

/// What no catch can stop is work that does not end. A process can be killed.
///
/// Exercise: 5
/// Covers: CH9-D7-Q1
#[test]
fn work_that_takes_too_long_is_killed() {
    scenario_with(|seed| async move {
        let (limit, before) =
            (one_of(seed, [SECOND, 7 * SECOND]), System::current().process_count());
        let asked = Instant::now();
        let failed = timeout(60 * SECOND, isolated(pending::<()>(), limit)).await;
        assert_eq!(
            (failed, asked.elapsed()),
            (Ok(Err(Failed::TookTooLong)), limit),
            "nobody waits longer than the limit (see hint 2 of exercise 5)"
        );
        settle().await;
        assert_eq!(
            System::current().process_count(),
            before,
            "work for which nobody waits any more is not to go on for ever (see hint 3 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The worker crashes until its supervisor gives up, and the kernel has not lost a coin.
///
/// Exercise: 6
/// Covers: CH9-D7-I3, CH9-D7-I4, CH9-WSUM-05, CH9-CHK-09, CH9-SUM-2, CH9-D7-Q2
/// Oracle: SUP-16
#[test]
fn the_workers_crashes_do_not_reach_the_kernel() {
    scenario_with(|seed| async move {
        trap_exit(true)?;
        let history = System::current().record();
        let system = start_system(accounts(seed)).await?;
        let kernel = ERROR_KERNEL.up().await?;
        let moved = Request::Transfer("ann".into(), "bob".into(), 1);
        assert_eq!(processed(&kernel, moved).await, Ok(Ok(seed + 99)));
        for nth in 1..=4 {
            sleep(SECOND).await;
            let worker = NORMAL_WORKER.up().await?;
            let crashed = NORMAL_WORKER.call(|reply| Job::Divide(1, 0, reply)).await;
            assert!(matches!(crashed, Err(CallError::Down(_))), "nobody divides by zero");
            let back = timeout(SECOND, restarted(&NORMAL_WORKER, &worker)).await;
            assert!(
                back.is_ok(),
                "crash {nth} of the worker, and nobody has started it again: the workers are to \
                 have a supervisor of their own, below one that survives its end (see hint 1 of \
                 exercise 6)"
            );
        }
        assert_eq!(
            (ERROR_KERNEL.whereis(), kernel.call(Ask::Accounts).await),
            (
                Some(kernel),
                Ok(Accounts::from([("ann".into(), seed + 99), ("bob".into(), seed + 1)]))
            ),
            "the fourth crash ended the supervisor of the workers, and nobody else: the kernel is \
             the one of the beginning (see hint 2 of exercise 6)"
        );
        sleep(SECOND).await;
        system.stop().await?;
        assert_timeline!(
            history.trace(),
            "
                     0ms       1s        2s        3s        4s        5s
system               ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ error_kernel      ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
└─ workers           ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━■    #2  gave up
   └─ normal_worker  ╺━━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━■    #5  panic: attempt to divide by zero ×4

1s  one_for_one: normal_worker was restarted because it crashed
2s  one_for_one: normal_worker was restarted because it crashed
3s  one_for_one: normal_worker was restarted because it crashed
4s  workers gave up because normal_worker crashed, and only 3 restarts in 5s are allowed
4s  one_for_one: workers was restarted because it shut down, and is permanent
",
            "the workers have a supervisor of their own (see hint 2 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// A kernel that is killed all the same comes back with what it loads, and the workers go on.
///
/// Exercise: 6
/// Covers: CH9-D7-S1, CH9-SUM-2, CH9-WSUM-05
#[test]
fn a_kernel_that_was_killed_loads_its_data_again() {
    scenario_with(|seed| async move {
        let system = start_system(accounts(seed)).await?;
        let (kernel, worker) = (ERROR_KERNEL.up().await?, NORMAL_WORKER.up().await?);
        kill_and_wait(&kernel).await;
        let back = timeout(SECOND, restarted(&ERROR_KERNEL, &kernel)).await;
        let back = back.expect("a kernel is permanent (see hint 1 of exercise 6)");
        assert_eq!(
            (back.call(Ask::Accounts).await, NORMAL_WORKER.whereis()),
            (Ok(accounts(seed)), Some(worker)),
            "it loads its accounts at each start, and the worker has no part in this (see hint 3 of \
             exercise 6)"
        );
        let children = system.which_children().await?;
        assert_eq!(
            children.iter().rev().map(|child| &*child.id).collect::<Vec<_>>(),
            ["error_kernel", "workers"],
            "the kernel is started first (see hint 2 of exercise 6)"
        );
        assert!(children.iter().all(|child| matches!(child.state, ChildState::Running(_))));
        assert!(SYSTEM.whereis().is_some(), "the tree has a name (see hint 3 of exercise 6)");
        assert!(
            System::current().tree().find("system").is_some_and(|system| system.linked),
            "it is linked to whoever starts it: `start_link` (see hint 3 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

fn accounts(seed: u64) -> Accounts {
    Accounts::from([("ann".into(), seed + 100), ("bob".into(), seed)])
}

/// Requests that cannot be processed, each for another reason.
fn failing(seed: u64) -> [Request; 5] {
    let transfer = |from: &str, to: &str, amount| Request::Transfer(from.into(), to.into(), amount);
    [
        Request::Balance("nobody".into()),
        transfer("ann", "bob", seed + 1000),
        transfer("ann", "nobody", 1),
        Request::Throw,
        Request::Exit,
    ]
}

/// A kernel that is linked to nobody.
async fn kernel(seed: u64) -> Result<ServerRef<ErrorKernel>, Crash> {
    Ok(ErrorKernel::start(Box::new(move || accounts(seed))).await?)
}

async fn processed(
    kernel: &ServerRef<ErrorKernel>,
    request: Request,
) -> Result<Result<u64, ProcessingFailed>, CallError> {
    kernel.call(|reply| Ask::Process(request, reply)).await
}

/// A path at which there is nothing.
fn missing() -> PathBuf {
    std::env::temp_dir().join(format!("drill_07_nothing_{}", std::process::id()))
}

/// A text file that is there for as long as this lives.
struct TextFile(PathBuf);

impl TextFile {
    fn with(contents: &str) -> Self {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("test").replace(':', "_");
        let name = format!("drill_07_{name}_{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, contents).expect("there is a folder for temporary files");
        Self(path)
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
