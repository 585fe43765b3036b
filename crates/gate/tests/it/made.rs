//! Gates, images and reports, as tests need them.

use countersign_gate::{
    Class, Closure, Completeness, Configuration, Evidence, Finding, FixState, Format, Gate, GateError, Image, Known,
    Outcome, Package, Platform, Proof, Report, Runner, Severity, Source, Subject, Submitted, Tool, ask,
};
use countersign_image::{Digest, Repository, Tag};
use jiff::Timestamp;

pub(crate) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn gate(checks: &str) -> Result<Gate, GateError> {
    Gate::read(&format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {{name: g, owner: o, expires: 2027-01-01T00:00:00Z}}\nspec:\n  checks:\n{checks}"
    ))
}

pub(crate) fn one(check: &str) -> Gate {
    gate(&format!("  - {check}\n")).unwrap_or_else(|error| panic!("{check}: {error}"))
}

pub(crate) fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

pub(crate) fn closure(platforms: &[&str]) -> Closure {
    let of = |name: &&str| {
        let platform = Platform {
            manifest: digest(&format!("{name} manifest")),
            config: digest(&format!("{name} config")),
        };
        ((*name).to_owned(), platform)
    };
    Closure {
        digest: digest("image"),
        platforms: platforms.iter().map(of).collect(),
    }
}

pub(crate) fn report(class: Class) -> Report {
    Report {
        format: Format::Sarif,
        classes: [class].into(),
        tools: vec![Tool {
            name: "Trivy".to_owned(),
            version: None,
        }],
        looked: Default::default(),
        subject: Subject {
            digests: [digest("image").to_string()].into(),
            commit: None,
        },
        time: Some("2026-06-01T11:00:00Z".parse().unwrap()),
        database_time: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        completeness: Completeness::Ran,
        findings: Vec::new(),
        components: None,
        tests: None,
        builder: None,
        source: None,
        ai: None,
        format_version: None,
    }
}

pub(crate) fn finding(severity: Option<Severity>, fix: FixState) -> Finding {
    Finding {
        class: Class::Vulnerabilities,
        rule: "CVE-2026-1".to_owned(),
        aliases: Vec::new(),
        severity,
        fix,
        package: Some(Package {
            name: "zlib".to_owned(),
            ..Package::default()
        }),
        location: None,
        tools_own_fingerprint: None,
        suppressed_in_source: false,
        tools: vec!["Trivy".to_owned()],
    }
}

pub(crate) fn evidence(report: &Report) -> Evidence<'_> {
    Evidence {
        slot: "scan",
        digest: digest("bytes"),
        report,
        proof: Proof::E1,
        job_commit: Some("00ff"),
        platform: None,
        received: now(),
        reused: false,
        workflow: None,
        reused_for: &[],
        custom: None,
    }
}

/// What is known besides the reports.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) source: Source,
    pub(crate) image: Image,
    pub(crate) known: Known,
}

pub(crate) fn facts() -> Facts {
    let configuration = Configuration {
        user: "1000".to_owned(),
        entrypoint: vec!["/app".to_owned()],
        ..Configuration::default()
    };
    let platforms = ["linux/amd64", "linux/arm64", "a", "b"].into_iter();
    Facts {
        source: Source {
            issuer: "github".to_owned(),
            repository_id: "456".to_owned(),
            repository: "corp/api".to_owned(),
            reference: Some("refs/heads/main".to_owned()),
            reference_protected: true,
            event: Some("push".to_owned()),
            workflow: Some("corp/api/.github/workflows/build.yml@refs/heads/main".to_owned()),
            runner: Runner::Hosted,
            environment: "prod".to_owned(),
            labels: [("class".to_owned(), "IIb".to_owned())].into(),
        },
        image: Image {
            repository: Repository::parse("registry.corp/unsigned/payments/api").unwrap(),
            tag: Some(Tag::parse("1.2.3").unwrap()),
            configurations: platforms.map(|name| (name.to_owned(), configuration.clone())).collect(),
            bases: Default::default(),
            first_release: false,
        },
        known: Known::default(),
    }
}

impl Facts {
    pub(crate) fn submitted<'a>(&'a self, closure: &'a Closure, evidence: &'a [Evidence<'a>]) -> Submitted<'a> {
        Submitted {
            closure,
            commit: Some("00ff"),
            evidence,
            source: &self.source,
            image: &self.image,
            known: &self.known,
        }
    }
}

pub(crate) fn asked(gate: &Gate, platforms: &[&str], evidence: &[Evidence<'_>]) -> Outcome {
    asked_with(&facts(), gate, platforms, evidence)
}

pub(crate) fn asked_with(facts: &Facts, gate: &Gate, platforms: &[&str], evidence: &[Evidence<'_>]) -> Outcome {
    let closure = closure(platforms);
    ask(gate, &facts.submitted(&closure, evidence), now()).remove(0)
}
