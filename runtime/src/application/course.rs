//! The course of a release: what is done when, as a state machine without a process.

use super::{Mode, Why};
use crate::exit_reason::ExitReason;

/// Something has happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// An application is up.
    Up(usize),
    /// An application has ended: one that was starting, one that ran, one that was being stopped.
    Ended(usize, ExitReason),
    /// The release is to stop.
    Stop(Why),
    /// It is to stop without more waiting: the deadline has passed, or somebody has asked twice.
    Force,
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Start this application; `Up` or `Ended` follows.
    Start(usize),
    /// Everything is up.
    Ready,
    /// From now on the deadline runs.
    Deadline,
    /// Ask this application to stop; `Ended` follows.
    Stop(usize),
    /// Kill this application; `Ended` follows.
    Kill(usize),
    /// Everything has ended.
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Starting,
    Running,
    Stopping,
    Ended,
}

impl State {
    fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }
}

/// Applications in the order of their start, and how far each is.
#[derive(Debug)]
pub(super) struct Course {
    modes: Vec<Mode>,
    states: Vec<State>,
    /// Why everything is being stopped, if it is.
    why: Option<Why>,
    forced: bool,
}

impl Course {
    pub(super) fn new(modes: Vec<Mode>) -> Self {
        let states = vec![State::Waiting; modes.len()];
        Self { modes, states, why: None, forced: false }
    }

    /// Starts the first application.
    pub(super) fn begin(&mut self) -> Vec<Action> {
        self.start_next()
    }

    /// Why it was stopped, and whether that was done by force.
    pub(super) fn outcome(&self) -> (Option<&Why>, bool) {
        (self.why.as_ref(), self.forced)
    }

    /// Whether this application is up.
    pub(super) fn is_running(&self, index: usize) -> bool {
        self.states.get(index) == Some(&State::Running)
    }

