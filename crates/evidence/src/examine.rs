//! Everything that one key proves about an image, and everything that it does not.
//!
//! Every item is judged, each by itself: a broken one never hides another, and neither does the layout in which one is
//! stored, since that is the registry's choice and signed by nobody.

use countersign_image::text::excerpt;
use countersign_image::{Blob, Pinned};
use serde::Deserialize;
use thiserror::Error;

use crate::attestation::Attestation;
use crate::bundle::{Bundle, BundleContent, MessageSignature};
use crate::envelope::Envelope;
use crate::gathered::{Content, Evidence, Item, Origin};
use crate::key::{HashRule, PublicKey};
use crate::layout::{Layout, Layouts};
use crate::predicate;
use crate::signature::{ImageSignature, NotThisImage};
use crate::verified::{VerifyError, verify_envelope, verify_message, verify_simple};

/// The most signatures that are tried for one image and one key. Whoever can push to a repository can push any number.
pub const MAX_SIGNATURES: usize = 512;

/// Every signature of the image by `key`, and every item that is none, with the reason.
///
/// A signature is a simple-signing payload, a message signature over the image's manifest, or a statement with cosign's
/// sign predicate, wherever it is stored.
pub fn signatures(
    evidence: &Evidence,
    key: &PublicKey,
    rule: HashRule,
    layouts: &Layouts,
) -> (Vec<ImageSignature>, Vec<Rejected>) {
    each(evidence, layouts, |item, budget| {
        signature(item, evidence, key, rule, budget)
    })
}

/// Every attestation about the image by `key`, and every item that is none, with the reason.
pub fn attestations(
    evidence: &Evidence,
    key: &PublicKey,
    rule: HashRule,
    layouts: &Layouts,
) -> (Vec<Attestation>, Vec<Rejected>) {
    each(evidence, layouts, |item, budget| {
        attestation(item, &evidence.image, key, rule, budget)
    })
}

fn each<T>(
    evidence: &Evidence,
    layouts: &Layouts,
    mut judge: impl FnMut(&Item, &mut Budget) -> Result<T, Why>,
) -> (Vec<T>, Vec<Rejected>) {
    let mut budget = Budget { left: MAX_SIGNATURES };
    let (mut proved, mut rejected) = (Vec::new(), Vec::new());
    for item in &evidence.items {
        let found = item.origin.layout;
        let outcome = if layouts.contains(found) {
            judge(item, &mut budget)
        } else {
            Err(Why::LayoutNotAccepted { found })
        };
        match outcome {
            Ok(proof) => proved.push(proof),
            Err(why) => rejected.push(Rejected {
                origin: item.origin.clone(),
                why,
            }),
        }
    }
    (proved, rejected)
}

fn signature(
    item: &Item,
    evidence: &Evidence,
    key: &PublicKey,
    rule: HashRule,
    budget: &mut Budget,
) -> Result<ImageSignature, Why> {
    let (origin, image) = (&item.origin, &evidence.image);
    match Opened::of(&item.content)? {
        Opened::Simple { payload, signature } => {
            budget.spend(1)?;
            let payload = verify_simple(payload, signature, key, rule)?;
            Ok(ImageSignature::of_simple(&payload, origin, image)?)
        }
        Opened::Envelope(envelope) => {
            // A payload that says nothing readable is left to the verification to refuse.
            match unverified_predicate_type(&envelope) {
                Some(unverified_predicate_type) if unverified_predicate_type != predicate::COSIGN_SIGN => {
                    return Err(Why::NotASignature {
                        unverified_predicate_type,
                    });
                }
                _ => budget.spend(envelope.signature_count())?,
            }
            let statement = verify_envelope(&envelope, key, rule)?;
            Ok(ImageSignature::of_statement(&statement, origin, image)?)
        }
        Opened::Message(signature) => {
            budget.spend(1)?;
            let message = evidence.manifest.as_ref().ok_or(VerifyError::NoMessage)?;
            let message = verify_message(&signature, message, key, rule)?;
            Ok(ImageSignature::of_message(&message, origin, image)?)
        }
    }
}

fn attestation(
    item: &Item,
    image: &Pinned,
    key: &PublicKey,
    rule: HashRule,
    budget: &mut Budget,
) -> Result<Attestation, Why> {
    match Opened::of(&item.content)? {
        Opened::Simple { .. } | Opened::Message(_) => Err(Why::NotAnAttestation),
        Opened::Envelope(envelope) => {
            budget.spend(envelope.signature_count())?;
            let statement = verify_envelope(&envelope, key, rule)?;
            Ok(Attestation::of_statement(statement, &item.origin, image)?)
        }
    }
}

/// How many signatures may still be tried.
struct Budget {
    left: usize,
}

impl Budget {
    fn spend(&mut self, signatures: usize) -> Result<(), Why> {
        self.left = self
            .left
            .checked_sub(signatures)
            .ok_or(Why::TooMany { limit: MAX_SIGNATURES })?;
        Ok(())
    }
}

/// An item's bytes, read but not believed.
enum Opened<'a> {
    Simple { payload: &'a Blob, signature: &'a str },
    Envelope(Envelope),
    Message(MessageSignature),
}

impl<'a> Opened<'a> {
    fn of(content: &'a Content) -> Result<Self, VerifyError> {
        Ok(match content {
            Content::Simple { payload, signature, .. } => Self::Simple { payload, signature },
            Content::Envelope(blob) => Self::Envelope(Envelope::parse(blob.bytes()).map_err(VerifyError::Envelope)?),
            Content::Bundle(blob) => match Bundle::parse(blob.bytes()).map_err(VerifyError::Bundle)?.into_content() {
                BundleContent::Envelope(envelope) => Self::Envelope(envelope),
                BundleContent::Message(message) => Self::Message(message),
            },
        })
    }
}

/// The predicate type that an envelope's statement seems to have, for display and for leaving attestations alone.
pub(crate) fn unverified_predicate_type(envelope: &Envelope) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Peek {
        predicate_type: String,
    }
    let peek: Peek = serde_json::from_slice(envelope.unverified_payload()).ok()?;
    Some(excerpt(&peek.predicate_type, 200))
}

/// An item that proves nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it was found.
    pub origin: Origin,
    /// Why it proves nothing.
    pub why: Why,
}

/// Why an item proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Why {
    /// It could not be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It is about something else.
    #[error(transparent)]
    NotThisImage(#[from] NotThisImage),
    /// It is an attestation where a signature was wanted. Whether it would verify was not asked.
    #[error("a statement of type `{unverified_predicate_type}` is an attestation, not a signature")]
    NotASignature {
        /// Its predicate type, unverified.
        unverified_predicate_type: String,
    },
    /// It is a signature where an attestation was wanted. Whether it would verify was not asked.
    #[error("a signature, not an attestation")]
    NotAnAttestation,
    /// It is stored in a layout that is not accepted.
    #[error("stored as {found}, which is not accepted here")]
    LayoutNotAccepted {
        /// The layout.
        found: Layout,
    },
    /// There were more before it than are tried.
    #[error("not looked at: there are more than {limit} signatures")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

#[cfg(test)]
mod tests;
