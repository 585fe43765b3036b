//! Keyless authorities: each row is what an authority asks for, what was signed how, and what has to come of it.

use std::sync::Arc;

use countersign_evidence::trust::TrustRoot;
use countersign_mint::{Sigstore, pem_of_key};
use jiff::ToSpan as _;

use super::minted::*;
use super::scene::{IMAGE, SLSA, SPDX, Scene, pinned, scene};
use super::{policy, said, text};
use crate::document::parse;
use crate::judge::judge;
use crate::set::{NoMatch, ObjectFacts, PolicySet, Settings};
use crate::trust::TrustRoots;
use crate::verdict::Judgement;

/// The trust roots that every policy here may name, and the standing one.
fn set(authorities: &[&str], more: &str) -> PolicySet {
    let key = pem_of_key(&worlds().key.spki()).replace('\n', "\\n");
    let authorities: Vec<String> = authorities
        .iter()
        .map(|authority| {
            let authority = authority
                .replace(
                    "@us",
                    &format!("identities: [{{issuer: '{ISSUER}', subject: '{SUBJECT}'}}]"),
                )
                .replace("@key", &format!("key: {{data: \"{key}\"}}"));
            format!("{{{authority}}}")
        })
        .collect();
    let authorities: Vec<&str> = authorities.iter().map(String::as_str).collect();
    let private = &worlds().private;
    let documents = [
        policy("release", &authorities),
        trust_root("ours", private, &[]),
        trust_root("without-logs", private, &["tLogs"]),
        trust_root("without-times", private, &["timestampAuthorities"]),
        trust_root("without-ct", private, &["ctLogs"]),
        trust_root("times", private, &["certificateAuthorities", "tLogs", "ctLogs"]),
        trust_root("public", &worlds().public, &[]),
        more.to_owned(),
    ];
    let parsed = parse("policies.yaml", &documents.join("---\n"));
    assert_eq!(parsed.errors, []);
    let standing = TrustRoot::parse(&worlds().public.trusted_root_with_logs().to_json()).unwrap();
    let roots = TrustRoots::none().with_standing(Arc::new(standing));
    PolicySet::compile_with(vec![parsed], roots, Settings::new(NoMatch::Deny))
}

fn judged(authorities: &[&str], scene: &Scene) -> Judgement {
    let governing = set(authorities, "").governing(&pinned(IMAGE), &ObjectFacts::none());
    // Ten years later: no clock has a say in when a certificate was valid.
    let now = worlds().private.now + (24 * 365 * 10).hours();
    judge(&scene.evidence, &governing, now)
}

#[track_caller]
fn check(authority: &str, scene: &Scene, expected: &str) -> Judgement {
    let judgement = judged(&[authority], scene);
    assert_eq!(said(&judgement), expected, "{authority}\n{}", text(&judgement));
    judgement
}

const OURS: &str = "keyless: {url: u, trustRootRef: ours, @us}";

