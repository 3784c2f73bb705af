//! Exercise 9.2, a server for each to-do list, made on demand.
//!
//! The test runs as the process `main`, which traps exits. Names of lists, titles, and whose server is
//! killed are drawn from the seed of the run.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use ch09_exercise_02_todo_lists::per_key_cache::{Ask, PerKeyCache};
use ch09_exercise_02_todo_lists::todo_cache::{TODO_CACHE, server_process};
use ch09_exercise_02_todo_lists::todo_list::{Date, Entry};
use ch09_exercise_02_todo_lists::todo_server::{
    self, Call, Cast, Key, ListError, TODO_REGISTRY, add_entry, add_entry_as_written, entries,
    entries_as_written, via,
};
use ch09_exercise_02_todo_lists::todo_system::{self, TODO_SYSTEM};
use runtime::prelude::*;
use runtime::testing::{
    in_process, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::trace::{Event, Recorder, What};
use runtime::{
    ChildCount, ChildError, ChildKind, RegistryError, StartError, SupervisorRef, System, Task,
    assert_timeline, self_pid, spawn, sys, trap_exit,
};
use tokio::time::{sleep, timeout};

const DAY: Date = Date::new(2026, 1, 22);
const NEXT_DAY: Date = Date::new(2026, 1, 23);
const SECOND: Duration = Duration::from_secs(1);
const BOB: &str = "Bob's list";
const ALICE: &str = "Alice's list";

/// A server begins with an empty list, and keeps what it is told and asked to keep.
///
/// Exercise: 1
/// Covers: CH9-X2-C1, CH9-X2-S7, CH9-X2-S6
#[test]
fn a_server_begins_with_an_empty_list_and_keeps_entries() {
    scenario_with(|seed| async move {
        registry().await;
        let history = System::current().record();
        let name = list_name(seed);
        let server = todo_server::start_link(&name).await.expect("nobody has the name");
        assert_eq!(
            notes(&history),
            [format!("Starting TodoServer for {name}")],
            "a server notes its start (see hint 1 of exercise 1)"
        );
        let of_day = |day| server.call(move |reply| Call::Entries(day, reply));
        assert_eq!(of_day(DAY).await, Ok(vec![]), "the list is empty (see hint 1 of exercise 1)");
        server.cast(Cast::AddEntry(Entry::new(DAY, "Dentist")));
        let second = Entry::new(NEXT_DAY, "Meeting");
        let count = server.call(|reply| Call::AddEntry(second.clone(), reply)).await;
        assert_eq!(count, Ok(2), "both are on the list (see hint 2 of exercise 1)");
        assert_eq!(
            (of_day(DAY).await, of_day(NEXT_DAY).await),
            (Ok(vec![Entry::new(DAY, "Dentist")]), Ok(vec![second])),
            "each day has its own (see hint 2 of exercise 1)"
        );
    });
}

/// A list is found by its name, and by a key that no server of another kind has.
///
/// Exercise: 1
/// Covers: CH9-X2-S4, CH9-X2-R4
#[test]
fn a_list_is_found_under_a_key_of_its_own_kind() {
    scenario_with(|seed| async move {
        registry().await;
        let name = list_name(seed);
        let calendar = TODO_REGISTRY.via::<Calendar>(Key::Calendar(name.clone()));
        Calendar::start_link(Calendar).name(&calendar).await.expect("nobody has the key");
        let server = todo_server::start_link(&name).await.expect("nobody has the name").pid();
        assert_eq!(
            TODO_REGISTRY.whereis_name(&Key::TodoServer(name.clone())),
            Ok(Some(server)),
            "its key says what it is, and which (see hint 2 of exercise 1)"
        );
        assert_eq!(via(&name).whereis().map(|found| found.pid()), Some(server));
        assert!(is_linked(server), "whoever starts it is linked to it (see hint 3 of exercise 1)");
        let second = in_process("second", {
            let name = name.clone();
            |_: Process| async move { todo_server::start_link(&name).await.map(|list| list.pid()) }
        });
        assert_eq!(
            second.await,
            Ok(Err(StartError::AlreadyStarted(server))),
            "there is one server for a list (see hint 2 of exercise 1)"
        );
    });
}

/// A list says of itself that it is temporary, and its child is called as the list is.
///
/// Exercise: 1
/// Covers: CH9-X2-S4, CH9-X2-R3
#[test]
fn a_list_is_temporary_by_its_type() {
    let child = ChildSpec::from(todo_server::child(BOB));
    assert_eq!(&**child.id(), BOB, "a child is called as its list is (see hint 3 of exercise 1)");
    assert_eq!(
        child.clone(),
        child.restart(Restart::Temporary),
        "a list that crashed is made again when somebody asks for it, and not before (see hint 2 of \
         exercise 1)"
    );
}

/// The registry first, then the cache, which is empty: nobody has asked for a list.
///
/// Exercise: 2
/// Covers: CH9-X2-S1, CH9-X2-S2, CH9-X2-C1
#[test]
fn the_system_is_a_registry_and_an_empty_cache() {
    scenario(|_: Process| async move {
        let system = system().await;
        let children = system.which_children().await.expect("a supervisor answers");
        let children: Vec<_> = children.iter().map(|child| (&*child.id, child.kind)).collect();
        assert_eq!(
            children,
            [("TodoCache", ChildKind::Supervisor), ("TodoSystem.Registry", ChildKind::Worker)],
            "the newest child is listed first: the registry was started before the cache (see hint \
             1 of exercise 2)"
        );
        assert!(is_linked(&system), "whoever starts it is linked to it (see hint 2 of exercise 2)");
        assert_eq!(TODO_SYSTEM.whereis(), Some(system), "the system has its name");
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(0)), "nobody has asked yet");
    });
}

