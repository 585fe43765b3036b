//! Recorded certificates and timestamps, judged by the recorded trust roots at the times at which they were used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::certificate::Claim;
use countersign_evidence::{
    CertificateError, Leaf, SctRule, Subject, TimestampError, TrustRoot, verify_timestamp, vouch,
};
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use crate::corpus;

const TRUST_ROOTS: usize = 51;
const IMAGES: usize = 268;
const BUNDLES: usize = 78;
const TIMESTAMPS: usize = 28;

/// Every file under a directory whose name ends so.
fn files(directory: &Path, ends: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in corpus::list(directory) {
        if path.is_dir() {
            found.extend(files(&path, ends));
        } else if corpus::name(&path).ends_with(ends) {
            found.push(path);
        }
    }
    found
}

fn document(path: &Path) -> Option<Value> {
    serde_json::from_slice(&corpus::read(path)).ok()
}

/// base64, also with the line ends that `base64` of coreutils puts in.
fn decoded(value: &Value) -> Option<Vec<u8>> {
    let text: String = value.as_str()?.chars().filter(|character| *character != '\n').collect();
    STANDARD.decode(text).ok()
}

fn is_trust_root(value: &Value) -> bool {
    let media_type = value.get("mediaType").and_then(Value::as_str);
    media_type.is_some_and(|media_type| media_type.contains("trustedroot"))
}

/// What is wrong with parts of recorded trust roots: a window without a beginning, which the official suite asks to refuse,
/// and GitHub's first time authority, whose certificate does not have its purpose critical (RFC 3161, section 2.3).
const UNUSABLE: &[&str] = &["does not say from when", "is not time stamping alone, and critical"];

