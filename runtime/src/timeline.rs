//! A trace as a picture: one line per process, time from left to right.
//!
//! ```text
//!          0         1s
//! parent   ├─────────╳   panic: Child crashed!
//! child    ├─────────╳   panic: Child crashed!
//! ```
//!
//! Drawn from events, or from the printed lines of a trace, so that what a test expects can be drawn
//! as well. Both become [`Step`]s, steps become a [`Timeline`], and that is printed here and drawn in
//! `svg`.

#[cfg(any(test, feature = "testing"))]
mod line;
mod mermaid;
mod step;
mod svg;

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::plain;
use crate::trace::Event;
use step::{Key, Mark, Step};

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

/// The least distance between two times that something happened at, in characters.
const STEP: usize = 10;

/// When there are many times, they stand closer, to keep the drawing to a width if they can.
const NARROW: usize = 3;
const WIDTH: usize = 100;

/// Names are cut to this, each reason and note to this, all of a line together to this, in
/// characters.
const NAME: usize = 40;
const REMARK: usize = 120;
const BESIDE: usize = 160;

/// So many children of one group begin one after the other; the rest begin with the last of them.
const STAGGER: usize = 6;

/// So many sentences are said.
const SENTENCES: usize = 40;

/// A place in the drawing: a time, and a cell at that time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    time: usize,
    slot: usize,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Crash,
}

/// Something that happened: when in the drawing, and as which step of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    time: usize,
    step: usize,
}

/// The life of one process.
#[derive(Debug, Default)]
struct Life {
    name: String,
    /// Who spawned it.
    parent: Option<Key>,
    begin: Option<Moment>,
    end: Option<(Moment, End)>,
    notes: Vec<Moment>,
    remarks: Vec<Remark>,
    /// The life of its supervisor, and its place among the children there.
    supervisor: Option<usize>,
    place: usize,
    /// Its children, in the order in which they were started.
    children: Vec<Child>,
    supervises: bool,
    gave_up: bool,
}

/// What is said of a life beside its line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remark {
    Reason(String),
    Note(String),
}

/// One start of a child.
#[derive(Clone, Debug)]
struct Child {
    id: String,
    life: usize,
    /// None when the start failed.
    incarnation: Option<u32>,
    /// Which of its group it is: they begin one after the other.
    turn: usize,
    /// The child that made the group's restart necessary.
    culprit: Option<String>,
    /// It is not restarted any more.
    left: bool,
}

/// A sentence, when it was true, and whose it is.
#[derive(Debug)]
struct Saying {
    at: String,
    now: Moment,
    life: usize,
    sentence: String,
}

/// A group that is being started: whose, when, what for, and how many before this one.
#[derive(Debug)]
struct Group {
    supervisor: usize,
    time: usize,
    culprit: String,
    count: usize,
}

/// What a trace shows.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    times: Vec<String>,
    lives: Vec<Life>,
    sayings: Vec<Saying>,
    /// The last life under a key.
    known: HashMap<Key, usize>,
    group: Option<Group>,
    steps: usize,
}

/// Draws the lines of a trace. Lines that are no part of a process's life are passed over.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn draw(lines: &[String]) -> String {
    Timeline::of_steps(lines.iter().filter_map(|line| Step::of_line(line))).to_string()
}

impl Timeline {
    pub(crate) fn of_events(events: &[Event]) -> Self {
        Self::of_steps(events.iter().filter_map(Step::of_event))
    }

    fn of_steps(steps: impl Iterator<Item = Step>) -> Self {
        let mut this = Self::default();
        for step in steps {
            this.take(step);
        }
        this
    }

    fn new_life(&mut self, key: Key, name: &str) -> usize {
        let life = self.lives.len();
        self.known.insert(key, life);
        self.lives.push(Life { name: plain::cut(name, NAME).into_owned(), ..Life::default() });
        life
    }

