//! How a registry is to be started.

use std::fmt;

use super::server::{RegistryArgs, RegistryServer};
use super::table::{AnyTable, Listener, Metadata, Table};
use super::{Keys, MetaKey, Registry, RegistryEvent, RegistryKey, RegistryValue};
use crate::gen_server::{GenServer, Name, Server, Start};
use crate::message::Dest;
use crate::supervisor::Child;
use crate::sync::Arc;

/// How many partitions a registry has unless told otherwise.
const PARTITIONS: usize = 16;

/// How a registry is to be started. Made by [`Registry::options`].
#[must_use = "a registry does nothing until it is started"]
pub struct RegistryOptions<K, V, M> {
    registry: Registry<K, V, M>,
    partitions: usize,
    metadata: Metadata,
    listeners: Vec<Listener<K, V>>,
}

impl<K, V, M> Clone for RegistryOptions<K, V, M> {
    fn clone(&self) -> Self {
        Self {
            registry: self.registry,
            partitions: self.partitions,
            metadata: self.metadata.clone(),
            listeners: self.listeners.clone(),
        }
    }
}

impl<K, V, M> fmt::Debug for RegistryOptions<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("registry", &self.registry)
            .field("partitions", &self.partitions)
            .field("listeners", &self.listeners.len())
            .finish_non_exhaustive()
    }
}

impl<K: RegistryKey, V: RegistryValue, M: Keys> RegistryOptions<K, V, M> {
    pub(super) fn new(registry: Registry<K, V, M>) -> Self {
        let (metadata, listeners) = (Metadata::new(), Vec::new());
        Self { registry, partitions: PARTITIONS, metadata, listeners }
    }

    /// Cuts the table into this many parts, each under a lock of its own: 16, unless told otherwise.
    ///
    /// More of them let more cores write at once. Nothing else depends on it.
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions;
        self
    }

    /// Puts something under a key of the registry as a whole, again at each restart.
    pub fn meta<T>(mut self, key: &MetaKey<T>, value: T) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        self.metadata.insert(key.id(), Arc::new(value));
        self
    }

    /// Sends what `say` makes of each registration and unregistration to an address, a pid, or
    /// whoever has a name then. If nobody has it, or it has ended, nothing happens.
    ///
    /// `say` runs in the process that registers; if it panics, that process crashes.
    pub fn listener<L: Send + 'static>(
        self,
        listener: impl Into<Dest<L>>,
        say: impl Fn(RegistryEvent<K, V>) -> L + Send + Sync + 'static,
    ) -> Self {
        let listener = listener.into();
        self.listen(move |event| {
            // Nobody listens any more, which is not the registrant's business.
            let _ = crate::names::send(listener.clone(), say(event));
        })
    }

    /// As [`listener`](Self::listener), to a server, in its
    /// [`handle_info`](GenServer::handle_info).
    pub fn listener_server<S: Server + Send + Sync + 'static>(
        self,
        server: S,
        say: impl Fn(RegistryEvent<K, V>) -> <S::Type as GenServer>::Info + Send + Sync + 'static,
    ) -> Self {
        self.listen(move |event| server.info(say(event)))
    }

    fn listen(mut self, listener: impl Fn(RegistryEvent<K, V>) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    fn args(self) -> RegistryArgs {
        let Self { registry: Registry { name, .. }, partitions, metadata, listeners } = self;
        RegistryArgs::new(name, move |keeper| -> Arc<dyn AnyTable> {
            Arc::new(Table::<K, V, M>::new(name, keeper, partitions, metadata, listeners))
        })
    }

    /// See [`Registry::start_link`].
    pub fn start_link(self) -> Start<RegistryServer> {
        let name = Name::new(self.registry.name);
        RegistryServer::start_link(self.args()).name(&name)
    }

    /// See [`Registry::start`].
    pub fn start(self) -> Start<RegistryServer> {
        let name = Name::new(self.registry.name);
        RegistryServer::start(self.args()).name(&name)
    }

    /// See [`Registry::child`].
    pub fn child(self) -> Child<RegistryServer> {
        let name = Name::new(self.registry.name);
        RegistryServer::child(move || self.clone().args()).name(&name)
    }
}
