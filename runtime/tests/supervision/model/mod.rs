//! A supervisor on paper: what OTP's `supervisor.erl` does, as straight code over a list of events.
//!
//! It knows no process and no scheduler. Where the supervisor waits, for a child's `init` or for its
//! end, the model takes the events of that time one by one: what the test does, what children do.
//! No two events that matter to one another fall on the same millisecond; see `Case::times`.
//!
//! The supervisor's own rules are in `rules`.

mod rules;

use std::collections::HashMap;

use runtime::{AutoShutdown, Restart, Strategy};

use crate::support::{Begin, Fault};

/// Why something ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    Normal,
    Shutdown,
    ShutdownWith,
    Bad,
    Killed,
    /// By a panic with this message.
    Panic(&'static str),
}

impl Why {
    /// As the real reason prints.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Normal => "normal".to_owned(),
            Self::Shutdown => "shutdown".to_owned(),
            Self::ShutdownWith => r#"{shutdown, "x"}"#.to_owned(),
            Self::Bad => r#""bad""#.to_owned(),
            Self::Killed => "killed".to_owned(),
            Self::Panic(message) => format!("panic: {message}"),
        }
    }

    fn is_orderly(self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown | Self::ShutdownWith)
    }
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Brutal,
    After(u64),
    Infinity,
}

/// A child: its specification, and what the worker behind it does. Times are milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) tag: &'static str,
    pub(crate) restart: Restart,
    pub(crate) significant: bool,
    pub(crate) limit: Limit,
    pub(crate) trap: bool,
    pub(crate) starts: Vec<Begin>,
    pub(crate) init_takes: u64,
    pub(crate) end_takes: u64,
    pub(crate) fault: Option<Fault>,
}

