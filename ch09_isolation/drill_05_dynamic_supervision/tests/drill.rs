//! Drill 9.5, dynamic supervision.
//!
//! The test runs as the process `main`, which traps exits. Which jobs there are, how many, and who is
//! stopped or killed is drawn from the seed of the run.

use std::time::Duration;

use ch09_drill_05_dynamic_supervision::{
    Ask, Game, JOB_SUPERVISOR, JobWorker, Key, MY_DYNAMIC, MY_REGISTRY, MY_SUPERVISOR, Play,
    THE_GAME, WORK, count_children, game, job, job_child, start_app, start_game, start_job,
    start_job_as, start_keyed_job, start_link, start_link_limited, start_the_game, stop_job,
};
use runtime::prelude::*;
use runtime::testing::{
    in_process, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildCount, ChildError, ChildKind, DynamicSupervisorRef, RegistryError, StartError,
    SupervisorRef, System, Task, ViaError, assert_timeline, assert_trace, trap_exit,
};
use tokio::time::{Instant, sleep, sleep_until, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// It has its name, and no child yet.
///
/// Exercise: 1
/// Covers: CH9-D5-S1, CH9-D5-E1, CH9-WSUM-04
/// Oracle: DSUP-01
#[test]
fn a_dynamic_supervisor_starts_without_children() {
    scenario(|_: Process| async move {
        let jobs = supervisor().await;
        assert_eq!(
            JOB_SUPERVISOR.whereis().map(|found| found.pid()),
            Some(jobs.pid()),
            "it is found under its name (see hint 2 of exercise 1)"
        );
        let children = jobs.which_children().await;
        assert_eq!(children, Ok(vec![]), "nobody has asked for a child yet");
        assert_eq!(
            start_link().await.map(|second| second.pid()),
            Err(StartError::AlreadyStarted(jobs.pid())),
            "there is one supervisor of this name"
        );
    });
}

/// It is linked: what started it and has crashed leaves no supervisor behind.
///
/// Exercise: 1
/// Covers: CH9-D5-S1
#[test]
fn the_supervisor_falls_with_who_started_it() {
    scenario(|_: Process| async move {
        let starter = in_process("starter", |_: Process| async {
            let jobs = start_link().await.expect("nobody has the name");
            (jobs.pid(), kill_and_wait(runtime::self_pid().expect("a process")).await)
        });
        assert_eq!(starter.await.map(drop), Err(ExitReason::Killed));
        settle().await;
        assert_eq!(
            JOB_SUPERVISOR.whereis(),
            None,
            "its starter was killed, and it is linked to that one (see hint 2 of exercise 1)"
        );
    });
}

/// A job says when it starts and when it is done, and that is its end.
///
/// Exercise: 2
/// Covers: CH9-D5-S5, CH9-D5-S6
/// Oracle: C9-11
#[test]
fn a_job_works_for_five_seconds_and_ends() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let (job_id, data) = (number(seed), one_of(seed, ["clean", "sweep", "wash"]));
        let job = JobWorker::start((job_id, data.to_owned())).await;
        let job = job.expect("nothing keeps a job from starting");
        let end = timeout(60 * SECOND, job.pid().join()).await;
        assert_eq!(
            (end, System::current().monotonic_time()),
            (Ok(ExitReason::Normal), WORK),
            "a job that is done has nothing to complain about (see hint 3 of exercise 2)"
        );
        assert_trace!(
            history.trace(),
            [
                "0ms #2 spawned by main",
                &format!("0ms #2 notes: Job {job_id} started with data: {data}"),
                &format!("5s #2 notes: Job {job_id} completed!"),
                "5s #2 exited: normal",
            ],
            "a job notes its start and its end (see hint 2 of exercise 2)"
        );
    });
}

/// The timer works in the place of the job, which is there for questions meanwhile; and nobody waits
/// for its start.
///
/// Exercise: 2
/// Covers: CH9-D5-S6
#[test]
fn a_job_at_work_keeps_nobody_waiting() {
    scenario_with(|seed| async move {
        let job_id = number(seed);
        let job = JobWorker::start((job_id, "sweep".to_owned())).await;
        let job = job.expect("nothing keeps a job from starting");
        assert_eq!(
            System::current().monotonic_time(),
            Duration::ZERO,
            "who starts a job waits for its `init`: this is no place to work (see hint 1 of \
             exercise 2)"
        );
        for _ in 0..4 {
            sleep(SECOND).await;
            let asked = Instant::now();
            assert_eq!(
                job.call(Ask::Job).await,
                Ok(JobWorker { job_id, data: "sweep".to_owned() }),
                "it is at work, and answers (see hint 2 of exercise 2)"
            );
            assert_eq!(asked.elapsed(), Duration::ZERO, "and at once");
        }
    });
}

