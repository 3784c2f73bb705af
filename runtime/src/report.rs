//! What is said of a crash.

use crate::ambient::{catch, discard};
use crate::exit_reason::ExitReason;
use crate::gen_event::HandlerId;
use crate::pcb::AnyPcb;
use crate::pid::Pid;

/// Whether this end is a crash: a panic or an error. Other reasons are somebody's decision.
pub(crate) fn is_due(reason: &ExitReason) -> bool {
    matches!(reason, ExitReason::Panic(_) | ExitReason::Error(_))
}

/// Reports a handler that crashed and was removed from its manager, which goes on.
///
/// Source: OTP `gen_event`, the report of a handler's crash.
pub(crate) fn handler(handler: &HandlerId, manager: Pid, reason: &ExitReason) {
    // Printing the reason is foreign code, which must not end the manager.
    let said = catch(|| {
        if tracing::dispatcher::has_been_set() {
            tracing::error!(%handler, %manager, %reason, "event handler crashed");
        } else {
            let line = format!("event handler {handler} of manager {manager} crashed: {reason}");
            #[allow(clippy::print_stderr)]
            {
                eprintln!("{line}");
            }
        }
    });
    if let Err(payload) = said {
        discard(payload);
    }
}

/// Reports a panic or an error that ended a process, through `tracing`; on standard error as long
/// as the program has set up no subscriber, since a crash that nobody sees is the worst kind.
///
/// Source: OTP kernel, logger's default handler and error reports.
pub(crate) fn crash(pcb: &dyn AnyPcb, reason: &ExitReason) {
    let pid = pcb.head().pid;
    let (mut label, mut quiet) = (None, false);
    pcb.control(&mut |control, _| {
        label = control.name().or_else(|| control.label());
        quiet = control.rare.as_ref().is_some_and(|rare| rare.quiet);
    });
    if quiet {
        return;
    }
    let label = label.as_deref().unwrap_or("unnamed");
    if tracing::dispatcher::has_been_set() {
        tracing::error!(%pid, label, %reason, "process crashed");
    } else {
        // In one piece: the lines of several processes do not mix.
        let line = format!("process {pid} ({label}) crashed: {reason}");
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{line}");
        }
    }
}
