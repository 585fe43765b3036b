//! What is attested: by type, by key, about this image; and that an attestation is no signature.

use countersign_evidence::{Item, Layout};
use countersign_image::media;

use super::draft::Draft;
use super::items::{SLSA, VULN, bundle, bundle_item, envelope_item, statement};
use super::layouts::{alice, under_alice};
use super::policy_text::policy;
use super::sample::{app, other};
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = found(workshop);
    drafts.extend(not_found(workshop));
    drafts.extend(no_signature(workshop));
    drafts
}

/// Alice must have attested these types.
fn wants(workshop: &Workshop, types: &[&str], name: &'static str, about: &'static str) -> Draft {
    Draft::new(name, &app(), about).policies(&[policy("attested", [alice(workshop).attests(types)])])
}

fn found(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let admits = |types: &[&str], name, about, items: Vec<Item>| {
        wants(workshop, types, name, about)
            .items(items)
            .rules("attested", "admit", &["attested"])
    };
    let attestation = |layout, uri| workshop.attestation("alice", &image, layout, uri);
    let both = statement(&[other().manifest.digest(), image.manifest.digest()], SLSA);
    vec![
        admits(
            &[SLSA],
            "attestation-in-bundle-admit",
            "Promise: an attestation of the wanted type in a bundle admits; no signature of the image is asked for beside it.",
            vec![attestation(Layout::Bundle, SLSA)],
        ),
        admits(
            &[SLSA],
            "attestation-under-tag-admit",
            "Promise: an attestation of the wanted type under the tag `sha256-<hex>.att` admits.",
            vec![attestation(Layout::Tag, SLSA)],
        ),
        admits(
            &["vuln"],
            "attestation-by-short-name-admit",
            "Promise: policy-controller's short names of predicate types stand for their URIs.",
            vec![attestation(Layout::Tag, VULN)],
        ),
        admits(
            &[SLSA, VULN],
            "attestations-two-types-in-two-layouts-admit",
            "Promise: all listed attestations are needed, and each may lie in another layout.",
            vec![attestation(Layout::Tag, VULN), attestation(Layout::Bundle, SLSA)],
        ),
        admits(
            &[SLSA],
            "statement-with-two-subjects-admit",
            "Promise: a statement about several artifacts is about each of them.",
            vec![bundle_item(&image, &bundle(&workshop.envelope(media::IN_TOTO, &both)))],
        ),
        admits(
            &[SLSA],
            "envelope-with-two-signatures-admit",
            "Promise: an envelope under `.att` may carry several signatures; one by the believed key is enough.",
            vec![two_signatures(workshop)],
        ),
    ]
}

/// A signature that does not verify first, then Alice's, over the same statement.
fn two_signatures(workshop: &Workshop) -> Item {
    let image = app();
    let mut envelope = workshop.envelope(media::IN_TOTO, &statement(&[image.manifest.digest()], SLSA));
    // Of the right form, but over something else.
    let elsewhere = workshop.envelope(media::IN_TOTO, &statement(&[other().manifest.digest()], SLSA));
    let wrong = elsewhere["signatures"][0].clone();
    if let Some(list) = envelope["signatures"].as_array_mut() {
        list.insert(0, wrong);
    }
    envelope_item(&image, &envelope)
}

fn not_found(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let denies = |types: &[&str], name, about, items: Vec<Item>, code| {
        wants(workshop, types, name, about)
            .items(items)
            .rules("attested", "deny", &[code])
    };
    let missing = "attestation.missing";
    let attestation = |signer, uri| workshop.attestation(signer, &image, Layout::Bundle, uri);
    let elsewhere = statement(&[other().manifest.digest()], SLSA);
    vec![
        denies(
            &[SLSA],
            "attestation-none-deny",
            "Promise: where an attestation is wanted and nothing is attached, the denial says which type is missing.",
            vec![],
            missing,
        ),
        denies(
            &[SLSA],
            "attestation-of-another-type-deny",
            "Promise: an attestation of another type does not stand in for the wanted one.",
            vec![attestation("alice", VULN)],
            missing,
        ),
        denies(
            &[SLSA, VULN],
            "attestations-one-of-two-missing-deny",
            "Promise: one of two wanted attestations is not enough.",
            vec![attestation("alice", SLSA)],
            missing,
        ),
        denies(
            &[SLSA],
            "attestation-by-another-key-deny",
            "Attack: an attestation of the wanted type that anybody made.",
            vec![attestation("bob", SLSA)],
            "attestation.wrong_key",
        ),
        denies(
            &[SLSA],
            "attestation-by-another-key-beside-a-signature-deny",
            "Attack: the right key signed the image, and anybody attested what the policy wants to know of it. What one\n\
             authority asks for is shown by its own key altogether, never pieced together from two signers.",
            vec![
                workshop.signature("alice", &image, Layout::Bundle),
                attestation("bob", SLSA),
            ],
            "attestation.wrong_key",
        ),
        denies(
            &[SLSA],
            "attestation-about-another-image-deny",
            "Attack: a genuine attestation of the right key, copied beside an image that it does not name.",
            vec![bundle_item(
                &image,
                &bundle(&workshop.envelope(media::IN_TOTO, &elsewhere)),
            )],
            "attestation.wrong_image",
        ),
        denies(
            &[SLSA],
            "attestation-signature-only-deny",
            "Attack: the image is signed, and what is wanted is an attestation (CVE-2022-35929, CVE-2022-35930: types\n\
             confused).",
            vec![
                workshop.signature("alice", &image, Layout::Bundle),
                workshop.signature("alice", &image, Layout::Tag),
            ],
            missing,
        ),
    ]
}

fn no_signature(workshop: &Workshop) -> Vec<Draft> {
    let image = app();
    let denies = |name, about, layout| {
        let item = workshop.attestation("alice", &image, layout, SLSA);
        under_alice(workshop, name, about)
            .items([item])
            .rules("signed", "deny", &["image.unsigned"])
    };
    vec![
        denies(
            "attestation-is-no-signature-in-bundle-deny",
            "Promise: a bundle with a statement of another type than cosign's sign predicate is an attestation, never a\n\
             signature, although the right key made it (a build job that may attest may not approve).",
            Layout::Bundle,
        ),
        denies(
            "attestation-is-no-signature-under-tag-deny",
            "Promise: an attestation under the `.att` tag is never a signature.",
            Layout::Tag,
        ),
    ]
}
