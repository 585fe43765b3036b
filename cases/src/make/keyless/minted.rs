//! What a private Sigstore made for the cases, once: its keys are thrown away, as keyless keys are.
//!
//! Where one of [`SIGNED`] is missing in the file, all of it is made anew, by another Sigstore.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Layout, PublicKey, Sealed, ToBeSigned};
use countersign_mint::rekor::{Made, dsse_v001, hashedrekord_v001};
use countersign_mint::{Extension, Key, Kind, San, Sigstore, TrustedRoot, pem, pem_of_key};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::MakeError;
use super::super::sample::{Sample, app};
use crate::make::items::SLSA;

const FILE: &str = "keyless.json";

pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(super) const SUBJECT: &str = "https://github.com/acme/shop/.github/workflows/release.yaml@refs/heads/main";
/// Whom a careless expression takes for ours.
pub(super) const STRANGER: &str = "https://github.com/acme/shop-evil/.github/workflows/release.yaml@refs/heads/main";

/// What is other than it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum But {
    Nothing,
    NoSct,
    NoEntry,
    Late,
    Stamped,
    EntryOfAnother,
    Attested,
}
use But::{Attested, EntryOfAnother, Late, NoEntry, NoSct, Nothing, Stamped};

/// Each signature: its name, whose it is, and what is other about it.
const SIGNED: &[(&str, &str, But)] = &[
    ("ours", SUBJECT, Nothing),
    ("by a stranger", STRANGER, Nothing),
    ("without SCT", SUBJECT, NoSct),
    ("without log entry", SUBJECT, NoEntry),
    ("logged an hour later", SUBJECT, Late),
    ("stamped, not logged", SUBJECT, Stamped),
    ("with the entry of another signature", SUBJECT, EntryOfAnother),
    ("attested", SUBJECT, Attested),
    ("attested by a stranger", STRANGER, Attested),
];

/// What lies beside the image.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Signed {
    /// An envelope; `None` for a signature of cosign's payload.
    pub(super) envelope: Option<String>,
    /// The signature, base64.
    pub(super) signature: String,
    pub(super) annotations: BTreeMap<String, String>,
}

/// All that the private Sigstore made.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Minted {
    /// When everything was made, for windows.
    pub(super) now: Timestamp,
    /// Lists of a TrustRoot document, by name, in YAML's flow style.
    pub(super) lists: BTreeMap<String, String>,
    /// The same as a `trusted_root.json`: as it should be, and with windows that ended before.
    pub(super) trusted_roots: BTreeMap<String, String>,
    pub(super) signed: BTreeMap<String, Signed>,
    /// A log entry for Alice's signature, whose key has no certificate.
    pub(super) entry_of_key: String,
}

impl Minted {
    /// Reads what was made, or makes it. `alice` is her key (SubjectPublicKeyInfo in DER) with her signature of the image.
    pub(crate) fn open(folder: &Path, alice: (&[u8], &[u8])) -> Result<Self, MakeError> {
        let path = folder.join(FILE);
        let known: Option<Self> = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_whole = |minted: &Self| SIGNED.iter().all(|(name, ..)| minted.signed.contains_key(*name));
        if let Some(known) = known.filter(is_whole) {
            return Ok(known);
        }
        let minted = Self::mint(alice);
        let text = serde_json::to_string_pretty(&minted).expect("texts are JSON") + "\n";
        std::fs::write(&path, text).map_err(|source| MakeError::File {
            verb: "write",
            path,
            source,
        })?;
        Ok(minted)
    }

    fn mint((alice, signature): (&[u8], &[u8])) -> Self {
        let world = Sigstore::new();
        let image = app();
        let body = hashedrekord_v001(&payload(&image), signature, Made::Key(alice));
        let signed = SIGNED
            .iter()
            .map(|(name, subject, but)| ((*name).to_owned(), sign(&world, &image, subject, *but)))
            .collect();
        Self {
            now: world.now,
            lists: lists(&world),
            trusted_roots: trusted_roots(&world),
            signed,
            entry_of_key: world.rekor.promised(&body, world.now + 1.minute(), 11),
        }
    }
}

/// cosign's payload about the image.
pub(super) fn payload(image: &Sample) -> Vec<u8> {
    ToBeSigned::simple(&image.pinned, &BTreeMap::new()).message().to_vec()
}

