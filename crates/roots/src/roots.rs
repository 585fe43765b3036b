//! The trust roots at one moment, as policies are compiled against.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use countersign_evidence::trust::{TrustRoot, TrustRootError};
use countersign_image::Digest;

use crate::embedded;
use crate::error::RootError;

/// A root, or why there is none.
pub type Obtained = Result<Arc<TrustRoot>, Arc<RootError>>;

/// Trust roots at one moment. Immutable: one set of policies is compiled against one of these.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    /// What is believed where a policy names no root: public-good's, or the frozen copy in its place.
    pub public_good: Arc<TrustRoot>,
    /// Roots of the configuration, by name.
    pub named: BTreeMap<String, Obtained>,
    /// Roots of TrustRoot documents that say where theirs is, by the document's digest.
    pub obtained: BTreeMap<Digest, Obtained>,
    /// Which roots these are: unlike means that policies are to be compiled again.
    pub generation: Digest,
}

impl TrustRoots {
    /// These roots.
    #[must_use]
    pub fn new(
        public_good: Arc<TrustRoot>,
        named: BTreeMap<String, Obtained>,
        obtained: BTreeMap<Digest, Obtained>,
    ) -> Self {
        let mut text = format!("public-good\n{}\n", public_good.generation());
        for (name, root) in &named {
            // A name is written with its length, so that no name can look like two.
            let _ = writeln!(text, "{}:{name} {}", name.len(), state(root));
        }
        for (digest, root) in &obtained {
            let _ = writeln!(text, "{digest} {}", state(root));
        }
        Self {
            public_good,
            named,
            obtained,
            generation: Digest::sha256(text.as_bytes()),
        }
    }

    /// The embedded public-good root and no other: what commands have that are given none.
    ///
    /// # Errors
    /// As [`embedded::public_good`].
    pub fn embedded() -> Result<Self, TrustRootError> {
        Ok(Self::new(embedded::public_good()?, BTreeMap::new(), BTreeMap::new()))
    }
}

/// A root's own generation, or the kind of trouble that there is instead: not its text, which changes with every attempt.
fn state(root: &Obtained) -> String {
    match root {
        Ok(root) => root.generation().to_string(),
        Err(error) => error.outcome().word().to_owned(),
    }
}
