//! What two keys of ours have signed, which is all that they will ever have signed: whatever else seems to be signed by
//! them is forged.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_evidence::{Content, Evidence, Item, Layout, Origin, PublicKey, Sealed, ToBeSigned, predicate};
use countersign_image::{Blob, Digest, Pinned, Reference};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The image that everything signed here is about.
pub(crate) const IMAGE: &str =
    "registry.example/shop/app@sha256:b36f93c08611989f00b2aa5e462aae861f78e25005aa8890bad093edfccb6bf7";

/// What `alice`, an ECDSA key of `cases/`, signed: as cosign 2 and as cosign 3 store it.
const ALICE_PAYLOAD: &[u8] = include_bytes!(
    "../../cases/data/layout-all-three-admit/evidence/blobs/sha256/e85d9a109df2d8010de79bd61a1cbb72f244de18c60957acd82fe7f3a7ca8e0a"
);
const ALICE_SIGNATURE: &str =
    "MEUCIQD+IoWSMVoQ63lDLTpgl2N0yUiSPqZ2DqwoyPOs2KjXdgIgBb3LHJ3VWv5pIZzTWrUeRYk5jMRN+x4V9qKsm1/sLPw=";
const ALICE_BUNDLE: &[u8] = include_bytes!(
    "../../cases/data/layout-all-three-admit/evidence/blobs/sha256/b378af1eb5c7b35f926bbb646d074f77d0c69ed11485efe818deb3c5ee9b33f4"
);
const ALICE_POLICY: &str = include_str!("../../cases/data/layout-all-three-admit/policy.yaml");

/// The type of the one attestation.
pub(crate) const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

/// The two keys and their work.
pub(crate) struct Desk {
    pub(crate) image: Pinned,
    pub(crate) ours: PublicKey,
    pub(crate) alice: PublicKey,
    ours_private: SigningKey,
    /// Every item that is truly signed.
    pub(crate) items: Vec<Content>,
    /// Every payload that is truly signed.
    payloads: Vec<Vec<u8>>,
}

pub(crate) static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let ours_private = SigningKey::from_bytes(&[7; 32]);
    // SubjectPublicKeyInfo of Ed25519 (RFC 8410, section 4), then the key.
    let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    spki.extend(ours_private.verifying_key().as_bytes());
    // The block of a policy is indented, which the reader of keys does not mind.
    let alice = PublicKey::from_pem(ALICE_POLICY).unwrap();
    let mut desk = Desk {
        image: Reference::parse(IMAGE).unwrap().pinned().unwrap(),
        ours: PublicKey::from_spki_der(&spki).unwrap(),
        alice,
        ours_private,
        items: vec![
            Content::Simple {
                payload: Blob::new(ALICE_PAYLOAD),
                signature: ALICE_SIGNATURE.to_owned(),
                annotations: BTreeMap::new(),
            },
            Content::Bundle(Blob::new(ALICE_BUNDLE)),
        ],
        payloads: Vec::new(),
    };
    let nothing = BTreeMap::new();
    let scan = json!({"scanner": {"uri": "pkg:example/scanner"}});
    let simple = ToBeSigned::simple(&desk.image, &nothing);
    let sign = ToBeSigned::cosign_sign(&desk.image, &nothing);
    let attest = ToBeSigned::statement(&desk.image, VULN, &scan);
    for (what, layout) in [
        (simple, Layout::Tag),
        (sign, Layout::Bundle),
        (attest.clone(), Layout::Tag),
        (attest, Layout::Bundle),
    ] {
        let content = desk.seal(what, layout).unwrap();
        desk.items.push(content);
    }
    desk.payloads = desk.items.iter().map(|item| payload_of(item).unwrap()).collect();
    desk
});

