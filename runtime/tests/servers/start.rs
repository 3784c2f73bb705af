//! How servers start: what the caller gets, who learns of a failure, who has the name.

use std::future::pending;
use std::sync::{Arc, Mutex};

use crate::support::{
    Call, Log, NOTHING, Tell, W, assert_panic, dead_server, down, ms, run, tell, word,
};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::trace::What;
use runtime::{
    CallError, Cx, ExitReason, GenServer, Init, Name, Next, NoCatch, Pid, Process, RegisterError,
    Reply, Server, ServerRef, StartError, Term, register, spawn, unregister, whereis,
};
use tokio::time::{Instant, sleep, timeout};

static NAME: Name<W> = Name::new("name");

// --- A start that succeeds.

/// A name leads to nobody before its process can be found: whoever sent to it then might never be
/// answered, since a subscriber that panics still keeps the process from being made.
#[test]
fn a_name_leads_to_nobody_while_its_process_is_being_made() {
    scenario(|me: Process| async move {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        let subscription = me.system().subscribe(move |event| {
            if matches!(event.what, What::Spawned { .. }) {
                notes.lock().unwrap().push(NAME.whereis().is_some());
            }
        });
        let s = W::start(Log::of(&me).server("s.1")).name(&NAME).await.unwrap();
        drop(subscription);
        assert_eq!(*seen.lock().unwrap(), [false]);
        assert_eq!(NAME.whereis(), Some(s));
    });
}

/// Whoever starts a server waits until its `init` is done.
///
/// Covers: RT-GS-02
/// Oracle: GS-21
#[test]
fn a_start_waits_for_init() {
    scenario(|me: Process| async move {
        let begun = Instant::now();
        let s = W::start_link(Log::of(&me).server("s.1").init_takes(ms(60))).await.unwrap();
        assert_eq!(begun.elapsed(), ms(60));
        assert_eq!(me.info().links, [s.pid()]);
    });
}

/// A started server is known by its reference and its name; a name that nobody has leads nowhere.
///
/// Covers: RT-GS-03, RT-GS-07
/// Oracle: GS-49
#[test]
fn a_server_is_found_by_reference_and_by_name() {
    static UNKNOWN: Name<W> = Name::new("unknown");

    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).name(&NAME).await.unwrap();
        let found = [s.whereis(), NAME.whereis(), UNKNOWN.whereis(), Name::of("other").whereis()];
        assert_eq!(found, [Some(s.clone()), Some(s.clone()), None, None]);
        assert_eq!(whereis(NAME.as_str()), Some(s.pid()));
        assert_eq!(NAME.call(Call::Echo).await, Ok("echo"));
    });
}

/// A server may be started from a plain task.
#[test]
fn a_server_can_be_started_outside_of_a_process() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let task = tokio::spawn(async move {
            let s = W::start(log.server("s.1")).await.unwrap();
            assert_eq!(s.call(Call::Echo).await, Ok("echo"));
            let failed = W::start(log.server("s.2").begin(|_, _| Ok(Init::Stop(word("nope")))));
            assert_eq!(failed.await, Err(StartError::Failed(word("nope"))));
            s.stop().await.unwrap();
        });
        task.await.unwrap();
    });
}

/// In a plain task there is nobody to be linked to: the server has no parent and lives on.
#[test]
fn a_linked_start_outside_of_a_process_is_a_start() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let task = tokio::spawn(async move { W::start_link(log.server("s.1").trap()).await });
        let s = task.await.unwrap().unwrap();
        let parent = run(|reply: Reply<_>, _, cx| {
            reply.send(cx.parent());
            Ok(Next::Go)
        });
        assert_eq!(s.call(parent).await, Ok(None));
        assert!(s.pid().info().unwrap().links.is_empty());
    });
}

/// A linked server knows its parent; another one has none.
#[test]
fn a_linked_server_knows_its_parent() {
    fn parent() -> impl FnOnce(Reply<Option<Pid>>) -> Call {
        run(|reply: Reply<_>, _, cx| {
            reply.send(cx.parent());
            Ok(Next::Go)
        })
    }

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let linked = W::start_link(log.server("s.1")).await.unwrap();
        let alone = W::start(log.server("s.2")).await.unwrap();
        assert_eq!(linked.call(parent()).await, Ok(Some(me.pid())));
        assert_eq!(alone.call(parent()).await, Ok(None));
        assert_eq!(me.info().links, [linked.pid()]);
    });
}

