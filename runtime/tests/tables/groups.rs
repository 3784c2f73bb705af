//! Groups of processes.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{heard, other, somebody};
use runtime::testing::{kill_and_wait, restarted, scenario, settle};
use runtime::{
    ExitReason, GroupEvent, Groups, GroupsError, Message, NotInProcess, Pid, Process, Registry,
    Server, StartError, Supervisor, System, spawn,
};

static GROUPS: Groups<&str> = Groups::new("groups");

type Event = GroupEvent<&'static str>;

fn join(group: &'static str, members: impl Into<Vec<Pid>>) -> Event {
    GroupEvent::Join { group, members: members.into() }
}

fn leave(group: &'static str, members: impl Into<Vec<Pid>>) -> Event {
    GroupEvent::Leave { group, members: members.into() }
}

/// The current process is told of the changes of a group.
fn watch(me: &Process<Event>, group: &'static str) -> Vec<Pid> {
    let own = me.address();
    GROUPS.monitor(group, move |event| own.send(event)).expect("the scope runs").1
}

/// Oracle: PG-01
#[test]
fn a_process_joins_as_often_as_it_likes_leaves_once_at_a_time_and_is_gone_when_it_ends() {
    scenario(|me: Process| async move {
        GROUPS.start_link().await.expect("it starts");
        let (own, p) = (me.pid(), somebody().await.pid());
        assert_eq!([own, p, p].map(|pid| GROUPS.join("g", pid)), [Ok(()); 3]);
        assert_eq!(GROUPS.members("g"), Ok(vec![own, p, p]));
        assert_eq!(GROUPS.leave("g", p), Ok(()));
        assert_eq!(GROUPS.members("g"), Ok(vec![own, p]));
        assert_eq!(GROUPS.leave("other", p), Err(GroupsError::NotJoined(p)));
        kill_and_wait(p).await;
        assert_eq!(GROUPS.members("g"), Ok(vec![own]));
        assert_eq!(GROUPS.members("unknown"), Ok(vec![]));
        assert_eq!(GROUPS.which_groups(), Ok(vec!["g"]));
        assert_eq!(GROUPS.leave("g", own), Ok(()));
        assert_eq!(GROUPS.which_groups(), Ok(vec![]), "an empty group is none");
    });
}

/// Oracle: PG-02
#[test]
fn a_monitor_of_a_group_is_told_who_joins_and_who_leaves_by_ending() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        assert!(watch(&me, "g").is_empty());
        let p = somebody().await.pid();
        GROUPS.join("g", p).expect("it runs");
        GROUPS.join("not watched", p).expect("it runs");
        kill_and_wait(p).await;
        assert_eq!(heard(&mut me).await, [join("g", [p]), leave("g", [p])]);
    });
}

#[test]
fn several_join_together_or_none_of_them() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        let (a, b, dead) = (somebody().await.pid(), somebody().await.pid(), somebody().await.pid());
        kill_and_wait(dead).await;
        watch(&me, "g");
        assert_eq!(GROUPS.join_all("g", [a, dead, b]), Err(GroupsError::NoProc(dead)));
        assert_eq!(GROUPS.members("g"), Ok(vec![]));
        assert_eq!(GROUPS.join_all("g", [a, b, a]), Ok(()));
        assert_eq!(GROUPS.members("g"), Ok(vec![a, b, a]));
        assert_eq!(GROUPS.join_all("g", []), Ok(()));
        kill_and_wait(a).await;
        assert_eq!(heard(&mut me).await, [join("g", [a, b, a]), leave("g", [a, a])]);
    });
}

/// From the moment that its end is decided, also before it has noticed.
#[test]
fn who_is_about_to_end_is_in_no_group_and_joins_none() {
    scenario(|_: Process| async move {
        GROUPS.start_link().await.expect("it starts");
        let p = somebody().await;
        GROUPS.join("g", &p).expect("it runs");
        p.kill();
        assert_eq!(GROUPS.members("g"), Ok(vec![]));
        assert_eq!(GROUPS.which_groups(), Ok(vec![]));
        assert_eq!(GROUPS.join("g", &p), Err(GroupsError::NoProc(p.pid())));
        p.join().await;
        assert_eq!(GROUPS.join("g", &p), Err(GroupsError::NoProc(p.pid())));
    });
}

#[test]
fn who_learns_of_an_end_finds_no_member_and_the_monitors_told() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        let p = somebody().await;
        GROUPS.join("g", &p).expect("it runs");
        assert_eq!(watch(&me, "g"), [p.pid()]);
        me.monitor(&p);
        p.kill();
        let first = me.receive().await;
        assert!(
            matches!(&first, Message::User(event) if *event == leave("g", [p.pid()])),
            "{first:?}"
        );
        assert!(matches!(me.receive().await, Message::Down(_)));
    });
}

