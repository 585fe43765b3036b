//! `/validate`: each distinct image, judged by what is signed about the digest that will run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use countersign_admission::{Carried, FieldPath, Outcome, Review, Use};
use countersign_evidence::Evidence;
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
use crate::{trouble, wants};

/// How many signatures are verified where the request is answered; more would hold up other requests.
const LIGHT: usize = 32;
/// What a keyless signature takes: itself, its certificate and the one above, a log's promise for each.
const OF_A_CERTIFICATE: usize = 5;

/// What one image in a review came to, with what it was judged on if that was looked at just now.
struct Judged {
    judgement: Arc<Judgement>,
    judged_on: Option<Grievance>,
}

impl Judged {
    fn at_once(judgement: Judgement) -> Self {
        Self {
            judgement: Arc::new(judgement),
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
        let mut grievances = Vec::new();
        for (image, paths, judged) in judged {
            if !matches!(judged.judgement.verdict(), Verdict::Admit(_)) {
                grievances.extend(judged.judged_on);
            }
            outcomes.push(Outcome {
                paths,
                image: image.to_owned(),
                judgement: judged.judgement,
            });
        }
        Decision {
            outcomes,
            grievances,
            ..Decision::of(review)
        }
    }

    /// 1. Only a pinned image is judged. 2. Which policies govern it. 3. An admission that still holds is used again.
    /// 4. What they want to know is gathered. 5. They judge it.
    async fn judge_image(&self, image: &str, asked: Asked<'_>, under: &Circumstances, deadline: Instant) -> Judged {
        let refused = |reason| Judged::at_once(Judgement::refused(image, reason));
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return refused(trouble::unreadable(image, &error)),
        };
        let Some(pinned) = reference.pinned() else {
            return refused(trouble::unpinned(image));
        };
        let governing = under.policies.set().governing(&pinned, asked.facts);
        let key = Key {
            written: image.into(),
            governing: governing.key(),
            credentials: self.credential_scope,
        };
        if let Some(judgement) = self.verdicts.fresh(&key, under.at) {
            self.metrics.cache(Cache::Verdicts, Lookup::Hit);
            return Judged {
                judgement,
                judged_on: None,
            };
        }
        let evidence = match self.gather(&pinned, &governing, asked.namespace, deadline).await {
            Ok(evidence) => evidence,
            Err(cause) => return Judged::at_once(undecided(image, &governing, *cause)),
        };
        let judging = self.judge_evidence(&evidence, key, &governing, under.at);
        match tokio::time::timeout_at(deadline.into(), judging).await {
            Ok(Some(judgement)) => Judged {
                judgement,
                judged_on: Some(Grievance { evidence, governing }),
            },
            Ok(None) => refused(Reason::new(ReasonCode::ServerFault, "judging ended unexpectedly")),
            Err(_) => {
                let what = format!("`{image}` could not be judged in time");
                Judged::at_once(undecided(
                    image,
                    &governing,
                    Reason::new(ReasonCode::ServerDeadline, what),
                ))
            }
        }
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

/// How many signatures are verified at most: each by each authority, and of a certificate those above it and beside it too.
fn verifications(evidence: &Evidence, governing: &Governing) -> usize {
    let each = |authority: &Authority| match authority.demand() {
        Demand::Signed(demand) => match demand.signer() {
            Signer::Key { .. } => 1,
            Signer::Keyless { .. } => OF_A_CERTIFICATE,
        },
        _ => 0,
    };
    let authorities = governing.entries().iter().map(|entry| match entry {
        InForce::Policy(policy) => policy.authorities().iter().map(each).sum(),
        InForce::Broken(_) => 0,
    });
    evidence.items.len().saturating_mul(authorities.sum::<usize>())
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
