//! Sigstore's official suite: every case is judged by its file and by its digest, and what it refuses is refused for the
//! reason that the case is named after. Where a case breaks elsewhere first, one of ours isolates what it is named after.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_evidence::{
    Bundle, HashRule, LogDemand, Message, PublicKey, SctRule, SignedArtifact, TimeDemand, TrustRoot, Trusted,
    VerifyError, verify_artifact,
};
use countersign_image::Blob;
use serde_json::{Value, json};

use crate::corpus;

/// What each refusal of the suite is due to, and words of its error.
const REFUSED: [(&str, &str, &str); 49] = [
    (
        "bundle-empty-certificate-chain_fail",
        "form",
        "`x509CertificateChain` is empty",
    ),
    ("bundle-from-wrong-instance_fail", "log: log", ""),
    ("bundle-invalid-base64-signature_fail", "form", "not base64"),
    ("bundle-malformed-json_fail", "form", "not readable"),
    ("bundle-negative-log-index_fail", "form", "a log entry of the bundle"),
    ("bundle-unknown-version_fail", "form", "version=99.9"),
    ("bundle-with-root-cert_fail", "certificate", "root"),
    ("checkpoint-bad-keyhint_fail", "log: checkpoint", ""),
    ("checkpoint-wrong-roothash_fail", "log: checkpoint", ""),
    ("dsse-invalid-sig_fail", "signature", "not by this"),
    ("dsse-mismatch-envelope_fail", "log: body", ""),
    ("dsse-mismatch-sig_fail", "log: body", ""),
    ("inclusion-proof-corrupted-hash_fail", "log: inclusion proof", ""),
    ("incorrect-public-key_fail", "log: body", ""),
    ("integrated-time-in-future_fail", "certificate", "was used at"),
    ("intoto-expired-certificate_fail", "certificate", ""),
    ("intoto-log-entry-mismatch_fail", "log: body", ""),
    ("intoto-missing-inclusion-proof_fail", "log: inclusion proof", ""),
    (
        "intoto-set-outside-signing-cert-validity_fail",
        "certificate",
        "was used at",
    ),
    (
        "intoto-tsa-timestamp-outside-cert-validity_fail",
        "certificate",
        "was used at",
    ),
    ("invalid-checkpoint-signature_fail", "log: checkpoint", ""),
    ("invalid-ct-key_fail", "sct", ""),
    ("invalid-inclusion-proof_fail", "log: checkpoint", "has no checkpoint"),
    ("managed-key-no-key_fail", "certificate", "names its signer by a key"),
    ("managed-key-wrong-key_fail", "key", ""),
    ("message-digest-mismatch_fail", "content", "another message"),
    ("rekor2-checkpoint-missing-log-signature_fail", "log: checkpoint", ""),
    ("rekor2-checkpoint-missing-origin_fail", "log: checkpoint", ""),
    ("rekor2-checkpoint-missing-root-hash_fail", "log: checkpoint", ""),
    ("rekor2-checkpoint-missing-size_fail", "log: checkpoint", ""),
    ("rekor2-checkpoint-no-matching-signature_fail", "log: checkpoint", ""),
    ("rekor2-dsse-invalid-sig_fail", "signature", "not by this"),
    ("rekor2-dsse-mismatch-envelope_fail", "log: body", ""),
    ("rekor2-dsse-mismatch-sig_fail", "log: body", ""),
    ("rekor2-no-inclusion-proof_fail", "log: inclusion proof", ""),
    ("rekor2-no-timestamp_fail", "timestamp", "proves when"),
    ("rekor2-timestamp-outside-trust-root-tsa-validity_fail", "timestamp", ""),
    ("rekor2-timestamp-outside-tsa-cert-validity_fail", "timestamp", ""),
    ("rekor2-timestamp-payload-mismatch_fail", "timestamp", ""),
    (
        "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail",
        "timestamp",
        "",
    ),
    (
        "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail",
        "timestamp",
        "",
    ),
    // It has line ends inside its timestamp; that the time is wrong is isolated below.
    ("rekor2-timestamp-with-incorrect-time_fail", "form", "`signedTimestamp`"),
    ("set-invalid-signature_fail", "log: promise", ""),
    ("signature-mismatch_fail", "signature", "not by this"),
    (
        "trust-root-tlog-missing-validity-start_fail",
        "log: log",
        "no log with the id",
    ),
    ("wrong-hashedrekord-artifact_fail", "log: body", ""),
    ("wrong-hashedrekord-cert-and-sig_fail", "log: body", ""),
    ("wrong-hashedrekord-entry_fail", "log: body", ""),
    ("wrong-material_fail", "content", "another message"),
];

