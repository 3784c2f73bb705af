//! The processes of a running system as a tree: who supervises whom, who spawned whom.
//!
//! ```text
//! pipeline       rest_for_one supervisor, process 2
//! ├─ input       permanent worker, process 3
//! ├─ process #2  permanent worker, process 6
//! │  └╌ helper   process 8, linked
//! └─ output #2   permanent worker, process 7
//! ```
//!
//! It is read off the control blocks: nobody is asked, so nobody has to answer. A supervisor that
//! waits for a child's `init` is drawn with that child as `starting`; one that hangs is drawn as well.
//!
//! ```
//! use runtime::tree::Role;
//! use runtime::{ChildSpec, Restart, Strategy, Supervisor, System};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
//! let idle = std::future::pending::<()>;
//! Supervisor::new(Strategy::OneForAll)
//!     .child(ChildSpec::process("till", idle))
//!     .child(ChildSpec::process("clock", idle).restart(Restart::Transient))
//!     .start()
//!     .await?;
//! let tree = System::current().tree();
//! assert_eq!(
//!     tree.to_string(),
//!     "\
//! #1        one_for_all supervisor, process 1
//! ├─ till   permanent worker, process 2
//! └─ clock  transient worker, process 3
//! "
//! );
//! let till = tree.find("till").unwrap();
//! assert_eq!((till.role, till.incarnation), (Role::Worker, 1));
//! # Ok(()) }
//! ```

mod mermaid;
mod svg;

use std::collections::HashMap;
use std::fmt;

use crate::pcb::{AnyPcb, Life};
use crate::pid::Pid;
use crate::plain;
use crate::supervisor::ledger::{Key, Ledger, Record, Stage};
use crate::supervisor::{ChildId, ChildKind, Restart, Strategy};
use crate::sync::Arc;
use crate::system::System;
use crate::table;
use crate::trace::Subject;

/// Names are cut to this, in characters.
const NAME: usize = 40;

/// Who was spawned deeper is shown beside the one at this depth: a chain in which each spawned the
/// next may be as long as memory lasts.
const DEEPEST: usize = 24;

/// What a process does for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It starts and restarts a list of children.
    Supervisor {
        /// How it restarts them; None while it does not run.
        strategy: Option<Strategy>,
    },
    /// It starts and restarts children as they come.
    DynamicSupervisor,
    /// It is a supervisor's child, and none itself.
    Worker,
    /// It is no supervisor's child.
    Process,
}

/// How a node of the tree fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It runs.
    Running,
    /// Its supervisor waits for its start.
    Starting,
    /// Its restart failed and will be tried again, or waits; see [`Backoff`](crate::Backoff).
    Restarting,
    /// Its supervisor waits for its end.
    Stopping,
    /// It is in its supervisor's list, and does not run.
    Stopped,
    /// Its end is decided or done, and nobody has taken notice yet.
    Ending,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Ending => "ending",
        })
    }
}

/// A process, or a supervisor's child that does not run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// The id that its supervisor knows it by.
    pub id: Option<ChildId>,
    /// The process; None when there is none.
    pub process: Option<Subject>,
    /// How often its supervisor has started it; 0 when it never came up, or nobody supervises it.
    ///
    /// A supervisor that was restarted counts anew.
    pub incarnation: u32,
    /// What it does.
    pub role: Role,
    /// When it is restarted, for a supervisor's child.
    pub restart: Option<Restart>,
    /// How it fares.
    pub state: State,
    /// Whether it is linked to the node above it.
    pub linked: bool,
    /// Its children in the order of their start, then what it spawned besides.
    pub children: Vec<Node>,
}

impl Node {
    /// The child's id, or else the process's name, label or number.
    pub fn name(&self) -> String {
        match (&self.id, &self.process) {
            (Some(id), _) => id.to_string(),
            (None, Some(process)) => process.to_string(),
            (None, None) => "nobody".to_owned(),
        }
    }

    /// The pid of its process.
    pub fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.pid)
    }

    /// What is printed as its name: one line, with the process's own name if that is another.
    fn title(&self) -> String {
        let name = self.name();
        let own = self.process.as_ref().and_then(|process| process.label.as_deref());
        let name = plain::cut(&name, NAME);
        match (&self.id, own.map(|own| plain::cut(own, NAME))) {
            (Some(_), Some(own)) if own != name => format!("{name} ({own})"),
            _ => name.into_owned(),
        }
    }

    /// Which incarnation it is, from the second on: ` #2`.
    fn number(&self) -> String {
        match self.incarnation {
            0 | 1 => String::new(),
            incarnation => format!(" #{incarnation}"),
        }
    }

    /// `permanent rest_for_one supervisor`.
    fn kind(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.restart.map(|restart| restart.to_string()));
        match self.role {
            Role::Supervisor { strategy } => {
                words.extend(strategy.map(|strategy| strategy.to_string()));
                words.push("supervisor".to_owned());
            }
            Role::DynamicSupervisor => words.push("dynamic supervisor".to_owned()),
            Role::Worker => words.push("worker".to_owned()),
            Role::Process => {}
        }
        words.join(" ")
    }

    /// Everything that is said beside its name.
    fn description(&self, root: bool) -> String {
        let mut words = vec![self.kind()];
        if self.state != State::Running {
            words.push(self.state.to_string());
        }
        words.extend(self.process.as_ref().map(|process| format!("process {}", process.serial)));
        if self.id.is_none() && self.linked && !root {
            words.push("linked".to_owned());
        }
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }
}

