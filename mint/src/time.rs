//! Time authorities (RFC 3161), and their timestamps piece by piece.

use jiff::{Timestamp, ToSpan as _};

use crate::authority::Authority;
use crate::certificate::{Extension, Spec, oid};
use crate::der::{element, explicit, integer, name, object_identifier, octets, sequence, set};
use crate::key::{Hash, Key, Kind};

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

/// An authority that signs times.
pub struct TimeAuthority {
    /// Where it is.
    pub uri: String,
    /// The key that it signs with.
    pub key: Key,
    /// What is in the certificate that it signs with.
    pub spec: Spec,
    /// That certificate and those above it, the root last.
    pub chain: Vec<Vec<u8>>,
}

impl TimeAuthority {
    /// A new one: a certificate for times below a root.
    pub fn new(uri: &str, now: Timestamp) -> Self {
        Self::of_kinds(uri, [Kind::P384; 2], now)
    }

    /// One whose root and itself have keys of these kinds.
    pub(crate) fn of_kinds(uri: &str, kinds: [Kind; 2], now: Timestamp) -> Self {
        let root = Authority::root("mint time root", kinds[0], now);
        Self::below(&root, uri, kinds[1], now)
    }

    /// One with a key of a kind, below an authority.
    pub fn below(authority: &Authority, uri: &str, kind: Kind, now: Timestamp) -> Self {
        let key = Key::new(kind);
        let spec = Self::spec(authority, &key, now);
        Self::certified(authority, uri, key, spec)
    }

    /// What is in the certificate of one that is as it should be.
    pub fn spec(authority: &Authority, key: &Key, now: Timestamp) -> Spec {
        let mut spec = Spec::new("mint time", key, now - 5_000.hours(), now + 20_000.hours())
            .with(Extension::key_usage(0x80))
            .with(Extension::extended_key_usage(&[oid::TIME_STAMPING]).critical());
        spec.issuer = authority.spec.subject.clone();
        spec
    }

    /// One with a certificate of any content.
    pub fn certified(authority: &Authority, uri: &str, key: Key, spec: Spec) -> Self {
        let certificate = authority.issue(&spec);
        Self {
            uri: uri.to_owned(),
            key,
            chain: [vec![certificate], authority.chain()].concat(),
            spec,
        }
    }

    /// A timestamp over a signature: a TimeStampResp in DER.
    pub fn stamp(&self, signature: &[u8], time: Timestamp) -> Vec<u8> {
        Stamp::new(self, signature, time).sealed_by(self)
    }
}

/// What is to be in a timestamp.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The PKIStatus; `None` for the token alone, without a response around it.
    pub status: Option<u64>,
    /// The content type that is declared and signed.
    pub content_type: String,
    /// The version of the content.
    pub version: u64,
    /// The hash of what is stamped.
    pub imprint_hash: Hash,
    /// The hash itself.
    pub imprint: Vec<u8>,
    /// The time as it is written.
    pub time: String,
    /// What is behind the time: accuracy, ordering, nonce, name, extensions.
    pub tail: Vec<u8>,
    /// Certificates that are brought.
    pub certificates: Vec<Vec<u8>>,
    /// The certificate by which the signer is named.
    pub signer: Vec<u8>,
    /// The issuer's Name and the number by which the signer is named; or any other identifier.
    pub signer_id: Vec<u8>,
    /// The hash of the content under the signature.
    pub digest_hash: Hash,
    /// That hash, where it is not of the content.
    pub message_digest: Option<Vec<u8>>,
    /// Further attributes in DER, or none of the usual ones.
    pub attributes: Option<Vec<Vec<u8>>>,
    /// How many times the signer is there.
    pub signers: usize,
}

impl Stamp {
    /// A timestamp as it should be.
    pub fn new(authority: &TimeAuthority, signature: &[u8], time: Timestamp) -> Self {
        let hash = authority.key.kind().hash();
        Self {
            status: Some(0),
            content_type: TST_INFO.to_owned(),
            version: 1,
            imprint_hash: hash,
            imprint: hash.of(signature),
            time: time
                .to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%Y%m%d%H%M%SZ")
                .to_string(),
            tail: [sequence(&[&integer(1)]), integer(77)].concat(),
            certificates: Vec::new(),
            signer: authority.chain[0].clone(),
            signer_id: sequence(&[&authority.spec.issuer, &integer(authority.spec.serial)]),
            digest_hash: hash,
            message_digest: None,
            attributes: None,
            signers: 1,
        }
    }

    /// The content: a TSTInfo in DER.
    pub fn content(&self) -> Vec<u8> {
        sequence(&[
            &integer(self.version),
            &object_identifier("1.3.6.1.4.1.57264.2"),
            &sequence(&[&self.imprint_hash.algorithm(), &octets(&self.imprint)]),
            &integer(99),
            &element(0x18, self.time.as_bytes()),
            &self.tail,
        ])
    }

    /// An attribute of one value.
    pub fn attribute(oid: &str, value: &[u8]) -> Vec<u8> {
        sequence(&[&object_identifier(oid), &set(&[value])])
    }

    /// The attributes that a signer signs.
    pub fn usual_attributes(&self) -> Vec<Vec<u8>> {
        let digest = self
            .message_digest
            .clone()
            .unwrap_or_else(|| self.digest_hash.of(&self.content()));
        let id = sequence(&[&octets(&Hash::Sha256.of(&self.signer))]);
        vec![
            Self::attribute(CONTENT_TYPE, &object_identifier(&self.content_type)),
            Self::attribute(MESSAGE_DIGEST, &octets(&digest)),
            Self::attribute(SIGNING_CERTIFICATE_V2, &sequence(&[&sequence(&[&id])])),
        ]
    }

    /// The timestamp in DER, signed by an authority's key.
    pub fn sealed_by(&self, authority: &TimeAuthority) -> Vec<u8> {
        let content = self.content();
        let attributes = self.attributes.clone().unwrap_or_else(|| self.usual_attributes());
        let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
        let signed = set(&attributes);
        let signature = authority.key.sign(&signed);
        let mut attributes = signed;
        attributes[0] = 0xa0;
        let signer = sequence(&[
            &integer(1),
            &self.signer_id,
            &self.digest_hash.algorithm(),
            &attributes,
            &authority.key.algorithm(),
            &octets(&signature),
        ]);
        let signers = vec![signer.as_slice(); self.signers];
        let certificates = match self.certificates.is_empty() {
            true => Vec::new(),
            false => element(0xa0, &self.certificates.concat()),
        };
        let data = sequence(&[
            &integer(3),
            &set(&[&self.digest_hash.algorithm()]),
            &sequence(&[&object_identifier(&self.content_type), &explicit(0, &octets(&content))]),
            &certificates,
            &set(&signers),
        ]);
        let token = sequence(&[&object_identifier(SIGNED_DATA), &explicit(0, &data)]);
        match self.status {
            None => token,
            Some(status) => sequence(&[&sequence(&[&integer(status)]), &token]),
        }
    }

    /// A signer named by issuer and number.
    pub fn named(issuer: &str, serial: u64) -> Vec<u8> {
        sequence(&[&name(issuer), &integer(serial)])
    }
}
