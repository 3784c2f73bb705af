//! Tests of processes: on a paused clock, on every engine, on many schedules.
//!
//! [`scenario`] runs a test's body as a process, first on tokio's tasks, then with its processes
//! drawn one by one by a seed, for many seeds. The clock stands still while anything can run, and
//! jumps to the next timer when nothing can: an hour of waiting costs microseconds, and a test that
//! would hang fails instead.
//!
//! ```
//! use runtime::testing::scenario;
//! use runtime::{ExitReason, Message, Process};
//!
//! scenario(|mut me: Process| async move {
//!     me.trap_exit(true);
//!     let child = me.spawn_link(async { ExitReason::other("oops") });
//!     let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
//!     assert_eq!((exit.from, exit.reason), (child.pid(), ExitReason::other("oops")));
//! });
//! ```
//!
//! A failing seed is named in the failure; `OTP_SEED=7 OTP_SEEDS=1 cargo test name_of_test` runs it
//! again, alone. `OTP_SEEDS` is the number of seeds (16 without it), `OTP_SEED` the first one.
//!
//! # Pictures
//!
//! With `OTP_PICTURES=DIR` a scenario writes what happened in its first run, or in the one that
//! failed, into files in that folder, which is made if need be. They are named after the test, with
//! `-2` for its second scenario, and hold the same bytes in every run.
//!
//! | file | holds |
//! |---|---|
//! | `TEST.timeline.txt`, `.svg`, `.mmd` | the trace that the test compared last, with [`assert_trace!`](crate::assert_trace) or [`assert_timeline!`](crate::assert_timeline); the whole run, if it compared none |
//! | `TEST.everything.txt`, `.svg`, `.mmd` | the whole run |
//! | `TEST.tree.txt`, `.svg`, `.mmd` | the tree at the moment when the most processes ran; at the last such moment |
//! | `TEST.trees.txt` | the tree at the end of each moment at which something happened, of the first thousand |
//! | `TEST.events.jsonl` | the whole run, one event a line: `at_ns`, `number` and name of the `process`, `event`, `child` and `incarnation` for what supervisors do, and the `line` of the trace |
//!
//! Without the variable nothing is watched, and nothing is written.

mod pictures;

use std::fmt::Write as _;
use std::time::Duration;

use crate::exit_reason::ExitReason;
use crate::gen_server::{Server, ServerRef, Up};
use crate::pid::Pid;
use crate::process::{IntoBody, Process, SpawnOptions};
use crate::rt;
use crate::sync::{Arc, Mutex};
use crate::system::System;
use crate::timeline;
use crate::trace::Trace;

use pictures::{Pictures, Trees, Watch};

/// Longer than any test waits in virtual time: whoever still waits then waits for ever.
const FOR_EVER: Duration = Duration::from_hours(24 * 100);

/// The schedule of one run of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// One tokio task per process, as in production.
    Tasks,
    /// One process at a time, drawn by this seed.
    Seeded(u64),
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tasks => f.write_str("on tokio's tasks"),
            Self::Seeded(seed) => {
                write!(f, "with seed {seed} (again: OTP_SEED={seed} OTP_SEEDS=1)")
            }
        }
    }
}

/// The schedules that [`scenario`] tries: tokio's tasks, then the seeds of the environment.
///
/// # Panics
/// When `OTP_SEED` or `OTP_SEEDS` is set and is not a number.
pub fn schedules() -> Vec<Schedule> {
    let first = number_from_env("OTP_SEED").unwrap_or(0);
    let count = number_from_env("OTP_SEEDS").unwrap_or(16);
    let seeds = (0..count).map(|n| Schedule::Seeded(first.wrapping_add(n)));
    std::iter::once(Schedule::Tasks).chain(seeds).collect()
}

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => panic!("{name} must be a whole number, not {text:?}: {error}"),
    }
}

/// Runs a test's body as a process labelled `main`, on every schedule of [`schedules`].
///
/// The body must end `Normal`. Afterwards its system is stopped, and must then hold no process and
/// no name.
///
/// # Panics
/// When the body ends with any other reason, when it waits for something that cannot come, or when
/// something is left behind. The message names the schedule and draws what happened.
#[track_caller]
// By value, as `spawn` takes it: a closure is written in place.
#[allow(clippy::needless_pass_by_value)]
pub fn scenario<K: 'static, B: IntoBody<K> + Clone>(body: B) {
    on_every(&schedules(), |_| body.clone());
}

/// Runs a body on each schedule, and makes pictures if they are wanted.
#[track_caller]
fn on_every<K: 'static, B: IntoBody<K>>(schedules: &[Schedule], body: impl Fn(Schedule) -> B) {
    let pictures = Pictures::wanted();
    for (nth, &schedule) in schedules.iter().enumerate() {
        if pictures.is_some() {
            Pictures::begin();
        }
        let (run, trees) = watched(schedule, body(schedule), pictures.is_some());
        let failure = run.failure();
        if let Some(pictures) = pictures.as_ref().filter(|_| nth == 0 || failure.is_some()) {
            pictures.write(&run.trace, &trees);
        }
        if let Some(failure) = failure {
            panic!("{failure}\n{schedule}\n{}", run.trace.timeline());
        }
    }
}

