//! Practice 9.1, a key-value server.
//!
//! The test runs as the process `main`. Keys, values and times are drawn from the seed of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use ch09_practice_01_kv_server::{
    Allocator, Ask, AskFrequency, Frequencies, GET_LIMIT, KvServer, Refused, Store, Tell, fill,
    get, loop_get, loop_put, put, report, start_loop,
};
use runtime::prelude::*;
use runtime::testing::{in_process, kill_and_wait, one_of, restarted, scenario_with, settle};
use runtime::{ServerRef, System, Task, assert_timeline, set_label, sys};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

static KV_SERVER: Name<KvServer> = Name::new("kv_server");

/// The core is a value: no process is needed to see what it does.
///
/// Exercise: 1
/// Covers: PH3-SKILL-1, PH3-CRIT-1, PH3-SUM-09, PH3-SUM-11
#[test]
fn the_core_keeps_the_last_value_of_each_key() {
    scenario_with(|seed| async move {
        let (mut store, mut expected) = (Store::default(), BTreeMap::new());
        for nth in seed..seed + 6 {
            let key = one_of(nth * nth, KEYS);
            store.put(key.to_owned(), nth);
            expected.insert(key, nth);
            assert_eq!(
                KEYS.map(|key| store.get(key)),
                KEYS.map(|key| expected.get(key).copied()),
                "a key has the value that was put last, or none (see hint 1 of exercise 1)"
            );
        }
        assert!(store.entries().eq(expected), "each key is there once (see hint 2 of exercise 1)");
    });
}

/// It begins with an empty map, takes its name from its options, and its `init` is its own.
///
/// Exercise: 2
/// Covers: PH3-E1-S2, PH3-SUM-01, PH3-SUM-05
/// Oracle: P3-01, GS-43
#[test]
fn a_server_begins_empty_and_keeps_what_it_is_told() {
    scenario_with(|seed| async move {
        let server = KvServer::start_link(()).name(&KV_SERVER).await?;
        let key = one_of(seed, KEYS);
        let ask = || KV_SERVER.call(|reply| Ask::Get(key.to_owned(), reply));
        assert_eq!(ask().await, Ok(None), "a new server holds nothing (see hint 1 of exercise 2)");
        for value in [seed, seed + 1] {
            server.cast(Tell::Put(key.to_owned(), value));
            assert_eq!(
                ask().await,
                Ok(Some(value)),
                "what was told before the question is in the answer (see hint 2 of exercise 2)"
            );
        }
        let unknown = server.call(|reply| Ask::Get("nobody".into(), reply)).await;
        assert_eq!(unknown, Ok(None), "an unknown key has no value (see hint 2 of exercise 2)");
        Ok::<_, Crash>(())
    });
}

