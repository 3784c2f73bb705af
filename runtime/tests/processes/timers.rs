//! Messages that come later, and receives that do not wait for ever.

use std::future::pending;
use std::time::Duration;

use crate::common::{Dropped, Log, NOTHING, drain, ends, ms, receive_all};
use runtime::testing::{kill_and_wait, scenario, settle};
use runtime::{
    Address, ExitReason, Message, Pid, Process, ReceiveTimedOut, TimerRef, cancel_timer,
    cancel_timer_async, read_timer, register, send_after, send_interval, spawn, start_timer,
    unregister,
};
use tokio::time::{Instant, sleep};

/// What came, and when, on the clock of the system; until a virtual minute has passed without a
/// message.
async fn with_times<M: Send + 'static>(me: &mut Process<M>) -> Vec<(Duration, M)> {
    let mut all = Vec::new();
    while let Ok(message) = me.receive().timeout(ms(60_000)).await {
        let Message::User(message) = message else { panic!("not a message of a user") };
        all.push((me.system().monotonic_time(), message));
    }
    all
}

// --- One message.

/// A timer that is cancelled in time gives what was left of it, and sends nothing; one that was
/// cancelled or has fired gives nothing.
///
/// Oracle: TIM-01
#[test]
fn a_cancelled_timer_gives_what_was_left_and_sends_nothing() {
    scenario(|mut me: Process<&'static str>| async move {
        let timer = send_after(ms(50), me.address(), "tick1");
        assert_eq!(cancel_timer(timer), Some(ms(50)));
        assert_eq!(cancel_timer(timer), None);
        let timer = send_after(ms(50), me.address(), "tick2");
        sleep(ms(80)).await;
        assert_eq!(cancel_timer(timer), None);
        assert_eq!(drain(&mut me, &[]).await, [r#""tick2""#]);
        assert_eq!(me.system().timer_count(), 0);
    });
}

/// A timer can be read while it runs; a cancelled one has nothing left.
///
/// Oracle: TIM-02
#[test]
fn a_timer_can_be_read_while_it_runs() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_after(ms(1000), me.address(), 1);
        assert_eq!(read_timer(timer), Some(ms(1000)));
        sleep(ms(400)).await;
        assert_eq!(read_timer(timer), Some(ms(600)));
        assert_eq!(cancel_timer(timer), Some(ms(600)));
        assert_eq!(read_timer(timer), None);

        let timer = send_after(ms(10), me.address(), 2);
        assert_eq!(drain(&mut me, &[]).await, ["2"]);
        assert_eq!(read_timer(timer), None);
    });
}

