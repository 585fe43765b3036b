//! `countersign explain IMAGE` and `countersign explain --record ID`

use std::collections::BTreeSet;

use countersign_policy::{ObjectFacts, Reason, ReasonCode};
use countersign_server::record::render;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::replay::Denied;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::judging::{Judged, Reach, exit_of};
use crate::printer::Printer;
use crate::registries::ReachArguments;
use crate::rendering::{self, Detail};
use crate::yardstick::Yardstick;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["image", "record"])))]
pub(crate) struct Arguments {
    /// The image to judge
    #[arg(value_name = "IMAGE")]
    image: Option<String>,

    #[command(flatten)]
    yardstick: Yardstick,

    #[command(flatten)]
    denied: Denied,

    #[command(flatten)]
    registries: ReachArguments,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let judged = match &arguments.image {
        Some(image) => {
            let (reach, sources) = Reach::open(&arguments.registries)?;
            let policies = arguments.yardstick.policies(sources, Timestamp::now(), printer).await?;
            vec![reach.judge(image, &policies, &ObjectFacts::none()).await]
        }
        None => arguments.denied.judge_again(None)?,
    };
    for each in &judged {
        rendering::judgement(&each.judgement, Detail::Core, printer);
        if let Some(evidence) = &each.evidence {
            rendering::evidence(evidence, printer);
        }
    }
    let codes = codes(&judged);
    for code in &codes {
        rendering::code(*code, printer);
    }
    printer.document(
        "Explanation",
        json!({
            "images": judged.iter().map(document).collect::<Vec<_>>(),
            "codes": codes.into_iter().map(page).collect::<Vec<_>>(),
        }),
    );
    Ok(exit_of(&judged))
}

fn document(judged: &Judged) -> Value {
    let mut document = render::judgement(&judged.judgement);
    if let Some(evidence) = &judged.evidence {
        document["evidence"] = render::evidence(evidence);
    }
    document
}

/// Every code that occurs, once.
fn codes(judged: &[Judged]) -> BTreeSet<ReasonCode> {
    let rulings = judged.iter().flat_map(|each| each.judgement.rulings().iter());
    rulings
        .flat_map(|ruling| ruling.verdict().reasons().map(Reason::code))
        .collect()
}

fn page(code: ReasonCode) -> Value {
    json!({ "code": code.as_str(), "title": code.title(), "meaning": code.meaning(), "remedy": code.remedy() })
}
