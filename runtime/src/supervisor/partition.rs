//! A supervisor of many children of one kind, and the way from a key to one of them.
//!
//! One server that everybody needs is a bottleneck; several of it are not, if each key always goes to
//! the same one.
//!
//! ```
//! use runtime::prelude::*;
//! use runtime::PartitionSupervisor;
//! use runtime::testing::scenario;
//!
//! struct Counter(u64);
//! enum Call { Next(Reply<u64>) }
//!
//! impl CallServer for Counter {
//!     type Call = Call;
//!
//!     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
//!         let Call::Next(reply) = call;
//!         self.0 += 1;
//!         reply.go(self.0)
//!     }
//! }
//!
//! static COUNTERS: PartitionSupervisor<Counter> = PartitionSupervisor::new("counters");
//!
//! scenario(|_: Process| async move {
//!     COUNTERS.options(|_partition| Counter(0)).partitions(4).start_link().await?;
//!     assert_eq!(COUNTERS.of("alice").call(Call::Next).await?, 1);
//!     assert_eq!(COUNTERS.of("alice").call(Call::Next).await?, 2, "the same partition");
//!     assert_eq!(COUNTERS.nth(3).call(Call::Next).await?, COUNTERS.nth(7).call(Call::Next).await? - 1);
//!     anyhow::Ok(())
//! });
//! ```
//!
//! The partitions are children with the ids `0`, `1`, ..., each restarted on its own unless told
//! otherwise. The supervisor itself is addressed by the [`PartitionSupervisor`], which is a
//! [`Server`]: [`which_children`](crate::Supervision::which_children),
//! [`count_children`](crate::Supervision::count_children), [`stop`](Server::stop).
//!
//! Differs from OTP: an integer is no key of its own kind; [`of`](PartitionSupervisor::of) hashes it
//! as any other, [`nth`](PartitionSupervisor::nth) takes it modulo the number of partitions.
//!
//! Source: Elixir `PartitionSupervisor`.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Backoff, Child, ChildSpec, Plan, Strategy, Supervisor, SupervisorServer};
use crate::ambient;
use crate::gen_server::{GenServer, Name, Server, ServerRef, Start, StartName, Up};
use crate::hash::{nth, stable_hash};
use crate::message::Target;
use crate::names::{NameRefused, Naming, NotRegistered, Taken};
use crate::pcb::{AnyPcb, Held, Life, hold};
use crate::pid::Pid;
use crate::registry::RegistryError;
use crate::sync::{Arc, Mutex, RwLock};
use crate::system::{System, SystemInner};

/// A supervisor of partitions, by its name: a constant, looked up in the current system at each use.
///
/// It holds nothing: the partitions belong to the process that
/// [`start_link`](PartitionOptions::start_link) starts.
///
/// Source: Elixir `PartitionSupervisor`.
pub struct PartitionSupervisor<S> {
    name: &'static str,
    server: PhantomData<fn(S)>,
}

impl<S> Clone for PartitionSupervisor<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for PartitionSupervisor<S> {}

impl<S> fmt::Debug for PartitionSupervisor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionSupervisor({:?})", self.name)
    }
}

impl<S> From<&PartitionSupervisor<S>> for Target {
    fn from(supervisor: &PartitionSupervisor<S>) -> Self {
        Self::Name(supervisor.name.into())
    }
}

