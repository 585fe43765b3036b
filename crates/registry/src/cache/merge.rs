//! What was known before, in the place of what cannot be had now.

use countersign_evidence::{Content, Evidence, Gap, GapCause, Item, Layout, Place};
use countersign_image::Repository;

/// Whether the registry could not be asked or could not answer. A refusal is an answer: what we were allowed to see
/// before is not shown again.
pub(super) fn is_outage(cause: &GapCause) -> bool {
    match cause {
        GapCause::Throttled { .. }
        | GapCause::Unavailable { .. }
        | GapCause::Unreachable { .. }
        | GapCause::TimedOut { .. } => true,
        GapCause::Denied { .. } | GapCause::TooLarge { .. } | GapCause::TooMany { .. } | GapCause::Malformed { .. } => {
            false
        }
    }
}

/// Fills the gaps of `new` that are outages from `old`, which had none. `None` if `old` has nothing for any of them.
///
/// What `new` did obtain stays: a signature made a minute ago counts even while half of the registry is down.
pub(super) fn fill(new: &Evidence, old: &Evidence) -> Option<Evidence> {
    let mut filled = new.clone();
    filled.gaps.clear();
    let mut any = false;
    for gap in &new.gaps {
        if is_outage(&gap.cause) && take(&mut filled, gap, old) {
            any = true;
        } else {
            filled.gaps.push(gap.clone());
        }
    }
    if !any {
        return None;
    }
    filled.as_of = old.as_of;
    filled.stale = true;
    Some(filled)
}

/// Takes over what `old` knew of one place.
fn take(filled: &mut Evidence, gap: &Gap, old: &Evidence) -> bool {
    let looked = old
        .looked
        .iter()
        .find(|look| look.repository == gap.repository && look.place == gap.place);
    let known = match &gap.place {
        Place::ImageManifest => {
            filled.manifest = filled.manifest.take().or_else(|| old.manifest.clone());
            filled.manifest.is_some()
        }
        Place::Manifest(_) | Place::Blob(_) => old.items.iter().any(|item| is_from(item, &gap.repository, &gap.place)),
        _ => looked.is_some(),
    };
    if !known {
        return false;
    }
    for item in old
        .items
        .iter()
        .filter(|item| is_from(item, &gap.repository, &gap.place))
    {
        if !filled.items.contains(item) {
            filled.items.push(item.clone());
        }
    }
    if let Some(look) = looked
        && !filled.looked.contains(look)
    {
        filled.looked.push(look.clone());
    }
    true
}

/// Whether an item was found by looking at a place.
fn is_from(item: &Item, repository: &Repository, place: &Place) -> bool {
    let under_tag = item.origin.layout == Layout::Tag;
    let is_attestation = matches!(item.content, Content::Envelope { .. });
    item.origin.repository == *repository
        && match place {
            Place::SignatureTag { prefix } => under_tag && !is_attestation && item.origin.tag_prefix == *prefix,
            Place::AttestationTag { prefix } => under_tag && is_attestation && item.origin.tag_prefix == *prefix,
            Place::Referrers => !under_tag,
            Place::Manifest(digest) => item.origin.manifest == *digest,
            Place::Blob(digest) => item.origin.blob == *digest,
            Place::ImageManifest => false,
        }
}
