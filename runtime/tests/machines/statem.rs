//! State machines: which event is next, which timeout comes, and how they end.

use crate::common::{Log, NOTHING, brief, ms};
use crate::support::{Args, Call, State, T, Tell, down, run, step, tell, tell_async, word};
use runtime::gen_statem::FunctionClause;
use runtime::prelude::*;
use runtime::testing::{restarted, scenario, settle};
use runtime::{
    Entered, GenStatem, Initial, Machine, Registry, StartError, System, Transition, sys,
};
use tokio::time::sleep;

static KEYS: Registry<u32> = Registry::unique("machines");
static MACHINE: Name<Machine<T>> = Name::new("machine");

/// Goes to this state, and does no more.
fn go(state: State) -> Tell {
    step(move || Transition::next_state(state))
}

// --- States and answers.

/// A cast changes the state, a call is answered with it.
///
/// Covers: RT-STM-01
/// Oracle: FSM-01
#[test]
fn a_cast_changes_the_state_and_a_call_is_answered_with_it() {
    scenario(|_: Process| async {
        let machine = T::start(Args::new(&Log::default())).await.unwrap();
        assert_eq!(machine.call(Call::Get).await, Ok((State::A, 0)));
        for to in [State::B, State::B] {
            machine.cast(tell(move |t, _, _| {
                t.count += 1;
                Transition::next_state(to)
            }));
        }
        assert_eq!(machine.call(Call::Get).await, Ok((State::B, 2)));
        let seen = sys::get_state(&machine, |machine| (*machine.state(), machine.data().count));
        assert_eq!(seen.await, Ok((State::B, 2)));
        assert_eq!(machine.stop().await, Ok(()));
    });
}

/// Only what a handler has no clause for is unhandled, and it ends the machine: the last state and
/// data are seen by `terminate`, the reason by the caller.
///
/// Covers: RT-STM-01
/// Oracle: FSM-08
#[test]
fn an_event_without_a_clause_ends_the_machine_and_its_caller_is_told() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let machine = T::start(Args::new(&log).count(7)).await.unwrap();
        me.monitor(&machine);
        let call = machine.call(Call::Unknown).await;
        let Err(CallError::Down(reason)) = call else { panic!("it was answered: {call:?}") };
        let clause = reason.as_error().and_then(|error| error.downcast_ref::<FunctionClause>());
        let clause = clause.expect("another kind of reason");
        assert_eq!((clause.event(), clause.state()), ("call", "A"));
        let said = "error: function_clause: no clause for this call in state A";
        assert_eq!(reason.to_string(), said);
        assert_eq!(down(&mut me).await, reason);
        assert_eq!(log.lines(), [format!("terminate {said} in A with 7")]);
    });
}

/// The answer of a machine that stops goes out; who waits for a postponed call gets the reason.
///
/// Oracle: FSM-09
#[test]
fn a_stop_with_an_answer_answers_and_postponed_callers_get_the_reason() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        let (postponed, stopped) = tokio::join!(machine.call(Call::InB), async {
            settle().await;
            let stop = |reply, t: &mut T, _: &mut Cx<_>| {
                t.log.add("stop");
                Transition::stop(ExitReason::Normal).reply(reply, "bye")
            };
            machine.call(run(stop)).await
        });
        assert_eq!(stopped, Ok("bye"));
        assert_eq!(postponed, Err(CallError::Down(ExitReason::Normal)));
        assert_eq!(log.lines(), ["stop", "terminate normal in A with 0"]);
    });
}

/// The answer of a stop goes out before `terminate`, other than a server's: OTP has it so.
///
/// Source: OTP `gen_statem`, `reply_then_terminate`.
#[test]
fn a_stop_with_an_answer_answers_before_terminate() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        me.monitor(&machine);
        let stop = |reply: Reply<usize>, t: &mut T, _: &mut Cx<_>| {
            let seen = t.log.lines().len();
            Transition::stop(word("enough")).reply(reply, seen)
        };
        assert_eq!(machine.call(run(stop)).await, Ok(0));
        assert_eq!(down(&mut me).await, word("enough"));
        assert_eq!(log.lines(), [r#"terminate "enough" in A with 0"#]);
    });
}

