//! A connection that gives way: whatever its other side sends, and however fast, the rest of the program goes on.
//!
//! hyper reads an answer's head as long as there is something to read, and passes over interim (1xx) answers as they come
//! (RFC 9110 §15.2): against a server that sends nothing else, one task would read for as long as the runtime's budget of
//! reads lasts, which is tens of megabytes, and every timer would wait for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// How many reads in a row find something before others have their turn.
const READS_IN_A_ROW: u32 = 4;

/// What HTTP is spoken over.
pub(super) trait Io: Read + Write + Connection + Unpin + Send + 'static {}

impl<T: Read + Write + Connection + Unpin + Send + 'static> Io for T {}

/// A connection, straight or through a proxy.
pub(super) struct Steady {
    inner: Box<dyn Io>,
    /// Whether a proxy reads the requests and is to be told whole URLs.
    by_proxy: bool,
    reads: u32,
}

impl Steady {
    pub(super) fn straight(inner: impl Io) -> Self {
        Self {
            inner: Box::new(inner),
            by_proxy: false,
            reads: 0,
        }
    }

    pub(super) fn through_proxy(inner: impl Io) -> Self {
        Self {
            by_proxy: true,
            ..Self::straight(inner)
        }
    }
}

impl Read for Steady {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.reads == READS_IN_A_ROW {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.reads = if outcome.is_ready() { self.reads + 1 } else { 0 };
        outcome
    }
}

impl Write for Steady {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }
}

impl Connection for Steady {
    fn connected(&self) -> Connected {
        let connected = self.inner.connected();
        if self.by_proxy {
            connected.proxy(true)
        } else {
            connected
        }
    }
}