/// Neither a question nor a message from a stranger ends a job earlier, or makes it longer.
///
/// Exercise: 2
/// Covers: CH9-D5-S6
#[test]
fn a_job_that_is_disturbed_is_done_in_the_same_time() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let nearly_done = Instant::now() + WORK.saturating_sub(Duration::from_millis(1));
        let job = JobWorker::start((1, "sweep".to_owned())).await;
        let job = job.expect("nothing keeps a job from starting");
        let end = job.pid().join();
        sleep(SECOND + Duration::from_millis(seed % 3000)).await;
        job.call(Ask::Job).await.expect("it is at work, and answers (see hint 2 of exercise 2)");
        job.pid().send("how much longer?");
        sleep_until(nearly_done).await;
        assert!(
            job.is_alive(),
            "a message that means nothing to a job does not end it (see hint 3 of exercise 2)"
        );
        let end = timeout(Duration::from_millis(2), end).await;
        assert!(
            end.is_ok() && notes(&history).len() == 2,
            "a job is done {WORK:?} after its start, whoever asked it something meanwhile: that is \
             a timer, and not a time without messages (see hint 2 of exercise 2)"
        );
    });
}

/// What all jobs have in common is said once, with their type.
///
/// Exercise: 2
/// Covers: CH9-D5-S5, CH9-D5-E6
#[test]
fn a_job_is_temporary_by_its_type() {
    let child = || ChildSpec::from(JobWorker::child(|| (1, String::new())));
    assert_eq!(
        child(),
        child().restart(Restart::Temporary),
        "a job says of itself that it is temporary (see hint 2 of exercise 2)"
    );
}

/// Five jobs, started while the supervisor runs: five specifications, five workers.
///
/// Exercise: 3
/// Covers: CH9-D5-T, CH9-D5-S2, CH9-D5-S4, CH9-D5-E2, CH9-D5-E3, CH9-CHK-06
/// Oracle: DSUP-01
#[test]
fn five_jobs_are_started_and_counted() {
    scenario_with(|seed| async move {
        supervisor().await;
        assert_eq!(count_children().await, Ok(count(0)), "there are no jobs yet");
        let first = number(seed);
        let mut pids = Vec::new();
        for nth in 0..5 {
            pids.push(started(start_job(first + nth, "clean").await));
            let now = usize::try_from(nth).expect("a few") + 1;
            assert_eq!(
                count_children().await,
                Ok(count(now)),
                "every job that runs is active, is a worker, and has a specification (see hint 2 of \
                 exercise 3)"
            );
        }
        let begun = System::current().monotonic_time();
        assert_eq!(begun, Duration::ZERO, "nobody has waited for a job");
        for (pid, job_id) in pids.into_iter().zip(first..) {
            let job = ServerRef::<JobWorker>::of_pid(pid).expect("the pid is that of a job");
            let expected = JobWorker { job_id, data: "clean".to_owned() };
            assert_eq!(job.call(Ask::Job).await, Ok(expected), "(see hint 2 of exercise 3)");
        }
        let ids = children_ids().await;
        let expected: Vec<_> = (first..first + 5).map(|id| format!("job {id}")).collect();
        assert_eq!(ids, expected, "each has an id that says who it is (see hint 3 of exercise 3)");
    });
}

