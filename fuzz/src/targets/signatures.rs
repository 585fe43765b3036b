//! What is proved: nothing that was not signed, whatever is done to what was.

use std::collections::{BTreeMap, BTreeSet};

use countersign_evidence::{
    HashRule, Layout, Layouts, PublicKey, ToBeSigned, Trusted, attestations, signatures, unverified_summary,
};
use countersign_image::text::prints;
use countersign_image::{Digest, Reference};
use serde_json::Value;

use super::text;
use crate::seeds::{Seeds, named};
use crate::signed::{self, DESK, evidence};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "examine",
        run: examine,
        seeds: items,
        words: WORDS,
        mutations: 700,
    },
    Target {
        name: "signature",
        run: signature,
        seeds: raw_signatures,
        words: &["\0", "\u{1}"],
        mutations: 1_000,
    },
    Target {
        name: "seal",
        run: seal,
        seeds: drafts,
        words: &["s", "c", "a", "\n", "=", "{}", "\"", "\\u0000", signed::VULN],
        mutations: 400,
    },
];

pub(super) const WORDS: &[&str] = &[
    "s",
    "e",
    "b",
    "\n",
    "=",
    "\"payload\":\"",
    "\"payload_type\":\"",
    "\"signatures\":[",
    "\"sig\":\"\"",
    "\"dsseEnvelope\":{",
    "\"dsse_envelope\":{",
    "\"messageSignature\":{",
    "application/vnd.in-toto+json",
    "docker-manifest-digest",
    "sha256:",
];

/// Everything that is truly signed, as inputs.
pub(super) fn items(seeds: &mut Seeds) {
    for item in &DESK.items {
        seeds.add(signed::written(item));
    }
}

/// Whatever an item is turned into, it proves something only if what it says was signed, and about our image alone.
fn examine(data: &[u8]) {
    let Some(content) = signed::read(data) else { return };
    let other = Reference::parse("registry.example/shop/app")
        .unwrap()
        .resolved(Digest::sha256(b"other"));
    let stranger = stranger();
    for layout in Layout::ALL {
        let found = evidence(&DESK.image, layout, [content.clone()]);
        for seen in unverified_summary(&found) {
            let shown = [seen.unverified_predicate_type, seen.unverified_signer_hint];
            assert!(
                shown
                    .iter()
                    .flatten()
                    .all(|text| text.chars().all(prints) && text.len() <= 1024)
            );
        }
        for key in [&DESK.ours, &DESK.alice] {
            let (proofs, rejected) = signatures(&found, &Trusted::key(key.clone(), HashRule::Natural), &Layouts::ALL);
            let (attested, refused) =
                attestations(&found, &Trusted::key(key.clone(), HashRule::Natural), &Layouts::ALL);
            assert_eq!((proofs.len() + rejected.len(), attested.len() + refused.len()), (1, 1));
            for rejected in rejected.iter().chain(&refused) {
                spoken::refusal(&rejected.why);
            }
            if proofs.len() + attested.len() > 0 {
                assert!(DESK.signed(&content), "proved what nobody signed");
                assert!(proofs.iter().all(|proof| proof.key() == key));
                assert!(attested.iter().all(|proof| proof.key() == key));
            }
        }
        for (image, key, layouts) in [
            (&other, &DESK.ours, Layouts::ALL),
            (&DESK.image, stranger, Layouts::ALL),
            (&DESK.image, &DESK.ours, Layouts::NONE),
        ] {
            let found = evidence(image, layout, [content.clone()]);
            assert_eq!(
                signatures(&found, &Trusted::key(key.clone(), HashRule::Natural), &layouts)
                    .0
                    .len(),
                0
            );
            assert_eq!(
                attestations(&found, &Trusted::key(key.clone(), HashRule::Natural), &layouts)
                    .0
                    .len(),
                0
            );
        }
    }
}

/// A key that has signed nothing.
fn stranger() -> &'static PublicKey {
    static STRANGER: std::sync::LazyLock<PublicKey> = std::sync::LazyLock::new(|| {
        let policy = crate::seeds::repository().join("cases/data/key-p384-admit/policy.yaml");
        PublicKey::from_pem(&std::fs::read_to_string(policy).unwrap()).unwrap()
    });
    &STRANGER
}

