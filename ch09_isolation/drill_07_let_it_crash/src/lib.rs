//! Drill 9.7: let it crash. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{StartError, SupervisorRef, SupervisorServer, Task, attempt, exit, throw};

/// The critical data: how much each account holds.
pub type Accounts = BTreeMap<String, u64>;

/// What is to be done with the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To say how much an account holds.
    Balance(String),
    /// To move an amount from one account to another, and say how much the first one holds then.
    Transfer(String, String, u64),
    /// To leave with a throw.
    Throw,
    /// To leave with an exit.
    Exit,
}

/// Does what is requested. Somebody else's code: you cannot change it, and it does not check first.
///
/// # Panics
/// An account does not exist, or has not enough. What was changed before that stays changed.
pub fn process_request(accounts: &mut Accounts, request: &Request) -> u64 {
    match request {
        Request::Balance(name) => accounts[name],
        Request::Transfer(from, to, amount) => {
            let source = accounts.get_mut(from).expect("there is such an account");
            *source = source.checked_sub(*amount).expect("the account has enough");
            let left = *source;
            *accounts.get_mut(to).expect("there is such an account") += amount;
            left
        }
        Request::Throw => throw("enough"),
        Request::Exit => exit(ExitReason::other("enough")),
    }
}

/// Something left the processing of a request: the course's `:processing_failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessingFailed;

/// Processes the request on the accounts themselves, and stops whatever leaves it: a panic, a throw,
/// an exit.
///
/// # Errors
/// Something left. The accounts may be torn then.
pub fn catch_all(accounts: &mut Accounts, request: &Request) -> Result<u64, ProcessingFailed> {
    // EXERCISE 1: stop whatever leaves, and look at what it leaves behind.
    attempt(|| process_request(accounts, request)).result().map_err(|_| ProcessingFailed)
    // END
}

/// What loads the critical data.
pub type Load = Box<dyn FnOnce() -> Accounts + Send>;

/// A process that must not crash, since others rely on what it holds.
#[derive(Debug)]
pub struct ErrorKernel {
    accounts: Accounts,
}

/// What the kernel is asked.
#[derive(Debug)]
pub enum Ask {
    /// To process a request.
    Process(Request, Reply<Result<u64, ProcessingFailed>>),
    /// For a copy of its accounts.
    Accounts(Reply<Accounts>),
}

impl GenServer for ErrorKernel {
    type Args = Load;
    type Call = Ask;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(load: Load, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 2: a kernel that traps exits, loads its data, and keeps it whatever happens.
        cx.trap_exit(true);
        Ok(Init::Ok(ErrorKernel { accounts: load() }))
        // END
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        match ask {
            Ask::Process(request, reply) => {
                // EXERCISE 2: a kernel that traps exits, loads its data, and keeps it whatever happens.
                let mut copy = self.accounts.clone();
                let processed = catch_all(&mut copy, &request);
                if processed.is_ok() {
                    self.accounts = copy;
                }
                reply.go(processed)
                // END
            }
            Ask::Accounts(reply) => reply.go(self.accounts.clone()),
        }
    }
}

/// A file does not exist: the course's `:not_found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFound;

/// The course's worker, which lets it crash. It keeps nothing.
#[derive(Debug)]
pub struct NormalWorker;

/// What the normal worker is asked.
#[derive(Debug)]
pub enum Job {
    /// To divide the first number by the second one.
    Divide(i64, i64, Reply<i64>),
    /// To read a text file.
    ReadFile(PathBuf, Reply<Result<String, NotFound>>),
}

impl GenServer for NormalWorker {
    type Args = ();
    type Call = Job;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(NormalWorker))
    }

    async fn handle_call(&mut self, job: Job, _: &mut Cx<Self>) -> Handled<Self> {
        match job {
            Job::Divide(dividend, divisor, reply) => {
                // EXERCISE 3: the course's worker: one expected error, and crashes for the rest.
                reply.go(dividend / divisor)
                // END
            }
            Job::ReadFile(path, reply) => {
                // EXERCISE 3: the course's worker: one expected error, and crashes for the rest.
                match fs::read_to_string(path) {
                    Ok(contents) => reply.go(Ok(contents)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        reply.go(Err(NotFound))
                    }
                    Err(error) => Err(error.into()),
                }
                // END
            }
        }
    }
}

/// What a caller asked for cannot be had. The caller asked, so the caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The division has no result, or none that fits.
    NoResult,
    /// The file cannot be read, for this reason.
    Unreadable(io::ErrorKind),
}

/// How many jobs a [`CarefulWorker`] took, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Jobs that it took.
    pub taken: u64,
    /// Jobs of these that had a result.
    pub done: u64,
    /// Jobs of these that were refused.
    pub refused: u64,
}

