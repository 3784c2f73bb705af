//! Drill 8.2, try, catch and rescue.
//!
//! Numbers, words and the contents of files are drawn from the seed of the run. Files are real ones,
//! in a folder that goes with the test.

use std::fmt;
use std::fs;
use std::future::pending;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use ch08_drill_02_try_catch::{
    Accounts, ArgumentError, ArithmeticError, Call, CrashingBank, DefensiveBank, DivideError,
    InputError, OpenFile, ProcessError, Rescued, RuntimeError, checked_divide, contents,
    divide_as_written, parse_and_check, parse_and_process, process, read_file, read_file_safe,
    rescue_example, run_foreign, safe_divide,
};
use runtime::prelude::*;
use runtime::testing::{kill_and_wait, one_of, restarted, scenario, scenario_with};
use runtime::trace::{Recorder, What};
use runtime::{
    Caught, PanicInfo, Raised, SpawnOptions, SupervisorServer, System, assert_timeline,
    assert_trace, attempt, attempt_async, exit, note, raise, throw,
};
use tempfile::TempDir;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A clause for a type that never comes takes nothing: the panic of the division leaves.
///
/// Exercise: 1
/// Covers: CH8-D2-Q1
/// Oracle: ERR-01, ERR-16
#[test]
fn a_clause_for_another_type_lets_the_error_pass() {
    scenario_with(|seed| async move {
        let a = number(seed) + 1;
        let caught = left_by(|| divide_as_written(a, 0));
        let Caught::Error(Raised::Panic(panic)) = &caught else {
            panic!(
                "a division by zero is a panic, and a clause for `ArithmeticError` is none for \
                 panics; this came: {caught} (see hint 2 of exercise 1)"
            )
        };
        assert_eq!(panic.message(), "attempt to divide by zero", "(see hint 2 of exercise 1)");
        assert_eq!(
            divide_as_written(a * 7, 7),
            Ok(a),
            "the value of the body is that of the attempt (see hint 3 of exercise 1)"
        );
        assert_eq!(
            said(attempt(|| -> () { raise(ArithmeticError) }).result()),
            "error: bad argument in arithmetic expression",
            "what the clause waits for is raised by nobody here"
        );
    });
}

/// Nothing fails: the value of the attempt is that of its body.
///
/// Exercise: 1
/// Covers: CH8-D2-E1, CH8-D2-Q3
#[test]
fn an_attempt_that_nothing_leaves_has_the_value_of_its_body() {
    scenario_with(|seed| async move {
        let (a, b) = (number(seed), one_of(seed, [1, 7, -7]));
        assert_eq!(
            attempt(|| safe_divide(a * b, b)).result().ok(),
            Some(Ok(a)),
            "the body's value is wrapped in `Ok` once, and no clause is run (see hint 3 of \
             exercise 1)"
        );
    });
}

/// The clause that fits takes the panic, and its value is that of the attempt.
///
/// Exercise: 1
/// Covers: CH8-D2-E2, CH8-CHK-02
/// Oracle: ERR-02
/// Oracle (defect): ERR-16
#[test]
fn a_division_by_zero_is_rescued_as_the_panic_that_it_is() {
    scenario_with(|seed| async move {
        let a = number(seed) - 500;
        let quotient = attempt(|| safe_divide(a, 0)).result();
        assert_eq!(
            quotient.map_err(|caught| caught.to_string()),
            Ok(Err(DivideError::DivisionByZero)),
            "a panic is rescued as a `PanicInfo` (see hint 2 of exercise 1)"
        );
    });
}

/// What is fine from beginning to end is the body's value, doubled.
///
/// Exercise: 2
/// Covers: CH8-D2-E3, CH8-D2-Q3
/// Oracle: ERR-17
#[test]
fn a_number_from_0_to_100_is_doubled() {
    scenario_with(|seed| async move {
        for value in [0, 100, number(seed) % 100] {
            assert_eq!(
                outcome(|| parse_and_process(&value.to_string())),
                Ok(Ok(value * 2)),
                "{value} is parsed and processed, and nothing leaves (see hint 2 of exercise 2)"
            );
        }
    });
}

