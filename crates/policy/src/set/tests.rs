//! Many policies at once: which govern, what they want, and what becomes of those whose documents break.

use countersign_evidence::Layouts;
use countersign_image::{Pinned, Reference, Repository};
use proptest::prelude::*;

use super::index::GlobIndex;
use super::{Governing, InForce, NoMatch, ObjectFacts, PolicySet, Settings};
use crate::document::parse;
use crate::lint::LintCode;
use crate::pattern::Glob;

const DIGEST: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const KEY: &str = "{data: \"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX3OgWLt0eCOZ7NIqWrxJCnWCzZ6z\\n\
                   9lfChoA48q3Ogz7ISJicBPatbh+3kThjhGnQf53t3Dp9W6nabQzWEqrhHQ==\\n-----END PUBLIC KEY-----\\n\"}";

fn pinned(name: &str) -> Pinned {
    Reference::parse(&format!("{name}@{DIGEST}")).unwrap().pinned().unwrap()
}

/// A document of a file; `spec` in YAML's flow style, `@k` for a key.
fn document(name: &str, glob: &str, spec: &str) -> String {
    let spec = if spec.is_empty() {
        "authorities: [{static: {action: pass}}]"
    } else {
        spec
    };
    let spec = spec.replace("@k", KEY);
    format!(
        "---\napiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\n\
         spec: {{images: [{{glob: '{glob}'}}], {spec}}}\n"
    )
}

fn set(files: &[(&str, &str)]) -> PolicySet {
    let parsed = files.iter().map(|(file, text)| parse(file, text)).collect();
    PolicySet::compile(parsed, Settings::new(NoMatch::Deny))
}

fn names(governing: &Governing) -> Vec<String> {
    let name = |entry: &InForce| match entry {
        InForce::Policy(policy) => policy.name().to_owned(),
        InForce::Broken(broken) => format!("!{}", broken.name().unwrap_or_default()),
    };
    governing.entries().iter().map(name).collect()
}

fn govern(set: &PolicySet, image: &str) -> Vec<String> {
    names(&set.governing(&pinned(image), &ObjectFacts::none()))
}

#[test]
fn the_policies_whose_globs_match_govern_in_the_order_of_their_names() {
    let files = [
        ("z.yaml", document("all", "**", "") + &document("hub", "*", "")),
        (
            "a.yaml",
            document("team", "ghcr.io/acme/**", "") + &document("app", "ghcr.io/acme/app*", ""),
        ),
    ];
    let files: Vec<_> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
    let set = set(&files);
    assert_eq!((set.len(), set.errors().len(), set.broken().count()), (4, 0, 0));
    assert_eq!(govern(&set, "ghcr.io/acme/app"), ["all", "app", "team"]);
    assert_eq!(govern(&set, "ghcr.io/acme/other"), ["all", "team"]);
    assert_eq!(govern(&set, "nginx"), ["all", "hub"]);
    assert_eq!(govern(&set, "quay.io/x"), ["all"]);
}

#[test]
fn a_policy_with_several_globs_governs_once() {
    let text = document("p", "**'}, {glob: 'ghcr.io/**'}, {glob: 'ghcr.io/acme/*", "");
    assert_eq!(govern(&set(&[("a.yaml", &text)]), "ghcr.io/acme/app"), ["p"]);
}

#[test]
fn match_narrows_and_without_an_object_it_matches_nothing() {
    let matching = "match: [{resource: pods, version: v1}], authorities: [{static: {action: pass}}]";
    let set = set(&[(
        "a.yaml",
        &(document("pods", "**", matching) + &document("any", "**", "")),
    )]);
    let image = pinned("ghcr.io/acme/app");
    let pod = ObjectFacts {
        version: "v1".into(),
        resource: "pods".into(),
        ..ObjectFacts::none()
    };
    assert_eq!(names(&set.governing(&image, &pod)), ["any", "pods"]);
    assert_eq!(names(&set.governing(&image, &ObjectFacts::none())), ["any"]);
}

#[test]
fn two_policies_of_one_name_are_both_in_force_and_a_lint() {
    let set = set(&[
        ("a.yaml", &document("p", "**", "")),
        ("b.yaml", &document("p", "ghcr.io/**", "")),
    ]);
    assert_eq!(govern(&set, "ghcr.io/a"), ["p", "p"]);
    let lint = &set.lints()[0];
    assert_eq!(
        (lint.code, lint.position.to_string().as_str()),
        (LintCode::PolicyDuplicateName, "b.yaml:2:1")
    );
    assert_eq!(lint.message, "a.yaml:2:1 has a policy `p` too; both are in force");
}