/// The processes of a system, as they stand at one time.
///
/// Prints as text, one line for each node. `#2` behind a name is the incarnation, `process 6` the
/// number in the system, `└╌` leads to a process that was spawned by the one above and is supervised
/// by nobody.
///
/// Made by [`System::tree`] and [`Tree::of`]. Each process is looked at for itself, one after the
/// other: while processes start and end, a node may show an earlier moment than its neighbour.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tree {
    /// Those above which there is nobody: spawned from outside of any process.
    pub roots: Vec<Node>,
    /// Those that no supervisor has, and whose spawner has ended.
    pub orphans: Vec<Node>,
}

/// A process, as it was seen.
struct Seen {
    subject: Subject,
    parent: Pid,
    links: Vec<Pid>,
    running: bool,
    ledger: Option<Box<Ledger>>,
    /// Who has it in its ledger, and what is written there.
    claimed: Option<Claim>,
}

/// A supervisor's word on a process.
struct Claim {
    supervisor: usize,
    key: Key,
    record: Record,
}

impl Seen {
    fn of(pcb: &dyn AnyPcb) -> Self {
        let head = pcb.head();
        let mut seen = Self {
            subject: Subject { pid: head.pid, serial: head.serial, label: None },
            parent: head.parent,
            links: Vec::new(),
            running: true,
            ledger: None,
            claimed: None,
        };
        pcb.control(&mut |control, _| {
            seen.subject.label = control.name().or_else(|| control.label());
            seen.links = control.links.to_vec();
            seen.running = control.life() == Life::Running;
            seen.ledger = control.rare.as_ref().and_then(|rare| rare.ledger.clone());
        });
        seen
    }

    fn role(&self) -> Role {
        match (&self.ledger, &self.claimed) {
            (Some(ledger), _) => match ledger.strategy {
                None => Role::DynamicSupervisor,
                strategy => Role::Supervisor { strategy },
            },
            (None, Some(claim)) => role_of(claim.record.kind),
            (None, None) => Role::Process,
        }
    }
}

fn role_of(kind: ChildKind) -> Role {
    match kind {
        ChildKind::Supervisor => Role::Supervisor { strategy: None },
        ChildKind::Worker => Role::Worker,
    }
}

impl System {
    /// The processes as a tree, supervisors with their children.
    ///
    /// Looks, and asks nobody: works from anywhere, at once, also while a supervisor is busy.
    pub fn tree(&self) -> Tree {
        Tree::build(&table::all_of(self.inner().id()))
    }
}

impl Tree {
    /// The part of the tree below a process, with the process as its only root; None when the
    /// process has ended.
    ///
    /// Works from anywhere, also outside of the process's system.
    pub fn of(pid: impl Into<Pid>) -> Option<Self> {
        let pid = pid.into();
        let system = table::find(pid)?.head().system.clone();
        let whole = Self::build(&table::all_of(system.id()));
        let node = whole.into_node(pid)?;
        Some(Self { roots: vec![node], orphans: Vec::new() })
    }

    fn into_node(self, pid: Pid) -> Option<Node> {
        let mut rest: Vec<Node> = self.roots.into_iter().chain(self.orphans).collect();
        while let Some(mut node) = rest.pop() {
            if node.pid() == Some(pid) {
                return Some(node);
            }
            rest.append(&mut node.children);
        }
        None
    }

