//! What the governing policies need to know about an image: where to look, for what, and with whose credentials.

use countersign_evidence::Layouts;
use countersign_image::{Pinned, Repository};

use crate::meaning::SignedDemand;

/// What has to be gathered before an image can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Where to look, each place once.
    pub places: Vec<SourceWant>,
    /// Whether an authority asks for signatures of the image.
    pub signatures: bool,
    /// Whether an authority asks for attestations about it.
    pub attestations: bool,
    /// Every layout that an authority accepts.
    pub layouts: Layouts,
    /// Whether a policy needs the image's own manifest, whatever is found. None of this version does; that a signature over
    /// the manifest's bytes needs it is for whoever finds one.
    pub manifest: bool,
}

/// One repository to look in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceWant {
    /// The repository: the image's own, or the one that the policy names.
    pub repository: Repository,
    /// What the policy puts before `sha256-<hex>.sig` and `.att`.
    pub tag_prefix: Option<String>,
    /// Names of pull secrets, in the namespace of the object, to read it with.
    pub pull_secrets: Vec<String>,
}

impl Wants {
    /// Wants that nothing has to be gathered for.
    pub(crate) fn none() -> Self {
        Self {
            places: Vec::new(),
            signatures: false,
            attestations: false,
            layouts: Layouts::NONE,
            manifest: false,
        }
    }

    /// Adds what one authority asks for. A place that is there already is looked at once, with the credentials of both.
    pub(crate) fn add(&mut self, demand: &SignedDemand, image: &Pinned) {
        let repository = demand.repository_for(image);
        let known = self
            .places
            .iter_mut()
            .find(|place| place.repository == *repository && place.tag_prefix == demand.tag_prefix);
        match known {
            Some(place) => {
                for secret in &demand.pull_secrets {
                    if !place.pull_secrets.contains(secret) {
                        place.pull_secrets.push(secret.clone());
                    }
                }
            }
            None => self.places.push(SourceWant {
                repository: repository.clone(),
                tag_prefix: demand.tag_prefix.clone(),
                pull_secrets: demand.pull_secrets.clone(),
            }),
        }
        let wants_signature = demand.attestations.is_empty();
        self.signatures |= wants_signature;
        self.attestations |= !wants_signature;
        self.layouts = self.layouts.union(demand.layouts);
    }

    /// Whether nothing has to be gathered.
    pub fn nothing(&self) -> bool {
        self.places.is_empty()
    }
}
