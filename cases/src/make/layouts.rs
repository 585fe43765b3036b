//! Every layout admits, and none hides another.

use countersign_evidence::predicate::COSIGN_SIGN as SIGN;
use countersign_evidence::{Content, GapCause, Item, Layout, Place};
use countersign_image::{Blob, media};
use serde_json::{Value, json};

use super::draft::Draft;
use super::items::{altered, bundle, bundle_item, item, simple_item, statement};
use super::policy_text::{Authority, policy};
use super::sample::{app, other};
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = each_layout(workshop);
    drafts.extend(bundles(workshop));
    drafts.extend(side_by_side(workshop));
    drafts
}

/// A case under the usual policy: Alice must have signed.
pub(super) fn under_alice(workshop: &Workshop, name: &'static str, about: &'static str) -> Draft {
    Draft::new(name, &app(), about).policies(&[policy("signed", [alice(workshop)])])
}

pub(super) fn alice(workshop: &Workshop) -> Authority {
    Authority::key("alice", &workshop.public("alice").to_pem())
}

pub(super) fn bob(workshop: &Workshop) -> Authority {
    Authority::key("bob", &workshop.public("bob").to_pem())
}

fn each_layout(workshop: &Workshop) -> Vec<Draft> {
    let admits = |name, about, items: Vec<Item>| {
        under_alice(workshop, name, about)
            .items(items)
            .rules("signed", "admit", &["signed"])
    };
    let signature = |layout| vec![workshop.signature("alice", &app(), layout)];
    vec![
        admits(
            "layout-tag-admit",
            "Promise: a signature under the tag `sha256-<hex>.sig`, where cosign 2 puts it, admits.",
            signature(Layout::Tag),
        ),
        admits(
            "layout-referrer-admit",
            "Promise: the same payload and signature in a manifest that names the image as its subject (OCI 1.1) admits.",
            signature(Layout::Referrer),
        ),
        admits(
            "layout-bundle-admit",
            "Promise: a Sigstore bundle v0.3 with cosign's sign predicate, as cosign 3 writes it, admits.",
            signature(Layout::Bundle),
        ),
        admits(
            "layout-all-three-admit",
            "Promise: signatures in all three layouts are all judged, and any of them admits.",
            Layout::ALL
                .map(|layout| workshop.signature("alice", &app(), layout))
                .to_vec(),
        ),
    ]
}

fn bundles(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let versioned = |media_type: &str| {
        let v03 = workshop.signature("alice", &image, Layout::Bundle);
        altered(&image, &v03, |bundle| bundle["mediaType"] = json!(media_type))
    };
    let admits = |name, about, item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "admit", &["signed"])
    };
    let unsigned = workshop.message_bundle(&image);
    vec![
        admits(
            "bundle-v01-admit",
            "Promise: bundles of version 0.1 are read.",
            versioned("application/vnd.dev.sigstore.bundle+json;version=0.1"),
        ),
        admits(
            "bundle-v02-admit",
            "Promise: bundles of version 0.2 are read.",
            versioned("application/vnd.dev.sigstore.bundle+json;version=0.2"),
        ),
        admits(
            "bundle-v03-old-spelling-admit",
            "Promise: version 0.3 is read in the spelling of the older versions as well.",
            versioned("application/vnd.dev.sigstore.bundle+json;version=0.3"),
        ),
        admits(
            "bundle-in-snake-case-admit",
            "Promise: a bundle in the other spelling that protobuf's JSON allows is the same bundle.",
            bundle_item(&image, &snake_case(workshop)),
        ),
        under_alice(
            workshop,
            "bundle-unknown-version-deny",
            "Attack: a bundle of a version nobody knows, whose rules nobody knows either. It proves nothing, whatever it holds.",
        )
        .items([versioned("application/vnd.dev.sigstore.bundle.v0.9+json")])
        .rules("signed", "deny", &["signature.unreadable"]),
        admits(
            "bundle-message-signature-admit",
            "Promise: a message signature over the manifest's own bytes is a signature of the image.",
            unsigned.clone(),
        )
        .manifest(&image.manifest),
        under_alice(
            workshop,
            "bundle-message-signature-without-manifest-admit",
            "Promise: an ECDSA signature over the manifest's bytes is one over their digest, which is the image's name. It counts\n\
             although the manifest could not be had.",
        )
        .items([unsigned])
        .gap(Place::ImageManifest, GapCause::Unavailable { status: 502 })
        .rules("signed", "admit", &["signed"]),
    ]
}

fn snake_case(workshop: &Workshop) -> Value {
    let envelope = workshop.envelope(media::IN_TOTO, &statement(&[app().manifest.digest()], SIGN));
    json!({
        "media_type": media::SIGSTORE_BUNDLE_V03,
        "verification_material": { "public_key": { "hint": "" } },
        "dsse_envelope": {
            "payload": envelope["payload"],
            "payload_type": envelope["payloadType"],
            "signatures": envelope["signatures"],
        },
    })
}

fn side_by_side(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let good = |layout| workshop.signature("alice", &image, layout);
    let junk = || bundle_item(&image, &json!({ "mediaType": media::SIGSTORE_BUNDLE_V03 }));
    let admits = |name, about, items: Vec<Item>| {
        under_alice(workshop, name, about)
            .items(items)
            .rules("signed", "admit", &["signed"])
    };
    let broken = simple_item(&image, b"not a payload", b"not a signature");
    let not_json = item(&image, Layout::Bundle, Content::Bundle(Blob::new(&b"{"[..])));
    let unrelated = workshop.envelope(media::IN_TOTO, &statement(&[other().manifest.digest()], "x"));
    vec![
        admits(
            "junk-in-bundles-hides-no-tag-admit",
            "Attack: whoever can push referrers adds bundles that cannot be read. The good signature under the tag still counts.",
            vec![junk(), not_json, good(Layout::Tag)],
        ),
        admits(
            "junk-under-the-tag-hides-no-bundle-admit",
            "Attack: whoever can write the `.sig` tag fills it with junk. The good bundle still counts.",
            vec![broken.clone(), good(Layout::Bundle)],
        ),
        admits(
            "broken-signature-beside-a-good-one-admit",
            "Promise: signatures are judged each for itself; one that is broken harms no other, whichever comes first.",
            vec![
                broken,
                workshop.signature("bob", &image, Layout::Tag),
                good(Layout::Tag),
            ],
        ),
        admits(
            "foreign-statement-beside-a-good-signature-admit",
            "Promise: a statement about another image, in the same list, proves nothing and hides nothing.",
            vec![bundle_item(&image, &bundle(&unrelated)), good(Layout::Bundle)],
        ),
    ]
}
