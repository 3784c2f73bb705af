//! The workloads: each one as processes, and as tasks and channels written by hand on tokio.
//!
//! Both sides of a workload do the same work with the same counts, check what came out, take the
//! time of the same stretch, and leave nobody behind.
//! What needs servers, names or supervisors is in `servers`.
//! Whoever calls is a process or a task on a worker, never the future that `block_on` polls.

mod servers;
mod side;
mod stopwatch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::{Address, Message, Process, System, spawn};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

pub(crate) use side::{Side, two_workers};
pub(crate) use stopwatch::{Spent, Stopwatch};

/// The time limit of the timed receive; it never expires.
const LIMIT: Duration = Duration::from_secs(5);
/// The members of the ring.
const RING: usize = 10_000;

type Run = fn(u64) -> Pin<Box<dyn Future<Output = Spent> + Send>>;

/// One workload.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of them make one measurement of some ten milliseconds.
    pub(crate) size: u64,
    ours: Run,
    tokio: Run,
}

impl Workload {
    /// Does the work once, with `count` units, and gives what it took.
    pub(crate) fn run(&self, side: Side, runtime: &Runtime, count: u64) -> Spent {
        let run = match side {
            Side::Ours => self.ours,
            Side::Tokio => self.tokio,
        };
        match runtime.block_on(runtime.spawn(run(count))) {
            Ok(spent) => spent,
            Err(error) => panic!("{} with {side}: {error}", self.name),
        }
    }
}

macro_rules! workloads {
    ($({ $name:literal, $unit:literal, $size:literal, $ours:expr, $tokio:expr })*) => {
        [$(Workload {
            name: $name,
            unit: $unit,
            size: $size,
            ours: |size| Box::pin($ours(size)),
            tokio: |size| Box::pin($tokio(size)),
        }),*]
    };
}

/// Every workload, in the order of the tables.
pub(crate) fn all() -> Vec<Workload> {
    workloads![
        { "send and receive, there and back", "round trip", 50_000,
            ping_pong, tokio_ping_pong }
        { "the same, receive with timeout", "round trip", 50_000,
            timed_ping_pong, tokio_timed_ping_pong }
        { "cast flood 1:1", "cast", 500_000,
            |size| cast(1, 1, size), |size| tokio_cast(1, 1, size) }
        { "cast 8:8", "cast", 500_000,
            |size| cast(8, 8, size), |size| tokio_cast(8, 8, size) }
        { "ring of 10 000", "hop", 200_000, ring, tokio_ring }
        { "spawn, request, exit: one by one", "process", 20_000,
            spawn_one_by_one, tokio_spawn_one_by_one }
        { "spawn, request, exit: all at once", "process", 20_000,
            spawn_at_once, tokio_spawn_at_once }
        { "10 000 monitors on one death", "DOWN", 10_000, monitors, tokio_monitors }
        { "call, process to process", "call", 50_000, servers::call, servers::tokio_call }
        { "call from a plain task", "call", 50_000, servers::call_from_task, servers::tokio_call }
        { "call with its 5 s default", "call", 50_000,
            servers::timed_call, servers::tokio_timed_call }
        { "64 callers, one server", "call", 100_000,
            servers::callers, servers::tokio_callers }
        { "lookup by name among 100 000, then call", "call", 50_000,
            servers::named, servers::tokio_named }
        { "lookup in a registry of 100 000, then call", "call", 50_000,
            servers::registered, servers::tokio_named }
        { "crash to restarted and answering", "crash", 5_000,
            |size| servers::crash(1, size), |size| servers::tokio_crash(1, size) }
        { "supervisor of 100, one restart", "crash", 5_000,
            |size| servers::crash(100, size), |size| servers::tokio_crash(100, size) }
        { "supervisor of 100 000, one restart", "crash", 5_000,
            |size| servers::crash(servers::crowd(size), size),
            |size| servers::tokio_crash(servers::crowd(size), size) }
        { "dynamic supervisor of 100 000, one restart", "crash", 5_000,
            |size| servers::dynamic_crash(servers::crowd(size), size),
            |size| servers::tokio_crash(servers::crowd(size), size) }
    ]
    .to_vec()
}

/// Runs `body` as a process, and gives what it came to when nobody is left.
async fn as_process<M, B, F>(body: B) -> Spent
where
    M: Send + 'static,
    B: FnOnce(Process<M>) -> F + Send + 'static,
    F: Future<Output = Spent> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let main = spawn(move |me: Process<M>| async move {
        let _ = answer.send(body(me).await);
    });
    let Ok(time) = answered.await else { panic!("the process ended: {}", main.join().await) };
    others_have_ended(0).await;
    time
}

/// Waits until no more than `rest` processes are left.
async fn others_have_ended(rest: usize) {
    let system = System::current();
    while system.process_count() > rest {
        yield_now().await;
    }
}

