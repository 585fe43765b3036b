//! `countersign verify IMAGE…`

use std::path::PathBuf;

use countersign_policy::ObjectFacts;
use countersign_registry::archive;
use countersign_server::record::render;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::judging::{Reach, Yardstick, exit_of};
use crate::printer::Printer;
use crate::registries::RegistryArguments;
use crate::rendering;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The images to judge; a tag is resolved once, and its digest is what is judged
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    #[command(flatten)]
    yardstick: Yardstick,

    /// Write what was gathered about the (one) image to this new directory, for `replay`
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    #[command(flatten)]
    registries: RegistryArguments,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    if arguments.save.is_some() && arguments.images.len() > 1 {
        return Err(Failure::misuse(anyhow::anyhow!("--save keeps the evidence of one image, and several are named"))
            .hint("call it once for each image"));
    }
    let policies = arguments.yardstick.policies()?;
    let reach = Reach::new(&arguments.registries)?;
    let mut judged = Vec::with_capacity(arguments.images.len());
    for image in &arguments.images {
        printer.progress(format!("judging {image}"));
        let each = reach.judge(image, &policies, &ObjectFacts::none()).await;
        rendering::judgement(&each.judgement, printer);
        judged.push(each);
    }
    if let (Some(directory), Some(evidence)) = (&arguments.save, judged.first().and_then(|each| each.evidence.as_ref())) {
        archive::save(evidence, directory).map_err(Failure::misuse)?;
        printer.note(format!("the evidence is in `{0}`: `countersign replay {0} --policy FILE`", directory.display()));
    }
    printer.document(
        "Verification",
        json!({ "images": judged.iter().map(|each| render::judgement(&each.judgement)).collect::<Vec<_>>() }),
    );
    Ok(exit_of(judged.iter().map(|each| &each.judgement)))
}