/// One message for each group, in the order in which it joined them first.
#[test]
fn a_monitor_of_a_scope_is_told_of_every_group() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        let (a, b) = (somebody().await.pid(), somebody().await.pid());
        GROUPS.join_all("g", [a, b]).expect("they run");
        let own = me.address();
        let (monitor, now) = GROUPS.monitor_scope(move |event| own.send(event)).expect("it runs");
        assert_eq!(now, HashMap::from([("g", vec![a, b])]));
        GROUPS.join("h", a).expect("it runs");
        GROUPS.join("g", a).expect("it runs");
        kill_and_wait(a).await;
        GROUPS.leave("g", b).expect("it is in it");
        let events = heard(&mut me).await;
        let ends = [join("h", [a]), join("g", [a]), leave("g", [a, a]), leave("h", [a])];
        assert_eq!(events, [&ends[..], &[leave("g", [b])]].concat());

        assert_eq!(GROUPS.demonitor(monitor), Ok(true));
        assert_eq!(GROUPS.demonitor(monitor), Ok(false));
        GROUPS.join("g", b).expect("it runs");
        assert_eq!(heard(&mut me).await, []);
    });
}

/// What it would be told is nobody's business any more.
#[test]
fn a_monitor_ends_with_its_process() {
    scenario(|_: Process| async move {
        GROUPS.start_link().await.expect("it starts");
        let told = Arc::new(AtomicUsize::new(0));
        let tell = told.clone();
        let watch = move || {
            let tell = move |_| _ = tell.fetch_add(1, Ordering::Relaxed);
            GROUPS.monitor("g", tell).map(drop)
        };
        let (watcher, watching) = other(watch).await;
        assert_eq!(watching, Ok(()));
        let p = somebody().await;
        GROUPS.join("g", &p).expect("it runs");
        assert_eq!(told.load(Ordering::Relaxed), 1);
        kill_and_wait(&watcher).await;
        GROUPS.join("g", &p).expect("it runs");
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&told), 1, "what it was given is dropped");
    });
}

/// The members now, and from then on every change, in order: nothing is missed or told twice.
#[test]
fn a_monitor_that_is_made_while_others_join_and_leave_can_follow() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        for _ in 0..4 {
            spawn(|own: Process| async move {
                for n in 0..6 {
                    GROUPS.join("g", own.pid()).expect("it runs");
                    tokio::task::yield_now().await;
                    if n % 2 == 0 {
                        GROUPS.leave("g", own.pid()).expect("it is in it");
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        let mut members = watch(&me, "g");
        for event in heard(&mut me).await {
            match event {
                GroupEvent::Join { members: new, .. } => members.extend(new),
                GroupEvent::Leave { members: gone, .. } => {
                    for pid in gone {
                        let at = members.iter().position(|member| *member == pid);
                        members.remove(at.expect("it was a member"));
                    }
                }
            }
        }
        assert!(members.is_empty(), "all have ended");
    });
}

#[test]
fn a_monitor_may_change_groups_itself() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        let own = me.address();
        let follow = move |event: Event| {
            if let GroupEvent::Join { members, .. } = &event {
                GROUPS.join_all("shadow", members.clone()).expect("they run");
            }
            own.send(event);
        };
        GROUPS.monitor("g", follow).expect("the scope runs");
        watch(&me, "shadow");
        let p = somebody().await.pid();
        GROUPS.join("g", p).expect("it runs");
        assert_eq!(GROUPS.members("shadow"), Ok(vec![p]));
        assert_eq!(heard(&mut me).await, [join("g", [p]), join("shadow", [p])]);
    });
}

/// The others are told, and the next change is told as well.
#[test]
fn a_monitor_that_panics_is_the_crash_of_whoever_tells_it() {
    scenario(|mut me: Process<Event>| async move {
        GROUPS.start_link().await.expect("it starts");
        GROUPS.monitor("g", |_| panic!("no")).expect("the scope runs");
        watch(&me, "g");
        let (joins, joined) = (
            somebody().await.pid(),
            spawn(|own: Process| async move {
                let _ = GROUPS.join("g", own.pid());
            }),
        );
        let reason = joined.join().await;
        assert_eq!(
            reason.as_panic().map(|panic| panic.message().to_owned()),
            Some("no".to_owned())
        );
        spawn(async move { _ = GROUPS.join("g", joins) }).join().await;
        let joined = joined.pid();
        let told = [join("g", [joined]), leave("g", [joined]), join("g", [joins])];
        assert_eq!(heard(&mut me).await, told);
    });
}

#[test]
fn a_scope_that_does_not_run_has_no_groups() {
    scenario(|me: Process| async move {
        let unknown = GroupsError::NoScope("groups");
        assert_eq!(GROUPS.join("g", me.pid()), Err(unknown));
        assert_eq!(GROUPS.leave("g", me.pid()), Err(unknown));
        assert_eq!(GROUPS.members("g"), Err(unknown));
        assert_eq!(GROUPS.which_groups(), Err(unknown));
        assert_eq!(GROUPS.monitor("g", drop).map(|_| ()), Err(unknown));
        // A registry of the same name is none.
        let registry: Registry<&str> = Registry::unique("groups");
        registry.start_link().await.expect("it starts");
        assert_eq!(GROUPS.members("g"), Err(unknown));
        let taken = registry.whereis().expect("it runs").pid();
        let scope = GROUPS.start_link().await.map(|scope| scope.pid());
        assert_eq!(scope, Err(StartError::AlreadyStarted(taken)));
    });
}

