//! Random sequences of spawn, link, unlink, monitor, demonitor, trap, exit and kill, against a pure
//! model of OTP's signal table, on every engine.
//!
//! The model knows no mailbox and no scheduler: an end spreads through it in one step. So the
//! sequence is carried out one operation at a time, and compared when nothing runs any more.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use runtime::testing::{Schedule, run_on, settle};
use runtime::{Address, ExitReason, Message, MonitorRef, Pid, Process, SpawnOptions, spawn};

/// The most processes that one case may have.
const PROCESSES: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reason {
    Normal,
    Kill,
    Killed,
    Shutdown,
    Other(u8),
    NoProc,
}

impl Reason {
    fn to_exit(self) -> ExitReason {
        match self {
            Self::Normal => ExitReason::Normal,
            Self::Kill => ExitReason::Kill,
            Self::Killed => ExitReason::Killed,
            Self::Shutdown => ExitReason::Shutdown,
            Self::Other(n) => ExitReason::other(n),
            Self::NoProc => ExitReason::NoProc,
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Spawn { by: usize, linked: bool, monitored: bool },
    Link { by: usize, to: usize },
    Unlink { by: usize, from: usize },
    Monitor { by: usize, of: usize },
    Demonitor { by: usize, nth: usize },
    Trap { by: usize, on: bool },
    Exit { by: usize, to: usize, reason: Reason },
    End { who: usize, reason: Reason },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let who = || 0..PROCESSES;
    let reason = || {
        prop_oneof![
            Just(Reason::Normal),
            Just(Reason::Kill),
            Just(Reason::Killed),
            Just(Reason::Shutdown),
            (0..3_u8).prop_map(Reason::Other),
        ]
    };
    let op = prop_oneof![
        3 => (who(), any::<bool>(), any::<bool>())
            .prop_map(|(by, linked, monitored)| Op::Spawn { by, linked, monitored }),
        3 => (who(), who()).prop_map(|(by, to)| Op::Link { by, to }),
        1 => (who(), who()).prop_map(|(by, from)| Op::Unlink { by, from }),
        3 => (who(), who()).prop_map(|(by, of)| Op::Monitor { by, of }),
        1 => (who(), 0..4_usize).prop_map(|(by, nth)| Op::Demonitor { by, nth }),
        2 => (who(), any::<bool>()).prop_map(|(by, on)| Op::Trap { by, on }),
        2 => (who(), who(), reason()).prop_map(|(by, to, reason)| Op::Exit { by, to, reason }),
        1 => (who(), reason()).prop_map(|(who, reason)| Op::End { who, reason }),
    ];
    prop::collection::vec(op, 1..40)
}

/// One process of the model.
#[derive(Clone, Debug, Default, PartialEq)]
struct Paper {
    alive: bool,
    trap: bool,
    links: BTreeSet<usize>,
    /// The monitors that are on: their number, and whom they watch.
    monitors: Vec<(usize, usize)>,
    /// Who monitors it, once for each monitor. Follows from the others' monitors.
    monitored_by: Vec<usize>,
    log: Vec<String>,
}

/// How a signal came, as the reference manual tells them apart.
#[derive(Clone, Copy, PartialEq)]
enum How {
    ByExit,
    ByLink,
}

#[derive(Clone, Debug, Default)]
struct Model {
    all: Vec<Paper>,
    monitors_made: usize,
}

impl Model {
    fn spawn(&mut self) -> usize {
        self.all.push(Paper { alive: true, ..Paper::default() });
        self.all.len() - 1
    }

    fn signal(&mut self, from: usize, to: usize, reason: Reason, how: How) {
        if !self.all[to].alive {
            return;
        }
        let untrappable = reason == Reason::Kill && how == How::ByExit;
        if untrappable {
            self.end(to, Reason::Killed);
        } else if self.all[to].trap {
            self.all[to].log.push(format!("exit {from} {:?}", reason.to_exit()));
        } else if reason != Reason::Normal || from == to {
            self.end(to, reason);
        }
    }

    fn end(&mut self, who: usize, reason: Reason) {
        let Paper { links, .. } = std::mem::take(&mut self.all[who]);
        for peer in links {
            self.all[peer].links.remove(&who);
            self.signal(who, peer, reason, How::ByLink);
        }
        for watcher in 0..self.all.len() {
            let monitors = std::mem::take(&mut self.all[watcher].monitors);
            for (number, target) in monitors {
                if target == who {
                    let line = format!("down {number} {who} {:?}", reason.to_exit());
                    self.all[watcher].log.push(line);
                } else {
                    self.all[watcher].monitors.push((number, target));
                }
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        let count = self.all.len();
        let lives = |model: &Self, who: usize| who < count && model.all[who].alive;
        match *op {
            Op::Spawn { by, linked, monitored } => {
                if count >= PROCESSES || !(lives(self, by) || count == 0) {
                    return;
                }
                let new = self.spawn();
                if count == 0 {
                    return;
                }
                if linked {
                    self.all[by].links.insert(new);
                    self.all[new].links.insert(by);
                }
                if monitored {
                    self.all[by].monitors.push((self.monitors_made, new));
                    self.monitors_made += 1;
                }
            }
            Op::Link { by, to } if lives(self, by) && to < count => {
                if by == to {
                } else if self.all[to].alive {
                    self.all[by].links.insert(to);
                    self.all[to].links.insert(by);
                } else if self.all[by].trap {
                    self.all[by].log.push(format!("exit {to} {:?}", ExitReason::NoProc));
                } else {
                    self.all[by].log.push("link failed".to_owned());
                }
            }
            Op::Unlink { by, from } if lives(self, by) && from < count => {
                self.all[by].links.remove(&from);
                self.all[from].links.remove(&by);
            }
            Op::Monitor { by, of } if lives(self, by) && of < count => {
                let number = self.monitors_made;
                self.monitors_made += 1;
                if by == of {
                } else if self.all[of].alive {
                    self.all[by].monitors.push((number, of));
                } else {
                    let line = format!("down {number} {of} {:?}", Reason::NoProc.to_exit());
                    self.all[by].log.push(line);
                }
            }
            Op::Demonitor { by, nth } if lives(self, by) && nth < self.all[by].monitors.len() => {
                self.all[by].monitors.remove(nth);
            }
            Op::Trap { by, on } if lives(self, by) => self.all[by].trap = on,
            Op::Exit { by, to, reason } if lives(self, by) && to < count => {
                self.signal(by, to, reason, How::ByExit);
            }
            Op::End { who, reason } if lives(self, who) => self.end(who, reason),
            _ => {}
        }
    }
}

/// What a real process is told to do.
enum Command {
    Spawn { linked: bool, monitored: bool },
    Link(Pid),
    Unlink(Pid),
    Monitor(Pid),
    Demonitor(MonitorRef),
    Trap(bool),
    Exit(Pid, ExitReason),
    End(ExitReason),
}

/// What the processes of one case tell the test.
#[derive(Default)]
struct World {
    addresses: Vec<Address<Command>>,
    logs: Vec<Vec<String>>,
    /// Every monitor in the order of its making, with its owner's number and its target.
    monitors: Vec<(MonitorRef, usize, Pid)>,
}

impl World {
    fn number(&self, pid: Pid) -> usize {
        self.addresses.iter().position(|address| *address == pid).expect("a process of this case")
    }
}

type Shared = Arc<Mutex<World>>;

fn look(shared: &Shared) -> MutexGuard<'_, World> {
    shared.lock().expect("nobody panics while looking")
}

fn worker(shared: Shared, own: usize) -> impl FnOnce(Process<Command>) -> Body + Send + 'static {
    move |me| Box::pin(work(shared, own, me))
}

type Body = std::pin::Pin<Box<dyn Future<Output = ExitReason> + Send>>;

async fn work(shared: Shared, own: usize, mut me: Process<Command>) -> ExitReason {
    loop {
        let message = me.receive().await;
        let mut world = look(&shared);
        match message {
            Message::User(Command::Spawn { linked, monitored }) => {
                let mut options = SpawnOptions::new();
                if linked {
                    options = options.link();
                }
                if monitored {
                    options = options.monitor();
                }
                let new = world.addresses.len();
                let spawned = me.spawn_with(options, worker(shared.clone(), new));
                if let Some(mref) = spawned.mref {
                    world.monitors.push((mref, own, spawned.address.pid()));
                }
                world.addresses.push(spawned.address);
                world.logs.push(Vec::new());
            }
            Message::User(Command::Link(pid)) => {
                if me.link(pid).is_err() {
                    world.logs[own].push("link failed".to_owned());
                }
            }
            Message::User(Command::Unlink(pid)) => me.unlink(pid),
            Message::User(Command::Monitor(pid)) => {
                let mref = me.monitor(pid);
                world.monitors.push((mref, own, pid));
            }
            Message::User(Command::Demonitor(mref)) => {
                assert!(me.demonitor(mref), "the model says that it is on");
            }
            Message::User(Command::Trap(on)) => {
                me.trap_exit(on);
            }
            Message::User(Command::Exit(pid, reason)) => {
                drop(world);
                pid.exit(reason);
            }
            Message::User(Command::End(reason)) => return reason,
            Message::Exit(exit) => {
                let from = world.number(exit.from);
                world.logs[own].push(format!("exit {from} {:?}", exit.reason));
            }
            Message::Down(down) => {
                let made = world.monitors.iter().position(|(mref, ..)| *mref == down.mref);
                let made = made.expect("a monitor of this case");
                let target = world.number(world.monitors[made].2);
                assert_eq!(down.target, world.addresses[target].pid());
                world.logs[own].push(format!("down {made} {target} {:?}", down.reason));
            }
            other => panic!("nobody sends {}", std::any::type_name_of_val(&other)),
        }
    }
}

/// Carries one operation out.
fn carry_out(shared: &Shared, model: &Model, op: &Op) {
    let addresses = look(shared).addresses.clone();
    let count = addresses.len();
    let tell = |who: usize, command: Command| {
        if let Some(address) = addresses.get(who) {
            address.send(command);
        }
    };
    let pid = |who: usize| addresses.get(who).map(Address::pid);
    match *op {
        Op::Spawn { .. } if count == 0 => {
            let first = spawn(worker(shared.clone(), 0));
            let mut world = look(shared);
            world.addresses.push(first);
            world.logs.push(Vec::new());
        }
        Op::Spawn { by, linked, monitored } if count < PROCESSES => {
            tell(by, Command::Spawn { linked, monitored });
        }
        Op::Spawn { .. } => {}
        Op::Link { by, to } => {
            if let Some(pid) = pid(to) {
                tell(by, Command::Link(pid));
            }
        }
        Op::Unlink { by, from } => {
            if let Some(pid) = pid(from) {
                tell(by, Command::Unlink(pid));
            }
        }
        Op::Monitor { by, of } => {
            if let Some(pid) = pid(of) {
                tell(by, Command::Monitor(pid));
            }
        }
        Op::Demonitor { by, nth } => {
            let on = model.all.get(by).and_then(|paper| paper.monitors.get(nth));
            if let Some(&(number, _)) = on {
                let mref = look(shared).monitors[number].0;
                tell(by, Command::Demonitor(mref));
            }
        }
        Op::Trap { by, on } => tell(by, Command::Trap(on)),
        Op::Exit { by, to, reason } => {
            if let Some(pid) = pid(to) {
                tell(by, Command::Exit(pid, reason.to_exit()));
            }
        }
        Op::End { who, reason } => tell(who, Command::End(reason.to_exit())),
    }
}

/// What the runtime says about the processes of a case, in the model's words.
fn observe(shared: &Shared) -> Vec<Paper> {
    let world = look(shared);
    let numbers: HashMap<Pid, usize> =
        world.addresses.iter().enumerate().map(|(number, own)| (own.pid(), number)).collect();
    let paper = |(number, address): (usize, &Address<Command>)| {
        let Some(info) = address.pid().info() else { return Paper::default() };
        assert_eq!(info.message_queue_len, 0, "{address} has not come to rest");
        let mut monitors = info.monitors.iter().map(|pid| numbers[pid]).collect::<Vec<_>>();
        monitors.sort_unstable();
        let mut monitored_by: Vec<_> = info.monitored_by.iter().map(|pid| numbers[pid]).collect();
        monitored_by.sort_unstable();
        let mut log = world.logs[number].clone();
        log.sort();
        Paper {
            monitored_by,
            alive: address.is_alive(),
            trap: info.trap_exit,
            links: info.links.iter().map(|pid| numbers[pid]).collect(),
            monitors: monitors.into_iter().map(|target| (0, target)).collect(),
            log,
        }
    };
    world.addresses.iter().enumerate().map(paper).collect()
}

/// The model's state without what the runtime cannot show: numbers of monitors, order of messages
/// from different processes.
fn forget(model: &Model) -> Vec<Paper> {
    let mut all = model.all.clone();
    for watcher in 0..all.len() {
        for (_, target) in all[watcher].monitors.clone() {
            all[target].monitored_by.push(watcher);
        }
    }
    for paper in &mut all {
        for monitor in &mut paper.monitors {
            monitor.0 = 0;
        }
        paper.monitors.sort_unstable();
        paper.log.sort();
    }
    all
}

fn check(schedule: Schedule, ops: Vec<Op>) {
    let run = run_on(schedule, async move {
        let shared = Shared::default();
        let mut model = Model::default();
        for (at, op) in ops.iter().enumerate() {
            carry_out(&shared, &model, op);
            model.apply(op);
            settle().await;
            assert_eq!(observe(&shared), forget(&model), "after operation {at}, {op:?}");
        }
    });
    assert_eq!(run.reason, Some(ExitReason::Normal), "{schedule}\n{}", run.trace);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn relations_behave_as_in_the_model(ops in ops(), seed in any::<u64>()) {
        check(Schedule::Tasks, ops.clone());
        check(Schedule::Seeded(seed), ops);
    }
}
