//! Exercise 8.1, a to-do server that survives its crashes.
//!
//! The test runs as the process `main`, which traps exits. Names, titles and who is killed are drawn
//! from the seed of the run; each run has a folder of its own.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use ch08_exercise_01_todo_server::disk::{self, DiskError, Folder, from_text, to_text};
use ch08_exercise_01_todo_server::kept_server::{self, ListError};
use ch08_exercise_01_todo_server::todo_list::{Date, Entry, TodoList};
use ch08_exercise_01_todo_server::todo_server::{self, TODO_REGISTRY, via};
use ch08_exercise_01_todo_server::todo_supervisor::{
    self, TODO_DYNAMIC_SUPERVISOR, TODO_SUPERVISOR,
};
use ch08_exercise_01_todo_server::todo_system;
use runtime::prelude::*;
use runtime::testing::{
    eventually, in_process, kill_and_wait, one_of, restarted, scenario, scenario_with, settle,
};
use runtime::trace::{Recorder, What};
use runtime::{
    ChildError, ChildState, RegistryError, StartError, System, Task, assert_timeline, spawn,
    trap_exit,
};
use tempfile::TempDir;
use tokio::time::sleep;

const DAY: Date = Date::new(2024, 1, 22);
const NEXT_DAY: Date = Date::new(2024, 1, 23);
const SECOND: Duration = Duration::from_secs(1);

/// A list gives out ids, and tells one day from another.
///
/// Exercise: 1
/// Covers: CH8-X1-R3, CH8-X1-R5
#[test]
fn a_list_gives_ids_and_finds_the_entries_of_a_day_in_their_order() {
    let mut list = TodoList::new();
    assert_eq!((list.entries(DAY), list.all().count()), (vec![], 0), "a new list is empty");
    let ids = [entry("Milk"), Entry::new(NEXT_DAY, "Dentist"), entry("Bread"), entry("Apples")]
        .map(|entry| list.add_entry(entry));
    assert_eq!(ids, [1, 2, 3, 4], "each entry has an id of its own (see hint 1 of exercise 1)");
    assert_eq!(
        (titles(list.entries(DAY)), titles(list.entries(NEXT_DAY))),
        (texts(["Milk", "Bread", "Apples"]), texts(["Dentist"])),
        "a day has its own entries, the oldest first (see hint 2 of exercise 1)"
    );
}

/// Two entries may be equal; they are two all the same.
///
/// Exercise: 1
/// Covers: CH8-X1-R5
#[test]
fn the_same_entry_twice_is_two_entries() {
    let mut list = TodoList::new();
    let ids = [list.add_entry(entry("Milk")), list.add_entry(entry("Milk"))];
    assert_eq!(
        (ids, titles(list.entries(DAY))),
        ([1, 2], texts(["Milk", "Milk"])),
        "an id belongs to one entry, and not to one title (see hint 1 of exercise 1)"
    );
}

/// A list is reached by its name alone; to add needs no answer, to look does.
///
/// Exercise: 2
/// Covers: CH8-X1-R1, CH8-X1-R2, CH8-X1-R3, CH8-X1-R4, CH8-X1-C1
#[test]
fn a_list_is_found_by_its_name_and_takes_entries() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        TODO_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        let history = System::current().record();
        let [name, other] = names(seed);
        let server = todo_server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(
            (via(name).whereis().map(|it| it.pid()), notes(&history)),
            (Some(server.pid()), vec![(server.pid(), format!("Starting TodoServer for: {name}"))]),
            "a list is registered under its name, and notes its start (see hint 1 of exercise 2)"
        );
        assert_eq!(
            todo_server::entries(name, DAY).await,
            Ok(vec![]),
            "a new list is empty (see hint 1 of exercise 2)"
        );
        todo_server::start_link(other).await.expect("another name is another list");
        for title in ["Milk", "Bread"] {
            todo_server::add_entry(name, entry(title));
        }
        todo_server::add_entry(other, Entry::new(NEXT_DAY, "Nails"));
        assert_eq!(
            (listed(name).await, listed(other).await),
            (texts(["Milk", "Bread"]), vec![]),
            "what is asked after it is told comes after it, and each list has its own entries (see \
             hint 2 of exercise 2)"
        );
        let again = todo_server::start_link(name).await.map(|it| it.pid());
        assert_eq!(again, Err(StartError::AlreadyStarted(server.pid())), "a name has one list");
        let me = runtime::self_pid().expect("the test is a process");
        let links = server.pid().info().map(|it| it.links).unwrap_or_default();
        assert!(links.contains(&me), "a list is linked to its starter (see hint 1 of exercise 2)");
    });
}

