//! The policies in force at one moment, and what they were read from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_image::Digest;
use countersign_policy::set::InForce;
use countersign_policy::{Governing, PolicySet, SourcePosition, TrustRoots};

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

    /// The next one. Where its texts cannot be understood, what was in force before has stayed in the set.
    pub(super) fn after(&self, set: PolicySet, texts: Vec<PolicyText>) -> Self {
        let policies = set.kept().iter().map(|policy| (policy.digest(), policy.source()));
        let roots = set.kept_trust_roots().iter().map(|root| (root.digest(), root.source()));
        let kept = policies
            .chain(roots)
            .filter_map(|(digest, source)| Some((*digest, self.document(digest, source)?)))
            .collect();
        Self { set, texts, kept }
    }

    /// The same policies on other trust roots.
    pub(super) fn on(&self, roots: TrustRoots) -> Self {
        Self {
            set: self.set.clone().with_trust_roots(roots),
            texts: self.texts.clone(),
            kept: self.kept.clone(),
        }
    }

    /// The policies.
    #[must_use]
    pub fn set(&self) -> &PolicySet {
        &self.set
    }

    /// The documents that governed, each once: whoever reads these policies alone judges the same images alike.
    #[must_use]
    pub fn documents<'g>(&self, governing: impl IntoIterator<Item = &'g Governing> + Clone) -> Vec<PolicyText> {
        let mut documents: Vec<PolicyText> = Vec::new();
        let mut add = |file: &str, text: Arc<str>| {
            let path = PathBuf::from(file);
            if !documents.iter().any(|known| known.path == path && known.text == text) {
                documents.push(PolicyText { path, text });
            }
        };
        for entry in governing.clone().into_iter().flat_map(Governing::entries) {
            let found = match entry {
                InForce::Policy(policy) => {
                    let source = policy.source();
                    self.document(policy.digest(), source)
                        .map(|text| (source.file.clone(), text))
                }
                InForce::Broken(broken) => broken
                    .errors()
                    .first()
                    .and_then(|error| Some((error.file.clone(), self.cut(&error.file, error.line)?))),
            };
            if let Some((file, text)) = found {
                add(&file, text);
            }
        }
        for root in self.set.trust_roots_of(governing) {
            if let Some(text) = self.document(root.digest(), root.source()) {
                add(&root.source().file, text);
            }
        }
        documents
    }

    /// The text of a document in force: the one that is kept, or what stands there now.
    fn document(&self, digest: &Digest, source: &SourcePosition) -> Option<Arc<str>> {
        let kept = self.kept.get(digest).cloned();
        kept.or_else(|| self.cut(&source.file, source.line))
    }

    fn cut(&self, file: &str, line: u64) -> Option<Arc<str>> {
        let text = self.texts.iter().find(|text| text.file() == file)?;
        Some(document::around(&text.text, line).into())
    }
}