fn sign(world: &Sigstore, image: &Sample, subject: &str, but: But) -> Signed {
    let key = Key::new(Kind::P256);
    let spec = world
        .leaf(&key, &[San::Uri(subject)])
        .with(Extension::fulcio(1, ISSUER))
        .with(Extension::fulcio(8, ISSUER));
    let certificate = match but {
        NoSct => world.authority.issue(&spec),
        _ => world.certify(spec),
    };
    let chain: String = world.authority.chain().iter().map(|der| pem(der)).collect();
    let mut annotations = BTreeMap::from([
        ("dev.sigstore.cosign/certificate".to_owned(), pem(&certificate)),
        ("dev.sigstore.cosign/chain".to_owned(), chain),
    ]);
    let made = Made::Certificate(&certificate);
    let time = world.now + if but == Late { 1.hour() } else { 1.minute() };
    let (envelope, signature, entry) = match but {
        Attested => {
            let (envelope, statement, signature) = attest(&key, image);
            let entry = dsse_v001(&envelope, &statement, &signature, made);
            (Some(envelope), signature, entry)
        }
        _ => {
            let message = payload(image);
            let signature = key.sign(&message);
            let logged: &[u8] = if but == EntryOfAnother { b"another" } else { &message };
            let entry = hashedrekord_v001(logged, &signature, made);
            (None, signature, entry)
        }
    };
    match but {
        NoEntry => {}
        Stamped => {
            let token = STANDARD.encode(world.time.stamp(&signature, world.now + 2.minutes()));
            let stamp = json!({ "SignedRFC3161Timestamp": token }).to_string();
            annotations.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), stamp);
        }
        _ => {
            let entry = world.rekor.promised(&entry, time, 7);
            annotations.insert("dev.sigstore.cosign/bundle".to_owned(), entry);
        }
    }
    Signed {
        envelope: envelope.map(|bytes| String::from_utf8(bytes).expect("JSON is text")),
        signature: STANDARD.encode(&signature),
        annotations,
    }
}

/// An envelope, the statement in it, and its signature.
fn attest(key: &Key, image: &Sample) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let what = ToBeSigned::statement(&image.pinned, SLSA, &json!({}));
    let signature = key.sign(what.message());
    let public = PublicKey::from_spki_der(&key.spki()).expect("a key that was just made is one");
    let sealed = what.seal(Layout::Tag, &signature, &public);
    let Ok(Sealed::Envelope(envelope)) = sealed else {
        unreachable!("a statement under a tag is an envelope")
    };
    let wire: serde_json::Value = serde_json::from_slice(&envelope).expect("what was sealed is JSON");
    let statement = STANDARD.decode(wire["payload"].as_str().unwrap_or_default());
    (envelope, statement.expect("its payload is base64"), signature)
}

fn lists(world: &Sigstore) -> BTreeMap<String, String> {
    let key = |key: &Key| STANDARD.encode(pem_of_key(&key.spki()));
    let authority = |uri: &str, chain: &[Vec<u8>]| {
        let chain = STANDARD.encode(chain.iter().map(|der| pem(der)).collect::<String>());
        format!("[{{subject: {{organization: acme, commonName: acme}}, uri: '{uri}', certChain: {chain}}}]")
    };
    let log = |url: &str, public: &Key| {
        let key = key(public);
        format!("[{{baseURL: '{url}', hashAlgorithm: sha-256, publicKey: {key}}}]")
    };
    let of = |name: &str, list: String| (name.to_owned(), list);
    BTreeMap::from([
        of(
            "certificateAuthorities",
            authority("https://fulcio.mint.example", &world.authority.chain()),
        ),
        of("tLogs", log(&world.rekor.base_url(), &world.rekor.key)),
        of("ctLogs", log(&world.ct_log.base_url, &world.ct_log.key)),
        of("timestampAuthorities", authority(&world.time.uri, &world.time.chain)),
    ])
}

/// The trust root, whole and with windows that ended an hour before anything was signed.
fn trusted_roots(world: &Sigstore) -> BTreeMap<String, String> {
    let (from, ended) = (world.now - 1000.hours(), Some(world.now - 1.hour()));
    let root = |authority_until, log_until, ct_until| {
        let mut root = TrustedRoot::new();
        root.authority(
            "https://fulcio.mint.example",
            &world.authority.chain(),
            from,
            authority_until,
        );
        root.log(
            &world.rekor.base_url(),
            &world.rekor.key,
            &world.rekor.id(),
            from,
            log_until,
        );
        root.ct_log(&world.ct_log.base_url, &world.ct_log.key, from, ct_until);
        serde_json::to_string_pretty(&root.0).expect("it is JSON") + "\n"
    };
    let of = |name: &str, root: String| (name.to_owned(), root);
    BTreeMap::from([
        of("whole", root(None, None, None)),
        of("authority retired", root(ended, None, None)),
        of("log retired", root(None, ended, None)),
        of("log of certificates retired", root(None, None, ended)),
    ])
}
