//! Who may submit: tokens of a certified OpenID provider, and of a real API server, as the signing service takes them.

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_acceptance::jobs::{Host, Jobs};
use countersign_acceptance::objects;
use countersign_acceptance::plane::Plane;
use countersign_acceptance::wait::{self, SOON};
use countersign_identity::{Code, IssuerConfig, Issuers, Refused, Submitter};
use jiff::Timestamp;
use serde_json::{Value, json};

const AUDIENCE: &str = "https://sign.acceptance.test";
const NAMESPACE: &str = "identity";

fn issuers(configs: Value) -> Result<Issuers> {
    let configs: Vec<IssuerConfig> = serde_json::from_value(configs).context("no configuration of issuers")?;
    Ok(Issuers::new(&configs, AUDIENCE)?)
}

fn ask(issuers: &Issuers, token: &str) -> Result<Result<Submitter, Refused>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(issuers.verify(token, Timestamp::now())))
}

fn code(issuers: &Issuers, token: &str) -> Result<Option<Code>> {
    Ok(ask(issuers, token)?.err().map(|refused| refused.code()))
}

#[test]
fn jobs_of_github_and_gitlab_show_tokens_of_a_certified_provider() -> Result<()> {
    let jobs = Jobs::start()?;
    let issuers = issuers(json!([
        {"name": "hub", "github": {"url": jobs.issuer(Host::GitHub), "owners": [42]}},
        {"name": "lab", "gitlab": {"url": jobs.issuer(Host::GitLab), "namespaces": [42]}},
    ]))?;
    for (host, job, expected) in [
        (Host::GitHub, "push", None),
        (Host::GitHub, "tag", None),
        (Host::GitHub, "change", Some(Code::Event)),
        (Host::GitLab, "push", None),
        (Host::GitLab, "tag", None),
        (Host::GitLab, "change", Some(Code::Event)),
        (Host::GitLab, "fork", Some(Code::Event)),
        // Its ref is that of the merge request, and what counts is the branch that the train leads into.
        (Host::GitLab, "train", None),
    ] {
        let found = code(&issuers, &jobs.token(host, job, AUDIENCE)?)?;
        assert_eq!(found, expected, "{host:?}, {job}");
        let foreign = jobs.token(host, job, "https://elsewhere.acceptance.test")?;
        assert_eq!(code(&issuers, &foreign)?, Some(Code::Audience), "{host:?}, {job}");
    }
    let token = jobs.token(Host::GitHub, "push", AUDIENCE)?;
    let submitter = ask(&issuers, &token)??;
    assert_eq!(submitter.repository.repository_id, "4711");
    assert_eq!(submitter.subject, "push", "whatever it is");
    let again = ask(&issuers, &jobs.token(Host::GitHub, "push", AUDIENCE)?)??;
    assert_ne!(submitter.token_id, again.token_id, "each token is another");
    let (message, signature) = token.rsplit_once('.').ok_or_else(|| anyhow!("no token"))?;
    let turned: String = signature.chars().rev().collect();
    let forged = ask(&issuers, &format!("{message}.{turned}"))?;
    assert!(forged.is_err_and(|refused| !refused.to_string().contains(signature)));
    Ok(())
}

/// A namespace with an account of builders and a reviewer.
struct Cluster {
    plane: std::sync::Arc<Plane>,
    folder: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Result<Self> {
        let plane = Plane::shared()?;
        plane.namespace(NAMESPACE)?;
        let cluster = Self {
            plane,
            folder: tempfile::tempdir()?,
        };
        for account in ["builder", "reviewer", "nobody"] {
            cluster.kubectl(&["create", "serviceaccount", account])?;
        }
        let account = format!("--serviceaccount={NAMESPACE}:reviewer");
        cluster.kubectl(&[
            "create",
            "clusterrolebinding",
            "identity-reviewer",
            "--clusterrole=system:auth-delegator",
            &account,
        ])?;
        cluster.pod("build-1")?;
        for account in ["reviewer", "nobody"] {
            let token = cluster.kubectl(&["create", "token", account])?;
            std::fs::write(cluster.folder.path().join(account), token)?;
        }
        Ok(cluster)
    }

    fn kubectl(&self, words: &[&str]) -> Result<String> {
        let said = self.plane.kubectl(&[&["-n", NAMESPACE], words].concat())?.success()?;
        Ok(said.stdout.trim().to_owned())
    }

