//! The embedded registry behind a layer that counts requests and plays faults; images, and signatures of all layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use countersign_evidence::{KeyKind, Layout, ToBeSigned};
use countersign_image::{Descriptor, Manifest, Pinned, Reference, Tag, media};
use countersign_keys::{PrivateKey, Signer as _};
use countersign_registry::{Client, ClientConfig, Credentials, ManifestName, embedded, publish};
use countersign_server::admin::Readiness;
use countersign_server::drain::Drainer;
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{AT_ONCE, LOOPBACK, PATIENCE, eventually};

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) traffic: Traffic,
    pub(crate) key: PrivateKey,
    registry: embedded::Registry,
    client: Client,
    open: Option<Open>,
    /// Holds the port while nobody answers on it.
    placeholder: Option<Placeholder>,
}

enum Placeholder {
    /// Connections are refused.
    Refuses { _socket: TcpSocket },
    /// Connections are made by the system, and nobody ever takes one.
    Deaf { _socket: TcpListener },
}

struct Open {
    drainer: Drainer,
    closed: JoinHandle<()>,
}

/// What was asked of the registry, and how it answers.
#[derive(Clone)]
pub(crate) struct Traffic(Arc<Inner>);

struct Inner {
    requests: Mutex<Vec<String>>,
    /// Over which it has answered.
    connections: Mutex<BTreeSet<SocketAddr>>,
    faults: watch::Sender<Vec<(String, Fault)>>,
}

/// How a registry fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It takes the request and answers only once it has recovered.
    Hangs,
    /// It answers with this status, and asks to be left alone for so many seconds if there are any.
    Answers(u16, Option<u32>),
    /// Something in between answers with a page of its own.
    Page,
    /// It takes the request and never answers it, not even once it has recovered.
    Forgets,
    /// The same, on connections over which it has answered before.
    ForgetsConnections,
    /// It begins to answer, and sends a byte now and then for ever.
    Trickles,
    /// It breaks off in the middle of an answer.
    Dies,
}

impl Traffic {
    fn new() -> Self {
        Self(Arc::new(Inner {
            requests: Mutex::default(),
            connections: Mutex::default(),
            faults: watch::Sender::new(Vec::new()),
        }))
    }

    /// From now on requests whose path holds `part` fail.
    pub(crate) fn fails(&self, part: &str, fault: Fault) {
        self.0
            .faults
            .send_modify(|faults| faults.push((part.to_owned(), fault)));
    }

    /// Everything is well again, for those as well who hang.
    pub(crate) fn recovers(&self) {
        self.0.faults.send_replace(Vec::new());
    }

    /// What was asked since the last time, sorted, as `METHOD path`.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut *self.0.requests.lock().unwrap());
        requests.sort();
        requests
    }

    /// Waits until somebody asks for something.
    pub(crate) async fn is_asked(&self) {
        let asked = async || (!self.0.requests.lock().unwrap().is_empty()).then_some(());
        eventually("the registry is asked", asked).await;
    }

    fn layer(&self, router: Router) -> Router {
        let traffic = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            traffic.clone().answer(request, next)
        }))
    }

    async fn answer(self, request: Request, next: Next) -> Response {
        let path = request.uri().path().to_owned();
        self.0
            .requests
            .lock()
            .unwrap()
            .push(format!("{} {path}", request.method()));
        let mut faults = self.0.faults.subscribe();
        let fault = faults
            .borrow_and_update()
            .iter()
            .find(|(part, _)| path.contains(part))
            .map(|(_, fault)| *fault);
        let connection = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap().0;
        let answered_before = self.0.connections.lock().unwrap().contains(&connection);
        match fault {
            Some(Fault::Forgets) => std::future::pending().await,
            Some(Fault::ForgetsConnections) if answered_before => std::future::pending().await,
            None | Some(Fault::ForgetsConnections) => {
                let response = next.run(request).await;
                self.0.connections.lock().unwrap().insert(connection);
                response
            }
            Some(Fault::Dies) => broken(next.run(request).await, |half| {
                let died = std::io::Error::other("as the test wants");
                stream::iter([Ok(half), Err(died)]).boxed()
            }),
            Some(Fault::Trickles) => broken(next.run(request).await, |_| {
                let byte = async |()| {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Some((Ok(Bytes::from_static(b" ")), ()))
                };
                stream::unfold((), byte).boxed()
            }),
            Some(Fault::Hangs) => {
                // A test that ends without recovery ends this too.
                let _ = faults.wait_for(Vec::is_empty).await;
                next.run(request).await
            }
            Some(Fault::Answers(status, retry_after)) => {
                let mut response = StatusCode::from_u16(status).unwrap().into_response();
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
            Some(Fault::Page) => {
                ([(CONTENT_TYPE, "text/html")], "<html>Please accept our terms</html>").into_response()
            }
        }
    }
}

