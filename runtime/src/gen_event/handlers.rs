//! The list of handlers: who stands where, who is meant, who belongs to whom. Pure.

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use super::GenEvent;
use crate::exit_reason::ExitReason;
use crate::pid::Pid;
use crate::supervisor::short;

/// A handler of type `H` in a manager, by its type and, where there may be several, an id: a
/// constant, as a [`Name`](crate::Name) is.
///
/// Two handlers may be added under the same one; the newest is then meant.
///
/// Source: OTP `gen_event`, `handler()`: `Module` or `{Module, Id}`.
pub struct Handler<H> {
    id: Option<Cow<'static, str>>,
    handler: PhantomData<fn(H)>,
}

impl<H> Handler<H> {
    /// The one without an id.
    pub const fn new() -> Self {
        Self { id: None, handler: PhantomData }
    }

    /// The one with this id, which is known when the program is written.
    pub const fn with_id(id: &'static str) -> Self {
        Self { id: Some(Cow::Borrowed(id)), handler: PhantomData }
    }

    /// The one with this id, which is made up while it runs.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: Some(Cow::Owned(id.into())), handler: PhantomData }
    }
}

impl<H> Default for Handler<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: GenEvent> fmt::Debug for Handler<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HandlerId::from(self).fmt(f)
    }
}

/// A handler, whatever its type. Prints as `Logger`, or `Logger/disk` with an id.
#[derive(Clone)]
pub struct HandlerId {
    kind: TypeId,
    type_name: &'static str,
    id: Option<Cow<'static, str>>,
}

impl HandlerId {
    /// The type's full name.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl<H: GenEvent> From<&Handler<H>> for HandlerId {
    fn from(handler: &Handler<H>) -> Self {
        let (kind, type_name) = (TypeId::of::<H>(), std::any::type_name::<H>());
        Self { kind, type_name, id: handler.id.clone() }
    }
}

impl PartialEq for HandlerId {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.id) == (other.kind, &other.id)
    }
}

impl Eq for HandlerId {}

impl Hash for HandlerId {
    fn hash<T: Hasher>(&self, state: &mut T) {
        (self.kind, &self.id).hash(state);
    }
}

impl<H: GenEvent> PartialEq<Handler<H>> for HandlerId {
    fn eq(&self, other: &Handler<H>) -> bool {
        (self.kind, &self.id) == (TypeId::of::<H>(), &other.id)
    }
}

impl fmt::Display for HandlerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(short(self.type_name))?;
        match &self.id {
            Some(id) => write!(f, "/{id}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for HandlerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a handler is removed.
///
/// Source: OTP `gen_event`, the first argument of `terminate/2`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Leaving {
    /// Somebody [deleted](super::Events::delete) it.
    ///
    /// Differs from OTP, where whoever deletes it can say something here.
    Deleted,
    /// It asked for it: OTP's `remove_handler`.
    Removed,
    /// It makes room for this one.
    Swapped(HandlerId),
    /// The manager ends.
    Stop,
    /// Its owner has ended with this reason: OTP's `{stop, Reason}`.
    OwnerExit(ExitReason),
    /// It crashed with this reason: OTP's `{error, {'EXIT', Reason}}`.
    Error(ExitReason),
}

impl Leaving {
    /// What the owner is told.
    pub(super) fn told(self, owner: Option<Pid>) -> ExitReason {
        match self {
            Self::Deleted | Self::Removed => ExitReason::Normal,
            Self::Swapped(by) => ExitReason::other(Swapped { by, owner }),
            Self::Stop | Self::OwnerExit(_) => ExitReason::Shutdown,
            Self::Error(reason) => reason,
        }
    }
}

/// The reason with which a handler ended that made room for another one; inside of
/// [`ExitReason::Other`].
///
/// Source: OTP `gen_event`, `{swapped, NewHandler, Pid}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Swapped {
    /// The new handler.
    pub by: HandlerId,
    /// Its owner.
    pub owner: Option<Pid>,
}

/// A handler in its manager.
pub(super) struct Entry<T> {
    pub(super) id: HandlerId,
    /// Who is told of its end, and takes it along.
    pub(super) owner: Option<Pid>,
    pub(super) handler: T,
}

/// The handlers, in the order in which they are told.
pub(super) struct Handlers<T>(Vec<Entry<T>>);

impl<T> Default for Handlers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Handlers<T> {
    /// The newest is told first.
    pub(super) fn add(&mut self, entry: Entry<T>) {
        self.0.insert(0, entry);
    }

    /// A successor stands where its predecessor stood.
    pub(super) fn replace(&mut self, at: usize, entry: Entry<T>) {
        self.0.insert(at, entry);
    }

