//! Seeds: one seed is one order of events, many seeds are many.

use std::collections::HashSet;
use std::future::pending;

use crate::common::ms;
use runtime::testing::{Run, Schedule, run_on};
use runtime::{
    ExitReason, Message, Pid, Process, SpawnOptions, note, register, send, send_after, spawn,
    whereis,
};
use tokio::time::sleep;

#[derive(Clone, Debug)]
enum Talk {
    Hello { from: Pid, rounds: u32 },
    Tick,
}

/// Several processes that talk, wait, link, monitor, name themselves and die.
fn a_lively_scene(seed: u64) -> Run {
    run_on(Schedule::Seeded(seed), |mut me: Process<Talk>| async move {
        me.trap_exit(true);
        register("hub", me.pid()).expect("the name is free");
        let talker = |mut me: Process<Talk>| async move {
            let own = me.pid();
            send("hub", Talk::Hello { from: own, rounds: 4 }).expect("the hub is there");
            send_after(ms(3), me.address(), Talk::Tick);
            while let Message::User(message) = me.receive().await {
                note(match message {
                    Talk::Hello { from, rounds } => {
                        from.send(Talk::Hello { from: own, rounds });
                        format!("{rounds} to go")
                    }
                    Talk::Tick => "tick".to_owned(),
                });
            }
        };
        let talkers: Vec<_> = ["a", "b", "c", "d"]
            .into_iter()
            .map(|label| me.spawn_with(SpawnOptions::new().label(label).link().monitor(), talker))
            .collect();
        let friend = talkers[3].address.pid();
        let crashes = SpawnOptions::new().label("crashes").monitor();
        me.spawn_with(crashes, move |me: Process| async move {
            me.link(friend).expect("the friend is there");
            sleep(ms(2)).await;
            panic!("crash");
        });
        spawn(pending::<()>());
        while let Ok(message) = me.receive().timeout(ms(10)).await {
            match message {
                Message::User(Talk::Hello { from, rounds: 0 }) => from.exit(ExitReason::Shutdown),
                Message::User(Talk::Hello { from, rounds }) => {
                    from.send(Talk::Hello { from: me.pid(), rounds: rounds - 1 });
                }
                Message::Down(down) => note(format!("down {}", down.reason.is_expected())),
                _ => {}
            }
        }
        assert_eq!(whereis("hub"), Some(me.pid()));
    })
}

/// The same seed gives the same events at the same times, in the same order.
#[test]
fn one_seed_gives_one_order_of_events() {
    for seed in 0..200 {
        let (first, second) = (a_lively_scene(seed), a_lively_scene(seed));
        assert_eq!(first.reason, Some(ExitReason::Normal), "seed {seed}\n{}", first.trace);
        assert_eq!(first.trace.lines(), second.trace.lines(), "seed {seed}");
    }
}

/// Different seeds give different orders: so many that hardly two of them agree.
#[test]
fn different_seeds_give_different_orders_of_events() {
    let orders: HashSet<_> = (0..200).map(|seed| a_lively_scene(seed).trace.lines()).collect();
    assert!(orders.len() > 150, "{} orders of 200 seeds", orders.len());
}

/// Whatever the order, the same things happen.
#[test]
fn the_order_of_events_does_not_change_what_happens() {
    let happened = |seed| {
        let mut lines = a_lively_scene(seed).trace.lines();
        lines.retain(|line| line.contains(" exited: "));
        lines.sort();
        lines
    };
    for seed in 0..50 {
        assert_eq!(happened(seed), happened(0), "seed {seed}");
    }
}
