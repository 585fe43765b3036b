//! Image manifests and indexes, and the refusal of documents that can be read in two ways.
//!
//! A document that has both `layers` and `manifests` is an image to one reader and a list of images to another
//! (GHSA-mc8v-mgrf-8f4m, GHSA-xmmx-7jpf-fx42); one whose `mediaType` is not what it was served as leaves the choice to
//! the registry. Both are refused, and so is Docker's schema 1, which names what runs by no digest.

mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

pub use error::{ManifestError, Voice};

use crate::blob::Blob;
use crate::descriptor::Descriptor;
use crate::json;
use crate::media;
use crate::text::excerpt;

/// The largest manifest or index that is read, in bytes (what registries should accept at least, OCI distribution
/// specification, "Pushing Manifests").
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The most layers of one manifest.
pub const MAX_LAYERS: usize = 10_000;
/// The most manifests of one index.
pub const MAX_MANIFESTS: usize = 10_000;

/// A manifest or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made per fetch, and moved a few times")]
pub enum Document {
    /// One image or artifact.
    Manifest(Manifest),
    /// A list of manifests.
    Index(Index),
}

/// An image manifest, OCI's or Docker's schema 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: String,
    /// The type of the artifact, where it is one.
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, at most [`MAX_LAYERS`] where it was parsed.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about (OCI 1.1).
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An image index, or Docker's manifest list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its media type.
    pub media_type: String,
    /// The type of the artifact, where it is one.
    pub artifact_type: Option<String>,
    /// The manifests listed, at most [`MAX_MANIFESTS`] where it was parsed.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one is about (OCI 1.1).
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Document {
    /// Reads a document and settles what it is. `declared` is the `Content-Type` it came with, `described` the media type
    /// of the descriptor that led to it; both have to agree with what the document says of itself. A document that says
    /// nothing (the field is younger than the format) is what it was declared or described as, or else what it looks
    /// like.
    pub fn parse(blob: &Blob, declared: Option<&str>, described: Option<&str>) -> Result<Self, ManifestError> {
        if blob.bytes().len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge {
                limit: MAX_MANIFEST_BYTES,
                found: blob.bytes().len(),
            });
        }
        let keys: BTreeMap<String, serde::de::IgnoredAny> = json::strict(blob.bytes()).map_err(ManifestError::Json)?;
        refuse_misspelt(keys.keys())?;
        let wire: Wire = json::again(blob.bytes()).map_err(ManifestError::Json)?;
        wire.settle(declared, described)
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Manifest(manifest) => &manifest.media_type,
            Self::Index(index) => &index.media_type,
        }
    }

    /// The manifest that this one is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Manifest(manifest) => manifest.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }
}

impl Manifest {
    /// The document as bytes, fields in the order of the OCI image specification.
    pub fn to_json(&self) -> Vec<u8> {
        write(&Written {
            schema_version: 2,
            media_type: &self.media_type,
            artifact_type: self.artifact_type.as_deref(),
            config: Some(&self.config),
            layers: Some(&self.layers),
            manifests: None,
            subject: self.subject.as_ref(),
            annotations: &self.annotations,
        })
    }
}

impl Index {
    /// The document as bytes, fields in the order of the OCI image specification.
    pub fn to_json(&self) -> Vec<u8> {
        write(&Written {
            schema_version: 2,
            media_type: &self.media_type,
            artifact_type: self.artifact_type.as_deref(),
            config: None,
            layers: None,
            manifests: Some(&self.manifests),
            subject: self.subject.as_ref(),
            annotations: &self.annotations,
        })
    }
}

/// Every key that decides what a document is.
const KEYS: [&str; 11] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
    "history",
    "signatures",
];

/// Go reads `Layers` as `layers`: a key that differs in case alone is a second voice.
fn refuse_misspelt<'a>(keys: impl Iterator<Item = &'a String>) -> Result<(), ManifestError> {
    for key in keys {
        if let Some(expected) = KEYS
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(key) && known != key)
        {
            return Err(ManifestError::Misspelt {
                found: excerpt(key, 40),
                expected,
            });
        }
    }
    Ok(())
}

/// A document as read. A key that is there with `null` is still there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    annotations: BTreeMap<String, String>,
    fs_layers: Option<serde::de::IgnoredAny>,
    history: Option<serde::de::IgnoredAny>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    json::null_is_default(deserializer).map(Some)
}