/// A name is looked up when the time has come: one that was registered late is found, and a message
/// to nobody is dropped.
///
/// Oracle: TIM-03
#[test]
fn a_timer_looks_its_name_up_when_it_expires() {
    scenario(|mut me: Process<&'static str>| async move {
        send_after(ms(50), "tim3", "hello");
        send_after(ms(50), "tim3_never", "lost");
        sleep(ms(20)).await;
        register("tim3", me.pid()).unwrap();
        assert_eq!(drain(&mut me, &[]).await, [r#""hello""#]);
    });
}

/// Who holds the name at that time gets the message, whoever held it before.
#[test]
fn a_timer_sends_to_whoever_holds_the_name_when_it_expires() {
    scenario(|mut me: Process<&'static str>| async move {
        let log = Log::default();
        let lines = log.clone();
        let before = spawn(move |mut me: Process<&'static str>| async move {
            lines.add(format!("{:?}", me.receive().await));
        });
        register("moves", &before).unwrap();
        send_after(ms(50), "moves", "to the holder");
        unregister("moves").unwrap();
        register("moves", me.pid()).unwrap();
        assert_eq!(drain(&mut me, &[]).await, [r#""to the holder""#]);
        assert_eq!(log.lines(), NOTHING);
    });
}

/// A timer to a process that ends before is a message to nobody; a timer outlives whoever set it.
///
/// Covers: RT-PROC-17
/// Oracle: TIM-04
#[test]
fn a_timer_outlives_its_creator_and_not_its_receiver() {
    scenario(|mut me: Process<&'static str>| async move {
        let receiver = spawn(|_: Process<&'static str>| pending::<()>());
        send_after(ms(50), &receiver, "to the dead");
        send_after(ms(50), receiver.pid(), "to the dead");
        kill_and_wait(&receiver).await;

        let to = me.address();
        let creator = spawn(async move {
            send_after(ms(50), to, "from_dead_creator");
        });
        creator.join().await;
        assert_eq!(drain(&mut me, &[]).await, [r#""from_dead_creator""#]);
        assert_eq!(me.system().timer_count(), 0);
    });
}

/// Timers that expire at one time do so in the order in which they were set. A timer of no time at
/// all is still a timer, and nothing is said of its place beside a message.
///
/// Oracle: TIM-05
#[test]
fn timers_of_one_time_expire_in_the_order_in_which_they_were_set() {
    scenario(|mut me: Process<&'static str>| async move {
        for word in ["a", "b"] {
            send_after(ms(20), me.address(), word);
        }
        assert_eq!(drain(&mut me, &[]).await, [r#""a""#, r#""b""#]);

        send_after(ms(0), me.address(), "zero");
        me.address().send("plain");
        let mut mailbox = drain(&mut me, &[]).await;
        mailbox.sort();
        assert_eq!(mailbox, [r#""plain""#, r#""zero""#]);
    });
}

/// An asynchronous cancel answers with a message; so does one that comes too late.
///
/// Oracle: TIM-06
#[test]
fn an_asynchronous_cancel_answers_with_a_message() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_after(ms(1000), me.address(), 1);
        assert_eq!(cancel_timer_async(timer), Ok(()));
        assert_eq!(cancel_timer_async(timer), Ok(()));
        let mailbox = receive_all(&mut me).await;
        let [Message::TimerCancelled(first), Message::TimerCancelled(second)] = &mailbox[..] else {
            panic!("not two answers: {mailbox:?}");
        };
        assert_eq!((first.timer, first.left), (timer, Some(ms(1000))));
        assert_eq!((second.timer, second.left), (timer, None));
    });
}

/// Timers expire by their time, not in the order in which they were set; an earlier one that is set
/// while others wait is not late.
#[test]
fn timers_expire_in_the_order_of_their_times() {
    scenario(|mut me: Process<u64>| async move {
        for delay in [300, 100, 200, 100] {
            send_after(ms(delay), me.address(), delay);
        }
        sleep(ms(10)).await;
        send_after(ms(40), me.address(), 50);
        let seen = with_times(&mut me).await;
        let all = [50, 100, 100, 200, 300].map(|at| (ms(at), at));
        assert_eq!(seen, all);
    });
}

/// A thousand timers, half of them cancelled: the others come, each at its time.
#[test]
fn cancelled_timers_do_not_disturb_the_others() {
    scenario(|mut me: Process<u64>| async move {
        let timers: Vec<_> =
            (0..1000).map(|n| send_after(ms(n * 7 % 1000), me.address(), n * 7 % 1000)).collect();
        assert_eq!(me.system().timer_count(), 1000);
        for timer in timers.iter().step_by(2) {
            assert!(cancel_timer(*timer).is_some());
        }
        assert_eq!(me.system().timer_count(), 500);
        let mut expected: Vec<_> = (0..1000).skip(1).step_by(2).map(|n| n * 7 % 1000).collect();
        expected.sort_unstable();
        let seen = with_times(&mut me).await;
        let expected: Vec<_> = expected.into_iter().map(|at| (ms(at), at)).collect();
        assert_eq!(seen, expected);
        assert_eq!(me.system().timer_count(), 0);
    });
}

/// A time beyond all clocks is as good as never, and can be cancelled.
#[test]
fn a_timer_may_be_set_for_never() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_after(Duration::MAX, me.address(), 1);
        let interval = send_interval(Duration::MAX, me.address(), 2);
        sleep(Duration::from_hours(24)).await;
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
        assert!(cancel_timer(timer).is_some_and(|left| left > Duration::from_hours(24)));
        assert!(cancel_timer(interval).is_some());
    });
}

