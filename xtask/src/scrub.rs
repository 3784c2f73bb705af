//! Takes out of a text what differs from run to run or from machine to machine.
//!
//! The same work must give the same report, byte for byte.

use regex_lite::{Captures, Regex};

/// Replacements that are known beforehand, and patterns that are always replaced.
#[derive(Debug)]
pub(crate) struct Scrubber {
    known: Vec<(String, String)>,
}

impl Scrubber {
    /// A scrubber that also replaces each first text by the second, in this order.
    pub(crate) fn new(known: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { known: known.into_iter().collect() }
    }

    /// The text without paths of this machine, process and thread ids, and addresses.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.known {
            text = text.replace(from, to);
        }
        for (pattern, to) in [
            (r"[^\s'`(]*/registry/src/[^/\s]+/", ""),
            (r"/rustc/[0-9a-f]{8,}/", "rustc/"),
            (r"(thread '[^']*') \(\d+\)", "$1"),
            (r"ThreadId\(\d+\)", "ThreadId(_)"),
            (r"0x[0-9a-f]{6,}", "0x_"),
        ] {
            if let Ok(pattern) = Regex::new(pattern) {
                text = pattern.replace_all(&text, to).into_owned();
            }
        }
        number_pids(&text)
    }
}

/// `<0.57.2>` becomes `<pid 1>`: the first one that appears is 1, and stays 1.
fn number_pids(text: &str) -> String {
    let Ok(pattern) = Regex::new(r"<\d+\.\d+\.\d+>") else { return text.to_owned() };
    let mut seen: Vec<String> = Vec::new();
    let number = |found: &Captures<'_>| {
        let pid = &found[0];
        let index = seen.iter().position(|old| old == pid).unwrap_or_else(|| {
            seen.push(pid.to_owned());
            seen.len() - 1
        });
        format!("<pid {}>", index + 1)
    };
    pattern.replace_all(text, number).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_run_is_taken_out() {
        let scrubber = Scrubber::new([("/home/x/course/".to_owned(), String::new())]);
        for (from, to) in [
            ("/home/x/course/src/lib.rs:3", "src/lib.rs:3"),
            ("thread 'a' (123) panicked", "thread 'a' panicked"),
            ("<0.7.1> linked to <0.9.1>, <0.7.1>", "<pid 1> linked to <pid 2>, <pid 1>"),
            (
                "at /root/.cargo/registry/src/index.io-1f/tokio-1.54.1/src/a.rs",
                "at tokio-1.54.1/src/a.rs",
            ),
            ("at /rustc/59807616e1fa/library/std", "at rustc/library/std"),
            ("ThreadId(12) 0x7ffe01ab23", "ThreadId(_) 0x_"),
            ("left: 1", "left: 1"),
        ] {
            assert_eq!(scrubber.scrub(from), to);
        }
    }
}
