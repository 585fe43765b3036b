//! The chain of trust behind a proof: certificate, log entries, times.

use std::borrow::Cow;

use countersign_evidence::certificate::LoggedCertificate;
use countersign_evidence::{Logged, ProvedTime, TimeSource};
use countersign_policy::ground::Certified;
use jiff::Timestamp;
use serde::Serialize;

use super::{Shown, cut_text};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CertificateWritten<'a> {
    authority: Cow<'a, str>,
    claims: std::collections::BTreeMap<&'static str, Cow<'a, str>>,
    fingerprint: Shown<&'a countersign_image::Digest>,
    issuer: Option<Cow<'a, str>>,
    not_after: Shown<Timestamp>,
    not_before: Shown<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sct: Option<SctWritten<'a>>,
    serial: &'a str,
    subjects: Vec<SubjectWritten<'a>>,
}

#[derive(Serialize)]
struct SubjectWritten<'a> {
    kind: &'static str,
    name: Cow<'a, str>,
}

#[derive(Serialize)]
struct SctWritten<'a> {
    log: Cow<'a, str>,
    time: Shown<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryWritten<'a> {
    inclusion_proved: bool,
    index: u64,
    log: Cow<'a, str>,
    log_id: Shown<&'a countersign_evidence::LogId>,
    promised: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    witnesses: Vec<Cow<'a, str>>,
}

#[derive(Serialize)]
pub(super) struct TimeWritten<'a> {
    by: Cow<'a, str>,
    source: &'static str,
    time: Shown<Timestamp>,
}

/// A name that somebody else chose.
fn name(text: &str) -> Cow<'_, str> {
    cut_text(text.to_owned()).into()
}

impl<'a> CertificateWritten<'a> {
    pub(super) fn of(certified: &'a Certified) -> Self {
        let identity = certified.identity();
        let subjects = identity.subjects.iter().map(|subject| SubjectWritten {
            kind: subject.kind(),
            name: name(subject.as_str()),
        });
        Self {
            authority: name(certified.authority()),
            claims: identity
                .claims
                .iter()
                .map(|(claim, value)| (claim.name(), name(value)))
                .collect(),
            fingerprint: Shown(certified.fingerprint()),
            issuer: identity.issuer.as_deref().map(name),
            not_after: Shown(certified.not_after()),
            not_before: Shown(certified.not_before()),
            sct: certified.logged().map(SctWritten::of),
            serial: certified.serial(),
            subjects: subjects.collect(),
        }
    }
}

impl<'a> SctWritten<'a> {
    fn of(logged: &'a LoggedCertificate) -> Self {
        Self {
            log: name(&logged.base_url),
            time: Shown(logged.time),
        }
    }
}

impl<'a> EntryWritten<'a> {
    pub(super) fn of(logged: &'a Logged) -> Self {
        Self {
            inclusion_proved: logged.included(),
            index: logged.index(),
            log: name(logged.log_name()),
            log_id: Shown(logged.log_id()),
            promised: logged.promised(),
            witnesses: logged.witnesses().iter().map(|witness| name(witness)).collect(),
        }
    }
}

impl<'a> TimeWritten<'a> {
    pub(super) fn of(proved: &'a ProvedTime) -> Self {
        let (source, by) = match &proved.by {
            TimeSource::Log(by) => ("log", by),
            TimeSource::Authority(by) => ("timestamp-authority", by),
        };
        Self {
            by: name(by),
            source,
            time: Shown(proved.time),
        }
    }
}
