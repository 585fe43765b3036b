//! Several policies, static ones, what this version cannot check, and what cannot be read.

use countersign_evidence::Layout;
use jiff::Timestamp;

use super::scene::{IMAGE, Key, SPDX, pinned, scene};
use super::{check, judged, policy, said, text};
use crate::judge::{judge, undecided};
use crate::meaning::Enforcement;
use crate::reason::{Reason, ReasonCode};
use crate::set::{NoMatch, ObjectFacts, PolicySet, Settings};
use crate::verdict::Judgement;

const KEYLESS: &str = "keyless: {identities: [{issuer: https://issuer.example, subject: me}]}";
const IN_A_KMS: &str = "key: {kms: 'hashivault://key'}";

#[test]
fn every_policy_has_to_be_satisfied() {
    let both = format!("{}---\n{}", policy("one", &["key: @a"]), policy("two", &["key: @b"]));
    let a = scene().signed('a', Layout::Tag);
    assert_eq!(said(&judged(&both, &a, NoMatch::Deny)), "deny: signature.wrong_key");
    let a_and_b = scene().signed('a', Layout::Tag).signed('b', Layout::Bundle);
    let admitted = judged(&both, &a_and_b, NoMatch::Deny);
    assert_eq!(said(&admitted), "admit: signed, signed");
    let names: Vec<_> = admitted.rulings().iter().map(|ruling| ruling.policy()).collect();
    assert_eq!(names, [Some("one"), Some("two")]);
}

#[test]
fn denied_comes_before_undecided_before_admitted() {
    let deny = policy("deny", &["key: @a"]);
    let wait = policy("wait", &[IN_A_KMS]);
    let pass = policy("pass", &["static: {action: pass}"]);
    let all = |parts: &[&str]| said(&judged(&parts.join("---\n"), &scene(), NoMatch::Deny));
    assert_eq!(all(&[&pass]), "admit: static");
    assert_eq!(all(&[&pass, &wait]), "undecided: policy.unsupported");
    assert_eq!(all(&[&pass, &wait, &deny]), "deny: image.unsigned");
}

#[test]
fn a_static_policy_answers_without_looking() {
    let signed = scene().signed('a', Layout::Tag);
    check("pass", &["static: {action: pass}"], &scene(), "admit: static");
    check("fail", &["static: {action: fail}"], &signed, "deny: policy.static_fail");
    let with_message = policy("p", &["static: {action: fail, message: 'use the other registry'}"]);
    let found = text(&judged(&with_message, &signed, NoMatch::Deny));
    assert!(
        found.contains("disallowed by static policy: use the other registry"),
        "{found}"
    );
    let or = &["key: @a", "static: {action: fail}"];
    check("fail beside a key", or, &signed, "admit: signed");
}

#[test]
fn what_cannot_be_checked_is_neither_satisfied_nor_skipped() {
    let signed = scene().signed('a', Layout::Tag);
    for authority in [
        IN_A_KMS,
        "key: {secretRef: {name: key}}",
        "{key: @a, signatureFormat: parchment}",
        "{key: @a, signatureFormat: bundle, source: [{tagPrefix: x-}]}",
        "{key: @a, attestations: [{name: n, predicateType: custom, policy: {type: cue, data: 'a: 1'}}]}",
    ] {
        check(authority, &[authority], &signed, "undecided: policy.unsupported");
        check(authority, &[authority, "key: @a"], &signed, "admit: signed");
        check(
            authority,
            &[authority, "key: @b"],
            &signed,
            "undecided: policy.unsupported",
        );
    }
    for authority in [
        "{key: @a, ctlog: {}}",
        "{key: @a, rfc3161timestamp: {}}",
        "{key: @a, source: [], attestations: []}",
    ] {
        check(authority, &[authority], &signed, "admit: signed");
    }
}

/// A policy that rests on a trust root which nobody has is in force, and says so.
#[test]
fn what_rests_on_a_trust_root_that_is_not_there_is_neither_satisfied_nor_skipped() {
    let signed = scene().signed('a', Layout::Tag);
    let undecided = "undecided: policy.trust_root";
    for authority in [
        KEYLESS,
        "keyless: {trustRootRef: nobody, identities: [{issuer: i, subject: s}]}",
        "{key: @a, ctlog: {url: https://rekor.example}}",
        "{key: @a, ctlog: {trustRootRef: nobody}}",
        "{key: @a, rfc3161timestamp: {trustRootRef: nobody}}",
    ] {
        check(authority, &[authority], &signed, undecided);
        check(authority, &[authority, "key: @a"], &signed, "admit: signed");
        check(authority, &[authority, "key: @b"], &signed, undecided);
    }
}

#[test]
fn an_expression_over_the_policy_can_only_turn_away() {
    let with_expression = policy("p", &["key: @a"]) + "  policy: {type: rego, data: x, includeSpec: true}\n";
    let signed = judged(&with_expression, &scene().signed('a', Layout::Tag), NoMatch::Deny);
    assert_eq!(said(&signed), "undecided: policy.unsupported");
    assert!(
        text(&signed).contains("a Rego policy (`spec.policy`)"),
        "{}",
        text(&signed)
    );
    let unsigned = judged(&with_expression, &scene(), NoMatch::Deny);
    assert_eq!(said(&unsigned), "deny: image.unsigned");
}