/// An error is taken by its type; what was raised is what the clause gets.
///
/// Exercise: 2
/// Covers: CH8-D2-E4, CH8-CHK-02
/// Oracle (defect): ERR-17
#[test]
fn text_that_is_no_number_is_an_invalid_format() {
    scenario_with(|seed| async move {
        let word = one_of(seed, ["abc", "", "4 2", "--1"]);
        for input in [word, "9223372036854775808"] {
            assert_eq!(
                outcome(|| parse_and_process(input)),
                Ok(Err(ProcessError::InvalidFormat)),
                "{input:?} is no `i64`: the error is raised, and rescued by its type (see hint 2 \
                 of exercise 2)"
            );
        }
    });
}

/// An exit and a throw go to the clauses for exits and throws, in the same attempt as the rescue.
///
/// Exercise: 2
/// Covers: CH8-D2-E5, CH8-D2-E6, CH8-D2-Q1, CH8-D2-Q4
/// Oracle: ERR-17
#[test]
fn each_kind_goes_to_the_clause_for_its_kind() {
    scenario_with(|seed| async move {
        let exited = ProcessError::ProcessExited(ExitReason::other("negative_value"));
        for value in [-1, -1 - number(seed)] {
            assert_eq!(
                outcome(|| parse_and_process(&value.to_string())),
                Ok(Err(exited.clone())),
                "`process` exits at {value}: that is the clause for exits (see hint 2 of exercise \
                 2)"
            );
        }
        for value in [101, 101 + number(seed)] {
            assert_eq!(
                outcome(|| parse_and_process(&value.to_string())),
                Ok(Err(ProcessError::Thrown("too_large"))),
                "`process` throws at {value}: that is the clause for throws (see hint 2 of \
                 exercise 2)"
            );
        }
    });
}

/// The type decides which clause is taken, and the body's value passes all of them.
///
/// Exercise: 3
/// Covers: CH8-D2-E11, CH8-D2-E12, CH8-CHK-02
#[test]
fn a_rescue_selects_by_the_type_of_the_error() {
    scenario_with(|seed| async move {
        let word = || format!("Invalid input {seed}");
        assert_eq!(
            outcome(|| rescue_example(|| -> u64 { raise(ArgumentError(word())) })),
            Ok(Err(Rescued::BadArgument)),
            "an `ArgumentError` has a clause of its own (see hint 2 of exercise 3)"
        );
        assert_eq!(
            outcome(|| rescue_example(|| -> u64 { raise(RuntimeError(word())) })),
            Ok(Err(Rescued::RuntimeError)),
            "a `RuntimeError` has a clause of its own (see hint 2 of exercise 3)"
        );
        assert_eq!(
            outcome(|| rescue_example(|| seed)),
            Ok(Ok(seed)),
            "what does not fail passes (see hint 3 of exercise 3)"
        );
    });
}

/// A rescue is for errors of its types: other errors, exits and throws are somebody else's.
///
/// Exercise: 3
/// Covers: CH8-D2-Q1
/// Oracle: ERR-12
#[test]
fn a_rescue_lets_exits_throws_and_other_errors_pass() {
    scenario_with(|seed| async move {
        let left: [(Job, &str); 4] = [
            (|| exit(ExitReason::Shutdown), "exit: shutdown"),
            (|| throw("ball"), "throw: \"ball\""),
            (|| raise(ArithmeticError), "error: bad argument in arithmetic expression"),
            (|| panic!("boom"), "error: boom"),
        ];
        let (body, expected) = one_of(seed, left);
        assert_eq!(
            said(attempt(|| rescue_example(body)).result()),
            expected,
            "only the two types are rescued, and the rest leaves as it came (see hint 2 of \
             exercise 3)"
        );
    });
}

