//! Tables that processes share.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{heard, other, somebody};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    Access, Address, Crash, Cx, ExitReason, GenServer, Handled, Info, Init, Message, Next,
    NotInProcess, Process, Reply, Server, System, Table, TableError, TableName, TableTransfer,
    spawn,
};
use tokio::sync::oneshot;

static STOCK: TableName<&str, u32> = TableName::new("stock");

type Stock = Table<&'static str, u32>;
type Transfer = TableTransfer<&'static str, u32>;

fn create() -> Stock {
    Table::create().expect("it is a process")
}

/// What another process gets when it does this.
async fn elsewhere<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    other(work).await.1
}

/// A process that has created a table, and the table.
async fn owner(
    make: impl FnOnce() -> Result<Stock, TableError> + Send + 'static,
) -> (Address<()>, Stock) {
    let (owner, table) = other(make).await;
    (owner, table.expect("it can be created"))
}

fn all(table: &Stock) -> Vec<(&'static str, u32)> {
    table.select(|key, value| Some((*key, *value))).expect("it may be read")
}

// --- Rows.

/// Covers: RT-NEXT-3
#[test]
fn a_key_has_one_value_which_is_inserted_looked_up_replaced_and_deleted() {
    scenario(|_: Process| async move {
        let table = create();
        assert_eq!(table.lookup("a"), Ok(None));
        assert_eq!(table.insert("a", 1), Ok(()));
        assert_eq!(table.insert("b", 2), Ok(()));
        assert_eq!(table.insert("a", 3), Ok(()));
        assert_eq!((table.lookup("a"), table.lookup("b")), (Ok(Some(3)), Ok(Some(2))));
        assert_eq!(table.look("a", |value| value + 1), Ok(Some(4)));
        assert_eq!((table.member("a"), table.member("c")), (Ok(true), Ok(false)));
        assert_eq!(table.size(), Ok(2));
        assert_eq!((table.delete("a"), table.delete("a")), (Ok(true), Ok(false)));
        assert_eq!((table.lookup("a"), table.size()), (Ok(None), Ok(1)));
        assert_eq!((table.take("b"), table.take("b")), (Ok(Some(2)), Ok(None)));
        assert_eq!(table.size(), Ok(0));
    });
}

#[test]
fn a_new_key_is_inserted_and_an_old_one_left_alone() {
    scenario(|_: Process| async move {
        let table = create();
        assert_eq!(table.insert_new("a", 1), Ok(true));
        assert_eq!(table.insert_new("a", 2), Ok(false));
        assert_eq!(table.lookup("a"), Ok(Some(1)));
    });
}

#[test]
fn a_value_is_updated_from_what_it_was_or_set_if_there_was_none() {
    scenario(|_: Process| async move {
        let table = create();
        assert_eq!(table.update("a", |n| n + 1), Ok(None));
        assert_eq!(table.size(), Ok(0));
        assert_eq!(table.update_or("a", 1, |n| n + 1), Ok(1));
        assert_eq!(table.update_or("a", 1, |n| n + 1), Ok(2));
        assert_eq!(table.update("a", |n| n * 10), Ok(Some(20)));
        assert_eq!(table.lookup("a"), Ok(Some(20)));
    });
}

/// Somebody else writes while the new value is made: it is made again.
#[test]
fn an_update_that_somebody_was_quicker_than_is_made_again() {
    scenario(|_: Process| async move {
        let table = create();
        table.insert("a", 1).expect("it is the owner's");
        let (same, mut tries) = (table.clone(), 0);
        let doubled = table.update("a", |n| {
            tries += 1;
            if tries == 1 {
                same.insert("a", 100).expect("no lock is held");
            }
            n * 2
        });
        assert_eq!((doubled, tries), (Ok(Some(200)), 2));

        let (same, mut tries) = (table.clone(), 0);
        let gone = table.update("a", |n| {
            tries += 1;
            same.delete("a").expect("no lock is held");
            n * 2
        });
        assert_eq!((gone, tries), (Ok(None), 1));
        assert_eq!(table.lookup("a"), Ok(None), "not there again");
    });
}

