//! Registries: processes by key.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime::testing::{eventually, kill_and_wait, restarted, scenario, settle};
use runtime::trace::What;
use runtime::{
    Address, CallError, Child, Crash, Cx, Duplicate, Exit, ExitReason, GenServer, Handled, Info,
    Init, Message, MetaKey, Name, Next, NotInProcess, Pid, Process, Registry, RegistryError,
    RegistryEvent, Reply, Server, SpawnOptions, StartError, Strategy, Supervision, Supervisor,
    System, ViaError, attempt, spawn, sys,
};
use tokio::sync::oneshot;

static NAMES: Registry<&str, u32> = Registry::unique("names");
static NEWS: Registry<&str, u32, Duplicate> = Registry::duplicate("news");

/// A process that does `work` and then waits for messages that nobody sends.
async fn other<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> (Pid, R) {
    let (said, heard) = oneshot::channel();
    let other = spawn(|mut other: Process<()>| async move {
        let _ = said.send(work());
        loop {
            other.receive().await;
        }
    });
    let result = heard.await.expect("the other process did not come to its end");
    (other.pid(), result)
}

/// A process that holds a key.
async fn holder(key: &'static str, value: u32) -> Pid {
    let (pid, registered) = other(move || NAMES.register(key, value)).await;
    registered.expect("the key is free");
    pid
}

/// A process that has subscribed.
async fn subscriber(key: &'static str, value: u32) -> Pid {
    let (pid, registered) = other(move || NEWS.register(key, value)).await;
    registered.expect("there is no limit");
    pid
}

/// The end of a process that is expected to crash.
async fn crash_of<M: Send + 'static>(process: Address<M>) -> String {
    let reason = process.join().await;
    reason.as_panic().map_or_else(|| reason.to_string(), |panic| panic.message().to_owned())
}

/// A server, for keys to lead to.
struct Room {
    number: u32,
}

enum Call {
    Number(Reply<u32>),
    /// Gives up its key.
    Hide(&'static str, Reply<Result<(), RegistryError>>),
}

impl GenServer for Room {
    type Args = u32;
    type Call = Call;
    type Cast = ();
    type Info = String;

    async fn init(number: u32, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        if number == 13 {
            let found = NAMES.keys(cx.pid())?;
            return Ok(Init::Stop(ExitReason::other(format!("{found:?} is unlucky"))));
        }
        Ok(Init::Ok(Self { number }))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Number(reply) => reply.send(self.number),
            Call::Hide(key, reply) => reply.send(NAMES.unregister(key)),
        }
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, (): (), _: &mut Cx<Self>) -> Handled<Self> {
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, info: Info<String>, _: &mut Cx<Self>) -> Handled<Self> {
        if let Info::User(event) = info {
            assert_eq!(event, "door +1 -");
            self.number += 1;
        }
        Ok(Next::Go)
    }
}

/// Covers: RT-REG-03, RT-REG-04
/// Oracle: REG-01
#[test]
fn a_registered_process_is_found_by_its_key() {
    scenario(|_: Process| async move {
        let registry = NAMES.start_link().await.unwrap();
        let (w, registered) = other(|| NAMES.register("key", 7)).await;
        assert_eq!(registered, Ok(registry.pid()), "who registers learns the registry's pid");
        assert_eq!(NAMES.lookup("key"), Ok(Some((w, 7))));
        assert_eq!(NAMES.whereis_name("key"), Ok(Some(w)));
        assert_eq!(NAMES.lookup("unknown"), Ok(None));
    });
}

/// Covers: RT-REG-06
/// Oracle: REG-02
#[test]
fn a_unique_key_is_refused_while_somebody_has_it() {
    scenario(|me: Process| async move {
        NAMES.start_link().await.unwrap();
        let first = holder("key", 1).await;
        let (_, second) = other(|| NAMES.register("key", 2)).await;
        assert_eq!(second, Err(RegistryError::AlreadyRegistered(first)));
        NAMES.register("own", 1).unwrap();
        let again = NAMES.register("own", 2);
        assert_eq!(again, Err(RegistryError::AlreadyRegistered(me.pid())));
        assert_eq!(NAMES.lookup("key"), Ok(Some((first, 1))));
        assert_eq!(NAMES.lookup("own"), Ok(Some((me.pid(), 1))));
    });
}

/// Covers: RT-REG-07
/// Oracle: REG-03
#[test]
fn a_duplicate_key_has_many_processes_and_each_as_often_as_it_likes() {
    scenario(|me: Process| async move {
        NEWS.start_link().await.unwrap();
        let p1 = subscriber("key", 1).await;
        let p2 = subscriber("key", 2).await;
        NEWS.register("key", 31).unwrap();
        NEWS.register("key", 32).unwrap();
        let all = vec![(p1, 1), (p2, 2), (me.pid(), 31), (me.pid(), 32)];
        assert_eq!(NEWS.lookup("key"), Ok(all));
        assert_eq!(NEWS.count(), Ok(4));
        assert_eq!(NEWS.keys(me.pid()), Ok(vec!["key", "key"]));
        assert_eq!(NEWS.values("key", me.pid()), Ok(vec![31, 32]));
    });
}

/// Covers: RT-REG-05
/// Oracle: REG-04
#[test]
fn who_gets_the_down_finds_no_entry() {
    scenario(|mut me: Process| async move {
        NAMES.start_link().await.unwrap();
        let w = holder("key", 1).await;
        me.monitor(w);
        w.kill();
        let Message::Down(_) = me.receive().await else { panic!("not a DOWN") };
        assert_eq!(NAMES.lookup("key"), Ok(None));
        assert_eq!(NAMES.whereis_name("key"), Ok(None));
        assert_eq!(NAMES.count(), Ok(0));
        settle().await;
        assert_eq!((NAMES.lookup("key"), NAMES.count()), (Ok(None), Ok(0)));
    });
}

/// Between the signal and the end that it decides, the process is not found, and has its key: it may
/// hold what the key stands for.
///
/// Differs from OTP, where the signal takes effect at once.
#[test]
fn the_key_of_a_process_that_is_about_to_end_is_free_when_it_has_ended() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let w = holder("key", 1).await;
        w.kill();
        assert_eq!(NAMES.lookup("key"), Ok(None));
        assert_eq!(NAMES.register("key", 2), Err(RegistryError::AlreadyRegistered(w)));
        w.join().await;
        assert!(NAMES.register("key", 2).is_ok());
    });
}

