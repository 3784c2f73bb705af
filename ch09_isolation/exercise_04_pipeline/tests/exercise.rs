//! Integration exercise 9.4, a supervised pipeline.
//!
//! The test runs as the process `main`, which traps exits. What is submitted, how much room there is,
//! and who is killed when, is drawn from the seed of the run.

use std::collections::BTreeMap;
use std::time::Duration;

use ch09_exercise_04_pipeline::{
    Again, Ask, Config, Counts, DELIVERIES, Full, INPUT, Ledger, OUTPUT, Outcome, PIPELINE,
    Receipt, SubmitError, Wiring, stage, start_as_written, start_link, submit, wire,
};
use runtime::prelude::*;
use runtime::testing::{in_process, kill_and_wait, one_of, restarted, scenario_with};
use runtime::trace::{Recorder, What};
use runtime::tree::Tree;
use runtime::{
    SpecError, StartError, SupervisorRef, System, Task, assert_timeline, self_pid, spawn, sys,
    trap_exit,
};
use tokio::time::{sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const PROCESS: &str = "process";

/// Each stage is downstream of the one before it, however many there are.
///
/// Exercise: 1
/// Covers: CH9-X4-T, CH9-X4-R1
#[test]
fn the_order_of_the_names_is_the_wiring() {
    scenario_with(|_| async move {
        type Row = (&'static str, Option<&'static str>, Option<&'static str>);
        let table: [&[Row]; 4] = [
            &[],
            &[("a", None, None)],
            &[
                ("input", None, Some("process")),
                ("process", Some("input"), Some("output")),
                ("output", Some("process"), None),
            ],
            &[
                ("a", None, Some("b")),
                ("b", Some("a"), Some("c")),
                ("c", Some("b"), Some("d")),
                ("d", Some("c"), None),
            ],
        ];
        for rows in table {
            let names: Vec<_> = rows.iter().map(|(name, ..)| *name).collect();
            let wired = |&(name, upstream, downstream): &Row| Wiring { name, upstream, downstream };
            assert_eq!(
                wire(&names),
                rows.iter().map(wired).collect::<Vec<_>>(),
                "the wiring of {names:?} (see hint 1 of exercise 1)"
            );
        }
    });
}

/// The course's list has one id three times, and nothing of it ever runs.
///
/// Exercise: 2
/// Covers: CH9-X4-S1
/// Oracle (defect): C9-18
/// Oracle: SUP-52
#[test]
fn the_courses_list_is_refused_before_anything_starts() {
    scenario_with(|_| async move {
        let history = history();
        let refused = in_process("caller", |_: Process| start_as_written()).await;
        let refused = refused.expect(
            "without a link the refusal is a value and nothing else (see hint 3 of exercise 2)",
        );
        let Err(StartError::Failed(reason)) = &refused else {
            panic!(
                "three children with one id cannot be started, but: {refused:?} (see hint 2 of \
                 exercise 2)"
            )
        };
        assert_eq!(
            reason.downcast_ref::<SpecError>(),
            Some(&SpecError::DuplicateId("Stage".into())),
            "each child has its module as its id; this came to: {reason} (see hint 2 of exercise 2)"
        );
        assert_eq!(notes(&history), [""; 0], "the list is looked at before the first child starts");
    });
}

/// Numbers go up, room is given back, a claim is granted once.
///
/// Exercise: 3
/// Covers: CH9-X4-C1
#[test]
fn an_item_is_taken_claimed_once_and_forgotten() {
    scenario_with(|seed| async move {
        let mut ledger = Ledger::new(2);
        let value = i64::try_from(seed)?;
        assert_eq!(
            [ledger.accept(value), ledger.accept(0), ledger.accept(0)],
            [Ok(1), Ok(2), Err(Full)],
            "there is room for two (see hint 1 of exercise 3)"
        );
        assert_eq!(
            [
                ledger.claim(1, "a"),
                ledger.claim(1, "a"),
                ledger.claim(1, "b"),
                ledger.claim(9, "a")
            ],
            [true, false, false, false],
            "item 1 is granted once, whoever asks, and there is no item 9 (see hint 2 of exercise 3)"
        );
        assert_eq!(
            [ledger.done(1), ledger.done(1), ledger.claim(1, "a")],
            [true, false, false],
            "what has come out is not in flight any more (see hint 2 of exercise 3)"
        );
        assert_eq!(
            [ledger.accept(0), ledger.accept(0)],
            [Ok(3), Err(Full)],
            "its place is free, and no number is used twice (see hint 1 of exercise 3)"
        );
        Ok::<_, Crash>(())
    });
}

/// After a restart: what waits is delivered again, three times in all; what is claimed is not.
///
/// Exercise: 3
/// Covers: CH9-X4-R2
#[test]
fn what_waits_is_delivered_again_and_what_is_claimed_is_not() {
    scenario_with(|seed| async move {
        let mut ledger = Ledger::new(8);
        let value = i64::try_from(seed)?;
        for _ in 0..3 {
            ledger.accept(value).expect("there is room");
        }
        ledger.claim(2, "a");
        let waits = || Again { deliver: vec![(1, value), (3, value)], give_up: vec![] };
        for delivery in 2..=DELIVERIES {
            assert_eq!(
                ledger.again(),
                waits(),
                "delivery {delivery} of the items that nobody has claimed (see hint 3 of exercise 3)"
            );
        }
        ledger.accept(value + 1).expect("there is room");
        assert_eq!(
            (ledger.again(), ledger.in_flight()),
            (Again { deliver: vec![(4, value + 1)], give_up: vec![1, 3] }, 2),
            "{DELIVERIES} deliveries are enough, each item's counted for itself (see hint 3 of \
             exercise 3)"
        );
        assert!(!ledger.claim(1, "b"), "what was given up is granted to nobody");
        Ok::<_, Crash>(())
    });
}

/// After a death: what the dead had claimed is in doubt, and nothing else is.
///
/// Exercise: 3
/// Covers: CH9-X4-R2
#[test]
fn what_the_dead_had_claimed_is_in_doubt() {
    scenario_with(|_| async move {
        let mut ledger = Ledger::new(8);
        for _ in 0..4 {
            ledger.accept(0).expect("there is room");
        }
        for (number, who) in [(1, "a"), (2, "b"), (4, "a")] {
            ledger.claim(number, who);
        }
        ledger.done(1);
        assert_eq!(
            [ledger.died(&"a"), ledger.died(&"a"), ledger.died(&"c")],
            [vec![4], vec![], vec![]],
            "a had 1 and 4, and 1 had come out (see hint 2 of exercise 3)"
        );
        assert_eq!(
            (ledger.died(&"b"), ledger.in_flight(), ledger.done(4)),
            (vec![2], 1, false),
            "b had 2; 3 was nobody's, and waits; a late word of 4 changes nothing"
        );
    });
}

/// Whatever happens in whatever order: no item is granted twice, each is reported once at most, and
/// nothing vanishes without a report.
///
/// Exercise: 3
/// Covers: CH9-X4-C1
#[test]
fn no_item_is_granted_twice_or_lost_whatever_happens() {
    scenario_with(|seed| async move {
        let mut dice = Dice(seed);
        let room = 1 + dice.roll(5);
        let mut ledger = Ledger::new(usize::try_from(room)?);
        // What should have become of each item, told by the rules and not by the ledger.
        let mut granted: BTreeMap<u64, u64> = BTreeMap::new();
        let mut open: BTreeMap<u64, i64> = BTreeMap::new();
        for step in 0..400 {
            let number = 1 + dice.roll(12) + (step / 20);
            match dice.roll(6) {
                0 | 1 => match ledger.accept(i64::try_from(step)?) {
                    Ok(new) => {
                        assert!(open.insert(new, i64::try_from(step)?).is_none());
                        assert!(!granted.contains_key(&new), "item {new} is a new one");
                    }
                    Err(Full) => assert_eq!(open.len() as u64, room, "room is used up first"),
                },
                2 => {
                    let (who, free) = (dice.roll(2), !granted.contains_key(&number));
                    let may = ledger.claim(number, who);
                    assert_eq!(may, free && open.contains_key(&number), "item {number}");
                    if may {
                        granted.insert(number, who);
                    }
                }
                3 => assert_eq!(ledger.done(number), open.remove(&number).is_some()),
                4 => {
                    let who = dice.roll(2);
                    let lost: Vec<u64> = open
                        .keys()
                        .copied()
                        .filter(|number| granted.get(number) == Some(&who))
                        .collect();
                    assert_eq!(ledger.died(&who), lost, "what {who} had, and no more");
                    open.retain(|number, _| !lost.contains(number));
                }
                _ => {
                    let Again { deliver, give_up } = ledger.again();
                    let mut both: Vec<u64> = deliver.iter().map(|(number, _)| *number).collect();
                    both.extend(&give_up);
                    both.sort_unstable();
                    let waits: Vec<u64> = open
                        .keys()
                        .copied()
                        .filter(|number| !granted.contains_key(number))
                        .collect();
                    assert_eq!(both, waits, "all that waits, each in one of the two lists");
                    for (number, value) in deliver {
                        assert_eq!(open.get(&number), Some(&value), "with its own value");
                    }
                    open.retain(|number, _| !give_up.contains(number));
                }
            }
            assert_eq!(ledger.in_flight(), open.len(), "after step {step}");
        }
        Ok::<_, Crash>(())
    });
}

/// The tree: three stages under one supervisor with a name, in order, rest for one.
///
/// Exercise: 4
/// Covers: CH9-X4-C1, CH9-X4-S1, CH9-X4-S3, CH9-X4-R1, CH9-X4-R2
#[test]
fn three_stages_stand_under_one_supervisor_in_the_order_of_the_pipeline() {
    scenario_with(|_| async move {
        history();
        let pipeline = started(&Config::default()).await;
        assert_eq!(
            Tree::of(&pipeline).map(|tree| tree.shape()),
            Some(
                "\
pipeline: rest_for_one supervisor
├─ input: permanent worker
├─ process: permanent worker
└─ output: permanent worker
"
                .to_owned()
            ),
            "who is downstream stands below, and falls with who is upstream (see hint 1 of exercise 4)"
        );
        let links = pipeline.pid().info().map(|info| info.links).unwrap_or_default();
        assert!(
            self_pid().is_ok_and(|own| links.contains(&own)),
            "whoever starts it is linked to it (see hint 2 of exercise 4)"
        );
        assert_eq!(
            PIPELINE.whereis(),
            Some(pipeline),
            "it is found by its name (see hint 2 of exercise 4)"
        );
    });
}

/// Three restarts in any five seconds are granted: crashes that are farther apart are survived.
///
/// Exercise: 4
/// Covers: CH9-X4-S1
#[test]
fn a_crash_every_two_seconds_is_survived() {
    scenario_with(|seed| async move {
        history();
        let pipeline = started(&Config::default()).await;
        for nth in 0..5 {
            kill(one_of(seed + nth, [OUTPUT, PROCESS, INPUT])).await;
            sleep(2 * SECOND).await;
        }
        assert!(pipeline.is_alive(), "never more than three in five seconds (see hint 1)");
    });
}

/// Each stage says who it is and who is before it, upstream first.
///
/// Exercise: 4
/// Covers: CH9-X4-S3, CH9-X4-R1
/// Oracle: C9-19
#[test]
fn each_stage_says_who_is_before_it() {
    scenario_with(|_| async move {
        let history = history();
        started(&Config::default()).await;
        assert_eq!(
            notes(&history),
            [
                "Stage input started (upstream: none)",
                "Stage process started (upstream: input)",
                "Stage output started (upstream: process)",
            ],
            "a stage is started when the one before it is up (see hint 3 of exercise 4)"
        );
    });
}

/// Whoever ends takes along who is downstream, and nobody else: first the process stage is killed,
/// then output, then input.
///
/// Exercise: 4
/// Covers: CH9-X4-R2, CH9-X4-R3, CH9-X4-R4, CH9-X4-V2, CH9-X4-Q1, CH9-X4-Q2
/// Oracle: C9-20, SUP-04
#[test]
fn a_stage_takes_along_who_is_downstream() {
    scenario_with(|_| async move {
        let history = history();
        let pipeline = started(&Config::default()).await;
        for name in [PROCESS, OUTPUT, INPUT] {
            sleep(SECOND).await;
            kill(name).await;
        }
        sleep(SECOND).await;
        pipeline.stop().await?;
        assert_timeline!(
            history.trace(),
            "
            0ms       1s        2s        3s        4s
pipeline    ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ input    ╺•━━━━━━━━━━━━━━━━━━━━━━━━━━━━╳╺•━━━━━━━■    #2  \"Stage input started (upstream: none)\" ×2; killed
├─ process  ╺•━━━━━━━━╳╺•━━━━━━━━━━━━━━━━━■ ╺•━━━━━━■    #3  \"Stage process started (upstream: input)\" ×3; killed
└─ output   ╺•━━━━━━━━■ ╺•━━━━━━╳╺•━━━━━━━■  ╺•━━━━━■    #4  \"Stage output started (upstream: process)\" ×4; killed

1s  rest_for_one: process was restarted because it was killed
1s  rest_for_one: output was restarted because process, started before it, was killed
2s  rest_for_one: output was restarted because it was killed
3s  rest_for_one: input was restarted because it was killed
3s  rest_for_one: process was restarted because input, started before it, was killed
3s  rest_for_one: output was restarted because input, started before it, was killed
",
            "process is killed after one second, output after two, input after three (see hint 1 of \
             exercise 4)"
        );
        Ok::<_, Crash>(())
    });
}

/// The fourth crash within five seconds is too much: the pipeline ends, and with it all its names.
/// Who submits afterwards is told so.
///
/// Exercise: 5
/// Covers: CH9-X4-S1, CH9-X4-S2
/// Oracle (defect): C9-22
/// Oracle: SUP-10, SUP-16
#[test]
fn submitting_to_a_pipeline_that_is_gone_is_an_error() {
    scenario_with(|seed| async move {
        history();
        assert_eq!(refused(1).await, SubmitError::Gone, "nobody has started it");
        let pipeline = started(&Config::default()).await;
        let end = pipeline.pid().join();
        for nth in 0..3 {
            kill(one_of(seed + nth, [INPUT, PROCESS, OUTPUT])).await;
        }
        let victim = stage(OUTPUT).up().await?;
        kill_and_wait(victim.pid()).await;
        assert_eq!(timeout(SECOND, end).await, Ok(ExitReason::Shutdown));
        assert_eq!(
            refused(1).await,
            SubmitError::Gone,
            "a cast would have said nothing (see hint 2 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// An entry that ends before it answers has delivered nothing: the same error.
///
/// Exercise: 5
/// Covers: CH9-X4-S2
#[test]
fn an_entry_that_ends_before_it_answers_has_taken_nothing() {
    scenario_with(|_| async move {
        let history = history();
        started(&Config::default()).await;
        sys::suspend(&stage(INPUT)).await?;
        let asked = spawn(async {
            let error = submit(5).await.map(|_| ()).expect_err("it did not enter");
            assert_eq!(error, SubmitError::Gone, "see hint 2 of exercise 5");
        });
        let end = asked.join();
        sleep(SECOND).await;
        kill(INPUT).await;
        assert_eq!(timeout(SECOND, end).await, Ok(ExitReason::Normal));
        sleep(SECOND).await;
        assert!(
            !notes(&history).iter().any(|note| note.contains("processing")),
            "nobody has seen the item"
        );
        Ok::<_, Crash>(())
    });
}

/// Whoever is told that an item did not enter can be sure of it: a slow entry is waited for.
///
/// Exercise: 5
/// Covers: CH9-X4-S2
#[test]
fn an_entry_that_is_slow_is_waited_for() {
    scenario_with(|seed| async move {
        history();
        started(&Config::default()).await;
        sys::suspend(&stage(INPUT)).await?;
        let asked = Task::async_(submit(5));
        sleep(one_of(seed, [6, 60]) * SECOND).await;
        sys::resume(&stage(INPUT)).await?;
        let receipt = asked.infinity().await?.expect(
            "the item was in the entry's mailbox: an error would say that it did not enter (see \
             hint 2 of exercise 5)",
        );
        assert_eq!(outcome(receipt).await, Outcome::Done(10));
        Ok::<_, Crash>(())
    });
}

/// What cannot be doubled is refused where it enters, with its reason; nobody crashes of it, however
/// often it comes, and it takes no room.
///
/// Exercise: 5
/// Covers: CH9-X4-S2, CH9-X4-S5
/// Oracle (defect): C9-21, C9-22
#[test]
fn what_cannot_be_processed_is_refused_where_it_enters() {
    scenario_with(|seed| async move {
        history();
        started(&Config::default()).await;
        let before = pids();
        let text = one_of(seed, ["abc", "", "12"]);
        for _ in 0..10 {
            assert_eq!(
                refused(text).await,
                SubmitError::NotANumber(text.to_owned()),
                "the error says what was wrong (see hint 1 of exercise 5)"
            );
        }
        assert_eq!(
            (pids(), counts(INPUT).await),
            (before, Counts { processed: 0, in_flight: 0 }),
            "ten bad items have killed nobody, and were processed by nobody (see hint 1 of exercise 5)"
        );
    });
}

/// What is good enters, is counted and noted, and is in flight; there is room for so many and no
/// more.
///
/// Exercise: 5
/// Covers: CH9-X4-S2, CH9-X4-S4
#[test]
fn a_full_pipeline_pushes_back() {
    scenario_with(|seed| async move {
        let history = history();
        let room = 1 + seed % 3;
        started(&Config { room: usize::try_from(room)?, ..Config::default() }).await;
        sys::suspend(&stage(PROCESS)).await?;
        let mut receipts = Vec::new();
        for number in 0..room {
            receipts.push(accepted(i32::try_from(number)?).await);
        }
        assert_eq!(
            refused(99).await,
            SubmitError::Full(Full),
            "there is room for {room}, and nothing comes out (see hint 3 of exercise 5)"
        );
        assert_eq!(
            refused("text").await,
            SubmitError::NotANumber("text".into()),
            "whoever is told that there is no room tries again, and a text never enters (see hint 1 of \
             exercise 5)"
        );
        assert_eq!(
            counts(INPUT).await,
            Counts { processed: room, in_flight: receipts.len() },
            "what is refused is not processed (see hint 3 of exercise 5)"
        );
        assert_eq!(
            notes(&history).split_off(3),
            (0..room).map(|number| format!("input processing: {number}")).collect::<Vec<_>>(),
            "what enters is noted (see hint 3 of exercise 5)"
        );
        Ok::<_, Crash>(())
    });
}

/// The session of the text: 5 goes in, is validated, doubled and printed, and each stage says so.
///
/// Exercise: 6
/// Covers: CH9-X4-T, CH9-X4-S2, CH9-X4-S3, CH9-X4-S4, CH9-X4-S5, CH9-X4-R1, CH9-X4-V1
/// Oracle: C9-19
#[test]
fn five_goes_in_and_ten_comes_out() {
    scenario_with(|seed| async move {
        let history = history();
        started(&Config::default()).await;
        let number = one_of(seed, [5, 0, -7, i32::MAX]);
        let double = i64::from(number) * 2;
        let receipt = accepted(number).await;
        assert_eq!(outcome(receipt).await, Outcome::Done(double));
        assert_eq!(
            notes(&history)[3..],
            [
                format!("input processing: {number}"),
                format!("process processing: validated {number}"),
                format!("output processing: processed {double}"),
                format!("Output: {double}"),
            ],
            "one stage after the other says what it has got (see hint 2 of exercise 6)"
        );
        assert_eq!(processed().await, [1, 1, 1], "each stage counts (see hint 2 of exercise 6)");
    });
}

/// Another order of other stages is another configuration, and nothing else.
///
/// Exercise: 6
/// Covers: CH9-X4-T, CH9-X4-S4
#[test]
fn a_longer_pipeline_is_another_list() {
    scenario_with(|seed| async move {
        let history = history();
        let more: (&str, fn(i64) -> i64) = ("more", |number| number + 1);
        let twice: (&str, fn(i64) -> i64) = (PROCESS, |number| number * 2);
        let (middle, expected) = one_of(
            seed,
            [(vec![twice, more], 11), (vec![more, twice], 12), (vec![more], 6), (vec![], 5)],
        );
        let names: Vec<_> = middle.iter().map(|(name, _)| *name).collect();
        started(&Config { middle, ..Config::default() }).await;
        let receipt = accepted(5).await;
        assert_eq!(
            (outcome(receipt).await, notes(&history).last().cloned()),
            (Outcome::Done(expected), Some(format!("Output: {expected}"))),
            "5 through {names:?} (see hint 3 of exercise 6)"
        );
    });
}

/// An output that claims waits for its answer, however long that takes: with a grant that nobody has
/// seen, the item would neither come out nor be in doubt.
///
/// Exercise: 6
/// Covers: CH9-X4-R4
#[test]
fn an_answer_to_a_claim_is_waited_for() {
    scenario_with(|seed| async move {
        history();
        started(&Config::default()).await;
        sys::suspend(&stage(OUTPUT)).await?;
        let receipt = accepted(5).await;
        sys::suspend(&stage(INPUT)).await?;
        sys::resume(&stage(OUTPUT)).await?;
        sleep(one_of(seed, [6, 60]) * SECOND).await;
        sys::resume(&stage(INPUT)).await?;
        assert_eq!(
            timeout(10 * SECOND, receipt.outcome()).await,
            Ok(Outcome::Done(10)),
            "the entry was slow, and nobody died (see hint 3 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// The entry watches the output once, however much that lets out.
///
/// Exercise: 6
/// Covers: CH9-X4-R4
#[test]
fn whoever_claims_is_watched_once() {
    scenario_with(|_| async move {
        history();
        started(&Config::default()).await;
        for number in 1..=3 {
            let receipt = accepted(number).await;
            assert_eq!(outcome(receipt).await, Outcome::Done(i64::from(number) * 2));
        }
        let entry = stage(INPUT).whereis().and_then(|entry| entry.pid().info());
        let output = stage(OUTPUT).whereis().map(|output| output.pid());
        assert_eq!(
            entry.map(|entry| entry.monitors),
            Some(output.into_iter().collect()),
            "three claims, one monitor (see hint 3 of exercise 6)"
        );
    });
}

/// What has come out gives its room to the next one.
///
/// Exercise: 6
/// Covers: CH9-X4-S4
#[test]
fn what_comes_out_gives_back_its_room() {
    scenario_with(|seed| async move {
        history();
        let room = 1 + usize::try_from(seed % 3)?;
        started(&Config { room, pace: SECOND, ..Config::default() }).await;
        let mut receipts = Vec::new();
        for number in 0..room {
            receipts.push(accepted(i32::try_from(number)?).await);
        }
        let first = receipts.remove(0);
        assert_eq!(outcome(first).await, Outcome::Done(0));
        receipts.push(accepted(100).await);
        assert_eq!(
            refused(99).await,
            SubmitError::Full(Full),
            "one has come out, and one has entered"
        );
        for receipt in receipts {
            assert!(matches!(outcome(receipt).await, Outcome::Done(_)));
        }
        assert_eq!(
            counts(INPUT).await.in_flight,
            0,
            "what has come out takes no room (see hint 2 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// What is in the mailbox of a stage that dies is not lost: the entry has it, and delivers it again.
///
/// Exercise: 7
/// Covers: CH9-X4-R2, CH9-X4-V2
/// Oracle (defect): C9-21
#[test]
fn what_was_on_its_way_to_a_dead_stage_is_delivered_again() {
    scenario_with(|seed| async move {
        let history = history();
        started(&Config::default()).await;
        let victim = one_of(seed, [PROCESS, OUTPUT]);
        sys::suspend(&stage(victim)).await?;
        let (three, four) = (accepted(3).await, accepted(4).await);
        sleep(SECOND).await;
        kill(victim).await;
        assert_eq!(
            (outcome(three).await, outcome(four).await),
            (Outcome::Done(6), Outcome::Done(8)),
            "{victim} had them in its mailbox, and never looked at them (see hint 3 of exercise 7)"
        );
        assert_eq!(
            outputs(&history),
            ["Output: 6", "Output: 8"],
            "each came out once, in order (see hint 3 of exercise 7)"
        );
        Ok::<_, Crash>(())
    });
}

/// A stage that dies while a copy of an item is still on its way elsewhere brings no second output:
/// the second claim is refused.
///
/// Exercise: 7
/// Covers: CH9-X4-R4
#[test]
fn what_is_delivered_twice_comes_out_once() {
    scenario_with(|_| async move {
        let history = history();
        started(&Config::default()).await;
        sys::suspend(&stage(PROCESS)).await?;
        let five = accepted(5).await;
        // Process has it in its mailbox, and output ends: the entry cannot know how far it was.
        let old = stage(OUTPUT).up().await?;
        old.pid().kill();
        sys::resume(&stage(PROCESS)).await?;
        assert_eq!(outcome(five).await, Outcome::Done(10));
        sleep(SECOND).await;
        assert_eq!(
            outputs(&history),
            ["Output: 10"],
            "a claim is granted once (see hint 3 of exercise 6)"
        );
        assert_eq!(
            counts(OUTPUT).await.processed,
            1,
            "what is refused to the output is not processed by it (see hint 1 of exercise 6)"
        );
        Ok::<_, Crash>(())
    });
}

/// An output that dies between its claim and its word leaves one item in doubt, and says so; nobody
/// tries that one again, and the others are delivered.
///
/// Exercise: 7
/// Covers: CH9-X4-R4, CH9-X4-Q2
#[test]
fn what_the_output_was_printing_when_it_died_is_in_doubt() {
    scenario_with(|_| async move {
        let history = history();
        let pipeline = started(&Config { pace: SECOND, ..Config::default() }).await;
        let (three, four) = (accepted(3).await, accepted(4).await);
        sleep(SECOND / 2).await;
        kill(OUTPUT).await;
        assert_eq!(
            outcome(three).await,
            Outcome::InDoubt,
            "the output had claimed it, and did not say that it came out (see hint 2 of exercise 7)"
        );
        assert_eq!(outcome(four).await, Outcome::Done(8), "nobody had claimed it");
        sleep(SECOND / 2).await;
        assert_eq!(outputs(&history), ["Output: 8"], "what is in doubt is not tried again");
        pipeline.stop().await?;
        assert_timeline!(
            history.trace(),
            "
            0ms       500ms     1.5s      2s
pipeline    ╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━■    normal
├─ input    ╺•••━━━━━━━━━━━━━━━━━━━━━━━━━━■    \"Stage input started (upstream: none)\"; \"input processing: 3\"; \"input processing: 4\"
├─ process  ╺•••━━━━━━•━━━━━━━━━━━━━━━━━━━■    \"Stage process started (upstream: input)\"; \"process processing: validated 3\"; \"process processing: validated 4\" ×2
└─ output   ╺••━━━━━━━╳╺••━━━━━━•━━━━━━━━━■    #2  \"Stage output started (upstream: process)\" ×2; \"output processing: processed 6\"; killed; \"output processing: processed 8\"; \"Output: 8\"

500ms  rest_for_one: output was restarted because it was killed
",
            "the output is killed after half a second, in the middle of its first item (see hint 2 of \
             exercise 7)"
        );
        Ok::<_, Crash>(())
    });
}

/// With the entry its knowledge ends: whoever has a receipt is told that nobody knows.
///
/// Exercise: 7
/// Covers: CH9-X4-R3, CH9-X4-Q2
#[test]
fn an_entry_that_dies_leaves_doubt_and_no_silence() {
    scenario_with(|_| async move {
        let history = history();
        started(&Config { pace: SECOND, ..Config::default() }).await;
        let receipts = [accepted(3).await, accepted(4).await];
        sleep(SECOND / 2).await;
        kill(INPUT).await;
        for receipt in receipts {
            assert_eq!(outcome(receipt).await, Outcome::InDoubt);
        }
        let five = accepted(5).await;
        assert_eq!(outcome(five).await, Outcome::Done(10), "the new pipeline is empty, and works");
        assert_eq!(outputs(&history), ["Output: 10"], "what was in the old one is gone with it");
        Ok::<_, Crash>(())
    });
}

/// An item that crashes a stage each time is given up before the pipeline is.
///
/// Exercise: 7
/// Covers: CH9-X4-R2
/// Oracle (defect): C9-22
#[test]
fn an_item_that_kills_each_time_is_given_up_and_reported() {
    scenario_with(|_| async move {
        let history = history();
        let unlucky: fn(i64) -> i64 = |number| {
            assert_ne!(number, 13, "unlucky");
            number * 2
        };
        let middle = vec![(PROCESS, unlucky)];
        let pipeline = started(&Config { middle, ..Config::default() }).await;
        assert_eq!(outcome(accepted(6).await).await, Outcome::Done(12), "the pipeline works");
        assert_eq!(
            outcome(accepted(13).await).await,
            Outcome::GivenUp,
            "{DELIVERIES} deliveries are enough (see hint 3 of exercise 7)"
        );
        assert_eq!(
            PIPELINE.whereis(),
            Some(pipeline),
            "the pipeline outlives the item: it has used up its restarts, and no more"
        );
        assert_eq!(
            outcome(accepted(7).await).await,
            Outcome::Done(14),
            "the next one comes through"
        );
        assert_eq!(
            outputs(&history),
            ["Output: 12", "Output: 14"],
            "what is given up has not come out"
        );
    });
}

/// A storm: whoever is killed at whatever time, each receipt comes to an outcome, and the outcome is
/// the truth. Who dies takes one item into doubt at most, unless it is the entry, and all others come
/// out.
///
/// Exercise: 7
/// Covers: CH9-X4-C1, CH9-X4-R2
#[test]
fn every_receipt_tells_the_truth_whoever_dies() {
    const ROOM: usize = 6;
    scenario_with(|seed| async move {
        let history = history();
        let mut dice = Dice(seed);
        let pace = Duration::from_millis(dice.roll(40));
        started(&Config { room: ROOM, pace, ..Config::default() }).await;
        let mut receipts: Vec<(i64, Receipt)> = Vec::new();
        let mut doubts = 0;
        for number in 1..=60 {
            match submit(number).await {
                Ok(receipt) => receipts.push((i64::from(number), receipt)),
                Err(SubmitError::Full(Full) | SubmitError::Gone) => {}
                Err(error) => panic!("{number} is a number, but: {error}"),
            }
            sleep(Duration::from_millis(dice.roll(60))).await;
            if number % 20 == 7 {
                let name = one_of(dice.roll(5), [PROCESS, OUTPUT, INPUT, PROCESS, OUTPUT]);
                doubts += if name == INPUT { ROOM } else { 1 };
                kill(name).await;
            }
        }
        let mut outcomes = Vec::new();
        for (number, receipt) in receipts {
            outcomes.push((number, outcome(receipt).await));
        }
        let printed = outputs(&history);
        for (number, outcome) in &outcomes {
            let double = number * 2;
            let times = printed.iter().filter(|note| **note == format!("Output: {double}")).count();
            let truth = match outcome {
                Outcome::Done(value) => times == 1 && *value == double,
                Outcome::GivenUp => false,
                Outcome::InDoubt => times <= 1,
            };
            assert!(
                truth,
                "{number} came to {outcome:?}, and {double} was printed {times} times; no item is in \
                 the way of three deaths (see hint 3 of exercise 7)"
            );
        }
        let in_doubt = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::InDoubt).count();
        assert!(
            in_doubt <= doubts && in_doubt < outcomes.len(),
            "{in_doubt} of {} items are in doubt, and {doubts} may be (see hint 3 of exercise 7)",
            outcomes.len()
        );
        Ok::<_, Crash>(())
    });
}

/// Numbers by a seed: what a storm is made of.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// `main` survives what it starts and what is linked to it; what happens from now on is kept.
fn history() -> Recorder {
    trap_exit(true).expect("the test is a process");
    System::current().record()
}

/// What was noted, in order.
fn notes(history: &Recorder) -> Vec<String> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some(text),
        _ => None,
    });
    noted.collect()
}

/// What came out, in order.
fn outputs(history: &Recorder) -> Vec<String> {
    notes(history).into_iter().filter(|note| note.starts_with("Output")).collect()
}

/// A pipeline, up.
async fn started(config: &Config) -> SupervisorRef {
    let started = timeout(SECOND, start_link(config).into_future()).await;
    let started = started.expect("stages start at once (see hint 3 of exercise 4)");
    started.unwrap_or_else(|error| {
        panic!(
            "stages with names of their own start; this came to: {error} (see hint 2 of exercise 4)"
        )
    })
}

/// Submits what is good, where there is room.
async fn accepted(number: i32) -> Receipt {
    let entered = timeout(SECOND, submit(number)).await;
    let entered = entered.expect("the entry answers at once (see hint 3 of exercise 5)");
    entered.unwrap_or_else(|error| {
        panic!("{number} can enter, but: {error} (see hint 3 of exercise 5)")
    })
}

/// Submits what does not enter.
async fn refused(data: impl Into<ch09_exercise_04_pipeline::Data>) -> SubmitError {
    let entered = timeout(SECOND, submit(data)).await;
    let entered = entered.expect("the entry answers at once (see hint 3 of exercise 5)");
    entered.map(drop).expect_err("this does not enter (see hint 1 of exercise 5)")
}

/// What a receipt comes to.
async fn outcome(receipt: Receipt) -> Outcome {
    let told = timeout(10 * SECOND, receipt.outcome()).await;
    told.expect(
        "whoever has a receipt is told what became of it (see hint 2 of \
         exercise 6, then of exercise 7)",
    )
}

async fn counts(name: &str) -> Counts {
    stage(name).call(Ask::Counts).await.expect("the stage runs")
}

async fn processed() -> [u64; 3] {
    [counts(INPUT).await, counts(PROCESS).await, counts(OUTPUT).await].map(|it| it.processed)
}

fn pids() -> [Option<Pid>; 3] {
    [INPUT, PROCESS, OUTPUT].map(|name| stage(name).whereis().map(|stage| stage.pid()))
}

/// Kills a stage, and waits until the whole pipeline is up again.
async fn kill(name: &str) {
    let old = stage(name).whereis().expect("the stage runs");
    old.pid().kill();
    let back = timeout(SECOND, restarted(&stage(name), &old)).await;
    back.expect("a stage is started again (see hint 1 of exercise 4)");
    // Answered when the supervisor has done with the group.
    PIPELINE.count_children().await.expect("it has not given up (see hint 1 of exercise 4)");
}
