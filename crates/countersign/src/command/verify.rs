//! `countersign verify IMAGE…`

use std::path::{Path, PathBuf};

use countersign_policy::ObjectFacts;
use countersign_registry::archive;
use countersign_server::record::render;
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::judging::{Judged, Reach, exit_of};
use crate::printer::Printer;
use crate::registries::ReachArguments;
use crate::rendering::{self, Detail};
use crate::yardstick::Yardstick;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The images to judge; a tag is resolved once, and its digest is what is judged
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    /// Write what was gathered about the (one) image to this new directory, for `replay`
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    #[command(flatten)]
    yardstick: Yardstick,

    #[command(flatten)]
    registries: ReachArguments,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    if let Some(directory) = &arguments.save {
        if arguments.images.len() > 1 {
            return Err(Failure::misuse(anyhow::anyhow!(
                "--save keeps the evidence of one image, and several are named"
            ))
            .hint("call it once for each image"));
        }
        expect_room(directory)?;
    }
    let (reach, sources) = Reach::open(&arguments.registries)?;
    let policies = arguments.yardstick.policies(sources, Timestamp::now(), printer).await?;
    let object = ObjectFacts::none();
    let images = arguments.images.iter().map(|image| (image.as_str(), &object));
    let mut judging = reach.judge_all(images, &policies);
    let mut judged = Vec::with_capacity(arguments.images.len());
    printer.progress("asking the registries");
    while let Some(each) = judging.next().await {
        rendering::judgement(&each.judgement, Detail::Whole, printer);
        judged.push(each);
    }
    if let Some(directory) = &arguments.save {
        save(judged.first(), directory, printer)?;
    }
    printer.document(
        "Verification",
        json!({ "images": judged.iter().map(|each| render::judgement(&each.judgement)).collect::<Vec<_>>() }),
    );
    Ok(exit_of(&judged))
}

/// Said before anything is gathered, and not after.
fn expect_room(directory: &Path) -> Result<(), Failure> {
    let taken = match directory.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => directory.symlink_metadata().is_ok(),
    };
    if taken {
        return Err(
            Failure::misuse(anyhow::anyhow!("`{}` is there already", directory.display()))
                .hint("--save DIR makes the directory; choose another, or move this one away"),
        );
    }
    Ok(())
}

fn save(judged: Option<&Judged>, directory: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let Some(evidence) = judged.and_then(|each| each.evidence.as_ref()) else {
        printer.note("nothing was gathered, so nothing is saved");
        return Ok(());
    };
    archive::save(evidence, directory)
        .map_err(|error| Failure::misuse(error).context("the evidence could not be saved"))?;
    printer.note(format!(
        "saved; to judge it again: countersign replay {} --policy FILE",
        directory.display()
    ));
    Ok(())
}
