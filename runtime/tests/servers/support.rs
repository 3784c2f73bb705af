//! What the tests of servers share: a server that does what it is told, and a log of what happened.

#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::any::Any;
use std::fmt::Debug;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::{
    Crash, Cx, ExitReason, GenServer, Handled, Info, Init, Message, Next, Pid, Process, Reply,
    ServerRef, Target,
};
use tokio::time::sleep;

/// Nothing came for this long on a paused clock: nothing will.
const QUIET: Duration = Duration::from_mins(1);

/// An empty mailbox, or log.
pub(crate) const NOTHING: [&str; 0] = [];

/// Virtual milliseconds.
pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happened, in order, with words for pids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    lines: Vec<String>,
    who: Vec<(Pid, &'static str)>,
}

impl Log {
    /// A log that knows the test's process as `main`.
    pub(crate) fn of<M: Send + 'static>(main: &Process<M>) -> Self {
        let log = Self::default();
        log.know("main", main.pid());
        log
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, line: impl Into<String>) {
        self.noted().lines.push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.noted().lines.clone()
    }

    /// From now on, this pid goes by this word.
    pub(crate) fn know(&self, word: &'static str, pid: impl Into<Pid>) {
        self.noted().who.push((pid.into(), word));
    }

    pub(crate) fn word(&self, pid: Pid) -> String {
        let noted = self.noted();
        let known = noted.who.iter().rev().find(|(known, _)| *known == pid);
        known.map_or_else(|| pid.to_string(), |(_, word)| (*word).to_owned())
    }

    /// The pid that goes by this word.
    #[track_caller]
    pub(crate) fn pid(&self, word: &str) -> Pid {
        let noted = self.noted();
        let known = noted.who.iter().rev().find(|(_, known)| *known == word);
        known.expect("nobody goes by this word").0
    }

    /// The arguments of a server that goes by this word.
    pub(crate) fn server(&self, word: &'static str) -> Args {
        Args {
            word,
            log: self.clone(),
            trap: false,
            init_takes: None,
            begin: Box::new(|w, _| Ok(Init::Ok(w))),
            end_takes: None,
            at_end: None,
            held: None,
        }
    }

    /// Receives until nothing more can come: `EXIT s.1 "oops"`, `DOWN s.1 killed`.
    pub(crate) async fn mailbox<M: Debug + Send + 'static>(
        &self,
        me: &mut Process<M>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(message) = me.receive().timeout(QUIET).await {
            lines.push(self.show(&message));
        }
        lines
    }

    fn show<M: Debug>(&self, message: &Message<M>) -> String {
        match message {
            Message::User(message) => format!("{message:?}"),
            Message::Exit(exit) => format!("EXIT {} {}", self.word(exit.from), brief(&exit.reason)),
            Message::Down(down) => {
                let target = match &down.target {
                    Target::Pid(pid) => self.word(*pid),
                    Target::Name(name) => format!("the name {name}"),
                };
                format!("DOWN {target} {}", brief(&down.reason))
            }
            other => format!("{other:?}"),
        }
    }
}

/// The reason without the place of a panic.
pub(crate) fn brief(reason: &ExitReason) -> String {
    match reason.as_panic() {
        Some(info) => format!("panic: {}", info.message()),
        None => reason.to_string(),
    }
}

/// Asserts that the process panicked with this message, in this file of tests.
#[track_caller]
pub(crate) fn assert_panic(reason: &ExitReason, message: &str, file: &str) {
    let info = reason.as_panic().expect("not a panic");
    assert_eq!(info.message(), message);
    assert_eq!(info.place().map(|place| place.file.as_str()), Some(file), "{reason}");
}

/// The reason of the next message, which is a DOWN.
pub(crate) async fn down<M: Debug + Send + 'static>(me: &mut Process<M>) -> ExitReason {
    match me.receive().await {
        Message::Down(down) => down.reason,
        other => panic!("not a DOWN: {other:?}"),
    }
}

