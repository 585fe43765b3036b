//! `countersign attest IMAGE --key K --type T --predicate F`

use std::path::PathBuf;

use countersign_evidence::{ToBeSigned, predicate};
use serde_json::Value;

use super::sign::{Signing, report};
use crate::exit::Exit;
use crate::failure::{Failure, unreadable};
use crate::judging::parse_reference;
use crate::printer::Printer;

/// The most bytes that a predicate may have: what verifiers read of an attestation, less its wrapping in base64.
const MAX_PREDICATE_BYTES: u64 = 12 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image that the statement is about
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The predicate's type: a URI, or one of cosign's short names (slsaprovenance1, spdxjson, cyclonedx, vuln, openvex …)
    #[arg(long = "type", value_name = "TYPE")]
    predicate_type: String,
    /// File with the predicate, as JSON
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    #[command(flatten)]
    how: Signing,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let predicate = read_predicate(&arguments.predicate)?;
    let desk = arguments.how.open()?;
    let image = desk.pin(parse_reference(&arguments.image)?, printer).await?;
    let what = ToBeSigned::statement(&image, predicate::uri_of(&arguments.predicate_type), &predicate);
    let published = desk.publish(&image, what).await?;
    report("Attestation", &image, &desk, &published, printer);
    Ok(Exit::Done)
}

fn read_predicate(path: &std::path::Path) -> Result<Value, Failure> {
    let length = std::fs::metadata(path).map_err(|error| unreadable(path, error))?.len();
    if length > MAX_PREDICATE_BYTES {
        return Err(Failure::misuse(anyhow::anyhow!(
            "`{}` has {length} bytes, and verifiers read at most {MAX_PREDICATE_BYTES}",
            path.display()
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    countersign_image::json::strict(&bytes)
        .map_err(|error| Failure::misuse(error).context(format!("`{}` is not JSON that can be signed", path.display())))
}
