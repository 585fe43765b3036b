//! An image as we fetch it ourselves: every manifest and configuration by its digest, each hashed again.

use std::collections::BTreeMap;
use std::time::Instant;

use countersign_gate::{Closure, Platform};
use countersign_image::manifest::MAX_MANIFEST_BYTES;
use countersign_image::{Descriptor, Digest, Document, Index, Manifest, ManifestError, Repository, json, media};
use countersign_registry::{Client, ContentTrouble, Credentials, Trouble};
use countersign_wire::Code;
use serde::Deserialize;
use thiserror::Error;

/// The most platforms of one image.
pub const MAX_PLATFORMS: usize = 64;
/// The largest configuration, in bytes.
const MAX_CONFIG: u64 = MAX_MANIFEST_BYTES as u64;
/// What BuildKit calls the manifests of an index that are no images.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The image that an image was built upon (OCI image specification, "annotations").
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// Why an image could not be looked at.
#[derive(Debug, Error)]
pub enum ClosureError {
    /// The registry did not give it.
    #[error("the image's {what} could not be fetched")]
    Trouble {
        /// What was fetched.
        what: &'static str,
        /// Why not.
        #[source]
        trouble: Trouble,
    },
    /// What was fetched is not what it should be.
    #[error("`{digest}` is no manifest that can be read")]
    Manifest {
        /// The digest.
        digest: Digest,
        /// Why not.
        #[source]
        error: ManifestError,
    },
    /// The configuration names no platform.
    #[error("the configuration `{digest}` is not one of an image: {detail}")]
    Config {
        /// The digest.
        digest: Digest,
        /// Why not.
        detail: String,
    },
    /// There is nothing in it that could run.
    #[error("the image has no platform")]
    Empty,
    /// Two manifests are for one platform.
    #[error("the image has two manifests for `{platform}`")]
    Twice {
        /// The platform.
        platform: String,
    },
    /// There are too many.
    #[error("the image has more than {MAX_PLATFORMS} platforms")]
    TooMany,
    /// An index in an index is no image.
    #[error("`{digest}` is an index within an index")]
    Nested {
        /// The digest.
        digest: Digest,
    },
}

impl ClosureError {
    /// What a submission fails with; `None` where it may pass by itself.
    pub fn failure(&self) -> Option<Code> {
        match self {
            Self::Trouble { trouble, .. } => of_trouble(trouble),
            _ => Some(Code::ImageUnreadable),
        }
    }
}

/// What a trouble of a registry ends a submission with; `None` where it may pass by itself.
pub(crate) fn of_trouble(trouble: &Trouble) -> Option<Code> {
    match trouble {
        Trouble::NotFound => Some(Code::ImageGone),
        Trouble::Denied { .. } => Some(Code::RegistryDenied),
        Trouble::Content(ContentTrouble::Bytes(_)) => Some(Code::DigestMismatch),
        Trouble::Content(_) => Some(Code::ImageUnreadable),
        _ => None,
    }
}

/// An image, whole: what may be named in its stead, and a digest over that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What stands for the image.
    pub closure: Closure,
    /// The digest over all digests of the closure.
    pub digest: Digest,
    /// The configurations, by platform: what the image itself says.
    pub configurations: BTreeMap<String, Vec<u8>>,
    /// What the manifest of a platform says of the image that it was built upon.
    pub bases: BTreeMap<String, String>,
}

/// Fetches an image. Manifests that BuildKit calls attestations are no platforms.
///
/// # Errors
/// [`ClosureError`].
pub async fn fetch(
    client: &Client,
    credentials: &Credentials,
    repository: &Repository,
    digest: &Digest,
    deadline: Instant,
) -> Result<Fetched, ClosureError> {
    let desk = Desk {
        client,
        credentials,
        repository,
        deadline,
    };
    let mut found = Found::default();
    match desk.document(digest, None).await? {
        Document::Manifest(manifest) => desk.add(*digest, &manifest, &mut found).await?,
        Document::Index(index) => {
            for child in images(&index) {
                match desk.document(&child.digest, Some(&child.media_type)).await? {
                    Document::Manifest(manifest) => desk.add(child.digest, &manifest, &mut found).await?,
                    Document::Index(_) => return Err(ClosureError::Nested { digest: child.digest }),
                }
            }
        }
    }
    if found.platforms.is_empty() {
        return Err(ClosureError::Empty);
    }
    let closure = Closure {
        digest: *digest,
        platforms: found.platforms,
    };
    Ok(Fetched {
        digest: digest_of(&closure),
        closure,
        configurations: found.configurations,
        bases: found.bases,
    })
}

