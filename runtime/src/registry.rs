//! A registry: a table of processes by key, in which they enter themselves.
//!
//! ```text
//!   connection "alice" ──register──▶ ┌──────────────────────┐
//!   connection "bob"   ──register──▶ │ sessions             │ ◀──lookup, via── whoever looks for one
//!        │  linked                   │  alice ─ <0.7.1> ─ 3 │
//!        └────────────────────────── │  bob   ─ <0.8.1> ─ 5 │
//!                                    └──────────────────────┘
//! ```
//!
//! [`Registry::unique`] has one process for a key, and gives processes names that depend on data;
//! [`Registry::duplicate`] has any number, and is good for publishing to subscribers.
//!
//! ```
//! use runtime::testing::scenario;
//! use runtime::{Process, Registry, RegistryError};
//!
//! static SESSIONS: Registry<String, u32> = Registry::unique("sessions");
//!
//! scenario(|me: Process| async move {
//!     SESSIONS.start_link().await?;
//!     SESSIONS.register("alice".to_owned(), 3)?;
//!     assert_eq!(SESSIONS.lookup("alice")?, Some((me.pid(), 3)));
//!     assert_eq!(SESSIONS.lookup("bob")?, None);
//!
//!     let other = me.spawn_link(|other: Process| async move {
//!         let taken = SESSIONS.register("alice".to_owned(), 4).unwrap_err();
//!         assert!(matches!(taken, RegistryError::AlreadyRegistered(pid) if pid != other.pid()));
//!         SESSIONS.register("bob".to_owned(), 5).unwrap();
//!     });
//!     other.join().await;
//!     assert_eq!(SESSIONS.lookup("bob")?, None, "its entries went with it");
//!     Ok::<(), anyhow::Error>(())
//! });
//! ```
//!
//! # What lives how long
//!
//! A registry is a process that owns its table, found by its name at each use; put it into a
//! supervisor, before those who use it, with [`Registry::child`].
//! Who registers is linked to it: when the registry ends, all of its registrants end with the same
//! reason (`Shutdown` when it was stopped with `Normal`), and a supervisor starts them again, to
//! register again. A registrant that traps exits gets a message instead, and its entries are gone.
//! Its parent and others that were linked to it before stay linked after they unregister.
//!
//! The entries of a process vanish when it ends, before its links and monitors are told: who learns
//! of an end finds no entry. A listener is not told of entries that vanish like this; it monitors
//! whom it wants to know of.
//!
//! # What it costs
//!
//! Reading and writing happen in the calling process, without a message to the registry. The table
//! is cut into [partitions](RegistryOptions::partitions) that are locked one at a time and briefly;
//! keys are compared, values cloned and dropped, and closures called with no lock held, so a panic
//! in one of them is the caller's crash and nobody else's.
//!
//! Differs from OTP: a registry is one process whatever its number of partitions, and there is no
//! moment at which it lists a process that has ended.
//!
//! Source: Elixir `Registry`.

pub(crate) mod buckets;
mod options;
mod server;
pub(crate) mod table;
mod via;

use std::any::TypeId;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

pub use options::RegistryOptions;
pub(crate) use server::Registries;
pub use server::{RegistryArgs, RegistryRef, RegistryServer};
pub use via::{Via, ViaError, ViaWith};

use self::table::Table;
use crate::ambient::{self, NotInProcess};
use crate::gen_server::{GenServer, Name, Server, ServerRef, Start};
use crate::message::Target;
use crate::pid::Pid;
use crate::supervisor::Child;
use crate::sync::Arc;
use crate::system::{System, SystemInner};

/// What can be a key: whatever can be hashed, compared, cloned and shared.
pub trait RegistryKey: Eq + Hash + Clone + Send + Sync + 'static {}
impl<K: Eq + Hash + Clone + Send + Sync + 'static> RegistryKey for K {}

/// What can stand beside a key: whatever can be cloned and shared. For something large, an `Arc`.
pub trait RegistryValue: Clone + Send + Sync + 'static {}
impl<V: Clone + Send + Sync + 'static> RegistryValue for V {}

