//! Drill 9.1, a registry of processes.
//!
//! The test runs as the process `main`; whoever may die of what it starts runs beside it. Who is
//! looked for, who ends and how is drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch09_drill_01_registry::{
    Key, MY_REGISTRY, Meta, Order, ROOMS, enter, give, open_rooms, say, stand_by, start_as_written,
    start_five, start_link, work,
};
use runtime::testing::{in_process, kill_and_wait, one_of, scenario, scenario_with, settle};
use runtime::{
    Address, Crash, ExitReason, Pid, Process, RegistryError, Server, StartError, System,
    assert_timeline, assert_trace, note, spawn, trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A worker takes one order after the other, until it is told to stop.
///
/// Exercise: 1
/// Covers: CH9-D1-S1
/// Oracle: C9-02
#[test]
fn a_worker_notes_its_work_until_it_is_stopped() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let worker = spawn(|mut me: Process<Order>| async move {
            me.set_label("worker");
            work(&mut me).await;
            note("done");
        });
        let data = format!("task {seed}");
        worker.send(Order::Work(data.clone()));
        worker.pid().send("no order");
        worker.send(Order::Work("important task".to_owned()));
        worker.send(Order::Stop);
        worker.send(Order::Work("too late".to_owned()));
        worker.join().await;
        assert_trace!(
            history.trace(),
            [
                "0ms worker spawned by main",
                &format!("0ms worker notes: Worker processing: {data}"),
                "0ms worker notes: Worker processing: important task",
                "0ms worker notes: done",
                "0ms worker exited: normal",
            ],
            "two pieces of work, between them something that is no order, and the stop, after \
             which nothing is taken any more (see hints 1 and 2 of exercise 1)"
        );
    });
}

/// The course's start returns before its worker has run: who looks it up at once finds nobody.
///
/// Exercise: 2
/// Covers: CH9-D1-T, CH9-D1-S2
/// Oracle: C9-01
#[test]
fn a_bare_spawn_returns_before_its_worker_is_registered() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, [1, 2, 42]);
        let worker = start_as_written(id);
        assert_eq!(
            MY_REGISTRY.lookup(&Key::Worker(id)),
            Ok(None),
            "it registers itself, and that comes later (see hint 1 of exercise 2)"
        );
        sleep(SECOND).await;
        assert_eq!(
            MY_REGISTRY.lookup(&Key::Worker(id)),
            Ok(Some((worker.pid(), Meta { started_at: Duration::ZERO }))),
            "it has run meanwhile, and registered in its first moment (see hint 2 of exercise 2)"
        );
    });
}

/// The course does not look at what `register` comes to: its second worker lives, and is not found.
///
/// Exercise: 2
/// Covers: CH9-D1-E3, CH9-D1-O1
/// Oracle: C9-02, REG-02
#[test]
fn a_second_worker_of_the_course_lives_on_and_nobody_can_find_it() {
    scenario_with(|seed| async move {
        registry().await;
        let id = one_of(seed, [1, 2, 42]);
        let (first, second) = (start_as_written(id), start_as_written(id));
        settle().await;
        assert!(
            first.is_alive() && second.is_alive(),
            "the course's workers live, registered or not (see hint 2 of exercise 2)"
        );
        let history = System::current().record();
        for worker in [first.clone(), second.clone()] {
            worker.send(Order::Work("important task".to_owned()));
        }
        settle().await;
        let line = format!("1ms worker {id} notes: Worker processing: important task");
        assert_trace!(
            history.trace(),
            [&line, &line],
            "they work, registered or not, and both are labelled by the key (see hint 3 of \
             exercise 2)"
        );
        // Whichever of the two ran first has the key.
        let found = pid_of(Key::Worker(id));
        let holders: Vec<_> =
            [first.pid(), second.pid()].into_iter().filter(|pid| found == Some(*pid)).collect();
        assert_eq!(
            (holders.len(), MY_REGISTRY.count()),
            (1, Ok(1)),
            "a unique registry holds one process for a key (see hint 2 of exercise 2)"
        );
    });
}