/// The reason with this one word.
pub(crate) fn word(word: &'static str) -> ExitReason {
    ExitReason::other(word)
}

/// Writes a line when it is dropped.
#[derive(Debug)]
pub(crate) struct Dropped(pub(crate) Log, pub(crate) &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// Panics when it is dropped, unless it is dropped by a panic, which would abort.
#[derive(Debug)]
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{}", self.0);
    }
}

/// A server that writes what happens to it into a log, and does what it is told.
pub(crate) struct W {
    pub(crate) word: &'static str,
    pub(crate) log: Log,
    pub(crate) count: u32,
    /// Replies that are kept for later.
    pub(crate) kept: Vec<Reply<&'static str>>,
    /// How often it waits again after an idle timeout, and how long.
    pub(crate) idle_again: u32,
    pub(crate) idle_for: Duration,
    /// Dropped with the state.
    pub(crate) held: Option<Box<dyn Any + Send>>,
    end_takes: Option<Duration>,
    at_end: Option<End>,
}

pub(crate) type Started = Result<Init<W>, Crash>;
pub(crate) type Begin = Box<dyn FnOnce(W, &mut Cx<W>) -> Started + Send>;
pub(crate) type End = Box<dyn FnOnce(&Cx<W>) + Send>;
pub(crate) type Working<'a> = Pin<Box<dyn Future<Output = Handled<W>> + Send + 'a>>;
pub(crate) type Work = Box<dyn for<'a> FnOnce(&'a mut W, &'a mut Cx<W>) -> Working<'a> + Send>;

/// What a [`W`] is to be.
pub(crate) struct Args {
    word: &'static str,
    log: Log,
    trap: bool,
    init_takes: Option<Duration>,
    begin: Begin,
    end_takes: Option<Duration>,
    at_end: Option<End>,
    held: Option<Box<dyn Any + Send>>,
}

impl Args {
    /// It traps exits.
    pub(crate) fn trap(mut self) -> Self {
        self.trap = true;
        self
    }

    /// Its `init` takes this long.
    pub(crate) fn init_takes(mut self, time: Duration) -> Self {
        self.init_takes = Some(time);
        self
    }

    /// Its `init` comes to this.
    pub(crate) fn begin(
        mut self,
        begin: impl FnOnce(W, &mut Cx<W>) -> Started + Send + 'static,
    ) -> Self {
        self.begin = Box::new(begin);
        self
    }

    /// Its `terminate` takes this long.
    pub(crate) fn end_takes(mut self, time: Duration) -> Self {
        self.end_takes = Some(time);
        self
    }

    /// Its `terminate` does this.
    pub(crate) fn at_end(mut self, work: impl FnOnce(&Cx<W>) + Send + 'static) -> Self {
        self.at_end = Some(Box::new(work));
        self
    }

    /// Its state holds this.
    pub(crate) fn holding(mut self, value: impl Any + Send) -> Self {
        self.held = Some(Box::new(value));
        self
    }
}

/// What a [`W`] can be asked.
pub(crate) enum Call {
    /// Answers "echo".
    Echo(Reply<&'static str>),
    /// Answers "slept", after this time.
    Sleep(Duration, Reply<&'static str>),
    /// Does something, and answers or not.
    Do(Work),
}

/// What a [`W`] can be told, as a cast, an info, or a continuation.
pub(crate) enum Tell {
    /// Writes it into the log.
    Word(&'static str),
    Do(Work),
}

/// A call that is answered, or not, by `work` in the server.
pub(crate) fn run<T: Send + 'static>(
    work: impl FnOnce(Reply<T>, &mut W, &mut Cx<W>) -> Handled<W> + Send + 'static,
) -> impl FnOnce(Reply<T>) -> Call {
    run_async(|reply, w, cx| Box::pin(ready(work(reply, w, cx))))
}

/// A call that is answered, or not, by `work` in the server, which takes its time.
pub(crate) fn run_async<T: Send + 'static>(
    work: impl for<'a> FnOnce(Reply<T>, &'a mut W, &'a mut Cx<W>) -> Working<'a> + Send + 'static,
) -> impl FnOnce(Reply<T>) -> Call {
    move |reply| Call::Do(Box::new(move |w, cx| work(reply, w, cx)))
}

/// Something for a server to do that nobody waits for.
pub(crate) fn tell(work: impl FnOnce(&mut W, &mut Cx<W>) -> Handled<W> + Send + 'static) -> Tell {
    Tell::Do(Box::new(|w, cx| Box::pin(ready(work(w, cx)))))
}

/// A call that takes this long.
pub(crate) fn slow(time: Duration) -> impl FnOnce(Reply<&'static str>) -> Call {
    move |reply| Call::Sleep(time, reply)
}

impl W {
    fn note(&self, line: &str) {
        self.log.add(line);
    }

