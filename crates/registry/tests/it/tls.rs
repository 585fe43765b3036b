//! TLS, through a proxy: whom we believe, and what those whom we believe may not make us do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use countersign_image::{Descriptor, Digest, Repository};
use countersign_registry::{Client, ContentTrouble, Secret, Trouble};
use futures_util::future::join_all;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::scripted::{Reply, Server, basic, client_with, soon, user};

/// A server behind TLS that answers for every name, and the proxy that leads there from every name.
struct Internet {
    proxy: String,
    authority: String,
    handshakes: Arc<AtomicUsize>,
    /// Whom the proxy was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

fn identity(change: impl FnOnce(&mut CertificateParams)) -> (String, rustls::ServerConfig) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["registry.test".to_owned(), "store.test".to_owned()]).unwrap();
    change(&mut params);
    let leaf = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (authority.pem(), config)
}

async fn internet(router: Router, change: impl FnOnce(&mut CertificateParams)) -> Internet {
    let (authority, config) = identity(change);
    let (handshakes, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server_address = server.local_addr().unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    let (acceptor, counter) = (TlsAcceptor::from(Arc::new(config)), Arc::clone(&handshakes));
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = server.accept().await {
            let (acceptor, router, counter) = (acceptor.clone(), router.clone(), Arc::clone(&counter));
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                counter.fetch_add(1, Ordering::SeqCst);
                let service = TowerToHyperService::new(router);
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    let log = Arc::clone(&asked);
    tasks.spawn(async move {
        let mut tunnels = JoinSet::new();
        while let Ok((stream, _)) = proxy.accept().await {
            tunnels.spawn(tunnel(stream, server_address, Arc::clone(&log)));
        }
    });
    Internet {
        proxy: proxy_url,
        authority,
        handshakes,
        asked,
        _tasks: tasks,
    }
}

async fn tunnel(stream: TcpStream, to: std::net::SocketAddr, log: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let target = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    while stream.read_line(&mut line).await? > 2 {}
    log.lock().unwrap().push(target);
    let mut server = TcpStream::connect(to).await?;
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}

fn client(internet: &Internet, authority: Option<&str>) -> Client {
    client_with(|config| {
        config.ca_certificates = authority.iter().map(|pem| pem.as_bytes().to_vec()).collect();
        config.proxies.https = Some(Secret::new(internet.proxy.clone()));
    })
}

fn repository() -> Repository {
    Repository::parse("registry.test/app").unwrap()
}

async fn ask(client: &Client) -> Result<(), Trouble> {
    let alice = user("registry.test", "alice");
    client
        .manifest(&repository(), &Digest::sha256(b"x"), &alice, soon())
        .await
        .map(drop)
}

fn empty() -> Router {
    Router::new()
}

#[tokio::test]
async fn our_own_authority_is_believed_and_the_connection_is_kept() {
    let internet = internet(empty(), |_| {}).await;
    let client = client(&internet, Some(&internet.authority));
    assert_eq!(ask(&client).await, Err(Trouble::NotFound));
    let all = join_all((0..50).map(|_| ask(&client))).await;
    assert!(all.iter().all(|outcome| *outcome == Err(Trouble::NotFound)));
    assert_eq!(
        internet.handshakes.load(Ordering::SeqCst),
        1,
        "HTTP/2 needs no second connection"
    );
    assert_eq!(*internet.asked.lock().unwrap(), ["registry.test:443"]);
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered() {
    let router = Router::new().fallback(|version: Version| async move {
        if version == Version::HTTP_2 {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::IM_A_TEAPOT
        }
    });
    let internet = internet(router, |_| {}).await;
    assert_eq!(
        ask(&client(&internet, Some(&internet.authority))).await,
        Err(Trouble::NotFound)
    );
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused_at_once() {
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let other = |params: &mut CertificateParams| {
        *params = CertificateParams::new(vec!["other.test".to_owned()]).unwrap();
    };
    type Change = fn(&mut CertificateParams);
    let cases: [(Change, bool, &str); 4] = [
        (|_| {}, false, "UnknownIssuer"),
        (expired, true, "expired"),
        (early, true, "not valid yet"),
        (other, true, "not valid for name"),
    ];
    for (change, believed, why) in cases {
        let internet = internet(empty(), change).await;
        let client = client(&internet, believed.then_some(internet.authority.as_str()));
        let outcome = ask(&client).await;
        let Err(Trouble::Unreachable { detail }) = &outcome else {
            panic!("{why}: {outcome:?}")
        };
        assert!(detail.contains(why), "{detail}");
        assert_eq!(internet.asked.lock().unwrap().len(), 1, "{why}: it is not tried again");
    }
}

#[tokio::test]
async fn a_registry_is_not_spoken_to_plainly_because_tls_fails() {
    let server = Server::start(|_| Reply::not_found()).await;
    let client = client_with(|config| {
        config.proxies.http = Some(Secret::new(server.url("")));
        config.proxies.https = Some(Secret::new(server.url("")));
    });
    assert!(matches!(ask(&client).await, Err(Trouble::Unreachable { .. })));
    assert!(
        server
            .lines()
            .iter()
            .all(|line| line.starts_with("CONNECT registry.test:443")),
        "{:?}",
        server.lines()
    );
    assert!(server.seen().iter().all(|seen| seen.header("authorization").is_none()));
}

/// A registry that meets everybody with the same answer.
fn always(status: StatusCode, name: header::HeaderName, value: &'static str) -> Router {
    Router::new().fallback(move || async move { (status, [(name, value)]).into_response() })
}

#[tokio::test]
async fn credentials_never_leave_tls() {
    for realm in [
        "http://registry.test/token",
        "http://auth.test/token",
        "http://localhost:1/token",
    ] {
        let challenge: &'static str = Box::leak(format!(r#"Bearer realm="{realm}""#).into_boxed_str());
        let internet = internet(
            always(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, challenge),
            |_| {},
        )
        .await;
        let outcome = ask(&client(&internet, Some(&internet.authority))).await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
            "{realm}: {outcome:?}"
        );
        assert_eq!(*internet.asked.lock().unwrap(), ["registry.test:443"]);
    }
}

#[tokio::test]
async fn a_redirect_out_of_tls_is_not_followed() {
    for location in [
        "http://registry.test/x",
        "http://store.test/x",
        "https://127.0.0.1:1/x",
        "https://10.0.0.1/x",
    ] {
        let internet = internet(
            always(StatusCode::TEMPORARY_REDIRECT, header::LOCATION, location),
            |_| {},
        )
        .await;
        let outcome = ask(&client(&internet, Some(&internet.authority))).await;
        assert!(
            matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
            "{location}: {outcome:?}"
        );
        assert_eq!(*internet.asked.lock().unwrap(), ["registry.test:443"]);
    }
}

#[tokio::test]
async fn a_blob_in_another_store_is_fetched_by_nobody_in_particular() {
    let alice = basic("alice");
    let router = Router::new().fallback(move |headers: HeaderMap, request: axum::extract::Request| async move {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match (host.as_str(), shown) {
            ("registry.test", Some(shown)) if shown == alice => (
                StatusCode::TEMPORARY_REDIRECT,
                [(header::LOCATION, "https://store.test/blob")],
            )
                .into_response(),
            ("registry.test", _) => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic")]).into_response(),
            ("store.test", None) => "content".into_response(),
            _ => StatusCode::IM_A_TEAPOT.into_response(),
        }
    });
    let internet = internet(router, |_| {}).await;
    let descriptor = Descriptor::new("text/plain", Digest::sha256(b"content"), 7);
    let alice = user("registry.test", "alice");
    let client = client(&internet, Some(&internet.authority));
    let blob = client.blob(&repository(), &descriptor, 100, &alice, soon()).await;
    assert!(blob.is_ok(), "{blob:?}");
    assert_eq!(*internet.asked.lock().unwrap(), ["registry.test:443", "store.test:443"]);
}

#[tokio::test]
async fn who_is_excepted_is_reached_without_the_proxy() {
    let internet = internet(empty(), |_| {}).await;
    let client = client_with(|config| {
        config.proxies.https = Some(Secret::new(internet.proxy.clone()));
        config.proxies.except = Some("example.com,.test".to_owned());
        config.limits.attempts = 1;
    });
    assert!(ask(&client).await.is_err());
    assert_eq!(internet.asked.lock().unwrap().len(), 0);
}
