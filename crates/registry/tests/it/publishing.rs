//! What is published is found again, beside what others published, once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use countersign_evidence::{Content, Layout, Sealed};
use countersign_image::{Descriptor, Digest, Document, Pinned, Reference, Repository, Tag, media};
use countersign_registry::{
    Client, ContentTrouble, ManifestName, Trouble, embedded::Registry, gather, publish::attach,
};
use futures_util::future::join_all;

use super::gathering::everything;
use super::scripted::{client, manifest, nobody, soon};

/// A registry with one image in it.
pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) image: Pinned,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the registry keeps lists of referrers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    There,
    Lacking,
    /// It does, and takes what was put on conditions that do not hold.
    Careless,
    /// It does neither: as distribution is.
    Plain,
    /// It does, and answers 500 to the first of every request that changes something, after doing it.
    Failing,
}

/// What failed although it took effect.
async fn failing(seen: Arc<Mutex<HashSet<String>>>, request: Request, next: Next) -> Response {
    let changes = matches!(request.method().as_str(), "PUT" | "POST");
    let path = request
        .uri()
        .path()
        .split("/uploads/")
        .next()
        .unwrap_or_default()
        .to_owned();
    let line = format!("{} {path}", request.method());
    let response = next.run(request).await;
    if changes && seen.lock().unwrap().insert(line) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    response
}

async fn without_conditions(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove("if-match");
    request.headers_mut().remove("if-none-match");
    next.run(request).await
}