/// Waits until no more than `rest` tasks are left.
async fn other_tasks_have_ended(rest: usize) {
    let metrics = Handle::current().metrics();
    while metrics.num_alive_tasks() > rest {
        yield_now().await;
    }
}

fn living_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn user<M>(message: Message<M>) -> M {
    let Ok(message) = message.into_user() else { panic!("nobody sends anything else") };
    message
}

async fn next<T>(inbox: &mut UnboundedReceiver<T>) -> T {
    match inbox.recv().await {
        Some(message) => message,
        None => panic!("the senders live longer"),
    }
}

fn post<T>(to: &UnboundedSender<T>, message: T) {
    assert!(to.send(message).is_ok(), "the receiver lives longer");
}

/// The sum of `1..=count`.
fn sum_to(count: u64) -> u64 {
    count * (count + 1) / 2
}

// Send and receive, there and back: two processes, one message on its way.

fn echo(client: Address<u64>) -> Address<u64> {
    spawn(|mut me: Process<u64>| async move {
        loop {
            match user(me.receive().await) {
                0 => return,
                n => client.send(n + 1),
            }
        }
    })
}

async fn ping_pong(count: u64) -> Spent {
    as_process(move |mut me: Process<u64>| async move {
        let server = echo(me.address());
        let mut sum = 0;
        let start = Stopwatch::start();
        for n in 1..=count {
            server.send(n);
            sum += user(me.receive().await);
        }
        let time = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        server.send(0);
        time
    })
    .await
}

async fn timed_ping_pong(count: u64) -> Spent {
    as_process(move |mut me: Process<u64>| async move {
        let server = echo(me.address());
        let mut sum = 0;
        let start = Stopwatch::start();
        for n in 1..=count {
            server.send(n);
            match me.receive().timeout(LIMIT).await {
                Ok(message) => sum += user(message),
                Err(error) => panic!("{error}"),
            }
        }
        let time = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        server.send(0);
        time
    })
    .await
}

fn tokio_echo() -> (UnboundedSender<u64>, UnboundedReceiver<u64>) {
    let (to_server, mut requests) = unbounded_channel::<u64>();
    let (to_client, replies) = unbounded_channel::<u64>();
    tokio::spawn(async move {
        loop {
            match next(&mut requests).await {
                0 => return,
                n => post(&to_client, n + 1),
            }
        }
    });
    (to_server, replies)
}

async fn tokio_ping_pong(count: u64) -> Spent {
    let rest = living_tasks();
    let (server, mut inbox) = tokio_echo();
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        post(&server, n);
        sum += next(&mut inbox).await;
    }
    let time = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    post(&server, 0);
    other_tasks_have_ended(rest).await;
    time
}

async fn tokio_timed_ping_pong(count: u64) -> Spent {
    let rest = living_tasks();
    let (server, mut inbox) = tokio_echo();
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        post(&server, n);
        match timeout(LIMIT, inbox.recv()).await {
            Ok(Some(n)) => sum += n,
            other => panic!("{other:?}"),
        }
    }
    let time = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    post(&server, 0);
    other_tasks_have_ended(rest).await;
    time
}

// Cast: producers send round-robin to servers, until the last message was handled.

enum Cast {
    Add(u64),
    /// This producer has sent everything.
    End,
}

async fn cast(producers: u64, servers: u64, count: u64) -> Spent {
    as_process(move |mut me: Process<u64>| async move {
        let servers: Vec<_> = (0..servers)
            .map(|_| {
                let main = me.address();
                spawn(move |mut me: Process<Cast>| async move {
                    let (mut sum, mut ended) = (0, 0);
                    while ended < producers {
                        match user(me.receive().await) {
                            Cast::Add(n) => sum += n,
                            Cast::End => ended += 1,
                        }
                    }
                    main.send(sum);
                })
            })
            .collect();
        let each = count / producers;
        let start = Stopwatch::start();
        for _ in 0..producers {
            let servers = servers.clone();
            spawn(async move {
                let mut to = servers.iter().cycle();
                for (n, to) in (1..=each).zip(&mut to) {
                    to.send(Cast::Add(n));
                }
                for to in &servers {
                    to.send(Cast::End);
                }
            });
        }
        let mut sum = 0;
        for _ in &servers {
            sum += user(me.receive().await);
        }
        let time = start.stop();
        assert_eq!(sum, producers * sum_to(each));
        time
    })
    .await
}

