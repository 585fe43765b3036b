//! `countersign attest IMAGE --type T --predicate F [--key K]`

use std::path::{Path, PathBuf};

use countersign_evidence::{ToBeSigned, predicate};
use serde_json::{Map, Value, json};

use crate::desk::{Desk, Signing};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
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
    /// File with the predicate, a JSON object
    #[arg(long, value_name = "FILE")]
    predicate: PathBuf,
    #[command(flatten)]
    how: Signing,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let predicate = read_predicate(&arguments.predicate)?;
    let predicate_type = predicate::uri_of(&arguments.predicate_type);
    let desk = Desk::open(&arguments.how, printer).await?;
    let image = desk.pin(&arguments.image, printer).await?;
    let written = desk
        .write(&image, ToBeSigned::statement(&image, predicate_type, &predicate))
        .await?;
    written.print(printer);
    printer.line(format!("type       {predicate_type}"));
    let mut attested = written.document();
    attested["predicateType"] = json!(predicate_type);
    printer.document("Attestation", json!({ "attested": [attested] }));
    Ok(Exit::Done)
}

fn read_predicate(path: &Path) -> Result<Value, Failure> {
    let object: Map<String, Value> = countersign_image::json::strict(&files::read(path, MAX_PREDICATE_BYTES)?)
        .map_err(|error| {
            Failure::misuse(error).context(format!("`{}` is no JSON object that can be signed", path.display()))
        })?;
    Ok(Value::Object(object))
}
