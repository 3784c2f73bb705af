//! Trees and timelines as Mermaid: compared whole, and harmless.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runtime::testing::{Run, Schedule, run_on, schedules};
use runtime::tree::Tree;
use runtime::{
    ChildSpec, Name, Process, Server, Strategy, Supervisor, SupervisorServer, System, note,
    spawn_link,
};
use tokio::time::sleep;

static PIPELINE: Name<SupervisorServer> = Name::new("pipeline");

fn idle(id: &str) -> ChildSpec {
    ChildSpec::process(id.to_owned(), pending::<()>)
}

/// `process` crashes after ten milliseconds, once.
fn pipeline() -> Supervisor {
    let begun = AtomicBool::new(false);
    let process = ChildSpec::process("process", move || {
        let first = !begun.swap(true, Ordering::SeqCst);
        async move {
            if first {
                sleep(Duration::from_millis(10)).await;
                panic!("broken");
            }
            pending::<()>().await;
        }
    });
    Supervisor::new(Strategy::RestForOne).children([idle("input"), process, idle("output")])
}

fn run(schedule: Schedule) -> (Run, Tree) {
    let tree = std::sync::Arc::new(std::sync::Mutex::new(Tree::default()));
    let slot = tree.clone();
    let run = run_on(schedule, move |me: Process| async move {
        me.trap_exit(true);
        pipeline().start_link().name(&PIPELINE).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        spawn_link(pending::<()>()).unwrap();
        *slot.lock().unwrap() = System::current().tree();
        PIPELINE.stop().await.unwrap();
    });
    let tree = tree.lock().unwrap().clone();
    (run, tree)
}

/// Time runs down; what supervisors decide stands where they decide it.
#[test]
fn a_timeline_is_a_sequence_diagram_with_a_line_for_each_row() {
    for schedule in [Schedule::Tasks, Schedule::Seeded(3)] {
        let (run, _) = run(schedule);
        let expected = "sequenceDiagram
    participant p0 as main
    participant p1 as pipeline
    participant p2 as input
    participant p3 as process
    participant p4 as output
    participant p5 as #35;8
    Note over p0,p5: 0ms
    Note over p0: begins
    p0->>p1: spawns
    p1->>p2: starts
    p1->>p3: starts
    p1->>p4: starts
    Note over p0,p5: 10ms
    p3--xp1: panic#58; broken
    p4-->>p1: stopped
    p1->>p3: starts #35;2
    Note over p1: rest_for_one#58; process was restarted because it crashed
    p1->>p4: starts #35;2
    Note over p1: rest_for_one#58; output was restarted because process, started before it, crashed
    Note over p0,p5: 20ms
    p0->>p5: spawns
    p4-->>p1: stopped
    p3-->>p1: stopped
    p2-->>p1: stopped
    Note over p1: ■ normal
    Note over p0: ■ normal
";
        assert_eq!(run.trace.to_mermaid(), expected, "{schedule}");
    }
}

/// Supervised children hang on whole lines, others on broken ones.
#[test]
fn a_tree_is_a_flowchart_with_a_box_for_each_node() {
    let (_, tree) = run(Schedule::Tasks);
    let chart = tree.to_mermaid();
    let expected = "flowchart TD
    n0[\"main<br/>process 1\"]:::process
    n1[\"pipeline<br/>rest_for_one supervisor, process 2, linked\"]:::supervisor
    n2[\"input<br/>permanent worker, process 3\"]:::worker
    n3[\"process #35;2<br/>permanent worker, process 6\"]:::worker
    n4[\"output #35;2<br/>permanent worker, process 7\"]:::worker
    n5[\"#35;8<br/>process 8, linked\"]:::process
    n0 -.-> n1
    n1 --> n2
    n1 --> n3
    n1 --> n4
    n0 -.-> n5
    classDef ";
    assert!(chart.starts_with(expected), "{chart}");
    assert!(Tree::default().to_mermaid().contains("no processes"));
}

/// Every schedule draws the same: there is no pid in it.
#[test]
fn mermaid_holds_nothing_that_differs_from_run_to_run() {
    let first = run(Schedule::Tasks).1.to_mermaid();
    for _ in schedules() {
        assert_eq!(run(Schedule::Tasks).1.to_mermaid(), first);
    }
}

/// A label of the user's stays a label, and a long story is cut.
#[test]
fn mermaid_is_harmless_and_not_endless() {
    let run = run_on(Schedule::Tasks, |me: Process| async move {
        me.set_label("a\"]; click n0 \"javascript:x\"\nend <b>%%{init}");
        for number in 0..400 {
            note(format!("note {number}; #"));
        }
        let chart = System::current().tree().to_mermaid();
        assert!(!chart.contains("<b>") && !chart.contains("javascript:"), "{chart}");
        let quotes = chart.lines().find(|line| line.contains("n0[")).unwrap().matches('"');
        assert_eq!(quotes.count(), 2, "{chart}");
    });
    let diagram = run.trace.to_mermaid();
    assert!(!diagram.contains(';') || !diagram.contains("%%"), "{diagram}");
    assert!(diagram.contains("as a#34;#93;#59; click n0 #34;javascript#58;x#34;…"), "{diagram}");
    assert!(diagram.contains("and 102 more"), "{diagram}");
}
