//! The pictures of a scenario leave the test's process, where `OTP_PICTURES` says so.
//!
//! Each test runs one of the small tests below in a process of its own, with that variable.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runtime::testing::{scenario, scenario_with};
use runtime::{ChildSpec, Process, Strategy, Supervisor, System, assert_timeline, note, set_label};
use tokio::time::sleep;

mod small {
    use super::*;

    /// `clock` crashes after a second, once.
    fn shop() -> Supervisor {
        let begun = AtomicBool::new(false);
        let clock = ChildSpec::process("clock", move || {
            let first = !begun.swap(true, Ordering::SeqCst);
            async move {
                sleep(Duration::from_secs(1)).await;
                assert!(!first, "stuck");
                std::future::pending::<()>().await;
            }
        });
        Supervisor::new(Strategy::OneForOne).child(clock)
    }

    #[test]
    fn a_shop() {
        scenario(|_: Process| async {
            shop().start_link().await.unwrap();
            sleep(Duration::from_secs(2)).await;
        });
    }

    #[test]
    fn only_a_part_is_compared() {
        scenario(|_: Process| async {
            sleep(Duration::from_secs(1)).await;
            let history = System::current().record();
            runtime::spawn(async {
                set_label("part").unwrap();
            });
            sleep(Duration::from_secs(1)).await;
            assert_timeline!(
                history.trace(),
                "
      1s
part  ■   normal
"
            );
        });
    }

    #[test]
    #[should_panic(expected = "number 2")]
    fn the_third_number_fails() {
        scenario_with(|number| async move {
            note(format!("number {number}"));
            assert!(number != 2, "number 2");
        });
    }

    #[test]
    fn two_scenarios() {
        scenario(|_: Process| async { note("the first") });
        scenario(|_: Process| async { note("the second") });
    }
}

/// Runs one small test; all files that it leaves, by name.
fn pictures(of: &str, folder: &str, threads: &str) -> BTreeMap<String, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures").join(folder);
    let _ = fs::remove_dir_all(&dir);
    run(of, Some(&dir), threads);
    let files = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.map(read).collect()
}

#[track_caller]
fn run(test: &str, dir: Option<&Path>, threads: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, threads]).env_remove("OTP_PICTURES").env_remove("OTP_SEED");
    if let Some(dir) = dir {
        command.env("OTP_PICTURES", dir);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Timeline and tree as text, SVG and Mermaid, the trees one by one, the events as data.
#[test]
fn a_scenario_leaves_its_pictures_also_when_it_passes() {
    let files = pictures("small::a_shop", "passes", "--test-threads=1");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let endings = [
        "events.jsonl",
        "everything.mmd",
        "everything.svg",
        "everything.txt",
        "timeline.mmd",
        "timeline.svg",
        "timeline.txt",
        "tree.mmd",
        "tree.svg",
        "tree.txt",
        "trees.txt",
    ];
    assert_eq!(names, endings.map(|ending| format!("small.a_shop.{ending}")));
    let file = |ending: &str| files[&format!("small.a_shop.{ending}")].as_str();
    let timeline = "          0ms       1s        2s
main      ├───────────────────■    normal
#2        ╺━━━━━━━━━━━━━━━━━━━■    normal
└─ clock  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  panic: stuck

1s  one_for_one: clock was restarted because it crashed
";
    assert_eq!(file("timeline.txt"), timeline);
    assert_eq!(file("everything.txt"), timeline);
    let trees = "0ms
main         process 1
└╌ #2        one_for_one supervisor, process 2, linked
   └─ clock  permanent worker, process 3

1s
main            process 1
└╌ #2           one_for_one supervisor, process 2, linked
   └─ clock #2  permanent worker, process 4

";
    assert!(file("trees.txt").starts_with(trees), "{}", file("trees.txt"));
    assert!(trees.ends_with(&format!("{}\n", file("tree.txt"))), "{}", file("tree.txt"));
    assert!(file("timeline.svg").starts_with("<svg ") && file("tree.svg").starts_with("<svg "));
    assert!(file("timeline.mmd").starts_with("sequenceDiagram\n"));
    assert!(file("tree.mmd").starts_with("flowchart TD\n"));
    let restart = "{\"at_ns\":1000000000,\"number\":2,\"process\":\"#2\",\
        \"event\":\"child_restarted\",\"child\":\"clock\",\"incarnation\":2,\
        \"line\":\"1s #2 restarted clock #2: it crashed\"}";
    assert!(file("events.jsonl").lines().any(|line| line == restart), "{}", file("events.jsonl"));
}

#[test]
fn the_same_scenario_leaves_the_same_bytes() {
    let first = pictures("small::a_shop", "once", "--test-threads=1");
    assert_eq!(pictures("small::a_shop", "again", "--test-threads=4"), first);
}

/// What a test compares is what it is about; the rest is kept beside it.
#[test]
fn the_timeline_is_that_of_the_trace_which_the_test_compares() {
    let files = pictures("small::only_a_part_is_compared", "part", "--test-threads=1");
    let file = |ending: &str| files[&format!("small.only_a_part_is_compared.{ending}")].as_str();
    assert_eq!(file("timeline.txt"), "      1s\npart  ■   normal\n");
    assert!(file("everything.txt").contains("main  ├"), "{}", file("everything.txt"));
}

#[test]
fn a_failing_run_takes_the_place_of_the_first_one() {
    let files = pictures("small::the_third_number_fails", "fails", "--test-threads=1");
    let timeline = &files["small.the_third_number_fails.timeline.txt"];
    assert!(timeline.contains("\"number 2\"; panic: number 2"), "{timeline}");
}

#[test]
fn the_second_scenario_of_a_test_has_files_of_its_own() {
    let files = pictures("small::two_scenarios", "two", "--test-threads=1");
    assert!(files["small.two_scenarios.timeline.txt"].contains("the first"));
    assert!(files["small.two_scenarios-2.timeline.txt"].contains("the second"));
}

/// Also where all happens at one moment, at the end of which nobody is left.
#[test]
fn the_tree_is_that_in_which_the_most_processes_ran() {
    let files = pictures("small::two_scenarios", "moment", "--test-threads=1");
    assert_eq!(files["small.two_scenarios.tree.txt"], "main  process 1\n");
}

#[test]
fn without_the_variable_nothing_is_written() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures/none");
    let _ = fs::remove_dir_all(&dir);
    run("small::a_shop", None, "--test-threads=1");
    assert!(!dir.exists());
}

#[test]
fn a_folder_that_cannot_be_written_fails_the_test() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(&program)
        .args(["--exact", "small::a_shop"])
        .env("OTP_PICTURES", &program)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("OTP_PICTURES: cannot write"), "{said}");
}