async fn tokio_cast(producers: u64, servers: u64, count: u64) -> Spent {
    let rest = living_tasks();
    let (main, mut inbox) = unbounded_channel();
    let servers: Vec<_> = (0..servers)
        .map(|_| {
            let main = main.clone();
            let (to_server, mut inbox) = unbounded_channel();
            tokio::spawn(async move {
                let (mut sum, mut ended) = (0, 0);
                while ended < producers {
                    match next(&mut inbox).await {
                        Cast::Add(n) => sum += n,
                        Cast::End => ended += 1,
                    }
                }
                post(&main, sum);
            });
            to_server
        })
        .collect();
    let each = count / producers;
    let start = Stopwatch::start();
    for _ in 0..producers {
        let servers = servers.clone();
        tokio::spawn(async move {
            let mut to = servers.iter().cycle();
            for (n, to) in (1..=each).zip(&mut to) {
                post(to, Cast::Add(n));
            }
            for to in &servers {
                post(to, Cast::End);
            }
        });
    }
    let mut sum = 0;
    for _ in &servers {
        sum += next(&mut inbox).await;
    }
    let time = start.stop();
    assert_eq!(sum, producers * sum_to(each));
    other_tasks_have_ended(rest).await;
    time
}

// Ring: a token goes from member to member.

enum Hop<A> {
    Next(A),
    Token { made: u64, left: u64 },
    Stop,
}

/// An address in the ring, which is a type of its own since it goes through itself.
struct Member(Address<Hop<Member>>);

async fn ring(hops: u64) -> Spent {
    as_process(move |mut me: Process<u64>| async move {
        let members: Vec<_> = (0..RING)
            .map(|_| {
                let main = me.address();
                spawn(move |mut me: Process<Hop<Member>>| async move {
                    let Hop::Next(Member(next)) = user(me.receive().await) else {
                        panic!("the neighbour comes first")
                    };
                    loop {
                        match user(me.receive().await) {
                            Hop::Token { made, left: 0 } => main.send(made),
                            Hop::Token { made, left } => {
                                next.send(Hop::Token { made: made + 1, left: left - 1 });
                            }
                            Hop::Next(_) | Hop::Stop => return,
                        }
                    }
                })
            })
            .collect();
        for (at, member) in members.iter().enumerate() {
            member.send(Hop::Next(Member(members[(at + 1) % RING].clone())));
        }
        // One lap unmeasured: everybody has started and knows its neighbour.
        let lap = RING as u64;
        members[0].send(Hop::Token { made: 0, left: lap });
        assert_eq!(user(me.receive().await), lap);
        let start = Stopwatch::start();
        members[0].send(Hop::Token { made: 0, left: hops });
        let made = user(me.receive().await);
        let time = start.stop();
        assert_eq!(made, hops);
        for member in &members {
            member.send(Hop::Stop);
        }
        time
    })
    .await
}

async fn tokio_ring(hops: u64) -> Spent {
    struct Member(UnboundedSender<Hop<Member>>);
    let rest = living_tasks();
    let (main, mut inbox) = unbounded_channel();
    let members: Vec<_> = (0..RING)
        .map(|_| {
            let main = main.clone();
            let (to_member, mut inbox) = unbounded_channel::<Hop<Member>>();
            tokio::spawn(async move {
                let Hop::Next(Member(neighbour)) = next(&mut inbox).await else {
                    panic!("the neighbour comes first")
                };
                loop {
                    match next(&mut inbox).await {
                        Hop::Token { made, left: 0 } => post(&main, made),
                        Hop::Token { made, left } => {
                            post(&neighbour, Hop::Token { made: made + 1, left: left - 1 });
                        }
                        Hop::Next(_) | Hop::Stop => return,
                    }
                }
            });
            to_member
        })
        .collect();
    for (at, member) in members.iter().enumerate() {
        post(member, Hop::Next(Member(members[(at + 1) % RING].clone())));
    }
    let lap = RING as u64;
    post(&members[0], Hop::Token { made: 0, left: lap });
    assert_eq!(next(&mut inbox).await, lap);
    let start = Stopwatch::start();
    post(&members[0], Hop::Token { made: 0, left: hops });
    let made = next(&mut inbox).await;
    let time = start.stop();
    assert_eq!(made, hops);
    for member in &members {
        post(member, Hop::Stop);
    }
    other_tasks_have_ended(rest).await;
    time
}

// Spawn, one request, exit: until every reply is in and every process is gone.

struct Request {
    n: u64,
    reply: oneshot::Sender<u64>,
}

impl Request {
    fn new(n: u64) -> (Self, oneshot::Receiver<u64>) {
        let (reply, replied) = oneshot::channel();
        (Self { n, reply }, replied)
    }

    fn answer(self) {
        assert!(self.reply.send(self.n + 1).is_ok(), "the asker waits");
    }
}

async fn reply(replied: oneshot::Receiver<u64>) -> u64 {
    match replied.await {
        Ok(reply) => reply,
        Err(error) => panic!("{error}"),
    }
}

