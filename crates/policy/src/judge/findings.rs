//! What was found where an authority looked, in words: one line for each kind of thing, not for each thing.

use std::collections::BTreeSet;
use std::error::Error;

use countersign_evidence::material::MaterialError;
use countersign_evidence::{NotThisImage, Rejected, Seen, SeenKind, SignatureError, Step, VerifyError, Why};

use super::bench::Bench;
use super::place::{Places, code_of};
use super::strangers::Whom;
use crate::meaning::{SignedDemand, Signer};
use crate::reason::{Reason, ReasonCode};

/// How many different things of one kind are named.
pub(super) const MAX_LISTED: usize = 3;

/// Something whose chain of trust broke.
struct Broken {
    /// Where.
    step: Step,
    /// How.
    how: String,
    /// Whose it seems to be.
    whose: String,
}

/// What was rejected, by why.
#[derive(Default)]
pub(super) struct Tally {
    /// By another key.
    pub(super) other_keys: usize,
    /// Who that seems to be, as far as the signatures say.
    unverified_hints: BTreeSet<String>,
    /// With no certificate, where one is wanted.
    pub(super) without_certificate: usize,
    /// By whom is trusted; the digests that are named.
    pub(super) other_images: Vec<String>,
    pub(super) not_looked_at: usize,
    broken: Vec<Broken>,
    pub(super) unreadable: Vec<String>,
}

impl Tally {
    pub(super) fn of<'a>(
        rejected: impl IntoIterator<Item = &'a Rejected>,
        seen: &[Seen],
        demand: &SignedDemand,
    ) -> Self {
        let mut tally = Self::default();
        let by_key = matches!(demand.belief.signer, Signer::Key { .. });
        for Rejected { why, origin } in rejected {
            match why {
                Why::Verify(VerifyError::Signature(SignatureError::NotByThisKey { .. })) if by_key => {
                    tally.other_keys += 1;
                    let seen = seen.iter().find(|seen| seen.origin == *origin);
                    let hint = seen.and_then(|seen| seen.unverified_signer_hint.clone());
                    tally.unverified_hints.extend(hint);
                }
                Why::Verify(VerifyError::Material(MaterialError::NoCertificate | MaterialError::KeyNotCertificate)) => {
                    tally.without_certificate += 1;
                }
                Why::Verify(error) if is_link(error.step()) => {
                    let seen = seen.iter().find(|seen| seen.origin == *origin);
                    let hint = seen.and_then(|seen| seen.unverified_signer_hint.as_deref());
                    let whose = hint.map(|hint| format!(" (unverified: {hint})")).unwrap_or_default();
                    tally.broken.push(Broken {
                        step: error.step(),
                        how: chain(error),
                        whose,
                    });
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

    /// The step that whatever came nearest to being believed broke at, and how.
    pub(super) fn nearest_break(&self) -> Option<(Step, &str)> {
        let nearest = self.broken.iter().max_by_key(|broken| how_far(broken.step))?;
        Some((nearest.step, &nearest.how))
    }

    /// One line for each kind of rejection.
    pub(super) fn lines(&self, demand: &SignedDemand) -> Vec<String> {
        let by_key = matches!(demand.belief.signer, Signer::Key { .. });
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
        if self.without_certificate > 0 {
            lines.push(format!("{} by a key, without a certificate", self.without_certificate));
        }
        if !self.other_images.is_empty() {
            let found = self.other_images.len();
            let whose = if by_key {
                "by this key for another image"
            } else {
                "for another image"
            };
            lines.push(format!("{found} {whose}: {}", distinct(&self.other_images)));
        }
        for step in [Step::Sct, Step::Certificate, Step::Timestamp, Step::Log] {
            let texts: Vec<String> = self
                .broken
                .iter()
                .filter(|broken| broken.step == step)
                .map(|broken| format!("{}{}", broken.how, broken.whose))
                .collect();
            if !texts.is_empty() {
                lines.push(format!("{} not believed ({step}): {}", texts.len(), distinct(&texts)));
            }
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

/// Whether a step is one of trust, and not of reading what is stored.
fn is_link(step: Step) -> bool {
    how_far(step) > 0
}

/// How far along the chain a step is.
fn how_far(step: Step) -> u8 {
    match step {
        Step::Form | Step::Signature | Step::Content | Step::Identity => 0,
        Step::Log => 1,
        Step::Timestamp => 2,
        Step::Certificate => 3,
        Step::Sct => 4,
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
pub(super) fn could_not_look(
    places: &Places<'_>,
    demand: &SignedDemand,
    bench: &Bench<'_>,
    how: &str,
) -> Option<Reason> {
    let gaps = places.open_gaps();
    // What somebody can mend comes before what mends itself.
    let first = gaps.iter().min_by_key(|gap| code_of(&gap.cause))?;
    let code = code_of(&first.cause);
    let (image, whom) = (bench.image(), Whom(&demand.belief.signer));
    let what = format!(
        "could not tell whether {image} is {how} by {whom}: {}",
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
