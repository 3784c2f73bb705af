//! A server, as its own callbacks see it.

use std::fmt;
use std::time::Duration;

use super::{GenServer, ServerMessage, ServerRef};
use crate::message::Target;
use crate::pid::{MonitorRef, Pid};
use crate::process::{Address, IntoBody, Process};
use crate::relations::NoProc;
use crate::sync::Arc;
use crate::system::System;
use crate::timer::{TimerRef, send_after, start_timer};

/// A server, as its own callbacks see it.
///
/// Everything that a [`Process`] can do, except to receive: that is the server's own business.
pub struct Cx<S: GenServer> {
    pub(super) process: Process<ServerMessage<S>>,
    pub(super) parent: Option<Pid>,
    pub(crate) caller: Pid,
}

impl<S: GenServer> fmt::Debug for Cx<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx({})", self.process.pid())
    }
}

impl<S: GenServer> Cx<S> {
    /// The server itself, for others to call.
    pub fn server(&self) -> ServerRef<S> {
        ServerRef(self.process.address())
    }

    /// Its own pid.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Who makes the call that is being handled: a process, or [`Pid::OUTSIDE`], as outside of
    /// [`handle_call`](GenServer::handle_call).
    pub fn caller(&self) -> Pid {
        self.caller
    }

    /// The process that it was started by and is linked to.
    pub fn parent(&self) -> Option<Pid> {
        self.parent
    }

    /// Sends a message to the server itself.
    pub fn info(&self, info: S::Info) {
        self.process.address().send(ServerMessage::Info(info));
    }

    /// As [`send_after`](crate::send_after), to the server itself.
    pub fn send_after(&self, delay: Duration, info: S::Info) -> TimerRef {
        send_after(delay, self.process.address(), ServerMessage::Info(info))
    }

    /// As [`start_timer`](crate::start_timer), to the server itself; arrives as [`Info::Timer`](super::Info::Timer).
    pub fn start_timer(&self, delay: Duration, info: S::Info) -> TimerRef {
        start_timer(delay, &self.process.address(), ServerMessage::Info(info))
    }
}

/// What every process can do; see [`Process`].
impl<S: GenServer> Cx<S> {
    /// See [`Process::system`].
    pub fn system(&self) -> System {
        self.process.system()
    }

    /// See [`trap_exit`](crate::trap_exit).
    pub fn trap_exit(&self, trap: bool) -> bool {
        self.process.trap_exit(trap)
    }

    /// See [`set_label`](crate::set_label).
    pub fn set_label(&self, label: impl Into<Arc<str>>) {
        self.process.set_label(label);
    }

    /// See [`link`](crate::link()).
    ///
    /// # Errors
    /// [`NoProc`] when the other process has ended and this one does not trap exits.
    pub fn link(&self, pid: impl Into<Pid>) -> Result<(), NoProc> {
        self.process.link(pid)
    }

    /// See [`unlink`](crate::unlink).
    pub fn unlink(&self, pid: impl Into<Pid>) {
        self.process.unlink(pid);
    }

    /// See [`Process::unlink_flush`].
    pub fn unlink_flush(&mut self, pid: impl Into<Pid>) {
        self.process.unlink_flush(pid);
    }

    /// See [`monitor`](crate::monitor).
    pub fn monitor(&self, target: impl Into<Target>) -> MonitorRef {
        self.process.monitor(target)
    }

    /// See [`demonitor`](crate::demonitor).
    pub fn demonitor(&self, mref: MonitorRef) -> bool {
        self.process.demonitor(mref)
    }

    /// See [`Process::demonitor_flush`].
    pub fn demonitor_flush(&mut self, mref: MonitorRef) -> bool {
        self.process.demonitor_flush(mref)
    }

    /// See [`Process::spawn_link`].
    pub fn spawn_link<K: 'static, B: IntoBody<K>>(&self, body: B) -> Address<B::Message> {
        self.process.spawn_link(body)
    }

    /// See [`Process::spawn_monitor`].
    pub fn spawn_monitor<K: 'static, B: IntoBody<K>>(
        &self,
        body: B,
    ) -> (Address<B::Message>, MonitorRef) {
        self.process.spawn_monitor(body)
    }
}
