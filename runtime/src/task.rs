//! A task: a process that computes one value for the process that started it.
//!
//! ```text
//!    owner                              task
//!    -----                              ----
//!    Task::async_(body) ─▶ linked ────▶ runs the body
//!    ... does other things ...
//!    task.await         ◀─ the value ── ends
//!                       ◀─ or why not ─ crashes: so does the owner, unless it traps exits
//! ```
//!
//! ```
//! use runtime::Task;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! let price = Task::async_(async { 3 });
//! let stock = Task::async_(async { 14 });
//! assert_eq!(price.await? * stock.await?, 42);
//! # Ok(()) }
//! ```
//!
//! Elixir's words, with an underscore where they are Rust's as well: `async_`, `yield_`.
//!
//! | to | see |
//! |---|---|
//! | compute a value beside | [`Task::async_`], then `.await` |
//! | wait longer, or for ever | [`Task::timeout`], [`Task::infinity`] |
//! | look whether it is there, and go on | [`Task::yield_`] |
//! | give up on it | [`Task::shutdown`], [`Task::ignore`] |
//! | wait for several | [`Task::await_many`], [`Task::yield_many`] |
//! | do the same to many things, some at a time | [`Task::async_stream`] |
//! | do something, and want no value | [`Task::start`], [`Task::start_link`], [`TaskSupervisor::start_child`] |
//! | survive its crash | [`TaskSupervisor::async_nolink`] |
//!
//! # What is not as in Elixir
//!
//! A result is not a message: it waits in the [`Task`], and nothing of it ever shows up in the
//! owner's mailbox, however late it comes. So there is no `handle_info` with a task's result; a
//! server that must not wait lets the body send it:
//!
//! ```
//! # use runtime::{Crash, Cx, GenServer, Handled, Info, Init, Next, Task};
//! # struct Shop; enum Event { Priced(u32) }
//! # impl GenServer for Shop {
//! #     type Args = (); type Call = (); type Cast = u32; type Info = Event;
//! #     async fn init(_: (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> { Ok(Init::Ok(Shop)) }
//! async fn handle_cast(&mut self, item: u32, cx: &mut Cx<Self>) -> Handled<Self> {
//!     use runtime::Server;
//!     let shop = cx.server();
//!     Task::start_link(async move { shop.info(Event::Priced(item * 2)) });
//!     Ok(Next::Go)
//! }
//! # }
//! ```
//!
//! A task's result is there when its process has ended, and not before: what it held is dropped, and
//! a crash has run along its links, by the time that its owner goes on.
//!
//! Source: Elixir `Task`, `Task.Supervisor`.

mod many;
mod stream;
mod supervisor;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub use many::AwaitMany;
pub use stream::{OnTimeout, TaskStream};
pub use supervisor::TaskSupervisor;

use crate::ambient;
use crate::call::CALL_TIMEOUT;
use crate::exit_reason::ExitReason;
use crate::join::Waiter;
use crate::pcb::Watcher;
use crate::pid::{MonitorRef, Pid};
use crate::process::{self, IntoBody, SpawnOptions};
use crate::relations;
use crate::rt::{Instant, Sleep, sleep_until};
use crate::supervisor::{ChildSpec, Restart, Shutdown};
use crate::sync::{Arc, Mutex};
use crate::table;

/// A task that gave no value.
///
/// In a process, `?` turns it into the exit reason that Elixir's `Task.await` would exit with: the
/// task's own reason, or this error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It has not ended in time. It goes on; keep the [`Task`] by awaiting `&mut task`, or with
    /// [`Task::yield_`], to ask again.
    #[error("timeout: the task has not ended in time")]
    Timeout,
    /// It ended with this reason and without a value: it panicked, exited, threw, or was ended by a
    /// signal.
    #[error("the task ended: {0}")]
    Exit(ExitReason),
    /// Somebody asks who has not started it. Send the value on instead of the task.
    #[error("a task can be asked by its owner only")]
    NotOwner,
    /// Its value, or the reason why there is none, was given out before.
    ///
    /// Differs from Elixir, which waits for the whole timeout and finds nothing.
    #[error("the task's result was taken before")]
    Taken,
}

