//! A timeline as SVG: the same rows as in the text, and the same words below them.

use std::fmt::Write as _;

use super::{End, Placed, Row, SENTENCES, Saying, Spot, Timeline};
use crate::plain;
use crate::svg::{self, EDGE, LINE};

/// The height of a row, and of the bar in it.
const ROW: usize = 30;
const BAR: usize = 14;

/// How far a child stands to the right of its supervisor.
const INDENT: usize = 20;

/// The distance of things that happened at one time.
const SLOT: usize = 16;

/// The distance of two times: what many get, what few get, and what all together should take.
const NARROW: usize = 18;
const WIDE: usize = 150;
const PREFERRED: usize = 720;

/// From this distance on, each time is said.
const SPACIOUS: usize = 40;

/// The width that a drawing has at least, so that the sentences below it are not broken too often.
const LEAST: usize = 680;

/// So many rows are drawn.
const ROWS: usize = 300;

/// Remarks are cut to this, in characters; the tooltip has all of them.
const REMARK: usize = 48;

/// Where things are, in pixels.
struct Layout {
    /// Where the bars begin, and each time.
    left: usize,
    starts: Vec<usize>,
    /// Where the bars of those end that go on.
    right: usize,
    width: usize,
}

impl Layout {
    fn new(timeline: &Timeline, rows: &[Row<'_>], slots: &[usize]) -> Self {
        let named = |row: &Row<'_>| row.stem.len() * INDENT + svg::width(&row.name, 13);
        let left = EDGE + rows.iter().map(named).max().unwrap_or(0) + 20;
        let usual = (PREFERRED / timeline.times.len().max(1)).clamp(NARROW, WIDE);
        let mut starts = Vec::new();
        let mut right = left + SLOT;
        for (at, slots) in timeline.times.iter().zip(slots) {
            starts.push(right);
            // With many times, those that find no room go unsaid.
            let label = if usual < SPACIOUS { 0 } else { svg::width(at, 11) + 16 };
            right += usual.max(label).max(slots * SLOT + 4);
        }
        if let (Some(start), Some(slots)) = (starts.last(), slots.last()) {
            right = start + slots * SLOT + 24;
        }
        let remarks = rows.iter().map(|row| svg::width(&beside(row), 11)).max().unwrap_or(0);
        Self { left, starts, right, width: (right + 8 + remarks + EDGE).max(LEAST) }
    }

    fn x(&self, spot: Spot) -> usize {
        self.starts[spot.time] + spot.slot * SLOT
    }
}

/// The middle of a row.
fn middle(row: usize) -> usize {
    EDGE + LINE + row * ROW + ROW / 2
}

fn beside(row: &Row<'_>) -> String {
    plain::cut(&row.remarks(true).join("; "), REMARK).into_owned()
}

impl Timeline {
    pub(crate) fn to_svg(&self) -> String {
        let mut rows = self.rows();
        let hidden = rows.len().saturating_sub(ROWS);
        rows.truncate(ROWS);
        let layout = Layout::new(self, &rows, &self.slots(&rows));
        let mut body = self.axis(&layout, rows.len());
        stems(&mut body, &rows);
        falls(&mut body, &rows, &layout);
        let mut description = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let said = self.says(row);
            draw_row(&mut body, at, row, &layout, &said);
            description.push(said);
        }
        let mut y = EDGE + LINE + rows.len() * ROW + LINE;
        if hidden > 0 {
            body += &svg::text(EDGE, y, "small dim", &format!("and {hidden} more"));
            y += LINE;
        }
        y = legend(&mut body, &rows, y);
        y = self.sayings(&mut body, layout.width, y);
        description.extend(
            self.sayings.iter().map(|Saying { at, sentence, .. }| format!("{at}: {sentence}.")),
        );
        let title = match rows.len() + hidden {
            1 => "Timeline of 1 line".to_owned(),
            count => format!("Timeline of {count} lines"),
        };
        svg::document(&title, &description.join("\n"), layout.width, y - LINE + EDGE, &body)
    }

