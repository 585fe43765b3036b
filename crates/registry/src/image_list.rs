//! The signed list of promoted images in a registry: an artifact of its own, in a repository of its own.
//!
//! Its manifest has two layers, titled as files: the list, for other tools, and the Sigstore bundle, which is all that we
//! read. The tag `v<version>` stands for one list for ever; `latest` for the newest, and moves forward alone.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use countersign_evidence::image_list::{LIST_SUBJECT, MAX_LIST_BUNDLE_BYTES, NotTheList};
use countersign_evidence::{PublicKey, SignedImageList};
use countersign_image::{Blob, Descriptor, Digest, Document, Manifest, Reference, Repository, Tag, media};
use thiserror::Error;

use crate::client::Client;
use crate::credential::Credentials;
use crate::trouble::{ContentTrouble, Trouble};

/// The type of the artifact, and of the layer that is the list.
pub const LIST_ARTIFACT: &str = "application/vnd.countersign.trusted-images.v1+json";
/// What the bundle is called as a file.
pub const BUNDLE_TITLE: &str = "trusted-images.sigstore.json";
/// The name that a layer has as a file (OCI image specification, "annotations").
const TITLE: &str = "org.opencontainers.image.title";
/// How often a tag is read and written again, where others write to it.
const ATTEMPTS: u32 = 8;

/// Where a list was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedList {
    /// The repository.
    pub repository: Repository,
    /// The manifest that holds the list.
    pub manifest: Digest,
    /// The list's version.
    pub version: u64,
    /// Whether both tags stood for it before, so that nothing was written.
    pub already_there: bool,
}

/// Why a list was not published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishListError {
    /// There is another list of this version.
    #[error("`{repository}:v{version}` stands for `{found}`, another list of the same version, and does not move")]
    VersionTaken {
        /// The repository.
        repository: Repository,
        /// The version.
        version: u64,
        /// The other's manifest.
        found: Box<Digest>,
    },
    /// A newer list is there, by the same key and of the same issuer.
    #[error("`{repository}:latest` is version {found}, and version {version} is older")]
    Behind {
        /// The repository.
        repository: Repository,
        /// The version of this list.
        version: u64,
        /// The version of the one that is there.
        found: u64,
    },
    /// The registry did not do its part.
    #[error("the list could not be published in `{repository}`")]
    Registry {
        /// The repository.
        repository: Repository,
        /// Why.
        source: Trouble,
    },
}

/// Publishes a list: 1. its content 2. `v<version>` 3. `latest`. Whoever reads in between finds the list before. The same
/// list again writes nothing, or what was missing of it.
///
/// # Errors
/// [`PublishListError`].
pub async fn publish(
    client: &Client,
    credentials: &Credentials,
    repository: &Repository,
    list: &SignedImageList,
    deadline: Instant,
) -> Result<PublishedList, PublishListError> {
    let shelf = Shelf {
        client,
        credentials,
        repository,
        deadline,
    };
    shelf.publish(list).await.map_err(|failed| match failed {
        Failed::Taken(found) => PublishListError::VersionTaken {
            repository: repository.clone(),
            version: list.list().version(),
            found: Box::new(found),
        },
        Failed::Behind(found) => PublishListError::Behind {
            repository: repository.clone(),
            version: list.list().version(),
            found,
        },
        Failed::Trouble(source) => PublishListError::Registry {
            repository: repository.clone(),
            source,
        },
    })
}

/// Why no list was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadListError {
    /// The registry did not give it.
    #[error("the list `{reference}` could not be had")]
    Registry {
        /// Where it was looked for.
        reference: String,
        /// Why.
        #[source]
        source: Trouble,
    },
    /// What stands there is something else.
    #[error("`{reference}` is no list of images: {detail}")]
    NotAList {
        /// Where it was looked for.
        reference: String,
        /// What it lacks.
        detail: &'static str,
    },
    /// It is not the list of this issuer by this key.
    #[error("the list `{reference}` is not believed")]
    NotTheList {
        /// Where it was looked for.
        reference: String,
        /// Why.
        #[source]
        source: NotTheList,
    },
}

