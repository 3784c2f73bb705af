//! The duty to answer: kept, handed on, dropped. Whoever waits learns the truth, and at once.

use std::future::pending;
use std::panic::panic_any;

use crate::support::{Call, Dropped, Log, Tell, W, ms, run, run_async, tell, word};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    CallError, ExitReason, GenServer, Next, Pid, Process, Reply, Server, send_after, spawn,
};
use tokio::time::{Instant, sleep};

/// A call whose reply is kept in the server's state.
fn keep() -> impl FnOnce(Reply<&'static str>) -> Call {
    run(|reply, w, _| {
        w.kept.push(reply);
        Ok(Next::Go)
    })
}

/// A call whose reply is given to another process, which waits for ever; the log knows it as
/// `helper`.
fn hand_on(log: &Log) -> impl FnOnce(Reply<&'static str>) -> Call {
    let log = log.clone();
    run(move |reply, _, _| {
        let helper = spawn(async move {
            let _reply = reply;
            pending::<()>().await;
        });
        log.know("helper", &helper);
        Ok(Next::Go)
    })
}

// --- Dropped.

/// A server that drops the reply and goes on: the caller learns at once that there is no answer.
///
/// Differs from OTP, where the caller waits until its timeout.
#[test]
fn a_dropped_reply_is_no_reply_at_once() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        let drops = run::<u32>(|reply, _, _| {
            drop(reply);
            Ok(Next::Go)
        });
        assert_eq!(s.call(drops).infinity().await, Err(CallError::NoReply));
        assert_eq!(begun.elapsed(), ms(0));
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// Whether a server that has dropped a reply goes on is known when its callback ends: not before.
#[test]
fn a_dropped_reply_is_decided_when_the_callback_ends() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        let drops = run_async::<u32>(|reply, _, _| {
            drop(reply);
            Box::pin(async {
                sleep(ms(30)).await;
                Ok(Next::Go)
            })
        });
        assert_eq!(s.call(drops).await, Err(CallError::NoReply));
        assert_eq!(begun.elapsed(), ms(30));
    });
}

/// A server that drops the reply and then ends, in whatever way: the caller gets the reason.
#[test]
fn a_dropped_reply_of_a_server_that_ends_gives_the_reason() {
    scenario(|me: Process| async move {
        for end in ["error", "panic", "exit", "stop", "stop itself", "kill"] {
            let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
            let drops = run_async::<u32>(move |reply, _, cx| {
                drop(reply);
                Box::pin(async move {
                    sleep(ms(10)).await;
                    match end {
                        "error" => Err(word("end").into()),
                        "panic" => panic_any("end"),
                        "exit" => runtime::exit(word("end")),
                        "stop" => Ok(Next::Stop(word("end"))),
                        "stop itself" => {
                            cx.pid().exit(word("end"));
                            Ok(Next::Go)
                        }
                        _ => {
                            sleep(ms(1000)).await;
                            Ok(Next::Go)
                        }
                    }
                })
            });
            let (call, ()) = tokio::join!(s.call(drops), async {
                sleep(ms(20)).await;
                s.pid().kill();
            });
            let Err(CallError::Down(reason)) = call else { panic!("{end}: {call:?}") };
            match end {
                "panic" => assert_eq!(crate::support::brief(&reason), "panic: end"),
                "kill" => assert_eq!(reason, ExitReason::Killed),
                _ => assert_eq!(reason, word("end"), "{end}"),
            }
        }
    });
}

/// A caller that drops the reply itself, instead of sending it, gets no answer; its message is
/// handled all the same.
#[test]
fn a_reply_that_the_caller_drops_is_no_reply() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let call = s.call(|reply: Reply<u32>| {
            drop(reply);
            Call::Do(Box::new(|w, _| {
                w.log.add("handled");
                Box::pin(async { Ok(Next::Go) })
            }))
        });
        assert_eq!(call.await, Err(CallError::NoReply));
        s.call(Call::Echo).await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "handled"]);
    });
}

// --- Kept.

/// A server may keep the reply and answer later, in another callback.
#[test]
fn a_kept_reply_may_be_sent_later() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let begun = Instant::now();
        let (first, second, ()) = tokio::join!(s.call(keep()), s.call(keep()), async {
            sleep(ms(30)).await;
            assert_eq!(s.call(Call::Echo).await, Ok("echo"));
            s.cast(tell(|w, _| {
                w.kept.drain(..).zip(["one", "two"]).for_each(|(reply, text)| reply.send(text));
                Ok(Next::Go)
            }));
        });
        assert_eq!((first, second, begun.elapsed()), (Ok("one"), Ok("two"), ms(30)));
    });
}