/// A cast goes to whoever is there, and to nobody if there is nobody: the entry is lost in silence.
///
/// Exercise: 2
/// Covers: CH8-X1-R2, CH8-X1-R3
/// Oracle: C8-11, GS-03
#[test]
fn an_entry_for_a_list_that_does_not_exist_is_lost_without_a_word() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let [name, _] = names(seed);
        let start = todo_server::start_link(name).await.map(|it| it.pid());
        assert_eq!(
            start,
            Err(StartError::Registry(RegistryError::NoRegistry("TodoRegistry"))),
            "no list without its registry (see hint 1 of exercise 2)"
        );
        TODO_REGISTRY.start_link().await.expect("nothing keeps a registry from starting");
        todo_server::add_entry(name, entry("Milk"));
        assert_eq!(
            todo_server::entries(name, DAY).await,
            Err(CallError::NoProc),
            "who asks is told that there is nobody; who only tells is not (see hint 2 of exercise \
             2)"
        );
        todo_server::start_link(name).await.expect("nothing keeps it from starting");
        assert_eq!(listed(name).await, texts([]), "nobody kept the entry for later");
    });
}

/// The course's tree: the registry first, the supervisor of the lists second, both under a name.
///
/// Exercise: 3
/// Covers: CH8-X1-T, CH8-X1-R6, CH8-X1-R7, CH8-X1-R8, CH8-X1-R9
/// Oracle (defect): C8-11
#[test]
fn the_tree_is_a_registry_and_a_supervisor_of_the_lists() {
    scenario_with(|seed| async move {
        trap_exit(true).expect("the test is a process");
        let [name, other] = names(seed);
        let system = todo_system::start().await.expect("nothing keeps the system from starting");
        let children = TODO_SUPERVISOR.which_children().await;
        let ids = children.map(|all| all.iter().map(|it| it.id.to_string()).collect::<Vec<_>>());
        assert_eq!(
            (ids, TODO_SUPERVISOR.whereis().map(|it| it.pid())),
            (Ok(texts(["TodoDynamicSupervisor", "TodoRegistry"])), Some(system.pid())),
            "two children, of which the newest is listed first (see hint 1 of exercise 3)"
        );
        let first = todo_system::new_list(name).await.expect("nothing keeps a list from starting");
        let second = todo_supervisor::start_child(other).await;
        let second = second.expect("`start_child` starts a list, too (see hint 2 of exercise 3)");
        assert_eq!(
            todo_system::new_list(name).await.map_err(|error| error.to_string()),
            Err(ChildError::Start(StartError::AlreadyStarted(first.expect("started"))).to_string()),
            "a name has one list (see hint 2 of exercise 3)"
        );
        let mut below = running(&TODO_DYNAMIC_SUPERVISOR).await;
        below.sort();
        let mut lists: Vec<_> = [first, second].into_iter().flatten().collect();
        lists.sort();
        assert_eq!(
            (below, TODO_SUPERVISOR.count_children().await.map(|it| it.specs)),
            (lists, Ok(2)),
            "lists are children of the dynamic supervisor, and not of the one above it (see hint 2 \
             of exercise 3)"
        );
    });
}

