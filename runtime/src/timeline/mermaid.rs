//! A timeline as a sequence diagram in Mermaid: time from top to bottom, one line for each row.

use std::fmt::Write as _;

use super::{End, Life, Remark, Row, Timeline};
use crate::mermaid::escape;

/// So many rows and things that happened are drawn: forges refuse longer texts.
const ROWS: usize = 40;
const EVENTS: usize = 300;

/// A line of the diagram, and when it belongs there.
struct Entry {
    step: usize,
    time: usize,
    text: String,
}

impl Timeline {
    pub(crate) fn to_mermaid(&self) -> String {
        let mut rows = self.rows();
        let hidden = rows.len().saturating_sub(ROWS);
        rows.truncate(ROWS);
        let mut out = "sequenceDiagram\n".to_owned();
        for (at, row) in rows.iter().enumerate() {
            let _ = writeln!(out, "    participant p{at} as {}", escape(&row.name));
        }
        let mut entries = self.entries(&rows);
        entries.sort_by_key(|entry| entry.step);
        let everybody = match rows.len() {
            0 => return out + "    participant nobody\n",
            1 => "p0".to_owned(),
            count => format!("p0,p{}", count - 1),
        };
        let more = entries.len().saturating_sub(EVENTS);
        let mut now = None;
        for Entry { time, text, .. } in entries.iter().take(EVENTS) {
            if now.replace(time) != Some(time) {
                let _ = writeln!(out, "    Note over {everybody}: {}", escape(&self.times[*time]));
            }
            let _ = writeln!(out, "    {text}");
        }
        if more > 0 {
            let _ = writeln!(out, "    Note over {everybody}: and {more} more");
        }
        if hidden > 0 {
            let _ = writeln!(out, "    Note over {everybody}: and {hidden} more lines");
        }
        out
    }

    fn entries(&self, rows: &[Row<'_>]) -> Vec<Entry> {
        let row_of = |life: &Life| {
            rows.iter().position(|row| row.lives.iter().any(|own| std::ptr::eq(own.life, life)))
        };
        let mut entries = Vec::new();
        for (own, row) in rows.iter().enumerate() {
            for placed in &row.lives {
                let life = placed.life;
                let supervisor = row.parent;
                let parent = life.parent.as_ref().and_then(|key| self.known.get(key));
                let above = supervisor.or_else(|| parent.and_then(|at| row_of(&self.lives[*at])));
                if let Some(begin) = life.begin {
                    let verb = match (supervisor, placed.incarnation) {
                        (None, _) => "spawns".to_owned(),
                        (Some(_), Some(number)) if number > 1 => format!("starts #35;{number}"),
                        (Some(_), _) => "starts".to_owned(),
                    };
                    let text = match above {
                        Some(above) => format!("p{above}->>p{own}: {verb}"),
                        None => format!("Note over p{own}: begins"),
                    };
                    entries.push(Entry { step: begin.step, time: begin.time, text });
                }
                let said = life.remarks.iter().filter_map(|remark| match remark {
                    Remark::Note(text) => Some(text),
                    Remark::Reason(_) => None,
                });
                for (at, text) in life.notes.iter().zip(said) {
                    let text = format!("Note over p{own}: #34;{}#34;", escape(text));
                    entries.push(Entry { step: at.step, time: at.time, text });
                }
                if let Some((end, how)) = life.end {
                    let reason = life.remarks.iter().find_map(|remark| match remark {
                        Remark::Reason(text) => Some(text.as_str()),
                        Remark::Note(_) => None,
                    });
                    let reason = escape(reason.unwrap_or("stopped"));
                    let text = match (supervisor, how) {
                        (Some(above), End::Crash) => format!("p{own}--xp{above}: {reason}"),
                        (Some(above), End::Orderly) => format!("p{own}-->>p{above}: {reason}"),
                        (None, End::Crash) => format!("Note over p{own}: ╳ {reason}"),
                        (None, End::Orderly) => format!("Note over p{own}: ■ {reason}"),
                    };
                    entries.push(Entry { step: end.step, time: end.time, text });
                }
            }
        }
        for saying in &self.sayings {
            let Some(own) = row_of(&self.lives[saying.life]) else { continue };
            let text = format!("Note over p{own}: {}", escape(&saying.sentence));
            entries.push(Entry { step: saying.now.step, time: saying.now.time, text });
        }
        entries
    }
}