#[test]
fn a_policy_that_cannot_be_read_leaves_its_images_undecided() {
    let broken = policy("broken", &["key: {data: nonsense}"]);
    let good = policy("good", &["key: @a"]);
    let judgement = judged(
        &format!("{good}---\n{broken}"),
        &scene().signed('a', Layout::Tag),
        NoMatch::Allow,
    );
    assert_eq!(said(&judgement), "undecided: policy.unreadable");
    let found = text(&judgement);
    assert!(found.contains("the policy cannot be read: policies.yaml:"), "{found}");
    assert!(
        found.contains("next: countersign policy check policies.yaml"),
        "{found}"
    );
    let not_its_image = broken.replace("'**'", "'docker.io.example/**'");
    let judgement = judged(
        &format!("{good}---\n{not_its_image}"),
        &scene().signed('a', Layout::Tag),
        NoMatch::Allow,
    );
    assert_eq!(said(&judgement), "admit: signed");
}

#[test]
fn an_image_without_a_policy_is_what_the_settings_say() {
    let elsewhere = policy("p", &["key: @a"]).replace("'**'", "quay.io/**");
    let of = |no_match| judged(&elsewhere, &scene(), no_match);
    let enforcement = |judgement: &Judgement| judgement.rulings().first().enforcement();
    let denied = of(NoMatch::Deny);
    assert_eq!(said(&denied), "deny: policy.none_matched");
    assert!(
        text(&denied).contains("no matching policies for ghcr.io/acme/app@sha256:"),
        "{}",
        text(&denied)
    );
    assert_eq!(enforcement(&denied), Enforcement::Enforce);
    let warned = of(NoMatch::Warn);
    assert_eq!(
        (said(&warned).as_str(), enforcement(&warned)),
        ("deny: policy.none_matched", Enforcement::Warn)
    );
    assert_eq!(said(&of(NoMatch::Allow)), "admit: not-governed");
}

#[test]
fn a_policy_in_warn_mode_says_the_same_and_enforces_nothing() {
    let warning = policy("p", &["key: @a"]) + "  mode: warn\n";
    let judgement = judged(&warning, &scene(), NoMatch::Deny);
    assert_eq!(said(&judgement), "deny: image.unsigned");
    assert_eq!(judgement.rulings().first().enforcement(), Enforcement::Warn);
}

#[test]
fn evidence_that_could_not_be_gathered_leaves_every_policy_undecided() {
    let policies = [
        policy("one", &["key: @a"]),
        policy("two", &["key: @b"]) + "  mode: warn\n",
    ]
    .join("---\n");
    let set = PolicySet::compile(
        vec![crate::document::parse("p.yaml", &policies)],
        Settings::deny_unmatched(),
    );
    let governing = set.governing(&pinned(IMAGE), &ObjectFacts::none());
    let cause = || Reason::new(ReasonCode::RegistryTimeout, "no answer within 9 s");
    let judgement = undecided("ghcr.io/acme/app:v1", &governing, cause());
    assert_eq!(said(&judgement), "undecided: registry.timeout, registry.timeout");
    let rulings: Vec<_> = judgement
        .rulings()
        .iter()
        .map(|ruling| (ruling.policy(), ruling.enforcement()))
        .collect();
    assert_eq!(
        rulings,
        [(Some("one"), Enforcement::Enforce), (Some("two"), Enforcement::Warn)]
    );
    let nothing = PolicySet::compile(Vec::new(), Settings::deny_unmatched());
    let judgement = undecided(IMAGE, &nothing.governing(&pinned(IMAGE), &ObjectFacts::none()), cause());
    assert_eq!(said(&judgement), "undecided: registry.timeout");
}

#[test]
fn keys_given_by_hand_are_a_policy_on_everything() {
    let keys = [Key::named('a').public, Key::named('b').public];
    let now = Timestamp::UNIX_EPOCH;
    let of = |types: &[String], scene: &super::Scene| {
        let set = PolicySet::of_keys("command line", &keys, types).unwrap();
        let governing = set.governing(&pinned(IMAGE), &ObjectFacts::none());
        judge(&scene.evidence, &governing, now)
    };
    assert_eq!(said(&of(&[], &scene().signed('b', Layout::Bundle))), "admit: signed");
    let refused = of(&[], &scene().signed('c', Layout::Bundle));
    assert_eq!(said(&refused), "deny: signature.wrong_key, signature.wrong_key");
    assert!(
        text(&refused).contains("next: countersign tree ghcr.io/acme/app@sha256:"),
        "{}",
        text(&refused)
    );
    let spdx = ["spdxjson".to_owned()];
    assert_eq!(
        said(&of(&spdx, &scene().attested('a', SPDX, Layout::Tag))),
        "admit: attested"
    );
    assert!(PolicySet::of_keys("command line", &[], &[]).is_none());
}