#[test]
fn the_members_of_a_scope_outlive_it_and_its_groups_are_empty_after_a_restart() {
    scenario(|me: Process| async move {
        let top = Supervisor::one_for_one().child(GROUPS.child());
        top.start_link().await.expect("it starts");
        let told = Arc::new(AtomicUsize::new(0));
        let tell = told.clone();
        let tell = move |_| _ = tell.fetch_add(1, Ordering::Relaxed);
        GROUPS.monitor("g", tell).expect("it runs");
        let p = somebody().await;
        GROUPS.join("g", &p).expect("it runs");
        let scope = GROUPS.whereis().expect("it runs");
        kill_and_wait(&scope).await;
        let name = runtime::Name::<runtime::RegistryServer>::new("groups");
        restarted(&name, &scope).await;
        assert!(p.is_alive() && me.pid().is_alive());
        assert_eq!(GROUPS.members("g"), Ok(vec![]));
        GROUPS.join("g", &p).expect("it runs");
        assert_eq!(told.load(Ordering::Relaxed), 1, "the monitor is off");
        assert_eq!(Arc::strong_count(&told), 1, "and dropped");
    });
}

#[tokio::test]
async fn outside_of_a_process_one_can_join_others_and_look_and_not_monitor() {
    GROUPS.start().await.expect("it starts");
    let p = somebody().await.pid();
    assert_eq!(GROUPS.join("g", p), Ok(()));
    assert_eq!(GROUPS.members("g"), Ok(vec![p]));
    assert_eq!(GROUPS.leave("g", p), Ok(()));
    let monitor = GROUPS.monitor("g", drop).map(|_| ());
    assert_eq!(monitor, Err(GroupsError::NotInProcess(NotInProcess)));
}

#[test]
fn a_process_of_another_system_is_nobody() {
    scenario(|_: Process| async move {
        GROUPS.start_link().await.expect("it starts");
        let elsewhere = System::start();
        let stranger = elsewhere.spawn(std::future::pending::<()>());
        let joined = GROUPS.join("g", &stranger);
        assert_eq!(joined, Err(GroupsError::NoProc(stranger.pid())));
        elsewhere.stop().await;
    });
}

/// All of them in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Same(u32);

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

#[test]
fn groups_whose_names_have_one_hash_are_different_groups() {
    static SAME: Groups<Same> = Groups::new("same");
    scenario(|_: Process| async move {
        SAME.start_link().await.expect("it starts");
        let (a, b) = (somebody().await.pid(), somebody().await.pid());
        let events = Arc::new(Mutex::new(Vec::new()));
        let own = events.clone();
        let tell = move |event| own.lock().expect("nobody panics with it").push(event);
        SAME.monitor(Same(1), tell).expect("the scope runs");
        SAME.join(Same(1), a).expect("it runs");
        SAME.join(Same(2), a).expect("it runs");
        SAME.join(Same(2), b).expect("it runs");
        assert_eq!(SAME.members(&Same(1)), Ok(vec![a]));
        assert_eq!(SAME.members(&Same(2)), Ok(vec![a, b]));
        assert_eq!(SAME.leave(&Same(1), b), Err(GroupsError::NotJoined(b)));
        assert_eq!(SAME.which_groups(), Ok(vec![Same(1), Same(2)]));
        kill_and_wait(a).await;
        let events = std::mem::take(&mut *events.lock().expect("nobody panics with it"));
        let (group, members) = (Same(1), vec![a]);
        let joined = GroupEvent::Join { group: group.clone(), members: members.clone() };
        assert_eq!(events, [joined, GroupEvent::Leave { group, members }]);
    });
}

/// As for a registry: the code of a group's name runs in the caller, and harms nobody else.
#[test]
fn a_group_whose_drop_panics_crashes_its_last_holder_and_nobody_else() {
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Bad(bool);
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.0 || std::thread::panicking(), "bad");
        }
    }
    static BAD: Groups<Bad> = Groups::new("bad");
    scenario(|_: Process| async move {
        BAD.start_link().await.expect("it starts");
        let member = spawn(|own: Process| async move {
            BAD.join(Bad(true), own.pid()).expect("it runs");
            BAD.join(Bad(false), own.pid()).expect("it runs");
        });
        let reason = member.join().await;
        assert_eq!(
            reason.as_panic().map(|panic| panic.message().to_owned()),
            Some("bad".to_owned())
        );
        assert_eq!(BAD.which_groups(), Ok(vec![]));
        settle().await;
        assert_eq!(BAD.stop().await, Ok(()));
        assert_ne!(reason, ExitReason::Normal);
    });
}
