//! One task for each item, some at a time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::many::Bells;
use super::{Task, TaskError};
use crate::ambient;
use crate::call::CALL_TIMEOUT;
use crate::rt::{Instant, Sleep, sleep_until};
use crate::sync::Arc;

/// What happens to a stream when one of its tasks takes too long.
///
/// Source: Elixir `Task.async_stream/3`, `:on_timeout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// The item is `Err(Timeout)`, and the last one: the other tasks are killed. With `?`, the
    /// consumer exits with it.
    ///
    /// Differs from Elixir, where the consumer exits by itself: an expected failure is a value here.
    #[default]
    Exit,
    /// The item is `Err(Timeout)`, and the next one follows.
    KillTask,
}

struct Running<T> {
    task: Task<T>,
    timed_out: bool,
}

/// Takes the next item and starts its task.
type Starter<'a, T> = Box<dyn FnMut() -> Option<Task<T>> + Send + 'a>;

/// The results of one task for each item, as they are asked for; see [`Task::async_stream`].
///
/// Dropping it kills the tasks that run, and takes no more items; [`close`](Self::close) waits for
/// their end as well.
#[must_use = "a stream starts nothing until it is asked for an item"]
pub struct TaskStream<'a, T> {
    max_concurrency: usize,
    ordered: bool,
    limit: Option<Duration>,
    on_timeout: OnTimeout,
    /// `None` when there are no more items.
    start: Option<Starter<'a, T>>,
    started: usize,
    ended: usize,
    /// By the number of their start.
    running: BTreeMap<usize, Running<T>>,
    /// By the place at which they are given out: that of their item, or that of their end.
    results: BTreeMap<usize, Result<T, TaskError>>,
    given: usize,
    bells: Bells,
    /// In the order of start, which is that of the times.
    deadlines: VecDeque<(usize, Instant)>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<T> fmt::Debug for TaskStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskStream")
            .field("started", &self.started)
            .field("running", &self.running.len())
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

// Nothing in it is pinned: the results are only kept.
impl<T> Unpin for TaskStream<'_, T> {}

impl<T: Send + 'static> Task<T> {
    /// Runs `work` on every item, each in a task of its own, at most as many at a time as the machine
    /// has cores; the results come one by one, in the order of the items. Those that are ready too
    /// early for that wait in the stream.
    ///
    /// Items are taken, and tasks started, as results are asked for.
    ///
    /// A consumer that does not trap exits is linked to the tasks: a crash ends it, and the other
    /// tasks with it. One that traps exits gets the crash as its item, and no message.
    ///
    /// The options are [`max_concurrency`](TaskStream::max_concurrency),
    /// [`unordered`](TaskStream::unordered), [`timeout`](TaskStream::timeout) (five seconds for each
    /// task, unless told otherwise) and [`on_timeout`](TaskStream::on_timeout).
    ///
    /// ```
    /// use runtime::Task;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
    /// let mut squares = Task::async_stream(1..=4, |n| async move { n * n }).max_concurrency(2);
    /// while let Some(square) = squares.next().await {
    ///     println!("{}", square?);
    /// }
    ///
    /// let doubled = Task::async_stream(["a", "b"], |s| async move { s.repeat(2) });
    /// assert_eq!(doubled.try_collect().await?, ["aa", "bb"]);
    /// # Ok(()) }
    /// ```
    ///
    /// Source: Elixir `Task.async_stream/3`.
    pub fn async_stream<'a, I, F, W>(items: I, work: F) -> TaskStream<'a, T>
    where
        I: IntoIterator<Item: Send + 'static, IntoIter: Send + 'a>,
        F: Fn(I::Item) -> W + Send + Sync + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        let mut items = items.into_iter();
        let work = Arc::new(work);
        TaskStream::new(Box::new(move || {
            let (item, work) = (items.next()?, work.clone());
            // All of the work is the task's, also what is done before its first `.await`.
            Some(Self::begin(is_untrapping_process(), async move { work(item).await }))
        }))
    }
}

/// Whether the current process is to be linked to the tasks that it consumes.
fn is_untrapping_process() -> bool {
    let mut untrapping = false;
    if let Some(pcb) = ambient::current() {
        pcb.control(&mut |control, _| untrapping = !control.trap_exit);
    }
    untrapping
}

impl<'a, T> TaskStream<'a, T> {
    fn new(start: Starter<'a, T>) -> Self {
        Self {
            max_concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            ordered: true,
            limit: Some(CALL_TIMEOUT),
            on_timeout: OnTimeout::default(),
            start: Some(start),
            started: 0,
            ended: 0,
            running: BTreeMap::new(),
            results: BTreeMap::new(),
            given: 0,
            bells: Bells::default(),
            deadlines: VecDeque::new(),
            alarm: None,
        }
    }

