//! What each type is read as, and what it refuses.

use serde_json::{Value, json};

use super::*;

fn read(predicate_type: &str, predicate: &Value) -> Result<Predicate, PredicateError> {
    let raw = RawValue::from_string(predicate.to_string()).unwrap();
    Predicate::read(predicate_type, &raw)
}

const SLSA02: &str = "https://slsa.dev/provenance/v0.2";
const SLSA1: &str = "https://slsa.dev/provenance/v1";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const COSIGN_VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const SPDX: &str = "https://spdx.dev/Document";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const TESTS: &str = "https://in-toto.io/attestation/test-result/v0.1";

fn slsa02() -> Value {
    json!({
        "builder": {"id": "https://ci.example/builder@v1"},
        "buildType": "https://ci.example/container@v1",
        "invocation": {
            "configSource": {
                "uri": "git+https://git.example/team/app@refs/tags/v1",
                "digest": {"sha1": "00ff"},
                "entryPoint": ".ci/release.yaml",
            },
            "parameters": {"level": 3},
        },
        "metadata": {"buildInvocationID": "7-1", "buildStartedOn": "2026-01-02T03:04:05Z", "reproducible": false},
        "materials": [{"uri": "git+https://git.example/team/app@refs/tags/v1", "digest": {"sha1": "00ff"}}],
    })
}

fn slsa1(build_type: &str) -> Value {
    json!({
        "buildDefinition": {
            "buildType": build_type,
            "externalParameters": {
                "workflow": {"ref": "refs/heads/main", "repository": "https://git.example/team/app", "path": ".ci/release.yaml"},
            },
            "internalParameters": {"more": true},
            "resolvedDependencies": [
                {"uri": "pkg:generic/compiler"},
                {"uri": "git+https://git.example/team/app@refs/heads/main", "digest": {"gitCommit": "00ff"}},
            ],
        },
        "runDetails": {
            "builder": {"id": "https://ci.example/builder@v1"},
            "metadata": {"invocationId": "7-1", "startedOn": "2026-01-02T03:04:05Z", "finishedOn": "2026-01-02T03:05:05+01:00"},
        },
    })
}

fn vsa() -> Value {
    json!({
        "verifier": {"id": "https://verifier.example/v1", "version": {"x": "1"}},
        "timeVerified": "2026-01-02T03:04:05Z",
        "resourceUri": "oci://registry.example/app",
        "policy": {"uri": "https://policy.example/1", "digest": {"sha256": "aa"}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_LEVEL_1", "OURS"],
    })
}

fn vex() -> Value {
    json!({
        "@context": VEX,
        "@id": "https://vex.example/1",
        "author": "somebody",
        "timestamp": "2026-01-02T03:04:05Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-1", "aliases": ["GHSA-x"]},
                "products": [{"@id": "pkg:oci/app", "identifiers": {"purl": "pkg:oci/app@sha256%3Aaa"}}],
                "status": "not_affected",
                "justification": "component_not_present",
            },
            {"vulnerability": "CVE-2026-2", "products": ["pkg:oci/app"], "status": "fixed", "timestamp": "2026-01-03T00:00:00Z"},
        ],
    })
}

