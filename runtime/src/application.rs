//! A program as a whole: applications that start in order, stop in reverse, and decide together how
//! the program ends.
//!
//! An [`Application`] is a supervision tree with a name: how it is configured, what it needs, how it
//! starts. A [`Release`] is all that a program runs. It reads every configuration first, starts the
//! trees one after the other, waits until it is told to stop (a signal, [`stop`], the end of an
//! application), and stops the trees in the reverse order, within a deadline.
//!
//! ```
//! use runtime::application::{self, Application, Release};
//! use runtime::prelude::*;
//!
//! struct Config { greeting: String }
//!
//! fn read() -> anyhow::Result<Config> {
//!     Ok(Config { greeting: std::env::var("GREETING").unwrap_or("hello".into()) })
//! }
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<std::process::ExitCode> {
//!     let storage = Application::new("storage", || Supervisor::one_for_one().start_link());
//!     let shop = Application::configured("shop", read, |config| {
//!         let greet = move || { let greeting = config.greeting.clone(); async move {
//!             println!("{greeting}");
//!             application::stop(0);
//!         }};
//!         Supervisor::one_for_one()
//!             .child(ChildSpec::process("greeter", greet).restart(Restart::Temporary))
//!             .start_link()
//!     })
//!     .requires("storage");
//!
//!     let ended = Release::new().application(shop).application(storage).run().await?;
//!     println!("{ended}");
//!     Ok(ended.exit_code())
//! }
//! ```
//!
//! # How it ends
//!
//! | what happens | what follows | exit code |
//! |---|---|---:|
//! | SIGTERM or SIGINT | everything is stopped in order | 0 |
//! | [`stop`] with a code | everything is stopped in order | the code |
//! | an application ends, and its [`Mode`] minds | everything else is stopped in order | 1 |
//! | an application does not start | those before it are stopped in order | 1 |
//! | the deadline passes, or a second signal comes | what is left is killed | the code, but 1 instead of 0 |
//!
//! Code that never yields cannot be killed, and a tokio runtime that is dropped waits for it. A
//! program that may hold such code ends with [`std::process::exit`] and [`Ended::code`], not by
//! returning from `main`.
//!
//! What a deployment does with this: send SIGTERM, wait for longer than
//! [`stop_within`](Release::stop_within) says, then SIGKILL.
//!
//! Differs from OTP: applications are values of the program and not files on disk; none is started
//! later, since all that a program runs is linked into it; the deadline is one for the whole release,
//! 25 seconds unless set, where OTP waits without limit.
//!
//! Source: OTP application, application controller; Elixir `Application`, `System.stop/1`.

mod controller;
mod course;
mod order;
#[cfg(feature = "signals")]
mod signals;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

pub use controller::{ApplicationInfo, Running, stop, which_applications};

use crate::exit_reason::{Crash, ExitReason};
use crate::pid::Pid;

/// How long stopping may take, unless the release says otherwise: less than the thirty seconds after
/// which many platforms kill a program.
pub const STOP_WITHIN: Duration = Duration::from_secs(25);

/// Which end of an application, not asked for, ends the whole release.
///
/// Source: OTP `application:start/2`, restart types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Any end.
    #[default]
    Permanent,
    /// Any end but `Normal`. A supervisor that gives up ends with `Shutdown`, which counts.
    Transient,
    /// None: the end is logged, and the others go on.
    Temporary,
}

impl Mode {
    fn is_fatal(self, reason: &ExitReason) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => *reason != ExitReason::Normal,
            Self::Temporary => false,
        }
    }
}