    fn pod(&self, name: &str) -> Result<()> {
        let mut pod = objects::pod(name, "example.org/app:1");
        pod["spec"]["serviceAccountName"] = "builder".into();
        let said = self
            .plane
            .kubectl_with(&["create", "-n", NAMESPACE, "-f", "-"], &pod.to_string())?;
        said.success().map(drop)
    }

    fn token(&self, audience: &str, pod: Option<&str>) -> Result<String> {
        let audience = format!("--audience={audience}");
        let mut words = vec!["create", "token", "builder", &audience];
        if let Some(pod) = pod {
            words.extend(["--bound-object-kind=Pod", "--bound-object-name", pod]);
        }
        self.kubectl(&words)
    }

    /// Believed by the cluster's keys, which are had with somebody's token; and reviewed, if so asked.
    fn issuers(&self, account: &str, is_reviewed: bool) -> Result<Issuers> {
        let server = format!("https://{}", self.plane.address());
        let (authority, token) = (self.plane.authority().certificate(), self.folder.path().join(account));
        let mut kubernetes = json!({"url": "https://kubernetes.default.svc", "namespaces": [NAMESPACE]});
        if is_reviewed {
            kubernetes["tokenReview"] =
                json!({"server": server, "certificateAuthorities": authority, "tokenFile": token});
        } else {
            let url = format!("{server}/openid/v1/jwks");
            kubernetes["keys"] = json!({"url": url, "certificateAuthorities": authority, "tokenFile": token});
        }
        issuers(json!([{"name": "cluster", "kubernetes": kubernetes}]))
    }

    /// As clusters gave them out before tokens were bound: out of a secret.
    fn legacy_token(&self) -> Result<String> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "legacy", "annotations": {"kubernetes.io/service-account.name": "builder"}},
        });
        let said = self
            .plane
            .kubectl_with(&["create", "-n", NAMESPACE, "-f", "-"], &secret.to_string())?;
        said.success()?;
        let token = wait::until("the token in a secret", SOON, || {
            let secret = self.plane.stored(NAMESPACE, "secret", "legacy")?;
            Ok(secret["data"]["token"].as_str().map(str::to_owned))
        })?;
        Ok(String::from_utf8(STANDARD.decode(token)?)?)
    }
}

#[test]
fn a_pod_shows_the_token_that_its_api_server_signed() -> Result<()> {
    let cluster = Cluster::new()?;
    let (bound, unbound) = (
        cluster.token(AUDIENCE, Some("build-1"))?,
        cluster.token(AUDIENCE, None)?,
    );
    let foreign = cluster.token("https://elsewhere.acceptance.test", Some("build-1"))?;
    let legacy = cluster.legacy_token()?;
    let (by_keys, reviewed) = (cluster.issuers("nobody", false)?, cluster.issuers("reviewer", true)?);
    for issuers in [&by_keys, &reviewed] {
        let submitter = ask(issuers, &bound)??;
        assert_eq!(submitter.repository.repository_id, "identity/builder");
        assert_eq!(submitter.subject, "system:serviceaccount:identity:builder");
        let pod = cluster.plane.stored(NAMESPACE, "pod", "build-1")?;
        assert_eq!(submitter.job.as_deref(), pod["metadata"]["uid"].as_str());
        assert_eq!(code(issuers, &unbound)?, Some(Code::PodRequired));
        assert_eq!(code(issuers, &foreign)?, Some(Code::Audience));
        assert_eq!(code(issuers, &legacy)?, Some(Code::LegacySecret));
    }
    // Who may not review tokens knows nothing about them: an outage of ours, and no refusal of the job's.
    let powerless = cluster.issuers("nobody", true)?;
    assert_eq!(code(&powerless, &bound)?, Some(Code::Unavailable));

    cluster.kubectl(&["delete", "pod", "build-1", "--force", "--grace-period=0"])?;
    // The API server remembers its own answers for some seconds.
    wait::until("the token of a pod that is gone is refused", SOON, || {
        Ok(code(&reviewed, &bound)?.filter(|code| *code == Code::Revoked))
    })?;
    assert_eq!(code(&by_keys, &bound)?, None, "what keys alone cannot know");
    // One of the same name is not the same pod.
    cluster.pod("build-1")?;
    assert_eq!(code(&reviewed, &bound)?, Some(Code::Revoked));
    cluster.kubectl(&["delete", "clusterrolebinding", "identity-reviewer"])?;
    cluster
        .kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"])
        .map(drop)
}
