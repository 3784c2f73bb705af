//! What becomes of a child that ended: pure decisions.

use super::AutoShutdown;
use super::child::Restart;
use crate::exit_reason::ExitReason;

/// What becomes of a child that ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is started again.
    Restart,
    /// It stays in the list, stopped.
    Keep,
    /// It leaves the list.
    Remove,
}

/// Source: OTP supervisor, `do_restart/3`.
pub(crate) fn fate(restart: Restart, reason: &ExitReason) -> Fate {
    match restart {
        Restart::Permanent => Fate::Restart,
        Restart::Transient if reason.is_expected() => Fate::Keep,
        Restart::Transient => Fate::Restart,
        Restart::Temporary => Fate::Remove,
    }
}

/// Whether the end of a child that is not restarted ends the supervisor.
///
/// `others` is the number of significant children that still run.
/// Source: OTP supervisor, `do_auto_shutdown/2`.
pub(crate) fn shuts_down(auto: AutoShutdown, significant: bool, others: usize) -> bool {
    match auto {
        AutoShutdown::Never => false,
        AutoShutdown::AnySignificant => significant,
        AutoShutdown::AllSignificant => significant && others == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AutoShutdown::{AllSignificant, AnySignificant, Never};
    use Fate::{Keep, Remove, Restart as Again};
    use Restart::{Permanent, Temporary, Transient};

    #[test]
    fn the_restart_table_is_otps() {
        let rows = [
            (ExitReason::Normal, Again, Keep, Remove),
            (ExitReason::Shutdown, Again, Keep, Remove),
            (ExitReason::shutdown_with("x"), Again, Keep, Remove),
            (ExitReason::other("bad"), Again, Again, Remove),
            (ExitReason::Killed, Again, Again, Remove),
            (ExitReason::NoProc, Again, Again, Remove),
        ];
        for (reason, permanent, transient, temporary) in rows {
            assert_eq!(fate(Permanent, &reason), permanent, "permanent, {reason}");
            assert_eq!(fate(Transient, &reason), transient, "transient, {reason}");
            assert_eq!(fate(Temporary, &reason), temporary, "temporary, {reason}");
        }
    }

    #[test]
    fn a_significant_end_counts_as_the_supervisor_says() {
        let rows = [
            (Never, true, 0, false),
            (AnySignificant, false, 0, false),
            (AnySignificant, true, 3, true),
            (AllSignificant, true, 1, false),
            (AllSignificant, true, 0, true),
            (AllSignificant, false, 0, false),
        ];
        for (auto, significant, others, ends) in rows {
            assert_eq!(
                shuts_down(auto, significant, others),
                ends,
                "{auto:?} {significant} {others}"
            );
        }
    }
}
