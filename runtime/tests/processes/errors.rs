//! Error, exit and throw, and what an attempt does about them.

use std::fmt;
use std::future::pending;
use std::hint::black_box;
use std::num::ParseIntError;

use crate::common::{Dropped, Log, NOTHING, assert_panic, drain, ms};
use runtime::testing::{scenario, settle};
use runtime::{
    Attempt, Caught, ExitReason, Message, NoCatch, PanicInfo, Process, Raised, Term, attempt,
    attempt_async, exit, raise, throw,
};
use tokio::time::sleep;

/// Elixir's `RuntimeError`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
struct RuntimeError(&'static str);

/// Elixir's `ArgumentError`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
struct ArgumentError(&'static str);

/// Elixir's `ArithmeticError`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("bad argument in arithmetic expression")]
struct ArithmeticError;

/// Hidden from the compiler, which would refuse a division by a known zero.
fn divide(a: i64, b: i64) -> i64 {
    black_box(a) / black_box(b)
}

/// The kind and the value of what left: `error boom`, `exit normal`, `throw 7`; or `ok` and the
/// value.
fn outcome<T: fmt::Debug>(attempt: Attempt<T>) -> String {
    match attempt.result() {
        Ok(value) => format!("ok {value:?}"),
        Err(Caught::Error(raised)) => format!("error {}", raised.message()),
        Err(Caught::Exit(reason)) => format!("exit {reason}"),
        Err(Caught::Throw(term)) => format!("throw {term:?}"),
    }
}

#[track_caller]
fn panic_of(attempt: Attempt<impl fmt::Debug>) -> PanicInfo {
    match attempt.result() {
        Err(Caught::Error(Raised::Panic(info))) => (*info).clone(),
        other => panic!("not a panic: {other:?}"),
    }
}

// --- Errors.

/// A division by zero is an error: a panic with its message and its place.
///
/// Oracle: ERR-01
#[test]
fn a_division_by_zero_is_caught_as_an_error() {
    scenario(|_: Process| async {
        let info = panic_of(attempt(|| divide(1, 0)));
        assert_eq!(info.message(), "attempt to divide by zero");
        assert_eq!(info.place().unwrap().file, file!());
    });
}

/// Rescued, it is a value with a type of its own, whose text is the message.
///
/// Oracle: ERR-02
#[test]
fn a_division_by_zero_is_rescued_as_a_panic() {
    scenario(|_: Process| async {
        let text = attempt(|| divide(1, 0).to_string())
            .rescue(|info: PanicInfo| format!("rescued: {}", info.message()))
            .end();
        assert_eq!(text, "rescued: attempt to divide by zero");
    });
}

/// A pattern that does not match is an error with the value in its message, caught and rescued.
///
/// Oracle: ERR-03
#[test]
fn a_pattern_that_does_not_match_is_an_error_with_the_value() {
    fn assert_ok(result: Result<i32, &'static str>) -> i32 {
        black_box(result).unwrap()
    }

    scenario(|_: Process| async {
        let message = r#"called `Result::unwrap()` on an `Err` value: "failed""#;
        let info = panic_of(attempt(|| assert_ok(Err("failed"))));
        assert_eq!(info.message(), message);
        let rescued = attempt(|| assert_ok(Err("failed")).to_string())
            .rescue(|info: PanicInfo| info.message().to_owned());
        assert_eq!(rescued.end(), message);

        let info = panic_of(attempt(|| {
            let Ok(n) = black_box(Err::<i32, _>("failed")) else { panic!("no match") };
            n
        }));
        assert_eq!((info.message(), &*info.place().unwrap().file), ("no match", file!()));
    });
}

/// What is raised is what is caught: a text, and a value of a type of its own.
///
/// Oracle: ERR-05
#[test]
fn a_raised_error_is_caught_as_the_value_that_it_is() {
    scenario(|_: Process| async {
        let text = attempt(|| -> () { raise(RuntimeError("boom")) }).result().unwrap_err();
        let Caught::Error(raised) = text else { panic!("not an error: {text}") };
        assert_eq!(raised.downcast::<RuntimeError>().unwrap(), RuntimeError("boom"));

        let typed = attempt(|| -> () { raise(ArgumentError("bad")) }).result().unwrap_err();
        assert_eq!(typed.to_string(), "error: bad");
        let Caught::Error(raised) = typed else { panic!("not an error: {typed}") };
        let raised = raised.downcast::<RuntimeError>().unwrap_err();
        assert_eq!(raised.downcast::<ArgumentError>().unwrap(), ArgumentError("bad"));
    });
}

/// A rescue may look for a type inside of an error's context, and takes the whole chain.
#[test]
fn a_rescue_finds_an_error_under_its_context() {
    scenario(|_: Process| async {
        let fail =
            || -> String { raise(anyhow::Error::new(ArgumentError("bad")).context("saving")) };
        let typed = attempt(fail).rescue(|error: ArgumentError| error.to_string());
        assert_eq!(typed.end(), "bad");
        let all = attempt(fail).rescue_any(|raised| raised.to_string());
        assert_eq!(all.end(), "saving: bad");
    });
}

// --- Exits and throws.

/// An exit is caught as an exit, with its reason.
///
/// Oracle: ERR-06
#[test]
fn an_exit_is_caught_with_its_reason() {
    scenario(|_: Process| async {
        let reasons =
            [ExitReason::Normal, ExitReason::Shutdown, ExitReason::other(("error", "db"))];
        for reason in reasons {
            let thrown = reason.clone();
            match attempt(|| -> () { exit(thrown) }).result() {
                Err(Caught::Exit(caught)) => assert_eq!(caught, reason),
                other => panic!("not an exit: {other:?}"),
            }
        }
    });
}

/// A throw is caught as a throw, and leaves the loops that it was thrown in.
///
/// Oracle: ERR-07
#[test]
fn a_throw_leaves_the_loops_that_it_was_thrown_in() {
    scenario(|_: Process| async {
        let thrown = attempt(|| -> () { throw(("result", 42)) }).result().unwrap_err();
        let Caught::Throw(term) = &thrown else { panic!("not a throw: {thrown}") };
        assert_eq!(term.downcast_ref::<(&str, i32)>(), Some(&("result", 42)));

        let find = |limit: i32| {
            attempt(move || {
                let found = (1..=1000).find(|n| {
                    if *n > limit {
                        throw(*n);
                    }
                    n % 7 == 0 && n / 7 == 13
                });
                found.unwrap()
            })
        };
        assert_eq!(find(500).result().unwrap(), 91);
        assert_eq!(find(50).catch_throw(|n: i32| -n).end(), -51);
    });
}

/// A throw is taken by the clause for its type, and passes one for another type.
#[test]
fn a_throw_is_caught_by_its_type() {
    scenario(|_: Process| async {
        let caught = attempt(|| -> String { throw(7_i32) })
            .catch_throw(|n: u8| format!("a byte: {n}"))
            .catch_throw(|n: i32| format!("a number: {n}"))
            .catch(|_| "anything".to_owned());
        assert_eq!(caught.end(), "a number: 7");
    });
}

// --- After.

/// An `after` runs whatever happens, and its value is dropped.
///
/// Oracle: ERR-08
#[test]
fn an_after_runs_whatever_happens() {
    scenario(|_: Process| async {
        let log = Log::default();
        let run = |body: fn() -> &'static str| {
            outcome(attempt(body).after(|| {
                log.add("after");
                "not the value"
            }))
        };
        let results = [
            run(|| "fine"),
            run(|| raise(RuntimeError("x"))),
            run(|| throw("t")),
            run(|| exit(ExitReason::other("e"))),
        ];
        assert_eq!(results, [r#"ok "fine""#, "error x", r#"throw "t""#, r#"exit "e""#]);
        assert_eq!(log.lines(), ["after"; 4]);
    });
}

/// What an attempt does not catch leaves it only after its `after`; `Drop` had run before.
#[test]
fn an_after_runs_before_anything_leaves() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (it, _) = me.spawn_monitor(async move {
            attempt(|| {
                let _held = Dropped(lines.clone(), "drop");
                exit(ExitReason::other("left"))
            })
            .rescue_any(|_| lines.add("rescue"))
            .after(|| lines.add("after"))
            .end();
            lines.add("not reached");
        });
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, [r#"DOWN it "left""#]);
        assert_eq!(log.lines(), ["drop", "after"]);
    });
}

/// A process that is killed inside of an attempt is gone: its `after` does not run. `Drop` does.
///
/// Oracle: ERR-09
#[test]
fn a_kill_runs_no_after() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (it, _) = me.spawn_monitor(async move {
            let _held = Dropped(lines.clone(), "dropped");
            let attempt = attempt_async(pending::<()>()).await;
            attempt.after(|| lines.add("after")).end();
        });
        settle().await;
        it.kill();
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, ["DOWN it killed"]);
        assert_eq!(log.lines(), ["dropped"]);
    });
}