/// Whatever its end is, and however one learns of it: the entries were gone before.
#[test]
fn whoever_learns_of_an_end_finds_no_entry() {
    let ends: [fn(); 4] = [
        || (),
        || panic!("crash"),
        || runtime::exit(ExitReason::Shutdown),
        || {
            runtime::self_pid().unwrap().kill();
        },
    ];
    for end in ends {
        scenario(move |mut me: Process| async move {
            me.trap_exit(true);
            NAMES.start_link().await.unwrap();
            NEWS.start_link().await.unwrap();
            let w = me.spawn_link(move |mut w: Process<()>| async move {
                NAMES.register("key", 1).unwrap();
                NAMES.register("another", 2).unwrap();
                NEWS.register("key", 3).unwrap();
                runtime::register("w", w.pid()).unwrap();
                w.receive().await;
                end();
            });
            let waiter = spawn(async move {
                w.join().await;
                assert_eq!((NAMES.count(), NEWS.count()), (Ok(0), Ok(0)), "join");
            });
            me.monitor(waiter.pid());
            eventually(|| NEWS.count() == Ok(1)).await;
            runtime::send("w", ()).unwrap();
            let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
            assert_ne!(exit.reason, ExitReason::NoProc);
            assert_eq!((NAMES.count(), NEWS.count()), (Ok(0), Ok(0)), "link");
            let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
            assert_eq!(down.reason, ExitReason::Normal);
        });
    }
}

/// There is no moment in between: the dying process takes its entries out itself.
///
/// Oracle (not in Rust): REG-05. Entries vanish with their owner, whatever the registry's process
/// is busy with; a dead process is never listed.
#[test]
fn a_registry_that_is_held_back_does_not_list_the_dead() {
    scenario(|_: Process| async move {
        NEWS.start_link().await.unwrap();
        let w = subscriber("key", 1).await;
        sys::suspend(&NEWS).await.unwrap();
        kill_and_wait(w).await;
        assert_eq!(NEWS.lookup("key"), Ok(vec![]));
        sys::resume(&NEWS).await.unwrap();
        settle().await;
        assert_eq!(NEWS.lookup("key"), Ok(vec![]));
    });
}

/// Differs from OTP: `lookup` does not list the dead process either.
///
/// Oracle: REG-06
#[test]
fn the_key_of_a_dead_process_can_be_taken_while_the_registry_is_held_back() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("key");
        let first = Room::start(1).name(&room).await.unwrap();
        sys::suspend(&NAMES).await.unwrap();
        kill_and_wait(&first).await;
        assert!(!first.is_alive());
        assert_eq!(NAMES.lookup("key"), Ok(None));
        assert_eq!(NAMES.whereis_name("key"), Ok(None));
        assert_eq!(room.call(Call::Number).await, Err(CallError::NoProc));
        let second = holder("key", 2).await;
        assert_eq!(NAMES.lookup("key"), Ok(Some((second, 2))));
    });
}

/// Oracle: REG-07
#[test]
fn a_process_unregisters_itself_and_nobody_else() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let w = holder("other", 1).await;
        NAMES.register("own", 2).unwrap();
        assert_eq!(NAMES.unregister("own"), Ok(()));
        assert_eq!(NAMES.unregister("other"), Ok(()));
        assert_eq!(NAMES.unregister("unknown"), Ok(()));
        assert_eq!(NAMES.lookup("own"), Ok(None));
        assert_eq!(NAMES.lookup("other"), Ok(Some((w, 1))));
    });
}

/// Differs from OTP: a call answers `NoProc` as it does for every server that is not there;
/// `resolve` says why.
///
/// Oracle: REG-09
#[test]
fn a_registry_that_does_not_run_is_an_error() {
    scenario(|me: Process| async move {
        let unknown = RegistryError::NoRegistry("names");
        let room = NAMES.via::<Room>("key");
        let started = Room::start_link(1).name(&room).await;
        assert_eq!(started.unwrap_err(), StartError::Registry(unknown));
        assert_eq!(room.call(Call::Number).await, Err(CallError::NoProc));
        assert_eq!(room.resolve().unwrap_err(), ViaError::Registry(unknown));
        room.cast(());
        assert_eq!(NAMES.lookup("key"), Err(unknown));
        assert_eq!(NAMES.register("key", 1), Err(unknown));
        assert_eq!(NAMES.unregister("key"), Err(unknown));
        assert_eq!(NAMES.update_value("key", |value| *value), Err(unknown));
        assert_eq!(NAMES.keys(me.pid()), Err(unknown));
        assert_eq!(NAMES.values("key", me.pid()), Err(unknown));
        assert_eq!(NAMES.count(), Err(unknown));
        assert_eq!(NAMES.select(|_, pid, _| Some(pid)), Err(unknown));
        assert_eq!(NAMES.dispatch("key", |_| panic!("nobody is there")), Err(unknown));
        assert_eq!(unknown.to_string(), "unknown registry: names");
        assert_eq!(me.system().process_count(), 1, "nothing was made");
    });
}

/// A registry of another name, of other types, or with other keys, is not the one that is meant.
#[test]
fn a_registry_of_other_types_under_the_same_name_is_not_taken_for_this_one() {
    static OTHER_VALUES: Registry<&str, String> = Registry::unique("names");
    static OTHER_KEYS: Registry<&str, u32, Duplicate> = Registry::duplicate("names");
    scenario(|_: Process| async move {
        let first = NAMES.start_link().await.unwrap();
        let unknown = RegistryError::NoRegistry("names");
        assert_eq!(OTHER_VALUES.lookup("key"), Err(unknown));
        assert_eq!(OTHER_KEYS.lookup("key"), Err(unknown));
        let second = OTHER_VALUES.start_link().await;
        assert_eq!(second.unwrap_err(), StartError::AlreadyStarted(first.pid()));
        assert_eq!(NAMES.lookup("key"), Ok(None));
    });
}

