//! `/validate`: each distinct image, judged by what is signed about the digest that will run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use countersign_admission::{Carried, FieldPath, Outcome, Review, Use};
use countersign_evidence::Evidence;
use countersign_image::{Pinned, Reference};
use countersign_policy::{Governing, Judgement, ObjectFacts, PolicySet, Verdict, judge};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::verdicts::Key;
use super::{Decision, Door};
use crate::metrics::{Cache, Lookup};
use crate::{trouble, wants};

/// What one image in a review came to, with what it was judged on if that was looked at just now.
struct Judged {
    judgement: Arc<Judgement>,
    evidence: Option<Arc<Evidence>>,
}

impl Door {
    pub(super) async fn judge(&self, review: &Review, uses: &[Use], policies: &Arc<PolicySet>, deadline: Instant) -> Decision {
        let facts = facts(review);
        let judged = join_all(distinct(uses).into_iter().map(|((image, unchanged), paths)| {
            let facts = &facts;
            async move {
                let judged = if unchanged {
                    Judged { judgement: Arc::new(Judgement::unchanged(image)), evidence: None }
                } else {
                    self.judge_image(image, facts, policies, deadline).await
                };
                (image, paths, judged)
            }
        }))
        .await;
        let mut outcomes = Vec::with_capacity(judged.len());
        let mut evidence = Vec::new();
        for (image, paths, judged) in judged {
            if !matches!(judged.judgement.verdict(), Verdict::Admit(_)) {
                evidence.extend(judged.evidence);
            }
            outcomes.push(Outcome { paths, image: image.to_owned(), judgement: Judgement::clone(&judged.judgement) });
        }
        Decision { outcomes, evidence, ..Decision::of(review) }
    }

    /// 1. Only a pinned image is judged. 2. Which policies govern it. 3. A verdict that still holds is used again.
    /// 4. What they want to know is gathered. 5. They judge it.
    async fn judge_image(&self, image: &str, facts: &ObjectFacts, policies: &PolicySet, deadline: Instant) -> Judged {
        let refused = |reason| Judged { judgement: Arc::new(Judgement::refused(image, reason)), evidence: None };
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return refused(trouble::unreadable(image, &error)),
        };
        let Some(pinned) = reference.pinned() else {
            return refused(trouble::unpinned(image));
        };
        let governing = policies.governing(&pinned, facts);
        let now = (self.clock)();
        let key = Key {
            written: image.to_owned(),
            image: pinned.clone(),
            governing: governing.key(),
            credentials: self.credentials.scope_hash(),
        };
        let kept = self.verdicts.get(&key, now);
        self.metrics.cache(Cache::Verdicts, if kept.is_some() { Lookup::Hit } else { Lookup::Miss });
        if let Some(judgement) = kept {
            return Judged { judgement, evidence: None };
        }
        let evidence = self.gather(&pinned, &governing, deadline).await;
        let judgement = Arc::new(judge(&evidence, &governing, now));
        self.verdicts.keep(key, &judgement, evidence.as_of, evidence.stale);
        Judged { judgement, evidence: Some(evidence) }
    }

    async fn gather(&self, image: &Pinned, governing: &Governing, deadline: Instant) -> Arc<Evidence> {
        let wanted = governing.wants(image);
        if wanted.nothing() {
            return Arc::new(nothing_wanted(image.clone(), (self.clock)()));
        }
        self.gatherer.gather(image, &wants::request(&wanted), &self.credentials, deadline).await
    }
}

/// What is known of an image about which nobody wants to know anything.
fn nothing_wanted(image: Pinned, as_of: Timestamp) -> Evidence {
    Evidence { image, items: Vec::new(), gaps: Vec::new(), looked: Vec::new(), manifest: None, as_of, stale: false }
}

/// Eight containers of one image are one question.
fn distinct(uses: &[Use]) -> BTreeMap<(&str, bool), Vec<FieldPath>> {
    let mut distinct: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for each in uses {
        let unchanged = matches!(each.carried, Carried::Unchanged);
        distinct.entry((each.image.as_str(), unchanged)).or_default().push(each.path.clone());
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