impl Wire {
    fn settle(self, declared: Option<&str>, described: Option<&str>) -> Result<Document, ManifestError> {
        let schema_version = self.schema_version.ok_or(ManifestError::NoSchemaVersion)?;
        if schema_version == 1 || self.fs_layers.is_some() || self.history.is_some() {
            return Err(ManifestError::DockerSchema1);
        }
        if schema_version != 2 {
            return Err(ManifestError::SchemaVersion { found: schema_version });
        }
        let claimed = agreed_media_type(self.media_type.as_deref(), declared, described)?.map(ToOwned::to_owned);
        match (self.layers, self.manifests) {
            (Some(_), Some(_)) => Err(ManifestError::Ambiguous {
                one: "layers",
                other: "manifests",
            }),
            (None, None) => Err(ManifestError::Neither),
            (Some(layers), None) => {
                let media_type = fit(claimed, media::is_manifest, media::OCI_MANIFEST, "layers")?;
                cap("layers", layers.len(), MAX_LAYERS)?;
                let config = self.config.ok_or(ManifestError::NoConfig)?;
                let (artifact_type, subject, annotations) = (self.artifact_type, self.subject, self.annotations);
                Ok(Document::Manifest(Manifest {
                    media_type,
                    artifact_type,
                    config,
                    layers,
                    subject,
                    annotations,
                }))
            }
            (None, Some(_)) if self.config.is_some() => Err(ManifestError::Ambiguous {
                one: "config",
                other: "manifests",
            }),
            (None, Some(manifests)) => {
                let media_type = fit(claimed, media::is_index, media::OCI_INDEX, "manifests")?;
                cap("manifests", manifests.len(), MAX_MANIFESTS)?;
                let (artifact_type, subject, annotations) = (self.artifact_type, self.subject, self.annotations);
                Ok(Document::Index(Index {
                    media_type,
                    artifact_type,
                    manifests,
                    subject,
                    annotations,
                }))
            }
        }
    }
}

/// The one media type that the document, its header and its descriptor agree on, if any of them says one.
fn agreed_media_type<'a>(
    own: Option<&'a str>,
    declared: Option<&'a str>,
    described: Option<&'a str>,
) -> Result<Option<&'a str>, ManifestError> {
    let voices = [
        (Voice::Document, own),
        (Voice::ContentType, declared.map(media::essence)),
        (Voice::Descriptor, described.map(media::essence)),
    ];
    let mut agreed: Option<(Voice, &str)> = None;
    for (voice, said) in voices {
        match (agreed, said) {
            (Some((first, expected)), Some(found)) if expected != found => {
                let (expected, found) = (excerpt(expected, 100), excerpt(found, 100));
                return Err(ManifestError::MediaTypes {
                    first,
                    expected,
                    second: voice,
                    found,
                });
            }
            (None, Some(said)) => agreed = Some((voice, said)),
            _ => {}
        }
    }
    Ok(agreed.map(|(_, media_type)| media_type))
}

/// Whether a document with this list can have the media type that is claimed for it.
fn fit(
    claimed: Option<String>,
    allowed: fn(&str) -> bool,
    otherwise: &str,
    list: &'static str,
) -> Result<String, ManifestError> {
    match claimed {
        Some(claimed) if allowed(&claimed) => Ok(claimed),
        Some(claimed) if matches!(claimed.as_str(), media::DOCKER_SCHEMA1 | media::DOCKER_SCHEMA1_SIGNED) => {
            Err(ManifestError::DockerSchema1)
        }
        Some(found) if media::is_manifest(&found) || media::is_index(&found) => Err(ManifestError::WrongList {
            media_type: found,
            list,
        }),
        Some(found) => Err(ManifestError::UnknownMediaType {
            found: excerpt(&found, 100),
        }),
        None => Ok(otherwise.to_owned()),
    }
}

fn cap(list: &'static str, found: usize, limit: usize) -> Result<(), ManifestError> {
    if found > limit {
        Err(ManifestError::TooMany { list, limit, found })
    } else {
        Ok(())
    }
}

/// A document as written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u8,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<&'a [Descriptor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifests: Option<&'a [Descriptor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

fn write(document: &Written<'_>) -> Vec<u8> {
    serde_json::to_vec(document).expect("texts, numbers and maps with text keys are always JSON")
}
