//! What is attached to an image, for display: nothing of it is verified.

use countersign_image::text::excerpt;
use countersign_image::{Algorithm, Digest, annotation};

use crate::bundle::{Bundle, BundleContent};
use crate::certificate::{Leaf, Subject};
use crate::encoding;
use crate::envelope::Envelope;
use crate::examine::unverified_predicate_type;
use crate::gathered::{Content, Evidence, Item, Origin};
use crate::material::Material;
use crate::predicate;

/// The most characters of a hint that are kept.
const MAX_HINT: usize = 200;

/// One attached item, unverified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it was found.
    pub origin: Origin,
    /// What it seems to be.
    pub kind: SeenKind,
    /// The predicate type of its statement, if it has one; all its characters print.
    pub unverified_predicate_type: Option<String>,
    /// Who seems to have signed: the hint of a bundle, the key id of an envelope, or `certificate` with whom it
    /// names; all its characters print. What cosign writes, a fingerprint in base64, is spelled as fingerprints are everywhere else.
    pub unverified_signer_hint: Option<String>,
}

/// What an item seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenKind {
    /// A signature of the image.
    Signature,
    /// An attestation about it.
    Attestation,
    /// Bytes that cannot be read.
    Unreadable,
}

impl SeenKind {
    /// The kind in one word, as documents for programs have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Attestation => "attestation",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What is attached to an image, in the order in which it was found.
pub fn unverified_summary(evidence: &Evidence) -> Vec<Seen> {
    evidence.items.iter().map(seen).collect()
}

fn seen(item: &Item) -> Seen {
    let (kind, predicate_type, hint) = match &item.content {
        Content::Simple { annotations, .. } => (
            SeenKind::Signature,
            None,
            annotations
                .get(annotation::COSIGN_CERTIFICATE)
                .map(|_| named(Material::Annotations(annotations))),
        ),
        Content::Envelope {
            envelope: blob,
            annotations,
        } => match Envelope::parse(blob.bytes()) {
            Ok(envelope) if annotations.contains_key(annotation::COSIGN_CERTIFICATE) => {
                statement(&envelope, Some(&named(Material::Annotations(annotations))))
            }
            Ok(envelope) => statement(&envelope, envelope.unverified_key_ids().next()),
            Err(_) => UNREADABLE,
        },
        Content::Bundle(blob) => match Bundle::parse(blob.bytes()) {
            Ok(bundle) => {
                let hint = if bundle.has_certificate() {
                    Some(named(Material::Bundle(&bundle)))
                } else {
                    bundle.unverified_hint().map(ToOwned::to_owned)
                };
                match bundle.content() {
                    BundleContent::Message(_) => (SeenKind::Signature, None, hint),
                    BundleContent::Envelope(envelope) => statement(envelope, hint.as_deref()),
                }
            }
            Err(_) => UNREADABLE,
        },
    };
    Seen {
        origin: item.origin.clone(),
        kind,
        unverified_predicate_type: predicate_type,
        unverified_signer_hint: hint.map(|hint| fingerprint(&hint).unwrap_or_else(|| excerpt(&hint, MAX_HINT))),
    }
}

fn fingerprint(hint: &str) -> Option<String> {
    let raw = encoding::decode(hint).ok()?;
    Some(Digest::from_raw(Algorithm::Sha256, &raw)?.to_string())
}

type Guess = (SeenKind, Option<String>, Option<String>);

const CERTIFICATE: &str = "certificate";

/// Whom the signer's certificate names, if one were to believe it.
fn named(material: Material<'_>) -> String {
    let leaf = material
        .certificates()
        .ok()
        .and_then(|certificates| Leaf::parse(&certificates.leaf).ok());
    let Some(leaf) = leaf else {
        return CERTIFICATE.to_owned();
    };
    let identity = leaf.unverified_identity();
    let names: Vec<&str> = identity.subjects.iter().map(Subject::as_str).collect();
    let issuer = identity.issuer.as_deref().unwrap_or("none");
    format!("{CERTIFICATE} of {} by issuer {issuer}", names.join(", "))
}

const UNREADABLE: Guess = (SeenKind::Unreadable, None, None);

fn statement(envelope: &Envelope, hint: Option<&str>) -> Guess {
    match unverified_predicate_type(envelope) {
        Some(predicate_type) => {
            let signs = predicate_type == predicate::COSIGN_SIGN;
            let kind = if signs {
                SeenKind::Signature
            } else {
                SeenKind::Attestation
            };
            (kind, Some(predicate_type), hint.map(ToOwned::to_owned))
        }
        None => UNREADABLE,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_image::Blob;
    use serde_json::{Value, json};

    use super::*;
    use crate::encoding::encode;
    use crate::layout::Layout;
    use crate::testing::{evidence, image, item};

    fn envelope(predicate_type: &str) -> Value {
        let payload = encode(json!({"predicateType": predicate_type}).to_string().as_bytes());
        json!({"payloadType": "x", "payload": payload, "signatures": [{"sig": "", "keyid": "k\u{7}"}]})
    }

    fn bundle(signer: Value, content: &str, value: Value) -> Content {
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": signer,
        });
        bundle[content] = value;
        Content::Bundle(Blob::new(bundle.to_string()))
    }

    #[test]
    fn everything_attached_is_listed_for_display() {
        let simple = |annotations| Content::Simple {
            payload: Blob::new("?"),
            signature: String::new(),
            annotations,
        };
        let certificate = BTreeMap::from([(annotation::COSIGN_CERTIFICATE.to_owned(), "…".to_owned())]);
        let (vuln, sign) = (predicate::uri_of("vuln"), predicate::COSIGN_SIGN);
        let key = || json!({"publicKey": {"hint": "h"}});
        let fingerprint = Digest::sha256(b"key").to_string();
        let leaf = || json!({"certificate": {"rawBytes": ""}});
        use SeenKind::{Attestation, Signature, Unreadable};
        let cases = [
            (simple(BTreeMap::new()), (Signature, None, None)),
            (simple(certificate), (Signature, None, Some("certificate"))),
            (
                Content::envelope(Blob::new(envelope(vuln).to_string())),
                (Attestation, Some(vuln), Some("k\u{fffd}")),
            ),
            (Content::envelope(Blob::new("?")), (Unreadable, None, None)),
            (
                bundle(
                    json!({"publicKey": {"hint": encode(Digest::sha256(b"key").raw())}}),
                    "dsseEnvelope",
                    envelope(sign),
                ),
                (Signature, Some(sign), Some(&*fingerprint)),
            ),
            (
                bundle(key(), "dsseEnvelope", envelope(sign)),
                (Signature, Some(sign), Some("h")),
            ),
            (
                bundle(leaf(), "dsseEnvelope", envelope(vuln)),
                (Attestation, Some(vuln), Some("certificate")),
            ),
            (
                bundle(key(), "messageSignature", json!({"signature": ""})),
                (Signature, None, Some("h")),
            ),
            (Content::Bundle(Blob::new("{}")), (Unreadable, None, None)),
        ];
        let items = cases
            .iter()
            .map(|(content, _)| item(Layout::Tag, content.clone()))
            .collect();
        let seen = unverified_summary(&evidence(&image(), items));
        let found: Vec<_> = seen
            .iter()
            .map(|seen| {
                (
                    seen.kind,
                    seen.unverified_predicate_type.as_deref(),
                    seen.unverified_signer_hint.as_deref(),
                )
            })
            .collect();
        assert_eq!(found, cases.map(|(_, expected)| expected));
    }
}
