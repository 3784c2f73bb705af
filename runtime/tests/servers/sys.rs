//! What can be done to any server, whatever its protocol: suspend, resume, look at the state.

use crate::support::{
    Call, Log, NOTHING, Tell, W, assert_panic, dead_server, down, ms, run_async, slow, tell, word,
};
use runtime::testing::{scenario, settle};
use runtime::{CallError, ExitReason, GenServer, Name, Next, Process, Reply, Server, spawn, sys};
use tokio::time::{Instant, sleep};

static NAME: Name<W> = Name::new("name");

/// A suspended server handles nothing: calls time out, casts wait. When it is resumed it handles
/// what has arrived, in order, also the call whose caller has given up.
///
/// Covers: RT-GS-13
/// Oracle: GS-47
#[test]
fn a_suspended_server_handles_nothing_until_it_is_resumed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        sys::suspend(&s).await.unwrap();
        s.cast(Tell::Word("while suspended"));
        let noted = crate::support::run(|reply, w, _| {
            w.log.add("call handled");
            reply.send(());
            Ok(Next::Go)
        });
        assert_eq!(s.call(noted).timeout(ms(50)).await, Err(CallError::Timeout));
        s.info(Tell::Word("later"));
        assert_eq!(log.lines(), ["init s.1"]);
        sys::resume(&s).await.unwrap();
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
        assert_eq!(
            log.lines(),
            ["init s.1", "cast s.1 while suspended", "call handled", "info s.1 later"]
        );
    });
}

/// A suspended server can be looked at, suspended again, and resumed once.
#[test]
fn a_suspended_server_can_be_looked_at() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).name(&NAME).await.unwrap();
        s.cast(tell(|w, _| {
            w.count = 7;
            Ok(Next::Go)
        }));
        sys::suspend(&NAME).await.unwrap();
        sys::suspend(&NAME).await.unwrap();
        s.cast(tell(|w, _| {
            w.count = 8;
            Ok(Next::Go)
        }));
        assert_eq!(sys::get_state(&s, |w| w.count).await, Ok(7));
        sys::resume(&s).await.unwrap();
        assert_eq!(sys::get_state(&s, |w| w.count).await, Ok(8));
        // Nothing to resume: no harm.
        sys::resume(&s).await.unwrap();
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// A suspended server can be stopped, and then terminates.
#[test]
fn a_suspended_server_can_be_stopped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        sys::suspend(&s).await.unwrap();
        s.cast(Tell::Word("lost"));
        s.stop().reason(word("enough")).await.unwrap();
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "enough""#]);
    });
}

/// The end of its parent reaches a suspended server that traps; a stranger's signal waits with the
/// other messages.
#[test]
fn the_end_of_the_parent_reaches_a_suspended_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let lines = log.clone();
        spawn(async move {
            let s = W::start_link(lines.server("s.1").trap()).await.unwrap();
            sys::suspend(&s).await.unwrap();
            sleep(ms(20)).await;
            word("parent_gone")
        });
        settle().await;
        let s = log.pid("s.1");
        me.monitor(s);
        s.exit(word("stranger"));
        settle().await;
        assert_eq!(log.lines(), ["init s.1"]);
        assert_eq!(log.mailbox(&mut me).await, [r#"DOWN s.1 "parent_gone""#]);
        assert_eq!(log.lines(), ["init s.1", r#"terminate s.1 "parent_gone""#]);
    });
}

/// A suspended server can be killed; whoever waits learns of it.
#[test]
fn a_suspended_server_can_be_killed() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        sys::suspend(&s).await.unwrap();
        let (call, ()) = tokio::join!(s.call(Call::Echo), async {
            settle().await;
            s.pid().kill();
        });
        assert_eq!(call, Err(CallError::Down(ExitReason::Killed)));
        assert_eq!(log.lines(), ["init s.1"]);
    });
}

/// These requests fail as calls do: nobody there, no time, the server's end, oneself.
#[test]
fn requests_fail_as_calls_do() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        assert_eq!(sys::suspend(&NAME).await, Err(CallError::NoProc));
        assert_eq!(sys::resume(&dead_server().await).await, Err(CallError::NoProc));

        let s = W::start(log.server("s.1")).await.unwrap();
        let (slept, state) = tokio::join!(s.call(slow(ms(7000))).infinity(), async {
            let begun = Instant::now();
            let state = sys::get_state(&s, |w| w.count).await;
            (state, begun.elapsed())
        });
        assert_eq!(slept, Ok("slept"));
        assert_eq!(state, (Err(CallError::Timeout), ms(5000)));

        s.cast(tell(|_, _| Ok(Next::Stop(word("gone")))));
        assert_eq!(sys::suspend(&s).await, Err(CallError::Down(word("gone"))));

        let s = W::start(log.server("s.2")).await.unwrap();
        let own = run_async(|reply: Reply<_>, _, cx| {
            Box::pin(async move {
                let server = cx.server();
                reply.send((sys::suspend(&server).await, sys::get_state(&server, |_| ()).await));
                Ok(Next::Go)
            })
        });
        let itself = Err(CallError::CallingSelf);
        assert_eq!(s.call(own).await, Ok((itself.clone(), itself)));
    });
}

/// Looking is done in the server's process, so it sees no half-done change; a plain task can look.
#[test]
fn a_look_waits_its_turn() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        s.cast(Tell::Do(Box::new(|w, _| {
            Box::pin(async {
                w.count = 1;
                sleep(ms(10)).await;
                w.count = 2;
                Ok(Next::Go)
            })
        })));
        settle().await;
        let look = tokio::spawn(async move {
            sys::get_state(&s, |w| (w.count, runtime::self_pid().is_ok())).await
        });
        assert_eq!(look.await.unwrap(), Ok((2, true)));
    });
}

/// A panic of the function that looks is the looker's own fault: the server goes on.
///
/// Source: OTP `sys:replace_state/2`, `callback_failed`.
#[test]
fn a_panic_in_a_look_does_not_end_the_server() {
    scenario(|mut me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        me.monitor(&s);
        for suspended in [false, true] {
            if suspended {
                sys::suspend(&s).await.unwrap();
            }
            let begun = Instant::now();
            let look = sys::get_state(&s, |_| -> u32 { panic!("look") }).await;
            assert_eq!((look, begun.elapsed()), (Err(CallError::NoReply), ms(0)));
        }
        sys::resume(&s).await.unwrap();
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
        assert_eq!(log.mailbox(&mut me).await, NOTHING);
    });
}

/// A look that nobody waits for any more is still one: it does no harm.
#[test]
fn a_look_that_is_given_up_does_no_harm() {
    scenario(|mut me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        me.monitor(&s);
        let (slept, look) = tokio::join!(s.call(slow(ms(50))), async {
            settle().await;
            tokio::time::timeout(ms(10), sys::get_state(&s, |w| w.word)).await
        });
        assert_eq!(slept, Ok("slept"));
        assert!(look.is_err());
        s.call(crate::support::run::<()>(|_, _, _| panic!("the end"))).await.unwrap_err();
        assert_panic(&down(&mut me).await, "the end", file!());
    });
}
