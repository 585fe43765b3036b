//! What nothing is known of, and what is about something else, passes for nothing.

use countersign_gate::{Class, Code, Configuration, Evidence, FixState, Outcome, Proof, Severity, Status, ask, opens};

use super::made::*;

fn codes(outcome: &Outcome) -> Vec<Code> {
    outcome.reasons.iter().map(|reason| reason.code).collect()
}

/// What is about somebody else's image says nothing of this commit, whoever hands it in and whoever signed it.
#[test]
fn a_report_of_another_image_is_about_no_commit_of_ours() {
    let check = |proof: &str| {
        one(&format!(
            "{{id: c, class: secrets, bind: commit, minProof: {proof}, fail: {{anyFinding: true}}}}"
        ))
    };
    for (images, named, proof, wanted, expected) in [
        (&["image"][..], None, Proof::E1, "E1", vec![]),
        (&["a config", "other"][..], None, Proof::E1, "E1", vec![]),
        (&["other"][..], None, Proof::E1, "E1", vec![Code::Unbound]),
        (&["other"][..], None, Proof::E3, "E1", vec![Code::Unbound]),
        (&[][..], None, Proof::E1, "E1", vec![]),
        (&["image"][..], None, Proof::E3, "E3", vec![]),
        (&[][..], Some("00ff"), Proof::E3, "E3", vec![]),
        (&[][..], None, Proof::E3, "E3", vec![Code::ProofTooWeak]),
        (
            &["other"][..],
            None,
            Proof::E3,
            "E3",
            vec![Code::Unbound, Code::ProofTooWeak],
        ),
        (
            &[][..],
            Some("beef"),
            Proof::E3,
            "E3",
            vec![Code::Unbound, Code::ProofTooWeak],
        ),
    ] {
        let mut secrets = report(Class::Secrets);
        secrets.subject.digests = images.iter().map(|name| digest(name).to_string()).collect();
        secrets.subject.commit = named.map(str::to_owned);
        let handed_in = Evidence {
            proof,
            ..evidence(&secrets)
        };
        let found = codes(&asked(&check(wanted), &["a"], &[handed_in]));
        assert_eq!(found, expected, "{images:?} {named:?} {proof:?} {wanted}");
    }
}

/// What is demanded of every platform would hold where there is none.
#[test]
fn an_image_without_a_platform_passes_no_gate() {
    let (sbom, facts, nothing) = (report(Class::Sbom), facts(), closure(&[]));
    let evidence = [evidence(&sbom)];
    let outcomes = ask(
        &one("{id: c, class: sbom, bind: image, coverage: any-platform}"),
        &facts.submitted(&nothing, &evidence),
        now(),
    );
    assert!(!opens(&outcomes));
    assert_eq!(codes(outcomes.last().unwrap()), [Code::ImagePlatform]);
}

#[test]
fn a_condition_over_platforms_fails_where_one_of_them_is_not_known() {
    let check = one("{id: c, condition: \"image.platforms.all(p, p.user == '1000')\"}");
    let mut facts = facts();
    assert_eq!(codes(&asked_with(&facts, &check, &["a", "b"], &[])), []);
    facts.image.configurations.remove("b");
    assert_eq!(
        codes(&asked_with(&facts, &check, &["a", "b"], &[])),
        [Code::ConditionError]
    );
    // What is no platform of the image has no say.
    facts.image.configurations.insert("c".into(), Configuration::default());
    assert_eq!(codes(&asked_with(&facts, &check, &["a"], &[])), []);
}

#[test]
fn who_omits_a_report_is_asked_for_the_image_all_the_same() {
    let check =
        one("{id: c, class: sast, bind: commit, required: false, fail: {anyFinding: true}, image: {user: non-root}}");
    let mut facts = facts();
    let status = |facts: &Facts| {
        let outcome = asked_with(facts, &check, &["a"], &[]);
        (outcome.status, codes(&outcome))
    };
    assert_eq!(status(&facts), (Status::Skipped, vec![Code::Missing]));
    facts.image.configurations.insert("a".into(), Configuration::default());
    assert_eq!(status(&facts), (Status::Failed, vec![Code::ImageUser]));
}

/// Where there is no list nobody knows, which is no `false`.
#[test]
fn a_condition_over_what_attackers_use_fails_without_a_list() {
    let check = one("{id: c, condition: \"findings.all(f, !f.kev)\"}");
    let mut vulns = report(Class::Vulnerabilities);
    vulns.findings = vec![finding(Some(Severity::Low), FixState::None)];
    let mut facts = facts();
    for (list, expected) in [
        (None, vec![Code::ConditionError]),
        (Some(vec![]), vec![]),
        (Some(vec!["CVE-2026-1".to_owned()]), vec![Code::ConditionFailed]),
    ] {
        facts.known.exploited = list.map(|list| list.into_iter().collect());
        assert_eq!(
            codes(&asked_with(&facts, &check, &["a"], &[evidence(&vulns)])),
            expected
        );
    }
}
