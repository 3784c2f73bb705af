//! What Rust's test harness printed, and whether to believe it.
//!
//! On stable Rust there is no machine-readable report, an exit code of 0 proves nothing (the answer
//! may call `std::process::exit(0)`), and an answer may print whatever the harness prints.
//! So each test runs together with a *sentinel*, a second test that the grader adds to its own copy
//! of the course's tests. It runs last and says a word that is compiled into it and stands nowhere
//! else: who left early, or only imitated the harness, never gets that far.

use regex_lite::Regex;

use crate::runner::Ended;

/// Sorts behind every other test; the harness runs a single thread in the order of the names.
pub(crate) const SENTINEL: &str = "zzzz_the_harness_came_to_its_end";

/// The sentinel's source, to be put behind the course's tests.
pub(crate) fn sentinel(nonce: &str) -> String {
    format!(
        "\n#[test]\nfn {SENTINEL}() {{\n    \
         use std::io::Write as _;\n    \
         let _ = ::std::io::stdout().write_all(b\"{nonce}\\n\");\n}}\n"
    )
}

/// Arguments that run one test and then the sentinel.
pub(crate) fn arguments(name: &str) -> [&str; 4] {
    ["--exact", name, SENTINEL, "--test-threads=1"]
}

/// How one run of one test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The harness says so, and the sentinel has run.
    Passed,
    /// An assertion, a panic or an `Err`.
    Failed(Failure),
    /// It was still running at its deadline.
    TimedOut,
}

/// What a failed test says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The assertion's message, without what surrounds it.
    pub(crate) message: String,
    /// Where it failed, as `file:line`, if it panicked.
    pub(crate) place: Option<String>,
    /// Everything that the test printed.
    pub(crate) output: String,
}

/// Judges one run.
pub(crate) fn judge(ended: &Ended, name: &str, nonce: &str) -> Outcome {
    if ended.timed_out {
        return Outcome::TimedOut;
    }
    let announced = ["test ", "\ntest "].iter().any(|start| {
        ended.stdout.contains(&format!("{start}{name} ... "))
            || ended.stdout.contains(&format!("{start}{name} - should panic ... "))
    });
    let end = ended.stdout.rsplit_once(nonce).map_or("", |(_, end)| end);
    let believed = end.starts_with("\nok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored;");
    if ended.code == Some(0) && announced && believed {
        return Outcome::Passed;
    }
    Outcome::Failed(block(&ended.stdout, name).map_or_else(|| early(ended), |text| failure(&text)))
}

/// Names that `--list --format terse` printed, without the sentinel.
pub(crate) fn listed(stdout: &str) -> Vec<&str> {
    stdout
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .filter(|name| *name != SENTINEL)
        .collect()
}

/// What the harness repeats of a failed test's output.
fn block(stdout: &str, name: &str) -> Option<String> {
    let (_, rest) = stdout.split_once(&format!("---- {name} stdout ----\n"))?;
    let end = rest.rfind("\n\nfailures:\n").unwrap_or(rest.len());
    Some(rest[..end].trim_matches('\n').to_owned())
}

fn failure(text: &str) -> Failure {
    let header = Regex::new(r"^thread '.*'(?: \(\d+\))? panicked at (.+:\d+):\d+:$");
    let lines: Vec<&str> = text.lines().collect();
    let last_panic = header.ok().and_then(|header| {
        let found = |(index, line): (usize, &&str)| {
            header.captures(line).map(|parts| (index, parts[1].to_owned()))
        };
        lines.iter().enumerate().rev().find_map(found)
    });
    let (start, place) = match last_panic {
        Some((index, place)) => (index + 1, Some(place)),
        None => (0, None),
    };
    let noise = |line: &str| line.starts_with("note: run with `RUST_BACKTRACE");
    let message: Vec<&str> = lines[start..]
        .iter()
        .copied()
        .take_while(|line| !noise(line) && !line.starts_with("stack backtrace:"))
        .collect();
    let output: Vec<&str> = lines.iter().copied().filter(|line| !noise(line)).collect();
    Failure {
        message: message.join("\n").trim_end().to_owned(),
        place,
        output: output.join("\n").trim_end().to_owned(),
    }
}

