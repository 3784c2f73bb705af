//! Warm-up 9.1, a look-up in a registry.
//!
//! A worker registers itself, and notes each word that it is told. Who is asked for, and what it is
//! told, is drawn from the seed of the run.

use std::time::Duration;

use ch09_warmup_01_registry_lookup::{MY_REGISTRY, find, tell};
use runtime::testing::{kill_and_wait, one_of, scenario, scenario_with, settle};
use runtime::{
    ExitReason, Pid, Process, RegistryError, System, assert_timeline, assert_trace, spawn,
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// One look-up gives the process that has the key, and not another one.
///
/// Exercise: 1
/// Covers: CH9-W1-T
/// Oracle: REG-01
#[test]
fn a_key_leads_to_the_process_that_is_registered_under_it() {
    scenario_with(|seed| async move {
        registry().await;
        let workers = ["worker_1", "worker_2", "worker_3"].map(|key| (key, worker(key)));
        settle().await;
        let (key, pid) = one_of(seed, workers);
        assert_eq!(
            find(key),
            Ok(Some(pid)),
            "three are registered, and {key:?} is asked for (see hint 2 of exercise 1)"
        );
    });
}

/// That nobody has a key is an answer, and not an error; a key is free when its process has ended.
///
/// Exercise: 1
/// Covers: CH9-W1-T
/// Oracle: REG-01, REG-04
#[test]
fn a_key_that_nobody_has_leads_nowhere() {
    scenario_with(|seed| async move {
        registry().await;
        let killed = worker("worker_1");
        settle().await;
        kill_and_wait(killed).await;
        let key = one_of(seed, ["worker_1", "worker_9"]);
        assert_eq!(
            find(key),
            Ok(None),
            "worker_1 was killed, and there was no worker_9 (see hint 2 of exercise 1)"
        );
    });
}

/// Without a registry there is no answer at all.
///
/// Exercise: 1
/// Covers: CH9-W1-T
#[test]
fn a_registry_that_does_not_run_is_an_error() {
    scenario(|_: Process| async move {
        assert_eq!(
            (find("worker_1"), tell("worker_1", "hello")),
            (Err(unknown()), Err(unknown())),
            "nobody started the registry, and that is for the caller to know (see hint 3 of \
             exercise 1)"
        );
    });
}

/// Who is found gets the message, and nobody else does.
///
/// Exercise: 2
/// Covers: CH9-W1-E1
#[test]
fn the_process_that_is_found_gets_the_message() {
    scenario_with(|seed| async move {
        registry().await;
        for key in ["worker_1", "worker_2", "worker_3"] {
            worker(key);
        }
        settle().await;
        let (key, word) = (one_of(seed, ["worker_1", "worker_2"]), format!("hello {seed}"));
        let history = System::current().record();
        assert_eq!(tell(key, &word), Ok(()), "{key:?} is there (see hint 1 of exercise 2)");
        settle().await;
        assert_trace!(
            history.trace(),
            [&format!("1ms {key} notes: {word}")],
            "the word goes, as a `String`, to {key:?} and to nobody else (see hint 2 of exercise 2)"
        );
    });
}

/// Where nobody is found, that is said.
///
/// Exercise: 2
/// Covers: CH9-W1-E2
#[test]
fn nobody_is_found_under_a_key_that_nobody_has() {
    scenario_with(|seed| async move {
        registry().await;
        worker("worker_1");
        settle().await;
        let key = one_of(seed, ["worker_9", "Worker_1", "worker_1 "]);
        let history = System::current().record();
        assert_eq!(tell(key, "hello"), Ok(()), "that is no error (see hint 1 of exercise 2)");
        settle().await;
        assert_trace!(
            history.trace(),
            ["1ms main notes: Process not found"],
            "nobody is registered as {key:?} (see hint 2 of exercise 2)"
        );
    });
}

/// A key outlives the process: whoever asks at each use reaches whoever has it then.
///
/// Exercise: 2
/// Covers: CH9-W1-T, CH9-W1-E1, CH9-W1-E2
/// Oracle: REG-04
#[test]
fn the_next_process_with_the_key_gets_the_next_message() {
    scenario(|_: Process| async move {
        registry().await;
        let history = System::current().record();
        let first = worker("worker_1");
        let teller = spawn(|me: Process| async move {
            me.set_label("teller");
            for word in ["one", "two", "three"] {
                sleep(SECOND).await;
                tell("worker_1", word)?;
                sleep(SECOND).await;
            }
            Ok::<(), RegistryError>(())
        });
        sleep(2 * SECOND).await;
        kill_and_wait(first).await;
        sleep(2 * SECOND).await;
        let second = worker("worker_1");
        assert_eq!(
            teller.join().await,
            ExitReason::Normal,
            "nothing of it is an error (see hint 1 of exercise 2)"
        );
        kill_and_wait(second).await;
        assert_timeline!(
            history.trace(),
            "
          0ms       1s        2s        3s        4s        5s        6s
worker_1  ├─────────•─────────╳                                           \"one\"; killed
teller    ├─────────────────────────────•─────────────────────────────■   \"Process not found\"; normal
worker_1                                          ├─────────•─────────╳   \"three\"; killed
",
            "look the key up each time: a pid leads to one process, a key to whoever has it now \
             (see hint 1 of exercise 2)"
        );
    });
}

fn unknown() -> RegistryError {
    RegistryError::NoRegistry("MyRegistry")
}

async fn registry() {
    MY_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
}

/// A process that is registered, and labelled, as `key`, and notes each word that it is told.
fn worker(key: &'static str) -> Pid {
    let worker = spawn(move |mut me: Process<String>| async move {
        me.set_label(key);
        MY_REGISTRY.register(key.to_owned(), ()).expect("nobody else has the key");
        while let Ok(word) = me.receive().await.into_user() {
            runtime::note(word);
        }
    });
    worker.pid()
}
