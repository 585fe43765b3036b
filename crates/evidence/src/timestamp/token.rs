//! The bytes of a timestamp: a TimeStampResp or TimeStampToken (RFC 3161), which is a SignedData (RFC 5652) around a
//! TSTInfo. Read in place, so that what was signed is what is read.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use jiff::Timestamp;
use spki::AlgorithmIdentifierRef;

use super::error::TimestampError;
use crate::key::Hash;
use crate::x509::{algorithm, element, sequence, time};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// The most certificates in a timestamp.
const MAX_CERTIFICATES: usize = 16;
/// The most attributes of its signer.
const MAX_ATTRIBUTES: usize = 32;

type Read<T> = Result<T, TimestampError>;

/// What a timestamp says, believed by nobody.
pub(super) struct Token<'a> {
    /// The TSTInfo in DER.
    pub(super) content: &'a [u8],
    pub(super) info: Info<'a>,
    /// What was brought: certificates in DER.
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) signer: Signer<'a>,
}

/// A TSTInfo (RFC 3161, section 2.4.2). Policy, number, accuracy, ordering, nonce and name decide nothing.
pub(super) struct Info<'a> {
    pub(super) hash: Hash,
    pub(super) imprint: &'a [u8],
    pub(super) time: Timestamp,
}

/// A SignerInfo (RFC 5652, section 5.3).
pub(super) struct Signer<'a> {
    pub(super) id: SignerId<'a>,
    /// The hash of the message digest attribute.
    pub(super) hash: Hash,
    /// The signed attributes as they were signed: as a SET.
    pub(super) attributes: Vec<u8>,
    pub(super) message_digest: &'a [u8],
    /// Which certificate signed, by its hash (RFC 2634, RFC 5035).
    pub(super) certificate_hash: CertificateHash<'a>,
    pub(super) algorithm: AlgorithmIdentifierRef<'a>,
    pub(super) signature: &'a [u8],
}

/// Whom a SignerInfo names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignerId<'a> {
    /// The issuer's Name and the serial number, each in DER.
    Issued { issuer: &'a [u8], serial: &'a [u8] },
    /// The subject key identifier, without tag and length.
    Key(&'a [u8]),
}

/// The hash of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateHash<'a> {
    Sha1(&'a [u8]),
    Sha2(Hash, &'a [u8]),
}

fn malformed(what: &'static str) -> TimestampError {
    TimestampError::Malformed {
        detail: what.to_owned(),
    }
}

impl From<der::Error> for TimestampError {
    fn from(error: der::Error) -> Self {
        Self::Malformed {
            detail: error.to_string(),
        }
    }
}

impl<'a> Token<'a> {
    /// Reads a TimeStampResp that was granted, or the TimeStampToken in one.
    pub(super) fn read(der: &'a [u8]) -> Read<Self> {
        let mut fields = SliceReader::new(sequence(der)?)?;
        if fields.peek_tag()? == Tag::ObjectIdentifier {
            return Self::content_info(fields);
        }
        let status = element(&mut fields, Tag::Sequence)?;
        let status: u32 = SliceReader::new(sequence(status)?)?.decode()?;
        // granted, grantedWithMods
        if !matches!(status, 0 | 1) {
            return Err(TimestampError::NotGranted { status });
        }
        let token = element(&mut fields, Tag::Sequence)?;
        fields.finish(())?;
        Self::content_info(SliceReader::new(sequence(token)?)?)
    }

    fn content_info(mut fields: SliceReader<'a>) -> Read<Self> {
        if fields.decode::<ObjectIdentifier>()? != SIGNED_DATA {
            return Err(malformed("it is not signed data"));
        }
        let wrapper = context(&mut fields, TagNumber::N0)?.ok_or_else(|| malformed("it has no content"))?;
        fields.finish(())?;
        let mut fields = SliceReader::new(sequence(wrapper)?)?;
        let _version: u8 = fields.decode()?;
        element(&mut fields, Tag::Set)?;
        let content = encapsulated(element(&mut fields, Tag::Sequence)?)?;
        let certificates = context(&mut fields, TagNumber::N0)?.map(certificates).transpose()?;
        context(&mut fields, TagNumber::N1)?;
        let signers = AnyRef::from_der(element(&mut fields, Tag::Set)?)?.value();
        fields.finish(())?;
        let mut signers = SliceReader::new(signers)?;
        let signer = Signer::read(element(&mut signers, Tag::Sequence)?)?;
        if !signers.is_finished() {
            return Err(malformed("it has two signers, and a timestamp has one"));
        }
        Ok(Self {
            content,
            info: Info::read(content)?,
            certificates: certificates.unwrap_or_default(),
            signer,
        })
    }
}

/// The content of a constructed element `[number]`, if it is next.
fn context<'a>(fields: &mut SliceReader<'a>, number: TagNumber) -> Read<Option<&'a [u8]>> {
    if fields.is_finished() {
        return Ok(None);
    }
    let tag = fields.peek_tag()?;
    if !(tag.is_context_specific() && tag.is_constructed() && tag.number() == number) {
        return Ok(None);
    }
    let any: AnyRef<'a> = fields.decode()?;
    Ok(Some(any.value()))
}

