//! What a supervisor knows of a child: its specification.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::gen_server::{GenServer, StartError, StartName};
use crate::pid::Pid;
use crate::process::{IntoBody, SpawnOptions};
use crate::sync::Arc;

/// When a child that ended is started again. Prints as OTP's word for it: `permanent`.
///
/// | ends with | permanent | transient | temporary |
/// |---|---|---|---|
/// | `Normal`, `Shutdown`, `ShutdownWith` | restarted | stays stopped | removed |
/// | anything else | restarted | restarted | removed |
///
/// Source: OTP supervisor, "Child specification".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// When it crashed.
    Transient,
    /// Never.
    Temporary,
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::Temporary => "temporary",
        })
    }
}

/// How a child is stopped.
///
/// Source: OTP supervisor, "Child specification".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Killed at once.
    BrutalKill,
    /// Asked with `Shutdown`, and killed when it has not ended in this time.
    After(Duration),
    /// Asked with `Shutdown`, and waited for: right for supervisors.
    Infinity,
}

impl Default for Shutdown {
    /// Five seconds, as for a worker in OTP.
    fn default() -> Self {
        Self::After(Duration::from_secs(5))
    }
}

/// Whether a child is a supervisor itself. Only counted and shown. Prints as `worker`, `supervisor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChildKind {
    /// It does work.
    #[default]
    Worker,
    /// It has children.
    Supervisor,
}

impl fmt::Display for ChildKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worker => "worker",
            Self::Supervisor => "supervisor",
        })
    }
}

/// What names a child in its supervisor.
pub type ChildId = Arc<str>;

type Starting = Pin<Box<dyn Future<Output = Result<Pid, StartError>> + Send>>;
/// Is given the child's id, to label the process with.
type StartFunction = Arc<dyn Fn(&ChildId) -> Starting + Send + Sync>;

/// How a child is started, restarted and stopped.
///
/// Made from a server type with [`GenServer::child`], from a body with [`ChildSpec::process`], from
/// a [`Supervisor`](crate::Supervisor), or from any function that starts a linked process.
///
/// Source: OTP supervisor, `child_spec()`.
#[derive(Clone)]
#[must_use = "a specification does nothing until it is given to a supervisor"]
pub struct ChildSpec {
    pub(crate) id: ChildId,
    pub(crate) start: StartFunction,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) kind: ChildKind,
    pub(crate) significant: bool,
    pub(crate) module: &'static str,
}

impl ChildSpec {
    /// A child that `start` starts. It must be linked to its caller, which is the supervisor.
    ///
    /// `start` is called again at each restart. [`StartError::Ignored`] leaves the child stopped,
    /// and is no failure.
    pub fn new<F>(id: impl Into<ChildId>, start: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Pid, StartError>> + Send + 'static,
    {
        Self::labelled(id, move |_| start())
    }

    /// As [`new`](Self::new); `start` labels the process with the id that it is given.
    pub(crate) fn labelled<F>(
        id: impl Into<ChildId>,
        start: impl Fn(&ChildId) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Pid, StartError>> + Send + 'static,
    {
        Self {
            id: id.into(),
            start: Arc::new(move |id| Box::pin(start(id))),
            restart: Restart::default(),
            shutdown: Shutdown::default(),
            kind: ChildKind::default(),
            significant: false,
            module: "function",
        }
    }

    /// A child that is a plain process: `make` makes its body, again at each restart.
    pub fn process<K: 'static, B: IntoBody<K>>(
        id: impl Into<ChildId>,
        make: impl Fn() -> B + Send + Sync + 'static,
    ) -> Self {
        let start = move |id: &ChildId| {
            let spawned = SpawnOptions::new().label(id.clone()).link().spawn(make());
            std::future::ready(match spawned {
                Ok(spawned) => Ok(spawned.address.pid()),
                Err(error) => Err(StartError::Failed(crate::ExitReason::error(error))),
            })
        };
        Self { module: "process", ..Self::labelled(id, start) }
    }

    /// The id.
    pub fn id(&self) -> &ChildId {
        &self.id
    }

    /// With this id: it must be the only one in its supervisor.
    pub fn with_id(mut self, id: impl Into<ChildId>) -> Self {
        self.id = id.into();
        self
    }

    /// Restarted like this.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Stopped like this.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Shown as this kind.
    pub fn kind(mut self, kind: ChildKind) -> Self {
        self.kind = kind;
        self
    }

    /// Its end may end the supervisor; see [`AutoShutdown`](crate::AutoShutdown).
    pub fn significant(mut self) -> Self {
        self.significant = true;
        self
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("id", &self.id)
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("kind", &self.kind)
            .field("significant", &self.significant)
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}

/// Equal when everything that can be compared is: two start functions cannot.
impl PartialEq for ChildSpec {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.restart, self.shutdown, self.kind, self.significant, self.module)
            == (
                &other.id,
                other.restart,
                other.shutdown,
                other.kind,
                other.significant,
                other.module,
            )
    }
}

/// A server as a child: the default specification of its type, with what is said otherwise.
///
/// The id is the name, if it has one, or else the type's name.
#[must_use = "a child does nothing until it is given to a supervisor"]
pub struct Child<S: GenServer> {
    make: Arc<dyn Fn() -> S::Args + Send + Sync>,
    name: Option<StartName<S>>,
    limit: Option<Duration>,
    id: Option<ChildId>,
    restart: Restart,
    shutdown: Shutdown,
    significant: bool,
}

impl<S: GenServer> Child<S> {
    pub(crate) fn new(make: impl Fn() -> S::Args + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(make),
            name: None,
            limit: None,
            id: None,
            restart: S::RESTART,
            shutdown: S::SHUTDOWN,
            significant: false,
        }
    }

    /// Under this name: a [`Name`](crate::Name), or a [`Via`](crate::Via), by reference.
    pub fn name(mut self, name: impl Into<StartName<S>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With this id: it must be the only one in its supervisor.
    pub fn id(mut self, id: impl Into<ChildId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Restarted like this.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Stopped like this.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Its end may end the supervisor; see [`AutoShutdown`](crate::AutoShutdown).
    pub fn significant(mut self) -> Self {
        self.significant = true;
        self
    }

    /// Has this long for its `init`, at each start.
    pub fn start_timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }
}

impl<S: GenServer> fmt::Debug for Child<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<S: GenServer> From<Child<S>> for ChildSpec {
    fn from(child: Child<S>) -> Self {
        let Child { make, name, limit, id, restart, shutdown, significant } = child;
        let module = S::type_name();
        let named = || name.as_ref().and_then(|name| name.naming.label());
        let id = id.or_else(named).unwrap_or_else(|| short(module).into());
        let start = move |id: &ChildId| {
            let start = S::start_link(make()).options(name.clone(), limit).label(id.clone());
            async move { Ok(start.await?.pid()) }
        };
        let spec = ChildSpec { significant, module, ..ChildSpec::labelled(id, start) };
        spec.restart(restart).shutdown(shutdown).kind(S::KIND)
    }
}

/// The last part of a type's path.
pub(crate) fn short(path: &'static str) -> &'static str {
    let end = path.find('<').unwrap_or(path.len());
    path[..end].rsplit("::").next().unwrap_or(path)
}
