//! Pictures of what happened and of what runs, compared whole; and that they are harmless.

#![allow(clippy::unwrap_used, reason = "what the tests share may panic as they do")]

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime::testing::{Run, Schedule, eventually, run_on, scenario, schedules};
use runtime::trace::{Because, Trouble, What};
use runtime::tree::{Node, Role, State, Tree};
use runtime::{
    ChildSpec, Crash, Cx, DynamicSupervision, DynamicSupervisor, DynamicSupervisorServer,
    ExitReason, GenServer, Init, Name, Process, Restart, Server, Shutdown, SpawnOptions,
    StartError, Strategy, Supervision, Supervisor, SupervisorServer, System, assert_timeline, note,
    spawn, spawn_link,
};
use tokio::time::sleep;

static PIPELINE: Name<SupervisorServer> = Name::new("pipeline");
static JOBS: Name<DynamicSupervisorServer> = Name::new("jobs");

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A child that does nothing.
fn idle(id: &str) -> ChildSpec {
    ChildSpec::process(id.to_owned(), pending::<()>)
}

/// A child that crashes so often, each time after so many milliseconds, and then does nothing.
fn breaks(id: &str, times: u32, after: u64) -> ChildSpec {
    let begun = Arc::new(AtomicU32::new(0));
    ChildSpec::process(id.to_owned(), move || {
        let number = begun.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < times {
                sleep(ms(after)).await;
                panic!("broken");
            }
            pending::<()>().await;
        }
    })
}

/// What happens to a supervisor called `pipeline` in so many milliseconds, until it is stopped.
fn pipeline(schedule: Schedule, supervisor: &Supervisor, millis: u64) -> Run {
    let supervisor = supervisor.clone();
    run_on(schedule, move |me: Process| async move {
        me.trap_exit(true);
        supervisor.start_link().name(&PIPELINE).await.unwrap();
        sleep(ms(millis)).await;
        if PIPELINE.whereis().is_some() {
            PIPELINE.stop().await.unwrap();
        }
    })
}

/// The same picture on every schedule.
#[track_caller]
fn assert_drawn(supervisor: impl Fn() -> Supervisor, millis: u64, expected: &str) {
    for schedule in schedules() {
        let run = pipeline(schedule, &supervisor(), millis);
        assert_timeline!(run.trace, expected, "{schedule}");
        check_svg(&run.trace.to_svg(), &[]);
    }
}

/// Well formed, self-contained, described; holds these texts.
#[track_caller]
fn check_svg(svg: &str, texts: &[&str]) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    for name in ["title", "desc", "style"] {
        assert!(root.children().any(|node| node.has_tag_name(name)), "no {name}");
    }
    let known = ["svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"];
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(known.contains(&node.tag_name().name()), "{:?}", node.tag_name());
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "href");
        }
    }
    let size = |name: &str| root.attribute(name).unwrap().parse::<u32>().unwrap();
    let box_of = format!("0 0 {} {}", size("width"), size("height"));
    assert_eq!(root.attribute("viewBox"), Some(&*box_of));
    for node in document.descendants().filter(|node| node.has_tag_name("text")) {
        let at = |name: &str| node.attribute(name).unwrap().parse::<u32>().unwrap();
        assert!(at("x") < size("width") && at("y") < size("height"), "{:?}", node.text());
    }
    let said: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("text"))
        .filter_map(|node| node.text())
        .collect();
    for text in texts {
        assert!(said.contains(text), "{text:?} is not among {said:#?}");
    }
}

fn stages(strategy: Strategy) -> Supervisor {
    Supervisor::new(strategy).children([idle("input"), breaks("process", 1, 10), idle("output")])
}

#[test]
fn rest_for_one_restarts_the_crashed_child_and_those_started_after_it() {
    assert_drawn(
        || stages(Strategy::RestForOne),
        20,
        "
            0ms       10ms      20ms
main        ├───────────────────■    normal
pipeline    ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ input    ╺━━━━━━━━━━━━━━━━━━━■
├─ process  ╺━━━━━━━━━╳╺━━━━━━━━■    #2  panic: broken
└─ output   ╺━━━━━━━━━■ ╺━━━━━━━■    #2

10ms  rest_for_one: process was restarted because it crashed
10ms  rest_for_one: output was restarted because process, started before it, crashed
",
    );
}