fn images(index: &Index) -> impl Iterator<Item = &Descriptor> {
    let is_image = |child: &&Descriptor| !child.annotations.contains_key(REFERENCE_TYPE);
    index.manifests.iter().filter(is_image)
}

/// SHA-256 over the lines `platform NUL manifest NUL configuration`, in their order, after the image's own digest.
fn digest_of(closure: &Closure) -> Digest {
    let mut lines = format!("{}\n", closure.digest);
    for (name, platform) in &closure.platforms {
        lines.push_str(&format!("{name}\0{}\0{}\n", platform.manifest, platform.config));
    }
    Digest::sha256(lines.as_bytes())
}

#[derive(Default)]
struct Found {
    platforms: BTreeMap<String, Platform>,
    configurations: BTreeMap<String, Vec<u8>>,
    bases: BTreeMap<String, String>,
}

struct Desk<'a> {
    client: &'a Client,
    credentials: &'a Credentials,
    repository: &'a Repository,
    deadline: Instant,
}

/// What a configuration says of where it runs (OCI image configuration).
#[derive(Deserialize)]
struct RunsOn {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Desk<'_> {
    async fn document(&self, digest: &Digest, described: Option<&str>) -> Result<Document, ClosureError> {
        let fetched = self
            .client
            .manifest(self.repository, digest, self.credentials, self.deadline)
            .await;
        let (blob, declared) = fetched.map_err(|trouble| ClosureError::Trouble {
            what: "manifest",
            trouble,
        })?;
        Document::parse(&blob, declared.as_deref(), described)
            .map_err(|error| ClosureError::Manifest { digest: *digest, error })
    }

    async fn add(&self, digest: Digest, manifest: &Manifest, found: &mut Found) -> Result<(), ClosureError> {
        let config = &manifest.config;
        let wrong = |detail: String| ClosureError::Config {
            digest: config.digest,
            detail,
        };
        if ![media::OCI_CONFIG, media::DOCKER_CONFIG].contains(&media::essence(&config.media_type)) {
            return Err(wrong(format!("its type is `{}`", config.media_type)));
        }
        let fetched = self
            .client
            .blob(self.repository, config, MAX_CONFIG, self.credentials, self.deadline)
            .await;
        let blob = fetched.map_err(|trouble| ClosureError::Trouble {
            what: "configuration",
            trouble,
        })?;
        let runs: RunsOn = json::strict(blob.bytes()).map_err(|error| wrong(error.to_string()))?;
        if runs.os.is_empty() || runs.architecture.is_empty() {
            return Err(wrong("it names no platform".to_owned()));
        }
        let platform = match runs.variant.filter(|variant| !variant.is_empty()) {
            Some(variant) => format!("{}/{}/{variant}", runs.os, runs.architecture),
            None => format!("{}/{}", runs.os, runs.architecture),
        };
        if found.platforms.len() == MAX_PLATFORMS {
            return Err(ClosureError::TooMany);
        }
        let digests = Platform {
            manifest: digest,
            config: config.digest,
        };
        if found.platforms.insert(platform.clone(), digests).is_some() {
            return Err(ClosureError::Twice { platform });
        }
        if let Some(base) = manifest.annotations.get(BASE_NAME) {
            found.bases.insert(platform.clone(), base.clone());
        }
        found.configurations.insert(platform, blob.bytes().to_vec());
        Ok(())
    }
}
