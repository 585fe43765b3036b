//! What was signed, changed: a part from another record, one bit, one second, one space. No mutant is ever accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_evidence::{Content, Layout, Layouts, Message, SignedArtifact, Trusted, attestations, signatures};
use countersign_image::{Blob, annotation};
use serde_json::{Value, json};

use crate::corpus;
use crate::keyless::{Foreign, foreign, saved};
use crate::records::{self, Record};
use crate::suite::{self, public_good};

/// A text in base64 with one bit changed, somewhere in the `part`th of `of` parts.
fn bit(text: &str, part: usize, of: usize) -> String {
    let mut bytes = STANDARD.decode(text).unwrap();
    let at = bytes.len() * part / of + bytes.len() / (2 * of);
    bytes[at] ^= 1 << (part % 8);
    STANDARD.encode(bytes)
}

/// PEM with one bit of what it holds changed.
fn pem_bit(pem: &str, part: usize, of: usize) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        bit(&body, part, of)
    )
}

/// A text in base64 with another around what it holds.
fn rewritten(text: &str, change: impl FnOnce(&str) -> String) -> String {
    let inner = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    STANDARD.encode(change(&inner))
}

/// Every mutant of a record, with its kind.
fn mutants(record: &Record, other: &Record, number: usize) -> Vec<(String, Record)> {
    let mut mutants = Vec::new();
    let mut add = |kind: &str, change: &dyn Fn(&mut Record)| {
        let mut mutant = record.clone();
        change(&mut mutant);
        mutants.push((kind.to_owned(), mutant));
    };
    add("another's payload", &|it| it.payload.clone_from(&other.payload));
    add("another's signature", &|it| it.signature.clone_from(&other.signature));
    add("another's certificate", &|it| {
        it.certificate.clone_from(&other.certificate);
    });
    add("another's promise", &|it| it.promise.clone_from(&other.promise));
    add("another's body", &|it| it.entry.body.clone_from(&other.entry.body));
    add("another's time", &|it| {
        it.entry.integrated_time = other.entry.integrated_time;
    });
    add("another's index", &|it| it.entry.log_index = other.entry.log_index);
    add("another's entry", &|it| {
        it.entry.clone_from(&other.entry);
        it.promise.clone_from(&other.promise);
    });
    add("another's signature and certificate", &|it| {
        it.signature.clone_from(&other.signature);
        it.certificate.clone_from(&other.certificate);
    });
    add("another's all but the payload", &|it| {
        let payload = it.payload.clone();
        it.clone_from(other);
        it.payload = payload;
    });
    for seconds in [-600, -1, 1, 600] {
        add("another second", &|it| it.entry.integrated_time += seconds);
    }
    for step in [-1, 1] {
        add("another index", &|it| it.entry.log_index += step);
    }
    add("another log", &|it| it.entry.log_id.replace_range(..2, "00"));
    add("no promise", &|it| it.promise.clear());
    add("no signature", &|it| it.signature.clear());
    add("no certificate", &|it| it.certificate.clear());
    for space in [" ", "\n"] {
        add("a space after the payload", &|it| it.payload.push_str(space));
        add("a space before the payload", &|it| it.payload.insert_str(0, space));
        add("a space in the body", &|it| {
            it.entry.body = rewritten(&it.entry.body, |body| body.to_owned() + space);
        });
    }
    add("a space in the payload", &|it| {
        it.payload = it.payload.replacen(':', ": ", 1);
    });
    add("another digest", &|it| {
        let other = other.image().digest().to_string();
        it.payload = it.payload.replace(&it.image().digest().to_string(), &other);
    });
    for part in [number % 4, (number + 2) % 4] {
        add("a bit of the signature", &|it| {
            it.signature = bit(&it.signature, part, 4);
        });
        add("a bit of the promise", &|it| it.promise = bit(&it.promise, part, 4));
        add("a bit of the body", &|it| it.entry.body = bit(&it.entry.body, part, 4));
    }
    for part in (0..8).skip(number % 2).step_by(2) {
        add("a bit of the certificate", &|it| {
            it.certificate = pem_bit(&it.certificate, part, 8);
        });
        add("a bit of the certificate everywhere", &|it| {
            it.certificate = pem_bit(&it.certificate, part, 8);
            let certificate = STANDARD.encode(&it.certificate);
            it.entry.body = rewritten(&it.entry.body, |body| {
                let mut body: Value = serde_json::from_str(body).unwrap();
                body["spec"]["signature"]["publicKey"]["content"] = json!(certificate);
                body.to_string()
            });
        });
    }
    mutants
}