#[test]
fn one_for_all_restarts_everybody_in_the_order_of_the_list() {
    assert_drawn(
        || stages(Strategy::OneForAll),
        20,
        "
            0ms       10ms      20ms
main        ├───────────────────■    normal
pipeline    ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ input    ╺━━━━━━━━━■╺━━━━━━━━■    #2
├─ process  ╺━━━━━━━━━╳ ╺━━━━━━━■    #2  panic: broken
└─ output   ╺━━━━━━━━━■  ╺━━━━━━■    #2

10ms  one_for_all: input was restarted because process crashed
10ms  one_for_all: process was restarted because it crashed
10ms  one_for_all: output was restarted because process crashed
",
    );
}

#[test]
fn a_supervisor_that_gives_up_is_restarted_with_its_children_by_its_own() {
    let supervisor = || {
        let web = Supervisor::new(Strategy::OneForAll)
            .intensity(1, Duration::from_secs(5))
            .children([breaks("router", 2, 10), idle("cache")]);
        Supervisor::new(Strategy::OneForOne).child(idle("database")).child(web.into_child("web"))
    };
    assert_drawn(
        supervisor,
        30,
        "
              0ms       10ms      20ms      30ms
main          ├─────────────────────────────■    normal
pipeline      ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ database   ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
└─ web        ╺━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━■    #2  gave up
   ├─ router  ╺━━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━■    #3  panic: broken ×2
   └─ cache   ╺━━━━━━━━━■ ╺━━━━━━━■╺━━━━━━━━■    #3

10ms  one_for_all: router was restarted because it crashed
10ms  one_for_all: cache was restarted because router crashed
20ms  web gave up because router crashed, and only 1 restart in 5s is allowed
20ms  one_for_one: web was restarted because it shut down, and is permanent
",
    );
}

#[test]
fn a_supervisor_without_a_name_goes_by_its_number() {
    for schedule in schedules() {
        let run = run_on(schedule, |me: Process| async move {
            me.trap_exit(true);
            let worker = breaks("worker", 9, 10);
            let none = Supervisor::new(Strategy::OneForOne).intensity(0, ms(1)).child(worker);
            let pid = none.start_link().await.unwrap().pid();
            pid.join().await;
        });
        assert_timeline!(
            run.trace,
            "
           0ms       10ms
main       ├─────────■    normal
#2         ╺━━━━━━━━━╳    gave up
└─ worker  ╺━━━━━━━━━╳    panic: broken

10ms  #2 gave up because worker crashed, and no restart is allowed
",
            "{schedule}"
        );
    }
}

/// A server whose second `init` takes its time and fails.
struct Moody;

impl GenServer for Moody {
    type Args = u32;
    type Call = ();
    type Cast = ();
    type Info = ();

    async fn init(number: u32, cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        match number {
            0 => {
                let me = cx.pid();
                let killer = async move {
                    sleep(ms(10)).await;
                    me.kill();
                };
                SpawnOptions::new().label("killer").spawn(killer)?;
            }
            1 => {
                sleep(ms(5)).await;
                return Ok(Init::Stop(ExitReason::other("no disk")));
            }
            _ => {}
        }
        Ok(Init::Ok(Self))
    }
}

fn moody() -> ChildSpec {
    let starts = AtomicU32::new(0);
    Moody::child(move || starts.fetch_add(1, Ordering::SeqCst)).id("moody").into()
}

#[test]
fn a_failed_restart_is_drawn_and_not_counted() {
    assert_drawn(
        || Supervisor::new(Strategy::OneForOne).child(moody()).child(idle("other")),
        20,
        "
          0ms       10ms      15ms      20ms
main      ├─────────────────────────────■    normal
pipeline  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ moody  ╺━━━━━━━━━╳╺━━━━━━━━╳╺━━━━━━━━■    #2  killed; \"no disk\"
└─ other  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■
killer    ├─────────■                        normal

15ms  moody could not be started: init failed: \"no disk\"; it will be tried again
15ms  one_for_one: moody was restarted because its last start failed
",
    );
}