async fn without_api(request: Request, next: Next) -> Response {
    if request.uri().path().contains("/referrers/") {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().remove("oci-subject");
    response
}

pub(crate) async fn stage(api: Api) -> Stage {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let router = Registry::memory().router();
    let router = match api {
        Api::There => router,
        Api::Lacking => router.layer(middleware::from_fn(without_api)),
        Api::Careless => router.layer(middleware::from_fn(without_conditions)),
        Api::Plain => router
            .layer(middleware::from_fn(without_api))
            .layer(middleware::from_fn(without_conditions)),
        Api::Failing => {
            let seen = Arc::default();
            router.layer(middleware::from_fn(move |request, next| {
                failing(Arc::clone(&seen), request, next)
            }))
        }
    };
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = client();
    let repository = Repository::parse(&format!("{host}/team/app")).unwrap();
    let digest = put_image(&client, &repository, "v1").await;
    let image = Reference::parse(&format!("{host}/team/app:v1"))
        .unwrap()
        .resolved(digest);
    Stage { client, image, task }
}

async fn put_image(client: &Client, repository: &Repository, tag: &str) -> Digest {
    let mut descriptors = Vec::new();
    for (media_type, bytes) in [(media::OCI_CONFIG, "{}"), (media::OCI_LAYER_GZIP, "layer")] {
        let digest = client
            .put_blob(repository, bytes.into(), &nobody(), soon())
            .await
            .unwrap();
        descriptors.push(Descriptor::new(media_type, digest, bytes.len() as u64));
    }
    let mut image = manifest(descriptors.split_off(1), None);
    image.config = descriptors.remove(0);
    let name = ManifestName::Tag(Tag::parse(tag).unwrap());
    client
        .put_manifest(
            repository,
            &name,
            media::OCI_MANIFEST,
            image.to_json().into(),
            &nobody(),
            soon(),
        )
        .await
        .unwrap()
        .digest
}

pub(crate) fn signature(text: &str) -> Sealed {
    Sealed::Simple {
        payload: b"{\"payload\":1}".to_vec(),
        signature_b64: text.to_owned(),
    }
}

pub(crate) fn envelope(text: &str) -> Sealed {
    Sealed::Envelope(format!("{{\"envelope\":\"{text}\"}}").into_bytes())
}

pub(crate) fn bundle(text: &str) -> Sealed {
    Sealed::Bundle(format!("{{\"bundle\":\"{text}\"}}").into_bytes())
}

impl Stage {
    async fn attach(
        &self,
        layout: Layout,
        sealed: &Sealed,
    ) -> Result<countersign_registry::publish::Published, Trouble> {
        attach(&self.client, &nobody(), &self.image, layout, sealed, soon()).await
    }

    /// What is found, in words.
    async fn found(&self) -> Vec<String> {
        let evidence = gather(&self.client, &self.image, &everything(), &nobody(), soon()).await;
        assert_eq!(evidence.gaps, []);
        let mut found: Vec<_> = evidence
            .items
            .iter()
            .map(|item| {
                let what = match &item.content {
                    Content::Simple { signature, .. } => signature.clone(),
                    Content::Envelope { envelope: blob, .. } | Content::Bundle(blob) => {
                        String::from_utf8(blob.bytes().to_vec()).unwrap()
                    }
                };
                format!("{} {what}", item.origin.layout)
            })
            .collect();
        found.sort();
        found
    }

    async fn document(&self, name: &str) -> Document {
        let tag = Tag::parse(name).unwrap();
        self.client
            .tagged(self.image.repository(), &tag, &nobody(), soon())
            .await
            .unwrap()
            .1
    }
}

#[tokio::test]
async fn every_layout_is_found_again_and_twice_is_once() {
    for api in [Api::There, Api::Lacking, Api::Failing] {
        let stage = stage(api).await;
        let all = [
            (Layout::Tag, signature("one")),
            (Layout::Tag, signature("two")),
            (Layout::Tag, envelope("three")),
            (Layout::Referrer, signature("four")),
            (Layout::Referrer, envelope("five")),
            (Layout::Bundle, bundle("six")),
            (Layout::Bundle, bundle("seven")),
        ];
        for round in 0..2 {
            for (layout, sealed) in &all {
                let published = stage.attach(*layout, sealed).await.unwrap();
                assert_eq!(published.already_there, round == 1, "{api:?} {layout} {sealed:?}");
            }
        }
        assert_eq!(
            stage.found().await,
            [
                r#"bundle {"bundle":"seven"}"#,
                r#"bundle {"bundle":"six"}"#,
                r#"referrer four"#,
                r#"referrer {"envelope":"five"}"#,
                r#"tag one"#,
                r#"tag two"#,
                r#"tag {"envelope":"three"}"#,
            ],
            "{api:?}"
        );
    }
}

#[tokio::test]
async fn a_tag_is_what_cosign_2_writes() {
    let stage = stage(Api::There).await;
    stage.attach(Layout::Tag, &signature("one")).await.unwrap();
    stage.attach(Layout::Tag, &signature("two")).await.unwrap();
    let Document::Manifest(manifest) = stage
        .document(&format!("{}.sig", stage.image.digest().tag_form()))
        .await
    else {
        panic!("signatures are kept in a manifest")
    };
    assert_eq!(manifest.media_type, media::OCI_MANIFEST);
    assert_eq!(manifest.config.media_type, media::OCI_CONFIG);
    let config = stage
        .client
        .blob(stage.image.repository(), &manifest.config, 4096, &nobody(), soon())
        .await
        .unwrap();
    let config: serde_json::Value = serde_json::from_slice(config.bytes()).unwrap();
    let layers: Vec<String> = manifest.layers.iter().map(|layer| layer.digest.to_string()).collect();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(layers));
    assert_eq!(config["history"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_referrer_is_what_cosign_3_writes() {
    for api in [Api::There, Api::Lacking] {
        let stage = stage(api).await;
        let published = stage.attach(Layout::Bundle, &bundle("one")).await.unwrap();
        let listed = stage
            .client
            .referrers(stage.image.repository(), stage.image.digest(), &nobody(), soon())
            .await
            .unwrap();
        assert_eq!(listed.len(), 1, "{api:?}");
        assert_eq!(listed[0].digest, published.manifest);
        assert_eq!(listed[0].artifact_type.as_deref(), Some(media::SIGSTORE_BUNDLE_V03));
        let tag = Tag::parse(&stage.image.digest().tag_form()).unwrap();
        let fallback = stage
            .client
            .tagged(stage.image.repository(), &tag, &nobody(), soon())
            .await;
        assert_eq!(
            fallback.is_ok(),
            api == Api::Lacking,
            "the fallback tag is for registries that need it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_at_the_same_time_loses_nothing() {
    for (api, layout) in [
        (Api::There, Layout::Tag),
        (Api::Lacking, Layout::Bundle),
        (Api::Careless, Layout::Tag),
    ] {
        let stage = stage(api).await;
        let all: Vec<Sealed> = ["a", "b", "c", "d"]
            .map(|name| {
                if layout == Layout::Tag {
                    signature(name)
                } else {
                    bundle(name)
                }
            })
            .into();
        // Each from a process of its own, as far as the registry and the clients can tell.
        let clients: Vec<Client> = all.iter().map(|_| client()).collect();
        let attaching = all.iter().zip(&clients).map(|(sealed, client)| {
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            let nobody = nobody();
            let image = stage.image.clone();
            async move { attach(client, &nobody, &image, layout, sealed, deadline).await }
        });
        let outcomes = join_all(attaching).await;
        assert!(outcomes.iter().all(Result::is_ok), "{api:?}: {outcomes:?}");
        assert_eq!(stage.found().await.len(), 4, "{api:?} {layout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_in_one_process_takes_turns() {
    let stage = stage(Api::Careless).await;
    let all = ["a", "b", "c", "d", "e", "f"].map(signature);
    let outcomes = join_all(all.iter().map(|sealed| stage.attach(Layout::Tag, sealed))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(stage.found().await.len(), 6);
}

#[tokio::test]
async fn what_is_not_ours_is_not_written_over() {
    let stage = stage(Api::Lacking).await;
    let (repository, tag) = (stage.image.repository(), stage.image.digest().tag_form());
    put_image(&stage.client, repository, &tag).await;
    // The fallback tag holds the image itself: there is no list yet.
    stage.attach(Layout::Bundle, &bundle("one")).await.unwrap();
    assert_eq!(stage.found().await.len(), 1);
    // The signature tag holds an index, or something that cannot be read.
    let name = ManifestName::Tag(Tag::parse(&format!("{tag}.sig")).unwrap());
    let index = super::scripted::index(Vec::new()).to_json();
    stage
        .client
        .put_manifest(repository, &name, media::OCI_INDEX, index.into(), &nobody(), soon())
        .await
        .unwrap();
    let outcome = stage.attach(Layout::Tag, &signature("one")).await;
    assert!(
        matches!(outcome, Err(Trouble::Content(ContentTrouble::Protocol { .. }))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_a_layout_cannot_hold_is_refused() {
    let stage = stage(Api::There).await;
    for (layout, sealed, what) in [
        (Layout::Bundle, signature("one"), "a simple-signing payload"),
        (Layout::Bundle, envelope("one"), "a bare envelope"),
        (Layout::Tag, bundle("one"), "a Sigstore bundle"),
        (Layout::Referrer, bundle("one"), "a Sigstore bundle"),
    ] {
        assert_eq!(
            stage.attach(layout, &sealed).await,
            Err(Trouble::Misplaced { layout, what })
        );
    }
    assert_eq!(stage.found().await, [] as [String; 0]);
}

#[tokio::test]
async fn an_image_that_is_not_there_has_no_referrers() {
    let stage = stage(Api::There).await;
    let gone = stage.image.reference().repository().clone();
    let gone = Reference::parse(&format!("{gone}:gone"))
        .unwrap()
        .resolved(Digest::sha256(b"gone"));
    let outcome = attach(&stage.client, &nobody(), &gone, Layout::Bundle, &bundle("one"), soon()).await;
    assert_eq!(outcome, Err(Trouble::NotFound));
}

#[tokio::test]
async fn blobs_are_mounted_and_manifests_deleted() {
    let stage = stage(Api::There).await;
    let other = Repository::parse(&format!("{}/team/other", stage.image.repository().host())).unwrap();
    let layer = Digest::sha256(b"layer");
    let mounted = stage
        .client
        .mount_blob(&other, stage.image.repository(), &layer, &nobody(), soon())
        .await;
    assert_eq!(mounted, Ok(true));
    let descriptor = Descriptor::new(media::OCI_LAYER_GZIP, layer, 5);
    assert!(
        stage
            .client
            .blob(&other, &descriptor, 5, &nobody(), soon())
            .await
            .is_ok()
    );
    let absent = Digest::sha256(b"absent");
    let mounted = stage
        .client
        .mount_blob(&other, stage.image.repository(), &absent, &nobody(), soon())
        .await;
    assert_eq!(mounted, Ok(false));
    let name = ManifestName::Digest(*stage.image.digest());
    stage
        .client
        .delete_manifest(stage.image.repository(), &name, &nobody(), soon())
        .await
        .unwrap();
    let outcome = stage.client.resolve(stage.image.reference(), &nobody(), soon()).await;
    assert_eq!(outcome, Err(Trouble::NotFound));
}
