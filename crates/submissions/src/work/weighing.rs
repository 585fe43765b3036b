//! A submission with everything that its gate is asked about, looked at again just now: the image fetched by its digest, the
//! reports read again from what is stored, the gate as it is written today.

use std::collections::BTreeMap;
use std::time::Instant;

use countersign_gate::report::{CustomDocument, ReportError};
use countersign_gate::{
    Configuration, Evidence, Gate, Image, Known, Proof, Report, RepositoryBinding, RepositoryRef, Runner, Source,
    Submitted, Tools,
};
use countersign_identity::{Runner as Machine, Submitter};
use countersign_image::{Digest, Repository, Tag};
use countersign_store as store;
use countersign_wire::Code;

use super::Broken;
use crate::catalog::Catalog;
use crate::closure::{self, Fetched};
use crate::service::{HandedIn, Job, Request, Service, allowed};

/// A report as it was handed in, read again.
pub(super) struct Item {
    slot: String,
    digest: Digest,
    bytes: Vec<u8>,
    said: Said,
    workflow: Option<String>,
    commit: Option<String>,
    platform: Option<String>,
    received: jiff::Timestamp,
    reused: bool,
    reused_for: Vec<String>,
}

/// Everything that a gate is asked about.
pub(super) struct Weighing {
    pub(super) gate: Gate,
    pub(super) fetched: Fetched,
    /// What the catalog says of the source repository.
    pub(super) binding: RepositoryBinding,
    request: Request,
    items: Vec<Item>,
    source: Source,
    image: Image,
    known: Known,
}

impl Weighing {
    /// Looks at everything again.
    pub(super) async fn look(
        service: &Service,
        submission: &store::Submission,
        deadline: Instant,
    ) -> Result<Self, Broken> {
        let asked = &submission.asked;
        let job: Job = serde_json::from_str(&asked.submitter).map_err(|error| Broken::bug(&error))?;
        let request: Request = serde_json::from_str(&asked.request).map_err(|error| Broken::bug(&error))?;
        let repository = Repository::parse(&asked.repository).map_err(|error| Broken::bug(&error))?;
        let catalog = service.catalogs.current();
        let (gate, binding) = governing(&catalog, &job, &request, &repository)?;
        let fetched = closure::fetch(
            &service.client,
            &service.credentials,
            &repository,
            &asked.image,
            deadline,
        )
        .await
        .map_err(Broken::closure)?;
        let mut items = Vec::new();
        for row in service.store.evidence(&asked.id).await? {
            items.push(Item::read(service, submission, row).await?);
        }
        let configurations: Result<BTreeMap<String, Configuration>, _> = fetched
            .configurations
            .iter()
            .map(|(platform, bytes)| Ok((platform.clone(), Configuration::read(bytes)?)))
            .collect();
        let configurations = configurations.map_err(|error: countersign_gate::facts::ConfigurationError| {
            Broken::failed(Code::ImageUnreadable, &error)
        })?;
        let first_release = !service.store.was_published_from(&repository.policy_name()).await?;
        Ok(Self {
            source: source(&job.submitter, &request, binding.labels.clone()),
            image: Image {
                tag: request.tag.as_deref().and_then(|tag| Tag::parse(tag).ok()),
                repository: repository.clone(),
                configurations,
                bases: fetched.bases.clone(),
                first_release,
            },
            known: Known::default(),
            binding,
            gate,
            fetched,
            request,
            items,
        })
    }

    /// Asks something of what is submitted.
    pub(super) fn with<R>(&self, ask: impl FnOnce(&Submitted<'_>) -> R) -> R {
        let reused: Vec<Vec<&str>> = self
            .items
            .iter()
            .map(|item| item.reused_for.iter().map(String::as_str).collect())
            .collect();
        let evidence: Vec<Evidence<'_>> = self
            .items
            .iter()
            .zip(&reused)
            .map(|(item, reused_for)| item.evidence(reused_for))
            .collect();
        ask(&Submitted {
            closure: &self.fetched.closure,
            commit: self.request.commit.as_deref(),
            evidence: &evidence,
            source: &self.source,
            image: &self.image,
            known: &self.known,
        })
    }

    /// The bytes of the reports, by slot, without the secrets in them.
    pub(super) fn bodies(&self) -> BTreeMap<&str, &[u8]> {
        self.items
            .iter()
            .map(|item| (item.slot.as_str(), item.bytes.as_slice()))
            .collect()
    }
}

impl Item {
    async fn read(service: &Service, submission: &store::Submission, row: store::EvidenceRow) -> Result<Self, Broken> {
        let handed_in: HandedIn = serde_json::from_str(&row.detail).map_err(|error| Broken::bug(&error))?;
        let bytes = read_blob(service, row.sha256).await?;
        let tools = service.settings.tools.clone();
        let place = service.readers.acquire().await.map_err(|error| Broken::bug(&error))?;
        let read = tokio::task::spawn_blocking(move || {
            let said = Said::read(&bytes, &tools);
            (bytes, said)
        });
        let (bytes, said) = read.await.map_err(|error| Broken::bug(&error))?;
        drop(place);
        let before = service.store.used_before(&row.sha256, submission).await?;
        Ok(Self {
            slot: row.slot,
            digest: row.sha256,
            workflow: handed_in.workflow,
            commit: handed_in.commit,
            platform: row.platform,
            received: row.time,
            reused: !before.is_empty(),
            // One that named no commit was of no commit that we know: no text is one.
            reused_for: before.into_iter().map(Option::unwrap_or_default).collect(),
            // What was recognised once and is not any more was changed where it lay, or the release is another one.
            said: said.map_err(|error| Broken::failed(Code::EvidenceTampered, &error))?,
            bytes,
        })
    }

