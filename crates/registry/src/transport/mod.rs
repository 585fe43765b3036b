//! One request to one server, and its whole answer: under the host's limit, past its breaker, with a cap and a deadline.

mod breaker;
mod connect;
mod counts;
mod failure;
mod interim;
mod resolver;
mod second;
mod steady;
mod tls;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use url::Url;

use self::breaker::Breaker;
use self::connect::Connector;
use self::counts::Counts;
pub use self::counts::RequestCounts;
pub(crate) use self::failure::Failure;
use self::interim::Interim;
use self::resolver::Resolver;
use crate::backoff::retry_after;
use crate::config::{ClientConfig, ConfigError, Limits, Proxies};
use crate::host::{self, Nature};
use crate::trouble::{ContentTrouble, Trouble};

/// Most hosts whose limits and breakers are remembered. Whoever names more of them forgets the oldest.
const MAX_HOSTS: u64 = 4096;
/// How much of an error's body is read, in bytes. It only ever tells one kind of "not found" from another.
const ERROR_BODY: u64 = 16 << 10;
/// How much room is made for a body on its server's word, in bytes.
const PREPARED: u64 = 64 << 10;
/// How much of an answer over HTTP/1.1 is read ahead, in bytes: the longest head that an answer may have.
const READ_AHEAD: usize = 64 << 10;
/// A wait shorter than this says more about the one who waited than about the host.
const PATIENCE: Duration = Duration::from_secs(1);

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Largest body of a successful answer, in bytes.
    pub(crate) cap: u64,
    /// Whether the URL came out of another server's answer.
    pub(crate) led: bool,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// That the host could not answer, or does not want to now.
    pub(crate) fn outage(&self) -> Option<Trouble> {
        let retry_after = || retry_after(&self.headers);
        let status = self.status.as_u16();
        match status {
            429 => Some(Trouble::Throttled {
                retry_after: retry_after(),
            }),
            503 if retry_after().is_some() => Some(Trouble::Throttled {
                retry_after: retry_after(),
            }),
            501 => None,
            500.. => Some(Trouble::Unavailable { status }),
            _ => None,
        }
    }
}

/// Which connection a request goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// One that is there already, if there is one.
    Kept,
    /// One of its own.
    New,
}

/// The HTTP clients and what is known of each host.
pub(crate) struct Transport {
    kept: Clients,
    new: Clients,
    hosts: moka::sync::Cache<String, Arc<HostState>>,
    counts: Counts,
    limits: Limits,
    proxies: Arc<Matcher>,
    user_agent: HeaderValue,
}

type Wire = legacy::Client<Connector, Full<Bytes>>;

struct Clients {
    direct: Wire,
    /// Resolves no name to this machine or its link: for URLs out of other servers' answers.
    guarded: Wire,
}

#[derive(Debug)]
struct HostState {
    permits: Semaphore,
    second_tries: Semaphore,
    breaker: Breaker,
    /// The latest trouble since the host last answered, and when it was.
    latest: Mutex<Option<(Trouble, Instant)>>,
}

impl HostState {
    fn note(&self, trouble: Option<Trouble>) {
        let latest = trouble.map(|trouble| (trouble, Instant::now()));
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }
}

impl Transport {
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, ConfigError> {
        let tls = tls::client_config(&config.ca_certificates)?;
        let proxies = Arc::new(connect::proxies(&config.proxies)?);
        let build = |connection: Connection, resolver: Resolver| -> Result<Wire, ConfigError> {
            let limits = &config.limits;
            let idle = match connection {
                Connection::Kept => limits.per_host,
                Connection::New => 0,
            };
            let connector = Connector::new(config, &tls, proxies.clone(), resolver)?;
            Ok(legacy::Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(idle)
                .http1_max_buf_size(READ_AHEAD)
                .http2_keep_alive_interval(limits.connect)
                .http2_keep_alive_timeout(limits.connect)
                .build(connector))
        };
        let clients = |connection| -> Result<Clients, ConfigError> {
            Ok(Clients {
                direct: build(connection, Resolver::System)?,
                guarded: build(connection, Resolver::Guarded)?,
            })
        };
        Ok(Self {
            kept: clients(Connection::Kept)?,
            new: clients(Connection::New)?,
            hosts: moka::sync::Cache::new(MAX_HOSTS),
            counts: Counts::default(),
            limits: config.limits.clone(),
            user_agent: connect::user_agent(config)?,
            proxies,
        })
    }