#[test]
fn what_is_wanted_is_said_once() {
    let text = document("static", "**", "")
        + &document(
            "here",
            "**",
            "authorities: [{key: @k}, {key: @k, signatureFormat: bundle}]",
        )
        + &document(
            "there",
            "**",
            "authorities: [{key: @k, source: [{oci: ghcr.io/acme/sig, signaturePullSecrets: [{name: a}]}], signatureFormat: legacy}]",
        )
        + &document(
            "also-there",
            "**",
            "authorities: [{key: @k, source: [{oci: ghcr.io/acme/sig, signaturePullSecrets: [{name: a}, {name: b}]}]}]",
        )
        + &document("prefixed", "**", "authorities: [{key: @k, source: [{tagPrefix: p-}]}]")
        + &document("later", "**", "authorities: [{key: {kms: 'gcpkms://k'}}]");
    let set = set(&[("a.yaml", &text)]);
    let image = pinned("ghcr.io/acme/app");
    let wants = set.governing(&image, &ObjectFacts::none()).wants(&image);
    let places: Vec<_> = wants
        .places
        .iter()
        .map(|place| {
            (
                place.repository.to_string(),
                place.tag_prefix.as_deref(),
                place.pull_secrets.join(","),
            )
        })
        .collect();
    let expected = [
        ("ghcr.io/acme/sig".to_owned(), None, "a,b".to_owned()),
        ("ghcr.io/acme/app".to_owned(), None, String::new()),
        ("ghcr.io/acme/app".to_owned(), Some("p-"), String::new()),
    ];
    assert_eq!(places, expected);
    assert_eq!(
        (wants.signatures, wants.attestations, wants.layouts),
        (true, false, Layouts::ALL)
    );
    assert!(!wants.manifest && !wants.nothing());
}

#[test]
fn layouts_and_kinds_are_wanted_as_far_as_somebody_asks() {
    let wants = |spec: &str| {
        let set = set(&[("a.yaml", &document("p", "**", spec))]);
        let image = pinned("ghcr.io/acme/app");
        set.governing(&image, &ObjectFacts::none()).wants(&image)
    };
    assert!(wants("").nothing());
    assert!(wants("authorities: [{keyless: {identities: [{issuer: i, subject: s}]}}]").nothing());
    let bundles = wants("authorities: [{key: @k, signatureFormat: bundle}]");
    assert_eq!(
        (bundles.layouts, bundles.signatures, bundles.attestations),
        (Layouts::BUNDLE, true, false)
    );
    let attested = wants("authorities: [{key: @k, attestations: [{name: n, predicateType: custom}]}]");
    assert_eq!((attested.signatures, attested.attestations), (false, true));
    assert_eq!(
        attested.places[0].repository,
        Repository::parse("ghcr.io/acme/app").unwrap()
    );
}

#[test]
fn keys_and_generations_change_with_what_is_said_and_not_with_its_order() {
    let (p, q) = (document("p", "**", ""), document("q", "quay.io/**", ""));
    let one = set(&[("a.yaml", &p), ("b.yaml", &q)]);
    let turned = set(&[("b.yaml", &q), ("a.yaml", &p)]);
    assert_eq!(one.generation(), turned.generation());
    let image = pinned("ghcr.io/acme/app");
    let key = |set: &PolicySet| set.governing(&image, &ObjectFacts::none()).key();
    let without_q = set(&[("a.yaml", &p)]);
    assert_ne!(one.generation(), without_q.generation());
    assert_eq!(
        key(&one),
        key(&without_q),
        "a policy that does not govern makes no difference"
    );
    let warns = set(&[(
        "a.yaml",
        &document("p", "**", "mode: warn, authorities: [{static: {action: pass}}]"),
    )]);
    assert_ne!(key(&one), key(&warns));
    let allowing = PolicySet::compile(vec![parse("a.yaml", &p)], Settings::new(NoMatch::Allow));
    assert_ne!(key(&without_q), key(&allowing));
    let broken = set(&[("a.yaml", &document("p", "**", "mode: x"))]);
    assert_ne!(key(&broken), key(&without_q));
}

/// What governs `ghcr.io/acme/app` after a file changed, with the names of the policies that were kept.
fn after(before: &[(&str, &str)], now: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let set = set(now).with_last_good(&set(before));
    let kept = set.kept().iter().map(|policy| policy.name().to_owned()).collect();
    (govern(&set, "ghcr.io/acme/app"), kept)
}

