//! A learner at a terminal: a real shell in a real pseudo-terminal, and what stands on its screen.
//!
//! Nothing sleeps: each step waits for the shell's prompt, or for a text.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod support;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use support::{ANSWER, Course};

const PROMPT: &str = "learner> ";
const ROWS: u16 = 50;
const MINE: &str = "workbook/ch01_demo/drill_01_demo/src/lib.rs";
/// Longer than any build; a test that waits in vain ends with what it saw.
const PATIENCE: Duration = Duration::from_mins(3);

/// A shell in a pseudo-terminal, and the screen that a person would look at.
struct Terminal {
    master: File,
    shell: Child,
    screen: vt100::Parser,
}

impl Terminal {
    /// A shell in the root of `course`; `xtask` is the real command.
    fn open(course: &Course, columns: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave: OwnedFd = open(&name, flags, Mode::empty()).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let shell = Command::new("sh")
            .args(["+m", "-i"])
            .current_dir(course.dir.path())
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("COLUMNS")
            .env_remove("NO_COLOR")
            .env_remove("ENV")
            .env("PS1", PROMPT)
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let screen = blank(columns);
        let mut terminal = Self { master: File::from(master), shell, screen };
        terminal.wait_for(PROMPT);
        // `cargo xtask` as the learner types it, without building xtask once more.
        let xtask = env!("CARGO_BIN_EXE_xtask");
        terminal.types(&format!("cargo() {{ shift; '{xtask}' \"$@\" --course .; }}"));
        terminal
    }

    /// Types a line, waits until the shell asks for the next one, and gives what was printed.
    fn types(&mut self, line: &str) -> String {
        let seen = self.answers(line, PROMPT);
        seen.lines().skip(1).collect::<Vec<_>>().join("\n").replace(PROMPT.trim_end(), "")
    }

    /// Types a line, and gives what stands on the screen when it asks for `next`.
    fn answers(&mut self, line: &str, next: &str) -> String {
        self.screen = blank(self.screen.screen().size().1.get());
        writeln!(self.master, "{line}").unwrap();
        self.wait_for(next)
    }

    /// Reads until `text` is the last thing on the screen, and gives all that stands there.
    fn wait_for(&mut self, text: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let seen = self.screen.screen().contents();
            if seen.trim_end().ends_with(text.trim_end()) {
                return seen;
            }
            let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
            let patience = Timespec::try_from(PATIENCE).unwrap();
            let ready = poll(&mut fds, Some(&patience)).unwrap();
            assert!(ready > 0, "{text:?} did not come; on the screen:\n{seen}");
            let count = self.master.read(&mut bytes).unwrap();
            self.screen.process(&bytes[..count]);
        }
    }

    /// The colour of the first place where `text` stands.
    fn colour_of(&self, text: &str) -> vt100::Color {
        let screen = self.screen.screen();
        let (rows, columns) = screen.size();
        for (row, line) in (0..rows.get()).zip(screen.rows(0, columns.get())) {
            if let Some(at) = line.find(text) {
                let column = u16::try_from(line[..at].chars().count()).unwrap();
                return screen.cell(row, column).unwrap().fgcolor();
            }
        }
        panic!("{text:?} is not on the screen:\n{}", screen.contents());
    }
}

