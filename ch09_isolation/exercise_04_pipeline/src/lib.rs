//! Integration exercise 9.4: a supervised pipeline. What it is about stands in `README.md`, which
//! opens these pages.
#![doc = include_str!("../README.md")]

mod ledger;
mod stage;

use std::time::Duration;

use runtime::prelude::*;
use runtime::{Start, StartError, SupervisorRef, SupervisorServer};
use tokio::sync::oneshot;

pub use ledger::{Again, DELIVERIES, Full, Ledger};
pub use stage::{Ask, Counts, Item, Parcel, Setup, Stage, Tell};

/// The name of the pipeline's supervisor.
pub static PIPELINE: Name<SupervisorServer> = Name::new("pipeline");

/// The name of the first stage, at which everything enters.
pub const INPUT: &str = "input";

/// The name of the last stage, which prints.
pub const OUTPUT: &str = "output";

/// The stage of this name.
pub fn stage(name: &str) -> Name<Stage> {
    Name::of(name)
}

/// A stage between the first and the last one: its name, and what it makes of a number.
pub type Step = (&'static str, fn(i64) -> i64);

/// What a pipeline is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stages between [`INPUT`] and [`OUTPUT`], in the order in which an item comes to them.
    pub middle: Vec<Step>,
    /// How many items may be in the pipeline at a time.
    pub room: usize,
    /// How long the output needs for an item.
    pub pace: Duration,
}

impl Default for Config {
    /// The course's three stages, with room for eight items, and an output that needs no time.
    fn default() -> Self {
        Self { middle: vec![("process", |number| number * 2)], room: 8, pace: Duration::ZERO }
    }
}

/// Whom a stage is between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// Its own name.
    pub name: &'static str,
    /// Who is before it; nobody is before the first one.
    pub upstream: Option<&'static str>,
    /// Who is after it; nobody is after the last one.
    pub downstream: Option<&'static str>,
}

/// What somebody wants to put through the pipeline: the course's data, which may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A number, which can be doubled.
    Number(i32),
    /// A text, which cannot.
    Text(String),
}

impl From<i32> for Data {
    fn from(number: i32) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Why something did not enter the pipeline. Whoever gets this knows that it will not come out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It cannot be processed, now or later.
    #[error("{0:?} is no number")]
    NotANumber(String),
    /// There is no room; there will be, when something has come out.
    #[error(transparent)]
    Full(#[from] Full),
    /// There is no pipeline, or its first stage ended before it answered.
    #[error("the pipeline does not run")]
    Gone,
}

/// What became of an item that had entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came out, once, as this number.
    Done(i64),
    /// It was delivered [`DELIVERIES`] times and never came to the output. It certainly did not come
    /// out.
    GivenUp,
    /// A stage died at a bad time: perhaps it came out, perhaps not, and nobody will try again.
    InDoubt,
}

/// Something has entered the pipeline; the right to learn what becomes of it.
#[derive(Debug)]
pub struct Receipt(pub(crate) oneshot::Receiver<Outcome>);

impl Receipt {
    /// Waits for the outcome, which comes in any case: if the first stage ends, and with it the
    /// knowledge of what was under way, it is [`Outcome::InDoubt`].
    ///
    /// Cancellation: the item goes on, and nobody learns what becomes of it.
    pub async fn outcome(self) -> Outcome {
        self.0.await.unwrap_or(Outcome::InDoubt)
    }
}

/// Starts the course's list as it stands: the stages `input`, `process` and `output`, with the ids
/// that Elixir gives, which is `Stage` for each. Not linked to the caller, which the refusal is not
/// to hurt.
///
/// # Errors
/// Always.
pub async fn start_as_written() -> Result<SupervisorRef, StartError> {
    // EXERCISE 2: start the course's list as Elixir reads it, and see it refused.
    let setups = setups(&Config::default());
    let child = |setup: Setup| {
        let name = stage(setup.wiring.name);
        name.child(move || setup.clone()).id("Stage").into()
    };
    Supervisor::rest_for_one().children(setups.into_iter().map(child)).start().await
    // END
}

/// Wires stages that stand in this order: each is downstream of the one before it.
pub fn wire(names: &[&'static str]) -> Vec<Wiring> {
    // EXERCISE 1: let the order of the names say who is before and after whom.
    let at = |place: Option<usize>| place.and_then(|place| names.get(place)).copied();
    let wired = names.iter().enumerate().map(|(place, &name)| Wiring {
        name,
        upstream: at(place.checked_sub(1)),
        downstream: at(Some(place + 1)),
    });
    wired.collect()
    // END
}

/// What each stage of a pipeline is started with, in the order of the pipeline.
pub fn setups(config: &Config) -> Vec<Setup> {
    let middle = config.middle.iter().copied();
    let ends = |name| (name, (|number| number) as fn(i64) -> i64);
    let steps: Vec<Step> = [ends(INPUT)].into_iter().chain(middle).chain([ends(OUTPUT)]).collect();
    let names: Vec<_> = steps.iter().map(|(name, _)| *name).collect();
    let wired = wire(&names).into_iter().zip(steps);
    wired
        .map(|(wiring, (_, work))| Setup { wiring, work, room: config.room, pace: config.pace })
        .collect()
}

/// Starts [`PIPELINE`], linked to the caller: a supervisor of the stages, under their names, which
/// are their ids as well, in the order of the pipeline. Who is downstream of a stage that ends is
/// started again with it; three restarts in five seconds.
///
/// The start fails when a name is taken, or is used for two stages.
pub fn start_link(config: &Config) -> Start<SupervisorServer> {
    // EXERCISE 4: put the stages under one supervisor, in the order and with the strategy they need.
    let child = |setup: Setup| stage(setup.wiring.name).child(move || setup.clone()).into();
    Supervisor::rest_for_one()
        .children(setups(config).into_iter().map(child))
        .start_link()
        .name(&PIPELINE)
    // END
}

/// Looks at what somebody wants to submit.
///
/// # Errors
/// [`SubmitError::NotANumber`].
pub fn validate(data: Data) -> Result<i64, SubmitError> {
    // EXERCISE 5: refuse what cannot be processed where it enters, and not where it hurts.
    match data {
        Data::Number(number) => Ok(i64::from(number)),
        Data::Text(text) => Err(SubmitError::NotANumber(text)),
    }
    // END
}

/// Submits something to the pipeline: returns when it has entered, however long the first stage takes
/// to say so, with the right to learn what becomes of it.
///
/// # Errors
/// See [`SubmitError`]; then it has not entered.
pub async fn submit(data: impl Into<Data>) -> Result<Receipt, SubmitError> {
    // EXERCISE 5: ask the first stage to take it; nobody there is an error like others.
    let data = data.into();
    let answer = stage(INPUT).call(|reply| Ask::Accept(data, reply)).infinity().await;
    answer.unwrap_or(Err(SubmitError::Gone))
    // END
}