/// An exit signal is not an exit: nothing catches it inside of the process.
///
/// Oracle: ERR-10
#[test]
fn an_exit_signal_cannot_be_caught_by_an_attempt() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let lines = log.clone();
        let (it, _) = me.spawn_monitor(async move {
            let attempt = attempt_async(pending::<()>()).await;
            attempt
                .rescue_any(|_| lines.add("rescue"))
                .catch_exit(|_| lines.add("catch exit"))
                .catch(|_| lines.add("catch"))
                .after(|| lines.add("after"))
                .end();
        });
        settle().await;
        it.exit(ExitReason::Shutdown);
        assert_eq!(drain(&mut me, &[("it", it.pid())]).await, ["DOWN it shutdown"]);
        assert_eq!(log.lines(), NOTHING);
    });
}

// --- What nobody catches.

/// What a process does not catch is the reason with which it ends.
///
/// Covers: RT-ERR-01, RT-ERR-02
/// Oracle: ERR-11
#[test]
fn what_a_process_does_not_catch_is_its_exit_reason() {
    async fn reason(me: &mut Process) -> ExitReason {
        match me.receive().await {
            Message::Down(down) => down.reason,
            other => panic!("not a DOWN: {other:?}"),
        }
    }

    scenario(|mut me: Process| async move {
        me.spawn_monitor(async { panic!("boom") });
        assert_panic(&reason(&mut me).await, "boom", file!());

        me.spawn_monitor(async { raise(RuntimeError("boom")) });
        let raised = reason(&mut me).await;
        let error = raised.as_error().and_then(|error| error.downcast_ref::<RuntimeError>());
        assert_eq!(error, Some(&RuntimeError("boom")));

        me.spawn_monitor(async {
            divide(1, 0);
        });
        assert_panic(&reason(&mut me).await, "attempt to divide by zero", file!());

        me.spawn_monitor(async { throw("ball") });
        assert_eq!(reason(&mut me).await, ExitReason::other(NoCatch(Term::new("ball"))));

        me.spawn_monitor(async { exit(ExitReason::other(("a", 1))) });
        assert_eq!(reason(&mut me).await, ExitReason::other(("a", 1)));

        me.spawn_monitor(async {});
        assert_eq!(reason(&mut me).await, ExitReason::Normal);

        assert_eq!(drain(&mut me, &[]).await, NOTHING);
    });
}

