//! What the door holds after ten thousand images that were signed without a key, each judged once, and after as many again.

use anyhow::Result;
use countersign_registry::CacheConfig;

use super::validations;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::minted::Minted;
use crate::stage::{Place, Stage};

/// How many images a round has where nothing else is said.
pub const IMAGES: usize = 10_000;
/// Round after round of other images: what is held may grow until the caches are full, and not beyond.
const ROUNDS: usize = 3;
const PROTOCOL: Protocol = Protocol::Http1 { connections: 8 };

/// Runs it, with so many images a round.
pub async fn run(place: &Place, count: usize) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let minted = Minted::new()?;
    let door = stage.door_believing(&minted).await?;
    let (target, process) = (stage.target(&door)?, door.process()?);
    let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
    let start = process.resident()?;
    let mut figures = Vec::new();
    // Content, and as much again of lists; verdicts are small beside them.
    let caches = 2.0 * CacheConfig::standard().memory_bytes as f64 / f64::from(1 << 20);
    for round in 1..=ROUNDS {
        let images = stage.shop.keyless(&minted, &format!("round-{round}"), count).await?;
        drive(&target, PROTOCOL, Pace::Times(count as u64), &validations(&images))
            .await?
            .all_accepted()?;
        let after = process.resident()?;
        let figure = Figure::told(
            format!("resident after {} distinct images", round * count),
            mebibytes(after.now),
            "MiB",
        );
        let figure = figure.wanted(Wanted::AtMost(mebibytes(start.now) + caches));
        figures.push(figure.beside(format!(
            "heap {:.1} MiB; {:.1} MiB at most, {:.1} MiB at the start",
            mebibytes(after.heap),
            mebibytes(after.peak),
            mebibytes(start.now)
        )));
    }
    Ok(Results {
        scenario: "keyless",
        figures,
    })
}