/// What a file holds, and the file is closed afterwards.
///
/// Exercise: 4
/// Covers: CH8-D2-E7, CH8-D2-E9, CH8-D2-Q2, CH8-D2-Q3
/// Oracle: C8-03
#[test]
fn a_file_is_read_and_closed() {
    scenario_with(|seed| async move {
        let (history, text) = (System::current().record(), format!("hello {seed}"));
        let (_folder, path) = file(text.as_bytes());
        let read = |file: &fs::File| {
            note("reading");
            contents(file)
        };
        assert_eq!(
            outcome(|| read_file_safe(&path, read).map_err(|caught| caught.to_string())),
            Ok(Ok(text)),
            "the value of the body, and not that of the `after` (see hint 2 of exercise 4)"
        );
        assert_eq!(
            notes(&history),
            ["reading", "File closed"],
            "the `after` runs once, when the body is done (see hint 2 of exercise 4)"
        );
    });
}

/// Whatever leaves while the file is read is caught with its kind, and the file is closed.
///
/// Exercise: 4
/// Covers: CH8-D2-E8, CH8-D2-E9, CH8-D2-Q1, CH8-D2-Q2
/// Oracle: ERR-08
#[test]
fn whatever_leaves_while_a_file_is_read_is_caught_and_the_file_closed() {
    scenario_with(|seed| async move {
        let (_folder, path) = file(&[b'a', 0xff]);
        let readers: [(Taker, &str); 5] = [
            (contents, "error: stream did not contain valid UTF-8"),
            (|_| raise(RuntimeError("bad sector".to_owned())), "error: bad sector"),
            (|_| panic!("no disk"), "error: no disk"),
            (|_| exit(ExitReason::other("enough")), "exit: \"enough\""),
            (|_| throw(("line", 7)), "throw: (\"line\", 7)"),
        ];
        let (read, expected) = one_of(seed, readers);
        let history = System::current().record();
        let caught = outcome(|| read_file_safe(&path, read).map_err(brief));
        assert_eq!(
            caught,
            Ok(Err(expected.to_owned())),
            "each kind is caught here, and given back as it came (see hint 2 of exercise 4)"
        );
        assert_eq!(
            notes(&history),
            ["File closed"],
            "the `after` runs on failure as on success (see hint 2 of exercise 4)"
        );
    });
}

/// The file is opened in front of the attempt: what fails there is not caught, and runs no clean-up.
///
/// Exercise: 4
/// Covers: CH8-D2-E10
/// Oracle: C8-03
#[test]
fn a_file_that_cannot_be_opened_raises_to_the_caller() {
    scenario_with(|seed| async move {
        let (folder, _) = file(b"");
        let history = System::current().record();
        let absent = folder.path().join(format!("absent-{seed}"));
        let caught =
            left_by(|| read_file_safe(&absent, contents).map_err(|caught| caught.to_string()));
        let Caught::Error(raised) = caught else {
            panic!("the error of opening is raised: kind error (see hint 3 of exercise 4)")
        };
        let error: io::Error = raised.downcast().unwrap_or_else(|raised| {
            panic!("raise the `io::Error` itself, and not `{raised}` (see hint 3 of exercise 4)")
        });
        assert_eq!(
            (error.kind(), notes(&history)),
            (io::ErrorKind::NotFound, vec![]),
            "what was not opened is not closed (see hint 1 of exercise 4)"
        );
    });
}

/// An expected failure is a value, and each has a name of its own.
///
/// Exercise: 5
/// Covers: CH8-D2-E1, CH8-D2-E2, CH8-D2-T
/// Oracle (defect): ERR-16
#[test]
fn a_checked_division_tells_its_failures_apart() {
    scenario_with(|seed| async move {
        let a = number(seed);
        assert_eq!(outcome(|| checked_divide(a * 3, 3)), Ok(Ok(a)));
        assert_eq!(
            outcome(|| [checked_divide(a, 0), checked_divide(i64::MIN, 0)]),
            Ok([Err(DivideError::DivisionByZero); 2]),
            "look at the divisor first (see hint 2 of exercise 5)"
        );
        assert_eq!(
            outcome(|| checked_divide(i64::MIN, -1)),
            Ok(Err(DivideError::Overflow)),
            "the smallest number has no opposite: `checked_div` knows (see hint 2 of exercise 5)"
        );
    });
}

