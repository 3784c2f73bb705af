//! The runtime cannot be built where a panic ends the whole program.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const UNWINDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/unwinding.rs");

/// Compiles that one file as a crate.
fn compile(panic: &str) -> Output {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unwinding-{panic}"));
    fs::create_dir_all(&dir).expect("there is room for the output");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata"])
        .args(["-C", &format!("panic={panic}"), "--out-dir"])
        .arg(dir)
        .arg(UNWINDING)
        .output()
        .expect("there is a rustc")
}

/// With `panic = "abort"` a crash would end the program: the build fails, and says so.
#[test]
fn a_build_that_aborts_on_panic_is_refused() {
    let output = compile("abort");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(r#"`runtime` needs panic = "unwind""#), "{text}");
    assert!(text.contains("aborting due to 1 previous error"), "for no other reason: {text}");
}

/// With the default strategy the same file compiles, and it is part of the crate.
#[test]
fn a_build_that_unwinds_on_panic_is_accepted() {
    let output = compile("unwind");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lib = include_str!("../../src/lib.rs");
    assert!(lib.lines().any(|line| line == "mod unwinding;"));
}
