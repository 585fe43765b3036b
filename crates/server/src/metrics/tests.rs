//! The names are a contract, and the number of series is bounded whatever is counted.

use super::*;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// A trust root that was verified a minute and a half before.
fn facts(name: &str) -> RootFacts {
    RootFacts {
        name: name.to_owned(),
        usable: true,
        followed: true,
        verified: Some(NOW - jiff::SignedDuration::from_secs(90)),
        expires: Some(NOW),
        attempts: [(countersign_roots::Outcome::Slow, 2)].into(),
    }
}

#[test]
fn every_metric_has_the_prefix_and_a_help_text() {
    let metrics = Metrics::new();
    // Those whose series are not known beforehand.
    metrics.reason("image.unsigned");
    metrics.policies_loaded(PolicySetFacts {
        policies: 1,
        errors: 0,
        generation: "one",
        at: Timestamp::UNIX_EPOCH,
    });
    metrics.follow(|| Counted {
        lookups: Vec::new(),
        registry_requests: Vec::new(),
        records_lost: 0,
        roots: (vec![facts("public-good")], Timestamp::UNIX_EPOCH),
    });
    let text = metrics.text();
    let declared: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(declared.len(), 25, "{declared:?}");
    for line in declared {
        let name = line.split(' ').next().unwrap();
        assert!(name.starts_with("countersign_"), "{name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help text");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn an_answer_is_counted_and_timed() {
    let metrics = Metrics::new();
    metrics.answered(
        Operation::Create,
        Endpoint::Validate,
        Outcome::Deny,
        Duration::from_millis(3),
    );
    metrics.reason("image.unsigned");
    let text = metrics.text();
    for line in [
        r#"countersign_admission_requests_total{operation="create",endpoint="validate",verdict="deny"} 1"#,
        r#"countersign_admission_duration_seconds_count{endpoint="validate"} 1"#,
        r#"countersign_admission_duration_seconds_bucket{le="0.005",endpoint="validate"} 1"#,
        r#"countersign_reasons_total{code="image.unsigned"} 1"#,
        r#"countersign_requests_shed_total{door="admission"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn only_the_generation_in_force_is_a_series() {
    let metrics = Metrics::new();
    for generation in ["one", "two", "three"] {
        metrics.policies_loaded(PolicySetFacts {
            policies: 3,
            errors: 1,
            generation,
            at: Timestamp::UNIX_EPOCH,
        });
    }
    let text = metrics.text();
    let sets: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("countersign_policy_set_info{"))
        .collect();
    assert_eq!(sets, [r#"countersign_policy_set_info{generation="three"} 1"#]);
    assert!(text.contains("countersign_policy_errors 1"));
    assert!(text.contains(r#"countersign_policy_reloads_total{outcome="loaded"} 3"#));
}

#[test]
fn a_held_gauge_falls_when_the_guard_goes() {
    let metrics = Metrics::new();
    let held = metrics.request(Door::Admission);
    assert!(
        metrics
            .text()
            .contains(r#"countersign_requests_in_flight{door="admission"} 1"#)
    );
    drop(held);
    assert!(
        metrics
            .text()
            .contains(r#"countersign_requests_in_flight{door="admission"} 0"#)
    );
}

#[test]
fn what_others_count_is_read_whenever_somebody_asks() {
    let (metrics, times) = (Metrics::new(), std::sync::atomic::AtomicU64::new(0));
    metrics.follow(move || {
        let value = times.fetch_add(1, Ordering::SeqCst) + 7;
        Counted {
            lookups: vec![(Cache::Evidence, Lookup::Stale, value)],
            registry_requests: vec![(RegistryOutcome::Throttled, value)],
            records_lost: value,
            roots: (Vec::new(), Timestamp::UNIX_EPOCH),
        }
    });
    for value in [7, 8] {
        let text = metrics.text();
        for series in [
            r#"countersign_cache_lookups_total{cache="evidence",lookup="stale"}"#,
            r#"countersign_registry_requests_total{outcome="throttled"}"#,
            "countersign_records_lost_total",
        ] {
            assert!(
                text.contains(&format!("{series} {value}\n")),
                "{series} is not {value} in\n{text}"
            );
        }
    }
}

#[test]
fn the_age_of_each_trust_root_is_told_and_goes_with_it() {
    let now = NOW;
    let unusable = RootFacts {
        usable: false,
        verified: None,
        expires: None,
        ..facts("gone")
    };
    let roots = roots::RootSeries::default();
    let mut registry = Registry::with_prefix("countersign");
    roots.register(&mut registry);
    roots.tell(&[facts("public-good"), unusable], now);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        r#"countersign_trust_root_usable{root="public-good"} 1"#,
        r#"countersign_trust_root_age_seconds{root="public-good"} 90"#,
        r#"countersign_trust_root_expires_timestamp_seconds{root="public-good"} 1800000000"#,
        r#"countersign_trust_root_refreshes_total{root="public-good",outcome="slow"} 2"#,
        r#"countersign_trust_root_refreshes_total{root="public-good",outcome="refreshed"} 0"#,
        r#"countersign_trust_root_usable{root="gone"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains(r#"age_seconds{root="gone"}"#),
        "what is not there has no age"
    );
    roots.tell(&[facts("public-good")], now);
    text.clear();
    encode(&mut text, &registry).unwrap();
    assert!(!text.contains("gone"), "{text}");
}
