//! Who asks, as a verified token says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A job that has shown who it is.
///
/// It is kept with the session that was opened for it. It names everything by numbers where its issuer has numbers: a
/// name can be given to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submitter {
    /// What the configuration calls the issuer.
    pub issuer: String,
    /// The issuer, as `iss` says: exactly what is configured.
    pub issuer_url: String,
    /// What kind of issuer it is.
    pub kind: IssuerKind,
    /// `sub`, for people to read. Nothing is decided by its parts.
    pub subject: String,
    /// Where the job's code lies.
    pub repository: RepositoryId,
    /// The commit that the job runs for. A Kubernetes service account has none.
    pub commit: Option<String>,
    /// The whole name of the ref: `refs/heads/main`.
    pub git_ref: Option<String>,
    /// Whether the ref is protected, where the issuer says so.
    pub ref_protected: Option<bool>,
    /// What started the job: `push`, `schedule`.
    pub event: Option<String>,
    /// The workflow's file and the ref that it was taken from; with Kubernetes the service account.
    pub workflow: Option<String>,
    /// The commit that the workflow's file was taken from.
    pub workflow_commit: Option<String>,
    /// The reusable workflow that the job is in (GitHub), or the policy that put the job there (GitLab).
    pub job_workflow: Option<String>,
    /// The commit of that one.
    pub job_workflow_commit: Option<String>,
    /// The run, or the pipeline.
    pub run_id: Option<String>,
    /// Which attempt at the run it is.
    pub run_attempt: Option<String>,
    /// The job; with Kubernetes the pod's `uid`.
    pub job: Option<String>,
    /// The environment that the job was let into.
    pub environment: Option<String>,
    /// Whose machine it runs on.
    pub runner: Runner,
    /// The account that started it.
    pub actor_id: Option<String>,
    /// `jti`, or where the token has none `sha256:` with the digest of what was signed. Once used, no other session is opened for
    /// it until [`Self::expires`]: that is the caller's part.
    pub token_id: String,
    /// When the token expires, with the skew that is allowed: until then its id has to be remembered.
    pub expires: Timestamp,
}

/// A repository, as its issuer numbers it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryId {
    /// The issuer's URL.
    pub issuer: String,
    /// GitHub: `repository_id`. GitLab: `job_project_id`. Kubernetes: `NAMESPACE/SERVICE-ACCOUNT`. Else the claim that is configured.
    pub repository_id: String,
    /// GitHub: `repository_owner_id`. GitLab: `job_namespace_id`. Kubernetes: the namespace. Else the claim that is configured, if one is.
    pub owner_id: Option<String>,
    /// Its name, for people to read; it may be another's tomorrow.
    pub display: String,
}

/// What kind of issuer a token is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// GitHub Actions, also of a GitHub Enterprise Server.
    GitHub,
    /// GitLab, also self-managed.
    GitLab,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes,
    /// Any other, with the meaning of its claims configured.
    Generic,
}

/// Whose machine a job runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// The issuer's own, fresh for each job.
    Hosted,
    /// Its owner's.
    SelfHosted,
    /// The issuer does not say.
    Unknown,
}