/// A bare spawn links nothing: the end of its starter is not the worker's.
///
/// Exercise: 2
/// Covers: CH9-D1-S2
#[test]
fn a_worker_of_the_course_outlives_its_starter() {
    scenario(|_: Process| async move {
        registry().await;
        let starter = spawn(async {
            start_as_written(1);
            pending::<()>().await;
        });
        settle().await;
        kill_and_wait(starter.pid()).await;
        settle().await;
        assert!(
            pid_of(Key::Worker(1)).is_some(),
            "the starter was killed, and nothing links the worker to it: `spawn`, as the course \
             does (see hint 2 of exercise 2)"
        );
    });
}

/// The mended start: whoever it gives back is in the registry.
///
/// Exercise: 3
/// Covers: CH9-D1-T, CH9-D1-S2, CH9-CHK-02
/// Oracle (defect): C9-01
/// Oracle: REG-01
#[test]
fn a_worker_is_registered_when_its_start_returns() {
    scenario_with(|seed| async move {
        registry().await;
        sleep(SECOND).await;
        let keys = [Key::Worker(1), Key::Worker(2), Key::Task(2)];
        for key in keys {
            let worker = start_link(key).await.expect("nobody has the key");
            assert_eq!(
                MY_REGISTRY.lookup(&key),
                Ok(Some((worker.pid(), Meta { started_at: SECOND }))),
                "its starter waits until it has registered (see hint 1 of exercise 3)"
            );
        }
        let (key, history) = (one_of(seed, keys), System::current().record());
        let pid = pid_of(key).expect("it is registered");
        pid.send(Order::Work("important task".to_owned()));
        settle().await;
        assert_trace!(
            history.trace(),
            [&format!("1s {key} notes: Worker processing: important task")],
            "the worker works, and is labelled by its key (see hint 2 of exercise 3)"
        );
    });
}

/// A key that is taken, and a registry that does not run, are errors of the start.
///
/// Exercise: 3
/// Covers: CH9-D1-E3, CH9-D1-O1
/// Oracle (defect): C9-02
/// Oracle: REG-02
#[test]
fn a_start_under_a_taken_key_fails_and_leaves_nobody_behind() {
    scenario_with(|seed| async move {
        let key = one_of(seed, [Key::Worker(1), Key::Task(7)]);
        let early = in_process("starter", move |_: Process| start_link(key)).await;
        assert_eq!(
            early.map(|started| started.map(|worker| worker.pid())),
            Ok(Err(RegistryError::NoRegistry("my_registry"))),
            "there is no registry, and the starter lives to learn it (see hint 2 of exercise 3)"
        );
        registry().await;
        let first = start_link(key).await.expect("nobody has the key");
        let before = System::current().process_count();
        let second = in_process("starter", move |_: Process| start_link(key)).await;
        assert_eq!(
            second.map(|started| started.map(|worker| worker.pid())),
            Ok(Err(RegistryError::AlreadyRegistered(first.pid()))),
            "the error says who has the key, and harms nobody (see hint 2 of exercise 3)"
        );
        settle().await;
        assert_eq!(
            (first.is_alive(), System::current().process_count()),
            (true, before),
            "who could not register has nothing to live for (see hint 3 of exercise 3)"
        );
    });
}

/// Who looks first and registers then can be overtaken in between; who registers cannot.
///
/// Exercise: 3
/// Covers: CH9-D1-E3, CH9-D1-O1
/// Oracle: REG-20
#[test]
fn of_many_that_start_under_one_key_one_succeeds() {
    scenario_with(|seed| async move {
        registry().await;
        let starter = || async {
            start_link(Key::Worker(1)).await?;
            pending::<Result<(), RegistryError>>().await
        };
        let starters: Vec<_> = (0..3 + seed % 3).map(|_| spawn(starter())).collect();
        settle().await;
        let succeeded = starters.iter().filter(|starter| starter.is_alive()).count();
        assert_eq!(
            (succeeded, MY_REGISTRY.count()),
            (1, Ok(1)),
            "{} starters began at once, and one worker can have the key: the others get an error \
             (see hint 3 of exercise 3)",
            starters.len()
        );
    });
}