/// What a test does.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Tells a worker to stop with this reason.
    Tell(&'static str, Why),
    /// Kills a worker.
    Kill(&'static str),
    /// Sends a worker an exit signal.
    Signal(&'static str, Why),
    /// Asks the supervisor.
    Ask(Request),
    /// Asks the supervisor to stop.
    Stop(Why),
    /// Sends the supervisor an exit signal, as its parent.
    Parent(Why),
    /// Kills the supervisor.
    KillSupervisor,
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Start(Spec),
    Terminate(&'static str),
    Restart(&'static str),
    Delete(&'static str),
    Which,
    Count,
}

/// How restarts wait, without chance. In milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slow {
    pub(crate) first: u64,
    pub(crate) cap: u64,
    pub(crate) stable: u64,
}

/// A supervisor, and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) strategy: Strategy,
    pub(crate) auto: AutoShutdown,
    pub(crate) max_restarts: usize,
    pub(crate) window: u64,
    pub(crate) slow: Option<Slow>,
    pub(crate) children: Vec<Spec>,
    /// Each after a pause.
    pub(crate) ops: Vec<(u64, Op)>,
}

impl Case {
    /// When each operation falls, after the supervisor's start.
    ///
    /// All that workers do takes a multiple of 50 ms, and so does every wait; so whatever follows from an operation keeps its
    /// remainder; no two operations have the same one.
    pub(crate) fn times(&self) -> Vec<u64> {
        assert!(self.ops.len() < 50, "remainders must differ");
        let mut at = 0;
        let time = |(remainder, (pause, _)): (u64, &(u64, Op))| {
            at += 50 * (1 + pause);
            at + remainder * 37 % 50
        };
        (1..).zip(&self.ops).map(time).collect()
    }
}

/// What is seen of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The lines of the log, each with its time.
    pub(crate) lines: Vec<String>,
    /// The answer to each request, with its time.
    pub(crate) answers: HashMap<usize, (u64, String)>,
    /// When and why the supervisor ended; of a failed start, the child's id.
    pub(crate) end: Option<(u64, String)>,
}

/// A run of a case on paper: what is seen of it, how long the supervisor's start takes, and which
/// operations come to something: a worker that starts or ends is told nothing.
pub(crate) fn run(case: &Case) -> (Seen, u64, Vec<bool>) {
    let mut paper = Paper::new(case);
    let Err(end) = paper.live();
    paper.gone(end);
    (paper.seen, paper.started, paper.applied)
}

type Pid = usize;

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Its supervisor may end before it is up.
    Starting {
        orphaned: Option<Why>,
    },
    Running,
    Ending(Why),
    Dead,
}

struct Proc {
    spec: Spec,
    n: u32,
    state: State,
    linked: bool,
    /// It had nothing to do.
    ignored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ChildState {
    Pid(Pid),
    Restarting,
    Undefined,
}

struct Child {
    spec: Spec,
    state: ChildState,
    /// The restarts in a row so far.
    attempts: u32,
    up_since: Option<u64>,
    /// Which wait it is in.
    wait: Option<usize>,
}

enum Message {
    Exit(Pid, Why),
    TryAgain(&'static str),
    Due(usize),
    Ask(usize, Request),
    Stop(Why),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Op(usize),
    InitDone(Pid),
    EndDone(Pid),
    Due(usize),
}

/// What a start comes to: the child runs, or has nothing to do; or it failed.
type Started = Result<Option<Pid>, ()>;
/// The supervisor has ended.
type Live<T> = Result<T, End>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    With(Why),
    FailedToStart(&'static str),
}

enum Nothing {}

struct Paper<'a> {
    case: &'a Case,
    now: u64,
    events: Vec<(u64, Event)>,
    procs: Vec<Proc>,
    begun: HashMap<&'static str, u32>,
    /// In the order of start.
    children: Vec<Child>,
    restarts: Vec<u64>,
    /// The child that led to each wait.
    waits: Vec<&'static str>,
    mailbox: Vec<Message>,
    /// The request that is being carried out.
    asked: Option<usize>,
    alive: bool,
    started: u64,
    applied: Vec<bool>,
    seen: Seen,
}

impl<'a> Paper<'a> {
    fn new(case: &'a Case) -> Self {
        Self {
            case,
            now: 0,
            events: Vec::new(),
            procs: Vec::new(),
            begun: HashMap::new(),
            children: Vec::new(),
            restarts: Vec::new(),
            waits: Vec::new(),
            mailbox: Vec::new(),
            asked: None,
            alive: true,
            started: 0,
            applied: vec![false; case.ops.len()],
            seen: Seen::default(),
        }
    }

    fn line(&mut self, line: &str) {
        self.seen.lines.push(format!("{} {line}", self.now));
    }

    fn own(&self, pid: Pid) -> String {
        format!("{}.{}", self.procs[pid].spec.tag, self.procs[pid].n)
    }

    // --- Time.

    /// Takes the next event, if it falls before `limit`. Whether there was one.
    fn step(&mut self, limit: u64) -> Live<bool> {
        let next = (0..self.events.len()).min_by_key(|&at| self.events[at].0);
        let Some(next) = next.filter(|&at| self.events[at].0 < limit) else { return Ok(false) };
        let (at, event) = self.events.remove(next);
        self.now = at;
        match event {
            Event::Op(number) => self.op(number)?,
            Event::InitDone(pid) => self.init_done(pid),
            Event::Due(wait) => {
                if self.alive {
                    self.mailbox.push(Message::Due(wait));
                }
            }
            Event::EndDone(pid) => {
                if let State::Ending(why) = self.procs[pid].state {
                    self.line(&format!("terminate-done {}", self.own(pid)));
                    self.terminated(pid, why);
                }
            }
        }
        Ok(true)
    }

    /// The supervisor waits; not longer than `limit`. Whether it came to be.
    fn wait(&mut self, limit: u64, done: impl Fn(&Self) -> bool) -> Live<bool> {
        while !done(self) {
            if !self.step(limit)? {
                self.now = limit;
                return Ok(false);
            }
        }
        Ok(true)
    }

    // --- Workers.

    fn init_done(&mut self, pid: Pid) {
        let Proc { spec, n, state, .. } = &self.procs[pid];
        let State::Starting { orphaned } = *state else { return };
        let at = (*n as usize).min(spec.starts.len()) - 1;
        match spec.starts[at] {
            Begin::Run => {
                self.procs[pid].state = State::Running;
                if let Some(why) = orphaned {
                    self.terminate(pid, why);
                }
            }
            Begin::Ignore => {
                self.procs[pid].ignored = true;
                self.die(pid, Why::Normal);
            }
            Begin::Fail(_) | Begin::Panic => self.die(pid, Why::Bad),
        }
    }

    /// It runs its `terminate` callback.
    fn terminate(&mut self, pid: Pid, why: Why) {
        self.line(&format!("terminate {} {}", self.own(pid), why.text()));
        let takes = self.procs[pid].spec.end_takes;
        if takes == 0 {
            return self.terminated(pid, why);
        }
        self.procs[pid].state = State::Ending(why);
        self.events.push((self.now + takes, Event::EndDone(pid)));
    }

    fn terminated(&mut self, pid: Pid, why: Why) {
        let fails = self.procs[pid].spec.fault == Some(Fault::Terminate);
        self.procs[pid].state = State::Running;
        self.die(pid, if fails { Why::Panic("terminate") } else { why });
    }

    fn die(&mut self, pid: Pid, why: Why) {
        let proc = &mut self.procs[pid];
        let was = std::mem::replace(&mut proc.state, State::Dead);
        let holds_state = matches!(was, State::Running | State::Ending(_));
        let drop_fails = holds_state && proc.spec.fault == Some(Fault::Drop);
        // A killed process stays killed, a crash keeps its first cause.
        let why = match why {
            Why::Killed | Why::Panic(_) => why,
            _ if drop_fails => Why::Panic("drop"),
            _ => why,
        };
        if proc.linked && self.alive {
            self.mailbox.push(Message::Exit(pid, why));
        }
    }

    /// An exit signal, of its parent or of somebody else.
    fn signal(&mut self, pid: Pid, why: Why, parent: bool) {
        let proc = &mut self.procs[pid];
        match (&mut proc.state, proc.spec.trap) {
            (State::Dead, _) => {}
            (_, false) => self.die(pid, why),
            (State::Running, true) if parent => self.terminate(pid, why),
            (State::Starting { orphaned }, true) if parent => *orphaned = Some(why),
            (_, true) => {}
        }
    }

    // --- What the test does.

    fn op(&mut self, number: usize) -> Live<()> {
        let op = self.case.ops[number].1.clone();
        let newest = |tag| (0..self.procs.len()).rev().find(|&pid| self.procs[pid].spec.tag == tag);
        let applied = &mut self.applied[number];
        match op {
            Op::Tell(tag, why) => {
                if let Some(pid) =
                    newest(tag).filter(|&pid| self.procs[pid].state == State::Running)
                {
                    *applied = true;
                    self.terminate(pid, why);
                }
            }
            Op::Kill(tag) => {
                if let Some(pid) = newest(tag).filter(|&pid| self.procs[pid].state != State::Dead) {
                    *applied = true;
                    self.die(pid, Why::Killed);
                }
            }
            Op::Signal(tag, why) => {
                if let Some(pid) = newest(tag) {
                    *applied = true;
                    self.signal(pid, why, false);
                }
            }
            Op::Ask(request) => {
                *applied = true;
                if self.alive {
                    self.mailbox.push(Message::Ask(number, request));
                } else {
                    self.answer(number, "noproc".to_owned());
                }
            }
            Op::Stop(why) | Op::Parent(why) => {
                *applied = true;
                self.mailbox.push(Message::Stop(why));
            }
            Op::KillSupervisor => {
                *applied = true;
                if self.alive {
                    return Err(End::With(Why::Killed));
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, number: usize, answer: String) {
        self.seen.answers.insert(number, (self.now, answer));
    }
}