/// The course's session. The server comes back; what it knew does not.
///
/// Exercise: 3
/// Covers: CH8-X1-T, CH8-X1-R4, CH8-X1-V1, CH8-X1-V2, CH8-X1-V3, CH8-X1-O1, CH8-X1-O2, CH8-CHK-15
/// Oracle: C8-10
#[test]
fn a_killed_list_comes_back_under_its_name_and_without_its_milk() {
    scenario_with(|seed| async move {
        let [name, other] = names(seed);
        let history = started().await;
        for list in [name, other] {
            todo_system::new_list(list).await.expect("nothing keeps a list from starting");
            todo_server::add_entry(list, entry("Milk"));
        }
        let before = listed(name).await;
        sleep(SECOND).await;
        let old = via(name).whereis().expect("it runs");
        old.pid().kill();
        let new = restarted(&via(name), &old).await;
        todo_server::add_entry(name, entry("Bread"));
        assert_eq!(
            (before, listed(name).await, listed(other).await, new.pid() == old.pid()),
            (texts(["Milk"]), texts(["Bread"]), texts(["Milk"]), false),
            "a new process under the old name; `init` made its list anew, so the milk is gone, and \
             only there (see hint 3 of exercise 3)"
        );
        sleep(SECOND).await;
        TODO_SUPERVISOR.stop().await.expect("a supervisor stops when it is asked to");
        let (a, b) = (format!("{name:<8}"), format!("{other:<8}"));
        let expected = format!(
            "
                          0ms       1s        2s
TodoSupervisor            ╺━━━━━━━━━━━━━━━━━━━■    normal
├─ TodoRegistry           ╺━━━━━━━━━━━━━━━━━━━■
└─ TodoDynamicSupervisor  ╺━━━━━━━━━━━━━━━━━━━■
   ├─ {a}            ╺•━━━━━━━━╳╺•━━━━━━━■    #2  \"Starting TodoServer for: {name}\" ×2; killed
   └─ {b}            ╺•━━━━━━━━━━━━━━━━━━■    \"Starting TodoServer for: {other}\"

1s  one_for_one: {name} was restarted because it was killed
"
        );
        assert_timeline!(history.trace(), &expected, "only the killed list is started again");
    });
}

/// "It restarts", but not at once: whoever is quicker than the supervisor finds a dead list or none,
/// and what it only tells is lost. Waiting for the name is enough.
///
/// Exercise: 3
/// Covers: CH8-X1-V3, CH8-X1-O1, CH8-CHK-15
/// Oracle: C8-13
#[test]
fn who_does_not_wait_for_the_restart_finds_nobody() {
    scenario_with(|seed| async move {
        started().await;
        let [name, _] = names(seed);
        todo_system::new_list(name).await.expect("nothing keeps a list from starting");
        for _ in 0..3 {
            let old = via(name).whereis().expect("it runs").pid();
            old.kill();
            todo_server::add_entry(name, entry("Bread"));
            let at_once = todo_server::entries(name, DAY).await;
            assert!(
                matches!(&at_once, Err(CallError::NoProc | CallError::Down(ExitReason::Killed))),
                "the list was killed, and its supervisor had no time yet; it got {at_once:?}"
            );
            let new = via(name).up().await.expect("the system runs").pid();
            assert_eq!(
                (listed(name).await, new == old),
                (texts([]), false),
                "it is back under its name, and nobody kept the bread for it (see hint 3 of \
                 exercise 3)"
            );
            sleep(6 * SECOND).await;
        }
    });
}

/// The registry is an innocent-looking sibling: each list is linked to it, so all of them end with it,
/// and their restarts are counted together.
///
/// Exercise: 3
/// Covers: CH8-X1-R6, CH8-X1-C1
/// Oracle: C8-12
#[test]
fn with_four_lists_one_crash_of_the_registry_is_the_end_of_all_of_them() {
    scenario(|_: Process| async move {
        started().await;
        let lists = ["home", "work", "shopping", "holidays"];
        for list in lists {
            todo_system::new_list(list).await.expect("nothing keeps a list from starting");
        }
        let old = TODO_DYNAMIC_SUPERVISOR.whereis().expect("it runs");
        kill_and_wait(TODO_REGISTRY.whereis().expect("it runs").pid()).await;
        restarted(&TODO_DYNAMIC_SUPERVISOR, &old).await;
        TODO_REGISTRY_UP.up().await.expect("the system runs");
        assert_eq!(
            (TODO_SUPERVISOR.whereis().is_some(), lists.map(|list| via(list).whereis().is_some())),
            (true, [false; 4]),
            "four lists end with the registry; the fourth restart is one too many for their \
             supervisor, and the next one knows of no list (see hint 3 of exercise 3)"
        );
    });
}

