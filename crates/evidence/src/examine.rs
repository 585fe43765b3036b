//! Everything that is proved about an image by whom an authority believes, and everything that it does not.
//!
//! Every item is judged, each by itself: a broken one never hides another, and neither does the layout in which one is
//! stored, since that is the registry's choice and signed by nobody. What stands beside signatures is looked at under a limit;
//! those with little of it go first, so that whoever adds much spends nobody's share but their own.

use std::cell::Cell;
use std::collections::BTreeMap;

use countersign_image::text::excerpt;
use countersign_image::{Blob, Pinned};
use serde::Deserialize;
use thiserror::Error;

use crate::attestation::Attestation;
use crate::bundle::{Bundle, BundleContent, MessageSignature};
use crate::envelope::Envelope;
use crate::gathered::{Content, Evidence, Item, Origin};
use crate::layout::{Layout, Layouts};
use crate::material::Material;
use crate::predicate;
use crate::refusal::VerifyError;
use crate::signature::{ImageSignature, NotThisImage};
use crate::trusted::Trusted;
use crate::verified::{Message, verify_envelope_within, verify_message_within, verify_simple_within};

/// The most signatures that are tried for one image and one authority. Whoever can push to a repository can push any number.
pub const MAX_SIGNATURES: usize = 512;
/// The most log entries and timestamps that are checked, where they are, beside signatures that verify. Those beside which
/// little stands are looked at first: a signature with up to four is looked at whatever stands beside others.
pub const MAX_BESIDE: usize = 4 * MAX_SIGNATURES;

/// Every signature of the image by whom is trusted, and every item that is none, with the reason.
///
/// A signature is a simple-signing payload, a message signature over the image's manifest, or a statement with cosign's
/// sign predicate, wherever it is stored.
pub fn signatures(evidence: &Evidence, trusted: &Trusted, layouts: &Layouts) -> (Vec<ImageSignature>, Vec<Rejected>) {
    each(evidence, layouts, |item, opened, budget| {
        signature(item, opened, evidence, trusted, budget)
    })
}

/// Every attestation about the image by whom is trusted, and every item that is none, with the reason.
pub fn attestations(evidence: &Evidence, trusted: &Trusted, layouts: &Layouts) -> (Vec<Attestation>, Vec<Rejected>) {
    each(evidence, layouts, |item, opened, budget| {
        attestation(item, opened, &evidence.image, trusted, budget)
    })
}