/// Covers: RT-REG-08
/// Oracle: REG-10
#[test]
fn dispatch_works_on_the_entries_of_a_key_if_there_are_any() {
    scenario(|me: Process| async move {
        NEWS.start_link().await.unwrap();
        let p1 = subscriber("key", 1).await;
        let p2 = subscriber("key", 2).await;
        NEWS.register("key", 3).unwrap();
        let mut seen = Vec::new();
        assert_eq!(NEWS.dispatch("key", |entries| seen.extend_from_slice(entries)), Ok(()));
        assert_eq!(seen, [(p1, 1), (p2, 2), (me.pid(), 3)]);
        assert_eq!(NEWS.dispatch("unknown", |_| panic!("called for nobody")), Ok(()));
    });
}

/// Oracle: REG-11
#[test]
fn a_value_is_updated_by_its_owner_only() {
    scenario(|me: Process| async move {
        NAMES.start_link().await.unwrap();
        NAMES.register("key", 1).unwrap();
        assert_eq!(NAMES.update_value("key", |value| value + 1), Ok((2, 1)));
        assert_eq!(NAMES.lookup("key"), Ok(Some((me.pid(), 2))));
        let (_, updated) = other(|| NAMES.update_value("key", |value| value + 1)).await;
        assert_eq!(updated, Err(RegistryError::NotOwner));
        assert_eq!(NAMES.update_value("unknown", |value| *value), Err(RegistryError::NotOwner));
        assert_eq!(NAMES.lookup("key"), Ok(Some((me.pid(), 2))));
        assert_eq!(NAMES.values("key", me.pid()), Ok(vec![2]));
    });
}

/// Oracle: REG-12
#[test]
fn keys_values_count_and_select_tell_what_is_there() {
    static TABLE: Registry<(char, u32), u32> = Registry::unique("table");
    scenario(|me: Process| async move {
        TABLE.start_link().await.unwrap();
        for n in 1..=3 {
            TABLE.register(('t', n), 10 * n).unwrap();
        }
        assert_eq!(TABLE.keys(me.pid()), Ok(vec![('t', 1), ('t', 2), ('t', 3)]));
        assert_eq!(TABLE.values(&('t', 2), me.pid()), Ok(vec![20]));
        assert_eq!(TABLE.count(), Ok(3));
        let all = TABLE.select(|key, pid, value| (pid == me.pid()).then_some((*key, *value)));
        assert_eq!(all, Ok(vec![(('t', 1), 10), (('t', 2), 20), (('t', 3), 30)]));
        let large = TABLE.select(|key, _, value| (*value > 15).then_some(key.1));
        assert_eq!(large, Ok(vec![2, 3]));
        let (nobody, ()) = other(|| ()).await;
        assert_eq!(TABLE.keys(nobody), Ok(vec![]));
        assert_eq!(TABLE.values(&('t', 2), nobody), Ok(vec![]));
    });
}

fn shown(event: &RegistryEvent<&'static str, u32>) -> String {
    match event {
        RegistryEvent::Register { registry, key, value, .. } => {
            format!("{registry}: {key} {value}")
        }
        RegistryEvent::Unregister { registry, key, .. } => format!("{registry}: {key} -"),
    }
}

/// Oracle: REG-13
#[test]
fn a_listener_is_told_of_registrations_and_not_of_deaths() {
    type Event = RegistryEvent<&'static str, u32>;
    scenario(|mut me: Process<Event>| async move {
        NAMES.options().listener(me.address(), |event| event).start_link().await.unwrap();
        let w = holder("key", 7).await;
        let event = me.receive().await.into_user().unwrap();
        let registered = Event::Register { registry: "names", key: "key", pid: w, value: 7 };
        assert_eq!(event, registered);
        kill_and_wait(w).await;
        assert!(me.receive().timeout(Duration::from_secs(1)).await.is_err(), "after the kill");
        NAMES.register("key", 8).unwrap();
        NAMES.unregister("unknown").unwrap();
        NAMES.unregister_match("key", |value| *value == 9).unwrap();
        NAMES.unregister("key").unwrap();
        let event = me.receive().await.into_user().unwrap();
        assert!(matches!(event, Event::Register { value: 8, .. }));
        let event = me.receive().await.into_user().unwrap();
        assert_eq!(event, Event::Unregister { registry: "names", key: "key", pid: me.pid() });
        assert!(me.receive().timeout(Duration::from_secs(1)).await.is_err());
    });
}

/// A listener is an address, a pid, a name, a server by its name; whether it is there or not.
#[test]
fn listeners_are_addressed_like_everybody_else() {
    static DOOR: Name<Room> = Name::new("door");
    scenario(|mut me: Process<String>| async move {
        let gone = spawn(async {});
        gone.join().await;
        NAMES
            .options()
            .listener("main", |event| shown(&event))
            .listener(gone.pid(), |event| shown(&event))
            .listener("nobody", |event| shown(&event))
            .listener(me.address(), |event| format!("address {}", shown(&event)))
            .listener_server(&DOOR, |event| match event {
                RegistryEvent::Register { value, .. } => format!("door +{value} -"),
                RegistryEvent::Unregister { .. } => unreachable!("nobody unregisters"),
            })
            .start_link()
            .await
            .unwrap();
        NAMES.register("before", 1).unwrap();
        assert_eq!(me.receive().await.into_user().unwrap(), "address names: before 1");
        runtime::register("main", me.pid()).unwrap();
        Room::start(10).name(&DOOR).await.unwrap();
        NAMES.register("key", 1).unwrap();
        assert_eq!(me.receive().await.into_user().unwrap(), "names: key 1");
        assert_eq!(me.receive().await.into_user().unwrap(), "address names: key 1");
        assert_eq!(DOOR.call(Call::Number).await, Ok(11));
        DOOR.stop().await.unwrap();
        NAMES.register("after", 1).unwrap();
        assert_eq!(NAMES.count(), Ok(3));
    });
}

/// Oracle: REG-14, REG-15
#[test]
fn registrants_fall_with_their_registry() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let top = Supervisor::new(Strategy::OneForOne).child(NAMES.child());
        top.start_link().await.unwrap();
        let w = holder("key", 1).await;
        let end = w.join();
        let registry = NAMES.whereis().unwrap();
        registry.pid().kill();
        assert_eq!(end.await, ExitReason::Killed);
        eventually(|| NAMES.count().is_ok()).await;
        assert_ne!(NAMES.whereis().unwrap(), registry, "a restarted one");
        assert_eq!((NAMES.lookup("key"), NAMES.count()), (Ok(None), Ok(0)));
        holder("key", 2).await;
    });
}

