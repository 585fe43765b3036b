//! How long after the start of its process the door has admitted somebody.

use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_evidence::Layout;

use super::turns::median;
use super::validations;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::stage::{Place, Stage};

const STARTS: usize = 11;

/// Runs it. The image is new to each door, so that what is timed includes its evidence.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("start", Layout::Bundle, 1).await?;
    let questions = validations(&images);
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let door = stage.door().await?;
        let target = stage.target(&door)?;
        let one = Protocol::Http1 { connections: 1 };
        drive(&target, one, Pace::Times(1), &questions).await?.all_accepted()?;
        took.push(began.elapsed());
    }
    let milliseconds = |duration: &Duration| duration.as_secs_f64() * 1e3;
    let longest = took.iter().max().map_or(f64::NAN, milliseconds);
    let shortest = took.iter().min().map_or(f64::NAN, milliseconds);
    let figure = Figure::told(
        "from the process's start to its first admission",
        median(took.iter().map(milliseconds).collect()),
        "ms",
    )
    .wanted(Wanted::AtMost(100.0))
    .beside(format!("median of {STARTS}; {shortest:.0} to {longest:.0} ms"));
    Ok(Results {
        scenario: "start",
        figures: vec![figure],
    })
}
