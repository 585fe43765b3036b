//! What the claims of each kind of issuer mean, and whom it lets in.

mod generic;
mod github;
mod gitlab;
mod kubernetes;

use jiff::Timestamp;

use crate::config::{Kind, RefPattern};
use crate::refused::{Code, Refused};
use crate::submitter::{IssuerKind, RepositoryId, Runner, Submitter};
use crate::token::{Claims, repeated};

pub(crate) use self::kubernetes::Account;

/// What is the same whatever the issuer.
pub(crate) struct Verified<'a> {
    pub(crate) name: &'a str,
    pub(crate) claims: &'a Claims,
    /// When nobody takes the token any more.
    pub(crate) expires: Timestamp,
}

pub(crate) fn submitter(kind: &Kind, verified: &Verified<'_>) -> Result<Submitter, Refused> {
    match kind {
        Kind::GitHub(github) => github::submitter(github, verified),
        Kind::GitLab(gitlab) => gitlab::submitter(gitlab, verified),
        Kind::Kubernetes(kubernetes) => kubernetes::submitter(kubernetes, verified),
        Kind::Generic(generic) => generic::submitter(generic, verified),
    }
}

impl Verified<'_> {
    /// A submitter of whom no more is known than who it is.
    fn named(&self, kind: IssuerKind, repository: RepositoryId) -> Result<Submitter, Refused> {
        Ok(Submitter {
            issuer: self.name.to_owned(),
            issuer_url: repository.issuer.clone(),
            kind,
            subject: self.claims.text("sub")?,
            repository,
            commit: None,
            git_ref: None,
            ref_protected: None,
            event: None,
            workflow: None,
            workflow_commit: None,
            job_workflow: None,
            job_workflow_commit: None,
            run_id: None,
            run_attempt: None,
            job: None,
            environment: None,
            runner: Runner::Unknown,
            actor_id: None,
            token_id: self.claims.token_id()?,
            expires: self.expires,
        })
    }

    fn runner(&self, hosted: &str, only: bool) -> Result<Runner, Refused> {
        let found = self.claims.optional("runner_environment")?;
        let runner = match found.as_deref() {
            Some(name) if name == hosted => Runner::Hosted,
            Some("self-hosted") => Runner::SelfHosted,
            _ => Runner::Unknown,
        };
        if only && runner != Runner::Hosted {
            let found = repeated(found.as_deref().unwrap_or("nothing"));
            let what = format!("expected a runner that is `{hosted}`, found `{found}`");
            return Err(Refused::new(Code::Runner, what));
        }
        Ok(runner)
    }
}

fn owned_by(owner: &str, allowed: &std::collections::BTreeSet<String>, what: &str) -> Result<(), Refused> {
    if allowed.is_empty() || allowed.contains(owner) {
        return Ok(());
    }
    let owner = repeated(owner);
    Err(Refused::new(
        Code::Owner,
        format!("{what} `{owner}` is none of those that are configured"),
    ))
}

fn started_by(event: &str, safe: &[&str], more: &std::collections::BTreeSet<String>) -> Result<(), Refused> {
    if safe.contains(&event) || more.contains(event) {
        return Ok(());
    }
    let event = repeated(event);
    let what = format!(
        "the job was started by `{event}`, which lets others than the repository's own people decide what runs"
    );
    Err(Refused::new(Code::Event, what))
}

fn runs_for(git_ref: &str, patterns: &[RefPattern]) -> Result<(), Refused> {
    if patterns.iter().any(|pattern| pattern.matches(git_ref)) {
        return Ok(());
    }
    let git_ref = repeated(git_ref);
    Err(Refused::new(
        Code::Ref,
        format!("the job runs for `{git_ref}`, which is none of the refs that are configured"),
    ))
}

fn is_protected(protected: Option<bool>, git_ref: &str) -> Result<(), Refused> {
    if protected == Some(true) {
        return Ok(());
    }
    let git_ref = repeated(git_ref);
    Err(Refused::new(
        Code::RefNotProtected,
        format!("`{git_ref}` is not protected"),
    ))
}