    /// The times, above, and a rule down from each.
    fn axis(&self, layout: &Layout, rows: usize) -> String {
        let mut out = String::new();
        let (top, bottom) = (EDGE + LINE - 6, EDGE + LINE + rows * ROW);
        let mut free = 0;
        for (at, x) in self.times.iter().zip(&layout.starts) {
            let _ = writeln!(out, "<path class=\"rule\" d=\"M{x} {top}V{bottom}\"/>");
            let left = x.saturating_sub(6);
            if left >= free {
                out += &svg::text(left, EDGE + 8, "small dim", at);
                free = left + svg::width(at, 11) + 8;
            }
        }
        out
    }

    /// What happened in a row, in words.
    fn says(&self, row: &Row<'_>) -> String {
        let mut said = Vec::new();
        let at = |spot: Spot| &self.times[spot.time];
        for placed in &row.lives {
            if let Some(begin) = placed.begin {
                said.push(format!("begins at {}", at(begin)));
            }
            match placed.end {
                Some((end, End::Orderly)) => said.push(format!("ends at {}", at(end))),
                Some((end, End::Crash)) => said.push(format!("crashes at {}", at(end))),
                None => said.push("goes on".to_owned()),
            }
        }
        let mut says = format!("{}: {}", row.name, said.join(", "));
        let remarks = row.remarks(true);
        if !remarks.is_empty() {
            let _ = write!(says, " ({})", remarks.join("; "));
        }
        says + "."
    }

    fn sayings(&self, out: &mut String, width: usize, mut y: usize) -> usize {
        let shown = &self.sayings[..self.sayings.len().min(SENTENCES)];
        let margin = shown.iter().map(|saying| svg::width(&saying.at, 11)).max().unwrap_or(0);
        let left = EDGE + margin + 12;
        for Saying { at, sentence, .. } in shown {
            *out += &svg::text(EDGE, y, "small dim", at);
            for line in svg::wrap(sentence, 11, width.saturating_sub(left + EDGE)) {
                *out += &svg::text(left, y, "small", &line);
                y += LINE - 3;
            }
            y += 3;
        }
        let more = self.sayings.len() - shown.len();
        if more > 0 {
            *out += &svg::text(left, y, "small dim", &format!("and {more} more"));
            y += LINE;
        }
        y
    }
}

