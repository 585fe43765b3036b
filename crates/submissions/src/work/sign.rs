//! Signing: the gate is asked once more, on a fresh look at everything; then every statement that it clears is signed once.
//!
//! 1. An entry says for each signature that is about to be made what it is over.
//! 2. When these are in a signed checkpoint, and not before, the keys are asked.
//! 3. What they answer is verified, and kept with an entry that answers the first.
//!
//! What is kept is never signed again, whoever comes after a crash.

use std::sync::Arc;
use std::time::Instant;

use countersign_gate::submission::{Step, View};
use countersign_gate::{Clearance, Cleared, KeyRole, Opening, Refusal};
use countersign_image::Digest;
use countersign_keys::{SigningError, SigningKey};
use countersign_ledger::leaf::KeyUse;
use countersign_ledger::{Actor, EventType};
use countersign_store::{self as store, Change};
use countersign_wire::Code;

use super::weighing::Weighing;
use super::{Broken, EVALUATE, PUBLISH, pieces};
use crate::door::Chain;
use crate::dying;
use crate::keyring::Role;
use crate::service::{CameOf, Happened, PlannedRelease, Service, Stepping, checks, image_of, record};

/// One statement on its way to a signature.
struct Intended<'a> {
    cleared: &'a Cleared,
    what: countersign_evidence::ToBeSigned,
    key: &'a SigningKey,
    seq: u64,
}

pub(super) async fn sign(
    service: &Arc<Service>,
    work: &store::Work,
    submission: &store::Submission,
    deadline: Instant,
) -> Result<(), Broken> {
    let weighing = Weighing::look(service, submission, deadline).await?;
    let mut made = service.store.signatures(&submission.asked.id).await?;
    if weighing.gate.digest != submission.gate_digest {
        return gate_changed(service, work, submission, &weighing).await;
    }
    if submission
        .closure
        .is_some_and(|closure| closure != weighing.fetched.digest)
    {
        let what = "the image consists of other parts than those that the gate was asked about".to_owned();
        return Err(Broken::Failed {
            code: Code::DigestMismatch,
            what,
        });
    }
    let clearance = match open(service, &weighing, submission) {
        Ok(clearance) => clearance,
        Err(Refusal::Closed { outcomes, .. }) => return refuse(service, work, submission, &outcomes).await,
        Err(error) => return Err(Broken::failed(Code::StatementsRefused, &error)),
    };
    if !service.settings.speaks_to(clearance.destination().repository()) {
        let what = format!(
            "`{}` is no registry that this service speaks to",
            clearance.destination().repository().host()
        );
        return Err(Broken::Failed {
            code: Code::RegistryNotAllowed,
            what,
        });
    }
    may_publish(service, submission, &weighing, &clearance).await?;
    let decision = decision(submission, &weighing, &clearance)?;
    made.retain(|row| row.decision == decision);
    let intended = intend(service, submission, &clearance, &made, deadline).await?;
    for one in &intended {
        make(service, work, submission, decision, one).await?;
    }
    publish_next(service, work, submission, decision, &clearance).await
}

/// Whether the destination is this source repository's, before anything is signed for it: two that end with one name would else
/// publish under each other's.
async fn may_publish(
    service: &Service,
    submission: &store::Submission,
    weighing: &Weighing,
    clearance: &Clearance,
) -> Result<(), Broken> {
    let repository = clearance.destination().repository();
    let name = repository.policy_name();
    let listed = weighing.binding.may_publish_to(repository);
    let (may, what) = if listed == Some(false) {
        (false, "is not among the destinations of the binding")
    } else {
        let own = service.store.take_destination(&name, submission, service.now()).await?;
        // A binding that names it says so whoever was first.
        (own || listed == Some(true), "is published to by another repository")
    };
    if may {
        return Ok(());
    }
    Err(Broken::Failed {
        code: Code::DestinationTaken,
        what: format!("`{name}` {what}"),
    })
}

