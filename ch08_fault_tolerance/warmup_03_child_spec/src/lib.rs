//! Warm-up 8.3: a child specification. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use std::convert::Infallible;
use std::time::Duration;

use runtime::prelude::*;
use runtime::{ChildKind, note};

/// A server that takes one argument, as the course's takes `:ok`.
#[derive(Clone, Debug, PartialEq)]
pub struct MyServer {
    /// What it was started with.
    pub argument: &'static str,
}

/// What the server is asked.
#[derive(Debug)]
pub enum Call {
    /// To tell its argument.
    Argument(Reply<&'static str>),
}

impl GenServer for MyServer {
    type Args = &'static str;
    type Call = Call;
    type Cast = Infallible;
    type Info = Infallible;

    /// Notes `MyServer starts with ok`, or whatever its argument is.
    async fn init(argument: &'static str, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        note(format!("MyServer starts with {argument}"));
        Ok(Init::Ok(MyServer { argument }))
    }

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        let Call::Argument(reply) = call;
        reply.go(self.argument)
    }
}

/// The course's map, with its two fields: the id `MyServer`, and a start function that calls
/// `MyServer::start_link` with `ok` and gives the pid.
pub fn two_fields() -> ChildSpec {
    // EXERCISE 1: say who the child is and how it is started, and nothing else.
    ChildSpec::new("MyServer", || async {
        let server = MyServer::start_link("ok").await?;
        Ok(server.pid())
    })
    // END
}

/// The same in short: the course's `{MyServer, :ok}`, from which `child_spec/1` makes the map.
pub fn in_short() -> ChildSpec {
    // EXERCISE 2: let the server type write its own specification.
    MyServer::child(|| "ok").into()
    // END
}

/// The fields that the map leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// When the child is started again: the field `restart`.
    pub restart: Restart,
    /// How it is stopped: the field `shutdown`.
    pub shutdown: Shutdown,
    /// What it is counted as: the field `type`.
    pub kind: ChildKind,
    /// Whether its end may be the end of its supervisor: the field `significant`.
    pub significant: bool,
}

/// What the fields are that [`two_fields`] leaves out, as OTP documents them.
pub fn defaults() -> Defaults {
    // EXERCISE 3: write down what was not said.
    Defaults {
        restart: Restart::Permanent,
        shutdown: Shutdown::After(Duration::from_secs(5)),
        kind: ChildKind::Worker,
        significant: false,
    }
    // END
}