/// What was caught stands for the reason with which the process would have ended.
#[test]
fn what_was_caught_knows_the_exit_reason_that_it_would_have_been() {
    scenario(|_: Process| async {
        let reason = |body: fn()| attempt(body).result().unwrap_err().into_exit_reason();
        assert_panic(&reason(|| panic!("boom")), "boom", file!());
        assert_eq!(reason(|| raise(RuntimeError("x"))), ExitReason::error(RuntimeError("x")));
        assert_eq!(reason(|| throw("t")), ExitReason::other(NoCatch(Term::new("t"))));
        assert_eq!(reason(|| exit(ExitReason::Shutdown)), ExitReason::Shutdown);
    });
}

// --- Clauses.

/// A rescue is for errors: exits and throws pass it.
///
/// Oracle: ERR-12
#[test]
fn a_rescue_takes_neither_exits_nor_throws() {
    scenario(|_: Process| async {
        let run = |body: fn() -> &'static str| {
            outcome(attempt(body).rescue_any(|_| "rescued").rescue(|_: PanicInfo| "rescued"))
        };
        assert_eq!(run(|| exit(ExitReason::other("e"))), r#"exit "e""#);
        assert_eq!(run(|| throw("t")), r#"throw "t""#);
        assert_eq!(run(|| panic!("p")), r#"ok "rescued""#);
    });
}

/// The clause for one kind passes the other kinds.
#[test]
fn a_clause_takes_its_own_kind_alone() {
    scenario(|_: Process| async {
        let exits = |body: fn() -> i32| outcome(attempt(body).catch_exit(|_| 0));
        let throws = |body: fn() -> i32| outcome(attempt(body).catch_throw(|_: i32| 0));
        assert_eq!(exits(|| throw(1)), "throw 1");
        assert_eq!(exits(|| panic!("p")), "error p");
        assert_eq!(exits(|| exit(ExitReason::Kill)), "ok 0");
        assert_eq!(throws(|| exit(ExitReason::Kill)), "exit kill");
        assert_eq!(throws(|| panic!("p")), "error p");
        assert_eq!(throws(|| throw(1)), "ok 0");
    });
}

/// What goes on when nothing left early is not protected by the same attempt; its `after` runs.
///
/// Oracle: ERR-13
#[test]
fn an_error_in_the_otherwise_is_not_caught_by_its_attempt() {
    scenario(|_: Process| async {
        let log = Log::default();
        let outer = attempt(|| {
            attempt(|| "fine")
                .otherwise(|_| raise(RuntimeError("in else")))
                .rescue_any(|_| "rescued")
                .catch(|_| "caught")
                .after(|| log.add("after"))
                .end()
        });
        assert_eq!(outcome(outer), "error in else");
        assert_eq!(log.lines(), ["after"]);
    });
}

/// It is passed over when something left early.
#[test]
fn an_otherwise_is_passed_over_when_something_was_caught() {
    scenario(|_: Process| async {
        let value = attempt(|| raise(RuntimeError("x"))).rescue_any(|_| 1).otherwise(|n| n + 10);
        assert_eq!(value.end(), 1);
        let value = attempt(|| 2).otherwise(|n| n + 10).catch(|_| 0);
        assert_eq!(value.end(), 12);
    });
}

/// Rescue and catch stand side by side, and the first clause that fits is taken.
///
/// Covers: RT-ERR-03
/// Oracle: ERR-14
#[test]
fn rescue_and_catch_stand_side_by_side() {
    scenario(|_: Process| async {
        let run = |body: fn() -> String| {
            attempt(body)
                .rescue(|error: RuntimeError| format!("rescued {}", error.0))
                .catch(|caught| format!("caught {caught}"))
                .end()
        };
        assert_eq!(run(|| raise(RuntimeError("r"))), "rescued r");
        assert_eq!(run(|| exit(ExitReason::other("x"))), r#"caught exit: "x""#);
        assert_eq!(run(|| throw("y")), r#"caught throw: "y""#);
        assert_eq!(run(|| raise(ArgumentError("q"))), "caught error: q");
    });
}

/// What a clause raises is not caught by the clauses beside it.
#[test]
fn an_error_in_a_clause_is_not_caught_by_its_neighbours() {
    scenario(|_: Process| async {
        let attempt = attempt(|| raise(RuntimeError("first")))
            .rescue_any(|_| raise(RuntimeError("in the clause")))
            .rescue_any(|_| "neighbour")
            .catch(|_| "neighbour");
        assert_eq!(outcome(attempt), "error in the clause");
    });
}

/// What an `after` raises takes the place of what was on its way.
///
/// Oracle: ERR-15
#[test]
fn an_error_in_the_after_replaces_the_one_that_was_on_its_way() {
    scenario(|_: Process| async {
        let outer = attempt(|| {
            attempt(|| -> () { raise(RuntimeError("first")) })
                .after(|| raise(RuntimeError("second")))
                .end();
        });
        assert_eq!(outcome(outer), "error second");
    });
}

/// A clause for an error's type does not take a panic, which has no such type: a division by zero
/// leaves a function that meant to handle it.
///
/// Oracle: ERR-16
#[test]
fn a_clause_for_an_error_type_lets_a_panic_through() {
    fn safe_divide(a: i64, b: i64) -> Result<i64, &'static str> {
        attempt(|| Ok(divide(a, b))).rescue(|_: ArithmeticError| Err("division_by_zero")).end()
    }

    scenario(|_: Process| async {
        assert_eq!(safe_divide(6, 3), Ok(2));
        let info = panic_of(attempt(|| safe_divide(1, 0)));
        assert_eq!(info.message(), "attempt to divide by zero");
        assert_eq!(info.place().unwrap().file, file!());
    });
}

/// The same with text that is no number: the panic of `unwrap` is not the error inside of it. Exits
/// and throws are taken by their clauses.
///
/// Oracle: ERR-17
#[test]
fn a_clause_for_an_error_type_lets_the_panic_of_an_unwrap_through() {
    fn parse_and_process(text: &'static str) -> Result<i64, String> {
        attempt(|| match text.parse::<i64>().unwrap() {
            n if n < 0 => exit(ExitReason::other("negative_value")),
            n if n > 100 => throw("too_large"),
            n => Ok(n * 2),
        })
        .rescue(|_: ParseIntError| Err("invalid_format".to_owned()))
        .catch_throw(|why: &str| Err(format!("thrown {why}")))
        .catch_exit(|reason| Err(format!("process exited {reason}")))
        .end()
    }

    scenario(|_: Process| async {
        let info = panic_of(attempt(|| parse_and_process("abc")));
        assert!(info.message().contains("ParseIntError { kind: InvalidDigit }"), "{info}");
        assert_eq!(parse_and_process("500"), Err("thrown too_large".to_owned()));
        assert_eq!(parse_and_process("-1"), Err(r#"process exited "negative_value""#.to_owned()));
        assert_eq!(parse_and_process("21"), Ok(42));
    });
}

/// What is raised again keeps its kind and its value; the `after` comes after it.
///
/// Oracle: ERR-18
#[test]
fn what_is_raised_again_keeps_its_kind_and_value() {
    scenario(|_: Process| async {
        let log = Log::default();
        let outer = attempt(|| {
            attempt(|| -> () { raise(RuntimeError("orig")) })
                .rescue_any(|raised| {
                    log.add("rescue");
                    Caught::Error(raised).reraise()
                })
                .after(|| log.add("after"))
                .end();
        });
        let Err(Caught::Error(raised)) = outer.result() else { panic!("not an error") };
        assert_eq!(raised.downcast::<RuntimeError>().unwrap(), RuntimeError("orig"));
        assert_eq!(log.lines(), ["rescue", "after"]);
    });
}

/// Whatever is raised again is what it was, and a panic keeps its first place, also as the reason
/// of the process that it ends.
///
/// Covers: RT-ERR-04
#[test]
fn a_panic_that_is_raised_again_keeps_its_place() {
    scenario(|mut me: Process| async move {
        for body in [|| throw(7), || exit(ExitReason::Shutdown)] as [fn(); 2] {
            let again = outcome(attempt(|| attempt(body).catch(|caught| caught.reraise()).end()));
            assert_eq!(again, outcome(attempt(body)));
        }

        let line = line!() + 1;
        let fail = || panic!("first");
        let again = panic_of(attempt(|| attempt(fail).catch(|caught| caught.reraise()).end()));
        assert_eq!((again.message(), again.place().unwrap().line), ("first", line));

        me.spawn_monitor(async move { attempt(fail).end() });
        let Message::Down(down) = me.receive().await else { panic!("not a DOWN") };
        assert_panic(&down.reason, "first", file!());
        assert_eq!(down.reason.as_panic().unwrap().place().unwrap().line, line);
    });
}

// --- Attempts that wait.

/// An attempt of a future catches what leaves it before and after it waits.
#[test]
fn an_attempt_of_a_future_catches_what_leaves_it_after_an_await() {
    scenario(|_: Process| async {
        let fine = attempt_async(async {
            sleep(ms(10)).await;
            1
        });
        assert_eq!(outcome(fine.await), "ok 1");
        for wait in [0, 10] {
            let error = attempt_async(async {
                sleep(ms(wait)).await;
                divide(1, 0)
            });
            let info = panic_of(error.await);
            assert_eq!(info.message(), "attempt to divide by zero");
            assert_eq!(info.place().unwrap().file, file!());
            let exits = attempt_async(async {
                sleep(ms(wait)).await;
                exit(ExitReason::Shutdown)
            });
            assert_eq!(exits.await.catch_exit(|reason| reason.to_string()).end(), "shutdown");
            let throws = attempt_async(async {
                sleep(ms(wait)).await;
                throw(7)
            });
            assert_eq!(throws.await.catch_throw(|n: i32| n).end(), 7);
        }
    });
}

/// An attempt lets the process receive, and be what it is.
#[test]
fn a_process_may_receive_inside_of_an_attempt() {
    scenario(|mut me: Process<i64>| async move {
        for divisor in [5, 0] {
            me.address().send(divisor);
            let received = attempt_async(async {
                let divisor = me.receive().await.into_user().unwrap();
                divide(10, divisor)
            });
            let value = received.await.rescue(|_: PanicInfo| -1).end();
            assert_eq!(value, if divisor == 0 { -1 } else { 2 });
        }
    });
}

/// Attempts nest: the inner one has the first word.
#[test]
fn attempts_nest() {
    scenario(|_: Process| async {
        let log = Log::default();
        let value = attempt(|| {
            attempt(|| -> i32 { throw("inner") })
                .catch_throw(|_: &str| exit(ExitReason::other("outer")))
                .after(|| log.add("inner after"))
                .end()
        })
        .catch_exit(|reason| {
            log.add(reason.to_string());
            5
        })
        .after(|| log.add("outer after"))
        .end();
        assert_eq!(value, 5);
        assert_eq!(log.lines(), ["inner after", r#""outer""#, "outer after"]);
    });
}
