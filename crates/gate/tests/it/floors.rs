//! That a team can only tighten: whoever passes its gate above the floor passes both.

use countersign_gate::{Check, Class, Evidence, FixState, Gate, Proof, Report, Severity, Status, Tests, ask, opens};
use proptest::prelude::*;

use super::made::*;

fn severities() -> impl Strategy<Value = Option<Severity>> {
    use Severity::{Critical, High, Info, Low, Medium};
    prop::option::of(prop::sample::select(vec![Info, Low, Medium, High, Critical]))
}

prop_compose! {
    fn checks()(
        sbom in prop::bool::weighted(0.1),
        any_tool in prop::bool::weighted(0.7),
        tools in prop::collection::btree_set(prop::sample::select(vec!["Trivy".to_owned(), "grype".to_owned()]), 0..3),
        words in (any::<bool>(), prop::bool::weighted(0.1), prop::bool::weighted(0.2), prop::bool::weighted(0.8)),
        fixable in severities(),
        unfixable in severities(),
        unknown in severities(),
        days in prop::option::of(5u64..40),
        from in prop::option::weighted(0.2, prop::sample::select(vec!["2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z"])),
        min in prop::option::weighted(0.2, 0usize..4),
        proof in prop::sample::select(vec![Proof::E1, Proof::E1, Proof::E1, Proof::E2]),
    ) -> Check {
        let text = "{id: c, class: vulnerabilities, bind: image, fail: {anyFinding: true}}";
        let mut check = one(text).checks.remove(0);
        check.class = Some(if sbom { Class::Sbom } else { Class::Vulnerabilities });
        check.tools = if any_tool { Default::default() } else { tools };
        check.required = words.0;
        check.fail.any_finding = words.1;
        if words.2 { check.mode = countersign_gate::document::Mode::Warn }
        if words.3 { check.coverage = countersign_gate::document::Coverage::AnyPlatform }
        (check.fail.fixable, check.fail.unfixable, check.fail.unknown_as) = (fixable, unfixable, unknown);
        check.max_age = days.map(|days| std::time::Duration::from_secs(days * 86_400));
        check.enforce_from = from.map(|from| from.parse().unwrap());
        check.min_components = min;
        check.min_proof = proof;
        check
    }
}

/// What else a check can say, each as it is written, and each with a stricter and a looser sister.
const MORE: &[&[&str]] = &[
    &[
        "",
        "leeway: {high: 7d, critical: 1d}",
        "leeway: {high: 1d}",
        "leeway: {critical: 30d, high: 30d, low: 30d}",
    ],
    &["", "kev: any", "kev: fixable"],
    &["", "newOnly: true"],
    &[
        "",
        "formats: [sarif]",
        "formats: [\"cyclonedx>=1.4\", \"cyclonedx>=1.5\"]",
        "formats: [\"cyclonedx>=1.6\", sarif]",
    ],
    &[
        "",
        "image: {user: non-root}",
        "image: {user: non-root-number}",
        "image: {entrypoint: [/app]}",
        "image: {labels: {a: [\"1*\"]}}",
        "image: {labels: {a: [\"*2\"]}, platforms: [a]}",
    ],
    &[
        "",
        "condition: \"findings.all(f, f.severity != 'critical')\"",
        "condition: \"size(findings) < 2\"",
        "condition: \"evidence.exists(e, 'Trivy' in e.tools)\"",
    ],
    &["", "minProof: E3, builders: [b1]", "minProof: E3, builders: [\"b*\"]"],
    &["", "minTests: 1", "minTests: 3"],
    &["", "trusted"],
];

prop_compose! {
    /// A check with everything that there is, and whether the gate believes some workflows more.
    fn whole_checks()(base in checks(), picks in prop::collection::vec(any::<prop::sample::Index>(), MORE.len())) -> (Check, bool) {
        let picked: Vec<&str> = MORE.iter().zip(&picks).map(|(list, pick)| *pick.get(list)).collect();
        let fail: Vec<&str> = [picked[1], picked[2]].into_iter().filter(|text| !text.is_empty()).collect();
        let others = picked.iter().enumerate().filter(|(at, text)| ![1, 2, 8].contains(at) && !text.is_empty());
        let others: String = others.map(|(_, text)| format!(", {text}")).collect();
        let text = format!("{{id: c, class: vulnerabilities, bind: image, fail: {{failed: 9, {}}}{others}}}", fail.join(", "));
        let mut check = one(&text).checks.remove(0);
        let more = base.fail.clone();
        (check.class, check.tools, check.required, check.mode) = (base.class, base.tools, base.required, base.mode);
        (check.coverage, check.max_age, check.enforce_from) = (base.coverage, base.max_age, base.enforce_from);
        (check.min_components, check.min_proof) = (base.min_components, base.min_proof);
        (check.fail.any_finding, check.fail.fixable) = (more.any_finding, more.fixable);
        (check.fail.unfixable, check.fail.unknown_as) = (more.unfixable, more.unknown_as);
        // A gate that wants E2 and names no workflow is refused when it is read.
        (check, picked[8] == "trusted" || base.min_proof == Proof::E2)
    }
}

