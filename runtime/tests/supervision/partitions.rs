//! Supervisors of partitions, and the way to them.

use std::future::pending;

use crate::support::ms;
use runtime::testing::{kill_and_wait, restarted, scenario, settle};
use runtime::{
    Agent, Backoff, CallError, ChildCount, ChildKind, ChildSpec, ChildState, DynamicSupervision,
    DynamicSupervisor, Message, Name, NotRegistered, Partition, PartitionSupervisor, Process,
    Restart, Server, StartError, Strategy, Supervision, Supervisor, SupervisorServer, System,
};
use tokio::time::sleep;

/// Each partition knows its number.
static PARTS: PartitionSupervisor<Agent<usize>> = PartitionSupervisor::new("parts");
static JOBS: PartitionSupervisor<runtime::DynamicSupervisorServer> =
    PartitionSupervisor::new("jobs");

fn number(partition: usize) -> Box<dyn FnOnce() -> usize + Send> {
    Box::new(move || partition)
}

async fn start(partitions: usize) {
    PARTS.options(number).partitions(partitions).start_link().await.expect("it starts");
}

/// The number that the partition knows.
async fn ask(partition: &Partition<Agent<usize>>) -> Result<usize, CallError> {
    Agent::get(partition, |number| *number).await
}

/// How many children each partition has.
async fn children() -> Vec<(usize, usize)> {
    let mut children = Vec::new();
    for partition in 0..3 {
        let count = JOBS.nth(partition).count_children().await.expect("it runs");
        children.push((partition, count.active));
    }
    children
}

/// Oracle: PRT-01
#[test]
fn three_dynamic_supervisors_share_the_children_and_only_a_killed_one_loses_its_own() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let jobs = JOBS.options(|_| DynamicSupervisor::new()).partitions(3);
        jobs.start_link().await.expect("it starts");
        let count = ChildCount { specs: 3, active: 3, supervisors: 3, workers: 0 };
        assert_eq!(JOBS.count_children().await, Ok(count));
        for job in 0..6 {
            let child = ChildSpec::process(format!("job {job}"), pending::<()>);
            JOBS.nth(job).start_child(child).await.expect("it starts");
        }
        assert_eq!(children().await, [(0, 2), (1, 2), (2, 2)]);
        assert_eq!(JOBS.partitions(), Ok(3));
        let of_alice = JOBS.of("alice").whereis().expect("it runs");
        assert_eq!(JOBS.of(&"alice".to_owned()).whereis(), Some(of_alice));
        let first = JOBS.nth(0).whereis().expect("it runs");
        kill_and_wait(&first).await;
        restarted(&JOBS.nth(0), &first).await;
        assert_eq!(children().await, [(0, 0), (1, 2), (2, 2)]);
    });
}

/// Covers: RT-UTIL-01
#[test]
fn a_key_goes_to_one_partition_and_a_number_is_taken_modulo() {
    scenario(|_: Process| async move {
        start(4).await;
        for number in 0..9 {
            assert_eq!(ask(&PARTS.nth(number)).await, Ok(number % 4));
            assert_eq!(PARTS.nth(number).index(), Ok(number % 4));
        }
        let mut used = [0; 4];
        for key in 0..200_u32 {
            let partition = ask(&PARTS.of(&key)).await.expect("it runs");
            assert_eq!(partition, runtime::hash::bucket(&key, 4));
            assert_eq!(PARTS.of(&key).index(), Ok(partition));
            used[partition] += 1;
        }
        assert!(used.iter().all(|&keys| keys > 20), "{used:?}");
    });
}

/// The number of a partition is its own after a restart; the others do not notice.
#[test]
fn a_partition_is_restarted_on_its_own_and_found_again() {
    scenario(|_: Process| async move {
        start(3).await;
        let of = |number| PARTS.nth(number).whereis().expect("it runs");
        let before = [of(0), of(1), of(2)];
        kill_and_wait(&before[1]).await;
        let again = restarted(&PARTS.nth(1), &before[1]).await;
        assert_eq!(ask(&PARTS.nth(1)).await, Ok(1));
        assert_eq!([of(0), of(1), of(2)], [before[0].clone(), again, before[2].clone()]);
    });
}

#[test]
fn a_dead_partition_is_not_found_by_who_learns_of_its_end() {
    scenario(|mut me: Process| async move {
        let backoff = Backoff::new(ms(100), ms(100)).jitter(0);
        let parts = PARTS.options(number).partitions(2).backoff(backoff);
        parts.start_link().await.expect("it starts");
        let first = PARTS.nth(0).whereis().expect("it runs");
        me.monitor(&first);
        first.pid().kill();
        assert_eq!(PARTS.nth(0).whereis(), None, "its end is decided");
        let Message::Down(_) = me.receive().await else { panic!("not a DOWN") };
        assert_eq!(PARTS.nth(0).whereis(), None);
        assert_eq!(ask(&PARTS.nth(0)).await, Err(CallError::NoProc));
        assert_eq!(ask(&PARTS.nth(1)).await, Ok(1), "the other one answers");
        let shown: Vec<_> = PARTS.which_children().await.expect("it answers");
        assert_eq!(shown[1].state, ChildState::Restarting);
        let up = PARTS.nth(0).up().await.expect("it comes");
        assert_ne!(up, first);
        assert_eq!(ask(&PARTS.nth(0)).await, Ok(0));
    });
}

