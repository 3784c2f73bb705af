//! Drill 8.1: error, exit and throw. What it is about stands in `README.md`, which opens these
//! pages.
#![doc = include_str!("../README.md")]

use runtime::{
    Caught, ExitReason, NoCatch, Raised, attempt, attempt_async, exit, note, raise, throw,
};

/// A caller gave something that makes no sense: Elixir's `ArgumentError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ArgumentError(pub &'static str);

/// What a function may be asked about: the course's `:ok` and `:error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It went well.
    Ok,
    /// It did not.
    Error,
}

/// A search went beyond its limit: the course's `:too_high`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too high")]
pub struct TooHigh;

// The course's `ErrorExamples`.

/// The quotient; the course divides 1 by 0.
///
/// # Panics
/// When `b` is zero, with the panic of the division itself.
pub fn arithmetic_error(a: i64, b: i64) -> i64 {
    // EXERCISE 1: errors: five calls that fail; the first is a division with nothing to protect it.
    a / b
    // END
}

/// The value, which the caller is sure is there: the course's `{:ok, value} = result`.
///
/// # Panics
/// When it is not, with what was there instead in the message.
pub fn pattern_match_error(result: Result<i64, &'static str>) -> i64 {
    // EXERCISE 1: a pattern that may not match.
    let Ok(value) = result else { panic!("no match of the value {result:?}") };
    value
    // END
}

/// `success` for [`Status::Ok`]: the course's function has no clause for anything else.
///
/// # Panics
/// For [`Status::Error`], with the status in the message.
pub fn function_clause_error(status: Status) -> &'static str {
    // EXERCISE 1: a function that has a clause for one case only, and says so for the other.
    match status {
        Status::Ok => "success",
        Status::Error => panic!("no clause matches {status:?}"),
    }
    // END
}

/// Fails with the message `Something went wrong`.
///
/// # Panics
/// Always.
pub fn custom_error() -> ! {
    // EXERCISE 1: an error that is nothing but a text.
    panic!("Something went wrong")
    // END
}

/// Fails with an [`ArgumentError`] that says `Invalid argument`.
///
/// # Panics
/// Always: it leaves with the error as a value, which can be told by its type.
pub fn custom_error_with_type() -> ! {
    // EXERCISE 1: an error with a type of its own.
    raise(ArgumentError("Invalid argument"))
    // END
}

// The course's `ExitExamples`.

/// Ends the process as if its work were done.
pub fn normal_exit() -> ! {
    // EXERCISE 2: exits: three ways to end a process; the first says that all is well.
    exit(ExitReason::Normal)
    // END
}

/// Ends the process in an orderly way, but before its work is done: the course's `:shutdown`.
pub fn abnormal_exit() -> ! {
    // EXERCISE 2: leave with the reason of an orderly stop.
    exit(ExitReason::Shutdown)
    // END
}

/// Ends the process with the pair `("error", what)`; the course's is `database_unreachable`.
pub fn exit_with_reason(what: &'static str) -> ! {
    // EXERCISE 2: leave with a reason of your own.
    exit(ExitReason::other(("error", what)))
    // END
}

// The course's `ThrowExamples`.

/// Throws the pair `("result", value)`; the course's value is 42.
pub fn early_return(value: i32) -> ! {
    // EXERCISE 3: throws: leave with a value, for a catch further up.
    throw(("result", value))
    // END
}

/// The first number of 1 to 1000 that both 13 and 7 divide; throws [`TooHigh`] as soon as it looks
/// at a number above `limit`, which is 500 in the course.
pub fn nested_throw(limit: u32) -> Option<u32> {
    // EXERCISE 3: throw out of the middle of a search.
    (1..=1000).find(|x| {
        if *x > limit {
            throw(TooHigh);
        }
        x % 13 == 0 && x % 7 == 0
    })
    // END
}

// The course's `try` and `catch`.

/// What the body came to, in the course's words.
///
/// | the body | gives |
/// |---|---|
/// | returns | `Returned` |
/// | divides by zero | `Caught arithmetic error` |
/// | exits with `Shutdown` | `Caught exit signal` |
/// | throws a pair `("result", n)` of text and `i32` | `Caught throw: n`, as in `Caught throw: 42` |
///
/// Whatever else it does is not caught, and leaves again as it came.
pub fn tell(body: impl FnOnce()) -> String {
    // EXERCISE 4: catch by kind and value, and let through what is not meant.
    let body = || {
        body();
        "Returned".to_owned()
    };
    attempt(body)
        .catch(|caught| match &caught {
            Caught::Error(Raised::Panic(panic))
                if panic.message() == "attempt to divide by zero" =>
            {
                "Caught arithmetic error".to_owned()
            }
            Caught::Exit(ExitReason::Shutdown) => "Caught exit signal".to_owned(),
            Caught::Throw(ball) => match ball.downcast_ref::<(&str, i32)>() {
                Some(("result", value)) => format!("Caught throw: {value}"),
                _ => caught.reraise(),
            },
            _ => caught.reraise(),
        })
        .end()
    // END
}

/// The three ways to leave a computation early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mistake: a panic, or an error that was raised.
    Error,
    /// An end on purpose, and that includes the end of the work.
    Exit,
    /// A throw that nobody caught.
    Throw,
}

/// In which way a process ended that is seen with this reason.
pub fn kind_of(reason: &ExitReason) -> Kind {
    // EXERCISE 5: tell the three apart from outside, by the reason that they leave behind.
    match reason {
        ExitReason::Panic(_) | ExitReason::Error(_) => Kind::Error,
        reason if reason.downcast_ref::<NoCatch>().is_some() => Kind::Throw,
        _ => Kind::Exit,
    }
    // END
}

/// Runs the body, catches an exit, and notes `caught` and its reason, as in `caught shutdown`.
///
/// Catches nothing else.
pub async fn catch_exits(body: impl Future<Output = ()>) {
    // EXERCISE 6: catch an exit in a body that waits, and see what no catch can catch.
    attempt_async(body).await.catch_exit(|reason| note(format!("caught {reason}"))).end();
    // END
}

/// Why there is no quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DivideError {
    /// The divisor is zero.
    #[error("division by zero")]
    ByZero,
    /// The quotient is too large for its type: there is one such case.
    #[error("the quotient is too large")]
    Overflow,
}

/// [`arithmetic_error`] as a Rust engineer writes it.
///
/// # Errors
/// There is no quotient, and the caller is expected to have an answer to that.
pub fn divide(a: i64, b: i64) -> Result<i64, DivideError> {
    // EXERCISE 7: divide and search without any unwinding: what is expected is a value.
    if b == 0 {
        return Err(DivideError::ByZero);
    }
    a.checked_div(b).ok_or(DivideError::Overflow)
    // END
}

/// [`nested_throw`] as a Rust engineer writes it.
///
/// # Errors
/// The search went beyond `limit`.
pub fn find(limit: u32) -> Result<Option<u32>, TooHigh> {
    // EXERCISE 7: and an early return is a `return`.
    for x in 1..=1000 {
        if x > limit {
            return Err(TooHigh);
        }
        if x % 13 == 0 && x % 7 == 0 {
            return Ok(Some(x));
        }
    }
    Ok(None)
    // END
}
