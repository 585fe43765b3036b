//! Authorities that ask for a signature.

use std::time::Duration;

use countersign_evidence::{GapCause, Layout, Place};

use super::scene::{IMAGE, Key, OTHER, SPDX, attestation_tag, scene, signature_tag};
use super::{check, judged, policy, text};
use crate::ground::GroundKind;
use crate::set::NoMatch;

const DENIED: GapCause = GapCause::Denied { status: 401 };

#[test]
fn a_signature_by_the_key_admits_in_every_layout() {
    for layout in Layout::ALL {
        check("signed", &["key: @a"], &scene().signed('a', layout), "admit: signed");
    }
}

#[test]
fn what_is_no_signature_by_the_key_for_the_image_does_not_admit() {
    use Layout::{Bundle, Referrer, Tag};
    let a = &["key: @a"];
    check("nothing", a, &scene(), "deny: image.unsigned");
    for layout in Layout::ALL {
        check(
            "other key",
            a,
            &scene().signed('b', layout),
            "deny: signature.wrong_key",
        );
        check(
            "other image",
            a,
            &scene().signed_for(OTHER, 'a', layout),
            "deny: signature.wrong_image",
        );
        let other_both = scene().signed_for(OTHER, 'b', layout);
        check("other image by other key", a, &other_both, "deny: signature.wrong_key");
    }
    check(
        "rubbish bundle",
        a,
        &scene().rubbish(Bundle),
        "deny: signature.unreadable",
    );
    // Whose signature over rubbish it is cannot be told from one by another key.
    check(
        "rubbish payload",
        a,
        &scene().rubbish(Referrer),
        "deny: signature.wrong_key",
    );
    for layout in [Tag, Bundle] {
        let attested = scene().attested('a', SPDX, layout);
        check("an attestation is no signature", a, &attested, "deny: image.unsigned");
    }
}

#[test]
fn nothing_hides_a_good_signature() {
    use Layout::{Bundle, Referrer, Tag};
    let hidden = scene()
        .rubbish(Tag)
        .rubbish(Bundle)
        .signed('b', Tag)
        .signed_for(OTHER, 'a', Referrer)
        .signed('a', Bundle)
        .gap(signature_tag(None), DENIED)
        .gap(Place::Referrers, GapCause::TooMany { limit: 1 });
    check("behind everything bad", &["key: @a"], &hidden, "admit: signed");
}

#[test]
fn one_authority_is_enough() {
    let signed = scene().signed('b', Layout::Tag);
    check("second of two", &["key: @a", "key: @b"], &signed, "admit: signed");
    check(
        "none of two",
        &["key: @a", "key: @c"],
        &signed,
        "deny: signature.wrong_key, signature.wrong_key",
    );
}

#[test]
fn what_could_not_be_obtained_is_not_what_is_not_there() {
    let a = &["key: @a"];
    let timed_out = GapCause::TimedOut {
        after: Duration::from_secs(9),
    };
    let throttled = GapCause::Throttled { retry_after: None };
    let unreachable = GapCause::Unreachable {
        detail: "no route".into(),
    };
    let causes = [
        (DENIED, "undecided: registry.denied"),
        (throttled.clone(), "undecided: registry.throttled"),
        (GapCause::Unavailable { status: 502 }, "undecided: registry.unavailable"),
        (unreachable, "undecided: registry.unreachable"),
        (timed_out, "undecided: registry.timeout"),
        (GapCause::TooLarge { limit: 1 }, "deny: signature.unreadable"),
        (
            GapCause::Malformed { detail: "no".into() },
            "deny: signature.unreadable",
        ),
        (GapCause::TooMany { limit: 1 }, "deny: signature.too_many"),
    ];
    for (cause, expected) in causes {
        for place in [signature_tag(None), Place::Referrers] {
            check("a gap", a, &scene().gap(place, cause.clone()), expected);
        }
    }
    let elsewhere = scene()
        .in_repository("ghcr.io/acme/other")
        .gap(signature_tag(None), DENIED);
    check(
        "a gap in a place that is not asked for",
        a,
        &elsewhere,
        "deny: image.unsigned",
    );
    let of_attestations = scene().gap(attestation_tag(), DENIED);
    check(
        "a gap where only attestations are",
        a,
        &of_attestations,
        "deny: image.unsigned",
    );
    let other_prefix = scene().gap(signature_tag(Some("x-")), DENIED);
    check("a gap under another prefix", a, &other_prefix, "deny: image.unsigned");
    let two = scene()
        .gap(Place::Referrers, throttled)
        .gap(signature_tag(None), DENIED);
    check(
        "what somebody can mend is named first",
        a,
        &two,
        "undecided: registry.denied",
    );
    let one_of_two = scene().signed('b', Layout::Tag).gap(Place::Referrers, DENIED);
    check(
        "another authority",
        &["key: @a", "key: @b"],
        &one_of_two,
        "admit: signed",
    );
}

