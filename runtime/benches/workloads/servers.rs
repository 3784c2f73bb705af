//! Servers, names and supervisors, beside tasks with channels, a map, and a `JoinSet`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

use runtime::{
    Address, CallError, ChildSpec, Crash, Cx, DynamicSupervision, DynamicSupervisor, GenServer,
    Handled, Init, Name, Next, Process, Registry, Reply, Server, ServerRef, Strategy, Supervisor,
    spawn,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::{
    LIMIT, Request, Spent, Stopwatch, as_process, living_tasks, next, other_tasks_have_ended,
    others_have_ended, post, reply, sum_to, user,
};

/// How many call at the same time.
const CALLERS: u64 = 64;

/// The large number of the rows that say 100 000; fewer when only a little is to be done, to see
/// that it works.
pub(crate) fn crowd(count: u64) -> u64 {
    (50 * count).min(100_000)
}

// Calls.

/// Answers with the next number.
struct Counter;

enum Ask {
    Next(u64, Reply<u64>),
}

impl GenServer for Counter {
    /// The key under which it registers, if any.
    type Args = Option<String>;
    type Call = Ask;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(key: Option<String>, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        if let Some(key) = key {
            COUNTERS.register(key, ())?;
        }
        Ok(Init::Ok(Self))
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        let Ask::Next(n, reply) = ask;
        reply.send(n + 1);
        Ok(Next::Go)
    }
}

fn ask(n: u64) -> impl FnOnce(Reply<u64>) -> Ask {
    move |reply| Ask::Next(n, reply)
}

async fn counter() -> ServerRef<Counter> {
    started(Counter::start(None).await)
}

fn started<T, E: std::fmt::Display>(started: Result<T, E>) -> T {
    match started {
        Ok(started) => started,
        Err(error) => panic!("{error}"),
    }
}

fn answered(answer: Result<u64, CallError>) -> u64 {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn call(count: u64) -> Spent {
    as_process(move |_: Process| call_here(count)).await
}

pub(crate) async fn call_from_task(count: u64) -> Spent {
    let spent = call_here(count).await;
    others_have_ended(0).await;
    spent
}

async fn call_here(count: u64) -> Spent {
    let counter = counter().await;
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        sum += answered(counter.call(ask(n)).infinity().await);
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    started(counter.stop().await);
    spent
}

pub(crate) async fn timed_call(count: u64) -> Spent {
    as_process(move |_: Process| async move {
        let counter = counter().await;
        let mut sum = 0;
        let start = Stopwatch::start();
        for n in 1..=count {
            sum += answered(counter.call(ask(n)).await);
        }
        let spent = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        started(counter.stop().await);
        spent
    })
    .await
}

/// Ends when nobody can ask it any more.
fn tokio_counter() -> UnboundedSender<Request> {
    let (server, mut inbox) = unbounded_channel::<Request>();
    tokio::spawn(async move {
        while let Some(request) = inbox.recv().await {
            request.answer();
        }
    });
    server
}

async fn tokio_ask(server: &UnboundedSender<Request>, n: u64) -> u64 {
    let (request, replied) = Request::new(n);
    post(server, request);
    reply(replied).await
}

pub(crate) async fn tokio_call(count: u64) -> Spent {
    let rest = living_tasks();
    let server = tokio_counter();
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        sum += tokio_ask(&server, n).await;
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    drop(server);
    other_tasks_have_ended(rest).await;
    spent
}

pub(crate) async fn tokio_timed_call(count: u64) -> Spent {
    let rest = living_tasks();
    let server = tokio_counter();
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        let (request, replied) = Request::new(n);
        post(&server, request);
        match timeout(LIMIT, replied).await {
            Ok(Ok(n)) => sum += n,
            other => panic!("{other:?}"),
        }
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    drop(server);
    other_tasks_have_ended(rest).await;
    spent
}

pub(crate) async fn callers(count: u64) -> Spent {
    as_process(move |mut me: Process<u64>| async move {
        let counter = counter().await;
        let each = count.div_ceil(CALLERS);
        let start = Stopwatch::start();
        for _ in 0..CALLERS {
            let (counter, main) = (counter.clone(), me.address());
            spawn(async move {
                let mut sum = 0;
                for n in 1..=each {
                    sum += answered(counter.call(ask(n)).infinity().await);
                }
                main.send(sum);
            });
        }
        let mut sum = 0;
        for _ in 0..CALLERS {
            sum += user(me.receive().await);
        }
        let spent = start.stop();
        assert_eq!(sum, CALLERS * (sum_to(each) + each));
        started(counter.stop().await);
        spent
    })
    .await
}

pub(crate) async fn tokio_callers(count: u64) -> Spent {
    let rest = living_tasks();
    let server = tokio_counter();
    let (main, mut inbox) = unbounded_channel();
    let each = count.div_ceil(CALLERS);
    let start = Stopwatch::start();
    for _ in 0..CALLERS {
        let (server, main) = (server.clone(), main.clone());
        tokio::spawn(async move {
            let mut sum = 0;
            for n in 1..=each {
                sum += tokio_ask(&server, n).await;
            }
            post(&main, sum);
        });
    }
    let mut sum = 0;
    for _ in 0..CALLERS {
        sum += next(&mut inbox).await;
    }
    let spent = start.stop();
    assert_eq!(sum, CALLERS * (sum_to(each) + each));
    drop(server);
    other_tasks_have_ended(rest).await;
    spent
}

// Names: each call looks another server up, all over the place.

static COUNTERS: Registry<String> = Registry::unique("counters");

fn keys(crowd: u64) -> Vec<String> {
    (0..crowd).map(|n| format!("counter {n}")).collect()
}

/// One of these, another one each time.
fn any<T>(of: &[T], n: u64) -> &T {
    let at = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % of.len() as u64;
    match usize::try_from(at) {
        Ok(at) => &of[at],
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn named(count: u64) -> Spent {
    as_process(move |_: Process| async move {
        let names: Vec<_> = keys(crowd(count)).into_iter().map(Name::of).collect();
        let mut counters = Vec::new();
        for name in &names {
            counters.push(started(Counter::start(None).name(name).await));
        }
        let mut sum = 0;
        let start = Stopwatch::start();
        for n in 1..=count {
            sum += answered(any(&names, n).call(ask(n)).infinity().await);
        }
        let spent = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        for counter in &counters {
            counter.pid().kill();
        }
        spent
    })
    .await
}

pub(crate) async fn registered(count: u64) -> Spent {
    as_process(move |_: Process| async move {
        let registry = started(COUNTERS.start_link().await);
        let keys = keys(crowd(count));
        for key in keys.clone() {
            started(Counter::start(Some(key)).await);
        }
        let vias: Vec<_> = keys.into_iter().map(|key| COUNTERS.via::<Counter>(key)).collect();
        let mut sum = 0;
        let start = Stopwatch::start();
        for n in 1..=count {
            sum += answered(any(&vias, n).call(ask(n)).infinity().await);
        }
        let spent = start.stop();
        assert_eq!(sum, sum_to(count) + count);
        // Who is registered falls with the registry.
        started(registry.stop().await);
        spent
    })
    .await
}

pub(crate) async fn tokio_named(count: u64) -> Spent {
    let rest = living_tasks();
    let names = keys(crowd(count));
    let servers: HashMap<_, _> = names.iter().map(|name| (name.clone(), tokio_counter())).collect();
    let servers = Arc::new(RwLock::new(servers));
    let lookup = |name: &String| {
        let servers = servers.read().unwrap_or_else(PoisonError::into_inner);
        servers.get(name).cloned()
    };
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        let Some(server) = lookup(any(&names, n)) else { panic!("nobody leaves") };
        sum += tokio_ask(&server, n).await;
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    drop(servers);
    other_tasks_have_ended(rest).await;
    spent
}

// Restarts: a worker crashes, and whoever waits for it is told by the next one, and asks it.

/// Crashes when it is told to.
struct Fragile;

struct Break;

impl GenServer for Fragile {
    /// Who is told that it runs.
    type Args = Address<ServerRef<Self>>;
    type Call = Ask;
    type Cast = Break;
    type Info = Infallible;

    async fn init(main: Address<ServerRef<Self>>, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        main.send(cx.server());
        Ok(Init::Ok(Self))
    }

    async fn handle_call(&mut self, ask: Ask, _: &mut Cx<Self>) -> Handled<Self> {
        let Ask::Next(n, reply) = ask;
        reply.send(n + 1);
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, _: Break, _: &mut Cx<Self>) -> Handled<Self> {
        Err(Broken.into())
    }
}

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// Crashes are the point here; without a subscriber each would be printed.
fn quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let nobody = tracing::subscriber::NoSubscriber::new();
        started(tracing::subscriber::set_global_default(nobody));
    });
}

/// The window is short, so that the history is: it is of any length here.
const WINDOW: Duration = Duration::from_millis(1);

/// Counts those who have begun to do nothing for ever.
#[derive(Clone, Default)]
struct Idle(Arc<AtomicU64>);

impl Idle {
    async fn run(self) {
        self.0.fetch_add(1, Ordering::AcqRel);
        std::future::pending::<()>().await;
    }

    async fn all(&self, count: u64) {
        while self.0.load(Ordering::Acquire) < count {
            yield_now().await;
        }
    }
}

/// The fragile child in the middle of `children`, of which the others are idle.
fn family(children: u64, main: &Address<ServerRef<Fragile>>, idle: &Idle) -> Vec<ChildSpec> {
    let child = |n: u64| {
        if n == children / 2 {
            let main = main.clone();
            Fragile::child(move || main.clone()).into()
        } else {
            let idle = idle.clone();
            ChildSpec::process(n.to_string(), move || idle.clone().run())
        }
    };
    (0..children).map(child).collect()
}

async fn break_it(me: &mut Process<ServerRef<Fragile>>, count: u64) -> Spent {
    let mut fragile = user(me.receive().await);
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        fragile.cast(Break);
        fragile = user(me.receive().await);
        sum += answered(fragile.call(ask(n)).infinity().await);
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    spent
}

pub(crate) async fn crash(children: u64, count: u64) -> Spent {
    quiet();
    as_process(move |mut me: Process<ServerRef<Fragile>>| async move {
        let idle = Idle::default();
        let supervisor = Supervisor::new(Strategy::OneForOne)
            .intensity(usize::MAX, WINDOW)
            .children(family(children, &me.address(), &idle));
        let supervisor = started(supervisor.start_link().await);
        idle.all(children - 1).await;
        let spent = break_it(&mut me, count).await;
        started(supervisor.stop().await);
        spent
    })
    .await
}

pub(crate) async fn dynamic_crash(children: u64, count: u64) -> Spent {
    quiet();
    as_process(move |mut me: Process<ServerRef<Fragile>>| async move {
        let supervisor = DynamicSupervisor::new().intensity(usize::MAX, WINDOW);
        let supervisor = started(supervisor.start_link().await);
        let idle = Idle::default();
        for child in family(children, &me.address(), &idle) {
            started(supervisor.start_child(child).await);
        }
        idle.all(children - 1).await;
        let spent = break_it(&mut me, count).await;
        started(supervisor.stop().await);
        spent
    })
    .await
}

/// What the worker of [`tokio_crash`] is told.
enum Order {
    Ask(Request),
    Break,
}

async fn tokio_fragile(main: UnboundedSender<UnboundedSender<Order>>) -> anyhow::Result<()> {
    let (own, mut inbox): (_, UnboundedReceiver<Order>) = unbounded_channel();
    post(&main, own);
    loop {
        match inbox.recv().await {
            Some(Order::Ask(request)) => request.answer(),
            Some(Order::Break) => return Err(Broken.into()),
            None => return Ok(()),
        }
    }
}

/// How a child of [`tokio_crash`] is started.
type Start = Box<dyn Fn(&mut JoinSet<anyhow::Result<()>>) -> tokio::task::Id + Send>;

/// Starts its children, and one that ends by an error or a panic again.
async fn tokio_supervisor(children: Vec<Start>) {
    let mut tasks = JoinSet::new();
    let mut places = HashMap::new();
    for (at, start) in children.iter().enumerate() {
        places.insert(start(&mut tasks), at);
    }
    while let Some(ended) = tasks.join_next_with_id().await {
        let (id, crashed) = match ended {
            Ok((id, result)) => (id, result.is_err()),
            Err(error) => (error.id(), error.is_panic()),
        };
        let Some(at) = places.remove(&id) else { panic!("a stranger") };
        if !crashed {
            // The test is over; the others end with this task.
            return;
        }
        places.insert(children[at](&mut tasks), at);
    }
}

pub(crate) async fn tokio_crash(children: u64, count: u64) -> Spent {
    let rest = living_tasks();
    let (main, mut up) = unbounded_channel();
    let idle = Idle::default();
    let child = |n: u64| -> Start {
        if n == children / 2 {
            let main = main.clone();
            Box::new(move |tasks| tasks.spawn(tokio_fragile(main.clone())).id())
        } else {
            let idle = idle.clone();
            Box::new(move |tasks| {
                let idle = idle.clone();
                let idle = async move {
                    idle.run().await;
                    Ok(())
                };
                tasks.spawn(idle).id()
            })
        }
    };
    tokio::spawn(tokio_supervisor((0..children).map(child).collect()));
    let mut fragile = next(&mut up).await;
    idle.all(children - 1).await;
    let mut sum = 0;
    let start = Stopwatch::start();
    for n in 1..=count {
        post(&fragile, Order::Break);
        fragile = next(&mut up).await;
        let (request, replied) = Request::new(n);
        post(&fragile, Order::Ask(request));
        sum += reply(replied).await;
    }
    let spent = start.stop();
    assert_eq!(sum, sum_to(count) + count);
    drop(fragile);
    other_tasks_have_ended(rest).await;
    spent
}
