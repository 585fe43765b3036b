//! What an update only carries over: judged once, it need not be judged again, within limits that an attacker gains
//! nothing from.

use std::collections::BTreeMap;

use countersign_image::Reference;

use super::pod::Found;
use super::{Carried, Part, Use};

/// In a Pod each container stands for itself: under the same string the node goes on running what it runs.
pub(super) fn in_pod(found: Vec<Found<'_>>, stored: &[Found<'_>]) -> Vec<Use> {
    let pairs = pair(found, stored);
    let carried = |(found, stored): (Found<'_>, Option<&str>)| {
        let carried = match stored {
            Some(stored) if stored == found.image => Carried::Unchanged,
            stored => again(found.image, stored),
        };
        found.carried(carried)
    };
    pairs.into_iter().map(carried).collect()
}

/// A template is a promise of Pods to come. It is let stand only on its way out, and only whole: fewer Pods or none, of
/// the same images. Growth, a roll-out, a new annotation make Pods that are judged anyway, and their template with them.
pub(super) fn in_template(found: Vec<Found<'_>>, stored: &[Found<'_>], leaving: bool) -> Vec<Use> {
    let pairs = pair(found, stored);
    let stands = leaving && pairs.iter().all(|(found, stored)| *stored == Some(found.image));
    let carried = |(found, stored): (Found<'_>, Option<&str>)| {
        let carried = if stands {
            Carried::Unchanged
        } else {
            again(found.image, stored)
        };
        found.carried(carried)
    };
    pairs.into_iter().map(carried).collect()
}

/// Each image with the text that the stored object has for the container of the same list and name.
///
/// A name that stands twice in a list, before or after, stands for nothing: the API server will refuse it, and until then
/// nobody can say which of the two was there before.
fn pair<'n, 'o>(found: Vec<Found<'n>>, stored: &[Found<'o>]) -> Vec<(Found<'n>, Option<&'o str>)> {
    let before = by_name(stored);
    let counterparts: Vec<Option<&'o str>> = {
        let after = by_name(&found);
        let counterpart = |found: &Found<'_>| {
            let key = key(found)?;
            after.get(&key)?.as_ref()?;
            *before.get(&key)?
        };
        found.iter().map(counterpart).collect()
    };
    found.into_iter().zip(counterparts).collect()
}

type Key<'a> = (Part, &'a str);

fn key<'a>(found: &Found<'a>) -> Option<Key<'a>> {
    Some((found.part, found.name?))
}

fn by_name<'a>(list: &[Found<'a>]) -> BTreeMap<Key<'a>, Option<&'a str>> {
    let mut names = BTreeMap::new();
    for found in list {
        if let Some(key) = key(found) {
            names
                .entry(key)
                .and_modify(|image| *image = None)
                .or_insert(Some(found.image));
        }
    }
    names
}

/// Whether the author has written a tag again whose digest is stored.
fn again(image: &str, stored: Option<&str>) -> Carried {
    match stored {
        Some(stored) if pins(stored, image) => Carried::Stored(stored.to_owned()),
        _ => Carried::New,
    }
}

/// Whether `stored` is the tag of `image` with its digest: the same repository and the same tag, whichever way each of
/// them is spelt, so that what another controller stored as `index.docker.io/library/nginx:latest@…` is still `nginx`.
fn pins(stored: &str, image: &str) -> bool {
    let (Ok(stored), Ok(image)) = (Reference::parse(stored), Reference::parse(image)) else {
        return false;
    };
    image.digest().is_none()
        && stored.digest().is_some()
        && stored.tag() == Some(&image.effective_tag())
        && stored.repository() == image.repository()
}