#[test]
fn who_signed_is_who_is_believed_or_the_image_is_kept_out() {
    let pattern = |halves: &str| format!("keyless: {{url: u, trustRootRef: ours, identities: [{{{halves}}}]}}");
    let exact = |subject: &str, issuer: &str| pattern(&format!("subject: '{subject}', issuer: '{issuer}'"));
    let anchored = pattern(
        "subjectRegExp: '^https://github\\.com/acme/app/.+@refs/heads/main$', issuerRegExp: '^https://token\\.actions\\.githubusercontent\\.com$'",
    );
    let searched = pattern("subjectRegExp: 'https://github.com/acme/app/', issuerRegExp: 'githubusercontent'");
    let other = "deny: signature.identity";
    for (authority, signed_by, expected) in [
        (exact(SUBJECT, ISSUER), by(SUBJECT, ISSUER), "admit: signed"),
        (
            exact(SUBJECT, "https://accounts.google.com"),
            by(SUBJECT, ISSUER),
            other,
        ),
        (exact("me@example.com", ISSUER), by(SUBJECT, ISSUER), other),
        (exact(SUBJECT, ISSUER), by(&format!("{SUBJECT}-evil"), ISSUER), other),
        (
            exact(SUBJECT, ISSUER),
            by(&format!("https://evil.example/{SUBJECT}"), ISSUER),
            other,
        ),
        (exact(SUBJECT, ISSUER), by(SUBJECT, &format!("{ISSUER}/")), other),
        (
            exact(SUBJECT, ISSUER),
            by(SUBJECT, &format!("{ISSUER}.evil.example")),
            other,
        ),
        (
            exact(SUBJECT, ISSUER),
            by(SUBJECT, ISSUER.trim_start_matches("https://")),
            other,
        ),
        (anchored.clone(), by(SUBJECT, ISSUER), "admit: signed"),
        (
            anchored.clone(),
            by(&format!("https://evil.example/{SUBJECT}"), ISSUER),
            other,
        ),
        (anchored.clone(), by(&format!("{SUBJECT}-evil"), ISSUER), other),
        (
            anchored,
            by(&SUBJECT.replace("github.com", "githubxcom"), ISSUER),
            other,
        ),
        // policy-controller searches, and so do we in its resource: that is what the lint is for.
        (
            searched.clone(),
            by(&format!("https://evil.example/{SUBJECT}"), ISSUER),
            "admit: signed",
        ),
        (
            searched.clone(),
            by(SUBJECT, "https://githubusercontent.evil.example"),
            "admit: signed",
        ),
        (searched, by(&SUBJECT.replace("acme", "evil"), ISSUER), other),
    ] {
        check(&authority, &signed_by.sign(scene()), expected);
    }
    check(OURS, &ours(&[NoIssuer]).sign(scene()), other);
}

#[test]
fn any_identity_is_enough_and_its_halves_belong_together() {
    let two = format!(
        "keyless: {{trustRootRef: ours, identities: [{{subject: '{SUBJECT}', issuer: '{ISSUER}'}}, {{subject: me, issuer: 'https://gitlab.example'}}]}}"
    );
    check(&two, &by("me", "https://gitlab.example").sign(scene()), "admit: signed");
    check(&two, &by("me", ISSUER).sign(scene()), "deny: signature.identity");
    // Two signatures, each with one right half.
    let halves = by(SUBJECT, "https://gitlab.example").sign(by("me", ISSUER).sign(scene()));
    check(&two, &halves, "deny: signature.identity");
    // A good one among bad ones is found.
    let good = ours(&[]).sign(by("me", ISSUER).sign(ours(&[NoSct]).sign(scene())));
    check(&two, &good, "admit: signed");
}

