//! Against whom: copied, altered and forged signatures, ambiguous documents, and too many of anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::examine::MAX_SIGNATURES;
use countersign_evidence::predicate::COSIGN_SIGN as SIGN;
use countersign_evidence::{Content, Item, Layout};
use countersign_image::{Blob, media};
use serde_json::json;

use super::draft::Draft;
use super::items::{altered, bundle, bundle_item, envelope_item, item, payload, simple_item, statement};
use super::layouts::under_alice;
use super::sample::{Sample, app, other};
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = plain(workshop);
    drafts.extend(copied(workshop));
    drafts.extend(altered_ones(workshop));
    drafts.extend(ambiguous(workshop));
    drafts.extend(confused(workshop));
    drafts.extend(overfull(workshop));
    drafts.extend(many(workshop));
    drafts
}

fn plain(workshop: &Workshop) -> Vec<Draft> {
    let by_bob = |layout| workshop.signature("bob", &app(), layout);
    vec![
        under_alice(workshop, "unsigned-deny", "Promise: an image that nobody signed is denied, and the denial says so.")
            .rules("signed", "deny", &["image.unsigned"]),
        under_alice(workshop, "wrong-key-under-tag-deny", "Attack: anybody signs, and hopes that any signature will do.")
            .items([by_bob(Layout::Tag)])
            .rules("signed", "deny", &["signature.wrong_key"]),
        under_alice(workshop, "wrong-key-in-bundle-deny", "Attack: the same in a bundle.")
            .items([by_bob(Layout::Bundle)])
            .rules("signed", "deny", &["signature.wrong_key"]),
        under_alice(
            workshop,
            "hint-of-another-key-deny",
            "Attack: a bundle signed by anybody whose hint names the believed key. A hint is what it says it is: nobody\n\
             vouches for it.",
        )
        .items([altered(&app(), &by_bob(Layout::Bundle), |bundle| {
            let hint = STANDARD.encode(workshop.public("alice").fingerprint().raw());
            bundle["verificationMaterial"] = json!({ "publicKey": { "hint": hint } });
        })])
        .rules("signed", "deny", &["signature.wrong_key"]),
    ]
}

fn copied(workshop: &Workshop) -> Vec<Draft> {
    let (image, other) = (app(), other());
    let wrong_image = |name, about, item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["signature.wrong_image"])
    };
    let of_other = |layout| workshop.signature("alice", &other, layout).content;
    let relabelled = statement(&[image.manifest.digest()], SIGN).replace("\"sha256\"", "\"sha512\"");
    let mirror = {
        let what =
            payload(image.manifest.digest()).replace("registry.example/shop/app", "mirror.example/somewhere/else");
        workshop.simple(&image, &what)
    };
    vec![
        wrong_image(
            "copied-from-another-image-under-tag-deny",
            "Attack: a genuine signature of another image, pushed under this image's tag. Its payload names the other digest.",
            item(&image, Layout::Tag, of_other(Layout::Tag)),
        ),
        wrong_image(
            "copied-from-another-image-in-bundle-deny",
            "Attack: a genuine bundle about another image, pushed as this image's referrer. Its subject is the other digest.",
            item(&image, Layout::Bundle, of_other(Layout::Bundle)),
        ),
        wrong_image(
            "index-signature-beside-its-child-deny",
            "Attack: the signature of an index, pushed beside one of its children. A child used directly is judged by what is\n\
             signed about it.",
            bundle_item(&image, &bundle(&workshop.envelope(media::IN_TOTO, &statement(&[index_of(&image).digest()], SIGN)))),
        ),
        wrong_image(
            "subject-under-another-algorithm-deny",
            "Attack: the image's digest in a statement, but as that of another hash: it names nothing that can be checked.",
            bundle_item(&image, &bundle(&workshop.envelope(media::IN_TOTO, &relabelled))),
        ),
        under_alice(
            workshop,
            "copied-message-signature-deny",
            "Attack: a genuine message signature over another image's manifest.",
        )
        .items([item(&image, Layout::Bundle, workshop.message_bundle(&other).content)])
        .manifest(&image.manifest)
        .rules("signed", "deny", &["signature.unreadable"]),
        under_alice(
            workshop,
            "docker-reference-of-a-mirror-admit",
            "Promise: the name in a payload may be another than the one pulled (mirrors): what is signed is the digest.",
        )
        .items([mirror])
        .rules("signed", "admit", &["signed"]),
    ]
}