impl TaskError {
    /// The reason with which a process ends that lets this crash it.
    pub fn into_exit_reason(self) -> ExitReason {
        match self {
            Self::Exit(reason) => reason,
            Self::Timeout => ExitReason::other(self),
            // Mistakes of the program, as an ArgumentError is.
            Self::NotOwner | Self::Taken => ExitReason::error(self),
        }
    }
}

impl From<TaskError> for ExitReason {
    fn from(error: TaskError) -> Self {
        error.into_exit_reason()
    }
}

/// Where a task leaves its value, and who is told of its end.
struct Desk<T> {
    value: Mutex<Option<T>>,
    end: Waiter,
}

impl<T> Desk<T> {
    fn new(value: Option<T>) -> Arc<Self> {
        Arc::new(Self { value: Mutex::new(value), end: Waiter::default() })
    }
}

/// The task's side of the desk.
///
/// Goes down with the body, that is: in the task's own process and before its end is announced.
/// There it asks to be told of the end, so that no end can be missed, not even that of a task which
/// was killed before it ran.
struct Place<T> {
    desk: Arc<Desk<T>>,
    mref: MonitorRef,
    owner: Pid,
}

impl<T> Place<T> {
    async fn work(self, body: impl Future<Output = T>) {
        let value = body.await;
        *self.desk.value.lock() = Some(value);
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut asked = false;
        // The owner, when it panicked over the spawning: there is no task then.
        if let Some(pcb) = ambient::current().filter(|pcb| pcb.head().pid != self.owner) {
            pcb.control(&mut |control, _| {
                let end = Watcher::Waiter(self.desk.end.clone());
                asked = control.add_watcher(self.mref, end).is_ok();
            });
        }
        if !asked {
            self.desk.end.ended(ExitReason::NoProc);
        }
    }
}

/// An alarm in `limit` from now; none beyond the clock's range, which is as good as never.
fn alarm_in(limit: Option<Duration>) -> Option<Pin<Box<Sleep>>> {
    Some(Box::pin(sleep_until(Instant::now().checked_add(limit?)?)))
}

