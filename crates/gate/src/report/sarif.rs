//! SARIF 2.1.0 (OASIS), of any tool whose purpose is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::each::{ALL, Count, each, keep, list};
use super::{
    Class, Completeness, Format, MAX_PARTS, Report, ReportError, Subject, Tool, Tools, digest_in, document,
    null_is_default, time,
};
use crate::finding::{Finding, FixState, Location};
use crate::severity::Severity;

#[derive(Deserialize)]
struct Sarif {
    runs: Count,
}

/// What a run says besides its results, which pass by afterwards: they may stand before their tool.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: WireTool,
    #[serde(default, deserialize_with = "null_is_default")]
    invocations: Vec<Invocation>,
    #[serde(default, deserialize_with = "null_is_default")]
    version_control_provenance: Vec<VersionControl>,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: RunProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties {
    #[serde(default)]
    ai: Option<Value>,
    #[serde(default)]
    model: Value,
    #[serde(default)]
    prompt_digest: Value,
    #[serde(default)]
    diff_digest: Value,
    #[serde(default)]
    verdict: Value,
    #[serde(default, rename = "imageID")]
    image_id: Value,
    #[serde(default, rename = "imageId")]
    image: Value,
    #[serde(default)]
    repo_digests: Value,
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
    /// Read by themselves.
    #[serde(skip)]
    rules: Vec<Rule>,
    /// The place of the first rule of each name.
    #[serde(skip)]
    by_name: HashMap<String, usize>,
}

impl Component {
    fn with(&mut self, rules: Vec<Rule>) {
        for (place, rule) in rules.iter().enumerate() {
            self.by_name.entry(rule.id.clone()).or_insert(place);
        }
        self.rules = rules;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    default_configuration: Configuration,
    #[serde(default, deserialize_with = "null_is_default")]
    properties: Scored,
}

#[derive(Default, Deserialize)]
struct Configuration {
    #[serde(default)]
    level: Option<String>,
}

#[derive(Default, Deserialize)]
struct Scored {
    #[serde(default, rename = "security-severity")]
    score: Value,
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
    properties: Scored,
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
    if sarif.runs.0 == 0 {
        return Err(ReportError::malformed(
            Format::Sarif,
            "`runs` is empty: nothing says that a tool ran",
        ));
    }
    let mut runs: Vec<Run> = list(bytes, Format::Sarif, &["runs", ALL], "runs")?;
    rules(bytes, &mut runs)?;
    let mut report = Report::of(Format::Sarif, None);
    let mut classes = Vec::with_capacity(runs.len());
    for run in &runs {
        let tool = &run.tool.driver;
        let class = match run.properties.ai {
            Some(Value::Bool(true)) => Class::AiReview,
            _ => tools.class_of(&tool.name).ok_or_else(|| ReportError::UnknownTool {
                tool: countersign_image::text::excerpt(&tool.name, 100),
            })?,
        };
        classes.push(class);
        report.classes.insert(class);
        report.looked.insert((class, tool.name.clone()));
        report.tools.push(Tool {
            name: tool.name.clone(),
            version: tool.semantic_version.clone().or_else(|| tool.version.clone()),
        });
        if class == Class::AiReview {
            let own = &run.properties;
            let said = serde_json::json!({
                "model": own.model, "promptDigest": own.prompt_digest, "diffDigest": own.diff_digest, "verdict": own.verdict,
            });
            super::ai::review(&said, &tool.name, &mut report);
        }
        if report.completeness == Completeness::Ran {
            report.completeness = completeness(run);
        }
        // The oldest counts: a report is as old as the first thing that it rests on.
        let times = run
            .invocations
            .iter()
            .filter_map(|invocation| time(invocation.end_time_utc.as_deref()));
        report.time = times.chain(report.time).min();
    }
    report.subject = subject(&runs)?;
    each(
        bytes,
        Format::Sarif,
        &["runs", ALL, "results", ALL],
        |places, result: WireResult| {
            let run = places.first().copied().unwrap_or_default();
            match finding(&result, &runs[run], classes[run]) {
                Some(finding) => keep(&mut report.findings, finding),
                None => Ok(()),
            }
        },
    )?;
    Ok(report)
}

/// Reads the rules of every tool and of its extensions, up to a limit in all.
fn rules(bytes: &[u8], runs: &mut [Run]) -> Result<(), ReportError> {
    let mut count = 0_usize;
    let mut read = |path: &[&str]| -> Result<BTreeMap<Vec<usize>, Vec<Rule>>, ReportError> {
        let mut rules: BTreeMap<Vec<usize>, Vec<Rule>> = BTreeMap::new();
        each(bytes, Format::Sarif, path, |places, rule: Rule| {
            count += 1;
            if count > MAX_PARTS {
                return Err(ReportError::TooManyParts {
                    what: "rules",
                    limit: MAX_PARTS,
                });
            }
            let component = places.split_last().map_or(&[][..], |(_, component)| component);
            rules.entry(component.to_vec()).or_default().push(rule);
            Ok(())
        })?;
        Ok(rules)
    };
    for (places, rules) in read(&["runs", ALL, "tool", "driver", "rules", ALL])? {
        if let [run] = places[..] {
            runs[run].tool.driver.with(rules);
        }
    }
    for (places, rules) in read(&["runs", ALL, "tool", "extensions", ALL, "rules", ALL])? {
        if let [run, extension] = places[..] {
            runs[run].tool.extensions[extension].with(rules);
        }
    }
    Ok(())
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

/// What every run is about. Runs about different things are several reports, and what is wanting of one would pass with the
/// subject of another.
fn subject(runs: &[Run]) -> Result<Subject, ReportError> {
    let differ = |what: &str| {
        let detail = format!("its runs are about different {what}: hand in each as a report by itself");
        Err(ReportError::malformed(Format::Sarif, &detail))
    };
    let of_runs: Vec<Subject> = runs.iter().map(subject_of).collect();
    let commits: BTreeSet<&String> = of_runs.iter().filter_map(|subject| subject.commit.as_ref()).collect();
    if commits.len() > 1 {
        return differ("commits");
    }
    let common = of_runs.iter().map(|subject| subject.digests.clone());
    let common = common.reduce(|one, other| &one & &other).unwrap_or_default();
    if common.is_empty() && of_runs.iter().any(|subject| !subject.digests.is_empty()) {
        return differ("images");
    }
    Ok(Subject {
        digests: common,
        commit: commits.into_iter().next().cloned(),
    })
}

fn subject_of(run: &Run) -> Subject {
    let commits = run.version_control_provenance.iter();
    let mut subject = Subject {
        commit: commits.filter_map(|provenance| provenance.revision_id.clone()).next(),
        ..Subject::default()
    };
    let mut add = |value: &Value| subject.digests.extend(value.as_str().and_then(digest_in));
    let own = &run.properties;
    for value in [&own.image_id, &own.image, &own.repo_digests] {
        match value {
            Value::Array(list) => list.iter().for_each(&mut add),
            value => add(value),
        }
    }
    subject
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
        let mut components = std::iter::once(&run.tool.driver).chain(&run.tool.extensions);
        let id = id?;
        components.find_map(|component| component.rules.get(*component.by_name.get(id)?))
    })
}

/// How bad it is: a score where there is one, and else the level, which is the rule's where the result has none, and
/// `warning` where neither has (SARIF, section 3.27.10).
fn severity(result: &WireResult, rule: Option<&Rule>, class: Class) -> Option<Severity> {
    let score = |properties: &Scored| match &properties.score {
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
