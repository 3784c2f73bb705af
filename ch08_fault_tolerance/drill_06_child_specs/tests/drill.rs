//! Drill 8.6, child specifications.
//!
//! The test runs as the process `main`. Which name, id and value a worker has, how it ends, and
//! when, is drawn from the seed of the run.

use std::time::Duration;

use ch08_drill_06_child_specs::{
    ARCHIVE, Call, Cast, DELIVERY, LEAFLET, Opts, Part, TILL, Worker, bare, child_spec, in_full,
    shop, start_link, together, with_argument, with_options,
};
use runtime::prelude::*;
use runtime::testing::{eventually, one_of, restarted, scenario, scenario_with, settle};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildCount, ChildError, ChildKind, ChildState, SpecError, StartError, SupervisorRef,
    SupervisorServer, System, assert_timeline, trap_exit,
};
use tokio::time::{Instant, sleep, timeout};

/// The supervisor of the children that a test is about.
static SUPERVISOR: Name<SupervisorServer> = Name::new("supervisor");

/// The supervisor of exercise 6, in the picture.
static SHOP: Name<SupervisorServer> = Name::new("shop");

const SECOND: Duration = Duration::from_secs(1);

/// What a worker was started with is what it says and what it keeps.
///
/// Exercise: 1
/// Covers: CH8-D6-E1
#[test]
fn a_worker_keeps_its_options_and_is_found_by_its_name() {
    scenario_with(|seed| async move {
        let history = System::current().record();
        let value = u32::try_from(seed % 1000).ok();
        let name = one_of(seed, ["my_worker", "w1", "custom"]);
        let opts = Opts { name: Some(name), value, ..Opts::default() };
        let worker = start_link(opts).await.expect("nothing keeps a worker from starting");
        assert_eq!(
            Name::<Worker>::new(name).whereis(),
            Some(worker.clone()),
            "a worker is registered under the name in its options (see hint 3 of exercise 1)"
        );
        assert_eq!(
            worker.call(Call::Opts).await,
            Ok(opts),
            "a worker's state is its options (see hint 2 of exercise 1)"
        );
        assert_eq!(
            notes(&history),
            [format!("Starting with opts: {opts}")],
            "a worker notes its options, once (see hint 2 of exercise 1)"
        );
    });
}

/// A name that is not in the options is the type's, and one name is one worker's.
///
/// Exercise: 1
/// Covers: CH8-D6-E1
/// Oracle: GS-15
#[test]
fn a_worker_without_a_name_in_its_options_is_called_worker() {
    scenario_with(|seed| async move {
        let value = u32::try_from(seed % 1000).ok();
        let opts = Opts { value, ..Opts::default() };
        let worker = start_link(opts).await.expect("nothing keeps a worker from starting");
        assert_eq!(
            Name::<Worker>::new("Worker").whereis(),
            Some(worker.clone()),
            "without a name in its options a worker is called `Worker` (see hint 3 of exercise 1)"
        );
        assert_eq!(
            start_link(opts).await.map(|second| second.pid()),
            Err(StartError::AlreadyStarted(worker.pid())),
            "a name has one worker (see hint 3 of exercise 1)"
        );
    });
}

/// With nothing given, a specification has the defaults of its type: permanent, five seconds to
/// end, a worker; and its id is the type's name.
///
/// Exercise: 2
/// Covers: CH8-D6-E2, CH8-D6-F1, CH8-D6-F3, CH8-D6-F4, CH8-D6-F5
/// Oracle: C8-09, SUP-55
#[test]
fn what_is_not_in_the_options_is_the_default() {
    scenario(|_: Process| async move {
        let spec = child_spec(Opts::default());
        assert_eq!(&**spec.id(), "Worker", "the id is the type's name (see hint 2 of exercise 2)");
        let written_out = spec
            .clone()
            .restart(Restart::Permanent)
            .shutdown(Shutdown::After(5 * SECOND))
            .kind(ChildKind::Worker);
        assert_eq!(
            spec, written_out,
            "without options it is permanent, a worker, and has five seconds to end (see hint 2 \
             of exercise 2)"
        );
        let supervisor = run(Supervisor::one_for_one().child(spec.clone())).await;
        let count = ChildCount { specs: 1, active: 1, supervisors: 0, workers: 1 };
        assert_eq!(
            (supervisor.count_children().await, supervisor.get_childspec("Worker").await),
            (Ok(count), Ok(spec)),
            "a supervisor keeps the specification as it was given"
        );
        let inner = Supervisor::one_for_one().into_child("inner");
        let written_out = inner.clone().kind(ChildKind::Supervisor).shutdown(Shutdown::Infinity);
        assert_eq!(inner, written_out, "a supervisor as a child has as long as it takes to end");
    });
}