/// How many processes a key may have: [`Unique`] or [`Duplicate`]. Sealed.
pub trait Keys: sealed::Sealed + Send + Sync + 'static {
    #[doc(hidden)]
    const UNIQUE: bool;
}

/// One process for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {}

/// Any number of processes for a key, and each as often as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicate {}

impl Keys for Unique {
    const UNIQUE: bool = true;
}

impl Keys for Duplicate {
    const UNIQUE: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unique {}
    impl Sealed for super::Duplicate {}
}

/// A registry did not do what it was asked to. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No registry of this name, and of these types, runs in the current system. Start it first; in
    /// a supervisor, put it before those who use it.
    #[error("unknown registry: {0}")]
    NoRegistry(&'static str),
    /// This process holds the key, in a unique registry. It may be the caller itself.
    #[error("already registered: {0}")]
    AlreadyRegistered(Pid),
    /// Only a process can be in a registry, and the caller is none.
    #[error(transparent)]
    NotInProcess(#[from] NotInProcess),
    /// The end of the process is decided already; it will go no further than its next `.await`.
    #[error("noproc: the end of {0} is decided")]
    NoProc(Pid),
    /// The calling process has not registered this key.
    #[error("the key is not registered by the calling process")]
    NotOwner,
}

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryEvent<K, V> {
    /// A process has registered.
    Register {
        /// The registry's name.
        registry: &'static str,
        /// The key.
        key: K,
        /// The process.
        pid: Pid,
        /// The value.
        value: V,
    },
    /// A process has given up its registrations under a key, or some of them. Not sent when it ends.
    Unregister {
        /// The registry's name.
        registry: &'static str,
        /// The key.
        key: K,
        /// The process.
        pid: Pid,
    },
}

/// The name of something that is known of a registry as a whole: a constant, with the type of what
/// it stands for.
///
/// Two constants of one word and different types are different keys.
pub struct MetaKey<T> {
    word: &'static str,
    value: PhantomData<fn(T)>,
}

impl<T: Clone + Send + Sync + 'static> MetaKey<T> {
    /// A key.
    pub const fn new(word: &'static str) -> Self {
        Self { word, value: PhantomData }
    }

    fn id(&self) -> (&'static str, TypeId) {
        (self.word, TypeId::of::<T>())
    }
}

impl<T> fmt::Debug for MetaKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetaKey({:?})", self.word)
    }
}

/// A registry, by its name: a constant, looked up in the current system at each use.
///
/// `K` are its keys, `V` is the value beside each registration, `M` says whether keys are
/// [`Unique`] or [`Duplicate`]. It holds nothing: the table belongs to the process that
/// [`start_link`](Self::start_link) starts.
///
/// It is a [`Server`] that knows no calls: one can stop it, monitor it and suspend it.
///
/// Source: Elixir `Registry`.
pub struct Registry<K, V = (), M = Unique> {
    name: &'static str,
    types: PhantomData<fn(K, V, M)>,
}

impl<K, V, M> Clone for Registry<K, V, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V, M> Copy for Registry<K, V, M> {}

impl<K, V, M> fmt::Debug for Registry<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({:?})", self.name)
    }
}

impl<K, V, M> From<&Registry<K, V, M>> for Target {
    fn from(registry: &Registry<K, V, M>) -> Self {
        Self::Name(registry.name.into())
    }
}

impl<K, V> Registry<K, V, Unique> {
    /// A registry in which a key has one process.
    pub const fn unique(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }
}

impl<K, V> Registry<K, V, Duplicate> {
    /// A registry in which a key has any number of processes.
    pub const fn duplicate(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }
}

/// Starting.
impl<K: RegistryKey, V: RegistryValue, M: Keys> Registry<K, V, M> {
    /// Its name, which the registry's process has among the local names as well.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it is to be started: with listeners, with metadata, in so many partitions.
    pub fn options(&self) -> RegistryOptions<K, V, M> {
        RegistryOptions::new(*self)
    }

