//! Warm-up 9.3, match the strategy.
//!
//! Every answer is compared with what a supervisor does. The order of the children, and who crashes,
//! is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch09_warmup_03_match_the_strategy::{Behaviour, started_again, stopped_before, strategy_of};
use runtime::testing::{kill_and_wait, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildSpec, ChildState, Name, Pid, Process, Server, Strategy, Supervision, Supervisor,
    SupervisorServer, System, assert_timeline,
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
const STRATEGIES: [Strategy; 3] = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];

static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

/// Behaviour A: what was started after the crashed child is restarted with it.
///
/// Exercise: 1
/// Covers: CH9-W3-T, CH9-W3-E3
/// Oracle: SUP-04
#[test]
fn behaviour_a_restarts_b_and_those_after_it() {
    scenario(|_: Process| async move {
        let history = b_crashes_under(strategy_of(Behaviour::A)).await;
        assert_timeline!(
            history.trace(),
            "
            0ms       1s        2s
supervisor  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ A        ╺━━━━━━━━━━━━━━━━━━━■
├─ B        ╺━━━━━━━━━╳╺━━━━━━━━■    #2  killed
├─ C        ╺━━━━━━━━━■ ╺━━━━━━━■    #2
└─ D        ╺━━━━━━━━━■  ╺━━━━━━■    #2

1s  rest_for_one: B was restarted because it was killed
1s  rest_for_one: C was restarted because B, started before it, was killed
1s  rest_for_one: D was restarted because B, started before it, was killed
",
            "B, C and D are restarted, A is not (see hint 2 of exercise 1)"
        );
    });
}

/// Behaviour B: only the crashed child is restarted.
///
/// Exercise: 1
/// Covers: CH9-W3-T, CH9-W3-E1
/// Oracle: SUP-02
#[test]
fn behaviour_b_restarts_b_alone() {
    scenario(|_: Process| async move {
        let history = b_crashes_under(strategy_of(Behaviour::B)).await;
        assert_timeline!(
            history.trace(),
            "
            0ms       1s        2s
supervisor  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ A        ╺━━━━━━━━━━━━━━━━━━━■
├─ B        ╺━━━━━━━━━╳╺━━━━━━━━■    #2  killed
├─ C        ╺━━━━━━━━━━━━━━━━━━━■
└─ D        ╺━━━━━━━━━━━━━━━━━━━■

1s  one_for_one: B was restarted because it was killed
",
            "only B is restarted (see hint 2 of exercise 1)"
        );
    });
}

/// Behaviour C: all are restarted.
///
/// Exercise: 1
/// Covers: CH9-W3-T, CH9-W3-E2
/// Oracle: SUP-03
#[test]
fn behaviour_c_restarts_all() {
    scenario(|_: Process| async move {
        let history = b_crashes_under(strategy_of(Behaviour::C)).await;
        assert_timeline!(
            history.trace(),
            "
            0ms       1s        2s
supervisor  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ A        ╺━━━━━━━━━■╺━━━━━━━━■    #2
├─ B        ╺━━━━━━━━━╳ ╺━━━━━━━■    #2  killed
├─ C        ╺━━━━━━━━━■  ╺━━━━━━■    #2
└─ D        ╺━━━━━━━━━■   ╺━━━━━■    #2

1s  one_for_all: A was restarted because B was killed
1s  one_for_all: B was restarted because it was killed
1s  one_for_all: C was restarted because B was killed
1s  one_for_all: D was restarted because B was killed
",
            "A, B, C and D are restarted (see hint 2 of exercise 1)"
        );
    });
}