/// Id and restart are taken from the argument; the name is the worker's business, and no id.
///
/// Exercise: 2
/// Covers: CH8-D6-E2, CH8-D6-F1, CH8-D6-F3, CH8-WSUM-09
/// Oracle: C8-09, SUP-26
#[test]
fn the_options_change_the_specification() {
    scenario_with(|seed| async move {
        let restart = one_of(seed, [Restart::Permanent, Restart::Transient, Restart::Temporary]);
        let (id, name) = one_of(seed / 3, [("worker1", "w1"), ("worker2", "w2"), ("a", "b")]);
        let named = Opts { name: Some(name), restart: Some(restart), ..Opts::default() };
        assert_eq!(
            &**child_spec(named).id(),
            "Worker",
            "a name is no id: the id is `Worker`, unless the options have one (see hint 3 of \
             exercise 2)"
        );
        let opts = Opts { id: Some(id), ..named };
        let spec = child_spec(opts);
        assert_eq!(
            (&**spec.id(), &spec),
            (id, &spec.clone().restart(restart)),
            "id and restart are those of the options (see hint 2 of exercise 2)"
        );
        let supervisor = run(Supervisor::one_for_one().child(spec)).await;
        assert_eq!(
            asked(name).await,
            Some(opts),
            "the specification starts a worker with these options, under its name (see hint 3 of \
             exercise 2)"
        );
        let stopped = supervisor.terminate_child(id).await;
        assert_eq!(stopped, Ok(()), "the supervisor knows its child by the id");
        let again = supervisor.restart_child(id).await.map(|pid| pid.is_some());
        let expected = match restart {
            Restart::Temporary => Err(ChildError::NotFound),
            _ => Ok(true),
        };
        assert_eq!(
            again, expected,
            "a {restart} child that was stopped: the specification of a temporary one is \
             forgotten, that of every other can be started again"
        );
        if again.is_ok() {
            assert_eq!(asked(name).await, Some(opts), "the second start has the same argument");
        }
    });
}

/// The short forms, each under a supervisor of its own, as the course starts them.
///
/// Exercise: 3
/// Covers: CH8-D6-T, CH8-D6-E3, CH8-D6-E4, CH8-D6-E6
/// Oracle: C8-09
#[test]
fn the_short_forms_are_three_arguments_of_one_function() {
    scenario_with(|seed| async move {
        let options = Opts {
            id: Some("worker1"),
            name: Some("w1"),
            restart: Some(Restart::Temporary),
            value: None,
        };
        let argument = Opts { name: Some("my_worker"), value: Some(42), ..Opts::default() };
        let forms = [
            ("1", bare as fn() -> ChildSpec, "Worker", Restart::Permanent, Opts::default()),
            ("2", with_argument, "Worker", Restart::Permanent, argument),
            ("4", with_options, "worker1", Restart::Temporary, options),
        ];
        let (form, make, id, restart, opts) = one_of(seed, forms);
        let spec = make();
        assert_eq!(
            &**spec.id(),
            id,
            "the id of form {form}; if it is the name instead, look at `child_spec` (see hint 3 of \
             exercise 2)"
        );
        assert_eq!(
            spec,
            child_spec(opts).restart(restart),
            "form {form} is {restart}, and otherwise what `child_spec` makes of {opts} (see hint 2 \
             of exercise 3)"
        );
        let supervisor = run(Supervisor::one_for_one().child(spec)).await;
        let name = opts.name.unwrap_or("Worker");
        assert_eq!(
            asked(name).await,
            Some(opts),
            "form {form} starts a worker named {name}, with the options {opts} (see hint 3 of \
             exercise 3)"
        );
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
    });
}