/// Whose signatures the suite's cases are, unless they say otherwise.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A case of the suite: its files, and what to believe.
pub(crate) struct Case {
    pub(crate) name: String,
    directory: PathBuf,
    pub(crate) bundle: Vec<u8>,
    pub(crate) artifact: Blob,
}

/// Why a case is refused: what it is due to, and the error in full.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) due_to: String,
    pub(crate) error: String,
}

impl Refused {
    pub(crate) fn new(due_to: impl Into<String>, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        Self {
            due_to: due_to.into(),
            error: text,
        }
    }
}

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        let due_to = match &error {
            VerifyError::Log(entry) => format!("log: {}", entry.step()),
            other => other.step().to_string(),
        };
        Self::new(due_to, &error)
    }
}

/// The root of the public-good instance.
pub(crate) fn public_good(root: &Path) -> Result<Arc<TrustRoot>, Refused> {
    read_root(&root.join("trusted-roots/prod-root-signing-2026.json"))
}

pub(crate) fn read_root(path: &Path) -> Result<Arc<TrustRoot>, Refused> {
    let root = TrustRoot::parse(&corpus::read(path));
    root.map(Arc::new).map_err(|error| Refused::new("trust root", &error))
}

pub(crate) fn cases(root: &Path) -> Vec<Case> {
    let directories = corpus::list(&root.join("sigstore-conformance/bundle-verify"));
    let directories = directories.into_iter().filter(|path| path.is_dir());
    directories.map(Case::read).collect()
}

impl Case {
    fn read(directory: PathBuf) -> Self {
        let own = directory.join("artifact");
        let artifact = if own.exists() {
            own
        } else {
            directory.with_file_name("a.txt")
        };
        Self {
            name: corpus::name(&directory).to_owned(),
            bundle: corpus::read(&directory.join("bundle.sigstore.json")),
            artifact: Blob::new(corpus::read(&artifact)),
            directory,
        }
    }

    pub(crate) fn accepts(&self) -> bool {
        !self.name.ends_with("_fail")
    }

    fn text(&self, file: &str) -> Option<String> {
        let path = self.directory.join(file);
        path.exists().then(|| corpus::text(&path).trim().to_owned())
    }

    pub(crate) fn trusted(&self, corpus: &Path) -> Result<Trusted, Refused> {
        let own = self.directory.join("trusted_root.json");
        let root = if own.exists() {
            read_root(&own)?
        } else {
            public_good(corpus)?
        };
        let Some(pem) = self.text("key.pub") else {
            return Ok(Trusted::keyless(root));
        };
        Ok(Trusted::Key {
            key: PublicKey::from_pem(&pem).map_err(|error| Refused::new("key", &error))?,
            rule: HashRule::Natural,
            logs: Some(LogDemand::of(root.clone(), 1)),
            times: Some(TimeDemand::of(root, 0)),
        })
    }

    /// Its bundle with something changed, about its artifact.
    fn judge_changed(&self, bundle: &Value, trusted: &Trusted) -> Result<(), Refused> {
        let bytes = bundle.to_string();
        self.judge(bytes.as_bytes(), Message::Bytes(&self.artifact), trusted)
            .map(drop)
    }

    pub(crate) fn judge(
        &self,
        bundle: &[u8],
        message: Message<'_>,
        trusted: &Trusted,
    ) -> Result<SignedArtifact, Refused> {
        let bundle = Bundle::parse(bundle).map_err(VerifyError::Bundle)?;
        let proof = verify_artifact(&bundle, message, trusted)?;
        if let Some(found) = proof.signer().identity() {
            let (identity, issuer) = (self.text("identity"), self.text("issuer"));
            let (identity, issuer) = (
                identity.as_deref().unwrap_or(IDENTITY),
                issuer.as_deref().unwrap_or(ISSUER),
            );
            let named = found.subjects.iter().any(|subject| subject.as_str() == identity);
            if !named || found.issuer.as_deref() != Some(issuer) {
                let error = format!("{found:?}");
                return Err(Refused {
                    due_to: "identity".into(),
                    error,
                });
            }
        }
        Ok(proof)
    }

