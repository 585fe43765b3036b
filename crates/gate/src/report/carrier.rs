//! What may be signed around a report. Reading a report looks at no signature: who wants to rest on one verifies it.

use countersign_evidence::{Bundle, BundleContent, Envelope, Statement};
use countersign_image::json;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Format, ReportError};

/// A report's signed form, whose signature nobody has looked at yet.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// A DSSE envelope.
    Envelope(Box<Envelope>),
    /// A Sigstore bundle.
    Bundle(Box<Bundle>),
}

impl Carrier {
    pub(super) fn read(bytes: &[u8], format: Format) -> Result<Self, ReportError> {
        let malformed = |error: &dyn std::fmt::Display| ReportError::malformed(format, &error.to_string());
        match format {
            Format::Envelope => Envelope::parse(bytes)
                .map(|envelope| Self::Envelope(Box::new(envelope)))
                .map_err(|error| malformed(&error)),
            Format::Bundle => Bundle::parse(bytes)
                .map(|bundle| Self::Bundle(Box::new(bundle)))
                .map_err(|error| malformed(&error)),
            _ => Err(ReportError::Unknown),
        }
    }

    /// The envelope: to be verified. A bundle that signs a digest has none, and carries no report.
    pub fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::Envelope(envelope) => Some(envelope),
            Self::Bundle(bundle) => match bundle.content() {
                BundleContent::Envelope(envelope) => Some(envelope),
                _ => None,
            },
        }
    }

    /// The statement inside: only its submitter's word until the envelope was verified.
    pub fn unverified_statement(&self) -> Result<Statement, ReportError> {
        let format = match self {
            Self::Envelope(_) => Format::Envelope,
            Self::Bundle(_) => Format::Bundle,
        };
        let envelope = self.envelope().ok_or(ReportError::Unknown)?;
        Statement::parse(envelope.unverified_payload())
            .map_err(|error| ReportError::malformed(format, &error.to_string()))
    }
}

/// The fields that make a signed form of something, also where nothing else of it is known.
#[derive(Deserialize)]
struct Signed {
    #[serde(default, rename = "payloadType")]
    envelope: Option<IgnoredAny>,
    #[serde(default, rename = "dsseEnvelope")]
    bundle: Option<IgnoredAny>,
}

/// The signed form of a report, if it has one: as [`Report::read`](super::Report::read) takes it, or
/// [`Report::custom`](super::Report::custom).
pub fn carrier(bytes: &[u8]) -> Result<Option<Carrier>, ReportError> {
    let bytes = super::without_mark(bytes);
    let format = match Format::of(bytes) {
        Err(ReportError::Unknown) => match json::strict::<Signed>(bytes) {
            Ok(Signed { envelope: Some(_), .. }) => Format::Envelope,
            Ok(Signed { bundle: Some(_), .. }) => Format::Bundle,
            _ => return Ok(None),
        },
        format => format?,
    };
    match format {
        Format::Envelope | Format::Bundle => Carrier::read(bytes, format).map(Some),
        _ => Ok(None),
    }
}