/// A timer's message may name its timer, so that one that was cancelled too late can be told from
/// the one that is waited for.
#[test]
fn a_started_timer_names_itself_in_its_message() {
    scenario(|mut me: Process<&'static str>| async move {
        let timers = ["one", "two"].map(|word| start_timer(ms(10), &me.address(), word));
        assert_ne!(timers[0], timers[1]);
        let mailbox = receive_all(&mut me).await;
        let seen: Vec<(TimerRef, &str)> = mailbox
            .iter()
            .map(|message| match message {
                Message::Timeout(timeout) => (timeout.timer, timeout.message),
                other => panic!("not a timeout: {other:?}"),
            })
            .collect();
        assert_eq!(seen, [(timers[0], "one"), (timers[1], "two")]);
    });
}

/// To a process that expects another type, a timer's message is as unknown as any.
#[test]
fn a_timer_to_a_pid_is_typed_when_it_expires() {
    scenario(|mut me: Process<u8>| async move {
        send_after(ms(10), me.pid(), 7_u8);
        send_after(ms(20), me.pid(), "seven");
        assert_eq!(drain(&mut me, &[]).await, ["7", "unknown &str"]);
    });
}

/// The timers of a system end with it; nobody gets their messages, and the messages are dropped.
#[test]
fn timers_end_with_their_system() {
    scenario(|_: Process| async move {
        let log = Log::default();
        let system = runtime::System::start();
        let (held, late) = (log.clone(), log.clone());
        system.spawn(|me: Process<Dropped>| async move {
            send_after(ms(1000), me.address(), Dropped(held, "dropped"));
            sleep(ms(5000)).await;
            late.add("not killed");
        });
        settle().await;
        assert_eq!((log.lines().len(), system.timer_count()), (0, 1));
        system.stop().await;
        assert_eq!(log.lines(), ["dropped"]);
        sleep(ms(10_000)).await;
        assert_eq!(log.lines(), ["dropped"]);
    });
}

// --- Periods.

/// Periodic work goes on under noise when it is driven by a timer that is set anew at each tick. A
/// receive with a time limit of the same length never runs out, because every message restarts it.
///
/// Oracle: TIM-07
#[test]
fn a_timer_ticks_under_noise_and_a_time_limit_does_not_run_out() {
    scenario(|mut me: Process<&'static str>| async move {
        let noise = |to: Address<&'static str>| async move {
            for _ in 0..40 {
                to.send("noise");
                sleep(ms(10)).await;
            }
            to.send("over");
        };
        let mut ticks = 0;
        send_after(ms(40), me.address(), "tick");
        spawn(noise(me.address()));
        loop {
            match me.receive().await.into_user().unwrap() {
                "tick" => {
                    ticks += 1;
                    send_after(ms(40), me.address(), "tick");
                }
                "over" => break,
                _ => {}
            }
        }
        assert!((7..=10).contains(&ticks), "{ticks} ticks");
        assert_eq!(receive_all(&mut me).await.len(), 1, "the tick that was set last");

        let mut timeouts = 0;
        spawn(noise(me.address()));
        loop {
            match me.receive().timeout(ms(40)).await {
                Err(ReceiveTimedOut) => timeouts += 1,
                Ok(Message::User("over")) => break,
                Ok(_) => {}
            }
        }
        assert_eq!(timeouts, 0);
    });
}

/// An interval ticks at whole multiples of its period until it is cancelled, however late its
/// messages are received.
///
/// Covers: RT-UTIL-05, RT-NEXT-4
#[test]
fn an_interval_does_not_drift() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_interval(ms(100), me.address(), 0);
        let mut seen = Vec::new();
        for _ in 0..5 {
            me.receive().await;
            seen.push(me.system().monotonic_time());
            // Slow work, shorter than the period.
            sleep(ms(70)).await;
        }
        assert_eq!(seen, [100, 200, 300, 400, 500].map(ms));
        assert_eq!(read_timer(timer), Some(ms(30)));
        assert_eq!(cancel_timer(timer), Some(ms(30)));
        assert_eq!(drain(&mut me, &[]).await, NOTHING);
        assert_eq!((cancel_timer(timer), me.system().timer_count()), (None, 0));
    });
}

