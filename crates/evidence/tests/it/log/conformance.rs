//! The entries of the conformance suite: which step refuses which.

use std::path::Path;

use countersign_evidence::log::LogStep;
use countersign_evidence::{Log, LogError, PublicKey};
use serde_json::Value;

use super::{Record, logs};
use crate::corpus;

/// The cases whose log entry is to blame, with the step that has to find it. In all others, also where something else is
/// wrong, the entry proves what it says.
const BLAMED: &[(&str, LogStep)] = &[
    ("bundle-empty-certificate-chain_fail", LogStep::Checkpoint),
    ("bundle-from-wrong-instance_fail", LogStep::Log),
    ("bundle-invalid-base64-signature_fail", LogStep::Body),
    ("bundle-negative-log-index_fail", LogStep::Entry),
    ("bundle-unknown-version_fail", LogStep::Body),
    ("bundle-with-root-cert_fail", LogStep::Checkpoint),
    ("checkpoint-bad-keyhint_fail", LogStep::Checkpoint),
    ("checkpoint-wrong-roothash_fail", LogStep::Checkpoint),
    ("dsse-invalid-sig_fail", LogStep::Body),
    ("dsse-mismatch-envelope_fail", LogStep::Body),
    ("dsse-mismatch-sig_fail", LogStep::Body),
    ("inclusion-proof-corrupted-hash_fail", LogStep::Proof),
    ("incorrect-public-key_fail", LogStep::Body),
    ("intoto-log-entry-mismatch_fail", LogStep::Body),
    ("intoto-missing-inclusion-proof_fail", LogStep::Proof),
    ("invalid-checkpoint-signature_fail", LogStep::Checkpoint),
    ("invalid-inclusion-proof_fail", LogStep::Checkpoint),
    ("managed-key-no-key_fail", LogStep::Body),
    ("managed-key-wrong-key_fail", LogStep::Body),
    ("rekor2-checkpoint-missing-log-signature_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-origin_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-root-hash_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-missing-size_fail", LogStep::Checkpoint),
    ("rekor2-checkpoint-no-matching-signature_fail", LogStep::Checkpoint),
    ("rekor2-dsse-invalid-sig_fail", LogStep::Body),
    ("rekor2-dsse-mismatch-envelope_fail", LogStep::Body),
    ("rekor2-dsse-mismatch-sig_fail", LogStep::Body),
    ("rekor2-no-inclusion-proof_fail", LogStep::Proof),
    ("set-invalid-signature_fail", LogStep::Promise),
    ("signature-mismatch_fail", LogStep::Body),
    ("trust-root-tlog-missing-validity-start_fail", LogStep::Log),
    ("wrong-hashedrekord-artifact_fail", LogStep::Body),
    ("wrong-hashedrekord-cert-and-sig_fail", LogStep::Body),
    ("wrong-hashedrekord-entry_fail", LogStep::Body),
    ("wrong-material_fail", LogStep::Body),
];

/// All cases but the one that is no JSON.
const CASES: usize = 69;

/// Every case that is JSON, with the logs that it is to be held against.
fn cases(root: &Path) -> Vec<(Record, Vec<Log>)> {
    let suite = root.join("sigstore-conformance/bundle-verify");
    let cases = corpus::list(&suite).into_iter().filter(|path| path.is_dir());
    let opened = cases.filter_map(|case| {
        let file = |name: &str| Some(case.join(name)).filter(|path| path.is_file());
        let bundle: Value = serde_json::from_slice(&corpus::read(&case.join("bundle.sigstore.json"))).ok()?;
        let artifact = corpus::read(&file("artifact").unwrap_or_else(|| suite.join("a.txt")));
        let key = file("key.pub").and_then(|path| PublicKey::from_pem(&corpus::text(&path)).ok());
        let public_good = || root.join("trusted-roots/prod-root-signing-2026.json");
        let logs = logs(&file("trusted_root.json").unwrap_or_else(public_good));
        let record = Record::of_bundle(corpus::name(&case), &bundle, Some(artifact), key);
        Some((record, logs))
    });
    opened.collect()
}

#[test]
fn each_entry_is_believed_or_refused_at_the_step_that_is_broken() {
    let Some(root) = corpus::root() else { return };
    let (cases, mut wrong) = (cases(&root), Vec::new());
    for (case, logs) in &cases {
        let expected = BLAMED.iter().find(|(name, _)| *name == case.name);
        let expected = expected.map(|(_, step)| *step);
        for entry in &case.entries {
            let verified = case.verify(entry, logs);
            if verified.as_ref().err().map(LogError::step) != expected {
                wrong.push(format!("{}: {verified:?}, expected {expected:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases.len(), CASES);
}
