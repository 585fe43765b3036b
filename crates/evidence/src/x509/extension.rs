//! Extensions of certificates: which there are, and what those say that limit a key (RFC 5280, section 4.2).

use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader};

use super::{Certificate, Unreadable, sequence};

pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(crate) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(crate) const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// The signed certificate timestamps (RFC 6962, section 3.3).
pub(crate) const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// What a key may be for (RFC 5280, section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    CodeSigning,
    TimeStamping,
}

impl Purpose {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
            Self::TimeStamping => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
        }
    }

    /// The content of its object identifier in DER.
    pub(crate) fn encoded(self) -> &'static [u8] {
        match self {
            Self::CodeSigning => &[0x2b, 6, 1, 5, 5, 7, 3, 3],
            Self::TimeStamping => &[0x2b, 6, 1, 5, 5, 7, 3, 8],
        }
    }
}

/// An extension of a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) kind: ObjectIdentifier,
    pub(crate) critical: bool,
    /// What is in its OCTET STRING.
    pub(crate) value: &'a [u8],
    /// The extension as it is.
    pub(crate) der: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, Unreadable> {
        let mut fields = SliceReader::new(sequence(der)?)?;
        let kind = fields.decode()?;
        let critical: Option<bool> = fields.decode()?;
        let value: OctetStringRef<'a> = fields.decode()?;
        fields.finish(())?;
        Ok(Self {
            kind,
            critical: critical.unwrap_or_default(),
            value: value.as_bytes(),
            der,
        })
    }
}

/// What may be done with a key (RFC 5280, section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUsage(u8);

impl KeyUsage {
    pub(crate) fn digital_signature(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(crate) fn non_repudiation(self) -> bool {
        self.0 & 0x40 != 0
    }

    pub(crate) fn cert_sign(self) -> bool {
        self.0 & 0x04 != 0
    }
}

/// Whether a certificate is an authority's, and how many authorities may be below it (RFC 5280, section 4.2.1.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) is_ca: bool,
    pub(crate) path_len: Option<u8>,
}

impl Certificate<'_> {
    pub(crate) fn key_usage(&self) -> Result<Option<KeyUsage>, Unreadable> {
        let Some(extension) = self.extension(KEY_USAGE) else {
            return Ok(None);
        };
        let bits = BitStringRef::from_der(extension.value)?;
        Ok(Some(KeyUsage(bits.raw_bytes().first().copied().unwrap_or_default())))
    }

    pub(crate) fn basic_constraints(&self) -> Result<BasicConstraints, Unreadable> {
        let Some(extension) = self.extension(BASIC_CONSTRAINTS) else {
            return Ok(BasicConstraints::default());
        };
        let mut fields = SliceReader::new(sequence(extension.value)?)?;
        let is_ca: Option<bool> = fields.decode()?;
        let path_len = fields.decode()?;
        fields.finish(())?;
        Ok(BasicConstraints {
            is_ca: is_ca.unwrap_or_default(),
            path_len,
        })
    }

    /// What its key is for; `None` if nothing is said.
    pub(crate) fn purposes(&self) -> Result<Option<Vec<ObjectIdentifier>>, Unreadable> {
        let Some(extension) = self.extension(EXTENDED_KEY_USAGE) else {
            return Ok(None);
        };
        let mut list = SliceReader::new(sequence(extension.value)?)?;
        let mut purposes = Vec::new();
        while !list.is_finished() {
            purposes.push(list.decode()?);
        }
        Ok(Some(purposes))
    }

    /// What keeps this certificate from being an authority's that issues certificates for a purpose, if anything does.
    pub(crate) fn flaw_as_authority(&self, purpose: Purpose) -> Result<Option<&'static str>, Unreadable> {
        if !self.basic_constraints()?.is_ca {
            return Ok(Some("it is not an authority's"));
        }
        if self.key_usage()?.is_some_and(|usage| !usage.cert_sign()) {
            return Ok(Some("its key is not for signing certificates"));
        }
        let serves = |purposes: Vec<ObjectIdentifier>| {
            purposes.contains(&purpose.oid()) || purposes.contains(&ANY_EXTENDED_KEY_USAGE)
        };
        if !self.purposes()?.is_none_or(serves) {
            return Ok(Some("it may not issue certificates for this purpose"));
        }
        if self.extension(NAME_CONSTRAINTS).is_some() {
            return Ok(Some("it has name constraints, which are not supported"));
        }
        if self.unknown_critical().is_some() {
            return Ok(Some("it has a critical extension that is not known"));
        }
        Ok(None)
    }

    /// A critical extension that is none of those that we act on.
    pub(crate) fn unknown_critical(&self) -> Option<ObjectIdentifier> {
        const KNOWN: &[ObjectIdentifier] = &[KEY_USAGE, SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE];
        let mut critical = self.extensions.iter().filter(|extension| extension.critical);
        critical
            .find(|extension| !KNOWN.contains(&extension.kind))
            .map(|extension| extension.kind)
    }
}
