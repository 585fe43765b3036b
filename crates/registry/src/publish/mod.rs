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
use countersign_evidence::{Bundle, BundleContent, Content, Envelope, Evidence, Layout, Layouts, Sealed, Statement};
use countersign_image::{Descriptor, Digest, Pinned, Repository, annotation, media};
use jiff::Timestamp;

pub use self::release::{MAX_BUNDLES, Release, ReleaseError, Released, Step, Steps, release};
pub use self::whole::Copied;
use crate::client::Client;
use crate::credential::Credentials;
use crate::gather::{GatherRequest, gather};
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
    let pieces = [(layout, Piece::of(sealed, layout)?)];
    let known = match layout {
        Layout::Tag => None,
        Layout::Referrer | Layout::Bundle => Some(desk.look(Layouts::of(&[layout])).await),
    };
    let published = desk.attach(&pieces, known.as_ref(), &()).await?;
    published.into_iter().next().ok_or(Trouble::NotFound)
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
    /// Puts what is not among what is `known` to be there, in the order in which it was given. Each list that others write to
    /// is written once.
    async fn attach(
        &self,
        pieces: &[(Layout, Piece)],
        known: Option<&Evidence>,
        steps: &dyn Steps,
    ) -> Result<Vec<Published>, Trouble> {
        let mut published = BTreeMap::new();
        let mut unlisted = Vec::new();
        for kind in [Kind::Signature, Kind::Attestation] {
            let of_kind = pieces.iter().enumerate();
            let of_kind: Vec<(usize, &Piece)> = of_kind
                .filter(|(_, (layout, piece))| *layout == Layout::Tag && piece.kind == kind)
                .map(|(at, (_, piece))| (at, piece))
                .collect();
            if of_kind.is_empty() {
                continue;
            }
            steps.before(Step::Sealed)?;
            let together: Vec<&Piece> = of_kind.iter().map(|(_, piece)| *piece).collect();
            let (manifest, all_there, entry) = self.under_tag(kind, &together).await?;
            unlisted.extend(entry);
            for (at, piece) in of_kind {
                let was_there = all_there || known.is_some_and(|known| piece.found_in(known, Layout::Tag).is_some());
                published.insert(at, self.published(manifest, piece, was_there));
            }
        }
        for (at, (layout, piece)) in pieces.iter().enumerate() {
            if *layout != Layout::Tag {
                steps.before(Step::Sealed)?;
                let (put, entry) = self.as_referrer(piece, *layout, known).await?;
                unlisted.extend(entry);
                published.insert(at, put);
            }
        }
        if !unlisted.is_empty() {
            steps.before(Step::Sealed)?;
            self.list(&unlisted).await?;
        }
        Ok(published.into_values().collect())
    }

    /// Everything that a stranger finds beside the image.
    async fn look(&self, layouts: Layouts) -> Evidence {
        let request = GatherRequest {
            places: Vec::new(),
            signatures: true,
            attestations: true,
            layouts,
            manifest: false,
        };
        gather(self.client, self.image, &request, self.credentials, self.deadline).await
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
