//! Fault tolerance in the way of Erlang/OTP, on tokio.
//!
//! A **process** is a future with an identity, a mailbox and relations to other processes.
//! It shares nothing with them but what it sends; when it fails, it fails alone, and whoever has to
//! know is told. On that, the rest of OTP stands: servers, supervisors, registries.
//!
//! ```
//! use runtime::{ExitReason, Message, Process, spawn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let shop = spawn(|mut shop: Process| async move {
//!     // From now on, the crash of a linked process is a message and not the end.
//!     shop.trap_exit(true);
//!     let till = shop.spawn_link(async { panic!("the drawer is stuck") });
//!
//!     let Message::Exit(exit) = shop.receive().await else { panic!("nobody else writes") };
//!     assert_eq!(exit.from, till);
//!     println!("the till went down ({}), the shop is open", exit.reason);
//! });
//! assert_eq!(shop.join().await, ExitReason::Normal);
//! # }
//! ```
//!
//! # Where to begin
//!
//! | to | see |
//! |---|---|
//! | start a process | [`spawn`], [`spawn_link`], [`spawn_monitor`], [`SpawnOptions`] |
//! | send, receive | [`Address::send`], [`Process::receive`], [`Process::select`], [`Receive::timeout`] |
//! | say why a process ends | [`ExitReason`], [`Crash`], [`exit`] |
//! | fall together | [`link`], [`trap_exit`] |
//! | watch | [`monitor`], [`Pid::join`] |
//! | end another process | [`Pid::exit`], [`Pid::kill`] |
//! | be found, wait for somebody | [`register`], [`whereis`], [`Name::up`] |
//! | do it later | [`send_after`], [`start_timer`], [`send_interval`] |
//! | hold state, answer calls | [`CallServer`], [`GenServer`], [`Name`], [`Server`] |
//! | be in a state that decides what an event means | [`GenStatem`], [`gen_statem`] |
//! | tell many of an event | [`EventManager`], [`GenEvent`], [`Events`] |
//! | keep it running | [`Supervisor`], [`DynamicSupervisor`], [`ChildSpec`], [`Backoff`] |
//! | find it by any key | [`Registry`] |
//! | be one of a group | [`Groups`] |
//! | spread work over several of a kind | [`PartitionSupervisor`], [`hash`] |
//! | compute something beside, for its value | [`Task`], [`TaskSupervisor`] |
//! | keep a value | [`Agent`] |
//! | run a whole program | [`Application`], [`Release`] |
//! | keep many values that all may read at once | [`Table`] |
//! | wait for a disk, compute for long | [`blocking()`] |
//! | run code that may fail | [`attempt`](attempt()) |
//! | look inside | [`Pid::info`], [`System::tree`], [`System::record`], [`trace`] |
//! | test it | [`testing`] |
//!
//! # What follows what
//!
//! | a process ends with | a linked process | a linked process that traps | a monitor |
//! |---|---|---|---|
//! | [`Normal`](ExitReason::Normal) | lives on | `Exit` message | `Down` message |
//! | anything else | ends with the same reason | `Exit` message | `Down` message |
//! | killed from outside | ends, [`Killed`](ExitReason::Killed) | `Exit`, `Killed` | `Down`, `Killed` |
//!
//! # Processes and tokio
//!
//! A process runs on the tokio runtime in which it was spawned, and may await anything that a task
//! may. It ends at its next `.await` after a signal has decided so; code that never yields cannot be
//! stopped, by this or any other Rust runtime. `panic = "abort"` is refused at compile time.
//!
//! Outside of a process (in `main`, in a plain task) one can spawn, send, signal, look up and wait
//! for an end; what needs a mailbox answers [`NotInProcess`].
//!
//! A panic inside of a process is noted with its place and does not reach the panic hook that was
//! there before; all other panics do. A second panic while the first one unwinds (in a `Drop`)
//! aborts the program, as everywhere in Rust.
//!
//! What follows OTP, what differs and why: `docs/SEMANTICS.md` in the repository.