/// What a loop has to do by itself, the runtime does: strange messages, and system messages.
///
/// Exercise: 2
/// Covers: PH3-SUM-01, PH3-SUM-04, PH3-SUM-05
/// Oracle: GS-38, GS-47
#[test]
fn messages_that_are_no_call_and_no_cast_are_the_runtimes_business() {
    scenario_with(|seed| async move {
        let server = KvServer::start_link(()).await?;
        server.cast(Tell::Put("a".into(), seed));
        server.pid().send("a message that no server expects");
        server.pid().send(seed);
        sys::suspend(&server).await?;
        server.cast(Tell::Put("a".into(), seed + 1));
        settle().await;
        let queue = server.pid().info().map(|info| info.message_queue_len);
        assert_eq!(queue, Some(1), "who is suspended takes system messages only");
        sys::resume(&server).await?;
        assert_eq!(
            server.call(|reply| Ask::Get("a".into(), reply)).await,
            Ok(Some(seed + 1)),
            "a plain message is logged and dropped, and a suspended server goes on where it was: \
             none of this needs a line of yours (see hint 3 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// A stateful part is supervised. It comes back under its name, and empty.
///
/// Exercise: 2
/// Covers: PH3-SUM-11
/// Oracle: SUP-02
#[test]
fn under_a_supervisor_it_comes_back_empty() {
    scenario_with(|seed| async move {
        Supervisor::one_for_one().child(KV_SERVER.child(|| ())).start_link().await?;
        let old = KV_SERVER.up().await?;
        old.cast(Tell::Put("a".into(), seed));
        kill_and_wait(&old).await;
        let new = restarted(&KV_SERVER, &old).await;
        assert_eq!(
            new.call(|reply| Ask::Get("a".into(), reply)).await,
            Ok(None),
            "`init` makes the state anew at each start (see hint 1 of exercise 2)"
        );
        Ok::<_, Crash>(())
    });
}

/// The port behaves as the loop did, whatever is put and got in which order.
///
/// Exercise: 3
/// Covers: PH3-E1-T, PH3-E1-S1, PH3-E1-S3, PH3-E1-S4, PH3-E1-O1, PH3-CRIT-1, PH3-SUM-03
/// Oracle: P3-01, P3-02
#[test]
fn the_server_behaves_as_the_loop_does() {
    scenario_with(|seed| {
        move |mut me: Process<Option<u64>>| async move {
            let (by_loop, server) = (start_loop(), KvServer::start_link(()).await?);
            for nth in seed..seed + 200 {
                let key = one_of(nth * nth / 3, KEYS);
                if nth % 3 == 0 {
                    let value = loop_get(&mut me, &by_loop, key).await;
                    assert_eq!(
                        get(&server, key).await,
                        Ok(value),
                        "after the same puts, a get finds what the loop finds (see hint 1 of exercise 3)"
                    );
                } else {
                    loop_put(&by_loop, key, nth);
                    put(&server, key, nth);
                }
            }
            Ok::<_, Crash>(())
        }
    });
}

/// A put is an order, and waits for nobody. A get is a question, and waits for so long and no
/// longer.
///
/// Exercise: 3
/// Covers: PH3-E1-S3, PH3-E1-S4, PH3-SKILL-2, PH3-SUM-02
/// Oracle: GS-04, GS-47
#[test]
fn a_put_does_not_wait_and_a_get_waits_for_one_second() {
    scenario_with(|seed| async move {
        let server = KvServer::start_link(()).await?;
        sys::suspend(&server).await?;
        put(&server, "a", seed);
        let asked = Instant::now();
        assert_eq!(
            (get(&server, "a").await, asked.elapsed()),
            (Err(CallError::Timeout), GET_LIMIT),
            "a store that needs longer than a second is not well, and whoever asks should know \
             (see hint 2 of exercise 3)"
        );
        sys::resume(&server).await?;
        assert_eq!(
            get(&server, "a").await,
            Ok(Some(seed)),
            "what was told while nobody listened is not lost (see hint 1 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// The difference that the port makes: who asks a loop that is gone waits for ever.
///
/// Exercise: 3
/// Covers: PH3-E1-S1, PH3-SKILL-2, PH3-SUM-04
/// Oracle: GS-01, GS-03
#[test]
fn only_the_port_tells_a_caller_that_nobody_is_there() {
    scenario_with(|seed| {
        move |mut me: Process<Option<u64>>| async move {
            let (by_loop, server) = (start_loop(), KvServer::start(()).await?);
            kill_and_wait(&by_loop).await;
            kill_and_wait(&server).await;
            put(&server, "a", seed);
            loop_put(&by_loop, "a", seed);
            assert!(
                timeout(60 * SECOND, loop_get(&mut me, &by_loop, "a")).await.is_err(),
                "nobody answers, and nobody says so"
            );
            let asked = Instant::now();
            assert_eq!(
                (get(&server, "a").await, asked.elapsed()),
                (Err(CallError::NoProc), Duration::ZERO),
                "a call to a server that is gone fails, and at once (see hint 1 of exercise 3)"
            );
            Ok::<_, Crash>(())
        }
    });
}

/// Whoever tells faster than the server takes fills its mailbox. The edge has to slow down.
///
/// Exercise: 4
/// Covers: PH3-SUM-06, PH3-SUM-10
#[test]
fn the_mailbox_never_holds_more_than_was_agreed() {
    scenario_with(|seed| async move {
        let server = KvServer::start_link(()).await?;
        let (ahead, number) = (one_of(seed, [1, 7, 50]), one_of(seed / 3, [100, 350, 501]));
        let agreed = NonZeroUsize::new(ahead).expect("not zero");
        let (mut longest, queue) = (0, server.clone());
        let entries = (0..number).map(|nth| {
            let waiting = queue.pid().info().map_or(0, |info| info.message_queue_len);
            longest = longest.max(waiting);
            (format!("key {nth}"), seed + nth)
        });
        let told = fill(&server, entries, agreed).await;
        assert_eq!(
            told,
            usize::try_from(number).map_err(|_| CallError::Timeout),
            "all entries are put (see hint 1 of exercise 4)"
        );
        assert!(
            longest < ahead,
            "{longest} were waiting when the next one came, and {ahead} had been agreed (see hint \
             2 of exercise 4)"
        );
        let waiting = server.pid().info().map(|info| info.message_queue_len);
        assert_eq!(waiting, Some(0), "at the end all are taken (see hint 2 of exercise 4)");
        if ahead > 1 {
            assert!(
                longest > 0,
                "{ahead} may be ahead: do not wait after each (see hint 3 of exercise 4)"
            );
        }
        let held = sys::get_state(&server, |server| format!("{server:?}")).await?;
        assert!(
            (0..number).all(|nth| held.contains(&format!("\"key {nth}\": {}", seed + nth))),
            "the server holds all of them"
        );
        Ok::<_, Crash>(())
    });
}

/// Not by luck: a server that takes nothing for a while holds no more than that either.
///
/// Exercise: 4
/// Covers: PH3-SUM-06, PH3-SUM-10
#[test]
fn a_server_that_takes_nothing_is_told_no_more_than_was_agreed() {
    scenario_with(|seed| async move {
        let server = KvServer::start_link(()).await?;
        sys::suspend(&server).await?;
        let (ahead, told_to) = (one_of(seed, [1, 7, 50]), server.clone());
        let agreed = NonZeroUsize::new(ahead).expect("not zero");
        let filler = Task::async_(async move {
            fill(&told_to, (0..200).map(|nth| (nth.to_string(), nth)), agreed).await
        });
        settle().await;
        let waiting = server.pid().info().map_or(0, |info| info.message_queue_len);
        assert!(
            waiting <= ahead + 1,
            "{ahead} had been agreed, and {waiting} messages wait for a server that takes none \
             (see hint 2 of exercise 4)"
        );
        sys::resume(&server).await?;
        assert_eq!(filler.await?, Ok(200), "it goes on when the server does");
        Ok::<_, Crash>(())
    });
}

/// A cast to nobody is no error; who fills a server has to learn all the same that it is gone.
///
/// Exercise: 4
/// Covers: PH3-SUM-06
/// Oracle: GS-03
#[test]
fn who_fills_a_server_that_is_gone_is_told_so() {
    scenario_with(|seed| async move {
        let server = KvServer::start(()).await?;
        kill_and_wait(&server).await;
        let number = one_of(seed, [1, 3, 30]);
        let entries = (0..number).map(|nth| (nth.to_string(), nth));
        assert_eq!(
            fill(&server, entries, NonZeroUsize::new(10).expect("not zero")).await,
            Err(CallError::NoProc),
            "{number} entries went nowhere (see hint 3 of exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// A report takes three seconds, and a get in the midst of it no time at all.
///
/// Exercise: 5
/// Covers: PH3-CRIT-5, PH3-PIT-1, PH3-SUM-06, PH3-SUM-10, PH3-SKILL-2
/// Oracle: GS-13
#[test]
fn a_report_keeps_nobody_waiting() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let server = KvServer::start_link(()).name(&KV_SERVER).await?;
        put(&server, "a", seed);
        let callers = ["first caller", "second caller"].map(|label| {
            Task::async_(async move {
                set_label(label).expect("a task is a process");
                sleep(SECOND).await;
                report(&KV_SERVER, slow_report).await
            })
        });
        sleep(2 * SECOND).await;
        put(&server, "a", seed + 1);
        let reader = in_process("reader", |_: Process| get(&KV_SERVER, "a"));
        let got = timeout(Duration::from_millis(1), reader).await;
        assert_eq!(
            got,
            Ok(Ok(Ok(Some(seed + 1)))),
            "a report is being made, and the server answers all the same (see hint 1 of exercise 5)"
        );
        for caller in callers {
            assert_eq!(
                caller.await,
                Ok(Ok(format!("a is {seed}"))),
                "a report is on what the server held when it was asked for (see hint 2 of exercise 5)"
            );
        }
        server.stop().await?;
        assert_timeline!(
            history.trace(),
            "
               0ms       1s        2s        4s
kv_server      ├─────────────────────────────■   normal
first caller   ├─────────────────────────────■   normal
second caller  ├─────────────────────────────■   normal
report                   ├───────────────────■   normal
report                   ├───────────────────■   normal
reader                             ■             normal
",
            "two reports are made at the same time, each by a process of its own (see hint 2 of \
             exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The work is not the server's own: when it crashes, who asked for it is told, and nobody else.
///
/// Exercise: 5
/// Covers: PH3-CRIT-5, PH3-PIT-1
#[test]
fn a_report_that_crashes_harms_nobody_else() {
    scenario_with(|seed| async move {
        let server = KvServer::start(()).await?;
        put(&server, "a", seed);
        let asked = timeout(SECOND, report(&server, |_| async { panic!("no paper") })).await;
        assert_eq!(
            asked,
            Ok(Err(CallError::NoReply)),
            "the reply went to the process that makes the report, and is dropped with it: the \
             caller need not wait (see hint 3 of exercise 5)"
        );
        assert_eq!(
            get(&server, "a").await,
            Ok(Some(seed)),
            "the server has no part in the crash of a report (see hint 3 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// What is asked comes to an answer or to a refusal, and a refusal changes nothing.
///
/// Exercise: 6
/// Covers: PH3-SUM-08, PH3-SUM-09, PH3-SUM-11, PH3-SKILL-1
#[test]
fn a_refusal_leaves_the_core_as_it_was() {
    scenario_with(|seed| {
        move |me: Process| async move {
            let (one, other) = (me.pid(), Pid::OUTSIDE);
            let free = frequencies(seed);
            let mut core = Frequencies { free: free.clone(), taken: BTreeMap::new() };
            let untouched = core.clone();
            for frequency in &free {
                assert_eq!(
                    core.allocate(one),
                    Ok(*frequency),
                    "the lowest free one is allocated (see hint 1 of exercise 6)"
                );
            }
            let all_taken = core.clone();
            assert_eq!(core.allocate(other), Err(Refused::NoneFree), "none is left");
            let first = seed % 100;
            for (frequency, client) in [(first, other), (first + 100, one)] {
                let refused = u32::try_from(frequency).map(|it| core.release(it, client));
                assert_eq!(
                    refused,
                    Ok(Err(Refused::NotYours)),
                    "only who has a frequency can give it back (see hint 1 of exercise 6)"
                );
            }
            assert_eq!(
                core, all_taken,
                "what was refused has changed nothing (see hint 1 of exercise 6)"
            );
            for frequency in &free {
                assert_eq!(core.release(*frequency, one), Ok(()), "what one has one can give back");
            }
            assert_eq!(core, untouched, "in the end all are free again (see hint 1 of exercise 6)");
        }
    });
}

/// The callbacks pass on what the core says: the answer, and the refusal.
///
/// Exercise: 6
/// Covers: PH3-SUM-07, PH3-SUM-08, PH3-SKILL-1
#[test]
fn clients_get_frequencies_and_give_them_back() {
    scenario_with(|seed| async move {
        let allocator = Allocator::start_link(frequencies(seed)).await?;
        let before = books(&allocator).await;
        let mut mine = Vec::new();
        while let Ok(frequency) = allocator.call(AskFrequency::Allocate).await? {
            mine.push(frequency);
        }
        assert_eq!(
            mine,
            before.free.iter().copied().collect::<Vec<_>>(),
            "each is allocated once, and then the answer is a refusal (see hint 2 of exercise 6)"
        );
        let not_mine = allocator.clone();
        let stolen = in_process("thief", move |_: Process| async move {
            not_mine.call(|reply| AskFrequency::Release(mine[0], reply)).await
        });
        assert_eq!(
            stolen.await,
            Ok(Ok(Err(Refused::NotYours))),
            "the client is who asks, and nobody gives back what another one has (see hint 2 of \
             exercise 6)"
        );
        for frequency in &before.free {
            let back = allocator.call(|reply| AskFrequency::Release(*frequency, reply)).await;
            assert_eq!(back, Ok(Ok(())), "a client gives back what it has");
        }
        let watched = allocator.pid().info().map(|info| info.monitors);
        assert_eq!(
            (books(&allocator).await, watched),
            (before, Some(vec![])),
            "all are free, and nobody is watched any more for what was given back (see hint 3 of \
             exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// A client that crashes cannot give back what it has. The server sees its end, and takes it.
///
/// Exercise: 6
/// Covers: PH3-SUM-07, PH3-SUM-04
#[test]
fn what_a_client_had_that_ended_is_free_again() {
    scenario_with(|seed| async move {
        let allocator = Allocator::start_link(frequencies(seed)).await?;
        let before = books(&allocator).await;
        let (asked, crashes) = (allocator.clone(), seed % 2 == 0);
        let end = in_process("client", move |_: Process| async move {
            for _ in 0..2 {
                let got = asked.call(AskFrequency::Allocate).await;
                assert!(matches!(got, Ok(Ok(_))), "there is one for it; it got {got:?}");
            }
            assert!(!crashes, "crashed with two frequencies");
        });
        assert_eq!(end.await.is_err(), crashes, "the client came to its end");
        settle().await;
        assert_eq!(
            books(&allocator).await,
            before,
            "a client ended with two frequencies, and no client is left that could give them back \
             (see hint 3 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// Some frequencies, of which there are at least two.
fn frequencies(seed: u64) -> BTreeSet<u32> {
    (0..one_of(seed, [2, 3, 5])).filter_map(|nth| u32::try_from(seed % 100 + nth).ok()).collect()
}

async fn books(allocator: &ServerRef<Allocator>) -> Frequencies {
    allocator.call(AskFrequency::Books).await.expect("an allocator answers")
}

/// Heavy work, of three seconds.
async fn slow_report(store: Store) -> String {
    set_label("report").expect("a report is made in a process");
    sleep(3 * SECOND).await;
    let lines: Vec<_> = store.entries().map(|(key, value)| format!("{key} is {value}")).collect();
    lines.join("\n")
}
