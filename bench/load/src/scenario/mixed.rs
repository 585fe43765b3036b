//! A cluster's day: most Pods run images that are known, some are new, and the registry is not next door.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use countersign_evidence::Layout;

use super::validations;
use crate::figures::{Figure, Results};
use crate::load::{Kind, Pace, Protocol, Question, drive};
use crate::stage::{Place, Stage};

const KNOWN: usize = 2000;
const NEW: usize = 400;
/// One in so many is new.
const ONE_IN: usize = 10;
const A_SECOND: u64 = 400;
const DELAY: Duration = Duration::from_millis(20);
const PROTOCOL: Protocol = Protocol::Http1 { connections: 64 };

/// Runs it.
pub async fn run(place: &Place) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let known = validations(&stage.shop.signed("known", Layout::Bundle, KNOWN).await?);
    let new = validations(&stage.shop.signed("new", Layout::Bundle, NEW).await?);
    let door = stage.door().await?;
    let target = stage.target(&door)?;
    drive(&target, PROTOCOL, Pace::Times(KNOWN as u64), &known)
        .await?
        .all_accepted()?;
    let questions: Arc<[Question]> = (0..NEW * ONE_IN)
        .map(|number| match number % ONE_IN {
            0 => new[number / ONE_IN].clone().of_kind(Kind::Other),
            _ => known[number % KNOWN].clone(),
        })
        .collect();
    stage.shop.moves_away(DELAY);
    let pace = Pace::Rate {
        a_second: A_SECOND,
        times: questions.len() as u64,
    };
    let measured = drive(&target, PROTOCOL, pace, &questions).await?.all_accepted()?;
    let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    let how = format!(
        "{A_SECOND}/s, 1 in {ONE_IN} of a new image, registry {} ms away",
        DELAY.as_millis()
    );
    let figure = |what: &str, latency: &hdrhistogram::Histogram<u64>| {
        Figure::told(
            format!("99th percentile of {what} images"),
            milliseconds(latency.value_at_percentile(99.0)),
            "ms",
        )
        .beside(format!(
            "median {:.2} ms; n = {}; {how}",
            milliseconds(latency.value_at_percentile(50.0)),
            latency.len()
        ))
    };
    Ok(Results {
        scenario: "mixed",
        figures: vec![
            figure("known", &measured.latency),
            figure("new", &measured.other_latency),
        ],
    })
}