    /// Sends a request once. Every status is an answer here; only what kept an answer from us is a failure.
    pub(crate) async fn send(&self, call: &Call, deadline: Instant) -> Result<Answer, Failure> {
        let began = Instant::now();
        let host = self.host(&call.url);
        let out_of_time = |_| Failure::final_(Trouble::TimedOut { after: began.elapsed() });
        let _probe = tokio::time::timeout_at(deadline.into(), host.breaker.pass())
            .await
            .map_err(out_of_time)??;
        let permit = tokio::time::timeout_at(deadline.into(), host.permits.acquire())
            .await
            .map_err(out_of_time)?;
        let _permit = permit.map_err(|_| {
            Failure::final_(Trouble::Unreachable {
                detail: "shutting down".to_owned(),
            })
        })?;

        let outcome = self.exchange_in_time(&host, call, deadline).await;
        self.counts.count(&outcome);
        let outage = match &outcome {
            Ok(answer) => answer.outage(),
            Err(failure) => Some(failure.trouble.clone()).filter(Trouble::is_outage),
        };
        match &outage {
            // It is there, and asks for less.
            None | Some(Trouble::Throttled { .. }) => host.breaker.succeeded(),
            // Who had no time says nothing about the host.
            Some(Trouble::TimedOut { .. }) if began.elapsed() < PATIENCE => {}
            Some(trouble) => host.breaker.failed(Instant::now(), trouble),
        }
        host.note(outage);
        outcome
    }

    fn host(&self, url: &Url) -> Arc<HostState> {
        let per_host = self.limits.per_host.max(1);
        self.hosts.get_with_by_ref(url.authority(), || {
            Arc::new(HostState {
                permits: Semaphore::new(per_host),
                second_tries: Semaphore::new(second::AT_ONCE),
                breaker: Breaker::new(),
                latest: Mutex::default(),
            })
        })
    }

    /// How the requests so far ended.
    pub(crate) fn counts(&self) -> RequestCounts {
        self.counts.read()
    }

    /// What a host's latest trouble was, if there was any after `since` and no answer after it.
    pub(crate) fn trouble_since(&self, authority: &str, since: Instant) -> Option<Trouble> {
        let host = self.hosts.get(authority)?;
        let latest = host.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        latest.filter(|(_, at)| *at >= since).map(|(trouble, _)| trouble)
    }

    async fn exchange(&self, call: &Call, connection: Connection, deadline: Instant) -> Result<Answer, Failure> {
        let clients = match connection {
            Connection::Kept => &self.kept,
            Connection::New => &self.new,
        };
        // Literals do not pass the resolver; `host::may_lead` has judged them.
        let client = if call.led && host::nature(&call.url) == Nature::Open {
            &clients.guarded
        } else {
            &clients.direct
        };
        let began = Instant::now();
        let mut request = self.request(call)?;
        let interim = Interim::watch(&mut request);
        let until = deadline.min(began + self.limits.answer + upload_time(call));
        let response = tokio::select! {
            biased;
            () = interim.too_many() => return Err(Failure::final_(interim::trouble())),
            answer = tokio::time::timeout_at(until.into(), client.request(request)) => match answer {
                Err(_) => return Err(Failure::timed_out(began.elapsed())),
                Ok(Err(error)) => return Err(Failure::of(&error, error.is_connect(), began.elapsed())),
                Ok(Ok(response)) => response,
            },
        };
        let status = response.status();
        let (head, body) = response.into_parts();
        let headers = head.headers;
        let body = if call.method == Method::HEAD {
            Bytes::new()
        } else if status.is_success() {
            unambiguous(&headers)?;
            self.body(body, call.cap, began, deadline).await?
        } else {
            // What an error says is worth reading if it is short; if not, the status says enough.
            self.body(body, ERROR_BODY, began, deadline).await.unwrap_or_default()
        };
        Ok(Answer { status, headers, body })
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Failure> {
        let to: Uri = call.url.as_str().parse().map_err(|error| {
            Failure::final_(Trouble::Unreachable {
                detail: format!("`{}` is not a URL that HTTP can name: {error}", call.url),
            })
        })?;
        let mut request = Request::new(Full::new(call.body.clone().unwrap_or_default()));
        *request.method_mut() = call.method.clone();
        let headers = request.headers_mut();
        headers.clone_from(&call.headers);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, self.user_agent.clone());
        if let Some(authorization) = connect::proxy_authorization(&self.proxies, &to) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        *request.uri_mut() = to;
        Ok(request)
    }

