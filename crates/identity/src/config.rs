//! The issuers as they are configured: strict, and only what is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::web::is_loopback;

/// The longest name of an issuer, in bytes.
const LONGEST_NAME: usize = 63;
/// The most issuers.
const MAX_ISSUERS: usize = 64;

/// One issuer of tokens: its name, and exactly one of the four kinds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuerConfig {
    /// What it is called here: lower-case letters, digits and `-`.
    pub name: String,
    /// GitHub Actions.
    #[serde(default)]
    pub github: Option<GitHub>,
    /// GitLab CI/CD.
    #[serde(default)]
    pub gitlab: Option<GitLab>,
    /// The service accounts of a cluster.
    #[serde(default)]
    pub kubernetes: Option<Kubernetes>,
    /// Any other OpenID provider, and SPIFFE.
    #[serde(default)]
    pub generic: Option<Generic>,
}

/// GitHub Actions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitHub {
    /// `iss`. A GitHub Enterprise Server has `https://HOST/_services/token`.
    #[serde(default = "github_com")]
    pub url: String,
    /// Where its keys are.
    #[serde(default)]
    pub keys: KeySource,
    /// The owners whose repositories may ask, by `repository_owner_id`; empty is any.
    #[serde(default, deserialize_with = "numbers")]
    pub owners: BTreeSet<String>,
    /// What may start a job besides `push`, `release`, `schedule`, `workflow_dispatch`, `repository_dispatch` and `merge_group`.
    #[serde(default)]
    pub more_events: BTreeSet<String>,
    /// The branches and tags that a job may run for.
    #[serde(default = "branches_and_tags")]
    pub refs: Vec<RefPattern>,
    /// Whether the branch or tag has to be protected.
    #[serde(default)]
    pub protected_refs_only: bool,
    /// Whether the job has to run on a machine of GitHub's.
    #[serde(default)]
    pub hosted_runners_only: bool,
}

/// GitLab CI/CD.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitLab {
    /// `iss`: the URL of the instance.
    #[serde(default = "gitlab_com")]
    pub url: String,
    /// Where its keys are.
    #[serde(default)]
    pub keys: KeySource,
    /// The groups and users whose projects may ask, by `job_namespace_id`; empty is any.
    #[serde(default, deserialize_with = "numbers")]
    pub namespaces: BTreeSet<String>,
    /// What may start a pipeline besides `push`, `web`, `schedule`, `api`, `trigger`, `pipeline`, `parent_pipeline` and merge trains
    /// into a protected branch.
    #[serde(default)]
    pub more_events: BTreeSet<String>,
    /// The branches and tags that a job may run for.
    #[serde(default = "branches_and_tags")]
    pub refs: Vec<RefPattern>,
    /// Whether the branch or tag has to be protected; of a merge train the branch that it leads into.
    #[serde(default = "yes")]
    pub protected_refs_only: bool,
    /// Whether the job has to run on a machine of GitLab's.
    #[serde(default)]
    pub hosted_runners_only: bool,
}

/// The service accounts of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kubernetes {
    /// `iss`: what the API server has as `--service-account-issuer`.
    pub url: String,
    /// Where its keys are. Where `tokenReview` is set and nothing is said here: at `/openid/v1/jwks` of that API server.
    #[serde(default)]
    pub keys: KeySource,
    /// The API server that is asked, of each token whose signature is good, whether it still accepts it. Without it a token is
    /// good until it expires, also after its pod is gone.
    #[serde(default)]
    pub token_review: Option<Reviewer>,
    /// The namespaces whose service accounts may ask; empty is any.
    #[serde(default)]
    pub namespaces: BTreeSet<String>,
}

/// Any other OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Generic {
    /// `iss`.
    pub url: String,
    /// Where its keys are.
    #[serde(default)]
    pub keys: KeySource,
    /// Which claim means what.
    pub claims: ClaimNames,
    /// Claims that must have one of these values.
    #[serde(default)]
    pub require: BTreeMap<String, BTreeSet<String>>,
}