/// Oracle: REG-16
#[test]
fn a_registrant_that_traps_exits_gets_a_message_and_loses_its_key() {
    scenario(|mut me: Process| async move {
        let registry = NAMES.start().await.unwrap();
        me.trap_exit(true);
        NAMES.register("key", 1).unwrap();
        registry.pid().kill();
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!(*exit, Exit { from: registry.pid(), reason: ExitReason::Killed });
        assert_eq!(NAMES.lookup("key"), Err(RegistryError::NoRegistry("names")));
        NAMES.start_link().await.unwrap();
        assert_eq!(NAMES.lookup("key"), Ok(None));
        NAMES.register("key", 2).unwrap();
        assert_eq!(NAMES.lookup("key"), Ok(Some((me.pid(), 2))));
        NAMES.stop().await.unwrap();
    });
}

/// Covers: RT-REG-01
/// Oracle: REG-17
#[test]
fn a_registry_is_started_once() {
    scenario(|_: Process| async move {
        let first = NAMES.start_link().await.unwrap();
        let second = NAMES.start_link().await;
        assert_eq!(second.unwrap_err(), StartError::AlreadyStarted(first.pid()));
        assert_eq!(runtime::whereis("names"), Some(first.pid()));
    });
}

/// Oracle: REG-18
#[test]
fn keys_are_compared_as_their_type_compares_them() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    enum Key {
        Int(u64),
        Float(u64),
        Deep((u8, (String, Vec<Key>))),
    }
    static KEYS: Registry<Key, u32> = Registry::unique("keys");
    scenario(|me: Process| async move {
        KEYS.start_link().await.unwrap();
        let deep = || {
            Key::Deep((
                1,
                ("a".to_owned(), vec![Key::Int(1), Key::Deep((2, ("b".to_owned(), vec![])))]),
            ))
        };
        KEYS.register(Key::Int(1), 1).unwrap();
        assert_eq!(KEYS.lookup(&Key::Float(1)), Ok(None));
        KEYS.register(Key::Float(1), 2).unwrap();
        KEYS.register(deep(), 3).unwrap();
        assert_eq!(KEYS.lookup(&Key::Int(1)), Ok(Some((me.pid(), 1))));
        assert_eq!(KEYS.lookup(&deep()), Ok(Some((me.pid(), 3))));
    });
}

/// Oracle: REG-19
#[test]
fn a_server_can_give_up_its_key_and_live_on() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("room");
        let first = Room::start(1).name(&room).await.unwrap();
        assert_eq!(room.call(|reply| Call::Hide("room", reply)).await, Ok(Ok(())));
        assert_eq!(room.whereis(), None);
        let second = Room::start(2).name(&room).await.unwrap();
        assert_eq!(room.call(Call::Number).await, Ok(2));
        assert!(first.is_alive());
        assert_eq!(first.call(Call::Number).await, Ok(1));
        assert_ne!(first, second);
    });
}

/// Oracle: REG-20
#[test]
fn of_forty_processes_that_race_for_a_key_one_wins() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let won = Arc::new(AtomicUsize::new(0));
        let racers: Vec<_> = (0..40)
            .map(|n| {
                let won = won.clone();
                spawn(move |mut racer: Process<()>| async move {
                    tokio::task::yield_now().await;
                    match NAMES.register("key", n) {
                        Ok(_) => won.fetch_add(1, Ordering::Relaxed),
                        Err(RegistryError::AlreadyRegistered(_)) => 0,
                        Err(error) => panic!("{error}"),
                    };
                    racer.receive().await;
                })
            })
            .collect();
        settle().await;
        assert_eq!(won.load(Ordering::Relaxed), 1);
        assert_eq!(NAMES.count(), Ok(1));
        let (winner, _) = NAMES.lookup("key").unwrap().unwrap();
        assert!(racers.iter().any(|racer| racer.pid() == winner));
    });
}

/// Differs from OTP: a registry is one process, however many partitions it has.
///
/// Covers: PH3-SUM-32
/// Oracle: REG-21
#[test]
fn a_server_is_started_under_a_key_with_a_value_in_a_registry_with_partitions() {
    scenario(|_: Process| async move {
        let top = Supervisor::new(Strategy::OneForOne).child(NAMES.options().partitions(4).child());
        let top = top.start_link().await.unwrap();
        let via = NAMES.via::<Room>("room").with(7);
        let w = Room::start_link(1).name(&via).await.unwrap();
        assert_eq!(NAMES.lookup("room"), Ok(Some((w.pid(), 7))));
        assert_eq!(via.call(Call::Number).await, Ok(1));
        let count = top.count_children().await.unwrap();
        assert_eq!((count.active, count.specs), (1, 1));
    });
}

/// Whatever its number, the partitions together hold the table; none is one.
#[test]
fn the_number_of_partitions_shows_nowhere_else() {
    for partitions in [0, 1, 3, 64] {
        scenario(move |me: Process| async move {
            NEWS.options().partitions(partitions).start_link().await.unwrap();
            let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
            for (key, n) in keys.iter().zip(0..) {
                NEWS.register(key, n).unwrap();
            }
            assert_eq!(NEWS.count(), Ok(8));
            assert_eq!(NEWS.keys(me.pid()), Ok(keys.to_vec()));
            assert_eq!(NEWS.select(|key, _, _| Some(*key)), Ok(keys.to_vec()));
            for (key, n) in keys.iter().zip(0..) {
                assert_eq!(NEWS.lookup(key), Ok(vec![(me.pid(), n)]));
            }
        });
    }
}

/// Oracle: REG-22
#[test]
fn entries_are_counted_and_unregistered_by_value() {
    scenario(|me: Process| async move {
        NEWS.start_link().await.unwrap();
        for value in [1, 2, 2] {
            NEWS.register("key", value).unwrap();
        }
        assert_eq!(NEWS.count_match("key", |value| *value == 2), Ok(2));
        assert_eq!(NEWS.lookup_match("key", |value| *value < 2), Ok(vec![(me.pid(), 1)]));
        assert_eq!(NEWS.unregister_match("key", |value| *value == 2), Ok(()));
        assert_eq!(NEWS.lookup("key"), Ok(vec![(me.pid(), 1)]));

        NAMES.start_link().await.unwrap();
        sys::suspend(&NAMES).await.unwrap();
        assert!(NAMES.register("key", 1).is_ok(), "the registry need not be asked");
        let (_, second) = other(|| NAMES.register("key", 2)).await;
        assert_eq!(second, Err(RegistryError::AlreadyRegistered(me.pid())));
    });
}

