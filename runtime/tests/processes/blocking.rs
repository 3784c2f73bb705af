//! Work on threads that may wait.

use std::sync::mpsc;

use runtime::testing::scenario;
use runtime::{ExitReason, NotInProcess, Process, attempt_async, blocking, exit, self_pid, spawn};

/// What the work comes to, to who waits for it; other processes run meanwhile.
#[test]
fn a_process_waits_for_a_thread_and_others_go_on() {
    scenario(|_: Process| async move {
        let (tell, told) = mpsc::channel();
        let worker = spawn(async move {
            let heard = blocking(move || told.recv()).await;
            assert_eq!(heard, Ok(42));
        });
        // On one thread, this runs only because the worker does not hold it.
        let other = spawn(async move { tell.send(42).expect("somebody listens") });
        // Before either of them has had a turn, so that no end is missed.
        let (of_worker, of_other) = (worker.join(), other.join());
        assert_eq!(of_other.await, ExitReason::Normal);
        assert_eq!(of_worker.await, ExitReason::Normal);
    });
}

/// It is the waiting process that crashes, with the message and the place of the work's panic.
#[test]
fn a_panic_of_the_work_is_the_process_s_own() {
    scenario(|_: Process| async move {
        let reason = spawn(blocking(|| panic!("the disk is full"))).join().await;
        let panic = reason.as_panic().expect("a panic");
        assert_eq!(panic.message(), "the disk is full");
        assert_eq!(panic.place().map(|place| place.file.as_str()), Some(file!()));
    });
}

#[test]
fn an_exit_in_the_work_is_the_process_s_own() {
    scenario(|_: Process| async move {
        let reason = ExitReason::other("enough");
        let own = reason.clone();
        assert_eq!(spawn(blocking(move || exit(own))).join().await, reason);
    });
}

#[test]
fn a_panic_of_the_work_can_be_caught_where_it_is_waited_for() {
    scenario(|_: Process| async move {
        let stuck = blocking(|| -> String { panic!("stuck") });
        let caught = attempt_async(stuck).await.rescue_any(|raised| raised.message()).end();
        assert!(caught.contains("stuck"), "{caught}");
    });
}

/// The process ends at once; the thread goes on, and is not waited for.
#[test]
fn a_killed_process_does_not_wait_for_its_thread() {
    scenario(|_: Process| async move {
        let (release, released) = mpsc::channel::<()>();
        let (done, finished) = mpsc::channel();
        let worker = spawn(blocking(move || {
            released.recv().expect("somebody lets it go on");
            done.send("written").expect("somebody listens");
        }));
        worker.pid().kill();
        assert_eq!(worker.join().await, ExitReason::Killed);
        // It may have been killed before the work had begun; then there is no thread.
        if release.send(()).is_ok() {
            assert_eq!(finished.recv(), Ok("written"));
        }
    });
}

#[test]
fn the_work_is_in_no_process() {
    scenario(|_: Process| async move {
        assert_eq!(blocking(self_pid).await, Err(NotInProcess));
    });
}

#[tokio::test]
async fn outside_of_processes_a_panic_of_the_work_has_its_message() {
    assert_eq!(blocking(|| 6 * 7).await, 42);
    let error = tokio::spawn(blocking(|| panic!("stuck"))).await.expect_err("it panics");
    let payload = error.into_panic();
    assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some("stuck"));
}
