//! What was found, and which of it does not pass.

use jiff::{SignedDuration, Timestamp};

use super::Evidence;
use super::outcome::{Code, Reason};
use super::weigh::{Asked, reason};
use crate::document::KevDemand;
use crate::finding::{Finding, FixState, merged};
use crate::report::Class;
use crate::severity::Severity;

/// How many findings a reason names.
const NAMED: usize = 5;

/// What was found.
pub(super) struct Found {
    pub(super) all: Vec<Finding>,
    pub(super) reasons: Vec<Reason>,
    pub(super) notes: Vec<Reason>,
}

pub(super) fn of(asked: &Asked<'_>, about: &[&Evidence<'_>]) -> Found {
    let reported = about.iter().flat_map(|evidence| &evidence.report.findings);
    let all = merged(reported.filter(|finding| asked.is_asked(finding)).cloned());
    let mut reasons = Vec::new();
    let mut notes = Vec::new();
    let is_counted = |finding: &&Finding| !asked.check.fail.new_only || is_new(asked, finding);
    let counted: Vec<&Finding> = all.iter().filter(is_counted).collect();
    let exploited: Vec<&Finding> = counted
        .iter()
        .copied()
        .filter(|finding| is_exploited(asked, finding))
        .collect();
    if !exploited.is_empty() {
        let what = format!("used by attackers: {}", named(&exploited));
        reasons.push(reason(Code::Exploited, what));
    }
    if asked.check.fail.kev.is_some() && asked.submitted.known.exploited.is_none() {
        let what = "nobody knows which vulnerabilities attackers use: the service has no such list";
        reasons.push(reason(Code::ExploitedUnknown, what));
    }
    let over = counted.iter().copied().filter(|finding| is_over(asked, finding));
    let (suffered, over): (Vec<&Finding>, Vec<&Finding>) = over.partition(|finding| {
        // No time is given to what attackers use.
        !exploited.contains(finding) && suffered_until(asked, finding).is_some_and(|until| asked.now < until)
    });
    if !over.is_empty() {
        let what = format!("{} of {} findings do not pass: {}", over.len(), all.len(), named(&over));
        reasons.push(reason(Code::Findings, what));
    }
    let ends = suffered.iter().filter_map(|finding| suffered_until(asked, finding));
    if let Some(first) = ends.min() {
        let what = format!(
            "{} findings would not pass and have leeway, the first until {first}: {}",
            suffered.len(),
            named(&suffered)
        );
        notes.push(reason(Code::Leeway, what));
    }
    Found { all, reasons, notes }
}

fn named(findings: &[&Finding]) -> String {
    let names = findings.iter().take(NAMED).map(|finding| {
        let severity = finding.severity.map_or("not ranked", Severity::name);
        let place = match (&finding.package, &finding.location) {
            (Some(package), _) => format!(" in {}", package.name),
            (None, Some(location)) => format!(" in {}", location.path),
            (None, None) => String::new(),
        };
        let silenced = if finding.suppressed_in_source {
            ", which the tool was told to pass over"
        } else {
            ""
        };
        let text = format!("{} ({severity}){place}{silenced}", finding.canonical());
        countersign_image::text::excerpt(&text, 200)
    });
    let names: Vec<String> = names.collect();
    match findings.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn is_new(asked: &Asked<'_>, finding: &Finding) -> bool {
    let before = asked.submitted.known.before.as_ref();
    before.is_none_or(|before| !before.contains(&finding.fingerprint()))
}

/// Whether attackers use it, as far as the gate asks.
fn is_exploited(asked: &Asked<'_>, finding: &Finding) -> bool {
    let is_meant = match asked.check.fail.kev {
        Some(KevDemand::Any) => true,
        Some(KevDemand::Fixable) => finding.fix == FixState::Fixed,
        None => false,
    };
    is_meant && finding.class == Class::Vulnerabilities && is_known_exploited(asked.submitted.known, finding)
}

/// Whether the service's list has it, under any of its names.
pub(crate) fn is_known_exploited(known: &crate::facts::Known, finding: &Finding) -> bool {
    let mut names = std::iter::once(&finding.rule).chain(&finding.aliases);
    known
        .exploited
        .as_ref()
        .is_some_and(|list| names.any(|name| list.contains(name)))
}

fn is_over(asked: &Asked<'_>, finding: &Finding) -> bool {
    let fail = &asked.check.fail;
    let severity = finding.severity.unwrap_or_else(|| fail.of_unknown());
    let at_least = |limit: Option<Severity>| limit.is_some_and(|limit| severity >= limit);
    let by_fix = match (finding.class, finding.fix) {
        (Class::Vulnerabilities, FixState::Fixed) => at_least(fail.fixable),
        (Class::Vulnerabilities, _) => at_least(fail.unfixable),
        _ => false,
    };
    fail.any_finding || at_least(fail.severity_at_least) || by_fix
}

/// Until when it is suffered: so long from when it was first known of, here or in public. What nobody noted when it was first
/// seen is not suffered, and a secret never is.
fn suffered_until(asked: &Asked<'_>, finding: &Finding) -> Option<Timestamp> {
    if finding.class == Class::Secrets {
        return None;
    }
    let fail = &asked.check.fail;
    let leeway = asked
        .check
        .leeway
        .of(finding.severity.unwrap_or_else(|| fail.of_unknown()))?;
    let known = asked.submitted.known;
    let seen = *known.first_seen.get(&finding.fingerprint())?;
    let names = std::iter::once(&finding.rule).chain(&finding.aliases);
    let disclosed = names.filter_map(|name| known.disclosed.get(name)).min().copied();
    let since = disclosed.map_or(seen, |disclosed| disclosed.min(seen));
    since.checked_add(SignedDuration::try_from(leeway).ok()?).ok()
}
