//! What is logged when a process crashes.

use runtime::testing::{scenario, settle};
use runtime::{Process, set_label, spawn_link};

use crate::event::reports;

/// Who it was, why and where, who has spawned it, what it left unread, who is linked to it.
///
/// Source: OTP `proc_lib`, crash reports.
#[test]
fn a_crash_is_reported_with_its_place_its_ancestors_and_what_it_left_unread() {
    scenario(|_: Process| async move {
        let reports = reports();
        let shop = runtime::spawn(|mut shop: Process<&'static str>| async move {
            set_label("shop")?;
            shop.trap_exit(true);
            let till = spawn_link(|mut till: Process<&'static str>| async move {
                set_label("till")?;
                till.receive().await;
                panic!("stuck");
                #[allow(unreachable_code)]
                anyhow::Ok(())
            })?;
            for message in ["open", "first", "second"] {
                till.send(message);
            }
            shop.receive().await;
            anyhow::Ok(())
        });
        settle().await;
        let lines = reports.lines();
        let line = lines.iter().find(|line| line.contains("stuck")).expect("it is reported");
        assert!(line.starts_with("process crashed, "), "{line}");
        let place = format!("{}:", file!());
        let main = runtime::self_pid().expect("a process");
        let ancestors = format!("\"shop {}, main {main}\"", shop.pid());
        for said in ["\"till\"", "panic: stuck", &place, &ancestors, ", 2, 1"] {
            assert!(line.contains(said), "{said} is missing in {line}");
        }
    });
}
