//! Going away without cutting anyone off.
//!
//! The order matters, because Kubernetes learns of it late: readiness turns false first, then nothing changes for a grace
//! while the endpoints lag behind, then the doors stop accepting and tell their clients to go elsewhere (GOAWAY, `connection:
//! close`), then requests in flight end or meet the deadline, and last the admin door closes, which reported all this.

use std::time::Duration;

use tokio::sync::watch;

use crate::admin::{Condition, Readiness};

/// How long each part of going away may take.
#[derive(Clone, Copy, Debug)]
pub struct DrainPlan {
    /// Between readiness turning false and the doors closing: how far the cluster's endpoints may lag.
    pub grace: Duration,
    /// From the doors closing until requests that are still in flight are cut off.
    pub deadline: Duration,
}

/// How the going away ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every door closed within the deadline; what it cut off to do so is in the door's own report.
    InTime,
    /// A door was still open after the deadline. It is left behind.
    CutOff,
}

/// Begins the drain, once. The doors hold a [`Drain`] each.
#[derive(Debug)]
pub struct Drainer {
    plan: DrainPlan,
    serving: Condition,
    doors: watch::Sender<bool>,
    last: watch::Sender<bool>,
}

/// What one door watches to know when to close.
#[derive(Clone, Debug)]
pub struct Drain {
    closing: watch::Receiver<bool>,
    deadline: Duration,
}

impl Drainer {
    /// Adds the condition `serving` to `readiness`, met until the drain begins.
    pub fn new(plan: DrainPlan, readiness: &Readiness) -> Self {
        let serving = readiness.condition("serving", "starting");
        serving.met();
        Self {
            plan,
            serving,
            doors: watch::Sender::new(false),
            last: watch::Sender::new(false),
        }
    }

    /// For a door that closes after the grace.
    pub fn door(&self) -> Drain {
        Drain {
            closing: self.doors.subscribe(),
            deadline: self.plan.deadline,
        }
    }

    /// For the admin door, which closes when all others have.
    pub fn last_door(&self) -> Drain {
        Drain {
            closing: self.last.subscribe(),
            deadline: LAST_DOOR,
        }
    }

    /// Goes away: 1. not ready, 2. the grace, 3. the doors close, 4. they finish or the deadline passes, 5. the last door closes.
    pub async fn run(self) -> Drained {
        self.serving.unmet("draining");
        tokio::time::sleep(self.plan.grace).await;
        self.doors.send_replace(true);
        let drained = match tokio::time::timeout(self.plan.deadline + CUTTING_OFF, self.doors.closed()).await {
            Ok(()) => Drained::InTime,
            Err(_) => Drained::CutOff,
        };
        self.last.send_replace(true);
        drained
    }
}

/// The admin door answers in microseconds; nobody waits for it longer than this.
const LAST_DOOR: Duration = Duration::from_secs(1);

/// A door counts its own deadline; this much more lets it report what it cut off.
const CUTTING_OFF: Duration = Duration::from_millis(500);

impl Drain {
    /// Resolves when this door shall close, also when the [`Drainer`] is gone.
    pub async fn closing(&mut self) {
        // An error means that the sender is gone, which is as good as its word.
        let _gone = self.closing.wait_for(|closing| *closing).await;
    }

    /// From closing until what is in flight is cut off.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const STEP: Duration = Duration::from_millis(250);

    #[tokio::test]
    async fn readiness_falls_before_the_doors_close_and_the_admin_door_is_last() {
        let readiness = Readiness::new();
        let drainer = Drainer::new(
            DrainPlan {
                grace: STEP * 2,
                deadline: Duration::from_secs(60),
            },
            &readiness,
        );
        let (mut door, mut last) = (drainer.door(), drainer.last_door());
        assert!(readiness.is_ready());

        let began = Instant::now();
        let running = tokio::spawn(drainer.run());
        while readiness.is_ready() {
            tokio::task::yield_now().await;
        }
        assert!(began.elapsed() < STEP * 2);
        door.closing().await;
        assert!(began.elapsed() >= STEP * 2);
        assert!(tokio::time::timeout(STEP, last.closing()).await.is_err());
        drop(door);
        last.closing().await;
        assert_eq!(running.await.unwrap(), Drained::InTime);
    }

    #[tokio::test]
    async fn a_door_that_stays_open_is_waited_for_no_longer_than_the_deadline() {
        let drainer = Drainer::new(
            DrainPlan {
                grace: Duration::ZERO,
                deadline: STEP,
            },
            &Readiness::new(),
        );
        let _door = drainer.door();
        assert_eq!(drainer.run().await, Drained::CutOff);
    }

    #[tokio::test]
    async fn a_drainer_that_is_gone_closes_the_doors() {
        let plan = DrainPlan {
            grace: Duration::ZERO,
            deadline: Duration::ZERO,
        };
        let drainer = Drainer::new(plan, &Readiness::new());
        let mut door = drainer.door();
        drop(drainer);
        door.closing().await;
    }
}