    async fn body(
        &self,
        mut incoming: Incoming,
        cap: u64,
        began: Instant,
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        let too_large = || Failure::final_(Trouble::Content(ContentTrouble::TooLarge { limit: cap }));
        let stated = incoming.size_hint().exact();
        if stated.is_some_and(|length| length > cap) {
            return Err(too_large());
        }
        let expected = stated.unwrap_or(0).min(PREPARED);
        let mut body = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0));
        loop {
            let until = deadline.min(Instant::now() + self.limits.answer);
            let frame = match tokio::time::timeout_at(until.into(), incoming.frame()).await {
                Err(_) => return Err(Failure::timed_out(began.elapsed())),
                Ok(None) => return Ok(body.freeze()),
                Ok(Some(Err(error))) => return Err(Failure::of(&error, false, began.elapsed())),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers say nothing that is read here.
            let Ok(chunk) = frame.into_data() else { continue };
            if (body.len() + chunk.len()) as u64 > cap {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("hosts", &self.hosts.entry_count())
            .finish_non_exhaustive()
    }
}

/// A large upload has to arrive before it can be answered: a second more for each half megabyte.
fn upload_time(call: &Call) -> Duration {
    let length = call.body.as_ref().map_or(0, Bytes::len);
    Duration::from_secs(length as u64 / (512 << 10))
}

/// A header that two readers could read differently is read by nobody.
fn unambiguous(headers: &HeaderMap) -> Result<(), Failure> {
    for name in [CONTENT_TYPE, CONTENT_LENGTH] {
        if headers.get_all(&name).iter().count() > 1 {
            return Err(Failure::final_(Trouble::protocol(format!(
                "the answer has two `{name}` headers"
            ))));
        }
    }
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(()),
        Some(_) => Err(Failure::final_(Trouble::protocol(
            "the answer is compressed, though that was not asked for, and its length has no bound",
        ))),
    }
}

/// What holds of every client: these authorities, these proxies, no redirect and no second try that we did not decide on.
fn builder(config: &ClientConfig, tls: &rustls::ClientConfig) -> Result<reqwest::ClientBuilder, ConfigError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(&config.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(config.limits.connect);
    for proxy in proxies(&config.proxies)? {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

impl ClientConfig {
    /// A client for what is no registry: a mirror of trust roots, a service of Sigstore's. It has the same authorities and
    /// proxies and follows no redirect; caps and deadlines of answers are its user's.
    ///
    /// # Errors
    /// Where an authority or a proxy cannot be used.
    pub fn http_client(&self) -> Result<reqwest::Client, ConfigError> {
        let tls = tls::client_config(&self.ca_certificates)?;
        let built = builder(self, &tls)?.pool_max_idle_per_host(1).build();
        built.map_err(|error| ConfigError::Build(Box::new(error)))
    }
}

fn proxies(config: &Proxies) -> Result<Vec<reqwest::Proxy>, ConfigError> {
    let except = reqwest::NoProxy::from_string(&config.exceptions());
    let mut proxies = Vec::new();
    for (scheme, url) in [("https", &config.https), ("http", &config.http)] {
        let Some(url) = url else { continue };
        let made = if scheme == "https" {
            reqwest::Proxy::https(url.expose())
        } else {
            reqwest::Proxy::http(url.expose())
        };
        let refused = || ConfigError::Proxy {
            scheme,
            detail: "it is not a URL".to_owned(),
        };
        proxies.push(made.map_err(|_| refused())?.no_proxy(except.clone()));
    }
    Ok(proxies)
}
