//! What an event says to a drawing.

use crate::pid::Pid;
use crate::trace::{Because, Event, What};

/// Who: told apart by pid, or by name when only lines are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Pid(Pid),
    #[cfg(any(test, feature = "testing"))]
    Name(String),
}

/// What a drawing takes from an event.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) at: String,
    /// To whom it happened.
    pub(super) key: Key,
    pub(super) name: String,
    pub(super) mark: Mark,
    pub(super) sentence: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Mark {
    Begin {
        parent: Option<Key>,
    },
    End {
        orderly: bool,
        reason: String,
    },
    Note(String),
    /// The culprit is the child that made the group's restart necessary.
    Started {
        id: String,
        child: Key,
        name: String,
        incarnation: u32,
        culprit: Option<String>,
    },
    Stopped {
        id: String,
        child: Option<Key>,
    },
    NotStarted {
        id: String,
    },
    NotRestarted {
        id: String,
        child: Option<Key>,
    },
    GaveUp,
    Ends,
}

impl Mark {
    pub(super) fn is_begin(&self) -> bool {
        matches!(self, Self::Begin { .. })
    }

    /// Whether only supervisors do this.
    pub(super) fn is_decision(&self) -> bool {
        !matches!(self, Self::Begin { .. } | Self::End { .. } | Self::Note(_))
    }
}

impl Step {
    pub(super) fn of_event(event: &Event) -> Option<Self> {
        let mark = match &event.what {
            What::Spawned { parent, .. } => Mark::Begin { parent: Some(Key::Pid(parent.pid)) },
            What::Exited { reason, .. } => {
                Mark::End { orderly: reason.is_expected(), reason: crate::trace::brief(reason) }
            }
            What::Note(text) => Mark::Note(text.clone()),
            What::ChildStarted { id, child, incarnation } => Mark::Started {
                id: id.to_string(),
                child: Key::Pid(child.pid),
                name: child.to_string(),
                incarnation: *incarnation,
                culprit: None,
            },
            What::ChildRestarted { id, child, incarnation, because } => Mark::Started {
                id: id.to_string(),
                child: Key::Pid(child.pid),
                name: child.to_string(),
                incarnation: *incarnation,
                culprit: match because {
                    Because::Strategy { child, .. } => Some(child.to_string()),
                    Because::Request | Because::Ending => None,
                },
            },
            What::ChildStopped { id, child, .. } => {
                Mark::Stopped { id: id.to_string(), child: Some(Key::Pid(child.pid)) }
            }
            What::NotRestarted { id, child, .. } => {
                Mark::NotRestarted { id: id.to_string(), child: Some(Key::Pid(child.pid)) }
            }
            What::StartFailed { id, .. } | What::StartIgnored { id } => {
                Mark::NotStarted { id: id.to_string() }
            }
            What::GaveUp { .. } => Mark::GaveUp,
            What::ShutDown { .. } => Mark::Ends,
            What::Linked(_)
            | What::Unlinked(_)
            | What::Monitored(_)
            | What::Demonitored
            | What::RestartDelayed { .. }
            | What::Registered(_)
            | What::Unregistered(_) => return None,
        };
        Some(Self {
            at: super::time(event.at),
            key: Key::Pid(event.subject.pid),
            name: event.subject.to_string(),
            mark,
            sentence: event.sentence(),
        })
    }
}
