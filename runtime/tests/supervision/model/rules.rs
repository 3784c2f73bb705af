//! What a supervisor does, rule by rule.
//!
//! Source: OTP supervisor, `supervisor.erl`; the functions have its names. `postpone` and `due` have
//! no counterpart there.

use runtime::AutoShutdown::{AllSignificant, AnySignificant, Never};
use runtime::Restart::{Permanent, Temporary, Transient};
use runtime::Strategy::{OneForAll, OneForOne, RestForOne};

use super::{
    Child, ChildState, End, Event, Limit, Live, Message, Nothing, Paper, Pid, Proc, Request, Spec,
    Started, State, Why,
};

impl Paper<'_> {
    /// Lives until it ends.
    pub(super) fn live(&mut self) -> Live<Nothing> {
        self.init()?;
        self.started = self.now;
        let times = self.case.times();
        self.events.extend((0..).zip(times).map(|(n, at)| (self.started + at, Event::Op(n))));
        loop {
            if self.mailbox.is_empty() {
                let goes_on = self.step(u64::MAX)?;
                assert!(goes_on, "the last operation ends the supervisor");
            } else {
                let message = self.mailbox.remove(0);
                self.handle(message)?;
            }
        }
    }

    fn init(&mut self) -> Live<()> {
        for spec in self.case.children.clone() {
            let tag = spec.tag;
            if self.add(spec)?.is_err() {
                self.terminate_children(|_| true)?;
                return Err(End::FailedToStart(tag));
            }
        }
        Ok(())
    }

    /// What follows from its end.
    pub(super) fn gone(&mut self, end: End) {
        self.alive = false;
        let (why, reason) = match end {
            End::With(why) => (why, why.text()),
            End::FailedToStart(tag) => (Why::ShutdownWith, format!("failed to start {tag}")),
        };
        self.seen.end = Some((self.now, reason));
        let left = std::mem::take(&mut self.mailbox).into_iter();
        let asked = left.filter_map(|message| match message {
            Message::Ask(number, _) => Some(number),
            _ => None,
        });
        for number in asked.chain(self.asked.take()) {
            self.answer(number, format!("down {}", why.text()));
        }
        for pid in 0..self.procs.len() {
            if self.procs[pid].linked {
                self.signal(pid, why, true);
            }
        }
        while let Ok(true) = self.step(u64::MAX) {}
    }

    fn handle(&mut self, message: Message) -> Live<()> {
        match message {
            Message::Exit(pid, why) => match self.position_of_pid(pid) {
                Some(at) => self.do_restart(why, at),
                None => Ok(()),
            },
            Message::TryAgain(tag) => match self.position(tag) {
                Some(at) if self.children[at].state == ChildState::Restarting => {
                    self.restart(at, |_| true)
                }
                _ => Ok(()),
            },
            Message::Due(wait) => self.due(wait),
            Message::Ask(number, request) => {
                self.asked = Some(number);
                let answer = self.ask(request)?;
                self.asked = None;
                self.answer(number, answer);
                Ok(())
            }
            Message::Stop(why) => self.stop(why),
        }
    }

    fn stop<T>(&mut self, why: Why) -> Live<T> {
        self.terminate_children(|_| true)?;
        Err(End::With(why))
    }

    fn position(&self, tag: &str) -> Option<usize> {
        self.children.iter().position(|child| child.spec.tag == tag)
    }

    fn position_of_pid(&self, pid: Pid) -> Option<usize> {
        self.children.iter().position(|child| child.state == ChildState::Pid(pid))
    }

    fn do_restart(&mut self, why: Why, at: usize) -> Live<()> {
        match self.children[at].spec.restart {
            Permanent => self.restart_or_wait(at),
            Transient if !why.is_orderly() => self.restart_or_wait(at),
            Transient | Temporary => {
                let significant = self.children[at].spec.significant;
                self.del_child(at);
                self.do_auto_shutdown(significant)
            }
        }
    }

    fn del_child(&mut self, at: usize) {
        if self.children[at].spec.restart == Temporary {
            self.children.remove(at);
        } else {
            self.children[at].state = ChildState::Undefined;
            self.children[at].wait = None;
        }
    }

    fn do_auto_shutdown(&mut self, significant: bool) -> Live<()> {
        let others = |child: &Child| child.state != ChildState::Undefined && child.spec.significant;
        let shuts_down = match self.case.auto {
            Never => false,
            AnySignificant => significant,
            AllSignificant => significant && !self.children.iter().any(others),
        };
        if shuts_down { self.stop(Why::Shutdown) } else { Ok(()) }
    }

    fn add_restart(&mut self) -> bool {
        let (now, window) = (self.now, self.case.window);
        self.restarts.push(now);
        self.restarts.retain(|&then| then + window >= now);
        self.restarts.len() <= self.case.max_restarts
    }

    fn restart_or_wait(&mut self, at: usize) -> Live<()> {
        if self.case.slow.is_some() {
            self.postpone(at, |_| true)
        } else {
            self.restart(at, |_| true)
        }
    }

    /// Those who fall with this child, of those who take part.
    fn group(&self, at: usize, takes_part: impl Fn(&Child) -> bool) -> Vec<&'static str> {
        let group = match self.case.strategy {
            OneForOne => at..at + 1,
            OneForAll => 0..self.children.len(),
            RestForOne => at..self.children.len(),
        };
        let group = self.children[group].iter().filter(|child| takes_part(child));
        group.map(|child| child.spec.tag).collect()
    }

    fn terminate_group(&mut self, at: usize, group: &[&'static str]) -> Live<()> {
        self.children[at].state = ChildState::Undefined;
        self.children[at].wait = None;
        if self.case.strategy == OneForOne {
            return Ok(());
        }
        self.terminate_children(|tag| group.contains(&tag))
    }

    fn restart(&mut self, at: usize, takes_part: impl Fn(&Child) -> bool) -> Live<()> {
        if !self.add_restart() {
            self.del_child(at);
            return self.stop(Why::Shutdown);
        }
        let group = self.group(at, takes_part);
        self.terminate_group(at, &group)?;
        for tag in &group {
            // A temporary one is gone by now.
            let Some(at) = self.position(tag) else { continue };
            let started = self.do_start_child(at)?;
            if started.is_err() {
                self.children[at].state = ChildState::Restarting;
                if self.case.slow.is_some() {
                    return self.postpone(at, |child| group.contains(&child.spec.tag));
                }
                self.mailbox.push(Message::TryAgain(tag));
                break;
            }
        }
        Ok(())
    }

    /// A child runs no more; if it has been stable, what was before does not count.
    fn settle(&mut self, at: usize) {
        let (Some(slow), now) = (self.case.slow, self.now) else { return };
        let child = &mut self.children[at];
        if child.up_since.take().is_some_and(|since| since + slow.stable <= now) {
            child.attempts = 0;
        }
    }

    fn postpone(&mut self, at: usize, takes_part: impl Fn(&Child) -> bool) -> Live<()> {
        let Some(slow) = self.case.slow else { unreachable!("restarts wait") };
        self.settle(at);
        let tag = self.children[at].spec.tag;
        let delay = (slow.first << self.children[at].attempts.min(20)).min(slow.cap);
        self.children[at].attempts += 1;
        let group = self.group(at, takes_part);
        self.terminate_group(at, &group)?;
        let wait = self.waits.len();
        self.waits.push(tag);
        for child in &mut self.children {
            if group.contains(&child.spec.tag) {
                (child.state, child.wait) = (ChildState::Restarting, Some(wait));
            }
        }
        self.events.push((self.now + delay, Event::Due(wait)));
        Ok(())
    }

    fn due(&mut self, wait: usize) -> Live<()> {
        let waits = |child: &Child| child.wait == Some(wait);
        let culprit = self.position(self.waits[wait]).filter(|&at| waits(&self.children[at]));
        match culprit.or_else(|| self.children.iter().position(waits)) {
            Some(at) => self.restart(at, |child| child.state != ChildState::Undefined),
            None => Ok(()),
        }
    }

    fn terminate_children(&mut self, which: impl Fn(&'static str) -> bool) -> Live<()> {
        for at in (0..self.children.len()).rev() {
            if which(self.children[at].spec.tag) {
                self.do_terminate(at)?;
                self.del_child(at);
            }
        }
        Ok(())
    }

    fn do_terminate(&mut self, at: usize) -> Live<()> {
        self.settle(at);
        let ChildState::Pid(pid) = self.children[at].state else { return Ok(()) };
        let limit = self.children[at].spec.limit;
        self.procs[pid].linked = false;
        self.mailbox.retain(|message| !matches!(message, Message::Exit(from, _) if *from == pid));
        if let Limit::Brutal = limit {
            self.die(pid, Why::Killed);
        } else {
            self.signal(pid, Why::Shutdown, true);
        }
        let limit = match limit {
            Limit::After(limit) => self.now + limit,
            Limit::Brutal | Limit::Infinity => u64::MAX,
        };
        if !self.wait(limit, |this| this.procs[pid].state == State::Dead)? {
            self.die(pid, Why::Killed);
        }
        Ok(())
    }

    fn do_start_child(&mut self, at: usize) -> Live<Started> {
        let spec = self.children[at].spec.clone();
        let n = self.begun.entry(spec.tag).or_default();
        *n += 1;
        let (n, takes, pid) = (*n, spec.init_takes, self.procs.len());
        let state = State::Starting { orphaned: None };
        self.procs.push(Proc { spec, n, state, linked: true, ignored: false });
        self.line(&format!("init {}", self.own(pid)));
        if takes == 0 {
            self.init_done(pid);
        } else {
            self.events.push((self.now + takes, Event::InitDone(pid)));
        }
        let starting = |state: &State| matches!(state, State::Starting { .. });
        self.wait(u64::MAX, |this| !starting(&this.procs[pid].state))?;
        if self.procs[pid].state == State::Running {
            self.children[at].state = ChildState::Pid(pid);
            self.children[at].up_since = Some(self.now);
            return Ok(Ok(Some(pid)));
        }
        Ok(if self.procs[pid].ignored { Ok(None) } else { Err(()) })
    }

    /// Adds a child at the end; a failed one, and a temporary one with nothing to do, is not kept.
    fn add(&mut self, spec: Spec) -> Live<Started> {
        let temporary = spec.restart == Temporary;
        let state = ChildState::Undefined;
        self.children.push(Child { spec, state, attempts: 0, up_since: None, wait: None });
        let started = self.do_start_child(self.children.len() - 1)?;
        if started.is_err() || (temporary && started == Ok(None)) {
            self.children.pop();
        }
        Ok(started)
    }

    // --- Requests.

    fn started(&self, started: Started) -> String {
        match started {
            Ok(Some(pid)) => format!("ok {}", self.own(pid)),
            Ok(None) => "ok".to_owned(),
            Err(()) => "failed".to_owned(),
        }
    }

    fn ask(&mut self, request: Request) -> Live<String> {
        let (tag, refused) = match &request {
            Request::Which => return Ok(self.which_children()),
            Request::Count => return Ok(self.count_children()),
            Request::Start(spec) => {
                if spec.significant && (spec.restart == Permanent || self.case.auto == Never) {
                    return Ok("spec".to_owned());
                }
                (spec.tag, None)
            }
            Request::Terminate(tag) => (*tag, None),
            Request::Restart(tag) | Request::Delete(tag) => (*tag, Some(())),
        };
        let Some(at) = self.position(tag) else {
            return match request {
                Request::Start(spec) => {
                    let started = self.add(spec)?;
                    Ok(self.started(started))
                }
                _ => Ok("not found".to_owned()),
            };
        };
        match (self.children[at].state, refused) {
            (ChildState::Pid(_), Some(())) => return Ok("running".to_owned()),
            (ChildState::Restarting, Some(())) => return Ok("restarting".to_owned()),
            _ => {}
        }
        match request {
            Request::Start(_) => Ok(match self.children[at].state {
                ChildState::Pid(pid) => format!("already started {}", self.own(pid)),
                _ => "already present".to_owned(),
            }),
            Request::Terminate(_) => {
                self.do_terminate(at)?;
                self.del_child(at);
                Ok("ok".to_owned())
            }
            Request::Restart(_) => {
                let started = self.do_start_child(at)?;
                Ok(self.started(started))
            }
            Request::Delete(_) => {
                self.children.remove(at);
                Ok("ok".to_owned())
            }
            Request::Which | Request::Count => unreachable!("answered above"),
        }
    }

    fn which_children(&self) -> String {
        let show = |child: &Child| match child.state {
            ChildState::Pid(pid) => format!("{} {}", child.spec.tag, self.own(pid)),
            ChildState::Restarting => format!("{} restarting", child.spec.tag),
            ChildState::Undefined => format!("{} stopped", child.spec.tag),
        };
        self.children.iter().rev().map(show).collect::<Vec<_>>().join(", ")
    }

    fn count_children(&self) -> String {
        let runs = |child: &&Child| match child.state {
            ChildState::Pid(pid) => self.procs[pid].state != State::Dead,
            _ => false,
        };
        let active = self.children.iter().filter(runs).count();
        format!("{} of {}", active, self.children.len())
    }
}
