//! What the tests of supervisors share: a worker that does what it is told, and a log of what
//! happened.

#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::testing::{kill_and_wait, settle};
use runtime::{
    Child, ChildCount, ChildInfo, ChildSpec, ChildState, Crash, Cx, ExitReason, GenServer, Handled,
    Init, Message, Name, Next, Pid, Process, Restart, Server, ServerRef, Shutdown, Strategy,
    Supervision, Supervisor, SupervisorRef, Target,
};
use tokio::time::{Instant, sleep};

/// Nothing came for this long on a paused clock: nothing will.
const QUIET: Duration = Duration::from_mins(1);

/// An empty mailbox, log, or list of children.
pub(crate) const NOTHING: [&str; 0] = [];

/// Virtual milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The reason with this one word.
pub(crate) fn word(word: &'static str) -> ExitReason {
    ExitReason::other(word)
}

/// The reason without the place of a panic.
pub(crate) fn brief(reason: &ExitReason) -> String {
    match reason.as_panic() {
        Some(info) => format!("panic: {}", info.message()),
        None => reason.to_string(),
    }
}

/// What it came to, and the virtual time that it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let value = work.await;
    (value, begun.elapsed())
}

/// A supervisor of three restarts in five seconds that restarts one child for one.
pub(crate) fn one_for_one() -> Supervisor {
    Supervisor::new(Strategy::OneForOne)
}

/// The counts of a supervisor whose children are workers.
pub(crate) fn workers(specs: usize, active: usize) -> ChildCount {
    ChildCount { specs, active, supervisors: 0, workers: specs }
}

/// What happened, in order; `b.2` is the second incarnation of the worker `b`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// Since when lines are written with their time, in milliseconds.
    clock: Option<Instant>,
    lines: Vec<String>,
    taken: usize,
    begun: HashMap<&'static str, u32>,
    who: Vec<(Pid, String)>,
    servers: Vec<(&'static str, ServerRef<W>)>,
}

impl Noted {
    fn add(&mut self, line: String) {
        self.lines.push(match self.clock {
            Some(clock) => format!("{} {line}", clock.elapsed().as_millis()),
            None => line,
        });
    }
}

