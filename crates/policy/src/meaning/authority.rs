//! One authority: exactly one of a key, keyless identities and a fixed answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_evidence::{Layout, Layouts, predicate};
use countersign_image::Repository;

use super::read::{LOG_PROOF, Reading};
use super::{AttestationDemand, Authority, Demand, SignedDemand, Unsupported, beside, expression, key, keyless};
use crate::document::fields::Field;
use crate::document::written;
use crate::lint::LintCode;

/// The longest tag prefix: `sha256-<64 hex>.sig` has 75 characters, and a tag at most 128.
const MAX_TAG_PREFIX: usize = 128 - 75;
const MAX_NAME: usize = 253;

/// Where to look, and what is accepted there.
struct Place {
    repository: Option<Repository>,
    tag_prefix: Option<String>,
    pull_secrets: Vec<String>,
    layouts: Layouts,
}

pub(super) fn read(
    written: &written::Authority,
    index: usize,
    path: &str,
    reading: &mut Reading<'_>,
) -> Option<Authority> {
    let name = name_of(written, index, path, reading);
    let given = [
        written.key.is_some(),
        written.keyless.is_some(),
        written.fixed.is_some(),
    ];
    let kinds = ["key", "keyless", "static"].map(|kind| format!("{path}.{kind}"));
    match given.iter().filter(|given| **given).count() {
        0 => reading.faults.neither(written.at, &kinds),
        1 => {}
        _ => reading.faults.both(written.at, &kinds),
    }
    if given.iter().filter(|given| **given).count() != 1 {
        return None;
    }
    let demand = match &written.fixed {
        Some(fixed) => static_of(written, fixed, path, reading)?,
        None => evidence_of(written, path, reading)?,
    };
    Some(Authority { name, demand })
}

fn name_of(written: &written::Authority, index: usize, path: &str, reading: &mut Reading<'_>) -> Arc<str> {
    let Some(name) = &written.name else {
        return format!("authority-{index}").into();
    };
    if name.value.chars().any(char::is_control) || name.value.len() > MAX_NAME {
        let why = "names have at most 253 bytes and no control characters";
        reading
            .faults
            .invalid(name.at, &format!("{path}.name"), &name.value, why);
    }
    name.value.as_str().into()
}

fn static_of(
    written: &written::Authority,
    fixed: &Field<written::Fixed>,
    path: &str,
    reading: &mut Reading<'_>,
) -> Option<Demand> {
    let beside = [
        ("attestations", written.attestations.is_some()),
        ("ctlog", written.ctlog.is_some()),
        ("rfc3161timestamp", written.timestamp.is_some()),
        ("source", written.sources.is_some()),
    ];
    let mut both: Vec<String> = beside
        .iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| format!("{path}.{name}"))
        .collect();
    if !both.is_empty() {
        both.push(format!("{path}.static"));
        reading.faults.both(fixed.at, &both);
    }
    let path = format!("{path}.static");
    let message = fixed.value.message.as_ref();
    let Some(action) = &fixed.value.action else {
        reading.faults.missing(fixed.at, &[format!("{path}.action")]);
        return None;
    };
    match action.value.as_str() {
        "pass" => {
            if reading.log_proof.is_some() {
                let why = format!("`{LOG_PROOF}` demands an entry, and `pass` looks at nothing");
                reading.faults.not_allowed(action.at, &format!("{path}.action"), &why);
            }
            if let Some(message) = message {
                let advice = "take it out, or write it as a comment";
                let said = "the message is never shown: images are let in without one".to_owned();
                reading.lint(
                    LintCode::FieldAsksNothing,
                    message.at,
                    &format!("{path}.message"),
                    said,
                    advice,
                );
            }
            Some(Demand::StaticPass)
        }
        "fail" => Some(Demand::StaticFail {
            message: message.map(|message| message.value.clone()),
        }),
        other => {
            let why = "unsupported action: `pass` and `fail` are known";
            reading.faults.invalid(action.at, &format!("{path}.action"), other, why);
            None
        }
    }
}

/// An authority that asks for something signed. Whatever it asks for that this version does not do makes it
/// unsupported as a whole.
fn evidence_of(written: &written::Authority, path: &str, reading: &mut Reading<'_>) -> Option<Demand> {
    let mut unsupported = Vec::new();
    let signer = match (&written.key, &written.keyless) {
        (Some(key), _) => key::read(key, &format!("{path}.key"), &mut unsupported, reading),
        (None, Some(keyless)) => keyless::read(keyless, &format!("{path}.keyless"), &mut unsupported, reading),
        (None, None) => None,
    };
    let place = place_of(written, path, &mut unsupported, reading);
    let belief = signer.map(|signer| beside::read(signer, written, path, &mut unsupported, reading));
    let attestations = attestations_of(written, path, &mut unsupported, reading);
    if !unsupported.is_empty() {
        return Some(Demand::Unsupported(unsupported));
    }
    let belief = belief?;
    let place = place?;
    Some(Demand::Signed(Box::new(SignedDemand {
        belief,
        attestations,
        repository: place.repository,
        tag_prefix: place.tag_prefix,
        pull_secrets: place.pull_secrets,
        layouts: place.layouts,
    })))
}

