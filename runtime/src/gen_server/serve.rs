//! The life of a server: its loop, and what it does with a message.

use std::any::TypeId;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::start::{StartState, Started};
use super::{Cx, GenServer, Info, Init, LastWords, Next, ServerMessage, Sys};
use crate::ambient;
use crate::attempt::Unwind;
use crate::call::{CallError, Pending};
use crate::driver::{reason_of, yields_to_panic};
use crate::exit_reason::{Crash, ExitReason};
use crate::message::Message;
use crate::pid::Pid;
use crate::process::Process;
use crate::rt::yield_now;

pin_project! {
    /// A callback, with whatever unwinds out of it made its outcome.
    struct Guarded<F> {
        #[pin]
        callback: F,
    }
}

impl<T, F: Future<Output = Result<T, Crash>>> Future for Guarded<F> {
    type Output = Result<T, ExitReason>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let callback = self.project().callback;
        match ambient::catch(|| callback.poll(cx)) {
            Ok(polled) => polled.map_err(Crash::into_reason),
            // A signal to itself is not for `terminate` to see.
            Err(payload) if is_doomed(&payload) => resume_unwind(payload),
            Err(payload) => Poll::Ready(Err(reason_of(payload))),
        }
    }
}

async fn guard<T>(callback: impl Future<Output = Result<T, Crash>>) -> Result<T, ExitReason> {
    Guarded { callback }.await
}

/// Calls that were neither answered nor dropped when their callback ended.
#[derive(Default)]
struct Outstanding {
    calls: Vec<Pending>,
    tidy_at: usize,
}

impl Outstanding {
    fn add(&mut self, call: Pending) {
        if self.calls.len() >= self.tidy_at {
            self.calls.retain(Pending::is_open);
            self.tidy_at = (2 * self.calls.len()).max(16);
        }
        self.calls.push(call);
    }
}

/// The life of a server.
pub(super) async fn serve<S: GenServer>(
    process: Process<ServerMessage<S>>,
    parent: Option<Pid>,
    args: S::Args,
    started: Started,
) -> ExitReason {
    let mut cx = Cx { process, parent, caller: Pid::OUTSIDE };
    let (mut state, mut next) = match guard(async { S::init(args, &mut cx).await }).await {
        Ok(Init::Ok(state)) => (state, Next::Go),
        Ok(Init::Then(state, next)) => (state, next),
        Ok(Init::Ignore) => {
            started.set(StartState::Ignored);
            return ExitReason::Normal;
        }
        Ok(Init::Stop(reason)) | Err(reason) => return reason,
    };
    cx.process.arrived(TypeId::of::<S>());
    started.set(StartState::Running);
    drop(started);
    let mut outstanding = Outstanding::default();
    let (reason, last_words) = loop {
        let turn = match next {
            Next::Stop(reason) => break (reason, None),
            Next::StopAndReply(reason, words) => break (reason, Some(words)),
            Next::Continue(info) => {
                // As a message would: a server that goes on and on leaves room for others.
                if !ambient::spend() {
                    yield_now().await;
                }
                guard(async { state.handle_continue(info, &mut cx).await }).await
            }
            Next::Go => {
                let message = cx.process.receive().await;
                match handle(&mut state, message, &mut cx, &mut outstanding).await {
                    Some(turn) => turn,
                    None => Ok(Next::Go),
                }
            }
            Next::Idle(limit) => match cx.process.receive().timeout(limit).await {
                Ok(message) => match handle(&mut state, message, &mut cx, &mut outstanding).await {
                    Some(turn) => turn,
                    // What the shell handles itself does not end the waiting; it begins anew.
                    None => Ok(Next::Idle(limit)),
                },
                Err(_) => guard(async { state.handle_info(Info::Idle, &mut cx).await }).await,
            },
        };
        match turn {
            Ok(then) => {
                if !matches!(then, Next::Stop(_) | Next::StopAndReply(..)) {
                    answer_dropped(&cx);
                }
                next = then;
            }
            Err(reason) => break (reason, None),
        }
    };
    let ended = guard(async {
        state.terminate(&reason, &mut cx).await;
        Ok(())
    });
    let reason = ended.await.err().unwrap_or(reason);
    if let Some(LastWords(say)) = last_words {
        say();
    }
    match ambient::catch(move || drop(state)) {
        Err(payload) if is_doomed(&payload) => resume_unwind(payload),
        Err(payload) if yields_to_panic(&reason) => reason_of(payload),
        Err(payload) => {
            drop(reason_of(payload));
            reason
        }
        Ok(()) => reason,
    }
}

