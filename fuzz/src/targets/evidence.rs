//! What is said about an image: envelopes, payloads, bundles, statements, public keys.

use std::path::Path;

use countersign_evidence::bundle::{MAX_CERTIFICATES, MAX_LOG_ENTRIES, MAX_TIMESTAMPS};
use countersign_evidence::envelope::{self, MAX_PAYLOAD_TYPE_BYTES, pae};
use countersign_evidence::key::{MAX_RSA_BITS, MIN_RSA_BITS};
use countersign_evidence::statement::{MAX_PREDICATE_TYPE_BYTES, MAX_SUBJECTS};
use countersign_evidence::{
    Bundle, BundleContent, Envelope, Hash, HashRule, KeyKind, Predicate, PublicKey, SimplePayload, Statement, predicate,
};
use countersign_image::text::prints;
use countersign_image::{Algorithm, Digest};
use serde_json::{Value, json};

use super::text;
use crate::seeds::{Seeds, named};
use crate::signed::{self, DESK};
use crate::{Target, spoken};

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "envelope",
        run: envelope,
        seeds: envelopes,
        words: ENVELOPES,
        mutations: 1_500,
    },
    Target {
        name: "simple_payload",
        run: simple_payload,
        seeds: payloads,
        words: PAYLOADS,
        mutations: 4_000,
    },
    Target {
        name: "bundle",
        run: bundle,
        seeds: bundles,
        words: BUNDLES,
        mutations: 700,
    },
    Target {
        name: "statement",
        run: statement,
        seeds: statements,
        words: STATEMENTS,
        mutations: 1_500,
    },
    Target {
        name: "predicate",
        run: predicate_of,
        seeds: statements_of_types,
        words: PREDICATES,
        mutations: 1_000,
    },
    Target {
        name: "public_key",
        run: public_key,
        seeds: public_keys,
        words: KEYS,
        mutations: 3_000,
    },
    Target {
        name: "public_key_der",
        run: public_key_der,
        seeds: public_keys_der,
        words: &[],
        mutations: 3_000,
    },
    Target {
        name: "words",
        run: words,
        seeds: short_names,
        words: &["sha", "256", " ", "\t", "SHA", "vuln", "slsa"],
        mutations: 4_000,
    },
];

const ENVELOPES: &[&str] = &[
    "\"payload\":\"\",",
    "\"payloadType\":\"application/vnd.in-toto+json\",",
    "\"payload_type\":\"x\",",
    "\"signatures\":[],",
    "{\"sig\":\"\"},",
    "\"keyid\":\"\",",
    "=",
    "==",
    "-_",
    "+/",
    "\\n",
    "null",
];
const PAYLOADS: &[&str] = &[
    "\"critical\":{",
    "\"identity\":null,",
    "\"docker-reference\":\"\",",
    "\"docker-manifest-digest\":\"sha256:",
    "\"type\":\"cosign container image signature\",",
    "\"optional\":null,",
    "\"$serde_json::private::RawValue\":\"{}\",",
    "{",
    "}",
];
const BUNDLES: &[&str] = &[
    "\"mediaType\":\"application/vnd.dev.sigstore.bundle+json;version=0.1\",",
    "\"media_type\":\"application/vnd.dev.sigstore.bundle.v0.3+json\",",
    "\"verificationMaterial\":{",
    "\"publicKey\":{},",
    "\"x509CertificateChain\":{\"certificates\":[",
    "\"certificate\":{\"rawBytes\":\"\"},",
    "\"tlogEntries\":[],",
    "\"timestampVerificationData\":{},",
    "\"messageSignature\":{\"signature\":\"\"},",
    "\"messageDigest\":{\"algorithm\":\"SHA2_256\",\"digest\":\"\"},",
    "\"dsseEnvelope\":{",
    "\"logIndex\":\"-1\",",
    "\"inclusionProof\":{\"treeSize\":\"9223372036854775808\"},",
    "null",
];
const STATEMENTS: &[&str] = &[
    "\"_type\":\"https://in-toto.io/Statement/v1\",",
    "\"_type\":\"https://in-toto.io/Statement/v0.1\",",
    "\"subject\":[],",
    "{\"digest\":{\"sha256\":\"\"}},",
    "\"predicateType\":\"\",",
    "\"predicate\":{},",
    "\"annotations\":null,",
    "\u{200b}",
    "null",
];
const PREDICATES: &[&str] = &[
    "\"predicateType\":\"https://slsa.dev/provenance/v1\",",
    "\"predicateType\":\"https://cosign.sigstore.dev/attestation/vuln/v1\",",
    "\"predicateType\":\"https://openvex.dev/ns\",",
    "\"predicateType\":\"https://cyclonedx.org/bom\",",
    "\"components\":[{\"name\":\"\"}],",
    "\"2026-01-02T03:04:05Z\"",
    "\"-009999-01-01T00:00:00+24:00\"",
    "\"result\":null,",
    "git+",
    "@refs/",
    "_LEVEL_4294967296",
];
const KEYS: &[&str] = &[
    "-----BEGIN PUBLIC KEY-----",
    "-----END PUBLIC KEY-----",
    "-----BEGIN RSA PUBLIC KEY-----",
    "-----END RSA PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "-----",
    "PRIVATE",
    "\n",
    "\r\n",
    "=",
    "AAAA",
];

