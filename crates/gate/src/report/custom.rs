//! Documents of an organisation's own: any JSON, or any in-toto statement. Nothing is in them that a gate did not say it
//! looks for.

use countersign_evidence::{Bundle, BundleContent, Envelope, Statement};
use countersign_image::json;
use serde_json::Value;

use super::{Class, Format, MAX_BYTES, Report, ReportError, digest_in};

/// The largest document of an organisation's own, in bytes: all of it is kept for its conditions.
const MAX_CUSTOM: usize = 8 * 1024 * 1024;

/// A document of an organisation's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomDocument {
    /// The report that it is: of the class `custom`, about the subjects of a statement, with the predicate type as its tool's
    /// name.
    pub report: Report,
    /// The predicate type, of a statement.
    pub predicate_type: Option<String>,
    /// What is in it; of a statement its predicate.
    pub document: Value,
}

impl Report {
    /// Reads a document that [`Report::read`] does not know, for gates that recognise it.
    pub fn custom(bytes: &[u8]) -> Result<CustomDocument, ReportError> {
        let format = Format::Custom;
        if bytes.len() > MAX_CUSTOM {
            return Err(ReportError::TooLarge {
                limit: MAX_CUSTOM.min(MAX_BYTES),
                found: bytes.len(),
            });
        }
        let bytes = super::without_mark(bytes);
        let document: Value = json::strict(bytes).map_err(ReportError::Json)?;
        let malformed = |error: &dyn std::fmt::Display| ReportError::malformed(format, &error.to_string());
        let statement = if document.get("payloadType").is_some() {
            let envelope = Envelope::parse(bytes).map_err(|error| malformed(&error))?;
            Some(Statement::parse(envelope.unverified_payload()))
        } else if document.get("dsseEnvelope").is_some() {
            let bundle = Bundle::parse(bytes).map_err(|error| malformed(&error))?;
            let BundleContent::Envelope(envelope) = bundle.content() else {
                return Err(ReportError::Unknown);
            };
            Some(Statement::parse(envelope.unverified_payload()))
        } else if document.get("predicateType").is_some() {
            Some(Statement::parse(bytes))
        } else {
            None
        };
        let mut report = Self::of(format, Class::Custom);
        let Some(statement) = statement else {
            return Ok(CustomDocument {
                report,
                predicate_type: None,
                document,
            });
        };
        let statement = statement.map_err(|error| malformed(&error))?;
        let digests = statement.subjects.iter().flat_map(|subject| &subject.digest);
        for (algorithm, hex) in digests {
            if algorithm == "gitCommit" || algorithm == "sha1" {
                report.subject.commit = Some(hex.clone());
            }
            report.subject.digests.extend(digest_in(&format!("{algorithm}:{hex}")));
        }
        Ok(CustomDocument {
            report,
            document: json::strict(statement.predicate.get().as_bytes()).map_err(ReportError::Json)?,
            predicate_type: Some(statement.predicate_type),
        })
    }
}