    /// At most this many tasks at a time.
    ///
    /// # Panics
    /// When it is zero: nothing would ever run.
    pub fn max_concurrency(mut self, tasks: usize) -> Self {
        assert!(tasks > 0, "max_concurrency must be greater than zero");
        self.max_concurrency = tasks;
        self
    }

    /// Gives out each result when it comes, and keeps none back for the sake of the order.
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Each task has this long, from its start.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Each task has as long as it takes.
    pub fn infinity(mut self) -> Self {
        self.limit = None;
        self
    }

    /// What happens when a task takes too long. It is killed in any case.
    pub fn on_timeout(mut self, on_timeout: OnTimeout) -> Self {
        self.on_timeout = on_timeout;
        self
    }

    /// The next result; `None` after the last one.
    ///
    /// # Errors
    /// Those of the single tasks: [`TaskError::Exit`] of one that ended without a value, when the
    /// consumer outlives that, and [`TaskError::Timeout`].
    ///
    /// Cancellation: dropping it loses no result.
    pub async fn next(&mut self) -> Option<Result<T, TaskError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for adapters: with it, a `Stream` of another crate is one
    /// `poll_fn(move |cx| tasks.poll_next(cx))` away.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, TaskError>>> {
        loop {
            if let Some(result) = self.results.remove(&self.given) {
                self.given += 1;
                if self.on_timeout == OnTimeout::Exit && matches!(result, Err(TaskError::Timeout)) {
                    self.kill_all();
                    self.running.clear();
                    self.results.clear();
                }
                return Poll::Ready(Some(result));
            }
            self.fill();
            if self.running.is_empty() {
                return Poll::Ready(None);
            }
            let rung = self.bells.rung(cx.waker());
            if rung.is_empty() && self.poll_deadlines(cx).is_pending() {
                return Poll::Pending;
            }
            for number in rung {
                self.look(number);
            }
        }
    }

    /// Starts tasks while there are items and room.
    fn fill(&mut self) {
        while self.running.len() < self.max_concurrency {
            let Some(start) = &mut self.start else { return };
            let Some(task) = start() else {
                self.start = None;
                return;
            };
            let number = self.started;
            self.started += 1;
            if let Some(deadline) = self.limit.and_then(|limit| Instant::now().checked_add(limit)) {
                self.deadlines.push_back((number, deadline));
            }
            self.running.insert(number, Running { task, timed_out: false });
            self.look(number);
        }
    }

    /// Takes the result of a task, if it is there.
    fn look(&mut self, number: usize) {
        let Some(running) = self.running.get_mut(&number) else { return };
        let Poll::Ready(result) = running.task.take(&self.bells.bell(number)) else { return };
        // A value that came at the last moment counts.
        let result = match result {
            Err(TaskError::Exit(_)) if running.timed_out => Err(TaskError::Timeout),
            result => result,
        };
        self.running.remove(&number);
        self.results.insert(if self.ordered { number } else { self.ended }, result);
        self.ended += 1;
    }

    /// Kills the tasks whose time is up: their ends ring. Ready when there was one.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut killed = Poll::Pending;
        while let Some((number, deadline)) = self.deadlines.front().copied() {
            if let Some(running) = self.running.get_mut(&number) {
                let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                if alarm.deadline() != deadline {
                    alarm.as_mut().reset(deadline);
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    break;
                }
                running.timed_out = true;
                running.kill();
                killed = Poll::Ready(());
            }
            self.deadlines.pop_front();
        }
        killed
    }

    fn kill_all(&mut self) {
        self.start = None;
        for running in self.running.values_mut() {
            running.kill();
        }
    }

    /// Kills the tasks that run, and waits for their end.
    ///
    /// Cancellation: the tasks are killed at the first poll.
    pub async fn close(mut self) {
        self.kill_all();
        for (_, running) in std::mem::take(&mut self.running) {
            running.task.pid().join().await;
        }
    }

    /// All the results, in the order in which they come.
    ///
    /// # Errors
    /// Those of the single tasks, in their places.
    ///
    /// Cancellation: dropping it kills the tasks that run.
    pub async fn collect(mut self) -> Vec<Result<T, TaskError>> {
        let mut results = Vec::new();
        while let Some(result) = self.next().await {
            results.push(result);
        }
        results
    }

    /// All the values.
    ///
    /// # Errors
    /// The first one; the tasks that run are killed then, and have ended.
    ///
    /// Cancellation: dropping it kills the tasks that run.
    pub async fn try_collect(mut self) -> Result<Vec<T>, TaskError> {
        let mut values = Vec::new();
        while let Some(result) = self.next().await {
            match result {
                Ok(value) => values.push(value),
                Err(error) => {
                    self.close().await;
                    return Err(error);
                }
            }
        }
        Ok(values)
    }
}

impl<T> Running<T> {
    /// Its end is nobody else's.
    fn kill(&mut self) {
        self.task.cut_loose();
        self.task.pid().kill();
    }
}

impl<T> Drop for TaskStream<'_, T> {
    fn drop(&mut self) {
        self.kill_all();
    }
}
