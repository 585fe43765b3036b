//! Waiting until something happens to a submission.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::rows::Submission;
use crate::{Store, StoreError};

/// How soon a step is seen that another replica made.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Store {
    /// The submission as soon as it has taken a step beyond `since`, and as it is when the wait is over. `None` if there is none.
    pub async fn watch(&self, id: &str, since: u64, wait: Duration) -> Result<Option<Submission>, StoreError> {
        let mut rung = self.rung.subscribe();
        let end = Instant::now() + wait;
        loop {
            rung.mark_unchanged();
            let submission = self.submission(id).await?;
            let moved = submission.as_ref().is_none_or(|submission| submission.version > since);
            if moved || Instant::now() >= end {
                return Ok(submission);
            }
            let next = end.min(Instant::now() + LOOK_EVERY);
            // Rung or not: it is looked at again.
            let _ = timeout_at(next, rung.changed()).await;
        }
    }
}