/// The course's session; it expects `specs: 0` while two jobs run.
///
/// Exercise: 3
/// Covers: CH9-D5-O1, CH9-D5-O2, CH9-D5-S3, CH9-D5-S4
/// Oracle: C9-11
#[test]
fn two_jobs_have_two_specifications_and_not_none() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        supervisor().await;
        let first = started(start_job(1, "process_data").await);
        started(start_job(2, "send_email").await);
        assert_eq!(
            count_children().await,
            Ok(ChildCount { active: 2, specs: 2, supervisors: 0, workers: 2 }),
            "there is a specification for every child (see hint 2 of exercise 3)"
        );
        assert_eq!(stop_job(first).await, Ok(()), "it is stopped (see hint 2 of exercise 3)");
        assert_eq!(stop_job(first).await, Err(ChildError::NotFound), "and known no more");
        assert_eq!(count_children().await, Ok(count(1)), "one is left");
        sleep(WORK + SECOND).await;
        assert_eq!(count_children().await, Ok(count(0)), "none is left after five seconds");
        assert_eq!(
            notes(&history),
            [
                "Job 1 started with data: process_data",
                "Job 2 started with data: send_email",
                "Job 2 completed!",
            ],
            "the job that was stopped did not complete"
        );
    });
}

/// Five jobs: one is stopped by hand, the others complete by themselves.
///
/// Exercise: 3
/// Covers: CH9-D5-T, CH9-D5-E2, CH9-D5-E4, CH9-D5-E5, CH9-D5-O2, CH9-CHK-06
/// Oracle: C9-11, DSUP-06
#[test]
fn one_job_is_stopped_and_the_others_complete() {
    scenario_with(|seed| async move {
        let stopped = one_of(seed, [2_u32, 1, 5]);
        let history = System::current().record();
        supervisor().await;
        let mut pids = Vec::new();
        for job_id in 1..=5 {
            pids.push((job_id, started(start_job(job_id, "sweep").await)));
        }
        sleep(2 * SECOND).await;
        for (_, pid) in pids.into_iter().filter(|(job_id, _)| *job_id == stopped) {
            stop_job(pid).await.expect("it runs (see hint 2 of exercise 3)");
        }
        assert_eq!(count_children().await, Ok(count(4)), "one was stopped");
        sleep(4 * SECOND).await;
        assert_eq!(count_children().await, Ok(count(0)), "all others are done");
        let mut expected: Vec<_> = (1..=5)
            .filter(|job_id| *job_id != stopped)
            .map(|job_id| format!("Job {job_id} completed!"))
            .collect();
        expected.extend((1..=5).map(|job_id| format!("Job {job_id} started with data: sweep")));
        expected.sort_unstable();
        let mut noted = notes(&history);
        noted.sort_unstable();
        assert_eq!(
            noted, expected,
            "job {stopped} was stopped after two seconds, the others were done after five (see hint 2 \
             of exercise 3)"
        );
    });
}

/// The three ends of a job, and the fourth: it completes, is stopped, is killed, or its supervisor
/// ends before it is done. It has one life in any case.
///
/// Exercise: 3
/// Covers: CH9-D5-T, CH9-CHK-15
/// Oracle: DSUP-03, DSUP-06
#[test]
fn a_job_has_one_life_however_it_ends() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let jobs = supervisor().await;
        started(start_job(1, "wash").await);
        let second = started(start_job(2, "sweep").await);
        let third = started(start_job(3, "dust").await);
        sleep(2 * SECOND).await;
        stop_job(second).await.expect("it runs (see hint 2 of exercise 3)");
        sleep(SECOND).await;
        kill_and_wait(third).await;
        started(start_job(4, "polish").await);
        sleep(3 * SECOND).await;
        assert_eq!(count_children().await, Ok(count(1)), "job 4 is still at work");
        jobs.stop().await.expect("a supervisor stops when it is asked to");
        assert_timeline!(
            history.trace(),
            "
               0ms       2s        3s        5s        6s
JobSupervisor  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ job 1       ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━•■             \"Job 1 started with data: wash\"; \"Job 1 completed!\"; normal
├─ job 2       ╺•━━━━━━━━■                                  \"Job 2 started with data: sweep\"
├─ job 3       ╺•━━━━━━━━━━━━━━━━━━╳                        \"Job 3 started with data: dust\"; killed
└─ job 4                           ╺•━━━━━━━━━━━━━━━━━━■    \"Job 4 started with data: polish\"

2s  job 2 was stopped on request
3s  job 3 was not restarted because it is temporary
5s  job 1 was not restarted because it is temporary
",
            "four jobs, four ends, and no second life (see hint 2 of exercise 3)"
        );
    });
}

