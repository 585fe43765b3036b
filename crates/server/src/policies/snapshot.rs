//! The policies in force at one moment, and what they were read from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_image::Digest;
use countersign_policy::set::InForce;
use countersign_policy::{Governing, Policy, PolicySet};

use super::document;
use super::files::PolicyText;

/// A set of policies with their texts. Immutable: one decision is made, answered and written down by one of these.
#[derive(Debug)]
pub struct Snapshot {
    set: PolicySet,
    texts: Vec<PolicyText>,
    /// The documents of policies that are in force in an older form than `texts` has.
    kept: BTreeMap<Digest, Arc<str>>,
}

impl Snapshot {
    /// The first one.
    pub(super) fn new(set: PolicySet, texts: Vec<PolicyText>) -> Self {
        Self {
            set,
            texts,
            kept: BTreeMap::new(),
        }
    }

    /// The next one: where its texts cannot be understood, what was in force before stays.
    pub(super) fn after(&self, set: PolicySet, texts: Vec<PolicyText>) -> Self {
        let set = set.with_last_good(&self.set);
        let kept = set
            .kept()
            .iter()
            .filter_map(|policy| Some((*policy.digest(), self.document(policy)?)))
            .collect();
        Self { set, texts, kept }
    }

    /// The policies.
    #[must_use]
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// The documents that governed, each once: whoever reads these policies alone judges the same images alike.
    #[must_use]
    pub fn documents<'g>(&self, governing: impl IntoIterator<Item = &'g Governing>) -> Vec<PolicyText> {
        let mut documents: Vec<PolicyText> = Vec::new();
        for entry in governing.into_iter().flat_map(Governing::entries) {
            let found = match entry {
                InForce::Policy(policy) => self.document(policy).map(|text| (policy.source().file.clone(), text)),
                InForce::Broken(broken) => broken
                    .errors()
                    .first()
                    .and_then(|error| Some((error.file.clone(), self.cut(&error.file, error.line)?))),
            };
            let Some((file, text)) = found else { continue };
            let path = PathBuf::from(&*file);
            if !documents.iter().any(|known| known.path == path && known.text == text) {
                documents.push(PolicyText { path, text });
            }
        }
        documents
    }

    fn document(&self, policy: &Policy) -> Option<Arc<str>> {
        let source = policy.source();
        self.kept
            .get(policy.digest())
            .cloned()
            .or_else(|| self.cut(&source.file, source.line))
    }

    fn cut(&self, file: &str, line: u64) -> Option<Arc<str>> {
        let text = self.texts.iter().find(|text| text.file() == file)?;
        Some(document::around(&text.text, line).into())
    }
}
