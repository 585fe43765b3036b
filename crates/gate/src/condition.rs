//! What conditions see: findings, image, source, evidence, document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use countersign_expression::{Declared, Type};
use serde_json::{Value, json};

use crate::check::{Evidence, Submitted};
use crate::facts::Configuration;
use crate::finding::{Finding, FixState};
use crate::report::Format;

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
        Format::Semgrep => "semgrep",
        Format::Gitleaks => "gitleaks",
        Format::CycloneDx => "cyclonedx",
        Format::Spdx => "spdx",
        Format::Envelope => "dsse",
        Format::Bundle => "bundle",
        Format::Statement => "in-toto",
        Format::CosignVulnerabilities => "cosign-vuln",
        Format::JUnit => "junit",
        Format::Custom => "custom",
    }
}