/// A crash after `init` is not a failure of the start: the caller has its server, and then the exit.
///
/// Oracle: GS-32
#[test]
fn a_crash_after_init_is_not_a_failed_start() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let s = W::start_link(log.server("s.1").begin(|w, _| {
            Ok(Init::Then(w, Next::Continue(tell(|_, _| Ok(Next::Stop(word("late_init")))))))
        }));
        assert!(s.await.is_ok());
        assert_eq!(log.mailbox(&mut me).await, [r#"EXIT s.1 "late_init""#]);
    });
}

/// Whoever gives up on a start has still started it: the server is done with `init` in its time.
#[test]
fn a_start_that_is_given_up_goes_on() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let start = W::start_link(log.server("s.1").init_takes(ms(50))).name(&NAME);
        assert!(timeout(ms(10), start).await.is_err());
        let s = NAME.whereis().unwrap();
        assert_eq!(me.info().links, [s.pid()]);
        let begun = Instant::now();
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
        assert_eq!(begun.elapsed(), ms(40));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);

        drop(W::start(log.server("never awaited")));
        settle().await;
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// A linked server whose parent ends meanwhile does not finish its `init`.
#[test]
fn a_parent_that_ends_while_it_starts_a_server_takes_it_along() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        let (parent, _) = me.spawn_monitor(async move {
            let begun = |w: W, _: &mut Cx<W>| {
                w.log.add("begun");
                Ok(Init::Ok(w))
            };
            let _ = W::start_link(lines.server("s.1").init_takes(ms(50)).begin(begun)).await;
        });
        settle().await;
        let s = log.pid("s.1");
        me.monitor(s);
        log.know("parent", &parent);
        parent.exit(word("gone"));
        assert_eq!(log.mailbox(&mut me).await, [r#"DOWN parent "gone""#, r#"DOWN s.1 "gone""#]);
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

// --- A start that fails.

/// An `init` that says stop: a trapping caller has the reason as its result and as an exit message.
///
/// Oracle: GS-16
#[test]
fn a_trapping_caller_of_a_failed_start_gets_the_reason_twice() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let start = W::start_link(log.server("s.1").begin(|_, _| Ok(Init::Stop(word("nope")))));
        assert_eq!(start.await, Err(StartError::Failed(word("nope"))));
        assert_eq!(log.mailbox(&mut me).await, [r#"EXIT s.1 "nope""#]);
        assert_eq!(log.lines(), ["init s.1"]);
        assert_eq!(log.pid("s.1").join().await, ExitReason::NoProc);
    });
}

/// A caller that does not trap ends with the reason, and never sees the result.
///
/// Oracle: GS-17
#[test]
fn a_caller_of_a_failed_linked_start_ends_with_it() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        me.spawn_monitor(async move {
            let init = lines.server("s.1").begin(|_, _| Ok(Init::Stop(word("nope"))));
            let result = W::start_link(init).await;
            lines.add(format!("not reached: {result:?}"));
        });
        assert_eq!(down(&mut me).await, word("nope"));
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// An `init` that has nothing to do is no error: no server, a free name, a normal end.
///
/// Oracle: GS-18
#[test]
fn an_ignored_start_ends_normally_and_frees_the_name() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let ignore = |word| log.server(word).begin(|_, _| Ok(Init::Ignore));
        // Not even a process that does not trap takes notice.
        let start = W::start_link(ignore("s.0")).name(&NAME);
        assert_eq!(start.await, Err(StartError::Ignored));

        me.trap_exit(true);
        let start = W::start_link(ignore("s.1")).name(&NAME);
        assert_eq!(start.await, Err(StartError::Ignored));
        assert_eq!(whereis("name"), None);
        assert_eq!(log.mailbox(&mut me).await, ["EXIT s.1 normal"]);
        assert!(W::start(log.server("s.2")).name(&NAME).await.is_ok());
    });
}

