//! What is said of a crash.

use crate::ambient::{catch, discard};
use crate::exit_reason::ExitReason;
use crate::gen_event::HandlerId;
use crate::pcb::AnyPcb;
use crate::pid::Pid;
use crate::sync::Arc;
use crate::table;

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

/// What a report tells of a process besides its end.
#[derive(Debug)]
struct Facts {
    /// Its name, or else its label.
    label: Option<Arc<str>>,
    /// Who spawned it, and who spawned that one, as far as they live: the closest first.
    ancestors: String,
    /// The processes that are linked to it, and learn of its end.
    links: usize,
    /// It wants no report.
    quiet: bool,
}

impl Facts {
    fn of(pcb: &dyn AnyPcb) -> Self {
        let mut facts = Self { label: None, ancestors: String::new(), links: 0, quiet: false };
        pcb.control(&mut |control, _| {
            facts.label = control.name().or_else(|| control.label());
            facts.quiet = control.rare.as_ref().is_some_and(|rare| rare.quiet);
            facts.links = control.links.to_vec().len();
        });
        if !facts.quiet {
            facts.ancestors = ancestors(pcb);
        }
        facts
    }
}

/// One after the other, by label and pid. A line of ancestors may be long: the closest say most.
fn ancestors(pcb: &dyn AnyPcb) -> String {
    const MOST: usize = 8;
    let mut found: Vec<String> = Vec::new();
    let mut parent = pcb.head().parent;
    while parent != Pid::OUTSIDE && found.len() < MOST {
        let Some(pcb) = table::find(parent) else {
            found.push(parent.to_string());
            break;
        };
        let mut label = None;
        pcb.control(&mut |control, _| label = control.name().or_else(|| control.label()));
        found.push(match label {
            Some(label) => format!("{label} {parent}"),
            None => parent.to_string(),
        });
        parent = pcb.head().parent;
    }
    found.join(", ")
}

/// Reports a panic or an error that ended a process, which left so many messages unread, through
/// `tracing`; on standard error as long as the program has set up no subscriber, since a crash that
/// nobody sees is the worst kind.
///
/// Differs from OTP: the report does not show the state, which need not be printable, nor what lies
/// in the mailbox, but how much.
///
/// Source: OTP kernel, logger's default handler; OTP `proc_lib`, crash reports.
pub(crate) fn crash(pcb: &dyn AnyPcb, reason: &ExitReason, unread: usize) {
    let pid = pcb.head().pid;
    let facts = Facts::of(pcb);
    if facts.quiet {
        return;
    }
    let label = facts.label.as_deref().unwrap_or("unnamed");
    if tracing::dispatcher::has_been_set() {
        let Facts { ancestors, links, .. } = &facts;
        let place = reason.as_panic().and_then(|panic| panic.place()).map(tracing::field::display);
        tracing::error!(
            %pid, label, %reason, place, ancestors, unread, links, "process crashed"
        );
    } else {
        // In one piece: the lines of several processes do not mix.
        let line = format!("process {pid} ({label}) crashed: {reason}");
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{line}");
        }
    }
}