/// Nobody outlives what it relies on, and nobody is started before it. The lists are gone, but the
/// place is as new, and whoever asks for a list gets one.
///
/// Exercise: 4
/// Covers: CH8-X1-R6, CH8-CHK-15
/// Oracle (defect): C8-12
#[test]
fn in_the_mended_tree_the_lists_can_be_opened_again_after_the_registry_died() {
    scenario_with(|seed| async move {
        mended().await;
        let count = one_of(seed, [1, 4, 9]);
        let lists: Vec<_> = (0..count).map(|nth| format!("list {nth}")).collect();
        for nth in 0..3 {
            for list in &lists {
                let opened = todo_system::open_list(list).await;
                opened.unwrap_or_else(|error| {
                    panic!("before crash {nth}, {list} cannot be opened: {error} (see hint 2 of exercise 4)")
                });
                assert_eq!(listed(list).await, texts([]));
                todo_server::add_entry(list, entry("Milk"));
            }
            let [registry, lists] = [
                TODO_REGISTRY.whereis().expect("it runs").pid(),
                TODO_DYNAMIC_SUPERVISOR.whereis().expect("it runs").pid(),
            ];
            kill_and_wait(registry).await;
            restarted(&TODO_DYNAMIC_SUPERVISOR, lists).await;
            assert!(
                TODO_REGISTRY.whereis().is_some_and(|it| it.pid() != registry),
                "crash {nth}: the registry is there before those that need it (see hint 1 of \
                 exercise 4)"
            );
            settle().await;
            assert_eq!(
                TODO_DYNAMIC_SUPERVISOR.count_children().await.map(|it| it.specs),
                Ok(0),
                "no list is tried again without its registry (see hint 1 of exercise 4)"
            );
        }
    });
}

/// Look, and start if there is none, would be two steps with room for somebody between them.
///
/// Exercise: 4
/// Covers: CH8-X1-R9
/// Oracle: C8-11
#[test]
fn whoever_opens_a_list_at_the_same_time_gets_the_same_list() {
    scenario_with(|seed| async move {
        let history = mended().await;
        let [name, other] = names(seed);
        let openers = [(); 5].map(|()| Task::async_(todo_system::open_list(name)));
        let mut pids = Vec::new();
        for opener in openers {
            let opened = opener.await.expect("nobody crashes");
            pids.push(
                opened.expect("who runs already is what was wanted (see hint 2 of exercise 4)"),
            );
        }
        let one = via(name).whereis().map(|it| it.pid());
        assert_eq!(pids, [one; 5], "five callers, one list (see hint 2 of exercise 4)");
        todo_system::open_list(other).await.expect("nothing keeps a list from starting");
        assert_eq!(notes(&history).len(), 2, "a list is started once");
        TODO_SUPERVISOR.stop().await.expect("a supervisor stops when it is asked to");
        let opened = todo_system::open_list(name).await;
        assert_eq!(
            opened.map_err(|error| error.to_string()),
            Err(ChildError::Call(CallError::NoProc).to_string()),
            "without a system there is no list, and that is an error (see hint 2 of exercise 4)"
        );
    });
}

/// What is written is what is read, whatever the titles and the name.
///
/// Exercise: 5
/// Covers: CH8-X1-R5
#[test]
fn what_is_written_can_be_read_again() {
    let scratch = scratch();
    let folder = Folder::at(scratch.path().join("not").join("there yet"));
    let names = ["shopping", "Shopping", "", "..", "a/b", "C:\\x", "ü", "%2F", "a b", "a\nb"];
    for (nth, name) in names.into_iter().enumerate() {
        let file = folder.file(name);
        assert_eq!(
            disk::read(&file),
            Ok(TodoList::new()),
            "no file is an empty list (see hint 1 of exercise 5)"
        );
        let list = sample(nth);
        assert_eq!(
            disk::write(&file, &list),
            Ok(()),
            "no folder is no reason to fail (see hint 3 of exercise 5)"
        );
        assert_eq!(disk::read(&file), Ok(list), "the list {name:?} (see hint 1 of exercise 5)");
    }
    let inside = folder.file("x").parent().expect("a file is in its folder").to_owned();
    let mut inside = fs::read_dir(inside).expect("it is there");
    assert!(
        inside.all(|it| it.is_ok_and(|it| it.file_name().to_string_lossy().ends_with(".todo"))),
        "nothing else is left in the folder (see hint 2 of exercise 5)"
    );
}