/// A JSON file that has this key at its top, ours or another's.
fn with_key(bytes: &[u8], keys: &[&str]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|value| keys.iter().any(|key| value.get(key).is_some()))
}

fn envelopes(seeds: &mut Seeds) {
    let shape = |_: &Path, bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let inner = value.get("dsseEnvelope").unwrap_or(&value);
        inner.get("payloadType")?;
        Some(inner.to_string().into_bytes())
    };
    seeds.add_files("cases/data", shape);
    seeds.add_corpus(&["bundles", "slsa-verifier", "connaisseur", "grype-attest"], shape);
}

/// What is decoded is what is written, and within limits.
fn envelope(data: &[u8]) {
    let envelope = match Envelope::parse(data) {
        Ok(envelope) => envelope,
        Err(error) => return spoken::refusal(&error),
    };
    let value: Value = serde_json::from_slice(data).unwrap();
    let payload = value["payload"].as_str().and_then(signed::decoded);
    assert_eq!(payload.as_deref(), Some(envelope.unverified_payload()));
    assert!((1..=MAX_PAYLOAD_TYPE_BYTES).contains(&envelope.payload_type().len()));
    assert!((1..=envelope::MAX_SIGNATURES).contains(&envelope.signature_count()));
    assert_eq!(
        value["signatures"].as_array().unwrap().len(),
        envelope.signature_count()
    );
    assert!(envelope.unverified_key_ids().count() <= envelope.signature_count());
    // What is signed can be taken apart in one way.
    let message = pae(envelope.payload_type(), envelope.unverified_payload());
    assert_eq!(
        taken_apart(&message),
        Some((envelope.payload_type().as_bytes(), envelope.unverified_payload()))
    );
    assert!(!format!("{envelope:?}").contains(&format!("{:?}", envelope.unverified_payload())) || message.len() < 40);
}

/// Reads DSSE's pre-authentication encoding backwards into type and payload.
fn taken_apart(message: &[u8]) -> Option<(&[u8], &[u8])> {
    fn field(rest: &[u8]) -> Option<(&[u8], &[u8])> {
        let blank = rest.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
        rest[blank + 1..].split_at_checked(length)
    }
    let (payload_type, rest) = field(message.strip_prefix(b"DSSEv1 ")?)?;
    let (payload, rest) = field(rest.strip_prefix(b" ")?)?;
    rest.is_empty().then_some((payload_type, payload))
}

fn payloads(seeds: &mut Seeds) {
    let shape = |_: &Path, bytes: &[u8]| with_key(bytes, &["critical"]).then(|| bytes.to_vec());
    seeds.add_files("cases/data", shape);
    seeds.add_corpus(&["connaisseur", "containers-image", "cosign-3.1.3-generated"], shape);
}