#[test]
fn a_failed_restart_has_no_number_in_a_picture() {
    let supervisor = Supervisor::new(Strategy::OneForOne).child(moody());
    let svg = pipeline(Schedule::Tasks, &supervisor, 20).trace.to_svg();
    check_svg(&svg, &["#1", "#2"]);
    assert!(!svg.contains("#3<"), "{svg}");
}

#[test]
fn a_failed_first_start_is_drawn_with_those_before_it() {
    for schedule in schedules() {
        let run = run_on(schedule, |me: Process| async move {
            me.trap_exit(true);
            let moody = Moody::child(|| 1).id("moody");
            let error = Supervisor::new(Strategy::OneForOne)
                .children([idle("first"), moody.into(), idle("never")])
                .start_link()
                .name(&PIPELINE)
                .await;
            assert!(matches!(error, Err(StartError::Failed(_))));
        });
        assert_timeline!(
            run.trace,
            "
          0ms       5ms
main      ├─────────■    normal
pipeline  ╺━━━━━━━━━■    {shutdown, FailedToStart { id: \"moody\", error: Failed(\"no disk\") }}
├─ first  ╺━━━━━━━━━■
└─ moody  ╺━━━━━━━━━╳    \"no disk\"

5ms  moody could not be started: init failed: \"no disk\"
",
            "{schedule}"
        );
    }
}

#[test]
fn children_that_are_not_restarted_say_why() {
    let ends = |id: &str, after, restart| {
        ChildSpec::process(id.to_owned(), move || sleep(ms(after))).restart(restart)
    };
    assert_drawn(
        || {
            Supervisor::new(Strategy::OneForOne).children([
                ends("report", 10, Restart::Temporary),
                ends("warmup", 15, Restart::Transient),
                ChildSpec::new("none", || async { Err(StartError::Ignored) }),
                idle("cache"),
            ])
        },
        20,
        "
           0ms       10ms      15ms      20ms
main       ├─────────────────────────────■    normal
pipeline   ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ report  ╺━━━━━━━━━■                        normal
├─ warmup  ╺━━━━━━━━━━━━━━━━━━━■              normal
└─ cache   ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■

10ms  report was not restarted because it is temporary
15ms  warmup was not restarted because it is transient, and ended as expected
",
    );
}

#[test]
fn a_crash_on_the_way_out_is_a_crash() {
    let stubborn = |id: &str, panics: bool| {
        ChildSpec::process(id.to_owned(), move || {
            move |mut me: Process| async move {
                me.trap_exit(true);
                me.receive().await;
                assert!(!panics, "not like this");
                pending::<()>().await;
            }
        })
    };
    let supervisor = || {
        Supervisor::new(Strategy::OneForOne).children([
            idle("kind"),
            stubborn("late", false).shutdown(Shutdown::After(ms(5))),
            stubborn("torn", true),
        ])
    };
    assert_drawn(
        supervisor,
        10,
        "
          0ms       10ms      15ms
main      ├───────────────────■    normal
pipeline  ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ kind   ╺━━━━━━━━━━━━━━━━━━━■
├─ late   ╺━━━━━━━━━━━━━━━━━━━■    killed
└─ torn   ╺━━━━━━━━━╳              panic: not like this
",
    );
}

#[test]
fn the_children_of_a_dynamic_supervisor_may_have_the_same_id() {
    for schedule in schedules() {
        let run = run_on(schedule, |me: Process| async move {
            me.trap_exit(true);
            let jobs = DynamicSupervisor::new().start_link().name(&JOBS).await.unwrap();
            jobs.start_child(breaks("job", 1, 10)).await.unwrap();
            jobs.start_child(breaks("job", 2, 20)).await.unwrap();
            let job = jobs.start_child(idle("job")).await.unwrap().unwrap();
            sleep(ms(30)).await;
            jobs.terminate_child(job).await.unwrap();
            sleep(ms(15)).await;
            jobs.stop().await.unwrap();
        });
        assert_timeline!(
            run.trace,
            "
        0ms       10ms      20ms      30ms      40ms      45ms
main    ├─────────────────────────────────────────────────■    normal
jobs    ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ job  ╺━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    #2  panic: broken
├─ job  ╺━━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━━━━━━━━━━━╳╺━━━━━━━━■    #3  panic: broken ×2
└─ job  ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■

10ms  one_for_one: job was restarted because it crashed
20ms  one_for_one: job was restarted because it crashed
30ms  job was stopped on request
40ms  one_for_one: job was restarted because it crashed
",
            "{schedule}"
        );
    }
}

#[test]
fn a_decision_is_an_event_of_one_line() {
    let run = pipeline(Schedule::Tasks, &stages(Strategy::RestForOne), 20);
    let decided = |line: &&String| {
        [" started ", " restarted ", " stopped "].iter().any(|verb| line.contains(verb))
    };
    let lines = run.trace.lines();
    assert_eq!(
        lines.iter().filter(decided).collect::<Vec<_>>(),
        [
            "0ms pipeline started input",
            "0ms pipeline started process",
            "0ms pipeline started output",
            "10ms pipeline stopped output: process, started before it, crashed",
            "10ms pipeline restarted process #2: it crashed",
            "10ms pipeline restarted output #2: process, started before it, crashed",
            "20ms pipeline stopped output: the supervisor ends",
            "20ms pipeline stopped process: the supervisor ends",
            "20ms pipeline stopped input: the supervisor ends",
        ]
    );
    let restarted = run.trace.events().iter().find_map(|event| match &event.what {
        What::ChildRestarted { id, child, incarnation, because } if **id == *"output" => {
            Some((child.clone(), *incarnation, because.clone()))
        }
        _ => None,
    });
    let (child, incarnation, because) = restarted.unwrap();
    assert_eq!((child.label.as_deref(), incarnation), (Some("output"), 2));
    let Because::Strategy { strategy, child, trouble: Trouble::Ended(reason) } = because else {
        panic!("{because:?}")
    };
    assert_eq!((strategy, &*child, reason.is_expected()), (Strategy::RestForOne, "process", false));
}

#[test]
fn a_child_with_a_name_keeps_it_and_is_found_by_its_id() {
    static NAMED: Name<Moody> = Name::new("moody.server");
    let run = run_on(Schedule::Tasks, |me: Process| async move {
        me.trap_exit(true);
        Supervisor::new(Strategy::OneForOne)
            .child(Moody::child(|| 2).name(&NAMED).id("moody"))
            .child(ChildSpec::new("plain", || async {
                Ok(spawn_link(pending::<()>()).unwrap().pid())
            }))
            .start_link()
            .name(&PIPELINE)
            .await
            .unwrap();
        let tree = System::current().tree();
        assert_eq!(tree.find("moody"), tree.find("moody.server"));
        PIPELINE.stop().await.unwrap();
    });
    let lines = run.trace.lines();
    assert!(lines.contains(&"0ms pipeline started moody as moody.server".to_owned()), "{lines:?}");
    assert!(lines.contains(&"0ms plain spawned and linked by pipeline".to_owned()), "{lines:?}");
    assert!(
        run.trace.timeline().contains("├─ moody (moody.server)  ╺"),
        "{}",
        run.trace.timeline()
    );
}

#[test]
fn hostile_names_are_harmless() {
    let script = "<script>alert('x')</script>\n\u{1b}[2J";
    let long = "longer than any name should be, and then some more of it".repeat(20);
    let turned = "a\u{202e}b\u{7}c";
    let quotes = "\"&amp;]]>";
    let ids = [script, &long, turned, quotes];
    let supervisor = Supervisor::new(Strategy::OneForAll).children(ids.map(idle));
    let supervisor = supervisor.child(breaks("<i>", 1, 10));
    let seen = Arc::new(Mutex::new(Tree::default()));
    let slot = seen.clone();
    let run = run_on(Schedule::Tasks, move |me: Process| async move {
        me.trap_exit(true);
        supervisor.start_link().name(&PIPELINE).await.unwrap();
        note("one\n\u{0}two");
        sleep(ms(20)).await;
        *slot.lock().unwrap() = System::current().tree();
    });
    let tree = seen.lock().unwrap().clone();
    let texts = [run.trace.timeline(), tree.to_string(), tree.shape()];
    for text in &texts {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text}");
        assert!(text.contains("<script>alert('x')</script>…"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    }
    assert_eq!(texts[1].lines().count(), 7);
    let names = ["<script>alert('x')</script>…", "a\u{fffd}b\u{fffd}c", quotes];
    check_svg(&run.trace.to_svg(), &names);
    let again = names.map(|name| format!("{name} #2"));
    check_svg(&tree.to_svg(), &again.each_ref().map(|name| &**name));
    // A line of a trace is one line, whatever the ids of children are.
    let decided =
        |what: &What| matches!(what, What::ChildStarted { .. } | What::ChildRestarted { .. });
    for event in run.trace.events().iter().filter(|event| decided(&event.what)) {
        assert_eq!(event.to_string().lines().count(), 1, "{event}");
    }
}

#[test]
fn a_picture_holds_the_sentences_and_the_incarnations() {
    let run = pipeline(Schedule::Tasks, &stages(Strategy::RestForOne), 20);
    let svg = run.trace.to_svg();
    check_svg(
        &svg,
        &[
            "pipeline",
            "output",
            "#2",
            "10ms",
            "panic: broken",
            "crashed",
            "rest_for_one: output was restarted because process, started before it, crashed",
        ],
    );
    assert!(svg.contains("prefers-color-scheme:dark"));
    check_svg(&runtime::trace::Trace::default().to_svg(), &[]);
    check_svg(&Tree::default().to_svg(), &["no processes"]);
}

#[test]
fn many_times_stand_close_together() {
    let worker = breaks("worker", 60, 10);
    let supervisor =
        Supervisor::new(Strategy::OneForOne).intensity(100, Duration::from_secs(1)).child(worker);
    let run = pipeline(Schedule::Tasks, &supervisor, 1000);
    let picture = run.trace.timeline();
    assert!(picture.lines().all(|line| line.chars().count() < 230), "{picture}");
    assert!(picture.contains("and 20 more"), "{picture}");
    check_svg(&run.trace.to_svg(), &["and 20 more"]);
}

/// Runs `body` as `main`, which then waits, and looks at the tree from outside of all processes when
/// everything has come to rest.
fn trees<F>(
    schedules: Vec<Schedule>,
    body: impl FnOnce(Process) -> F + Clone + Send + 'static,
) -> Vec<Tree>
where
    F: Future<Output = ()> + Send + 'static,
{
    let look = |schedule| {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        tokio.block_on(async {
            let system = match schedule {
                Schedule::Tasks => System::start(),
                Schedule::Seeded(seed) => System::start_seeded(seed),
            };
            let body = body.clone();
            system.spawn(move |me: Process| async move {
                me.trap_exit(true);
                me.set_label("main");
                body(me).await;
                pending::<()>().await;
            });
            sleep(Duration::from_secs(1)).await;
            let tree = system.tree();
            check_svg(&tree.to_svg(), &["main"]);
            system.stop().await;
            tree
        })
    };
    schedules.into_iter().map(look).collect()
}

async fn shop(_: Process) {
    let web = Supervisor::new(Strategy::OneForAll)
        .children([breaks("router", 1, 10), idle("cache").restart(Restart::Transient)]);
    let database = ChildSpec::process("database", || async {
        SpawnOptions::new().label("connection").link().spawn(pending::<()>()).unwrap();
        spawn(async {
            SpawnOptions::new().label("stray").spawn(pending::<()>()).unwrap();
            sleep(ms(50)).await;
        });
        pending::<()>().await;
    });
    Supervisor::new(Strategy::RestForOne)
        .child(database)
        .child(web.into_child("web"))
        .child(DynamicSupervisor::new().into_child(&JOBS))
        .child(idle("spare"))
        .start_link()
        .name(&PIPELINE)
        .await
        .unwrap();
    let job = || idle("job").restart(Restart::Temporary);
    JOBS.start_child(job()).await.unwrap();
    JOBS.start_child(job()).await.unwrap();
    PIPELINE.terminate_child("spare").await.unwrap();
}

#[test]
fn a_running_tree_is_drawn_whole() {
    let tree = trees(vec![Schedule::Tasks], shop).remove(0);
    let expected = "\
main                 process 1
└╌ pipeline          rest_for_one supervisor, process 2, linked
   ├─ database       permanent worker, process 3
   │  └╌ connection  process 5, linked
   ├─ web            permanent one_for_all supervisor, process 4
   │  ├─ router #2   permanent worker, process 14
   │  └─ cache #2    transient worker, process 15
   ├─ jobs           permanent dynamic supervisor, process 10
   │  ├─ job         temporary worker, process 12
   │  └─ job         temporary worker, process 13
   └─ spare          permanent worker, stopped

orphans: nobody supervises them, and who spawned them has ended
stray                process 9
";
    assert_eq!(tree.to_string(), expected, "\n{tree}");
    check_svg(&tree.to_svg(), &["router #2", "permanent worker, process 14", "spare", "stray"]);
}

#[test]
fn the_shape_of_a_tree_is_the_same_on_every_schedule() {
    for tree in trees(schedules(), shop) {
        assert_eq!(
            tree.shape(),
            "\
main
└╌ pipeline: rest_for_one supervisor
   ├─ database: permanent worker
   │  └╌ connection
   ├─ web: permanent one_for_all supervisor
   │  ├─ router: permanent worker
   │  └─ cache: transient worker
   ├─ jobs: permanent dynamic supervisor
   │  ├─ job: temporary worker
   │  └─ job: temporary worker
   └─ spare: permanent worker

orphans: nobody supervises them, and who spawned them has ended
stray
",
            "\n{}",
            tree.shape()
        );
    }
}

#[test]
fn the_parts_of_a_tree_are_values() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let worker = breaks("worker", 1, 10);
        let supervisor = Supervisor::new(Strategy::OneForOne).children([worker, idle("other")]);
        let pid = supervisor.start_link().await.unwrap().pid();
        sleep(ms(20)).await;
        let tree = Tree::of(pid).unwrap();
        assert_eq!((tree.roots.len(), tree.orphans.len(), tree.nodes().count()), (1, 0, 3));
        let root = &tree.roots[0];
        assert_eq!(root.role, Role::Supervisor { strategy: Some(Strategy::OneForOne) });
        assert_eq!((root.pid(), root.linked, root.restart), (Some(pid), true, None));
        let worker = tree.find("worker").unwrap();
        assert_eq!((worker.role, worker.state), (Role::Worker, State::Running));
        assert_eq!((worker.incarnation, worker.restart), (2, Some(Restart::Permanent)));
        assert_eq!(tree.find("nobody"), None);
        assert_eq!(tree, Tree::of(pid).unwrap(), "nothing happened in between");
        pid.exit(ExitReason::Shutdown);
        pid.join().await;
        assert_eq!(Tree::of(pid), None);
        assert_eq!(System::current().tree().to_string(), "main  process 1\n");
    });
}

