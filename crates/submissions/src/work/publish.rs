//! Publishing what is signed: the stored bytes, in the order that leaves no tag on an unsigned image, read back with our own
//! verifier before a tag is set.

use std::sync::Arc;
use std::time::Instant;

use countersign_evidence::{Evidence, HashRule, Layout, Layouts, PublicKey, Sealed, trusted::Trusted};
use countersign_evidence::{attestations, signatures};
use countersign_gate::submission::Step;
use countersign_image::{Digest, Pinned, Reference, Repository, Tag};
use countersign_ledger::{Actor, EventType};
use countersign_registry::Trouble;
use countersign_registry::publish::{Release, ReleaseError, Released, Steps, release};
use countersign_store::{self as store, Change};
use countersign_wire::{self as wire, Code};

use super::{Broken, pieces};
use crate::closure::of_trouble;
use crate::dying;
use crate::service::{CameOf, PlannedRelease, Service, Stepping, image_of, record};

/// Dies where a test asks for it.
struct Told;

impl Steps for Told {
    fn before(&self, step: countersign_registry::publish::Step) -> Result<(), Trouble> {
        dying::at(match step {
            countersign_registry::publish::Step::Blob => "publish.before_blob",
            countersign_registry::publish::Step::Manifest => "publish.before_manifest",
            countersign_registry::publish::Step::Sealed => "publish.before_sealed",
            countersign_registry::publish::Step::ReadBack => "publish.before_read_back",
            countersign_registry::publish::Step::Tag => "publish.before_tag",
        });
        Ok(())
    }
}

/// What a submission publishes, from what is stored.
pub(super) struct Stored {
    source: Pinned,
    destination: Repository,
    tags: Vec<Tag>,
    pieces: Vec<(Layout, Sealed)>,
    rows: Vec<store::SignatureRow>,
    /// The public halves of every key that ever signed here.
    keys: Vec<store::KeyVersion>,
}

impl Stored {
    pub(super) async fn read(service: &Service, submission: &store::Submission) -> Result<Self, Broken> {
        let lost = |what: &str| Broken::Failed {
            code: Code::Internal,
            what: what.to_owned(),
        };
        let came = CameOf::so_far(submission);
        let planned = came
            .release
            .ok_or_else(|| lost("nobody wrote down where it is to go"))?;
        let PlannedRelease {
            repository,
            tags,
            copies,
        } = planned;
        let source = Reference::parse(&image_of(submission)).map_err(|error| Broken::bug(&error))?;
        let source = source.pinned().ok_or_else(|| lost("the image has no digest"))?;
        // What another decision had signed stays in the store, and is not what this one says.
        let decision = submission
            .view
            .ok_or_else(|| lost("nobody wrote down what was decided"))?;
        let mut rows = service.store.signatures(&submission.asked.id).await?;
        rows.retain(|row| row.decision == decision);
        if rows.is_empty() {
            return Err(lost("nothing was signed for what was decided"));
        }
        let mut sealed = Vec::new();
        for row in &rows {
            sealed.extend(pieces::read(&row.sealed).map_err(|error| Broken::bug(&error))?);
        }
        for slot in copies {
            let evidence = service.store.evidence(&submission.asked.id).await?;
            let row = evidence
                .iter()
                .find(|row| row.slot == slot)
                .ok_or_else(|| lost("a report is gone"))?;
            let bytes = service.blobs.get(&row.sha256).map_err(Broken::blob)?;
            // Only a bundle is somebody's signature that stands for itself.
            if row.format.contains("bundle") {
                sealed.push((Layout::Bundle, Sealed::Bundle(bytes)));
            }
        }
        Ok(Self {
            source,
            destination: Repository::parse(&repository).map_err(|error| Broken::bug(&error))?,
            tags: tags
                .iter()
                .map(|tag| Tag::parse(tag))
                .collect::<Result<_, _>>()
                .map_err(|error| Broken::bug(&error))?,
            pieces: sealed,
            rows,
            keys: service.store.keys().await?,
        })
    }