impl<S> PartitionSupervisor<S> {
    /// The supervisor of partitions with this name, which its process has among the local names as
    /// well.
    pub const fn new(name: &'static str) -> Self {
        Self { name, server: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl<S: GenServer> PartitionSupervisor<S> {
    /// How it is to be started: `make` makes the arguments of each partition, from its number, anew
    /// at each restart.
    pub fn options(
        &self,
        make: impl Fn(usize) -> S::Args + Send + Sync + 'static,
    ) -> PartitionOptions<S> {
        let make = Arc::new(make);
        let child = Arc::new(move |partition| {
            let make = make.clone();
            S::child(move || make(partition))
        });
        let partitions = std::thread::available_parallelism().map_or(1, usize::from);
        let supervisor = Supervisor::one_for_one();
        PartitionOptions { partitions_of: *self, partitions, supervisor, child }
    }

    /// Starts it with as many partitions as there are processors, linked to the current process.
    ///
    /// # Errors
    /// See [`Supervisor::start_link`];
    /// [`StartError::AlreadyStarted`](crate::StartError::AlreadyStarted) when another process has the
    /// name.
    ///
    /// Source: Elixir `PartitionSupervisor.start_link/1`.
    pub fn start_link(
        &self,
        make: impl Fn(usize) -> S::Args + Send + Sync + 'static,
    ) -> Start<SupervisorServer> {
        self.options(make).start_link()
    }

    /// It as a supervisor's child, whose id is its name, with as many partitions as there are
    /// processors.
    ///
    /// Source: Elixir `PartitionSupervisor.child_spec/1`.
    pub fn child(&self, make: impl Fn(usize) -> S::Args + Send + Sync + 'static) -> ChildSpec {
        self.options(make).into_child()
    }

    /// How many partitions there are.
    ///
    /// # Errors
    /// [`NotRegistered`] when it does not run in the current system.
    ///
    /// Source: Elixir `PartitionSupervisor.partitions/1`.
    pub fn partitions(&self) -> Result<usize, NotRegistered> {
        let slots = self.slots().ok_or_else(|| NotRegistered(self.name.to_owned()))?;
        Ok(slots.places.len())
    }

    /// The partition to which a key belongs: always the same one, also after restarts, as long as
    /// their number is the same. See [`hash`](crate::hash).
    ///
    /// Source: Elixir `{:via, PartitionSupervisor, {name, key}}`.
    pub fn of<K: Hash + ?Sized>(&self, key: &K) -> Partition<S> {
        Partition { supervisor: *self, number: stable_hash(key) }
    }

    /// The partition with this number, modulo how many there are.
    ///
    /// Source: Elixir `{:via, PartitionSupervisor, {name, integer}}`.
    pub fn nth(&self, number: usize) -> Partition<S> {
        Partition { supervisor: *self, number: number as u64 }
    }

    fn slots(&self) -> Option<Arc<Slots>> {
        let here = ambient::with_current(|pcb| pcb.head().system.partitions.find(self.name));
        match here {
            Some(found) => found,
            None => System::try_current().ok()?.inner().partitions.find(self.name),
        }
    }
}

/// The supervisor's process.
impl<S> Server for PartitionSupervisor<S> {
    type Type = SupervisorServer;

    fn whereis(&self) -> Option<ServerRef<SupervisorServer>> {
        Name::new(self.name).whereis()
    }
}

/// How a supervisor of partitions is to be started. Made by [`PartitionSupervisor::options`].
#[must_use = "a supervisor does nothing until it is started"]
pub struct PartitionOptions<S: GenServer> {
    partitions_of: PartitionSupervisor<S>,
    partitions: usize,
    supervisor: Supervisor,
    child: Arc<dyn Fn(usize) -> Child<S> + Send + Sync>,
}

impl<S: GenServer> Clone for PartitionOptions<S> {
    fn clone(&self) -> Self {
        Self {
            partitions_of: self.partitions_of,
            partitions: self.partitions,
            supervisor: self.supervisor.clone(),
            child: self.child.clone(),
        }
    }
}

impl<S: GenServer> fmt::Debug for PartitionOptions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionOptions")
            .field("name", &self.partitions_of.name)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl<S: GenServer> PartitionOptions<S> {
    /// With this many partitions, and at least one; as many as there are processors, unless told
    /// otherwise.
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions.max(1);
        self
    }

    /// With this strategy; one for one, unless told otherwise.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.supervisor.strategy = strategy;
        self
    }

    /// See [`Supervisor::intensity`].
    pub fn intensity(mut self, max_restarts: usize, window: Duration) -> Self {
        self.supervisor = self.supervisor.intensity(max_restarts, window);
        self
    }

    /// See [`Supervisor::backoff`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.supervisor = self.supervisor.backoff(backoff);
        self
    }