fn place_of(
    written: &written::Authority,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Option<Place> {
    let (repository, tag_prefix, pull_secrets) = source_of(written, path, reading)?;
    let mut layouts = match written.format.as_ref().map(|format| format.value.as_str()) {
        None => Layouts::ALL,
        Some("bundle") => Layouts::BUNDLE,
        Some("legacy") => Layouts::LEGACY,
        Some(other) => {
            let at = written.format.as_ref().map_or(written.at, |format| format.at);
            let what = format!("the signature format `{}`", crate::document::faults::quoted(other));
            let instead = "write `bundle` or `legacy`, or leave it out to accept both";
            unsupported.push(reading.unsupported(at, &format!("{path}.signatureFormat"), &what, instead));
            Layouts::NONE
        }
    };
    // Only tags have a prefix: what is found otherwise is not where the policy says it has to be.
    if tag_prefix.is_some() {
        if layouts == Layouts::BUNDLE {
            let at = written.sources.as_ref().map_or(written.at, |sources| sources.at);
            let instead = "take out `tagPrefix` or `signatureFormat`: bundles are not found by tags";
            let path = format!("{path}.source[0].tagPrefix");
            unsupported.push(reading.unsupported(at, &path, "a tag prefix for bundles", instead));
        }
        layouts = Layouts::of(&[Layout::Tag]);
    }
    Some(Place {
        repository,
        tag_prefix,
        pull_secrets,
        layouts,
    })
}

type Source = (Option<Repository>, Option<String>, Vec<String>);

fn source_of(written: &written::Authority, path: &str, reading: &mut Reading<'_>) -> Option<Source> {
    let Some(sources) = &written.sources else {
        return Some((None, None, Vec::new()));
    };
    let path = format!("{path}.source");
    let source = match sources.value.as_slice() {
        [] => return Some((None, None, Vec::new())),
        [source] => source,
        _ => {
            reading
                .faults
                .invalid(sources.at, &path, "source", "only single source is supported");
            return None;
        }
    };
    let path = format!("{path}[0]");
    let before = reading.faults.len();
    let repository = source.oci.as_ref().and_then(|oci| match repository_of(&oci.value) {
        Ok(repository) => Some(repository),
        Err(why) => {
            reading.faults.invalid(oci.at, &format!("{path}.oci"), &oci.value, &why);
            None
        }
    });
    let tag_prefix = source.tag_prefix.as_ref().map(|prefix| {
        if !is_tag_prefix(&prefix.value) {
            let why = format!("a prefix has at most {MAX_TAG_PREFIX} letters, digits, `_`, `.` and `-`, and begins with none of the last two");
            reading
                .faults
                .invalid(prefix.at, &format!("{path}.tagPrefix"), &prefix.value, &why);
        }
        prefix.value.clone()
    });
    let mut pull_secrets = Vec::new();
    for (index, secret) in source.pull_secrets.iter().enumerate() {
        match &secret.name {
            Some(name) => pull_secrets.push(name.value.clone()),
            None => {
                let path = format!("{path}.signaturePullSecrets[{index}].name");
                reading.faults.missing(secret.at, &[path]);
            }
        }
    }
    (reading.faults.len() == before).then_some((repository, tag_prefix, pull_secrets))
}

fn repository_of(text: &str) -> Result<Repository, String> {
    if !text.contains('/') && text.contains(['.', ':']) {
        return Err(
            "it names a registry and no repository in it: add one, `registry.example.com/signatures`".to_owned(),
        );
    }
    Repository::parse(text).map_err(|error| error.to_string())
}

fn is_tag_prefix(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.len() <= MAX_TAG_PREFIX && text.bytes().all(allowed) && !text.starts_with(['.', '-'])
}

fn attestations_of(
    written: &written::Authority,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Vec<AttestationDemand> {
    let mut demands = Vec::new();
    let mut names = BTreeSet::new();
    let list = written.attestations.iter().flat_map(|list| &list.value);
    for (index, attestation) in list.enumerate() {
        let path = format!("{path}.attestations[{index}]");
        if let Some((at, what)) = expression::language_of_attestation(attestation, &path, reading.faults) {
            let instead =
                "leave `policy` out to ask for the attestation alone, or wait for the version that evaluates it";
            unsupported.push(reading.unsupported(at, &format!("{path}.policy"), what, instead));
        }
        let Some(demand) = attestation_of(attestation, &path, reading) else {
            continue;
        };
        if !names.insert(demand.name.clone()) {
            let message = format!("a second attestation is called `{}`", demand.name);
            let advice = "give every attestation a name of its own";
            reading.lint(
                LintCode::AttestationDuplicateName,
                attestation.at,
                &path,
                message,
                advice,
            );
        }
        demands.push(demand);
    }
    demands
}

fn attestation_of(written: &written::Attestation, path: &str, reading: &mut Reading<'_>) -> Option<AttestationDemand> {
    for (name, field) in [("name", &written.name), ("predicateType", &written.predicate_type)] {
        if field.is_none() {
            reading.faults.missing(written.at, &[format!("{path}.{name}")]);
        }
    }
    let (name, short) = (written.name.as_ref()?, written.predicate_type.as_ref()?);
    let uri = predicate::uri_of(&short.value);
    let path = format!("{path}.predicateType");
    if uri != short.value {
        let message = format!(
            "`{}` is short for `{uri}` (deprecated value, please use RFC 3986 conformant values)",
            short.value
        );
        let advice = format!("write `{uri}`");
        reading.lint(LintCode::AttestationShortType, short.at, &path, message, advice);
    } else if !uri.contains(':') {
        let message = format!(
            "`{}` is neither a URI nor a short name that is known (deprecated value, please use RFC 3986 conformant values)",
            short.value
        );
        let advice = "write the predicate type's URI, as the attestation has it";
        reading.lint(LintCode::AttestationUnknownType, short.at, &path, message, advice);
    }
    Some(AttestationDemand {
        name: name.value.clone(),
        written: short.value.clone(),
        predicate_type: uri.to_owned(),
    })
}
