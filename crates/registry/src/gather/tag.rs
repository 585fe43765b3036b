//! What cosign keeps under the tags `sha256-<hex>.sig` and `sha256-<hex>.att`.

use countersign_evidence::{GapCause, Layout, Place};
use countersign_image::{Blob, Document, Repository, Tag};

use super::{Found, Gathering};
use crate::trouble::Trouble;

impl Gathering<'_> {
    pub(super) async fn tag(&self, repository: Repository, place: Place, suffix: &'static str) -> Found {
        let prefix = match &place {
            Place::SignatureTag { prefix } | Place::AttestationTag { prefix } => prefix.as_deref().unwrap_or_default(),
            _ => "",
        };
        let text = format!("{prefix}{}{suffix}", self.image.digest().tag_form());
        // A SHA-512 digest is longer than a tag can be: nothing was ever stored under it.
        let Ok(tag) = Tag::parse(&text) else {
            return Found::default().at(&repository, place);
        };
        match self
            .client
            .tagged(&repository, &tag, self.credentials, self.deadline)
            .await
        {
            Ok((blob, document)) => self.tagged(&repository, &blob, document, place).await,
            Err(Trouble::NotFound) => Found::default().at(&repository, place),
            Err(trouble) => Found::gap(&repository, place, trouble.gap_cause()),
        }
    }

    async fn tagged(&self, repository: &Repository, blob: &Blob, document: Document, place: Place) -> Found {
        if let Err(trouble) = self.budget.take(blob.size()) {
            return Found::gap(repository, place, trouble.gap_cause());
        }
        match document {
            Document::Manifest(manifest) => self
                .pieces(repository, blob.digest(), &manifest, Layout::Tag)
                .await
                .behind(&place)
                .at(repository, place),
            Document::Index(_) => {
                let detail = "it is an image index, and signatures are kept in a manifest".to_owned();
                Found::gap(repository, place, GapCause::Malformed { detail })
            }
        }
    }
}
