//! `countersign sign IMAGE… [--key K]`

use std::collections::BTreeMap;

use countersign_evidence::{Layout, ToBeSigned};
use countersign_image::Pinned;
use serde_json::json;

use crate::desk::{Desk, Signing, Written};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The images to sign; a tag is resolved once, and its digest is what is signed
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// Put this into what is signed
    #[arg(short = 'a', long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    annotations: Vec<(String, String)>,
    #[command(flatten)]
    how: Signing,
}

fn annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("expected `KEY=VALUE`, found `{text}`")),
    }
}

/// Nothing is signed before every name is known to name an image.
pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let annotations: BTreeMap<_, _> = arguments.annotations.into_iter().collect();
    let desk = Desk::open(&arguments.how, printer).await?;
    let mut images = Vec::with_capacity(arguments.images.len());
    for image in &arguments.images {
        images.push(desk.pin(image, printer).await?);
    }
    let mut signed = Vec::with_capacity(images.len());
    for image in &images {
        let what = match desk.layout() {
            Layout::Bundle => ToBeSigned::cosign_sign(image, &annotations),
            Layout::Tag | Layout::Referrer => ToBeSigned::simple(image, &annotations),
        };
        let written = desk
            .write(image, what)
            .await
            .map_err(|failure| among(failure, &images, &signed))?;
        written.print(printer);
        signed.push(written);
    }
    printer.document(
        "Signing",
        json!({ "signed": signed.iter().map(Written::document).collect::<Vec<_>>() }),
    );
    Ok(Exit::Done)
}

/// Whoever signs several images wants to know which of them are signed when one fails.
fn among(failure: Failure, images: &[Pinned], signed: &[Written]) -> Failure {
    match images.len() {
        1 => failure,
        all => failure.context(format!("of {all} images the first {} were signed", signed.len())),
    }
}
