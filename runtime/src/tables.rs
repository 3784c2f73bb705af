//! Tables that processes share: Erlang's ETS, typed.
//!
//! A table maps keys to values. Any number of processes read and change it at once, without asking
//! anybody; it belongs to one of them, and ends with it.
//!
//! ```
//! use runtime::testing::scenario;
//! use runtime::{Access, Process, TableName};
//!
//! static HITS: TableName<String, u64> = TableName::new("hits");
//!
//! scenario(|me: Process| async move {
//!     HITS.options().access(Access::Public).create()?;
//!     let other = me.spawn_link(async {
//!         let hits = HITS.find().unwrap();
//!         hits.update_or("/index".to_owned(), 1, |hits| hits + 1).unwrap();
//!     });
//!     other.join().await;
//!     let hits = HITS.find()?;
//!     assert_eq!(hits.update_or("/index".to_owned(), 1, |hits| hits + 1)?, 2);
//!     assert_eq!(hits.lookup("/index")?, Some(2));
//!     anyhow::Ok(())
//! });
//! ```
//!
//! # Who may
//!
//! | [`Access`] | reads | writes |
//! |---|---|---|
//! | `Private` | the owner | the owner |
//! | `Protected`, unless told otherwise | everybody | the owner |
//! | `Public` | everybody | everybody |
//!
//! Whoever creates a table owns it. The owner may [give it away](Table::give_away), and name an
//! [heir](Table::set_heir) who gets it when the owner ends; without one it is gone then, before
//! anybody learns of the end. It lives that long also when nobody holds a [`Table`] any more.
//!
//! # What it costs
//!
//! Reading and writing happen in the calling process. The table is cut into parts that are locked
//! one at a time and briefly; keys are compared, values cloned and dropped, and closures called with
//! no lock held. So no value is locked while somebody looks at it: a reader has what was there when
//! it looked. Nothing that a method returns holds a lock.
//!
//! Each operation on one key is atomic. One that looks at all rows ([`select`](Table::select)) sees
//! each row as it was at some time, not all at the same time.
//!
//! Differs from OTP: rows are a key and a value of one type each; `set` is the only kind; there are
//! no match specifications, but closures; a value that is changed in place is a value that is
//! replaced.
//!
//! Source: OTP `ets`.

mod shared;

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

pub(crate) use self::shared::Tables;
use self::shared::{Heir, Shared};
use crate::ambient::{self, NotInProcess};
use crate::pid::Pid;
use crate::sync::Arc;
use crate::system::System;

/// Who else than its owner may read and write a table.
///
/// Source: OTP `ets:new/2`, `access()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Nobody.
    Private,
    /// Everybody may read it.
    #[default]
    Protected,
    /// Everybody may read and write it.
    Public,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Protected => "protected",
            Self::Public => "public",
        })
    }
}

/// A table did not do what it was asked to. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// It was deleted, or went with its owner; or no table of this name, and of these types, is in
    /// the current system.
    #[error("there is no such table")]
    NoTable,
    /// The caller does not own the table, and only its owner may do this.
    #[error("access: the table is {access}, and belongs to {owner}")]
    Access {
        /// Whose it is.
        owner: Pid,
        /// What everybody may do with it.
        access: Access,
    },
    /// Another table has this name.
    #[error("a table has the name {0:?} already")]
    NameTaken(&'static str),
    /// Only a process can own a table, and the caller is none.
    #[error(transparent)]
    NotInProcess(#[from] NotInProcess),
    /// There is no such process in the table's system, or its end is decided.
    #[error("noproc: {0} is not alive")]
    NoProc(Pid),
    /// The table belongs to this process already.
    #[error("the table belongs to {0} already")]
    OwnTable(Pid),
}

/// What can be a key: whatever can be hashed, compared and shared.
pub trait TableKey: Eq + Hash + Send + Sync + 'static {}
impl<K: Eq + Hash + Send + Sync + 'static> TableKey for K {}

/// A table has come to another process: OTP's `{'ETS-TRANSFER', Tab, FromPid, Data}`, whose data are
/// what the closure has captured that makes the message.
pub struct TableTransfer<K, V> {
    /// The table.
    pub table: Table<K, V>,
    /// Who gave it away, or ended.
    pub from: Pid,
}

impl<K, V> fmt::Debug for TableTransfer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableTransfer")
            .field("table", &self.table)
            .field("from", &self.from)
            .finish()
    }
}