#[test]
fn every_recorded_trust_root_is_read_whole() {
    let Some(root) = corpus::root() else { return };
    let (mut read, mut unusable) = (0, BTreeMap::new());
    for path in files(&root, ".json") {
        let Some(value) = document(&path).filter(is_trust_root) else {
            continue;
        };
        let parsed =
            TrustRoot::parse(&corpus::read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for part in parsed.unusable() {
            let known = UNUSABLE.iter().find(|why| part.why.contains(**why));
            *unusable
                .entry(*known.unwrap_or_else(|| panic!("{}: {part:?}", path.display())))
                .or_insert(0) += 1;
        }
        let lists = ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"];
        let written: usize = lists
            .iter()
            .filter_map(|list| value.get(list)?.as_array())
            .map(Vec::len)
            .sum();
        let usable = parsed.logs().len() + parsed.ct_logs().len() + parsed.authorities().len();
        assert_eq!(
            usable + parsed.time_authorities().len() + parsed.unusable().len(),
            written,
            "{}",
            path.display()
        );
        read += 1;
    }
    assert_eq!(read, TRUST_ROOTS);
    assert_eq!(unusable.into_values().collect::<Vec<_>>(), [1, 4]);
}

/// A recorded signature's certificate, what came with it, and when the log says it was used.
struct Recorded {
    name: String,
    certificate: Vec<u8>,
    others: Vec<Vec<u8>>,
    integrated: Option<Timestamp>,
    timestamps: Vec<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

fn bundle(path: &Path) -> Option<Recorded> {
    let value = document(path)?;
    let material = value.get("verificationMaterial")?;
    let certificates: Vec<Vec<u8>> = match material.get("certificate") {
        Some(certificate) => vec![decoded(certificate.get("rawBytes")?)?],
        None => {
            let chain = material.pointer("/x509CertificateChain/certificates")?.as_array()?;
            chain
                .iter()
                .filter_map(|certificate| decoded(certificate.get("rawBytes")?))
                .collect()
        }
    };
    let (certificate, others) = certificates.split_first()?;
    let seconds = material
        .pointer("/tlogEntries/0/integratedTime")
        .and_then(Value::as_str);
    let timestamps = material
        .pointer("/timestampVerificationData/rfc3161Timestamps")
        .and_then(Value::as_array);
    let signature = value.pointer("/messageSignature/signature");
    Some(Recorded {
        name: path.display().to_string(),
        certificate: certificate.clone(),
        others: others.to_vec(),
        integrated: seconds.and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok()),
        timestamps: timestamps
            .into_iter()
            .flatten()
            .filter_map(|stamp| decoded(stamp.get("signedTimestamp")?))
            .collect(),
        signature: signature
            .or(value.pointer("/dsseEnvelope/signatures/0/sig"))
            .and_then(decoded),
    })
}

/// The certificates of the recorded signatures of images: each is in the body of its log entry.
fn images(root: &Path) -> Vec<Recorded> {
    let mut records = Vec::new();
    for path in corpus::list(&root.join("chainguard-images")) {
        for (number, line) in (1..).zip(corpus::text(&path).lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            let payload = line.pointer("/rekorBundle/Payload").unwrap();
            let body: Value = serde_json::from_slice(&decoded(&payload["body"]).unwrap()).unwrap();
            let pem = decoded(body.pointer("/spec/signature/publicKey/content").unwrap()).unwrap();
            let (_, certificate) = der::Document::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
            records.push(Recorded {
                name: format!("{}:{number}", path.display()),
                certificate: certificate.as_bytes().to_vec(),
                others: Vec::new(),
                integrated: Timestamp::from_second(payload["integratedTime"].as_i64().unwrap()).ok(),
                timestamps: Vec::new(),
                signature: None,
            });
        }
    }
    records
}

fn trusted(root: &Path, file: &str) -> TrustRoot {
    TrustRoot::parse(&corpus::read(&root.join("trusted-roots").join(file))).unwrap()
}

fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Holds a certificate that was used at a time to everything that should be refused of it.
fn hold(record: &Recorded, root: &TrustRoot, rule: SctRule, times: &[Timestamp]) {
    let name = &record.name;
    let judge = |der: &[u8], times: &[Timestamp]| {
        Leaf::parse(der).and_then(|leaf| vouch(&leaf, &record.others, times, root, &rule))
    };
    let vouched = judge(&record.certificate, times).unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
    assert!(!vouched.identity().subjects.is_empty(), "{name}: it names nobody");
    let leaf = Leaf::parse(&record.certificate).unwrap();
    for inside in [leaf.not_before(), leaf.not_after()] {
        assert!(judge(&record.certificate, &[inside]).is_ok(), "{name}: {inside}");
    }
    for outside in [leaf.not_before() - 1.second(), leaf.not_after() + 1.second()] {
        for times in [vec![outside], [times, &[outside]].concat()] {
            let outcome = judge(&record.certificate, &times);
            assert!(
                matches!(outcome, Err(CertificateError::OutsideValidity { .. })),
                "{name}: {outside}"
            );
        }
    }
    // Others bits in each record, so that all records together try many places.
    let length = record.certificate.len();
    for step in 0..12 {
        let at = (step * length / 12 + usize::from(record.certificate[length - 1])) % length;
        let mut mutant = record.certificate.clone();
        mutant[at] ^= 1 << (step % 8);
        assert!(judge(&mutant, times).is_err(), "{name}: byte {at}");
    }
}

#[test]
fn every_recorded_image_signature_was_made_with_a_certificate_that_held() {
    let Some(root) = corpus::root() else { return };
    let good = trusted(&root, "prod-root-signing-2026.json");
    let staging = trusted(&root, "staging.json");
    let records = images(&root);
    assert_eq!(records.len(), IMAGES);
    for record in &records {
        let times: Vec<_> = record.integrated.into_iter().collect();
        hold(record, &good, SctRule::Required, &times);
        let leaf = Leaf::parse(&record.certificate).unwrap();
        let elsewhere = vouch(&leaf, &[], &times, &staging, &SctRule::Ignored);
        assert!(matches!(elsewhere, Err(CertificateError::Path(_))), "{}", record.name);
        let identity = leaf.unverified_identity();
        assert_eq!(
            identity.issuer.as_deref(),
            Some("https://token.actions.githubusercontent.com")
        );
        assert!(
            identity.claims.get(Claim::GithubWorkflowRepository).is_some(),
            "{}",
            record.name
        );
    }
}

/// What refuses which case of the official suite, and other recorded bundles, in the steps that are judged here. Every
/// other one gets beyond them, whatever else is wrong with it.
const REFUSED: &[(&str, &str)] = &[
    ("invalid-ct-key_fail", "which the trust root does not know"),
    ("integrated-time-in-future_fail", "and was used at 2026-05-07T15:34:11Z"),
    ("intoto-expired-certificate_fail", "is valid from 2030-01-01T00:00:00Z"),
    (
        "intoto-set-outside-signing-cert-validity_fail",
        "and was used at 2023-02-02T00:00:00Z",
    ),
    (
        "intoto-tsa-timestamp-outside-cert-validity_fail",
        "and was used at 2023-02-02T00:00:00Z",
    ),
    ("rekor2-no-timestamp_fail", "no proved time"),
    (
        "rekor2-timestamp-outside-trust-root-tsa-validity_fail",
        "from 2025-04-09T00:00:00Z to 2025-06-01T00:00:00Z",
    ),
    (
        "rekor2-timestamp-outside-tsa-cert-validity_fail",
        "it has signed a timestamp of 2025-08-07T15:38:32Z",
    ),
    (
        "rekor2-timestamp-payload-mismatch_fail",
        "over something else than this signature",
    ),
    (
        "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail",
        "by no timestamp authority",
    ),
    (
        "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail",
        "by no timestamp authority",
    ),
    ("rekor2-timestamp-with-incorrect-time_fail", "and was used at 2025-"),
    ("cosign_v3_missing_fields.json", "is not as RFC 5280"),
    (
        "othername.sigstore.json",
        "no authority of the trust root is its issuer",
    ),
];

/// The times that a record proves, if those of its log entries are believed.
fn times(record: &Recorded, root: &TrustRoot) -> Result<Vec<Timestamp>, TimestampError> {
    let logged = record.integrated.into_iter().filter(|time| time.as_second() != 0);
    let signature = record.signature.as_deref().unwrap_or_default();
    let stamped = record
        .timestamps
        .iter()
        .map(|stamp| verify_timestamp(stamp, signature, root));
    logged
        .map(Ok)
        .chain(stamped.map(|stamped| stamped.map(|stamped| stamped.time())))
        .collect()
}

#[test]
fn every_recorded_bundle_holds_or_is_refused_for_its_reason() {
    let Some(root) = corpus::root() else { return };
    let shared = ["prod-root-signing-2026.json", "staging.json", "github.json"].map(|file| trusted(&root, file));
    let (mut judged, mut refused) = (0, 0);
    for path in files(&root, ".json") {
        let Some(record) = bundle(&path) else { continue };
        judged += 1;
        let own = path.with_file_name("trusted_root.json");
        let own = own.is_file().then(|| TrustRoot::parse(&corpus::read(&own)).unwrap());
        let roots: Vec<&TrustRoot> = own.as_ref().map_or_else(|| shared.iter().collect(), |own| vec![own]);
        let outcomes = roots.iter().map(|root| {
            let rule = if root.ct_logs().is_empty() {
                SctRule::Ignored
            } else {
                SctRule::Required
            };
            let times = times(&record, root).map_err(|error| told(&error))?;
            let leaf = Leaf::parse(&record.certificate).map_err(|error| told(&error))?;
            vouch(&leaf, &record.others, &times, root, &rule).map_err(|error| told(&error))?;
            hold(&record, root, rule, &times);
            Ok::<_, String>(())
        });
        let outcomes: Vec<_> = outcomes.collect();
        let reason = REFUSED
            .iter()
            .find(|(name, _)| record.name.split('/').any(|part| part == *name));
        match reason {
            None => assert!(outcomes.iter().any(Result::is_ok), "{}: {outcomes:?}", record.name),
            Some((_, says)) => {
                refused += 1;
                for outcome in &outcomes {
                    let error = outcome.as_ref().expect_err(&record.name);
                    assert!(error.contains(says), "{}: `{error}` does not say `{says}`", record.name);
                }
            }
        }
    }
    assert_eq!(
        (judged, refused),
        (BUNDLES, REFUSED.len() + 1),
        "`invalid-ct-key_fail` is recorded twice"
    );
}

#[test]
fn a_name_of_another_kind_is_read_from_a_real_certificate() {
    let Some(root) = corpus::root() else { return };
    let record = bundle(&root.join("bundles/sigstore-go/othername.sigstore.json")).unwrap();
    let scaffolding = root.join("bundles/sigstore-rust/trusted_roots/scaffolding.json");
    let scaffolding = TrustRoot::parse(&corpus::read(&scaffolding)).unwrap();
    let leaf = Leaf::parse(&record.certificate).unwrap();
    let times: Vec<_> = record.integrated.into_iter().collect();
    let vouched = vouch(&leaf, &[], &times, &scaffolding, &SctRule::Required).unwrap();
    assert_eq!(
        vouched.identity().subjects,
        [Subject::OtherName("foo!oidc.local".into())]
    );
    assert_eq!(vouched.identity().issuer.as_deref(), Some("http://oidc.local:8080"));
    hold(&record, &scaffolding, SctRule::Required, &times);
}

#[test]
fn a_recorded_timestamp_proves_its_time_for_its_signature_alone() {
    let Some(root) = corpus::root() else { return };
    let shared = ["prod-root-signing-2026.json", "staging.json", "github.json"].map(|file| trusted(&root, file));
    let mut proved = 0;
    for path in files(&root, ".json") {
        let Some(record) = bundle(&path) else { continue };
        let Some(signature) = &record.signature else { continue };
        for stamp in &record.timestamps {
            let found = shared
                .iter()
                .find_map(|root| Some((root, verify_timestamp(stamp, signature, root).ok()?)));
            let Some((root, stamped)) = found else { continue };
            proved += 1;
            let other = [signature.as_slice(), &[0]].concat();
            assert_eq!(
                verify_timestamp(stamp, &other, root),
                Err(TimestampError::OtherSignature)
            );
            for step in 0..64 {
                let at = (step * stamp.len() / 64 + record.name.len()) % stamp.len();
                let mut mutant = stamp.clone();
                mutant[at] ^= 1 << (step % 8);
                // Where nothing is read or signed, such as brought certificates, the time is the same.
                if let Ok(mutated) = verify_timestamp(&mutant, signature, root) {
                    assert_eq!(mutated, stamped, "{}: byte {at}", record.name);
                }
            }
        }
    }
    assert_eq!(proved, TIMESTAMPS);
}
