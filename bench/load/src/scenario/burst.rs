//! Many reviews of one new image at once, and one Pod with the same image eight times: what one costs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use countersign_evidence::Layout;
use countersign_image::Pinned;

use super::{mutations, validations};
use crate::doors::Door;
use crate::figures::{Figure, Results, Wanted};
use crate::load::{Pace, Protocol, Question, Target, drive};
use crate::review;
use crate::stage::{Place, Stage};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Connections of HTTP/2.
    pub connections: usize,
    /// Reviews at once on each; the door takes 250.
    pub streams: usize,
    /// How far away the registry is: long enough that all reviews come before its answer.
    pub delay: Duration,
}

const CONTAINERS: usize = 8;

impl Scale {
    /// As it is told in the documents.
    #[must_use]
    pub fn full() -> Self {
        Self {
            connections: 4,
            streams: 250,
            delay: Duration::from_millis(500),
        }
    }
}

/// Runs it.
pub async fn run(place: &Place, scale: Scale) -> Result<Results> {
    let stage = Stage::set(place).await?;
    let images = stage.shop.signed("burst", Layout::Bundle, 5).await?;
    let [first, single, tagged, new, eightfold] = &images[..] else {
        anyhow::bail!("five images were asked for");
    };
    let door = stage.door().await?;
    let scene = Scene {
        target: stage.target(&door)?,
        stage: &stage,
        door: &door,
        scale,
    };
    scene.ask_once(&validations(std::slice::from_ref(first))).await?;
    let single = scene.ask_once(&validations(std::slice::from_ref(single))).await?;
    let (burst, crowd) = (scene.burst(new).await?, scale.connections * scale.streams);
    let name = eightfold.written();
    let named = [name.as_str(); CONTAINERS];
    let eightfold = [Question::review("validate", review::of_pod(0, &named))].into();
    let eightfold = scene.ask_once(&eightfold).await?;
    let number = |count: usize| Wanted::Exactly(count as f64);
    Ok(Results {
        scenario: "burst",
        figures: vec![
            Figure::told(
                format!("{crowd} mutations of one tag: resolved"),
                scene.resolve(tagged).await? as f64,
                "",
            )
            .wanted(number(1)),
            Figure::told(
                format!("{crowd} validations of one image: requests"),
                burst.requests as f64,
                "",
            )
            .wanted(number(single.requests))
            .beside("as many as one validation"),
            Figure::told(
                format!("{crowd} validations of one image: judged"),
                burst.judged as f64,
                "",
            )
            .wanted(number(1)),
            Figure::told(
                format!("{CONTAINERS} containers of one image: requests"),
                eightfold.requests as f64,
                "",
            )
            .wanted(number(single.requests))
            .beside("as many as one container"),
            Figure::told(
                format!("{CONTAINERS} containers of one image: judged"),
                eightfold.judged as f64,
                "",
            )
            .wanted(number(single.judged)),
        ],
    })
}

/// What was done for some questions.
struct Done {
    /// At the registry.
    requests: usize,
    /// Judgements that were not known before.
    judged: usize,
}

struct Scene<'a> {
    stage: &'a Stage,
    door: &'a Door,
    target: Target,
    scale: Scale,
}

impl Scene<'_> {
    async fn ask_once(&self, question: &Arc<[Question]>) -> Result<Done> {
        let one = Protocol::Http1 { connections: 1 };
        self.counted(one, Pace::Times(1), question).await
    }

    async fn burst(&self, image: &Pinned) -> Result<Done> {
        self.all_at_once(&validations(std::slice::from_ref(image))).await
    }

    /// How often the tag was asked for. What `/validate` will want is gathered meanwhile, and is not counted here.
    async fn resolve(&self, image: &Pinned) -> Result<usize> {
        self.stage.shop.moves_away(self.scale.delay);
        self.stage.shop.take_requests();
        self.drive(self.crowd(), self.everyone(), &mutations(std::slice::from_ref(image)))
            .await?;
        self.stage.shop.moves_away(Duration::ZERO);
        let requests = self.stage.shop.take_requests();
        Ok(requests.iter().filter(|request| request.starts_with("HEAD ")).count())
    }

    async fn all_at_once(&self, question: &Arc<[Question]>) -> Result<Done> {
        self.stage.shop.moves_away(self.scale.delay);
        let done = self.counted(self.crowd(), self.everyone(), question).await;
        self.stage.shop.moves_away(Duration::ZERO);
        done
    }

    async fn counted(&self, protocol: Protocol, pace: Pace, question: &Arc<[Question]>) -> Result<Done> {
        self.stage.shop.take_requests();
        let before = self.judgements().await?;
        self.drive(protocol, pace, question).await?;
        Ok(Done {
            requests: self.stage.shop.take_requests().len(),
            judged: self.judgements().await? - before,
        })
    }

    async fn drive(&self, protocol: Protocol, pace: Pace, question: &Arc<[Question]>) -> Result<()> {
        let asked = drive(&self.target, protocol, pace, question).await?;
        asked.all_accepted().context("a signed image was not admitted")?;
        Ok(())
    }

    async fn judgements(&self) -> Result<usize> {
        let series = r#"countersign_cache_lookups_total{cache="verdicts",lookup="miss"}"#;
        Ok(usize::try_from(self.door.metric(series).await?)?)
    }

    fn crowd(&self) -> Protocol {
        Protocol::Http2 {
            connections: self.scale.connections,
            streams: self.scale.streams,
        }
    }

    fn everyone(&self) -> Pace {
        Pace::Times((self.scale.connections * self.scale.streams) as u64)
    }
}