/// A postponed call is answered after the change of state, and knows who asks.
#[test]
fn a_postponed_call_is_answered_when_its_time_has_come() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        let (answer, ()) = tokio::join!(machine.call(Call::InB), async {
            settle().await;
            // By another process: it is not the one who asks.
            let machine = machine.clone();
            runtime::spawn(async move {
                let changed = |reply, _: &mut T, _: &mut Cx<_>| {
                    Transition::next_state(State::B).reply(reply, ())
                };
                machine.call(run(changed)).await.unwrap();
            });
        });
        assert_eq!(answer, Ok(State::B));
        assert_eq!(log.lines(), ["asked by the caller"]);
    });
}

/// A reply that is dropped is told at once, also when the machine goes on by itself.
#[test]
fn a_dropped_reply_is_told_before_the_machine_goes_on() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        let dropped = |reply: Reply<()>, _: &mut T, _: &mut Cx<_>| {
            drop(reply);
            Transition::keep_state().next_event(tell_async(|_, _, _| {
                Box::pin(async {
                    sleep(ms(1000)).await;
                    Ok(Transition::keep_state())
                })
            }))
        };
        let begun = tokio::time::Instant::now();
        assert_eq!(machine.call(run(dropped)).await, Err(CallError::NoReply));
        assert_eq!(begun.elapsed(), ms(0));
    });
}

// --- Timeouts.

/// A state timeout is not cancelled by another event.
///
/// Oracle: FSM-02
#[test]
fn a_state_timeout_survives_an_event() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(step(|| {
            let back = tell(|t, state, _| {
                t.log.add(format!("state timeout in {state:?}"));
                Transition::next_state(State::A)
            });
            Transition::next_state(State::B).state_timeout(ms(60), back)
        }));
        sleep(ms(30)).await;
        assert_eq!(machine.call(Call::Get).await, Ok((State::B, 0)));
        sleep(ms(29)).await;
        assert_eq!(log.lines(), NOTHING);
        sleep(ms(31)).await;
        assert_eq!(machine.call(Call::Get).await, Ok((State::A, 0)));
        assert_eq!(log.lines(), ["state timeout in B"]);
    });
}

/// A change of state cancels a state timeout, also when the machine comes back before its time.
///
/// Oracle: FSM-03
#[test]
fn a_change_of_state_cancels_the_state_timeout_for_good() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine
            .cast(step(|| Transition::next_state(State::B).state_timeout(ms(60), Tell::Word("t"))));
        sleep(ms(20)).await;
        machine.cast(go(State::A));
        sleep(ms(20)).await;
        machine.cast(go(State::B));
        sleep(ms(1000)).await;
        assert_eq!(machine.call(Call::Get).await, Ok((State::B, 0)));
        assert_eq!(log.lines(), NOTHING);
    });
}

/// So does a change that is made when it has expired already and waits in the mailbox.
#[test]
fn a_state_timeout_that_has_expired_unseen_is_cancelled_as_well() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine
            .cast(step(|| Transition::keep_state().state_timeout(ms(60), Tell::Word("too late"))));
        machine.cast(tell_async(|_, _, _| {
            Box::pin(async {
                sleep(ms(100)).await;
                Ok(Transition::next_state(State::B).state_timeout(ms(60), Tell::Word("in time")))
            })
        }));
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["state timeout in time in B"]);
    });
}

