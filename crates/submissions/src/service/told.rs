//! What is stored, as it is told.

use countersign_gate::submission::State;
use countersign_gate::{Outcome, Status};
use countersign_identity::Submitter;
use countersign_image::Digest;
use countersign_store as store;
use countersign_wire as wire;
use serde::{Deserialize, Serialize};

use super::{Request, Service};
use crate::door::Refusal;

/// The caller, as a session says it.
pub(crate) fn whom(submitter: &Submitter) -> wire::Whom {
    wire::Whom {
        issuer: submitter.issuer.clone(),
        subject: submitter.subject.clone(),
        repository_id: submitter.repository.repository_id.clone(),
        repository: submitter.repository.display.clone(),
        commit: submitter.commit.clone(),
    }
}

/// What is known of a report besides its digests, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedIn {
    pub(crate) format: String,
    pub(crate) tools: Vec<String>,
    pub(crate) findings: u64,
    pub(crate) redacted: bool,
    pub(crate) workflow: Option<String>,
    pub(crate) commit: Option<String>,
}

/// What came of a submission, as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CameOf {
    /// Of the checks.
    #[serde(default)]
    pub(crate) checks: Vec<wire::Check>,
    /// What exactly went wrong.
    #[serde(default)]
    pub(crate) detail: Option<String>,
    /// Where it is to go.
    #[serde(default)]
    pub(crate) release: Option<PlannedRelease>,
    /// Where it is.
    #[serde(default)]
    pub(crate) published: Option<wire::Published>,
}

/// Where what was signed goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedRelease {
    /// The repository, with its registry.
    pub(crate) repository: String,
    pub(crate) tags: Vec<String>,
    /// The slots whose bytes go along as they are, with somebody else's signature.
    pub(crate) copies: Vec<String>,
}

impl CameOf {
    /// What is stored so far.
    pub(crate) fn so_far(submission: &store::Submission) -> Self {
        let text = submission.outcome.as_deref();
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("the wire's types are always JSON")
    }
}

/// What came of the checks, as it is stored and told.
pub(crate) fn checks(outcomes: &[Outcome]) -> Vec<wire::Check> {
    let told = outcomes.iter().map(|outcome| wire::Check {
        id: outcome.check.clone(),
        status: match outcome.status {
            Status::Passed => wire::CheckStatus::Passed,
            Status::Warned => wire::CheckStatus::Warned,
            Status::Failed => wire::CheckStatus::Failed,
            Status::Skipped => wire::CheckStatus::Skipped,
        },
        reasons: outcome.reasons.iter().map(reason).collect(),
        notes: outcome.notes.iter().map(reason).collect(),
        slots: outcome.slots.clone(),
    });
    told.collect()
}

fn reason(reason: &countersign_gate::Reason) -> wire::Reason {
    wire::Reason {
        code: reason.code.name().to_owned(),
        detail: reason.what.clone(),
    }
}

pub(crate) fn evidence(row: &store::EvidenceRow) -> Result<wire::Evidence, Refusal> {
    let details: HandedIn = read(&row.detail)?;
    Ok(wire::Evidence {
        slot: row.slot.clone(),
        sha256: row.received.to_string(),
        size: row.size,
        format: details.format,
        tools: details.tools,
        platform: row.platform.clone(),
        findings: details.findings,
        redacted: details.redacted,
    })
}

/// What the service itself has written.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::internal(&error))
}

impl Service {
    /// A submission as its callers see it.
    pub(crate) async fn told(&self, submission: &store::Submission) -> Result<wire::Submission, Refusal> {
        let asked = &submission.asked;
        let request: Request = read(&asked.request)?;
        let rows = self.store.evidence(&asked.id).await?;
        let signatures = self.store.signatures(&asked.id).await?;
        let came = CameOf::so_far(submission);
        Ok(wire::Submission {
            id: asked.id.clone(),
            state: state(submission.state),
            version: submission.version,
            image: request.image,
            environment: asked.environment.clone(),
            gate: wire::GateName {
                name: submission.gate.clone(),
                digest: submission.gate_digest.to_string(),
            },
            commit: request.commit,
            created: asked.created,
            updated: submission.changed,
            deadline: submission.deadline,
            evidence: rows.iter().map(evidence).collect::<Result<_, _>>()?,
            evidence_set_digest: submission.evidence_set.map(|digest| digest.to_string()),
            checks: came.checks,
            reason: submission.reason.clone().map(|code| wire::Reason {
                code,
                detail: came.detail.unwrap_or_default(),
            }),
            signatures: signatures
                .iter()
                .filter(|row| submission.view.is_none_or(|decision| decision == row.decision))
                .map(|row| wire::Signature {
                    kind: row.kind.clone(),
                    key: row.key.clone(),
                    sha256: Digest::sha256(&row.signature).to_string(),
                })
                .collect(),
            published: came.published,
            already_published: false,
        })
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Received => wire::State::Received,
        State::Evaluating => wire::State::Evaluating,
        State::AwaitingApproval => wire::State::AwaitingApproval,
        State::Signing => wire::State::Signing,
        State::Publishing => wire::State::Publishing,
        State::Published => wire::State::Published,
        State::Rejected => wire::State::Rejected,
        State::Failed => wire::State::Failed,
        State::Expired => wire::State::Expired,
        State::Cancelled => wire::State::Cancelled,
        State::Revoked => wire::State::Revoked,
    }
}
