//! Crashes: what a server's callbacks, messages and state may do, and what becomes of it.

use crate::support::{
    Bomb, Call, Log, NOTHING, Tell, W, assert_panic, down, ms, run, run_async, slow, tell, word,
};
use runtime::testing::{scenario, settle};
use runtime::{
    CallError, Cx, ExitReason, GenServer, Handled, Init, Message, Next, Process, Reply, Server,
    StopError, Unhandled, spawn,
};
use tokio::time::sleep;

// --- Panics where a user can put one.

/// A panic in any callback ends the server with it, after `terminate`.
#[test]
fn a_panic_in_any_callback_ends_the_server_after_terminate() {
    scenario(|mut me: Process| async move {
        for from in ["call", "cast", "info", "continue", "after an await"] {
            let log = Log::of(&me);
            let args = log.server("s.1").begin(move |w, _| {
                let crash = tell(|_, _| panic!("boom"));
                Ok(if from == "continue" {
                    Init::Then(
                        w,
                        Next::Continue(tell(|_, cx| {
                            cx.info(Tell::Word("never seen"));
                            Ok(Next::Continue(crash))
                        })),
                    )
                } else {
                    Init::Ok(w)
                })
            });
            me.trap_exit(true);
            let s = W::start_link(args).await.unwrap();
            match from {
                "call" => drop(s.call(run::<()>(|_, _, _| panic!("boom"))).await),
                "cast" => s.cast(tell(|_, _| panic!("boom"))),
                "info" => s.info(tell(|_, _| panic!("boom"))),
                "after an await" => s.cast(Tell::Do(Box::new(|_, _| {
                    Box::pin(async {
                        sleep(ms(1)).await;
                        panic!("boom")
                    })
                }))),
                _ => {}
            }
            let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
            assert_panic(&exit.reason, "boom", file!());
            assert_eq!(log.lines(), ["init s.1", "terminate s.1 panic: boom"], "{from}");
        }
    });
}

/// A callback that is no `async fn` may panic before there is a future: it is a crash like any
/// other, with `terminate`.
#[test]
fn a_panic_before_the_callbacks_future_ends_the_server_after_terminate() {
    use std::future::Future;

    struct Eager(Log);

    impl GenServer for Eager {
        type Args = Option<Log>;
        type Call = Reply<()>;
        type Cast = ();
        type Info = ();

        fn init(
            log: Option<Log>,
            _: &mut runtime::Cx<Self>,
        ) -> impl Future<Output = Result<Init<Self>, runtime::Crash>> + Send {
            let log = log.expect("no log");
            async { Ok(Init::Ok(Self(log))) }
        }

        fn handle_call(
            &mut self,
            call: Reply<()>,
            _: &mut runtime::Cx<Self>,
        ) -> impl Future<Output = runtime::Handled<Self>> + Send {
            assert_ne!(call.caller(), runtime::Pid::OUTSIDE, "early");
            async {
                call.send(());
                Ok(Next::Go)
            }
        }

        async fn terminate(&mut self, reason: &ExitReason, _: &mut runtime::Cx<Self>) {
            self.0.add(format!("terminate {}", crate::support::brief(reason).contains("early")));
        }
    }

    scenario(|_: Process| async {
        let log = Log::default();
        let s = Eager::start(Some(log.clone())).await.unwrap();
        assert_eq!(s.call(|reply| reply).await, Ok(()));
        let call = tokio::spawn(async move { s.call(|reply| reply).await }).await.unwrap();
        let Err(CallError::Down(reason)) = call else { panic!("not down: {call:?}") };
        assert!(reason.to_string().contains("early"), "{reason}");
        assert_eq!(log.lines(), ["terminate true"]);

        let Err(runtime::StartError::Failed(reason)) = Eager::start(None).await else {
            panic!("not failed")
        };
        assert_panic(&reason, "no log", file!());
    });
}