    /// Puts all of it where it belongs; what is there already stays.
    pub(super) async fn put(&self, service: &Service, deadline: Instant) -> Result<Released, Broken> {
        let created = self
            .rows
            .iter()
            .map(|row| row.time)
            .min()
            .unwrap_or_else(|| service.now());
        let release_of = Release {
            source: &self.source,
            destination: &self.destination,
            tags: &self.tags,
            move_tags: false,
            pieces: &self.pieces,
            created,
        };
        let read_back = |evidence: &Evidence| self.holds(evidence);
        let released = release(
            &service.client,
            &service.credentials,
            &release_of,
            &Told,
            &read_back,
            deadline,
        )
        .await;
        released.map_err(broken)
    }

    /// Whether a stranger with our public keys finds what we have signed: with those that signed, which may sign no more.
    fn holds(&self, evidence: &Evidence) -> Result<(), String> {
        for row in &self.rows {
            let of_row = |key: &&store::KeyVersion| key.name == row.key && key.version == row.key_version;
            let known = self.keys.iter().find(of_row);
            let known = known.and_then(|key| PublicKey::from_pem(&key.pem).ok());
            let known = known.ok_or_else(|| format!("the key `{}` was never written down", row.key))?;
            let trusted = Trusted::key(known, HashRule::Natural);
            let found = match &row.predicate_type {
                Some(predicate) if predicate != countersign_evidence::predicate::COSIGN_SIGN => {
                    let (found, _) = attestations(evidence, &trusted, &Layouts::ALL);
                    found
                        .iter()
                        .any(|attestation| attestation.predicate_type() == predicate)
                }
                _ => !signatures(evidence, &trusted, &Layouts::ALL).0.is_empty(),
            };
            if !found {
                return Err(format!("`{}` by the key `{}` is not found there", row.kind, row.key));
            }
        }
        Ok(())
    }

    pub(super) fn reference(&self) -> String {
        format!("{}@{}", self.destination.policy_name(), self.source.digest())
    }
}

fn broken(error: ReleaseError) -> Broken {
    match &error {
        ReleaseError::TagTaken { .. } => Broken::failed(Code::TagTaken, &error),
        ReleaseError::ReadBack { .. } => Broken::failed(Code::ReadBackRefused, &error),
        ReleaseError::TooMany { .. } => Broken::failed(Code::StatementsRefused, &error),
        _ => match error.trouble().and_then(of_trouble) {
            Some(code) => Broken::failed(code, &error),
            None => Broken::passing(Code::RegistryUnavailable, &error),
        },
    }
}

pub(super) async fn publish(
    service: &Arc<Service>,
    work: &store::Work,
    submission: &store::Submission,
    deadline: Instant,
) -> Result<(), Broken> {
    let stored = Stored::read(service, submission).await?;
    let released = stored.put(service, deadline).await?;
    dying::at("publish.after_tags");
    let now = service.now();
    let manifests: Vec<Digest> = released.pieces.iter().map(|piece| piece.manifest).collect();
    let row = store::PublishedRow {
        repository: stored.destination.policy_name(),
        image: submission.asked.image,
        submission: submission.asked.id.clone(),
        manifests: serde_json::to_string(&manifests.iter().map(ToString::to_string).collect::<Vec<_>>())
            .map_err(|error| Broken::bug(&error))?,
        time: now,
        verified: now,
    };
    service.store.keep_published(&row).await?;
    let mut leaf = record(EventType::Published, Actor::SERVICE, now)
        .submission(&submission.asked.id)
        .image(&image_of(submission))
        .destination(&stored.destination.policy_name())
        .gate(submission.gate_digest)
        .object("image", submission.asked.image);
    for (at, manifest) in manifests.iter().enumerate() {
        leaf = leaf.object(&format!("manifest.{at}"), *manifest);
    }
    let came = CameOf {
        published: Some(wire::Published {
            repository: stored.destination.policy_name(),
            reference: stored.reference(),
            tags: stored.tags.iter().map(ToString::to_string).collect(),
            at: now,
        }),
        ..CameOf::so_far(submission)
    };
    let stepping = Stepping {
        from: submission,
        step: Step::Publish,
        actor: Actor::SERVICE,
        change: Change {
            outcome: Some(came.text()),
            ..Change::default()
        },
        work: None,
        under: Some(&work.fence),
        besides: vec![leaf.done()],
    };
    service.step(stepping, |leaf| leaf).await?;
    dying::at("publish.after_step");
    Ok(())
}
