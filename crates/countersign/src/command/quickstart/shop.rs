//! The images of the story, in a registry of our own: one signed, one not, one tampered with, one whose tag was moved.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_evidence::{Layout, ToBeSigned};
use countersign_image::{Descriptor, Digest, Manifest, Pinned, Reference, Repository, Tag, media};
use countersign_keys::SigningKey;
use countersign_registry::{Client, ClientConfig, Credentials, ManifestName, publish};
use serde_json::json;

use crate::failure::Failure;
use crate::naming::of_trouble;

/// A loopback registry answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Shop {
    client: Client,
    nobody: Credentials,
    host: SocketAddr,
}

impl Shop {
    pub(super) fn at(host: SocketAddr) -> Result<Self, Failure> {
        let client = Client::new(ClientConfig::default()).map_err(Failure::misuse)?;
        Ok(Self {
            client,
            nobody: Credentials::anonymous(),
            host,
        })
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn name(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.host)
    }

    /// Publishes a small image that says `words`, under a tag.
    pub(super) async fn push(&self, repository: &str, tag: &str, words: &str) -> Result<Pinned, Failure> {
        let name = self.name(repository, tag);
        let reference = Reference::parse(&name).map_err(Failure::misuse)?;
        let at = reference.repository();
        let layer = self.put_blob(at, Bytes::from(words.to_owned().into_bytes())).await?;
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "User": "1000" },
            "rootfs": { "type": "layers", "diff_ids": [layer.digest.to_string()] },
        });
        let config = self.put_blob(at, config.to_string().into()).await?;
        let manifest = Manifest {
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: None,
            config: Descriptor::new(media::OCI_CONFIG, config.digest, config.size),
            layers: vec![Descriptor::new(
                "application/vnd.oci.image.layer.v1.tar",
                layer.digest,
                layer.size,
            )],
            subject: None,
            annotations: Default::default(),
        };
        let tag = ManifestName::Tag(Tag::parse(tag).map_err(Failure::misuse)?);
        let digest = self.put_manifest(at, &tag, manifest.to_json().into()).await?;
        Ok(reference.resolved(digest))
    }

    /// Signs an image in the layout that cosign 3 writes.
    pub(super) async fn sign(&self, image: &Pinned, key: &SigningKey) -> Result<(), Failure> {
        self.attach(
            image,
            Layout::Bundle,
            ToBeSigned::cosign_sign(image, &Default::default()),
            key,
        )
        .await
    }

    /// What a forger can do without the key: put a true signature of `signed` where signatures of `forged` are looked for.
    pub(super) async fn pass_off(&self, signed: &Pinned, forged: &Pinned, key: &SigningKey) -> Result<(), Failure> {
        self.attach(
            forged,
            Layout::Tag,
            ToBeSigned::simple(signed, &Default::default()),
            key,
        )
        .await
    }

    async fn attach(&self, at: &Pinned, layout: Layout, what: ToBeSigned, key: &SigningKey) -> Result<(), Failure> {
        let signature = key.sign(&what).await.map_err(Failure::misuse)?.bytes;
        let sealed = what
            .seal(layout, &signature, key.public_key())
            .map_err(Failure::misuse)?;
        publish::attach(&self.client, &self.nobody, at, layout, &sealed, deadline())
            .await
            .map(|_| ())
            .map_err(|trouble| of_trouble(at.repository(), trouble, "the registry of the story took no signature"))
    }

    async fn put_blob(&self, at: &Repository, bytes: Bytes) -> Result<Stored, Failure> {
        let size = bytes.len() as u64;
        let put = self.client.put_blob(at, bytes, &self.nobody, deadline()).await;
        let digest = put.map_err(|trouble| of_trouble(at, trouble, "the registry of the story took no blob"))?;
        Ok(Stored { digest, size })
    }

    async fn put_manifest(&self, at: &Repository, name: &ManifestName, bytes: Bytes) -> Result<Digest, Failure> {
        let put = self
            .client
            .put_manifest(at, name, media::OCI_MANIFEST, bytes, &self.nobody, deadline())
            .await;
        Ok(put
            .map_err(|trouble| of_trouble(at, trouble, "the registry of the story took no image"))?
            .digest)
    }
}

struct Stored {
    digest: Digest,
    size: u64,
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}
