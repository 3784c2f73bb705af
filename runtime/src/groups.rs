//! Groups of processes, and who tells of their comings and goings: OTP's `pg`.
//!
//! A scope is a set of groups; a process may be in any number of them, and in one of them several
//! times. Nobody has to be asked: whoever knows a pid can let it join.
//!
//! ```
//! use runtime::testing::{kill_and_wait, scenario};
//! use runtime::{GroupEvent, Groups, Message, Process};
//!
//! static ROOMS: Groups<&str> = Groups::new("rooms");
//!
//! scenario(|mut me: Process<GroupEvent<&'static str>>| async move {
//!     ROOMS.start_link().await?;
//!     let own = me.address();
//!     let (_monitor, members) = ROOMS.monitor("kitchen", move |event| own.send(event))?;
//!     assert!(members.is_empty());
//!
//!     let cook = runtime::spawn(std::future::pending::<()>());
//!     ROOMS.join("kitchen", &cook)?;
//!     assert_eq!(ROOMS.members("kitchen")?, [cook.pid()]);
//!     kill_and_wait(&cook).await;
//!     assert!(ROOMS.members("kitchen")?.is_empty());
//!
//!     let (group, members) = ("kitchen", vec![cook.pid()]);
//!     let joined = GroupEvent::Join { group, members: members.clone() };
//!     assert_eq!(me.receive().await.into_user().unwrap(), joined);
//!     let left = GroupEvent::Leave { group, members };
//!     assert_eq!(me.receive().await.into_user().unwrap(), left);
//!     anyhow::Ok(())
//! });
//! ```
//!
//! # What lives how long
//!
//! A scope is a process that owns its groups, found by its name at each use; put it into a
//! supervisor, before those who use it, with [`Groups::child`]. When it ends, all groups are empty
//! and all monitors off; its members live on, and join again if they want to.
//!
//! A process is in no group from the moment that its end is decided, and its monitors go with it. Who
//! learns of its end finds it in no group, and the monitors have been told.
//!
//! # What it costs
//!
//! All of it happens in the calling process, without a message to the scope, under one lock for the
//! scope, briefly. Groups are hashed, compared and cloned, and monitors told, with no lock held.
//!
//! Source: OTP `pg`. Differs from OTP: all members are local ones, since there is one node.

mod table;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use self::table::{Change, GroupTable, Now};
use crate::ambient::{self, NotInProcess};
use crate::gen_server::{GenServer, Name, Server, ServerRef, Start};
use crate::message::Target;
use crate::pcb::AnyPcb;
use crate::pid::Pid;
use crate::registry::table::AnyTable;
use crate::registry::{RegistryArgs, RegistryKey, RegistryServer};
use crate::supervisor::Child;
use crate::sync::Arc;
use crate::system::{System, SystemInner};
use crate::table::find;

/// A request about groups that could not be done. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupsError {
    /// No scope of this name, with groups of this type, runs in the current system. Start it first;
    /// in a supervisor, put it before those who use it.
    #[error("unknown scope of groups: {0}")]
    NoScope(&'static str),
    /// The process is not in the group.
    #[error("not_joined: {0} is not in the group")]
    NotJoined(Pid),
    /// There is no such process in the current system, or its end is decided.
    #[error("noproc: {0} is not alive")]
    NoProc(Pid),
    /// Only a process can monitor, and the caller is none.
    #[error(transparent)]
    NotInProcess(#[from] NotInProcess),
}

/// What a monitor is told. One event for each request, whatever the number of processes in it, and
/// one for each group that a process was in when it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent<G> {
    /// Processes have joined a group.
    Join {
        /// The group.
        group: G,
        /// Who; one that joined twice is there twice.
        members: Vec<Pid>,
    },
    /// Processes have left a group, or ended.
    Leave {
        /// The group.
        group: G,
        /// Who; one that was in it twice, and has ended, is there twice.
        members: Vec<Pid>,
    },
}

/// A monitor of a group, or of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupMonitor(u64);

/// A scope of groups, by its name: a constant, looked up in the current system at each use.
///
/// `G` is what groups are called. It is a [`Server`] that knows no calls: one can stop it, monitor
/// it and suspend it.
///
/// Source: OTP `pg`.
pub struct Groups<G> {
    name: &'static str,
    group: PhantomData<fn(G)>,
}

impl<G> Clone for Groups<G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G> Copy for Groups<G> {}

impl<G> std::fmt::Debug for Groups<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Groups({:?})", self.name)
    }
}

