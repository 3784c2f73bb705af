//! Drill 8.1, error, exit and throw.
//!
//! What leaves a function early is looked at with `attempt`, and what ends a process from `main`,
//! which is linked to nobody. Numbers, words and reasons are drawn from the seed of the run.

use std::future::pending;
use std::time::Duration;

use ch08_drill_01_error_types::{
    ArgumentError, DivideError, Kind, Status, TooHigh, abnormal_exit, arithmetic_error,
    catch_exits, custom_error, custom_error_with_type, divide, early_return, exit_with_reason,
    find, function_clause_error, kind_of, nested_throw, normal_exit, pattern_match_error, tell,
};
use runtime::testing::{in_process, one_of, scenario, scenario_with, settle};
use runtime::{
    Caught, ExitReason, NoCatch, PanicInfo, Process, Raised, System, Term, assert_timeline,
    attempt, exit, raise, set_label, spawn, throw,
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
const BY_ZERO: &str = "attempt to divide by zero";

/// A division by zero is an error, and its message says what happened.
///
/// Exercise: 1
/// Covers: CH8-D1-T, CH8-D1-E1, CH8-D1-I1
/// Oracle: ERR-01
#[test]
fn a_division_by_zero_is_an_error() {
    scenario_with(|seed| async move {
        let a = i64::try_from(seed % 1000).expect("it is small");
        assert_eq!(
            arithmetic_error(7 * a, 7),
            a,
            "a division that has a result gives it (see hint 1 of exercise 1)"
        );
        let error = error_of(|| {
            arithmetic_error(a, 0);
        });
        assert_eq!(
            error.message(),
            BY_ZERO,
            "the division panics by itself: do not help it (see hint 1 of exercise 1)"
        );
    });
}

/// The panic of a division has a message and no type: a clause for a type of one's own misses it.
///
/// Exercise: 1
/// Covers: CH8-D1-E1, CH8-D1-V1
/// Oracle: C8-01, ERR-02
#[test]
fn a_clause_for_a_type_that_the_division_does_not_raise_misses_it() {
    scenario(|_: Process| async {
        let as_written = attempt(|| arithmetic_error(1, 0)).rescue(|_: DivideError| 0).result();
        let Err(Caught::Error(escaped)) = as_written else {
            panic!("nothing raised a `DivideError`, and yet: {as_written:?}")
        };
        assert_eq!(escaped.message(), BY_ZERO, "it is a division (see hint 1 of exercise 1)");
        let panic = attempt(|| arithmetic_error(1, 0).to_string())
            .rescue(|panic: PanicInfo| panic.message().to_owned());
        assert_eq!(panic.end(), BY_ZERO, "what it does raise is a panic");
    });
}

/// A pattern that does not match is an error, and tells what it found.
///
/// Exercise: 1
/// Covers: CH8-D1-E2
/// Oracle: ERR-03
#[test]
fn a_pattern_that_does_not_match_is_an_error_that_tells_the_value() {
    scenario_with(|seed| async move {
        let number = i64::try_from(seed % 1000).expect("it is small");
        assert_eq!(
            pattern_match_error(Ok(number)),
            number,
            "a pattern that matches gives the value (see hint 2 of exercise 1)"
        );
        let found = one_of(seed, ["failed", "no such file", "timed out"]);
        let error = error_of(|| {
            pattern_match_error(Err(found));
        });
        assert!(
            error.message().contains(&format!("{found:?}")),
            "the message is to tell what was there in place of the value, {found:?}; it says {:?} \
             (see hint 2 of exercise 1)",
            error.message()
        );
    });
}

/// A function that is called with what it has no clause for fails, and tells with what.
///
/// Exercise: 1
/// Covers: CH8-D1-E3
/// Oracle: ERR-04
#[test]
fn a_call_that_no_clause_matches_is_an_error() {
    scenario(|_: Process| async {
        assert_eq!(
            function_clause_error(Status::Ok),
            "success",
            "there is a clause for `Ok` (see hint 2 of exercise 1)"
        );
        let error = error_of(|| {
            function_clause_error(Status::Error);
        });
        assert!(
            error.message().contains("Error"),
            "the message is to tell which status had no clause; it says {:?} (see hint 2 of \
             exercise 1)",
            error.message()
        );
    });
}

/// An error may be a text, or a value with a type that a rescue can ask for.
///
/// Exercise: 1
/// Covers: CH8-D1-E4, CH8-D1-E5, CH8-WSUM-01
/// Oracle: ERR-05
#[test]
fn an_error_of_ones_own_keeps_its_message_and_its_type() {
    scenario(|_: Process| async {
        let text = error_of(|| custom_error());
        assert_eq!(
            text.message(),
            "Something went wrong",
            "an error that is a text has it as its message (see hint 3 of exercise 1)"
        );
        let typed = error_of(|| custom_error_with_type());
        assert_eq!(
            typed.downcast::<ArgumentError>().ok(),
            Some(ArgumentError("Invalid argument")),
            "an error with a type is caught as the value that was raised: a panic has no type (see \
             hint 3 of exercise 1)"
        );
    });
}

/// An exit carries its reason, and that is any value that one likes.
///
/// Exercise: 2
/// Covers: CH8-D1-E6, CH8-D1-E7, CH8-D1-E8, CH8-WSUM-01
/// Oracle: ERR-06
#[test]
fn an_exit_carries_its_reason() {
    scenario_with(|seed| async move {
        assert_eq!(
            exit_of(|| normal_exit()),
            ExitReason::Normal,
            "an exit may say that all is well (see hint 1 of exercise 2)"
        );
        assert_eq!(
            exit_of(|| abnormal_exit()),
            ExitReason::Shutdown,
            "an orderly stop has a reason of its own (see hint 2 of exercise 2)"
        );
        let what = one_of(seed, ["database_unreachable", "disk_full", "no_route"]);
        assert_eq!(
            exit_of(|| exit_with_reason(what)),
            ExitReason::other(("error", what)),
            "a reason may be a value with parts (see hint 3 of exercise 2)"
        );
    });
}

/// To a process, an exit is its end, with this very reason.
///
/// Exercise: 2
/// Covers: CH8-D1-E6, CH8-D1-E7, CH8-D1-E8, CH8-D1-I1
/// Oracle: ERR-11
#[test]
fn an_exit_ends_its_process_with_this_reason() {
    scenario_with(|seed| async move {
        let what = one_of(seed, ["database_unreachable", "disk_full", "no_route"]);
        let ends = [
            in_process("normal", |_: Process| async { normal_exit() }).await,
            in_process("shutdown", |_: Process| async { abnormal_exit() }).await,
            in_process("reason", move |_: Process| async move { exit_with_reason(what) }).await,
        ];
        let reasons =
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::other(("error", what))];
        assert_eq!(
            ends.map(Result::<(), _>::unwrap_err),
            reasons,
            "what nobody catches ends the process, and others see the reason (see hint 3 of \
             exercise 2)"
        );
    });
}