/// Only a child can be stopped through its supervisor, and once.
///
/// Exercise: 3
/// Covers: CH9-D5-S3
/// Oracle: DSUP-06
#[test]
fn who_is_no_job_is_not_stopped() {
    scenario_with(|seed| async move {
        supervisor().await;
        let stranger = JobWorker::start((1, "sweep".to_owned())).await.expect("a job of its own");
        assert_eq!(
            stop_job(stranger.pid()).await,
            Err(ChildError::NotFound),
            "it is a job, but not one of this supervisor (see hint 2 of exercise 3)"
        );
        assert!(stranger.is_alive(), "so it was left alone (see hint 2 of exercise 3)");
        let done = started(start_job(number(seed), "sweep").await);
        sleep(WORK + SECOND).await;
        assert_eq!(stop_job(done).await, Err(ChildError::NotFound), "it was done before");
        kill_and_wait(&JOB_SUPERVISOR.whereis().expect("it runs")).await;
        assert_eq!(
            (stop_job(done).await, start_job(1, "sweep").await, count_children().await),
            (
                Err(ChildError::Call(CallError::NoProc)),
                Err(ChildError::Call(CallError::NoProc)),
                Err(CallError::NoProc)
            ),
            "without a supervisor nobody can be asked"
        );
    });
}

/// Many ask at once, and each gets a job of its own.
///
/// Exercise: 3
/// Covers: CH9-D5-S2
/// Oracle: DSUP-02, DSUP-23
#[test]
fn many_start_jobs_at_the_same_time() {
    scenario_with(|seed| async move {
        supervisor().await;
        let (many, same) = (10 + number(seed) % 20, seed % 2 == 0);
        let starters: Vec<_> = (0..many)
            .map(|id| if same { 7 } else { id })
            .map(|id| Task::async_(async move { start_job(id, "sweep").await }))
            .collect();
        let mut pids = Vec::new();
        for starter in starters {
            pids.push(started(starter.await.expect("nobody crashes")));
        }
        pids.sort_unstable();
        pids.dedup();
        let expected = usize::try_from(many).expect("a small number");
        assert_eq!(pids.len(), expected, "each has a job of its own, also with an id of others");
        assert_eq!(count_children().await, Ok(count(expected)));
    });
}

/// Permanent jobs are started again when they are done: four at once are too many for their
/// supervisor, and it takes along whoever is still at work.
///
/// Exercise: 4
/// Covers: CH9-D5-E6
/// Oracle: DSUP-12
#[test]
fn four_permanent_jobs_that_are_done_end_the_supervisor() {
    scenario_with(|seed| async move {
        let jobs = supervisor().await;
        for job_id in 1..=4 {
            started(start_job_as(Restart::Permanent, job_id, "sweep").await);
        }
        sleep(Duration::from_millis(1 + seed % 4000)).await;
        let late = started(start_job(5, "polish").await);
        let late_ends = late.join();
        let end = timeout(60 * SECOND, jobs.pid().join()).await;
        assert_eq!(
            (end, System::current().monotonic_time()),
            (Ok(ExitReason::Shutdown), WORK),
            "four ends are four restarts, and three are granted (see hint 1 of exercise 4)"
        );
        assert_eq!(
            late_ends.await,
            ExitReason::Shutdown,
            "job 5 had done nothing wrong, and was not done (see hint 1 of exercise 4)"
        );
    });
}

/// One permanent job is done every five seconds, for ever; nobody is told, and nobody asked for it.
///
/// Exercise: 4
/// Covers: CH9-D5-E6
/// Oracle: DSUP-03
#[test]
fn a_permanent_job_is_done_again_and_again() {
    scenario_with(|seed| async move {
        let lives = 2 + number(seed) % 5;
        let history = System::current().record();
        supervisor().await;
        started(start_job_as(Restart::Permanent, 1, "sweep").await);
        sleep(lives * WORK + SECOND).await;
        let completed = notes(&history).iter().filter(|note| *note == "Job 1 completed!").count();
        assert_eq!(
            (u32::try_from(completed), count_children().await),
            (Ok(lives), Ok(count(1))),
            "it is done, and begins from the beginning (see hint 1 of exercise 4)"
        );
    });
}