    /// The verdict on the case as it is, by its file and by its digest, which is the same.
    fn verdict(&self, corpus: &Path) -> Result<(), Refused> {
        let trusted = self.trusted(corpus)?;
        let by_file = self.judge(&self.bundle, Message::Bytes(&self.artifact), &trusted);
        let by_digest = self.judge(&self.bundle, Message::Digest(self.artifact.digest()), &trusted);
        match (by_file, by_digest) {
            (Ok(_), Ok(_)) => Ok(()),
            (Err(file), Err(digest)) => {
                assert_eq!(file.due_to, digest.due_to, "{}", self.name);
                Err(file)
            }
            (file, digest) => panic!("{}: by file {file:?}, by digest {digest:?}", self.name),
        }
    }

    /// The verdict on the case with another bundle.
    fn with(&self, corpus: &Path, change: impl FnOnce(&mut Value)) -> Result<(), Refused> {
        let mut bundle: Value = serde_json::from_slice(&self.bundle).unwrap();
        change(&mut bundle);
        let trusted = self.trusted(corpus)?;
        self.judge(bundle.to_string().as_bytes(), Message::Bytes(&self.artifact), &trusted)
            .map(drop)
    }
}

#[test]
fn every_case_is_accepted_or_refused_for_what_it_is_named_after() {
    let Some(root) = corpus::root() else { return };
    let expected: BTreeMap<_, _> = REFUSED
        .iter()
        .map(|(name, due_to, words)| (*name, (*due_to, *words)))
        .collect();
    let (cases, mut wrong) = (cases(&root), Vec::new());
    assert_eq!(cases.len(), 70);
    for case in cases {
        match (case.verdict(&root), expected.get(&*case.name)) {
            (Ok(()), None) if case.accepts() => {}
            (Err(refused), Some((due_to, words)))
                if !case.accepts() && refused.due_to == *due_to && refused.error.contains(words) => {}
            (found, expected) => wrong.push(format!("{}: {found:?}, and {expected:?} is expected", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn case(root: &Path, name: &str) -> Case {
    Case::read(root.join("sigstore-conformance/bundle-verify").join(name))
}

fn bundle(case: &Case) -> Value {
    serde_json::from_slice(&case.bundle).unwrap()
}

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
const CHAIN: &str = "/verificationMaterial/x509CertificateChain/certificates";

/// Replaces what is at a pointer.
fn put(bundle: &mut Value, pointer: &str, value: Value) {
    *bundle.pointer_mut(pointer).unwrap() = value;
}

#[track_caller]
fn refused(found: Result<(), Refused>, due_to: &str, words: &str) {
    let refused = found.expect_err(due_to);
    assert!(refused.due_to == due_to && refused.error.contains(words), "{refused:?}");
}

#[test]
fn a_chain_with_a_root_is_refused_for_the_root_and_one_without_is_not() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "happy-path-v0.1");
    let chain = bundle(&case(&root, "bundle-with-root-cert_fail"));
    let chain = chain.pointer(CHAIN).and_then(Value::as_array).unwrap();
    let with = |more: &[Value]| {
        happy.with(&root, |bundle| {
            bundle
                .pointer_mut(CHAIN)
                .unwrap()
                .as_array_mut()
                .unwrap()
                .extend_from_slice(more);
        })
    };
    with(&[]).unwrap();
    with(&chain[2..]).unwrap();
    refused(with(&chain[1..2]), "certificate", "root");
    refused(with(&chain[1..]), "certificate", "root");
}

#[test]
fn a_chain_without_certificates_is_refused() {
    let Some(root) = corpus::root() else { return };
    let found = case(&root, "happy-path-v0.1").with(&root, |bundle| put(bundle, CHAIN, json!([])));
    refused(found, "form", "is empty");
}

#[test]
fn a_proof_of_another_entry_is_refused_under_its_own_good_checkpoint() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "happy-path-v0.2");
    let proof = format!("{ENTRY}/inclusionProof");
    for other in ["happy-path-v0.3", "happy-path-intoto-in-dsse-v3"] {
        let foreign = bundle(&case(&root, other)).pointer(&proof).unwrap().clone();
        refused(
            happy.with(&root, |bundle| put(bundle, &proof, foreign)),
            "log: inclusion proof",
            "",
        );
    }
    let hashes = format!("{proof}/hashes");
    let shorter = happy.with(&root, |bundle| {
        bundle.pointer_mut(&hashes).unwrap().as_array_mut().unwrap().pop();
    });
    refused(shorter, "log: inclusion proof", "");
}

#[test]
fn a_good_key_of_somebody_else_is_refused_by_the_signature() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "managed-key-happy-path");
    let pem = corpus::text(&root.join("cosign-3.1.3-generated/k1.pub"));
    let trusted = Trusted::key(PublicKey::from_pem(&pem).unwrap(), HashRule::Natural);
    let found = happy.judge(&happy.bundle, Message::Bytes(&happy.artifact), &trusted);
    refused(found.map(drop), "signature", "not by this");
}