/// However `init` fails, the caller learns of it: a panic, an exit, a throw, an error, an exit with
/// `normal`.
///
/// Oracle: GS-19
#[test]
fn an_init_that_crashes_is_a_failed_start_with_the_reason() {
    #[derive(Debug, thiserror::Error)]
    #[error("disk full")]
    struct DiskFull;

    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let mut reasons = Vec::new();
        let starts = [
            W::start_link(log.server("s.1").begin(|_, _| panic!("x"))),
            W::start_link(log.server("s.2").begin(|_, _| runtime::exit(word("e")))),
            W::start_link(log.server("s.3").begin(|_, _| runtime::throw("t"))),
            W::start_link(log.server("s.4").begin(|_, _| Err(DiskFull)?)),
            W::start_link(log.server("s.5").begin(|_, _| runtime::exit(ExitReason::Normal))),
            W::start_link(log.server("s.6").begin(|_, _| runtime::exit(ExitReason::Kill))),
        ];
        for start in starts {
            let Err(StartError::Failed(reason)) = start.await else { panic!("not failed") };
            reasons.push(reason);
        }
        assert_panic(&reasons[0], "x", file!());
        assert_eq!(
            reasons[1..],
            [
                word("e"),
                ExitReason::other(NoCatch(Term::new("t"))),
                ExitReason::error(DiskFull),
                ExitReason::Normal,
                ExitReason::Kill,
            ]
        );
        assert_eq!(
            log.mailbox(&mut me).await,
            [
                "EXIT s.1 panic: x",
                r#"EXIT s.2 "e""#,
                r#"EXIT s.3 NoCatch("t")"#,
                "EXIT s.4 error: disk full",
                "EXIT s.5 normal",
                "EXIT s.6 kill",
            ]
        );
        assert_eq!(log.lines().len(), 6, "no terminate: {:?}", log.lines());
    });
}

/// A server that is killed while it starts: the caller learns it as any failure.
#[test]
fn a_server_that_is_killed_in_init_is_a_failed_start() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let begun = Instant::now();
        let (start, ()) = tokio::join!(
            async { W::start(log.server("s.1").init_takes(ms(500))).name(&NAME).await },
            async {
                settle().await;
                log.pid("s.1").kill();
            }
        );
        assert_eq!(start, Err(StartError::Failed(ExitReason::Killed)));
        assert_eq!((begun.elapsed(), whereis("name")), (ms(1), None));
    });
}

/// An `init` that is not done in time is killed, and nothing of it reaches the caller.
///
/// Oracle: GS-20
#[test]
fn an_init_that_is_not_done_in_time_is_killed() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        for trap in [false, true] {
            me.trap_exit(trap);
            let begun = Instant::now();
            let args = log.server("s.1").init_takes(ms(500)).trap();
            let (start, end) = tokio::join!(
                async { W::start_link(args).name(&NAME).timeout(ms(50)).await },
                async {
                    settle().await;
                    log.pid("s.1").join().await
                }
            );
            assert_eq!(start, Err(StartError::Timeout));
            assert_eq!((begun.elapsed(), end), (ms(50), ExitReason::Killed));
            assert_eq!((whereis("name"), me.info().links), (None, vec![]));
            assert_eq!(log.mailbox(&mut me).await, NOTHING);
        }
        assert_eq!(log.lines(), ["init s.1"; 2]);
    });
}

/// A server that is done in time is not killed later.
#[test]
fn a_start_in_time_is_left_alone() {
    scenario(|me: Process| async move {
        let args = Log::of(&me).server("s.1").init_takes(ms(49));
        let s = W::start_link(args).timeout(ms(50)).await.unwrap();
        sleep(ms(100)).await;
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

// --- Names.

/// A name that is taken: the caller gets the holder's pid, and no second `init` runs.
///
/// Covers: RT-GS-04
/// Oracle: GS-15
#[test]
fn a_start_under_a_taken_name_gives_its_holder() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        me.trap_exit(true);
        let first = W::start(log.server("first.1")).name(&NAME).await.unwrap();
        for _ in 0..2 {
            let second = W::start_link(log.server("second.1")).name(&NAME).await;
            assert_eq!(second, Err(StartError::AlreadyStarted(first.pid())));
        }
        first.stop().await.unwrap();
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(log.lines(), ["init first.1", "terminate first.1 normal"]);
    });
}

/// Of many that start a server under one name at once, one does; the others get its pid, also
/// while it is still in `init`.
#[test]
fn one_of_many_starts_under_one_name_wins() {
    scenario(|mut me: Process<Result<ServerRef<W>, StartError>>| async move {
        let log = Log::of(&me);
        for _ in 0..8 {
            let (log, main) = (log.clone(), me.address());
            spawn(async move {
                let args = log.server("s").init_takes(ms(20));
                main.send(W::start(args).name(&NAME).await);
            });
        }
        let mut winners = Vec::new();
        let mut holders = Vec::new();
        for _ in 0..8 {
            match me.receive().await.into_user().unwrap() {
                Ok(server) => winners.push(server.pid()),
                Err(StartError::AlreadyStarted(pid)) => holders.push(pid),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((winners.len(), log.lines().len()), (1, 1));
        assert_eq!(holders, [winners[0]; 7]);
    });
}

/// A name is free as soon as anybody learns that its server has ended.
///
/// Oracle: GS-45
#[test]
fn a_name_is_free_as_soon_as_the_down_is_seen() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        for _ in 0..200 {
            let s = W::start(log.server("s")).name(&NAME).await.unwrap();
            me.monitor(&s);
            s.pid().kill();
            assert_eq!(down(&mut me).await, ExitReason::Killed);
        }
    });
}

