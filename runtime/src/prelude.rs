//! What nearly every program with servers and supervisors uses: `use runtime::prelude::*`.
//!
//! Types and traits only. Functions (`spawn`, `link`, `send`) are better read with where they come
//! from, and a type of the program's own with one of these names wins over it.

pub use crate::call::{CallError, Reply};
pub use crate::exit_reason::{Crash, ExitReason};
pub use crate::gen_server::{
    CallServer, Cx, GenServer, Handled, Info, Init, Name, Next, Server, ServerRef,
};
pub use crate::message::Message;
pub use crate::pid::Pid;
pub use crate::process::Process;
pub use crate::supervisor::dynamic::{DynamicSupervision, DynamicSupervisor};
pub use crate::supervisor::{ChildSpec, Restart, Shutdown, Strategy, Supervision, Supervisor};
