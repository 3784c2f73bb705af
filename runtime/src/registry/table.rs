//! The table of one incarnation of a registry, shared by everybody who reads or writes it.
//!
//! Two maps in partitions, each partition under a lock of its own: from keys to entries, and from
//! owners to theirs. No two of these locks are held at once, and nothing of the user's runs under
//! one: keys are hashed and compared, entries are made and dropped, and closures run outside.
//!
//! Only its owner changes an entry, in its own turn, so two steps of one owner never cross. What
//! does cross is the end of the registry: it closes each partition, and an entry that comes too late
//! for one of them is taken out of the other.

use std::any::{Any, TypeId};
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::marker::PhantomData;
use std::panic::resume_unwind;

use super::buckets::{Buckets, Seen};
use super::{Keys, RegistryError, RegistryEvent, RegistryKey, RegistryValue};
use crate::ambient;
use crate::pcb::{AnyPcb, Held, Life, hold};
use crate::pid::Pid;
use crate::relations;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, RwLock};

/// One registration.
pub(super) struct Entry<K, V> {
    hash: u64,
    number: u64,
    pub(super) key: K,
    pub(super) value: V,
    pub(super) owner: Arc<dyn AnyPcb>,
    /// Whether it can be found: not before its owner can.
    listed: AtomicBool,
}

impl<K, V> Entry<K, V> {
    pub(super) fn pid(&self) -> Pid {
        self.owner.head().pid
    }

    pub(super) fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Acquire)
    }

    /// Listed, and its owner has not been told to end.
    fn is_alive(&self) -> bool {
        self.is_listed() && self.owner.head().life() == Life::Running
    }
}

struct Keyed<K, V> {
    closed: bool,
    buckets: Buckets<Entry<K, V>>,
}

/// What one process has registered.
struct Owner<K, V> {
    entries: BTreeMap<u64, Arc<Entry<K, V>>>,
    /// Whether the link to the registry was made for the registrations, and goes with the last one.
    /// `None` until there is a link.
    tied: Option<bool>,
}

struct Owners<K, V> {
    closed: bool,
    map: HashMap<Pid, Owner<K, V>>,
}

/// A partition, on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

type Partitions<T> = Box<[Apart<T>]>;

pub(super) type Listener<K, V> = Arc<dyn Fn(RegistryEvent<K, V>) + Send + Sync>;

