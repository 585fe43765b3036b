//! The trust roots that policies rest on, in the terms of those who keep them: neither crate knows the other.

use std::sync::Arc;

use countersign_policy::{PolicySet, TrustRootContent, TrustRootDocument, TrustRoots};
use countersign_roots::{Archive, Document, Obtained, Repository, RootError, Source};

/// The TrustRoot documents whose roots have to be obtained from somewhere.
#[must_use]
pub fn documents(set: &PolicySet) -> Vec<Document> {
    set.trust_roots().filter_map(|document| elsewhere(document)).collect()
}

fn elsewhere(document: &TrustRootDocument) -> Option<Document> {
    let source = match document.content() {
        TrustRootContent::Keys(_) => return None,
        TrustRootContent::Repository(repository) => Source::Archive(Archive {
            initial_root: repository.root.clone(),
            packed: repository.archive.clone(),
            targets: repository.targets.clone(),
            target: repository.target.clone(),
        }),
        TrustRootContent::Remote(remote) => match remote.mirror.parse() {
            Ok(mirror) => Source::Repository(Repository {
                initial_root: remote.root.clone(),
                mirror,
                targets: remote.targets.clone(),
                target: remote.target.clone(),
            }),
            Err(error) => Source::Nowhere(format!("its `mirror` is not an address: {error}")),
        },
    };
    Some(Document {
        digest: *document.digest(),
        name: document.name().to_owned(),
        source,
    })
}

/// The trust roots of one moment, as policies take them.
#[must_use]
pub fn trust_roots(roots: &countersign_roots::TrustRoots) -> TrustRoots {
    let mut known = TrustRoots::none().with_standing(Arc::clone(&roots.public_good));
    for (name, root) in &roots.named {
        known = known.with_named(name, said(root));
    }
    for (document, root) in &roots.obtained {
        known = known.with_obtained(document, said(root));
    }
    known
}

fn said(root: &Obtained) -> Result<Arc<countersign_evidence::trust::TrustRoot>, String> {
    root.clone().map_err(|error: Arc<RootError>| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&*error);
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        text
    })
}