fn lists(governing: &[&str], kept: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    (owned(governing), owned(kept))
}

#[test]
fn a_document_that_breaks_keeps_the_last_good_policy_in_force() {
    let good = document("p", "**", "") + &document("q", "**", "");
    let broken = document("p", "**", "mode: x") + &document("q", "**", "");
    assert_eq!(
        after(&[("a.yaml", &good)], &[("a.yaml", &broken)]),
        lists(&["p", "q"], &["p"])
    );
    assert_eq!(
        after(&[], &[("a.yaml", &broken)]),
        lists(&["!p", "q"], &[]),
        "there is no last good form"
    );
    assert_eq!(
        after(&[("b.yaml", &good)], &[("a.yaml", &broken)]),
        lists(&["!p", "q"], &[]),
        "it was another file"
    );
    let only_q = document("q", "**", "");
    assert_eq!(
        after(&[("a.yaml", &good)], &[("a.yaml", &only_q)]),
        lists(&["q"], &[]),
        "taking it out is no error"
    );
    assert_eq!(after(&[("a.yaml", &good)], &[]), lists(&[], &[]));
}

#[test]
fn a_document_without_a_name_keeps_what_its_file_lost() {
    let (p, q, rubbish) = (
        document("p", "**", ""),
        document("q", "**", ""),
        "---\na: [\n".to_owned(),
    );
    let both = p.clone() + &q;
    let keeps = |now: &str| after(&[("a.yaml", &both)], &[("a.yaml", now)]);
    assert_eq!(keeps(&(p.clone() + &rubbish)), lists(&["p", "q"], &["q"]));
    assert_eq!(keeps(&rubbish), lists(&["p", "q"], &["p", "q"]));
    assert_eq!(keeps(&(rubbish.clone() + &rubbish)), lists(&["p", "q"], &["p", "q"]));
    let one_more = p.clone() + &q + &rubbish;
    assert_eq!(
        keeps(&one_more),
        lists(&["!", "p", "q"], &[]),
        "a new document that breaks was never in force"
    );
    let too_many = p + &rubbish + &rubbish;
    assert_eq!(keeps(&too_many), lists(&["!", "p", "q"], &["q"]));
}

#[test]
fn what_is_kept_is_kept_until_it_is_mended() {
    let good = document("p", "ghcr.io/**", "");
    let broken = document("p", "ghcr.io/**", "mode: x");
    let first = set(&[("a.yaml", &good)]);
    let second = set(&[("a.yaml", &broken)]).with_last_good(&first);
    let third = set(&[("a.yaml", &broken)]).with_last_good(&second);
    assert_eq!(govern(&third, "ghcr.io/acme/app"), ["p"]);
    assert_eq!((third.kept().len(), third.errors().is_empty()), (1, false));
    let mended = set(&[("a.yaml", &good)]).with_last_good(&third);
    assert_eq!((mended.kept().len(), mended.errors().len()), (0, 0));
    assert_eq!(mended.generation(), first.generation());
}

#[test]
fn settings_are_said_in_words() {
    for no_match in [NoMatch::Deny, NoMatch::Warn, NoMatch::Allow] {
        assert_eq!(NoMatch::parse(no_match.word()), Some(no_match));
    }
    assert_eq!(NoMatch::parse("Allow"), None);
    assert_eq!(Settings::deny_unmatched(), Settings::new(NoMatch::Deny));
}

proptest! {
    #[test]
    fn the_index_finds_what_trying_every_glob_finds(
        globs in prop::collection::vec("[ab/*]{1,6}", 0..20),
        name in "[ab/]{0,10}",
    ) {
        let globs: Vec<Glob> = globs.iter().map(|glob| Glob::parse(glob).unwrap()).collect();
        let expected: Vec<usize> = globs
            .iter()
            .enumerate()
            .filter(|(_, glob)| glob.matches_name(&name))
            .map(|(index, _)| index)
            .collect();
        let index = GlobIndex::of(globs.into_iter().enumerate().map(|(index, glob)| (glob, index)).collect());
        prop_assert_eq!(index.matching(&name), expected);
    }
}