/// Whoever ends is out of the registry, whatever it ended of, before anybody learns of its end.
///
/// Exercise: 3
/// Covers: CH9-D1-E4, CH9-D1-O3
/// Oracle: C9-02, REG-04
#[test]
fn a_worker_that_has_ended_is_in_no_registry() {
    scenario_with(|seed| async move {
        registry().await;
        let key = Key::Worker(1);
        let worker = start_link(key).await.expect("nobody has the key");
        let end = worker.join();
        match seed % 3 {
            0 => worker.send(Order::Stop),
            1 => worker.kill(),
            _ => worker.exit(ExitReason::other("tired")),
        }
        let reason = timeout(SECOND, end).await;
        assert!(reason.is_ok(), "a worker stops when it is told to (see hint 2 of exercise 1)");
        assert_eq!(
            (MY_REGISTRY.lookup(&key), MY_REGISTRY.count()),
            (Ok(None), Ok(0)),
            "it ended with {reason:?}, and nobody has to clear up"
        );
        start_link(key).await.expect("the key is free again (see hint 2 of exercise 3)");
    });
}

/// A worker is linked to its starter, and to the registry: it falls with either.
///
/// Exercise: 3
/// Covers: CH9-D1-O3
/// Oracle: REG-14
#[test]
fn a_worker_falls_with_its_registry_and_with_its_starter() {
    scenario_with(|seed| async move {
        registry().await;
        let starter = spawn(|mut me: Process| async move {
            start_link(Key::Worker(1)).await?;
            me.receive().await;
            Ok::<(), RegistryError>(())
        });
        settle().await;
        let worker = pid_of(Key::Worker(1)).expect("it is registered (see hint 1 of exercise 3)");
        let end = worker.join();
        let registry = MY_REGISTRY.whereis().expect("the registry runs").pid();
        kill_and_wait(one_of(seed, [registry, starter.pid()])).await;
        assert_eq!(
            timeout(SECOND, end).await,
            Ok(ExitReason::Killed),
            "who registers is linked to the registry, and `start_link` links to the starter (see \
             hint 2 of exercise 3)"
        );
    });
}

/// A registry, and five processes under structured keys.
///
/// Exercise: 4
/// Covers: CH9-D1-E1
#[test]
fn five_workers_are_registered_under_keys_made_of_data() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        let workers = start_five().await.expect("nothing keeps them from starting");
        let pids: Vec<_> = workers.iter().map(Address::pid).collect();
        let mut found = MY_REGISTRY
            .select(|key, pid, _| Some((*key, pid)))
            .expect("the registry is started first (see hint 1 of exercise 4)");
        found.sort_by_key(|(key, _)| match key {
            Key::Worker(id) | Key::Task(id) => *id,
        });
        let expected: Vec<_> = (1..=5).map(Key::Task).zip(pids).collect();
        assert_eq!(found, expected, "five tasks, and nobody else (see hint 2 of exercise 4)");
    });
}

/// Who starts five, and cannot, says so.
///
/// Exercise: 4
/// Covers: CH9-D1-E1
/// Oracle: REG-17
#[test]
fn a_registry_is_started_once() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        start_five().await.expect("nothing keeps them from starting");
        let first = MY_REGISTRY.whereis().expect("the registry runs").pid();
        let again = start_five().await.map(|workers| workers.len());
        let reason = again.expect_err("the registry runs already").into_reason();
        assert_eq!(
            reason.as_error().and_then(|error| error.downcast_ref::<StartError>()),
            Some(&StartError::AlreadyStarted(first)),
            "the first error is passed on (see hint 3 of exercise 4)"
        );
    });
}

