//! A table, as all of its handles share it.
//!
//! Rows lie by the hash of their key, in partitions, each under a lock of its own. A row never
//! changes: who writes puts another one in its place, if it is still the one that was seen, or looks
//! again. So keys are compared, and rows made and dropped, with no lock held.
//!
//! Whose the table is stands under a lock of its own, and no two locks are held at once.

use std::any::Any;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use super::{Access, Table, TableError, TableKey, TableTransfer};
use crate::ambient;
use crate::pcb::{AnyPcb, Held, Life, hold};
use crate::pid::Pid;
use crate::registry::buckets::{Buckets, Seen};
use crate::registry::table::{Apart, drop_each};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex, RwLock};
use crate::system::SystemInner;
use crate::table;

const PARTITIONS: usize = 16;

pub(super) struct Row<K, V> {
    hash: u64,
    number: u64,
    pub(super) key: K,
    pub(super) value: V,
}

struct Part<K, V> {
    closed: bool,
    buckets: Buckets<Row<K, V>>,
}

type Parts<K, V> = Box<[Apart<RwLock<Part<K, V>>>]>;

/// Who gets the table when its owner ends, and how that one is told.
pub(super) struct Heir<K, V> {
    pub(super) pid: Pid,
    pub(super) tell: Arc<dyn Fn(TableTransfer<K, V>) + Send + Sync>,
}

impl<K, V> Clone for Heir<K, V> {
    fn clone(&self) -> Self {
        Self { pid: self.pid, tell: self.tell.clone() }
    }
}

struct Ownership<K, V> {
    /// `None` when the table has ended.
    owner: Option<Pid>,
    heir: Option<Heir<K, V>>,
}

pub(super) struct Shared<K, V> {
    pub(super) number: u64,
    pub(super) name: Option<&'static str>,
    pub(super) access: Access,
    system: Arc<SystemInner>,
    hasher: RandomState,
    parts: Parts<K, V>,
    next: AtomicU64,
    ownership: Mutex<Ownership<K, V>>,
}

