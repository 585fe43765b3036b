//! Who says who somebody is: two OpenID providers, for jobs with the claims that GitHub gives them and for a person.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::http;
use crate::process::{Running, free_address};
use crate::programs::tool;

/// For whom the tokens are.
pub(super) const AUDIENCE: &str = "sigstore";
/// Who logs in.
pub const PERSON: &str = "sentry@acceptance.test";

/// Of everybody who may ask for a token.
const SECRET: &str = "sesame";
const PERSONS_NUMBER: &str = "sentry-1";

/// A run of a workflow, as GitHub describes it to those who ask who runs.
pub struct Job {
    /// `owner/name`.
    pub repository: &'static str,
    /// Path of the workflow in it.
    pub workflow: &'static str,
    /// What was checked out.
    pub git_ref: &'static str,
    /// What started it.
    pub event: &'static str,
}

impl Job {
    /// The one whose images are to be let in.
    pub const RELEASE: Self = Self {
        repository: "acceptance/images",
        workflow: ".github/workflows/release.yaml",
        git_ref: "refs/heads/main",
        event: "push",
    };
    /// Another of the same repository, which anybody's pull request can start.
    pub const CHECK: Self = Self {
        workflow: ".github/workflows/check.yaml",
        git_ref: "refs/pull/7/merge",
        event: "pull_request",
        ..Self::RELEASE
    };

    /// The name that a certificate gives it.
    pub fn identity(&self) -> String {
        format!("https://github.com/{}", self.workflow_ref())
    }

    fn workflow_ref(&self) -> String {
        format!("{}/{}@{}", self.repository, self.workflow, self.git_ref)
    }

    /// The name that its token gives it.
    fn subject(&self) -> String {
        format!("repo:{}:ref:{}", self.repository, self.git_ref)
    }

    fn claims(&self) -> Value {
        let (commit, reference) = ("5f0d2bce4f7a8b0e0b2f6a1a3c9d8e7f60514233", self.workflow_ref());
        json!({
            "repository": self.repository, "repository_owner": "acceptance", "repository_visibility": "public",
            "repository_id": "4711", "repository_owner_id": "42",
            "ref": self.git_ref, "sha": commit, "event_name": self.event, "workflow": "images",
            "workflow_ref": reference, "workflow_sha": commit, "job_workflow_ref": reference, "job_workflow_sha": commit,
            "runner_environment": "github-hosted", "run_id": "1001", "run_attempt": "1",
        })
    }
}

pub(super) struct Issuer {
    _running: Running,
    jobs: SocketAddr,
    people: SocketAddr,
}

impl Issuer {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let job = |job: &Job| Claimant::new(job.subject(), job.claims());
        let person = Claimant::new(
            PERSONS_NUMBER.to_owned(),
            json!({"email": PERSON, "email_verified": true}),
        );
        let (running, addresses) = providers(folder, &[&[job(&Job::RELEASE), job(&Job::CHECK)], &[person]])?;
        let &[jobs, people] = addresses.as_slice() else {
            bail!("expected two providers, found {}", addresses.len())
        };
        Ok(Self {
            _running: running,
            jobs,
            people,
        })
    }

    pub(super) fn of_jobs(&self) -> String {
        format!("http://{}", self.jobs)
    }

    pub(super) fn of_people(&self) -> String {
        format!("http://{}", self.people)
    }

    pub(super) fn job_token(&self, job: &Job) -> Result<String> {
        token(self.jobs, &job.subject(), &urn(AUDIENCE))
    }

    pub(super) fn foreign_token(&self, job: &Job) -> Result<String> {
        token(self.jobs, &job.subject(), &urn("somebody-else"))
    }

    pub(super) fn person_token(&self) -> Result<String> {
        token(self.people, PERSONS_NUMBER, &urn(AUDIENCE))
    }
}

/// Somebody who may ask a provider for a token, and what is in it.
pub(crate) struct Claimant {
    id: String,
    claims: Value,
}

impl Claimant {
    pub(crate) fn new(id: String, claims: Value) -> Self {
        Self { id, claims }
    }
}

/// Starts as many OpenID providers as there are lists of those who may ask one.
pub(crate) fn providers(folder: &Path, who: &[&[Claimant]]) -> Result<(Running, Vec<SocketAddr>)> {
    let addresses = who.iter().map(|_| free_address()).collect::<Result<Vec<_>>>()?;
    let may_ask = |one: &Claimant| json!({"id": one.id, "secret": SECRET, "claims": one.claims});
    let issuers = addresses.iter().zip(who).map(|(address, who)| {
        let who: Vec<Value> = who.iter().map(may_ask).collect();
        json!({"port": address.port(), "who": who})
    });
    let config = json!({"issuers": issuers.collect::<Vec<_>>()});
    let path = folder.join("issuers.json");
    std::fs::write(&path, config.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    let mut running = Running::start("oidc-provider", folder, &tool("oidc-provider")?, |command| {
        command.arg(&path).env("HOME", folder);
    })?;
    running.until_ready(|| {
        addresses.iter().all(|issuer| {
            http::get(*issuer, "/.well-known/openid-configuration").is_ok_and(|answer| answer.status == 200)
        })
    })?;
    Ok((running, addresses))
}

fn urn(audience: &str) -> String {
    format!("urn:{audience}")
}

/// RFC 6749, section 4.4, for the audience that RFC 8707's resource stands for.
pub(crate) fn token(issuer: SocketAddr, who: &str, resource: &str) -> Result<String> {
    let encoded = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
    let form = format!("grant_type=client_credentials&resource={}", encoded(resource));
    let answer = http::form(issuer, "/token", &encoded(who), SECRET, &form)?;
    if answer.status != 200 {
        bail!("{issuer} answered {} for a token:\n{}", answer.status, answer.body);
    }
    let answer: Value = serde_json::from_str(&answer.body).context("what was answered for a token is not JSON")?;
    let token = answer["access_token"].as_str();
    token
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("there is no token in {answer}"))
}