/// With `?` each failure leaves with what is wrong, and nothing unwinds.
///
/// Exercise: 5
/// Covers: CH8-D2-E3, CH8-D2-E4, CH8-D2-T
/// Oracle (defect): ERR-17
#[test]
fn a_checked_input_says_what_is_wrong_with_it() {
    scenario_with(|seed| async move {
        let value = number(seed) % 100;
        let (low, high) = (-1 - number(seed), 101 + number(seed));
        for (input, doubled) in [(0, 0), (value, value * 2), (100, 200)] {
            assert_eq!(outcome(|| parse_and_check(&input.to_string())), Ok(Ok(doubled)));
        }
        for (input, error) in [
            (-1, InputError::Negative(-1)),
            (low, InputError::Negative(low)),
            (101, InputError::TooLarge(101)),
            (high, InputError::TooLarge(high)),
        ] {
            assert_eq!(
                outcome(|| parse_and_check(&input.to_string())),
                Ok(Err(error)),
                "return what is wrong, with the number; `process` would throw or exit (see hint 3 \
                 of exercise 5)"
            );
        }
        let why = "abc".parse::<i64>().expect_err("abc is no number");
        assert_eq!(
            outcome(|| parse_and_check("abc")),
            Ok(Err(InputError::InvalidFormat(why))),
            "`?` keeps the reason (see hint 3 of exercise 5)"
        );
    });
}

/// `?` opens and reads, and the file is closed where its owner goes out of scope.
///
/// Exercise: 6
/// Covers: CH8-D2-E7, CH8-D2-E9
/// Oracle (defect): C8-03
#[test]
fn an_owned_file_is_closed_on_every_way_out() {
    scenario_with(|seed| async move {
        let (history, text) = (System::current().record(), format!("hello {seed}"));
        let (folder, path) = file(text.as_bytes());
        let (_other, broken) = file(&[0xff]);
        assert_eq!(read_file(&path, all).ok(), Some(text), "(see hint 2 of exercise 6)");
        assert_eq!(
            read_file(&broken, all).map_err(|error| error.kind()),
            Err(io::ErrorKind::InvalidData),
            "what goes wrong while reading leaves by `?` (see hint 2 of exercise 6)"
        );
        assert_eq!(
            notes(&history),
            ["File closed", "File closed"],
            "`Drop` runs on both ways out, once on each (see hint 2 of exercise 6)"
        );
        let absent = read_file(&folder.path().join("absent"), all);
        assert_eq!(
            (absent.map_err(|error| error.kind()), notes(&history).len()),
            (Err(io::ErrorKind::NotFound), 2),
            "to open it is part of the work, so a missing file is an error like the others, and \
             nothing is closed (see hint 2 of exercise 6)"
        );
    });
}

/// Catching nothing: a panic, an exit and a throw go on to the caller, and the file is closed.
///
/// Exercise: 6
/// Covers: CH8-D2-E9, CH8-D2-Q2
#[test]
fn an_owned_file_is_closed_while_something_unwinds() {
    scenario_with(|seed| async move {
        let (_folder, path) = file(b"hello");
        let readers: [(Reader, &str); 3] = [
            (|_| panic!("no disk"), "error: no disk"),
            (|_| exit(ExitReason::other("enough")), "exit: \"enough\""),
            (|_| throw("ball"), "throw: \"ball\""),
        ];
        let (read, expected) = one_of(seed, readers);
        let history = System::current().record();
        let left = left_by(|| read_file(&path, read).map_err(|error| error.to_string()));
        assert_eq!(
            (brief(left), notes(&history)),
            (expected.to_owned(), vec!["File closed".to_owned()]),
            "nothing is caught here, and `Drop` runs on the way out all the same (see hint 2 of \
             exercise 6)"
        );
    });
}