    fn take(&mut self, step: Step) {
        let Step { at, key, name, mark, sentence } = step;
        if self.times.last() != Some(&at) {
            self.times.push(at.clone());
        }
        self.steps += 1;
        let now = Moment { time: self.times.len() - 1, step: self.steps };
        // A name may live twice; a new life gets a row of its own.
        let life = match self.known.get(&key) {
            Some(&life) if mark.is_begin() && self.lives[life].begin.is_some() => {
                self.new_life(key.clone(), &name)
            }
            Some(&life) => life,
            None => self.new_life(key.clone(), &name),
        };
        let own = &mut self.lives[life];
        own.supervises |= mark.is_decision();
        match mark {
            Mark::Begin { parent } => (own.begin, own.parent) = (Some(now), parent),
            Mark::End { orderly, reason } => {
                let end = if orderly && !own.gave_up { End::Orderly } else { End::Crash };
                let text = if own.gave_up { "gave up" } else { &reason };
                own.end = Some((now, end));
                own.remarks.push(Remark::Reason(remark(text)));
            }
            Mark::Note(text) => {
                own.notes.push(now);
                own.remarks.push(Remark::Note(remark(&text)));
            }
            Mark::Started { id, child, name, incarnation, culprit } => {
                let culprit = culprit.map(|culprit| plain::cut(&culprit, NAME).into_owned());
                let turn = self.turn(life, now.time, culprit.clone());
                let child = match self.known.get(&child) {
                    Some(&child) => child,
                    None => self.new_life(child, &name),
                };
                let id = plain::cut(&id, NAME).into_owned();
                let incarnation = Some(incarnation);
                let left = false;
                self.adopt(life, Child { id, life: child, incarnation, turn, culprit, left });
            }
            Mark::Stopped { id, child } => {
                if let Some(child) = self.child_of(life, &id, child.as_ref()) {
                    self.lives[child].stopped();
                }
            }
            Mark::NotRestarted { id, child } => {
                let child = self.child_of(life, &id, child.as_ref());
                for entry in &mut self.lives[life].children {
                    entry.left |= Some(entry.life) == child;
                }
            }
            Mark::NotStarted { id } => self.not_started(life, &key, &id),
            Mark::GaveUp => own.gave_up = true,
            Mark::Ends => {}
        }
        if let Some(sentence) = sentence {
            self.sayings.push(Saying { at, now, life, sentence });
        }
    }

    /// Which child of its group is started now.
    fn turn(&mut self, supervisor: usize, time: usize, culprit: Option<String>) -> usize {
        let Some(culprit) = culprit else {
            self.group = None;
            return 0;
        };
        match &mut self.group {
            Some(group)
                if (group.supervisor, group.time) == (supervisor, time)
                    && group.culprit == culprit =>
            {
                group.count += 1;
                group.count.min(STAGGER)
            }
            group => {
                *group = Some(Group { supervisor, time, culprit, count: 0 });
                0
            }
        }
    }

    /// The life of a child: the one that is meant, or else the last with this id.
    fn child_of(&self, supervisor: usize, id: &str, child: Option<&Key>) -> Option<usize> {
        match child {
            Some(child) => self.known.get(child).copied(),
            None => {
                let id = plain::cut(id, NAME);
                let mut children = self.lives[supervisor].children.iter().rev();
                children.find(|child| child.id == *id).map(|child| child.life)
            }
        }
    }

    /// A life becomes that of a child, once and for all.
    fn adopt(&mut self, supervisor: usize, child: Child) {
        let mut above = Some(supervisor);
        while let Some(life) = above {
            if life == child.life {
                return;
            }
            above = self.lives[life].supervisor;
        }
        if self.lives[child.life].supervisor.is_none() {
            self.lives[child.life].supervisor = Some(supervisor);
            self.lives[child.life].place = self.lives[supervisor].children.len();
            self.lives[supervisor].children.push(child);
        }
    }

    /// What a supervisor spawned since it last had a child, and has ended already, was the start of
    /// this child: a supervisor does nothing else.
    fn not_started(&mut self, supervisor: usize, key: &Key, id: &str) {
        for life in supervisor + 1..self.lives.len() {
            let Life { parent, end, supervisor: other, .. } = &self.lives[life];
            if parent.as_ref() == Some(key) && end.is_some() && other.is_none() {
                let id = plain::cut(id, NAME).into_owned();
                let (incarnation, turn, culprit, left) = (None, 0, None, false);
                self.adopt(supervisor, Child { id, life, incarnation, turn, culprit, left });
            }
        }
    }

    fn is_supervised(&self) -> bool {
        self.lives.iter().any(|life| life.supervises)
    }

