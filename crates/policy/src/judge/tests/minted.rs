//! Keyless signatures for tests, each right but for what its name says.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Content, Layout, Sealed, ToBeSigned};
use countersign_image::Blob;
use countersign_mint::rekor::{Made, dsse_v001, hashedrekord_v001};
use countersign_mint::{Authority, CtLog, Extension, Key, Kind, Rekor, San, Sigstore, TimeAuthority, pem, pem_of_key};
use jiff::ToSpan as _;

use super::scene::{IMAGE, OTHER, Scene, pinned};

pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(super) const SUBJECT: &str = "https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main";

/// Three Sigstores that know nothing of each other.
pub(super) struct Worlds {
    pub(super) public: Sigstore,
    pub(super) private: Sigstore,
    pub(super) key: Key,
}

pub(super) fn worlds() -> &'static Worlds {
    static WORLDS: OnceLock<Worlds> = OnceLock::new();
    WORLDS.get_or_init(|| Worlds {
        public: Sigstore::new(),
        private: Sigstore::new(),
        key: Key::new(Kind::P256),
    })
}

/// What is other than it should be about a signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum But {
    NoSct,
    OtherCtLog,
    NoEntry,
    OtherRekor,
    EntryOfAnother,
    /// The log has it an hour after the certificate has expired.
    Late,
    Stamped,
    StampedByAnother,
    StampedLate,
    OtherAuthority,
    NoIssuer,
    NoCertificate,
    ForOther,
    Altered,
}
pub(super) use But::*;

/// A signature by a name from an issuer.
pub(super) struct By<'a> {
    world: &'a Sigstore,
    subject: &'a str,
    issuer: &'a str,
    but: &'a [But],
}

pub(super) fn ours(but: &[But]) -> By<'_> {
    By {
        world: &worlds().private,
        subject: SUBJECT,
        issuer: ISSUER,
        but,
    }
}

pub(super) fn by<'a>(subject: &'a str, issuer: &'a str) -> By<'a> {
    By {
        subject,
        issuer,
        ..ours(&[])
    }
}

impl By<'_> {
    fn is(&self, but: But) -> bool {
        self.but.contains(&but)
    }

    /// The certificate, and those above it as PEM.
    fn certify(&self, key: &Key) -> (Vec<u8>, String) {
        let world = self.world;
        let mut spec = world.leaf(key, &[San::Uri(self.subject)]);
        if !self.is(NoIssuer) {
            spec = spec
                .with(Extension::fulcio(1, self.issuer))
                .with(Extension::fulcio(8, self.issuer));
        }
        let other = Authority::root("somebody", Kind::P256, world.now);
        let authority = if self.is(OtherAuthority) {
            &other
        } else {
            &world.authority
        };
        let log = CtLog::new("https://ctfe.evil.example", Kind::P256, world.now);
        let certificate = if self.is(NoSct) {
            authority.issue(&spec)
        } else if self.is(OtherCtLog) {
            authority.issue_logged(spec, &[&log], world.now)
        } else {
            authority.issue_logged(spec, &[&world.ct_log], world.now)
        };
        (certificate, authority.chain().iter().map(|der| pem(der)).collect())
    }

    fn annotations(
        &self,
        message: &[u8],
        signature: &[u8],
        envelope: Option<(&[u8], &[u8])>,
        certified: (Vec<u8>, String),
    ) -> BTreeMap<String, String> {
        let world = self.world;
        let (certificate, chain) = certified;
        let other = Rekor::v1("rekor.evil.example");
        let log = if self.is(OtherRekor) { &other } else { &world.rekor };
        let time = world.now + if self.is(Late) { 1.hour() } else { 1.minute() };
        let spki = worlds().key.spki();
        let made = if self.is(NoCertificate) {
            Made::Key(&spki)
        } else {
            Made::Certificate(&certificate)
        };
        let mut annotations = BTreeMap::new();
        if !self.is(NoCertificate) {
            annotations.insert("dev.sigstore.cosign/certificate".to_owned(), pem(&certificate));
            annotations.insert("dev.sigstore.cosign/chain".to_owned(), chain);
        }
        if !self.is(NoEntry) {
            let body = match envelope {
                Some((envelope, payload)) => dsse_v001(envelope, payload, signature, made),
                None if self.is(EntryOfAnother) => hashedrekord_v001(b"another", signature, made),
                None => hashedrekord_v001(message, signature, made),
            };
            let entry = log.promised(&body, time, 7);
            annotations.insert("dev.sigstore.cosign/bundle".to_owned(), entry);
        }
        let another = TimeAuthority::new("https://time.evil.example", world.now);
        let stamp = [
            (Stamped, &world.time, 2.minutes()),
            (StampedByAnother, &another, 2.minutes()),
            (StampedLate, &world.time, 2.hours()),
        ]
        .into_iter()
        .find(|(but, ..)| self.is(*but));
        if let Some((_, authority, after)) = stamp {
            let over = envelope.map_or(signature, |(envelope, _)| envelope);
            let token = STANDARD.encode(authority.stamp(over, world.now + after));
            annotations.insert(
                "dev.sigstore.cosign/rfc3161timestamp".to_owned(),
                format!("{{\"SignedRFC3161Timestamp\":\"{token}\"}}"),
            );
        }
        annotations
    }

    pub(super) fn sign(&self, scene: Scene) -> Scene {
        let fresh = Key::new(Kind::P256);
        let key = if self.is(NoCertificate) { &worlds().key } else { &fresh };
        let image = pinned(if self.is(ForOther) { OTHER } else { IMAGE });
        let payload = ToBeSigned::simple(&image, &BTreeMap::new()).message().to_vec();
        let mut signature = key.sign(&payload);
        let annotations = self.annotations(&payload, &signature, None, self.certify(key));
        if self.is(Altered) {
            signature = fresh.sign(b"another message");
        }
        let content = Content::Simple {
            payload: Blob::new(payload),
            signature: STANDARD.encode(&signature),
            annotations,
        };
        scene.with(Layout::Tag, content)
    }

    pub(super) fn attest(&self, scene: Scene, predicate_type: &str) -> Scene {
        let key = Key::new(Kind::P256);
        let image = pinned(if self.is(ForOther) { OTHER } else { IMAGE });
        let what = ToBeSigned::statement(&image, predicate_type, &serde_json::json!({}));
        let signature = key.sign(what.message());
        let public = countersign_evidence::PublicKey::from_spki_der(&key.spki()).unwrap();
        let Sealed::Envelope(envelope) = what.seal(Layout::Tag, &signature, &public).unwrap() else {
            panic!("a statement under a tag is an envelope")
        };
        let wire: serde_json::Value = serde_json::from_slice(&envelope).unwrap();
        let payload = STANDARD.decode(wire["payload"].as_str().unwrap()).unwrap();
        let annotations = self.annotations(b"", &signature, Some((&envelope, &payload)), self.certify(&key));
        let envelope = Blob::new(envelope);
        scene.with(Layout::Tag, Content::Envelope { envelope, annotations })
    }
}

