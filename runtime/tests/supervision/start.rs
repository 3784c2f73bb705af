//! How supervisors start: in which order, what a failure does, which lists make no sense.

use crate::support::{Begin, Log, NOTHING, Part, W, ms, one_for_one, timed, word, workers};
use runtime::testing::{in_process, scenario, settle};
use runtime::{
    AutoShutdown, Child, ChildCount, ChildError, ChildId, ChildSpec, ExitReason, FailedToStart,
    Name, Process, Restart, Server, Shutdown, SpecError, StartError, Strategy, Supervision,
    Supervisor, SupervisorModule, SupervisorServer,
};

static NAME: Name<SupervisorServer> = Name::new("sup");

fn failed(id: &str, error: StartError) -> ExitReason {
    ExitReason::shutdown_with(FailedToStart { id: id.into(), error })
}

// --- The order of start and stop.

/// Children are started in the order of the list and stopped in reverse.
///
/// Covers: RT-SUP-01, RT-SUP-15
/// Oracle: SUP-01
#[test]
fn children_start_in_order_and_stop_in_reverse() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = log.start(one_for_one().children(log.all(["a", "b", "c"]))).await;
        assert_eq!(sup.stop().await, Ok(()));
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init b.1",
                "init c.1",
                "terminate c.1 shutdown",
                "terminate b.1 shutdown",
                "terminate a.1 shutdown"
            ]
        );
    });
}

/// Each child is up before the next one is started, and all are before the start returns.
#[test]
fn each_child_is_up_before_the_next_one_is_started() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let children = [100, 30, 5].into_iter().zip(["a", "b", "c"]);
        let children = children.map(|(takes, tag)| log.w(tag).init_takes(ms(takes)).into());
        let (sup, took) = timed(log.start(one_for_one().children(children))).await;
        assert_eq!(took, ms(135));
        assert_eq!(log.take(), ["init a.1", "init b.1", "init c.1"]);
        assert_eq!(log.children(&sup).await, ["c c.1", "b b.1", "a a.1"]);
    });
}

/// Children may be given as a server type, with what is said otherwise, as a specification, or as a
/// supervisor; ids are the names or the types' names unless told otherwise.
///
/// Covers: RT-SUP-08, RT-SUP-09
#[test]
fn children_are_given_in_several_ways() {
    static NAMED: Name<W> = Name::new("named");

    scenario(|me: Process| async move {
        use runtime::GenServer;

        let log = Log::of(&me);
        let make = |tag| {
            let part = log.w(tag);
            move || part.clone()
        };
        let sup = one_for_one()
            .child(W::child(make("by type")))
            .child(W::child(make("by name")).name(&NAMED))
            .child(W::child(make("by id")).id("id"))
            .child(ChildSpec::process("process", std::future::pending::<()>).with_id("renamed"))
            .child(one_for_one().into_child("inner"));
        let sup = log.start(sup).await;
        let ids = sup.which_children().await.unwrap();
        let ids: Vec<_> = ids.iter().rev().map(|child| &*child.id).collect();
        assert_eq!(ids, ["W", "named", "id", "renamed", "inner"]);
        assert_eq!(NAMED.whereis().map(|server| server.pid()), Some(log.pid("by name.1")));
    });
}

/// A supervisor may be started from a plain task; then nobody is its parent.
#[test]
fn a_supervisor_can_be_started_outside_of_a_process() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let parts = log.all(["a"]);
        let task = tokio::spawn(async move { one_for_one().children(parts).start_link().await });
        let sup = task.await.unwrap().unwrap();
        assert!(me.info().links.is_empty());
        assert_eq!(log.children(&sup).await, ["a a.1"]);
        assert_eq!(sup.stop().await, Ok(()));
    });
}

// --- A child that has nothing to do.

/// A child that has nothing to do stays in the list, stopped; it can be restarted and deleted.
///
/// Oracle: SUP-19
#[test]
fn a_child_that_has_nothing_to_do_stays_in_the_list() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().child(log.w("a")).child(log.w("b").starts([Begin::Ignore]));
        let sup = log.start(sup.child(log.w("c"))).await;
        assert_eq!(log.children(&sup).await, ["c c.1", "b stopped", "a a.1"]);
        assert_eq!(sup.count_children().await, Ok(workers(3, 2)));
        assert_eq!(sup.restart_child("b").await, Ok(None));
        assert_eq!(sup.delete_child("b").await, Ok(()));
        assert_eq!(log.children(&sup).await, ["c c.1", "a a.1"]);
    });
}

