//! Real threads, real time: the one test file of this crate whose runs differ from one another.
//!
//! Nothing is asserted of an order, only of the end: whatever happened, every table is empty.
//! `OTP_STRESS=1000000` makes it longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::{
    Address, Duplicate, ExitReason, Message, Process, Registry, RegistryError, Server, System,
    cancel_timer, register, send_after, spawn,
};

/// Counts the states that live: a body that is dropped takes its state along.
struct State(Arc<AtomicUsize>);

impl State {
    fn new(living: &Arc<AtomicUsize>) -> Self {
        living.fetch_add(1, Ordering::Relaxed);
        Self(living.clone())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A small generator, one per process: the runs need to differ, not to be unpredictable.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn rounds() -> u64 {
    match std::env::var("OTP_STRESS") {
        Ok(text) => text.parse().expect("OTP_STRESS is a whole number"),
        Err(_) => 200_000,
    }
}

enum Hit {
    Link(Address<Hit>),
    Monitor(Address<Hit>),
    Die,
}

/// A process that does at random what it can do, and is hit by others meanwhile.
async fn victim(mut me: Process<Hit>, living: Arc<AtomicUsize>, seed: u64) -> ExitReason {
    let _state = State::new(&living);
    let mut dice = Dice(seed | 1);
    me.trap_exit(dice.roll(4) == 0);
    if dice.roll(8) == 0 {
        // The name may be taken; then it has none.
        let _ = register(&format!("victim {}", dice.roll(16)), me.pid());
    }
    let mut monitors = Vec::new();
    loop {
        match me.receive().timeout(Duration::from_millis(dice.roll(3))).await {
            Ok(Message::User(Hit::Link(peer))) => {
                if me.link(&peer).is_err() {
                    return ExitReason::other("linked to the dead");
                }
                if dice.roll(4) == 0 {
                    me.unlink(&peer);
                }
            }
            Ok(Message::User(Hit::Monitor(peer))) => {
                monitors.push(me.monitor(&peer));
                if dice.roll(3) == 0
                    && let Some(mref) = monitors.pop()
                {
                    me.demonitor_flush(mref);
                }
            }
            Ok(Message::User(Hit::Die)) => match dice.roll(3) {
                0 => panic!("hit"),
                1 => return ExitReason::Shutdown,
                _ => me.pid().kill(),
            },
            Ok(_) => {}
            Err(_) => match dice.roll(4) {
                0 => return ExitReason::Normal,
                1 => {
                    let timer = send_after(Duration::from_millis(1), me.address(), Hit::Die);
                    if dice.roll(2) == 0 {
                        cancel_timer(timer);
                    }
                }
                _ => {}
            },
        }
    }
}

#[test]
fn after_a_storm_of_crashes_every_table_is_empty() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("tokio makes a runtime");
    let living = Arc::new(AtomicUsize::new(0));
    let system = tokio.block_on(async {
        let system = System::start();
        // Crashes are the point here; without a subscriber each would be printed.
        let _ = tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new());
        let storms = (1..=4_u64).map(|storm| {
            let living = living.clone();
            system.spawn(move |me: Process| async move {
                me.trap_exit(true);
                let mut dice = Dice(storm * 7919);
                let mut known: Vec<Address<Hit>> = Vec::new();
                for round in 0..rounds() / 4 {
                    let (living, seed) = (living.clone(), dice.roll(u64::MAX));
                    let body = move |me| victim(me, living, seed);
                    let new = if dice.roll(4) == 0 { me.spawn_link(body) } else { spawn(body) };
                    known.push(new.clone());
                    if known.len() > 32 {
                        known.swap_remove(0);
                    }
                    let other = dice.roll(known.len() as u64);
                    let other = &known[usize::try_from(other).expect("a short list")];
                    match dice.roll(6) {
                        0 => new.send(Hit::Link(other.clone())),
                        1 => other.send(Hit::Link(new)),
                        2 => new.send(Hit::Monitor(other.clone())),
                        3 => other.send(Hit::Die),
                        4 => other.exit(ExitReason::other("storm")),
                        _ => other.kill(),
                    }
                    if round % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        });
        let storms: Vec<_> = storms.collect();
        for storm in storms {
            storm.join().await;
        }
        for pid in system.processes() {
            pid.kill();
            pid.join().await;
        }
        assert_eq!(system.process_infos(), [], "left behind");
        assert_eq!(system.process_count(), 0);
        assert!(system.registered().is_empty(), "names: {:?}", system.registered());
        // The timers that are left have nobody to send to; they expire by themselves.
        tokio::time::timeout(Duration::from_secs(10), async {
            while system.timer_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .expect("every timer expires");
        system
    });
    drop(system);
    drop(tokio);
    assert_eq!(living.load(Ordering::Relaxed), 0, "states that were not dropped");
}

#[test]
fn on_real_threads_too_one_process_of_forty_gets_a_key() {
    static PRIZES: Registry<u64, u64> = Registry::unique("prizes");
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("tokio makes a runtime");
    tokio.block_on(async {
        PRIZES.start().await.expect("the registry starts");
        for prize in 0..rounds() / 400 {
            let (won, raced) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let racers: Vec<_> = (0..40)
                .map(|n| {
                    let (won, raced) = (won.clone(), raced.clone());
                    spawn(move |mut racer: Process<()>| async move {
                        match PRIZES.register(prize, n) {
                            Ok(_) => won.fetch_add(1, Ordering::Relaxed),
                            Err(RegistryError::AlreadyRegistered(_)) => 0,
                            Err(error) => panic!("{error}"),
                        };
                        raced.fetch_add(1, Ordering::Release);
                        racer.receive().await;
                    })
                })
                .collect();
            while raced.load(Ordering::Acquire) < racers.len() {
                tokio::task::yield_now().await;
            }
            assert_eq!(won.load(Ordering::Relaxed), 1, "prize {prize}");
            for racer in racers {
                racer.send(());
                racer.join().await;
            }
            assert_eq!(PRIZES.lookup(&prize), Ok(None), "the winner has ended");
        }
        assert_eq!(PRIZES.count(), Ok(0));
        PRIZES.stop().await.expect("the registry stops");
    });
}

/// Processes register, unregister and die, while their registry is killed and started again.
#[test]
fn after_a_storm_of_registrations_the_registry_is_empty() {
    static STORM: Registry<u64, u64, Duplicate> = Registry::duplicate("storm");
    async fn registrant(mut me: Process<()>, seed: u64) {
        let mut dice = Dice(seed | 1);
        me.trap_exit(dice.roll(2) == 0);
        for _ in 0..dice.roll(20) {
            let key = dice.roll(8);
            // It may be between two incarnations of the registry.
            let _ = match dice.roll(4) {
                0 => STORM.unregister(&key),
                1 => STORM.dispatch(&key, |entries| assert!(!entries.is_empty())),
                _ => STORM.register(key, seed).map(drop),
            };
            if dice.roll(4) == 0 {
                tokio::task::yield_now().await;
            }
        }
        if dice.roll(2) == 0 {
            let _ = me.receive().timeout(Duration::from_millis(1)).await;
        }
    }
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("tokio makes a runtime");
    tokio.block_on(async {
        let _ = tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new());
        let mut dice = Dice(4711);
        let mut registry = STORM.start().await.expect("the registry starts");
        let mut all = Vec::new();
        for round in 0..rounds() / 20 {
            let seed = dice.roll(u64::MAX);
            all.push(spawn(move |me| registrant(me, seed)));
            if dice.roll(8) == 0 {
                let at = dice.roll(all.len() as u64);
                all[usize::try_from(at).expect("a short list")].kill();
            }
            if round % 256 == 255 {
                registry.pid().kill();
                registry.pid().join().await;
                registry = STORM.start().await.expect("the name is free");
                for registrant in all.drain(..) {
                    registrant.join().await;
                }
                assert_eq!(STORM.count(), Ok(0));
            }
        }
        for registrant in all {
            registrant.join().await;
        }
        assert_eq!(STORM.count(), Ok(0));
        assert_eq!(registry.pid().info().map(|info| info.links), Some(Vec::new()));
        STORM.stop().await.expect("the registry stops");
        assert_eq!(System::current().process_count(), 0);
    });
}