/// Whoever starts the five is linked to all of them, and to their registry.
///
/// Exercise: 4
/// Covers: CH9-D1-E1
#[test]
fn nobody_of_the_six_outlives_the_starter() {
    scenario(|_: Process| async move {
        let before = System::current().process_count();
        let starter = spawn(async {
            start_five().await?;
            pending::<Result<(), Crash>>().await
        });
        settle().await;
        assert_eq!(MY_REGISTRY.count(), Ok(5), "five are started (see hint 3 of exercise 4)");
        kill_and_wait(starter.pid()).await;
        settle().await;
        assert_eq!(
            (MY_REGISTRY.whereis(), System::current().process_count()),
            (None, before),
            "the registry is linked to whoever calls, and so are the workers: the caller was \
             killed (see hint 2 of exercise 4)"
        );
    });
}

/// The course's line, `[{pid, metadata}] = Registry.lookup(..)`, and the message that follows.
///
/// Exercise: 5
/// Covers: CH9-D1-S2, CH9-D1-E2
/// Oracle: C9-02, REG-01
#[test]
fn a_message_goes_to_the_process_under_the_key() {
    scenario_with(|seed| async move {
        registry().await;
        for id in 1..=3 {
            member(id);
            sleep(SECOND).await;
        }
        let id = one_of(seed, [1_u32, 2, 3]);
        let history = System::current().record();
        assert_eq!(
            give(Key::Worker(id), "important task"),
            Ok(Some(Meta { started_at: (id - 1) * SECOND })),
            "worker {id} registered with the time of its start (see hint 2 of exercise 5)"
        );
        settle().await;
        assert_trace!(
            history.trace(),
            [&format!("3s worker {id} notes: important task")],
            "the work goes to worker {id} and to nobody else (see hint 2 of exercise 5)"
        );
    });
}

/// A key that nobody has gives nothing, which is no error; without a registry it is one.
///
/// Exercise: 5
/// Covers: CH9-D1-O4
/// Oracle: REG-01
#[test]
fn a_key_that_nobody_has_gives_nothing() {
    scenario_with(|seed| async move {
        let key = one_of(seed, [Key::Worker(9), Key::Task(1)]);
        assert_eq!(
            give(key, "important task"),
            Err(RegistryError::NoRegistry("my_registry")),
            "there is nobody to ask (see hint 3 of exercise 5)"
        );
        registry().await;
        member(1);
        settle().await;
        assert_eq!(
            give(key, "important task"),
            Ok(None),
            "nobody is registered as {key} (see hint 3 of exercise 5)"
        );
    });
}

/// Since a key is free in the moment in which its holder ends, others can wait for that moment.
///
/// Exercise: 6
/// Covers: CH9-D1-E4, CH9-D1-O1, CH9-D1-O3
/// Oracle: REG-02, REG-04
#[test]
fn who_stands_by_takes_over_in_the_moment_of_the_end() {
    scenario(|_: Process| async move {
        registry().await;
        let history = System::current().record();
        let holder = stand("holder");
        settle().await;
        let stand_in = stand("stand-in");
        sleep(Duration::from_millis(999)).await;
        assert_eq!(
            pid_of(Key::Worker(1)),
            Some(holder),
            "as long as the holder lives it keeps the key (see hint 1 of exercise 6)"
        );
        kill_and_wait(holder).await;
        sleep(SECOND).await;
        assert_eq!(
            MY_REGISTRY.lookup(&Key::Worker(1)),
            Ok(Some((stand_in, Meta { started_at: SECOND }))),
            "the stand-in has registered in the moment of the end, and not later (see hint 2 of \
             exercise 6)"
        );
        kill_and_wait(stand_in).await;
        assert_timeline!(
            history.trace(),
            "
          0ms       1ms       1s        2s
holder    •───────────────────╳             \"my turn\"; killed
stand-in            ├─────────•─────────╳   \"my turn\"; killed
",
            "the stand-in waits for the end of the holder, and no longer (see hint 2 of exercise 6)"
        );
    });
}

