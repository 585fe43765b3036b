//! A cluster's word on a token of its own: `TokenReview` (`authentication.k8s.io/v1`). It knows what no signature tells: that the
//! pod is gone, or the service account.

use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tracing::warn;
use url::Url;

use crate::config::{ConfigError, Reviewer};
use crate::issuer::Account;
use crate::refused::{Code, Refused};
use crate::web::{Secret, Web, Webs};

/// The most bytes of an answer.
const CAP: usize = 64 * 1024;
/// The most questions at a time.
const AT_ONCE: usize = 16;
const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

pub(crate) struct Review {
    /// What the configuration calls the issuer.
    issuer: String,
    url: Url,
    secret: Secret,
    web: Web,
    places: Semaphore,
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    audiences: Vec<String>,
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    extra: std::collections::BTreeMap<String, Vec<String>>,
}

impl Review {
    pub(crate) fn new(issuer: &str, reviewer: &Reviewer, webs: &Webs) -> Result<Self, ConfigError> {
        let web = webs
            .with(reviewer.certificate_authorities.as_deref())
            .map_err(|detail| ConfigError::Client {
                name: issuer.to_owned(),
                detail,
            })?;
        let mut url = reviewer.server.clone();
        url.set_path(&format!("{}{PATH}", url.path().trim_end_matches('/')));
        Ok(Self {
            issuer: issuer.to_owned(),
            url,
            secret: Secret(reviewer.token_file.clone()),
            web,
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Fails where the API server does not say that this is a token for us, of this account and in this pod.
    pub(crate) async fn ask(&self, token: &str, audience: &str, account: &Account) -> Result<(), Refused> {
        let issuer = &self.issuer;
        // What kept us is in the log: whoever asks may be anybody, and it tells of our network.
        let unavailable = |why: &str| {
            warn!(issuer, why, "a token cannot be reviewed");
            let what = format!("the API server of issuer `{issuer}` cannot review the token now");
            Refused::new(Code::Unavailable, what)
        };
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| unavailable("the service is stopping"))?;
        let question = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        });
        let way = self.web.configured(&self.url);
        let answer = way
            .post(&self.url, &self.secret, question.to_string().into_bytes(), CAP)
            .await;
        let answer = answer.map_err(|error| unavailable(&error.to_string()))?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|_| unavailable("it answered with something else than a review"))?;
        accepted(&answer.status, audience, account)
    }
}

fn accepted(status: &Status, audience: &str, account: &Account) -> Result<(), Refused> {
    let revoked = |what: &str| Err(Refused::new(Code::Revoked, what));
    if !status.authenticated {
        return revoked(
            "the API server does not accept the token: its service account or its pod is gone, or the token was invalidated",
        );
    }
    // A server that knows nothing of audiences leaves them away, and has looked at none.
    if !status.audiences.iter().any(|found| found == audience) {
        return revoked("the API server does not say that the token is for this service");
    }
    let pods = status.user.extra.get(POD_UID).map(Vec::as_slice).unwrap_or_default();
    let is_same =
        status.user.username == account.user() && status.user.uid == account.uid && pods == [account.pod_uid.as_str()];
    if !is_same {
        return revoked("the API server says that the token is another's");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://sign.example.com";

    /// Of the API server's answer each part counts. What a real one answers is in the acceptance tests.
    #[test]
    fn only_a_whole_yes_is_one() {
        let account = Account {
            namespace: "ci".to_owned(),
            name: "builder".to_owned(),
            uid: "s-uid".to_owned(),
            pod_uid: "p-uid".to_owned(),
        };
        let whole = json!({
            "authenticated": true, "audiences": [OURS],
            "user": {"username": "system:serviceaccount:ci:builder", "uid": "s-uid", "extra": {POD_UID: ["p-uid"]}},
        });
        for (path, value, is_accepted) in [
            ("", whole.clone(), true),
            ("", json!({}), false),
            ("/authenticated", json!(false), false),
            ("/audiences", json!([]), false),
            ("/audiences", json!(["https://kubernetes.default.svc"]), false),
            ("/user/username", json!("system:serviceaccount:ci:other"), false),
            ("/user/uid", json!("another"), false),
            ("/user/extra", json!({}), false),
            ("/user/extra", json!({POD_UID: ["another"]}), false),
            ("/user/extra", json!({POD_UID: ["p-uid", "another"]}), false),
        ] {
            let mut status = whole.clone();
            *status.pointer_mut(path).unwrap() = value;
            let status: Status = serde_json::from_value(status.clone()).unwrap();
            let outcome = accepted(&status, OURS, &account);
            assert_eq!(outcome.is_ok(), is_accepted, "{path}: {outcome:?}");
            assert!(outcome.is_ok() || outcome.is_err_and(|refused| refused.code() == Code::Revoked));
        }
    }
}