/// The digest is the one that is written, in the one place for it.
fn simple_payload(data: &[u8]) {
    let payload = match SimplePayload::parse(data) {
        Ok(payload) => payload,
        Err(error) => return spoken::refusal(&error),
    };
    let value: Value = serde_json::from_slice(data).unwrap();
    let critical = &value["critical"];
    assert_eq!(critical["image"]["docker-manifest-digest"], payload.digest.to_string());
    assert_eq!(critical["type"], "cosign container image signature");
    let name = critical["identity"]["docker-reference"].as_str().unwrap_or_default();
    assert_eq!(name, payload.docker_reference);
    let written = json!({
        "critical": {
            "identity": {"docker-reference": payload.docker_reference},
            "image": {"docker-manifest-digest": payload.digest},
            "type": "cosign container image signature",
        },
        "optional": payload.optional,
    });
    let again = SimplePayload::parse(written.to_string().as_bytes()).unwrap();
    assert_eq!(
        (again.digest, again.docker_reference),
        (payload.digest, payload.docker_reference)
    );
    assert!(again.optional.keys().eq(payload.optional.keys()));
}

fn bundles(seeds: &mut Seeds) {
    let shape = |_: &Path, bytes: &[u8]| {
        let is_bundle = with_key(bytes, &["verificationMaterial", "verification_material"]);
        (is_bundle && bytes.len() <= 12 << 10).then(|| bytes.to_vec())
    };
    seeds.add_files("cases/data", shape);
    seeds.add_corpus(&["bundles", "sigstore-conformance", "cosign-3.1.3-generated"], shape);
}

/// One content, one signer, lists within limits; and both spellings of the format mean the same.
fn bundle(data: &[u8]) {
    let bundle = match Bundle::parse(data) {
        Ok(bundle) => bundle,
        Err(error) => return spoken::refusal(&error),
    };
    let certificates = bundle.unverified_certificates().len();
    assert_eq!(certificates > 0, bundle.has_certificate());
    assert!(certificates <= MAX_CERTIFICATES);
    assert!(bundle.unverified_hint().is_none() || certificates == 0);
    assert!(bundle.unverified_log_entries().len() <= MAX_LOG_ENTRIES);
    assert!(bundle.unverified_timestamps().len() <= MAX_TIMESTAMPS);
    let value: Value = serde_json::from_slice(data).unwrap();
    let has = |one: &str, other: &str| {
        [one, other]
            .iter()
            .any(|key| value.get(key).is_some_and(|it| !it.is_null()))
    };
    match bundle.content() {
        BundleContent::Envelope(envelope) => {
            assert_eq!(envelope.signature_count(), 1);
            assert!(has("dsseEnvelope", "dsse_envelope") && !has("messageSignature", "message_signature"));
        }
        BundleContent::Message(_) => {
            assert!(has("messageSignature", "message_signature") && !has("dsseEnvelope", "dsse_envelope"));
        }
    }
    let printed = serde_json::to_vec(&value).unwrap();
    let again = Bundle::parse(&printed).unwrap();
    assert_eq!((again.version(), again.content()), (bundle.version(), bundle.content()));
}

fn statements(seeds: &mut Seeds) {
    let shape = |_: &Path, bytes: &[u8]| {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let envelope = value.get("dsseEnvelope").unwrap_or(&value);
        let payload = match envelope.get("payload") {
            Some(payload) => signed::decoded(payload.as_str()?)?,
            None => bytes.to_vec(),
        };
        (with_key(&payload, &["predicateType"]) && payload.len() <= 8 << 10).then_some(payload)
    };
    seeds.add_files("cases/data", shape);
    seeds.add_corpus(
        &["bundles", "slsa-verifier", "grype-attest", "cosign-3.1.3-generated"],
        shape,
    );
}