/// Each row: an authority, what is other than it should be about the signature, and what has to come of it.
const LINKS: &[(&str, &[But], &str)] = &[
    (OURS, &[], "admit: signed"),
    (OURS, &[Altered], "deny: signature.unreadable"),
    (OURS, &[ForOther], "deny: signature.wrong_image"),
    (OURS, &[NoCertificate], "deny: signature.identity"),
    (OURS, &[OtherAuthority], "deny: signature.certificate"),
    (OURS, &[NoSct], "deny: signature.sct"),
    (OURS, &[OtherCtLog], "deny: signature.sct"),
    (
        "keyless: {trustRootRef: ours, insecureIgnoreSCT: true, @us}",
        &[NoSct],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: ours, insecureIgnoreSCT: true, @us}",
        &[OtherAuthority],
        "deny: signature.certificate",
    ),
    ("keyless: {trustRootRef: without-ct, @us}", &[], "deny: signature.sct"),
    (
        "keyless: {trustRootRef: without-ct, insecureIgnoreSCT: true, @us}",
        &[],
        "admit: signed",
    ),
    // Another Sigstore's trust root believes none of it.
    ("keyless: {trustRootRef: public, @us}", &[], "deny: signature.log"),
    ("keyless: {url: u, @us}", &[], "deny: signature.log"),
    // No ctlog: a log entry is one way to prove the time.
    (OURS, &[NoEntry], "deny: signature.timestamp"),
    (OURS, &[NoEntry, Stamped], "admit: signed"),
    (OURS, &[Late], "deny: signature.certificate"),
    (OURS, &[Stamped], "admit: signed"),
    (OURS, &[StampedLate], "deny: signature.certificate"),
    (OURS, &[StampedByAnother], "deny: signature.timestamp"),
    (OURS, &[OtherRekor], "deny: signature.log"),
    (OURS, &[EntryOfAnother], "deny: signature.log"),
    (
        "keyless: {trustRootRef: without-logs, @us}",
        &[],
        "deny: signature.timestamp",
    ),
    (
        "keyless: {trustRootRef: without-logs, @us}",
        &[Stamped, OtherRekor],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: without-times, @us}",
        &[StampedByAnother],
        "admit: signed",
    ),
    // A log entry is demanded.
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: ours}",
        &[],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: ours}",
        &[NoEntry, Stamped],
        "deny: signature.log",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: public}",
        &[],
        "deny: signature.log",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {url: u}",
        &[],
        "deny: signature.log",
    ),
    (
        "keyless: {trustRootRef: without-logs, @us}, ctlog: {trustRootRef: ours}",
        &[],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: without-logs, @us}, ctlog: {trustRootRef: without-logs}",
        &[],
        "deny: signature.log",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {}",
        &[NoEntry, Stamped],
        "admit: signed",
    ),
    // A timestamp is demanded, and nobody looks at log entries.
    (
        "keyless: {trustRootRef: ours, @us}, rfc3161timestamp: {trustRootRef: ours}",
        &[NoEntry, Stamped],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, rfc3161timestamp: {trustRootRef: times}",
        &[Stamped, OtherRekor],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, rfc3161timestamp: {trustRootRef: ours}",
        &[],
        "deny: signature.timestamp",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, rfc3161timestamp: {trustRootRef: public}",
        &[Stamped],
        "deny: signature.timestamp",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, rfc3161timestamp: {trustRootRef: ours}",
        &[StampedLate],
        "deny: signature.certificate",
    ),
    // A key: nothing is looked at but what is asked for.
    ("@key", &[NoCertificate], "admit: signed"),
    ("@key", &[NoCertificate, NoEntry], "admit: signed"),
    ("@key", &[NoCertificate, OtherRekor], "admit: signed"),
    ("@key, ctlog: {}", &[NoCertificate, OtherRekor], "admit: signed"),
    ("@key, ctlog: {trustRootRef: ours}", &[NoCertificate], "admit: signed"),
    (
        "@key, ctlog: {trustRootRef: ours}",
        &[NoCertificate, NoEntry],
        "deny: signature.log",
    ),
    (
        "@key, ctlog: {trustRootRef: ours}",
        &[NoCertificate, OtherRekor],
        "deny: signature.log",
    ),
    (
        "@key, ctlog: {trustRootRef: ours}",
        &[NoCertificate, EntryOfAnother],
        "deny: signature.log",
    ),
    ("@key, ctlog: {url: u}", &[NoCertificate], "deny: signature.log"),
    (
        "@key, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate, NoEntry, Stamped],
        "admit: signed",
    ),
    (
        "@key, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate],
        "deny: signature.timestamp",
    ),
    // Both are stated, and both are demanded.
    (
        "@key, ctlog: {trustRootRef: ours}, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate, NoEntry, Stamped],
        "deny: signature.log",
    ),
    (
        "@key, ctlog: {trustRootRef: ours}, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate],
        "deny: signature.timestamp",
    ),
    (
        "@key, ctlog: {trustRootRef: ours}, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate, Stamped],
        "admit: signed",
    ),
    (
        "@key, ctlog: {}, rfc3161timestamp: {trustRootRef: times}",
        &[NoCertificate, NoEntry, Stamped],
        "admit: signed",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: ours}, rfc3161timestamp: {trustRootRef: ours}",
        &[NoEntry, Stamped],
        "deny: signature.log",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: ours}, rfc3161timestamp: {trustRootRef: ours}",
        &[Stamped],
        "admit: signed",
    ),
    ("@key", &[], "deny: signature.wrong_key"),
    // Nobody has that trust root.
    (
        "keyless: {trustRootRef: nobody, @us}",
        &[],
        "undecided: policy.trust_root",
    ),
    (
        "keyless: {trustRootRef: ours, @us}, ctlog: {trustRootRef: nobody}",
        &[],
        "undecided: policy.trust_root",
    ),
];

