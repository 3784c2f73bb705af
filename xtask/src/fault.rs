//! What can go wrong, told apart by whose turn it is to act.
//!
//! Everything else travels as plain `anyhow` with context.

use std::process::ExitCode;

/// A failure that decides the exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What was typed, or what lies in the workbook, cannot be used.
    #[error("{0}")]
    Input(String),
    /// The course itself is broken: its authors have to act.
    #[error("{0}")]
    Course(String),
}

/// The user has to act.
pub(crate) fn input(message: impl Into<String>) -> anyhow::Error {
    Fault::Input(message.into()).into()
}

/// The authors of the course have to act.
pub(crate) fn course(message: impl Into<String>) -> anyhow::Error {
    Fault::Course(message.into()).into()
}

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Full marks, or nothing to complain of.
    Full,
    /// Marks were lost.
    MarksLost,
    /// The course is broken; what is wrong has been printed.
    CourseBroken,
}

/// The exit code: 0 full marks, 1 marks lost, 2 wrong input, 3 broken course.
pub(crate) fn exit_code(result: &anyhow::Result<Verdict>) -> ExitCode {
    ExitCode::from(match result {
        Ok(Verdict::Full) => 0,
        Ok(Verdict::MarksLost) => 1,
        Ok(Verdict::CourseBroken) => 3,
        Err(error) => match error.downcast_ref::<Fault>() {
            Some(Fault::Course(_)) => 3,
            Some(Fault::Input(_)) | None => 2,
        },
    })
}
