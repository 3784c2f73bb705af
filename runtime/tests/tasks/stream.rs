//! Streams of tasks: some at a time, in order or not, and what becomes of those that fail.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::testing::{in_process, kill_and_wait, scenario, settle};
use runtime::{
    ExitReason, OnTimeout, Pid, Process, Task, TaskError, TaskStream, attempt, exit, self_pid,
    spawn,
};
use tokio::time::{Instant, sleep};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn ended<T>(word: &'static str) -> Result<T, TaskError> {
    Err(TaskError::Exit(ExitReason::other(word)))
}

/// Sleeps as many hundredths of a second as it is told, and gives that back.
async fn nap(hundredths: u64) -> u64 {
    sleep(ms(hundredths * 10)).await;
    hundredths
}

/// Counts what runs.
#[derive(Clone, Default)]
struct Gauge(Arc<[AtomicUsize; 3]>);

struct Measured(Gauge);

impl Gauge {
    fn enter(&self) -> Measured {
        let [now, most, all] = &*self.0;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        all.fetch_add(1, Ordering::SeqCst);
        Measured(self.clone())
    }

    /// How many run, ran at most, and have run.
    fn read(&self) -> [usize; 3] {
        [0, 1, 2].map(|at| self.0[at].load(Ordering::SeqCst))
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.0.0[0].fetch_sub(1, Ordering::SeqCst);
    }
}

/// Oracle: TSK-16
#[test]
fn the_results_come_in_the_order_of_the_items() {
    scenario(|mut me: Process| async move {
        let begin = Instant::now();
        let stream = Task::async_stream([4, 1, 2, 3], nap).max_concurrency(2);
        assert_eq!(stream.collect().await, [Ok(4), Ok(1), Ok(2), Ok(3)]);
        // 4 beside 1 and 2, then 3 from 3 on.
        assert_eq!(begin.elapsed(), ms(60));
        assert!(me.receive().timeout(ms(100)).await.is_err(), "nothing in the mailbox");
    });
}

/// Oracle: TSK-16
#[test]
fn unordered_results_come_as_they_are_ready() {
    scenario(|_: Process| async {
        let stream = Task::async_stream([4, 1, 2, 3], nap).max_concurrency(2).unordered();
        assert_eq!(stream.try_collect().await, Ok(vec![1, 2, 4, 3]));
    });
}

/// Oracle: TSK-16
#[test]
fn a_task_that_takes_too_long_is_killed_and_the_stream_goes_on() {
    scenario(|_: Process| async {
        let begin = Instant::now();
        let stream = Task::async_stream([1, 100, 2], nap)
            .max_concurrency(3)
            .timeout(ms(50))
            .on_timeout(OnTimeout::KillTask);
        assert_eq!(stream.collect().await, [Ok(1), Err(TaskError::Timeout), Ok(2)]);
        assert_eq!(begin.elapsed(), ms(50));
    });
}

/// In Elixir the consumer exits by itself; here the item is an error, which the consumer lets through.
///
/// Oracle: TSK-16
#[test]
fn a_consumer_that_lets_a_timeout_through_exits_with_it() {
    scenario(|_: Process| async {
        let consumer = spawn(async {
            let mut stream =
                Task::async_stream([1, 100, 2], nap).max_concurrency(2).timeout(ms(50));
            let mut values = Vec::new();
            while let Some(value) = stream.next().await {
                values.push(value?);
            }
            anyhow::bail!("it came to the end: {values:?}")
        });
        assert_eq!(consumer.join().await, ExitReason::other(TaskError::Timeout));
    });
}

#[test]
fn a_timeout_is_the_last_item_unless_told_otherwise() {
    scenario(|_: Process| async {
        let gauge = Gauge::default();
        let its = gauge.clone();
        let mut stream = Task::async_stream([1, 100, 100, 100], move |n| {
            let its = its.clone();
            async move {
                let _measured = its.enter();
                nap(n).await
            }
        })
        .max_concurrency(2)
        .timeout(ms(50));
        assert_eq!(stream.next().await, Some(Ok(1)));
        assert_eq!(stream.next().await, Some(Err(TaskError::Timeout)));
        assert_eq!(stream.next().await, None);
        assert_eq!(stream.next().await, None);
        settle().await;
        assert_eq!(gauge.read(), [0, 2, 3], "the third was ended, the fourth not begun");
    });
}

