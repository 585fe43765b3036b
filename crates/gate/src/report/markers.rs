//! What a report is, by what it says.

use std::fmt;

use countersign_image::json;
use quick_xml::events::Event;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
    /// OSV-Scanner's JSON.
    OsvScanner,
    /// Semgrep's JSON.
    Semgrep,
    /// gitleaks' JSON.
    Gitleaks,
    /// `TruffleHog`'s lines of JSON.
    TruffleHog,
    /// A security report of GitLab's.
    GitLab,
    /// `CycloneDX` as JSON.
    CycloneDx,
    /// `CycloneDX` as XML.
    CycloneDxXml,
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
    /// CTRF.
    Ctrf,
    /// `trivy version -f json`, which says when Trivy's database was made.
    TrivyVersion,
    /// `OpenVEX` or CSAF VEX: what somebody says does not matter. It proves nothing.
    Vex,
    /// A document of an organisation's own, which only a gate recognises.
    Custom,
}

impl Format {
    /// All that are recognised by themselves.
    pub const ALL: [Self; 19] = [
        Self::Sarif,
        Self::Trivy,
        Self::Grype,
        Self::OsvScanner,
        Self::Semgrep,
        Self::Gitleaks,
        Self::TruffleHog,
        Self::GitLab,
        Self::CycloneDx,
        Self::CycloneDxXml,
        Self::Spdx,
        Self::Envelope,
        Self::Bundle,
        Self::Statement,
        Self::CosignVulnerabilities,
        Self::JUnit,
        Self::Ctrf,
        Self::TrivyVersion,
        Self::Vex,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sarif => "SARIF 2.1.0",
            Self::Trivy => "Trivy's JSON",
            Self::Grype => "Grype's JSON",
            Self::OsvScanner => "OSV-Scanner's JSON",
            Self::Semgrep => "Semgrep's JSON",
            Self::Gitleaks => "gitleaks' JSON",
            Self::TruffleHog => "TruffleHog's JSON",
            Self::GitLab => "a security report of GitLab's",
            Self::CycloneDx => "CycloneDX",
            Self::CycloneDxXml => "CycloneDX as XML",
            Self::Spdx => "SPDX 2",
            Self::Envelope => "a DSSE envelope",
            Self::Bundle => "a Sigstore bundle",
            Self::Statement => "an in-toto statement",
            Self::CosignVulnerabilities => "cosign's vulnerability predicate",
            Self::JUnit => "JUnit's XML",
            Self::Custom => "a document of an organisation's own",
            Self::Ctrf => "CTRF",
            Self::TrivyVersion => "`trivy version -f json`",
            Self::Vex => "OpenVEX or CSAF VEX",
        }
    }

    /// Which format the bytes are in. All of a JSON document is read strictly on the way.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, ReportError> {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Ok(Self::TruffleHog),
            Some(b'<') => xml(bytes),
            Some(b'[') => {
                json::strict::<Vec<IgnoredAny>>(bytes).map_err(ReportError::Json)?;
                Ok(Self::Gitleaks)
            }
            Some(b'n') => {
                json::strict::<()>(bytes).map_err(ReportError::Json)?;
                Ok(Self::Gitleaks)
            }
            Some(_) => match json::strict::<Markers>(bytes) {
                Ok(markers) => markers.format(),
                Err(error) => lines_of(bytes).ok_or(ReportError::Json(error)),
            },
        }
    }
}

/// What is no document may be lines of which each is one: then the first says what they are, and their reader reads each
/// of them strictly.
fn lines_of(bytes: &[u8]) -> Option<Format> {
    let first = super::trufflehog::lines(bytes).next()?;
    let format = json::strict::<Markers>(first).ok()?.format().ok()?;
    (format == Format::TruffleHog).then_some(format)
}

/// XML is told apart by its first element.
fn xml(bytes: &[u8]) -> Result<Format, ReportError> {
    let mut reader = quick_xml::Reader::from_reader(bytes);
    loop {
        let event = reader.read_event();
        match event.map_err(|error| ReportError::malformed(Format::JUnit, &error.to_string()))? {
            Event::Start(element) | Event::Empty(element) => {
                let is_bom = element.name().as_ref() == "bom" || element.name().as_ref().ends_with(":bom");
                return Ok(if is_bom { Format::CycloneDxXml } else { Format::JUnit });
            }
            Event::DocType(_) => return Err(ReportError::DocumentType),
            Event::Eof => return Err(ReportError::Unknown),
            _ => {}
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
    #[serde(default)]
    experimental_config: Present,
    #[serde(default)]
    scan: Present,
    #[serde(default)]
    vulnerabilities: Present,
    #[serde(default, rename = "reportFormat")]
    report_format: Text,
    #[serde(default, rename = "@context")]
    context: Text,
    #[serde(default, deserialize_with = "csaf")]
    document: Csaf,
    #[serde(default, rename = "DetectorName")]
    detector_name: Present,
    #[serde(default, rename = "SourceMetadata")]
    source_metadata: Present,
    #[serde(default, rename = "Verified")]
    verified: Present,
    #[serde(default, rename = "Version")]
    trivy: Present,
    #[serde(default, rename = "VulnerabilityDB")]
    database: Present,
}

/// Something else under that name is another format's.
fn csaf<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Csaf, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Csaf(Csaf),
        Other(IgnoredAny),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Csaf(csaf) => csaf,
        Written::Other(_) => Csaf::default(),
    })
}

/// The head of a CSAF document.
#[derive(Default, Deserialize)]
struct Csaf {
    #[serde(default)]
    category: Text,
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
            (self.results.0 && self.experimental_config.0, Format::OsvScanner),
            (
                self.detector_name.0 && self.source_metadata.0 && self.verified.0,
                Format::TruffleHog,
            ),
            (
                self.version.0.is_some() && self.scan.0 && self.vulnerabilities.0,
                Format::GitLab,
            ),
            (self.results.0 && self.report_format.is("CTRF"), Format::Ctrf),
            (self.trivy.0 && self.database.0, Format::TrivyVersion),
            (
                self.context.begins("https://openvex.dev/ns") || self.document.category.is("csaf_vex"),
                Format::Vex,
            ),
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Short)
    }
}

/// Reads a text without holding more of it than a marker has.
struct Short;

impl<'de> Visitor<'de> for Short {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.chars().take(100).collect())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
        Ok(Text(Some(number.to_string())))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Text, A::Error> {
        IgnoredAny.visit_seq(list).map(|_| Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        IgnoredAny.visit_map(map).map(|_| Text(None))
    }
}
