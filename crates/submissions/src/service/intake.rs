//! What is taken in: a submission, and the reports for it.

use bytes::Bytes;
use countersign_gate::submission::{self, State};
use countersign_gate::{Report, ReportError, RepositoryRef, redacted};
use countersign_image::{Digest, Repository, Tag};
use countersign_ledger::EventType;
use countersign_store as store;
use countersign_wire::{self as wire, Code, MAX_SLOTS};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;

use super::records::{Job, job, record};
use super::told::HandedIn;
use super::{Service, told};
use crate::catalog::Catalog;
use crate::door::Refusal;

/// How long an upload waits for a place.
const WAITS_FOR_A_PLACE: std::time::Duration = std::time::Duration::from_secs(15);
/// The longest name of an environment, in bytes.
const MAX_ENVIRONMENT: usize = 63;

/// What was asked for, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) image: wire::ImageName,
    pub(crate) environment: String,
    pub(crate) tag: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) repository_url: Option<String>,
}

/// What came of a submission.
pub(crate) enum Creation {
    New(wire::Submission),
    Same(wire::Submission),
    AlreadyPublished(wire::Submission),
}

/// A submission that takes reports in.
pub(crate) struct OpenForEvidence(store::Submission);

/// What came of a report.
pub(crate) enum Taken {
    New(wire::Evidence),
    Same(wire::Evidence),
}

