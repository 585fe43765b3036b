//! Whom a certificate names: subjects, issuer, claims.

use std::fmt;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use super::claims::{Claims, fulcio_number, utf8_string};
use crate::x509::{Certificate, extension, sequence};

/// Fulcio's kind of name for a user (its `docs/oid-info.md`).
const USER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
/// The most names of a certificate.
const MAX_SUBJECTS: usize = 64;

/// A name in a certificate's subject alternative name (RFC 5280, section 4.2.1.6), exactly as it is written there: neither
/// folded nor trimmed nor unescaped. A name with a control character, such as NUL or a line end, is no name: the
/// certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An e-mail address.
    Email(String),
    /// A URI: of a workflow, or of a SPIFFE workload.
    Uri(String),
    /// A DNS name.
    Dns(String),
    /// A name of another kind, under Fulcio's 1.3.6.1.4.1.57264.1.7: a user name.
    OtherName(String),
}

impl Subject {
    /// The name without its kind.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(name) | Self::Uri(name) | Self::Dns(name) | Self::OtherName(name) => name,
        }
    }

    /// The kind: `email`, `uri`, `dns` or `other name`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Dns(_) => "dns",
            Self::OtherName(_) => "other name",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Every name of the four kinds, in the certificate's order.
    pub subjects: Vec<Subject>,
    /// Who vouched for the name to the authority: the OIDC issuer (1.3.6.1.4.1.57264.1.1 and .1.8, which say the same where
    /// both are there).
    pub issuer: Option<String>,
    /// What else the issuer said.
    pub claims: Claims,
}

impl Identity {
    /// Reads what a certificate says, or says what is wrong with it.
    pub(super) fn of(certificate: &Certificate<'_>) -> Result<Self, &'static str> {
        let (mut old, mut new) = (None, None);
        let mut identity = Self {
            subjects: Vec::new(),
            issuer: None,
            claims: Claims::default(),
        };
        for extension in &certificate.extensions {
            if extension.kind == extension::SUBJECT_ALT_NAME {
                identity.subjects = subjects(extension.value)?;
                continue;
            }
            match fulcio_number(&extension.kind) {
                None => {}
                Some(1) => old = Some(std::str::from_utf8(extension.value).map_err(|_| "its issuer is not UTF-8")?),
                Some(8) => new = Some(utf8_string(extension.value).ok_or("its issuer is not a UTF8String")?),
                Some(number) => identity.claims.read(number, extension.value)?,
            }
        }
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            return Err("it names two issuers, one in each of Fulcio's extensions");
        }
        identity.issuer = new.or(old).map(named).transpose()?;
        Ok(identity)
    }
}

/// The names of a SubjectAltName that are of our four kinds.
fn subjects(value: &[u8]) -> Result<Vec<Subject>, &'static str> {
    const UNREADABLE: &str = "its subject alternative name is not DER";
    let mut names = SliceReader::new(sequence(value).map_err(|_| UNREADABLE)?).map_err(|_| UNREADABLE)?;
    let mut subjects = Vec::new();
    while !names.is_finished() {
        let name: AnyRef<'_> = names.decode().map_err(|_| UNREADABLE)?;
        let subject = match name.tag() {
            Tag::ContextSpecific {
                constructed: true,
                number: TagNumber::N0,
            } => match other_name(name.value()) {
                Some(Some(name)) => Subject::OtherName(named(name)?),
                Some(None) => continue,
                None => return Err(UNREADABLE),
            },
            Tag::ContextSpecific {
                constructed: false,
                number,
            } => match number {
                TagNumber::N1 => Subject::Email(ascii(name.value())?),
                TagNumber::N2 => Subject::Dns(ascii(name.value())?),
                TagNumber::N6 => Subject::Uri(ascii(name.value())?),
                _ => continue,
            },
            Tag::ContextSpecific { .. } => continue,
            _ => return Err(UNREADABLE),
        };
        if subjects.len() == MAX_SUBJECTS {
            return Err("it has more names than are read");
        }
        subjects.push(subject);
    }
    Ok(subjects)
}

/// The content of an OtherName: `Some(None)` if it is of a kind that is not Fulcio's.
fn other_name(content: &[u8]) -> Option<Option<&str>> {
    let mut fields = SliceReader::new(content).ok()?;
    let kind: ObjectIdentifier = fields.decode().ok()?;
    let value: AnyRef<'_> = fields.decode().ok()?;
    fields.finish(()).ok()?;
    let is_explicit = matches!(
        value.tag(),
        Tag::ContextSpecific {
            constructed: true,
            number: TagNumber::N0
        }
    );
    if kind != USER_NAME {
        return Some(None);
    }
    is_explicit.then(|| utf8_string(value.value())).flatten().map(Some)
}

/// An IA5String.
fn ascii(value: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
    named(text.ok_or("a name of it is not ASCII")?)
}

/// A text that names somebody. One with a control character is taken for another by who reads to the NUL, and by a pattern
/// that ends at a line end.
fn named(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("a name of it is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("a name of it has a control character");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_to_the_byte() {
        for name in ["Foo@Example.COM", " a ", "a%00b", "https://x/..%2f", "xn--bcher-kva"] {
            assert_eq!(named(name).as_deref(), Ok(name));
        }
        for name in ["", "a\0b", "a\n", "\ra", "a\u{7f}", "a\u{85}"] {
            assert!(named(name).is_err(), "{name:?}");
        }
    }
}