/// The lines that lead from supervisors to their children.
fn stems(out: &mut String, rows: &[Row<'_>]) {
    for (at, row) in rows.iter().enumerate() {
        let (Some(parent), Some((last, above))) = (row.parent, row.stem.split_last()) else {
            continue;
        };
        let (x, y) = (EDGE + above.len() * INDENT + 6, middle(at));
        // One line down, drawn with the last child, and a short one to each.
        let path = match last {
            true => format!("M{x} {}V{y}h10", middle(parent) + 10),
            false => format!("M{x} {y}h10"),
        };
        let _ = writeln!(out, "<path class=\"edge\" d=\"{path}\"/>");
    }
}

/// The lines along which children fall together: from the one that crashed to the others.
fn falls(out: &mut String, rows: &[Row<'_>], layout: &Layout) {
    for (at, row) in rows.iter().enumerate() {
        for placed in &row.lives {
            let (Some(culprit), Some(begin)) = (placed.culprit, placed.begin) else { continue };
            let from = rows.iter().position(|other| {
                other.parent == row.parent && other.id == Some(culprit) && other.id != row.id
            });
            if let Some(from) = from {
                let x = layout.starts[begin.time];
                let (from, to) = (middle(from), middle(at));
                let _ = writeln!(out, "<path class=\"fall\" d=\"M{x} {from}V{to}\"/>");
            }
        }
    }
}

fn draw_row(out: &mut String, at: usize, row: &Row<'_>, layout: &Layout, said: &str) {
    let y = middle(at);
    let class = match (row.supervises, row.heavy) {
        (true, _) => "supervisor",
        (false, true) => "worker",
        (false, false) => "process",
    };
    let _ = writeln!(out, "<g><title>{}</title>", svg::escape(said));
    let name_class = if row.supervises { "strong" } else { "" };
    *out += &svg::text(EDGE + row.stem.len() * INDENT, y + 4, name_class, &row.name);
    let restarted = row.lives.len() > 1;
    for placed in &row.lives {
        let number = placed.incarnation.filter(|_| restarted);
        draw_life(out, y, placed, number, class, layout);
    }
    let beside = beside(row);
    if !beside.is_empty() {
        *out += &svg::text(layout.right + 8, y + 4, "small dim", &beside);
    }
    out.push_str("</g>\n");
}

fn draw_life(
    out: &mut String,
    y: usize,
    placed: &Placed<'_>,
    number: Option<u32>,
    class: &str,
    layout: &Layout,
) {
    let from = placed.begin.map_or(layout.left, |spot| layout.x(spot).saturating_sub(6));
    let to = placed.end.map_or(layout.right - 10, |(spot, _)| layout.x(spot));
    let (top, width) = (y - BAR / 2, to.saturating_sub(from));
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" stroke=\"none\" x=\"{from}\" y=\"{top}\" width=\"{width}\" \
         height=\"{BAR}\" rx=\"3\"/>"
    );
    if let Some(number) = number.filter(|_| width > 40) {
        *out += &svg::text(from + 6, y + 4, "on", &format!("#{number}"));
    }
    for note in &placed.notes {
        let _ =
            writeln!(out, "<circle class=\"note\" cx=\"{}\" cy=\"{y}\" r=\"5\"/>", layout.x(*note));
    }
    match placed.end {
        Some((_, End::Crash)) => cross(out, to, y),
        Some((_, End::Orderly)) => square(out, to, y),
        None => arrow(out, to, y, class),
    }
}

fn cross(out: &mut String, x: usize, y: usize) {
    let _ = writeln!(
        out,
        "<circle class=\"crash\" cx=\"{x}\" cy=\"{y}\" r=\"8\"/>\
         <path class=\"cross\" d=\"M{} {}l6 6m0 -6l-6 6\"/>",
        x - 3,
        y - 3
    );
}

fn square(out: &mut String, x: usize, y: usize) {
    let _ = writeln!(
        out,
        "<rect class=\"stop\" x=\"{}\" y=\"{}\" width=\"12\" height=\"{}\" rx=\"2\"/>",
        x - 6,
        y - BAR / 2,
        BAR
    );
}

fn arrow(out: &mut String, x: usize, y: usize, class: &str) {
    let _ = writeln!(out, "<path class=\"{class}\" d=\"M{} {}l12 9l-12 9z\"/>", x - 2, y - 9);
}

/// What the marks mean: those that are there.
fn legend(out: &mut String, rows: &[Row<'_>], y: usize) -> usize {
    let lives = || rows.iter().flat_map(|row| &row.lives);
    let has = |end: Option<End>| lives().any(|placed| placed.end.map(|(_, how)| how) == end);
    let mut x = EDGE + 8;
    let mut add = |words: &str, draw: &dyn Fn(&mut String, usize, usize)| {
        draw(out, x, y - 4);
        *out += &svg::text(x + 14, y, "small dim", words);
        x += 14 + svg::width(words, 11) + 24;
    };
    if has(Some(End::Crash)) {
        add("crashed", &cross);
    }
    if has(Some(End::Orderly)) {
        add("ended in order", &square);
    }
    if has(None) {
        add("goes on", &|out, x, y| arrow(out, x - 4, y, "process"));
    }
    if lives().any(|placed| !placed.notes.is_empty()) {
        add("note", &|out, x, y| {
            let _ = writeln!(out, "<circle class=\"note\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>");
        });
    }
    y + LINE + 10
}
