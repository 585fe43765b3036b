//! A second try beside one that takes long: on a connection of its own, so that a connection that died without a word, or a
//! server behind one name that hangs, costs a moment and not the whole wait.
//!
//! The first try goes on: a registry that is merely slow answers it. The second is begun anew every moment, so that a
//! registry that comes back is noticed within one.

use std::time::{Duration, Instant};

use http::Method;
use tokio::time::timeout;

use super::{Answer, Call, Connection, Failure, HostState, Transport};

/// How many second tries one host gets at once. One that hangs is not asked twice by everybody who waits for it.
pub(super) const AT_ONCE: usize = 4;

impl Transport {
    /// One exchange, with second tries beside it where the question may be asked twice.
    pub(super) async fn exchange_in_time(
        &self,
        host: &HostState,
        call: &Call,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let first = self.exchange(call, Connection::Kept, deadline);
        if !matches!(call.method, Method::GET | Method::HEAD) {
            return first.await;
        }
        tokio::pin!(first);
        let moment = self.limits.moment;
        if let Ok(outcome) = timeout(moment, first.as_mut()).await {
            return outcome;
        }
        loop {
            let second = timeout(moment, self.second(host, call, moment, deadline));
            tokio::select! {
                biased;
                outcome = first.as_mut() => return outcome,
                second = second => if let Ok(answer) = second {
                    return Ok(answer);
                },
            }
        }
    }

    /// An answer that is better than waiting for the first try; there is none as long as this does not end.
    async fn second(&self, host: &HostState, call: &Call, moment: Duration, deadline: Instant) -> Answer {
        if let Ok(_permit) = host.second_tries.try_acquire()
            && let Ok(answer) = self
                .exchange(call, Connection::New, deadline.min(Instant::now() + moment))
                .await
            && answer.outage().is_none()
        {
            return answer;
        }
        std::future::pending().await
    }
}