#[test]
fn a_good_entry_of_another_envelope_is_refused_by_its_body() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "happy-path-intoto-in-dsse-v3");
    for other in ["happy-path-v0.3", "wrong-hashedrekord-artifact_fail"] {
        let foreign = bundle(&case(&root, other)).pointer(ENTRY).unwrap().clone();
        refused(happy.with(&root, |bundle| put(bundle, ENTRY, foreign)), "log: body", "");
    }
}

#[test]
fn a_good_timestamp_of_another_day_is_refused_by_the_certificate() {
    let Some(root) = corpus::root() else { return };
    let late = case(&root, "rekor2-timestamp-with-incorrect-time_fail");
    let pointer = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let found = late.with(&root, |bundle| {
        let text = bundle.pointer(pointer).and_then(Value::as_str).unwrap();
        let packed: String = text.split_whitespace().collect();
        put(bundle, pointer, json!(packed));
    });
    refused(found, "certificate", "was used at");
}

/// What the version of a bundle demands cannot be had around by calling it another version.
#[test]
fn a_version_brings_its_own_demands() {
    let Some(root) = corpus::root() else { return };
    let v01 = case(&root, "happy-path-v0.1");
    let (proof, promise) = (format!("{ENTRY}/inclusionProof"), format!("{ENTRY}/inclusionPromise"));
    let media_type = |version: &str| json!(format!("application/vnd.dev.sigstore.bundle+json;version={version}"));
    // 0.1: the promise is demanded, the proof is not.
    v01.with(&root, |bundle| put(bundle, &proof, Value::Null)).unwrap();
    refused(
        v01.with(&root, |bundle| put(bundle, &promise, Value::Null)),
        "log: promise",
        "",
    );
    // 0.2: the proof is.
    let no_proof = v01.with(&root, |bundle| {
        put(bundle, &proof, Value::Null);
        put(bundle, "/mediaType", media_type("0.2"));
    });
    refused(no_proof, "log: inclusion proof", "");
    // 0.3: one certificate, not a chain.
    let chain = v01.with(&root, |bundle| put(bundle, "/mediaType", media_type("0.3")));
    refused(chain, "certificate", "one certificate");
}

/// Whoever a root vouches for, in so many logs, at times that are shown so.
fn demanding(root: &Arc<TrustRoot>, logs: LogDemand, times: Option<TimeDemand>) -> Trusted {
    Trusted::Keyless {
        root: root.clone(),
        sct: SctRule::Required,
        logs: Some(logs),
        times,
    }
}

