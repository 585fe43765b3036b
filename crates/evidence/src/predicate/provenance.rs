//! How an image was built: SLSA provenance, versions 0.2 and 1.
//!
//! The formats are `slsa.dev/provenance/v0.2` and `slsa.dev/spec/v1.2/build-provenance`. GitHub's artifact attestations of
//! builds are version 1 of the build type `https://actions.github.io/buildtypes/workflow/v1`.

use std::collections::BTreeMap;

use countersign_image::json;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::material::{Digests, Material, cap};
use super::{PredicateError, Written};

/// The build types of GitHub's workflows: `externalParameters.workflow` says what ran.
const WORKFLOWS: [&str; 2] = [
    "https://actions.github.io/buildtypes/workflow/v1",
    "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
];

/// How an image was built, and by whom. Whether the builder is to be believed, whoever signed this has to vouch for.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Who built: `builder.id`. In version 1 it stands for a platform of one SLSA level; BuildKit leaves it empty in 0.2.
    pub builder: String,
    /// How to read the parameters.
    pub build_type: String,
    /// What it was built from, where the build type says where that stands.
    pub source: Option<Source>,
    /// Everything that the build says it used; in version 0.2 `materials`.
    pub materials: Vec<Material>,
    /// What whoever began the build could choose; in version 0.2 `invocation.parameters`.
    pub parameters: BTreeMap<String, Value>,
    /// The build's own name for this run.
    pub invocation: Option<String>,
    /// When the build began, by its own word.
    pub started: Option<Timestamp>,
    /// When it ended, by its own word.
    pub finished: Option<Timestamp>,
}

/// The source that a build began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The repository's address, without `git+`, a reference and an end of `.git`.
    pub repository: String,
    /// The branch or tag: `refs/heads/main`.
    pub reference: Option<String>,
    /// The commit, hex.
    pub commit: Option<String>,
    /// The file that says how to build: a workflow's path.
    pub entry_point: Option<String>,
}

impl Source {
    /// Reads `git+https://host/path@refs/heads/main`, and BuildKit's `https://host/path.git#main:folder`.
    fn of_uri(uri: &str, digest: &Digests) -> Self {
        let uri = uri.strip_prefix("git+").unwrap_or(uri);
        let commit = ["gitCommit", "sha1"].iter().find_map(|name| digest.get(*name));
        let (repository, reference) = match (uri.split_once('#'), uri.rsplit_once('@')) {
            (Some((repository, fragment)), _) => (repository, fragment.split(':').next()),
            // A user's name in an address stands before the first slash of the path.
            (None, Some((repository, reference))) if repository.matches('/').count() > 2 => {
                (repository, Some(reference))
            }
            _ => (uri, None),
        };
        let reference =
            reference.filter(|reference| !reference.is_empty() && commit.is_none_or(|commit| commit != reference));
        Self {
            repository: repository.strip_suffix(".git").unwrap_or(repository).to_owned(),
            reference: reference.map(str::to_owned),
            commit: commit.cloned(),
            entry_point: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire02 {
    builder: Builder,
    build_type: String,
    #[serde(default, deserialize_with = "json::null_is_default")]
    invocation: Invocation,
    #[serde(default, deserialize_with = "json::null_is_default")]
    metadata: Metadata02,
    #[serde(default, deserialize_with = "json::null_is_default")]
    materials: Vec<Material>,
}

#[derive(Deserialize)]
struct Builder {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(default)]
    config_source: Option<ConfigSource>,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigSource {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    digest: Digests,
    #[serde(default)]
    entry_point: Option<String>,
}

#[derive(Default, Deserialize)]
struct Metadata02 {
    #[serde(default, rename = "buildInvocationID", alias = "buildInvocationId")]
    invocation: Option<String>,
    #[serde(default, rename = "buildStartedOn")]
    started: Option<Timestamp>,
    #[serde(default, rename = "buildFinishedOn")]
    finished: Option<Timestamp>,
}

pub(super) fn read_02(predicate: &Written<'_>) -> Result<Provenance, PredicateError> {
    let wire: Wire02 = predicate.as_it_is()?;
    cap("materials", wire.materials.len())?;
    let source = wire.invocation.config_source.and_then(|config| {
        let source = Source::of_uri(&config.uri?, &config.digest);
        Some(Source {
            entry_point: config.entry_point.filter(|path| !path.is_empty()),
            ..source
        })
    });
    Ok(Provenance {
        builder: wire.builder.id,
        build_type: wire.build_type,
        source,
        materials: wire.materials,
        parameters: fields(wire.invocation.parameters),
        invocation: wire.metadata.invocation,
        started: wire.metadata.started,
        finished: wire.metadata.finished,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire1 {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    resolved_dependencies: Vec<Material>,
}

#[derive(Deserialize)]
struct RunDetails {
    builder: Builder,
    #[serde(default, deserialize_with = "json::null_is_default")]
    metadata: Metadata1,
}

#[derive(Default, Deserialize)]
struct Metadata1 {
    #[serde(default, rename = "invocationId")]
    invocation: Option<String>,
    #[serde(default, rename = "startedOn")]
    started: Option<Timestamp>,
    #[serde(default, rename = "finishedOn")]
    finished: Option<Timestamp>,
}

pub(super) fn read_1(predicate: &Written<'_>) -> Result<Provenance, PredicateError> {
    let Wire1 {
        build_definition: definition,
        run_details: run,
    } = predicate.as_it_is()?;
    cap("dependencies", definition.resolved_dependencies.len())?;
    Ok(Provenance {
        builder: run.builder.id,
        source: source_1(&definition),
        build_type: definition.build_type,
        materials: definition.resolved_dependencies,
        parameters: definition.external_parameters,
        invocation: run.metadata.invocation,
        started: run.metadata.started,
        finished: run.metadata.finished,
    })
}

/// Where the source stands is the build type's to say; of one that is not known here nothing is taken for it.
fn source_1(definition: &BuildDefinition) -> Option<Source> {
    if !WORKFLOWS.contains(&definition.build_type.as_str()) {
        return None;
    }
    let workflow = definition.external_parameters.get("workflow")?;
    let text = |name: &str| workflow.get(name)?.as_str().map(str::to_owned);
    let repository = text("repository")?;
    let commit = definition.resolved_dependencies.iter().find_map(|material| {
        let source = Source::of_uri(material.uri.as_deref()?, &material.digest);
        (source.repository == repository).then_some(source.commit)?
    });
    Some(Source {
        repository,
        reference: text("ref"),
        commit,
        entry_point: text("path"),
    })
}

/// The fields of an object; nothing of anything else.
fn fields(value: Value) -> BTreeMap<String, Value> {
    match value {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}
