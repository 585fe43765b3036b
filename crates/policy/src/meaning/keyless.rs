//! `keyless`: identities in certificates, which this version reads and does not verify.

use regex_automata::util::syntax;

use super::Unsupported;
use super::key::{check_kms, is_in_one_place};
use super::read::Reading;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::{Identity, Keyless, Text};
use crate::lint::LintCode;

/// One of the two halves of an identity: its field and that field's pattern.
type Half<'a> = (&'a Option<Text>, &'a Option<Text>);

pub(super) fn read(written: &Field<Keyless>, path: &str, reading: &mut Reading<'_>) -> Unsupported {
    let at = written.at;
    let keyless = &written.value;
    if let Some(ca) = &keyless.ca {
        let ca_path = format!("{path}.ca-cert");
        if keyless.url.is_some() {
            reading.faults.both(ca.at, &[ca_path.clone(), format!("{path}.url")]);
        }
        if is_in_one_place(ca, &ca_path, reading)
            && let Some(kms) = &ca.value.kms
        {
            check_kms(kms, &format!("{ca_path}.kms"), reading);
        }
        let message =
            "policy-controller reads it and never uses it, so that such an authority never passes there".to_owned();
        let advice = "name your certificate authority in a TrustRoot, and that with `trustRootRef`";
        reading.lint(LintCode::IdentityCaCert, ca.at, &ca_path, message, advice);
    }
    let identities = keyless.identities.as_ref();
    let identities = identities.map(|list| list.value.as_slice()).unwrap_or_default();
    let identities_path = format!("{path}.identities");
    if identities.is_empty() && !reading.faults.touch(&identities_path) {
        reading.faults.missing(at, std::slice::from_ref(&identities_path));
    }
    for (index, identity) in identities.iter().enumerate() {
        identity_of(identity, &format!("{identities_path}[{index}]"), reading);
    }
    let instead = "use a key, or wait for the version that verifies certificates";
    reading.unsupported(at, path, "a keyless signature", instead)
}

fn identity_of(identity: &Identity, path: &str, reading: &mut Reading<'_>) {
    half(
        identity.at,
        path,
        "issuer",
        (&identity.issuer, &identity.issuer_pattern),
        reading,
    );
    half(
        identity.at,
        path,
        "subject",
        (&identity.subject, &identity.subject_pattern),
        reading,
    );
}

fn half(at: Mark, path: &str, name: &str, (exact, pattern): Half<'_>, reading: &mut Reading<'_>) {
    let paths = [format!("{path}.{name}"), format!("{path}.{name}RegExp")];
    match (exact, pattern) {
        (None, None) => reading.faults.missing(at, &paths),
        (Some(_), Some(_)) => reading.faults.both(at, &paths),
        (Some(_), None) => {}
        (None, Some(pattern)) => check_pattern(pattern, &paths[1], reading),
    }
}

fn check_pattern(pattern: &Text, path: &str, reading: &mut Reading<'_>) {
    let parsed = match syntax::parse(&pattern.value) {
        Ok(parsed) => parsed,
        Err(error) => {
            let why = format!("regex is invalid: {}", last_line(&error.to_string()));
            return reading.faults.invalid(pattern.at, path, &pattern.value, &why);
        }
    };
    let properties = parsed.properties();
    let begins = properties.look_set_prefix().contains_anchor_haystack();
    let ends = properties.look_set_suffix().contains_anchor_haystack();
    if !(begins && ends) {
        let message = "it matches anywhere in the text, and so also what merely contains what you mean".to_owned();
        let advice = format!(
            "anchor it: `^{}$`",
            pattern.value.trim_start_matches('^').trim_end_matches('$')
        );
        reading.lint(LintCode::IdentityUnanchored, pattern.at, path, message, advice);
    }
}

/// The parser draws the pattern with a caret under the mistake; the sentence comes last.
fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}