/// An answer with its head, and another body.
fn broken(response: Response, body: impl FnOnce(Bytes) -> BoxStream<'static, std::io::Result<Bytes>>) -> Response {
    let (mut head, _) = response.into_parts();
    head.headers.insert(CONTENT_LENGTH, 1000.into());
    Response::from_parts(
        head,
        Body::from_stream(body(Bytes::from_static(b"{\"schemaVersion\":2,"))),
    )
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let registry = embedded::Registry::memory();
        let traffic = Traffic::new();
        let (address, open) = serve(&registry, &traffic, LOOPBACK).await;
        Self {
            address,
            traffic,
            key: PrivateKey::generate(KeyKind::EcdsaP256).unwrap(),
            registry,
            client: Client::new(ClientConfig::default()).unwrap(),
            open: Some(open),
            placeholder: None,
        }
    }

    /// Nobody listens any more; what is stored stays.
    pub(crate) async fn stop(&mut self) {
        let _socket = self.close().await;
        self.placeholder = Some(Placeholder::Refuses { _socket });
    }

    /// Connections are made, and nobody speaks on them.
    pub(crate) async fn goes_deaf(&mut self) {
        let _socket = self.close().await.listen(1024).unwrap();
        self.placeholder = Some(Placeholder::Deaf { _socket });
    }

    async fn close(&mut self) -> TcpSocket {
        let Open { drainer, closed } = self.open.take().unwrap();
        drainer.run().await;
        closed.await.unwrap();
        let placeholder = TcpSocket::new_v4().unwrap();
        placeholder.set_reuseaddr(true).unwrap();
        placeholder.bind(self.address).unwrap();
        placeholder
    }

    pub(crate) async fn start_again(&mut self) {
        if let Some(Placeholder::Deaf { .. }) = self.placeholder {
            self.placeholder = None;
        }
        self.open = Some(serve(&self.registry, &self.traffic, self.address).await.1);
        self.placeholder = None;
    }

    pub(crate) fn name(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address)
    }

    /// Pushes a small image that says `words` under a tag.
    pub(crate) async fn push(&self, repository: &str, tag: &str, words: &str) -> Pinned {
        let reference = Reference::parse(&self.name(repository, tag)).unwrap();
        let mut blobs = Vec::new();
        for (media_type, text) in [
            (
                media::OCI_CONFIG,
                json!({ "architecture": "amd64", "os": "linux", "config": {} }).to_string(),
            ),
            ("application/vnd.oci.image.layer.v1.tar", words.to_owned()),
        ] {
            let size = text.len() as u64;
            let put = self
                .client
                .put_blob(reference.repository(), text.into(), &nobody(), soon())
                .await;
            blobs.push(Descriptor::new(media_type, put.unwrap(), size));
        }
        let layer = blobs.pop().unwrap();
        let manifest = Manifest {
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: None,
            config: blobs.pop().unwrap(),
            layers: vec![layer],
            subject: None,
            annotations: BTreeMap::new(),
        };
        let name = ManifestName::Tag(Tag::parse(tag).unwrap());
        let bytes = manifest.to_json().into();
        let (at, nobody) = (reference.repository(), nobody());
        let put = self
            .client
            .put_manifest(at, &name, media::OCI_MANIFEST, bytes, &nobody, soon())
            .await;
        reference.resolved(put.unwrap().digest)
    }

    /// Pushes an image and signs it in the layout that cosign 3 writes.
    pub(crate) async fn push_signed(&self, repository: &str, tag: &str) -> Pinned {
        let image = self.push(repository, tag, tag).await;
        self.sign(&image, Layout::Bundle, &self.key).await;
        image
    }

    pub(crate) async fn sign(&self, image: &Pinned, layout: Layout, key: &PrivateKey) {
        let what = match layout {
            Layout::Bundle => ToBeSigned::cosign_sign(image, &BTreeMap::new()),
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(image, &BTreeMap::new()),
        };
        self.attach(image, layout, what, key).await;
    }

    pub(crate) async fn attest(&self, image: &Pinned, layout: Layout, predicate_type: &str, predicate: &Value) {
        self.attach(
            image,
            layout,
            ToBeSigned::statement(image, predicate_type, predicate),
            &self.key,
        )
        .await;
    }

    /// Puts a signature beside any image, whichever it is about.
    pub(crate) async fn attach(&self, beside: &Pinned, layout: Layout, what: ToBeSigned, key: &PrivateKey) {
        let signature = key.sign(&what).unwrap();
        let sealed = what.seal(layout, &signature, key.public_key()).unwrap();
        publish::attach(&self.client, &nobody(), beside, layout, &sealed, soon())
            .await
            .unwrap();
    }

    /// A policy `signed` that asks for a signature by the shop's key on everything in the shop.
    pub(crate) fn policy(&self) -> String {
        policy("signed", &self.everything(), &key_authority(&self.key))
    }

    pub(crate) fn everything(&self) -> String {
        format!("{}/**", self.address)
    }
}