#[test]
fn the_partitions_are_children_with_numbers_for_ids() {
    scenario(|_: Process| async move {
        start(3).await;
        let children = PARTS.which_children().await.expect("it answers");
        let ids: Vec<_> = children.iter().map(|child| &*child.id).collect();
        assert_eq!(ids, ["2", "1", "0"]);
        assert!(children.iter().all(|child| child.kind == ChildKind::Worker));
        let tree = System::current().tree().to_string();
        assert!(tree.contains("parts 1"), "they go by their name and number:\n{tree}");
    });
}

#[test]
fn what_is_said_of_each_partition_holds() {
    scenario(|_: Process| async move {
        let parts =
            PARTS.options(number).partitions(2).each(|child| child.restart(Restart::Temporary));
        parts.start_link().await.expect("it starts");
        kill_and_wait(&PARTS.nth(0).whereis().expect("it runs")).await;
        settle().await;
        assert_eq!(PARTS.count_children().await.map(|count| count.specs), Ok(1));
        assert_eq!(PARTS.partitions(), Ok(2), "a key keeps its place");
        assert_eq!(ask(&PARTS.nth(0)).await, Err(CallError::NoProc));
        assert_eq!(ask(&PARTS.nth(3)).await, Ok(1));
    });
}

#[test]
fn with_one_for_all_every_partition_is_restarted() {
    scenario(|_: Process| async move {
        let parts = PARTS.options(number).partitions(2).strategy(Strategy::OneForAll);
        parts.start_link().await.expect("it starts");
        let (first, second) = (PARTS.nth(0).whereis(), PARTS.nth(1).whereis().expect("it runs"));
        kill_and_wait(&first.expect("it runs")).await;
        restarted(&PARTS.nth(1), &second).await;
        assert_eq!((ask(&PARTS.nth(0)).await, ask(&PARTS.nth(1)).await), (Ok(0), Ok(1)));
    });
}

#[test]
fn there_is_at_least_one_partition_and_one_for_each_processor_unless_told_otherwise() {
    scenario(|_: Process| async move {
        start(0).await;
        assert_eq!((PARTS.partitions(), ask(&PARTS.of("x")).await), (Ok(1), Ok(0)));
        PARTS.stop().await.expect("it runs");
        PARTS.start_link(number).await.expect("it starts");
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(PARTS.partitions(), Ok(processors));
    });
}

#[test]
fn a_supervisor_of_partitions_that_does_not_run_has_none() {
    scenario(|_: Process| async move {
        let unknown = NotRegistered("parts".to_owned());
        assert_eq!(PARTS.partitions(), Err(unknown.clone()));
        assert_eq!(PARTS.nth(0).index(), Err(unknown.clone()));
        assert_eq!(ask(&PARTS.nth(0)).await, Err(CallError::NoProc));
        start(2).await;
        let second = PARTS.options(number).start_link().await.map(|sup| sup.pid());
        let first = PARTS.whereis().expect("it runs").pid();
        assert_eq!(second, Err(StartError::AlreadyStarted(first)));
        assert_eq!(PARTS.partitions(), Ok(2), "the first one is as it was");
        PARTS.stop().await.expect("it runs");
        assert_eq!(PARTS.partitions(), Err(unknown));
    });
}

/// As a child of a supervisor, also when it is killed with all of its partitions.
#[test]
fn a_restarted_supervisor_of_partitions_is_found_under_its_name() {
    scenario(|_: Process| async move {
        let top = Supervisor::one_for_one().child(PARTS.options(number).partitions(2).into_child());
        let top = top.start_link().await.expect("it starts");
        assert_eq!(top.count_children().await.map(|count| count.supervisors), Ok(1));
        let (old, partition) = (PARTS.whereis().expect("it runs"), PARTS.nth(1));
        let old_partition = partition.whereis().expect("it runs");
        kill_and_wait(&old).await;
        restarted(&Name::<SupervisorServer>::new("parts"), &old).await;
        assert_eq!(PARTS.partitions(), Ok(2));
        assert_eq!(ask(&partition).await, Ok(1));
        assert_ne!(partition.whereis(), Some(old_partition));
        sleep(ms(1)).await;
    });
}

/// A partition that asks for another one in its `init` finds those before it, and not itself.
#[test]
fn a_partition_is_found_once_it_can_be_found_by_its_pid() {
    static CHAIN: PartitionSupervisor<Agent<Vec<bool>>> = PartitionSupervisor::new("chain");
    scenario(|_: Process| async move {
        let make = |_| -> Box<dyn FnOnce() -> Vec<bool> + Send> {
            Box::new(|| (0..3).map(|number| CHAIN.nth(number).whereis().is_some()).collect())
        };
        CHAIN.options(make).partitions(3).start_link().await.expect("it starts");
        let seen = async |number| Agent::get(&CHAIN.nth(number), Vec::clone).await;
        assert_eq!(seen(0).await, Ok(vec![true, false, false]));
        assert_eq!(seen(2).await, Ok(vec![true, true, true]));
    });
}
