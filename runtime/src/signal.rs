//! What an exit signal does to the process that it reaches: OTP's table, as one pure function.
//!
//! | signal | not trapping | trapping |
//! |---|---|---|
//! | `exit(pid, kill)` | dies, `killed` | dies, `killed` |
//! | `kill` along a link | dies, `kill` | message |
//! | `normal` from another process | nothing | message |
//! | `exit(self, normal)` | dies, `normal` | message |
//! | any other reason | dies with it | message |
//!
//! Source: OTP Reference Manual, Processes, "Receiving Exit Signals".

use crate::exit_reason::ExitReason;

/// How an exit signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Another process, or nobody, called [`Pid::exit`](crate::Pid::exit).
    Other,
    /// The process itself called [`Pid::exit`](crate::Pid::exit) on its own pid.
    Oneself,
    /// A linked process ended.
    Link,
}

/// What becomes of the receiver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing happens.
    Ignore,
    /// The signal becomes a message with this reason.
    Message(ExitReason),
    /// The receiver ends with this reason.
    Die(ExitReason),
}

/// The exit-signal table.
pub(crate) fn on_exit(reason: ExitReason, origin: Origin, trapping: bool) -> Verdict {
    match (reason, origin, trapping) {
        (ExitReason::Kill, Origin::Other | Origin::Oneself, _) => Verdict::Die(ExitReason::Killed),
        (reason, _, true) => Verdict::Message(reason),
        (ExitReason::Normal, Origin::Other | Origin::Link, false) => Verdict::Ignore,
        (reason, _, false) => Verdict::Die(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExitReason::{Kill, Killed, NoProc, Normal, Shutdown};
    use Origin::{Link, Oneself, Other};
    use Verdict::{Die, Ignore, Message};

    #[test]
    fn the_table_is_otps() {
        let custom = || ExitReason::other("custom");
        let rows = [
            (Kill, Other, Die(Killed), Die(Killed)),
            (Kill, Oneself, Die(Killed), Die(Killed)),
            (Kill, Link, Die(Kill), Message(Kill)),
            (Killed, Other, Die(Killed), Message(Killed)),
            (Killed, Link, Die(Killed), Message(Killed)),
            (Normal, Other, Ignore, Message(Normal)),
            (Normal, Link, Ignore, Message(Normal)),
            (Normal, Oneself, Die(Normal), Message(Normal)),
            (Shutdown, Other, Die(Shutdown), Message(Shutdown)),
            (NoProc, Link, Die(NoProc), Message(NoProc)),
            (custom(), Oneself, Die(custom()), Message(custom())),
            (custom(), Link, Die(custom()), Message(custom())),
        ];
        for (reason, origin, untrapped, trapped) in rows {
            assert_eq!(on_exit(reason.clone(), origin, false), untrapped, "{reason} {origin:?}");
            assert_eq!(on_exit(reason.clone(), origin, true), trapped, "{reason} {origin:?}");
        }
    }
}