/// Whichever of the two is killed, the other one stays: that is one for one.
///
/// Exercise: 2
/// Covers: CH9-X2-S1
/// Oracle: C9-27
#[test]
fn registry_and_cache_are_restarted_apart() {
    scenario_with(|seed| async move {
        let system = system().await;
        let (registry, cache) = (registry_pid(), cache_pid());
        if seed % 2 == 0 {
            kill_and_wait(registry).await;
            settle().await;
            assert_eq!(cache_pid(), cache, "the cache has nothing to do with it (see hint 2)");
            assert_ne!(registry_pid(), registry, "another registry");
        } else {
            kill_and_wait(cache).await;
            timeout(SECOND, restarted(&TODO_CACHE, cache)).await.expect("it is permanent");
            assert_eq!(registry_pid(), registry, "the registry goes on (see hint 2)");
        }
        assert!(system.is_alive(), "that was one restart");
    });
}

/// The first who asks for a list has it made; the next ones get the same.
///
/// Exercise: 3
/// Covers: CH9-X2-T, CH9-X2-S3, CH9-X2-R1, CH9-X2-R4
#[test]
fn a_server_is_made_when_somebody_asks_for_its_list() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        assert_eq!(via(&name).whereis(), None, "nobody has asked yet");
        let first = server_process(&name).await.expect("it is made (see hint 1 of exercise 3)");
        assert_eq!(via(&name).whereis().map(|list| list.pid()), Some(first), "it has its name");
        for _ in 0..3 {
            assert_eq!(
                server_process(&name).await,
                Ok(first),
                "who runs already is the answer, and no error (see hint 2 of exercise 3)"
            );
        }
        assert_eq!(
            TODO_CACHE.count_children().await,
            Ok(count(1)),
            "it is a child of the cache, and the only one (see hint 1 of exercise 3)"
        );
    });
}

/// Thirty ask for a list at the same time: one server is made, and all get it.
///
/// Exercise: 3
/// Covers: CH9-X2-S3, CH9-X2-R5
/// Oracle: C9-26
#[test]
fn thirty_that_ask_at_once_get_one_server() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let askers: Vec<_> = (0..30)
            .map(|_| {
                let name = name.clone();
                Task::async_(async move { server_process(&name).await })
            })
            .collect();
        let mut answers = Vec::new();
        for asker in askers {
            answers.push(asker.await.expect("nobody crashes (see hint 2 of exercise 3)"));
        }
        answers.dedup();
        let running = via(&name).whereis().map(|list| list.pid());
        assert_eq!(
            (answers.first().cloned(), answers.len(), TODO_CACHE.count_children().await),
            (running.map(Ok), 1, Ok(count(1))),
            "between a look and a start somebody else may start it; only the start knows (see hint \
             2 of exercise 3)"
        );
    });
}