/// A temporary child that has nothing to do leaves no entry, neither from the list nor when it is
/// added later; another one with its id may come.
///
/// Oracle: SUP-20
#[test]
fn a_temporary_child_that_has_nothing_to_do_leaves_no_entry() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let idle = |tag| log.w(tag).starts([Begin::Ignore, Begin::Run]);
        let sup = one_for_one().child(log.w("a")).child(idle("b").temporary());
        let sup = log.start(sup).await;
        assert_eq!(log.children(&sup).await, ["a a.1"]);
        assert_eq!(sup.start_child(idle("c").temporary()).await, Ok(None));
        assert_eq!(sup.start_child(idle("d")).await, Ok(None));
        assert_eq!(sup.count_children().await, Ok(workers(2, 1)));
        assert_eq!(log.children(&sup).await, ["d stopped", "a a.1"]);

        assert_eq!(sup.start_child(idle("c").temporary()).await, Ok(Some(log.pid("c.2"))));
        assert_eq!(sup.start_child(idle("b").temporary()).await, Ok(Some(log.pid("b.2"))));
        assert_eq!(sup.start_child(idle("d")).await, Err(ChildError::AlreadyPresent));
    });
}

// --- A child that fails.

/// When a child fails to start, those before it are stopped in reverse, those after it are never
/// started, and the supervisor ends with `shutdown` and the child's id and reason.
///
/// Oracle: SUP-21
#[test]
fn a_child_that_fails_to_start_undoes_the_start() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let c = log.w("c").starts([Begin::Fail("bad_init")]);
        let sup = one_for_one().children(log.all(["a", "b"])).child(c).child(log.w("d"));
        let reason = failed("c", StartError::Failed(word("bad_init")));
        let started = sup.start_link().await;
        assert_eq!(started.unwrap_err(), StartError::Failed(reason.clone()));
        let Ok(runtime::Message::Exit(exit)) = me.receive().timeout(ms(1)).await else {
            panic!("no exit message");
        };
        assert_eq!(exit.reason, reason);
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(
            log.take(),
            [
                "init a.1",
                "init b.1",
                "init c.1",
                "terminate b.1 shutdown",
                "terminate a.1 shutdown"
            ]
        );
    });
}

/// Those before it are stopped as their specifications say, before the start returns.
#[test]
fn a_failed_start_stops_the_others_as_they_want_to_be_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let slow = |tag| log.w(tag).end_takes(ms(100));
        let sup = one_for_one()
            .child(slow("a"))
            .child(slow("b").shutdown(Shutdown::After(ms(30))))
            .child(slow("c").shutdown(Shutdown::BrutalKill))
            .child(log.w("d").init_takes(ms(7)).starts([Begin::Fail("no")]));
        let (started, took) = timed(sup.start().into_future()).await;
        assert!(started.is_err());
        assert_eq!(took, ms(7 + 30 + 100));
        assert_eq!(
            log.take()[4..],
            ["terminate b.1 shutdown", "terminate a.1 shutdown", "terminate-done a.1"]
        );
    });
}

/// A child whose `init` panics fails with that panic.
///
/// Oracle: SUP-22
#[test]
fn a_child_whose_init_panics_fails_with_the_panic() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().child(log.w("a")).child(log.w("c").starts([Begin::Panic]));
        let Err(StartError::Failed(reason)) = sup.start_link().await else { panic!("it starts") };
        assert!(matches!(reason, ExitReason::ShutdownWith(_)), "{reason}");
        let failure = reason.downcast_ref::<FailedToStart>().unwrap();
        assert_eq!(&*failure.id, "c");
        let StartError::Failed(reason) = &failure.error else { panic!("{failure:?}") };
        let panic = reason.as_panic().unwrap();
        assert_eq!(panic.message(), "no");
        assert!(panic.place().unwrap().file.ends_with("support.rs"), "{panic}");
        assert_eq!(log.take(), ["init a.1", "init c.1", "terminate a.1 shutdown"]);
    });
}