/// An interval ends with its receiver, and not with its creator. One to a name goes on.
#[test]
fn an_interval_ends_with_its_receiver() {
    scenario(|mut me: Process<u8>| async move {
        let receiver = spawn(|_: Process<u8>| pending::<()>());
        send_interval(ms(10), &receiver, 0);
        send_interval(ms(10), receiver.pid(), 0_u8);
        let to = me.address();
        let creator = spawn(async move {
            send_interval(ms(20), &to, 1);
            send_interval(ms(15), "later", 2_u8);
        });
        creator.join().await;
        sleep(ms(25)).await;
        assert_eq!(receiver.pid().info().unwrap().message_queue_len, 4);
        kill_and_wait(&receiver).await;
        register("later", me.pid()).unwrap();
        sleep(ms(24)).await;
        assert_eq!(me.system().timer_count(), 2);
        let mut seen = Vec::new();
        while let Ok(Message::User(n)) = me.receive().timeout(ms(0)).await {
            seen.push(n);
        }
        assert_eq!(seen, [1, 2, 1, 2]);
    });
}

/// A period of no time at all is the shortest that the clock knows.
#[test]
fn a_period_of_zero_is_one_millisecond() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_interval(ms(0), me.address(), 0);
        for n in 1..=5 {
            me.receive().await;
            assert_eq!(me.system().monotonic_time(), ms(n));
        }
        assert!(cancel_timer(timer).is_some());
    });
}

// --- The user's code in a timer.

/// A message whose clone, or whose `Drop`, panics spoils its own timer and no other.
#[test]
fn a_message_that_panics_spoils_no_other_timer() {
    #[derive(Debug)]
    struct Spoiled {
        at: &'static str,
    }

    impl Clone for Spoiled {
        fn clone(&self) -> Self {
            assert_ne!(self.at, "clone");
            Self { at: self.at }
        }
    }

    impl Drop for Spoiled {
        fn drop(&mut self) {
            assert!(self.at != "drop" || std::thread::panicking(), "dropped");
        }
    }

    ends(|| {
        scenario(|mut me: Process<u8>| async move {
            let dead = spawn(|_: Process<Spoiled>| async {});
            let alive = spawn(|mut me: Process<Spoiled>| async move {
                while let Message::User(_) = me.receive().await {}
            });
            dead.join().await;
            send_after(ms(10), &dead, Spoiled { at: "drop" });
            send_after(ms(10), "nobody", Spoiled { at: "drop" });
            send_interval(ms(10), &dead, Spoiled { at: "drop" });
            send_interval(ms(10), &alive, Spoiled { at: "clone" });
            send_after(ms(20), me.address(), 1);
            assert_eq!(drain(&mut me, &[]).await, ["1"]);
            assert_eq!(me.system().timer_count(), 0);
            assert!(alive.is_alive());
        });
    });
}

/// Nor does it keep a system from ending.
#[test]
fn a_message_that_panics_does_not_keep_a_system_from_ending() {
    struct Spoiled;

    impl Drop for Spoiled {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }

    ends(|| {
        scenario(|_: Process| async move {
            let system = runtime::System::start();
            let (one, two) = (Log::default(), Log::default());
            let (held, other) = (one.clone(), two.clone());
            let it = system.spawn(|me: Process<()>| async move {
                let _held = Dropped(held, "ended");
                send_after(ms(1000), me.pid(), Spoiled);
                send_after(ms(1000), me.pid(), Dropped(other, "dropped"));
                pending::<()>().await;
            });
            settle().await;
            let after = runtime::System::clone(&system);
            system.stop().await;
            assert_eq!((one.lines(), two.lines()), (vec!["ended".into()], vec!["dropped".into()]));
            assert!(!it.is_alive());
            assert_eq!((after.process_count(), after.timer_count()), (0, 0));
        });
    });
}

// --- Receives with a time limit.