#[test]
fn rows_are_selected_and_deleted_by_what_is_in_them_in_the_order_of_their_keys_coming() {
    scenario(|_: Process| async move {
        let table = create();
        for (key, value) in [("d", 1), ("a", 2), ("c", 3), ("b", 4)] {
            table.insert(key, value).expect("it is the owner's");
        }
        table.insert("a", 5).expect("it is the owner's");
        assert_eq!(all(&table), [("d", 1), ("a", 5), ("c", 3), ("b", 4)]);
        let odd = |_: &&str, value: &u32| value % 2 == 1;
        assert_eq!(table.delete_where(odd), Ok(3));
        assert_eq!(all(&table), [("b", 4)]);
        assert_eq!(table.clear(), Ok(()));
        assert_eq!((all(&table), table.size()), (vec![], Ok(0)));
    });
}

/// A row that is changed between the look at it and its end is looked at again.
#[test]
fn what_does_not_match_any_more_is_not_deleted() {
    scenario(|_: Process| async move {
        let table = create();
        table.insert("a", 1).expect("it is the owner's");
        let same = table.clone();
        let removed = table.delete_where(|_, value| {
            same.insert("a", 2).expect("no lock is held");
            *value == 1
        });
        assert_eq!((removed, table.lookup("a")), (Ok(0), Ok(Some(2))));
    });
}

/// All of them in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Same(u32);

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

#[test]
fn keys_with_one_hash_are_different_keys() {
    scenario(|_: Process| async move {
        let table = Table::create().expect("it is a process");
        for key in 0..5 {
            assert_eq!(table.insert_new(Same(key), key), Ok(true));
        }
        assert_eq!(table.insert(Same(3), 30), Ok(()));
        assert_eq!(table.delete(&Same(1)), Ok(true));
        assert_eq!(table.update(&Same(4), |n| n + 1), Ok(Some(5)));
        let rows = table.select(|key, value| Some((key.0, *value)));
        assert_eq!(rows, Ok(vec![(0, 0), (2, 2), (3, 30), (4, 5)]));
    });
}