/// A kept reply that is dropped later: no answer if the server goes on, the reason if it does not.
#[test]
fn a_kept_reply_that_is_dropped_later_is_decided_then() {
    scenario(|me: Process| async move {
        for goes_on in [true, false] {
            let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
            let (call, ()) = tokio::join!(s.call(keep()), async {
                sleep(ms(10)).await;
                s.cast(tell(move |w, _| {
                    w.kept.clear();
                    if goes_on { Ok(Next::Go) } else { Err(word("end").into()) }
                }));
            });
            let expected = if goes_on { CallError::NoReply } else { CallError::Down(word("end")) };
            assert_eq!(call, Err(expected));
        }
    });
}

/// Those whose replies are in the state when the server ends get its reason, however it ends.
#[test]
fn kept_replies_get_the_reason_of_the_servers_end() {
    scenario(|me: Process| async move {
        for (kill, reason) in [(false, ExitReason::Normal), (true, ExitReason::Killed)] {
            let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
            let begun = Instant::now();
            let (first, second, ()) = tokio::join!(s.call(keep()), s.call(keep()), async {
                sleep(ms(10)).await;
                if kill { s.pid().kill() } else { s.stop().await.unwrap() }
            });
            let down = Err(CallError::Down(reason));
            assert_eq!((first, second, begun.elapsed()), (down.clone(), down, ms(10)));
        }
    });
}

/// `terminate` may answer those who wait.
#[test]
fn terminate_may_answer_those_who_wait() {
    struct Polite(Option<Reply<&'static str>>);

    impl GenServer for Polite {
        type Args = ();
        type Call = Reply<&'static str>;
        type Cast = ();
        type Info = ();

        async fn init(
            (): (),
            _: &mut runtime::Cx<Self>,
        ) -> Result<runtime::Init<Self>, runtime::Crash> {
            Ok(runtime::Init::Ok(Self(None)))
        }

        async fn handle_call(
            &mut self,
            call: Reply<&'static str>,
            _: &mut runtime::Cx<Self>,
        ) -> runtime::Handled<Self> {
            self.0 = Some(call);
            Ok(Next::Go)
        }

        async fn terminate(&mut self, _: &ExitReason, _: &mut runtime::Cx<Self>) {
            if let Some(reply) = self.0.take() {
                reply.send("goodbye");
            }
        }
    }

    scenario(|_: Process| async {
        let s = Polite::start(()).await.unwrap();
        let (call, stop) = tokio::join!(s.call(|reply| reply), async {
            settle().await;
            s.stop().await
        });
        assert_eq!((call, stop), (Ok("goodbye"), Ok(())));
    });
}

/// A reply in a message to the server itself, or in one of its timers, is still the server's to
/// answer: when it ends first, its caller gets the reason.
#[test]
fn a_reply_in_a_message_or_a_timer_gets_the_reason() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let later = |timer: bool| {
            run::<u32>(move |reply, _, cx| {
                let answer = tell(move |_, _| {
                    reply.send(1);
                    Ok(Next::Go)
                });
                if timer {
                    cx.send_after(ms(1000), answer);
                } else {
                    cx.info(tell(|_, _| Ok(Next::Stop(word("end")))));
                    cx.info(answer);
                }
                Ok(Next::Go)
            })
        };
        let (in_timer, in_message) = tokio::join!(s.call(later(true)), async {
            settle().await;
            s.call(later(false)).await
        });
        let down = Err(CallError::Down(word("end")));
        assert_eq!((in_timer, in_message), (down.clone(), down));
        // The timer outlives the server, and its reply finds nobody.
        sleep(ms(2000)).await;
    });
}

// --- Handed on.

/// A reply that was handed to a process which dies, or to a task which drops it: no answer, at once,
/// while the server goes on.
#[test]
fn a_reply_that_another_process_drops_is_no_reply() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let begun = Instant::now();
        let (call, ()) = tokio::join!(s.call(hand_on(&log)), async {
            sleep(ms(10)).await;
            kill_and_wait(log.pid("helper")).await;
        });
        assert_eq!((call, begun.elapsed()), (Err(CallError::NoReply), ms(10)));

        let call = s.call(run::<u32>(|reply, _, _| {
            tokio::spawn(async move {
                sleep(ms(10)).await;
                drop(reply);
            });
            Ok(Next::Go)
        }));
        assert_eq!((call.await, begun.elapsed()), (Err(CallError::NoReply), ms(20)));
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
    });
}

/// The server dies before the process that was to answer: the caller gets the server's reason, at
/// once, and nothing that is answered later.
#[test]
fn a_reply_that_was_handed_on_fails_with_the_servers_end() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let begun = Instant::now();
        let (call, ()) = tokio::join!(s.call(hand_on(&log)), async {
            sleep(ms(10)).await;
            s.pid().exit(word("gone"));
        });
        assert_eq!((call, begun.elapsed()), (Err(CallError::Down(word("gone"))), ms(10)));
        kill_and_wait(log.pid("helper")).await;
    });
}

