//! `countersign policy test --policy FILE… [--image REF…] [--resource FILE…]`

use std::path::{Path, PathBuf};

use countersign_admission::{Question, Review, question};
use countersign_policy::{ObjectFacts, PolicySet, Settings};
use countersign_server::admission::facts;
use countersign_server::record::render;
use serde_json::{Value, json};

use crate::configuration::NoMatch;
use crate::exit::Exit;
use crate::failure::{Failure, unreadable};
use crate::judging::{Judged, Reach, exit_of, read_policies};
use crate::printer::Printer;
use crate::registries::RegistryArguments;
use crate::rendering;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["image", "resource"])))]
pub(crate) struct Arguments {
    /// Policy file, or directory with policy files
    #[arg(long, required = true, value_name = "FILE")]
    policy: Vec<PathBuf>,

    /// An image to judge
    #[arg(long, value_name = "REF")]
    image: Vec<String>,

    /// A Kubernetes object (YAML or JSON) whose images are judged, as if it were created now
    #[arg(long, value_name = "FILE")]
    resource: Vec<PathBuf>,

    /// What becomes of an image that no policy governs
    #[arg(long, value_enum, default_value_t = NoMatch::Deny, value_name = "VERDICT")]
    no_match: NoMatch,

    #[command(flatten)]
    registries: RegistryArguments,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let policies = read_policies(&arguments.policy, Settings::new(arguments.no_match.into()))?;
    let reach = Reach::new(&arguments.registries)?;
    let mut judged = Vec::new();
    for image in &arguments.image {
        judged.push(judge(image, &ObjectFacts::none(), &reach, &policies, printer).await);
    }
    for file in &arguments.resource {
        for review in reviews(file)? {
            let object = facts(&review);
            for image in images(&review, file)? {
                judged.push(judge(&image, &object, &reach, &policies, printer).await);
            }
        }
    }
    let documents: Vec<_> = judged.iter().map(|each| render::judgement(&each.judgement)).collect();
    printer.document("PolicyTest", json!({ "images": documents }));
    Ok(exit_of(judged.iter().map(|each| &each.judgement)))
}

async fn judge(image: &str, object: &ObjectFacts, reach: &Reach, policies: &PolicySet, printer: &mut Printer) -> Judged {
    let judged = reach.judge(image, policies, object).await;
    rendering::judgement(&judged.judgement, printer);
    judged
}

/// The images of an object, each once; found by the code that the door finds them with.
fn images(review: &Review, file: &Path) -> Result<Vec<String>, Failure> {
    let wrong = |error| Failure::misuse(error).context(format!("the object in `{}` cannot be judged", file.display()));
    match question(review).map_err(wrong)? {
        Question::NothingToJudge(_) => Ok(Vec::new()),
        Question::Uses(uses) => {
            let mut images: Vec<_> = uses.into_iter().map(|each| each.image).collect();
            images.sort();
            images.dedup();
            Ok(images)
        }
    }
}

/// The review that the API server would send if each object in the file were created.
fn reviews(file: &Path) -> Result<Vec<Review>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
    let not_an_object = |error: anyhow::Error| Failure::misuse(error).context(format!("`{}` is no Kubernetes object", file.display()));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| not_an_object(error.into()))?;
    objects
        .iter()
        .map(|object| {
            let body = review_of(object).ok_or_else(|| not_an_object(anyhow::anyhow!("it has no `apiVersion` or no `kind`")))?;
            Review::parse(body.into()).map_err(|error| not_an_object(error.into()))
        })
        .collect()
}

fn review_of(object: &Value) -> Option<Vec<u8>> {
    let api_version = object["apiVersion"].as_str()?;
    let kind = object["kind"].as_str()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "policy-test",
            "operation": "CREATE",
            "kind": { "group": group, "version": version, "kind": kind },
            // Every built-in kind that carries a Pod has a regular plural.
            "resource": { "group": group, "version": version, "resource": format!("{}s", kind.to_lowercase()) },
            "namespace": object["metadata"]["namespace"].as_str().unwrap_or("default"),
            "name": object["metadata"]["name"].as_str().unwrap_or_default(),
            "userInfo": {},
            "object": object,
        },
    });
    Some(review.to_string().into_bytes())
}
