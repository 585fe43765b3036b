//! `countersign.dev/log-proof`: whose entry is demanded, and what cannot be meant.

use countersign_evidence::LogRule;

use super::{beside, text};
use crate::document::{Document, parse};
use crate::meaning::Demand;

const PROVED: &str = "metadata: {name: p, annotations: {countersign.dev/log-proof: required}}";

fn with_metadata(metadata: &str, authority: &str) -> String {
    text(&format!("authorities: [{{{authority}}}]")).replace("metadata: {name: p}", metadata)
}

/// Each row: an authority, and whose entry is demanded where the policy demands proofs.
#[test]
fn a_policy_that_demands_proofs_demands_an_entry_of_every_authority() {
    let of_root = "keyless: {url: u, trustRootRef: r, identities: [@i]}";
    for (authority, log) in [
        ("key: @k}, ctlog: {trustRootRef: l}".to_owned(), "demanded l"),
        ("keyless: {identities: [@i]}".to_owned(), "demanded"),
        (of_root.to_owned(), "demanded r"),
        (format!("{of_root}, ctlog: {{}}"), "demanded r"),
        (format!("{of_root}, ctlog: {{trustRootRef: l}}"), "demanded l"),
        (
            format!("{of_root}, rfc3161timestamp: {{trustRootRef: t}}"),
            "demanded r",
        ),
    ] {
        for (metadata, rule) in [(PROVED, LogRule::PROOF), ("metadata: {name: p}", LogRule::EITHER)] {
            let parsed = parse("p.yaml", &with_metadata(metadata, &authority));
            let [Document::Policy(policy)] = &parsed.documents[..] else {
                panic!("{authority}: {:?}", parsed.errors)
            };
            let Demand::Signed(demand) = &policy.authorities[0].demand else {
                panic!("{authority}")
            };
            assert_eq!(demand.belief.log_rule, rule, "{authority}");
            if metadata == PROVED {
                assert_eq!(beside(&demand.belief.log), log, "{authority}");
            }
        }
    }
}

/// A constraint that is stated and cannot be used never loads.
#[test]
fn a_demand_for_proofs_that_cannot_be_meant_is_a_fault() {
    let stated = |name: &str, value: &str| format!("metadata: {{name: p, annotations: {{'{name}': '{value}'}}}}");
    let log_proof = |value: &str| stated("countersign.dev/log-proof", value);
    let keyless = "keyless: {identities: [@i]}";
    for (metadata, authority, expected) in [
        (
            log_proof("Required"),
            keyless,
            "invalid value: Required: metadata.annotations.countersign.dev/log-proof",
        ),
        (log_proof("true"), keyless, "`required` is known"),
        (log_proof(""), keyless, "`required` is known"),
        (
            stated("countersign.dev/log-proofs", "required"),
            keyless,
            "must not set the field(s): metadata.annotations.countersign.dev/log-proofs",
        ),
        (
            PROVED.to_owned(),
            "key: @k}",
            "missing field(s): spec.authorities[0].ctlog",
        ),
        (
            PROVED.to_owned(),
            "key: @k}, ctlog: {}",
            "missing field(s): spec.authorities[0].ctlog",
        ),
        (
            PROVED.to_owned(),
            "static: {action: pass}",
            "must not set the field(s): spec.authorities[0].static.action",
        ),
    ] {
        let parsed = parse("p.yaml", &with_metadata(&metadata, authority));
        let errors: Vec<String> = parsed.errors.iter().map(ToString::to_string).collect();
        let errors = errors.join("\n");
        assert!(errors.contains(expected), "{metadata} {authority}: {errors:?}");
    }
    // Annotations of others say nothing.
    let parsed = parse("p.yaml", &with_metadata(&stated("example.com/log-proof", "x"), keyless));
    assert_eq!(parsed.errors, []);
}
