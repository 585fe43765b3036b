//! Asking the gate: a decision, with its reasons.

use std::sync::Arc;
use std::time::Instant;

use countersign_gate::submission::Step;
use countersign_gate::{Outcome, ask, opens};
use countersign_image::Digest;
use countersign_ledger::{Actor, EventType};
use countersign_store::{self as store, Change};

use super::weighing::Weighing;
use super::{Broken, SIGN};
use crate::service::{CameOf, Service, Stepping, checks, image_of, record};

pub(super) async fn evaluate(
    service: &Arc<Service>,
    work: &store::Work,
    submission: &store::Submission,
    deadline: Instant,
) -> Result<(), Broken> {
    let weighing = Weighing::look(service, submission, deadline).await?;
    let now = service.now();
    let outcomes = weighing.with(|submitted| ask(&weighing.gate, submitted, now));
    let opened = opens(&outcomes);
    let judged = |outcome: &Outcome| {
        let code = outcome.reasons.first().map_or("passed", |reason| reason.code.name());
        record(EventType::CheckJudged, Actor::SERVICE, now)
            .submission(&submission.asked.id)
            .image(&image_of(submission))
            .item(&outcome.check)
            .reason(code)
            .gate(weighing.gate.digest)
            .done()
    };
    let besides = outcomes.iter().map(judged).collect();
    let came = CameOf {
        checks: checks(&outcomes),
        ..CameOf::default()
    };
    let text = came.text();
    let stepping = Stepping {
        from: submission,
        step: if opened { Step::Open } else { Step::Refuse },
        actor: Actor::SERVICE,
        change: Change {
            gate: Some((weighing.gate.name.clone(), weighing.gate.digest)),
            closure: Some(weighing.fetched.digest),
            reason: (!opened).then(|| "gate_closed".to_owned()),
            deadline: opened.then(|| service.given_up(submission)),
            outcome: Some(text.clone()),
            ..Change::default()
        },
        work: opened.then_some(SIGN),
        under: Some(&work.fence),
        besides,
    };
    let closure = weighing.fetched.digest;
    service
        .step(stepping, |leaf| {
            leaf.object("closure", closure)
                .object("outcomes", Digest::sha256(text.as_bytes()))
        })
        .await?;
    Ok(())
}
