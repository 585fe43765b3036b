//! From a policy as written to a policy as meant: the checks of policy-controller's admission webhook, in its words.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_image::Digest;

use super::signer::{RootName, TrustRootRef};
use super::{Authority, Demand, Enforcement, Policy, Unsupported, authority, expression, objects};
use crate::document::SourcePosition;
use crate::document::faults::Faults;
use crate::document::fields::Field;
use crate::document::tree::Mark;
use crate::document::written::{self, ClusterImagePolicy, Spec, Text};
use crate::lint::{Lint, LintCode};
use crate::pattern::{Glob, doubts, open_ended};

/// The longest name of an object in Kubernetes (RFC 1123 subdomain).
const MAX_NAME: usize = 253;

/// The annotation that demands inclusion proofs of every authority of a policy.
pub(super) const LOG_PROOF: &str = "countersign.dev/log-proof";

/// What is collected while one policy is read.
pub(super) struct Reading<'a> {
    pub(super) faults: &'a mut Faults,
    file: Arc<str>,
    policy: String,
    lints: Vec<Lint>,
    /// Whether the policy demands inclusion proofs, and where it says so.
    pub(super) log_proof: Option<Mark>,
}

impl Reading<'_> {
    pub(super) fn lint(&mut self, code: LintCode, at: Mark, path: &str, message: String, advice: impl Into<String>) {
        self.lints.push(Lint {
            code,
            policy: self.policy.clone(),
            position: position(&self.file, at),
            path: path.to_owned(),
            message,
            advice: advice.into(),
        });
    }

    pub(super) fn position(&self, at: Mark) -> SourcePosition {
        position(&self.file, at)
    }

    /// A trust root that a field names.
    pub(super) fn trust_root(&self, name: &Text, path: &str) -> TrustRootRef {
        TrustRootRef {
            root: RootName::Named(name.value.as_str().into()),
            path: path.to_owned(),
            position: self.position(name.at),
        }
    }

    /// The trust root of a field that names none.
    pub(super) fn standing_trust_root(&self, at: Mark, path: &str) -> TrustRootRef {
        TrustRootRef {
            root: RootName::Standing,
            path: path.to_owned(),
            position: self.position(at),
        }
    }

    /// Something that this version does not do: noted for `policy check`, and kept for the judge.
    pub(super) fn unsupported(&mut self, at: Mark, path: &str, what: &str, instead: &str) -> Unsupported {
        let message = format!("{what} cannot be checked by this version, so that images stay undecided");
        self.lint(LintCode::PolicyUnsupported, at, path, message, instead);
        Unsupported {
            path: path.to_owned(),
            what: what.to_owned(),
        }
    }
}

/// Reads a policy; what is wrong goes to `faults`, and then the policy is not to be used. `canonical` is everything that
/// the document says, for its digest.
pub(crate) fn read(
    written: ClusterImagePolicy,
    file: &Arc<str>,
    canonical: &str,
    faults: &mut Faults,
) -> Option<Policy> {
    let ClusterImagePolicy {
        at,
        prefix,
        name,
        own,
        spec,
    } = written;
    let name = name_of(name, at, &format!("{prefix}metadata.name"), faults);
    let Some(spec) = spec else {
        faults.missing(at, &[format!("{prefix}spec")]);
        return None;
    };
    let mut reading = Reading {
        faults,
        file: file.clone(),
        policy: name.as_deref().unwrap_or_default().to_owned(),
        lints: Vec::new(),
        log_proof: None,
    };
    reading.log_proof = log_proof_of(&own, &format!("{prefix}metadata.annotations"), reading.faults);
    let path = format!("{prefix}spec");
    let enforcement = enforcement_of(spec.value.mode.as_ref(), &format!("{path}.mode"), reading.faults);
    let images = images_of(&spec, &format!("{path}.images"), &mut reading);
    let matches = objects::matches_of(spec.value.matches.as_ref(), &format!("{path}.match"), &mut reading);
    let authorities = authorities_of(&spec, &format!("{path}.authorities"), &mut reading);
    let unsupported = expression_of(&spec.value, &format!("{path}.policy"), &mut reading);
    let passes = |authority: &Authority| authority.demand == Demand::StaticPass;
    if authorities.iter().any(passes) {
        lint_open_ends(&spec.value, &path, &mut reading);
    }
    let digest = Digest::sha256(format!("{file}\0{canonical}").as_bytes());
    Some(Policy {
        name: name?,
        source: position(file, at),
        digest,
        generation: digest,
        enforcement: enforcement?,
        images,
        matches,
        authorities,
        unsupported: unsupported.into_iter().collect(),
        lints: reading.lints,
        by_hand: false,
    })
}

/// `countersign.dev/log-proof: required`. ClusterImagePolicy has no field for it. An annotation of ours that is not known is
/// a fault as an unknown field is: a misspelt constraint must not vanish.
fn log_proof_of(own: &[(String, Text)], path: &str, faults: &mut Faults) -> Option<Mark> {
    let mut demanded = None;
    for (name, text) in own {
        let path = format!("{path}.{name}");
        match (name.as_str(), text.value.as_str()) {
            (LOG_PROOF, "required") => demanded = Some(text.at),
            (LOG_PROOF, other) => faults.invalid(text.at, &path, other, "`required` is known"),
            _ => faults.not_allowed(text.at, &path, &format!("of our annotations `{LOG_PROOF}` is known")),
        }
    }
    demanded
}

