//! Writes signatures and attestations beside an image, so that cosign and we can read them.
//!
//! Content first, the name that points at it last: whoever reads in between sees what was there before. Names that others
//! write to as well (`.sig`, `.att`, the fallback tag of referrers) are read, merged, written and read again, until what
//! we added is there.

mod merged;
mod referrer;
mod release;
mod tag;
mod whole;

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use countersign_evidence::{Bundle, BundleContent, Content, Envelope, Evidence, Layout, Sealed, Statement};
use countersign_image::{Descriptor, Digest, Pinned, Repository, annotation, media};
use jiff::Timestamp;

pub use self::release::{MAX_BUNDLES, Release, ReleaseError, Released, Step, Steps, release};
pub use self::whole::Copied;
use crate::client::Client;
use crate::credential::Credentials;
use crate::trouble::Trouble;

/// Where something was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The repository.
    pub repository: Repository,
    /// The manifest that holds it now.
    pub manifest: Digest,
    /// The payload, envelope or bundle itself.
    pub blob: Digest,
    /// Whether exactly this was there before, so that nothing was written.
    pub already_there: bool,
}

/// Stores something sealed beside an image, in its repository. Nothing that is there already is lost, and the same thing
/// twice is there once.
pub async fn attach(
    client: &Client,
    credentials: &Credentials,
    image: &Pinned,
    layout: Layout,
    sealed: &Sealed,
    deadline: Instant,
) -> Result<Published, Trouble> {
    let desk = Desk {
        client: &client.at_origin(),
        credentials,
        image,
        deadline,
        form: Form::Plain,
    };
    desk.attach(layout, &Piece::of(sealed, layout)?).await
}

/// For which readers things are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// For those of the layout that was asked for, as cosign does it.
    Plain,
    /// A signature under a tag names the image as its subject as well, so that readers of either kind find it in one manifest;
    /// and the same piece is the same manifest whenever it is written.
    Combined {
        /// When it was made.
        created: Timestamp,
    },
}

/// Everything that publishing needs at every step.
struct Desk<'a> {
    /// One that asks no mirror.
    client: &'a Client,
    credentials: &'a Credentials,
    image: &'a Pinned,
    deadline: Instant,
    form: Form,
}

impl Desk<'_> {
    async fn attach(&self, layout: Layout, piece: &Piece) -> Result<Published, Trouble> {
        match layout {
            Layout::Tag => self.under_tag(piece).await,
            Layout::Referrer | Layout::Bundle => self.as_referrer(piece, layout).await,
        }
    }

    fn created(&self) -> Timestamp {
        match self.form {
            Form::Plain => Timestamp::now(),
            Form::Combined { created } => created,
        }
    }

    fn repository(&self) -> &Repository {
        self.image.repository()
    }

    async fn put_blob(&self, bytes: Bytes) -> Result<Digest, Trouble> {
        self.client
            .put_blob(self.repository(), bytes, self.credentials, self.deadline)
            .await
    }

    fn published(&self, manifest: Digest, piece: &Piece, already_there: bool) -> Published {
        Published {
            repository: self.repository().clone(),
            manifest,
            blob: piece.layer.digest,
            already_there,
        }
    }
}

/// Something sealed, as the layer that holds it.
struct Piece {
    kind: Kind,
    bytes: Bytes,
    layer: Descriptor,
    /// Unsigned, for those who look before they fetch.
    predicate_type: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Signature,
    Attestation,
    Bundle { enveloped: bool },
}

impl Piece {
    fn of(sealed: &Sealed, layout: Layout) -> Result<Self, Trouble> {
        let misplaced = |what| Err(Trouble::Misplaced { layout, what });
        match (sealed, layout) {
            (
                Sealed::Simple {
                    payload,
                    signature_b64: signature,
                },
                Layout::Tag | Layout::Referrer,
            ) => {
                let annotations = [(annotation::COSIGN_SIGNATURE.to_owned(), signature.clone())].into();
                Ok(Self::new(
                    Kind::Signature,
                    payload,
                    media::SIMPLE_SIGNING,
                    annotations,
                    None,
                ))
            }
            (Sealed::Envelope(bytes), Layout::Tag | Layout::Referrer) => {
                let predicate_type = Envelope::parse(bytes).ok().as_ref().and_then(predicate_type);
                // cosign expects the annotation of a signature, and an empty one for an envelope.
                let mut annotations = BTreeMap::from([(annotation::COSIGN_SIGNATURE.to_owned(), String::new())]);
                if let Some(predicate_type) = &predicate_type {
                    annotations.insert(annotation::COSIGN_PREDICATE_TYPE.to_owned(), predicate_type.clone());
                }
                Ok(Self::new(
                    Kind::Attestation,
                    bytes,
                    media::DSSE_ENVELOPE,
                    annotations,
                    predicate_type,
                ))
            }
            (Sealed::Bundle(bytes), Layout::Bundle) => {
                let bundle = Bundle::parse(bytes).ok();
                let envelope = match bundle.as_ref().map(Bundle::content) {
                    Some(BundleContent::Envelope(envelope)) => Some(envelope),
                    Some(BundleContent::Message(_)) | None => None,
                };
                let kind = Kind::Bundle {
                    enveloped: envelope.is_some(),
                };
                let predicate_type = envelope.and_then(predicate_type);
                Ok(Self::new(
                    kind,
                    bytes,
                    media::SIGSTORE_BUNDLE_V03,
                    BTreeMap::new(),
                    predicate_type,
                ))
            }
            (Sealed::Simple { .. }, Layout::Bundle) => misplaced("a simple-signing payload"),
            (Sealed::Envelope(_), Layout::Bundle) => misplaced("a bare envelope"),
            (Sealed::Bundle(_), Layout::Tag | Layout::Referrer) => misplaced("a Sigstore bundle"),
        }
    }

    fn new(
        kind: Kind,
        bytes: &[u8],
        media_type: &str,
        annotations: BTreeMap<String, String>,
        predicate_type: Option<String>,
    ) -> Self {
        let layer = Descriptor {
            annotations,
            ..Descriptor::new(media_type, Digest::sha256(bytes), bytes.len() as u64)
        };
        Self {
            kind,
            bytes: Bytes::copy_from_slice(bytes),
            layer,
            predicate_type,
        }
    }

    /// The manifest that holds exactly this in a layout, among what was gathered.
    fn found_in(&self, evidence: &Evidence, layout: Layout) -> Option<Digest> {
        let wanted = self.layer.annotations.get(annotation::COSIGN_SIGNATURE);
        let same = evidence.items.iter().find(|item| {
            item.origin.blob == self.layer.digest
                && item.origin.layout == layout
                && match &item.content {
                    Content::Simple { signature, .. } => Some(signature) == wanted,
                    Content::Envelope { .. } | Content::Bundle(_) => true,
                }
        });
        same.map(|item| item.origin.manifest)
    }

    /// Whether a layer holds this already: the same bytes and, where it is beside them, the same signature.
    fn is(&self, layer: &Descriptor) -> bool {
        let signature = |layer: &Descriptor| layer.annotations.get(annotation::COSIGN_SIGNATURE).cloned();
        layer.digest == self.layer.digest
            && media::essence(&layer.media_type) == self.layer.media_type
            && (self.kind != Kind::Signature || signature(layer) == signature(&self.layer))
    }
}

fn predicate_type(envelope: &Envelope) -> Option<String> {
    Statement::parse(envelope.unverified_payload())
        .ok()
        .map(|statement| statement.predicate_type)
}