/// So it is when the server dies in the callback that handed the reply on.
#[test]
fn a_reply_that_was_handed_on_fails_with_the_servers_end_in_the_same_callback() {
    scenario(|me: Process| async move {
        for end in ["error", "panic", "kill", "signal"] {
            let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
            let begun = Instant::now();
            let hand_on = run_async::<u32>(move |reply, _, _| {
                spawn(async move {
                    sleep(ms(50)).await;
                    reply.send(1);
                });
                Box::pin(async move {
                    sleep(ms(10)).await;
                    match end {
                        "error" => Err(word("end").into()),
                        "panic" => panic!("end"),
                        _ => {
                            sleep(ms(1000)).await;
                            Ok(Next::Go)
                        }
                    }
                })
            });
            let (call, ()) = tokio::join!(s.call(hand_on), async {
                sleep(ms(10)).await;
                match end {
                    "kill" => s.pid().kill(),
                    "signal" => s.pid().exit(word("end")),
                    _ => {}
                }
            });
            assert!(matches!(&call, Err(CallError::Down(_))), "{end}: {call:?}");
            assert_eq!(begun.elapsed(), ms(10), "{end}");
        }
    });
}

/// A process that holds the reply and falls together with the server: the caller gets the reason of
/// that, not that there was no answer.
#[test]
fn a_reply_held_by_a_process_that_falls_with_the_server_gives_the_reason() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let call = s.call(run_async::<u32>(|reply, _, cx| {
            cx.spawn_link(async move {
                let _reply = reply;
                pending::<()>().await;
            });
            Box::pin(async {
                settle().await;
                Err(word("end").into())
            })
        }));
        assert_eq!(call.await, Err(CallError::Down(word("end"))));
    });
}

/// On real threads the holder may drop the reply while the server's end is being announced.
#[test]
fn on_threads_too_a_reply_held_by_a_process_that_falls_with_the_server_gives_the_reason() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tokio.block_on(async {
        for _ in 0..60 {
            let s = W::start(Log::default().server("s.1")).await.unwrap();
            // Many have to be told of the end; the holder is the first.
            let watchers: Vec<_> = (0..3000).map(|_| s.pid().join()).collect();
            let (ready, holds) = tokio::sync::oneshot::channel::<()>();
            let call = s.call(run_async::<u32>(|reply, _, cx| {
                cx.spawn_link(async move {
                    let _reply = reply;
                    let _ = ready.send(());
                    pending::<()>().await;
                });
                for _ in 0..4 {
                    cx.spawn_link(pending::<()>());
                }
                Box::pin(async {
                    let _ = holds.await;
                    Err(word("end").into())
                })
            }));
            assert_eq!(call.infinity().await, Err(CallError::Down(word("end"))));
            drop(watchers);
        }
    });
}

/// A caller may keep the reply to itself, and the server end before it is handled.
#[test]
fn a_reply_that_never_reached_the_server_gives_the_reason() {
    scenario(|me: Process| async move {
        for handled in [true, false] {
            let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
            let begun = Instant::now();
            let mut kept = None;
            s.cast(Tell::Do(Box::new(|_, _| {
                Box::pin(async {
                    sleep(ms(10)).await;
                    Ok(Next::Go)
                })
            })));
            let call = s.call(|reply: Reply<u32>| {
                kept = Some(reply);
                Call::Do(Box::new(|_, _| Box::pin(async { Ok(Next::Go) })))
            });
            let (call, ()) = tokio::join!(call, async {
                sleep(ms(if handled { 20 } else { 5 })).await;
                s.pid().kill();
            });
            assert_eq!(call, Err(CallError::Down(ExitReason::Killed)));
            assert_eq!(begun.elapsed(), ms(if handled { 20 } else { 5 }));
        }
    });
}

/// The other way round: the process that holds the reply crashes, and takes the server along.
#[test]
fn a_reply_held_by_a_process_that_takes_the_server_along_gives_the_reason_or_no_reply() {
    scenario(|me: Process| async move {
        let s = W::start(Log::of(&me).server("s.1")).await.unwrap();
        let call = s.call(run::<u32>(|reply, _, cx| {
            cx.spawn_link(async move {
                sleep(ms(10)).await;
                drop(reply);
                runtime::exit(word("end"))
            });
            Ok(Next::Go)
        }));
        // The reply was dropped while the server was alive.
        assert_eq!(call.await, Err(CallError::NoReply));
        assert_eq!(s.call(Call::Echo).await.is_ok(), s.is_alive());
    });
}

