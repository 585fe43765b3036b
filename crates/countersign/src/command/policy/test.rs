//! `countersign policy test --policy FILE… [--image REF…] [--resource FILE…]`

use std::path::PathBuf;

use countersign_policy::{ObjectFacts, Settings};
use countersign_server::record::render;
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::objects::{self, Content, Object};
use crate::configuration::NoMatch;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::judging::{Judged, Reach, exit_of};
use crate::printer::Printer;
use crate::registries::ReachArguments;
use crate::rendering::{self, Detail};
use crate::resting;
use crate::yardstick::read_policies;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["image", "resource"])))]
pub(crate) struct Arguments {
    /// Policy file, or directory with policy files; TrustRoot documents may stand beside the policies
    #[arg(long, required = true, value_name = "FILE")]
    policy: Vec<PathBuf>,

    /// Trust root to believe (`trusted_root.json`) where a policy names none, instead of the one of sigstore's public-good
    /// instance that this binary brings along
    #[arg(long, value_name = "FILE")]
    trusted_root: Option<PathBuf>,

    /// An image to judge
    #[arg(long, value_name = "REF")]
    image: Vec<String>,

    /// File with Kubernetes objects (YAML or JSON) whose images are judged, as if they were created now; /dev/stdin reads a
    /// pipe
    #[arg(long, value_name = "FILE")]
    resource: Vec<PathBuf>,

    /// What becomes of an image that no policy governs
    #[arg(long, value_enum, default_value_t = NoMatch::Deny, value_name = "VERDICT")]
    no_match: NoMatch,

    #[command(flatten)]
    registries: ReachArguments,
}

/// One image to judge, and what brings it in.
struct Trial<'a> {
    image: &'a str,
    facts: &'a ObjectFacts,
    brought_by: Option<(&'a Object, &'a [String])>,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let (reach, sources) = Reach::open(&arguments.registries)?;
    let roots = sources.open(arguments.trusted_root.clone(), Timestamp::now(), printer)?;
    let policies = read_policies(&arguments.policy, &roots, Settings::new(arguments.no_match.into())).await?;
    resting::tell_unusable(&policies, printer);
    let mut objects = Vec::new();
    for file in &arguments.resource {
        objects.extend(objects::read(file)?);
    }
    let by_itself = ObjectFacts::none();
    let trials = trials(&arguments.image, &by_itself, &objects);
    let mut judging = reach.judge_all(trials.iter().map(|trial| (trial.image, trial.facts)), &policies);
    let mut judged = Vec::with_capacity(trials.len());
    for trial in &trials {
        if let Some(each) = judging.next().await {
            trial.print(&each, printer);
            judged.push(each);
        }
    }
    let without = without_images(&objects, printer);
    let images: Vec<_> = trials
        .iter()
        .zip(&judged)
        .map(|(trial, each)| trial.document(each))
        .collect();
    printer.document("PolicyTest", json!({ "images": images, "withoutImages": without }));
    Ok(exit_of(&judged))
}

fn trials<'a>(images: &'a [String], by_itself: &'a ObjectFacts, objects: &'a [Object]) -> Vec<Trial<'a>> {
    let named = images.iter().map(|image| Trial {
        image,
        facts: by_itself,
        brought_by: None,
    });
    let brought = objects.iter().flat_map(|object| match &object.content {
        Content::Images { facts, fields } => fields
            .iter()
            .map(|(image, fields)| Trial {
                image,
                facts,
                brought_by: Some((object, fields)),
            })
            .collect(),
        Content::Nothing(_) => Vec::new(),
    });
    named.chain(brought).collect()
}

impl Trial<'_> {
    fn print(&self, judged: &Judged, printer: &mut Printer) {
        if let Some((object, fields)) = self.brought_by {
            printer.line(format!("{object} in {}: {}", object.file.display(), fields.join(", ")));
        }
        rendering::judgement(&judged.judgement, Detail::Whole, printer);
    }

    fn document(&self, judged: &Judged) -> Value {
        let mut document = render::judgement(&judged.judgement);
        if let Some((object, fields)) = self.brought_by {
            document["object"] = named(object);
            document["fields"] = json!(fields);
        }
        document
    }
}

/// Objects of which there is nothing to judge are said too: who tests a file wants to know what was not looked at.
fn without_images(objects: &[Object], printer: &mut Printer) -> Vec<Value> {
    let mut documents = Vec::new();
    for object in objects {
        if let Content::Nothing(why) = &object.content {
            printer.line(format!(
                "{object} in {}\n  nothing to judge: {why}",
                object.file.display()
            ));
            let mut document = named(object);
            document["why"] = json!(why);
            documents.push(document);
        }
    }
    documents
}

fn named(object: &Object) -> Value {
    json!({ "file": object.file, "kind": object.kind, "name": object.name })
}