/// To go where one is, is no change: the state timeout survives and the state is not entered.
/// `repeat_state` enters it, and is no change either.
///
/// Oracle: FSM-04
#[test]
fn only_another_state_is_a_change_and_repeat_state_enters_the_same_again() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log).says()).await.unwrap();
        machine.cast(go(State::A));
        machine.cast(step(Transition::repeat_state));
        machine
            .cast(step(|| Transition::next_state(State::B).state_timeout(ms(60), Tell::Word("t"))));
        sleep(ms(30)).await;
        machine.cast(go(State::B));
        sleep(ms(29)).await;
        let entered = ["enter A from A", "enter A from A", "enter B from A"];
        assert_eq!(log.lines(), entered);
        sleep(ms(2)).await;
        assert_eq!(log.lines()[3..], ["state timeout t in B"]);
        sleep(ms(1000)).await;
        assert_eq!(log.lines().len(), 4);
    });
}

/// Any event cancels an event timeout. A named one is cancelled by none, and survives the state.
///
/// Oracle: FSM-05
#[test]
fn an_event_timeout_is_cancelled_by_any_event_and_a_named_one_by_none() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(step(|| {
            Transition::keep_state().event_timeout(ms(40), Tell::Word("never")).timeout(
                "generic",
                ms(60),
                Tell::Word("g"),
            )
        }));
        sleep(ms(20)).await;
        machine.cast(go(State::B));
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["timeout generic g in B"]);

        machine.cast(step(|| Transition::keep_state().event_timeout(ms(40), Tell::Word("quiet"))));
        sleep(ms(1000)).await;
        assert_eq!(log.lines()[1..], ["event timeout quiet in B"]);
    });
}

/// A state timeout of zero comes before what is in the mailbox already, and can be cancelled.
///
/// Oracle: FSM-11
#[test]
fn a_state_timeout_of_zero_comes_before_the_mailbox_and_can_be_cancelled() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(tell(|_, _, cx| {
            cx.info(Tell::Word("ext"));
            Transition::next_state(State::B).state_timeout(ms(0), Tell::Word("z"))
        }));
        settle().await;
        assert_eq!(log.lines(), ["state timeout z in B", "info ext in B"]);

        machine.cast(step(|| {
            let twice = Transition::keep_state().state_timeout(ms(60), Tell::Word("cancelled"));
            twice.timeout("other", ms(60), Tell::Word("o"))
        }));
        sleep(ms(20)).await;
        machine.cast(step(|| Transition::keep_state().cancel_state_timeout()));
        sleep(ms(1000)).await;
        assert_eq!(log.lines()[2..], ["timeout other o in B"]);
    });
}

/// A state timeout that is set again replaces the old one.
///
/// Oracle: FSM-12
#[test]
fn a_state_timeout_that_is_set_again_replaces_the_old_one() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        for what in ["first", "second"] {
            machine.cast(step(move || {
                Transition::keep_state().state_timeout(ms(60), Tell::Word(what))
            }));
            sleep(ms(30)).await;
        }
        assert_eq!(log.lines(), NOTHING);
        sleep(ms(29)).await;
        assert_eq!(log.lines(), NOTHING);
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["state timeout second in A"]);
    });
}

/// An update changes what a timeout says, and not when; if none runs, it comes at once.
#[test]
fn an_update_changes_what_a_timeout_says_and_not_when() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(step(|| {
            let state = Transition::keep_state().state_timeout(ms(60), Tell::Word("old"));
            state.timeout("x", ms(60), Tell::Word("old"))
        }));
        sleep(ms(30)).await;
        machine.cast(step(|| {
            let state = Transition::keep_state().update_state_timeout(Tell::Word("new"));
            state.update_timeout("x", Tell::Word("new")).update_timeout("y", Tell::Word("none ran"))
        }));
        settle().await;
        assert_eq!(log.lines(), ["timeout y none ran in A"]);
        sleep(ms(28)).await;
        assert_eq!(log.lines().len(), 1);
        sleep(ms(2)).await;
        assert_eq!(log.lines()[1..], ["state timeout new in A", "timeout x new in A"]);
    });
}

