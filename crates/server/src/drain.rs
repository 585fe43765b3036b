//! Going away without cutting anyone off.
//!
//! The order matters, because Kubernetes learns of it late: readiness turns false first, and for a grace everybody is still
//! answered while the endpoints lag behind, over HTTP/1.1 with `connection: close`; then the doors stop accepting and tell
//! their clients to go elsewhere (GOAWAY), then requests in flight end or meet the deadline, and last the admin door closes,
//! which reported all this.
//!
//! The grace is what an HTTP/1.1 client needs: it may send its next request at the very moment at which its idle connection
//! is closed, and a POST that was sent in vain is not sent again. An answer that says `close` leaves no such moment.

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
    doors: watch::Sender<Stage>,
    last: watch::Sender<Stage>,
}

/// How far the going away has come for a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Open,
    /// Everybody is answered, and told not to come back.
    Leaving,
    Closing,
}

/// What one door watches to know when to close.
#[derive(Clone, Debug)]
pub struct Drain {
    stage: watch::Receiver<Stage>,
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
            doors: watch::Sender::new(Stage::Open),
            last: watch::Sender::new(Stage::Open),
        }
    }

    /// For a door that closes after the grace.
    pub fn door(&self) -> Drain {
        Drain {
            stage: self.doors.subscribe(),
            deadline: self.plan.deadline,
        }
    }

    /// For the admin door, which closes when all others have.
    pub fn last_door(&self) -> Drain {
        Drain {
            stage: self.last.subscribe(),
            deadline: LAST_DOOR,
        }
    }

    /// Goes away: 1. not ready, 2. the grace, 3. the doors close, 4. they finish or the deadline passes, 5. the last door closes.
    pub async fn run(self) -> Drained {
        self.serving.unmet("draining");
        self.doors.send_replace(Stage::Leaving);
        tokio::time::sleep(self.plan.grace).await;
        self.doors.send_replace(Stage::Closing);
        let drained = match tokio::time::timeout(self.plan.deadline + CUTTING_OFF, self.doors.closed()).await {
            Ok(()) => Drained::InTime,
            Err(_) => Drained::CutOff,
        };
        self.last.send_replace(Stage::Closing);
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
        let _gone = self.stage.wait_for(|stage| *stage == Stage::Closing).await;
    }

    /// Whether clients should take their next request elsewhere: from the beginning of the grace.
    pub fn is_leaving(&self) -> bool {
        *self.stage.borrow() >= Stage::Leaving
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
        while !door.is_leaving() {
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
