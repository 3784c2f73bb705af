//! Reads the lines of a trace back, so that what a test expects can be drawn as well.

use super::step::{Key, Mark, Step};

impl Step {
    /// Reads `1s child exited: normal`. The first of the words that it knows counts, so a name that
    /// holds one of them is misread; a picture of events is not.
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let (at, rest) = line.trim().split_once(' ')?;
        let (start, verb) = VERBS
            .iter()
            .filter_map(|verb| Some((rest.find(verb.words)?, verb)))
            .min_by_key(|(start, verb)| (*start, std::cmp::Reverse(verb.words.len())))?;
        let (name, said) = (&rest[..start], &rest[start + verb.words.len()..]);
        let (mark, sentence) = (verb.read)(name, said);
        Some(Self {
            at: at.to_owned(),
            key: Key::Name(name.to_owned()),
            name: name.to_owned(),
            mark,
            sentence,
        })
    }
}

/// How a line says something, and what that means: of whom, and with which words.
struct Verb {
    words: &'static str,
    read: fn(&str, &str) -> (Mark, Option<String>),
}

const VERBS: [Verb; 11] = [
    Verb { words: " spawned", read: |_, said| (spawned(said), None) },
    Verb { words: " exited: ", read: |_, said| (exited(said), None) },
    Verb { words: " notes: ", read: |_, said| (Mark::Note(said.to_owned()), None) },
    Verb { words: " started ", read: |_, said| (started(said, 1), None) },
    Verb { words: " restarted ", read: restarted },
    Verb { words: " stopped ", read: stopped },
    Verb { words: " did not restart ", read: not_restarted },
    Verb { words: " did not start ", read: |_, said| (not_started(said), None) },
    Verb { words: " could not start ", read: could_not_start },
    Verb {
        words: " gave up: ",
        read: |name, said| (Mark::GaveUp, Some(format!("{name} gave up because {said}"))),
    },
    Verb {
        words: " shuts down: ",
        read: |name, said| (Mark::Ends, Some(format!("{name} shut down because {said}"))),
    },
];

fn spawned(said: &str) -> Mark {
    let parent = said.rsplit_once(" by ").map(|(_, parent)| Key::Name(parent.to_owned()));
    Mark::Begin { parent }
}

fn exited(said: &str) -> Mark {
    Mark::End {
        orderly: matches!(said, "normal" | "shutdown") || said.starts_with("{shutdown,"),
        reason: said.to_owned(),
    }
}

/// `till as shop.till`: the id, and the process's own name.
fn started(said: &str, incarnation: u32) -> Mark {
    let (id, name) = said.split_once(" as ").unwrap_or((said, said));
    Mark::Started {
        id: id.to_owned(),
        child: Key::Name(name.to_owned()),
        name: name.to_owned(),
        incarnation,
        culprit: None,
    }
}

/// `till #2 as shop.till: it crashed`.
fn restarted(_: &str, said: &str) -> (Mark, Option<String>) {
    let (what, cause) = said.split_once(": ").unwrap_or((said, ""));
    let (id, rest) = what.rsplit_once(" #").unwrap_or((what, "2"));
    let (number, name) = rest.split_once(" as ").unwrap_or((rest, id));
    let mark = match started(name, number.parse().unwrap_or(2)) {
        Mark::Started { child, name, incarnation, culprit, .. } => {
            Mark::Started { id: id.to_owned(), child, name, incarnation, culprit }
        }
        other => other,
    };
    (mark, Some(sentence(id, "restarted", cause)))
}

fn stopped(_: &str, said: &str) -> (Mark, Option<String>) {
    let (id, cause) = said.split_once(": ").unwrap_or((said, ""));
    let sentence = (cause == "on request").then(|| sentence(id, "stopped", cause));
    (Mark::Stopped { id: id.to_owned(), child: None }, sentence)
}

fn not_restarted(_: &str, said: &str) -> (Mark, Option<String>) {
    let (id, cause) = said.split_once(": ").unwrap_or((said, ""));
    let mark = Mark::NotRestarted { id: id.to_owned(), child: None };
    (mark, Some(format!("{id} was not restarted because {cause}")))
}

fn not_started(said: &str) -> Mark {
    let id = said.split_once(": ").map_or(said, |(id, _)| id);
    Mark::NotStarted { id: id.to_owned() }
}

fn could_not_start(_: &str, said: &str) -> (Mark, Option<String>) {
    let (id, error) = said.split_once(": ").unwrap_or((said, ""));
    let error = error.replace("; it tries again", "; it will be tried again");
    (not_started(said), Some(format!("{id} could not be started: {error}")))
}

fn sentence(id: &str, done: &str, cause: &str) -> String {
    match cause {
        "on request" => format!("{id} was {done} on request"),
        cause => format!("{id} was {done} because {cause}"),
    }
}