/// The full form says everything: id, start, restart, shutdown.
///
/// Exercise: 4
/// Covers: CH8-D6-E5, CH8-D6-F2, CH8-D6-F3, CH8-D6-F4, CH8-CHK-10
/// Oracle: C8-09
#[test]
fn the_full_form_says_every_field_itself() {
    scenario(|_: Process| async move {
        let spec = in_full();
        let written_out = spec
            .clone()
            .with_id("custom_worker")
            .restart(Restart::Transient)
            .shutdown(Shutdown::After(5 * SECOND));
        assert_eq!(
            (&**spec.id(), &spec),
            ("custom_worker", &written_out),
            "`custom_worker` is transient and has five seconds to end (see hint 2 of exercise 4)"
        );
        let supervisor = run(Supervisor::one_for_one().child(spec)).await;
        let opts = Opts { name: Some("custom"), value: Some(99), ..Opts::default() };
        assert_eq!(
            asked("custom").await,
            Some(opts),
            "it starts a worker named `custom`, with the value 99 (see hint 3 of exercise 4)"
        );
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        assert_eq!(
            asked("custom").await,
            None,
            "the child ends with its supervisor: `start_link` makes the link that it is watched \
             and stopped by (see hint 3 of exercise 4)"
        );
    });
}

/// A start function is called again at each restart, and makes the argument anew; a transient child
/// is started again after a crash, and not after its work is done.
///
/// Exercise: 4
/// Covers: CH8-D6-F2, CH8-D6-F3, CH8-CHK-12
/// Oracle: SUP-08, SUP-29
#[test]
fn the_start_function_is_called_again_after_a_crash_and_not_after_a_normal_end() {
    scenario_with(|seed| async move {
        let crashes = usize::try_from(seed % 3).expect("less than three");
        let history = System::current().record();
        let supervisor = run(Supervisor::one_for_one().child(in_full())).await;
        let name: Name<Worker> = Name::new("custom");
        for _ in 0..crashes {
            let old = name.whereis().expect("a worker that crashed is started again");
            name.cast(Cast::Crash);
            timeout(SECOND, restarted(&name, &old)).await.expect(
                "a transient child is started again after a crash (see hint 2 of exercise 4)",
            );
        }
        assert_eq!(
            notes(&history),
            vec!["Starting with opts: [name: custom, value: 99]"; 1 + crashes],
            "each start has the same argument (see hint 3 of exercise 4)"
        );
        name.cast(Cast::Finish);
        settle().await;
        let listed = supervisor.which_children().await.expect("a supervisor answers");
        assert_eq!(
            listed.iter().map(|child| child.state).collect::<Vec<_>>(),
            [ChildState::Stopped],
            "a transient child that has done its work stays in the list, stopped (see hint 2 of \
             exercise 4)"
        );
    });
}

/// An id is unique in its supervisor. Forms 1 and 2 have two names and one id.
///
/// Exercise: 5
/// Covers: CH8-D6-T, CH8-D6-F1, CH8-WSUM-09, CH8-CHK-10
/// Oracle: C8-09, SUP-05, SUP-52
#[test]
fn four_forms_under_one_supervisor_have_four_ids() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let twice = Supervisor::one_for_one().children([bare(), with_argument()]).start().await;
        let reason = match &twice {
            Err(StartError::Failed(reason)) => reason.downcast_ref::<SpecError>(),
            _ => None,
        };
        assert_eq!(
            (reason, notes(&history)),
            (Some(&SpecError::DuplicateId("Worker".into())), vec![]),
            "forms 1 and 2 have the same id, and a supervisor starts nothing of such a list"
        );
        let supervisor = run(together()).await;
        let listed = supervisor.which_children().await.expect("a supervisor answers");
        assert_eq!(
            listed.iter().rev().map(|child| &*child.id).collect::<Vec<_>>(),
            ["Worker", "my_worker", "custom_worker", "worker1"],
            "the four forms in the order of their numbers, and form 2 with an id of its own (see \
             hint 2 of exercise 5)"
        );
        for name in ["Worker", "my_worker", "custom", "w1"] {
            assert!(asked(name).await.is_some(), "{name} runs (see hint 1 of exercise 5)");
        }
    });
}

