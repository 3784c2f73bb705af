//! A tree as SVG: the lines of the text, with chips for names.

use std::fmt::Write as _;

use super::{Node, Role, Tree};
use crate::svg::{self, EDGE};

/// The height of a line, and of the box in it.
const ROW: usize = 36;
const BOX: usize = 26;

/// How far a node stands to the right of the one above it.
const INDENT: usize = 28;

/// So many lines are drawn.
const LINES: usize = 400;

impl Tree {
    /// The tree as an SVG document of its own: without scripts, in the reader's light or dark
    /// scheme, with a description for those who do not see it.
    ///
    /// It may be saved as a file, or put into an HTML page as it is. A box with a broken edge is a
    /// child that does not run; a broken line leads to a process that nobody supervises. Of more
    /// than 400 lines the first ones are drawn.
    pub fn to_svg(&self) -> String {
        let mut lines = self.lines();
        let hidden = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        let chips: Vec<Option<Chip<'_>>> = lines
            .iter()
            .enumerate()
            .map(|(row, line)| line.node.map(|node| Chip::new(node, line.depth, row, line.root)))
            .collect();
        let right = chips.iter().flatten().map(|own| own.left + own.width).max().unwrap_or(EDGE);
        let said = chips.iter().flatten().map(|own| svg::width(&own.said, 11)).max().unwrap_or(0);
        let mut width = right + 16 + said + EDGE;
        let mut body = String::new();
        edges(&mut body, &chips);
        for (row, (line, own)) in lines.iter().zip(&chips).enumerate() {
            match own {
                Some(own) => own.draw(&mut body, right + 16),
                None => {
                    body += &svg::text(EDGE, middle(row) + 4, "small dim", &line.lead);
                    width = width.max(2 * EDGE + svg::width(&line.lead, 11));
                }
            }
        }
        let mut rows = lines.len();
        if hidden > 0 {
            body += &svg::text(EDGE, middle(rows) + 4, "small dim", &format!("and {hidden} more"));
            rows += 1;
        }
        if rows == 0 {
            body += &svg::text(EDGE, middle(0) + 4, "small dim", "no processes");
            width = width.max(2 * EDGE + svg::width("no processes", 11));
            rows = 1;
        }
        let title = match self.nodes().count() {
            1 => "Tree of 1 process".to_owned(),
            count => format!("Tree of {count} processes"),
        };
        svg::document(&title, &self.to_string(), width, 2 * EDGE + rows * ROW, &body)
    }
}

/// The middle of a line, in pixels from the top.
fn middle(row: usize) -> usize {
    EDGE + row * ROW + ROW / 2
}

/// A node, and where it goes, in pixels.
struct Chip<'a> {
    node: &'a Node,
    depth: usize,
    name: String,
    said: String,
    left: usize,
    width: usize,
    y: usize,
}

impl<'a> Chip<'a> {
    fn new(node: &'a Node, depth: usize, row: usize, root: bool) -> Self {
        let name = node.title() + &node.number();
        let width = svg::width(&name, 13) + 24;
        let (left, y) = (EDGE + depth * INDENT, middle(row));
        Self { node, depth, name, said: node.description(root), left, width, y }
    }

    fn draw(&self, out: &mut String, said: usize) {
        let Self { node, name, left, width, y, .. } = self;
        let kind = match node.role {
            Role::Supervisor { .. } | Role::DynamicSupervisor => "supervisor",
            Role::Worker => "worker",
            Role::Process => "process",
        };
        let (absent, dim) = match node.process {
            Some(_) => ("", ""),
            None => (" absent", " dim"),
        };
        let title = svg::escape(&format!("{name}: {}", self.said));
        let _ = writeln!(
            out,
            "<g><title>{title}</title><rect class=\"{kind} box{absent}\" x=\"{left}\" y=\"{}\" \
             width=\"{width}\" height=\"{BOX}\" rx=\"6\"/>",
            y - BOX / 2
        );
        *out += &svg::text(left + 12, y + 4, &format!("strong{dim}"), name);
        *out += &svg::text(said, y + 4, "small dim", &self.said);
        out.push_str("</g>\n");
    }
}

/// The lines from each node to those below it.
fn edges(out: &mut String, chips: &[Option<Chip<'_>>]) {
    // The last node at each depth, and how far down its line goes already.
    let mut above: Vec<(usize, usize)> = Vec::new();
    for own in chips.iter().flatten() {
        above.truncate(own.depth);
        if let Some((x, from)) = above.last_mut() {
            let class = if own.node.id.is_some() { "edge" } else { "edge loose" };
            let (y, left) = (own.y, own.left);
            let _ = writeln!(
                out,
                "<path class=\"{class}\" d=\"M{x} {from}V{}q0 6 6 6H{left}\"/>",
                y - 6
            );
            *from = y - 6;
        }
        above.push((own.left + 12, own.y + BOX / 2));
    }
}