thread_local! {
    /// What the next comparison of two keys does.
    static NEXT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// All of them in one bucket, and with something that happens while two are compared.
#[derive(Clone, Debug, Eq)]
struct Slow(u32);

impl PartialEq for Slow {
    fn eq(&self, other: &Self) -> bool {
        let next = NEXT.take();
        if let Some(work) = next {
            work();
        }
        self.0 == other.0
    }
}

impl Hash for Slow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

#[test]
fn a_key_that_comes_while_others_are_compared_is_there_once() {
    scenario(|_: Process| async move {
        let table = Table::create().expect("it is a process");
        table.insert(Slow(1), 10).expect("it is the owner's");
        let quicker = |value: u32| {
            let same = table.clone();
            NEXT.set(Some(Box::new(move || {
                same.insert(Slow(2), value).expect("no lock is held");
            })));
        };
        quicker(20);
        assert_eq!(table.insert_new(Slow(2), 21), Ok(false));
        assert_eq!((table.size(), table.lookup(&Slow(2))), (Ok(2), Ok(Some(20))));
        table.delete(&Slow(2)).expect("it is the owner's");
        quicker(30);
        assert_eq!(table.insert(Slow(2), 31), Ok(()));
        assert_eq!((table.size(), table.lookup(&Slow(2))), (Ok(2), Ok(Some(31))));
    });
}

// --- Who may.

#[test]
fn everybody_may_what_the_access_says_and_the_owner_everything() {
    let rows = [
        (Access::Private, false, false),
        (Access::Protected, true, false),
        (Access::Public, true, true),
    ];
    for (access, reads, writes) in rows {
        scenario(move |me: Process| async move {
            let table = Stock::options().access(access).create().expect("it is a process");
            table.insert("a", 1).expect("it is the owner's");
            assert_eq!(table.lookup("a"), Ok(Some(1)));
            let (owner, same) = (me.pid(), table.clone());
            let refused = TableError::Access { owner, access };
            let read = if reads { Ok(()) } else { Err(refused) };
            let write = if writes { Ok(()) } else { Err(refused) };
            elsewhere(move || {
                assert_eq!(same.lookup("a").map(drop), read);
                assert_eq!(same.look("a", |_| ()).map(drop), read);
                assert_eq!(same.member("a").map(drop), read);
                assert_eq!(same.size().map(drop), read);
                assert_eq!(same.select(|_, _| Some(())).map(drop), read);
                assert_eq!(same.insert("b", 1), write);
                assert_eq!(same.insert_new("c", 1).map(drop), write);
                assert_eq!(same.update("a", |n| n + 1).map(drop), write);
                assert_eq!(same.update_or("a", 1, |n| n + 1).map(drop), write);
                assert_eq!(same.take("a").map(drop), write);
                assert_eq!(same.delete("b").map(drop), write);
                assert_eq!(same.delete_where(|_, _| true).map(drop), write);
                assert_eq!(same.clear(), write);
                assert_eq!(same.delete_table(), Err(refused), "whatever the access");
                assert_eq!(
                    same.give_away(runtime::self_pid().expect("it is one"), drop),
                    Err(refused)
                );
                assert_eq!(same.set_heir(owner, drop), Err(refused));
                assert_eq!(same.remove_heir(), Err(refused));
                assert_eq!(same.owner(), Ok(owner));
            })
            .await;
            let left = if writes { vec![] } else { vec![("a", 1)] };
            assert_eq!((all(&table), table.access()), (left, access));
        });
    }
}

// --- Names.

/// The same name, with other types.
static OTHER: TableName<u8, u8> = TableName::new("stock");

#[test]
fn a_table_is_found_by_its_name_until_it_ends() {
    scenario(|_: Process| async move {
        assert_eq!(STOCK.find(), Err(TableError::NoTable));
        let table = STOCK.create().expect("the name is free");
        assert_eq!(STOCK.find().as_ref(), Ok(&table));
        assert_eq!((table.name(), create().name()), (Some("stock"), None));
        assert_eq!(STOCK.create(), Err(TableError::NameTaken("stock")));
        assert_eq!(STOCK.find().as_ref(), Ok(&table), "as it was");
        assert_eq!(OTHER.find(), Err(TableError::NoTable));
        assert_eq!(table.delete_table(), Ok(()));
        assert_eq!(STOCK.find(), Err(TableError::NoTable));
        let again = STOCK.create().expect("the name is free");
        assert_ne!(again, table);
    });
}

#[test]
fn only_a_process_can_own_a_table_and_everybody_may_use_it() {
    scenario(|_: Process| async move {
        let table = create();
        table.insert("a", 1).expect("it is the owner's");
        let outside = tokio::spawn(async move {
            (Stock::create().map(drop), table.lookup("a"), table.insert("a", 2).is_err())
        });
        let outside = outside.await.expect("it does not panic");
        assert_eq!(outside, (Err(TableError::NotInProcess(NotInProcess)), Ok(Some(1)), true));
    });
}

// --- The end.

#[test]
fn a_deleted_table_answers_that_there_is_none() {
    scenario(|me: Process| async move {
        let table = STOCK.create().expect("the name is free");
        table.insert("a", 1).expect("it is the owner's");
        assert_eq!(table.delete_table(), Ok(()));
        let gone = TableError::NoTable;
        assert_eq!(table.lookup("a"), Err(gone));
        assert_eq!(table.insert("a", 1), Err(gone));
        assert_eq!(table.delete("a"), Err(gone));
        assert_eq!(table.clear(), Err(gone));
        assert_eq!(table.size(), Err(gone));
        assert_eq!(table.owner(), Err(gone));
        assert_eq!(table.set_heir(me.pid(), drop), Err(gone));
        assert_eq!(table.delete_table(), Err(gone));
        let public = Stock::options().access(Access::Public).create().expect("it is a process");
        public.delete_table().expect("it is the owner's");
        assert_eq!((public.insert("a", 1), public.size()), (Err(gone), Err(gone)));
        assert_eq!((public.clear(), public.update_or("a", 1, |n| *n)), (Err(gone), Err(gone)));
    });
}

/// Also when nobody looks at it any more, and before anybody learns of the end.
#[test]
fn a_table_ends_with_its_owner_and_not_before() {
    scenario(|mut me: Process<()>| async move {
        let (owner, table) = owner(|| {
            let table = STOCK.create()?;
            table.insert("a", 1)?;
            Ok(table)
        })
        .await;
        drop(table);
        let table = STOCK.find().expect("its owner runs");
        assert_eq!(table.lookup("a"), Ok(Some(1)));
        me.monitor(&owner);
        owner.kill();
        assert!(matches!(me.receive().await, Message::Down(_)));
        assert_eq!(table.lookup("a"), Err(TableError::NoTable));
        assert_eq!(STOCK.find(), Err(TableError::NoTable));
    });
}

#[test]
fn what_is_in_a_table_is_dropped_at_its_end() {
    scenario(|_: Process| async move {
        let value = Arc::new(());
        let held = value.clone();
        let (owner, table) = other(move || {
            let table = Table::create().expect("it is a process");
            table.insert(1, held.clone()).expect("it is the owner's");
            table.insert(2, held.clone()).expect("it is the owner's");
            table.insert(2, held).expect("it is the owner's");
            table
        })
        .await;
        assert_eq!(Arc::strong_count(&value), 3);
        kill_and_wait(&owner).await;
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(table.size(), Err(TableError::NoTable));
    });
}

// --- Heirs.

/// A process that sends on what it inherits.
async fn heir(me: &Process<(&'static str, Transfer)>, word: &'static str) -> Address<Transfer> {
    let main = me.address();
    let heir = spawn(move |mut heir: Process<Transfer>| async move {
        while let Message::User(transfer) = heir.receive().await {
            main.send((word, transfer));
        }
    });
    settle().await;
    heir
}

#[test]
fn the_heir_gets_the_table_with_what_is_in_it_before_anybody_learns_of_the_end() {
    scenario(|mut me: Process<Transfer>| async move {
        let own = me.address();
        let (owner, table) = owner(move || {
            let to = own.clone();
            let heir = Stock::options().heir(&own, move |transfer| to.send(transfer));
            let table = heir.create()?;
            table.insert("a", 1)?;
            Ok(table)
        })
        .await;
        me.monitor(&owner);
        owner.kill();
        let Message::User(transfer) = me.receive().await else { panic!("the DOWN came first") };
        assert!(matches!(me.receive().await, Message::Down(_)));
        assert_eq!((&transfer.table, transfer.from), (&table, owner.pid()));
        assert_eq!(table.owner(), Ok(me.pid()));
        assert_eq!(table.update("a", |n| n + 1), Ok(Some(2)), "it may write now");
    });
}

#[test]
fn an_heir_that_does_not_run_or_was_removed_gets_nothing_and_the_table_ends() {
    scenario(|mut me: Process<Transfer>| async move {
        let dead = somebody().await.pid();
        kill_and_wait(dead).await;
        let (first, table) =
            owner(move || Stock::options().heir(dead, |_| panic!("nobody inherits")).create())
                .await;
        assert_eq!(kill_and_wait(&first).await, ExitReason::Killed);
        assert_eq!(table.owner(), Err(TableError::NoTable));

        let own = me.address();
        let (second, table) = owner(move || {
            let table = create();
            let to = own.clone();
            table.set_heir(&own, move |transfer| to.send(transfer))?;
            table.remove_heir()?;
            Ok(table)
        })
        .await;
        kill_and_wait(&second).await;
        assert_eq!(table.owner(), Err(TableError::NoTable));
        assert!(heard(&mut me).await.is_empty());
    });
}

/// It is not used up, and is nobody's own heir.
#[test]
fn the_heir_stays_the_heir_when_the_table_is_given_away_and_when_it_comes_back() {
    scenario(|mut me: Process<(&'static str, Transfer)>| async move {
        let (heir, other) = (heir(&me, "heir").await, heir(&me, "other").await);
        let (to, next) = (heir.clone(), other.clone());
        let (owner, table) = owner(move || {
            let table = create();
            let heir = to.clone();
            table.set_heir(&heir, move |transfer| to.send(transfer))?;
            let to = next.clone();
            table.give_away(&next, move |transfer| to.send(transfer))?;
            Ok(table)
        })
        .await;
        assert_eq!(table.owner(), Ok(other.pid()));
        kill_and_wait(&owner).await;
        assert_eq!(table.owner(), Ok(other.pid()), "it was not its owner any more");
        settle().await;
        kill_and_wait(&other).await;
        assert_eq!(table.owner(), Ok(heir.pid()));
        settle().await;
        let told: Vec<_> = heard(&mut me).await;
        let told: Vec<_> = told.iter().map(|(word, transfer)| (*word, transfer.from)).collect();
        assert_eq!(told, [("other", owner.pid()), ("heir", other.pid())]);
        kill_and_wait(&heir).await;
        assert_eq!(table.owner(), Err(TableError::NoTable), "it is its own heir");
    });
}

#[test]
fn a_table_is_given_to_a_process_that_runs_and_to_nobody_else() {
    scenario(|me: Process| async move {
        let table = create();
        let (dead, doomed) = (somebody().await.pid(), somebody().await.pid());
        kill_and_wait(dead).await;
        doomed.kill();
        assert_eq!(table.give_away(dead, drop), Err(TableError::NoProc(dead)));
        assert_eq!(table.give_away(doomed, drop), Err(TableError::NoProc(doomed)));
        assert_eq!(table.give_away(me.pid(), drop), Err(TableError::OwnTable(me.pid())));
        let elsewhere = System::start();
        let stranger = elsewhere.spawn(std::future::pending::<()>()).pid();
        assert_eq!(table.give_away(stranger, drop), Err(TableError::NoProc(stranger)));
        elsewhere.stop().await;
        assert_eq!(table.owner(), Ok(me.pid()));
        let to = somebody().await;
        assert_eq!(table.give_away(&to, drop), Ok(()));
        let refused = TableError::Access { owner: to.pid(), access: Access::Protected };
        assert_eq!(table.insert("a", 1), Err(refused));
    });
}

/// A server that keeps tables for others.
struct Keeper(Vec<Stock>);

impl GenServer for Keeper {
    type Args = ();
    type Call = Reply<usize>;
    type Cast = ();
    type Info = Transfer;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Self(Vec::new())))
    }

    async fn handle_call(&mut self, reply: Reply<usize>, _: &mut Cx<Self>) -> Handled<Self> {
        reply.send(self.0.iter().filter_map(|table| table.size().ok()).sum());
        Ok(Next::Go)
    }

    async fn handle_info(&mut self, info: Info<Transfer>, _: &mut Cx<Self>) -> Handled<Self> {
        if let Info::User(transfer) = info {
            transfer.table.insert("kept", 1)?;
            self.0.push(transfer.table);
        }
        Ok(Next::Go)
    }
}

