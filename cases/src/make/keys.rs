//! Every kind of key admits with every scheme it signs with, and only under the hash that a policy states.

use countersign_evidence::Layout;

use super::draft::Draft;
use super::items::item;
use super::policy_text::{Authority, policy};
use super::sample::app;
use super::workshop::Workshop;

pub(super) fn drafts(workshop: &Workshop) -> Vec<Draft> {
    let mut drafts = kinds(workshop);
    drafts.extend(hashes(workshop));
    drafts
}

/// A signature by `signer`, under a policy that believes its key and states a hash, or none.
fn signed_by(
    workshop: &Workshop,
    signer: &str,
    hash: Option<&str>,
    layout: Layout,
    name: &'static str,
    about: &'static str,
) -> Draft {
    let authority = Authority::key("holder", &workshop.public(signer).to_pem());
    let authority = match hash {
        Some(hash) => authority.hash(hash),
        None => authority,
    };
    Draft::new(name, &app(), about)
        .policies(&[policy("signed", [authority])])
        .items([workshop.signature(signer, &app(), layout)])
}

fn kinds(workshop: &Workshop) -> Vec<Draft> {
    let admits = |signer, layout, hash, name, about| {
        signed_by(workshop, signer, hash, layout, name, about).rules("signed", "admit", &["signed"])
    };
    let (tag, bundle) = (Layout::Tag, Layout::Bundle);
    vec![
        admits(
            "p384",
            tag,
            None,
            "key-p384-admit",
            "Promise: ECDSA P-384 with SHA-256, which plain `cosign verify` expects.",
        ),
        admits(
            "p384-sha384",
            bundle,
            Some("sha384"),
            "key-p384-sha384-admit",
            "Promise: ECDSA P-384 with its natural hash, as cosign 3 signs, where the policy says `hashAlgorithm: sha384`.",
        ),
        admits(
            "p521",
            tag,
            None,
            "key-p521-admit",
            "Promise: ECDSA P-521 with SHA-256.",
        ),
        admits(
            "p521-sha512",
            bundle,
            Some("SHA512"),
            "key-p521-sha512-admit",
            "Promise: ECDSA P-521 with its natural hash; the policy may write the hash's name in any case.",
        ),
        admits("ed25519", tag, None, "key-ed25519-admit", "Promise: Ed25519."),
        admits(
            "ed25519ph",
            bundle,
            None,
            "key-ed25519ph-admit",
            "Promise: Ed25519ph, with which cosign 3 signs for Ed25519 keys, by the same key and policy as Ed25519.",
        ),
        admits(
            "rsa",
            tag,
            None,
            "key-rsa-pkcs1-admit",
            "Promise: RSA with PKCS#1 v1.5 padding.",
        ),
        admits(
            "rsa-pss",
            bundle,
            None,
            "key-rsa-pss-admit",
            "Promise: RSA with PSS padding, by the same key and policy.",
        ),
    ]
}

fn hashes(workshop: &Workshop) -> Vec<Draft> {
    let denies = |signer, hash, name, about| {
        signed_by(workshop, signer, hash, Layout::Tag, name, about).rules("signed", "deny", &["signature.wrong_key"])
    };
    let image = app();
    // Two files' labels exchanged: the same bytes, signed by the key of another kind.
    let crossed = item(
        &image,
        Layout::Tag,
        workshop.signature("ed25519", &image, Layout::Tag).content,
    );
    vec![
        denies(
            "alice",
            Some("sha512"),
            "hash-sha512-wanted-sha256-signed-deny",
            "Promise: a ClusterImagePolicy's hash is meant exactly: under `hashAlgorithm: sha512` a SHA-256 signature of the\n\
             right key is none.",
        ),
        denies(
            "p384",
            Some("sha384"),
            "hash-sha384-wanted-sha256-signed-deny",
            "Promise: the same for a curve whose natural hash the policy states.",
        ),
        signed_by(
            workshop,
            "p384-sha384",
            None,
            Layout::Tag,
            "hash-unstated-sha384-signed-admit",
            "Promise: where the policy states no hash, the curve's natural one counts beside SHA-256, so that what cosign 3\n\
             signs with a P-384 key admits as it is.",
        )
        .rules("signed", "admit", &["signed"]),
        Draft::new(
            "key-of-another-kind-deny",
            &image,
            "Attack: a signature of a kind that the policy's key cannot make.",
        )
        .policies(&[policy("signed", [Authority::key("holder", &workshop.public("rsa").to_pem())])])
        .items([crossed])
        .rules("signed", "deny", &["signature.wrong_key"]),
    ]
}
