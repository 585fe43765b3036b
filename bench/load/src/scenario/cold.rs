//! Images that the door has never seen, at a registry that is far away: how many steps, and how many requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_evidence::Layout;
use countersign_image::Pinned;

use super::turns::median;
use super::{mutations, validations};
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, Question, Target, drive};
use crate::stage::{Place, Stage};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Images of each kind.
    pub images: usize,
    /// How far away the registry is, there and back.
    pub delay: Duration,
}

impl Scale {
    /// As it is told in the documents.
    #[must_use]
    pub fn full() -> Self {
        Self {
            images: 20,
            delay: Duration::from_millis(50),
        }
    }
}

/// One kind of image, and what it may take.
struct Case {
    what: &'static str,
    kind: &'static str,
    layout: Layout,
    by_tag: bool,
    steps: f64,
}

const CASES: [Case; 4] = [
    Case {
        what: "a `.sig` by digest",
        kind: "sig",
        layout: Layout::Tag,
        by_tag: false,
        steps: 2.0,
    },
    Case {
        what: "a `.sig` by tag",
        kind: "sig-tag",
        layout: Layout::Tag,
        by_tag: true,
        steps: 3.0,
    },
    Case {
        what: "a bundle by digest",
        kind: "bundle",
        layout: Layout::Bundle,
        by_tag: false,
        steps: 3.0,
    },
    Case {
        what: "a bundle by tag",
        kind: "bundle-tag",
        layout: Layout::Bundle,
        by_tag: true,
        steps: 4.0,
    },
];

/// What is done between the steps, in steps: a step is fifty times as long.
const BETWEEN: f64 = 0.25;
const ONE: Protocol = Protocol::Http1 { connections: 1 };

/// Runs it. The wire's length is added to each answer, as on connections that are kept.
pub async fn run(place: &Place, scale: Scale) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let first = stage.shop.signed("first", Layout::Bundle, 1).await?;
    let door = stage.door().await?;
    let target = stage.target(&door)?;
    // The door's connections and what it learns of the registry's abilities are made here.
    ask(&target, &validations(&first)).await?;
    let mut figures = Vec::new();
    for case in &CASES {
        let images = stage.shop.signed(case.kind, case.layout, scale.images).await?;
        stage.shop.moves_away(scale.delay);
        let admitted = admit(&stage, &target, case, &images).await?;
        stage.shop.moves_away(Duration::ZERO);
        figures.extend(admitted.figures(case, scale));
    }
    Ok(Results {
        scenario: "cold",
        figures,
    })
}

struct Admitted {
    took: Vec<Duration>,
    /// Of each image alone.
    requests: Vec<usize>,
}

async fn admit(stage: &Stage, target: &Target, case: &Case, images: &[Pinned]) -> Result<Admitted> {
    let (mut took, mut requests) = (Vec::new(), Vec::new());
    stage.shop.take_requests();
    for image in images {
        let image = std::slice::from_ref(image);
        let (mutation, validation) = (mutations(image), validations(image));
        let began = Instant::now();
        if case.by_tag {
            ask(target, &mutation).await?;
        }
        ask(target, &validation).await?;
        took.push(began.elapsed());
        requests.push(stage.shop.take_requests().len());
    }
    Ok(Admitted { took, requests })
}

async fn ask(target: &Target, question: &Arc<[Question]>) -> Result<()> {
    let asked = drive(target, ONE, Pace::Times(1), question).await?;
    asked.all_accepted().context("a signed image was not admitted")?;
    Ok(())
}

impl Admitted {
    fn figures(&self, case: &Case, scale: Scale) -> [Figure; 2] {
        let median = median(self.took.iter().map(Duration::as_secs_f64).collect());
        let most = self.requests.iter().max().copied().unwrap_or_default();
        let least = self.requests.iter().min().copied().unwrap_or_default();
        [
            Figure::told(
                format!("{}, in steps", case.what),
                median / scale.delay.as_secs_f64(),
                "",
            )
            .wanted(Wanted::AtMost(case.steps + BETWEEN))
            .beside(format!(
                "{:.0} ms at a registry {} ms away",
                median * 1e3,
                scale.delay.as_millis()
            )),
            Figure::told(format!("{}, requests", case.what), most as f64, "").beside(format!("{least} at least")),
        ]
    }
}
