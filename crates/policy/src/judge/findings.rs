//! What was found where an authority looked, in words: one line for each kind of thing, not for each thing.

use std::collections::BTreeSet;
use std::error::Error;

use countersign_evidence::{NotThisImage, Rejected, Seen, SeenKind, SignatureError, VerifyError, Why};

use super::bench::Bench;
use super::place::{Places, code_of};
use crate::meaning::KeyDemand;
use crate::reason::{Reason, ReasonCode};

/// How many different things of one kind are named.
const MAX_LISTED: usize = 3;

/// What was rejected, by why.
#[derive(Default)]
pub(super) struct Tally {
    /// By another key.
    pub(super) other_keys: usize,
    /// Who that seems to be, as far as the signatures say.
    unverified_hints: BTreeSet<String>,
    /// By this key; the digests that are named.
    pub(super) other_images: Vec<String>,
    pub(super) not_looked_at: usize,
    pub(super) unreadable: Vec<String>,
}

impl Tally {
    pub(super) fn of<'a>(rejected: impl IntoIterator<Item = &'a Rejected>, seen: &[Seen]) -> Self {
        let mut tally = Self::default();
        for Rejected { why, origin } in rejected {
            match why {
                Why::Verify(VerifyError::Signature(SignatureError::NotByThisKey { .. })) => {
                    tally.other_keys += 1;
                    let seen = seen.iter().find(|seen| seen.origin == *origin);
                    let hint = seen.and_then(|seen| seen.unverified_signer_hint.clone());
                    tally.unverified_hints.extend(hint);
                }
                Why::NotThisImage(NotThisImage::OtherDigest { found, .. }) => tally.other_images.push(found.join(", ")),
                Why::TooMany { .. } => tally.not_looked_at += 1,
                Why::NotASignature { .. }
                | Why::NotAnAttestation
                | Why::LayoutNotAccepted { .. }
                | Why::NotThisImage(NotThisImage::NotASignature { .. }) => {}
                other => tally.unreadable.push(chain(other)),
            }
        }
        tally
    }

    /// One line for each kind of rejection.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.other_keys > 0 {
            let hints: Vec<&str> = self
                .unverified_hints
                .iter()
                .take(MAX_LISTED)
                .map(String::as_str)
                .collect();
            let hints = if hints.is_empty() {
                String::new()
            } else {
                let word = if hints.len() == 1 { "hint" } else { "hints" };
                format!(" (unverified {word}{})", quote(&hints))
            };
            let by = count(self.other_keys, "by another key", "by other keys");
            lines.push(format!("{by}{hints}"));
        }
        if !self.other_images.is_empty() {
            let found = self.other_images.len();
            lines.push(format!(
                "{found} by this key for another image: {}",
                distinct(&self.other_images)
            ));
        }
        if !self.unreadable.is_empty() {
            let found = self.unreadable.len();
            lines.push(format!("{found} that cannot be used: {}", distinct(&self.unreadable)));
        }
        if self.not_looked_at > 0 {
            let found = self.not_looked_at;
            lines.push(format!("{found} that were not looked at, because there are too many"));
        }
        lines
    }
}

/// The first few of what is different.
fn distinct(texts: &[String]) -> String {
    let texts: BTreeSet<&String> = texts.iter().collect();
    let listed: Vec<&str> = texts.iter().take(MAX_LISTED).map(|text| text.as_str()).collect();
    match texts.len() - listed.len() {
        0 => listed.join("; "),
        more => format!("{}; and {more} more", listed.join("; ")),
    }
}

/// An error with all that it is due to, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // A transparent error says the same as its source.
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

/// Undecided, if something in the authority's places could not be obtained.
pub(super) fn could_not_look(places: &Places<'_>, demand: &KeyDemand, bench: &Bench<'_>, how: &str) -> Option<Reason> {
    let gaps = places.open_gaps();
    // What somebody can mend comes before what mends itself.
    let first = gaps.iter().min_by_key(|gap| code_of(&gap.cause))?;
    let code = code_of(&first.cause);
    let (image, key) = (bench.image(), demand.key.fingerprint());
    let what = format!(
        "could not tell whether {image} is {how} by key {key}: {}",
        places.describe(first)
    );
    let looked = gaps.iter().map(|gap| places.describe(gap)).chain(bench.looked(places));
    let reason = Reason::new(code, what).with_looked(looked.collect());
    let repository = places.repository();
    Some(match code {
        ReasonCode::RegistryDenied => reason.with_next(format!(
            "let the cluster read {repository}: a pull secret of the workload (`imagePullSecrets`), or credentials for countersign itself"
        )),
        _ => reason.with_next(format!("try again; if it lasts, look whether {repository} can be reached")),
    })
}

/// What is attached that is of another kind, or stored in another way, than the authority asks for.
pub(super) fn attachments(seen: &[Seen], places: &Places<'_>, kind: SeenKind) -> Vec<String> {
    let here = seen
        .iter()
        .filter(|seen| seen.kind == kind && seen.origin.repository == *places.repository());
    let mut types: Vec<&str> = here
        .clone()
        .filter_map(|seen| seen.unverified_predicate_type.as_deref())
        .collect();
    types.sort_unstable();
    types.dedup();
    let mut lines = Vec::new();
    let found = here.count();
    if found > 0 {
        let what = match kind {
            SeenKind::Attestation => count(
                found,
                "attestation, which is no signature",
                "attestations, which are no signatures",
            ),
            _ => count(
                found,
                "signature, which is no attestation",
                "signatures, which are no attestations",
            ),
        };
        lines.push(format!("{what}{} (unverified)", quote(&types)));
    }
    if places.in_other_layouts() > 0 {
        let found = places.in_other_layouts();
        lines.push(format!("{found} stored in a format that the policy does not accept"));
    }
    lines
}

/// What is there and cannot be used.
pub(super) fn unusable(places: &Places<'_>) -> Vec<String> {
    places
        .content_gaps()
        .into_iter()
        .map(|gap| places.describe(gap))
        .collect()
}

pub(super) fn quote(types: &[&str]) -> String {
    if types.is_empty() {
        return String::new();
    }
    format!(": `{}`", types.join("`, `"))
}

pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