/// What is known of a registry as a whole. A key is a word and the type of what it stands for.
pub(super) type Metadata = HashMap<(&'static str, TypeId), Arc<dyn Any + Send + Sync>>;

pub(super) struct Table<K, V, M> {
    name: &'static str,
    /// The process whose table this is.
    keeper: Arc<dyn AnyPcb>,
    hasher: RandomState,
    entries: Partitions<RwLock<Keyed<K, V>>>,
    owners: Partitions<Mutex<Owners<K, V>>>,
    next: AtomicU64,
    metadata: RwLock<Metadata>,
    listeners: Vec<Listener<K, V>>,
    keys: PhantomData<fn(M)>,
}

/// A table whose types are not known: what its process sees of it.
pub(crate) trait AnyTable: Any + Send + Sync {
    /// Its process ends: nothing is in the table any more, and nothing comes into it. Those who are
    /// to end with it, in the order of their spawning.
    fn close(&self) -> Vec<Pid>;
}

/// Drops entries one by one: each `Drop` is the user's and may panic. The first panic goes on when
/// all are dropped.
pub(crate) fn drop_each<E: ?Sized>(entries: impl IntoIterator<Item = Arc<E>>) {
    let mut first = None;
    for entry in entries {
        if let Err(payload) = ambient::catch(|| drop(entry)) {
            if first.is_none() && !std::thread::panicking() {
                first = Some(payload);
            } else {
                drop(ambient::panic_info(payload));
            }
        }
    }
    if let Some(payload) = first {
        resume_unwind(payload);
    }
}

impl<K: RegistryKey, V: RegistryValue, M: Keys> Table<K, V, M> {
    pub(super) fn new(
        name: &'static str,
        keeper: Arc<dyn AnyPcb>,
        partitions: usize,
        metadata: Metadata,
        listeners: Vec<Listener<K, V>>,
    ) -> Self {
        let partitions = 0..partitions.max(1);
        let keyed = |_| Apart(RwLock::new(Keyed { closed: false, buckets: Buckets::default() }));
        let owners = |_| Apart(Mutex::new(Owners { closed: false, map: HashMap::new() }));
        Self {
            name,
            keeper,
            hasher: RandomState::new(),
            entries: partitions.clone().map(keyed).collect(),
            owners: partitions.map(owners).collect(),
            next: AtomicU64::new(0),
            metadata: RwLock::new(metadata),
            listeners,
            keys: PhantomData,
        }
    }

    pub(super) fn keeper(&self) -> Pid {
        self.keeper.head().pid
    }

    /// Whether the registry runs.
    pub(super) fn is_open(&self) -> bool {
        self.keeper.head().life() == Life::Running
    }

    pub(super) fn metadata(&self) -> &RwLock<Metadata> {
        &self.metadata
    }

    fn keyed(&self, hash: u64) -> &RwLock<Keyed<K, V>> {
        // The map inside of a partition takes its bits from both ends of the hash.
        #[allow(clippy::cast_possible_truncation)]
        let at = (hash >> 24) as usize % self.entries.len();
        &self.entries[at].0
    }

    fn owned(&self, pid: Pid) -> &Mutex<Owners<K, V>> {
        // A slot number has 28 bits.
        #[allow(clippy::cast_possible_truncation)]
        let at = pid.slot() as usize % self.owners.len();
        &self.owners[at].0
    }

    fn see<Q>(&self, key: &Q) -> Seen<Entry<K, V>>
    where
        K: Borrow<Q>,
        Q: Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        self.keyed(hash).read().buckets.see(hash)
    }

    /// The entries of a key whose owners live, oldest first.
    pub(super) fn lookup<Q>(&self, key: &Q) -> Vec<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let seen = self.see(key).into_iter();
        seen.filter(|entry| entry.is_alive() && entry.key.borrow() == key).collect()
    }

    /// The oldest entry of a key whose owner lives.
    pub(super) fn find<Q>(&self, key: &Q) -> Option<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.see(key).into_iter().find(|entry| entry.is_alive() && entry.key.borrow() == key)
    }

    /// The entries of a key that belong to `owner`.
    fn own<Q>(&self, owner: Pid, key: &Q) -> Vec<Arc<Entry<K, V>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let seen = self.see(key).into_iter();
        seen.filter(|entry| entry.pid() == owner && entry.key.borrow() == key).collect()
    }

    /// Every entry that can be found, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Entry<K, V>>> {
        let mut all = Vec::new();
        for partition in &self.entries {
            all.extend(partition.0.read().buckets.all().filter(|entry| entry.is_alive()).cloned());
        }
        all.sort_by_key(|entry| entry.number);
        all
    }

    pub(super) fn count(&self) -> usize {
        self.entries.iter().map(|partition| partition.0.read().buckets.len()).sum()
    }

    /// The entries of a process, oldest first.
    pub(super) fn entries_of(&self, pid: Pid) -> Vec<Arc<Entry<K, V>>> {
        let owners = self.owned(pid).lock();
        owners.map.get(&pid).map_or_else(Vec::new, |own| own.entries.values().cloned().collect())
    }

    /// Enters a process that runs, or is being made. It is neither listed nor linked yet.
    pub(super) fn enter(
        self: &Arc<Self>,
        owner: &Arc<dyn AnyPcb>,
        key: K,
        value: V,
    ) -> Result<Arc<Entry<K, V>>, RegistryError> {
        self.be_held_by(&**owner)?;
        let pid = owner.head().pid;
        let hash = self.hasher.hash_one(&key);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let listed = AtomicBool::new(false);
        let entry = Arc::new(Entry { hash, number, key, value, owner: owner.clone(), listed });
        self.enter_key(&entry)?;
        let open = {
            let mut owners = self.owned(pid).lock();
            if !owners.closed {
                let nothing = || Owner { entries: BTreeMap::new(), tied: None };
                let own = owners.map.entry(pid).or_insert_with(nothing);
                own.entries.insert(number, entry.clone());
            }
            !owners.closed
        };
        if !open {
            let removed = self.keyed(hash).write().buckets.remove(hash, number);
            drop(removed);
            return Err(self.unknown());
        }
        Ok(entry)
    }

    fn enter_key(&self, entry: &Arc<Entry<K, V>>) -> Result<(), RegistryError> {
        let hash = entry.hash;
        let mut seen = Seen::NOTHING;
        loop {
            {
                let mut keyed = self.keyed(hash).write();
                if keyed.closed {
                    return Err(self.unknown());
                }
                if !M::UNIQUE || keyed.buckets.is_as_seen(hash, &seen) {
                    keyed.buckets.insert(hash, entry.number, entry.clone());
                    return Ok(());
                }
            }
            // Somebody has this key, or another one with the same hash; or has just let go of it.
            seen = self.keyed(hash).read().buckets.see(hash);
            if let Some(holder) = seen.iter().find(|other| other.key == entry.key) {
                return Err(RegistryError::AlreadyRegistered(holder.pid()));
            }
        }
    }

    /// Lets the owner's end reach this table.
    fn be_held_by(self: &Arc<Self>, owner: &dyn AnyPcb) -> Result<(), RegistryError> {
        let this: Arc<dyn Held> = self.clone();
        if hold(owner, Arc::downgrade(&this)) {
            Ok(())
        } else {
            Err(RegistryError::NoProc(owner.head().pid))
        }
    }

    /// Links an owner that can be found to the registry, and lists the entry.
    pub(super) fn list(&self, entry: &Arc<Entry<K, V>>) -> Result<(), RegistryError> {
        let pid = entry.pid();
        let tied = self.owned(pid).lock().map.get(&pid).map(|own| own.tied.is_some());
        if !tied.ok_or_else(|| self.unknown())? {
            let Some(new) = relations::tie(&*entry.owner, &*self.keeper) else {
                // It has ended, and its entries with it.
                return Err(self.unknown());
            };
            if let Some(own) = self.owned(pid).lock().map.get_mut(&pid) {
                own.tied = Some(new);
            }
        }
        entry.listed.store(true, Ordering::Release);
        Ok(())
    }

    /// Tells the listeners that an entry came. Their code runs here.
    pub(super) fn tell_registered(&self, entry: &Entry<K, V>) {
        for listener in &self.listeners {
            listener(RegistryEvent::Register {
                registry: self.name,
                key: entry.key.clone(),
                pid: entry.pid(),
                value: entry.value.clone(),
            });
        }
    }

    /// Removes entries of `owner`, which is the current process, and tells the listeners.
    pub(super) fn unregister<Q>(
        &self,
        owner: &dyn AnyPcb,
        key: &Q,
        mut which: impl FnMut(&V) -> bool,
    ) where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let pid = owner.head().pid;
        let mut entries = self.own(pid, key);
        entries.retain(|entry| which(&entry.value));
        let Some(key) = entries.first().map(|entry| entry.key.clone()) else { return };
        let tell: Vec<_> = self
            .listeners
            .iter()
            .map(|listener| {
                let event =
                    RegistryEvent::Unregister { registry: self.name, key: key.clone(), pid };
                (listener, event)
            })
            .collect();
        let removed: Vec<_> = entries.iter().filter_map(|entry| self.remove(entry)).collect();
        drop(entries);
        if self.owned(pid).lock().map.get(&pid).is_some_and(|own| own.entries.is_empty()) {
            let left = self.owned(pid).lock().map.remove(&pid);
            self.untie(owner, left.and_then(|own| own.tied));
        }
        drop_each(removed);
        for (listener, event) in tell {
            listener(event);
        }
    }

    /// Takes one entry out of both maps.
    pub(super) fn remove(&self, entry: &Entry<K, V>) -> Option<Arc<Entry<K, V>>> {
        let by_key = self.keyed(entry.hash).write().buckets.remove(entry.hash, entry.number);
        let mut owners = self.owned(entry.pid()).lock();
        let by_owner =
            owners.map.get_mut(&entry.pid()).and_then(|own| own.entries.remove(&entry.number));
        drop(owners);
        by_owner.or(by_key)
    }

    fn untie(&self, owner: &dyn AnyPcb, tied: Option<bool>) {
        if tied == Some(true) {
            relations::unlink(owner, self.keeper(), Some(&*self.keeper));
        }
    }

    /// Puts a new value in the place of the old one, which is given back as well.
    pub(super) fn update<Q>(
        &self,
        owner: Pid,
        key: &Q,
        update: impl FnOnce(&V) -> V,
    ) -> Result<(V, V), RegistryError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let old = self.own(owner, key).into_iter().next().ok_or(RegistryError::NotOwner)?;
        let value = update(&old.value);
        let result = (value.clone(), old.value.clone());
        let Entry { hash, number, .. } = *old;
        let (key, listed) = (old.key.clone(), AtomicBool::new(old.is_listed()));
        let new = Arc::new(Entry { hash, number, key, value, owner: old.owner.clone(), listed });
        let replaced = self.keyed(hash).write().buckets.replace(hash, number, new.clone());
        // The closure may have unregistered it, or the registry has ended.
        let replaced = replaced.map_err(|_| RegistryError::NotOwner)?;
        let former = {
            let mut owners = self.owned(owner).lock();
            let own = owners.map.get_mut(&owner).and_then(|own| own.entries.get_mut(&number));
            own.map(|own| std::mem::replace(own, new))
        };
        drop((replaced, former, old));
        Ok(result)
    }

    pub(super) fn unknown(&self) -> RegistryError {
        RegistryError::NoRegistry(self.name)
    }
}