/// A bundle of the oldest version, which is content with a promise, and maybe the proof beside it. The log takes it in.
pub(super) fn bundled(world: &mut Sigstore, scene: Scene, proved: bool) -> Scene {
    let key = Key::new(Kind::P256);
    let by = By {
        world,
        subject: SUBJECT,
        issuer: ISSUER,
        but: &[],
    };
    let (certificate, _) = by.certify(&key);
    let what = ToBeSigned::cosign_sign(&pinned(IMAGE), &BTreeMap::new());
    let signature = key.sign(what.message());
    let public = countersign_evidence::PublicKey::from_spki_der(&key.spki()).unwrap();
    let Sealed::Bundle(sealed) = what.seal(Layout::Bundle, &signature, &public).unwrap() else {
        panic!("a bundle is asked for")
    };
    let sealed: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
    let envelope = &sealed["dsseEnvelope"];
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let made = Made::Certificate(&certificate);
    let body = dsse_v001(envelope.to_string().as_bytes(), &payload, &signature, made);
    let at = world.rekor.take_in(3, &body);
    let seconds = (world.now + 1.minute()).as_second().unsigned_abs();
    let mut entry = world.rekor.entry(at, seconds, &[]);
    if !proved {
        entry.as_object_mut().unwrap().remove("inclusionProof");
    }
    let bundle = serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "x509CertificateChain": {"certificates": [{"rawBytes": STANDARD.encode(&certificate)}]},
            "tlogEntries": [entry],
        },
        "dsseEnvelope": envelope,
    });
    scene.with(Layout::Bundle, Content::Bundle(Blob::new(bundle.to_string())))
}

/// A TrustRoot document that believes a Sigstore, without the lists that are left out.
pub(super) fn trust_root(name: &str, world: &Sigstore, without: &[&str]) -> String {
    let chain = |chain: &[Vec<u8>]| STANDARD.encode(chain.iter().map(|der| pem(der)).collect::<String>());
    let key = |key: &Key| STANDARD.encode(pem_of_key(&key.spki()));
    let authority = |uri: &str, certificates: &[Vec<u8>]| {
        format!(
            "[{{subject: {{organization: acme, commonName: acme}}, uri: '{uri}', certChain: {}}}]",
            chain(certificates)
        )
    };
    let log = |url: &str, public: &Key| {
        format!(
            "[{{baseURL: '{url}', hashAlgorithm: sha-256, publicKey: {}}}]",
            key(public)
        )
    };
    let lists = [
        (
            "certificateAuthorities",
            authority("https://fulcio.mint.example", &world.authority.chain()),
        ),
        ("tLogs", log(&world.rekor.base_url(), &world.rekor.key)),
        ("ctLogs", log(&world.ct_log.base_url, &world.ct_log.key)),
        ("timestampAuthorities", authority(&world.time.uri, &world.time.chain)),
    ];
    let lists: Vec<String> = lists
        .iter()
        .filter(|(name, _)| !without.contains(name))
        .map(|(name, list)| format!("    {name}: {list}\n"))
        .collect();
    format!(
        "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: {name}}}\nspec:\n  sigstoreKeys:\n{}",
        lists.concat()
    )
}
