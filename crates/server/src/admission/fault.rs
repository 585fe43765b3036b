//! A fault of ours while a review was answered: the one who asked is refused, in a review, and told whose fault it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use countersign_admission::{Response, refuse};
use countersign_policy::{Reason, ReasonCode};

use super::{Decision, Door, Phase};
use crate::metrics;

impl Door {
    /// Counted, logged and written down, as far as that does not panic, too. What was panicked about has logged itself.
    pub(super) fn refuse_for_fault(&self, phase: Phase, received: Instant, uid: Option<String>) -> Response {
        self.metrics.panicked(metrics::Door::Admission);
        tracing::error!(uid, "answering a review panicked; it was refused");
        let told = "answering the request broke off, for a fault in countersign";
        let reason = Reason::new(ReasonCode::ServerFault, told)
            .with_next("try again; if it goes on, report what the log of countersign says about `panicked`");
        // What the panicked request held was dropped with it; what it shared is behind locks that poison, or is swapped whole.
        let concluded = catch_unwind(AssertUnwindSafe(|| {
            let refused = Decision::refused(reason.clone(), uid.as_deref());
            self.conclude(&self.circumstances(phase, received), None, refused)
        }));
        concluded.unwrap_or_else(|_| refuse(uid.as_deref(), &reason))
    }
}