#[test]
fn a_server_inherits_in_its_handle_info() {
    scenario(|_: Process| async move {
        let keeper = Keeper::start_link(()).await.expect("it starts");
        let to = keeper.clone();
        let (owner, _) = owner(move || {
            let table =
                Stock::options().heir(to.pid(), move |transfer| to.info(transfer)).create()?;
            table.insert("a", 1)?;
            Ok(table)
        })
        .await;
        assert_eq!(keeper.call(|reply| reply).await, Ok(0));
        kill_and_wait(&owner).await;
        assert_eq!(keeper.call(|reply| reply).await, Ok(2));
    });
}

// --- The user's code.

/// The other rows are dropped all the same.
#[test]
fn a_value_whose_drop_panics_crashes_the_owner_and_leaves_no_table() {
    struct Bad(bool, #[allow(dead_code)] Arc<AtomicUsize>);
    impl Drop for Bad {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            assert!(!self.0, "bad");
        }
    }
    scenario(|_: Process| async move {
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = dropped.clone();
        let (said, heard) = oneshot::channel();
        let end = spawn(async move {
            let table = Table::create().expect("it is a process");
            for key in 0..6 {
                table.insert(key, Bad(key % 2 == 0, count.clone())).expect("it is the owner's");
            }
            let _ = said.send(table);
        })
        .join();
        let table = heard.await.expect("it was created");
        let reason = end.await;
        let panic = reason.as_panic().map(|panic| panic.message().to_owned());
        assert_eq!(panic, Some("bad".to_owned()));
        assert_eq!(dropped.load(Ordering::Relaxed), 6);
        assert_eq!(table.size(), Err(TableError::NoTable));
    });
}