/// A signal that the process sent to itself.
fn is_doomed(payload: &ambient::Payload) -> bool {
    matches!(payload.downcast_ref(), Some(Unwind::Doomed))
}

/// The server went on without answering these: their callers are told so.
fn answer_dropped<S: GenServer>(cx: &Cx<S>) {
    let mut dropped = Vec::new();
    cx.process.with_control(|control| dropped = control.take_unanswered());
    for call in dropped {
        call.fail(CallError::NoReply);
    }
}

/// Handles one message; `None` when it was the shell's and no callback ran.
async fn handle<S: GenServer>(
    state: &mut S,
    message: Message<ServerMessage<S>>,
    cx: &mut Cx<S>,
    outstanding: &mut Outstanding,
) -> Option<Result<Next<S>, ExitReason>> {
    let info = match message {
        Message::User(ServerMessage::Call(call, pending)) => {
            cx.caller = pending.caller();
            let turn = guard(async { state.handle_call(call, cx).await }).await;
            cx.caller = Pid::OUTSIDE;
            if pending.is_open() {
                outstanding.add(pending);
            }
            return Some(turn);
        }
        Message::User(ServerMessage::Cast(cast)) => {
            return Some(guard(async { state.handle_cast(cast, cx).await }).await);
        }
        Message::User(ServerMessage::Stop(reason)) => return Some(Ok(Next::Stop(reason))),
        Message::User(ServerMessage::Sys(request)) => return sys(state, request, cx).await,
        Message::Exit(exit) if Some(exit.from) == cx.parent => {
            return Some(Ok(Next::Stop(exit.reason)));
        }
        Message::User(ServerMessage::Info(info)) => Info::User(info),
        Message::Exit(exit) => Info::Exit(exit),
        Message::Down(down) => Info::Down(down),
        Message::Timeout(timeout) => match timeout.message {
            ServerMessage::Info(info) => Info::Timer(timeout.timer, info),
            _ => return None,
        },
        Message::TimerCancelled(answer) => Info::TimerCancelled(answer),
        Message::Unknown(message) => match message.downcast::<S::Info>() {
            Ok(info) => Info::User(info),
            Err(message) => Info::Unknown(Box::new(message)),
        },
    };
    Some(guard(async { state.handle_info(info, cx).await }).await)
}

/// The requests that a server's shell handles itself.
async fn sys<S: GenServer>(
    state: &mut S,
    request: Sys<S>,
    cx: &mut Cx<S>,
) -> Option<Result<Next<S>, ExitReason>> {
    let mut suspended = false;
    let mut request = request;
    loop {
        match request {
            Sys::Suspend(reply) => {
                suspended = true;
                reply.send(());
            }
            Sys::Resume(reply) => {
                suspended = false;
                reply.send(());
            }
            // It cannot have changed the state: a panic is its own affair, and its reply is dropped.
            Sys::Look(look) => match ambient::catch(|| look(state)) {
                Err(payload) if is_doomed(&payload) => resume_unwind(payload),
                Err(payload) => {
                    drop(reason_of(payload));
                    answer_dropped(cx);
                }
                Ok(()) => {}
            },
        }
        if !suspended {
            return None;
        }
        let parent = cx.parent;
        let woken = cx.process.select(|message| match message {
            Message::User(ServerMessage::Sys(request)) => Ok(Ok(request)),
            Message::User(ServerMessage::Stop(reason)) => Ok(Err(reason)),
            Message::Exit(exit) if Some(exit.from) == parent => Ok(Err(exit.reason)),
            other => Err(other),
        });
        request = match woken.await {
            Ok(request) => request,
            Err(reason) => return Some(Ok(Next::Stop(reason))),
        };
    }
}
