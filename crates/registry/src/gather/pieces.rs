//! The layers of a manifest that are evidence, told by their media type.

use countersign_evidence::{Content, Gap, GapCause, Item, Layout, Origin, Place};
use countersign_image::{Blob, Descriptor, Digest, Manifest, Repository, annotation, media};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::{CONCURRENCY, Found, Gathering};
use crate::trouble::Trouble;

/// What a layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Simple,
    Envelope,
    Bundle,
}

impl Piece {
    fn of(descriptor: &Descriptor) -> Option<Self> {
        match media::essence(&descriptor.media_type) {
            media::SIMPLE_SIGNING => Some(Self::Simple),
            media::DSSE_ENVELOPE => Some(Self::Envelope),
            media_type if media::is_sigstore_bundle(media_type) => Some(Self::Bundle),
            _ => None,
        }
    }

    /// The layout that a piece is stored in, in a manifest under a tag or in one with a subject.
    fn layout(self, manifest: Layout) -> Layout {
        if self == Self::Bundle { Layout::Bundle } else { manifest }
    }
}

impl Gathering<'_> {
    /// The evidence in one manifest, in its order.
    pub(super) async fn pieces(
        &self,
        repository: &Repository,
        digest: &Digest,
        manifest: &Manifest,
        layout: Layout,
    ) -> Found {
        let mut found = Found::default();
        let mut wanted: Vec<(&Descriptor, Piece)> = manifest
            .layers
            .iter()
            .filter_map(|layer| Some((layer, Piece::of(layer)?)))
            .filter(|(_, piece)| self.wants(*piece, layout))
            .collect();
        let limit = self.client.limits().items_per_manifest;
        let gap = |place, cause| Gap {
            repository: repository.clone(),
            place,
            cause,
        };
        if wanted.len() > limit {
            wanted.truncate(limit);
            found
                .gaps
                .push(gap(Place::Manifest(*digest), GapCause::TooMany { limit: limit as u64 }));
        }
        let fetches: Vec<BoxFuture<'_, _>> = wanted
            .iter()
            .map(|(layer, piece)| self.piece(repository, layer, *piece).boxed())
            .collect();
        let fetched: Vec<_> = stream::iter(fetches).buffered(CONCURRENCY).collect().await;
        let mut missing = Vec::new();
        for ((layer, piece), blob) in wanted.into_iter().zip(fetched) {
            let content = match blob {
                Ok(blob) => content(piece, blob, layer),
                Err(_) if missing.contains(&layer.digest) => continue,
                Err(trouble) => {
                    missing.push(layer.digest);
                    Err(trouble.gap_cause())
                }
            };
            match content {
                Ok(content) => {
                    let layout = piece.layout(layout);
                    let origin = Origin {
                        repository: repository.clone(),
                        layout,
                        tag_prefix: None,
                        manifest: *digest,
                        blob: layer.digest,
                    };
                    found.items.push(Item { origin, content });
                }
                Err(cause) => found.gaps.push(gap(Place::Blob(layer.digest), cause)),
            }
        }
        found
    }

    fn wants(&self, piece: Piece, manifest: Layout) -> bool {
        let of_kind = match piece {
            Piece::Simple => self.request.signatures,
            Piece::Envelope => self.request.attestations,
            // Only what is signed says whether a bundle is a signature or an attestation. Under a tag it is neither.
            Piece::Bundle => manifest == Layout::Referrer,
        };
        of_kind && self.request.layouts.contains(piece.layout(manifest))
    }

    async fn piece(&self, repository: &Repository, layer: &Descriptor, piece: Piece) -> Result<Blob, Trouble> {
        let cap = match piece {
            Piece::Simple => self.client.limits().payload_bytes,
            Piece::Envelope | Piece::Bundle => self.client.limits().attestation_bytes,
        };
        self.blob(repository, layer, cap).await
    }
}

fn content(piece: Piece, blob: Blob, layer: &Descriptor) -> Result<Content, GapCause> {
    match piece {
        Piece::Envelope => Ok(Content::Envelope {
            envelope: blob,
            annotations: layer.annotations.clone(),
        }),
        Piece::Bundle => Ok(Content::Bundle(blob)),
        Piece::Simple => match layer.annotations.get(annotation::COSIGN_SIGNATURE) {
            Some(signature) => Ok(Content::Simple {
                payload: blob,
                signature: signature.clone(),
                annotations: layer.annotations.clone(),
            }),
            None => Err(GapCause::Malformed {
                detail: format!("the payload has no annotation `{}`", annotation::COSIGN_SIGNATURE),
            }),
        },
    }
}
