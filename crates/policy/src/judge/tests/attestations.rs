//! Authorities that ask for attestations.

use countersign_evidence::{GapCause, Layout, Place};

use super::scene::{Key, OTHER, SLSA, SPDX, attestation_tag, scene, signature_tag};
use super::{check, judged, policy, text};
use crate::ground::GroundKind;
use crate::set::NoMatch;

const ONE: &str = "{key: @a, attestations: [{name: sbom, predicateType: spdxjson}]}";
const TWO: &str = "{key: @a, attestations: [{name: sbom, predicateType: spdxjson}, {name: build, predicateType: 'https://slsa.dev/provenance/v1'}]}";

#[test]
fn an_attestation_of_the_type_by_the_key_admits_in_every_layout() {
    for layout in Layout::ALL {
        check(
            "attested",
            &[ONE],
            &scene().attested('a', SPDX, layout),
            "admit: attested",
        );
    }
}

#[test]
fn what_is_no_such_attestation_does_not_admit() {
    use Layout::{Bundle, Tag};
    check("nothing", &[ONE], &scene(), "deny: attestation.missing");
    for layout in Layout::ALL {
        check(
            "other type",
            &[ONE],
            &scene().attested('a', SLSA, layout),
            "deny: attestation.missing",
        );
        check(
            "other key",
            &[ONE],
            &scene().attested('b', SPDX, layout),
            "deny: attestation.wrong_key",
        );
        let other_image = scene().attested_for(OTHER, 'a', SPDX, layout);
        check("other image", &[ONE], &other_image, "deny: attestation.wrong_image");
        check(
            "a signature",
            &[ONE],
            &scene().signed('a', layout),
            "deny: attestation.missing",
        );
    }
    check(
        "rubbish",
        &[ONE],
        &scene().rubbish(Bundle),
        "deny: attestation.unreadable",
    );
    let irrelevant = scene().attested('b', SLSA, Tag).attested_for(OTHER, 'a', SLSA, Tag);
    check(
        "other types by others",
        &[ONE],
        &irrelevant,
        "deny: attestation.missing",
    );
}

#[test]
fn all_attestations_of_an_authority_are_needed_and_each_by_its_key() {
    use Layout::{Bundle, Tag};
    let both = scene().attested('a', SLSA, Bundle).attested('a', SPDX, Tag);
    check("both", &[TWO], &both, "admit: attested");
    check(
        "one of two",
        &[TWO],
        &scene().attested('a', SPDX, Tag),
        "deny: attestation.missing",
    );
    let divided = scene().attested('a', SPDX, Tag).attested('b', SLSA, Tag);
    check(
        "divided between two keys",
        &[TWO],
        &divided,
        "deny: attestation.wrong_key",
    );
    let same_for_b = TWO.replace("@a", "@b");
    check(
        "divided between two authorities",
        &[TWO, &same_for_b],
        &divided,
        "deny: attestation.wrong_key, attestation.wrong_key",
    );
}

#[test]
fn the_signature_of_the_image_is_not_asked_for_beside() {
    let wrong_signature = scene().signed('b', Layout::Tag).attested('a', SPDX, Layout::Tag);
    check("as policy-controller does", &[ONE], &wrong_signature, "admit: attested");
}

#[test]
fn what_could_not_be_obtained_is_not_what_is_not_there() {
    let denied = || GapCause::Denied { status: 403 };
    let tag = scene()
        .attested('a', SLSA, Layout::Bundle)
        .gap(attestation_tag(), denied());
    check("the tag", &[ONE], &tag, "undecided: registry.denied");
    check(
        "referrers",
        &[ONE],
        &scene().gap(Place::Referrers, denied()),
        "undecided: registry.denied",
    );
    let of_signatures = scene().gap(signature_tag(None), denied());
    check(
        "where only signatures are",
        &[ONE],
        &of_signatures,
        "deny: attestation.missing",
    );
    let large = scene().gap(Place::Referrers, GapCause::TooLarge { limit: 9 });
    check("too large", &[ONE], &large, "deny: attestation.unreadable");
    let enough = scene().attested('a', SPDX, Layout::Tag).gap(Place::Referrers, denied());
    check("enough was found", &[ONE], &enough, "admit: attested");
}

#[test]
fn the_grounds_are_in_the_order_of_the_policy() {
    let scene = scene()
        .attested('a', SLSA, Layout::Bundle)
        .attested('a', SPDX, Layout::Tag);
    let judgement = judged(&policy("p", &[TWO]), &scene, NoMatch::Deny);
    let verdict = judgement.verdict();
    let ground = verdict.grounds().next().unwrap();
    let GroundKind::Attested(attested) = ground.kind() else {
        panic!("{ground}")
    };
    let types: Vec<_> = attested
        .proofs()
        .iter()
        .map(|proof| proof.predicate_type().unwrap())
        .collect();
    assert_eq!(types, [SPDX, SLSA]);
}

#[test]
fn a_denial_lists_the_types_that_there_are() {
    let scene = scene()
        .attested('a', SLSA, Layout::Bundle)
        .attested('b', "https://example.com/Other", Layout::Tag)
        .signed('a', Layout::Tag);
    let found = text(&judged(&policy("p", &[ONE]), &scene, NoMatch::Deny));
    let key = Key::named('a').public.fingerprint();
    for expected in [
        format!("no matching attestations with type {SPDX}, checked the following predicateTypes: \"{SLSA}\""),
        format!("by key {key}"),
        format!("attested by this key: `{SLSA}`"),
        "1 by another key".to_owned(),
        "types that this key did not attest: `https://example.com/Other` (unverified)".to_owned(),
        "1 signature, which is no attestation (unverified)".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected}\nin\n{found}");
    }
}