    fn evidence<'a>(&'a self, reused_for: &'a [&'a str]) -> Evidence<'a> {
        let (report, custom) = match &self.said {
            Said::Report(report) => (report.as_ref(), None),
            Said::Custom(custom) => (&custom.report, Some(custom.as_ref())),
        };
        Evidence {
            slot: &self.slot,
            digest: self.digest,
            report,
            proof: Proof::E1,
            workflow: self.workflow.as_deref(),
            job_commit: self.commit.as_deref(),
            platform: self.platform.as_deref(),
            received: self.received,
            reused: self.reused,
            reused_for,
            custom,
        }
    }
}

/// Off the threads that must not wait.
async fn read_blob(service: &Service, digest: Digest) -> Result<Vec<u8>, Broken> {
    let blobs = service.blobs.clone();
    let reading = tokio::task::spawn_blocking(move || blobs.get(&digest));
    reading
        .await
        .map_err(|error| Broken::bug(&error))?
        .map_err(Broken::blob)
}

/// What a report says.
enum Said {
    Report(Box<Report>),
    /// A document of an organisation's own.
    Custom(Box<CustomDocument>),
}

impl Said {
    fn read(bytes: &[u8], tools: &Tools) -> Result<Self, ReportError> {
        match Report::read(bytes, tools) {
            Err(ReportError::Unknown) => Report::custom(bytes).map(Box::new).map(Self::Custom),
            read => read.map(Box::new).map(Self::Report),
        }
    }
}

/// The gate that governs today, and the binding that leads to it.
fn governing(
    catalog: &Catalog,
    job: &Job,
    request: &Request,
    repository: &Repository,
) -> Result<(Gate, RepositoryBinding), Broken> {
    let gone = |what: String| Broken::Failed {
        code: Code::GateGone,
        what,
    };
    let submitter = &job.submitter;
    let source = RepositoryRef {
        issuer: &submitter.issuer,
        repository_id: &submitter.repository.repository_id,
        owner_id: submitter.repository.owner_id.as_deref(),
    };
    let binding = catalog
        .bindings
        .of(&source)
        .filter(|binding| binding.may_touch(repository));
    let binding =
        binding.ok_or_else(|| gone("no binding lets this repository submit this image any more".to_owned()))?;
    let name = binding.gate(&request.environment);
    let name = name.ok_or_else(|| gone("the binding names no gate for this environment any more".to_owned()))?;
    let gate = catalog.gates.governing(name, &request.environment, repository);
    let gate = gate.map_err(|error| gone(crate::door::Chain(&error).to_string()))?;
    allowed(&gate, job).map_err(|_| gone(format!("the gate `{name}` takes no jobs of this sort any more")))?;
    Ok((gate, binding.clone()))
}

fn source(submitter: &Submitter, request: &Request, labels: BTreeMap<String, String>) -> Source {
    Source {
        issuer: submitter.issuer.clone(),
        repository_id: submitter.repository.repository_id.clone(),
        repository: submitter.repository.display.clone(),
        reference: submitter.git_ref.clone(),
        reference_protected: submitter.ref_protected.unwrap_or(false),
        event: submitter.event.clone(),
        workflow: submitter.job_workflow.clone().or_else(|| submitter.workflow.clone()),
        runner: match submitter.runner {
            Machine::Hosted => Runner::Hosted,
            Machine::SelfHosted => Runner::SelfHosted,
            Machine::Unknown => Runner::Unknown,
        },
        environment: request.environment.clone(),
        labels,
    }
}
