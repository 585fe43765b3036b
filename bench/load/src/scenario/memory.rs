//! What the door holds after ten thousand admissions of a thousand images.

use anyhow::Result;
use countersign_evidence::Layout;

use super::{mutations, validations};
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::stage::{Place, Stage};

const IMAGES: usize = 1000;
const ADMISSIONS: u64 = 10_000;
const PROTOCOL: Protocol = Protocol::Http1 { connections: 8 };

/// Runs it. An admission is both webhooks: the tag pinned, then the digest judged.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("memory", Layout::Bundle, IMAGES).await?;
    let door = stage.door().await?;
    let (target, process) = (stage.target(&door)?, door.process()?);
    let before = process.resident()?;
    for questions in [mutations(&images), validations(&images)] {
        drive(&target, PROTOCOL, Pace::Times(ADMISSIONS), &questions)
            .await?
            .all_accepted()?;
    }
    let after = process.resident()?;
    let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
    let figure = Figure::told(
        format!("resident after {ADMISSIONS} admissions of {IMAGES} images"),
        mebibytes(after.now),
        "MiB",
    )
    .wanted(Wanted::AtMost(30.0))
    .beside(format!(
        "{:.1} MiB at most, {:.1} MiB at the start",
        mebibytes(after.peak),
        mebibytes(before.now)
    ));
    Ok(Results {
        scenario: "memory",
        figures: vec![figure],
    })
}