/// Somebody may demand the proof, whatever the version of a bundle is content with.
#[test]
fn a_promise_is_not_enough_where_the_proof_is_demanded() {
    use countersign_evidence::LogRule;
    let Some(root) = corpus::root() else { return };
    let v01 = case(&root, "happy-path-v0.1");
    let mut promised = bundle(&v01);
    put(&mut promised, &format!("{ENTRY}/inclusionProof"), Value::Null);
    let trust = public_good(&root).unwrap();
    let trusted = |rule: LogRule, at_least: usize| {
        let root = trust.clone();
        demanding(&trust, LogDemand { root, at_least, rule }, None)
    };
    let judge = |bundle: &Value, trusted: &Trusted| v01.judge_changed(bundle, trusted);
    judge(&promised, &trusted(LogRule::EITHER, 1)).unwrap();
    refused(
        judge(&promised, &trusted(LogRule::PROOF, 1)),
        "log: inclusion proof",
        "",
    );
    judge(&bundle(&v01), &trusted(LogRule::PROOF, 1)).unwrap();
    // One entry, however often it is repeated, is one log.
    let mut twice = bundle(&v01);
    let entry = twice.pointer(ENTRY).unwrap().clone();
    put(&mut twice, "/verificationMaterial/tlogEntries", json!([entry, entry]));
    judge(&twice, &trusted(LogRule::EITHER, 1)).unwrap();
    refused(
        judge(&twice, &trusted(LogRule::EITHER, 2)),
        "log",
        "1 of the logs, and 2 are wanted",
    );
}

#[test]
fn timestamps_are_counted_by_authority_and_wanted_where_they_are_demanded() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "rekor2-happy-path");
    let trust = read_root(&happy.directory.join("trusted_root.json")).unwrap();
    let trusted = |at_least: usize| {
        let times = TimeDemand::of(trust.clone(), at_least);
        demanding(&trust, LogDemand::of(trust.clone(), 1), Some(times))
    };
    let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
    let mut twice = bundle(&happy);
    let stamp = twice.pointer(&format!("{stamps}/0")).unwrap().clone();
    put(&mut twice, stamps, json!([stamp, stamp]));
    let judge = |bundle: &Value, at_least| happy.judge_changed(bundle, &trusted(at_least));
    judge(&bundle(&happy), 1).unwrap();
    judge(&twice, 1).unwrap();
    refused(
        judge(&twice, 2),
        "timestamp",
        "1 of the timestamp authorities, and 2 are wanted",
    );
    let mut none = bundle(&happy);
    put(&mut none, stamps, json!([]));
    refused(
        judge(&none, 1),
        "timestamp",
        "0 of the timestamp authorities, and 1 are wanted",
    );
    refused(judge(&none, 0), "timestamp", "proves when");
}

/// An entry of Rekor v2 has no time of its own: its log must have been believed at the times that others prove.
#[test]
fn a_log_without_a_time_is_believed_at_the_times_that_are_stamped() {
    let Some(root) = corpus::root() else { return };
    let happy = case(&root, "rekor2-happy-path");
    let read: Value = serde_json::from_slice(&corpus::read(&happy.directory.join("trusted_root.json"))).unwrap();
    let stamped = "2025-06-12T12:02:20Z";
    for (end, believed) in [(stamped, true), ("2025-06-12T12:02:19Z", false)] {
        let mut changed = read.clone();
        for log in changed["tlogs"].as_array_mut().unwrap() {
            log["publicKey"]["validFor"]["end"] = json!(end);
        }
        let trust = TrustRoot::parse(changed.to_string().as_bytes()).unwrap();
        let trusted = Trusted::keyless(Arc::new(trust));
        let found = happy
            .judge(&happy.bundle, Message::Bytes(&happy.artifact), &trusted)
            .map(drop);
        if believed {
            found.unwrap();
        } else {
            refused(found, "log: log", "and not at");
        }
    }
}

#[test]
fn a_window_without_a_beginning_makes_its_log_unusable_and_says_so() {
    let Some(root) = corpus::root() else { return };
    let case = case(&root, "trust-root-tlog-missing-validity-start_fail");
    let trust = read_root(&case.directory.join("trusted_root.json")).unwrap();
    let told: Vec<_> = trust
        .unusable()
        .iter()
        .map(|part| format!("{}: {}", part.part, part.why))
        .collect();
    assert!(
        told.len() == 1 && told[0].contains("tlogs[") && told[0].contains("from when"),
        "{told:?}"
    );
}
