//! A tree as a flowchart in Mermaid.

use std::fmt::Write as _;

use super::{Node, Role, Tree};
use crate::mermaid::escape;

/// So many nodes are drawn: forges refuse longer texts.
const NODES: usize = 200;

const CLASSES: &str = "    classDef supervisor stroke:#7446c9,stroke-width:2px
    classDef worker stroke:#2563c4,stroke-width:2px
    classDef process stroke:#66707b
    classDef absent stroke-dasharray:5 4
";

impl Tree {
    /// The tree as a flowchart in [Mermaid](https://mermaid.js.org), which forges draw in a README
    /// between ` ```mermaid ` and ` ``` `.
    ///
    /// A whole line leads from a supervisor to its child, a broken one to a process that nobody
    /// supervises; a box with a broken edge is a child that does not run. Of more than 200 nodes the
    /// first ones are drawn.
    ///
    /// ```
    /// use runtime::testing::{Schedule, run_on};
    /// use runtime::{ChildSpec, Process, Strategy, Supervisor, System};
    ///
    /// run_on(Schedule::Tasks, |_: Process| async {
    ///     let till = ChildSpec::process("till", std::future::pending::<()>);
    ///     Supervisor::new(Strategy::OneForOne).child(till).start().await.unwrap();
    ///     let chart = System::current().tree().to_mermaid();
    ///     assert!(chart.starts_with("flowchart TD\n"));
    ///     assert!(chart.contains("n1 --> n2"));
    /// });
    /// ```
    pub fn to_mermaid(&self) -> String {
        let mut out = "flowchart TD\n".to_owned();
        let mut edges = String::new();
        let mut left = NODES;
        let mut rest: Vec<(&Node, Option<usize>)> =
            self.roots.iter().chain(&self.orphans).rev().map(|node| (node, None)).collect();
        let mut drawn = 0;
        while let Some((node, above)) = rest.pop() {
            if left == 0 {
                let more = rest.len() + 1;
                let _ = writeln!(out, "    more[\"and {more} more, and what is below them\"]");
                break;
            }
            left -= 1;
            let own = drawn;
            drawn += 1;
            let _ =
                writeln!(out, "    n{own}[\"{}\"]:::{}", label(node, above.is_none()), class(node));
            if node.process.is_none() {
                let _ = writeln!(out, "    class n{own} absent");
            }
            if let Some(above) = above {
                let arrow = if node.id.is_some() { "-->" } else { "-.->" };
                let _ = writeln!(edges, "    n{above} {arrow} n{own}");
            }
            rest.extend(node.children.iter().rev().map(|child| (child, Some(own))));
        }
        if drawn == 0 {
            out += "    none[\"no processes\"]\n";
        }
        out + &edges + CLASSES
    }
}

fn label(node: &Node, root: bool) -> String {
    let name = escape(&(node.title() + &node.number()));
    match node.description(root).as_str() {
        "" => name,
        said => format!("{name}<br/>{}", escape(said)),
    }
}

fn class(node: &Node) -> &'static str {
    match node.role {
        Role::Supervisor { .. } | Role::DynamicSupervisor => "supervisor",
        Role::Worker => "worker",
        Role::Process => "process",
    }
}