    /// The rows, from top to bottom.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for (number, life) in self.lives.iter().enumerate() {
            if life.supervisor.is_none() {
                let lives = vec![(number, None)];
                let family = Family { id: None, lives, incarnation: 1 };
                self.row(&family, &[], None, &mut rows);
            }
        }
        rows
    }

    fn row<'a>(
        &'a self,
        family: &Family<'a>,
        stem: &[bool],
        parent: Option<usize>,
        rows: &mut Vec<Row<'a>>,
    ) {
        let own: Vec<usize> = family.lives.iter().map(|(life, _)| *life).collect();
        let families = self.families(&own);
        let supervises = own.iter().any(|life| self.lives[*life].supervises);
        let heavy = family.id.is_some() || supervises;
        let lives = self.place(family, heavy);
        let name = self.name(family);
        let Family { id, incarnation, .. } = *family;
        let own = Some(rows.len());
        rows.push(Row {
            stem: stem.to_vec(),
            parent,
            id,
            name,
            incarnation,
            heavy,
            supervises,
            lives,
        });
        let count = families.len();
        for (at, family) in families.into_iter().enumerate() {
            let stem = [stem, &[at + 1 == count]].concat();
            self.row(&family, &stem, own, rows);
        }
    }

    /// The name of a row: the child's id, and what the process calls itself if that is another.
    fn name(&self, family: &Family<'_>) -> String {
        let own = family.lives.last().map_or("", |(life, _)| &self.lives[*life].name);
        match family.id {
            None => own.to_owned(),
            Some(id) if id == own || own.starts_with('#') => id.to_owned(),
            Some(id) => format!("{id} ({own})"),
        }
    }

    /// The children of a supervisor, all of its incarnations taken together.
    fn families(&self, supervisors: &[usize]) -> Vec<Family<'_>> {
        let mut families: Vec<Family<'_>> = Vec::new();
        // The first start by this incarnation of the supervisor, and the last one, by family.
        let mut spans: Vec<(usize, &Child)> = Vec::new();
        for supervisor in supervisors {
            for child in &self.lives[*supervisor].children {
                let begun = self.lives[child.life].begin.map_or(0, |begin| begin.step);
                let fits = |&at: &usize| {
                    let (of, last) = spans[at];
                    let ended = self.lives[last.life].end.is_some_and(|(end, _)| end.step < begun);
                    let anew = of != *supervisor;
                    let first = child.incarnation == Some(1);
                    let unborn = families[at].incarnation == 0 || child.incarnation.is_none();
                    families[at].id == Some(&*child.id)
                        && ended
                        // A child that was removed and added again is another one.
                        && (anew || unborn || !(first || last.left))
                };
                let next = |at: usize| child.incarnation == Some(families[at].incarnation + 1);
                let end = |at: usize| self.lives[spans[at].1.life].end.map(|(end, _)| end.step);
                let known = (0..families.len()).filter(fits).max_by_key(|&at| (next(at), end(at)));
                let at = known.unwrap_or_else(|| {
                    families.push(Family { id: Some(&child.id), lives: vec![], incarnation: 0 });
                    spans.push((*supervisor, child));
                    families.len() - 1
                });
                let family = &mut families[at];
                if let Some(incarnation) = child.incarnation {
                    // A supervisor that was restarted counts anew; the line goes on.
                    family.incarnation = incarnation.max(family.incarnation + 1);
                }
                let number = child.incarnation.map(|_| family.incarnation);
                family.lives.push((child.life, number));
                spans[at] = (*supervisor, child);
            }
        }
        families
    }

    /// Where the lives of a row are drawn: each thing in a cell of its own, unless it is a plain
    /// process, where all that happens at one time is in one cell.
    fn place(&self, family: &Family<'_>, heavy: bool) -> Vec<Placed<'_>> {
        let mut last: Option<Spot> = None;
        let mut spot = |time: usize, turn: usize| {
            let slot = match last {
                _ if !heavy => 0,
                Some(last) if last.time == time => last.slot + 1 + turn,
                _ => turn,
            };
            *last.insert(Spot { time, slot })
        };
        let place = |&(at, incarnation): &(usize, Option<u32>)| {
            let life = &self.lives[at];
            let child = self.as_child(at);
            let turn = child.map_or(0, |child| child.turn);
            Placed {
                life,
                incarnation,
                culprit: child.and_then(|child| child.culprit.as_deref()),
                begin: life.begin.map(|begin| spot(begin.time, turn)),
                notes: life.notes.iter().map(|note| spot(note.time, 0)).collect(),
                end: life.end.map(|(end, how)| (spot(end.time, 0), how)),
            }
        };
        family.lives.iter().map(place).collect()
    }

    /// A life as that of a child.
    fn as_child(&self, life: usize) -> Option<&Child> {
        let supervisor = &self.lives[self.lives[life].supervisor?];
        let at = self.lives[life].place;
        supervisor.children.get(at)
    }

    /// The most cells that are used at each time.
    fn slots(&self, rows: &[Row<'_>]) -> Vec<usize> {
        let mut slots = vec![1; self.times.len()];
        for placed in rows.iter().flat_map(|row| &row.lives) {
            let end = placed.end.map(|(spot, _)| spot);
            for spot in placed.begin.iter().chain(&placed.notes).chain(&end) {
                slots[spot.time] = slots[spot.time].max(spot.slot + 1);
            }
        }
        slots
    }
}

impl Life {
    /// Its supervisor stopped it: then being shut down is no news, and being killed no crash. Whatever
    /// else it ended with is its own doing.
    fn stopped(&mut self) {
        let Some((_, end)) = &mut self.end else { return };
        let is =
            |remark: &Remark, what: &str| matches!(remark, Remark::Reason(text) if text == what);
        if self.remarks.iter().any(|remark| is(remark, "killed")) {
            *end = End::Orderly;
        }
        self.remarks.retain(|remark| !is(remark, "shutdown"));
    }
}

/// A failed assertion speaks in many lines; a picture has one for each process.
fn remark(text: &str) -> String {
    plain::cut(text.lines().next().unwrap_or_default(), REMARK).into_owned()
}

/// A process, or all incarnations of a child.
#[derive(Debug)]
struct Family<'a> {
    /// The child's id.
    id: Option<&'a str>,
    /// The oldest first, each with the incarnation that it is, if it came up.
    lives: Vec<(usize, Option<u32>)>,
    /// Which incarnation the last one is.
    incarnation: u32,
}

