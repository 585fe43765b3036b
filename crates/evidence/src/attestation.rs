//! The proof that somebody attested something about *this* image.

use countersign_image::Pinned;
use serde_json::value::RawValue;

use crate::chain::{Chain, SignedBy};
use crate::gathered::Origin;
use crate::key::{PublicKey, Scheme};
use crate::predicate::{Predicate, PredicateError};
use crate::signature::NotThisImage;
use crate::statement::Statement;
use crate::verified::Verified;

/// A verified statement about one image.
///
/// ```compile_fail
/// let forged: countersign_evidence::Attestation = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Attestation {
    image: Pinned,
    origin: Origin,
    statement: Verified<Statement>,
}

impl Attestation {
    /// Called where a verified statement was seen to name the image.
    fn assertion(statement: Verified<Statement>, origin: &Origin, image: &Pinned) -> Self {
        Self {
            image: image.clone(),
            origin: origin.clone(),
            statement,
        }
    }

    /// A statement that has this image among its subjects, by digest.
    pub fn of_statement(statement: Verified<Statement>, origin: &Origin, image: &Pinned) -> Result<Self, NotThisImage> {
        if !statement.value().names(image.digest()) {
            return Err(NotThisImage::other_subjects(image, statement.value()));
        }
        Ok(Self::assertion(statement, origin, image))
    }

    /// The image.
    pub fn image(&self) -> &Pinned {
        &self.image
    }

    /// Where it was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What kind of thing is said.
    pub fn predicate_type(&self) -> &str {
        &self.statement.value().predicate_type
    }

    /// What is said, as written.
    pub fn predicate(&self) -> &RawValue {
        &self.statement.value().predicate
    }

    /// What is said, read as its type says.
    pub fn typed(&self) -> Result<Predicate, PredicateError> {
        self.statement.value().typed()
    }

    /// The whole statement.
    pub fn statement(&self) -> &Statement {
        self.statement.value()
    }

    /// All that holds between the signature and whom the authority believes.
    pub fn chain(&self) -> &Chain {
        self.statement.chain()
    }

    /// Who signed.
    pub fn signer(&self) -> &SignedBy {
        self.statement.signer()
    }

    /// The key that the signature is by.
    pub fn key(&self) -> &PublicKey {
        self.statement.key()
    }

    /// The scheme under which it verified.
    pub fn scheme(&self) -> Scheme {
        self.statement.scheme()
    }
}
