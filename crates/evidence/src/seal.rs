//! What we sign, and how the signature is wrapped so that cosign and the others can read it.
//!
//! The bytes are a function of their arguments alone, and are those that cosign 3 writes: field by field, in its order.

use std::collections::BTreeMap;

use countersign_image::{Blob, Digest, Pinned, media};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

mod keyless;

pub use keyless::{Draft, Vouchers};

use crate::bundle::{Bundle, BundleContent};
use crate::encoding;
use crate::envelope::{Envelope, pae};
use crate::examine::unverified_predicate_type;
use crate::image_list::{self, ImageList};
use crate::key::{HashRule, PublicKey};
use crate::layout::Layout;
use crate::material::Material as Beside;
use crate::predicate;
use crate::refusal::VerifyError;
use crate::simple;
use crate::statement;
use crate::trusted::Trusted;
use crate::verified::{verify_envelope, verify_simple};

/// Exactly what a key is about to sign. Signers take nothing else, so that no key is an oracle: there is no way from
/// bytes of somebody's choice to one of these.
///
/// ```compile_fail
/// let oracle = countersign_evidence::ToBeSigned { message: b"anything".to_vec() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToBeSigned {
    what: What,
    payload: Vec<u8>,
    /// The payload of a signature as cosign 2 makes it; the pre-authentication encoding of everything else.
    message: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Simple,
    Sign,
    Attestation,
    List,
}

impl ToBeSigned {
    /// An operator's own signature in the form of cosign 2: a simple-signing payload.
    pub fn simple(image: &Pinned, annotations: &BTreeMap<String, String>) -> Self {
        let payload = written(&Payload {
            critical: Critical {
                identity: Identity {
                    docker_reference: &image.repository().policy_name(),
                },
                image: Image {
                    docker_manifest_digest: &image.digest().to_string(),
                },
                r#type: simple::TYPE,
            },
            optional: Some(annotations).filter(|annotations| !annotations.is_empty()),
        });
        Self {
            what: What::Simple,
            message: payload.clone(),
            payload,
        }
    }

    /// An operator's own signature in the form of cosign 3: a statement with the sign predicate.
    pub fn cosign_sign(image: &Pinned, annotations: &BTreeMap<String, String>) -> Self {
        let nothing = Value::Object(serde_json::Map::new());
        let subject = Subject {
            name: None,
            digest: digest_set(image.digest()),
            annotations: Some(annotations),
        };
        Self::in_toto(What::Sign, statement::V1, subject, predicate::COSIGN_SIGN, &nothing)
    }

    /// An operator's own attestation: a statement about the image, named as cosign names it.
    pub fn statement(image: &Pinned, predicate_type: &str, predicate: &Value) -> Self {
        let name = image.repository().policy_name();
        let subject = Subject {
            name: Some(&name),
            digest: digest_set(image.digest()),
            annotations: None,
        };
        Self::in_toto(What::Attestation, statement::V01, subject, predicate_type, predicate)
    }

    /// What a gate's clearance attests of an image, in version 1 of in-toto's statement. The predicate is signed as it is
    /// written.
    pub fn cleared(image: &Pinned, predicate_type: &str, predicate: &RawValue) -> Self {
        let name = image.repository().policy_name();
        let subject = Subject {
            name: Some(&name),
            digest: digest_set(image.digest()),
            annotations: None,
        };
        Self::in_toto(What::Attestation, statement::V1, subject, predicate_type, predicate)
    }

    /// A list of promoted images: a statement about the list itself, with the list as its predicate. It names no image, so
    /// that nobody takes it for something said of one; see [`image_list`].
    pub fn trusted_images(list: &ImageList) -> Self {
        let document = list.to_json();
        let subject = Subject {
            name: Some(image_list::LIST_SUBJECT),
            digest: digest_set(&Digest::sha256(&document)),
            annotations: None,
        };
        let text = String::from_utf8(document).expect("JSON is UTF-8");
        let predicate = RawValue::from_string(text).expect("a list is JSON");
        Self::in_toto(
            What::List,
            statement::V1,
            subject,
            image_list::TRUSTED_IMAGES,
            &*predicate,
        )
    }

    fn in_toto(
        what: What,
        version: &'static str,
        subject: Subject<'_>,
        predicate_type: &str,
        predicate: &(impl Serialize + ?Sized),
    ) -> Self {
        let payload = written(&InToto {
            version,
            subject: [subject],
            predicate_type,
            predicate,
        });
        Self {
            what,
            message: pae(media::IN_TOTO, &payload),
            payload,
        }
    }