/// An index that holds the image.
fn index_of(image: &Sample) -> Blob {
    let child =
        json!({ "mediaType": media::OCI_MANIFEST, "digest": image.manifest.digest(), "size": image.manifest.size() });
    let index = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [child] });
    Blob::new(index.to_string().into_bytes())
}

fn altered_ones(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let denies = |name, about, item: Item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["signature.wrong_key"])
    };
    let genuine = payload(other().manifest.digest());
    let edited = payload(image.manifest.digest());
    let moved = simple_item(&image, edited.as_bytes(), &workshop.forge(genuine.as_bytes()));
    let envelope = workshop.envelope(media::IN_TOTO, &statement(&[other().manifest.digest()], SIGN));
    let mut swapped = envelope.clone();
    swapped["payload"] = json!(STANDARD.encode(statement(&[image.manifest.digest()], SIGN)));
    let mut retyped = workshop.envelope("text/plain", &statement(&[image.manifest.digest()], SIGN));
    retyped["payloadType"] = json!(media::IN_TOTO);
    let mut empty = swapped.clone();
    empty["signatures"] = json!([{ "sig": "" }]);
    vec![
        denies(
            "payload-edited-deny",
            "Attack: the digest in a signed payload is replaced. The signature is over the old bytes.",
            moved,
        ),
        denies(
            "statement-edited-deny",
            "Attack: the statement in a signed envelope is replaced.",
            bundle_item(&image, &bundle(&swapped)),
        ),
        denies(
            "payload-type-edited-deny",
            "Attack: bytes signed as text are passed off as a statement. The type is part of what is signed (DSSE's PAE).",
            bundle_item(&image, &bundle(&retyped)),
        ),
        denies(
            "signature-empty-deny",
            "Attack: a signature of no bytes.",
            bundle_item(&image, &bundle(&empty)),
        ),
        under_alice(
            workshop,
            "signatures-none-in-envelope-deny",
            "Attack: an envelope without any signature.",
        )
        .items([bundle_item(&image, &{
            let mut none = bundle(&swapped);
            none["dsseEnvelope"]["signatures"] = json!([]);
            none
        })])
        .rules("signed", "deny", &["signature.unreadable"]),
    ]
}

fn ambiguous(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let unreadable = |name, about, item: Item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["signature.unreadable"])
    };
    let digest = image.manifest.digest();
    let twice = payload(digest).replace(
        "\"docker-manifest-digest\":",
        &format!(
            "\"docker-manifest-digest\":\"{}\",\"docker-manifest-digest\":",
            other().manifest.digest()
        ),
    );
    let two_subjects = statement(&[digest], SIGN).replace("\"_type\":", "\"subject\":[],\"_type\":");
    let trailing = format!("{}{}", payload(digest), payload(other().manifest.digest()));
    let bundle_twice = bundle(&workshop.envelope(media::IN_TOTO, &statement(&[digest], SIGN))).to_string();
    let bundle_twice = bundle_twice.replacen('{', "{\"dsseEnvelope\":{},", 1);
    vec![
        unreadable(
            "duplicate-key-in-payload-deny",
            "Attack: a payload that names two digests under one key, properly signed. Which one is meant depends on the\n\
             reader, so it means nothing here.",
            workshop.simple(&image, &twice),
        ),
        unreadable(
            "duplicate-key-in-statement-deny",
            "Attack: a statement with two lists of subjects, properly signed.",
            bundle_item(&image, &bundle(&workshop.envelope(media::IN_TOTO, &two_subjects))),
        ),
        unreadable(
            "duplicate-key-in-bundle-deny",
            "Attack: a bundle with two envelopes, of which each reader may see another.",
            item(
                &image,
                Layout::Bundle,
                Content::Bundle(Blob::new(bundle_twice.into_bytes())),
            ),
        ),
        unreadable(
            "trailing-data-in-payload-deny",
            "Attack: a second document behind the payload, both signed as one.",
            workshop.simple(&image, &trailing),
        ),
    ]
}