    /// Starts it, linked to the current process; await it.
    ///
    /// # Errors
    /// [`StartError::AlreadyStarted`](crate::StartError::AlreadyStarted) when a registry of this
    /// name runs, or another process has the name.
    ///
    /// Source: Elixir `Registry.start_link/1`.
    pub fn start_link(&self) -> Start<RegistryServer> {
        self.options().start_link()
    }

    /// Starts it on its own; see [`start_link`](Self::start_link).
    pub fn start(&self) -> Start<RegistryServer> {
        self.options().start()
    }

    /// It as a supervisor's child, whose id is its name. It is empty again after a restart.
    ///
    /// Source: Elixir `Registry.child_spec/1`.
    pub fn child(&self) -> Child<RegistryServer> {
        self.options().child()
    }

    fn table_in(&self, system: &SystemInner) -> Option<Arc<Table<K, V, M>>> {
        system.registries.find(self.name).filter(|table: &Arc<Table<K, V, M>>| table.is_open())
    }

    fn table(&self) -> Result<Arc<Table<K, V, M>>, RegistryError> {
        let table = match ambient::current() {
            Some(me) => self.table_in(&me.head().system),
            None => System::try_current().ok().and_then(|system| self.table_in(system.inner())),
        };
        table.ok_or(RegistryError::NoRegistry(self.name))
    }
}

/// Registering: the current process does it, for itself.
impl<K: RegistryKey, V: RegistryValue, M: Keys> Registry<K, V, M> {
    /// Registers the current process, and links it to the registry, whose pid it gives.
    ///
    /// # Errors
    /// [`AlreadyRegistered`](RegistryError::AlreadyRegistered) in a unique registry: do without, or
    /// [wait](Pid::join) for the holder's end, which is when the key is free, however long it has
    /// been decided; [`NoRegistry`](RegistryError::NoRegistry);
    /// [`NotInProcess`](RegistryError::NotInProcess);
    /// [`NoProc`](RegistryError::NoProc) when the caller is about to end.
    ///
    /// Source: Elixir `Registry.register/3`.
    pub fn register(&self, key: K, value: V) -> Result<Pid, RegistryError> {
        let me = ambient::current().ok_or(NotInProcess)?;
        let table = self.table()?;
        let entry = table.enter(&me, key, value)?;
        table.list(&entry)?;
        me.head().system.arrivals.tell_all();
        table.tell_registered(&entry);
        Ok(table.keeper())
    }

    /// Undoes what the current process has registered under a key. Nothing, if there is nothing;
    /// other processes' entries stay.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry), [`NotInProcess`](RegistryError::NotInProcess).
    ///
    /// Source: Elixir `Registry.unregister/2`.
    pub fn unregister<Q>(&self, key: &Q) -> Result<(), RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.unregister_match(key, |_| true)
    }

    /// As [`unregister`](Self::unregister), where the value `matches`.
    ///
    /// # Errors
    /// As [`unregister`](Self::unregister).
    ///
    /// Source: Elixir `Registry.unregister_match/3`.
    pub fn unregister_match<Q>(
        &self,
        key: &Q,
        matches: impl FnMut(&V) -> bool,
    ) -> Result<(), RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let me = ambient::current().ok_or(NotInProcess)?;
        self.table()?.unregister(&*me, key, matches);
        Ok(())
    }
}

/// Looking: anybody may, in a process or outside.
impl<K: RegistryKey, V: RegistryValue, M: Keys> Registry<K, V, M> {
    /// The keys of a process, oldest registration first; one that it registered twice is there
    /// twice.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.keys/2`.
    pub fn keys(&self, pid: impl Into<Pid>) -> Result<Vec<K>, RegistryError> {
        let entries = self.table()?.entries_of(pid.into());
        Ok(entries
            .iter()
            .filter(|entry| entry.is_listed())
            .map(|entry| entry.key.clone())
            .collect())
    }