/// A name is free when the stop of its server has returned, and when a call has failed with the
/// server's end.
#[test]
fn a_name_is_free_when_a_stop_returns() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        for _ in 0..50 {
            let s = W::start(log.server("s").end_takes(ms(3))).name(&NAME).await.unwrap();
            s.stop().await.unwrap();
            assert_eq!(whereis("name"), None);
            let s = W::start(log.server("s").end_takes(ms(3))).name(&NAME).await.unwrap();
            let call = s.call(run::<()>(|_, _, _| Ok(Next::Stop(ExitReason::Shutdown)))).await;
            assert_eq!(call, Err(CallError::Down(ExitReason::Shutdown)));
            assert_eq!(whereis("name"), None);
        }
    });
}

/// A name leads to the server that has it now, a reference to the one that it was made for.
///
/// Covers: RT-REG-11
#[test]
fn a_name_survives_a_restart_and_a_reference_does_not() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let first = W::start(log.server("s.1")).name(&NAME).await.unwrap();
        kill_and_wait(&first).await;
        let second = W::start(log.server("s.2")).name(&NAME).await.unwrap();
        assert_eq!(NAME.call(Call::Echo).await, Ok("echo"));
        assert_eq!(first.call(Call::Echo).await, Err(CallError::NoProc));
        assert_eq!((first.is_alive(), second.is_alive()), (false, true));
        NAME.cast(Tell::Word("hello"));
        NAME.info(Tell::Word("hello"));
        NAME.call(Call::Echo).await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "init s.2", "cast s.2 hello", "info s.2 hello"]);
    });
}

/// One process has one name, and one name one process; a name that nobody has cannot be freed.
///
/// Oracle: GS-53
#[test]
fn one_server_has_one_name_and_one_name_one_server() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let taken = RegisterError::Taken { name: "gs53".to_owned(), holder: s.pid() };
        let has_name = RegisterError::HasName { pid: s.pid(), name: "gs53".to_owned() };
        assert_eq!(register("gs53", &s), Ok(()));
        assert_eq!(register("gs53", &s), Err(taken.clone()));
        assert_eq!(register("gs53b", &s), Err(has_name));
        assert_eq!(register("gs53", me.pid()), Err(taken));
        assert!(unregister("gs53b").is_err());
        // A name that was given later is as good as one from the start.
        assert_eq!(Name::<W>::of("gs53").call(Call::Echo).await, Ok("echo"));
        unregister("gs53").unwrap();
        assert_eq!(Name::<W>::of("gs53").call(Call::Echo).await, Err(CallError::NoProc));
        assert!(s.is_alive());
    });
}

/// A name whose holder is a server of another type, or no server, leads to nobody; the name is
/// taken all the same.
#[test]
fn a_name_that_is_held_by_another_type_leads_to_nobody() {
    struct Other;

    impl GenServer for Other {
        type Args = ();
        type Call = Reply<()>;
        type Cast = ();
        type Info = ();

        async fn init((): (), _: &mut Cx<Self>) -> Result<Init<Self>, runtime::Crash> {
            Ok(Init::Ok(Self))
        }
    }

    static OTHER: Name<Other> = Name::new("name");

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let other = Other::start(()).name(&OTHER).await.unwrap();
        assert_eq!(NAME.whereis(), None);
        assert_eq!(NAME.call(Call::Echo).await, Err(CallError::NoProc));
        assert_eq!(NAME.stop().await, Err(runtime::StopError::NoProc));
        NAME.cast(Tell::Word("lost"));
        let taken = W::start(log.server("s.1")).name(&NAME).await;
        assert_eq!(taken, Err(StartError::AlreadyStarted(other.pid())));
        other.stop().await.unwrap();

        let plain = spawn(pending::<()>());
        register("name", &plain).unwrap();
        assert_eq!((NAME.whereis(), OTHER.whereis().is_some()), (None, false));
        assert_eq!(NAME.call(Call::Echo).await, Err(CallError::NoProc));
    });
}

/// A dead server is found by its reference, as what it is: dead.
#[test]
fn a_dead_server_is_not_alive() {
    scenario(|_: Process| async {
        let dead = dead_server().await;
        assert!(!dead.is_alive());
        assert_eq!(dead.whereis(), Some(dead.clone()));
    });
}
