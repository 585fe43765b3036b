//! How a connection to a host is made: straight or through a proxy, with TLS where the URL says so, within a time.
//!
//! `reqwest` does the same and lets nobody see the connection in between, which is where it is kept from running away
//! ([`Steady`]). The parts are the same: `hyper-util`'s connectors, tunnels and rules of `NO_PROXY`, and `hyper-rustls`.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::USER_AGENT;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use thiserror::Error;
use tower::Service;

use super::resolver::Resolver;
use super::steady::{Io, Steady};
use crate::config::{ClientConfig, ConfigError, Proxies};

/// How long a connection may say nothing before the other side is asked whether it is there, and how often.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 3;

type BoxError = Box<dyn Error + Send + Sync>;

/// No connection within the time that there was.
#[derive(Debug, Error)]
#[error("no connection within {} s", .0.as_secs_f32())]
pub(super) struct ConnectTimeout(Duration);

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    /// To the host that is asked.
    tcp: HttpConnector<Resolver>,
    /// To a proxy, which whoever configured it may have put anywhere.
    proxy_tcp: HttpConnector<Resolver>,
    tls: Arc<rustls::ClientConfig>,
    /// A proxy is told where to go in HTTP/1.1.
    proxy_tls: Arc<rustls::ClientConfig>,
    proxies: Arc<Matcher>,
    user_agent: HeaderValue,
    within: Duration,
}

impl Connector {
    pub(super) fn new(
        config: &ClientConfig,
        tls: &rustls::ClientConfig,
        proxies: Arc<Matcher>,
        resolver: Resolver,
    ) -> Result<Self, ConfigError> {
        let mut proxy_tls = tls.clone();
        proxy_tls.alpn_protocols.clear();
        Ok(Self {
            tcp: tcp(resolver, config.limits.connect),
            proxy_tcp: tcp(Resolver::System, config.limits.connect),
            tls: Arc::new(tls.clone()),
            proxy_tls: Arc::new(proxy_tls),
            proxies,
            user_agent: user_agent(config)?,
            within: config.limits.connect,
        })
    }

    async fn connect(self, to: Uri) -> Result<Steady, BoxError> {
        let Some(proxy) = self.proxies.intercept(&to) else {
            return open(self.tcp, self.tls, to).await;
        };
        let by = proxy.uri().clone();
        let secret = || {
            proxy
                .raw_auth()
                .map(|(user, password)| (user.to_owned(), password.to_owned()))
        };
        match by.scheme_str().unwrap_or_default() {
            // The library would look names up here with the thread held, and past the guard: the proxy does it, whatever the
            // scheme says.
            "socks5" | "socks5h" => {
                let mut way = SocksV5::new(by, self.proxy_tcp).local_dns(false);
                if let Some((user, password)) = secret() {
                    way = way.with_auth(user, password);
                }
                open(way, self.tls, to).await
            }
            "socks4" | "socks4a" => {
                let way = SocksV4::new(by, self.proxy_tcp).local_dns(false);
                open(way, self.tls, to).await
            }
            _ => {
                let mut to_proxy = HttpsConnector::from((self.proxy_tcp, self.proxy_tls));
                if to.scheme() != Some(&Scheme::HTTPS) {
                    return Ok(Steady::through_proxy(to_proxy.call(by).await?));
                }
                let headers = HeaderMap::from_iter([(USER_AGENT, self.user_agent)]);
                let mut way = Tunnel::new(by, to_proxy).with_headers(headers);
                if let Some(authorization) = proxy.basic_auth() {
                    way = way.with_auth(authorization.clone());
                }
                open(way, self.tls, to).await
            }
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Steady;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Steady, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let within = self.within;
        let connecting = self.clone().connect(to);
        Box::pin(async move {
            let outcome = tokio::time::timeout(within, connecting).await;
            outcome.unwrap_or_else(|_| Err(ConnectTimeout(within).into()))
        })
    }
}

async fn open<C>(way: C, tls: Arc<rustls::ClientConfig>, to: Uri) -> Result<Steady, BoxError>
where
    C: Service<Uri>,
    C::Response: Io,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let stream = HttpsConnector::from((way, tls)).call(to).await?;
    Ok(Steady::straight(stream))
}

fn tcp(resolver: Resolver, within: Duration) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(within));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    tcp.set_keepalive_interval(Some(KEEP_ALIVE));
    tcp.set_keepalive_retries(Some(KEEP_ALIVE_PROBES));
    tcp
}

pub(super) fn user_agent(config: &ClientConfig) -> Result<HeaderValue, ConfigError> {
    HeaderValue::from_str(&config.user_agent).map_err(|error| ConfigError::Build(Box::new(error)))
}

/// Which requests go through which proxy. One that cannot be used is an error: nothing goes around it.
pub(super) fn proxies(config: &Proxies) -> Result<Matcher, ConfigError> {
    let mut rules = Matcher::builder();
    for (scheme, url) in [("https", &config.https), ("http", &config.http)] {
        let Some(url) = url else { continue };
        let alone = Matcher::builder().all(url.expose().to_owned()).build();
        if alone.intercept(&Uri::from_static("https://a")).is_none() {
            return Err(ConfigError::Proxy {
                scheme,
                detail: "it is not a URL of the schemes `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`"
                    .to_owned(),
            });
        }
        rules = match scheme {
            "https" => rules.https(url.expose().to_owned()),
            _ => rules.http(url.expose().to_owned()),
        };
    }
    Ok(rules.no(config.exceptions()).build())
}

/// What a proxy that is asked for an `http` URL wants to see: it reads the request itself.
pub(super) fn proxy_authorization(proxies: &Matcher, to: &Uri) -> Option<HeaderValue> {
    if to.scheme() != Some(&Scheme::HTTP) {
        return None;
    }
    proxies.intercept(to).as_ref().and_then(Intercept::basic_auth).cloned()
}
