//! The signals that ask a program to stop.

use std::io;

/// Signals that arrive from now on.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

/// Begins to listen; the program no longer ends by itself at these signals.
#[cfg(unix)]
pub(super) fn listen() -> io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    })
}

/// Begins to listen; the program no longer ends by itself at Ctrl-C.
#[cfg(windows)]
pub(super) fn listen() -> io::Result<Signals> {
    Ok(Signals { interrupt: tokio::signal::windows::ctrl_c()? })
}

impl Signals {
    /// The name of the next signal.
    ///
    /// Cancellation: no signal is lost.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|cx| {
            if self.terminate.poll_recv(cx).is_ready() {
                return std::task::Poll::Ready("SIGTERM");
            }
            self.interrupt.poll_recv(cx).map(|_| "SIGINT")
        })
        .await
    }

    /// The name of the next signal.
    ///
    /// Cancellation: no signal is lost.
    #[cfg(windows)]
    pub(super) async fn next(&mut self) -> &'static str {
        self.interrupt.recv().await;
        "Ctrl-C"
    }
}
