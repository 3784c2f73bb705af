//! Agents: a value in a process of its own.

use std::time::Duration;

use runtime::testing::{eventually, scenario, scenario_with};
use runtime::{
    Agent, CallError, ExitReason, Message, Name, Process, Server, StartError, Strategy, Supervisor,
    Task, throw,
};

static COUNTER: Name<Agent<u32>> = Name::new("counter");

fn panic_message(reason: &ExitReason) -> &str {
    reason.as_panic().map_or("no panic", |panic| panic.message())
}

/// Covers: RT-NEXT-2
/// Oracle: AGT-01
#[test]
fn an_agent_is_asked_changed_and_stopped() {
    scenario(|_: Process| async {
        let agent = Agent::start_link(|| 1).await.unwrap();
        assert_eq!(Agent::get(&agent, |n| *n).await, Ok(1));
        assert_eq!(Agent::update(&agent, |n| *n += 1).await, Ok(()));
        let former = Agent::get_and_update(&agent, |n| std::mem::replace(n, *n + 3)).await;
        assert_eq!(former, Ok(2));
        Agent::cast(&agent, |n| *n *= 5);
        assert_eq!(Agent::get(&agent, |n| *n).await, Ok(25));
        assert_eq!(Agent::stop(&agent).await, Ok(()));
        assert_eq!(Agent::get(&agent, |n| *n).await, Err(CallError::NoProc));
    });
}

/// Oracle: AGT-02
#[test]
fn an_agent_dies_of_a_function_that_panics_and_its_caller_is_told() {
    scenario(|_: Process| async {
        let agent = Agent::start(|| 1).await.unwrap();
        let error = Agent::update(&agent, |_| panic!("x")).await.unwrap_err();
        let CallError::Down(reason) = &error else { panic!("{error:?}") };
        assert_eq!(panic_message(reason), "x");
        assert!(!agent.is_alive());
    });
}

/// Oracle: AGT-03
#[test]
fn an_agent_whose_state_cannot_be_made_does_not_start() {
    scenario(|_: Process| async {
        let error = Agent::<u32>::start(|| panic!("x")).await.unwrap_err();
        let StartError::Failed(reason) = &error else { panic!("{error:?}") };
        assert_eq!(panic_message(reason), "x");
    });
}

#[test]
fn a_linked_agent_crashes_with_its_starter() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let agent = Agent::start_link(|| ()).await.unwrap();
        Agent::cast(&agent, |()| throw("ball"));
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!(exit.from, agent.pid());
        assert!(exit.reason.to_string().contains("ball"), "{}", exit.reason);
    });
}

#[test]
fn an_agent_has_a_name_if_it_is_given_one() {
    scenario(|_: Process| async {
        assert_eq!(Agent::get(&COUNTER, |n| *n).await, Err(CallError::NoProc));
        Agent::cast(&COUNTER, |n| *n += 1);
        let agent = Agent::start(|| 7).name(&COUNTER).await.unwrap();
        assert_eq!(Agent::get(&COUNTER, |n| *n).await, Ok(7));
        let second = Agent::start(|| 8).name(&COUNTER).await;
        assert_eq!(second.unwrap_err(), StartError::AlreadyStarted(agent.pid()));
        Agent::stop(&COUNTER).await.unwrap();
        assert_eq!(COUNTER.whereis(), None);
    });
}

#[test]
fn a_restarted_agent_begins_with_a_fresh_state() {
    scenario(|_: Process| async {
        Supervisor::new(Strategy::OneForOne)
            .child(Agent::child(|| 1).name(&COUNTER))
            .start_link()
            .await
            .unwrap();
        Agent::update(&COUNTER, |n| *n = 100).await.unwrap();
        let first = COUNTER.whereis().unwrap();
        assert!(Agent::get(&COUNTER, |_| panic!("broken")).await.map(|()| 0).is_err());
        eventually(|| COUNTER.whereis().is_some()).await;
        assert_ne!(COUNTER.whereis().unwrap(), first);
        assert_eq!(Agent::get(&COUNTER, |n| *n).await, Ok(1));
    });
}

#[test]
fn a_call_of_an_agent_has_a_time_limit() {
    scenario(|_: Process| async {
        let agent = Agent::start(|| 0).await.unwrap();
        runtime::sys::suspend(&agent).await.unwrap();
        let limit = Duration::from_millis(30);
        let late = Agent::update(&agent, |n| *n = 1).timeout(limit).await;
        assert_eq!(late, Err(CallError::Timeout));
        runtime::sys::resume(&agent).await.unwrap();
        assert_eq!(Agent::get(&agent, |n| *n).infinity().await, Ok(1), "made all the same");
    });
}

#[test]
fn no_change_is_lost_when_many_change_at_once() {
    scenario_with(|number| {
        move |_: Process| async move {
            let agent = Agent::start_link(Vec::new).await.unwrap();
            let tasks = (0..20).map(|n| {
                let agent = agent.clone();
                Task::async_(async move {
                    if (n + number) % 2 == 0 {
                        Agent::cast(&agent, move |all: &mut Vec<u64>| all.push(n));
                    } else {
                        Agent::update(&agent, move |all| all.push(n)).await.unwrap();
                    }
                })
            });
            Task::await_many(tasks).await.unwrap();
            let mut all = Agent::get(&agent, Clone::clone).await.unwrap();
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>());
        }
    });
}
