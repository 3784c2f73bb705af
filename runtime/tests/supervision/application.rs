//! Applications and releases: a program as a whole.

#![allow(clippy::print_stdout, reason = "what is run as a program says what happens")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime::Task;
use runtime::application::{
    Application, Cause, Mode, OrderError, Release, ReleaseError, stop, which_applications,
};
use runtime::prelude::*;
use runtime::testing::{scenario, settle};

use crate::support::timed;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().expect("nobody panics with it").push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

/// Says when it begins, and when its process has ended.
struct Worker(Log, &'static str);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.add(format!("{} ends", self.1));
    }
}

impl GenServer for Worker {
    type Args = Worker;
    type Call = Infallible;
    type Cast = Infallible;
    type Info = Infallible;

    async fn init(worker: Worker, _: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        worker.0.add(format!("{} begins", worker.1));
        Ok(Init::Ok(worker))
    }
}

/// A tree of one worker.
fn tree(log: &Log, name: &'static str) -> Supervisor {
    let log = log.clone();
    Supervisor::one_for_one().child(Worker::child(move || Worker(log.clone(), name)))
}

fn application(log: &Log, name: &'static str) -> Application {
    let supervisor = tree(log, name);
    Application::new(name, || supervisor.start_link())
}

/// An application whose only process ends with this reason when it is told to.
fn ending(name: &'static str, reason: ExitReason) -> Application {
    Application::new(name, move || async move {
        let body = move |mut me: Process<()>| async move {
            me.receive().await;
            reason
        };
        let address = runtime::spawn_link(body)?;
        runtime::register(name, address.pid())?;
        Ok::<_, anyhow::Error>(address)
    })
}

fn end(name: &str) {
    runtime::send(name, ()).expect("it waits for that");
}

/// Applications start in order, what is required first, and stop in the reverse order.
///
/// Covers: RT-APP-01
#[test]
fn applications_start_in_order_and_stop_in_reverse() {
    scenario(|_: Process| async {
        let log = Log::default();
        let said = log.clone();
        let release = Release::new()
            .application(application(&log, "web").requires("shop"))
            .application(application(&log, "log"))
            .application(
                application(&log, "shop")
                    .requires("log")
                    .stopped(|| async move { said.add("shop is stopped") }),
            );
        let running = release.start().await.unwrap();
        running.up().await.unwrap();
        assert_eq!(log.lines(), ["log begins", "shop begins", "web begins"]);
        let names: Vec<_> =
            which_applications().await.unwrap().iter().map(|info| info.name).collect();
        assert_eq!(names, ["log", "shop", "web"]);

        stop(3);
        let ended = running.wait().await;
        assert_eq!((ended.cause.clone(), ended.forced), (Cause::Asked(3), false));
        assert_eq!((ended.code(), ended.to_string()), (3, "stopped with code 3".to_owned()));
        assert_eq!(log.lines()[3..], ["web ends", "shop ends", "shop is stopped", "log ends"]);
        assert_eq!(running.wait().await, ended, "it can be waited for again");
    });
}

/// The configuration is read at run time, of every application before any starts.
///
/// Covers: RT-APP-02
#[test]
fn a_configuration_that_cannot_be_read_starts_nothing() {
    scenario(|_: Process| async {
        let log = Log::default();
        let read = || "eighty".parse::<u16>().map_err(anyhow::Error::from);
        let web = Application::configured("web", read, |_port| Supervisor::one_for_one().start());
        let release = Release::new().application(application(&log, "log")).application(web);
        let error = release.start().await.unwrap_err();
        let ReleaseError::Config { application: "web", error } = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.to_string(), "invalid digit found in string");
        assert!(log.lines().is_empty());
    });
}

#[test]
fn a_configuration_is_given_to_the_start() {
    scenario(|_: Process| async {
        let log = Log::default();
        let said = log.clone();
        let web = Application::configured(
            "web",
            || Ok("0.0.0.0:80".to_owned()),
            move |address| {
                said.add(address);
                Supervisor::one_for_one().start_link()
            },
        );
        let running = Release::new().application(web).start().await.unwrap();
        running.up().await.unwrap();
        assert_eq!(log.lines(), ["0.0.0.0:80"]);
        running.stop(0);
        running.wait().await;
    });
}

