//! The same warm validation under one policy and under a thousand.

use std::time::Duration;

use anyhow::Result;
use countersign_evidence::Layout;

use super::turns::{Side, interleave};
use super::validations;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::stage::{Place, Stage};

/// How many policies each door has, the first of them few.
const POLICIES: [usize; 4] = [1, 10, 100, 1000];
const IMAGES: usize = 100;
const ROUNDS: usize = 5;
const TURN: Duration = Duration::from_secs(1);
const PROTOCOL: Protocol = Protocol::Http1 { connections: 8 };
/// What is still flat: a tenth is what two turns of one door differ by.
const FLAT: f64 = 1.1;

/// Runs it.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("policies", Layout::Bundle, IMAGES).await?;
    let questions = validations(&images);
    let (mut doors, mut sides) = (Vec::new(), Vec::new());
    for policies in POLICIES {
        let door = stage.door_among(policies - 1).await?;
        let target = stage.target(&door)?;
        let once = Pace::Times(IMAGES as u64);
        drive(&target, PROTOCOL, once, &questions).await?.all_accepted()?;
        let process = door.process()?;
        sides.push(Side { target, process });
        doors.push(door);
    }
    let runs = interleave(&sides, ROUNDS, PROTOCOL, Pace::For(TURN), &questions).await?;
    let one = runs[0].cpu_each();
    let figures = POLICIES.iter().zip(&runs).skip(1).map(|(policies, run)| {
        Figure::told(
            format!("CPU under {policies} policies over that under one"),
            run.cpu_each() / one,
            "",
        )
        .wanted(Wanted::AtMost(FLAT))
        .beside(format!(
            "{:.1} µs over {one:.1} µs; {:.0}/s",
            run.cpu_each(),
            run.rate()
        ))
    });
    Ok(Results {
        scenario: "policies",
        figures: figures.collect(),
    })
}