/// A server that takes its time to start and to end.
struct Slow;

impl GenServer for Slow {
    type Args = ();
    type Call = ();
    type Cast = ();
    type Info = ();

    async fn init((): (), cx: &mut Cx<Self>) -> Result<Init<Self>, Crash> {
        cx.trap_exit(true);
        sleep(ms(100)).await;
        Ok(Init::Ok(Self))
    }

    async fn terminate(&mut self, _: &ExitReason, _: &mut Cx<Self>) {
        sleep(ms(100)).await;
    }
}

/// The children of `pipeline`: name, state, and whether there is a process.
fn states() -> Vec<(String, State, bool)> {
    let tree = Tree::of(runtime::whereis("pipeline").unwrap()).unwrap();
    let children = &tree.roots[0].children;
    children.iter().map(|node| (node.name(), node.state, node.pid().is_some())).collect()
}

#[test]
fn a_supervisor_that_waits_is_drawn_without_waiting() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let starter = me.spawn_link(async {
            let slow = Slow::child(|| ()).id("slow");
            Supervisor::new(Strategy::OneForOne)
                .children([idle("first"), slow.into(), idle("next")])
                .start_link()
                .name(&PIPELINE)
                .await
                .unwrap();
            pending::<()>().await;
        });
        let runs = |name: &str| (name.to_owned(), State::Running, true);
        let slow = |state, runs| ("slow".to_owned(), state, runs);
        sleep(ms(50)).await;
        assert_eq!(states(), [runs("first"), slow(State::Starting, true)]);
        sleep(ms(100)).await;
        assert_eq!(states(), [runs("first"), runs("slow"), runs("next")]);
        let terminating = me.spawn_link(async { PIPELINE.terminate_child("slow").await.unwrap() });
        sleep(ms(50)).await;
        assert_eq!(states(), [runs("first"), slow(State::Stopping, true), runs("next")]);
        terminating.join().await;
        assert_eq!(states(), [runs("first"), slow(State::Stopped, false), runs("next")]);
        starter.kill();
        starter.join().await;
        eventually(|| runtime::whereis("pipeline").is_none()).await;
    });
}

