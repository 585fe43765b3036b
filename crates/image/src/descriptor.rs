//! A descriptor: how one document names another by type, digest and size.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// An OCI content descriptor. Fields that this version does not use (`urls`, `data`) are read over: never followed, and not
/// written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content, in bytes.
    pub size: u64,
    /// Free annotations; unsigned, unless what holds the descriptor is.
    #[serde(
        default,
        deserialize_with = "crate::json::null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of the artifact that the content is a manifest of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor of `size` bytes with nothing but the three mandatory fields.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }
}

/// What an image in an index runs on (OCI image index, `platform`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture, in Go's words: `amd64`, `arm64`. Empty where a careless author left it out.
    #[serde(default)]
    pub architecture: String,
    /// Operating system, in Go's words: `linux`. Empty where a careless author left it out.
    #[serde(default)]
    pub os: String,
    /// Variant of the architecture: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Version of the operating system.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_write_is_read_and_what_is_empty_is_not_written() {
        let digest = Digest::sha256(b"x");
        let plain = json!({"mediaType": "t", "digest": digest, "size": 1});
        let mut full = plain.clone();
        full["annotations"] = json!({"a": "b"});
        full["artifactType"] = json!("at");
        full["platform"] = json!({"architecture": "arm", "os": "linux", "variant": "v7", "os.version": "1"});
        for document in [&plain, &full] {
            let read: Descriptor = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(&serde_json::to_value(&read).unwrap(), document);
        }
        assert_eq!(
            serde_json::from_value::<Descriptor>(plain.clone()).unwrap(),
            Descriptor::new("t", digest, 1)
        );
        for (field, value) in [
            ("annotations", json!(null)),
            ("platform", json!({})),
            ("platform", json!(null)),
            ("urls", json!(["http://169.254.169.254/"])),
            ("data", json!("eA==")),
        ] {
            let mut document = plain.clone();
            document[field] = value;
            assert!(serde_json::from_value::<Descriptor>(document).is_ok(), "{field}");
        }
    }
}
