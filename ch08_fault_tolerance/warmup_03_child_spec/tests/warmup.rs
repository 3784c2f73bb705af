//! Warm-up 8.3, a child specification.
//!
//! A specification does nothing by itself, so the tests give it to a supervisor and look at what
//! that makes of it.

use std::time::Duration;

use ch08_warmup_03_child_spec::{defaults, in_short, two_fields};
use runtime::prelude::*;
use runtime::testing::{eventually, one_of, scenario, scenario_with};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildCount, ChildState, SpecError, StartError, SupervisorRef, SupervisorServer, System,
    assert_timeline, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

/// Two fields are enough: the child is started with its argument, and named by its id.
///
/// Exercise: 1
/// Covers: CH8-W3-T, CH8-W3-E1, CH8-W3-E2, CH8-W3-O1
#[test]
fn a_supervisor_starts_the_child_of_two_fields() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let supervisor = supervise(two_fields()).await;
        let children = supervisor.which_children().await.expect("a supervisor answers");
        assert_eq!(
            children.iter().map(|child| &*child.id).collect::<Vec<_>>(),
            ["MyServer"],
            "the id is the name of the server type (see hint 1 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            ["MyServer starts with ok"],
            "the start function calls `MyServer::start_link` with the argument `ok` (see hint 2 of \
             exercise 1)"
        );
    });
}

/// A start function is kept and called again: the child comes back, with the same argument.
///
/// Exercise: 1
/// Covers: CH8-W3-E2, CH8-W3-O1
/// Oracle: SUP-07
#[test]
fn the_child_is_started_again_however_it_ended() {
    scenario_with(|seed| async move {
        let why = one_of(seed, [ExitReason::Kill, ExitReason::other("oops"), ExitReason::Shutdown]);
        let history = System::current().record();
        let supervisor = supervise(two_fields()).await;
        sleep(SECOND).await;
        let first = pid_of_child(&supervisor).await;
        first.exit(why.clone());
        timeout(SECOND, eventually(|| notes(&history).len() == 2)).await.unwrap_or_else(|_| {
            panic!(
                "the child ended with {why}, and was not started again: `restart` is permanent if \
                 nothing is said, and its supervisor hears of an end by a link only (see hint 3 of \
                 exercise 1)"
            )
        });
        assert_eq!(
            notes(&history),
            ["MyServer starts with ok"; 2],
            "the second start is like the first (see hint 2 of exercise 1)"
        );
        assert_ne!(pid_of_child(&supervisor).await, first, "a new start is a new process");
    });
}

/// What it looks like: one id, two lives.
///
/// Exercise: 1
/// Covers: CH8-W3-T, CH8-W3-O1
/// Oracle: SUP-07
#[test]
fn a_killed_child_is_back_under_its_id() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let supervisor = supervise(two_fields()).await;
        sleep(SECOND).await;
        pid_of_child(&supervisor).await.kill();
        sleep(SECOND).await;
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        assert_timeline!(
            history.trace(),
            r#"
             0ms       1s        2s
supervisor   ╺━━━━━━━━━━━━━━━━━━━■    normal
└─ MyServer  ╺•━━━━━━━━╳╺•━━━━━━━■    #2  "MyServer starts with ok" ×2; killed

1s  one_for_one: MyServer was restarted because it was killed
"#,
            "the child is killed after a second, and is back at once (see hint 3 of exercise 1)"
        );
    });
}

/// The short form says the same: the same id, the same start, the same restart.
///
/// Exercise: 2
/// Covers: CH8-W3-T, CH8-W3-E1, CH8-W3-E2
#[test]
fn the_short_form_starts_the_same_child() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let supervisor = supervise(in_short()).await;
        let first = pid_of_child(&supervisor).await;
        first.exit(one_of(seed, [ExitReason::Kill, ExitReason::Shutdown]));
        let twice = timeout(SECOND, eventually(|| notes(&history).len() == 2)).await;
        assert_eq!(
            (twice.is_ok(), notes(&history)),
            (true, vec!["MyServer starts with ok".to_owned(); 2]),
            "the child is started with `ok`, and again when it has ended (see hint 2 of exercise 2)"
        );
    });
}

/// Both forms name the child alike, so one supervisor cannot have both.
///
/// Exercise: 2
/// Covers: CH8-W3-E1
/// Oracle: SUP-52
#[test]
fn both_forms_have_the_same_id() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        let both = Supervisor::one_for_one().child(two_fields()).child(in_short());
        let refused = both.start_link().await.map(|supervisor| supervisor.pid());
        let reason = match &refused {
            Err(StartError::Failed(reason)) => reason.downcast_ref::<SpecError>(),
            _ => None,
        };
        assert_eq!(
            reason,
            Some(&SpecError::DuplicateId("MyServer".into())),
            "without a name and an id of its own, a child is called like its type; this came to \
             {refused:?} (see hint 3 of exercise 2)"
        );
    });
}

/// What the map leaves out has a documented default, and it is the one that was written down.
///
/// Exercise: 3
/// Covers: CH8-W3-O1
/// Oracle: SUP-55
#[test]
fn what_is_left_out_takes_its_documented_default() {
    scenario(|_: Process| async move {
        let said = defaults();
        for spec in [two_fields(), in_short()] {
            assert_eq!(
                spec,
                spec.clone().restart(said.restart),
                "`restart` differs from what the specification has if nothing is said (see hint 2 \
                 of exercise 3)"
            );
            assert_eq!(
                spec,
                spec.clone().shutdown(said.shutdown),
                "`shutdown` differs from what the specification has if nothing is said (see hint 2 \
                 of exercise 3)"
            );
            assert_eq!(
                spec,
                spec.clone().kind(said.kind),
                "`kind` differs from what the specification has if nothing is said (see hint 2 of \
                 exercise 3)"
            );
            let significant =
                if said.significant { spec.clone().significant() } else { spec.clone() };
            assert_eq!(
                spec, significant,
                "`significant` differs from what the specification has if nothing is said (see \
                 hint 2 of exercise 3)"
            );
        }
        let supervisor = supervise(two_fields().kind(said.kind)).await;
        assert_eq!(
            supervisor.count_children().await,
            Ok(ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 }),
            "a child that has no children is a worker (see hint 1 of exercise 3)"
        );
    });
}

/// A supervisor of this one child, linked to `main`.
async fn supervise(child: ChildSpec) -> SupervisorRef {
    let started = Supervisor::one_for_one().child(child).start_link().name(&SUPERVISOR).await;
    started.expect("a supervisor takes a specification of two fields (see hint 2 of exercise 1)")
}

/// The pid of the only child.
async fn pid_of_child(supervisor: &SupervisorRef) -> Pid {
    let children = supervisor.which_children().await.expect("a supervisor answers");
    match children.first().map(|child| child.state) {
        Some(ChildState::Running(pid)) => pid,
        other => panic!("the child does not run: {other:?}"),
    }
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