/// Oracle: TSK-16
#[test]
fn a_crash_is_an_item_for_a_consumer_that_traps() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let stream = Task::async_stream(1..=3, |n| async move {
            if n == 2 { exit(ExitReason::other("two")) } else { n }
        });
        assert_eq!(stream.max_concurrency(2).collect().await, [Ok(1), ended("two"), Ok(3)]);
        assert!(me.receive().timeout(ms(100)).await.is_err(), "and no message");
    });
}

#[test]
fn a_consumer_that_does_not_trap_ends_with_the_first_crash_and_the_other_tasks_with_it() {
    scenario(|_: Process| async {
        let gauge = Gauge::default();
        let its = gauge.clone();
        let consumer = in_process("consumer", move |_: Process| async move {
            let stream = Task::async_stream([5, 0, 5], move |n| {
                let measured = its.enter();
                async move {
                    let _measured = measured;
                    if n == 0 {
                        exit(ExitReason::other("zero"))
                    }
                    nap(n).await
                }
            });
            stream.max_concurrency(3).collect().await
        });
        assert_eq!(consumer.await, Err(ExitReason::other("zero")));
        settle().await;
        assert_eq!(gauge.read()[0], 0);
    });
}

#[test]
fn no_more_tasks_run_than_allowed_and_items_are_taken_as_results_are_asked_for() {
    scenario(|_: Process| async {
        let gauge = Gauge::default();
        let (its, taken) = (gauge.clone(), AtomicUsize::new(0));
        let endless = std::iter::repeat_with(|| taken.fetch_add(1, Ordering::SeqCst));
        let mut stream = Task::async_stream(endless, move |n| {
            let its = its.clone();
            async move {
                let _measured = its.enter();
                nap(1).await;
                n
            }
        })
        .max_concurrency(3);
        assert_eq!(taken.load(Ordering::SeqCst), 0, "nobody has asked");
        for n in 0..10 {
            assert_eq!(stream.next().await, Some(Ok(n)));
        }
        // Ten were given out; of the others, some run and some wait for their turn.
        assert!(taken.load(Ordering::SeqCst) <= 10 + 2 * 3);
        assert_eq!(gauge.read()[1], 3);
        stream.close().await;
        assert_eq!(gauge.read()[0], 0);
    });
}

#[test]
fn a_stream_that_is_dropped_half_way_ends_its_tasks_and_not_its_consumer() {
    scenario(|mut me: Process| async move {
        for trap in [false, true] {
            me.trap_exit(trap);
            let gauge = Gauge::default();
            let its = gauge.clone();
            let mut stream = Task::async_stream(0..10, move |n| {
                let its = its.clone();
                async move {
                    let _measured = its.enter();
                    if n > 0 {
                        pending::<()>().await;
                    }
                }
            })
            .max_concurrency(4);
            assert_eq!(stream.next().await, Some(Ok(())));
            settle().await;
            drop(stream);
            settle().await;
            let [now, _, all] = gauge.read();
            assert_eq!((now, all), (0, 4));
            assert!(me.receive().timeout(ms(100)).await.is_err(), "nothing in the mailbox");
        }
    });
}

#[test]
fn a_stream_that_is_dropped_elsewhere_leaves_its_first_consumer_alone() {
    scenario(|mut me: Process<TaskStream<'static, ()>>| async move {
        let main = me.address();
        let first = spawn(async move {
            let mut stream = Task::async_stream(0..10, |n| async move {
                if n > 0 {
                    pending::<()>().await;
                }
            });
            assert_eq!(stream.next().await, Some(Ok(())));
            main.send(stream);
            pending::<()>().await;
        });
        let stream = me.receive().await.into_user().unwrap();
        drop(stream);
        settle().await;
        assert!(first.is_alive());
        assert_eq!(me.system().process_count(), 2);
    });
}

#[test]
fn the_tasks_of_a_consumer_that_is_killed_end() {
    scenario(|_: Process| async {
        for trap in [false, true] {
            let gauge = Gauge::default();
            let its = gauge.clone();
            let consumer = spawn(move |me: Process| async move {
                me.trap_exit(trap);
                let stream = Task::async_stream(0..10, move |_| {
                    let its = its.clone();
                    async move {
                        let _measured = its.enter();
                        pending::<()>().await;
                    }
                });
                stream.max_concurrency(4).collect().await;
            });
            settle().await;
            assert_eq!(gauge.read(), [4, 4, 4]);
            kill_and_wait(&consumer).await;
            settle().await;
            assert_eq!(gauge.read(), [0, 4, 4]);
        }
    });
}

