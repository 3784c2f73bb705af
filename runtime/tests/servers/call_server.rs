//! Servers in short form, and answers that are what a callback returns.

use crate::support::{brief, word};
use runtime::prelude::*;
use runtime::sys;
use runtime::testing::scenario;

/// Starts from a ready state.
struct Counter(u64);

enum Call {
    Add(u64, Reply<u64>),
    /// Is not answered.
    Silent(Reply<()>),
    End(Reply<&'static str>),
}

impl CallServer for Counter {
    type Call = Call;

    async fn handle_call(&mut self, call: Call, cx: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Add(n, reply) => {
                self.0 = self.0.checked_add(n).expect("the counter overflows");
                reply.go(self.0)
            }
            Call::Silent(reply) => {
                drop(reply);
                Ok(Next::Go)
            }
            Call::End(reply) => {
                assert_ne!(cx.caller(), cx.pid());
                reply.stop_with(word("enough"), "bye")
            }
        }
    }
}

static COUNTER: Name<Counter> = Name::new("counter");

#[test]
fn a_ready_state_is_a_server() {
    scenario(|_: Process| async move {
        let server = Counter::start(Counter(1)).await.unwrap();
        assert_eq!(server.call(|reply| Call::Add(2, reply)).await, Ok(3));
        assert_eq!(server.call(|reply| Call::Add(2, reply)).await, Ok(5));
        assert_eq!(sys::get_state(&server, |counter| counter.0).await, Ok(5));
        assert_eq!(server.stop().await, Ok(()));
    });
}

#[test]
fn it_restarts_from_a_new_state() {
    scenario(|_: Process| async move {
        let supervisor = Supervisor::one_for_one().child(COUNTER.child(|| Counter(1)));
        let supervisor = supervisor.start().await.unwrap();
        assert_eq!(&*supervisor.which_children().await.unwrap()[0].id, "counter");
        assert_eq!(COUNTER.call(|reply| Call::Add(2, reply)).await, Ok(3));
        let crash = COUNTER.call(|reply| Call::Add(u64::MAX, reply)).await;
        let Err(CallError::Down(reason)) = crash else { panic!("no crash: {crash:?}") };
        assert_eq!(brief(&reason), "panic: the counter overflows");
        COUNTER.up().await.unwrap();
        assert_eq!(COUNTER.call(|reply| Call::Add(0, reply)).await, Ok(1));
        supervisor.stop().await.unwrap();
    });
}

#[test]
fn it_can_be_a_dynamic_child() {
    scenario(|_: Process| async move {
        let supervisor = DynamicSupervisor::new().start_link().await.unwrap();
        for n in 1..=3 {
            let started = supervisor.start_child(Counter::child(move || Counter(n))).await;
            assert!(matches!(started, Ok(Some(_))), "{started:?}");
        }
        assert_eq!(supervisor.count_children().await.unwrap().active, 3);
    });
}

#[test]
fn an_answer_that_goes_on_leaves_the_server_running() {
    scenario(|_: Process| async move {
        let server = Counter::start(Counter(1)).await.unwrap();
        assert_eq!(server.call(Call::Silent).await, Err(CallError::NoReply));
        assert_eq!(server.call(|reply| Call::Add(1, reply)).await, Ok(2));
        assert!(server.is_alive());
    });
}

/// The caller has its answer, and whoever watches the reason.
#[test]
fn a_last_answer_ends_the_server_with_the_reason() {
    scenario(|_: Process| async move {
        let server = Counter::start(Counter(1)).await.unwrap();
        let end = server.pid().join();
        assert_eq!(server.call(Call::End).await, Ok("bye"));
        assert_eq!(end.await, word("enough"));
    });
}
