//! What the tests of this folder share.

use std::time::Duration;

use runtime::{Address, Message, Process, spawn};
use tokio::sync::oneshot;

/// Nothing came for this long on a paused clock: nothing will.
const QUIET: Duration = Duration::from_secs(1);

/// A process that does `work` and then waits for messages that nobody sends.
pub(crate) async fn other<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> (Address<()>, R) {
    let (said, heard) = oneshot::channel();
    let other = spawn(|mut other: Process<()>| async move {
        let _ = said.send(work());
        loop {
            other.receive().await;
        }
    });
    let result = heard.await.expect("the other process did not come to its end");
    (other, result)
}

/// A process that only lives.
pub(crate) async fn somebody() -> Address<()> {
    other(|| ()).await.0
}

/// The messages of its own type, until nothing more comes.
pub(crate) async fn heard<M: Send + 'static>(me: &mut Process<M>) -> Vec<M> {
    let mut all = Vec::new();
    while let Ok(message) = me.receive().timeout(QUIET).await {
        if let Message::User(message) = message {
            all.push(message);
        }
    }
    all
}
