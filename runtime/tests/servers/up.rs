//! Waiting until a server runs under a name: `Name::up`, `Via::up`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use runtime::prelude::*;
use runtime::testing::{kill_and_wait, restarted, scenario, settle};
use runtime::{Join, NotUp, Registry, register, spawn, sys, unregister};
use tokio::time::{Instant, sleep, timeout};

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// A server that takes its time to come up, or does not come up at all.
struct Slow(u32);

enum Call {
    Number(Reply<u32>),
    Crash(#[allow(dead_code, reason = "the server panics")] Reply<()>),
    Enter(u32, Reply<bool>),
}

struct Start {
    number: u32,
    takes: Duration,
    fails: bool,
}

impl GenServer for Slow {
    type Args = Start;
    type Call = Call;
    type Cast = ();
    type Info = ();

    async fn init(start: Start, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        sleep(start.takes).await;
        assert!(!start.fails, "number {} does not come up", start.number);
        Ok(Init::Ok(Slow(start.number)))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Number(reply) => reply.go(self.0),
            Call::Crash(_) => panic!("as asked"),
            Call::Enter(key, reply) => reply.go(ROOMS.register(key, ()).is_ok()),
        }
    }
}

/// A server of another type.
struct Other;

impl CallServer for Other {
    type Call = Reply<()>;

    async fn handle_call(&mut self, reply: Reply<()>, _: &mut Cx<Self>) -> Handled<Self> {
        reply.go(())
    }
}

static SLOW: Name<Slow> = Name::new("slow");
static OTHER: Name<Other> = Name::new("slow");
static ROOMS: Registry<u32> = Registry::unique("rooms");

fn after(takes: Duration) -> Start {
    Start { number: 1, takes, fails: false }
}

/// A process that waits; its end.
fn waits<E: Into<anyhow::Error> + Send + 'static>(
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) -> Join {
    spawn(work).join()
}

/// Starts the server in a process of its own, which does not end before it.
fn start_later(delay: Duration, start: Start) {
    spawn(async move {
        sleep(delay).await;
        let server = Slow::start(start).name(&SLOW).await.expect("the name is free");
        server.pid().join().await;
    });
}