    /// Says more of each partition: how it is restarted, how it is stopped. Its id and its name are
    /// not for others to give.
    pub fn each(mut self, say: impl Fn(Child<S>) -> Child<S> + Send + Sync + 'static) -> Self {
        let child = self.child;
        self.child = Arc::new(move |partition| say(child(partition)));
        self
    }

    /// Called in the supervisor's process.
    fn supervisor(self) -> Option<Supervisor> {
        let me = ambient::current()?;
        let slots = Slots::open(self.partitions_of.name, self.partitions, &me);
        let partition = |index| {
            let naming = InPartition { slots: slots.clone(), index };
            let name = StartName::<S>::new(Arc::new(naming));
            (self.child)(index).name(name).id(index.to_string()).into()
        };
        Some(self.supervisor.children((0..self.partitions).map(partition)))
    }

    fn plan(self) -> Plan {
        Plan::Module(Box::new(|| self.supervisor()))
    }

    /// See [`PartitionSupervisor::start_link`].
    pub fn start_link(self) -> Start<SupervisorServer> {
        let name = Name::new(self.partitions_of.name);
        SupervisorServer::start_link(self.plan()).name(&name)
    }

    /// As [`start_link`](Self::start_link), on its own.
    pub fn start(self) -> Start<SupervisorServer> {
        let name = Name::new(self.partitions_of.name);
        SupervisorServer::start(self.plan()).name(&name)
    }

    /// See [`PartitionSupervisor::child`].
    pub fn into_child(self) -> ChildSpec {
        let name = Name::new(self.partitions_of.name);
        SupervisorServer::child(move || self.clone().plan()).name(&name).into()
    }
}

/// The way to one partition: looked up at each use, so that it finds the restarted server. Goes
/// wherever a server is addressed.
///
/// As for a name, a call answers [`NoProc`](crate::CallError::NoProc) and a cast goes nowhere while
/// the partition does not run.
pub struct Partition<S> {
    supervisor: PartitionSupervisor<S>,
    number: u64,
}

impl<S> Clone for Partition<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Partition<S> {}

impl<S> fmt::Debug for Partition<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({:?}, {})", self.supervisor.name, self.number)
    }
}

impl<S: GenServer> Partition<S> {
    /// Which partition it is, from 0 on.
    ///
    /// # Errors
    /// [`NotRegistered`] when the supervisor does not run in the current system.
    pub fn index(&self) -> Result<usize, NotRegistered> {
        self.supervisor.partitions().map(|partitions| nth(self.number, partitions))
    }

    /// Waits until the partition runs; see [`Name::up`].
    ///
    /// # Errors
    /// See [`NotUp`](crate::NotUp). A supervisor that does not run is waited for, too.
    pub fn up(&self) -> Up<'_, Self> {
        Up::new(self)
    }
}

impl<S: GenServer> Server for Partition<S> {
    type Type = S;

    fn whereis(&self) -> Option<ServerRef<S>> {
        let slots = self.supervisor.slots()?;
        ServerRef::of_pcb(slots.find(nth(self.number, slots.places.len()))?)
    }
}

/// The process of a partition.
struct Holder {
    process: Arc<dyn AnyPcb>,
    /// Whether it is found: not before it is found under its pid.
    listed: bool,
}

/// The partitions of one incarnation of a supervisor. Lives as long as its keeper, the supervisor.
struct Slots {
    name: &'static str,
    keeper: Pid,
    places: Box<[Mutex<Option<Holder>>]>,
}

