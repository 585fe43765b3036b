//! What attestations say, by type: typed where this project knows the type, and kept as a document where it does not.
//!
//! A policy reads [`Attestation::typed`](crate::Attestation::typed), which is verified. Fields that a type does not know are
//! passed over, as in-toto's parsing rules want it; a field that it needs and does not find is an error.

mod material;
mod names;
mod provenance;
mod sbom;
mod summary;
mod testing;
mod vex;
mod vulnerability;

use countersign_image::text::excerpt;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;

pub use material::{Digests, Material};
pub use names::{COSIGN_SIGN, SHORT_NAMES, uri_of};
pub use provenance::{Provenance, Source};
pub use sbom::{Package, Sbom, SbomFormat};
pub use summary::{SimpleResult, SimpleVerifier, SummaryOutcome, VerificationSummary};
pub use testing::{TestOutcome, TestResult};
pub use vex::{Vex, VexStatement, VexStatus};
pub use vulnerability::{Finding, Scanner, Score, VulnerabilityDatabase, VulnerabilityScan};

use self::names::Kind;

/// A predicate, read as what its type says it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// How the image was built: SLSA provenance 0.2 or 1.
    Provenance(Provenance),
    /// A verifier's summary: SLSA's verification summary 1.
    Summary(VerificationSummary),
    /// A verifier's simple result: in-toto's 0.1 or 0.2.
    SimpleResult(SimpleResult),
    /// What a scanner found: cosign's vulnerability predicate, or in-toto's 0.1 or 0.2.
    Vulnerabilities(VulnerabilityScan),
    /// Which vulnerabilities matter: `OpenVEX`.
    Vex(Vex),
    /// What the image consists of: SPDX or `CycloneDX`.
    Sbom(Sbom),
    /// How tests ended: in-toto's test result 0.1.
    Tests(TestResult),
    /// A type that is not known here. What it says is in the attestation, as written.
    Other,
}

impl Predicate {
    /// Reads a document that nobody wrapped in a statement. The caller has read all of it strictly.
    pub fn of_document(predicate_type: &str, document: &str) -> Result<Self, PredicateError> {
        Self::of_text(predicate_type, document)
    }

    /// Reads `predicate` as `predicate_type` says.
    pub(crate) fn read(predicate_type: &str, predicate: &RawValue) -> Result<Self, PredicateError> {
        Self::of_text(predicate_type, predicate.get())
    }

    fn of_text(predicate_type: &str, text: &str) -> Result<Self, PredicateError> {
        let Some(kind) = Kind::of(predicate_type) else {
            return Ok(Self::Other);
        };
        let predicate = Written { predicate_type, text };
        Ok(match kind {
            Kind::Provenance02 => Self::Provenance(provenance::read_02(&predicate)?),
            Kind::Provenance1 => Self::Provenance(provenance::read_1(&predicate)?),
            Kind::Summary => Self::Summary(predicate.as_it_is()?),
            Kind::SimpleResult => Self::SimpleResult(predicate.as_it_is()?),
            Kind::CosignVulnerabilities => Self::Vulnerabilities(vulnerability::read_cosign(&predicate)?),
            Kind::Vulnerabilities => Self::Vulnerabilities(vulnerability::read_in_toto(&predicate)?),
            Kind::Vex => Self::Vex(vex::read(&predicate)?),
            Kind::Spdx => Self::Sbom(sbom::read_spdx(&predicate)?),
            Kind::CycloneDx => Self::Sbom(sbom::read_cyclonedx(&predicate)?),
            Kind::Tests => Self::Tests(predicate.as_it_is()?),
        })
    }
}

/// A predicate as written. [`Statement::parse`](crate::Statement::parse) has read all of it strictly.
struct Written<'a> {
    predicate_type: &'a str,
    text: &'a str,
}

impl Written<'_> {
    fn as_it_is<T: DeserializeOwned>(&self) -> Result<T, PredicateError> {
        serde_json::from_str(self.text).map_err(|error| self.fault(&error.to_string()))
    }

    fn fault(&self, detail: &str) -> PredicateError {
        PredicateError::Malformed {
            predicate_type: excerpt(self.predicate_type, 200),
            detail: excerpt(detail, 200),
        }
    }
}

/// Why a predicate is not what its type says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// A field is missing, or of another form than the type's specification says.
    #[error("the predicate is not what `{predicate_type}` says it is: {detail}")]
    Malformed {
        /// The type, shortened.
        predicate_type: String,
        /// What is wrong, shortened.
        detail: String,
    },
    /// There are more of something than are read.
    #[error("the predicate has {found} {what}, and {limit} are read at most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
}

#[cfg(test)]
mod tests;