/// When somebody who waits gives up: after a time that begins when he first has to wait.
struct Patience {
    limit: Option<Duration>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(limit: Option<Duration>) -> Self {
        Self { limit, alarm: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.limit == Some(Duration::ZERO) {
            return Poll::Ready(());
        }
        if self.alarm.is_none() {
            self.alarm = alarm_in(self.limit);
        }
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

/// A process at work on a value of type `T`, and the right to ask for that value.
///
/// It is a future of its result: `task.await` waits five seconds, unless told otherwise by
/// [`timeout`](Self::timeout) or [`infinity`](Self::infinity), and gives the value, or a
/// [`TaskError`]. The task runs from the start, awaited or not.
///
/// Only its owner, the process that started it, may ask; a task that was started outside of any
/// process is asked outside of any process. `tokio::spawn` leads out of the process.
///
/// The result is given out once, so an awaited task is gone:
///
/// ```compile_fail,E0382
/// # async fn twice() {
/// let task = runtime::Task::async_(async { 1 });
/// task.await;
/// task.await; // error[E0382]: use of moved value: `task`
/// # }
/// ```
///
/// Dropping a `Task` gives up the result, and nothing else: the task goes on, still linked, and its
/// value is dropped where it ends. [`shutdown`](Self::shutdown) ends it.
///
/// Cancellation: await `&mut task` in a `select!`, and the task can be asked again. The time that it
/// was waited for counts on. Dropping `task.await` itself drops the task.
///
/// ```
/// use runtime::Task;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let mut task = Task::async_(async { 42 });
/// let answer = tokio::select! {
///     answer = &mut task => answer,
///     () = tokio::time::sleep(Duration::from_secs(1)) => panic!("too late"),
/// };
/// assert_eq!(answer, Ok(42));
/// # }
/// ```
///
/// Source: Elixir `Task`.
#[must_use = "dropping it gives up the result; `Task::start` is for tasks without one"]
pub struct Task<T> {
    pid: Pid,
    owner: Pid,
    linked: bool,
    /// `None` when the result was taken.
    desk: Option<Arc<Desk<T>>>,
    patience: Patience,
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("pid", &self.pid)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Without a value.
impl Task<()> {
    /// Starts a task that nobody waits for and that is linked to nobody.
    ///
    /// What it returns is its exit reason, as for any process; see [`Outcome`](crate::Outcome).
    ///
    /// # Panics
    /// When called neither from a process nor from a tokio runtime.
    ///
    /// Source: Elixir `Task.start/1`.
    #[track_caller]
    pub fn start<K: 'static, B: IntoBody<K>>(body: B) -> Pid {
        process::spawn(body).pid()
    }

    /// As [`start`](Self::start), linked to the current process: the two crash together.
    ///
    /// Outside of a process there is nobody to be linked to, and it is [`start`](Self::start).
    ///
    /// # Panics
    /// When called neither from a process nor from a tokio runtime.
    ///
    /// Source: Elixir `Task.start_link/1`.
    #[track_caller]
    pub fn start_link<K: 'static, B: IntoBody<K>>(body: B) -> Pid {
        spawn(ambient::current_pid() != Pid::OUTSIDE, body)
    }

    /// A task as a supervisor's child: `make` makes its body. It is not restarted, unless the
    /// specification is told otherwise.
    ///
    /// ```
    /// use runtime::{Restart, Strategy, Supervision, Supervisor, Task};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
    /// let supervisor = Supervisor::new(Strategy::OneForOne)
    ///     .child(Task::child(|| async { println!("warming up") }))
    ///     .child(Task::child(std::future::pending::<()>).with_id("sweeper").restart(Restart::Permanent))
    ///     .start_link()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Source: Elixir `Task.child_spec/1`.
    pub fn child<K: 'static, B: IntoBody<K>>(
        make: impl Fn() -> B + Send + Sync + 'static,
    ) -> ChildSpec {
        let mut spec = ChildSpec::process("Task", make).restart(Restart::Temporary);
        spec.module = "Task";
        spec
    }
}

#[track_caller]
fn spawn<K: 'static, B: IntoBody<K>>(link: bool, body: B) -> Pid {
    let options = if link { SpawnOptions::new().link() } else { SpawnOptions::new() };
    match options.spawn(body) {
        Ok(spawned) => spawned.address.pid(),
        Err(error) => unreachable!("it is linked inside of a process only: {error}"),
    }
}