#[test]
fn no_mutant_of_a_real_image_signature_is_accepted() {
    let Some(root) = corpus::root() else { return };
    let trusted = Trusted::keyless(public_good(&root).unwrap());
    let mut records = records::read(&root, "signatures-monorepo-identity.jsonl");
    records.extend(records::read(&root, "signatures-per-repo-identity.jsonl"));
    let (mut tried, mut accepted) = (0, Vec::new());
    for (number, record) in records.iter().enumerate() {
        let other = &records[(number + 1) % records.len()];
        for (kind, mutant) in mutants(record, other, number) {
            if mutant == *record {
                continue;
            }
            tried += 1;
            let image = record.image();
            let evidence = records::evidence(image, Layout::Tag, mutant.content());
            if !signatures(&evidence, &trusted, &Layouts::ALL).0.is_empty() {
                accepted.push(format!("{kind}: {}", record.payload));
            }
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert!(tried > 10_000, "{tried}");
}

/// Every text and number in a document that is changed, with the document that it becomes.
fn leaves(document: &Value, others: &[Value], mut each: impl FnMut(&str, Value)) {
    let mut open = vec![String::new()];
    while let Some(pointer) = open.pop() {
        match document.pointer(&pointer).unwrap() {
            Value::Object(members) => {
                let escaped = members.keys().map(|key| key.replace('~', "~0").replace('/', "~1"));
                open.extend(escaped.map(|key| format!("{pointer}/{key}")));
            }
            Value::Array(members) => open.extend((0..members.len()).map(|index| format!("{pointer}/{index}"))),
            leaf => {
                let foreign = others.iter().filter_map(|other| other.pointer(&pointer)).cloned();
                for changed in changes(leaf).into_iter().chain(foreign) {
                    if changed != *leaf {
                        let mut mutant = document.clone();
                        *mutant.pointer_mut(&pointer).unwrap() = changed;
                        each(&pointer, mutant);
                    }
                }
            }
        }
    }
}

/// A text or number, changed a little.
fn changes(leaf: &Value) -> Vec<Value> {
    let Value::String(text) = leaf else {
        let number = leaf.as_i64().unwrap_or_default();
        return vec![json!(number + 1), json!(number - 1), Value::Null];
    };
    let mut changed = vec![json!(""), Value::Null];
    if let Ok(number) = text.parse::<i64>() {
        changed.extend([json!((number + 1).to_string()), json!((number - 1).to_string())]);
    } else if STANDARD.decode(text).is_ok_and(|bytes| bytes.len() > 8) {
        changed.extend((0..4).map(|part| json!(bit(text, part, 4))));
        changed.push(json!(STANDARD.encode(&STANDARD.decode(text).unwrap()[1..])));
        let mut longer = STANDARD.decode(text).unwrap();
        longer.push(b' ');
        changed.push(json!(STANDARD.encode(longer)));
    } else {
        changed.extend([
            json!(format!("{text} ")),
            json!(format!(" {text}")),
            json!(text.to_ascii_uppercase()),
        ]);
    }
    changed
}

/// What nobody signs: hints, repetitions, what is there for another version, and what of a timestamp is not its own
/// signature. A mutant in it may be accepted if it proves nothing that the bundle itself does not.
fn unsigned(pointer: &str, bundle: &Value) -> bool {
    const UNSIGNED: [&str; 8] = [
        "/mediaType",
        "/hint",
        "/keyid",
        "/messageDigest/algorithm",
        "/messageDigest/digest",
        "/signedEntryTimestamp",
        "/signedTimestamp",
        "/timestampVerificationData",
    ];
    let version_2 = bundle
        .pointer("/verificationMaterial/tlogEntries/0/kindVersion/version")
        .is_some_and(|version| version == "0.0.2");
    // Rekor v2 has no time and promises nothing.
    let of_version_1 = ["/integratedTime", "/inclusionPromise"];
    UNSIGNED.iter().any(|end| pointer.ends_with(end))
        || (version_2 && of_version_1.iter().any(|end| pointer.ends_with(end)))
        // A zero, which is also what is read where nothing is written.
        || bundle.pointer(pointer).is_some_and(|value| value == "0")
}

/// Whether everything that the mutant proves is proved by the bundle itself.
fn proves_no_more(mutant: &SignedArtifact, whole: &SignedArtifact) -> bool {
    let certificate = |proof: &SignedArtifact| proof.signer().vouched().map(|vouched| vouched.leaf().der().to_vec());
    let logs =
        |proof: &SignedArtifact| -> Vec<_> { proof.chain().logs().iter().map(|log| log.log_id().clone()).collect() };
    let (mutant_logs, logs) = (logs(mutant), logs(whole));
    mutant.digest() == whole.digest()
        && mutant.signer().key() == whole.signer().key()
        && certificate(mutant) == certificate(whole)
        && mutant
            .chain()
            .times()
            .iter()
            .all(|time| whole.chain().times().contains(time))
        && mutant_logs.iter().all(|log| logs.contains(log))
}

/// Whether it is a checkpoint that says the same under other lines: who else has signed it is not signed.
fn other_lines_alone(pointer: &str, bundle: &Value, mutant: &Value) -> bool {
    let head = |document: &Value| {
        let checkpoint = document.pointer(pointer)?.as_str()?;
        checkpoint.rsplit_once("\n\n").map(|(head, _)| head.to_owned())
    };
    pointer.ends_with("/checkpoint/envelope") && head(bundle).is_some() && head(bundle) == head(mutant)
}

#[test]
fn no_mutant_of_a_bundle_proves_anything_else() {
    let Some(root) = corpus::root() else { return };
    let cases: Vec<_> = suite::cases(&root).into_iter().filter(suite::Case::accepts).collect();
    let foreign: Vec<_> = foreign(&root).into_iter().filter(Foreign::accepts).collect();
    let bytes = cases.iter().map(|case| &case.bundle);
    let bytes = bytes.chain(foreign.iter().map(|foreign| &foreign.bundle));
    let bundles: Vec<Value> = bytes.map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
    let (mut number, mut tried, mut accepted) = (0, 0, Vec::new());
    let mut judge = |name: &str, judge: &dyn Fn(&[u8]) -> Option<SignedArtifact>| {
        let bundle = &bundles[number];
        let whole = judge(bundle.to_string().as_bytes()).unwrap();
        let others: Vec<_> = (1..3)
            .map(|next| bundles[(number + next) % bundles.len()].clone())
            .collect();
        number += 1;
        leaves(bundle, &others, |pointer, mutant| {
            tried += 1;
            let Some(proof) = judge(mutant.to_string().as_bytes()) else {
                return;
            };
            let harmless = unsigned(pointer, bundle) || other_lines_alone(pointer, bundle, &mutant);
            if !harmless || !proves_no_more(&proof, &whole) {
                let found = mutant.pointer(pointer).unwrap().to_string();
                accepted.push(format!("{name}: {pointer} = {found:.100}"));
            }
        });
    };
    for case in &cases {
        let trusted = case.trusted(&root).unwrap();
        let message = Message::Bytes(&case.artifact);
        judge(&case.name, &|mutant| case.judge(mutant, message, &trusted).ok());
    }
    for foreign in &foreign {
        judge(foreign.name, &|mutant| foreign.judge(mutant).ok());
    }
    assert!(
        accepted.is_empty(),
        "{} of {tried}:\n{}",
        accepted.len(),
        accepted.join("\n")
    );
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn no_mutant_of_a_real_attestation_is_accepted() {
    let Some(root) = corpus::root() else { return };
    let trusted = Trusted::keyless(public_good(&root).unwrap());
    let all = saved(&root);
    let parts = |evidence: &countersign_evidence::Evidence| -> Value {
        let Content::Envelope { envelope, annotations } = &evidence.items[0].content else {
            panic!("an envelope")
        };
        let envelope: Value = serde_json::from_slice(envelope.bytes()).unwrap();
        let entry: Value = serde_json::from_str(&annotations[annotation::COSIGN_BUNDLE]).unwrap();
        let pem: String = annotations[annotation::COSIGN_CERTIFICATE]
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        json!({"envelope": envelope, "entry": entry, "certificate": pem})
    };
    let whole: Vec<Value> = all.iter().map(parts).collect();
    let (mut tried, mut accepted) = (0, Vec::new());
    for (evidence, document) in all.iter().zip(&whole) {
        leaves(document, &whole, |pointer, mutant| {
            if pointer.ends_with("/keyid") {
                return;
            }
            tried += 1;
            let mut changed = evidence.clone();
            let Content::Envelope { envelope, annotations } = &mut changed.items[0].content else {
                panic!("an envelope")
            };
            // Only what was changed is written anew: an entry may know the envelope by its bytes.
            if pointer.starts_with("/envelope") {
                *envelope = Blob::new(mutant["envelope"].to_string());
            }
            annotations.insert(annotation::COSIGN_BUNDLE.to_owned(), mutant["entry"].to_string());
            let pem = mutant["certificate"].as_str().unwrap_or_default();
            let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
            annotations.insert(annotation::COSIGN_CERTIFICATE.to_owned(), pem);
            if !attestations(&changed, &trusted, &Layouts::ALL).0.is_empty() {
                accepted.push(format!("{pointer} = {:.200}", mutant.pointer(pointer).unwrap()));
            }
        });
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
    assert!(tried > 80, "{tried}");
}
