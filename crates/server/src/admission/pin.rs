//! `/mutate`: each tag becomes the digest that it names now; nothing else is touched, and nothing is judged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use countersign_admission::{Carried, FieldPath, Outcome, Patch, Review, Use};
use countersign_image::{Pinned, Reference};
use countersign_policy::{Judgement, ObjectFacts, PolicySet, Reason};
use futures_util::future::join_all;

use super::decide::facts;
use super::{Decision, Door};
use crate::{trouble, wants};

/// What is known of one image name before anything is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Before<'a> {
    /// Nothing.
    New,
    /// The stored object has it, and it stands.
    Unchanged,
    /// The stored object has this text where the author has written the tag again.
    Stored(&'a str),
}

/// What becomes of the text of one image use.
enum Pinning {
    /// It carries a digest already, or stands as it is.
    Stays(&'static str),
    /// It is replaced by this text.
    Becomes(String),
    /// It cannot be told what it names.
    Fails(Box<Reason>),
}

impl Door {
    pub(super) async fn pin(&self, review: &Review, uses: &[Use], policies: &PolicySet, deadline: Instant) -> Decision {
        let (object, namespace) = (facts(review), review.namespace());
        let pinned = join_all(distinct(uses).into_iter().map(|((image, before), paths)| {
            let object = &object;
            async move {
                let pinning = match before {
                    Before::New => self.pin_image(image, object, namespace, policies, deadline).await,
                    Before::Unchanged => Pinning::Stays("it is unchanged"),
                    Before::Stored(text) => Pinning::Becomes(text.to_owned()),
                };
                (image, paths, pinning)
            }
        }))
        .await;
        let mut replaced: Vec<(FieldPath, String)> = Vec::new();
        let mut outcomes = Vec::with_capacity(pinned.len());
        for (image, paths, pinning) in pinned {
            let judgement = match pinning {
                Pinning::Stays(why) => Judgement::nothing_to_judge(image, why),
                Pinning::Becomes(text) => {
                    replaced.extend(paths.iter().map(|path| (path.clone(), text.clone())));
                    Judgement::nothing_to_judge(image, format!("it was pinned to `{text}`; `/validate` judges it"))
                }
                Pinning::Fails(reason) => Judgement::refused(image, *reason),
            };
            outcomes.push(Outcome {
                paths,
                image: image.to_owned(),
                judgement: Arc::new(judgement),
            });
        }
        Decision {
            outcomes,
            patch: Some(Patch::pin(&replaced)),
            ..Decision::of(review)
        }
    }

    async fn pin_image(
        &self,
        image: &str,
        object: &ObjectFacts,
        namespace: Option<&str>,
        policies: &PolicySet,
        deadline: Instant,
    ) -> Pinning {
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return Pinning::Fails(Box::new(trouble::unreadable(image, &error))),
        };
        let place = self.waiting.place(namespace, [reference.repository().host()]);
        if let Some(pinned) = reference.pinned() {
            if place.is_ok() {
                self.expect(&pinned, object, policies);
            }
            return Pinning::Stays("it is pinned already; `/validate` judges it");
        }
        let known = self.gatherer.known_digest(&reference, &self.credentials);
        let _place = match place {
            Ok(place) => place,
            // What is known costs no place.
            Err(cause) => match known {
                Some(digest) => return Pinning::Becomes(reference.resolved(digest).written()),
                None => return Pinning::Fails(cause),
            },
        };
        let resolved = match known {
            Some(digest) => Ok(digest),
            // Boxed, as all that asking a registry may take would be moved about for tags that are known as well.
            None => Box::pin(self.gatherer.resolve(&reference, &self.credentials, deadline)).await,
        };
        match resolved {
            Ok(digest) => {
                let pinned = reference.resolved(digest);
                self.expect(&pinned, object, policies);
                Pinning::Becomes(pinned.written())
            }
            Err(trouble) => Pinning::Fails(Box::new(trouble::unresolved(&reference, &trouble))),
        }
    }

    /// `/validate` will ask for this in a moment: by then it is under way.
    fn expect(&self, image: &Pinned, object: &ObjectFacts, policies: &PolicySet) {
        let wanted = policies.governing(image, object).wants(image);
        if !wanted.nothing() {
            self.gatherer.begin(image, &wants::request(&wanted), &self.credentials);
        }
    }
}

/// Eight containers of one image are one question.
fn distinct(uses: &[Use]) -> BTreeMap<(&str, Before<'_>), Vec<FieldPath>> {
    let mut distinct: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for each in uses {
        let before = match &each.carried {
            Carried::New => Before::New,
            Carried::Unchanged => Before::Unchanged,
            Carried::Stored(text) => Before::Stored(text),
        };
        distinct
            .entry((each.image.as_str(), before))
            .or_default()
            .push(each.path.clone());
    }
    distinct
}