/// Oracle: GS-02
#[test]
fn a_call_by_a_key_that_nobody_has_finds_nobody() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let nope = NAMES.via::<Room>("nope");
        assert_eq!(nope.call(Call::Number).await, Err(CallError::NoProc));
        assert_eq!(nope.resolve().unwrap_err(), ViaError::NotRegistered);
    });
}

/// Oracle: GS-03
#[test]
fn a_cast_by_a_key_that_nobody_has_goes_nowhere() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        NAMES.via::<Room>("nope").cast(());
    });
}

/// Oracle: GS-15
#[test]
fn a_server_is_not_started_under_a_key_that_is_taken() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("room");
        let first = Room::start_link(1).name(&room).await.unwrap();
        let second = Room::start_link(13).name(&room).await;
        assert_eq!(second.unwrap_err(), StartError::AlreadyStarted(first.pid()));
        assert!(me.receive().timeout(Duration::from_secs(1)).await.is_err(), "init did not run");
        assert_eq!(NAMES.lookup("room"), Ok(Some((first.pid(), 0))), "the value's default");
    });
}

/// Oracle: GS-46
#[test]
fn a_key_is_free_when_the_down_arrives() {
    scenario(|mut me: Process| async move {
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("room");
        for number in 20..40 {
            let server = Room::start(number).name(&room).await.unwrap();
            me.monitor(&server);
            if number % 2 == 0 {
                server.pid().kill();
            } else {
                server.stop().await.unwrap();
            }
            let Message::Down(_) = me.receive().await else { panic!("not a DOWN") };
        }
    });
}

/// Covers: RT-REG-09
/// Oracle: GS-49
#[test]
fn whereis_resolves_a_key() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("room");
        assert_eq!(room.whereis(), None);
        let server = Room::start(1).name(&room).await.unwrap();
        assert_eq!(room.whereis(), Some(server.clone()));
        assert_eq!((*room.key(), NAMES.whereis_name("room")), ("room", Ok(Some(server.pid()))));
        assert_eq!(sys::get_state(&server, |room| room.number).await, Ok(1));
        room.stop().await.unwrap();
        assert_eq!(room.whereis(), None);
    });
}

#[test]
fn a_server_is_in_the_registry_before_its_init_and_not_after_a_failed_one() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        NAMES.start_link().await.unwrap();
        let room = NAMES.via::<Room>("room");
        let failed = Room::start_link(13).name(&room).await;
        let unlucky = ExitReason::other(r#"["room"] is unlucky"#.to_owned());
        assert_eq!(failed.unwrap_err(), StartError::Failed(unlucky));
        assert_eq!(NAMES.lookup("room"), Ok(None));
        Room::start_link(1).name(&room).await.unwrap();
    });
}

#[test]
fn a_key_that_leads_to_a_server_of_another_type_leads_nowhere() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let plain = holder("plain", 1).await;
        let room = NAMES.via::<Room>("plain");
        assert_eq!(room.resolve().unwrap_err(), ViaError::WrongType(plain));
        assert_eq!(room.call(Call::Number).await, Err(CallError::NoProc));
        room.cast(());
        assert_eq!(room.stop().await, Err(runtime::StopError::NoProc));
    });
}

/// A key that is borrowed for ever is as good as any other, also in the body of a process.
#[test]
fn what_any_server_understands_is_asked_by_key_in_the_body_of_a_process() {
    scenario(|me: Process| async move {
        NAMES.start_link().await.unwrap();
        let asks = me.spawn_link(async {
            let room = NAMES.via::<Room>("room");
            Room::start(1).name(&room).await?;
            sys::suspend(&room).await?;
            sys::resume(&room).await?;
            assert_eq!(sys::get_state(&room, |room| room.number).await?, 1);
            assert!(room.up().await?.is_alive());
            anyhow::Ok(())
        });
        assert_eq!(asks.join().await, ExitReason::Normal);
    });
}

/// It goes by its type in a trace: a key need not be printable.
#[test]
fn a_server_with_a_key_and_no_name_is_labelled_with_its_type() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let room = Room::start(1).name(NAMES.via("room")).await.unwrap();
        assert_eq!(room.pid().info().unwrap().label.as_deref(), Some("Room"));
        let child = Room::child(|| 1).name(NAMES.via("other")).id("the other room");
        let top = Supervisor::new(Strategy::OneForOne).child(child).start_link().await.unwrap();
        let other = NAMES.via::<Room>("other").whereis().unwrap();
        assert_eq!(other.pid().info().unwrap().label.as_deref(), Some("the other room"));
        top.stop().await.unwrap();
    });
}

/// Its supervisor starts it again, it registers again, and the key leads to it.
///
/// Covers: RT-REG-02
#[test]
fn a_restarted_server_is_found_under_its_key_again() {
    scenario(|_: Process| async move {
        let room = NAMES.via::<Room>("room");
        let child: Child<Room> = Room::child(|| 1).name(&room).id("room");
        let top = Supervisor::new(Strategy::RestForOne).child(NAMES.child()).child(child);
        let top = top.start_link().await.unwrap();
        let first = room.whereis().unwrap();
        first.pid().kill();
        let second = restarted(&room, &first).await;
        NAMES.whereis().unwrap().pid().kill();
        assert_ne!(restarted(&room, &second).await, first);
        assert_eq!(room.call(Call::Number).await, Ok(1));
        top.stop().await.unwrap();
        assert_eq!(NAMES.count(), Err(RegistryError::NoRegistry("names")));
    });
}

#[test]
fn a_registry_that_is_stopped_takes_its_registrants_along() {
    scenario(|mut me: Process| async move {
        NAMES.start().await.unwrap();
        let w = holder("key", 1).await;
        let end = w.join();
        let trapping = spawn(|mut w: Process| async move {
            w.trap_exit(true);
            let registry = NAMES.register("trap", 1).unwrap();
            let Message::Exit(exit) = w.receive().await else { panic!("not an exit") };
            assert_eq!(*exit, Exit { from: registry, reason: ExitReason::Shutdown });
            assert!(w.receive().timeout(Duration::from_secs(1)).await.is_err(), "and once only");
        });
        let trapping = trapping.join();
        settle().await;
        me.monitor(&NAMES);
        NAMES.stop().await.unwrap();
        assert_eq!(end.await, ExitReason::Shutdown);
        assert_eq!(trapping.await, ExitReason::Normal);
        let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
        assert_eq!(down.reason, ExitReason::Normal);
    });
}

