//! `/validate`: each distinct image, judged by what is signed about the digest that will run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use countersign_admission::{Carried, FieldPath, Outcome, Review, Use};
use countersign_evidence::{Content, Evidence};
use countersign_image::{Pinned, Reference};
use countersign_policy::meaning::{Authority, Demand, Signer};
use countersign_policy::set::InForce;
use countersign_policy::{Governing, Judgement, ObjectFacts, Reason, ReasonCode, Verdict, judge, undecided};
use countersign_registry::GatherRequest;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::denials::Grievance;
use super::verdicts::{Key, Weight};
use super::{Circumstances, Decision, Door};
use crate::metrics::{Cache, Lookup};
use crate::record::render::Rulings;
use crate::{trouble, wants};

/// How many signatures are verified where the request is answered; more would hold up other requests.
const LIGHT: usize = 32;
/// What a keyless signature takes: itself, its certificate and the one above, a log's promise for each.
const OF_A_CERTIFICATE: usize = 5;
/// One more is counted for so many bytes of an item: it takes about as many to bring a log entry or a timestamp, with what
/// makes us check it, and to read them takes time as well.
const BYTES_OF_ONE: usize = 1024;

/// What one image in a review came to, with what it was judged on if that was looked at just now.
struct Judged {
    judgement: Arc<Judgement>,
    /// Its rulings as they are written down, where it was reached before.
    rulings: Option<Arc<Rulings>>,
    judged_on: Option<Grievance>,
}

impl Judged {
    fn at_once(judgement: Judgement) -> Self {
        Self {
            judgement: Arc::new(judgement),
            rulings: None,
            judged_on: None,
        }
    }
}

impl Door {
    pub(super) async fn judge(
        &self,
        review: &Review,
        uses: &[Use],
        under: &Circumstances,
        deadline: Instant,
    ) -> Decision {
        let facts = facts(review);
        let judged = join_all(distinct(uses).into_iter().map(|((image, unchanged), paths)| {
            let asked = Asked {
                facts: &facts,
                namespace: review.namespace(),
            };
            async move {
                let judged = if unchanged {
                    Judged::at_once(Judgement::unchanged(image))
                } else {
                    self.judge_image(image, asked, under, deadline).await
                };
                (image, paths, judged)
            }
        }))
        .await;
        let mut outcomes = Vec::with_capacity(judged.len());
        let mut rulings = Vec::with_capacity(judged.len());
        let mut grievances = Vec::new();
        for (image, paths, judged) in judged {
            if !matches!(judged.judgement.verdict(), Verdict::Admit(_)) {
                grievances.extend(judged.judged_on);
            }
            rulings.push(judged.rulings);
            outcomes.push(Outcome {
                paths,
                image: image.to_owned(),
                judgement: judged.judgement,
            });
        }
        Decision {
            outcomes,
            rulings,
            grievances,
            ..Decision::of(review)
        }
    }

