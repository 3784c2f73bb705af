//! An agent: a process that keeps a value, and does to it what it is told.
//!
//! The least of all servers: its whole protocol is "run this function on the state". Where more is to
//! be said, a time limit, a timer, a question that only some may ask, write a
//! [`GenServer`].
//!
//! ```
//! use runtime::{Agent, Name, Server};
//!
//! static VISITS: Name<Agent<u32>> = Name::new("visits");
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! Agent::start_link(|| 0).name(&VISITS).await?;
//! Agent::update(&VISITS, |visits| *visits += 1).await?;
//! assert_eq!(Agent::get(&VISITS, |visits| *visits).await?, 1);
//! VISITS.stop().await?;
//! # Ok(()) }
//! ```
//!
//! The functions run in the agent, one after another: what takes long there keeps all others waiting,
//! and a panic ends the agent, with its state.
//! A function must own what it uses, because it goes to another process.
//!
//! Source: Elixir `Agent`.

use crate::call::{Call, Reply};
use crate::exit_reason::Crash;
use crate::gen_server::{Cx, GenServer, Handled, Init, Next, Server, Start, Stop};
use crate::supervisor::Child;
use crate::sync::Arc;

/// A process that keeps a `T`.
///
/// Start it with [`start`](Self::start) or [`start_link`](Self::start_link), which give a
/// [`ServerRef`](crate::ServerRef); the other functions take that, or a [`Name`](crate::Name).
///
/// Source: Elixir `Agent`.
#[derive(Debug)]
pub struct Agent<T>(T);

/// What an agent does to its state.
pub type Work<T> = Box<dyn FnOnce(&mut T) + Send>;

impl<T: Send + 'static> GenServer for Agent<T> {
    type Args = Box<dyn FnOnce() -> T + Send>;
    type Call = Work<T>;
    type Cast = Work<T>;
    type Info = ();

    async fn init(make: Self::Args, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        Ok(Init::Ok(Agent(make())))
    }

    async fn handle_call(&mut self, work: Work<T>, _: &mut Cx<Self>) -> Handled<Self> {
        work(&mut self.0);
        Ok(Next::Go)
    }

    async fn handle_cast(&mut self, work: Work<T>, _: &mut Cx<Self>) -> Handled<Self> {
        work(&mut self.0);
        Ok(Next::Go)
    }
}

impl<T: Send + 'static> Agent<T> {
    /// Starts an agent on its own, with the state that `make` makes in it.
    ///
    /// # Errors
    /// See [`StartError`](crate::StartError): the name is taken, `make` panicked or took too long.
    ///
    /// Source: Elixir `Agent.start/2`.
    pub fn start(make: impl FnOnce() -> T + Send + 'static) -> Start<Self> {
        <Self as GenServer>::start(Box::new(make))
    }

    /// As [`start`](Self::start), linked to the current process.
    ///
    /// # Errors
    /// As [`start`](Self::start); but a caller that does not trap exits goes down with an agent whose
    /// `make` panics, and sees no error.
    ///
    /// Source: Elixir `Agent.start_link/2`.
    pub fn start_link(make: impl FnOnce() -> T + Send + 'static) -> Start<Self> {
        <Self as GenServer>::start_link(Box::new(make))
    }

    /// An agent as a supervisor's child: `make` makes its state, anew at each restart.
    ///
    /// Source: Elixir `Agent.child_spec/1`.
    pub fn child(make: impl Fn() -> T + Send + Sync + 'static) -> Child<Self> {
        let make = Arc::new(make);
        <Self as GenServer>::child(move || {
            let make = make.clone();
            Box::new(move || make())
        })
    }

    /// What `look` makes of the state. Waits five seconds, unless told otherwise.
    ///
    /// It gives out what it returns, so a large state is better asked for a part of it.
    ///
    /// # Errors
    /// See [`CallError`](crate::CallError): nobody there, no answer in time, or `look` panicked and
    /// the agent ended.
    ///
    /// Source: Elixir `Agent.get/3`.
    pub fn get<R: Send + 'static>(
        agent: &impl Server<Type = Self>,
        look: impl FnOnce(&T) -> R + Send + 'static,
    ) -> Call<'_, Self, R, impl FnOnce(Reply<R>) -> Work<T>> {
        Self::get_and_update(agent, move |state| look(state))
    }

    /// Changes the state, and waits until that is done.
    ///
    /// # Errors
    /// As [`get`](Self::get). After [`CallError::Timeout`](crate::CallError::Timeout) the change may
    /// still be made.
    ///
    /// Source: Elixir `Agent.update/3`.
    pub fn update(
        agent: &impl Server<Type = Self>,
        change: impl FnOnce(&mut T) + Send + 'static,
    ) -> Call<'_, Self, (), impl FnOnce(Reply<()>) -> Work<T>> {
        Self::get_and_update(agent, change)
    }

    /// Changes the state, and gives what `change` returns: nobody comes in between.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    ///
    /// Source: Elixir `Agent.get_and_update/3`.
    pub fn get_and_update<R: Send + 'static>(
        agent: &impl Server<Type = Self>,
        change: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Call<'_, Self, R, impl FnOnce(Reply<R>) -> Work<T>> {
        agent.call(|reply| -> Work<T> { Box::new(move |state| reply.send(change(state))) })
    }

    /// Changes the state some time, and does not wait. Goes nowhere when there is no such agent.
    ///
    /// Source: Elixir `Agent.cast/2`.
    pub fn cast(agent: &impl Server<Type = Self>, change: impl FnOnce(&mut T) + Send + 'static) {
        agent.cast(Box::new(change));
    }

    /// Ends the agent, after what it was told before, and waits until it has ended.
    ///
    /// # Errors
    /// See [`StopError`](crate::StopError).
    ///
    /// Source: Elixir `Agent.stop/3`.
    pub fn stop(agent: &impl Server<Type = Self>) -> Stop<Self> {
        agent.stop()
    }
}
