//! The proof that a bundle is about an artifact: a file, or whatever has a digest. Images have more ways to be signed, and are
//! judged by [`signatures`](crate::signatures) and [`attestations`](crate::attestations).

use std::sync::Arc;

use countersign_image::{Algorithm, Digest};

use crate::bundle::{Bundle, BundleContent};
use crate::chain::{Chain, SignedBy};
use crate::material::Material;
use crate::refusal::VerifyError;
use crate::statement::Statement;
use crate::trusted::Trusted;
use crate::verified::{Message, verify_envelope, verify_message};

/// An artifact that somebody signed, or about which somebody said something.
///
/// ```compile_fail
/// let forged: countersign_evidence::SignedArtifact = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct SignedArtifact {
    digest: Digest,
    statement: Option<Statement>,
    chain: Arc<Chain>,
}

impl SignedArtifact {
    /// Called where something verified was seen to be over the artifact, or to name it.
    fn assertion(digest: Digest, statement: Option<Statement>, chain: &Arc<Chain>) -> Self {
        Self {
            digest,
            statement,
            chain: chain.clone(),
        }
    }

    /// The digest of the artifact.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What is said about it; `None` if it is only signed.
    pub fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// All that holds between the signature and whom the authority believes.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Who signed.
    pub fn signer(&self) -> &SignedBy {
        self.chain.signer()
    }
}

/// Verifies that a bundle is about an artifact: a message signature over it, or a statement that has it among its subjects.
pub fn verify_artifact(
    bundle: &Bundle,
    artifact: Message<'_>,
    trusted: &Trusted,
) -> Result<SignedArtifact, VerifyError> {
    let material = Material::Bundle(bundle);
    match bundle.content() {
        BundleContent::Message(signature) => {
            let message = verify_message(signature, artifact, material, trusted)?;
            let digest = *message.value().digest();
            Ok(SignedArtifact::assertion(digest, None, message.chain()))
        }
        BundleContent::Envelope(envelope) => {
            let statement = verify_envelope(envelope, None, material, trusted)?;
            let named = named(statement.value(), artifact)?;
            let value = statement.value().clone();
            Ok(SignedArtifact::assertion(named, Some(value), statement.chain()))
        }
    }
}

/// The digest by which a statement names the artifact.
fn named(statement: &Statement, artifact: Message<'_>) -> Result<Digest, VerifyError> {
    let own = *artifact.digest();
    if statement.names(&own) {
        return Ok(own);
    }
    // npm's statements name their packages by SHA-512 alone.
    let others = [Algorithm::Sha256, Algorithm::Sha512].into_iter();
    let mut others = others.filter_map(|algorithm| match artifact {
        Message::Bytes(blob) => Some(Digest::of(algorithm, blob.bytes())),
        Message::Digest(_) => None,
    });
    others
        .find(|digest| statement.names(digest))
        .ok_or_else(|| VerifyError::OtherArtifact {
            artifact: Box::new(own),
        })
}