/// A server that was killed has its name until it has ended; who asks in between gets the next one.
///
/// Exercise: 3
/// Covers: CH9-X2-V5, CH9-X2-R5, CH9-X2-S3
/// Oracle: C9-25
#[test]
fn who_asks_right_after_a_kill_gets_a_server_that_lives() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let mut old = server_process(&name).await.expect("it is made");
        for _ in 0..20 {
            old.kill();
            let asked = timeout(SECOND, server_process(&name)).await;
            let new = asked.expect("its end comes at once (see hint 3 of exercise 3)");
            let new = new.expect("it is made anew (see hint 3 of exercise 3)");
            assert!(
                new != old && new.is_alive(),
                "the old server was killed, and is not to be given out: wait for its end, and try \
                 again (see hint 3 of exercise 3)"
            );
            old = new;
        }
    });
}

/// Whatever it is that cannot be had, who asks is told what, and told at once.
///
/// Exercise: 3
/// Covers: CH9-X2-S3
#[test]
fn without_a_registry_or_a_cache_the_answer_is_an_error() {
    scenario_with(|seed| async move {
        let name = list_name(seed);
        assert_eq!(
            server_process(&name).await,
            Err(ListError::NotStarted(ChildError::Call(CallError::NoProc))),
            "there is no cache (see hint 3 of exercise 3)"
        );
        let system = system().await;
        system.terminate_child("TodoSystem.Registry").await.expect("it runs");
        let nowhere = StartError::Registry(RegistryError::NoRegistry("TodoSystem.Registry"));
        let asked = timeout(SECOND, server_process(&name)).await;
        assert_eq!(
            asked.expect("this is no case for trying on and on (see hint 3 of exercise 3)"),
            Err(ListError::NotStarted(ChildError::Start(nowhere))),
            "there is no registry (see hint 3 of exercise 3)"
        );
        system.restart_child("TodoSystem.Registry").await.expect("it can be started");
        assert!(server_process(&name).await.is_ok(), "and now there is one");
    });
}

/// As the course writes it, an entry for a list that nobody has asked for yet is dropped: the cast
/// finds nobody, and says nothing.
///
/// Exercise: 4
/// Covers: CH9-X2-S5
/// Oracle: C9-24
#[test]
fn as_written_an_entry_for_a_list_without_a_server_is_dropped() {
    scenario_with(|seed| async move {
        system().await;
        let (name, entry) = (list_name(seed), Entry::new(DAY, format!("Dentist {seed}")));
        add_entry_as_written(&name, entry.clone());
        settle().await;
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(0)), "nobody was started for it");
        assert_eq!(
            entries_as_written(&name, DAY).await,
            Ok(vec![]),
            "`entries` makes the list, and it is empty: the entry is gone (see hint 1 of exercise 4)"
        );
        add_entry_as_written(&name, entry.clone());
        assert_eq!(
            entries_as_written(&name, DAY).await,
            Ok(vec![entry]),
            "the same again, and now there is a server (see hint 2 of exercise 4)"
        );
    });
}

/// The first entry of a list makes the list, and is on it.
///
/// Exercise: 4
/// Covers: CH9-X2-S5, CH9-X2-S6, CH9-X2-R1
/// Oracle (defect): C9-24
#[test]
fn an_entry_makes_its_list() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let first = Entry::new(DAY, format!("Dentist {seed}"));
        assert_eq!(
            add_entry(&name, first.clone()).await,
            Ok(1),
            "the list is made, and the entry is on it (see hint 2 of exercise 4)"
        );
        assert_eq!(add_entry(&name, Entry::new(NEXT_DAY, "Meeting")).await, Ok(2));
        assert_eq!(
            (entries(&name, DAY).await, entries_as_written(&name, DAY).await),
            (Ok(vec![first.clone()]), Ok(vec![first])),
            "(see hint 2 of exercise 4)"
        );
        let nobody = format!("not {name}");
        assert_eq!(
            (entries_as_written(&nobody, DAY).await, TODO_CACHE.count_children().await),
            (Ok(vec![]), Ok(count(2))),
            "to ask for a list makes it, too (see hint 2 of exercise 4)"
        );
    });
}