#[test]
fn a_panic_of_the_items_is_the_consumers_and_ends_the_tasks() {
    scenario(|_: Process| async {
        let gauge = Gauge::default();
        let its = gauge.clone();
        let consumer = in_process("consumer", move |_: Process| async move {
            let items = (0..).inspect(|n| assert!(*n < 2, "out of items"));
            let stream = Task::async_stream(items, move |_| {
                let its = its.clone();
                async move {
                    let _measured = its.enter();
                    pending::<()>().await;
                }
            });
            stream.max_concurrency(4).collect().await
        });
        let reason = consumer.await.unwrap_err();
        assert_eq!(reason.as_panic().unwrap().message(), "out of items");
        settle().await;
        assert_eq!(gauge.read()[0], 0);
    });
}

#[test]
fn a_panic_before_the_first_await_of_the_work_is_the_tasks() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let own = me.pid();
        let stream = Task::async_stream([1], move |_| {
            assert_eq!(self_pid(), Ok(own), "not in the consumer");
            async {}
        });
        let results = stream.collect().await;
        let [Err(TaskError::Exit(reason))] = &results[..] else { panic!("{results:?}") };
        assert!(reason.as_panic().unwrap().message().contains("not in the consumer"));
    });
}

#[test]
fn the_first_error_ends_a_try_collect_and_its_tasks_have_ended_then() {
    scenario(|me: Process| async move {
        me.trap_exit(true);
        let gauge = Gauge::default();
        let its = gauge.clone();
        let stream = Task::async_stream(0..10, move |n| {
            let its = its.clone();
            async move {
                let _measured = its.enter();
                if n == 1 {
                    exit(ExitReason::other("one"))
                }
                if n > 1 {
                    pending::<()>().await;
                }
            }
        });
        assert_eq!(stream.max_concurrency(4).try_collect().await, ended("one"));
        assert_eq!(gauge.read()[0], 0);
    });
}

#[test]
fn the_next_item_of_a_stream_can_be_selected_and_given_up() {
    scenario(|_: Process| async {
        let mut stream = Task::async_stream([5, 6], nap).max_concurrency(2);
        tokio::select! {
            item = stream.next() => panic!("too early: {item:?}"),
            () = sleep(ms(10)) => {}
        }
        assert_eq!(stream.next().await, Some(Ok(5)));
        assert_eq!(stream.next().await, Some(Ok(6)));
        assert_eq!(stream.next().await, None);
    });
}

#[test]
fn time_counts_from_the_start_of_each_task() {
    scenario(|_: Process| async {
        let mut stream = Task::async_stream([1, 3, 9, 9, 1], nap)
            .max_concurrency(3)
            .timeout(ms(50))
            .on_timeout(OnTimeout::KillTask);
        let begin = Instant::now();
        assert_eq!(stream.next().await, Some(Ok(1)));
        assert_eq!(stream.next().await, Some(Ok(3)));
        assert_eq!(stream.next().await, Some(Err(TaskError::Timeout)));
        assert_eq!(begin.elapsed(), ms(50));
        // Started when the first ended, and 10 ms later.
        assert_eq!(stream.next().await, Some(Err(TaskError::Timeout)));
        assert_eq!(begin.elapsed(), ms(60));
        assert_eq!(stream.next().await, Some(Ok(1)));
        assert_eq!(stream.next().await, None);
    });
}

#[test]
fn a_stream_without_concurrency_is_refused() {
    scenario(|_: Process| async {
        let refused = attempt(|| drop(Task::async_stream([1], nap).max_concurrency(0)));
        assert!(refused.result().is_err());
        assert!(Task::async_stream([], nap).collect().await.is_empty());
    });
}

#[test]
fn a_stream_can_borrow_its_items() {
    scenario(|_: Process| async {
        let numbers = vec![1, 2, 3];
        let stream = Task::async_stream(numbers.iter().copied(), nap).infinity();
        assert_eq!(stream.try_collect().await.unwrap(), numbers);
        let pids = Task::async_stream(0..3, |_| async { self_pid().unwrap() });
        let pids: Vec<Pid> = pids.try_collect().await.unwrap();
        assert!(pids[0] != pids[1] && pids[1] != pids[2], "a process for each");
    });
}