    /// The values that a process has registered under a key, oldest first.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.values/3`.
    pub fn values<Q>(&self, key: &Q, pid: impl Into<Pid>) -> Result<Vec<V>, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let pid = pid.into();
        let entries = self.table()?.lookup(key);
        let own = entries.iter().filter(|entry| entry.pid() == pid);
        Ok(own.map(|entry| entry.value.clone()).collect())
    }

    /// The number of registrations.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.count/1`.
    pub fn count(&self) -> Result<usize, RegistryError> {
        Ok(self.table()?.count())
    }

    /// The number of registrations under a key whose value `matches`.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.count_match/3`.
    pub fn count_match<Q>(
        &self,
        key: &Q,
        mut matches: impl FnMut(&V) -> bool,
    ) -> Result<usize, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.table()?.lookup(key).iter().filter(|entry| matches(&entry.value)).count())
    }

    /// The registrations under a key whose value `matches`, oldest first.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.match/3`.
    pub fn lookup_match<Q>(
        &self,
        key: &Q,
        mut matches: impl FnMut(&V) -> bool,
    ) -> Result<Vec<(Pid, V)>, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entries = self.table()?.lookup(key);
        let matching = entries.iter().filter(|entry| matches(&entry.value));
        Ok(matching.map(|entry| (entry.pid(), entry.value.clone())).collect())
    }

    /// What `pick` makes of the registrations, oldest first, without those that it does not want.
    ///
    /// It looks at every registration there is. Others register and unregister meanwhile.
    ///
    /// ```
    /// # use runtime::{Process, Registry, testing::scenario};
    /// static ROOMS: Registry<&str, u32> = Registry::unique("rooms");
    ///
    /// scenario(|_: Process| async move {
    ///     ROOMS.start_link().await?;
    ///     ROOMS.register("attic", 2)?;
    ///     ROOMS.register("hall", 90)?;
    ///     let large = ROOMS.select(|room, _, seats| (*seats > 50).then_some(*room))?;
    ///     assert_eq!(large, ["hall"]);
    ///     Ok::<(), anyhow::Error>(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.select/2`.
    pub fn select<T>(
        &self,
        mut pick: impl FnMut(&K, Pid, &V) -> Option<T>,
    ) -> Result<Vec<T>, RegistryError> {
        let all = self.table()?.all();
        Ok(all.iter().filter_map(|entry| pick(&entry.key, entry.pid(), &entry.value)).collect())
    }

    /// Calls `work` with the registrations under a key, oldest first; not at all if there are none.
    ///
    /// ```
    /// # use runtime::{Message, Process, Registry, testing::scenario};
    /// use runtime::Duplicate;
    ///
    /// static NEWS: Registry<&str, (), Duplicate> = Registry::duplicate("news");
    ///
    /// scenario(|mut me: Process<u32>| async move {
    ///     NEWS.start_link().await?;
    ///     NEWS.register("lottery", ())?;
    ///     NEWS.dispatch("lottery", |subscribers| {
    ///         for (pid, ()) in subscribers {
    ///             pid.send(42_u32);
    ///         }
    ///     })?;
    ///     assert_eq!(me.receive().await.into_user().unwrap(), 42);
    ///     Ok::<(), anyhow::Error>(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.dispatch/3`.
    pub fn dispatch<Q>(&self, key: &Q, work: impl FnOnce(&[(Pid, V)])) -> Result<(), RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entries = self.lookup_match(key, |_| true)?;
        if !entries.is_empty() {
            work(&entries);
        }
        Ok(())
    }

    /// What was put under a key of the registry as a whole.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.meta/2`.
    pub fn meta<T>(&self, key: &MetaKey<T>) -> Result<Option<T>, RegistryError>
    where
        T: Clone + Send + Sync + 'static,
    {
        let table = self.table()?;
        let value = table.metadata().read().get(&key.id()).cloned();
        Ok(value.and_then(|value| value.downcast_ref::<T>().cloned()))
    }

    /// Puts something under a key of the registry as a whole. It is gone after a restart; what
    /// [`RegistryOptions::meta`] put there is there again.
    ///
    /// ```
    /// # use runtime::{Process, Registry, testing::scenario};
    /// use runtime::MetaKey;
    ///
    /// static SESSIONS: Registry<String> = Registry::unique("sessions");
    /// const LIMIT: MetaKey<usize> = MetaKey::new("limit");
    ///
    /// scenario(|_: Process| async move {
    ///     SESSIONS.options().meta(&LIMIT, 100).start_link().await?;
    ///     assert_eq!(SESSIONS.meta(&LIMIT)?, Some(100));
    ///     SESSIONS.put_meta(&LIMIT, 200)?;
    ///     assert_eq!(SESSIONS.meta(&LIMIT)?, Some(200));
    ///     Ok::<(), anyhow::Error>(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.put_meta/3`.
    pub fn put_meta<T>(&self, key: &MetaKey<T>, value: T) -> Result<(), RegistryError>
    where
        T: Clone + Send + Sync + 'static,
    {
        let table = self.table()?;
        let former = table.metadata().write().insert(key.id(), Arc::new(value));
        drop(former);
        Ok(())
    }

    /// Removes what was put under a key of the registry as a whole.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.delete_meta/2`.
    pub fn delete_meta<T>(&self, key: &MetaKey<T>) -> Result<(), RegistryError>
    where
        T: Clone + Send + Sync + 'static,
    {
        let table = self.table()?;
        let former = table.metadata().write().remove(&key.id());
        drop(former);
        Ok(())
    }
}

