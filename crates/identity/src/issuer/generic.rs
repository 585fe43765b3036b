//! Any other OpenID provider, and SPIFFE (JWT-SVID, section 3): the configuration says which claim means what.

use super::Verified;
use crate::config::Generic;
use crate::refused::{Code, Refused};
use crate::submitter::{IssuerKind, RepositoryId, Submitter};
use crate::token::{missing, repeated};

pub(super) fn submitter(generic: &Generic, verified: &Verified<'_>) -> Result<Submitter, Refused> {
    let (claims, names) = (verified.claims, &generic.claims);
    for (name, allowed) in &generic.require {
        let found = claims.find(name)?.ok_or_else(|| missing(name))?;
        if !allowed.contains(&found) {
            let found = repeated(&found);
            let what = format!("`{name}` is `{found}`, which is none of the values that are configured");
            return Err(Refused::new(Code::ClaimNotAllowed, what));
        }
    }
    let found = |name: &Option<String>| name.as_deref().map_or(Ok(None), |name| claims.find(name));
    let repository_id = claims
        .find(&names.repository)?
        .ok_or_else(|| missing(&names.repository))?;
    let repository = RepositoryId {
        issuer: generic.url.clone(),
        owner_id: found(&names.owner)?,
        display: found(&names.display)?.unwrap_or_else(|| repository_id.clone()),
        repository_id,
    };
    Ok(Submitter {
        commit: found(&names.commit)?,
        git_ref: found(&names.git_ref)?,
        event: found(&names.event)?,
        workflow: found(&names.workflow)?,
        run_id: found(&names.run_id)?,
        run_attempt: found(&names.run_attempt)?,
        job: found(&names.job)?,
        environment: found(&names.environment)?,
        actor_id: found(&names.actor)?,
        ..verified.named(IssuerKind::Generic, repository)?
    })
}