/// The crash of a registrant is not the registry's, nor is that of another registrant.
#[test]
fn a_registry_outlives_its_registrants() {
    scenario(|_: Process| async move {
        let registry = NAMES.start().await.unwrap();
        let w = holder("key", 1).await;
        let v = holder("another", 2).await;
        let crashing = spawn(async {
            NAMES.register("crash", 3).unwrap();
            panic!("crash");
        });
        assert_eq!(crash_of(crashing).await, "crash");
        kill_and_wait(w).await;
        settle().await;
        assert!(registry.is_alive() && v.is_alive());
        assert_eq!(NAMES.select(|key, _, _| Some(*key)), Ok(vec!["another"]));
    });
}

#[test]
fn who_has_given_up_all_keys_is_not_linked_any_more() {
    scenario(|_: Process| async move {
        let registry = NAMES.start().await.unwrap();
        let (w, ()) = other(|| {
            NAMES.register("a", 1).unwrap();
            NAMES.register("b", 2).unwrap();
            NAMES.unregister("a").unwrap();
        })
        .await;
        let (v, ()) = other(|| {
            NAMES.register("c", 1).unwrap();
            NAMES.unregister("c").unwrap();
        })
        .await;
        let end = w.join();
        kill_and_wait(&registry).await;
        assert_eq!(end.await, ExitReason::Killed);
        settle().await;
        assert!(v.is_alive());
    });
}

/// A link that was there before is not the registry's to undo.
#[test]
fn the_parent_of_a_registry_may_register_and_unregister() {
    scenario(|_: Process| async move {
        for unregisters in [true, false] {
            let parent = spawn(move |mut parent: Process<()>| async move {
                NAMES.start_link().await.unwrap();
                NAMES.register("key", 1).unwrap();
                if unregisters {
                    NAMES.unregister("key").unwrap();
                }
                parent.receive().await;
            });
            settle().await;
            let end = NAMES.whereis().unwrap().pid().join();
            parent.kill();
            assert_eq!(end.await, ExitReason::Killed);
        }
    });
}

#[test]
fn only_a_process_can_register() {
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        holder("key", 1).await;
        let outside = tokio::spawn(async {
            let refused = Err(RegistryError::NotInProcess(NotInProcess));
            assert_eq!(NAMES.register("outside", 1), refused);
            assert_eq!(NAMES.unregister("key"), refused.map(drop));
            let updated = NAMES.update_value("key", |value| value + 1);
            assert_eq!(updated, Err(RegistryError::NotInProcess(NotInProcess)));
        });
        outside.await.unwrap();
        assert_eq!(NAMES.lookup("outside"), Ok(None));
    });
}

/// In a plain task one can look, in the system of the tokio runtime.
#[tokio::test]
async fn anybody_can_look() {
    static OPEN: Registry<String> = Registry::unique("open");
    OPEN.start().await.unwrap();
    let (registered, known) = oneshot::channel();
    let w = spawn(|mut w: Process<()>| async move {
        OPEN.register("key".to_owned(), ()).unwrap();
        registered.send(()).unwrap();
        w.receive().await;
    });
    known.await.unwrap();
    assert_eq!(OPEN.lookup("key"), Ok(Some((w.pid(), ()))));
    assert_eq!(OPEN.keys(&w), Ok(vec!["key".to_owned()]));
    assert_eq!(OPEN.count(), Ok(1));
    OPEN.stop().await.unwrap();
}

/// Outside of any tokio runtime there is no registry, and no panic.
#[test]
fn outside_of_any_system_there_is_no_registry() {
    assert_eq!(NAMES.lookup("key"), Err(RegistryError::NoRegistry("names")));
    let refused = Err(RegistryError::NotInProcess(NotInProcess));
    assert_eq!(NAMES.register("key", 1), refused);
}

/// A process whose end is decided runs its destructors, and enters nothing any more.
#[test]
fn a_dying_process_registers_nothing() {
    struct AtEnd(Arc<Mutex<Option<Result<Pid, RegistryError>>>>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(NAMES.register("late", 1));
        }
    }
    scenario(|_: Process| async move {
        NAMES.start_link().await.unwrap();
        let result = Arc::new(Mutex::new(None));
        let at_end = AtEnd(result.clone());
        let w = spawn(|mut w: Process<()>| async move {
            let _at_end = at_end;
            w.receive().await;
        });
        settle().await;
        kill_and_wait(&w).await;
        let refused = Err(RegistryError::NoProc(w.pid()));
        assert_eq!(result.lock().unwrap().take(), Some(refused));

        // One that ends by itself may still; the entry goes with it.
        let at_end = AtEnd(result.clone());
        let w = spawn(async move { drop(at_end) });
        w.join().await;
        assert!(result.lock().unwrap().take().unwrap().is_ok());
        assert_eq!(NAMES.count(), Ok(0));
    });
}

#[test]
fn two_systems_do_not_see_each_others_registries() {
    scenario(|me: Process| async move {
        NAMES.start_link().await.unwrap();
        NAMES.register("key", 1).unwrap();
        let elsewhere = System::start();
        let body = async {
            let unknown = RegistryError::NoRegistry("names");
            assert_eq!(NAMES.lookup("key"), Err(unknown));
            assert_eq!(NAMES.register("key", 2), Err(unknown));
            NAMES.start_link().await.unwrap();
            assert_eq!(NAMES.count(), Ok(0));
            NAMES.register("key", 2).unwrap();
            assert_eq!(NAMES.count(), Ok(1));
        };
        assert_eq!(elsewhere.spawn(body).join().await, ExitReason::Normal);
        assert_eq!(NAMES.lookup("key"), Ok(Some((me.pid(), 1))));
        elsewhere.stop().await;
    });
}

const LIMIT: MetaKey<u32> = MetaKey::new("limit");
const LIMIT_IN_WORDS: MetaKey<String> = MetaKey::new("limit");