/// A statement names exactly the digests that stand in it, and its type shows itself.
fn statement(data: &[u8]) {
    let statement = match Statement::parse(data) {
        Ok(statement) => statement,
        Err(error) => return spoken::refusal(&error),
    };
    let kind = &statement.predicate_type;
    assert!((1..=MAX_PREDICATE_TYPE_BYTES).contains(&kind.len()) && kind.chars().all(prints));
    assert!((1..=MAX_SUBJECTS).contains(&statement.subjects.len()));
    let value: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(value["predicateType"], kind.as_str());
    let predicate: Value = serde_json::from_str(statement.predicate.get()).unwrap();
    assert_eq!(value.get("predicate").unwrap_or(&Value::Null), &predicate);
    let subjects = value["subject"].as_array().unwrap();
    let mut digests = vec![
        Digest::sha256(data),
        *DESK.image.digest(),
        Digest::of(Algorithm::Sha512, data),
    ];
    for (algorithm, hex) in statement.subjects.iter().flat_map(|subject| &subject.digest) {
        digests.extend(Digest::parse(&format!("{algorithm}:{hex}")));
    }
    for digest in digests {
        let named = subjects.iter().any(|subject| {
            let hex = subject["digest"][digest.algorithm().name()].as_str();
            hex.is_some_and(|hex| hex.to_ascii_lowercase() == digest.hex())
        });
        assert_eq!(statement.names(&digest), named);
    }
}

fn statements_of_types(seeds: &mut Seeds) {
    statements(seeds);
    let time = "2026-01-02T03:04:05Z";
    for (predicate_type, predicate) in [
        (
            "https://slsa.dev/provenance/v1",
            json!({
                "buildDefinition": {
                    "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                    "externalParameters": {"workflow": {"ref": "refs/heads/x", "repository": "https://h/a/b", "path": "w"}},
                    "resolvedDependencies": [{"uri": "git+https://h/a/b@refs/heads/x", "digest": {"gitCommit": "00"}}],
                },
                "runDetails": {"builder": {"id": "b"}, "metadata": {"startedOn": time}},
            }),
        ),
        (
            "https://slsa.dev/verification_summary/v1",
            json!({
                "verifier": {"id": "v"}, "timeVerified": time, "resourceUri": "r", "policy": {"uri": "p"},
                "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"], "dependencyLevels": {"x": 1},
            }),
        ),
        (
            "https://in-toto.io/attestation/vulns/v0.2",
            json!({
                "scanner": {"uri": "s", "db": {"lastUpdate": time}, "result": [{"id": "CVE-1", "severity": [{"method": "m", "score": "1"}]}]},
                "metadata": {"scanFinishedOn": time},
            }),
        ),
        (
            "https://openvex.dev/ns/v0.2.0",
            json!({
                "@id": "i", "author": "a", "timestamp": time,
                "statements": [{"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "p"}], "status": "affected"}],
            }),
        ),
        (
            "https://cyclonedx.org/bom",
            json!({
                "bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": time},
                "components": [{"name": "a", "purl": "pkg:x/a", "licenses": [{"expression": "MIT"}], "components": [{"name": "b"}]}],
            }),
        ),
        (
            "https://spdx.dev/Document",
            json!({
                "spdxVersion": "SPDX-2.3", "creationInfo": {"created": time},
                "packages": [{"name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:x/a"}]}],
            }),
        ),
        (
            "https://in-toto.io/attestation/test-result/v0.1",
            json!({"result": "WARNED", "configuration": [{"name": "c"}], "warnedTests": ["w"]}),
        ),
        (
            "https://in-toto.io/attestation/svr/v0.2",
            json!({"verifier": {"id": "v", "policies": []}, "timeCreated": time, "properties": ["A"]}),
        ),
    ] {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        seeds.add(statement.to_string());
    }
}

/// What is read of a predicate stands in it, and a summary that failed has no level.
fn predicate_of(data: &[u8]) {
    let Ok(statement) = Statement::parse(data) else { return };
    let predicate = match statement.typed() {
        Ok(predicate) => predicate,
        Err(error) => return spoken::refusal(&error),
    };
    let written: Value = serde_json::from_str(statement.predicate.get()).unwrap();
    match predicate {
        Predicate::Provenance(provenance) => {
            let builder = [&written["builder"], &written["runDetails"]["builder"]];
            assert!(builder.iter().any(|builder| builder["id"] == provenance.builder));
            if let Some(source) = provenance.source {
                assert!(!source.repository.starts_with("git+git+") || statement.predicate.get().contains("git+git+"));
            }
        }
        Predicate::Summary(summary) => {
            let levels = summary.verified_levels.len();
            assert_eq!(written["verifiedLevels"].as_array().map_or(0, Vec::len), levels);
            if written["verificationResult"] != "PASSED" {
                assert_eq!(summary.level("SLSA_BUILD"), None);
            }
        }
        Predicate::Vulnerabilities(scan) => {
            let result = written["scanner"].get("result").filter(|result| !result.is_null());
            assert_eq!(scan.findings.is_some() || scan.report.is_some(), result.is_some());
        }
        Predicate::Vex(vex) => assert_eq!(written["statements"].as_array().unwrap().len(), vex.statements.len()),
        Predicate::Sbom(sbom) => {
            let list = ["packages", "components"]
                .iter()
                .find_map(|name| written[name].as_array());
            assert!(sbom.packages.len() >= list.map_or(0, Vec::len));
        }
        _ => {}
    }
}