fn each<T>(
    evidence: &Evidence,
    layouts: &Layouts,
    mut judge: impl FnMut(&Item, &Opened<'_>, &mut Budget) -> Result<T, Why>,
) -> (Vec<T>, Vec<Rejected>) {
    let opened: Vec<_> = evidence
        .items
        .iter()
        .map(|item| Opened::of_accepted(item, layouts))
        .collect();
    let mut lightest_first: Vec<_> = evidence.items.iter().zip(opened).enumerate().collect();
    lightest_first.sort_by_key(|(_, (_, opened))| opened.as_ref().map_or(0, |opened| opened.material().weight()));
    let mut budget = Budget::new();
    let mut outcomes: Vec<_> = lightest_first
        .into_iter()
        .map(|(number, (item, opened))| {
            let outcome = opened.and_then(|opened| judge(item, &opened, &mut budget));
            (number, item, outcome)
        })
        .collect();
    outcomes.sort_by_key(|(number, ..)| *number);
    let (mut proved, mut rejected) = (Vec::new(), Vec::new());
    for (_, item, outcome) in outcomes {
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
    opened: &Opened<'_>,
    evidence: &Evidence,
    trusted: &Trusted,
    budget: &mut Budget,
) -> Result<ImageSignature, Why> {
    let (origin, image) = (&item.origin, &evidence.image);
    let material = opened.material();
    match opened.what() {
        What::Simple { payload, signature } => {
            budget.spend(1)?;
            let payload = verify_simple_within(payload, signature, material, trusted, &budget.beside)?;
            Ok(ImageSignature::of_simple(&payload, origin, image)?)
        }
        What::Envelope { envelope, raw } => {
            // A payload that says nothing readable is left to the verification to refuse.
            match unverified_predicate_type(envelope) {
                Some(unverified_predicate_type) if unverified_predicate_type != predicate::COSIGN_SIGN => {
                    return Err(Why::NotASignature {
                        unverified_predicate_type,
                    });
                }
                _ => budget.spend(envelope.signature_count())?,
            }
            let statement = verify_envelope_within(envelope, raw, material, trusted, &budget.beside)?;
            Ok(ImageSignature::of_statement(&statement, origin, image)?)
        }
        What::Message(signature) => {
            budget.spend(1)?;
            let message = match &evidence.manifest {
                Some(manifest) => Message::Bytes(manifest),
                None => Message::Digest(image.digest()),
            };
            let message = verify_message_within(signature, message, material, trusted, &budget.beside)?;
            Ok(ImageSignature::of_message(&message, origin, image)?)
        }
    }
}

fn attestation(
    item: &Item,
    opened: &Opened<'_>,
    image: &Pinned,
    trusted: &Trusted,
    budget: &mut Budget,
) -> Result<Attestation, Why> {
    let material = opened.material();
    match opened.what() {
        What::Simple { .. } | What::Message(_) => Err(Why::NotAnAttestation),
        What::Envelope { envelope, raw } => {
            budget.spend(envelope.signature_count())?;
            let statement = verify_envelope_within(envelope, raw, material, trusted, &budget.beside)?;
            Ok(Attestation::of_statement(statement, &item.origin, image)?)
        }
    }
}

/// How many signatures may still be tried, and how much of what stands beside those that are by whom is trusted.
struct Budget {
    signatures: usize,
    beside: Cell<usize>,
}

impl Budget {
    fn new() -> Self {
        Self {
            signatures: MAX_SIGNATURES,
            beside: Cell::new(MAX_BESIDE),
        }
    }

    fn spend(&mut self, signatures: usize) -> Result<(), Why> {
        let left = self.signatures.checked_sub(signatures);
        self.signatures = left.ok_or(Why::TooMany { limit: MAX_SIGNATURES })?;
        Ok(())
    }
}

/// An item's bytes, read but not believed.
enum Opened<'a> {
    Simple(&'a Blob, &'a str, &'a BTreeMap<String, String>),
    Envelope(Envelope, &'a Blob, &'a BTreeMap<String, String>),
    Bundle(Box<Bundle>),
}

/// What an item holds.
enum What<'a> {
    Simple {
        payload: &'a Blob,
        signature: &'a str,
    },
    Envelope {
        envelope: &'a Envelope,
        raw: Option<&'a [u8]>,
    },
    Message(&'a MessageSignature),
}

impl<'a> Opened<'a> {
    fn of_accepted(item: &'a Item, layouts: &Layouts) -> Result<Self, Why> {
        let found = item.origin.layout;
        if !layouts.contains(found) {
            return Err(Why::LayoutNotAccepted { found });
        }
        Ok(Self::of(&item.content)?)
    }

    fn of(content: &'a Content) -> Result<Self, VerifyError> {
        Ok(match content {
            Content::Simple {
                payload,
                signature,
                annotations,
            } => Self::Simple(payload, signature, annotations),
            Content::Envelope { envelope, annotations } => {
                let parsed = Envelope::parse(envelope.bytes()).map_err(VerifyError::Envelope)?;
                Self::Envelope(parsed, envelope, annotations)
            }
            Content::Bundle(blob) => Self::Bundle(Box::new(Bundle::parse(blob.bytes()).map_err(VerifyError::Bundle)?)),
        })
    }

    fn what(&self) -> What<'_> {
        match self {
            Self::Simple(payload, signature, _) => What::Simple { payload, signature },
            Self::Envelope(envelope, blob, _) => What::Envelope {
                envelope,
                raw: Some(blob.bytes()),
            },
            Self::Bundle(bundle) => match bundle.content() {
                BundleContent::Envelope(envelope) => What::Envelope { envelope, raw: None },
                BundleContent::Message(signature) => What::Message(signature),
            },
        }
    }

    fn material(&self) -> Material<'_> {
        match self {
            Self::Simple(_, _, annotations) | Self::Envelope(_, _, annotations) => Material::Annotations(annotations),
            Self::Bundle(bundle) => Material::Bundle(bundle),
        }
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

impl From<VerifyError> for Why {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::TooMuchBeside => Self::TooMany { limit: MAX_SIGNATURES },
            error => Self::Verify(error),
        }
    }
}

/// Why an item proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Why {
    /// It could not be verified.
    #[error(transparent)]
    Verify(VerifyError),
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