/// Which claim means what: a name, or a JSON pointer (RFC 6901) where it begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClaimNames {
    /// What never is another's: a number of the repository, a SPIFFE ID (`sub`).
    pub repository: String,
    /// Its owner.
    #[serde(default)]
    pub owner: Option<String>,
    /// Its name, for people; where nothing is said, as `repository`.
    #[serde(default)]
    pub display: Option<String>,
    /// The commit.
    #[serde(default)]
    pub commit: Option<String>,
    /// The ref.
    #[serde(default, rename = "ref")]
    pub git_ref: Option<String>,
    /// What started the job.
    #[serde(default)]
    pub event: Option<String>,
    /// The workflow.
    #[serde(default)]
    pub workflow: Option<String>,
    /// The run.
    #[serde(default)]
    pub run_id: Option<String>,
    /// The attempt at the run.
    #[serde(default)]
    pub run_attempt: Option<String>,
    /// The job.
    #[serde(default)]
    pub job: Option<String>,
    /// The environment.
    #[serde(default)]
    pub environment: Option<String>,
    /// The account that started it.
    #[serde(default)]
    pub actor: Option<String>,
}

/// Where an issuer's keys (RFC 7517) are. Where neither `url` nor `file` is set: where its discovery document says
/// (OpenID Connect Discovery 1.0, section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeySource {
    /// The URL of the key set.
    #[serde(default, deserialize_with = "url_or_none")]
    pub url: Option<Url>,
    /// A file with the key set, for whoever has no way to the issuer. It is read again as a URL is.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// The certificate authorities of the server, in PEM, instead of the system's.
    #[serde(default)]
    pub certificate_authorities: Option<PathBuf>,
    /// A file with a token that the server wants to see. It is sent to the configured server and nowhere else.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// The API server that reviews tokens (`authentication.k8s.io/v1`, `TokenReview`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reviewer {
    /// The API server.
    #[serde(deserialize_with = "url")]
    pub server: Url,
    /// Its certificate authorities, in PEM, instead of the system's.
    #[serde(default)]
    pub certificate_authorities: Option<PathBuf>,
    /// A file with the token of a service account that may create token reviews (`system:auth-delegator`). It is read each time.
    pub token_file: PathBuf,
}

/// A ref that a job may run for: a whole name, or its beginning with one `*` after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefPattern(String);

/// Why a configuration is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// None, or too many.
    #[error("expected from 1 to {MAX_ISSUERS} issuers, found {found}")]
    Count {
        /// How many.
        found: usize,
    },
    /// One cannot be used.
    #[error("issuer `{name}`: {what}")]
    Issuer {
        /// Which, shortened.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The audience is no URL of ours.
    #[error("the audience of the tokens is this service's public URL, without spaces, and it is `{found}`")]
    Audience {
        /// What it is, shortened.
        found: String,
    },
    /// No HTTP client can be made.
    #[error("issuer `{name}`: no HTTP client can be made: {detail}")]
    Client {
        /// For which issuer.
        name: String,
        /// Why.
        detail: String,
    },
}

/// An issuer of one kind.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    GitHub(GitHub),
    GitLab(GitLab),
    Kubernetes(Kubernetes),
    Generic(Generic),
}

impl Kind {
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::GitHub(github) => &github.url,
            Self::GitLab(gitlab) => &gitlab.url,
            Self::Kubernetes(kubernetes) => &kubernetes.url,
            Self::Generic(generic) => &generic.url,
        }
    }

    pub(crate) fn keys(&self) -> &KeySource {
        match self {
            Self::GitHub(github) => &github.keys,
            Self::GitLab(gitlab) => &gitlab.keys,
            Self::Kubernetes(kubernetes) => &kubernetes.keys,
            Self::Generic(generic) => &generic.keys,
        }
    }
}

impl IssuerConfig {
    /// What is meant, or what is wrong with it.
    pub(crate) fn kind(&self) -> Result<Kind, ConfigError> {
        let wrong = |what: &str| ConfigError::Issuer {
            name: countersign_image::text::excerpt(&self.name, LONGEST_NAME),
            what: what.to_owned(),
        };
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.bytes().all(is_name) {
            return Err(wrong(
                "its name has to be of lower-case letters, digits and `-`, at most 63",
            ));
        }
        let kinds = [
            self.github.clone().map(Kind::GitHub),
            self.gitlab.clone().map(Kind::GitLab),
            self.kubernetes.clone().map(Kind::Kubernetes),
            self.generic.clone().map(Kind::Generic),
        ];
        let mut kinds = kinds.into_iter().flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err(wrong(
                "it needs exactly one of `github`, `gitlab`, `kubernetes` and `generic`",
            ));
        };
        kind_faults(&kind).map_or(Ok(kind), |what| Err(wrong(what)))
    }
}