/// As [`scenario`], for a body that draws its values from a number: another one in each run.
///
/// The number is the schedule's seed, so a failing run is named and repeated with it.
///
/// # Panics
/// As [`scenario`].
#[track_caller]
pub fn scenario_with<K: 'static, B: IntoBody<K>>(body: impl Fn(u64) -> B) {
    let schedules = schedules();
    on_every(&schedules, |schedule| {
        body(match (schedule, schedules.get(1)) {
            (Schedule::Seeded(seed), _) | (Schedule::Tasks, Some(&Schedule::Seeded(seed))) => seed,
            (Schedule::Tasks, _) => 0,
        })
    });
}

/// One of `choices`, drawn by a seed: for [`scenario_with`].
///
/// # Panics
/// When there is nothing to choose from.
pub fn one_of<T, const N: usize>(seed: u64, choices: [T; N]) -> T {
    let at = usize::try_from(seed % N as u64).unwrap_or(0);
    match choices.into_iter().nth(at) {
        Some(choice) => choice,
        None => panic!("there is nothing to choose from"),
    }
}

/// Runs `body` in a process of its own, linked to nobody, and gives what it returned, or the reason
/// with which it ended instead.
///
/// # Errors
/// The exit reason of a body that did not come to its end.
pub async fn in_process<M, T, F>(
    label: &str,
    body: impl FnOnce(Process<M>) -> F + Send + 'static,
) -> Result<T, ExitReason>
where
    M: Send + 'static,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let result = Arc::new(Mutex::new(None));
    let slot = result.clone();
    let body = |me: Process<M>| async move {
        let value = body(me).await;
        *slot.lock() = Some(value);
    };
    let options = SpawnOptions::new().label(label).quiet().joined();
    let Ok(spawned) = options.spawn(body) else { unreachable!("neither link nor monitor") };
    let reason = spawned.end.unwrap_or_else(|| spawned.address.join()).await;
    let value = result.lock().take();
    value.ok_or(reason)
}

/// What became of one run of a test's body.
#[derive(Clone, Debug)]
pub struct Run {
    /// The reason with which the body ended; `None` when it still waited and nothing could come.
    pub reason: Option<ExitReason>,
    /// Everything that happened.
    pub trace: Trace,
    leftovers: Vec<String>,
}

impl Run {
    fn failure(&self) -> Option<String> {
        match &self.reason {
            Some(ExitReason::Normal) if self.leftovers.is_empty() => None,
            Some(ExitReason::Normal) => Some(format!("left behind: {}", self.leftovers.join(", "))),
            Some(reason) => Some(reason.to_string()),
            None => Some("deadlock: the test waits for something that cannot come".to_owned()),
        }
    }
}

/// Runs a test's body once, as a process labelled `main`, in a system and a tokio runtime of its
/// own, on a paused clock.
///
/// # Panics
/// When tokio cannot make a runtime, or when called inside of one.
pub fn run_on<K: 'static, B: IntoBody<K>>(schedule: Schedule, body: B) -> Run {
    watched(schedule, body, false).0
}

/// As [`run_on`], with the tree at the end of each moment, if somebody wants to see it.
fn watched<K: 'static, B: IntoBody<K>>(schedule: Schedule, body: B, watch: bool) -> (Run, Trees) {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap_or_else(|error| panic!("tokio makes no runtime: {error}"));
    tokio.block_on(async {
        let system = match schedule {
            Schedule::Tasks => System::start(),
            Schedule::Seeded(seed) => System::start_seeded(seed),
        };
        let recorder = system.record();
        let watch = watch.then(|| Watch::over(&system));
        let options = SpawnOptions::new().label("main").quiet().joined();
        let main = options.spawn_in(system.inner(), body);
        let end = main.end.unwrap_or_else(|| main.address.join());
        let reason = tokio::time::timeout(FOR_EVER, end).await.ok();
        let trace = recorder.trace();
        drop(recorder);
        let trees = watch.as_ref().map(Watch::trees).unwrap_or_default();
        drop(watch);
        let system_after = System::clone(&system);
        system.stop().await;
        let mut leftovers: Vec<_> =
            system_after.registered().iter().map(|name| format!("the name {name}")).collect();
        if system_after.process_count() > 0 {
            leftovers.push(format!("{} processes", system_after.process_count()));
        }
        (Run { reason, trace, leftovers }, trees)
    })
}

/// Kills a process and waits until it has ended. Gives the reason that others saw.
pub async fn kill_and_wait(pid: impl Into<Pid>) -> ExitReason {
    let pid = pid.into();
    let end = pid.join();
    pid.kill();
    end.await
}