async fn serve(registry: &embedded::Registry, traffic: &Traffic, address: SocketAddr) -> (SocketAddr, Open) {
    let listener = Listener::bind(address, Transport::Plain).await.unwrap();
    let address = listener.address();
    let drainer = Drainer::new(AT_ONCE, &Readiness::new());
    let (router, drain) = (traffic.layer(registry.router()), drainer.door());
    let closed = tokio::spawn(async move {
        listener
            .serve(router, Door::Registry, Limits::registry(), Metrics::new(), drain)
            .await;
    });
    (address, Open { drainer, closed })
}

fn nobody() -> Credentials {
    Credentials::anonymous()
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// A policy in enforce mode; `authority` is what stands in its only authority.
pub(crate) fn policy(name: &str, glob: &str, authority: &Value) -> String {
    policy_with(name, glob, authority, &json!({}))
}

/// A policy with further fields in its spec. JSON is YAML, and puts one thing on one line as little as that does.
pub(crate) fn policy_with(name: &str, glob: &str, authority: &Value, further: &Value) -> String {
    let mut spec = json!({ "images": [{ "glob": glob }], "authorities": [authority] });
    for (field, value) in further.as_object().unwrap() {
        spec[field] = value.clone();
    }
    let document = json!({
        "apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
        "metadata": { "name": name }, "spec": spec,
    });
    serde_json::to_string_pretty(&document).unwrap()
}

pub(crate) fn key_authority(key: &PrivateKey) -> Value {
    json!({ "name": "shop-key", "key": { "data": key.public().to_pem() } })
}

/// The distinct paths among requests.
pub(crate) fn paths(requests: &[String]) -> BTreeSet<&str> {
    requests
        .iter()
        .filter_map(|request| Some(request.split_once(' ')?.1))
        .collect()
}