impl<K: RegistryKey, V: RegistryValue, M: Keys> Held for Table<K, V, M> {
    fn owner_ended(&self, owner: &dyn AnyPcb) {
        let pid = owner.head().pid;
        let left = self.owned(pid).lock().map.remove(&pid);
        let Some(Owner { entries, tied }) = left else { return };
        for entry in entries.values() {
            let removed = self.keyed(entry.hash).write().buckets.remove(entry.hash, entry.number);
            drop(removed);
        }
        // The registry need not hear of it: it has nothing left to do.
        self.untie(owner, tied);
        drop_each(entries.into_values());
    }
}

impl<K: RegistryKey, V: RegistryValue, M: Keys> AnyTable for Table<K, V, M> {
    fn close(&self) -> Vec<Pid> {
        let mut owners = Vec::new();
        let mut entries = Vec::new();
        for partition in &self.owners {
            let map = {
                let mut owners = partition.0.lock();
                owners.closed = true;
                std::mem::take(&mut owners.map)
            };
            for own in map.into_values() {
                let head = own.entries.values().next().map(|entry| entry.owner.head());
                owners.extend(head.map(|head| (head.serial, head.pid)));
                entries.extend(own.entries.into_values());
            }
        }
        for partition in &self.entries {
            let buckets = {
                let mut keyed = partition.0.write();
                keyed.closed = true;
                std::mem::take(&mut keyed.buckets)
            };
            entries.extend(buckets.all().cloned());
            drop(buckets);
        }
        owners.sort_unstable();
        drop_each(entries);
        owners.into_iter().map(|(_, pid)| pid).collect()
    }
}
