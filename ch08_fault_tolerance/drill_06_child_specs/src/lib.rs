//! Drill 8.6: child specifications. What it is about stands in `README.md`, which opens these pages.
#![doc = include_str!("../README.md")]

use std::fmt;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{Start, note};
use tokio::time::sleep;

/// What a worker is started with: the course's keyword list. What is `None` was not given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Opts {
    /// The child id; `Worker` unless given.
    pub id: Option<&'static str>,
    /// The registered name; `Worker` unless given.
    pub name: Option<&'static str>,
    /// When the worker is started again; always, unless given.
    pub restart: Option<Restart>,
    /// A value for the worker to keep.
    pub value: Option<u32>,
}

/// Prints as the course's list: `[name: my_worker, value: 42]`.
impl fmt::Display for Opts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = [
            self.id.map(|id| format!("id: {id}")),
            self.name.map(|name| format!("name: {name}")),
            self.restart.map(|restart| format!("restart: {restart}")),
            self.value.map(|value| format!("value: {value}")),
        ];
        write!(f, "[{}]", given.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// A worker: its options are its state.
#[derive(Debug)]
pub struct Worker(pub Opts);

/// What a worker is asked.
#[derive(Debug)]
pub enum Call {
    /// To tell its options.
    Opts(Reply<Opts>),
}

/// What a worker, or a part of a shop, is told, to see whether it is started again.
#[derive(Debug)]
pub enum Cast {
    /// To end as `Normal`.
    Finish,
    /// To crash.
    Crash,
}

impl GenServer for Worker {
    type Args = Opts;
    type Call = Call;
    type Cast = Cast;
    type Info = ();

    /// Notes `Starting with opts: [name: w1]`, with the options as they print.
    async fn init(opts: Opts, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // EXERCISE 1: a worker that says with what it starts, keeps that, and is found by its name.
        note(format!("Starting with opts: {opts}"));
        Ok(Init::Ok(Worker(opts)))
        // END
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        // EXERCISE 1: answer with the options.
        let Call::Opts(reply) = call;
        reply.go(self.0)
        // END
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        match cast {
            Cast::Finish => Ok(Next::Stop(ExitReason::Normal)),
            Cast::Crash => panic!("a bad day"),
        }
    }
}

/// Starts a worker under the name in its options, linked to the caller.
pub fn start_link(opts: Opts) -> Start<Worker> {
    // EXERCISE 1: start it under its name; without one in the options, its name is `Worker`.
    Worker::start_link(opts).name(&Name::new(opts.name.unwrap_or("Worker")))
    // END
}

/// The worker's own specification: id and restart come from the options, `Worker` and permanent
/// unless they are given; the rest is the default. It is started under its name, as by
/// [`start_link`].
pub fn child_spec(opts: Opts) -> ChildSpec {
    // EXERCISE 2: a specification that follows from the options.
    Worker::child(move || opts)
        .name(&Name::new(opts.name.unwrap_or("Worker")))
        .id(opts.id.unwrap_or("Worker"))
        .restart(opts.restart.unwrap_or_default())
        .into()
    // END
}

/// Form 1, the course's `Worker`: the specification with empty options.
pub fn bare() -> ChildSpec {
    // EXERCISE 3: the three short forms, each by `child_spec`.
    child_spec(Opts::default())
    // END
}

/// Form 2, the course's `{Worker, [name: :my_worker, value: 42]}`: the specification for this
/// argument.
pub fn with_argument() -> ChildSpec {
    // EXERCISE 3: form 2.
    child_spec(Opts { name: Some("my_worker"), value: Some(42), ..Opts::default() })
    // END
}

/// Form 4, the course's `{Worker, [id: :worker1, name: :w1, restart: :temporary]}`: an argument that
/// changes the specification.
pub fn with_options() -> ChildSpec {
    // EXERCISE 3: form 4.
    child_spec(Opts {
        id: Some("worker1"),
        name: Some("w1"),
        restart: Some(Restart::Temporary),
        ..Opts::default()
    })
    // END
}

/// Form 3, the course's map, every field by hand and without [`child_spec`]: id `custom_worker`,
/// transient, five seconds to end, started by [`start_link`] with name `custom` and value 99.
pub fn in_full() -> ChildSpec {
    // EXERCISE 4: the same by hand: an id, a function that starts it, and what is not the default.
    let opts = Opts { name: Some("custom"), value: Some(99), ..Opts::default() };
    ChildSpec::new("custom_worker", move || async move { Ok(start_link(opts).await?.pid()) })
        .restart(Restart::Transient)
        .shutdown(Shutdown::After(Duration::from_secs(5)))
    // END
}

/// The four forms, in the order of their numbers, under one supervisor. Form 2 has the id of form 1,
/// so it gets another one here: `my_worker`.
pub fn together() -> Supervisor {
    // EXERCISE 5: the four of them under one supervisor, each with an id of its own.
    Supervisor::one_for_one().children([
        bare(),
        with_argument().with_id("my_worker"),
        in_full(),
        with_options(),
    ])
    // END
}

/// A part of a shop, which does nothing but close in an orderly way: that takes a while.
#[derive(Debug)]
pub struct Part {
    /// How long it takes to close.
    pub closing: Duration,
}

impl GenServer for Part {
    type Args = Duration;
    type Call = ();
    type Cast = Cast;
    type Info = ();

    async fn init(closing: Duration, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        // Otherwise the supervisor's request to end would be its end, and nothing be closed.
        cx.trap_exit(true);
        Ok(Init::Ok(Part { closing }))
    }

    async fn handle_cast(&mut self, cast: Cast, _: &mut Cx<Self>) -> Handled<Self> {
        match cast {
            Cast::Finish => Ok(Next::Stop(ExitReason::Normal)),
            Cast::Crash => panic!("a bad day"),
        }
    }

    /// Notes `closed` when that is done.
    async fn terminate(&mut self, reason: &ExitReason, _: &mut Cx<Self>) {
        if *reason == ExitReason::Shutdown {
            sleep(self.closing).await;
            note("closed");
        }
    }
}

/// A till: it closes at once.
pub static TILL: Name<Part> = Name::new("till");
/// An archive: to write down what it knows takes 20 seconds.
pub static ARCHIVE: Name<Part> = Name::new("archive");
/// A delivery: when it hangs, it would take an hour to close.
pub static DELIVERY: Name<Part> = Name::new("delivery");
/// A leaflet in the street: it would take a second to come in.
pub static LEAFLET: Name<Part> = Name::new("leaflet");

/// A supervisor of four parts, one for one, in this order, each under its name, with its name as id:
///
/// - the till is to run always; it closes with no delay;
/// - the archive is to run always; nothing that it knows may be lost, and it needs 20 seconds to
///   write it down;
/// - the delivery is done when it ends as it should, and is begun again when it crashes; whether it
///   closes or not, the shop does not wait for it longer than two seconds;
/// - the leaflet is not worth a second try, and nobody waits for it at all.
pub fn shop() -> Supervisor {
    // EXERCISE 6: four parts of a shop: how is each started again, and how is it stopped?
    Supervisor::one_for_one()
        .child(TILL.child(|| Duration::ZERO))
        .child(ARCHIVE.child(|| Duration::from_secs(20)).shutdown(Shutdown::Infinity))
        .child(
            DELIVERY
                .child(|| Duration::from_hours(1))
                .restart(Restart::Transient)
                .shutdown(Shutdown::After(Duration::from_secs(2))),
        )
        .child(
            LEAFLET
                .child(|| Duration::from_secs(1))
                .restart(Restart::Temporary)
                .shutdown(Shutdown::BrutalKill),
        )
    // END
}
