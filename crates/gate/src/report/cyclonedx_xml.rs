//! `CycloneDX` as XML: what is counted and compared of it is what is of its JSON.

use std::collections::BTreeSet;

use super::xml::{Part, walk};
use super::{Class, Format, Report, ReportError, Tool, digest_in, sbom, time};

/// What the format's namespace begins with; its version follows.
const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

pub(super) fn read(bytes: &[u8]) -> Result<Report, ReportError> {
    let mut report = Report::of(Format::CycloneDxXml, Class::Sbom);
    let mut components = 0_usize;
    let mut digests = BTreeSet::new();
    let mut text = String::new();
    let mut tool = Tool::default();
    let mut created = None;
    walk(bytes, Format::CycloneDxXml, |part, names| {
        match part {
            Part::Open(element) => {
                text.clear();
                if names.is_empty() {
                    report.format_version = Some(version(element)?);
                }
                let path: Vec<&str> = names.iter().map(|name| local(name)).collect();
                if local(element.name().as_ref()) == "component" && listed(&path) {
                    components += 1;
                }
            }
            Part::Text(more) => {
                // No value that is compared is longer.
                if text.len() < 4096 {
                    text.push_str(more);
                }
            }
            Part::Close(name) => {
                let path: Vec<&str> = names.iter().map(|name| local(name)).collect();
                let value = text.trim();
                match (path.as_slice(), local(name)) {
                    (["bom", "metadata"], "timestamp") => created = time(Some(value)),
                    (["bom", "metadata", "component"], "version") => digests.extend(digest_in(value)),
                    (["bom", "metadata", "component"], "purl") => digests.extend(sbom::digest_of_purl(value)),
                    (["bom", "metadata", "component", "properties"], "property") => digests.extend(digest_in(value)),
                    (
                        ["bom", "metadata", "tools", "tool"] | ["bom", "metadata", "tools", "components", "component"],
                        "name",
                    ) => {
                        value.clone_into(&mut tool.name);
                    }
                    (
                        ["bom", "metadata", "tools", "tool"] | ["bom", "metadata", "tools", "components", "component"],
                        "version",
                    ) => {
                        tool.version = Some(value.to_owned());
                    }
                    (["bom", "metadata", "tools"], "tool")
                    | (["bom", "metadata", "tools", "components"], "component") => {
                        report.tools.push(std::mem::take(&mut tool));
                    }
                    _ => {}
                }
                text.clear();
            }
        }
        Ok(())
    })?;
    report.time = created;
    report.subject.digests = digests;
    report.components = Some(components);
    Ok(report)
}

/// Without the prefix of a namespace.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Whether a component there is in the list of contents, itself or inside of another component.
fn listed(path: &[&str]) -> bool {
    let mut left = path;
    while let [rest @ .., "component", "components"] = left {
        left = rest;
    }
    left == ["bom", "components"]
}

/// The format's version, which its namespace ends with.
fn version(element: &quick_xml::events::BytesStart<'_>) -> Result<String, ReportError> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| ReportError::malformed(Format::CycloneDxXml, &error.to_string()))?;
        let name: &str = attribute.key.as_ref();
        let is_namespace = name == "xmlns" || name.starts_with("xmlns:");
        if let Some(version) = attribute.value.strip_prefix(NAMESPACE).filter(|_| is_namespace) {
            return Ok(version.trim_end_matches('/').to_owned());
        }
    }
    Err(ReportError::Unknown)
}
