//! When the registry fails: what could not be had leaves the image undecided, what is itself wrong does not.

use std::time::Duration;

use countersign_evidence::{GapCause, Item, Layout, Place};
use countersign_image::Digest;

use super::draft::Draft;
use super::items::{SLSA, simple_item};
use super::layouts::{alice, under_alice};
use super::policy_text::policy;
use super::sample::{app, other};
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = nothing_found(workshop);
    drafts.extend(beside_others(workshop));
    drafts.extend(content(workshop));
    drafts.push(stale(workshop));
    drafts
}

fn signature_tag() -> Place {
    Place::SignatureTag { prefix: None }
}

fn nothing_found(workshop: &Workshop) -> Vec<Draft> {
    let case = |name, about, cause, code| {
        under_alice(workshop, name, about)
            .gap(signature_tag(), cause)
            .rules("signed", "undecided", &[code])
    };
    vec![
        case(
            "gap-unreachable-undecided",
            "Promise: where the registry could not be reached, the image is not called unsigned: another try may tell.",
            GapCause::Unreachable {
                detail: "connection refused".to_owned(),
            },
            "registry.unreachable",
        ),
        case(
            "gap-access-denied-undecided",
            "Promise: where the registry does not let us read, the image is not called unsigned (a 403 is no 404).",
            GapCause::Denied { status: 403 },
            "registry.denied",
        ),
        case(
            "gap-throttled-undecided",
            "Promise: where the registry asks to be left alone for a while, the image is not called unsigned.",
            GapCause::Throttled {
                retry_after: Some(Duration::from_secs(30)),
            },
            "registry.throttled",
        ),
        case(
            "gap-unavailable-undecided",
            "Promise: where the registry answers that it cannot, the image is not called unsigned.",
            GapCause::Unavailable { status: 503 },
            "registry.unavailable",
        ),
        case(
            "gap-timeout-undecided",
            "Promise: where the registry did not answer in time, the image is not called unsigned.",
            GapCause::TimedOut {
                after: Duration::from_secs(5),
            },
            "registry.timeout",
        ),
    ]
}

fn beside_others(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let unreachable = || GapCause::Unreachable {
        detail: "connection reset".to_owned(),
    };
    let with = |name, about, items: Vec<Item>| {
        under_alice(workshop, name, about)
            .gap(signature_tag(), unreachable())
            .items(items)
    };
    vec![
        with(
            "gap-but-signed-elsewhere-admit",
            "Promise: a good signature admits, whatever else could not be had.",
            vec![workshop.signature("alice", &image, Layout::Bundle)],
        )
        .rules("signed", "admit", &["signed"]),
        with(
            "gap-and-only-a-wrong-key-undecided",
            "Promise: a signature by another key beside a place that did not answer decides nothing: the right one may lie\n\
             there.",
            vec![workshop.signature("bob", &image, Layout::Bundle)],
        )
        .rules("signed", "undecided", &["registry.unreachable"]),
        Draft::new(
            "gap-where-nobody-looks-deny",
            &image,
            "Promise: only a gap where the answer could lie leaves an image undecided: that attestations could not be had\n\
             says nothing about signatures.",
        )
        .policies(&[policy("signed", [alice(workshop).format("legacy")])])
        .gap(Place::AttestationTag { prefix: None }, unreachable())
        .rules("signed", "deny", &["image.unsigned"]),
        Draft::new(
            "gap-for-attestations-undecided",
            &image,
            "Promise: what could not be had may be the attestation that is missing.",
        )
        .policies(&[policy("attested", [alice(workshop).attests(&[SLSA])])])
        .gap(Place::AttestationTag { prefix: None }, unreachable())
        .rules("attested", "undecided", &["registry.unreachable"]),
    ]
}

fn content(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let case = |name, about, place, cause| under_alice(workshop, name, about).gap(place, cause);
    let manifest = Place::Manifest(Digest::sha256(b"the manifest in question"));
    vec![
        case(
            "gap-content-malformed-deny",
            "Attack: the registry answers with what cannot be a signature. Trying again changes nothing: it is a denial.",
            manifest.clone(),
            GapCause::Malformed { detail: "both `layers` and `manifests`".to_owned() },
        )
        .rules("signed", "deny", &["signature.unreadable"]),
        case(
            "gap-content-too-large-deny",
            "Attack: an endless signature (CVE-2023-46737, CVE-2024-29902, CVE-2023-42813). It is cut off, and is a denial.",
            manifest.clone(),
            GapCause::TooLarge { limit: 4 << 20 },
        )
        .rules("signed", "deny", &["signature.unreadable"]),
        case(
            "gap-content-too-many-deny",
            "Attack: a million referrers (CVE-2023-42814, CVE-2023-33957). No more than a limit is read, and it is a denial.",
            Place::Referrers,
            GapCause::TooMany { limit: 1000 },
        )
        .rules("signed", "deny", &["signature.too_many"]),
        case(
            "gap-content-beside-a-good-signature-admit",
            "Promise: wrong content that anybody may push hides no good signature.",
            manifest,
            GapCause::TooLarge { limit: 4 << 20 },
        )
        .items([simple_item(&image, b"junk", b"junk"), workshop.signature("alice", &image, Layout::Tag)])
        .rules("signed", "admit", &["signed"]),
        case(
            "image-manifest-gap-nobody-needs-admit",
            "Promise: an image named by digest is judged by what is signed about that digest; its own manifest is not needed.",
            Place::ImageManifest,
            GapCause::Denied { status: 401 },
        )
        .items([workshop.signature("alice", &image, Layout::Tag), workshop.signature("bob", &other(), Layout::Tag)])
        .rules("signed", "admit", &["signed"]),
    ]
}

fn stale(workshop: &Workshop) -> Draft {
    under_alice(
        workshop,
        "stale-lists-admit",
        "Promise: evidence from lists older than their freshness, kept while the registry is away, still admits, and the\n\
         ground says so. A case judged ten years on, by keys that do not expire, is judged the same.",
    )
    .items([workshop.signature("alice", &app(), Layout::Tag)])
    .stale()
    .time("2036-06-01T12:00:00Z")
    .rules("signed", "admit", &["signed"])
}
