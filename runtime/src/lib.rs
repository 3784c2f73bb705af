//! Fault tolerance in the way of Erlang/OTP, on tokio.

mod ambient;
mod attempt;
mod driver;
mod exit_reason;
mod info;
mod join;
#[cfg(all(test, otp_loom))]
mod loom_tests;
mod message;
mod names;
mod pcb;
mod pid;
mod process;
mod receive;
mod relations;
mod report;
mod rt;
mod signal;
mod sync;
mod system;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod timeline;
mod timer;
pub mod trace;
mod unwinding;

pub use ambient::NotInProcess;
pub use attempt::{
    Attempt, AttemptAsync, Caught, Raised, attempt, attempt_async, exit, raise, throw,
};
pub use exit_reason::{Crash, ExitReason, NoCatch, Outcome, PanicInfo, Place, Term, TermValue};
pub use info::ProcessInfo;
pub use join::Join;
pub use message::{AnyMessage, Dest, Down, Exit, Message, Target, Timeout, TimerCancelled};
pub use names::{NotRegistered, RegisterError, register, send, unregister, whereis};
pub use pid::{MonitorRef, Pid};
pub use process::{
    Address, FunctionBody, FutureBody, IntoBody, LinkError, Process, SendError, SpawnOptions,
    Spawned, demonitor, link, monitor, self_pid, set_label, spawn, spawn_link, spawn_monitor,
    trap_exit, unlink,
};
pub use receive::{Next, Pick, Picked, Receive, ReceiveTimedOut, ReceiveTimeout};
pub use relations::NoProc;
pub use system::{NoSystem, System, SystemGuard};
pub use timer::{
    TimerRef, cancel_timer, cancel_timer_async, read_timer, send_after, send_interval, start_timer,
};
pub use trace::note;