type Started = Pin<Box<dyn Future<Output = Result<Pid, Crash>> + Send>>;
type StartIt = Box<dyn FnOnce() -> Started + Send>;
type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A supervision tree with a name, to be run in a [`Release`].
#[must_use = "an application does nothing until a release runs it"]
pub struct Application {
    name: &'static str,
    mode: Mode,
    requires: Vec<&'static str>,
    prepare: Box<dyn FnOnce() -> anyhow::Result<StartIt> + Send>,
    stopped: Option<Hook>,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("name", &self.name)
            .field("mode", &self.mode)
            .field("requires", &self.requires)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// An application whose tree `start` starts: most often a supervisor's `start_link`.
    ///
    /// `start` runs in a process of the application's own, to which the tree is then linked. What it
    /// gives is the tree's top process, whose end is the application's.
    ///
    /// Source: OTP application, `Module:start/2`.
    pub fn new<F, S, P, E>(name: &'static str, start: F) -> Self
    where
        F: FnOnce() -> S + Send + 'static,
        S: IntoFuture<Output = Result<P, E>>,
        S::IntoFuture: Send + 'static,
        P: Into<Pid>,
        E: Into<Crash>,
    {
        Self::configured(name, || Ok(()), |()| start())
    }

    /// An application that has a configuration: `read` reads it, from wherever it is.
    ///
    /// The configurations of a release are read before any application starts, so that a mistake in
    /// one of them is found while nothing runs yet.
    ///
    /// Source: Elixir `config/runtime.exs`.
    pub fn configured<C, F, S, P, E>(
        name: &'static str,
        read: impl FnOnce() -> anyhow::Result<C> + Send + 'static,
        start: F,
    ) -> Self
    where
        C: Send + 'static,
        F: FnOnce(C) -> S + Send + 'static,
        S: IntoFuture<Output = Result<P, E>>,
        S::IntoFuture: Send + 'static,
        P: Into<Pid>,
        E: Into<Crash>,
    {
        let prepare = move || {
            let config = read()?;
            let start: StartIt = Box::new(move || {
                let started = start(config).into_future();
                Box::pin(async move { started.await.map(Into::into).map_err(Into::into) })
            });
            Ok(start)
        };
        let prepare = Box::new(prepare);
        Self { name, mode: Mode::default(), requires: Vec::new(), prepare, stopped: None }
    }

    /// Starts behind this one, and stops before it. The release must hold it.
    pub fn requires(mut self, name: &'static str) -> Self {
        self.requires.push(name);
        self
    }

    /// Which end of it ends the whole release.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Does this when its tree has ended, by itself or not: flush, close, say goodbye.
    ///
    /// Not when the application was killed, or never started.
    ///
    /// Source: OTP application, `Module:stop/1`.
    pub fn stopped<F>(mut self, hook: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.stopped = Some(Box::new(move || Box::pin(hook())));
        self
    }
}

/// Applications that cannot be put into an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Two have this name.
    #[error("two applications are called {0:?}")]
    Duplicate(String),
    /// One requires what is not there.
    #[error("application {name:?} requires {required:?}, which is not in the release")]
    Missing {
        /// The one that requires it.
        name: String,
        /// What is not there.
        required: String,
    },
    /// They require each other; the first one stands at the end again.
    #[error("applications require each other in a circle: {}", .0.join(" -> "))]
    Circle(Vec<String>),
}

/// A release that did not begin to start. Nothing runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The applications cannot be put into an order.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The configuration of an application cannot be read.
    #[error("the configuration of application {application:?}")]
    Config {
        /// The application.
        application: &'static str,
        /// What `read` said.
        #[source]
        error: anyhow::Error,
    },
    /// A release runs in this system already.
    #[error("a release runs already: {0}")]
    AlreadyRunning(Pid),
    /// The program cannot listen to signals.
    #[error("cannot listen to signals")]
    Signals(#[source] std::io::Error),
    /// The controller ended before it began.
    #[error("the release did not start: {0}")]
    Controller(ExitReason),
}

/// Why a release stopped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    Signal(&'static str),
    Asked(u8),
    Ended { index: usize, reason: ExitReason },
    NotStarted { index: usize, reason: ExitReason },
}

/// Why a release ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// This signal.
    Signal(&'static str),
    /// [`stop`] with this code.
    Asked(u8),
    /// An application ended by itself.
    Ended {
        /// Which.
        application: &'static str,
        /// With this reason.
        reason: ExitReason,
    },
    /// An application did not start.
    NotStarted {
        /// Which.
        application: &'static str,
        /// Because of this.
        reason: ExitReason,
    },
    /// The controller of the applications itself ended, with this reason; the trees ended with it.
    Controller(ExitReason),
}

