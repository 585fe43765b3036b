//! Manifests that name the image as their subject.

use countersign_evidence::{Gap, GapCause, Layout, Place};
use countersign_image::{Descriptor, Document, Repository, media};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::{CONCURRENCY, Found, Gathering};
use crate::trouble::{ContentTrouble, Trouble};

impl Gathering<'_> {
    pub(super) async fn referrers(&self, repository: Repository) -> Found {
        let image = self.image.digest();
        let listing = self
            .client
            .list_referrers(&repository, image, self.credentials, self.deadline)
            .await;
        let mut found = Found::default();
        let mut listed: Vec<Descriptor> = listing.descriptors;
        listed.retain(|descriptor| media::is_manifest(&descriptor.media_type) && descriptor.digest != *image);
        // The artifact type decides nothing: registries give it wrongly, and signatures and attestations share one. It
        // only says whose turn it is first when there are more than we fetch.
        listed.sort_by_key(|descriptor| !is_likely(descriptor));
        let limit = self.client.limits().referrers;
        let gap = |cause| Gap {
            repository: repository.clone(),
            place: Place::Referrers,
            cause,
        };
        if listed.len() > limit {
            listed.truncate(limit);
            found.gaps.push(gap(GapCause::TooMany { limit: limit as u64 }));
        }
        let answered = listing.troubles.is_empty();
        for trouble in &listing.troubles {
            let gap = gap(trouble.gap_cause());
            // The API and the tag in its stead fail for one reason more often than for two.
            if !found.gaps.contains(&gap) {
                found.gaps.push(gap);
            }
        }

        let fetched: Vec<BoxFuture<'_, Found>> = listed
            .iter()
            .map(|descriptor| self.referrer(&repository, descriptor).boxed())
            .collect();
        let chains: Vec<Found> = stream::iter(fetched).buffered(CONCURRENCY).collect().await;
        for chain in chains {
            found.append(chain);
        }
        if answered {
            found.at(&repository, Place::Referrers)
        } else {
            found
        }
    }

    async fn referrer(&self, repository: &Repository, descriptor: &Descriptor) -> Found {
        let place = Place::Manifest(descriptor.digest);
        let gap = |cause| Found::gap(repository, place.clone(), cause);
        let (blob, content_type) = match self
            .manifest(repository, &descriptor.digest, Some(descriptor.size))
            .await
        {
            Ok(fetched) => fetched,
            Err(trouble) => return gap(trouble.gap_cause()),
        };
        let manifest = match Document::parse(&blob, content_type.as_deref(), Some(&descriptor.media_type)) {
            Ok(Document::Manifest(manifest)) => manifest,
            Ok(Document::Index(_)) => return Found::default(),
            Err(error) => return gap(Trouble::Content(ContentTrouble::Manifest(error)).gap_cause()),
        };
        match &manifest.subject {
            Some(subject) if subject.digest == *self.image.digest() => {
                self.pieces(repository, blob.digest(), &manifest, Layout::Referrer)
                    .await
            }
            Some(subject) => gap(GapCause::Malformed {
                detail: format!("it is about `{}`, not about this image", subject.digest),
            }),
            // It says nothing of this image: part of an index that a registry gave in place of a list.
            None => Found::default(),
        }
    }
}

fn is_likely(descriptor: &Descriptor) -> bool {
    descriptor.artifact_type.as_deref().is_none_or(|artifact_type| {
        media::is_sigstore_bundle(artifact_type)
            || matches!(
                artifact_type,
                media::OCI_EMPTY | media::COSIGN_SIGNATURE_ARTIFACT | media::DSSE_ENVELOPE
            )
    })
}