fn blank(columns: u16) -> vt100::Parser {
    let size = |cells| NonZero::new(cells).unwrap();
    vt100::Parser::new(size(ROWS), size(columns), 0)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[track_caller]
fn assert_shows(seen: &str, texts: &[&str]) {
    for text in texts {
        assert!(seen.contains(text), "{text:?} is missing in\n{seen}");
    }
}

#[test]
fn a_learner_starts_fails_takes_a_hint_passes_is_asked_and_begins_anew() {
    let course = Course::new();
    let mut terminal = Terminal::open(&course, 100);

    let seen = terminal.types("cargo xtask start demo");
    assert_shows(
        &seen,
        &[
            "✓ ch01/drill_01_demo, 2 exercises",
            "drill 1.1 goes on with exercise 1:",
            "Stuck       cargo xtask hint ch01/drill_01_demo",
        ],
    );
    assert_eq!(terminal.colour_of(&format!("{MINE}:13")), vt100::Color::Idx(6));

    let seen = terminal.types("cargo xtask grade demo");
    assert_shows(
        &seen,
        &["Grading your work in workbook/", "still to be written", "0 of 20 points"],
    );
    assert!(!seen.contains("1/1 grading"), "the progress line is gone:\n{seen}");
    assert_eq!(terminal.colour_of("✗"), vt100::Color::Idx(1));
    assert_shows(&terminal.types("echo code $?"), &["code 1"]);

    course.answer("Ok(a / b)");
    let seen = terminal.types("cargo xtask grade demo");
    assert_shows(&seen, &["◐    5 / 10  1. an expected failure", "attempt to divide by zero"]);
    assert_eq!(terminal.colour_of("◐"), vt100::Color::Idx(3));

    let seen = terminal.types("cargo xtask hint demo");
    assert_shows(
        &seen,
        &["drill 1.1, exercise 1: hint 1 of 3", "Look at the type.", "Still stuck?"],
    );
    assert_shows(
        &terminal.types("cargo xtask hint demo"),
        &["hint 2 of 3", "Ask before you divide."],
    );
    let seen = terminal.types("cargo xtask solution demo");
    assert_shows(&seen, &["✗ ch01/drill_01_demo has 5 of 20 points so far"]);

    course.write(MINE, &course.read(ANSWER));
    let seen = terminal.types("cargo xtask grade demo");
    assert_shows(
        &seen,
        &["✓   10 / 10  1. ", "✓   10 / 10  2. ", "20 of 20 points", "Full marks."],
    );
    assert_eq!(terminal.colour_of("✓"), vt100::Color::Idx(2));
    assert_shows(&terminal.types("echo code $?"), &["code 0"]);
    assert_shows(&terminal.types("cargo xtask solution demo"), &["yours", "│ reference"]);

    let go_on = "[Enter: go on, d: see it happen, q: stop]";
    let seen = terminal.answers("cargo xtask quiz demo", "Which?");
    assert_shows(&seen, &["1.1.1 (1 of 2)", "a) an error", "b) a crash"]);
    let seen = terminal.answers("b", go_on);
    assert_shows(&seen, &["✗ Not quite: a", "it is expected, so it is a value"]);
    let seen = terminal.answers("", "Your answer, or Enter to see ours:");
    assert_shows(&seen, &["1.1.2 (2 of 2)", "Why does the mean of nothing not crash?"]);
    let seen = terminal.answers("it is a value", "Is that what you said? [y/n]");
    assert_shows(&seen, &["Its division by zero is a value, too."]);
    terminal.answers("y", go_on);
    assert_shows(&terminal.answers("", "Which?"), &["1.1.1 (once more)"]);
    assert_shows(&terminal.answers("a", go_on), &["✓ Right."]);
    assert_shows(&terminal.answers("", PROMPT), &["1 of 2 right at the first try"]);

    let seen = terminal.types("cargo xtask status");
    assert_shows(
        &seen,
        &[
            "✓ ch01/drill_01_demo",
            "20 / 20  2 hints  quiz 2/2",
            "1 of 2 items done, 2 hints, quiz 2/3",
        ],
    );

    let seen = terminal.types("cargo xtask reset demo");
    assert_shows(&seen, &["Back to the stub:", "src/lib.rs.bak-1"]);
    assert_shows(&terminal.types("cargo xtask reset demo"), &["is one already"]);
    assert_shows(
        &terminal.types("cargo xtask status"),
        &["not graded", "0 of 2 items done, 2 hints"],
    );
    assert!(course.read(MINE).contains("todo!"));
    assert_eq!(course.read(&format!("{MINE}.bak-1")), course.read(ANSWER));
}

#[test]
fn on_a_narrow_terminal_without_colours_every_line_fits() {
    let course = Course::started();
    course.write(MINE, &course.read(ANSWER).replace("Ok(a / b)", "Ok(b / a)"));
    let mut terminal = Terminal::open(&course, 44);
    terminal.types(
        "export NO_COLOR=1; cargo xtask hint demo; cargo xtask grade demo 2>/dev/null >/dev/null",
    );
    let seen = terminal.types("cargo xtask status");
    assert_eq!(
        seen.trim_end(),
        "\
Chapter 1
  · ch01/warmup_01_twice
    not started, quiz 0/1
  ◐ ch01/drill_01_demo
    10 / 20, 1 hint, quiz 0/2

██████░░░░░░░░░░░░░░  10 of 30 points
0 of 2 items done, 1 hint, quiz 0/3"
    );
    assert_eq!(terminal.colour_of("◐"), vt100::Color::Default);
    let seen = terminal.types("cargo xtask solution demo --spoil");
    assert_shows(&seen, &["- yours, + reference", "-     Ok(b / a)", "+     Ok(a / b)"]);
}