/// A file is replaced and not written over: whoever holds the old one has all of the old one, and a
/// draft that was left behind by a power cut is nobody's list.
///
/// Exercise: 5
#[test]
fn a_file_is_replaced_as_a_whole() {
    let scratch = scratch();
    let folder = Folder::at(scratch.path());
    let (file, old_one) = (folder.file("shopping"), scratch.path().join("old"));
    assert_eq!(
        disk::write(&file, &sample(1)),
        Ok(()),
        "nothing is in the way (see hint 2 of exercise 5)"
    );
    fs::hard_link(&file, &old_one).expect("a second name for the file as it is");
    fs::write(file.with_extension("new"), "to-do list\n7 2024-0").expect("a draft, cut off");
    assert_eq!(disk::read(&file), Ok(sample(1)), "a draft is not looked at");
    assert_eq!(
        disk::write(&file, &sample(5)),
        Ok(()),
        "an old draft is in nobody's way (see hint 3 of exercise 5)"
    );
    assert_eq!(
        (disk::read(&file), disk::read(&old_one)),
        (Ok(sample(5)), Ok(sample(1))),
        "a power cut while the old file is written over leaves neither the old nor the new: write \
         beside it, and rename (see hint 2 of exercise 5)"
    );
}

/// When it cannot be written, the caller is told which file and why, and the old list is there.
///
/// Exercise: 5
#[test]
fn what_cannot_be_written_changes_nothing_and_says_why() {
    let scratch = scratch();
    let folder = Folder::at(scratch.path());
    let file = folder.file("shopping");
    assert_eq!(
        disk::write(&file, &sample(1)),
        Ok(()),
        "nothing is in the way (see hint 2 of exercise 5)"
    );
    fs::create_dir(file.with_extension("new")).expect("the draft's place is taken");
    let failed = disk::write(&file, &sample(5));
    assert!(
        matches!(&failed, Err(DiskError::Io { file: named, .. }) if *named == file),
        "a draft that cannot be made is an error with the file's name; it was {failed:?} (see hint \
         3 of exercise 5)"
    );
    assert_eq!(
        disk::read(&file),
        Ok(sample(1)),
        "the old list is still there (see hint 2 of exercise 5)"
    );
    let folder_as_file = disk::read(scratch.path());
    assert!(
        matches!(&folder_as_file, Err(DiskError::Io { file, .. }) if file == scratch.path()),
        "only a file that is not there is an empty list; this is {folder_as_file:?} (see hint 1 of \
         exercise 5)"
    );
}

/// A file that was cut off, or in which anything was changed, is refused with file and line.
///
/// Exercise: 5
#[test]
fn no_part_of_a_file_passes_for_the_whole_and_no_changed_byte_goes_unnoticed() {
    let scratch = scratch();
    let folder = Folder::at(scratch.path());
    let file = folder.file("shopping");
    let whole = to_text(&sample(3)).into_bytes();
    assert_eq!(from_text(&file, &to_text(&sample(3))), Ok(sample(3)));
    let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
    let changed = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0b1_0001;
        bytes
    });
    let longer = [[&whole[..], b"4 2024-01-22 Cake\n"].concat(), [&whole[..], &whole].concat()];
    for bytes in cut.chain(changed).chain(longer) {
        fs::write(&file, &bytes).expect("a file that somebody spoilt");
        let read = disk::read(&file);
        assert!(
            matches!(&read, Err(DiskError::Corrupt { file: named, line: 1.., .. }) if *named == file),
            "{:?} was read as {read:?} (see hint 1 of exercise 5)",
            String::from_utf8_lossy(&bytes)
        );
        assert!(fs::read(&file).is_ok_and(|now| now == bytes), "reading changes nothing");
    }
    fs::write(&file, &whole[..whole.len() - 30]).expect("a file that is cut off");
    let said = disk::read(&file).expect_err("it is cut off").to_string();
    assert!(said.contains("shopping.todo, line "), "the error says where to look: {said}");
}

