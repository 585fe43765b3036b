//! Judging, case by case: each row is a policy, evidence, and what has to come of it.

mod attestations;
mod keyless;
mod minted;
mod policies;
mod scene;
mod signatures;

use jiff::Timestamp;

use self::scene::{IMAGE, Key, Scene, pinned};
use super::judge;
use crate::document::parse;
use crate::set::{NoMatch, ObjectFacts, PolicySet, Settings};
use crate::verdict::Judgement;

/// A policy on every image with these authorities, each in YAML's flow style; `@a` stands for key `a`.
fn policy(name: &str, authorities: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {{name: {name}}}\nspec:\n  \
         images: [{{glob: '**'}}]\n  authorities:\n"
    );
    for authority in authorities {
        text.push_str(&format!("  - {}\n", with_keys(authority)));
    }
    text
}

fn with_keys(text: &str) -> String {
    "abc".chars().fold(text.to_owned(), |text, name| {
        text.replace(&format!("@{name}"), &Key::named(name).yaml())
    })
}

fn judged(policies: &str, scene: &Scene, no_match: NoMatch) -> Judgement {
    let parsed = parse("policies.yaml", policies);
    let set = PolicySet::compile(vec![parsed], Settings::new(no_match));
    let governing = set.governing(&pinned(IMAGE), &ObjectFacts::none());
    judge(&scene.evidence, &governing, Timestamp::from_second(600).unwrap())
}

/// `admit: <ground words>`, `deny: <codes>` or `undecided: <codes>`, for all rulings together.
fn said(judgement: &Judgement) -> String {
    let verdict = judgement.verdict();
    let words = verdict.grounds().map(|ground| ground.kind().word());
    let codes = verdict.reasons().map(|reason| reason.code().as_str());
    format!("{verdict}: {}", words.chain(codes).collect::<Vec<_>>().join(", "))
}

/// One policy with these authorities, and what has to come of the evidence.
fn check(what: &str, authorities: &[&str], scene: &Scene, expected: &str) {
    let policies = policy("release", authorities);
    let parsed = parse("policies.yaml", &policies);
    assert_eq!(parsed.errors, [], "{what}");
    let judgement = judged(&policies, scene, NoMatch::Deny);
    assert_eq!(said(&judgement), expected, "{what}: {judgement:#?}");
}

/// The whole text of all reasons.
fn text(judgement: &Judgement) -> String {
    let verdict = judgement.verdict();
    verdict
        .reasons()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
