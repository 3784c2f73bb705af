//! Tasks that belong to a supervisor.

use std::future::{Future, ready};
use std::time::Duration;

use super::Task;
use crate::ambient;
use crate::call::CallError;
use crate::exit_reason::ExitReason;
use crate::gen_server::{Name, Server, Start, StartError};
use crate::pid::Pid;
use crate::process::{self, IntoBody, SpawnOptions};
use crate::supervisor::dynamic::{DynamicSupervision, DynamicSupervisor, DynamicSupervisorServer};
use crate::supervisor::{ChildError, ChildSpec, ChildState, Restart};
use crate::sync::Mutex;

/// A supervisor of tasks: they are its children, not their owner's, so they can be counted, limited
/// and stopped in one place.
///
/// It is a [`DynamicSupervisor`](crate::DynamicSupervisor), and whatever can be asked of one can be
/// asked of it; these functions know tasks. They take a [`ServerRef`](crate::ServerRef) or a
/// [`Name`].
///
/// ```
/// use runtime::{DynamicSupervisorServer, Name, Strategy, Supervisor, TaskSupervisor};
///
/// static JOBS: Name<DynamicSupervisorServer> = Name::new("jobs");
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
/// Supervisor::new(Strategy::OneForOne)
///     .child(TaskSupervisor::new().max_children(100).into_child(&JOBS))
///     .start_link()
///     .await?;
///
/// // Its crash is a value.
/// let report = TaskSupervisor::async_nolink(&JOBS, async { 6 * 7 }).await?;
/// assert_eq!(report.await?, 42);
///
/// // Nobody waits for it.
/// TaskSupervisor::start_child(&JOBS, async { println!("mail sent") }).await?;
/// # Ok(()) }
/// ```
///
/// Source: Elixir `Task.Supervisor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a supervisor does nothing until it is started"]
pub struct TaskSupervisor(DynamicSupervisor);

/// To be started.
impl TaskSupervisor {
    /// Three restarts in five seconds, and as many tasks as there is room for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses more tasks than this.
    pub fn max_children(self, max_children: usize) -> Self {
        Self(self.0.max_children(max_children))
    }

    /// Grants `max_restarts` restarts within any `window`; only tasks that are restarted at all need
    /// any.
    pub fn intensity(self, max_restarts: usize, window: Duration) -> Self {
        Self(self.0.intensity(max_restarts, window))
    }

    /// Starts it on its own.
    pub fn start(self) -> Start<DynamicSupervisorServer> {
        self.0.start()
    }

    /// Starts it, linked to the current process.
    ///
    /// Source: Elixir `Task.Supervisor.start_link/1`.
    pub fn start_link(self) -> Start<DynamicSupervisorServer> {
        self.0.start_link()
    }

    /// It as a child of a supervisor, under a name.
    pub fn into_child(self, name: &'static Name<DynamicSupervisorServer>) -> ChildSpec {
        self.0.into_child(name)
    }
}

