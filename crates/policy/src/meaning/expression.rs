//! `policy`: CUE and Rego, which this version reads and does not evaluate.

use crate::document::faults::Faults;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::{Attestation, ConfigMapRef, Expression, Remote};

/// Checks a reference to an expression and says what it is.
pub(super) fn language_of(written: &Field<Expression>, path: &str, faults: &mut Faults) -> &'static str {
    let at = written.at;
    let expression = &written.value;
    let language = match expression.language.as_ref().map(|language| language.value.as_str()) {
        Some("cue") => "a CUE policy",
        Some("rego") => "a Rego policy",
        other => {
            let found = expression.language.as_ref();
            let at = found.map_or(at, |language| language.at);
            let path = format!("{path}.type");
            faults.invalid(
                at,
                &path,
                other.unwrap_or_default(),
                "only [cue,rego] are supported at the moment",
            );
            "a policy"
        }
    };
    let places = ["configMapRef", "data", "remote"].map(|name| format!("{path}.{name}"));
    let given = [
        expression.config_map.is_some(),
        expression.data.is_some(),
        expression.remote.is_some(),
    ];
    match given.iter().filter(|given| **given).count() {
        0 => faults.missing(at, &places),
        1 => {}
        _ => faults.both(at, &places),
    }
    if let Some(remote) = &expression.remote {
        check_remote(&remote.value, remote.at, &format!("{path}.remote"), faults);
    }
    if let Some(reference) = &expression.config_map {
        check_reference(&reference.value, reference.at, &format!("{path}.configMapRef"), faults);
    }
    language
}

/// The same for one attestation, where fewer fields are allowed.
pub(super) fn language_of_attestation(
    attestation: &Attestation,
    path: &str,
    faults: &mut Faults,
) -> Option<(Mark, &'static str)> {
    let policy = attestation.policy.as_ref()?;
    let path = format!("{path}.policy");
    for (name, at) in &policy.value.switches {
        faults.not_allowed(*at, &format!("{path}.{name}"), "it is for `spec.policy` only");
    }
    Some((policy.at, language_of(policy, &path, faults)))
}

fn check_remote(remote: &Remote, at: Mark, path: &str, faults: &mut Faults) {
    match &remote.url {
        None => faults.missing(at, &[format!("{path}.url")]),
        Some(url) => {
            let host = url.value.strip_prefix("https://").unwrap_or_default();
            if host.split('/').next().is_none_or(str::is_empty) {
                faults.invalid(
                    url.at,
                    &format!("{path}.url"),
                    &url.value,
                    "it must begin with `https://` and name a host",
                );
            }
        }
    }
    if remote.sha256.is_none() {
        faults.missing(at, &[format!("{path}.sha256sum")]);
    }
}

fn check_reference(reference: &ConfigMapRef, at: Mark, path: &str, faults: &mut Faults) {
    for (name, field) in [("name", &reference.name), ("key", &reference.key)] {
        if field.is_none() {
            faults.missing(at, &[format!("{path}.{name}")]);
        }
    }
}
