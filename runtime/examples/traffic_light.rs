//! A pedestrian light: it turns by itself, and whoever wants to cross waits until it is green.

#![allow(clippy::print_stdout)]

use std::time::Duration;

use runtime::gen_statem::{Event, GenStatem, Initial, Machine, Transition, Transitioned};
use runtime::prelude::*;

const PHASE: Duration = Duration::from_millis(20);

/// Counts who has crossed.
struct Light(u32);

#[derive(Debug, PartialEq, Eq)]
enum State {
    Red,
    Green,
}

struct Cross(Reply<u32>);

impl GenStatem for Light {
    type Args = ();
    type State = State;
    type Call = Cross;
    type Cast = ();
    type Info = ();
    type Timeout = ();

    async fn init((): (), _: &mut Cx<Machine<Self>>) -> Result<Initial<Self>, Crash> {
        Ok(Initial::state(State::Red, Light(0)).state_timeout(PHASE, ()))
    }

    #[rustfmt::skip]
    async fn handle_event(
        &mut self, state: &State, event: Event<Self>, _: &mut Cx<Machine<Self>>,
    ) -> Transitioned<Self> {
        let turn = |to| Transition::next_state(to).state_timeout(PHASE, ());
        Ok(match (state, event) {
            (State::Red, Event::StateTimeout(())) => turn(State::Green),
            (State::Green, Event::StateTimeout(())) => turn(State::Red),
            (State::Red, cross @ Event::Call(_)) => Transition::keep_state().postpone(cross),
            (State::Green, Event::Call(Cross(reply))) => {
                self.0 += 1;
                Transition::keep_state().reply(reply, self.0)
            }
            (_, event) => return event.unhandled(state),
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let light = Light::start(()).await?;
    println!("{} across", light.call(Cross).await?);
    Ok(light.stop().await?)
}
