//! Stopping a child.

use crate::exit_reason::ExitReason;
use crate::gen_server::{Cx, GenServer};
use crate::pid::Pid;
use crate::rt::timeout;

use super::child::Shutdown;

/// Stops a child as its specification says, and waits until it has ended.
///
/// Nothing of its end stays in the supervisor's mailbox. The link is kept until then: a supervisor
/// that is killed while it waits takes the child along.
/// Source: OTP supervisor, `shutdown/1`.
pub(crate) async fn stop_child<S: GenServer>(pid: Pid, shutdown: Shutdown, cx: &mut Cx<S>) {
    let mut end = pid.join();
    let in_time = match shutdown {
        Shutdown::BrutalKill => false,
        Shutdown::Infinity => {
            pid.exit(ExitReason::Shutdown);
            true
        }
        Shutdown::After(limit) => {
            pid.exit(ExitReason::Shutdown);
            timeout(limit, &mut end).await.is_ok()
        }
    };
    if !in_time {
        pid.kill();
    }
    end.await;
    // Links are told before joins: the exit message is there by now.
    cx.unlink_flush(pid);
}
