//! X.509 certificates (RFC 5280) as bytes: read in place, so that what was signed is what is read, and paths from one of
//! them to an authority.

pub(crate) mod algorithm;
pub(crate) mod anchor;
mod brought;
pub(crate) mod extension;
pub(crate) mod name;
pub(crate) mod path;
#[cfg(test)]
mod tests;
pub(crate) mod time;

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode as _, ErrorKind, Reader as _, SliceReader, Tag, TagNumber};
use jiff::Timestamp;
use spki::AlgorithmIdentifierRef;

use extension::Extension;

/// The largest certificate that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// The most extensions of a certificate.
const MAX_EXTENSIONS: usize = 64;

/// A certificate, read in place and believed by nobody.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    /// The certificate as it is.
    pub(crate) der: &'a [u8],
    /// What its issuer has signed.
    pub(crate) tbs: &'a [u8],
    /// The content of that before its extensions.
    pub(crate) before_extensions: &'a [u8],
    /// Its number, as an INTEGER in DER.
    pub(crate) serial: &'a [u8],
    /// Who issued it, as a Name in DER.
    pub(crate) issuer: &'a [u8],
    /// Whom it names, as a Name in DER.
    pub(crate) subject: &'a [u8],
    /// The SubjectPublicKeyInfo.
    pub(crate) spki: &'a [u8],
    /// The first second of its validity.
    pub(crate) not_before: Timestamp,
    /// The last second of its validity.
    pub(crate) not_after: Timestamp,
    /// Its extensions, no two of one kind.
    pub(crate) extensions: Vec<Extension<'a>>,
    /// How its issuer signed.
    pub(crate) algorithm: AlgorithmIdentifierRef<'a>,
    /// The issuer's signature.
    pub(crate) signature: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate of version 3 in DER.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, Unreadable> {
        if der.len() > MAX_BYTES {
            return Err(Unreadable::TooLong { found: der.len() });
        }
        let mut outer = SliceReader::new(sequence(der)?)?;
        let tbs = outer.tlv_bytes()?;
        let algorithm_der = outer.tlv_bytes()?;
        let signature: BitStringRef<'_> = outer.decode()?;
        outer.finish(())?;
        let signature = signature
            .as_bytes()
            .ok_or(Unreadable::Says("its signature has unused bits"))?;

        let body = sequence(tbs)?;
        let mut fields = SliceReader::new(body)?;
        let version: Option<u8> = fields.context_specific(TagNumber::N0, der::TagMode::Explicit)?;
        if version != Some(2) {
            return Err(Unreadable::Says("it is not of version 3"));
        }
        let serial = element(&mut fields, Tag::Integer)?;
        if element(&mut fields, Tag::Sequence)? != algorithm_der {
            return Err(Unreadable::Says("it names two signature algorithms"));
        }
        let issuer = element(&mut fields, Tag::Sequence)?;
        let (not_before, not_after) = time::validity(element(&mut fields, Tag::Sequence)?)?;
        let subject = element(&mut fields, Tag::Sequence)?;
        let spki = element(&mut fields, Tag::Sequence)?;
        let before_extensions = &body[..usize::try_from(fields.position())?];
        let extensions = extensions(&mut fields)?;
        fields.finish(())?;
        Ok(Self {
            der,
            tbs,
            before_extensions,
            serial,
            issuer,
            subject,
            spki,
            not_before,
            not_after,
            extensions,
            algorithm: AlgorithmIdentifierRef::from_der(algorithm_der)?,
            signature,
        })
    }

    /// Its number without the tag, as it is mostly written.
    pub(crate) fn serial_number(&self) -> &'a [u8] {
        match self.serial {
            // RFC 5280, section 4.1.2.2: at most 20 bytes, so that one byte says how many.
            [_, length, content @ ..] if usize::from(*length) == content.len() => content,
            other => other,
        }
    }

    /// Whether a moment is within its validity, both ends included (RFC 5280, section 4.1.2.5).
    pub(crate) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// Whether it names its own issuer: a root.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The extension of a kind.
    pub(crate) fn extension(&self, kind: spki::ObjectIdentifier) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.kind == kind)
    }
}

fn extensions<'a>(fields: &mut SliceReader<'a>) -> Result<Vec<Extension<'a>>, Unreadable> {
    if fields.is_finished() {
        return Ok(Vec::new());
    }
    let wrapper: AnyRef<'a> = fields.decode()?;
    let is_three = |tag: Tag| tag.is_context_specific() && tag.is_constructed() && tag.number() == TagNumber::N3;
    if !is_three(der::Tagged::tag(&wrapper)) {
        return Err(Unreadable::Says("it has a unique identifier, which nobody uses"));
    }
    let mut list = SliceReader::new(sequence(wrapper.value())?)?;
    let mut extensions: Vec<Extension<'a>> = Vec::with_capacity(24);
    while !list.is_finished() {
        let extension = Extension::read(list.tlv_bytes()?)?;
        if extensions.iter().any(|other| other.kind == extension.kind) {
            return Err(Unreadable::Says("it has an extension twice"));
        }
        if extensions.len() == MAX_EXTENSIONS {
            return Err(Unreadable::Says("it has more extensions than are read"));
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

/// The content of a SEQUENCE that is all of the bytes.
pub(crate) fn sequence(der: &[u8]) -> Result<&[u8], der::Error> {
    let any = AnyRef::from_der(der)?;
    der::Tagged::tag(&any).assert_eq(Tag::Sequence)?;
    Ok(any.value())
}

/// The next element with its tag and length.
pub(crate) fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8], der::Error> {
    reader.peek_tag()?.assert_eq(tag)?;
    reader.tlv_bytes()
}

/// An element in DER: tag, length, content.
pub(crate) fn encoded(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let mut der = Vec::with_capacity(length + 6);
    der.push(tag);
    let bytes = length.to_be_bytes();
    let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            der.extend_from_slice(significant);
        }
    }
    for part in content {
        der.extend_from_slice(part);
    }
    der
}

/// Why bytes are not a certificate that we read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLong { found: usize },
    Der(String),
    Says(&'static str),
}

impl Unreadable {
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::TooLong { found } => format!("it has {found} bytes, and {MAX_BYTES} are the most"),
            Self::Der(detail) => detail.clone(),
            Self::Says(detail) => (*detail).to_owned(),
        }
    }
}

impl From<der::Error> for Unreadable {
    fn from(error: der::Error) -> Self {
        Self::Der(error.to_string())
    }
}

impl From<ErrorKind> for Unreadable {
    fn from(kind: ErrorKind) -> Self {
        Self::Der(kind.to_string())
    }
}