/// Timeouts with different names run side by side; each can be cancelled by its name.
#[test]
fn named_timeouts_run_side_by_side() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(step(|| {
            let one = Transition::keep_state().timeout("x", ms(60), Tell::Word("1"));
            one.timeout("y", ms(60), Tell::Word("2")).timeout("z", ms(20), Tell::Word("3"))
        }));
        sleep(ms(30)).await;
        machine.cast(step(|| Transition::keep_state().cancel_timeout("x")));
        sleep(ms(1000)).await;
        assert_eq!(log.lines(), ["timeout z 3 in A", "timeout y 2 in A"]);
    });
}

/// No timer of a machine outlives it.
#[test]
fn the_timers_of_a_machine_end_with_it() {
    scenario(|_: Process| async {
        let system = System::current();
        let before = system.timer_count();
        for kill in [false, true] {
            let machine = T::start(Args::new(&Log::default())).await.unwrap();
            let hour = std::time::Duration::from_hours(1);
            machine.cast(step(move || {
                let state = Transition::keep_state().state_timeout(hour, Tell::Word("state"));
                state
                    .timeout("x", hour, Tell::Word("named"))
                    .event_timeout(hour, Tell::Word("event"))
            }));
            machine.call(Call::Get).await.unwrap();
            // The call cancelled the event timeout.
            assert_eq!(system.timer_count(), before + 2);
            if kill {
                runtime::testing::kill_and_wait(&machine).await;
            } else {
                machine.stop().await.unwrap();
            }
            assert_eq!(system.timer_count(), before, "killed: {kill}");
        }
    });
}

// --- Which event is next.

/// Postponed events come again in their order, after a change of state only, before newer ones.
///
/// Oracle: FSM-06
#[test]
fn postponed_events_come_again_after_a_change_of_state_and_before_newer_ones() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        // All of it is in the mailbox when it begins.
        sys::suspend(&machine).await.unwrap();
        machine.cast(Tell::Job(1));
        machine.cast(Tell::Job(2));
        machine.cast(tell(|t, _, _| {
            t.log.add("stay");
            Transition::next_state(State::A)
        }));
        machine.cast(tell(|t, _, _| {
            t.log.add("free");
            Transition::next_state(State::B)
        }));
        machine.cast(Tell::Job(3));
        sys::resume(&machine).await.unwrap();
        machine.call(Call::Get).await.unwrap();
        let jobs = ["cast job 1", "cast job 2", "cast job 3"];
        assert_eq!(log.lines()[..4], ["postpone 1", "postpone 2", "stay", "free"]);
        assert_eq!(log.lines()[4..], jobs);
    });
}

/// Inserted events run before what is in the mailbox.
///
/// Oracle: FSM-07
#[test]
fn inserted_events_come_before_the_mailbox() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(tell(|_, _, cx| {
            cx.info(Tell::Word("external"));
            Transition::keep_state().next_event(Tell::Word("i1")).next_event(Tell::Word("i2"))
        }));
        settle().await;
        let lines = ["internal i1 in A", "internal i2 in A", "info external in A"];
        assert_eq!(log.lines(), lines);
    });
}

/// What `init` asks for comes before what is in the mailbox, and after the entry into the state.
#[test]
fn what_init_asks_for_comes_before_the_mailbox() {
    scenario(|_: Process| async {
        let log = Log::default();
        let begin = |t, cx: &mut Cx<_>| {
            cx.info(Tell::Word("external"));
            Initial::state(State::B, t)
                .state_timeout(ms(0), Tell::Word("zero"))
                .timeout("later", ms(10), Tell::Word("ten"))
                .next_event(Tell::Word("first"))
        };
        T::start(Args::new(&log).says().begin(begin)).await.unwrap();
        sleep(ms(20)).await;
        let lines = [
            "enter B from B",
            "internal first in B",
            "state timeout zero in B",
            "info external in B",
            "timeout later ten in B",
        ];
        assert_eq!(log.lines(), lines);
    });
}

