//! Authorities that issue certificates.

use jiff::{Timestamp, ToSpan as _};

use crate::certificate::{Extension, San, Spec, oid};
use crate::key::{Key, Kind};
use crate::log::CtLog;

/// An authority: a key, its certificate, and those above it.
pub struct Authority {
    /// Its key.
    pub key: Key,
    /// What is in its certificate.
    pub spec: Spec,
    /// Its certificate in DER.
    pub certificate: Vec<u8>,
    /// The certificates above it, the root last.
    pub above: Vec<Vec<u8>>,
}

impl Authority {
    /// A root, valid for years around a moment.
    pub fn root(subject: &str, kind: Kind, now: Timestamp) -> Self {
        let key = Key::new(kind);
        let mut spec = Spec::new(subject, &key, now - 20_000.hours(), now + 80_000.hours())
            .with(Extension::key_usage(0x06))
            .with(Extension::basic_constraints(true, None));
        spec.serial = 1;
        let certificate = spec.signed_by(&key);
        Self {
            key,
            spec,
            certificate,
            above: Vec::new(),
        }
    }

    /// What is in the certificate of an authority below it, for a purpose.
    pub fn below_spec(&self, subject: &str, key: &Key, purpose: &str, now: Timestamp) -> Spec {
        let mut spec = Spec::new(subject, key, now - 10_000.hours(), now + 40_000.hours())
            .with(Extension::key_usage(0x06))
            .with(Extension::extended_key_usage(&[purpose]))
            .with(Extension::basic_constraints(true, Some(0)));
        spec.issuer = self.spec.subject.clone();
        spec.serial = 2;
        spec
    }

    /// An authority below it, for a purpose.
    pub fn below(&self, subject: &str, kind: Kind, purpose: &str, now: Timestamp) -> Self {
        let key = Key::new(kind);
        let spec = self.below_spec(subject, &key, purpose, now);
        self.certified(key, spec)
    }

    /// An authority below it, with a certificate of any content.
    pub fn certified(&self, key: Key, spec: Spec) -> Self {
        Self {
            certificate: spec.signed_by(&self.key),
            key,
            spec,
            above: self.chain(),
        }
    }

    /// Its certificate and those above it, the root last.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        [std::slice::from_ref(&self.certificate), &self.above].concat()
    }

    /// What Fulcio would write into a certificate for a key: valid for ten minutes, without a subject but with names.
    pub fn leaf(&self, key: &Key, names: &[San<'_>], from: Timestamp) -> Spec {
        let mut spec = Spec::new("", key, from, from + 10.minutes())
            .with(Extension::key_usage(0x80))
            .with(Extension::extended_key_usage(&[oid::CODE_SIGNING]))
            .with(Extension::names(names));
        spec.issuer = self.spec.subject.clone();
        spec
    }

    /// The certificate in DER.
    pub fn issue(&self, spec: &Spec) -> Vec<u8> {
        spec.signed_by(&self.key)
    }

    /// The certificate in DER, with promises of logs in it.
    pub fn issue_logged(&self, spec: Spec, logs: &[&CtLog], time: Timestamp) -> Vec<u8> {
        let scts: Vec<Vec<u8>> = logs.iter().map(|log| log.promise(&spec, self, time)).collect();
        self.issue(&spec.with(CtLog::list(&scts)))
    }
}
