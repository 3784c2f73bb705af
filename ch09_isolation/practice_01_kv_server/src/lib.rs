//! Practice 9.1: a key-value server. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Address, MonitorRef, Target, spawn};

/// What the loop is sent. A question brings along where its answer is awaited.
#[derive(Debug)]
pub enum ToLoop {
    /// Asks for the value under a key.
    Get(String, Address<Option<u64>>),
    /// Keeps a value under a key.
    Put(String, u64),
}

/// The ad-hoc version, which is to be ported: a process that receives for ever.
pub fn start_loop() -> Address<ToLoop> {
    spawn(|mut me: Process<ToLoop>| async move {
        let mut values = BTreeMap::new();
        loop {
            match me.receive().await {
                Message::User(ToLoop::Get(key, asker)) => asker.send(values.get(&key).copied()),
                Message::User(ToLoop::Put(key, value)) => drop(values.insert(key, value)),
                _ => {}
            }
        }
    })
}

/// Asks the loop, and waits until a value comes: for ever, if none does.
pub async fn loop_get(
    me: &mut Process<Option<u64>>,
    server: &Address<ToLoop>,
    key: &str,
) -> Option<u64> {
    server.send(ToLoop::Get(key.to_owned(), me.address()));
    loop {
        if let Message::User(value) = me.receive().await {
            return value;
        }
    }
}

/// Tells the loop, and does not wait.
pub fn loop_put(server: &Address<ToLoop>, key: &str, value: u64) {
    server.send(ToLoop::Put(key.to_owned(), value));
}

/// The pure core: values by key. It knows of no process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store(BTreeMap<String, u64>);

impl Store {
    /// The value under a key, if there is one.
    pub fn get(&self, key: &str) -> Option<u64> {
        // EXERCISE 1: the core: values by key, and nothing else.
        self.0.get(key).copied()
        // END
    }

    /// Keeps a value under a key, instead of the one that was there.
    pub fn put(&mut self, key: String, value: u64) {
        // EXERCISE 1: the core: values by key, and nothing else.
        self.0.insert(key, value);
        // END
    }

    /// The entries, by key.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }
}

/// The server: a [`Store`] in a process.
#[derive(Debug)]
pub struct KvServer(Store);

/// What the server is asked.
#[derive(Debug)]
pub enum Ask {
    /// For the value under a key.
    Get(String, Reply<Option<u64>>),
    /// For a report on all that it holds now, which is heavy work.
    Report(Work, Reply<String>),
}

/// What the server is told.
#[derive(Debug)]
pub enum Tell {
    /// To keep a value under a key.
    Put(String, u64),
}

/// A report in the making.
type Making = Pin<Box<dyn Future<Output = String> + Send>>;

/// How a report is made of a store. It may take as long as it likes.
pub struct Work(Box<dyn FnOnce(Store) -> Making + Send>);

impl Work {
    /// Wraps a function that makes a report.
    pub fn new<F>(work: impl FnOnce(Store) -> F + Send + 'static) -> Self
    where
        F: Future<Output = String> + Send + 'static,
    {
        Self(Box::new(move |store| Box::pin(work(store))))
    }

    /// Makes the report.
    pub async fn run(self, store: Store) -> String {
        (self.0)(store).await
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

impl GenServer for KvServer {
    type Args = ();
    type Call = Ask;
    type Cast = Tell;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: three callbacks that do nothing but ask the core.
        Ok(Init::Ok(KvServer(Store::default())))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            Ask::Get(key, reply) => {
                // EXERCISE 2: three callbacks that do nothing but ask the core.
                reply.go(self.0.get(&key))
                // END
            }
            Ask::Report(work, reply) => {
                // EXERCISE 5: hand heavy work to a process of its own, and the reply with it.
                let store = self.0.clone();
                spawn(async move { reply.send(work.run(store).await) });
                Ok(Next::Go)
                // END
            }
        }
    }

    async fn handle_cast(&mut self, tell: Tell, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 2: three callbacks that do nothing but ask the core.
        let Tell::Put(key, value) = tell;
        self.0.put(key, value);
        Ok(Next::Go)
        // END
    }
}

/// How long [`get`] waits. A store answers in microseconds: after a second something is wrong.
pub const GET_LIMIT: Duration = Duration::from_secs(1);

/// How long [`report`] waits: it is made for the work, which may take a minute.
pub const REPORT_LIMIT: Duration = Duration::from_mins(1);

/// Asks for the value under a key, and waits for it, at most [`GET_LIMIT`].
///
/// # Errors
/// The server is gone, ends, or does not answer in time.
pub async fn get(
    server: &impl Server<Type = KvServer>,
    key: &str,
) -> Result<Option<u64>, CallError> {
    // EXERCISE 3: the public API: a question waits for so long, an order does not wait.
    server.call(|reply| Ask::Get(key.to_owned(), reply)).timeout(GET_LIMIT).await
    // END
}

/// Keeps a value under a key, and does not wait. Goes nowhere when there is no server.
pub fn put(server: &impl Server<Type = KvServer>, key: &str, value: u64) {
    // EXERCISE 3: the public API: a question waits for so long, an order does not wait.
    server.cast(Tell::Put(key.to_owned(), value));
    // END
}

/// Puts all entries, in their order, and waits until the server has taken them. Never are more than
/// `ahead` of them in its mailbox. Gives how many there were.
///
/// # Errors
/// The server did not take all: it is gone, ends, or does not answer in time.
pub async fn fill(
    server: &impl Server<Type = KvServer>,
    entries: impl IntoIterator<Item = (String, u64)>,
    ahead: NonZeroUsize,
) -> Result<usize, CallError> {
    // EXERCISE 4: tell the server no faster than it can take it.
    let mut told = 0;
    for (key, value) in entries {
        put(server, &key, value);
        told += 1;
        if told % ahead == 0 {
            // Its answer says that everything before the question was taken.
            get(server, "").await?;
        }
    }
    get(server, "").await?;
    Ok(told)
    // END
}

/// Has a report made of what the server holds now, and waits for it, at most [`REPORT_LIMIT`].
///
/// # Errors
/// As [`get`]; and [`CallError::NoReply`] when the work crashes.
pub async fn report<F>(
    server: &impl Server<Type = KvServer>,
    work: impl FnOnce(Store) -> F + Send + 'static,
) -> Result<String, CallError>
where
    F: Future<Output = String> + Send + 'static,
{
    let work = Work::new(work);
    server.call(|reply| Ask::Report(work, reply)).timeout(REPORT_LIMIT).await
}

/// Why a client does not get what it asks the allocator for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All frequencies are taken.
    NoneFree,
    /// This frequency is not the client's to give back.
    NotYours,
}