impl Log {
    /// A log for a test whose process traps exits.
    pub(crate) fn of<M: Send + 'static>(main: &Process<M>) -> Self {
        main.trap_exit(true);
        let log = Self::default();
        log.know("main", main.pid());
        log
    }

    /// From now on, each line begins with its time.
    pub(crate) fn timed(self) -> Self {
        self.noted().clock = Some(Instant::now());
        self
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, line: impl Into<String>) {
        self.noted().add(line.into());
    }

    /// The lines that were written since they were taken last.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut noted = self.noted();
        let new = noted.lines[noted.taken..].to_vec();
        noted.taken = noted.lines.len();
        new
    }

    /// From now on, this pid goes by this word.
    pub(crate) fn know(&self, word: impl Into<String>, pid: impl Into<Pid>) {
        self.noted().who.push((pid.into(), word.into()));
    }

    pub(crate) fn word(&self, pid: Pid) -> String {
        let noted = self.noted();
        let known = noted.who.iter().rev().find(|(known, _)| *known == pid);
        known.map_or_else(|| pid.to_string(), |(_, word)| word.clone())
    }

    /// The pid that goes by this word.
    #[track_caller]
    pub(crate) fn pid(&self, word: &str) -> Pid {
        let noted = self.noted();
        let known = noted.who.iter().rev().find(|(_, known)| known == word);
        known.expect("nobody goes by this word").0
    }

    /// The newest incarnation of a worker.
    #[track_caller]
    pub(crate) fn server(&self, tag: &str) -> ServerRef<W> {
        let noted = self.noted();
        let known = noted.servers.iter().rev().find(|(known, _)| *known == tag);
        known.expect("no such worker").1.clone()
    }

    fn begin(&self, tag: &'static str, server: ServerRef<W>) -> (u32, String) {
        let mut noted = self.noted();
        let n = noted.begun.entry(tag).or_default();
        *n += 1;
        let n = *n;
        let own = format!("{tag}.{n}");
        noted.add(format!("init {own}"));
        noted.who.push((server.pid(), own.clone()));
        noted.servers.push((tag, server));
        (n, own)
    }

    /// How often a worker was started.
    pub(crate) fn starts(&self, tag: &str) -> u32 {
        self.noted().begun.get(tag).copied().unwrap_or(0)
    }

    /// A worker that traps exits, in its terms of the default specification.
    pub(crate) fn w(&self, tag: &'static str) -> Part {
        Part {
            tag,
            log: self.clone(),
            trap: true,
            starts: Arc::new([Begin::Run]),
            init_takes: Duration::ZERO,
            end_takes: Duration::ZERO,
            fault: None,
            restart: W::RESTART,
            shutdown: W::SHUTDOWN,
            significant: false,
            name: None,
            start_timeout: None,
        }
    }

    /// Several of them.
    pub(crate) fn all<const N: usize>(&self, tags: [&'static str; N]) -> Vec<ChildSpec> {
        tags.iter().map(|tag| self.w(tag).into()).collect()
    }

    /// Starts a supervisor, linked to the test, which goes by the word `sup`.
    pub(crate) async fn start(&self, supervisor: Supervisor) -> SupervisorRef {
        let supervisor = supervisor.start_link().await.expect("it starts");
        self.know("sup", &supervisor);
        supervisor
    }

    /// Kills the newest incarnation of a worker; returns when everything that follows is done.
    pub(crate) async fn kill(&self, tag: &str) {
        kill_and_wait(&self.server(tag)).await;
        settle().await;
    }

    /// Tells the newest incarnation of a worker something; returns when everything that follows is
    /// done.
    pub(crate) async fn tell(&self, tag: &str, tell: Tell) {
        self.server(tag).cast(tell);
        settle().await;
    }

    /// The DOWN of each of these will arrive.
    pub(crate) fn watch<M: Send + 'static>(&self, me: &Process<M>, words: &[&str]) {
        for word in words {
            me.monitor(self.pid(word));
        }
    }

    /// How many kills of this worker, one after another, the supervisor does not survive.
    pub(crate) async fn fatal_kill(&self, tag: &str, supervisor: &SupervisorRef) -> u32 {
        let mut kills = 0;
        while supervisor.is_alive() {
            self.kill(tag).await;
            kills += 1;
        }
        kills
    }

    /// The children of a supervisor, newest first: `b b.2`, `c stopped`, `d restarting`.
    pub(crate) async fn children(&self, supervisor: &SupervisorRef) -> Vec<String> {
        let children = supervisor.which_children().await.expect("the supervisor answers");
        children.iter().map(|child| self.child(child)).collect()
    }

    pub(crate) fn child(&self, child: &ChildInfo) -> String {
        match child.state {
            ChildState::Running(pid) => format!("{} {}", child.id, self.word(pid)),
            ChildState::Restarting => format!("{} restarting", child.id),
            ChildState::Stopped => format!("{} stopped", child.id),
        }
    }

    /// Receives until nothing more can come: `EXIT sup shutdown`, `DOWN a.1 killed`.
    pub(crate) async fn mailbox<M: Send + 'static>(&self, me: &mut Process<M>) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(message) = me.receive().timeout(QUIET).await {
            lines.push(match message {
                Message::Exit(exit) => {
                    format!("EXIT {} {}", self.word(exit.from), brief(&exit.reason))
                }
                Message::Down(down) => {
                    let Target::Pid(pid) = down.target else { panic!("not watched by pid") };
                    format!("DOWN {} {}", self.word(pid), brief(&down.reason))
                }
                _ => "a message".to_owned(),
            });
        }
        lines
    }
}

/// What one start of a worker comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Begin {
    /// It runs.
    Run,
    /// There is nothing to do.
    Ignore,
    /// It fails with this word.
    Fail(&'static str),
    /// It panics: "no".
    Panic,
}

/// What is wrong with a worker's end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Its `terminate` panics: "terminate".
    Terminate,
    /// The `Drop` of its state panics: "drop".
    Drop,
}

/// A worker to be. Each start does the next of `starts`; the last of them is what all further starts
/// do.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    tag: &'static str,
    log: Log,
    trap: bool,
    starts: Arc<[Begin]>,
    init_takes: Duration,
    end_takes: Duration,
    fault: Option<Fault>,
    restart: Restart,
    shutdown: Shutdown,
    significant: bool,
    name: Option<&'static Name<W>>,
    start_timeout: Option<Duration>,
}