/// Reads a list, by tag (`latest` where none is written) or by digest. It is verified; whether it holds now and follows the
/// one that was seen before is for the caller to ask, with [`SignedImageList::at`].
///
/// # Errors
/// [`ReadListError`].
pub async fn read(
    client: &Client,
    credentials: &Credentials,
    reference: &Reference,
    key: &PublicKey,
    issuer: &str,
    deadline: Instant,
) -> Result<SignedImageList, ReadListError> {
    let written = || reference.written().to_owned();
    let missing = |source| ReadListError::Registry {
        reference: written(),
        source,
    };
    let repository = reference.repository();
    let document = match reference.digest() {
        Some(digest) => {
            let (blob, declared) = client
                .manifest(repository, digest, credentials, deadline)
                .await
                .map_err(missing)?;
            let document = Document::parse(&blob, declared.as_deref(), None);
            document.map_err(|error| missing(Trouble::Content(ContentTrouble::Manifest(error))))?
        }
        None => {
            let tag = reference.effective_tag();
            let tagged = client.tagged(repository, &tag, credentials, deadline).await;
            tagged.map_err(missing)?.1
        }
    };
    let layer = bundle_of(&document).map_err(|detail| ReadListError::NotAList {
        reference: written(),
        detail,
    })?;
    let bundle = client
        .blob(repository, layer, MAX_LIST_BUNDLE_BYTES as u64, credentials, deadline)
        .await
        .map_err(missing)?;
    SignedImageList::verify(bundle, key, issuer).map_err(|source| ReadListError::NotTheList {
        reference: written(),
        source,
    })
}

/// The layer that is the bundle.
fn bundle_of(document: &Document) -> Result<&Descriptor, &'static str> {
    let Document::Manifest(manifest) = document else {
        return Err("it is an index");
    };
    if manifest.artifact_type.as_deref() != Some(LIST_ARTIFACT) {
        return Err("it is an artifact of another type");
    }
    let mut bundles = manifest
        .layers
        .iter()
        .filter(|layer| media::is_sigstore_bundle(media::essence(&layer.media_type)));
    match (bundles.next(), bundles.next()) {
        (Some(bundle), None) => Ok(bundle),
        (None, _) => Err("it has no Sigstore bundle"),
        (Some(_), Some(_)) => Err("it has more than one Sigstore bundle"),
    }
}

/// Where lists stand, and everything to put one there.
struct Shelf<'a> {
    client: &'a Client,
    credentials: &'a Credentials,
    repository: &'a Repository,
    deadline: Instant,
}

enum Failed {
    Taken(Digest),
    Behind(u64),
    Trouble(Trouble),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A tag's rule: what it may stand for besides the list that is published.
#[derive(Clone, Copy)]
enum Place {
    /// `v<version>`: nothing, once a list of this version stands there.
    Numbered,
    /// `latest`: any older list.
    Latest,
}

/// What a tag stands for.
struct Standing {
    manifest: Blob,
    /// The list, if it is one of the same issuer by the same key. Anything else keeps nobody from anything.
    list: Option<SignedImageList>,
}

impl Place {
    /// Whether the tag stands for the list already: under another signature it is the same list.
    fn holds(self, standing: Option<&Standing>, list: &SignedImageList) -> Result<bool, Failed> {
        let Some((standing, found)) = standing.and_then(|standing| Some((standing, standing.list.as_ref()?))) else {
            return Ok(false);
        };
        let (version, own) = (found.list().version(), list.list().version());
        match self {
            _ if found.seen() == list.seen() => Ok(true),
            Self::Numbered if version == own => Err(Failed::Taken(*standing.manifest.digest())),
            Self::Latest if version > own => Err(Failed::Behind(version)),
            Self::Numbered | Self::Latest => Ok(false),
        }
    }
}

impl Shelf<'_> {
    async fn publish(&self, list: &SignedImageList) -> Result<PublishedList, Failed> {
        let version = list.list().version();
        let latest = Tag::latest();
        let numbered = Tag::parse(&format!("v{version}")).map_err(|error| Trouble::protocol(error.to_string()))?;
        let turn = self.client.turn(self.repository, &latest);
        let _turn = turn.lock().await;

        // Asked before anything is written: a list that is behind leaves no trace.
        Place::Latest.holds(self.standing(&latest, list).await?.as_ref(), list)?;
        let document = Blob::new(list.list().to_json());
        let manifest = Blob::new(manifest(&document, list.bundle()).to_json());
        let first = self.standing(&numbered, list).await?;
        if !Place::Numbered.holds(first.as_ref(), list)? {
            let empty = Bytes::from_static(media::EMPTY_JSON);
            for bytes in [empty, document.bytes().clone(), list.bundle().bytes().clone()] {
                self.client
                    .put_blob(self.repository, bytes, self.credentials, self.deadline)
                    .await?;
            }
        }
        let (manifest, known) = self.set(Place::Numbered, &numbered, list, manifest).await?;
        let (manifest, newest) = self.set(Place::Latest, &latest, list, manifest).await?;
        Ok(PublishedList {
            repository: self.repository.clone(),
            manifest: *manifest.digest(),
            version,
            already_there: known && newest,
        })
    }