/// What is signed for, by its digest. The time is not part of it: who goes on after a crash decides the same.
fn decision(submission: &store::Submission, weighing: &Weighing, clearance: &Clearance) -> Result<Digest, Broken> {
    let verdicts: String = clearance
        .outcomes()
        .iter()
        .map(|outcome| format!("{}\0{:?}\n", outcome.check, outcome.status))
        .collect();
    let unsealed = || Broken::Failed {
        code: Code::Internal,
        what: "its evidence was never sealed".to_owned(),
    };
    let destination = clearance.destination().repository().policy_name();
    let tags: Vec<String> = clearance.tags().iter().map(ToString::to_string).collect();
    let view = View {
        image: submission.asked.image,
        closure: weighing.fetched.digest,
        policy: weighing.gate.digest,
        evidence_set: submission.evidence_set.ok_or_else(unsealed)?,
        findings: Digest::sha256(verdicts.as_bytes()),
        // None are taken yet.
        waivers: Digest::sha256(b""),
        destination: &format!("{destination} {}", tags.join(" ")),
    };
    view.digest().map_err(|error| Broken::bug(&error))
}

fn open(service: &Service, weighing: &Weighing, submission: &store::Submission) -> Result<Clearance, Refusal> {
    let bodies = weighing.bodies();
    weighing.with(|submitted| {
        Clearance::open(&Opening {
            gate: &weighing.gate,
            submitted,
            bodies: &bodies,
            submission: &submission.asked.id,
            verifier: &service.settings.verifier,
            view_digest: None,
            log_index: None,
            now: service.now(),
        })
    })
}

/// Another gate is asked from the beginning. What is signed already was cleared by the one before, and is not published with
/// what this one clears.
async fn gate_changed(
    service: &Service,
    work: &store::Work,
    submission: &store::Submission,
    weighing: &Weighing,
) -> Result<(), Broken> {
    if submission.may_be_out {
        let what = "the gate was changed after a part of it may have been published; submit the image again".to_owned();
        return Err(Broken::Failed {
            code: Code::GateChanged,
            what,
        });
    }
    let stepping = Stepping {
        from: submission,
        step: Step::Reevaluate,
        actor: Actor::SERVICE,
        change: Change {
            gate: Some((weighing.gate.name.clone(), weighing.gate.digest)),
            reason: Some(Code::GateChanged.name().to_owned()),
            deadline: Some(service.given_up(submission)),
            ..Change::default()
        },
        work: Some(EVALUATE),
        under: Some(&work.fence),
        besides: Vec::new(),
    };
    service.step(stepping, |leaf| leaf).await?;
    Ok(())
}

async fn refuse(
    service: &Service,
    work: &store::Work,
    submission: &store::Submission,
    outcomes: &[countersign_gate::Outcome],
) -> Result<(), Broken> {
    let came = CameOf {
        checks: checks(outcomes),
        ..CameOf::default()
    };
    let stepping = Stepping {
        from: submission,
        step: Step::Refuse,
        actor: Actor::SERVICE,
        change: Change {
            outcome: Some(came.text()),
            reason: Some("gate_closed".to_owned()),
            ..Change::default()
        },
        work: None,
        under: Some(&work.fence),
        besides: Vec::new(),
    };
    service.step(stepping, |leaf| leaf).await?;
    Ok(())
}

/// Says what is about to be signed, and waits until that cannot be taken back.
async fn intend<'a>(
    service: &'a Service,
    submission: &store::Submission,
    clearance: &'a Clearance,
    made: &[store::SignatureRow],
    deadline: Instant,
) -> Result<Vec<Intended<'a>>, Broken> {
    let is_made = |cleared: &&Cleared| {
        let kind = cleared.kind().name();
        made.iter().any(|row| row.kind == kind && row.key == cleared.key_name())
    };
    let (mut intended, mut records) = (Vec::new(), Vec::new());
    for cleared in clearance.statements().iter().filter(|cleared| !is_made(cleared)) {
        let role = match cleared.key() {
            KeyRole::Release => Role::Release,
            KeyRole::Attest => Role::Attest,
        };
        let key = service
            .keyring
            .key(role, cleared.key_name())
            .ok_or_else(|| Broken::Failed {
                code: Code::KeyRefused,
                what: format!("there is no key `{}` whose role is `{role}`", cleared.key_name()),
            })?;
        let what = clearance.to_be_signed(cleared);
        let intent = of_key(service, submission, EventType::KeyUseIntended, cleared, key, None)
            .object("message", Digest::sha256(what.message()))
            .gate(submission.gate_digest);
        records.push(intent.done());
        intended.push(Intended {
            cleared,
            what,
            key,
            seq: 0,
        });
    }
    if intended.is_empty() {
        return Ok(intended);
    }
    dying::at("sign.before_intent");
    let first = service.store.append(records).await?;
    for (at, one) in intended.iter_mut().enumerate() {
        one.seq = first + at as u64;
    }
    dying::at("sign.after_intent");
    let last = first + intended.len() as u64 - 1;
    if service.is_signed(last, deadline).await? {
        return Ok(intended);
    }
    let what = "the ledger has signed no checkpoint with what is about to be signed".to_owned();
    Err(Broken::Passing {
        code: Code::Unavailable,
        what,
    })
}