impl<T: Send + 'static> Task<T> {
    /// Starts a task that computes a value for the current process, and is linked to it.
    ///
    /// A crash of the task ends the owner too, with the same reason; an owner that traps exits gets
    /// an [`Exit`](crate::Exit) message, also of an end as `Normal`, and the error from the `await`.
    /// The owner's abnormal end ends the task.
    ///
    /// A `Result` that the body returns is its value, `Err` or not. To let an error end the task,
    /// and the owner with it, the body [raises](crate::raise) it.
    ///
    /// Outside of a process there is nobody to be linked to; the value can be awaited all the same.
    ///
    /// # Panics
    /// When called neither from a process nor from a tokio runtime.
    ///
    /// Source: Elixir `Task.async/1`.
    #[track_caller]
    pub fn async_(body: impl Future<Output = T> + Send + 'static) -> Self {
        Self::begin(ambient::current_pid() != Pid::OUTSIDE, body)
    }

    /// As [`async_`](Self::async_), linked to nobody: a crash is the owner's to see in the result,
    /// and the owner's end is not the task's.
    ///
    /// Differs from Elixir, where only a supervisor has it. Prefer
    /// [`TaskSupervisor::async_nolink`]: a task that is linked to nobody is stopped by nobody.
    ///
    /// # Panics
    /// When called neither from a process nor from a tokio runtime.
    #[track_caller]
    pub fn async_nolink(body: impl Future<Output = T> + Send + 'static) -> Self {
        Self::begin(false, body)
    }

    /// A task that is done already, with this value: for where some results are known and others
    /// are computed. It has no process.
    ///
    /// Source: Elixir `Task.completed/1`.
    pub fn completed(value: T) -> Self {
        let desk = Desk::new(Some(value));
        desk.end.ended(ExitReason::Normal);
        Self::at(desk, ambient::current_pid())
    }

    fn at(desk: Arc<Desk<T>>, owner: Pid) -> Self {
        let patience = Patience::new(Some(CALL_TIMEOUT));
        Self { pid: Pid::OUTSIDE, owner, linked: false, desk: Some(desk), patience }
    }

    /// A task of the current process, and what its process has to run; the two still have to learn
    /// the pid and be linked.
    fn prepare<F: Future<Output = T> + Send + 'static>(
        body: F,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (desk, owner) = (Desk::new(None), ambient::current_pid());
        let place = Place { desk: desk.clone(), mref: MonitorRef::next(), owner };
        (Self::at(desk, owner), place.work(body))
    }

    #[track_caller]
    fn begin(link: bool, body: impl Future<Output = T> + Send + 'static) -> Self {
        let (task, work) = Self::prepare(body);
        Self { pid: spawn(link, work), linked: link, ..task }
    }

    /// Waits this long for the result. The time begins when it is first awaited.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.patience = Patience::new(Some(limit));
        self
    }

    /// Waits for as long as it takes. The task's end, however it comes, still ends the wait.
    pub fn infinity(mut self) -> Self {
        self.patience = Patience::new(None);
        self
    }

    /// Waits for the result, but not longer than `limit`; `None` when there is none yet, and the task
    /// goes on. Zero looks and does not wait.
    ///
    /// `None` as well when the result was given out before.
    ///
    /// # Errors
    /// [`TaskError::Exit`] when it ended without a value, [`TaskError::NotOwner`].
    ///
    /// Cancellation: dropping it loses nothing.
    ///
    /// ```
    /// use runtime::{Shutdown, Task};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let mut task = Task::async_(std::future::pending::<u32>());
    /// // The value, if it comes in a second; and no task afterwards.
    /// let result = match task.yield_(Duration::from_secs(1)).await {
    ///     Some(result) => Some(result),
    ///     None => task.shutdown(Shutdown::default()).await,
    /// };
    /// assert_eq!(result, None);
    /// # }
    /// ```
    ///
    /// Source: Elixir `Task.yield/2`.
    pub async fn yield_(&mut self, limit: Duration) -> Option<Result<T, TaskError>> {
        let mut patience = Patience::new(Some(limit));
        let looked = poll_fn(|cx| match self.look(cx.waker()) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => patience.poll(cx).map(|()| None),
        });
        looked.await.filter(|result| !many::is_taken(result))
    }

    /// Ends the task and waits for its end; `None` when it ended as it was asked to, the result
    /// otherwise: perhaps it was done before, or would not go and was killed.
    ///
    /// The task is unlinked first, so its end is not the owner's. [`Shutdown::default`] gives it five
    /// seconds, as Elixir does.
    ///
    /// # Errors
    /// [`TaskError::Exit`] when it ended with another reason, [`TaskError::NotOwner`],
    /// [`TaskError::Taken`].
    ///
    /// Cancellation: from the first poll on it is unlinked and has been asked to end; dropping this
    /// leaves it to that, and it is not killed when its time is up.
    ///
    /// Source: Elixir `Task.shutdown/2`.
    pub async fn shutdown(mut self, how: Shutdown) -> Option<Result<T, TaskError>> {
        if ambient::current_pid() != self.owner {
            return Some(Err(TaskError::NotOwner));
        }
        if self.desk.is_none() {
            return Some(Err(TaskError::Taken));
        }
        self.cut_loose();
        let limit = match how {
            Shutdown::BrutalKill => {
                self.pid.kill();
                None
            }
            Shutdown::After(limit) => {
                self.pid.exit(ExitReason::Shutdown);
                Some(limit)
            }
            Shutdown::Infinity => {
                self.pid.exit(ExitReason::Shutdown);
                None
            }
        };
        self.patience = Patience::new(limit);
        let mut result = (&mut self).await;
        if matches!(result, Err(TaskError::Timeout)) {
            self.pid.kill();
            result = self.infinity().await;
        }
        if is_obedience(how, &result) { None } else { Some(result) }
    }

    /// Lets the task go its own way: unlinked, and its result is nobody's. The result, if it is there
    /// already; `None` otherwise.
    ///
    /// An [`Exit`](crate::Exit) message that is in the mailbox already stays there.
    ///
    /// # Errors
    /// [`TaskError::Exit`] when it ended without a value, [`TaskError::NotOwner`],
    /// [`TaskError::Taken`].
    ///
    /// Source: Elixir `Task.ignore/1`.
    pub fn ignore(mut self) -> Option<Result<T, TaskError>> {
        let looked = self.look(Waker::noop());
        if !matches!(looked, Poll::Ready(Err(TaskError::NotOwner))) {
            self.cut_loose();
        }
        match looked {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }
}

