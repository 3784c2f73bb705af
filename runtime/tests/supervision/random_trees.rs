//! Random supervisors, and what happens to them, against a supervisor on paper: the same starts and
//! ends of the same incarnations at the same times, the same answers, the same end.

// Only these tests need it.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Case, Limit, Op, Request, Seen, Slow, Spec, Why};
use crate::support::{Begin, Fault, Log, Part, Tell, brief, ms, word};
use proptest::prelude::*;
use runtime::testing::{Schedule, run_on};
use runtime::{
    AutoShutdown, Backoff, CallError, ChildError, ExitReason, FailedToStart, Pid, Process, Restart,
    Server, Shutdown, StartError, Strategy as Restarts, Supervision, Supervisor, SupervisorRef,
    spawn,
};
use tokio::time::{Instant, sleep, sleep_until};

const TAGS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

// --- Cases.

fn tag() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TAGS[..])
}

fn short_time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 2 => Just(100), 2 => Just(300)]
}

fn begin() -> impl Strategy<Value = Begin> {
    prop_oneof![
        6 => Just(Begin::Run),
        3 => Just(Begin::Fail("no")),
        1 => Just(Begin::Panic),
        1 => Just(Begin::Ignore),
    ]
}

fn why() -> impl Strategy<Value = Why> {
    prop_oneof![
        3 => Just(Why::Normal),
        1 => Just(Why::Shutdown),
        1 => Just(Why::ShutdownWith),
        3 => Just(Why::Bad),
        1 => Just(Why::Panic("told to")),
    ]
}

