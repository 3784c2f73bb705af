//! Which event is next: tables, and random sequences against a model.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Actions, Core, Effect, Kind, Moved, Next, Setting, To};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Events are numbers, states and names of timeouts are letters, contents are words.
type Small = Core<char, u32, char, &'static str>;
type Asked = Actions<u32, char, &'static str>;

fn postpone(event: u32) -> Asked {
    Asked { postpone: Some(event), ..Asked::default() }
}

fn insert<const N: usize>(events: [u32; N]) -> Asked {
    Asked { insert: events.into(), ..Asked::default() }
}

fn timeouts<const N: usize>(all: [(Kind<char>, Setting<&'static str>); N]) -> Asked {
    Asked { timeouts: all.into(), ..Asked::default() }
}

/// A whole transition.
fn step(core: &mut Small, to: To<char>, asked: Asked) -> Vec<Effect> {
    let changed = matches!(core.go(to), Moved::Changed { .. });
    core.settle(changed, asked)
}

fn drain(core: &mut Small) -> Vec<Next<u32, char, &'static str>> {
    std::iter::from_fn(|| core.next()).collect()
}

#[test]
fn only_another_state_is_a_change_and_only_repeat_enters_the_same_again() {
    for (to, moved) in [
        (To::Keep, Moved::Kept),
        (To::Next('a'), Moved::Kept),
        (To::Repeat, Moved::Repeated),
        (To::Next('b'), Moved::Changed { from: 'a' }),
    ] {
        let mut core = Small::new('a');
        assert_eq!(core.go(to), moved, "{to:?}");
        assert_eq!(*core.state(), if to == To::Next('b') { 'b' } else { 'a' }, "{to:?}");
    }
}

#[test]
fn what_is_postponed_comes_again_after_a_change_only_and_in_order() {
    for (to, comes) in [
        (To::Keep, vec![]),
        (To::Repeat, vec![]),
        (To::Next('a'), vec![]),
        (To::Next('b'), vec![Next::Queued(1), Next::Queued(2)]),
    ] {
        let mut core = Small::new('a');
        step(&mut core, To::Keep, postpone(1));
        step(&mut core, To::Keep, postpone(2));
        assert_eq!(drain(&mut core), [], "{to:?}");
        step(&mut core, to, Asked::default());
        assert_eq!(drain(&mut core), comes, "{to:?}");
    }
}

#[test]
fn the_event_that_changes_the_state_may_be_postponed_itself() {
    let mut core = Small::new('a');
    step(&mut core, To::Keep, postpone(1));
    step(&mut core, To::Next('b'), postpone(2));
    assert_eq!(drain(&mut core), [Next::Queued(1), Next::Queued(2)]);
}

#[test]
fn inserted_events_come_before_retried_ones_and_those_before_newer_ones() {
    let mut core = Small::new('a');
    step(&mut core, To::Keep, insert([1, 9]));
    assert_eq!(core.next(), Some(Next::Queued(1)));
    step(&mut core, To::Keep, postpone(1));
    let asked = Asked { timeouts: vec![(Kind::State, Setting::In(ms(0), "z"))], ..insert([5, 6]) };
    step(&mut core, To::Next('b'), asked);
    let queued = [5, 6, 1, 9].map(Next::Queued);
    assert_eq!(drain(&mut core)[..4], queued);
}

#[test]
fn timeouts_of_zero_come_last_in_the_order_of_their_setting() {
    let mut core = Small::new('a');
    let zero = |kind, word| (kind, Setting::In(ms(0), word));
    let mut asked = timeouts([
        zero(Kind::Named('x'), "x"),
        zero(Kind::State, "s"),
        zero(Kind::Named('y'), "y"),
        zero(Kind::Named('x'), "x again"),
    ]);
    asked.insert = vec![1];
    assert_eq!(step(&mut core, To::Keep, asked), []);
    let due = [
        Next::Queued(1),
        Next::Due(Kind::State, "s"),
        Next::Due(Kind::Named('y'), "y"),
        Next::Due(Kind::Named('x'), "x again"),
    ];
    assert_eq!(drain(&mut core), due);
}

#[test]
fn what_cancels_which_timeout() {
    let all = [Kind::State, Kind::Event, Kind::Named('x')];
    for (to, left) in [
        (To::Keep, vec![Kind::State, Kind::Named('x')]),
        (To::Repeat, vec![Kind::State, Kind::Named('x')]),
        (To::Next('a'), vec![Kind::State, Kind::Named('x')]),
        (To::Next('b'), vec![Kind::Named('x')]),
    ] {
        // Running timeouts are numbered 1, 2, 3; those of zero are due.
        for (after, zero) in [(ms(5), false), (ms(0), true)] {
            let mut core = Small::new('a');
            step(&mut core, To::Keep, timeouts(all.map(|kind| (kind, Setting::In(after, "t")))));
            let effects = step(&mut core, to, Asked::default());
            if zero {
                assert_eq!(effects, [], "{to:?}");
                let due: Vec<_> = left.iter().map(|kind| Next::Due(*kind, "t")).collect();
                assert_eq!(drain(&mut core), due, "{to:?}");
            } else {
                let comes = |number| core.expired(number).map(|(kind, _)| kind);
                let came: Vec<_> = (1..=3).filter_map(comes).collect();
                assert_eq!(came, left, "{to:?}");
                assert_eq!(effects.len(), 3 - left.len(), "{to:?}: {effects:?}");
            }
        }
    }
}

#[test]
fn a_timeout_that_is_set_in_a_transition_belongs_to_the_new_state() {
    let mut core = Small::new('a');
    let set = |word| timeouts([(Kind::State, Setting::In(ms(5), word))]);
    assert_eq!(step(&mut core, To::Keep, set("a")), [Effect::Start { number: 1, after: ms(5) }]);
    let effects = step(&mut core, To::Next('b'), set("b"));
    assert_eq!(effects, [Effect::Cancel { number: 1 }, Effect::Start { number: 2, after: ms(5) }]);
    assert_eq!(core.expired(1), None);
    assert_eq!(core.expired(2), Some((Kind::State, "b")));
    assert_eq!(core.expired(2), None, "it comes once");
}

#[test]
fn setting_cancelling_and_updating_a_timeout() {
    type Settings = Vec<(Kind<char>, Setting<&'static str>)>;
    type Row = (&'static str, Vec<Settings>, Option<&'static str>, (u64, Option<&'static str>));
    let x = Kind::Named('x');
    let running = |word| (x, Setting::In(ms(5), word));
    // What is set first, in transitions of their own; what is due at once, and what the timer of
    // the number comes to.
    let table: [Row; 8] = [
        ("set", vec![vec![running("1")]], None, (1, Some("1"))),
        ("set anew", vec![vec![running("1")], vec![running("2")]], None, (2, Some("2"))),
        ("cancelled", vec![vec![running("1")], vec![(x, Setting::Cancel)]], None, (1, None)),
        (
            "updated",
            vec![vec![running("1")], vec![(x, Setting::Update("2"))]],
            None,
            (1, Some("2")),
        ),
        ("updated, none runs", vec![vec![(x, Setting::Update("2"))]], Some("2"), (1, None)),
        ("cancelled, none runs", vec![vec![(x, Setting::Cancel)]], None, (1, None)),
        (
            "zero for a running one",
            vec![vec![running("1")], vec![(x, Setting::In(ms(0), "2"))]],
            Some("2"),
            (1, None),
        ),
        (
            "of several in one transition the last alone",
            vec![vec![running("1"), (x, Setting::Update("2"))]],
            Some("2"),
            (1, None),
        ),
    ];
    for (what, settings, due, (number, timer)) in table {
        let mut core = Small::new('a');
        for setting in settings {
            step(&mut core, To::Keep, Asked { timeouts: setting, ..Asked::default() });
        }
        let comes: Vec<_> = due.into_iter().map(|word| Next::Due(x, word)).collect();
        assert_eq!(drain(&mut core), comes, "{what}");
        assert_eq!(core.expired(number), timer.map(|word| (x, word)), "{what}");
    }
}

// --- Random sequences.

/// What is handled: an event, or a timeout that came. Postponed, either comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Event(u32),
    Due(Kind<u8>, u32),
}

/// What the callback does with the next item, whatever it is.
#[derive(Clone, Debug)]
struct Reaction {
    to: To<u8>,
    postpone: bool,
    insert: Vec<u32>,
    timeouts: Vec<(Kind<u8>, Setting<u32>)>,
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Arrives(u32),
    Passes(u64),
}

/// The core, with a clock and a mailbox around it.
struct Real {
    core: Core<u8, Item, u8, u32>,
    now: Duration,
    timers: Vec<(Duration, u64)>,
    reactions: std::vec::IntoIter<Reaction>,
    handled: Vec<(u8, Item)>,
}

impl Real {
    fn handle(&mut self, item: Item) {
        self.handled.push((*self.core.state(), item));
        let Some(reaction) = self.reactions.next() else { return self.settle(false, item, None) };
        let changed = matches!(self.core.go(reaction.to), Moved::Changed { .. });
        self.settle(changed, item, Some(reaction));
    }

    fn settle(&mut self, changed: bool, item: Item, reaction: Option<Reaction>) {
        let actions = reaction.map_or_else(Actions::default, |reaction| Actions {
            postpone: reaction.postpone.then_some(item),
            insert: reaction.insert.into_iter().map(Item::Event).collect(),
            timeouts: reaction.timeouts,
        });
        for effect in self.core.settle(changed, actions) {
            match effect {
                Effect::Start { number, after } => self.timers.push((self.now + after, number)),
                Effect::Cancel { number } => {
                    let before = self.timers.len();
                    self.timers.retain(|(_, other)| *other != number);
                    assert_eq!(self.timers.len(), before - 1, "cancelled what does not run");
                }
            }
        }
        // The state's, the event's, and two names.
        assert!(self.timers.len() <= 4, "two timers for one timeout");
    }

    fn drain(&mut self) {
        while let Some(next) = self.core.next() {
            self.handle(match next {
                Next::Queued(item) => item,
                Next::Due(kind, content) => Item::Due(kind, content),
            });
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Arrives(event) => {
                self.handle(Item::Event(event));
                self.drain();
            }
            Happens::Passes(millis) => {
                let until = self.now + ms(millis);
                while let Some(&(at, number)) =
                    self.timers.iter().min().filter(|(at, _)| *at <= until)
                {
                    self.now = at;
                    self.timers.retain(|(_, other)| *other != number);
                    let (kind, content) = self.core.expired(number).expect("it was not cancelled");
                    self.handle(Item::Due(kind, content));
                    self.drain();
                }
                self.now = until;
            }
        }
    }
}

/// All that waits stands in one line, in the order in which it is to be handled; who is postponed
/// stays where it is with a mark.
struct Model {
    state: u8,
    line: Vec<(Item, bool)>,
    /// When, set as which, what. A timeout of zero is due now, and no clock is needed for it.
    timeouts: Vec<(Duration, u64, Kind<u8>, u32)>,
    set: u64,
    now: Duration,
    reactions: std::vec::IntoIter<Reaction>,
    handled: Vec<(u8, Item)>,
}

impl Model {
    /// Handles the first in line that is not postponed.
    fn handle(&mut self, at: usize) {
        let item = self.line[at].0;
        self.handled.push((self.state, item));
        self.timeouts.retain(|(_, _, kind, _)| *kind != Kind::Event);
        let Some(reaction) = self.reactions.next() else {
            self.line.remove(at);
            return;
        };
        self.line[at].1 = true;
        let mut front = at + 1;
        if !reaction.postpone {
            self.line.remove(at);
            front = at;
        }
        if let To::Next(state) = reaction.to
            && state != self.state
        {
            self.state = state;
            self.timeouts.retain(|(_, _, kind, _)| *kind != Kind::State);
            self.line.iter_mut().for_each(|(_, postponed)| *postponed = false);
            front = 0;
        }
        let inserted = reaction.insert.iter().map(|event| (Item::Event(*event), false));
        self.line.splice(front..front, inserted);
        for (nth, (kind, setting)) in reaction.timeouts.iter().enumerate() {
            if reaction.timeouts[nth + 1..].iter().any(|(other, _)| other == kind) {
                continue;
            }
            let runs = self.timeouts.iter().position(|(_, _, other, _)| other == kind);
            match (*setting, runs) {
                (Setting::Update(content), Some(at)) => self.timeouts[at].3 = content,
                (Setting::Cancel, runs) => drop(runs.map(|at| self.timeouts.remove(at))),
                (Setting::In(_, content) | Setting::Update(content), runs) => {
                    runs.map(|at| self.timeouts.remove(at));
                    let Setting::In(after, _) = *setting else {
                        self.timeouts.push((Duration::ZERO, self.set, *kind, content));
                        self.set += 1;
                        continue;
                    };
                    let at = if after.is_zero() { Duration::ZERO } else { self.now + after };
                    self.timeouts.push((at, self.set, *kind, content));
                    self.set += 1;
                }
            }
        }
    }

    fn drain(&mut self, until: Duration) {
        loop {
            if let Some(at) = self.line.iter().position(|(_, postponed)| !postponed) {
                self.handle(at);
                continue;
            }
            let first = (0..self.timeouts.len())
                .min_by_key(|at| (self.timeouts[*at].0, self.timeouts[*at].1));
            let Some(at) = first.filter(|at| self.timeouts[*at].0 <= until) else { return };
            let (when, _, kind, content) = self.timeouts.remove(at);
            self.now = self.now.max(when);
            self.line.push((Item::Due(kind, content), false));
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Arrives(event) => {
                self.line.push((Item::Event(event), false));
                self.drain(Duration::ZERO);
            }
            Happens::Passes(millis) => {
                let until = self.now + ms(millis);
                self.drain(until);
                self.now = until;
            }
        }
    }
}

fn kinds() -> impl Strategy<Value = Kind<u8>> {
    prop_oneof![Just(Kind::State), Just(Kind::Event), (0_u8..2).prop_map(Kind::Named),]
}

fn settings() -> impl Strategy<Value = Setting<u32>> {
    prop_oneof![
        4 => (0_u64..4, any::<u32>()).prop_map(|(after, content)| Setting::In(ms(after * 3), content)),
        1 => any::<u32>().prop_map(Setting::Update),
        1 => Just(Setting::Cancel),
    ]
}

fn reactions() -> impl Strategy<Value = Reaction> {
    let to = prop_oneof![
        2 => Just(To::Keep),
        1 => Just(To::Repeat),
        2 => (0_u8..3).prop_map(To::Next),
    ];
    let timeouts = vec((kinds(), settings()), 0..4);
    (to, any::<bool>(), vec(1000_u32..2000, 0..3), timeouts)
        .prop_map(|(to, postpone, insert, timeouts)| Reaction { to, postpone, insert, timeouts })
}

fn happenings() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => (0_u32..1000).prop_map(Happens::Arrives),
        1 => (1_u64..12).prop_map(Happens::Passes),
    ]
}

proptest! {
    /// Whatever a callback asks for, and whatever arrives: the same is handled in the same states in
    /// the same order.
    #[test]
    fn a_machine_does_what_the_model_does(
        happens in vec(happenings(), 1..30),
        all in vec(reactions(), 0..60),
    ) {
        let mut real = Real {
            core: Core::new(0),
            now: Duration::ZERO,
            timers: Vec::new(),
            reactions: all.clone().into_iter(),
            handled: Vec::new(),
        };
        let mut model = Model {
            state: 0,
            line: Vec::new(),
            timeouts: Vec::new(),
            set: 0,
            now: Duration::ZERO,
            reactions: all.into_iter(),
            handled: Vec::new(),
        };
        for what in happens {
            real.happens(what);
            model.happens(what);
            prop_assert_eq!(&real.handled, &model.handled);
            prop_assert_eq!(*real.core.state(), model.state);
        }
    }
}
