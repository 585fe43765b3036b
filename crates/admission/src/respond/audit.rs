//! What the API server's audit log keeps of the answer. It puts the webhook's name before each key.

use std::collections::{BTreeMap, BTreeSet};

use countersign_policy::{Enforcement, Reason};

use super::text::printable;
use super::{Answer, Finding};

/// The longest value.
const MAX_VALUE: usize = 1024;

pub(super) fn annotations(answer: Answer, findings: &[Finding<'_>]) -> BTreeMap<&'static str, String> {
    let reasons = findings.iter().flat_map(|finding| {
        let codes = finding.ruling.verdict().reasons().map(|reason| reason.code().as_str());
        codes.map(|code| entry(finding, code)).collect::<Vec<_>>()
    });
    let grounds = findings.iter().flat_map(|finding| {
        let words = finding.ruling.verdict().grounds().map(|ground| {
            let stale = if ground.stale() { " (stale)" } else { "" };
            format!("{}{stale}", ground.kind().word())
        });
        words.map(|word| entry(finding, &word)).collect::<Vec<_>>()
    });
    let mut annotations = BTreeMap::from([("verdict", answer.word().to_owned())]);
    add(&mut annotations, "reasons", reasons);
    add(&mut annotations, "grounds", grounds);
    annotations
}

pub(super) fn refusal(answer: Answer, reason: &Reason) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("verdict", answer.word().to_owned()),
        ("reasons", reason.code().to_string()),
    ])
}

fn entry(finding: &Finding<'_>, word: &str) -> String {
    match (finding.ruling.policy(), finding.ruling.enforcement()) {
        (Some(policy), Enforcement::Enforce) => format!("{policy}: {word}"),
        (Some(policy), Enforcement::Warn) => format!("{policy} (warn): {word}"),
        (None, _) => word.to_owned(),
    }
}

fn add(annotations: &mut BTreeMap<&'static str, String>, key: &'static str, entries: impl Iterator<Item = String>) {
    let distinct: BTreeSet<String> = entries.collect();
    if !distinct.is_empty() {
        let list: Vec<String> = distinct.into_iter().collect();
        annotations.insert(key, printable(&list.join(", "), MAX_VALUE));
    }
}