/// A server may let another server answer for it: its caller gets that answer, and the end of the
/// server that was called if that comes first.
#[test]
fn another_server_may_answer() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let front = W::start(log.server("front")).await.unwrap();
        let back = W::start(log.server("back")).await.unwrap();
        let forward = |work: fn(&mut W, Reply<&'static str>)| {
            let back = back.clone();
            run(move |reply, _, _| {
                back.cast(tell(move |w, _| {
                    work(w, reply);
                    Ok(Next::Go)
                }));
                Ok(Next::Go)
            })
        };
        let answers = forward(|_, reply| reply.send("from the back"));
        assert_eq!(front.call(answers).await, Ok("from the back"));
        assert_eq!(front.call(forward(|_, reply| drop(reply))).await, Err(CallError::NoReply));
        let keeps = forward(|w, reply| w.kept.push(reply));
        let (call, ()) = tokio::join!(front.call(keeps), async {
            settle().await;
            back.stop().await.unwrap();
        });
        assert_eq!(call, Err(CallError::NoReply));
        // A dead letter: the reply is dropped on the way.
        let call = front.call(forward(|_, reply| reply.send("never")));
        assert_eq!(call.await, Err(CallError::NoReply));

        let back = W::start(log.server("back")).await.unwrap();
        let keeps = run(move |reply, _, _| {
            back.cast(tell(move |w, _| {
                w.kept.push(reply);
                Ok(Next::Go)
            }));
            Ok(Next::Go)
        });
        let (call, ()) = tokio::join!(front.call(keeps), async {
            settle().await;
            front.stop().reason(word("closed")).await.unwrap();
        });
        assert_eq!(call, Err(CallError::Down(word("closed"))));
    });
}

// --- Late.

/// An answer that comes too late, or that nobody takes any more, is dropped: its `Drop` runs.
#[test]
fn a_late_answer_is_dropped() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let answer = |line, takes| {
            let answer = Dropped(log.clone(), line);
            run_async(move |reply: Reply<Dropped>, w: &mut W, _| {
                Box::pin(async move {
                    sleep(takes).await;
                    reply.send(answer);
                    w.log.add("sent");
                    Ok(Next::Go)
                })
            })
        };
        let late = s.call(answer("late", ms(20))).timeout(ms(10)).await;
        assert!(matches!(late, Err(CallError::Timeout)));
        sleep(ms(20)).await;
        assert_eq!(log.lines(), ["init s.1", "late", "sent"]);

        // Given up, with the answer there already.
        let mut call =
            Box::pin(std::future::IntoFuture::into_future(s.call(answer("lost", ms(1)))));
        assert!(poll_once(call.as_mut()).await.is_none());
        sleep(ms(10)).await;
        assert_eq!(log.lines()[3..], ["sent"]);
        drop(call);
        assert_eq!(log.lines()[3..], ["sent", "lost"]);
    });
}

/// Polls once.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// A caller that dies leaves the server to its work: the answer finds nobody.
#[test]
fn the_death_of_the_caller_is_nothing_to_the_server() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let server = s.clone();
        let answer = Dropped(log.clone(), "answer dropped");
        let caller = spawn(async move {
            let slow = run_async(move |reply: Reply<Dropped>, _, _| {
                Box::pin(async move {
                    sleep(ms(20)).await;
                    reply.send(answer);
                    Ok(Next::Go)
                })
            });
            drop(server.call(slow).await);
        });
        settle().await;
        kill_and_wait(&caller).await;
        assert_eq!(s.call(Call::Echo).await, Ok("echo"));
        assert_eq!(log.lines(), ["init s.1", "answer dropped"]);
    });
}

/// Calls that nobody answered and nobody waits for are not remembered: a server may leave
/// thousands of them open.
#[test]
fn calls_that_were_given_up_are_forgotten() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        for _ in 0..500 {
            let call = s.call(keep()).timeout(ms(1)).await;
            assert_eq!(call, Err(CallError::Timeout));
        }
        s.cast(tell(|w, _| {
            assert_eq!(w.kept.len(), 500);
            w.kept.drain(..).for_each(|reply| reply.send("late"));
            Ok(Next::Go)
        }));
        s.cast(Tell::Word("alive"));
        s.stop().await.unwrap();
        assert_eq!(log.lines(), ["init s.1", "cast s.1 alive", "terminate s.1 normal"]);
    });
}

/// A reply that a timer of somebody else holds answers when the timer expires.
#[test]
fn a_reply_may_be_answered_by_anybody_who_has_it() {
    scenario(|me: Process| async move {
        let log = Log::of(&me);
        let s = W::start(log.server("s.1")).await.unwrap();
        let other = W::start(log.server("other")).await.unwrap();
        let begun = Instant::now();
        let pid: Pid = other.pid();
        let call = s.call(run(move |reply, _, _| {
            let answer = tell(move |_, _| {
                reply.send("by timer");
                Ok(Next::Go)
            });
            send_after(ms(25), pid, answer);
            Ok(Next::Go)
        }));
        assert_eq!((call.await, begun.elapsed()), (Ok("by timer"), ms(25)));
    });
}