#[test]
fn every_link_of_the_chain_has_to_hold() {
    for (authority, but, expected) in LINKS {
        let judgement = judged(&[authority], &ours(but).sign(scene()));
        assert_eq!(said(&judgement), *expected, "{authority} {but:?}\n{}", text(&judgement));
    }
}

/// Each row: whether the policy demands proofs, whether the entry has one beside its promise, and what comes of it.
#[test]
fn a_promise_is_not_enough_where_the_policy_demands_the_proof() {
    let mut world = Sigstore::new();
    let scenes = [false, true].map(|proved| bundled(&mut world, scene(), proved));
    let authority =
        format!("keyless: {{trustRootRef: logged, identities: [{{issuer: '{ISSUER}', subject: '{SUBJECT}'}}]}}");
    for (demanded, proved, expected) in [
        (false, false, "admit: signed"),
        (false, true, "admit: signed"),
        (true, false, "deny: signature.log"),
        (true, true, "admit: signed"),
    ] {
        let mut release = policy("release", &[&format!("{{{authority}}}")]);
        if demanded {
            let annotated = "{name: release, annotations: {countersign.dev/log-proof: required}}";
            release = release.replace("{name: release}", annotated);
        }
        let parsed = parse(
            "p.yaml",
            &format!("{release}---\n{}", trust_root("logged", &world, &[])),
        );
        assert_eq!(parsed.errors, []);
        let set = PolicySet::compile(vec![parsed], Settings::new(NoMatch::Deny));
        let governing = set.governing(&pinned(IMAGE), &ObjectFacts::none());
        let judgement = judge(&scenes[usize::from(proved)].evidence, &governing, world.now);
        assert_eq!(said(&judgement), expected, "{demanded} {proved}\n{}", text(&judgement));
    }
}

#[test]
fn attestations_are_believed_of_the_same_identities() {
    let both =
        format!("{OURS}, attestations: [{{name: a, predicateType: {SPDX}}}, {{name: b, predicateType: {SLSA}}}]");
    let one = format!("{OURS}, attestations: [{{name: a, predicateType: {SPDX}}}]");
    let stranger = || by("me@example.com", ISSUER);
    for (authority, scene, expected) in [
        (&one, ours(&[]).attest(scene(), SPDX), "admit: attested"),
        (
            &both,
            ours(&[]).attest(ours(&[]).attest(scene(), SPDX), SLSA),
            "admit: attested",
        ),
        (
            &both,
            stranger().attest(ours(&[]).attest(scene(), SPDX), SLSA),
            "deny: attestation.identity",
        ),
        (&one, stranger().attest(scene(), SPDX), "deny: attestation.identity"),
        (&one, ours(&[]).attest(scene(), SLSA), "deny: attestation.missing"),
        (&one, ours(&[]).sign(scene()), "deny: attestation.missing"),
        (
            &one,
            ours(&[ForOther]).attest(scene(), SPDX),
            "deny: attestation.wrong_image",
        ),
        (&one, ours(&[NoSct]).attest(scene(), SPDX), "deny: attestation.sct"),
        (
            &one,
            ours(&[OtherAuthority]).attest(scene(), SPDX),
            "deny: attestation.certificate",
        ),
        (
            &one,
            ours(&[Late]).attest(scene(), SPDX),
            "deny: attestation.certificate",
        ),
        (&one, ours(&[OtherRekor]).attest(scene(), SPDX), "deny: attestation.log"),
        (
            &one,
            ours(&[NoEntry]).attest(scene(), SPDX),
            "deny: attestation.timestamp",
        ),
        (&one, ours(&[NoEntry, Stamped]).attest(scene(), SPDX), "admit: attested"),
    ] {
        check(authority, &scene, expected);
    }
}

#[test]
fn one_authority_is_enough_whatever_its_kind() {
    let signed = ours(&[NoCertificate]).sign(scene());
    let either = judged(&[OURS, "@key"], &signed);
    assert_eq!(said(&either), "admit: signed");
    let keyless = judged(&["@key", OURS], &ours(&[]).sign(scene()));
    assert_eq!(said(&keyless), "admit: signed");
}