/// What only a registry with unique keys can do.
impl<K: RegistryKey, V: RegistryValue> Registry<K, V, Unique> {
    /// The process with this key, and its value; `None` when there is none that runs.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.lookup/2`.
    pub fn lookup<Q>(&self, key: &Q) -> Result<Option<(Pid, V)>, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let entry = self.table()?.find(key);
        Ok(entry.map(|entry| (entry.pid(), entry.value.clone())))
    }

    /// The process with this key.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.whereis_name/1`.
    pub fn whereis_name<Q>(&self, key: &Q) -> Result<Option<Pid>, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.table()?.find(key).map(|entry| entry.pid()))
    }

    /// Puts a new value beside a key of the current process; gives the new and the old one.
    ///
    /// # Errors
    /// [`NotOwner`](RegistryError::NotOwner) when the key is another process's or nobody's;
    /// [`NoRegistry`](RegistryError::NoRegistry), [`NotInProcess`](RegistryError::NotInProcess).
    ///
    /// Source: Elixir `Registry.update_value/3`.
    pub fn update_value<Q>(
        &self,
        key: &Q,
        update: impl FnOnce(&V) -> V,
    ) -> Result<(V, V), RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let me = ambient::current_pid();
        if me == Pid::OUTSIDE {
            return Err(NotInProcess.into());
        }
        self.table()?.update(me, key, update)
    }

    /// The server of type `S` with this key, whoever that is at each use: what a
    /// [`Name`] is for servers that are known when the program is written.
    ///
    /// Source: Elixir `{:via, Registry, {registry, key}}`.
    pub fn via<S: GenServer>(&self, key: K) -> Via<S, K, V> {
        Via::new(*self, key)
    }
}

/// What only a registry with duplicate keys can do.
///
/// A server cannot be named in it: which of many would it be?
///
/// ```compile_fail,E0599
/// # use runtime::{Crash, Cx, Duplicate, GenServer, Init, Registry};
/// # struct S;
/// # impl GenServer for S {
/// #     type Args = (); type Call = (); type Cast = (); type Info = ();
/// #     async fn init(_: (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> { Ok(Init::Ok(S)) }
/// # }
/// static NEWS: Registry<&str, (), Duplicate> = Registry::duplicate("news");
/// let server = NEWS.via::<S>("lottery");
/// ```
///
/// Oracle (by type): REG-08
impl<K: RegistryKey, V: RegistryValue> Registry<K, V, Duplicate> {
    /// The processes with this key, and their values, oldest registration first.
    ///
    /// # Errors
    /// [`NoRegistry`](RegistryError::NoRegistry).
    ///
    /// Source: Elixir `Registry.lookup/2`.
    pub fn lookup<Q>(&self, key: &Q) -> Result<Vec<(Pid, V)>, RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.lookup_match(key, |_| true)
    }
}

/// The registry's process.
impl<K, V, M> Server for Registry<K, V, M> {
    type Type = RegistryServer;

    fn whereis(&self) -> Option<ServerRef<Self::Type>> {
        Name::new(self.name).whereis()
    }
}