impl<G> From<&Groups<G>> for Target {
    fn from(groups: &Groups<G>) -> Self {
        Self::Name(groups.name.into())
    }
}

/// The scope's process.
impl<G> Server for Groups<G> {
    type Type = RegistryServer;

    fn whereis(&self) -> Option<ServerRef<RegistryServer>> {
        Name::new(self.name).whereis()
    }
}

/// Starting.
impl<G: RegistryKey> Groups<G> {
    /// The scope with this name, which its process has among the local names as well.
    pub const fn new(name: &'static str) -> Self {
        Self { name, group: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn args(self) -> RegistryArgs {
        RegistryArgs::new(self.name, |keeper| -> Arc<dyn AnyTable> {
            Arc::new(GroupTable::<G>::new(keeper))
        })
    }

    /// Starts it, linked to the current process; await it.
    ///
    /// # Errors
    /// [`StartError::AlreadyStarted`](crate::StartError::AlreadyStarted) when a scope of this name
    /// runs, or another process has the name.
    ///
    /// Source: OTP `pg:start_link/1`.
    pub fn start_link(&self) -> Start<RegistryServer> {
        RegistryServer::start_link(self.args()).name(&Name::new(self.name))
    }

    /// Starts it on its own; see [`start_link`](Self::start_link).
    ///
    /// Source: OTP `pg:start/1`.
    pub fn start(&self) -> Start<RegistryServer> {
        RegistryServer::start(self.args()).name(&Name::new(self.name))
    }

    /// It as a supervisor's child, whose id is its name. Its groups are empty after a restart.
    pub fn child(&self) -> Child<RegistryServer> {
        let this = *self;
        RegistryServer::child(move || this.args()).name(&Name::new(self.name))
    }

    fn table_in(&self, system: &SystemInner) -> Option<Arc<GroupTable<G>>> {
        system.registries.find(self.name).filter(|table: &Arc<GroupTable<G>>| table.is_open())
    }

    fn table(&self) -> Result<Arc<GroupTable<G>>, GroupsError> {
        let table = match ambient::current() {
            Some(me) => self.table_in(&me.head().system),
            None => System::try_current().ok().and_then(|system| self.table_in(system.inner())),
        };
        table.ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> GroupsError {
        GroupsError::NoScope(self.name)
    }
}

/// Joining and leaving: anybody may, for anybody.
impl<G: RegistryKey> Groups<G> {
    /// Lets a process join a group, once more if it is in it already.
    ///
    /// # Errors
    /// [`NoScope`](GroupsError::NoScope); [`NoProc`](GroupsError::NoProc), also when the end of the
    /// process is decided and not done.
    ///
    /// Differs from OTP, where a dead process joins and leaves again.
    ///
    /// Source: OTP `pg:join/3`.
    pub fn join(&self, group: G, pid: impl Into<Pid>) -> Result<(), GroupsError> {
        self.join_all(group, [pid.into()])
    }

    /// Lets several processes join a group, in this order, or none of them.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    ///
    /// Source: OTP `pg:join/3`.
    pub fn join_all(
        &self,
        group: G,
        pids: impl IntoIterator<Item = Pid>,
    ) -> Result<(), GroupsError> {
        let table = self.table()?;
        let here = |pcb: &Arc<dyn AnyPcb>| pcb.head().system.id() == table.system();
        let member = |pid| find(pid).filter(here).ok_or(GroupsError::NoProc(pid));
        let members: Vec<_> = pids.into_iter().map(member).collect::<Result<_, _>>()?;
        match table.join(group, members) {
            Change::Done => Ok(()),
            Change::Refused(pid) => Err(GroupsError::NoProc(pid)),
            Change::Closed => Err(self.unknown()),
        }
    }

    /// Lets a process leave a group; one that joined twice is in it once then.
    ///
    /// # Errors
    /// [`NotJoined`](GroupsError::NotJoined), [`NoScope`](GroupsError::NoScope).
    ///
    /// Source: OTP `pg:leave/3`.
    pub fn leave<Q>(&self, group: &Q, pid: impl Into<Pid>) -> Result<(), GroupsError>
    where
        G: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let pid = pid.into();
        match self.table()?.leave(group, pid) {
            Change::Done => Ok(()),
            Change::Refused(pid) => Err(GroupsError::NotJoined(pid)),
            Change::Closed => Err(self.unknown()),
        }
    }
}

/// Looking: anybody may, in a process or outside.
impl<G: RegistryKey> Groups<G> {
    /// The members of a group, in the order in which they joined; one that joined twice is there
    /// twice. Nobody is in a group that does not exist.
    ///
    /// # Errors
    /// [`NoScope`](GroupsError::NoScope).
    ///
    /// Source: OTP `pg:get_members/2`, `pg:get_local_members/2`.
    pub fn members<Q>(&self, group: &Q) -> Result<Vec<Pid>, GroupsError>
    where
        G: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.table()?.members(group))
    }

