//! Local names: one process, one name, as in OTP.

use std::collections::HashMap;
use std::fmt;

use crate::ambient;
use crate::message::Dest;
use crate::pcb::{AnyPcb, Life};
use crate::pid::Pid;
use crate::registry::RegistryError;
use crate::sync::{Arc, Mutex};
use crate::system::{System, SystemInner};
use crate::table;
use crate::trace::{Subject, What};

/// A name could not be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another process, or this one, holds the name.
    #[error("the name {name:?} is taken by {holder}")]
    Taken {
        /// The name.
        name: String,
        /// Who holds it.
        holder: Pid,
    },
    /// The process has another name already; OTP allows one.
    #[error("{pid} is already registered as {name:?}")]
    HasName {
        /// The process.
        pid: Pid,
        /// The name that it has.
        name: String,
    },
    /// There is no such process in the current system.
    #[error("noproc: {0} is not alive")]
    NoProc(Pid),
}

/// Nobody holds this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no process is registered as {0:?}")]
pub struct NotRegistered(pub String);

/// The names of a system, and who has them. A process that has ended has none.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Arc<str>, Holder>>);

/// Who has a name.
struct Holder {
    process: Arc<dyn AnyPcb>,
    /// Whether it is found under the name: not before it is found under its pid.
    listed: bool,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl Names {
    /// Who has the name, and has not been told to end.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<dyn AnyPcb>> {
        let process = match self.0.lock().get(name)? {
            Holder { process, listed: true } => process.clone(),
            Holder { listed: false, .. } => return None,
        };
        (process.head().life() == Life::Running).then_some(process)
    }

    pub(crate) fn whereis(&self, name: &str) -> Option<Pid> {
        Some(self.find(name)?.head().pid)
    }

    pub(crate) fn all(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.0.lock().keys().cloned().collect();
        names.sort();
        names
    }

    /// Gives `name` to the process; its own lock is taken inside, never the other way round.
    fn register(
        &self,
        name: &Arc<str>,
        pcb: &Arc<dyn AnyPcb>,
        listed: bool,
    ) -> Result<(), RegisterError> {
        let pid = pcb.head().pid;
        let mut names = self.0.lock();
        if let Some(holder) = names.get(name) {
            let holder = holder.process.head().pid;
            return Err(RegisterError::Taken { name: name.to_string(), holder });
        }
        let mut result = Ok(());
        pcb.control(&mut |control, _| {
            result = match control.name() {
                _ if control.life() != Life::Running => Err(RegisterError::NoProc(pid)),
                Some(name) => Err(RegisterError::HasName { pid, name: name.to_string() }),
                None => {
                    control.rare().name = Some(name.clone());
                    Ok(())
                }
            };
        });
        if result.is_ok() {
            names.insert(name.clone(), Holder { process: pcb.clone(), listed });
        }
        result
    }

    fn unregister(&self, name: &str) -> Option<Pid> {
        let mut names = self.0.lock();
        let Holder { process, .. } = names.remove(name)?;
        process.control(&mut |control, _| control.rare().name = None);
        drop(names);
        Some(process.head().pid)
    }

    /// The process can be found by its pid, and from here on by its name.
    fn list(&self, name: &str, pid: Pid) {
        if let Some(holder) = self.0.lock().get_mut(name)
            && holder.process.head().pid == pid
        {
            holder.listed = true;
        }
    }

    /// Frees the name of a process that has ended.
    pub(crate) fn forget(&self, name: Option<&Arc<str>>, pid: Pid) {
        let Some(name) = name else { return };
        let forgotten = {
            let mut names = self.0.lock();
            let held = names.get(name).is_some_and(|holder| holder.process.head().pid == pid);
            if held { names.remove(name) } else { None }
        };
        // Perhaps the last to hold it, and with it messages of the user's.
        drop(forgotten);
    }
}

/// How a process that is being made comes to its name: a local one, or one in a registry.
pub(crate) trait Naming: fmt::Debug + Send + Sync {
    /// What the process is called in a trace, if that follows from the name.
    fn label(&self) -> Option<Arc<str>>;

    /// Takes the name for a process that nobody can find yet; gives it back unless it is kept.
    fn take<'a>(
        &self,
        system: &'a SystemInner,
        process: &Arc<dyn AnyPcb>,
    ) -> Result<Box<dyn Taken + 'a>, NameRefused>;
}

