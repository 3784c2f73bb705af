//! Drill 8.2: try, catch and rescue. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use std::fs::File;
use std::io::{self, Read};
use std::num::ParseIntError;
use std::panic::{UnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use runtime::prelude::*;
use runtime::{Caught, PanicInfo, attempt, exit, note, raise, throw};

/// The error type that the course's `safe_divide` waits for: Elixir's `ArithmeticError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad argument in arithmetic expression")]
pub struct ArithmeticError;

/// Elixir's `ArgumentError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArgumentError(pub String);

/// Elixir's `RuntimeError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuntimeError(pub String);

/// Why a division has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DivideError {
    /// The divisor is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The quotient is greater than any `i64`: there is one such division.
    #[error("the quotient does not fit")]
    Overflow,
}

/// The course's `safe_divide` as it is written: `a / b`, and a clause for [`ArithmeticError`].
///
/// # Panics
/// When `b` is zero: nothing takes the panic.
///
/// # Errors
/// Never, although it looks so.
pub fn divide_as_written(a: i64, b: i64) -> Result<i64, DivideError> {
    // EXERCISE 1: the course's clause waits for a type that never comes; see the panic pass it.
    attempt(|| Ok(a / b)).rescue(|_: ArithmeticError| Err(DivideError::DivisionByZero)).end()
    // END
}

/// `a / b`, with a clause for what really comes.
///
/// # Errors
/// [`DivisionByZero`](DivideError::DivisionByZero) when the division panics.
pub fn safe_divide(a: i64, b: i64) -> Result<i64, DivideError> {
    // EXERCISE 1: take the panic of a division by zero, and make an error of it.
    attempt(|| Ok(a / b)).rescue(|_: PanicInfo| Err(DivideError::DivisionByZero)).end()
    // END
}

/// Why an input has no result, as [`parse_and_process`] found it out.
#[derive(Clone, Debug, PartialEq)]
pub enum ProcessError {
    /// The input is no `i64`.
    InvalidFormat,
    /// The processing exited, with this reason.
    ProcessExited(ExitReason),
    /// The processing threw this word.
    Thrown(&'static str),
}

/// The course's `process`, which has three ways to end: doubles a number from 0 to 100, throws
/// `"too_large"` above that, and exits with the term `"negative_value"` below.
pub fn process(value: i64) -> i64 {
    if value > 100 {
        throw("too_large");
    }
    if value < 0 {
        exit(ExitReason::other("negative_value"));
    }
    value * 2
}

/// Parses the input and [`process`]es the number. Input that does not parse is
/// [`raise`]d; one attempt stands around both steps.
///
/// # Errors
/// One variant for each way in which the body can be left.
pub fn parse_and_process(input: &str) -> Result<i64, ProcessError> {
    // EXERCISE 2: an attempt with a clause for each kind: an error, an exit, a throw.
    attempt(|| {
        let value = input.parse().unwrap_or_else(|error: ParseIntError| raise(error));
        Ok(process(value))
    })
    .rescue(|_: ParseIntError| Err(ProcessError::InvalidFormat))
    .catch_exit(|reason| Err(ProcessError::ProcessExited(reason)))
    .catch_throw(|word| Err(ProcessError::Thrown(word)))
    .end()
    // END
}

/// Which of the two errors [`rescue_example`] took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescued {
    /// An [`ArgumentError`].
    BadArgument,
    /// A [`RuntimeError`].
    RuntimeError,
}

/// Runs `body`; in the course it always raises an [`ArgumentError`].
///
/// Whatever is neither of the two types of error goes on to the caller, of whatever kind it is.
///
/// # Errors
/// Which of the two was raised.
pub fn rescue_example<T>(body: impl FnOnce() -> T) -> Result<T, Rescued> {
    // EXERCISE 3: rescue by type: two types are taken here, everything else is somebody else's.
    attempt(|| Ok(body()))
        .rescue(|_: ArgumentError| Err(Rescued::BadArgument))
        .rescue(|_: RuntimeError| Err(Rescued::RuntimeError))
        .end()
    // END
}

/// What a file holds, from where it is read: the course's `IO.read(file, :all)`. Raises the
/// [`io::Error`] if there is one; text that is not UTF-8 is one.
pub fn contents(mut file: &File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => text,
        Err(error) => raise(error),
    }
}

/// Opens the file, reads it with `read`, closes it, and notes `File closed`.
///
/// The course reads with [`contents`]; the tests read in other ways, too, and leave by each kind.
/// A file that cannot be opened raises its [`io::Error`] to the caller, and nothing is closed.
///
/// # Errors
/// What left `read` early: the course's `{kind, reason}`.
pub fn read_file_safe<T>(path: &Path, read: impl FnOnce(&File) -> T) -> Result<T, Caught> {
    // EXERCISE 4: clean up after whatever happens, and only what was opened.
    let file = File::open(path).unwrap_or_else(|error| raise(error));
    attempt(|| Ok(read(&file)))
        .catch(Err)
        .after(|| {
            drop(file);
            note("File closed");
        })
        .end()
    // END
}