/// Who is started again follows from the strategy and from the order of the list, and from no more.
///
/// Exercise: 2
/// Covers: CH9-W3-E1, CH9-W3-E2, CH9-W3-E3
/// Oracle: SUP-02, SUP-03, SUP-04
#[test]
fn a_supervisor_starts_again_whom_the_strategy_says() {
    scenario_with(|seed| async move {
        let children = shuffled(seed);
        // One for each seed, so that a picture of the first failure is not full of what went well.
        let crashed = (seed / 3 % 60) as usize % children.len();
        for strategy in STRATEGIES {
            let (_, started) = what_happens(strategy, &children, crashed).await;
            assert_eq!(
                started_again(strategy, &children, crashed),
                started,
                "{strategy} of {children:?}, started in this order, and {:?} crashes; right \
                 is what the supervisor did (see hint 1 of exercise 2)",
                children[crashed]
            );
        }
    });
}

/// Before a group is started again it is stopped, the newest child first: it may need the older ones.
///
/// Exercise: 3
/// Covers: CH9-W3-E2, CH9-W3-E3
/// Oracle: SUP-03, SUP-04
#[test]
fn a_supervisor_stops_the_others_of_the_group_first_and_the_newest_before_the_older_ones() {
    scenario_with(|seed| async move {
        let children = shuffled(seed);
        // One for each seed, so that a picture of the first failure is not full of what went well.
        let crashed = (seed / 3 % 60) as usize % children.len();
        for strategy in STRATEGIES {
            let (stopped, _) = what_happens(strategy, &children, crashed).await;
            assert_eq!(
                stopped_before(strategy, &children, crashed),
                stopped,
                "{strategy} of {children:?}, started in this order, and {:?} crashes; right \
                 is what the supervisor did (see hints 1 and 2 of exercise 3)",
                children[crashed]
            );
        }
    });
}

/// The children of a supervisor, from one to five, in some order.
fn shuffled(seed: u64) -> Vec<&'static str> {
    let mut children = vec!["web", "cache", "A", "database", "B"];
    children.rotate_left((seed % 5) as usize);
    if seed.is_multiple_of(2) {
        children.reverse();
    }
    children.truncate(5 - (seed / 2 % 3) as usize);
    children
}

/// A supervisor of these children, each of which does nothing, and never ends by itself.
async fn started(strategy: Strategy, children: &[&'static str]) {
    let children = children.iter().map(|id| ChildSpec::process(*id, pending::<()>));
    let supervisor = Supervisor::new(strategy).children(children);
    supervisor.start_link().name(&SUPERVISOR).await.expect("it can be started");
}

/// The process that this child is now.
async fn pid_of(id: &str) -> Pid {
    let children = SUPERVISOR.which_children().await.expect("the supervisor answers");
    match children.iter().find(|child| *child.id == *id).map(|child| child.state) {
        Some(ChildState::Running(pid)) => pid,
        state => panic!("{id:?} does not run: {state:?}"),
    }
}

/// A second after their start B crashes, and a second later all are stopped.
async fn b_crashes_under(strategy: Strategy) -> Recorder {
    let history = System::current().record();
    started(strategy, &["A", "B", "C", "D"]).await;
    sleep(SECOND).await;
    kill_and_wait(pid_of("B").await).await;
    sleep(SECOND).await;
    SUPERVISOR.stop().await.expect("a supervisor stops when it is asked to");
    history
}

/// What a supervisor does when a child crashes: whom it stops, and whom it starts again.
async fn what_happens(
    strategy: Strategy,
    children: &[&'static str],
    crashed: usize,
) -> (Vec<String>, Vec<String>) {
    started(strategy, children).await;
    let victim = pid_of(children[crashed]).await;
    let history = System::current().record();
    kill_and_wait(victim).await;
    settle().await;
    let trace = history.trace();
    SUPERVISOR.stop().await.expect("a supervisor stops when it is asked to");
    let (mut stopped, mut started) = (Vec::new(), Vec::new());
    for event in trace.events() {
        match &event.what {
            What::ChildStopped { id, .. } => stopped.push(id.to_string()),
            What::ChildRestarted { id, .. } => started.push(id.to_string()),
            _ => {}
        }
    }
    (stopped, started)
}