/// A receive with a limit of zero takes what is there and does not wait; a selective one leaves the
/// other messages in their order.
///
/// Oracle: TIM-08
#[test]
fn a_receive_with_a_limit_of_zero_takes_what_is_there() {
    #[derive(Debug)]
    enum Msg {
        A,
        B,
        Want(u8),
    }

    fn want(message: Message<Msg>) -> Result<u8, Message<Msg>> {
        match message {
            Message::User(Msg::Want(n)) => Ok(n),
            other => Err(other),
        }
    }

    scenario(|mut me: Process<Msg>| async move {
        assert_eq!(me.select(want).timeout(ms(0)).await, Err(ReceiveTimedOut));
        for message in [Msg::A, Msg::Want(1), Msg::B, Msg::Want(2)] {
            me.address().send(message);
        }
        assert_eq!(me.select(want).timeout(ms(0)).await, Ok(1));
        let none = me.select(|message| match message {
            Message::User(Msg::Want(3)) => Ok(()),
            other => Err(other),
        });
        assert_eq!(none.timeout(ms(0)).await, Err(ReceiveTimedOut));
        assert_eq!(me.system().monotonic_time(), ms(0));
        assert_eq!(drain(&mut me, &[]).await, ["A", "B", "Want(2)"]);
    });
}

/// A time limit is kept to the millisecond, whatever was waited for before.
///
/// Covers: RT-PROC-08
#[test]
fn a_time_limit_is_kept() {
    scenario(|mut me: Process<u8>| async move {
        // One clock serves all receives of a process; longer and shorter limits must not mix.
        for (limit, sent) in [(50, None), (500, Some(20)), (30, None), (40, Some(10)), (200, None)]
        {
            let before = Instant::now();
            if let Some(delay) = sent {
                send_after(ms(delay), me.address(), 1);
            }
            let got = me.receive().timeout(ms(limit)).await;
            assert_eq!(got.is_ok(), sent.is_some());
            assert_eq!(before.elapsed(), ms(sent.unwrap_or(limit)));
        }
    });
}

/// Messages that a selective receive refuses do not prolong its time limit.
#[test]
fn refused_messages_do_not_prolong_a_time_limit() {
    scenario(|mut me: Process<u8>| async move {
        let timer = send_interval(ms(10), me.address(), 0);
        let none = me.select(Err::<(), _>).timeout(ms(105)).await;
        assert_eq!(none, Err(ReceiveTimedOut));
        assert_eq!(me.system().monotonic_time(), ms(105));
        cancel_timer(timer);
        assert_eq!(drain(&mut me, &[]).await, ["0"; 10]);
    });
}

/// A receive may be given up, and loses nothing.
#[test]
fn a_receive_that_is_dropped_loses_no_message() {
    scenario(|mut me: Process<u8>| async move {
        for n in 1..=3 {
            me.address().send(n);
        }
        tokio::select! {
            biased;
            () = async {} => {}
            _ = me.receive() => panic!("not polled first"),
        }
        tokio::select! {
            biased;
            () = me.select(Err::<(), _>) => panic!("nothing is wanted"),
            () = sleep(ms(10)) => {}
        }
        assert_eq!(me.info().message_queue_len, 3);
        assert_eq!(drain(&mut me, &[]).await, ["1", "2", "3"]);
    });
}

/// A selective receive waits for what it wants, and takes the oldest that fits.
///
/// Covers: RT-PROC-07
#[test]
fn a_selective_receive_waits_and_takes_the_oldest() {
    scenario(|mut me: Process<u8>| async move {
        for n in [1, 3] {
            me.address().send(n);
        }
        for (delay, n) in [(10, 4), (20, 5), (20, 6)] {
            send_after(ms(delay), me.address(), n);
        }
        let mut even = async || {
            me.select(|message| match message {
                Message::User(n) if n % 2 == 0 => Ok(n),
                other => Err(other),
            })
            .await
        };
        assert_eq!((even().await, even().await), (4, 6));
        assert_eq!(me.system().monotonic_time(), ms(20));
        assert_eq!(drain(&mut me, &[]).await, ["1", "3", "5"]);
    });
}

/// A timer's message comes at its time, also after the news of its creator's end.
#[test]
fn a_timer_may_fire_after_the_news_of_its_creators_end() {
    scenario(|mut me: Process<u8>| async move {
        let to = me.address();
        let (creator, _) = me.spawn_monitor(async move {
            send_after(ms(10), &to, 2);
            to.send(1);
            ExitReason::other("done")
        });
        let who: [(&str, Pid); 1] = [("creator", creator.pid())];
        assert_eq!(drain(&mut me, &who).await, ["1", r#"DOWN creator "done""#, "2"]);
    });
}