impl Service {
    #[expect(
        clippy::too_many_lines,
        reason = "one row, and each of its fields where it comes from"
    )]
    pub(crate) async fn create(
        &self,
        caller: &Job,
        question: wire::NewSubmission,
        key: &str,
        body: Digest,
    ) -> Result<Creation, Refusal> {
        let asked = Asked::read(question, caller)?;
        if !self.settings.speaks_to(&asked.repository) {
            let detail = format!(
                "`{}` is no registry that this service speaks to",
                asked.repository.host()
            );
            return Err(Refusal::with(Code::RegistryNotAllowed, detail));
        }
        let catalog = self.catalogs.current();
        let (gate, gate_digest) = match asked.governed(&catalog, caller) {
            Ok(gate) => gate,
            Err(refusal) => {
                let denied = record(EventType::AccessRefused, job(caller), self.now()).reason(refusal.code().name());
                self.append(denied.image(&asked.image())).await?;
                return Err(refusal);
            }
        };
        let now = self.now();
        let unsealed = SignedDuration::try_from(self.settings.limits.unsealed).unwrap_or(SignedDuration::MAX);
        let request = serde_json::to_string(&asked.request).map_err(|error| Refusal::internal(&error))?;
        let repository = asked.repository.policy_name();
        let submitter = &caller.submitter;
        let run = submitter.run_id.clone().unwrap_or_default();
        let natural = submission::Job {
            issuer: &submitter.repository.issuer,
            repository_id: &submitter.repository.repository_id,
            run_id: &run,
            run_attempt: submitter.run_attempt.as_deref().unwrap_or_default(),
            // A job that names no run is told apart by its key alone.
            job: if run.is_empty() {
                key
            } else {
                submitter.job.as_deref().unwrap_or_default()
            },
            repository: &repository,
            image: asked.digest,
            environment: &asked.request.environment,
            policy: gate_digest,
            request: Digest::sha256(request.as_bytes()),
        };
        let natural_key = natural.natural_key().map_err(|error| Refusal::internal(&error))?;
        let mut random = [0; 10];
        aws_lc_rs::rand::fill(&mut random).map_err(|error| Refusal::internal(&error))?;
        let id = submission::id(u64::try_from(now.as_millisecond()).unwrap_or_default(), random);
        let known = serde_json::to_string(caller).map_err(|error| Refusal::internal(&error))?;
        let new = store::Asked {
            id: id.clone(),
            natural_key,
            repository,
            image: asked.digest,
            environment: asked.request.environment.clone(),
            issuer: submitter.repository.issuer.clone(),
            repository_id: submitter.repository.repository_id.clone(),
            commit: asked.request.commit.clone(),
            submitter: known,
            request,
            created: now,
        };
        let idempotency = store::Idempotency {
            scope: format!("{}\n{}", new.issuer, new.repository_id),
            key: key.to_owned(),
            body,
        };
        if let Err(full) = self.has_room(&new).await
            // What was asked before takes no room: its answer may have been lost.
            && !self.store.is_there(&new, gate_digest, &idempotency).await?
        {
            return Err(full);
        }
        let leaf = record(EventType::Submitted, job(caller), now)
            .submission(&id)
            .image(&asked.image())
            .states(None, State::Received.name())
            .gate(gate_digest)
            .done();
        let created = self
            .store
            .create(
                &new,
                (&gate, gate_digest),
                &idempotency,
                None,
                now + unsealed,
                vec![leaf],
            )
            .await?;
        match created {
            store::Created::New(submission) => {
                self.metrics.entered(State::Received.name());
                tracing::info!(
                    submission = id,
                    image = asked.image(),
                    to = State::Received.name(),
                    "a submission stepped on"
                );
                Ok(Creation::New(self.told(&submission).await?))
            }
            store::Created::Same(submission) => Ok(Creation::Same(self.told(&submission).await?)),
            store::Created::AlreadyPublished(submission) => {
                Ok(Creation::AlreadyPublished(self.told(&submission).await?))
            }
            store::Created::Mismatch => Err(Refusal::new(Code::IdempotencyMismatch)),
        }
    }

    /// Refuses whoever has too many submissions that are not over.
    async fn has_room(&self, new: &store::Asked) -> Result<(), Refusal> {
        let most = self.settings.limits.open_per_repository;
        let mut open = 0;
        for state in [State::Received, State::Evaluating, State::Signing, State::Publishing] {
            let filter = store::Filter {
                of: Some((new.issuer.clone(), new.repository_id.clone())),
                state: Some(state),
                ..store::Filter::default()
            };
            open += self.store.list(&filter, most + 1).await?.len() as u64;
        }
        if open < most {
            return Ok(());
        }
        let detail = format!("this repository has {open} submissions that are not over: wait for them, or cancel some");
        Err(Refusal::with(Code::QuotaExceeded, detail).after(60))
    }

    /// A submission that the caller may hand reports in for, now.
    pub(crate) async fn open_for_evidence(&self, caller: &Job, id: &str) -> Result<OpenForEvidence, Refusal> {
        let submission = self.visible(caller, id).await?;
        let submitted: Job = told::read(&submission.asked.submitter)?;
        if submitted.submitter.run_id != caller.submitter.run_id {
            let detail = "this submission is another run's: its reports come from its own jobs";
            return Err(Refusal::with(Code::JobNotAllowed, detail));
        }
        if submission.state != State::Received {
            return Err(Refusal::new(Code::AlreadySealed));
        }
        Ok(OpenForEvidence(submission))
    }

    /// Memory for one report.
    pub(crate) async fn place_for_upload(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let busy = || Refusal::with(Code::QuotaExceeded, "too many reports are on their way; try again").after(2);
        let place = tokio::time::timeout(WAITS_FOR_A_PLACE, self.uploads.acquire()).await;
        place.map_err(|_| busy())?.map_err(|_| busy())
    }

    pub(crate) async fn take_in(
        &self,
        caller: &Job,
        open: &OpenForEvidence,
        slot: &str,
        platform: Option<&str>,
        bytes: Bytes,
    ) -> Result<Taken, Refusal> {
        let OpenForEvidence(submission) = open;
        let place = self
            .readers
            .acquire()
            .await
            .map_err(|error| Refusal::internal(&error))?;
        let tools = self.settings.tools.clone();
        let reading = tokio::task::spawn_blocking(move || recognised(&bytes, &tools));
        let recognised = reading.await.map_err(|error| Refusal::internal(&error))?;
        drop(place);
        let (sha256, size, clean, mut details) = recognised?;
        let stored = {
            let blobs = self.blobs.clone();
            let putting = tokio::task::spawn_blocking(move || blobs.put(&clean));
            let put = putting.await.map_err(|error| Refusal::internal(&error))?;
            put.map_err(|error| Refusal::unavailable(&error))?
        };
        details.workflow = caller
            .submitter
            .job_workflow
            .clone()
            .or_else(|| caller.submitter.workflow.clone());
        details.commit = caller.submitter.commit.clone();
        let row = store::EvidenceRow {
            slot: slot.to_owned(),
            received: sha256,
            sha256: stored,
            size,
            format: details.format.clone(),
            platform: platform.map(str::to_owned),
            detail: serde_json::to_string(&details).map_err(|error| Refusal::internal(&error))?,
            time: self.now(),
        };
        let leaf = record(EventType::EvidenceReceived, job(caller), row.time)
            .submission(&submission.asked.id)
            .image(&image_of(submission))
            .item(slot)
            .object("evidence", sha256)
            .object("stored", stored)
            .done();
        match self
            .store
            .add_evidence(&submission.asked.id, &row, MAX_SLOTS as u64, vec![leaf])
            .await?
        {
            store::Added::Added => Ok(Taken::New(told::evidence(&row)?)),
            store::Added::Same => Ok(Taken::Same(told::evidence(&row)?)),
            store::Added::SlotTaken => Err(Refusal::with(
                Code::SlotTaken,
                format!("the slot `{slot}` holds another report; choose another name"),
            )),
            store::Added::Sealed => Err(Refusal::new(Code::AlreadySealed)),
            store::Added::Full => Err(Refusal::with(
                Code::TooManySlots,
                format!("a submission has at most {MAX_SLOTS} reports"),
            )),
        }
    }
}