/// The same crash, and the same end as expected, of four children: who is started again is the
/// specification's word.
///
/// Exercise: 5
/// Covers: CH8-D6-F3, CH8-CHK-12
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn the_specification_says_who_is_started_again() {
    scenario_with(|seed| async move {
        // Two children at most are started again after each: within the limit of three.
        let crash = seed % 2 == 0;
        let history = System::current().record();
        let supervisor = run(together()).await;
        sleep(SECOND).await;
        for name in ["my_worker", "custom", "w1"] {
            let name: Name<Worker> = Name::new(name);
            name.cast(if crash { Cast::Crash } else { Cast::Finish });
            settle().await;
        }
        sleep(SECOND).await;
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        let starts = |name| {
            let say = format!("name: {name}");
            notes(&history).iter().filter(|note| note.contains(&say)).count()
        };
        assert_eq!(
            ["my_worker", "custom", "w1"].map(starts),
            if crash { [2, 2, 1] } else { [2, 1, 1] },
            "starts of a permanent, a transient and a temporary child that {} (see hint 1 of \
             exercise 5)",
            if crash { "crashed" } else { "ended as expected" }
        );
    });
}

/// How long a child may take to end is its specification's word, too: the time is each child's own.
///
/// Exercise: 6
/// Covers: CH8-D6-F4, CH8-CHK-10
/// Oracle: SUP-30, SUP-32, SUP-33
#[test]
fn a_shop_closes_in_the_time_that_each_part_is_given() {
    scenario(|_: Process| async move {
        let history = System::current().record();
        let supervisor = shop().start_link().name(&SHOP).await;
        let supervisor = supervisor.expect("nothing keeps a shop from opening");
        sleep(10 * SECOND).await;
        let closing = Instant::now();
        supervisor.stop().await.expect("a supervisor stops when it is asked to");
        assert_eq!(
            closed(&history),
            ["archive", "till"],
            "the archive is waited for, and so is the till; the delivery is killed in the middle, \
             the leaflet at once (see hint 2 of exercise 6)"
        );
        assert_eq!(
            closing.elapsed(),
            22 * SECOND,
            "nothing for the leaflet, two seconds for the delivery, twenty for the archive (see \
             hint 2 of exercise 6)"
        );
        assert_timeline!(
            history.trace(),
            "
             0ms       10s       12s       32s
shop         ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■     normal
├─ till      ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━•■    \"closed\"
├─ archive   ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━•■    \"closed\"
├─ delivery  ╺━━━━━━━━━━━━━━━━━━━■               killed
└─ leaflet   ╺━━━━━━━━━■                         killed
",
            "the newest part is stopped first, and the next one when it has ended (see hint 3 of \
             exercise 6)"
        );
    });
}

/// Each part of the shop ends, once by a crash and once as it should.
///
/// Exercise: 6
/// Covers: CH8-D6-F3, CH8-CHK-12
/// Oracle: SUP-07, SUP-08, SUP-09
#[test]
fn each_part_of_a_shop_is_started_again_as_it_deserves() {
    scenario_with(|seed| async move {
        let cast = || if seed % 2 == 0 { Cast::Crash } else { Cast::Finish };
        let parts: [&Name<Part>; 4] = [&TILL, &ARCHIVE, &DELIVERY, &LEAFLET];
        run(shop()).await;
        let mut back = Vec::new();
        for part in parts {
            // So that no four of the crashes come within five seconds.
            sleep(2 * SECOND).await;
            let old = part.whereis().expect("each part runs under its name (see hint 3)").pid();
            part.cast(cast());
            eventually(|| !old.is_alive()).await;
            settle().await;
            back.push(part.whereis().is_some());
        }
        assert_eq!(
            back,
            [true, true, seed % 2 == 0, false],
            "till and archive always come back, the delivery after a crash, the leaflet never; \
             this time each was told to {:?} (see hint 1 of exercise 6)",
            cast()
        );
    });
}

/// A supervisor of these children, linked to `main`, which survives it.
async fn run(supervisor: Supervisor) -> SupervisorRef {
    trap_exit(true).expect("the test is a process");
    let started = supervisor.start_link().name(&SUPERVISOR).await;
    started.expect("nothing keeps these children from starting")
}

/// The options of the worker of this name, if there is one.
async fn asked(name: &'static str) -> Option<Opts> {
    Name::<Worker>::new(name).call(Call::Opts).await.ok()
}

/// What was noted.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}

/// Who has closed, in this order.
fn closed(history: &Recorder) -> Vec<String> {
    let trace = history.trace();
    let closed = trace.events().iter().filter(|event| match &event.what {
        What::Note(text) => text == "closed",
        _ => false,
    });
    closed.map(|event| event.subject.to_string()).collect()
}