/// The name of a table: a constant, looked up in the current system at each use.
///
/// Tables and processes may have the same names.
pub struct TableName<K, V> {
    name: &'static str,
    types: PhantomData<fn(K, V)>,
}

impl<K, V> fmt::Debug for TableName<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableName({:?})", self.name)
    }
}

impl<K: TableKey, V: Send + Sync + 'static> TableName<K, V> {
    /// A name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }

    /// How the table with this name is to be created.
    pub fn options(&self) -> TableOptions<K, V> {
        TableOptions { name: Some(self.name), ..Table::options() }
    }

    /// Creates a protected table with this name, which belongs to the current process.
    ///
    /// # Errors
    /// See [`TableOptions::create`].
    pub fn create(&self) -> Result<Table<K, V>, TableError> {
        self.options().create()
    }

    /// The table that has this name now.
    ///
    /// # Errors
    /// [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:whereis/1`.
    pub fn find(&self) -> Result<Table<K, V>, TableError> {
        let here = ambient::with_current(|pcb| pcb.head().system.tables.find(self.name));
        let found = match here {
            Some(found) => found,
            None => {
                System::try_current().ok().and_then(|system| system.inner().tables.find(self.name))
            }
        };
        let shared = found.and_then(|table| table.downcast::<Shared<K, V>>().ok());
        shared.map(Table).ok_or(TableError::NoTable)
    }
}

/// How a table is to be created. Made by [`Table::options`] or [`TableName::options`].
#[must_use = "no table is there until it is created"]
pub struct TableOptions<K, V> {
    name: Option<&'static str>,
    access: Access,
    heir: Option<Heir<K, V>>,
}

impl<K, V> fmt::Debug for TableOptions<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableOptions")
            .field("name", &self.name)
            .field("access", &self.access)
            .field("heir", &self.heir.as_ref().map(|heir| heir.pid))
            .finish()
    }
}

impl<K: TableKey, V: Send + Sync + 'static> TableOptions<K, V> {
    /// Lets others do this with it.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// With an heir; see [`Table::set_heir`].
    pub fn heir(
        mut self,
        heir: impl Into<Pid>,
        tell: impl Fn(TableTransfer<K, V>) + Send + Sync + 'static,
    ) -> Self {
        self.heir = Some(Heir { pid: heir.into(), tell: Arc::new(tell) });
        self
    }

    /// Creates it. It belongs to the current process.
    ///
    /// # Errors
    /// [`NameTaken`](TableError::NameTaken), [`NotInProcess`](TableError::NotInProcess);
    /// [`NoProc`](TableError::NoProc) when the caller is about to end.
    ///
    /// Source: OTP `ets:new/2`.
    pub fn create(self) -> Result<Table<K, V>, TableError> {
        let me = ambient::current().ok_or(NotInProcess)?;
        Shared::create(&me, self.name, self.access, self.heir).map(Table)
    }
}

/// A table. Cheap to clone; all clones are the same table.
///
/// Source: OTP `ets`, `tid()`.
pub struct Table<K, V>(Arc<Shared<K, V>>);

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name {
            Some(name) => write!(f, "Table({name:?})"),
            None => write!(f, "Table({})", self.0.number),
        }
    }
}

/// The same table, not an equal one.
impl<K, V> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<K, V> Eq for Table<K, V> {}