pub mod agent;
mod ambient;
pub mod application;
mod arrivals;
mod attempt;
mod blocking;
mod call;
mod driver;
mod exit_reason;
pub mod gen_event;
mod gen_server;
pub mod gen_statem;
pub mod groups;
pub mod hash;
mod info;
mod join;
#[cfg(all(test, otp_loom))]
mod loom_tests;
mod mermaid;
mod message;
mod names;
mod pcb;
mod pid;
mod plain;
pub mod prelude;
mod process;
pub mod receive;
pub mod registry;
mod relations;
mod report;
mod rt;
mod signal;
pub mod supervisor;
mod svg;
mod sync;
pub mod sys;
mod system;
mod table;
pub mod tables;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod timeline;
mod timer;
pub mod trace;
pub mod tree;
mod unwinding;

#[doc(inline)]
pub use agent::Agent;
pub use ambient::NotInProcess;
#[doc(inline)]
pub use application::{Application, Release};
pub use attempt::{
    Attempt, AttemptAsync, Caught, Raised, attempt, attempt_async, exit, raise, throw,
};
pub use blocking::blocking;
pub use call::{CALL_TIMEOUT, Call, CallError, Calling, Reply};
pub use exit_reason::{Crash, ExitReason, NoCatch, Outcome, PanicInfo, Place, Term, TermValue};
#[doc(inline)]
pub use gen_event::{
    EventManager, Events, GenEvent, Handler, HandlerError, HandlerExit, HandlerId,
};
pub use gen_server::{
    CallServer, Cx, GenServer, Handled, Info, Init, LastWords, Name, Next, NotUp, Reach, Server,
    ServerRef, Start, StartError, StartName, Stop, StopError, Unhandled, Up,
};
#[doc(inline)]
pub use gen_statem::{Entered, GenStatem, Initial, Machine, Transition, Transitioned};
#[doc(inline)]
pub use groups::{GroupEvent, GroupMonitor, Groups, GroupsError};
pub use info::ProcessInfo;
pub use join::Join;
pub use message::{AnyMessage, Dest, Down, Exit, Message, Target, Timeout, TimerCancelled};
pub use names::{NotRegistered, RegisterError, register, send, unregister, whereis};
pub use pid::{MonitorRef, Pid};
pub use process::{
    Address, IntoBody, LinkError, Process, SendError, SpawnOptions, Spawned, demonitor, link,
    monitor, self_pid, set_label, spawn, spawn_link, spawn_monitor, trap_exit, unlink,
};
// The kinds of body are the compiler's business.
#[doc(hidden)]
pub use process::{FunctionBody, FutureBody};
#[doc(inline)]
pub use receive::{Receive, ReceiveTimedOut, ReceiveTimeout};
#[doc(inline)]
pub use registry::{
    Duplicate, Keys, MetaKey, Registry, RegistryArgs, RegistryError, RegistryEvent, RegistryKey,
    RegistryOptions, RegistryRef, RegistryServer, RegistryValue, Unique, Via, ViaError, ViaWith,
};
pub use relations::NoProc;
#[doc(inline)]
pub use supervisor::dynamic::{
    DynamicSupervision, DynamicSupervisor, DynamicSupervisorRef, DynamicSupervisorServer,
};
#[doc(inline)]
pub use supervisor::partition::{Partition, PartitionOptions, PartitionSupervisor};
#[doc(inline)]
pub use supervisor::{
    AutoShutdown, Backoff, Child, ChildCount, ChildError, ChildId, ChildInfo, ChildKind, ChildSpec,
    ChildState, FailedToStart, Restart, Shutdown, SpecError, Strategy, Supervision, Supervisor,
    SupervisorModule, SupervisorRef, SupervisorServer,
};
pub use system::{NoSystem, System, SystemGuard};
#[doc(inline)]
pub use tables::{Access, Table, TableError, TableName, TableOptions, TableTransfer};
#[doc(inline)]
pub use task::{AwaitMany, OnTimeout, Task, TaskError, TaskStream, TaskSupervisor};
pub use timer::{
    TimerRef, cancel_timer, cancel_timer_async, read_timer, send_after, send_interval, start_timer,
};
pub use trace::note;

/// The README's Rust is compiled and run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
