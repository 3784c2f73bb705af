//! Starting a server, and waiting until it runs.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::GenServer;
use super::serve::serve;
use super::server::{ServerRef, StartName};
use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::names::{NameRefused, RegisterError};
use crate::pid::Pid;
use crate::process::{SpawnOptions, Spawned};
use crate::registry::RegistryError;
use crate::supervisor::short;
use crate::sync::{Arc, Mutex};
use crate::system::System;

/// A server could not be started.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The name is taken; `init` did not run.
    #[error("already started: {0}")]
    AlreadyStarted(Pid),
    /// `init` said [`Init::Ignore`](super::Init::Ignore): there is nothing to be run, and nothing is wrong.
    #[error("the server has nothing to do")]
    Ignored,
    /// `init` was not done in time; the process was killed.
    #[error("timeout: init was not done in time")]
    Timeout,
    /// The registry in which it was to have its name says no; `init` did not run.
    #[error(transparent)]
    Registry(RegistryError),
    /// `init` failed with this reason.
    #[error("init failed: {0}")]
    Failed(ExitReason),
}

/// A server that is to be started: set its options, await it.
///
/// Waits until `init` is done. A name is taken before `init` runs.
///
/// Cancellation: dropping it while it waits leaves the server to itself, linked if it was to be.
///
/// Source: OTP `gen_server:start_link/4`.
#[must_use = "a server is started when this is awaited"]
pub struct Start<S: GenServer> {
    args: S::Args,
    name: Option<StartName<S>>,
    label: Option<Arc<str>>,
    link: bool,
    limit: Option<Duration>,
}

impl<S: GenServer> fmt::Debug for Start<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("name", &self.name)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl<S: GenServer> Start<S> {
    pub(super) fn new(args: S::Args, link: bool) -> Self {
        Self { args, name: None, label: None, link, limit: None }
    }

    /// Under this name: a [`Name`](crate::Name), or a [`Via`](crate::Via), by reference.
    pub fn name(mut self, name: impl Into<StartName<S>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Waits this long for `init`, then kills the server. For ever, unless told otherwise.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(crate) fn options(self, name: Option<StartName<S>>, limit: Option<Duration>) -> Self {
        Self { name, limit, ..self }
    }

    /// Labelled like this, unless it has a name.
    pub(crate) fn label(self, label: Arc<str>) -> Self {
        Self { label: Some(label), ..self }
    }

    async fn run(self) -> Result<ServerRef<S>, StartError> {
        let current = ambient::current();
        let parent = current.as_deref();
        let mut options = SpawnOptions::new();
        let called = self.name.as_ref().and_then(|name| name.naming.label());
        // A key in a registry need not be printable; the type at least says what this is.
        let type_name = self.name.as_ref().map(|_| short(S::type_name()).into());
        if let Some(label) = self.label.or(type_name).filter(|_| called.is_none()) {
            options = options.label(label);
        }
        if let Some(name) = self.name {
            options = options.name(name.naming);
        }
        let linked = self.link && parent.is_some();
        if linked {
            options = options.link();
        }
        let parent_pid = parent.map(|pcb| pcb.head().pid).filter(|_| linked);
        let started = Started::default();
        let (ack, args) = (started.clone(), self.args);
        let body = move |process| serve::<S>(process, parent_pid, args, ack);
        let system = match parent {
            Some(pcb) => System::of(&pcb.head().system),
            None => System::current(),
        };
        let options = options.joined();
        let Spawned { address, end, .. } =
            match options.try_spawn_from(system.inner(), parent, body) {
                Ok(spawned) => spawned,
                Err(
                    NameRefused::Local(RegisterError::Taken { holder, .. })
                    | NameRefused::Registry(RegistryError::AlreadyRegistered(holder)),
                ) => return Err(StartError::AlreadyStarted(holder)),
                Err(NameRefused::Local(error)) => {
                    return Err(StartError::Failed(ExitReason::error(error)));
                }
                Err(NameRefused::Registry(error)) => return Err(StartError::Registry(error)),
            };
        drop(current);
        let end = end.unwrap_or_else(|| address.join());
        let waiting = started.wait(end);
        let outcome = match self.limit {
            Some(limit) => crate::rt::timeout(limit, waiting).await,
            None => Ok(waiting.await),
        };
        match outcome {
            Ok(None) => Ok(ServerRef(address)),
            Ok(Some(_)) if started.is(StartState::Ignored) => Err(StartError::Ignored),
            Ok(Some(reason)) => Err(StartError::Failed(reason)),
            Err(_) => {
                if linked {
                    // Nothing of it reaches the caller: OTP unlinks and flushes.
                    let _ = crate::process::unlink(&address);
                }
                let end = address.join();
                address.kill();
                end.await;
                Err(StartError::Timeout)
            }
        }
    }
}

impl<S: GenServer> IntoFuture for Start<S> {
    type Output = Result<ServerRef<S>, StartError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum StartState {
    #[default]
    Starting,
    Running,
    Ignored,
}

/// How a starting server tells that it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Started(Arc<Mutex<(StartState, Option<std::task::Waker>)>>);

impl Started {
    pub(super) fn set(&self, state: StartState) {
        let waker = {
            let mut this = self.0.lock();
            this.0 = state;
            this.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is(&self, state: StartState) -> bool {
        self.0.lock().0 == state
    }

    /// `None` when the server runs, the reason when it has ended instead.
    async fn wait(&self, mut end: crate::join::Join) -> Option<ExitReason> {
        poll_fn(|cx| {
            {
                let mut this = self.0.lock();
                if this.0 == StartState::Running {
                    return Poll::Ready(None);
                }
                this.1 = Some(cx.waker().clone());
            }
            Pin::new(&mut end).poll(cx).map(Some)
        })
        .await
    }
}