/// One line of the drawing.
#[derive(Debug)]
struct Row<'a> {
    /// For each step away from the root, whether it is the last of its siblings.
    stem: Vec<bool>,
    /// The row of the supervisor.
    parent: Option<usize>,
    id: Option<&'a str>,
    name: String,
    incarnation: u32,
    /// Whether it has to do with supervision.
    heavy: bool,
    supervises: bool,
    lives: Vec<Placed<'a>>,
}

/// A life, and where it is drawn.
#[derive(Debug)]
struct Placed<'a> {
    life: &'a Life,
    /// Which incarnation of a child it is, if it came up.
    incarnation: Option<u32>,
    /// The child that made its restart necessary.
    culprit: Option<&'a str>,
    begin: Option<Spot>,
    end: Option<(Spot, End)>,
    notes: Vec<Spot>,
}

impl Row<'_> {
    /// What is said beside the line: what went wrong, and the notes; the same thing only once if
    /// that is wanted.
    fn remarks(&self, once: bool) -> Vec<String> {
        let mut said: Vec<(String, usize)> = Vec::new();
        for remark in self.lives.iter().flat_map(|placed| &placed.life.remarks) {
            let text = match remark {
                Remark::Reason(text) => text.clone(),
                Remark::Note(text) => format!("\"{text}\""),
            };
            match said.iter_mut().find(|(known, _)| once && *known == text) {
                Some((_, count)) => *count += 1,
                None => said.push((text, 1)),
            }
        }
        let print = |(text, count): (String, usize)| match count {
            1 => text,
            count => format!("{text} ×{count}"),
        };
        said.into_iter().map(print).collect()
    }
}

/// The lines in front of a name: `│  └─ `.
pub(crate) fn prefix(stem: &[bool]) -> String {
    let Some((last, above)) = stem.split_last() else { return String::new() };
    let mut prefix: String = above.iter().map(|last| if *last { "   " } else { "│  " }).collect();
    prefix.push_str(if *last { "└─ " } else { "├─ " });
    prefix
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let slots = self.slots(&rows);
        // What is drawn without a supervisor stays as it always was.
        let supervised = self.is_supervised();
        let step = match self.times.len() {
            count if supervised => (WIDTH / count.max(1)).clamp(NARROW, STEP),
            _ => STEP,
        };
        let mut starts = Vec::new();
        let mut width = 0;
        for (at, slots) in self.times.iter().zip(&slots) {
            starts.push(width);
            let label = if step < STEP { 0 } else { at.len() + 1 };
            width += step.max(label).max(slots + 1);
        }
        width = match (starts.last(), slots.last()) {
            (Some(start), Some(slots)) => start + slots + 3,
            _ => 4,
        };
        let named = |row: &Row<'_>| format!("{}{}", prefix(&row.stem), row.name);
        let margin = rows.iter().map(|row| plain::cells(&named(row))).max().unwrap_or(0) + 2;
        let mut axis = String::new();
        for (at, start) in self.times.iter().zip(&starts) {
            // A time that finds no room goes unsaid.
            if axis.is_empty() || axis.len() < *start {
                axis = plain::pad(&axis, *start) + at;
            }
        }
        writeln!(f, "{:margin$}{axis}", "")?;
        for row in &rows {
            let bar = bar(row, &starts, width);
            let said = row.remarks(supervised).join("; ");
            let beside = match (row.incarnation, supervised) {
                (_, false) => said,
                (0 | 1, true) => format!(" {}", plain::cut(&said, BESIDE)),
                (number, true) => format!(" #{number}  {}", plain::cut(&said, BESIDE)),
            };
            let line = format!("{}{bar}{beside}", plain::pad(&named(row), margin));
            writeln!(f, "{}", line.trim_end())?;
        }
        self.write_sayings(f)
    }
}

