//! `keyless`: identities in certificates, and whose certificates are believed.

use std::sync::Arc;

use countersign_evidence::certificate::SctRule;
use countersign_evidence::trust::{AuthorityParts, TrustRoot, TrustRootParts, Window};

use super::key::{check_kms, is_in_one_place};
use super::read::Reading;
use super::signer::{RootName, Signer, TrustRootRef};
use super::{Unsupported, trust_root};
use crate::document::faults::quoted;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::{Identity, Key, Keyless, Text};
use crate::identity::{Anchoring, Expression, IdentityPattern, NamePattern};
use crate::lint::LintCode;

/// One of the two halves of an identity: its field and that field's pattern.
type Half<'a> = (&'a Option<Text>, &'a Option<Text>);

/// Reads a keyless authority; `None` where it is wrong, or asks for what this version does not do.
pub(super) fn read(
    written: &Field<Keyless>,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Option<Signer> {
    let at = written.at;
    let keyless = &written.value;
    let ignore_sct = keyless.ignore_sct.as_ref().is_some_and(|flag| flag.value);
    let root = root_of(written, path, ignore_sct, unsupported, reading);
    let list = keyless.identities.as_ref();
    let list = list.map(|list| list.value.as_slice()).unwrap_or_default();
    let identities_path = format!("{path}.identities");
    if list.is_empty() && !reading.faults.touch(&identities_path) {
        reading.faults.missing(at, std::slice::from_ref(&identities_path));
    }
    let mut identities = Vec::new();
    for (index, identity) in list.iter().enumerate() {
        identities.extend(identity_of(identity, &format!("{identities_path}[{index}]"), reading));
    }
    Some(Signer::Keyless {
        identities,
        root: root?,
        sct: if ignore_sct {
            SctRule::Ignored
        } else {
            SctRule::Required
        },
    })
}

fn root_of(
    written: &Field<Keyless>,
    path: &str,
    ignore_sct: bool,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Option<TrustRootRef> {
    let keyless = &written.value;
    let Some(ca) = &keyless.ca else {
        return Some(match &keyless.trust_root {
            Some(name) => reading.trust_root(name, &format!("{path}.trustRootRef")),
            None => reading.standing_trust_root(written.at, path),
        });
    };
    let ca_path = format!("{path}.ca-cert");
    if keyless.url.is_some() {
        reading.faults.both(ca.at, &[ca_path.clone(), format!("{path}.url")]);
    }
    let message =
        "policy-controller reads it and never uses it, so that such an authority never passes there".to_owned();
    let advice = "name your certificate authority in a TrustRoot, and that with `trustRootRef`";
    reading.lint(LintCode::IdentityCaCert, ca.at, &ca_path, message, advice);
    if let Some(name) = &keyless.trust_root {
        let path = format!("{path}.trustRootRef");
        unsupported.push(reading.unsupported(name.at, &path, "a TrustRoot beside a `ca-cert`", "take one of them out"));
    }
    let root = certificate_authority(ca, &ca_path, unsupported, reading)?;
    if !ignore_sct {
        let instead = "name your certificate authority and its log of certificates in a TrustRoot, or write `insecureIgnoreSCT: true` if it has none";
        let what = "a certificate authority without its log of certificates";
        unsupported.push(reading.unsupported(ca.at, &ca_path, what, instead));
    }
    Some(TrustRootRef {
        root: RootName::Given(Arc::new(root)),
        path: ca_path,
        position: reading.position(ca.at),
    })
}

/// `ca-cert`: certificates in the document, in a Secret, or in a KMS. This version reads the first.
fn certificate_authority(
    ca: &Field<Key>,
    path: &str,
    unsupported: &mut Vec<Unsupported>,
    reading: &mut Reading<'_>,
) -> Option<TrustRoot> {
    if !is_in_one_place(ca, path, reading) {
        return None;
    }
    let instead = "put the certificates in `data`, or in a TrustRoot";
    if let Some(kms) = &ca.value.kms {
        let path = format!("{path}.kms");
        check_kms(kms, &path, reading);
        unsupported.push(reading.unsupported(kms.at, &path, "a certificate authority in a KMS", instead));
    }
    if let Some(secret) = &ca.value.secret {
        let path = format!("{path}.secretRef");
        unsupported.push(reading.unsupported(secret.at, &path, "a certificate authority in a Secret", instead));
    }
    let data = ca.value.data.as_ref()?;
    let path = format!("{path}.data");
    let root = trust_root::certificates(data.value.as_bytes())
        .map_err(str::to_owned)
        .and_then(|chain| {
            let authority = AuthorityParts {
                uri: "ca-cert".to_owned(),
                operator: None,
                chain,
                window: Window::ALWAYS,
            };
            let parts = TrustRootParts {
                authorities: vec![authority],
                ..TrustRootParts::default()
            };
            TrustRoot::of(parts).map_err(|error| error.to_string())
        });
    match root {
        Ok(root) => Some(root),
        // policy-controller accepts whatever stands here, and never uses it.
        Err(why) => {
            let what = format!("a certificate authority that cannot be used ({why})");
            unsupported.push(reading.unsupported(data.at, &path, &what, instead));
            None
        }
    }
}

fn identity_of(identity: &Identity, path: &str, reading: &mut Reading<'_>) -> Option<IdentityPattern> {
    let at = identity.at;
    let issuer = half(
        at,
        path,
        "issuer",
        (&identity.issuer, &identity.issuer_pattern),
        reading,
    );
    let subject = half(
        at,
        path,
        "subject",
        (&identity.subject, &identity.subject_pattern),
        reading,
    );
    Some(IdentityPattern {
        issuer: issuer?,
        subject: subject?,
    })
}

fn half(
    at: Mark,
    path: &str,
    name: &str,
    (exact, pattern): Half<'_>,
    reading: &mut Reading<'_>,
) -> Option<NamePattern> {
    let paths = [format!("{path}.{name}"), format!("{path}.{name}RegExp")];
    match (exact, pattern) {
        (None, None) => reading.faults.missing(at, &paths),
        (Some(_), Some(_)) => reading.faults.both(at, &paths),
        (Some(exact), None) => return Some(NamePattern::Exact(exact.value.clone())),
        (None, Some(pattern)) => return expression_of(pattern, &paths[1], reading).map(NamePattern::Expression),
    }
    None
}

fn expression_of(pattern: &Text, path: &str, reading: &mut Reading<'_>) -> Option<Expression> {
    let expression = match Expression::parse(&pattern.value, Anchoring::Anywhere) {
        Ok(expression) => expression,
        Err(error) => {
            let why = format!("regex is invalid: {error}");
            reading.faults.invalid(pattern.at, path, &pattern.value, &why);
            return None;
        }
    };
    if !expression.is_anchored() {
        let message = "it matches anywhere in the text, and so also what merely contains what you mean".to_owned();
        let advice = format!("anchor it: `{}`", quoted(&anchored(&pattern.value)));
        reading.lint(LintCode::IdentityUnanchored, pattern.at, path, message, advice);
    }
    Some(expression)
}

/// The expression with anchors. A `$` with a `\` before it is a character of the name and no anchor; flags, and `|`, reach no
/// further than a group.
fn anchored(written: &str) -> String {
    let mut bare = written.trim_start_matches('^');
    while let Some(rest) = bare.strip_suffix('$') {
        let escapes = rest.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if escapes % 2 == 1 {
            break;
        }
        bare = rest;
    }
    if bare.contains('|') || bare.contains("(?") {
        format!("^({bare})$")
    } else {
        format!("^{bare}$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advised_is_anchored_and_still_matches() {
        for (written, name) in [
            ("a", "a"),
            ("^a", "a"),
            ("a$", "a"),
            (r"a\$", "a$"),
            (r"a\\$", r"a\"),
            (r"a\$$", "a$"),
            (r"a\\\$", r"a\$"),
            ("a|b", "b"),
            ("^a|b$", "b"),
            ("(?m)^a$", "a"),
            ("(?i)a", "A"),
            ("$", ""),
        ] {
            let advised = anchored(written);
            let expression = Expression::parse(&advised, Anchoring::Anywhere).unwrap();
            assert!(expression.is_anchored(), "{written}: {advised}");
            assert!(expression.matches(name), "{written}: {advised}");
        }
    }
}
