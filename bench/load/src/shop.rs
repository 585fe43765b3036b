//! Our own registry on loopback, as far away as is wanted, with signed images in it and every request to it counted.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use countersign_evidence::{KeyKind, Layout, ToBeSigned};
use countersign_image::{Descriptor, Manifest, Pinned, Reference, Tag, media};
use countersign_keys::{PrivateKey, Signer as _};
use countersign_registry::{Client, ClientConfig, Credentials, ManifestName, embedded, publish};
use countersign_server::admin::Readiness;
use countersign_server::drain::{DrainPlan, Drainer};
use countersign_server::listener::{Limits, Listener, Transport};
use countersign_server::metrics::{Door, Metrics};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::minted::Minted;

/// A loopback registry answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many images are made at the same time.
const AT_ONCE: usize = 8;
/// How many repositories the images are spread over.
const REPOSITORIES: usize = 50;

/// A registry, the key that its images are signed with, and what was asked of it.
pub struct Shop {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its policy believes.
    pub key: PrivateKey,
    traffic: Traffic,
    client: Client,
    /// The registry closes when this is gone.
    _drainer: Drainer,
}

/// What was asked of a registry, and how far away it is.
#[derive(Clone, Default)]
struct Traffic(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    requests: Vec<String>,
    delay: Duration,
}

impl Shop {
    /// Opens it on a free port.
    pub async fn open() -> Result<Self> {
        let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Transport::Plain).await?;
        let address = listener.address();
        let plan = DrainPlan {
            grace: Duration::ZERO,
            deadline: Duration::ZERO,
        };
        let drainer = Drainer::new(plan, &Readiness::new());
        let traffic = Traffic::default();
        let (router, drain) = (traffic.watch(embedded::Registry::memory().router()), drainer.door());
        tokio::spawn(listener.serve(router, Door::Registry, Limits::registry(), Metrics::new(), drain));
        Ok(Self {
            address,
            key: PrivateKey::generate(KeyKind::EcdsaP256)?,
            traffic,
            client: Client::new(ClientConfig::default())?,
            _drainer: drainer,
        })
    }

    /// From now on every request is answered this much later, as over a wire of that length on a kept connection.
    pub fn moves_away(&self, delay: Duration) {
        self.traffic.with(|inner| inner.delay = delay);
    }

    /// What was asked since the last time, as `METHOD path`.
    pub fn take_requests(&self) -> Vec<String> {
        self.traffic.with(|inner| std::mem::take(&mut inner.requests))
    }

    /// What matches every image in it.
    #[must_use]
    pub fn everything(&self) -> String {
        format!("{}/**", self.address)
    }

    /// So many images, each signed in this layout, the first called `kind-0`. They differ in their manifests only.
    pub async fn signed(&self, kind: &str, layout: Layout, count: usize) -> Result<Vec<Pinned>> {
        let images = stream::iter(0..count)
            .map(|number| self.one_signed(kind, layout, number))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.take_requests();
        Ok(images)
    }

    /// So many images, each signed without a key: a bundle with a certificate of its own and an entry of a log.
    pub async fn keyless(&self, minted: &Minted, kind: &str, count: usize) -> Result<Vec<Pinned>> {
        let mut images = Vec::with_capacity(count);
        for number in 0..count {
            let image = self.push(kind, number).await?;
            let sealed = minted.sign(ToBeSigned::cosign_sign(&image, &BTreeMap::new()))?;
            publish::attach(&self.client, &nobody(), &image, Layout::Bundle, &sealed, soon())
                .await
                .context("the registry took no signature")?;
            images.push(image);
        }
        self.take_requests();
        Ok(images)
    }

    async fn one_signed(&self, kind: &str, layout: Layout, number: usize) -> Result<Pinned> {
        let image = self.push(kind, number).await?;
        let what = match layout {
            Layout::Bundle => ToBeSigned::cosign_sign(&image, &BTreeMap::new()),
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(&image, &BTreeMap::new()),
        };
        let signature = self.key.sign(&what)?;
        let sealed = what.seal(layout, &signature, self.key.public_key())?;
        publish::attach(&self.client, &nobody(), &image, layout, &sealed, soon())
            .await
            .context("the registry took no signature")?;
        Ok(image)
    }

    async fn push(&self, kind: &str, number: usize) -> Result<Pinned> {
        let tag = format!("{kind}-{number}");
        let name = format!("{}/team-{}/web:{tag}", self.address, number % REPOSITORIES);
        let reference = Reference::parse(&name)?;
        let config = json!({ "architecture": "amd64", "os": "linux", "config": {} }).to_string();
        let config = self.blob(&reference, media::OCI_CONFIG, config).await?;
        let layer = "application/vnd.oci.image.layer.v1.tar";
        let manifest = Manifest {
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: None,
            config,
            layers: vec![self.blob(&reference, layer, "nothing".to_owned()).await?],
            subject: None,
            annotations: [("dev.countersign.bench".to_owned(), tag.clone())].into(),
        };
        let (name, bytes) = (ManifestName::Tag(Tag::parse(&tag)?), manifest.to_json().into());
        let put = self
            .client
            .put_manifest(
                reference.repository(),
                &name,
                media::OCI_MANIFEST,
                bytes,
                &nobody(),
                soon(),
            )
            .await
            .context("the registry took no image")?;
        Ok(reference.resolved(put.digest))
    }

    async fn blob(&self, reference: &Reference, media_type: &str, text: String) -> Result<Descriptor> {
        let size = text.len() as u64;
        let put = self
            .client
            .put_blob(reference.repository(), text.into(), &nobody(), soon())
            .await
            .context("the registry took no blob")?;
        Ok(Descriptor::new(media_type, put, size))
    }
}

impl Traffic {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn watch(&self, router: Router) -> Router {
        let traffic = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let traffic = traffic.clone();
            async move { traffic.pass(request, next).await }
        }))
    }

    async fn pass(self, request: Request, next: Next) -> Response {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let delay = self.with(|inner| {
            inner.requests.push(asked);
            inner.delay
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        next.run(request).await
    }
}

fn nobody() -> Credentials {
    Credentials::anonymous()
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