/// The image of a submission, as the ledger and people name it.
pub(crate) fn image_of(submission: &store::Submission) -> String {
    format!("{}@{}", submission.asked.repository, submission.asked.image)
}

/// What a report is, and its bytes without the secrets in them. Nothing of it is kept where it is not recognised.
fn recognised(bytes: &Bytes, tools: &countersign_gate::Tools) -> Result<(Digest, u64, Bytes, HandedIn), Refusal> {
    let refused = |error: &dyn std::fmt::Display| Refusal::with(Code::ReportRefused, error);
    let clean = redacted(bytes, tools).map_err(|error| refused(&error))?;
    let is_redacted = clean.is_some();
    let kept = clean.map_or_else(|| bytes.clone(), Bytes::from);
    let report = match Report::read(&kept, tools) {
        Err(ReportError::Unknown) => Report::custom(&kept).map(|custom| custom.report),
        read => read,
    };
    let report = report.map_err(|error| refused(&error))?;
    let details = HandedIn {
        format: report.format.name().to_owned(),
        tools: report.tools.iter().map(tool).collect(),
        findings: report.findings.len() as u64,
        redacted: is_redacted,
        workflow: None,
        commit: None,
    };
    Ok((Digest::sha256(bytes), bytes.len() as u64, kept, details))
}

fn tool(tool: &countersign_gate::Tool) -> String {
    match &tool.version {
        Some(version) => format!("{} {version}", tool.name),
        None => tool.name.clone(),
    }
}

/// A question that could be answered.
struct Asked {
    repository: Repository,
    digest: Digest,
    gate: Option<String>,
    request: Request,
}

