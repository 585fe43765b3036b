//! Validations of images that the door has judged before, against the constant door.

use std::time::Duration;

use anyhow::Result;
use countersign_evidence::Layout;

use super::turns::{Run, Side, interleave};
use super::validations;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, drive};
use crate::stage::{Place, Stage};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Distinct images.
    pub images: usize,
    /// Turns of each door.
    pub rounds: usize,
    /// How long each turn is.
    pub turn: Duration,
}

impl Scale {
    /// As it is told in the documents.
    #[must_use]
    pub fn full() -> Self {
        Self {
            images: 1000,
            rounds: 6,
            turn: Duration::from_secs(2),
        }
    }
}

/// As many connections as the peers were measured with.
const CONNECTIONS: Protocol = Protocol::Http1 { connections: 8 };
const ONE_CONNECTION: Protocol = Protocol::Http2 {
    connections: 1,
    streams: 64,
};
/// Of the open loop: enough that none waits for another.
const MANY: Protocol = Protocol::Http1 { connections: 32 };
const OPEN_RATE: u64 = 1000;

/// Runs it.
pub async fn run(place: &Place, scale: Scale) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("warm", Layout::Bundle, scale.images).await?;
    let questions = validations(&images);
    let (ours, constant) = (stage.door().await?, stage.constant().await?);
    let sides = [&ours, &constant].map(|door| {
        Ok(Side {
            target: stage.target(door)?,
            process: door.process()?,
        })
    });
    let sides: Vec<Side> = sides.into_iter().collect::<Result<_>>()?;
    for side in &sides {
        let once = Pace::Times(scale.images as u64);
        drive(&side.target, CONNECTIONS, once, &questions)
            .await?
            .all_accepted()?;
    }
    let mut figures = Vec::new();
    let closed = Pace::For(scale.turn);
    let runs = interleave(&sides, scale.rounds, CONNECTIONS, closed, &questions).await?;
    figures.extend(closed_loop("HTTP/1.1, 8 connections", &runs[0], &runs[1]));
    let runs = interleave(&sides, scale.rounds, ONE_CONNECTION, closed, &questions).await?;
    figures.extend(closed_loop("HTTP/2, 1 connection, 64 streams", &runs[0], &runs[1]));
    let open = Pace::Rate {
        a_second: OPEN_RATE,
        times: OPEN_RATE * scale.turn.as_secs().max(1),
    };
    let runs = interleave(&sides, scale.rounds, MANY, open, &questions).await?;
    figures.push(open_loop(&runs[0], &runs[1]));
    Ok(Results {
        scenario: "warm",
        figures,
    })
}

fn closed_loop(how: &str, ours: &Run, constant: &Run) -> Vec<Figure> {
    let (ours_cpu, constant_cpu) = (ours.cpu_each(), constant.cpu_each());
    vec![
        Figure::told(
            format!("rate over the constant door's ({how})"),
            ours.rate_over(constant),
            "",
        )
        .wanted(Wanted::AtLeast(0.5))
        .beside(format!("{:.0}/s over {:.0}/s", ours.rate(), constant.rate())),
        Figure::told(format!("validations a second ({how})"), ours.rate(), "/s").wanted(Wanted::AtLeast(5000.0)),
        Figure::told(format!("CPU for a validation ({how})"), ours_cpu, "µs")
            .wanted(Wanted::AtMost(100.0))
            .beside(format!(
                "{:.2} times the constant door's {constant_cpu:.1} µs; n = {}",
                ours_cpu / constant_cpu,
                ours.answered()
            )),
    ]
}

fn open_loop(ours: &Run, constant: &Run) -> Figure {
    Figure::told(
        format!("99th percentile at {OPEN_RATE}/s, open loop"),
        ours.percentile(99.0),
        "ms",
    )
    .wanted(Wanted::AtMost(2.0))
    .beside(format!(
        "median {:.2} ms; constant door {:.2} ms, median {:.2} ms",
        ours.percentile(50.0),
        constant.percentile(99.0),
        constant.percentile(50.0)
    ))
}
