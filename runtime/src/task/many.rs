//! Several tasks at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::{Patience, Task, TaskError};
use crate::call::CALL_TIMEOUT;
use crate::sync::Mutex;

/// Wakers for many futures behind one, which remember who was woken: nobody else need be polled, so
/// waiting for a thousand tasks looks at each of them twice, and not a thousand times.
#[derive(Default)]
pub(super) struct Bells(Arc<Mutex<Rung>>);

#[derive(Default)]
struct Rung {
    numbers: Vec<usize>,
    listener: Option<Waker>,
}

struct Bell {
    number: usize,
    bells: Arc<Mutex<Rung>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let listener = {
            let mut rung = self.bells.lock();
            rung.numbers.push(self.number);
            rung.listener.take()
        };
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}

impl Bells {
    pub(super) fn bell(&self, number: usize) -> Waker {
        Arc::new(Bell { number, bells: self.0.clone() }).into()
    }

    /// Those that have rung since the last time, first come first; none is the promise to wake.
    pub(super) fn rung(&self, waker: &Waker) -> Vec<usize> {
        // Wakers are foreign code: they are cloned and dropped while the lock is free.
        let mut waker = Some(waker.clone());
        let mut rung = self.0.lock();
        if rung.numbers.is_empty() {
            std::mem::swap(&mut rung.listener, &mut waker);
        }
        std::mem::take(&mut rung.numbers)
    }
}

/// Tasks that are waited for together.
struct Choir {
    bells: Bells,
    begun: bool,
    size: usize,
}

impl Choir {
    fn of<T>(tasks: &[Task<T>]) -> Self {
        Self { bells: Bells::default(), begun: false, size: tasks.len() }
    }

    /// Gives `heed` every result that is there, as it comes, until it says stop; and sees to it that
    /// the next one wakes.
    fn poll<T>(
        &mut self,
        tasks: &mut [Task<T>],
        cx: &Context<'_>,
        mut heed: impl FnMut(usize, Result<T, TaskError>) -> bool,
    ) {
        let mut look = |number: usize| match tasks[number].look(&self.bells.bell(number)) {
            Poll::Ready(result) => heed(number, result),
            Poll::Pending => true,
        };
        if !std::mem::replace(&mut self.begun, true) && !(0..self.size).all(&mut look) {
            return;
        }
        loop {
            let rung = self.bells.rung(cx.waker());
            if rung.is_empty() || !rung.into_iter().all(&mut look) {
                return;
            }
        }
    }
}

/// Waits for all of several tasks; see [`Task::await_many`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct AwaitMany<T> {
    tasks: Vec<Task<T>>,
    choir: Choir,
    values: Vec<Option<T>>,
    missing: usize,
    patience: Patience,
}

impl<T> std::fmt::Debug for AwaitMany<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwaitMany").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

// Nothing in it is pinned: the values are only kept.
impl<T> Unpin for AwaitMany<T> {}

impl<T> AwaitMany<T> {
    /// Waits this long for all of them together.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.patience = Patience::new(Some(limit));
        self
    }

    /// Waits for as long as it takes.
    pub fn infinity(mut self) -> Self {
        self.patience = Patience::new(None);
        self
    }
}

impl<T> Future for AwaitMany<T> {
    type Output = Result<Vec<T>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { tasks, choir, values, missing, patience } = &mut *self;
        let mut failed = None;
        choir.poll(tasks, cx, |number, result| match result {
            Ok(value) => {
                values[number] = Some(value);
                *missing -= 1;
                true
            }
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        if let Some(error) = failed {
            return Poll::Ready(Err(error));
        }
        if *missing == 0 {
            return Poll::Ready(Ok(std::mem::take(values).into_iter().flatten().collect()));
        }
        patience.poll(cx).map(|()| Err(TaskError::Timeout))
    }
}

impl<T: Send + 'static> Task<T> {
    /// Waits for all the tasks, and gives their values in the order of the tasks.
    ///
    /// Five seconds for all of them together, unless told otherwise; a limit of a single task does
    /// not count here.
    ///
    /// # Errors
    /// The first task that ends without a value ends the waiting, with its reason;
    /// [`TaskError::Timeout`], [`TaskError::NotOwner`], [`TaskError::Taken`]. The other tasks go on,
    /// their results are given up.
    ///
    /// Cancellation: dropping it gives up the results, and the tasks go on.
    ///
    /// ```
    /// use runtime::Task;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
    /// let tasks = (1..=3).map(|n| Task::async_(async move { n * n }));
    /// assert_eq!(Task::await_many(tasks).await?, [1, 4, 9]);
    /// # Ok(()) }
    /// ```
    ///
    /// Source: Elixir `Task.await_many/2`.
    pub fn await_many(tasks: impl IntoIterator<Item = Self>) -> AwaitMany<T> {
        let tasks: Vec<_> = tasks.into_iter().collect();
        AwaitMany {
            choir: Choir::of(&tasks),
            values: tasks.iter().map(|_| None).collect(),
            missing: tasks.len(),
            patience: Patience::new(Some(CALL_TIMEOUT)),
            tasks,
        }
    }

    /// Waits until all the tasks have ended, but not longer than `limit`, and gives for each its
    /// result, or `None` when it goes on.
    ///
    /// # Errors
    /// Those of the single results; see [`yield_`](Self::yield_).
    ///
    /// Cancellation: dropping it loses the results that it had taken already.
    ///
    /// ```
    /// use runtime::Task;
    /// use std::{future::pending, time::Duration};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let mut tasks = [Task::async_(async { 1 }), Task::async_(pending())];
    /// let results = Task::yield_many(&mut tasks, Duration::from_millis(50)).await;
    /// assert_eq!(results, [Some(Ok(1)), None]);
    /// # }
    /// ```
    ///
    /// Source: Elixir `Task.yield_many/2`.
    pub async fn yield_many(
        tasks: &mut [Self],
        limit: Duration,
    ) -> Vec<Option<Result<T, TaskError>>> {
        let mut patience = Patience::new(Some(limit));
        let mut choir = Choir::of(tasks);
        let mut results: Vec<_> = tasks.iter().map(|_| None).collect();
        let mut missing = tasks.len();
        poll_fn(|cx| {
            choir.poll(tasks, cx, |number, result| {
                missing -= 1;
                results[number] = Some(result).filter(|result| !is_taken(result));
                true
            });
            if missing == 0 { Poll::Ready(()) } else { patience.poll(cx) }
        })
        .await;
        results
    }
}

/// Whether somebody asked once too often.
pub(super) fn is_taken<T>(result: &Result<T, TaskError>) -> bool {
    matches!(result, Err(TaskError::Taken))
}