/// The pure core of the allocator: which frequencies are free, and who has the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequencies {
    /// The free ones.
    pub free: BTreeSet<u32>,
    /// The others, and whose they are.
    pub taken: BTreeMap<u32, Pid>,
}

impl Frequencies {
    /// Gives the lowest free frequency to a client.
    ///
    /// # Errors
    /// [`Refused::NoneFree`]; then nothing has changed.
    pub fn allocate(&mut self, client: Pid) -> Result<u32, Refused> {
        // EXERCISE 6: a core with explicit outcomes, and a server that asks it.
        let frequency = self.free.pop_first().ok_or(Refused::NoneFree)?;
        self.taken.insert(frequency, client);
        Ok(frequency)
        // END
    }

    /// Takes a frequency back from the client that has it.
    ///
    /// # Errors
    /// [`Refused::NotYours`]; then nothing has changed.
    pub fn release(&mut self, frequency: u32, client: Pid) -> Result<(), Refused> {
        // EXERCISE 6: a core with explicit outcomes, and a server that asks it.
        if self.taken.get(&frequency) != Some(&client) {
            return Err(Refused::NotYours);
        }
        self.taken.remove(&frequency);
        self.free.insert(frequency);
        Ok(())
        // END
    }
}

/// The server: [`Frequencies`] in a process. It monitors its clients, once for each frequency, and
/// takes back what a client that ended had.
#[derive(Debug)]
pub struct Allocator {
    core: Frequencies,
    monitors: BTreeMap<u32, MonitorRef>,
}

/// What the allocator is asked. The client is who asks.
#[derive(Debug)]
pub enum AskFrequency {
    /// For a frequency.
    Allocate(Reply<Result<u32, Refused>>),
    /// To take a frequency back.
    Release(u32, Reply<Result<(), Refused>>),
    /// For a copy of its books.
    Books(Reply<Frequencies>),
}

impl GenServer for Allocator {
    /// The frequencies, all free.
    type Args = BTreeSet<u32>;
    type Call = AskFrequency;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(free: BTreeSet<u32>, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        let core = Frequencies { free, taken: BTreeMap::new() };
        Ok(Init::Ok(Allocator { core, monitors: BTreeMap::new() }))
    }

    async fn handle_call(&mut self, ask: AskFrequency, cx: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            AskFrequency::Allocate(reply) => {
                // EXERCISE 6: a core with explicit outcomes, and a server that asks it.
                let client = reply.caller();
                let allocated = self.core.allocate(client);
                if let Ok(frequency) = allocated {
                    self.monitors.insert(frequency, cx.monitor(client));
                }
                reply.go(allocated)
                // END
            }
            AskFrequency::Release(frequency, reply) => {
                // EXERCISE 6: a core with explicit outcomes, and a server that asks it.
                let released = self.core.release(frequency, reply.caller());
                if released.is_ok() {
                    self.monitors.remove(&frequency).map(|mref| cx.demonitor_flush(mref));
                }
                reply.go(released)
                // END
            }
            AskFrequency::Books(reply) => reply.go(self.core.clone()),
        }
    }

    async fn handle_info(&mut self, info: Info<Infallible>, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 6: a core with explicit outcomes, and a server that asks it.
        if let Info::Down(down) = info
            && let Target::Pid(client) = down.target
        {
            let its = self.monitors.extract_if(.., |_, mref| *mref == down.mref);
            for (frequency, _) in its {
                // Only who has it is monitored for it, so this cannot be refused.
                let _ = self.core.release(frequency, client);
            }
        }
        Ok(Next::Go)
        // END
    }
}
