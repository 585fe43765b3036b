//! What a person is warned of although the object is let in: `Warning:` headers, which kubectl prints.

use countersign_policy::{Enforcement, Verdict};

use super::Finding;
use super::text::printable;

/// The longest warning; the API server may cut what is longer.
pub const MAX_WARNING: usize = 256;

/// The most bytes of all warnings together; the API server drops what is more, from whichever webhook it comes.
pub const MAX_WARNINGS: usize = 4096;

/// Kept free for the last warning, which says how many there are besides.
const RESERVE: usize = 40;

/// One warning for every policy that warns and every image that fails it.
pub(super) fn warnings(findings: &[Finding<'_>]) -> Vec<String> {
    let warns = |finding: &&Finding<'_>| {
        finding.ruling.enforcement() == Enforcement::Warn && !matches!(finding.ruling.verdict(), Verdict::Admit(_))
    };
    let all: Vec<String> = findings.iter().filter(warns).filter_map(warning).collect();
    let mut kept = Vec::new();
    let mut size = 0;
    for warning in &all {
        if size + warning.len() + RESERVE > MAX_WARNINGS {
            break;
        }
        size += warning.len();
        kept.push(warning.clone());
    }
    if kept.len() < all.len() {
        kept.push(format!("and {} more failing policies", all.len() - kept.len()));
    }
    kept
}

/// The policy's name comes first, as what is too long is cut at the end.
fn warning(finding: &Finding<'_>) -> Option<String> {
    let (first, _) = finding.reasons()?;
    let text = format!("{}: {}: {}", finding.headline(), first.code(), first.what());
    Some(printable(&text, MAX_WARNING))
}
