//! `ctlog` and `rfc3161timestamp`: what has to stand beside a signature.
//!
//! What holds is what policy-controller does, not what its documents say; but a `ctlog` that says something counts beside
//! `rfc3161timestamp` too, where policy-controller lets go of it without a word:
//!
//! | authority | `ctlog` | a log entry is |
//! |---|---|---|
//! | key | absent, `{}` | not looked at |
//! | keyless without `trustRootRef` | absent | demanded |
//! | keyless with `trustRootRef` | absent | welcome, and one way to prove when the certificate was used |
//! | keyless | `{}` | welcome |
//! | any, stamped or not | with `url` or `trustRootRef` | demanded, from a log of that trust root, or of the standing one |
//! | any, with `rfc3161timestamp.trustRootRef` | absent, `{}` | not looked at: a signed timestamp is demanded instead |
//!
//! A policy with the annotation `countersign.dev/log-proof: required` demands an entry of every authority, with an inclusion
//! proof; an authority that would look at none cannot stand in it.
//!
//! No log is ever asked: an entry has to come with the signature. For bundles alone (`signatureFormat: bundle`) a keyless
//! authority always demands an entry or a timestamp.

use super::Unsupported;
use super::read::{LOG_PROOF, Reading};
use super::signer::{Belief, Beside, RootName, Signer, TrustRootRef};
use crate::document::fields::Field;
use crate::document::written::{Authority, Text, TransparencyLog};
use crate::lint::LintCode;
use countersign_evidence::LogRule;

pub(super) fn read(
    signer: Signer,
    written: &Authority,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Belief {
    let stamped = timestamp_of(written, path, reading);
    let vouching = match &signer {
        Signer::Key { .. } => None,
        // A certificate authority by itself knows no logs and no times.
        Signer::Keyless { root, .. } if matches!(root.root, RootName::Given(_)) => {
            Some(reading.standing_trust_root(written.at, path))
        }
        Signer::Keyless { root, .. } => Some(root.clone()),
    };
    let mut log = log_of(vouching.as_ref(), written, path, stamped.is_some(), reading);
    let proof = reading.log_proof.is_some();
    if proof {
        log = match (log, &vouching) {
            (Beside::Demanded(root) | Beside::Welcome(root), _) => Beside::Demanded(root),
            (Beside::Ignored, Some(root)) => Beside::Demanded(root.clone()),
            (Beside::Ignored, None) => {
                let why = format!("`{LOG_PROOF}` demands an entry, and this authority looks at none: name its log");
                reading.faults.add(
                    written.at,
                    &format!("{path}.ctlog"),
                    format!("missing field(s): {path}.ctlog; {why}"),
                );
                Beside::Ignored
            }
        };
    }
    let is_bundle = written.format.as_ref().is_some_and(|format| format.value == "bundle");
    if is_bundle && let Some(root) = &vouching {
        let of_another = |reference: &&TrustRootRef| reference.root != root.root;
        let mixed = [demanded(&log), stamped.as_ref()]
            .into_iter()
            .flatten()
            .find(of_another);
        if let Some(other) = mixed {
            let at = written.at;
            let instead = "name one TrustRoot in `keyless`, `ctlog` and `rfc3161timestamp`, as policy-controller demands of bundles";
            unsupported.push(reading.unsupported(
                at,
                &other.path.clone(),
                "a bundle by the parts of two trust roots",
                instead,
            ));
        }
    }
    let time = match (stamped, vouching) {
        (Some(reference), _) => Beside::Demanded(reference),
        (None, Some(root)) => Beside::Welcome(root),
        (None, None) => Beside::Ignored,
    };
    let rule = if proof { LogRule::PROOF } else { LogRule::EITHER };
    Belief::new(signer, log, time).with_log_rule(rule)
}

fn demanded(log: &Beside) -> Option<&TrustRootRef> {
    match log {
        Beside::Demanded(reference) => Some(reference),
        Beside::Ignored | Beside::Welcome(_) => None,
    }
}

fn timestamp_of(written: &Authority, path: &str, reading: &mut Reading<'_>) -> Option<TrustRootRef> {
    let timestamp = written.timestamp.as_ref()?;
    let path = format!("{path}.rfc3161timestamp");
    let Some(name) = &timestamp.value.trust_root else {
        let message = "it is empty, and then no timestamp is asked for".to_owned();
        asks_nothing(timestamp, &path, message, reading);
        return None;
    };
    Some(reading.trust_root(name, &format!("{path}.trustRootRef")))
}

/// `vouching` is the trust root of a keyless authority.
fn log_of(
    vouching: Option<&TrustRootRef>,
    written: &Authority,
    path: &str,
    is_stamped: bool,
    reading: &mut Reading<'_>,
) -> Beside {
    let path = format!("{path}.ctlog");
    let log = written.ctlog.as_ref();
    if let Some(log) = log.filter(|log| !says_something(log)) {
        let message = "it is empty, and then no transparency log is asked";
        asks_nothing(log, &path, message.to_owned(), reading);
    }
    match (log, vouching) {
        (Some(log), _) if says_something(log) => Beside::Demanded(match &log.value.trust_root {
            Some(name) => reading.trust_root(name, &format!("{path}.trustRootRef")),
            None => reading.standing_trust_root(log.at, &path),
        }),
        (_, None) => Beside::Ignored,
        (_, Some(_)) if is_stamped => Beside::Ignored,
        (Some(_), Some(root)) => Beside::Welcome(root.clone()),
        (None, Some(root)) => {
            let is_bundle = |format: &Text| format.value == "bundle";
            if root.root == RootName::Standing || written.format.as_ref().is_some_and(is_bundle) {
                Beside::Demanded(root.clone())
            } else {
                Beside::Welcome(root.clone())
            }
        }
    }
}

fn says_something(log: &Field<TransparencyLog>) -> bool {
    log.value.url.is_some() || log.value.trust_root.is_some()
}

fn asks_nothing<T>(field: &Field<T>, path: &str, message: String, reading: &mut Reading<'_>) {
    let advice = "leave it out, or say what to check against with `trustRootRef`";
    reading.lint(LintCode::FieldAsksNothing, field.at, path, message, advice);
}
