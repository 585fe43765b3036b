//! What is known of a submission besides its reports: who submits, what the image is, what is known of vulnerabilities.

use std::collections::{BTreeMap, BTreeSet};

use countersign_image::{Repository, Tag, json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::finding::Fingerprint;

/// Who submits, as the job's token proved it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The issuer's name in the service's configuration.
    pub issuer: String,
    /// The repository's number there.
    pub repository_id: String,
    /// The repository's name, for people and for conditions.
    pub repository: String,
    /// What was built from: `refs/heads/main`.
    pub reference: Option<String>,
    /// Whether that is protected there.
    pub reference_protected: bool,
    /// What set the job off.
    pub event: Option<String>,
    /// The workflow that the job is of, as the issuer names it: `corp/workflows/.github/workflows/scan.yml@refs/tags/v3.1`.
    pub workflow: Option<String>,
    /// On whose machine the job runs.
    pub runner: Runner,
    /// The environment that is asked for.
    pub environment: String,
    /// The labels of the repository's binding.
    pub labels: BTreeMap<String, String>,
}

/// On whose machine a job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runner {
    /// The issuer's own.
    Hosted,
    /// Somebody else's.
    SelfHosted,
    /// The issuer does not say.
    #[default]
    Unknown,
}

impl Runner {
    /// Its name, for conditions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hosted => "hosted",
            Self::SelfHosted => "self-hosted",
            Self::Unknown => "unknown",
        }
    }
}

/// The image that is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The repository that it was pushed to.
    pub repository: Repository,
    /// The tag that it has there, for the names of what is published.
    pub tag: Option<Tag>,
    /// The configuration of each platform.
    pub configurations: BTreeMap<String, Configuration>,
    /// What each platform's manifest says of its base image: `org.opencontainers.image.base.name`.
    pub bases: BTreeMap<String, String>,
    /// Whether no image of this repository was published before.
    pub first_release: bool,
}

/// What an image says of how it runs (OCI image configuration, "config").
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    /// As whom: `1000:1000`.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub user: String,
    /// What it starts.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub entrypoint: Vec<String>,
    /// What it starts with, or starts where there is no entrypoint.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub cmd: Vec<String>,
    /// Its labels.
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub labels: BTreeMap<String, String>,
}

/// Bytes that are no configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("this is no configuration of an image: {detail}")]
pub struct ConfigurationError {
    detail: String,
}

impl Configuration {
    /// Reads the configuration blob of a manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigurationError> {
        let wrong = |detail: &str| ConfigurationError {
            detail: countersign_image::text::excerpt(detail, 200),
        };
        let mut blob: serde_json::Map<String, Value> =
            json::strict(bytes).map_err(|error| wrong(&error.to_string()))?;
        // Runtimes are written in Go, whose reader takes `user` for `User`, and `uſer` too, and the last of them.
        let is_other = |name: &str, exact: &[&str]| {
            let folded = name.replace('\u{17f}', "s").replace('\u{212a}', "k");
            let mut exact = exact.iter();
            exact.any(|exact| name != *exact && folded.eq_ignore_ascii_case(exact))
        };
        let config = blob.remove("config").unwrap_or(Value::Null);
        let own = config.as_object().into_iter().flat_map(serde_json::Map::keys);
        let other = own.filter(|name| is_other(name, &["User", "Entrypoint", "Cmd", "Labels"]));
        let outer = blob.keys().filter(|name| is_other(name, &["config"]));
        if let Some(name) = other.chain(outer).next() {
            return Err(wrong(&format!("its field `{name}` is read as another one by some")));
        }
        let config: Option<Self> = serde_json::from_value(config).map_err(|error| wrong(&error.to_string()))?;
        Ok(config.unwrap_or_default())
    }
}

/// What is known of vulnerabilities and findings, by others and from earlier submissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The vulnerabilities that attackers use, by name (CISA's catalogue); `None` where there is no catalogue.
    pub exploited: Option<BTreeSet<String>>,
    /// When each was made public.
    pub disclosed: BTreeMap<String, Timestamp>,
    /// When each finding was first seen in an image of this repository. What is not here has no leeway.
    pub first_seen: BTreeMap<Fingerprint, Timestamp>,
    /// The findings of the image that was published before this one; `None` where there was none.
    pub before: Option<BTreeSet<Fingerprint>>,
}
