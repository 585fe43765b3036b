//! Recorded certificates and timestamps, judged by the recorded trust roots at the times at which they were used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::certificate::{CertificateError, SctError};
use countersign_evidence::{Leaf, SctRule, TimestampError, TrustRoot, verify_timestamp, vouch};
use jiff::Timestamp;
use serde_json::Value;

use crate::corpus;

const TRUST_ROOTS: usize = 51;

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

fn decoded(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
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

#[test]
fn probe() {
    let Some(root) = corpus::root() else { return };
    let trusted = |path: &str| TrustRoot::parse(&corpus::read(&root.join("trusted-roots").join(path))).unwrap();
    let roots = [
        trusted("prod-root-signing-2026.json"),
        trusted("staging.json"),
        trusted("github.json"),
    ];
    for path in files(&root, ".json") {
        let Some(record) = bundle(&path) else { continue };
        let own = path
            .parent()
            .map(|directory| directory.join("trusted_root.json"))
            .filter(|own| own.is_file());
        let own: Vec<TrustRoot> = own
            .iter()
            .map(|own| TrustRoot::parse(&corpus::read(own)).unwrap())
            .collect();
        let roots = if own.is_empty() { &roots[..] } else { &own[..] };
        let mut says = String::new();
        for root in roots {
            let mut times: Vec<_> = record
                .integrated
                .into_iter()
                .filter(|time| time.as_second() != 0)
                .collect();
            for stamp in &record.timestamps {
                match verify_timestamp(stamp, record.signature.as_deref().unwrap_or_default(), root) {
                    Ok(stamped) => times.push(stamped.time()),
                    Err(error) => says += &format!("[TS {error}]"),
                }
            }
            let rule = if root.ct_logs().is_empty() {
                SctRule::Ignored
            } else {
                SctRule::Required
            };
            let leaf = Leaf::parse(&record.certificate);
            match leaf.and_then(|leaf| vouch(&leaf, &record.others, &times, root, rule, None)) {
                Ok(vouched) => {
                    says = format!(
                        "OK {} {:?} times {}",
                        vouched.authority(),
                        vouched.identity().subjects,
                        times.len()
                    );
                    break;
                }
                Err(error) => {
                    let mut e: Option<&dyn std::error::Error> = Some(&error);
                    while let Some(x) = e {
                        says += &format!("| {x}");
                        e = x.source();
                    }
                }
            }
        }
        println!("{}: {says}", record.name.trim_start_matches("/work/shared/corpus/"));
    }
}
