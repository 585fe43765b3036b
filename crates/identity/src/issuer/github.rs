//! GitHub Actions. Source: GitHub, "OpenID Connect reference". `sub` is never taken apart: its form changes with the repository's age
//! and its owner's settings.

use super::{Verified, is_protected, owned_by, runs_for, started_by};
use crate::config::GitHub;
use crate::refused::Refused;
use crate::submitter::{IssuerKind, RepositoryId, Submitter};

/// What only who may write to the repository starts, or a schedule in it. Whatever strangers may start, and whatever GitHub will
/// come up with, is for the configuration to name.
const SAFE: &[&str] = &[
    "push",
    "release",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
    "merge_group",
];

pub(super) fn submitter(github: &GitHub, verified: &Verified<'_>) -> Result<Submitter, Refused> {
    let claims = verified.claims;
    let owner = claims.number("repository_owner_id")?;
    let repository = RepositoryId {
        issuer: github.url.clone(),
        repository_id: claims.number("repository_id")?,
        owner_id: Some(owner.clone()),
        display: claims.text("repository")?,
    };
    let (event, git_ref) = (claims.text("event_name")?, claims.text("ref")?);
    let protected = claims.flag("ref_protected")?;
    owned_by(&owner, &github.owners, "the repository's owner")?;
    started_by(&event, SAFE, &github.more_events)?;
    runs_for(&git_ref, &github.refs)?;
    if github.protected_refs_only {
        is_protected(protected, &git_ref)?;
    }
    Ok(Submitter {
        commit: Some(claims.commit("sha")?),
        git_ref: Some(git_ref),
        ref_protected: protected,
        event: Some(event),
        workflow: Some(claims.text("workflow_ref")?),
        workflow_commit: claims.optional("workflow_sha")?,
        job_workflow: claims.optional("job_workflow_ref")?,
        job_workflow_commit: claims.optional("job_workflow_sha")?,
        run_id: Some(claims.number("run_id")?),
        run_attempt: Some(claims.number("run_attempt")?),
        job: claims.optional("check_run_id")?,
        environment: claims.optional("environment")?,
        runner: verified.runner("github-hosted", github.hosted_runners_only)?,
        actor_id: Some(claims.number("actor_id")?),
        ..verified.named(IssuerKind::GitHub, repository)?
    })
}