fn confused(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let unreadable = |name, about, item: Item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["signature.unreadable"])
    };
    let digest = image.manifest.digest();
    let other_type = payload(digest).replace("cosign container image signature", "something else entirely");
    vec![
        unreadable(
            "payload-of-another-type-deny",
            "Attack: a document that looks like a payload but says that it is something else, properly signed.",
            workshop.simple(&image, &other_type),
        ),
        unreadable(
            "statement-not-json-deny",
            "Attack: an envelope of in-toto's type whose payload is no statement, properly signed (CVE-2026-39395).",
            bundle_item(&image, &bundle(&workshop.envelope(media::IN_TOTO, "all is well"))),
        ),
        unreadable(
            "payload-type-not-in-toto-deny",
            "Attack: a statement signed under another payload type: whoever signed it signed no statement.",
            bundle_item(
                &image,
                &bundle(&workshop.envelope("text/plain", &statement(&[digest], SIGN))),
            ),
        ),
        under_alice(
            workshop,
            "certificate-in-place-of-the-key-deny",
            "Attack: a bundle that brings its own certificate, which nobody trusts, for a signature by nobody's key.",
        )
        .items([altered(
            &image,
            &workshop.signature("bob", &image, Layout::Bundle),
            |bundle| {
                bundle["verificationMaterial"] =
                    json!({ "certificate": { "rawBytes": STANDARD.encode("a certificate") } });
            },
        )])
        .rules("signed", "deny", &["signature.wrong_key"]),
        under_alice(
            workshop,
            "sign-statement-under-the-attestation-tag-deny",
            "Promise: the `.att` tag holds attestations; a sign statement there is no signature under a tag.",
        )
        .items([envelope_item(
            &image,
            &workshop.envelope(media::IN_TOTO, &statement(&[digest], SIGN)),
        )])
        .rules("signed", "deny", &["image.unsigned"]),
    ]
}

/// Bundles that hold more than a bundle holds.
fn overfull(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let signature = workshop.signature("alice", &image, Layout::Bundle);
    let unreadable = |name, about, item: Item| {
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["signature.unreadable"])
    };
    let log_entry = json!({ "logIndex": "1" });
    vec![
        unreadable(
            "bundle-with-too-many-log-entries-deny",
            "Attack: a bundle with log entries without end (CVE-2024-45395). It is refused before any of them is looked at.",
            altered(&image, &signature, |bundle| {
                bundle["verificationMaterial"]["tlogEntries"] = json!(vec![log_entry.clone(); 33]);
            }),
        ),
        unreadable(
            "bundle-with-too-many-timestamps-deny",
            "Attack: the same with signed timestamps (CVE-2024-45395).",
            altered(&image, &signature, |bundle| {
                let stamps = vec![json!({ "signedTimestamp": "AAAA" }); 33];
                bundle["verificationMaterial"]["timestampVerificationData"] = json!({ "rfc3161Timestamps": stamps });
            }),
        ),
        unreadable(
            "bundle-with-too-many-certificates-deny",
            "Attack: a chain of 500 certificates, for whoever builds chains before counting (CVE-2026-32280).",
            altered(&image, &signature, |bundle| {
                let certificate = json!({ "rawBytes": STANDARD.encode("a certificate") });
                bundle["verificationMaterial"] =
                    json!({ "x509CertificateChain": { "certificates": vec![certificate; 500] } });
            }),
        ),
        unreadable(
            "bundle-with-two-contents-deny",
            "Attack: a bundle with both a message signature and an envelope, of which each reader may see another.",
            altered(&image, &signature, |bundle| {
                bundle["messageSignature"] = json!({
                    "messageDigest": { "algorithm": "SHA2_256", "digest": STANDARD.encode(image.manifest.digest().raw()) },
                    "signature": "AAAA",
                });
            }),
        ),
        unreadable(
            "bundle-with-two-signatures-deny",
            "Attack: a bundle whose envelope has more signatures than the one that a bundle may have.",
            altered(&image, &signature, |bundle| {
                let signature = bundle["dsseEnvelope"]["signatures"][0].clone();
                bundle["dsseEnvelope"]["signatures"] = json!([signature, signature]);
            }),
        ),
    ]
}

fn many(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let bad = |count: usize| -> Vec<Item> {
        let what = payload(image.manifest.digest());
        let each = |number: usize| simple_item(&image, what.as_bytes(), &number.to_be_bytes());
        (0..count).map(each).collect()
    };
    let good = || workshop.signature("alice", &image, Layout::Tag);
    vec![
        under_alice(
            workshop,
            "many-bad-signatures-and-a-good-one-admit",
            "Promise: 500 bad signatures hide no good one behind them.",
        )
        .items(bad(500))
        .items([good()])
        .rules("signed", "admit", &["signed"]),
        under_alice(
            workshop,
            "too-many-bad-signatures-deny",
            "Attack: more bad signatures than are judged for one image (notation's CVE-2023-33957). The good one behind them\n\
             is not reached, and the denial says how many were not looked at.",
        )
        .items(bad(MAX_SIGNATURES))
        .items([good()])
        .rules("signed", "deny", &["signature.too_many"]),
    ]
}