/// A failed start of a linked supervisor takes the starter along, unless it traps exits: it does not
/// get to look at the error. So does the end of a supervisor that gives up.
///
/// Oracle: SUP-73
#[test]
fn a_starter_that_does_not_trap_falls_with_its_supervisor() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let (w, noted) = (log.w("w"), log.clone());
        let starter = in_process("starter", move |_: Process| async move {
            noted.start(one_for_one().intensity(0, ms(5000)).child(w)).await;
            std::future::pending::<()>().await;
        });
        let starter = tokio::spawn(starter);
        settle().await;
        log.kill("w").await;
        assert_eq!(starter.await.unwrap(), Err(ExitReason::Shutdown));

        let (bad, noted) = (log.w("bad").starts([Begin::Fail("no")]), log.clone());
        let starter = in_process("starter", move |_: Process| async move {
            let _ = one_for_one().child(bad).start_link().await;
            noted.add("continued");
        });
        let reason = failed("bad", StartError::Failed(word("no")));
        assert_eq!(starter.await, Err(reason));
        assert_eq!(log.take(), ["init w.1", "init bad.1"]);
    });
}

// --- Names.

/// A supervisor whose name is taken does not start, and starts nobody; the end of the first one frees
/// the name.
///
/// Oracle: SUP-51
#[test]
fn a_supervisor_whose_name_is_taken_starts_nobody() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let first = one_for_one().start_link().name(&NAME).await.unwrap();
        let second = one_for_one().child(log.w("a")).start_link().name(&NAME).await;
        assert_eq!(second.unwrap_err(), StartError::AlreadyStarted(first.pid()));
        assert_eq!(log.take(), NOTHING);
        // A supervisor is asked by its name like any other server.
        assert_eq!(NAME.count_children().await, Ok(ChildCount::default()));
        assert_eq!(first.stop().await, Ok(()));
        assert_eq!(NAME.whereis(), None);
        log.know("first", &first);
        assert_eq!(log.mailbox(&mut me).await, ["EXIT first normal"]);
    });
}

// --- Lists that make no sense.

/// Starts a supervisor that makes no sense: its error. Nothing else happens.
async fn refused(log: &Log, me: &mut Process, sup: Supervisor) -> SpecError {
    let Err(StartError::Failed(reason)) = sup.start_link().await else { panic!("it starts") };
    assert!(matches!(reason, ExitReason::Other(_)), "{reason}");
    let exit = log.mailbox(me).await;
    assert_eq!(exit.len(), 1, "{exit:?}");
    assert!(exit[0].ends_with(&reason.to_string()), "{exit:?}");
    assert_eq!(log.take(), NOTHING);
    reason.downcast_ref::<SpecError>().expect("a SpecError").clone()
}

/// Two children with one id are refused before anything starts.
///
/// Covers: RT-SUP-17
/// Oracle: SUP-52
#[test]
fn two_children_with_one_id_are_refused() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().children(log.all(["a", "b", "a"]));
        let error = refused(&log, &mut me, sup).await;
        assert_eq!(error, SpecError::DuplicateId(ChildId::from("a")));
        assert_eq!(error.to_string(), r#"duplicate child id "a""#);
    });
}

/// A window of no length is refused. All else that could be wrong with a supervisor's limits cannot
/// be written.
///
/// Oracle: SUP-54
#[test]
fn a_window_of_no_length_is_refused() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().intensity(1, ms(0)).child(log.w("a"));
        assert_eq!(refused(&log, &mut me, sup).await, SpecError::InvalidPeriod);
    });
}

/// The first thing that makes no sense is the one that is named, in OTP's order: limits, then child
/// by child.
#[test]
fn the_first_thing_that_makes_no_sense_is_named() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let bad = || [log.w("a"), log.w("x").significant(), log.w("a")].map(ChildSpec::from);
        let sup = one_for_one().children(bad()).intensity(1, ms(0));
        assert_eq!(refused(&log, &mut me, sup).await, SpecError::InvalidPeriod);
        let sup = one_for_one().children(bad());
        let error = SpecError::SignificantPermanent(ChildId::from("x"));
        assert_eq!(refused(&log, &mut me, sup).await, error);
    });
}