/// Of many that wait, one has the key at a time, and each has its turn.
///
/// Exercise: 6
/// Covers: CH9-D1-O1
/// Oracle: REG-20
#[test]
fn of_many_that_stand_by_one_has_the_key_at_a_time() {
    scenario_with(|seed| async move {
        registry().await;
        let mut waiting: Vec<_> = (0..4 + seed % 3).map(|_| stand("candidate")).collect();
        while !waiting.is_empty() {
            settle().await;
            let holder = pid_of(Key::Worker(1));
            let place = waiting.iter().position(|pid| Some(*pid) == holder);
            let place = place.expect(
                "whoever was not quick enough waits for the next one's end (see hint 3 of \
                 exercise 6)",
            );
            assert!(waiting.iter().all(|pid| pid.is_alive()), "nobody gives up waiting");
            kill_and_wait(waiting.remove(place)).await;
        }
        assert_eq!(pid_of(Key::Worker(1)), None, "all had their turn");
    });
}

/// Who has the key already waits for nobody; who cannot register says why.
///
/// Exercise: 6
/// Covers: CH9-D1-E3
/// Oracle: REG-02
#[test]
fn who_has_the_key_already_does_not_wait_for_itself() {
    scenario(|_: Process| async move {
        assert_eq!(
            stand_by(Key::Worker(1)).await,
            Err(RegistryError::NoRegistry("my_registry")),
            "not every error is worth waiting (see hint 3 of exercise 6)"
        );
        registry().await;
        let twice = async {
            stand_by(Key::Worker(1)).await?;
            stand_by(Key::Worker(1)).await
        };
        assert_eq!(
            timeout(SECOND, twice).await,
            Ok(Ok(())),
            "`AlreadyRegistered` may name the caller itself, whose end it would wait for for ever \
             (see hint 3 of exercise 6)"
        );
    });
}

/// In a registry of duplicate keys several processes share a key, and all of them are found.
///
/// Exercise: 7
/// Covers: CH9-D1-E5, CH9-D1-O2
/// Oracle: REG-03, REG-10
#[test]
fn everybody_in_a_room_hears_what_is_said_there() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        open_rooms().await.expect("nothing keeps the registry from starting");
        let history = System::current().record();
        for name in ["alice", "bob", "carol"] {
            guest(name, &["kitchen"]);
            sleep(SECOND).await;
        }
        guest("dave", &["attic"]);
        sleep(SECOND).await;
        let data = format!("dinner at {}", 5 + seed % 5);
        assert_eq!(
            (say("kitchen", &data), say("cellar", &data)),
            (Ok(["alice", "bob", "carol"].map(str::to_owned).to_vec()), Ok(vec![])),
            "three are in the kitchen, in the order in which they came, and nobody is in the \
             cellar (see hint 3 of exercise 7)"
        );
        sleep(SECOND).await;
        ROOMS.stop().await.expect("a registry stops when it is asked to");
        settle().await;
        let expected = format!(
            "
       0ms       1s        2s        3s        4s        5s
alice  ├───────────────────────────────────────•─────────■   \"{data}\"; shutdown
bob              ├─────────────────────────────•─────────■   \"{data}\"; shutdown
carol                      ├───────────────────•─────────■   \"{data}\"; shutdown
dave                                 ├───────────────────■   shutdown
rooms  ──────────────────────────────────────────────────■   normal
"
        );
        assert_timeline!(
            history.trace(),
            &expected,
            "everybody in the kitchen hears it, once, as an `Order::Work`, and nobody else does \
             (see hint 3 of exercise 7)"
        );
    });
}

