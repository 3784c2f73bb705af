//! A server by its key in a registry.

use std::fmt;
use std::marker::PhantomData;

use super::table::{Entry, Table};
use super::{Registry, RegistryError, RegistryKey, RegistryValue, Unique};
use crate::ambient;
use crate::exit_reason::ExitReason;
use crate::gen_server::{GenServer, Server, ServerRef, StartName, Up};
use crate::names::{NameRefused, Naming, Taken};
use crate::pcb::AnyPcb;
use crate::pid::Pid;
use crate::signal::Origin;
use crate::sync::Arc;
use crate::system::SystemInner;

/// A server of type `S`, by its key in a registry with unique keys; made by [`Registry::via`].
///
/// Goes wherever a server is addressed, and is looked up at each use, so that it finds the
/// restarted server. [`Start::name`](crate::Start::name) takes it as well: the server is then in
/// the registry before its `init` runs, with the default value, or the one of
/// [`with`](Self::with).
///
/// ```
/// use runtime::testing::scenario;
/// # use runtime::{Crash, Cx, GenServer, Handled, Init, Next, Process, Registry, Reply, Server};
/// # struct Room(u32);
/// # enum Call { Enter(Reply<u32>) }
/// # impl GenServer for Room {
/// #     type Args = u32; type Call = Call; type Cast = (); type Info = ();
/// #     async fn init(n: u32, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> { Ok(Init::Ok(Room(n))) }
/// #     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
/// #         let Call::Enter(reply) = call;
/// #         self.0 += 1;
/// #         reply.send(self.0);
/// #         Ok(Next::Go)
/// #     }
/// # }
///
/// static ROOMS: Registry<String> = Registry::unique("rooms");
///
/// scenario(|_: Process| async move {
///     ROOMS.start_link().await?;
///     let kitchen = ROOMS.via::<Room>("kitchen".to_owned());
///     Room::start_link(0).name(&kitchen).await?;
///     assert_eq!(kitchen.call(Call::Enter).await?, 1);
///     Ok::<(), anyhow::Error>(())
/// });
/// ```
///
/// A registry of the wrong types, a missing key, a server of another type: as for a name, a call
/// answers [`NoProc`](crate::CallError::NoProc) and a cast goes nowhere;
/// [`resolve`](Self::resolve) says which of them it was.
pub struct Via<S, K, V = ()> {
    registry: Registry<K, V, Unique>,
    key: K,
    server: PhantomData<fn(S)>,
}

/// A [`Via`] with the value that a server gets when it is started under this key.
///
/// Source: Elixir `{:via, Registry, {registry, key, value}}`.
#[derive(Clone, Debug)]
pub struct ViaWith<S, K, V> {
    via: Via<S, K, V>,
    value: V,
}

/// Why a [`Via`] leads to no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViaError {
    /// The registry does not run.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// No process that runs has the key.
    #[error("no process has this key")]
    NotRegistered,
    /// This process has the key, and is no server of this type.
    #[error("{0} has this key, and is a server of another type or none")]
    WrongType(Pid),
}

impl<S, K: Clone, V> Clone for Via<S, K, V> {
    fn clone(&self) -> Self {
        Self { registry: self.registry, key: self.key.clone(), server: PhantomData }
    }
}

