//! What comes before the door: a build hands in its image with a secret in it, mends it, and hands it in again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_image::{Pinned, Tag};
use countersign_wire::{State, Submission};
use serde_json::{Value, json};

use super::scenes::{TAG, UNSIGNED};
use super::signing::ENVIRONMENT;
use super::stage::Stage;
use crate::command::submit::{self, Errand};
use crate::failure::Failure;
use crate::files::unwritable;
use crate::keyless::Given;
use crate::printer::Printer;

/// How long a submission may take here, where everything is on this machine.
const PATIENCE: Duration = Duration::from_secs(60);
const REPORT: &str = "gitleaks.sarif";

pub(super) struct Build {
    title: &'static str,
    tag: &'static str,
    words: &'static str,
    leaks: bool,
    becomes: State,
}

pub(super) const BUILDS: [Build; 2] = [
    Build {
        title: "A build submits an image with a secret in its source, and the gate rejects it",
        tag: "0.9",
        words: "an image that was built with a secret in its source",
        leaks: true,
        becomes: State::Rejected,
    },
    Build {
        title: "The secret is taken out, and the new image is signed and promoted",
        tag: TAG,
        words: "the image that was built and checked",
        leaks: false,
        becomes: State::Published,
    },
];

/// What became of a build.
pub(super) struct Built {
    image: Pinned,
    submission: Submission,
    as_told: bool,
}

impl Built {
    pub(super) fn as_told(&self) -> bool {
        self.as_told
    }

    pub(super) fn document(&self) -> Value {
        let reasons = self.submission.checks.iter().flat_map(|check| &check.reasons);
        json!({
            "image": self.image.to_string(),
            "state": self.submission.state,
            "asTold": self.as_told,
            "reasons": reasons.map(|reason| &reason.code).collect::<Vec<_>>(),
        })
    }
}

/// Builds, submits, and says what came of it.
pub(super) async fn submit(
    number: usize,
    build: &Build,
    stage: &Stage,
    printer: &mut Printer,
) -> Result<Built, Failure> {
    let image = stage.shop.push(UNSIGNED, build.tag, build.words).await?;
    let report = report(stage, build)?;
    printer.line("");
    printer.line(format!("{number}. {}", build.title));
    printer.line(format!(
        "   $ countersign submit {image} --report {REPORT} --tag {}",
        build.tag
    ));
    let errand = Errand {
        server: stage.signing_url()?,
        audience: super::signing::SERVICE,
        token: Given::new(stage.pipelines.token()),
        image: &image,
        environment: ENVIRONMENT,
        tag: &Tag::parse(build.tag).map_err(Failure::misuse)?,
        reports: vec![report],
    };
    let http = reqwest::Client::builder().no_proxy().build().map_err(Failure::misuse)?;
    let submission = errand.run(http, Instant::now() + PATIENCE).await?;
    // What the reader knows already is not repeated.
    let known = |line: &str| {
        ["image ", "submission ", "gate "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    for line in submit::lines(&submission).iter().filter(|line| !known(line)) {
        printer.line(format!("   {line}"));
    }
    let as_told = submission.state == build.becomes && submission.checks.iter().any(|check| check.id == "secrets");
    Ok(Built {
        image,
        submission,
        as_told,
    })
}

/// What gitleaks says of the source, in the words that it has for it. The secret is made up.
fn report(stage: &Stage, build: &Build) -> Result<PathBuf, Failure> {
    let secret = format!("AKIA{}", "Q3EXAMPLE7SHOP42");
    let leak = json!({
        "ruleId": "aws-access-token",
        "message": { "text": "aws-access-token has detected secret for file config/prod.env." },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": "config/prod.env" },
            "region": { "startLine": 3, "snippet": { "text": format!("AWS_ACCESS_KEY_ID={secret}") } },
        }}],
    });
    let found = if build.leaks { vec![leak] } else { Vec::new() };
    let report = json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gitleaks", "semanticVersion": "8.30.1", "rules": [{ "id": "aws-access-token" }] } },
            "results": found,
        }],
    });
    let path = stage.directory().join(REPORT);
    std::fs::write(&path, report.to_string()).map_err(|error| unwritable(&path, error))?;
    Ok(path)
}