fn keys_of(bytes: &[u8]) -> Option<&str> {
    let text = text(bytes)?;
    let start = text.find("-----BEGIN")?;
    Some(&text[start..(start + 2048).min(text.len())]).filter(|_| text.is_char_boundary((start + 2048).min(text.len())))
}

fn public_keys(seeds: &mut Seeds) {
    seeds.add_files("cases/data", |path, bytes| {
        named(path, &["policy.yaml"]).then(|| keys_of(bytes).map(|key| key.as_bytes().to_vec()))?
    });
    let folders = [
        "trusted-roots/pem",
        "policies/policy-controller-examples/keys",
        "connaisseur",
        "bundles",
    ];
    seeds.add_corpus(&folders, |path, bytes| {
        named(path, &[".pem", ".pub", ".key"]).then(|| bytes.to_vec())
    });
}

/// A key has one form, within the sizes that are trusted; written it is the same key; and it verifies nothing by chance.
fn public_key(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match PublicKey::from_pem(text) {
        Ok(key) => promises_of_key(&key),
        Err(error) => spoken::refusal(&error),
    }
}

fn public_keys_der(seeds: &mut Seeds) {
    seeds.add_files("cases/data", |path, bytes| {
        let key = named(path, &["policy.yaml"]).then(|| PublicKey::from_pem(text(bytes)?).ok())?;
        key.map(|key| key.spki_der().to_vec())
    });
    seeds.add(DESK.ours.spki_der());
}

fn public_key_der(data: &[u8]) {
    match PublicKey::from_spki_der(data) {
        Ok(key) => {
            assert_eq!(key.spki_der(), data);
            promises_of_key(&key);
        }
        Err(error) => spoken::refusal(&error),
    }
}

fn promises_of_key(key: &PublicKey) {
    assert_eq!(PublicKey::from_pem(&key.to_pem()).as_ref(), Ok(key));
    assert_eq!(PublicKey::from_spki_der(key.spki_der()).as_ref(), Ok(key));
    assert_eq!(key.fingerprint(), Digest::sha256(key.spki_der()));
    assert_eq!(signed::decoded(&key.hint()).as_deref(), Some(key.fingerprint().raw()));
    if let KeyKind::Rsa { bits } = key.kind() {
        assert!((MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits));
    }
    for signature in [&b""[..], &[0; 64], &[0x30, 6, 2, 1, 1, 2, 1, 1], &[1; 256]] {
        for rule in [HashRule::Natural, HashRule::Exactly(Hash::Sha256)] {
            let error = key.verify(rule, b"message", signature).expect_err("nobody signed this");
            spoken::refusal(&error);
        }
    }
}

fn short_names(seeds: &mut Seeds) {
    for (short, uri) in predicate::SHORT_NAMES {
        seeds.add(short);
        seeds.add(uri);
    }
    for hash in Hash::ALL {
        seeds.add(hash.to_string());
        seeds.add(format!(" {hash}\t").to_uppercase());
    }
}

/// Short words for hashes and predicate types: what is printed means the same again.
fn words(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match text.parse::<Hash>() {
        Ok(hash) => {
            assert_eq!(text.trim().to_ascii_lowercase(), hash.to_string());
            assert_eq!(hash.to_string().parse(), Ok(hash));
        }
        Err(error) => spoken::refusal(&error),
    }
    let uri = predicate::uri_of(text);
    assert_eq!(predicate::uri_of(uri), uri);
}