    async fn told(&mut self, how: &str, tell: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        match tell {
            Tell::Word(what) => {
                self.note(&format!("{how} {} {what}", self.word));
                Ok(Next::Go)
            }
            Tell::Do(work) => work(self, cx).await,
        }
    }
}

impl GenServer for W {
    type Args = Args;
    type Call = Call;
    type Cast = Tell;
    type Info = Tell;

    async fn init(args: Args, cx: &mut Cx<Self>) -> Started {
        args.log.know(args.word, cx.pid());
        args.log.add(format!("init {}", args.word));
        cx.trap_exit(args.trap);
        if let Some(time) = args.init_takes {
            sleep(time).await;
        }
        let w = Self {
            word: args.word,
            log: args.log,
            count: 0,
            kept: Vec::new(),
            idle_again: 0,
            idle_for: Duration::ZERO,
            held: args.held,
            end_takes: args.end_takes,
            at_end: args.at_end,
        };
        (args.begin)(w, cx)
    }

    async fn handle_call(&mut self, call: Call, cx: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Echo(reply) => reply.send("echo"),
            Call::Sleep(time, reply) => {
                sleep(time).await;
                reply.send("slept");
            }
            Call::Do(work) => return work(self, cx).await,
        }
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, cast: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        self.told("cast", cast, cx).await
    }

    async fn handle_info(&mut self, info: Info<Tell>, cx: &mut Cx<Self>) -> Handled<Self> {
        let what = match info {
            Info::User(tell) => return self.told("info", tell, cx).await,
            Info::Timer(_, tell) => return self.told("timer", tell, cx).await,
            Info::Exit(exit) => {
                format!("EXIT {} {}", self.log.word(exit.from), brief(&exit.reason))
            }
            Info::Down(down) => {
                let Target::Pid(pid) = down.target else { panic!("not a pid: {:?}", down.target) };
                format!("DOWN {} {}", self.log.word(pid), brief(&down.reason))
            }
            Info::Idle => "idle".to_owned(),
            Info::TimerCancelled(answer) => format!("cancelled with {:?} left", answer.left),
            Info::Unknown(message) => format!("unknown {}", message.type_name()),
        };
        self.note(&format!("info {} {what}", self.word));
        if what == "idle" && self.idle_again > 0 {
            self.idle_again -= 1;
            return Ok(Next::Idle(self.idle_for));
        }
        Ok(Next::Go)
    }

    async fn handle_continue(&mut self, info: Tell, cx: &mut Cx<Self>) -> Handled<Self> {
        self.told("continue", info, cx).await
    }

    async fn terminate(&mut self, reason: &ExitReason, cx: &mut Cx<Self>) {
        self.note(&format!("terminate {} {}", self.word, brief(reason)));
        if let Some(time) = self.end_takes {
            sleep(time).await;
            self.note(&format!("terminate-done {}", self.word));
        }
        if let Some(work) = self.at_end.take() {
            work(cx);
        }
    }
}

/// A server that has ended.
pub(crate) async fn dead_server() -> ServerRef<W> {
    let server = W::start(Log::default().server("dead")).await.expect("init does nothing");
    runtime::testing::kill_and_wait(&server).await;
    server
}