fn answer_once(n: u64) -> oneshot::Receiver<u64> {
    let server = spawn(|mut me: Process<Request>| async move {
        user(me.receive().await).answer();
    });
    let (request, replied) = Request::new(n);
    server.send(request);
    replied
}

async fn spawn_one_by_one(count: u64) -> Spent {
    as_process(move |_: Process| async move {
        let start = Stopwatch::start();
        let mut sum = 0;
        for n in 1..=count {
            sum += reply(answer_once(n)).await;
        }
        others_have_ended(1).await;
        let time = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        time
    })
    .await
}

async fn spawn_at_once(count: u64) -> Spent {
    as_process(move |_: Process| async move {
        let start = Stopwatch::start();
        let replies: Vec<_> = (1..=count).map(answer_once).collect();
        let mut sum = 0;
        for replied in replies {
            sum += reply(replied).await;
        }
        others_have_ended(1).await;
        let time = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        time
    })
    .await
}

fn tokio_answer_once(n: u64) -> oneshot::Receiver<u64> {
    let (server, mut inbox) = unbounded_channel::<Request>();
    tokio::spawn(async move {
        next(&mut inbox).await.answer();
    });
    let (request, replied) = Request::new(n);
    post(&server, request);
    replied
}

async fn tokio_spawn_one_by_one(count: u64) -> Spent {
    let rest = living_tasks();
    let start = Stopwatch::start();
    let mut sum = 0;
    for n in 1..=count {
        sum += reply(tokio_answer_once(n)).await;
    }
    other_tasks_have_ended(rest).await;
    let time = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    time
}

async fn tokio_spawn_at_once(count: u64) -> Spent {
    let rest = living_tasks();
    let start = Stopwatch::start();
    let replies: Vec<_> = (1..=count).map(tokio_answer_once).collect();
    let mut sum = 0;
    for replied in replies {
        sum += reply(replied).await;
    }
    other_tasks_have_ended(rest).await;
    let time = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    time
}

// Monitors: one process ends, and each of many watchers handles the news in its own mailbox.

async fn monitors(watchers: u64) -> Spent {
    as_process(move |mut me: Process<()>| async move {
        let target = spawn(|mut me: Process<()>| async move {
            me.receive().await;
        });
        let (ready, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for _ in 0..watchers {
            let (ready, seen) = (ready.clone(), seen.clone());
            let (main, target) = (me.address(), target.clone());
            spawn(move |mut me: Process<()>| async move {
                let mref = me.monitor(&target);
                if ready.fetch_add(1, Ordering::AcqRel) + 1 == watchers {
                    main.send(());
                }
                let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
                assert_eq!(down.mref, mref);
                if seen.fetch_add(1, Ordering::AcqRel) + 1 == watchers {
                    main.send(());
                }
            });
        }
        me.receive().await;
        let start = Stopwatch::start();
        target.send(());
        me.receive().await;
        let time = start.stop();
        assert_eq!(seen.load(Ordering::Acquire), watchers);
        time
    })
    .await
}

/// What the target of [`tokio_monitors`] is told.
enum Watch {
    Add { number: u64, watcher: UnboundedSender<Box<TokioDown>> },
    Stop,
}

/// As much as a `Down` says.
struct TokioDown {
    number: u64,
    reason: Result<(), Arc<str>>,
}

async fn tokio_monitors(watchers: u64) -> Spent {
    let rest = living_tasks();
    let (main, mut inbox) = unbounded_channel();
    let (target, mut requests) = unbounded_channel();
    tokio::spawn(async move {
        let mut watched_by = Vec::new();
        while let Watch::Add { number, watcher } = next(&mut requests).await {
            watched_by.push((number, watcher));
        }
        for (number, watcher) in watched_by {
            post(&watcher, Box::new(TokioDown { number, reason: Ok(()) }));
        }
    });
    let (ready, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for number in 0..watchers {
        let (ready, seen) = (ready.clone(), seen.clone());
        let (main, target) = (main.clone(), target.clone());
        tokio::spawn(async move {
            let (watcher, mut inbox) = unbounded_channel();
            post(&target, Watch::Add { number, watcher });
            if ready.fetch_add(1, Ordering::AcqRel) + 1 == watchers {
                post(&main, ());
            }
            let down = next(&mut inbox).await;
            assert!(down.number == number && down.reason.is_ok());
            if seen.fetch_add(1, Ordering::AcqRel) + 1 == watchers {
                post(&main, ());
            }
        });
    }
    next(&mut inbox).await;
    let start = Stopwatch::start();
    post(&target, Watch::Stop);
    next(&mut inbox).await;
    let time = start.stop();
    assert_eq!(seen.load(Ordering::Acquire), watchers);
    other_tasks_have_ended(rest).await;
    time
}