/// Running.
impl TaskSupervisor {
    /// Starts a task that nobody waits for, linked to the supervisor only. It is not restarted.
    ///
    /// One that is: `supervisor.start_child(Task::child(make).restart(Restart::Transient))`, with
    /// [`DynamicSupervision`].
    ///
    /// # Errors
    /// [`ChildError::MaxChildren`]: wait and try again, or do without. Or the supervisor is not
    /// there.
    ///
    /// Cancellation: dropped after its first poll, the task may run or not.
    ///
    /// Source: Elixir `Task.Supervisor.start_child/3`.
    pub async fn start_child<K: 'static, B: IntoBody<K>>(
        supervisor: &impl Server<Type = DynamicSupervisorServer>,
        body: B,
    ) -> Result<Pid, ChildError> {
        start(supervisor, once(body)).await
    }

    /// Starts a task that computes a value for the current process, as [`Task::async_`] does: linked
    /// to it, and to the supervisor.
    ///
    /// # Errors
    /// As [`start_child`](Self::start_child).
    ///
    /// Cancellation: dropped after its first poll, the task may run or not, and nobody gets its value.
    ///
    /// Source: Elixir `Task.Supervisor.async/3`.
    pub async fn async_<T: Send + 'static>(
        supervisor: &impl Server<Type = DynamicSupervisorServer>,
        body: impl Future<Output = T> + Send + 'static,
    ) -> Result<Task<T>, ChildError> {
        let (task, work) = Task::prepare(body);
        let owner = Some(ambient::current_pid()).filter(|owner| *owner != Pid::OUTSIDE);
        let linking = async move {
            // From here, so that nothing of the body runs unlinked.
            if let Some(owner) = owner
                && process::link(owner).is_err()
            {
                // Nobody waits for the value any more.
                return ExitReason::shutdown_with(ExitReason::NoProc);
            }
            work.await;
            ExitReason::Normal
        };
        let pid = start(supervisor, once(linking)).await?;
        Ok(Task { pid, linked: owner.is_some(), ..task })
    }

    /// As [`async_`](Self::async_), and linked to the supervisor only: a crash of the task is the
    /// result that its owner sees, and not the owner's end.
    ///
    /// # Errors
    /// As [`start_child`](Self::start_child).
    ///
    /// Cancellation: dropped after its first poll, the task may run or not, and nobody gets its value.
    ///
    /// Source: Elixir `Task.Supervisor.async_nolink/3`.
    pub async fn async_nolink<T: Send + 'static>(
        supervisor: &impl Server<Type = DynamicSupervisorServer>,
        body: impl Future<Output = T> + Send + 'static,
    ) -> Result<Task<T>, ChildError> {
        let (task, work) = Task::prepare(body);
        let pid = start(supervisor, once(work)).await?;
        Ok(Task { pid, ..task })
    }

    /// The tasks that run, in no particular order.
    ///
    /// # Errors
    /// The supervisor is not there.
    ///
    /// Source: Elixir `Task.Supervisor.children/1`.
    pub async fn children(
        supervisor: &impl Server<Type = DynamicSupervisorServer>,
    ) -> Result<Vec<Pid>, CallError> {
        let children = supervisor.which_children().await?;
        let running = |state| match state {
            ChildState::Running(pid) => Some(pid),
            _ => None,
        };
        Ok(children.into_iter().filter_map(|child| running(child.state)).collect())
    }

    /// Stops a task: it is asked to, and killed after five seconds. Its owner sees the result
    /// `Exit(Shutdown)`, or [`Killed`](ExitReason::Killed).
    ///
    /// # Errors
    /// [`ChildError::NotFound`] when the pid is no task's of this supervisor, or not any more.
    ///
    /// Source: Elixir `Task.Supervisor.terminate_child/2`.
    pub async fn terminate_child(
        supervisor: &impl Server<Type = DynamicSupervisorServer>,
        task: impl Into<Pid>,
    ) -> Result<(), ChildError> {
        supervisor.terminate_child(task).await
    }
}

async fn start(
    supervisor: &impl Server<Type = DynamicSupervisorServer>,
    task: ChildSpec,
) -> Result<Pid, ChildError> {
    let started = supervisor.start_child(task).await?;
    // Only the second start of a body is ignored.
    started.ok_or(ChildError::Start(StartError::Ignored))
}

/// A child that is started once: there is one body, and no way to make another.
fn once<K: 'static, B: IntoBody<K>>(body: B) -> ChildSpec {
    let body = Mutex::new(Some(body));
    let start = move || {
        let body = body.lock().take();
        ready(match body {
            Some(body) => match SpawnOptions::new().link().spawn(body) {
                Ok(spawned) => Ok(spawned.address.pid()),
                Err(error) => Err(StartError::Failed(ExitReason::error(error))),
            },
            None => Err(StartError::Ignored),
        })
    };
    let mut spec = ChildSpec::new("Task", start).restart(Restart::Temporary);
    spec.module = "Task";
    spec
}
