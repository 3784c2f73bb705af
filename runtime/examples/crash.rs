//! A crash, survived, and drawn: a shop whose till panics and is replaced.
//!
//! Runs in virtual time, so the three seconds are over at once.

use std::time::Duration;

use runtime::testing::{Schedule, run_on};
use runtime::{Message, Process, SpawnOptions};
use tokio::time::sleep;

async fn till(defect: bool) {
    sleep(Duration::from_secs(1)).await;
    assert!(!defect, "the drawer is stuck");
    sleep(Duration::from_secs(1)).await;
}

async fn clock() {
    sleep(Duration::from_secs(3)).await;
}

async fn shop(mut shop: Process) {
    shop.set_label("shop");
    shop.trap_exit(true);
    let linked = |label: &str| SpawnOptions::new().label(label).link();
    shop.spawn_with(linked("clock"), clock());
    shop.spawn_with(linked("till"), till(true));
    let mut working = 2;
    while working > 0 {
        let Message::Exit(exit) = shop.receive().await else { continue };
        if exit.reason.is_expected() {
            working -= 1;
        } else {
            shop.spawn_with(linked("till"), till(false));
        }
    }
}

/// Runs the shop in virtual time and draws it.
pub(crate) fn picture() -> String {
    run_on(Schedule::Tasks, shop).trace.timeline()
}

#[allow(clippy::print_stdout)]
fn main() {
    print!("{}", picture());
}