    /// What follows from an event. One that no longer concerns anybody has no consequences.
    pub(super) fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Up(index) if self.states[index] == State::Starting => {
                self.states[index] = State::Running;
                self.start_next()
            }
            Event::Up(_) => Vec::new(),
            Event::Ended(index, reason) => self.ended(index, reason),
            Event::Stop(why) => self.stop(why),
            Event::Force if self.why.is_some() => self.force(),
            Event::Force => Vec::new(),
        }
    }

    fn start_next(&mut self) -> Vec<Action> {
        match self.states.iter().position(|state| *state == State::Waiting) {
            Some(next) => {
                self.states[next] = State::Starting;
                vec![Action::Start(next)]
            }
            None => vec![Action::Ready],
        }
    }

    fn ended(&mut self, index: usize, reason: ExitReason) -> Vec<Action> {
        let before = std::mem::replace(&mut self.states[index], State::Ended);
        if self.why.is_some() {
            return self.stop_next();
        }
        match before {
            State::Starting => self.stop(Why::NotStarted { index, reason }),
            State::Running if self.modes[index].is_fatal(&reason) => {
                self.stop(Why::Ended { index, reason })
            }
            _ => Vec::new(),
        }
    }

    fn stop(&mut self, why: Why) -> Vec<Action> {
        if self.why.is_some() {
            return Vec::new();
        }
        self.why = Some(why);
        let mut actions = vec![Action::Deadline];
        actions.extend(self.stop_next());
        actions
    }

    /// The last application that still lives is asked to stop, unless it was.
    fn stop_next(&mut self) -> Vec<Action> {
        match self.states.iter().rposition(|state| state.is_live()) {
            None => vec![Action::Finish],
            Some(last) if self.states[last] == State::Stopping => Vec::new(),
            Some(last) => {
                self.states[last] = State::Stopping;
                vec![Action::Stop(last)]
            }
        }
    }

    /// Everything that still lives is killed, the last first.
    fn force(&mut self) -> Vec<Action> {
        if std::mem::replace(&mut self.forced, true) {
            return Vec::new();
        }
        let live: Vec<usize> =
            (0..self.states.len()).rev().filter(|&at| self.states[at].is_live()).collect();
        for &index in &live {
            self.states[index] = State::Stopping;
        }
        live.into_iter().map(Action::Kill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: ExitReason = ExitReason::Killed;

    fn asked() -> Event {
        Event::Stop(Why::Asked(0))
    }

    /// Three permanent applications, all up.
    fn running(modes: [Mode; 3]) -> Course {
        let mut course = Course::new(modes.to_vec());
        assert_eq!(course.begin(), [Action::Start(0)]);
        assert_eq!(course.step(Event::Up(0)), [Action::Start(1)]);
        assert_eq!(course.step(Event::Up(1)), [Action::Start(2)]);
        assert_eq!(course.step(Event::Up(2)), [Action::Ready]);
        course
    }

    #[test]
    fn each_starts_when_the_one_before_is_up_and_stops_when_the_one_behind_has_ended() {
        let mut course = running([Mode::Permanent; 3]);
        assert_eq!(course.step(asked()), [Action::Deadline, Action::Stop(2)]);
        assert_eq!(course.step(Event::Ended(2, ExitReason::Shutdown)), [Action::Stop(1)]);
        assert_eq!(course.step(Event::Ended(1, ExitReason::Shutdown)), [Action::Stop(0)]);
        assert_eq!(course.step(Event::Ended(0, ExitReason::Shutdown)), [Action::Finish]);
        assert_eq!(course.outcome(), (Some(&Why::Asked(0)), false));
    }

    #[test]
    fn a_start_that_fails_stops_those_that_are_up() {
        let mut course = Course::new(vec![Mode::Temporary; 3]);
        course.begin();
        course.step(Event::Up(0));
        let actions = course.step(Event::Ended(1, CRASH));
        assert_eq!(actions, [Action::Deadline, Action::Stop(0)]);
        assert_eq!(course.step(Event::Ended(0, ExitReason::Shutdown)), [Action::Finish]);
        let why = Why::NotStarted { index: 1, reason: CRASH };
        assert_eq!(course.outcome(), (Some(&why), false));
    }

    #[test]
    fn a_release_can_be_stopped_while_it_starts() {
        let mut course = Course::new(vec![Mode::Permanent; 3]);
        course.begin();
        course.step(Event::Up(0));
        assert_eq!(course.step(asked()), [Action::Deadline, Action::Stop(1)]);
        // It was just about to be up.
        assert_eq!(course.step(Event::Up(1)), []);
        assert_eq!(course.step(Event::Ended(1, ExitReason::Shutdown)), [Action::Stop(0)]);
    }

    /// Source: OTP `application:start/2`, the three restart types.
    #[test]
    fn the_mode_decides_which_end_stops_everything() {
        let crash = || ExitReason::other("oops");
        for (mode, reason, stops) in [
            (Mode::Permanent, ExitReason::Normal, true),
            (Mode::Permanent, crash(), true),
            (Mode::Transient, ExitReason::Normal, false),
            (Mode::Transient, ExitReason::Shutdown, true),
            (Mode::Transient, crash(), true),
            (Mode::Temporary, ExitReason::Normal, false),
            (Mode::Temporary, crash(), false),
        ] {
            let mut course = running([Mode::Permanent, mode, Mode::Permanent]);
            let actions = course.step(Event::Ended(1, reason.clone()));
            let expected = if stops { vec![Action::Deadline, Action::Stop(2)] } else { Vec::new() };
            assert_eq!(actions, expected, "{mode:?} {reason}");
        }
    }

    #[test]
    fn an_application_that_ended_by_itself_is_not_stopped_again() {
        let mut course = running([Mode::Permanent, Mode::Temporary, Mode::Permanent]);
        assert_eq!(course.step(Event::Ended(1, CRASH)), []);
        assert_eq!(course.step(asked()), [Action::Deadline, Action::Stop(2)]);
        assert_eq!(course.step(Event::Ended(2, ExitReason::Shutdown)), [Action::Stop(0)]);
    }

    #[test]
    fn one_that_ends_while_another_is_being_stopped_delays_nothing() {
        let mut course = running([Mode::Permanent; 3]);
        course.step(asked());
        assert_eq!(course.step(Event::Ended(0, CRASH)), []);
        assert_eq!(course.step(Event::Ended(2, ExitReason::Shutdown)), [Action::Stop(1)]);
        assert_eq!(course.step(Event::Ended(1, ExitReason::Shutdown)), [Action::Finish]);
    }

    #[test]
    fn the_first_reason_to_stop_is_the_one_that_counts() {
        let mut course = running([Mode::Permanent; 3]);
        course.step(Event::Stop(Why::Asked(3)));
        assert_eq!(course.step(Event::Stop(Why::Asked(4))), []);
        assert_eq!(course.outcome(), (Some(&Why::Asked(3)), false));
    }

    #[test]
    fn by_force_all_are_killed_at_once() {
        let mut course = running([Mode::Permanent; 3]);
        assert_eq!(course.step(Event::Force), [], "nobody is stopping anything");
        course.step(asked());
        let actions = course.step(Event::Force);
        assert_eq!(actions, [Action::Kill(2), Action::Kill(1), Action::Kill(0)]);
        assert_eq!(course.step(Event::Force), []);
        assert_eq!(course.step(Event::Ended(1, CRASH)), []);
        assert_eq!(course.step(Event::Ended(2, CRASH)), []);
        assert_eq!(course.step(Event::Ended(0, CRASH)), [Action::Finish]);
        assert!(course.outcome().1);
    }

    #[test]
    fn a_release_of_nothing_is_ready_and_stops_at_once() {
        let mut course = Course::new(Vec::new());
        assert_eq!(course.begin(), [Action::Ready]);
        assert_eq!(course.step(asked()), [Action::Deadline, Action::Finish]);
    }
}