/// Many add to a few lists at the same time; nothing is lost, and nothing is on the wrong list.
///
/// Exercise: 4
/// Covers: CH9-X2-R2, CH9-X2-R5
/// Oracle (defect): C9-24
#[test]
fn nothing_is_lost_when_many_write_at_once() {
    scenario_with(|seed| async move {
        system().await;
        let (lists, each) = (2 + seed % 4, 5 + seed % 10);
        let writers: Vec<_> = (0..lists * each)
            .map(|nth| {
                let (name, title) = (format!("list {}", nth % lists), format!("task {nth}"));
                Task::async_(async move { add_entry(&name, Entry::new(DAY, title)).await })
            })
            .collect();
        for writer in writers {
            let added = writer.await.expect("nobody crashes");
            added.expect("the list is made by whoever comes first (see hint 2 of exercise 4)");
        }
        for list in 0..lists {
            let kept = entries(&format!("list {list}"), DAY).await.expect("it runs");
            let mut titles: Vec<_> = kept.into_iter().map(|entry| entry.title).collect();
            titles.sort_unstable();
            let mut expected: Vec<_> =
                (0..each).map(|nth| format!("task {}", nth * lists + list)).collect();
            expected.sort_unstable();
            assert_eq!(titles, expected, "list {list} has its own entries, and all of them");
        }
        let lists = usize::try_from(lists).expect("a few");
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(lists)), "a server for each");
    });
}

/// Nobody can know whether an entry was added before its server was lost, so it is not added again.
///
/// Exercise: 4
/// Covers: CH9-X2-S6, CH9-X2-V5
#[test]
fn an_entry_that_was_lost_with_its_server_is_not_added_again() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let list = server_process(&name).await.expect("it is made");
        sys::suspend(&via(&name)).await.expect("it runs");
        let added = {
            let name = name.clone();
            Task::async_(async move { add_entry(&name, Entry::new(DAY, "Dentist")).await })
        };
        settle().await;
        kill_and_wait(list).await;
        assert_eq!(
            added.await.expect("nobody crashes"),
            Err(ListError::Lost(CallError::Down(ExitReason::Killed))),
            "whoever wanted it on the list is told, and can look first (see hint 3 of exercise 4)"
        );
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(0)), "nobody has asked since");
    });
}

