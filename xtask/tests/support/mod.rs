//! A small course of its own for each test, in a folder of its own.
//!
//! Each test has its own target folder: it goes away with the test, and nobody waits for a lock.

#![allow(dead_code, unreachable_pub, reason = "each test program needs another part of it")]
#![allow(clippy::must_use_candidate, reason = "in a test, nothing else is done with it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub const ANSWER: &str = "ch01_demo/drill_01_demo/src/lib.rs";
pub const TESTS: &str = "ch01_demo/drill_01_demo/tests/drill.rs";

/// A copy of the fixture.
pub struct Course {
    pub dir: TempDir,
}

/// What a run of the command printed, and how it ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Course {
    pub fn new() -> Self {
        Self::of("course")
    }

    /// A copy of another fixture.
    pub fn of(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        copy(&fixture, dir.path());
        Self { dir }
    }

    /// A copy with a workbook in which nothing is written yet.
    pub fn started() -> Self {
        let course = Self::new();
        assert_eq!(course.run(&["start", "drill_01"]).code, 0);
        course
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Replaces a text that must be there.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{from} is not in\n{text}");
        self.write(file, &text.replace(from, to));
    }

    /// Replaces the stub of exercise 1 in the workbook.
    pub fn answer(&self, code: &str) {
        self.edit(&format!("workbook/{ANSWER}"), "todo!(\"drill 1.1, exercise 1\")", code);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .args(["--course", "."])
            .current_dir(self.dir.path())
            .env_remove("CARGO_TARGET_DIR")
            .env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_at(self.dir.path(), arguments)
    }

    /// Runs the command in another folder, which is the root of a course too.
    pub fn run_at(&self, root: &Path, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).current_dir(root))
    }

    /// Every file below a folder, with what it holds.
    pub fn snapshot(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        found.sort();
        found
    }

    pub fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("target/grade/report.json")).unwrap()
    }

    #[track_caller]
    pub fn assert_score(&self, expected: f64) {
        let score = self.report()["score"].as_f64().unwrap();
        assert!((score - expected).abs() < 1e-9, "expected {expected} points, got {score}");
    }
}

impl Run {
    pub fn of(command: &mut Command) -> Self {
        let output: Output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn assert(&self, code: i32, words: &[&str]) {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{said}");
        for word in words {
            assert!(said.contains(word), "{word} is missing in\n{said}");
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}