impl Part {
    /// It does not trap exits.
    pub(crate) fn plain(mut self) -> Self {
        self.trap = false;
        self
    }

    /// What its starts come to.
    pub(crate) fn starts(mut self, starts: impl Into<Arc<[Begin]>>) -> Self {
        self.starts = starts.into();
        self
    }

    /// Its `init` takes this long.
    pub(crate) fn init_takes(mut self, time: Duration) -> Self {
        self.init_takes = time;
        self
    }

    /// Its `terminate` takes this long.
    pub(crate) fn end_takes(mut self, time: Duration) -> Self {
        self.end_takes = time;
        self
    }

    /// Something is wrong with its end.
    pub(crate) fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    pub(crate) fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    pub(crate) fn transient(self) -> Self {
        self.restart(Restart::Transient)
    }

    pub(crate) fn temporary(self) -> Self {
        self.restart(Restart::Temporary)
    }

    pub(crate) fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    pub(crate) fn significant(mut self) -> Self {
        self.significant = true;
        self
    }

    pub(crate) fn name(mut self, name: &'static Name<W>) -> Self {
        self.name = Some(name);
        self
    }

    pub(crate) fn start_timeout(mut self, limit: Duration) -> Self {
        self.start_timeout = Some(limit);
        self
    }
}

impl From<Part> for Child<W> {
    fn from(part: Part) -> Self {
        let Part { tag, restart, shutdown, significant, name, start_timeout, .. } = part.clone();
        let mut child = W::child(move || part.clone()).id(tag).restart(restart).shutdown(shutdown);
        if significant {
            child = child.significant();
        }
        if let Some(name) = name {
            child = child.name(name);
        }
        if let Some(limit) = start_timeout {
            child = child.start_timeout(limit);
        }
        child
    }
}

impl From<Part> for ChildSpec {
    fn from(part: Part) -> Self {
        Child::from(part).into()
    }
}

/// Something for a worker to do.
pub(crate) type Work = Box<dyn FnOnce(&Cx<W>) + Send>;

/// What a worker can be told.
pub(crate) enum Tell {
    /// Ends with this reason.
    Stop(ExitReason),
    /// Panics: "told to".
    Panic,
    /// Writes the word, after this time.
    Word(Duration, &'static str),
    /// Does something.
    Do(Work),
}

/// A worker that writes when it begins and when it ends: `init a.1`, `terminate a.1 shutdown`.
pub(crate) struct W {
    own: String,
    part: Part,
}

impl GenServer for W {
    type Args = Part;
    type Call = ();
    type Cast = Tell;
    type Info = ();

    async fn init(part: Part, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(part.trap);
        let (n, own) = part.log.begin(part.tag, cx.server());
        if !part.init_takes.is_zero() {
            sleep(part.init_takes).await;
        }
        let last = part.starts.len() - 1;
        let at = usize::try_from(n - 1).map_or(last, |at| at.min(last));
        Ok(match part.starts[at] {
            Begin::Run => Init::Ok(Self { own, part }),
            Begin::Ignore => Init::Ignore,
            Begin::Fail(why) => Init::Stop(word(why)),
            Begin::Panic => panic!("no"),
        })
    }

    async fn handle_cast(&mut self, tell: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        match tell {
            Tell::Stop(reason) => return Ok(Next::Stop(reason)),
            Tell::Panic => panic!("told to"),
            Tell::Word(time, word) => {
                sleep(time).await;
                self.part.log.add(word);
            }
            Tell::Do(work) => work(cx),
        }
        Ok(Next::Go)
    }

    async fn terminate(&mut self, reason: &ExitReason, _: &mut Cx<Self>) {
        self.part.log.add(format!("terminate {} {}", self.own, brief(reason)));
        if !self.part.end_takes.is_zero() {
            sleep(self.part.end_takes).await;
            self.part.log.add(format!("terminate-done {}", self.own));
        }
        assert!(self.part.fault != Some(Fault::Terminate), "terminate");
    }
}

impl Drop for W {
    fn drop(&mut self) {
        assert!(self.part.fault != Some(Fault::Drop) || std::thread::panicking(), "drop");
    }
}