prop_compose! {
    fn worlds()(
        user in prop::sample::select(vec!["", "0", "app", "1000"]),
        label in prop::sample::select(vec![None, Some("1"), Some("12"), Some("2")]),
        entrypoint in prop::sample::select(vec!["/app", "/bin/sh"]),
        exploited in prop::option::weighted(0.9, any::<bool>()),
        days in prop::option::of(0i64..10),
        before in any::<bool>(),
    ) -> Facts {
        let mut facts = facts();
        for configuration in facts.image.configurations.values_mut() {
            configuration.user = user.to_owned();
            configuration.entrypoint = vec![entrypoint.to_owned()];
            configuration.labels = label.map(|value| ("a".to_owned(), value.to_owned())).into_iter().collect();
        }
        facts.known.exploited = exploited.map(|it| if it { ["CVE-2026-1".to_owned()].into() } else { [].into() });
        let print = finding(None, FixState::None).fingerprint();
        let seen = days.map(|days| (print, now() - jiff::SignedDuration::from_hours(24 * days)));
        facts.known.first_seen = seen.into_iter().collect();
        facts.known.before = before.then(|| [print].into());
        facts
    }
}

prop_compose! {
    fn reports()(
        sbom in prop::bool::weighted(0.1),
        about_it in prop::bool::weighted(0.9),
        tool in prop::sample::select(vec!["Trivy", "grype", "other"]),
        names in prop::collection::btree_set(prop::sample::select(vec!["image", "a manifest", "b config", "other"]), 0..3),
        days in 0i64..30,
        found in prop::collection::vec((severities(), any::<bool>()), 0..3),
        components in prop::option::of(0usize..4),
    ) -> Report {
        let mut report = report(if sbom { Class::Sbom } else { Class::Vulnerabilities });
        report.tools[0].name = tool.to_owned();
        report.subject.digests = names.iter().map(|name| digest(name).to_string()).collect();
        if about_it {
            report.subject.digests.insert(digest("image").to_string());
        }
        report.time = Some(now() - jiff::SignedDuration::from_hours(24 * days));
        let fix = |fixed| if fixed { FixState::Fixed } else { FixState::None };
        report.findings = found.into_iter().map(|(severity, fixed)| finding(severity, fix(fixed))).collect();
        report.components = components;
        report
    }
}

static PLAIN: std::sync::OnceLock<Gate> = std::sync::OnceLock::new();

/// How many of the gates that were drawn opened: where none does, nothing is shown.
static OPENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn whoever_passes_a_team_s_gate_above_the_floor_passes_both() {
    whoever_passes_above();
    let opened = OPENED.load(std::sync::atomic::Ordering::Relaxed);
    assert!(opened > 25, "only {opened} gates opened");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]
    fn whoever_passes_above(
        floor in whole_checks(),
        team in whole_checks(),
        facts in worlds(),
        reports in prop::collection::vec(
            (
                reports(),
                prop::sample::select(vec![Proof::E1, Proof::E3]),
                prop::sample::select(vec![None, Some("1.4"), Some("1.6")]),
                prop::sample::select(vec![None, Some("b1"), Some("b2")]),
                prop::option::of(0u64..5),
            ),
            0..4,
        ),
    ) {
        let plain = PLAIN.get_or_init(|| one("{id: c, class: sbom, bind: image}"));
        let gate = |(check, trusted): &(Check, bool)| {
            let mut gate = Gate { checks: vec![check.clone()], ..plain.clone() };
            if *trusted {
                gate.trusted_workflows =
                    countersign_gate::glob::Globs::of(vec![countersign_gate::glob::Glob::parse("w/**").unwrap()]);
            }
            gate
        };
        let reports: Vec<(Report, Proof)> = reports
            .into_iter()
            .map(|(mut report, proof, version, builder, tests)| {
                report.format = version.map_or(report.format, |_| countersign_gate::Format::CycloneDx);
                report.format_version = version.map(str::to_owned);
                report.builder = builder.map(str::to_owned);
                report.tests = tests.map(|total| Tests { total, failed: 0, skipped: 0 });
                (report, proof)
            })
            .collect();
        let evidence: Vec<Evidence<'_>> = reports
            .iter()
            .map(|(report, proof)| Evidence { proof: *proof, workflow: Some("w/scan@v1"), ..evidence(report) })
            .collect();
        let closure = closure(&["a", "b"]);
        let submitted = facts.submitted(&closure, &evidence);
        let merged = ask(&gate(&team).above(&gate(&floor)).unwrap(), &submitted, now());
        if opens(&merged) {
            OPENED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            for one in [&floor, &team] {
                let outcome = ask(&gate(one), &submitted, now()).remove(0);
                prop_assert_ne!(outcome.status, Status::Failed, "{:?}", outcome);
            }
        }
    }
}