/// A kill runs no clause and no `after`: only what is owned is cleaned up.
///
/// Exercise: 6
/// Covers: CH8-D2-Q2
/// Oracle: ERR-09, ERR-10
#[test]
fn who_is_killed_in_an_attempt_runs_no_after_but_drops_what_it_owns() {
    scenario_with(|seed| async move {
        let (_folder, path) = file(b"hello");
        let history = System::current().record();
        let reader = SpawnOptions::new().label("reader").spawn(async move {
            let _open = OpenFile::open(&path)?;
            attempt_async(pending::<()>())
                .await
                .catch(|_| note("catch"))
                .after(|| note("after"))
                .end();
            Ok::<_, io::Error>(())
        });
        let reader = reader.expect("neither link nor monitor").address;
        sleep(SECOND).await;
        let reason = if seed % 2 == 0 {
            kill_and_wait(&reader).await
        } else {
            let end = reader.join();
            reader.exit(ExitReason::Shutdown);
            end.await
        };
        assert_trace!(
            history.trace(),
            [
                "0ms reader spawned by main",
                "1s reader notes: File closed",
                &format!("1s reader exited: {reason}"),
            ],
            "an exit signal comes from outside and cannot be caught; what the process owns is \
             dropped all the same (see hint 1 of exercise 6)"
        );
    });
}

/// A panic has a text, of one of two types.
///
/// Exercise: 7
/// Covers: CH8-D2-T
#[test]
fn a_foreign_panic_is_an_error_with_its_text() {
    scenario_with(|seed| async move {
        assert_eq!(
            outcome(|| run_foreign(|| seed)),
            Ok(Ok(seed)),
            "what does not fail passes (see hint 2 of exercise 7)"
        );
        assert_eq!(
            outcome(|| run_foreign(|| -> u64 { panic!("plain words") })),
            Ok(Err("plain words".to_owned())),
            "a panic with nothing to format has a `&'static str` (see hint 2 of exercise 7)"
        );
        assert_eq!(
            outcome(|| run_foreign(move || -> u64 { panic!("number {seed}") })),
            Ok(Err(format!("number {seed}"))),
            "a panic with something to format has a `String` (see hint 2 of exercise 7)"
        );
    });
}

/// To stop what is not understood is to lose it: an exit and a throw go on.
///
/// Exercise: 7
/// Covers: CH8-D2-Q1
#[test]
fn what_is_no_panic_with_a_text_passes_the_edge() {
    scenario_with(|seed| async move {
        let left: [(Job, &str); 2] = [
            (|| exit(ExitReason::Shutdown), "exit: shutdown"),
            (|| throw("ball"), "throw: \"ball\""),
        ];
        let (job, expected) = one_of(seed, left);
        assert_eq!(
            said(attempt(|| run_foreign(job)).result()),
            expected,
            "`catch_unwind` stops everything: give back to `resume_unwind` what is not yours (see \
             hint 3 of exercise 7)"
        );
    });
}

/// Who catches what it does not understand goes on with half of a change.
///
/// Exercise: 8
/// Covers: CH8-WSUM-02, CH8-CHK-03
#[test]
fn a_bank_that_catches_everything_goes_on_with_money_missing() {
    scenario_with(|seed| async move {
        let (good, bad) = (1 + number(seed) % 100, 101 + number(seed));
        let bank = DefensiveBank::start(DefensiveBank(Accounts::opened()));
        let bank = bank.await.expect("nothing keeps a bank from starting");
        assert_eq!(
            transfer(&bank, good).await,
            Ok(Ok(())),
            "there is enough for {good} (see hint 2 of exercise 8)"
        );
        assert_eq!(
            (bank.call(Call::Total).await, transfer(&bank, bad).await),
            (Ok(100), Ok(Err("overdrawn".to_owned()))),
            "the panic is caught, and its text is the answer (see hint 2 of exercise 8)"
        );
        assert_eq!(
            bank.call(Call::Total).await,
            Ok(100 - bad),
            "the bank goes on with what the transfer left behind: what the body changed before it \
             left stays changed (see hint 1 of exercise 8)"
        );
    });
}

