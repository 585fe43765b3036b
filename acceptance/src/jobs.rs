//! Jobs with tokens to show: a certified OpenID provider that gives out what GitHub and GitLab give to theirs.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Running;
use crate::sigstore::issuer::{Claimant, providers, token};

const COMMIT: &str = "5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233";

/// Two providers, one with jobs of GitHub's and one with jobs of GitLab's.
pub struct Jobs {
    _running: Running,
    addresses: Vec<SocketAddr>,
    _folder: TempDir,
}

/// Whose jobs they are.
#[derive(Clone, Copy, Debug)]
pub enum Host {
    GitHub,
    GitLab,
}

impl Jobs {
    /// `push`, `tag` and `change` (a pull or merge request) of either, `fork` of GitLab's: a merge request from a fork, and `train`,
    /// one in a merge train.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("countersign-jobs-").tempdir();
        let folder = folder.context("no temporary folder")?;
        let (running, addresses) = providers(folder.path(), &[&of_github(), &of_gitlab()])?;
        Ok(Self {
            _running: running,
            addresses,
            _folder: folder,
        })
    }

    /// Who issues the tokens.
    pub fn issuer(&self, host: Host) -> String {
        format!("http://{}", self.addresses[host as usize])
    }

    /// A token of a job, for an audience that is a URL.
    pub fn token(&self, host: Host, job: &str, audience: &str) -> Result<String> {
        token(self.addresses[host as usize], job, audience)
    }
}

fn of_github() -> Vec<Claimant> {
    let job = |name: &str, event: &str, git_ref: &str| {
        let workflow = format!("acceptance/images/.github/workflows/release.yaml@{git_ref}");
        let claims = json!({
            "repository": "acceptance/images", "repository_owner": "acceptance", "repository_visibility": "private",
            "repository_id": "4711", "repository_owner_id": "42", "actor": "anna", "actor_id": "8",
            "ref": git_ref, "ref_type": "branch", "ref_protected": "true", "sha": COMMIT, "event_name": event,
            "workflow": "images", "workflow_ref": workflow, "workflow_sha": COMMIT,
            "job_workflow_ref": workflow, "job_workflow_sha": COMMIT, "head_ref": "", "base_ref": "",
            "runner_environment": "github-hosted", "run_id": "1001", "run_number": "7", "run_attempt": "1",
        });
        Claimant::new(name.to_owned(), claims)
    };
    vec![
        job("push", "push", "refs/heads/main"),
        job("tag", "release", "refs/tags/v1"),
        job("change", "pull_request", "refs/pull/7/merge"),
    ]
}

fn of_gitlab() -> Vec<Claimant> {
    let job = |name: &str, others: Value| {
        let mut claims = json!({
            "namespace_id": "42", "namespace_path": "acceptance", "project_id": "4711", "project_path": "acceptance/images",
            "job_namespace_id": "42", "job_namespace_path": "acceptance",
            "job_project_id": "4711", "job_project_path": "acceptance/images",
            "user_id": "8", "user_login": "anna", "pipeline_id": "1001", "pipeline_source": "push", "job_id": "2002",
            "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true",
            "runner_id": 12, "runner_environment": "self-hosted", "sha": COMMIT, "project_visibility": "private",
            "ci_config_ref_uri": "gitlab.test/acceptance/images//.gitlab-ci.yml@refs/heads/main", "ci_config_sha": COMMIT,
        });
        for (claim, value) in others.as_object().into_iter().flatten() {
            claims[claim.as_str()] = value.clone();
        }
        Claimant::new(name.to_owned(), claims)
    };
    let change = |kind: &str, project: &str| {
        json!({
            "pipeline_source": "merge_request_event", "pipeline_source_event": kind, "project_id": project,
            "ref_path": "refs/merge-requests/7/head", "ref_protected": "false",
            "target_ref": "main", "target_ref_protected": "true",
        })
    };
    vec![
        job("push", json!({})),
        job(
            "tag",
            json!({"ref": "v1", "ref_type": "tag", "ref_path": "refs/tags/v1"}),
        ),
        job("change", change("merge_request", "4711")),
        job("fork", change("merge_request", "9")),
        job("train", change("merge_train", "4711")),
    ]
}
