//! SARIF 2.1.0 (OASIS), of any tool whose purpose is known.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Class, Completeness, Format, Report, ReportError, Tool, Tools, digest_in, document, null_is_default, time,
};
use crate::finding::{Finding, FixState, Location};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Sarif {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: WireTool,
    #[serde(default, deserialize_with = "null_is_default")]
    results: Vec<WireResult>,
    #[serde(default, deserialize_with = "null_is_default")]
    invocations: Vec<Invocation>,
    #[serde(default, deserialize_with = "null_is_default")]
    version_control_provenance: Vec<VersionControl>,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct WireTool {
    driver: Component,
    #[serde(default, deserialize_with = "null_is_default")]
    extensions: Vec<Component>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    name: String,
    #[serde(default)]
    semantic_version: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    default_configuration: Configuration,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResult {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    rule_index: Option<i64>,
    #[serde(default, deserialize_with = "null_is_default")]
    rule: RuleReference,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    baseline_state: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    locations: Vec<WireLocation>,
    #[serde(default, deserialize_with = "null_is_default")]
    partial_fingerprints: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_default")]
    fingerprints: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_default")]
    suppressions: Vec<Suppression>,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleReference {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    index: Option<i64>,
    #[serde(default, deserialize_with = "null_is_default")]
    tool_component: ComponentReference,
}

#[derive(Default, Deserialize)]
struct ComponentReference {
    #[serde(default)]
    index: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLocation {
    #[serde(default, deserialize_with = "null_is_default")]
    physical_location: Physical,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    #[serde(default, deserialize_with = "null_is_default")]
    artifact_location: Artifact,
    #[serde(default, deserialize_with = "null_is_default")]
    region: Region,
}

#[derive(Default, Deserialize)]
struct Artifact {
    #[serde(default)]
    uri: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    #[serde(default)]
    start_line: Option<u64>,
}

#[derive(Deserialize)]
struct Suppression {
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(default)]
    execution_successful: Option<bool>,
    #[serde(default)]
    end_time_utc: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(default)]
    level: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    message: Message,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionControl {
    #[serde(default)]
    revision_id: Option<String>,
}

pub(super) fn read(bytes: &[u8], tools: &Tools) -> Result<Report, ReportError> {
    let sarif: Sarif = document(bytes, Format::Sarif)?;
    if sarif.runs.is_empty() {
        return Err(ReportError::malformed(
            Format::Sarif,
            "`runs` is empty: nothing says that a tool ran",
        ));
    }
    let mut report = Report::of(Format::Sarif, None);
    for run in &sarif.runs {
        let tool = &run.tool.driver;
        let class = match run.properties.get("ai") {
            Some(Value::Bool(true)) => Class::AiReview,
            _ => tools.class_of(&tool.name).ok_or_else(|| ReportError::UnknownTool {
                tool: countersign_image::text::excerpt(&tool.name, 100),
            })?,
        };
        report.classes.insert(class);
        report.tools.push(Tool {
            name: tool.name.clone(),
            version: tool.semantic_version.clone().or_else(|| tool.version.clone()),
        });
        if report.completeness == Completeness::Ran {
            report.completeness = completeness(run);
        }
        // The oldest counts: a report is as old as the first thing that it rests on.
        let times = run
            .invocations
            .iter()
            .filter_map(|invocation| time(invocation.end_time_utc.as_deref()));
        report.time = times.chain(report.time).min();
        subject(run, &mut report);
        report
            .findings
            .extend(run.results.iter().filter_map(|result| finding(result, run, class)));
    }
    Ok(report)
}

fn completeness(run: &Run) -> Completeness {
    let tool = &run.tool.driver.name;
    for invocation in &run.invocations {
        if invocation.execution_successful == Some(false) {
            return Completeness::Failed {
                why: format!("`{tool}` says that it did not run to its end"),
            };
        }
        let mut notifications = invocation.tool_execution_notifications.iter();
        let error = notifications.find(|notification| notification.level.as_deref() == Some("error"));
        if let Some(error) = error {
            let text = error.message.text.as_deref().unwrap_or("an error without words");
            return Completeness::Failed {
                why: format!("`{tool}` says: {}", countersign_image::text::excerpt(text, 200)),
            };
        }
    }
    Completeness::Ran
}

fn subject(run: &Run, report: &mut Report) {
    let commits = run.version_control_provenance.iter();
    let commit = commits.filter_map(|provenance| provenance.revision_id.clone()).next();
    report.subject.commit = report.subject.commit.take().or(commit);
    let mut add = |value: &Value| report.subject.digests.extend(value.as_str().and_then(digest_in));
    for name in ["imageID", "imageId", "repoDigests"] {
        match run.properties.get(name) {
            Some(Value::Array(list)) => list.iter().for_each(&mut add),
            Some(value) => add(value),
            None => {}
        }
    }
}

fn finding(result: &WireResult, run: &Run, class: Class) -> Option<Finding> {
    let is_one = matches!(result.kind.as_deref(), None | Some("fail"));
    // What was there before and is no longer.
    if !is_one || result.baseline_state.as_deref() == Some("absent") {
        return None;
    }
    let rule = rule_of(result, run);
    let id = result
        .rule_id
        .as_ref()
        .or(result.rule.id.as_ref())
        .or(rule.map(|rule| &rule.id));
    let location = result.locations.first().map(|location| &location.physical_location);
    let location = location.and_then(|physical| {
        Some(Location {
            path: physical.artifact_location.uri.clone()?,
            line: physical.region.start_line,
        })
    });
    let own = result.partial_fingerprints.get("primaryLocationLineHash");
    // A suppression that waits for somebody's word, or was refused, silences nothing even for the tool.
    let accepted = |suppression: &Suppression| matches!(suppression.status.as_deref(), None | Some("accepted"));
    Some(Finding {
        class,
        rule: id.cloned().unwrap_or_default(),
        aliases: Vec::new(),
        severity: severity(result, rule, class),
        fix: FixState::Unknown,
        package: None,
        location,
        tools_own_fingerprint: own.or_else(|| result.fingerprints.values().next()).cloned(),
        suppressed_in_source: result.suppressions.iter().any(accepted),
        tools: vec![run.tool.driver.name.clone()],
    })
}

/// The rule that a result is of: by its place in the tool or in one of its extensions, or by its name.
fn rule_of<'a>(result: &WireResult, run: &'a Run) -> Option<&'a Rule> {
    let component = match result.rule.tool_component.index {
        Some(index) => run.tool.extensions.get(usize::try_from(index).ok()?)?,
        None => &run.tool.driver,
    };
    let index = result
        .rule
        .index
        .or(result.rule_index)
        .and_then(|index| usize::try_from(index).ok());
    let id = result.rule_id.as_ref().or(result.rule.id.as_ref());
    let by_index = index.and_then(|index| component.rules.get(index));
    // A hierarchical name is its rule's with more behind a slash (SARIF, section 3.27.5).
    let names = |rule: &&Rule| {
        id.is_none_or(|id| {
            id.strip_prefix(&*rule.id)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    by_index.filter(names).or_else(|| {
        let components = std::iter::once(&run.tool.driver).chain(&run.tool.extensions);
        let id = id?;
        components
            .flat_map(|component| &component.rules)
            .find(|rule| rule.id == *id)
    })
}

/// How bad it is: a score where there is one, and else the level, which is the rule's where the result has none, and
/// `warning` where neither has (SARIF, section 3.27.10).
fn severity(result: &WireResult, rule: Option<&Rule>, class: Class) -> Option<Severity> {
    let score = |properties: &BTreeMap<String, Value>| match properties.get("security-severity")? {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    let score = score(&result.properties).or_else(|| score(&rule?.properties));
    let level = level(result, rule);
    let ranked = match score {
        // A tool that does not know writes 0.
        Some(score) if score > 0.0 => Severity::of_score(score),
        _ => Severity::of_word(level),
    };
    // A secret that leaked is never a small thing, whatever its rule's level is.
    if class == Class::Secrets {
        ranked.max(Some(Severity::High))
    } else {
        ranked
    }
}

fn level<'a>(result: &'a WireResult, rule: Option<&'a Rule>) -> &'a str {
    let of_rule = rule.and_then(|rule| rule.default_configuration.level.as_deref());
    result.level.as_deref().or(of_rule).unwrap_or("warning")
}