#[test]
fn the_policy_says_which_formats_count() {
    use Layout::{Bundle, Referrer, Tag};
    for (format, accepted) in [("bundle", vec![Bundle]), ("legacy", vec![Tag, Referrer])] {
        let authority = format!("{{key: @a, signatureFormat: {format}}}");
        for layout in Layout::ALL {
            let expected = if accepted.contains(&layout) {
                "admit: signed"
            } else {
                "deny: image.unsigned"
            };
            check(format, &[&authority], &scene().signed('a', layout), expected);
        }
    }
    // Hiding one format relaxes nothing.
    let tag_gone = scene().signed('a', Bundle).gap(signature_tag(None), DENIED);
    check(
        "hidden",
        &["{key: @a, signatureFormat: legacy}"],
        &tag_gone,
        "undecided: registry.denied",
    );
    let refused = judged(
        &policy("p", &["{key: @a, signatureFormat: bundle}"]),
        &scene().signed('a', Tag),
        NoMatch::Deny,
    );
    assert!(
        text(&refused).contains("1 stored in a format that the policy does not accept"),
        "{}",
        text(&refused)
    );
}

#[test]
fn signatures_count_only_where_the_policy_looks_for_them() {
    let authority = &["{key: @a, source: [{oci: ghcr.io/acme/signatures}]}"];
    let here = scene().signed('a', Layout::Tag);
    check("beside the image", authority, &here, "deny: image.unsigned");
    let there = scene()
        .in_repository("ghcr.io/acme/signatures")
        .signed('a', Layout::Tag);
    check("in the source", authority, &there, "admit: signed");
    check("not beside the image", &["key: @a"], &there, "deny: image.unsigned");
    let both = scene()
        .signed('b', Layout::Bundle)
        .in_repository("ghcr.io/acme/signatures")
        .signed('a', Layout::Bundle);
    let either = &["{key: @b, source: [{oci: ghcr.io/acme/signatures}]}", "key: @a"];
    check(
        "each by the key of the other",
        either,
        &both,
        "deny: signature.wrong_key, signature.wrong_key",
    );
}

#[test]
fn rubbish_in_one_repository_does_not_use_up_the_patience_for_another() {
    let mut crowded = scene();
    for _ in 0..600 {
        crowded = crowded.rubbish(Layout::Tag);
    }
    check("crowded", &["key: @a"], &crowded, "deny: signature.too_many");
    let crowded = crowded
        .in_repository("ghcr.io/acme/signatures")
        .signed('a', Layout::Tag);
    let source = &["{key: @a, source: [{oci: ghcr.io/acme/signatures}]}"];
    check("elsewhere", source, &crowded, "admit: signed");
}

