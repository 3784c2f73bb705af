//! The groups of one incarnation of a scope, shared by everybody who reads or changes them.
//!
//! One lock, and nothing of the user's under it: members lie by the hash of their group, as the
//! entries of a registry do, and groups are compared outside.
//!
//! A change and its place in the queue of news are one step under that lock. Whoever finds nobody
//! else telling tells the news, one after another, until there are none: so every monitor hears of
//! the changes in their order, whichever threads made them.

use std::any::Any;
use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::panic::resume_unwind;

use super::GroupEvent;
use crate::ambient;
use crate::pcb::{AnyPcb, Held, Life, hold};
use crate::pid::Pid;
use crate::registry::RegistryKey;
use crate::registry::buckets::{Buckets, Seen};
use crate::registry::table::{AnyTable, drop_each};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, RwLock};

pub(super) type Tell<G> = Box<dyn Fn(GroupEvent<G>) + Send + Sync>;
/// Groups, and who is in them.
pub(super) type Now<G> = Vec<(G, Vec<Pid>)>;
/// What is only to be dropped.
type Thing = Arc<dyn Any + Send + Sync>;

/// What a request came to.
pub(super) enum Change {
    Done,
    /// On account of this process.
    Refused(Pid),
    /// The scope has ended.
    Closed,
}

/// One time that a process joined a group.
struct Member<G> {
    hash: u64,
    number: u64,
    group: Arc<G>,
    process: Arc<dyn AnyPcb>,
}

impl<G> Member<G> {
    fn pid(&self) -> Pid {
        self.process.head().pid
    }

    fn is_alive(&self) -> bool {
        self.process.head().life() == Life::Running
    }
}

struct Watch<G> {
    number: u64,
    owner: Pid,
    /// Without one, it watches them all.
    group: Option<(u64, G)>,
    tell: Tell<G>,
    on: AtomicBool,
}

/// A change that has not been told. Its members have groups with one hash.
struct News<G> {
    to: Vec<Arc<Watch<G>>>,
    joined: bool,
    members: Vec<Arc<Member<G>>>,
}

struct State<G> {
    closed: bool,
    next: u64,
    buckets: Buckets<Member<G>>,
    by_process: HashMap<Pid, BTreeMap<u64, Arc<Member<G>>>>,
    watches: Vec<Arc<Watch<G>>>,
    news: VecDeque<News<G>>,
    /// Somebody is telling the news.
    telling: bool,
}

impl<G> Default for State<G> {
    fn default() -> Self {
        Self {
            closed: false,
            next: 0,
            buckets: Buckets::default(),
            by_process: HashMap::new(),
            watches: Vec::new(),
            news: VecDeque::new(),
            telling: false,
        }
    }
}

impl<G> State<G> {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Lets those know who watch groups with this hash. Whether the caller is to tell.
    fn announce(&mut self, hash: u64, joined: bool, members: &[Arc<Member<G>>]) -> bool {
        let watches = |watch: &&Arc<Watch<G>>| {
            watch.group.as_ref().is_none_or(|(watched, _)| *watched == hash)
        };
        let to: Vec<_> = self.watches.iter().filter(watches).cloned().collect();
        if to.is_empty() || members.is_empty() {
            return false;
        }
        self.news.push_back(News { to, joined, members: members.to_vec() });
        !std::mem::replace(&mut self.telling, true)
    }
}

pub(super) struct GroupTable<G> {
    /// The process whose groups these are.
    keeper: Arc<dyn AnyPcb>,
    hasher: RandomState,
    state: RwLock<State<G>>,
}

/// Those who are in a group, of members with one hash.
fn pids_in<'a, G, Q>(members: impl Iterator<Item = &'a Arc<Member<G>>>, group: &Q) -> Vec<Pid>
where
    G: Borrow<Q> + 'a,
    Q: Eq + ?Sized,
{
    members.filter(|member| (*member.group).borrow() == group).map(|member| member.pid()).collect()
}

