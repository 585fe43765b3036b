//! What a report is, by what it says.

use countersign_image::json;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::ReportError;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// SARIF 2.1.0, of any tool.
    Sarif,
    /// Trivy's JSON, schema 2.
    Trivy,
    /// Grype's JSON.
    Grype,
    /// Semgrep's JSON.
    Semgrep,
    /// gitleaks' JSON.
    Gitleaks,
    /// `CycloneDX` as JSON.
    CycloneDx,
    /// SPDX 2 as JSON.
    Spdx,
    /// A DSSE envelope.
    Envelope,
    /// A Sigstore bundle.
    Bundle,
    /// An in-toto statement without a signature.
    Statement,
    /// The predicate of cosign's vulnerability attestation by itself, as its users write it into a file.
    CosignVulnerabilities,
    /// `JUnit`'s XML.
    JUnit,
    /// A document of an organisation's own, which only a gate recognises.
    Custom,
}

impl Format {
    /// All that are recognised by themselves.
    pub const ALL: [Self; 12] = [
        Self::Sarif,
        Self::Trivy,
        Self::Grype,
        Self::Semgrep,
        Self::Gitleaks,
        Self::CycloneDx,
        Self::Spdx,
        Self::Envelope,
        Self::Bundle,
        Self::Statement,
        Self::CosignVulnerabilities,
        Self::JUnit,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sarif => "SARIF 2.1.0",
            Self::Trivy => "Trivy's JSON",
            Self::Grype => "Grype's JSON",
            Self::Semgrep => "Semgrep's JSON",
            Self::Gitleaks => "gitleaks' JSON",
            Self::CycloneDx => "CycloneDX",
            Self::Spdx => "SPDX 2",
            Self::Envelope => "a DSSE envelope",
            Self::Bundle => "a Sigstore bundle",
            Self::Statement => "an in-toto statement",
            Self::CosignVulnerabilities => "cosign's vulnerability predicate",
            Self::JUnit => "JUnit's XML",
            Self::Custom => "a document of an organisation's own",
        }
    }

    /// Which format the bytes are in. All of a JSON document is read strictly on the way.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ReportError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Err(ReportError::Empty),
            Some(b'<') => Ok(Self::JUnit),
            Some(b'[') => {
                json::strict::<Vec<IgnoredAny>>(bytes).map_err(ReportError::Json)?;
                Ok(Self::Gitleaks)
            }
            Some(b'n') => {
                json::strict::<()>(bytes).map_err(ReportError::Json)?;
                Ok(Self::Gitleaks)
            }
            Some(_) => json::strict::<Markers>(bytes).map_err(ReportError::Json)?.format(),
        }
    }
}

/// The fields that tell formats apart. A text that is not one is no marker, and no error.
#[derive(Deserialize)]
struct Markers {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    runs: Present,
    #[serde(default, rename = "SchemaVersion")]
    schema_version: Text,
    #[serde(default, rename = "ArtifactName")]
    artifact_name: Present,
    #[serde(default)]
    matches: Present,
    #[serde(default)]
    descriptor: Present,
    #[serde(default)]
    results: Present,
    #[serde(default)]
    errors: Present,
    #[serde(default, rename = "bomFormat")]
    bom_format: Present,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Present,
    #[serde(default, rename = "payloadType")]
    payload_type: Present,
    #[serde(default, rename = "mediaType")]
    media_type: Text,
    #[serde(default, rename = "_type")]
    statement: Text,
    #[serde(default)]
    scanner: Present,
    #[serde(default)]
    metadata: Present,
}

impl Markers {
    fn format(&self) -> Result<Format, ReportError> {
        let bundle = self.media_type.begins("application/vnd.dev.sigstore.bundle");
        let formats = [
            (self.version.is("2.1.0") && self.runs.0, Format::Sarif),
            (self.schema_version.is("2") && self.artifact_name.0, Format::Trivy),
            (self.matches.0 && self.descriptor.0, Format::Grype),
            (self.results.0 && self.errors.0, Format::Semgrep),
            (self.bom_format.0, Format::CycloneDx),
            (self.spdx_version.0, Format::Spdx),
            (self.payload_type.0, Format::Envelope),
            (bundle, Format::Bundle),
            (
                self.statement.begins("https://in-toto.io/Statement/"),
                Format::Statement,
            ),
            (self.scanner.0 && self.metadata.0, Format::CosignVulnerabilities),
        ];
        // What could be two things is neither: two readers would take it for different ones.
        let mut fitting = formats.into_iter().filter(|(fits, _)| *fits).map(|(_, format)| format);
        match (fitting.next(), fitting.next()) {
            (Some(format), None) => Ok(format),
            _ => Err(ReportError::Unknown),
        }
    }
}

/// Whether a field is there.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// A field that is a text or a number, or something else that does not matter.
#[derive(Default)]
struct Text(Option<String>);

impl Text {
    fn is(&self, text: &str) -> bool {
        self.0.as_deref() == Some(text)
    }

    fn begins(&self, prefix: &str) -> bool {
        self.0.as_deref().is_some_and(|text| text.starts_with(prefix))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = serde_json::from_str(raw.get()).ok();
        Ok(Self(text.or_else(|| {
            serde_json::from_str::<u64>(raw.get())
                .ok()
                .map(|number| number.to_string())
        })))
    }
}