/// The course's session: Bob and Alice, and a kill. Bob's list is made again, and is empty.
///
/// Exercise: 4
/// Covers: CH9-X2-T, CH9-X2-R2, CH9-X2-R3, CH9-X2-V1, CH9-X2-V2, CH9-X2-V3, CH9-X2-V4, CH9-X2-V5
/// Oracle: C9-23
#[test]
fn what_a_crash_loses_is_one_list_and_all_of_it() {
    scenario_with(|seed| async move {
        let (victim, other) = one_of(seed, [(BOB, ALICE), (ALICE, BOB)]);
        let history = System::current().record();
        let system = system().await;
        let (dentist, meeting) = (Entry::new(DAY, "Dentist"), Entry::new(DAY, "Meeting"));
        assert_eq!(
            (add_entry(victim, dentist.clone()).await, add_entry(other, meeting.clone()).await),
            (Ok(1), Ok(1)),
            "each is the first entry of a new list (see hint 2 of exercise 4)"
        );
        let pid_of =
            |name| via(name).whereis().expect("it was made (see hint 2 of exercise 4)").pid();
        let (old, others) = (pid_of(victim), pid_of(other));
        assert_ne!(old, others, "each list has a process of its own");
        let ask = async |name| via(name).call(|reply| Call::Entries(DAY, reply)).await;
        assert_eq!(
            (ask(victim).await, ask(other).await),
            (Ok(vec![dentist]), Ok(vec![meeting.clone()])),
            "and its own entries (see hint 2 of exercise 4)"
        );
        sleep(SECOND).await;
        assert_eq!(kill_and_wait(old).await, ExitReason::Killed);
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(1)), "nobody starts it again");
        sleep(SECOND).await;
        let new = server_process(victim).await.expect("it is made again");
        assert_ne!(new, old, "whoever asks first has it made again");
        assert_eq!(ask(victim).await, Ok(vec![]), "what was on it is lost");
        assert_eq!(ask(other).await, Ok(vec![meeting]), "and the other one is unaffected");
        sleep(SECOND).await;
        system.stop().await.expect("a supervisor stops when it is asked to");
        let row = |name: &str, drawn: &str| format!("{name:<22}  {drawn}\n");
        let start = |name| format!("\"Starting TodoServer for {name}\"");
        let whole = "╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■";
        let expected = row("", "0ms       1s        2s        3s")
            + &row("TodoSystem", &format!("{whole}    normal"))
            + &row("├─ TodoSystem.Registry", whole)
            + &row("└─ TodoCache", whole)
            + &row(
                &format!("   ├─ {victim}"),
                &format!("╺•━━━━━━━━╳                        {}; killed", start(victim)),
            )
            + &row(
                &format!("   ├─ {other}"),
                &format!("╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    {}", start(other)),
            )
            + &row(
                &format!("   └─ {victim}"),
                &format!("                    ╺•━━━━━━━━■    {}", start(victim)),
            )
            + &format!("\n1s  {victim} was not restarted because it is temporary\n");
        assert_timeline!(
            history.trace(),
            &expected,
            "the server of {victim} was killed after a second, and made again when somebody asked"
        );
    });
}

/// The same crash in a cache that is one process: it takes all lists along, and not only its own.
///
/// Exercise: 4
/// Covers: PH3-SUM-25, CH9-X2-R2
/// Oracle: C9-23
#[test]
fn a_bad_entry_costs_one_list_and_no_longer_all_of_them() {
    scenario_with(|seed| async move {
        let system = system().await;
        let together: Name<PerKeyCache> = Name::of("per_key_cache");
        let child = ChildSpec::from(together.child(PerKeyCache::default));
        system.start_child(child).await.expect("it is a child like others");
        let good = Entry::new(DAY, format!("Meeting {seed}"));
        let bad = Entry::new(DAY, "");
        let in_all = |list: &str, entry: &Entry| {
            let (list, entry) = (list.to_owned(), entry.clone());
            together.call(|reply| Ask::AddEntry(list, entry, reply))
        };
        for name in [ALICE, BOB] {
            assert_eq!(in_all(name, &good).await, Ok(1), "the cache in one process");
            assert_eq!(add_entry(name, good.clone()).await, Ok(1), "(see hint 2 of exercise 4)");
        }
        let old = together.whereis().expect("it runs");
        let crash = in_all(BOB, &bad).await;
        assert!(matches!(crash, Err(CallError::Down(_))), "{crash:?}");
        let crash = add_entry(BOB, bad).await;
        assert!(
            matches!(crash, Err(ListError::Lost(CallError::Down(_)))),
            "an entry without a title crashes the list's server, and its caller is told so; it was \
             {crash:?} (see hint 2 of exercise 4)"
        );
        restarted(&together, &old).await;
        let alices = together.call(|reply| Ask::Entries(ALICE.to_owned(), DAY, reply)).await;
        assert_eq!(
            (alices, entries(ALICE, DAY).await),
            (Ok(vec![]), Ok(vec![good])),
            "in one process Alice's list went with Bob's; with a process for each it is there"
        );
        assert_eq!(entries(BOB, DAY).await, Ok(vec![]), "Bob's is lost in either case");
    });
}