impl Timeline {
    fn write_sayings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sayings.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let shown = &self.sayings[..self.sayings.len().min(SENTENCES)];
        let margin = shown.iter().map(|saying| saying.at.chars().count()).max().unwrap_or(0) + 2;
        for Saying { at, sentence, .. } in shown {
            writeln!(f, "{at:<margin$}{sentence}")?;
        }
        match self.sayings.len() - shown.len() {
            0 => Ok(()),
            more => writeln!(f, "{:margin$}and {more} more", ""),
        }
    }
}

/// The line of one row, `width` cells long; each time begins at its cell.
fn bar(row: &Row<'_>, starts: &[usize], width: usize) -> String {
    let cell = |spot: Spot| starts[spot.time] + spot.slot;
    let (first, fill) = if row.heavy { ('╺', '━') } else { ('├', '─') };
    let mut bar = vec![' '; width];
    for placed in &row.lives {
        let from = placed.begin.map_or(0, cell);
        let to = placed.end.map_or(width - 1, |(spot, _)| cell(spot));
        for at in &mut bar[from..to.max(from)] {
            *at = fill;
        }
        if let Some(begin) = placed.begin {
            bar[cell(begin)] = first;
        }
        for note in &placed.notes {
            bar[cell(*note)] = '•';
        }
        bar[to] = match placed.end {
            Some((_, End::Orderly)) => '■',
            Some((_, End::Crash)) => '╳',
            None => '▶',
        };
    }
    bar.into_iter().collect()
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
    fn what_is_expected_of_supervisors_is_drawn_from_its_lines() {
        let lines = [
            "0ms main spawned by nobody",
            "0ms shop spawned and linked by main",
            "0ms till spawned and linked by shop",
            "0ms shop started till",
            "0ms clock tower spawned and linked by shop",
            "0ms shop started clock as clock tower",
            "1s till exited: panic: stuck",
            "1s clock tower exited: killed",
            "1s shop stopped clock: till, started before it, crashed",
            "1s till spawned and linked by shop",
            "1s till exited: \"no paper\"",
            "1s shop could not start till: init failed: \"no paper\"; it tries again",
            "1s till spawned and linked by shop",
            "1s shop restarted till #2: its last start failed",
            "1s clock tower spawned and linked by shop",
            "1s shop restarted clock #2 as clock tower: till, started before it, could not be started",
            "2s clock tower exited: normal",
            "2s shop did not restart clock: it is transient, and ended as expected",
            "3s till exited: panic: stuck",
            "3s shop gave up: till crashed, and only 2 restarts in 5s are allowed",
            "3s shop exited: shutdown",
        ]
        .map(String::from);
        let expected = "                        0ms       1s        2s        3s
main                    ├────────────────────────────────▶
shop                    ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳    gave up
├─ till                 ╺━━━━━━━━━╳╺╳╺━━━━━━━━━━━━━━━━╳    #2  panic: stuck ×2; \"no paper\"
└─ clock (clock tower)  ╺━━━━━━━━━■╺━━━━━━━━■              #2  killed; normal

1s  till could not be started: init failed: \"no paper\"; it will be tried again
1s  till was restarted because its last start failed
1s  clock was restarted because till, started before it, could not be started
2s  clock was not restarted because it is transient, and ended as expected
3s  shop gave up because till crashed, and only 2 restarts in 5s are allowed
";
        let drawn = draw(&lines);
        assert_eq!(drawn, expected, "\n{drawn}");
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
