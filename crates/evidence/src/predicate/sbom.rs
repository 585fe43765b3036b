//! What an image consists of: SPDX 2 and `CycloneDX` as JSON.
//!
//! The formats are `spdx.github.io/spdx-spec/v2.3` and `cyclonedx.org/docs/1.6/json`. SPDX 3 is a graph of another form, and
//! is refused by name.

use countersign_image::json;
use jiff::Timestamp;
use serde::Deserialize;

use super::material::{MAX_ENTRIES, cap};
use super::{PredicateError, Written};

/// A list of what an image consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sbom {
    /// Its format.
    pub format: SbomFormat,
    /// The format's version, as written.
    pub version: String,
    /// When it was made, by its own word.
    pub created: Option<Timestamp>,
    /// What is in the image; of `CycloneDX` also what is inside of other components.
    pub packages: Vec<Package>,
}

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SbomFormat {
    /// SPDX.
    Spdx,
    /// `CycloneDX`.
    CycloneDx,
}

/// One thing that an image consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URLs.
    pub purls: Vec<String>,
    /// Its licences, as declared.
    pub licences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spdx {
    spdx_version: String,
    #[serde(default, deserialize_with = "json::null_is_default")]
    creation_info: CreationInfo,
    #[serde(default, deserialize_with = "json::null_is_default")]
    packages: Vec<SpdxPackage>,
}

#[derive(Default, Deserialize)]
struct CreationInfo {
    #[serde(default)]
    created: Option<Timestamp>,
}

/// The first tools for SPDX 2.2 wrote the names of its tag-value form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpdxPackage {
    #[serde(alias = "packageName")]
    name: String,
    #[serde(default, alias = "packageVersion")]
    version_info: Option<String>,
    #[serde(default, alias = "packageLicenseDeclared")]
    license_declared: Option<String>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    external_refs: Vec<ExternalRef>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_type: String,
    reference_locator: String,
}

pub(super) fn read_spdx(predicate: &Written<'_>) -> Result<Sbom, PredicateError> {
    let spdx: Spdx = predicate.as_it_is()?;
    let version = spdx.spdx_version.strip_prefix("SPDX-");
    let version = version.ok_or_else(|| predicate.fault("`spdxVersion` does not begin with `SPDX-`"))?;
    cap("packages", spdx.packages.len())?;
    let packages = spdx.packages.into_iter().map(|package| {
        let purls = package.external_refs.into_iter();
        let purls = purls.filter(|external| external.reference_type == "purl");
        // Both words say that nothing is known or said.
        let licence = package
            .license_declared
            .filter(|licence| !matches!(licence.as_str(), "NOASSERTION" | "NONE"));
        Package {
            name: package.name,
            version: package.version_info,
            purls: purls.map(|external| external.reference_locator).collect(),
            licences: licence.into_iter().collect(),
        }
    });
    Ok(Sbom {
        format: SbomFormat::Spdx,
        version: version.to_owned(),
        created: spdx.creation_info.created,
        packages: packages.collect(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CycloneDx {
    bom_format: String,
    spec_version: String,
    #[serde(default, deserialize_with = "json::null_is_default")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "json::null_is_default")]
    components: Vec<Component>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    licenses: Vec<Licence>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Licence {
    #[serde(default)]
    expression: Option<String>,
    #[serde(default)]
    license: Option<LicenceName>,
}

#[derive(Deserialize)]
struct LicenceName {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

impl Licence {
    fn text(self) -> Option<String> {
        let named = self.license.and_then(|licence| licence.id.or(licence.name));
        self.expression.or(named)
    }
}

pub(super) fn read_cyclonedx(predicate: &Written<'_>) -> Result<Sbom, PredicateError> {
    let bom: CycloneDx = predicate.as_it_is()?;
    if bom.bom_format != "CycloneDX" {
        return Err(predicate.fault("`bomFormat` is not `CycloneDX`"));
    }
    let mut packages = Vec::new();
    // What nests is bounded by the depth that is read at all.
    let mut left: Vec<Component> = bom.components.into_iter().rev().collect();
    while let Some(component) = left.pop() {
        if packages.len() == MAX_ENTRIES {
            cap("components", packages.len() + 1 + left.len())?;
        }
        left.extend(component.components.into_iter().rev());
        packages.push(Package {
            name: component.name,
            version: component.version,
            purls: component.purl.into_iter().collect(),
            licences: component.licenses.into_iter().filter_map(Licence::text).collect(),
        });
    }
    Ok(Sbom {
        format: SbomFormat::CycloneDx,
        version: bom.spec_version,
        created: bom.metadata.timestamp,
        packages,
    })
}
