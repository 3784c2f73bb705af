//! A trace as a picture: one line per process, time from left to right.
//!
//! ```text
//!          0         1s
//! parent   ├─────────╳   panic: Child crashed!
//! child    ├─────────╳   panic: Child crashed!
//! ```
//!
//! Drawn from the printed lines of a trace, so that what a test expects can be drawn as well.

use std::fmt::Write as _;
use std::time::Duration;

/// A time as events print it: `0ms`, `250ms`, `1s`, `1.5s`; finer than a millisecond is cut off.
pub(crate) fn time(at: Duration) -> String {
    let millis = at.as_millis();
    match (millis / 1000, millis % 1000) {
        (0, millis) => format!("{millis}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, rest) => {
            let fraction = format!("{rest:03}");
            format!("{seconds}.{}s", fraction.trim_end_matches('0'))
        }
    }
}

/// What a line of a trace says, as far as a picture shows it.
#[derive(Debug, PartialEq)]
enum Mark {
    Begin,
    End { orderly: bool, reason: String },
    Note(String),
}

/// The life of one process.
struct Row<'a> {
    name: &'a str,
    begin: Option<usize>,
    end: Option<(usize, bool)>,
    remarks: Vec<String>,
    notes: Vec<usize>,
}

/// The distance between two times that something happened at, in characters.
const STEP: usize = 10;

/// Splits `1s child exited: normal` into its time, its process and the rest.
fn split(line: &str) -> Option<(&str, &str, Mark)> {
    let line = line.trim().lines().next()?;
    let (at, rest) = line.split_once(' ')?;
    // The first of the words: a reason may quote the others.
    let words = [" spawned", " exited: ", " notes: "];
    let (place, word) = words
        .into_iter()
        .filter_map(|word| Some((rest.find(word)?, word)))
        .min_by_key(|at| at.0)?;
    let (name, said) = (&rest[..place], &rest[place + word.len()..]);
    let mark = match word {
        " spawned" => Mark::Begin,
        " exited: " => Mark::End {
            orderly: matches!(said, "normal" | "shutdown") || said.starts_with("{shutdown,"),
            reason: said.to_owned(),
        },
        _ => Mark::Note(said.to_owned()),
    };
    Some((at, name, mark))
}

/// Draws the lines of a trace. Lines that are no part of a process's life are passed over.
pub(crate) fn draw(lines: &[String]) -> String {
    let mut times: Vec<&str> = Vec::new();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for line in lines {
        let Some((at, name, mark)) = split(line) else { continue };
        if times.last() != Some(&at) {
            times.push(at);
        }
        let column = (times.len() - 1) * STEP;
        // A name may live twice; a new life gets a row of its own.
        let known = rows.iter().rposition(|row| row.name == name);
        let row = match (known, &mark) {
            (Some(at), Mark::End { .. } | Mark::Note(_)) => &mut rows[at],
            (Some(at), Mark::Begin) if rows[at].begin.is_none() => &mut rows[at],
            _ => {
                rows.push(Row {
                    name,
                    begin: None,
                    end: None,
                    remarks: Vec::new(),
                    notes: Vec::new(),
                });
                let last = rows.len() - 1;
                &mut rows[last]
            }
        };
        match mark {
            Mark::Begin => row.begin = Some(column),
            Mark::End { orderly, reason } => {
                row.end = Some((column, orderly));
                row.remarks.push(reason);
            }
            Mark::Note(text) => {
                row.notes.push(column);
                row.remarks.push(format!("\"{text}\""));
            }
        }
    }
    let margin = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0) + 2;
    let width = times.len().saturating_sub(1) * STEP + 4;
    let mut out = " ".repeat(margin);
    for at in &times {
        let _ = write!(out, "{at:<STEP$}");
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    for row in rows {
        let mut bar: Vec<char> = vec![' '; width];
        let from = row.begin.unwrap_or(0);
        let to = row.end.map_or(width - 1, |(column, _)| column);
        for cell in bar.iter_mut().take(to).skip(from) {
            *cell = '─';
        }
        if let Some(cell) = row.begin.and_then(|column| bar.get_mut(column)) {
            *cell = '├';
        }
        for column in row.notes {
            bar[column] = '•';
        }
        match row.end {
            Some((column, true)) => bar[column] = '■',
            Some((column, false)) => bar[column] = '╳',
            None => bar[width - 1] = '▶',
        }
        let bar: String = bar.into_iter().collect();
        let line = format!("{:<margin$}{bar}{}", row.name, row.remarks.join("; "));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_briefly_as_they_can() {
        let rows = [(0, "0ms"), (250, "250ms"), (1000, "1s"), (1500, "1.5s"), (61_001, "61.001s")];
        for (millis, text) in rows {
            assert_eq!(time(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_crash_along_a_link_is_drawn() {
        let lines = [
            "0ms parent spawned by nobody",
            "0ms child spawned and linked by parent",
            "1s child exited: panic: boom",
            "1s parent exited: panic: boom",
        ]
        .map(String::from);
        let expected = "        0ms       1s
parent  ├─────────╳   panic: boom
child   ├─────────╳   panic: boom
";
        assert_eq!(draw(&lines), expected);
    }

    #[test]
    fn an_orderly_end_is_told_by_its_reason_not_by_a_word_in_it() {
        let end = |said: &str| draw(&[format!("1s a exited: {said}")]).contains('■');
        assert!(end("normal") && end("shutdown") && end("{shutdown, \"upgrade\"}"));
        assert!(!end("panic: cannot shutdown") && !end("killed"));
    }

    #[test]
    fn a_long_message_is_cut_to_its_first_line() {
        let lines = ["1s a exited: panic: one\n  left: 1\n 0ms b spawned by a".to_owned()];
        assert_eq!(draw(&lines).lines().count(), 2);
    }

    #[test]
    fn a_reason_may_quote_a_trace() {
        let picture = draw(&["1s a exited: panic: 0ms b spawned by a".to_owned()]);
        assert!(picture.lines().any(|line| line.starts_with("a  ")), "{picture}");
    }

    #[test]
    fn a_process_that_still_runs_has_no_end() {
        let lines = ["0ms a spawned by nobody", "5ms b spawned by a", "7ms b exited: normal"]
            .map(String::from);
        let expected = "   0ms       5ms       7ms
a  ├──────────────────────▶
b            ├─────────■   normal
";
        assert_eq!(draw(&lines), expected);
    }
}