/// The process ended, but the harness did not.
fn early(ended: &Ended) -> Failure {
    let how = match (ended.code, ended.signal) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(signal)) => format!("by signal {signal}"),
        (None, None) => "for an unknown reason".to_owned(),
    };
    // The words of Rust's allocator.
    let starved = ended.stderr.contains("memory allocation of ");
    Failure {
        message: if starved {
            "it needs more memory than a test may have: something grows without end".to_owned()
        } else {
            format!(
                "the whole test process ended {how} before the test was over: \
                 an answer must not end the process"
            )
        },
        place: None,
        output: ended.stderr.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "c0ffee";
    const PASSED: &str = "\nrunning 2 tests\ntest a ... ok\ntest zzzz ... c0ffee\nok\n\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0s\n";

    fn ended(code: i32, stdout: &str) -> Ended {
        Ended { code: Some(code), stdout: stdout.to_owned(), ..Ended::default() }
    }

    #[test]
    fn only_a_harness_that_came_to_its_end_is_believed() {
        assert_eq!(judge(&ended(0, PASSED), "a", NONCE), Outcome::Passed);
        let printed = PASSED.replace("a ... ok", "a ... printed directly\nok");
        assert_eq!(judge(&ended(0, &printed), "a", NONCE), Outcome::Passed);
        let should_panic = PASSED.replace("a ...", "a - should panic ...");
        assert_eq!(judge(&ended(0, &should_panic), "a", NONCE), Outcome::Passed);

        let imitation = PASSED.replace("zzzz ... c0ffee\n", "");
        for (code, stdout, name) in [
            (0, "\nrunning 2 tests\n", "a"),
            (0, imitation.as_str(), "a"),
            (1, PASSED, "a"),
            (0, PASSED, "b"),
            (0, "", "a"),
        ] {
            let outcome = judge(&ended(code, stdout), name, NONCE);
            assert!(matches!(outcome, Outcome::Failed(_)), "{code} {stdout}");
        }
    }

    #[test]
    fn a_panic_is_cut_out_of_what_surrounds_it() {
        let stdout = "\nrunning 2 tests\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\n\
            printed\n\nthread 'a' (31) panicked at tests/drill.rs:2:43:\n\
            assertion `left == right` failed: because\n  left: 1\n right: 2\n\
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\n\
            failures:\n    a\n\ntest result: FAILED.\n";
        let Outcome::Failed(failure) = judge(&ended(101, stdout), "a", NONCE) else {
            panic!("it failed")
        };
        assert_eq!(
            failure.message,
            "assertion `left == right` failed: because\n  left: 1\n right: 2"
        );
        assert_eq!(failure.place.as_deref(), Some("tests/drill.rs:2"));
        assert!(failure.output.starts_with("printed\n\nthread 'a'"));
        assert!(failure.output.ends_with("right: 2"));
    }

    #[test]
    fn an_err_is_the_message_when_nothing_panicked() {
        let stdout = "---- a stdout ----\nError: \"bad\"\n\n\nfailures:\n    a\n";
        let Outcome::Failed(failure) = judge(&ended(101, stdout), "a", NONCE) else {
            panic!("it failed")
        };
        assert_eq!((failure.message.as_str(), failure.place), ("Error: \"bad\"", None));
    }

    #[test]
    fn leaving_early_is_said_in_words() {
        let Outcome::Failed(failure) = judge(&ended(0, "\nrunning 2 tests\n"), "a", NONCE) else {
            panic!("it failed")
        };
        assert!(failure.message.contains("exit code 0"));
        let killed = Ended { signal: Some(6), ..Ended::default() };
        let Outcome::Failed(failure) = judge(&killed, "a", NONCE) else { panic!("it failed") };
        assert!(failure.message.contains("signal 6"));
    }

    #[test]
    fn the_list_of_tests_leaves_the_sentinel_out() {
        let stdout = format!("a: test\nm::b: test\n{SENTINEL}: test\n\n3 tests, 0 benchmarks\n");
        assert_eq!(listed(&stdout), ["a", "m::b"]);
    }
}