/// Who crashes loses its state, and with it what was wrong: the next one begins whole.
///
/// Exercise: 8
/// Covers: CH8-WSUM-02, CH8-CHK-03
#[test]
fn a_bank_that_crashes_is_started_again_with_all_its_money() {
    static BRANCH: Name<SupervisorServer> = Name::new("branch");
    static BANK: Name<CrashingBank> = Name::new("bank");

    scenario_with(|seed| async move {
        let (good, bad) = (1 + number(seed) % 100, 101 + number(seed));
        let history = System::current().record();
        let bank = BANK.child(|| CrashingBank(Accounts::opened()));
        let supervisor = Supervisor::one_for_one().child(bank).start().name(&BRANCH).await;
        let supervisor = supervisor.expect("nothing keeps a bank from starting");
        let old = BANK.up().await.expect("the bank is up");
        assert_eq!(
            transfer(&old, good).await,
            Ok(Ok(())),
            "there is enough for {good} (see hint 2 of exercise 8)"
        );
        sleep(SECOND).await;
        let again = restarted(&BANK, &old);
        let answer = transfer(&old, bad).await;
        let panic = match &answer {
            Err(CallError::Down(reason)) => reason.as_panic().map(PanicInfo::message),
            _ => None,
        };
        assert_eq!(
            panic,
            Some("overdrawn"),
            "nothing is caught: the caller learns why the bank went down; it got {answer:?} (see \
             hint 3 of exercise 8)"
        );
        let bank = again.await;
        assert_eq!(
            (bank.pid() == old.pid(), bank.call(Call::Total).await),
            (false, Ok(100)),
            "the next life begins with accounts that are whole"
        );
        sleep(SECOND).await;
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        assert_timeline!(
            history.trace(),
            "
         0ms       1s        2s
branch   ╺━━━━━━━━━━━━━━━━━━━■    normal
└─ bank  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  panic: overdrawn

1s  one_for_one: bank was restarted because it crashed
",
            "the crash is the bank's alone (see hint 1 of exercise 8)"
        );
    });
}

/// The course's own three ways to end, as the exercises find them.
///
/// Exercise: 2
/// Covers: CH8-D2-E5, CH8-D2-E6
#[test]
fn the_processing_leaves_by_an_exit_and_by_a_throw() {
    scenario(|_: Process| async {
        assert_eq!(said(attempt(|| process(-1)).result()), "exit: \"negative_value\"");
        assert_eq!(said(attempt(|| process(101)).result()), "throw: \"too_large\"");
        assert_eq!(outcome(|| parse_and_process("50")), Ok(Ok(100)));
    });
}

type Job = fn() -> u64;
type Taker = fn(&fs::File) -> String;
type Reader = fn(&mut fs::File) -> io::Result<String>;

/// Between 0 and 999.
fn number(seed: u64) -> i64 {
    i64::try_from(seed.wrapping_mul(7919) % 1000).expect("less than a thousand")
}

/// A real file with these bytes, and the folder that it goes with.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder for the test's file");
    let path = folder.path().join("file.txt");
    fs::write(&path, bytes).expect("a file in a folder of one's own");
    (folder, path)
}

/// Reads everything.
fn all(file: &mut fs::File) -> io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// What `work` gave, or what left it.
fn outcome<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    attempt(work).result().map_err(|caught| format!("nothing was to leave, but: {}", brief(caught)))
}

/// What left `work`.
fn left_by<T: fmt::Debug>(work: impl FnOnce() -> T) -> Caught {
    match attempt(work).result() {
        Err(caught) => caught,
        Ok(value) => panic!("this was to leave early, and came to {value:?}"),
    }
}

/// The same in words; `ok` if nothing left.
fn said<T>(result: Result<T, Caught>) -> String {
    result.map_or_else(brief, |_| "ok".to_owned())
}

/// Kind and value, without the place of a panic.
fn brief(caught: Caught) -> String {
    match caught {
        Caught::Error(raised) => format!("error: {}", raised.message()),
        other => other.to_string(),
    }
}

async fn transfer<S: GenServer<Call = Call>>(
    bank: &ServerRef<S>,
    amount: i64,
) -> Result<Result<(), String>, CallError> {
    bank.call(|reply| Call::Transfer(amount, reply)).await
}

/// What was noted, in this order.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}