impl<K: TableKey, V: Send + Sync + 'static> Shared<K, V> {
    pub(super) fn create(
        owner: &Arc<dyn AnyPcb>,
        name: Option<&'static str>,
        access: Access,
        heir: Option<Heir<K, V>>,
    ) -> Result<Arc<Self>, TableError> {
        let (pid, system) = (owner.head().pid, owner.head().system.clone());
        let part = |_| Apart(RwLock::new(Part { closed: false, buckets: Buckets::default() }));
        let shared = Arc::new(Self {
            number: system.tables.number(),
            name,
            access,
            system: system.clone(),
            hasher: RandomState::new(),
            parts: (0..PARTITIONS).map(part).collect(),
            next: AtomicU64::new(0),
            ownership: Mutex::new(Ownership { owner: Some(pid), heir }),
        });
        if !shared.be_held_by(&**owner) {
            return Err(TableError::NoProc(pid));
        }
        if !system.tables.add(shared.number, name, shared.clone()) {
            return Err(TableError::NameTaken(name.unwrap_or_default()));
        }
        Ok(shared)
    }

    fn be_held_by(self: &Arc<Self>, process: &dyn AnyPcb) -> bool {
        let this: Arc<dyn Held> = self.clone();
        hold(process, Arc::downgrade(&this))
    }

    // --- Whose it is.

    pub(super) fn owner(&self) -> Result<Pid, TableError> {
        self.ownership.lock().owner.ok_or(TableError::NoTable)
    }

    /// The owner, if that is the caller.
    pub(super) fn may_own(&self) -> Result<Pid, TableError> {
        let owner = self.owner()?;
        if ambient::current_pid() == owner {
            return Ok(owner);
        }
        Err(TableError::Access { owner, access: self.access })
    }

    pub(super) fn may_read(&self) -> Result<(), TableError> {
        match self.access {
            Access::Private => self.may_own().map(drop),
            Access::Protected | Access::Public => Ok(()),
        }
    }

    pub(super) fn may_write(&self) -> Result<(), TableError> {
        match self.access {
            Access::Private | Access::Protected => self.may_own().map(drop),
            Access::Public => Ok(()),
        }
    }

    pub(super) fn set_heir(&self, heir: Option<Heir<K, V>>) -> Result<(), TableError> {
        let former = {
            let mut ownership = self.ownership.lock();
            if ownership.owner.is_none() {
                return Err(TableError::NoTable);
            }
            std::mem::replace(&mut ownership.heir, heir)
        };
        drop(former);
        Ok(())
    }

    /// Makes the table another process's.
    pub(super) fn pass(self: &Arc<Self>, from: Pid, to: Pid) -> Result<(), TableError> {
        if from == to {
            return Err(TableError::OwnTable(to));
        }
        let here = |pcb: &Arc<dyn AnyPcb>| pcb.head().system.id() == self.system.id();
        let process = table::find(to).filter(here).ok_or(TableError::NoProc(to))?;
        if !self.be_held_by(&*process) {
            return Err(TableError::NoProc(to));
        }
        let mut ownership = self.ownership.lock();
        if ownership.owner != Some(from) {
            return Err(TableError::NoTable);
        }
        // Under the lock: who runs now comes here when it ends, and not before.
        if process.head().life() != Life::Running {
            return Err(TableError::NoProc(to));
        }
        ownership.owner = Some(to);
        Ok(())
    }

    /// Ends the table; says whether it had not ended before.
    pub(super) fn close(&self) -> bool {
        let (was, heir) = {
            let mut ownership = self.ownership.lock();
            (ownership.owner.take(), ownership.heir.take())
        };
        if was.is_none() {
            return false;
        }
        self.system.tables.remove(self.number, self.name);
        let mut all: Vec<Arc<dyn Any + Send + Sync>> = Vec::new();
        for part in &self.parts {
            let buckets = {
                let mut part = part.0.write();
                part.closed = true;
                std::mem::take(&mut part.buckets)
            };
            for row in buckets.all() {
                all.push(row.clone());
            }
        }
        if let Some(heir) = heir {
            all.push(Arc::new(heir));
        }
        drop_each(all);
        true
    }

    // --- Rows.

    fn part(&self, hash: u64) -> &RwLock<Part<K, V>> {
        // The map inside of a partition takes its bits from both ends of the hash.
        #[allow(clippy::cast_possible_truncation)]
        let at = (hash >> 24) as usize % self.parts.len();
        &self.parts[at].0
    }

    fn see(&self, hash: u64) -> Result<Seen<Row<K, V>>, TableError> {
        let part = self.part(hash).read();
        if part.closed { Err(TableError::NoTable) } else { Ok(part.buckets.see(hash)) }
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(super) fn find<Q>(&self, key: &Q) -> Result<Option<Arc<Row<K, V>>>, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let seen = self.see(self.hash(key))?;
        Ok(seen.into_iter().find(|row| row.key.borrow() == key))
    }

    /// Puts a row in the place of one that was seen. Whether it was still there.
    fn replace(&self, old: &Arc<Row<K, V>>, new: Arc<Row<K, V>>) -> Result<bool, TableError> {
        let Row { hash, number, .. } = **old;
        let replaced = {
            let mut part = self.part(hash).write();
            if part.closed {
                return Err(TableError::NoTable);
            }
            let there = part.buckets.get(hash, number);
            let same = there.is_some_and(|there| Arc::ptr_eq(there, old));
            same.then(|| part.buckets.replace(hash, number, new))
        };
        Ok(replaced.is_some())
    }

    /// Puts a row to those that were seen. Whether they are still the same.
    fn enter(&self, seen: &Seen<Row<K, V>>, new: Arc<Row<K, V>>) -> Result<bool, TableError> {
        let Row { hash, number, .. } = *new;
        let mut part = self.part(hash).write();
        if part.closed {
            drop(part);
            return Err(TableError::NoTable);
        }
        let same = part.buckets.is_as_seen(hash, seen);
        if same {
            part.buckets.insert(hash, number, new);
        } else {
            // The caller has another reference.
            drop(new);
        }
        Ok(same)
    }

    /// Puts a value under a key; over one that is there only if told so. Hands back what it did not
    /// put.
    pub(super) fn put(&self, key: K, value: V, over: bool) -> Result<Option<(K, V)>, TableError> {
        let hash = self.hash(&key);
        let own = self.next.fetch_add(1, Ordering::Relaxed);
        let mut new = Arc::new(Row { hash, number: own, key, value });
        loop {
            let seen = self.see(hash)?;
            let old = seen.iter().find(|row| row.key == new.key).cloned();
            if let (Some(_), false) = (&old, over) {
                // Nobody else has it.
                return Ok(Arc::into_inner(new).map(|row| (row.key, row.value)));
            }
            // It stands where the one before it stood.
            let number = old.as_ref().map_or(own, |old| old.number);
            if let Some(new) = Arc::get_mut(&mut new) {
                new.number = number;
            }
            let done = match &old {
                Some(old) => self.replace(old, new.clone())?,
                None => self.enter(&seen, new.clone())?,
            };
            if done {
                return Ok(None);
            }
        }
    }

    pub(super) fn update<Q>(
        &self,
        key: &Q,
        mut change: impl FnMut(&V) -> V,
    ) -> Result<Option<V>, TableError>
    where
        K: Borrow<Q> + Clone,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        loop {
            let Some(row) = self.find(key)? else { return Ok(None) };
            let value = change(&row.value);
            let Row { hash, number, .. } = *row;
            let new = Row { hash, number, key: row.key.clone(), value: value.clone() };
            if self.replace(&row, Arc::new(new))? {
                return Ok(Some(value));
            }
        }
    }

    /// Removes a row that was seen. Whether it was still there.
    fn remove_row(&self, row: &Arc<Row<K, V>>) -> Result<bool, TableError> {
        let removed = {
            let mut part = self.part(row.hash).write();
            if part.closed {
                return Err(TableError::NoTable);
            }
            let there = part.buckets.get(row.hash, row.number);
            let same = there.is_some_and(|there| Arc::ptr_eq(there, row));
            if same { part.buckets.remove(row.hash, row.number) } else { None }
        };
        Ok(removed.is_some())
    }

    pub(super) fn remove<Q>(&self, key: &Q) -> Result<Option<Arc<Row<K, V>>>, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        loop {
            let Some(row) = self.find(key)? else { return Ok(None) };
            if self.remove_row(&row)? {
                return Ok(Some(row));
            }
        }
    }

    pub(super) fn remove_where(
        &self,
        matches: &mut dyn FnMut(&K, &V) -> bool,
    ) -> Result<usize, TableError> {
        let mut removed = 0;
        for row in self.rows()? {
            let mut row = Some(row);
            while let Some(seen) = row.take_if(|row| matches(&row.key, &row.value)) {
                if self.remove_row(&seen)? {
                    removed += 1;
                } else {
                    row = self.find(&seen.key)?;
                }
            }
        }
        Ok(removed)
    }

    /// All rows, in the order in which their keys came.
    pub(super) fn rows(&self) -> Result<Vec<Arc<Row<K, V>>>, TableError> {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = part.0.read();
            if part.closed {
                return Err(TableError::NoTable);
            }
            all.extend(part.buckets.all().cloned());
        }
        all.sort_by_key(|row| row.number);
        Ok(all)
    }

    pub(super) fn size(&self) -> Result<usize, TableError> {
        let mut size = 0;
        for part in &self.parts {
            let part = part.0.read();
            if part.closed {
                return Err(TableError::NoTable);
            }
            size += part.buckets.len();
        }
        Ok(size)
    }

    pub(super) fn clear(&self) -> Result<(), TableError> {
        let mut all = Vec::new();
        for part in &self.parts {
            let buckets = {
                let mut part = part.0.write();
                if part.closed {
                    return Err(TableError::NoTable);
                }
                std::mem::take(&mut part.buckets)
            };
            all.extend(buckets.all().cloned());
        }
        drop_each(all);
        Ok(())
    }
}