    /// The groups that have members, those that got their first one earlier before the others.
    ///
    /// # Errors
    /// [`NoScope`](GroupsError::NoScope).
    ///
    /// Source: OTP `pg:which_groups/1`.
    pub fn which_groups(&self) -> Result<Vec<G>, GroupsError> {
        Ok(self.table()?.by_group().into_iter().map(|(group, _)| group).collect())
    }
}

/// Watching: the current process does it.
impl<G: RegistryKey> Groups<G> {
    /// Calls `tell` with every change of a group from now on, until the current process ends or
    /// withdraws it. Gives the members as they are now: nothing comes in between.
    ///
    /// `tell` hears of the changes in their order. It runs in a process that makes one of them, with
    /// no lock held; it should do no more than send a message. If it panics, that process crashes.
    ///
    /// ```
    /// # use runtime::{GroupEvent, Groups, Process, testing::scenario};
    /// # static ROOMS: Groups<String> = Groups::new("rooms");
    /// enum Mine { Rooms(GroupEvent<String>) }
    ///
    /// scenario(|mut me: Process<Mine>| async move {
    ///     ROOMS.start_link().await?;
    ///     let own = me.address();
    ///     ROOMS.monitor("attic".to_owned(), move |event| own.send(Mine::Rooms(event)))?;
    ///     ROOMS.join("attic".to_owned(), me.pid())?;
    ///     let Ok(Mine::Rooms(event)) = me.receive().await.into_user() else { panic!() };
    ///     let (group, members) = ("attic".to_owned(), vec![me.pid()]);
    ///     assert_eq!(event, GroupEvent::Join { group, members });
    ///     anyhow::Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`NoScope`](GroupsError::NoScope), [`NotInProcess`](GroupsError::NotInProcess);
    /// [`NoProc`](GroupsError::NoProc) when the caller is about to end.
    ///
    /// Differs from OTP, where the message is always the same tuple: a mailbox has one type, and
    /// `tell` makes of the event what it takes.
    ///
    /// Source: OTP `pg:monitor/2`.
    pub fn monitor(
        &self,
        group: G,
        tell: impl Fn(GroupEvent<G>) + Send + Sync + 'static,
    ) -> Result<(GroupMonitor, Vec<Pid>), GroupsError> {
        let (monitor, mut now) = self.watch(Some(group), Box::new(tell))?;
        Ok((monitor, now.pop().map(|(_, members)| members).unwrap_or_default()))
    }

    /// As [`monitor`](Self::monitor), with the changes of all groups, and all members as they are
    /// now.
    ///
    /// # Errors
    /// As [`monitor`](Self::monitor).
    ///
    /// Source: OTP `pg:monitor_scope/1`.
    pub fn monitor_scope(
        &self,
        tell: impl Fn(GroupEvent<G>) + Send + Sync + 'static,
    ) -> Result<(GroupMonitor, HashMap<G, Vec<Pid>>), GroupsError> {
        let (monitor, now) = self.watch(None, Box::new(tell))?;
        Ok((monitor, now.into_iter().collect()))
    }

    fn watch(
        &self,
        group: Option<G>,
        tell: table::Tell<G>,
    ) -> Result<(GroupMonitor, Now<G>), GroupsError> {
        let me = ambient::current().ok_or(NotInProcess)?;
        let (number, now) =
            self.table()?.watch(&me, group, tell).map_err(|change| match change {
                Change::Refused(pid) => GroupsError::NoProc(pid),
                Change::Done | Change::Closed => self.unknown(),
            })?;
        Ok((GroupMonitor(number), now))
    }

    /// Withdraws a monitor. Whether it was on.
    ///
    /// What has been sent stays in the mailbox, and what another thread is about to send may still
    /// come.
    ///
    /// # Errors
    /// [`NoScope`](GroupsError::NoScope).
    ///
    /// Source: OTP `pg:demonitor/2`.
    pub fn demonitor(&self, monitor: GroupMonitor) -> Result<bool, GroupsError> {
        Ok(self.table()?.unwatch(monitor.0))
    }
}
