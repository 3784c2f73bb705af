//! Warm-up 9.2, a server by a via name.
//!
//! Which worker is called, and how often, is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch09_warmup_02_via_name::{MY_REGISTRY, Worker, some_request, start_link, via};
use runtime::testing::{kill_and_wait, one_of, restarted, scenario, scenario_with};
use runtime::{
    CallError, ChildSpec, ExitReason, GenServer, Name, Process, RegistryError, Server, StartError,
    Supervisor, System, ViaError, assert_timeline, note, spawn, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const KEYS: [&str; 2] = ["worker_1", "worker_2"];

/// A via name is registry and key, and leads to whoever has the key at each use.
///
/// Exercise: 1
/// Covers: CH9-W2-T, CH9-W2-E1
/// Oracle: GS-49, REG-09
#[test]
fn a_via_name_leads_to_whoever_has_the_key_now() {
    scenario_with(|seed| async move {
        let key = one_of(seed, KEYS);
        let name = via(key);
        assert_eq!(name.key(), key, "the key is part of the name (see hint 2 of exercise 1)");
        assert_eq!(
            name.resolve().map(|worker| worker.pid()),
            Err(ViaError::Registry(RegistryError::NoRegistry("MyRegistry"))),
            "the registry is `MY_REGISTRY`, and does not run yet (see hint 1 of exercise 1)"
        );
        registry().await;
        assert_eq!(name.whereis(), None, "nobody has the key yet (see hint 1 of exercise 1)");
        for life in 1..=2 {
            let started = Worker::start(Worker::default()).name(&name).await;
            let worker = started.expect("a server starts under a via name");
            let entry = MY_REGISTRY.lookup(key).expect("the registry runs");
            assert_eq!(
                (name.whereis().as_ref(), entry),
                (Some(&worker), Some((worker.pid(), ()))),
                "in its life number {life} the worker is in the registry, and the same name leads \
                 to it (see hint 1 of exercise 1)"
            );
            kill_and_wait(&worker).await;
        }
    });
}

/// The request goes to the worker with this key, and its answer comes back.
///
/// Exercise: 2
/// Covers: CH9-W2-T, CH9-W2-E1
#[test]
fn a_request_is_routed_by_the_key() {
    scenario_with(|seed| async move {
        registry().await;
        for key in KEYS {
            let started = Worker::start(Worker::default()).name(via(key)).await;
            started.expect("a server starts under a via name");
        }
        let times = 2 + seed % 3;
        let mut last = Ok(0);
        for _ in 0..times {
            last = some_request("worker_2").await;
        }
        assert_eq!(
            (last.map(u64::from), some_request("worker_1").await),
            (Ok(times), Ok(1)),
            "worker_2 had {times} requests, worker_1 one, and each counts its own (see hint 2 of \
             exercise 2)"
        );
        let old = via("worker_2").whereis().expect("it runs (see hint 2 of exercise 1)");
        kill_and_wait(&old).await;
        let new = Worker::start(Worker::default()).name(via("worker_2")).await;
        new.expect("the key is free again");
        assert_eq!(
            some_request("worker_2").await,
            Ok(1),
            "worker_2 is another process now: ask whoever has the key at each request (see hint 1 \
             of exercise 2)"
        );
    });
}

/// A call that reaches nobody comes to an error at once, and harms nobody.
///
/// Exercise: 2
/// Covers: CH9-W2-T
/// Oracle: GS-04, REG-09
#[test]
fn a_request_to_nobody_is_an_error() {
    scenario_with(|seed| async move {
        if seed % 2 == 0 {
            registry().await;
        }
        assert_eq!(
            some_request("worker_9").await,
            Err(CallError::NoProc),
            "nobody has the key, and the caller learns it by a value (see hint 2 of exercise 2)"
        );
    });
}

/// A worker is in the registry when it is started, and a key that is taken is an error of the start.
///
/// Exercise: 3
/// Covers: CH9-W2-T
/// Oracle: GS-15
#[test]
fn a_worker_is_started_under_its_via_name() {
    scenario_with(|seed| async move {
        registry().await;
        let key = one_of(seed, KEYS);
        let first = start_link(key).await.expect("nobody has the key").pid();
        assert_eq!(
            some_request(key).await,
            Ok(1),
            "it is started under the name by which it is called (see hint 1 of exercise 3)"
        );
        assert_eq!(
            (start_link(key).await.map(|worker| worker.pid()), some_request(key).await),
            (Err(StartError::AlreadyStarted(first)), Ok(2)),
            "the key is taken: the second never runs, and the first goes on (see hint 2 of \
             exercise 3)"
        );
    });
}

/// Under a supervisor the pid changes, and the name does not.
///
/// Exercise: 3
/// Covers: CH9-W2-T, CH9-W2-E1
#[test]
fn after_a_restart_the_same_name_reaches_the_new_worker() {
    scenario_with(|seed| async move {
        registry().await;
        let key = one_of(seed, KEYS);
        let history = System::current().record();
        let child = move || async move { Ok(start_link(key).await?.pid()) };
        let supervisor = Supervisor::one_for_one().child(ChildSpec::new(key, child));
        let name = Name::new("supervisor");
        supervisor.start_link().name(&name).await.expect("the worker can be started");
        let asker = spawn(move |me: Process| async move {
            me.set_label("asker");
            for _ in 0..3 {
                sleep(SECOND).await;
                match some_request(key).await {
                    Ok(nth) => note(format!("number {nth}")),
                    Err(error) => note(error.to_string()),
                }
            }
            sleep(SECOND).await;
        });
        sleep(2 * SECOND + SECOND / 2).await;
        let old = via(key).whereis().expect("it is registered (see hint 1 of exercise 3)");
        kill_and_wait(&old).await;
        let new = restarted(&via(key), &old).await;
        assert_ne!(new.pid(), old.pid(), "a restart makes another process");
        asker.join().await;
        name.stop().await.expect("a supervisor stops when it is asked to");
        let expected = format!(
            "
                      0ms       1s        2s        2.5s      3s        4s
supervisor            ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
└─ {key} (Worker)  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━■    #2  killed
asker                 ├─────────•─────────•───────────────────•─────────■    \"number 1\" ×2; \"number 2\"; normal

2.5s  one_for_one: {key} was restarted because it was killed
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "the new worker has the key of the old one, and counts from the beginning (see hint 1 \
             of exercise 3)"
        );
    });
}

/// A worker ends with whoever started it: that is what `start_link` says.
///
/// Exercise: 3
/// Covers: CH9-W2-T
#[test]
fn a_worker_is_linked_to_its_starter() {
    scenario(|_: Process| async move {
        registry().await;
        let starter = spawn(async {
            start_link("worker_1").await?;
            pending::<Result<(), StartError>>().await
        });
        let worker = via("worker_1").up().await.expect("the system runs");
        let end = worker.pid().join();
        kill_and_wait(starter.pid()).await;
        let reason = timeout(SECOND, end).await;
        assert_eq!(
            reason,
            Ok(ExitReason::Killed),
            "its starter was killed, and the worker is linked to it (see hint 2 of exercise 3)"
        );
    });
}

/// The registry, started first. `main` survives all that it starts.
async fn registry() {
    trap_exit(true).expect("the test is a process");
    MY_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
}
