//! Which repository may submit which images, and which gate is asked.

use std::collections::{BTreeMap, BTreeSet};

use countersign_image::Repository;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::document::{API_VERSION, yaml};
use crate::glob::Globs;

/// The most bindings of one service.
pub const MAX_BINDINGS: usize = 100_000;

/// What one repository of source code may submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryBinding {
    /// Its name, of which there is one.
    pub name: String,
    /// Whose it is.
    pub source: BoundSource,
    /// The images that it may submit.
    pub images: Globs,
    /// Where its images may be published, whoever else publishes there. Where it says nothing, a destination is whose who was
    /// the first to publish there.
    pub destinations: Option<Globs>,
    /// The gate of each environment, by name.
    pub gates: BTreeMap<String, String>,
    /// What is said of it, for the gates' conditions.
    pub labels: BTreeMap<String, String>,
}

/// A repository by what does not change when it is renamed: a name that was given up can be taken by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BoundSource {
    /// The issuer's name in the service's configuration.
    pub issuer: String,
    /// The repository's number at GitHub and GitLab, so that a name that was given up and taken by somebody else is another
    /// repository; `NAMESPACE/SERVICE-ACCOUNT` of Kubernetes, and the claim that was configured of any other issuer.
    #[serde(deserialize_with = "id")]
    pub repository_id: String,
    /// The number of who owns it; where it is written the job's has to be the same.
    #[serde(default, deserialize_with = "optional_id")]
    pub owner_id: Option<String>,
    /// Its name, for people; nothing is decided by it.
    #[serde(default)]
    pub display: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    source: BoundSource,
    images: Globs,
    #[serde(default)]
    destinations: Option<Globs>,
    gates: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = match Id::deserialize(deserializer)? {
        Id::Number(number) => return Ok(number.to_string()),
        Id::Text(text) => text,
    };
    if !text.is_empty() && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    let found = countersign_image::text::excerpt(&text, 60);
    Err(serde::de::Error::custom(format!(
        "expected the number or the identifier that the issuer gave it, found `{found}`"
    )))
}

fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    id(deserializer).map(Some)
}

impl RepositoryBinding {
    /// Reads a binding: one YAML document.
    pub fn read(text: &str) -> Result<Self, BindingError> {
        let wire: Wire = yaml(text).map_err(|detail| BindingError::Yaml { detail })?;
        if wire.api_version != API_VERSION || wire.kind != "RepositoryBinding" {
            return Err(BindingError::Kind {
                found: countersign_image::text::excerpt(&format!("{}, {}", wire.api_version, wire.kind), 100),
            });
        }
        if wire.metadata.name.is_empty() || wire.spec.gates.is_empty() {
            return Err(BindingError::Empty);
        }
        Ok(Self {
            name: wire.metadata.name,
            source: wire.spec.source,
            images: wire.spec.images,
            destinations: wire.spec.destinations,
            gates: wire.spec.gates,
            labels: wire.spec.labels,
        })
    }

    /// Whether it may submit images of this repository.
    pub fn may_touch(&self, repository: &Repository) -> bool {
        self.images.accept(&repository.policy_name())
    }

    /// Whether it may publish to this repository; `None` where the binding leaves that to who came first.
    pub fn may_publish_to(&self, repository: &Repository) -> Option<bool> {
        let destinations = self.destinations.as_ref()?;
        Some(destinations.accept(&repository.policy_name()))
    }

    /// The name of the gate that it is asked at for an environment.
    pub fn gate(&self, environment: &str) -> Option<&str> {
        self.gates.get(environment).map(String::as_str)
    }
}

/// Who a job says it is, as its token proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryRef<'a> {
    /// The issuer's name in the service's configuration.
    pub issuer: &'a str,
    /// The repository's number there.
    pub repository_id: &'a str,
    /// The number of who owns it.
    pub owner_id: Option<&'a str>,
}

/// Every binding of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    bound: BTreeMap<(String, String), RepositoryBinding>,
}

impl Bindings {
    /// All of them together. Two of one name, or of one repository, are refused: nobody could say which of them counts.
    pub fn new(bindings: impl IntoIterator<Item = RepositoryBinding>) -> Result<Self, BindingError> {
        let mut bound = BTreeMap::new();
        let mut names = BTreeSet::new();
        for binding in bindings {
            if !names.insert(binding.name.clone()) {
                return Err(BindingError::SameName { name: binding.name });
            }
            let key = (binding.source.issuer.clone(), binding.source.repository_id.clone());
            if names.len() > MAX_BINDINGS {
                return Err(BindingError::TooMany);
            }
            let name = binding.name.clone();
            if let Some(other) = bound.insert(key, binding) {
                return Err(BindingError::SameRepository {
                    one: other.name,
                    other: name,
                });
            }
        }
        Ok(Self { bound })
    }

    /// What a repository may submit; nothing where nobody bound it, or where somebody else owns it now.
    pub fn of(&self, source: &RepositoryRef<'_>) -> Option<&RepositoryBinding> {
        let key = (source.issuer.to_owned(), source.repository_id.to_owned());
        let binding = self.bound.get(&key)?;
        let owner = binding.source.owner_id.as_deref();
        (owner.is_none() || owner == source.owner_id).then_some(binding)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &RepositoryBinding> {
        self.bound.values()
    }
}

/// Why a text is no binding, or bindings do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindingError {
    /// Not YAML, or a field is missing, unknown or of another form.
    #[error("{detail}")]
    Yaml {
        /// What is wrong, with line and column.
        detail: String,
    },
    /// Something else than a binding.
    #[error("expected `{API_VERSION}, RepositoryBinding`, found `{found}`")]
    Kind {
        /// What it is, shortened.
        found: String,
    },
    /// It has no name, or no gate.
    #[error("a binding needs a name and a gate for at least one environment")]
    Empty,
    /// There are two of this name.
    #[error("there are two bindings `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// Two are about one repository.
    #[error("the bindings `{one}` and `{other}` are about one repository")]
    SameRepository {
        /// The one.
        one: String,
        /// The other.
        other: String,
    },
    /// There are more than are kept.
    #[error("there are more than {MAX_BINDINGS} bindings")]
    TooMany,
}