#[test]
fn a_failed_restart_leaves_no_process_and_counts_no_incarnation() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let starts = Arc::new(AtomicU32::new(0));
        let seen = Arc::new(Mutex::new(None));
        let slot = seen.clone();
        let start = move || {
            let (number, slot) = (starts.fetch_add(1, Ordering::SeqCst), slot.clone());
            async move {
                match number {
                    0 => Ok(spawn_link(sleep(ms(10))).unwrap().pid()),
                    1 => Err(StartError::Failed(ExitReason::other("not yet"))),
                    _ => {
                        // In the supervisor itself, which waits for this.
                        *slot.lock().unwrap() = runtime::self_pid().ok().and_then(Tree::of);
                        Ok(spawn_link(pending::<()>()).unwrap().pid())
                    }
                }
            }
        };
        let supervisor = Supervisor::new(Strategy::OneForOne).child(ChildSpec::new("child", start));
        let pid = supervisor.start_link().await.unwrap().pid();
        sleep(ms(20)).await;
        let between = seen.lock().unwrap().take().unwrap();
        let child = between.find("child").unwrap();
        assert_eq!((child.state, child.incarnation, child.pid()), (State::Starting, 1, None));
        let after = Tree::of(pid).unwrap();
        let child = after.find("child").unwrap();
        assert_eq!((child.state, child.incarnation), (State::Running, 2));
        pid.exit(ExitReason::Shutdown);
        pid.join().await;
    });
}