/// The restart type says who tries again after a crash: the supervisor, or whoever wanted the job.
///
/// Exercise: 4
/// Covers: CH9-D5-E6, CH9-CHK-15
/// Oracle: DSUP-03, DSUP-13
#[test]
fn only_a_temporary_job_is_never_done_twice() {
    scenario_with(|seed| async move {
        for (restart, after_kill, after_end) in
            [(Restart::Temporary, 0, 0), (Restart::Transient, 1, 0), (Restart::Permanent, 1, 1)]
        {
            let jobs = supervisor().await;
            let victim = started(start_job_as(restart, 1, "sweep").await);
            sleep(Duration::from_millis(seed % 4000)).await;
            kill_and_wait(victim).await;
            assert_eq!(
                count_children().await,
                Ok(count(after_kill)),
                "a {restart} job was killed (see hint 2 of exercise 4)"
            );
            started(start_job_as(restart, 2, "sweep").await);
            sleep(WORK + SECOND).await;
            assert_eq!(
                count_children().await,
                Ok(count(after_end * 2)),
                "two {restart} jobs were done (see hint 2 of exercise 4)"
            );
            jobs.stop().await.expect("a supervisor stops when it is asked to");
        }
    });
}

/// A full supervisor refuses, which costs nobody anything; who ends makes room.
///
/// Exercise: 5
/// Covers: CH9-D5-T, CH9-D5-S2
/// Oracle: DSUP-04
#[test]
fn a_supervisor_that_is_full_refuses_until_a_job_has_ended() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let max = one_of(seed, [2_usize, 1, 5]);
        start_link_limited(max).await.expect("nobody has the name (see hint 2 of exercise 5)");
        let mut pids = Vec::new();
        for job_id in (1..).take(max) {
            pids.push(started(start_job(job_id, "sweep").await));
        }
        assert_eq!(
            (start_job(99, "polish").await, count_children().await),
            (Err(ChildError::MaxChildren), Ok(count(max))),
            "{max} jobs are all there may be (see hint 2 of exercise 5)"
        );
        stop_job(pids[0]).await.expect("it runs");
        started(start_job(98, "polish").await);
        assert_eq!(start_job(99, "polish").await, Err(ChildError::MaxChildren), "full again");
        assert!(
            System::current().tree().find("JobSupervisor").is_some_and(|jobs| jobs.linked),
            "it is linked to whoever starts it: `start_link` (see hint 3 of exercise 5)"
        );
        sleep(WORK + SECOND).await;
        started(start_job(99, "polish").await);
        assert_eq!(count_children().await, Ok(count(1)), "who is done makes room, too");
    });
}

/// The supervisor counts, and it does one thing after the other: so no two get the last place.
///
/// Exercise: 5
/// Covers: CH9-D5-T
/// Oracle: DSUP-04, DSUP-23
#[test]
fn of_many_that_ask_at_once_as_many_get_in_as_there_is_room_for() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let max = 1 + usize::try_from(seed % 7).expect("a small number");
        start_link_limited(max).await.expect("nobody has the name (see hint 2 of exercise 5)");
        let starters: Vec<_> =
            (0..20).map(|id| Task::async_(async move { start_job(id, "sweep").await })).collect();
        let (mut inside, mut refused) = (0, 0);
        for starter in starters {
            match starter.await.expect("nobody crashes") {
                Ok(_) => inside += 1,
                Err(ChildError::MaxChildren) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(
            (inside, refused, count_children().await),
            (max, 20 - max, Ok(count(max))),
            "there is room for {max}, and not for one more (see hint 2 of exercise 5)"
        );
    });
}

/// A registry and a dynamic supervisor are children like others: values, and no code of one's own.
///
/// Exercise: 6
/// Covers: PH3-SUM-22, PH3-SUM-24, PH3-SUM-31, CH9-WSUM-04
#[test]
fn the_app_is_a_registry_and_a_dynamic_supervisor() {
    scenario_with(|seed| async move {
        let strategy = one_of(seed, [Strategy::OneForOne, Strategy::RestForOne]);
        let app = app(strategy).await;
        let children = app.which_children().await.expect("a supervisor answers");
        let children: Vec<_> = children.iter().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            children,
            [("My.Dynamic", ChildKind::Supervisor), ("My.Registry", ChildKind::Worker)],
            "the newest is listed first: the registry is started before those who register (see \
             hint 1 of exercise 6)"
        );
        assert_eq!(MY_SUPERVISOR.whereis().as_ref(), Some(&app), "it has its name");
        assert!(
            System::current().tree().find("My.Supervisor").is_some_and(|app| app.linked),
            "it is linked to whoever starts it: `start_link` (see hint 3 of exercise 6)"
        );
        assert_eq!(MY_DYNAMIC.count_children().await, Ok(count(0)), "and starts empty");
        for id in [1, 2] {
            started(start_game(id).await);
            started(start_keyed_job(id, "sweep").await);
        }
        assert_eq!(MY_DYNAMIC.count_children().await, Ok(count(4)), "(see hint 3 of exercise 6)");
    });
}

