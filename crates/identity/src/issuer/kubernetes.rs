//! Service accounts of a cluster. Source: Kubernetes, "Managing Service Accounts", *Bound service account tokens*; KEP-1205 and KEP-4193.

use serde_json::Value;

use super::{Verified, owned_by};
use crate::config::Kubernetes;
use crate::refused::{Code, Refused};
use crate::submitter::{IssuerKind, RepositoryId, Submitter};
use crate::token::{Claims, missing, repeated};

/// Whom the claims name. `sub` says the same in one text, and has to.
pub(crate) struct Account {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) pod_uid: String,
}

impl Account {
    pub(crate) fn of(claims: &Claims) -> Result<Self, Refused> {
        let bound = claims.get("kubernetes.io").ok_or_else(|| missing("kubernetes.io"))?;
        let text = |path: &str| {
            bound
                .pointer(path)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let needed = |path: &str| text(path).ok_or_else(|| missing(&format!("kubernetes.io{path}")));
        let account = Self {
            namespace: needed("/namespace")?,
            name: needed("/serviceaccount/name")?,
            uid: needed("/serviceaccount/uid")?,
            pod_uid: text("/pod/uid").ok_or_else(|| {
                Refused::new(
                    Code::PodRequired,
                    "the token is bound to no pod: expected one that Kubernetes projects into a pod",
                )
            })?,
        };
        let (expected, found) = (account.user(), claims.text("sub")?);
        if expected != found {
            let (expected, found) = (repeated(&expected), repeated(&found));
            return Err(Refused::new(
                Code::Claim,
                format!("expected `{expected}` as `sub`, found `{found}`"),
            ));
        }
        Ok(account)
    }

    /// As the API server calls it.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

pub(super) fn submitter(kubernetes: &Kubernetes, verified: &Verified<'_>) -> Result<Submitter, Refused> {
    let account = Account::of(verified.claims)?;
    owned_by(&account.namespace, &kubernetes.namespaces, "the namespace")?;
    let name = format!("{}/{}", account.namespace, account.name);
    let repository = RepositoryId {
        issuer: kubernetes.url.clone(),
        repository_id: name.clone(),
        owner_id: Some(account.namespace),
        display: name,
    };
    Ok(Submitter {
        workflow: Some(account.name),
        job: Some(account.pod_uid),
        ..verified.named(IssuerKind::Kubernetes, repository)?
    })
}