/// The registry is killed: all lists die with it, and none is started again by itself. Since they
/// are temporary that costs one restart, however many they are.
///
/// Exercise: 4
/// Covers: CH9-X2-R3, CH9-X2-R4
/// Oracle: C9-27
#[test]
fn when_the_registry_is_killed_all_lists_are_gone_and_can_be_made_again() {
    scenario_with(|seed| async move {
        let system = system().await;
        let names: Vec<_> = (0..4 + seed % 10).map(|nth| format!("list {nth}")).collect();
        let mut ends = Vec::new();
        for name in &names {
            assert_eq!(add_entry(name, Entry::new(DAY, "Dentist")).await, Ok(1));
            ends.push(server_process(name).await.expect("it runs").join());
        }
        let cache = cache_pid();
        kill_and_wait(registry_pid()).await;
        for end in ends {
            let end = timeout(SECOND, end).await;
            assert_eq!(end, Ok(ExitReason::Killed), "who has a key is linked to the registry");
        }
        settle().await;
        assert_eq!(
            (system.is_alive(), cache_pid() == cache, TODO_CACHE.count_children().await),
            (true, true, Ok(count(0))),
            "temporary lists are not started again, so nothing is tried in vain (see hint 2 of \
             exercise 1)"
        );
        for name in &names {
            assert_eq!(entries(name, DAY).await, Ok(vec![]), "made again, and empty");
        }
    });
}

/// The cache is killed: its children die with it, and the next cache is empty.
///
/// Exercise: 4
/// Covers: CH9-X2-S2
/// Oracle: C9-28, DSUP-19
#[test]
fn when_the_cache_is_killed_all_lists_are_gone_and_can_be_made_again() {
    scenario_with(|seed| async move {
        let system = system().await;
        let name = list_name(seed);
        assert_eq!(add_entry(&name, Entry::new(DAY, "Dentist")).await, Ok(1));
        let (list, cache) = (server_process(&name).await.expect("it runs"), cache_pid());
        let end = list.join();
        kill_and_wait(cache).await;
        assert_eq!(end.await, ExitReason::Killed, "a child dies with its supervisor");
        timeout(SECOND, restarted(&TODO_CACHE, cache)).await.expect("it is permanent");
        assert_eq!(TODO_CACHE.count_children().await, Ok(count(0)), "and the next one is empty");
        assert_eq!(add_entry(&name, Entry::new(DAY, "Meeting")).await, Ok(1), "made again, empty");
        assert!(system.is_alive(), "that was one restart");
    });
}

/// Who has asked a server that ends before it answers asks the next one.
///
/// Exercise: 5
/// Covers: CH9-X2-V5, CH9-X2-R5
#[test]
fn a_question_that_was_lost_with_the_server_is_asked_once_more() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let old = server_process(&name).await.expect("it is made");
        // It takes the bad entry first, and the questions then.
        sys::suspend(&via(&name)).await.expect("it runs");
        add_entry_as_written(&name, Entry::new(DAY, ""));
        let once = {
            let name = name.clone();
            Task::async_(async move { entries_as_written(&name, DAY).await })
        };
        let twice = {
            let name = name.clone();
            Task::async_(async move { entries(&name, DAY).await })
        };
        settle().await;
        sys::resume(&via(&name)).await.expect("it runs");
        let once = once.await.expect("nobody crashes");
        assert!(
            matches!(once, Err(ListError::Lost(CallError::Down(_)))),
            "asked once, the question is lost with the server; it was {once:?} (see hint 2 of \
             exercise 4)"
        );
        assert_eq!(
            twice.await,
            Ok(Ok(vec![])),
            "asked twice, the next server answers (see hint 1 of exercise 5)"
        );
        assert_ne!(server_process(&name).await, Ok(old), "it is another one");
    });
}