    /// Sets a tag until it stands for the list. Gives back the manifest that it stands for, and whether it did before. A
    /// registry that minds no conditions may let others write in between: it is read again either way.
    async fn set(
        &self,
        place: Place,
        tag: &Tag,
        list: &SignedImageList,
        manifest: Blob,
    ) -> Result<(Blob, bool), Failed> {
        for attempt in 0..ATTEMPTS {
            let standing = self.standing(tag, list).await?;
            let held = place.holds(standing.as_ref(), list)?;
            match standing {
                Some(standing) if held => return Ok((standing.manifest, attempt == 0)),
                standing => {
                    let replaced = standing.map(|standing| *standing.manifest.digest());
                    let content = (media::OCI_MANIFEST, manifest.bytes().clone());
                    let (to, with) = (self.repository, self.credentials);
                    self.client
                        .replace(to, tag, replaced.as_ref(), content, with, self.deadline)
                        .await?;
                }
            }
        }
        Err(Failed::Trouble(Trouble::Contended { attempts: ATTEMPTS }))
    }

    /// What a tag stands for at the registry itself: a mirror may be behind.
    async fn standing(&self, tag: &Tag, list: &SignedImageList) -> Result<Option<Standing>, Trouble> {
        let (to, with, deadline) = (self.repository, self.credentials, self.deadline);
        let (manifest, document) = match self.client.at_origin().tagged(to, tag, with, deadline).await {
            Ok(standing) => standing,
            Err(Trouble::NotFound) => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let Ok(layer) = bundle_of(&document) else {
            return Ok(Some(Standing { manifest, list: None }));
        };
        let cap = MAX_LIST_BUNDLE_BYTES as u64;
        let list = match self.client.blob(to, layer, cap, with, deadline).await {
            Ok(bundle) => SignedImageList::verify(bundle, list.key(), list.list().issuer()).ok(),
            // It is named and not there, or not what was named: nobody can read it.
            Err(Trouble::NotFound | Trouble::Content(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        Ok(Some(Standing { manifest, list }))
    }
}

/// The manifest of a list: the same bytes for the same bundle.
fn manifest(document: &Blob, bundle: &Blob) -> Manifest {
    let layer = |media_type: &str, title: &str, blob: &Blob| Descriptor {
        annotations: BTreeMap::from([(TITLE.to_owned(), title.to_owned())]),
        ..Descriptor::new(media_type, *blob.digest(), blob.size())
    };
    let empty = Digest::sha256(media::EMPTY_JSON);
    Manifest {
        media_type: media::OCI_MANIFEST.to_owned(),
        artifact_type: Some(LIST_ARTIFACT.to_owned()),
        config: Descriptor::new(media::OCI_EMPTY, empty, media::EMPTY_JSON.len() as u64),
        layers: vec![
            layer(LIST_ARTIFACT, LIST_SUBJECT, document),
            layer(media::SIGSTORE_BUNDLE_V03, BUNDLE_TITLE, bundle),
        ],
        subject: None,
        annotations: BTreeMap::new(),
    }
}