fn provenance(predicate_type: &str, predicate: &Value) -> Provenance {
    match read(predicate_type, predicate) {
        Ok(Predicate::Provenance(provenance)) => provenance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_provenances_say_who_built_what_from_what() {
    let expected = |reference: &str| Source {
        repository: "https://git.example/team/app".to_owned(),
        reference: Some(reference.to_owned()),
        commit: Some("00ff".to_owned()),
        entry_point: Some(".ci/release.yaml".to_owned()),
    };
    let workflow = "https://actions.github.io/buildtypes/workflow/v1";
    for (read, reference) in [
        (provenance(SLSA02, &slsa02()), "refs/tags/v1"),
        (provenance(SLSA1, &slsa1(workflow)), "refs/heads/main"),
    ] {
        assert_eq!(read.builder, "https://ci.example/builder@v1");
        assert_eq!(read.source, Some(expected(reference)));
        assert_eq!(read.invocation.as_deref(), Some("7-1"));
        assert_eq!(read.started, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    }
    let finished = provenance(SLSA1, &slsa1(workflow)).finished;
    assert_eq!(finished, Some("2026-01-02T02:05:05Z".parse().unwrap()));
}

#[test]
fn where_the_source_stands_is_not_guessed() {
    assert_eq!(provenance(SLSA1, &slsa1("https://ci.example/anything@v1")).source, None);
    for (uri, repository, reference) in [
        (
            "git+https://h/a/b.git@refs/heads/x",
            "https://h/a/b",
            Some("refs/heads/x"),
        ),
        ("https://user@h/a", "https://user@h/a", None),
        ("git+ssh://git@h/a/b@v1", "ssh://git@h/a/b", Some("v1")),
        ("https://h/a/b@", "https://h/a/b", None),
        ("https://h/a/b.git#main:sub", "https://h/a/b", Some("main")),
        ("https://h/a/b.git#00ff", "https://h/a/b", None),
    ] {
        let mut predicate = slsa02();
        predicate["invocation"]["configSource"]["uri"] = uri.into();
        let source = provenance(SLSA02, &predicate).source.unwrap();
        assert_eq!(
            (source.repository.as_str(), source.reference.as_deref()),
            (repository, reference)
        );
    }
}

#[test]
fn levels_of_a_summary_count_if_it_passed() {
    let summary = |predicate: &Value| match read(VSA, predicate) {
        Ok(Predicate::Summary(summary)) => summary,
        other => panic!("{other:?}"),
    };
    let passed = summary(&vsa());
    assert_eq!(
        (
            passed.level("SLSA_BUILD"),
            passed.level("SLSA_SOURCE"),
            passed.level("OURS")
        ),
        (Some(2), Some(1), None)
    );
    assert_eq!(passed.dependency_levels, None, "nothing is said of dependencies");
    let mut failed = vsa();
    failed["verificationResult"] = "FAILED".into();
    assert_eq!(summary(&failed).level("SLSA_BUILD"), None);
}

#[test]
fn a_scan_that_lists_nothing_is_told_from_one_that_found_nothing() {
    let scan = |predicate_type: &str, result: Option<Value>| {
        let mut predicate = json!({"scanner": {"uri": "pkg:x/scanner", "db": {"lastUpdate": ""}}, "metadata": null});
        if let Some(result) = result {
            predicate["scanner"]["result"] = result;
        }
        match read(predicate_type, &predicate) {
            Ok(Predicate::Vulnerabilities(scan)) => scan,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(scan(VULNS, None).findings, None);
    assert_eq!(scan(VULNS, Some(json!([]))).findings, Some(Vec::new()));
    let score = |method: &str, score: &str| Score {
        method: method.to_owned(),
        score: score.to_owned(),
    };
    let finding = Finding {
        id: "CVE-2026-1".to_owned(),
        severity: vec![score("nvd", "high")],
    };
    for written in [
        json!({"id": "CVE-2026-1", "severity": [{"method": "nvd", "score": "high"}]}),
        json!({"id": "CVE-2026-1", "severity": {"method": "nvd", "score": "high"}}),
        json!({"vulnerability": {"id": "CVE-2026-1", "severity": [{"method": "nvd", "score": "high"}]}}),
    ] {
        for version in ["https://in-toto.io/attestation/vulns/v0.1", VULNS] {
            assert_eq!(
                scan(version, Some(json!([written]))).findings,
                Some(vec![finding.clone()])
            );
        }
    }
    let report = scan(COSIGN_VULN, Some(json!({"any": ["report", 1.50]})));
    assert_eq!(report.report.unwrap().get(), r#"{"any":["report",1.5]}"#);
    assert_eq!(report.findings, None);
}

#[test]
fn a_vex_says_what_is_affected_since_when_and_why_not() {
    let Ok(Predicate::Vex(read_as)) = read(VEX, &vex()) else {
        panic!("{:?}", read(VEX, &vex()));
    };
    let [first, second] = read_as.statements.as_slice() else {
        panic!("{read_as:?}");
    };
    assert_eq!(first.products, ["pkg:oci/app", "pkg:oci/app@sha256%3Aaa"]);
    assert_eq!((first.status, first.time), (VexStatus::NotAffected, read_as.time));
    assert_eq!(
        (second.vulnerability.as_str(), second.status),
        ("CVE-2026-2", VexStatus::Fixed)
    );
    assert_eq!(second.time, "2026-01-03T00:00:00Z".parse().unwrap());
    let mut unjustified = vex();
    unjustified["statements"][0]
        .as_object_mut()
        .unwrap()
        .remove("justification");
    assert!(read(VEX, &unjustified).is_err());
}

#[test]
fn both_lists_say_what_is_in_an_image() {
    let spdx = json!({
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"created": "2026-01-02T03:04:05Z"},
        "packages": [{
            "name": "zlib", "versionInfo": "1.3", "licenseDeclared": "Zlib",
            "externalRefs": [
                {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:x"},
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/zlib@1.3"},
            ],
        }],
    });
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-02T03:04:05Z"},
        "components": [{
            "type": "library", "name": "zlib", "version": "1.3", "purl": "pkg:deb/zlib@1.3",
            "licenses": [{"license": {"id": "Zlib"}}],
            "components": [{"type": "file", "name": "inner"}],
        }],
    });
    for (predicate_type, predicate, version, names) in [
        (SPDX, &spdx, "2.3", &["zlib"][..]),
        (CYCLONEDX, &cyclonedx, "1.6", &["zlib", "inner"]),
    ] {
        let Ok(Predicate::Sbom(sbom)) = read(predicate_type, predicate) else {
            panic!("{:?}", read(predicate_type, predicate));
        };
        let zlib = Package {
            name: "zlib".to_owned(),
            version: Some("1.3".to_owned()),
            purls: vec!["pkg:deb/zlib@1.3".to_owned()],
            licences: vec!["Zlib".to_owned()],
        };
        assert_eq!((sbom.version.as_str(), &sbom.packages[0]), (version, &zlib));
        assert!(
            sbom.packages
                .iter()
                .map(|package| package.name.as_str())
                .eq(names.iter().copied())
        );
        assert_eq!(sbom.created, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    }
}

#[test]
fn results_are_words_of_the_specification() {
    let result = |result: &str| json!({"result": result, "configuration": [], "failedTests": ["a"]});
    assert!(matches!(
        read(TESTS, &result("FAILED")),
        Ok(Predicate::Tests(TestResult {
            result: TestOutcome::Failed,
            ..
        }))
    ));
    assert!(read(TESTS, &result("passed")).is_err());
    let svr =
        json!({"verifier": {"id": "x", "policies": []}, "timeCreated": "2026-01-02T03:04:05Z", "properties": ["A"]});
    assert!(
        matches!(read(SVR, &svr), Ok(Predicate::SimpleResult(SimpleResult { properties, .. })) if properties == ["A"])
    );
}

#[test]
fn what_a_type_needs_and_does_not_find_is_named() {
    let take = |mut from: Value, at: &str, field: &str| {
        let object = from.pointer_mut(at).and_then(Value::as_object_mut);
        assert!(
            object.is_some_and(|object| object.remove(field).is_some()),
            "{at}/{field}"
        );
        from
    };
    for (predicate_type, predicate, named) in [
        (SLSA02, take(slsa02(), "/builder", "id"), "id"),
        (SLSA02, take(slsa02(), "", "buildType"), "buildType"),
        (
            SLSA1,
            take(slsa1("x"), "/buildDefinition", "externalParameters"),
            "externalParameters",
        ),
        (SLSA1, take(slsa1("x"), "/runDetails", "builder"), "builder"),
        (VSA, take(vsa(), "/verifier", "id"), "id"),
        (VSA, take(vsa(), "", "resourceUri"), "resourceUri"),
        (VSA, take(vsa(), "", "verificationResult"), "verificationResult"),
        (VEX, take(vex(), "/statements/0", "status"), "status"),
        (VEX, take(vex(), "", "author"), "author"),
        (SPDX, json!({"@graph": []}), "spdxVersion"),
        (SPDX, json!("SPDXVersion: SPDX-2.3"), "string"),
        (CYCLONEDX, json!({"specVersion": "1.6"}), "bomFormat"),
        (
            CYCLONEDX,
            json!({"bomFormat": "SPDX", "specVersion": "1.6"}),
            "bomFormat",
        ),
        (VULNS, json!({}), "scanner"),
        (TESTS, Value::Null, "null"),
    ] {
        match read(predicate_type, &predicate) {
            Err(PredicateError::Malformed { detail, .. }) => assert!(detail.contains(named), "{named}: {detail}"),
            other => panic!("{predicate_type}: {other:?}"),
        }
    }
}

#[test]
fn a_type_that_is_not_known_stays_a_document() {
    assert_eq!(
        read("https://example.com/ours/v1", &json!({"any": "thing"})),
        Ok(Predicate::Other)
    );
    assert_eq!(read(COSIGN_SIGN, &Value::Null), Ok(Predicate::Other));
}