/// The TSTInfo in an EncapsulatedContentInfo.
fn encapsulated(der: &[u8]) -> Read<&[u8]> {
    let mut fields = SliceReader::new(sequence(der)?)?;
    if fields.decode::<ObjectIdentifier>()? != TST_INFO {
        return Err(malformed("its content is not a timestamp's"));
    }
    let content = context(&mut fields, TagNumber::N0)?.ok_or_else(|| malformed("it has no content"))?;
    fields.finish(())?;
    Ok(OctetStringRef::from_der(content)?.as_bytes())
}

/// The certificates of a CertificateSet; attribute certificates and the like are passed over.
fn certificates(set: &[u8]) -> Read<Vec<&[u8]>> {
    let mut reader = SliceReader::new(set)?;
    let mut certificates = Vec::new();
    while !reader.is_finished() {
        let is_certificate = reader.peek_tag()? == Tag::Sequence;
        let certificate = reader.tlv_bytes()?;
        if certificates.len() == MAX_CERTIFICATES {
            return Err(malformed("it has more certificates than are read"));
        }
        if is_certificate {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> Read<Self> {
        let mut fields = SliceReader::new(sequence(der)?)?;
        if fields.decode::<u8>()? != 1 {
            return Err(malformed("it is not of version 1"));
        }
        let _policy: ObjectIdentifier = fields.decode()?;
        let mut imprint = SliceReader::new(sequence(element(&mut fields, Tag::Sequence)?)?)?;
        let hash = hash(&imprint.decode()?)?;
        let hashed: OctetStringRef<'a> = imprint.decode()?;
        imprint.finish(())?;
        element(&mut fields, Tag::Integer)?;
        let time = AnyRef::from_der(element(&mut fields, Tag::GeneralizedTime)?)?.value();
        let time = time::with_fraction(time).ok_or_else(|| malformed("its time is not as RFC 3161 has it"))?;
        while !fields.is_finished() {
            let field: AnyRef<'a> = fields.decode()?;
            if field.tag().is_context_specific() && field.tag().number() == TagNumber::N1 {
                refuse_critical(field.value())?;
            }
        }
        Ok(Self {
            hash,
            imprint: hashed.as_bytes(),
            time,
        })
    }
}

/// Extensions of a timestamp say nothing to us, and one that is critical must not be passed over (RFC 3161, 2.4.2).
fn refuse_critical(extensions: &[u8]) -> Read<()> {
    let mut list = SliceReader::new(extensions)?;
    while !list.is_finished() {
        let mut fields = SliceReader::new(sequence(list.tlv_bytes()?)?)?;
        let _kind: ObjectIdentifier = fields.decode()?;
        if fields.decode::<Option<bool>>()?.unwrap_or_default() {
            return Err(malformed("it has a critical extension that is not known"));
        }
    }
    Ok(())
}

fn hash(algorithm: &AlgorithmIdentifierRef<'_>) -> Read<Hash> {
    algorithm::hash(algorithm).ok_or_else(|| TimestampError::Algorithm {
        oid: algorithm.oid.to_string(),
    })
}

impl<'a> Signer<'a> {
    fn read(der: &'a [u8]) -> Read<Self> {
        let mut fields = SliceReader::new(sequence(der)?)?;
        let _version: u8 = fields.decode()?;
        let id = SignerId::read(&mut fields)?;
        let hash = hash(&fields.decode()?)?;
        let attributes = fields.peek_tag()?;
        if !(attributes.is_context_specific() && attributes.is_constructed() && attributes.number() == TagNumber::N0) {
            return Err(malformed("its signer has signed no attributes"));
        }
        let attributes = fields.tlv_bytes()?;
        let algorithm = fields.decode()?;
        let signature: OctetStringRef<'a> = fields.decode()?;
        context(&mut fields, TagNumber::N1)?;
        fields.finish(())?;
        let read = Attributes::read(AnyRef::from_der(attributes)?.value())?;
        // RFC 5652, section 5.4: what is signed has the tag of a SET, and not that under which it is here.
        let mut attributes = attributes.to_vec();
        attributes[0] = 0x31;
        Ok(Self {
            id,
            hash,
            attributes,
            message_digest: read.message_digest,
            certificate_hash: read.certificate_hash,
            algorithm,
            signature: signature.as_bytes(),
        })
    }
}

impl<'a> SignerId<'a> {
    fn read(fields: &mut SliceReader<'a>) -> Read<Self> {
        if fields.peek_tag()? != Tag::Sequence {
            let key: AnyRef<'a> = fields.decode()?;
            let is_key = matches!(
                key.tag(),
                Tag::ContextSpecific {
                    constructed: false,
                    number: TagNumber::N0
                }
            );
            return is_key
                .then(|| Self::Key(key.value()))
                .ok_or_else(|| malformed("its signer is not named"));
        }
        let mut names = SliceReader::new(sequence(fields.tlv_bytes()?)?)?;
        let issuer = element(&mut names, Tag::Sequence)?;
        let serial = element(&mut names, Tag::Integer)?;
        names.finish(())?;
        Ok(Self::Issued { issuer, serial })
    }
}

/// What the signed attributes say.
struct Attributes<'a> {
    message_digest: &'a [u8],
    certificate_hash: CertificateHash<'a>,
}

impl<'a> Attributes<'a> {
    /// Reads the content of a SET OF Attribute: each kind once, and the two that must be there (RFC 5652, section 11).
    fn read(set: &'a [u8]) -> Read<Self> {
        let mut reader = SliceReader::new(set)?;
        let mut seen = Vec::new();
        let (mut content_type, mut message_digest, mut v1, mut v2) = (None, None, None, None);
        while !reader.is_finished() {
            let mut fields = SliceReader::new(sequence(reader.tlv_bytes()?)?)?;
            let kind: ObjectIdentifier = fields.decode()?;
            let values = AnyRef::from_der(element(&mut fields, Tag::Set)?)?.value();
            fields.finish(())?;
            if seen.contains(&kind) || seen.len() == MAX_ATTRIBUTES {
                return Err(malformed("its signer has signed an attribute twice, or too many"));
            }
            seen.push(kind);
            match kind {
                // Each of these has one value: `from_der` refuses what is behind it.
                CONTENT_TYPE => content_type = Some(ObjectIdentifier::from_der(values)?),
                MESSAGE_DIGEST => message_digest = Some(OctetStringRef::from_der(values)?.as_bytes()),
                SIGNING_CERTIFICATE => v1 = Some(CertificateHash::Sha1(certificate_id(values)?.1)),
                SIGNING_CERTIFICATE_V2 => {
                    let (hash, value) = certificate_id(values)?;
                    v2 = Some(CertificateHash::Sha2(hash, value));
                }
                _ => {}
            }
        }
        if content_type != Some(TST_INFO) {
            return Err(malformed("its signer has signed another type of content"));
        }
        Ok(Self {
            message_digest: message_digest.ok_or_else(|| malformed("its signer has signed no digest"))?,
            // RFC 3161, section 2.4.2: it must be there.
            certificate_hash: v2
                .or(v1)
                .ok_or_else(|| malformed("its signer says not which certificate is its own"))?,
        })
    }
}

/// The hash in the first ESSCertID or ESSCertIDv2 of a signing certificate attribute, which is the signer's (RFC 5035).
fn certificate_id(der: &[u8]) -> Read<(Hash, &[u8])> {
    let mut fields = SliceReader::new(sequence(der)?)?;
    let mut list = SliceReader::new(sequence(element(&mut fields, Tag::Sequence)?)?)?;
    let mut id = SliceReader::new(sequence(element(&mut list, Tag::Sequence)?)?)?;
    let hash = if id.peek_tag()? == Tag::Sequence {
        hash(&id.decode()?)?
    } else {
        Hash::Sha256
    };
    let value: OctetStringRef<'_> = id.decode()?;
    Ok((hash, value.as_bytes()))
}
