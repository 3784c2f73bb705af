use runtime::testing::*;
use runtime::*;
use std::time::Duration;

#[test]
fn linked() {
    scenario(|mut me: Process| async move {
        me.trap_exit(true);
        let child = me.spawn_link(async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            panic!("boom");
        });
        let Message::Exit(exit) = me.receive().await else { panic!() };
        assert_eq!(exit.from, child);
        assert_eq!(exit.reason.as_panic().unwrap().message(), "boom");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn deadlock() {
    scenario(|mut me: Process| async move {
        me.receive().await;
    });
}
#[test]
fn exits() {
    scenario(|mut me: Process<u32>| async move {
        let (a, r) = me.spawn_monitor(|mut p: Process<u32>| async move {
            loop {
                p.receive().await;
            }
        });
        for i in 0..1000 {
            a.send(i)
        }
        a.kill();
        let d = me.receive().timeout(Duration::from_secs(3)).await;
        println!("{d:?} {r}");
        let t = me.receive().timeout(Duration::from_secs(3)).await;
        assert!(t.is_err());
        assert_eq!(me.system().monotonic_time(), Duration::from_millis(3000));
    });
}