/// Waits until nothing else can run, on a paused clock: the clock moves on by a millisecond, and
/// does so only when every process waits.
///
/// On a clock that runs it is a short sleep, and proves nothing.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Waits until `condition` holds, looking once every virtual millisecond.
///
/// # Panics
/// When it does not hold within a virtual minute.
pub async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if condition() {
            return;
        }
        settle().await;
    }
    panic!("the condition did not come to hold within a virtual minute");
}

/// Waits until the server under a name is another one than `old`, and is up.
///
/// # Panics
/// When there is none within a virtual minute after the end of `old`.
pub fn restarted<N: Server + Sync>(
    name: &N,
    old: impl Into<Pid>,
) -> impl Future<Output = ServerRef<N::Type>> + Send {
    let end = old.into().join();
    let up = Up::new(name);
    async move {
        end.await;
        let Ok(up) = rt::timeout(Duration::from_mins(1), up).await else {
            panic!("the server was not restarted within a virtual minute");
        };
        up.unwrap_or_else(|error| panic!("the server was not restarted: {error}"))
    }
}

/// Compares a trace with what is expected of it, and draws both when they differ; see
/// [`assert_trace!`](crate::assert_trace).
#[doc(hidden)]
#[track_caller]
pub fn check_trace(trace: &Trace, expected: &[&str], rule: &str) {
    pictures::compared(trace);
    let actual = trace.lines();
    if actual.iter().map(String::as_str).eq(expected.iter().copied()) {
        return;
    }
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    let mut message = headline("the trace differs", rule);
    for (title, lines, others) in [("expected", &expected, &actual), ("actual", &actual, &expected)]
    {
        let _ = writeln!(message, "--- {title}");
        for (at, line) in lines.iter().enumerate() {
            let mark = if others.get(at) == Some(line) { ' ' } else { '>' };
            let _ = writeln!(message, "{mark} {line}");
        }
        message.push_str(&timeline::draw(lines));
    }
    panic!("{message}");
}

/// Compares the drawing of a trace with what is expected; see
/// [`assert_timeline!`](crate::assert_timeline).
#[doc(hidden)]
#[track_caller]
pub fn check_timeline(trace: &Trace, expected: &str, rule: &str) {
    pictures::compared(trace);
    let actual = trace.timeline();
    let (expected, drawn) = (expected.trim_matches('\n'), actual.trim_matches('\n'));
    if expected != drawn {
        let headline = headline("the timeline differs", rule);
        panic!("{headline}--- expected\n{expected}\n--- actual\n{drawn}\n");
    }
}

fn headline(what: &str, rule: &str) -> String {
    if rule.is_empty() { format!("{what}\n") } else { format!("{rule}\n{what}\n") }
}

/// Asserts that a [`Trace`](crate::trace::Trace) consists of these lines, in this order.
///
/// When it does not, both are printed, one above the other, with a drawing of each; before them
/// the message, if one is given: the rule that was broken.
///
/// ```
/// use runtime::testing::{Schedule, run_on};
/// use runtime::{ExitReason, Process, assert_timeline, assert_trace, set_label};
///
/// let run = run_on(Schedule::Tasks, |me: Process| async move {
///     let child = me.spawn_link(async {
///         set_label("child").unwrap();
///         tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///         ExitReason::other("oops")
///     });
///     child.join().await;
/// });
/// assert_trace!(run.trace, [
///     "0ms main spawned by nobody",
///     "0ms child spawned and linked by main",
///     "1s child exited: \"oops\"",
///     "1s main exited: \"oops\"",
/// ], "a crash runs along a link");
/// assert_timeline!(run.trace, r#"
///        0ms       1s
/// main   ├─────────╳   "oops"
/// child  ├─────────╳   "oops"
/// "#);
/// ```
#[macro_export]
macro_rules! assert_trace {
    ($trace:expr, [$($line:expr),* $(,)?] $(,)?) => {
        $crate::testing::check_trace(&$trace, &[$($line),*], "")
    };
    ($trace:expr, [$($line:expr),* $(,)?], $($rule:tt)+) => {
        $crate::testing::check_trace(&$trace, &[$($line),*], &format!($($rule)+))
    };
}

/// Asserts that a [`Trace`](crate::trace::Trace) is drawn like this; see
/// [`assert_trace!`](crate::assert_trace).
///
/// Looser than that: within one time, the order of different processes is not compared.
#[macro_export]
macro_rules! assert_timeline {
    ($trace:expr, $drawing:expr $(,)?) => {
        $crate::testing::check_timeline(&$trace, $drawing, "")
    };
    ($trace:expr, $drawing:expr, $($rule:tt)+) => {
        $crate::testing::check_timeline(&$trace, $drawing, &format!($($rule)+))
    };
}
