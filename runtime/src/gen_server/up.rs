//! Waiting until a server runs under a name.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Name, Server, ServerRef};
use crate::arrivals::Place;
use crate::exit_reason::ExitReason;
use crate::system::{NoSystem, System};

/// Nobody will come up under this name any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotUp {
    /// There is no system here in which somebody could.
    #[error(transparent)]
    NoSystem(#[from] NoSystem),
    /// The system has ended.
    #[error("the system has ended, and no server comes up any more")]
    SystemEnded,
}

impl From<NotUp> for ExitReason {
    fn from(error: NotUp) -> Self {
        ExitReason::error(error)
    }
}

/// Resolves to the server under a name as soon as it is up; see [`Name::up`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Up<'a, N> {
    name: &'a N,
    system: Result<System, NoSystem>,
    place: Option<Place>,
}

impl<N: fmt::Debug> fmt::Debug for Up<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Up").field(self.name).finish()
    }
}

impl<'a, N: Server> Up<'a, N> {
    pub(crate) fn new(name: &'a N) -> Self {
        Self { name, system: System::try_current(), place: None }
    }

    /// The server, if its `init` is done and nothing has decided its end.
    fn look(&self) -> Option<ServerRef<N::Type>> {
        self.name.whereis().filter(ServerRef::is_up)
    }
}

impl<N: Server> Future for Up<'_, N> {
    type Output = Result<ServerRef<N::Type>, NotUp>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let system = this.system.clone()?;
        if let Some(server) = this.look() {
            return Poll::Ready(Ok(server));
        }
        let arrivals = &system.inner().arrivals;
        let kind = TypeId::of::<N::Type>();
        let place = *this.place.get_or_insert_with(|| arrivals.place(kind));
        arrivals.park(place, cx.waker());
        match this.look() {
            Some(server) => Poll::Ready(Ok(server)),
            None if system.inner().is_closed() => Poll::Ready(Err(NotUp::SystemEnded)),
            None => Poll::Pending,
        }
    }
}

impl<N> Drop for Up<'_, N> {
    fn drop(&mut self) {
        if let (Ok(system), Some(place)) = (&self.system, self.place) {
            system.inner().arrivals.leave(place);
        }
    }
}

impl<S: super::GenServer> Name<S> {
    /// Waits until a server runs under this name: its `init` is done, and a call finds it. At once,
    /// if one does.
    ///
    /// It waits through restarts, also through those whose `init` fails, and for as long as it
    /// takes: put tokio's `timeout` around it if nobody may come. It is woken by the server's
    /// arrival. In a server's own `init` it waits for ever if it waits for that server.
    ///
    /// Being up is no promise: the server may end before the next call.
    ///
    /// ```
    /// # use runtime::prelude::*;
    /// # struct Clock(u64);
    /// # enum Call { Now(Reply<u64>) }
    /// # impl CallServer for Clock {
    /// #     type Call = Call;
    /// #     async fn handle_call(&mut self, call: Call, _: &mut Cx<Self>) -> Handled<Self> {
    /// #         let Call::Now(reply) = call;
    /// #         reply.go(self.0)
    /// #     }
    /// # }
    /// static CLOCK: Name<Clock> = Name::new("clock");
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
    /// runtime::spawn(async {
    ///     let _ = Clock::start(Clock(12)).name(&CLOCK).await;
    /// });
    /// let clock = CLOCK.up().await?;
    /// assert_eq!(clock.call(Call::Now).await?, 12);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`NotUp`].
    ///
    /// Cancellation: nothing is lost; who comes up meanwhile is found by the next wait.
    ///
    /// Differs from OTP, which has nothing of the kind: there one looks again and again.
    pub fn up(&self) -> Up<'_, Self> {
        Up::new(self)
    }
}