    /// Every node, each above its children, from top to bottom.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        let mut rest: Vec<&Node> = self.roots.iter().chain(&self.orphans).rev().collect();
        std::iter::from_fn(move || {
            let node = rest.pop()?;
            rest.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// The first node that is called so: by its [id](Node::id), or by name, label or number.
    pub fn find(&self, name: &str) -> Option<&Node> {
        self.nodes().find(|node| {
            let label = node.process.as_ref().and_then(|process| process.label.as_deref());
            node.name() == name || label == Some(name)
        })
    }

    /// Who is above whom, and as what, and nothing that differs from run to run: no numbers of
    /// processes and incarnations, no states. For comparing.
    ///
    /// ```text
    /// pipeline: rest_for_one supervisor
    /// ├─ input: permanent worker
    /// └─ output: permanent worker
    /// ```
    ///
    /// A process without a name is called `process`.
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for Line { lead, node, .. } in self.lines() {
            let Some(node) = node else {
                shape = shape + &lead + "\n";
                continue;
            };
            let label = node.process.as_ref().and_then(|process| process.label.as_ref());
            let name = match (&node.id, label) {
                (None, None) => "process".to_owned(),
                _ => node.title(),
            };
            let kind = node.kind();
            let colon = if kind.is_empty() { "" } else { ": " };
            shape = shape + &lead + &name + colon + &kind + "\n";
        }
        shape
    }

    /// The lines of the text, from top to bottom.
    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        below(&self.roots, &mut lines);
        if !self.orphans.is_empty() {
            if !lines.is_empty() {
                lines.push(Line::words(""));
            }
            lines.push(Line::words(ORPHANS));
            below(&self.orphans, &mut lines);
        }
        lines
    }

    fn build(pcbs: &[Arc<dyn AnyPcb>]) -> Self {
        let mut seen: Vec<Seen> = pcbs.iter().map(|pcb| Seen::of(&**pcb)).collect();
        let at: HashMap<Pid, usize> =
            seen.iter().enumerate().map(|(at, seen)| (seen.subject.pid, at)).collect();
        claim(&mut seen, &at);
        let above: Vec<Above> = seen.iter().map(|seen| seen.above(&at)).collect();
        let mut below: Vec<Vec<(Option<Key>, Node)>> = seen.iter().map(|_| Vec::new()).collect();
        let mut tree = Self::default();
        // From the leaves up, the youngest first, so that each is complete when it goes below
        // another, and the lists are only to be turned round.
        for (own, place) in order(&seen, &above).into_iter().rev() {
            let mut others = std::mem::take(&mut below[own]);
            others.reverse();
            let node = node(&seen, own, place, others);
            match place {
                Some(place) => {
                    let key = seen[own].claim_of(Some(place)).map(|claim| claim.key);
                    below[place].push((key, node));
                }
                None if matches!(above[own], Above::Ended) => tree.orphans.push(node),
                None => tree.roots.push(node),
            }
        }
        let serial = |node: &Node| node.process.as_ref().map(|process| process.serial);
        tree.roots.sort_by_key(serial);
        tree.orphans.sort_by_key(serial);
        tree
    }
}

/// Who is above a process.
enum Above {
    /// Its supervisor, or its spawner.
    Process(usize),
    /// Nobody in this system.
    Nobody,
    /// A spawner that has ended.
    Ended,
}

impl Seen {
    fn above(&self, at: &HashMap<Pid, usize>) -> Above {
        match (&self.claimed, at.get(&self.parent)) {
            (Some(claim), _) => Above::Process(claim.supervisor),
            (None, Some(&parent)) => Above::Process(parent),
            (None, None) if self.parent == Pid::OUTSIDE => Above::Nobody,
            (None, None) => Above::Ended,
        }
    }

    /// Which child it is of the one that it is put below, if it is one.
    fn claim_of(&self, place: Option<usize>) -> Option<&Claim> {
        self.claimed.as_ref().filter(|claim| Some(claim.supervisor) == place)
    }
}

/// Notes for each child whose it is. A child that is being started is the first process that its
/// supervisor spawned and that is nobody's yet: a supervisor starts one at a time.
fn claim(seen: &mut [Seen], at: &HashMap<Pid, usize>) {
    let mut starting = Vec::new();
    for supervisor in 0..seen.len() {
        let Some(ledger) = &seen[supervisor].ledger else { continue };
        let mut claims = Vec::new();
        for (&key, record) in &ledger.children {
            let claim = Claim { supervisor, key, record: record.clone() };
            match record.pid.and_then(|pid| at.get(&pid)) {
                Some(&child) if child != supervisor => claims.push((child, claim)),
                None if record.stage == Stage::Starting => starting.push(claim),
                _ => {}
            }
        }
        for (child, claim) in claims {
            seen[child].claimed.get_or_insert(claim);
        }
    }
    for claim in starting {
        let pid = seen[claim.supervisor].subject.pid;
        let mut nobodys = seen.iter_mut().filter(|seen| {
            seen.parent == pid && seen.claimed.is_none() && seen.links.contains(&pid)
        });
        if let Some(child) = nobodys.next() {
            child.claimed = Some(claim);
        }
    }
}