#[test]
fn metadata_belongs_to_the_registry_as_a_whole() {
    scenario(|_: Process| async move {
        let top =
            Supervisor::new(Strategy::OneForOne).child(NAMES.options().meta(&LIMIT, 10).child());
        top.start_link().await.unwrap();
        assert_eq!(NAMES.meta(&LIMIT), Ok(Some(10)));
        assert_eq!(NAMES.meta(&LIMIT_IN_WORDS), Ok(None), "another type is another key");
        NAMES.put_meta(&LIMIT, 20).unwrap();
        NAMES.put_meta(&LIMIT_IN_WORDS, "twenty".to_owned()).unwrap();
        assert_eq!(NAMES.meta(&LIMIT), Ok(Some(20)));
        assert_eq!(NAMES.meta(&LIMIT_IN_WORDS), Ok(Some("twenty".to_owned())));
        NAMES.delete_meta(&LIMIT).unwrap();
        assert_eq!(NAMES.meta(&LIMIT), Ok(None));
        let former = NAMES.whereis().unwrap();
        kill_and_wait(&former).await;
        eventually(|| NAMES.meta(&LIMIT) == Ok(Some(10))).await;
        assert_eq!(NAMES.meta(&LIMIT_IN_WORDS), Ok(None), "as it was given at the start");
    });
}

#[test]
fn ten_thousand_keys_of_one_process_come_and_go() {
    static MANY: Registry<u32, u32> = Registry::unique("many");
    scenario(|_: Process| async move {
        MANY.start_link().await.unwrap();
        let (w, ()) = other(|| {
            for n in 0..10_000 {
                MANY.register(n, n).unwrap();
            }
            for n in 0..5_000 {
                MANY.unregister(&n).unwrap();
            }
        })
        .await;
        assert_eq!(MANY.count(), Ok(5_000));
        assert_eq!(MANY.lookup(&9_999), Ok(Some((w, 9_999))));
        kill_and_wait(w).await;
        assert_eq!(MANY.count(), Ok(0));
    });
}

#[test]
fn a_thousand_subscribers_of_one_key_come_and_go() {
    scenario(|_: Process| async move {
        NEWS.start_link().await.unwrap();
        let mut all = Vec::new();
        for n in 0..1_000 {
            all.push((subscriber("key", n).await, n));
        }
        assert_eq!(NEWS.lookup("key"), Ok(all.clone()));
        let (odd, even): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, n)| n % 2 == 1);
        for (pid, _) in odd {
            kill_and_wait(pid).await;
        }
        assert_eq!(NEWS.lookup("key"), Ok(even));
    });
}

/// Closures run with nothing locked: they may use the registry, and panic.
#[test]
fn a_closure_may_use_the_registry_it_is_called_by() {
    scenario(|me: Process| async move {
        NAMES.start_link().await.unwrap();
        NEWS.start_link().await.unwrap();
        NAMES.register("a", 1).unwrap();
        NAMES.register("b", 2).unwrap();
        let both = NAMES.select(|key, _, _| {
            NAMES.unregister(key).unwrap();
            NAMES.register("c", 3).err();
            Some(*key)
        });
        assert_eq!(both, Ok(vec!["a", "b"]));
        assert_eq!(NAMES.keys(me.pid()), Ok(vec!["c"]));
        let updated = NAMES.update_value("c", |value| {
            NAMES.unregister("c").unwrap();
            value + 1
        });
        assert_eq!(updated, Err(RegistryError::NotOwner), "it was given up meanwhile");
        assert_eq!(NAMES.count(), Ok(0));
        NEWS.register("key", 1).unwrap();
        NEWS.dispatch("key", |_| NEWS.unregister("key").unwrap()).unwrap();
        assert_eq!(NEWS.count(), Ok(0));
    });
}

/// What is done to it in the next test.
type Crime = fn();

#[test]
fn a_closure_that_panics_is_its_callers_crash() {
    let crimes: [(&str, Crime); 6] = [
        ("select", || drop(NAMES.select(|_, _, _| -> Option<()> { panic!("select") }))),
        ("dispatch", || _ = NAMES.dispatch("mine", |_| panic!("dispatch"))),
        ("update", || _ = NAMES.update_value("mine", |_| panic!("update"))),
        ("count", || _ = NAMES.count_match("mine", |_| panic!("count"))),
        ("lookup", || drop(NAMES.lookup_match("mine", |_| panic!("lookup")))),
        ("unregister", || _ = NAMES.unregister_match("mine", |_| panic!("unregister"))),
    ];
    scenario(move |_: Process| async move {
        let registry = NAMES.start().await.unwrap();
        let w = holder("key", 1).await;
        for (what, crime) in crimes {
            let criminal = spawn(async move {
                NAMES.register("mine", 2).unwrap();
                crime();
            });
            assert_eq!(crash_of(criminal).await, what);
            assert_eq!(NAMES.select(|_, pid, _| Some(pid)), Ok(vec![w]));
        }
        // One that catches the panic goes on, and nothing has changed.
        NAMES.register("mine", 2).unwrap();
        let caught = attempt(|| NAMES.update_value("mine", |_| panic!("update")));
        assert!(caught.result().is_err());
        assert_eq!(NAMES.update_value("mine", |value| value + 1), Ok((3, 2)));
        assert!(registry.is_alive());
    });
}

#[test]
fn a_listener_that_panics_is_the_registrants_crash() {
    scenario(|mut me: Process<u32>| async move {
        let panics = |event| match event {
            RegistryEvent::Register { key: "bad", .. } => panic!("bad news"),
            RegistryEvent::Register { value, .. } => value,
            RegistryEvent::Unregister { .. } => panic!("no news"),
        };
        let registry = NAMES.options().listener(me.address(), panics).start().await.unwrap();
        let w = spawn(async { _ = NAMES.register("bad", 1) });
        assert_eq!(crash_of(w).await, "bad news");
        let w = spawn(async {
            NAMES.register("good", 1).unwrap();
            _ = NAMES.unregister("good");
        });
        assert_eq!(crash_of(w).await, "no news");
        // A server is started by its starter, whose crash it is; the server is there.
        let starter = spawn(async {
            let bad = NAMES.via::<Room>("bad");
            drop(Room::start(1).name(&bad).await);
        });
        assert_eq!(crash_of(starter).await, "bad news");
        assert_eq!(NAMES.via::<Room>("bad").call(Call::Number).await, Ok(1));
        assert_eq!(me.receive().await.into_user().unwrap(), 1);
        assert!(registry.is_alive());
    });
}

