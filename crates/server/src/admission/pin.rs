//! `/mutate`: each tag becomes the digest that it names now; nothing else is touched, and nothing is judged.

use std::collections::BTreeMap;
use std::time::Instant;

use countersign_admission::{Carried, FieldPath, Outcome, Patch, Review, Use};
use countersign_image::Reference;
use countersign_policy::{Judgement, Reason};
use futures_util::future::join_all;

use super::{Decision, Door};
use crate::trouble;

/// What becomes of the text of one image use.
enum Pinning {
    /// It carries a digest already, or is what was stored before.
    Stays,
    /// It is replaced by this text.
    Becomes(String),
    /// It cannot be told what it names.
    Fails(Box<Reason>),
}

impl Door {
    pub(super) async fn pin(&self, review: &Review, uses: &[Use], deadline: Instant) -> Decision {
        let pinned = join_all(distinct(uses).into_iter().map(|(image, paths)| async move {
            (image, paths, self.pin_image(image, deadline).await)
        }))
        .await;
        let mut replaced: Vec<(FieldPath, String)> = stored(uses);
        let mut outcomes = Vec::new();
        for (image, paths, pinning) in pinned {
            let judgement = match pinning {
                Pinning::Stays => Judgement::nothing_to_judge(image, "it is pinned already; `/validate` judges it"),
                Pinning::Becomes(text) => {
                    replaced.extend(paths.iter().map(|path| (path.clone(), text.clone())));
                    Judgement::nothing_to_judge(image, format!("it was pinned to `{text}`; `/validate` judges it"))
                }
                Pinning::Fails(reason) => Judgement::refused(image, *reason),
            };
            outcomes.push(Outcome { paths, image: image.to_owned(), judgement });
        }
        Decision { outcomes, patch: Some(Patch::pin(&replaced)), ..Decision::of(review) }
    }

    async fn pin_image(&self, image: &str, deadline: Instant) -> Pinning {
        let reference = match Reference::parse(image) {
            Ok(reference) => reference,
            Err(error) => return Pinning::Fails(Box::new(trouble::unreadable(image, &error))),
        };
        if reference.pinned().is_some() {
            return Pinning::Stays;
        }
        match self.gatherer.resolve(&reference, &self.credentials, deadline).await {
            Ok(digest) => Pinning::Becomes(reference.resolved(digest).written()),
            Err(trouble) => Pinning::Fails(Box::new(trouble::unresolved(&reference, &trouble))),
        }
    }
}

/// What an author's tag was stored as before is given back, so that re-applied manifests do not drift.
fn stored(uses: &[Use]) -> Vec<(FieldPath, String)> {
    uses.iter()
        .filter_map(|each| match &each.carried {
            Carried::Stored(text) => Some((each.path.clone(), text.clone())),
            Carried::New | Carried::Unchanged => None,
        })
        .collect()
}

fn distinct(uses: &[Use]) -> BTreeMap<&str, Vec<FieldPath>> {
    let mut distinct: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for each in uses.iter().filter(|each| matches!(each.carried, Carried::New)) {
        distinct.entry(each.image.as_str()).or_default().push(each.path.clone());
    }
    distinct
}
