//! What a connection is doing, and how long it may go on doing it.
//!
//! hyper's own head timeout also runs while a kept-alive connection is silent between two requests, so one value would have to
//! serve two purposes: short, against heads that drip in, and long, so that the API server's connections survive a
//! quiet minute. Here each has its own.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Shared by a connection's socket, its requests and its timer.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    doing: Arc<watch::Sender<Doing>>,
    patience: Patience,
}

/// How long a connection without a request in flight is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request's head to its last.
    pub(super) head: Duration,
    /// Of silence.
    pub(super) silence: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doing {
    in_flight: usize,
    /// Bytes have come that belong to no request yet.
    reading_head: bool,
}

impl Activity {
    /// A connection that has yet to send its first head; it is not given the silence of one that was useful before.
    pub(super) fn new(patience: Patience) -> Self {
        let doing = Doing {
            in_flight: 0,
            reading_head: true,
        };
        Self {
            doing: Arc::new(watch::Sender::new(doing)),
            patience,
        }
    }

    /// A request is in flight until the guard is dropped.
    pub(super) fn request(&self) -> InFlight {
        self.doing.send_modify(|doing| {
            doing.in_flight += 1;
            doing.reading_head = false;
        });
        InFlight(Arc::clone(&self.doing))
    }

    /// Resolves when the connection has been silent, or at the same head, for too long.
    pub(super) async fn out_of_patience(&self) {
        let mut changes = self.doing.subscribe();
        loop {
            let doing = *changes.borrow_and_update();
            let patience = match doing {
                Doing {
                    in_flight: 0,
                    reading_head: true,
                } => self.patience.head,
                Doing {
                    in_flight: 0,
                    reading_head: false,
                } => self.patience.silence,
                Doing { .. } => Duration::MAX,
            };
            // The sender lives as long as `self`, so this ends by a change or by the timeout.
            if tokio::time::timeout(patience, changes.changed()).await.is_err() {
                return;
            }
        }
    }

    fn bytes_came(&self) {
        self.doing.send_if_modified(|doing| {
            let begins = doing.in_flight == 0 && !doing.reading_head;
            doing.reading_head |= begins;
            begins
        });
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight(Arc<watch::Sender<Doing>>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|doing| doing.in_flight -= 1);
    }
}

/// A socket that says when bytes come, if it is told to.
pub(super) struct Watched<S> {
    pub(super) socket: S,
    /// None under HTTP/2, where bytes also come without a request.
    pub(super) activity: Option<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.socket).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(activity) = &this.activity
        {
            activity.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(40);
    const LATE: Duration = Duration::from_secs(60);

    async fn gives_up(activity: &Activity) -> bool {
        tokio::time::timeout(SOON * 4, activity.out_of_patience()).await.is_ok()
    }

    #[tokio::test]
    async fn a_first_head_that_does_not_come_is_not_waited_for_as_silence() {
        assert!(
            gives_up(&Activity::new(Patience {
                head: SOON,
                silence: LATE
            }))
            .await
        );
        assert!(
            !gives_up(&Activity::new(Patience {
                head: LATE,
                silence: SOON
            }))
            .await
        );
    }

    #[tokio::test]
    async fn silence_after_a_request_has_its_own_patience() {
        let activity = Activity::new(Patience {
            head: LATE,
            silence: SOON,
        });
        drop(activity.request());
        assert!(gives_up(&activity).await);
    }

    #[tokio::test]
    async fn a_head_that_drips_is_cut_although_bytes_keep_coming() {
        let activity = Activity::new(Patience {
            head: SOON,
            silence: LATE,
        });
        drop(activity.request());
        let dripping = async {
            loop {
                activity.bytes_came();
                tokio::time::sleep(SOON / 8).await;
            }
        };
        tokio::select! {
            () = dripping => unreachable!(),
            gave_up = gives_up(&activity) => assert!(gave_up),
        }
    }

    #[tokio::test]
    async fn a_request_in_flight_is_waited_for() {
        let activity = Activity::new(Patience {
            head: SOON,
            silence: SOON,
        });
        let _request = activity.request();
        assert!(!gives_up(&activity).await);
    }
}