impl Slots {
    fn open(name: &'static str, partitions: usize, keeper: &Arc<dyn AnyPcb>) -> Arc<Self> {
        let places = (0..partitions).map(|_| Mutex::new(None)).collect();
        let slots = Arc::new(Self { name, keeper: keeper.head().pid, places });
        keeper.head().system.partitions.add(slots.clone());
        slots.be_held_by(&**keeper);
        slots
    }

    fn be_held_by(self: &Arc<Self>, process: &dyn AnyPcb) -> bool {
        let this: Arc<dyn Held> = self.clone();
        hold(process, Arc::downgrade(&this))
    }

    /// Who has this partition, and has not been told to end.
    fn find(&self, index: usize) -> Option<Arc<dyn AnyPcb>> {
        let process = match &*self.places.get(index)?.lock() {
            Some(Holder { process, listed: true }) => process.clone(),
            _ => return None,
        };
        (process.head().life() == Life::Running).then_some(process)
    }

    /// Frees the partition, if this process has it.
    fn leave(&self, index: usize, pid: Pid) {
        let left = {
            let mut place = self.places[index].lock();
            place.take_if(|holder| holder.process.head().pid == pid)
        };
        drop(left);
    }
}

impl Held for Slots {
    fn owner_ended(&self, owner: &dyn AnyPcb) {
        let pid = owner.head().pid;
        if pid == self.keeper {
            return owner.head().system.partitions.remove(self);
        }
        for index in 0..self.places.len() {
            self.leave(index, pid);
        }
    }
}

/// The partition as which a process that is being made shall be found.
struct InPartition {
    slots: Arc<Slots>,
    index: usize,
}

impl fmt::Debug for InPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({:?}, {})", self.slots.name, self.index)
    }
}

impl Naming for InPartition {
    fn label(&self) -> Option<Arc<str>> {
        Some(format!("{} {}", self.slots.name, self.index).into())
    }

    fn take<'a>(
        &self,
        _: &'a SystemInner,
        process: &Arc<dyn AnyPcb>,
    ) -> Result<Box<dyn Taken + 'a>, NameRefused> {
        let label = self.label();
        process.control(&mut |control, _| control.rare().label.clone_from(&label));
        let pid = process.head().pid;
        if !self.slots.be_held_by(&**process) {
            return Err(RegistryError::NoProc(pid).into());
        }
        {
            let mut place = self.slots.places[self.index].lock();
            if let Some(holder) = &*place {
                return Err(RegistryError::AlreadyRegistered(holder.process.head().pid).into());
            }
            *place = Some(Holder { process: process.clone(), listed: false });
        }
        Ok(Box::new(TakenPlace { slots: self.slots.clone(), index: self.index, pid, kept: false }))
    }
}

/// A partition whose process may still not come to be.
struct TakenPlace {
    slots: Arc<Slots>,
    index: usize,
    pid: Pid,
    kept: bool,
}

impl Taken for TakenPlace {
    fn keep(mut self: Box<Self>) {
        self.kept = true;
        if let Some(holder) = &mut *self.slots.places[self.index].lock()
            && holder.process.head().pid == self.pid
        {
            holder.listed = true;
        }
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        if !self.kept {
            self.slots.leave(self.index, self.pid);
        }
    }
}

/// The supervisors of partitions that run in a system. Their names are constants of the program, so
/// they are few.
#[derive(Default)]
pub(crate) struct Partitions(RwLock<Vec<Arc<Slots>>>);

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.read().iter().map(|slots| slots.name)).finish()
    }
}

impl Partitions {
    fn find(&self, name: &str) -> Option<Arc<Slots>> {
        self.0.read().iter().find(|slots| slots.name == name).cloned()
    }

    /// The supervisor that adds it has the name, so it is the only one.
    fn add(&self, slots: Arc<Slots>) {
        self.0.write().push(slots);
    }

    fn remove(&self, slots: &Slots) {
        let removed: Vec<_> = {
            let mut all = self.0.write();
            all.extract_if(.., |known| std::ptr::eq(&raw const **known, slots)).collect()
        };
        drop(removed);
    }
}