/// A worker that many share: what is wrong with a job is the caller's, what is wrong with its own
/// books is a reason to crash.
#[derive(Debug)]
pub struct CarefulWorker {
    books: Books,
}

/// What the careful worker is asked.
#[derive(Debug)]
pub enum CarefulJob {
    /// To divide the first number by the second one.
    Divide(i64, i64, Reply<Result<i64, Refused>>),
    /// To read a text file.
    ReadFile(PathBuf, Reply<Result<String, Refused>>),
    /// For a copy of its books.
    Books(Reply<Books>),
}

/// A fault, such as a bug somewhere else would make it: one job more is in the books than was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tamper;

impl GenServer for CarefulWorker {
    type Args = ();
    type Call = CarefulJob;
    type Cast = Tamper;
    type Info = Infallible;

    async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(CarefulWorker { books: Books::default() }))
    }

    async fn handle_call(&mut self, job: CarefulJob, _: &mut Cx<Self>) -> Handled<Self> {
        match job {
            CarefulJob::Divide(dividend, divisor, reply) => {
                // EXERCISE 4: what is wrong with a job is a reply, what is wrong with you is a crash.
                let result = dividend.checked_div(divisor).ok_or(Refused::NoResult);
                self.book(result.is_ok());
                reply.go(result)
                // END
            }
            CarefulJob::ReadFile(path, reply) => {
                // EXERCISE 4: what is wrong with a job is a reply, what is wrong with you is a crash.
                let result =
                    fs::read_to_string(path).map_err(|error| Refused::Unreadable(error.kind()));
                self.book(result.is_ok());
                reply.go(result)
                // END
            }
            CarefulJob::Books(reply) => reply.go(self.books),
        }
    }

    async fn handle_cast(&mut self, Tamper: Tamper, _: &mut Cx<Self>) -> Handled<Self> {
        self.books.done += 1;
        Ok(Next::Go)
    }
}

impl CarefulWorker {
    /// Books a job that was taken, and is done or refused.
    ///
    /// # Panics
    /// `the books are wrong`: they are, and whatever this worker says from now on may be wrong, too.
    fn book(&mut self, done: bool) {
        // EXERCISE 4: what is wrong with a job is a reply, what is wrong with you is a crash.
        self.books.taken += 1;
        if done {
            self.books.done += 1;
        } else {
            self.books.refused += 1;
        }
        let Books { taken, done, refused } = self.books;
        assert_eq!(taken, done + refused, "the books are wrong");
        // END
    }
}

/// Why work that was done elsewhere has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Failed {
    /// It ended with this reason.
    Crashed(ExitReason),
    /// It had not ended in time, and was killed.
    TookTooLong,
}

/// Does the work in a process of its own, which shares nothing with the caller's, and waits for it.
///
/// # Errors
/// The work has no result. The caller lives, whatever became of the work.
pub async fn isolated<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    limit: Duration,
) -> Result<T, Failed> {
    // EXERCISE 5: a process instead of a catch.
    let mut task = Task::async_nolink(work);
    match task.yield_(limit).await {
        Some(result) => result.map_err(|error| Failed::Crashed(error.into_exit_reason())),
        None => {
            task.shutdown(Shutdown::BrutalKill).await;
            Err(Failed::TookTooLong)
        }
    }
    // END
}

/// The name of the tree of exercise 6.
pub static SYSTEM: Name<SupervisorServer> = Name::new("system");

/// The name of the kernel.
pub static ERROR_KERNEL: Name<ErrorKernel> = Name::new("error_kernel");

/// The name of the worker.
pub static NORMAL_WORKER: Name<NormalWorker> = Name::new("normal_worker");

/// Starts the whole, linked to the caller: the supervisor [`SYSTEM`] of [`ERROR_KERNEL`] and of a
/// supervisor with the id `workers`, whose child is [`NORMAL_WORKER`]. Everything is permanent, each
/// limit is the default, and neither the kernel nor the workers fall with the other. The kernel comes
/// up with these accounts whenever it is started.
///
/// # Errors
/// A name is taken.
pub async fn start_system(accounts: Accounts) -> Result<SupervisorRef, StartError> {
    // EXERCISE 6: a tree in which the workers' crashes are the workers' business.
    let load = move || {
        let accounts = accounts.clone();
        Box::new(move || accounts) as Load
    };
    let workers = Supervisor::one_for_one().child(NORMAL_WORKER.child(|| ()));
    Supervisor::one_for_one()
        .child(ERROR_KERNEL.child(load))
        .child(workers.into_child("workers"))
        .start_link()
        .name(&SYSTEM)
        .await
    // END
}