/// A TrustRoot with one log; whose key it is, `k` says.
fn trust_root(name: &str, k: u8) -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[k; 32]).verifying_key();
    let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    spki.extend(key.as_bytes());
    let pem = countersign_evidence::PublicKey::from_spki_der(&spki).unwrap().to_pem();
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem);
    format!(
        "---\napiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: {name}}}\n\
         spec: {{sigstoreKeys: {{tLogs: [{{baseURL: 'https://log.example', hashAlgorithm: sha-256, publicKey: {key}}}]}}}}\n"
    )
}

const LOGGED: &str = "authorities: [{key: @k, ctlog: {trustRootRef: r}}]";

fn codes(set: &PolicySet) -> Vec<LintCode> {
    set.lints().iter().map(|lint| lint.code).collect()
}

#[test]
fn a_policy_rests_on_the_one_trust_root_of_its_name() {
    let policy = document("p", "**", LOGGED);
    let image = pinned("ghcr.io/acme/app");
    let wanted = |set: &PolicySet| !set.governing(&image, &ObjectFacts::none()).wants(&image).nothing();
    let whole = set(&[("a.yaml", &policy), ("b.yaml", &trust_root("r", 1))]);
    assert_eq!((codes(&whole), wanted(&whole)), (vec![], true));
    let missing = set(&[("a.yaml", &policy), ("b.yaml", &trust_root("other", 1))]);
    assert_eq!(
        (codes(&missing), wanted(&missing)),
        (vec![LintCode::TrustRootMissing], false)
    );
    let twice = set(&[
        ("a.yaml", &policy),
        ("b.yaml", &(trust_root("r", 1) + &trust_root("r", 2))),
    ]);
    assert_eq!(
        (codes(&twice), wanted(&twice)),
        (
            vec![LintCode::TrustRootDuplicateName, LintCode::TrustRootMissing],
            false
        )
    );
    let broken = trust_root("r", 1).replace("hashAlgorithm", "hash");
    let broken = set(&[("a.yaml", &policy), ("b.yaml", &broken)]);
    assert_eq!(
        (codes(&broken), wanted(&broken)),
        (vec![LintCode::TrustRootMissing], false)
    );
    assert!(broken.lints()[0].message.contains("b.yaml:5:"), "{}", broken.lints()[0]);
    let lacking = set(&[
        (
            "a.yaml",
            &document(
                "p",
                "**",
                "authorities: [{key: @k, rfc3161timestamp: {trustRootRef: r}}]",
            ),
        ),
        ("b.yaml", &trust_root("r", 1)),
    ]);
    assert_eq!(codes(&lacking), [LintCode::TrustRootLacks]);
}

/// A TrustRoot with a mistake must not take away what its last good form let be believed, nor anything else.
#[test]
fn a_trust_root_that_breaks_keeps_its_last_good_form() {
    let policy = document("p", "**", LOGGED);
    let image = pinned("ghcr.io/acme/app");
    let key = |set: &PolicySet| set.governing(&image, &ObjectFacts::none()).key();
    let good = set(&[("a.yaml", &policy), ("b.yaml", &trust_root("r", 1))]);
    let misspelt = trust_root("r", 2).replace("hashAlgorithm", "hash");
    let unreadable = "---\nkind: [\n".to_owned();
    for (what, text) in [("a field is misspelt", &misspelt), ("it is no YAML", &unreadable)] {
        let broken = set(&[("a.yaml", &policy), ("b.yaml", text)]).with_last_good(&good);
        assert_eq!(key(&broken) == key(&good), what == "a field is misspelt", "{what}");
        assert_eq!(broken.kept_trust_roots().len(), 1, "{what}");
        assert!(!broken.errors().is_empty(), "{what}");
        // And once more: what is kept is kept from one generation to the next.
        let again = set(&[("a.yaml", &policy), ("b.yaml", text)]).with_last_good(&broken);
        assert_eq!(key(&again), key(&broken), "{what}");
    }
    // Taken out, or replaced, it is gone.
    let without = set(&[("a.yaml", &policy), ("b.yaml", "")]).with_last_good(&good);
    assert_eq!(codes(&without), [LintCode::TrustRootMissing]);
    let replaced = set(&[("a.yaml", &policy), ("b.yaml", &trust_root("r", 2))]).with_last_good(&good);
    assert!(key(&replaced) != key(&good) && replaced.kept_trust_roots().is_empty());
    // A policy that is kept rests on the trust root of now.
    let policy_broken = policy.replace("images", "imagez");
    let kept = set(&[("a.yaml", &policy_broken), ("b.yaml", &trust_root("r", 2))]).with_last_good(&good);
    assert_eq!((key(&kept), kept.kept().len()), (key(&replaced), 1));
}