#[test]
fn applications_that_have_no_order_start_nothing() {
    scenario(|_: Process| async {
        let log = Log::default();
        let release = Release::new()
            .application(application(&log, "a").requires("b"))
            .application(application(&log, "b").requires("a"));
        let circle = vec!["a".to_owned(), "b".to_owned(), "a".to_owned()];
        match release.start().await {
            Err(ReleaseError::Order(error)) => assert_eq!(error, OrderError::Circle(circle)),
            other => panic!("{other:?}"),
        }
        assert!(log.lines().is_empty());
    });
}

/// Those that are up are stopped; the code says that something is wrong.
#[test]
fn an_application_that_does_not_start_stops_those_before_it() {
    scenario(|_: Process| async {
        let log = Log::default();
        let broken = Application::new("broken", || async {
            Err::<runtime::Pid, _>(anyhow::anyhow!("the disk is full"))
        });
        let release = Release::new()
            .application(application(&log, "log"))
            .application(broken)
            .application(application(&log, "web"));
        let running = release.start().await.unwrap();
        let ended = running.up().await.unwrap_err();
        let said = "application broken did not start: error: the disk is full";
        assert_eq!((ended.to_string(), ended.code()), (said.to_owned(), 1));
        assert_eq!(log.lines(), ["log begins", "log ends"]);
    });
}

/// Source: OTP `application:start/2`, restart types.
#[test]
fn the_end_of_a_permanent_application_ends_the_release_and_that_of_a_temporary_one_does_not() {
    scenario(|_: Process| async {
        let log = Log::default();
        let release = Release::new()
            .application(application(&log, "log"))
            .application(ending("cache", ExitReason::other("lost")).mode(Mode::Temporary))
            .application(ending("import", ExitReason::Normal).mode(Mode::Transient))
            .application(ending("web", ExitReason::Normal));
        let running = release.start().await.unwrap();
        running.up().await.unwrap();

        end("cache");
        end("import");
        settle().await;
        assert_eq!(which_applications().await.unwrap().len(), 2);
        assert_eq!(log.lines(), ["log begins"]);

        end("web");
        let ended = running.wait().await;
        let web = Cause::Ended { application: "web", reason: ExitReason::Normal };
        assert_eq!((ended.cause.clone(), ended.code()), (web, 1));
        assert_eq!(log.lines(), ["log begins", "log ends"]);
    });
}

/// A supervisor that gives up ends its application, which is transient and minds.
#[test]
fn a_tree_that_gives_up_ends_a_transient_application() {
    scenario(|_: Process| async {
        let crash = || async { ExitReason::other("again") };
        let tree = Supervisor::one_for_one().child(ChildSpec::process("worker", crash));
        let shop = Application::new("shop", || tree.start_link()).mode(Mode::Transient);
        let running = Release::new().application(shop).start().await.unwrap();
        let ended = running.wait().await;
        let cause = Cause::Ended { application: "shop", reason: ExitReason::Shutdown };
        assert_eq!(ended.cause, cause);
    });
}

/// Also when the tree's start made no link.
#[test]
fn the_end_of_a_tree_that_is_not_linked_is_seen() {
    scenario(|_: Process| async {
        let shop = Application::new("shop", || async {
            let tree = Supervisor::one_for_one().start().await?;
            runtime::register("tree", tree.pid())?;
            Ok::<_, anyhow::Error>(tree)
        });
        let running = Release::new().application(shop).start().await.unwrap();
        running.up().await.unwrap();
        runtime::whereis("tree").expect("it is up").kill();
        let cause = Cause::Ended { application: "shop", reason: ExitReason::Killed };
        assert_eq!(running.wait().await.cause, cause);
    });
}

/// A worker that takes longer to stop than the release has time for is killed.
#[test]
fn what_is_left_at_the_deadline_is_killed() {
    scenario(|_: Process| async {
        let log = Log::default();
        let deaf = || {
            |mut me: Process<()>| async move {
                me.trap_exit(true);
                loop {
                    me.receive().await;
                }
            }
        };
        let child = ChildSpec::process("deaf", deaf).shutdown(Shutdown::Infinity);
        let tree = Supervisor::one_for_one().child(child);
        let release = Release::new()
            .stop_within(Duration::from_secs(10))
            .application(application(&log, "log"))
            .application(Application::new("shop", || tree.start_link()));
        let running = release.start().await.unwrap();
        running.up().await.unwrap();
        let (ended, took) = timed(async {
            running.stop(0);
            running.wait().await
        })
        .await;
        assert_eq!(took, Duration::from_secs(10));
        assert_eq!((ended.cause.clone(), ended.forced), (Cause::Asked(0), true));
        let said = "stopped with code 0; what was left was killed";
        assert_eq!((ended.code(), ended.to_string()), (1, said.to_owned()));
        assert_eq!(log.lines(), ["log begins", "log ends"]);
    });
}

