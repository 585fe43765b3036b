//! A door: accepts connections, speaks HTTP/1.1 and HTTP/2 over TLS (or HTTP/1.1 in the clear), and goes away politely.
//!
//! Nothing a client does or leaves undone occupies more than its own connection: the handshake runs in the connection's own
//! task under a deadline, heads and silence have theirs, and the number of connections is capped. What bounds the
//! requests themselves is [`Limits`].

mod activity;
mod connection;
mod guarded;
mod limits;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::drain::Drain;
use crate::metrics::{Door, Metrics};
use connection::Connections;
pub use limits::{Limits, body_cap, catch_panics, deadline, shed};

/// How bytes travel through a door.
#[derive(Clone, Debug)]
pub enum Transport {
    /// HTTP/1.1 in the clear: for loopback and the admin port.
    Plain,
    /// TLS as configured, HTTP/2 and HTTP/1.1 by ALPN.
    Tls(Arc<rustls::ServerConfig>),
}

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct ListenError {
    /// The address asked for.
    pub address: SocketAddr,
    source: io::Error,
}

/// How a door closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Connections that were cut off at the drain's deadline.
    pub cut_off: usize,
}

/// A socket that listens, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    transport: Transport,
}

impl Listener {
    /// Listens, so that clients may already connect; nobody is answered before [`Listener::serve`].
    pub async fn bind(address: SocketAddr, transport: Transport) -> Result<Self, ListenError> {
        let bound = async {
            let socket = TcpListener::bind(address).await?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, bound) = bound.await.map_err(|source| ListenError { address, source })?;
        Ok(Self {
            socket,
            address: bound,
            transport,
        })
    }

    /// The address in use: with the port that the system chose, where zero was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with `router`, bounded by `limits`, until `drain` closes this door and what was in flight has ended.
    pub async fn serve(self, router: Router, door: Door, limits: Limits, metrics: Metrics, drain: Drain) -> Closed {
        let Self { socket, transport, .. } = self;
        let permits = Arc::new(Semaphore::new(limits.connections));
        let router = limits.guard(router, door, &metrics);
        let connections = Arc::new(Connections::new(transport, router, door, &limits, metrics));
        let mut open = JoinSet::new();

        let closing = closing(drain.clone());
        tokio::pin!(closing);
        loop {
            let (stream, peer, permit) = tokio::select! {
                biased;
                () = closing.as_mut() => break,
                accepted = accept(&socket, &permits, door) => accepted,
            };
            open.spawn(Arc::clone(&connections).serve(stream, peer, permit, drain.clone()));
            reap(&mut open, door);
        }
        // Who has connected already is not thrown out of the kernel's backlog.
        loop {
            let (stream, peer, permit) = tokio::select! {
                biased;
                accepted = accept(&socket, &permits, door) => accepted,
                () = tokio::task::yield_now() => break,
            };
            open.spawn(Arc::clone(&connections).serve(stream, peer, permit, drain.clone()));
        }
        drop(socket);
        finish(open, door, drain.deadline()).await
    }
}

async fn closing(mut drain: Drain) {
    drain.closing().await;
}

/// The next connection, once there is room for it. At the cap the kernel's backlog holds newcomers until an old one ends.
async fn accept(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
    door: Door,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    if permits.available_permits() == 0 {
        tracing::warn!(
            door = door.as_str(),
            "as many connections as allowed are open; new ones wait"
        );
    }
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            // The connection died before it was accepted: its own trouble.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or memory: pause, or this loop is what keeps the machine from recovering.
                tracing::error!(
                    door = door.as_str(),
                    error = &error as &dyn std::error::Error,
                    "cannot accept"
                );
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Forgets connections that have ended, and tells of those that ended in a panic.
fn reap(open: &mut JoinSet<()>, door: Door) {
    while let Some(ended) = open.try_join_next() {
        tell(ended, door);
    }
}

fn tell(ended: Result<(), tokio::task::JoinError>, door: Door) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(
            door = door.as_str(),
            error = &error as &dyn std::error::Error,
            "a connection's task panicked"
        );
    }
}

async fn finish(mut open: JoinSet<()>, door: Door, deadline: Duration) -> Closed {
    let all_ended = async {
        while let Some(ended) = open.join_next().await {
            tell(ended, door);
        }
    };
    if tokio::time::timeout(deadline, all_ended).await.is_ok() {
        return Closed { cut_off: 0 };
    }
    let cut_off = open.len();
    tracing::warn!(
        door = door.as_str(),
        cut_off,
        "the drain's deadline passed; connections were cut off"
    );
    open.shutdown().await;
    Closed { cut_off }
}
