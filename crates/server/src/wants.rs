//! What policies want to know, in the registry's terms: neither crate knows the other.

use countersign_policy::Wants;
use countersign_registry::{GatherRequest, SourceRequest};

/// The request that obtains what is wanted.
#[must_use]
pub fn request(wants: &Wants) -> GatherRequest {
    GatherRequest {
        places: wants
            .places
            .iter()
            .map(|place| SourceRequest {
                repository: place.repository.clone(),
                tag_prefix: place.tag_prefix.clone(),
            })
            .collect(),
        signatures: wants.signatures,
        attestations: wants.attestations,
        layouts: wants.layouts,
        manifest: wants.manifest,
    }
}
