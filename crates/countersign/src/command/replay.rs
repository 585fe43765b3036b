//! `countersign replay DIR` and `countersign replay --record ID`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use countersign_evidence::Evidence;
use countersign_policy::{ObjectFacts, PolicySet, Settings, judge};
use countersign_registry::archive;
use countersign_server::admission::DenialContext;
use countersign_server::policies;
use countersign_server::record::render;
use jiff::Timestamp;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, MAX_SMALL};
use crate::judging::{Judged, exit_of};
use crate::printer::Printer;
use crate::rendering::{self, Detail};
use crate::resting::ConfigArguments;
use crate::yardstick::Yardstick;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["directory", "record"])))]
pub(crate) struct Arguments {
    /// What `verify --save` wrote
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,

    /// The time to judge at, such as 2026-01-31T12:00:00Z [default: when the evidence was gathered]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,

    #[command(flatten)]
    yardstick: Yardstick,

    #[command(flatten)]
    config: ConfigArguments,

    #[command(flatten)]
    denied: Denied,
}

/// A denial that a door kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "A denial that a door kept")]
pub(crate) struct Denied {
    /// The `id` in the door's record; it is judged by the policies and trust roots that were in force
    #[arg(long, value_name = "ID", requires = "denials", conflicts_with_all = ["policy", "key", "certificate_identity", "certificate_identity_regexp", "trusted_root"])]
    record: Option<String>,

    /// Where the door keeps its latest denials (`serve admission --denials DIR`)
    #[arg(long, env = "COUNTERSIGN_DENIALS", value_name = "DIR")]
    denials: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let judged = match &arguments.directory {
        Some(directory) => {
            let evidence = gathered(directory)?;
            let at = arguments.at.unwrap_or(evidence.as_of);
            let policies = arguments
                .yardstick
                .policies(arguments.config.sources()?, at, printer)
                .await?;
            vec![judge_again(evidence, &policies, &ObjectFacts::none(), at)]
        }
        None => arguments.denied.judge_again(arguments.at)?,
    };
    for each in &judged {
        rendering::judgement(&each.judgement, Detail::Whole, printer);
    }
    printer.document(
        "Replay",
        json!({ "images": judged.iter().map(|each| render::judgement(&each.judgement)).collect::<Vec<_>>() }),
    );
    Ok(exit_of(&judged))
}

impl Denied {
    /// Exactly what was judged, judged again.
    pub(crate) fn judge_again(&self, at: Option<Timestamp>) -> Result<Vec<Judged>, Failure> {
        let (Some(record), Some(denials)) = (&self.record, &self.denials) else {
            return Err(Failure::misuse(anyhow::anyhow!(
                "no record is named, or not where denials are kept"
            )));
        };
        let directory = denials.join(record);
        if record.contains(['/', '\\']) || record.starts_with('.') || !directory.is_dir() {
            return Err(Failure::misuse(anyhow::anyhow!("no denial `{record}` is kept in `{}`", denials.display()))
                .hint("it is the `id` of a record with `allowed: false`; the latest 256 for which evidence was gathered are kept"));
        }
        let context = read_context(&directory.join("context.json"))?;
        let settings = context.settings().unwrap_or_else(Settings::deny_unmatched);
        let texts = policies::read(&[directory.join("policies")]).map_err(Failure::misuse)?;
        let policies = PolicySet::compile(policies::parse(&texts), settings);
        let policies = context.rest(&directory, policies).map_err(|error| {
            Failure::misuse(error)
                .context(format!("the denial `{record}` cannot be judged as it was"))
                .hint("`countersign verify IMAGE` judges by the policies and trust roots of now")
        })?;
        let at = at.unwrap_or_else(|| context.at());
        let mut judged = Vec::new();
        while let Some(image) = Some(directory.join(format!("image-{}", judged.len()))).filter(|image| image.is_dir()) {
            judged.push(judge_again(gathered(&image)?, &policies, &context.facts(), at));
        }
        // Nothing judged is nothing admitted.
        if judged.is_empty() {
            return Err(Failure::misuse(anyhow::anyhow!(
                "the denial `{record}` in `{}` holds no image",
                denials.display()
            )));
        }
        Ok(judged)
    }
}

fn read_context(path: &Path) -> Result<DenialContext, Failure> {
    countersign_image::json::strict(&files::read(path, MAX_SMALL)?)
        .map_err(|error| Failure::misuse(error).context(format!("`{}` is not what a door wrote", path.display())))
}

fn gathered(directory: &Path) -> Result<Evidence, Failure> {
    archive::load(directory).map_err(|error| {
        Failure::misuse(error)
            .context(format!(
                "`{}` holds no evidence that can be judged",
                directory.display()
            ))
            .hint("`countersign verify IMAGE --save DIR` writes such a directory")
    })
}

fn judge_again(evidence: Evidence, policies: &PolicySet, object: &ObjectFacts, at: Timestamp) -> Judged {
    let governing = policies.governing(&evidence.image, object);
    let judgement = judge(&evidence, &governing, at);
    Judged {
        judgement,
        evidence: Some(Arc::new(evidence)),
    }
}
