//! GitLab CI/CD. Source: GitLab, "OpenID Connect (OIDC) Authentication Using ID Tokens". In the pipeline of a merge request from a fork
//! `project_id` is the fork, and `job_project_id` is where the job runs.

use super::{Verified, is_protected, owned_by, runs_for, started_by};
use crate::config::GitLab;
use crate::refused::{Code, Refused};
use crate::submitter::{IssuerKind, RepositoryId, Submitter};
use crate::token::Claims;

/// What only a project's own people start. Whatever else GitLab has or will come up with is for the configuration to name.
const SAFE: &[&str] = &[
    "push",
    "web",
    "schedule",
    "api",
    "trigger",
    "pipeline",
    "parent_pipeline",
];
const MERGE_REQUEST: &str = "merge_request_event";

pub(super) fn submitter(gitlab: &GitLab, verified: &Verified<'_>) -> Result<Submitter, Refused> {
    let claims = verified.claims;
    let (project, source) = (claims.number("job_project_id")?, claims.number("project_id")?);
    let owner = claims.number("job_namespace_id")?;
    let repository = RepositoryId {
        issuer: gitlab.url.clone(),
        repository_id: project.clone(),
        owner_id: Some(owner.clone()),
        display: claims.text("job_project_path")?,
    };
    if project != source {
        let what = format!("the job runs in project {project} on code of project {source}, a fork");
        return Err(Refused::new(Code::Event, what));
    }
    owned_by(&owner, &gitlab.namespaces, "the project's namespace")?;
    let event = claims.text("pipeline_source")?;
    let stands = stands_on(claims, &event)?;
    if !stands.is_merge_train {
        started_by(&event, SAFE, &gitlab.more_events)?;
    }
    runs_for(&stands.git_ref, &gitlab.refs)?;
    if gitlab.protected_refs_only {
        is_protected(stands.protected, &stands.git_ref)?;
    }
    Ok(Submitter {
        commit: Some(claims.commit("sha")?),
        git_ref: Some(claims.text("ref_path")?),
        ref_protected: claims.flag("ref_protected")?,
        event: Some(event),
        workflow: claims.optional("ci_config_ref_uri")?,
        workflow_commit: claims.optional("ci_config_sha")?,
        job_workflow: claims.optional("job_policy_ref_uri")?,
        job_workflow_commit: claims.optional("job_policy_ref_sha")?,
        run_id: Some(claims.number("pipeline_id")?),
        job: Some(claims.number("job_id")?),
        environment: claims.optional("environment")?,
        runner: verified.runner("gitlab-hosted", gitlab.hosted_runners_only)?,
        actor_id: Some(claims.number("user_id")?),
        ..verified.named(IssuerKind::GitLab, repository)?
    })
}

/// What a pipeline answers to: its ref, or of a merge train the branch that it leads into, since what it merges was approved.
struct StandsOn {
    git_ref: String,
    protected: Option<bool>,
    is_merge_train: bool,
}

fn stands_on(claims: &Claims, event: &str) -> Result<StandsOn, Refused> {
    let kind = claims.optional("pipeline_source_event")?;
    if event == MERGE_REQUEST && kind.as_deref() == Some("merge_train") {
        return Ok(StandsOn {
            git_ref: format!("refs/heads/{}", claims.text("target_ref")?),
            protected: claims.flag("target_ref_protected")?,
            is_merge_train: true,
        });
    }
    Ok(StandsOn {
        git_ref: claims.text("ref_path")?,
        protected: claims.flag("ref_protected")?,
        is_merge_train: false,
    })
}