/// Who waits for a disk waits on a thread of its own: everybody else goes on.
///
/// Exercise: 6
#[test]
fn while_one_waits_for_the_disk_everybody_else_goes_on() {
    scenario(|mut me: Process<&'static str>| async move {
        let folder = Folder::at("unused");
        let (disk, main) = (folder.clone(), me.address());
        let (go, stop) = mpsc::channel();
        let writer = Task::async_(async move {
            disk.work(move || {
                main.send("at work");
                // It never takes so long, unless nobody else is left to say that it may go on.
                stop.recv_timeout(5 * SECOND).is_ok()
            })
            .await
        });
        assert_eq!(me.receive().await.into_user().ok(), Some("at work"));
        assert!(folder.is_busy(), "the work has the turn (see hint 2 of exercise 6)");
        let other = in_process("other", |_: Process| async { 42 }).await;
        assert_eq!(other, Ok(42));
        let _ = go.send(());
        assert_eq!(
            (writer.await, folder.is_busy()),
            (Ok(true), false),
            "while the work waits, the thread that runs the processes must be free (see hint 1 of \
             exercise 6)"
        );
    });
}

/// A thread cannot be killed. So the turn goes with the work, and the next life waits for what the
/// last one began.
///
/// Exercise: 6
#[test]
fn the_work_of_a_killed_process_is_waited_for() {
    scenario(|mut me: Process<&'static str>| async move {
        let folder = Folder::at("unused");
        let (disk, main) = (folder.clone(), me.address());
        let (go, stop) = mpsc::channel::<()>();
        let writer = spawn(async move {
            disk.work(move || {
                main.send("at work");
                let _ = stop.recv_timeout(5 * SECOND);
            })
            .await;
        });
        assert_eq!(me.receive().await.into_user().ok(), Some("at work"));
        kill_and_wait(&writer).await;
        let busy = folder.is_busy();
        drop(go);
        drop(folder.turn().await);
        assert!(
            busy,
            "its writer is dead, and the work goes on: the turn is the work's (see hint 2 of \
             exercise 6)"
        );

        let turn = folder.turn().await;
        let (ran, disk) = (Arc::new(AtomicBool::new(false)), folder.clone());
        let mark = ran.clone();
        let next =
            spawn(async move { disk.work(move || mark.store(true, Ordering::SeqCst)).await });
        settle().await;
        assert!(
            !ran.load(Ordering::SeqCst),
            "no work begins before its turn (see hint 2 of exercise 6)"
        );
        drop(turn);
        next.join().await;
        assert!(ran.load(Ordering::SeqCst), "work is done when its turn has come");
    });
}

/// What panics on the other thread is the caller's crash, and nobody else's loss.
///
/// Exercise: 6
#[test]
fn a_panic_in_the_work_is_the_callers() {
    scenario(|_: Process| async move {
        let folder = Folder::at("unused");
        let disk = folder.clone();
        let end = in_process("writer", move |_: Process| async move {
            disk.work(|| panic!("the disk is on fire")).await;
        });
        let end: Result<(), ExitReason> = end.await;
        let said =
            end.as_ref().err().and_then(ExitReason::as_panic).map(|it| it.message().to_owned());
        assert_eq!(
            said.as_deref(),
            Some("the disk is on fire"),
            "a panic goes on in whoever wanted the work (see hint 3 of exercise 6)"
        );
        drop(folder.turn().await);
    });
}