impl<T> Task<T> {
    /// Its pid; [`Pid::OUTSIDE`], which is nobody's, for one that was [`completed`](Self::completed)
    /// from the start.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The result, or the promise to wake.
    fn look(&mut self, waker: &Waker) -> Poll<Result<T, TaskError>> {
        if ambient::current_pid() != self.owner {
            return Poll::Ready(Err(TaskError::NotOwner));
        }
        self.take(waker)
    }

    /// As [`look`](Self::look), whoever asks.
    fn take(&mut self, waker: &Waker) -> Poll<Result<T, TaskError>> {
        let Some(desk) = &self.desk else { return Poll::Ready(Err(TaskError::Taken)) };
        let Some(reason) = desk.end.poll(waker) else { return Poll::Pending };
        let value = desk.value.lock().take();
        self.desk = None;
        Poll::Ready(value.ok_or(TaskError::Exit(reason)))
    }

    /// Undoes the link between owner and task, whoever asks.
    fn cut_loose(&mut self) {
        if !std::mem::take(&mut self.linked) {
            return;
        }
        if ambient::current_pid() == self.owner {
            let _ = process::unlink(self.pid);
        } else if let Some(owner) = table::find(self.owner) {
            relations::unlink(&*owner, self.pid, table::find(self.pid).as_deref());
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = self.look(cx.waker()) {
            return Poll::Ready(result);
        }
        let waited = self.patience.poll(cx);
        if waited.is_ready() {
            // Whoever asks again waits as long again.
            self.patience.alarm = None;
        }
        waited.map(|()| Err(TaskError::Timeout))
    }
}

/// Whether a task that was told to end did just that.
///
/// Source: Elixir `Task`, `shutdown_receive/5`.
fn is_obedience<T>(how: Shutdown, result: &Result<T, TaskError>) -> bool {
    match (how, result) {
        (Shutdown::BrutalKill, Err(TaskError::Exit(reason))) => *reason == ExitReason::Killed,
        (_, Err(TaskError::Exit(reason))) => *reason == ExitReason::Shutdown,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_asked_for_is_no_result() {
        let ended = |reason| Err::<(), _>(TaskError::Exit(reason));
        let after = Shutdown::default();
        let rows = [
            (Shutdown::BrutalKill, ended(ExitReason::Killed), true),
            (Shutdown::BrutalKill, ended(ExitReason::Shutdown), false),
            (after, ended(ExitReason::Shutdown), true),
            (Shutdown::Infinity, ended(ExitReason::Shutdown), true),
            // It would not go.
            (after, ended(ExitReason::Killed), false),
            (after, ended(ExitReason::shutdown_with("x")), false),
            (after, ended(ExitReason::Normal), false),
            (after, Ok(()), false),
            (Shutdown::BrutalKill, Ok(()), false),
        ];
        for (how, result, asked) in rows {
            assert_eq!(is_obedience(how, &result), asked, "{how:?} {result:?}");
        }
    }
}