impl Asked {
    fn read(question: wire::NewSubmission, caller: &Job) -> Result<Self, Refusal> {
        let wire::NewSubmission {
            image,
            environment,
            gate,
            source,
            promote,
        } = question;
        let digest = Digest::parse(&image.digest).map_err(|error| {
            let detail = format!("only a digest says which image it is: {error}");
            Refusal::with(Code::DigestRequired, detail)
        })?;
        let named = format!("{}/{}", image.registry, image.repository);
        let repository = Repository::parse(&named).map_err(|error| Refusal::with(Code::ImageRefused, error))?;
        if repository.host() != image.registry || repository.path() != image.repository {
            let detail = format!(
                "expected registry and repository as `{}` and `{}`",
                repository.host(),
                repository.path()
            );
            return Err(Refusal::with(Code::ImageRefused, detail));
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if environment.is_empty() || environment.len() > MAX_ENVIRONMENT || !environment.bytes().all(is_word) {
            let detail = format!("an environment has up to {MAX_ENVIRONMENT} letters, digits, `.`, `_` and `-`");
            return Err(Refusal::with(Code::Malformed, detail));
        }
        if let Some(tag) = &promote.tag {
            Tag::parse(tag).map_err(|error| Refusal::with(Code::ImageRefused, error))?;
        }
        let (repository_url, said) = source.map_or((None, None), |source| (source.repository_url, source.commit));
        let commit = match (&caller.submitter.commit, said) {
            (Some(proved), Some(said)) if *proved != said => {
                let detail = format!("the job runs on the commit {proved}, and the request names another");
                return Err(Refusal::with(Code::JobNotAllowed, detail));
            }
            (Some(proved), _) => Some(proved.clone()),
            (None, said) => said,
        };
        if repository_url.as_ref().is_some_and(|url| url.len() > 2048) {
            return Err(Refusal::with(Code::Malformed, "`source` is longer than any source"));
        }
        let is_commit = |sha: &String| matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        if commit.as_ref().is_some_and(|sha| !is_commit(sha)) {
            return Err(Refusal::with(
                Code::Malformed,
                "a commit has 40 or 64 hexadecimal digits",
            ));
        }
        Ok(Self {
            repository,
            digest,
            gate,
            request: Request {
                image,
                environment,
                tag: promote.tag,
                commit,
                repository_url,
            },
        })
    }

    fn image(&self) -> String {
        format!("{}@{}", self.repository.policy_name(), self.digest)
    }

    /// The gate that governs, by the binding of the caller's repository.
    fn governed(&self, catalog: &Catalog, caller: &Job) -> Result<(String, Digest), Refusal> {
        let repository = &caller.submitter.repository;
        let source = RepositoryRef {
            issuer: &caller.submitter.issuer,
            repository_id: &repository.repository_id,
            owner_id: repository.owner_id.as_deref(),
        };
        // Whether somebody else may is nobody's business.
        let unbound = || {
            let detail = format!(
                "no RepositoryBinding lets `{}` of `{}` submit images of `{}`",
                repository.repository_id,
                caller.submitter.issuer,
                self.repository.policy_name()
            );
            Refusal::with(Code::ImageNotBound, detail)
        };
        let binding = catalog.bindings.of(&source).ok_or_else(unbound)?;
        if !binding.may_touch(&self.repository) {
            return Err(unbound());
        }
        let environment = &self.request.environment;
        let name = binding.gate(environment).ok_or_else(|| {
            let detail = format!(
                "the binding `{}` names no gate for the environment `{environment}`",
                binding.name
            );
            Refusal::with(Code::GateUnknown, detail)
        })?;
        if self.gate.as_deref().is_some_and(|expected| expected != name) {
            let detail = format!("the gate for `{environment}` is `{name}`");
            return Err(Refusal::with(Code::GateUnknown, detail));
        }
        let gate = catalog.gates.governing(name, environment, &self.repository);
        let gate = gate.map_err(|error| Refusal::with(Code::GateUnknown, crate::door::Chain(&error)))?;
        allowed(&gate, caller)?;
        Ok((name.to_owned(), gate.digest))
    }
}

/// Whether a gate takes jobs of this sort at all.
pub(crate) fn allowed(gate: &countersign_gate::Gate, caller: &Job) -> Result<(), Refusal> {
    let (sources, submitter) = (&gate.sources, &caller.submitter);
    let refuse = |detail: String| Err(Refusal::with(Code::SourceNotAllowed, detail));
    if !sources.issuers.is_empty() && !sources.issuers.contains(&submitter.issuer) {
        return refuse(format!(
            "the gate `{}` takes no jobs of `{}`",
            gate.name, submitter.issuer
        ));
    }
    let reference = submitter.git_ref.as_deref().unwrap_or_default();
    if !sources.refs.accept(reference) {
        return refuse(format!(
            "the gate `{}` takes nothing that is built from `{reference}`",
            gate.name
        ));
    }
    if sources.forbid_self_hosted_runners && submitter.runner != countersign_identity::Runner::Hosted {
        return refuse(format!(
            "the gate `{}` believes runners of the issuer's own alone",
            gate.name
        ));
    }
    Ok(())
}