impl<S, K: fmt::Debug, V> fmt::Debug for Via<S, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Via")
            .field("registry", &self.registry.name)
            .field("key", &self.key)
            .finish()
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue> Via<S, K, V> {
    pub(super) fn new(registry: Registry<K, V, Unique>, key: K) -> Self {
        Self { registry, key, server: PhantomData }
    }

    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// To start a server with this value beside its key.
    pub fn with(self, value: V) -> ViaWith<S, K, V> {
        ViaWith { via: self, value }
    }

    /// The server that it leads to now, or why there is none.
    ///
    /// # Errors
    /// See [`ViaError`].
    pub fn resolve(&self) -> Result<ServerRef<S>, ViaError> {
        let entry = self.registry.table()?.find(&self.key).ok_or(ViaError::NotRegistered)?;
        ServerRef::of_pcb(entry.owner.clone()).ok_or_else(|| ViaError::WrongType(entry.pid()))
    }

    /// Waits until a server of this type is up under this key; see [`Name::up`](crate::Name::up).
    ///
    /// # Errors
    /// See [`NotUp`](crate::NotUp). A registry that does not run is waited for, too.
    pub fn up(&self) -> Up<'_, Self> {
        Up::new(self)
    }

    fn naming(&self, value: impl Fn() -> V + Send + Sync + 'static) -> StartName<S> {
        let (registry, key) = (self.registry, self.key.clone());
        StartName::new(Arc::new(InRegistry { registry, key, value }))
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue> Server for Via<S, K, V> {
    type Type = S;

    fn whereis(&self) -> Option<ServerRef<S>> {
        self.resolve().ok()
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue> Server for ViaWith<S, K, V> {
    type Type = S;

    fn whereis(&self) -> Option<ServerRef<S>> {
        self.via.whereis()
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue + Default> From<&Via<S, K, V>>
    for StartName<S>
{
    fn from(via: &Via<S, K, V>) -> Self {
        via.naming(V::default)
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue + Default> From<Via<S, K, V>> for StartName<S> {
    fn from(via: Via<S, K, V>) -> Self {
        Self::from(&via)
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue> From<&ViaWith<S, K, V>> for StartName<S> {
    fn from(ViaWith { via, value }: &ViaWith<S, K, V>) -> Self {
        let value = value.clone();
        via.naming(move || value.clone())
    }
}

impl<S: GenServer, K: RegistryKey, V: RegistryValue> From<ViaWith<S, K, V>> for StartName<S> {
    fn from(via: ViaWith<S, K, V>) -> Self {
        Self::from(&via)
    }
}

/// The key under which a process that is being made shall be found.
struct InRegistry<K, V, F> {
    registry: Registry<K, V, Unique>,
    key: K,
    value: F,
}

impl<K, V, F> fmt::Debug for InRegistry<K, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({:?})", self.registry.name)
    }
}

impl<K, V, F> Naming for InRegistry<K, V, F>
where
    K: RegistryKey,
    V: RegistryValue,
    F: Fn() -> V + Send + Sync,
{
    fn label(&self) -> Option<Arc<str>> {
        None
    }

    fn take<'a>(
        &self,
        system: &'a SystemInner,
        process: &Arc<dyn AnyPcb>,
    ) -> Result<Box<dyn Taken + 'a>, NameRefused> {
        let unknown = RegistryError::NoRegistry(self.registry.name);
        let table = self.registry.table_in(system).ok_or(unknown)?;
        let entry = table.enter(process, self.key.clone(), (self.value)())?;
        Ok(Box::new(Entered { table, entry, kept: false }))
    }
}

/// An entry whose process may still not come to be.
struct Entered<K: RegistryKey, V: RegistryValue> {
    table: Arc<Table<K, V, Unique>>,
    entry: Arc<Entry<K, V>>,
    kept: bool,
}

impl<K: RegistryKey, V: RegistryValue> Taken for Entered<K, V> {
    fn keep(mut self: Box<Self>) {
        self.kept = true;
        match self.table.list(&self.entry) {
            Ok(()) => self.table.tell_registered(&self.entry),
            // The registry has ended in between, and takes its registrants along.
            Err(_) => {
                let keeper = self.table.keeper();
                self.entry.owner.exit_signal(keeper, ExitReason::NoProc, Origin::Other);
            }
        }
    }
}

impl<K: RegistryKey, V: RegistryValue> Drop for Entered<K, V> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let removed = self.table.remove(&self.entry);
        // The spawn unwinds already; a second panic would be the end of the program.
        if let Err(payload) = ambient::catch(|| drop(removed)) {
            drop(ambient::panic_info(payload));
        }
    }
}