/// A throw carries a value out of the function, to whoever catches it by its type.
///
/// Exercise: 3
/// Covers: CH8-D1-E9, CH8-WSUM-01
/// Oracle: ERR-07
#[test]
fn a_throw_carries_its_value_to_a_catch() {
    scenario_with(|seed| async move {
        let value = i32::try_from(seed % 1000).expect("it is small");
        let caught = attempt(|| -> i32 { early_return(value) })
            .catch_throw(
                |(tag, value): (&'static str, i32)| if tag == "result" { value } else { -1 },
            )
            .result()
            .ok();
        assert_eq!(
            caught,
            Some(value),
            "the pair `(\"result\", {value})` was to be thrown (see hint 1 of exercise 3)"
        );
    });
}

/// The course's search never throws: it has found 91 long before it looks at 501.
///
/// Exercise: 3
/// Covers: CH8-D1-E10
/// Oracle: C8-02, ERR-07
#[test]
fn the_courses_search_finds_91_and_never_throws() {
    scenario(|_: Process| async {
        for limit in [500, 91] {
            assert_eq!(
                attempt(|| nested_throw(limit)).result().ok(),
                Some(Some(91)),
                "13 and 7 divide 91, and no number before it; the limit is {limit} (see hint 2 of \
                 exercise 3)"
            );
        }
    });
}

/// With a limit below 91 the throw leaves the search in its middle.
///
/// Exercise: 3
/// Covers: CH8-D1-E10
/// Oracle (defect): C8-02
#[test]
fn a_throw_leaves_the_search_at_its_limit() {
    scenario_with(|seed| async move {
        let limit = one_of(seed, [90, 0, 42]);
        // A zero is nothing that a search from 1 on could find.
        let came_to = attempt(|| nested_throw(limit)).catch_throw(|TooHigh| Some(0)).result();
        assert!(
            matches!(came_to, Ok(Some(0))),
            "above {limit} the search is to be left with a throw of `TooHigh`; it came to \
             {came_to:?} (see hint 3 of exercise 3)"
        );
    });
}

/// The course's three catches, each by kind and by what it carries.
///
/// Exercise: 4
/// Covers: CH8-D1-T, CH8-D1-V1, CH8-D1-V2, CH8-D1-V3, CH8-CHK-01
/// Oracle (defect): C8-01
#[test]
fn each_kind_is_caught_and_told() {
    scenario_with(|seed| async move {
        let number = i32::try_from(seed % 1000).expect("it is small");
        let divides = move || {
            std::hint::black_box(number / std::hint::black_box(0));
        };
        let told = [
            tell(|| {}),
            tell(divides),
            tell(|| exit(ExitReason::Shutdown)),
            tell(move || throw(("result", number))),
        ];
        let words = [
            "Returned".to_owned(),
            "Caught arithmetic error".to_owned(),
            "Caught exit signal".to_owned(),
            format!("Caught throw: {number}"),
        ];
        assert_eq!(told, words, "each kind has its clause (see hints 1 and 2 of exercise 4)");
    });
}

/// A catch names what it means: another error, exit or throw is none of its business.
///
/// Exercise: 4
/// Covers: CH8-D1-V1, CH8-D1-V2, CH8-D1-V3
#[test]
fn what_is_not_meant_is_not_caught() {
    scenario_with(|seed| async move {
        let rule = |what: &str| {
            format!(
                "{what} is not what the course catches: let it leave again (see hint 3 of exercise 4)"
            )
        };
        let left = attempt(move || drop(tell(move || panic!("disk {seed} is full")))).result();
        let Err(Caught::Error(panic)) = left else {
            panic!("{}; it came to {left:?}", rule("another panic"))
        };
        assert_eq!(panic.message(), format!("disk {seed} is full"), "{}", rule("another panic"));
        let left = attempt(|| drop(tell(|| raise(ArgumentError("Invalid argument"))))).result();
        let Err(Caught::Error(raised)) = left else {
            panic!("{}; it came to {left:?}", rule("an error with a type"))
        };
        assert_eq!(
            raised.downcast::<ArgumentError>().ok(),
            Some(ArgumentError("Invalid argument")),
            "{}",
            rule("an error with a type")
        );
        for reason in [ExitReason::Normal, ExitReason::other("shutdown"), ExitReason::Killed] {
            let left = attempt(|| drop(tell(|| exit(reason.clone())))).result();
            let Err(Caught::Exit(left)) = left else {
                panic!("{}; it came to {left:?}", rule("an exit with another reason"))
            };
            assert_eq!(left, reason, "{}", rule("an exit with another reason"));
        }
        for ball in [Term::new(("error", 42)), Term::new(TooHigh), Term::new(42)] {
            let left = attempt(|| drop(tell(|| throw(ball.clone())))).result();
            let Err(Caught::Throw(left)) = left else {
                panic!("{}; it came to {left:?}", rule("a throw of another value"))
            };
            assert_eq!(left, ball, "{}", rule("a throw of another value"));
        }
    });
}

/// What nobody catches ends the process, and the reason still says in which way.
///
/// Exercise: 5
/// Covers: CH8-D1-T, CH8-D1-I1, CH8-CHK-01
/// Oracle: ERR-11
#[test]
fn a_reason_tells_in_which_way_a_process_ended() {
    scenario_with(|seed| async move {
        let expected = [
            (ending(async { panic!("Something went wrong") }).await, Kind::Error, "a panic"),
            (ending(async { raise(ArgumentError("x")) }).await, Kind::Error, "a raised error"),
            (ending(async { exit(ExitReason::Normal) }).await, Kind::Exit, "an exit, normal"),
            (ending(async { exit(ExitReason::Shutdown) }).await, Kind::Exit, "an exit, shutdown"),
            (ending(async move { exit(ExitReason::other(seed)) }).await, Kind::Exit, "an exit"),
            (ending(async {}).await, Kind::Exit, "the end of the work"),
            (ending(async move { throw(("result", seed)) }).await, Kind::Throw, "a throw"),
        ];
        for (reason, kind, what) in expected {
            assert_eq!(
                kind_of(&reason),
                kind,
                "{what} left the reason `{reason}` behind (see hints 2 and 3 of exercise 5)"
            );
        }
    });
}

/// The three, as the rest of a system sees them.
///
/// Exercise: 5
/// Covers: CH8-D1-T, CH8-D1-I1
/// Oracle: ERR-11
#[test]
fn error_exit_and_throw_end_three_processes_in_three_ways() {
    scenario(|_: Process| async {
        let history = System::current().record();
        let lives = [
            spawn(life("error", || {
                arithmetic_error(1, 0);
            })),
            spawn(life("typed", || custom_error_with_type())),
            spawn(life("exit", || abnormal_exit())),
            spawn(life("reason", || exit_with_reason("database_unreachable"))),
            spawn(life("throw", || early_return(42))),
        ];
        let ends = lives.map(|life| life.join());
        let mut kinds = Vec::new();
        for end in ends {
            kinds.push(kind_of(&end.await));
        }
        assert_eq!(
            kinds,
            [Kind::Error, Kind::Error, Kind::Exit, Kind::Exit, Kind::Throw],
            "two errors, two exits and a throw (see hints 2 and 3 of exercise 5)"
        );
        assert_timeline!(
            history.trace(),
            r#"
        0ms       1s
error   ├─────────╳   panic: attempt to divide by zero
typed   ├─────────╳   error: Invalid argument
exit    ├─────────■   shutdown
reason  ├─────────╳   ("error", "database_unreachable")
throw   ├─────────╳   NoCatch(("result", 42))
"#,
            "each way of leaving has left a reason of its own (see exercises 1, 2 and 3)"
        );
    });
}

/// An exit is raised by the process itself, so the process itself can catch it.
///
/// Exercise: 6
/// Covers: CH8-D1-V2
/// Oracle: ERR-06
#[test]
fn an_exit_is_caught_where_it_was_raised() {
    scenario_with(|seed| async move {
        let reason = one_of(seed, [ExitReason::Shutdown, ExitReason::other(("error", seed))]);
        let history = System::current().record();
        let raised = reason.clone();
        let worker = in_process("worker", |_: Process| {
            catch_exits(async {
                sleep(SECOND).await;
                exit(raised)
            })
        });
        assert_eq!(
            worker.await,
            Ok(()),
            "who catches its own exit lives on (see hint 2 of exercise 6)"
        );
        assert_timeline!(
            history.trace(),
            &format!(
                "
        0ms       1s
worker  ├─────────■   \"caught {reason}\"; normal
"
            ),
            "the exit was caught, and noted (see hint 3 of exercise 6)"
        );
    });
}

/// An exit signal comes from outside, and no catch stops it: the course's words are wrong.
///
/// Exercise: 6
/// Covers: CH8-D1-V2
/// Oracle: ERR-10
#[test]
fn an_exit_signal_is_caught_by_no_catch() {
    scenario(|_: Process| async {
        let history = System::current().record();
        let worker = spawn(async {
            set_label("worker").expect("it is a process");
            catch_exits(pending()).await;
        });
        let end = worker.join();
        sleep(SECOND).await;
        worker.exit(ExitReason::Shutdown);
        assert_eq!(
            end.await,
            ExitReason::Shutdown,
            "the signal ends the worker while it waits, in the middle of its `attempt_async` (see \
             hint 1 of exercise 6)"
        );
        settle().await;
        assert_timeline!(
            history.trace(),
            "
        0ms       1s
worker  ├─────────■   shutdown
",
            "nothing was caught, so nothing is noted (see hint 1 of exercise 6)"
        );
    });
}

/// A clause for exits is no clause for errors and throws.
///
/// Exercise: 6
/// Covers: CH8-D1-T
/// Oracle: ERR-12
#[test]
fn a_clause_for_exits_lets_errors_and_throws_pass() {
    scenario_with(|seed| async move {
        let throws = in_process("throws", move |_: Process| {
            catch_exits(async move { throw(("result", seed)) })
        });
        assert_eq!(
            throws.await,
            Err(ExitReason::other(NoCatch(Term::new(("result", seed))))),
            "a throw is no exit (see hint 2 of exercise 6)"
        );
        let raises = in_process("raises", |_: Process| {
            catch_exits(async { raise(ArgumentError("Invalid argument")) })
        });
        assert_eq!(
            raises.await,
            Err(ExitReason::error(ArgumentError("Invalid argument"))),
            "an error is no exit (see hint 2 of exercise 6)"
        );
    });
}

/// In Rust, a failure that is expected is a value, with a type that names each case.
///
/// Exercise: 7
/// Covers: CH8-D1-V1
/// Oracle (defect): C8-01
#[test]
fn a_division_that_has_no_result_is_a_value() {
    scenario_with(|seed| async move {
        let a = i64::try_from(seed % 1000).expect("it is small");
        let divided = |a, b| attempt(|| divide(a, b)).result().ok();
        assert_eq!(
            divided(7 * a, 7),
            Some(Ok(a)),
            "there is a quotient (see hint 1 of exercise 7)"
        );
        assert_eq!(
            divided(a, 0),
            Some(Err(DivideError::ByZero)),
            "nothing panics: look at the divisor first (see hint 1 of exercise 7)"
        );
        assert_eq!(
            divided(i64::MIN, -1),
            Some(Err(DivideError::Overflow)),
            "there is one quotient that does not fit, and `/` panics of it, too (see hint 2 of \
             exercise 7)"
        );
    });
}

/// In Rust, an early return is a `return`, and says in the type that it may come.
///
/// Exercise: 7
/// Covers: CH8-D1-E10, CH8-D1-I1
/// Oracle (defect): C8-02
#[test]
fn a_search_that_goes_too_far_is_a_value() {
    scenario_with(|seed| async move {
        let far = one_of(seed, [500, 91, 2000]);
        assert_eq!(
            attempt(|| find(far)).result().ok(),
            Some(Ok(Some(91))),
            "with the limit {far} the search finds 91 (see hint 3 of exercise 7)"
        );
        let near = one_of(seed, [90, 0, 42]);
        assert_eq!(
            attempt(|| find(near)).result().ok(),
            Some(Err(TooHigh)),
            "with the limit {near} the search comes to an error, and nothing is thrown (see hint 3 \
             of exercise 7)"
        );
    });
}

/// The error with which a body leaves.
#[track_caller]
fn error_of(body: impl FnOnce()) -> Raised {
    match attempt(body).result() {
        Err(Caught::Error(raised)) => raised,
        other => panic!("an error was to leave, and it came to {other:?}"),
    }
}

/// The reason of the exit with which a body leaves.
#[track_caller]
fn exit_of(body: impl FnOnce()) -> ExitReason {
    match attempt(body).result() {
        Err(Caught::Exit(reason)) => reason,
        other => panic!("an exit was to leave, and it came to {other:?}"),
    }
}

/// The reason with which a process ends that runs this body.
async fn ending(body: impl Future<Output = ()> + Send + 'static) -> ExitReason {
    spawn(body).join().await
}

/// A process that lives for a second, and then leaves in this way.
async fn life(label: &'static str, leave: fn()) {
    set_label(label).expect("it is a process");
    sleep(SECOND).await;
    leave();
}