/// A panic in the `Drop` of the state is the reason of an end that had none, and of a normal one.
#[test]
fn a_panic_in_the_drop_of_the_state_is_the_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1").holding(Bomb("state"))).await.unwrap();
        me.monitor(&s);
        let Err(StopError::Exit(reason)) = s.stop().await else { panic!("not otherwise") };
        assert_panic(&reason, "state", "runtime/tests/servers/support.rs");
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.1 panic: state"]);

        let s = W::start(log.server("s.2").holding(Bomb("state"))).await.unwrap();
        me.monitor(&s);
        let call = s.call(run::<()>(|_, _, _| panic!("first"))).await;
        assert!(
            matches!(call, Err(CallError::Down(reason)) if crate::support::brief(&reason) == "panic: first")
        );
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.2 panic: first"]);

        let s = W::start(log.server("s.3").holding(Bomb("state"))).await.unwrap();
        me.monitor(&s);
        s.pid().kill();
        assert_eq!(log.mailbox(&mut me).await, ["DOWN s.3 killed"]);
    });
}

/// A panic in the `Drop` of a message that was never handled ends nobody else: every caller in the
/// mailbox gets the end of the server, with this panic as its reason.
#[test]
fn a_panic_in_the_drop_of_an_undelivered_message_is_the_reason() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        s.cast(Tell::Do(Box::new(|_, _| {
            Box::pin(async {
                sleep(ms(50)).await;
                Ok(Next::Stop(ExitReason::Shutdown))
            })
        })));
        settle().await;
        let with_bomb = |word| {
            let bomb = Bomb(word);
            run(move |reply, _: &mut W, _| {
                let _bomb = bomb;
                reply.send("handled");
                Ok(Next::Go)
            })
        };
        let (first, second, third) = tokio::join!(
            s.call(with_bomb("first")),
            async {
                let bomb = Bomb("cast");
                s.cast(tell(move |_, _| {
                    let _bomb = bomb;
                    Ok(Next::Go)
                }));
                s.call(Call::Echo).await
            },
            s.call(with_bomb("third")),
        );
        let reason = down(&mut me).await;
        assert_panic(&reason, "first", "runtime/tests/servers/support.rs");
        let down = CallError::Down(reason);
        assert_eq!((first, second, third), (Err(down.clone()), Err(down.clone()), Err(down)));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
        assert_eq!(log.lines(), ["init s.1", "terminate s.1 shutdown"]);
    });
}

/// A panic in the `Drop` of an answer that comes too late is the panic of whoever drops it: the
/// server.
#[test]
fn a_panic_in_the_drop_of_a_late_answer_ends_the_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        let late = run_async(|reply: Reply<Bomb>, _, _| {
            Box::pin(async {
                sleep(ms(20)).await;
                reply.send(Bomb("late"));
                Ok(Next::Go)
            })
        });
        assert!(matches!(s.call(late).timeout(ms(10)).await, Err(CallError::Timeout)));
        assert_panic(&down(&mut me).await, "late", "runtime/tests/servers/support.rs");
    });
}

/// Several callers of a server that crashes in one of their calls all see the crash.
#[test]
fn everybody_who_waits_sees_the_crash() {
    scenario(|mut me: Process<Result<&'static str, CallError>>| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        s.cast(Tell::Do(Box::new(|_, _| {
            Box::pin(async {
                sleep(ms(20)).await;
                panic!("boom")
            })
        })));
        for n in 0..5 {
            let (server, main) = (s.clone(), me.address());
            let ask = async move { main.send(server.call(slow(ms(n))).await) };
            if n % 2 == 0 { drop(tokio::spawn(ask)) } else { drop(spawn(ask)) }
        }
        for _ in 0..5 {
            let Message::User(Err(CallError::Down(reason))) = me.receive().await else {
                panic!("not down")
            };
            assert_panic(&reason, "boom", file!());
        }
    });
}

// --- Missing callbacks.