/// Once more, and not for ever: somebody sits on the list's key who is no list, and stays there.
///
/// Exercise: 5
/// Covers: CH9-X2-S6
#[test]
fn who_was_lost_twice_is_not_asked_a_third_time() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let key = TODO_REGISTRY.via::<Calendar>(Key::TodoServer(name.clone()));
        Calendar::start_link(Calendar).name(&key).await.expect("nobody has the key");
        let history = System::current().record();
        let mut asked = pin!(entries(&name, DAY));
        let answer = poll_fn(|cx| {
            let refused = |event: &&Event| matches!(event.what, What::StartFailed { .. });
            assert!(
                history.trace().events().iter().filter(refused).count() < 3,
                "two in a row were lost, and it goes on (see hint 1 of exercise 5)"
            );
            asked.as_mut().poll(cx)
        });
        assert_eq!(
            answer.await,
            Err(ListError::Lost(CallError::NoProc)),
            "the second error is the answer (see hint 3 of exercise 5)"
        );
    });
}

/// To try on and on is no help: who fails twice is told, and so is who cannot be helped by another
/// try.
///
/// Exercise: 5
/// Covers: CH9-X2-S6
#[test]
fn what_another_try_does_not_mend_is_told() {
    scenario_with(|seed| async move {
        let system = system().await;
        let name = list_name(seed);
        server_process(&name).await.expect("it is made");
        sys::suspend(&via(&name)).await.expect("it runs");
        let asked = timeout(60 * SECOND, entries(&name, DAY)).await;
        assert_eq!(
            (asked, System::current().monotonic_time()),
            (Ok(Err(ListError::Lost(CallError::Timeout))), 5 * SECOND),
            "a server that does not answer in time runs, and would not answer the next question \
             either (see hint 2 of exercise 5)"
        );
        system.terminate_child("TodoCache").await.expect("it runs");
        assert_eq!(
            entries(&name, DAY).await,
            Err(ListError::NotStarted(ChildError::Call(CallError::NoProc))),
            "without a cache there is no list (see hint 2 of exercise 5)"
        );
    });
}

/// Somebody kills Bob's server again and again, while others read: nobody sees more than a fresh
/// list.
///
/// Exercise: 5
/// Covers: CH9-X2-R5, CH9-X2-V5
/// Oracle: C9-25
#[test]
fn readers_do_not_notice_a_kill() {
    scenario_with(|seed| async move {
        system().await;
        let name = list_name(seed);
        let killer = {
            let name = name.clone();
            spawn(async move {
                for _ in 0..5 {
                    // Not while it is being made: a start that was cut off is told, and not tried again.
                    if let Ok(list) = via(&name).up().await {
                        list.pid().kill();
                    }
                    sleep(Duration::from_millis(9)).await;
                }
            })
        };
        for _ in 0..20 {
            let read = timeout(SECOND, entries(&name, DAY)).await;
            assert_eq!(
                read,
                Ok(Ok(vec![])),
                "there is always a next one (see hint 1 of exercise 5)"
            );
            sleep(Duration::from_millis(3)).await;
        }
        killer.join().await;
    });
}

/// A server of another kind, which has keys of its own.
struct Calendar;

impl CallServer for Calendar {
    type Call = Infallible;

    async fn handle_call(&mut self, call: Infallible, _: &mut Cx<Self>) -> Handled<Self> {
        match call {}
    }
}

/// A name that the run has drawn.
fn list_name(seed: u64) -> String {
    format!("{} {seed}", one_of(seed, ["shopping", "work", "Bob's list"]))
}

/// The counts of so many children that run, none of them a supervisor.
fn count(children: usize) -> ChildCount {
    ChildCount { specs: children, active: children, supervisors: 0, workers: children }
}

/// The registry alone. `main` survives its end.
async fn registry() {
    trap_exit(true).expect("the test is a process");
    TODO_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
}

/// The system of exercise 2. `main` survives its end.
async fn system() -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    todo_system::start_link().await.expect("all names are free (see hint 1 of exercise 2)")
}

/// Whether a process is linked to the test.
fn is_linked(pid: impl Into<Pid>) -> bool {
    let own = self_pid();
    pid.into().info().is_some_and(|info| own.is_ok_and(|own| info.links.contains(&own)))
}

fn registry_pid() -> Pid {
    TODO_REGISTRY.whereis().expect("it runs (see hint 1 of exercise 2)").pid()
}

fn cache_pid() -> Pid {
    TODO_CACHE.whereis().expect("it runs (see hint 1 of exercise 2)").pid()
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