/// Kill the list, kill its supervisor, kill everything: the list is there.
///
/// Exercise: 7
/// Covers: CH8-X1-O1, CH8-CHK-15
/// Oracle (defect): C8-10
#[test]
fn a_kept_list_is_there_after_whatever_is_killed() {
    scenario_with(|seed| async move {
        let scratch = scratch();
        let folder = Folder::at(scratch.path());
        mended().await;
        let [name, other] = names(seed);
        let mut expected = Vec::new();
        for (nth, title) in (0..).zip(["Milk", "Bread", "Apples", "Cake"]) {
            for list in [name, other] {
                kept_server::open(&folder, list).await.expect("nothing keeps a list from starting");
            }
            let added = kept_server::add_entry(name, entry(title)).await;
            assert_eq!(added, Ok(2 * nth + 1), "an id is one more (see hint 2 of exercise 7)");
            expected.push(title.to_owned());
            let [list, beside] =
                [name, other].map(|list| kept_server::via(list).whereis().expect("it runs").pid());
            let how = seed.wrapping_add(nth) % 4;
            match how {
                0 => {
                    kill_and_wait(list).await;
                    let _ = kept_server::via(name).up().await;
                }
                1 => {
                    let lists = TODO_DYNAMIC_SUPERVISOR.whereis().expect("it runs").pid();
                    kill_and_wait(lists).await;
                    restarted(&TODO_DYNAMIC_SUPERVISOR, lists).await;
                }
                2 => {
                    let lists = TODO_DYNAMIC_SUPERVISOR.whereis().expect("it runs").pid();
                    kill_and_wait(TODO_REGISTRY.whereis().expect("it runs").pid()).await;
                    restarted(&TODO_DYNAMIC_SUPERVISOR, lists).await;
                }
                _ => {
                    kill_and_wait(TODO_SUPERVISOR.whereis().expect("it runs").pid()).await;
                    eventually(|| TODO_REGISTRY.whereis().is_none()).await;
                    eventually(|| TODO_DYNAMIC_SUPERVISOR.whereis().is_none()).await;
                    mended().await;
                }
            }
            list.join().await;
            if how > 0 {
                beside.join().await;
            }
            kept_server::open(&folder, name).await.expect("nothing keeps a list from starting");
            let added = kept_server::add_entry(name, entry("more")).await;
            assert_eq!(
                added,
                Ok(2 * nth + 2),
                "a new life goes on where the last one ended, also when nobody has asked it for \
                 anything yet (see hint 2 of exercise 7)"
            );
            expected.push("more".to_owned());
            let kept = kept_server::entries(name, DAY).await.map(titles);
            assert_eq!(
                kept,
                Ok(expected.clone()),
                "`Ok` meant: on the disk (see hint 2 of exercise 7)"
            );
        }
        kept_server::open(&folder, other).await.expect("nothing keeps a list from starting");
        let other = kept_server::entries(other, DAY).await;
        assert_eq!(other, Ok(vec![]), "each list has a file of its own");
    });
}

/// Who adds to a list that does not exist is told so.
///
/// Exercise: 7
/// Covers: CH8-X1-R2
/// Oracle (defect): C8-11
#[test]
fn an_entry_for_a_kept_list_that_does_not_exist_is_refused() {
    scenario_with(|seed| async move {
        mended().await;
        let [name, _] = names(seed);
        assert_eq!(
            (
                kept_server::add_entry(name, entry("Milk")).await,
                kept_server::entries(name, DAY).await
            ),
            (Err(CallError::NoProc.into()), Err(CallError::NoProc.into())),
            "a call knows that there is nobody (see hint 1 of exercise 7)"
        );
    });
}

/// A broken file is mended by no restart. So it is an answer and not a crash, nothing is written over
/// it, and nobody else notices.
///
/// Exercise: 7
/// Covers: CH8-X1-O1
#[test]
fn a_broken_file_is_an_answer_and_costs_no_other_list_anything() {
    scenario_with(|seed| async move {
        let scratch = scratch();
        let folder = Folder::at(scratch.path());
        let history = mended().await;
        let [name, other] = names(seed);
        let file = folder.file(name);
        let whole = to_text(&sample(3));
        let broken = whole[..one_of(seed, [0, 5, 20, whole.len() - 1])].to_owned();
        fs::write(&file, &broken).expect("a file that is cut off");
        for list in [name, other] {
            kept_server::open(&folder, list)
                .await
                .expect("a broken file keeps no list from starting (see hint 1 of exercise 7)");
        }
        kept_server::add_entry(other, entry("Nails")).await.expect("nothing is in the way");
        for nth in 0..5 {
            let asked = kept_server::entries(name, DAY).await;
            let named = match &asked {
                Err(ListError::Disk(DiskError::Corrupt { file, .. })) => Some(file),
                _ => None,
            };
            assert_eq!(
                named,
                Some(&file),
                "request {nth}: whoever asks is told which file is broken; it got {asked:?} (see \
                 hint 1 of exercise 7)"
            );
            let added = kept_server::add_entry(name, entry("Milk")).await;
            assert!(
                matches!(&added, Err(ListError::Disk(DiskError::Corrupt { .. }))),
                "to add to what cannot be read would be to write over it; it got {added:?} (see \
                 hint 2 of exercise 7)"
            );
        }
        assert!(
            fs::read_to_string(&file).is_ok_and(|now| now == broken),
            "what is left of the list may be all that is left: it stays as it is (see hint 2 of \
             exercise 7)"
        );
        assert_eq!(
            notes(&history).len(),
            2,
            "nobody crashed, and nobody was started again (see hint 1 of exercise 7)"
        );
        assert_eq!(kept_server::entries(other, DAY).await.map(titles), Ok(texts(["Nails"])));
        fs::write(&file, &whole).expect("somebody mends it");
        let mended = kept_server::entries(name, sample(3).entries(DAY)[0].date).await;
        assert_eq!(
            mended,
            Ok(sample(3).entries(DAY)),
            "it is looked at again (see hint 1 of exercise 7)"
        );
    });
}