/// A fixed name has room for one; a key has room for each.
///
/// Exercise: 6
/// Covers: PH3-SUM-23
/// Oracle: DSUP-09
#[test]
fn a_fixed_name_has_room_for_one_and_keys_for_many() {
    scenario_with(|seed| async move {
        app(Strategy::OneForOne).await;
        let only = started(start_the_game().await);
        assert_eq!(THE_GAME.whereis().map(|game| game.pid()), Some(only), "it has its name");
        assert_eq!(
            start_the_game().await,
            Err(ChildError::Start(StartError::AlreadyStarted(only))),
            "the second one wants the same name (see hint 2 of exercise 6)"
        );
        assert_eq!(MY_DYNAMIC.count_children().await, Ok(count(1)), "it never came to be");
        let id = number(seed);
        let first = started(start_game(id).await);
        started(start_game(id + 1).await);
        started(start_keyed_job(id, "sweep").await);
        assert_eq!(
            start_game(id).await,
            Err(ChildError::Start(StartError::AlreadyStarted(first))),
            "game {id} runs (see hint 3 of exercise 6)"
        );
        let found = MY_REGISTRY.whereis_name(&Key::Game(id));
        assert_eq!(found, Ok(Some(first)), "a game has its number in its key (see hint 2)");
        assert_eq!(
            job(id).call(Ask::Job).await,
            Ok(JobWorker { job_id: id, data: "sweep".to_owned() }),
            "job {id} is not game {id} (see hint 2 of exercise 6)"
        );
        let ids: Vec<_> = dynamic_ids().await;
        let expected = [id, id + 1].map(|id| format!("game {id}"));
        assert!(expected.iter().all(|id| ids.contains(id)), "{ids:?} (see hint 3 of exercise 6)");
    });
}

/// A game that crashes is back under its key, from the beginning; the others play on. A job is not
/// back, and its key is free.
///
/// Exercise: 6
/// Covers: PH3-SUM-23, PH3-SUM-24, CH9-CHK-06
#[test]
fn a_game_is_back_under_its_key_and_a_job_is_not() {
    scenario_with(|seed| async move {
        app(Strategy::OneForOne).await;
        let (mine, other) = one_of(seed, [(1, 2), (2, 1)]);
        for id in [mine, other] {
            started(start_game(id).await);
            started(start_keyed_job(id, "sweep").await);
            assert_eq!(game(id).call(Play::Move).await, Ok(1), "the first move");
        }
        let old = game(mine).whereis().expect("it runs (see hint 3 of exercise 6)");
        kill_and_wait(&old).await;
        timeout(SECOND, restarted(&game(mine), &old))
            .await
            .expect("a game is permanent (see hint 3 of exercise 6)");
        assert_eq!(
            (game(mine).call(Play::Move).await, game(other).call(Play::Move).await),
            (Ok(1), Ok(2)),
            "the same key, a new game; the other one plays on"
        );
        kill_and_wait(&job(mine).whereis().expect("it runs (see hint 3 of exercise 6)")).await;
        assert_eq!(MY_DYNAMIC.count_children().await, Ok(count(3)), "a job is temporary");
        assert_eq!(job(mine).resolve().err(), Some(ViaError::NotRegistered), "its key is free");
        started(start_keyed_job(mine, "polish").await);
    });
}

