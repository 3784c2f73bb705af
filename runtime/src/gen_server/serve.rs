//! The life of a server: its loop, and what it does with a message.

use std::any::TypeId;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::start::{StartState, Started};
use super::{Cx, GenServer, Handled, Info, Init, LastWords, Next, ServerMessage, Sys};
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
    /// A step of the server that comes to a value, with whatever unwinds out of it made its outcome.
    struct Guarded<F> {
        #[pin]
        step: F,
    }
}

impl<T, F: Future<Output = Result<T, Crash>>> Future for Guarded<F> {
    type Output = Result<T, ExitReason>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let step = self.project().step;
        match ambient::catch(|| step.poll(cx)) {
            Ok(polled) => polled.map_err(Crash::into_reason),
            Err(payload) => Poll::Ready(Err(reason_or_doom(payload))),
        }
    }
}

/// A step of a server, or of a part of it that may fail alone: the reason, if it crashes.
pub(crate) fn guarded<T>(
    step: impl Future<Output = Result<T, Crash>>,
) -> impl Future<Output = Result<T, ExitReason>> {
    Guarded { step }
}

/// What a callback came to.
enum Turned<S: GenServer> {
    Go,
    Then(Next<S>),
    Crashed(ExitReason),
}

pin_project! {
    /// A callback; as [`Guarded`]. What nearly all callbacks come to is told apart where it is
    /// returned, so that it is not moved through the layers above.
    struct Callback<F> {
        #[pin]
        callback: F,
    }
}

impl<S: GenServer, F: Future<Output = Handled<S>>> Future for Callback<F> {
    type Output = Turned<S>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turned<S>> {
        let callback = self.project().callback;
        let mut turned = Poll::Pending;
        let caught = ambient::catch(|| match callback.poll(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(Next::Go)) => turned = Poll::Ready(Turned::Go),
            Poll::Ready(Ok(next)) => turned = Poll::Ready(Turned::Then(next)),
            Poll::Ready(Err(crash)) => turned = Poll::Ready(Turned::Crashed(crash.into_reason())),
        });
        match caught {
            Ok(()) => turned,
            Err(payload) => Poll::Ready(Turned::Crashed(reason_or_doom(payload))),
        }
    }
}

/// The reason that a panic is; a signal of the process to itself goes on, and is not for `terminate`
/// to see.
fn reason_or_doom(payload: ambient::Payload) -> ExitReason {
    if is_doomed(&payload) {
        resume_unwind(payload);
    }
    reason_of(payload)
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
    let (mut state, mut next) =
        match (Guarded { step: async { S::init(args, &mut cx).await } }).await {
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
        let turned = match next {
            Next::Stop(reason) => break (reason, None),
            Next::StopAndReply(reason, words) => break (reason, Some(words)),
            Next::Continue(info) => {
                // As a message would: a server that goes on and on leaves room for others.
                if !ambient::spend() {
                    yield_now().await;
                }
                Callback { callback: async { state.handle_continue(info, &mut cx).await } }.await
            }
            Next::Go | Next::Idle(_) => {
                let received = match next {
                    Next::Idle(limit) => cx.process.receive().timeout(limit).await.ok(),
                    _ => Some(cx.process.receive().await),
                };
                match received {
                    Some(Message::User(ServerMessage::Call(call, pending))) => {
                        cx.caller = pending.caller();
                        let callback = async { state.handle_call(call, &mut cx).await };
                        let turned = Callback { callback }.await;
                        cx.caller = Pid::OUTSIDE;
                        if pending.is_open() {
                            outstanding.add(pending);
                        }
                        turned
                    }
                    Some(Message::User(ServerMessage::Cast(cast))) => {
                        Callback { callback: async { state.handle_cast(cast, &mut cx).await } }
                            .await
                    }
                    Some(message) => match handle(&mut state, message, &mut cx).await {
                        Some(turned) => turned,
                        // What the shell handles itself does not end the waiting; it begins anew.
                        None => continue,
                    },
                    None => {
                        Callback {
                            callback: async { state.handle_info(Info::Idle, &mut cx).await },
                        }
                        .await
                    }
                }
            }
        };
        match turned {
            Turned::Go => {
                answer_dropped(&cx);
                next = Next::Go;
            }
            Turned::Then(then) => {
                if !matches!(then, Next::Stop(_) | Next::StopAndReply(..)) {
                    answer_dropped(&cx);
                }
                next = then;
            }
            Turned::Crashed(reason) => break (reason, None),
        }
    };
    let step = async {
        state.terminate(&reason, &mut cx).await;
        Ok(())
    };
    let reason = Guarded { step }.await.err().unwrap_or(reason);
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
pub(crate) fn answer_dropped<S: GenServer>(cx: &Cx<S>) {
    if !cx.process.pcb().head().take_unanswered() {
        return;
    }
    let mut dropped = Vec::new();
    cx.process.with_control(|control| dropped = control.take_unanswered());
    for call in dropped {
        call.fail(CallError::NoReply);
    }
}

/// Handles what is neither call nor cast; `None` when it was the shell's and no callback ran.
async fn handle<S: GenServer>(
    state: &mut S,
    message: Message<ServerMessage<S>>,
    cx: &mut Cx<S>,
) -> Option<Turned<S>> {
    let info = match message {
        // The loop has these.
        Message::User(ServerMessage::Call(..) | ServerMessage::Cast(_)) => return None,
        Message::User(ServerMessage::Stop(reason)) => {
            return Some(Turned::Then(Next::Stop(reason)));
        }
        Message::User(ServerMessage::Sys(request)) => return sys(state, request, cx).await,
        Message::Exit(exit) if Some(exit.from) == cx.parent => {
            return Some(Turned::Then(Next::Stop(exit.reason)));
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
    Some(Callback { callback: async { state.handle_info(info, cx).await } }.await)
}

/// The requests that a server's shell handles itself.
async fn sys<S: GenServer>(state: &mut S, request: Sys<S>, cx: &mut Cx<S>) -> Option<Turned<S>> {
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
            Err(reason) => return Some(Turned::Then(Next::Stop(reason))),
        };
    }
}
