//! `spec.authorities[]` as written.

use super::{Expression, MAX_OF_AUTHORITY, Text, item, items};
use crate::document::faults::Faults;
use crate::document::fields::{Field, Fields};
use crate::document::tree::Mark;

/// `spec.authorities[]`.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) at: Mark,
    pub(crate) name: Option<Text>,
    pub(crate) key: Option<Field<Key>>,
    pub(crate) keyless: Option<Field<Keyless>>,
    pub(crate) fixed: Option<Field<Fixed>>,
    pub(crate) sources: Option<Field<Vec<Source>>>,
    pub(crate) ctlog: Option<Field<TransparencyLog>>,
    pub(crate) timestamp: Option<Field<Timestamps>>,
    pub(crate) attestations: Option<Field<Vec<Attestation>>>,
    pub(crate) format: Option<Text>,
}

/// `key`, and `keyless.ca-cert`, which has the same fields.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) data: Option<Text>,
    pub(crate) kms: Option<Text>,
    pub(crate) secret: Option<Field<SecretRef>>,
    pub(crate) hash: Option<Text>,
}

/// `secretRef`.
#[derive(Debug)]
pub(crate) struct SecretRef {
    pub(crate) name: Option<Text>,
}

/// `keyless`.
#[derive(Debug)]
pub(crate) struct Keyless {
    pub(crate) url: Option<Text>,
    pub(crate) ca: Option<Field<Key>>,
    pub(crate) identities: Option<Field<Vec<Identity>>>,
    pub(crate) trust_root: Option<Text>,
    pub(crate) ignore_sct: Option<Field<bool>>,
}

/// `keyless.identities[]`.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) at: Mark,
    pub(crate) issuer: Option<Text>,
    pub(crate) issuer_pattern: Option<Text>,
    pub(crate) subject: Option<Text>,
    pub(crate) subject_pattern: Option<Text>,
}

/// `static`.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) action: Option<Text>,
    pub(crate) message: Option<Text>,
}

/// `source[]`.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) oci: Option<Text>,
    pub(crate) tag_prefix: Option<Text>,
    pub(crate) pull_secrets: Vec<PullSecret>,
}

/// `source[].signaturePullSecrets[]`.
#[derive(Debug)]
pub(crate) struct PullSecret {
    pub(crate) at: Mark,
    pub(crate) name: Option<Text>,
}

/// `ctlog`.
#[derive(Debug)]
pub(crate) struct TransparencyLog {
    pub(crate) url: Option<Text>,
    pub(crate) trust_root: Option<Text>,
}

/// `rfc3161timestamp`.
#[derive(Debug)]
pub(crate) struct Timestamps {
    pub(crate) trust_root: Option<Text>,
}

/// `attestations[]`.
#[derive(Debug)]
pub(crate) struct Attestation {
    pub(crate) at: Mark,
    pub(crate) name: Option<Text>,
    pub(crate) predicate_type: Option<Text>,
    pub(crate) policy: Option<Field<Expression>>,
}

impl Authority {
    pub(super) fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let authority = Self {
            at: fields.at(),
            name: fields.text("name", faults),
            key: fields.mapping("key", faults, Key::read),
            keyless: fields.mapping("keyless", faults, Keyless::read),
            fixed: fields.mapping("static", faults, Fixed::read),
            sources: fields.list("source", MAX_OF_AUTHORITY, faults, item(Source::read)),
            ctlog: fields.mapping("ctlog", faults, TransparencyLog::read),
            timestamp: fields.mapping("rfc3161timestamp", faults, Timestamps::read),
            attestations: fields.list("attestations", MAX_OF_AUTHORITY, faults, item(Attestation::read)),
            format: fields.text("signatureFormat", faults),
        };
        fields.finish(faults);
        authority
    }
}

impl Key {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let key = Self {
            data: fields.text("data", faults),
            kms: fields.text("kms", faults),
            secret: fields.mapping("secretRef", faults, SecretRef::read),
            hash: fields.text("hashAlgorithm", faults),
        };
        fields.finish(faults);
        key
    }
}

impl SecretRef {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let name = fields.text("name", faults);
        fields.text("namespace", faults);
        fields.finish(faults);
        Self { name }
    }
}

impl Keyless {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let keyless = Self {
            url: fields.text("url", faults),
            ca: fields.mapping("ca-cert", faults, Key::read),
            identities: fields.list("identities", MAX_OF_AUTHORITY, faults, item(Identity::read)),
            trust_root: fields.text("trustRootRef", faults),
            ignore_sct: fields.flag("insecureIgnoreSCT", faults),
        };
        fields.finish(faults);
        keyless
    }
}

impl Identity {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let identity = Self {
            at: fields.at(),
            issuer: fields.text("issuer", faults),
            issuer_pattern: fields.text("issuerRegExp", faults),
            subject: fields.text("subject", faults),
            subject_pattern: fields.text("subjectRegExp", faults),
        };
        fields.finish(faults);
        identity
    }
}

impl Fixed {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let fixed = Self {
            action: fields.text("action", faults),
            message: fields.text("message", faults),
        };
        fields.finish(faults);
        fixed
    }
}

impl Source {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let secrets = fields.list("signaturePullSecrets", MAX_OF_AUTHORITY, faults, item(PullSecret::read));
        let source = Self {
            oci: fields.text("oci", faults),
            tag_prefix: fields.text("tagPrefix", faults),
            pull_secrets: items(secrets),
        };
        fields.finish(faults);
        source
    }
}

impl PullSecret {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let secret = Self {
            at: fields.at(),
            name: fields.text("name", faults),
        };
        fields.finish(faults);
        secret
    }
}

impl TransparencyLog {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let log = Self {
            url: fields.text("url", faults),
            trust_root: fields.text("trustRootRef", faults),
        };
        fields.finish(faults);
        log
    }
}

impl Timestamps {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let trust_root = fields.text("trustRootRef", faults);
        fields.finish(faults);
        Self { trust_root }
    }
}

impl Attestation {
    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Self {
        let attestation = Self {
            at: fields.at(),
            name: fields.text("name", faults),
            predicate_type: fields.text("predicateType", faults),
            policy: fields.mapping("policy", faults, Expression::read),
        };
        fields.finish(faults);
        attestation
    }
}