/// A key and a value that do harm in one of the places where their code runs.
#[derive(Debug)]
struct Touchy {
    name: &'static str,
    crime: &'static str,
}

const fn touchy(name: &'static str, crime: &'static str) -> Touchy {
    Touchy { name, crime }
}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert_ne!(self.crime, "hash");
        // All of them collide.
        state.write_u8(0);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        assert_ne!(self.crime, "eq");
        assert_ne!(other.crime, "eq");
        // Nothing is locked here.
        assert!(TOUCHY.count().is_ok());
        self.name == other.name
    }
}

impl Eq for Touchy {}

impl Clone for Touchy {
    fn clone(&self) -> Self {
        assert_ne!(self.crime, "clone");
        Self { ..*self }
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        assert!(self.crime != "drop" || std::thread::panicking(), "drop");
    }
}

static TOUCHY: Registry<Touchy, Arc<Touchy>> = Registry::unique("touchy");

/// Keys whose hashes collide are told apart.
#[test]
fn keys_with_one_hash_are_different_keys() {
    scenario(|me: Process| async move {
        TOUCHY.start_link().await.unwrap();
        for name in ["a", "b", "c"] {
            TOUCHY.register(touchy(name, ""), Arc::new(touchy(name, ""))).unwrap();
        }
        let again = TOUCHY.register(touchy("b", ""), Arc::new(touchy("x", "")));
        assert_eq!(again, Err(RegistryError::AlreadyRegistered(me.pid())));
        for name in ["a", "b", "c"] {
            let (_, value) = TOUCHY.lookup(&touchy(name, "")).unwrap().unwrap();
            assert_eq!(value.name, name);
        }
        TOUCHY.unregister(&touchy("b", "")).unwrap();
        assert!(TOUCHY.lookup(&touchy("b", "")).unwrap().is_none());
        assert_eq!(TOUCHY.count(), Ok(2));
    });
}

#[test]
fn a_key_that_panics_is_its_registrants_crash() {
    scenario(|_: Process| async move {
        let registry = TOUCHY.start().await.unwrap();
        let (w, ()) = other(|| {
            TOUCHY.register(touchy("w", ""), Arc::new(touchy("w", ""))).unwrap();
        })
        .await;
        for crime in ["hash", "eq", "clone", "drop"] {
            let end = spawn(async move {
                TOUCHY.register(touchy("bad", crime), Arc::new(touchy("", ""))).unwrap();
                TOUCHY.keys(runtime::self_pid().unwrap()).unwrap();
            });
            let reason = end.join().await;
            assert!(reason.as_panic().is_some(), "{crime}: {reason}");
            let (found, _) = TOUCHY.lookup(&touchy("w", "")).unwrap().unwrap();
            assert_eq!((found, TOUCHY.count()), (w, Ok(1)), "{crime}");
        }
        assert!(registry.is_alive());
    });
}

/// Nothing is left of a server that does not come to be: no process, no entry, no link.
#[test]
fn a_panic_while_a_server_gets_its_key_leaves_nothing_behind() {
    scenario(|me: Process| async move {
        let registry = TOUCHY.start().await.unwrap();
        let held = touchy("held", "");
        TOUCHY.register(held, Arc::new(touchy("", ""))).unwrap();
        let processes = me.system().process_count();
        for crime in ["hash", "eq"] {
            let starter = spawn(async move {
                let via = TOUCHY.via::<Room>(touchy("bad", crime)).with(Arc::new(touchy("", "")));
                _ = Room::start(1).name(&via).await;
            });
            assert!(starter.join().await.as_panic().is_some());
        }
        let no_spawn = me.system().subscribe(|event| {
            let starts = matches!(event.what, What::Spawned { .. });
            assert!(!starts || event.subject.label.as_deref() == Some("starter"), "no spawn");
        });
        let options = SpawnOptions::new().label("starter");
        let starter = options.spawn(async {
            let via = TOUCHY.via::<Room>(touchy("good", "")).with(Arc::new(touchy("", "")));
            _ = Room::start(1).name(&via).await;
        });
        assert_eq!(crash_of(starter.unwrap().address).await, "no spawn");
        drop(no_spawn);
        assert_eq!((TOUCHY.count(), me.system().process_count()), (Ok(1), processes));
        assert_eq!(registry.pid().info().unwrap().links, [me.pid()]);
        let via = TOUCHY.via::<Room>(touchy("good", "")).with(Arc::new(touchy("", "")));
        Room::start(1).name(via).await.unwrap();
    });
}

/// Each entry is dropped, one by one, by the process whose they were; then it is as with every
/// `Drop` that panics on the way out.
#[test]
fn values_that_panic_when_they_are_dropped_are_their_owners_crash() {
    scenario(|_: Process| async move {
        let registry = TOUCHY.start().await.unwrap();
        let body = || async {
            for name in ["a", "b", "c"] {
                TOUCHY.register(touchy(name, ""), Arc::new(touchy(name, "drop"))).unwrap();
            }
        };
        assert_eq!(crash_of(spawn(body())).await, "drop");
        assert_eq!(TOUCHY.count(), Ok(0));
        let killed = spawn(async move {
            body().await;
            std::future::pending::<()>().await;
        });
        settle().await;
        assert_eq!(TOUCHY.count(), Ok(3));
        assert_eq!(kill_and_wait(&killed).await, ExitReason::Killed);
        assert_eq!(TOUCHY.count(), Ok(0));
        // When it is unregistered, as well as when the registry ends.
        let unregisters = spawn(async move {
            body().await;
            let caught = attempt(|| TOUCHY.unregister(&touchy("a", "")));
            assert!(caught.result().is_err());
            assert_eq!(TOUCHY.count(), Ok(2));
            std::future::pending::<()>().await;
        });
        settle().await;
        assert_eq!(TOUCHY.count(), Ok(2));
        let ends = (unregisters.join(), registry.pid().join());
        registry.pid().exit(ExitReason::other("why"));
        settle().await;
        assert!(registry.is_alive(), "it traps exits");
        registry.pid().kill();
        assert_eq!((ends.0.await, ends.1.await), (ExitReason::Killed, ExitReason::Killed));
        TOUCHY.start_link().await.unwrap();
        assert_eq!(TOUCHY.count(), Ok(0));
    });
}