#[test]
fn an_heir_who_is_told_with_a_panic_has_the_table_and_the_owner_the_panic() {
    scenario(|me: Process| async move {
        let heir = me.pid();
        let (said, heard) = oneshot::channel();
        let end = spawn(async move {
            let table = Stock::options().heir(heir, |_| panic!("no")).create();
            let _ = said.send(table.expect("it is a process"));
        })
        .join();
        let table = heard.await.expect("it was created");
        let reason = end.await;
        assert_eq!(
            reason.as_panic().map(|panic| panic.message().to_owned()),
            Some("no".to_owned())
        );
        assert_eq!(table.owner(), Ok(me.pid()));
    });
}

// --- Many at once.

/// A process that does this, and says when it has. On threads it may have ended before anybody could
/// wait for its end.
fn at_work(work: impl Future<Output = ()> + Send + 'static) -> oneshot::Receiver<()> {
    let (said, heard) = oneshot::channel();
    spawn(async move {
        work.await;
        let _ = said.send(());
    });
    heard
}

/// On threads: nothing is lost.
///
/// Covers: RT-NEXT-3
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_count_in_one_table_and_no_count_is_lost() {
    static COUNTS: TableName<u32, u64> = TableName::new("counts");
    let (owner, table) =
        other(|| COUNTS.options().access(Access::Public).create().expect("the name is free")).await;
    let counters: Vec<_> = (0..8)
        .map(|_| {
            at_work(async {
                let table = COUNTS.find().expect("its owner runs");
                for n in 0..2000 {
                    table.update_or(n % 3, 1, |count| count + 1).expect("it is public");
                }
            })
        })
        .collect();
    for counter in counters {
        counter.await.expect("it came to its end");
    }
    assert_eq!(table.select(|_, count| Some(*count)).map(|counts| counts.iter().sum()), Ok(16_000));
    kill_and_wait(&owner).await;
    assert_eq!(table.size(), Err(TableError::NoTable));
}

/// On threads: of those who insert a key as new, and of those who take it, one succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_new_for_one_process_and_taken_by_one() {
    let (_owner, table) = other(|| {
        Table::<u32, u32>::options().access(Access::Public).create().expect("it is a process")
    })
    .await;
    let (inserted, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let racers: Vec<_> = (0..8)
        .map(|own| {
            let (table, inserted, taken) = (table.clone(), inserted.clone(), taken.clone());
            at_work(async move {
                for key in 0..2000 {
                    if table.insert_new(key, own).expect("it is public") {
                        inserted.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
                for key in 0..2000 {
                    if table.take(&key).expect("it is public").is_some() {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.expect("it came to its end");
    }
    // A key may be new again when it was taken while somebody still inserted.
    assert_eq!(inserted.load(Ordering::Relaxed), taken.load(Ordering::Relaxed));
    assert!(inserted.load(Ordering::Relaxed) >= 2000);
    assert_eq!(table.size(), Ok(0));
}
