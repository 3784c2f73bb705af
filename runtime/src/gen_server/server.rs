//! What leads to a server: a reference to one incarnation, or a name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::stop::Stop;
use super::{GenServer, ServerMessage};
use crate::call::{Call, Reply};
use crate::message::Target;
use crate::names::{LocalName, Naming};
use crate::pcb::{AnyPcb, Pcb};
use crate::pid::Pid;
use crate::process::Address;
use crate::supervisor::Child;
use crate::sync::Arc;

/// One incarnation of a server. A name survives a restart; this does not.
pub struct ServerRef<S: GenServer>(pub(super) Address<ServerMessage<S>>);

impl<S: GenServer> ServerRef<S> {
    /// The server with this pid, if it runs and is an `S`: so that one can call what
    /// [`which_children`](crate::Supervision::which_children) lists.
    ///
    /// Differs from OTP, where a pid has no type, and a call to the wrong process crashes it or
    /// waits in vain.
    pub fn of_pid(pid: Pid) -> Option<Self> {
        Self::of_pcb(crate::table::find(pid)?).filter(Self::is_alive)
    }

    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// Whether its `init` is done, and nothing has decided its end.
    pub(super) fn is_up(&self) -> bool {
        self.0.0.head.is_up() && self.is_alive()
    }

    pub(crate) fn send(&self, message: ServerMessage<S>) -> Result<(), ()> {
        self.0.try_send(message).map_err(drop)
    }

    /// The server with this control block, if it is one of this type.
    pub(crate) fn of_pcb(pcb: Arc<dyn AnyPcb>) -> Option<Self> {
        let pcb: Arc<dyn std::any::Any + Send + Sync> = pcb;
        Some(Self(Address(pcb.downcast::<Pcb<ServerMessage<S>>>().ok()?)))
    }
}

impl<S: GenServer> Clone for ServerRef<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: GenServer> fmt::Debug for ServerRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pid(), f)
    }
}

impl<S: GenServer> PartialEq for ServerRef<S> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<S: GenServer> From<ServerRef<S>> for Pid {
    fn from(server: ServerRef<S>) -> Self {
        server.pid()
    }
}

impl<S: GenServer> From<&ServerRef<S>> for Pid {
    fn from(server: &ServerRef<S>) -> Self {
        server.pid()
    }
}

impl<S: GenServer> From<&ServerRef<S>> for Target {
    fn from(server: &ServerRef<S>) -> Self {
        Target::Pid(server.pid())
    }
}

/// The name of a server of type `S`: a constant, looked up at each use.
///
/// Whoever shall reach a server after its restart holds its name.
pub struct Name<S> {
    text: Cow<'static, str>,
    server: PhantomData<fn(S)>,
}

impl<S> Name<S> {
    /// A name that is known when the program is written.
    pub const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), server: PhantomData }
    }

    /// A name that is made up while it runs.
    ///
    /// For names that depend on data, a registry is the better place.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: Cow::Owned(text.into()), server: PhantomData }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<S: GenServer> Name<S> {
    /// The server of this name as a supervisor's child: `make` makes its arguments, anew at each
    /// restart. The name is its id as well.
    ///
    /// As [`GenServer::child`] with [`Child::name`].
    pub fn child(&self, make: impl Fn() -> S::Args + Send + Sync + 'static) -> Child<S> {
        S::child(make).name(self)
    }
}

impl<S> fmt::Debug for Name<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", self.text)
    }
}

impl<S> From<&Name<S>> for Target {
    fn from(name: &Name<S>) -> Self {
        Target::Name(name.as_str().into())
    }
}

/// Under what a server of type `S` is started: a [`Name`], or a [`Via`](crate::Via).
pub struct StartName<S> {
    pub(crate) naming: Arc<dyn Naming>,
    server: PhantomData<fn(S)>,
}

impl<S> StartName<S> {
    pub(crate) fn new(naming: Arc<dyn Naming>) -> Self {
        Self { naming, server: PhantomData }
    }
}