    /// The bytes that the key signs.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Wraps the signature for one layout, then reads it back as a stranger would: what does not verify with this key is
    /// never handed out.
    pub fn seal(self, layout: Layout, signature: &[u8], key: &PublicKey) -> Result<Sealed, SealError> {
        let sealed = match (self.what, layout) {
            (What::Simple, Layout::Tag | Layout::Referrer) => Sealed::Simple {
                payload: self.payload,
                signature_b64: encoding::encode(signature),
            },
            (What::Attestation, Layout::Tag | Layout::Referrer) => {
                Sealed::Envelope(written(&Dsse::of(&self.payload, signature)))
            }
            (What::Sign | What::Attestation | What::List, Layout::Bundle) => Sealed::Bundle(written(&BundleV03 {
                media_type: media::SIGSTORE_BUNDLE_V03,
                verification_material: Material {
                    public_key: PublicKeyIdentifier { hint: key.hint() },
                },
                dsse_envelope: Dsse::of(&self.payload, signature),
            })),
            (What::Simple, Layout::Bundle) => {
                return Err(SealError::Layout {
                    layout,
                    what: "a simple-signing payload",
                });
            }
            (What::Sign, Layout::Tag | Layout::Referrer) => {
                return Err(SealError::Layout {
                    layout,
                    what: "a statement with cosign's sign predicate",
                });
            }
            // Beside an image is the wrong place for it.
            (What::List, Layout::Tag | Layout::Referrer) => {
                return Err(SealError::Layout {
                    layout,
                    what: "a list of images",
                });
            }
        };
        sealed.read_back(key).map_err(SealError::Unverified)?;
        Ok(sealed)
    }
}

/// A signature in the form in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// A simple-signing payload and its signature.
    Simple {
        /// The payload.
        payload: Vec<u8>,
        /// The signature, base64.
        signature_b64: String,
    },
    /// A DSSE envelope, JSON.
    Envelope(Vec<u8>),
    /// A Sigstore bundle v0.3 with a hint at the key, JSON.
    Bundle(Vec<u8>),
}

impl Sealed {
    /// The predicate type of the statement inside, which cosign repeats in annotations; `None` for a payload.
    pub fn predicate_type(&self) -> Option<String> {
        unverified_predicate_type(&self.envelope().ok()??)
    }

    /// The media type of the stored blob.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Simple { .. } => media::SIMPLE_SIGNING,
            Self::Envelope(_) => media::DSSE_ENVELOPE,
            Self::Bundle(_) => media::SIGSTORE_BUNDLE_V03,
        }
    }

    fn envelope(&self) -> Result<Option<Envelope>, VerifyError> {
        match self {
            Self::Simple { .. } => Ok(None),
            Self::Envelope(bytes) => Envelope::parse(bytes).map(Some).map_err(VerifyError::Envelope),
            Self::Bundle(bytes) => match Bundle::parse(bytes).map_err(VerifyError::Bundle)?.into_content() {
                BundleContent::Envelope(envelope) => Ok(Some(envelope)),
                BundleContent::Message(_) => Ok(None),
            },
        }
    }

    fn read_back(&self, key: &PublicKey) -> Result<(), VerifyError> {
        let (key, nothing) = (Trusted::key(key.clone(), HashRule::Natural), Beside::Nothing);
        match (self, self.envelope()?) {
            (Self::Simple { payload, signature_b64 }, _) => {
                verify_simple(&Blob::new(payload.clone()), signature_b64, nothing, &key)?;
            }
            (_, Some(envelope)) => {
                verify_envelope(&envelope, None, nothing, &key)?;
            }
            (_, None) => return Err(VerifyError::NoMessage),
        }
        Ok(())
    }
}

/// Why a signature was not wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The signature is not by this key over this message, or what was signed is not what anybody would read.
    #[error("what was just signed does not verify")]
    Unverified(#[source] VerifyError),
    /// The layout cannot hold this.
    #[error("the layout `{layout}` cannot hold {what}")]
    Layout {
        /// The layout.
        layout: Layout,
        /// What was to be stored.
        what: &'static str,
    },
}

fn written(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("texts, numbers and maps with text keys are always JSON")
}

fn digest_set(digest: &Digest) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(digest.algorithm().name(), digest.hex())])
}

#[derive(Serialize)]
struct Payload<'a> {
    critical: Critical<'a>,
    optional: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Critical<'a> {
    identity: Identity<'a>,
    image: Image<'a>,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Identity<'a> {
    docker_reference: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Image<'a> {
    docker_manifest_digest: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InToto<'a, P: ?Sized> {
    #[serde(rename = "_type")]
    version: &'static str,
    subject: [Subject<'a>; 1],
    predicate_type: &'a str,
    predicate: &'a P,
}

#[derive(Serialize)]
struct Subject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    digest: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload: String,
    payload_type: &'static str,
    signatures: [DsseSignature; 1],
}

#[derive(Serialize)]
struct DsseSignature {
    sig: String,
}

impl Dsse {
    fn of(payload: &[u8], signature: &[u8]) -> Self {
        Self {
            payload: encoding::encode(payload),
            payload_type: media::IN_TOTO,
            signatures: [DsseSignature {
                sig: encoding::encode(signature),
            }],
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleV03 {
    media_type: &'static str,
    verification_material: Material,
    dsse_envelope: Dsse,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: PublicKeyIdentifier,
}

#[derive(Serialize)]
struct PublicKeyIdentifier {
    hint: String,
}

#[cfg(test)]
mod tests;
