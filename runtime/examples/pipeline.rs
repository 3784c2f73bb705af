//! A pipeline under `rest_for_one`: when a stage crashes, those after it start afresh, those before it
//! do not notice. Runs in virtual time and is drawn.

#![allow(clippy::print_stdout)]

use std::future::pending;
use std::time::Duration;

use runtime::prelude::*;
use runtime::testing::{Schedule, run_on};
use runtime::{register, self_pid, whereis};
use tokio::time::sleep;

/// A stage does nothing here but to have a name.
async fn stage(name: &'static str) {
    register(name, self_pid().expect("a stage is a process")).expect("the name is free");
    pending::<()>().await;
}

async fn pipeline(me: Process) -> anyhow::Result<()> {
    let spec = |name: &'static str| ChildSpec::process(name, move || stage(name));
    let stages = ["input", "process", "output"].map(spec);
    let supervisor = Supervisor::rest_for_one().children(stages).start_link().await?;
    me.set_label("main");
    sleep(Duration::from_secs(1)).await;
    whereis("process").expect("it was started").kill();
    sleep(Duration::from_secs(1)).await;
    Ok(supervisor.stop().await?)
}

fn main() {
    print!("{}", run_on(Schedule::Tasks, pipeline).trace.timeline());
}