/// A release that has ended, and how.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ended {
    /// Why it was stopped.
    pub cause: Cause,
    /// Whether what was left after the deadline, or at the second signal, was killed.
    pub forced: bool,
    /// How many of the killed processes had not ended a second later: they do not yield, and their
    /// threads are lost. Such a program ends with [`std::process::exit`].
    pub unstopped: usize,
}

impl Ended {
    /// The code with which the program should end; see the [table](self#how-it-ends).
    pub fn code(&self) -> u8 {
        let code = match self.cause {
            Cause::Signal(_) => 0,
            Cause::Asked(code) => code,
            Cause::Ended { .. } | Cause::NotStarted { .. } | Cause::Controller(_) => 1,
        };
        if self.forced { code.max(1) } else { code }
    }

    /// The same, for `main` to return.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Signal(signal) => write!(f, "stopped by {signal}")?,
            Cause::Asked(code) => write!(f, "stopped with code {code}")?,
            Cause::Ended { application, reason } => {
                write!(f, "application {application} ended: {reason}")?;
            }
            Cause::NotStarted { application, reason } => {
                write!(f, "application {application} did not start: {reason}")?;
            }
            Cause::Controller(reason) => write!(f, "the application controller ended: {reason}")?,
        }
        if self.forced {
            f.write_str("; what was left was killed")?;
        }
        match self.unstopped {
            0 => Ok(()),
            1 => f.write_str(", but for one process, which does not yield"),
            many => write!(f, ", but for {many} processes, which do not yield"),
        }
    }
}

/// All that a program runs.
///
/// One runs in a [`System`](crate::System) at a time, as one does in a node.
#[derive(Debug)]
#[must_use = "a release does nothing until it is run"]
pub struct Release {
    applications: Vec<Application>,
    within: Duration,
}

impl Default for Release {
    fn default() -> Self {
        Self::new()
    }
}

impl Release {
    /// Without applications.
    pub fn new() -> Self {
        Self { applications: Vec::new(), within: STOP_WITHIN }
    }

    /// Adds an application. They start in this order, but for what others
    /// [require](Application::requires).
    pub fn application(mut self, application: Application) -> Self {
        self.applications.push(application);
        self
    }

    /// How long stopping may take in all; then what is left is killed.
    pub fn stop_within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Begins to start the applications, and gives what can be waited for.
    ///
    /// # Errors
    /// See [`ReleaseError`]; nothing runs then. That an application does not start is not among
    /// them: it is an [`Ended`].
    pub async fn start(self) -> Result<Running, ReleaseError> {
        let within = self.within;
        controller::start(self.prepared()?, within).await
    }

    /// Starts the applications, waits for SIGTERM, SIGINT or another [end](self#how-it-ends), and
    /// stops them.
    ///
    /// On Windows, it waits for Ctrl-C.
    ///
    /// # Errors
    /// See [`ReleaseError`]; nothing runs then.
    ///
    /// # Panics
    /// In a tokio runtime without its I/O driver: build it with `enable_all`.
    ///
    /// Cancellation: the applications go on if this is dropped; [`stop`] reaches them.
    #[cfg(feature = "signals")]
    pub async fn run(self) -> Result<Ended, ReleaseError> {
        // Before anything starts: a signal that comes meanwhile is not to end the program at once.
        let signals = signals::listen().map_err(ReleaseError::Signals)?;
        let running = self.start().await?;
        running.obey(signals);
        Ok(running.wait().await)
    }

    /// The applications in the order of their start, their configurations read.
    fn prepared(self) -> Result<Vec<Prepared>, ReleaseError> {
        let required: Vec<order::Required<'_>> = self
            .applications
            .iter()
            .map(|application| (application.name, application.requires.as_slice()))
            .collect();
        let order = order::order(&required)?;
        let mut applications: Vec<Option<Application>> =
            self.applications.into_iter().map(Some).collect();
        let ordered = order.into_iter().filter_map(|index| applications[index].take());
        ordered
            .map(|Application { name, mode, prepare, stopped, .. }| match prepare() {
                Ok(start) => Ok(Prepared { name, mode, start, stopped }),
                Err(error) => Err(ReleaseError::Config { application: name, error }),
            })
            .collect()
    }
}

/// An application whose configuration is read.
struct Prepared {
    name: &'static str,
    mode: Mode,
    start: StartIt,
    stopped: Option<Hook>,
}
