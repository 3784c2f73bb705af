//! The process behind a registry, or behind a scope of groups.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;

use super::table::AnyTable;
use crate::ambient::{self, NotInProcess};
use crate::exit_reason::{Crash, ExitReason};
use crate::gen_server::{Cx, GenServer, Handled, Info, Init, Next, ServerRef};
use crate::pcb::AnyPcb;
use crate::relations;
use crate::sync::{Arc, RwLock};
use crate::system::SystemInner;

/// The process behind a registry, or behind a scope of [`Groups`](crate::Groups): it owns the table,
/// and does nothing else. Those who are in a registry are linked to it.
///
/// Its type does not depend on what is in the table.
pub struct RegistryServer {
    name: &'static str,
    table: Arc<dyn AnyTable>,
    system: Arc<SystemInner>,
}

/// One incarnation of a registry.
pub type RegistryRef = ServerRef<RegistryServer>;

/// How such a process makes its table, anew at each restart. From
/// [`RegistryOptions`](crate::RegistryOptions), or [`Groups`](crate::Groups).
pub struct RegistryArgs {
    name: &'static str,
    make: Box<MakeTable>,
}

type MakeTable = dyn FnOnce(Arc<dyn AnyPcb>) -> Arc<dyn AnyTable> + Send;

impl RegistryArgs {
    pub(crate) fn new(
        name: &'static str,
        make: impl FnOnce(Arc<dyn AnyPcb>) -> Arc<dyn AnyTable> + Send + 'static,
    ) -> Self {
        Self { name, make: Box::new(make) }
    }
}

impl fmt::Debug for RegistryArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryArgs({:?})", self.name)
    }
}

impl fmt::Debug for RegistryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryServer({:?})", self.name)
    }
}

impl GenServer for RegistryServer {
    type Args = RegistryArgs;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(args: RegistryArgs, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // A registrant's crash is not the registry's.
        cx.trap_exit(true);
        let me = ambient::current().ok_or(NotInProcess)?;
        let system = me.head().system.clone();
        let table = (args.make)(me);
        system.registries.add(args.name, table.clone());
        Ok(Init::Ok(Self { name: args.name, table, system }))
    }

    async fn handle_info(&mut self, info: Info<Infallible>, cx: &mut Cx<Self>) -> Handled<Self> {
        if !matches!(info, Info::Exit(_)) {
            tracing::error!(pid = %cx.pid(), registry = self.name, "unexpected message");
        }
        Ok(Next::Go)
    }

    async fn terminate(&mut self, reason: &ExitReason, cx: &mut Cx<Self>) {
        let pids = self.table.close();
        // A link carries every other reason.
        if *reason == ExitReason::Normal {
            for pid in pids {
                cx.unlink(pid);
                relations::exit(cx.pid(), pid, ExitReason::Shutdown);
            }
        }
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        self.system.registries.remove(&self.table);
        self.table.close();
    }
}

/// The registries and scopes that run in a system. Their names are constants of the program, so they
/// are few, and a list is the quickest way to find one.
#[derive(Default)]
pub(crate) struct Registries(RwLock<Vec<(&'static str, Arc<dyn AnyTable>)>>);

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.read().iter().map(|(name, _)| name)).finish()
    }
}

impl Registries {
    /// The table, if it is of this type.
    pub(crate) fn find<T: Send + Sync + 'static>(&self, name: &str) -> Option<Arc<T>> {
        let tables = self.0.read();
        let (_, table) = tables.iter().find(|(known, _)| *known == name)?;
        let table: Arc<dyn Any + Send + Sync> = table.clone();
        drop(tables);
        table.downcast().ok()
    }

    /// The process that adds it has the name, so it is the only one.
    fn add(&self, name: &'static str, table: Arc<dyn AnyTable>) {
        self.0.write().push((name, table));
    }

    /// Removes what the caller has another reference to: nothing is dropped under the lock.
    fn remove(&self, table: &Arc<dyn AnyTable>) {
        self.0.write().retain(|(_, known)| !Arc::ptr_eq(known, table));
    }
}