    /// 1. Only a pinned image is judged. 2. Which policies govern it. 3. An admission that still holds is used again.
    /// 4. What they want to know is gathered. 5. They judge it.
    async fn judge_image(&self, image: &str, asked: Asked<'_>, under: &Circumstances, deadline: Instant) -> Judged {
        let refused = |reason| Judged::at_once(Judgement::refused(image, reason));
        // 1.
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return refused(trouble::unreadable(image, &error)),
        };
        let Some(pinned) = reference.pinned() else {
            return refused(trouble::unpinned(image));
        };
        // 2.
        let governing = under.policies.set().governing(&pinned, asked.facts);
        let key = Key {
            written: image.into(),
            governing: governing.key(),
            credentials: self.credential_scope,
        };
        // 3.
        if let Some((judgement, rulings)) = self.verdicts.fresh(&key, under.at) {
            self.metrics.cache(Cache::Verdicts, Lookup::Hit);
            return Judged {
                judgement,
                rulings: Some(rulings),
                judged_on: None,
            };
        }
        let open = Open {
            image,
            pinned,
            governing,
            key,
        };
        // Boxed, as all that asking a registry may take would be moved about for images that are known as well.
        Box::pin(self.judge_anew(open, asked.namespace, under.at, deadline)).await
    }

    async fn judge_anew(&self, open: Open<'_>, namespace: Option<&str>, at: Timestamp, deadline: Instant) -> Judged {
        let Open {
            image,
            pinned,
            governing,
            key,
        } = open;
        // 4.
        let evidence = match self.gather(&pinned, &governing, namespace, deadline).await {
            Ok(evidence) => evidence,
            Err(cause) => return Judged::at_once(undecided(image, &governing, *cause)),
        };
        // 5.
        let judging = self.judge_evidence(&evidence, key, &governing, at);
        let reason = match tokio::time::timeout_at(deadline.into(), judging).await {
            Ok(Some(judgement)) => {
                return Judged {
                    judgement,
                    rulings: None,
                    judged_on: Some(Grievance { evidence, governing }),
                };
            }
            Ok(None) => {
                let reason = Reason::new(ReasonCode::ServerFault, "judging ended unexpectedly");
                return Judged::at_once(Judgement::refused(image, reason));
            }
            Err(_) => Reason::new(
                ReasonCode::ServerDeadline,
                format!("`{image}` could not be judged in time"),
            ),
        };
        Judged::at_once(undecided(image, &governing, reason))
    }

    /// The verdict on this very evidence: reached before, or now. One request reaches it for all who wait for the same; where
    /// that is much work, off the reactor, and to its end even if nobody waits any longer. Nothing, if it breaks off.
    async fn judge_evidence(
        &self,
        evidence: &Arc<Evidence>,
        key: Key,
        governing: &Governing,
        at: Timestamp,
    ) -> Option<Arc<Judgement>> {
        if let Some(judgement) = self.verdicts.on(evidence, &key, at) {
            self.metrics.cache(Cache::Verdicts, Lookup::Hit);
            return Some(judgement);
        }
        let weight = match verifications(evidence, governing) {
            0..=LIGHT => Weight::Light,
            _ => Weight::Heavy,
        };
        let turn = self.verdicts.turn(&key, weight).await;
        if let Some(judgement) = self.verdicts.on(evidence, &key, at) {
            self.metrics.cache(Cache::Verdicts, Lookup::Shared);
            return Some(judgement);
        }
        self.metrics.cache(Cache::Verdicts, Lookup::Miss);
        let (verdicts, judged_on, judged_by) = (self.verdicts.clone(), Arc::clone(evidence), governing.clone());
        let work = move || {
            let judgement = Arc::new(judge(&judged_on, &judged_by, at));
            verdicts.keep(key, &judgement, &judged_on);
            drop(turn);
            judgement
        };
        match weight {
            Weight::Light => Some(work()),
            Weight::Heavy => tokio::task::spawn_blocking(work).await.ok(),
        }
    }

    /// What is said of an image; or why nobody is asked, where too many wait already and nothing is known from before.
    async fn gather(
        &self,
        image: &Pinned,
        governing: &Governing,
        namespace: Option<&str>,
        deadline: Instant,
    ) -> Result<Arc<Evidence>, Box<Reason>> {
        let wanted = governing.wants(image);
        if wanted.nothing() {
            return Ok(Arc::new(nothing_wanted(image.clone(), (self.clock)())));
        }
        let request = wants::request(&wanted);
        let _place = match self.waiting.place(namespace, registries(image, &request)) {
            Ok(place) => place,
            Err(cause) => {
                let known = self.gatherer.known(image, &request, &self.credentials);
                return known.ok_or(cause);
            }
        };
        Ok(self.gatherer.gather(image, &request, &self.credentials, deadline).await)
    }
}

/// Who brings an image in, and with what.
#[derive(Clone, Copy)]
struct Asked<'a> {
    facts: &'a ObjectFacts,
    namespace: Option<&'a str>,
}

