//! What conditions see: findings, image, source, evidence, document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_expression::{Declared, Type};
use serde_json::{Value, json};

use crate::check::{Evidence, Submitted, base, is_known_exploited, proof_of};
use crate::document::Proof;
use crate::finding::{Finding, FixState};
use crate::glob::Globs;
use crate::report::Format;
use crate::severity::Severity;

/// The variables of every condition.
pub fn declared() -> &'static Declared {
    static DECLARED: LazyLock<Declared> = LazyLock::new(|| {
        let texts = || Type::list(Type::Text);
        let labels = || Type::Map(Box::new(Type::Text));
        Declared::new([
            (
                "findings",
                Type::list(Type::record([
                    ("id", Type::Text),
                    ("rule", Type::Text),
                    ("aliases", texts()),
                    ("class", Type::Text),
                    ("severity", Type::Text),
                    ("fix", Type::Text),
                    ("package", Type::Text),
                    ("version", Type::Text),
                    ("purl", Type::Text),
                    ("path", Type::Text),
                    ("line", Type::Number),
                    ("tools", texts()),
                    ("suppressed", Type::Bool),
                    ("kev", Type::Bool),
                ])),
            ),
            (
                "image",
                Type::record([
                    ("digest", Type::Text),
                    ("repository", Type::Text),
                    ("tag", Type::Text),
                    ("firstRelease", Type::Bool),
                    (
                        "platforms",
                        Type::list(Type::record([
                            ("name", Type::Text),
                            ("user", Type::Text),
                            ("entrypoint", texts()),
                            ("cmd", texts()),
                            ("labels", labels()),
                            ("base", Type::Text),
                        ])),
                    ),
                ]),
            ),
            (
                "source",
                Type::record([
                    ("issuer", Type::Text),
                    ("repository", Type::Text),
                    ("repositoryId", Type::Text),
                    ("ref", Type::Text),
                    ("refProtected", Type::Bool),
                    ("event", Type::Text),
                    ("workflow", Type::Text),
                    ("runner", Type::Text),
                    ("environment", Type::Text),
                    ("commit", Type::Text),
                    ("labels", labels()),
                ]),
            ),
            (
                "evidence",
                Type::list(Type::record([
                    ("slot", Type::Text),
                    ("format", Type::Text),
                    ("classes", texts()),
                    ("tools", texts()),
                    ("proof", Type::Number),
                    ("platform", Type::Text),
                    ("findings", Type::Number),
                    ("components", Type::Number),
                    ("tests", Type::Number),
                    ("failedTests", Type::Number),
                ])),
            ),
            ("document", Type::Any),
        ])
    });
    &DECLARED
}

/// The word by which gates name a format.
pub(crate) fn format_name(format: Format) -> &'static str {
    match format {
        Format::Sarif => "sarif",
        Format::Trivy => "trivy",
        Format::Grype => "grype",
        Format::OsvScanner => "osv-scanner",
        Format::Semgrep => "semgrep",
        Format::Gitleaks => "gitleaks",
        Format::TruffleHog => "trufflehog",
        Format::GitLab => "gitlab",
        Format::CycloneDx | Format::CycloneDxXml => "cyclonedx",
        Format::Spdx => "spdx",
        Format::Envelope => "dsse",
        Format::Bundle => "bundle",
        Format::Statement => "in-toto",
        Format::CosignVulnerabilities => "cosign-vuln",
        Format::JUnit => "junit",
        Format::Ctrf => "ctrf",
        Format::TrivyVersion => "trivy-version",
        Format::Vex => "vex",
        Format::Custom => "custom",
    }
}

/// What the variables are for one check.
pub(crate) fn variables(
    submitted: &Submitted<'_>,
    about: &[&Evidence<'_>],
    findings: &[Finding],
    trusted: &Globs,
) -> BTreeMap<&'static str, Value> {
    let found = findings.iter().map(|finding| of_finding(finding, submitted)).collect();
    let evidence = about
        .iter()
        .map(|evidence| of_evidence(evidence, proof_of(evidence, submitted, trusted)))
        .collect();
    BTreeMap::from([
        ("findings", Value::Array(found)),
        ("image", of_image(submitted)),
        ("source", of_source(submitted)),
        ("evidence", Value::Array(evidence)),
    ])
}