    /// The newest of this id.
    pub(super) fn find(&self, id: &HandlerId) -> Option<usize> {
        self.0.iter().position(|entry| entry.id == *id)
    }

    /// The newest of this owner.
    pub(super) fn owned_by(&self, owner: Pid) -> Option<usize> {
        self.0.iter().position(|entry| entry.owner == Some(owner))
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Entry<T>> {
        self.0.get_mut(at)
    }

    pub(super) fn take(&mut self, at: usize) -> Option<Entry<T>> {
        (at < self.0.len()).then(|| self.0.remove(at))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &HandlerId> {
        self.0.iter().map(|entry| &entry.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    struct Two;

    fn id<H: 'static>(id: Option<&'static str>) -> HandlerId {
        let type_name = std::any::type_name::<H>();
        HandlerId { kind: TypeId::of::<H>(), type_name, id: id.map(Cow::Borrowed) }
    }

    fn entry(id: HandlerId, owner: Option<Pid>, handler: u32) -> Entry<u32> {
        Entry { id, owner, handler }
    }

    fn order(handlers: &Handlers<u32>) -> Vec<u32> {
        handlers.0.iter().map(|entry| entry.handler).collect()
    }

    #[test]
    fn an_id_is_the_type_and_what_tells_several_of_it_apart() {
        for (a, b, same) in [
            (id::<One>(None), id::<One>(None), true),
            (id::<One>(None), id::<Two>(None), false),
            (id::<One>(Some("x")), id::<One>(Some("x")), true),
            (id::<One>(Some("x")), id::<One>(Some("y")), false),
            (id::<One>(Some("x")), id::<One>(None), false),
            (id::<One>(Some("x")), id::<Two>(Some("x")), false),
        ] {
            assert_eq!(a == b, same, "{a} and {b}");
        }
        assert_eq!(id::<One>(None).to_string(), "One");
        assert_eq!(id::<One>(Some("x")).to_string(), "One/x");
    }

    #[test]
    fn the_newest_stands_first_and_is_the_one_that_is_meant() {
        let mut handlers = Handlers::default();
        handlers.add(entry(id::<One>(None), None, 1));
        handlers.add(entry(id::<Two>(None), None, 2));
        handlers.add(entry(id::<One>(None), None, 3));
        assert_eq!(order(&handlers), [3, 2, 1]);
        assert_eq!(handlers.find(&id::<One>(None)), Some(0));
        assert_eq!(handlers.find(&id::<Two>(Some("x"))), None);
        assert_eq!(handlers.take(0).map(|entry| entry.handler), Some(3));
        assert_eq!(handlers.find(&id::<One>(None)), Some(1));
        assert!(handlers.take(2).is_none());
    }

    #[test]
    fn a_successor_stands_where_its_predecessor_stood() {
        let mut handlers = Handlers::default();
        for handler in 1..=3 {
            handlers.add(entry(id::<One>(None), None, handler));
        }
        assert!(handlers.take(1).is_some());
        handlers.replace(1, entry(id::<Two>(None), None, 9));
        assert_eq!(order(&handlers), [3, 9, 1]);
    }

    #[test]
    fn those_of_an_owner_are_found_one_after_the_other() {
        let (a, b) = (Pid::new(1, 1), Pid::new(2, 1));
        let mut handlers = Handlers::default();
        for (owner, handler) in [(Some(a), 1), (Some(b), 2), (None, 3), (Some(a), 4)] {
            handlers.add(entry(id::<One>(None), owner, handler));
        }
        let mut gone = Vec::new();
        while let Some(at) = handlers.owned_by(a) {
            gone.extend(handlers.take(at).map(|entry| entry.handler));
        }
        assert_eq!((gone, order(&handlers)), (vec![4, 1], vec![3, 2]));
    }

    #[test]
    fn what_an_owner_is_told() {
        let owner = Some(Pid::new(1, 1));
        let swapped = Swapped { by: id::<Two>(None), owner };
        for (leaving, told) in [
            (Leaving::Deleted, ExitReason::Normal),
            (Leaving::Removed, ExitReason::Normal),
            (Leaving::Swapped(id::<Two>(None)), ExitReason::other(swapped)),
            (Leaving::Stop, ExitReason::Shutdown),
            (Leaving::OwnerExit(ExitReason::Kill), ExitReason::Shutdown),
            (Leaving::Error(ExitReason::other("oops")), ExitReason::other("oops")),
        ] {
            assert_eq!(leaving.clone().told(owner), told, "{leaving:?}");
        }
    }
}