/// A name that was taken for a process which may still not come to be. Dropping gives it back.
pub(crate) trait Taken {
    /// The process can be found by its pid, and has not run. May call code of the user's.
    fn keep(self: Box<Self>);
}

/// A process that was to be made did not get its name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameRefused {
    #[error(transparent)]
    Local(#[from] RegisterError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// A local name for a process that is being made.
pub(crate) struct LocalName(pub(crate) Arc<str>);

impl fmt::Debug for LocalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Naming for LocalName {
    fn label(&self) -> Option<Arc<str>> {
        Some(self.0.clone())
    }

    fn take<'a>(
        &self,
        system: &'a SystemInner,
        process: &Arc<dyn AnyPcb>,
    ) -> Result<Box<dyn Taken + 'a>, NameRefused> {
        system.names.register(&self.0, process, false)?;
        Ok(Box::new(TakenName(Some((&system.names, self.0.clone(), process.head().pid)))))
    }
}

/// A name whose process may still not come to be.
struct TakenName<'a>(Option<(&'a Names, Arc<str>, Pid)>);

impl Taken for TakenName<'_> {
    fn keep(mut self: Box<Self>) {
        if let Some((names, name, pid)) = self.0.take() {
            names.list(&name, pid);
        }
    }
}

impl Drop for TakenName<'_> {
    fn drop(&mut self) {
        if let Some((names, name, pid)) = self.0.take() {
            names.forget(Some(&name), pid);
        }
    }
}

/// Gives a process a name, under which it can be found, sent to and monitored.
///
/// The name is free again before anybody learns of the process's end.
///
/// # Errors
/// The name is taken, the process has one already, or it is not alive; nothing has changed then.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: Elixir `Process.register/2`.
#[track_caller]
pub fn register(name: &str, pid: impl Into<Pid>) -> Result<(), RegisterError> {
    let pid = pid.into();
    let name: Arc<str> = name.into();
    let system = System::current();
    let inner = system.inner();
    // A process of another system is nobody here: its end would not free the name.
    let pcb = table::find(pid)
        .filter(|pcb| pcb.head().system.id() == inner.id())
        .ok_or(RegisterError::NoProc(pid))?;
    inner.names.register(&name, &pcb, true)?;
    inner.arrivals.tell_all();
    if inner.trace.is_on() {
        inner.emit(Subject::of(&*pcb), What::Registered(name));
    }
    Ok(())
}

/// Frees a name.
///
/// # Errors
/// Nobody holds it.
///
/// # Panics
/// When called neither from a process nor from a tokio runtime.
///
/// Source: Elixir `Process.unregister/1`.
#[track_caller]
pub fn unregister(name: &str) -> Result<(), NotRegistered> {
    let system = System::current();
    let inner = system.inner();
    let pid = inner.names.unregister(name).ok_or_else(|| NotRegistered(name.to_owned()))?;
    if inner.trace.is_on() {
        inner.emit(Subject::of_pid(pid), What::Unregistered(name.into()));
    }
    Ok(())
}

/// As [`whereis`], the process itself.
pub(crate) fn find(name: &str) -> Option<Arc<dyn AnyPcb>> {
    let here = ambient::with_current(|pcb| pcb.head().system.names.find(name));
    match here {
        Some(found) => found,
        None => System::try_current().ok()?.inner().names.find(name),
    }
}

/// The process that holds a name in the current system.
///
/// Source: Elixir `Process.whereis/1`.
pub fn whereis(name: &str) -> Option<Pid> {
    Some(find(name)?.head().pid)
}

/// Sends a message to an address, a pid or a name.
///
/// Sending to a process that has ended does nothing, as in OTP; a monitor tells of its end.
///
/// # Errors
/// The name is held by nobody.
///
/// Source: Elixir `Kernel.send/2`.
pub fn send<M: Send + 'static>(dest: impl Into<Dest<M>>, message: M) -> Result<(), NotRegistered> {
    match dest.into() {
        Dest::Address(address) => address.send(message),
        Dest::Pid(pid) => pid.send(message),
        Dest::Name(name) => {
            whereis(&name).ok_or_else(|| NotRegistered(name.to_string()))?.send(message);
        }
    }
    Ok(())
}