#[test]
fn a_ground_tells_the_whole_chain() {
    let admitted = check(OURS, &ours(&[Stamped]).sign(scene()), "admit: signed");
    let ground = admitted.verdict().grounds().next().unwrap();
    let words = ground.to_string();
    let now = worlds().private.now;
    for part in [
        SUBJECT.to_owned(),
        format!("by issuer {ISSUER}"),
        "entry 7 of https://rekor.mint.example".to_owned(),
        format!("at {} by log", now + 1.minute()),
        format!(
            "at {} by timestamp authority https://time.mint.example",
            now + 2.minutes()
        ),
    ] {
        assert!(words.contains(&part), "{part} in {words}");
    }
    let crate::ground::GroundKind::Signed(signed) = ground.kind() else {
        panic!("{ground}")
    };
    let names: Vec<&str> = signed.proof().links().lines().iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["subject", "issuer", "certificate", "sct", "log entry", "time", "time"]
    );
    assert!(!signed.proof().links().certified().unwrap().serial().is_empty());
}

#[test]
fn a_denial_says_who_was_expected_and_who_was_found() {
    let denied = check(
        OURS,
        &by("me@example.com", ISSUER).sign(scene()),
        "deny: signature.identity",
    );
    let words = text(&denied);
    let found = format!("got subjects [me@example.com] with issuer {ISSUER}");
    for part in [
        "none of the expected identities matched what was in the certificate, ",
        &found,
        &format!("expected: `{SUBJECT}` by issuer `{ISSUER}`"),
        "verified, by subjects [me@example.com]",
        "its issuer is believed, and not for this subject",
    ] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    let broken = check(OURS, &ours(&[Late]).sign(scene()), "deny: signature.certificate");
    assert!(
        text(&broken).contains("1 not believed (certificate): "),
        "{}",
        text(&broken)
    );
}

/// What a verdict is kept under has to change with every trust root that it rests on, and with no other.
#[test]
fn a_policy_is_another_one_on_another_trust_root() {
    let generation = |set: &PolicySet| set.governing(&pinned(IMAGE), &ObjectFacts::none()).key();
    let standing = "keyless: {url: u, @us}";
    let with = |set: PolicySet, world: &Sigstore| {
        let root = TrustRoot::parse(&world.trusted_root_with_logs().to_json()).unwrap();
        set.with_trust_roots(TrustRoots::none().with_standing(Arc::new(root)))
    };
    let (one, other) = (&worlds().public, &worlds().private);
    let on = |authority: &str, world: &Sigstore| generation(&with(set(&[authority], ""), world));
    assert_ne!(on(standing, one), on(standing, other));
    assert_eq!(on(standing, one), on(standing, one));
    assert_eq!(on(OURS, one), on(OURS, other));
    assert_ne!(on("@key, ctlog: {url: u}", one), on("@key, ctlog: {url: u}", other));
    assert_eq!(on("@key", one), on("@key", other));
    let none = generation(&set(&[standing], "").with_trust_roots(TrustRoots::none()));
    assert_ne!(none, on(standing, one));
}

/// T10 of policy-controller's: another authority in the TrustRoot, and no restart.
#[test]
fn a_trust_root_that_is_edited_counts_at_once() {
    let of = |world: &Sigstore| {
        let documents = [
            policy(
                "release",
                &[&format!(
                    "{{keyless: {{trustRootRef: edited, identities: [{{issuer: '{ISSUER}', subject: '{SUBJECT}'}}]}}}}"
                )],
            ),
            trust_root("edited", world, &[]),
        ];
        PolicySet::compile(
            vec![parse("policies.yaml", &documents.join("---\n"))],
            Settings::new(NoMatch::Deny),
        )
    };
    let signed = ours(&[]).sign(scene());
    let verdict = |set: &PolicySet| {
        let governing = set.governing(&pinned(IMAGE), &ObjectFacts::none());
        said(&judge(&signed.evidence, &governing, worlds().private.now))
    };
    let before = of(&worlds().private);
    assert_eq!(verdict(&before), "admit: signed");
    let after = of(&worlds().public).with_last_good(&before);
    assert_eq!(verdict(&after), "deny: signature.log");
}