impl<S> Clone for StartName<S> {
    fn clone(&self) -> Self {
        Self::new(self.naming.clone())
    }
}

impl<S> fmt::Debug for StartName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.naming.fmt(f)
    }
}

impl<S> From<&Name<S>> for StartName<S> {
    fn from(name: &Name<S>) -> Self {
        Self::new(Arc::new(LocalName(name.as_str().into())))
    }
}

/// Where a call goes: what a [`Server`] led to when the call was made.
pub struct Reach<'a, S: GenServer>(Reached<'a, S>);

enum Reached<'a, S: GenServer> {
    Given(&'a ServerRef<S>),
    Found(Option<ServerRef<S>>),
}

impl<S: GenServer> Reach<'_, S> {
    pub(crate) fn server(&self) -> Option<&ServerRef<S>> {
        match &self.0 {
            Reached::Given(server) => Some(server),
            Reached::Found(server) => server.as_ref(),
        }
    }
}

impl<S: GenServer> fmt::Debug for Reach<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server().fmt(f)
    }
}

/// Whatever leads to a server: a [`ServerRef`], a [`Name`], a [`Via`](crate::Via).
pub trait Server {
    /// The server's type.
    type Type: GenServer;

    /// The server that it leads to now.
    ///
    /// Source: Elixir `GenServer.whereis/1`.
    fn whereis(&self) -> Option<ServerRef<Self::Type>>;

    /// As [`whereis`](Self::whereis), without a reference of its own where there is one at hand.
    #[doc(hidden)]
    fn reach(&self) -> Reach<'_, Self::Type> {
        Reach(Reached::Found(self.whereis()))
    }

    /// Asks a question. Sent when it is awaited; waits five seconds unless told otherwise.
    ///
    /// # Errors
    /// See [`CallError`](crate::CallError).
    ///
    /// Source: OTP `gen_server:call/3`.
    fn call<T, F>(&self, make: F) -> Call<'_, Self::Type, T, F>
    where
        T: Send + 'static,
        F: FnOnce(Reply<T>) -> <Self::Type as GenServer>::Call,
    {
        Call::new(self.reach(), make)
    }

    /// Tells something, and does not wait. Goes nowhere when there is no such server.
    ///
    /// Source: OTP `gen_server:cast/2`.
    fn cast(&self, cast: <Self::Type as GenServer>::Cast) {
        if let Some(server) = self.reach().server() {
            let _ = server.send(ServerMessage::Cast(cast));
        }
    }

    /// Sends what [`handle_info`](GenServer::handle_info) takes.
    fn info(&self, info: <Self::Type as GenServer>::Info) {
        if let Some(server) = self.reach().server() {
            let _ = server.send(ServerMessage::Info(info));
        }
    }

    /// Asks the server to end, and waits until it has: with `Normal` and for as long as it takes,
    /// unless told otherwise.
    ///
    /// # Errors
    /// See [`StopError`](crate::StopError).
    ///
    /// Source: OTP `gen_server:stop/3`.
    fn stop(&self) -> Stop<Self::Type> {
        Stop::new(self.whereis())
    }
}

impl<T: Server + ?Sized> Server for &T {
    type Type = T::Type;

    fn whereis(&self) -> Option<ServerRef<T::Type>> {
        (**self).whereis()
    }

    fn reach(&self) -> Reach<'_, T::Type> {
        (**self).reach()
    }
}

impl<S: GenServer> Server for ServerRef<S> {
    type Type = S;

    fn whereis(&self) -> Option<ServerRef<S>> {
        Some(self.clone())
    }

    fn reach(&self) -> Reach<'_, S> {
        Reach(Reached::Given(self))
    }
}

impl<S: GenServer> Server for Name<S> {
    type Type = S;

    fn whereis(&self) -> Option<ServerRef<S>> {
        ServerRef::of_pcb(crate::names::find(&self.text)?)
    }
}