/// A machine that goes on and on by itself leaves room for others, and can be killed.
#[test]
fn endless_internal_events_leave_room_for_others() {
    /// Far beyond one turn; not for ever, so that a failure is no hang.
    const MANY: u32 = 100_000;

    fn again() -> Tell {
        tell(|t, _, _| {
            t.count += 1;
            if t.count < MANY {
                Transition::keep_state().next_event(again())
            } else {
                Transition::stop(word("never interrupted"))
            }
        })
    }

    scenario(|mut me: Process| async move {
        let machine = T::start(Args::new(&Log::default())).await.unwrap();
        me.monitor(&machine);
        machine.cast(again());
        tokio::task::yield_now().await;
        machine.pid().kill();
        assert_eq!(down(&mut me).await, ExitReason::Killed);
    });
}

// --- Entering a state.

/// The first state is entered as well, from itself; whoever starts the machine does not wait for it.
///
/// Oracle: FSM-10
#[test]
fn the_first_state_is_entered_from_itself() {
    scenario(|_: Process| async {
        let log = Log::default();
        T::start(Args::new(&log).says()).await.unwrap();
        log.add("start returned");
        settle().await;
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, ["enter A from A", "start returned"]);
    });
}

/// A machine whose entry into its first state fails has been started all the same.
#[test]
fn a_crash_of_the_first_entry_is_no_failed_start() {
    scenario(|mut me: Process| async move {
        let log = Log::default();
        let args = Args::new(&log).at_entry(|_| Err(word("no entry").into()));
        me.trap_exit(true);
        let machine = T::start_link(args).await.unwrap();
        let Message::Exit(exit) = me.receive().await else { panic!("not an exit") };
        assert_eq!((exit.from, exit.reason), (machine.pid(), word("no entry")));
        assert_eq!(log.lines(), [r#"terminate "no entry" in A with 0"#]);
    });
}

/// A state's entry can set its timeout, after what the transition set.
#[test]
fn a_states_entry_can_set_its_timeout() {
    scenario(|_: Process| async {
        let log = Log::default();
        let args = Args::new(&log).says().at_entry(|state| {
            Ok(match state {
                State::A => Entered::new(),
                State::B => Entered::new().state_timeout(ms(30), Tell::Word("of the entry")),
            })
        });
        let machine = T::start(args).await.unwrap();
        machine.cast(step(|| {
            Transition::next_state(State::B).state_timeout(ms(10), Tell::Word("of the event"))
        }));
        sleep(ms(1000)).await;
        let lines = ["enter A from A", "enter B from A", "state timeout of the entry in B"];
        assert_eq!(log.lines(), lines);
    });
}

// --- A machine is a server.

/// A start can be ignored or fail, as a server's.
#[test]
fn a_start_can_be_ignored_or_fail() {
    scenario(|_: Process| async {
        let args = || Args::new(&Log::default());
        let ignored = T::start(args().begin(|_, _| Initial::ignore())).await;
        assert_eq!(ignored.unwrap_err(), StartError::Ignored);
        let stopped = T::start(args().begin(|_, _| Initial::stop(word("no")))).await;
        assert_eq!(stopped.unwrap_err(), StartError::Failed(word("no")));
        let panicked = T::start(args().begin(|_, _| panic!("init"))).await.unwrap_err();
        let StartError::Failed(reason) = panicked else { panic!("{panicked}") };
        assert_eq!(brief(&reason), "panic: init");
    });
}

/// A supervised machine is restarted under its name, in its first state and with new data.
///
/// Covers: RT-STM-01
#[test]
fn a_supervised_machine_is_restarted_in_its_first_state() {
    scenario(|_: Process| async {
        let log = Log::default();
        let args = log.clone();
        let machine = T::child(move || Args::new(&args).count(1)).name(&MACHINE);
        let supervisor = Supervisor::one_for_one().child(machine).start().await.unwrap();
        MACHINE.cast(tell(|t, _, _| {
            t.count = 5;
            Transition::next_state(State::B).state_timeout(ms(10), Tell::Word("of the dead"))
        }));
        MACHINE.cast(Tell::Job(1));
        let first = MACHINE.whereis().unwrap();
        let asked = MACHINE.call(Call::Unknown).await.unwrap_err();
        assert!(matches!(asked, CallError::Down(_)), "{asked}");
        restarted(&MACHINE, &first).await;
        assert_eq!(MACHINE.call(Call::Get).await, Ok((State::A, 1)));
        sleep(ms(1000)).await;
        let said = "error: function_clause: no clause for this call in state B";
        assert_eq!(log.lines(), ["cast job 1".to_owned(), format!("terminate {said} in B with 5")]);
        supervisor.stop().await.unwrap();
    });
}

/// It is found by a key in a registry, as any server.
#[test]
fn a_machine_is_found_by_a_key() {
    scenario(|_: Process| async {
        KEYS.start_link().await.unwrap();
        let key = KEYS.via(7);
        let machine = T::start(Args::new(&Log::default())).name(&key).await.unwrap();
        key.cast(go(State::B));
        assert_eq!(key.call(Call::Get).await, Ok((State::B, 0)));
        assert_eq!(sys::get_state(&key, |machine| *machine.state()).await, Ok(State::B));
        assert_eq!(ServerRef::of_pid(machine.pid()), Some(machine));
        assert_eq!(key.stop().await, Ok(()));
        assert_eq!(key.call(Call::Get).await, Err(CallError::NoProc));
    });
}

/// In a supervisor's list and in a tree it goes by its own type, not by that of its shell.
#[test]
fn a_machine_is_shown_as_what_it_is() {
    scenario(|_: Process| async {
        let child = T::child(|| Args::new(&Log::default()));
        let supervisor = Supervisor::one_for_one().child(child).start().await.unwrap();
        let children = supervisor.which_children().await.unwrap();
        assert_eq!((&*children[0].id, children[0].module), ("T", std::any::type_name::<T>()));
        let tree = System::current().tree().to_string();
        assert!(tree.contains("─ T "), "{tree}");
        supervisor.stop().await.unwrap();
    });
}

/// A suspended machine handles nothing, and its timeouts wait; a look does not count as an event.
#[test]
fn a_suspended_machine_waits_with_its_timeouts() {
    scenario(|_: Process| async {
        let log = Log::default();
        let machine = T::start(Args::new(&log)).await.unwrap();
        machine.cast(step(|| Transition::keep_state().event_timeout(ms(60), Tell::Word("quiet"))));
        settle().await;
        sys::suspend(&machine).await.unwrap();
        sleep(ms(100)).await;
        assert_eq!(sys::get_state(&machine, |machine| *machine.state()).await, Ok(State::A));
        assert_eq!(log.lines(), NOTHING);
        sys::resume(&machine).await.unwrap();
        settle().await;
        assert_eq!(log.lines(), ["event timeout quiet in A"]);
    });
}

/// Exits of others are events; that of the parent ends a machine that traps.
#[test]
fn exits_are_events_and_the_parents_is_the_end() {
    scenario(|_: Process| async {
        let log = Log::default();
        let parent_log = log.clone();
        let parent = runtime::spawn(async move {
            let args = Args::new(&parent_log).begin(|t, cx| {
                cx.trap_exit(true);
                Initial::state(State::A, t)
            });
            T::start_link(args).name(&MACHINE).await.unwrap();
            sleep(ms(20)).await;
            word("parent gone")
        });
        let machine = MACHINE.up().await.unwrap();
        machine.pid().exit(word("stranger"));
        assert_eq!(machine.pid().join().await, word("parent gone"));
        parent.join().await;
        assert_eq!(log.lines(), [r#"EXIT "stranger""#, r#"terminate "parent gone" in A with 0"#]);
    });
}