/// The table as a whole.
impl<K: TableKey, V: Send + Sync + 'static> Table<K, V> {
    /// How a table without a name is to be created: protected, without an heir, unless told
    /// otherwise.
    pub fn options() -> TableOptions<K, V> {
        TableOptions { name: None, access: Access::default(), heir: None }
    }

    /// Creates a protected table without a name, which belongs to the current process.
    ///
    /// # Errors
    /// See [`TableOptions::create`].
    ///
    /// Source: OTP `ets:new/2`.
    pub fn create() -> Result<Self, TableError> {
        Self::options().create()
    }

    /// Whose it is.
    ///
    /// # Errors
    /// [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:info/2`.
    pub fn owner(&self) -> Result<Pid, TableError> {
        self.0.owner()
    }

    /// What others may do with it.
    pub fn access(&self) -> Access {
        self.0.access
    }

    /// Its name.
    pub fn name(&self) -> Option<&'static str> {
        self.0.name
    }

    /// How many keys there are.
    ///
    /// # Errors
    /// [`NoTable`](TableError::NoTable), [`Access`](TableError::Access) to a private table.
    ///
    /// Source: OTP `ets:info/2`.
    pub fn size(&self) -> Result<usize, TableError> {
        self.0.may_read()?;
        self.0.size()
    }

    /// Ends the table, with all that is in it. For its owner only.
    ///
    /// # Errors
    /// [`NoTable`](TableError::NoTable), [`Access`](TableError::Access).
    ///
    /// Source: OTP `ets:delete/1`.
    pub fn delete_table(&self) -> Result<(), TableError> {
        self.0.may_own()?;
        if self.0.close() { Ok(()) } else { Err(TableError::NoTable) }
    }

    /// Gives the table to another process. `tell` then tells it, in the calling process.
    ///
    /// ```
    /// use runtime::testing::scenario;
    /// use runtime::{Process, Table, TableTransfer};
    ///
    /// scenario(|me: Process| async move {
    ///     let table = Table::<&str, u32>::create()?;
    ///     let keeper = me.spawn_link(|mut keeper: Process<TableTransfer<&'static str, u32>>| async move {
    ///         let TableTransfer { table, .. } = keeper.receive().await.into_user().unwrap();
    ///         table.insert("seen", 1).unwrap();
    ///     });
    ///     let to = keeper.clone();
    ///     table.give_away(&keeper, move |transfer| to.send(transfer))?;
    ///     assert!(table.insert("mine", 1).is_err(), "it belongs to another process");
    ///     anyhow::Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Access`](TableError::Access) when it is not the caller's to give,
    /// [`NoProc`](TableError::NoProc), [`OwnTable`](TableError::OwnTable),
    /// [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:give_away/3`.
    pub fn give_away(
        &self,
        to: impl Into<Pid>,
        tell: impl FnOnce(TableTransfer<K, V>),
    ) -> Result<(), TableError> {
        let from = self.0.may_own()?;
        self.0.pass(from, to.into())?;
        tell(TableTransfer { table: self.clone(), from });
        Ok(())
    }

    /// Names the process that gets the table when its owner ends, in the place of the one that was
    /// named before. `tell` then tells it, in the owner that ends; a panic in it is that process's.
    ///
    /// It stays the heir when the table comes to somebody else. An heir who does not run then, or who
    /// is the owner, gets nothing, and the table ends.
    ///
    /// ```
    /// use runtime::testing::scenario;
    /// use runtime::{Process, Table, TableTransfer};
    ///
    /// scenario(|mut me: Process<TableTransfer<&'static str, u32>>| async move {
    ///     let heir = me.address();
    ///     runtime::spawn(async move {
    ///         let table = Table::create().unwrap();
    ///         let to = heir.clone();
    ///         table.set_heir(&heir, move |transfer| to.send(transfer)).unwrap();
    ///         table.insert("saved", 7).unwrap();
    ///         panic!("the owner is broken");
    ///     });
    ///     let TableTransfer { table, .. } = me.receive().await.into_user().unwrap();
    ///     assert_eq!(table.lookup("saved")?, Some(7));
    ///     assert_eq!(table.owner()?, me.pid());
    ///     anyhow::Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Access`](TableError::Access) when it is not the caller's,
    /// [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:setopts/2`, `{heir, Pid, HeirData}`.
    pub fn set_heir(
        &self,
        heir: impl Into<Pid>,
        tell: impl Fn(TableTransfer<K, V>) + Send + Sync + 'static,
    ) -> Result<(), TableError> {
        self.0.may_own()?;
        self.0.set_heir(Some(Heir { pid: heir.into(), tell: Arc::new(tell) }))
    }

    /// Nobody gets the table when its owner ends.
    ///
    /// # Errors
    /// As [`set_heir`](Self::set_heir).
    ///
    /// Source: OTP `ets:setopts/2`, `{heir, none}`.
    pub fn remove_heir(&self) -> Result<(), TableError> {
        self.0.may_own()?;
        self.0.set_heir(None)
    }
}

