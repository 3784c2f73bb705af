//! A process that does not yield can be shown on real threads only: a paused clock would wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runtime::application::{Application, Release};
use runtime::prelude::*;

/// The release ends without it, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_does_not_yield_is_counted_and_not_waited_for() {
    let (begun, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (here, there) = (begun.clone(), over.clone());
    let spin = move || {
        let (here, there) = (here.clone(), there.clone());
        async move {
            here.store(true, Ordering::SeqCst);
            while !there.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        }
    };
    let tree = Supervisor::one_for_one().child(ChildSpec::process("spinner", spin));
    let running = Release::new()
        .stop_within(Duration::from_millis(10))
        .application(Application::new("shop", || tree.start_link()))
        .start()
        .await
        .unwrap();
    running.up().await.unwrap();
    while !begun.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    running.stop(0);
    let ended = running.wait().await;
    over.store(true, Ordering::SeqCst);
    assert_eq!((ended.forced, ended.unstopped, ended.code()), (true, 1, 1));
    let said = "what was left was killed, but for one process, which does not yield";
    assert_eq!(ended.to_string(), format!("stopped with code 0; {said}"));
}