/// A server with no callbacks: what nobody handles crashes it, except for an info.
///
/// Oracle: GS-38
#[test]
fn a_server_without_callbacks_drops_infos_and_crashes_on_the_rest() {
    struct Bare;

    impl GenServer for Bare {
        type Args = bool;
        type Call = Reply<()>;
        type Cast = ();
        type Info = ();

        async fn init(goes_on: bool, _: &mut Cx<Self>) -> Result<Init<Self>, runtime::Crash> {
            Ok(if goes_on { Init::Then(Self, Next::Continue(())) } else { Init::Ok(Self) })
        }
    }

    fn unhandled(what: &'static str) -> ExitReason {
        ExitReason::error(Unhandled(what))
    }

    scenario(|mut me: Process| async move {
        let s = Bare::start(false).await.unwrap();
        me.monitor(&s);
        s.info(());
        s.pid().send("of another type");
        settle().await;
        assert!(s.is_alive());
        let call = s.call(|reply| reply).await;
        assert_eq!(call, Err(CallError::Down(unhandled("call"))));
        assert_eq!(down(&mut me).await, unhandled("call"));

        let s = Bare::start(false).await.unwrap();
        me.monitor(&s);
        s.cast(());
        let reason = down(&mut me).await;
        assert_eq!(reason, unhandled("cast"));
        assert_eq!(reason.as_error().unwrap().downcast_ref(), Some(&Unhandled("cast")));

        me.trap_exit(true);
        Bare::start_link(true).await.unwrap();
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!(exit.reason, unhandled("continue"));
    });
}

// --- The question mark.

/// In a process, `?` on a call that failed ends it as OTP's `call` would: with the server's own
/// reason, with `noproc`, or with the error as a term.
#[test]
fn a_call_error_becomes_the_exit_reason_that_otp_gives() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let errors = [
            (CallError::Down(word("bad")), word("bad")),
            (CallError::Down(ExitReason::Normal), ExitReason::Normal),
            (CallError::NoProc, ExitReason::NoProc),
            (CallError::Timeout, ExitReason::other(CallError::Timeout)),
            (CallError::NoReply, ExitReason::other(CallError::NoReply)),
            (CallError::CallingSelf, ExitReason::other(CallError::CallingSelf)),
        ];
        for (error, reason) in errors {
            assert_eq!(error.clone().into_exit_reason(), reason);
            let own = error.clone();
            me.spawn_monitor(async move { Err::<(), CallError>(own) });
            assert_eq!(down(&mut me).await, reason, "from a body");
            let own = error.clone();
            me.spawn_monitor(async move { anyhow::Result::<()>::Err(own.into()) });
            assert_eq!(down(&mut me).await, reason, "through anyhow");
            let s = W::start(log.server("s.1")).await.unwrap();
            let call = s.call(run::<()>(move |_, _, _| Err(error)?)).await;
            assert_eq!(call, Err(CallError::Down(reason)), "from a callback");
        }
    });
}

/// The end of one server is the end of the server that lets its call crash it, and so on.
#[test]
fn a_crash_runs_along_a_chain_of_calls() {
    async fn ask(server: runtime::ServerRef<W>) -> Handled<W> {
        server.call(Call::Echo).await?;
        Ok(Next::Go)
    }

    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let c = W::start(log.server("c")).await.unwrap();
        let b = W::start(log.server("b")).await.unwrap();
        c.cast(Tell::Do(Box::new(|_, _| {
            Box::pin(async {
                sleep(ms(10)).await;
                Ok(Next::Stop(word("broken")))
            })
        })));
        settle().await;
        let call = b.call(run_async::<()>(|_, _, _| Box::pin(ask(c)))).await;
        assert_eq!(call, Err(CallError::Down(word("broken"))));
        assert_eq!(log.lines()[2..], [r#"terminate c "broken""#, r#"terminate b "broken""#]);
    });
}