fn expression_of(spec: &Spec, path: &str, reading: &mut Reading<'_>) -> Option<Unsupported> {
    let policy = spec.policy.as_ref()?;
    let what = expression::language_of(policy, path, reading.faults);
    let instead = "leave `policy` out, or wait for the version that evaluates it";
    Some(reading.unsupported(policy.at, path, what, instead))
}

pub(super) fn name_of(name: Option<Text>, at: Mark, path: &str, faults: &mut Faults) -> Option<Arc<str>> {
    let Some(name) = name else {
        faults.missing(at, &[path.to_owned()]);
        return None;
    };
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let inner = |byte: u8| byte != b'-' && byte != b'.';
    let text = name.value.as_bytes();
    let ends = [text.first(), text.last()];
    if text.len() > MAX_NAME
        || !text.iter().all(|byte| allowed(*byte))
        || !ends.iter().flatten().all(|byte| inner(**byte))
    {
        let why =
            "names have at most 253 lower-case letters, digits, `-` and `.`, and begin and end with a letter or digit";
        faults.invalid(name.at, path, &name.value, why);
        return None;
    }
    Some(name.value.into())
}

fn enforcement_of(mode: Option<&Text>, path: &str, faults: &mut Faults) -> Option<Enforcement> {
    let Some(mode) = mode else {
        return Some(Enforcement::Enforce);
    };
    match mode.value.as_str() {
        "enforce" => Some(Enforcement::Enforce),
        "warn" => Some(Enforcement::Warn),
        other => {
            faults.invalid(mode.at, path, other, "unsupported mode: `enforce` and `warn` are known");
            None
        }
    }
}

fn images_of(spec: &Field<Spec>, path: &str, reading: &mut Reading<'_>) -> Vec<Glob> {
    let images = spec.value.images.as_ref();
    let images = images.map(|images| images.value.as_slice()).unwrap_or_default();
    if images.is_empty() && !reading.faults.touch(path) {
        reading.faults.missing(spec.at, &[path.to_owned()]);
    }
    let mut globs = Vec::new();
    for (index, image) in images.iter().enumerate() {
        let path = format!("{path}[{index}].glob");
        let Some(text) = &image.glob else {
            if !reading.faults.touch(&path) {
                reading.faults.missing(image.at, &[path]);
            }
            continue;
        };
        match Glob::parse(&text.value) {
            Ok(glob) => {
                if let Some(doubt) = doubts(&glob) {
                    reading.lint(doubt.code, text.at, &path, doubt.message, doubt.advice);
                }
                globs.push(glob);
            }
            Err(error) => reading.faults.invalid(text.at, &path, &text.value, &error.to_string()),
        }
    }
    globs
}

fn lint_open_ends(spec: &Spec, path: &str, reading: &mut Reading<'_>) {
    let images = spec.images.iter().flat_map(|images| &images.value);
    for (index, image) in images.enumerate() {
        let Some(text) = &image.glob else { continue };
        if let Some(doubt) = Glob::parse(&text.value).ok().as_ref().and_then(open_ended) {
            let path = format!("{path}.images[{index}].glob");
            reading.lint(doubt.code, text.at, &path, doubt.message, doubt.advice);
        }
    }
}

fn authorities_of(spec: &Field<Spec>, path: &str, reading: &mut Reading<'_>) -> Vec<Authority> {
    let written = spec.value.authorities.as_ref();
    let written = written.map(|list| list.value.as_slice()).unwrap_or_default();
    if written.is_empty() && !reading.faults.touch(path) {
        reading.faults.missing(spec.at, &[path.to_owned()]);
    }
    let mut names = BTreeSet::new();
    let mut authorities = Vec::new();
    for (index, written) in written.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(authority) = authority::read(written, index, &path, reading) else {
            continue;
        };
        if !names.insert(authority.name.clone()) {
            let message = format!("a second authority is called `{}`", authority.name);
            let advice = "give every authority a name of its own";
            reading.lint(LintCode::AuthorityDuplicateName, written.at, &path, message, advice);
        }
        authorities.push(authority);
    }
    lint_never_needed(&authorities, written, path, reading);
    authorities
}

fn lint_never_needed(authorities: &[Authority], written: &[written::Authority], path: &str, reading: &mut Reading<'_>) {
    let passes = |authority: &&Authority| authority.demand == Demand::StaticPass;
    let Some(passing) = authorities.iter().find(passes) else {
        return;
    };
    let others = written
        .iter()
        .enumerate()
        .filter(|(_, written)| written.fixed.is_none());
    for (index, other) in others {
        let message = format!(
            "one authority is enough, and `{}` lets every image in, so that this one is never needed",
            passing.name
        );
        let advice = "take the static authority out, or put it into a policy of its own";
        let path = format!("{path}[{index}]");
        reading.lint(LintCode::AuthorityNeverNeeded, other.at, &path, message, advice);
    }
}

pub(super) fn position(file: &Arc<str>, at: Mark) -> SourcePosition {
    SourcePosition {
        file: file.clone(),
        line: at.line,
        column: at.column,
    }
}