/// The supervisor itself is killed: its children die with it, and the next one is empty. Whoever was
/// started at run time is in nobody's list.
///
/// Exercise: 6
/// Covers: CH9-CHK-15, PH3-SUM-24
/// Oracle: DSUP-19
#[test]
fn after_its_own_restart_a_dynamic_supervisor_is_empty() {
    scenario_with(|seed| async move {
        let strategy = one_of(seed, [Strategy::OneForOne, Strategy::RestForOne]);
        let app = app(strategy).await;
        let pids = [started(start_game(1).await), started(start_keyed_job(1, "sweep").await)];
        let ends = pids.map(Pid::join);
        let old = MY_DYNAMIC.whereis().expect("it runs (see hint 1 of exercise 6)");
        kill_and_wait(&old).await;
        for end in ends {
            assert_eq!(end.await, ExitReason::Killed, "its children die with it");
        }
        timeout(SECOND, restarted(&MY_DYNAMIC, &old)).await.expect("it is permanent");
        assert_eq!(MY_DYNAMIC.count_children().await, Ok(count(0)), "it knows of no children");
        assert!(app.is_alive(), "for the app that was one restart");
        started(start_game(1).await);
    });
}

/// Under rest-for-one the end of the registry is the end of all that have a key in it, and both
/// supervisors are fit for use afterwards.
///
/// Exercise: 6
/// Covers: PH3-SUM-24
/// Oracle: REG-14
#[test]
fn who_stands_after_the_registry_can_be_started_again_with_it() {
    scenario_with(|seed| async move {
        let app = app(Strategy::RestForOne).await;
        for id in 0..5 + number(seed) % 5 {
            started(start_game(id).await);
        }
        let (registry, dynamic) =
            (MY_REGISTRY.whereis().expect("it runs"), MY_DYNAMIC.whereis().expect("it runs"));
        kill_and_wait(&registry).await;
        timeout(SECOND, restarted(&MY_DYNAMIC, &dynamic))
            .await
            .expect("who stands after the registry is started again with it");
        assert!(app.is_alive(), "for the app that was one restart");
        started(start_game(0).await);
        assert_eq!(game(0).call(Play::Move).await, Ok(1), "and all begins anew");
    });
}

/// Without a registry a child with a key does not start, and that is said.
///
/// Exercise: 6
/// Covers: PH3-SUM-24
#[test]
fn without_a_registry_no_child_with_a_key_starts() {
    scenario(|_: Process| async move {
        let app = app(Strategy::OneForOne).await;
        app.terminate_child("My.Registry").await.expect("there is such a child");
        let no_registry = StartError::Registry(RegistryError::NoRegistry("My.Registry"));
        assert_eq!(
            (start_game(1).await, start_keyed_job(1, "sweep").await),
            (Err(ChildError::Start(no_registry.clone())), Err(ChildError::Start(no_registry))),
            "a game has a key in the registry (see hint 2 of exercise 6)"
        );
        started(MY_DYNAMIC.start_child(Game::child(Game::default)).await);
        started(MY_DYNAMIC.start_child(job_child(1, "sweep")).await);
    });
}

/// A small number of the run's own.
fn number(seed: u64) -> u32 {
    1 + u32::try_from(seed % 100).expect("less than a hundred")
}

/// The counts of so many children that run, none of them a supervisor.
fn count(children: usize) -> ChildCount {
    ChildCount { specs: children, active: children, supervisors: 0, workers: children }
}

/// The pid of a child that was started.
#[track_caller]
fn started(answer: Result<Option<Pid>, ChildError>) -> Pid {
    match answer {
        Ok(Some(pid)) => pid,
        other => panic!("the child is started (see hint 2 of the exercise); it was {other:?}"),
    }
}

/// The supervisor of exercise 1. `main` survives its end.
async fn supervisor() -> DynamicSupervisorRef {
    trap_exit(true).expect("the test is a process");
    start_link().await.expect("nobody has the name (see hint 2 of exercise 1)")
}

/// The app of exercise 6. `main` survives its end.
async fn app(strategy: Strategy) -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    start_app(strategy).await.expect("all names are free (see hint 1 of exercise 6)")
}

/// The ids of the jobs, sorted as numbers are.
async fn children_ids() -> Vec<String> {
    let children = JOB_SUPERVISOR.which_children().await.expect("a supervisor answers");
    let mut ids: Vec<_> = children.iter().map(|child| child.id.to_string()).collect();
    ids.sort_by_key(|id| (id.len(), id.clone()));
    ids
}

/// The ids of the children of exercise 6.
async fn dynamic_ids() -> Vec<String> {
    let children = MY_DYNAMIC.which_children().await.expect("a supervisor answers");
    children.iter().map(|child| child.id.to_string()).collect()
}

/// What was noted.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}
