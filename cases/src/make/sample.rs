//! The images that cases are about: small ones, but with manifests that hash to their digests.

use countersign_image::{Blob, Pinned, Reference, media};
use serde_json::json;

/// An image with its manifest.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) pinned: Pinned,
    pub(super) manifest: Blob,
}

/// `name` is a repository, with a tag if wanted; each name has content of its own.
pub(super) fn sample(name: &str) -> Sample {
    let layer = Blob::new(format!("the layer of {name}").into_bytes());
    let config = Blob::new(media::EMPTY_JSON);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_CONFIG, "digest": config.digest(), "size": config.size() },
        "layers": [{ "mediaType": media::OCI_LAYER_GZIP, "digest": layer.digest(), "size": layer.size() }],
    });
    let manifest = Blob::new(manifest.to_string().into_bytes());
    let reference = Reference::parse(&format!("{name}@{}", manifest.digest())).expect("the samples' names are names");
    Sample {
        pinned: reference.pinned().expect("it has a digest"),
        manifest,
    }
}

/// The image that most cases are about.
pub(super) fn app() -> Sample {
    sample("registry.example/shop/app")
}

/// Another image of the same repository.
pub(super) fn other() -> Sample {
    sample("registry.example/shop/app:other")
}
