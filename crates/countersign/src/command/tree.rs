//! `countersign tree IMAGE`

use std::time::Instant;

use countersign_evidence::{Evidence, Layouts, unverified_summary};
use countersign_registry::{GatherRequest, Gatherer, SourceRequest};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::naming;
use crate::printer::Printer;
use crate::registries::ReachArguments;
use crate::rendering;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The image whose attachments are listed
    #[arg(value_name = "IMAGE")]
    image: String,
    #[command(flatten)]
    registries: ReachArguments,
}

pub(crate) async fn run(arguments: Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let (client, credentials) = arguments.registries.client()?;
    let deadline = Instant::now() + arguments.registries.timeout();
    let reference = naming::parse(&arguments.image)?;
    let image = naming::resolve(&client, &credentials, &reference, deadline).await?;
    let request = GatherRequest {
        places: vec![SourceRequest {
            repository: image.repository().clone(),
            tag_prefix: None,
        }],
        signatures: true,
        attestations: true,
        layouts: Layouts::ALL,
        manifest: false,
    };
    let evidence = Gatherer::uncached(client)
        .gather(&image, &request, &credentials, deadline)
        .await;
    print(&evidence, printer);
    let out_of_reach = evidence.gaps.iter().any(|gap| !gap.cause.is_content());
    Ok(if out_of_reach { Exit::Undecided } else { Exit::Done })
}

fn print(evidence: &Evidence, printer: &mut Printer) {
    let seen = unverified_summary(evidence);
    printer.line(&evidence.image);
    let lines: Vec<String> = seen
        .iter()
        .map(|seen| {
            format!(
                "{}  ({} {})",
                rendering::seen(seen),
                seen.origin.layout,
                seen.origin.manifest
            )
        })
        .chain(
            evidence
                .gaps
                .iter()
                .map(|gap| format!("not obtained: {}: {}", gap.place.describe(&evidence.image), gap.cause)),
        )
        .collect();
    for (at, line) in lines.iter().enumerate() {
        printer.line(format!(
            "{} {line}",
            if at + 1 == lines.len() {
                "└──"
            } else {
                "├──"
            }
        ));
    }
    if lines.is_empty() {
        printer.line("└── nothing is attached to it");
    } else {
        printer.note("nothing of this is verified; `countersign verify` does that");
    }
    printer.document(
        "Tree",
        json!({
            "image": evidence.image.to_string(),
            "unverified": seen.iter().map(|seen| json!({
                "kind": seen.kind.word(),
                "predicateType": seen.unverified_predicate_type,
                "signer": seen.unverified_signer_hint,
                "layout": seen.origin.layout.to_string(),
                "repository": seen.origin.repository.to_string(),
                "manifest": seen.origin.manifest.to_string(),
                "blob": seen.origin.blob.to_string(),
            })).collect::<Vec<_>>(),
            "gaps": evidence.gaps.iter().map(|gap| json!({
                "place": gap.place.describe(&evidence.image), "cause": gap.cause.to_string(),
            })).collect::<Vec<_>>(),
        }),
    );
}
