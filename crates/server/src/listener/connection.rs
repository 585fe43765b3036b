//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Version, header};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::Transport;
use super::activity::{Activity, Patience, Watched};
use super::guarded::guarded;
use super::limits::Limits;
use crate::drain::Drain;
use crate::metrics::{Door, HandshakeFailure, Metrics};

/// HTTP/2's own sign of life: a connection that answers no ping for this long is dead.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(15);

/// Largest request head, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// How much is read from a socket at once, in bytes. The TLS library asks for 4 KiB at a time, and a review is larger.
const READ_AT_ONCE: usize = 16 * 1024;

/// HTTP/2 flow-control windows, in bytes: a whole AdmissionReview (3 MiB at most) without a stall for a window update.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// What all connections of a door have in common.
pub(super) struct Connections {
    transport: Transport,
    router: Router,
    door: Door,
    metrics: Metrics,
    handshake: Duration,
    patience: Patience,
    /// From the door's closing to the end of a connection without a request.
    parting: Duration,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
}

impl Connections {
    pub(super) fn new(transport: Transport, router: Router, door: Door, limits: &Limits, metrics: Metrics) -> Self {
        let patience = Patience {
            head: limits.head,
            silence: limits.silence,
            answer: limits.answer.unwrap_or(Duration::MAX),
        };
        Self {
            transport,
            router,
            door,
            metrics,
            handshake: limits.handshake,
            patience,
            parting: limits.parting,
            http1: http1(limits),
            http2: http2(limits),
        }
    }

    /// Serves one connection to its end. `permit` is its place under the cap.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        drain: Drain,
    ) {
        let _permit = permit;
        let _open = self.metrics.connection(self.door);
        // Answers are small and written whole; waiting for more to send only adds delay.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the connection ended before it began");
            return;
        }
        match &self.transport {
            Transport::Plain => self.serve_http(stream, false, peer, drain).await,
            Transport::Tls(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                if let Some(stream) = self.shake_hands(acceptor, stream, peer, drain.clone()).await {
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.serve_http(stream, is_http2, peer, drain).await;
                }
            }
        }
    }

    async fn shake_hands(
        &self,
        acceptor: TlsAcceptor,
        stream: TcpStream,
        peer: SocketAddr,
        mut drain: Drain,
    ) -> Option<TlsStream<BufReader<TcpStream>>> {
        let stream = BufReader::with_capacity(READ_AT_ONCE, stream);
        let parting = async {
            drain.closing().await;
            tokio::time::sleep(self.parting).await;
        };
        let shaken = tokio::select! {
            biased;
            shaken = tokio::time::timeout(self.handshake, acceptor.accept(stream)) => shaken,
            () = parting => return None,
        };
        match shaken {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                // Port scanners and clients with the wrong CA: counted, and told only to those who look.
                tracing::debug!(%peer, %error, "the TLS handshake failed");
                self.metrics.handshake_failed(self.door, HandshakeFailure::Refused);
                None
            }
            Err(_) => {
                tracing::debug!(%peer, after = ?self.handshake, "the TLS handshake took too long");
                self.metrics.handshake_failed(self.door, HandshakeFailure::TimedOut);
                None
            }
        }
    }

    async fn serve_http<S>(&self, stream: S, is_http2: bool, peer: SocketAddr, mut drain: Drain)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let builder = if is_http2 { &self.http2 } else { &self.http1 };
        let watched = Watched {
            socket: stream,
            activity: (!is_http2).then(|| activity.clone()),
        };
        let leaving = drain.clone();
        let service = hyper::service::service_fn(|request| self.answer(request, peer, &activity, &leaving));
        let connection = builder.serve_connection(TokioIo::new(watched), service);
        tokio::pin!(connection);

        let closing = async {
            drain.closing().await;
            if !is_http2 {
                activity.out_of_patience(self.until_at_rest()).await;
            }
        };
        tokio::select! {
            biased;
            ended = connection.as_mut() => return tell(ended, peer),
            () = closing => {}
            () = activity.out_of_patience(self.patience) => {}
        }
        // GOAWAY, or the end of a connection without a request: what is in flight still ends. Who then does not go is dropped.
        activity.part();
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            ended = connection.as_mut() => tell(ended, peer),
            () = activity.out_of_patience(self.parting()) => {}
        }
    }

    /// Under HTTP/1.1 an idle connection ends at once when the door closes, for there is no way to announce it. A head that
    /// has begun, or is still expected from a newcomer, is waited for: its answer says `close`.
    fn until_at_rest(&self) -> Patience {
        Patience {
            silence: Duration::ZERO,
            ..self.parting()
        }
    }

    fn parting(&self) -> Patience {
        Patience {
            head: self.parting,
            silence: self.parting,
            ..self.patience
        }
    }

    /// Answers one request; the connection counts as busy until the answer's last byte.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        activity: &Activity,
        leaving: &Drain,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let in_flight = activity.request();
        let leaving = leaving.clone();
        let router = self.router.clone();
        async move {
            let is_http1 = request.version() < Version::HTTP_2;
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut response = router.oneshot(request).await?;
            if is_http1 && leaving.is_leaving() {
                response
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            let in_flight = in_flight.answered();
            Ok(response.map(|body| guarded(body, in_flight)))
        }
    }
}

fn tell(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>, peer: SocketAddr) {
    if let Err(error) = ended {
        // Clients hang up in the middle of things; that is theirs to know.
        tracing::debug!(%peer, error = &*error as &dyn std::error::Error, "the connection broke");
    }
}

fn http1(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    // The tighter limits on heads and silence are `Activity`'s; this one is for a head that began in the same read as
    // the end of the request before it.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.silence)
        .max_buf_size(MAX_HEAD);
    builder
}

fn http2(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(MAX_HEAD).expect("64 KiB fits"))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}
