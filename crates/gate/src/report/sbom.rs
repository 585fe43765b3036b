//! A list of contents: read as an attestation of it would be, with what it says it is about.

use countersign_evidence::predicate::{Predicate, Sbom};
use serde::Deserialize;
use serde_json::Value;

use super::{Class, Format, Report, ReportError, Tool, digest_in, document, null_is_default};

pub(super) fn read(bytes: &[u8], format: Format) -> Result<Report, ReportError> {
    let predicate_type = match format {
        Format::Spdx => "https://spdx.dev/Document",
        _ => "https://cyclonedx.org/bom",
    };
    let text = std::str::from_utf8(bytes).map_err(|error| ReportError::malformed(format, &error.to_string()))?;
    let sbom = match Predicate::of_document(predicate_type, text) {
        Ok(Predicate::Sbom(sbom)) => sbom,
        Ok(_) => return Err(ReportError::Unknown),
        Err(error) => return Err(ReportError::malformed(format, &error.to_string())),
    };
    let about: About = document(bytes, format)?;
    let mut report = of(&sbom, format);
    report.tools = about.tools();
    let version = about.spec_version.as_deref().or(about.spdx_version.as_deref());
    report.format_version = version.map(|version| version.trim_start_matches("SPDX-").to_owned());
    report.subject.digests = about.digests();
    Ok(report)
}

/// What a list says, wherever it stood.
pub(super) fn of(sbom: &Sbom, format: Format) -> Report {
    let mut report = Report::of(format, Class::Sbom);
    report.time = sbom.created;
    report.components = Some(sbom.packages.len());
    report
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(default)]
    spec_version: Option<String>,
    #[serde(default)]
    spdx_version: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "null_is_default")]
    creation_info: CreationInfo,
    #[serde(default, deserialize_with = "null_is_default")]
    packages: Vec<Described>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    component: Option<Component>,
    #[serde(default)]
    tools: Value,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    value: Option<String>,
}

#[derive(Default, Deserialize)]
struct CreationInfo {
    #[serde(default, deserialize_with = "null_is_default")]
    creators: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    primary_package_purpose: Option<String>,
    #[serde(default)]
    version_info: Option<String>,
}

impl About {
    fn tools(&self) -> Vec<Tool> {
        let named = |value: &Value| Some(tool(value["name"].as_str()?, value["version"].as_str()));
        // A list until CycloneDX 1.4, an object with a list since.
        let lists = [&self.metadata.tools, &self.metadata.tools["components"]];
        let of_cyclonedx = lists
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(named);
        let creators = self.creation_info.creators.iter().filter_map(Value::as_str);
        let of_spdx = creators.filter_map(|creator| Some(tool(creator.strip_prefix("Tool: ")?, None)));
        of_cyclonedx.chain(of_spdx).collect()
    }

    fn digests(&self) -> std::collections::BTreeSet<String> {
        let mut digests = std::collections::BTreeSet::new();
        if let Some(component) = &self.metadata.component {
            let properties = component
                .properties
                .iter()
                .filter_map(|property| property.value.as_deref());
            let texts = component.version.as_deref().into_iter().chain(properties);
            digests.extend(texts.filter_map(digest_in));
            digests.extend(component.purl.as_deref().and_then(digest_of_purl));
        }
        let containers = self.packages.iter();
        let containers = containers.filter(|package| package.primary_package_purpose.as_deref() == Some("CONTAINER"));
        digests.extend(containers.filter_map(|package| digest_in(package.version_info.as_deref()?)));
        digests
    }
}

fn tool(name: &str, version: Option<&str>) -> Tool {
    Tool {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    }
}

/// `pkg:oci/name@sha256%3A<hex>?…`
fn digest_of_purl(purl: &str) -> Option<String> {
    let version = purl
        .strip_prefix("pkg:oci/")?
        .split(['?', '#'])
        .next()?
        .rsplit_once('@')?
        .1;
    digest_in(&version.replacen("%3A", ":", 1).replacen("%3a", ":", 1))
}