// --- Specifications.

/// What a supervisor knows of its children, defaults included.
///
/// Covers: RT-SUP-07, RT-GS-12
/// Oracle: SUP-55
#[test]
fn a_specification_that_says_nothing_has_the_defaults() {
    scenario(|me: Process| async move {
        use runtime::GenServer;

        let log = Log::of(&me);
        let part = log.w("w");
        let sup = one_for_one().child(W::child(move || part.clone()).id("w"));
        let sup = log.start(sup.child(one_for_one().into_child("inner"))).await;
        assert_eq!(
            format!("{:?}", sup.get_childspec("w").await.unwrap()),
            format!(
                "ChildSpec {{ id: \"w\", restart: Permanent, shutdown: After(5s), kind: Worker, \
                 significant: false, module: {:?}, .. }}",
                std::any::type_name::<W>()
            )
        );
        assert_eq!(
            format!("{:?}", sup.get_childspec("inner").await.unwrap()),
            "ChildSpec { id: \"inner\", restart: Permanent, shutdown: Infinity, kind: Supervisor, \
             significant: false, module: \"Supervisor\", .. }"
        );
        assert_eq!(sup.get_childspec("unknown").await, Err(ChildError::NotFound));
    });
}

/// What is said otherwise holds, and what was asked of a supervisor can be given to another one.
#[test]
fn a_specification_can_be_taken_from_one_supervisor_to_another() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let part = log.w("w").transient().shutdown(Shutdown::BrutalKill);
        let sup = log.start(one_for_one().child(part.clone())).await;
        let spec = sup.get_childspec("w").await.unwrap();
        assert_eq!(spec, ChildSpec::from(part));
        assert_ne!(spec, spec.clone().restart(Restart::Temporary));
        assert_ne!(spec, spec.clone().with_id("v"));

        let other = one_for_one().start_link().await.unwrap();
        assert_eq!(other.start_child(spec).await, Ok(Some(log.pid("w.2"))));
    });
}

// --- Supervisors as types.

struct Module;

impl SupervisorModule for Module {
    type Args = Option<Vec<Part>>;

    fn init(parts: Option<Vec<Part>>) -> Option<Supervisor> {
        let parts = parts?;
        Some(Supervisor::new(Strategy::OneForAll).children(parts.into_iter().map(ChildSpec::from)))
    }
}

/// A supervisor's type says what its children are, from its arguments.
#[test]
fn a_supervisors_type_makes_its_children_from_its_arguments() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = Module::start_link(Some(vec![log.w("a"), log.w("b")])).name(&NAME).await.unwrap();
        log.kill("a").await;
        assert_eq!(log.children(&sup).await, ["b b.2", "a a.2"]);
        assert_eq!(NAME.whereis(), Some(sup));
    });
}

/// A supervisor's type may find that there is nothing to supervise: that is no error, and the
/// process ends normally.
///
/// Oracle: SUP-56
#[test]
fn a_supervisors_type_may_have_nothing_to_supervise() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        assert_eq!(Module::start_link(None).await, Err(StartError::Ignored));
        let Ok(runtime::Message::Exit(exit)) = me.receive().timeout(ms(1)).await else {
            panic!("no exit message");
        };
        assert_eq!(exit.reason, ExitReason::Normal);

        let sup = log.start(one_for_one().child(Module::child("idle", || None))).await;
        assert_eq!(log.children(&sup).await, ["idle stopped"]);
        let counts = ChildCount { specs: 1, supervisors: 1, ..ChildCount::default() };
        assert_eq!(sup.count_children().await, Ok(counts));
    });
}

/// Values may be built once and started several times.
#[test]
fn a_supervisor_can_be_started_several_times() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let sup = one_for_one().auto_shutdown(AutoShutdown::Never).child(Child::from(log.w("a")));
        let (first, second) = (log.start(sup.clone()).await, log.start(sup).await);
        assert_eq!(log.children(&first).await, ["a a.1"]);
        assert_eq!(log.children(&second).await, ["a a.2"]);
    });
}