/// `a / b`, without anything to catch.
///
/// # Errors
/// The divisor is zero, or the quotient does not fit: one is told from the other.
pub fn checked_divide(a: i64, b: i64) -> Result<i64, DivideError> {
    // EXERCISE 5: say before you divide what cannot be divided.
    if b == 0 {
        return Err(DivideError::DivisionByZero);
    }
    a.checked_div(b).ok_or(DivideError::Overflow)
    // END
}

/// Why an input has no result, as [`parse_and_check`] says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The input is no `i64`, for this reason.
    #[error("not a number: {0}")]
    InvalidFormat(#[from] ParseIntError),
    /// The number is below 0.
    #[error("{0} is negative")]
    Negative(i64),
    /// The number is above 100.
    #[error("{0} is more than 100")]
    TooLarge(i64),
}

/// What [`parse_and_process`] does, without anything to catch: the double of a number from 0 to 100.
///
/// # Errors
/// One variant for each thing that can be wrong with an input, with what is wrong.
pub fn parse_and_check(input: &str) -> Result<i64, InputError> {
    // EXERCISE 5: the same as exercise 2 with `?` and a `match`.
    let value = input.parse()?;
    match value {
        ..0 => Err(InputError::Negative(value)),
        0..=100 => Ok(value * 2),
        101.. => Err(InputError::TooLarge(value)),
    }
    // END
}

/// An open file that says when it is dropped: it notes `File closed`. The standard library's `File`
/// closes itself in the same way, in silence.
#[derive(Debug)]
pub struct OpenFile {
    /// What is open.
    pub file: File,
}

impl OpenFile {
    /// Opens the file for reading.
    ///
    /// # Errors
    /// The file cannot be opened: then there is nothing to close.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)? })
    }
}

// EXERCISE 6 (items): give `OpenFile` a `Drop` that notes `File closed`.
impl Drop for OpenFile {
    fn drop(&mut self) {
        note("File closed");
    }
}
// END

/// Opens the file as an [`OpenFile`], and reads it with `read`. Catches nothing.
///
/// # Errors
/// The file cannot be opened, or not be read.
pub fn read_file<T>(path: &Path, read: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
    // EXERCISE 6: the same as exercise 4 with `?`, and with `Drop` for the clean-up.
    let mut open = OpenFile::open(path)?;
    read(&mut open.file)
    // END
}

/// Runs code of somebody else's that may panic, with what the standard library has.
///
/// What unwinds and is no panic with a text, as [`exit`] and [`throw`] do, is not ours to
/// stop: it goes on.
///
/// # Errors
/// The text of the panic.
pub fn run_foreign<T>(job: impl FnOnce() -> T + UnwindSafe) -> Result<T, String> {
    // EXERCISE 7: stop a panic at the edge, and nothing else.
    catch_unwind(job).map_err(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(payload) => resume_unwind(payload),
        },
    })
    // END
}

/// Two accounts that hold 100 together, at any time at which nobody is at work on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Begins with 100.
    pub left: i64,
    /// Begins with nothing.
    pub right: i64,
}

impl Accounts {
    /// The accounts on their first day.
    pub fn opened() -> Self {
        Self { left: 100, right: 0 }
    }

    /// What both hold together.
    pub fn total(&self) -> i64 {
        self.left + self.right
    }

    /// Moves an amount from left to right. Takes before it looks, which is a bug.
    ///
    /// # Panics
    /// With `overdrawn`, between the two halves of the transfer, when there is not enough.
    pub fn transfer(&mut self, amount: i64) {
        self.left -= amount;
        assert!(self.left >= 0, "overdrawn");
        self.right += amount;
    }
}

/// What a bank is asked.
#[derive(Debug)]
pub enum Call {
    /// To transfer an amount.
    Transfer(i64, Reply<Result<(), String>>),
    /// To say what the accounts hold together.
    Total(Reply<i64>),
}

/// A bank that survives everything.
#[derive(Debug)]
pub struct DefensiveBank(pub Accounts);

impl CallServer for DefensiveBank {
    type Call = Call;

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Total(reply) => reply.go(self.0.total()),
            Call::Transfer(amount, reply) => {
                // EXERCISE 8: catch the panic of a transfer, reply with its text, and go on.
                let done = attempt(|| {
                    self.0.transfer(amount);
                    Ok(())
                })
                .rescue(|panic: PanicInfo| Err(panic.message().to_owned()))
                .end();
                reply.go(done)
                // END
            }
        }
    }
}

/// A bank that crashes when it does not know what it has.
#[derive(Debug)]
pub struct CrashingBank(pub Accounts);

impl CallServer for CrashingBank {
    type Call = Call;

    async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
        match call {
            Call::Total(reply) => reply.go(self.0.total()),
            Call::Transfer(amount, reply) => {
                // EXERCISE 8: let it crash: do the transfer, reply, and catch nothing.
                self.0.transfer(amount);
                reply.go(Ok(()))
                // END
            }
        }
    }
}