/// An image of which no admission is at hand.
struct Open<'a> {
    image: &'a str,
    pinned: Pinned,
    governing: Governing,
    key: Key,
}

/// Every registry that a request makes us ask.
fn registries<'a>(image: &'a Pinned, request: &'a GatherRequest) -> impl Iterator<Item = &'a str> {
    let own = (request.places.is_empty() || request.manifest).then(|| image.repository().host());
    own.into_iter()
        .chain(request.places.iter().map(|place| place.repository.host()))
}

/// About how much an image's evidence takes to judge, in signatures that are verified: each by each authority, and of a
/// certificate those above it and beside it too. What an item brings besides is not read here, but it has a size.
fn verifications(evidence: &Evidence, governing: &Governing) -> usize {
    let each = |authority: &Authority| match authority.demand() {
        Demand::Signed(demand) => match demand.signer() {
            Signer::Key { .. } => Some(1),
            Signer::Keyless { .. } => Some(OF_A_CERTIFICATE),
        },
        _ => None,
    };
    let authorities = governing.entries().iter().flat_map(|entry| match entry {
        InForce::Policy(policy) => policy.authorities(),
        InForce::Broken(_) => &[],
    });
    let besides: usize = evidence
        .items
        .iter()
        .map(|item| size(&item.content) / BYTES_OF_ONE)
        .sum();
    let weights = authorities.filter_map(each).map(|one| {
        let signatures = evidence.items.len().saturating_mul(one);
        signatures.saturating_add(besides)
    });
    weights.fold(0, usize::saturating_add)
}

/// How many bytes an item has, with what stands beside it.
fn size(content: &Content) -> usize {
    let of = |annotations: &BTreeMap<String, String>| annotations.values().map(String::len).sum::<usize>();
    match content {
        Content::Simple {
            payload, annotations, ..
        } => payload.bytes().len().saturating_add(of(annotations)),
        Content::Envelope { envelope, annotations } => envelope.bytes().len().saturating_add(of(annotations)),
        Content::Bundle(bundle) => bundle.bytes().len(),
    }
}

/// What is known of an image about which nobody wants to know anything.
fn nothing_wanted(image: Pinned, as_of: Timestamp) -> Evidence {
    Evidence {
        image,
        items: Vec::new(),
        gaps: Vec::new(),
        looked: Vec::new(),
        manifest: None,
        as_of,
        stale: false,
    }
}

/// Eight containers of one image are one question.
fn distinct(uses: &[Use]) -> BTreeMap<(&str, bool), Vec<FieldPath>> {
    let mut distinct: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for each in uses {
        let unchanged = matches!(each.carried, Carried::Unchanged);
        distinct
            .entry((each.image.as_str(), unchanged))
            .or_default()
            .push(each.path.clone());
    }
    distinct
}

/// What policies may ask of the object.
#[must_use]
pub fn facts(review: &Review) -> ObjectFacts {
    let resource = review.resource();
    ObjectFacts {
        group: resource.group.clone(),
        version: resource.version.clone(),
        resource: resource.resource.clone(),
        labels: review.labels(),
    }
}

#[cfg(test)]
mod tests {
    use countersign_image::Blob;

    use super::*;

    /// 32 entries and 32 timestamps in one bundle are more than is verified where a request is answered.
    #[test]
    fn what_an_item_brings_counts_by_its_size() {
        let annotations = BTreeMap::from([(String::from("certificate"), "x".repeat(3000))]);
        let blob = |bytes: usize| Blob::new(vec![b' '; bytes]);
        let contents = [
            Content::Simple {
                payload: blob(300),
                signature: String::new(),
                annotations: annotations.clone(),
            },
            Content::Envelope {
                envelope: blob(5000),
                annotations,
            },
            Content::Bundle(blob(64 * BYTES_OF_ONE)),
        ];
        assert_eq!(contents.each_ref().map(size), [3300, 8000, 65536]);
        assert!(size(&contents[2]) / BYTES_OF_ONE > LIGHT);
    }
}
