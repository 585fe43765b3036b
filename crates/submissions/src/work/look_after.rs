//! What is looked after without anybody asking: gates that change, submissions whose time is over, sessions that are over, and
//! whether what was published is still where it was put.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_gate::submission::{State, Step};
use countersign_ledger::{Actor, EventType};
use countersign_store::{self as store, Change, GateText, StoreError, TransitionError};
use countersign_wire::Code;
use jiff::{SignedDuration, Timestamp};

use super::Broken;
use super::publish::Stored;
use crate::catalog::{Catalog, Reread};
use crate::door::Chain;
use crate::service::{CameOf, Service, Stepping, image_of, record};

/// How often gates and deadlines are looked at.
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// How often sessions that are over are forgotten.
const FORGETS_EVERY: Duration = Duration::from_secs(5 * 60);
/// How many are looked at in one go.
const MOST_AT_ONCE: u64 = 100;

impl Service {
    /// Writes down the gates that count from now on, where that is news.
    pub(crate) async fn catalog_counts(&self, catalog: &Catalog, before: Option<&Catalog>) -> Result<(), StoreError> {
        let now = self.now();
        for document in &catalog.documents {
            if before.is_some_and(|before| before.documents.contains(document)) {
                continue;
            }
            let text = GateText {
                digest: document.digest,
                name: document.item.clone(),
                text: document.text.clone(),
                loaded: now,
            };
            if self.store.keep_gate(&text).await? || before.is_some() {
                let loaded = record(EventType::GateLoaded, Actor::SERVICE, now);
                self.append(loaded.gate(document.digest).item(&document.item)).await?;
            }
        }
        Ok(())
    }
}

/// Looks, again and again. Each goes on by itself: a registry that hangs must not keep a stricter gate from counting.
pub(crate) async fn look_after(service: Arc<Service>) {
    tokio::join!(follow_gates(&service), end_and_forget(&service), mend(&service));
}

async fn follow_gates(service: &Arc<Service>) {
    let mut refused = false;
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        gates(service, &mut refused).await;
    }
}

async fn end_and_forget(service: &Service) {
    let mut forgotten = Instant::now();
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let looked = async {
            expire(service).await?;
            if forgotten.elapsed() > FORGETS_EVERY {
                service.store.forget(service.now()).await?;
                forgotten = Instant::now();
            }
            Ok(())
        };
        looked_through(looked.await);
    }
}

async fn mend(service: &Service) {
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        looked_through(heal(service).await);
    }
}

fn looked_through(looked: Result<(), StoreError>) {
    if let Err(error) = looked {
        tracing::warn!(error = %Chain(&error), "the store cannot be looked through");
    }
}

async fn gates(service: &Arc<Service>, refused: &mut bool) {
    let before = service.catalogs.current();
    let reading = Arc::clone(service);
    let reread = tokio::task::spawn_blocking(move || reading.catalogs.reread(&reading.keyring)).await;
    match reread {
        Ok(Reread::Unchanged) => *refused = false,
        Ok(Reread::Changed(catalog)) => {
            *refused = false;
            tracing::info!(documents = catalog.documents.len(), generation = %catalog.generation, "other gates count");
            if let Err(error) = service.catalog_counts(&catalog, Some(&before)).await {
                tracing::error!(error = %Chain(&error), "that other gates count could not be written down");
            }
        }
        Ok(Reread::Kept(error)) => {
            if !*refused {
                tracing::error!(error = %Chain(&error), "the gates cannot be read any longer; what counted before still does");
                service.metrics.catalog_refused();
                let entry = record(EventType::GateRefused, Actor::SERVICE, service.now());
                let written = service.append(entry.reason("gate_refused").item("catalog")).await;
                if let Err(error) = written {
                    tracing::error!(error = %Chain(&error), "that gates were refused could not be written down");
                }
            }
            *refused = true;
        }
        Err(error) => tracing::error!(%error, "reading the gates panicked; what counted before still does"),
    }
}

/// Ends what has lain for too long.
async fn expire(service: &Service) -> Result<(), StoreError> {
    for submission in service.store.expired(service.now(), MOST_AT_ONCE).await? {
        let (step, reason) = match submission.state {
            State::Received | State::AwaitingApproval => (Step::Expire, "expired"),
            State::Evaluating | State::Signing | State::Publishing => (Step::Fail, Code::TookTooLong.name()),
            _ => continue,
        };
        let came = CameOf {
            detail: Some("its time was over".to_owned()),
            ..CameOf::so_far(&submission)
        };
        let stepping = Stepping {
            from: &submission,
            step,
            actor: Actor::SERVICE,
            change: Change {
                reason: Some(reason.to_owned()),
                outcome: Some(came.text()),
                ..Change::default()
            },
            work: None,
            under: None,
            besides: Vec::new(),
        };
        match service.step(stepping, |leaf| leaf).await {
            Ok(_) | Err(TransitionError::Lost | TransitionError::NotFrom(_)) => {}
            Err(TransitionError::Store(error)) => return Err(error),
            Err(error) => tracing::warn!(error = %Chain(&error), "a submission could not be ended"),
        }
    }
    Ok(())
}

/// Puts back what is gone. The same bytes are put again: what is there is found, and stays.
async fn heal(service: &Service) -> Result<(), StoreError> {
    let now = service.now();
    let every = SignedDuration::try_from(service.settings.limits.heal_every).unwrap_or(SignedDuration::MAX);
    let since = now.checked_sub(every).unwrap_or(Timestamp::MIN);
    for row in service.store.unverified(since, MOST_AT_ONCE).await? {
        let Some(submission) = service.store.submission(&row.submission).await? else {
            continue;
        };
        if submission.state != State::Published {
            continue;
        }
        let deadline = Instant::now() + service.settings.limits.work;
        match mended(service, &submission, deadline).await {
            Ok(put) if put.is_empty() => {}
            Ok(put) => {
                let mut healed = record(EventType::Healed, Actor::SERVICE, now)
                    .submission(&row.submission)
                    .image(&image_of(&submission))
                    .destination(&row.repository);
                for (name, digest) in &put {
                    healed = healed.object(name, *digest);
                }
                service.append(healed).await?;
                service.metrics.healed();
                tracing::warn!(
                    submission = row.submission,
                    repository = row.repository,
                    "what was gone was put back"
                );
            }
            Err(error) => {
                tracing::warn!(submission = row.submission, error = %error, "what was published cannot be looked after");
            }
        }
        let looked = store::PublishedRow { verified: now, ..row };
        service.store.keep_published(&looked).await?;
    }
    Ok(())
}

/// What had to be put again, by name.
async fn mended(
    service: &Service,
    submission: &store::Submission,
    deadline: Instant,
) -> Result<Vec<(String, countersign_image::Digest)>, Broken> {
    let stored = Stored::read(service, submission).await?;
    let released = stored.put(service, deadline).await?;
    let pieces = released
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| !piece.already_there);
    let mut put: Vec<_> = pieces
        .map(|(at, piece)| (format!("manifest.{at}"), piece.manifest))
        .collect();
    if !released.tagged.is_empty() || released.copied.manifests > 0 {
        put.push(("image".to_owned(), submission.asked.image));
    }
    Ok(put)
}