/// A process may share a key with itself, and its entries vanish with it, here as there.
///
/// Exercise: 7
/// Covers: CH9-D1-E5, CH9-D1-O2, CH9-D1-O3
/// Oracle: REG-03
#[test]
fn who_enters_twice_hears_twice_and_who_ends_has_left() {
    scenario(|_: Process| async move {
        trap_exit(true).expect("the test is a process");
        assert_eq!(
            (enter("kitchen", "main"), say("kitchen", "hello")),
            (Err(closed()), Err(closed())),
            "the rooms are not open yet (see hint 2 of exercise 7)"
        );
        open_rooms().await.expect("nothing keeps the registry from starting");
        let eager = guest("eager", &["kitchen", "hall", "kitchen"]);
        settle().await;
        let history = System::current().record();
        assert_eq!(
            say("kitchen", "hello"),
            Ok(vec!["eager".to_owned(); 2]),
            "a registry of duplicate keys forbids nothing (see hint 2 of exercise 7)"
        );
        settle().await;
        assert_trace!(
            history.trace(),
            ["1ms eager notes: hello", "1ms eager notes: hello"],
            "what is registered twice gets each `Order::Work` twice (see hint 3 of exercise 7)"
        );
        kill_and_wait(eager).await;
        assert_eq!(
            (say("kitchen", "hello"), ROOMS.count()),
            (Ok(vec![]), Ok(0)),
            "who has ended is in no room (see hint 1 of exercise 7)"
        );
    });
}

/// The registry of rooms is linked to whoever opened them.
///
/// Exercise: 7
/// Covers: CH9-D1-E5
#[test]
fn the_rooms_close_with_whoever_opened_them() {
    scenario(|_: Process| async move {
        let host = spawn(async {
            open_rooms().await?;
            pending::<Result<(), StartError>>().await
        });
        settle().await;
        assert!(ROOMS.whereis().is_some(), "the rooms are open (see hint 2 of exercise 7)");
        kill_and_wait(host.pid()).await;
        settle().await;
        assert_eq!(
            ROOMS.whereis(),
            None,
            "whoever opened them was killed, and is linked to them (see hint 2 of exercise 7)"
        );
    });
}

/// The registry, started first. `main` survives all that it starts.
async fn registry() {
    trap_exit(true).expect("the test is a process");
    MY_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
}

/// Who is registered under this key.
fn pid_of(key: Key) -> Option<Pid> {
    MY_REGISTRY.whereis_name(&key).expect("the registry runs")
}

/// A worker of the test's own, registered under `Worker(id)`, which notes what it is sent.
fn member(id: u32) {
    spawn(move |mut me: Process<Order>| async move {
        me.set_label(Key::Worker(id).to_string());
        let meta = Meta { started_at: System::current().monotonic_time() };
        MY_REGISTRY.register(Key::Worker(id), meta).expect("nobody else has the key");
        listen(&mut me).await;
    });
}

/// A process that stands by for worker 1, and notes when it is its turn.
fn stand(label: &'static str) -> Pid {
    let stand = spawn(move |mut me: Process<Order>| async move {
        me.set_label(label);
        stand_by(Key::Worker(1)).await?;
        note("my turn");
        listen(&mut me).await;
        Ok::<(), RegistryError>(())
    });
    stand.pid()
}

/// A process that enters these rooms, and notes what it hears.
fn guest(name: &'static str, rooms: &'static [&'static str]) -> Pid {
    let guest = spawn(move |mut me: Process<Order>| async move {
        me.set_label(name);
        for room in rooms {
            enter(room, name)?;
        }
        listen(&mut me).await;
        Ok::<(), RegistryError>(())
    });
    guest.pid()
}

async fn listen(me: &mut Process<Order>) {
    loop {
        if let Ok(Order::Work(data)) = me.receive().await.into_user() {
            note(data);
        }
    }
}

fn closed() -> RegistryError {
    RegistryError::NoRegistry("rooms")
}