#[test]
fn a_long_chain_of_spawns_stays_readable() {
    fn link(left: u32) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            if left > 0 {
                spawn(link(left - 1));
            }
            pending::<()>().await;
        })
    }
    let tree = trees(vec![Schedule::Tasks], |_| async {
        spawn(link(5000));
    });
    let text = tree[0].to_string();
    assert_eq!(text.lines().count(), 5002);
    assert!(text.lines().all(|line| line.chars().count() < 120));
}

#[test]
fn whoever_supervises_its_own_spawner_is_shown_once() {
    let tree = trees(vec![Schedule::Tasks], |me: Process| async move {
        let pid = me.pid();
        let adopt = ChildSpec::new("adopted", move || async move { Ok(pid) });
        Supervisor::new(Strategy::OneForOne).child(adopt).start_link().await.unwrap();
    });
    let names: Vec<String> = tree[0].nodes().map(Node::name).collect();
    assert_eq!(names, ["main", "#2", "adopted"], "{}", tree[0]);
}

#[test]
fn a_tree_is_drawn_from_other_threads_while_processes_come_and_go() {
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let system = tokio.block_on(async {
        let restless = |id: &str| ChildSpec::process(id.to_owned(), tokio::task::yield_now);
        let inner = Supervisor::new(Strategy::RestForOne)
            .intensity(usize::MAX, Duration::from_secs(1))
            .children([idle("first"), restless("second"), restless("third")]);
        let outer = Supervisor::new(Strategy::OneForOne).child(inner.into_child("inner"));
        outer.start().await.unwrap();
        System::current()
    });
    for _ in 0..100 {
        let tree = system.tree();
        let inner = tree.find("inner").unwrap();
        let ids: Vec<String> = inner.children.iter().map(Node::name).collect();
        assert_eq!(ids[..3], ["first", "second", "third"], "{tree}");
        check_svg(&tree.to_svg(), &[]);
    }
}