#[test]
fn a_server_that_runs_is_up_at_once() {
    scenario(|_: Process| async move {
        let server = Slow::start(after(SECOND)).name(&SLOW).await.unwrap();
        let before = Instant::now();
        assert_eq!(SLOW.up().await, Ok(server));
        assert_eq!(before.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_server_is_up_when_its_init_is_done() {
    scenario(|_: Process| async move {
        let before = Instant::now();
        start_later(SECOND, after(2 * SECOND));
        let server = SLOW.up().await.unwrap();
        assert_eq!(before.elapsed(), 3 * SECOND);
        assert_eq!(server.call(Call::Number).await, Ok(1));
    });
}

/// Two looks in an hour: one at the beginning, one when it is there.
#[test]
fn whoever_waits_is_woken_and_does_not_look_again_and_again() {
    scenario(|_: Process| async move {
        start_later(HOUR, after(Duration::ZERO));
        let (mut up, mut looks) = (pin!(SLOW.up()), 0);
        let looking = poll_fn(|cx| {
            looks += 1;
            up.as_mut().poll(cx)
        });
        assert!(looking.await.is_ok());
        assert_eq!(looks, 2);
    });
}

#[test]
fn everybody_who_waits_is_woken() {
    scenario(|_: Process| async move {
        let waiting: Vec<_> = (0..3).map(|_| waits(async { SLOW.up().await.map(drop) })).collect();
        settle().await;
        start_later(Duration::ZERO, after(Duration::ZERO));
        for one in waiting {
            assert_eq!(timeout(SECOND, one).await, Ok(ExitReason::Normal));
        }
    });
}

#[test]
fn a_name_that_nobody_takes_is_waited_for_until_the_callers_patience_ends() {
    scenario(|_: Process| async move {
        let before = Instant::now();
        assert!(timeout(HOUR, SLOW.up()).await.is_err());
        assert_eq!(before.elapsed(), HOUR);
        // Nothing of that wait is in the way of the next one.
        start_later(SECOND, after(Duration::ZERO));
        assert!(timeout(HOUR, SLOW.up()).await.is_ok());
    });
}

#[test]
fn a_crash_is_waited_out_and_the_next_life_is_found() {
    scenario(|_: Process| async move {
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(Slow::child(|| after(SECOND)).name(&SLOW))
            .start()
            .await
            .unwrap();
        let first = SLOW.up().await.unwrap();
        assert!(matches!(SLOW.call(Call::Crash).await, Err(CallError::Down(_))));
        let second = SLOW.up().await.unwrap();
        assert!(first != second && !first.is_alive());
        assert_eq!(second.call(Call::Number).await, Ok(1));
        supervisor.stop().await.unwrap();
    });
}

#[test]
fn a_life_whose_init_crashes_is_not_up() {
    scenario(|_: Process| async move {
        let lives = Arc::new(AtomicU32::new(0));
        let make = move || {
            let number = lives.fetch_add(1, Ordering::Relaxed) + 1;
            Start { number, takes: SECOND, fails: matches!(number, 2 | 3) }
        };
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .child(Slow::child(make).name(&SLOW))
            .start()
            .await
            .unwrap();
        assert!(SLOW.call(Call::Crash).await.is_err());
        let before = Instant::now();
        let server = SLOW.up().await.unwrap();
        assert_eq!(server.call(Call::Number).await, Ok(4));
        assert_eq!(before.elapsed(), 3 * SECOND);
        supervisor.stop().await.unwrap();
    });
}

#[test]
fn whoever_takes_the_name_over_during_the_wait_is_the_one_that_is_found() {
    scenario(|_: Process| async move {
        spawn(async { Slow::start(after(HOUR)).name(&SLOW).await.map(drop) });
        let waiting = waits(async {
            assert_eq!(SLOW.up().await?.call(Call::Number).await, Ok(2));
            anyhow::Ok(())
        });
        settle().await;
        let first = SLOW.whereis().unwrap();
        kill_and_wait(&first).await;
        let _second = Slow::start(Start { number: 2, ..after(SECOND) }).name(&SLOW).await.unwrap();
        assert_eq!(timeout(SECOND, waiting).await, Ok(ExitReason::Normal));
    });
}

#[test]
fn a_server_of_another_type_is_not_the_one_that_is_waited_for() {
    scenario(|_: Process| async move {
        let other = Other::start(Other).name(&OTHER).await.unwrap();
        start_later(HOUR, after(Duration::ZERO));
        assert!(timeout(SECOND, SLOW.up()).await.is_err());
        other.stop().await.unwrap();
        assert!(timeout(2 * HOUR, SLOW.up()).await.is_ok());
    });
}

#[test]
fn a_server_that_gets_the_name_while_it_runs_is_found() {
    scenario(|_: Process| async move {
        let server = Slow::start(after(Duration::ZERO)).await.unwrap();
        let waiting = waits(async { SLOW.up().await.map(drop) });
        settle().await;
        register("slow", &server).unwrap();
        assert_eq!(timeout(SECOND, waiting).await, Ok(ExitReason::Normal));
        unregister("slow").unwrap();
        assert!(timeout(SECOND, SLOW.up()).await.is_err());
    });
}

/// A server whose end is decided is not up, though the name is still its own.
#[test]
fn a_server_that_is_about_to_end_is_not_up() {
    scenario(|_: Process| async move {
        let server = Slow::start(after(Duration::ZERO)).name(&SLOW).await.unwrap();
        server.pid().kill();
        assert!(timeout(SECOND, SLOW.up()).await.is_err());
    });
}

#[test]
fn a_suspended_server_is_up() {
    scenario(|_: Process| async move {
        Slow::start(after(Duration::ZERO)).name(&SLOW).await.unwrap();
        sys::suspend(&SLOW).await.unwrap();
        assert!(timeout(SECOND, SLOW.up()).await.is_ok());
    });
}

#[test]
fn a_key_in_a_registry_is_waited_for_like_a_name() {
    scenario(|_: Process| async move {
        let mut waiting = waits(async {
            assert_eq!(ROOMS.via::<Slow>(7).up().await?.call(Call::Number).await, Ok(1));
            anyhow::Ok(())
        });
        settle().await;
        ROOMS.start_link().await.unwrap();
        Slow::start(after(SECOND)).name(ROOMS.via(8)).await.unwrap();
        assert!(timeout(SECOND, &mut waiting).await.is_err());
        let seven = Slow::start(after(SECOND)).name(ROOMS.via(7)).await.unwrap();
        assert_eq!(timeout(SECOND, waiting).await, Ok(ExitReason::Normal));
        kill_and_wait(&seven).await;
        assert!(timeout(HOUR, ROOMS.via::<Slow>(7).up()).await.is_err());
    });
}

#[test]
fn a_server_that_takes_a_key_while_it_runs_is_found() {
    scenario(|_: Process| async move {
        ROOMS.start_link().await.unwrap();
        let server = Slow::start(after(Duration::ZERO)).await.unwrap();
        let waiting = waits(async { ROOMS.via::<Slow>(7).up().await.map(drop) });
        settle().await;
        assert_eq!(server.call(|reply| Call::Enter(7, reply)).await, Ok(true));
        assert_eq!(timeout(SECOND, waiting).await, Ok(ExitReason::Normal));
    });
}

// --- In tests.

#[test]
fn a_test_waits_for_the_next_life() {
    scenario(|_: Process| async move {
        let child = Slow::child(|| after(SECOND)).name(&SLOW);
        let supervisor = Supervisor::new(Strategy::OneForOne).child(child).start().await.unwrap();
        let old = SLOW.whereis().unwrap();
        let before = Instant::now();
        SLOW.cast(());
        let new = restarted(&SLOW, &old).await;
        assert!(new != old && new.is_alive());
        assert_eq!(before.elapsed(), SECOND);
        supervisor.stop().await.unwrap();
    });
}

#[test]
fn a_test_whose_server_does_not_come_back_fails() {
    scenario(|me: Process| async move {
        let server = Slow::start(after(SECOND)).name(&SLOW).await.unwrap();
        let old = server.pid();
        let (by_name, _) = me.spawn_monitor(async move { drop(restarted(&SLOW, old).await) });
        // A reference is one life, and leads to no other.
        let (by_reference, _) =
            me.spawn_monitor(async move { drop(restarted(&server, old).await) });
        let ends = [by_name.join(), by_reference.join()];
        kill_and_wait(old).await;
        for end in ends {
            let reason = end.await;
            let panic = reason.as_panic().expect("it panics").message().to_owned();
            assert_eq!(panic, "the server was not restarted within a virtual minute");
        }
    });
}

// --- When there is nothing to wait for any more.

#[test]
fn outside_of_any_system_there_is_nobody_to_wait_for() {
    let mut up = SLOW.up();
    let polled = Pin::new(&mut up).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(NotUp::NoSystem(_)))));
}

#[test]
fn the_end_of_the_system_ends_the_wait() {
    crate::common::ends(|| {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (theirs, mine) = (runtime(), runtime());
        let up = {
            let _inside = theirs.enter();
            SLOW.up()
        };
        let mut up = pin!(up);
        assert!(up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let end = async {
            // Another task ends it, so that the wait is over only if it is woken.
            tokio::task::spawn(async move { theirs.shutdown_background() });
            assert_eq!(up.await, Err(NotUp::SystemEnded));
        };
        mine.block_on(end);
        let mut late = SLOW.up();
        let polled = Pin::new(&mut late).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
    });
}
