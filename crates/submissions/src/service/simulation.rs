//! What another gate would have said of what was submitted before: from what is stored, as of then.

use std::time::{Duration, Instant};

use countersign_gate::{Gate, opens};
use countersign_wire::{self as wire, Code};

use super::records::Job;
use super::{Service, told};
use crate::door::Refusal;
use crate::work::weigh_again;

/// How many submissions are looked at where nothing is said, and at most.
const USUAL: usize = 20;
const MOST: usize = 200;
/// No submission is begun with after this: the answer says how many were looked at.
const SIMULATES_FOR: Duration = Duration::from_secs(60);

impl Service {
    pub(crate) async fn simulate(
        &self,
        caller: &Job,
        question: wire::NewSimulation,
    ) -> Result<wire::Simulation, Refusal> {
        let candidate = Gate::read(&question.gate);
        let candidate = candidate.map_err(|error| Refusal::with(Code::GateRefused, crate::door::Chain(&error)))?;
        let last = question.last.unwrap_or(USUAL).min(MOST);
        let repository = &caller.submitter.repository;
        let filter = countersign_store::Filter {
            of: Some((repository.issuer.clone(), repository.repository_id.clone())),
            ..Default::default()
        };
        let mut simulation = wire::Simulation {
            looked_at: 0,
            changed: Vec::new(),
        };
        let end = Instant::now() + SIMULATES_FOR;
        let _turn = self
            .simulations
            .acquire()
            .await
            .map_err(|error| Refusal::internal(&error))?;
        for submission in self.store.list(&filter, last as u64).await? {
            if Instant::now() >= end {
                break;
            }
            let came = told::CameOf::so_far(&submission);
            if came.checks.is_empty() {
                continue;
            }
            let Ok(outcomes) = weigh_again(self, &submission, &candidate).await else {
                continue;
            };
            simulation.looked_at += 1;
            let opened = came
                .checks
                .iter()
                .all(|check| check.status != wire::CheckStatus::Failed);
            let would_open = opens(&outcomes);
            if opened != would_open {
                simulation.changed.push(wire::Simulated {
                    submission: submission.asked.id.clone(),
                    image: super::image_of(&submission),
                    opened,
                    would_open,
                    checks: told::checks(&outcomes),
                });
            }
        }
        Ok(simulation)
    }
}
