//! One test, one process.
//!
//! The process leads a group of its own; when the test is over, in time or not, the whole group is
//! killed, so that nothing which the answer started outlives it.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A run to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    /// The test binary.
    pub(crate) binary: &'a Path,
    /// Its working folder, as cargo would set it.
    pub(crate) folder: &'a Path,
    /// Arguments for the harness.
    pub(crate) arguments: &'a [&'a str],
    /// The seed that the test gets as `OTP_SEED`.
    pub(crate) seed: u64,
    /// After this time the group is killed.
    pub(crate) deadline: Duration,
    /// The most memory that one process may have, in bytes; only Linux holds it to that.
    pub(crate) memory: u64,
    /// Where the test is to leave pictures of its first run, if it is to.
    pub(crate) pictures: Option<&'a Path>,
}

/// A run that is over.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The exit code, if it ended by itself.
    pub(crate) code: Option<i32>,
    /// The signal, if one ended it.
    pub(crate) signal: Option<i32>,
    /// Whether it had to be killed at its deadline.
    pub(crate) timed_out: bool,
    /// Beginning and end of what it printed.
    pub(crate) stdout: String,
    /// The same for its errors.
    pub(crate) stderr: String,
}

/// How long to wait for the pipes to close once the group is dead: a process that left the group
/// may hold them open for ever.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The groups that run right now: an interrupt at the terminal does not reach them by itself.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<Pid>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on, an interrupt ends this program together with all that it runs.
pub(crate) fn end_together() -> anyhow::Result<()> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot listen to interrupts")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Held to the end, so that nothing new is started.
            let live = live();
            for group in live.iter() {
                let _ = kill_process_group(*group, Signal::KILL);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Runs one process to its end, or to its deadline.
pub(crate) fn run(order: &Order<'_>) -> anyhow::Result<Ended> {
    let mut child = spawn(order)?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let group = Pid::from_child(&child);
    let timed_out = wait(group).recv_timeout(order.deadline).is_err();
    // The leader is not reaped yet, so the number of its group cannot mean another one.
    // An error says that the group is empty already.
    let _ = kill_process_group(group, Signal::KILL);
    // A test may have left the group that it led.
    let _ = child.kill();
    let status = reap(&mut child)?;
    Ok(Ended {
        code: status.code(),
        signal: status.signal(),
        timed_out,
        stdout: stdout.take(),
        stderr: stderr.take(),
    })
}

fn spawn(order: &Order<'_>) -> anyhow::Result<Child> {
    let mut live = live();
    let child = command(order)
        .spawn()
        .with_context(|| format!("cannot start {}", order.binary.display()))?;
    live.push(Pid::from_child(&child));
    limit(Pid::from_child(&child), order.memory)?;
    Ok(child)
}

/// Limits what a process, and all that it starts, may write to.
///
/// Set from outside, as the only way without `unsafe`: a process has its limit from a moment after
/// its start on. Address space is not limited, since threads reserve far more than they use.
#[cfg(target_os = "linux")]
fn limit(pid: Pid, bytes: u64) -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, prlimit};
    let new = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    match prlimit(Some(pid), Resource::Data, new) {
        // It has ended already.
        Err(rustix::io::Errno::SRCH) => Ok(()),
        result => result.map(|_| ()).context("cannot limit the memory of a test"),
    }
}

/// Nothing but Linux lets one process limit another.
#[cfg(not(target_os = "linux"))]
fn limit(_: Pid, _: u64) -> anyhow::Result<()> {
    Ok(())
}

fn command(order: &Order<'_>) -> Command {
    let mut command = Command::new(order.binary);
    command
        .args(order.arguments)
        .current_dir(order.folder)
        .env_clear()
        .env("CARGO_MANIFEST_DIR", order.folder)
        .env("LANG", "C.UTF-8")
        .env("NO_COLOR", "1")
        .env("OTP_SEED", order.seed.to_string())
        .env("RUST_BACKTRACE", "0")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for kept in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    if let Some(dir) = order.pictures {
        command.env("OTP_PICTURES", dir).env("OTP_SEEDS", "1");
    }
    command
}

