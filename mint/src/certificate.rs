//! Certificates, from what is to be in them; also from what should not.

use jiff::Timestamp;

use crate::der::{bits, element, explicit, integer, name, object_identifier, octets, sequence, time, utf8};
use crate::key::Key;

/// Object identifiers.
pub mod oid {
    /// For signing code.
    pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
    /// For signing times.
    pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
    /// For TLS servers.
    pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
    /// What a key may do.
    pub const KEY_USAGE: &str = "2.5.29.15";
    /// Names of the subject.
    pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
    /// Whether it is an authority's.
    pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    /// What a key is for.
    pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    /// The promises of certificate transparency logs.
    pub const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
    /// Fulcio's extensions, with a number behind it.
    pub const FULCIO: &str = "1.3.6.1.4.1.57264.1";
}

/// An extension.
#[derive(Clone, Debug)]
pub struct Extension {
    /// Its object identifier.
    pub oid: String,
    /// Whether it is critical.
    pub critical: bool,
    /// What is in its OCTET STRING.
    pub value: Vec<u8>,
}

impl Extension {
    /// An extension that is not critical.
    pub fn new(oid: impl Into<String>, value: Vec<u8>) -> Self {
        Self {
            oid: oid.into(),
            critical: false,
            value,
        }
    }

    /// The same, critical.
    pub fn critical(self) -> Self {
        Self { critical: true, ..self }
    }

    /// What a key may do: `0x80` signs, `0x04` signs certificates.
    pub fn key_usage(usage: u8) -> Self {
        let unused = u8::try_from(usage.trailing_zeros().min(7)).unwrap();
        Self::new(oid::KEY_USAGE, element(3, &[unused, usage])).critical()
    }

    /// What a key is for.
    pub fn extended_key_usage(purposes: &[&str]) -> Self {
        let purposes: Vec<u8> = purposes.iter().flat_map(|purpose| object_identifier(purpose)).collect();
        Self::new(oid::EXTENDED_KEY_USAGE, sequence(&[&purposes]))
    }

    /// Whether it is an authority's, and how many may be below.
    pub fn basic_constraints(is_ca: bool, path_len: Option<u64>) -> Self {
        let is_ca = if is_ca { element(1, &[0xff]) } else { Vec::new() };
        let path_len = path_len.map(integer).unwrap_or_default();
        Self::new(oid::BASIC_CONSTRAINTS, sequence(&[&is_ca, &path_len])).critical()
    }

    /// Names of the subject.
    pub fn names(names: &[San<'_>]) -> Self {
        let names: Vec<u8> = names.iter().flat_map(San::encode).collect();
        Self::new(oid::SUBJECT_ALT_NAME, sequence(&[&names])).critical()
    }

    /// One of Fulcio's: up to 6 the text itself, after that a UTF8String.
    pub fn fulcio(number: u32, text: &str) -> Self {
        let value = if number <= 6 {
            text.as_bytes().to_vec()
        } else {
            utf8(text)
        };
        Self::new(format!("{}.{number}", oid::FULCIO), value)
    }

    fn encode(&self) -> Vec<u8> {
        let critical = if self.critical { element(1, &[0xff]) } else { Vec::new() };
        sequence(&[&object_identifier(&self.oid), &critical, &octets(&self.value)])
    }
}

/// A name in a subject alternative name.
#[derive(Clone, Copy, Debug)]
pub enum San<'a> {
    /// An e-mail address.
    Email(&'a str),
    /// A DNS name.
    Dns(&'a str),
    /// A URI.
    Uri(&'a str),
    /// A name under an object identifier, as a UTF8String.
    Other(&'a str, &'a str),
    /// Any element.
    Raw(u8, &'a [u8]),
}

impl San<'_> {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Email(text) => element(0x81, text.as_bytes()),
            Self::Dns(text) => element(0x82, text.as_bytes()),
            Self::Uri(text) => element(0x86, text.as_bytes()),
            Self::Other(oid, text) => explicit(0, &[object_identifier(oid), explicit(0, &utf8(text))].concat()),
            Self::Raw(tag, content) => element(*tag, content),
        }
    }
}

/// What is to be in a certificate.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The version as it is written: 2 for version 3.
    pub version: u64,
    /// The number.
    pub serial: u64,
    /// The issuer's Name in DER.
    pub issuer: Vec<u8>,
    /// The first second of its validity.
    pub not_before: Timestamp,
    /// The last second of its validity.
    pub not_after: Timestamp,
    /// The subject's Name in DER.
    pub subject: Vec<u8>,
    /// The SubjectPublicKeyInfo in DER.
    pub spki: Vec<u8>,
    /// The extensions, in their order.
    pub extensions: Vec<Extension>,
    /// The AlgorithmIdentifier that the signed part names, where it is not that of the signature.
    pub algorithm: Option<Vec<u8>>,
}

impl Spec {
    /// A certificate of version 3 without extensions, for a key.
    pub fn new(subject: &str, key: &Key, not_before: Timestamp, not_after: Timestamp) -> Self {
        Self {
            version: 2,
            serial: 4711,
            issuer: name(subject),
            not_before,
            not_after,
            subject: name(subject),
            spki: key.spki(),
            extensions: Vec::new(),
            algorithm: None,
        }
    }

    /// The same with another extension, instead of one of its kind where there is one.
    pub fn with(mut self, extension: Extension) -> Self {
        match self.extensions.iter_mut().find(|other| other.oid == extension.oid) {
            Some(other) => *other = extension,
            None => self.extensions.push(extension),
        }
        self
    }

    /// The same without an extension.
    pub fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|extension| extension.oid != oid);
        self
    }

    /// What an issuer signs, in DER.
    pub fn to_be_signed(&self, issuer: &Key) -> Vec<u8> {
        let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::encode).collect();
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => explicit(3, &sequence(&[&extensions])),
        };
        sequence(&[
            &explicit(0, &integer(self.version)),
            &integer(self.serial),
            &self.algorithm.clone().unwrap_or_else(|| issuer.algorithm()),
            &self.issuer,
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &self.subject,
            &self.spki,
            &extensions,
        ])
    }

    /// The certificate in DER, signed by a key.
    pub fn signed_by(&self, issuer: &Key) -> Vec<u8> {
        let tbs = self.to_be_signed(issuer);
        let signature = issuer.sign(&tbs);
        sequence(&[&tbs, &issuer.algorithm(), &bits(&signature)])
    }
}