impl Desk {
    /// Signed with our Ed25519 key; `None` where it is refused to be wrapped.
    pub(crate) fn seal(&self, what: ToBeSigned, layout: Layout) -> Option<Content> {
        let signature = self.ours_private.sign(what.message()).to_bytes();
        let sealed = what.seal(layout, &signature, &self.ours).ok()?;
        Some(match sealed {
            Sealed::Simple { payload, signature_b64 } => Content::Simple {
                payload: Blob::new(payload),
                signature: signature_b64,
                annotations: BTreeMap::new(),
            },
            Sealed::Envelope(json) => Content::envelope(Blob::new(json)),
            Sealed::Bundle(json) => Content::Bundle(Blob::new(json)),
        })
    }

    /// Whether what this item says was truly signed, as a reader of our own finds out what it says.
    pub(crate) fn signed(&self, content: &Content) -> bool {
        payload_of(content).is_some_and(|payload| self.payloads.contains(&payload))
    }
}

/// What an item says: read leniently, by other means than the crate under test.
fn payload_of(content: &Content) -> Option<Vec<u8>> {
    let document = match content {
        Content::Simple { payload, .. } => return Some(payload.bytes().to_vec()),
        Content::Envelope { envelope: blob, .. } => serde_json::from_slice(blob.bytes()).ok()?,
        Content::Bundle(blob) => {
            let bundle: Value = serde_json::from_slice(blob.bytes()).ok()?;
            either(&bundle, "dsseEnvelope", "dsse_envelope")?.clone()
        }
    };
    (either(&document, "payloadType", "payload_type")?.as_str()? == "application/vnd.in-toto+json").then_some(())?;
    decoded(document.get("payload")?.as_str()?)
}

fn either<'a>(document: &'a Value, one: &str, other: &str) -> Option<&'a Value> {
    document.get(one).or_else(|| document.get(other))
}

/// base64 in whichever dialect.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    const LAX: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let text = text.trim_matches(['\r', '\n']);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LAX).decode(text);
    standard
        .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, LAX).decode(text))
        .ok()
}

/// Evidence about an image that holds one item.
pub(crate) fn evidence(image: &Pinned, layout: Layout, contents: impl IntoIterator<Item = Content>) -> Evidence {
    let item = |content: Content| Item {
        origin: Origin {
            repository: image.repository().clone(),
            layout,
            tag_prefix: None,
            manifest: Digest::sha256(b"holder"),
            blob: match &content {
                Content::Simple { payload, .. } => *payload.digest(),
                Content::Envelope { envelope: blob, .. } | Content::Bundle(blob) => *blob.digest(),
            },
        },
        content,
    };
    Evidence {
        image: image.clone(),
        items: contents.into_iter().map(item).collect(),
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of: Timestamp::UNIX_EPOCH,
        stale: false,
    }
}

/// Items as inputs: a letter for the kind, then the bytes; the signature of a payload stands before it, up to a line end.
pub(crate) fn written(content: &Content) -> Vec<u8> {
    let (kind, bytes) = match content {
        Content::Simple { payload, signature, .. } => {
            let mut bytes = signature.clone().into_bytes();
            bytes.push(b'\n');
            bytes.extend_from_slice(payload.bytes());
            (b's', bytes)
        }
        Content::Envelope { envelope: blob, .. } => (b'e', blob.bytes().to_vec()),
        Content::Bundle(blob) => (b'b', blob.bytes().to_vec()),
    };
    [&[kind], bytes.as_slice()].concat()
}

/// The item that an input is.
pub(crate) fn read(data: &[u8]) -> Option<Content> {
    let (kind, bytes) = data.split_first()?;
    Some(match kind {
        b's' => {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            Content::Simple {
                payload: Blob::new(bytes[end + 1..].to_vec()),
                signature: String::from_utf8(bytes[..end].to_vec()).ok()?,
                annotations: BTreeMap::new(),
            }
        }
        b'e' => Content::envelope(Blob::new(bytes.to_vec())),
        b'b' => Content::Bundle(Blob::new(bytes.to_vec())),
        _ => return None,
    })
}

/// Whether the predicate type of a statement is that of cosign's signatures.
pub(crate) fn signs(predicate_type: &str) -> bool {
    predicate_type == predicate::COSIGN_SIGN
}