#[test]
fn a_tag_prefix_is_where_it_says() {
    let (plain, prefixed) = (&["key: @a"], &["{key: @a, source: [{tagPrefix: prod-}]}"]);
    let under = scene().behind("prod-").signed('a', Layout::Tag);
    check("under it", prefixed, &under, "admit: signed");
    check(
        "under it, for a policy without prefix",
        plain,
        &under,
        "deny: image.unsigned",
    );
    let under_none = scene().signed('a', Layout::Tag);
    check("under none", prefixed, &under_none, "deny: image.unsigned");
    let another = scene().behind("test-").signed('a', Layout::Tag);
    check("under another", prefixed, &another, "deny: image.unsigned");
    let both = scene()
        .signed('b', Layout::Tag)
        .behind("prod-")
        .signed('a', Layout::Tag);
    check("each under its own", prefixed, &both, "admit: signed");
    check("of the other key", plain, &both, "deny: signature.wrong_key");
    let referrer = scene().signed('a', Layout::Referrer);
    check("only tags have prefixes", prefixed, &referrer, "deny: image.unsigned");
}

#[test]
fn so_is_one_of_attestations() {
    let attests = "attestations: [{name: s, predicateType: spdxjson}]";
    let plain = &[&*format!("{{key: @a, {attests}}}")];
    let prefixed = &[&*format!("{{key: @a, {attests}, source: [{{tagPrefix: prod-}}]}}")];
    let under = scene().behind("prod-").attested('a', SPDX, Layout::Tag);
    check("under it", prefixed, &under, "admit: attested");
    check(
        "for a policy without prefix",
        plain,
        &under,
        "deny: attestation.missing",
    );
    let under_none = scene().attested('a', SPDX, Layout::Tag);
    check("under none", prefixed, &under_none, "deny: attestation.missing");
}

#[test]
fn a_ground_says_what_was_proved() {
    let judgement = judged(
        &policy("p", &["{name: team, key: @a}"]),
        &scene().signed('a', Layout::Bundle).stale(),
        NoMatch::Deny,
    );
    let verdict = judgement.verdict();
    let ground = verdict.grounds().next().unwrap();
    let GroundKind::Signed(signed) = ground.kind() else {
        panic!("{ground}")
    };
    assert_eq!(signed.proof().key(), &Key::named('a').public.fingerprint());
    assert_eq!(signed.proof().origin().layout, Layout::Bundle);
    assert_eq!(
        (ground.policy(), ground.authority(), ground.stale()),
        (Some("p"), Some("team"), true)
    );
    let text = ground.to_string();
    assert!(
        text.starts_with("policy `p`, authority `team`: signed by key sha256:"),
        "{text}"
    );
    assert!(
        text.ends_with("in ghcr.io/acme/app) (from lists read 10 min ago, as the registry cannot be reached)"),
        "{text}"
    );
}

#[test]
fn a_denial_says_what_was_looked_for_what_was_found_and_what_to_do() {
    let scene = scene()
        .signed('b', Layout::Bundle)
        .signed('b', Layout::Bundle)
        .attested('a', SPDX, Layout::Bundle)
        .rubbish(Layout::Bundle)
        .looked(signature_tag(None), 0)
        .looked(Place::Referrers, 4)
        .stale();
    let judgement = judged(&policy("p", &["{name: team, key: @a}"]), &scene, NoMatch::Deny);
    let digest = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    let key = Key::named('a').public.fingerprint();
    let hint = Key::named('b').public.fingerprint();
    let expected = format!(
        "authority `team`: no matching signatures: 2 signatures were found, none of them by key {key} [signature.wrong_key]
  looked in: signature tag `{}.sig` in ghcr.io/acme/app: nothing
             referrers of `{digest}` in ghcr.io/acme/app: 4 found
             (lists are 10 min old, as the registry cannot be reached)
      found: 2 by other keys (unverified hint: `{hint}`)
             1 that cannot be used: the bundle cannot be read",
        digest.replace(':', "-")
    );
    let found = text(&judgement);
    assert!(found.starts_with(&expected), "{found}\n{expected}");
    let rest = &found[expected.len()..];
    assert!(
        rest.contains(&format!("1 attestation, which is no signature: `{SPDX}` (unverified)")),
        "{rest}"
    );
    let next = format!("\n       next: countersign explain ghcr.io/acme/app@{digest} --policy policies.yaml");
    assert!(rest.ends_with(&next), "{rest}");
    assert_eq!(judgement.image(), IMAGE);
}
