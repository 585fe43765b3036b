//! A list of contents: read as an attestation of it would be, with what it says it is about.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use jiff::Timestamp;

use super::each::{ALL, each};
use super::{Class, Format, Report, ReportError, Tool, digest_in, document, null_is_default};

pub(super) fn read(bytes: &[u8], format: Format) -> Result<Report, ReportError> {
    let about: About = document(bytes, format)?;
    let wrong = |detail: &str| Err(ReportError::malformed(format, detail));
    let mut report = Report::of(format, Class::Sbom);
    report.tools = about.tools();
    let version = about.spec_version.as_str().or(about.spdx_version.as_str());
    report.format_version = version.map(|version| version.trim_start_matches("SPDX-").to_owned());
    report.subject.digests = about.digests();
    match format {
        Format::Spdx => {
            match about.spdx_version.as_str() {
                Some(version) if version.starts_with("SPDX-") => {}
                _ => return wrong("`spdxVersion` does not begin with `SPDX-`"),
            }
            report.time = about.creation_info.created;
            let mut count = 0;
            each(bytes, format, &["packages", ALL], |_, package: Described| {
                count += 1;
                // Only a few of a list are containers: the image itself.
                if package.primary_package_purpose.as_deref() == Some("CONTAINER") {
                    report
                        .subject
                        .digests
                        .extend(package.version_info.as_deref().and_then(digest_in));
                }
                Ok(())
            })?;
            report.components = Some(count);
        }
        _ => {
            if about.bom_format.as_str() != Some("CycloneDX") {
                return wrong("`bomFormat` is not `CycloneDX`");
            }
            if about.spec_version.as_str().is_none() {
                return wrong("`specVersion` is missing");
            }
            report.time = about.metadata.timestamp;
            report.components = Some(about.components.0);
        }
    }
    Ok(report)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(default)]
    bom_format: Value,
    #[serde(default)]
    spec_version: Value,
    #[serde(default)]
    spdx_version: Value,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "null_is_default")]
    creation_info: CreationInfo,
    #[serde(default, deserialize_with = "null_is_default")]
    components: Counted,
}

/// How many components there are, those inside of others among them. Each is looked at as it passes, and has a name.
#[derive(Clone, Copy, Default)]
struct Counted(usize);

/// A component in a list, of which only that it has a name matters, and what is inside of it.
#[derive(Deserialize)]
struct Listed {
    #[expect(dead_code, reason = "that it has a name is what matters")]
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    components: Counted,
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Components;
        impl<'de> Visitor<'de> for Components {
            type Value = usize;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of components")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
                let mut count = 0;
                while let Some(component) = list.next_element::<Listed>()? {
                    count += 1 + component.components.0;
                }
                Ok(count)
            }
        }
        deserializer.deserialize_seq(Components).map(Self)
    }
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    timestamp: Option<Timestamp>,
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
    #[serde(default)]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "null_is_default")]
    creators: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    #[expect(dead_code, reason = "that it has a name is what matters")]
    #[serde(alias = "packageName")]
    name: String,
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
pub(super) fn digest_of_purl(purl: &str) -> Option<String> {
    let version = purl
        .strip_prefix("pkg:oci/")?
        .split(['?', '#'])
        .next()?
        .rsplit_once('@')?
        .1;
    digest_in(&version.replacen("%3A", ":", 1).replacen("%3a", ":", 1))
}
