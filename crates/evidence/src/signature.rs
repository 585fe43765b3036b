//! The proof that somebody signed *this* image.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_image::text::excerpt;
use countersign_image::{Digest, Pinned};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::chain::{Chain, SignedBy};
use crate::gathered::Origin;
use crate::key::{PublicKey, Scheme};
use crate::predicate;
use crate::simple::SimplePayload;
use crate::statement::Statement;
use crate::verified::{MessageDigest, Verified};

/// How many other digests an error names.
const MAX_NAMED: usize = 3;

/// A verified signature about one image.
///
/// ```compile_fail
/// let forged: countersign_evidence::ImageSignature = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct ImageSignature {
    image: Pinned,
    origin: Origin,
    chain: Arc<Chain>,
    annotations: BTreeMap<String, String>,
}

impl ImageSignature {
    /// Called where something verified was seen to name the image, and to be a signature rather than an attestation.
    fn assertion<T>(proof: &Verified<T>, annotations: &Map<String, Value>, origin: &Origin, image: &Pinned) -> Self {
        let texts = annotations
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Self {
            image: image.clone(),
            origin: origin.clone(),
            chain: proof.chain().clone(),
            annotations: texts.collect(),
        }
    }

    /// A simple-signing payload that names this image.
    pub fn of_simple(payload: &Verified<SimplePayload>, origin: &Origin, image: &Pinned) -> Result<Self, NotThisImage> {
        if payload.value().digest != *image.digest() {
            return Err(NotThisImage::other_digest(image, [payload.value().digest.to_string()]));
        }
        Ok(Self::assertion(payload, &payload.value().optional, origin, image))
    }

    /// A statement that names this image, with cosign's sign predicate: any other statement is an attestation, whoever
    /// signed it.
    pub fn of_statement(
        statement: &Verified<Statement>,
        origin: &Origin,
        image: &Pinned,
    ) -> Result<Self, NotThisImage> {
        let value = statement.value();
        if value.predicate_type != predicate::COSIGN_SIGN {
            return Err(NotThisImage::NotASignature {
                predicate_type: value.predicate_type.clone(),
            });
        }
        let subject = value.subjects_with(image.digest()).next();
        let subject = subject.ok_or_else(|| NotThisImage::other_subjects(image, value))?;
        Ok(Self::assertion(statement, &subject.annotations, origin, image))
    }

    /// A message signature over this image's own manifest.
    pub fn of_message(
        message: &Verified<MessageDigest>,
        origin: &Origin,
        image: &Pinned,
    ) -> Result<Self, NotThisImage> {
        if message.value().digest() != image.digest() {
            return Err(NotThisImage::other_digest(
                image,
                [message.value().digest().to_string()],
            ));
        }
        Ok(Self::assertion(message, &Map::new(), origin, image))
    }

    /// The image.
    pub fn image(&self) -> &Pinned {
        &self.image
    }

    /// Where the signature was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// All that holds between the signature and whom the authority believes.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Who signed.
    pub fn signer(&self) -> &SignedBy {
        self.chain.signer()
    }

    /// The key that the signature is by.
    pub fn key(&self) -> &PublicKey {
        self.chain.signer().key()
    }

    /// The scheme under which it verified.
    pub fn scheme(&self) -> Scheme {
        self.chain.scheme()
    }

    /// The signer's own annotations, signed; those that are texts.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

/// Something verified that is about something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotThisImage {
    /// It names other digests.
    #[error("signed for {}, not for `{expected}`", listed(.found))]
    OtherDigest {
        /// The image's digest.
        expected: Box<Digest>,
        /// The digests that it names, the first few.
        found: Vec<String>,
    },
    /// It is a statement, but not of the kind that signs an image.
    #[error("a statement of type `{predicate_type}` is an attestation, not a signature")]
    NotASignature {
        /// Its predicate type.
        predicate_type: String,
    },
}

impl NotThisImage {
    /// A statement whose subjects are all something else.
    pub(crate) fn other_subjects(image: &Pinned, statement: &Statement) -> Self {
        let digests = statement.subjects.iter().flat_map(|subject| &subject.digest);
        Self::other_digest(image, digests.map(|(algorithm, hex)| format!("{algorithm}:{hex}")))
    }

    fn other_digest(image: &Pinned, found: impl IntoIterator<Item = String>) -> Self {
        let found = found.into_iter().take(MAX_NAMED).map(|digest| excerpt(&digest, 140));
        Self::OtherDigest {
            expected: Box::new(*image.digest()),
            found: found.collect(),
        }
    }
}

fn listed(found: &[String]) -> String {
    match found {
        [] => "no digest at all".to_owned(),
        _ => found
            .iter()
            .map(|digest| format!("`{digest}`"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