fn kind_faults(kind: &Kind) -> Option<&'static str> {
    let keys = kind.keys();
    if keys.url.is_some() && keys.file.is_some() {
        return Some("its keys are at a `url` or in a `file`, not both");
    }
    if keys.file.is_some() && (keys.certificate_authorities.is_some() || keys.token_file.is_some()) {
        return Some("`certificateAuthorities` and `tokenFile` are for keys that come from a server");
    }
    if keys.url.as_ref().is_some_and(|url| !is_fetched(url)) {
        return Some("the URL of its keys has to be `https` without user and password (`http` on this machine only)");
    }
    if let Kind::Kubernetes(Kubernetes {
        token_review: Some(reviewer),
        ..
    }) = kind
        && (!is_fetched(&reviewer.server) || reviewer.server.query().is_some())
    {
        return Some("the API server has to be at an `https` URL without user and password");
    }
    if let Kind::Kubernetes(Kubernetes {
        token_review: Some(_), ..
    }) = kind
        && keys.url.is_none()
        && (keys.certificate_authorities.is_some() || keys.token_file.is_some())
    {
        return Some("its keys come from the API server under `tokenReview`, with what is said there");
    }
    if let Kind::Generic(generic) = kind
        && generic.require.values().any(BTreeSet::is_empty)
    {
        return Some("a claim under `require` needs at least one value");
    }
    let is_known_otherwise = keys.url.is_some()
        || keys.file.is_some()
        || matches!(kind, Kind::Kubernetes(one) if one.token_review.is_some());
    match Url::parse(kind.url()) {
        // Only where something is fetched from it has it to be a place.
        Ok(url) if is_known_otherwise || is_fetched(&url) => None,
        Err(_) if is_known_otherwise && !kind.url().is_empty() => None,
        _ => Some(
            "its `url` has to be `https` without user and password (`http` on this machine only), or its keys have to be somewhere else",
        ),
    }
}

/// Whether something may be asked for there.
fn is_fetched(url: &Url) -> bool {
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    is_safe && url.host().is_some() && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Every issuer's kind, with no two of one name or one URL: a token names its issuer by the URL alone.
pub(crate) fn kinds(configs: &[IssuerConfig]) -> Result<Vec<(String, Kind)>, ConfigError> {
    if configs.is_empty() || configs.len() > MAX_ISSUERS {
        return Err(ConfigError::Count { found: configs.len() });
    }
    let (mut names, mut urls) = (BTreeSet::new(), BTreeSet::new());
    let mut kinds = Vec::new();
    for config in configs {
        let kind = config.kind()?;
        if !names.insert(config.name.clone()) || !urls.insert(kind.url().to_owned()) {
            return Err(ConfigError::Issuer {
                name: config.name.clone(),
                what: "another issuer has the same name or the same `url`".to_owned(),
            });
        }
        kinds.push((config.name.clone(), kind));
    }
    Ok(kinds)
}

impl RefPattern {
    /// Whether a ref is one of these.
    #[must_use]
    pub fn matches(&self, git_ref: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => git_ref.len() > beginning.len() && git_ref.starts_with(beginning),
            None => self.0 == git_ref,
        }
    }
}

impl<'de> Deserialize<'de> for RefPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let whole = text.strip_suffix('*').unwrap_or(&text);
        if !whole.starts_with("refs/") || whole.contains('*') {
            return Err(serde::de::Error::custom(
                "expected a whole name such as `refs/heads/main`, or its beginning with one `*` at the end: `refs/heads/release/*`",
            ));
        }
        Ok(Self(text))
    }
}

/// YAML reads an unquoted number as one, and no name of an account is meant.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    let written = Vec::<Written>::deserialize(deserializer)?;
    let number = |written: Written| match written {
        Written::Number(number) => Ok(number.to_string()),
        Written::Text(text) if crate::token::is_number(&text) => Ok(text),
        Written::Text(_) => Err(serde::de::Error::custom(
            "expected the number of an owner: a name can become another's",
        )),
    };
    written.into_iter().map(number).collect()
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|_| serde::de::Error::custom("expected a URL"))
}

fn url_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    url(deserializer).map(Some)
}

fn github_com() -> String {
    "https://token.actions.githubusercontent.com".to_owned()
}

fn gitlab_com() -> String {
    "https://gitlab.com".to_owned()
}

fn branches_and_tags() -> Vec<RefPattern> {
    ["refs/heads/*", "refs/tags/*"]
        .map(|text| RefPattern(text.to_owned()))
        .into()
}

fn yes() -> bool {
    true
}