#[test]
fn a_release_can_be_stopped_while_an_application_is_still_starting() {
    scenario(|_: Process| async {
        let log = Log::default();
        let slow = Application::new("slow", || async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Supervisor::one_for_one().start_link().await
        });
        let release = Release::new()
            .application(application(&log, "log"))
            .application(slow)
            .application(application(&log, "web"));
        let running = release.start().await.unwrap();
        settle().await;
        assert_eq!(which_applications().await.unwrap().len(), 1);
        running.stop(0);
        let ended = running.up().await.unwrap_err();
        assert_eq!((ended.cause, ended.forced), (Cause::Asked(0), false));
        assert_eq!(log.lines(), ["log begins", "log ends"]);
    });
}

#[test]
fn one_release_runs_in_a_system_at_a_time() {
    scenario(|_: Process| async {
        let running = Release::new().start().await.unwrap();
        match Release::new().start().await {
            Err(ReleaseError::AlreadyRunning(_)) => {}
            other => panic!("{other:?}"),
        }
        running.stop(0);
        assert_eq!(running.wait().await.cause, Cause::Asked(0));
        let again = Release::new().start().await.unwrap();
        again.stop(0);
        again.wait().await;
    });
}

/// A process of an application may stop the whole: here one that has done all there was to do.
#[test]
fn a_process_of_an_application_can_end_the_program() {
    scenario(|_: Process| async {
        let work = || async {
            Task::async_(async { 6 * 7 }).await.expect("it can be computed");
            stop(42);
        };
        let child = ChildSpec::process("work", work).restart(Restart::Temporary);
        let tree = Supervisor::one_for_one().child(child);
        let batch = Application::new("batch", || tree.start_link());
        let running = Release::new().application(batch).start().await.unwrap();
        assert_eq!(running.wait().await.code(), 42);
    });
}

#[cfg(unix)]
mod signals {
    use std::io::{BufRead, BufReader, Read as _};
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// Set where a test is the program.
    const PROGRAM: &str = "OTP_TEST_PROGRAM";

    /// What is run in a program of its own; says what happens on its standard output.
    #[tokio::main(flavor = "current_thread")]
    async fn program() -> u8 {
        let deaf = std::env::var(PROGRAM).as_deref() == Ok("deaf");
        let worker = move || {
            move |mut me: Process<()>| async move {
                me.trap_exit(true);
                println!("up");
                me.receive().await;
                println!("asked to stop");
                if deaf {
                    pending::<()>().await;
                }
            }
        };
        let child = ChildSpec::process("worker", worker).shutdown(Shutdown::Infinity);
        let tree = Supervisor::one_for_one().child(child);
        let shop = Application::new("shop", || tree.start_link());
        let release = Release::new().application(shop).stop_within(Duration::from_hours(1));
        let ended = release.run().await.expect("a release");
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        println!("{ended}, {} processes are left", runtime::System::current().process_count());
        ended.code()
    }

    /// Starts the test that calls this once more, in a process of its own, where it is the program
    /// and does not return.
    fn start(kind: &str) -> (Child, BufReader<std::process::ChildStdout>) {
        if std::env::var_os(PROGRAM).is_some() {
            std::process::exit(program().into());
        }
        let this = std::thread::current().name().expect("a test's thread has its name").to_owned();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &this, "--nocapture", "--quiet"])
            .env(PROGRAM, kind)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (child, out)
    }

    fn read_until(out: &mut impl BufRead, wanted: &str) {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended before it said {wanted:?}");
        }
    }

    fn send(child: &Child, signal: Signal) {
        kill_process(Pid::from_child(child), signal).unwrap();
    }

    #[test]
    fn sigterm_stops_the_program_in_order_and_it_ends_with_code_0() {
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
            let (mut child, mut out) = start("polite");
            read_until(&mut out, "up");
            send(&child, signal);
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            assert!(
                rest.contains(&format!("asked to stop\nstopped by {name}, 0 processes are left\n")),
                "{rest}"
            );
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
    }

    #[test]
    fn a_second_signal_does_not_wait_any_more() {
        let (mut child, mut out) = start("deaf");
        read_until(&mut out, "up");
        send(&child, Signal::TERM);
        read_until(&mut out, "asked to stop");
        send(&child, Signal::INT);
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert!(
            rest.contains("stopped by SIGTERM; what was left was killed, 0 processes"),
            "{rest}"
        );
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}