impl<K: TableKey, V: Send + Sync + 'static> Held for Shared<K, V> {
    fn owner_ended(&self, owner: &dyn AnyPcb) {
        let from = owner.head().pid;
        let (owns, heir) = {
            let ownership = self.ownership.lock();
            (ownership.owner == Some(from), ownership.heir.clone())
        };
        if !owns {
            return;
        }
        // A strong reference, so that it can be given to somebody.
        let this = self.system.tables.get(self.number).and_then(|table| table.downcast().ok());
        let this: Option<Arc<Self>> = this;
        if let (Some(this), Some(heir)) = (this, heir)
            && this.pass(from, heir.pid).is_ok()
        {
            (heir.tell)(TableTransfer { table: Table(this), from });
            return;
        }
        self.close();
    }
}

type AnyTable = Arc<dyn Any + Send + Sync>;

/// The tables of a system. Each stays here until it ends, whether somebody has a handle or not.
#[derive(Default)]
pub(crate) struct Tables {
    last: AtomicU64,
    all: RwLock<All>,
}

#[derive(Default)]
struct All {
    by_number: HashMap<u64, AnyTable>,
    by_name: HashMap<&'static str, u64>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all.read().by_name.keys()).finish()
    }
}

impl Tables {
    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn get(&self, number: u64) -> Option<AnyTable> {
        self.all.read().by_number.get(&number).cloned()
    }

    pub(super) fn find(&self, name: &str) -> Option<AnyTable> {
        let all = self.all.read();
        all.by_number.get(all.by_name.get(name)?).cloned()
    }

    /// Whether the name was free.
    fn add(&self, number: u64, name: Option<&'static str>, table: AnyTable) -> bool {
        let mut all = self.all.write();
        if let Some(name) = name {
            if all.by_name.contains_key(name) {
                drop(all);
                return false;
            }
            all.by_name.insert(name, number);
        }
        all.by_number.insert(number, table);
        true
    }

    fn remove(&self, number: u64, name: Option<&'static str>) {
        let removed = {
            let mut all = self.all.write();
            if let Some(name) = name {
                all.by_name.remove(name);
            }
            all.by_number.remove(&number)
        };
        drop(removed);
    }
}