/// An object without the fields of which nothing is known.
fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(known.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn of_finding(finding: &Finding, submitted: &Submitted<'_>) -> Value {
    let package = finding.package.as_ref();
    let location = finding.location.as_ref();
    object([
        ("id", json!(finding.canonical())),
        ("rule", json!(finding.rule)),
        ("aliases", json!(finding.aliases)),
        ("class", json!(finding.class.name())),
        // There is always one, so that no condition passes over what a tool did not rank.
        ("severity", json!(finding.severity.map_or("unknown", Severity::name))),
        (
            "fix",
            json!(match finding.fix {
                FixState::Unknown => "unknown",
                FixState::None => "none",
                FixState::WontFix => "wont-fix",
                FixState::Fixed => "fixed",
            }),
        ),
        ("package", json!(package.map(|package| &package.name))),
        ("version", json!(package.and_then(|package| package.version.as_ref()))),
        ("purl", json!(package.and_then(|package| package.purl.as_ref()))),
        ("path", json!(location.map(|location| &location.path))),
        ("line", json!(location.and_then(|location| location.line))),
        ("tools", json!(finding.tools)),
        ("suppressed", json!(finding.suppressed_in_source)),
        // Without a list nobody knows, which is not `false`.
        (
            "kev",
            json!(
                submitted
                    .known
                    .exploited
                    .is_some()
                    .then(|| is_known_exploited(submitted.known, finding))
            ),
        ),
    ])
}

fn of_image(submitted: &Submitted<'_>) -> Value {
    let image = submitted.image;
    // Where one is not known, nothing is said of any: what a condition demands of all of them would hold of the others.
    let platforms: Option<Vec<Value>> = submitted
        .closure
        .platforms
        .keys()
        .map(|name| {
            let configuration = image.configurations.get(name)?;
            Some(object([
                ("name", json!(name)),
                ("user", json!(configuration.user)),
                ("entrypoint", json!(configuration.entrypoint)),
                ("cmd", json!(configuration.cmd)),
                ("labels", json!(configuration.labels)),
                ("base", json!(base(submitted, name))),
            ]))
        })
        .collect();
    let platforms = platforms.filter(|platforms| !platforms.is_empty());
    object([
        ("digest", json!(submitted.closure.digest.to_string())),
        ("repository", json!(image.repository.policy_name())),
        ("tag", json!(image.tag.as_ref().map(countersign_image::Tag::as_str))),
        ("firstRelease", json!(image.first_release)),
        ("platforms", json!(platforms)),
    ])
}

fn of_source(submitted: &Submitted<'_>) -> Value {
    let source = submitted.source;
    object([
        ("issuer", json!(source.issuer)),
        ("repository", json!(source.repository)),
        ("repositoryId", json!(source.repository_id)),
        ("ref", json!(source.reference)),
        ("refProtected", json!(source.reference_protected)),
        ("event", json!(source.event)),
        ("workflow", json!(source.workflow)),
        ("runner", json!(source.runner.name())),
        ("environment", json!(source.environment)),
        ("commit", json!(submitted.commit)),
        ("labels", json!(source.labels)),
    ])
}

fn of_evidence(evidence: &Evidence<'_>, proof: Proof) -> Value {
    let report = evidence.report;
    let classes: Vec<&str> = report.classes.iter().map(|class| class.name()).collect();
    let tools: Vec<&str> = report.tools.iter().map(|tool| tool.name.as_str()).collect();
    object([
        ("slot", json!(evidence.slot)),
        ("format", json!(format_name(report.format))),
        ("classes", json!(classes)),
        ("tools", json!(tools)),
        ("proof", json!(proof as u8)),
        ("platform", json!(evidence.platform)),
        ("findings", json!(report.findings.len())),
        ("components", json!(report.components)),
        ("tests", json!(report.tests.map(|tests| tests.total))),
        ("failedTests", json!(report.tests.map(|tests| tests.failed))),
    ])
}