/// Everybody with the one that it is put below, each after that one.
///
/// Two processes may stand above each other, if one supervises the other that spawned it: the older
/// one is a root then.
fn order(seen: &[Seen], above: &[Above]) -> Vec<(usize, Option<usize>)> {
    let mut below: Vec<Vec<usize>> = seen.iter().map(|_| Vec::new()).collect();
    let mut roots = Vec::new();
    for (own, above) in above.iter().enumerate() {
        match above {
            Above::Process(place) => below[*place].push(own),
            Above::Nobody | Above::Ended => roots.push(own),
        }
    }
    let mut placed = vec![false; seen.len()];
    let mut order = Vec::with_capacity(seen.len());
    for root in roots.into_iter().chain(0..seen.len()) {
        let mut rest = vec![(root, None, 0)];
        while let Some((own, place, depth)) = rest.pop() {
            if std::mem::replace(&mut placed[own], true) {
                continue;
            }
            order.push((own, place));
            rest.extend(below[own].iter().rev().map(|&next| {
                let near = depth < DEEPEST || seen[next].claimed.is_some();
                (next, if near { Some(own) } else { place }, depth + usize::from(near))
            }));
        }
    }
    order
}

/// The node of a process, above those that have been put below it.
fn node(seen: &[Seen], own: usize, place: Option<usize>, below: Vec<(Option<Key>, Node)>) -> Node {
    let this = &seen[own];
    let above = place.map(|place| seen[place].subject.pid);
    let record = this.claim_of(place).map(|claim| &claim.record);
    let state = match record.map_or(Stage::Running, |record| record.stage) {
        Stage::Running if !this.running => State::Ending,
        stage => state_of(stage),
    };
    // The children first, also those without a process, in the order of the list.
    let mut running = HashMap::new();
    let mut spawned = Vec::new();
    for (key, node) in below {
        match key {
            Some(key) => drop(running.insert(key, node)),
            None => spawned.push(node),
        }
    }
    let ledger = this.ledger.iter().flat_map(|ledger| &ledger.children);
    let mut children: Vec<Node> = ledger
        .map(|(key, record)| running.remove(key).unwrap_or_else(|| of_record(record)))
        .collect();
    children.extend(spawned);
    Node {
        id: record.map(|record| record.id.clone()),
        process: Some(this.subject.clone()),
        incarnation: record.map_or(0, |record| record.incarnation),
        role: this.role(),
        restart: record.map(|record| record.restart),
        state,
        linked: above.is_some_and(|above| this.links.contains(&above)),
        children,
    }
}

fn state_of(stage: Stage) -> State {
    match stage {
        Stage::Starting => State::Starting,
        Stage::Running => State::Running,
        Stage::Restarting => State::Restarting,
        Stage::Stopping => State::Stopping,
        Stage::Stopped => State::Stopped,
    }
}

/// The node of a child that has no process, or none any more.
fn of_record(record: &Record) -> Node {
    Node {
        id: Some(record.id.clone()),
        process: None,
        incarnation: record.incarnation,
        role: role_of(record.kind),
        restart: Some(record.restart),
        state: match record.stage {
            Stage::Running => State::Ending,
            stage => state_of(stage),
        },
        linked: false,
        children: Vec::new(),
    }
}

/// A line of the text: a node with the lines that lead to it, or words.
struct Line<'a> {
    lead: String,
    node: Option<&'a Node>,
    depth: usize,
    root: bool,
}

impl<'a> Line<'a> {
    fn words(words: &str) -> Self {
        Self { lead: words.to_owned(), node: None, depth: 0, root: true }
    }

    fn of(node: &'a Node, lead: String, depth: usize) -> Self {
        Self { lead, node: Some(node), depth, root: depth == 0 }
    }
}

const ORPHANS: &str = "orphans: nobody supervises them, and who spawned them has ended";

/// Adds the lines of these nodes, and of all below them.
fn below<'a>(nodes: &'a [Node], lines: &mut Vec<Line<'a>>) {
    let root = |node| (Line::of(node, String::new(), 0), String::new());
    let mut rest: Vec<_> = nodes.iter().rev().map(root).collect();
    while let Some((line, stem)) = rest.pop() {
        let children = line.node.map_or(&[][..], |node| &node.children);
        for (at, node) in children.iter().enumerate().rev() {
            let (turn, under) =
                if at + 1 == children.len() { ('└', ' ') } else { ('├', '│') };
            let dash = if node.id.is_some() { '─' } else { '╌' };
            let below = Line::of(node, format!("{stem}{turn}{dash} "), line.depth + 1);
            rest.push((below, format!("{stem}{under}  ")));
        }
        lines.push(line);
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let named = |line: &Line<'_>| {
            let name = line.node.map(|node| node.title() + &node.number()).unwrap_or_default();
            format!("{}{name}", line.lead)
        };
        let nodes = lines.iter().filter(|line| line.node.is_some());
        let margin = nodes.map(|line| plain::cells(&named(line))).max().unwrap_or(0) + 2;
        for line in &lines {
            let beside = line.node.map(|node| node.description(line.root)).unwrap_or_default();
            let text = plain::pad(&named(line), margin) + &beside;
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}