/// Members by their group, in the order of the first ones.
fn grouped<G: RegistryKey>(members: &[Arc<Member<G>>]) -> Now<G> {
    let mut at: HashMap<&G, usize> = HashMap::new();
    let mut groups: Now<G> = Vec::new();
    for member in members {
        let at = *at.entry(&member.group).or_insert_with(|| {
            groups.push((G::clone(&member.group), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(member.pid());
    }
    groups
}

impl<G: RegistryKey> GroupTable<G> {
    pub(super) fn new(keeper: Arc<dyn AnyPcb>) -> Self {
        Self { keeper, hasher: RandomState::new(), state: RwLock::default() }
    }

    /// Whether the scope runs.
    pub(super) fn is_open(&self) -> bool {
        self.keeper.head().life() == Life::Running
    }

    pub(super) fn system(&self) -> u64 {
        self.keeper.head().system.id()
    }

    fn be_held_by(self: &Arc<Self>, process: &dyn AnyPcb) -> bool {
        let this: Arc<dyn Held> = self.clone();
        hold(process, Arc::downgrade(&this))
    }

    fn see<Q>(&self, group: &Q) -> Seen<Member<G>>
    where
        G: Borrow<Q>,
        Q: Hash + ?Sized,
    {
        let hash = self.hasher.hash_one(group);
        self.state.read().buckets.see(hash)
    }

    pub(super) fn members<Q>(&self, group: &Q) -> Vec<Pid>
    where
        G: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let seen = self.see(group);
        pids_in(seen.iter().filter(|member| member.is_alive()), group)
    }

    /// Every group that has members, with them.
    pub(super) fn by_group(&self) -> Now<G> {
        let mut all: Vec<_> = self.state.read().buckets.all().cloned().collect();
        all.retain(|member| member.is_alive());
        all.sort_by_key(|member| member.number);
        grouped(&all)
    }

    pub(super) fn join(self: &Arc<Self>, group: G, processes: Vec<Arc<dyn AnyPcb>>) -> Change {
        for process in &processes {
            if !self.be_held_by(&**process) {
                return Change::Refused(process.head().pid);
            }
        }
        let (hash, group) = (self.hasher.hash_one(&group), Arc::new(group));
        let tells = {
            let mut state = self.state.write();
            if state.closed {
                return Change::Closed;
            }
            // Under the lock: who runs now comes here when it ends, and not before.
            let dead = |process: &&Arc<dyn AnyPcb>| process.head().life() != Life::Running;
            if let Some(dead) = processes.iter().find(dead) {
                return Change::Refused(dead.head().pid);
            }
            let mut members = Vec::with_capacity(processes.len());
            for process in processes {
                let (number, group) = (state.number(), group.clone());
                let member = Arc::new(Member { hash, number, group, process });
                state.buckets.insert(hash, number, member.clone());
                let own = state.by_process.entry(member.pid()).or_default();
                own.insert(number, member.clone());
                members.push(member);
            }
            state.announce(hash, true, &members)
        };
        self.tell_if(tells);
        Change::Done
    }

    pub(super) fn leave<Q>(&self, group: &Q, pid: Pid) -> Change
    where
        G: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        loop {
            let seen = self.see(group);
            let own =
                |member: &&Arc<Member<G>>| member.pid() == pid && (*member.group).borrow() == group;
            let Some(last) = seen.iter().filter(own).last() else { return Change::Refused(pid) };
            let removed = {
                let mut state = self.state.write();
                let removed = state.buckets.remove(last.hash, last.number);
                removed.is_some().then(|| {
                    let mut former = None;
                    if let Some(own) = state.by_process.get_mut(&pid) {
                        former = own.remove(&last.number);
                        if own.is_empty() {
                            state.by_process.remove(&pid);
                        }
                    }
                    let tells = state.announce(last.hash, false, std::slice::from_ref(last));
                    (tells, removed, former)
                })
            };
            // Otherwise somebody else let it leave, and it may be in the group another time.
            if let Some((tells, ..)) = removed {
                self.tell_if(tells);
                return Change::Done;
            }
        }
    }

    /// Lets a process, the current one, watch; with the members that it will not be told of.
    pub(super) fn watch(
        self: &Arc<Self>,
        owner: &Arc<dyn AnyPcb>,
        group: Option<G>,
        tell: Tell<G>,
    ) -> Result<(u64, Now<G>), Change> {
        let pid = owner.head().pid;
        if !self.be_held_by(&**owner) {
            return Err(Change::Refused(pid));
        }
        let group = group.map(|group| (self.hasher.hash_one(&group), group));
        let (watch, mut members): (_, Vec<_>) = {
            let mut state = self.state.write();
            if state.closed {
                return Err(Change::Closed);
            }
            let (number, on) = (state.number(), AtomicBool::new(true));
            let watch = Arc::new(Watch { number, owner: pid, group, tell, on });
            state.watches.push(watch.clone());
            let members = match &watch.group {
                Some((hash, _)) => state.buckets.see(*hash).into_iter().collect(),
                None => state.buckets.all().cloned().collect(),
            };
            (watch, members)
        };
        // One that is about to end is told of when it has.
        members.sort_by_key(|member| member.number);
        if let Some((_, group)) = &watch.group {
            members.retain(|member| *member.group == *group);
        }
        Ok((watch.number, grouped(&members)))
    }

    pub(super) fn unwatch(&self, number: u64) -> bool {
        let removed = {
            let mut state = self.state.write();
            let at = state.watches.iter().position(|watch| watch.number == number);
            at.map(|at| state.watches.remove(at))
        };
        if let Some(watch) = &removed {
            watch.on.store(false, Ordering::Release);
        }
        removed.is_some()
    }

    fn tell_if(&self, tells: bool) {
        if tells {
            self.tell();
        }
    }

    /// Tells all news, also those that come meanwhile. The first panic goes on when all is told.
    fn tell(&self) {
        let mut first = None;
        loop {
            let news = {
                let mut state = self.state.write();
                let news = state.news.pop_front();
                state.telling = news.is_some();
                news
            };
            let Some(News { to, joined, members }) = news else { break };
            let mut guarded = |work: &mut dyn FnMut()| {
                if let Err(payload) = ambient::catch(work) {
                    if first.is_none() && !std::thread::panicking() {
                        first = Some(payload);
                    } else {
                        drop(ambient::panic_info(payload));
                    }
                }
            };
            for watch in to {
                let mut watch = Some(watch);
                // With its drop: it may be the last reference to what the user gave.
                guarded(&mut || {
                    if let Some(watch) = watch.take() {
                        watch.hear(joined, &members);
                    }
                });
            }
            let mut members = Some(members);
            guarded(&mut || drop_each(members.take().unwrap_or_default()));
        }
        if let Some(payload) = first {
            resume_unwind(payload);
        }
    }
}

impl<G: RegistryKey> Watch<G> {
    fn hear(&self, joined: bool, members: &[Arc<Member<G>>]) {
        if !self.on.load(Ordering::Acquire) {
            return;
        }
        let groups = match &self.group {
            Some((_, group)) => vec![(group.clone(), pids_in(members.iter(), group))],
            None => grouped(members),
        };
        for (group, members) in groups.into_iter().filter(|(_, members)| !members.is_empty()) {
            (self.tell)(if joined {
                GroupEvent::Join { group, members }
            } else {
                GroupEvent::Leave { group, members }
            });
        }
    }
}

impl<G: RegistryKey> Held for GroupTable<G> {
    fn owner_ended(&self, owner: &dyn AnyPcb) {
        let pid = owner.head().pid;
        let (tells, left, watches) = {
            let mut state = self.state.write();
            let own = |watch: &mut Arc<Watch<G>>| watch.owner == pid;
            let watches: Vec<_> = state.watches.extract_if(.., own).collect();
            let left = state.by_process.remove(&pid).unwrap_or_default();
            // By the first of each, so that groups are told of in the order in which it joined them.
            let mut by_hash: Vec<(u64, Vec<Arc<Member<G>>>)> = Vec::new();
            for member in left.values() {
                let removed = state.buckets.remove(member.hash, member.number);
                // Not the last reference: `left` has another one.
                drop(removed);
                match by_hash.iter_mut().find(|(hash, _)| *hash == member.hash) {
                    Some((_, members)) => members.push(member.clone()),
                    None => by_hash.push((member.hash, vec![member.clone()])),
                }
            }
            let mut tells = false;
            for (hash, members) in by_hash {
                tells |= state.announce(hash, false, &members);
            }
            (tells, left, watches)
        };
        for watch in &watches {
            watch.on.store(false, Ordering::Release);
        }
        self.tell_if(tells);
        let mut all: Vec<Thing> = watches.into_iter().map(|watch| -> Thing { watch }).collect();
        all.extend(left.into_values().map(|member| -> Thing { member }));
        drop_each(all);
    }
}

impl<G: RegistryKey> AnyTable for GroupTable<G> {
    fn close(&self) -> Vec<Pid> {
        let left = {
            let mut state = self.state.write();
            // Whoever tells finds nothing more to tell.
            let State { telling, .. } = *state;
            std::mem::replace(&mut *state, State { closed: true, telling, ..State::default() })
        };
        let State { buckets, by_process, watches, news, .. } = left;
        // Not the last references: the processes have them, too.
        drop(buckets);
        let mut all: Vec<Thing> = Vec::new();
        let members = by_process.into_values().flat_map(BTreeMap::into_values);
        all.extend(members.map(|member| -> Thing { member }));
        let untold = news.into_iter().flat_map(|news| news.members);
        all.extend(untold.map(|member| -> Thing { member }));
        all.extend(watches.into_iter().map(|watch| -> Thing { watch }));
        drop_each(all);
        Vec::new()
    }
}