/// Where the disk says no, nothing was added: not on the disk, and not in the mind of the server.
///
/// Exercise: 7
#[test]
fn what_could_not_be_saved_was_not_added() {
    scenario_with(|seed| async move {
        let scratch = scratch();
        let folder = Folder::at(scratch.path());
        mended().await;
        let [name, _] = names(seed);
        kept_server::open(&folder, name).await.expect("nothing keeps a list from starting");
        assert_eq!(kept_server::add_entry(name, entry("Milk")).await, Ok(1));
        let blocked = folder.file(name).with_extension("new");
        fs::create_dir(&blocked).expect("the draft's place is taken");
        let added = kept_server::add_entry(name, entry("Bread")).await;
        assert!(
            matches!(&added, Err(ListError::Disk(DiskError::Io { .. }))),
            "the disk said no, and its caller has to know; it got {added:?} (see hint 2 of \
             exercise 7)"
        );
        let kept = kept_server::entries(name, DAY).await.map(titles);
        assert_eq!(
            kept,
            Ok(texts(["Milk"])),
            "save first, believe then (see hint 2 of exercise 7)"
        );
        fs::remove_dir(&blocked).expect("the place is free again");
        assert_eq!(
            kept_server::add_entry(name, entry("Bread")).await,
            Ok(2),
            "it is tried again at the next request"
        );
    });
}

/// The registry's process, to be waited for.
static TODO_REGISTRY_UP: Name<runtime::RegistryServer> = Name::new("TodoRegistry");

fn entry(title: &str) -> Entry {
    Entry::new(DAY, title)
}

fn texts<const N: usize>(all: [&str; N]) -> Vec<String> {
    all.map(ToOwned::to_owned).into()
}

fn titles(entries: Vec<Entry>) -> Vec<String> {
    entries.into_iter().map(|entry| entry.title).collect()
}

/// Two names of lists.
fn names(seed: u64) -> [&'static str; 2] {
    one_of(seed, [["shopping", "work"], ["holidays", "home"], ["garden", "shopping"]])
}

/// The titles of the day in this list.
async fn listed(name: &str) -> Vec<String> {
    let entries = todo_server::entries(name, DAY).await;
    titles(entries.unwrap_or_else(|error| panic!("the list {name} does not answer: {error}")))
}

/// A list with titles that are hard to write down.
fn sample(count: usize) -> TodoList {
    let titles = ["Milk", "", "two\nlines", r"back\slash\n", " end 1 0 ", "größer", "Bread\r"];
    let mut list = TodoList::new();
    for title in titles.into_iter().cycle().take(count) {
        list.add_entry(entry(title));
    }
    list
}

/// A folder that is gone with the test.
fn scratch() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

/// The course's system, and what happens from then on. `main` survives all that it starts.
async fn started() -> Recorder {
    trap_exit(true).expect("the test is a process");
    let history = System::current().record();
    todo_system::start().await.expect("the system starts (see hint 1 of exercise 3)");
    history
}

/// The mended system.
async fn mended() -> Recorder {
    trap_exit(true).expect("the test is a process");
    let history = System::current().record();
    let started = todo_supervisor::start_link_mended().await;
    started.expect("the mended system starts (see hint 1 of exercise 4)");
    history
}

/// The children that run.
async fn running(lists: &Name<runtime::DynamicSupervisorServer>) -> Vec<Pid> {
    let children = DynamicSupervision::which_children(lists).await.expect("it answers");
    let pids = children.into_iter().filter_map(|child| match child.state {
        ChildState::Running(pid) => Some(pid),
        _ => None,
    });
    pids.collect()
}

/// What was noted, and by whom.
fn notes(history: &Recorder) -> Vec<(Pid, String)> {
    let events = history.trace().events().to_vec();
    let noted = events.into_iter().filter_map(|event| match event.what {
        What::Note(text) => Some((event.subject.pid, text)),
        _ => None,
    });
    noted.collect()
}
