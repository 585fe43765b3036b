//! What the door holds after ten thousand images that were signed without a key, each judged once, and after as many again.

use anyhow::Result;

use super::validations;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::minted::Minted;
use crate::stage::{Place, Stage};

const IMAGES: usize = 10_000;
/// Round after round of other images: the caches are full after some of them, and no round may cost more than a moment.
const ROUNDS: usize = 4;
const PROTOCOL: Protocol = Protocol::Http1 { connections: 8 };

/// Runs it.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let minted = Minted::new()?;
    let door = stage.door_believing(&minted).await?;
    let (target, process) = (stage.target(&door)?, door.process()?);
    let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
    let start = process.resident()?;
    let mut figures = Vec::new();
    let mut before = start;
    for round in 1..=ROUNDS {
        let images = stage.shop.keyless(&minted, &format!("round-{round}"), IMAGES).await?;
        drive(&target, PROTOCOL, Pace::Times(IMAGES as u64), &validations(&images))
            .await?
            .all_accepted()?;
        let after = process.resident()?;
        let figure = Figure::told(
            format!("resident after {} distinct images", round * IMAGES),
            mebibytes(after.now),
            "MiB",
        );
        let figure = if round == ROUNDS {
            // What is full does not grow: a twentieth is what an allocator moves about.
            figure.wanted(Wanted::AtMost(mebibytes(before.now) * 1.05))
        } else {
            figure
        };
        figures.push(figure.beside(format!(
            "heap {:.1} MiB; {:.1} MiB at most, {:.1} MiB at the start",
            mebibytes(after.heap),
            mebibytes(after.peak),
            mebibytes(start.now)
        )));
        before = after;
    }
    Ok(Results {
        scenario: "keyless",
        figures,
    })
}