fn of_key(
    service: &Service,
    submission: &store::Submission,
    event: EventType,
    cleared: &Cleared,
    key: &SigningKey,
    request_id: Option<&str>,
) -> Happened {
    record(event, Actor::SERVICE, service.now())
        .submission(&submission.asked.id)
        .image(&image_of(submission))
        .key(KeyUse {
            key: cleared.key_name().to_owned(),
            version: u64::from(key.version()),
            request_id: request_id.map(str::to_owned),
        })
}

async fn make(
    service: &Service,
    work: &store::Work,
    submission: &store::Submission,
    decision: Digest,
    one: &Intended<'_>,
) -> Result<(), Broken> {
    let Intended {
        cleared,
        what,
        key,
        seq,
    } = one;
    let signature = match key.sign(what).await {
        Ok(signature) => signature,
        Err(error) => {
            let broken = unsigned(&error);
            let code = match &broken {
                Broken::Failed { code, .. } | Broken::Passing { code, .. } => *code,
                Broken::Lost => Code::KeyUnavailable,
            };
            let failed = of_key(service, submission, EventType::KeyUseFailed, cleared, key, None)
                .reason(code.name())
                .answers(*seq);
            service.append(failed).await?;
            return Err(broken);
        }
    };
    dying::at("sign.after_reply");
    let sealed = pieces::seal(cleared.kind(), what, &signature.bytes, key.public_key());
    let sealed = sealed.map_err(|error| Broken::failed(Code::KeyRefused, &error))?;
    let request_id = signature.recorded.map(|recorded| recorded.request_id);
    let done = of_key(
        service,
        submission,
        EventType::KeyUseDone,
        cleared,
        key,
        request_id.as_deref(),
    )
    .signature(&signature.bytes)
    .answers(*seq);
    let row = store::SignatureRow {
        submission: submission.asked.id.clone(),
        decision,
        kind: cleared.kind().name(),
        key: cleared.key_name().to_owned(),
        key_version: u64::from(key.version()),
        predicate_type: cleared.predicate_type().map(str::to_owned),
        payload: what.message().to_vec(),
        sealed: pieces::written(&sealed),
        signature: signature.bytes,
        request_id,
        time: service.now(),
    };
    service
        .store
        .keep_signature(&row, Some(&work.fence), vec![done.done()])
        .await?;
    dying::at("sign.after_kept");
    Ok(())
}

fn unsigned(error: &SigningError) -> Broken {
    let passing = matches!(error, SigningError::Vault(error) if error.is_passing());
    let what = Chain(error).to_string();
    if passing {
        Broken::Passing {
            code: Code::KeyUnavailable,
            what,
        }
    } else {
        Broken::Failed {
            code: Code::KeyRefused,
            what,
        }
    }
}

async fn publish_next(
    service: &Service,
    work: &store::Work,
    submission: &store::Submission,
    decision: Digest,
    clearance: &Clearance,
) -> Result<(), Broken> {
    let came = CameOf {
        checks: checks(clearance.outcomes()),
        release: Some(PlannedRelease {
            repository: clearance.destination().repository().policy_name(),
            tags: clearance.tags().iter().map(ToString::to_string).collect(),
            copies: clearance.copies().to_vec(),
        }),
        ..CameOf::default()
    };
    let stepping = Stepping {
        from: submission,
        step: Step::Sign,
        actor: Actor::SERVICE,
        change: Change {
            view: Some(decision),
            outcome: Some(came.text()),
            deadline: Some(service.given_up(submission)),
            ..Change::default()
        },
        work: Some(PUBLISH),
        under: Some(&work.fence),
        besides: Vec::new(),
    };
    service.step(stepping, |leaf| leaf).await?;
    dying::at("sign.after_step");
    Ok(())
}