/// Tells when a process has ended, without reaping it.
fn wait(pid: Pid) -> Receiver<()> {
    let (ended, ending) = mpsc::channel();
    thread::spawn(move || {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = ended.send(());
    });
    ending
}

fn reap(child: &mut Child) -> anyhow::Result<ExitStatus> {
    let group = Pid::from_child(child);
    live().retain(|live| *live != group);
    child.wait().context("cannot wait for a test's process")
}

/// A pipe that is being read to its end by a thread.
struct Pipe {
    text: Arc<Mutex<Excerpt>>,
    closed: Receiver<()>,
}

impl Pipe {
    fn take(self) -> String {
        let _ = self.closed.recv_timeout(LAST_WORDS);
        self.text.lock().map(|text| text.text()).unwrap_or_default()
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Pipe {
    let text = Arc::new(Mutex::new(Excerpt::default()));
    let (close, closed) = mpsc::channel();
    let shared = Arc::clone(&text);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        if let Some(mut pipe) = pipe {
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let Ok(mut text) = shared.lock() else { break };
                text.push(&buffer[..count]);
            }
        }
        let _ = close.send(());
    });
    Pipe { text, closed }
}

/// The beginning and the end of a stream that may be endless.
#[derive(Debug, Default)]
struct Excerpt {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: usize,
}

impl Excerpt {
    const HEAD: usize = 16 * 1024;
    const TAIL: usize = 128 * 1024;

    fn push(&mut self, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(Self::HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
        // Twice the size before anything moves: so each byte is moved at most once.
        if self.tail.len() > 2 * Self::TAIL {
            let surplus = self.tail.len() - Self::TAIL;
            self.tail.drain(..surplus);
            self.left_out += surplus;
        }
    }

    fn text(&self) -> String {
        let gap = match self.left_out {
            0 => String::new(),
            bytes => format!("\n[{bytes} bytes left out]\n"),
        };
        let (head, tail) =
            (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        format!("{head}{gap}{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, deadline: Duration) -> Ended {
        run(&Order {
            binary: Path::new("/bin/sh"),
            folder: Path::new("/"),
            arguments: &["-c", script],
            seed: 7,
            deadline,
            memory: 64 << 20,
            pictures: None,
        })
        .unwrap()
    }

    #[test]
    fn a_run_gives_its_output_and_its_exit_code() {
        let ended = shell("echo $OTP_SEED; echo no >&2; exit 3", Duration::from_secs(10));
        assert_eq!((ended.code, ended.timed_out), (Some(3), false));
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("7\n", "no\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_and_what_it_starts_have_no_more_memory_than_they_may() {
        let limited = "grep '^Max data size *67108864 *67108864' /proc/self/limits";
        // What the shell started before it was limited itself is free, and ends at once.
        let script = format!("until {limited}; do :; done");
        let ended = shell(&script, Duration::from_secs(10));
        assert_eq!((ended.code, ended.timed_out), (Some(0), false));
    }

    #[test]
    fn at_the_deadline_the_whole_group_is_killed() {
        let ended = shell("sleep 600 & echo $!; wait", Duration::from_millis(300));
        assert!(ended.timed_out);
        assert!(!alive(ended.stdout.trim()));
    }

    #[test]
    fn what_was_started_does_not_outlive_a_run_that_ends_in_time() {
        let ended = shell("sleep 600 & echo $!", Duration::from_secs(10));
        assert_eq!((ended.code, ended.timed_out), (Some(0), false));
        assert!(!alive(ended.stdout.trim()));
    }

    /// A killed process that nobody has reaped yet counts as dead; dying may take it a moment.
    fn alive(pid: &str) -> bool {
        (0..100_000).all(|_| {
            thread::yield_now();
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        })
    }

    #[test]
    fn an_endless_stream_keeps_its_beginning_and_its_end() {
        let mut excerpt = Excerpt::default();
        excerpt.push(b"first ");
        for _ in 0..1000 {
            excerpt.push(&[b'x'; 1000]);
        }
        excerpt.push(b" last");
        let text = excerpt.text();
        assert!(text.starts_with("first ") && text.ends_with(" last"));
        assert!(text.contains("bytes left out"));
        assert!(text.len() < Excerpt::HEAD + 2 * Excerpt::TAIL + 100);
    }
}