/// The keys of the cases, one of each kind, and ours.
fn keys() -> &'static [PublicKey] {
    static KEYS: std::sync::LazyLock<Vec<PublicKey>> = std::sync::LazyLock::new(|| {
        let mut keys = vec![DESK.ours.clone(), DESK.alice.clone()];
        for case in ["key-p384-admit", "key-p521-admit", "key-rsa-pkcs1-admit"] {
            let policy = crate::seeds::repository()
                .join("cases/data")
                .join(case)
                .join("policy.yaml");
            keys.push(PublicKey::from_pem(&std::fs::read_to_string(policy).unwrap()).unwrap());
        }
        keys
    });
    &KEYS
}

fn raw_signatures(seeds: &mut Seeds) {
    for (number, key) in keys().iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        seeds.add([&[number][..], &[0x30, 6, 2, 1, 1, 2, 1, 1]].concat());
        seeds.add([&[number][..], &vec![1; key.spki_der().len()]].concat());
        seeds.add([&[number][..], &[0; 64]].concat());
    }
    seeds.add_files("cases/data", |path, bytes| {
        named(path, &["evidence.json"])
            .then(|| first_signature(bytes))?
            .map(|bytes| [&[1][..], &bytes].concat())
    });
}

fn first_signature(evidence: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(evidence).ok()?;
    let text = value["items"]
        .as_array()?
        .iter()
        .find_map(|item| item["content"]["simple"]["signature"].as_str())?;
    signed::decoded(text)
}

/// No bytes are a signature over what no key has signed.
fn signature(data: &[u8]) {
    let Some((number, signature)) = data.split_first() else {
        return;
    };
    let key = &keys()[usize::from(*number) % keys().len()];
    for rule in [HashRule::Natural, HashRule::Exactly(countersign_evidence::Hash::Sha512)] {
        match key.verify(rule, b"what nobody has signed", signature) {
            Ok(scheme) => panic!("a forgery under {scheme}"),
            Err(error) => spoken::refusal(&error),
        }
    }
}

fn drafts(seeds: &mut Seeds) {
    for seed in ["s", "sa=b", "c", "cbuild=42\nenv=prod", "ahttps://example.com/x\n{}"] {
        seeds.add(seed);
    }
    seeds.add(format!("a{}\n{{\"scanner\":[1.50]}}", signed::VULN));
}

/// What we sign reads back as what we meant, in every layout that takes it, and proves nothing else.
fn seal(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Some(text) = text(rest) else { return };
    let image = &DESK.image;
    let annotations: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    let (what, predicate_type) = match kind {
        b's' => (ToBeSigned::simple(image, &annotations), None),
        b'c' => (ToBeSigned::cosign_sign(image, &annotations), None),
        b'a' => {
            let (kind, predicate) = text.split_once('\n').unwrap_or((text, "{}"));
            let Ok(predicate) = countersign_image::json::strict::<Value>(predicate.as_bytes()) else {
                return;
            };
            (ToBeSigned::statement(image, kind, &predicate), Some(kind))
        }
        _ => return,
    };
    let mut sealed = BTreeSet::new();
    for layout in Layout::ALL {
        let Some(content) = DESK.seal(what.clone(), layout) else {
            continue;
        };
        assert_eq!(
            DESK.seal(what.clone(), layout).as_ref(),
            Some(&content),
            "made twice, it is the same"
        );
        sealed.insert(layout);
        let found = evidence(image, layout, [content]);
        let proofs = signatures(
            &found,
            &Trusted::key(DESK.ours.clone(), HashRule::Natural),
            &Layouts::ALL,
        )
        .0
        .len();
        let attested = attestations(
            &found,
            &Trusted::key(DESK.ours.clone(), HashRule::Natural),
            &Layouts::ALL,
        )
        .0;
        let is_signature = predicate_type.is_none_or(signed::signs);
        assert_eq!(proofs, usize::from(is_signature));
        if let Some(kind) = predicate_type {
            assert_eq!(attested.len(), 1);
            assert_eq!(attested[0].predicate_type(), kind);
        }
        assert_eq!(
            signatures(
                &found,
                &Trusted::key(DESK.alice.clone(), HashRule::Natural),
                &Layouts::ALL
            )
            .0
            .len(),
            0
        );
        assert_eq!(
            attestations(
                &found,
                &Trusted::key(DESK.alice.clone(), HashRule::Natural),
                &Layouts::ALL
            )
            .0
            .len(),
            0
        );
    }
    if predicate_type.is_none() && data.len() < 4096 {
        assert!(!sealed.is_empty(), "an operator's own signature can be stored");
    }
}