/// Writing: [`Access`](TableError::Access) unless the caller may, [`NoTable`](TableError::NoTable)
/// when there is no table any more.
impl<K: TableKey, V: Send + Sync + 'static> Table<K, V> {
    /// Puts a value under a key, in the place of the one that was there.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:insert/2`.
    pub fn insert(&self, key: K, value: V) -> Result<(), TableError> {
        self.0.may_write()?;
        self.0.put(key, value, true).map(drop)
    }

    /// Puts a value under a key if there is none; says whether it did.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:insert_new/2`.
    pub fn insert_new(&self, key: K, value: V) -> Result<bool, TableError> {
        self.0.may_write()?;
        Ok(self.0.put(key, value, false)?.is_none())
    }

    /// Puts what `change` makes of the value under a key into its place, and gives the new value;
    /// `None` when there is no such key. Nobody comes in between.
    ///
    /// `change` is called again when somebody was quicker, so it should do nothing else.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:update_element/3`.
    pub fn update<Q>(&self, key: &Q, change: impl FnMut(&V) -> V) -> Result<Option<V>, TableError>
    where
        K: Borrow<Q> + Clone,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.0.may_write()?;
        self.0.update(key, change)
    }

    /// As [`update`](Self::update); if there is no such key, it gets the value `first`.
    ///
    /// A counter is `update_or(key, 1, |n| n + 1)`.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:update_counter/4`, whose default is counted up as well.
    pub fn update_or(
        &self,
        key: K,
        first: V,
        mut change: impl FnMut(&V) -> V,
    ) -> Result<V, TableError>
    where
        K: Clone,
        V: Clone,
    {
        self.0.may_write()?;
        let mut new = (key, first);
        loop {
            if let Some(value) = self.0.update(&new.0, &mut change)? {
                return Ok(value);
            }
            let value = new.1.clone();
            match self.0.put(new.0, new.1, false)? {
                None => return Ok(value),
                // Somebody was quicker.
                Some(back) => new = back,
            }
        }
    }

    /// Removes a key and its value; says whether there was one.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:delete/2`.
    pub fn delete<Q>(&self, key: &Q) -> Result<bool, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.may_write()?;
        Ok(self.0.remove(key)?.is_some())
    }

    /// Removes a key, and gives its value: to one caller only, whoever else tries.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:take/2`.
    pub fn take<Q>(&self, key: &Q) -> Result<Option<V>, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.0.may_write()?;
        Ok(self.0.remove(key)?.map(|row| row.value.clone()))
    }

    /// Removes the rows that `matches` wants, and says how many. One that is changed meanwhile is
    /// looked at once more.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:select_delete/2`.
    pub fn delete_where(
        &self,
        mut matches: impl FnMut(&K, &V) -> bool,
    ) -> Result<usize, TableError> {
        self.0.may_write()?;
        self.0.remove_where(&mut matches)
    }

    /// Removes everything.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:delete_all_objects/1`.
    pub fn clear(&self) -> Result<(), TableError> {
        self.0.may_write()?;
        self.0.clear()
    }
}

/// Reading: [`Access`](TableError::Access) unless the caller may, [`NoTable`](TableError::NoTable)
/// when there is no table any more.
impl<K: TableKey, V: Send + Sync + 'static> Table<K, V> {
    /// The value under a key.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:lookup/2`.
    pub fn lookup<Q>(&self, key: &Q) -> Result<Option<V>, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.look(key, V::clone)
    }

    /// What `look` makes of the value under a key: no copy is made of it.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:lookup_element/3`.
    pub fn look<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Result<Option<R>, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.may_read()?;
        Ok(self.0.find(key)?.map(|row| look(&row.value)))
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:member/2`.
    pub fn member<Q>(&self, key: &Q) -> Result<bool, TableError>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Ok(self.look(key, |_| ())?.is_some())
    }

    /// What `pick` makes of the rows, without those that it does not want, in the order in which
    /// their keys came.
    ///
    /// Others read and write meanwhile; see [the module](self#what-it-costs).
    ///
    /// ```
    /// # use runtime::{Process, Table, testing::scenario};
    /// scenario(|_: Process| async move {
    ///     let stock = Table::create()?;
    ///     for (thing, count) in [("apples", 3), ("pears", 0), ("plums", 9)] {
    ///         stock.insert(thing, count)?;
    ///     }
    ///     let there = stock.select(|thing, count| (*count > 0).then_some(*thing))?;
    ///     assert_eq!(there, ["apples", "plums"]);
    ///     anyhow::Ok(())
    /// });
    /// ```
    ///
    /// # Errors
    /// [`Access`](TableError::Access), [`NoTable`](TableError::NoTable).
    ///
    /// Source: OTP `ets:select/2`, `ets:foldl/3`, `ets:tab2list/1`.
    pub fn select<T>(
        &self,
        mut pick: impl FnMut(&K, &V) -> Option<T>,
    ) -> Result<Vec<T>, TableError> {
        self.0.may_read()?;
        let rows = self.0.rows()?;
        Ok(rows.iter().filter_map(|row| pick(&row.key, &row.value)).collect())
    }
}
