//! `countersign serve registry`, with images in it.

use std::time::{Duration, Instant};

use countersign_image::{Descriptor, Digest, Manifest, Reference, media};
use countersign_registry::{Client, ClientConfig, Credentials, ManifestName};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Folder, Serving};

/// A users file with one user, `sentry`, whose password is `open sesame`.
pub(crate) const USERS: &str = "sentry:$2b$05$i18C5BzxRkkw00EleXDuguHKuQ5jiljqa//GVsho3gN7lwO5ZDCyC\n";

pub(crate) struct Registry<'a> {
    folder: &'a Folder,
    address: String,
    client: Client,
    runtime: Runtime,
    pub(crate) serving: Serving<'a>,
}

impl<'a> Registry<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self::with(folder, &[])
    }

    pub(crate) fn with(folder: &'a Folder, arguments: &[&str]) -> Self {
        let command = folder.command(&[&["serve", "registry", "--listen", "127.0.0.1:0"], arguments].concat());
        let mut serving = Serving::start(folder, "registry", command);
        let address = serving
            .address("the registry listens")
            .split_once("://")
            .unwrap()
            .1
            .to_owned();
        folder.redact(&address, "REGISTRY");
        // Another test of this process may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            folder,
            address,
            client: Client::new(ClientConfig::default()).unwrap(),
            runtime,
            serving,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// `app:1.0` with this registry before it.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Publishes a small image under a name such as `app:1.0`; in snapshots its digest is called `app`.
    pub(crate) fn push(&self, name: &str) -> Digest {
        let reference = Reference::parse(&self.name(name)).unwrap();
        let digest = self.runtime.block_on(self.put(&reference, name));
        self.folder.name_digest(&digest, name.split(':').next().unwrap());
        digest
    }

    async fn put(&self, reference: &Reference, words: &str) -> Digest {
        let (repository, nobody) = (reference.repository(), Credentials::anonymous());
        let deadline = Instant::now() + Duration::from_secs(30);
        let layer = words.to_owned().into_bytes();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [Digest::sha256(&layer).to_string()] },
        });
        let config = config.to_string().into_bytes();
        for bytes in [&layer, &config] {
            self.client
                .put_blob(repository, bytes.clone().into(), &nobody, deadline)
                .await
                .unwrap();
        }
        let describe =
            |media_type: &str, bytes: &[u8]| Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64);
        let manifest = Manifest {
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: None,
            config: describe(media::OCI_CONFIG, &config),
            layers: vec![describe("application/vnd.oci.image.layer.v1.tar", &layer)],
            subject: None,
            annotations: Default::default(),
        };
        let (tag, bytes) = (ManifestName::Tag(reference.effective_tag()), manifest.to_json().into());
        let put = self
            .client
            .put_manifest(repository, &tag, media::OCI_MANIFEST, bytes, &nobody, deadline);
        put.await.unwrap().digest
    }
}