fn spec(tag: impl Strategy<Value = &'static str>) -> impl Strategy<Value = Spec> {
    let restart = prop_oneof![
        4 => Just(Restart::Permanent),
        3 => Just(Restart::Transient),
        2 => Just(Restart::Temporary),
    ];
    let limit = prop_oneof![
        4 => Just(Limit::After(150)),
        2 => Just(Limit::After(250)),
        1 => Just(Limit::Brutal),
        1 => Just(Limit::Infinity),
    ];
    let fault = prop_oneof![
        8 => Just(None),
        1 => Just(Some(Fault::Terminate)),
        1 => Just(Some(Fault::Drop)),
    ];
    // Most first starts succeed, and so do most of those that nothing is said about.
    let starts = (
        prop_oneof![12 => Just(Begin::Run), 1 => begin()],
        prop::collection::vec(begin(), 0..4),
        prop_oneof![6 => Just(Begin::Run), 1 => begin()],
    );
    let worker = (prop::bool::weighted(0.8), starts, short_time(), short_time(), fault);
    (tag, restart, prop::bool::weighted(0.6), limit, worker).prop_map(
        |(tag, restart, significant, limit, (trap, starts, init_takes, end_takes, fault))| {
            let (first, mut starts, last) = starts;
            starts.insert(0, first);
            starts.push(last);
            Spec { tag, restart, significant, limit, trap, starts, init_takes, end_takes, fault }
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let request = prop_oneof![
        3 => spec(tag()).prop_map(Request::Start),
        3 => tag().prop_map(Request::Terminate),
        3 => tag().prop_map(Request::Restart),
        2 => tag().prop_map(Request::Delete),
        2 => Just(Request::Which),
        2 => Just(Request::Count),
    ];
    prop_oneof![
        8 => (tag(), why()).prop_map(|(tag, why)| Op::Tell(tag, why)),
        6 => tag().prop_map(Op::Kill),
        1 => (tag(), prop_oneof![Just(Why::Shutdown), Just(Why::Bad)])
            .prop_map(|(tag, why)| Op::Signal(tag, why)),
        8 => request.prop_map(Op::Ask),
    ]
}

fn last_op() -> impl Strategy<Value = Op> {
    let why = || prop_oneof![Just(Why::Normal), Just(Why::Shutdown), Just(Why::Bad)];
    prop_oneof![
        2 => why().prop_map(Op::Stop),
        2 => why().prop_map(Op::Parent),
        1 => Just(Op::KillSupervisor),
    ]
}

fn slow() -> impl Strategy<Value = Option<Slow>> {
    let times = (
        prop::sample::select(vec![0, 50, 100, 400]),
        prop::sample::select(vec![50, 300, 2000]),
        prop::sample::select(vec![100, 500, 5000]),
    );
    let slow = times.prop_map(|(first, cap, stable)| Some(Slow { first, cap, stable }));
    prop_oneof![2 => Just(None), 3 => slow]
}

fn case() -> impl Strategy<Value = Case> {
    let strategy = prop_oneof![
        Just(Restarts::OneForOne),
        Just(Restarts::OneForAll),
        Just(Restarts::RestForOne)
    ];
    let auto = prop_oneof![
        2 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        4 => Just(AutoShutdown::AllSignificant),
    ];
    let children = prop::collection::vec(spec(Just("")), 1..=TAGS.len());
    let pause = || prop_oneof![4 => 0..3_u64, 1 => 0..30_u64];
    let ops = (prop::collection::vec((pause(), op()), 0..40), pause(), last_op());
    let window = prop::sample::select(vec![100, 500, 1000, 5000]);
    (strategy, auto, 0..6_usize, (window, slow()), children, ops).prop_map(
        |(strategy, auto, max_restarts, (window, slow), mut children, (mut ops, pause, last))| {
            for (child, tag) in children.iter_mut().zip(TAGS) {
                child.tag = tag;
                // What makes no sense is refused before anything starts: no case.
                child.significant &=
                    auto != AutoShutdown::Never && child.restart != Restart::Permanent;
            }
            ops.push((pause, last));
            Case { strategy, auto, max_restarts, window, slow, children, ops }
        },
    )
}

// --- The same in earnest.

fn part(log: &Log, spec: &Spec) -> Part {
    let mut part = log
        .w(spec.tag)
        .restart(spec.restart)
        .starts(spec.starts.clone())
        .init_takes(ms(spec.init_takes))
        .end_takes(ms(spec.end_takes))
        .shutdown(match spec.limit {
            Limit::Brutal => Shutdown::BrutalKill,
            Limit::After(limit) => Shutdown::After(ms(limit)),
            Limit::Infinity => Shutdown::Infinity,
        });
    if spec.significant {
        part = part.significant();
    }
    if !spec.trap {
        part = part.plain();
    }
    match spec.fault {
        Some(fault) => part.fault(fault),
        None => part,
    }
}

fn reason(why: Why) -> ExitReason {
    match why {
        Why::Normal => ExitReason::Normal,
        Why::Shutdown => ExitReason::Shutdown,
        Why::ShutdownWith => ExitReason::shutdown_with("x"),
        Why::Bad => word("bad"),
        Why::Killed | Why::Panic(_) => unreachable!("nobody sends this as a signal"),
    }
}

/// The answer to a request, in the model's words.
async fn ask(request: Request, sup: &SupervisorRef, log: &Log) -> String {
    let gone = |error: &CallError| match error {
        CallError::NoProc => "noproc".to_owned(),
        CallError::Down(reason) => format!("down {}", brief(reason)),
        other => other.to_string(),
    };
    let refused = |error: ChildError| match error {
        ChildError::NotFound => "not found".to_owned(),
        ChildError::Running => "running".to_owned(),
        ChildError::Restarting => "restarting".to_owned(),
        ChildError::AlreadyStarted(pid) => format!("already started {}", log.word(pid)),
        ChildError::AlreadyPresent => "already present".to_owned(),
        ChildError::Spec(_) => "spec".to_owned(),
        ChildError::Start(_) => "failed".to_owned(),
        ChildError::Call(error) => gone(&error),
        other => other.to_string(),
    };
    let started = |started: Result<Option<Pid>, ChildError>| match started {
        Ok(Some(pid)) => format!("ok {}", log.word(pid)),
        Ok(None) => "ok".to_owned(),
        Err(error) => refused(error),
    };
    let done = |done: Result<(), ChildError>| done.map_or_else(refused, |()| "ok".to_owned());
    match request {
        Request::Start(spec) => started(sup.start_child(part(log, &spec)).await),
        Request::Terminate(tag) => done(sup.terminate_child(tag).await),
        Request::Restart(tag) => started(sup.restart_child(tag).await),
        Request::Delete(tag) => done(sup.delete_child(tag).await),
        Request::Which => match sup.which_children().await {
            Ok(children) => {
                let children: Vec<_> = children.iter().map(|child| log.child(child)).collect();
                children.join(", ")
            }
            Err(error) => gone(&error),
        },
        Request::Count => match sup.count_children().await {
            Ok(counts) => format!("{} of {}", counts.active, counts.specs),
            Err(error) => gone(&error),
        },
    }
}

type Answers = Arc<Mutex<HashMap<usize, (u64, String)>>>;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("not that long")
}

/// Carries a case out: only those operations that come to something, according to the model.
async fn carry_out(me: Process, case: Case, applied: Vec<bool>) -> Seen {
    let log = Log::of(&me).timed();
    let zero = Instant::now();
    let sup = Supervisor::new(case.strategy)
        .auto_shutdown(case.auto)
        .intensity(case.max_restarts, ms(case.window))
        .children(case.children.iter().map(|spec| part(&log, spec).into()));
    let sup = match case.slow {
        Some(Slow { first, cap, stable }) => {
            sup.backoff(Backoff::new(ms(first), ms(cap)).jitter(0).stable_after(ms(stable)))
        }
        None => sup,
    };
    let sup = match sup.start_link().await {
        Ok(sup) => sup,
        Err(StartError::Failed(reason)) => {
            let failed = reason.downcast_ref::<FailedToStart>().expect("a child failed");
            let end = Some((millis(zero.elapsed()), format!("failed to start {}", failed.id)));
            return Seen { lines: log.take(), answers: HashMap::new(), end };
        }
        Err(error) => panic!("{error}"),
    };
    let begun = Instant::now();
    let end = sup.pid().join();
    let end = tokio::spawn(async move {
        let reason = end.await;
        (millis(zero.elapsed()), brief(&reason))
    });
    let answers = Answers::default();
    for (number, (at, (_, op))) in case.times().into_iter().zip(&case.ops).enumerate() {
        sleep_until(begun + ms(at)).await;
        if !applied[number] {
            continue;
        }
        match op.clone() {
            Op::Tell(tag, Why::Panic(_)) => log.server(tag).cast(Tell::Panic),
            Op::Tell(tag, why) => log.server(tag).cast(Tell::Stop(reason(why))),
            Op::Kill(tag) => log.server(tag).pid().kill(),
            Op::Signal(tag, why) => log.server(tag).pid().exit(reason(why)),
            Op::Ask(request) => {
                let (sup, log, answers) = (sup.clone(), log.clone(), answers.clone());
                spawn(async move {
                    let answer = ask(request, &sup, &log).await;
                    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                    answers.insert(number, (millis(zero.elapsed()), answer));
                });
            }
            Op::Stop(why) => {
                let stop = sup.stop().reason(reason(why));
                spawn(async move { drop(stop.await) });
            }
            Op::Parent(why) => sup.pid().exit(reason(why)),
            Op::KillSupervisor => sup.pid().kill(),
        }
    }
    sleep(Duration::from_mins(1)).await;
    let end = end.await.expect("it only waits");
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Seen { lines: log.take(), answers, end: Some(end) }
}

/// Who of the orphans of a killed supervisor has its turn first is nobody's business.
fn sort_within_each_time(seen: &mut Seen) {
    let time = |line: &String| line.split(' ').next().and_then(|time| time.parse::<u64>().ok());
    seen.lines.sort_by_key(|line| (time(line), line.clone()));
}

fn check(schedule: Schedule, case: &Case) {
    let (mut expected, _, applied) = crate::model::run(case);
    let slot = Arc::new(Mutex::new(None));
    let (result, real) = (slot.clone(), case.clone());
    let run = run_on(schedule, |me: Process| async move {
        let seen = carry_out(me, real, applied).await;
        *result.lock().expect("nobody panics with it") = Some(seen);
    });
    assert_eq!(run.reason, Some(ExitReason::Normal), "{schedule}\n{case:#?}\n{}", run.trace);
    let mut seen = slot.lock().expect("nobody panics with it").take().expect("it came to its end");
    if matches!(case.ops.last(), Some((_, Op::KillSupervisor))) {
        sort_within_each_time(&mut expected);
        sort_within_each_time(&mut seen);
    }
    assert_eq!(seen, expected, "{schedule}\n{case:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_supervisor_behaves_as_on_paper(case in case(), seed in any::<u64>()) {
        check(Schedule::Tasks, &case);
        check(Schedule::Seeded(seed), &case);
    }
}
